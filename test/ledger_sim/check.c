/* SPDX-License-Identifier: Apache-2.0
 * check.c - what must hold after every event, for every account the event touched; and for all of them now and then, after
 * each recovery and at the end. */
#include "test/ledger_sim/sim.h"

static void check_balance(struct world *w, const struct tab *t, const struct ledger_balance *b)
{
    int64_t settled = tab_settled(t);
    if (b->settled != settled)
        wrong(w, "the ledger's settled is not what was settled", t->name);
    else if (b->reserved != t->reserved)
        wrong(w, "the ledger's reserved is not what is held: a hold leaks, or ended twice", t->name);
    else if (b->doubt != t->doubt)
        wrong(w, "the ledger's doubt is not what is in doubt", t->name);
    else if (b->reserved < 0 || b->doubt < 0 || b->doubt > b->reserved || (b->settled < 0 && !t->below))
        wrong(w, "a balance is below zero", t->name);
}

/* The promise, and that it is about real money. */
static void check_cap(struct world *w, const struct tab *t, const struct ledger_balance *b)
{
    int64_t settled = b->settled < 0 ? 0 : b->settled;
    if (t->soft)
        return;
    if (settled + b->reserved > t->most + t->over + t->back && !t->swept && !t->uncertain)
        wrong(w, "settled + reserved is past the limit", t->name);
    if (t->rolling || t->swept)
        return;
    if (t->truth > b->settled + b->reserved + t->over)
        wrong(w, "the upstream did more than the ledger knows of", t->name);
    if (t->truth > t->most + t->over)
        wrong(w, "the upstream did more than the limit", t->name);
}

static void check_tab(struct world *w, const struct tab *t)
{
    struct ledger_balance b;
    (void)ledger_balance(w->ledger, t->name, LEDGER_NO_SLOT, &b);
    check_balance(w, t, &b);
    check_cap(w, t, &b);
}

void check_touched(struct world *w)
{
    for (size_t i = 0; i < w->touched_count; i++) {
        w->touched[i]->touched = false;
        check_tab(w, w->touched[i]);
    }
    w->touched_count = 0;
}

/* An account of the ledger that nobody asked for would be found here. */
static void visit(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    struct world *w = self;
    size_t count = w->tab_count;
    const struct tab *t = tab_of(w, account, false);
    if (w->tab_count != count) {
        wrong(w, "the ledger has an account of its own", account);
        return;
    }
    if (b->limit != t->limit && b->reserved > b->doubt)
        wrong(w, "an account's limit is not that of the last call", account);
    if (t->ends_at && ends_at && ends_at < t->ends_at && !t->swept)
        wrong(w, "an account would leave memory before its window is over", account);
    check_balance(w, t, b);
}

static void check_line(struct world *w, const struct call *c, size_t i)
{
    struct ledger_balance b;
    const struct line *l = &c->lines[i];
    ledger_line_balance(w->ledger, &c->hold.lines[i], &b);
    if (!span_is(ledger_line_account(&c->hold.lines[i]), l->tab->name) || c->hold.lines[i].held != l->held ||
        b.reserved != l->tab->reserved)
        wrong(w, "an open hold does not stand on its account", l->tab->name);
}

static void check_call(struct world *w, const struct call *c)
{
    bool open = c->state == CALL_HELD || c->state == CALL_SENT || c->state == CALL_ANSWERED || c->state == CALL_LOST;
    if (c->hold.open != open)
        wrong(w, open ? "a hold ended too early" : "a hold was left open", SPAN_NONE);
    for (size_t i = 0; open && i < c->count && !w->wrong; i++)
        check_line(w, c, i);
}

void check_all(struct world *w)
{
    ledger_each(w->ledger, visit, w);
    for (size_t i = 0; i < w->tab_count && !w->wrong; i++)
        check_tab(w, &w->tabs[i]);
    for (size_t i = w->first_open; i < w->call_count && !w->wrong; i++)
        if (w->calls[i].state != CALL_FRESH)
            check_call(w, &w->calls[i]);
}

/* ---- after a recovery ---- */

/* Of a call that left no trace: it may, if nothing that was waited for said it was there. */
static bool may_be_lost(const struct world *w, const struct call *c)
{
    if (!c->sent)
        return !(c->told && (!w->power || w->mode == MODE_STRICT));
    if (c->told && (!w->power || w->mode == MODE_STRICT))
        return false;
    if (c->errand == ERRAND_READ)
        return true; /* it has no hold */
    return w->power && (w->mode == MODE_RELAXED || (w->mode == MODE_MONEY && c->errand == ERRAND_MODEL));
}

static void check_trace(struct world *w, struct call *c)
{
    if (c->state == CALL_FRESH || c->lost || c->rows == 1)
        return;
    if (c->rows > 1 || !may_be_lost(w, c))
        wrong(w, "a call was forwarded or told of, and has no row", SPAN_NONE);
    c->lost = true;
    w->lost_calls += c->sent;
    for (size_t i = 0; c->executed && i < c->count; i++)
        c->lines[i].tab->truth -= c->did[i];
}

/* Calls that were under way are in doubt now. */
static void expect_doubts(const struct world *w)
{
    for (size_t i = 0; i < w->call_count; i++) {
        const struct call *c = &w->calls[i];
        bool under_way = c->state != CALL_FRESH && c->state != CALL_OVER && c->state != CALL_GONE;
        for (size_t n = 0; under_way && c->doubt && c->doubt->kind == JOURNAL_HOLD && n < c->doubt->count; n++)
            c->doubt->lines[n].tab->told_doubt += c->doubt->lines[n].held;
    }
}

/* What the store has of it, in the window that counted then. */
static int64_t settled_then(const struct tab *t)
{
    int64_t sum = 0;
    for (const struct cell *c = t->cells; c; c = c->next)
        if (!t->rolling || in_window(c->slot, t->told_newest))
            sum += c->settled;
    return sum;
}

/* A kill loses nothing: balances are what they were. Those of the event that was cut off may be from before or after it. */
static void check_survived(struct world *w)
{
    expect_doubts(w);
    for (size_t i = 0; i < w->touched_count; i++)
        w->touched[i]->told_newest = INT64_MIN;
    for (size_t i = 0; i < w->tab_count; i++) {
        const struct tab *t = &w->tabs[i];
        if (t->swept || t->uncertain || t->told_newest == INT64_MIN)
            continue;
        if (settled_then(t) != t->told_settled || t->doubt != t->told_doubt)
            wrong(w, "a balance is not what it was before the kill", t->name);
    }
}

/* Holds that had ended come back when their rows were lost, and others had taken their place; what they cost above what they
 * held (t->over) may be counted once more when their doubt is resolved. */
static void allow_for_holds(struct tab *t)
{
    int64_t settled = tab_settled(t), past = (settled < 0 ? 0 : settled) + t->reserved - t->most;
    if (past > t->back)
        t->back = past;
}

void check_recovered(struct world *w)
{
    for (size_t i = 0; i < w->tab_count; i++)
        allow_for_holds(&w->tabs[i]);
    for (size_t i = 0; i < w->call_count; i++)
        check_trace(w, &w->calls[i]);
    if (w->lives > 1 && !w->power)
        check_survived(w);
    for (size_t i = 0; i < w->touched_count; i++)
        w->touched[i]->touched = false;
    w->touched_count = 0;
    ledger_each(w->ledger, visit, w);
    for (size_t i = 0; i < w->tab_count && !w->wrong; i++)
        check_tab(w, &w->tabs[i]);
}

void check_end(struct world *w)
{
    check_all(w);
    for (size_t i = 0; i < w->tab_count; i++) {
        const struct tab *t = &w->tabs[i];
        int64_t settled = 0, doubt = 0;
        for (const struct cell *c = t->cells; c; c = c->next) {
            settled += c->settled;
            doubt += c->doubt;
        }
        if (doubt != t->doubt || t->reserved != t->doubt)
            wrong(w, "at the end something is reserved that is in no doubt", t->name);
        if (settled != t->settled && !t->swept)
            wrong(w, "the sum of the rows is not the balance", t->name);
    }
    for (size_t i = 0; i < w->call_count; i++) {
        const struct call *c = &w->calls[i];
        if (c->state != CALL_FRESH && !c->lost && c->rows != 1)
            wrong(w, "a call without exactly one row", SPAN_NONE);
        if (c->settlements > 1)
            wrong(w, "a doubt was settled twice", SPAN_NONE);
    }
}
