/* SPDX-License-Identifier: Apache-2.0
 * cache_test.c - one goes, the others wait; what is kept, for how long, and where; what a broken disk does to callers: nothing. */
#include "cache/cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "test/test.h"

enum { NOW = 1000 * 1000 };

struct rig {
    struct cache *cache;
    char dir[64];
    struct digest seal;
    struct cache_limits limits;
    _Atomic uint64_t news;
    _Atomic int gone;
    struct arena arena;
};

static void news(void *self, uint64_t workers) { atomic_fetch_or(&((struct rig *)self)->news, workers); }

static void gone(void *self, const struct digest *name)
{
    (void)name;
    atomic_fetch_add(&((struct rig *)self)->gone, 1);
}

static void open_again(struct rig *r, bool disk)
{
    const struct cache_hooks hooks = { r, news, gone };
    CHECK(cache_open(disk ? span_of(r->dir) : SPAN_NONE, &r->seal, &r->limits, &hooks, &r->cache) == E_OK);
}

static void begin(struct rig *r, bool disk)
{
    memset(r, 0, sizeof(*r));
    r->limits = (struct cache_limits){ 8 << 20, 8 << 20, 1 << 20 };
    r->seal = digest_sha256(SPAN("a key"));
    arena_init(&r->arena, 256 << 20);
    snprintf(r->dir, sizeof(r->dir), "/tmp/cache-test-XXXXXX");
    CHECK(mkdtemp(r->dir) != NULL);
    open_again(r, disk);
}

static void end(struct rig *r)
{
    char command[128];
    cache_close(r->cache);
    snprintf(command, sizeof(command), "rm -rf %s", r->dir);
    CHECK(system(command) == 0);
    arena_free(&r->arena);
}

static struct cache_ask ask(const char *name, uint64_t call, int64_t now) { return (struct cache_ask){ digest_sha256(span_of(name)), call, (unsigned)(call % 4), 0, now }; }

static uint64_t era;

/* Until the disk has answered. */
static enum cached enter_as(struct rig *r, const struct cache_ask *a, struct cached_answer *out)
{
    enum cached what;
    for (int i = 0; i < 2000; i++) {
        what = cache_enter(r->cache, a, &r->arena, out, &era);
        if (what != CACHED_WAIT)
            return what;
        nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
    }
    return CACHED_WAIT;
}

static enum cached enter(struct rig *r, const char *name, uint64_t call, int64_t now, struct cached_answer *out)
{
    struct cache_ask a = ask(name, call, now);
    return enter_as(r, &a, out);
}

static void keep(struct rig *r, const char *name, uint64_t call, int64_t now, int64_t for_ms, struct span body)
{
    struct digest d = digest_sha256(span_of(name));
    const struct span tags[] = { { "task=summary", 12 } };
    const struct cache_label label = { SPAN("ws"), SPAN("key_1"), SPAN("run_1"), SPAN("gpt"), tags, 1 };
    const struct cached_answer answer = { call, now, now + for_ms, 450000, body };
    cache_keep(r->cache, &d, cache_era(r->cache), &label, &answer);
}

TEST(the_first_goes_the_others_wait_and_all_have_its_answer)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, false);
    CHECK(enter(&r, "a", 1, NOW, &got) == CACHED_GO);
    struct cache_ask second = ask("a", 2, NOW);
    CHECK(cache_enter(r.cache, &second, &r.arena, &got, &era) == CACHED_WAIT);
    keep(&r, "a", 1, NOW, 60000, SPAN("hello"));
    CHECK(r.news == 1 << 2);
    CHECK(enter(&r, "a", 2, NOW + 5, &got) == CACHED_HIT);
    CHECK_SPAN(got.body, SPAN("hello"));
    CHECK_INT(got.call, 1);
    CHECK_INT(got.cost, 450000);
    CHECK(enter(&r, "b", 3, NOW, &got) == CACHED_GO);
    end(&r);
}

TEST(when_the_first_fails_exactly_one_goes_next)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, false);
    struct digest d = digest_sha256(SPAN("a"));
    CHECK(enter(&r, "a", 1, NOW, &got) == CACHED_GO);
    for (uint64_t call = 2; call < 6; call++) {
        struct cache_ask a = ask("a", call, NOW);
        CHECK(cache_enter(r.cache, &a, &r.arena, &got, &era) == CACHED_WAIT);
    }
    cache_forgo(r.cache, &d, 99); /* not the one that goes */
    CHECK(r.news == 0);
    cache_forgo(r.cache, &d, 1);
    CHECK(r.news == 0xf);
    int went = 0;
    for (uint64_t call = 2; call < 6; call++) {
        struct cache_ask a = ask("a", call, NOW);
        went += cache_enter(r.cache, &a, &r.arena, &got, &era) == CACHED_GO;
    }
    CHECK_INT(went, 1);
    end(&r);
}

TEST(one_that_never_ends_is_not_waited_for_for_ever)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, false);
    CHECK(enter(&r, "a", 1, NOW, &got) == CACHED_GO);
    struct cache_ask a = ask("a", 2, NOW + CACHE_FLIGHT_MS - 1);
    CHECK(cache_enter(r.cache, &a, &r.arena, &got, &era) == CACHED_WAIT);
    a.now_ms++;
    CHECK(cache_enter(r.cache, &a, &r.arena, &got, &era) == CACHED_GO);
    keep(&r, "a", 1, NOW, 1000000, SPAN("late")); /* the first one came to its end after all */
    CHECK(enter(&r, "a", 3, NOW + CACHE_FLIGHT_MS, &got) == CACHED_HIT);
    end(&r);
}

TEST(time_ends_an_entry_and_a_clock_set_back_does_not_lengthen_it)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, false);
    keep(&r, "a", 1, NOW, 60000, SPAN("x"));
    CHECK(enter(&r, "a", 2, NOW + 59999, &got) == CACHED_HIT);
    struct cache_ask young = ask("a", 3, NOW + 30000);
    young.max_age_ms = 40000;
    CHECK(enter_as(&r, &young, &got) == CACHED_HIT);
    young.max_age_ms = 30000;
    CHECK(enter_as(&r, &young, &got) == CACHED_GO);
    keep(&r, "a", 1, NOW, 60000, SPAN("x"));
    CHECK(enter(&r, "a", 4, NOW - 3600000, &got) == CACHED_GO);
    keep(&r, "a", 1, NOW, 60000, SPAN("x"));
    CHECK(enter(&r, "a", 5, NOW + 60000, &got) == CACHED_GO);
    end(&r);
}

TEST(memory_is_bounded_and_what_is_too_large_is_not_kept)
{
    struct rig r;
    struct cached_answer got;
    char name[16];
    struct buf text;
    char *large = calloc(1, 2 << 20);
    begin(&r, false);
    keep(&r, "large", 1, NOW, 60000, span_make(large, (1 << 20) + 1));
    CHECK(enter(&r, "large", 2, NOW, &got) == CACHED_GO);
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        keep(&r, name, 1, NOW, 60000, span_make(large, 100 << 10));
    }
    buf_init(&text, 4096);
    cache_write(r.cache, &text);
    struct json *json = json_new();
    struct json_value root;
    const char *why;
    int64_t bytes = 0, entries = 0;
    CHECK(json_parse(json, buf_span(&text), true, &root, &why) == E_OK);
    CHECK(json_integer(json_member(root, SPAN("bytes")), &bytes) && bytes <= 8 << 20);
    CHECK(json_integer(json_member(root, SPAN("entries")), &entries) && entries > 16 && entries < 82);
    CHECK(r.gone > 300);
    json_free(json);
    buf_free(&text);
    free(large);
    end(&r);
}

TEST(a_purge_takes_what_fits_also_from_the_disk_and_from_calls_under_way)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, true);
    keep(&r, "a", 1, NOW, 60000, SPAN("x"));
    const struct cache_purge others[] = { { .run = SPAN("run_2") }, { .run = SPAN("run_1"), .key = SPAN("key_2") }, { .tag = SPAN("task=other") }, { .workspace = SPAN("w") }, { .model = SPAN("gpt2") } };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK_INT(cache_purge(r.cache, &others[i]), 0);
    CHECK(enter(&r, "a", 2, NOW, &got) == CACHED_HIT);
    CHECK_INT(cache_purge(r.cache, &(struct cache_purge){ .tag = SPAN("task=summary"), .run = SPAN("run_1") }), 1);
    CHECK_INT(r.gone, 1);
    CHECK(enter(&r, "a", 3, NOW, &got) == CACHED_GO);
    struct digest d = digest_sha256(SPAN("a"));
    const struct cached_answer late = { 3, NOW, NOW + 60000, 0, SPAN("asked before the purge") };
    CHECK_INT(cache_purge(r.cache, &(struct cache_purge){ .workspace = SPAN("ws") }), 0);
    cache_keep(r.cache, &d, era, &(struct cache_label){ .workspace = SPAN("ws") }, &late);
    CHECK(enter(&r, "a", 4, NOW, &got) == CACHED_GO);
    end(&r);
}

TEST(what_is_on_the_disk_is_there_after_a_restart_sealed)
{
    struct rig r;
    struct cached_answer got;
    char path[128], text[64 << 10];
    begin(&r, true);
    keep(&r, "a", 7, NOW, 60000, SPAN("a secret answer of nobody else"));
    cache_close(r.cache);
    snprintf(path, sizeof(path), "%s/cache.db", r.dir);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    CHECK(n > 0 && span_find(span_make(text, (size_t)n), SPAN("secret answer")) < 0);
    open_again(&r, true);
    struct cache_ask find = ask("a", 2, NOW);
    enum cached what = cache_find(r.cache, &find, &r.arena, &got);
    CHECK(what == CACHED_WAIT || what == CACHED_HIT);
    CHECK(enter(&r, "a", 2, NOW + 10, &got) == CACHED_HIT);
    CHECK_SPAN(got.body, SPAN("a secret answer of nobody else"));
    CHECK_INT(got.call, 7);
    cache_close(r.cache);
    r.seal = digest_sha256(SPAN("another key"));
    open_again(&r, true);
    CHECK(enter(&r, "a", 3, NOW + 20, &got) == CACHED_GO); /* the seal does not open */
    end(&r);
}

static void damage(const struct rig *r, off_t from, size_t bytes)
{
    char path[128], noise[8192];
    snprintf(path, sizeof(path), "%s/cache.db", r->dir);
    memset(noise, 0xa5, sizeof(noise));
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && pwrite(fd, noise, bytes < sizeof(noise) ? bytes : sizeof(noise), from) > 0);
    close(fd);
}

TEST(a_damaged_file_is_started_anew_and_no_caller_hears_of_it)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, true);
    for (off_t from = 0; from <= 8192; from += 4096) {
        keep(&r, "a", 1, NOW, 60000, SPAN("x"));
        cache_close(r.cache);
        damage(&r, from, 4096);
        open_again(&r, true);
        enum cached what = enter(&r, "a", 2, NOW, &got);
        CHECK(what == CACHED_GO || what == CACHED_HIT);
        keep(&r, "b", 3, NOW, 60000, SPAN("y"));
        CHECK(enter(&r, "b", 4, NOW, &got) == CACHED_HIT);
    }
    cache_close(r.cache);
    open_again(&r, true);
    CHECK(enter(&r, "b", 5, NOW, &got) == CACHED_HIT);
    end(&r);
}

TEST(without_a_directory_memory_is_all_there_is)
{
    struct rig r;
    struct cached_answer got;
    begin(&r, false);
    cache_close(r.cache);
    snprintf(r.dir + strlen(r.dir), 8, "/none");
    open_again(&r, true);
    CHECK(enter(&r, "a", 1, NOW, &got) == CACHED_GO);
    keep(&r, "a", 1, NOW, 60000, SPAN("x"));
    CHECK(enter(&r, "a", 2, NOW, &got) == CACHED_HIT);
    CHECK_INT(cache_purge(r.cache, &(struct cache_purge){ .run = SPAN("run_1") }), 1);
    r.dir[strlen(r.dir) - 5] = '\0';
    end(&r);
}

TEST(the_disk_is_bounded_the_least_recently_read_leaves)
{
    struct rig r;
    struct cached_answer got;
    char name[16], path[128];
    struct stat st;
    char *large = calloc(1, 200 << 10);
    begin(&r, true);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        keep(&r, name, 1, NOW + i, 600000, span_make(large, 200 << 10));
    }
    cache_close(r.cache);
    snprintf(path, sizeof(path), "%s/cache.db", r.dir);
    CHECK(stat(path, &st) == 0 && st.st_size < 12 << 20);
    open_again(&r, true);
    CHECK(enter(&r, "n0", 2, NOW + 200, &got) == CACHED_GO);
    CHECK(enter(&r, "n99", 2, NOW + 200, &got) == CACHED_HIT);
    free(large);
    end(&r);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 400, NAMES = 8 };

struct racer {
    pthread_t thread;
    struct rig *rig;
    unsigned number;
    _Atomic int *flying;
    int went, hits;
};

static void *race(void *self)
{
    struct racer *me = self;
    struct arena a;
    char name[16];
    arena_init(&a, 64 << 20);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct arena_mark mark = arena_mark(&a);
        struct cached_answer got;
        uint64_t since;
        unsigned at = (unsigned)(i / 8 + me->number) % NAMES;
        snprintf(name, sizeof(name), "r%u", at);
        struct cache_ask q = ask(name, i * THREADS + me->number + 1, NOW + (int64_t)i);
        q.worker = me->number;
        enum cached what = cache_enter(me->rig->cache, &q, &a, &got, &since);
        if (what == CACHED_GO) {
            CHECK(atomic_fetch_add(&me->flying[at], 1) == 0); /* never two */
            me->went++;
            atomic_fetch_sub(&me->flying[at], 1);
            if (i % 3)
                cache_forgo(me->rig->cache, &q.name, q.call);
            else
                keep(me->rig, name, q.call, q.now_ms, 40, SPAN("x"));
        }
        me->hits += what == CACHED_HIT;
        if (i % 100 == 99)
            (void)cache_purge(me->rig->cache, &(struct cache_purge){ .run = SPAN("run_1") });
        arena_rewind(&a, mark);
    }
    arena_free(&a);
    return NULL;
}

TEST(threads_never_go_twice_at_once)
{
    struct rig r;
    struct racer racers[THREADS];
    _Atomic int flying[NAMES] = { 0 };
    begin(&r, true);
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){ .rig = &r, .number = i, .flying = flying };
        CHECK(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
    }
    int went = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        went += racers[i].went;
    }
    CHECK(went > 0);
    end(&r);
}
