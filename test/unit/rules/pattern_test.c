/* SPDX-License-Identifier: Apache-2.0
 * pattern_test.c - patterns over whole values: what they take, what is said of wrong ones, and that strangers' values cannot make
 * them slow. */
#include "rules/pattern.h"

#include "base/clock.h"
#include "test/test.h"

static struct arena arena;

static bool fits(const char *pattern, const char *value)
{
    const struct pattern *p;
    char why[200];
    if (!pattern_read(&arena, span_of(pattern), &p, why)) {
        test_fail(__FILE__, __LINE__, "%s: %s", pattern, why);
        return false;
    }
    return pattern_fits(p, span_of(value), &arena);
}

TEST(patterns_are_about_whole_values)
{
    arena_init(&arena, 8u << 20);
    CHECK(fits("ORD-[0-9]{4}", "ORD-1234"));
    CHECK(!fits("ORD-[0-9]{4}", "ORD-12345"));
    CHECK(!fits("ORD-[0-9]{4}", "xORD-1234"));
    CHECK(!fits("ORD-[0-9]{4}", "ORD-1234\n"));
    CHECK(!fits("ORD-[0-9]{4}$", "ORD-1234\n"));
    CHECK(!fits("^a", "a\nb"));
    CHECK(fits("a|ab", "ab")); /* not only the first that fits */
    CHECK(fits("(?i)abc", "ABC"));
    CHECK(fits(".", "\xc3\xa4"));
    CHECK(!fits(".*", "\xff")); /* not UTF-8 */
    CHECK(fits("x*", ""));
    arena_free(&arena);
}

TEST(wrong_patterns_are_explained)
{
    static const char *const wrong[] = { "", "(", "[a", "a{2,1}", "\\C", "(?<n>a)(?<n>b)", "\xff" };
    const struct pattern *p;
    char why[200], longer[PATTERN_LENGTH + 2];
    arena_init(&arena, 8u << 20);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (pattern_read(&arena, span_of(wrong[i]), &p, why))
            test_fail(__FILE__, __LINE__, "taken: %s", wrong[i]);
        CHECK(strstr(why, "a pattern") != NULL);
    }
    memset(longer, 'a', sizeof(longer));
    CHECK(!pattern_read(&arena, span_make(longer, PATTERN_LENGTH + 1), &p, why));
    CHECK(pattern_read(&arena, span_make(longer, PATTERN_LENGTH), &p, why));
    arena_free(&arena);
}

TEST(a_pattern_that_takes_too_long_does_not_fit)
{
    static char value[PATTERN_VALUE + 2];
    arena_init(&arena, 8u << 20);
    memset(value, 'a', sizeof(value) - 1);
    value[40] = '\0';
    int64_t began = clock_monotonic_ns();
    CHECK(!fits("(a+)+b", value));
    CHECK(!fits("(a|aa)*b", value));
    value[40] = 'a';
    CHECK(!fits("a*", value)); /* one byte too long */
    value[PATTERN_VALUE] = '\0';
    CHECK(fits("a*", value));
    CHECK(!fits("(a|b)*c", value));
    CHECK(clock_monotonic_ns() - began < INT64_C(500000000));
    CHECK(!arena.broken);
    CHECK(arena.taken < 200000); /* given back */
    arena_free(&arena);
}
