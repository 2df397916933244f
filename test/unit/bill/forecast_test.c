/* SPDX-License-Identifier: Apache-2.0 */
#include "bill/forecast.h"

#include "test/test.h"

#define USD INT64_C(1000000000)
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

TEST(too_few_days_make_no_number)
{
    const nano_usd days[] = { 5 * USD, 5 * USD };
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 2, .today_left_ms = DAY_MS, .days_to_come = 20, .spent = 10 * USD });
    CHECK_INT(f.method, FORECAST_TOO_LITTLE);
    CHECK_INT(f.expected, 10 * USD);
    CHECK_INT(f.low, f.high);
}

TEST(even_days_go_on_evenly)
{
    const nano_usd days[] = { 5 * USD, 5 * USD, 5 * USD };
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 3, .today_left_ms = DAY_MS / 2, .days_to_come = 10, .spent = 17 * USD });
    CHECK_INT(f.method, FORECAST_ALL_DAYS);
    CHECK_INT(f.expected, 17 * USD + 50 * USD + 5 * USD / 2);
    CHECK_INT(f.low, f.expected); /* days that never varied leave no doubt */
    CHECK_INT(f.high, f.expected);
}

/* Weekdays cost 10, weekends nothing: what is to come is counted by what day it is. */
TEST(weekends_are_told_apart)
{
    nano_usd days[28];
    for (int i = 0; i < 28; i++)
        days[i] = i % 7 < 5 ? 10 * USD : 0;
    /* Today is a Monday, and nothing of it has passed; seven days follow it. */
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 28, .today_weekday = 0, .today_left_ms = DAY_MS, .days_to_come = 7, .spent = 0 });
    CHECK_INT(f.method, FORECAST_SAME_WEEKDAYS);
    CHECK_INT(f.expected, 60 * USD); /* Monday to Friday, and the next Monday */
    CHECK_INT(f.high, f.expected);
    f = forecast(&(struct forecast_ask){ .days = days, .count = 26, .today_weekday = 5, .today_left_ms = DAY_MS, .days_to_come = 1, .spent = 3 * USD });
    CHECK_INT(f.expected, 3 * USD);
}

/* The newest week weighs most: a level that doubled is nearly taken over. */
TEST(what_is_newer_weighs_more)
{
    nano_usd days[56];
    for (int i = 0; i < 56; i++)
        days[i] = (i < 28 ? 10 : 20) * USD;
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 56, .today_left_ms = DAY_MS, .days_to_come = 0, .spent = 0 });
    CHECK(f.expected > 17 * USD && f.expected < 18 * USD); /* (26 * 20 + 10 * 10) / 36 */
    CHECK_INT(f.expected, INT64_C(17222222222));
}

/* Known by hand: days 8, 10, 12 have mean 10 and variance 4; one day more: sqrt(4 * (1 + 1/3)) * 1.2816. */
TEST(the_interval_is_that_of_the_days)
{
    const nano_usd days[] = { 8 * USD, 10 * USD, 12 * USD };
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 3, .today_left_ms = 0, .days_to_come = 1, .spent = 30 * USD });
    CHECK_INT(f.expected, 40 * USD);
    int64_t either = f.high - f.expected;
    CHECK(either > INT64_C(2958000000) && either < INT64_C(2961000000));
    CHECK_INT(f.expected - f.low, either);
}

TEST(large_money_does_not_overflow)
{
    nano_usd days[56];
    for (int i = 0; i < 56; i++)
        days[i] = i % 2 ? INT64_MAX / 64 : 0;
    struct forecast f = forecast(&(struct forecast_ask){ .days = days, .count = 56, .today_left_ms = DAY_MS, .days_to_come = 31, .spent = INT64_MAX / 2 });
    CHECK(f.low <= f.expected && f.expected <= f.high && f.low > 0);
}
