/* SPDX-License-Identifier: Apache-2.0
 * realtime_books.c - the money of a realtime session (docs/realtime.md).
 *
 * One hold for the whole session. It always covers what was used so far and, at its dearest, every response that is under way or that
 * the vendor may begin by itself; it grows before the event that needs more is let through, and is settled once, when the session ends.
 * So no account is ever beyond its limit, and after a crash what was held stays reserved, in doubt. */
#include "flow/realtime.h"
#include "flow/steps.h"

static int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- the dearest response ---- */

/* -1: no bound is known. */
static int64_t input_bound(const struct exchange *x)
{
    const struct price *p = x->deciding.price;
    int64_t context = p ? price_context(p) : 0, said = x->realtime->books.conversation;
    if (said < 0)
        return context > 0 ? context : -1;
    said = money_mul_div_up(said, 1, REALTIME_STEP_TOKENS) * REALTIME_STEP_TOKENS;
    return context > 0 && context < said ? context : said;
}

static int64_t output_bound(const struct exchange *x)
{
    int64_t own = x->deciding.ask.output_limit, said = x->realtime->books.output_limit;
    return said >= 0 && said < own ? said : own;
}

static int64_t responses_to_cover(const struct realtime_books *b)
{
    return b->under_way + (b->listens && b->heard ? 1 : 0);
}

/* Everything that the session can have cost when all that is under way is over. False: that cannot be said. */
static bool worst_of(const struct exchange *x, int64_t responses, int64_t worst[UNIT_COUNT])
{
    const struct realtime_books *b = &x->realtime->books;
    int64_t input = input_bound(x), output = output_bound(x);
    nano_usd one = 0;
    const struct price_most most = { .input = input, .output = output, .at_ms = x->times.began_ms };
    if (input < 0)
        return !money_matters(x) && !counts_tokens(x);
    if (x->deciding.price && price_call_ceiling(x->deciding.price, &most, &one) != E_OK)
        return !money_matters(x);
    worst[UNIT_USD] = money_add(money_add(b->usd, most_of(b->heard_usd, b->heard_most_usd)), money_mul_div_up(one, responses, 1));
    int64_t heard = most_of(b->heard_tokens, b->heard_most_tokens);
    worst[UNIT_TOKENS_IN] = money_add(money_add(b->input, heard), money_mul_div_up(input, responses, 1));
    worst[UNIT_TOKENS_OUT] = money_add(money_add(b->output, heard), money_mul_div_up(output, responses, 1));
    worst[UNIT_TOKENS] = money_add(worst[UNIT_TOKENS_IN], worst[UNIT_TOKENS_OUT]);
    return true;
}

/* ---- the hold grows ---- */

/* A rolling account counts what is taken now in the present part of its window; the others go on with the window in which the session began. */
static int64_t slot_now(struct exchange *x, size_t line)
{
    struct budget_account accounts[LEDGER_LINES];
    const struct world *w = x->desk->world;
    const struct ledger_want *want = &x->charging.wants[line];
    if (want->slot == LEDGER_NO_SLOT)
        return want->slot;
    size_t count = budget_accounts(x->charging.budgets[line], &x->facts, w->now_ms(w->self), &x->arena, accounts, LEDGER_LINES);
    for (size_t i = 0; i < count && i < LEDGER_LINES; i++)
        if (span_is(accounts[i].name, want->account))
            return accounts[i].slot;
    return want->slot;
}

/* What each account lacks. False: none lacks anything. */
static bool lacking(struct exchange *x, struct ledger_want wants[LEDGER_LINES])
{
    struct charging *c = &x->charging;
    bool some = false;
    for (size_t i = 0; i < c->count; i++) {
        int64_t amount = budget_amount(c->budgets[i], &x->facts);
        wants[i] = c->wants[i];
        wants[i].amount = amount > c->wants[i].amount ? amount - c->wants[i].amount : 0;
        some = some || wants[i].amount > 0;
    }
    for (size_t i = 0; some && i < c->count; i++)
        wants[i].slot = slot_now(x, i);
    return some;
}

static enum next take_more(struct exchange *x, const struct ledger_want wants[LEDGER_LINES], bool *fits)
{
    struct charging *c = &x->charging;
    struct ledger_hold more = { .open = false };
    enum err e = ledger_reserve(x->desk->ledger, &more, wants, c->count, &c->refusal);
    *fits = e == E_OK;
    if (e == E_BUDGET_EXCEEDED)
        return NEXT;
    if (e != E_OK)
        return fail(x, E_LEDGER_UNAVAILABLE, "the ledger has no memory for more; nothing more was forwarded");
    for (size_t i = 0; i < c->count; i++) {
        c->wants[i].amount = money_add(c->wants[i].amount, wants[i].amount);
        c->wants[i].slot = wants[i].slot;
    }
    ledger_join(x->desk->ledger, &c->hold, &more);
    c->sync_asked = 0;
    c->sync_since_ns = 0;
    return journal_the_hold(x);
}

static bool over_ceiling(const struct exchange *x, nano_usd usd)
{
    nano_usd ceiling = call_ceiling(x);
    return ceiling >= 0 && usd > ceiling;
}

enum next realtime_cover(struct exchange *x, bool *fits)
{
    int64_t before[UNIT_COUNT];
    struct ledger_want wants[LEDGER_LINES];
    memcpy(before, x->facts.worst, sizeof(before));
    *fits = false;
    if (!worst_of(x, responses_to_cover(&x->realtime->books), x->facts.worst) || over_ceiling(x, x->facts.worst[UNIT_USD])) {
        memcpy(x->facts.worst, before, sizeof(before));
        return NEXT;
    }
    for (int unit = 0; unit < UNIT_COUNT; unit++) /* what is held is not given back before the end */
        x->facts.worst[unit] = most_of(x->facts.worst[unit], before[unit]);
    *fits = true;
    struct arena_mark mark = arena_mark(&x->arena);
    enum next next = lacking(x, wants) ? take_more(x, wants, fits) : NEXT;
    if (next == NEXT)
        arena_rewind(&x->arena, mark);
    if (!*fits)
        memcpy(x->facts.worst, before, sizeof(before));
    return next;
}

/* ---- what is said and told ---- */

static void more_conversation(struct realtime_books *b, int64_t tokens, bool unbounded)
{
    if (unbounded)
        b->conversation = -1;
    else if (b->conversation >= 0)
        b->conversation = money_add(b->conversation, tokens);
}

/* What is heard may be written down by another model, which is charged for it. */
static void count_sound(struct exchange *x, int64_t bytes)
{
    struct realtime_books *b = &x->realtime->books;
    int64_t fees[FEE_COUNT] = { 0 }, seconds = realtime_seconds(bytes), tokens = seconds * 10 + 10;
    nano_usd usd = 0;
    if (!b->transcriber_name.at || !bytes)
        return;
    fees[FEE_AUDIO_SECOND] = b->transcriber && price_charges(b->transcriber, FEE_AUDIO_SECOND) ? seconds : 0;
    const struct price_most most = { .input = tokens, .output = tokens, .fees = fees, .at_ms = x->times.began_ms };
    if (!b->transcriber || price_call_ceiling(b->transcriber, &most, &usd) != E_OK)
        b->unpriced = true;
    b->heard_most_usd = money_add(b->heard_most_usd, usd);
    b->heard_most_tokens = money_add(b->heard_most_tokens, tokens);
}

static void note_transcriber(struct exchange *x, struct span model)
{
    struct realtime_books *b = &x->realtime->books;
    if (!model.len || span_is(model, b->transcriber_name))
        return;
    b->transcriber_name = arena_copy(&x->arena, model);
    b->transcriber = price_of(x, model);
}

void realtime_count_said(struct exchange *x, const struct realtime_said *said)
{
    struct realtime_books *b = &x->realtime->books;
    note_transcriber(x, said->transcriber);
    more_conversation(b, said->tokens, said->unbounded);
    count_sound(x, said->sound);
    b->heard = b->heard || said->speaks;
    if (said->starts) {
        b->under_way++;
        b->asked++;
    }
    if (said->limits)
        b->output_limit = -1;
    if (!said->updates)
        return;
    b->updates++;
    b->output_limit = -1;
    b->listens = true;
}

static void add_usage(struct usage *sum, const struct usage *u)
{
    for (int i = 0; i < METER_COUNT; i++)
        sum->tokens[i] = money_add(sum->tokens[i], u->tokens[i]);
}

/* A response that does not say what it cost may have cost all that was held for it. */
static void response_is_over(struct exchange *x, const struct realtime_told *told)
{
    struct realtime_books *b = &x->realtime->books;
    const struct usage *u = &told->usage;
    nano_usd usd = 0;
    if (u->known) {
        if (x->deciding.price && price_cost(x->deciding.price, u, x->times.began_ms, &usd) != E_OK)
            b->unpriced = true;
        b->input = money_add(b->input, u->input_total);
        b->output = money_add(b->output, u->output_total);
        add_usage(&b->sum, u);
        more_conversation(b, u->output_total, false);
    } else if (!told->failed) {
        int64_t with[UNIT_COUNT] = { 0 }, without[UNIT_COUNT] = { 0 };
        b->estimated = true;
        if (worst_of(x, 1, with) && worst_of(x, 0, without))
            usd = with[UNIT_USD] - without[UNIT_USD];
        more_conversation(b, output_bound(x), false);
    }
    b->usd = money_add(b->usd, usd);
    b->responses++;
    if (b->under_way > b->asked)
        b->under_way--;
    else if (b->under_way > 0) { /* its beginning was not told */
        b->under_way--;
        b->asked--;
    }
}

static void is_written_down(struct exchange *x, const struct usage *u)
{
    struct realtime_books *b = &x->realtime->books;
    nano_usd usd = 0;
    b->transcriptions++;
    if (!u->known) {
        b->estimated = true;
        b->heard_usd = most_of(b->heard_usd, b->heard_most_usd);
        return;
    }
    if (!b->transcriber || price_cost(b->transcriber, u, x->times.began_ms, &usd) != E_OK)
        b->unpriced = true;
    b->heard_usd = money_add(b->heard_usd, usd);
    b->heard_tokens = money_add(b->heard_tokens, money_add(u->input_total, u->output_total));
}

static void note_session(struct exchange *x, const struct realtime_told *told)
{
    struct realtime_books *b = &x->realtime->books;
    if (told->news == REALTIME_UPDATED && b->updates > 0)
        b->updates--;
    note_transcriber(x, told->transcriber);
    if (b->updates > 0) /* another one is on its way: what it changes is not known yet */
        return;
    b->listens = told->listens;
    b->output_limit = told->output_limit;
}

void realtime_count_told(struct exchange *x, const struct realtime_told *told)
{
    struct realtime_books *b = &x->realtime->books;
    switch (told->news) {
    case REALTIME_SESSION:
    case REALTIME_UPDATED:
        note_session(x, told);
        break;
    case REALTIME_BEGAN:
        if (b->asked > 0)
            b->asked--;
        else
            b->under_way++;
        break;
    case REALTIME_DONE:
        response_is_over(x, told);
        break;
    case REALTIME_TRANSCRIBED:
        is_written_down(x, &told->usage);
        break;
    case REALTIME_BUSY:
        if (b->asked > 0) {
            b->asked--;
            b->under_way--;
        }
        break;
    case REALTIME_OTHER:
        break;
    }
}

/* ---- settle ---- */

/* What was told; and for responses that nobody heard the end of, all that was held for them. */
void realtime_measure(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct realtime_books *b = &x->realtime->books;
    struct usage *u = &x->answering.usage;
    int64_t worst[UNIT_COUNT] = { 0 };
    struct charging *c = &x->charging;
    u->vendor_cost = -1;
    c->priced = true;
    if (!realtime_open(x))
        return;
    bool lost = b->under_way > 0;
    b->heard_most_usd = lost ? b->heard_most_usd : 0; /* what was never written down cost nothing */
    b->heard_most_tokens = lost ? b->heard_most_tokens : 0;
    bool known = worst_of(x, b->under_way, worst) || !lost;
    real[UNIT_USD] = known && lost ? worst[UNIT_USD] : money_add(b->usd, b->heard_usd);
    u->input_total = real[UNIT_TOKENS_IN] = known && lost ? worst[UNIT_TOKENS_IN] : money_add(b->input, b->heard_tokens);
    u->output_total = real[UNIT_TOKENS_OUT] = known && lost ? worst[UNIT_TOKENS_OUT] : b->output;
    real[UNIT_TOKENS] = money_add(real[UNIT_TOKENS_IN], real[UNIT_TOKENS_OUT]);
    memcpy(u->tokens, b->sum.tokens, sizeof(u->tokens));
    u->known = true;
    u->estimated = c->estimated = lost || b->estimated;
    c->priced = !b->unpriced && (x->deciding.price || price_of(x, x->facts.model)) && known;
    u->raw = arena_print(&x->arena, "{\"responses\":%lld,\"transcriptions\":%lld,\"text_in\":%lld,\"text_cached\":%lld,\"audio_in\":%lld,\"audio_cached\":%lld,\"image_in\":%lld,\"text_out\":%lld,\"audio_out\":%lld,\"transcription_usd_nano\":%lld}",
        (long long)b->responses, (long long)b->transcriptions, (long long)u->tokens[METER_IN], (long long)u->tokens[METER_CACHE_READ],
        (long long)u->tokens[METER_AUDIO_IN], (long long)u->tokens[METER_AUDIO_CACHE_READ], (long long)u->tokens[METER_IMAGE_IN],
        (long long)u->tokens[METER_OUT], (long long)u->tokens[METER_AUDIO_OUT], (long long)b->heard_usd);
}
