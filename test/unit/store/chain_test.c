/* SPDX-License-Identifier: Apache-2.0
 * chain_test.c - a changed, moved, added or missing row is found, and named. */
#include "test/unit/store/rig.h"

/* Ids in another order than the chain's, over several transactions. */
static void fill(struct rig *g)
{
    rig_init(g, 2);
    rig_open(g, true);
    for (uint64_t i = 1; i <= 60; i++) {
        rig_append(g, i % 2, rig_row(g, 1000 + (i * 37) % 61));
        if (i % 13 == 0)
            CHECK_INT(store_barrier(g->store), E_OK);
    }
    CHECK_INT(store_barrier(g->store), E_OK);
}

static void verify(struct rig *g, enum err want, uint64_t want_bad, const char *trouble)
{
    struct store_verdict v;
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_verify(r, NULL, NULL, NULL, &v), want);
    CHECK_INT(v.bad_id, want_bad);
    if (want == E_OK)
        CHECK_INT(v.rows, 60);
    if (!v.trouble != !trouble || (trouble && !strstr(v.trouble, trouble)))
        test_fail(__FILE__, __LINE__, "trouble is \"%s\", want \"%s\"", v.trouble ? v.trouble : "", trouble ? trouble : "");
    store_reader_free(r);
}

/* Does damage to a good chain; it must be found at this row. */
static void damage(const char *sql, uint64_t bad, const char *trouble)
{
    struct rig g;
    fill(&g);
    verify(&g, E_OK, 0, NULL);
    rig_do(&g, sql);
    verify(&g, E_CONFLICT, bad, trouble);
    rig_free(&g);
}

TEST(chain_is_good_and_goes_on_after_reopening)
{
    struct rig g;
    fill(&g);
    verify(&g, E_OK, 0, NULL);
    rig_close(&g);
    rig_open(&g, true);
    rig_append(&g, 0, rig_row(&g, 5));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_verified(&g), 61);
    rig_free(&g);
}

TEST(edited_row_is_found) { damage("UPDATE calls SET row = CAST(replace(CAST(row AS TEXT), 'openai', 'stripe') AS BLOB) WHERE id = 1030", 1030, "this row was changed"); }

TEST(rehashed_row_is_found)
{
    damage("UPDATE calls SET hash = zeroblob(32) WHERE id = 1030", 1030, "this row was changed");
    damage("UPDATE calls SET prev_hash = zeroblob(32) WHERE id = 1030", 1030, "a row before this one is missing");
}

TEST(removed_row_is_found) { damage("DELETE FROM calls WHERE id = 1031", 1031, "this row is missing"); }

TEST(added_row_is_found)
{
    damage("INSERT INTO calls SELECT 77, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace,"
           " key, run, step, vendor, operation, model, denied, user, prev_hash, hash, row, kind, of FROM calls WHERE id = 1030", 77, "this row was put in");
}

TEST(renamed_row_is_found) { damage("UPDATE calls SET id = 5000 WHERE id = 1033", 1033, "this row is missing"); }

TEST(reordered_rows_are_found)
{
    struct rig g;
    fill(&g);
    uint64_t first = (uint64_t)rig_ask(&g, "SELECT id FROM calls WHERE prev_hash = zeroblob(32)");
    uint64_t second = (uint64_t)rig_ask(&g, "SELECT id FROM calls WHERE prev_hash = (SELECT hash FROM calls WHERE prev_hash = zeroblob(32))");
    CHECK(first && second && first != second);
    rig_do(&g, "UPDATE chain SET ids = substr(ids, 9, 8) || substr(ids, 1, 8) || substr(ids, 17) WHERE first = 0");
    verify(&g, E_CONFLICT, second, "moved"); /* it now claims to be the first */
    rig_free(&g);
}

/* The row and its mention are both gone: the next one has lost its predecessor. */
TEST(row_taken_out_of_the_list_too_is_found)
{
    struct rig g;
    fill(&g);
    int64_t second = rig_ask(&g, "SELECT id FROM calls WHERE prev_hash = (SELECT hash FROM calls WHERE prev_hash = zeroblob(32))");
    rig_do(&g, "DELETE FROM calls WHERE prev_hash = zeroblob(32)");
    rig_do(&g, "UPDATE chain SET ids = substr(ids, 9) WHERE first = 0");
    verify(&g, E_CONFLICT, (uint64_t)second, "a row before this one is missing");
    rig_free(&g);
}

TEST(swapped_rows_are_found)
{
    damage("UPDATE calls SET row = (SELECT row FROM calls AS o WHERE o.id = 1044) WHERE id = 1043", 1043, "this row was changed");
}

/* Each column that queries filter and sum by: an edit of it alone. */
TEST(edited_columns_are_found)
{
    static const struct {
        const char *set, *name;
    } edits[] = {
        { "at = at + 86400000", "at" },
        { "verdict = 1", "verdict" },
        { "verdict = 77", "verdict" },
        { "status = 500", "status" },
        { "held = 1", "held" },
        { "settled = 0", "settled" },
        { "cost = cost - 1", "cost" },
        { "cost = cost + 0.5", "cost" },
        { "cost = '10000000x'", "cost" },
        { "reserved = 7", "reserved" },
        { "tokens_in = 0", "tokens_in" },
        { "tokens_out = tokens_out * 2", "tokens_out" },
        { "workspace = 'ws_2'", "workspace" },
        { "key = NULL", "key" },
        { "run = 'run_2'", "run" },
        { "step = NULL", "step" },
        { "vendor = 'Openai'", "vendor" },
        { "operation = operation || ' '", "operation" },
        { "model = 'gpt-4o'", "model" },
        { "denied = 'stopped'", "denied" },
        { "user = 'bob'", "user" },
        { "kind = 2", "kind" },
        { "kind = 1", "kind" },
        { "of = 1031", "of" },
    };
    struct rig g;
    fill(&g);
    rig_do(&g, "CREATE TABLE good AS SELECT * FROM calls WHERE id = 1030");
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        char sql[256], trouble[64];
        snprintf(sql, sizeof(sql), "UPDATE calls SET %s WHERE id = 1030", edits[i].set);
        snprintf(trouble, sizeof(trouble), "its column %s says", edits[i].name);
        rig_do(&g, sql);
        verify(&g, E_CONFLICT, 1030, trouble);
        rig_do(&g, "INSERT OR REPLACE INTO calls SELECT * FROM good");
        verify(&g, E_OK, 0, NULL);
    }
    rig_free(&g);
}

TEST(edited_columns_of_doubts_and_settlements_are_found)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_doubt(&g, 1, 20));
    rig_append(&g, 0, rig_settlement(&g, 2, 1, 20, 7, SPAN("settled")));
    for (uint64_t i = 3; i <= 60; i++)
        rig_append(&g, 0, rig_change(&g, i));
    rig_open(&g, false);
    verify(&g, E_OK, 0, NULL);
    rig_do(&g, "UPDATE calls SET reserved = 0 WHERE id = 1");
    verify(&g, E_CONFLICT, 1, "its column reserved says");
    rig_do(&g, "UPDATE calls SET reserved = 20 WHERE id = 1; UPDATE calls SET cost = 0 WHERE id = 2");
    verify(&g, E_CONFLICT, 2, "its column cost says");
    rig_do(&g, "UPDATE calls SET cost = 7, of = 3 WHERE id = 2");
    verify(&g, E_CONFLICT, 2, "its column of says");
    rig_do(&g, "UPDATE calls SET of = 1, kind = 0 WHERE id = 2");
    verify(&g, E_CONFLICT, 2, "its column kind says");
    rig_do(&g, "UPDATE calls SET kind = 1 WHERE id = 2; UPDATE calls SET kind = 0 WHERE id = 3");
    verify(&g, E_CONFLICT, 3, "its column kind says");
    rig_free(&g);
}
