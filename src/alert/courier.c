/* SPDX-License-Identifier: Apache-2.0
 * courier.c - the thread that carries alerts: what is due, to whom, and when again if it was not taken.
 *
 *   look: due alerts, a batch at a time -> deliver each to the endpoints that still have to get it -> note the rest
 *
 * What an endpoint took is noted before the next one is tried. When a note can't be written (the disk is full, say) nothing
 * more is sent until it can, so that a store in trouble never means the same alert over and over. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert/inside.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    BATCH = 16,                 /* alerts read at a time */
    CENSUS = 1000,              /* alerts counted at most */
    LOOK_GAP_MS = 200,          /* between two looks: each commit of the store wakes */
    AGAIN_MS = 1000,            /* a second look after a wake: what it was about may be committed only then */
    IDLE_MS = 60 * 1000,        /* the longest without a look */
    TROUBLE_MS = 5 * 1000,      /* after the store could not be read */
    NOTE_MS = 1000,             /* until a note is tried again */
    HOUR = 60 * 60,             /* in seconds of the schedule */
    GIVE_UP = 3 * 24 * HOUR,    /* after the alert was made */
    CALLBACK_FOR = HOUR,        /* a callback is carried on for as long */
    STRAY = 2 * HOUR,           /* further ahead than any retry: the clock was set back */
    TROUBLE_BYTES = 1024,       /* of what went wrong, kept with the alert */
    MEMORY = 4 << 20,           /* of a batch */
};

struct alerts {
    struct store *store;
    struct store_reader *reader;
    struct snapshot *(*snapshot)(void *self);
    void *self;
    struct json *json;
    int64_t second_ms; /* of the schedule */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool woken;             /* under the mutex */
    atomic_bool stopping;
    atomic_long sent, failed, waiting;
    /* the thread's own */
    int64_t counted_at; /* monotonic ms of the last census; 0: none */
    int64_t earliest;   /* Unix ms; the first that is due later */
};

/* An alert of the outbox, in the batch's memory. */
struct due {
    int64_t id, at;
    int tries;
    struct span body, pending;
};

struct batch {
    struct alerts *alerts;
    struct arena memory;
    struct due list[BATCH];
    size_t count;
    int64_t now;
    bool strays;  /* only those that a clock set back left far ahead */
    long waiting; /* census */
    struct snapshot *snapshot;
    bool *resting; /* by endpoint: it did not answer a moment ago */
};

static int64_t monotonic_ms(void) { return clock_monotonic_ns() / 1000000; }
static bool stopping(const struct alerts *a) { return atomic_load_explicit(&a->stopping, memory_order_relaxed); }

/* Until woken (when `hear`), stopped, or ms have passed. */
static void rest(struct alerts *a, int64_t ms, bool hear)
{
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };
    must(pthread_mutex_lock(&a->mutex) == 0);
    while (!stopping(a) && !(hear && a->woken) && clock_monotonic_ns() < until)
        (void)pthread_cond_timedwait(&a->changed, &a->mutex, &t);
    must(pthread_mutex_unlock(&a->mutex) == 0);
}

static bool take_wake(struct alerts *a)
{
    must(pthread_mutex_lock(&a->mutex) == 0);
    bool woken = a->woken;
    a->woken = false;
    must(pthread_mutex_unlock(&a->mutex) == 0);
    return woken;
}

/* ---- the schedule ---- */

int64_t alert_again(int64_t at, int tries, int64_t now, int64_t second_ms, unsigned dice)
{
    static const int64_t after[] = { 5, 15, 60, 5 * 60, 15 * 60 };
    int64_t elapsed = now > at ? now - at : 0, age = elapsed / second_ms, next = (age / HOUR + 1) * HOUR;
    for (size_t i = sizeof(after) / sizeof(after[0]); i > 0 && after[i - 1] > age; i--)
        next = after[i - 1];
    if (next > GIVE_UP)
        return 0;
    /* A gap that grows with each try, whatever the clock says. */
    int64_t gap = next * second_ms - elapsed, least = (tries < HOUR / 2 ? tries + 1 : HOUR / 2) * 2 * second_ms;
    gap = gap > least ? gap : least;
    return now + gap + gap * (int64_t)(dice % 1024) / 10240; /* gates that failed together come back apart */
}

/* ---- notes ---- */

/* What became of a try. Blocks until it is written, or the courier is stopped. */
static void note(struct alerts *a, int64_t id, bool done, int64_t next_at, struct span pending, struct span trouble)
{
    enum err e;
    bool told = false;
    while ((e = store_alert_tried(a->store, id, done, next_at, pending, trouble)) != E_OK && e != E_NOT_FOUND) {
        if (!told)
            log_error("alert", "what became of alert %lld cannot be noted; nothing is sent until it can", (long long)id);
        told = true;
        rest(a, NOTE_MS, false);
        if (stopping(a))
            return;
    }
    if (!done && next_at < a->earliest)
        a->earliest = next_at;
}

/* ---- one alert ---- */

/* Which endpoints it goes to, and what went wrong with them. */
struct round {
    const struct due *due;
    struct alert alert;
    const struct alert_endpoint *endpoints;
    size_t count, left;
    bool *open; /* by endpoint */
    struct buf trouble;
};

static unsigned kind_of(struct span event)
{
    static const struct { struct span name; unsigned bit; } kinds[] = {
        { { "threshold", 9 }, ALERT_THRESHOLD }, { { "forecast", 8 }, ALERT_FORECAST }, { { "brake", 5 }, ALERT_BRAKE },
        { { "doubt", 5 }, ALERT_DOUBT }, { { "ledger", 6 }, ALERT_LEDGER }, { { "approval", 8 }, ALERT_APPROVAL },
        { { "address", 7 }, ALERT_ADDRESS }, { { "prices", 6 }, ALERT_PRICES },
        { { "breaker", 7 }, ALERT_BREAKER }, { { "credential", 10 }, ALERT_CREDENTIAL }, { { "export", 6 }, ALERT_EXPORT }, { { "login", 5 }, ALERT_LOGIN },
        { { "credit", 6 }, ALERT_CREDIT },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (span_is(event, kinds[i].name))
            return kinds[i].bit;
    }
    return ALERT_ALL; /* a kind that an older gate did not know goes to those who want all */
}

static bool is_named(struct span names, struct span name)
{
    struct span one;
    while (span_next(&names, ',', &one)) {
        if (span_is(one, name))
            return true;
    }
    return false;
}

/* An endpoint that is gone from the configuration since is left out; one that came since gets later alerts. */
static bool choose(struct batch *b, struct round *r)
{
    unsigned kind = kind_of(r->alert.event);
    r->endpoints = b->snapshot->settings.alerts;
    r->count = b->snapshot->settings.alert_count;
    r->open = ARENA_ARRAY(&b->memory, bool, r->count + 1);
    for (size_t i = 0; r->open && i < r->count; i++) {
        const struct alert_endpoint *e = &r->endpoints[i];
        r->open[i] = (e->events & kind) == kind && (r->due->pending.at == NULL || is_named(r->due->pending, e->name));
        r->left += r->open[i];
    }
    return r->open != NULL;
}

static struct span open_names(struct batch *b, const struct round *r)
{
    struct buf names;
    buf_init(&names, MEMORY);
    for (size_t i = 0; i < r->count; i++) {
        if (!r->open[i])
            continue;
        buf_put(&names, names.len ? SPAN(",") : SPAN(""));
        buf_put(&names, r->endpoints[i].name);
    }
    struct span copy = arena_copy(&b->memory, buf_span(&names));
    buf_free(&names);
    return copy;
}

static void put_trouble(struct round *r, struct span name, const char *why)
{
    if (r->trouble.len + name.len + 300 > TROUBLE_BYTES)
        return;
    buf_put(&r->trouble, r->trouble.len ? SPAN("; ") : SPAN(""));
    buf_print(&r->trouble, "%.*s: %s", SPAN_ARG(span_first(name, 200)), why);
}

static void fail(struct batch *b, struct round *r, size_t i, enum err e, const char *why)
{
    struct span name = r->endpoints[i].name;
    atomic_fetch_add(&b->alerts->failed, 1);
    put_trouble(r, name, why);
    b->resting[i] |= e == E_UPSTREAM_UNREACHABLE || e == E_UPSTREAM_TIMEOUT;
    log_line(r->due->tries == 0 ? LOG_WARN : LOG_DEBUG, "alert", "alert %lld (%.*s) did not reach %.*s: %s; it is tried again", (long long)r->due->id,
        SPAN_ARG(span_first(r->alert.event, 40)), SPAN_ARG(span_first(name, 100)), why);
}

/* False: the courier is to stop; what is noted by then stands. */
static bool attempt(struct batch *b, struct round *r, size_t i)
{
    char why[256];
    if (b->resting[i]) {
        put_trouble(r, r->endpoints[i].name, "not tried, it did not answer a moment ago");
        return true;
    }
    r->alert.now = clock_unix_ms();
    enum err e = alert_try(&r->endpoints[i], &r->alert, why);
    if (e == E_CLIENT_GONE)
        return false;
    if (e != E_OK) {
        fail(b, r, i, e, why);
        return true;
    }
    r->open[i] = false;
    r->left--;
    atomic_fetch_add(&b->alerts->sent, 1);
    if (r->left) /* else the end of the round notes it at once */
        note(b->alerts, r->due->id, false, b->now, open_names(b, r), buf_span(&r->trouble));
    return true;
}

static void finish(struct batch *b, struct round *r)
{
    struct alerts *a = b->alerts;
    struct span trouble = buf_span(&r->trouble);
    unsigned dice;
    if (r->left == 0) {
        note(a, r->due->id, true, b->now, SPAN(""), SPAN(""));
        return;
    }
    random_fill(&dice, sizeof(dice));
    int64_t next = alert_again(r->due->at, r->due->tries, clock_unix_ms(), a->second_ms, dice);
    if (next == 0)
        log_error("alert", "alert %lld (%.*s) is given up after three days: %.*s", (long long)r->due->id, SPAN_ARG(span_first(r->alert.event, 40)),
            SPAN_ARG(trouble));
    note(a, r->due->id, next == 0, next ? next : b->now, open_names(b, r), trouble);
}

static void carry(struct batch *b, struct round *r)
{
    if (!choose(b, r))
        return; /* no memory: it stays due */
    for (size_t i = 0; i < r->count; i++) {
        if (r->open[i] && (stopping(b->alerts) || !attempt(b, r, i)))
            return;
    }
    finish(b, r);
}

/* To one address, which stands in it. */
static void carry_callback(struct batch *b, struct round *r)
{
    struct alerts *a = b->alerts;
    char why[256] = "";
    unsigned dice;
    enum err e = callback_try(&r->alert, b->snapshot->settings.private_callbacks, why);
    if (e == E_CLIENT_GONE)
        return;
    random_fill(&dice, sizeof(dice));
    int64_t now = clock_unix_ms(), next = alert_again(r->due->at, r->due->tries, now, a->second_ms, dice);
    bool over = e == E_OK || next - r->due->at > CALLBACK_FOR * a->second_ms;
    if (e != E_OK && over)
        log_warn("alert", "callback %lld is given up: %s", (long long)r->due->id, why);
    note(a, r->due->id, over, over ? now : next, SPAN_NONE, span_of(why));
}

static void deliver(struct batch *b, const struct due *d)
{
    struct round r = { .due = d };
    if (alert_read(b->alerts->json, d->body, &r.alert) != E_OK) {
        log_error("alert", "alert %lld cannot be read or is too large; it is given up", (long long)d->id);
        note(b->alerts, d->id, true, b->now, SPAN_NONE, SPAN("it cannot be read or is too large"));
        return;
    }
    r.alert.delivery = d->id;
    r.alert.cancel = &b->alerts->stopping;
    buf_init(&r.trouble, TROUBLE_BYTES);
    if (span_is(r.alert.event, SPAN("callback")))
        carry_callback(b, &r);
    else
        carry(b, &r);
    buf_free(&r.trouble);
}

/* ---- what is due ---- */

static void take(void *self, const struct store_alert *x)
{
    struct batch *b = self;
    struct alerts *a = b->alerts;
    b->waiting++;
    if (b->strays && x->next_at < a->earliest)
        a->earliest = x->next_at;
    if (b->count == BATCH || (b->strays && x->next_at <= b->now + STRAY * a->second_ms))
        return;
    struct due *d = &b->list[b->count];
    /* One byte too many is enough to see that it is too large. */
    struct span body = span_first(x->body, ALERT_BYTES + 1);
    *d = (struct due){ x->id, x->at, x->tries, arena_copy(&b->memory, body), arena_copy(&b->memory, x->pending) };
    b->count += !b->memory.broken;
}

/* Counts what waits, and finds what would wait for ever because the clock was set back. */
static enum err count_all(struct batch *b)
{
    struct alerts *a = b->alerts;
    if (a->counted_at && monotonic_ms() - a->counted_at < AGAIN_MS)
        return E_OK;
    a->counted_at = monotonic_ms();
    a->earliest = INT64_MAX;
    b->strays = true;
    b->waiting = 0;
    enum err e = store_alerts(a->reader, INT64_MAX, CENSUS, take, b);
    atomic_store(&a->waiting, b->waiting);
    return e;
}

static void deliver_all(struct batch *b)
{
    b->snapshot = b->alerts->snapshot(b->alerts->self);
    b->resting = ARENA_ARRAY(&b->memory, bool, b->snapshot->settings.alert_count + 1);
    for (size_t i = 0; b->resting && i < b->count && !stopping(b->alerts); i++)
        deliver(b, &b->list[i]);
    snapshot_drop(b->snapshot);
}

/* Delivers a batch. The time until there is something to do again. */
static int64_t look(struct alerts *a)
{
    struct batch b = { .alerts = a, .now = clock_unix_ms() };
    arena_init(&b.memory, MEMORY);
    enum err e = store_alerts(a->reader, b.now, BATCH, take, &b);
    if (e == E_OK && b.count == 0)
        e = count_all(&b);
    size_t found = b.count;
    if (found)
        deliver_all(&b);
    if (b.memory.broken)
        e = E_NO_MEMORY;
    arena_free(&b.memory);
    if (e != E_OK)
        return TROUBLE_MS;
    if (found) {
        a->counted_at = 0;
        return 0;
    }
    int64_t pause = a->earliest - b.now;
    return pause > IDLE_MS ? IDLE_MS : pause > 0 ? pause : 0;
}

static void *run(void *self)
{
    struct alerts *a = self;
    bool again = false;
    while (!stopping(a)) {
        int64_t pause = look(a);
        if (again && pause > AGAIN_MS)
            pause = AGAIN_MS;
        if (pause > 0) {
            int64_t gap = pause < LOOK_GAP_MS ? pause : LOOK_GAP_MS;
            rest(a, gap, false);
            rest(a, pause - gap, true);
            again = take_wake(a);
        }
    }
    return NULL;
}

/* ---- from outside ---- */

static void let_go(struct alerts *a)
{
    if (a->json)
        json_free(a->json);
    if (a->reader)
        store_reader_free(a->reader);
    free(a);
}

static void init_waiting(struct alerts *a)
{
    pthread_condattr_t monotonic;
    must(pthread_mutex_init(&a->mutex, NULL) == 0);
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&a->changed, &monotonic) == 0);
    must(pthread_condattr_destroy(&monotonic) == 0);
}

struct alerts *alerts_start_at(struct store *store, struct snapshot *(*snapshot)(void *self), void *self, int64_t second_ms, char why[256])
{
    struct alerts *a = calloc(1, sizeof(*a));
    snprintf(why, 256, "out of memory");
    if (a == NULL)
        return NULL;
    *a = (struct alerts){ .store = store, .snapshot = snapshot, .self = self, .second_ms = second_ms, .earliest = INT64_MAX };
    a->json = json_new();
    a->reader = a->json ? store_reader_new(store, why) : NULL;
    if (a->reader == NULL) {
        let_go(a);
        return NULL;
    }
    init_waiting(a);
    if (thread_start(&a->thread, run, a, "alerts"))
        return a;
    snprintf(why, 256, "the thread for alerts cannot be started");
    must(pthread_cond_destroy(&a->changed) == 0 && pthread_mutex_destroy(&a->mutex) == 0);
    let_go(a);
    return NULL;
}

struct alerts *alerts_start(struct store *store, struct snapshot *(*snapshot)(void *self), void *self, char why[256])
{
    return alerts_start_at(store, snapshot, self, 1000, why);
}

void alerts_wake(struct alerts *a)
{
    must(pthread_mutex_lock(&a->mutex) == 0);
    if (!a->woken) {
        a->woken = true;
        must(pthread_cond_signal(&a->changed) == 0);
    }
    must(pthread_mutex_unlock(&a->mutex) == 0);
}

void alerts_stop(struct alerts *a)
{
    if (a == NULL)
        return;
    must(pthread_mutex_lock(&a->mutex) == 0);
    atomic_store(&a->stopping, true);
    must(pthread_cond_signal(&a->changed) == 0);
    must(pthread_mutex_unlock(&a->mutex) == 0);
    must(pthread_join(a->thread, NULL) == 0);
    must(pthread_cond_destroy(&a->changed) == 0 && pthread_mutex_destroy(&a->mutex) == 0);
    let_go(a);
}

void alerts_count(const struct alerts *a, struct alert_counts *out)
{
    *out = (struct alert_counts){ atomic_load(&a->sent), atomic_load(&a->failed), atomic_load(&a->waiting) };
}
