/* SPDX-License-Identifier: Apache-2.0
 * price_fuzz.c - any text as one row of the price book: parsed or refused; costs never above ceilings. */
#include <stdlib.h>

#include "base/must.h"
#include "rules/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct price *p)
{
    static const char *const tiers[] = { "", "flex", "fast", "auto" };
    for (int i = 0; i < 4; i++) {
        struct usage u = { .known = true, .vendor_cost = -1, .input_total = 900, .output_total = 50 };
        struct span tier = span_of(tiers[i]);
        nano_usd cost, most;
        u.tokens[METER_IN] = 300;
        u.tokens[METER_CACHE_READ] = 600;
        u.tokens[METER_OUT] = 50;
        u.tier = i == 3 ? SPAN("flex") : tier;
        u.geo = SPAN("us");
        if (price_cost(p, &u, INT64_C(1795176000000), &cost) || price_ceiling(p, 900, 50, tier, INT64_C(1795176000000), &most))
            continue;
        must(cost <= most);
        must(price_output_fitting(p, most, 900, tier, INT64_C(1795176000000)) >= 50);
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
