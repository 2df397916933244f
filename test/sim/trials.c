/* SPDX-License-Identifier: Apache-2.0
 * trials.c - what must hold of a routed call: when one more attempt may be made, what each of them costs, and whose answer the caller has. */
#include <stdio.h>

#include "rules/price.h"
#include "test/sim/sim.h"

/* ---- one more attempt ---- */

void sim_check_turn(struct sim_call *c)
{
    struct sim *s = c->sim;
    const struct routing *r = &c->x.routing;
    int tries = r->route ? r->route->tries : ROUTE_TRIES_MOST;
    if (c->hung_up && !c->mirrors)
        sim_wrong(s, "another attempt, and nobody waits for an answer");
    if (c->head_sent)
        sim_wrong(s, "another attempt after the first byte reached the caller");
    if (c->opened >= (size_t)tries || c->opened >= ROUTE_TRIES_MOST)
        sim_wrong(s, "more attempts than a call may have");
    for (const struct sim_line *l = c->last; l; l = l->before)
        if (l->open && !r->racing)
            sim_wrong(s, "another attempt while one is under way");
}

void sim_check_sent(struct sim_line *l)
{
    struct sim_call *c = l->call;
    const struct exchange *x = &c->x;
    if (!c->routed)
        return;
    l->worst = x->facts.worst[UNIT_USD];
    l->price = x->deciding.price;
    l->doubtful = x->answering.doubtful;
    if (x->routing.deadline_ns && c->sim->now_ms * 1000000 > x->routing.deadline_ns)
        sim_wrong(c->sim, "forwarded after the route's deadline");
    if ((c->hung_up && !c->mirrors) || c->head_sent)
        sim_wrong(c->sim, "forwarded when it was too late for an answer");
    if (!c->holds)
        sim_wrong(c->sim, "forwarded without a hold in the journal");
}

/* One that moves money goes out again only under a key that its vendor keeps, and no more once it is known what became of it. */
void sim_check_again(struct sim_line *l, struct span head)
{
    struct sim_call *c = l->call;
    if (!c->routed || c->named)
        return;
    for (const struct sim_line *before = l->before; before; before = before->before) {
        if (before->was_sent && span_find(head, SPAN("idempotency-key: ")) < 0)
            sim_wrong(c->sim, "money moves twice, and nothing tells the vendor that it is the same");
        if (before->charged && !l->doubtful)
            sim_wrong(c->sim, "asked again as if nothing could have become of the first asking");
    }
}

/* ---- what it cost ---- */

/* What the vendor told it took; false: not all of it came. */
static bool told_all(struct sim_call *c, const struct sim_line *l, nano_usd *exact)
{
    struct usage u = { .known = true, .vendor_cost = -1, .input_total = l->took_in, .output_total = l->took_out };
    bool readable = l->lie != SIM_OTHER_SHAPE && l->lie != SIM_WRONG_TYPE;
    bool whole = l->end_at && (l->heard != SIM_GEMINI || l->ended) && l->answer_given >= l->end_at && l->lie_at == SIZE_MAX;
    u.tokens[METER_IN] = l->took_in;
    u.tokens[METER_OUT] = l->took_out;
    return price_cost(l->price, &u, c->x.times.began_ms, exact) == E_OK && readable && whole && l->answers_stream && l->usage_said && l->head_given && !l->vendor_refuses;
}

static void check_attempt(struct sim_call *c, const struct sim_line *l, bool in_doubt)
{
    struct sim *s = c->sim;
    const struct attempt *a = &c->x.attempts[l->attempt];
    nano_usd exact = 0;
    if (!a->ended_ns)
        sim_wrong(s, "an attempt without an end");
    if (!c->named)
        return;
    if (a->cost < 0 || (l->was_sent && a->cost > l->worst))
        sim_wrong(s, "an attempt cost more than was held for it");
    if (!l->was_sent) {
        if (a->cost)
            sim_wrong(s, "an attempt that was never sent cost something");
        return;
    }
    bool all = told_all(c, l, &exact);
    if (all && a->cost != exact && a->cost != l->worst)
        sim_wrong(s, "the vendor told what an attempt took, and the row says something else");
    if (all && c->answers == l && a->cost != exact)
        sim_wrong(s, "the vendor told what its answer took, and the row says something else");
    if (!l->head_given && !in_doubt && a->cost != l->worst)
        sim_wrong(s, "an attempt of which nothing is known is not counted at its worst");
    if (l->head_given && l->answer_head.status == 200 && !a->cost && exact && !in_doubt)
        sim_wrong(s, "an attempt's answer was for nothing");
    if (l->head_given && l->vendor_refuses && a->cost)
        sim_wrong(s, "a refusal cost something");
}

/* The key's own budget of money has all that the call cost, and one of requests has one. */
static void check_lines(struct sim_call *c, const struct journal_row *r, bool sent)
{
    const struct charging *g = &c->x.charging;
    for (size_t i = 0; i < g->count; i++) {
        const struct budget *b = g->budgets[i];
        int64_t real = 0;
        for (size_t k = 0; k < r->count; k++)
            if (g->wants[i].slot == r->lines[k].slot && span_is(g->wants[i].account, r->lines[k].account))
                real += r->lines[k].real;
        if (b->unit == UNIT_USD && !b->filter_count && real != r->cost)
            sim_wrong(c->sim, "an account was not charged what the call cost");
        if (b->unit == UNIT_REQUESTS && sent && r->verdict != VERDICT_IN_DOUBT && real != 1)
            sim_wrong(c->sim, "a call did not count as one request");
        if (b->unit == UNIT_CALLS && real)
            sim_wrong(c->sim, "a call that is over counts as one under way");
    }
}

/* Others were cut off for it: then it must be an answer, as far as that can be known at its beginning. */
static void check_winner(struct sim_call *c, const struct sim_line *loser)
{
    const struct routing *r = &c->x.routing;
    const struct sim_line *won = c->answers;
    bool cut = span_is(c->x.attempts[loser->attempt].why, SPAN("another target was faster"));
    if (!cut || !won || c->x.fault != E_OK)
        return;
    const struct acceptance *accept = r->plan.list[r->at].accept;
    if (won->vendor_refuses || (won->lie == SIM_SILENT && !(accept && accept->empty)))
        sim_wrong(c->sim, "what is no answer won a race");
    if (won->lie == SIM_REFUSES && won->heard != SIM_RESPONSES && !won->answers_stream && !(accept && accept->refused))
        sim_wrong(c->sim, "a refusal won a race");
}

void sim_check_routed(struct sim_call *c, const struct journal_row *r)
{
    const struct exchange *x = &c->x;
    nano_usd sum = 0;
    bool sent = false, in_doubt = r->verdict == VERDICT_IN_DOUBT;
    c->answers = x->answering.call;
    c->l = c->answers ? x->answering.call : c->last ? c->last : c->l;
    for (size_t i = 0; i < x->attempt_count; i++)
        sum += x->attempts[i].cost;
    if (sum != r->cost)
        sim_wrong(c->sim, "a row's cost is not that of its attempts");
    if (x->attempt_count != c->opened)
        sim_wrong(c->sim, "the row does not know all attempts");
    if (r->cost > r->reserved)
        sim_wrong(c->sim, "a routed call cost more than was held for it");
    for (const struct sim_line *l = c->last; l; l = l->before) {
        sent = sent || l->was_sent;
        if (l->open && l != c->answers)
            sim_wrong(c->sim, "a connection is open beside that of the answer");
        check_attempt(c, l, in_doubt && l == c->answers);
        if (l != c->answers)
            check_winner(c, l);
    }
    check_lines(c, r, sent);
}

/* ---- whose answer it is ---- */

/* A stream says that it is whole (but Gemini's); any other answer is so when its body had its end: all its bytes may have come before the
 * connection broke, and nobody could know that they were all. */
static bool good_answer(const struct sim_line *l)
{
    bool all = l->end_at && l->answer_given >= l->end_at && (l->ended || (l->answers_stream && l->heard != SIM_GEMINI));
    return l->was_sent && l->lie == SIM_HONEST && !l->vendor_refuses && all;
}

/* Each line's words have its number in them. */
static void check_words(struct sim_call *c, struct span told, const struct sim_line *answers)
{
    ptrdiff_t at;
    while ((at = span_find(told, SPAN("zq"))) >= 0) {
        unsigned number = 0;
        size_t i = 0;
        told = span_from(told, (size_t)at + 2);
        for (; i < told.len && told.at[i] >= '0' && told.at[i] <= '9'; i++)
            number = number * 10 + (unsigned)(told.at[i] - '0');
        bool is_word = i && i < told.len && told.at[i] == '.'; /* and not a part of an id */
        if (is_word && (!answers || number != answers->number))
            sim_wrong(c->sim, "the caller has words of another attempt than the one that answers");
    }
}

static bool was_raced(const struct sim_call *c)
{
    const struct routing *r = &c->x.routing;
    return r->planned && r->plan.list[r->at].accept;
}

void sim_check_routed_end(struct sim_call *c)
{
    const struct exchange *x = &c->x;
    const struct sim_line *answers = c->answers;
    for (const struct sim_line *l = c->last; l; l = l->before)
        if (l->open)
            sim_wrong(c->sim, "a connection was left open");
    if (!c->named || x->repeating.of || x->caching.of)
        return;
    check_words(c, buf_span(&c->told), answers && answers->head_given ? answers : NULL);
    for (const struct sim_line *l = c->last; l; l = l->before) {
        if (l != answers && good_answer(l) && c->replied && !c->head_sent)
            sim_wrong(c->sim, "a good answer was there, and the caller has none");
        if (l != answers && was_raced(c) && answers && good_answer(l) && (answers->vendor_refuses || answers->lie == SIM_SILENT) && c->x.fault == E_OK)
            sim_wrong(c->sim, "an answer that is none won over a good one");
    }
    if (x->routing.racer_count)
        sim_wrong(c->sim, "racers were left");
}
