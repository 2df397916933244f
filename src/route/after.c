/* SPDX-License-Identifier: Apache-2.0
 * after.c - an attempt is over: once more, someone else, or is that the answer? */
#include "route/route.h"

/* No answer at all is the status a gateway would give for it: no list of codes could name it otherwise. */
static bool codes_hold(const struct codes *c, const struct attempt_end *o)
{
    static const int late[] = { 408, 504, 0 }, gone[] = { 500, 502, 503, 0 };
    const int *meant = o->failures & FAILURE_TIMEOUT ? late : gone;
    for (size_t i = 0; i < c->count; i++) {
        if (o->status && c->list[i] == o->status)
            return true;
        for (size_t k = 0; !o->status && meant[k]; k++)
            if (c->list[i] == meant[k])
                return true;
    }
    return false;
}

static unsigned depth_of(const struct route *r)
{
    unsigned depth = 0;
    for (; r->parent; r = r->parent)
        depth++;
    return depth;
}

static const struct route *common(const struct route *a, const struct route *b)
{
    unsigned deep_a = depth_of(a), deep_b = depth_of(b);
    for (; deep_a > deep_b; deep_a--)
        a = a->parent;
    for (; deep_b > deep_a; deep_b--)
        b = b->parent;
    for (; a != b; a = a->parent)
        b = b->parent;
    return a;
}

/* Whether this node goes on to the next of its children after such an end. */
static bool leads_on(const struct route *r, const struct attempt_end *o)
{
    if (o->unfit)
        return true;
    if (r->mode != ROUTE_FALLBACK || (!r->on_status.given && !r->on_errors))
        return true;
    return (r->on_status.given && codes_hold(&r->on_status, o)) || (r->on_errors & o->failures);
}

/* Of all that ran in the round of i, the nearest to j. */
static const struct route *decider(const struct plan *p, size_t i, size_t j)
{
    const struct route *nearest = common(p->list[i].leaf, p->list[j].leaf);
    for (size_t k = 0; k < p->count; k++) {
        if (p->list[k].round != p->list[i].round || p->list[k].shadow)
            continue;
        const struct route *other = common(p->list[k].leaf, p->list[j].leaf);
        if (depth_of(other) > depth_of(nearest))
            nearest = other;
    }
    return nearest;
}

size_t plan_after(const struct plan *p, size_t i, const struct attempt_end *o)
{
    unsigned round = p->list[i].round;
    if (o->accepted)
        return p->count;
    for (size_t j = i + 1; j < p->count; j++) {
        if (p->list[j].round == round || p->list[j].shadow)
            continue;
        if (leads_on(decider(p, i, j), o))
            return j;
        round = p->list[j].round; /* its others stand under the same node */
    }
    return p->count;
}

bool retry_again(const struct retry *r, int tries, const struct attempt_end *o)
{
    return !o->accepted && !o->unfit && tries <= r->attempts && codes_hold(&r->on, o);
}
