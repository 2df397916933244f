/* SPDX-License-Identifier: Apache-2.0
 * server.c - listening, accepting, draining; connections are kept in lists and used again. */
#include "http/conn.h"

#include <stdlib.h>

#include "base/log.h"

const struct http_limits http_limits_default = {
    .head_bytes = 65536,
    .fields = 128,
    .target_bytes = 16384,
    .connections = 16384,
    .head_ms = 10000,
    .idle_ms = 75000,
    .body_ms = 30000,
    .write_ms = 60000,
};

enum { SPARES = 1024 }; /* closed connections kept for reuse */

/* A listening socket of the server. */
struct ear {
    struct http_server *server;
    struct list link;
    struct listener *listener; /* NULL: closed for good */
    struct tls_server *tls;
    const void *tag;
};

static void tell_done(struct later *j)
{
    struct http_server *s = CONTAINER_OF(j, struct http_server, finish);
    void (*done)(void *self) = s->done;
    s->done = NULL;
    if (done)
        done(s->done_self);
}

static void flush_job(struct later *j)
{
    reply_flush(CONTAINER_OF(j, struct http_server, flush));
}

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits, const struct http_service *service)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->loop = l;
    s->limits = *limits;
    s->parse = (struct parse_limits){ limits->head_bytes, limits->fields, limits->target_bytes };
    s->service = *service;
    s->date_second = -1;
    list_init(&s->conns);
    list_init(&s->spare);
    list_init(&s->listeners);
    later_init(&s->flush, flush_job);
    later_init(&s->finish, tell_done);
    buf_init(&s->out, limits->head_bytes + (size_t)1024 * 1024);
    return s;
}

/* ---- connections ---- */

static struct http_request *obtain(struct http_server *s)
{
    struct http_request *c;
    if (!list_empty(&s->spare)) {
        c = CONTAINER_OF(s->spare.next, struct http_request, link);
        list_remove(&c->link);
        s->spares--;
        return c;
    }
    c = aligned_alloc(_Alignof(struct http_request), sizeof(*c));
    if (c == NULL)
        return NULL;
    memset(c, 0, sizeof(*c));
    c->server = s;
    list_init(&c->link);
    conn_prepare(c);
    return c;
}

static void put_aside(struct http_server *s, struct http_request *c)
{
    if (s->spares >= SPARES) {
        intake_free(&c->in);
        free(c);
        return;
    }
    s->spares++;
    list_add_first(&s->spare, &c->link);
}

void server_release(struct http_request *c)
{
    struct http_server *s = c->server;
    list_remove(&c->link);
    s->open--;
    put_aside(s, c);
    if (s->open == 0 && s->draining && s->done)
        loop_later(s->loop, &s->finish);
}

/* Of those without a request under way, the one whose time is over first: all have the same. NULL: all are busy. */
static struct http_request *idle_longest(const struct http_server *s)
{
    struct http_request *longest = NULL;
    for (struct list *at = s->conns.next; at != &s->conns; at = at->next) {
        struct http_request *c = CONTAINER_OF(at, struct http_request, link);
        bool idle = c->state == CONN_IDLE && c->in.unread.len == 0 && wire_queued(c->wire) == 0 && s->corked != c;
        if (idle && (!longest || c->timer.due_ms < longest->timer.due_ms))
            longest = c;
    }
    return longest;
}

static void make_room(struct http_server *s)
{
    struct http_request *c = s->limits.yields && s->open >= s->limits.connections ? idle_longest(s) : NULL;
    if (c)
        conn_drop(c);
}

static void incoming(void *self, uv_stream_t *stream)
{
    struct ear *ear = self;
    struct http_server *s = ear->server;
    make_room(s);
    struct http_request *c = obtain(s);
    if (c == NULL) {
        log_warn("http", "no memory for a connection");
        return;
    }
    c->wire = wire_accept(s->loop, stream, ear->tls, &conn_wire_user, c);
    if (c->wire == NULL || s->open >= s->limits.connections) {
        if (c->wire)
            wire_close(c->wire);
        c->wire = NULL;
        put_aside(s, c);
        return;
    }
    s->open++;
    list_add_last(&s->conns, &c->link);
    c->tag = ear->tag;
    conn_start(c, ear->tls != NULL);
}

/* ---- listeners ---- */

bool http_server_listen(
    struct http_server *s, struct listen_address *address, struct tls_server *tls, const void *tag, char why[256])
{
    struct ear *ear = calloc(1, sizeof(*ear));
    if (ear == NULL) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    ear->server = s;
    ear->tag = tag;
    ear->listener = listener_open(s->loop, address, incoming, ear, why);
    if (ear->listener == NULL) {
        free(ear);
        return false;
    }
    ear->tls = tls ? tls_server_keep(tls) : NULL;
    list_add_last(&s->listeners, &ear->link);
    return true;
}

void http_server_renew(struct http_server *s, struct tls_server *tls)
{
    for (struct list *at = s->listeners.next; at != &s->listeners; at = at->next) {
        struct ear *ear = CONTAINER_OF(at, struct ear, link);
        if (ear->tls == NULL)
            continue;
        tls_server_free(ear->tls);
        ear->tls = tls_server_keep(tls);
    }
}

static void close_listeners(struct http_server *s)
{
    for (struct list *first; (first = list_take_first(&s->listeners)) != NULL;) {
        struct ear *ear = CONTAINER_OF(first, struct ear, link);
        listener_close(ear->listener);
        if (ear->tls)
            tls_server_free(ear->tls);
        free(ear);
    }
}

/* ---- the end ---- */

void http_server_drain(struct http_server *s, void (*done)(void *self), void *self)
{
    s->draining = true;
    s->done = done;
    s->done_self = self;
    close_listeners(s);
    struct list *next;
    for (struct list *at = s->conns.next; at != &s->conns; at = next) {
        struct http_request *c = CONTAINER_OF(at, struct http_request, link);
        next = at->next;
        if (c->state == CONN_IDLE && c->in.unread.len == 0)
            conn_retire(c);
    }
    if (s->open == 0)
        loop_later(s->loop, &s->finish);
}

void http_server_free(struct http_server *s)
{
    s->done = NULL;
    close_listeners(s);
    while (!list_empty(&s->conns)) {
        struct http_request *c = CONTAINER_OF(s->conns.next, struct http_request, link);
        const struct http_request_user *user = c->state == CONN_BUSY ? c->user : NULL;
        void *mine = c->mine;
        conn_drop(c);
        if (user)
            user->gone(mine);
    }
    for (struct list *spare; (spare = list_take_first(&s->spare)) != NULL;) {
        struct http_request *c = CONTAINER_OF(spare, struct http_request, link);
        intake_free(&c->in);
        free(c);
    }
    later_clear(&s->flush);
    later_clear(&s->finish);
    buf_free(&s->out);
    free(s);
}
