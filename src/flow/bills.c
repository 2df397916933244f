/* SPDX-License-Identifier: Apache-2.0
 * bills.c - what is paid for a call's sake beside its legs: held before it is asked for, settled by itself (legs.h). */
#include "flow/legs.h"
#include "flow/steps.h"

struct aside {
    struct facts facts;
    struct charging charging;
};

static void bring_in(struct exchange *x, const struct bill *b, struct aside *own)
{
    own->facts = x->facts;
    own->charging = x->charging;
    x->facts = b->facts;
    x->charging = b->charging;
}

static void take_out(struct exchange *x, struct bill *b, const struct aside *own)
{
    b->facts = x->facts;
    b->charging = x->charging;
    x->facts = own->facts;
    x->charging = own->charging;
}

bool bill_open(struct exchange *x, struct bill *b)
{
    struct aside own;
    enum err e = E_BUDGET_EXCEEDED;
    const struct world *w = x->desk->world;
    must(!x->routing.bill);
    b->charging = (struct charging){ .output_limit = -1, .remaining = -1 };
    b->began_ns = w->monotonic_ns(w->self);
    bring_in(x, b, &own);
    choose_budgets(x);
    enum err fault = x->fault;
    if (try_to_hold(x, &e) == STOP) {
        e = E_BUDGET_EXCEEDED;
        x->fault = fault;
    }
    x->charging.reserved = e == E_OK;
    take_out(x, b, &own);
    if (e != E_OK)
        return false;
    x->routing.bill = b;
    return journal_the_hold(x) == NEXT;
}

void bill_close(struct exchange *x, struct bill *b, int status, const int64_t real[UNIT_COUNT], bool estimated, struct span why)
{
    struct aside own;
    const struct world *w = x->desk->world;
    must(x->routing.bill == b && x->attempt_count < ATTEMPTS_MAX);
    bring_in(x, b, &own);
    x->charging.cost = real[UNIT_USD];
    x->charging.priced = true;
    x->charging.estimated = estimated;
    close_books(x, real);
    note_ended(x, &x->facts, &x->charging);
    x->attempts[x->attempt_count++] = (struct attempt){ .started_ns = b->began_ns,
        .ended_ns = w->monotonic_ns(w->self),
        .status = status,
        .vendor = x->facts.vendor,
        .model = x->facts.model,
        .why = why,
        .cost = real[UNIT_USD] };
    take_out(x, b, &own);
    x->routing.bill = NULL;
}

void bill_abandon(struct exchange *x)
{
    struct bill *b = x->routing.bill;
    if (b)
        bill_close(x, b, 0, b->facts.worst, true, SPAN("nobody waited for its end"));
}
