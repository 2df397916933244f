/* SPDX-License-Identifier: Apache-2.0
 * recollect.c - see recollect.h: a queue of digests, and a thread with a reader of its own. */
#include "flow/recollect.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { ANSWER_ARENA = 8 << 20, ASKED_MOST = 4096 };

struct recollect {
    struct store_reader *reader;
    struct repeats *repeats;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct digest asked[ASKED_MOST]; /* a ring */
    size_t first, count;
    bool running, stopping;
};

static void find(struct recollect *r, const struct digest *once)
{
    struct arena a;
    struct store_answer found;
    struct digest asked = { { 0 } };
    arena_init(&a, ANSWER_ARENA);
    enum err e = store_answer(r->reader, span_make((const char *)once->bytes, DIGEST_LEN), clock_unix_ms(), &a, &found);
    if (e == E_NOT_FOUND) {
        repeats_found(r->repeats, once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    } else if (e != E_OK) {
        log_error("flow", "the answers that were kept cannot be read: %.*s", SPAN_ARG(err_text(e)));
        repeats_found(r->repeats, once, FOUND_TROUBLE, 0, NULL, SPAN_NONE);
    } else if (found.in_doubt) {
        repeats_found(r->repeats, once, FOUND_IN_DOUBT, found.call, NULL, SPAN_NONE);
    } else {
        if (found.bytes.len >= DIGEST_LEN)
            memcpy(asked.bytes, found.bytes.at, DIGEST_LEN);
        struct span answer = found.bytes.len > DIGEST_LEN ? span_from(found.bytes, DIGEST_LEN) : SPAN_NONE;
        repeats_found(r->repeats, once, FOUND_ANSWER, found.call, &asked, answer);
    }
    arena_free(&a);
}

static void *run(void *self)
{
    struct recollect *r = self;
    must(pthread_mutex_lock(&r->lock) == 0);
    for (;;) {
        while (!r->count && !r->stopping)
            must(pthread_cond_wait(&r->wake, &r->lock) == 0);
        if (r->stopping)
            break;
        struct digest once = r->asked[r->first];
        r->first = (r->first + 1) % ASKED_MOST;
        r->count--;
        must(pthread_mutex_unlock(&r->lock) == 0);
        find(r, &once);
        must(pthread_mutex_lock(&r->lock) == 0);
    }
    must(pthread_mutex_unlock(&r->lock) == 0);
    return NULL;
}

struct recollect *recollect_start(struct store *store, struct repeats *repeats, char why[256])
{
    struct recollect *r = calloc(1, sizeof(*r));
    if (!r) {
        snprintf(why, 256, "out of memory");
        return NULL;
    }
    r->repeats = repeats;
    must(pthread_mutex_init(&r->lock, NULL) == 0);
    must(pthread_cond_init(&r->wake, NULL) == 0);
    r->reader = store_reader_new(store, why);
    if (r->reader && thread_start(&r->thread, run, r, "kept answers")) {
        r->running = true;
        return r;
    }
    if (r->reader)
        snprintf(why, 256, "the thread for kept answers cannot be started");
    recollect_stop(r);
    return NULL;
}

void recollect_ask(struct recollect *r, const struct digest *once)
{
    must(pthread_mutex_lock(&r->lock) == 0);
    bool room = r->count < ASKED_MOST;
    if (room)
        r->asked[(r->first + r->count++) % ASKED_MOST] = *once;
    must(pthread_cond_signal(&r->wake) == 0);
    must(pthread_mutex_unlock(&r->lock) == 0);
    if (!room) /* the store is far behind: those who ask are refused, nothing is forwarded */
        repeats_found(r->repeats, once, FOUND_TROUBLE, 0, NULL, SPAN_NONE);
}

void recollect_stop(struct recollect *r)
{
    if (!r)
        return;
    must(pthread_mutex_lock(&r->lock) == 0);
    r->stopping = true;
    must(pthread_cond_signal(&r->wake) == 0);
    must(pthread_mutex_unlock(&r->lock) == 0);
    if (r->running)
        pthread_join(r->thread, NULL);
    if (r->reader)
        store_reader_free(r->reader);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
