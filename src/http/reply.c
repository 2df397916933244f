/* SPDX-License-Identifier: Apache-2.0
 * reply.c - composing and sending replies.
 *
 * The beginning of a reply is gathered in the server's one buffer ("corked") and leaves with the first larger run, at
 * the reply's end, when another reply begins, or when the loop's turn ends, whichever is first: so head and body, and
 * the small events of one turn, cost one system call. */
#include "http/conn.h"

#include <time.h>

/* ---- gathering ---- */

static void send_parts(struct http_request *c, const struct span *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        c->written += parts[i].len;
    wire_write(c->wire, parts, n);
    conn_watch(c);
}

/* What is gathered goes first, then the parts. */
static void send_all(struct http_request *c, const struct span *parts, size_t n)
{
    struct http_server *s = c->server;
    struct span all[8];
    size_t count = 0;
    must(n < sizeof(all) / sizeof(all[0]));
    if (s->corked == c && s->out.broken) { /* no memory for it: there is a hole now, which must not be sent over */
        c->lost = true;
        reply_forget(c);
    }
    if (c->lost)
        return;
    if (s->corked == c)
        all[count++] = buf_span(&s->out);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            all[count++] = parts[i];
    }
    if (count > 0)
        send_parts(c, all, count);
    if (s->corked != c)
        return;
    s->corked = NULL;
    buf_clear(&s->out);
}

void reply_flush(struct http_server *s)
{
    if (s->corked)
        send_all(s->corked, NULL, 0);
}

void reply_forget(struct http_request *c)
{
    struct http_server *s = c->server;
    if (s->corked != c)
        return;
    s->corked = NULL;
    buf_clear(&s->out);
}

/* The buffer is c's from here on, and is sent at the end of the turn at the latest. */
static struct buf *cork(struct http_request *c)
{
    struct http_server *s = c->server;
    if (s->corked == c)
        return &s->out;
    reply_flush(s);
    s->corked = c;
    loop_later(s->loop, &s->flush);
    return &s->out;
}

/* ---- heads ---- */

static void make_date(struct http_server *s, int64_t second)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t at = (time_t)second;
    struct tm t;
    must(gmtime_r(&at, &t) != NULL);
    int n = snprintf(s->date, sizeof(s->date), "date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday],
        t.tm_mday, months[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
    must(n == 37);
    s->date_second = second;
}

static void put_date(struct http_server *s)
{
    int64_t second = s->loop->now_ms / 1000;
    if (second != s->date_second)
        make_date(s, second);
    buf_put(&s->out, span_make(s->date, 37));
}

/* The server's own fields; a second one of them would split the reply. */
static bool is_framing(struct span name)
{
    switch (name.len) {
    case 4:
        return span_is_nocase(name, SPAN("date"));
    case 10:
        return span_is_nocase(name, SPAN("connection")) || span_is_nocase(name, SPAN("keep-alive"));
    case 14:
        return span_is_nocase(name, SPAN("content-length"));
    case 17:
        return span_is_nocase(name, SPAN("transfer-encoding"));
    default:
        return false;
    }
}

static void put_framing(struct http_request *c, int status, int64_t length, struct buf *out)
{
    bool bare = status == 204 || status == 304;
    c->empty = bare || span_is(c->head.method, SPAN("HEAD"));
    c->chunked = !bare && length < 0 && c->head.minor == 1;
    c->owed = c->empty ? -1 : length;
    if (!bare && length < 0 && c->head.minor == 0)
        c->close = true;
    if (c->chunked)
        buf_put(out, SPAN("transfer-encoding: chunked\r\n"));
    if (!bare && length >= 0) {
        buf_put(out, SPAN("content-length: "));
        buf_put_i64(out, length);
        buf_put(out, SPAN("\r\n"));
    }
    if (c->close)
        buf_put(out, SPAN("connection: close\r\n"));
    else if (c->head.minor == 0)
        buf_put(out, SPAN("connection: keep-alive\r\n"));
}

/* Whether the connection outlives this reply should be known when its head is written: a peer that is not told may send
 * its next request into a closing connection. `final`: nothing more of the body will be read. */
static bool must_close(const struct http_request *c, bool final)
{
    bool silent = !c->continued && c->in.unread.len == 0 && !c->body.over; /* it may send its body, or not: no telling */
    bool too_much = final && body_left(&c->body) > CONN_SKIP;
    return c->close || c->half || c->server->draining || c->fault != E_OK || silent || too_much;
}

static void put_head(
    struct http_request *c, int status, const struct http_field *fields, size_t count, int64_t length, bool final)
{
    must(c->state == CONN_BUSY && !c->replied && status >= 200);
    struct buf *out = cork(c);
    c->replied = true;
    c->close = must_close(c, final);
    http_put_status(out, status);
    put_date(c->server);
    for (size_t i = 0; i < count; i++) {
        if (!is_framing(fields[i].name))
            http_put_field(out, fields[i].name, fields[i].value);
    }
    put_framing(c, status, length, out);
    http_put_end(out);
}

/* ---- what the service calls ---- */

void http_reply_head(struct http_request *r, int status, const struct http_field *fields, size_t count, int64_t length)
{
    put_head(r, status, fields, count, length, false);
}

void http_reply_write(struct http_request *r, struct span bytes)
{
    char text[CHUNK_HEAD];
    must(r->state == CONN_BUSY && r->replied);
    if (r->empty || bytes.len == 0)
        return;
    if (r->owed >= 0) {
        must((uint64_t)r->owed >= bytes.len);
        r->owed -= (int64_t)bytes.len;
    }
    struct span before = r->chunked ? body_chunk_head(bytes.len, text) : SPAN("");
    struct span after = r->chunked ? SPAN("\r\n") : SPAN("");
    size_t gathered = r->server->corked == r ? r->server->out.len : 0;
    if (gathered + bytes.len > CONN_CORK) {
        struct span parts[] = { before, bytes, after };
        send_all(r, parts, 3);
        return;
    }
    struct buf *out = cork(r);
    buf_put(out, before);
    buf_put(out, bytes);
    buf_put(out, after);
}

bool http_reply_room(const struct http_request *r)
{
    return wire_has_room(r->wire);
}

static void put_trailers(struct http_request *r, const struct http_field *trailers, size_t count)
{
    struct buf *out = cork(r);
    buf_put(out, SPAN("0\r\n"));
    for (size_t i = 0; i < count; i++)
        http_put_field(out, trailers[i].name, trailers[i].value);
    buf_put(out, SPAN("\r\n"));
}

static void end(struct http_request *r)
{
    if (r->lost)
        http_reply_cut(r);
    else
        conn_finish(r);
}

void http_reply_end(struct http_request *r, const struct http_field *trailers, size_t count)
{
    must(r->state == CONN_BUSY && r->replied);
    if (r->chunked && !r->empty)
        put_trailers(r, trailers, count);
    /* A reply shorter than it promised must not look whole, nor the next one be read as its rest. */
    r->lost = r->lost || (r->owed > 0 && !r->empty);
    send_all(r, NULL, 0);
    end(r);
}

void http_reply(struct http_request *r, int status, const struct http_field *fields, size_t count, struct span body)
{
    put_head(r, status, fields, count, (int64_t)body.len, true);
    send_all(r, &body, r->empty ? 0 : 1);
    end(r);
}

void http_reply_cut(struct http_request *r)
{
    must(r->state == CONN_BUSY);
    reply_forget(r);
    conn_reset(r);
}

void reply_refuse(struct http_request *c, const struct refusal *why)
{
    struct buf *out = cork(c);
    char body[400];
    int n = snprintf(body, sizeof(body), "{\"error\":{\"type\":\"tollgate\",\"code\":\"%.*s\",\"message\":\"%.*s: %.*s\"}}\n",
        SPAN_ARG(err_code(why->why)), SPAN_ARG(err_text(why->why)), SPAN_ARG(why->detail));
    must(n > 0 && (size_t)n < sizeof(body));
    http_put_status(out, why->status);
    put_date(c->server);
    http_put_field(out, SPAN("content-type"), SPAN("application/json"));
    http_put_field(out, SPAN("x-tollgate-denied"), err_code(why->why));
    http_put_field(out, SPAN("x-should-retry"), SPAN("false"));
    buf_print(out, "content-length: %d\r\nconnection: close\r\n\r\n%s", n, body);
    send_all(c, NULL, 0);
}
