/* SPDX-License-Identifier: Apache-2.0
 * gate.c - see gate.h. Changes reach the workers as errands: posted to each loop, waited for by the one who sent them. */
#include "flow/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "flow/inherit.h"
#include "flow/recollect.h"
#include "flow/scribe.h"
#include "flow/steps.h"
#include "flow/worker.h"
#include "observe/observe.h"

struct listening {
    struct listen_address address;
    char slug[64]; /* of the vendor it is for; empty: any */
    bool tls;
};

struct gate {
    struct worker *workers;
    pthread_t *threads;
    unsigned count, running;
    struct listening *listening;
    size_t listening_count;
    pthread_mutex_t orders; /* one change or question at a time; taken before the next */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t done;
    unsigned waiting; /* workers an errand has not reached yet */
    unsigned busy;    /* workers that have not drained */
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct stop_effect effect;
    struct tls_server *tls;
    struct workshop shop;
    struct recollect *recollect;
    struct gate_hooks hooks;
};

struct errand {
    struct gate *gate;
    struct worker *worker;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct tls_server *tls;
    struct asking_worker *ask; /* what the first worker is asked, with room for its answer */
    struct deciding_person *person;
    struct holds_round *round;
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

static struct tls_server *read_certificate(const struct snapshot *s, char why[256])
{
    return s->settings.tls_cert.at ? tls_server_new(s->settings.tls_cert, s->settings.tls_key, why) : NULL;
}

/* ---- start ---- */

static void *run_worker(void *self)
{
    loop_run(&((struct worker *)self)->loop);
    return NULL;
}

/* ---- what workers share ---- */

static void news(void *self)
{
    worker_news(self);
}

static void synced(void *self, unsigned worker)
{
    struct gate *g = self;
    if (worker < g->count)
        loop_post(&g->workers[worker].loop, news, &g->workers[worker]);
}

static void repeat_news(void *self, uint64_t workers)
{
    for (; workers; workers &= workers - 1)
        synced(self, (unsigned)__builtin_ctzll(workers));
}

static void look(void *self, const struct digest *once)
{
    recollect_ask(((struct gate *)self)->recollect, once);
}

/* Without it the gate works: nothing is given again. */
/* An entry of the cache that leaves is no answer to anything alike either. */
static void entry_gone(void *self, const struct digest *name)
{
    const struct gate *g = self;
    if (g->shop.similar)
        similar_remove(g->shop.similar, name);
}

static void open_similar(struct gate *g)
{
    const struct settings *s = &g->snapshot->settings;
    const struct similar_limits limits = { .entries = 100000, .bytes = INT64_C(256) << 20 };
    char why[256] = "no memory";
    g->shop.texts = texts_new(INT64_C(16) << 20);
    if (similar_open(s->cache_disk ? s->data_dir : SPAN_NONE, &g->snapshot->keep_key, &limits, &g->shop.similar, why) != E_OK)
        log_warn("cache", "nothing alike is looked for: %s", why);
}

static void open_cache(struct gate *g)
{
    const struct settings *s = &g->snapshot->settings;
    const struct cache_limits limits = { s->cache_memory, s->cache_disk, s->cache_entry };
    const struct cache_hooks hooks = { .self = g, .news = repeat_news, .gone = entry_gone };
    open_similar(g);
    if (cache_open(s->data_dir, &g->snapshot->keep_key, &limits, &hooks, &g->shop.cache) != E_OK)
        log_warn("cache", "no memory for it; every call goes to its vendor");
}

static bool open_shop(struct gate *g, struct books *books, char why[256])
{
    const struct repeats_hooks hooks = { .self = g, .look = look, .news = repeat_news };
    g->shop.books = books;
    g->shop.brakes = brakes_new();
    g->shop.repeats = repeats_new(&hooks);
    g->shop.approvals = approvals_new();
    open_cache(g);
    g->shop.made = made_new();
    g->shop.remembered = remembered_new();
    g->shop.health = shop_health(&g->shop);
    if (!g->shop.brakes || !g->shop.repeats || !g->shop.approvals || !g->shop.made || !g->shop.remembered || !g->shop.health)
        return false;
    g->shop.scribe = scribe_start(books_store(books), g->snapshot->settings.limits.capture_bytes, why);
    if (!g->shop.scribe)
        return false;
    g->recollect = recollect_start(books_store(books), g->shop.repeats, why);
    g->shop.commit = g->recollect ? commit_start(books, synced, g, why) : NULL;
    return g->shop.commit;
}

/* Content is dear, the books are dearer: they are closed after this, and whoever stops a gate does not wait for long. */
enum { SCRIBE_STOP_MS = 5000 };

/* Threads that tell workers something end before the workers' loops are freed. */
static void stop_helpers(struct gate *g)
{
    commit_stop(g->shop.commit);
    recollect_stop(g->recollect);
    scribe_stop(g->shop.scribe, SCRIBE_STOP_MS);
    cache_stop(g->shop.cache);
    g->recollect = NULL;
}

static void close_shop(struct gate *g)
{
    cache_close(g->shop.cache);
    scribe_free(g->shop.scribe);
    similar_close(g->shop.similar);
    texts_free(g->shop.texts);
    repeats_free(g->shop.repeats);
    approvals_free(g->shop.approvals);
    made_free(g->shop.made);
    remembered_free(g->shop.remembered);
    health_free(g->shop.health);
    brakes_free(g->shop.brakes);
    observers_free(g->shop.observers);
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
    g->tls = read_certificate(s, why);
    bool certificate = g->tls || !s->settings.tls_cert.at;
    if (g->count && certificate && list_listeners(g, s) && open_shop(g, books, why) && start_workers(g, why))
        return g;
    gate_free(g);
    return NULL;
}

struct span gate_address(const struct gate *g)
{
    return span_of(g->listening[0].address.text);
}

/* ---- errands ---- */

static void errand_done(struct errand *e)
{
    struct gate *g = e->gate;
    pthread_mutex_lock(&g->lock);
    g->waiting--;
    pthread_cond_signal(&g->done);
    pthread_mutex_unlock(&g->lock);
    free(e);
}

static void take_snapshot(void *self)
{
    struct errand *e = self;
    worker_take_snapshot(e->worker, e->snapshot);
    if (e->tls)
        http_server_renew(e->worker->server, e->tls);
    errand_done(e);
}

static void take_stops(void *self)
{
    struct errand *e = self;
    size_t left, cut = worker_take_stops(e->worker, e->stops, &left);
    pthread_mutex_lock(&e->gate->lock);
    e->gate->effect.cut += cut;
    e->gate->effect.left += left;
    pthread_mutex_unlock(&e->gate->lock);
    errand_done(e);
}

/* A change or a question to workers, begun and ended. */
static void begin_order(struct gate *g)
{
    pthread_mutex_lock(&g->orders);
    pthread_mutex_lock(&g->lock);
}

static void end_order(struct gate *g)
{
    pthread_mutex_unlock(&g->lock);
    pthread_mutex_unlock(&g->orders);
}

/* Within an order; returns when all workers have done it. Errands are few (an operator's hand), so memory for one is
 * must-have. */
static void send_errands(struct gate *g, void (*fn)(void *self), const struct errand *what, unsigned count)
{
    g->waiting = count;
    for (unsigned i = 0; i < count; i++) {
        struct errand *e = malloc(sizeof(*e));
        must(e != NULL);
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
    send_errands(g, fn, what, g->running);
}

static void renew_certificate(struct gate *g, struct snapshot *s)
{
    char why[256] = "";
    struct tls_server *fresh = read_certificate(s, why);
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
    begin_order(g);
    if (strcmp(g->snapshot->settings.listen.text, s->settings.listen.text) != 0 && s->settings.listen.text[0])
        log_warn("gate", "`listen` changed in the configuration; it takes effect at the next start");
    renew_certificate(g, s);
    struct errand what = { .snapshot = s, .tls = g->tls };
    send_errand(g, take_snapshot, &what);
    snapshot_drop(g->snapshot);
    g->snapshot = snapshot_keep(s);
    end_order(g);
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
    begin_order(g);
    g->effect = (struct stop_effect){ 0 };
    struct errand what = { .stops = stops };
    send_errand(g, take_stops, &what);
    stop_set_drop(g->stops);
    g->stops = stop_set_keep(stops);
    if (effect)
        *effect = g->effect;
    end_order(g);
}

struct stop_set *gate_stops(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct stop_set *s = stop_set_keep(g->stops);
    pthread_mutex_unlock(&g->lock);
    return s;
}

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

/* ---- questions to the first worker ---- */

struct asking_worker {
    uint64_t call;
    bool resolve, happened;
    nano_usd cost;
    struct span actor, reason;
    enum err answer;
};

static void ask_first(void *self)
{
    struct errand *e = self;
    struct asking_worker *q = e->ask;
    struct doubts *doubts = e->worker->doubts;
    q->answer = q->resolve ? doubts_resolve(doubts, q->call, q->happened, q->cost, q->actor, q->reason) : doubts_ask_again(doubts, q->call);
    errand_done(e);
}

static enum err ask_the_first(struct gate *g, struct asking_worker *q)
{
    struct errand what = { .ask = q };
    begin_order(g);
    if (g->running)
        send_errands(g, ask_first, &what, 1);
    else
        q->answer = E_DRAINING;
    end_order(g);
    return q->answer;
}

enum err gate_resolve(struct gate *g, uint64_t call, bool happened, nano_usd cost, struct span actor, struct span reason)
{
    enum { TRIES = 30, PAUSE_NS = 100 * 1000 * 1000 };
    struct asking_worker q = { .call = call, .resolve = true, .happened = happened, .cost = cost, .actor = actor, .reason = reason };
    enum err e = ask_the_first(g, &q);
    for (int i = 0; e == E_OVERLOADED && i < TRIES; i++) { /* the store syncs about once a second */
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
        e = ask_the_first(g, &q);
    }
    return e;
}

/* ---- approvals ---- */

struct deciding_person {
    struct span id, actor, note;
    bool approve;
    struct arena *arena;
    struct approval *out;
    enum err answer;
    uint64_t position; /* behind its note in the first worker's journal */
};

/* Before it is said: what a person decided must not be forgotten. */
static enum err note_decision(struct worker *w, const struct approval *a)
{
    struct buf *b = &w->desk.scratch;
    buf_clear(b);
    struct json_out o = json_out(b);
    approval_write(a, &o);
    struct journal_note note = { .what = NOTE_APPROVAL, .call = a->call, .at = a->changed_at, .until = a->until, .name = span_of(a->id), .bytes = buf_span(b) };
    return b->broken ? E_NO_MEMORY : w->world.put_note(w, &note);
}

static void decide_first(void *self)
{
    struct errand *e = self;
    struct deciding_person *q = e->person;
    struct worker *w = e->worker;
    q->answer = approvals_decide(w->desk.approvals, q->id, q->approve, q->actor, q->note, w->world.now_ms(w), q->arena, q->out);
    if (q->answer == E_OK && note_decision(w, q->out) != E_OK)
        log_error("gate", "the decision on approval %s could not be written down; it holds until the process ends", q->out->id);
    q->position = w->world.written(w);
    errand_done(e);
}

/* A power cut must not take back what a person decided. */
static void await_platter(struct gate *g, uint64_t position)
{
    enum { TRIES = 300, PAUSE_NS = 10 * 1000 * 1000 };
    for (int i = 0; i < TRIES && books_synced(g->shop.books, 0) < position; i++) {
        commit_ask(g->shop.commit, 0);
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
    }
    if (books_synced(g->shop.books, 0) < position)
        log_warn("gate", "the disk did not confirm a decision within 3 s");
}

enum err gate_decide(struct gate *g, struct span id, bool approve, struct span actor, struct span note, struct arena *a, struct approval *out)
{
    struct deciding_person q = { id, actor, note, approve, a, out, E_DRAINING, 0 };
    struct errand what = { .person = &q };
    begin_order(g);
    if (g->running)
        send_errands(g, decide_first, &what, 1);
    end_order(g);
    if (q.answer == E_OK)
        await_platter(g, q.position);
    return q.answer;
}

struct cache *gate_cache(struct gate *g) { return g->shop.cache; }
struct approvals *gate_approvals(struct gate *g) { return g->shop.approvals; }

struct scribe *gate_scribe(struct gate *g) { return g->shop.scribe; }

struct health *gate_health(struct gate *g) { return g->shop.health; }

void gate_lend(struct gate *g, struct desk *out)
{
    const struct workshop *s = &g->shop;
    *out = (struct desk){ .snapshot = gate_snapshot(g), .stops = gate_stops(g), .ledger = books_ledger(s->books), .brakes = s->brakes, .repeats = s->repeats, .cache = s->cache,
        .approvals = s->approvals, .made = s->made, .remembered = s->remembered, .similar = s->similar, .texts = s->texts, .health = s->health };
}

enum err gate_ask_again(struct gate *g, uint64_t call)
{
    struct asking_worker q = { .call = call };
    return ask_the_first(g, &q);
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
    errand_done(e);
}

enum err gate_collect_holds(struct gate *g, struct arena *a, struct gate_holds *out)
{
    struct holds_round round = { a, out };
    struct errand what = { .round = &round };
    *out = (struct gate_holds){ 0 };
    begin_order(g);
    send_errand(g, add_holds, &what);
    end_order(g);
    return a->broken ? E_NO_MEMORY : E_OK;
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
    errand_done(e);
}

void gate_drain(struct gate *g, int64_t drain_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += drain_ms / 1000;
    begin_order(g);
    g->busy = g->running;
    struct errand what = { .gate = g };
    send_errand(g, drain_worker, &what);
    while (g->busy > 0 && pthread_cond_timedwait(&g->done, &g->lock, &until) == 0)
        continue;
    if (g->busy > 0)
        log_warn("gate", "%u workers still had calls after %lld ms; they are dropped", g->busy, (long long)drain_ms);
    end_order(g);
}

void gate_free(struct gate *g)
{
    for (unsigned i = 0; i < g->running; i++)
        loop_stop(&g->workers[i].loop);
    for (unsigned i = 0; i < g->running; i++)
        pthread_join(g->threads[i], NULL);
    stop_helpers(g);
    for (unsigned i = 0; i < g->count; i++)
        if (g->workers[i].desk.json)
            worker_free(&g->workers[i]);
    close_shop(g);
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
