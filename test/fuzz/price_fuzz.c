/* SPDX-License-Identifier: Apache-2.0
 * price_fuzz.c - any text as one row of the price book: parsed or refused; costs never above ceilings, and what a ceiling's money
 * is said to buy is no less than what was asked. */
#include <stdlib.h>

#include "base/must.h"
#include "rules/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT = 900, OUTPUT = 50 };

static const int64_t moments[] = { INT64_C(1795176000000), INT64_C(1795330800000), INT64_C(1735689600000) };
static const char *const tiers[] = { "", "flex", "fast", "auto" };
static const char *const places[] = { "us", "eu-west-2", "" };

static void compare_tokens(const struct price *p, struct usage u, struct span tier, int64_t at_ms)
{
    nano_usd cost, most;
    if (price_cost(p, &u, at_ms, &cost) || price_ceiling(p, INPUT, OUTPUT, tier, at_ms, &most))
        return;
    must(cost <= most);
    must(price_output_fitting(p, most, INPUT, tier, at_ms) >= OUTPUT);
}

static void compare_pieces(const struct price *p, struct usage u, struct span tier, int64_t at_ms)
{
    nano_usd cost, most;
    struct price_most asked = { .input = INPUT, .output = OUTPUT, .fees = u.fees, .size = u.size, .tier = tier, .at_ms = at_ms };
    if (!price_cost(p, &u, at_ms, &cost) && !price_call_ceiling(p, &asked, &most))
        must(cost <= most);
}

static void compare(const struct price *p)
{
    for (int i = 0; i < 12; i++) {
        struct usage u = { .known = true, .vendor_cost = -1, .input_total = INPUT, .output_total = OUTPUT };
        struct span tier = span_of(tiers[i % 4]);
        u.tokens[METER_IN] = INPUT / 3;
        u.tokens[i % 3 ? METER_CACHE_READ : METER_AUDIO_IN] = INPUT - INPUT / 3;
        u.tokens[i % 2 ? METER_OUT : METER_IMAGE_OUT] = OUTPUT;
        u.tier = i % 4 == 3 ? SPAN("flex") : tier;
        u.geo = span_of(places[i % 3]);
        compare_tokens(p, u, tier, moments[i / 4]);
        u.size = i % 2 ? SPAN("1024x1024") : SPAN_NONE;
        u.quality = i % 3 ? SPAN("hd") : SPAN_NONE;
        u.results = i;
        for (int fee = i % 5; fee < FEE_COUNT; fee += 5)
            u.fees[fee] = 7;
        compare_pieces(p, u, tier, moments[i / 4]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "tollgate-prices\t1\t2026-01-01\t2\t0123456789012345678901234567890123456789012345678901234567890123\np\tm\t1\t1\t\t";
    struct price_book *b = NULL;
    struct trouble t = { 0 };
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_put(&text, span_of(head));
    buf_put(&text, span_make((const char *)data, size));
    if (!price_book_read(buf_span(&text), NULL, &b, &t)) {
        const struct price *p = price_find(b, SPAN("p"), SPAN("m"));
        if (p)
            compare(p);
        price_find(b, SPAN("q"), SPAN("n"));
        price_book_free(b);
    }
    buf_free(&text);
    return 0;
}
