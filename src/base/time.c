/* SPDX-License-Identifier: Apache-2.0
 * time.c - times, durations and sizes as text (text.h). The Gregorian calendar for the years 0 to 9999, by counting; no
 * libc time functions, which know locales and zones. */
#include <stdio.h>

#include "base/text.h"

enum { DAY_MS = 86400000 };

static bool leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static int days_in(int64_t year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 0000-01-01 to the first of that year: one leap day for each leap year before it (year 0 is one). */
static int64_t days_before(int64_t year)
{
    int64_t last = year - 1;
    return year == 0 ? 0 : year * 365 + last / 4 - last / 100 + last / 400 + 1;
}

static int64_t day_number(int64_t year, int month, int day)
{
    int64_t days = days_before(year) - days_before(1970) + day - 1;
    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    return days;
}

struct span text_time(int64_t unix_ms, char out[TIME_TEXT])
{
    /* Four digits of year hold 0000 to 9999; beyond, the nearest end is shown. */
    const int64_t first = day_number(0, 1, 1) * DAY_MS, last = day_number(10000, 1, 1) * DAY_MS - 1;
    if (unix_ms < first)
        unix_ms = first;
    if (unix_ms > last)
        unix_ms = last;
    int64_t since = unix_ms - first, day = since / DAY_MS, ms = since % DAY_MS;
    int64_t year = day / 366; /* never too late; at most a few years too early */
    while (year < 9999 && days_before(year + 1) <= day)
        year++;
    day -= days_before(year);
    int month = 1;
    while (day >= days_in(year, month))
        day -= days_in(year, month++);
    int len = snprintf(out, TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, month, (int)day + 1, (int)(ms / 3600000),
        (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    must(len == 24);
    return span_make(out, 24);
}

struct span text_stamp(int64_t unix_ms, char out[TIME_TEXT])
{
    char text[TIME_TEXT];
    struct span full = text_time(unix_ms, text);
    size_t n = 0;
    for (size_t i = 0; i < full.len && full.at[i] != '.'; i++)
        if (full.at[i] != '-' && full.at[i] != ':')
            out[n++] = full.at[i];
    out[n++] = 'Z';
    out[n] = '\0';
    return span_make(out, n);
}

/* Exactly n digits from the front of *s. */
static bool digits(struct span *s, size_t n, int *out)
{
    uint64_t value;
    if (s->len < n || !span_to_u64(span_first(*s, n), &value))
        return false;
    *out = (int)value;
    *s = span_from(*s, n);
    return true;
}

static bool byte(struct span *s, char c)
{
    if (!s->len || *s->at != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

static bool read_date(struct span *s, int64_t *day)
{
    int year, month, date;
    if (!digits(s, 4, &year) || !byte(s, '-') || !digits(s, 2, &month) || !byte(s, '-') || !digits(s, 2, &date))
        return false;
    if (month < 1 || month > 12 || date < 1 || date > days_in(year, month))
        return false;
    *day = day_number(year, month, date);
    return true;
}

static bool read_clock(struct span *s, int64_t *ms)
{
    int hour, minute, second;
    if (!digits(s, 2, &hour) || !byte(s, ':') || !digits(s, 2, &minute) || !byte(s, ':') || !digits(s, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second, the next one by our count */
        return false;
    *ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000;
    if (!byte(s, '.'))
        return true;
    int64_t unit = 100;
    size_t n = 0;
    for (; s->len && *s->at >= '0' && *s->at <= '9'; *s = span_from(*s, 1), n++, unit /= 10)
        *ms += (*s->at - '0') * unit;
    return n > 0;
}

static bool read_zone(struct span *s, int64_t *ms)
{
    int hour, minute;
    *ms = 0;
    if (byte(s, 'Z') || byte(s, 'z'))
        return true;
    bool west = byte(s, '-');
    if (!west && !byte(s, '+'))
        return false;
    if (!digits(s, 2, &hour) || !byte(s, ':') || !digits(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ms = ((int64_t)hour * 60 + minute) * (west ? -60000 : 60000);
    return true;
}

bool text_time_parse(struct span s, int64_t *unix_ms)
{
    int64_t day, clock = 0, zone = 0;
    if (!read_date(&s, &day))
        return false;
    if (s.len) {
        if (!byte(&s, 'T') && !byte(&s, 't') && !byte(&s, ' '))
            return false;
        if (!read_clock(&s, &clock) || !read_zone(&s, &zone) || s.len)
            return false;
    }
    *unix_ms = day * DAY_MS + clock - zone;
    return true;
}

struct unit {
    struct span name;
    int64_t factor;
};

#define UNIT(name, factor) { { name, sizeof(name) - 1 }, factor }

/* A whole number and one of the units; the last unit has no name. */
static bool read_amount(struct span s, const struct unit *unit, int64_t *out)
{
    size_t len = 0;
    int64_t n, product;
    while (len < s.len && s.at[len] >= '0' && s.at[len] <= '9')
        len++;
    if (!span_to_i64(span_first(s, len), &n))
        return false;
    struct span name = span_from(s, len);
    while (unit->name.len && !span_is(unit->name, name))
        unit++;
    if (!span_is(unit->name, name) || !unit->factor || __builtin_mul_overflow(n, unit->factor, &product))
        return false;
    *out = product;
    return true;
}

bool text_duration_parse(struct span s, int64_t *ms)
{
    static const struct unit units[] = { UNIT("ms", 1), UNIT("s", 1000), UNIT("m", 60000), UNIT("h", 3600000), UNIT("d", DAY_MS),
        UNIT("", 0) };
    return read_amount(s, units, ms);
}

bool text_size_parse(struct span s, int64_t *bytes)
{
    static const struct unit units[] = { UNIT("KiB", 1 << 10), UNIT("MiB", 1 << 20), UNIT("GiB", 1 << 30), UNIT("", 1) };
    return read_amount(s, units, bytes);
}
