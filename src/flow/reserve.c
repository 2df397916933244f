/* SPDX-License-Identifier: Apache-2.0
 * reserve.c - the steps of money before the call: what can it cost at most, and does that still fit?
 *
 * Next to read: attempt.c. */
#include "flow/legs.h"
#include "flow/steps.h"

#include "base/text.h"
#include "flow/metered.h"

/* A stranger's model must not make the gate reserve for nothing: below this an answer is of no use. */
enum { OUTPUT_LEAST = 16, RESERVE_TRIES = 4 };

/* ---- price_call: what can it cost at most? ---- */

void choose_budgets(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    struct charging *c = &x->charging;
    c->chosen_count = 0;
    for (size_t i = 0; i < key->budget_count && c->chosen_count < LEDGER_LINES; i++)
        if (budget_applies(key->budgets[i], &x->facts))
            c->chosen[c->chosen_count++] = key->budgets[i];
}

static bool counts(const struct exchange *x, enum unit unit)
{
    for (size_t i = 0; i < x->charging.chosen_count; i++)
        if (x->charging.chosen[i]->unit == unit)
            return true;
    return false;
}

bool counts_tokens(const struct exchange *x)
{
    return counts(x, UNIT_TOKENS) || counts(x, UNIT_TOKENS_IN) || counts(x, UNIT_TOKENS_OUT);
}

/* What other legs of the same call cost, or may cost, leaves less for this one. */
static nano_usd taken_by_others(const struct exchange *x)
{
    const struct routing *r = &x->routing;
    nano_usd sum = call_cost(x) - x->charging.cost;
    for (size_t i = 0; i < r->racer_count; i++)
        if (!(r->lined_up && i == r->at_hand) && !r->racers[i]->over)
            sum = money_add(sum, r->racers[i]->facts.worst[UNIT_USD]);
    return sum;
}

nano_usd call_ceiling(const struct exchange *x)
{
    nano_usd policy = x->deciding.key->policy->max_call_usd, asked = x->asking.max_cost;
    nano_usd ceiling = policy < 0 || (asked >= 0 && asked < policy) ? asked : policy;
    if (ceiling < 0)
        return ceiling;
    nano_usd taken = taken_by_others(x);
    return taken < ceiling ? ceiling - taken : 0;
}

bool money_matters(const struct exchange *x)
{
    return counts(x, UNIT_USD) || call_ceiling(x) >= 0;
}

/* The least that is left on any account of this unit, as far as it can be known before the shards are locked. A budget that
 * would rather refuse than have answers cut short is not looked at. */
static int64_t least_left(struct exchange *x, enum unit unit)
{
    int64_t least = MONEY_MAX;
    for (size_t i = 0; i < x->charging.chosen_count; i++) {
        const struct budget *b = x->charging.chosen[i];
        struct budget_account accounts[LEDGER_LINES];
        if (b->unit != unit || b->soft || b->deny_when_tight)
            continue;
        size_t count = budget_accounts(b, &x->facts, x->times.began_ms, &x->arena, accounts, LEDGER_LINES);
        for (size_t k = 0; k < count && k < LEDGER_LINES; k++) {
            struct ledger_balance now;
            (void)ledger_balance(x->desk->ledger, accounts[k].name, accounts[k].slot, &now);
            int64_t spent = now.settled < 0 ? 0 : now.settled;
            int64_t left = budget_limit(b, x->times.began_ms) - spent - now.reserved;
            if (left < least)
                least = left < 0 ? 0 : left;
        }
    }
    return least;
}

int64_t input_most(const struct exchange *x)
{
    const struct ask *ask = &x->deciding.ask;
    int64_t context = x->deciding.price ? price_context(x->deciding.price) : 0, most = metered_input_most(x->deciding.price, ask);
    return !ask->input_unbounded && context > 0 && context < most ? context : most;
}

/* Money for the answers: what comes on top (web searches, ...) is set aside. Pieces without a price are refused later. */
static nano_usd left_for_output(struct exchange *x)
{
    nano_usd left = least_left(x, UNIT_USD), ceiling = call_ceiling(x), fees = 0;
    if (ceiling >= 0 && ceiling < left)
        left = ceiling;
    return price_fees_ceiling(x->deciding.price, x->deciding.ask.fees, &fees) == E_OK ? left - fees : left;
}

/* A limit of 0 goes as it came: the dialect says so, or the vendor is one that refuses it. The rest are told the limit that is reserved for. */
static bool zero_stays(const struct exchange *x)
{
    const struct ask *ask = &x->deciding.ask;
    struct span provider = x->deciding.upstream->vendor.provider;
    return ask->zero_limit && (ask->zero_stays || span_is(provider, SPAN("openai")) || span_is(provider, SPAN("azure")));
}

static int64_t longest_output(const struct exchange *x)
{
    const struct price *p = x->deciding.price;
    const struct ask *ask = &x->deciding.ask;
    int64_t most = p ? price_output_max(p) : 0;
    if (most <= 0)
        most = p && price_context(p) > 0 ? price_context(p) : 32768;
    if (zero_stays(x)) /* what the vendor makes of it is not what it takes where none is set */
        return most;
    return ask->usual_limit > 0 && ask->usual_limit < most ? ask->usual_limit : most;
}

/* A request without an output limit gets one that fits the model and what is left: a call that could cost anything cannot
 * be reserved for. A prediction may be billed beside each of the answers. */
static int64_t fitting_output(struct exchange *x, int64_t input)
{
    const struct price *p = x->deciding.price;
    const struct ask *ask = &x->deciding.ask;
    int64_t most = longest_output(x), fits;
    if (p && money_matters(x)) {
        fits = price_output_fitting(p, left_for_output(x), input, ask->tier, x->times.began_ms) / ask->choices - ask->output_extra;
        most = fits < most ? fits : most;
    }
    if (counts(x, UNIT_TOKENS)) {
        fits = (least_left(x, UNIT_TOKENS) - input) / ask->choices - ask->output_extra;
        most = fits < most ? fits : most;
    }
    if (counts(x, UNIT_TOKENS_OUT)) {
        fits = least_left(x, UNIT_TOKENS_OUT) / ask->choices - ask->output_extra;
        most = fits < most ? fits : most;
    }
    return most;
}

/* All tokens at their dearest, and the pieces (web searches, ...) that come on top; a piece that may be charged without
 * limit cannot be reserved for. */
static bool fees_unlimited(const struct ask *ask)
{
    for (int fee = 0; fee < FEE_COUNT; fee++)
        if (ask->fees[fee] < 0)
            return true;
    return false;
}

/* Also where no budget asks for it: what an estimate comes to, and what a row and an explanation say, is the price's word or none. */
static bool worst_money(struct exchange *x, int64_t input)
{
    struct facts *f = &x->facts;
    const struct ask *ask = &x->deciding.ask;
    const struct price_most most = { .input = input, .output = f->worst[UNIT_TOKENS_OUT], .fees = ask->fees, .tier = ask->tier, .at_ms = x->times.began_ms };
    nano_usd usd = 0;
    if (!x->deciding.price || fees_unlimited(ask) || price_call_ceiling(x->deciding.price, &most, &usd) != E_OK)
        return false;
    f->worst[UNIT_USD] = usd;
    return true;
}

const struct price *price_of(const struct exchange *x, struct span model)
{
    const struct upstream *u = x->deciding.upstream;
    return price_find(x->snapshot->prices, u->vendor.provider, upstream_price_model(u, model));
}

/* No limit applies, so nothing is set and nothing refused; but an attempt of which nobody knows what became is counted at this. */
static void guess_worst(struct exchange *x)
{
    struct facts *f = &x->facts;
    const struct ask *ask = &x->deciding.ask;
    int64_t input = input_most(x), output = ask->output_limit >= 0 ? ask->output_limit : longest_output(x);
    const struct price_most most = { .input = input, .output = money_mul_div_up(money_add(output, ask->output_extra), ask->choices, 1), .fees = ask->fees,
        .tier = ask->tier, .at_ms = x->times.began_ms };
    nano_usd usd = 0;
    if (!x->routing.planned || !x->deciding.price || input < 0 || fees_unlimited(ask) || price_call_ceiling(x->deciding.price, &most, &usd) != E_OK)
        return;
    f->worst[UNIT_TOKENS_IN] = input;
    f->worst[UNIT_TOKENS_OUT] = most.output;
    f->worst[UNIT_TOKENS] = money_add(input, most.output);
    f->worst[UNIT_USD] = usd;
    f->cost_known = true;
}

/* The field that leaves the cost open, or the piece that has no price. */
static enum next unknown_most(struct exchange *x)
{
    const struct ask *ask = &x->deciding.ask;
    struct span model = span_first(x->facts.model, 100), fee = SPAN_NONE;
    for (int f = 0; f < FEE_COUNT; f++)
        if (ask->fees[f] > 0 && !price_charges(x->deciding.price, (enum fee)f) && !fee.at)
            fee = price_fee_name((enum fee)f);
    if (fees_unlimited(ask) && ask->unlimited)
        return fail(x, E_PRICE_UNKNOWN, "what this call can cost has no limit, and a money budget applies: %s", ask->unlimited);
    if (fee.at)
        return fail(x, E_PRICE_UNKNOWN, "model %.*s has no price for %.*s, and a money budget applies: give it one in prices (units), or leave out what asks for it",
            SPAN_ARG(model), SPAN_ARG(fee));
    return fail(x, E_PRICE_UNKNOWN, "what model %.*s can charge for this call is not known or has no limit, and a money budget applies", SPAN_ARG(model));
}

static enum next price_llm(struct exchange *x)
{
    struct facts *f = &x->facts;
    struct ask *ask = &x->deciding.ask;
    if (ask->pieces)
        return metered_price(x);
    bool money = money_matters(x), tokens = counts_tokens(x);
    x->deciding.price = price_of(x, f->model);
    if (money && !x->deciding.price)
        return fail(x, E_PRICE_UNKNOWN, "no price is known for model %.*s of %.*s, and a money budget applies",
            SPAN_ARG(span_first(f->model, 100)), SPAN_ARG(f->vendor));
    if (!money && !tokens) {
        guess_worst(x);
        return NEXT;
    }
    int64_t input = input_most(x), output = ask->output_limit;
    if (input < 0 && ask->rounds < 0 && ask->unlimited)
        return fail(x, E_PRICE_UNKNOWN, "what this call can cost has no limit, and a budget applies: %s", ask->unlimited);
    if (input < 0)
        return fail(x, E_PRICE_UNKNOWN,
            "the input of this call cannot be bounded (it names content by URL or id) and the model's context size is unknown");
    if (output < 0 && zero_stays(x)) { /* no smaller limit is told, so none is reserved for: it holds even if the vendor takes 0 for none */
        x->charging.output_limit = -1;
        output = longest_output(x);
    } else if (output < 0) {
        output = fitting_output(x, input);
        if (output < longest_output(x) && weigh(x)) {
            input = input_most(x);
            output = fitting_output(x, input);
        }
        x->charging.output_limit = output < OUTPUT_LEAST ? OUTPUT_LEAST : output;
        output = x->charging.output_limit;
    }
    f->worst[UNIT_TOKENS_IN] = input;
    f->worst[UNIT_TOKENS_OUT] = money_mul_div_up(money_add(output, ask->output_extra), ask->choices, 1);
    f->worst[UNIT_TOKENS] = money_add(input, f->worst[UNIT_TOKENS_OUT]);
    f->cost_known = worst_money(x, input);
    if (money && !f->cost_known)
        return unknown_most(x);
    return NEXT;
}

static enum next price_saas(struct exchange *x)
{
    const struct understood *u = &x->deciding.understood;
    struct facts *f = &x->facts;
    f->cost_known = u->cost_known || (x->asking.opaque && !f->moves_money);
    f->worst[UNIT_USD] = u->worst[UNIT_USD];
    f->worst[UNIT_MESSAGES] = u->worst[UNIT_MESSAGES];
    if (!f->cost_known && u->unset_setting.at && money_matters(x))
        return fail(x, E_PRICE_UNKNOWN, "what %.*s can cost at most cannot be told while vendors.%.*s.settings%.*s is not set, and a money budget applies",
            SPAN_ARG(f->operation), SPAN_ARG(f->vendor), SPAN_ARG(span_from(u->unset_setting, SPAN("setting").len)));
    if (!f->cost_known && (money_matters(x) || counts(x, UNIT_MESSAGES)))
        return fail(x, E_PRICE_UNKNOWN,
            "what %.*s can cost at most cannot be told from this request (an amount is missing, or its currency has no rate), "
            "and a budget applies",
            SPAN_ARG(f->operation));
    return f->billed && stopped_now(x) ? STOP : NEXT; /* not known to be when it was let in */
}

/* At the end of what integers hold, a number means nothing any more, and must not stand in a message as if it did. */
static enum next check_countable(struct exchange *x)
{
    for (int unit = 0; unit < UNIT_COUNT; unit++)
        if (x->facts.worst[unit] == MONEY_MAX && (counts(x, (enum unit)unit) || (unit == UNIT_USD && call_ceiling(x) >= 0)))
            return fail(x, E_PRICE_UNKNOWN, "what this call asks for (amount, output limit, number of answers) is more than can be counted, and a budget applies");
    return NEXT;
}

enum next price_call(struct exchange *x)
{
    char limit[MONEY_TEXT], worst[MONEY_TEXT];
    choose_budgets(x);
    x->facts.worst[UNIT_REQUESTS] = !x->routing.counted && !x->routing.racer_count;
    x->facts.worst[UNIT_CALLS] = !x->routing.racer_count;
    nano_usd ceiling = call_ceiling(x);
    if ((is_llm(x) ? price_llm(x) : price_saas(x)) == STOP || check_countable(x) == STOP)
        return STOP;
    if (ceiling >= 0 && x->facts.worst[UNIT_USD] > ceiling && weigh(x) && (price_llm(x) == STOP || check_countable(x) == STOP))
        return STOP;
    if (ceiling >= 0 && x->facts.worst[UNIT_USD] > ceiling) {
        x->rule = ceiling == x->asking.max_cost ? SPAN("x-tollgate-max-cost-usd") : SPAN("policy max_call_usd");
        return fail(x, E_BUDGET_EXCEEDED, "this call can cost %.*s usd; %.*s allows %.*s for one call",
            SPAN_ARG(money_text(x->facts.worst[UNIT_USD], worst)), SPAN_ARG(x->rule), SPAN_ARG(money_text(ceiling, limit)));
    }
    return NEXT;
}

/* ---- reserve: hold that on every account, or refuse ---- */

static void add_line(struct exchange *x, const struct budget *b, const struct budget_account *account)
{
    struct charging *c = &x->charging;
    c->budgets[c->count] = b;
    c->resets_at[c->count] = account->resets_at;
    c->wants[c->count++] = (struct ledger_want){
        .account = account->name,
        .slot = account->slot,
        .limit = budget_limit(b, x->times.began_ms),
        .amount = budget_amount(b, &x->facts),
        .ends_at = account->ends_at,
        .soft = b->soft,
    };
}

/* A line for each account of each budget. One call may touch more objects (customers, recipients) than can be counted: then it
 * is refused, since an account left out would be a cap passed. */
static enum next build_wants(struct exchange *x)
{
    struct charging *c = &x->charging;
    c->count = 0;
    for (size_t i = 0; i < c->chosen_count; i++) {
        struct budget_account accounts[LEDGER_LINES];
        const struct budget *b = c->chosen[i];
        size_t room = LEDGER_LINES - c->count;
        size_t count = budget_accounts(b, &x->facts, x->times.began_ms, &x->arena, accounts, LEDGER_LINES);
        if (!count || x->arena.broken)
            return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
        if (count > room)
            return fail(x, E_SCOPE_DENIED, "this call touches more objects than budget %.*s can count at once: %zu, and there is room for %zu; send fewer in one call",
                SPAN_ARG(b->id), count, room);
        for (size_t k = 0; k < count; k++)
            add_line(x, b, &accounts[k]);
    }
    return NEXT;
}

/* A record of the journal has room for so many, all legs of the call together; one that is left out would be forgotten at a restart. */
static enum next check_room(struct exchange *x)
{
    struct journal_line lines[CALL_LINES];
    if (!x->routing.planned || charged_lines(x, lines) + x->charging.count <= CALL_LINES - SEEN_LINES)
        return NEXT;
    x->charging.count = 0;
    return fail(x, E_TOO_LARGE, "the targets of this call touch more accounts than can be counted for one call (%d)", CALL_LINES - SEEN_LINES);
}

static bool turns_within_an_hour(const struct window *w)
{
    enum { HOUR_MS = 60 * 60 * 1000 };
    return w->kind == WINDOW_MINUTE || w->kind == WINDOW_HOUR || (w->kind == WINDOW_ROLLING && w->length_ms <= HOUR_MS);
}

/* What a waiting client can sensibly wait out is a rate; the rest is a budget. */
static enum err refusal_code(const struct budget *b)
{
    if (b->unit == UNIT_CALLS)
        return E_RATE_LIMITED;
    return turns_within_an_hour(&b->window) && b->unit != UNIT_USD ? E_RATE_LIMITED : E_BUDGET_EXCEEDED;
}

static struct span amount_text(struct exchange *x, enum unit unit, int64_t amount)
{
    char text[MONEY_TEXT];
    if (unit == UNIT_USD)
        return arena_copy(&x->arena, money_text(amount, text));
    return arena_print(&x->arena, "%lld", (long long)amount);
}

/* Of a rolling window: when enough has left for this call to fit. One that asks for more than the limit is told when all has left; where only
 * what is under way is in the way, the end of the sub-window stays: it may be over at any time. */
static int64_t frees_at(const struct charging *c)
{
    const struct ledger_refusal *r = &c->refusal;
    int64_t slot = r->attempted > r->limit ? c->wants[r->line].slot : r->frees;
    return window_frees(&c->budgets[r->line]->window, slot, c->resets_at[r->line]);
}

enum next refuse_for_budget(struct exchange *x)
{
    const struct ledger_refusal *r = &x->charging.refusal;
    const struct budget *b = x->charging.budgets[r->line];
    struct span unit = unit_name(b->unit);
    char at[TIME_TEXT];
    int64_t resets_at = x->charging.resets_at[r->line] = frees_at(&x->charging);
    struct span window = b->window_text;
    x->rule = arena_print(&x->arena, "%.*s: %.*s %.*s per %.*s", SPAN_ARG(b->id), SPAN_ARG(amount_text(x, b->unit, r->limit)),
        SPAN_ARG(unit), SPAN_ARG(window));
    (void)fail(x, refusal_code(b),
        "this call needs up to %.*s %.*s, but budget %.*s of %.*s (%.*s %.*s per %.*s) has %.*s spent and %.*s reserved%s%.*s",
        SPAN_ARG(amount_text(x, b->unit, r->attempted)), SPAN_ARG(unit), SPAN_ARG(b->id), SPAN_ARG(b->owner),
        SPAN_ARG(amount_text(x, b->unit, r->limit)), SPAN_ARG(unit), SPAN_ARG(window),
        SPAN_ARG(amount_text(x, b->unit, r->settled)), SPAN_ARG(amount_text(x, b->unit, r->reserved)),
        resets_at ? "; it resets at " : "; it does not reset by itself",
        SPAN_ARG(resets_at ? text_time(resets_at, at) : SPAN("")));
    tell_refusal(x);
    return STOP;
}

/* A hold that a crash must not forget is in the journal before anything is forwarded. One that grew takes the place of itself. */
enum next journal_the_hold(struct exchange *x)
{
    struct journal_line lines[CALL_LINES];
    struct charging *c = &x->charging;
    const struct repeating *r = &x->repeating;
    const struct world *w = x->desk->world;
    if (!outcome_matters(x) && !is_llm(x))
        return NEXT;
    struct journal_hold hold = {
        .call = x->id, .at = x->times.began_ms, .again = seal_request(x), .lines = lines, .count = charged_lines(x, lines), .again_held = c->journaled
    };
    if (r->claimed)
        hold.once = span_make((const char *)r->once.bytes, DIGEST_LEN);
    buf_clear(&x->desk->scratch);
    write_row(x, &x->desk->scratch, false);
    hold.row = buf_span(&x->desk->scratch);
    if (x->desk->scratch.broken || w->put_hold(w->self, &hold) != E_OK)
        return fail(x, E_LEDGER_UNAVAILABLE, "the ledger cannot record this call; nothing was forwarded");
    c->journaled = true;
    c->position = w->written(w->self);
    return NEXT;
}

enum next try_to_hold(struct exchange *x, enum err *e)
{
    struct charging *c = &x->charging;
    if (build_wants(x) == STOP || check_room(x) == STOP)
        return STOP;
    *e = ledger_reserve(x->desk->ledger, &c->hold, c->wants, c->count, &c->refusal);
    return NEXT;
}

enum next reserve(struct exchange *x)
{
    struct charging *c = &x->charging;
    enum err e = E_BUDGET_EXCEEDED;
    for (int tries = 0; e == E_BUDGET_EXCEEDED && tries < RESERVE_TRIES; tries++) {
        if (tries > 0 && !weigh(x) && c->output_limit < 0)
            break;
        if (tries > 0 && price_llm(x) == STOP) /* by what it really is; or another call took what was left: a smaller answer may fit */
            return STOP;
        if (try_to_hold(x, &e) == STOP)
            return STOP;
    }
    if (e == E_BUDGET_EXCEEDED)
        return refuse_for_budget(x);
    if (e != E_OK)
        return fail(x, E_LEDGER_UNAVAILABLE, "the ledger has no memory for another account; nothing was forwarded");
    c->reserved = true;
    return journal_the_hold(x);
}

/* ---- commit: what moves money waits until its hold is on the platter ---- */

enum { SYNC_MS = 10 * 1000 /* a disk that takes longer is as good as none */ };

static bool must_be_durable(const struct exchange *x)
{
    switch (x->snapshot->settings.durability) {
    case DURABLE_STRICT:
        return x->charging.journaled;
    case DURABLE_MONEY:
        return x->charging.journaled && x->facts.moves_money && !is_llm(x);
    default:
        return false;
    }
}

enum next commit(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (!must_be_durable(x))
        return NEXT;
    switch (w->synced(w->self, x->charging.position, &x->charging.sync_asked)) {
    case IO_END:
        return NEXT;
    case IO_WAIT:
        if (!x->charging.sync_since_ns)
            x->charging.sync_since_ns = w->monotonic_ns(w->self);
        if (w->monotonic_ns(w->self) - x->charging.sync_since_ns > SYNC_MS * INT64_C(1000000))
            return fail(x, E_LEDGER_UNAVAILABLE, "the disk is too slow to confirm the record of this call; nothing was forwarded");
        w->await_news(w->self, x, SYNC_MS);
        return WAIT;
    default:
        return fail(x, E_LEDGER_UNAVAILABLE, "the disk did not confirm the record of this call; nothing was forwarded");
    }
}
