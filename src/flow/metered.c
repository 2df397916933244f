/* SPDX-License-Identifier: Apache-2.0
 * metered.c - see metered.h. */
#include "flow/metered.h"

#include "dialect/ask.h"
#include "flow/batch.h"
#include "flow/steps.h"
#include "rules/row.h"

/* ---- the request ---- */

static struct span form_type(const struct exchange *x)
{
    struct span type = x->asking.head ? http_get(x->asking.head, SPAN("content-type")) : SPAN_NONE;
    return type.at && http_is_type(type, SPAN("multipart/form-data")) ? type : SPAN_NONE;
}

static enum err read_ask(struct exchange *x, const char **why)
{
    const struct dialect *d = x->deciding.dialect;
    struct span type = form_type(x), body = buf_span(&x->asking.body);
    if (!type.at)
        return d->read_ask(x->desk->json, body, &x->arena, &x->deciding.ask, why);
    if (d->read_form)
        return d->read_form(type, body, &x->arena, &x->deciding.ask, why);
    *why = "content-type: this operation takes application/json";
    return E_BAD_REQUEST;
}

enum err metered_read_ask(struct exchange *x, const char **why)
{
    struct ask *ask = &x->deciding.ask;
    enum err e = read_ask(x, why);
    struct span model = !e && ask->job_input.at ? batch_model(x, ask->job_input) : SPAN_NONE;
    if (model.len)
        ask->model = model;
    return e;
}

void metered_edit(struct exchange *x, const struct ask_edit *edit, struct buf *out)
{
    const struct dialect *d = x->deciding.dialect;
    struct span type = form_type(x);
    if (!type.at && d->edit_ask)
        d->edit_ask(x->desk->json, x->deciding.body, edit, out);
    else if (type.at && d->edit_form)
        d->edit_form(type, x->deciding.body, &x->arena, edit, out);
    else
        out->broken = true;
}

/* ---- price_call ---- */

static bool by_tokens(const struct price *p)
{
    for (int m = 0; p && m < METER_COUNT; m++)
        if (price_rates(p, (enum meter)m))
            return true;
    return false;
}

/* Tokens alone, or pieces alone: the same content is never charged in both. */
static nano_usd tokens_usd(const struct price *p, const struct ask *ask, int64_t at_ms, const struct metered_most *m)
{
    nano_usd usd;
    const struct price_most most = { .input = m->input, .output = m->output, .tier = ask->tier, .at_ms = at_ms };
    return m->input >= 0 && m->output >= 0 && price_call_ceiling(p, &most, &usd) == E_OK ? usd : -1;
}

static nano_usd pieces_usd(const struct price *p, const struct ask *ask, int64_t at_ms)
{
    int64_t fees[FEE_COUNT] = { 0 };
    nano_usd usd;
    bool some = false;
    for (int fee = 0; fee < FEE_COUNT; fee++) {
        if (ask->fees[fee] == 0 || !price_charges(p, (enum fee)fee))
            continue;
        fees[fee] = ask->fees[fee];
        some = true;
    }
    const struct price_most most = { .fees = fees, .size = ask->size, .quality = ask->quality, .tier = ask->tier, .at_ms = at_ms };
    return some && price_call_ceiling(p, &most, &usd) == E_OK ? usd : -1;
}

/* The dearer of both ways, where the row has both: what is told later says which of them it was. */
static nano_usd either_usd(const struct price *p, const struct ask *ask, int64_t at_ms, const struct metered_most *m)
{
    nano_usd tokens = by_tokens(p) ? tokens_usd(p, ask, at_ms, m) : 0, pieces = pieces_usd(p, ask, at_ms);
    if (tokens < 0 || (pieces < 0 && !by_tokens(p))) /* a length without a bound, say, or a size without a price */
        return -1;
    return tokens > pieces ? tokens : pieces;
}

static nano_usd text_usd(const struct price *p, const struct ask *ask, int64_t at_ms, const struct metered_most *m)
{
    nano_usd usd;
    const struct price_most most = { .input = m->input, .output = m->output, .fees = ask->fees, .tier = ask->tier, .at_ms = at_ms };
    return m->input >= 0 && m->output >= 0 && price_call_ceiling(p, &most, &usd) == E_OK ? usd : -1;
}

int64_t metered_input_most(const struct price *p, const struct ask *ask)
{
    int64_t context = p ? price_context(p) : 0;
    if (!ask->input_unbounded)
        return ask->input_most;
    return context > 0 && ask->rounds >= 0 ? money_mul_div_up(context, money_add(ask->rounds, 1), 1) : -1;
}

struct metered_most metered_most(const struct price *p, const struct ask *ask, int64_t at_ms)
{
    int64_t context = p ? price_context(p) : 0, each = ask->output_limit, longest = p ? price_output_max(p) : 0;
    struct metered_most m = { .input = metered_input_most(p, ask), .output = -1, .usd = -1 };
    if (each < 0)
        each = longest > 0 ? longest : context > 0 ? context : -1;
    if (each >= 0)
        m.output = money_mul_div_up(money_add(each, ask->output_extra), ask->choices, 1);
    if (p && !ask->pieces && price_fees_ceiling(p, ask->fees, &m.tools) != E_OK)
        m.tools = 0; /* nor is usd known */
    if (p)
        m.usd = ask->pieces ? either_usd(p, ask, at_ms, &m) : text_usd(p, ask, at_ms, &m);
    return m;
}

static enum next unknown_cost(struct exchange *x)
{
    struct span model = span_first(x->facts.model, 100);
    if (x->deciding.ask.job_input.at)
        return fail(x, E_PRICE_UNKNOWN,
            "what this batch can cost is not known, and a money budget applies: upload its input file through the gate first (at most %lld "
            "bytes, for one model that has a price; what is seen of it is forgotten when the gate starts anew)",
            (long long)x->snapshot->settings.limits.body_bytes);
    if (!x->deciding.price)
        return fail(x, E_PRICE_UNKNOWN, "no price is known for model %.*s of %.*s, and a money budget applies", SPAN_ARG(model),
            SPAN_ARG(x->facts.vendor));
    return fail(x, E_PRICE_UNKNOWN,
        "what model %.*s can charge for this call is not known or has no limit (a size that has no price? a file at an address?), "
        "and a money budget applies",
        SPAN_ARG(model));
}

enum next metered_price(struct exchange *x)
{
    struct facts *f = &x->facts;
    const struct ask *ask = &x->deciding.ask;
    const struct price *p = x->deciding.price = price_of(x, f->model);
    struct metered_most m = ask->job_input.at ? batch_most(x, ask->job_input) : metered_most(p, ask, x->times.began_ms);
    if (counts_tokens(x) && (m.input < 0 || m.output < 0))
        return fail(x, E_PRICE_UNKNOWN, "the tokens of this call cannot be bounded (it names content by URL or id)");
    if (!p || by_tokens(p)) {
        f->worst[UNIT_TOKENS_IN] = m.input < 0 ? 0 : m.input;
        f->worst[UNIT_TOKENS_OUT] = m.output < 0 ? 0 : m.output;
        f->worst[UNIT_TOKENS] = money_add(f->worst[UNIT_TOKENS_IN], f->worst[UNIT_TOKENS_OUT]);
    }
    f->cost_known = m.usd >= 0;
    f->worst[UNIT_USD] = m.usd < 0 ? 0 : m.usd;
    x->charging.tools = ask->job_input.at ? m.tools : 0;
    return !f->cost_known && money_matters(x) ? unknown_cost(x) : NEXT;
}

/* ---- the answer ---- */

bool metered_passes(const struct exchange *x)
{
    const struct http_head *h = x->answering.head;
    const struct dialect *d = x->deciding.dialect;
    return d && d->passes && h->status >= 200 && h->status < 300 && d->passes(http_get(h, SPAN("content-type")));
}

static struct told told_of(const struct exchange *x)
{
    const struct answering *a = &x->answering;
    const struct price *p = x->deciding.price;
    bool read = a->mode == RELAY_HOLD && a->tapped_whole;
    struct told t = { .ask = &x->deciding.ask,
        .type = http_get(a->head, SPAN("content-type")),
        .body = read ? buf_span(&a->body) : SPAN_NONE,
        .bytes = read ? (int64_t)a->body.len : a->passed,
        .by_tokens = by_tokens(p) };
    for (int fee = 0; p && fee < FEE_COUNT; fee++)
        t.charged[fee] = price_charges(p, (enum fee)fee);
    return t;
}

/* A stream that did not end as it should may have cost all that was reserved. */
static void read_answer(struct exchange *x)
{
    struct answering *a = &x->answering;
    const struct dialect *d = x->deciding.dialect;
    struct told t = told_of(x);
    a->usage.vendor_cost = -1;
    if (a->mode == RELAY_EVENTS) {
        a->usage = a->meter.usage;
        a->usage.known = a->usage.known && a->ended;
    } else if (!a->ended) {
        a->usage.known = false;
    } else if (d->measure && (t.body.at || d->passes)) { /* else it was too large to be held */
        d->measure(x->desk->json, &t, &x->arena, &a->usage);
    } else if (t.body.at) {
        d->read_usage(x->desk->json, t.body, &x->arena, &a->usage);
    }
}

static void reserved_stands(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct usage *u = &x->answering.usage;
    x->charging.priced = x->facts.cost_known;
    x->charging.estimated = true;
    memcpy(real, x->facts.worst, UNIT_COUNT * sizeof(*real));
    real[UNIT_REQUESTS] = 1;
    real[UNIT_CALLS] = 0;
    u->input_total = real[UNIT_TOKENS_IN];
    u->output_total = real[UNIT_TOKENS_OUT];
}

void metered_own_words(struct exchange *x)
{
    struct usage *u = &x->answering.usage;
    const char *why = "";
    u->model = u->model.at && ask_check_model(u->model, &why) == E_OK ? arena_copy(&x->arena, u->model) : SPAN_NONE;
    u->raw = u->raw.at ? arena_copy(&x->arena, u->raw) : SPAN_NONE;
}

/* An estimate is never more than was reserved, and at a price of nothing none at all. */
static void price_usage(struct exchange *x, int64_t at_ms, int64_t real[UNIT_COUNT])
{
    struct charging *c = &x->charging;
    struct usage *u = &x->answering.usage;
    real[UNIT_TOKENS_IN] = u->input_total;
    real[UNIT_TOKENS_OUT] = u->output_total;
    real[UNIT_TOKENS] = money_add(u->input_total, u->output_total);
    c->priced = price_cost(billed_price(x), u, at_ms, &real[UNIT_USD]) == E_OK;
    if (!c->priced)
        real[UNIT_USD] = x->facts.worst[UNIT_USD];
    for (int unit = 0; unit < UNIT_COUNT && u->estimated && x->facts.cost_known; unit++)
        real[unit] = real[unit] > x->facts.worst[unit] && unit != UNIT_REQUESTS ? x->facts.worst[unit] : real[unit];
    c->estimated = u->estimated && (real[UNIT_USD] > 0 || !c->priced || counts_tokens(x));
}

/* A job that is told of later: what it is taken for until then, and under which id. */
static void look_for_job(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct asked asked = asked_of(x);
    struct understood *u = &x->deciding.understood;
    if (!operation_of(x)->late || a->mode != RELAY_HOLD || !a->tapped_whole)
        return;
    memcpy(u->worst, x->facts.worst, sizeof(u->worst));
    u->cost_known = x->facts.cost_known;
    vendor_settle(x->desk->json, &asked, u, a->head, buf_span(&a->body), &x->arena, &a->settled);
    x->charging.late = a->settled.pending && x->facts.cost_known;
}

void metered_measure(struct exchange *x, int64_t real[UNIT_COUNT])
{
    const struct http_head *h = x->answering.head;
    if (h && h->status >= 400) {
        x->charging.priced = true;
        return;
    }
    if (h && !operation_of(x)->late)
        read_answer(x);
    metered_own_words(x);
    if (x->answering.usage.known)
        price_usage(x, x->times.began_ms, real);
    else
        reserved_stands(x, real);
    if (h)
        look_for_job(x);
}

bool metered_measure_late(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct answering *a = &x->answering;
    struct usage *u = &a->usage;
    x->deciding.price = price_of(x, x->facts.model);
    x->deciding.dialect->read_usage(x->desk->json, buf_span(&a->body), &x->arena, u);
    if (!u->known)
        return false;
    price_usage(x, x->looking.sent_at, real);
    struct row_value tools = row_field(x->doubt->row, ROW_TOOLS);
    if (tools.there && u->input_total > 0) { /* how often they ran is told nowhere */
        real[UNIT_USD] = money_add(real[UNIT_USD], tools.number);
        x->charging.estimated = true;
    }
    a->settled.told[UNIT_USD] = x->charging.priced;
    a->settled.told[UNIT_TOKENS_IN] = a->settled.told[UNIT_TOKENS_OUT] = a->settled.told[UNIT_TOKENS] = true;
    return x->charging.priced;
}

static struct span said_reason(struct exchange *x)
{
    enum { SAID_MOST = 200 };
    struct json_value v;
    const char *why;
    if (json_parse(x->desk->json, buf_span(&x->answering.body), true, &v, &why) != E_OK)
        return SPAN_NONE;
    struct span state = json_string(json_path(v, SPAN("status"))), said = json_string(json_path(v, SPAN("error.message")));
    if (!state.len && said.len) /* Google's */
        return arena_print(&x->arena, "the job failed: %.*s", SPAN_ARG(span_first(said, SAID_MOST)));
    if (!state.len || !said.len)
        return state.len ? arena_print(&x->arena, "the job is %.*s", SPAN_ARG(span_first(state, SAID_MOST))) : SPAN_NONE;
    return arena_print(&x->arena, "the job is %.*s: %.*s", SPAN_ARG(span_first(state, SAID_MOST)), SPAN_ARG(span_first(said, SAID_MOST)));
}

struct span metered_reason(struct exchange *x)
{
    struct span said = said_reason(x);
    nano_usd tools = x->charging.estimated ? row_field(x->doubt->row, ROW_TOOLS).number : 0;
    char text[MONEY_TEXT];
    return tools > 0 ? arena_print(&x->arena, "%.*s; %.*s usd of it is an estimate, for its tools", SPAN_ARG(said), SPAN_ARG(money_text(tools, text))) : said;
}

enum next metered_revive(struct exchange *x)
{
    x->facts.model = row_field(x->doubt->row, ROW_MODEL_REQUESTED).text;
    return NEXT;
}
