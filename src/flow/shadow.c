/* SPDX-License-Identifier: Apache-2.0
 * shadow.c - see shadow.h. */
#include "flow/shadow.h"

#include "flow/steps.h"

/* Whether it was the policy in force that refused, and not a budget, a stop or the vendor. */
static bool policy_refused(const struct exchange *x)
{
    switch (x->fault) {
    case E_OPERATION_DENIED:
    case E_MODEL_DENIED:
    case E_PARAMETER_DENIED:
    case E_SCOPE_DENIED:
    case E_APPROVAL_REQUIRED:
    case E_APPROVAL_REFUSED:
        return true;
    case E_BUDGET_EXCEEDED:
        return span_starts(x->rule, SPAN("policy "));
    default:
        return false;
    }
}

static bool understood(const struct exchange *x)
{
    return x->deciding.body.at || x->facts.model.at || x->asking.opaque;
}

static enum err judge_cost(struct exchange *x, const struct policy *p, struct span *why)
{
    const struct facts *f = &x->facts;
    if (p->max_call_usd >= 0 && (!f->cost_known || f->worst[UNIT_USD] > p->max_call_usd)) {
        *why = SPAN("it can cost more than max_call_usd");
        return E_BUDGET_EXCEEDED;
    }
    for (size_t i = 0; i < p->approval_count; i++) {
        if (!approval_holds(&p->approvals[i], f, object_seen, x))
            continue;
        *why = arena_print(&x->arena, "it would wait for a person (rule \"%.*s\")", SPAN_ARG(p->approvals[i].name));
        return E_APPROVAL_REQUIRED;
    }
    return E_OK;
}

static enum err judge_policy(struct exchange *x, const struct policy *p, struct span *why)
{
    enum err e = policy_operation(p, &x->facts, &x->arena, why);
    if (e != E_OK || !understood(x))
        return e;
    if (x->facts.model.at)
        e = policy_model(p, &x->facts, &x->arena, why);
    if (e == E_OK)
        e = policy_scopes(p, &x->facts, &x->arena, why);
    if (e == E_OK)
        e = policy_parameters(p, &x->facts, &x->arena, why);
    return e == E_OK ? judge_cost(x, p, why) : e;
}

struct span shadow_verdict(struct exchange *x)
{
    const struct policy *p = x->deciding.key ? x->deciding.key->shadow : NULL;
    struct span why = SPAN_NONE;
    struct buf text;
    if (!p || !x->facts.operation.at)
        return SPAN_NONE;
    enum err e = judge_policy(x, p, &why);
    buf_init(&text, 4096);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("policy"), p->name);
    json_pair(&o, SPAN("version"), p->version);
    json_pair(&o, SPAN("verdict"), e == E_OK ? SPAN("allowed") : SPAN("denied"));
    json_pair(&o, SPAN("denied"), e == E_OK ? SPAN_NONE : err_code(e));
    json_pair(&o, SPAN("reason"), span_first(why, 500));
    json_pair_bool(&o, SPAN("differs"), (e == E_OK) == policy_refused(x));
    json_pair(&o, SPAN("judged"), understood(x) ? SPAN("call") : SPAN("operation"));
    json_close(&o, '}');
    struct span out = text.broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(&text));
    buf_free(&text);
    return out;
}
