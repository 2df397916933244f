/* SPDX-License-Identifier: Apache-2.0
 * speed_test.c - how much of its thread's time a call costs. Prints; asserts only that all arrived. */
#include "test/unit/store/rig.h"

#include <time.h>

#include "base/clock.h"
#include "rules/row.h"
#include "store/inside.h"

enum { ROWS = 100000, KEYS = 100, RUNS = 2000, ROW_MOST = 4096 };

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* As the gate writes them for a chat call; `whole` is the row, else the hold. */
static void write_call(struct row_out *o, const struct store_record *r, bool whole)
{
    row_number(o, ROW_ID, (int64_t)r->call);
    row_number(o, ROW_AT, r->at);
    row_text(o, ROW_WORKSPACE, r->workspace);
    row_text(o, ROW_KEY, r->key);
    row_text(o, ROW_KEY_NAME, SPAN("support-agent"));
    row_text(o, ROW_RUN, r->run);
    row_text(o, ROW_VENDOR, r->vendor);
    row_text(o, ROW_OPERATION, r->operation);
    row_text(o, ROW_METHOD, SPAN("POST"));
    row_text(o, ROW_PATH, SPAN("/v1/chat/completions"));
    row_text(o, ROW_MODEL_REQUESTED, r->model);
    row_text(o, ROW_ADDRESS, SPAN("127.0.0.1"));
    row_text(o, ROW_POLICY_VERSION, SPAN("sha256:0123456789abcdef"));
    row_text(o, ROW_ROUTE, SPAN("single"));
    row_text(o, ROW_CREDENTIAL, SPAN("openai-main"));
    row_text(o, ROW_PRICE_SNAPSHOT, SPAN("2026-11-21"));
    row_number(o, ROW_RESERVED, r->reserved);
    if (!whole)
        return;
    row_text(o, ROW_MODEL, SPAN("gpt-4o-mini-2024-07-18"));
    row_number(o, ROW_STATUS, 200);
    row_text(o, ROW_VERDICT, SPAN("allowed"));
    row_open(o, ROW_ATTEMPT);
    row_text(o, ROW_ATTEMPT_VENDOR, r->vendor);
    row_text(o, ROW_ATTEMPT_MODEL, r->model);
    row_number(o, ROW_ATTEMPT_STATUS, 200);
    row_number(o, ROW_ATTEMPT_MS, 731);
    row_number(o, ROW_ATTEMPT_COST, r->cost);
    row_close(o);
    row_number(o, ROW_COST, r->cost);
    for (int tag = ROW_SETTLED; tag <= ROW_REPLAYED; tag++)
        row_number(o, (enum row_tag)tag, tag == ROW_SETTLED);
    row_text(o, ROW_USAGE, SPAN("{\"prompt_tokens\":12,\"completion_tokens\":9,\"total_tokens\":21}"));
    for (int tag = ROW_INPUT_TOKENS; tag <= ROW_REASONING_TOKENS; tag++)
        row_number(o, (enum row_tag)tag, 12);
    row_text(o, ROW_REQUEST_ID, SPAN("req_0123456789abcdef0123456789abcdef"));
    row_text(o, ROW_CACHE, SPAN("off"));
    for (int tag = ROW_LATENCY_MS; tag <= ROW_GATE_US; tag++)
        row_number(o, (enum row_tag)tag, 740);
    for (int i = 0; i < 4; i++) {
        row_open(o, ROW_BUDGET);
        row_text(o, ROW_BUDGET_ID, SPAN("key:support-agent/usd/day"));
        row_text(o, ROW_BUDGET_UNIT, SPAN("usd"));
        for (int tag = ROW_BUDGET_LIMIT; tag <= ROW_BUDGET_RESERVED; tag++)
            row_number(o, (enum row_tag)tag, 5000000000);
        row_number(o, ROW_BUDGET_RESETS_AT, RIG_ENDS_AT);
        row_close(o);
    }
}

static struct span written(struct rig *g, const struct store_record *r, bool whole, struct buf *text)
{
    buf_clear(text);
    struct row_out o = row_out(text);
    write_call(&o, r, whole);
    return arena_copy(&g->arena, buf_span(text));
}

/* A hold and a row for each call, as a busy gate makes them; four accounts. Bytes of the last row. */
static size_t fill(struct rig *g, uint64_t from, uint64_t to)
{
    char text[4][64];
    struct buf bytes;
    size_t len = 0;
    buf_init(&bytes, ROW_MOST);
    for (uint64_t i = from; i < to; i++) {
        struct rig_record row = rig_row(g, i), hold;
        snprintf(text[0], sizeof(text[0]), "key_%08d", (int)(i / 20 * 7919 % KEYS)); /* twenty calls a run, one key a run */
        snprintf(text[1], sizeof(text[1]), "run_%08d", (int)(i / 20 % RUNS));
        struct span key = arena_copy(&g->arena, span_of(text[0])), run = arena_copy(&g->arena, span_of(text[1]));
        row.record.key = key;
        row.record.run = run;
        row.record.held = true;
        row.record.row = written(g, &row.record, true, &bytes);
        len = row.record.row.len;
        row.record.count = 4;
        for (int line = 0; line < 4; line++) {
            row.lines[line] = row.lines[0];
            row.lines[line].account = arena_print(&g->arena, "%s/%d|%s|2026-11-21T00:00:00Z", text[0], line, line == 1 ? text[1] : "");
        }
        hold = row;
        hold.record.what = STORE_HOLD;
        hold.record.row = written(g, &row.record, false, &bytes);
        rig_append(g, i % 2, hold);
        rig_append(g, i % 2, row);
    }
    buf_free(&bytes);
    return len;
}

/* A hold and a row are two records. */
TEST(cost_of_a_replay)
{
    struct rig g;
    rig_init(&g, 2);
    fill(&g, 1, ROWS);
    int64_t wall = clock_monotonic_ns(), cpu = cpu_ns();
    rig_open(&g, false);
    cpu = cpu_ns() - cpu;
    wall = clock_monotonic_ns() - wall;
    printf("store: %d records replayed: %.2f s and %.2f s of CPU for a million\n", 2 * (ROWS - 1), (double)wall / 1000 / 2 / ROWS,
        (double)cpu / 1000 / 2 / ROWS);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), ROWS - 1);
    rig_free(&g);
}

TEST(cost_of_a_row)
{
    struct rig g;
    bool more = true;
    rig_init(&g, 2);
    fill(&g, 1, 1000);
    rig_open(&g, false);
    size_t len = fill(&g, 1000, 1000 + ROWS);
    int64_t wall = clock_monotonic_ns(), cpu = cpu_ns();
    while (more)
        CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    cpu = cpu_ns() - cpu;
    wall = clock_monotonic_ns() - wall;
    printf("store: %d rows of %zu bytes: %lld rows/s, %.2f us of CPU a row\n", ROWS, len, (long long)(ROWS * INT64_C(1000000000) / wall),
        (double)cpu / 1000 / ROWS);
    printf("store: %lld bytes on disk a row\n",
        (long long)(rig_ask(&g, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") / (ROWS + 999)));
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), ROWS + 999);
    rig_free(&g);
}
