/* SPDX-License-Identifier: Apache-2.0
 * ledger_threads_test.c - real threads that quarrel over accounts while another looks on: no limit is ever passed, no call that
 * fits is refused, none waits for ever. Run under ThreadSanitizer as well. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "test/unit/ledger/ledger_rig.h"

/* The last two accounts roll; two of the rest refund. */
enum { THREADS = 8, ROUNDS = 20000, SHARED = 14, ROLLING = 12, LINES = 4, STRESS_LIMIT = 9000, MOST = 40, YIELDS = 64, BLOWS = 200000 };

struct stress {
    struct ledger *l;
    uint64_t dice;
    int64_t spent[SHARED], in_doubt[SHARED];
    int64_t refused;
    atomic_bool *broken, *over;
    _Atomic int64_t *clock;
    char (*names)[32];
};

static void name_all(char names[SHARED][32])
{
    for (int i = 0; i < SHARED; i++)
        snprintf(names[i], sizeof(names[i]), "shared account %d", i);
}

static struct ledger_want any_want(struct stress *s, size_t *which)
{
    *which = draw(&s->dice, SHARED);
    if (*which >= ROLLING)
        return rolling(s->names[*which], atomic_load(s->clock), STRESS_LIMIT, draw(&s->dice, MOST));
    return want(s->names[*which], STRESS_LIMIT, draw(&s->dice, MOST));
}

/* What settles is what was held or less, so no account may ever be seen above its limit. */
static void finish(struct stress *s, struct ledger_hold *h, const struct ledger_want *wants, const size_t *which)
{
    int64_t real[LINES];
    uint32_t how = draw(&s->dice, 4);
    if (how == 0) {
        ledger_release(s->l, h);
        return;
    }
    for (size_t i = 0; i < LINES; i++) {
        real[i] = how == 1 ? 0 : wants[i].amount / 20;
        s->spent[which[i]] += real[i];
    }
    if (how != 1) {
        ledger_settle(s->l, h, real);
        return;
    }
    ledger_doubt(s->l, h);
    for (size_t i = 0; i < LINES; i++)
        if (!ledger_resolve(s->l, wants[i].account, wants[i].slot, wants[i].amount, 0) && wants[i].amount > 0) /* an account that says nothing is let go */
            atomic_store(s->broken, true);
}

static void *quarrel(void *self)
{
    struct stress *s = self;
    for (int n = 0; n < ROUNDS; n++) {
        struct ledger_hold h = { .open = false };
        struct ledger_want wants[LINES];
        struct ledger_refusal why;
        struct ledger_balance b;
        size_t which[LINES];
        for (size_t i = 0; i < LINES; i++)
            wants[i] = any_want(s, &which[i]);
        if (draw(&s->dice, 400) == 0)
            atomic_fetch_add(s->clock, 1);
        if (ledger_reserve(s->l, &h, wants, LINES, &why)) {
            s->refused++;
            continue;
        }
        ledger_line_balance(s->l, &h.lines[0], &b);
        if (b.settled + b.reserved > STRESS_LIMIT || b.settled < 0 || b.reserved < wants[0].amount)
            atomic_store(s->broken, true);
        if (n % YIELDS == 0)
            sched_yield(); /* so that holds overlap on two cores as well; each costs a turn of all others */
        finish(s, &h, wants, which);
    }
    return NULL;
}

static void see(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    (void)account;
    (void)ends_at;
    if (b->settled + b->reserved > STRESS_LIMIT || b->settled < 0 || b->reserved < b->doubt || b->doubt < 0)
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

static void check_sums(struct ledger *l, const struct stress each[THREADS], char names[SHARED][32])
{
    int64_t refused = 0;
    for (int a = 0; a < SHARED; a++) {
        struct ledger_balance b = balance_of(l, names[a]);
        int64_t spent = 0;
        for (int i = 0; i < THREADS; i++)
            spent += each[i].spent[a];
        CHECK(b.settled == (a < ROLLING ? spent : b.settled) && b.settled <= spent && b.settled <= STRESS_LIMIT);
        CHECK(b.reserved == 0 && b.doubt == 0);
    }
    for (int i = 0; i < THREADS; i++)
        refused += each[i].refused;
    CHECK(refused > 0); /* the limits were reached */
}

TEST(eight_threads_never_pass_a_limit)
{
    struct ledger *l = ledger_new();
    struct stress each[THREADS], watch;
    atomic_bool broken = false, over = false;
    _Atomic int64_t clock = 1000;
    char names[SHARED][32];
    pthread_t threads[THREADS], watcher;
    name_all(names);
    watch = (struct stress){ .l = l, .broken = &broken, .over = &over, .clock = &clock, .names = names };
    must(pthread_create(&watcher, NULL, observe, &watch) == 0);
    for (int i = 0; i < THREADS; i++) {
        each[i] = watch;
        each[i].dice = (uint64_t)i + 1;
        must(pthread_create(&threads[i], NULL, quarrel, &each[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    pthread_join(watcher, NULL);
    CHECK(!broken);
    check_sums(l, each, names);
    ledger_free(l);
}

/* Each of the modest holds a tenth of what all share, so all of them fit at any time; the greedy ask for the rest and for
 * something they never get, and are refused after they were counted. */
struct crowd {
    struct ledger *l;
    bool greedy;
    int64_t refused;
    atomic_bool *over;
};

static void *ask(void *self)
{
    struct crowd *c = self;
    struct ledger_want modest[] = { want("shared", 100, 10), want("other", 1000, 1) };
    struct ledger_want greedy[] = { want("other", 1000, 1), want("shared", 100, 60), want("empty", 0, 1) };
    for (int n = 0; c->greedy ? !atomic_load(c->over) : n < ROUNDS; n++) {
        struct ledger_hold h = { .open = false };
        struct ledger_refusal why;
        if (ledger_reserve(c->l, &h, c->greedy ? greedy : modest, c->greedy ? 3 : 2, &why)) {
            c->refused++;
            continue;
        }
        if (n % YIELDS == 0)
            sched_yield();
        ledger_release(c->l, &h);
    }
    return NULL;
}

TEST(no_call_is_refused_because_of_one_that_was_refused)
{
    struct ledger *l = ledger_new();
    struct crowd crowd[THREADS];
    atomic_bool over = false;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){ .l = l, .greedy = i >= 5, .over = &over };
        must(pthread_create(&threads[i], NULL, ask, &crowd[i]) == 0);
    }
    for (int i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(crowd[i].refused, 0);
    }
    atomic_store(&over, true);
    for (int i = 5; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(crowd[i].refused > 0);
    }
    ledger_free(l);
}

/* Few accounts and many small calls, against one that wants as many accounts as there can be. */
struct siege {
    struct ledger *l;
    uint64_t dice;
    atomic_bool *over;
    atomic_int *blows;
};

static void *hammer(void *self)
{
    struct siege *s = self;
    char name[32];
    while (!atomic_load(s->over)) {
        struct ledger_hold h = { .open = false };
        snprintf(name, sizeof(name), "wide %u", draw(&s->dice, LEDGER_LINES));
        must(reserves(s->l, &h, want(name, INT64_MAX, 1)));
        settle(s->l, &h, 1);
        atomic_fetch_add(s->blows, 1);
    }
    return NULL;
}

static int64_t slowest_wide_call(struct ledger *l, atomic_int *blows, int *calls)
{
    char names[LEDGER_LINES][32];
    struct ledger_want wants[LEDGER_LINES];
    int64_t slowest = 0;
    for (int i = 0; i < LEDGER_LINES; i++) {
        snprintf(names[i], sizeof(names[i]), "wide %d", i);
        wants[i] = want(names[i], INT64_MAX, 1);
    }
    for (*calls = 0; atomic_load(blows) < BLOWS; ++*calls) {
        struct ledger_hold h = { .open = false };
        struct ledger_refusal why;
        int64_t began = clock_monotonic_ns();
        must(ledger_reserve(l, &h, wants, LEDGER_LINES, &why) == E_OK);
        int64_t took = clock_monotonic_ns() - began;
        slowest = took > slowest ? took : slowest;
        ledger_release(l, &h);
    }
    return slowest;
}

TEST(a_wide_call_does_not_starve)
{
    struct ledger *l = ledger_new();
    struct siege each[THREADS / 2];
    atomic_bool over = false;
    atomic_int blows = 0;
    int calls;
    pthread_t threads[THREADS / 2];
    for (int i = 0; i < THREADS / 2; i++) {
        each[i] = (struct siege){ .l = l, .dice = (uint64_t)i + 1, .over = &over, .blows = &blows };
        must(pthread_create(&threads[i], NULL, hammer, &each[i]) == 0);
    }
    int64_t slowest = slowest_wide_call(l, &blows, &calls);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS / 2; i++)
        pthread_join(threads[i], NULL);
    printf("  ledger: the slowest of %d calls on %d accounts took %lld us while four threads hammered them\n", calls, (int)LEDGER_LINES, (long long)slowest / 1000);
    CHECK(calls > 20);
    CHECK(slowest < INT64_C(5000000000)); /* the machine may be busy; for ever is longer */
    ledger_free(l);
}
