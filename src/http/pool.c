/* SPDX-License-Identifier: Apache-2.0
 * pool.c - lines kept open per origin: who gets one, who waits for one, which one is closed.
 *
 * Idle lines are used last in, first out, so that surplus ones age and go. A line that gets bytes or an end while idle
 * is closed (call.c notices). */
#include "http/line.h"

#include <stdlib.h>

const struct http_pool_limits http_pool_limits_default = {
    .idle_per_origin = 256,
    .open_per_origin = 0,
    .idle_ms = 30000,
    .head_bytes = 65536,
    .fields = 256,
};

struct http_pool *http_pool_new(struct loop *l, const struct http_pool_limits *limits)
{
    struct http_pool *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->loop = l;
    p->limits = *limits;
    list_init(&p->lines);
    list_init(&p->spare);
    return p;
}

/* ---- lines ---- */

static void take_from_idle(struct line *l)
{
    if (list_empty(&l->idle_link))
        return;
    list_remove(&l->idle_link);
    l->place->idle_count--;
    timer_clear(&l->timer);
}

static void discard(struct line *l, void (*close)(struct wire *w))
{
    must(l->call == NULL);
    take_from_idle(l);
    list_remove(&l->link);
    l->place->open--;
    close(l->wire);
    free(l);
}

static void give_up(struct line *l, void (*close)(struct wire *w))
{
    struct http_pool *p = l->pool;
    struct place *at = l->place;
    discard(l, close);
    pool_serve(p, at);
}

void line_close(struct line *l) { give_up(l, wire_close); }
void line_leave(struct line *l) { give_up(l, wire_close_flushed); }

static void idle_too_long(struct timer *t)
{
    line_close(CONTAINER_OF(t, struct line, timer));
}

void line_rest(struct line *l)
{
    struct place *at = l->place;
    l->call = NULL;
    l->served = true;
    if (at->idle_count >= l->pool->limits.idle_per_origin && list_empty(&at->waiting)) {
        line_close(l);
        return;
    }
    if (l->paused)
        wire_resume(l->wire);
    l->paused = false;
    list_add_first(&at->idle, &l->idle_link);
    at->idle_count++;
    timer_set(l->pool->loop, &l->timer, l->idle_ms);
    pool_serve(l->pool, at);
}

static struct line *line_open(struct http_call *c)
{
    struct http_pool *p = c->pool;
    const struct http_origin *o = c->origin;
    int64_t left = c->timer.due_ms - (int64_t)uv_now(&p->loop->uv);
    struct wire_target target = {
        .host = o->host,
        .port = o->port,
        .tls = o->tls,
        .proxy_host = o->proxy_host,
        .proxy_port = o->proxy_port,
        .proxy_auth = o->proxy_auth,
        .connect_ms = left > 1 ? left : 1,
        .public_only = o->public_only,
    };
    struct line *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->wire = wire_connect(p->loop, &target, &call_wire_user, l);
    if (l->wire == NULL) {
        free(l);
        return NULL;
    }
    l->pool = p;
    l->place = c->place;
    l->call = c;
    l->idle_ms = p->limits.idle_ms;
    timer_init(&l->timer, idle_too_long);
    list_init(&l->idle_link);
    list_add_last(&p->lines, &l->link);
    l->place->open++;
    return l;
}

/* ---- who gets one ---- */

/* False: it has to wait. */
static bool provide(struct http_call *c)
{
    struct place *at = c->place;
    size_t limit = c->pool->limits.open_per_origin;
    if (!list_empty(&at->idle)) {
        struct line *l = CONTAINER_OF(at->idle.next, struct line, idle_link);
        take_from_idle(l);
        call_attach(c, l);
        return true;
    }
    if (limit > 0 && at->open >= limit)
        return false;
    c->line = line_open(c);
    if (c->line == NULL) {
        call_fail(c, E_UPSTREAM_UNREACHABLE);
        loop_later(c->pool->loop, &c->ring);
    }
    return true;
}

void pool_obtain(struct http_call *c)
{
    if (!list_empty(&c->place->waiting) || !provide(c))
        list_add_last(&c->place->waiting, &c->link);
}

void pool_serve(struct http_pool *p, struct place *at)
{
    while (!list_empty(&at->waiting)) {
        struct http_call *c = CONTAINER_OF(at->waiting.next, struct http_call, link);
        list_remove(&c->link);
        if (!provide(c)) {
            list_add_first(&at->waiting, &c->link);
            return;
        }
        if (c->state == CALL_READY)
            loop_later(p->loop, &c->ring);
    }
}

/* ---- the end ---- */

void http_pool_drain(struct http_pool *p)
{
    struct list *next;
    for (struct list *at = p->lines.next; at != &p->lines; at = next) {
        struct line *l = CONTAINER_OF(at, struct line, link);
        next = at->next;
        if (l->call == NULL)
            discard(l, wire_close);
    }
}

void http_pool_free(struct http_pool *p)
{
    const struct map_entry *e;
    size_t at = 0;
    must(p->calls == 0);
    http_pool_drain(p);
    must(list_empty(&p->lines));
    for (struct list *spare; (spare = list_take_first(&p->spare)) != NULL;) {
        struct http_call *c = CONTAINER_OF(spare, struct http_call, link);
        intake_free(&c->in);
        free(c);
    }
    while ((e = map_next(&p->places, &at)) != NULL)
        free(e->value);
    map_free(&p->places);
    free(p);
}
