/* SPDX-License-Identifier: Apache-2.0
 * reading_test.c - a stop, /healthz and a change do not wait behind a query; who hangs up is forgotten; the plane ends at once. */
#include <pthread.h>

#include "base/clock.h"
#include "test/unit/admin/scene.h"

/* So many calls that a sum over all of them, by step, of which no sums are kept, takes its time. */
static void fill(struct scene *s)
{
    scene_sql(s,
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1500000)"
        " INSERT INTO calls(id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, vendor, step, prev_hash, hash, row)"
        " SELECT i, 1700000000000 + i, 0, 200, 1, 1, 5, 5, 1, 1, 'acme', 'step_' || (i % 5000), x'', x'', x'01' FROM n");
}

/* Some of them as events of experiments, and the hours they lie in, by which reports look for them. */
static void fill_more(struct scene *s)
{
    scene_sql(s,
        "UPDATE calls SET operation = 'experiment.pair' WHERE id <= 300000;"
        " INSERT INTO events(of, id) SELECT id, id FROM calls WHERE id <= 300000;"
        " INSERT INTO hours(hour, lowest, highest) VALUES(1700000000000 / 3600000, 1, 1500000)");
}

struct asker {
    struct scene *s;
    const char *path;
    struct arena arena;
    pthread_t thread;
    int status;
    int64_t over; /* monotonic ns */
};

static void *ask_long(void *self)
{
    struct asker *a = self;
    struct fetch_answer answer = { .status = -1 };
    struct http_field field = { SPAN("authorization"), SPAN("Bearer tga_for_tests_0123456789") };
    struct span url = arena_print(&a->arena, "http://%.*s%s", SPAN_ARG(admin_address(a->s->admin)), a->path);
    if (fetch(&a->arena, SPAN("GET"), url, &field, 1, SPAN_NONE, &answer) == E_OK)
        a->status = answer.status;
    a->over = clock_monotonic_ns();
    return NULL;
}

/* Of each of these no row fits, so all are looked at. */
static void ask_reports(struct scene *s)
{
    static const char *const paths[] = { "/api/v1/reports/reconciliation?from=2023-01-01T00:00:00Z&model=nobodys", "/api/v1/experiments?workspace=nobodys" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct asker a = { .s = s, .path = paths[i], .status = -1 };
        bool seen = false;
        arena_init(&a.arena, 64 << 20);
        must(pthread_create(&a.thread, NULL, ask_long, &a) == 0);
        for (int k = 0; k < 500 && !(seen = scene_says(s, "\ntollgate_admin_queries 1\n")); k++)
            CHECK_INT(scene_ask(s, "GET", "/metrics", NULL), 200);
        CHECK_INT(scene_ask(s, "POST", "/api/v1/stop", "{\"run\":\"run_a\"}"), 200);
        must(pthread_join(a.thread, NULL) == 0);
        if (!seen || a.status != 200)
            test_fail(__FILE__, __LINE__, "%s: %d, read on %s", paths[i], a.status, seen ? "a thread of its own" : "the admin thread");
        arena_free(&a.arena);
    }
}

TEST(a_stop_does_not_wait_behind_a_query)
{
    enum { ASKERS = 5 /* more than there are threads */ };
    struct scene s;
    struct asker askers[ASKERS];
    scene_open(&s);
    fill(&s);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){ .s = &s, .path = "/api/v1/usage?by=step", .status = -1 };
        arena_init(&askers[i].arena, 64 << 20);
        must(pthread_create(&askers[i].thread, NULL, ask_long, &askers[i]) == 0);
    }
    for (int i = 0; i < 200 && !scene_says(&s, "\ntollgate_admin_queries 5\n"); i++)
        CHECK_INT(scene_ask(&s, "GET", "/metrics", NULL), 200);
    CHECK(scene_says(&s, "\ntollgate_admin_queries 5\n"));
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_a\"}"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/healthz", NULL), 200);
    int64_t stopped = clock_monotonic_ns();
    int later = 0; /* at least the one that stood in line: how many more depends on how busy the machine is */
    for (int i = 0; i < ASKERS; i++) {
        must(pthread_join(askers[i].thread, NULL) == 0);
        CHECK_INT(askers[i].status, 200);
        later += askers[i].over > stopped;
        arena_free(&askers[i].arena);
    }
    CHECK(later > 0);
    fill_more(&s);
    ask_reports(&s);
    scene_close(&s);
}
