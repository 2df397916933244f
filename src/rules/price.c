/* SPDX-License-Identifier: Apache-2.0
 * price.c - what a usage costs. Pure: rules 1 to 8 of docs/prices.md and nothing else. */
#include "rules/price_view.h"

enum { MILLION = 1000000 };

static int64_t factor_named(const struct price *p, struct span prefix, struct span name)
{
    for (size_t i = 0; i < p->factor_count; i++) {
        struct span f = p->factors[i].name;
        if (span_starts(f, prefix) && span_is(span_from(f, prefix.len), name))
            return p->factors[i].hundredths;
    }
    return 100;
}

bool price_is_of_place(struct span factor) { return span_starts(factor, SPAN("geo_")) || span_starts(factor, SPAN("region_")); }

/* A tier that has prices of its own is not multiplied on top. */
int64_t price_tier_factor(const struct price *p, struct span tier)
{
    if (!tier.len || price_is_of_place(tier) || price_has_tier(p, tier))
        return 100;
    return factor_named(p, SPAN(""), tier);
}

static int64_t place_factor(const struct price *p, struct span geo)
{
    int64_t geo_factor = factor_named(p, SPAN("geo_"), geo);
    return geo_factor != 100 ? geo_factor : factor_named(p, SPAN("region_"), geo);
}

/* A usage while it is priced. */
struct bill {
    const struct price *p;
    const struct usage *u;
    struct view view;
    bool by_piece[METER_COUNT]; /* the content of this meter is charged by the piece */
    bool content;               /* some content is */
    int64_t factor;             /* of tokens: tier times place, 10^-4 */
    price_wide sum;
    struct price_line *lines;   /* what the sum is made of; NULL: nobody asks */
    size_t count;
    nano_usd noted;             /* the lines' sum */
};

static void add(struct bill *b, struct price_line line, price_wide units)
{
    b->sum = price_add(b->sum, units);
    if (!b->lines)
        return;
    nano_usd upto = price_nano(b->sum, false);
    line.cost = upto - b->noted;
    if (line.per == 1)
        line.price = price_nano(units, false) / line.count;
    b->noted = upto;
    b->lines[b->count++] = line;
}

/* What is counted both in tokens and in pieces is charged once: in tokens where they have a rate of their own. */
static bool is_in_tokens(const struct bill *b, enum fee fee)
{
    enum meter m = price_same_content(fee);
    return m != METER_COUNT && b->u->tokens[m] > 0 && view_own_rate(&b->view, m) > 0;
}

#define NAME(name, text) { text, sizeof(text) - 1 },
static const struct span fee_names[] = { FEE_ROWS(NAME) };
static const struct span meter_names[] = { METER_ROWS(NAME) };
#undef NAME

static enum err add_pieces(struct bill *b)
{
    const struct usage *u = b->u;
    const struct piece_kind kind = { u->size, u->quality, u->search, u->results, false };
    for (int f = 0; f < FEE_COUNT; f++) {
        enum fee fee = (enum fee)f;
        price_wide units = 0;
        int64_t count = u->fees[fee];
        bool due = fee == FEE_REQUEST && count == 0 && price_charges(b->p, FEE_REQUEST);
        if ((count <= 0 && !due) || is_in_tokens(b, fee) || price_is_other_count(b->p, fee, u->fees))
            continue;
        enum meter same = price_same_content(fee);
        if (!price_pieces(b->p, fee, due ? 1 : count, &kind, &units)) {
            if (same != METER_COUNT && u->tokens[same] > 0)
                continue; /* counted in tokens as well, and charged by them if at all */
            return E_PRICE_UNKNOWN;
        }
        add(b, (struct price_line){ fee_names[fee], due ? 1 : count, 1, 0, 0 }, units);
        b->content |= price_is_content(fee);
        if (same != METER_COUNT)
            b->by_piece[same] = true;
    }
    return E_OK;
}

/* Tokens of a side that has no rates at all, in a row that charges the content by the piece. */
static bool is_free_beside(const struct bill *b, enum meter m)
{
    return b->content && !price_rates_side(b->p, price_is_output(m));
}

static enum err add_tokens(struct bill *b)
{
    for (int i = 0; i < METER_COUNT; i++) {
        enum meter m = (enum meter)i;
        if (b->u->tokens[m] <= 0 || b->by_piece[m] || is_free_beside(b, m))
            continue;
        int64_t rate = view_rate(&b->view, m);
        if (rate < 0)
            return E_PRICE_UNKNOWN;
        price_wide units = price_mul(price_mul(price_mul(b->u->tokens[m], rate), PRICE_UNITS_PER_RATE), b->factor);
        nano_usd price = price_nano(price_mul(price_mul(price_mul(MILLION, rate), PRICE_UNITS_PER_RATE), b->factor), false);
        add(b, (struct price_line){ meter_names[m], b->u->tokens[m], MILLION, price, 0 }, units);
    }
    return E_OK;
}

static int64_t input_of(const struct usage *u)
{
    int64_t sum = 0;
    static const enum meter inputs[] = { METER_IN, METER_CACHE_READ, METER_CACHE_WRITE, METER_CACHE_WRITE_1H, METER_AUDIO_IN,
        METER_AUDIO_CACHE_READ, METER_IMAGE_IN, METER_IMAGE_CACHE_READ, METER_VIDEO_IN };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++)
        sum = money_add(sum, u->tokens[inputs[i]]);
    return sum > u->input_total ? sum : u->input_total;
}

static enum err bill_read(struct bill *b, int64_t at_ms)
{
    const struct price *p = b->p;
    const struct usage *u = b->u;
    struct situation s = { input_of(u), u->tier, price_region(p, u->geo), price_window_at(p, at_ms), price_era_at(p, at_ms) };
    b->view = view_of(p, &s);
    b->factor = price_tier_factor(p, u->tier) * place_factor(p, u->geo);
    enum err e = add_pieces(b);
    return e ? e : add_tokens(b);
}

enum err price_cost(const struct price *p, const struct usage *u, int64_t at_ms, nano_usd *out)
{
    struct bill b = { .p = p, .u = u };
    if (u->vendor_cost >= 0) {
        *out = u->vendor_cost;
        return E_OK;
    }
    if (!p || at_ms < 0 || u->others)
        return E_PRICE_UNKNOWN;
    enum err e = bill_read(&b, at_ms);
    if (!e)
        *out = price_nano(b.sum, false);
    return e;
}

size_t price_lines(const struct price *p, const struct usage *u, int64_t at_ms, struct price_line lines[PRICE_LINES])
{
    struct bill b = { .p = p, .u = u, .lines = lines };
    bool ours = u->vendor_cost < 0 && p && at_ms >= 0 && !u->others;
    return ours && bill_read(&b, at_ms) == E_OK ? b.count : 0;
}
