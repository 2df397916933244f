/* SPDX-License-Identifier: Apache-2.0
 * price_file.c - see price_file.h. Nothing is guessed: a price that is not a decimal number of US dollars ends the reading, and
 * the caller then changes nothing. */
#include "cli/price_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "vendor/country.h"

enum { CSV_COLUMNS = 16, SHOWN = 40 };

static bool say(char why[PRICE_WHY], const char *place, struct span found, const char *allowed)
{
    snprintf(why, PRICE_WHY, "%.200s: found \"%.*s\"; allowed: %.140s", place, (int)(found.len < SHOWN ? found.len : SHOWN), found.len ? found.at : "", allowed);
    return false;
}

/* ---- tables ---- */

static bool put(struct prices *p, enum price_kind kind, struct span digits, nano_usd price)
{
    struct price_table *t = &p->tables[kind];
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 512;
        struct price_row *wider = room <= 2 * PRICE_ROWS ? ARENA_ARRAY(p->arena, struct price_row, room) : NULL;
        if (!wider)
            return false;
        if (t->count)
            memcpy(wider, t->rows, t->count * sizeof(*wider));
        t->rows = wider;
        t->room = room;
    }
    t->rows[t->count++] = (struct price_row){ arena_copy(p->arena, digits), price };
    return !p->arena->broken;
}

static bool too_many(char why[PRICE_WHY])
{
    snprintf(why, PRICE_WHY, "more than %d prefixes", PRICE_ROWS);
    return false;
}

/* All prefixes of a country; *count says how many there are. */
static bool put_country(struct prices *p, enum price_kind kind, struct span iso, nano_usd price, size_t *count)
{
    size_t all;
    const struct country_prefix *table = country_prefixes(&all);
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        if (!span_is_nocase(span_of(table[i].country), iso))
            continue;
        ++*count;
        if (!put(p, kind, span_of(table[i].digits), price))
            return false;
    }
    return true;
}

static int by_digits(const void *a, const void *b)
{
    const struct price_row *x = a, *y = b;
    int order = span_compare(x->digits, y->digits);
    return order ? order : (x->price < y->price) - (x->price > y->price);
}

void price_file_settle(struct prices *p)
{
    for (size_t k = 0; k < PRICE_KINDS; k++) {
        struct price_table *t = &p->tables[k];
        size_t kept = 0;
        if (t->count)
            qsort(t->rows, t->count, sizeof(*t->rows), by_digits);
        for (size_t i = 0; i < t->count; i++)
            if (!kept || !span_is(t->rows[kept - 1].digits, t->rows[i].digits))
                t->rows[kept++] = t->rows[i];
        t->count = kept;
    }
}

/* ---- JSON ---- */

/* Twilio's own tools write the names of the top without underscores. */
static struct json_value either(struct json_value v, const char *name, const char *camel)
{
    struct json_value found = json_member(v, span_of(name));
    return json_kind(found) == JSON_NONE ? json_member(v, span_of(camel)) : found;
}

/* A price of the list: current_price, else base_price. */
static bool read_price(struct prices *p, struct json_value row, const char *place, nano_usd *out, char why[PRICE_WHY])
{
    char at[PRICE_WHY];
    struct json_value v = either(row, "current_price", "currentPrice");
    if (json_kind(v) == JSON_NONE || json_kind(v) == JSON_NULL)
        v = either(row, "base_price", "basePrice");
    struct span text = json_decimal(v, p->arena);
    if (text.at && money_parse(text, out) && *out >= 0)
        return true;
    snprintf(at, sizeof(at), "%.200s.current_price", place);
    return say(why, at, text, "a decimal number of dollars, \"0.0075\"");
}

struct document {
    struct prices *prices;
    struct span iso, number_type;
    const char *place; /* "" or "[3]." */
    char *why;
};

/* The dearest of one carrier's prices; -1 stays where no type of number fits. */
static bool read_carrier(const struct document *d, struct json_value list, const char *place, nano_usd *most)
{
    char at[PRICE_WHY];
    size_t i = 0;
    struct span name;
    struct json_value row;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &row); i++) {
        nano_usd price = 0;
        struct span type = json_string(either(row, "number_type", "numberType"));
        snprintf(at, sizeof(at), "%.200s[%zu]", place, i);
        if (d->number_type.at && !span_is_nocase(type, d->number_type))
            continue;
        if (!read_price(d->prices, row, at, &price, d->why))
            return false;
        *most = price > *most ? price : *most;
    }
    return true;
}

static bool read_sms(const struct document *d, struct json_value carriers)
{
    char at[PRICE_WHY];
    size_t i = 0, count;
    nano_usd most = -1;
    struct span name;
    struct json_value row;
    for (struct json_iter it = json_iter(carriers); json_next(&it, &name, &row); i++) {
        snprintf(at, sizeof(at), "%.40soutbound_sms_prices[%zu].prices", d->place, i);
        struct json_value list = json_member(row, SPAN("prices"));
        if (json_kind(list) != JSON_ARRAY)
            return say(d->why, at, SPAN_NONE, "a list of prices");
        if (!read_carrier(d, list, at, &most))
            return false;
    }
    if (most < 0) /* a country that is not served, or not from such numbers: it stays as it is */
        return true;
    if (!put_country(d->prices, PRICE_SMS, d->iso, most, &count))
        return too_many(d->why);
    snprintf(at, sizeof(at), "%.40siso_country", d->place);
    return count || say(d->why, at, d->iso, "a country with telephone numbers, such as US");
}

/* Each prefix has its price; numbers of the country behind none of them the highest of all. */
static bool read_voice(const struct document *d, struct json_value groups)
{
    char at[PRICE_WHY];
    size_t i = 0, count;
    nano_usd most = -1;
    struct span name;
    struct json_value row, prefix;
    for (struct json_iter it = json_iter(groups); json_next(&it, &name, &row); i++) {
        nano_usd price = 0;
        snprintf(at, sizeof(at), "%.40soutbound_prefix_prices[%zu]", d->place, i);
        if (!read_price(d->prices, row, at, &price, d->why))
            return false;
        most = price > most ? price : most;
        struct json_value list = either(row, "destination_prefixes", "prefixes");
        if (json_kind(list) != JSON_ARRAY)
            return say(d->why, at, SPAN_NONE, "destination_prefixes, a list of digits");
        for (struct json_iter inner = json_iter(list); json_next(&inner, &name, &prefix);) {
            uint64_t digits;
            struct span text = json_decimal(prefix, d->prices->arena);
            if (!text.len || text.len > 15 || !span_to_u64(text, &digits))
                return say(d->why, at, text, "destination_prefixes of digits");
            if (!put(d->prices, PRICE_VOICE, text, price))
                return too_many(d->why);
        }
    }
    struct prices root = { .arena = d->prices->arena };
    if (most < 0)
        return true;
    if (!put_country(&root, PRICE_VOICE, d->iso, most, &count))
        return too_many(d->why);
    for (size_t k = 0; k < root.tables[PRICE_VOICE].count; k++) {
        struct span digits = root.tables[PRICE_VOICE].rows[k].digits;
        bool told = false;
        for (size_t n = 0; n < d->prices->tables[PRICE_VOICE].count && !told; n++)
            told = span_is(d->prices->tables[PRICE_VOICE].rows[n].digits, digits);
        if (!told && !put(d->prices, PRICE_VOICE, digits, most))
            return too_many(d->why);
    }
    return true;
}

static bool read_document(struct prices *p, struct json_value v, const char *place, struct span number_type, char why[PRICE_WHY])
{
    char at[PRICE_WHY];
    struct json_value sms = either(v, "outbound_sms_prices", "outboundSmsPrices"), voice = either(v, "outbound_prefix_prices", "outboundPrefixPrices");
    struct span unit = json_string(either(v, "price_unit", "priceUnit"));
    struct document d = { p, json_string(either(v, "iso_country", "isoCountry")), number_type, place, why };
    if (json_kind(sms) != JSON_ARRAY && json_kind(voice) != JSON_ARRAY) {
        snprintf(at, sizeof(at), "%.40soutbound_sms_prices", place);
        return say(why, at, SPAN_NONE, "a document of the Pricing API for one country, with outbound_sms_prices or outbound_prefix_prices");
    }
    if (d.iso.len != 2) {
        snprintf(at, sizeof(at), "%.40siso_country", place);
        return say(why, at, d.iso, "two letters, such as US");
    }
    if (!span_is_nocase(unit, SPAN("USD"))) {
        snprintf(at, sizeof(at), "%.40sprice_unit", place);
        return say(why, at, unit, "USD");
    }
    p->documents++;
    return (json_kind(sms) != JSON_ARRAY || read_sms(&d, sms)) && (json_kind(voice) != JSON_ARRAY || read_voice(&d, voice));
}

bool price_file_json(struct json *j, struct span text, struct span number_type, struct prices *out, char why[PRICE_WHY])
{
    const char *fault = "";
    char place[40];
    size_t i = 0;
    struct json_value root, item;
    struct span name;
    if (json_parse(j, text, false, &root, &fault) != E_OK) {
        snprintf(why, PRICE_WHY, "not JSON: %.200s", fault);
        return false;
    }
    if (json_kind(root) != JSON_ARRAY)
        return read_document(out, root, "", number_type, why);
    for (struct json_iter it = json_iter(root); json_next(&it, &name, &item); i++) {
        snprintf(place, sizeof(place), "[%zu].", i);
        if (!read_document(out, item, place, number_type, why))
            return false;
    }
    return i > 0 || say(why, "the document", SPAN("[]"), "at least one country");
}

/* ---- CSV ---- */

struct csv_line {
    struct span cells[CSV_COLUMNS];
    size_t count;
};

/* One cell off the front; quotes around it are taken away. False: a quote is not closed. */
static bool take_cell(struct span *rest, struct span *cell)
{
    struct span s = span_trim(*rest);
    if (!span_starts(s, SPAN("\""))) {
        if (!span_cut(&s, ',', cell)) {
            *cell = s;
            s = SPAN_NONE;
        }
        *cell = span_trim(*cell);
        *rest = s;
        return true;
    }
    s = span_from(s, 1);
    if (!span_cut(&s, '"', cell))
        return false;
    s = span_trim(s);
    *rest = s.len && s.at[0] == ',' ? span_from(s, 1) : SPAN_NONE;
    return !s.len || s.at[0] == ',';
}

static bool read_line(struct span line, struct csv_line *out)
{
    out->count = 0;
    while (line.at && out->count < CSV_COLUMNS)
        if (!take_cell(&line, &out->cells[out->count++]))
            return false;
    return !line.at;
}

/* "$0.0075" or "0.0075". */
static bool cell_price(struct span cell, nano_usd *price)
{
    cell = span_starts(cell, SPAN("$")) ? span_from(cell, 1) : cell;
    return money_parse(cell, price) && *price >= 0;
}

struct columns {
    size_t key, price;
};

static bool starts_nocase(struct span s, const char *with)
{
    struct span head = span_of(with);
    return s.len >= head.len && span_is_nocase(span_first(s, head.len), head);
}

/* The columns of a first line of names; false: it is none. */
static bool name_columns(const struct csv_line *l, struct columns *out)
{
    static const char *const keys[] = { "prefix", "iso", "iso_country", "iso country", "country code", "country_code", "country" };
    nano_usd price;
    bool keyed = false, priced = false;
    for (size_t i = 0; i < l->count; i++)
        if (cell_price(l->cells[i], &price))
            return false;
    for (size_t i = 0; i < l->count && !priced; i++) {
        priced = starts_nocase(l->cells[i], "price") || span_is_nocase(l->cells[i], SPAN("current_price"));
        out->price = i;
    }
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]) && !keyed; k++) {
        for (size_t i = 0; i < l->count && !keyed; i++) {
            keyed = span_is_nocase(l->cells[i], span_of(keys[k]));
            out->key = i;
        }
    }
    return keyed && priced;
}

static bool put_cell(struct prices *p, enum price_kind kind, const char *place, struct span key, nano_usd price, char why[PRICE_WHY])
{
    size_t count = 1;
    uint64_t digits;
    struct span number = span_starts(key, SPAN("+")) ? span_from(key, 1) : key;
    bool room = true;
    if (number.len && number.len <= 15 && span_to_u64(number, &digits))
        room = put(p, kind, number, price);
    else if (key.len == 2)
        room = put_country(p, kind, key, price, &count);
    else
        count = 0;
    return room ? count > 0 || say(why, place, key, "a country such as US, or the first digits of its numbers") : too_many(why);
}

static bool read_row(struct prices *p, enum price_kind kind, const struct columns *c, struct span line, size_t number, char why[PRICE_WHY])
{
    struct csv_line l;
    nano_usd price;
    char place[40];
    snprintf(place, sizeof(place), "line %zu", number);
    if (!read_line(line, &l) || c->key >= l.count || c->price >= l.count)
        return say(why, place, line, "a country or prefix, and a price");
    if (!cell_price(l.cells[c->price], &price))
        return say(why, place, l.cells[c->price], "a decimal number of dollars, 0.0075");
    return put_cell(p, kind, place, l.cells[c->key], price, why);
}

bool price_file_csv(struct span text, enum price_kind kind, struct prices *out, char why[PRICE_WHY])
{
    struct columns columns = { 0, 1 };
    struct csv_line l;
    struct span line;
    size_t number = 0, rows = 0;
    if (span_starts(text, SPAN("\xef\xbb\xbf"))) /* spreadsheets write it in front */
        text = span_from(text, 3);
    while (span_next(&text, '\n', &line)) {
        number++;
        line = span_trim(span_ends(line, SPAN("\r")) ? span_first(line, line.len - 1) : line);
        if (!line.len || line.at[0] == '#' || (!rows && read_line(line, &l) && name_columns(&l, &columns)))
            continue;
        rows++;
        if (!read_row(out, kind, &columns, line, number, why))
            return false;
    }
    out->documents += rows > 0;
    return rows > 0 || say(why, "line 1", SPAN_NONE, "at least one line of a country or prefix, and a price");
}
