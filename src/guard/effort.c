/* SPDX-License-Identifier: Apache-2.0
 * effort.c - see effort.h. */
#include "guard/effort.h"

#include "base/clock.h"

enum { TICKS = 256, STRETCH = 4096 }; /* between two looks at the clock, which is not free: spends, steps */

struct effort effort_new(size_t bytes)
{
    return (struct effort){ .steps = EFFORT_STEPS + (int64_t)bytes * EFFORT_STEPS_PER_BYTE,
        .until_ns = clock_thread_ns() + EFFORT_MS * INT64_C(1000000) };
}

bool effort_spend(struct effort *e, int64_t steps)
{
    e->steps = e->steps > steps ? e->steps - steps : 0;
    e->stretch += steps < STRETCH ? (int)steps : STRETCH;
    if (++e->ticks < TICKS && e->stretch < STRETCH)
        return e->steps > 0;
    e->ticks = e->stretch = 0;
    if (clock_thread_ns() > e->until_ns)
        e->steps = 0;
    return e->steps > 0;
}
