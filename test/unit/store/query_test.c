/* SPDX-License-Identifier: Apache-2.0
 * query_test.c - filters, pages, sums, and reading while somebody writes. */
#include "test/unit/store/rig.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

enum { CALLS = 300 };

static const struct span vendors[] = { { "openai", 6 }, { "stripe", 6 }, { "twilio", 6 } };
static const struct span keys[] = { { "key_a", 5 }, { "key_b", 5 } };

/* 300 calls, ids 10, 20, ...: vendors by turns, keys by turns, every 10th denied, every 50th in doubt, 3 runs. */
static void fill(struct rig *g)
{
    static const struct span runs[] = { { "run_1", 5 }, { "run_2", 5 }, { "run_3", 5 } };
    for (uint64_t i = 1; i <= CALLS; i++) {
        struct rig_record r = rig_row(g, i * 10);
        r.record.vendor = vendors[i % 3];
        r.record.key = keys[i % 2];
        r.record.run = i % 7 == 0 ? SPAN_NONE : runs[i % 3];
        r.record.cost = (int64_t)(i * i * 7919);
        if (i % 10 == 0) {
            r.record.verdict = 1;
            r.record.denied = i % 20 == 0 ? SPAN("budget_exceeded") : SPAN("stopped");
            r.record.cost = 0;
        }
        if (i % 50 == 25)
            r.record.verdict = 3;
        rig_append(g, 0, r);
    }
}

struct seen {
    size_t count;
    uint64_t first, last;
    bool up, down;
    char json[512];
};

static void see(void *self, uint64_t id, struct span json)
{
    struct seen *s = self;
    if (s->count == 0)
        s->first = id;
    else if (id > s->last)
        s->up = true;
    else
        s->down = true;
    s->last = id;
    s->count++;
    snprintf(s->json, sizeof(s->json), "%.*s", SPAN_ARG(json));
}

static struct seen ask(struct store_reader *r, struct call_filter f)
{
    struct seen s = { 0 };
    f.limit = f.limit ? f.limit : 1000;
    CHECK_INT(store_calls(r, &f, see, &s), E_OK);
    return s;
}

TEST(filters)
{
    struct rig g;
    rig_init(&g, 1);
    fill(&g);
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(ask(r, (struct call_filter){ .limit = 0 }).count, 300);
    CHECK_INT(ask(r, (struct call_filter){ .vendor = SPAN("stripe") }).count, 100);
    CHECK_INT(ask(r, (struct call_filter){ .key = SPAN("key_a") }).count, 150);
    CHECK_INT(ask(r, (struct call_filter){ .key = SPAN("key_a"), .vendor = SPAN("stripe") }).count, 50);
    CHECK_INT(ask(r, (struct call_filter){ .run = SPAN("run_1"), .key = SPAN("key_a"), .denied = SPAN("*") }).count, 9);
    CHECK_INT(ask(r, (struct call_filter){ .denied = SPAN("*") }).count, 30);
    CHECK_INT(ask(r, (struct call_filter){ .denied = SPAN("stopped") }).count, 15);
    CHECK_INT(ask(r, (struct call_filter){ .verdict = SPAN("denied") }).count, 30);
    CHECK_INT(ask(r, (struct call_filter){ .verdict = SPAN("in_doubt") }).count, 6);
    CHECK_INT(ask(r, (struct call_filter){ .workspace = SPAN("ws_2") }).count, 0);
    CHECK_INT(ask(r, (struct call_filter){ .model = SPAN("gpt-4o-mini") }).count, 300);
    CHECK_INT(ask(r, (struct call_filter){ .operation = SPAN("openai.chat.completions' OR 1=1 --") }).count, 0);
    CHECK_INT(ask(r, (struct call_filter){ .run = SPAN("") }).count, 0);
    /* id i*10 began at 1700000000000 + i*10 seconds */
    CHECK_INT(ask(r, (struct call_filter){ .from = 1700000100000, .to = 1700000200000 }).count, 10);
    CHECK_INT(ask(r, (struct call_filter){ .from = 1700000100000 }).count, 291);
    CHECK_INT(ask(r, (struct call_filter){ .to = 1700000200000 }).count, 19);
    CHECK_INT(ask(r, (struct call_filter){ .from = 1600000000000, .to = 1600000000001 }).count, 0);
    struct seen s;
    struct call_filter wrong = { .verdict = SPAN("maybe"), .limit = 5 };
    CHECK_INT(store_calls(r, &wrong, see, &s), E_BAD_REQUEST);
    store_reader_free(r);
    rig_free(&g);
}

TEST(pitfall_81_pages)
{
    struct rig g;
    rig_init(&g, 1);
    fill(&g);
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    struct call_filter f = { .vendor = SPAN("stripe"), .limit = 30 };
    size_t total = 0;
    for (struct seen s = ask(r, f); s.count; s = ask(r, f)) {
        CHECK(!s.up);
        CHECK(f.before == 0 || s.first < f.before);
        total += s.count;
        f.before = s.last;
    }
    CHECK_INT(total, 100);
    f = (struct call_filter){ .denied = SPAN("*"), .limit = 7, .ascending = true };
    total = 0;
    for (struct seen s = ask(r, f); s.count; s = ask(r, f)) {
        CHECK(!s.down);
        total += s.count;
        f.after = s.last;
    }
    CHECK_INT(total, 30);
    CHECK_INT(ask(r, (struct call_filter){ .before = UINT64_MAX, .limit = -4 }).count, 1);
    store_reader_free(r);
    rig_free(&g);
}

TEST(a_row_carries_its_hashes)
{
    struct rig g;
    struct span json;
    rig_init(&g, 1);
    struct rig_record large = rig_row(&g, UINT64_C(9007199254740993)); /* no double holds this one */
    large.record.step = SPAN_NONE;
    rig_append(&g, 0, large);
    struct rig_record empty = rig_row(&g, 11);
    empty.record.row = SPAN("{}");
    struct rig_record old = rig_row(&g, 12); /* as it was written before there were compact rows */
    old.record.row = SPAN("{\"id\":\"12\"}");
    rig_append(&g, 0, old);
    rig_append(&g, 0, empty);
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_call(r, UINT64_C(9007199254740993), &g.arena, &json), E_OK);
    CHECK(span_starts(json, SPAN("{\"id\":\"call_0080000000001\",\"at\":\"")));
    CHECK(span_find(json, SPAN(",\"step\":null,\"vendor\":\"openai\",\"operation\":\"openai.chat.completions\",")) > 0);
    CHECK(span_find(json, SPAN(",\"budgets\":[],\"held\":false,\"prev_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\","
                               "\"hash\":\"")) > 0);
    CHECK(span_ends(json, SPAN("\"}")));
    CHECK_INT(store_call(r, 11, &g.arena, &json), E_OK);
    CHECK(span_starts(json, SPAN("{\"prev_hash\":\"")));
    CHECK_INT(store_call(r, 12, &g.arena, &json), E_OK);
    CHECK(span_starts(json, SPAN("{\"id\":\"12\",\"prev_hash\":\"")));
    CHECK_INT(store_call(r, 13, &g.arena, &json), E_NOT_FOUND);
    store_reader_free(r);
    rig_free(&g);
}

static struct usage_row sum_up(struct rig *g, struct store_reader *r, const struct span *by, size_t n, size_t *groups)
{
    struct usage_row *rows, sum = { 0 };
    struct call_filter all = { .limit = 1 };
    CHECK_INT(store_usage(r, &all, by, n, &g->arena, &rows, groups), E_OK);
    for (size_t i = 0; i < *groups; i++) {
        sum.calls += rows[i].calls;
        sum.forwarded += rows[i].forwarded;
        sum.refused += rows[i].refused;
        sum.cost += rows[i].cost;
        sum.reserved_open += rows[i].reserved_open;
        sum.tokens_in += rows[i].tokens_in;
        sum.tokens_out += rows[i].tokens_out;
    }
    return sum;
}

TEST(sums_equal_the_total_by_any_dimension)
{
    struct rig g;
    static const struct span names[] = { { "key", 3 }, { "run", 3 }, { "vendor", 6 }, { "operation", 9 }, { "model", 5 },
        { "step", 4 }, { "workspace", 9 }, { "user", 4 }, { "denied", 6 }, { "day", 3 } };
    size_t groups;
    rig_init(&g, 1);
    fill(&g);
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    struct usage_row total = sum_up(&g, r, NULL, 0, &groups);
    int64_t cost = 0;
    for (int64_t i = 1; i <= CALLS; i++)
        cost += i % 10 ? i * i * 7919 : 0;
    CHECK_INT(groups, 1);
    CHECK_INT(total.calls, CALLS);
    CHECK_INT(total.cost, cost);
    CHECK_INT(total.refused, 30);
    CHECK_INT(total.forwarded, 270);
    CHECK_INT(total.reserved_open, 6 * 20000000);
    for (size_t i = 0; i < 10; i++) {
        const struct span by[] = { names[i], names[(i + 3) % 10], names[(i + 5) % 10], names[(i + 8) % 10] };
        for (size_t n = 1; n <= 4; n++) {
            struct usage_row sum = sum_up(&g, r, by, n, &groups);
            CHECK(memcmp(&sum, &total, offsetof(struct usage_row, first_at)) == 0);
        }
    }
    struct usage_row *rows;
    struct call_filter f = { .key = SPAN("key_a"), .limit = 1 };
    const struct span by[] = { SPAN("day"), SPAN("vendor") }, evil[] = { SPAN("row") };
    CHECK_INT(store_usage(r, &f, by, 2, &g.arena, &rows, &groups), E_OK);
    CHECK_INT(groups, 3);
    CHECK_SPAN(rows[0].group[0], SPAN("2023-11-14"));
    CHECK_INT(rows[0].calls, 50);
    CHECK_INT(store_usage(r, &f, evil, 1, &g.arena, &rows, &groups), E_BAD_REQUEST);
    f.key = SPAN("nobody");
    CHECK_INT(store_usage(r, &f, NULL, 0, &g.arena, &rows, &groups), E_OK);
    CHECK_INT(rows[0].calls, 0);
    CHECK_INT(rows[0].cost, 0);
    store_reader_free(r);
    rig_free(&g);
}

TEST(runs_latest_first)
{
    struct rig g;
    struct run_filter all = { .from = 0 };
    struct usage_row *rows;
    size_t count, total = 0;
    struct span cursor = SPAN_NONE, next;
    char last[32] = "~";
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 25; i++) {
        struct rig_record r = rig_row(&g, i);
        r.record.run = arena_print(&g.arena, "run:%02d", (int)(i / 2)); /* two calls each, the second in another workspace */
        r.record.workspace = i % 2 ? SPAN("ws_1") : SPAN_NONE;
        r.record.at = 1700000000000 + (int64_t)(i / 4); /* ties */
        rig_append(&g, 0, r);
    }
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    do {
        CHECK_INT(store_runs(r, &all, cursor, 4, &g.arena, &rows, &count, &next), E_OK);
        for (size_t i = 0; i < count; i++) {
            char name[32];
            snprintf(name, sizeof(name), "%.*s %.*s", SPAN_ARG(rows[i].group[0]), SPAN_ARG(rows[i].group[1]));
            CHECK(strcmp(name, last) < 0);
            CHECK_INT(rows[i].calls, 1);
            strcpy(last, name);
        }
        total += count;
        cursor = next;
    } while (next.at && total < 100);
    CHECK_INT(total, 25);
    CHECK_INT(store_runs(r, &all, SPAN("1:9:x"), 4, &g.arena, &rows, &count, &next), E_BAD_REQUEST);
    CHECK_INT(store_runs(r, &all, SPAN("nonsense"), 4, &g.arena, &rows, &count, &next), E_BAD_REQUEST);
    store_reader_free(r);
    rig_free(&g);
}

/* Writing on one thread, reading on two: readers see whole transactions, in which balances and rows agree. */
struct reading {
    struct rig *rig;
    atomic_bool over;
};

static void *read_on(void *self)
{
    struct reading *x = self;
    struct store_reader *r = rig_reader(x->rig);
    struct arena a;
    struct usage_row *rows;
    struct call_filter all = { .limit = 50 };
    const struct span by = SPAN("vendor");
    size_t count;
    int64_t before = 0;
    arena_init(&a, 1 << 20);
    while (!atomic_load(&x->over)) {
        CHECK_INT(store_usage(r, &all, &by, 1, &a, &rows, &count), E_OK);
        int64_t calls = count ? rows[0].calls : 0;
        CHECK(calls >= before);
        CHECK(!count || rows[0].cost == calls * 10000000);
        before = calls;
        struct seen s = ask(r, all);
        CHECK(s.count <= 50);
        arena_free(&a);
    }
    store_reader_free(r);
    return NULL;
}

struct found_settlements {
    uint64_t ids[8];
    int64_t called_at[8];
    size_t count, most;
};

static bool find_settlement(void *self, int64_t called_at, const struct store_link *link)
{
    struct found_settlements *f = self;
    CHECK_INT(link->kind, STORE_SETTLEMENT);
    CHECK(link->row.len > 0);
    f->ids[f->count] = link->id;
    f->called_at[f->count++] = called_at;
    return f->count < f->most;
}

/* Days after its call, or just after the time that was asked for: only the call's own time counts. */
TEST(settlements_are_found_by_the_time_of_their_calls)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    for (uint64_t call = 10; call <= 30; call += 10)
        rig_append(&g, 0, rig_doubt(&g, call, 20));
    struct rig_record other = rig_doubt(&g, 40, 20);
    other.record.vendor = SPAN("other");
    rig_append(&g, 0, other);
    rig_append(&g, 0, rig_settlement(&g, 50, 10, 20, 7, SPAN("spent")));
    rig_append(&g, 0, rig_settlement(&g, 900000, 20, 20, 7, SPAN("spent"))); /* ten days later */
    rig_append(&g, 0, rig_settlement(&g, 900001, 30, 20, 7, SPAN("spent")));
    rig_append(&g, 0, rig_settlement(&g, 900002, 40, 20, 7, SPAN("spent")));
    CHECK_INT(store_barrier(g.store), E_OK);
    struct store_reader *r = rig_reader(&g);
    struct call_filter f = { .from = INT64_C(1700000020000), .to = INT64_C(1700000041000) };
    struct found_settlements found = { .most = 8 };
    CHECK_INT(store_settlements_of(r, &f, find_settlement, &found), E_OK);
    CHECK_INT(found.count, 3);
    CHECK_INT(found.ids[0], 900000);
    CHECK_INT(found.called_at[0], INT64_C(1700000020000));
    found = (struct found_settlements){ .most = 8 };
    f.vendor = SPAN("other");
    CHECK_INT(store_settlements_of(r, &f, find_settlement, &found), E_OK);
    CHECK_INT(found.count, 1);
    found = (struct found_settlements){ .most = 1 };
    f = (struct call_filter){ .to = INT64_C(1700000030000) };
    CHECK_INT(store_settlements_of(r, &f, find_settlement, &found), E_OK);
    CHECK_INT(found.ids[0], 50);
    CHECK_INT(found.count, 1);
    f = (struct call_filter){ .from = INT64_C(1500000000000), .to = INT64_C(1500000030000) };
    found = (struct found_settlements){ .most = 8 };
    CHECK_INT(store_settlements_of(r, &f, find_settlement, &found), E_OK);
    CHECK_INT(found.count, 0);
    store_reader_free(r);
    rig_free(&g);
}

TEST(readers_beside_the_writer)
{
    struct rig g;
    struct reading x = { .rig = &g };
    pthread_t threads[2];
    rig_init(&g, 2);
    rig_open(&g, true);
    for (int i = 0; i < 2; i++)
        must(pthread_create(&threads[i], NULL, read_on, &x) == 0);
    for (uint64_t i = 1; i <= 3000; i++) {
        rig_append(&g, i % 2, rig_row(&g, i));
        if (i % 500 == 0)
            CHECK_INT(store_barrier(g.store), E_OK);
    }
    atomic_store(&x.over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 3000);
    rig_free(&g);
}
