/* SPDX-License-Identifier: Apache-2.0
 * effort_test.c - what checks may cost: steps, and behind them the time they themselves take, not the time others take from them. */
#include "guard/effort.h"

#include <time.h>

#include "base/clock.h"
#include "test/test.h"

enum { TINY = 1000 }; /* spends: far below the steps of any call */

static bool spend(struct effort *e, int times)
{
    bool left = true;
    for (int i = 0; i < times; i++)
        left = effort_spend(e, 1);
    return left;
}

TEST(time_that_others_took_counts_on_nobody)
{
    struct effort e = effort_new(0);
    const struct timespec nap = { .tv_nsec = (EFFORT_MS + 50) * 1000000L };
    CHECK(nanosleep(&nap, NULL) == 0);
    CHECK(spend(&e, TINY));
}

TEST(time_that_a_check_took_does)
{
    struct effort e = effort_new(0);
    volatile unsigned sink = 0;
    for (int64_t until = clock_thread_ns() + (EFFORT_MS + 50) * INT64_C(1000000); clock_thread_ns() < until;)
        sink = sink + 1;
    CHECK(!spend(&e, TINY));
}

TEST(one_large_step_is_timed_like_many_small_ones)
{
    struct effort e = effort_new(0);
    volatile unsigned sink = 0;
    for (int64_t until = clock_thread_ns() + (EFFORT_MS + 50) * INT64_C(1000000); clock_thread_ns() < until;)
        sink = sink + 1;
    CHECK(!effort_spend(&e, 100000));
}

TEST(steps_end_by_themselves)
{
    struct effort e = effort_new(0);
    CHECK(!effort_spend(&e, EFFORT_STEPS));
    CHECK(!effort_spend(&e, 1));
}
