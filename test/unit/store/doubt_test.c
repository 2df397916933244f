/* SPDX-License-Identifier: Apache-2.0
 * doubt_test.c - what is in doubt waits with all that is needed to ask again, and is settled exactly once. */
#include "test/unit/store/rig.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rules/row.h"
#include "store/inside.h"

struct seen {
    size_t count, lines;
    uint64_t call;
    int64_t held, slot, ends_at;
    char once[32], again[32], account[32];
    bool has_row;
};

static void keep(char out[32], struct span s) { snprintf(out, 32, "%.*s", SPAN_ARG(s)); }

static void see(void *self, const struct store_doubt *d)
{
    struct seen *s = self;
    s->count++;
    s->call = d->call;
    s->lines = d->count;
    keep(s->once, d->once);
    keep(s->again, d->again);
    s->has_row = row_field(d->row, ROW_ID).number == (int64_t)d->call;
    if (d->count == 0)
        return;
    const struct store_line *last = &d->lines[d->count - 1];
    s->held = last->held;
    s->slot = last->slot;
    s->ends_at = last->ends_at;
    keep(s->account, last->account);
}

static struct seen doubts(struct rig *g, uint64_t after, int limit)
{
    struct seen s = { 0 };
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_doubts(r, after, limit, see, &s), E_OK);
    store_reader_free(r);
    return s;
}

static int64_t settled(struct rig *g) { return rig_ask(g, "SELECT coalesce(sum(settled), 0) FROM accounts"); }
static int64_t doubt(struct rig *g) { return rig_ask(g, "SELECT coalesce(sum(doubt), 0) FROM accounts"); }
static int64_t open_of_run(struct rig *g) { return rig_ask(g, "SELECT coalesce(sum(open), 0) FROM runs"); }

static void apply(struct rig *g)
{
    bool more = true;
    while (more)
        CHECK_INT(batch_run(g->store, 0, &more), E_OK);
}

TEST(row_in_doubt_stands_there_with_its_lines)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record r = rig_doubt(&g, 5, 20);
    r.record.once = SPAN("once-1");
    r.record.again = SPAN("sealed request");
    r.record.count = 3;
    r.lines[1] = (struct store_line){ .account = SPAN("not kept"), .slot = -1, .real = 3 };
    r.lines[2] = (struct store_line){ .account = SPAN("rolling"), .slot = 77, .held = 9, .ends_at = 12345, .kept = true };
    rig_append(&g, 0, r);
    rig_append(&g, 0, rig_doubt(&g, 6, 21));
    rig_open(&g, false);
    struct seen s = doubts(&g, 0, 1);
    CHECK_INT(s.count, 1);
    CHECK_INT(s.call, 5);
    CHECK_INT(s.lines, 2);
    CHECK_INT(s.held, 9);
    CHECK_INT(s.slot, 77);
    CHECK_INT(s.ends_at, 12345);
    CHECK(s.has_row && strcmp(s.once, "once-1") == 0 && strcmp(s.again, "sealed request") == 0 && strcmp(s.account, "rolling") == 0);
    s = doubts(&g, 5, 1000);
    CHECK_INT(s.count, 1);
    CHECK_INT(s.call, 6);
    CHECK(!s.once[0] && s.slot == -1);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts WHERE account = 'rolling' AND slot = 77"), 9);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts WHERE account = 'not kept'"), 3);
    rig_free(&g);
}

/* The process ended: the hold's own key and sealed request are what is asked again with. */
TEST(hold_of_a_crash_keeps_its_request)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record hold = rig_hold(&g, 5, 20);
    hold.record.once = SPAN("once-1");
    hold.record.again = SPAN("sealed request");
    hold.lines[0].slot = 3;
    rig_open(&g, true);
    rig_append(&g, 0, hold);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(doubts(&g, 0, 9).count, 0);
    rig_crash(&g);
    rig_open(&g, false);
    struct seen s = doubts(&g, 0, 9);
    CHECK_INT(s.count, 1);
    CHECK_INT(s.lines, 1);
    CHECK_INT(s.held, 20);
    CHECK_INT(s.slot, 3);
    CHECK(s.has_row && strcmp(s.once, "once-1") == 0 && strcmp(s.again, "sealed request") == 0);
    CHECK_INT(rig_ask(&g, "SELECT reserved FROM doubts"), 20000000);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts WHERE slot = 3"), 20);
    CHECK_INT(open_of_run(&g), 20000000);
    rig_free(&g);
}

/* Pitfall 5, a counter that doubles: what is enforced is what is settled plus what is open, whatever comes twice. */
TEST(pitfall_05_a_doubt_is_settled_once)
{
    struct rig g;
    rig_init(&g, 2);
    rig_append(&g, 0, rig_doubt(&g, 5, 20));
    rig_open(&g, false);
    CHECK_INT(doubt(&g), 20);
    CHECK_INT(open_of_run(&g), 20);
    rig_append(&g, 1, rig_settlement(&g, 9, 5, 20, 7, SPAN("settled")));
    apply(&g);
    for (int round = 0; round < 3; round++) {
        CHECK_INT(doubt(&g), 0);
        CHECK_INT(settled(&g), 7);
        CHECK_INT(open_of_run(&g), 0);
        CHECK_INT(rig_ask(&g, "SELECT cost FROM runs"), 7);
        CHECK_INT(rig_ask(&g, "SELECT calls FROM runs"), 1);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE of = 5"), 1);
        CHECK_INT(doubts(&g, 0, 9).count, 0);
        /* The same again under another id, from another journal; released instead; and the same record once more. */
        if (round == 0)
            rig_append(&g, 0, rig_settlement(&g, 10, 5, 20, 7, SPAN("settled")));
        if (round == 0)
            rig_append(&g, 0, rig_settlement(&g, 11, 5, 20, 0, SPAN("released")));
        if (round == 1)
            rig_append(&g, 1, rig_settlement(&g, 9, 5, 20, 7, SPAN("settled")));
        apply(&g);
    }
    CHECK_INT(rig_verified(&g), 2);
    rig_free(&g);
}

TEST(released_doubt_costs_nothing)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_doubt(&g, 5, 20));
    rig_append(&g, 0, rig_settlement(&g, 9, 5, 20, 0, SPAN("released")));
    rig_append(&g, 0, rig_settlement(&g, 10, 5, 20, 20, SPAN("settled")));
    rig_open(&g, false);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(settled(&g), 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2);
    rig_free(&g);
}

/* A price that came later, as often as it comes; up or down; also of a call that is in doubt, which it stays. */
TEST(corrections_add_up)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_doubt(&g, 2, 20));
    rig_append(&g, 0, rig_settlement(&g, 3, 1, 0, 5, SPAN("corrected")));
    rig_append(&g, 0, rig_settlement(&g, 4, 1, 0, -7, SPAN("corrected")));
    rig_append(&g, 0, rig_settlement(&g, 5, 2, 0, 1, SPAN("corrected")));
    rig_open(&g, false);
    CHECK_INT(settled(&g), 10000000 - 1);
    CHECK_INT(doubt(&g), 20);
    CHECK_INT(doubts(&g, 0, 9).count, 1);
    CHECK_INT(rig_ask(&g, "SELECT cost FROM runs"), 10000000 - 1);
    rig_append(&g, 0, rig_settlement(&g, 6, 2, 20, 4, SPAN("settled")));
    rig_append(&g, 0, rig_settlement(&g, 7, 2, 0, 1, SPAN("corrected")));
    apply(&g);
    CHECK_INT(settled(&g), 10000000 + 4);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(rig_verified(&g), 7);
    rig_free(&g);
}

/* A settlement without an outcome in its row, of a call that never was in doubt: applied as it is. */
TEST(settlement_of_what_was_no_doubt)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, rig_row(&g, 1));
    rig_append(&g, 0, rig_settlement(&g, 3, 1, 0, 5, SPAN_NONE));
    rig_append(&g, 0, rig_settlement(&g, 4, 1, 20, 5, SPAN("settled"))); /* frees what nothing holds: not applied */
    rig_open(&g, false);
    CHECK_INT(settled(&g), 10000005);
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls"), 2);
    rig_free(&g);
}

/* Two journals: the settlement may be read before the row in doubt. */
TEST(settlement_before_its_doubt)
{
    for (int together = 0; together < 2; together++) {
        struct rig g;
        rig_init(&g, 2);
        rig_open(&g, false);
        rig_append(&g, 0, rig_settlement(&g, 9, 5, 20, 7, SPAN("settled")));
        if (!together)
            apply(&g);
        rig_append(&g, 1, rig_doubt(&g, 5, 20));
        rig_append(&g, 1, rig_settlement(&g, 10, 5, 20, 7, SPAN("settled")));
        apply(&g);
        CHECK_INT(doubt(&g), 0);
        CHECK_INT(settled(&g), 7);
        CHECK_INT(open_of_run(&g), 0);
        CHECK_INT(doubts(&g, 0, 9).count, 0);
        CHECK_INT(rig_verified(&g), 2);
        rig_free(&g);
    }
}

/* Batches that fail are applied again from memory, and crashes make all of it come again: nothing counts twice. */
TEST(settled_once_through_rollbacks_and_replays)
{
    enum { CALLS = 500 };
    struct rig g;
    bool more;
    rig_init(&g, 2);
    for (uint64_t i = 1; i <= CALLS; i++) {
        struct rig_record hold = rig_hold(&g, i, 20), row = rig_doubt(&g, i, 20);
        row.record.held = true;
        rig_append(&g, 0, hold);
        rig_append(&g, 0, row);
        rig_append(&g, i % 2, rig_settlement(&g, CALLS + i, i, 20, 7, SPAN("settled")));
        rig_append(&g, 1, rig_settlement(&g, 2 * CALLS + i, i, 20, 0, SPAN("released")));
    }
    rig_open(&g, false);
    rig_crash(&g);
    rig_open(&g, false);
    for (uint64_t i = 1; i <= CALLS; i++)
        rig_append(&g, 1, rig_settlement(&g, 3 * CALLS + i, i, 20, 9, SPAN("settled")));
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 1"), E_OK);
    for (uint64_t i = 1; i <= CALLS; i++) {
        rig_append(&g, 0, rig_doubt(&g, 4 * CALLS + i, 20));
        rig_append(&g, 1, rig_settlement(&g, 5 * CALLS + i, 4 * CALLS + i, 20, 7, SPAN("settled")));
    }
    for (int round = 0; round < 3; round++)
        CHECK_INT(batch_run(g.store, 0, &more), E_IO);
    CHECK_INT(sql_run(g.store->db, "PRAGMA max_page_count = 100000"), E_OK);
    apply(&g);
    rig_crash(&g);
    rig_open(&g, false);
    /* Of the first calls either answer may have come first, and then it is the only one. */
    int64_t kept = rig_ask(&g, "SELECT sum(kind = 1 AND of <= 500) FROM calls");
    CHECK_INT(kept, CALLS);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM (SELECT of FROM calls WHERE kind = 1 GROUP BY of HAVING count(*) > 1)"), 0);
    CHECK_INT(settled(&g), rig_ask(&g, "SELECT sum(cost) FROM calls"));
    CHECK_INT(rig_ask(&g, "SELECT cost FROM runs"), rig_ask(&g, "SELECT sum(cost) FROM calls"));
    CHECK_INT(doubt(&g), 0);
    CHECK_INT(open_of_run(&g), 0);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts"), 0);
    CHECK_INT(rig_verified(&g), 4 * CALLS);
    rig_free(&g);
}

TEST(balances_go_below_zero_and_stop_at_the_smallest_integer)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        struct rig_record row = rig_row(&g, i);
        row.lines[0].real = i == 1 ? -20 : INT64_MIN + 5;
        rig_append(&g, 0, row);
        rig_open(&g, false);
        if (i == 1)
            CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), -20);
        rig_close(&g);
    }
    CHECK(rig_ask(&g, "SELECT settled FROM accounts") == INT64_MIN);
    CHECK_INT(rig_ask(&g, "SELECT typeof(settled) = 'integer' FROM accounts"), 1);
    struct rig_record up = rig_row(&g, 9);
    up.lines[0].real = 100;
    rig_append(&g, 0, up);
    rig_open(&g, false);
    CHECK(rig_ask(&g, "SELECT settled FROM accounts") == INT64_MIN + 100);
    rig_free(&g);
}

/* A slot of a rolling account is a balance of its own, also when one batch has many of them. */
TEST(slots_are_kept_apart)
{
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 30; i++) {
        struct rig_record row = rig_row(&g, i);
        row.lines[0] = (struct store_line){ .account = SPAN("rolling"), .slot = (int64_t)(i % 3) + 100, .real = (int64_t)i, .ends_at = RIG_ENDS_AT };
        rig_append(&g, 0, row);
    }
    rig_open(&g, false);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts"), 3);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts WHERE slot = 100"), 165);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts WHERE slot = 101"), 145);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts WHERE slot = 102"), 155);
    rig_free(&g);
}

/* Balances that stand at one place of row after row, and of which now one, now the other is meant. */
TEST(balances_at_one_place_are_kept_apart)
{
    static const char *const accounts[] = { "key_a/0", "key_b/0", "key_a/0", "key_a/00" };
    struct rig g;
    rig_init(&g, 1);
    for (uint64_t i = 0; i < 400; i++) {
        struct rig_record row = rig_row(&g, i + 1);
        row.lines[0].account = span_of(accounts[i / (1 + i % 2) % 4]);
        row.lines[0].slot = i % 5 ? -1 : (int64_t)(i % 3);
        row.lines[0].real = row.record.cost = (int64_t)i;
        rig_append(&g, 0, row);
    }
    rig_open(&g, false);
    for (int account = 0; account < 4; account++)
        for (int slot = -1; slot < 3; slot++) {
            char ask[128];
            int64_t want = 0;
            for (int64_t i = 0; i < 400; i++)
                want += strcmp(accounts[i / (1 + i % 2) % 4], accounts[account]) == 0 && (i % 5 ? -1 : i % 3) == slot ? i : 0;
            snprintf(ask, sizeof(ask), "SELECT coalesce(sum(settled), 0) FROM accounts WHERE account = '%s' AND slot = %d", accounts[account], slot);
            CHECK_INT(rig_ask(&g, ask), want);
        }
    rig_free(&g);
}

struct balances {
    size_t count;
    int64_t settled, doubt, slots;
};

static void add_balance(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct balances *b = self;
    CHECK(account.len && ends_at == RIG_ENDS_AT);
    b->count++;
    b->settled += settled;
    b->doubt += doubt;
    b->slots += slot;
}

/* Pitfall 8, stale spend after a restart: what is given back at start, before anything may pass, is what the database says. */
TEST(pitfall_08_a_restart_gives_back_every_balance)
{
    struct rig g;
    struct balances before = { 0 }, after = { 0 };
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 40; i++) {
        struct rig_record row = i % 4 ? rig_row(&g, i) : rig_doubt(&g, i, 20);
        row.lines[0].account = arena_print(&g.arena, "account %d", (int)i % 7);
        row.lines[0].slot = i % 7 == 3 ? (int64_t)i : -1;
        rig_append(&g, 0, row);
    }
    rig_open(&g, true);
    CHECK_INT(store_barrier(g.store), E_OK);
    struct store_reader *r = rig_reader(&g);
    CHECK_INT(store_balances(r, add_balance, &before), E_OK);
    store_reader_free(r);
    rig_close(&g);
    char why[256];
    g.store = store_open(span_of(g.dir), why);
    CHECK_INT(store_recover(g.store, add_balance, &after), E_OK);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
    CHECK_INT(before.settled, 30 * 10000000);
    CHECK_INT(before.doubt, 10 * 20);
    CHECK_INT(before.count, 6 + 6); /* six plain ones, and six slots of the rolling one */
    rig_free(&g);
}

/* ---- kill -9 ----------------------------------------------------------------------------------------------------------------- */

enum { ROUNDS = 10, RECORDS = 200000, HELD = 20, REAL = 7 };

/* A journal that lies in memory shared with the child: call n is three records: its hold, its row in doubt, its settlement. */
struct shared {
    atomic_size_t count;
    _Atomic uint64_t applied;
    size_t next;
};

static struct span row_of(uint64_t id, struct span outcome, char out[64])
{
    struct buf text;
    buf_init(&text, 64);
    struct row_out o = row_out(&text);
    row_number(&o, ROW_ID, (int64_t)id);
    row_text(&o, ROW_OUTCOME, outcome);
    memcpy(out, text.at, text.len);
    struct span row = span_make(out, text.len);
    buf_free(&text);
    return row;
}

static bool read_next(void *self, struct store_record *out)
{
    static const struct store_line held = { { "key_a/0", 7 }, -1, HELD, 0, 0, true }, real = { { "key_a/0", 7 }, -1, HELD, REAL, 0, false };
    static const struct span row = { "\x01", 1 };
    static char outcome[64];
    struct shared *j = self;
    if (j->next >= atomic_load(&j->count))
        return false;
    uint64_t call = j->next / 4 + 1;
    int step = (int)(j->next % 4);
    *out = (struct store_record){ .what = step == 0 ? STORE_HOLD : STORE_ROW, .position = j->next + 1, .call = call, .at = 1,
        .held = true, .verdict = 3, .reserved = HELD, .row = row, .lines = &held, .count = 1 };
    if (step >= 2) { /* the fourth is the third again, under another id */
        out->row = row_of(call * 2 + (uint64_t)step % 2 + (UINT64_C(1) << 40), SPAN("settled"), outcome);
        out->kind = STORE_SETTLEMENT;
        out->held = false;
        out->verdict = 0;
        out->of = call;
        out->call = call * 2 + (uint64_t)step % 2 + (UINT64_C(1) << 40);
        out->cost = REAL;
        out->reserved = 0;
        out->lines = &real;
    }
    j->next++;
    return true;
}

static void seek(void *self, uint64_t position) { ((struct shared *)self)->next = (size_t)position; }
static void applied(void *self, uint64_t position) { atomic_store(&((struct shared *)self)->applied, position); }

static struct store *open_on(struct rig *g, struct shared *j)
{
    char why[256] = "";
    struct store *s = store_open(span_of(g->dir), why);
    struct store_source from = { j, read_next, seek, applied, NULL };
    must(s);
    store_source_add(s, &from, 0);
    must(store_recover(s, NULL, NULL) == E_OK);
    return s;
}

static void write_on(struct rig *g, struct shared *j)
{
    struct store *s = open_on(g, j);
    must(store_start(s) == E_OK);
    while (atomic_load(&j->count) < RECORDS) {
        size_t count = atomic_fetch_add(&j->count, 1);
        store_wake(s);
        if (count % 16 == 0)
            usleep(100);
    }
    pause();
}

static void check(struct rig *g, struct shared *j)
{
    /* The last call may be without a row, in doubt, or settled. */
    int64_t calls = (int64_t)(atomic_load(&j->count) + 3) / 4, ended = (int64_t)(atomic_load(&j->count) + 1) / 4;
    g->store = open_on(g, j);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM calls WHERE kind = 0"), calls);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM calls WHERE kind = 1"), ended);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM doubts"), calls - ended);
    CHECK_INT(rig_ask(g, "SELECT coalesce(sum(settled), 0) FROM accounts"), ended * REAL);
    CHECK_INT(rig_ask(g, "SELECT coalesce(sum(doubt), 0) FROM accounts"), (calls - ended) * HELD);
    /* What is left of a call that was cut off comes in the next round: a row that is one too many, and its settlement. */
    while (atomic_load(&j->count) % 4)
        atomic_fetch_add(&j->count, 1);
    rig_close(g);
}

TEST(killed_and_settled_once)
{
    struct rig g;
    rig_init(&g, 0);
    struct shared *j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(j != MAP_FAILED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        fflush(NULL);
        pid_t child = fork();
        must(child >= 0);
        if (child == 0) {
            write_on(&g, j);
            _exit(1);
        }
        usleep(20000 + round * 7919 % 40000);
        must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        check(&g, j);
    }
    CHECK(atomic_load(&j->count) > 100);
    must(munmap(j, sizeof(*j)) == 0);
    rig_free(&g);
}
