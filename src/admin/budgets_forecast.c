/* SPDX-License-Identifier: Apache-2.0
 * budgets_forecast.c - GET /budgets/{id}/forecast: how one account of a budget is used up, and when all of it will be if it goes on as it
 * did since its window began.
 *
 * The curve is no estimate: every row of a call says what stood on its budgets after it. It is read at a few dozen moments, so a long
 * window costs no more than a short one. Rows do not name the account, so a budget that counts on several (per run, per user) has none.
 *
 * A window without a beginning is shown for its last thirty days: what was spent before is in its sum, so its speed is that of the curve. */
#include "admin/now.h"
#include "admin/report.h"
#include "base/clock.h"

enum { MOMENTS = 48, PAGES = 4, PAGE = 15 /* rows: so many times so many are looked at before each moment */ };
#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define ENDLESS_MS (INT64_C(30) * 24 * HOUR_MS) /* of a window without a beginning so much is shown */

struct moment {
    int64_t at, spent;
    bool known;
    bool lost; /* there were more rows than are looked at, and none of those said anything */
};

struct task {
    struct span id, wanted; /* of the budget, of the account */
    struct span account;    /* the one that is shown; SPAN_NONE: nothing was spent yet */
    struct ledger_balance balance;
    int64_t count, ends_at, start, end, now;
    bool endless;
    struct call_filter filter; /* rows that may be of the budget */
    struct moment moments[MOMENTS];
    struct arena *arena;
    struct json *json;
    struct moment *looking; /* at */
};

/* ---- the account ---- */

static bool is_fuller(const struct ledger_balance *a, const struct ledger_balance *b) { return a->settled + a->reserved > b->settled + b->reserved; }

static void look(void *self, struct span account, const struct ledger_balance *balance, int64_t ends_at)
{
    struct task *k = self;
    struct span rest = account, id = account;
    (void)span_cut(&rest, '|', &id);
    if (!span_is(id, k->id) || (ends_at && ends_at <= k->now))
        return;
    k->count++;
    if (k->wanted.at ? !span_is(account, k->wanted) : k->account.at && !is_fuller(balance, &k->balance))
        return;
    k->account = arena_copy(k->arena, account);
    k->balance = *balance;
    k->ends_at = ends_at;
}

static void find_window(struct task *k, const struct budget *b)
{
    window_at(&b->window, k->now, &k->start, &k->end);
    k->endless = !k->end;
    if (k->endless)
        k->start = k->now - ENDLESS_MS;
}

/* A pattern that is a name. The model is none of these: a row may have another than was asked for. */
static struct span named(const struct budget *b, enum dimension what)
{
    for (size_t i = 0; i < b->filter_count; i++)
        if (b->filters[i].what == what && !b->filters[i].name.at && span_find(b->filters[i].pattern, SPAN("*")) < 0)
            return b->filters[i].pattern;
    return SPAN_NONE;
}

static void find_filter(struct task *k, const struct budget *b, const struct snapshot *s)
{
    struct span rest = b->id, id = b->id, name = b->owner, kind = b->owner;
    k->filter = (struct call_filter){ .vendor = named(b, DIMENSION_VENDOR), .operation = named(b, DIMENSION_OPERATION), .limit = PAGE };
    (void)span_cut(&rest, '/', &id);
    if (map_get(&s->key_by_id, id))
        k->filter.key = id;
    else if (span_cut(&name, ':', &kind) && span_is(kind, SPAN("workspace")))
        k->filter.workspace = name;
}

/* ---- its curve ---- */

static void read_budget(struct task *k, struct json_value budget, struct moment *m)
{
    int64_t n;
    struct span spent = json_string(json_member(budget, SPAN("spent")));
    if (!span_is(json_string(json_member(budget, SPAN("budget"))), k->id))
        return;
    m->known = spent.at ? money_parse(spent, &m->spent) : json_integer(json_member(budget, SPAN("spent")), &n);
    if (m->known && !spent.at)
        m->spent = n;
}

static void visit_row(void *self, uint64_t row, struct span text)
{
    struct task *k = self;
    struct json_value root, item;
    struct span name;
    const char *why;
    (void)row;
    if (k->looking->known || span_find(text, k->id) < 0 || json_parse(k->json, text, true, &root, &why) != E_OK)
        return;
    for (struct json_iter it = json_iter(json_member(root, SPAN("budgets"))); json_next(&it, &name, &item);)
        read_budget(k, item, k->looking);
}

/* The newest row of [from, m->at) that says something of the budget. */
static enum err look_back(struct task *k, struct store_reader *r, int64_t from, struct moment *m)
{
    struct call_filter f = k->filter;
    uint64_t next = 1;
    enum err e = E_OK;
    f.from = from;
    f.to = m->at;
    k->looking = m;
    for (int i = 0; !e && next && !m->known && i < PAGES; i++) {
        e = store_page(r, &f, visit_row, k, &next);
        f.before = next;
    }
    m->lost = !m->known && next;
    return e;
}

/* Where no row says anything, nothing had changed since the moment before. */
static enum err draw(struct task *k, struct store_reader *r)
{
    enum err e = E_OK;
    int64_t last = k->endless ? 0 : k->start;
    for (int i = 0; !e && i < MOMENTS; i++) {
        struct moment *m = &k->moments[i];
        m->at = k->start + (k->now - k->start) * (i + 1) / MOMENTS;
        if (last < m->at)
            e = look_back(k, r, last, m);
        if (i && !m->known && !m->lost) {
            m->spent = k->moments[i - 1].spent;
            m->known = k->moments[i - 1].known;
            m->lost = k->moments[i - 1].lost;
        }
        last = m->at;
    }
    return e;
}

/* ---- the answer ---- */

/* What no row told is nothing, where the window began at nothing and all its rows were looked at; else nobody knows. */
static void put_point(struct json_out *o, const struct task *k, const struct budget *b, int i)
{
    const struct moment *m = &k->moments[i];
    int64_t spent = i == MOMENTS - 1 ? k->balance.settled : m->known ? m->spent : 0;
    if (i < MOMENTS - 1 && !m->known && (m->lost || k->endless))
        json_put_null(o);
    else if (b->unit == UNIT_USD)
        json_put_money(o, spent);
    else
        json_put_i64(o, spent);
}

static void put_series(struct json_out *o, const struct task *k, const struct budget *b)
{
    json_name(o, SPAN("series"));
    json_open(o, '{');
    json_name(o, SPAN("at"));
    json_open(o, '[');
    for (int i = 0; k->count == 1 && i < MOMENTS; i++)
        json_put_time(o, k->moments[i].at);
    json_close(o, ']');
    json_name(o, SPAN("spent"));
    json_open(o, '[');
    for (int i = 0; k->count == 1 && i < MOMENTS; i++)
        put_point(o, k, b, i);
    json_close(o, ']');
    json_close(o, '}');
}

/* From where on the speed is measured: false: there is no such point. */
static bool find_base(const struct task *k, int64_t *at, int64_t *spent)
{
    *at = k->start;
    *spent = 0;
    for (int i = 0; k->endless && i < MOMENTS - 1; i++)
        if (k->moments[i].known) {
            *at = k->moments[i].at;
            *spent = k->moments[i].spent;
            return true;
        }
    return !k->endless;
}

static void put_speed(struct json_out *o, const struct task *k, const struct budget *b, int64_t limit)
{
    int64_t at, before;
    int64_t passed = k->now - k->start, left = k->end > k->now && b->window.kind != WINDOW_ROLLING ? k->end - k->now : 0;
    int64_t spent = k->balance.settled > 0 ? k->balance.settled : 0;
    bool money = b->unit == UNIT_USD;
    if (find_base(k, &at, &before))
        json_pair_amount(o, SPAN("per_hour"), money, k->now > at && spent > before ? money_mul_div_near(spent - before, HOUR_MS, k->now - at) : 0);
    else
        json_pair(o, SPAN("per_hour"), SPAN_NONE);
    json_pair_time(o, SPAN("full_at"), budget_full_at(b, &k->balance, k->ends_at, limit, k->now));
    if (left && passed > 0)
        json_pair_amount(o, SPAN("at_end"), money, money_add(spent, money_mul_div_near(spent, left, passed)));
    else
        json_pair(o, SPAN("at_end"), SPAN_NONE);
}

static void put_answer(struct json_out *o, const struct task *k, const struct budget *b)
{
    int64_t limit = budget_limit(b, k->now), used = money_add(k->balance.settled, k->balance.reserved);
    json_open(o, '{');
    json_pair(o, SPAN("budget"), b->id);
    json_pair(o, SPAN("owner"), b->owner);
    json_pair(o, SPAN("account"), k->account);
    json_pair_i64(o, SPAN("account_count"), k->count);
    json_pair(o, SPAN("unit"), unit_name(b->unit));
    bool money = b->unit == UNIT_USD;
    json_pair_amount(o, SPAN("limit"), money, limit);
    json_pair_amount(o, SPAN("spent"), money, k->balance.settled);
    json_pair_amount(o, SPAN("reserved"), money, k->balance.reserved);
    json_pair_amount(o, SPAN("remaining"), money, limit > used ? limit - used : 0);
    json_pair(o, SPAN("window"), b->window_text);
    json_pair_time(o, SPAN("window_start"), k->start);
    json_pair_time(o, SPAN("resets_at"), k->end);
    put_series(o, k, b);
    put_speed(o, k, b, limit);
    json_close(o, '}');
}

static void foresee(struct visit *v, struct store_reader *r)
{
    struct task *k = v->mine;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct budget *b = snapshot_budget(s, k->id);
    k->arena = &v->arena;
    k->json = b ? json_new() : NULL;
    if (k->json) {
        find_window(k, b);
        find_filter(k, b, s);
        ledger_each(books_ledger(v->admin->parts.books), look, k);
        if (k->count == 1)
            v->result = draw(k, r);
        put_answer(&v->json, k, b);
    } else {
        v->result = b ? E_NO_MEMORY : E_IO; /* it was there a moment ago */
    }
    json_free(k->json);
    snapshot_drop(s);
}

void budgets_forecast(struct visit *v)
{
    struct task *k = v->mine = ARENA_NEW(&v->arena, struct task);
    if (!k) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    k->now = clock_unix_ms();
    k->wanted = query_get(v, "account");
    k->id = budgets_find(v);
    if (k->id.at)
        visit_read(v, foresee, reply_read);
}
