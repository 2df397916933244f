/* SPDX-License-Identifier: Apache-2.0
 * price_view.c - see price_view.h: the tables of a row that hold, and a meter's rate in them. */
#include "rules/price_view.h"

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

price_wide price_mul(price_wide a, int64_t b)
{
    price_wide product;
    return __builtin_mul_overflow(a, (price_wide)b, &product) ? PRICE_WIDE_MAX : product;
}

price_wide price_add(price_wide a, price_wide b)
{
    price_wide sum;
    return __builtin_add_overflow(a, b, &sum) ? PRICE_WIDE_MAX : sum;
}

nano_usd price_nano(price_wide sum, bool up)
{
    price_wide whole = sum / PRICE_UNITS, left = sum % PRICE_UNITS;
    whole += up ? left > 0 : left * 2 >= PRICE_UNITS;
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
const struct price_table *price_era_at(const struct price *p, int64_t at_ms)
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

const struct price_table *price_window_at(const struct price *p, int64_t at_ms)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i].era == PRICE_WINDOW && window_holds(&p->tables[i], at_ms))
            return &p->tables[i];
    return NULL;
}

const struct price_table *price_region(const struct price *p, struct span name)
{
    for (size_t i = 0; name.len && i < p->table_count; i++)
        if (p->tables[i].era == PRICE_REGION && span_is(p->tables[i].name, name))
            return &p->tables[i];
    return NULL;
}

struct view view_of(const struct price *p, const struct situation *s)
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

int64_t view_rate(const struct view *v, enum meter m)
{
    for (; m != METER_COUNT; m = parents[m]) {
        int64_t rate = m == METER_CACHE_READ ? cache_read_rate(v) : look(v, 0, VIEW_LAYERS, m);
        if (rate >= 0)
            return rate;
    }
    return -1;
}

int64_t view_own_rate(const struct view *v, enum meter m) { return look(v, 0, VIEW_LAYERS, m); }

bool price_is_output(enum meter m) { return m == METER_OUT || parents[m] == METER_OUT; }

bool price_has_tier(const struct price *p, struct span tier) { return find_table(p, PRICE_SVC, tier, 0, 0, false) != NULL; }

bool price_rates(const struct price *p, enum meter m)
{
    const struct price_table *t = find_table(p, PRICE_NOW, SPAN_NONE, 0, 0, false);
    return t && t->rates[m] >= 0;
}

bool price_rates_side(const struct price *p, bool output)
{
    for (size_t i = 0; i < p->table_count; i++)
        for (int m = 0; m < METER_COUNT; m++)
            if (p->tables[i].rates[m] >= 0 && price_is_output((enum meter)m) == output)
                return true;
    return false;
}
