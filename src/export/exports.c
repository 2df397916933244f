/* SPDX-License-Identifier: Apache-2.0
 * exports.c - who runs: a thread for each export of the configuration. And how far behind each is, looked at from here, since one that
 * waits for a receiver cannot say.
 *
 *   woken, or while somebody is behind once a second -> start and end threads as the configuration says -> measure -> tell */
#include "export/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "rules/row.h"

enum { LOOK_GAP_MS = 100, BEHIND_MS = 1000, IDLE_MS = 60 * 1000, AGAIN_MS = 5 * 1000, ALARM_MOST = 4096 };
#define ALARM_KEPT_MS (INT64_C(3) * 24 * 60 * 60 * 1000)

#define HOUR_MS (INT64_C(60) * 60 * 1000)

struct exports {
    struct exports_needs needs;
    struct store_reader *reader;
    pthread_t thread;
    pthread_mutex_t mutex;  /* of all that follows */
    pthread_cond_t changed; /* on the monotonic clock */
    struct list runners;
    bool woken, stopping;
};

static void lock(struct exports *x) { must(pthread_mutex_lock(&x->mutex) == 0); }
static void unlock(struct exports *x) { must(pthread_mutex_unlock(&x->mutex) == 0); }
static struct runner *runner_at(struct list *link) { return CONTAINER_OF(link, struct runner, link); }

static struct runner *find(struct exports *x, struct span name)
{
    for (struct list *at = x->runners.next; at != &x->runners; at = at->next)
        if (span_is(span_of(runner_at(at)->name), name))
            return runner_at(at);
    return NULL;
}

/* ---- who runs ---- */

/* Only this thread changes the list; others look at it under the mutex. */
static void end_those_over(struct exports *x)
{
    for (struct list *at = x->runners.next, *next; at != &x->runners; at = next) {
        struct runner *r = runner_at(at);
        next = at->next;
        if (!atomic_load(&r->over))
            continue;
        lock(x);
        list_remove(&r->link);
        unlock(x);
        runner_end(r);
    }
}

static bool start_one(struct exports *x, const struct export_rule *rule)
{
    char why[256];
    struct runner *r = runner_start(&x->needs, rule->name, why);
    if (!r) {
        log_error("export", "%.*s cannot start: %s", SPAN_ARG(rule->name), why);
        return false;
    }
    lock(x);
    list_add_last(&x->runners, &r->link);
    unlock(x);
    return true;
}

static bool match(struct exports *x, const struct snapshot *s)
{
    bool good = true;
    end_those_over(x);
    for (size_t i = 0; i < s->settings.export_count; i++)
        if (!find(x, s->settings.exports[i].name))
            good = start_one(x, &s->settings.exports[i]) && good;
    for (struct list *at = x->runners.next; at != &x->runners; at = at->next)
        runner_wake(runner_at(at));
    return good;
}

/* ---- how far behind ---- */

static bool take_time(void *self, const struct store_link *link)
{
    struct row_value at = row_field(link->row, ROW_AT);
    *(int64_t *)self = at.there && !at.bytes ? at.number : 0;
    return false;
}

static bool measure_one(struct exports *x, struct runner *r, int64_t tip)
{
    int64_t position = atomic_load(&r->position), oldest = 0;
    struct call_filter f = { .limit = 1, .changes = true, .after = (uint64_t)(position < 0 ? 0 : position) };
    bool behind = position >= 0 && position < tip;
    if (behind && store_audit(x->reader, &f, take_time, &oldest) != E_OK)
        oldest = atomic_load(&r->oldest_at);
    atomic_store(&r->newest, tip - 1);
    atomic_store(&r->oldest_at, oldest);
    return behind;
}

static void read_status(struct runner *r, struct export_status *out)
{
    int64_t now = clock_unix_ms(), oldest = atomic_load(&r->oldest_at);
    *out = (struct export_status){ .kind = atomic_load(&r->kind), .paused = atomic_load(&r->paused), .position = atomic_load(&r->position),
        .newest = atomic_load(&r->newest), .last_sent_at = atomic_load(&r->last_sent_at), .rows = atomic_load(&r->rows), .bytes = atomic_load(&r->bytes),
        .batches = atomic_load(&r->batches), .failures = atomic_load(&r->failures), .dropped_files = atomic_load(&r->dropped_files),
        .dropped_bytes = atomic_load(&r->dropped_bytes), .rejected = atomic_load(&r->rejected), .too_large = atomic_load(&r->too_large) };
    snprintf(out->name, sizeof(out->name), "%s", r->name);
    bool behind = out->position >= 0 && out->newest >= out->position;
    out->lag_rows = behind ? out->newest + 1 - out->position : 0;
    out->lag_ms = behind && oldest > 0 && now > oldest ? now - oldest : 0;
    must(pthread_mutex_lock(&r->mutex) == 0);
    snprintf(out->trouble, sizeof(out->trouble), "%s", r->trouble);
    must(pthread_mutex_unlock(&r->mutex) == 0);
}

/* ---- telling ---- */

static void put_alert(const struct exports_needs *needs, const char *export, const char *name, const struct buf *body)
{
    int64_t now = clock_unix_ms();
    enum err e = body->broken ? E_NO_MEMORY : store_alert_put(needs->store, span_of(name), buf_span(body), now, now + ALARM_KEPT_MS);
    if (e && e != E_CONFLICT)
        log_error("export", "the alert of %s could not be stored", export);
    else if (!e && needs->alarmed)
        needs->alarmed(needs->self);
}

static void open_alert(struct json_out *o, const char *export, const char *text)
{
    json_open(o, '{');
    json_pair(o, SPAN("event"), SPAN("export"));
    json_pair_time(o, SPAN("at"), clock_unix_ms());
    json_pair(o, SPAN("text"), span_of(text));
    json_pair(o, SPAN("export"), span_of(export));
}

void exports_tell_too_large(const struct exports_needs *needs, const char *export, int64_t number)
{
    char name[128], text[256];
    struct buf body;
    snprintf(text, sizeof(text), "the export %s: row %lld is too large for its receiver and was left out; tollgate_export_too_large_total counts such rows", export, (long long)number);
    snprintf(name, sizeof(name), "export/%s/too_large/%lld", export, (long long)(clock_unix_ms() / HOUR_MS));
    buf_init(&body, ALARM_MOST);
    struct json_out o = json_out(&body);
    open_alert(&o, export, text);
    json_pair_i64(&o, SPAN("too_large"), number);
    json_close(&o, '}');
    put_alert(needs, export, name, &body);
    buf_free(&body);
}

static void put_alarm(struct exports *x, const struct export_status *s)
{
    char name[128], text[512];
    struct buf body;
    snprintf(text, sizeof(text), "the export %s is behind: %lld rows are not delivered, the first of them for %lld s%s%.200s", s->name, (long long)s->lag_rows,
        (long long)(s->lag_ms / 1000), s->trouble[0] ? "; at its last try: " : "", s->trouble);
    snprintf(name, sizeof(name), "export/%s/%lld", s->name, (long long)s->position);
    buf_init(&body, ALARM_MOST);
    struct json_out o = json_out(&body);
    open_alert(&o, s->name, text);
    json_pair_i64(&o, SPAN("lag_rows"), s->lag_rows);
    json_pair_i64(&o, SPAN("lag_seconds"), s->lag_ms / 1000);
    json_pair(&o, SPAN("trouble"), s->trouble[0] ? span_of(s->trouble) : SPAN_NONE);
    json_close(&o, '}');
    put_alert(&x->needs, s->name, name, &body);
    buf_free(&body);
}

static void tell(struct exports *x, struct runner *r, const struct export_rule *rule)
{
    struct export_status s;
    if (!rule || rule->paused)
        return;
    read_status(r, &s);
    bool late = (rule->alarm_rows && s.lag_rows > rule->alarm_rows) || (rule->alarm_ms && s.lag_ms > rule->alarm_ms);
    if (late && !r->alarmed) {
        log_warn("export", "%s is behind by %lld rows, %lld s", s.name, (long long)s.lag_rows, (long long)(s.lag_ms / 1000));
        put_alarm(x, &s);
    }
    if (!late && r->alarmed)
        log_info("export", "%s is no longer behind", s.name);
    r->alarmed = late;
}

/* ---- the thread ---- */

/* Milliseconds until the next look that nothing has to wake. */
static int64_t look(struct exports *x)
{
    struct snapshot *s = x->needs.snapshot(x->needs.self);
    bool good = match(x, s), behind = false;
    int64_t tip = 0;
    bool any = !list_empty(&x->runners);
    good = (!any || export_tip(x->reader, &tip) == E_OK) && good;
    for (struct list *at = x->runners.next; good && at != &x->runners; at = at->next) {
        behind = measure_one(x, runner_at(at), tip) || behind;
        tell(x, runner_at(at), rule_find(s, span_of(runner_at(at)->name)));
    }
    snapshot_drop(s);
    return !good ? AGAIN_MS : behind ? BEHIND_MS : IDLE_MS;
}

/* Until woken (when `hear`), to end, or ms have passed. False: it is to end. */
static bool rest(struct exports *x, int64_t ms, bool hear)
{
    int64_t until = clock_monotonic_ns() + ms * 1000000;
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };
    lock(x);
    while (!x->stopping && !(hear && x->woken) && clock_monotonic_ns() < until)
        (void)pthread_cond_timedwait(&x->changed, &x->mutex, &t);
    x->woken = x->woken && !hear;
    bool go_on = !x->stopping;
    unlock(x);
    return go_on;
}

static void end_all(struct exports *x)
{
    for (struct list *at = x->runners.next; at != &x->runners; at = at->next)
        runner_hurry(runner_at(at));
    struct list *first;
    while (!list_empty(&x->runners)) {
        lock(x);
        first = list_take_first(&x->runners);
        unlock(x);
        runner_end(runner_at(first));
    }
}

static void *run(void *self)
{
    struct exports *x = self;
    while (rest(x, look(x), true) && rest(x, LOOK_GAP_MS, false))
        ;
    end_all(x);
    return NULL;
}

/* ---- from outside ---- */

static void init_waiting(struct exports *x)
{
    pthread_condattr_t monotonic;
    must(pthread_mutex_init(&x->mutex, NULL) == 0);
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&x->changed, &monotonic) == 0);
    must(pthread_condattr_destroy(&monotonic) == 0);
}

static void let_go(struct exports *x)
{
    must(pthread_cond_destroy(&x->changed) == 0 && pthread_mutex_destroy(&x->mutex) == 0);
    store_reader_free(x->reader);
    free(x);
}

struct exports *exports_start(const struct exports_needs *needs, char why[256])
{
    struct exports *x = calloc(1, sizeof(*x));
    snprintf(why, 256, "out of memory");
    if (!x)
        return NULL;
    x->needs = *needs;
    list_init(&x->runners);
    x->reader = store_reader_new(needs->store, why);
    if (!x->reader) {
        free(x);
        return NULL;
    }
    init_waiting(x);
    if (thread_start(&x->thread, run, x, "exports"))
        return x;
    snprintf(why, 256, "the thread for exports cannot be started");
    let_go(x);
    return NULL;
}

void exports_wake(struct exports *x)
{
    lock(x);
    if (!x->woken) {
        x->woken = true;
        must(pthread_cond_signal(&x->changed) == 0);
    }
    unlock(x);
}

void exports_stop(struct exports *x)
{
    if (!x)
        return;
    lock(x);
    x->stopping = true;
    must(pthread_cond_signal(&x->changed) == 0);
    unlock(x);
    store_reader_stop(x->reader);
    must(pthread_join(x->thread, NULL) == 0);
    let_go(x);
}

size_t exports_list(struct exports *x, struct export_status *out, size_t most)
{
    size_t n = 0;
    lock(x);
    for (struct list *at = x->runners.next; at != &x->runners && n < most; at = at->next)
        read_status(runner_at(at), &out[n++]);
    unlock(x);
    return n;
}

bool exports_one(struct exports *x, struct span name, struct export_status *out)
{
    lock(x);
    struct runner *r = find(x, name);
    if (r)
        read_status(r, out);
    unlock(x);
    return r != NULL;
}
