/* SPDX-License-Identifier: Apache-2.0
 * slots_test.c - a rolling window and its clock: forward, back a little, back by more than the window, and over a restart. */
#include "ledger/slots.h"

#include "test/unit/ledger/ledger_rig.h"

enum { WINDOW = LEDGER_SLOTS };

static int64_t seen(struct ledger *l, int64_t slot)
{
    struct ledger_balance b;
    (void)ledger_balance(l, SPAN("roll"), slot, &b);
    return b.settled;
}

static void spend(struct ledger *l, int64_t slot, int64_t amount)
{
    struct ledger_hold h = { .open = false };
    must(reserves(l, &h, rolling("roll", slot, INT64_MAX, amount)));
    settle(l, &h, amount);
}

TEST(what_was_spent_leaves_slot_by_slot)
{
    struct ledger *l = ledger_new();
    spend(l, 1000, 1);
    spend(l, 1001, 10);
    spend(l, 1060, 100);
    CHECK_INT(seen(l, 1060), 111); /* the newest and the 60 before it */
    CHECK_INT(seen(l, 1061), 110);
    CHECK_INT(seen(l, 1062), 100);
    CHECK_INT(seen(l, 1060 + WINDOW - 1), 100);
    CHECK_INT(seen(l, 1060 + WINDOW), 0);
    spend(l, 1061, 0);
    CHECK_INT(seen(l, LEDGER_NO_SLOT), 110);
    spend(l, 5000, 7); /* far ahead: every place of the ring is new */
    CHECK_INT(seen(l, 5000), 7);
    ledger_free(l);
}

TEST(the_first_slots_of_all_time)
{
    struct ledger *l = ledger_new();
    spend(l, 0, 5);
    CHECK_INT(seen(l, 0), 5);
    CHECK_INT(seen(l, 60), 5);
    CHECK_INT(seen(l, 61), 0);
    spend(l, 60, 2);
    CHECK_INT(seen(l, 61), 2);
    ledger_free(l);
}

TEST(a_hold_counts_until_it_ends_whatever_its_slot)
{
    struct ledger *l = ledger_new();
    struct ledger_hold slow = { .open = false }, h = { .open = false };
    CHECK(reserves(l, &slow, rolling("roll", 100, 10, 8)));
    CHECK(!reserves(l, &h, rolling("roll", 900, 10, 3)));
    settle(l, &slow, 8); /* its own slot is long over */
    CHECK(reserves(l, &h, rolling("roll", 900, 10, 10)));
    ledger_release(l, &h);
    CHECK(reserves(l, &slow, rolling("roll", 900, 10, 4)));
    spend(l, 930, 1);
    settle(l, &slow, 4);
    CHECK_INT(seen(l, 930), 5);
    CHECK_INT(seen(l, 900 + WINDOW), 1); /* it counted where it was held */
    ledger_free(l);
}

TEST(a_clock_that_goes_back_a_little_frees_nothing)
{
    struct ledger *l = ledger_new();
    spend(l, 1000, 5);
    spend(l, 960, 1); /* counts in its own slot, which is still there */
    CHECK_INT(seen(l, 960), 6);
    CHECK_INT(seen(l, 1000), 6);
    CHECK_INT(seen(l, 960 + WINDOW), 5);
    CHECK_INT(seen(l, 1000 + WINDOW), 0);
    spend(l, 1000 - WINDOW + 1, 2); /* the oldest place of the ring */
    CHECK_INT(seen(l, 1000), 8);
    ledger_free(l);
}

TEST(a_clock_set_back_by_more_than_the_window_moves_all_to_now)
{
    struct ledger *l = ledger_new();
    spend(l, 1000, 5);
    spend(l, 990, 4);
    spend(l, 1000 - WINDOW, 1);
    CHECK_INT(seen(l, 1000 - WINDOW), 10);
    CHECK_INT(seen(l, 1000 - 1), 10); /* for one window from then on, and not for ever */
    CHECK_INT(seen(l, 1000), 0);
    spend(l, 10, 1);
    CHECK_INT(seen(l, 10), 11);
    CHECK_INT(seen(l, 10 + WINDOW), 0);
    ledger_free(l);
}

TEST(a_hold_from_before_the_clock_was_set_back_counts_now)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK(reserves(l, &h, rolling("roll", 1000, 100, 8)));
    spend(l, 200, 1);
    settle(l, &h, 8); /* and does not bring the clock forward again */
    CHECK_INT(seen(l, 200), 9);
    CHECK_INT(seen(l, 200 + WINDOW - 1), 9);
    CHECK_INT(seen(l, 200 + WINDOW), 0);
    ledger_free(l);
}

TEST(restored_slots_count_as_they_did_before)
{
    struct ledger *l = ledger_new();
    static const int64_t order[] = { 1000, 940, 1061, 939, 1003 };
    for (int i = 0; i < 5; i++)
        CHECK_INT(ledger_restore(l, SPAN("roll"), order[i], order[i], i == 0 ? 7 : 0, order[i] + WINDOW), E_OK);
    BALANCE("roll", 1061 + 1003, 7, 7); /* nothing but the newest says where the clock stood */
    struct ledger_balance b;
    CHECK(ledger_balance(l, SPAN("roll"), 1061, &b) && b.settled == 1061 + 1003);
    CHECK(ledger_balance(l, SPAN("roll"), 1063, &b) && b.settled == 1061 + 1003);
    CHECK(ledger_balance(l, SPAN("roll"), 1064, &b) && b.settled == 1061);
    spend(l, 1063, 1);
    CHECK_INT(seen(l, 1063), 1061 + 1003 + 1);
    CHECK_INT(seen(l, 1064), 1061 + 1);
    CHECK(ledger_resolve(l, SPAN("roll"), 1000, 7, 3)); /* too long ago to count */
    BALANCE("roll", 1061 + 1003 + 1, 0, 0);
    ledger_free(l);
}

/* Spent at 5000; the clock is set back to 1000, where more is spent; a restart. Both must count at 1000. */
TEST(a_restart_after_the_clock_was_set_back_frees_nothing)
{
    struct ledger *l = ledger_new();
    must(ledger_restore(l, SPAN("roll"), 1000, 2, 0, 1000 + WINDOW) == E_OK);
    must(ledger_restore(l, SPAN("roll"), 5000, 5, 0, 5000 + WINDOW) == E_OK);
    must(ledger_restore(l, SPAN("roll"), 939, 9, 0, 939 + WINDOW) == E_OK); /* no longer of interest at 1000 */
    CHECK_INT(seen(l, 1000), 7);
    struct ledger_hold h = { .open = false };
    CHECK(!reserves(l, &h, rolling("roll", 1000, 10, 4)));
    CHECK_INT(seen(l, LEDGER_NO_SLOT), 7);
    CHECK_INT(seen(l, 1000 + WINDOW), 0);
    ledger_free(l);
}

TEST(sums_of_slots_saturate)
{
    struct ledger *l = ledger_new();
    CHECK(ledger_adjust(l, SPAN("roll"), 10, INT64_MAX, 99));
    CHECK(ledger_adjust(l, SPAN("roll"), 11, INT64_MAX, 99));
    CHECK_INT(seen(l, 11), INT64_MAX);
    struct ledger_hold h = { .open = false };
    CHECK(!reserves(l, &h, rolling("roll", 11, INT64_MAX, 1)));
    CHECK(reserves(l, &h, rolling("roll", 11 + WINDOW, INT64_MAX, INT64_MAX)));
    ledger_release(l, &h);
    ledger_free(l);
}

static int64_t oldest(struct ledger *l, int64_t slot)
{
    struct ledger_balance b;
    (void)ledger_balance(l, SPAN("roll"), slot, &b);
    return b.oldest;
}

/* The slot after whose leaving this would fit. */
static int64_t frees(struct ledger *l, int64_t slot, int64_t limit, int64_t amount)
{
    struct ledger_refusal why = { .frees = 0 };
    struct ledger_hold h = { .open = false };
    struct ledger_want want = rolling("roll", slot, limit, amount);
    CHECK_INT(ledger_reserve(l, &h, &want, 1, &why), E_BUDGET_EXCEEDED);
    return why.frees;
}

TEST(who_is_refused_is_told_what_must_leave)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK_INT(oldest(l, 1000), LEDGER_NO_SLOT);
    spend(l, 1000, 0);
    spend(l, 1003, 2);
    spend(l, 1010, 3);
    spend(l, 1050, 5);
    CHECK_INT(oldest(l, 1050), 1003);
    CHECK_INT(oldest(l, 1003 + WINDOW), 1010);
    CHECK_INT(oldest(l, 1050 + WINDOW), LEDGER_NO_SLOT);
    CHECK_INT(frees(l, 1050, 10, 1), 1003);
    CHECK_INT(frees(l, 1050, 10, 3), 1010);
    CHECK_INT(frees(l, 1050, 10, 10), 1050);
    CHECK_INT(frees(l, 1050, 10, 11), LEDGER_NO_SLOT); /* never */
    CHECK(reserves(l, &h, rolling("roll", 1050, 14, 4)));
    CHECK_INT(frees(l, 1050, 10, 1), 1010); /* what is held stays */
    CHECK_INT(frees(l, 1050, 10, 7), LEDGER_NO_SLOT);
    settle(l, &h, 4);
    ledger_free(l);
    l = ledger_new();
    must(ledger_restore(l, SPAN("roll"), 1050, 5, 0, 1050 + WINDOW) == E_OK);
    must(ledger_restore(l, SPAN("roll"), 1010, 3, 0, 1010 + WINDOW) == E_OK);
    CHECK_INT(oldest(l, 1060), 1010); /* before the first want, too */
    CHECK_INT(oldest(l, 1010 + WINDOW), 1050);
    ledger_free(l);
}
