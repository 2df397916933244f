/* SPDX-License-Identifier: Apache-2.0
 * moment.c - the ways in which vendors write when something was made. Not a general reader of dates: what is not written as
 * the manifest says is not read at all. */
#include <stdio.h>

#include "base/text.h"
#include "vendor/moment.h"

/* "Fri, 24 May 2019 17:18:27 +0000" (the name of the day may be left out) by way of RFC 3339. */
static bool read_mail_date(struct span s, int64_t *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct span rest = s, name, day, month, year, clock;
    if (span_find_byte(s, ',') >= 0 && !span_cut(&rest, ',', &name))
        return false;
    rest = span_trim(rest);
    if (!span_cut(&rest, ' ', &day) || !span_cut(&rest, ' ', &month) || !span_cut(&rest, ' ', &year) ||
        !span_cut(&rest, ' ', &clock))
        return false;
    ptrdiff_t at = month.len == 3 ? span_find(span_of(months), month) : -1;
    if (at < 0 || at % 3 || day.len < 1 || day.len > 2 || year.len != 4 || clock.len != 8)
        return false;
    if (span_is(rest, SPAN("GMT")) || span_is(rest, SPAN("UTC")))
        rest = SPAN("+0000");
    if (rest.len != 5)
        return false;
    char text[40];
    int len = snprintf(text, sizeof(text), "%.*s-%02d-%s%.*sT%.*s%.*s:%.*s", SPAN_ARG(year), (int)at / 3 + 1,
        day.len == 1 ? "0" : "", SPAN_ARG(day), SPAN_ARG(clock), 3, rest.at, 2, rest.at + 3);
    return len > 0 && len < (int)sizeof(text) && text_time_parse(span_make(text, (size_t)len), out);
}

/* RFC 3339; also as PostgreSQL prints it, with the hours of the zone alone: "2023-04-03 22:13:42.674981+00". */
static bool read_time(struct span s, int64_t *out)
{
    char text[48];
    if (!s.at || s.len < 19 || s.len > 40)
        return false; /* a plain date says too little */
    bool hours = s.at[s.len - 3] == '+' || s.at[s.len - 3] == '-';
    int len = snprintf(text, sizeof(text), "%.*s%s", SPAN_ARG(s), hours ? ":00" : "");
    return text_time_parse(span_make(text, (size_t)len), out);
}

/* Up to the end of the year 9999, as with the others. */
static bool read_count(struct span s, int64_t unit, int64_t *out)
{
    int64_t n;
    return span_to_i64(s, &n) && n > 0 && !__builtin_mul_overflow(n, unit, out) && *out < INT64_C(253402300800000);
}

bool moment_read(enum clock clock, struct span text, int64_t *unix_ms)
{
    switch (clock) {
    case CLOCK_RFC2822:
        return read_mail_date(text, unix_ms);
    case CLOCK_RFC3339:
        return read_time(text, unix_ms);
    case CLOCK_UNIX:
        return read_count(text, 1000, unix_ms);
    case CLOCK_UNIX_MS:
        break;
    }
    return read_count(text, 1, unix_ms);
}
