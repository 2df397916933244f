/* SPDX-License-Identifier: Apache-2.0
 * similar.c - see similar.h. Next to read: similar_build.c. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cache/similar_int.h"

enum { ENTRY_COST = 400 /* around a vector: its entry, its names, its links */, JOBS_MOST = 4096 };

/* ---- groups and entries; the lock is held for writing ---- */

/* The same digest with another number of dimensions is another group. */
static struct digest key_of(const struct digest *group, size_t n)
{
    struct digest key = *group;
    for (size_t i = 0; i < sizeof(n); i++)
        key.bytes[i] ^= (uint8_t)(n >> (8 * i));
    return key;
}

static struct span digest_span(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

static int64_t cost_of(size_t n) { return (int64_t)(n * sizeof(int16_t)) + ENTRY_COST; }

static struct similar_group *group_at(struct similar *s, const struct digest *key, size_t n)
{
    struct similar_group *g = map_get(&s->groups, digest_span(key));
    if (g)
        return g;
    g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    *g = (struct similar_group){ .key = *key, .dimensions = n };
    list_init(&g->blocks);
    list_init(&g->waiting);
    if (map_put(&s->groups, digest_span(&g->key), g))
        return g;
    free(g);
    return NULL;
}

static void free_group(struct similar_group *g)
{
    for (struct list *i; (i = list_take_first(&g->blocks));)
        block_free(CONTAINER_OF(i, struct similar_block, link));
    free(g);
}

void similar_free_group(struct similar *s, struct similar_group *g)
{
    if (g->live || g->holds)
        return;
    for (struct list *i = g->blocks.next; i != &g->blocks; i = i->next)
        s->graphs -= CONTAINER_OF(i, struct similar_block, link)->graph != NULL;
    (void)map_take(&s->groups, digest_span(&g->key));
    list_remove(&g->waiting);
    free_group(g);
}

static void drop(struct similar *s, struct similar_entry *e)
{
    struct similar_group *g = e->group;
    (void)map_take(&s->names, digest_span(&e->name));
    list_remove(&e->age);
    block_drop(e->block, e->slot);
    s->entries--;
    s->bytes -= cost_of(g->dimensions);
    g->live--;
    if (e->block->graph && e->block->live < e->block->count / 2)
        similar_wants_graph(s, g);
    free(e);
    similar_free_group(s, g);
}

/* Room for one more. Those that leave are told to the disk. */
static void make_room(struct similar *s, size_t n)
{
    while (!list_empty(&s->ages) && (s->entries >= s->limits.entries || s->bytes + cost_of(n) > s->limits.bytes)) {
        struct similar_entry *oldest = CONTAINER_OF(s->ages.next, struct similar_entry, age);
        similar_job(s, NULL, &oldest->name, NULL, 0, 0);
        drop(s, oldest);
    }
}

static enum err put(struct similar *s, const struct digest *group, struct similar_entry *e, const int16_t *v, size_t n)
{
    struct digest key = key_of(group, n);
    struct similar_group *g = group_at(s, &key, n);
    struct similar_block *b = g ? block_open(g) : NULL;
    if (!b || !map_put(&s->names, digest_span(&e->name), e)) {
        if (g)
            similar_free_group(s, g);
        return E_NO_MEMORY;
    }
    e->group = g;
    block_put(b, e, v, n);
    list_add_last(&s->ages, &e->age);
    g->live++;
    s->entries++;
    s->bytes += cost_of(n);
    if (b->count == SIMILAR_BLOCK)
        similar_wants_graph(s, g);
    return E_OK;
}

bool similar_take_out(struct similar *s, const struct digest *name)
{
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    struct similar_entry *e = map_get(&s->names, digest_span(name));
    if (e)
        drop(s, e);
    must(pthread_rwlock_unlock(&s->lock) == 0);
    return e != NULL;
}

bool similar_has(struct similar *s, const struct digest *name)
{
    must(pthread_rwlock_rdlock(&s->lock) == 0);
    bool has = map_get(&s->names, digest_span(name)) != NULL;
    must(pthread_rwlock_unlock(&s->lock) == 0);
    return has;
}

enum err similar_put(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms)
{
    struct similar_entry *e = calloc(1, sizeof(*e));
    if (!e)
        return E_NO_MEMORY;
    e->name = *name;
    e->until_ms = until_ms;
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    struct similar_entry *old = map_get(&s->names, digest_span(name));
    if (old)
        drop(s, old);
    make_room(s, n);
    enum err done = put(s, group, e, v, n);
    must(pthread_rwlock_unlock(&s->lock) == 0);
    if (done)
        free(e);
    return done;
}

/* ---- what callers see ---- */

/* A disk that does not keep up loses vectors, never memory: such an answer is found until the gate starts anew. */
void similar_job(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms)
{
    if (!s->disk)
        return;
    struct similar_job *job = calloc(1, sizeof(*job) + n * sizeof(*v));
    must(pthread_mutex_lock(&s->work) == 0);
    bool fits = job && (s->job_count < JOBS_MOST || !until_ms);
    if (fits) {
        *job = (struct similar_job){ .name = *name, .until_ms = until_ms, .dimensions = n, .early = !s->loaded };
        if (group)
            job->group = *group;
        if (n)
            memcpy(job->vector, v, n * sizeof(*v));
        list_add_last(&s->jobs, &job->link);
        s->job_count++;
        must(pthread_cond_signal(&s->wake) == 0);
    }
    must(pthread_mutex_unlock(&s->work) == 0);
    if (!fits)
        free(job);
}

enum err similar_add(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms)
{
    if (n < UNIT_LEAST || n > UNIT_MOST)
        return E_BAD_REQUEST;
    enum err e = similar_put(s, group, name, v, n, until_ms);
    if (!e)
        similar_job(s, group, name, v, n, until_ms);
    return e;
}

void similar_remove(struct similar *s, const struct digest *name)
{
    bool was = similar_take_out(s, name);
    must(pthread_mutex_lock(&s->work) == 0);
    bool loaded = s->loaded;
    must(pthread_mutex_unlock(&s->work) == 0);
    if (was || !loaded)
        similar_job(s, NULL, name, NULL, 0, 0);
}

bool similar_nearest(struct similar *s, const struct digest *group, const int16_t *v, size_t n, int64_t least_ppm, int64_t now_ms, struct similar_found *out)
{
    struct similar_best best = { 0 };
    struct digest key = key_of(group, n);
    must(pthread_rwlock_rdlock(&s->lock) == 0);
    const struct similar_group *g = map_get(&s->groups, digest_span(&key));
    for (const struct list *i = g ? g->blocks.next : NULL; g && i != &g->blocks; i = i->next)
        block_nearest(CONTAINER_OF(i, struct similar_block, link), v, n, now_ms, &best);
    if (best.entry) {
        out->name = best.entry->name;
        out->score_ppm = unit_cosine_ppm(v, block_vector(best.entry->block, best.entry->slot, n), n);
    }
    must(pthread_rwlock_unlock(&s->lock) == 0);
    return best.entry && out->score_ppm >= least_ppm;
}

/* ---- its state ---- */

static int64_t unbuilt_of(const struct similar_group *g)
{
    int64_t sum = 0;
    for (const struct list *i = g->blocks.next; i != &g->blocks; i = i->next) {
        const struct similar_block *b = CONTAINER_OF(i, struct similar_block, link);
        sum += b->making || (!b->graph && b->count == SIMILAR_BLOCK) ? (int64_t)b->live : 0;
    }
    return sum;
}

static int64_t unbuilt(const struct similar *s)
{
    int64_t sum = 0;
    size_t at = 0;
    for (const struct map_entry *e; (e = map_next(&s->groups, &at));)
        sum += unbuilt_of(e->value);
    return sum;
}

struct similar_state similar_state(struct similar *s)
{
    must(pthread_rwlock_rdlock(&s->lock) == 0);
    struct similar_state state = { .entries = s->entries, .bytes = s->bytes, .groups = (int64_t)s->groups.count, .graphs = s->graphs, .unbuilt = unbuilt(s) };
    must(pthread_rwlock_unlock(&s->lock) == 0);
    must(pthread_mutex_lock(&s->work) == 0);
    state.loaded = s->loaded;
    must(pthread_mutex_unlock(&s->work) == 0);
    return state;
}

void similar_write(struct similar *s, struct buf *out)
{
    struct similar_state t = similar_state(s);
    buf_print(out, "{\"entries\":%lld,\"bytes\":%lld,\"groups\":%lld,\"graphs\":%lld,\"unbuilt\":%lld,\"loaded\":%s}", (long long)t.entries, (long long)t.bytes,
        (long long)t.groups, (long long)t.graphs, (long long)t.unbuilt, t.loaded ? "true" : "false");
}

/* ---- its beginning and end ---- */

/* Whoever adds is a worker, too: it does not wait until nobody looks any more. */
static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t how;
    must(pthread_rwlockattr_init(&how) == 0);
    must(pthread_rwlockattr_setkind_np(&how, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    must(pthread_rwlock_init(lock, &how) == 0);
    must(pthread_rwlockattr_destroy(&how) == 0);
}

enum err similar_open(struct span directory, const struct digest *seal, const struct similar_limits *limits, struct similar **out, char why[256])
{
    struct similar *s = calloc(1, sizeof(*s));
    if (!s)
        return E_NO_MEMORY;
    s->limits = *limits;
    list_init(&s->ages);
    list_init(&s->waiting);
    list_init(&s->jobs);
    init_lock(&s->lock);
    must(pthread_mutex_init(&s->work, NULL) == 0);
    must(pthread_cond_init(&s->wake, NULL) == 0);
    s->loaded = !directory.at;
    s->disk = directory.at ? similar_disk_open(directory, seal, why) : NULL;
    if ((directory.at && !s->disk) || !similar_start(s)) {
        if (s->disk)
            memcpy(why, "no thread", sizeof("no thread"));
        similar_close(s);
        return E_IO;
    }
    *out = s;
    return E_OK;
}

void similar_close(struct similar *s)
{
    if (!s)
        return;
    similar_stop(s);
    similar_disk_close(s->disk);
    for (struct list *i; (i = list_take_first(&s->jobs));)
        free(CONTAINER_OF(i, struct similar_job, link));
    size_t at = 0;
    for (const struct map_entry *e; (e = map_next(&s->groups, &at));)
        free_group(e->value);
    for (struct list *i; (i = list_take_first(&s->ages));)
        free(CONTAINER_OF(i, struct similar_entry, age));
    map_free(&s->groups);
    map_free(&s->names);
    pthread_rwlock_destroy(&s->lock);
    pthread_mutex_destroy(&s->work);
    pthread_cond_destroy(&s->wake);
    free(s);
}
