/* SPDX-License-Identifier: Apache-2.0
 * calls.c - the life of a call as flow/ leads it: reserve, write the hold, wait for the disk as the mode asks, forward, settle,
 * write the row; and what may come later, a doubt resolved, a price corrected. */
#include "test/ledger_sim/sim.h"

static const struct span runs[] = { { "run_a", 5 }, { "run_b", 5 }, { "", 0 } };
static const struct span users[] = { { "u1", 2 }, { "u2", 2 } };
static const struct scope customers[] = { { .name = { "stripe.customer", 15 }, .value = { "cus_A", 5 } },
    { .name = { "stripe.customer", 15 }, .value = { "cus_B", 5 } }, { .name = { "stripe.customer", 15 }, .value = { "cus_A", 5 } } };
static const struct tag tags[] = { { { "tenant", 6 }, { "acme", 4 } } };

static void dice_facts(struct world *w, struct call *c, struct facts *f)
{
    const struct span operations[] = { SPAN("stripe.customers.list"), SPAN("openai.chat"), SPAN("stripe.charges.create") };
    *f = (struct facts){ .workspace = SPAN("ws"), .key_id = SPAN("key_1"), .team = SPAN("core"), .cost_known = true };
    f->run = runs[roll(w, 3)];
    f->user = users[roll(w, 2)];
    f->vendor = c->errand == ERRAND_MODEL ? SPAN("openai") : SPAN("stripe");
    f->operation = operations[c->errand];
    f->model = c->errand == ERRAND_MODEL ? SPAN("gpt-5") : SPAN("");
    f->moves_money = c->errand == ERRAND_MONEY;
    f->refund = f->moves_money && chance(w, 20);
    f->writes = f->moves_money;
    f->scopes = customers + roll(w, 2);
    f->scope_count = c->errand == ERRAND_MONEY ? roll(w, 3) : 0;
    f->tags = tags;
    f->tag_count = roll(w, 2);
    if (c->errand != ERRAND_READ)
        f->worst[UNIT_USD] = roll(w, 4) * (NANO_PER_USD / 2);
    if (c->errand == ERRAND_MODEL) {
        f->worst[UNIT_TOKENS_IN] = roll(w, 200);
        f->worst[UNIT_TOKENS_OUT] = roll(w, 300);
        f->worst[UNIT_TOKENS] = f->worst[UNIT_TOKENS_IN] + f->worst[UNIT_TOKENS_OUT];
    }
    f->worst[UNIT_MESSAGES] = c->errand == ERRAND_MONEY ? roll(w, 3) : 0;
    f->worst[UNIT_REQUESTS] = f->worst[UNIT_CALLS] = 1;
}

/* What the upstream will take, if it does it: part of the worst, in rare cases more. */
static void dice_real(struct world *w, const struct facts *f, int64_t real[UNIT_COUNT])
{
    unsigned part = roll(w, 4) ? roll(w, 101) : 100;
    for (int u = 0; u < UNIT_COUNT; u++)
        real[u] = f->worst[u] * part / 100;
    if (chance(w, 2))
        real[UNIT_USD] += NANO_PER_USD / 4;
    real[UNIT_REQUESTS] = 1;
    real[UNIT_CALLS] = 0;
}

static size_t build(struct world *w, struct call *c, const struct facts *f, struct ledger_want wants[LINES])
{
    struct budget_account accounts[LINES];
    int64_t real[UNIT_COUNT], worst[UNIT_COUNT];
    size_t count = 0;
    dice_real(w, f, real);
    memcpy(worst, f->worst, sizeof(worst));
    worst[UNIT_CALLS] = 0; /* it is over, whatever it was */
    for (size_t b = 0; b < w->budget_count; b++) {
        const struct budget *budget = &w->budgets[b];
        if (!budget_applies(budget, f))
            continue;
        size_t n = budget_accounts(budget, f, w->now, &w->scratch, accounts, LINES - count);
        must(n && n <= LINES - count);
        for (size_t i = 0; i < n; i++, count++) {
            const struct budget_account *a = &accounts[i];
            wants[count] = (struct ledger_want){ .account = a->name,
                .slot = a->slot,
                .limit = budget_limit(budget, w->now),
                .amount = budget_amount(budget, f),
                .ends_at = a->ends_at,
                .soft = budget->soft };
            c->lines[count] = (struct line){ .tab = tab_of(w, a->name, a->slot >= 0),
                .slot = a->slot,
                .held = wants[count].amount,
                .real = budget_real(budget, f, real),
                .ends_at = a->ends_at };
            c->worst[count] = budget_real(budget, f, worst);
        }
    }
    return count;
}

/* ---- reserve ---- */

/* The same decision on paper: the first want that does not fit, or count. What fitted before it stays taken. */
static size_t reserve_on_paper(struct world *w, const struct call *c, const struct ledger_want *wants)
{
    for (size_t i = 0; i < c->count; i++) {
        struct tab *t = c->lines[i].tab;
        tab_want(w, t, &wants[i]);
        if (!wants[i].soft && !tab_fits(t, wants[i].amount, wants[i].limit))
            return i;
        t->reserved += wants[i].amount;
    }
    return c->count;
}

static void grant_on_paper(const struct call *c, const struct ledger_want *wants)
{
    for (size_t i = 0; i < c->count; i++) {
        struct tab *t = c->lines[i].tab;
        t->pins++;
        if (!wants[i].soft && wants[i].amount && wants[i].limit > t->most)
            t->most = wants[i].limit;
    }
}

static void check_refusal(
    struct world *w, const struct call *c, const struct ledger_want *wants, size_t line, const struct ledger_refusal *why)
{
    const struct tab *t = c->lines[line].tab;
    int64_t attempted = 0;
    for (size_t i = 0; i <= line; i++)
        attempted += c->lines[i].tab == t ? wants[i].amount : 0;
    for (size_t i = 0; i < line; i++)
        c->lines[i].tab->reserved -= wants[i].amount;
    if (why->line != line || why->limit != wants[line].limit || why->settled != tab_settled(t) || why->reserved != t->reserved ||
        why->attempted != attempted)
        wrong(w, "a refusal does not say what stands in its way", t->name);
}

static bool reserve(struct world *w, struct call *c, const struct ledger_want *wants)
{
    struct ledger_refusal why = { .line = LINES };
    enum err e = ledger_reserve(w->ledger, &c->hold, wants, c->count, &why);
    size_t fitted = reserve_on_paper(w, c, wants);
    if (e != E_OK && e != E_BUDGET_EXCEEDED)
        wrong(w, "a reservation failed for no reason of its own", SPAN_NONE);
    else if ((e == E_OK) != (fitted == c->count))
        wrong(w, e == E_OK ? "a call was let through that does not fit" : "a call was refused that fits",
            c->lines[fitted < c->count ? fitted : 0].tab->name);
    else if (e != E_OK)
        check_refusal(w, c, wants, fitted, &why);
    else
        grant_on_paper(c, wants);
    w->refused += e != E_OK;
    return e == E_OK;
}

/* ---- ending a hold ---- */

static void end(struct world *w, struct call *c, enum state how)
{
    int64_t real[LINES];
    for (size_t i = 0; i < c->count; i++) {
        const struct line *l = &c->lines[i];
        struct tab *t = l->tab;
        real[i] = l->real;
        t->pins--;
        touch(w, t);
        if (l->kept) {
            t->doubt += l->held;
            continue;
        }
        t->reserved -= l->held;
        tab_add(w, t, l->slot, l->real);
    }
    if (how == CALL_LOST)
        ledger_doubt(w->ledger, &c->hold);
    else if (how == CALL_ANSWERED)
        ledger_settle(w->ledger, &c->hold, real);
    else
        ledger_release(w->ledger, &c->hold);
}

/* The row, which every call has; it is tried again when the disk has no room for it. */
static void close_books(struct world *w, struct call *c, enum verdict verdict)
{
    struct worker *at = &w->workers[c->worker];
    struct entry *e = entry_new(w, JOURNAL_ROW, c, c->lines, c->count);
    e->verdict = verdict;
    e->pending = verdict == VERDICT_ALLOWED && c->errand == ERRAND_MONEY && chance(w, 30);
    e->held = c->held != NULL;
    for (size_t i = 0; i < c->count; i++)
        touch(w, c->lines[i].tab); /* a crash in the middle may leave this row, or not */
    bool ok = entry_append(w, at, e);
    c->state = !ok ? CALL_CLOSED : w->mode == MODE_STRICT ? CALL_TELLING : CALL_OVER;
    c->told = ok && w->mode != MODE_STRICT && !w->down;
    c->row = ok ? e : NULL;
    tell_history(w, "call %zu: row, verdict %d%s", (size_t)(c - w->calls), (int)verdict, ok ? "" : " (no room)");
}

/* Nothing is forwarded: what was reserved goes back. */
static void give_up(struct world *w, struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        c->lines[i].real = 0;
    end(w, c, CALL_GONE);
}

static void refuse(struct world *w, struct call *c)
{
    if (!c->held)
        c->count = 0; /* nothing was ever counted */
    close_books(w, c, VERDICT_DENIED);
}

static enum verdict verdict_of(const struct call *c)
{
    if (c->count && c->lines[0].kept)
        return VERDICT_IN_DOUBT;
    return c->sent ? VERDICT_ALLOWED : VERDICT_DENIED;
}

/* ---- the steps ---- */

static void begin(struct world *w, struct call *c)
{
    struct facts f;
    struct ledger_want wants[LINES];
    struct worker *at = &w->workers[c->worker];
    uint64_t last = at->ids.last;
    c->errand = (enum errand)roll(w, 3);
    c->id = call_id_next(&at->ids, w->now);
    if (c->id <= last)
        wrong(w, "a call's id is not above those before it", SPAN_NONE);
    dice_facts(w, c, &f);
    c->count = build(w, c, &f, wants);
    bool ok = reserve(w, c, wants);
    tell_history(w, "call %zu: errand %d on %zu accounts, %s", (size_t)(c - w->calls), (int)c->errand, c->count,
        ok ? "reserved" : "refused");
    if (!ok) {
        refuse(w, c);
        return;
    }
    c->state = CALL_HELD;
    if (c->errand == ERRAND_READ)
        return;
    struct entry *e = entry_new(w, JOURNAL_HOLD, c, c->lines, c->count);
    for (size_t i = 0; i < c->count; i++)
        e->lines[i].real = 0;
    if (entry_append(w, at, e)) {
        c->held = e;
    } else if (!w->down) {
        give_up(w, c);
        refuse(w, c);
    }
}

static bool must_wait(const struct world *w, const struct call *c)
{
    bool waits = w->mode == MODE_STRICT || (w->mode == MODE_MONEY && c->errand == ERRAND_MONEY);
    return waits && c->held && journal_synced(w->workers[c->worker].journal) < c->held->position;
}

static void forward(struct world *w, struct call *c)
{
    if (must_wait(w, c) && !chance(w, 5))
        return;
    if (must_wait(w, c) || chance(w, 5)) { /* the caller hangs up, or the disk took too long */
        give_up(w, c);
        refuse(w, c);
        return;
    }
    c->sent = true;
    c->state = CALL_SENT;
    w->forwarded++;
    tell_history(w, "call %zu: forwarded", (size_t)(c - w->calls));
}

static void execute(struct world *w, struct call *c)
{
    c->executed = true;
    for (size_t i = 0; i < c->count; i++) {
        struct line *l = &c->lines[i];
        c->did[i] = l->real;
        l->tab->truth += l->real;
        l->tab->over += l->real > l->held ? l->real - l->held : 0;
        touch(w, l->tab);
    }
}

static void await(struct world *w, struct call *c)
{
    if (!c->executed && chance(w, 60)) {
        execute(w, c);
        return;
    }
    c->state = chance(w, 80) ? CALL_ANSWERED : CALL_LOST;
    tell_history(w, "call %zu: %s, %s", (size_t)(c - w->calls), c->executed ? "done" : "not done",
        c->state == CALL_LOST ? "nobody said so" : "answered");
}

static void finish(struct world *w, struct call *c)
{
    bool doubt = c->state == CALL_LOST && c->errand == ERRAND_MONEY;
    for (size_t i = 0; i < c->count; i++) {
        struct line *l = &c->lines[i];
        if (c->state == CALL_LOST) /* a model's answer is not doubted: the worst is counted */
            l->real = doubt ? 0 : c->executed && l->real > c->worst[i] ? l->real : c->worst[i];
        else if (!c->executed)
            l->real = 0;
        l->kept = doubt;
    }
    w->doubts += doubt;
    end(w, c, doubt ? CALL_LOST : c->executed || c->state == CALL_LOST ? CALL_ANSWERED : CALL_GONE);
    close_books(w, c, doubt && c->count ? VERDICT_IN_DOUBT : VERDICT_ALLOWED);
}

static void tell(const struct world *w, struct call *c)
{
    if (journal_synced(w->workers[c->worker].journal) < c->row->position)
        return;
    c->told = true;
    c->state = CALL_OVER;
}

void call_step(struct world *w, struct call *c)
{
    switch (c->state) {
    case CALL_FRESH:
        begin(w, c);
        break;
    case CALL_HELD:
        forward(w, c);
        break;
    case CALL_SENT:
        await(w, c);
        break;
    case CALL_ANSWERED:
    case CALL_LOST:
        finish(w, c);
        break;
    case CALL_CLOSED:
        close_books(w, c, verdict_of(c));
        break;
    case CALL_TELLING:
        tell(w, c);
        break;
    case CALL_OVER:
    case CALL_GONE:
        break;
    }
}

/* ---- afterwards ---- */

static struct entry *settlement(struct world *w, struct call *c, const struct line *lines, size_t count)
{
    struct entry *e = entry_new(w, JOURNAL_ROW, c, lines, count);
    e->id = call_id_next(&w->workers[0].ids, w->now);
    e->row = ROW_IS_SETTLEMENT;
    e->of = c->id;
    return e;
}

static struct entry *clearing(struct world *w, struct call *c)
{
    struct line lines[LINES];
    for (unsigned i = 0; i < c->doubt->count; i++) {
        lines[i] = c->doubt->lines[i];
        lines[i].real = c->executed ? c->did[i] : 0;
        lines[i].kept = false;
    }
    return settlement(w, c, lines, c->doubt->count);
}

static void adjust(struct world *w, const struct line *l)
{
    if (l->ends_at > l->tab->ends_at)
        l->tab->ends_at = l->ends_at;
    if (!ledger_adjust(w->ledger, l->tab->name, l->slot, l->real, l->ends_at))
        wrong(w, "a price that came later was not counted", l->tab->name);
}

/* An account on which nothing stands may have left memory. */
static void clear(struct world *w, const struct line *l)
{
    if (ledger_resolve(w->ledger, l->tab->name, l->slot, l->held, l->real))
        return;
    if (l->held)
        wrong(w, "an amount in doubt is not there", l->tab->name);
    else
        adjust(w, l);
}

void call_resolve(struct world *w, struct call *c)
{
    struct entry *e = clearing(w, c);
    if (!entry_append(w, &w->workers[0], e))
        return;
    c->resolving = true;
    w->resolved++;
    tell_history(w, "call %zu: its doubt is resolved, %s", (size_t)(c - w->calls), c->executed ? "done" : "not done");
    for (unsigned i = 0; i < e->count; i++) {
        const struct line *l = &e->lines[i];
        touch(w, l->tab);
        l->tab->doubt -= l->held;
        l->tab->reserved -= l->held;
        tab_add(w, l->tab, l->slot, l->real);
        clear(w, l);
    }
}

void call_settle_twice(struct world *w, struct call *c)
{
    tell_history(w, "call %zu: a second settlement is written", (size_t)(c - w->calls));
    (void)entry_append(w, &w->workers[0], clearing(w, c));
}

/* One that has come already, once more: it counts for nothing. */
void call_price_twice(struct world *w, struct call *c)
{
    struct line lines[LINES];
    for (size_t i = 0; i < c->count; i++) {
        lines[i] = c->lines[i];
        lines[i].held = 0;
        lines[i].real = NANO_PER_USD;
    }
    struct entry *e = settlement(w, c, lines, c->count);
    e->late = true;
    e->pending = chance(w, 30);
    tell_history(w, "call %zu: its last price is written twice", (size_t)(c - w->calls));
    (void)entry_append(w, &w->workers[0], e);
}

void call_correct(struct world *w, struct call *c)
{
    struct line lines[LINES];
    int64_t delta = ((int64_t)roll(w, 5) - 2) * (NANO_PER_USD / 8);
    for (size_t i = 0; i < c->count; i++) {
        lines[i] = c->lines[i];
        lines[i].held = 0;
        lines[i].real = delta;
    }
    struct entry *e = settlement(w, c, lines, c->count);
    e->late = true;
    e->pending = c->row && c->row->pending && chance(w, 30);
    if (!entry_append(w, &w->workers[0], e))
        return;
    c->priced = c->priced || (c->row && c->row->pending && !e->pending);
    tell_history(w, "call %zu: costs %lld more after all", (size_t)(c - w->calls), (long long)delta);
    for (unsigned i = 0; i < e->count; i++) {
        const struct line *l = &e->lines[i];
        tab_add(w, l->tab, l->slot, l->real);
        l->tab->over += delta < 0 ? -delta : delta;
        adjust(w, l);
    }
}
