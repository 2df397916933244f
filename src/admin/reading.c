/* SPDX-License-Identifier: Apache-2.0
 * reading.c - queries of the store, on a few threads of their own: a stop, a login or /healthz never waits behind a report.
 *
 *   admin thread: visit_read --- waits its turn --- reading thread: query --- posted back --- admin thread: reply
 *
 * Meanwhile the visit's arena and buffers are the reading thread's; its request stays the admin thread's. Whoever hangs up gives up
 * the place in the line; a query under way for it is stopped, so that nobody can fill the threads with what nobody waits for. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"

/* A thread, and what it reads with. */
struct reading {
    struct readings *all;
    pthread_t thread;
    struct visit *at;            /* NULL: idle */
    struct store_reader *reader; /* opened by the thread when it first needs one */
    bool stopped;                /* the reader was: it can be used no more */
};

struct readings {
    struct admin *admin;
    pthread_mutex_t lock; /* of all that follows, and of the above */
    pthread_cond_t come;
    struct list waiting, answered; /* visits */
    size_t waits, threads;
    struct reading thread[READINGS];
    bool ending;
};

static struct visit *visit_at(struct list *link) { return CONTAINER_OF(link, struct visit, reading); }

static void lock(struct readings *all) { must(pthread_mutex_lock(&all->lock) == 0); }
static void unlock(struct readings *all) { must(pthread_mutex_unlock(&all->lock) == 0); }

/* ---- the admin thread: who has got an answer ---- */

static struct visit *take_answered(struct readings *all)
{
    lock(all);
    struct list *first = list_take_first(&all->answered);
    unlock(all);
    return first ? visit_at(first) : NULL;
}

static void tell(void *self)
{
    struct visit *v;
    while ((v = take_answered(self))) {
        v->away = false;
        if (v->request)
            visit_go_on(v, v->reply);
        else
            visit_free(v);
    }
}

/* ---- a reading thread ---- */

/* A reader that was stopped, or none. */
static void open_reader(struct reading *t)
{
    char why[256];
    struct store_reader *fresh = store_reader_new(books_store(t->all->admin->parts.books), why), *old;
    if (!fresh)
        log_error("admin", "the store cannot be read: %s", why);
    lock(t->all);
    old = t->reader;
    t->reader = fresh;
    t->stopped = false;
    if (fresh && t->all->ending)
        store_reader_stop(fresh);
    unlock(t->all);
    store_reader_free(old);
}

static struct visit *next_visit(struct reading *t)
{
    struct readings *all = t->all;
    struct list *first = NULL;
    lock(all);
    while (!all->ending && list_empty(&all->waiting))
        must(pthread_cond_wait(&all->come, &all->lock) == 0);
    if (!all->ending && (first = list_take_first(&all->waiting)))
        all->waits--;
    t->at = first ? visit_at(first) : NULL;
    unlock(all);
    return t->at;
}

static void give_back(struct reading *t)
{
    lock(t->all);
    list_add_last(&t->all->answered, &t->at->reading);
    t->at = NULL;
    bool spent = t->stopped;
    unlock(t->all);
    loop_post(&t->all->admin->loop, tell, t->all); /* dropped when the loop has ended: readings_end sees to it then */
    if (spent)
        open_reader(t);
}

static void *work(void *self)
{
    struct reading *t = self;
    struct visit *v;
    open_reader(t);
    while ((v = next_visit(t))) {
        if (!t->reader)
            open_reader(t);
        if (!v->begun)
            visit_catch_up(v);
        v->result = E_IO;
        if (t->reader) {
            v->result = E_OK;
            v->ask(v, t->reader);
        }
        give_back(t);
    }
    store_reader_free(t->reader);
    return NULL;
}

/* ---- the admin thread: who asks, and who has gone ---- */

static void nothing(void *mine) { (void)mine; }

/* Out of the line, if it still stands there. */
static bool leave_line(struct readings *all, struct visit *v)
{
    for (struct list *at = all->waiting.next; at != &all->waiting; at = at->next) {
        if (visit_at(at) != v)
            continue;
        list_remove(at);
        all->waits--;
        return true;
    }
    return false;
}

static void stop_query(struct readings *all, const struct visit *v)
{
    for (size_t i = 0; i < all->threads; i++) {
        struct reading *t = &all->thread[i];
        if (t->at != v || !t->reader)
            continue;
        t->stopped = true;
        store_reader_stop(t->reader);
    }
}

static void gone(void *mine)
{
    struct visit *v = mine;
    struct readings *all = v->admin->readings;
    v->request = NULL;
    lock(all);
    bool waited = leave_line(all, v);
    if (!waited)
        stop_query(all, v);
    unlock(all);
    if (waited)
        visit_free(v);
}

static const struct http_request_user away = { .wake = nothing, .gone = gone };

/* Threads are made when they are first needed. With the lock held; false: there is none. */
static bool staffed(struct readings *all)
{
    size_t idle = 0;
    for (size_t i = 0; i < all->threads; i++)
        idle += !all->thread[i].at;
    if (idle > all->waits || all->threads == READINGS)
        return true;
    struct reading *t = &all->thread[all->threads];
    *t = (struct reading){ .all = all };
    if (thread_start(&t->thread, work, t, "admin query %zu", all->threads))
        all->threads++;
    return all->threads > 0;
}

/* False: too many stand there already. An answer that has begun must go on: of those there are few (EXPORTS). */
static bool join_line(struct readings *all, struct visit *v)
{
    lock(all);
    bool room = (v->begun || all->waits < READINGS_WAIT) && staffed(all);
    if (room) {
        list_add_last(&all->waiting, &v->reading);
        all->waits++;
        must(pthread_cond_signal(&all->come) == 0);
    }
    unlock(all);
    return room;
}

void visit_read(struct visit *v, void (*query)(struct visit *v, struct store_reader *r), void (*reply)(struct visit *v))
{
    v->ask = query;
    v->reply = reply;
    v->away = true;
    http_request_user(v->request, &away, v);
    if (join_line(v->admin->readings, v))
        return;
    v->away = false;
    reply_problem(v, E_OVERLOADED, NULL, "allowed: %d queries that wait for their turn; ask again later", READINGS_WAIT);
}

void reply_read(struct visit *v)
{
    if (v->result == E_OK)
        reply_json(v, 200);
    else
        reply_store(v, v->result);
}

size_t readings_count(struct admin *a)
{
    struct readings *all = a->readings;
    lock(all);
    size_t count = all->waits;
    for (size_t i = 0; i < all->threads; i++)
        count += all->thread[i].at != NULL;
    unlock(all);
    return count;
}

/* ---- the plane begins and ends ---- */

bool readings_init(struct admin *a)
{
    struct readings *all = a->readings = calloc(1, sizeof(*all));
    if (!all)
        return false;
    all->admin = a;
    must(pthread_mutex_init(&all->lock, NULL) == 0);
    must(pthread_cond_init(&all->come, NULL) == 0);
    list_init(&all->waiting);
    list_init(&all->answered);
    return true;
}

static void send_home(struct readings *all)
{
    lock(all);
    all->ending = true;
    for (size_t i = 0; i < all->threads; i++)
        if (all->thread[i].reader)
            store_reader_stop(all->thread[i].reader);
    must(pthread_cond_broadcast(&all->come) == 0);
    unlock(all);
    for (size_t i = 0; i < all->threads; i++)
        must(pthread_join(all->thread[i].thread, NULL) == 0);
}

/* The loop has ended, and the server with it: nobody is told anything any more. */
void readings_end(struct admin *a)
{
    struct readings *all = a->readings;
    struct visit *v;
    if (!all)
        return;
    send_home(all);
    must(list_empty(&all->waiting)); /* the server has told each that its asker is gone */
    while ((v = take_answered(all)))
        visit_free(v);
    pthread_cond_destroy(&all->come);
    pthread_mutex_destroy(&all->lock);
    free(all);
    a->readings = NULL;
}
