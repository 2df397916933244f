/* SPDX-License-Identifier: Apache-2.0
 * ledger_test.c - what each function of the ledger says it does. Rolling windows: slots_test.c; random calls: ledger_model_test.c;
 * real threads: ledger_threads_test.c; what went wrong elsewhere: ledger_pitfalls_test.c. */
#include "base/clock.h"
#include "test/unit/ledger/ledger_rig.h"

TEST(reserve_settle_release)
{
    struct ledger *l = ledger_new();
    struct ledger_hold a = { .open = false }, b = { .open = false };
    struct ledger_refusal why;
    struct ledger_want two[] = { want("key", 100, 60), want("run", 80, 60) };
    CHECK_INT(ledger_reserve(l, &a, two, 2, &why), E_OK);
    CHECK(a.open && a.count == 2);
    BALANCE("key", 0, 60, 0);
    BALANCE("run", 0, 60, 0);
    CHECK_INT(ledger_reserve(l, &b, two, 2, &why), E_BUDGET_EXCEEDED);
    CHECK(!b.open && why.line == 0 && why.limit == 100 && why.settled == 0 && why.reserved == 60 && why.attempted == 60);
    const int64_t real[] = { 10, 20 };
    ledger_settle(l, &a, real);
    CHECK(!a.open);
    BALANCE("key", 10, 0, 0);
    BALANCE("run", 20, 0, 0);
    CHECK_INT(ledger_reserve(l, &b, two, 2, &why), E_OK);
    CHECK_INT(ledger_reserve(l, &a, two, 2, &why), E_BUDGET_EXCEEDED);
    ledger_release(l, &b);
    BALANCE("key", 10, 0, 0);
    ledger_free(l);
}

TEST(all_or_nothing)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want wants[] = { want("wide", 1000, 5), want("narrow", 4, 5), want("wide too", 1000, 5) };
    CHECK_INT(ledger_reserve(l, &h, wants, 3, &why), E_BUDGET_EXCEEDED);
    CHECK_INT(why.line, 1);
    struct ledger_balance b;
    CHECK(!ledger_balance(l, SPAN("wide"), LEDGER_NO_SLOT, &b)); /* a refused call leaves no trace */
    CHECK(!ledger_balance(l, SPAN("narrow"), LEDGER_NO_SLOT, &b));
    wants[1].soft = true;
    CHECK_INT(ledger_reserve(l, &h, wants, 3, &why), E_OK);
    BALANCE("narrow", 0, 5, 0);
    ledger_release(l, &h);
    ledger_free(l);
}

TEST(an_account_without_a_name_is_refused)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want wants[] = { want("a", 10, 1), { .slot = LEDGER_NO_SLOT, .limit = 10 } };
    CHECK_INT(ledger_reserve(l, &h, wants, 2, &why), E_NO_MEMORY);
    CHECK(!h.open);
    BALANCE("a", 0, 0, 0);
    ledger_free(l);
}

TEST(one_account_named_twice_is_summed)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want wants[] = { want("a", 10, 6), want("a", 10, 6) };
    CHECK_INT(ledger_reserve(l, &h, wants, 2, &why), E_BUDGET_EXCEEDED);
    CHECK(why.line == 1 && why.reserved == 0 && why.attempted == 12);
    wants[1].amount = 4;
    CHECK_INT(ledger_reserve(l, &h, wants, 2, &why), E_OK);
    BALANCE("a", 0, 10, 0);
    const int64_t real[] = { 3, 4 };
    ledger_settle(l, &h, real);
    BALANCE("a", 7, 0, 0);
    ledger_free(l);
}

TEST(doubt_stays_reserved_until_it_is_resolved)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want w = want("a", 10, 6);
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_OK);
    ledger_doubt(l, &h);
    BALANCE("a", 0, 6, 6);
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_BUDGET_EXCEEDED);
    CHECK(!ledger_resolve(l, SPAN("a"), LEDGER_NO_SLOT, 7, 0));
    CHECK(!ledger_resolve(l, SPAN("b"), LEDGER_NO_SLOT, 1, 0));
    CHECK(ledger_resolve(l, SPAN("a"), LEDGER_NO_SLOT, 6, 2));
    BALANCE("a", 2, 0, 0);
    ledger_free(l);
}

TEST(numbers_at_the_edge)
{
    struct ledger *l = ledger_new();
    struct ledger_hold a = { .open = false }, b = { .open = false };
    struct ledger_refusal why;
    struct ledger_want most = want("a", INT64_MAX, INT64_MAX - 5);
    CHECK_INT(ledger_reserve(l, &a, &most, 1, &why), E_OK);
    struct ledger_want more = want("a", INT64_MAX, 6), fitting = want("a", INT64_MAX, 5);
    CHECK_INT(ledger_reserve(l, &b, &more, 1, &why), E_BUDGET_EXCEEDED);
    CHECK_INT(ledger_reserve(l, &b, &fitting, 1, &why), E_OK);
    const int64_t real = INT64_MAX;
    ledger_settle(l, &a, &real);
    ledger_settle(l, &b, &real);
    BALANCE("a", INT64_MAX, 0, 0); /* saturated, not wrapped */
    struct ledger_want nothing = want("a", 100, 0), one = want("a", 100, 1);
    CHECK_INT(ledger_reserve(l, &a, &one, 1, &why), E_BUDGET_EXCEEDED);
    CHECK_INT(ledger_reserve(l, &a, &nothing, 1, &why), E_OK); /* a free call passes */
    struct ledger_want soft = want("soft", 1, INT64_MAX);
    soft.soft = true;
    CHECK_INT(ledger_reserve(l, &b, &soft, 1, &why), E_OK);
    struct ledger_hold c = { .open = false };
    CHECK_INT(ledger_reserve(l, &c, &soft, 1, &why), E_OK);
    ledger_release(l, &b);
    BALANCE("soft", 0, 0, 0);
    ledger_release(l, &c);
    BALANCE("soft", 0, 0, 0);
    ledger_release(l, &a);
    ledger_free(l);
}

TEST(a_new_limit_holds_from_the_first_want_that_carries_it)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want w = want("a", 10, 8);
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_OK);
    const int64_t real = 8;
    ledger_settle(l, &h, &real);
    w.limit = 5;
    w.amount = 1;
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_BUDGET_EXCEEDED);
    CHECK(why.limit == 5 && why.settled == 8);
    w.limit = 9;
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_OK);
    ledger_release(l, &h);
    ledger_free(l);
}

static void count_visit(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    int64_t *sums = self;
    must(account.len > 0);
    sums[0]++;
    sums[1] += b->settled;
    sums[2] += ends_at;
}

TEST(restore_walk_and_sweep)
{
    struct ledger *l = ledger_new();
    int64_t sums[3] = { 0, 0, 0 };
    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "account %d", i);
        CHECK_INT(ledger_restore(l, span_of(name), LEDGER_NO_SLOT, i, i % 10 == 0 ? 1 : 0, i % 2 ? 500 : 0), E_OK);
    }
    BALANCE("account 990", 990, 1, 1);
    ledger_each(l, count_visit, sums);
    CHECK(sums[0] == 1000 && sums[1] == 499500 && sums[2] == 250000);
    CHECK_INT(ledger_sweep(l, 500), 0);
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want w = want("account 1", 100, 1);
    w.ends_at = 500;
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_OK);
    CHECK_INT(ledger_sweep(l, 501), 499); /* not the one that holds something */
    const int64_t real = 1;
    ledger_settle(l, &h, &real); /* the account outlived its window for this */
    CHECK_INT(ledger_sweep(l, 501), 1);
    w.amount = 0;
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_OK);
    CHECK_INT(ledger_sweep(l, 501), 0); /* nothing is held, but a call points at it */
    ledger_settle(l, &h, &real);
    CHECK_INT(ledger_sweep(l, 501), 1);
    ledger_free(l);
}

TEST(sweep_of_many)
{
    struct ledger *l = ledger_new();
    char name[32];
    for (int i = 0; i < 40000; i++) {
        snprintf(name, sizeof(name), "account %d", i);
        must(ledger_restore(l, span_of(name), LEDGER_NO_SLOT, i, 0, i % 3 ? 100 : 900) == E_OK);
    }
    CHECK_INT(ledger_sweep(l, 500), 26666);
    CHECK_INT(ledger_sweep(l, 500), 0);
    CHECK_INT(ledger_sweep(l, 901), 13334);
    ledger_free(l);
}

TEST(money_that_came_back_makes_no_room_beyond_the_limit)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK(reserves(l, &h, want("net", 10, 0)));
    settle(l, &h, -7); /* refunds: net */
    BALANCE("net", -7, 0, 0);
    CHECK(!reserves(l, &h, want("net", 10, 11)));
    CHECK(reserves(l, &h, want("net", 10, 10)));
    settle(l, &h, 10);
    BALANCE("net", 3, 0, 0);
    CHECK(!reserves(l, &h, want("net", 10, 8)));
    CHECK(reserves(l, &h, want("net", 10, 7)));
    ledger_release(l, &h);
    ledger_free(l);
}

TEST(a_price_that_came_later)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK(reserves(l, &h, want("a", 10, 5)));
    settle(l, &h, 5);
    CHECK(ledger_adjust(l, SPAN("a"), LEDGER_NO_SLOT, 7, 0)); /* whatever the limit */
    BALANCE("a", 12, 0, 0);
    CHECK(!reserves(l, &h, want("a", 10, 1)));
    CHECK(ledger_adjust(l, SPAN("a"), LEDGER_NO_SLOT, -4, 0));
    CHECK(reserves(l, &h, want("a", 10, 2)));
    ledger_release(l, &h);
    CHECK(ledger_adjust(l, SPAN("not seen before"), LEDGER_NO_SLOT, 3, 100));
    BALANCE("not seen before", 3, 0, 0);
    CHECK_INT(ledger_sweep(l, 101), 1);
    ledger_free(l);
}

TEST(marks_are_told_once)
{
    struct ledger *l = ledger_new();
    CHECK_INT(ledger_mark(l, SPAN("a"), 1), 0); /* there is no such account */
    must(ledger_restore(l, SPAN("a"), LEDGER_NO_SLOT, 5, 0, 0) == E_OK);
    CHECK_INT(ledger_mark(l, SPAN("a"), 1 | 4), 1 | 4);
    CHECK_INT(ledger_mark(l, SPAN("a"), 1 | 2 | 4), 2);
    CHECK_INT(ledger_mark(l, SPAN("a"), 1 | 2 | 4), 0);
    ledger_free(l);
}

TEST(a_line_knows_its_account)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_balance b;
    CHECK(reserves(l, &h, want("usd/day", 10, 4)));
    CHECK_SPAN(ledger_line_account(&h.lines[0]), SPAN("usd/day"));
    ledger_line_balance(l, &h.lines[0], &b);
    CHECK(b.limit == 10 && b.reserved == 4 && b.changes == balance_of(l, "usd/day").changes);
    ledger_release(l, &h);
    ledger_free(l);
}

TEST(changes_never_say_the_same_of_two_balances)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK(reserves(l, &h, want("a", 10, 4)));
    uint64_t first = balance_of(l, "a").changes;
    CHECK(first == balance_of(l, "a").changes);
    ledger_release(l, &h); /* the account leaves memory, and comes again */
    CHECK(reserves(l, &h, want("a", 10, 5)));
    CHECK(balance_of(l, "a").changes != first);
    ledger_release(l, &h);
    ledger_free(l);
}

TEST(an_account_ends_with_the_latest_that_used_it)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_want w = rolling("roll", 500, 10, 1);
    CHECK(reserves(l, &h, w));
    settle(l, &h, 1);
    w.slot = 495; /* the clock went back a little; what was spent counts until 561 all the same */
    w.ends_at = 556;
    CHECK(reserves(l, &h, w));
    settle(l, &h, 1);
    CHECK_INT(ledger_sweep(l, 560), 0);
    CHECK_INT(ledger_sweep(l, 562), 1);
    ledger_free(l);
}

TEST(looking_ahead_moves_nothing)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_balance b;
    CHECK(reserves(l, &h, rolling("roll", 100, 10, 4)));
    settle(l, &h, 4);
    CHECK(ledger_balance(l, SPAN("roll"), 160, &b) && b.settled == 4);
    CHECK(ledger_balance(l, SPAN("roll"), 161, &b) && b.settled == 0);
    CHECK(ledger_balance(l, SPAN("roll"), LEDGER_NO_SLOT, &b) && b.settled == 4); /* looking moved nothing */
    ledger_free(l);
}

TEST(how_long_it_takes)
{
    struct ledger *l = ledger_new();
    enum { TIMES = 100000 };
    static const char *const four[] = { "key_1f3c9a42/usd/day|2026-11-21T00:00:00Z", "key_1f3c9a42/usd/run|run=run_8c2b71", "workspace_1/usd/month|2026-11-01T00:00:00Z",
        "key_1f3c9a42/requests/minute|2026-11-21T12:34:00Z" };
    struct ledger_want wants[4];
    const int64_t real[4] = { 1, 1, 1, 1 };
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    for (int i = 0; i < 4; i++)
        wants[i] = want(four[i], INT64_MAX, 100);
    int64_t began = clock_monotonic_ns();
    for (int i = 0; i < TIMES; i++) {
        must(ledger_reserve(l, &h, wants, 4, &why) == E_OK);
        ledger_settle(l, &h, real);
    }
    printf("  ledger: %lld ns to reserve and settle four accounts\n", (long long)(clock_monotonic_ns() - began) / TIMES);
    ledger_free(l);
}

TEST(two_holds_become_one)
{
    struct ledger *l = ledger_new();
    struct ledger_hold a = { .open = false }, b = { .open = false };
    struct ledger_refusal why;
    struct ledger_want first[] = { want("key", 100, 40), want("run", 100, 10) }, more[] = { want("key", 100, 30), want("run", 100, 0) };
    CHECK_INT(ledger_reserve(l, &a, first, 2, &why), E_OK);
    CHECK_INT(ledger_reserve(l, &b, more, 2, &why), E_OK);
    ledger_join(l, &a, &b);
    CHECK(a.open && !b.open && a.lines[0].held == 70 && a.lines[1].held == 10);
    BALANCE("key", 0, 70, 0);
    more[0].amount = 31; /* it does not fit, and takes nothing */
    CHECK_INT(ledger_reserve(l, &b, more, 2, &why), E_BUDGET_EXCEEDED);
    BALANCE("key", 0, 70, 0);
    const int64_t real[] = { 55, 9 };
    ledger_settle(l, &a, real);
    BALANCE("key", 55, 0, 0);
    BALANCE("run", 9, 0, 0);
    ledger_free(l);
}
