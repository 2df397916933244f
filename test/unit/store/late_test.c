/* SPDX-License-Identifier: Apache-2.0
 * late_test.c - a call whose price comes later stands without being in doubt, until exactly one settlement brings it; events count
 * and end nothing; what calls made is found again; approvals stand as they were last. */
#include "test/unit/store/rig.h"

#include "rules/row.h"
#include "store/inside.h"

struct seen {
    size_t late, doubts, lines;
    int64_t held, real;
    bool has_row, has_request, by_settlement;
};

static void see(void *self, const struct store_doubt *d)
{
    struct seen *s = self;
    s->late += d->late;
    s->doubts += !d->late;
    s->lines += d->count;
    s->has_row = d->row.len > 0;
    s->has_request = d->again.len > 0;
    s->by_settlement = span_is(row_field(d->counted, ROW_OUTCOME).text, SPAN("spent"));
    CHECK(s->by_settlement || !d->late || span_is(d->counted, d->row));
    for (size_t i = 0; i < d->count; i++) {
        CHECK(d->lines[i].kept == !d->late);
        s->held += d->lines[i].held;
        s->real += d->lines[i].real;
    }
}

static struct seen look(struct rig *g, bool all)
{
    struct seen s = { 0 };
    struct store_reader *r = rig_reader(g);
    CHECK_INT(all ? store_doubts(r, 0, 100, see, &s) : store_in_doubt(r, 0, 100, see, &s), E_OK);
    store_reader_free(r);
    return s;
}

static void apply(struct rig *g)
{
    bool more = true;
    while (more)
        CHECK_INT(batch_run(g->store, 0, &more), E_OK);
}

static struct rig_record late_row(struct rig *g, uint64_t id)
{
    struct rig_record r = rig_row(g, id);
    r.record.late = true;
    r.record.again = SPAN("sealed request");
    return r;
}

static struct rig_record late_settlement(struct rig *g, uint64_t id, uint64_t of, int64_t held, int64_t real)
{
    struct rig_record r = rig_settlement(g, id, of, held, real, SPAN("spent"));
    r.record.late = true;
    return r;
}

static int64_t settled(struct rig *g) { return rig_ask(g, "SELECT coalesce(sum(settled), 0) FROM accounts"); }
static int64_t doubt(struct rig *g) { return rig_ask(g, "SELECT coalesce(sum(doubt), 0) FROM accounts"); }

TEST(late_call_is_in_no_doubt)
{
    struct rig g;
    struct usage_row *rows;
    size_t count;
    rig_init(&g, 1);
    rig_append(&g, 0, late_row(&g, 5));
    rig_append(&g, 0, rig_doubt(&g, 6, 20));
    rig_open(&g, false);
    struct seen all = look(&g, true), open = look(&g, false);
    CHECK(all.late == 1 && all.doubts == 1 && all.real == 10000000 && all.held == 20 && all.has_row);
    CHECK(open.late == 0 && open.doubts == 1 && open.held == 20);
    CHECK_INT(settled(&g), 10000000);
    CHECK_INT(doubt(&g), 20);
    CHECK_INT(rig_ask(&g, "SELECT open FROM runs"), 20);
    struct store_reader *r = rig_reader(&g);
    struct call_filter f = { .limit = 10 };
    CHECK_INT(store_usage(r, &f, NULL, 0, &g.arena, &rows, &count), E_OK);
    CHECK(count == 1 && rows[0].reserved_open == 20 && rows[0].cost == 10000000 && rows[0].calls == 2);
    store_reader_free(r);
    CHECK_INT(rig_verified(&g), 2);
    rig_free(&g);
}

/* Whatever its outcome is called, one that is not late brings the price; any after it is left out. */
TEST(late_price_comes_once)
{
    static const char *const outcomes[] = { "spent", "corrected", "not_spent", "" };
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
        struct rig g;
        rig_init(&g, 2);
        rig_append(&g, 0, late_row(&g, 5));
        rig_open(&g, false);
        CHECK(look(&g, true).has_request);
        rig_append(&g, 1, rig_settlement(&g, 9, 5, 0, -3, span_of(outcomes[i])));
        apply(&g);
        for (uint64_t round = 0; round < 4; round++) {
            CHECK_INT(settled(&g), 10000000 - 3);
            CHECK_INT(rig_ask(&g, "SELECT cost FROM runs"), 10000000 - 3);
            CHECK_INT(look(&g, true).late, 0);
            CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE of = 5"), 1);
            struct rig_record again = round == 3 ? late_settlement(&g, 10 + round, 5, 0, 7) : rig_settlement(&g, 10 + round, 5, 0, 7, span_of(outcomes[round]));
            rig_append(&g, round % 2, again);
            apply(&g);
        }
        CHECK_INT(rig_verified(&g), 2);
        rig_free(&g);
    }
}

/* Several that are late themselves are added, and what was counted is what a gate that starts gets. */
TEST(late_settlements_add_up_until_the_last)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record row = late_row(&g, 5), more = late_settlement(&g, 7, 5, 0, 2);
    row.record.count = 2;
    row.lines[1] = (struct store_line){ .account = SPAN("rolling"), .slot = 7, .real = 40, .ends_at = RIG_ENDS_AT };
    more.record.count = 2;
    more.lines[1] = (struct store_line){ .account = SPAN("rolling"), .slot = 8, .real = 5, .ends_at = RIG_ENDS_AT };
    rig_append(&g, 0, row);
    rig_append(&g, 0, late_settlement(&g, 6, 5, 0, 1));
    rig_append(&g, 0, more);
    rig_open(&g, false);
    struct seen s = look(&g, true);
    CHECK(s.late == 1 && s.lines == 3 && s.real == 10000000 + 3 + 40 + 5 && s.held == 0);
    rig_append(&g, 0, rig_settlement(&g, 8, 5, 0, 1, SPAN("corrected")));
    rig_append(&g, 0, late_settlement(&g, 9, 5, 0, 100));
    apply(&g);
    CHECK_INT(look(&g, true).late, 0);
    CHECK_INT(settled(&g), 10000000 + 4 + 45);
    CHECK_INT(rig_verified(&g), 4);
    rig_free(&g);
}

/* A doubt that was carried out, and whose price comes later still. */
TEST(doubt_becomes_late)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_doubt(&g, 5, 20));
    rig_append(&g, 0, late_settlement(&g, 6, 5, 20, 7));
    rig_append(&g, 0, rig_settlement(&g, 7, 5, 20, 7, SPAN("spent"))); /* the doubt, twice */
    rig_append(&g, 0, late_settlement(&g, 8, 5, 20, 7));
    rig_open(&g, false);
    struct seen s = look(&g, true);
    CHECK(s.late == 1 && s.doubts == 0 && s.real == 7 && s.has_row && s.by_settlement);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(settled(&g), 7);
    CHECK_INT(rig_ask(&g, "SELECT open FROM runs"), 0);
    rig_append(&g, 0, rig_settlement(&g, 9, 5, 0, 2, SPAN("spent")));
    rig_append(&g, 0, rig_settlement(&g, 10, 5, 0, 2, SPAN("spent")));
    apply(&g);
    CHECK_INT(settled(&g), 9);
    CHECK_INT(look(&g, true).late, 0);
    CHECK_INT(rig_verified(&g), 3);
    rig_free(&g);
}

/* Journals of two workers: in every order of row, late settlement and last one, together or apart, the same is counted. */
static void play_order(const int order[4], bool is_doubt, bool together)
{
    struct rig g;
    rig_init(&g, 2);
    rig_open(&g, false);
    for (int i = 0; i < 4; i++) {
        struct rig_record records[4] = { is_doubt ? rig_doubt(&g, 5, 20) : late_row(&g, 5),
            late_settlement(&g, 6, 5, is_doubt ? 20 : 0, 7), rig_settlement(&g, 7, 5, 0, 2, SPAN("spent")), rig_settlement(&g, 8, 5, 0, 2, SPAN("spent")) };
        rig_append(&g, 0, records[order[i]]);
        if (!together)
            apply(&g);
    }
    apply(&g);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(rig_ask(&g, "SELECT open FROM runs"), 0);
    CHECK_INT(look(&g, true).late + look(&g, true).doubts, 0);
    CHECK_INT(settled(&g), is_doubt ? 9 : 10000000 + 9);
    CHECK_INT(rig_verified(&g), 3);
    rig_free(&g);
}

TEST(late_in_any_order_of_journals)
{
    /* The settlements are of one journal, the first worker's: they keep their order. */
    static const int orders[][4] = { { 0, 1, 2, 3 }, { 1, 0, 2, 3 }, { 1, 2, 0, 3 }, { 1, 2, 3, 0 } };
    for (size_t i = 0; i < 4; i++)
        for (int how = 0; how < 4; how++)
            play_order(orders[i], how & 1, how & 2);
}

TEST(late_row_after_its_only_settlement)
{
    static const char *const outcomes[] = { "spent", "corrected" };
    for (size_t i = 0; i < 2; i++) {
        struct rig g;
        rig_init(&g, 1);
        rig_open(&g, false);
        rig_append(&g, 0, rig_settlement(&g, 7, 5, 0, 2, span_of(outcomes[i])));
        rig_append(&g, 0, late_row(&g, 5));
        rig_append(&g, 0, rig_settlement(&g, 8, 5, 0, 2, span_of(outcomes[i])));
        apply(&g);
        CHECK_INT(look(&g, true).late, 0);
        CHECK_INT(settled(&g), 10000002);
        CHECK_INT(rig_verified(&g), 2);
        rig_free(&g);
    }
}

TEST(late_survives_crashes_and_rollbacks)
{
    enum { CALLS = 200 };
    struct rig g;
    bool more;
    rig_init(&g, 2);
    for (uint64_t i = 1; i <= CALLS; i++)
        rig_append(&g, i % 2, late_row(&g, i));
    rig_open(&g, false);
    rig_crash(&g);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts WHERE late = 1"), CALLS);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 1"), E_OK);
    for (uint64_t i = 1; i <= CALLS; i++) {
        rig_append(&g, 0, late_settlement(&g, CALLS + i, i, 0, 1));
        rig_append(&g, 0, rig_settlement(&g, 2 * CALLS + i, i, 0, 2, SPAN("spent")));
        rig_append(&g, 0, rig_settlement(&g, 3 * CALLS + i, i, 0, 2, SPAN("spent")));
        rig_append(&g, 1, late_row(&g, 4 * CALLS + i)); /* new pages: the disk is full */
    }
    for (int round = 0; round < 3; round++)
        CHECK_INT(batch_run(g.store, 0, &more), E_IO);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 100000"), E_OK);
    apply(&g);
    rig_crash(&g);
    rig_open(&g, false);
    CHECK_INT(settled(&g), CALLS * (int64_t)(2 * 10000000 + 3));
    CHECK_INT(settled(&g), rig_ask(&g, "SELECT sum(cost) FROM calls"));
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts WHERE late = 1 AND call > 800"), CALLS);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts"), CALLS);
    CHECK_INT(rig_verified(&g), 4 * CALLS);
    rig_free(&g);
}

/* ---- events ---- */

static struct rig_record event(struct rig *g, uint64_t id, uint64_t of, int64_t usd)
{
    struct rig_record r = rig_row(g, id);
    struct buf text;
    buf_init(&text, 4096);
    r.record.kind = STORE_EVENT;
    r.record.of = of;
    r.record.cost = usd;
    r.record.reserved = r.record.tokens_in = r.record.tokens_out = 0;
    r.lines[0].held = 0;
    r.lines[0].real = usd;
    rig_write(g, &r);
    buf_put(&text, r.record.row);
    struct row_out o = row_out(&text);
    row_text(&o, ROW_OBJECT, arena_print(&g->arena, "evt_%d", (int)id));
    row_text(&o, ROW_CREDENTIAL, SPAN("main"));
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    return r;
}

/* A call whose team and customer are in its row. */
static struct rig_record labelled(struct rig *g, uint64_t id)
{
    struct rig_record r = rig_row(g, id);
    struct buf text;
    buf_init(&text, 4096);
    rig_write(g, &r);
    buf_put(&text, r.record.row);
    struct row_out o = row_out(&text);
    row_text(&o, ROW_METADATA, SPAN("{\"team\":\"blue\"}"));
    row_open(&o, ROW_SCOPE);
    row_text(&o, ROW_SCOPE_NAME, SPAN("stripe.customer"));
    row_text(&o, ROW_SCOPE_VALUE, SPAN("cus_ada"));
    row_close(&o);
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    return r;
}

static void check_group(struct rig *g, struct store_reader *r, struct span by, struct span group, int64_t calls, int64_t cost)
{
    const struct call_filter all = { .limit = 1 };
    struct usage_row *rows;
    size_t count, found = 0;
    CHECK_INT(store_usage(r, &all, &by, 1, &g->arena, &rows, &count), E_OK);
    for (size_t i = 0; i < count; i++) {
        if (!span_is(rows[i].group[0], group))
            continue;
        found++;
        CHECK_INT(rows[i].calls, calls);
        CHECK_INT(rows[i].cost, cost);
    }
    CHECK_INT(found, 1);
}

/* A dispute of a month later costs the team and the customer of its charge, though its own row names neither. */
TEST(what_comes_late_counts_to_the_metadata_and_scopes_of_its_call)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, labelled(&g, 1));
    rig_append(&g, 0, rig_row(&g, 2));
    rig_append(&g, 0, event(&g, 11, 1, 5));
    rig_append(&g, 0, rig_settlement(&g, 12, 1, 0, 7, SPAN("spent")));
    rig_append(&g, 0, event(&g, 13, 2, 3));
    rig_append(&g, 0, event(&g, 14, 0, 2));  /* of no call that is known */
    rig_append(&g, 0, event(&g, 15, 99, 1)); /* of one that is not there */
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    check_group(&g, r, SPAN("metadata:team"), SPAN("blue"), 1, 10000000 + 5 + 7);
    check_group(&g, r, SPAN("metadata:team"), SPAN_NONE, 1, 10000000 + 3 + 2 + 1);
    check_group(&g, r, SPAN("scope:stripe.customer"), SPAN("cus_ada"), 1, 10000000 + 5 + 7);
    check_group(&g, r, SPAN("scope:stripe.customer"), SPAN_NONE, 1, 10000000 + 3 + 2 + 1);
    store_reader_free(r);
    rig_free(&g);
}

struct told {
    size_t count;
    uint64_t first;
    bool named;
};

static void see_told(void *self, uint64_t id, struct span json)
{
    struct told *t = self;
    t->first = t->count++ ? t->first : id;
    t->named = span_find(json, SPAN("\"kind\":\"event\"")) >= 0;
}

TEST(events_count_and_end_nothing)
{
    struct rig g;
    struct told t = { 0 }, s = { 0 };
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_doubt(&g, 2, 20));
    rig_append(&g, 0, late_row(&g, 3));
    for (uint64_t i = 1; i <= 3; i++)
        rig_append(&g, 0, event(&g, 10 + i, i, 5));
    rig_append(&g, 0, event(&g, 14, 1, 0));
    rig_append(&g, 0, event(&g, 15, 0, 0)); /* of no call that is known */
    rig_open(&g, false);
    CHECK_INT(settled(&g), 2 * 10000000 + 15);
    CHECK_INT(rig_ask(&g, "SELECT cost FROM runs"), 2 * 10000000 + 15);
    CHECK_INT(rig_ask(&g, "SELECT calls FROM runs"), 3);
    struct seen left = look(&g, true);
    CHECK(left.late == 1 && left.doubts == 1);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_events(r, 1, see_told, &t), E_OK);
    CHECK(t.count == 2 && t.first == 11 && t.named);
    CHECK_INT(store_settlements(r, 1, see_told, &s), E_OK);
    CHECK_INT(s.count, 0);
    struct usage_row *rows;
    size_t count;
    struct call_filter f = { .limit = 10 };
    CHECK_INT(store_usage(r, &f, NULL, 0, &g.arena, &rows, &count), E_OK);
    CHECK(count == 1 && rows[0].calls == 3 && rows[0].cost == 2 * 10000000 + 15);
    CHECK_INT(store_calls(r, &f, see_told, &s), E_OK);
    CHECK_INT(s.count, 3);
    store_reader_free(r);
    CHECK_INT(rig_verified(&g), 8);
    rig_do(&g, "UPDATE calls SET kind = 1 WHERE id = 11");
    struct store_verdict v;
    r = rig_reader(&g);
    CHECK_INT(store_verify(r, NULL, NULL, NULL, &v), E_CONFLICT);
    CHECK_INT(v.bad_id, 11);
    store_reader_free(r);
    rig_free(&g);
}

/* ---- what calls made ---- */

static void names(struct rig *g, struct rig_record *r, const char *object)
{
    struct buf text;
    buf_init(&text, 4096);
    r->record.user = SPAN("ann");
    rig_write(g, r);
    buf_put(&text, r->record.row);
    struct row_out o = row_out(&text);
    row_text(&o, ROW_OBJECT_ID, span_of(object));
    row_text(&o, ROW_CREDENTIAL, SPAN("main"));
    row_text(&o, ROW_LABEL, SPAN("acme:support"));
    r->record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
}

struct made_seen {
    size_t count;
    uint64_t calls[8];
    int64_t usd[8];
    enum store_kind kinds[8];
    size_t owned;
    bool whole;
};

static void see_made(void *self, const struct store_object_made *m)
{
    struct made_seen *s = self;
    must(s->count < 8);
    s->calls[s->count] = m->call;
    s->usd[s->count] = m->usd;
    s->kinds[s->count++] = m->kind;
    s->whole = span_is(m->credential, SPAN("main")) && span_is(m->vendor, SPAN("openai")) && span_is(m->key, SPAN("key_a")) && span_is(m->run, SPAN("run_1")) &&
               m->object.len && m->operation.len && span_is(m->step, SPAN("plan")) && span_is(m->workspace, SPAN("ws_1"));
    s->owned += span_is(m->user, SPAN("ann")) && span_is(m->label, SPAN("acme:support"));
}

TEST(what_calls_made_is_found_again)
{
    struct rig g;
    struct made_seen all = { 0 }, newest = { 0 }, late = { 0 };
    rig_init(&g, 1);
    struct rig_record row = rig_row(&g, 1), settlement = rig_settlement(&g, 5, 2, 20, 7, SPAN("spent"));
    names(&g, &row, "ch_1");
    names(&g, &settlement, "ch_2");
    struct rig_record lasts = rig_row(&g, 100000);
    names(&g, &lasts, "ch_3");
    rig_append(&g, 0, row);
    rig_append(&g, 0, rig_doubt(&g, 2, 20));
    rig_append(&g, 0, rig_row(&g, 3)); /* it made nothing that has a name */
    rig_append(&g, 0, settlement);
    rig_append(&g, 0, event(&g, 7, 1, 5));
    rig_append(&g, 0, lasts);
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_made(r, 0, 100, see_made, &all), E_OK);
    CHECK(all.count == 4 && all.whole);
    CHECK(all.calls[0] == 100000 && all.calls[1] == 1 && all.kinds[1] == STORE_EVENT && all.calls[2] == 2 && all.usd[2] == 7 && all.calls[3] == 1);
    CHECK_INT(all.usd[3], 10000000);
    CHECK_INT(all.owned, 3); /* the event names nobody here */
    CHECK_INT(store_made(r, 0, 1, see_made, &newest), E_OK);
    CHECK(newest.count == 1 && newest.calls[0] == 100000);
    CHECK_INT(store_made(r, 1700000000000 + INT64_C(100000) * 1000, 100, see_made, &late), E_OK);
    CHECK(late.count == 1 && late.calls[0] == 100000);
    store_reader_free(r);
    rig_free(&g);
}

/* ---- approvals ---- */

static struct rig_record approval(const char *id, int64_t at, const char *bytes)
{
    struct rig_record r = { 0 };
    r.record = (struct store_record){ .what = STORE_APPROVAL, .call = 7, .at = at, .until = at + 1000, .once = span_of(id), .bytes = span_of(bytes) };
    return r;
}

struct approvals_seen {
    size_t count;
    char bytes[4][16];
};

static void see_approval(void *self, const struct store_approval *a)
{
    struct approvals_seen *s = self;
    must(s->count < 4);
    CHECK(a->id.len == 5 && a->until == a->at + 1000);
    snprintf(s->bytes[s->count++], sizeof(s->bytes[0]), "%.*s", SPAN_ARG(a->bytes));
}

/* Also when a worker's journal is read later than that of another, which changed it after. */
TEST(approvals_stand_as_they_were_last)
{
    struct rig g;
    struct approvals_seen s = { 0 }, one = { 0 };
    int64_t now = 1700000000000, days = INT64_C(24) * 60 * 60 * 1000;
    rig_init(&g, 1);
    rig_append(&g, 0, approval("apr_1", now, "pending"));
    rig_append(&g, 0, approval("apr_2", now + 5, "approved"));
    rig_append(&g, 0, approval("apr_2", now + 4, "pending"));
    rig_append(&g, 0, approval("apr_1", now + 9, "used"));
    rig_open(&g, false);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_approvals(r, 10, see_approval, &s), E_OK);
    CHECK(s.count == 2 && strcmp(s.bytes[0], "used") == 0 && strcmp(s.bytes[1], "approved") == 0);
    CHECK_INT(store_approvals(r, 1, see_approval, &one), E_OK);
    CHECK_INT(one.count, 1);
    struct approvals_seen two = { 0 };
    CHECK_INT(store_approval(r, SPAN("apr_2"), see_approval, &two), E_OK);
    CHECK_INT(store_approval(r, SPAN("apr_3"), see_approval, &two), E_OK);
    CHECK(two.count == 1 && strcmp(two.bytes[0], "approved") == 0);
    store_reader_free(r);
    for (int i = 0; i < 3; i++)
        sweep_step(g.store, now + 1005 + 30 * days, 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM approvals"), 2);
    sweep_step(g.store, now + 1006 + 30 * days, 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM approvals"), 1);
    rig_free(&g);
}

TEST(a_file_of_version_3_is_brought_up)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_doubt(&g, 2, 20));
    rig_append(&g, 0, rig_doubt(&g, 3, 30));
    rig_append(&g, 0, rig_settlement(&g, 4, 3, 30, 7, SPAN("spent")));
    rig_open(&g, false);
    rig_crash(&g);
    rig_do(&g, rig_undo_version_4);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "PRAGMA user_version"), 5);
    CHECK(look(&g, true).doubts == 1 && look(&g, false).held == 20);
    rig_append(&g, 0, rig_settlement(&g, 5, 3, 30, 7, SPAN("spent"))); /* still once */
    rig_append(&g, 0, rig_settlement(&g, 6, 2, 20, 1, SPAN("spent")));
    apply(&g);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(settled(&g), 10000000 + 8);
    CHECK_INT(rig_verified(&g), 5);
    rig_free(&g);
}
