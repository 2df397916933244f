/* SPDX-License-Identifier: Apache-2.0
 * thread.c - the store's own thread: sleep, gather, commit, and chores in quiet moments.
 *
 * Asleep it costs nothing: a writer's first wake signals it, later ones find `nudged` set and go on. It then lets records
 * gather for GATHER_MS (while there is much to do, GATHER_BUSY_MS), unless somebody waits, so that a transaction is shared by
 * all calls of that time. When one batch was full the next follows at once. A write that fails leaves the records in the journals; it is tried again. */
#include "store/inside.h"

#include <errno.h>
#include <stdlib.h> /* defines __GLIBC__ where it is so */
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { FOREVER = -1 };

int64_t thread_now(void) { return clock_monotonic_ns() / 1000000; }

/* With the mutex held; returns early when signalled. */
static void sleep_ms(struct store *s, int64_t ms)
{
    struct timespec until;
    if (ms == FOREVER) {
        must(pthread_cond_wait(&s->wake, &s->mutex) == 0);
        return;
    }
    int64_t at = clock_monotonic_ns() + ms * 1000000;
    until.tv_sec = (time_t)(at / 1000000000);
    until.tv_nsec = (long)(at % 1000000000);
    int code = pthread_cond_timedwait(&s->wake, &s->mutex, &until);
    must(code == 0 || code == ETIMEDOUT);
}

/* ---- chores -------------------------------------------------------------------------------------------------------------- */

static int64_t until(int64_t due, int64_t now) { return due > now ? due - now : 0; }

/* Milliseconds until the next chore. */
static int64_t next_chore(const struct store *s, int64_t now)
{
    int64_t chore = until(s->sweep.at, now);
    int64_t sync = until(s->synced_at + SYNC_MS, now);
    int64_t sign = until(points_due(s), now);
    if (sign < chore)
        chore = sign;
    return (s->unsynced || s->loaded) && sync < chore ? sync : chore;
}

static void rest_sources(struct store *s)
{
    for (size_t i = 0; i < s->source_count; i++)
        if (s->sources[i].from.rest)
            s->sources[i].from.rest(s->sources[i].from.self);
}

static void note_health(struct store *s, enum err e)
{
    bool good = e == E_OK;
    if (atomic_exchange(&s->healthy, good) == good)
        return;
    if (good) {
        log_info("store", "writing works again");
        return;
    }
    log_error("store", "cannot write (%.*s: %s); calls are kept in the journal until it works", SPAN_ARG(err_code(e)), s->trouble);
    rest_sources(s); /* it may be room that is missing */
}

/* What grew while there was work is given back: an idle gate is a small one. */
static void rest(struct store *s)
{
    s->loaded = false;
    buf_free(&s->text);
    buf_free(&s->batch.ids);
    (void)sqlite3_db_release_memory(s->db);
    rest_sources(s);
#ifdef __GLIBC__
    (void)malloc_trim(0); /* it keeps freed pages otherwise: 4.6 MiB after a burst, measured */
#endif
}

static void sign(struct store *s, bool now)
{
    enum err e = points_catch_up(s, now);
    if (e != E_OK)
        log_warn("store", "the audit chain could not be signed (%.*s): %s", SPAN_ARG(err_code(e)), s->trouble);
}

static void do_chores(struct store *s)
{
    int64_t now = thread_now();
    bool quiet = now >= s->synced_at + SYNC_MS;
    if (s->unsynced && quiet) {
        enum err e = batch_sync(s);
        note_health(s, e);
        s->synced_at = now;
    } else if (s->loaded && quiet) {
        rest(s);
    }
    if (now >= s->sweep.at)
        sweep_step(s, clock_unix_ms(), now);
    sign(s, false);
}

/* ---- work ---------------------------------------------------------------------------------------------------------------- */

/* Barriers up to this generation have their answer. Only this thread changes it. */
static uint64_t answered(const struct store *s) { return s->passed > s->failed ? s->passed : s->failed; }

/* Somebody waits. With the mutex held. */
static bool hurried(const struct store *s)
{
    return s->stopping || !list_empty(&s->jobs) || s->generation > answered(s);
}

/* Returns the generation of barriers that this turn answers for; *stopping. `more`: there is work left, do not sleep. */
static uint64_t await_work(struct store *s, bool more, bool *stopping)
{
    must(pthread_mutex_lock(&s->mutex) == 0);
    while (!more && !hurried(s) && !atomic_load(&s->nudged)) {
        int64_t chore = next_chore(s, thread_now());
        if (chore == 0)
            break;
        sleep_ms(s, chore);
    }
    if (!more && atomic_load(&s->nudged)) {
        int64_t end = thread_now() + (s->busy ? GATHER_BUSY_MS : GATHER_MS);
        for (int64_t now = thread_now(); now < end && !hurried(s); now = thread_now())
            sleep_ms(s, end - now);
    }
    uint64_t generation = s->generation;
    *stopping = s->stopping;
    must(pthread_mutex_unlock(&s->mutex) == 0);
    return generation;
}

static bool all_drained(const struct store *s, uint64_t generation)
{
    for (size_t i = 0; i < s->source_count; i++)
        if (s->sources[i].drained < generation)
            return false;
    return true;
}

static void answer(struct store *s, uint64_t generation, enum err e)
{
    bool passed = e == E_OK && all_drained(s, generation);
    if (!passed && e == E_OK)
        return;
    must(pthread_mutex_lock(&s->mutex) == 0);
    if (passed && generation > s->passed)
        s->passed = generation;
    if (e != E_OK && generation > s->failed)
        s->failed = generation;
    must(pthread_cond_broadcast(&s->answer) == 0);
    must(pthread_mutex_unlock(&s->mutex) == 0);
}

static bool sync_due(const struct store *s)
{
    return s->unsynced_bytes >= SYNC_BYTES || (s->unsynced && thread_now() >= s->synced_at + SYNC_MS);
}

static void note_pace(struct store *s, enum err e, int64_t ns, int64_t rows)
{
    atomic_fetch_add_explicit(e == E_OK ? &s->batches : &s->batch_failures, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->batch_us, (uint64_t)(ns / 1000), memory_order_relaxed);
    atomic_fetch_add_explicit(&s->batch_rows, (uint64_t)rows, memory_order_relaxed);
}

/* One batch. False: it failed. */
static bool turn(struct store *s, uint64_t generation, bool *more)
{
    /* Before reading: who appends later sets it again, and is read in the next turn. */
    atomic_exchange(&s->nudged, false);
    batch_synchronous(s, sync_due(s));
    uint64_t commits = s->commits;
    int64_t began = clock_monotonic_ns(), rows = s->chain.rows;
    enum err e = batch_run(s, generation, more);
    batch_synchronous(s, false);
    if (e != E_OK || s->commits != commits)
        note_pace(s, e, clock_monotonic_ns() - began, s->chain.rows - rows);
    if (e != E_OK || s->commits != commits) /* without a write nothing was learned */
        note_health(s, e);
    s->loaded = true;
    answer(s, generation, e);
    *more = *more && e == E_OK;
    return e == E_OK;
}

static void pause_after_failure(struct store *s)
{
    atomic_store(&s->nudged, true);
    must(pthread_mutex_lock(&s->mutex) == 0);
    if (!s->stopping)
        sleep_ms(s, RETRY_MS);
    must(pthread_mutex_unlock(&s->mutex) == 0);
}

static void *run(void *self)
{
    struct store *s = self;
    bool more = false, stopping = false;
    while (!stopping || more) {
        uint64_t generation = await_work(s, more, &stopping);
        bool work = more || stopping || atomic_load(&s->nudged) || generation > answered(s);
        jobs_run(s);
        more = false;
        if (work && !turn(s, generation, &more))
            pause_after_failure(s);
        if (!stopping)
            do_chores(s);
    }
    return NULL;
}

/* ---- the other side ------------------------------------------------------------------------------------------------------ */

enum err store_start(struct store *s)
{
    must(!s->running);
    s->synced_at = s->sweep.at = thread_now();
    atomic_store(&s->nudged, true); /* what was appended since the replay */
    must(pthread_mutex_lock(&s->mutex) == 0);
    s->running = thread_start(&s->thread, run, s, "store");
    must(pthread_mutex_unlock(&s->mutex) == 0);
    return s->running ? E_OK : E_NO_MEMORY;
}

/* The exchange is a full barrier: what the caller appended is visible before `nudged` is, so it cannot be missed. */
void store_wake(struct store *s)
{
    if (atomic_exchange(&s->nudged, true))
        return;
    must(pthread_mutex_lock(&s->mutex) == 0);
    must(pthread_cond_signal(&s->wake) == 0);
    must(pthread_mutex_unlock(&s->mutex) == 0);
}

enum err store_barrier(struct store *s)
{
    enum err e = E_IO;
    must(pthread_mutex_lock(&s->mutex) == 0);
    if (s->running && !s->stopping) {
        uint64_t mine = ++s->generation;
        must(pthread_cond_signal(&s->wake) == 0);
        while (s->passed < mine && s->failed < mine)
            must(pthread_cond_wait(&s->answer, &s->mutex) == 0);
        e = s->passed >= mine ? E_OK : E_IO;
    }
    must(pthread_mutex_unlock(&s->mutex) == 0);
    return e;
}

static void stop(struct store *s)
{
    must(pthread_mutex_lock(&s->mutex) == 0);
    s->stopping = true;
    must(pthread_cond_signal(&s->wake) == 0);
    must(pthread_mutex_unlock(&s->mutex) == 0);
    must(pthread_join(s->thread, NULL) == 0);
    must(pthread_mutex_lock(&s->mutex) == 0);
    s->running = false;
    s->failed = s->generation; /* nobody will answer any more */
    jobs_refuse(s);
    must(pthread_cond_broadcast(&s->answer) == 0);
    must(pthread_mutex_unlock(&s->mutex) == 0);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->running)
        stop(s);
    if (s->recovered)
        sign(s, true);
    if (s->unsynced && batch_sync(s) != E_OK)
        log_error("store", "the last records stay in the journal: %s", s->trouble);
    store_release(s);
}
