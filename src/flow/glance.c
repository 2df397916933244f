/* SPDX-License-Identifier: Apache-2.0
 * glance.c - the step before objects are read: a call that surely does not fit its budgets is refused without asking the vendor
 * anything.
 *
 * Its cost without the objects is taken, as far as it is known, and held for a moment on the accounts that do not depend on whose
 * object it is. A loop of refunds past its cap thus reaches the vendor neither with refunds nor with questions about them.
 *
 * Next to read: consult.c. */
#include "flow/steps.h"

static bool by_object(enum dimension d)
{
    return d == DIMENSION_SCOPE || d == DIMENSION_CUSTOMER;
}

static bool depends_on_objects(const struct budget *b)
{
    for (size_t i = 0; i < b->filter_count; i++)
        if (by_object(b->filters[i].what))
            return true;
    for (size_t i = 0; i < b->per_count; i++)
        if (by_object(b->per[i].what))
            return true;
    return false;
}

bool budgets_depend_on_objects(struct exchange *x)
{
    choose_budgets(x);
    for (size_t i = 0; i < x->charging.chosen_count; i++)
        if (depends_on_objects(x->charging.chosen[i]))
            return true;
    return false;
}

static void choose_plain_budgets(struct exchange *x)
{
    struct charging *c = &x->charging;
    size_t kept = 0;
    choose_budgets(x);
    for (size_t i = 0; i < c->chosen_count; i++)
        if (!depends_on_objects(c->chosen[i]))
            c->chosen[kept++] = c->chosen[i];
    c->chosen_count = kept;
}

/* What is not known without the objects counts as nothing here: those who look at it later say so. */
static void cost_without_objects(struct exchange *x)
{
    struct understood u;
    struct span why = SPAN_NONE;
    struct asked asked = asked_of(x);
    asked.read_objects = false;
    if (vendor_understand(x->desk->json, &asked, &x->arena, &u, &why) == E_OK && u.cost_known)
        memcpy(x->facts.worst, u.worst, sizeof(x->facts.worst));
    x->facts.worst[UNIT_REQUESTS] = x->facts.worst[UNIT_CALLS] = 1;
}

enum next glance(struct exchange *x)
{
    struct charging *c = &x->charging;
    enum err e = E_OK;
    if (!x->deciding.understood.wanted.name.at || x->side.call)
        return NEXT;
    cost_without_objects(x);
    choose_plain_budgets(x);
    if (try_to_hold(x, &e) == STOP)
        return STOP;
    if (e == E_BUDGET_EXCEEDED)
        return refuse_for_budget(x);
    if (e == E_OK)
        ledger_release(x->desk->ledger, &c->hold);
    c->count = 0;
    memset(&x->facts.worst, 0, sizeof(x->facts.worst));
    return NEXT;
}
