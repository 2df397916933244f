/* SPDX-License-Identifier: Apache-2.0
 * callback.h - where a vendor calls back after a call: at the gate, which notes it and carries it on to where the agent wanted
 * it.
 *
 * The gate's own address goes into the parameter the manifest names, if `public_url` is configured; the agent's own stands in it,
 * sealed, so that nothing has to be kept and nobody else can send it anywhere. */
#ifndef TG_FLOW_CALLBACK_H
#define TG_FLOW_CALLBACK_H

#include "flow/exchange.h"

/* The body that is sent: x's, with the gate's address in its place; x's own where nothing is to be done. SPAN_NONE: no memory. */
struct span callback_dress(struct exchange *x);
/* What a call back's query says: the call it is about (0: none), and where the agent wanted it (SPAN_NONE: nowhere). False: it is
 * not ours. */
bool callback_read(const struct snapshot *s, struct span query, struct arena *a, uint64_t *call, struct span *agents);

#endif
