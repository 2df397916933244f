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

static void verify(struct rig *g, enum err want, uint64_t want_bad)
{
    int64_t rows;
    uint64_t bad;
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_verify(r, &rows, &bad), want);
    if (want == E_OK)
        CHECK_INT(rows, 60);
    else
        CHECK_INT(bad, want_bad);
    store_reader_free(r);
}

/* Does damage to a good chain; it must be found at this row. */
static void damage(const char *sql, uint64_t bad)
{
    struct rig g;
    fill(&g);
    verify(&g, E_OK, 0);
    rig_do(&g, sql);
    verify(&g, E_CONFLICT, bad);
    rig_free(&g);
}

TEST(chain_is_good_and_goes_on_after_reopening)
{
    struct rig g;
    fill(&g);
    verify(&g, E_OK, 0);
    rig_close(&g);
    rig_open(&g, true);
    rig_append(&g, 0, rig_row(&g, 5));
    CHECK_INT(store_barrier(g.store), E_OK);
    struct store_reader *r = rig_reader(&g);
    int64_t rows;
    uint64_t bad;
    CHECK_INT(store_verify(r, &rows, &bad), E_OK);
    CHECK_INT(rows, 61);
    store_reader_free(r);
    rig_free(&g);
}

TEST(edited_row_is_found) { damage("UPDATE calls SET row = CAST(replace(CAST(row AS TEXT), 'openai', 'stripe') AS BLOB) WHERE id = 1030", 1030); }

TEST(rehashed_row_is_found)
{
    damage("UPDATE calls SET hash = zeroblob(32) WHERE id = 1030", 1030);
    damage("UPDATE calls SET prev_hash = zeroblob(32) WHERE id = 1030", 1030);
}

TEST(removed_row_is_found) { damage("DELETE FROM calls WHERE id = 1031", 1031); }

TEST(added_row_is_found)
{
    damage("INSERT INTO calls SELECT 77, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace,"
           " key, run, step, vendor, operation, model, denied, user, prev_hash, hash, row FROM calls WHERE id = 1030", 77);
}

TEST(renamed_row_is_found) { damage("UPDATE calls SET id = 5000 WHERE id = 1033", 1033); }

TEST(reordered_rows_are_found)
{
    struct rig g;
    fill(&g);
    uint64_t first = (uint64_t)rig_ask(&g, "SELECT id FROM calls WHERE prev_hash = zeroblob(32)");
    uint64_t second = (uint64_t)rig_ask(&g, "SELECT id FROM calls WHERE prev_hash = (SELECT hash FROM calls WHERE prev_hash = zeroblob(32))");
    CHECK(first && second && first != second);
    rig_do(&g, "UPDATE chain SET ids = substr(ids, 9, 8) || substr(ids, 1, 8) || substr(ids, 17) WHERE first = 0");
    verify(&g, E_CONFLICT, second); /* it now claims to be the first */
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
    verify(&g, E_CONFLICT, (uint64_t)second);
    rig_free(&g);
}

TEST(swapped_rows_are_found)
{
    damage("UPDATE calls SET row = (SELECT row FROM calls AS o WHERE o.id = 1044) WHERE id = 1043", 1043);
}
