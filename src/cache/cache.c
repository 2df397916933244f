/* SPDX-License-Identifier: Apache-2.0
 * cache.c - see cache.h. Who may go, who waits, and what memory and disk know together.
 *
 * Whoever finds an entry busy leaves the number of its worker there and is told when it changes; then it enters again. So no pointer to a
 * call is ever kept, and one that left is nobody's concern. */
#include "cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "cache/disk.h"
#include "cache/label.h"
#include "cache/memory.h"

enum { SHARDS = 16, SKEW_MS = 60 * 1000, EDITIONS = 4096 };

struct shard {
    pthread_mutex_t lock;
    struct memory memory;
};

struct cache {
    struct shard shards[SHARDS];
    struct cache_limits limits;
    struct cache_hooks hooks;
    struct cache_disk *disk; /* NULL: memory only */
    _Atomic uint64_t era;    /* grows with each purge */
    _Atomic int64_t hits, misses, saved, kept;
    uint64_t first_edition; /* random: what the disk has of earlier processes is of none of these */
    _Atomic uint64_t written[EDITIONS];
};

static struct shard *shard_of(struct cache *c, const struct digest *name) { return &c->shards[name->bytes[0] % SHARDS]; }

static struct memory *lock_shard(struct cache *c, const struct digest *name)
{
    struct shard *s = shard_of(c, name);
    must(pthread_mutex_lock(&s->lock) == 0);
    return &s->memory;
}

static void unlock_shard(struct cache *c, const struct digest *name) { must(pthread_mutex_unlock(&shard_of(c, name)->lock) == 0); }

static void left(void *self, const struct digest *name)
{
    const struct cache *c = self;
    if (c->hooks.gone)
        c->hooks.gone(c->hooks.self, name);
}

/* Those that wait, to be told after the lock is gone. */
static uint64_t take_waiting(struct entry *e)
{
    uint64_t workers = e->waiting;
    e->waiting = 0;
    return workers;
}

static void tell(struct cache *c, uint64_t workers)
{
    if (workers && c->hooks.news)
        c->hooks.news(c->hooks.self, workers);
}

/* ---- opening ---- */

/* On the disk's thread. What was purged since it was asked is not taken over. */
static void found(void *self, const struct disk_found *f)
{
    struct cache *c = self;
    struct memory *m = lock_shard(c, &f->name);
    struct entry *e = memory_find(m, &f->name);
    uint64_t workers = 0;
    if (e && e->state == LOOKING) {
        if (f->there && f->era == atomic_load(&c->era))
            (void)memory_fill(m, e, f->label, &f->answer);
        else
            memory_empty(m, e, VACANT);
        workers = take_waiting(e);
    }
    memory_shrink(m);
    unlock_shard(c, &f->name);
    tell(c, workers);
}

static void open_disk(struct cache *c, struct span directory, const struct digest *seal)
{
    char why[256];
    const struct disk_hooks hooks = { .self = c, .found = found, .gone = left };
    if (!directory.at || c->limits.disk_bytes <= 0)
        return;
    c->disk = disk_start(directory, seal, c->limits.disk_bytes, &hooks, why);
    if (!c->disk)
        log_warn("cache", "answers are kept in memory only: %s", why);
}

enum err cache_open(struct span directory, const struct digest *seal, const struct cache_limits *limits, const struct cache_hooks *hooks, struct cache **out)
{
    struct cache *c = calloc(1, sizeof(*c));
    *out = c;
    if (!c)
        return E_NO_MEMORY;
    c->limits = *limits;
    c->hooks = *hooks;
    random_fill(&c->first_edition, sizeof(c->first_edition));
    for (int i = 0; i < SHARDS; i++) {
        must(pthread_mutex_init(&c->shards[i].lock, NULL) == 0);
        memory_init(&c->shards[i].memory, limits->memory_bytes / SHARDS);
    }
    open_disk(c, directory, seal);
    for (int i = 0; !c->disk && i < SHARDS; i++) { /* what leaves memory is still on the disk, if there is one */
        c->shards[i].memory.left = left;
        c->shards[i].memory.self = c;
    }
    return E_OK;
}

void cache_stop(struct cache *c)
{
    if (!c)
        return;
    if (c->disk)
        disk_stop(c->disk);
    c->hooks.news = NULL;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    cache_stop(c);
    if (c->disk)
        disk_discard(c->disk);
    for (int i = 0; i < SHARDS; i++) {
        memory_free(&c->shards[i].memory);
        pthread_mutex_destroy(&c->shards[i].lock);
    }
    free(c);
}

int64_t cache_entry_bytes(const struct cache *c) { return c->limits.entry_bytes; }
uint64_t cache_era(const struct cache *c) { return atomic_load(&c->era); }

/* ---- entering ---- */

/* By a clock that may be set: what was kept later than now is not trusted for long. */
static bool is_fresh(const struct cached_answer *a, const struct cache_ask *ask)
{
    int64_t age = ask->now_ms - a->at_ms;
    return ask->now_ms < a->until_ms && age >= -SKEW_MS && (!ask->max_age_ms || age < ask->max_age_ms);
}

static enum cached go(struct entry *e, struct memory *m, const struct cache_ask *ask)
{
    memory_empty(m, e, FLYING);
    e->call = ask->call;
    e->since_ms = ask->now_ms;
    return CACHED_GO;
}

static enum cached wait_for(struct entry *e, const struct cache_ask *ask)
{
    e->waiting |= UINT64_C(1) << ask->worker;
    return CACHED_WAIT;
}

static enum cached give(struct memory *m, struct entry *e, struct arena *a, struct cached_answer *out)
{
    *out = e->answer;
    out->body = arena_copy(a, e->answer.body);
    memory_touch(m, e);
    return out->body.at ? CACHED_HIT : CACHED_GO; /* without memory it goes; nobody waits for it */
}

static bool overdue(const struct entry *e, const struct cache_ask *ask)
{
    int64_t flown = ask->now_ms - e->since_ms;
    return flown >= CACHE_FLIGHT_MS || flown < -CACHE_FLIGHT_MS;
}

static enum cached look_at(struct memory *m, struct entry *e, const struct cache_ask *ask, struct arena *a, struct cached_answer *out)
{
    switch (e->state) {
    case KEPT:
        return is_fresh(&e->answer, ask) ? give(m, e, a, out) : go(e, m, ask);
    case LOOKING:
        return wait_for(e, ask);
    case FLYING:
        if (e->call == ask->call || overdue(e, ask))
            return go(e, m, ask);
        return wait_for(e, ask);
    default:
        return go(e, m, ask);
    }
}

/* Not in memory: it may be on the disk. NULL: it is not, or it cannot be asked. */
static struct entry *ask_disk(struct cache *c, struct memory *m, const struct cache_ask *ask, uint64_t era)
{
    if (!c->disk || !disk_look(c->disk, &ask->name, era, ask->now_ms))
        return NULL;
    struct entry *e = memory_add(m, &ask->name, LOOKING); /* the shard is locked: the answer comes behind */
    if (e)
        e->era = era;
    return e;
}

static enum cached enter_absent(struct cache *c, struct memory *m, const struct cache_ask *ask, uint64_t era)
{
    struct entry *e = ask_disk(c, m, ask, era);
    if (e)
        return wait_for(e, ask);
    e = memory_add(m, &ask->name, FLYING);
    return e ? go(e, m, ask) : CACHED_GO;
}

enum cached cache_enter(struct cache *c, const struct cache_ask *ask, struct arena *a, struct cached_answer *out, uint64_t *era)
{
    *era = atomic_load(&c->era);
    struct memory *m = lock_shard(c, &ask->name);
    struct entry *e = memory_find(m, &ask->name);
    enum cached what = e ? look_at(m, e, ask, a, out) : enter_absent(c, m, ask, *era);
    unlock_shard(c, &ask->name);
    if (what != CACHED_WAIT)
        cache_count(c, what == CACHED_HIT, what == CACHED_HIT ? out->cost : 0);
    return what;
}

enum cached cache_find(struct cache *c, const struct cache_ask *ask, struct arena *a, struct cached_answer *out)
{
    enum cached what = CACHED_GO;
    struct memory *m = lock_shard(c, &ask->name);
    struct entry *e = memory_find(m, &ask->name);
    if (!e)
        e = ask_disk(c, m, ask, atomic_load(&c->era));
    if (e && e->state == LOOKING)
        what = wait_for(e, ask);
    else if (e && e->state == KEPT && is_fresh(&e->answer, ask))
        what = give(m, e, a, out);
    unlock_shard(c, &ask->name);
    return what;
}

void cache_count(struct cache *c, bool hit, int64_t saved)
{
    atomic_fetch_add(hit ? &c->hits : &c->misses, 1);
    atomic_fetch_add(&c->saved, saved);
}

/* ---- endings ---- */

static bool fits(const struct cache *c, const struct cached_answer *a)
{
    return (int64_t)a->body.len <= c->limits.entry_bytes && a->until_ms > a->at_ms;
}

void cache_keep(struct cache *c, const struct digest *name, uint64_t era, const struct cache_label *label, const struct cached_answer *answer)
{
    struct buf block;
    uint64_t workers = 0;
    buf_init(&block, LABEL_MOST);
    label_write(label, &block);
    struct memory *m = lock_shard(c, name);
    struct entry *e = memory_find(m, name);
    bool keeps = fits(c, answer) && !block.broken && era == atomic_load(&c->era);
    if (keeps && !e)
        e = memory_add(m, name, VACANT);
    if (keeps && e)
        (void)memory_fill(m, e, buf_span(&block), answer);
    else if (e && e->state == FLYING)
        memory_empty(m, e, VACANT);
    if (e && e->state != LOOKING)
        workers = take_waiting(e);
    if (keeps && c->disk) /* with the lock held: a purge comes wholly before it, or behind */
        disk_keep(c->disk, name, buf_span(&block), answer);
    memory_shrink(m);
    unlock_shard(c, name);
    if (keeps)
        atomic_fetch_add(&c->kept, 1);
    buf_free(&block);
    tell(c, workers);
}

void cache_forgo(struct cache *c, const struct digest *name, uint64_t call)
{
    uint64_t workers = 0;
    struct memory *m = lock_shard(c, name);
    struct entry *e = memory_find(m, name);
    if (e && e->state == FLYING && e->call == call) {
        workers = take_waiting(e);
        if (workers)
            memory_empty(m, e, VACANT); /* they need not ask the disk again */
        else
            memory_drop(m, e);
    }
    memory_shrink(m);
    unlock_shard(c, name);
    tell(c, workers);
}

/* ---- what was written since ---- */

/* Operators name them: none is made up to meet another's. */
static size_t place_of(struct span account) { return span_hash(account, 0) % EDITIONS; }

uint64_t cache_edition(const struct cache *c, struct span account) { return c->first_edition + atomic_load(&c->written[place_of(account)]); }
void cache_outdate(struct cache *c, struct span account) { atomic_fetch_add(&c->written[place_of(account)], 1); }

/* ---- purging ---- */

static size_t purge_shard(struct shard *s, const struct cache_purge *what)
{
    size_t gone = 0;
    must(pthread_mutex_lock(&s->lock) == 0);
    for (struct list *at = s->memory.read.next, *next; at != &s->memory.read; at = next) {
        struct entry *e = CONTAINER_OF(at, struct entry, link);
        next = at->next;
        if (e->state != KEPT || !label_matches(entry_label(e), what))
            continue;
        memory_drop(&s->memory, e);
        gone++;
    }
    must(pthread_mutex_unlock(&s->lock) == 0);
    return gone;
}

size_t cache_purge(struct cache *c, const struct cache_purge *what)
{
    size_t gone = 0;
    atomic_fetch_add(&c->era, 1); /* first: what is under way is not kept from here on */
    for (int i = 0; i < SHARDS; i++)
        gone += purge_shard(&c->shards[i], what);
    size_t on_disk = c->disk ? disk_purge(c->disk, what) : 0;
    for (int i = 0; i < SHARDS && on_disk; i++) /* what somebody had fetched from there meanwhile */
        (void)purge_shard(&c->shards[i], what);
    return on_disk > gone ? on_disk : gone; /* what is in memory is on the disk, too, if there was room */
}

/* ---- showing ---- */

static void count_shard(struct shard *s, int64_t *entries, int64_t *bytes)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    *bytes += s->memory.bytes;
    for (struct list *at = s->memory.read.next; at != &s->memory.read; at = at->next)
        *entries += CONTAINER_OF(at, struct entry, link)->state == KEPT;
    must(pthread_mutex_unlock(&s->lock) == 0);
}

void cache_write(struct cache *c, struct buf *out)
{
    int64_t entries = 0, bytes = 0;
    struct disk_counts disk = { 0 };
    for (int i = 0; i < SHARDS; i++)
        count_shard(&c->shards[i], &entries, &bytes);
    if (c->disk)
        disk_counts(c->disk, &disk);
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair_i64(&o, SPAN("entries"), entries);
    json_pair_i64(&o, SPAN("bytes"), bytes);
    json_pair_i64(&o, SPAN("memory_limit"), c->limits.memory_bytes);
    json_pair_i64(&o, SPAN("disk_entries"), disk.entries);
    json_pair_i64(&o, SPAN("disk_bytes"), disk.bytes);
    json_pair_i64(&o, SPAN("disk_limit"), c->disk ? c->limits.disk_bytes : 0);
    json_pair_i64(&o, SPAN("disk_dropped"), disk.dropped);
    json_pair_i64(&o, SPAN("hits"), atomic_load(&c->hits));
    json_pair_i64(&o, SPAN("misses"), atomic_load(&c->misses));
    json_pair_i64(&o, SPAN("kept"), atomic_load(&c->kept));
    json_pair_money(&o, SPAN("saved_usd"), atomic_load(&c->saved));
    json_close(&o, '}');
}
