/* SPDX-License-Identifier: Apache-2.0
 * sse.c - see sse.h. The concatenation of all raw spans, and sse_rest, is the stream, byte for byte.
 *
 * A CR at the end of what came may be half of a CRLF, so the line it ends is not ended before the next byte. */
#include "http/sse.h"

#include "base/must.h"

/* s->scanned when the event in `partial` was handed out and may go. */
static const size_t HANDED_OUT = SIZE_MAX;

/* So much is appended at a time while the end of a split event is looked for. */
enum { STRIDE = 4096 };

void sse_init(struct sse *s, size_t ceiling)
{
    *s = (struct sse){ 0 };
    buf_init(&s->partial, ceiling);
    buf_init(&s->data, ceiling);
}

void sse_free(struct sse *s)
{
    buf_free(&s->partial);
    buf_free(&s->data);
}

struct span sse_rest(const struct sse *s)
{
    return s->scanned == HANDED_OUT ? SPAN("") : buf_span(&s->partial);
}

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

/* First line end at or after `from`; in.len: none. */
static size_t line_end(struct span in, size_t from)
{
    const char *lf = memchr(in.at + from, '\n', in.len - from);
    size_t stop = lf ? (size_t)(lf - in.at) : in.len;
    const char *cr = memchr(in.at + from, '\r', stop - from);
    return cr ? (size_t)(cr - in.at) : stop;
}

/* Where the event that starts `in` ends; 0: not in here, and *scanned says where to go on. */
static size_t event_end(struct span in, size_t *scanned)
{
    size_t at = *scanned;
    for (;;) {
        bool fresh = at == 0 || is_end(in.at[at - 1]); /* at a line's start */
        size_t end = line_end(in, at);
        *scanned = end;
        if (end == in.len || (in.at[end] == '\r' && end + 1 == in.len))
            return 0;
        size_t next = end + (in.at[end] == '\r' && in.at[end + 1] == '\n' ? 2 : 1);
        if (fresh && end == at)
            return next;
        at = next;
    }
}

/* ---- fields ---- */

static bool cut_line(struct span *rest, struct span *line)
{
    if (rest->len == 0)
        return false;
    size_t end = line_end(*rest, 0);
    *line = span_first(*rest, end);
    size_t next = end;
    if (next < rest->len)
        next += rest->at[end] == '\r' && end + 1 < rest->len && rest->at[end + 1] == '\n' ? 2 : 1;
    *rest = span_from(*rest, next);
    return true;
}

/* One data line is given as it stands in the event; more are joined in s->data. */
static void take_data(struct sse *s, struct sse_event *out, struct span value, size_t nth)
{
    if (nth == 0) {
        out->data = value;
        return;
    }
    if (nth == 1) {
        buf_clear(&s->data);
        buf_put(&s->data, out->data);
    }
    buf_put_byte(&s->data, '\n');
    buf_put(&s->data, value);
    out->data = buf_span(&s->data);
}

static bool read_event(struct sse *s, struct span raw, struct sse_event *out)
{
    struct span rest = raw, line;
    size_t datas = 0;
    *out = (struct sse_event){ raw, SPAN_NONE, SPAN_NONE };
    if (!s->started && span_starts(rest, SPAN("\xEF\xBB\xBF")))
        rest = span_from(rest, 3);
    s->started = true;
    while (cut_line(&rest, &line)) {
        struct span name = line, value = line;
        if (span_cut(&value, ':', &name))
            value = span_starts(value, SPAN(" ")) ? span_from(value, 1) : value;
        else
            value = SPAN("");
        if (span_is(name, SPAN("data")))
            take_data(s, out, value, datas++);
        else if (span_is(name, SPAN("event")))
            out->name = value;
    }
    s->partial.broken = s->partial.broken || s->data.broken;
    return !s->partial.broken;
}

/* ---- runs ---- */

/* A line that ends in LF alone, as nearly all do. */
static bool cut_plain(struct span *rest, struct span *line)
{
    return span_cut(rest, '\n', line) && span_find_byte(*line, '\r') < 0;
}

static struct span after_colon(struct span line, size_t colon)
{
    struct span value = span_from(line, colon + 1);
    return span_starts(value, SPAN(" ")) ? span_from(value, 1) : value;
}

/* The event that starts `in`, where it is as models write them: one line of data, at most its name before it. Its length; 0: look closer. */
static size_t read_plain(struct span in, struct sse_event *out)
{
    struct span rest = in, line = SPAN(""), name = SPAN_NONE;
    if (span_starts(rest, SPAN("event:"))) {
        if (!cut_plain(&rest, &line))
            return 0;
        name = after_colon(line, strlen("event"));
    }
    if (!span_starts(rest, SPAN("data:")) || !cut_plain(&rest, &line) || !span_starts(rest, SPAN("\n")))
        return 0;
    size_t len = in.len - rest.len + 1;
    *out = (struct sse_event){ span_first(in, len), name, after_colon(line, strlen("data")) };
    return len;
}

static void drop_handed_out(struct sse *s)
{
    if (s->scanned != HANDED_OUT)
        return;
    buf_clear(&s->partial);
    s->scanned = 0;
}

/* Goes on with an event whose beginning is in `partial`. */
static bool next_split(struct sse *s, struct span *in, struct sse_event *out)
{
    while (in->len > 0) {
        struct span piece = span_first(*in, STRIDE);
        buf_put(&s->partial, piece);
        if (s->partial.broken)
            return false;
        size_t end = event_end(buf_span(&s->partial), &s->scanned);
        if (end == 0) {
            *in = span_from(*in, piece.len);
            continue;
        }
        *in = span_from(*in, piece.len - (s->partial.len - end));
        s->partial.len = end;
        s->scanned = HANDED_OUT;
        return read_event(s, buf_span(&s->partial), out);
    }
    return false;
}

bool sse_next(struct sse *s, struct span *in, struct sse_event *out)
{
    drop_handed_out(s);
    if (s->partial.broken || in->len == 0)
        return false;
    if (s->partial.len > 0)
        return next_split(s, in, out);
    size_t end = read_plain(*in, out);
    if (end > 0 && end <= s->partial.ceiling) {
        s->started = true;
        *in = span_from(*in, end);
        return true;
    }
    end = event_end(*in, &s->scanned);
    if (end > 0) {
        struct span raw = span_first(*in, end);
        s->scanned = 0;
        s->partial.broken = end > s->partial.ceiling;
        *in = span_from(*in, end);
        return read_event(s, raw, out);
    }
    buf_put(&s->partial, *in);
    *in = span_from(*in, in->len);
    return false;
}
