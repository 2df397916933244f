/* SPDX-License-Identifier: Apache-2.0
 * plan.c - from a tree to a list of rounds: whom this call asks, in which order. See route.h.
 *
 * Children are planned first; what a node does is to order its children's parts. A child nothing of which can be asked has an empty part
 * and is out. */
#include "route/plan.h"

#include <stdarg.h>
#include <stdio.h>

enum { SKIPPED_MOST = 8192, STAGGER_UNKNOWN_MS = 1000 };

static struct part plan_node(struct planning *p, const struct route *r);

const struct standing *plan_standing(struct planning *p, const struct target *t)
{
    for (size_t i = 0; i < p->known_count; i++)
        if (p->known[i].target == t)
            return &p->known[i].standing;
    struct known *k = &p->known[p->known_count++];
    k->target = t;
    k->standing = (struct standing){ .price = -1, .latency_us = -1, .p95_us = -1, .headroom_ppm = -1 };
    p->v->standing(p->v->self, t, &k->standing);
    return &k->standing;
}

void plan_skip(struct planning *p, struct span path, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (p->skipped.len)
        buf_put(&p->skipped, SPAN("; "));
    buf_print(&p->skipped, "%.*s: %s", SPAN_ARG(path), text);
}

const struct planned *plan_part_first(const struct part *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (!p->list[i].shadow)
            return &p->list[i];
    return &p->list[0];
}

static struct part room(struct planning *p, const struct route *r)
{
    struct part part = { ARENA_ARRAY(p->a, struct planned, r->leaf_count + 1), 0, 0 };
    p->broken = p->broken || !part.list;
    return part;
}

/* ---- leaves ---- */

static struct part plan_leaf(struct planning *p, const struct route *r)
{
    struct part part = { NULL, 0, 0 };
    const struct standing *s = plan_standing(p, r->target);
    struct span why = s->why.at ? s->why : !s->usable ? SPAN("not allowed for this key") : !s->qualifies ? SPAN("cannot serve this call") : SPAN("its breaker is open");
    if (!s->usable || !s->qualifies || (s->open && !p->open_too)) {
        plan_skip(p, r->path, "%.*s", SPAN_ARG(span_first(why, 300)));
        return part;
    }
    part = room(p, r);
    if (!part.list)
        return part;
    part.list[0] = (struct planned){ .target = r->target, .leaf = r, .why = s->open ? SPAN("its breaker is open, but nothing else is left") : SPAN_NONE };
    part.count = part.rounds = 1;
    return part;
}

/* ---- nodes ---- */

/* Behind what is there. */
static void add(struct part *to, const struct part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        to->list[to->count] = part->list[i];
        to->list[to->count++].round += to->rounds;
    }
    to->rounds += part->rounds;
}

/* The node's reason stands before the child's: "weight 0.7 of 1; cheapest: ...". */
static void say_why(struct planning *p, struct part *part, size_t from, struct span why)
{
    struct planned *one = part->count > from ? &part->list[from] : NULL;
    if (!one || !why.at)
        return;
    one->why = one->why.at ? arena_print(p->a, "%.*s; %.*s", SPAN_ARG(why), SPAN_ARG(one->why)) : why;
}

static struct part *plan_children(struct planning *p, const struct route *r)
{
    struct part *parts = ARENA_ARRAY(p->a, struct part, r->count);
    p->broken = p->broken || !parts;
    for (size_t i = 0; i < r->count && parts; i++)
        parts[i] = plan_node(p, &r->children[i]);
    return parts;
}

static struct part in_order(struct planning *p, const struct route *r)
{
    struct part part = room(p, r), *parts = plan_children(p, r);
    for (size_t i = 0; i < r->count && !p->broken; i++) {
        size_t from = part.count;
        add(&part, &parts[i]);
        if (i)
            say_why(p, &part, from, SPAN("fallback"));
    }
    return part;
}

typedef size_t chooser(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why);

static struct part chosen(struct planning *p, const struct route *r, chooser *choose)
{
    size_t order[ROUTE_TARGETS_MOST];
    struct span why = SPAN_NONE;
    struct part part = room(p, r), *parts = plan_children(p, r);
    size_t n = p->broken ? 0 : choose(p, r, parts, order, &why);
    for (size_t i = 0; i < n && (i == 0 || r->failover); i++) {
        size_t from = part.count;
        add(&part, &parts[order[i]]);
        say_why(p, &part, from, i ? SPAN("the next best") : why);
    }
    return part;
}

static const struct route *child_named(const struct route *r, struct span name)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->children[i].name.at && span_is(r->children[i].name, name))
            return &r->children[i];
    return NULL;
}

static struct part by_condition(struct planning *p, const struct route *r)
{
    struct part part = { NULL, 0, 0 };
    const struct route *child = NULL;
    const char *ignored;
    size_t i = 0;
    bool holds = false;
    for (const struct node *n = r->conditions->first; n && !holds; n = n->next, i++)
        if (!route_query_holds(node_get(n, "query"), p->v, p->a, &holds, &ignored))
            holds = false;
        else if (holds)
            child = child_named(r, node_get(n, "then")->text);
    if (!child && r->otherwise.at)
        child = child_named(r, r->otherwise);
    if (!child) {
        p->undecided = true;
        plan_skip(p, r->path, "no condition holds and there is no default");
        return part;
    }
    part = plan_node(p, child);
    say_why(p, &part, 0, holds ? arena_print(p->a, "conditions[%zu]", i - 1) : SPAN("default"));
    return part;
}

/* How long after the first the next one starts. */
static int64_t stagger_ms(struct planning *p, const struct route *r, const struct part *part)
{
    if (r->stagger_ms >= 0 || !part->count)
        return r->stagger_ms < 0 ? 0 : r->stagger_ms;
    int64_t p95 = plan_standing(p, plan_part_first(part)->target)->p95_us;
    return p95 < 0 ? STAGGER_UNKNOWN_MS : (p95 + 999) / 1000;
}

/* The first round of each at once; what each would do next follows, one member after the other. */
static struct part race(struct planning *p, const struct route *r)
{
    struct part part = room(p, r), *parts = plan_children(p, r);
    int64_t apart = 0;
    size_t runners = 0;
    for (size_t i = 0; i < r->count && !p->broken; i++) {
        if (!runners && parts[i].count)
            apart = stagger_ms(p, r, &parts[i]);
        for (size_t k = 0; k < parts[i].count && parts[i].list[k].round == 0; k++) {
            part.list[part.count] = parts[i].list[k];
            part.list[part.count].delay_ms += (int64_t)runners * apart;
            say_why(p, &part, part.count++, SPAN("race"));
        }
        runners += parts[i].count > 0;
    }
    part.rounds = part.count ? 1 : 0;
    for (size_t i = 0; i < r->count && !p->broken; i++) {
        size_t k = 0, from = part.count;
        while (k < parts[i].count && parts[i].list[k].round == 0)
            k++;
        if (k == parts[i].count)
            continue;
        struct part rest = { parts[i].list + k, parts[i].count - k, parts[i].rounds - 1 };
        for (size_t m = 0; m < rest.count; m++)
            rest.list[m].round--;
        add(&part, &rest);
        say_why(p, &part, from, SPAN("after the race"));
    }
    for (size_t i = 0; i < part.count; i++)
        part.list[i].accept = &r->accept;
    return part;
}

/* The first answers; each other's first is asked with its first. */
static struct part shadowed(struct planning *p, const struct route *r)
{
    struct part part = room(p, r), *parts = plan_children(p, r);
    if (p->broken || !parts[0].count)
        return part;
    size_t heard = 0;
    while (heard < parts[0].count && parts[0].list[heard].round == 0)
        part.list[part.count++] = parts[0].list[heard++];
    for (size_t i = 1; i < r->count; i++) {
        if (!parts[i].count)
            continue;
        struct planned *one = &part.list[part.count++];
        *one = *plan_part_first(&parts[i]);
        one->round = 0;
        one->delay_ms = 0;
        one->shadow = true;
        one->accept = NULL;
        one->why = SPAN("shadow");
    }
    while (heard < parts[0].count)
        part.list[part.count++] = parts[0].list[heard++];
    part.rounds = parts[0].rounds;
    return part;
}

static struct part plan_node(struct planning *p, const struct route *r)
{
    if (r->target)
        return plan_leaf(p, r);
    switch (r->mode) {
    case ROUTE_BALANCE:
        return chosen(p, r, order_balance);
    case ROUTE_CHEAPEST:
    case ROUTE_FASTEST:
        return chosen(p, r, order_best);
    case ROUTE_CANARY:
        return chosen(p, r, order_canary);
    case ROUTE_CONDITIONAL:
        return by_condition(p, r);
    case ROUTE_RACE:
        return race(p, r);
    case ROUTE_SHADOW:
        return shadowed(p, r);
    case ROUTE_SINGLE:
    case ROUTE_FALLBACK:
        break;
    }
    return in_order(p, r);
}

enum err route_plan(const struct route *r, const struct route_view *v, struct arena *a, struct plan *out, struct span *why)
{
    struct planning p = { .v = v, .a = a, .seed = v->dice, .known = ARENA_ARRAY(a, struct known, r->leaf_count + 1) };
    buf_init(&p.skipped, SKIPPED_MOST);
    *why = SPAN_NONE;
    p.broken = !p.known;
    struct part all = p.broken ? (struct part){ NULL, 0, 0 } : plan_node(&p, r);
    if (!p.broken && !all.count) {
        p.open_too = true;
        p.seed = v->dice;
        p.undecided = false;
        buf_clear(&p.skipped);
        all = plan_node(&p, r);
    }
    *out = (struct plan){ r, all.list, all.count, p.skipped.len ? arena_copy(a, buf_span(&p.skipped)) : SPAN_NONE };
    buf_free(&p.skipped);
    if (p.broken || a->broken)
        return E_NO_MEMORY;
    if (all.count)
        return E_OK;
    *why = out->skipped;
    return p.undecided ? E_BAD_REQUEST : E_OPERATION_DENIED;
}
