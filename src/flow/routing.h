/* SPDX-License-Identifier: Apache-2.0
 * routing.h - one of several ways to a vendor: the route that a call follows, where on it the call is, and its legs.
 *
 * A leg is one target's part in a call: aimed, said in its vendor's dialect, priced, reserved, asked and settled by itself; so every hold
 * is some leg's, and what a call costs is the sum. The leg at hand stands in the exchange's own members; racers that wait their turn, and
 * legs that are over, stand here. Inside flow/ only. */
#ifndef TG_FLOW_ROUTING_H
#define TG_FLOW_ROUTING_H

#include "base/buf.h"
#include "base/money.h"
#include "route/health.h"
#include "route/route.h"

struct exchange;
struct step;
struct ended;
struct leg;
struct needs;
struct bill;

/* What a step says. RETRY: the same once more. AIM: another leg of the same call is made ready. TURN: the attempt failed, and something may
 * follow. */
enum next { NEXT, WAIT, RETRY, AIM, TURN, STOP };

enum then { TURN_NOWHERE, TURN_AGAIN, TURN_ON };

/* Zeroed: no route, which is how most calls are. */
struct routing {
    const struct route *route;
    struct span name;           /* "fast"; SPAN_NONE: it came inline */
    struct plan plan;
    size_t at;                  /* in the plan */
    const struct target *target; /* plan.list[at]'s; NULL: no route */
    bool planned;
    bool further;               /* a leg is over: what comes is one more */
    bool asked;                 /* some vendor was sent a request */
    bool unsure;                /* what moves money was sent, and it is not known what became of it: it is asked again under its key */
    bool counted;               /* ... and the call is counted as one by a leg that is over */
    struct buf original;        /* the caller's body, for further legs; empty: nothing was laid over it */
    bool kept_original;
    struct span query;          /* the caller's */
    const struct needs *needs;  /* NULL: not looked at */
    int tries;                  /* of this target */
    int64_t deadline_ns;        /* monotonic; 0: none */
    enum then to;              /* what turn_decide said, */
    size_t next;                /* and where on */
    int64_t pause_until_ns;
    int64_t paused_ns; /* all pauses together */
    struct attempt_end outcome;
    struct ended *ended, **ended_end; /* in their order */
    struct leg *racers[ROUTE_RACERS_MOST];
    size_t racer_count;
    struct bill *bill;          /* open beside the leg; NULL: none */
    bool lined_up;              /* no other racer comes */
    bool racing;
    size_t at_hand;             /* the racer whose state stands in the exchange */
    int64_t race_ns;            /* when it began */
    const struct step *first_step; /* of an attempt */
    struct buf skipped;         /* "config.targets[0]: ...": targets that could not serve this call */
    struct health_target *health; /* of the leg's attempt that is under way */
};

/* route.c: does a target's failing lead on to another one? */
static inline bool is_routed(const struct routing *r) { return r->planned; }

/* turn.c: what follows the attempt that ended so; notes it in r->to. True: something does. */
bool turn_decide(struct exchange *x, const struct attempt_end *o);
/* turn.c: the step refused this target before anything was sent. AIM: the next one is to be aimed at; NEXT: racers are ready, and x stands
 * where the last of them stood; STOP: there is no other. */
enum next turn_unfit(struct exchange *x);
/* The attempt that failed may be followed by another one: nothing of it went to the caller, who is still there. */
bool may_turn(const struct exchange *x);
/* turn.c: STOP when the route's deadline is over; else x is run again when it will be. */
enum next keep_time(struct exchange *x);
/* How the attempt at hand ended, as fallback rules see it. */
struct attempt_end outcome_of(struct exchange *x);

/* legs.c */
void leg_begin(struct exchange *x); /* in zeroed members: what needs more than that */
void leg_free(struct exchange *x);  /* frees what the leg at hand holds; its books and its call must be closed */
void leg_hang_up(struct exchange *x); /* closes its calls; what their answers' heads said is no more */
void leg_clear_answer(struct exchange *x); /* what came of an attempt is forgotten: the same leg is asked once more */
void leg_renew(struct exchange *x); /* frees it, and there is a fresh one, of the same caller with the same words */
void leg_end(struct exchange *x);   /* settles the one at hand, notes it among the ended; its call is closed, what came stays */
bool leg_park(struct exchange *x, bool fresh); /* the one at hand becomes one more racer; fresh: and another begins. False: no memory */
void leg_drop_parked(struct exchange *x); /* racers that are not lined up yet: none of them was reserved for */
bool leg_unpark(struct exchange *x); /* the one at hand is no more, the racer that was parked last takes its place; false: there is none */
void leg_load(struct exchange *x, size_t racer); /* that racer's state becomes the one at hand; the one there is stored first */
void attempt_over(struct exchange *x, struct span why); /* notes its end, for the row and for the target's health */
nano_usd call_reserved(const struct exchange *x);
nano_usd call_cost(const struct exchange *x); /* all legs, with the one at hand as it is settled */
bool call_estimated(const struct exchange *x); /* some leg's cost is */

/* race.c */
enum next race_run(struct exchange *x);
void race_stop(struct exchange *x);  /* all racers but the one at hand end now */

#endif
