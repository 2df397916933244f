/* SPDX-License-Identifier: Apache-2.0
 * price_json.c - a row as JSON, in the form that overrides are written in: what is read here can be written back. */
#include "rules/price_row.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

/* An integer of 10^-digits as decimal text without needless zeros. */
static void put_decimal(struct json_out *o, struct span name, int64_t value, int digits)
{
    char text[64];
    int64_t one = 1;
    for (int i = 0; i < digits; i++)
        one *= 10;
    int len = snprintf(text, sizeof(text), "%lld.%0*lld", (long long)(value / one), digits, (long long)(value % one));
    while (len > 0 && text[len - 1] == '0')
        len--;
    if (len > 0 && text[len - 1] == '.')
        len--;
    json_pair(o, name, span_make(text, (size_t)len));
}

static void put_rates(struct json_out *o, const struct price_table *t)
{
    for (int m = 0; m < METER_COUNT; m++)
        if (t->rates[m] >= 0)
            put_decimal(o, price_meter_name((enum meter)m), t->rates[m], PRICE_RATE_DIGITS);
}

static bool same_base(const struct price_table *a, const struct price_table *b)
{
    return a->era == b->era && a->when == b->when && span_is(a->name, b->name);
}

/* The steps of one table, ascending as they stand. */
static void put_steps(struct json_out *o, const struct price *p, const struct price_table *of)
{
    bool any = false;
    for (size_t i = 0; i < p->table_count; i++) {
        const struct price_table *t = &p->tables[i];
        if (t->above < 0 || !same_base(t, of))
            continue;
        if (!any) {
            json_name(o, SPAN("tiers"));
            json_open(o, '[');
        }
        any = true;
        json_open(o, '{');
        json_pair_i64(o, SPAN("above"), t->above);
        put_rates(o, t);
        json_close(o, '}');
    }
    if (any)
        json_close(o, ']');
}

/* The first of its name: steps may stand without a plain table. */
static bool is_first(const struct price *p, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (same_base(&p->tables[i], &p->tables[at]))
            return false;
    return true;
}

static void put_plain_of(struct json_out *o, const struct price *p, const struct price_table *of)
{
    for (size_t i = 0; i < p->table_count; i++)
        if (p->tables[i].above < 0 && same_base(&p->tables[i], of))
            put_rates(o, &p->tables[i]);
}

static void put_named(struct json_out *o, const struct price *p, enum price_era era, struct span as)
{
    bool any = false;
    for (size_t i = 0; i < p->table_count; i++) {
        if (p->tables[i].era != era || !is_first(p, i))
            continue;
        if (!any) {
            json_name(o, as);
            json_open(o, '{');
        }
        any = true;
        json_name(o, p->tables[i].name);
        json_open(o, '{');
        put_plain_of(o, p, &p->tables[i]);
        put_steps(o, p, &p->tables[i]);
        json_close(o, '}');
    }
    if (any)
        json_close(o, '}');
}

static void put_dated(struct json_out *o, const struct price *p, enum price_era era, struct span as, struct span date)
{
    char text[TIME_TEXT];
    bool any = false;
    for (size_t i = 0; i < p->table_count; i++) {
        if (p->tables[i].era != era || !is_first(p, i))
            continue;
        if (!any) {
            json_name(o, as);
            json_open(o, '[');
        }
        any = true;
        json_open(o, '{');
        struct span when = text_time(p->tables[i].when, text);
        json_pair(o, date, p->tables[i].when % 86400000 ? when : span_first(when, 10));
        put_plain_of(o, p, &p->tables[i]);
        put_steps(o, p, &p->tables[i]);
        json_close(o, '}');
    }
    if (any)
        json_close(o, ']');
}

static void put_window(struct json_out *o, const struct price_table *t)
{
    char text[32];
    int first = 0, last = 0;
    for (int day = 1; day <= 7; day++) {
        if (!(t->days & (1U << day)))
            continue;
        first = first ? first : day;
        last = day;
    }
    json_open(o, '{');
    snprintf(text, sizeof(text), "%d-%d", first, last);
    json_pair(o, SPAN("days"), span_of(text));
    json_name(o, SPAN("utc"));
    json_open(o, '[');
    for (size_t i = 0; i < t->range_count; i++) {
        const struct price_range *r = &t->ranges[i];
        snprintf(text, sizeof(text), "%02d:%02d-%02d:%02d", r->from / 60, r->from % 60, r->to / 60, r->to % 60);
        json_put_string(o, span_of(text));
    }
    json_close(o, ']');
    if (t->name.len)
        json_pair(o, SPAN("name"), t->name);
    put_rates(o, t);
    json_close(o, '}');
}

static void put_windows(struct json_out *o, const struct price *p)
{
    bool any = false;
    for (size_t i = 0; i < p->table_count; i++) {
        if (p->tables[i].era != PRICE_WINDOW)
            continue;
        if (!any) {
            json_name(o, SPAN("windows"));
            json_open(o, '[');
        }
        any = true;
        put_window(o, &p->tables[i]);
    }
    if (any)
        json_close(o, ']');
}

static void put_factors(struct json_out *o, const struct price *p)
{
    if (!p->factor_count)
        return;
    json_name(o, SPAN("factors"));
    json_open(o, '{');
    for (size_t i = 0; i < p->factor_count; i++)
        put_decimal(o, p->factors[i].name, p->factors[i].hundredths, PRICE_FACTOR_DIGITS);
    json_close(o, '}');
}

static void put_unit(struct json_out *o, const struct price_piece *c)
{
    char text[64];
    json_open(o, '{');
    json_pair(o, SPAN("kind"), price_fee_name(c->fee));
    put_decimal(o, SPAN("usd"), c->pico, PRICE_PIECE_DIGITS);
    if (c->n != 1)
        json_pair_i64(o, SPAN("per"), c->n);
    if (c->size.len)
        json_pair(o, SPAN("size"), c->size);
    if (c->quality.len)
        json_pair(o, SPAN("quality"), c->quality);
    if (c->search.len)
        json_pair(o, SPAN("search"), c->search);
    snprintf(text, sizeof(text), "%lld-%lld", (long long)c->results_least, (long long)c->results_most);
    if (c->results_most >= 0)
        json_pair(o, SPAN("results"), span_of(text));
    if (c->other.len)
        json_pair(o, SPAN("when"), c->other);
    json_close(o, '}');
}

static void put_units(struct json_out *o, const struct price *p)
{
    if (!p->piece_count)
        return;
    json_name(o, SPAN("units"));
    json_open(o, '[');
    for (size_t i = 0; i < p->piece_count; i++)
        put_unit(o, &p->pieces[i]);
    json_close(o, ']');
}

void price_write_prices(const struct price *p, struct json_out *o)
{
    static const struct price_table plain = { .era = PRICE_NOW };
    json_open(o, '{');
    put_plain_of(o, p, &plain);
    put_steps(o, p, &plain);
    put_named(o, p, PRICE_SVC, SPAN("service_tiers"));
    put_named(o, p, PRICE_REGION, SPAN("regions"));
    put_windows(o, p);
    put_dated(o, p, PRICE_UNTIL, SPAN("past"), SPAN("until"));
    put_dated(o, p, PRICE_FROM, SPAN("announced"), SPAN("from"));
    put_factors(o, p);
    put_units(o, p);
    json_close(o, '}');
}

static void put_text(struct json_out *o, struct span name, struct span text)
{
    if (text.len)
        json_pair(o, name, text);
}

static void put_count(struct json_out *o, struct span name, int64_t n)
{
    if (n)
        json_pair_i64(o, name, n);
}

void price_write_facts(const struct price *p, struct json_out *o)
{
    const struct price_facts *f = &p->facts;
    struct span rest = p->caps, word;
    json_pair(o, SPAN("provider"), p->provider);
    json_pair(o, SPAN("model"), p->model);
    json_pair(o, SPAN("mode"), f->mode);
    put_text(o, SPAN("dialect"), f->dialect);
    put_text(o, SPAN("state"), f->state);
    put_text(o, SPAN("since"), f->since);
    put_text(o, SPAN("shutdown"), f->shutdown);
    put_count(o, SPAN("context"), p->context);
    put_count(o, SPAN("input_max"), f->input_max);
    put_count(o, SPAN("output_max"), p->output_max);
    put_count(o, SPAN("dim"), f->dim);
    put_count(o, SPAN("cache_least"), f->cache_least);
    json_name(o, SPAN("abilities"));
    json_open(o, '[');
    while (span_next(&rest, ' ', &word))
        if (word.len)
            json_put_string(o, word);
    json_close(o, ']');
    put_text(o, SPAN("sources"), f->sources);
    put_text(o, SPAN("agree"), f->agree);
}
