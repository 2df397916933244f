/* SPDX-License-Identifier: Apache-2.0
 * spoiled.h - a stream that was an error and nothing else, while its caller had got nothing of it: it becomes the answer that its error
 * would have been. Inside flow/ only. */
#ifndef TG_FLOW_SPOILED_H
#define TG_FLOW_SPOILED_H

#include "flow/exchange.h"

/* An event of the stream (an event_sink, self is the exchange): keeps the error, if it is one and nothing was said before. */
void spoil_note(void *self, const struct event *e);
/* The same of a frame that is not translated, which the meter takes for an error. */
void spoil_hear(struct exchange *x, const struct sse_event *frame);
/* Holds the error in the caller's words, under its status. False: it is not known, or has no room. */
bool spoil_become(struct exchange *x);
static inline bool is_spoiled(const struct exchange *x) { return x->answering.spoiled && x->answering.mode == RELAY_HOLD; }

#endif
