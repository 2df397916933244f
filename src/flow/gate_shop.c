/* SPDX-License-Identifier: Apache-2.0
 * gate_shop.c - see gate_int.h. What the workers share, and how they hear of each other's news. */
#include "flow/gate_int.h"

#include "base/log.h"
#include "flow/recollect.h"
#include "flow/scribe.h"
#include "observe/observe.h"

struct desk shop_desk(const struct workshop *shop, struct snapshot *s, struct stop_set *stops)
{
    return (struct desk){ .snapshot = s,
        .stops = stops,
        .ledger = books_ledger(shop->books),
        .brakes = shop->brakes,
        .repeats = shop->repeats,
        .cache = shop->cache,
        .approvals = shop->approvals,
        .made = shop->made,
        .remembered = shop->remembered,
        .similar = shop->similar,
        .texts = shop->texts,
        .health = shop->health };
}

static void news(void *self)
{
    worker_news(self);
}

static void synced(void *self, unsigned worker)
{
    struct gate *g = self;
    if (worker < g->count)
        loop_post(&g->workers[worker].loop, news, &g->workers[worker]);
}

static void repeat_news(void *self, uint64_t workers)
{
    for (; workers; workers &= workers - 1)
        synced(self, (unsigned)__builtin_ctzll(workers));
}

static void look(void *self, const struct digest *once)
{
    recollect_ask(((struct gate *)self)->recollect, once);
}

/* An entry of the cache that leaves is no answer to anything alike either. */
static void entry_gone(void *self, const struct digest *name)
{
    const struct gate *g = self;
    if (g->shop.similar)
        similar_remove(g->shop.similar, name);
}

static void open_similar(struct gate *g)
{
    const struct settings *s = &g->snapshot->settings;
    const struct similar_limits limits = { .entries = 100000, .bytes = INT64_C(256) << 20 };
    char why[256] = "no memory";
    g->shop.texts = texts_new(INT64_C(16) << 20);
    if (similar_open(s->cache_disk ? s->data_dir : SPAN_NONE, &g->snapshot->keep_key, &limits, &g->shop.similar, why) != E_OK)
        log_warn("cache", "nothing alike is looked for: %s", why);
}

/* Without it the gate works: nothing is given again. */
static void open_cache(struct gate *g)
{
    const struct settings *s = &g->snapshot->settings;
    const struct cache_limits limits = { s->cache_memory, s->cache_disk, s->cache_entry };
    const struct cache_hooks hooks = { .self = g, .news = repeat_news, .gone = entry_gone };
    open_similar(g);
    if (cache_open(s->data_dir, &g->snapshot->keep_key, &limits, &hooks, &g->shop.cache) != E_OK)
        log_warn("cache", "no memory for it; every call goes to its vendor");
}

bool gate_open_shop(struct gate *g, struct books *books, char why[256])
{
    const struct repeats_hooks hooks = { .self = g, .look = look, .news = repeat_news };
    g->shop.books = books;
    g->shop.brakes = brakes_new();
    g->shop.repeats = repeats_new(&hooks);
    g->shop.approvals = approvals_new();
    open_cache(g);
    g->shop.made = made_new();
    g->shop.remembered = remembered_new();
    g->shop.health = shop_health(&g->shop);
    if (!g->shop.brakes || !g->shop.repeats || !g->shop.approvals || !g->shop.made || !g->shop.remembered || !g->shop.health)
        return false;
    g->shop.scribe = scribe_start(books_store(books), g->snapshot->settings.limits.capture_bytes, why);
    if (!g->shop.scribe)
        return false;
    g->recollect = recollect_start(books_store(books), g->shop.repeats, why);
    g->shop.commit = g->recollect ? commit_start(books, synced, g, why) : NULL;
    return g->shop.commit;
}

/* Content is dear, the books are dearer: they are closed after this, and whoever stops a gate does not wait for long. */
enum { SCRIBE_STOP_MS = 5000 };

void gate_stop_helpers(struct gate *g)
{
    commit_stop(g->shop.commit);
    recollect_stop(g->recollect);
    scribe_stop(g->shop.scribe, SCRIBE_STOP_MS);
    cache_stop(g->shop.cache);
    g->recollect = NULL;
}

void gate_close_shop(struct gate *g)
{
    cache_close(g->shop.cache);
    scribe_free(g->shop.scribe);
    similar_close(g->shop.similar);
    texts_free(g->shop.texts);
    repeats_free(g->shop.repeats);
    approvals_free(g->shop.approvals);
    made_free(g->shop.made);
    remembered_free(g->shop.remembered);
    health_free(g->shop.health);
    brakes_free(g->shop.brakes);
    observers_free(g->shop.observers);
}
