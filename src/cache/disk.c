/* SPDX-License-Identifier: Apache-2.0
 * disk.c - the queue and the thread; what is done with the file is vault.c's. See disk.h. */
#include "cache/disk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/thread.h"
#include "cache/label.h"
#include "cache/vault.h"

enum { LOOKS_MOST = 4096, KEEPS_BYTES = 32 << 20, MEANWHILE_MOST = 64 };

enum what { LOOK, KEEP, PURGE };

struct job {
    struct list link;
    enum what what;
    struct digest name;
    uint64_t era;
    int64_t now_ms;
    struct cached_answer answer; /* body behind the job */
    struct span label;
    const struct cache_purge *purge; /* the asker's, who waits */
    size_t *gone;
    bool *done;
    size_t bytes;
};

struct cache_disk {
    struct vault *vault; /* the thread's alone, as is the next */
    const struct cache_purge *purging; /* between two of its steps: what fits it is gone already */
    struct disk_hooks hooks;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake, done;
    struct list jobs;
    size_t looks, bytes;
    bool stopping;
    _Atomic int64_t entries, kept_bytes, dropped;
};

static void look(struct cache_disk *d, const struct job *job)
{
    struct disk_found f = { .name = job->name, .era = job->era };
    f.there = vault_find(d->vault, &job->name, job->now_ms, &f.answer, &f.label);
    f.there = f.there && !(d->purging && label_matches(f.label, d->purging));
    d->hooks.found(d->hooks.self, &f);
}

static void count(struct cache_disk *d)
{
    atomic_store(&d->entries, vault_entries(d->vault));
    atomic_store(&d->kept_bytes, vault_bytes(d->vault));
}

static void meanwhile(struct cache_disk *d, const struct cache_purge *what);

static void purge(struct cache_disk *d, struct job *job)
{
    struct vault_walk walk;
    vault_purge_begin(d->vault, &walk);
    while (vault_purge_step(d->vault, job->purge, &walk))
        meanwhile(d, job->purge);
    count(d); /* before the asker goes on */
    must(pthread_mutex_lock(&d->lock) == 0);
    *job->gone = walk.gone;
    *job->done = true;
    must(pthread_cond_broadcast(&d->done) == 0);
    must(pthread_mutex_unlock(&d->lock) == 0);
}

static void carry_out(struct cache_disk *d, struct job *job)
{
    switch (job->what) {
    case LOOK:
        look(d, job);
        break;
    case KEEP:
        if (!vault_put(d->vault, &job->name, job->label, &job->answer))
            atomic_fetch_add(&d->dropped, 1);
        break;
    case PURGE:
        purge(d, job);
        break;
    }
    count(d);
}

static struct job *next_job(struct cache_disk *d)
{
    struct list *at = list_take_first(&d->jobs);
    struct job *job = at ? CONTAINER_OF(at, struct job, link) : NULL;
    if (job && job->what == LOOK)
        d->looks--;
    if (job)
        d->bytes -= job->bytes;
    return job;
}

/* Callers wait for what they look for: not for a whole purge. Another purge waits for this one. */
static void meanwhile(struct cache_disk *d, const struct cache_purge *what)
{
    d->purging = what;
    for (int i = 0; i < MEANWHILE_MOST; i++) {
        must(pthread_mutex_lock(&d->lock) == 0);
        bool fits = !list_empty(&d->jobs) && CONTAINER_OF(d->jobs.next, struct job, link)->what != PURGE;
        struct job *job = fits ? next_job(d) : NULL;
        must(pthread_mutex_unlock(&d->lock) == 0);
        if (!job)
            break;
        carry_out(d, job);
        free(job);
    }
    d->purging = NULL;
}

static void *run(void *self)
{
    struct cache_disk *d = self;
    must(pthread_mutex_lock(&d->lock) == 0);
    for (;;) {
        struct job *job = next_job(d);
        if (!job && d->stopping)
            break;
        if (!job) {
            must(pthread_cond_wait(&d->wake, &d->lock) == 0);
            continue;
        }
        must(pthread_mutex_unlock(&d->lock) == 0);
        carry_out(d, job);
        free(job);
        must(pthread_mutex_lock(&d->lock) == 0);
    }
    must(pthread_mutex_unlock(&d->lock) == 0);
    return NULL;
}

struct cache_disk *disk_start(struct span directory, const struct digest *seal, int64_t most_bytes, const struct disk_hooks *hooks, char why[256])
{
    struct cache_disk *d = calloc(1, sizeof(*d));
    snprintf(why, 256, "out of memory");
    if (!d)
        return NULL;
    d->hooks = *hooks;
    list_init(&d->jobs);
    must(pthread_mutex_init(&d->lock, NULL) == 0);
    must(pthread_cond_init(&d->wake, NULL) == 0);
    must(pthread_cond_init(&d->done, NULL) == 0);
    const struct vault_hooks gone = { hooks->self, hooks->gone };
    d->vault = vault_open(directory, seal, most_bytes, &gone, why);
    if (d->vault) {
        atomic_store(&d->entries, vault_entries(d->vault));
        atomic_store(&d->kept_bytes, vault_bytes(d->vault));
        if (thread_start(&d->thread, run, d, "cache disk"))
            return d;
        snprintf(why, 256, "its thread cannot be started");
        vault_close(d->vault);
    }
    pthread_cond_destroy(&d->done);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
    return NULL;
}

void disk_stop(struct cache_disk *d)
{
    must(pthread_mutex_lock(&d->lock) == 0);
    bool first = !d->stopping;
    d->stopping = true;
    must(pthread_cond_signal(&d->wake) == 0);
    must(pthread_mutex_unlock(&d->lock) == 0);
    if (first)
        pthread_join(d->thread, NULL);
}

void disk_discard(struct cache_disk *d)
{
    disk_stop(d);
    vault_close(d->vault);
    pthread_cond_destroy(&d->done);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* ---- asking ---- */

static struct job *job_new(enum what what, size_t more)
{
    struct job *job = calloc(1, sizeof(*job) + more);
    if (!job)
        return NULL;
    list_init(&job->link);
    job->what = what;
    job->bytes = more;
    return job;
}

/* With the lock held. */
static void add(struct cache_disk *d, struct job *job)
{
    list_add_last(&d->jobs, &job->link);
    d->bytes += job->bytes;
    must(pthread_cond_signal(&d->wake) == 0);
}

bool disk_look(struct cache_disk *d, const struct digest *name, uint64_t era, int64_t now_ms)
{
    struct job *job = job_new(LOOK, 0);
    if (!job)
        return false;
    job->name = *name;
    job->era = era;
    job->now_ms = now_ms;
    must(pthread_mutex_lock(&d->lock) == 0);
    bool room = d->looks < LOOKS_MOST && !d->stopping;
    if (room) {
        d->looks++;
        add(d, job);
    }
    must(pthread_mutex_unlock(&d->lock) == 0);
    if (!room)
        free(job);
    return room;
}

void disk_keep(struct cache_disk *d, const struct digest *name, struct span label, const struct cached_answer *answer)
{
    struct job *job = job_new(KEEP, label.len + answer->body.len);
    if (!job)
        return;
    char *text = (char *)(job + 1);
    memcpy(text, label.at ? label.at : "", label.len);
    memcpy(text + label.len, answer->body.at ? answer->body.at : "", answer->body.len);
    job->name = *name;
    job->answer = *answer;
    job->label = span_make(text, label.len);
    job->answer.body = span_make(text + label.len, answer->body.len);
    must(pthread_mutex_lock(&d->lock) == 0);
    bool room = d->bytes + job->bytes <= KEEPS_BYTES && !d->stopping;
    if (room)
        add(d, job);
    must(pthread_mutex_unlock(&d->lock) == 0);
    if (!room) {
        atomic_fetch_add(&d->dropped, 1);
        free(job);
    }
}

size_t disk_purge(struct cache_disk *d, const struct cache_purge *what)
{
    size_t gone = 0;
    bool done = false;
    struct job *job = job_new(PURGE, 0);
    must(job != NULL); /* an operator's hand: what was to go must not stay */
    job->purge = what;
    job->gone = &gone;
    job->done = &done;
    must(pthread_mutex_lock(&d->lock) == 0);
    bool open = !d->stopping;
    if (open)
        add(d, job);
    while (open && !done)
        must(pthread_cond_wait(&d->done, &d->lock) == 0);
    must(pthread_mutex_unlock(&d->lock) == 0);
    if (!open)
        free(job);
    return gone;
}

void disk_counts(struct cache_disk *d, struct disk_counts *out)
{
    *out = (struct disk_counts){ atomic_load(&d->entries), atomic_load(&d->kept_bytes), atomic_load(&d->dropped) };
}
