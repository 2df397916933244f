/* SPDX-License-Identifier: Apache-2.0
 * past_test.c - a clock that jumps ahead is believed slowly, one that goes back at once. */
#include "flow/past.h"

#include "test/test.h"

enum { MINUTE = 60 * 1000 };
#define NS INT64_C(1000000)

TEST(a_jump_ahead_is_believed_after_as_much_time_again)
{
    struct past p = { 0 };
    const int64_t start = INT64_C(1768000000000), days = INT64_C(3) * 24 * 60 * MINUTE;
    int64_t steady = 5 * MINUTE;
    CHECK_INT(past_ms(&p, start, steady * NS), start);
    CHECK_INT(past_ms(&p, start + MINUTE, (steady + MINUTE) * NS), start + MINUTE);
    CHECK_INT(past_ms(&p, start + 2 * MINUTE + days, (steady + 2 * MINUTE) * NS), start + 3 * MINUTE);
    CHECK_INT(past_ms(&p, start + 3 * MINUTE, (steady + 3 * MINUTE) * NS), start + 3 * MINUTE); /* it came back */
    steady += 3 * MINUTE;
    int64_t passed = 0;
    while (past_ms(&p, start + days + passed, (steady + passed) * NS) < start + days + passed)
        passed += MINUTE;
    CHECK(passed > days - 10 * MINUTE && passed < days + 10 * MINUTE);
}

TEST(a_clock_that_goes_back_is_believed_at_once)
{
    struct past p = { 0 };
    CHECK_INT(past_ms(&p, 1000000, NS), 1000000);
    CHECK_INT(past_ms(&p, 500, 2 * NS), 500);
    CHECK_INT(past_ms(&p, 900, 12 * NS), 520);
}
