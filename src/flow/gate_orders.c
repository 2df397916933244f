/* SPDX-License-Identifier: Apache-2.0
 * gate_orders.c - see gate_int.h. An order returns when every worker has carried it out: what it forbids is not forwarded after that. */
#include "flow/gate_int.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"

/* ---- errands ---- */

void gate_errand_done(struct errand *e)
{
    struct gate *g = e->gate;
    pthread_mutex_lock(&g->lock);
    g->waiting--;
    pthread_cond_signal(&g->done);
    pthread_mutex_unlock(&g->lock);
    free(e);
}

void gate_begin_order(struct gate *g)
{
    pthread_mutex_lock(&g->orders);
    pthread_mutex_lock(&g->lock);
}

void gate_end_order(struct gate *g)
{
    pthread_mutex_unlock(&g->lock);
    pthread_mutex_unlock(&g->orders);
}

void gate_send(struct gate *g, void (*fn)(void *self), const struct errand *what, unsigned count)
{
    g->waiting = count;
    for (unsigned i = 0; i < count; i++) {
        struct errand *e = malloc(sizeof(*e));
        must(e != NULL); /* errands are few, an operator's hand */
        *e = *what;
        e->gate = g;
        e->worker = &g->workers[i];
        loop_post(&g->workers[i].loop, fn, e);
    }
    while (g->waiting > 0)
        pthread_cond_wait(&g->done, &g->lock);
}

static void send_errand(struct gate *g, void (*fn)(void *self), const struct errand *what)
{
    gate_send(g, fn, what, g->running);
}

/* ---- configuration and stops ---- */

static void take_snapshot(void *self)
{
    struct errand *e = self;
    worker_take_snapshot(e->worker, e->snapshot);
    if (e->tls)
        http_server_renew(e->worker->server, e->tls);
    gate_errand_done(e);
}

static void take_stops(void *self)
{
    struct errand *e = self;
    size_t left, cut = worker_take_stops(e->worker, e->stops, &left);
    pthread_mutex_lock(&e->gate->lock);
    e->gate->effect.cut += cut;
    e->gate->effect.left += left;
    pthread_mutex_unlock(&e->gate->lock);
    gate_errand_done(e);
}

static void renew_certificate(struct gate *g, struct snapshot *s)
{
    char why[256] = "";
    struct tls_server *fresh = gate_certificate(s, why);
    if (!fresh) {
        if (s->settings.tls_cert.at)
            log_error("gate", "the certificate could not be read, the one in use stays: %s", why);
        return;
    }
    tls_server_free(g->tls);
    g->tls = fresh;
}

void gate_publish(struct gate *g, struct snapshot *s)
{
    gate_begin_order(g);
    if (strcmp(g->snapshot->settings.listen.text, s->settings.listen.text) != 0 && s->settings.listen.text[0])
        log_warn("gate", "`listen` changed in the configuration; it takes effect at the next start");
    renew_certificate(g, s);
    struct errand what = { .snapshot = s, .tls = g->tls };
    send_errand(g, take_snapshot, &what);
    snapshot_drop(g->snapshot);
    g->snapshot = snapshot_keep(s);
    gate_end_order(g);
}

struct snapshot *gate_snapshot(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct snapshot *s = snapshot_keep(g->snapshot);
    pthread_mutex_unlock(&g->lock);
    return s;
}

void gate_stop(struct gate *g, struct stop_set *stops, struct stop_effect *effect)
{
    gate_begin_order(g);
    g->effect = (struct stop_effect){ 0 };
    struct errand what = { .stops = stops };
    send_errand(g, take_stops, &what);
    stop_set_drop(g->stops);
    g->stops = stop_set_keep(stops);
    if (effect)
        *effect = g->effect;
    gate_end_order(g);
}

struct stop_set *gate_stops(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct stop_set *s = stop_set_keep(g->stops);
    pthread_mutex_unlock(&g->lock);
    return s;
}

/* ---- self-check ---- */

struct holds_round {
    struct arena *arena;
    struct gate_holds *out;
};

static void add_holds(void *self)
{
    struct errand *e = self;
    struct gate *g = e->gate;
    pthread_mutex_lock(&g->lock); /* one worker after the other; whoever asked has let go of it */
    worker_holds(e->worker, e->round->arena, e->round->out);
    pthread_mutex_unlock(&g->lock);
    gate_errand_done(e);
}

enum err gate_collect_holds(struct gate *g, struct arena *a, struct gate_holds *out)
{
    struct holds_round round = { a, out };
    struct errand what = { .round = &round };
    *out = (struct gate_holds){ 0 };
    gate_begin_order(g);
    send_errand(g, add_holds, &what);
    gate_end_order(g);
    return a->broken ? E_NO_MEMORY : E_OK;
}

/* ---- the end ---- */

static void drained(void *self)
{
    struct gate *g = self;
    pthread_mutex_lock(&g->lock);
    g->busy--;
    pthread_cond_signal(&g->done);
    pthread_mutex_unlock(&g->lock);
}

static void drain_worker(void *self)
{
    struct errand *e = self;
    worker_drain(e->worker, drained, e->gate);
    gate_errand_done(e);
}

void gate_drain(struct gate *g, int64_t drain_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += drain_ms / 1000;
    gate_begin_order(g);
    g->busy = g->running;
    struct errand what = { .gate = g };
    send_errand(g, drain_worker, &what);
    while (g->busy > 0 && pthread_cond_timedwait(&g->done, &g->lock, &until) == 0)
        continue;
    if (g->busy > 0)
        log_warn("gate", "%u workers still had calls after %lld ms; they are dropped", g->busy, (long long)drain_ms);
    gate_end_order(g);
}
