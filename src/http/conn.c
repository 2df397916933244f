/* SPDX-License-Identifier: Apache-2.0
 * conn.c - the life of a server's connection: bytes to heads, heads to requests, requests to their end.
 *
 * Whatever calls the service may come back with the connection gone; `dead` tells. Nothing here runs inside a function
 * that the service called: those only schedule `next`. */
#include "http/conn.h"

/* ---- going away ---- */

static void unhook(struct http_request *c)
{
    if (c->dead)
        *c->dead = true;
    c->dead = NULL;
    timer_clear(&c->timer);
    later_clear(&c->next);
    reply_forget(c);
    arena_free(&c->arena);
    intake_clear(&c->in);
    c->wire = NULL;
    server_release(c);
}

void conn_drop(struct http_request *c)
{
    struct wire *w = c->wire;
    wire_close(w);
    unhook(c);
}

void conn_reset(struct http_request *c)
{
    struct wire *w = c->wire;
    wire_reset(w);
    unhook(c);
}

void conn_leave(struct http_request *c)
{
    struct wire *w = c->wire;
    wire_close_flushed(w);
    unhook(c);
}

static uint64_t taken(const struct http_request *c)
{
    return c->written - wire_queued(c->wire);
}

/* We have said all; but closing while the peer sends would reset the connection and could take our last words away, and
 * a slow peer may still be reading them. */
static void linger(struct http_request *c)
{
    c->state = CONN_LINGER;
    c->linger = CONN_LINGER_BYTES;
    c->watch_mark = taken(c);
    intake_clear(&c->in);
    wire_shut(c->wire);
    conn_resume(c);
    timer_set(c->server->loop, &c->timer, wire_queued(c->wire) > 0 ? c->server->limits.write_ms : CONN_LINGER_MS);
}

/* The peer will not have its reply: its service must let go. */
static void lose(struct http_request *c)
{
    const struct http_request_user *user = c->state == CONN_BUSY ? c->user : NULL;
    void *mine = c->mine;
    conn_drop(c);
    if (user)
        user->gone(mine);
}

/* ---- between requests ---- */

static void await(struct http_request *c)
{
    c->state = CONN_IDLE;
    c->scan = (struct head_scan){ 0 };
    c->watch = WATCH_NONE;
    c->watch_mark = taken(c);
    timer_set(c->server->loop, &c->timer, c->server->draining ? CONN_LINGER_MS : c->server->limits.idle_ms);
}

/* A head that is being read has its own bound, which must be reached to be refused. */
static bool is_full(const struct http_request *c)
{
    bool reads_head = c->state == CONN_HEAD && wire_has_room(c->wire);
    return !reads_head && c->in.unread.len >= INTAKE_HIGH;
}

void conn_resume(struct http_request *c)
{
    if (!c->paused || is_full(c))
        return;
    c->paused = false;
    wire_resume(c->wire);
}

void conn_retire(struct http_request *c)
{
    bool quiet = c->half || (c->body.over && c->in.unread.len == 0 && !c->paused);
    if (quiet && wire_queued(c->wire) == 0)
        conn_leave(c);
    else
        linger(c);
}

static void arena_again(struct http_request *c)
{
    arena_free(&c->arena);
    arena_init(&c->arena, c->server->limits.head_bytes + CONN_HEAD_SLACK);
}

void conn_finish(struct http_request *c)
{
    struct http_server *s = c->server;
    must(c->state == CONN_BUSY);
    bool keep = !c->close && !c->half && !s->draining && c->fault == E_OK;
    if (!keep || (!c->body.over && body_left(&c->body) > CONN_SKIP)) {
        conn_retire(c);
        return;
    }
    arena_again(c);
    c->user = NULL;
    await(c);
    if (!c->body.over) {
        c->state = CONN_SKIP_BODY;
        c->linger = CONN_SKIP;
        timer_set(s->loop, &c->timer, s->limits.body_ms);
    }
    if (!c->turning && (c->in.unread.len > 0 || c->paused))
        loop_later(s->loop, &c->next);
}

/* The rest of a body nobody read. False: the connection is not ours any more, or there must come more first. */
static bool skip_body(struct http_request *c)
{
    struct span run;
    enum io io;
    while ((io = body_next(&c->body, &c->in.unread, &run)) == IO_BYTES)
        c->linger -= (int64_t)run.len;
    if (io == IO_FAILED || c->linger < 0) {
        linger(c);
        return false;
    }
    if (io == IO_WAIT)
        return false;
    await(c);
    return true;
}

/* ---- heads ---- */

static void refuse(struct http_request *c, const struct refusal *why)
{
    struct http_service *service = &c->server->service;
    reply_refuse(c, why);
    if (service->refused)
        service->refused(service->self, wire_peer(c->wire), why->why, why->status, why->detail);
    linger(c);
}

static void begin(struct http_request *c)
{
    struct http_service *service = &c->server->service;
    struct http_head *h = &c->head;
    bool counted = h->length > 0;
    body_init(&c->body, h->chunked ? BODY_CHUNKED : counted ? BODY_LENGTH : BODY_NONE, h->length);
    c->state = CONN_BUSY;
    c->watch = WATCH_NONE;
    c->user = NULL;
    c->fault = E_OK;
    c->wants = c->replied = c->empty = c->chunked = c->lost = false;
    c->close = !h->keep_alive;
    c->continued = !h->expect_continue;
    c->owed = -1;
    timer_clear(&c->timer);
    service->begin(service->self, c);
}

/* False: wait for more bytes, or the connection is lost. */
static bool take_head(struct http_request *c)
{
    struct http_server *s = c->server;
    struct refusal why;
    size_t len = 0;
    if (c->state == CONN_IDLE) {
        /* RFC 9112, 2.2: an empty line before a request is ignored; one, not more. */
        if (c->in.unread.len == 1 && c->in.unread.at[0] == '\r')
            return false;
        if (span_starts(c->in.unread, SPAN("\r\n")))
            c->in.unread = span_from(c->in.unread, 2);
        if (c->in.unread.len == 0)
            return false;
    }
    enum io io = parse_scan(&c->scan, c->in.unread, &s->parse, &len, &why);
    if (io == IO_WAIT) {
        if (c->state == CONN_IDLE)
            timer_set(s->loop, &c->timer, s->limits.head_ms);
        c->state = CONN_HEAD;
        return false;
    }
    if (io == IO_FAILED || !parse_request(&c->arena, span_first(c->in.unread, len), c->scan.lines, &s->parse, &c->head, &why)) {
        refuse(c, &why);
        return false;
    }
    c->in.unread = span_from(c->in.unread, len);
    return true;
}

/* As many requests as are there and are answered at once; but a peer that takes no replies gets no further ones. */
static void advance(struct http_request *c, const bool *dead)
{
    while (!*dead && c->in.unread.len > 0 && wire_has_room(c->wire)) {
        if (c->state == CONN_SKIP_BODY && !skip_body(c))
            return;
        if (c->state != CONN_IDLE && c->state != CONN_HEAD)
            return;
        if (c->in.unread.len == 0 || !take_head(c))
            return;
        begin(c);
        must(*dead || c->state != CONN_BUSY || c->user != NULL);
    }
}

/* ---- the timer ---- */

void conn_watch(struct http_request *c)
{
    struct http_server *s = c->server;
    if (c->state != CONN_BUSY)
        return;
    if (wire_queued(c->wire) > 0) {
        if (c->watch == WATCH_WRITE)
            return; /* it looks for progress when it fires */
        c->watch = WATCH_WRITE;
        c->watch_mark = taken(c);
        timer_set(s->loop, &c->timer, s->limits.write_ms);
    } else if (c->wants && !c->body.over) {
        c->watch = WATCH_BODY;
        timer_set(s->loop, &c->timer, s->limits.body_ms);
    } else if (c->watch != WATCH_NONE) {
        c->watch = WATCH_NONE;
        timer_clear(&c->timer);
    }
}

static void wake(struct http_request *c)
{
    c->wants = false;
    c->user->wake(c->mine);
}

static void busy_too_long(struct http_request *c)
{
    enum conn_watch watch = c->watch;
    c->watch = WATCH_NONE;
    if (watch == WATCH_WRITE) {
        if (wire_queued(c->wire) > 0 && taken(c) == c->watch_mark)
            lose(c);
        else
            conn_watch(c);
        return;
    }
    c->fault = E_REQUEST_TIMEOUT;
    wake(c);
}

/* Whoever still takes bytes of a reply is neither idle nor finished; after a standstill of write_ms it is both. */
static void idle_too_long(struct http_request *c)
{
    struct http_server *s = c->server;
    if (wire_queued(c->wire) == 0) {
        conn_leave(c);
    } else if (taken(c) == c->watch_mark) {
        conn_drop(c);
    } else {
        c->watch_mark = taken(c);
        timer_set(s->loop, &c->timer, s->limits.write_ms);
    }
}

static void on_timer(struct timer *t)
{
    struct http_request *c = CONTAINER_OF(t, struct http_request, timer);
    static const struct refusal slow = { E_REQUEST_TIMEOUT, 408, { "the head did not arrive in time", 31 } };
    switch (c->state) {
    case CONN_SHAKE:
        conn_drop(c);
        return;
    case CONN_HEAD:
        refuse(c, &slow);
        return;
    case CONN_BUSY:
        busy_too_long(c);
        return;
    case CONN_IDLE:
    case CONN_SKIP_BODY:
    case CONN_LINGER:
        idle_too_long(c);
        return;
    }
}

/* ---- from the wire ---- */

/* The turn ends: what was not taken is kept, within bounds. */
static void settle(struct http_request *c)
{
    c->turning = false;
    c->dead = NULL;
    if (!intake_keep(&c->in)) {
        lose(c);
        return;
    }
    conn_resume(c);
    if (!c->paused && is_full(c)) {
        c->paused = true;
        wire_pause(c->wire);
    }
}

static void throw_away(struct http_request *c, size_t n)
{
    c->linger -= (int64_t)n;
    if (c->linger < 0)
        conn_leave(c);
}

static void on_bytes(void *self, struct span in)
{
    struct http_request *c = self;
    bool dead = false;
    if (c->state == CONN_LINGER) {
        throw_away(c, in.len);
        return;
    }
    if (!intake_add(&c->in, in)) {
        lose(c);
        return;
    }
    c->dead = &dead;
    c->turning = true;
    if (c->state == CONN_BUSY && c->wants)
        wake(c);
    if (!dead)
        advance(c, &dead);
    if (!dead)
        settle(c);
}

static void on_next(struct later *j)
{
    struct http_request *c = CONTAINER_OF(j, struct http_request, next);
    bool dead = false;
    c->dead = &dead;
    c->turning = true;
    advance(c, &dead);
    if (dead)
        return;
    settle(c);
}

static void on_ended(void *self, enum err why)
{
    struct http_request *c = self;
    if (c->state != CONN_BUSY) {
        if (why == E_OK)
            conn_leave(c);
        else
            conn_drop(c);
        return;
    }
    if (why != E_OK || c->head.keep_alive) {
        lose(c);
        return;
    }
    c->half = true;
    if (c->wants)
        wake(c);
}

static void on_drained(void *self)
{
    struct http_request *c = self;
    if (c->state == CONN_IDLE || c->state == CONN_HEAD)
        loop_later(c->server->loop, &c->next);
    if (c->state != CONN_BUSY)
        return;
    conn_watch(c);
    wake(c);
}

static void on_opened(void *self, enum err why)
{
    struct http_request *c = self;
    if (why == E_OK)
        await(c);
    else
        conn_drop(c);
}

const struct wire_user conn_wire_user = { .opened = on_opened, .bytes = on_bytes, .ended = on_ended, .drained = on_drained };

void conn_prepare(struct http_request *c)
{
    timer_init(&c->timer, on_timer);
    later_init(&c->next, on_next);
    intake_init(&c->in);
}

void conn_start(struct http_request *c, bool shaking)
{
    arena_init(&c->arena, c->server->limits.head_bytes + CONN_HEAD_SLACK);
    c->paused = c->half = c->turning = false;
    c->written = 0;
    c->dead = NULL;
    body_init(&c->body, BODY_NONE, 0);
    memset(c->memo, 0, sizeof(c->memo));
    await(c);
    if (!shaking)
        return;
    c->state = CONN_SHAKE;
    timer_set(c->server->loop, &c->timer, c->server->limits.head_ms);
}
