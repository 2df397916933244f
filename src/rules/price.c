/* SPDX-License-Identifier: Apache-2.0
 * price.c - what a usage costs, and the most a call can cost. Pure: rules 1 to 8 of docs/prices.md and nothing else.
 *
 * Both questions go through one `view`: the tables that hold in one situation, in the order they are asked. A ceiling
 * is the dearest of all views a call can end up in, so it cannot miss what a cost would find. */
#include "rules/price_row.h"

/* Not ISO C, but in both compilers; nothing else holds these sums. */
__extension__ typedef __int128 wide;

/* Sums are integers of 1/UNITS_PER_NANO nano-dollars: fine enough for a rate (10^-15 USD) times two factors (10^-2 each)
 * and for a price per 3600 or per million pieces. One rounding at the very end. */
static const int64_t UNITS_PER_NANO = INT64_C(36000000000000); /* 10^6 * 10^4 * 3600 */
static const int64_t UNITS_PER_RATE = 3600;                    /* of 10^-15 USD, and of factors' product at 10^-4 */
static const int64_t UNITS_PER_PICO = INT64_C(36000000000);
static const wide WIDE_MAX = ((wide)1 << 126) - 1 + ((wide)1 << 126);

enum { VIEW_LAYERS = 6 };

/* Where a rate is looked for, first to last; NULL: no such table. */
struct view {
    const struct price_table *layers[VIEW_LAYERS];
};
enum { VIEW_SVC_STEP, VIEW_SVC, VIEW_STEP, VIEW_REGION, VIEW_WINDOW, VIEW_PLAIN };

/* A situation a call can be in. */
struct situation {
    int64_t input_total;
    struct span tier;
    const struct price_table *region;
    const struct price_table *window;
    const struct price_table *era; /* an UNTIL or FROM table that holds; NULL: now's */
};

static const enum meter parents[METER_COUNT] = {
    [METER_IN] = METER_COUNT,
    [METER_OUT] = METER_COUNT,
    [METER_CACHE_READ] = METER_IN,
    [METER_CACHE_WRITE] = METER_IN,
    [METER_CACHE_WRITE_1H] = METER_CACHE_WRITE,
    [METER_REASON] = METER_OUT,
    [METER_AUDIO_IN] = METER_IN,
    [METER_AUDIO_OUT] = METER_OUT,
    [METER_AUDIO_CACHE_READ] = METER_CACHE_READ,
    [METER_IMAGE_IN] = METER_IN,
    [METER_IMAGE_OUT] = METER_OUT,
    [METER_IMAGE_CACHE_READ] = METER_CACHE_READ,
    [METER_VIDEO_IN] = METER_IN,
    [METER_VIDEO_OUT] = METER_OUT,
    [METER_CITATION] = METER_IN,
};

static wide wide_mul(wide a, int64_t b)
{
    wide product;
    return __builtin_mul_overflow(a, (wide)b, &product) ? WIDE_MAX : product;
}

static wide wide_add(wide a, wide b)
{
    wide sum;
    return __builtin_add_overflow(a, b, &sum) ? WIDE_MAX : sum;
}

static nano_usd to_nano(wide sum, bool up)
{
    wide whole = sum / UNITS_PER_NANO, left = sum % UNITS_PER_NANO;
    whole += up ? left > 0 : left * 2 >= UNITS_PER_NANO;
    return whole > MONEY_MAX ? MONEY_MAX : (nano_usd)whole;
}

/* The plain table of an era, or its last step below the input (strictly: the limit itself is still the lower price). */
static const struct price_table *find_table(const struct price *p, enum price_era era, struct span name, int64_t when,
    int64_t input, bool step)
{
    const struct price_table *best = NULL;
    for (size_t i = 0; i < p->table_count; i++) {
        const struct price_table *t = &p->tables[i];
        if (t->era != era || (t->above >= 0) != step || t->when != when || (era == PRICE_SVC && !span_is(t->name, name)))
            continue;
        if (!step || (input > t->above && (!best || t->above > best->above)))
            best = t;
    }
    return best;
}

/* Past prices first, then announced ones. */
static const struct price_table *find_era(const struct price *p, int64_t at_ms)
{
    const struct price_table *best = NULL;
    for (size_t i = 0; i < p->table_count; i++) {
        const struct price_table *t = &p->tables[i];
        if (t->above >= 0)
            continue;
        if (t->era == PRICE_UNTIL && at_ms < t->when && (!best || best->era != PRICE_UNTIL || t->when < best->when))
            best = t;
        if (t->era == PRICE_FROM && at_ms >= t->when && (!best || (best->era == PRICE_FROM && t->when > best->when)))
            best = t;
    }
    return best;
}

static bool window_holds(const struct price_table *t, int64_t at_ms)
{
    int64_t day = at_ms / 86400000, weekday = (day + 3) % 7 + 1; /* the epoch was a Thursday */
    int minute = (int)(at_ms % 86400000 / 60000);
    if (!(t->days & (1U << weekday)))
        return false;
    for (size_t i = 0; i < t->range_count; i++)
        if (minute >= t->ranges[i].from && minute < t->ranges[i].to)
            return true;
    return false;
}

static const struct price_table *find_window(const struct price *p, int64_t at_ms)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i].era == PRICE_WINDOW && window_holds(&p->tables[i], at_ms))
            return &p->tables[i];
    return NULL;
}

static const struct price_table *find_region(const struct price *p, struct span name)
{
    for (size_t i = 0; name.len && i < p->table_count; i++)
        if (p->tables[i].era == PRICE_REGION && span_is(p->tables[i].name, name))
            return &p->tables[i];
    return NULL;
}

static struct view view_of(const struct price *p, const struct situation *s)
{
    enum price_era era = s->era ? s->era->era : PRICE_NOW;
    int64_t when = s->era ? s->era->when : 0;
    struct view v = { { NULL } };
    if (s->tier.len) {
        v.layers[VIEW_SVC_STEP] = find_table(p, PRICE_SVC, s->tier, 0, s->input_total, true);
        v.layers[VIEW_SVC] = find_table(p, PRICE_SVC, s->tier, 0, 0, false);
    }
    v.layers[VIEW_STEP] = find_table(p, era, SPAN_NONE, when, s->input_total, true);
    v.layers[VIEW_REGION] = s->region;
    v.layers[VIEW_WINDOW] = s->era ? NULL : s->window;
    v.layers[VIEW_PLAIN] = s->era ? s->era : find_table(p, PRICE_NOW, SPAN_NONE, 0, 0, false);
    return v;
}

/* The first layer from `from` on that has this very meter; -1: none. */
static int64_t look(const struct view *v, int from, int to, enum meter m)
{
    for (int i = from; i < to; i++)
        if (v->layers[i] && v->layers[i]->rates[m] >= 0)
            return v->layers[i]->rates[m];
    return -1;
}

/* A tier that names no price for cached input: the cheaper of the standard one and the tier's fresh input. */
static int64_t cache_read_rate(const struct view *v)
{
    int64_t own = look(v, VIEW_SVC_STEP, VIEW_STEP, METER_CACHE_READ);
    int64_t standard = look(v, VIEW_STEP, VIEW_LAYERS, METER_CACHE_READ);
    int64_t fresh = look(v, VIEW_SVC_STEP, VIEW_STEP, METER_IN);
    if (own >= 0 || fresh < 0 || standard < 0)
        return own >= 0 ? own : standard;
    return standard < fresh ? standard : fresh;
}

static int64_t rate_of(const struct view *v, enum meter m)
{
    for (; m != METER_COUNT; m = parents[m]) {
        int64_t rate = m == METER_CACHE_READ ? cache_read_rate(v) : look(v, 0, VIEW_LAYERS, m);
        if (rate >= 0)
            return rate;
    }
    return -1;
}

static int64_t factor_named(const struct price *p, struct span prefix, struct span name)
{
    for (size_t i = 0; i < p->factor_count; i++) {
        struct span f = p->factors[i].name;
        if (span_starts(f, prefix) && span_is(span_from(f, prefix.len), name))
            return p->factors[i].hundredths;
    }
    return 100;
}

static bool is_of_place(struct span factor) { return span_starts(factor, SPAN("geo_")) || span_starts(factor, SPAN("region_")); }

/* A tier that has prices of its own is not multiplied on top. */
static int64_t tier_factor(const struct price *p, struct span tier)
{
    if (!tier.len || is_of_place(tier) || find_table(p, PRICE_SVC, tier, 0, 0, false))
        return 100;
    return factor_named(p, SPAN(""), tier);
}

static int64_t place_factor(const struct price *p, struct span geo)
{
    int64_t geo_factor = factor_named(p, SPAN("geo_"), geo);
    return geo_factor != 100 ? geo_factor : factor_named(p, SPAN("region_"), geo);
}

/* The price of one kind of piece: for this search size, or for any, or the dearest when the size is not known. With
 * `dearest`: the dearest at all. NULL: none. */
static const struct price_piece *find_piece(const struct price *p, enum fee fee, struct span size, bool dearest)
{
    const struct price_piece *best = NULL;
    int best_rank = -1;
    for (size_t i = 0; i < p->piece_count; i++) {
        const struct price_piece *c = &p->pieces[i];
        if (c->fee != fee)
            continue;
        int rank = dearest ? 0 : size.len && span_is(c->size, size) ? 2 : c->size.len == 0;
        bool dearer = best && wide_mul(c->pico, best->n) > wide_mul(best->pico, c->n);
        if (rank > best_rank || (rank == best_rank && dearer)) {
            best = c;
            best_rank = rank;
        }
    }
    return best;
}

/* Units of `count` pieces; the division is exact for every n of the book, and rounds up for others. */
static wide piece_units(const struct price_piece *c, int64_t count)
{
    wide units = wide_mul(wide_mul(wide_mul(1, count), c->pico), UNITS_PER_PICO);
    return units / c->n + (units % c->n > 0);
}

static enum err add_fees(const struct price *p, const struct usage *u, wide *sum)
{
    for (int fee = 0; fee < FEE_COUNT; fee++) {
        const struct price_piece *c = find_piece(p, (enum fee)fee, u->search, false);
        int64_t count = u->fees[fee];
        if (fee == FEE_REQUEST && count == 0 && c)
            count = 1;
        if (count <= 0)
            continue;
        if (!c)
            return E_PRICE_UNKNOWN;
        *sum = wide_add(*sum, piece_units(c, count));
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

enum err price_cost(const struct price *p, const struct usage *u, int64_t at_ms, nano_usd *out)
{
    wide sum = 0;
    if (u->vendor_cost >= 0) {
        *out = u->vendor_cost;
        return E_OK;
    }
    if (!p || at_ms < 0)
        return E_PRICE_UNKNOWN;
    struct situation s = { input_of(u), u->tier, find_region(p, u->geo), find_window(p, at_ms), find_era(p, at_ms) };
    struct view v = view_of(p, &s);
    for (int m = 0; m < METER_COUNT; m++) {
        if (u->tokens[m] <= 0)
            continue;
        int64_t rate = rate_of(&v, (enum meter)m);
        if (rate < 0)
            return E_PRICE_UNKNOWN;
        sum = wide_add(sum, wide_mul(wide_mul(u->tokens[m], rate), UNITS_PER_RATE));
    }
    sum = wide_mul(sum, tier_factor(p, u->tier) * place_factor(p, u->geo));
    enum err e = add_fees(p, u, &sum);
    if (!e)
        *out = to_nano(sum, false);
    return e;
}

/* The dearest rates of all situations looked at so far; -1: none was known. */
struct dearest {
    int64_t in, out;
};

/* Takes in the rates of one situation. A meter without a rate there adds nothing: price_cost has none for it either. */
static void weigh(const struct price *p, const struct situation *s, struct dearest *d)
{
    struct view v = view_of(p, s);
    for (int m = 0; m < METER_COUNT; m++) {
        bool output = m == METER_OUT || parents[m] == METER_OUT;
        int64_t rate = rate_of(&v, (enum meter)m), *most = output ? &d->out : &d->in;
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
    struct situation s = { .tier = SPAN_NONE, .era = find_era(p, at_ms) };
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
    int64_t place = 100, mode = tier_factor(p, tier);
    for (size_t i = 0; i < p->factor_count; i++) {
        const struct price_factor *f = &p->factors[i];
        bool of_place = is_of_place(f->name);
        if (of_place && f->hundredths > place)
            place = f->hundredths;
        if (!of_place && tier_is_open(tier) && f->hundredths > mode)
            mode = f->hundredths;
    }
    return place * (mode > 100 ? mode : 100);
}

/* Units of one token at the dearest rate; the request fee comes on top, once. */
struct bound {
    wide in, out, fixed;
};

static enum err bound_of(const struct price *p, int64_t input_most, bool output, struct span tier, int64_t at_ms, struct bound *b)
{
    if (!p || at_ms < 0 || input_most < 0)
        return E_PRICE_UNKNOWN;
    struct dearest d = dearest_of(p, input_most, tier, at_ms);
    if ((input_most > 0 && d.in < 0) || (output && d.out < 0))
        return E_PRICE_UNKNOWN;
    int64_t factor = dearest_factor(p, tier) * UNITS_PER_RATE;
    const struct price_piece *fee = find_piece(p, FEE_REQUEST, SPAN_NONE, true);
    b->in = wide_mul(d.in < 0 ? 0 : d.in, factor);
    b->out = wide_mul(d.out < 0 ? 0 : d.out, factor);
    b->fixed = fee ? piece_units(fee, 1) : 0;
    return E_OK;
}

enum err price_ceiling(const struct price *p, int64_t input_most, int64_t output_most, struct span tier, int64_t at_ms,
    nano_usd *out)
{
    struct bound b;
    if (output_most < 0)
        return E_PRICE_UNKNOWN;
    enum err e = bound_of(p, input_most, output_most > 0, tier, at_ms, &b);
    if (e)
        return e;
    wide tokens = wide_add(wide_mul(b.in, input_most), wide_mul(b.out, output_most));
    *out = to_nano(wide_add(tokens, b.fixed), true);
    return E_OK;
}

enum err price_fees_ceiling(const struct price *p, const int64_t counts[FEE_COUNT], nano_usd *out)
{
    wide sum = 0;
    for (int fee = 0; counts && fee < FEE_COUNT; fee++) {
        if (counts[fee] <= 0)
            continue;
        const struct price_piece *c = p ? find_piece(p, (enum fee)fee, SPAN_NONE, true) : NULL;
        if (!c)
            return E_PRICE_UNKNOWN;
        sum = wide_add(sum, piece_units(c, counts[fee]));
    }
    *out = to_nano(sum, true);
    return E_OK;
}

int64_t price_output_fitting(const struct price *p, nano_usd money, int64_t input_most, struct span tier, int64_t at_ms)
{
    struct bound b;
    if (money < 0 || bound_of(p, input_most, true, tier, at_ms, &b))
        return 0;
    wide left = wide_mul(money, UNITS_PER_NANO) - wide_add(wide_mul(b.in, input_most), b.fixed);
    if (left < 0)
        return 0;
    if (b.out == 0 || left / b.out > INT64_MAX)
        return INT64_MAX;
    return (int64_t)(left / b.out);
}

struct span price_caps(const struct price *p) { return p->caps; }
int64_t price_context(const struct price *p) { return p->context; }
int64_t price_output_max(const struct price *p) { return p->output_max; }
