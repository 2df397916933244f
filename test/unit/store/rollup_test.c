/* SPDX-License-Identifier: Apache-2.0
 * rollup_test.c - what is added up by hour and day equals the sums over rows, whatever rows there are and whatever happens meanwhile; and a page
 * of calls is the one that a walk over all rows would give. */
#include "test/unit/store/rig.h"

#include <stdlib.h>

#include "base/buf.h"
#include "rules/row.h"
#include "store/inside.h"

#define HOUR INT64_C(3600000)
#define BEGIN (INT64_C(1700000000000) / HOUR * HOUR)

enum { ROWS = 3000, HOURS = 80, ROW_MOST = 4096 };

static uint64_t seed;

static uint64_t roll(uint64_t sides)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % sides;
}

static struct span pick(const char *const *names, size_t count) { return span_of(names[roll(count)]); }

/* Appends what the columns do not say. */
static void say(struct rig *g, struct rig_record *r, struct span credential, struct span label)
{
    struct buf text;
    buf_init(&text, ROW_MOST);
    rig_write(g, r);
    buf_put(&text, r->record.row);
    struct row_out o = row_out(&text);
    row_text(&o, ROW_CREDENTIAL, credential);
    row_text(&o, ROW_LABEL, label);
    r->record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
}

static int64_t some_time(void) { return BEGIN + (int64_t)roll(HOURS) * HOUR + (int64_t)roll(5) * 1000 * (int64_t)roll(721); }

static struct rig_record some_call(struct rig *g, uint64_t id)
{
    static const char *const keys[] = { "key_a", "key_b", "key_c", NULL }, *const vendors[] = { "openai", "stripe", "twilio" };
    static const char *const labels[] = { "acme:support", "acme:support:mail", "acme", "acmes:x", NULL }, *const credentials[] = { "main", "other", NULL };
    static const char *const models[] = { "gpt-4o-mini", NULL }, *const runs[] = { "run_1", "run_2", "run_3", NULL }, *const users[] = { "ann", "bob", NULL };
    struct rig_record r = rig_row(g, id);
    r.record.at = some_time();
    r.record.key = pick(keys, 4);
    r.record.vendor = pick(vendors, 3);
    r.record.model = pick(models, 2);
    r.record.run = pick(runs, 4);
    r.record.user = pick(users, 3);
    r.record.workspace = roll(3) ? SPAN("ws_1") : SPAN_NONE;
    r.record.cost = (int64_t)roll(1000000007);
    r.record.tokens_in = (int64_t)roll(1000);
    r.record.status = roll(4) ? 200 : 429;
    r.record.held = roll(2);
    r.record.verdict = roll(5) ? 0 : (int)roll(3);
    r.record.denied = r.record.verdict == 1 ? SPAN("budget_exceeded") : SPAN_NONE;
    r.lines[0].real = r.record.cost;
    say(g, &r, pick(credentials, 3), pick(labels, 5));
    return r;
}

static void append_some(struct rig *g, uint64_t *id, uint64_t count)
{
    static uint64_t doubt;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t what = roll(20);
        struct rig_record r = some_call(g, ++*id);
        if (what == 0) {
            r = rig_doubt(g, *id, 777);
            r.record.at = some_time();
            doubt = *id;
        } else if (what == 1 && doubt) {
            r = rig_settlement(g, *id, doubt, 777, 555, SPAN("spent"));
            r.record.at = some_time();
            r.record.row = SPAN_NONE;
            doubt = roll(2) ? 0 : doubt; /* now and then it is settled twice */
        } else if (what == 2) {
            r = rig_change(g, *id);
        } else if (what == 3) { /* what a vendor told of one: with its label and its user */
            r.record.kind = STORE_EVENT;
            r.record.of = *id - 1;
            r.record.verdict = r.record.held = 0;
            r.record.denied = SPAN_NONE;
            say(g, &r, SPAN("main"), r.record.user.at ? SPAN("acme:support") : SPAN_NONE);
        }
        rig_append(g, *id % 2, r);
    }
}

/* Sums over rows, the slow way: asking for the step, too, which no sums have, and adding up. */
static void check_sums(struct rig *g, struct store_reader *r, const struct call_filter *f, struct span by)
{
    struct usage_row *fast, *slow;
    struct { int64_t cost, calls; } sum[2] = { { 0, 0 }, { 0, 0 } };
    size_t fast_count, slow_count;
    const struct span with_step[] = { by, SPAN("step") };
    CHECK_INT(store_usage(r, f, &by, 1, &g->arena, &fast, &fast_count), E_OK);
    CHECK_INT(store_usage(r, f, with_step, 2, &g->arena, &slow, &slow_count), E_OK);
    for (size_t i = 0; i < fast_count; i++) {
        struct usage_row want = { 0 };
        for (size_t k = 0; k < slow_count; k++) {
            if (!span_is(slow[k].group[0], fast[i].group[0]) || !slow[k].group[0].at != !fast[i].group[0].at)
                continue;
            want.calls += slow[k].calls, want.forwarded += slow[k].forwarded, want.refused += slow[k].refused, want.errors += slow[k].errors;
            want.cost += slow[k].cost, want.reserved_open += slow[k].reserved_open, want.tokens_in += slow[k].tokens_in;
            want.first_at = want.first_at && want.first_at < slow[k].first_at ? want.first_at : slow[k].first_at ? slow[k].first_at : want.first_at;
            want.last_at = want.last_at > slow[k].last_at ? want.last_at : slow[k].last_at;
        }
        CHECK_INT(fast[i].calls, want.calls);
        CHECK_INT(fast[i].forwarded, want.forwarded);
        CHECK_INT(fast[i].refused, want.refused);
        CHECK_INT(fast[i].errors, want.errors);
        CHECK_INT(fast[i].cost, want.cost);
        CHECK_INT(fast[i].reserved_open, want.reserved_open);
        CHECK_INT(fast[i].tokens_in, want.tokens_in);
        CHECK_INT(fast[i].first_at, want.first_at);
        CHECK_INT(fast[i].last_at, want.last_at);
        sum[0].cost += fast[i].cost;
        sum[0].calls += fast[i].calls;
    }
    for (size_t k = 0; k < slow_count; k++) {
        sum[1].cost += slow[k].cost;
        sum[1].calls += slow[k].calls;
    }
    CHECK_INT(sum[0].cost, sum[1].cost);
    CHECK_INT(sum[0].calls, sum[1].calls);
}

static bool same_sums(const struct usage_row *x, const struct usage_row *y)
{
    return x->calls == y->calls && x->forwarded == y->forwarded && x->refused == y->refused && x->errors == y->errors && x->cost == y->cost &&
        x->reserved_open == y->reserved_open && x->tokens_in == y->tokens_in && x->first_at == y->first_at && x->last_at == y->last_at;
}

/* All dimensions in one look are what each is alone. */
static void check_each(struct rig *g, struct store_reader *r, const struct call_filter *f)
{
    static const struct span by[] = { { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "step", 4 }, { "user", 4 } };
    struct usage_list lists[6];
    struct usage_row *alone;
    size_t count;
    CHECK_INT(store_usage_each(r, f, by, 5, &g->arena, lists), E_OK);
    for (size_t i = 0; i < 5; i++) {
        CHECK_INT(store_usage(r, f, &by[i], 1, &g->arena, &alone, &count), E_OK);
        CHECK_INT(lists[i].count, count);
        for (size_t k = 0; k < count; k++)
            CHECK(same_sums(&lists[i].rows[k], &alone[k]) && span_is(lists[i].rows[k].group[0], alone[k].group[0]));
    }
    CHECK_INT(store_usage(r, f, NULL, 0, &g->arena, &alone, &count), E_OK);
    CHECK(lists[5].count == 0 ? alone->calls == 0 && alone->cost == 0 : same_sums(lists[5].rows, alone));
}

/* The top lines of a series are the dearest names, and all its lines are the total. */
static void check_series(struct rig *g, struct store_reader *r, const struct call_filter *f, struct span step)
{
    enum { TOP = 2 };
    struct usage_row *alone, *total, *rows, sum[TOP + 1] = { { .calls = 0 } };
    size_t names, one, count;
    const struct span by = SPAN("credential");
    CHECK_INT(store_usage(r, f, &by, 1, &g->arena, &alone, &names), E_OK);
    CHECK_INT(store_usage(r, f, NULL, 0, &g->arena, &total, &one), E_OK);
    CHECK_INT(store_series(r, f, step, by, TOP, &g->arena, &rows, &count), E_OK);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < TOP && k < names && (rows[i].rest || !span_is(rows[i].group[1], alone[k].group[0]) || !rows[i].group[1].at != !alone[k].group[0].at))
            k++;
        CHECK_INT(rows[i].rest, k == TOP);
        sum[k < TOP ? k : TOP].cost += rows[i].cost;
        sum[k < TOP ? k : TOP].calls += rows[i].calls;
    }
    for (size_t k = 0; k < TOP && k < names; k++)
        CHECK(sum[k].cost == alone[k].cost && sum[k].calls == alone[k].calls);
    CHECK_INT(sum[0].cost + sum[1].cost + sum[TOP].cost, total->cost);
    CHECK_INT(sum[0].calls + sum[1].calls + sum[TOP].calls, total->calls);
}

static struct call_filter some_filter(void)
{
    struct call_filter f = { .limit = 1 + (int)roll(40) };
    if (roll(2))
        f.from = BEGIN + (int64_t)roll(HOURS) * HOUR + (roll(2) ? (int64_t)roll((uint64_t)HOUR) : 0);
    if (roll(2))
        f.to = BEGIN + (int64_t)roll(HOURS) * HOUR + (roll(2) ? (int64_t)roll((uint64_t)HOUR) : 0);
    switch (roll(11)) {
    case 0: f.key = SPAN("key_b"); break;
    case 1: f.vendor = SPAN("stripe"); break;
    case 2: f.workspace = SPAN("ws_1"); break;
    case 3: f.denied = roll(2) ? SPAN("*") : SPAN("budget_exceeded"); break;
    case 4: f.label = roll(2) ? SPAN("acme") : SPAN("acme:support"); break;
    case 5: f.credential = SPAN("other"); break;
    case 6: f.status = 400, f.status_to = 500; break;
    case 7: f.verdict = SPAN("in_doubt"); break;
    case 8: f.user = SPAN("bob"); break;
    default: break;
    }
    if (!roll(4))
        f.model = SPAN("gpt-4o-mini");
    return f;
}

struct listed {
    uint64_t ids[ROWS * 2];
    size_t count;
};

static void list(void *self, uint64_t id, struct span json)
{
    struct listed *l = self;
    CHECK(json.len > 2);
    must(l->count < ROWS * 2);
    l->ids[l->count++] = id;
}

/* Page after page is what the plain walk gives in one. */
static void check_pages(struct store_reader *r, struct call_filter f)
{
    static struct listed pages, all;
    uint64_t next = 0;
    pages.count = all.count = 0;
    for (int i = 0; i < ROWS && (i == 0 || next); i++) {
        size_t before = pages.count;
        f.before = next;
        CHECK_INT(store_page(r, &f, list, &pages, &next), E_OK);
        CHECK(pages.count - before <= (size_t)f.limit);
    }
    CHECK(!next);
    struct call_filter plain = f;
    plain.limit = 1000;
    for (plain.before = 0; plain.before == 0 || all.count % 1000 == 0;) {
        size_t before = all.count;
        CHECK_INT(store_calls(r, &plain, list, &all), E_OK);
        if (all.count == before)
            break;
        plain.before = all.ids[all.count - 1];
    }
    CHECK_INT(pages.count, all.count);
    CHECK(pages.count == all.count && memcmp(pages.ids, all.ids, all.count * sizeof(uint64_t)) == 0);
}

static void check_all(struct rig *g, int rounds)
{
    static const char *const names[] = { "key", "vendor", "model", "denied", "credential", "label", "label:1", "workspace", "status_class", "verdict", "hour", "day", "month", "user", "user" };
    struct store_reader *r = rig_reader(g);
    for (int i = 0; i < rounds; i++) {
        struct call_filter f = some_filter();
        check_sums(g, r, &f, pick(names, sizeof(names) / sizeof(*names)));
        check_each(g, r, &f);
        check_series(g, r, &f, roll(2) ? SPAN("hour") : SPAN("day"));
        if (i % 2)
            f.user = SPAN("ann"), f.min_cost = (int64_t)roll(900000000);
        check_pages(r, f);
    }
    store_reader_free(r);
}

/* Every sum of a table, and no other, is that of its rows. */
static void check_tables(struct rig *g)
{
#define ROWS_BY(width, names) "SELECT at / " width ", coalesce(workspace, ''), " names ", sum(kind = 0), sum(cost) FROM calls WHERE kind != 2 GROUP BY 1, 2, 3"
#define SPEEDS "SELECT at, workspace, vendor || operation, sum(calls), sum(cost) FROM speeds GROUP BY 1, 2, 3"
#define SPEED_ROWS ROWS_BY("600000", "vendor || operation")
#define USERS "SELECT at, workspace, user, calls, cost FROM users"
#define USER_ROWS ROWS_BY("21600000", "coalesce(user, '')")
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM (" SPEED_ROWS " EXCEPT " SPEEDS ")"), 0);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM (" SPEEDS " EXCEPT " SPEED_ROWS ")"), 0);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM (" USER_ROWS " EXCEPT " USERS ")"), 0);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM (" USERS " EXCEPT " USER_ROWS ")"), 0);
    CHECK_INT(rig_ask(g, "SELECT (SELECT sum(cost) FROM runs) - (SELECT sum(cost) FROM calls WHERE run IS NOT NULL AND kind != 2)"), 0);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM users") > 4, 1);
}

TEST(sums_by_hour_are_the_sums_over_rows)
{
    for (uint64_t s = 1; s <= 3; s++) {
        struct rig g;
        uint64_t id = 0;
        seed = s;
        rig_init(&g, 2);
        rig_open(&g, true);
        for (int i = 0; i < 4; i++) {
            append_some(&g, &id, ROWS / 4);
            if (i % 2)
                CHECK_INT(store_barrier(g.store), E_OK);
            if (i == 1)
                rig_crash(&g);
            else if (i == 2)
                rig_close(&g);
            if (!g.store)
                rig_open(&g, true);
        }
        CHECK_INT(store_barrier(g.store), E_OK);
        check_all(&g, 60);
        check_tables(&g);
        CHECK_INT(store_pace(g.store).facets, rig_ask(&g, "SELECT count(*) FROM facets"));
        rig_close(&g);
        rig_open(&g, true);
        CHECK_INT(store_pace(g.store).facets, rig_ask(&g, "SELECT count(*) FROM facets"));
        rig_free(&g);
    }
}

/* As many facets as calls, each met again in the next hour: more than a report remembers at a time. */
TEST(a_report_over_more_facets_than_it_remembers)
{
    struct rig g;
    struct usage_row *rows;
    size_t count;
    const struct span by[] = { SPAN("vendor"), SPAN("hour") };
    rig_init(&g, 1);
    rig_open(&g, false);
    rig_do(&g, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
               " INSERT INTO facets(id, name, vendor, label, verdict, status) SELECT i, CAST(i AS BLOB), 'v' || (i % 3), 'l' || i, 0, 200 FROM n");
    rig_do(&g, "INSERT INTO hourly SELECT 10 + (h.value), f.id, 1, 1, f.id, 0, 0, 36000000 + h.value * 3600000, 36000000 + h.value * 3600000, x''"
               " FROM facets f, json_each('[0, 1]') h");
    struct store_reader *r = rig_reader(&g);
    const struct call_filter f = { .from = 10 * HOUR, .to = 12 * HOUR }, one = { .from = 10 * HOUR, .to = 12 * HOUR, .label = SPAN("l299999") };
    CHECK_INT(store_usage(r, &f, by, 2, &g.arena, &rows, &count), E_OK);
    CHECK_INT(count, 6);
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(rows[i].calls, 100000);
        int64_t first = rows[i].group[0].at[1] == '0' ? 3 : rows[i].group[0].at[1] - '0'; /* first + (first + 3) + ... */
        CHECK_INT(rows[i].cost, INT64_C(100000) * first + INT64_C(3) * 99999 * 50000);
    }
    CHECK_INT(store_usage(r, &one, NULL, 0, &g.arena, &rows, &count), E_OK);
    CHECK_INT(rows[0].calls, 2);
    store_reader_free(r);
    rig_free(&g);
}

/* Ids of hour 9 are [101, 160] and those of hour 10 [121, 180], since the clock was put back in between. What lies in both counts once, so
 * that a page which ends in hour 8 gets there. */
TEST(a_clock_put_back_leaves_no_call_out_of_its_page)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t id = 1; id <= 180; id++) {
        struct rig_record r = rig_row(&g, id);
        r.record.at = BEGIN + (id <= 100 ? 8 : id <= 120 ? 9 : id <= 140 ? 10 : id <= 160 ? 9 : 10) * HOUR + (int64_t)id;
        r.record.vendor = SPAN("stripe");
        r.record.cost = 5;
        r.lines[0].real = 5;
        say(&g, &r, SPAN("main"), SPAN_NONE);
        rig_append(&g, 0, r);
    }
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM hours WHERE (lowest, highest) IN (VALUES (1, 100), (101, 160), (121, 180))"), 3);
    struct store_reader *r = rig_reader(&g);
    for (int limit = 1; limit <= 190; limit++) {
        check_pages(r, (struct call_filter){ .limit = limit, .min_cost = 1 });
        check_pages(r, (struct call_filter){ .limit = limit, .vendor = SPAN("stripe") });
    }
    store_reader_free(r);
    rig_free(&g);
}

/* A file of version 4 has no sums: they are made when it is opened, in steps, and one that is cut off is gone on with. */
TEST(rows_of_version_4_are_added_up)
{
    struct rig g;
    uint64_t id = 0;
    seed = 4;
    rig_init(&g, 2);
    append_some(&g, &id, ROWS);
    rig_open(&g, false);
    rig_close(&g);
    int64_t hourly = rig_ask(&g, "SELECT count(*) FROM hourly");
    rig_do(&g, rig_undo_version_5);
    append_some(&g, &id, 10);
    rig_open(&g, false);
    CHECK(rig_ask(&g, "SELECT count(*) FROM hourly") >= hourly);
    CHECK_INT(rig_ask(&g, "SELECT done = until FROM upkeep"), 1);
    check_all(&g, 30);
    rig_close(&g);
    /* As it was half way: the rows up to 1,500 are in the sums. */
    rig_do(&g, "DELETE FROM hourly; DELETE FROM daily; DELETE FROM users; DELETE FROM facets; UPDATE upkeep SET done = 0, until = 1500");
    rig_open(&g, false);
    rig_close(&g);
    rig_do(&g, "UPDATE upkeep SET until = 1000000");
    rig_open(&g, false);
    check_all(&g, 30);
    rig_free(&g);
}

TEST(runs_are_found_by_key_and_label)
{
    struct rig g;
    struct usage_row *rows;
    struct span next;
    size_t count;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 40; i++) {
        struct rig_record r = rig_row(&g, i);
        r.record.run = arena_print(&g.arena, "run_%d", (int)(i % 4));
        r.record.key = i % 4 == 3 && i > 20 ? SPAN("key_b") : i % 4 == 2 ? SPAN("key_c") : SPAN("key_a"); /* run_3 is of two keys */
        say(&g, &r, SPAN("main"), i % 4 == 1 ? SPAN("acme:mail") : i % 4 == 2 ? SPAN("acme") : SPAN_NONE);
        rig_append(&g, 0, r);
    }
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    static const struct {
        struct run_filter f;
        size_t count;
    } cases[] = {
        { { .key = { "key_a", 5 } }, 3 }, { { .key = { "key_b", 5 } }, 1 }, { { .key = { "key_c", 5 } }, 1 }, { { .key = { "key_d", 5 } }, 0 },
        { { .label = { "acme", 4 } }, 2 }, { { .label = { "acme:mail", 9 } }, 1 }, { { .label = { "acm", 3 } }, 0 }, { { .q = { "_2", 2 } }, 1 },
        { { .workspace = { "ws_1", 4 } }, 4 }, { { .workspace = { "ws_2", 4 } }, 0 }, { { .from = 1700000000000 + 39 * 1000 }, 2 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(store_runs(r, &cases[i].f, SPAN_NONE, 10, &g.arena, &rows, &count, &next), E_OK);
        CHECK_INT(count, cases[i].count);
        CHECK(!next.at);
    }
    store_reader_free(r);
    rig_free(&g);
}
