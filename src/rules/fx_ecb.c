/* SPDX-License-Identifier: Apache-2.0
 * fx_ecb.c - the European Central Bank's reference rates: its XML and its CSV.
 *
 * No XML library: the file is a few tags whose attributes are all there is to it, and what an XML library is needed for (DTDs,
 * entities, encodings) has no place in it and is refused. A file that ends early, says a currency twice or has one value that is no
 * number is none at all: half a table would leave currencies unknown that an operator believes known. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "rules/fx.h"

enum { QUOTE_DIGITS = 9, DATE_LEN = 10 };

/* Rates as the file has them: units of a currency for one euro. */
struct quote {
    char code[3]; /* lower-case */
    int64_t units;
};

struct reading {
    char *why;
    char date[DATE_LEN + 1]; /* "2026-11-20", the newest day so far */
    bool reading;            /* the day now read is that one */
    bool ended;              /* the outermost element was closed */
    int depth;
    struct quote quotes[FX_CURRENCIES];
    size_t count;
};

static bool say(struct reading *r, const char *what, struct span found)
{
    snprintf(r->why, 200, "found %s%s%.*s%s, which is not the European Central Bank's file of reference rates; allowed: eurofxref-daily.xml or eurofxref.csv, as it came",
        what, found.len ? " \"" : "", SPAN_ARG(span_first(found, 30)), found.len ? "\"" : "");
    return false;
}

static bool put_quote(struct reading *r, struct span code, struct span units)
{
    struct quote q;
    if (code.len != 3)
        return say(r, "the currency", code);
    for (size_t i = 0; i < 3; i++) {
        if (!isupper((unsigned char)code.at[i]))
            return say(r, "the currency", code);
        q.code[i] = (char)tolower((unsigned char)code.at[i]);
    }
    if (!money_decimal(units, QUOTE_DIGITS, &q.units) || q.units <= 0)
        return say(r, "the rate", units);
    for (size_t i = 0; i < r->count; i++)
        if (memcmp(r->quotes[i].code, q.code, 3) == 0)
            return say(r, "twice the currency", code);
    if (r->count == FX_CURRENCIES - 1)
        return say(r, "too many currencies", SPAN(""));
    r->quotes[r->count++] = q;
    return true;
}

static bool is_date(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (i == 4 || i == 7 ? text.at[i] != '-' : !isdigit((unsigned char)text.at[i]))
            return false;
    return text.len == DATE_LEN;
}

/* A day begins: it is read if it is newer than what was read. */
static bool begin_day(struct reading *r, struct span date)
{
    if (!is_date(date))
        return say(r, "the day", date);
    r->reading = memcmp(date.at, r->date, DATE_LEN) > 0;
    if (!r->reading)
        return true;
    memcpy(r->date, date.at, DATE_LEN);
    r->count = 0;
    return true;
}

/* ---- XML ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static void skip_blanks(struct span *s)
{
    while (s->len && is_blank(s->at[0]))
        *s = span_from(*s, 1);
}

static struct span take_name(struct span *s)
{
    size_t n = 0;
    while (n < s->len && (isalnum((unsigned char)s->at[n]) || (s->at[n] && strchr("_:-.", s->at[n]))))
        n++;
    struct span name = span_first(*s, n);
    *s = span_from(*s, n);
    return name;
}

/* ` name='value'`; false with *name empty: there is none any more; false with a name: it is broken. */
static bool take_attribute(struct span *tag, struct span *name, struct span *value)
{
    skip_blanks(tag);
    *name = take_name(tag);
    skip_blanks(tag);
    if (!name->len || !tag->len || tag->at[0] != '=')
        return false;
    *tag = span_from(*tag, 1);
    skip_blanks(tag);
    char quote = tag->len ? tag->at[0] : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    *tag = span_from(*tag, 1);
    return span_cut(tag, quote, value) && span_find_byte(*value, '&') < 0 && span_find_byte(*value, '<') < 0;
}

struct cube {
    struct span time, currency, rate;
};

static bool take_attributes(struct reading *r, struct span *tag, struct cube *out)
{
    struct span name, value;
    *out = (struct cube){ SPAN_NONE, SPAN_NONE, SPAN_NONE };
    while (take_attribute(tag, &name, &value)) {
        if (span_is(name, SPAN("time")))
            out->time = value;
        else if (span_is(name, SPAN("currency")))
            out->currency = value;
        else if (span_is(name, SPAN("rate")))
            out->rate = value;
    }
    return name.len == 0 || say(r, "the attribute", name);
}

/* What stands between '<' and '>'. */
static bool read_tag(struct reading *r, struct span tag)
{
    struct cube cube;
    if (r->ended)
        return say(r, "something behind its end", SPAN(""));
    if (span_starts(tag, SPAN("/"))) {
        r->depth--;
        r->ended = r->depth == 0;
        return r->depth >= 0 || say(r, "an end without a beginning", SPAN(""));
    }
    struct span name = take_name(&tag);
    if (!name.len)
        return say(r, "the tag", tag);
    if (!take_attributes(r, &tag, &cube))
        return false;
    bool closed = span_is(tag, SPAN("/"));
    if (tag.len && !closed)
        return say(r, "in a tag", tag);
    r->depth += !closed;
    if (!span_is(name, SPAN("Cube")))
        return true;
    if (cube.time.at)
        return begin_day(r, cube.time);
    return !cube.currency.at || !r->reading || put_quote(r, cube.currency, cube.rate);
}

static bool read_xml(struct reading *r, struct span text)
{
    struct span before, tag;
    while (span_cut(&text, '<', &before)) {
        if (span_starts(text, SPAN("!--"))) {
            ptrdiff_t end = span_find(text, SPAN("-->"));
            if (end < 0)
                return say(r, "a comment without an end", SPAN(""));
            text = span_from(text, (size_t)end + 3);
            continue;
        }
        if (span_starts(text, SPAN("!")))
            return say(r, "the declaration", text);
        if (!span_cut(&text, '>', &tag))
            break;
        if (!span_starts(tag, SPAN("?")) && !read_tag(r, tag))
            return false;
    }
    return r->ended || say(r, "no end: the file is not whole", SPAN(""));
}

/* ---- CSV: a line of currencies, then a line a day, the newest first ---- */

static int month_of(struct span name)
{
    static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December" };
    for (int i = 0; i < 12; i++)
        if (span_is(name, span_of(months[i])))
            return i + 1;
    return 0;
}

/* "20 November 2026" in the daily file, "2026-11-20" in the long ones. */
static bool csv_date(struct span text, char out[DATE_LEN + 1])
{
    struct span rest = text, day, month;
    uint64_t d, y;
    if (is_date(text)) {
        memcpy(out, text.at, DATE_LEN);
        return true;
    }
    if (!span_cut(&rest, ' ', &day) || !span_cut(&rest, ' ', &month) || !span_to_u64(day, &d) || !span_to_u64(rest, &y) || !month_of(month) || d < 1 || d > 31 || y < 1999 || y > 9999)
        return false;
    snprintf(out, DATE_LEN + 1, "%04u-%02d-%02u", (unsigned)y, month_of(month), (unsigned)d);
    return true;
}

static struct span take_line(struct span *text)
{
    struct span line;
    if (!span_cut(text, '\n', &line)) {
        line = *text;
        *text = SPAN("");
    }
    if (span_ends(line, SPAN("\r")))
        line.len--;
    return line;
}

static bool read_csv(struct reading *r, struct span text)
{
    char date[DATE_LEN + 1] = "";
    struct span names = take_line(&text), values = take_line(&text), name, value;
    if (!span_next(&names, ',', &name) || !span_is(span_trim(name), SPAN("Date")))
        return say(r, "its beginning", name);
    if (!span_next(&values, ',', &value) || !csv_date(span_trim(value), date) || !begin_day(r, span_of(date)))
        return say(r, "the day", value);
    while (span_next(&names, ',', &name)) {
        if (!span_next(&values, ',', &value))
            return say(r, "fewer rates than currencies", SPAN(""));
        name = span_trim(name);
        value = span_trim(value);
        if (!name.len && !value.len) /* behind the last comma */
            continue;
        if (!span_is(value, SPAN("N/A")) && !put_quote(r, name, value))
            return false;
    }
    return !values.at || say(r, "more rates than currencies", SPAN(""));
}

/* ---- from "so many for a euro" to "dollars for one" ---- */

static bool turn_around(struct reading *r, struct arena *a, struct fx *out)
{
    int64_t dollars = 0;
    for (size_t i = 0; i < r->count; i++)
        if (memcmp(r->quotes[i].code, "usd", 3) == 0)
            dollars = r->quotes[i].units;
    if (!dollars)
        return say(r, "no US dollar", SPAN(""));
    out->rates = ARENA_ARRAY(a, struct fx_rate, r->count + 1);
    out->date = arena_copy(a, span_make(r->date, DATE_LEN));
    if (!out->rates || !out->date.at) {
        snprintf(r->why, 200, "no memory for it");
        return false;
    }
    out->count = 0;
    memcpy(out->rates[out->count].code, "eur", 3);
    out->rates[out->count++].usd = dollars;
    for (size_t i = 0; i < r->count; i++) {
        if (memcmp(r->quotes[i].code, "usd", 3) == 0)
            continue;
        if (memcmp(r->quotes[i].code, "eur", 3) == 0)
            return say(r, "a rate of the euro itself", SPAN(""));
        memcpy(out->rates[out->count].code, r->quotes[i].code, 3);
        out->rates[out->count++].usd = money_mul_div_up(dollars, NANO_PER_USD, r->quotes[i].units);
    }
    fx_sort(out);
    return true;
}

bool fx_read_ecb(struct span text, struct arena *a, struct fx *out, char why[200])
{
    struct reading r = { .why = why, .count = 0 };
    struct span start = text;
    why[0] = '\0';
    *out = (struct fx){ .count = 0 };
    if (span_starts(start, SPAN("\xef\xbb\xbf")))
        start = span_from(start, 3);
    skip_blanks(&start);
    bool good = span_starts(start, SPAN("<")) ? read_xml(&r, start) : read_csv(&r, start);
    return good && turn_around(&r, a, out);
}
