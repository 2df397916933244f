/* SPDX-License-Identifier: Apache-2.0
 * contents_test.c - captured content: found until it has run out, deleted by what it belongs to, and then in no file. */
#include "test/unit/store/rig.h"

#include <stdlib.h>

#include "store/inside.h"

#define NOON INT64_C(1800000000000)

static struct store_content content(uint64_t call, const char *run, const char *user, struct span bytes)
{
    return (struct store_content){ .call = call, .at = NOON + (int64_t)call, .until = NOON + 100000, .workspace = call % 2 ? SPAN("odd") : SPAN("even"),
        .key = SPAN("key_a"), .run = span_of(run), .user = span_of(user), .bytes = bytes };
}

static enum err find(struct rig *g, uint64_t call, int64_t now, struct store_content *out)
{
    struct store_reader *r = rig_reader(g);
    enum err e = store_content(r, call, now, &g->arena, out);
    store_reader_free(r);
    return e;
}

/* In the database or its log. */
static bool on_disk(struct rig *g, struct span what)
{
    static const char *const names[] = { "tollgate.db", "tollgate.db-wal" };
    bool found = false;
    for (int i = 0; i < 2; i++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/%s", g->dir, names[i]);
        FILE *f = fopen(path, "rb");
        size_t room = 64 << 20, len = 0;
        char *all = f ? malloc(room) : NULL;
        if (all)
            len = fread(all, 1, room, f);
        found = found || span_find(span_make(all, len), what) >= 0;
        free(all);
        if (f)
            (void)fclose(f);
    }
    return found;
}

TEST(content_is_found_until_it_has_run_out)
{
    struct rig g;
    struct store_content c;
    rig_init(&g, 1);
    rig_open(&g, true);
    const struct store_content list[] = { content(1, "run_1", "ann", SPAN("one \0 1")), content(2, "run_1", "", SPAN("two")) };
    CHECK_INT(store_contents_put(g.store, list, 2), E_OK);
    CHECK_INT(find(&g, 1, NOON, &c), E_OK);
    CHECK_SPAN(c.bytes, SPAN("one \0 1"));
    CHECK_SPAN(c.workspace, SPAN("odd"));
    CHECK_SPAN(c.user, SPAN("ann"));
    CHECK_INT(c.until, NOON + 100000);
    CHECK_INT(find(&g, 1, NOON + 100000, &c), E_NOT_FOUND);
    CHECK_INT(find(&g, 3, NOON, &c), E_NOT_FOUND);
    rig_free(&g);
}

static size_t deleted(struct rig *g, struct content_filter f)
{
    size_t count = 0;
    CHECK_INT(store_contents_delete(g->store, &f, &count), E_OK);
    return count;
}

TEST(content_is_deleted_by_what_it_belongs_to)
{
    struct rig g;
    struct store_content c, list[250];
    rig_init(&g, 1);
    rig_open(&g, true);
    for (uint64_t i = 0; i < 250; i++)
        list[i] = content(i + 1, i % 5 ? "run_1" : "run_2", i % 10 ? "" : "ann", SPAN("bytes"));
    CHECK_INT(store_contents_put(g.store, list, 250), E_OK);
    CHECK_INT(deleted(&g, (struct content_filter){ .call = 2, .workspace = SPAN("odd") }), 0);
    CHECK_INT(deleted(&g, (struct content_filter){ .call = 2 }), 1);
    CHECK_INT(deleted(&g, (struct content_filter){ .user = SPAN("ann") }), 25);
    CHECK_INT(deleted(&g, (struct content_filter){ .run = SPAN("run_2"), .workspace = SPAN("even") }), 25);
    CHECK_INT(deleted(&g, (struct content_filter){ .before = NOON + 100 }), 78);
    CHECK_INT(deleted(&g, (struct content_filter){ .key = SPAN("key_b") }), 0);
    CHECK_INT(deleted(&g, (struct content_filter){ .key = SPAN("key_a") }), 121);
    CHECK_INT(find(&g, 250, NOON, &c), E_NOT_FOUND);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM contents"), 0);
    rig_free(&g);
}

TEST(deleted_content_is_in_no_file)
{
    struct rig g;
    char *large = malloc(300000);
    rig_init(&g, 1);
    rig_open(&g, true);
    for (size_t i = 0; large && i < 300000; i++)
        large[i] = "SEALED-BYTES-"[i % 13];
    const struct store_content list[] = { content(1, "run_1", "", span_make(large, 300000)), content(2, "run_2", "", SPAN("OTHER-BYTES-THAT-STAY")) };
    CHECK_INT(store_contents_put(g.store, list, 2), E_OK);
    CHECK(on_disk(&g, SPAN("SEALED-BYTES-SEALED")));
    CHECK_INT(deleted(&g, (struct content_filter){ .run = SPAN("run_1") }), 1);
    CHECK(store_erase(g.store));
    CHECK(!on_disk(&g, SPAN("SEALED-BYTES-SEALED")));
    CHECK(on_disk(&g, SPAN("OTHER-BYTES-THAT-STAY")));
    free(large);
    rig_free(&g);
}

/* The log cannot be cut while somebody reads what it was; the janitor does it when that is over. */
TEST(a_reader_holds_the_log_and_no_row)
{
    struct rig g;
    bool more = true;
    rig_init(&g, 1);
    rig_open(&g, false);
    const struct store_content list[] = { content(1, "run_1", "", SPAN("SEALED-BYTES")) };
    CHECK_INT(store_contents_put(g.store, list, 1), E_OK);
    struct store_reader *r = rig_reader(&g);
    sqlite3 *db = *(sqlite3 **)(void *)r; /* its first member */
    CHECK_INT(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM contents", NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(deleted(&g, (struct content_filter){ .call = 1 }), 1);
    CHECK(!store_erase(g.store));
    CHECK(on_disk(&g, SPAN("SEALED-BYTES")));
    CHECK_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; more && i < 10; i++) {
        sweep_step(g.store, NOON, 0);
        more = g.store->unerased;
    }
    CHECK(!on_disk(&g, SPAN("SEALED-BYTES")));
    store_reader_free(r);
    rig_free(&g);
}

TEST(what_has_run_out_is_swept)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, false);
    struct store_content list[120];
    for (uint64_t i = 0; i < 120; i++) {
        list[i] = content(i + 1, "run_1", "", SPAN("SEALED-BYTES"));
        list[i].until = i < 110 ? NOON : NOON + 1000;
    }
    CHECK_INT(store_contents_put(g.store, list, 120), E_OK);
    for (int i = 0; i < 4; i++)
        sweep_step(g.store, NOON + 1, 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM contents"), 10);
    for (int i = 0; i < 4; i++)
        sweep_step(g.store, NOON + 2000, 0);
    CHECK(!on_disk(&g, SPAN("SEALED-BYTES")));
    rig_free(&g);
}

/* By a clock of its own, as the thread would come back: within seconds, and the rest of a round keeps its pace. */
TEST(a_backlog_goes_faster_than_it_can_grow)
{
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, false);
    rig_do(&g, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
               " INSERT INTO contents(call, at, until, workspace, key, run, user, bytes) SELECT i, 1, 2, 'w', 'k', 'r', NULL, randomblob(3000) FROM n");
    rig_do(&g, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
               " INSERT INTO answers(once, call, at, until, bytes) SELECT CAST(i AS BLOB), i, 1, 2, x'00' FROM n");
    int64_t at = 0, first = 0;
    g.store->sweep.erased_at = -SWEEP_ERASE_MS;
    for (int step = 0; step < 2000 && at < SWEEP_ROUND_MS; step++) {
        sweep_step(g.store, NOON, at);
        CHECK(step || !g.store->unerased); /* while there is more */
        if (!step)
            first = rig_ask(&g, "SELECT count(*) FROM answers");
        at = g.store->sweep.at;
        if (at < SWEEP_STEP_MS)
            CHECK_INT(rig_ask(&g, "SELECT count(*) FROM answers"), first);
        if (at > SWEEP_STEP_MS * 20 && rig_ask(&g, "SELECT count(*) FROM contents"))
            break;
    }
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM contents"), 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM answers"), 0);
    CHECK(!g.store->unerased);
    rig_free(&g);
}

TEST(a_kept_answer_is_forgotten_and_its_name_stays)
{
    struct rig g;
    struct store_answer a;
    size_t count;
    rig_init(&g, 1);
    char bytes[100];
    memset(bytes, 'k', sizeof(bytes));
    for (uint64_t i = 1; i <= 2; i++) {
        struct rig_record row = rig_row(&g, i);
        if (i == 2)
            row.record.run = SPAN("run_2");
        rig_append(&g, 0, row);
        rig_append(&g, 0, (struct rig_record){ .record = { .what = STORE_ANSWER, .call = i, .at = 1, .until = NOON, .once = i == 1 ? SPAN("once 1") : SPAN("once 2"), .bytes = span_make(bytes, sizeof(bytes)) } });
    }
    rig_open(&g, true);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(store_answers_forget(g.store, &(struct content_filter){ .run = SPAN("run_2") }, &count), E_OK);
    CHECK_INT(count, 1);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_answer(r, SPAN("once 2"), 2, &g.arena, &a), E_OK);
    CHECK_INT(a.call, 2);
    CHECK_INT(a.bytes.len, DIGEST_LEN);
    CHECK_INT(store_answer(r, SPAN("once 1"), 2, &g.arena, &a), E_OK);
    CHECK_INT(a.bytes.len, sizeof(bytes));
    store_reader_free(r);
    rig_free(&g);
}

static void add_sum(void *self, const struct content_sum *sum)
{
    int64_t *all = self;
    all[0] += sum->count;
    all[1] += sum->bytes;
}

TEST(sums_are_by_workspace)
{
    struct rig g;
    int64_t all[2] = { 0 }, odd[2] = { 0 };
    rig_init(&g, 1);
    rig_open(&g, true);
    const struct store_content list[] = { content(1, "run_1", "", SPAN("12345")), content(2, "run_1", "", SPAN("123")), content(3, "run_1", "", SPAN("1")) };
    CHECK_INT(store_contents_put(g.store, list, 3), E_OK);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_contents_sum(r, SPAN_NONE, add_sum, all), E_OK);
    CHECK_INT(store_contents_sum(r, SPAN("odd"), add_sum, odd), E_OK);
    CHECK(all[0] == 3 && all[1] == 9 && odd[0] == 2 && odd[1] == 6);
    store_reader_free(r);
    rig_free(&g);
}
