/* SPDX-License-Identifier: Apache-2.0
 * ledger_model_test.c - the ledger against a model that a child could check: random calls over overlapping accounts, plain and
 * rolling, with refunds, soft limits, doubts, late prices, restarts, sweeps and a clock that jumps. Everything that can be
 * asked is compared after every step. */
#include <stdlib.h>

#include "test/unit/ledger/ledger_rig.h"

enum { NAMES = 8, PLAIN = 5, OPEN = 6, LINES = 5, SLOTS_AHEAD = 800, ROUNDS = 2000, STEPS = 120 };
static const char *const names[NAMES] = { "ant", "bee", "cat", "dog", "eel", "roll/fly", "roll/gnu", "roll/hen" };
static const int64_t ends[PLAIN] = { 0, 0, 400, 900, 1500 };

/* A rolling account is a row of numbers, one for each slot there will ever be. */
struct model_account {
    bool there, moved;
    int64_t limit, settled, reserved, doubt, ends_at, newest;
    int64_t slots[SLOTS_AHEAD];
    int pins;
};

struct model_hold {
    struct ledger_hold hold;
    size_t count;
    size_t account[LINES];
    int64_t held[LINES], slot[LINES];
};

/* What a store would have written down: all that was ever settled, and what is in doubt, by account and slot. */
struct model_store {
    int64_t settled[NAMES][SLOTS_AHEAD + 1], doubt[NAMES][SLOTS_AHEAD + 1];
};

struct model {
    struct ledger *l;
    struct model_account accounts[NAMES];
    struct model_hold holds[OPEN];
    struct model_store store;
    struct ledger_balance seen[NAMES]; /* after the step before */
    int64_t now; /* in slots */
    uint64_t dice;
};

static bool is_rolling(size_t a) { return a >= PLAIN; }
static int64_t slot_of(size_t a, int64_t slot) { return is_rolling(a) ? slot : LEDGER_NO_SLOT; }
static int64_t end_of(size_t a, int64_t slot) { return is_rolling(a) ? slot + LEDGER_SLOTS : ends[a]; }
static int64_t *stored(int64_t of[SLOTS_AHEAD + 1], size_t a, int64_t slot) { return &of[is_rolling(a) ? slot : SLOTS_AHEAD]; }

static int64_t counted(const struct model_account *m, int64_t newest)
{
    int64_t sum = 0;
    for (int64_t n = newest < LEDGER_SLOTS ? 0 : newest - LEDGER_SLOTS + 1; n < SLOTS_AHEAD; n++)
        sum += m->slots[n];
    return sum;
}

/* Where the newest slot stands when the clock shows `slot`. */
static int64_t newest_at(const struct model_account *m, int64_t slot)
{
    if (slot > m->newest || slot <= m->newest - LEDGER_SLOTS)
        return slot;
    return m->newest;
}

static int64_t model_settled(const struct model *m, size_t a, int64_t slot)
{
    const struct model_account *at = &m->accounts[a];
    if (!is_rolling(a))
        return at->settled;
    if (slot == LEDGER_NO_SLOT)
        return counted(at, at->newest);
    return counted(at, newest_at(at, slot));
}

static void model_add(struct model *m, size_t a, int64_t slot, int64_t amount)
{
    struct model_account *at = &m->accounts[a];
    if (!is_rolling(a)) {
        at->settled += amount;
        return;
    }
    if (!at->moved && slot > at->newest)
        at->newest = slot;
    if (at->moved && slot > at->newest)
        slot = at->newest;
    if (!at->moved || slot > at->newest - LEDGER_SLOTS)
        at->slots[slot] += amount;
}

static void model_end_later(struct model_account *at, int64_t ends_at)
{
    at->ends_at = !at->ends_at || !ends_at ? 0 : ends_at > at->ends_at ? ends_at : at->ends_at;
}

static void model_make(struct model *m, size_t a, int64_t ends_at)
{
    struct model_account *at = &m->accounts[a];
    if (at->there)
        return;
    memset(at, 0, sizeof(*at));
    at->there = true;
    at->ends_at = ends_at;
    at->newest = LEDGER_NO_SLOT;
}

static void model_move(struct model_account *at, int64_t slot)
{
    int64_t newest = newest_at(at, slot);
    for (int64_t n = 0; n < SLOTS_AHEAD; n++) {
        int64_t amount = at->slots[n];
        at->slots[n] = 0;
        if (n > newest - LEDGER_SLOTS)
            at->slots[n > newest ? newest : n] += amount;
    }
    at->newest = newest;
    at->moved = true;
}

static void model_unpin(struct model_account *at, bool plain)
{
    at->pins--;
    if (plain && !at->pins && !at->ends_at && !at->reserved && !at->settled)
        at->there = false;
}

static void compare(struct model *m, size_t a, int64_t slot)
{
    struct model_account *at = &m->accounts[a];
    struct ledger_balance b;
    int64_t settled = at->there ? model_settled(m, a, slot_of(a, slot)) : 0;
    CHECK(ledger_balance(m->l, span_of(names[a]), slot_of(a, slot), &b) == at->there);
    if (!at->there)
        return;
    if (b.settled != settled || b.reserved != at->reserved || b.doubt != at->doubt || b.limit != at->limit)
        test_fail(__FILE__, __LINE__, "%s at %lld: %lld settled, %lld reserved, %lld in doubt, limit %lld; and not %lld, %lld, %lld, %lld", names[a],
            (long long)slot, (long long)b.settled, (long long)b.reserved, (long long)b.doubt, (long long)b.limit, (long long)settled, (long long)at->reserved,
            (long long)at->doubt, (long long)at->limit);
}

static void compare_all(struct model *m)
{
    for (size_t a = 0; a < NAMES; a++) {
        compare(m, a, LEDGER_NO_SLOT);
        compare(m, a, m->now);
        compare(m, a, draw(&m->dice, SLOTS_AHEAD));
    }
}

/* The rule itself, line after line; false: *full is the line that did not fit, and *seen what stood on its account. */
static bool model_takes(struct model *m, const struct ledger_want *wants, const size_t *which, size_t count, size_t *full)
{
    for (size_t i = 0; i < count; i++) {
        struct model_account *at = &m->accounts[which[i]];
        model_make(m, which[i], wants[i].ends_at);
        if (is_rolling(which[i]))
            model_move(at, wants[i].slot);
        at->limit = wants[i].limit;
        model_end_later(at, wants[i].ends_at);
        int64_t settled = model_settled(m, which[i], LEDGER_NO_SLOT);
        int64_t taken = (settled > 0 ? settled : 0) + at->reserved;
        at->pins++;
        *full = i;
        if (!wants[i].soft && wants[i].amount && taken + wants[i].amount > wants[i].limit)
            return false;
        at->reserved += wants[i].amount;
    }
    return true;
}

static void model_undo(struct model *m, const struct ledger_want *wants, const size_t *which, size_t full)
{
    for (size_t i = 0; i < full; i++)
        m->accounts[which[i]].reserved -= wants[i].amount;
    for (size_t i = 0; i <= full; i++)
        model_unpin(&m->accounts[which[i]], !is_rolling(which[i]));
}

static void check_refusal(struct model *m, const struct ledger_refusal *why, const struct ledger_want *wants, const size_t *which, size_t full)
{
    int64_t before = m->accounts[which[full]].reserved, attempted = wants[full].amount;
    for (size_t i = 0; i < full; i++)
        if (which[i] == which[full]) {
            before -= wants[i].amount;
            attempted += wants[i].amount;
        }
    CHECK_INT(why->line, full);
    CHECK(why->limit == wants[full].limit && why->reserved == before && why->attempted == attempted);
    CHECK_INT(why->settled, model_settled(m, which[full], LEDGER_NO_SLOT));
}

static void try_reserve(struct model *m, struct model_hold *h)
{
    struct ledger_want wants[LINES];
    struct ledger_refusal why;
    size_t full = 0;
    h->count = draw(&m->dice, LINES + 1);
    for (size_t i = 0; i < h->count; i++) {
        size_t a = h->account[i] = draw(&m->dice, NAMES);
        wants[i] = want(names[a], 30 + 20 * (int64_t)a + (draw(&m->dice, 12) ? 0 : 15), draw(&m->dice, 25));
        wants[i].slot = h->slot[i] = slot_of(a, m->now);
        wants[i].ends_at = end_of(a, m->now);
        wants[i].soft = a == 1;
        h->held[i] = wants[i].amount;
    }
    bool taken = model_takes(m, wants, h->account, h->count, &full);
    CHECK_INT(ledger_reserve(m->l, &h->hold, wants, h->count, &why), taken ? E_OK : E_BUDGET_EXCEEDED);
    CHECK(h->hold.open == taken);
    if (taken)
        return;
    check_refusal(m, &why, wants, h->account, full);
    model_undo(m, wants, h->account, full);
}

static void check_lines(struct model *m, const struct model_hold *h)
{
    struct ledger_balance b;
    for (size_t i = 0; i < h->count; i++) {
        CHECK_SPAN(ledger_line_account(&h->hold.lines[i]), span_of(names[h->account[i]]));
        ledger_line_balance(m->l, &h->hold.lines[i], &b);
        CHECK(b.settled == model_settled(m, h->account[i], LEDGER_NO_SLOT) && b.reserved == m->accounts[h->account[i]].reserved);
    }
}

static void finish_hold(struct model *m, struct model_hold *h)
{
    int64_t real[LINES] = { 0 };
    uint32_t how = draw(&m->dice, 8); /* 0: in doubt, 1: released, else settled */
    check_lines(m, h);
    for (size_t i = 0; i < h->count; i++) {
        size_t a = h->account[i];
        struct model_account *at = &m->accounts[a];
        real[i] = draw(&m->dice, (uint32_t)h->held[i] + 4) / 3;
        if (draw(&m->dice, 10) == 0)
            real[i] = (int64_t)draw(&m->dice, 40) - 20; /* a refund, or more than was held */
        if (how == 0) {
            at->doubt += h->held[i];
            *stored(m->store.doubt[a], a, h->slot[i]) += h->held[i];
        } else {
            at->reserved -= h->held[i];
        }
        if (how > 1) {
            model_add(m, a, h->slot[i], real[i]);
            *stored(m->store.settled[a], a, h->slot[i]) += real[i];
        }
        model_unpin(at, !is_rolling(a));
    }
    if (how == 0)
        ledger_doubt(m->l, &h->hold);
    else if (how == 1)
        ledger_release(m->l, &h->hold);
    else
        ledger_settle(m->l, &h->hold, real);
    CHECK(!h->hold.open);
}

/* Some of what is in doubt in a slot where something is; sometimes more than there is in all. */
static void resolve(struct model *m)
{
    size_t a = draw(&m->dice, NAMES);
    struct model_account *at = &m->accounts[a];
    int64_t slot = is_rolling(a) ? draw(&m->dice, SLOTS_AHEAD) : 0, real = draw(&m->dice, 9);
    for (int64_t n = 0; is_rolling(a) && n < SLOTS_AHEAD && !m->store.doubt[a][slot]; n++)
        slot = (slot + 1) % SLOTS_AHEAD;
    int64_t held = *stored(m->store.doubt[a], a, slot);
    if (draw(&m->dice, 5) == 0) {
        CHECK(!ledger_resolve(m->l, span_of(names[a]), slot_of(a, slot), at->doubt + 1, real) || !at->there);
        return;
    }
    if (!held)
        return;
    held = 1 + draw(&m->dice, (uint32_t)held);
    CHECK(ledger_resolve(m->l, span_of(names[a]), slot_of(a, slot), held, real));
    at->doubt -= held;
    at->reserved -= held;
    model_add(m, a, slot, real);
    *stored(m->store.doubt[a], a, slot) -= held;
    *stored(m->store.settled[a], a, slot) += real;
}

static void adjust(struct model *m)
{
    size_t a = draw(&m->dice, NAMES);
    int64_t back = draw(&m->dice, 70), slot = m->now > back ? m->now - back : 0, delta = (int64_t)draw(&m->dice, 13) - 6;
    CHECK(ledger_adjust(m->l, span_of(names[a]), slot_of(a, slot), delta, end_of(a, slot)));
    model_make(m, a, end_of(a, slot));
    model_end_later(&m->accounts[a], end_of(a, slot));
    model_add(m, a, slot, delta);
    *stored(m->store.settled[a], a, slot) += delta;
}

static void step_clock(struct model *m)
{
    static const int64_t steps[] = { 1, 1, 1, 2, 5, 20, 59, 60, 61, 62, 150, -1, -2, -30, -59, -60, -61, -62, -200, 0 };
    m->now += steps[draw(&m->dice, sizeof(steps) / sizeof(steps[0]))];
    if (m->now < 0 || m->now >= SLOTS_AHEAD)
        m->now = SLOTS_AHEAD / 2;
}

/* What leaves memory is gone from the store as well, or a restart would bring it back. */
static void sweep(struct model *m)
{
    int64_t before = m->now - draw(&m->dice, 100);
    size_t gone = 0;
    for (size_t a = 0; a < NAMES; a++) {
        struct model_account *at = &m->accounts[a];
        if (!at->there || at->pins || at->reserved || !at->ends_at || at->ends_at >= before)
            continue;
        at->there = false;
        gone++;
        memset(m->store.settled[a], 0, sizeof(m->store.settled[a]));
    }
    CHECK_INT(ledger_sweep(m->l, before), gone);
}

static void restore(struct model *m, size_t a, int64_t slot)
{
    int64_t settled = *stored(m->store.settled[a], a, slot), doubt = *stored(m->store.doubt[a], a, slot);
    if (!settled && !doubt)
        return;
    CHECK_INT(ledger_restore(m->l, span_of(names[a]), slot_of(a, slot), settled, doubt, end_of(a, slot)), E_OK);
    model_make(m, a, end_of(a, slot));
    model_end_later(&m->accounts[a], end_of(a, slot));
    m->accounts[a].doubt += doubt;
    m->accounts[a].reserved += doubt;
    model_add(m, a, slot, settled);
}

/* The process dies: what was held is in doubt, and the store gives back what it has, in any order. */
static void restart(struct model *m)
{
    for (size_t i = 0; i < OPEN; i++) {
        struct model_hold *h = &m->holds[i];
        for (size_t n = 0; h->hold.open && n < h->count; n++)
            *stored(m->store.doubt[h->account[n]], h->account[n], h->slot[n]) += h->held[n];
        h->hold = (struct ledger_hold){ .open = false };
    }
    ledger_free(m->l);
    m->l = ledger_new();
    memset(m->accounts, 0, sizeof(m->accounts));
    memset(m->seen, 0, sizeof(m->seen));
    for (size_t a = 0; a < PLAIN; a++)
        restore(m, a, 0);
    for (size_t a = PLAIN; a < NAMES; a++)
        for (int64_t n = 0, at = draw(&m->dice, SLOTS_AHEAD); n < SLOTS_AHEAD; n++)
            restore(m, a, (at + n) % SLOTS_AHEAD);
}

static void play(struct model *m)
{
    struct model_hold *h = &m->holds[draw(&m->dice, OPEN)];
    uint32_t what = draw(&m->dice, 40);
    if (what < 5)
        step_clock(m);
    else if (what < 8)
        resolve(m);
    else if (what < 11)
        adjust(m);
    else if (what < 12)
        sweep(m);
    else if (what == 12 && draw(&m->dice, 3) == 0)
        restart(m);
    else if (!h->hold.open)
        try_reserve(m, h);
    else
        finish_hold(m, h);
}

/* The number of changes stands still only where everything does. */
static void check_changes(struct model *m)
{
    for (size_t a = 0; a < NAMES; a++) {
        struct ledger_balance b, *before = &m->seen[a];
        (void)ledger_balance(m->l, span_of(names[a]), LEDGER_NO_SLOT, &b);
        if (b.changes && b.changes == before->changes)
            CHECK(b.settled == before->settled && b.reserved == before->reserved && b.doubt == before->doubt && b.limit == before->limit);
        *before = b;
    }
}

TEST(does_what_the_model_does)
{
    struct model *m = malloc(sizeof(*m));
    must(m);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        memset(m, 0, sizeof(*m));
        *m = (struct model){ .l = ledger_new(), .now = 300, .dice = seed };
        for (int n = 0; n < STEPS; n++) {
            play(m);
            compare_all(m);
            check_changes(m);
        }
        for (size_t i = 0; i < OPEN; i++)
            if (m->holds[i].hold.open)
                ledger_release(m->l, &m->holds[i].hold);
        ledger_free(m->l);
    }
    free(m);
}
