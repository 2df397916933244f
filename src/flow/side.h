/* SPDX-License-Identifier: Apache-2.0
 * side.h - a request of the gate's own inside a call: an object is read, a token is fetched. For steps only.
 *
 * One at a time; its answer is held whole, up to SIDE_MOST. It belongs to the call: when that ends, so does it. */
#ifndef TG_FLOW_SIDE_H
#define TG_FLOW_SIDE_H

#include "flow/exchange.h"

enum { SIDE_MOST = 1 << 20 };

/* Runs x->side.request (whole, in the arena) against that origin of x's vendor. IO_WAIT: the step returns WAIT and calls it
 * again. IO_END: x->side.status and .body hold the answer. IO_FAILED: there is none, or a stop forbids it (then the call has
 * failed). Then side_end, before the next one. */
enum io side_run(struct exchange *x, size_t origin);
void side_end(struct exchange *x);
/* What is remembered of a vendor is remembered for this credential: "stripe/main". */
struct span side_owner(struct exchange *x);

#endif
