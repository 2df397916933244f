/* SPDX-License-Identifier: Apache-2.0
 * guard.h - the steps that ask the guardrails of a route's target: of what goes to its model, and of what comes back. Inside flow/ only.
 *
 * Sets are compiled once for a configuration, by each worker for itself; those of a route in a header with its call. */
#ifndef TG_FLOW_GUARD_H
#define TG_FLOW_GUARD_H

#include "flow/exchange.h"

/* guard_texts.c: what the request says; what a held answer, or a held stream (answering.pending), says. STOP: it cannot be looked at. */
enum next guard_request_texts(struct exchange *x, struct guard_text *out);
enum next guard_answer_texts(struct exchange *x, struct guard_text *out);

/* Does its target, or its race, have guardrails for answers? Then nothing of an answer goes out before it is whole and was judged. */
bool guard_holds(const struct exchange *x);
/* In a race: is the answer at hand, which is whole, to the liking of its race's own guards (strategy.accept.guards)? */
bool guard_accepts(struct exchange *x);
/* In a refusal: Portkey's status and body for its callers, hook_results in the body for all. */
void guard_deny(struct exchange *x);
/* "failed: g1, g2" or "passed"; SPAN_NONE: none was asked. */
struct span guard_word(struct exchange *x);

#endif
