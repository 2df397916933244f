/* SPDX-License-Identifier: Apache-2.0
 * match.c - match_operation: what does this call do? An operation of a vendor, or one of the gate's own paths for a dialect.
 *
 * Next to read: admit.c. */
#include "flow/steps.h"

/* A bare path is the business of the vendors that the key has credentials for. One match is clear; several LLM vendors
 * speaking one dialect mean the first of the key's credentials; anything else could be read in two ways. */
static enum next match_by_key(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    const struct upstream *found = NULL;
    struct matched hit;
    for (size_t i = 0; i < key->credential_count; i++) {
        const struct upstream *u = key->credentials[i]->upstream;
        if (u == found || !vendor_match(&u->vendor, x->asking.head->method, x->asking.path, &hit))
            continue;
        if (!found) {
            found = u;
            x->deciding.matched = hit;
        } else if (!hit.operation->dialect.at) {
            return fail(x, E_NOT_CANONICAL, "this path belongs to %.*s and to %.*s; put the vendor before it: /%.*s%.*s",
                SPAN_ARG(found->vendor.slug), SPAN_ARG(u->vendor.slug), SPAN_ARG(found->vendor.slug), SPAN_ARG(x->asking.path));
        }
    }
    x->deciding.upstream = found ? found : key->bound;
    if (x->deciding.upstream)
        x->facts.vendor = x->deciding.upstream->vendor.slug;
    return NEXT;
}

/* One path, many operations: the body says which. */
static enum next refine(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    struct span why = SPAN_NONE;
    if (!operation_of(x) || !operation_of(x)->fields)
        return NEXT;
    enum next next = gather_body(x, x->snapshot->settings.limits.body_bytes);
    if (next != NEXT)
        return next;
    enum err e = vendor_refine(x->desk->json, &d->upstream->vendor, buf_span(&x->asking.body), &x->arena, &d->matched, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}

void note_operation(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    x->facts.operation = op->name;
    x->facts.writes = op->writes;
    x->facts.secret = op->secret;
    x->facts.moves_money = op->moves_money;
    x->facts.refund = op->refund;
    x->facts.billed = false;
}

/* A vendor may have a name of its own for the idempotency key. */
static enum next name_once(struct exchange *x)
{
    struct span once = x->deciding.upstream->vendor.once;
    if (!once.at)
        return NEXT;
    if (http_count(x->asking.head, once) > 1)
        return fail(x, E_NOT_CANONICAL, "the field %.*s is given more than once", SPAN_ARG(once));
    if (!x->asking.idempotency.at)
        x->asking.idempotency = http_get(x->asking.head, once);
    return NEXT;
}

/* The gate's own paths for each dialect, where the key has an LLM vendor behind them, and nothing else offers the same path. */
static bool comes_to_front(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    const struct key *key = x->deciding.key;
    const struct upstream *u = x->deciding.upstream;
    bool llm = u && u->llm;
    if (u && !llm)
        return false;
    const struct front *f = front_match(x->asking.head->method, x->asking.path, &s->model_in_path);
    if (!f || (u && operation_of(x)))
        return false;
    for (size_t i = 0; !u && i < key->credential_count; i++) {
        const struct upstream *offers = key->credentials[i]->upstream;
        struct matched hit;
        if (!offers->llm && vendor_match(&offers->vendor, x->asking.head->method, x->asking.path, &hit))
            return false;
        llm = llm || offers->llm;
    }
    s->front = llm ? f : NULL;
    s->dialect = llm ? dialect_find(span_of(f->dialect)) : NULL;
    return llm;
}

enum next match_operation(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    if (x->deciding.upstream)
        (void)vendor_match(&x->deciding.upstream->vendor, h->method, x->asking.path, &x->deciding.matched);
    if (comes_to_front(x))
        return NEXT;
    if (!x->deciding.upstream) {
        if (match_by_key(x) == STOP)
            return STOP;
    }
    const struct operation *op = operation_of(x);
    if (!x->deciding.upstream)
        return fail(x, E_OPERATION_DENIED,
            "no vendor is named by this path and this key is bound to several; put one before it: /<vendor>%.*s",
            SPAN_ARG(span_first(x->asking.path, 200)));
    if (!op && x->asking.path.len > 1 && span_ends(x->asking.path, SPAN("/")))
        return fail(x, E_NOT_CANONICAL, "the path ends with a slash");
    if (!op)
        return fail(x, E_OPERATION_DENIED,
            "%.*s %.*s is no operation of %.*s that this gate knows; unknown operations are refused", SPAN_ARG(h->method),
            SPAN_ARG(span_first(x->asking.path, 200)), SPAN_ARG(x->facts.vendor));
    enum next next = refine(x);
    if (next != NEXT)
        return next;
    note_operation(x);
    x->deciding.dialect = x->deciding.upstream->dialects[operation_of(x)->index];
    return name_once(x);
}
