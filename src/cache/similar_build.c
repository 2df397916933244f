/* SPDX-License-Identifier: Apache-2.0
 * similar_build.c - the index's own thread: it makes graphs of full blocks and one graph of several small ones, where nobody sees it,
 * puts them in their place, and writes to the disk.
 *
 * A graph takes in the next older one unless that is more than twice its size: so a group has few graphs, and a vector is built in
 * a few times at most. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "cache/similar_int.h"

enum { SOURCES = 128, PAUSE_EVERY = 256, SWEEP_MS = 60 * 1000, SWEEP_STEP = 2000 };

/* What one graph is made of. */
struct making {
    struct similar_group *group;
    struct similar_block *from[SOURCES];
    size_t from_count;
    struct place {
        struct similar_block *block;
        size_t slot;
    } *places; /* those that lived when it began */
    size_t count, room;
    struct similar_block *made;
};

void similar_wants_graph(struct similar *s, struct similar_group *g)
{
    if (!list_empty(&g->waiting))
        return;
    list_add_last(&s->waiting, &g->waiting);
    must(pthread_mutex_lock(&s->work) == 0);
    s->news = true;
    must(pthread_cond_signal(&s->wake) == 0);
    must(pthread_mutex_unlock(&s->work) == 0);
}

/* ---- choosing: the lock is held for writing ---- */

static bool is_full(const struct similar_block *b) { return b->graph || b->count == SIMILAR_BLOCK; }
static bool is_hollow(const struct similar_block *b) { return b->graph && b->live < b->count / 2; }

static bool fits(const struct similar_block *b, const struct making *m, bool flat_only)
{
    if (!is_full(b) || b->making)
        return false;
    return !b->graph || (!flat_only && (is_hollow(b) || b->live <= 2 * m->room));
}

/* From the newest on: all full flat ones, graphs that lost most of theirs, and those that are not much larger than what was taken so far.
 * flat_only: a larger graph is being made meanwhile. */
static void choose(struct making *m, bool flat_only)
{
    bool needed = false;
    for (struct list *i = m->group->blocks.next; i != &m->group->blocks && m->from_count < SOURCES; i = i->next) {
        struct similar_block *b = CONTAINER_OF(i, struct similar_block, link);
        if (!fits(b, m, flat_only))
            continue;
        needed = needed || !b->graph || is_hollow(b) || m->from_count > 0;
        m->from[m->from_count++] = b;
        m->room += b->live;
    }
    if (!needed)
        m->from_count = 0;
}

/* false: nothing is to be made, or there is no memory for it. */
static bool begin(struct making *m, struct similar_group *g, bool flat_only)
{
    *m = (struct making){ .group = g };
    choose(m, flat_only);
    if (!m->from_count)
        return false;
    m->places = calloc(m->room + 1, sizeof(*m->places));
    m->made = calloc(1, sizeof(*m->made));
    if (!m->places || !m->made) {
        free(m->places);
        free(m->made);
        return false;
    }
    for (size_t k = m->from_count; k-- > 0;) { /* the oldest first */
        m->from[k]->making = true;
        for (size_t slot = 0; slot < m->from[k]->count; slot++)
            if (m->from[k]->entries[slot])
                m->places[m->count++] = (struct place){ m->from[k], slot };
    }
    return true;
}

/* ---- making: without the lock ---- */

static bool is_stopping(struct similar *s)
{
    must(pthread_mutex_lock(&s->work) == 0);
    bool stopping = s->stopping;
    must(pthread_mutex_unlock(&s->work) == 0);
    return stopping;
}

static void build_flat_blocks(struct similar *s);
static void write_jobs(struct similar *s);

/* It may take a minute: meanwhile full blocks become graphs of their own, and what is told is written. */
static bool make_graph(struct similar *s, struct making *m, bool flat_only)
{
    m->made->graph = graph_new(m->group->dimensions, m->count ? m->count : 1);
    m->made->entries = calloc(m->count + 1, sizeof(*m->made->entries));
    m->made->count = m->made->room = m->count;
    bool good = m->made->graph && m->made->entries;
    for (size_t i = 0; good && i < m->count; i++) {
        good = graph_add(m->made->graph, block_vector(m->places[i].block, m->places[i].slot, m->group->dimensions));
        if (i % PAUSE_EVERY)
            continue;
        if (is_stopping(s))
            return false;
        write_jobs(s);
        if (!flat_only)
            build_flat_blocks(s);
    }
    return good;
}

/* ---- in its place: the lock is held for writing ---- */

static void move_entries(struct making *m)
{
    for (size_t i = 0; i < m->count; i++) {
        struct similar_entry *e = m->places[i].block->entries[m->places[i].slot];
        m->made->entries[i] = e;
        if (!e) { /* it left meanwhile */
            graph_forget(m->made->graph, (uint32_t)i);
            continue;
        }
        e->block = m->made;
        e->slot = i;
        m->made->live++;
    }
}

static void put_in_place(struct similar *s, struct making *m)
{
    move_entries(m);
    list_add_first(&m->from[0]->link, &m->made->link);
    s->graphs++;
    for (size_t k = 0; k < m->from_count; k++) {
        s->graphs -= m->from[k]->graph != NULL;
        list_remove(&m->from[k]->link);
    }
}

static void end(struct similar *s, struct making *m, bool good)
{
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    if (good)
        put_in_place(s, m);
    for (size_t k = 0; k < m->from_count; k++)
        m->from[k]->making = false;
    must(pthread_rwlock_unlock(&s->lock) == 0);
    for (size_t k = 0; good && k < m->from_count; k++)
        block_free(m->from[k]);
    if (!good)
        block_free(m->made);
    free(m->places);
}

/* true: something was made, there may be more to do. */
static bool build(struct similar *s, struct similar_group *g, bool flat_only)
{
    struct making m;
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    bool some = begin(&m, g, flat_only);
    must(pthread_rwlock_unlock(&s->lock) == 0);
    if (!some)
        return false;
    bool good = make_graph(s, &m, flat_only);
    end(s, &m, good);
    return good;
}

static struct similar_group *next_group(struct similar *s)
{
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    struct list *first = list_take_first(&s->waiting);
    struct similar_group *g = first ? CONTAINER_OF(first, struct similar_group, waiting) : NULL;
    if (g)
        g->holds++;
    must(pthread_rwlock_unlock(&s->lock) == 0);
    return g;
}

static void let_go(struct similar *s, struct similar_group *g)
{
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    g->holds--;
    similar_free_group(s, g);
    must(pthread_rwlock_unlock(&s->lock) == 0);
}

static void build_flat_blocks(struct similar *s)
{
    for (struct similar_group *g; (g = next_group(s)); let_go(s, g))
        (void)build(s, g, true);
}

static void build_all(struct similar *s)
{
    for (struct similar_group *g; (g = next_group(s)); let_go(s, g))
        while (build(s, g, false))
            ;
}

/* ---- the thread ---- */

static void sweep(struct similar *s, int64_t now_ms)
{
    struct digest gone[SWEEP_STEP / 10];
    size_t count = 0, looked = 0;
    must(pthread_rwlock_rdlock(&s->lock) == 0);
    for (struct list *i = s->ages.next; i != &s->ages && looked < SWEEP_STEP && count < sizeof(gone) / sizeof(*gone); i = i->next, looked++) {
        const struct similar_entry *e = CONTAINER_OF(i, struct similar_entry, age);
        if (e->until_ms <= now_ms)
            gone[count++] = e->name;
    }
    must(pthread_rwlock_unlock(&s->lock) == 0);
    for (size_t i = 0; i < count; i++)
        (void)similar_take_out(s, &gone[i]);
    if (s->disk)
        similar_disk_sweep(s->disk, now_ms);
}

/* false: it ends. */
static bool wait_for_work(struct similar *s)
{
    struct timespec until;
    must(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += SWEEP_MS / 1000;
    must(pthread_mutex_lock(&s->work) == 0);
    int timed_out = 0;
    while (!s->stopping && !s->news && list_empty(&s->jobs) && !timed_out)
        timed_out = pthread_cond_timedwait(&s->wake, &s->work, &until);
    s->news = false;
    bool goes_on = !s->stopping;
    must(pthread_mutex_unlock(&s->work) == 0);
    return goes_on;
}

static void take_jobs(struct similar *s, struct list *jobs)
{
    list_init(jobs);
    must(pthread_mutex_lock(&s->work) == 0);
    for (struct list *i; (i = list_take_first(&s->jobs));)
        list_add_last(jobs, i);
    s->job_count = 0;
    must(pthread_mutex_unlock(&s->work) == 0);
}

/* What was told to leave before the disk was read came back with it. */
static void write_jobs(struct similar *s)
{
    struct list jobs;
    take_jobs(s, &jobs);
    if (s->disk && !list_empty(&jobs))
        similar_disk_apply(s->disk, &jobs);
    for (struct list *i; (i = list_take_first(&jobs));) {
        struct similar_job *job = CONTAINER_OF(i, struct similar_job, link);
        if (job->early && !job->until_ms)
            (void)similar_take_out(s, &job->name);
        free(job);
    }
}

static void load(struct similar *s)
{
    if (s->disk)
        similar_disk_load(s->disk, s, clock_unix_ms());
    must(pthread_mutex_lock(&s->work) == 0);
    s->loaded = true;
    must(pthread_mutex_unlock(&s->work) == 0);
}

static void *run(void *self)
{
    struct similar *s = self;
    int64_t swept = clock_unix_ms();
    bool goes_on = true;
    load(s);
    while (goes_on) {
        goes_on = wait_for_work(s);
        write_jobs(s);
        if (goes_on)
            build_all(s);
        if (clock_unix_ms() - swept >= SWEEP_MS) {
            swept = clock_unix_ms();
            sweep(s, swept);
        }
    }
    return NULL;
}

bool similar_start(struct similar *s)
{
    s->running = thread_start(&s->thread, run, s, "cache index");
    return s->running;
}

void similar_stop(struct similar *s)
{
    if (!s->running)
        return;
    must(pthread_mutex_lock(&s->work) == 0);
    s->stopping = true;
    must(pthread_cond_signal(&s->wake) == 0);
    must(pthread_mutex_unlock(&s->work) == 0);
    must(pthread_join(s->thread, NULL) == 0);
    s->running = false;
}
