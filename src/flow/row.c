/* SPDX-License-Identifier: Apache-2.0
 * row.c - the audit row of a call: what is known of it, in the fields of rules/row.h.
 *
 * Written twice: before the call is forwarded, as far as it is known (a crash may leave no more than that), and whole when
 * it is over. Never a secret, never a body. */
#include "rules/row.h"

#include "flow/steps.h"

enum { PATH_MOST = 1024, IDEMPOTENCY_MOST = 255 };

static void put_identity(const struct exchange *x, struct row_out *o)
{
    const struct key *key = x->deciding.key;
    const struct facts *f = &x->facts;
    row_number(o, ROW_ID, (int64_t)x->id);
    row_number(o, ROW_AT, x->times.began_ms);
    row_text(o, ROW_WORKSPACE, f->workspace);
    row_text(o, ROW_KEY, f->key_id);
    row_text(o, ROW_KEY_NAME, key ? key->name : SPAN_NONE);
    row_text(o, ROW_USER, f->user);
    row_text(o, ROW_RUN, f->run);
    row_text(o, ROW_STEP, f->step);
    row_text(o, ROW_VENDOR, f->vendor);
    row_text(o, ROW_OPERATION, f->operation);
    row_text(o, ROW_METHOD, x->asking.head ? x->asking.head->method : SPAN_NONE);
    row_text(o, ROW_PATH, span_first(x->asking.path, PATH_MOST));
    row_text(o, ROW_MODEL_REQUESTED, f->model);
    row_text(o, ROW_ADDRESS, x->asking.peer);
    row_text(o, ROW_POLICY_VERSION, key ? key->policy->version : SPAN_NONE);
    row_text(o, ROW_ROUTE, SPAN("single"));
    row_text(o, ROW_CREDENTIAL, x->deciding.credential ? x->deciding.credential->name : SPAN_NONE);
    row_text(o, ROW_IDEMPOTENCY, span_first(x->asking.idempotency, IDEMPOTENCY_MOST));
    row_text(o, ROW_METADATA, x->asking.metadata);
    row_text(o, ROW_PRICE_SNAPSHOT, is_llm(x) ? price_book_id(x->snapshot->prices) : SPAN_NONE);
    if (f->cost_known)
        row_number(o, ROW_RESERVED, x->charging.reserved || x->fault == E_OK ? f->worst[UNIT_USD] : 0);
    for (size_t i = 0; i < f->scope_count; i++) {
        row_open(o, ROW_SCOPE);
        row_text(o, ROW_SCOPE_NAME, f->scopes[i].name);
        row_text(o, ROW_SCOPE_VALUE, f->scopes[i].value);
        row_close(o);
    }
}

static const char *const verdict_names[] = { "allowed", "denied", "error", "in_doubt" };

static void put_verdict(const struct exchange *x, struct row_out *o)
{
    row_text(o, ROW_MODEL, x->answering.usage.model.at ? x->answering.usage.model : x->facts.model);
    row_number(o, ROW_STATUS,
        x->fault != E_OK && !x->answering.began ? x->answering.status
        : x->answering.head                     ? x->answering.head->status
                                                : 0);
    row_text(o, ROW_VERDICT, span_of(verdict_names[verdict_of(x)]));
    row_text(o, ROW_DENIED, x->fault == E_OK ? SPAN_NONE : err_code(x->fault));
    row_text(o, ROW_REASON, x->why);
    row_text(o, ROW_RULE, x->rule);
}

static int64_t ms_between(int64_t from_ns, int64_t to_ns)
{
    return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000000 : 0;
}

static void put_attempts(const struct exchange *x, struct row_out *o, int64_t now)
{
    int64_t end = x->times.upstream_end_ns ? x->times.upstream_end_ns : now;
    for (size_t i = 0; i < x->attempt_count; i++) {
        bool last = i + 1 == x->attempt_count;
        row_open(o, ROW_ATTEMPT);
        row_text(o, ROW_ATTEMPT_VENDOR, x->facts.vendor);
        row_text(o, ROW_ATTEMPT_MODEL, x->facts.model);
        row_number(o, ROW_ATTEMPT_STATUS, x->attempts[i].status);
        row_number(o, ROW_ATTEMPT_MS, ms_between(x->attempts[i].started_ns, last ? end : x->attempts[i + 1].started_ns));
        row_number(o, ROW_ATTEMPT_COST, last ? x->charging.cost : 0);
        row_close(o);
    }
}

static void put_cost(const struct exchange *x, struct row_out *o)
{
    const struct charging *c = &x->charging;
    const struct usage *u = &x->answering.usage;
    if (c->priced)
        row_number(o, ROW_COST, c->cost);
    row_number(o, ROW_SETTLED, !c->kept && !c->estimated);
    row_number(o, ROW_HELD, c->journaled);
    row_number(o, ROW_ESTIMATED, c->estimated);
    row_number(o, ROW_REPLAYED, c->replayed);
    row_text(o, ROW_USAGE, u->raw);
    row_number(o, ROW_INPUT_TOKENS, u->input_total);
    row_number(o, ROW_OUTPUT_TOKENS, u->output_total);
    row_number(o, ROW_CACHED_TOKENS,
        u->tokens[METER_CACHE_READ] + u->tokens[METER_AUDIO_CACHE_READ] + u->tokens[METER_IMAGE_CACHE_READ]);
    row_number(o, ROW_REASONING_TOKENS, u->tokens[METER_REASON]);
    if (c->output_limit >= 0)
        row_number(o, ROW_OUTPUT_LIMIT, c->output_limit);
    if (x->repeating.of)
        row_number(o, ROW_REPEAT_OF, (int64_t)x->repeating.of);
    row_text(o, ROW_REQUEST_ID, x->answering.request_id);
    row_text(o, ROW_OBJECT_ID, x->answering.settled.object_id);
    row_text(o, ROW_CACHE, SPAN("off"));
}

static void put_budgets(const struct exchange *x, struct row_out *o)
{
    const struct charging *c = &x->charging;
    for (size_t i = 0; i < c->count && c->wants[i].account.at; i++) {
        const struct ledger_balance *b = &c->after[i];
        row_open(o, ROW_BUDGET);
        row_text(o, ROW_BUDGET_ID, c->budgets[i]->id);
        row_text(o, ROW_BUDGET_UNIT, unit_name(c->budgets[i]->unit));
        row_number(o, ROW_BUDGET_LIMIT, b->limit);
        row_number(o, ROW_BUDGET_SPENT, b->settled);
        row_number(o, ROW_BUDGET_RESERVED, b->reserved);
        row_number(o, ROW_BUDGET_RESETS_AT, c->resets_at[i]);
        row_close(o);
    }
}

static void put_times(const struct exchange *x, struct row_out *o, int64_t now)
{
    const struct times *t = &x->times;
    int64_t end = t->upstream_end_ns ? t->upstream_end_ns : now;
    row_number(o, ROW_LATENCY_MS, ms_between(t->began_ns, now));
    row_number(o, ROW_UPSTREAM_MS, ms_between(t->sent_ns, end));
    row_number(o, ROW_FIRST_BYTE_MS, ms_between(t->began_ns, t->first_byte_ns ? t->first_byte_ns : now));
    row_number(o, ROW_GATE_US, (now - t->began_ns - (t->sent_ns ? end - t->sent_ns : 0)) / 1000);
}

void write_row(struct exchange *x, struct buf *out, bool final)
{
    const struct world *w = x->desk->world;
    struct row_out o = row_out(out);
    put_identity(x, &o);
    if (!final)
        return;
    int64_t now = w->monotonic_ns(w->self);
    put_verdict(x, &o);
    put_attempts(x, &o, now);
    put_cost(x, &o);
    put_times(x, &o, now);
    put_budgets(x, &o);
}
