/* SPDX-License-Identifier: Apache-2.0
 * scribe.c - see scribe.h. */
#include "flow/scribe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    QUEUE_MOST = 4096,  /* calls that wait */
    BATCH_MOST = 16,    /* written in one transaction */
    WORK_FACTOR = 128,  /* memory for a search, of each byte searched ... */
    WORK_LEAST = 1 << 20,
    WORK_MOST = 128 << 20 /* ... and at most */
};

struct scribe {
    struct store *store;
    int64_t bytes_most;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, written;
    struct list queue;
    size_t waiting;
    uint64_t taken, done; /* calls, since the start */
    bool stopping;
    size_t given_up;       /* the thread's: calls for which there was no time */
    atomic_llong until_ns; /* of a stop: after that nothing more is written; 0: none */
    atomic_llong bytes, kept, skipped, withheld, untracked, lost;
};

/* ---- memory ---- */

bool scribe_charge(struct scribe *s, size_t bytes)
{
    if (atomic_fetch_add(&s->bytes, (long long)bytes) + (long long)bytes <= s->bytes_most)
        return true;
    scribe_return(s, bytes);
    return false;
}

void scribe_return(struct scribe *s, size_t bytes) { atomic_fetch_sub(&s->bytes, (long long)bytes); }
void scribe_count_skipped(struct scribe *s) { atomic_fetch_add(&s->skipped, 1); }
void scribe_count_untracked(struct scribe *s) { atomic_fetch_add(&s->untracked, 1); }

static void wipe(struct buf *b)
{
    if (b->at)
        secret_wipe(b->at, b->len);
    buf_free(b);
}

void captured_free(struct scribe *s, struct captured *c)
{
    scribe_return(s, c->charged);
    wipe(&c->request);
    wipe(&c->response);
    arena_free(&c->arena);
    snapshot_drop(c->snapshot);
    free(c);
}

/* ---- the queue ---- */

bool scribe_take(struct scribe *s, struct captured *c)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    bool room = s->waiting < QUEUE_MOST && !s->stopping;
    if (room) {
        list_add_last(&s->queue, &c->link);
        s->waiting++;
        s->taken++;
        must(pthread_cond_signal(&s->wake) == 0);
    }
    must(pthread_mutex_unlock(&s->lock) == 0);
    if (!room)
        captured_free(s, c);
    return room;
}

void scribe_flush(struct scribe *s)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    uint64_t until = s->taken;
    while (s->done < until)
        must(pthread_cond_wait(&s->written, &s->lock) == 0);
    must(pthread_mutex_unlock(&s->lock) == 0);
}

struct scribe_counts scribe_count(const struct scribe *s)
{
    return (struct scribe_counts){ .kept = atomic_load(&s->kept), .skipped = atomic_load(&s->skipped), .withheld = atomic_load(&s->withheld),
        .untracked = atomic_load(&s->untracked), .lost = atomic_load(&s->lost), .bytes = atomic_load(&s->bytes) };
}

/* ---- the thread ---- */

static void clean(struct scribe *s, struct captured *c, struct arena *work)
{
    struct redact_found found = { { 0 }, 0 };
    struct content *k = &c->content;
    size_t limit = (size_t)c->rule->limit;
    k->request.body = buf_span(&c->request);
    k->response.body = buf_span(&c->response);
    bool whole = content_clean(c->rule->redactor, &k->request, limit, work, &found);
    whole = content_clean(c->rule->redactor, &k->response, limit, work, &found) && whole;
    k->redacted = content_found_text(&found, work);
    if (!whole)
        atomic_fetch_add(&s->withheld, 1);
}

static bool seal_one(struct scribe *s, struct captured *c, struct buf *sealed)
{
    struct arena work;
    size_t need = WORK_LEAST + WORK_FACTOR * (c->request.len + c->response.len);
    const struct content_name name = { c->workspace, c->call };
    arena_init(&work, need < WORK_MOST ? need : WORK_MOST);
    buf_init(sealed, 2 * CONTENT_MOST);
    clean(s, c, &work);
    bool good = content_seal(&c->snapshot->keep_key, &name, &c->content, sealed);
    arena_free(&work);
    return good;
}

static bool too_late(const struct scribe *s)
{
    int64_t until = atomic_load(&s->until_ns);
    return until && clock_monotonic_ns() >= until;
}

static void write_some(struct scribe *s, struct captured *const list[], size_t count)
{
    struct store_content contents[BATCH_MOST];
    struct buf sealed[BATCH_MOST];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct captured *c = list[i];
        buf_init(&sealed[i], 0);
        if (too_late(s)) {
            s->given_up++;
            continue;
        }
        if (!seal_one(s, list[i], &sealed[i]))
            continue;
        contents[n++] = (struct store_content){ .call = c->call, .at = c->at, .until = c->at + c->rule->retention_ms, .workspace = c->workspace, .key = c->key,
            .run = c->run, .user = c->user, .bytes = buf_span(&sealed[i]) };
    }
    bool good = n && store_contents_put(s->store, contents, n) == E_OK;
    if (n && !good)
        log_error("flow", "the content of %zu calls could not be kept: the store cannot write", n);
    atomic_fetch_add(&s->kept, good ? (long long)n : 0);
    atomic_fetch_add(&s->lost, (long long)(count - (good ? n : 0)));
    for (size_t i = 0; i < count; i++) {
        buf_free(&sealed[i]);
        captured_free(s, list[i]);
    }
}

/* With the lock held. */
static size_t take_some(struct scribe *s, struct captured *list[BATCH_MOST])
{
    size_t count = 0;
    while (count < BATCH_MOST && !list_empty(&s->queue)) {
        list[count] = CONTAINER_OF(s->queue.next, struct captured, link);
        list_remove(&list[count++]->link);
    }
    s->waiting -= count;
    return count;
}

static void *run(void *self)
{
    struct scribe *s = self;
    struct captured *list[BATCH_MOST];
    must(pthread_mutex_lock(&s->lock) == 0);
    while (!s->stopping || s->waiting) {
        size_t count = take_some(s, list);
        if (!count) {
            must(pthread_cond_wait(&s->wake, &s->lock) == 0);
            continue;
        }
        must(pthread_mutex_unlock(&s->lock) == 0);
        write_some(s, list, count);
        must(pthread_mutex_lock(&s->lock) == 0);
        s->done += count;
        must(pthread_cond_broadcast(&s->written) == 0);
    }
    must(pthread_mutex_unlock(&s->lock) == 0);
    if (s->given_up)
        log_warn("flow", "the gate stops: the content of %zu calls is not kept, there was no time for it", s->given_up);
    return NULL;
}

struct scribe *scribe_start(struct store *store, int64_t bytes_most, char why[256])
{
    struct scribe *s = calloc(1, sizeof(*s));
    snprintf(why, 256, "the thread that keeps content cannot be started");
    if (!s)
        return NULL;
    s->store = store;
    s->bytes_most = bytes_most;
    list_init(&s->queue);
    must(pthread_mutex_init(&s->lock, NULL) == 0);
    must(pthread_cond_init(&s->wake, NULL) == 0);
    must(pthread_cond_init(&s->written, NULL) == 0);
    if (thread_start(&s->thread, run, s, "content"))
        return s;
    scribe_free(s);
    return NULL;
}

void scribe_stop(struct scribe *s, int64_t most_ms)
{
    if (!s)
        return;
    atomic_store(&s->until_ns, clock_monotonic_ns() + most_ms * 1000000);
    must(pthread_mutex_lock(&s->lock) == 0);
    s->stopping = true;
    must(pthread_cond_signal(&s->wake) == 0);
    must(pthread_mutex_unlock(&s->lock) == 0);
    must(pthread_join(s->thread, NULL) == 0);
}

void scribe_free(struct scribe *s)
{
    if (!s)
        return;
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->written);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
