/* SPDX-License-Identifier: Apache-2.0
 * legs.h - a leg that does not stand in the exchange: a racer, or one that is over. Inside flow/ only. */
#ifndef TG_FLOW_LEGS_H
#define TG_FLOW_LEGS_H

#include "flow/exchange.h"

/* What an exchange has of one leg; swapped in and out whole. */
struct leg {
    struct asking asking;
    struct facts facts;
    struct deciding deciding;
    struct speaking speaking;
    struct charging charging;
    struct guarding guarding;
    struct side side;
    struct consulting consulting;
    struct answering answering;
    struct times times;
    size_t attempt;
    size_t at;
    const struct target *target;
    struct health_target *health;
    enum err fault;
    struct span why, rule;
    /* of a racer */
    const struct step *step;
    bool started, over;
};

/* One that is over: what it counted. */
struct ended {
    struct facts facts;
    struct charging charging;
    struct ended *next;
};

/* Among those that are over. */
void note_ended(struct exchange *x, const struct facts *facts, const struct charging *charging);

/* Something else that is paid for the call's sake, besides its legs (an embedding): reserved before it is asked for, and settled by itself.
 * One at a time. */
struct bill {
    struct facts facts; /* whose: a copy of the call's with vendor, operation, model, worst[]; REQUESTS and CALLS 0: it is no call of its own */
    struct charging charging;
    int64_t began_ns;
};

/* Holds it on every account, journaled with the call. false: it does not fit, or cannot be recorded; the call goes on without. */
bool bill_open(struct exchange *x, struct bill *b);
/* Settles it; the row shows it as an attempt of its own, `why` beside it. */
void bill_close(struct exchange *x, struct bill *b, int status, const int64_t real[UNIT_COUNT], bool estimated, struct span why);
/* One that is open when the call ends is counted at its worst. */
void bill_abandon(struct exchange *x);

#endif
