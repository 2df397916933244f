/* SPDX-License-Identifier: Apache-2.0
 * speed_test.c - how much of its thread's time a call costs. Prints; asserts only that all arrived. */
#include "test/unit/store/rig.h"

#include <time.h>

#include "base/clock.h"
#include "store/inside.h"

enum { ROWS = 100000, KEYS = 100, RUNS = 2000, JSON = 1000 };

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* A hold and a row for each call, as a busy gate makes them; four accounts, 1 kB of JSON. */
static void fill(struct rig *g, struct span json, uint64_t from, uint64_t to)
{
    char text[4][64];
    for (uint64_t i = from; i < to; i++) {
        struct rig_record row = rig_row(g, i), hold;
        snprintf(text[0], sizeof(text[0]), "key_%08d", (int)(i / 20 * 7919 % KEYS)); /* twenty calls a run, one key a run */
        snprintf(text[1], sizeof(text[1]), "run_%08d", (int)(i / 20 % RUNS));
        struct span key = arena_copy(&g->arena, span_of(text[0])), run = arena_copy(&g->arena, span_of(text[1]));
        row.record.key = key;
        row.record.run = run;
        row.record.held = true;
        row.record.json = json;
        row.record.count = 4;
        for (int line = 0; line < 4; line++) {
            row.lines[line] = row.lines[0];
            row.lines[line].account = arena_print(&g->arena, "%s/%d|%s|2026-11-21T00:00:00Z", text[0], line, line == 1 ? text[1] : "");
        }
        hold = row;
        hold.record.row = false;
        hold.record.json = span_first(json, JSON / 2);
        rig_append(g, i % 2, hold);
        rig_append(g, i % 2, row);
    }
}

TEST(cost_of_a_row)
{
    struct rig g;
    bool more = true;
    char json[JSON + 1];
    rig_init(&g, 2);
    snprintf(json, sizeof(json), "{\"text\":\"%0*d\"}", JSON - 11, 0);
    fill(&g, span_of(json), 1, 1000);
    rig_open(&g, false);
    fill(&g, span_of(json), 1000, 1000 + ROWS);
    int64_t wall = clock_monotonic_ns(), cpu = cpu_ns();
    while (more)
        CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    cpu = cpu_ns() - cpu;
    wall = clock_monotonic_ns() - wall;
    printf("store: %d rows of %d bytes: %lld rows/s, %.2f us of CPU a row\n", ROWS, JSON, (long long)(ROWS * INT64_C(1000000000) / wall),
        (double)cpu / 1000 / ROWS);
    printf("store: %lld bytes on disk a row\n",
        (long long)(rig_ask(&g, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") / (ROWS + 999)));
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), ROWS + 999);
    rig_free(&g);
}
