/* SPDX-License-Identifier: Apache-2.0
 * row.c - the audit row of a call as JSON: the fields of the contract (docs/audit.md), in its order.
 *
 * Written twice: before the call is forwarded, as far as it is known (a crash may leave no more than that), and whole when
 * it is over. Never a secret, never a body. */
#include "flow/steps.h"

static void put_identity(const struct exchange *x, struct json_out *o)
{
    const struct key *key = x->deciding.key;
    const struct facts *f = &x->facts;
    json_pair(o, SPAN("id"), span_make(x->id_text, CALL_ID_TEXT));
    json_pair_time(o, SPAN("at"), x->times.began_ms);
    json_pair(o, SPAN("workspace"), f->workspace);
    json_pair(o, SPAN("key"), f->key_id);
    json_pair(o, SPAN("key_name"), key ? key->name : SPAN_NONE);
    json_pair(o, SPAN("user"), f->user);
    json_pair(o, SPAN("run"), f->run);
    json_pair(o, SPAN("step"), f->step);
    json_pair(o, SPAN("vendor"), f->vendor);
    json_pair(o, SPAN("operation"), f->operation);
    json_pair(o, SPAN("method"), x->asking.head ? x->asking.head->method : SPAN_NONE);
    json_pair(o, SPAN("path"), span_first(x->asking.path, 1024));
    json_pair(o, SPAN("model_requested"), f->model);
    json_pair(o, SPAN("caller_address"), x->asking.peer);
    json_pair(o, SPAN("policy_version"), key ? key->policy->version : SPAN_NONE);
    json_pair(o, SPAN("route"), SPAN("single"));
    json_pair(o, SPAN("credential"), x->deciding.credential ? x->deciding.credential->name : SPAN_NONE);
    json_pair(o, SPAN("idempotency"), span_first(x->asking.idempotency, 255));
    json_pair_raw(o, SPAN("metadata"), x->asking.metadata.at ? x->asking.metadata : SPAN("{}"));
    json_pair(o, SPAN("price_snapshot"), is_llm(x) ? price_book_id(x->snapshot->prices) : SPAN_NONE);
    if (x->facts.cost_known)
        json_pair_money(o, SPAN("reserved_usd"), x->charging.reserved || x->fault == E_OK ? f->worst[UNIT_USD] : 0);
}

static void put_scopes(const struct exchange *x, struct json_out *o)
{
    const struct facts *f = &x->facts;
    json_name(o, SPAN("scopes"));
    json_open(o, '{');
    for (size_t i = 0; i < f->scope_count; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = span_is(f->scopes[k].name, f->scopes[i].name);
        if (seen)
            continue;
        json_name(o, f->scopes[i].name);
        json_open(o, '[');
        for (size_t k = i; k < f->scope_count; k++)
            if (span_is(f->scopes[k].name, f->scopes[i].name))
                json_put_string(o, f->scopes[k].value);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static const char *const verdict_names[] = { "allowed", "denied", "error", "in_doubt" };

static void put_verdict(const struct exchange *x, struct json_out *o)
{
    json_pair(o, SPAN("model"), x->answering.usage.model.at ? x->answering.usage.model : x->facts.model);
    json_pair_i64(o, SPAN("status"), x->fault != E_OK && !x->answering.began ? x->answering.status : x->answering.head ? x->answering.head->status : 0);
    json_pair(o, SPAN("verdict"), span_of(verdict_names[verdict_of(x)]));
    json_pair(o, SPAN("denied"), x->fault == E_OK ? SPAN_NONE : err_code(x->fault));
    json_pair(o, SPAN("reason"), x->why);
    json_pair(o, SPAN("rule"), x->rule);
}

static int64_t ms_between(int64_t from_ns, int64_t to_ns) { return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000000 : 0; }

static void put_attempts(const struct exchange *x, struct json_out *o)
{
    const struct world *w = x->desk->world;
    int64_t end = x->times.upstream_end_ns ? x->times.upstream_end_ns : w->monotonic_ns(w->self);
    json_name(o, SPAN("attempts"));
    json_open(o, '[');
    for (size_t i = 0; i < x->attempt_count; i++) {
        bool last = i + 1 == x->attempt_count;
        json_open(o, '{');
        json_pair(o, SPAN("vendor"), x->facts.vendor);
        json_pair(o, SPAN("model"), x->facts.model);
        json_pair_i64(o, SPAN("status"), x->attempts[i].status);
        json_pair_i64(o, SPAN("ms"), ms_between(x->attempts[i].started_ns, last ? end : x->attempts[i + 1].started_ns));
        json_pair_money(o, SPAN("cost_usd"), last ? x->charging.cost : 0);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_cost(const struct exchange *x, struct json_out *o)
{
    const struct charging *c = &x->charging;
    const struct usage *u = &x->answering.usage;
    if (c->priced)
        json_pair_money(o, SPAN("cost_usd"), c->cost);
    else
        json_pair_raw(o, SPAN("cost_usd"), SPAN_NONE);
    json_pair_bool(o, SPAN("settled"), !c->kept && !c->estimated);
    json_pair_bool(o, SPAN("estimated"), c->estimated);
    json_pair_bool(o, SPAN("replayed"), c->replayed);
    json_pair_raw(o, SPAN("usage"), u->raw);
    json_pair_i64(o, SPAN("input_tokens"), u->input_total);
    json_pair_i64(o, SPAN("output_tokens"), u->output_total);
    json_pair_i64(o, SPAN("cached_tokens"), u->tokens[METER_CACHE_READ] + u->tokens[METER_AUDIO_CACHE_READ] + u->tokens[METER_IMAGE_CACHE_READ]);
    json_pair_i64(o, SPAN("reasoning_tokens"), u->tokens[METER_REASON]);
    if (c->output_limit >= 0)
        json_pair_i64(o, SPAN("output_limit_set"), c->output_limit);
    json_pair(o, SPAN("upstream_request_id"), x->answering.request_id);
    json_pair(o, SPAN("upstream_object_id"), x->answering.settled.object_id);
    json_pair(o, SPAN("cache"), SPAN("off"));
}

static void put_amount(struct json_out *o, struct span name, enum unit unit, int64_t amount)
{
    json_name(o, name);
    if (unit == UNIT_USD)
        json_put_money(o, amount);
    else
        json_put_i64(o, amount);
}

static void put_budgets(const struct exchange *x, struct json_out *o)
{
    const struct charging *c = &x->charging;
    json_name(o, SPAN("budgets"));
    json_open(o, '[');
    for (size_t i = 0; i < c->count && c->wants[i].account.at; i++) {
        const struct ledger_balance *b = &c->after[i];
        enum unit unit = c->budgets[i]->unit;
        json_open(o, '{');
        json_pair(o, SPAN("budget"), c->budgets[i]->id);
        json_pair(o, SPAN("account"), c->wants[i].account);
        json_pair(o, SPAN("unit"), unit_name(unit));
        put_amount(o, SPAN("limit"), unit, b->limit);
        put_amount(o, SPAN("spent"), unit, b->settled);
        put_amount(o, SPAN("reserved"), unit, b->reserved);
        json_pair_time(o, SPAN("resets_at"), c->wants[i].resets_at);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_times(const struct exchange *x, struct json_out *o)
{
    const struct world *w = x->desk->world;
    const struct times *t = &x->times;
    int64_t now = w->monotonic_ns(w->self);
    json_pair_i64(o, SPAN("latency_ms"), ms_between(t->began_ns, now));
    json_pair_i64(o, SPAN("upstream_ms"), ms_between(t->sent_ns, t->upstream_end_ns ? t->upstream_end_ns : now));
    json_pair_i64(o, SPAN("first_byte_ms"), ms_between(t->began_ns, t->first_byte_ns ? t->first_byte_ns : now));
    json_pair_i64(o, SPAN("gate_us"), (now - t->began_ns - (t->sent_ns ? (t->upstream_end_ns ? t->upstream_end_ns : now) - t->sent_ns : 0)) / 1000);
}

void write_row(struct exchange *x, struct buf *out, bool final)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    put_identity(x, &o);
    put_scopes(x, &o);
    if (final) {
        put_verdict(x, &o);
        put_attempts(x, &o);
        put_cost(x, &o);
        put_times(x, &o);
        put_budgets(x, &o);
    }
    json_close(&o, '}');
}
