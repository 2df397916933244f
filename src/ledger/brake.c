/* SPDX-License-Identifier: Apache-2.0
 * brake.c - sliding counts, in shards with a lock each.
 *
 * A count is a ring of parts of its window, the one under way and BRAKE_SLOTS before it. What falls out of the ring goes
 * into coarser bins, from which the normal is taken; they are made when the first part falls out, so that what was seen in
 * one window only (the digests of calls, mostly) stays small. Subjects are kept as 128 bits of keyed hash: names of any
 * length cost the same, and nobody outside can make two of them meet. */
#include "ledger/brake.h"

#include "base/list.h"
#include "base/map.h"
#include "base/money.h"
#include "base/must.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS = 8,
    SHARD_MOST = BRAKE_SUBJECTS / SHARDS,
    CHAINS = SHARD_MOST,
    RING = BRAKE_SLOTS + 1,
    BINS = 24,
    DAY_MS = 24 * 60 * 60 * 1000,
    KNOWN_AFTER = 10, /* windows until there is a normal */
    REACH = 12,       /* windows that the bins go back at least: KNOWN_AFTER, the present one, and one for rounding */
};

/* The bin under way and BINS before it. */
struct past {
    int64_t head;
    int64_t bins[BINS + 1];
};

struct count {
    struct count *next; /* of its chain */
    struct list seen;   /* of its shard, the longest unseen first */
    uint64_t id, more;  /* the subject's hash, in two halves */
    int64_t within;
    int64_t first; /* since when it is known */
    int64_t head;  /* the newest part's number, counted from 1970 */
    int64_t parts[RING];
    struct past *past; /* NULL: nothing fell out of the ring yet */
};

struct shard {
    pthread_mutex_t lock;
    struct list seen;
    size_t count;
    struct count *chains[CHAINS];
};

struct brakes {
    uint64_t key[2], seed;
    struct shard shards[SHARDS];
};

/* A subject while it is looked for. */
struct wanted {
    uint64_t id, more;
    int64_t within, now;
};

static struct wanted want(const struct brakes *b, struct span subject, int64_t within_ms, int64_t now_ms)
{
    must(within_ms > 0 && within_ms <= INT64_MAX / (4 * RING));
    must(now_ms >= 0 && now_ms <= INT64_MAX / (4 * RING));
    return (struct wanted){ map_siphash(b->key, subject), span_hash(subject, b->seed), within_ms, now_ms };
}

static struct shard *shard_of(struct brakes *b, const struct wanted *w)
{
    return &b->shards[w->id % SHARDS];
}

static struct count **chain_of(struct shard *s, uint64_t id)
{
    return &s->chains[id / SHARDS % CHAINS];
}

static struct count *find(struct shard *s, const struct wanted *w)
{
    struct count *c = *chain_of(s, w->id);
    while (c && (c->id != w->id || c->more != w->more || c->within != w->within))
        c = c->next;
    return c;
}

/* ---- time ---- */

static int64_t part_at(int64_t within, int64_t ms) { return ms * BRAKE_SLOTS / within; }
static int64_t part_start(const struct count *c, int64_t part) { return part * c->within / BRAKE_SLOTS; }

static int64_t bin_ms(int64_t within)
{
    int64_t day = DAY_MS / BINS, windows = within * REACH / BINS;
    return windows > day ? windows : day;
}

/* How far back a count remembers anything. */
static int64_t reach_ms(int64_t within) { return bin_ms(within) * (BINS + 1); }

static void past_reach(struct past *p, int64_t bin)
{
    if (bin - p->head > BINS)
        p->head = bin - BINS - 1; /* all of them are wiped below */
    while (p->head < bin)
        p->bins[++p->head % (BINS + 1)] = 0;
}

/* A part leaves the ring. */
static void retire(struct count *c, int64_t part, int64_t amount)
{
    int64_t bin = part_start(c, part) / bin_ms(c->within);
    if (amount == 0)
        return;
    if (c->past == NULL) {
        c->past = calloc(1, sizeof *c->past);
        if (c->past == NULL)
            return; /* no normal until there is memory */
        c->past->head = bin;
    }
    past_reach(c->past, bin);
    int64_t *at = &c->past->bins[bin % (BINS + 1)];
    *at = money_add(*at, amount);
}

/* The clock was set back by more than a window. What is in the window stays in it, as if it had just happened; what was
 * before is forgotten, since nobody can tell when it was. */
static void turn_back(struct count *c, int64_t part, int64_t now)
{
    int64_t parts[RING];
    for (int64_t age = 0; age < RING; age++)
        parts[age] = c->parts[(c->head + RING - age) % RING];
    for (int64_t age = 0; age < RING; age++)
        c->parts[(part + RING - age) % RING] = parts[age];
    c->head = part;
    c->first = now;
    free(c->past);
    c->past = NULL;
}

/* Turns the ring to `now`. Workers' clocks differ by a little and a clock may be set back a little: then the newest part
 * there is stays the one under way. */
static void turn(struct count *c, int64_t now)
{
    int64_t part = part_at(c->within, now);
    if (part < c->head - BRAKE_SLOTS)
        turn_back(c, part, now);
    for (int64_t steps = 0; c->head < part && steps < RING; steps++) {
        int64_t *oldest = &c->parts[(c->head + 1) % RING];
        retire(c, c->head + 1 - RING, *oldest);
        *oldest = 0;
        c->head++;
    }
    if (c->head < part)
        c->head = part; /* the ring is empty by now */
}

static int64_t sum(const int64_t *amounts, size_t count)
{
    __extension__ __int128 total = 0;
    for (size_t i = 0; i < count; i++)
        total += amounts[i];
    return total > INT64_MAX ? INT64_MAX : total < INT64_MIN ? INT64_MIN : (int64_t)total;
}

/* ---- making and forgetting ---- */

static struct count *oldest_of(struct shard *s)
{
    return list_empty(&s->seen) ? NULL : CONTAINER_OF(s->seen.next, struct count, seen);
}

static void forget(struct shard *s, struct count *c)
{
    struct count **at = chain_of(s, c->id);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    list_remove(&c->seen);
    free(c->past);
    free(c);
    s->count--;
}

/* Nothing in it could be told any more. Two at each addition are enough to keep up. */
static void forget_stale(struct shard *s, int64_t now)
{
    for (int i = 0; i < 2; i++) {
        struct count *c = oldest_of(s);
        if (c == NULL || now - part_start(c, c->head) <= reach_ms(c->within) + c->within)
            return;
        forget(s, c);
    }
}

static struct count *make(struct shard *s, const struct wanted *w)
{
    forget_stale(s, w->now);
    if (s->count == SHARD_MOST)
        forget(s, oldest_of(s));
    struct count *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->id = w->id;
    c->more = w->more;
    c->within = w->within;
    c->first = w->now;
    c->head = part_at(w->within, w->now);
    list_init(&c->seen);
    c->next = *chain_of(s, w->id);
    *chain_of(s, w->id) = c;
    s->count++;
    return c;
}

struct brakes *brakes_new(void)
{
    struct brakes *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    random_fill(b->key, sizeof b->key);
    random_fill(&b->seed, sizeof b->seed);
    for (int i = 0; i < SHARDS; i++) {
        must(pthread_mutex_init(&b->shards[i].lock, NULL) == 0);
        list_init(&b->shards[i].seen);
    }
    return b;
}

void brakes_free(struct brakes *b)
{
    if (b == NULL)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct count *c;
        while ((c = oldest_of(&b->shards[i])))
            forget(&b->shards[i], c);
        pthread_mutex_destroy(&b->shards[i].lock);
    }
    free(b);
}

/* ---- asked under the lock ---- */

static int64_t add(struct shard *s, const struct wanted *w, int64_t amount)
{
    struct count *c = find(s, w);
    if (c == NULL)
        c = make(s, w);
    if (c == NULL)
        return amount;
    turn(c, w->now);
    list_remove(&c->seen);
    list_add_last(&s->seen, &c->seen);
    int64_t *at = &c->parts[c->head % RING];
    *at = money_add(*at, amount);
    return sum(c->parts, RING);
}

static int64_t seen(struct shard *s, const struct wanted *w)
{
    struct count *c = find(s, w);
    if (c == NULL)
        return 0;
    turn(c, w->now);
    return sum(c->parts, RING);
}

static int64_t normal(struct shard *s, const struct wanted *w)
{
    struct count *c = find(s, w);
    if (c == NULL)
        return -1;
    turn(c, w->now);
    if (w->now - c->first < KNOWN_AFTER * c->within)
        return -1;
    int64_t window = part_start(c, c->head - BRAKE_SLOTS);
    int64_t bin = window / bin_ms(c->within);
    int64_t from = (bin - BINS) * bin_ms(c->within);
    if (from < c->first)
        from = c->first;
    if (c->past == NULL)
        return 0;
    past_reach(c->past, bin);
    return money_mul_div_near(sum(c->past->bins, BINS + 1), c->within, window - from);
}

int64_t brakes_add(struct brakes *b, struct span subject, int64_t within_ms, int64_t amount, int64_t now_ms)
{
    struct wanted w = want(b, subject, within_ms, now_ms);
    struct shard *s = shard_of(b, &w);
    pthread_mutex_lock(&s->lock);
    int64_t total = add(s, &w, amount);
    pthread_mutex_unlock(&s->lock);
    return total;
}

int64_t brakes_seen(struct brakes *b, struct span subject, int64_t within_ms, int64_t now_ms)
{
    struct wanted w = want(b, subject, within_ms, now_ms);
    struct shard *s = shard_of(b, &w);
    pthread_mutex_lock(&s->lock);
    int64_t total = seen(s, &w);
    pthread_mutex_unlock(&s->lock);
    return total;
}

int64_t brakes_normal(struct brakes *b, struct span subject, int64_t within_ms, int64_t now_ms)
{
    struct wanted w = want(b, subject, within_ms, now_ms);
    struct shard *s = shard_of(b, &w);
    pthread_mutex_lock(&s->lock);
    int64_t usual = normal(s, &w);
    pthread_mutex_unlock(&s->lock);
    return usual;
}
