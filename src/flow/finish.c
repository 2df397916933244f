/* SPDX-License-Identifier: Apache-2.0
 * finish.c - the steps that always run, once: settle, record, answer, close.
 *
 * The caller gets the last byte only after the books are closed and the row is in the journal: what it was told is never
 * forgotten, and its next call sees the settled budget. */
#include "flow/spoiled.h"
#include "flow/steps.h"

#include "base/log.h"
#include "flow/batch.h"
#include "flow/legs.h"
#include "flow/metered.h"
#include "flow/realtime.h"
#include "flow/sight.h"
#include "flow/side.h"
#include "flow/speak.h"

/* ---- settle: swap the hold for the true cost ---- */

bool was_sent(const struct exchange *x)
{
    return x->answering.doubtful || (x->answering.call && x->desk->world->sent(x->answering.call));
}

/* To a request that may have been carried out before: a replay proves that it was; an answer that is not about the request
 * ("too many", "that one is still under way", "who are you?") does not tell. */
static bool tells_of_the_first(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct asked asked = asked_of(x);
    if (!a->ended || a->mode != RELAY_HOLD || !a->tapped_whole)
        return false;
    a->verdict = vendor_asked_again(x->desk->json, &asked, &x->deciding.understood, a->head, buf_span(&a->body), &x->arena, &a->settled);
    return a->verdict != LOOK_UP_UNCLEAR;
}

/* Sent, and no answer tells what became of it. A read that is free changes nothing; a stream's tokens so far are counted, not
 * doubted; a caller that left a model's answer pays the reservation at most. */
bool outcome_unknown(struct exchange *x)
{
    const struct answering *a = &x->answering;
    if (!was_sent(x))
        return false;
    if (a->doubtful)
        return !tells_of_the_first(x);
    if (a->ended) /* a vendor that broke down may have moved the money before it did */
        return !is_llm(x) && x->facts.moves_money && outcome_matters(x) && a->head->status >= 500;
    if (is_llm(x))
        return a->lost && !a->head;
    return outcome_matters(x) && (!a->head || a->mode == RELAY_HOLD || a->mode == RELAY_NONE);
}

const struct price *billed_price(const struct exchange *x)
{
    const struct upstream *u = x->deciding.upstream;
    const struct price *asked = x->deciding.price ? x->deciding.price : price_of(x, x->facts.model);
    struct span model = x->answering.usage.model;
    return model.at ? price_answered(x->snapshot->prices, asked, u->vendor.provider, upstream_price_model(u, model)) : asked;
}

/* For a stream that is an error and nothing else the vendor has hardly read what it would have had to fetch. */
static int64_t untold_input(struct exchange *x)
{
    const struct stream_meter *m = &x->answering.meter;
    const struct ask *ask = &x->deciding.ask;
    return ask->input_unbounded && m->failed && !m->output_bytes ? ask->input_most : weigh_input(x);
}

/* What arrived before a stream broke off: the input as the vendor told it, or else as it was counted; the content by the model's vocabulary,
 * or a token for each three bytes of it, if the vendor did not tell of more. Never more than was reserved, if anything was. */
static void estimate_usage(struct exchange *x)
{
    static const enum meter output[] = { METER_OUT, METER_REASON, METER_AUDIO_OUT, METER_IMAGE_OUT, METER_VIDEO_OUT };
    const struct stream_meter *m = &x->answering.meter;
    struct usage *u = &x->answering.usage;
    u->known = u->estimated = true;
    u->vendor_cost = -1;
    if (u->input_total <= 0)
        u->tokens[METER_IN] = u->input_total = untold_input(x);
    if (u->output_total >= m->output_tokens)
        return;
    for (size_t i = 0; i < sizeof(output) / sizeof(*output); i++)
        u->tokens[output[i]] = 0;
    u->tokens[METER_OUT] = u->output_total = m->output_tokens;
}

/* Cut before its first word: how much the model has thought by then nobody tells. Where nothing was reserved an estimate is better than none. */
static bool reserve_stands(const struct exchange *x)
{
    const struct stream_meter *m = &x->answering.meter;
    return !m->output_bytes && !m->finished && !m->failed && (x->facts.cost_known || x->facts.worst[UNIT_TOKENS]);
}

static void read_usage(struct exchange *x)
{
    struct answering *a = &x->answering;
    a->usage.vendor_cost = -1;
    if (a->mode == RELAY_EVENTS || is_spoiled(x)) {
        a->usage = a->meter.usage;
        if (reserve_stands(x))
            a->usage.known = false;
        else if (!a->usage.known || !a->meter.finished) /* before the end it is not all */
            estimate_usage(x);
        return;
    }
    if (a->mode == RELAY_HOLD && a->tapped_whole)
        x->deciding.dialect->read_usage(x->desk->json, buf_span(&a->body), &x->arena, &a->usage);
}

static void keep_within(int64_t *estimate, int64_t reserved)
{
    if (*estimate > reserved)
        *estimate = reserved;
}

static void measure_llm(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct charging *c = &x->charging;
    struct usage *u = &x->answering.usage;
    if (x->deciding.ask.pieces) {
        metered_measure(x, real);
        return;
    }
    if (x->realtime) {
        realtime_measure(x, real);
        return;
    }
    read_usage(x);
    metered_own_words(x);
    if (!u->known && x->answering.head && x->answering.head->status >= 400) {
        c->priced = true;
        return;
    }
    if (!u->known) { /* an answer without usage, or none that could be read, or no word of it: the reservation stands in */
        c->estimated = true;
        c->priced = x->facts.cost_known;
        memcpy(real, x->facts.worst, UNIT_COUNT * sizeof(*real));
        real[UNIT_CALLS] = 0;
        u->input_total = real[UNIT_TOKENS_IN]; /* the row says what the budgets counted */
        u->output_total = real[UNIT_TOKENS_OUT];
        return;
    }
    const struct price *p = billed_price(x);
    if (x->deciding.ask.session_untold && p && price_charges(p, FEE_CODE_SESSION))
        u->fees[FEE_CODE_SESSION] = x->deciding.ask.fees[FEE_CODE_SESSION];
    real[UNIT_TOKENS_IN] = u->input_total;
    real[UNIT_TOKENS_OUT] = u->output_total;
    real[UNIT_TOKENS] = money_add(u->input_total, u->output_total);
    c->estimated = u->estimated;
    c->priced = price_cost(p, u, x->times.began_ms, &real[UNIT_USD]) == E_OK;
    if (!c->priced)
        real[UNIT_USD] = x->facts.worst[UNIT_USD];
    if (u->others) { /* what it cost can be told from nothing here */
        c->estimated = true;
        c->priced = x->facts.cost_known;
    }
    for (int unit = 0; unit < UNIT_COUNT && u->estimated; unit++)
        if (x->facts.cost_known || x->facts.worst[unit]) /* tokens are bounded also where money is not */
            keep_within(&real[unit], x->facts.worst[unit]);
}

static void measure_saas(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct answering *a = &x->answering;
    struct asked asked = asked_of(x);
    struct charging *c = &x->charging;
    bool readable = (a->mode == RELAY_HOLD && a->tapped_whole) || (a->head && a->ended && !operation_of(x)->reads_answer);
    if (readable && !a->doubtful) /* else tells_of_the_first has settled it */
        vendor_settle(x->desk->json, &asked, &x->deciding.understood, a->head, buf_span(&a->body), &x->arena, &a->settled);
    c->replayed = a->settled.replayed;
    c->priced = true;
    if (a->settled.known) {
        real[UNIT_USD] = a->settled.real[UNIT_USD];
        real[UNIT_MESSAGES] = a->settled.real[UNIT_MESSAGES];
        c->estimated = a->settled.estimate || a->settled.pending;
        c->late = a->settled.pending && x->facts.cost_known;
    } else if (a->head && a->head->status < 400) {
        real[UNIT_USD] = x->facts.worst[UNIT_USD];
        real[UNIT_MESSAGES] = x->facts.worst[UNIT_MESSAGES];
        c->priced = x->facts.cost_known;
        c->estimated = x->facts.worst[UNIT_USD] > 0;
    }
}

void measure(struct exchange *x, int64_t real[UNIT_COUNT])
{
    real[UNIT_REQUESTS] = x->facts.worst[UNIT_REQUESTS]; /* one call is one, whatever it took */
    if (is_llm(x))
        measure_llm(x, real);
    else
        measure_saas(x, real);
}

static void doubt_books(struct exchange *x)
{
    struct charging *c = &x->charging;
    ledger_doubt(x->desk->ledger, &c->hold);
    for (size_t i = 0; i < c->count; i++) /* false: its window is over and out of memory */
        if (!line_is_kept(c, i))
            (void)ledger_resolve(x->desk->ledger, c->wants[i].account, c->wants[i].slot, c->wants[i].amount, 0);
}

void close_books(struct exchange *x, const int64_t real[UNIT_COUNT])
{
    struct charging *c = &x->charging;
    for (size_t i = 0; i < c->count; i++)
        c->real[i] = budget_real(c->budgets[i], &x->facts, real);
    if (!c->hold.open)
        return;
    if (c->kept)
        doubt_books(x);
    else
        ledger_settle(x->desk->ledger, &c->hold, c->real);
}

/* Of all money budgets that refuse, the least. */
static nano_usd less_left(const struct charging *c, size_t line, const struct ledger_balance *b, nano_usd least)
{
    if (c->budgets[line]->unit != UNIT_USD || c->wants[line].soft)
        return least;
    int64_t left = c->wants[line].limit - (b->settled < 0 ? 0 : b->settled) - b->reserved;
    left = left < 0 ? 0 : left;
    return least < 0 || left < least ? left : least;
}

nano_usd left_while_held(const struct exchange *x)
{
    const struct charging *c = &x->charging;
    struct ledger_balance b;
    nano_usd least = -1;
    for (size_t i = 0; c->hold.open && i < c->hold.count; i++) {
        if (c->budgets[i]->unit != UNIT_USD)
            continue;
        ledger_line_balance(x->desk->ledger, &c->hold.lines[i], &b);
        least = less_left(c, i, &b, least);
    }
    return least;
}

static void look_at_accounts(struct exchange *x)
{
    struct charging *c = &x->charging;
    for (size_t i = 0; i < c->count && c->wants[i].account.at; i++) {
        struct ledger_balance *b = &c->after[i];
        (void)ledger_balance(x->desk->ledger, c->wants[i].account, c->wants[i].slot, b);
        b->limit = c->wants[i].limit;
        if (c->reserved) /* else it may be the line that refused, which knows better */
            c->resets_at[i] = window_frees(&c->budgets[i]->window, b->oldest, c->resets_at[i]);
        c->remaining = less_left(c, i, b, c->remaining);
    }
}

enum next settle(struct exchange *x)
{
    int64_t real[UNIT_COUNT] = { 0 };
    struct charging *c = &x->charging;
    if (x->doubt)
        return settle_doubt(x);
    if (x->self)
        c->priced = true;
    if (x->hooking.is || x->fetching.is || x->self)
        return NEXT;
    alike_leave(x);
    bill_abandon(x);
    if (!was_sent(x)) {
        c->priced = true;
    } else if (outcome_unknown(x)) {
        c->kept = true;
    } else {
        measure(x, real);
    }
    if (!c->kept)
        count_request(x, real);
    give_back_approval(x);
    c->cost = real[UNIT_USD];
    close_books(x, real);
    attempt_over(x, x->why);
    look_at_accounts(x);
    return NEXT;
}

/* ---- cover: what the caller must not see ---- */

bool must_be_covered(const struct exchange *x)
{
    return !x->looking.up && x->deciding.upstream && operation_of(x) && vendor_guards(&x->deciding.upstream->vendor, operation_of(x));
}

/* The call was carried out; its answer cannot be looked through, so nobody gets it. */
static void hold_back(struct exchange *x)
{
    struct answering *a = &x->answering;
    a->status = 502;
    a->field_count = 0;
    x->repeating.unkept = x->repeating.claimed;
    buf_clear(&a->body);
    buf_put(&a->body, SPAN("{\"error\":{\"code\":\"upstream_broken\",\"message\":\"the call was carried out; its answer cannot be searched for secrets and is held back\"}}"));
}

enum next cover(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (a->mode != RELAY_HOLD || !a->tapped_whole || !a->body.len)
        return NEXT;
    hide_secret(x, &a->body);
    if (!must_be_covered(x))
        return NEXT;
    buf_clear(&x->desk->scratch);
    if (vendor_guard(x->desk->json, &x->deciding.upstream->vendor, operation_of(x), buf_span(&a->body), &x->desk->scratch) && !x->desk->scratch.broken) {
        buf_clear(&a->body);
        buf_put(&a->body, buf_span(&x->desk->scratch));
    } else {
        hold_back(x);
    }
    return NEXT;
}

/* ---- record: one audit row ---- */

enum verdict verdict_of(const struct exchange *x)
{
    if (x->charging.kept)
        return VERDICT_IN_DOUBT;
    switch (x->fault) {
    case E_OK:
        return VERDICT_ALLOWED;
    case E_UPSTREAM_UNREACHABLE:
    case E_UPSTREAM_BROKEN:
    case E_UPSTREAM_TIMEOUT:
    case E_CLIENT_GONE:
        return VERDICT_ERROR;
    default:
        return was_sent(x) ? VERDICT_ERROR : VERDICT_DENIED;
    }
}

static int told_status(struct exchange *x)
{
    if (x->fault != E_OK && !x->answering.began)
        return x->answering.status;
    return x->answering.head ? answered_status(x) : x->answering.status;
}

/* A row carries the name of its idempotency key when nothing else in the journal will: in doubt, or carried out without room
 * for its answer. */
static struct span named(const struct exchange *x)
{
    const struct repeating *r = &x->repeating;
    bool tell = r->unkept || (r->claimed && x->charging.kept);
    return tell ? span_make((const char *)r->once.bytes, DIGEST_LEN) : SPAN_NONE;
}

int64_t first_asking(struct exchange *x)
{
    struct late late;
    struct asked asked = asked_of(x);
    return vendor_late(&asked, &x->deciding.understood, x->answering.settled.object_id, &x->arena, &late) ? late.after_ms[0] : 0;
}

static void leave_for_later(struct exchange *x, const struct journal_row *row)
{
    struct journal_line lines[CALL_LINES];
    const struct world *w = x->desk->world;
    size_t count = 0;
    for (size_t i = 0; i < row->count; i++)
        if (row->lines[i].kept || row->late)
            lines[count++] = row->lines[i];
    const struct doubt d = { .call = x->id, .at = x->times.began_ms, .row = row->row, .once = row->once, .again = row->again,
        .lines = lines, .count = count, .worker = x->desk->index, .position = x->charging.position,
        .late = row->late, .first_ms = row->late ? first_asking(x) : 0, .object = row->late ? x->answering.settled.object_id : SPAN_NONE,
        .counted = row->late ? row->cost : 0 };
    w->doubted(w->self, &d);
}

enum next record(struct exchange *x)
{
    struct journal_line lines[CALL_LINES];
    struct charging *c = &x->charging;
    const struct world *w = x->desk->world;
    if (x->hooking.is && x->fault == E_OK)
        return record_hook(x);
    if (x->self && x->fault == E_OK)
        return NEXT;
    if (x->doubt) { /* its row is the settlement of the first one */
        w->cleared(w->self, x, &x->clearing);
        return NEXT;
    }
    size_t count = charged_lines(x, lines);
    count += seen_lines(x, lines + count, SEEN_LINES < CALL_LINES - count ? SEEN_LINES : CALL_LINES - count);
    struct span again = c->kept || c->late ? seal_request(x) : SPAN_NONE;
    if (x->fault != E_OK && !x->answering.began)
        prepare_denial(x);
    buf_clear(&x->desk->scratch);
    write_row(x, &x->desk->scratch, true);
    struct journal_row row = {
        .call = x->id,
        .at = x->times.began_ms,
        .verdict = verdict_of(x),
        .status = told_status(x),
        .held = c->journaled,
        .settled = !c->kept && !call_estimated(x),
        .late = c->late && again.at,
        .cost = call_cost(x),
        .reserved = call_reserved(x),
        .tokens_in = x->answering.usage.input_total,
        .tokens_out = x->answering.usage.output_total,
        .workspace = x->facts.workspace,
        .key = x->facts.key_id,
        .run = x->facts.run,
        .step = x->facts.step,
        .vendor = x->facts.vendor,
        .operation = x->facts.operation,
        .model = x->answering.usage.model.at ? x->answering.usage.model : x->facts.model,
        .denied = x->fault == E_OK ? SPAN_NONE : err_code(x->fault),
        .user = x->facts.user,
        .row = buf_span(&x->desk->scratch),
        .once = named(x),
        .again = again,
        .lines = lines,
        .count = count,
    };
    if (x->desk->scratch.broken || w->put_row(w->self, &row) != E_OK)
        log_error(
            "flow", "call %s could not be recorded: its row is lost, its hold is found again at the next start", x->id_text);
    sight_call(x, &row);
    c->position = w->written(w->self);
    c->sync_asked = 0;
    if (c->kept || row.late)
        leave_for_later(x, &row);
    return NEXT;
}

/* ---- commit_row: `durability: strict` tells nobody what a power cut could undo ---- */

enum next commit_row(struct exchange *x)
{
    enum { SYNC_MS = 10 * 1000 };
    const struct world *w = x->desk->world;
    if (x->snapshot->settings.durability != DURABLE_STRICT || x->doubt || !x->charging.journaled)
        return NEXT;
    switch (w->synced(w->self, x->charging.position, &x->charging.sync_asked)) {
    case IO_END:
        return NEXT;
    case IO_WAIT:
        w->await_news(w->self, x, SYNC_MS);
        return WAIT;
    default: /* it was carried out: not to tell the caller would make it ask again */
        log_error("flow", "the disk did not confirm the row of call %s", x->id_text);
        return NEXT;
    }
}

/* ---- tell: those who wait for this call, those who watch ---- */

/* A call about an object whose price is not final yet: it may be now (a capture, a cancellation, a caller that looks how its job goes). */
static void nudge_late(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct span object = x->deciding.understood.counted_id;
    if (x->charging.late || !was_sent(x) || !(x->facts.writes || operation_of(x)->tells_late))
        return;
    for (size_t i = 0; i < x->deciding.matched.count; i++)
        w->nudged(w->self, x->facts.vendor, x->deciding.credential->name, x->deciding.matched.captures[i].value);
    if (object.len)
        w->nudged(w->self, x->facts.vendor, x->deciding.credential->name, object);
}

enum next tell(struct exchange *x)
{
    if (x->doubt || x->hooking.is || x->fetching.is || x->self)
        return NEXT;
    send_mirrors(x);
    release_repeat(x);
    cached_leave(x);
    count_brakes(x);
    if (x->fault == E_OK && !x->charging.kept && x->answering.status < 300)
        remember_object(x, x->id, x->charging.cost);
    if (x->fault == E_OK && !x->charging.kept && x->answering.status < 300)
        batch_note(x);
    nudge_late(x);
    if (x->charging.reserved)
        tell_budgets(x);
    if (x->charging.kept)
        tell_doubt(x);
    return NEXT;
}

/* ---- answer: what was held back ---- */

static void end_stream(struct exchange *x)
{
    const struct world *w = x->desk->world;
    char cost[MONEY_TEXT];
    struct http_field trailer = { SPAN("x-tollgate-cost-usd"), money_text(call_cost(x), cost) };
    buf_clear(&x->desk->scratch);
    const struct dialect *d = x->speaking.heard ? x->speaking.dialect : x->deciding.dialect;
    bool told = stream_is_told(x); /* nothing may come behind an end */
    if (!told && x->answering.events && x->fault != E_OK && d->write_error_event)
        d->write_error_event(&x->desk->scratch, err_code(x->fault), x->why);
    else if (!told && x->fault != E_OK) { /* a cut body must not look whole */
        w->reply_cut(x->caller);
        return;
    }
    if (x->answering.events && x->charging.priced && d->framing == FRAMING_SSE && !x->speaking.array)
        buf_print(&x->desk->scratch, ": x-tollgate-cost-usd=%.*s\n\n", SPAN_ARG(trailer.value));
    struct span bytes = speak_events(x, buf_span(&x->desk->scratch), true);
    if (bytes.len)
        w->reply_write(x->caller, bytes);
    w->reply_end(x->caller, &trailer, x->charging.priced ? 1 : 0);
}

static void send_held(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct http_field *fields;
    size_t count = reply_fields(x, &fields);
    x->answering.began = true;
    w->reply(x->caller, x->answering.status, fields, count, lead_back(x, buf_span(&x->answering.body)));
}

enum next answer(struct exchange *x)
{
    if (!x->caller)
        return NEXT;
    if (x->answering.began && realtime_open(x))
        realtime_close(x);
    else if (x->answering.began)
        end_stream(x);
    else if (x->fault != E_OK)
        reply_denial(x);
    else if (x->hooking.is)
        reply_hook(x);
    else
        send_held(x);
    x->caller = NULL; /* the reply is over: the request is no more */
    return NEXT;
}

/* ---- close_upstream ---- */

enum next close_upstream(struct exchange *x)
{
    side_end(x);
    realtime_leave(x);
    if (x->answering.call)
        x->desk->world->close(x->answering.call);
    x->answering.call = NULL;
    return NEXT;
}
