/* SPDX-License-Identifier: Apache-2.0
 * shadow.h - a policy beside the one in force: what it would have said, noted in the row, of no effect on the call. */
#ifndef TG_FLOW_SHADOW_H
#define TG_FLOW_SHADOW_H

#include "flow/exchange.h"

/* A JSON object: policy, version, verdict (allowed, denied), denied, reason, differs, and `judged`: "operation" where the policy
 * in force refused before the body was understood, else "call". SPAN_NONE: the key has no shadow, or the call came to nothing
 * before a policy was asked. */
struct span shadow_verdict(struct exchange *x);

#endif
