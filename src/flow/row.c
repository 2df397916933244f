/* SPDX-License-Identifier: Apache-2.0
 * row.c - the audit row of a call: what is known of it, in the fields of rules/row.h.
 *
 * Written twice: before the call is forwarded, as far as it is known (a crash may leave no more than that), and whole when
 * it is over. Never a secret, never a body. */
#include "rules/row.h"

#include "flow/shadow.h"
#include "flow/steps.h"
#include "flow/trial.h"

enum { PATH_MOST = 1024, IDEMPOTENCY_MOST = 255 };

/* A route by its name; one that was written out, by its digest. */
static struct span route_name(const struct exchange *x)
{
    const struct routing *r = &x->routing;
    if (!r->planned)
        return SPAN("single");
    return r->name.at ? r->name : r->route->digest;
}

static void put_trace(const struct exchange *x, struct row_out *o)
{
    char span[TRACE_SPAN];
    if (!x->trace.there)
        return;
    trace_span_id(x->id, 0, span);
    row_text(o, ROW_TRACE, span_make(x->trace.id, TRACE_ID));
    row_text(o, ROW_SPAN, span_make(span, TRACE_SPAN));
    row_text(o, ROW_PARENT_SPAN, span_make(x->trace.parent, TRACE_SPAN));
}

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
    row_text(o, ROW_MODEL_REQUESTED, x->speaking.model_said.at ? x->speaking.model_said : f->model);
    row_text(o, ROW_ADDRESS, x->asking.peer);
    row_text(o, ROW_POLICY_VERSION, key ? key->policy->version : SPAN_NONE);
    row_text(o, ROW_ROUTE, route_name(x));
    if (x->mirror_of)
        row_number(o, ROW_MIRROR_OF, (int64_t)x->mirror_of);
    put_trace(x, o);
    row_text(o, ROW_EXPERIMENT, trial_name(x));
    if (x->capture.asked && x->stage == FINISH)
        row_number(o, ROW_CAPTURED, x->capture.taken);
    row_text(o, ROW_CREDENTIAL, x->deciding.credential ? x->deciding.credential->name : SPAN_NONE);
    row_text(o, ROW_IDEMPOTENCY, span_first(x->asking.idempotency, IDEMPOTENCY_MOST));
    row_text(o, ROW_METADATA, f->metadata.at ? f->metadata : x->asking.metadata); /* refused early: as it came */
    row_text(o, ROW_LABEL, x->asking.label);
    row_text(o, ROW_PRICE_SNAPSHOT, is_llm(x) ? price_book_id(x->snapshot->prices) : SPAN_NONE);
    if (f->cost_known)
        row_number(o, ROW_RESERVED, call_reserved(x));
    for (size_t i = 0; i < f->scope_count; i++) {
        row_open(o, ROW_SCOPE);
        row_text(o, ROW_SCOPE_NAME, f->scopes[i].name);
        row_text(o, ROW_SCOPE_VALUE, f->scopes[i].value);
        row_close(o);
    }
}

static const char *const verdict_names[] = { "allowed", "denied", "error", "in_doubt" };

static void put_verdict(struct exchange *x, struct row_out *o)
{
    row_text(o, ROW_MODEL, x->answering.usage.model.at ? x->answering.usage.model : x->facts.model);
    row_number(o, ROW_STATUS,
        x->fault != E_OK && !x->answering.began ? x->answering.status
        : x->answering.head                     ? answered_status(x)
                                                : 0);
    row_text(o, ROW_VERDICT, span_of(verdict_names[verdict_of(x)]));
    row_text(o, ROW_DENIED, x->fault == E_OK ? SPAN_NONE : err_code(x->fault));
    row_text(o, ROW_REASON, x->why);
    row_text(o, ROW_RULE, x->rule);
    row_text(o, ROW_SHADOW, shadow_verdict(x));
}

static int64_t ms_between(int64_t from_ns, int64_t to_ns)
{
    return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000000 : 0;
}

static void put_attempts(const struct exchange *x, struct row_out *o, int64_t now)
{
    for (size_t i = 0; i < x->attempt_count; i++) {
        const struct attempt *a = &x->attempts[i];
        row_open(o, ROW_ATTEMPT);
        row_text(o, ROW_ATTEMPT_VENDOR, a->vendor);
        row_text(o, ROW_ATTEMPT_MODEL, a->model);
        row_number(o, ROW_ATTEMPT_STATUS, a->status);
        row_number(o, ROW_ATTEMPT_MS, ms_between(a->started_ns, a->ended_ns ? a->ended_ns : now));
        row_number(o, ROW_ATTEMPT_COST, a->cost);
        if (x->routing.planned || a->why.at) {
            row_text(o, ROW_ATTEMPT_CREDENTIAL, a->credential);
            row_text(o, ROW_ATTEMPT_PATH, a->path);
            row_text(o, ROW_ATTEMPT_WHY, span_first(a->why, 300));
        }
        row_close(o);
    }
    if (x->routing.skipped.len || x->routing.plan.skipped.len)
        row_text(o, ROW_SKIPPED, x->routing.skipped.len ? buf_span(&x->routing.skipped) : x->routing.plan.skipped);
}

int64_t cached_tokens(const struct usage *u)
{
    return u->tokens[METER_CACHE_READ] + u->tokens[METER_AUDIO_CACHE_READ] + u->tokens[METER_IMAGE_CACHE_READ];
}

/* Only where they add up: an estimate that was cut to what was reserved, or a session of many answers, is no sum of lines. */
static void put_price_lines(const struct exchange *x, struct row_out *o)
{
    struct price_line lines[PRICE_LINES];
    nano_usd sum = 0;
    bool adds_up = x->charging.cost > 0 && is_llm(x) && x->deciding.upstream && !x->charging.estimated; /* refused before it had a vendor: it has no price */
    size_t count = adds_up ? price_lines(billed_price(x), &x->answering.usage, x->times.began_ms, lines) : 0;
    for (size_t i = 0; i < count; i++)
        sum = money_add(sum, lines[i].cost);
    for (size_t i = 0; i < count && sum == x->charging.cost; i++) {
        row_open(o, ROW_PRICE_LINE);
        row_text(o, ROW_LINE_WHAT, lines[i].what);
        row_number(o, ROW_LINE_COUNT, lines[i].count);
        row_number(o, ROW_LINE_PRICE, lines[i].price);
        row_number(o, ROW_LINE_PER, lines[i].per);
        row_number(o, ROW_LINE_COST, lines[i].cost);
        row_close(o);
    }
}

static void put_cost(const struct exchange *x, struct row_out *o)
{
    const struct charging *c = &x->charging;
    const struct usage *u = &x->answering.usage;
    if (c->priced || x->routing.further)
        row_number(o, ROW_COST, call_cost(x));
    put_price_lines(x, o);
    row_number(o, ROW_SETTLED, !c->kept && !call_estimated(x));
    row_number(o, ROW_HELD, c->journaled);
    row_number(o, ROW_ESTIMATED, call_estimated(x));
    row_number(o, ROW_REPLAYED, c->replayed);
    if (x->answering.rehearsed)
        row_number(o, ROW_DRY_RUN, true);
    if (x->approving.approval.id[0])
        row_text(o, ROW_APPROVAL, span_of(x->approving.approval.id));
    if (x->consulting.reads)
        row_number(o, ROW_OBJECTS_READ, (int64_t)x->consulting.reads);
    row_text(o, ROW_USAGE, u->raw);
    row_number(o, ROW_INPUT_TOKENS, u->input_total);
    row_number(o, ROW_OUTPUT_TOKENS, u->output_total);
    row_number(o, ROW_CACHED_TOKENS, cached_tokens(u));
    row_number(o, ROW_REASONING_TOKENS, u->tokens[METER_REASON]);
    if (c->output_limit >= 0)
        row_number(o, ROW_OUTPUT_LIMIT, c->output_limit);
    if (c->tools > 0)
        row_number(o, ROW_TOOLS, c->tools);
    if (x->repeating.of || x->caching.of)
        row_number(o, ROW_REPEAT_OF, (int64_t)(x->repeating.of ? x->repeating.of : x->caching.of));
    if (x->caching.of)
        row_number(o, ROW_SAVED, x->caching.saved);
    row_text(o, ROW_REQUEST_ID, x->answering.request_id);
    row_text(o, ROW_OBJECT_ID, x->answering.settled.object_id);
    row_text(o, ROW_CACHE, caching_name(x->caching.outcome));
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

/* While an attempt was under way, racers side by side, or the gate waited on purpose to ask again. */
static int64_t elsewhere_ns(const struct exchange *x, int64_t now)
{
    int64_t sum = x->routing.paused_ns, until = 0;
    for (size_t i = 0; i < x->attempt_count; i++) {
        const struct attempt *a = &x->attempts[i];
        int64_t from = a->started_ns > until ? a->started_ns : until, end = a->ended_ns ? a->ended_ns : now;
        sum += end > from ? end - from : 0;
        until = end > until ? end : until;
    }
    return sum;
}

int64_t gate_time_us(const struct exchange *x, int64_t now)
{
    const struct times *t = &x->times;
    int64_t end = t->upstream_end_ns ? t->upstream_end_ns : now;
    int64_t elsewhere = x->attempt_count > 1 ? elsewhere_ns(x, now) : t->sent_ns ? end - t->sent_ns : 0, own = now - t->began_ns - elsewhere;
    return own > 0 ? own / 1000 : 0;
}

static void put_times(const struct exchange *x, struct row_out *o, int64_t now)
{
    const struct times *t = &x->times;
    int64_t end = t->upstream_end_ns ? t->upstream_end_ns : now;
    row_number(o, ROW_LATENCY_MS, ms_between(t->began_ns, now));
    row_number(o, ROW_UPSTREAM_MS, ms_between(t->sent_ns, end));
    row_number(o, ROW_FIRST_BYTE_MS, ms_between(t->began_ns, t->first_byte_ns ? t->first_byte_ns : now));
    row_number(o, ROW_GATE_US, gate_time_us(x, now));
    if (x->answering.gap_ns)
        row_number(o, ROW_LONGEST_GAP, x->answering.gap_ns / 1000000);
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
