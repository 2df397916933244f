/* SPDX-License-Identifier: Apache-2.0
 * hooks.c - what calls ask of the operator's side, from a worker's thread: a brake stops a run or a key. That is only passed on
 * here; the work is the admin thread's. */
#include "admin/inside.h"

#include <stdlib.h>

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

static void grant(void *self)
{
    struct wish *w = self;
    struct stop_outcome outcome;
    struct arena arena;
    arena_init(&arena, VISIT_ARENA);
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

void hooks_set(struct admin *a)
{
    a->hooks = (struct gate_hooks){ .self = a, .stop = wish };
    gate_hook(a->parts.gate, &a->hooks);
}
