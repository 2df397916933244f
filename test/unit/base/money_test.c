/* SPDX-License-Identifier: Apache-2.0
 * money_test.c - decimal text, limits, rounding in 128 bits. */
#include "base/money.h"

#include "test/test.h"

static int64_t nano(const char *text)
{
    int64_t n = -77;
    CHECK(money_parse(span_of(text), &n));
    return n;
}

TEST(reads_decimals)
{
    CHECK_INT(nano("0"), 0);
    CHECK_INT(nano("-0"), 0);
    CHECK_INT(nano("-0.0"), 0);
    CHECK_INT(nano("12"), 12 * NANO_PER_USD);
    CHECK_INT(nano("12.34"), INT64_C(12340000000));
    CHECK_INT(nano("-0.0075"), -7500000);
    CHECK_INT(nano("0.000000001"), 1);
    CHECK_INT(nano("1.50000000000000000000000000000000"), 1500000000);
    CHECK_INT(nano("9223372036.854775807"), INT64_MAX);
    CHECK_INT(nano("-9223372036.854775808"), INT64_MIN);
}

TEST(refuses_what_is_no_decimal)
{
    static const char *const bad[] = { "", "-", "+1", ".5", "5.", "-.5", "1e3", "1,5", " 1", "1 ", "0x1", "007", "00", "-01", "1.2.3",
        "NaN", "inf", "1_000", "--1", "0.0000000001", "9223372036.854775808", "-9223372036.854775809", "99999999999999999999999" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int64_t n = 5;
        if (money_parse(span_of(bad[i]), &n) || n != 5)
            test_fail(__FILE__, __LINE__, "took \"%s\"", bad[i]);
    }
    int64_t n;
    CHECK(!money_parse(SPAN("1\0"), &n) && !money_parse(SPAN_NONE, &n));
}

TEST(other_scales)
{
    int64_t n;
    CHECK(money_decimal(SPAN("12.30"), 2, &n) && n == 1230);
    CHECK(!money_decimal(SPAN("12.345"), 2, &n) && money_decimal(SPAN("12.340"), 2, &n));
    CHECK(money_decimal(SPAN("500"), 0, &n) && n == 500 && money_decimal(SPAN("500.0"), 0, &n) && !money_decimal(SPAN("500.1"), 0, &n));
    CHECK(money_decimal(SPAN("9.223372036854775807"), 18, &n) && n == INT64_MAX && !money_decimal(SPAN("10"), 18, &n));
}

TEST(writes_shortest)
{
    char out[MONEY_TEXT];
    CHECK_SPAN(money_text(0, out), SPAN("0"));
    CHECK_SPAN(money_text(3140000000, out), SPAN("3.14"));
    CHECK_SPAN(money_text(1, out), SPAN("0.000000001"));
    CHECK_SPAN(money_text(-7500000, out), SPAN("-0.0075"));
    CHECK_SPAN(money_text(100 * NANO_PER_USD, out), SPAN("100"));
    CHECK_SPAN(money_text(INT64_MAX, out), SPAN("9223372036.854775807"));
    CHECK_SPAN(money_text(INT64_MIN, out), SPAN("-9223372036.854775808"));
    for (int64_t n = -5000000000; n < 5000000000; n += 1234567) {
        int64_t back;
        CHECK(money_parse(money_text(n, out), &back) && back == n);
    }
}

TEST(products_round)
{
    CHECK_INT(money_mul_div_up(7, 1, 2), 4);
    CHECK_INT(money_mul_div_up(-7, 1, 2), -3);
    CHECK_INT(money_mul_div_up(8, 1, 2), 4);
    CHECK_INT(money_mul_div_up(1, 1, INT64_MAX), 1);
    CHECK_INT(money_mul_div_up(0, INT64_MAX, 3), 0);
    CHECK_INT(money_mul_div_near(7, 1, 2), 4);   /* 3.5 */
    CHECK_INT(money_mul_div_near(-7, 1, 2), -3); /* -3.5: ties go up */
    CHECK_INT(money_mul_div_near(10, 1, 3), 3);
    CHECK_INT(money_mul_div_near(11, 1, 3), 4);
    CHECK_INT(money_mul_div_near(-11, 1, 3), -4);
    CHECK_INT(money_mul_div_near(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
    CHECK_INT(money_mul_div_near(INT64_MIN, INT64_MAX, INT64_MAX), INT64_MIN);
    CHECK_INT(money_mul_div_near(INT64_MAX, 2, 1), INT64_MAX);
    CHECK_INT(money_mul_div_up(INT64_MIN, INT64_MIN, 1), INT64_MAX);
    CHECK_INT(money_mul_div_up(INT64_MIN, INT64_MAX, 1), INT64_MIN);
    CHECK_INT(money_mul_div_near(INT64_MAX - 1, INT64_MAX, INT64_MAX), INT64_MAX - 1);
    CHECK_INT(money_add(INT64_MAX, 1), INT64_MAX);
    CHECK_INT(money_add(INT64_MIN, -1), INT64_MIN);
    CHECK_INT(money_add(INT64_MAX, INT64_MIN), -1);
}

TEST(bounds_of_what_has_more_decimals)
{
    static const struct {
        const char *text;
        int64_t low, high;
    } rows[] = { { "1", 1000000, 1000000 }, { "1.0000001", 1000000, 1000001 }, { "0.30000000000000004", 300000, 300001 }, { "1.0000000000", 1000000, 1000000 },
        { "-1.0000001", -1000001, -1000000 }, { "-0.0000001", -1, 0 }, { "0.9999999", 999999, 1000000 }, { "-9223372036854.775808", INT64_MIN, INT64_MIN } };
    int64_t low, high;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!money_decimal_bounds(span_of(rows[i].text), 6, &low, &high) || low != rows[i].low || high != rows[i].high)
            test_fail(__FILE__, __LINE__, "%s: %lld, %lld", rows[i].text, (long long)low, (long long)high);
    static const char *const wrong[] = { "", "-", "1.", "1.0000000x", "9223372036854.7758071", "-9223372036854.7758081", "1e3" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!money_decimal_bounds(span_of(wrong[i]), 6, &low, &high));
    CHECK(!money_decimal(SPAN("1.0000001"), 6, &low));
}
