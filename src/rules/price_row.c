/* SPDX-License-Identifier: Apache-2.0
 * price_row.c - from one line of the price book to a row that can be asked.
 *
 * Rows are parsed when they are first asked for, so a book of 10,000 models costs nothing at the start. Strict: a
 * line that is not understood in full is refused as a whole, and its model then has no price. */
#include "rules/price_row.h"

#include <stdlib.h>

#include "base/text.h"

/* The row while it grows; copied into one block of its true size at the end. */
struct draft {
    struct price row;
    struct price_table tables[PRICE_TABLES];
    struct price_piece pieces[PRICE_PIECES];
    struct price_factor factors[PRICE_FACTORS];
};

static const struct span meters[] = {
#define METER_NAME(name, text) { "" text, sizeof(text) - 1 },
    METER_ROWS(METER_NAME)
#undef METER_NAME
};

static const struct span fees[] = {
#define FEE_NAME(name, text) { "" text, sizeof(text) - 1 },
    FEE_ROWS(FEE_NAME)
#undef FEE_NAME
};

static int place(const struct span *names, int count, struct span name)
{
    for (int i = 0; i < count; i++)
        if (span_is(names[i], name))
            return i;
    return -1;
}

int price_meter(struct span name) { return place(meters, METER_COUNT, name); }
int price_fee(struct span name) { return place(fees, FEE_COUNT, name); }
struct span price_meter_name(enum meter m) { return meters[m]; }
struct span price_fee_name(enum fee fee) { return fees[fee]; }

/* "in=2.5 out=10" */
static bool read_rates(struct span text, struct price_table *t)
{
    struct span item;
    while (span_next(&text, ' ', &item)) {
        struct span name;
        int64_t rate;
        if (!span_cut(&item, '=', &name) || !money_decimal(item, PRICE_RATE_DIGITS, &rate) || rate < 0 || rate > PRICE_RATE_MOST)
            return false;
        int meter = price_meter(name);
        if (meter < 0 || t->rates[meter] >= 0)
            return false;
        t->rates[meter] = rate;
    }
    return true;
}

/* "04:30" to minutes. 24:00 is the end of a day. */
static bool read_minute(struct span text, int *out)
{
    struct span hour;
    uint64_t h, m;
    if (text.len != 5 || !span_cut(&text, ':', &hour) || !span_to_u64(hour, &h) || !span_to_u64(text, &m))
        return false;
    *out = (int)(h * 60 + m);
    return m < 60 && h * 60 + m <= 24 * 60;
}

/* "1-5/00:00-01:00,04:00-06:00/off_peak": days (Monday is 1), times, and a name if it has one. */
static bool read_window(struct span text, struct price_table *t)
{
    struct span days, range, ranges;
    if (!span_cut(&text, '/', &days) || days.len != 3 || days.at[1] != '-')
        return false;
    int first = days.at[0] - '0', last = days.at[2] - '0';
    if (first < 1 || last > 7 || first > last)
        return false;
    for (int day = first; day <= last; day++)
        t->days |= 1U << day;
    t->name = SPAN_NONE;
    if (span_cut(&text, '/', &ranges)) {
        t->name = text;
        text = ranges;
    }
    while (span_next(&text, ',', &range)) {
        struct span from;
        if (t->range_count == PRICE_RANGES || !span_cut(&range, '-', &from))
            return false;
        struct price_range *r = &t->ranges[t->range_count++];
        if (!read_minute(from, &r->from) || !read_minute(range, &r->to) || r->from >= r->to)
            return false;
    }
    return true;
}

/* "svc:flex>272000": what a table holds for. */
static bool read_condition(struct span text, struct price_table *t)
{
    struct span head = text;
    if (span_cut(&text, '>', &head) && (!span_to_i64(text, &t->above) || t->above < 0))
        return false;
    struct span value = head, kind;
    if (!span_cut(&value, ':', &kind))
        return span_is(head, SPAN("tier")) && t->above >= 0;
    t->name = value;
    if (span_is(kind, SPAN("svc")))
        t->era = PRICE_SVC;
    else if (span_is(kind, SPAN("reg")))
        t->era = PRICE_REGION;
    else if (span_is(kind, SPAN("until")))
        t->era = PRICE_UNTIL;
    else if (span_is(kind, SPAN("from")))
        t->era = PRICE_FROM;
    else if (span_is(kind, SPAN("win")))
        t->era = PRICE_WINDOW;
    else
        return false;
    if (t->era == PRICE_WINDOW)
        return t->above < 0 && read_window(value, t);
    return t->era < PRICE_UNTIL ? value.len > 0 : text_time_parse(value, &t->when);
}

static bool read_table(struct span section, struct draft *d)
{
    if (d->row.table_count == PRICE_TABLES)
        return false;
    struct price_table *t = &d->tables[d->row.table_count++];
    *t = (struct price_table){ .above = -1 };
    for (int i = 0; i < METER_COUNT; i++)
        t->rates[i] = -1;
    struct span head = section, rest = section;
    if (!span_cut(&rest, ' ', &head))
        rest = span_from(section, section.len);
    if (span_find_byte(head, '=') >= 0)
        return read_rates(section, t);
    return rest.len > 0 && read_condition(head, t) && read_rates(rest, t);
}

/* "results_26-100" */
static bool read_results(struct span text, struct price_piece *p)
{
    struct span least;
    text = span_from(text, sizeof("results_") - 1);
    return span_cut(&text, '-', &least) && span_to_i64(least, &p->results_least) && span_to_i64(text, &p->results_most) &&
           p->results_least >= 0 && p->results_most >= p->results_least;
}

/* "size=1024x1024,q=hd": what one price holds for. */
static bool read_conditions(struct span text, struct price_piece *p)
{
    struct span item, name;
    while (span_next(&text, ',', &item)) {
        struct span value = item;
        if (!span_cut(&value, '=', &name) || !value.len)
            return false;
        if (span_is(name, SPAN("when")) && span_starts(value, SPAN("results_"))) {
            if (!read_results(value, p))
                return false;
            continue;
        }
        if (!span_is(name, SPAN("when")) && !span_is(name, SPAN("size")) && !span_is(name, SPAN("q")) && !span_is(name, SPAN("ctx")))
            value = item;
        struct span *at = span_is(name, SPAN("size")) ? &p->size : span_is(name, SPAN("q")) ? &p->quality :
            span_is(name, SPAN("ctx")) ? &p->search : &p->other;
        if (at->len && at != &p->other)
            return false;
        *at = value;
    }
    return true;
}

/* A price by the million pixels is one by the pixel. Kinds that no usage counts are part of the book, and skipped here. */
static bool keep_piece(struct span name, struct price_piece p, struct draft *d)
{
    bool mega = span_is(name, SPAN("image_out.megapixel"));
    int fee = mega ? FEE_PIXEL : price_fee(name);
    if (mega && __builtin_mul_overflow(p.n, 1000000, &p.n))
        return false;
    p.fee = (enum fee)fee;
    if (fee >= 0)
        d->pieces[d->row.piece_count++] = p;
    return true;
}

/* "web_search[ctx=low]=25/1000" */
static bool read_piece(struct span item, struct draft *d)
{
    struct price_piece p = { .results_most = -1 };
    struct span name, price, conditions = SPAN_NONE;
    ptrdiff_t end = span_find(item, SPAN("]="));
    size_t name_end = (size_t)(end >= 0 ? end + 1 : span_find_byte(item, '='));
    if (name_end >= item.len || d->row.piece_count == PRICE_PIECES)
        return false;
    name = span_first(item, name_end);
    item = span_from(item, name_end + 1);
    if (!span_cut(&item, '/', &price) || !money_decimal(price, PRICE_PIECE_DIGITS, &p.pico) || p.pico < 0 || p.pico > PRICE_PIECE_MOST)
        return false;
    if (!span_to_i64(item, &p.n) || p.n <= 0)
        return false;
    if (end >= 0) {
        conditions = span_first(name, name.len - 1);
        if (!span_cut(&conditions, '[', &name) || !read_conditions(conditions, &p))
            return false;
    }
    return keep_piece(name, p, d);
}

/* "fast=2" */
static bool read_factor(struct span item, struct draft *d)
{
    if (d->row.factor_count == PRICE_FACTORS)
        return false;
    struct price_factor *f = &d->factors[d->row.factor_count++];
    return span_cut(&item, '=', &f->name) && f->name.len && money_decimal(item, PRICE_FACTOR_DIGITS, &f->hundredths) &&
           f->hundredths > 0 && f->hundredths <= PRICE_FACTOR_MOST;
}

static bool read_fact(struct span item, struct draft *d)
{
    struct price_facts *f = &d->row.facts;
    struct span name;
    const struct {
        struct span name;
        struct span *text;
        int64_t *count;
    } known[] = {
        { SPAN("mode"), &f->mode, NULL }, { SPAN("dialect"), &f->dialect, NULL }, { SPAN("st"), &f->state, NULL },
        { SPAN("since"), &f->since, NULL }, { SPAN("dep"), &f->shutdown, NULL }, { SPAN("src"), &f->sources, NULL },
        { SPAN("agree"), &f->agree, NULL }, { SPAN("in_max"), NULL, &f->input_max }, { SPAN("dim"), NULL, &f->dim },
        { SPAN("cmin"), NULL, &f->cache_least },
    };
    if (!span_cut(&item, '=', &name) || !item.len)
        return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!span_is(known[i].name, name))
            continue;
        if (known[i].count)
            return span_to_i64(item, known[i].count) && *known[i].count >= 0;
        *known[i].text = item;
        return true;
    }
    return true; /* a fact of a later form: prices do not depend on it */
}

static bool read_items(struct span text, bool (*read)(struct span item, struct draft *d), struct draft *d)
{
    struct span item;
    while (span_next(&text, ' ', &item))
        if (!read(item, d))
            return false;
    return true;
}

static bool read_section(struct span section, struct draft *d)
{
    if (span_starts(section, SPAN("unit ")))
        return read_items(span_from(section, 5), read_piece, d);
    if (span_starts(section, SPAN("mul ")))
        return read_items(span_from(section, 4), read_factor, d);
    if (span_starts(section, SPAN("is ")))
        return read_items(span_from(section, 3), read_fact, d);
    return read_table(section, d);
}

static bool read_line(struct span line, struct draft *d)
{
    struct price *p = &d->row;
    struct span context, output, section;
    if (!span_cut(&line, '\t', &p->provider) || !span_cut(&line, '\t', &p->model) || !span_cut(&line, '\t', &context))
        return false;
    if (!span_cut(&line, '\t', &output) || !span_cut(&line, '\t', &p->caps))
        return false;
    if (!span_to_i64(context, &p->context) || !span_to_i64(output, &p->output_max) || p->context < 0 || p->output_max < 0)
        return false;
    if (line.len == 0)
        return true;
    while (span_next(&line, ';', &section))
        if (!read_section(section, d))
            return false;
    return true;
}

static void gather_regions(struct draft *d)
{
    struct price_table *most = &d->row.region_most;
    most->above = -1;
    for (int meter = 0; meter < METER_COUNT; meter++) {
        most->rates[meter] = -1;
        for (size_t i = 0; i < d->row.table_count; i++)
            if (d->tables[i].era == PRICE_REGION && d->tables[i].rates[meter] > most->rates[meter])
                most->rates[meter] = d->tables[i].rates[meter];
        d->row.regions |= most->rates[meter] >= 0;
    }
}

struct price *price_row_read(struct span line)
{
    struct draft d = { .row.facts.mode = SPAN("chat") };
    if (!read_line(line, &d))
        return NULL;
    gather_regions(&d);
    size_t tables = d.row.table_count * sizeof(*d.tables), pieces = d.row.piece_count * sizeof(*d.pieces),
           factors = d.row.factor_count * sizeof(*d.factors);
    struct price *p = malloc(sizeof(*p) + tables + pieces + factors);
    if (!p)
        return NULL;
    *p = d.row;
    p->tables = (struct price_table *)(void *)(p + 1);
    p->pieces = (struct price_piece *)(void *)(p->tables + p->table_count);
    p->factors = (struct price_factor *)(void *)(p->pieces + p->piece_count);
    memcpy(p->tables, d.tables, tables);
    memcpy(p->pieces, d.pieces, pieces);
    memcpy(p->factors, d.factors, factors);
    return p;
}

struct span price_provider(const struct price *p) { return p->provider; }
struct span price_model(const struct price *p) { return p->model; }
struct span price_caps(const struct price *p) { return p->caps; }
struct span price_mode(const struct price *p) { return p->facts.mode; }
struct span price_dialect(const struct price *p) { return p->facts.dialect; }
struct span price_state(const struct price *p) { return p->facts.state; }
struct span price_shutdown(const struct price *p) { return p->facts.shutdown; }
int64_t price_context(const struct price *p) { return p->context; }
int64_t price_output_max(const struct price *p) { return p->output_max; }
int64_t price_input_max(const struct price *p) { return p->facts.input_max; }
int64_t price_embedding_dim(const struct price *p) { return p->facts.dim; }
int64_t price_cache_least(const struct price *p) { return p->facts.cache_least; }
