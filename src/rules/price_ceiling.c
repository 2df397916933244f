/* SPDX-License-Identifier: Apache-2.0
 * price_ceiling.c - the most a call can cost: the dearest of all that price_cost could find. */
#include "rules/price_view.h"

/* The dearest rates of all situations looked at so far; -1: none was known. */
struct dearest {
    int64_t in, out;
};

/* Takes in the rates of one situation. A meter without a rate there adds nothing: price_cost has none for it either. */
static void weigh(const struct price *p, const struct situation *s, struct dearest *d)
{
    struct view v = view_of(p, s);
    for (int m = 0; m < METER_COUNT; m++) {
        int64_t rate = view_rate(&v, (enum meter)m), *most = price_is_output((enum meter)m) ? &d->out : &d->in;
        if (rate > *most)
            *most = rate;
    }
}

/* All windows (and none), the dearest region (and none). */
static void weigh_places(const struct price *p, struct situation s, struct dearest *d)
{
    s.window = NULL;
    for (size_t i = 0; i <= p->table_count; i++) {
        if (i > 0 && p->tables[i - 1].era != PRICE_WINDOW)
            continue;
        if (i > 0)
            s.window = &p->tables[i - 1];
        s.region = NULL;
        weigh(p, &s, d);
        if (!p->regions)
            continue;
        s.region = &p->region_most;
        weigh(p, &s, d);
    }
}

/* Every step the input can reach. */
static void weigh_steps(const struct price *p, struct situation s, int64_t input_most, struct dearest *d)
{
    s.input_total = 0;
    weigh_places(p, s, d);
    for (size_t i = 0; i < p->table_count; i++) {
        if (p->tables[i].above < 0 || p->tables[i].above >= input_most)
            continue;
        s.input_total = p->tables[i].above + 1;
        weigh_places(p, s, d);
    }
}

static bool tier_is_open(struct span tier) { return span_is(tier, SPAN("auto")); }

/* The standard tier (a vendor may fall back to it), the one asked for, and for "auto" all there are. */
static struct dearest dearest_of(const struct price *p, int64_t input_most, struct span tier, int64_t at_ms)
{
    struct dearest d = { -1, -1 };
    struct situation s = { .tier = SPAN_NONE, .era = price_era_at(p, at_ms) };
    weigh_steps(p, s, input_most, &d);
    for (size_t i = 0; i < p->table_count; i++) {
        const struct price_table *t = &p->tables[i];
        if (t->era != PRICE_SVC || (!tier_is_open(tier) && !span_is(t->name, tier)))
            continue;
        s.tier = t->name;
        weigh_steps(p, s, input_most, &d);
    }
    return d;
}

static int64_t dearest_factor(const struct price *p, struct span tier)
{
    int64_t place = 100, mode = price_tier_factor(p, tier);
    for (size_t i = 0; i < p->factor_count; i++) {
        const struct price_factor *f = &p->factors[i];
        bool of_place = price_is_of_place(f->name);
        if (of_place && f->hundredths > place)
            place = f->hundredths;
        if (!of_place && tier_is_open(tier) && f->hundredths > mode)
            mode = f->hundredths;
    }
    return place * (mode > 100 ? mode : 100);
}

/* The dearest price of so many of each piece; *content: some are content. A count below 0 has no bound. That the model answers in tokens
 * excuses no piece: a picture that a tool makes is another model's. */
static enum err pieces_most(const struct price *p, const struct price_most *most, price_wide *sum, bool *content)
{
    const struct piece_kind kind = { most->size, most->quality, most->search, most->results, true };
    for (int f = 0; most->fees && f < FEE_COUNT; f++) {
        enum fee fee = (enum fee)f;
        int64_t count = most->fees[fee];
        price_wide units = 0;
        if (count == 0 || (p && price_is_other_count(p, fee, most->fees)))
            continue;
        if (!p || count < 0 || !price_pieces(p, fee, count, &kind, &units))
            return E_PRICE_UNKNOWN;
        *sum = price_add(*sum, units);
        *content |= price_is_content(fee);
    }
    return E_OK;
}

/* Units of one token at the dearest rate; the request fee and pieces come on top. */
struct bound {
    price_wide in, out, fixed;
};

static enum err bound_of(const struct price *p, const struct price_most *most, struct bound *b)
{
    const struct piece_kind any = { .dearest = true };
    bool content = false;
    if (!p || most->at_ms < 0 || most->input < 0 || most->output < 0)
        return E_PRICE_UNKNOWN;
    b->fixed = 0;
    if (price_charges(p, FEE_REQUEST) && !price_pieces(p, FEE_REQUEST, 1, &any, &b->fixed))
        return E_PRICE_UNKNOWN;
    if (pieces_most(p, most, &b->fixed, &content) != E_OK)
        return E_PRICE_UNKNOWN;
    struct dearest d = dearest_of(p, most->input, most->tier, most->at_ms);
    if (most->input > 0 && d.in < 0 && !(content && !price_rates_side(p, false)))
        return E_PRICE_UNKNOWN;
    if (most->output > 0 && d.out < 0 && !(content && !price_rates_side(p, true)))
        return E_PRICE_UNKNOWN;
    int64_t factor = dearest_factor(p, most->tier) * PRICE_UNITS_PER_RATE;
    b->in = price_mul(d.in < 0 ? 0 : d.in, factor);
    b->out = price_mul(d.out < 0 ? 0 : d.out, factor);
    return E_OK;
}

enum err price_call_ceiling(const struct price *p, const struct price_most *most, nano_usd *out)
{
    struct bound b;
    enum err e = bound_of(p, most, &b);
    if (e)
        return e;
    price_wide tokens = price_add(price_mul(b.in, most->input), price_mul(b.out, most->output));
    *out = price_nano(price_add(tokens, b.fixed), true);
    return E_OK;
}

enum err price_ceiling(const struct price *p, int64_t input_most, int64_t output_most, struct span tier, int64_t at_ms,
    nano_usd *out)
{
    const struct price_most most = { .input = input_most, .output = output_most, .tier = tier, .at_ms = at_ms };
    return price_call_ceiling(p, &most, out);
}

enum err price_fees_ceiling(const struct price *p, const int64_t counts[FEE_COUNT], nano_usd *out)
{
    price_wide sum = 0;
    bool content = false;
    const struct price_most most = { .fees = counts };
    enum err e = pieces_most(p, &most, &sum, &content);
    *out = price_nano(sum, true);
    return e;
}

int64_t price_output_fitting(const struct price *p, nano_usd money, int64_t input_most, struct span tier, int64_t at_ms)
{
    struct bound b;
    const struct price_most most = { .input = input_most, .output = 1, .tier = tier, .at_ms = at_ms };
    if (money < 0 || bound_of(p, &most, &b))
        return 0;
    price_wide left = price_mul(money, PRICE_UNITS) - price_add(price_mul(b.in, input_most), b.fixed);
    if (left < 0)
        return 0;
    if (b.out == 0 || left / b.out > INT64_MAX)
        return INT64_MAX;
    return (int64_t)(left / b.out);
}
