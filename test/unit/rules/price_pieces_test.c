/* SPDX-License-Identifier: Apache-2.0
 * price_pieces_test.c - what is charged by the piece: pictures by size, quality and pixels, seconds, characters, searches; what is
 * counted in pieces and in tokens is charged once; and ceilings of such calls. */
#include "base/embed.h"
#include "rules/price_row.h"
#include "test/test.h"

#include <stdio.h>
#include <stdlib.h>

#define AT INT64_C(1795176000000)

static struct price_book *book;

static const struct price *row(const char *provider, const char *model)
{
    struct trouble t = { .set = false };
    if (!book && price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &book, &t))
        test_fail(__FILE__, __LINE__, "no book: %s", t.text);
    return book ? price_find(book, span_of(provider), span_of(model)) : NULL;
}

static struct price *line(const char *prices)
{
    char text[1024];
    snprintf(text, sizeof(text), "p\tm\t0\t0\t\t%s", prices);
    struct price *p = price_row_read(span_of(text));
    if (!p)
        test_fail(__FILE__, __LINE__, "cannot be read: %s", prices);
    return p;
}

static struct usage pieces(enum fee fee, int64_t count, const char *size, const char *quality)
{
    struct usage u = { .known = true, .vendor_cost = -1, .size = span_of(size), .quality = span_of(quality) };
    u.fees[fee] = count;
    return u;
}

static void check(int at, const struct price *p, struct usage u, const char *want)
{
    nano_usd cost = -1;
    char text[MONEY_TEXT];
    enum err e = price_cost(p, &u, AT, &cost);
    struct span got = e ? err_code(e) : money_text(cost, text);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, at, "got %.*s, want %s", SPAN_ARG(got), want);
}
#define COST(p, u, want) check(__LINE__, p, u, want)

TEST(pictures_cost_by_size_and_quality)
{
    const struct price *p = row("openai", "dall-e-3");
    COST(p, pieces(FEE_IMAGE_UNIT, 1, "1024x1024", "standard"), "0.04");
    COST(p, pieces(FEE_IMAGE_UNIT, 3, "1024x1792", "hd"), "0.36");
    COST(p, pieces(FEE_IMAGE_UNIT, 1, "1024*1792", "HD"), "0.12");
    COST(p, pieces(FEE_IMAGE_UNIT, 1, "1024x1024", NULL), "0.08"); /* the dearest of what it can be */
    COST(p, pieces(FEE_IMAGE_UNIT, 1, "auto", "auto"), "0.12");
    COST(p, pieces(FEE_IMAGE_UNIT, 1, "64x64", "hd"), "price_unknown"); /* no price of another size is taken for it */
}

TEST(pictures_cost_by_their_pixels)
{
    struct price *mega = line("unit image_out.megapixel=0.05/1"), *pixel = line("unit image_out.pixel=0.0013/1000000");
    COST(mega, pieces(FEE_IMAGE_UNIT, 2, "1000x1000", NULL), "0.1");
    COST(pixel, pieces(FEE_IMAGE_UNIT, 1, "2000x1000", NULL), "0.0026");
    COST(pixel, pieces(FEE_IMAGE_UNIT, 1, NULL, NULL), "price_unknown");
    COST(pixel, pieces(FEE_IMAGE_UNIT, 1, "0x1000", NULL), "price_unknown");
    COST(pixel, pieces(FEE_IMAGE_UNIT, 1, "9999999x9", NULL), "price_unknown");
    CHECK(price_charges(mega, FEE_IMAGE_UNIT) && !price_charges(mega, FEE_PAGE));
    free(mega);
    free(pixel);
}

TEST(seconds_characters_pages_and_searches)
{
    COST(row("openai", "whisper-1"), pieces(FEE_AUDIO_SECOND, 60, NULL, NULL), "0.006");
    COST(row("openai", "whisper-1"), pieces(FEE_AUDIO_SECOND, 1, NULL, NULL), "0.0001");
    COST(row("openai", "tts-1"), pieces(FEE_CHARACTER, 1000, NULL, NULL), "0.015");
    COST(row("mistral", "mistral-ocr-2505-completion"), pieces(FEE_PAGE, 1000, NULL, NULL), "1");
    COST(row("mistral", "mistral-ocr-2505-completion"), pieces(FEE_ANNOTATION_PAGE, 1000, NULL, NULL), "3");
    COST(row("azure-ai", "cohere-rerank-v3-english"), pieces(FEE_SEARCH, 3, NULL, NULL), "0.006");
    COST(row("openai", "sora-2"), pieces(FEE_VIDEO_SECOND, 8, "1280x720", NULL), "0.8");
    struct usage u = pieces(FEE_SEARCH, 1, NULL, NULL);
    COST(row("exa", "search"), u, "0.025"); /* it is not said how much it found */
    u.results = 25;
    COST(row("exa", "search"), u, "0.005");
    u.results = 26;
    COST(row("exa", "search"), u, "0.025");
    u.results = 101;
    COST(row("exa", "search"), u, "price_unknown");
}

TEST(content_is_charged_once)
{
    struct price *both = line("in=5 out=10 image_out=40;unit image_out=0.25/1"), *pieces_only = line("unit image_out=0.04/1"),
                 *zero = line("in=0 out=0;unit image_out=0.03/1");
    struct usage u = pieces(FEE_IMAGE_UNIT, 1, NULL, NULL);
    COST(both, u, "0.25");
    u.tokens[METER_IMAGE_OUT] = 1000;
    u.tokens[METER_IN] = 100;
    COST(both, u, "0.0405"); /* tokens, where the row has a rate for them */
    COST(pieces_only, u, "0.04"); /* a row without rates charges no tokens */
    COST(zero, u, "0.03"); /* a rate of nothing beside a price is none */
    u.fees[FEE_IMAGE_UNIT] = 0;
    COST(pieces_only, u, "price_unknown"); /* nothing of it was charged: never zero */
    free(both);
    free(pieces_only);
    free(zero);
}

TEST(calls_charged_by_the_piece_have_a_ceiling)
{
    int64_t fees[FEE_COUNT] = { [FEE_IMAGE_UNIT] = 2 };
    struct price_most most = { .input = 5000, .fees = fees, .at_ms = AT };
    nano_usd ceiling;
    CHECK_INT(price_call_ceiling(row("openai", "dall-e-3"), &most, &ceiling), E_OK);
    CHECK_INT(ceiling, 240000000);
    most.size = SPAN("1024x1024");
    most.quality = SPAN("standard");
    CHECK_INT(price_call_ceiling(row("openai", "dall-e-3"), &most, &ceiling), E_OK);
    CHECK_INT(ceiling, 80000000);
    most.fees = NULL;
    CHECK_INT(price_call_ceiling(row("openai", "dall-e-3"), &most, &ceiling), E_PRICE_UNKNOWN);
    fees[FEE_IMAGE_UNIT] = -1;
    most.fees = fees;
    CHECK_INT(price_call_ceiling(row("openai", "dall-e-3"), &most, &ceiling), E_PRICE_UNKNOWN);
}

/* What a tool makes is no content of the model's own: tokens that are bounded beside it do not pay for it. */
TEST(a_tools_picture_is_not_in_the_tokens)
{
    int64_t fees[FEE_COUNT] = { [FEE_IMAGE_UNIT] = 1 };
    struct price_most most = { .input = 5000, .output = 5000, .fees = fees, .at_ms = AT };
    struct usage u = pieces(FEE_IMAGE_UNIT, 1, NULL, NULL);
    struct price *priced = line("in=1 out=1;unit image_out=0.25/1");
    nano_usd ceiling;
    CHECK_INT(price_call_ceiling(row("openai", "gpt-5"), &most, &ceiling), E_PRICE_UNKNOWN);
    COST(row("openai", "gpt-5"), u, "price_unknown");
    CHECK_INT(price_call_ceiling(priced, &most, &ceiling), E_OK);
    CHECK_INT(ceiling, 260000000);
    free(priced);
}

TEST(code_is_charged_by_the_session_or_by_the_run)
{
    int64_t fees[FEE_COUNT] = { [FEE_CODE_SESSION] = 2, [FEE_CODE_EXECUTION] = 2 };
    struct usage u = pieces(FEE_CODE_SESSION, 1, NULL, NULL);
    nano_usd ceiling;
    u.fees[FEE_CODE_EXECUTION] = 3;
    CHECK_INT(price_fees_ceiling(row("openai", "gpt-5"), fees, &ceiling), E_OK);
    CHECK_INT(ceiling, 60000000);
    COST(row("openai", "gpt-5"), u, "0.03");
    CHECK_INT(price_fees_ceiling(row("xai", "grok-4"), fees, &ceiling), E_OK);
    CHECK_INT(ceiling, 10000000);
    COST(row("xai", "grok-4"), u, "0.015");
    u.fees[FEE_CODE_SESSION] = 0; /* runs alone, where sessions are charged: never nothing */
    COST(row("openai", "gpt-5"), u, "price_unknown");
    CHECK_INT(price_fees_ceiling(row("groq", "openai/gpt-oss-120b"), fees, &ceiling), E_PRICE_UNKNOWN);
    COST(row("groq", "openai/gpt-oss-120b"), u, "price_unknown");
}

TEST(rows_beyond_all_reason_are_refused)
{
    static const char *const wrong[] = { "in=1000001", "mul fast=101", "mul fast=0", "mul fast=5555555555510", "unit page=1000001/1",
        "unit image_out[size]=1/1", "unit image_out[size=a,size=b]=1/1", "unit search[when=results_9-1]=1/1", "is dim=-1", "is dim" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char text[200];
        snprintf(text, sizeof(text), "p\tm\t0\t0\t\t%s", wrong[i]);
        struct price *p = price_row_read(span_of(text));
        if (p)
            test_fail(__FILE__, __LINE__, "taken: %s", wrong[i]);
        free(p);
    }
    free(line("in=1000000;mul fast=100;unit page=1000000/1"));
}

TEST(a_row_says_what_is_known_of_its_model)
{
    const struct price *p = row("openai", "text-embedding-3-large");
    CHECK_SPAN(price_mode(p), SPAN("embedding"));
    CHECK_INT(price_embedding_dim(p), 3072);
    CHECK_SPAN(price_mode(row("openai", "gpt-4o")), SPAN("chat"));
    CHECK_SPAN(price_state(row("gemini", "gemini-2.0-flash")), SPAN("retired"));
    CHECK_SPAN(price_shutdown(row("gemini", "gemini-2.0-flash")), SPAN("2026-06-01"));
    CHECK_INT(price_input_max(row("openai", "gpt-5")), 272000);
    CHECK_INT(price_cache_least(row("anthropic", "claude-opus-4-5")), 4096);
    CHECK(!price_dialect(p).len && !price_state(p).len);
    CHECK(price_rates(row("openai", "gpt-4o"), METER_CACHE_READ) && !price_rates(row("openai", "gpt-4o"), METER_REASON));
}

TEST(rows_come_in_order_each_once)
{
    struct price_cursor all = { SPAN_NONE, SPAN_NONE }, some = { SPAN_NONE, SPAN_NONE };
    struct span provider = SPAN(""), model = SPAN("");
    size_t count = 0, openai = 0;
    (void)row("openai", "gpt-4o");
    for (const struct price *p; (p = price_next(book, SPAN_NONE, &all)); count++) {
        int order = span_compare(provider, price_provider(p));
        CHECK(order < 0 || (order == 0 && span_compare(model, price_model(p)) < 0));
        provider = price_provider(p);
        model = price_model(p);
        openai += span_is(provider, SPAN("openai"));
    }
    CHECK_INT(count, 10000);
    while (price_next(book, SPAN("openai"), &some))
        openai--;
    CHECK_INT(openai, 0);
    some = (struct price_cursor){ SPAN_NONE, SPAN_NONE };
    CHECK(!price_next(book, SPAN("no-such-provider"), &some));
}
