/* SPDX-License-Identifier: Apache-2.0
 * pitfalls_price_test.c - prices that rivals got wrong in public, one test a row (docs/pitfalls.md has the rows), each with the
 * numbers that were published. */
#include "base/embed.h"
#include "base/text.h"
#include "rules/price_row.h"
#include "test/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct price_book *book;

static const struct price *row(const char *provider, const char *model)
{
    struct trouble t = { .set = false };
    if (!book && price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &book, &t))
        test_fail(__FILE__, __LINE__, "no book: %s", t.text);
    return book ? price_find(book, span_of(provider), span_of(model)) : NULL;
}

static struct usage used(int64_t in, int64_t out)
{
    struct usage u = { .known = true, .vendor_cost = -1 };
    u.tokens[METER_IN] = in;
    u.tokens[METER_OUT] = out;
    return u;
}

static void check(int line, const struct price *p, const struct usage *u, const char *when, const char *want)
{
    nano_usd cost = -1;
    int64_t at = -1;
    char text[MONEY_TEXT];
    CHECK(text_time_parse(span_of(when), &at));
    enum err e = price_cost(p, u, at, &cost);
    if (e || !span_is(money_text(cost, text), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(e ? err_code(e) : money_text(cost, text)), want);
}
#define NOW "2026-11-20T12:00:00Z"
#define COST(p, u, want) check(__LINE__, p, &(u), NOW, want)

/* A row that only this test has: costs are asked of it, then it is gone. */
static void check_line(int line, const char *prices, const struct usage *u, const char *when, const char *want)
{
    char text[1024];
    snprintf(text, sizeof(text), "p\tm\t0\t0\t\t%s", prices);
    struct price *p = price_row_read(span_of(text));
    if (p)
        check(line, p, u, when, want);
    else
        test_fail(__FILE__, line, "cannot be read: %s", prices);
    free(p);
}

TEST(pitfall_27_an_explicit_zero_is_a_value)
{
    struct usage none = used(0, 0), unsaid = used(0, 0);
    unsaid.vendor_cost = 0;
    COST(row("openai", "gpt-4o"), none, "0");
    COST(NULL, unsaid, "0"); /* what the vendor itself says it cost, zero included */
}

TEST(pitfall_34_a_cached_prompt_is_not_billed_in_full)
{
    struct usage full = used(262960, 1744), cached = used(262960 - 257955, 1744);
    cached.tokens[METER_CACHE_READ] = 257955;
    COST(row("openai", "gpt-4.1"), full, "0.539872");
    COST(row("openai", "gpt-4.1"), cached, "0.1529395");
    COST(row("openai", "gpt-5"), cached, "0.055940625");
}

TEST(pitfall_35_cached_input_of_gpt_4o)
{
    struct usage u = used(2006 - 1920, 300);
    u.tokens[METER_CACHE_READ] = 1920;
    COST(row("openai", "gpt-4o"), u, "0.005615");
}

TEST(pitfall_36_cache_writes_are_counted_once)
{
    struct usage u = used(3, 550);
    u.tokens[METER_CACHE_WRITE] = 12304;
    COST(row("anthropic", "claude-sonnet-4-5"), u, "0.054399");
}

TEST(pitfall_37_openai_charges_for_cache_writes)
{
    struct usage u = used(12317 - 12314, 5);
    u.tokens[METER_CACHE_WRITE] = 12314;
    COST(row("openai", "gpt-5.6-sol"), u, "0.061682");
}

TEST(pitfall_38_a_long_session_is_mostly_cache)
{
    struct usage u = used(51232, 12909);
    u.tokens[METER_CACHE_READ] = 1188096;
    COST(row("openai", "gpt-5"), u, "0.341642");
}

TEST(pitfall_39_five_minute_writes)
{
    struct usage u = used(6, 2745);
    u.tokens[METER_CACHE_WRITE] = 159217;
    COST(row("anthropic", "claude-opus-4-5"), u, "1.06376125");
}

TEST(pitfall_40_an_hour_of_cache_costs_twice_the_input)
{
    struct usage hour = used(0, 0), both = used(0, 0);
    hour.tokens[METER_CACHE_WRITE_1H] = 344139;
    COST(row("anthropic", "claude-opus-4-5"), hour, "3.44139");
    both.tokens[METER_CACHE_WRITE] = 600000;
    both.tokens[METER_CACHE_WRITE_1H] = 400000;
    COST(row("anthropic", "claude-opus-4-8"), both, "7.75");
}

TEST(pitfall_41_thinking_is_part_of_the_output)
{
    struct usage u = used(0, 482 - 448);
    u.tokens[METER_REASON] = 448;
    COST(row("openai", "gpt-5-mini"), u, "0.000964"); /* 482 x 2 */
}

TEST(pitfall_42_audio_has_a_price_of_its_own)
{
    struct usage u = used(10, 135), speech = used(0, 0);
    u.tokens[METER_AUDIO_IN] = 47;
    COST(row("openai", "gpt-4o-mini-transcribe"), u, "0.0008285");
    speech.tokens[METER_AUDIO_OUT] = 1000;
    COST(row("openai", "gpt-4o-audio-preview"), speech, "0.08");
}

TEST(pitfall_43_cached_audio)
{
    struct usage u = used(0, 0);
    u.tokens[METER_AUDIO_CACHE_READ] = 1000000;
    COST(row("openai", "gpt-realtime-mini"), u, "0.3"); /* not 10 of fresh audio, nor 0.06 of cached text */
}

TEST(pitfall_44_a_step_reprices_the_whole_request_strictly_above)
{
    static const char prices[] = "in=3 out=15;tier>200000 in=6 out=30";
    struct usage below = used(180000, 30000), above = used(210000, 30000), at = used(200000, 0), output = used(1000, 300000);
    check_line(__LINE__, prices, &below, NOW, "0.99");
    check_line(__LINE__, prices, &above, NOW, "2.16");
    check_line(__LINE__, prices, &at, NOW, "0.6");
    check_line(__LINE__, prices, &output, NOW, "4.503"); /* output does not choose it */
}

TEST(pitfall_45_a_service_tier_has_steps_of_its_own)
{
    static const char prices[] = "in=1 out=2;tier>128000 in=2 out=4;svc:flex in=0.5 out=1;svc:flex>32000 out=1.5";
    struct usage standard = used(40000, 1000), flex = used(40000, 1000);
    check_line(__LINE__, prices, &standard, NOW, "0.042");
    flex.tier = SPAN("flex");
    check_line(__LINE__, prices, &flex, NOW, "0.0215");
}

TEST(pitfall_46_hours_of_the_day_are_half_open_and_fees_are_not_halved)
{
    static const char prices[] = "in=2;win:1-5/00:00-01:00,04:00-06:00,10:00-24:00 in=1;win:6-7/00:00-24:00 in=1;unit request=3/1000";
    struct usage u = used(1000000, 0);
    check_line(__LINE__, prices, &u, "2026-11-20T00:59:59Z", "1.003"); /* a Friday */
    check_line(__LINE__, prices, &u, "2026-11-20T01:00:00Z", "2.003");
    check_line(__LINE__, prices, &u, "2026-11-20T03:59:59Z", "2.003");
    check_line(__LINE__, prices, &u, "2026-11-20T04:00:00Z", "1.003");
    check_line(__LINE__, prices, &u, "2026-11-20T06:00:00Z", "2.003");
    check_line(__LINE__, prices, &u, "2026-11-20T10:00:00Z", "1.003");
    check_line(__LINE__, prices, &u, "2026-11-21T07:00:00Z", "1.003"); /* Saturday */
    check(__LINE__, row("deepseek", "deepseek-v4-pro"), &u, "2026-11-20T01:00:00Z", "1.32");
    check(__LINE__, row("deepseek", "deepseek-v4-pro"), &u, "2026-11-20T12:00:00Z", "0.66");
}

TEST(pitfall_47_fast_and_residency_multiply_tokens_and_not_searches)
{
    struct usage u = used(2, 135), us = used(1000000, 0);
    u.tokens[METER_CACHE_WRITE] = 44667;
    u.tier = SPAN("fast");
    COST(row("anthropic", "claude-opus-4-8"), u, "0.5651075");
    us.geo = SPAN("us");
    us.fees[FEE_WEB_SEARCH] = 1;
    COST(row("anthropic", "claude-opus-4-8"), us, "5.51"); /* 5 x 1.1, and 0.01 */
}

TEST(pitfall_48_a_price_is_of_one_provider_and_one_exact_name)
{
    struct usage u = used(900000, 0);
    COST(row("anthropic", "claude-sonnet-4-6"), u, "2.7");
    COST(row("anthropic", "claude-sonnet-4-5"), u, "5.4"); /* the step is of that model alone */
    CHECK(!row("anthropic", "claude-sonnet"));
    CHECK(!row("anthropic", "claude-sonnet-4-6-x"));
    CHECK(!row("anthropi", "claude-sonnet-4-6"));
}

TEST(pitfall_49_a_broken_book_is_refused_and_never_free)
{
    char why[PRICE_WHY];
    size_t rows;
    struct span whole = embed_find(SPAN("catalog/models.tsv"));
    struct usage u = used(1000, 0);
    nano_usd cost;
    CHECK(price_book_check(whole, &rows, why));
    CHECK_INT(rows, 10000);
    CHECK(!price_book_check(span_first(whole, whole.len - 1), &rows, why));
    CHECK(!price_book_check(span_first(whole, whole.len / 2), &rows, why));
    CHECK(!price_book_check(span_from(whole, 1), &rows, why));
    CHECK(!price_book_check(SPAN(""), &rows, why));
    CHECK_INT(price_cost(NULL, &u, 0, &cost), E_PRICE_UNKNOWN);
}
