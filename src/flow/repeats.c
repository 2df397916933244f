/* SPDX-License-Identifier: Apache-2.0
 * repeats.c - see repeats.h.
 *
 *   LOOKING --found--> VACANT --enter--> FLYING --keep--> KEPT ------tidy--> (the store has it)
 *                  |-> KEPT                 |-- drop--> VACANT ----tidy--> (gone)
 *                  `-> LOST <---------------'-- doubt
 *
 * Whoever finds an entry busy leaves the number of its worker there and is told when it changes; then it enters again. So no
 * pointer to a call is ever kept. */
#include "flow/repeats.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/must.h"

enum { SHARDS = 16 };
enum state { LOOKING, VACANT, FLYING, KEPT, LOST, TROUBLE };

struct entry {
    struct digest once, asked;
    enum state state;
    uint64_t call;
    uint64_t waiting; /* workers, a bit each */
    char *answer;     /* KEPT; NULL: it cannot be given */
    size_t len;
    bool spent;
    unsigned worker;
    uint64_t position; /* the journal says so there; 0: the store knows, or need not */
};

struct shard {
    pthread_mutex_t lock;
    struct map entries;
};

struct repeats {
    struct shard shards[SHARDS];
    struct repeats_hooks hooks;
};

static struct span key_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }
static struct shard *shard_of(struct repeats *r, const struct digest *once) { return &r->shards[once->bytes[0] % SHARDS]; }

struct repeats *repeats_new(const struct repeats_hooks *hooks)
{
    struct repeats *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->hooks = *hooks;
    for (int i = 0; i < SHARDS; i++)
        must(pthread_mutex_init(&r->shards[i].lock, NULL) == 0);
    return r;
}

static void entry_free(struct entry *e)
{
    free(e->answer);
    free(e);
}

void repeats_free(struct repeats *r)
{
    if (!r)
        return;
    for (int i = 0; i < SHARDS; i++) {
        const struct map_entry *at;
        for (size_t from = 0; (at = map_next(&r->shards[i].entries, &from));)
            entry_free(at->value);
        map_free(&r->shards[i].entries);
        pthread_mutex_destroy(&r->shards[i].lock);
    }
    free(r);
}

static struct entry *lock_and_find(struct repeats *r, const struct digest *once)
{
    struct shard *s = shard_of(r, once);
    must(pthread_mutex_lock(&s->lock) == 0);
    return map_get(&s->entries, key_of(once));
}

static struct entry *add(struct repeats *r, const struct digest *once)
{
    struct entry *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->once = *once;
    if (map_put(&shard_of(r, once)->entries, key_of(&e->once), e))
        return e;
    free(e);
    return NULL;
}

static void unlock(struct repeats *r, const struct digest *once)
{
    must(pthread_mutex_unlock(&shard_of(r, once)->lock) == 0);
}

/* Those that wait, to be told after the lock is gone. */
static uint64_t take_waiting(struct entry *e)
{
    uint64_t workers = e->waiting;
    e->waiting = 0;
    return workers;
}

static void tell(struct repeats *r, uint64_t workers)
{
    if (workers)
        r->hooks.news(r->hooks.self, workers);
}

/* ---- entering ---- */

static bool same_request(const struct entry *e, const struct digest *asked)
{
    static const struct digest unknown;
    return memcmp(&e->asked, &unknown, sizeof(unknown)) == 0 || memcmp(&e->asked, asked, sizeof(*asked)) == 0;
}

static enum repeat give(const struct entry *e, struct arena *a, struct span *answer)
{
    if (!e->answer)
        return REPEAT_SETTLED;
    *answer = arena_copy(a, span_make(e->answer, e->len));
    return answer->at ? REPEAT_KEPT : REPEAT_NO_MEMORY;
}

static enum repeat claim(struct entry *e, const struct digest *asked, uint64_t call)
{
    e->state = FLYING;
    e->asked = *asked;
    e->call = call;
    return REPEAT_GO;
}

static enum repeat wait_for(struct entry *e, unsigned worker, enum repeat why)
{
    e->waiting |= UINT64_C(1) << worker;
    return why;
}

static enum repeat look_at(struct entry *e, const struct digest *asked, uint64_t call, unsigned worker, struct arena *a, struct span *answer)
{
    switch (e->state) {
    case VACANT:
        return claim(e, asked, call);
    case LOOKING:
        return wait_for(e, worker, REPEAT_WAIT);
    case TROUBLE:
        return REPEAT_NO_MEMORY;
    case FLYING:
        return same_request(e, asked) ? wait_for(e, worker, REPEAT_WAIT) : REPEAT_CONFLICT;
    case LOST:
        return same_request(e, asked) ? wait_for(e, worker, REPEAT_LOST) : REPEAT_CONFLICT;
    default:
        return same_request(e, asked) ? give(e, a, answer) : REPEAT_CONFLICT;
    }
}

enum repeat repeats_enter(struct repeats *r, const struct digest *once, const struct digest *asked, uint64_t call, unsigned worker, struct arena *a, struct span *answer, uint64_t *of)
{
    struct entry *e = lock_and_find(r, once);
    bool fresh = !e;
    if (fresh)
        e = add(r, once); /* LOOKING */
    enum repeat what = e ? look_at(e, asked, call, worker, a, answer) : REPEAT_NO_MEMORY;
    *of = e ? e->call : 0;
    unlock(r, once);
    if (fresh && what == REPEAT_WAIT)
        r->hooks.look(r->hooks.self, once);
    return what;
}

/* ---- endings ---- */

static void set_answer(struct entry *e, struct span answer)
{
    free(e->answer);
    e->answer = answer.at ? malloc(answer.len + 1) : NULL;
    e->len = answer.len;
    if (e->answer)
        memcpy(e->answer, answer.at, answer.len);
}

void repeats_keep(struct repeats *r, const struct digest *once, const struct digest *asked, uint64_t call, struct span answer, unsigned worker, uint64_t position)
{
    struct entry *e = lock_and_find(r, once);
    uint64_t workers = 0;
    if (!e)
        e = add(r, once);
    if (e) { /* else the store has it, a moment from now */
        e->state = KEPT;
        e->asked = *asked;
        e->call = call;
        e->worker = worker;
        e->position = position;
        set_answer(e, answer);
        workers = take_waiting(e);
    }
    unlock(r, once);
    tell(r, workers);
}

/* FLYING or not there: states that another call's end does not touch. */
static void end(struct repeats *r, const struct digest *once, enum state state, uint64_t call, unsigned worker, uint64_t position)
{
    struct entry *e = lock_and_find(r, once);
    uint64_t workers = 0;
    if (!e && position)
        e = add(r, once);
    if (e) {
        e->state = state;
        e->call = call ? call : e->call;
        e->worker = worker;
        e->position = position;
        workers = take_waiting(e);
    }
    unlock(r, once);
    tell(r, workers);
}

void repeats_drop(struct repeats *r, const struct digest *once, unsigned worker, uint64_t position)
{
    end(r, once, VACANT, 0, worker, position);
}

void repeats_doubt(struct repeats *r, const struct digest *once, uint64_t call, unsigned worker, uint64_t position)
{
    end(r, once, LOST, call, worker, position);
}

void repeats_found(struct repeats *r, const struct digest *once, enum finding what, uint64_t call, const struct digest *asked, struct span answer)
{
    static const enum state states[] = { [FOUND_NOTHING_KEPT] = VACANT, [FOUND_ANSWER] = KEPT, [FOUND_IN_DOUBT] = LOST, [FOUND_TROUBLE] = TROUBLE };
    struct entry *e = lock_and_find(r, once);
    uint64_t workers = 0;
    if (e && e->state == LOOKING) { /* else it was cleared meanwhile, and what the store said is old */
        e->state = states[what];
        e->call = call;
        e->position = 0;
        if (asked)
            e->asked = *asked;
        if (what == FOUND_ANSWER)
            set_answer(e, answer);
        workers = take_waiting(e);
    }
    unlock(r, once);
    tell(r, workers);
}

/* ---- tidying ---- */

static bool is_spent(const struct entry *e, uint64_t (*applied)(void *self, unsigned worker), void *self)
{
    if (e->waiting || e->state == LOOKING || e->state == FLYING)
        return false;
    return !e->position || applied(self, e->worker) >= e->position;
}

static void tidy_shard(struct shard *s, uint64_t (*applied)(void *self, unsigned worker), void *self)
{
    const struct map_entry *at;
    struct map left = { NULL, 0, 0 };
    bool whole = true;
    must(pthread_mutex_lock(&s->lock) == 0);
    for (size_t from = 0; whole && (at = map_next(&s->entries, &from));) {
        struct entry *e = at->value;
        e->spent = is_spent(e, applied, self); /* once: what is applied grows meanwhile */
        whole = e->spent || map_put(&left, at->key, e);
    }
    for (size_t from = 0; whole && (at = map_next(&s->entries, &from));)
        if (((struct entry *)at->value)->spent)
            entry_free(at->value);
    map_free(whole ? &s->entries : &left);
    if (whole)
        s->entries = left;
    must(pthread_mutex_unlock(&s->lock) == 0);
}

void repeats_tidy(struct repeats *r, uint64_t (*applied)(void *self, unsigned worker), void *self)
{
    for (int i = 0; i < SHARDS; i++)
        tidy_shard(&r->shards[i], applied, self);
}

size_t repeats_count(struct repeats *r)
{
    size_t count = 0;
    for (int i = 0; i < SHARDS; i++) {
        must(pthread_mutex_lock(&r->shards[i].lock) == 0);
        count += r->shards[i].entries.count;
        must(pthread_mutex_unlock(&r->shards[i].lock) == 0);
    }
    return count;
}
