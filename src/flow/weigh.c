/* SPDX-License-Identifier: Apache-2.0
 * weigh.c - the input of a call to an LLM by the model's own tokens: before the call, where the bound by its bytes would refuse it or cut
 * its answer short; after it, where the vendor never told. */
#include "flow/steps.h"

#include "dialect/bound.h"
#include "dialect/tally.h"

enum vocabulary vocabulary_of(const struct exchange *x)
{
    const struct upstream *u = x->deciding.upstream;
    return u ? tokens_vocabulary(u->vendor.provider, upstream_price_model(u, x->facts.model)) : VOCABULARY_NONE;
}

/* Does the body hold texts that the model reads as they are? */
static bool weighable(const struct exchange *x)
{
    const struct dialect *d = x->deciding.dialect;
    return is_llm(x) && d && !d->read_form && !d->measure && !x->asking.opaque && span_starts(span_of(d->name), SPAN("openai_"));
}

bool weigh(struct exchange *x)
{
    struct ask *ask = &x->deciding.ask;
    if (x->charging.weighed || !weighable(x) || ask->input_unbounded)
        return false;
    x->charging.weighed = true;
    int64_t saved = bound_saved(buf_span(&x->asking.body), vocabulary_of(x));
    ask->input_most -= saved;
    return saved > 0;
}

/* The bound stands where nothing better is known: the model's context, where the body does not hold all of it. */
int64_t weigh_input(struct exchange *x)
{
    const struct dialect *d = x->deciding.dialect;
    const struct translator *t = d ? d->translator : NULL;
    const struct upstream *u = x->deciding.upstream;
    int64_t bound = input_most(x), most = bound < 0 ? x->deciding.ask.input_most : bound;
    struct arena memory;
    struct call call;
    const char *why;
    if (x->deciding.ask.input_unbounded || !weighable(x) || !t || !t->read_call || vocabulary_of(x) == VOCABULARY_NONE || x->asking.body.len > BOUND_BODY_MOST)
        return most;
    arena_init(&memory, 8 * (size_t)BOUND_BODY_MOST);
    call_begin(&call);
    if (t->read_call(x->desk->json, buf_span(&x->asking.body), &memory, &call, &why) == E_OK) {
        int64_t tokens = tally_call(&call, u->vendor.provider, upstream_price_model(u, x->facts.model), &memory);
        most = tokens < most && !memory.broken ? tokens : most;
    }
    arena_free(&memory);
    return most;
}
