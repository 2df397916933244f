/* SPDX-License-Identifier: Apache-2.0
 * trial.h - an experiment's pair: one request, answered to its caller by the first target of a shadow route and to nobody by another, and
 * what a judge makes of the two.
 *
 * When the mirrored call is over, the judge is asked twice, by calls of their own: once with the first answer in front, once with the second.
 * Only what it says both times counts; what it says of the place is a tie. The texts live in memory, in the one call of the pair that is under
 * way, and go with it: what is written down is who, what it cost, how long it took and the verdict (docs/experiments.md). */
#ifndef TG_FLOW_TRIAL_H
#define TG_FLOW_TRIAL_H

#include "flow/exchange.h"

enum { TRIAL_TEXT_MOST = 1 << 20 /* of an answer as it came; pairs with a larger one are not judged */ };

struct trial;

/* Once the plan is made: whether this call is one of the experiment's share. */
void trial_draw(struct exchange *x);
/* Whether that shadow is asked: of an experiment only where the call was drawn, and answered well. */
bool trial_lets(const struct exchange *x, size_t planned);
/* The answer is gathered while it passes. */
static inline bool trial_listens(const struct exchange *x) { return x->drawn || (x->trial && x->mirror != FOR_JUDGE); }
/* x, which was answered, is the first of a pair. NULL: no experiment, or no memory. */
struct trial *trial_begin(struct exchange *x, size_t planned);
/* The mirror, or a judge's call, is over: what follows. */
void trial_go_on(struct exchange *x);
/* A call to the judge in x's name; x's trial is its own from here on. False: no memory. */
bool trial_begin_judge(struct exchange *judge, struct exchange *x);
/* SPAN_NONE: not part of one */
struct span trial_name(const struct exchange *x);
void trial_free(struct trial *t);

#endif
