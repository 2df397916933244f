/* SPDX-License-Identifier: Apache-2.0
 * forecast.h - what a month will have cost at its end, from what its days cost so far. Pure.
 *
 * Method "same_weekdays" (14 whole days or more): each day to come is expected to cost the mean of the same weekdays of the last
 * eight weeks, the newest weighing eight times as much as the oldest. "all_days" (3 to 13 whole days): the plain mean of them all.
 * Fewer: no number is made up. What is left of today counts as that part of a day. The interval is the one in which 4 of 5 such
 * sums lie if days vary around their means as they did so far, independently: 1.2816 standard deviations, those of the means
 * themselves included. It knows nothing of launches, holidays or price changes. */
#ifndef TG_BILL_FORECAST_H
#define TG_BILL_FORECAST_H

#include "base/money.h"

enum { FORECAST_DAYS = 56, FORECAST_WEEKS_FROM = 14, FORECAST_FROM = 3 };
enum forecast_method { FORECAST_TOO_LITTLE, FORECAST_ALL_DAYS, FORECAST_SAME_WEEKDAYS };

struct forecast_ask {
    const nano_usd *days; /* whole days, the oldest first; the last one is yesterday */
    size_t count;         /* up to FORECAST_DAYS; days before anything was spent are not counted */
    int today_weekday;    /* 0: Monday */
    int64_t today_left_ms; /* of this day */
    int days_to_come;     /* whole days behind today, up to 31 */
    nano_usd spent;       /* of the month so far, today included */
};

struct forecast {
    enum forecast_method method;
    size_t days; /* that it rests on */
    nano_usd expected, low, high; /* of the whole month; with TOO_LITTLE: what is spent */
};

struct forecast forecast(const struct forecast_ask *ask);
struct span forecast_method_name(enum forecast_method m);

#endif
