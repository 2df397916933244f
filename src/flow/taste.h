/* SPDX-License-Identifier: Apache-2.0
 * taste.h - a stream whose caller gets nothing of it before it is known to be an answer. Inside flow/ only. */
#ifndef TG_FLOW_TASTE_H
#define TG_FLOW_TASTE_H

#include "flow/exchange.h"
#include "flow/speak.h"

/* Nothing may go to the caller yet: while something else could follow if this fails. */
bool taste_waits(const struct exchange *x);
/* What came so far (answering.pending) is the beginning of an answer: notes it. */
bool taste_events(struct exchange *x);

#endif
