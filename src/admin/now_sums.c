/* SPDX-License-Identifier: Apache-2.0
 * now_sums.c - what was spent this hour, today and this month, by whom most, what is in doubt, and the accounts nearest to their limits. */
#include "admin/now.h"

#include <stdlib.h>

#include "base/clock.h"
#include "rules/row.h"

enum { SUMS_MEMORY = 64 << 20, CANDIDATES = 64 /* rolling accounts are weighed as of their last change: look at some more of them */, DOUBT_PAGE = 1000, DOUBT_PAGES = 100 };
#define NOW_MINUTE INT64_C(60000)

struct now_sums *now_sums_new(struct span workspace)
{
    struct now_sums *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    arena_init(&s->arena, SUMS_MEMORY);
    s->workspace = arena_copy(&s->arena, workspace);
    return s;
}

void now_sums_free(struct now_sums *s)
{
    if (!s)
        return;
    arena_free(&s->arena);
    free(s);
}

/* ---- spend ---- */

static int64_t began(enum window_kind kind, int64_t now)
{
    const struct window w = { .kind = kind };
    int64_t start, end;
    window_at(&w, now, &start, &end);
    return start;
}

static enum err spent_since(const struct now_sums *s, struct store_reader *r, int64_t from, nano_usd *out)
{
    struct arena a;
    struct usage_row *rows = NULL;
    size_t count = 0;
    struct call_filter f = { .workspace = s->workspace, .from = from };
    arena_init(&a, SUMS_MEMORY);
    enum err e = store_usage(r, &f, NULL, 0, &a, &rows, &count);
    *out = !e && count ? rows[0].cost : 0;
    arena_free(&a);
    return e;
}

static struct span name_of(struct snapshot *snapshot, enum now_by by, struct span id)
{
    const struct key *key = by == NOW_KEYS ? snapshot_key_by_id(snapshot, id) : NULL;
    return key ? key->name : id;
}

/* Groups come dearest first; calls without a run are no run. */
static enum err find_top(struct now_sums *s, struct store_reader *r, struct snapshot *snapshot, enum now_by by)
{
    static const struct span dimensions[NOW_BY] = { { "key", 3 }, { "run", 3 }, { "vendor", 6 } };
    struct arena a;
    struct usage_row *rows = NULL;
    size_t count = 0;
    struct call_filter f = { .workspace = s->workspace, .from = began(WINDOW_DAY, s->at) };
    arena_init(&a, SUMS_MEMORY);
    enum err e = store_usage(r, &f, &dimensions[by], 1, &a, &rows, &count);
    for (size_t i = 0; !e && i < count && s->top_count[by] < NOW_TOP; i++) {
        if (!rows[i].group[0].len)
            continue;
        struct span id = arena_copy(&s->arena, rows[i].group[0]);
        s->top[by][s->top_count[by]++] = (struct now_top){ id, arena_copy(&s->arena, name_of(snapshot, by, id)), rows[i].cost, rows[i].calls };
    }
    arena_free(&a);
    return e == E_TOO_LARGE ? E_OK : e; /* more than 10,000 runs today: then none is shown */
}

/* ---- in doubt ---- */

struct doubting {
    struct now_sums *sums;
    uint64_t last;
    int seen;
};

static void take_doubt(void *self, const struct store_doubt *d)
{
    struct doubting *to = self;
    struct now_sums *s = to->sums;
    to->last = d->call;
    to->seen++;
    if (s->workspace.at && !span_is(row_field(d->row, ROW_WORKSPACE).text, s->workspace))
        return;
    s->doubts++;
    s->doubts_usd = money_add(s->doubts_usd, row_field(d->row, ROW_RESERVED).number);
}

static enum err sum_doubts(struct now_sums *s, struct store_reader *r)
{
    struct doubting to = { .sums = s };
    enum err e = E_OK;
    for (int page = 0; !e && page < DOUBT_PAGES; page++) {
        to.seen = 0;
        e = store_in_doubt(r, to.last, DOUBT_PAGE, take_doubt, &to);
        if (to.seen < DOUBT_PAGE)
            break;
    }
    return e;
}

/* ---- caps ---- */

struct candidate {
    struct span account;
    struct ledger_balance balance;
    int64_t ends_at, weight; /* used of a million of the limit */
};

struct capping {
    struct now_sums *sums;
    struct snapshot *snapshot;
    struct candidate list[CANDIDATES]; /* heaviest first */
    size_t count;
};

static int64_t weigh(const struct ledger_balance *b, int64_t limit)
{
    int64_t used = money_add(b->settled > 0 ? b->settled : 0, b->reserved);
    return limit > 0 ? money_mul_div_near(used, 1000000, limit) : used > 0 ? INT64_MAX : 0;
}

/* An account's name begins with whose budget it is: "key_1f3c/usd/day|...", "workspace:acme/usd/day", "gate/daily/usd/day". */
static bool is_visible(const struct capping *c, struct span account)
{
    struct span rest = account, owner = account, wanted = c->sums->workspace;
    if (!wanted.at)
        return true;
    (void)span_cut(&rest, '/', &owner);
    if (span_starts(owner, SPAN("workspace:")))
        return span_is(span_from(owner, 10), wanted);
    const struct key *key = snapshot_key_by_id(c->snapshot, owner);
    return key && span_is(key->workspace, wanted);
}

static void insert(struct capping *c, const struct candidate *one)
{
    size_t at = c->count < CANDIDATES ? c->count++ : CANDIDATES - 1;
    for (; at > 0 && c->list[at - 1].weight < one->weight; at--)
        c->list[at] = c->list[at - 1];
    c->list[at] = *one;
}

static void look(void *self, struct span account, const struct ledger_balance *balance, int64_t ends_at)
{
    struct capping *c = self;
    struct candidate one = { .balance = *balance, .ends_at = ends_at, .weight = weigh(balance, balance->limit) };
    bool full = c->count == CANDIDATES && c->list[CANDIDATES - 1].weight >= one.weight;
    if (full || !one.weight || (ends_at && ends_at <= c->sums->at) || !is_visible(c, account))
        return;
    one.account = arena_copy(&c->sums->arena, account);
    insert(c, &one);
}

static struct span budget_of(struct span account)
{
    struct span rest = account, id = account;
    (void)span_cut(&rest, '|', &id);
    return id;
}

/* Whose it is, and what tells its accounts apart: "key:agent run=run_1". When a window began is no subject. */
static struct span subject_of(struct arena *a, const struct budget *b, struct span account)
{
    struct span rest = account, part, subject = b->owner.at ? b->owner : SPAN("gate");
    (void)span_cut(&rest, '|', &part);
    for (rest = rest.at == account.at ? SPAN("") : rest; span_next(&rest, '|', &part);)
        if (span_find_byte(part, '=') > 0)
            subject = arena_print(a, "%.*s %.*s", SPAN_ARG(subject), SPAN_ARG(part));
    return arena_copy(a, subject);
}

/* As it stands now, by the budget's own limit. false: no budget counts there any more. */
static bool refresh(const struct capping *c, struct candidate *one, struct ledger *ledger, struct now_cap *out)
{
    const struct budget *b = snapshot_budget(c->snapshot, budget_of(one->account));
    int64_t now = c->sums->at, start, end = one->ends_at;
    if (!b)
        return false;
    if (b->window.kind == WINDOW_ROLLING) {
        (void)ledger_balance(ledger, one->account, window_slot(&b->window, now), &one->balance);
        window_at(&b->window, now, &start, &end);
        end = window_frees(&b->window, one->balance.oldest, end);
    }
    int64_t limit = budget_limit(b, now), spent = one->balance.settled > 0 ? one->balance.settled : 0;
    one->weight = weigh(&one->balance, limit);
    *out = (struct now_cap){ .account = one->account, .budget = arena_copy(&c->sums->arena, b->id),
        .subject = subject_of(&c->sums->arena, b, one->account), .unit = b->unit, .limit = limit, .spent = spent,
        .reserved = one->balance.reserved, .resets_at = end, .full_at = budget_full_at(b, &one->balance, one->ends_at, limit, now) };
    return true;
}

static void keep_cap(struct now_sums *s, int64_t weights[NOW_CAPS], int64_t weight, const struct now_cap *cap)
{
    if (s->cap_count == NOW_CAPS && weights[NOW_CAPS - 1] >= weight)
        return;
    size_t at = s->cap_count < NOW_CAPS ? s->cap_count++ : NOW_CAPS - 1;
    for (; at > 0 && weights[at - 1] < weight; at--) {
        s->caps[at] = s->caps[at - 1];
        weights[at] = weights[at - 1];
    }
    s->caps[at] = *cap;
    weights[at] = weight;
}

static void find_caps(struct now_sums *s, struct snapshot *snapshot, struct ledger *ledger)
{
    struct capping *c = calloc(1, sizeof(*c));
    int64_t weights[NOW_CAPS] = { 0 };
    struct now_cap cap;
    if (!c) {
        s->result = E_NO_MEMORY;
        return;
    }
    c->sums = s;
    c->snapshot = snapshot;
    ledger_each(ledger, look, c);
    for (size_t i = 0; i < c->count; i++)
        if (refresh(c, &c->list[i], ledger, &cap))
            keep_cap(s, weights, c->list[i].weight, &cap);
    free(c);
}

void now_sums_run(struct now_sums *s, struct store_reader *r, struct gate *g, struct books *b)
{
    int64_t started = clock_monotonic_ns();
    struct snapshot *snapshot = gate_snapshot(g);
    s->at = clock_unix_ms();
    s->stale = store_barrier(books_store(b)) != E_OK;
    enum err e = spent_since(s, r, (s->at - 60 * NOW_MINUTE) / NOW_MINUTE * NOW_MINUTE, &s->hour);
    e = e ? e : spent_since(s, r, began(WINDOW_DAY, s->at), &s->today);
    e = e ? e : spent_since(s, r, began(WINDOW_MONTH, s->at), &s->month);
    for (int by = 0; !e && by < NOW_BY; by++)
        e = find_top(s, r, snapshot, (enum now_by)by);
    e = e ? e : sum_doubts(s, r);
    s->result = e;
    if (!e)
        find_caps(s, snapshot, books_ledger(b));
    if (s->arena.broken)
        s->result = E_NO_MEMORY;
    snapshot_drop(snapshot);
    s->ms = (clock_monotonic_ns() - started) / 1000000;
}
