/* SPDX-License-Identifier: Apache-2.0
 * effort.h - how much work one call's checks may cause. Steps are counted, so that the same text always gets the same answer; the clock
 * only backs that up. It is the thread's own, in whose turn all of a call's checks run: a busy machine makes nobody's pattern slow. */
#ifndef TG_GUARD_EFFORT_H
#define TG_GUARD_EFFORT_H

#include "base/span.h"

enum { EFFORT_STEPS = 4000000, EFFORT_MS = 250, EFFORT_STEPS_PER_BYTE = 16 };

struct effort {
    int64_t steps;
    int64_t until_ns;
    int ticks, stretch; /* private: spends and steps since the clock was asked */
};

/* For texts of altogether so many bytes. Spent on the thread that made it. */
struct effort effort_new(size_t bytes);
/* False: it is used up. */
bool effort_spend(struct effort *e, int64_t steps);

#endif
