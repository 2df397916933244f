/* SPDX-License-Identifier: Apache-2.0
 * window_test.c - windows over zones of this machine's time zone database, whose last word is the C library's. */
#include "rules/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "test/test.h"

enum { FILE_MOST = 1 << 16 };

static struct span read_zone_file(struct arena *a, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "rb");
    char *at = arena_take(a, FILE_MOST);
    size_t len = f && at ? fread(at, 1, FILE_MOST, f) : 0;
    if (f)
        fclose(f);
    return span_make(at, len);
}

static const struct zone *load(struct arena *a, const char *name)
{
    const struct zone *z = zone_read(a, read_zone_file(a, name));
    if (!z)
        test_fail(__FILE__, __LINE__, "no zone %s", name);
    return z;
}

static int64_t at(const char *text)
{
    int64_t ms = 0;
    CHECK(text_time_parse(span_of(text), &ms));
    return ms;
}

static void check_window(const struct zone *z, enum window_kind kind, const char *now, const char *start, const char *end, int line)
{
    char got_start[TIME_TEXT], got_end[TIME_TEXT];
    struct window w = { kind, z };
    int64_t from, to;
    window_at(&w, at(now), &from, &to);
    if (from != at(start) || to != at(end))
        test_fail(__FILE__, line, "%s: got %.*s to %.*s", now, SPAN_ARG(text_time(from, got_start)), SPAN_ARG(text_time(to, got_end)));
}
#define WINDOW(z, kind, now, start, end) check_window(z, WINDOW_##kind, now, start, end, __LINE__)

TEST(names)
{
    enum window_kind kind;
    for (int i = 0; i < WINDOW_KINDS; i++)
        CHECK(window_parse(window_name((enum window_kind)i), &kind) && (int)kind == i);
    CHECK(!window_parse(SPAN("days"), &kind));
    CHECK(!window_parse(SPAN("Day"), &kind));
    CHECK(!window_parse(SPAN(""), &kind));
}

TEST(dates_go_there_and_back)
{
    int64_t year;
    int month, day;
    CHECK_INT(date_days(1970, 1, 1), 0);
    CHECK_INT(date_days(2000, 2, 29), 11016);
    CHECK_INT(date_days(1969, 12, 31), -1);
    for (int64_t d = -800000; d < 800000; d += 13) {
        date_of_days(d, &year, &month, &day);
        CHECK_INT(date_days(year, month, day), d);
    }
}

TEST(utc)
{
    WINDOW(NULL, MINUTE, "2026-11-21T12:34:56.789Z", "2026-11-21T12:34:00Z", "2026-11-21T12:35:00Z");
    WINDOW(NULL, HOUR, "2026-11-21T12:34:56Z", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z");
    WINDOW(NULL, DAY, "2026-11-21T23:59:59.999Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    WINDOW(NULL, DAY, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    WINDOW(NULL, WEEK, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z");
    WINDOW(NULL, WEEK, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
    WINDOW(NULL, MONTH, "2028-02-29T10:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    WINDOW(NULL, MONTH, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    WINDOW(NULL, DAY, "1969-12-31T23:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z");
    struct window run = { WINDOW_RUN, NULL }, total = { WINDOW_TOTAL, NULL };
    int64_t start = 1, end = 1;
    window_at(&run, at("2026-11-21T12:00:00Z"), &start, &end);
    CHECK(start == 0 && end == 0);
    window_at(&total, at("2026-11-21T12:00:00Z"), &start, &end);
    CHECK(start == 0 && end == 0);
}

TEST(days_of_23_and_25_hours)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct zone *berlin = load(&a, "Europe/Berlin"), *york = load(&a, "America/New_York"), *howe = load(&a, "Australia/Lord_Howe");
    WINDOW(berlin, DAY, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    WINDOW(berlin, DAY, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    WINDOW(berlin, DAY, "2026-10-25T00:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    WINDOW(berlin, WEEK, "2026-03-29T21:59:59Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z");
    WINDOW(berlin, MONTH, "2026-03-31T22:00:00Z", "2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z");
    WINDOW(york, DAY, "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z");
    WINDOW(york, DAY, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    WINDOW(howe, DAY, "2026-04-04T20:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"); /* half an hour */
    WINDOW(howe, DAY, "2026-10-03T20:00:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z");
    WINDOW(load(&a, "Asia/Kolkata"), DAY, "2026-11-21T18:29:59Z", "2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z");
    WINDOW(berlin, HOUR, "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z");
    arena_free(&a);
}

TEST(a_day_left_out_and_midnights_that_do_not_exist_or_come_twice)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct zone *apia = load(&a, "Pacific/Apia");
    WINDOW(apia, DAY, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    WINDOW(apia, DAY, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    /* Clocks went from 0:00 to 1:00: the day began at 1:00. */
    WINDOW(load(&a, "America/Sao_Paulo"), DAY, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
    /* Clocks went from 0:01 back to 23:01: the hour they repeat belongs to the day that had begun. */
    const struct zone *john = load(&a, "America/St_Johns");
    WINDOW(john, DAY, "2006-10-29T02:30:30Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z");
    WINDOW(john, DAY, "2006-10-29T02:45:00Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z");
    WINDOW(john, DAY, "2006-10-29T02:29:59Z", "2006-10-28T02:30:00Z", "2006-10-29T02:30:00Z");
    arena_free(&a);
}

TEST(years_after_the_table_follow_the_rule)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    WINDOW(load(&a, "Europe/Berlin"), DAY, "2126-03-31T12:00:00Z", "2126-03-30T23:00:00Z", "2126-03-31T22:00:00Z");
    WINDOW(load(&a, "America/New_York"), DAY, "2300-07-01T12:00:00Z", "2300-07-01T04:00:00Z", "2300-07-02T04:00:00Z");
    WINDOW(load(&a, "Australia/Lord_Howe"), DAY, "2400-01-01T00:00:00Z", "2399-12-31T13:00:00Z", "2400-01-01T13:00:00Z");
    arena_free(&a);
}

static const char *const all[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "Europe/Dublin",
    "America/St_Johns", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "America/Nuuk", "Asia/Gaza", "America/Havana", "Pacific/Kiritimati",
    "Antarctica/Troll", "Asia/Kathmandu", "America/Santiago", "UTC" };

/* A small generator: the test is the same each time. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

TEST(offsets_are_those_of_the_c_library)
{
    struct arena a;
    uint64_t state = 7;
    const char *before = getenv("TZ");
    arena_init(&a, 4 << 20);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char name[100];
        const struct zone *z = load(&a, all[i]);
        snprintf(name, sizeof(name), ":%s", all[i]);
        setenv("TZ", name, 1);
        tzset();
        for (int n = 0; n < 4000; n++) {
            time_t t = (time_t)(next_random(&state) % 12000000000ull) - 2200000000;
            struct tm local;
            if (!localtime_r(&t, &local) || local.tm_gmtoff == zone_offset(z, t))
                continue;
            test_fail(__FILE__, __LINE__, "%s at %lld: got %lld, want %ld", all[i], (long long)t, (long long)zone_offset(z, t), local.tm_gmtoff);
            break;
        }
    }
    if (before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    arena_free(&a);
}

/* Every moment lies in its window, and windows meet end to start. */
TEST(windows_leave_no_gap)
{
    struct arena a;
    arena_init(&a, 4 << 20);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        const struct zone *z = load(&a, all[i]);
        for (int kind = WINDOW_DAY; kind <= WINDOW_MONTH; kind++) {
            struct window w = { (enum window_kind)kind, z };
            int64_t start, end, now = at("2004-01-01T00:00:00Z"), until = at("2012-06-01T00:00:00Z");
            window_at(&w, now, &start, &end);
            while (now < until) {
                int64_t last_end = end;
                now = end - 1;
                window_at(&w, now, &start, &end);
                CHECK(start <= now && end == last_end);
                now = end;
                window_at(&w, now, &start, &end);
                CHECK(start == now && end > now);
            }
        }
    }
    arena_free(&a);
}

TEST(damaged_files_are_refused_or_read_within_bounds)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span file = arena_copy(&a, read_zone_file(&a, "Europe/Dublin"));
    CHECK(zone_read(&a, file) != NULL);
    CHECK(zone_read(&a, SPAN_NONE) == NULL);
    CHECK(zone_read(&a, SPAN("TZif")) == NULL);
    struct arena_mark mark = arena_mark(&a);
    for (size_t len = 0; len < file.len; len++) {
        char *exact = malloc(len + 1); /* so that ASan sees a byte too far */
        memcpy(exact, file.at, len);
        CHECK(zone_read(&a, span_make(exact, len)) == NULL);
        free(exact);
        arena_rewind(&a, mark);
    }
    uint64_t state = 3;
    for (int n = 0; n < 3000; n++) {
        char *copy = malloc(file.len);
        memcpy(copy, file.at, file.len);
        for (int k = 0; k < 3; k++)
            copy[next_random(&state) % file.len] = (char)next_random(&state);
        const struct zone *z = zone_read(&a, span_make(copy, file.len));
        int64_t start, end;
        struct window w = { WINDOW_DAY, z };
        window_at(&w, at("2026-11-21T12:00:00Z"), &start, &end);
        CHECK(start <= at("2026-11-21T12:00:00Z") && end > start);
        free(copy);
        arena_rewind(&a, mark);
    }
    arena_free(&a);
}
