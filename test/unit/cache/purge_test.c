/* SPDX-License-Identifier: Apache-2.0
 * purge_test.c - a purge of a full disk goes in steps: others are answered meanwhile, nothing of it is given afterwards, and it is counted. */
#include "cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/test.h"

enum { NOW = 1000 * 1000, ENTRIES = 4000, EVERY = 4, ROUNDS = 30 };

struct rig {
    struct cache *cache;
    struct arena arena;
    _Atomic bool over;
    size_t gone;
};

static struct digest name_of(int i)
{
    char name[16];
    snprintf(name, sizeof(name), "entry %d", i);
    return digest_sha256(span_of(name));
}

/* One in EVERY is another key's. */
static struct span key_of(int i) { return i % EVERY ? SPAN("key_1") : SPAN("key_2"); }

static void keep(struct rig *r, int i)
{
    struct digest d = name_of(i);
    const struct cache_label label = { .workspace = SPAN("ws"), .key = key_of(i) };
    const struct cached_answer answer = { (uint64_t)i + 1, NOW, NOW + 60000, 0, SPAN("hello") };
    cache_keep(r->cache, &d, cache_era(r->cache), &label, &answer);
}

static int64_t on_disk(struct rig *r)
{
    struct buf text;
    buf_init(&text, 4096);
    cache_write(r->cache, &text);
    buf_put(&text, span_make("\0", 1));
    int64_t n = strtoll(strstr(text.at, "\"disk_entries\":") + 15, NULL, 10);
    buf_free(&text);
    return n;
}

static void rest(void) { nanosleep(&(struct timespec){ .tv_nsec = 200 * 1000 }, NULL); }

static enum cached find(struct rig *r, int i)
{
    struct cached_answer got;
    enum cached what;
    const struct cache_ask ask = { name_of(i), 7, 1, 0, NOW };
    struct arena_mark mark = arena_mark(&r->arena);
    while ((what = cache_find(r->cache, &ask, &r->arena, &got)) == CACHED_WAIT)
        rest();
    arena_rewind(&r->arena, mark);
    return what;
}

static void *purge(void *self)
{
    struct rig *r = self;
    r->gone = cache_purge(r->cache, &(struct cache_purge){ .key = SPAN("key_1") });
    atomic_store(&r->over, true);
    return NULL;
}

/* One purge from its start to its end, and what is looked for meanwhile. */
static void purge_and_look(struct rig *r, int *others)
{
    pthread_t thread;
    uint64_t before = cache_era(r->cache);
    atomic_store(&r->over, false);
    must(pthread_create(&thread, NULL, purge, r) == 0);
    while (cache_era(r->cache) == before)
        rest();
    for (int i = ENTRIES - 1; !atomic_load(&r->over) && i > 0; i--) {
        bool hit = find(r, i) == CACHED_HIT;
        if (i % EVERY == 0 && !atomic_load(&r->over)) /* it was answered before the end */
            *others += hit;
    }
    pthread_join(thread, NULL);
}

static void fill(struct rig *r)
{
    for (int i = 0; i < ENTRIES; i++)
        keep(r, i);
    while (on_disk(r) < ENTRIES)
        rest();
}

TEST(a_purge_of_many_goes_in_steps_and_nothing_of_it_is_given_once_it_is_over)
{
    struct rig r = { 0 };
    char dir[] = "/tmp/purge-test-XXXXXX", command[64];
    struct digest seal = digest_sha256(SPAN("a key"));
    const struct cache_limits limits = { 64 << 10, 64 << 20, 1 << 20 }; /* most of it on the disk alone */
    const struct cache_hooks hooks = { 0 };
    arena_init(&r.arena, 1 << 20);
    CHECK(mkdtemp(dir) != NULL);
    CHECK(cache_open(span_of(dir), &seal, &limits, &hooks, &r.cache) == E_OK);
    int others = 0;
    for (int round = 0; round < ROUNDS && !others; round++) { /* on a busy machine a purge may be over before anyone looks */
        fill(&r);
        purge_and_look(&r, &others);
    }
    CHECK(others > 0); /* they did not wait for its end */
    CHECK_INT((int64_t)r.gone, ENTRIES - ENTRIES / EVERY);
    CHECK_INT(on_disk(&r), ENTRIES / EVERY);
    for (int i = 0; i < ENTRIES; i++)
        CHECK(find(&r, i) == (i % EVERY ? CACHED_GO : CACHED_HIT));
    cache_close(r.cache);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    CHECK(system(command) == 0);
    arena_free(&r.arena);
}

TEST(an_account_has_another_edition_once_it_was_written_to_and_after_each_start)
{
    const struct cache_limits limits = { 64 << 10, 0, 1 << 20 };
    const struct cache_hooks hooks = { 0 };
    struct digest seal = digest_sha256(SPAN("a key"));
    struct cache *c, *later;
    CHECK(cache_open(SPAN_NONE, &seal, &limits, &hooks, &c) == E_OK);
    uint64_t mine = cache_edition(c, SPAN("stripe:main")), other = cache_edition(c, SPAN("stripe:other"));
    CHECK(cache_edition(c, SPAN("stripe:main")) == mine);
    cache_outdate(c, SPAN("stripe:main"));
    CHECK(cache_edition(c, SPAN("stripe:main")) != mine);
    CHECK(cache_edition(c, SPAN("stripe:other")) == other);
    CHECK(cache_open(SPAN_NONE, &seal, &limits, &hooks, &later) == E_OK);
    CHECK(cache_edition(later, SPAN("stripe:other")) != other);
    cache_close(later);
    cache_close(c);
}
