/* SPDX-License-Identifier: Apache-2.0
 * country_test.c - numbers and the countries they reach. */
#include "test/test.h"
#include "vendor/country.h"

TEST(numbers_reach_the_country_of_their_longest_prefix)
{
    static const char *const rows[][2] = { { "+15558675310", "US" }, { "+14165550100", "CA" }, { "+18765550100", "JM" },
        { "+16585550100", "JM" }, { "+18095550100", "DO" }, { "+12425550100", "BS" }, { "+17875550100", "PR" },
        { "+447700900123", "GB" }, { "+441534900123", "JE" }, { "+441624900123", "IM" }, { "+79161234567", "RU" },
        { "+77011234567", "KZ" }, { "+4915112345678", "DE" }, { "+393331234567", "IT" }, { "+390669812345", "VA" },
        { "+61491570156", "AU" }, { "whatsapp:+5511912345678", "BR" }, { "+59991234567", "CW" }, { "+59931234567", "BQ" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span country = country_of(span_of(rows[i][0]));
        if (!span_is(country, span_of(rows[i][1])))
            test_fail(__FILE__, __LINE__, "%s: found \"%.*s\", not %s", rows[i][0], SPAN_ARG(country), rows[i][1]);
    }
}

TEST(what_is_no_country_is_none)
{
    static const char *const numbers[] = { "", "+", "5558675310", "+1555", "+0155586753", "+1 5558675310", "+1555867531012345",
        "client:joe", "sip:+15558675310@example.com", "messenger:123456789", "+881612345678", "+979123456789", "+19005550100",
        "+447012345678", "+449098790123", "+88312345678", "12345" };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (country_of(span_of(numbers[i])).at)
            test_fail(__FILE__, __LINE__, "%s has a country", numbers[i]);
}

TEST(prefixes_are_digits_and_stand_once)
{
    size_t count;
    const struct country_prefix *all = country_prefixes(&count);
    for (size_t i = 0; i < count; i++) {
        uint64_t digits;
        CHECK(span_to_u64(span_of(all[i].digits), &digits));
        CHECK(span_of(all[i].country).len == 2 || !all[i].country[0]);
        CHECK(i == 0 || strcmp(all[i - 1].digits, all[i].digits) < 0);
    }
}
