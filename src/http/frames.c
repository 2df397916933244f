/* SPDX-License-Identifier: Apache-2.0
 * frames.c - see frames.h.
 *
 * A message of Amazon's event stream, numbers in network order: its length (4), that of its headers (4), a CRC of these eight bytes
 * (4), headers, payload, a CRC of everything before it (4). A header: length of its name (1), name, kind of its value (1), value. The
 * lengths are believed only after their CRC was checked, and nothing is read past the room that they leave. */
#include "http/frames.h"

#include <zlib.h>

#include "base/json.h"
#include "base/must.h"

static const char too_large[] = "a piece is larger than allowed";

void frames_init(struct frames *f, enum framing framing, size_t ceiling)
{
    *f = (struct frames){ .framing = framing };
    sse_init(&f->sse, ceiling);
    buf_init(&f->partial, ceiling);
    buf_init(&f->piece, ceiling);
}

void frames_free(struct frames *f)
{
    sse_free(&f->sse);
    buf_free(&f->partial);
    buf_free(&f->piece);
}

static bool refuse(struct frames *f, const char *why)
{
    f->broken = why;
    return false;
}

/* Moves up to n bytes to the beginning of a piece. False: the ceiling. */
static bool move(struct frames *f, struct span *in, size_t n)
{
    struct span taken = span_first(*in, n);
    buf_put(&f->partial, taken);
    *in = span_from(*in, taken.len);
    return !f->partial.broken || refuse(f, too_large);
}

/* ---- event streams ---- */

static bool next_sse(struct frames *f, struct span *in, struct sse_event *out)
{
    bool got = sse_next(&f->sse, in, out);
    return !f->sse.partial.broken ? got : refuse(f, too_large);
}

/* ---- lines ---- */

static struct span without_blanks(struct span line)
{
    while (line.len && memchr(" \t\r\n", line.at[line.len - 1], 4))
        line.len--;
    while (line.len && memchr(" \t\r\n", line.at[0], 4))
        line = span_from(line, 1);
    return line;
}

static bool next_line(struct frames *f, struct span *in, struct sse_event *out)
{
    while (in->len > 0) {
        ptrdiff_t end = span_find_byte(*in, '\n');
        if (!move(f, in, end < 0 ? in->len : (size_t)end + 1) || end < 0)
            return false;
        struct span raw = buf_span(&f->partial), line = without_blanks(raw);
        if (line.len == 0) {
            buf_clear(&f->partial);
            continue;
        }
        *out = (struct sse_event){ .raw = raw, .name = SPAN_NONE, .data = line };
        f->handed_out = true;
        return true;
    }
    return false;
}

/* ---- Amazon's event stream ---- */

enum {
    AWS_PRELUDE = 12,
    AWS_LEAST = 16,            /* prelude and the message's CRC */
    AWS_HEADERS_MOST = 131072, /* the most that AWS allows; of the whole message, the caller's ceiling is */
};

enum { VALUE_TRUE, VALUE_FALSE, VALUE_BYTE, VALUE_SHORT, VALUE_INT, VALUE_LONG, VALUE_BYTES, VALUE_STRING, VALUE_TIME, VALUE_UUID, VALUE_KINDS };

struct aws_message {
    struct span type, event, exception, code, text; /* headers; SPAN_NONE: absent */
    struct span payload;
};

static uint32_t number_at(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t crc_of(const char *at, size_t len) { return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)at, len); }

static bool check_prelude(struct frames *f)
{
    const char *at = f->partial.at;
    if (crc_of(at, 8) != number_at(at + 8))
        return refuse(f, "an event stream message begins with a wrong checksum");
    uint32_t total = number_at(at), headers = number_at(at + 4);
    if (total < AWS_LEAST || headers > total - AWS_LEAST || headers > AWS_HEADERS_MOST)
        return refuse(f, "an event stream message has impossible lengths");
    return total <= f->partial.ceiling || refuse(f, too_large);
}

/* Takes n bytes off the front. False: there are fewer. */
static bool cut(struct span *in, size_t n, struct span *out)
{
    if (in->len < n)
        return false;
    *out = span_first(*in, n);
    *in = span_from(*in, n);
    return true;
}

/* Takes a header's value off the front; *out stays SPAN_NONE unless it is a string. */
static bool cut_value(struct span *in, unsigned kind, struct span *out)
{
    static const size_t sizes[VALUE_KINDS] = { [VALUE_BYTE] = 1, [VALUE_SHORT] = 2, [VALUE_INT] = 4, [VALUE_LONG] = 8, [VALUE_TIME] = 8, [VALUE_UUID] = 16 };
    struct span value = SPAN_NONE, length;
    *out = SPAN_NONE;
    if (kind >= VALUE_KINDS)
        return false;
    if (kind != VALUE_BYTES && kind != VALUE_STRING)
        return cut(in, sizes[kind], &value);
    if (!cut(in, 2, &length) || !cut(in, (size_t)(unsigned char)length.at[0] << 8 | (unsigned char)length.at[1], &value))
        return false;
    if (kind == VALUE_STRING)
        *out = value;
    return true;
}

static void note_header(struct aws_message *m, struct span name, struct span value)
{
    if (span_is(name, SPAN(":message-type")))
        m->type = value;
    else if (span_is(name, SPAN(":event-type")))
        m->event = value;
    else if (span_is(name, SPAN(":exception-type")))
        m->exception = value;
    else if (span_is(name, SPAN(":error-code")))
        m->code = value;
    else if (span_is(name, SPAN(":error-message")))
        m->text = value;
}

static bool read_headers(struct span in, struct aws_message *m)
{
    struct span length, name, kind, value;
    while (in.len) {
        if (!cut(&in, 1, &length) || !cut(&in, (unsigned char)length.at[0], &name) || !cut(&in, 1, &kind) ||
            !cut_value(&in, (unsigned char)kind.at[0], &value))
            return false;
        note_header(m, name, value);
    }
    return true;
}

/* What a message of the type "error" says in its headers, as a payload. */
static struct span error_payload(struct frames *f, const struct aws_message *m)
{
    struct json_out o = json_out(&f->piece);
    buf_clear(&f->piece);
    json_open(&o, '{');
    json_pair(&o, SPAN("code"), m->code);
    json_pair(&o, SPAN("message"), m->text);
    json_close(&o, '}');
    return buf_span(&f->piece);
}

static bool give(struct frames *f, const struct aws_message *m, struct sse_event *out)
{
    *out = (struct sse_event){ .raw = buf_span(&f->partial), .name = m->event, .data = m->payload };
    if (span_is(m->type, SPAN("exception")))
        out->name = m->exception;
    else if (span_is(m->type, SPAN("error"))) {
        out->name = SPAN("error");
        out->data = error_payload(f, m);
    } else if (!span_is(m->type, SPAN("event")))
        return refuse(f, "an event stream message is of no known type");
    if (!out->name.at)
        return refuse(f, "an event stream message has no name");
    f->handed_out = true;
    return !f->piece.broken || refuse(f, too_large);
}

static bool read_message(struct frames *f, struct sse_event *out)
{
    struct aws_message m = { 0 };
    struct span whole = buf_span(&f->partial);
    size_t headers = number_at(whole.at + 4), before = whole.len - 4;
    if (crc_of(whole.at, before) != number_at(whole.at + before))
        return refuse(f, "an event stream message has a wrong checksum");
    if (!read_headers(span_make(whole.at + AWS_PRELUDE, headers), &m))
        return refuse(f, "an event stream message has headers that cannot be read");
    m.payload = span_make(whole.at + AWS_PRELUDE + headers, before - AWS_PRELUDE - headers);
    return give(f, &m, out);
}

static bool next_aws(struct frames *f, struct span *in, struct sse_event *out)
{
    while (in->len > 0) {
        bool prelude = f->partial.len < AWS_PRELUDE;
        size_t whole = prelude ? AWS_PRELUDE : number_at(f->partial.at);
        if (!move(f, in, whole - f->partial.len))
            return false;
        if (f->partial.len < whole)
            continue;
        if (!prelude)
            return read_message(f, out);
        if (!check_prelude(f))
            return false;
    }
    return false;
}

static void put_number(char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(n >> (24 - 8 * i));
}

static void put_header(struct buf *out, struct span name, struct span value)
{
    must(name.len < 256 && value.len < 32768);
    buf_put_byte(out, (char)name.len);
    buf_put(out, name);
    buf_put_byte(out, VALUE_STRING);
    buf_put_byte(out, (char)(value.len >> 8));
    buf_put_byte(out, (char)value.len);
    buf_put(out, value);
}

void frames_put_aws(struct buf *out, struct span kind, struct span name, struct span payload)
{
    char number[AWS_PRELUDE] = { 0 };
    size_t from = out->len;
    buf_put(out, span_make(number, AWS_PRELUDE));
    put_header(out, span_is(kind, SPAN("exception")) ? SPAN(":exception-type") : SPAN(":event-type"), name);
    put_header(out, SPAN(":content-type"), SPAN("application/json"));
    put_header(out, SPAN(":message-type"), kind);
    size_t headers = out->len - from - AWS_PRELUDE;
    buf_put(out, payload);
    if (out->broken)
        return;
    put_number(out->at + from, (uint32_t)(out->len - from + 4));
    put_number(out->at + from + 4, (uint32_t)headers);
    put_number(out->at + from + 8, crc_of(out->at + from, 8));
    put_number(number, crc_of(out->at + from, out->len - from));
    buf_put(out, span_make(number, 4));
}

bool frames_next(struct frames *f, struct span *in, struct sse_event *out)
{
    if (f->broken)
        return false;
    if (f->handed_out)
        buf_clear(&f->partial);
    f->handed_out = false;
    switch (f->framing) {
    case FRAMING_LINES:
        return next_line(f, in, out);
    case FRAMING_AWS:
        return next_aws(f, in, out);
    case FRAMING_SSE:
        break;
    }
    return next_sse(f, in, out);
}

bool frames_rest(const struct frames *f)
{
    if (f->framing == FRAMING_SSE)
        return sse_rest(&f->sse).len > 0;
    return f->partial.len > 0 && !f->handed_out;
}

struct span frames_type(enum framing framing)
{
    static const struct span types[] = { { "text/event-stream", 17 }, { "application/x-ndjson", 20 }, { "application/vnd.amazon.eventstream", 34 } };
    return types[framing];
}
