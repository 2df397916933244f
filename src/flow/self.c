/* SPDX-License-Identifier: Apache-2.0
 * self.c - GET /v1/tollgate/self: what a key may still spend, told to whoever holds it. An agent that knows its allowance plans with it.
 *
 * It is no call: nothing is forwarded, nothing is held, no row is written for an answer (a key that is refused leaves one, as anywhere).
 * A key that is stopped may ask, too: it is told by what. */
#include "flow/local.h"
#include "flow/steps.h"


#define SELF_PATH "/v1/tollgate/self"

bool self_is_asked(const struct http_head *head, const char *tag)
{
    struct span rest = head->target, path = head->target;
    if (tag) /* a vendor's own listener */
        return false;
    (void)span_cut(&rest, '?', &path);
    if (span_starts(path, SPAN("/r/"))) {
        struct span run, after = span_from(path, 3);
        path = span_cut(&after, '/', &run) ? span_make(after.at - 1, after.len + 1) : path;
    }
    return span_is(path, SPAN(SELF_PATH));
}

/* ---- what is told ---- */

static bool known_now(const struct budget *b, const struct facts *f)
{
    for (size_t i = 0; i < b->per_count; i++) {
        enum dimension what = b->per[i].what;
        bool known = what == DIMENSION_KEY || what == DIMENSION_USER || what == DIMENSION_TEAM || what == DIMENSION_WORKSPACE || (what == DIMENSION_RUN && f->run.at);
        if (!known)
            return false;
    }
    return b->window.kind != WINDOW_RUN || f->run.at;
}

static void put_balance(struct exchange *x, struct json_out *o, const struct budget *b)
{
    struct budget_account account;
    struct ledger_balance now = { .settled = 0 };
    int64_t limit = budget_limit(b, x->times.began_ms);
    bool known = known_now(b, &x->facts) && budget_accounts(b, &x->facts, x->times.began_ms, &x->arena, &account, 1) > 0;
    bool money = b->unit == UNIT_USD;
    json_pair_amount_usd(o, SPAN("limit"), money, limit);
    json_pair_bool(o, SPAN("known"), known); /* else its account depends on the call: on its model, or a run that was not named */
    if (!known)
        return;
    (void)ledger_balance(x->desk->ledger, account.name, account.slot, &now);
    int64_t used = money_add(now.settled > 0 ? now.settled : 0, now.reserved);
    json_pair_amount_usd(o, SPAN("spent"), money, now.settled);
    json_pair_amount_usd(o, SPAN("reserved"), money, now.reserved);
    json_pair_amount_usd(o, SPAN("remaining"), money, limit > used ? limit - used : 0);
    json_pair_time(o, SPAN("resets_at"), window_frees(&b->window, now.oldest, account.resets_at));
}

static void put_filters(struct json_out *o, const struct budget *b)
{
    json_name(o, SPAN("counts"));
    json_open(o, '{');
    for (size_t i = 0; i < b->filter_count; i++)
        json_pair(o, b->filters[i].name.len ? b->filters[i].name : dimension_name(b->filters[i].what), b->filters[i].pattern);
    json_close(o, '}');
}

static void put_budgets(struct exchange *x, struct json_out *o)
{
    const struct key *key = x->deciding.key;
    json_name(o, SPAN("budgets"));
    json_open(o, '[');
    for (size_t i = 0; i < key->budget_count; i++) {
        const struct budget *b = key->budgets[i];
        json_open(o, '{');
        json_pair(o, SPAN("budget"), b->id);
        json_pair(o, SPAN("unit"), unit_name(b->unit));
        json_pair(o, SPAN("window"), b->window_text);
        json_pair_bool(o, SPAN("soft"), b->soft);
        put_filters(o, b);
        put_balance(x, o, b);
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* The stop that would refuse a write of this key now; each of its vendors may be stopped besides. */
static void put_stop(struct json_out *o, const struct stop *stop)
{
    json_open(o, '{');
    json_pair(o, SPAN("kind"), stop_kind_name(stop->kind));
    json_pair(o, SPAN("value"), stop->value);
    json_pair(o, SPAN("reason"), stop->reason);
    json_pair_bool(o, SPAN("writes_only"), stop->writes_only);
    json_pair_time(o, SPAN("expires_at"), stop->expires_at);
    json_close(o, '}');
}

static void put_stops(struct exchange *x, struct json_out *o)
{
    const struct key *key = x->deciding.key;
    struct facts f = x->facts;
    f.writes = true;
    f.vendor = SPAN_NONE;
    const struct stop *whole = stop_set_match(x->desk->stops, &f, x->times.began_ms);
    json_name(o, SPAN("stops"));
    json_open(o, '[');
    if (whole)
        put_stop(o, whole);
    for (size_t i = 0; !whole && i < key->credential_count; i++) {
        f.vendor = key->credentials[i]->upstream->vendor.slug;
        const struct stop *stop = i && key->credentials[i]->upstream == key->credentials[i - 1]->upstream ? NULL : stop_set_match(x->desk->stops, &f, x->times.began_ms);
        if (stop)
            put_stop(o, stop);
    }
    json_close(o, ']');
}

/* ---- the step ---- */

enum next tell_self(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    struct json_out o = json_out(&x->answering.body);
    x->facts.operation = SPAN("tollgate.self");
    if (!span_is(x->asking.head->method, SPAN("GET")))
        return fail(x, E_METHOD_UNKNOWN, SELF_PATH " is read by GET");
    if (come_from_there(x) == STOP)
        return STOP;
    json_open(&o, '{');
    json_pair(&o, SPAN("key"), key->id);
    json_pair(&o, SPAN("name"), key->name);
    json_pair(&o, SPAN("workspace"), key->workspace);
    json_pair(&o, SPAN("policy"), key->policy->name);
    json_pair_time(&o, SPAN("expires_at"), key->expires_at);
    json_pair_bool(&o, SPAN("dry_run"), key->dry_run);
    json_pair(&o, SPAN("run"), x->facts.run);
    put_budgets(x, &o);
    put_stops(x, &o);
    json_close(&o, '}');
    return answer_local(x);
}
