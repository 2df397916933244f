/* SPDX-License-Identifier: Apache-2.0
 * tracing.h - the trace that a call is part of, as its caller said it. Inside flow/ only. */
#ifndef TG_FLOW_TRACING_H
#define TG_FLOW_TRACING_H

#include "flow/exchange.h"

/* Once, when the head has come. */
void tracing_read(struct exchange *x);
/* The attempt that is being composed: its fields behind `count` others in `list`, or a list of its own; *list may be NULL. */
void tracing_add_fields(struct exchange *x, struct http_field **list, size_t *count);

#endif
