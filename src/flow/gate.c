/* SPDX-License-Identifier: Apache-2.0
 * gate.c - see gate.h, and gate_int.h for the files beside it. */
#include "flow/gate_int.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "flow/inherit.h"
#include "flow/steps.h"
#include "observe/observe.h"

struct listening {
    struct listen_address address;
    char slug[64]; /* of the vendor it is for; empty: any */
    bool tls;
};

/* ---- listeners ---- */

static bool list_listeners(struct gate *g, const struct snapshot *s)
{
    g->listening = calloc(s->upstream_count + 1, sizeof(*g->listening));
    if (!g->listening)
        return false;
    g->listening[g->listening_count++] =
        (struct listening){ .address = s->settings.listen, .tls = s->settings.tls_cert.at != NULL };
    for (size_t i = 0; i < s->upstream_count; i++) {
        const struct upstream *u = &s->upstreams[i];
        if (!u->listen)
            continue;
        struct listening *l = &g->listening[g->listening_count++];
        l->address = *u->listen;
        l->tls = s->settings.tls_cert.at != NULL;
        snprintf(l->slug, sizeof(l->slug), "%.*s", SPAN_ARG(u->vendor.slug));
    }
    return true;
}

static bool listen_everywhere(struct gate *g, struct worker *w, char why[256])
{
    for (size_t i = 0; i < g->listening_count; i++) {
        struct listening *l = &g->listening[i];
        if (!worker_listen(w, &l->address, l->tls ? g->tls : NULL, l->slug[0] ? l->slug : NULL, why))
            return false;
    }
    return true;
}

struct tls_server *gate_certificate(const struct snapshot *s, char why[256])
{
    return s->settings.tls_cert.at ? tls_server_new(s->settings.tls_cert, s->settings.tls_key, why) : NULL;
}

/* ---- start ---- */

static void *run_worker(void *self)
{
    loop_run(&((struct worker *)self)->loop);
    return NULL;
}

static bool start_workers(struct gate *g, char why[256])
{
    struct books *books = g->shop.books;
    for (unsigned i = 0; i < g->count; i++) {
        if (!worker_init(&g->workers[i], i, g->snapshot, g->stops, &g->shop, books_last_call(books), why))
            return false;
        if (!listen_everywhere(g, &g->workers[i], why))
            return false;
    }
    if (!inherit(&g->shop, why))
        return false;
    for (; g->running < g->count; g->running++) {
        if (!thread_start(&g->threads[g->running], run_worker, &g->workers[g->running], "worker %u", g->running)) {
            snprintf(why, 256, "thread %u could not be started", g->running);
            return false;
        }
    }
    return true;
}

struct gate *gate_start(struct snapshot *s, struct stop_set *stops, struct books *books, unsigned workers, char why[256])
{
    struct gate *g = calloc(1, sizeof(*g));
    pthread_condattr_t steady;
    snprintf(why, 256, "out of memory");
    if (!g)
        return NULL;
    pthread_mutex_init(&g->orders, NULL);
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC); /* gate_drain must not wait by a clock that is set */
    pthread_cond_init(&g->done, &steady);
    pthread_condattr_destroy(&steady);
    g->snapshot = snapshot_keep(s);
    g->stops = stop_set_keep(stops);
    g->workers = calloc(workers, sizeof(*g->workers));
    g->threads = calloc(workers, sizeof(*g->threads));
    g->shop.observers = observers_new(workers);
    g->count = g->workers && g->threads && g->shop.observers ? workers : 0;
    g->tls = gate_certificate(s, why);
    bool certificate = g->tls || !s->settings.tls_cert.at;
    if (g->count && certificate && list_listeners(g, s) && gate_open_shop(g, books, why) && start_workers(g, why))
        return g;
    gate_free(g);
    return NULL;
}

struct span gate_address(const struct gate *g)
{
    return span_of(g->listening[0].address.text);
}

/* ---- what it is made of ---- */

void gate_count(const struct gate *g, struct gate_counts *out)
{
    *out = (struct gate_counts){ 0 };
    for (unsigned i = 0; i < g->count; i++) {
        const struct worker_counts *c = &g->workers[i].counts;
        out->calls += atomic_load(&c->calls);
        out->forwarded += atomic_load(&c->forwarded);
        out->refused += atomic_load(&c->refused);
        out->open += atomic_load(&c->open);
        out->unwritten += atomic_load(&c->unwritten);
        out->lost_rows += atomic_load(&c->lost_rows);
    }
}

const struct observers *gate_observers(const struct gate *g) { return g->shop.observers; }

struct cache *gate_cache(struct gate *g) { return g->shop.cache; }
struct approvals *gate_approvals(struct gate *g) { return g->shop.approvals; }

struct scribe *gate_scribe(struct gate *g) { return g->shop.scribe; }

struct health *gate_health(struct gate *g) { return g->shop.health; }

void gate_lend(struct gate *g, struct desk *out)
{
    *out = shop_desk(&g->shop, gate_snapshot(g), gate_stops(g));
}

void gate_hook(struct gate *g, const struct gate_hooks *hooks)
{
    pthread_mutex_lock(&g->lock);
    g->hooks = *hooks;
    atomic_store(&g->shop.hooks, &g->hooks);
    pthread_mutex_unlock(&g->lock);
}

void gate_resumed(struct gate *g, enum stop_kind kind, struct span value)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct span name = brake_resumed(&a, kind, value);
    if (name.at)
        (void)brakes_add(g->shop.brakes, name, BRAKE_FORGIVEN_MS, 1, clock_unix_ms());
    arena_free(&a);
}

/* ---- the end ---- */

void gate_free(struct gate *g)
{
    for (unsigned i = 0; i < g->running; i++)
        loop_stop(&g->workers[i].loop);
    for (unsigned i = 0; i < g->running; i++)
        pthread_join(g->threads[i], NULL);
    gate_stop_helpers(g);
    for (unsigned i = 0; i < g->count; i++)
        if (g->workers[i].desk.json)
            worker_free(&g->workers[i]);
    gate_close_shop(g);
    tls_server_free(g->tls);
    snapshot_drop(g->snapshot);
    stop_set_drop(g->stops);
    free(g->workers);
    free(g->threads);
    free(g->listening);
    pthread_cond_destroy(&g->done);
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->orders);
    free(g);
}
