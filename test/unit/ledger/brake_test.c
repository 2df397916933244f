/* SPDX-License-Identifier: Apache-2.0
 * brake_test.c - sliding counts against a list of everything that happened; clocks that go wrong, eviction, four threads. */
#include "ledger/brake.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "test/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t START = INT64_C(1790000000000);

TEST(counts_slide)
{
    struct brakes *b = brakes_new();
    struct span run = SPAN("run:a");
    CHECK_INT(brakes_seen(b, run, MINUTE, START), 0);
    CHECK_INT(brakes_add(b, run, MINUTE, 1, START), 1);
    CHECK_INT(brakes_add(b, run, MINUTE, 1, START + 30 * SECOND), 2);
    CHECK_INT(brakes_add(b, run, MINUTE, 5, START + 59 * SECOND), 7);
    CHECK_INT(brakes_seen(b, run, MINUTE, START + 66 * SECOND), 6);
    CHECK_INT(brakes_seen(b, run, MINUTE, START + 96 * SECOND), 5);
    CHECK_INT(brakes_seen(b, run, MINUTE, START + 125 * SECOND), 0);
    CHECK_INT(brakes_add(b, run, MINUTE, 1, START + HOUR), 1);
    brakes_free(b);
}

TEST(subjects_and_windows_are_apart)
{
    struct brakes *b = brakes_new();
    CHECK_INT(brakes_add(b, SPAN("run:a"), MINUTE, 1, START), 1);
    CHECK_INT(brakes_add(b, SPAN("run:b"), MINUTE, 1, START), 1);
    CHECK_INT(brakes_add(b, SPAN("run:a"), HOUR, 1, START), 1);
    CHECK_INT(brakes_add(b, SPAN(""), HOUR, 1, START), 1);
    CHECK_INT(brakes_seen(b, SPAN("run:a"), MINUTE, START), 1);
    CHECK_INT(brakes_seen(b, SPAN("run:a"), HOUR, START + 10 * MINUTE), 1);
    CHECK_INT(brakes_seen(b, SPAN("run:a"), MINUTE, START + 10 * MINUTE), 0);
    brakes_free(b);
}

TEST(amounts_saturate)
{
    struct brakes *b = brakes_new();
    struct span s = SPAN("run:rich");
    CHECK(brakes_add(b, s, MINUTE, INT64_MAX, START) == INT64_MAX);
    CHECK(brakes_add(b, s, MINUTE, INT64_MAX, START) == INT64_MAX);
    CHECK(brakes_add(b, s, MINUTE, INT64_MAX, START + 10 * SECOND) == INT64_MAX);
    CHECK(brakes_add(b, s, MINUTE, INT64_MIN, START + 20 * SECOND) == INT64_MAX - 1);
    CHECK(brakes_add(b, s, MINUTE, INT64_MIN, START + 40 * SECOND) == -2);
    CHECK(brakes_seen(b, s, MINUTE, START + 80 * SECOND) == INT64_MIN);
    CHECK(brakes_normal(b, s, MINUTE, START + 20 * MINUTE) <= 0);
    CHECK(brakes_add(b, SPAN("run:normal"), MINUTE, INT64_MAX, START) == INT64_MAX);
    CHECK(brakes_normal(b, SPAN("run:normal"), MINUTE, START + 20 * MINUTE) > INT64_MAX / 20);
    brakes_free(b);
}

/* ---- the property: between exact over `within` and exact over a part more ---- */

struct happening {
    int64_t at, amount;
};

/* In (from, to]. */
static int64_t exactly(const struct happening *list, size_t count, int64_t from, int64_t to)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].at > from && list[i].at <= to)
            total += list[i].amount;
    }
    return total;
}

static void live_through(uint64_t seed)
{
    enum { EVENTS = 300 };
    static struct happening list[EVENTS];
    unsigned dice = (unsigned)seed;
    struct brakes *b = brakes_new();
    int64_t now = START + rand_r(&dice), within = 1 + rand_r(&dice) % (seed % 3 == 0 ? 100 : 200000);
    int64_t most_gap = 1 + within / (1 + rand_r(&dice) % 40), part = within / BRAKE_SLOTS + 1;
    for (size_t i = 0; i < EVENTS; i++) {
        now += rand_r(&dice) % 50 == 0 ? within + rand_r(&dice) % within : rand_r(&dice) % most_gap;
        list[i] = (struct happening){ now, rand_r(&dice) % 1000 };
        int64_t got = brakes_add(b, SPAN("x"), within, list[i].amount, now);
        int64_t least = exactly(list, i + 1, now - within, now), most = exactly(list, i + 1, now - within - part, now);
        if (got < least || got > most || got != brakes_seen(b, SPAN("x"), within, now))
            test_fail(__FILE__, __LINE__, "seed %lld, event %zu: %lld not in %lld..%lld", (long long)seed, i, (long long)got, (long long)least, (long long)most);
    }
    brakes_free(b);
}

TEST(count_is_between_exact_and_a_part_more)
{
    for (uint64_t seed = 1; seed <= 400; seed++)
        live_through(seed);
}

/* ---- what is normal ---- */

TEST(normal_is_the_average_before_the_window)
{
    struct brakes *b = brakes_new();
    struct span s = SPAN("key:k");
    int64_t now = START;
    CHECK_INT(brakes_normal(b, s, MINUTE, now), -1);
    for (int i = 0; i < 59; i++, now += 10 * SECOND) /* 60 a minute */
        (void)brakes_add(b, s, MINUTE, 10, now);
    CHECK_INT(brakes_normal(b, s, MINUTE, START + 10 * MINUTE - 1), -1);
    for (int i = 0; i < 600; i++, now += 10 * SECOND)
        (void)brakes_add(b, s, MINUTE, 10, now);
    int64_t usual = brakes_normal(b, s, MINUTE, now);
    CHECK(usual >= 58 && usual <= 62);
    CHECK_INT(brakes_add(b, s, MINUTE, 100000, now), 100000 + 60); /* what is in the window is not in the normal */
    CHECK_INT(brakes_normal(b, s, MINUTE, now), usual);
    brakes_free(b);
}

TEST(normal_goes_a_day_back)
{
    struct brakes *b = brakes_new();
    struct span s = SPAN("key:k");
    int64_t now = START;
    (void)brakes_add(b, s, MINUTE, 1000000, now);
    int64_t at_once = brakes_normal(b, s, MINUTE, now + 10 * MINUTE);
    CHECK(at_once > 100000 && at_once < 130000);
    int64_t later = brakes_normal(b, s, MINUTE, now + 10 * HOUR);
    CHECK(later > 1600 && later < 1700);
    CHECK_INT(brakes_normal(b, s, MINUTE, now + 26 * HOUR), 0);
    CHECK_INT(brakes_normal(b, s, MINUTE, now + INT64_C(4000) * HOUR), 0);
    brakes_free(b);
}

TEST(normal_of_the_longest_window)
{
    struct brakes *b = brakes_new();
    int64_t day = 24 * HOUR, now = START;
    for (int i = 0; i < 24 * 14; i++, now += HOUR)
        (void)brakes_add(b, SPAN("key:k"), day, 1, now);
    CHECK_INT(brakes_normal(b, SPAN("key:k"), day, now), 24);
    brakes_free(b);
}

/* ---- clocks ---- */

TEST(clock_steps_back_a_little)
{
    struct brakes *b = brakes_new();
    (void)brakes_add(b, SPAN("x"), MINUTE, 1, START);
    CHECK_INT(brakes_add(b, SPAN("x"), MINUTE, 1, START - 20 * SECOND), 2);
    CHECK_INT(brakes_add(b, SPAN("x"), MINUTE, 1, START - 59 * SECOND), 3);
    CHECK_INT(brakes_add(b, SPAN("x"), MINUTE, 1, START + 30 * SECOND), 4);
    CHECK_INT(brakes_seen(b, SPAN("x"), MINUTE, START + 70 * SECOND), 1);
    brakes_free(b);
}

TEST(clock_steps_back_a_year)
{
    struct brakes *b = brakes_new();
    int64_t year = INT64_C(365) * 24 * HOUR, now = START;
    for (int i = 0; i < 100; i++)
        (void)brakes_add(b, SPAN("x"), MINUTE, 1, now + i * 10 * SECOND);
    now += 1000 * SECOND - year;
    /* What was in the window is still in it, and leaves it in time. */
    int64_t kept = brakes_seen(b, SPAN("x"), MINUTE, now);
    CHECK(kept == 6 || kept == 7);
    int64_t less = brakes_add(b, SPAN("x"), MINUTE, 1, now + 30 * SECOND);
    CHECK(less >= kept - 3 && less <= kept - 1);
    CHECK_INT(brakes_seen(b, SPAN("x"), MINUTE, now + 70 * SECOND), 1);
    CHECK_INT(brakes_normal(b, SPAN("x"), MINUTE, now + 70 * SECOND), -1);
    CHECK(brakes_normal(b, SPAN("x"), MINUTE, now + 11 * MINUTE) >= 0);
    /* And forth again. */
    CHECK_INT(brakes_add(b, SPAN("x"), MINUTE, 1, START + year), 1);
    CHECK_INT(brakes_add(b, SPAN("x"), MINUTE, 1, 0), 2);
    brakes_free(b);
}

/* ---- memory ---- */

static struct span name(char out[32], int i)
{
    return span_make(out, (size_t)snprintf(out, 32, "run:%d", i));
}

TEST(longest_unseen_goes_first)
{
    struct brakes *b = brakes_new();
    char text[32];
    (void)brakes_add(b, SPAN("key:steady"), HOUR, 1, START);
    (void)brakes_add(b, SPAN("key:quiet"), HOUR, 1, START);
    for (int i = 0; i < 2 * BRAKE_SUBJECTS; i++) {
        (void)brakes_add(b, name(text, i), HOUR, 1, START);
        if (i % 1000 == 0)
            (void)brakes_add(b, SPAN("key:steady"), HOUR, 1, START);
    }
    CHECK_INT(brakes_seen(b, SPAN("key:steady"), HOUR, START), 1 + (2 * BRAKE_SUBJECTS + 999) / 1000);
    CHECK_INT(brakes_seen(b, SPAN("key:quiet"), HOUR, START), 0);
    int there = 0, young = 0;
    for (int i = 0; i < 2 * BRAKE_SUBJECTS; i++) {
        bool seen = brakes_seen(b, name(text, i), HOUR, START) == 1;
        there += seen;
        young += seen && i >= BRAKE_SUBJECTS / 2 * 3;
    }
    CHECK(there <= BRAKE_SUBJECTS && there > BRAKE_SUBJECTS - 1000);
    CHECK_INT(young, BRAKE_SUBJECTS / 2);
    brakes_free(b);
}

TEST(day_old_subjects_make_room)
{
    struct brakes *b = brakes_new();
    char text[32];
    for (int i = 0; i < 3000; i++)
        (void)brakes_add(b, name(text, i), SECOND, 1, START);
    /* The same again, two days later: the old ones are forgotten while the new ones come, and nothing is mixed up. */
    for (int i = 0; i < 3000; i++)
        CHECK_INT(brakes_add(b, name(text, i), SECOND, 1, START + 48 * HOUR), 1);
    brakes_free(b);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 4000 };

static void *quarrel(void *brakes)
{
    char text[32];
    for (int i = 0; i < ROUNDS; i++) {
        (void)brakes_add(brakes, SPAN("key:shared"), HOUR, 1, START + i % 7);
        (void)brakes_add(brakes, name(text, i), MINUTE, 2, START + i);
        (void)brakes_seen(brakes, name(text, i / 2), MINUTE, START + i);
        (void)brakes_normal(brakes, SPAN("key:shared"), HOUR, START + i);
    }
    return NULL;
}

TEST(threads_lose_nothing)
{
    struct brakes *b = brakes_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, quarrel, b) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(brakes_seen(b, SPAN("key:shared"), HOUR, START + 10), THREADS * ROUNDS);
    CHECK_INT(brakes_seen(b, SPAN("run:77"), MINUTE, START + ROUNDS), THREADS * 2);
    brakes_free(b);
}

TEST(an_addition_is_cheap)
{
    enum { TIMES = 200000 };
    struct brakes *b = brakes_new();
    int64_t from = clock_monotonic_ns();
    for (int i = 0; i < TIMES; i++)
        (void)brakes_add(b, SPAN("run:run_abcdefghij"), MINUTE, 1, START + i);
    int64_t each = (clock_monotonic_ns() - from) / TIMES;
    printf("brakes: %lld ns an addition\n", (long long)each);
    CHECK(each < 20000);
    brakes_free(b);
}
