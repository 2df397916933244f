/* SPDX-License-Identifier: Apache-2.0
 * functions.h - which function was called under which id: of a whole conversation at once, so that a writer that asks for each result's
 * does not walk all of it each time (call_function_of does). */
#ifndef TG_DIALECT_FUNCTIONS_H
#define TG_DIALECT_FUNCTIONS_H

#include "dialect/call.h"

struct functions {
    const struct part **calls; /* open addressing by id */
    size_t room;               /* a power of two; 0: there are no calls, or no memory was left for this (the arena is broken then) */
};
void functions_index(struct functions *f, const struct call *c, struct arena *a);
/* The name of the last function called under this id (raw); SPAN_NONE: there is none. */
struct span functions_find(const struct functions *f, struct span id);

#endif
