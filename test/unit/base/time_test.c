/* SPDX-License-Identifier: Apache-2.0
 * time_test.c - the calendar, checked day by day against the C library; durations and sizes. */
#include <time.h>

#include "base/text.h"
#include "test/test.h"

static void check(const char *text, int64_t want)
{
    int64_t ms = -1;
    if (!text_time_parse(span_of(text), &ms) || ms != want)
        test_fail(__FILE__, __LINE__, "%s: got %" PRId64 ", want %" PRId64, text, ms, want);
}

TEST(reads_rfc3339)
{
    check("1970-01-01T00:00:00Z", 0);
    check("1970-01-01", 0);
    check("2026-11-21T12:00:00.000Z", INT64_C(1795262400000));
    check("2026-11-21t12:00:00.5z", INT64_C(1795262400500));
    check("2026-11-21 14:30:00.1239999+02:30", INT64_C(1795262400123));
    check("2026-11-20T23:00:00-13:00", INT64_C(1795262400000));
    check("2000-02-29", INT64_C(951782400000));
    check("2024-02-29T23:59:60Z", INT64_C(1709251200000));
    check("1969-12-31T23:59:59.999Z", -1);
    check("0000-01-01", INT64_C(-62167219200000));
    check("9999-12-31T23:59:59Z", INT64_C(253402300799000));
}

TEST(stamps)
{
    char text[TIME_TEXT];
    CHECK_SPAN(text_stamp(INT64_C(1795262400123), text), SPAN("20261121T120000Z"));
    CHECK_SPAN(span_of(text), SPAN("20261121T120000Z"));
    CHECK_SPAN(text_stamp(0, text), SPAN("19700101T000000Z"));
}

TEST(refuses_other_times)
{
    static const char *const bad[] = { "", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-04-31", "2023-02-29", "1900-02-29", "2026-1-01",
        "2026-11-21T", "2026-11-21T12:00", "2026-11-21T12:00:00", "2026-11-21T24:00:00Z", "2026-11-21T12:60:00Z", "2026-11-21T12:00:61Z",
        "2026-11-21T12:00:00.Z", "2026-11-21T12:00:00+0200", "2026-11-21T12:00:00+24:00", "2026-11-21T12:00:00Z ", "2026-11-21Z", "-026-11-21",
        "20261121", "2026/11/21", "+026-11-21" };
    int64_t ms;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (text_time_parse(span_of(bad[i]), &ms))
            test_fail(__FILE__, __LINE__, "took \"%s\"", bad[i]);
}

/* Every 1000th hour over four centuries and more, both ways. */
TEST(agrees_with_libc)
{
    char ours[TIME_TEXT], theirs[40];
    for (int64_t s = -62167219200; s < 253402300800; s += 3600 * 997 + 61) {
        struct tm tm;
        time_t t = (time_t)s;
        int64_t back;
        gmtime_r(&t, &tm);
        snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02d.007Z", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
            tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
        CHECK_SPAN(text_time(s * 1000 + 7, ours), span_of(theirs));
        CHECK(text_time_parse(span_of(theirs), &back) && back == s * 1000 + 7);
    }
    CHECK_SPAN(text_time(INT64_MIN, ours), SPAN("0000-01-01T00:00:00.000Z"));
    CHECK_SPAN(text_time(INT64_MAX, ours), SPAN("9999-12-31T23:59:59.999Z"));
}

TEST(durations_and_sizes)
{
    int64_t n = 0;
    CHECK(text_duration_parse(SPAN("250ms"), &n) && n == 250);
    CHECK(text_duration_parse(SPAN("30s"), &n) && n == 30000);
    CHECK(text_duration_parse(SPAN("5m"), &n) && n == 300000);
    CHECK(text_duration_parse(SPAN("24h"), &n) && n == 86400000);
    CHECK(text_duration_parse(SPAN("7d"), &n) && n == 604800000);
    CHECK(!text_duration_parse(SPAN("7"), &n) && !text_duration_parse(SPAN("d"), &n) && !text_duration_parse(SPAN("-1s"), &n));
    CHECK(!text_duration_parse(SPAN("1.5h"), &n) && !text_duration_parse(SPAN("1 h"), &n) && !text_duration_parse(SPAN("1hr"), &n));
    CHECK(!text_duration_parse(SPAN(""), &n) && !text_duration_parse(SPAN("999999999999999999d"), &n) && n == 604800000);
    CHECK(text_size_parse(SPAN("64KiB"), &n) && n == 65536);
    CHECK(text_size_parse(SPAN("10MiB"), &n) && n == 10485760);
    CHECK(text_size_parse(SPAN("1GiB"), &n) && n == 1073741824);
    CHECK(text_size_parse(SPAN("4096"), &n) && n == 4096);
    CHECK(!text_size_parse(SPAN("1KB"), &n) && !text_size_parse(SPAN(""), &n) && !text_size_parse(SPAN("9999999999GiB"), &n));
}
