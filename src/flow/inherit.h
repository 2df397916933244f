/* SPDX-License-Identifier: Apache-2.0
 * inherit.h - what a gate that starts takes over from former processes: calls in doubt, prices to come, what calls made,
 * approvals. */
#ifndef TG_FLOW_INHERIT_H
#define TG_FLOW_INHERIT_H

#include "flow/worker.h"

/* Before the workers run. False: why[]. */
bool inherit(struct workshop *shop, char why[256]);

#endif
