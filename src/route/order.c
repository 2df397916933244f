/* SPDX-License-Identifier: Apache-2.0
 * order.c - which of a node's children comes first: by lot, by load, by latency, by price, by who asks. */
#include <stdio.h>

#include "base/json.h"
#include "base/money.h"
#include "route/draw.h"
#include "route/plan.h"

static const struct standing *standing_of(struct planning *p, const struct part *part) { return plan_standing(p, plan_part_first(part)->target); }

static double weight_of(const struct route *child) { return (double)child->weight_ppm / 1e6; }

/* ---- who asks ---- */

/* The fields' values, one after the other; SPAN_NONE: none is there. */
static struct span asker(struct planning *p, const struct route *r)
{
    struct buf text;
    bool any = false;
    buf_init(&text, (size_t)256 << 10);
    for (size_t i = 0; i < r->sticky_count; i++) {
        struct span value = p->v->field(p->v->self, r->sticky[i], p->a);
        any = any || (value.at && !span_is(value, SPAN("null")));
        buf_put(&text, r->sticky[i]);
        buf_put_byte(&text, '=');
        if (value.at)
            buf_put(&text, value);
        buf_put_byte(&text, '\n');
    }
    struct span who = any && !text.broken ? arena_copy(p->a, buf_span(&text)) : SPAN_NONE;
    buf_free(&text);
    return who;
}

static const struct target *first_leaf(const struct route *r)
{
    while (!r->target)
        r = &r->children[0];
    return r->target;
}

static struct span plain_identity(struct planning *p, const struct route *child)
{
    const struct target *t = first_leaf(child);
    if (child->name.at)
        return child->name;
    return arena_print(p->a, "%.*s/%.*s/%.*s/%.*s", SPAN_ARG(t->provider), SPAN_ARG(t->credential), SPAN_ARG(t->model), SPAN_ARG(t->region));
}

/* What a child is called whatever its place: a target that is taken out of a route moves none of the others. */
static struct span identity(struct planning *p, const struct route *r, size_t at)
{
    struct span own = plain_identity(p, &r->children[at]);
    unsigned same = 0;
    for (size_t i = 0; i < at; i++)
        same += span_is(plain_identity(p, &r->children[i]), own);
    return same ? arena_print(p->a, "%.*s#%u", SPAN_ARG(own), same) : own;
}

/* ---- lists ---- */

static void swap(size_t *a, size_t *b)
{
    size_t was = *a;
    *a = *b;
    *b = was;
}

/* By score, highest first; equal ones stay in their order. */
static void sort(size_t *order, const double *scores, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && scores[order[k]] > scores[order[k - 1]]; k--)
            swap(&order[k], &order[k - 1]);
}

/* Those that can be asked and weigh something. */
static size_t candidates(struct planning *p, const struct route *r, const struct part *parts, size_t from, size_t *order)
{
    size_t n = 0;
    for (size_t i = from; i < r->count; i++) {
        if (!parts[i].count)
            continue;
        if (r->children[i].weight_ppm > 0)
            order[n++] = i;
        else
            plan_skip(p, r->children[i].path, "weight 0");
    }
    return n;
}

/* ---- balance ---- */

static double pull(struct planning *p, const struct route *r, const struct part *part, const struct route *child)
{
    double weight = weight_of(child);
    if (r->by != BALANCE_HEADROOM)
        return weight;
    int64_t ppm = standing_of(p, part)->headroom_ppm;
    return weight * (ppm < 0 ? 1.0 : ppm < 1000 ? 0.001 : (double)ppm / 1e6);
}

/* All of order[], drawn one after the other. */
static void draw_all(struct planning *p, const struct route *r, const struct part *parts, size_t *order, size_t n)
{
    double weights[ROUTE_TARGETS_MOST];
    for (size_t at = 0; at + 1 < n; at++) {
        for (size_t i = at; i < n; i++)
            weights[i - at] = pull(p, r, &parts[order[i]], &r->children[order[i]]);
        size_t hit = draw_one(&p->seed, weights, n - at);
        for (size_t i = at + (hit < n - at ? hit : 0); i > at; i--)
            swap(&order[i], &order[i - 1]);
    }
}

/* Two by lot, the one that would answer sooner of them; what was never asked is tried. */
static void two_choices(struct planning *p, const struct part *parts, size_t *order, size_t n)
{
    if (n < 2)
        return;
    const struct standing *one = standing_of(p, &parts[order[0]]), *other = standing_of(p, &parts[order[1]]);
    double first = (double)(one->latency_us < 0 ? 0 : one->latency_us) * (double)(one->in_flight + 1);
    double second = (double)(other->latency_us < 0 ? 0 : other->latency_us) * (double)(other->in_flight + 1);
    if (second < first)
        swap(&order[0], &order[1]);
}

static void least_busy(struct planning *p, const struct route *r, const struct part *parts, size_t *order, size_t n)
{
    double scores[ROUTE_TARGETS_MOST];
    for (size_t i = 0; i < n; i++)
        scores[order[i]] = -(double)standing_of(p, &parts[order[i]])->in_flight / weight_of(&r->children[order[i]]);
    sort(order, scores, n);
}

static void stick(struct planning *p, const struct route *r, struct span who, size_t *order, size_t n)
{
    double scores[ROUTE_TARGETS_MOST];
    for (size_t i = 0; i < n; i++)
        scores[order[i]] = draw_score(who, identity(p, r, order[i]), weight_of(&r->children[order[i]]));
    sort(order, scores, n);
}

static struct span why_balanced(struct planning *p, const struct route *r, const struct part *parts, const size_t *order, size_t n)
{
    double all = 0;
    const struct standing *s = standing_of(p, &parts[order[0]]);
    for (size_t i = 0; i < n; i++)
        all += pull(p, r, &parts[order[i]], &r->children[order[i]]);
    double own = pull(p, r, &parts[order[0]], &r->children[order[0]]);
    switch (r->by) {
    case BALANCE_BUSY:
        return arena_print(p->a, "least busy: %lld under way", (long long)s->in_flight);
    case BALANCE_LATENCY:
        return s->latency_us < 0 ? SPAN("latency: not known yet") : arena_print(p->a, "latency: %lld ms", (long long)(s->latency_us / 1000));
    case BALANCE_HEADROOM:
        return s->headroom_ppm < 0 ? SPAN("headroom: not known yet") : arena_print(p->a, "headroom: %lld%% left", (long long)(s->headroom_ppm / 10000));
    case BALANCE_WEIGHT:
        break;
    }
    return arena_print(p->a, "weight %g of %g", own, all);
}

size_t order_balance(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why)
{
    size_t n = candidates(p, r, parts, 0, order);
    struct span who = asker(p, r);
    if (!n)
        return 0;
    draw_all(p, r, parts, order, n);
    if (who.at) {
        stick(p, r, who, order, n);
        *why = SPAN("sticky");
        return n;
    }
    if (r->by == BALANCE_LATENCY)
        two_choices(p, parts, order, n);
    else if (r->by == BALANCE_BUSY)
        least_busy(p, r, parts, order, n);
    *why = why_balanced(p, r, parts, order, n);
    return n;
}

/* ---- cheapest, fastest ---- */

/* Less is better; what is not known comes last. */
static double merit(const struct standing *s, enum route_mode mode)
{
    int64_t value = mode == ROUTE_CHEAPEST ? s->price : s->latency_us;
    return value < 0 ? -1e30 : -(double)value;
}

size_t order_best(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why)
{
    double scores[ROUTE_TARGETS_MOST];
    char money[MONEY_TEXT];
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        if (parts[i].count && standing_of(p, &parts[i])->unproven)
            plan_skip(p, plan_part_first(&parts[i])->leaf->path, "the price book says nothing of its abilities");
        else if (parts[i].count) {
            scores[i] = merit(standing_of(p, &parts[i]), r->mode);
            order[n++] = i;
        }
    if (!n)
        return 0;
    sort(order, scores, n);
    const struct standing *best = standing_of(p, &parts[order[0]]);
    if (r->mode == ROUTE_CHEAPEST)
        *why = best->price < 0 ? SPAN("cheapest: no price is known") : arena_print(p->a, "cheapest: %.*s usd", SPAN_ARG(money_text(best->price, money)));
    else
        *why = best->latency_us < 0 ? SPAN("fastest: no latency is known") : arena_print(p->a, "fastest: %lld ms", (long long)(best->latency_us / 1000));
    return n;
}

/* ---- canary ---- */

/* 0 <= x < 100; the same for the same asker. */
static double percentile(struct planning *p, const struct route *r)
{
    struct span who = asker(p, r);
    if (!who.at)
        return draw_share(&p->seed) * 100;
    uint64_t seed = span_hash(who, span_hash(r->path, 0));
    return draw_share(&seed) * 100;
}

size_t order_canary(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why)
{
    bool chosen = percentile(p, r) < r->percent;
    size_t rest[ROUTE_TARGETS_MOST], n = candidates(p, r, parts, 1, rest), count = 0;
    draw_all(p, r, parts, rest, n);
    if (n && (chosen || !parts[0].count)) {
        order[count++] = rest[0];
        *why = chosen ? arena_print(p->a, "canary: %d%%", r->percent) : SPAN("canary: the first cannot be asked");
    }
    if (parts[0].count)
        order[count++] = 0;
    if (!why->at)
        *why = arena_print(p->a, "not of the canary's %d%%", r->percent);
    return count;
}
