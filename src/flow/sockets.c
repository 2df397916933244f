/* SPDX-License-Identifier: Apache-2.0
 * sockets.c - see sockets.h: every function is the one of the same name in http/, behind a pointer without a type. */
#include "flow/sockets.h"

#include "base/clock.h"
#include "flow/exchange.h"

static int64_t now_ms(void *self)
{
    (void)self;
    return clock_unix_ms();
}

static int64_t monotonic_ns(void *self)
{
    (void)self;
    return clock_monotonic_ns();
}

static enum io read_caller(void *caller, struct span *bytes)
{
    return http_request_read(caller, bytes);
}
static enum err read_fault(void *caller)
{
    return http_request_fault(caller);
}
static void reply(void *caller, int status, const struct http_field *fields, size_t count, struct span body)
{
    http_reply(caller, status, fields, count, body);
}
static void reply_head(void *caller, int status, const struct http_field *fields, size_t count, int64_t length)
{
    http_reply_head(caller, status, fields, count, length);
}
static void reply_write(void *caller, struct span bytes)
{
    http_reply_write(caller, bytes);
}
static bool reply_room(void *caller)
{
    return http_reply_room(caller);
}
static void reply_end(void *caller, const struct http_field *trailers, size_t count)
{
    http_reply_end(caller, trailers, count);
}
static void reply_cut(void *caller)
{
    http_reply_cut(caller);
}
static void reply_upgrade(void *caller, const struct http_field *fields, size_t count)
{
    http_reply_upgrade(caller, fields, count);
}

static void wake(void *self)
{
    exchange_run(self);
}

static void *open_call(void *self, struct exchange *x, const struct http_origin *o, const struct http_deadlines *d)
{
    const struct sockets *s = self;
    return http_call_open(s->pool, o, d, wake, x);
}
static enum io ready(void *call)
{
    return http_call_ready(call);
}
static void upgrade(void *call)
{
    http_call_upgrade(call);
}
static void send_call(void *call, struct span head, struct span body, bool chunked, bool last)
{
    http_call_send(call, head, body, chunked, last);
}
static void write_call(void *call, struct span body, bool last)
{
    http_call_write(call, body, last);
}
static bool room(void *call)
{
    return http_call_room(call);
}
static enum io head(void *call, const struct http_head **h)
{
    return http_call_head(call, h);
}
static enum io read_answer(void *call, struct span *bytes)
{
    return http_call_read(call, bytes);
}
static enum err fault(void *call)
{
    return http_call_fault(call);
}
static bool sent(void *call)
{
    return http_call_sent(call);
}
static bool reused(void *call)
{
    return http_call_reused(call);
}
static void close_call(void *call)
{
    http_call_close(call);
}

void sockets_world(struct world *w)
{
    *w = (struct world){
        .now_ms = now_ms,
        .monotonic_ns = monotonic_ns,
        .read = read_caller,
        .read_fault = read_fault,
        .reply = reply,
        .reply_head = reply_head,
        .reply_write = reply_write,
        .reply_room = reply_room,
        .reply_end = reply_end,
        .reply_cut = reply_cut,
        .reply_upgrade = reply_upgrade,
        .open = open_call,
        .ready = ready,
        .upgrade = upgrade,
        .send = send_call,
        .write = write_call,
        .room = room,
        .head = head,
        .answer = read_answer,
        .fault = fault,
        .sent = sent,
        .reused = reused,
        .close = close_call,
    };
}
