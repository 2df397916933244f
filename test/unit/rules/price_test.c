/* SPDX-License-Identifier: Apache-2.0
 * price_test.c - the price book against published bills, its evaluation rules, and ceilings against costs. */
#include "rules/price.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/embed.h"
#include "base/text.h"
#include "test/test.h"

static struct price_book *book;

/* The embedded book, read once; the tests' process ends with it. */
static const struct price *row(const char *provider, const char *model)
{
    struct trouble t = { 0 };
    if (!book && price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &book, &t))
        test_fail(__FILE__, __LINE__, "no book: %s", t.text);
    return book ? price_find(book, span_of(provider), span_of(model)) : NULL;
}

static int64_t at(const char *when)
{
    int64_t ms = -1;
    CHECK(text_time_parse(span_of(when), &ms));
    return ms;
}

#define NOW at("2026-11-20T12:00:00Z")

static struct usage used(int64_t in, int64_t out)
{
    struct usage u = { .known = true, .vendor_cost = -1, .input_total = in, .output_total = out };
    u.tokens[METER_IN] = in;
    u.tokens[METER_OUT] = out;
    return u;
}

/* Whatever is asked below: the lines of a bill add up to it. */
static void check_lines(int line, const struct price *p, const struct usage *u, int64_t when, nano_usd cost)
{
    struct price_line lines[PRICE_LINES];
    size_t count = price_lines(p, u, when, lines);
    nano_usd sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += lines[i].cost;
    if (u->vendor_cost >= 0 ? count != 0 : sum != cost)
        test_fail(__FILE__, line, "%zu lines make %lld, the cost is %lld", count, (long long)sum, (long long)cost);
}

static void check_cost(int line, const struct price *p, struct usage u, const char *when, const char *want)
{
    nano_usd cost;
    char text[MONEY_TEXT];
    enum err e = price_cost(p, &u, at(when), &cost);
    if (e)
        test_fail(__FILE__, line, "cost: %.*s", SPAN_ARG(err_code(e)));
    else if (!span_is(money_text(cost, text), span_of(want)))
        test_fail(__FILE__, line, "cost: got %.*s, want %s", SPAN_ARG(money_text(cost, text)), want);
    else
        check_lines(line, p, &u, at(when), cost);
}
#define COST(p, u, want) check_cost(__LINE__, p, u, "2026-11-20T12:00:00Z", want)
#define COST_AT(p, u, when, want) check_cost(__LINE__, p, u, when, want)

static struct usage with(struct usage u, enum meter m, int64_t n)
{
    u.tokens[m] = n;
    u.input_total = 0; /* the sum of meters counts */
    return u;
}

static struct usage tiered(struct usage u, const char *tier)
{
    u.tier = span_of(tier);
    return u;
}

TEST(plain)
{
    COST(row("openai", "gpt-4o"), used(1000, 500), "0.0075");
    COST(row("openai", "gpt-4o"), used(0, 0), "0");
    COST(row("openai", "gpt-4o-2024-08-06"), used(1000, 500), "0.0075");
}

TEST(cached_input)
{
    struct usage u = with(used(2006 - 1920, 300), METER_CACHE_READ, 1920);
    COST(row("openai", "gpt-4o"), u, "0.005615");
    /* L 14849: prompt 262,960 of which 257,955 cached, out 1,744: $0.1849, not $0.7642 */
    u = with(used(262960 - 257955, 1744), METER_CACHE_READ, 257955);
    COST(row("openai", "gpt-4.1"), u, "0.1529395");
}

TEST(long_session)
{
    /* B 904: about $0.34, not $1.68 */
    COST(row("openai", "gpt-5"), with(used(51232, 12909), METER_CACHE_READ, 1188096), "0.341642");
}

TEST(anthropic_cache_writes)
{
    struct usage u = with(used(3, 550), METER_CACHE_WRITE, 12304);
    COST(row("anthropic", "claude-sonnet-4-5"), u, "0.054399");
    u = with(used(6, 2745), METER_CACHE_WRITE, 159217);
    COST(row("anthropic", "claude-opus-4-5"), u, "1.06376125");
    u = with(used(0, 0), METER_CACHE_WRITE_1H, 344139);
    COST(row("anthropic", "claude-opus-4-5"), u, "3.44139");
    u = with(with(used(0, 0), METER_CACHE_WRITE, 600000), METER_CACHE_WRITE_1H, 400000);
    COST(row("anthropic", "claude-opus-4-8"), u, "7.75");
}

TEST(openai_cache_writes)
{
    struct usage u = with(used(3, 5), METER_CACHE_WRITE, 12314);
    COST(row("openai", "gpt-5.6-sol"), u, "0.061682"); /* 3 x 4, 12,314 x 5, 5 x 20 */
    COST(row("openai", "gpt-4o"), u, "0.0308425");     /* no price of its own: the input's */
}

TEST(long_context_reprices_everything)
{
    const struct price *sonnet = row("anthropic", "claude-sonnet-4-5");
    COST(sonnet, with(used(1000, 100), METER_CACHE_READ, 250000), "0.15825"); /* 1000x6 + 250000x0.6 + 100x22.5 */
    COST(sonnet, used(180000, 30000), "0.99");
    COST(sonnet, used(210000, 30000), "1.935");
    COST(row("openai", "gpt-5.4"), used(272000, 0), "0.68");
    COST(row("openai", "gpt-5.4"), used(273000, 0), "1.365");
    COST(row("anthropic", "claude-opus-4-8"), used(900000, 0), "4.5");
}

TEST(a_step_is_strictly_above)
{
    COST(row("anthropic", "claude-sonnet-4-5"), used(200000, 0), "0.6");
    COST(row("anthropic", "claude-sonnet-4-5"), used(200001, 0), "1.200006");
}

TEST(service_tiers)
{
    const struct price *p = row("openai", "gpt-4o");
    struct usage u = with(used(1000, 1000), METER_CACHE_READ, 1000);
    COST(p, u, "0.01375");
    COST(p, tiered(u, "priority"), "0.023375");
    COST(p, tiered(u, "batch"), "0.0075"); /* no cached price of its own: min(1.25, 1.25) */
    COST(row("openai", "gpt-5.4"), tiered(u, "flex"), "0.00888");
    COST(row("openai", "gpt-5.4"), tiered(used(300000, 0), "flex"), "0.75");
    COST(p, tiered(u, "nonesuch"), "0.01375");
}

TEST(a_tier_without_cache_price_takes_the_cheaper)
{
    struct usage u = with(used(0, 0), METER_CACHE_READ, 1000000);
    COST(row("gemini", "gemini-2.5-flash"), tiered(u, "batch"), "0.03");
}

TEST(audio)
{
    struct usage u = with(used(0, 0), METER_AUDIO_IN, 1000000);
    COST(row("gemini", "gemini-2.5-flash"), u, "1");
    COST(row("gemini", "gemini-2.5-flash"), with(used(0, 0), METER_AUDIO_CACHE_READ, 1000000), "0.1");
    COST(row("openai", "gpt-4o"), u, "2.5"); /* parent */
    u = with(with(used(0, 0), METER_AUDIO_IN, 1000), METER_AUDIO_OUT, 1000);
    COST(row("openai", "gpt-4o-audio-preview"), u, "0.12");
}

TEST(image_tokens)
{
    struct usage u = with(with(used(100, 0), METER_IMAGE_IN, 1000), METER_IMAGE_OUT, 1000);
    COST(row("openai", "gpt-image-1.5"), u, "0.0405");
    COST(row("gemini", "gemini-2.5-flash-image"), with(used(0, 0), METER_IMAGE_OUT, 1290), "0.0387");
}

TEST(windows_of_the_day)
{
    const struct price *p = row("deepseek", "deepseek-v4-pro");
    struct usage u = used(1000000, 0);
    COST_AT(p, u, "2026-11-20T00:59:59.999Z", "0.66"); /* a Friday */
    COST_AT(p, u, "2026-11-20T01:00:00Z", "1.32");
    COST_AT(p, u, "2026-11-20T03:59:59Z", "1.32");
    COST_AT(p, u, "2026-11-20T04:00:00Z", "0.66");
    COST_AT(p, u, "2026-11-20T06:00:00Z", "1.32");
    COST_AT(p, u, "2026-11-20T10:00:00Z", "0.66");
    COST_AT(p, u, "2026-11-21T02:00:00Z", "0.66"); /* Saturday */
    COST_AT(p, u, "2026-11-22T02:00:00Z", "0.66");
    COST_AT(p, u, "2026-11-23T02:00:00Z", "1.32");
}

TEST(past_and_announced_prices)
{
    struct usage u = used(1000000, 0);
    COST_AT(row("deepseek", "deepseek-v4-pro"), u, "2026-08-15T23:59:59Z", "0.435");
    COST_AT(row("deepseek", "deepseek-v4-pro"), u, "2026-08-16T00:00:00Z", "0.66"); /* a Sunday */
    COST_AT(row("gemini", "gemini-3.8-flash"), u, "2026-12-31T23:59:59Z", "0.75");
    COST_AT(row("gemini", "gemini-3.8-flash"), u, "2027-01-01T00:00:00Z", "1.5");
}

TEST(factors)
{
    struct usage u = with(used(2, 135), METER_CACHE_WRITE, 44667);
    u.fees[FEE_WEB_SEARCH] = 1;
    const struct price *p = row("anthropic", "claude-opus-4-8");
    COST(p, u, "0.29255375");
    COST(p, tiered(u, "fast"), "0.5751075"); /* the search fee is not doubled */
    u.geo = SPAN("us");
    COST(p, u, "0.320809125");
    COST(p, tiered(u, "fast"), "0.63161825");
    u.geo = SPAN("elsewhere");
    COST(p, u, "0.29255375");
}

TEST(regions)
{
    struct usage u = used(1000000, 0);
    u.geo = SPAN("eu-west-2");
    COST(row("bedrock", "qwen.qwen3-32b-v1:0"), u, "0.23");
    u.geo = SPAN("us");
    COST(row("azure", "gpt-4.1-2025-04-14"), u, "2.2");
    COST(row("openai", "gpt-5.4"), u, "5.5"); /* above the step, by 1.1 */
}

TEST(fees)
{
    struct usage u = used(26, 832);
    u.search = SPAN("high");
    COST(row("perplexity", "sonar-pro"), u, "0.026558");
    u.search = SPAN("low");
    COST(row("perplexity", "sonar-pro"), u, "0.018558");
    u.search = SPAN_NONE;
    COST(row("perplexity", "sonar-pro"), u, "0.026558"); /* unsaid: the dearest */
    u = used(0, 0);
    u.fees[FEE_AUDIO_SECOND] = 90;
    COST(row("openai", "whisper-1"), u, "0.009");
    u.fees[FEE_AUDIO_SECOND] = 1;
    COST(row("openai", "whisper-1"), u, "0.0001");
    u = used(0, 0);
    u.fees[FEE_SEARCH] = 3;
    COST(row("cohere", "rerank-v3.5"), u, "0.006");
}

TEST(unknown_is_never_zero)
{
    nano_usd cost = 7;
    struct usage u = used(1, 1);
    CHECK(!row("openai", "gpt-4"  "o-nonesuch"));
    CHECK(!row("nobody", "gpt-4o"));
    CHECK(!row("", ""));
    CHECK_INT(price_cost(NULL, &u, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(price_cost(row("openai", "whisper-1"), &u, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(price_ceiling(row("openai", "whisper-1"), 1, 1, SPAN_NONE, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(price_ceiling(row("perplexity", "openai/gpt-5.1"), 1, 1, SPAN_NONE, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(price_ceiling(NULL, 1, 1, SPAN_NONE, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(price_ceiling(row("openai", "gpt-4o"), -1, 1, SPAN_NONE, NOW, &cost), E_PRICE_UNKNOWN);
    u.fees[FEE_CODE_EXECUTION] = 1;
    CHECK_INT(price_cost(row("openai", "gpt-4o"), &u, NOW, &cost), E_PRICE_UNKNOWN);
    CHECK_INT(cost, 7);
    u.vendor_cost = 0;
    CHECK_INT(price_cost(NULL, &u, NOW, &cost), E_OK);
    CHECK_INT(cost, 0);
}

TEST(names_are_exact)
{
    CHECK(row("openai", "gpt-4o") && row("anthropic", "claude-sonnet-4-5"));
    CHECK(row("openai", "gpt-4o-2099-01-01") == row("openai", "gpt-4o"));
    CHECK(row("anthropic", "claude-opus-4-8-20260101") == row("anthropic", "claude-opus-4-8"));
    CHECK(!row("openai", "gpt-4o-2099-01"));
    CHECK(!row("openai", "GPT-4o"));
    CHECK(!row("openai", "gpt-4o "));
    CHECK(!row("openai", "gpt"));
    CHECK(!row("openai", "-2024-08-06"));
    CHECK(!row("openai", "gpt-4o\tx"));
}

TEST(limits)
{
    const struct price *p = row("openai", "gpt-5.4");
    CHECK_INT(price_context(p), 1050000);
    CHECK_INT(price_output_max(p), 128000);
    CHECK(span_find(price_caps(p), SPAN("tools")) >= 0);
}

/* Rules 1 to 8 on a row of our own, where the book has no case. */
static const char own_rows[] =
    "tollgate-prices\t1\t2026-01-01\t3\t0123456789012345678901234567890123456789012345678901234567890123\n"
    "a\tall\t1000\t100\tstream\tin=1 out=10 reason=20;tier>100 in=2;tier>200 in=3 out=30;svc:flex in=0.5;svc:flex>200 in=0.7;"
    "reg:r out=12;until:2026-02-01 in=9;until:2026-02-01>100 in=90;from:2026-06-01 in=5 out=50;"
    "win:1-7/10:00-12:00 in=0.1;mul fast=3;unit request=10/1000 web_search[ctx=low]=1/1000 web_search=2/1000\n"
    "a\tbroken\t1000\t100\tstream\tin=1 out=ten\n"
    "b\tzero\t0\t0\t\tin=0 out=0\n";

static struct price_book *own_book(void)
{
    struct price_book *b = NULL;
    struct trouble t = { 0 };
    CHECK_INT(price_book_read(span_of(own_rows), NULL, &b, &t), E_OK);
    return b;
}

TEST(rules_in_order)
{
    struct price_book *b = own_book();
    const struct price *p = price_find(b, SPAN("a"), SPAN("all"));
    const char *march = "2026-03-01T09:00:00Z";
    COST_AT(p, used(100, 1), march, "0.01011");  /* fee, 100 x 1, 1 x 10 */
    COST_AT(p, used(101, 1), march, "0.010212"); /* out stays the plain one */
    COST_AT(p, used(201, 1), march, "0.010633");
    struct usage u = used(201, 1);
    u.tier = SPAN("flex");
    COST_AT(p, u, march, "0.0101707"); /* svc.tier in, tier out */
    u = used(50, 1);
    u.tier = SPAN("flex");
    u.geo = SPAN("r");
    COST_AT(p, u, march, "0.010037"); /* svc in, region out */
    u = used(50, 0);
    u.tokens[METER_REASON] = 1;
    COST_AT(p, u, march, "0.01007");
    COST_AT(p, used(50, 1), "2026-03-01T10:30:00Z", "0.010015"); /* window in, plain out */
    COST_AT(p, used(101, 0), "2026-01-01T10:30:00Z", "0.01909"); /* the past one and its step, no window */
    price_book_free(b);
}

TEST(past_price_stands_alone)
{
    struct price_book *b = own_book();
    nano_usd cost;
    struct usage u = used(50, 1);
    CHECK_INT(price_cost(price_find(b, SPAN("a"), SPAN("all")), &u, at("2026-01-01"), &cost), E_PRICE_UNKNOWN);
    price_book_free(b);
}

TEST(broken_rows_have_no_price)
{
    struct price_book *b = own_book();
    CHECK(!price_find(b, SPAN("a"), SPAN("broken")));
    COST(price_find(b, SPAN("b"), SPAN("zero")), used(1000, 1000), "0");
    price_book_free(b);
}

TEST(header_is_needed)
{
    struct price_book *b = NULL;
    struct trouble t = { 0 };
    CHECK_INT(price_book_read(SPAN_NONE, NULL, &b, &t), E_CONFIG);
    CHECK_INT(price_book_read(SPAN("openai\tgpt-4o\t1\t1\t\tin=1\n"), NULL, &b, &t), E_CONFIG);
    CHECK(t.set && !b);
}

/* --- overrides --- */

static enum err override(const char *json, struct price_book **b, struct trouble *t)
{
    struct arena a;
    struct node *n;
    arena_init(&a, 1 << 20);
    enum err e = node_read_json(&a, "test", span_of(json), &n, t);
    CHECK_INT(e, E_OK);
    e = price_book_read(embed_find(SPAN("catalog/models.tsv")), n, b, t);
    arena_free(&a);
    return e;
}

TEST(overrides_win)
{
    struct price_book *b = NULL, *plain = NULL;
    struct trouble t = { 0 };
    CHECK_INT(override("{\"openai/gpt-4o\": {\"in\": \"1\", \"out\": 2, \"request_fee\": \"0.5\"}, \"mine/a/b\": {\"in\": \"0.25\", \"context\": 77}}", &b, &t), E_OK);
    CHECK_INT(override("{}", &plain, &t), E_OK);
    COST(price_find(b, SPAN("openai"), SPAN("gpt-4o")), used(1000000, 1000000), "3.5");
    CHECK_INT(price_context(price_find(b, SPAN("openai"), SPAN("gpt-4o"))), 128000);
    COST(price_find(b, SPAN("mine"), SPAN("a/b")), used(1000000, 0), "0.25");
    CHECK_INT(price_context(price_find(b, SPAN("mine"), SPAN("a/b"))), 77);
    COST(price_find(b, SPAN("openai"), SPAN("gpt-4o-mini")), used(1000000, 0), "0.15");
    CHECK(!span_is(price_book_id(b), price_book_id(plain)));
    CHECK(span_starts(price_book_id(b), SPAN("2026-11-18.")));
    CHECK_INT(price_book_id(b).len, 19);
    price_book_free(b);
    price_book_free(plain);
}

TEST(overrides_are_checked)
{
    static const char *const wrong[] = { "{\"gpt-4o\": {\"in\": \"1\"}}", "{\"a/b\": {\"inn\": \"1\"}}", "{\"a/b\": {\"in\": \"-1\"}}",
        "{\"a/b\": {\"in\": \"1e3\"}}", "{\"a/b\": {\"in\": [1]}}", "{\"a/b\": 5}", "[1]", "{\"/b\": {\"in\": \"1\"}}",
        "{\"a/b\": {\"in\": \"0.0000000001\"}}", "{\"a/b\": {\"context\": \"x\"}}", "{\"a\\tb/c\": {\"in\": \"1\"}}" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct price_book *b = NULL;
        struct trouble t = { 0 };
        if (override(wrong[i], &b, &t) != E_CONFIG || !t.set)
            test_fail(__FILE__, __LINE__, "taken: %s", wrong[i]);
        price_book_free(b);
    }
}

/* --- ceilings --- */

static void check_ceiling(int line, const struct price *p, int64_t in, int64_t out, const char *tier, const char *want)
{
    nano_usd most;
    char text[MONEY_TEXT];
    enum err e = price_ceiling(p, in, out, tier ? span_of(tier) : SPAN_NONE, NOW, &most);
    if (e || !span_is(money_text(most, text), span_of(want)))
        test_fail(__FILE__, line, "ceiling: got %.*s, want %s", e ? 1 : SPAN_ARG(money_text(most, text)), want);
}
#define CEILING(p, in, out, tier, want) check_ceiling(__LINE__, p, in, out, tier, want)

TEST(ceilings)
{
    CEILING(row("openai", "gpt-4o"), 1000, 500, NULL, "0.0075");
    CEILING(row("openai", "gpt-4o"), 1000, 500, "flex", "0.0075");
    CEILING(row("openai", "gpt-4o"), 1000, 500, "priority", "0.01275");
    CEILING(row("openai", "gpt-4o"), 1000, 500, "auto", "0.01275");
    CEILING(row("openai", "gpt-4o"), 0, 0, NULL, "0");
    CEILING(row("anthropic", "claude-sonnet-4-5"), 200000, 0, NULL, "1.2");      /* written for an hour */
    CEILING(row("anthropic", "claude-sonnet-4-5"), 200001, 0, NULL, "2.400012"); /* and above the step */
    CEILING(row("perplexity", "sonar-pro"), 0, 0, NULL, "0.014");
    CEILING(row("deepseek", "deepseek-v4-pro"), 1000000, 0, NULL, "1.32"); /* the dearest window */
    CEILING(row("anthropic", "claude-opus-4-8"), 1000000, 0, "fast", "22"); /* 10 x 2 x 1.1 */
    CEILING(row("bedrock", "qwen.qwen3-32b-v1:0"), 1000000, 0, NULL, "0.23");
}

TEST(ceilings_round_up)
{
    struct price_book *b = NULL;
    struct trouble t = { 0 };
    nano_usd most;
    CHECK_INT(override("{\"x/y\": {\"in\": \"0.000000001\", \"out\": \"0.000000001\"}}", &b, &t), E_OK);
    CHECK_INT(price_ceiling(price_find(b, SPAN("x"), SPAN("y")), 1, 0, SPAN_NONE, NOW, &most), E_OK);
    CHECK_INT(most, 1);
    COST(price_find(b, SPAN("x"), SPAN("y")), used(1, 0), "0");
    COST(price_find(b, SPAN("x"), SPAN("y")), used(500000, 0), "0.000000001"); /* half goes up */
    COST(price_find(b, SPAN("x"), SPAN("y")), used(499999, 0), "0");
    price_book_free(b);
}

TEST(sums_do_not_overflow)
{
    nano_usd most;
    struct usage u = used(INT64_MAX, INT64_MAX);
    CHECK_INT(price_ceiling(row("openai", "o1-pro"), INT64_MAX, INT64_MAX, SPAN_NONE, NOW, &most), E_OK);
    CHECK(most == MONEY_MAX);
    CHECK_INT(price_cost(row("openai", "o1-pro"), &u, NOW, &most), E_OK);
    CHECK(most == MONEY_MAX);
    CHECK_INT(price_output_fitting(row("openai", "o1-pro"), MONEY_MAX, INT64_MAX, SPAN_NONE, NOW), 0);
}

TEST(fee_ceilings)
{
    int64_t fees[FEE_COUNT] = { 0 };
    nano_usd most;
    fees[FEE_WEB_SEARCH] = 3;
    CHECK_INT(price_fees_ceiling(row("openai", "gpt-4o-mini-2024-07-18"), fees, &most), E_OK);
    CHECK_INT(most, 90000000);
    fees[FEE_SEARCH] = 1;
    CHECK_INT(price_fees_ceiling(row("openai", "gpt-4o"), fees, &most), E_PRICE_UNKNOWN);
    CHECK_INT(price_fees_ceiling(row("openai", "gpt-4o"), NULL, &most), E_OK);
    CHECK_INT(most, 0);
}

TEST(fitting)
{
    const struct price *p = row("openai", "gpt-4o");
    CHECK_INT(price_output_fitting(p, 7500000, 1000, SPAN_NONE, NOW), 500);
    CHECK_INT(price_output_fitting(p, 7499999, 1000, SPAN_NONE, NOW), 499);
    CHECK_INT(price_output_fitting(p, 2500000, 1000, SPAN_NONE, NOW), 0);
    CHECK_INT(price_output_fitting(p, 2499999, 1000, SPAN_NONE, NOW), 0);
    CHECK_INT(price_output_fitting(p, -1, 0, SPAN_NONE, NOW), 0);
    CHECK(price_output_fitting(row("openai", "text-embedding-3-small"), 1, 0, SPAN_NONE, NOW) >= 0);
}

/* --- every row of the book, and chance --- */

static uint64_t dice(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct usage random_usage(uint64_t *seed, int64_t in_most, int64_t out_most)
{
    static const enum meter in[] = { METER_IN, METER_CACHE_READ, METER_CACHE_WRITE, METER_CACHE_WRITE_1H, METER_AUDIO_IN,
        METER_AUDIO_CACHE_READ, METER_IMAGE_IN, METER_IMAGE_CACHE_READ, METER_VIDEO_IN };
    static const enum meter out[] = { METER_OUT, METER_REASON, METER_AUDIO_OUT, METER_IMAGE_OUT, METER_VIDEO_OUT };
    struct usage u = { .known = true, .vendor_cost = -1 };
    int64_t rest = in_most;
    for (int i = 0; i < 4; i++) {
        int64_t n = rest ? (int64_t)(dice(seed) % (uint64_t)(rest + 1)) : 0;
        u.tokens[in[dice(seed) % 9]] += n;
        rest -= n;
        u.input_total += n;
    }
    rest = out_most;
    for (int i = 0; i < 3; i++) {
        int64_t n = rest ? (int64_t)(dice(seed) % (uint64_t)(rest + 1)) : 0;
        u.tokens[out[dice(seed) % 5]] += n;
        rest -= n;
    }
    return u;
}

struct sweep {
    size_t rows, priced, compared;
};

/* Whatever a call uses within its bounds, in whatever place and tier the vendor reports: not above the ceiling. */
static void play(const struct price *p, uint64_t *seed, struct sweep *s)
{
    static const char *const geos[] = { NULL, NULL, "us", "eu", "eu-west-2", "us-gov-west-1" };
    static const char *const tiers[] = { NULL, NULL, "flex", "priority", "batch", "fast", "auto" };
    int64_t in_most = (int64_t)(dice(seed) % 400000), out_most = (int64_t)(dice(seed) % 40000);
    int64_t when = at("2026-06-01") + (int64_t)(dice(seed) % (UINT64_C(400) * 86400000));
    const char *asked = tiers[dice(seed) % 7], *geo = geos[dice(seed) % 6];
    struct usage u = random_usage(seed, in_most, out_most);
    nano_usd most, cost;
    bool open = asked && strcmp(asked, "auto") == 0;
    u.geo = geo ? span_of(geo) : SPAN_NONE;
    u.tier = open ? span_of(tiers[2 + dice(seed) % 4]) : asked && dice(seed) % 2 ? span_of(asked) : SPAN_NONE;
    if (price_cost(p, &u, when, &cost))
        return;
    enum err e = price_ceiling(p, in_most, out_most, asked ? span_of(asked) : SPAN_NONE, when, &most);
    s->compared++;
    if (e ? cost > 0 && e != E_PRICE_UNKNOWN : cost > most)
        test_fail(__FILE__, __LINE__, "cost %lld above ceiling %lld", (long long)cost, (long long)most);
    int64_t fits = e ? 0 : price_output_fitting(p, most, in_most, asked ? span_of(asked) : SPAN_NONE, when);
    if (!e && fits < out_most)
        test_fail(__FILE__, __LINE__, "%lld fit, not %lld", (long long)fits, (long long)out_most);
}

TEST(every_row_can_be_found_and_bounds_hold)
{
    struct sweep s = { 0 };
    uint64_t seed = 0x9e3779b97f4a7c15;
    struct span rest = embed_find(SPAN("catalog/models.tsv")), line, provider, model;
    CHECK(row("openai", "gpt-4o") != NULL);
    span_cut(&rest, '\n', &line);
    while (span_cut(&rest, '\n', &line)) {
        span_cut(&line, '\t', &provider);
        span_cut(&line, '\t', &model);
        const struct price *p = price_find(book, provider, model);
        s.rows++;
        if (!p) {
            test_fail(__FILE__, __LINE__, "no row %.*s/%.*s", SPAN_ARG(provider), SPAN_ARG(model));
            continue;
        }
        nano_usd most;
        s.priced += price_ceiling(p, 1000, 0, SPAN_NONE, NOW, &most) == E_OK;
        for (int i = 0; i < 12; i++)
            play(p, &seed, &s);
    }
    printf("  %zu rows, %zu bounded, %zu costs below their ceilings\n", s.rows, s.priced, s.compared);
    CHECK_INT(s.rows, 10000);
    CHECK(s.priced > 8900 && s.compared > 50000);
}

static void *find_many(void *arg)
{
    struct price_book *b = arg;
    uintptr_t sum = 0;
    for (int i = 0; i < 300; i++) {
        sum += (uintptr_t)price_find(b, SPAN("openai"), SPAN("gpt-4o")) % 1009;
        sum += (uintptr_t)price_find(b, SPAN("openai"), SPAN("gpt-4o-mini")) % 1009;
        sum += (uintptr_t)price_find(b, SPAN("anthropic"), SPAN("claude-opus-4-8")) % 1009;
    }
    return (void *)sum;
}

TEST(threads_share_a_book)
{
    struct price_book *b = NULL;
    struct trouble t = { 0 };
    pthread_t threads[4];
    void *sums[4];
    CHECK_INT(price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &b, &t), E_OK);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, find_many, b);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], &sums[i]);
    for (int i = 1; i < 4; i++)
        CHECK(sums[i] == sums[0]);
    price_book_free(b);
}

TEST(cut_books_do_no_harm)
{
    struct span whole = span_of(own_rows);
    for (size_t n = 0; n < whole.len; n++) {
        struct price_book *b = NULL;
        struct trouble t = { 0 };
        struct usage u = used(201, 1);
        nano_usd cost;
        char *copy = malloc(n + 1);
        memcpy(copy, whole.at, n);
        if (!price_book_read(span_make(copy, n), NULL, &b, &t)) {
            const struct price *p = price_find(b, SPAN("a"), SPAN("all"));
            if (p && !price_cost(p, &u, NOW, &cost))
                CHECK(cost >= 0);
            price_find(b, SPAN("b"), SPAN("zero"));
            price_book_free(b);
        }
        free(copy);
    }
}

TEST(a_bill_says_what_it_is_made_of)
{
    struct price_line lines[PRICE_LINES];
    struct usage u = with(used(1200, 7), METER_CACHE_READ, 3);
    nano_usd cost;
    char text[MONEY_TEXT];
    const struct price *p = row("openai", "gpt-4o-mini");
    CHECK_INT(price_lines(p, &u, NOW, lines), 3);
    CHECK_SPAN(lines[0].what, SPAN("in"));
    CHECK_INT(lines[0].count, 1200);
    CHECK_INT(lines[0].per, 1000000);
    CHECK_SPAN(money_text(lines[0].price, text), SPAN("0.15"));
    CHECK_SPAN(money_text(lines[0].cost, text), SPAN("0.00018"));
    CHECK_SPAN(lines[1].what, SPAN("out"));
    CHECK_SPAN(lines[2].what, SPAN("cache_read"));
    CHECK(price_cost(p, &u, NOW, &cost) == E_OK);
    CHECK_INT(lines[0].cost + lines[1].cost + lines[2].cost, cost);
    CHECK_INT(price_lines(NULL, &u, NOW, lines), 0);
    u.vendor_cost = 5;
    CHECK_INT(price_lines(p, &u, NOW, lines), 0);
}

/* Each half a nano-dollar by itself: rounded one by one they would be a whole too many. */
TEST(lines_are_rounded_as_a_sum)
{
    struct trouble t = { 0 };
    struct node *prices = NULL;
    struct arena a;
    struct price_book *b = NULL;
    struct price_line lines[PRICE_LINES];
    nano_usd cost = 0;
    arena_init(&a, 1 << 16);
    CHECK(node_read_json(&a, "", SPAN("{\"acme/half\":{\"in\":\"0.0005\",\"out\":\"0.0005\",\"reason\":\"0.0005\"}}"), &prices, &t) == E_OK);
    CHECK(price_book_read(embed_find(SPAN("catalog/models.tsv")), prices, &b, &t) == E_OK);
    const struct price *p = price_find(b, SPAN("acme"), SPAN("half"));
    struct usage u = with(used(1, 1), METER_REASON, 1);
    CHECK(p && price_cost(p, &u, NOW, &cost) == E_OK);
    CHECK_INT(price_lines(p, &u, NOW, lines), 3);
    CHECK_INT(cost, 2);
    CHECK_INT(lines[0].cost + lines[1].cost + lines[2].cost, 2);
    price_book_free(b);
    arena_free(&a);
}
