/* SPDX-License-Identifier: Apache-2.0
 * ledger_test.c - the ledger against a model that a child could check, and under four threads that quarrel. */
#include "ledger/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/must.h"
#include "test/test.h"

static struct ledger_want want(const char *account, int64_t limit, int64_t amount)
{
    return (struct ledger_want){ .account = span_of(account), .slot = LEDGER_NO_SLOT, .limit = limit, .amount = amount };
}

static void check_balance(struct ledger *l, const char *account, int64_t settled, int64_t reserved, int64_t doubt, int line)
{
    struct ledger_balance b;
    (void)ledger_balance(l, span_of(account), LEDGER_NO_SLOT, &b);
    if (b.settled != settled || b.reserved != reserved || b.doubt != doubt)
        test_fail(__FILE__, line, "%s: got %lld settled, %lld reserved, %lld in doubt", account, (long long)b.settled, (long long)b.reserved, (long long)b.doubt);
}
#define BALANCE(account, settled, reserved, doubt) check_balance(l, account, settled, reserved, doubt, __LINE__)

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

/* A linear congruence is random enough to choose operations with. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

enum { NAMES = 5, OPEN = 6, LINES = 4 };
struct model {
    int64_t settled[NAMES], reserved[NAMES], doubt[NAMES];
};
static const char *const names[NAMES] = { "ant", "bee", "cat", "dog", "eel" };
static const int64_t limits[NAMES] = { 50, 100, 30, 1000, 70 };

struct model_hold {
    struct ledger_hold hold;
    size_t count;
    size_t account[LINES];
    int64_t held[LINES];
};

static bool model_reserve(struct model *m, const struct model_hold *h)
{
    struct model after = *m;
    for (size_t i = 0; i < h->count; i++) {
        size_t a = h->account[i];
        after.reserved[a] += h->held[i];
        if (h->held[i] && after.settled[a] + after.reserved[a] > limits[a])
            return false;
    }
    *m = after;
    return true;
}

static void try_reserve(struct ledger *l, struct model *m, struct model_hold *h, uint64_t *state)
{
    struct ledger_want wants[LINES];
    struct ledger_refusal why;
    h->count = draw(state, LINES + 1);
    for (size_t i = 0; i < h->count; i++) {
        h->account[i] = draw(state, NAMES);
        h->held[i] = draw(state, 25);
        wants[i] = want(names[h->account[i]], limits[h->account[i]], h->held[i]);
    }
    CHECK_INT(ledger_reserve(l, &h->hold, wants, h->count, &why), model_reserve(m, h) ? E_OK : E_BUDGET_EXCEEDED);
}

static void finish_hold(struct ledger *l, struct model *m, struct model_hold *h, uint64_t *state)
{
    int64_t real[LINES] = { 0 };
    uint32_t how = draw(state, 8);
    for (size_t i = 0; i < h->count; i++) {
        size_t a = h->account[i];
        real[i] = draw(state, (uint32_t)h->held[i] + 1) / 4;
        if (how == 0)
            m->doubt[a] += h->held[i];
        else
            m->reserved[a] -= h->held[i];
        if (how > 1)
            m->settled[a] += real[i];
    }
    if (how == 0)
        ledger_doubt(l, &h->hold);
    else if (how == 1)
        ledger_release(l, &h->hold);
    else
        ledger_settle(l, &h->hold, real);
}

TEST(does_what_the_model_does)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct ledger *l = ledger_new();
        struct model m = { .settled = { 0 } };
        struct model_hold holds[OPEN] = { { .count = 0 } };
        uint64_t state = seed;
        for (int n = 0; n < 300; n++) {
            struct model_hold *h = &holds[draw(&state, OPEN)];
            size_t a = draw(&state, NAMES);
            if (!h->hold.open)
                try_reserve(l, &m, h, &state);
            else
                finish_hold(l, &m, h, &state);
            if (m.doubt[a] && draw(&state, 4) == 0) {
                CHECK(ledger_resolve(l, span_of(names[a]), LEDGER_NO_SLOT, m.doubt[a], 1));
                m.reserved[a] -= m.doubt[a];
                m.settled[a]++;
                m.doubt[a] = 0;
            }
            for (size_t i = 0; i < NAMES; i++)
                BALANCE(names[i], m.settled[i], m.reserved[i], m.doubt[i]);
        }
        for (size_t i = 0; i < OPEN; i++)
            if (holds[i].hold.open)
                ledger_release(l, &holds[i].hold);
        ledger_free(l);
    }
}

enum { THREADS = 4, ROUNDS = 20000, SHARED = 12, STRESS_LIMIT = 4000 };
struct stress {
    struct ledger *l;
    uint64_t seed;
    int64_t spent[SHARED];
    int64_t refused;
    atomic_bool *broken, *over;
};

/* What settles is what was held or less, so no account may ever be seen above its limit. */
static void *quarrel(void *self)
{
    struct stress *s = self;
    char text[SHARED][32];
    for (int i = 0; i < SHARED; i++)
        snprintf(text[i], sizeof(text[i]), "shared account %d", i);
    for (int n = 0; n < ROUNDS; n++) {
        struct ledger_hold h = { .open = false };
        struct ledger_want wants[4];
        struct ledger_refusal why;
        struct ledger_balance b;
        size_t which[4];
        int64_t real[4];
        for (size_t i = 0; i < 4; i++) {
            which[i] = draw(&s->seed, SHARED);
            wants[i] = want(text[which[i]], STRESS_LIMIT, draw(&s->seed, 40));
        }
        if (ledger_reserve(s->l, &h, wants, 4, &why)) {
            s->refused++;
            continue;
        }
        (void)ledger_balance(s->l, span_of(text[draw(&s->seed, SHARED)]), LEDGER_NO_SLOT, &b);
        if (b.settled + b.reserved > STRESS_LIMIT || b.settled < 0 || b.reserved < 0)
            atomic_store(s->broken, true);
        uint32_t how = draw(&s->seed, 3);
        for (size_t i = 0; i < 4; i++) {
            real[i] = how == 0 ? wants[i].amount / 20 : 0;
            s->spent[which[i]] += real[i];
        }
        if (how == 0)
            ledger_settle(s->l, &h, real);
        else
            ledger_release(s->l, &h);
    }
    return NULL;
}

static void see(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    (void)account;
    (void)ends_at;
    if (b->settled + b->reserved > STRESS_LIMIT)
        atomic_store((atomic_bool *)self, true);
}

static void *observe(void *self)
{
    struct stress *s = self;
    while (!atomic_load(s->over)) {
        ledger_each(s->l, see, s->broken);
        (void)ledger_sweep(s->l, 1);
    }
    return NULL;
}

TEST(four_threads_never_pass_a_limit)
{
    struct ledger *l = ledger_new();
    struct stress each[THREADS], watch;
    atomic_bool broken = false, over = false;
    pthread_t threads[THREADS], watcher;
    for (int i = 0; i < THREADS; i++) {
        each[i] = (struct stress){ .l = l, .seed = (uint64_t)i + 1, .broken = &broken, .over = &over };
        must(pthread_create(&threads[i], NULL, quarrel, &each[i]) == 0);
    }
    watch = (struct stress){ .l = l, .broken = &broken, .over = &over };
    must(pthread_create(&watcher, NULL, observe, &watch) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    pthread_join(watcher, NULL);
    CHECK(!broken);
    int64_t refused = 0;
    for (int a = 0; a < SHARED; a++) {
        char name[32];
        int64_t spent = 0;
        struct ledger_balance b;
        snprintf(name, sizeof(name), "shared account %d", a);
        for (int i = 0; i < THREADS; i++)
            spent += each[i].spent[a];
        (void)ledger_balance(l, span_of(name), LEDGER_NO_SLOT, &b);
        CHECK(b.settled == spent && b.reserved == 0 && spent <= STRESS_LIMIT);
    }
    for (int i = 0; i < THREADS; i++)
        refused += each[i].refused;
    CHECK(refused > 0); /* the limits were reached */
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
