/* SPDX-License-Identifier: Apache-2.0
 * commit.c - see commit.h. */
#include "flow/commit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "rules/call_id.h"

struct commit {
    struct books *books;
    void (*done)(void *self, unsigned worker);
    void *self;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t asked; /* a bit a worker */
    bool stopping;
    _Atomic unsigned long failures[CALL_ID_WORKERS];
};

static void sync_one(struct commit *c, unsigned worker)
{
    if (books_sync(c->books, worker) != E_OK)
        atomic_fetch_add(&c->failures[worker], 1);
    c->done(c->self, worker);
}

static void *run(void *self)
{
    struct commit *c = self;
    must(pthread_mutex_lock(&c->lock) == 0);
    for (;;) {
        while (!c->asked && !c->stopping)
            must(pthread_cond_wait(&c->wake, &c->lock) == 0);
        if (c->stopping)
            break;
        uint64_t asked = c->asked;
        c->asked = 0;
        must(pthread_mutex_unlock(&c->lock) == 0);
        for (; asked; asked &= asked - 1)
            sync_one(c, (unsigned)__builtin_ctzll(asked));
        must(pthread_mutex_lock(&c->lock) == 0);
    }
    must(pthread_mutex_unlock(&c->lock) == 0);
    return NULL;
}

struct commit *commit_start(struct books *b, void (*done)(void *self, unsigned worker), void *self, char why[256])
{
    struct commit *c = calloc(1, sizeof(*c));
    snprintf(why, 256, "the commit thread cannot be started");
    if (!c)
        return NULL;
    c->books = b;
    c->done = done;
    c->self = self;
    must(pthread_mutex_init(&c->lock, NULL) == 0);
    must(pthread_cond_init(&c->wake, NULL) == 0);
    if (thread_start(&c->thread, run, c, "journal sync"))
        return c;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

void commit_ask(struct commit *c, unsigned worker)
{
    must(pthread_mutex_lock(&c->lock) == 0);
    c->asked |= UINT64_C(1) << worker;
    must(pthread_cond_signal(&c->wake) == 0);
    must(pthread_mutex_unlock(&c->lock) == 0);
}

unsigned long commit_failures(const struct commit *c, unsigned worker) { return atomic_load(&c->failures[worker]); }

void commit_stop(struct commit *c)
{
    if (!c)
        return;
    must(pthread_mutex_lock(&c->lock) == 0);
    c->stopping = true;
    must(pthread_cond_signal(&c->wake) == 0);
    must(pthread_mutex_unlock(&c->lock) == 0);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
