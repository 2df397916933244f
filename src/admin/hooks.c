/* SPDX-License-Identifier: Apache-2.0
 * hooks.c - what calls ask of the operator's side, from a worker's thread: a brake stops a run or a key, a breaker turned, a
 * credential was refused. That is only passed on here; the work is the admin thread's. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum { WISH_MOST = 64 << 10 };

struct wish {
    struct admin *admin;
    struct arena arena;
    struct stop stop;
};

static void wish_free(struct wish *w)
{
    arena_free(&w->arena);
    free(w);
}

/* A key's workspace may lift what a brake stopped of it, as if it had pressed the button. A run is the whole gate's. */
static struct span workspace_of(struct admin *a, const struct stop *stop, struct arena *arena)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    const struct key *key = stop->kind == STOP_KEY ? map_get(&s->key_by_id, stop->value) : NULL;
    struct span name = key ? arena_copy(arena, key->workspace) : SPAN_NONE;
    snapshot_drop(s);
    return name;
}

static void grant(void *self)
{
    struct wish *w = self;
    struct stop_outcome outcome;
    struct arena arena;
    arena_init(&arena, VISIT_ARENA);
    w->stop.workspace = workspace_of(w->admin, &w->stop, &arena);
    if (stops_put(w->admin, &w->stop, SPAN("gate"), &arena, &outcome) != E_OK)
        log_error("stops", "a brake's stop of %.*s could not be made: no memory", SPAN_ARG(w->stop.value));
    arena_free(&arena);
    wish_free(w);
}

static struct wish *wish_new(struct admin *a, enum stop_kind kind, struct span value, struct span reason)
{
    struct wish *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->admin = a;
    arena_init(&w->arena, WISH_MOST);
    w->stop = (struct stop){ .kind = kind, .value = arena_copy(&w->arena, value), .reason = arena_copy(&w->arena, span_first(reason, REASON_LONGEST)),
        .by = SPAN("gate"), .code = E_STOPPED, .cut = true };
    if (!w->arena.broken)
        return w;
    wish_free(w);
    return NULL;
}

/* On a worker. The calls it is about are refused by the brake itself until the stop is there. */
static void wish(void *self, enum stop_kind kind, struct span value, struct span reason)
{
    struct admin *a = self;
    struct wish *w = wish_new(a, kind, value, reason);
    if (!w)
        return;
    must(pthread_mutex_lock(&a->lock) == 0);
    bool posted = a->running;
    if (posted)
        loop_post(&a->loop, grant, w);
    must(pthread_mutex_unlock(&a->lock) == 0);
    if (!posted)
        wish_free(w);
}

/* ---- targets ---- */

struct tiding {
    struct admin *admin;
    int64_t at;
    bool refused;      /* first: a vendor, second: its credential; else a target and why */
    enum breaker now;
    int status;
    size_t first, second; /* lengths of what follows */
    char text[];
};

static void hear(void *self)
{
    struct tiding *t = self;
    struct span first = span_make(t->text, t->first), second = span_make(t->text + t->first, t->second);
    if (t->refused)
        targets_refused(t->admin, first, second, t->status, t->at);
    else
        targets_turned(t->admin, first, t->now, second, t->at);
    free(t);
}

/* From any thread; what finds no memory is in the log all the same. */
static void pass_on(struct admin *a, const struct tiding *what, struct span first, struct span second)
{
    struct tiding *t = malloc(sizeof(*t) + first.len + second.len);
    if (!t)
        return;
    *t = *what;
    t->admin = a;
    t->at = clock_unix_ms();
    t->first = first.len;
    t->second = second.len;
    if (first.len)
        memcpy(t->text, first.at, first.len);
    if (second.len)
        memcpy(t->text + first.len, second.at, second.len);
    must(pthread_mutex_lock(&a->lock) == 0);
    bool posted = a->running;
    if (posted)
        loop_post(&a->loop, hear, t);
    must(pthread_mutex_unlock(&a->lock) == 0);
    if (!posted)
        free(t);
}

static void turned(void *self, struct span target, enum breaker now, struct span why)
{
    pass_on(self, &(struct tiding){ .now = now }, target, why);
}

static void refused(void *self, struct span vendor, struct span credential, int status)
{
    pass_on(self, &(struct tiding){ .refused = true, .status = status }, vendor, credential);
}

void hooks_set(struct admin *a)
{
    a->hooks = (struct gate_hooks){ .self = a, .stop = wish, .turned = turned, .refused = refused };
    gate_hook(a->parts.gate, &a->hooks);
}
