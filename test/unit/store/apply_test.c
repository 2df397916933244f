/* SPDX-License-Identifier: Apache-2.0
 * apply_test.c - records become rows and balances exactly once, whatever happens in between. */
#include "test/unit/store/rig.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/inside.h"

struct balance_seen {
    int64_t settled, doubt, ends_at;
    int times;
};

static void restored(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct balance_seen *seen = self;
    if (!span_is(account, SPAN("key_a/0")))
        return;
    CHECK_INT(slot, -1);
    seen->settled = settled;
    seen->doubt = doubt;
    seen->ends_at = ends_at;
    seen->times++;
}

/* Closes, opens and recovers again, and says what the ledger would hear. */
static struct balance_seen reopen(struct rig *g)
{
    struct balance_seen seen = { 0 };
    rig_close(g);
    rig_open(g, false);
    g->source[0].begun = g->source[1].begun = false;
    CHECK_INT(store_recover(g->store, restored, &seen), E_OK);
    return seen;
}

TEST(rows_become_balances)
{
    struct rig g;
    rig_init(&g, 2);
    rig_open(&g, true);
    for (uint64_t i = 1; i <= 100; i++)
        rig_append(&g, i % 2, rig_row(&g, i));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 100);
    CHECK_INT(rig_ask(&g, "SELECT sum(cost) FROM calls"), 1000000000);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts WHERE account = 'key_a/0'"), 1000000000);
    CHECK_INT(rig_ask(&g, "SELECT calls FROM runs WHERE run = 'run_1' AND workspace = 'ws_1'"), 100);
    struct balance_seen seen = reopen(&g);
    CHECK_INT(seen.settled, 1000000000);
    CHECK_INT(seen.doubt, 0);
    CHECK_INT(seen.ends_at, RIG_ENDS_AT);
    CHECK_INT(seen.times, 1);
    CHECK_INT(g.source[0].applied, 500);
    CHECK_INT(g.source[1].applied, 500);
    rig_free(&g);
}

TEST(light_load_is_committed_soon)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    rig_append(&g, 0, rig_row(&g, 1));
    int64_t begun = clock_monotonic_ns();
    while (rig_ask(&g, "SELECT count(*) FROM calls") == 0 && clock_monotonic_ns() - begun < 5000000000)
        continue;
    CHECK(clock_monotonic_ns() - begun < 2000000000); /* 20 ms by design; the rest is for a busy machine */
    rig_free(&g);
}

TEST(much_to_do_is_gathered_longer)
{
    struct rig g;
    bool more;
    rig_init(&g, 1);
    rig_open(&g, false);
    for (uint64_t i = 1; i <= BUSY_RECORDS; i++)
        rig_append(&g, 0, rig_row(&g, i));
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    CHECK(g.store->busy);
    rig_append(&g, 0, rig_row(&g, BUSY_RECORDS + 1));
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    CHECK(!g.store->busy);
    rig_free(&g);
}

/* The transaction was committed, applied() was never heard: the records come again and change nothing. */
TEST(crash_between_commit_and_applied)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, false);
    for (uint64_t i = 1; i <= 10; i++)
        rig_append(&g, 0, rig_row(&g, i));
    bool more;
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    CHECK_INT(g.source[0].applied, 0);
    rig_crash(&g);
    CHECK_INT(g.source[0].applied, 0);
    rig_open(&g, false);
    g.source[0].next = 0; /* even a source that ignores where to begin does no harm */
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 10);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 100000000);
    CHECK_INT(rig_ask(&g, "SELECT calls FROM runs"), 10);
    rig_free(&g);
}

/* Nothing of a batch was committed: all of it comes again. */
TEST(crash_before_commit)
{
    struct rig g;
    bool more;
    rig_init(&g, 1);
    rig_open(&g, false);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 1"), E_OK);
    rig_append(&g, 0, rig_hold(&g, 2000, 20000000));
    for (uint64_t i = 1; i <= 2000; i++) {
        struct rig_record row = rig_row(&g, i);
        row.record.held = true;
        rig_append(&g, 0, row);
    }
    CHECK_INT(batch_run(g.store, 0, &more), E_IO);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 1000"), E_OK);
    CHECK_INT(batch_sync(g.store), E_OK); /* a commit of nothing: the failed batch is still to come */
    CHECK(g.store->kept);
    rig_crash(&g);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2000);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), INT64_C(20000000000));
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
    rig_free(&g);
}

TEST(failed_batch_is_applied_from_memory)
{
    struct rig g;
    bool more;
    rig_init(&g, 1);
    rig_open(&g, false);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 1"), E_OK);
    for (uint64_t i = 1; i <= 2000; i++) {
        struct rig_record row = rig_row(&g, i);
        row.record.held = true;
        rig_append(&g, 0, rig_hold(&g, i, 20000000));
        rig_append(&g, 0, row);
    }
    for (int round = 0; round < 3; round++)
        CHECK_INT(batch_run(g.store, 0, &more), E_IO);
    rig_append(&g, 0, rig_row(&g, 2001));
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 100000"), E_OK);
    CHECK_INT(batch_sync(g.store), E_OK);
    do
        CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    while (more);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2001);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), INT64_C(20010000000));
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
    CHECK(!g.store->kept);
    rig_free(&g);
}

TEST(hold_and_row_in_one_batch_leave_nothing)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record row = rig_row(&g, 7);
    row.record.held = true;
    rig_append(&g, 0, rig_hold(&g, 7, 20000000));
    rig_append(&g, 0, row);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
    CHECK_INT(rig_ask(&g, "SELECT verdict FROM calls WHERE id = 7"), 0);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts"), 0);
    rig_free(&g);
}

TEST(hold_waits_for_its_row_across_batches)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    rig_append(&g, 0, rig_hold(&g, 7, 20000000));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 1);
    struct rig_record row = rig_row(&g, 7);
    row.record.held = true;
    rig_append(&g, 0, row);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
    struct balance_seen seen = reopen(&g);
    CHECK_INT(seen.settled, 10000000);
    CHECK_INT(seen.doubt, 0);
    rig_free(&g);
}

/* A session holds more than it did: the first hold may be in the table by then, or not, and so may the second. */
TEST(a_hold_that_takes_the_place_of_another_goes_with_the_one_row)
{
    for (int barriers = 0; barriers < 4; barriers++) {
        struct rig g;
        rig_init(&g, 1);
        rig_open(&g, true);
        rig_append(&g, 0, rig_hold(&g, 7, 20000000));
        if (barriers & 1)
            CHECK_INT(store_barrier(g.store), E_OK);
        struct rig_record more = rig_hold(&g, 7, 30000000), row = rig_row(&g, 7);
        more.record.again_held = true;
        rig_append(&g, 0, more);
        if (barriers & 2) {
            CHECK_INT(store_barrier(g.store), E_OK);
            CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 1);
        }
        row.record.held = true;
        rig_append(&g, 0, row);
        CHECK_INT(store_barrier(g.store), E_OK);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
        struct balance_seen seen = reopen(&g);
        CHECK_INT(seen.settled, 10000000);
        CHECK_INT(seen.doubt, 0);
        rig_free(&g);
    }
}

TEST(a_crash_leaves_the_hold_that_came_last)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    rig_append(&g, 0, rig_hold(&g, 7, 20000000));
    CHECK_INT(store_barrier(g.store), E_OK);
    struct rig_record more = rig_hold(&g, 7, 30000000);
    more.record.again_held = true;
    rig_append(&g, 0, more);
    CHECK_INT(store_barrier(g.store), E_OK);
    rig_crash(&g);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE verdict = 3"), 1);
    struct balance_seen seen = reopen(&g);
    CHECK_INT(seen.doubt, 30000000);
    rig_free(&g);
}

TEST(open_hold_becomes_one_row_in_doubt)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_hold(&g, 2, 20000000));
    CHECK_INT(store_barrier(g.store), E_OK);
    rig_append(&g, 0, rig_hold(&g, 3, 5)); /* this one may or may not be in a batch when the process ends */
    rig_crash(&g);
    rig_open(&g, false);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE verdict = 3"), 2);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE id = 2 AND vendor = 'stripe' AND run = 'run_1' AND model IS NULL"
                              " AND reserved = 20000000 AND settled = 0 AND cost = 0"), 1);
        struct balance_seen seen = reopen(&g);
        CHECK_INT(seen.settled, 10000000);
        CHECK_INT(seen.doubt, 20000005);
    }
    struct store_reader *r = rig_reader(&g);
    struct span json;
    CHECK_INT(store_call(r, 2, &g.arena, &json), E_OK);
    CHECK(span_find(json, SPAN(",\"reserved_usd\":\"0.02\",")) > 0);
    CHECK(span_find(json, SPAN(",\"verdict\":\"in_doubt\",\"denied\":null,\"reason\":\"the gate stopped while this call was under way\",")) > 0);
    CHECK(span_find(json, SPAN(",\"cost_usd\":\"0\",\"settled\":false,")) > 0);
    CHECK_INT(rig_verified(&g), 3);
    store_reader_free(r);
    rig_free(&g);
}

/* A limit of calls at once is no money: its place goes back with the process, and no doubt keeps it. */
TEST(pitfall_03_a_crash_gives_back_the_calls_at_once)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record hold = rig_hold(&g, 2, 20000000);
    hold.lines[1] = (struct store_line){ .account = SPAN("key_a/calls/total"), .slot = -1, .held = 1 };
    hold.record.count = 2;
    rig_append(&g, 0, hold);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE verdict = 3"), 1);
    CHECK_INT(rig_ask(&g, "SELECT sum(doubt) FROM accounts WHERE account = 'key_a/0'"), 20000000);
    CHECK_INT(rig_ask(&g, "SELECT ifnull(sum(doubt), 0) FROM accounts WHERE account LIKE '%calls%'"), 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts WHERE instr(lines, CAST('calls' AS BLOB)) > 0"), 0);
    rig_free(&g);
}

/* Far more than one transaction of them, and texts that are no rows. */
TEST(many_holds_become_rows_in_doubt)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 1300; i++) {
        struct rig_record hold = rig_hold(&g, i, 1);
        if (i == 5)
            hold.record.row = SPAN("{}");
        if (i == 6)
            hold.record.row = SPAN("no row");
        if (i == 7)
            hold.record.count = 0;
        rig_append(&g, 0, hold);
    }
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE verdict = 3"), 1300);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE verdict = 3 AND key = 'key_a'"), 1298);
    struct store_reader *r = rig_reader(&g);
    struct span json;
    for (uint64_t i = 5; i <= 6; i++) {
        CHECK_INT(store_call(r, i, &g.arena, &json), E_OK);
        CHECK(span_starts(json, SPAN("{\"id\":\"call_00000000000")) && span_find(json, SPAN("\"verdict\":\"in_doubt\"")) > 0);
    }
    store_reader_free(r);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts"), 1299);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM holds"), 0);
    rig_free(&g);
}

TEST(kept_line_is_doubt)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record row = rig_row(&g, 1);
    row.record.verdict = 3;
    row.record.held = true;
    row.lines[0].kept = true;
    row.lines[0].real = 0;
    rig_append(&g, 0, rig_hold(&g, 1, 20000000));
    rig_append(&g, 0, row);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts"), 20000000);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 0);
    rig_free(&g);
}

TEST(second_row_of_a_call_is_left_out)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_row(&g, 2));
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 20000000);
    CHECK_INT(rig_verified(&g), 2);
    rig_free(&g);
}

/* Rows of a batch go in together: one that comes a second time is left out wherever it stands, in this batch or another, and what was read
 * beside it is not. */
TEST(second_row_among_many_is_left_out)
{
    enum { CALLS = 500 };
    for (uint64_t twice = 1; twice <= CALLS; twice += 83) {
        struct rig g;
        rig_init(&g, 2);
        rig_open(&g, true);
        for (uint64_t i = 1; i <= CALLS; i++) {
            rig_append(&g, i % 2, rig_row(&g, i * 7 % (CALLS + 1))); /* in no order */
            if (i == CALLS / 2)
                CHECK_INT(store_barrier(g.store), E_OK);
            if (i == CALLS - 20)
                rig_append(&g, 0, rig_row(&g, twice));
        }
        rig_append(&g, 1, rig_row(&g, twice));
        rig_append(&g, 1, rig_row(&g, CALLS + 2));
        CHECK_INT(store_barrier(g.store), E_OK);
        CHECK(!g.store->careful);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), CALLS + 1);
        CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), (CALLS + 1) * INT64_C(10000000));
        CHECK_INT(rig_ask(&g, "SELECT calls FROM runs"), CALLS + 1);
        CHECK_INT(rig_verified(&g), CALLS + 1);
        rig_free(&g);
    }
}

/* What was told of a call in the batch that brought it finds it. */
TEST(settled_in_the_batch_of_its_row)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 40; i++) {
        rig_append(&g, 0, rig_row(&g, i));
        if (i % 2)
            rig_append(&g, 0, rig_settlement(&g, 1000 + i, i, 0, 500, SPAN("corrected")));
    }
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 60);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM settlements JOIN calls ON calls.id = settlements.of"), 20);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 40 * INT64_C(10000000) + 20 * 500);
    CHECK_INT(rig_verified(&g), 60);
    rig_free(&g);
}

TEST(balances_stop_at_the_largest_integer)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        struct rig_record row = rig_row(&g, i);
        row.lines[0].real = INT64_MAX - 5;
        rig_append(&g, 0, row);
        rig_open(&g, false); /* a transaction each, so that SQL does the adding */
        rig_close(&g);
    }
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), INT64_MAX);
    CHECK_INT(rig_ask(&g, "SELECT typeof(settled) = 'integer' FROM accounts"), 1);
    rig_open(&g, false);
    rig_free(&g);
}

TEST(pitfall_78_old_balances_are_swept_a_thousand_at_a_time)
{
    struct rig g;
    const int64_t now = INT64_C(1800000000000), day = INT64_C(86400000);
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 2500; i++) {
        struct rig_record row = rig_row(&g, i);
        row.lines[0].account = arena_print(&g.arena, "account %05d", (int)i);
        row.lines[0].ends_at = i % 3 == 0 ? 0 : i % 3 == 1 ? now - 36 * day : now - 34 * day;
        rig_append(&g, 0, row);
    }
    rig_open(&g, false);
    for (int step = 1; step <= 3; step++)
        sweep_step(g.store, now, 0);
    CHECK_INT(g.store->sweep.at, SWEEP_ROUND_MS); /* 1000, 1000 and the rest: one round */
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts"), 2500 - 834);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts WHERE ends_at = 1800000000000 - 36 * 86400000"), 0);
    rig_free(&g);
}

static void set_pages(struct store *s, const char *pragma) { CHECK_INT(sql_run(s->db, pragma), E_OK); }

static enum err no_more_pages(struct store *s, void *self)
{
    (void)self;
    set_pages(s, "PRAGMA max_page_count = 1");
    return E_OK;
}

static enum err many_pages(struct store *s, void *self)
{
    (void)self;
    set_pages(s, "PRAGMA max_page_count = 1000000");
    return E_OK;
}

static void wait_health(struct store *s, bool want)
{
    int64_t begun = clock_monotonic_ns();
    while (store_healthy(s) != want && clock_monotonic_ns() - begun < INT64_C(10000000000))
        continue;
    CHECK(store_healthy(s) == want);
}

TEST(full_disk_loses_nothing)
{
    struct rig g;
    rig_init(&g, 2);
    rig_open(&g, true);
    CHECK_INT(jobs_do(g.store, no_more_pages, NULL), E_OK);
    for (uint64_t i = 1; i <= 2000; i++)
        rig_append(&g, i % 2, rig_row(&g, i));
    wait_health(g.store, false);
    CHECK_INT(store_barrier(g.store), E_IO);
    CHECK(rig_ask(&g, "SELECT count(*) FROM calls") < 100); /* a first small transaction may fit into pages that are there */
    CHECK_INT(jobs_do(g.store, many_pages, NULL), E_OK);
    wait_health(g.store, true);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2000);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), INT64_C(20000000000));
    CHECK_INT(rig_verified(&g), 2000);
    rig_free(&g);
}

static void count_commits(void *self) { atomic_fetch_add((atomic_int *)self, 1); }

/* Names are callers' and vendors': one that no table has room for would hold up every row behind it, for good. */
TEST(a_row_with_long_names_holds_up_no_other)
{
    enum { LONG = 300 << 10 };
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    char *at = arena_take(&g.arena, LONG);
    memset(at, 'm', LONG);
    struct rig_record r = rig_row(&g, 1);
    r.record.model = r.record.step = r.record.user = r.record.operation = span_make(at, LONG);
    rig_append(&g, 0, r);
    rig_append(&g, 0, rig_row(&g, 2));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2);
    rig_free(&g);
}

TEST(commits_are_announced)
{
    struct rig g;
    atomic_int commits = 0;
    rig_init(&g, 1);
    rig_open(&g, false);
    store_on_commit(g.store, count_commits, &commits);
    CHECK_INT(store_start(g.store), E_OK);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(atomic_load(&commits), 0);
    rig_append(&g, 0, rig_row(&g, 1));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(atomic_load(&commits), 1);
    rig_free(&g);
}

TEST(close_applies_the_rest)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    for (uint64_t i = 1; i <= 10000; i++)
        rig_append(&g, 0, rig_row(&g, i));
    rig_close(&g);
    CHECK_INT(g.source[0].applied, 100000);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 10000);
    rig_open(&g, false);
    rig_free(&g);
}

TEST(directory_belongs_to_one)
{
    struct rig g;
    char why[256] = "";
    struct stat file;
    char path[128];
    rig_init(&g, 0);
    rig_open(&g, false);
    CHECK(!store_open(span_of(g.dir), why));
    CHECK(strstr(why, "in use by another tollgate"));
    snprintf(path, sizeof(path), "%s/tollgate.db", g.dir);
    CHECK_INT(stat(path, &file), 0);
    CHECK_INT(file.st_mode & 0777, 0600);
    rig_free(&g);
}

TEST(newer_and_foreign_files_are_refused)
{
    struct rig g;
    char why[256] = "";
    rig_init(&g, 0);
    rig_open(&g, false);
    rig_close(&g);
    rig_do(&g, "PRAGMA user_version = 99");
    CHECK(!store_open(span_of(g.dir), why));
    CHECK(strstr(why, "newer tollgate (version 99"));
    rig_do(&g, "PRAGMA application_id = 7");
    CHECK(!store_open(span_of(g.dir), why));
    CHECK(strstr(why, "another program"));
    CHECK(!store_open(SPAN("/proc/nowhere/at/all"), why));
    CHECK(strstr(why, "cannot be made"));
    rig_free(&g);
}

/* A file as the first tables had it, with JSON in it: its rows stay byte for byte, so its chain stays good. */
TEST(a_file_of_version_1_is_brought_up)
{
    struct rig g;
    struct span json;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        struct rig_record row = rig_row(&g, i);
        row.record.row = SPAN("{\"vendor\":\"openai\"}");
        rig_append(&g, 0, row);
    }
    struct rig_record hold = rig_hold(&g, 9, 5);
    hold.record.row = SPAN("{\"key\":\"key_a\"}");
    rig_open(&g, true);
    rig_append(&g, 0, hold);
    CHECK_INT(store_barrier(g.store), E_OK);
    rig_crash(&g);
    rig_do(&g, rig_undo_version_3);
    rig_do(&g, "ALTER TABLE calls RENAME COLUMN row TO json; ALTER TABLE holds RENAME COLUMN row TO json;"
               "UPDATE calls SET json = CAST(json AS TEXT); UPDATE holds SET json = CAST(json AS TEXT); PRAGMA user_version = 1");
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "PRAGMA user_version"), 5);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE typeof(row) = 'blob'"), 4);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(rig_verified(&g), 4);
    CHECK_INT(store_call(r, 2, &g.arena, &json), E_OK);
    CHECK(span_starts(json, SPAN("{\"vendor\":\"openai\",\"prev_hash\":\"")));
    CHECK_INT(store_call(r, 9, &g.arena, &json), E_OK);
    CHECK(span_find(json, SPAN("\"verdict\":\"in_doubt\"")) > 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'calls_%' AND type = 'index'"), 2);
    store_reader_free(r);
    rig_free(&g);
}
