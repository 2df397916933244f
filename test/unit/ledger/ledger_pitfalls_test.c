/* SPDX-License-Identifier: Apache-2.0
 * ledger_pitfalls_test.c - how others' counters failed in public, as far as it is the ledger's part: each a test by its number. */
#include <pthread.h>
#include <stdatomic.h>

#include "test/unit/ledger/ledger_rig.h"

enum { THREADS = 8 };

/* Threads that begin at the same moment, each with a want of its own, and tell how often it was taken. */
struct racer {
    struct ledger *l;
    pthread_barrier_t *start;
    struct ledger_want want;
    int times;
    int64_t real; /* settled for each that is taken; -1: released */
    int taken;
};

static void *race(void *self)
{
    struct racer *r = self;
    pthread_barrier_wait(r->start);
    for (int i = 0; i < r->times; i++) {
        struct ledger_hold h = { .open = false };
        if (!reserves(r->l, &h, r->want))
            continue;
        r->taken++;
        if (r->real < 0)
            ledger_release(r->l, &h);
        else
            settle(r->l, &h, r->real);
    }
    return NULL;
}

/* How many were taken in all. */
static int race_all(struct ledger *l, int racers, struct ledger_want w, int times, int64_t real)
{
    struct racer each[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    int taken = 0;
    must(racers <= THREADS && pthread_barrier_init(&start, NULL, (unsigned)racers) == 0);
    for (int i = 0; i < racers; i++) {
        each[i] = (struct racer){ .l = l, .start = &start, .want = w, .times = times, .real = real };
        must(pthread_create(&threads[i], NULL, race, &each[i]) == 0);
    }
    for (int i = 0; i < racers; i++) {
        pthread_join(threads[i], NULL);
        taken += each[i].taken;
    }
    pthread_barrier_destroy(&start);
    return taken;
}

/* $0.45, and five calls at once that may cost $0.15 in the worst tier: three go, and the money is not passed. */
TEST(pitfall_01_parallel_calls_never_spend_more_than_the_cap)
{
    for (int n = 0; n < 200; n++) {
        struct ledger *l = ledger_new();
        CHECK_INT(race_all(l, 5, want("key", 450, 150), 1, 150), 3);
        BALANCE("key", 450, 0, 0);
        ledger_free(l);
    }
}

TEST(pitfall_02_a_hold_is_never_cut_to_what_is_left)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    struct ledger_refusal why;
    must(ledger_restore(l, SPAN("key"), LEDGER_NO_SLOT, 90, 0, 0) == E_OK);
    struct ledger_want w = want("key", 100, 11);
    CHECK_INT(ledger_reserve(l, &h, &w, 1, &why), E_BUDGET_EXCEEDED);
    CHECK(!h.open && why.limit == 100 && why.settled == 90 && why.reserved == 0 && why.attempted == 11);
    BALANCE("key", 90, 0, 0);
    CHECK(reserves(l, &h, want("key", 100, 10)));
    CHECK_INT(h.lines[0].held, 10); /* all of it */
    ledger_release(l, &h);
    ledger_free(l);
}

/* Whatever ends a call: what it held is there for the next one, a thousand times over. */
TEST(pitfall_03_holds_do_not_leak)
{
    struct ledger *l = ledger_new();
    for (int i = 0; i < 1000; i++) {
        struct ledger_hold h = { .open = false };
        CHECK(reserves(l, &h, want("key", 100, 100)));
        if (i % 3 == 0)
            settle(l, &h, 0);
        else if (i % 3 == 1)
            ledger_release(l, &h);
        else {
            ledger_doubt(l, &h);
            CHECK(ledger_resolve(l, SPAN("key"), LEDGER_NO_SLOT, 100, 0));
        }
        CHECK(!h.open && h.count == 0);
    }
    BALANCE("key", 0, 0, 0);
    ledger_free(l);
}

/* $0.30, reservations of $0.10, two at a time, real costs of $0.0002: a settled call gives back what it did not spend. */
TEST(pitfall_04_what_was_not_spent_comes_back_at_settlement)
{
    struct ledger *l = ledger_new();
    CHECK_INT(race_all(l, 2, want("key", 300000000, 100000000), 200, 200000), 400);
    BALANCE("key", 400 * INT64_C(200000), 0, 0);
    ledger_free(l);
}

/* What is enforced is what was settled and what is held, after every step. */
TEST(pitfall_05_enforced_is_settled_and_open_holds)
{
    struct ledger *l = ledger_new();
    struct ledger_hold open[8] = { { .open = false } };
    uint64_t dice = 5;
    int64_t settled = 0;
    for (int n = 0; n < 5000; n++) {
        struct ledger_hold *h = &open[draw(&dice, 8)];
        int64_t held = 0, real = draw(&dice, 3);
        if (!h->open) {
            (void)reserves(l, h, want("key", 5000, 1 + draw(&dice, 50)));
        } else {
            settle(l, h, real);
            settled += real;
        }
        for (int i = 0; i < 8; i++)
            held += open[i].open ? open[i].lines[0].held : 0;
        BALANCE("key", settled, held, 0);
    }
    for (int i = 0; i < 8; i++)
        if (open[i].open)
            ledger_release(l, &open[i]);
    ledger_free(l);
}

/* A window that is refilled while many spend: nothing that was spent gets lost in between. */
TEST(pitfall_06_a_window_that_moves_on_loses_nothing)
{
    struct ledger *l = ledger_new();
    struct racer each[4];
    pthread_t threads[4];
    pthread_barrier_t start;
    int64_t spent = 0;
    must(pthread_barrier_init(&start, NULL, 4) == 0);
    for (int i = 0; i < 4; i++) { /* each in a slot of its own, so that they move the window under each other */
        each[i] = (struct racer){ .l = l, .start = &start, .want = rolling("roll", 1000 + 20 * i, 9000, 7), .times = 2000, .real = 3 };
        must(pthread_create(&threads[i], NULL, race, &each[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        spent += 3 * each[i].taken;
    }
    BALANCE("roll", spent, 0, 0);
    CHECK(spent <= 9000 && spent > 9000 - 4 * 7); /* all four had to be refused in the end */
    pthread_barrier_destroy(&start);
    ledger_free(l);
}

/* One call after the other settles exactly what it held: what is enforced may rise, and never seems to be both or neither. */
struct onlooker {
    struct ledger *l;
    atomic_bool over, wrong;
};

static void *look_on(void *self)
{
    struct onlooker *o = self;
    int64_t last = 0;
    while (!atomic_load(&o->over)) {
        struct ledger_balance b = balance_of(o->l, "key");
        int64_t enforced = b.settled + b.reserved;
        if (enforced < last || b.reserved > 10 || enforced % 10)
            atomic_store(&o->wrong, true);
        last = enforced;
    }
    return NULL;
}

TEST(pitfall_07_settling_is_one_step)
{
    struct onlooker o = { .l = ledger_new() };
    pthread_t thread;
    must(pthread_create(&thread, NULL, look_on, &o) == 0);
    for (int i = 0; i < 50000; i++) {
        struct ledger_hold h = { .open = false };
        must(reserves(o.l, &h, want("key", INT64_MAX, 10)));
        settle(o.l, &h, 10);
    }
    atomic_store(&o.over, true);
    pthread_join(thread, NULL);
    CHECK(!o.wrong);
    ledger_free(o.l);
}

/* Nobody has seen this user before; of eight first calls at once, one fits. */
TEST(pitfall_10_the_first_call_of_a_new_account_is_checked)
{
    struct ledger *l = ledger_new();
    char name[32];
    for (int n = 0; n < 100; n++) {
        snprintf(name, sizeof(name), "user %d", n);
        CHECK_INT(race_all(l, THREADS, want(name, 10, 6), 1, 6), 1);
        BALANCE(name, 6, 0, 0);
    }
    ledger_free(l);
}

TEST(pitfall_12_parallel_calls_do_not_pass_a_token_limit)
{
    for (int n = 0; n < 100; n++) {
        struct ledger *l = ledger_new();
        CHECK_INT(race_all(l, THREADS, rolling("tokens", 1000 + n, 100, 33), 1, 33), 3);
        BALANCE("tokens", 99, 0, 0);
        ledger_free(l);
    }
}

/* Spent in one go: nothing trickles back until its window is over, and then all of it. */
TEST(pitfall_18_a_budget_is_a_sum_and_no_bucket_that_refills)
{
    struct ledger *l = ledger_new();
    struct ledger_hold h = { .open = false };
    CHECK(reserves(l, &h, rolling("roll", 1000, 100, 100)));
    settle(l, &h, 100);
    for (int64_t slot = 1000; slot < 1000 + LEDGER_SLOTS; slot++)
        CHECK(!reserves(l, &h, rolling("roll", slot, 100, 1)));
    CHECK(reserves(l, &h, rolling("roll", 1000 + LEDGER_SLOTS, 100, 100)));
    ledger_release(l, &h);
    ledger_free(l);
}

/* $5.135 on a $5 cap elsewhere: four calls each saw the same total. */
TEST(pitfall_21_open_holds_count)
{
    struct ledger *l = ledger_new();
    struct ledger_hold open[4] = { { .open = false } };
    int taken = 0;
    must(ledger_restore(l, SPAN("cap"), LEDGER_NO_SLOT, 4000, 0, 0) == E_OK);
    for (int i = 0; i < 4; i++)
        taken += reserves(l, &open[i], want("cap", 5000, 400));
    CHECK_INT(taken, 2);
    for (int i = 0; i < 4; i++)
        if (open[i].open)
            settle(l, &open[i], 400);
    BALANCE("cap", 4800, 0, 0);
    ledger_free(l);
}

/* "4 calls" at once: a place is free again however its call ended, and a restart frees all but what is in doubt. */
TEST(pitfall_59_places_for_calls_at_once_do_not_leak)
{
    struct ledger *l = ledger_new();
    for (int n = 0; n < 300; n++) {
        struct ledger_hold open[4] = { { .open = false } }, fifth = { .open = false };
        for (int i = 0; i < 4; i++)
            CHECK(reserves(l, &open[i], want("calls", 4, 1)));
        CHECK(!reserves(l, &fifth, want("calls", 4, 1)));
        for (int i = 0; i < 4; i++)
            if ((n + i) % 2)
                settle(l, &open[i], 0);
            else
                ledger_release(l, &open[i]);
    }
    BALANCE("calls", 0, 0, 0);
    CHECK_INT(race_all(l, THREADS, want("calls", THREADS, 1), 500, -1), THREADS * 500);
    BALANCE("calls", 0, 0, 0);
    ledger_free(l);
}

TEST(pitfall_60_a_call_refused_for_concurrency_burns_no_request)
{
    struct ledger *l = ledger_new();
    struct ledger_hold busy = { .open = false }, h = { .open = false };
    struct ledger_refusal why;
    struct ledger_want wants[] = { want("requests/minute", 60, 1), want("calls", 1, 1), want("tokens/minute", 1000, 50) };
    CHECK_INT(ledger_reserve(l, &busy, wants, 3, &why), E_OK);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(ledger_reserve(l, &h, wants, 3, &why), E_BUDGET_EXCEEDED);
        CHECK_INT(why.line, 1);
    }
    BALANCE("requests/minute", 0, 1, 0);
    BALANCE("tokens/minute", 0, 50, 0);
    const int64_t real[] = { 1, 0, 20 };
    ledger_settle(l, &busy, real);
    BALANCE("requests/minute", 1, 0, 0);
    BALANCE("tokens/minute", 20, 0, 0);
    ledger_free(l);
}

/* A limit of ten a minute, thirty calls, and clients that try again after each refusal: ten. */
TEST(pitfall_61_trying_again_gets_nobody_past_a_limit)
{
    struct ledger *l = ledger_new();
    CHECK_INT(race_all(l, 6, want("requests/minute", 10, 1), 5 * 20, 1), 10);
    BALANCE("requests/minute", 10, 0, 0);
    ledger_free(l);
}
