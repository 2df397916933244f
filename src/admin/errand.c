/* SPDX-License-Identifier: Apache-2.0
 * errand.c - work that takes its time (checking a long chain, sending a test alert, purging the cache, the self-check): on a thread of its own,
 * so that the plane goes on answering.
 *
 *   admin thread: errand_start --- thread: run --- posted back --- admin thread: done, join, the visit's end
 *
 * While an errand has a visit, the visit's arena and buffers are the thread's; its request stays the admin thread's, which
 * notes there when the asker hangs up. When the plane ends, every errand is told to stop and waited for. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/thread.h"

static void nothing(void *mine) { (void)mine; }
static void gone(void *mine) { ((struct visit *)mine)->request = NULL; }
static const struct http_request_user waiting = { .wake = nothing, .gone = gone };

static void end(struct errand *e)
{
    must(pthread_join(e->thread, NULL) == 0);
    list_remove(&e->link);
    e->done(e);
    if (e->visit) {
        must(!e->visit->request);
        e->admin->errand_count--;
        visit_free(e->visit);
    }
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static void finished(void *self) { end(self); }

static void *work(void *self)
{
    struct errand *e = self;
    e->run(e);
    loop_post(&e->admin->loop, finished, e); /* dropped when the loop has ended: errands_end sees to it then */
    return NULL;
}

static bool begin(struct errand *e)
{
    list_add_last(&e->admin->errands, &e->link);
    if (thread_start(&e->thread, work, e, "admin task"))
        return true;
    list_remove(&e->link);
    return false;
}

bool errand_start(struct admin *a, struct visit *v, void (*run)(struct errand *e), void (*done)(struct errand *e), void *mine)
{
    struct errand *e = v && a->errand_count >= ERRANDS ? NULL : malloc(sizeof(*e));
    if (e) {
        *e = (struct errand){ .admin = a, .visit = v, .mine = mine, .run = run, .done = done };
        atomic_init(&e->stop, false);
        must(pthread_mutex_init(&e->lock, NULL) == 0);
        list_init(&e->link);
    }
    if (!e || !begin(e)) {
        if (e)
            pthread_mutex_destroy(&e->lock);
        free(e);
        if (v)
            reply_problem(v, E_OVERLOADED, NULL, "allowed: %d checks and tests at a time; ask again later", ERRANDS);
        return false;
    }
    if (v) {
        v->away = true;
        a->errand_count++;
        http_request_user(v->request, &waiting, v);
    }
    return true;
}

void errands_init(struct admin *a) { list_init(&a->errands); }

void errand_reads(struct errand *e, struct store_reader *reader)
{
    must(pthread_mutex_lock(&e->lock) == 0);
    e->reader = reader;
    if (reader && atomic_load(&e->stop))
        store_reader_stop(reader);
    must(pthread_mutex_unlock(&e->lock) == 0);
}

static void hurry(struct errand *e)
{
    must(pthread_mutex_lock(&e->lock) == 0);
    atomic_store(&e->stop, true);
    if (e->reader)
        store_reader_stop(e->reader);
    must(pthread_mutex_unlock(&e->lock) == 0);
}

/* The loop has ended, and the server with it: nobody is told anything any more. */
void errands_end(struct admin *a)
{
    for (struct list *at = a->errands.next; at != &a->errands; at = at->next)
        hurry(CONTAINER_OF(at, struct errand, link));
    struct list *first;
    while ((first = list_take_first(&a->errands)))
        end(CONTAINER_OF(first, struct errand, link));
}
