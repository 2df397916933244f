/* SPDX-License-Identifier: Apache-2.0
 * call.c - the life of a call: a line, the request, the answer's head, its body, the end.
 *
 * wake() is only called from the loop (wire, timer, end of turn), never from a function the user called; after it the
 * call may be closed, which `dead` tells. */
#include "http/line.h"

#include <stdlib.h>

enum {
    SPARES = 1024,          /* closed calls kept for reuse */
    HEAD_SLACK = 64 * 1024, /* of the head's arena beyond the head: the field table */
    INFORMATIONAL = 32,     /* 1xx answers before the real one */
    KEEP_MARGIN_MS = 1000   /* we give an idle line up this much before its peer said it would */
};

/* ---- failing, waking, watching ---- */

void call_fail(struct http_call *c, enum err why)
{
    struct line *l = c->line;
    if (c->state == CALL_FAILED)
        return;
    c->state = CALL_FAILED;
    c->fault = why;
    timer_clear(&c->timer);
    list_remove(&c->link);
    c->line = NULL;
    if (l == NULL)
        return;
    l->call = NULL;
    line_close(l);
}

static void wake(struct http_call *c)
{
    c->wants = false;
    later_clear(&c->ring);
    c->wake(c->self);
}

static void ring(struct later *j)
{
    wake(CONTAINER_OF(j, struct http_call, ring));
}

static void fail_and_wake(struct http_call *c, enum err why)
{
    call_fail(c, why);
    wake(c);
}

/* Broken off: before anything was sent it is as if the vendor had not been there. */
static enum err broken(const struct http_call *c)
{
    return c->sent ? E_UPSTREAM_BROKEN : E_UPSTREAM_UNREACHABLE;
}

static uint64_t taken(const struct http_call *c)
{
    return c->line->written - wire_queued(c->line->wire);
}

static void watch_for(struct http_call *c, enum call_watch what, int64_t ms)
{
    c->watch = what;
    timer_set(c->pool->loop, &c->timer, ms);
}

/* Sets the timer that fits what is awaited now. */
static void watch(struct http_call *c)
{
    if (wire_queued(c->line->wire) > 0) {
        if (c->watch == CALL_WATCH_SEND)
            return; /* it looks for progress when it fires */
        c->watch_mark = taken(c);
        watch_for(c, CALL_WATCH_SEND, c->deadlines.send_ms);
    } else if (!c->headed && (c->last || c->upgrades)) {
        if (c->watch != CALL_WATCH_HEAD)
            watch_for(c, CALL_WATCH_HEAD, c->deadlines.first_byte_ms);
    } else if (c->headed && c->wants && !c->body.over) {
        watch_for(c, CALL_WATCH_BODY, c->deadlines.idle_ms);
    } else if (c->watch != CALL_WATCH_NONE) {
        c->watch = CALL_WATCH_NONE;
        timer_clear(&c->timer);
    }
}

static void on_timer(struct timer *t)
{
    struct http_call *c = CONTAINER_OF(t, struct http_call, timer);
    bool sending = c->watch == CALL_WATCH_SEND;
    c->watch = CALL_WATCH_NONE;
    if (sending && (wire_queued(c->line->wire) == 0 || taken(c) != c->watch_mark))
        watch(c);
    else
        fail_and_wake(c, E_UPSTREAM_TIMEOUT);
}

/* ---- the answer ---- */

static bool start_body(struct http_call *c)
{
    const struct http_head *h = &c->head;
    if (h->status == 101)
        body_init(&c->body, BODY_CLOSE, 0);
    else if (c->bodiless || h->status == 204 || h->status == 304)
        body_init(&c->body, BODY_NONE, 0);
    else if (h->chunked)
        body_init(&c->body, BODY_CHUNKED, 0);
    else if (h->length >= 0)
        body_init(&c->body, BODY_LENGTH, h->length);
    else if (!h->keep_alive)
        body_init(&c->body, BODY_CLOSE, 0);
    else
        return false; /* no telling where it ends */
    c->headed = true;
    return true;
}

static void arena_again(struct http_call *c)
{
    arena_free(&c->arena);
    arena_init(&c->arena, c->pool->limits.head_bytes + HEAD_SLACK);
}

/* Next head, 1xx included. */
static bool speaks_http(struct span in)
{
    struct span start = SPAN("HTTP/1.");
    return span_starts(start, span_first(in, start.len));
}

static enum io take_head(struct http_call *c)
{
    const struct http_pool_limits *l = &c->pool->limits;
    struct parse_limits limits = { l->head_bytes, l->fields, l->head_bytes };
    struct refusal why;
    size_t len = 0;
    if (c->in.unread.len == 0)
        return IO_WAIT;
    if (!speaks_http(c->in.unread)) /* it will never send a head: do not wait for one */
        return IO_FAILED;
    enum io io = parse_scan(&c->scan, c->in.unread, &limits, &len, &why);
    if (io != IO_BYTES)
        return io;
    if (!parse_answer(&c->arena, span_first(c->in.unread, len), c->scan.lines, &c->head, &why))
        return IO_FAILED;
    c->in.unread = span_from(c->in.unread, len);
    c->scan = (struct head_scan){ 0 };
    return IO_BYTES;
}

static enum io take_heads(struct http_call *c)
{
    enum io io;
    while ((io = take_head(c)) == IO_BYTES) {
        if (c->head.status >= 200 || (c->head.status == 101 && c->upgrades))
            return start_body(c) ? IO_BYTES : IO_FAILED;
        if (c->head.status == 101 || c->informational++ == INFORMATIONAL)
            return IO_FAILED;
        arena_again(c);
    }
    return io;
}

/* ---- from the wire; self is the line ---- */

/* The turn ends: what was not taken is kept, within bounds. */
static void settle(struct http_call *c)
{
    c->dead = NULL;
    if (c->state == CALL_FAILED)
        return;
    if (!intake_keep(&c->in)) {
        fail_and_wake(c, E_UPSTREAM_BROKEN);
        return;
    }
    if (!c->headed || c->in.unread.len < INTAKE_HIGH || c->line->paused) /* a head has a bound of its own */
        return;
    c->line->paused = true;
    wire_pause(c->line->wire);
}

static void take_bytes(struct http_call *c)
{
    bool dead = false;
    c->dead = &dead;
    if (c->headed) {
        if (c->wants)
            wake(c);
    } else {
        enum io io = take_heads(c);
        if (io == IO_FAILED)
            call_fail(c, E_UPSTREAM_BROKEN);
        else if (io == IO_BYTES)
            watch(c);
        if (io != IO_WAIT)
            wake(c);
    }
    if (!dead)
        settle(c);
}

static void on_bytes(void *self, struct span in)
{
    struct line *l = self;
    struct http_call *c = l->call;
    if (c == NULL) {
        line_close(l); /* nobody asked */
        return;
    }
    if (!c->sent || !intake_add(&c->in, in)) {
        fail_and_wake(c, broken(c));
        return;
    }
    take_bytes(c);
}

static void on_ended(void *self, enum err why)
{
    struct line *l = self;
    struct http_call *c = l->call;
    if (c == NULL) {
        line_close(l);
        return;
    }
    if (!c->headed) {
        fail_and_wake(c, broken(c));
        return;
    }
    c->over_why = c->over ? c->over_why : why;
    c->over = true;
    wake(c);
}

static void on_drained(void *self)
{
    struct line *l = self;
    if (l->call == NULL)
        return;
    watch(l->call);
    wake(l->call);
}

static void on_opened(void *self, enum err why)
{
    struct line *l = self;
    struct http_call *c = l->call;
    must(c != NULL);
    if (why != E_OK) {
        fail_and_wake(c, why);
        return;
    }
    call_attach(c, l);
    wake(c);
}

const struct wire_user call_wire_user = { .opened = on_opened, .bytes = on_bytes, .ended = on_ended, .drained = on_drained };

/* ---- opening ---- */

static struct http_call *obtain(struct http_pool *p)
{
    struct http_call *c;
    if (!list_empty(&p->spare)) {
        c = CONTAINER_OF(p->spare.next, struct http_call, link);
        list_remove(&c->link);
        p->spares--;
        return c;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->pool = p;
    list_init(&c->link);
    later_init(&c->ring, ring);
    timer_init(&c->timer, on_timer);
    intake_init(&c->in);
    return c;
}

static struct place *find_place(struct http_pool *p, struct span name)
{
    struct place *at = map_get(&p->places, name);
    if (at)
        return at;
    at = malloc(sizeof(*at) + name.len);
    if (at == NULL)
        return NULL;
    *at = (struct place){ .name = { (char *)(at + 1), name.len } };
    memcpy(at + 1, name.at, name.len);
    list_init(&at->idle);
    list_init(&at->waiting);
    if (map_put(&p->places, at->name, at))
        return at;
    free(at);
    return NULL;
}

static void start(struct http_call *c)
{
    c->line = NULL;
    c->dead = NULL;
    c->state = CALL_WAITING;
    c->watch = CALL_WATCH_NONE;
    c->fault = E_OK;
    c->reused = c->sent = c->bodiless = c->upgrades = c->chunked = c->last = c->headed = c->wants = c->over = false;
    c->over_why = E_OK;
    c->informational = 0;
    c->scan = (struct head_scan){ 0 };
    arena_init(&c->arena, c->pool->limits.head_bytes + HEAD_SLACK);
    timer_set(c->pool->loop, &c->timer, c->deadlines.connect_ms);
}

struct http_call *http_call_open(
    struct http_pool *p, const struct http_origin *o, const struct http_deadlines *d, void (*wake_it)(void *self), void *self)
{
    struct place *at = find_place(p, o->name);
    struct http_call *c = at ? obtain(p) : NULL;
    if (c == NULL)
        return NULL;
    c->place = at;
    c->origin = o;
    c->deadlines = *d;
    c->wake = wake_it;
    c->self = self;
    p->calls++;
    start(c);
    pool_obtain(c);
    return c;
}

void call_attach(struct http_call *c, struct line *l)
{
    c->line = l;
    l->call = c;
    c->reused = l->served;
    c->state = CALL_READY;
    timer_clear(&c->timer);
}

enum io http_call_ready(struct http_call *c)
{
    if (c->state == CALL_FAILED)
        return IO_FAILED;
    return c->state == CALL_WAITING ? IO_WAIT : IO_BYTES;
}

/* ---- sending ---- */

static void send_run(struct http_call *c, struct span head, struct span body, bool last)
{
    char text[CHUNK_HEAD];
    struct span parts[5], end = SPAN("0\r\n\r\n");
    size_t n = 0;
    if (head.len > 0)
        parts[n++] = head;
    if (body.len > 0 && c->chunked)
        parts[n++] = body_chunk_head(body.len, text);
    if (body.len > 0)
        parts[n++] = body;
    if (body.len > 0 && c->chunked)
        parts[n++] = last ? SPAN("\r\n0\r\n\r\n") : SPAN("\r\n");
    else if (c->chunked && last)
        parts[n++] = end;
    c->last = last;
    for (size_t i = 0; i < n; i++)
        c->line->written += parts[i].len;
    if (n > 0)
        wire_write(c->line->wire, parts, n);
    watch(c);
}

void http_call_send(struct http_call *c, struct span head, struct span body, bool chunked, bool last)
{
    if (c->state == CALL_FAILED)
        return; /* the line broke since it was ready; the next question says so */
    must(c->state == CALL_READY);
    c->state = CALL_SENT;
    c->sent = true;
    c->chunked = chunked;
    c->bodiless = span_starts(head, SPAN("HEAD "));
    send_run(c, head, body, last);
}

void http_call_write(struct http_call *c, struct span body, bool last)
{
    if (c->state == CALL_FAILED)
        return;
    must(c->state == CALL_SENT && !c->last);
    send_run(c, SPAN_NONE, body, last);
}

bool http_call_room(const struct http_call *c)
{
    return c->line == NULL || wire_has_room(c->line->wire);
}

/* ---- receiving ---- */

enum io http_call_head(struct http_call *c, const struct http_head **head)
{
    *head = c->headed ? &c->head : NULL; /* before that it is the last call's, or half a head */
    if (c->headed)
        return IO_BYTES;
    if (c->state == CALL_FAILED)
        return IO_FAILED;
    c->wants = true;
    return IO_WAIT;
}

/* Nothing is there and nothing will come. */
static enum io cut_short(struct http_call *c)
{
    if (c->body.kind == BODY_CLOSE && c->over_why == E_OK) {
        c->body.over = true;
        return IO_END;
    }
    call_fail(c, E_UPSTREAM_BROKEN);
    return IO_FAILED;
}

enum io http_call_read(struct http_call *c, struct span *bytes)
{
    *bytes = SPAN_NONE;
    if (c->state == CALL_FAILED)
        return IO_FAILED;
    must(c->headed);
    enum io io = body_next(&c->body, &c->in.unread, bytes);
    if (io == IO_FAILED)
        call_fail(c, E_UPSTREAM_BROKEN);
    if (io != IO_WAIT)
        return io;
    if (c->over)
        return cut_short(c);
    c->wants = true;
    if (c->line->paused)
        wire_resume(c->line->wire);
    c->line->paused = false;
    watch(c);
    return IO_WAIT;
}

enum err http_call_fault(const struct http_call *c)
{
    return c->fault;
}

bool http_call_sent(const struct http_call *c)
{
    return c->sent;
}

bool http_call_reused(const struct http_call *c)
{
    return c->reused;
}

/* ---- closing ---- */

/* "timeout=5": the peer closes an idle connection after so many seconds; a request of ours would cross its FIN. */
static int64_t idle_time(const struct http_call *c)
{
    int64_t ms = c->pool->limits.idle_ms;
    struct span rest = http_get(&c->head, SPAN("keep-alive")), piece;
    while (span_next(&rest, ',', &piece)) {
        uint64_t seconds;
        piece = span_trim(piece);
        if (!span_starts(piece, SPAN("timeout=")) || !span_to_u64(span_from(piece, 8), &seconds) || seconds > 86400)
            continue;
        int64_t said = (int64_t)seconds * 1000 - KEEP_MARGIN_MS;
        ms = said < ms ? said : ms;
    }
    return ms;
}

static bool ended_cleanly(struct http_call *c)
{
    struct span run;
    if (c->state != CALL_SENT || !c->headed || !c->last || c->over || !c->head.keep_alive)
        return false;
    /* The terminating chunk may stand unread behind the last run. */
    if (body_next(&c->body, &c->in.unread, &run) != IO_END)
        return false;
    c->line->idle_ms = idle_time(c);
    return c->in.unread.len == 0 && wire_queued(c->line->wire) == 0 && c->line->idle_ms > 0;
}

static void put_aside(struct http_call *c)
{
    struct http_pool *p = c->pool;
    p->calls--;
    arena_free(&c->arena);
    intake_clear(&c->in);
    if (p->spares >= SPARES) {
        intake_free(&c->in);
        free(c);
        return;
    }
    p->spares++;
    list_add_first(&p->spare, &c->link);
}

void http_call_close(struct http_call *c)
{
    struct line *l = c->line;
    bool clean = l && ended_cleanly(c), upgraded = c->upgrades;
    if (c->dead)
        *c->dead = true;
    c->dead = NULL;
    timer_clear(&c->timer);
    later_clear(&c->ring);
    list_remove(&c->link);
    c->line = NULL;
    put_aside(c);
    if (l == NULL)
        return;
    l->call = NULL;
    if (clean)
        line_rest(l);
    else if (upgraded)
        line_leave(l);
    else
        line_close(l);
}
