/* SPDX-License-Identifier: Apache-2.0
 * scale_test.c - many keys: how long a load takes and what a key costs, printed and not judged. TOLLGATE_TEST_KEYS sets
 * how many; the default keeps the run short. */
#include "test/unit/config/conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static const char file[] = "credentials: { main: { vendor: acme, secret: s } }\n"
                           "policies: { p: { allow: [\"acme.*\"] } }\n"
                           "budgets: [ { name: all, limit: 1000000 usd, window: day } ]\n";

static size_t resident_kib(void)
{
    long pages = 0, whole = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &whole, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static struct config_object *make_objects(struct arena *a, size_t count, const char *extra)
{
    struct config_object *list = calloc(count, sizeof(*list));
    must(list);
    for (size_t i = 0; i < count; i++) {
        list[i].kind = SPAN("key");
        list[i].id = arena_print(a, "key_%016zx", i);
        list[i].body = arena_print(a, "{\"name\":\"agent-%zu\",\"policy\":\"p\",\"credentials\":[\"main\"],\"token_hashes\":[{\"hash\":\"%064zx\",\"shown\":\"tg_x...y\"}]%s}", i, i + 1, extra);
        must(list[i].body.at);
    }
    return list;
}

static void measure(size_t count, const char *what, const char *extra)
{
    struct conf r;
    conf_open(&r, file);
    struct arena texts;
    arena_init(&texts, (size_t)4 << 30);
    struct config_object *list = make_objects(&texts, count, extra);
    r.in.objects = list;
    r.in.object_count = count;
    size_t before = resident_kib();
    int64_t start = clock_monotonic_ns();
    CHECK_INT(conf_load(&r, file), E_OK);
    double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
    printf("  %zu keys %s: loaded in %.2f s, %.2f us and about %zu bytes a key\n", count, what, seconds, seconds * 1e6 / (double)count,
        (resident_kib() - before) * 1024 / count);
    CHECK_INT(r.snapshot->key_count, count);
    conf_close(&r);
    free(list);
    arena_free(&texts);
}

TEST(many_keys_load_fast)
{
    const char *wanted = getenv("TOLLGATE_TEST_KEYS");
    size_t count = wanted ? strtoul(wanted, NULL, 10) : 20000;
    measure(count, "without budgets of their own", "");
    measure(count, "with two budgets each", ",\"budgets\":[{\"limit\":\"10 usd\",\"window\":\"day\"},{\"limit\":\"60 requests\",\"window\":\"minute\"}]");
}
