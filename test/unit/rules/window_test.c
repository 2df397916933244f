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

/* A small generator: the test is the same each time. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

static void check_window_of(const struct window *w, const char *now, const char *start, const char *end, int line)
{
    char got_start[TIME_TEXT], got_end[TIME_TEXT];
    int64_t from, to;
    window_at(w, at(now), &from, &to);
    if (from != at(start) || to != at(end))
        test_fail(__FILE__, line, "%s: got %.*s to %.*s", now, SPAN_ARG(text_time(from, got_start)), SPAN_ARG(text_time(to, got_end)));
}

static void check_window(const struct zone *z, enum window_kind kind, const char *now, const char *start, const char *end, int line)
{
    struct window w = { .kind = kind, .zone = z };
    check_window_of(&w, now, start, end, line);
}
#define WINDOW_OF(w, now, start, end) check_window_of(w, now, start, end, __LINE__)
#define WINDOW(z, kind, now, start, end) check_window(z, WINDOW_##kind, now, start, end, __LINE__)

TEST(names)
{
    char text[WINDOW_TEXT];
    struct window w;
    for (int i = 0; i < WINDOW_ROLLING; i++) {
        CHECK(window_parse(window_name((enum window_kind)i), &w) && (int)w.kind == i && !w.zone && !w.length_ms);
        CHECK_SPAN(window_text(&w, text), window_name((enum window_kind)i));
    }
    static const char *const bad[] = { "days", "Day", "", "rolling", "rolling ", "rolling 24", "rolling h", "rolling 0h", "rolling -1h", "rolling 1.5h", "rolling 24 h",
        "rolling 30s", "rolling 1w", "rolling 367d", "rolling 8785h", "rolling 99999999999999999999h", "rolling24h", "Rolling 24h", "rolling-24h" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (window_parse(span_of(bad[i]), &w))
            test_fail(__FILE__, __LINE__, "parsed: %s", bad[i]);
}

TEST(one_rolling_window_has_one_text)
{
    static const struct {
        const char *written, *text;
        int64_t minutes;
    } cases[] = { { "rolling 24h", "rolling-24h", 1440 }, { "rolling 1d", "rolling-24h", 1440 }, { "rolling 1440m", "rolling-24h", 1440 }, { "rolling 90m", "rolling-90m", 90 },
        { "rolling 60m", "rolling-1h", 60 }, { "rolling 1m", "rolling-1m", 1 }, { "rolling 48h", "rolling-2d", 2880 }, { "rolling 36h", "rolling-36h", 2160 },
        { "rolling  7d ", "rolling-7d", 10080 }, { "rolling 366d", "rolling-366d", 527040 } };
    char text[WINDOW_TEXT];
    struct window w;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK(window_parse(span_of(cases[i].written), &w) && w.kind == WINDOW_ROLLING);
        CHECK_INT(w.length_ms, cases[i].minutes * 60000);
        CHECK_SPAN(window_text(&w, text), span_of(cases[i].text));
    }
}

TEST(a_rolling_window_slides_by_a_sixtieth)
{
    struct window hour, day;
    CHECK(window_parse(SPAN("rolling 1h"), &hour) && window_parse(SPAN("rolling 24h"), &day));
    WINDOW_OF(&hour, "2026-11-21T12:34:56.789Z", "2026-11-21T11:34:00Z", "2026-11-21T12:35:00Z");
    WINDOW_OF(&hour, "2026-11-21T12:35:00Z", "2026-11-21T11:35:00Z", "2026-11-21T12:36:00Z");
    WINDOW_OF(&day, "2026-11-21T12:00:00Z", "2026-11-20T12:00:00Z", "2026-11-21T12:24:00Z");
    WINDOW_OF(&day, "1969-12-31T23:59:59Z", "1969-12-30T23:36:00Z", "1970-01-01T00:00:00Z");
}

/* What was spent at any moment counts for at least the length, and at most a sub-window more; and never again after it. */
TEST(a_rolling_window_is_as_exact_as_it_says)
{
    static const char *const lengths[] = { "rolling 1m", "rolling 7m", "rolling 1h", "rolling 24h", "rolling 31d" };
    uint64_t state = 11;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct window w;
        CHECK(window_parse(span_of(lengths[i]), &w));
        for (int n = 0; n < 2000; n++) {
            int64_t spent = (int64_t)(next_random(&state) % 4000000000000ull) - 100000000000, slot = window_slot(&w, spent), start, end;
            int64_t ends = window_slot_ends(&w, slot);
            CHECK(ends - spent > w.length_ms && ends - spent <= w.length_ms + w.length_ms / WINDOW_SLOTS);
            CHECK(window_slot(&w, ends - 1) - slot == WINDOW_SLOTS && window_slot(&w, ends) - slot == WINDOW_SLOTS + 1);
            window_at(&w, ends - 1, &start, &end);
            CHECK(start <= spent && end == ends);
            window_at(&w, ends, &start, &end);
            CHECK(start > spent);
        }
    }
}

TEST(pitfall_58_thirty_days_are_no_month)
{
    struct window month, rolling;
    int64_t start, end;
    CHECK(window_parse(SPAN("month"), &month) && window_parse(SPAN("rolling 30d"), &rolling));
    WINDOW(NULL, MONTH, "2026-02-15T12:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    WINDOW(NULL, MONTH, "2026-03-31T12:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    window_at(&rolling, at("2026-03-31T12:00:00Z"), &start, &end);
    CHECK(start <= at("2026-03-01T12:00:00Z") && start > at("2026-03-01T00:00:00Z"));
    CHECK(!window_parse(SPAN("30d"), &rolling)); /* neither: it must be said which */
}

/* No job resets anything: the window of a moment is a function of the moment, however long nobody looked. */
TEST(pitfall_51_a_window_turns_without_a_job)
{
    int64_t start, end, before = 0;
    struct window day = { .kind = WINDOW_DAY };
    for (int64_t now = at("2026-01-01T05:00:00Z"), n = 0; n < 400; n++, now += INT64_C(90000000)) {
        window_at(&day, now, &start, &end);
        CHECK(start <= now && now < end && end - start == INT64_C(86400000) && start > before);
        before = start;
    }
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
    struct window run = { .kind = WINDOW_RUN }, total = { .kind = WINDOW_TOTAL };
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
            struct window w = { .kind = (enum window_kind)kind, .zone = z };
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
        struct window w = { .kind = WINDOW_DAY, .zone = z };
        window_at(&w, at("2026-11-21T12:00:00Z"), &start, &end);
        CHECK(start <= at("2026-11-21T12:00:00Z") && end > start);
        free(copy);
        arena_rewind(&a, mark);
    }
    arena_free(&a);
}
