/* SPDX-License-Identifier: Apache-2.0
 * speak.h - a call whose caller speaks one dialect and whose vendor another: its body on the way up, its answer on the way down. */
#ifndef TG_FLOW_SPEAK_H
#define TG_FLOW_SPEAK_H

#include "flow/exchange.h"

static inline bool is_translated(const struct exchange *x) { return x->speaking.translation != NULL; }
/* The dialect in which the caller is spoken to; NULL: in its vendor's own shape. */
const struct dialect *caller_dialect(const struct exchange *x);
/* One frame of a vendor's stream: what the caller is sent for it goes to out; what it says of usage to the meter. */
void speak_frame(struct exchange *x, const struct sse_event *frame, struct buf *out);
/* The same bytes with the slack behind them that readers want; SPAN_NONE: no memory. */
struct span speak_padded(struct arena *a, struct span data);
/* The body of a stream ended in order: what the caller is sent for that. */
void speak_end(struct exchange *x, struct buf *out);
/* What goes to the caller for these events: the same, or, for a caller of Gemini that did not ask for events, items of a JSON array. */
struct span speak_events(struct exchange *x, struct span events, bool end);
/* What the caller sees of a vendor's fields when the body is not the vendor's. */
void speak_fields(struct exchange *x);
/* A refusal of the gate's in the caller's dialect, into answering.body; false: it has none. */
bool speak_denial(struct exchange *x, struct span details);
/* x-tollgate-dropped, x-tollgate-adapted: names, in the arena; SPAN_NONE: none. */
struct span speak_dropped(struct exchange *x);
struct span speak_adapted(struct exchange *x);
/* The same call is asked once more: nothing of the answer before is left. */
void speak_begin_anew(struct exchange *x);
/* The call as its caller said it, neutral; NULL: it is not translated. */
const struct call *speak_call(const struct exchange *x);
/* A whole answer that is held, as it came from the vendor, neutral; false: it is none of a dialect that is read. */
bool speak_hear(struct exchange *x, struct answer *out);
/* The caller wants usage in its stream. */
bool speak_usage_wanted(const struct exchange *x);
void speak_free(struct exchange *x);

#endif
