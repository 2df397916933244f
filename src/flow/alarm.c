/* SPDX-License-Identifier: Apache-2.0
 * alarm.c - what operators are told of a call, once each: budgets that passed a mark, a speed that will pass one, a brake, a doubt, a
 * key in the wrong place.
 *
 * An alert is a note in the journal under a name; the store puts it into its outbox unless one of that name was there, so that
 * a restart tells nothing twice; src/alert carries it on. An account remembers in memory what was told of it (ledger_mark), so
 * that most calls ask no more than that. docs/alerts.md has the JSON. */
#include "flow/steps.h"

#include "base/log.h"
#include "base/text.h"

enum { FORECAST_BIT = 30, REFUSED_BIT = 31, FORECAST_PART = 10 /* of the window must have passed */, HOUR_MS = 60 * 60 * 1000 };
#define KEEP_MS (INT64_C(35) * 24 * 60 * 60 * 1000) /* names of alerts on what never ends are remembered as long */

static void put_note(struct exchange *x, struct span name, int64_t until)
{
    const struct world *w = x->desk->world;
    struct journal_note note = { .what = NOTE_ALERT, .call = x->id, .at = x->times.began_ms, .until = until, .name = name,
        .bytes = buf_span(&x->desk->scratch) };
    if (!name.at || x->desk->scratch.broken || w->put_note(w->self, &note) != E_OK)
        log_warn("flow", "an alert could not be kept: %.*s", SPAN_ARG(name));
}

static struct json_out begin(struct exchange *x, struct span event, struct span text)
{
    buf_clear(&x->desk->scratch);
    struct json_out o = json_out(&x->desk->scratch);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), event);
    json_pair_time(&o, SPAN("at"), x->times.began_ms);
    json_pair(&o, SPAN("text"), text);
    json_pair(&o, SPAN("call"), span_make(x->id_text, CALL_ID_TEXT));
    json_pair(&o, SPAN("workspace"), x->facts.workspace);
    json_pair(&o, SPAN("key"), x->facts.key_id);
    json_pair(&o, SPAN("key_name"), x->deciding.key ? x->deciding.key->name : SPAN_NONE);
    json_pair(&o, SPAN("run"), x->facts.run);
    json_pair(&o, SPAN("vendor"), x->facts.vendor);
    json_pair(&o, SPAN("operation"), x->facts.operation);
    return o;
}

static struct span amount_text(struct exchange *x, const struct budget *b, int64_t amount)
{
    char text[MONEY_TEXT];
    if (b->unit == UNIT_USD)
        return arena_copy(&x->arena, money_text(amount, text));
    return arena_print(&x->arena, "%lld", (long long)amount);
}

static void put_budget(struct exchange *x, struct json_out *o, size_t line, const struct ledger_balance *now)
{
    const struct charging *c = &x->charging;
    const struct budget *b = c->budgets[line];
    json_pair(o, SPAN("budget"), b->id);
    json_pair(o, SPAN("owner"), b->owner);
    json_pair(o, SPAN("account"), c->wants[line].account);
    json_pair(o, SPAN("unit"), unit_name(b->unit));
    bool money = b->unit == UNIT_USD;
    json_pair_amount(o, SPAN("limit"), money, c->wants[line].limit);
    json_pair_amount(o, SPAN("spent"), money, now->settled);
    json_pair_amount(o, SPAN("reserved"), money, now->reserved);
    json_pair_time(o, SPAN("resets_at"), c->resets_at[line]);
}

/* A rolling account lives for ever, so its marks are told anew each time its window has passed. */
static struct span alert_name(struct exchange *x, const char *what, size_t line)
{
    const struct charging *c = &x->charging;
    int64_t slot = c->wants[line].slot;
    if (slot < 0)
        return arena_print(&x->arena, "%s/%.*s", what, SPAN_ARG(c->wants[line].account));
    return arena_print(&x->arena, "%s/%.*s|%lld", what, SPAN_ARG(c->wants[line].account), (long long)(slot / WINDOW_SLOTS));
}

static int64_t remembered(struct exchange *x, size_t line)
{
    int64_t ends_at = x->charging.wants[line].ends_at;
    return ends_at ? ends_at : x->times.began_ms + KEEP_MS;
}

/* "The budget of key:support-agent over 100 usd per day": what people call it. */
static struct span called(struct exchange *x, size_t line)
{
    const struct budget *b = x->charging.budgets[line];
    return arena_print(&x->arena, "The budget of %.*s over %.*s %.*s per %.*s", SPAN_ARG(b->owner), SPAN_ARG(amount_text(x, b, x->charging.wants[line].limit)),
        SPAN_ARG(unit_name(b->unit)), SPAN_ARG(b->window_text));
}

/* What is left of the limit, at the average speed of this window so far; 0: not before its end, or it has none. */
static int64_t used_up_at(const struct exchange *x, size_t line, const struct ledger_balance *now)
{
    int64_t start, end, at = x->times.began_ms, limit = x->charging.wants[line].limit;
    window_at(&x->charging.budgets[line]->window, at, &start, &end);
    if (end <= start || at <= start || now->settled <= 0 || now->settled >= limit)
        return 0;
    int64_t full = start + money_mul_div_up(at - start, limit, now->settled);
    return full < end ? full : 0;
}

static void tell_threshold(struct exchange *x, size_t line, int percent, const struct ledger_balance *now)
{
    char what[32], when[TIME_TEXT];
    const struct budget *b = x->charging.budgets[line];
    int64_t full_at = b->window.kind == WINDOW_ROLLING ? 0 : used_up_at(x, line, now);
    struct span text = arena_print(&x->arena, "%.*s has reached %d %%: %.*s %.*s are spent.", SPAN_ARG(called(x, line)), percent,
        SPAN_ARG(amount_text(x, b, now->settled)), SPAN_ARG(unit_name(b->unit)));
    if (full_at)
        text = arena_print(&x->arena, "%.*s At this speed all of it is used up at %.*s.", SPAN_ARG(text), SPAN_ARG(text_time(full_at, when)));
    struct json_out o = begin(x, SPAN("threshold"), text);
    json_pair_i64(&o, SPAN("percent"), percent);
    json_pair_time(&o, SPAN("full_at"), full_at);
    put_budget(x, &o, line, now);
    json_close(&o, '}');
    snprintf(what, sizeof(what), "threshold/%d", percent);
    put_note(x, alert_name(x, what, line), remembered(x, line));
}

/* When the limit will be reached at the average speed of this window; 0: not before it ends, or not to be told yet. Who has
 * spent no more than that part of the limit is not going to pass it: so most calls do not look at the calendar. */
static int64_t forecast(const struct exchange *x, size_t line, const struct ledger_balance *now)
{
    int64_t start, end, at = x->times.began_ms, limit = x->charging.wants[line].limit;
    if (now->settled <= limit / FORECAST_PART)
        return 0;
    window_at(&x->charging.budgets[line]->window, at, &start, &end);
    return end > start && at - start >= (end - start) / FORECAST_PART ? used_up_at(x, line, now) : 0;
}

static void tell_forecast(struct exchange *x, size_t line, int64_t full_at, const struct ledger_balance *now)
{
    char when[TIME_TEXT];
    const struct budget *b = x->charging.budgets[line];
    struct span text = arena_print(&x->arena, "%.*s will be used up at %.*s if spending goes on like this: %.*s %.*s are spent.", SPAN_ARG(called(x, line)),
        SPAN_ARG(text_time(full_at, when)), SPAN_ARG(amount_text(x, b, now->settled)), SPAN_ARG(unit_name(b->unit)));
    struct json_out o = begin(x, SPAN("forecast"), text);
    json_pair_time(&o, SPAN("full_at"), full_at);
    put_budget(x, &o, line, now);
    json_close(&o, '}');
    put_note(x, alert_name(x, "forecast", line), remembered(x, line));
}

/* Parts of the limit as bits, in the order of the budget's list. */
static uint32_t reached(const struct budget *b, int64_t limit, int64_t settled)
{
    uint32_t bits = 0;
    if (settled <= 0 || (b->alert_count && settled < limit / 100 * b->alerts[0]))
        return 0;
    for (size_t i = 0; i < b->alert_count; i++)
        if (settled >= money_mul_div_up(limit, b->alerts[i], 100))
            bits |= UINT32_C(1) << i;
    return bits;
}

static void tell_line(struct exchange *x, size_t line)
{
    const struct budget *b = x->charging.budgets[line];
    const struct ledger_want *want = &x->charging.wants[line];
    const struct ledger_balance *now = &x->charging.after[line];
    uint32_t bits = reached(b, want->limit, now->settled);
    int64_t full_at = b->forecast ? forecast(x, line, now) : 0;
    if (full_at)
        bits |= UINT32_C(1) << FORECAST_BIT;
    uint32_t fresh = bits ? ledger_mark(x->desk->ledger, want->account, bits) : 0;
    for (size_t i = 0; i < b->alert_count; i++)
        if (fresh & UINT32_C(1) << i)
            tell_threshold(x, line, b->alerts[i], now);
    if (fresh & UINT32_C(1) << FORECAST_BIT)
        tell_forecast(x, line, full_at, now);
}

void tell_budgets(struct exchange *x)
{
    for (size_t i = 0; i < x->charging.count; i++)
        if (x->charging.budgets[i]->alert_count || x->charging.budgets[i]->forecast)
            tell_line(x, i);
}

/* A cap may refuse calls long before the last cent is spent: what is left is too little for them. */
void tell_refusal(struct exchange *x)
{
    const struct ledger_refusal *r = &x->charging.refusal;
    const struct budget *b = x->charging.budgets[r->line];
    const struct ledger_balance now = { .limit = r->limit, .settled = r->settled, .reserved = r->reserved };
    if (!b->alert_count || x->fault != E_BUDGET_EXCEEDED)
        return;
    if (!ledger_mark(x->desk->ledger, x->charging.wants[r->line].account, UINT32_C(1) << REFUSED_BIT))
        return;
    struct span text = arena_print(&x->arena, "%.*s refuses calls: %.*s are spent, %.*s reserved, and a call needs %.*s.", SPAN_ARG(called(x, r->line)),
        SPAN_ARG(amount_text(x, b, r->settled)), SPAN_ARG(amount_text(x, b, r->reserved)), SPAN_ARG(amount_text(x, b, r->attempted)));
    struct json_out o = begin(x, SPAN("threshold"), text);
    json_pair_i64(&o, SPAN("percent"), 100);
    json_pair_bool(&o, SPAN("refused"), true);
    put_budget(x, &o, r->line, &now);
    json_close(&o, '}');
    put_note(x, alert_name(x, "refused", r->line), remembered(x, r->line));
}

/* Whether this is to be told: once in an hour, since a loop would fill a mailbox. */
static bool new_this_hour(struct exchange *x, struct span name)
{
    if (!name.at || brakes_seen(x->desk->brakes, name, HOUR_MS, x->times.began_ms))
        return false;
    (void)brakes_add(x->desk->brakes, name, HOUR_MS, 1, x->times.began_ms);
    return true;
}

/* Once for a rule, a subject and an hour. */
void tell_brake(struct exchange *x, const struct brake_rule *rule, struct span subject, struct span text)
{
    struct span name = arena_print(&x->arena, "brake/%.*s/%.*s/%.*s/%lld", SPAN_ARG(x->deciding.key->policy->name), SPAN_ARG(rule->text), SPAN_ARG(subject),
        (long long)(x->times.began_ms / HOUR_MS));
    if (!new_this_hour(x, name))
        return;
    struct json_out o = begin(x, SPAN("brake"), text);
    json_pair(&o, SPAN("rule"), rule->text);
    json_pair(&o, SPAN("policy"), x->deciding.key->policy->name);
    json_pair(&o, SPAN("action"), brake_action_name(rule->action));
    json_pair(&o, SPAN("subject"), subject);
    json_close(&o, '}');
    put_note(x, name, x->times.began_ms + KEEP_MS);
}

/* Once for a key and an hour, from wherever it is: who holds a stolen key may have many addresses. */
void tell_address(struct exchange *x)
{
    struct span name = arena_print(&x->arena, "address/%.*s/%lld", SPAN_ARG(x->facts.key_id), (long long)(x->times.began_ms / HOUR_MS));
    if (!new_this_hour(x, name))
        return;
    struct span text = arena_print(&x->arena, "The key %.*s was used from %.*s, which is none of its addresses, and refused. If that was none of you, the key has leaked: rotate it.",
        SPAN_ARG(x->deciding.key->name), SPAN_ARG(x->asking.peer));
    struct json_out o = begin(x, SPAN("address"), text);
    json_pair(&o, SPAN("address"), x->asking.peer);
    json_close(&o, '}');
    put_note(x, name, x->times.began_ms + KEEP_MS);
}

/* Once for a credential and an hour: every call that follows is told the same. */
void tell_credit(struct exchange *x, int status)
{
    struct span credential = x->deciding.credential->name, vendor = x->facts.vendor;
    struct span name = arena_print(&x->arena, "credit/%.*s/%.*s/%lld", SPAN_ARG(vendor), SPAN_ARG(credential), (long long)(x->times.began_ms / HOUR_MS));
    if (!new_this_hour(x, name))
        return;
    struct span text = arena_print(&x->arena, "%.*s says that the account of credential %.*s has no money left (status %d). Its calls fail until somebody pays in.", SPAN_ARG(vendor),
        SPAN_ARG(credential), status);
    struct json_out o = begin(x, SPAN("credit"), text);
    json_pair(&o, SPAN("credential"), credential);
    json_pair_i64(&o, SPAN("status"), status);
    json_close(&o, '}');
    put_note(x, name, x->times.began_ms + KEEP_MS);
}

void tell_doubt(struct exchange *x)
{
    struct span text = arena_print(&x->arena, "The outcome of %s (%.*s) is not known: it was sent, and no answer tells what became of it. %.*s usd stay reserved.",
        x->id_text, SPAN_ARG(x->facts.operation), SPAN_ARG(amount_text(x, &(struct budget){ .unit = UNIT_USD }, x->facts.worst[UNIT_USD])));
    struct json_out o = begin(x, SPAN("doubt"), text);
    json_pair_money(&o, SPAN("reserved_usd"), x->facts.worst[UNIT_USD]);
    json_pair_bool(&o, SPAN("asked_again"), operation_of(x)->idempotent || operation_of(x)->look_up);
    json_close(&o, '}');
    put_note(x, arena_print(&x->arena, "doubt/%s", x->id_text), x->times.began_ms + KEEP_MS);
}

void tell_approval(struct exchange *x, const struct approval *a)
{
    char until[TIME_TEXT];
    struct span most = a->most < 0 ? SPAN("an unknown amount") : arena_print(&x->arena, "up to %.*s usd", SPAN_ARG(amount_text(x, &(struct budget){ .unit = UNIT_USD }, a->most)));
    struct span text = arena_print(&x->arena, "%.*s waits for approval: %.*s%s%.*s%s%.*s%s%.*s. Decide until %.*s: tollgate approval approve %s (or refuse).", SPAN_ARG(a->operation),
        SPAN_ARG(most), a->customer.len ? " for " : "", SPAN_ARG(a->customer), a->run.len ? ", run " : "", SPAN_ARG(a->run), a->reason.len ? ", because: " : "",
        SPAN_ARG(span_first(a->reason, 300)), SPAN_ARG(text_time(a->until, until)), a->id);
    struct json_out o = begin(x, SPAN("approval"), text);
    json_name(&o, SPAN("approval"));
    approval_write(a, &o);
    json_close(&o, '}');
    put_note(x, arena_print(&x->arena, "approval/%s", a->id), x->times.began_ms + KEEP_MS);
}
