/* SPDX-License-Identifier: Apache-2.0
 * forecast.c - see forecast.h. Whole numbers throughout; variances in squared micro-dollars, 128 bits wide. */
#include "bill/forecast.h"

enum { WEEK = 7, WEEKS = FORECAST_DAYS / WEEK, MICRO = 1000 /* nano-dollars */, PARTS = 1000 /* of a variance */ };
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
enum { WIDE_80 = 12816, WIDE_UNIT = 10000 }; /* standard deviations either side of the mean that hold four fifths of a normal law */

__extension__ typedef unsigned __int128 square;
__extension__ typedef __int128 wide;

struct means {
    nano_usd of[WEEK];   /* by weekday; all alike for ALL_DAYS */
    int64_t seen[WEEK];  /* days that each rests on */
    square variance;     /* of one day around its mean */
};

static int weekday(const struct forecast_ask *a, size_t i)
{
    int back = (int)((a->count - i) % WEEK);
    return (a->today_weekday + WEEK - back) % WEEK;
}

/* The newest week weighs WEEKS, the oldest 1. */
static int64_t weight(const struct forecast_ask *a, size_t i, enum forecast_method m)
{
    return m == FORECAST_ALL_DAYS ? 1 : WEEKS - (int64_t)((a->count - 1 - i) / WEEK);
}

static void add_means(const struct forecast_ask *a, enum forecast_method m, struct means *out)
{
    wide sums[WEEK] = { 0 };
    int64_t weights[WEEK] = { 0 };
    for (size_t i = 0; i < a->count; i++) {
        int d = m == FORECAST_ALL_DAYS ? 0 : weekday(a, i);
        sums[d] += (wide)a->days[i] * weight(a, i, m);
        weights[d] += weight(a, i, m);
        out->seen[d]++;
    }
    for (int d = 0; d < WEEK; d++) {
        int from = m == FORECAST_ALL_DAYS ? 0 : d;
        out->of[d] = (nano_usd)(sums[from] / (weights[from] ? weights[from] : 1));
        out->seen[d] = out->seen[from];
    }
}

static void add_variance(const struct forecast_ask *a, enum forecast_method m, struct means *out)
{
    square sum = 0;
    size_t free = a->count - (m == FORECAST_ALL_DAYS ? 1 : WEEK);
    for (size_t i = 0; i < a->count; i++) {
        wide off = ((wide)a->days[i] - out->of[weekday(a, i)]) / MICRO;
        sum += (square)(off * off);
    }
    out->variance = sum / free;
}

static square root(square n)
{
    square low = 0, bit = (square)1 << 126;
    while (bit > n)
        bit >>= 2;
    for (; bit; bit >>= 2) {
        if (n >= low + bit) {
            n -= low + bit;
            low = (low >> 1) + bit;
        } else {
            low >>= 1;
        }
    }
    return low;
}

/* PARTS of a day's variance that a day adds: its own, and that of the mean it is guessed by. */
static int64_t doubt(const struct means *m, int d) { return PARTS + PARTS / (m->seen[d] ? m->seen[d] : 1); }

struct forecast forecast(const struct forecast_ask *a)
{
    struct forecast f = { .days = a->count, .expected = a->spent, .low = a->spent, .high = a->spent };
    struct means means = { .variance = 0 };
    if (a->count < FORECAST_FROM || a->count > FORECAST_DAYS)
        return f;
    f.method = a->count < FORECAST_WEEKS_FROM ? FORECAST_ALL_DAYS : FORECAST_SAME_WEEKDAYS;
    add_means(a, f.method, &means);
    add_variance(a, f.method, &means);
    int64_t parts = doubt(&means, a->today_weekday) * (a->today_left_ms / 1000) / (DAY_MS / 1000);
    f.expected = money_add(f.expected, money_mul_div_near(means.of[a->today_weekday], a->today_left_ms, DAY_MS));
    for (int i = 1; i <= a->days_to_come; i++) {
        int d = (a->today_weekday + i) % WEEK;
        f.expected = money_add(f.expected, means.of[d]);
        parts += doubt(&means, d);
    }
    /* A variance is at most the square of all money there is, so its root is at most that: no overflow once divided first. */
    square deviation = root(means.variance / PARTS * (square)parts + means.variance % PARTS * (square)parts / PARTS);
    int64_t either = money_mul_div_up(deviation > INT64_MAX / MICRO ? INT64_MAX : (int64_t)deviation * MICRO, WIDE_80, WIDE_UNIT);
    f.high = money_add(f.expected, either);
    f.low = money_add(f.expected, -either);
    f.low = f.low < a->spent ? a->spent : f.low;
    return f;
}

struct span forecast_method_name(enum forecast_method m)
{
    static const struct span names[] = { [FORECAST_TOO_LITTLE] = { "too_little_data", 15 }, [FORECAST_ALL_DAYS] = { "all_days", 8 }, [FORECAST_SAME_WEEKDAYS] = { "same_weekdays", 13 } };
    return names[m];
}
