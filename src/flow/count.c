/* SPDX-License-Identifier: Apache-2.0
 * count.c - POST /v1/messages/count_tokens and :countTokens, for any model: the vendor counts where it speaks the caller's dialect; else
 * the gate does, exactly where it has the model's vocabulary (rules/tokens.h), by an estimate where it has not. Nothing is spent. */
#include "flow/steps.h"

#include "dialect/tally.h"
#include "flow/local.h"

static bool vendor_counts(struct exchange *x)
{
    struct matched hit;
    const struct upstream *u = x->deciding.upstream;
    if (x->speaking.model.at || !vendor_match(&u->vendor, x->asking.head->method, x->asking.path, &hit))
        return false;
    x->speaking.front = NULL; /* from here on it is the vendor's own path */
    x->deciding.matched = hit;
    x->deciding.dialect = NULL;
    note_operation(x);
    return true;
}

enum next count_tokens(struct exchange *x)
{
    const struct dialect *d = x->speaking.dialect;
    struct call call;
    const char *why = "";
    if (vendor_counts(x))
        return NEXT;
    x->facts.operation = SPAN("count_tokens");
    if (may_come(x) == STOP)
        return STOP;
    call_begin(&call);
    enum err e = d->translator->read_call(x->desk->json, buf_span(&x->asking.body), &x->arena, &call, &why);
    if (e != E_OK)
        return fail(x, e, "the body cannot be read: %s", why);
    int64_t tokens = tally_call(&call, x->deciding.upstream->vendor.provider, upstream_price_model(x->deciding.upstream, x->facts.model), &x->arena);
    tally_write(span_of(d->name), tokens, &x->answering.body);
    return answer_local(x);
}
