/* SPDX-License-Identifier: Apache-2.0
 * runner.c - one export's thread.
 *
 *   woken -> a moment, so that rows gather -> round: where it is, what comes next, hand it over, move -> again while there is more
 *
 * A round keeps nothing in memory for the next one: what failed is read again from the chain. So a crash, another configuration, and a
 * receiver that is down are one case. */
#include "export/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    IDLE_MS = 60 * 1000,       /* the longest without a look */
    STORE_MS = 2 * 1000,       /* after the store could not be read or written */
    FIRST_MS = 1000,           /* after a first failure */
    PAUSE_MOST_MS = 300 * 1000, /* ... and after many */
    ASKED_MOST_MS = 3600 * 1000, /* what a receiver may ask for */
    LOOK_MS = 500,             /* between two looks at the configuration while a failure is waited out */
};

static bool stopping(const struct runner *r) { return atomic_load_explicit(&r->stopping, memory_order_relaxed); }

const struct export_rule *rule_find(const struct snapshot *s, struct span name)
{
    for (size_t i = 0; i < s->settings.export_count; i++)
        if (span_is(s->settings.exports[i].name, name))
            return &s->settings.exports[i];
    return NULL;
}

/* ---- waiting ---- */

/* Until woken (when `hear`), to end, or ms have passed. */
static void rest(struct runner *r, int64_t ms, bool hear)
{
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };
    must(pthread_mutex_lock(&r->mutex) == 0);
    while (!stopping(r) && !(hear && r->woken) && clock_monotonic_ns() < until)
        (void)pthread_cond_timedwait(&r->changed, &r->mutex, &t);
    r->woken = r->woken && !hear;
    must(pthread_mutex_unlock(&r->mutex) == 0);
}

static uint64_t version_now(const struct runner *r)
{
    struct snapshot *s = r->needs->snapshot(r->needs->self);
    uint64_t version = s->version;
    snapshot_drop(s);
    return version;
}

/* Whoever mended the configuration does not want to wait. */
static void wait_out(struct runner *r, int64_t ms)
{
    uint64_t version = version_now(r);
    for (int64_t left = ms; left > 0 && !stopping(r) && version_now(r) == version; left -= LOOK_MS)
        rest(r, left < LOOK_MS ? left : LOOK_MS, false);
}

int64_t runner_pause(int tries, int64_t asked_ms, unsigned dice)
{
    int64_t ms = tries > 9 ? PAUSE_MOST_MS : (int64_t)FIRST_MS << (tries > 0 ? tries - 1 : 0);
    ms = ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : ms;
    if (asked_ms >= 0)
        return asked_ms > ASKED_MOST_MS ? ASKED_MOST_MS : asked_ms > FIRST_MS ? asked_ms : FIRST_MS;
    return ms - ms / 2 * (int64_t)(dice % 1024) / 1024;
}

/* ---- what became of a round ---- */

static void set_trouble(struct runner *r, const char *why)
{
    must(pthread_mutex_lock(&r->mutex) == 0);
    snprintf(r->trouble, sizeof(r->trouble), "%s", why);
    must(pthread_mutex_unlock(&r->mutex) == 0);
}

static void count(struct runner *r, const struct round *d)
{
    if (d->dropped_files)
        log_warn("export", "%s: %lld old files of %lld bytes were thrown away, as keep_files and keep_bytes say", r->name, (long long)d->dropped_files,
            (long long)d->dropped_bytes);
    if (d->rejected)
        log_warn("export", "%s: the receiver took a batch but %lld spans of it", r->name, (long long)d->rejected);
    atomic_fetch_add(&r->dropped_files, d->dropped_files);
    atomic_fetch_add(&r->dropped_bytes, d->dropped_bytes);
    atomic_fetch_add(&r->rejected, d->rejected);
}

static void succeed(struct runner *r, const struct round *d)
{
    const struct batch *b = d->batch;
    if (r->tries)
        log_info("export", "%s works again", r->name);
    r->tries = 0;
    r->most_rows = r->most_rows && 2 * r->most_rows < d->rule->batch_rows ? 2 * r->most_rows : 0;
    set_trouble(r, "");
    atomic_store(&r->last_sent_at, d->place->at);
    atomic_fetch_add(&r->rows, b->rows);
    atomic_fetch_add(&r->bytes, (int64_t)b->body.len);
    atomic_fetch_add(&r->batches, 1);
}

/* The row that was too large is behind us. */
static void pass_over(struct runner *r)
{
    log_warn("export", "%s: row %lld is too large for its receiver", r->name, (long long)r->stub);
    atomic_fetch_add(&r->too_large, 1);
    exports_tell_too_large(r->needs, r->name, r->stub);
    r->stub = -1;
    r->tries = 0;
    set_trouble(r, "");
}

static int64_t fail(struct runner *r, const struct round *d)
{
    unsigned dice;
    random_fill(&dice, sizeof(dice));
    atomic_fetch_add(&r->failures, 1);
    set_trouble(r, d->why);
    log_line(r->tries++ ? LOG_DEBUG : LOG_WARN, "export", "%s: %s; it is tried again", r->name, d->why);
    if (d->too_large && d->batch->rows > 1) {
        r->most_rows = d->batch->rows / 2;
        return 0;
    }
    if (d->too_large && !d->batch->stubbed) {
        r->stub = d->batch->from;
        return 0;
    }
    return runner_pause(r->tries, d->retry_ms, dice);
}

/* ---- a round ---- */

static enum err first_place(struct runner *r, const struct export_rule *rule)
{
    int64_t number = 0;
    enum err e = rule->start == EXPORT_FROM_BEGINNING ? E_OK
                 : rule->start == EXPORT_FROM_TIME    ? export_seek(r->reader, rule->start_at, &number)
                                                      : export_tip(r->reader, &number);
    return e ? e : store_export_begin(r->needs->store, rule->name, number);
}

static void show_place(struct runner *r, const struct store_export *place)
{
    atomic_store(&r->position, place->position);
    atomic_store(&r->last_sent_at, place->at);
}

/* One that has begun, and may be paused, says how far it is, too. */
static void look_up_place(struct runner *r)
{
    struct arena arena;
    struct store_export place;
    arena_init(&arena, ROUND_MEMORY);
    if (store_export(r->reader, span_of(r->name), &arena, &place) == E_OK)
        show_place(r, &place);
    arena_free(&arena);
}

static enum err find_place(struct runner *r, struct round *d)
{
    enum err e = store_export(r->reader, d->rule->name, d->arena, d->place);
    if (e == E_NOT_FOUND && (e = first_place(r, d->rule)) == E_OK)
        e = store_export(r->reader, d->rule->name, d->arena, d->place);
    if (!e)
        show_place(r, d->place);
    return e;
}

static enum err move(struct runner *r, struct round *d)
{
    struct store_export to = { .position = d->batch->next, .at = d->batch->rows ? clock_unix_ms() : d->place->at, .note = span_of(d->note) };
    enum err e = store_export_move(r->needs->store, d->rule->name, d->place->position, &to);
    d->place->at = to.at;
    if (!e)
        atomic_store(&r->position, to.position);
    return e == E_CONFLICT ? E_OK : e; /* it was rewound: the next round begins there */
}

static enum err hand_over(struct round *d)
{
    return d->rule->kind == EXPORT_FILE ? file_deliver(d) : remote_deliver(d);
}

/* Milliseconds until the next one; 0: there is more. */
static int64_t deliver(struct runner *r, struct round *d)
{
    struct batch *b = d->batch;
    snprintf(d->note, sizeof(d->note), "%.*s", SPAN_ARG(d->place->note));
    if (b->rows) {
        enum err e = hand_over(d);
        count(r, d);
        if (e == E_CLIENT_GONE)
            return 0;
        if (e == E_CONFLICT) /* rewound while it was about to begin */
            return 0;
        if (e)
            return fail(r, d);
    }
    if (b->next > b->first && move(r, d))
        return STORE_MS;
    if (b->rows)
        succeed(r, d);
    if (b->stubbed)
        pass_over(r);
    return b->full || b->until != INT64_MAX ? 0 : IDLE_MS;
}

/* "UNTIL AT": the batch that was about to be sent, or was, when the last round ended. */
static void read_intent(struct batch *b, struct span note)
{
    struct span rest = note, until;
    int64_t number, at;
    if (b->rule->kind == EXPORT_FILE || !span_cut(&rest, ' ', &until) || !span_to_i64(until, &number) || !span_to_i64(rest, &at) || number <= b->first)
        return;
    b->until = number;
    b->made_at = at;
}

static int64_t run_round(struct runner *r, struct round *d)
{
    struct batch *b = d->batch;
    enum err e = find_place(r, d);
    b->first = b->next = d->place->position;
    b->made_at = d->now;
    b->stub = r->stub;
    if (r->most_rows)
        b->most_rows = r->most_rows;
    else
        read_intent(b, d->place->note.at ? d->place->note : SPAN(""));
    if (!e)
        e = rows_read(b, r->reader);
    if (!e)
        return deliver(r, d);
    if (!stopping(r) && !r->tries++)
        log_warn("export", "%s: the chain cannot be read: %.*s", r->name, SPAN_ARG(err_text(e)));
    set_trouble(r, err_text(e).at);
    return STORE_MS;
}

static int64_t work(struct runner *r, struct snapshot *s, const struct export_rule *rule)
{
    struct arena arena;
    struct batch b;
    struct store_export place = { .note = SPAN_NONE };
    arena_init(&arena, ROUND_MEMORY);
    rows_init(&b, rule);
    struct round d = { .rule = rule, .settings = &s->settings, .store = r->needs->store, .batch = &b, .place = &place, .arena = &arena, .json = r->json,
        .cancel = &r->stopping, .now = clock_unix_ms(), .retry_ms = -1 };
    int64_t pause = run_round(r, &d);
    rows_free(&b);
    arena_free(&arena);
    return pause;
}

/* Rows gather for as long as the rule says, counted from when something came. */
static void await(struct runner *r, int64_t pause, int64_t every)
{
    if (r->tries) {
        wait_out(r, pause);
        return;
    }
    rest(r, pause, true);
    wait_out(r, every);
}

/* False: it left the configuration. */
static bool turn(struct runner *r)
{
    struct snapshot *s = r->needs->snapshot(r->needs->self);
    const struct export_rule *rule = rule_find(s, span_of(r->name));
    if (!rule) {
        snapshot_drop(s);
        return false;
    }
    int64_t every = rule->every_ms;
    atomic_store(&r->kind, rule->kind);
    atomic_store(&r->paused, rule->paused);
    if (rule->paused)
        look_up_place(r); /* it may be rewound */
    int64_t pause = rule->paused ? IDLE_MS : work(r, s, rule);
    snapshot_drop(s);
    if (pause > 0)
        await(r, pause, every);
    return true;
}

static void *run(void *self)
{
    struct runner *r = self;
    while (!stopping(r) && turn(r))
        ;
    atomic_store(&r->over, true);
    return NULL;
}

/* ---- from outside ---- */

static void let_go(struct runner *r)
{
    json_free(r->json);
    store_reader_free(r->reader);
    free(r);
}

static void init_waiting(struct runner *r)
{
    pthread_condattr_t monotonic;
    must(pthread_mutex_init(&r->mutex, NULL) == 0);
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&r->changed, &monotonic) == 0);
    must(pthread_condattr_destroy(&monotonic) == 0);
}

struct runner *runner_start(const struct exports_needs *needs, struct span name, char why[256])
{
    struct runner *r = calloc(1, sizeof(*r));
    snprintf(why, 256, "out of memory");
    if (!r)
        return NULL;
    r->needs = needs;
    snprintf(r->name, sizeof(r->name), "%.*s", SPAN_ARG(name));
    list_init(&r->link);
    atomic_store(&r->position, -1);
    atomic_store(&r->newest, -1);
    r->stub = -1;
    r->json = json_new();
    r->reader = r->json ? store_reader_new(needs->store, why) : NULL;
    if (!r->reader) {
        if (r->json)
            json_free(r->json);
        free(r);
        return NULL;
    }
    init_waiting(r);
    look_up_place(r);
    if (thread_start(&r->thread, run, r, "export %s", r->name))
        return r;
    snprintf(why, 256, "its thread cannot be started");
    must(pthread_cond_destroy(&r->changed) == 0 && pthread_mutex_destroy(&r->mutex) == 0);
    let_go(r);
    return NULL;
}

void runner_wake(struct runner *r)
{
    must(pthread_mutex_lock(&r->mutex) == 0);
    r->woken = true;
    must(pthread_cond_signal(&r->changed) == 0);
    must(pthread_mutex_unlock(&r->mutex) == 0);
}

void runner_hurry(struct runner *r)
{
    atomic_store(&r->stopping, true);
    store_reader_stop(r->reader);
    runner_wake(r);
}

void runner_end(struct runner *r)
{
    must(pthread_join(r->thread, NULL) == 0);
    must(pthread_cond_destroy(&r->changed) == 0 && pthread_mutex_destroy(&r->mutex) == 0);
    let_go(r);
}
