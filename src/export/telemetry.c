/* SPDX-License-Identifier: Apache-2.0
 * telemetry.c - the thread that pushes metrics; what it writes: otlp_metrics.c. */
#include "export/telemetry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/deliver.h"
#include "observe/observe.h"

enum {
    BODY_MOST = 64 << 20,
    MEMORY = 64 << 20,
    SEND_MS = 10 * 1000,
    LAST_MS = 2 * 1000,  /* the one at the end holds up a process that ends */
    LOOK_MS = 5 * 1000   /* how soon a changed configuration is seen */
};

struct telemetry {
    struct telemetry_needs needs;
    int64_t started; /* Unix ms */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool stopping;          /* under the mutex */
    _Atomic uint64_t pushes, failures;
    atomic_bool cancel; /* an attempt is called off when the process ends */
    bool failed;        /* the thread's own: the last one did, and was logged */
};

static enum err hand_over(struct arena *a, const struct settings *s, struct span body, int64_t most_ms, const atomic_bool *cancel, char why[256])
{
    const struct telemetry_settings *t = &s->telemetry;
    struct http_field fields[TELEMETRY_FIELDS + 2] = { { SPAN("content-type"), SPAN("application/json") }, { SPAN("user-agent"), SPAN("Tollgate") } };
    struct fetch_answer answer;
    for (size_t i = 0; i < t->field_count; i++)
        fields[2 + i] = (struct http_field){ t->fields[i].name, t->fields[i].value };
    const struct delivery d = { .method = SPAN("POST"), .url = t->url, .fields = fields, .count = 2 + t->field_count, .body = body, .ca_file = s->ca_file,
        .total_ms = most_ms, .cancel = cancel };
    return deliver(a, &d, &answer, why);
}

static void note(struct telemetry *t, enum err e, const char *why)
{
    atomic_fetch_add_explicit(e ? &t->failures : &t->pushes, 1, memory_order_relaxed);
    if (e && !t->failed)
        log_warn("telemetry", "metrics were not taken (%s); this is told once, tries go on", why);
    if (!e && t->failed)
        log_info("telemetry", "metrics are taken again");
    t->failed = e != E_OK;
}

static void push(struct telemetry *t, const struct settings *s, int64_t most_ms, const atomic_bool *cancel)
{
    struct arena a;
    struct buf body;
    struct observed seen;
    char why[256] = "out of memory";
    arena_init(&a, MEMORY);
    buf_init(&body, BODY_MOST);
    enum err e = observe_read(t->needs.observers, &a, &seen);
    if (!e)
        telemetry_write(&seen, t->started, clock_unix_ms(), &body);
    if (!e && body.broken)
        e = E_NO_MEMORY;
    if (!e)
        e = hand_over(&a, s, buf_span(&body), most_ms, cancel, why);
    note(t, e, why);
    buf_free(&body);
    arena_free(&a);
}

/* How long until the next look; the process may end meanwhile: true. */
static bool rest(struct telemetry *t, int64_t ms)
{
    struct timespec until;
    int64_t at = clock_monotonic_ns() + ms * 1000000;
    until.tv_sec = (time_t)(at / 1000000000);
    until.tv_nsec = (long)(at % 1000000000);
    must(pthread_mutex_lock(&t->mutex) == 0);
    while (!t->stopping && clock_monotonic_ns() < at)
        (void)pthread_cond_timedwait(&t->changed, &t->mutex, &until);
    bool ends = t->stopping;
    must(pthread_mutex_unlock(&t->mutex) == 0);
    return ends;
}

static void *run(void *self)
{
    struct telemetry *t = self;
    int64_t pushed = clock_monotonic_ns() / 1000000;
    for (bool ends = false; !ends;) {
        struct snapshot *s = t->needs.snapshot(t->needs.self);
        const struct telemetry_settings *to = &s->settings.telemetry;
        int64_t now = clock_monotonic_ns() / 1000000, due = pushed + to->interval_ms;
        if (to->url.at && now >= due) {
            push(t, &s->settings, SEND_MS, &t->cancel);
            pushed = now;
            due = now + to->interval_ms;
        }
        int64_t left = to->url.at && due - now < LOOK_MS ? due - now : LOOK_MS;
        snapshot_drop(s);
        ends = rest(t, left);
    }
    struct snapshot *s = t->needs.snapshot(t->needs.self);
    if (s->settings.telemetry.url.at)
        push(t, &s->settings, LAST_MS, NULL);
    snapshot_drop(s);
    return NULL;
}

struct telemetry *telemetry_start(const struct telemetry_needs *needs, char why[256])
{
    struct telemetry *t = calloc(1, sizeof(*t));
    pthread_condattr_t steady;
    snprintf(why, 256, "out of memory");
    if (!t)
        return NULL;
    t->needs = *needs;
    t->started = clock_unix_ms();
    must(pthread_mutex_init(&t->mutex, NULL) == 0);
    must(pthread_condattr_init(&steady) == 0);
    must(pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&t->changed, &steady) == 0);
    must(pthread_condattr_destroy(&steady) == 0);
    if (thread_start(&t->thread, run, t, "metrics push"))
        return t;
    snprintf(why, 256, "its thread cannot be started");
    must(pthread_cond_destroy(&t->changed) == 0);
    must(pthread_mutex_destroy(&t->mutex) == 0);
    free(t);
    return NULL;
}

void telemetry_stop(struct telemetry *t)
{
    if (!t)
        return;
    atomic_store(&t->cancel, true);
    must(pthread_mutex_lock(&t->mutex) == 0);
    t->stopping = true;
    must(pthread_cond_signal(&t->changed) == 0);
    must(pthread_mutex_unlock(&t->mutex) == 0);
    must(pthread_join(t->thread, NULL) == 0);
    must(pthread_cond_destroy(&t->changed) == 0);
    must(pthread_mutex_destroy(&t->mutex) == 0);
    free(t);
}

struct telemetry_counts telemetry_count(const struct telemetry *t)
{
    return (struct telemetry_counts){ atomic_load_explicit(&t->pushes, memory_order_relaxed), atomic_load_explicit(&t->failures, memory_order_relaxed) };
}
