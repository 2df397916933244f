/* SPDX-License-Identifier: Apache-2.0
 * jobs.c - writes of other threads, done by the store thread between two batches while the caller waits.
 *
 * There is one writer, so that no write ever waits for another's lock in the database. */
#include "store/inside.h"

enum err jobs_do(struct store *s, enum err (*run)(struct store *s, void *self), void *self)
{
    struct job job = { .run = run, .self = self, .result = E_IO };
    must(pthread_mutex_lock(&s->mutex) == 0);
    bool alone = !s->running && !s->stopping; /* after the end there is nothing to write to any more */
    if (s->running && !s->stopping) {
        list_add_last(&s->jobs, &job.link);
        must(pthread_cond_signal(&s->wake) == 0);
        while (!job.done)
            must(pthread_cond_wait(&s->answer, &s->mutex) == 0);
    }
    must(pthread_mutex_unlock(&s->mutex) == 0);
    return alone ? run(s, self) : job.result; /* before store_start the caller is the only thread there is */
}

struct durable {
    enum err (*run)(struct store *s, void *self);
    void *self;
};

/* With the batch's own machinery: a row that it writes goes to the end of the chain like any other. */
static enum err run_durably(struct store *s, void *self)
{
    const struct durable *d = self;
    batch_synchronous(s, true);
    enum err e = s->synchronous ? batch_begin(s) : E_IO;
    if (e == E_OK)
        e = d->run(s, d->self);
    if (e == E_OK)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    batch_synchronous(s, false);
    return e;
}

enum err jobs_do_durably(struct store *s, enum err (*run)(struct store *s, void *self), void *self)
{
    struct durable d = { run, self };
    return jobs_do(s, run_durably, &d);
}

static struct job *first(struct store *s)
{
    struct job *job = NULL;
    must(pthread_mutex_lock(&s->mutex) == 0);
    if (!list_empty(&s->jobs)) {
        job = CONTAINER_OF(s->jobs.next, struct job, link);
        list_remove(&job->link);
    }
    must(pthread_mutex_unlock(&s->mutex) == 0);
    return job;
}

void jobs_run(struct store *s)
{
    struct job *job;
    while ((job = first(s))) {
        job->result = job->run(s, job->self);
        must(pthread_mutex_lock(&s->mutex) == 0);
        job->done = true; /* from here on the caller's stack may be gone */
        must(pthread_cond_broadcast(&s->answer) == 0);
        must(pthread_mutex_unlock(&s->mutex) == 0);
    }
}

void jobs_refuse(struct store *s)
{
    while (!list_empty(&s->jobs)) {
        struct job *job = CONTAINER_OF(s->jobs.next, struct job, link);
        list_remove(&job->link);
        job->done = true; /* with E_IO */
    }
}
