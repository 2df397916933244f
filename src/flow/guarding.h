/* SPDX-License-Identifier: Apache-2.0
 * guarding.h - what a worker keeps of guardrails, and what a call found (guard.h). Inside flow/ only. */
#ifndef TG_FLOW_GUARDING_H
#define TG_FLOW_GUARDING_H

#include "config/snapshot.h"
#include "guard/guard.h"

/* A worker's own: no lock. */
struct guard_sets {
    const struct snapshot *of; /* only compared */
    uint64_t version;
    struct arena arena;
    struct guard_compiled *list;
    size_t count;
};
void guard_sets_free(struct guard_sets *s);

/* What was found of a call. */
struct guarding {
    struct guard_result *before, *after; /* NULL: not asked */
};

#endif
