/* SPDX-License-Identifier: Apache-2.0
 * reader_test.c - reading a directory without a store: beside a gate that writes, of a copy, of a bare file; and what there
 * is to read of settlements, changes and the chain. */
#include "test/unit/store/rig.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "rules/row.h"
#include "store/inside.h"

static struct store_reader *open_at(const char *path)
{
    char why[256] = "";
    struct store_reader *r = store_reader_open(span_of(path), NULL, why);
    if (!r)
        test_fail(__FILE__, __LINE__, "%s: %s", path, why);
    must(r);
    return r;
}

static int64_t verified(const char *path)
{
    struct store_verdict v;
    struct store_reader *r = open_at(path);
    CHECK_INT(store_verify(r, NULL, NULL, NULL, &v), E_OK);
    store_reader_free(r);
    return v.rows;
}

static void refused(const char *path, const char *what)
{
    char why[256] = "";
    bool older = true;
    CHECK(!store_reader_open(span_of(path), &older, why));
    CHECK_INT(older, strstr(why, "start the gate on it once") != NULL);
    if (!strstr(why, what))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why, what);
}

static void shell(const char *format, const char *dir)
{
    char command[256];
    snprintf(command, sizeof(command), format, dir, dir);
    must(system(command) == 0);
}

TEST(directories_and_bare_files)
{
    struct rig g;
    char path[128];
    rig_init(&g, 1);
    rig_open(&g, true);
    for (uint64_t i = 1; i <= 100; i++)
        rig_append(&g, 0, rig_row(&g, i));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(verified(g.dir), 100); /* in use by a gate, not one row yet in the file proper */
    shell("sqlite3 %s/tollgate.db \".backup '%s/copy %%41?#.db'\"", g.dir);
    rig_close(&g);
    CHECK_INT(verified(g.dir), 100);
    snprintf(path, sizeof(path), "%s/tollgate.db", g.dir);
    CHECK_INT(verified(path), 100);
    snprintf(path, sizeof(path), "%s/copy %%41?#.db", g.dir);
    CHECK_INT(verified(path), 100);
    shell("mkdir %s/b && cp %s/tollgate.db %1$s/b/bare && chmod 400 %1$s/b/bare && chmod 500 %1$s/b", g.dir);
    snprintf(path, sizeof(path), "%s/b/bare", g.dir);
    CHECK_INT(verified(path), 100);
    strcat(path, "-wal");
    CHECK(access(path, F_OK) != 0); /* nothing was left beside it */
    shell("chmod 700 %s/b && rm -r %s/b", g.dir);
    refused("/proc/nowhere", "there is no tollgate.db");
    refused("", "there is no tollgate.db");
    shell("mkdir %s/empty && echo 'no database at all, is it' > %s/text", g.dir);
    snprintf(path, sizeof(path), "%s/empty", g.dir);
    refused(path, "there is no tollgate.db");
    snprintf(path, sizeof(path), "%s/text", g.dir);
    refused(path, "not a database");
    rig_do(&g, "PRAGMA user_version = 2");
    refused(g.dir, "start the gate on it once");
    rig_do(&g, "PRAGMA user_version = 99");
    refused(g.dir, "use the one that wrote it");
    rig_do(&g, "PRAGMA application_id = 7");
    refused(g.dir, "no database of a tollgate");
    rig_do(&g, "PRAGMA application_id = 0x546f6c6c; PRAGMA user_version = 5");
    rig_open(&g, false);
    rig_free(&g);
}

struct checking {
    struct rig *rig;
    atomic_bool over;
    int64_t rows;
};

static void count_progress(void *self, int64_t done, int64_t of)
{
    CHECK(done <= of && of > 0);
    *(int64_t *)self = done;
}

static void *check_on(void *self)
{
    struct checking *x = self;
    do {
        struct store_verdict v;
        int64_t done = 0;
        struct store_reader *r = open_at(x->rig->dir);
        CHECK_INT(store_verify(r, NULL, count_progress, &done, &v), E_OK);
        CHECK(v.rows >= x->rows && done == v.rows && !v.trouble && !v.bad_id);
        x->rows = v.rows;
        store_reader_free(r);
    } while (!atomic_load(&x->over));
    return NULL;
}

/* The whole check, over and over, while rows are written. */
TEST(verified_while_a_gate_writes)
{
    struct rig g;
    struct checking x = { .rig = &g };
    pthread_t thread;
    rig_init(&g, 1);
    rig_open(&g, true);
    must(pthread_create(&thread, NULL, check_on, &x) == 0);
    for (uint64_t i = 1; i <= 5000; i++) {
        rig_append(&g, 0, i % 3 ? rig_row(&g, i) : rig_change(&g, i));
        if (i % 250 == 0)
            CHECK_INT(store_barrier(g.store), E_OK);
    }
    atomic_store(&x.over, true);
    pthread_join(thread, NULL);
    CHECK_INT(rig_verified(&g), 5000);
    rig_free(&g);
}

/* ---- calls, settlements and changes ---------------------------------------------------------------------------------------- */

struct texts {
    size_t count;
    uint64_t ids[16];
    char last[4096];
};

static void see(void *self, uint64_t id, struct span json)
{
    struct texts *t = self;
    if (t->count < 16)
        t->ids[t->count] = id;
    t->count++;
    snprintf(t->last, sizeof(t->last), "%.*s", SPAN_ARG(json));
}

/* Two calls that cost, one in doubt that is settled, one still in doubt, a correction, two changes. */
static void fill(struct rig *g)
{
    rig_init(g, 1);
    rig_append(g, 0, rig_row(g, 1));
    rig_append(g, 0, rig_doubt(g, 2, 20));
    rig_append(g, 0, rig_change(g, 3));
    rig_append(g, 0, rig_doubt(g, 4, 30));
    rig_append(g, 0, rig_settlement(g, 5, 2, 20, 7, SPAN("settled")));
    rig_append(g, 0, rig_settlement(g, 6, 1, 0, -3, SPAN("corrected")));
    rig_append(g, 0, rig_settlement(g, 7, 1, 0, 1, SPAN("corrected")));
    rig_append(g, 0, rig_row(g, 8));
    rig_append(g, 0, rig_change(g, 9));
    rig_open(g, false);
}

TEST(kinds_are_told_apart)
{
    struct rig g;
    struct texts t = { 0 };
    struct call_filter all = { .limit = 100, .ascending = true }, doubtful = { .limit = 100, .verdict = SPAN("in_doubt") };
    struct span json;
    fill(&g);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_calls(r, &all, see, &t), E_OK);
    CHECK(t.count == 4 && t.ids[0] == 1 && t.ids[1] == 2 && t.ids[2] == 4 && t.ids[3] == 8);
    t.count = 0;
    CHECK_INT(store_calls(r, &doubtful, see, &t), E_OK);
    CHECK_INT(t.count, 2); /* what they were when they ended */
    t.count = 0;
    CHECK_INT(store_settlements(r, 1, see, &t), E_OK);
    CHECK(t.count == 2 && t.ids[0] == 6 && t.ids[1] == 7);
    CHECK(strstr(t.last, "\"cost_usd\":\"0.000000001\"") && strstr(t.last, "\"kind\":\"settlement\",\"of\":\"call_0000000000001\",\"outcome\":\"corrected\""));
    CHECK(strstr(t.last, "\"prev_hash\":\""));
    t.count = 0;
    CHECK_INT(store_settlements(r, 4, see, &t), E_OK);
    CHECK_INT(t.count, 0);
    CHECK_INT(store_call(r, 3, &g.arena, &json), E_OK);
    CHECK(span_find(json, SPAN("\"kind\":\"change\"")) > 0);
    store_reader_free(r);
    rig_free(&g);
}

/* The money of settlements is in every sum, by whatever it is grouped, and they are no calls. */
TEST(settlements_add_up_to_the_last_digit)
{
    static const struct span names[] = { { "key", 3 }, { "run", 3 }, { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "step", 4 },
        { "workspace", 9 }, { "user", 4 }, { "denied", 6 }, { "day", 3 } };
    struct rig g;
    struct usage_row *rows;
    size_t count;
    struct span next;
    fill(&g);
    struct store_reader *r = rig_reader(&g);
    for (size_t i = 0; i <= 10; i++) {
        struct call_filter f = { .limit = 1 };
        CHECK_INT(store_usage(r, &f, &names[i % 10], i < 10, &g.arena, &rows, &count), E_OK);
        CHECK_INT(count, 1);
        CHECK_INT(rows[0].calls, 4);
        CHECK_INT(rows[0].forwarded, 4);
        CHECK_INT(rows[0].refused, 0);
        CHECK_INT(rows[0].cost, 2 * 10000000 + 7 - 3 + 1);
        CHECK_INT(rows[0].reserved_open, 30);
    }
    CHECK_INT(store_runs(r, &(struct run_filter){ .from = 0 }, SPAN_NONE, 10, &g.arena, &rows, &count, &next), E_OK);
    CHECK(count == 1 && rows[0].calls == 4 && rows[0].cost == 2 * 10000000 + 5 && rows[0].reserved_open == 30);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 2 * 10000000 + 5);
    store_reader_free(r);
    rig_free(&g);
}

struct links {
    size_t count, stop_at;
    int64_t cost, next;
    struct digest tip;
};

/* An export can be checked by itself: each hash follows from the one before. */
static bool take_link(void *self, const struct store_link *l)
{
    struct links *x = self;
    struct buf text;
    struct row_value cost = row_field(l->row, ROW_COST);
    buf_init(&text, 1 << 20);
    CHECK(l->number >= x->next);
    if (l->number == x->next) {
        CHECK(span_is(l->prev_hash, span_make((const char *)x->tip.bytes, DIGEST_LEN)));
        struct digest hash = chain_hash(&text, &x->tip, l->id, l->row);
        CHECK(span_is(l->hash, span_make((const char *)hash.bytes, DIGEST_LEN)));
    }
    buf_free(&text);
    memcpy(x->tip.bytes, l->hash.at, DIGEST_LEN);
    x->next = l->number + 1;
    x->cost += l->kind == STORE_CHANGE ? 0 : cost.number;
    return ++x->count != x->stop_at;
}

static bool take_back(void *self, const struct store_link *l)
{
    struct links *x = self;
    CHECK(l->number < x->next);
    x->next = l->number;
    x->count++;
    return true;
}

static void stop_it(void *self, int64_t done, int64_t of)
{
    (void)done;
    (void)of;
    store_reader_stop(self);
}

TEST(a_check_can_be_stopped)
{
    struct rig g;
    struct store_verdict v;
    rig_init(&g, 1);
    rig_open(&g, false);
    bool more;
    for (uint64_t i = 1; i <= 3; i++) {
        rig_append(&g, 0, rig_row(&g, i));
        CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    }
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_verify(r, NULL, stop_it, r, &v), E_OVERLOADED);
    CHECK_INT(v.rows, 1);
    CHECK(!v.trouble);
    store_reader_free(r);
    rig_free(&g);
}

TEST(the_chain_is_exported_in_its_order)
{
    struct rig g;
    struct links x = { 0 };
    struct call_filter f = { .changes = true };
    fill(&g);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 9 && x.next == 9 && x.cost == 2 * 10000000 + 5);
    f.changes = false;
    f.only_changes = true;
    x = (struct links){ 0 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 2 && x.next == 9);
    f.before = 8;
    x = (struct links){ 0 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 1 && x.next == 3);
    f.before = INT64_MAX;
    f.limit = 1;
    x = (struct links){ 0 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 1 && x.next == 9);
    f = (struct call_filter){ .changes = true, .before = 5, .limit = 3 }; /* numbers 4, 3 and 2 */
    x = (struct links){ .next = 100 };
    f.after = 0;
    CHECK_INT(store_audit(r, &f, take_back, &x), E_OK);
    CHECK(x.count == 3 && x.next == 2);
    f = (struct call_filter){ 0 };
    x = (struct links){ 0 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 7 && x.cost == 2 * 10000000 + 5);
    f.from = 1700000000000 + 5000;
    f.to = 1700000000000 + 8000;
    f.run = SPAN("run_1");
    x = (struct links){ 0 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK(x.count == 3 && x.cost == 7 - 3 + 1);
    x = (struct links){ .stop_at = 2 };
    CHECK_INT(store_audit(r, &f, take_link, &x), E_OK);
    CHECK_INT(x.count, 2);
    f.verdict = SPAN("maybe");
    CHECK_INT(store_audit(r, &f, take_link, &x), E_BAD_REQUEST);
    store_reader_free(r);
    rig_free(&g);
}

/* ---- a file of version 2 --------------------------------------------------------------------------------------------------- */

static void see_doubt(void *self, const struct store_doubt *d)
{
    struct texts *t = self;
    t->ids[t->count++] = d->call;
    CHECK(d->count == (d->call == 9 ? 1 : 0)); /* what an old row held on is not known; a hold says it */
    CHECK(d->row.len > 0 && !d->again.at);
}

TEST(a_file_of_version_2_is_brought_up)
{
    struct rig g;
    struct texts t = { 0 };
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_doubt(&g, 2, 20));
    rig_append(&g, 0, rig_doubt(&g, 3, 30));
    rig_open(&g, true);
    rig_append(&g, 0, rig_hold(&g, 9, 5));
    CHECK_INT(store_barrier(g.store), E_OK);
    rig_crash(&g);
    rig_do(&g, rig_undo_version_3);
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "PRAGMA user_version"), 5);
    CHECK_INT(rig_verified(&g), 4);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts WHERE slot = -1 AND settled = 10000000 AND doubt = 55"), 1);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_doubts(r, 0, 10, see_doubt, &t), E_OK);
    CHECK(t.count == 3 && t.ids[0] == 2 && t.ids[1] == 3 && t.ids[2] == 9);
    store_reader_free(r);
    /* An old doubt, without lines, can be settled; what its row reserved is open no more. */
    struct rig_record old = rig_settlement(&g, 10, 2, 0, 7, SPAN("settled"));
    old.record.count = 0;
    rig_append(&g, 0, old);
    bool more;
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    CHECK_INT(rig_ask(&g, "SELECT open FROM runs"), 30 + 20000000);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts"), 2);
    CHECK_INT(rig_verified(&g), 5);
    rig_free(&g);
}
