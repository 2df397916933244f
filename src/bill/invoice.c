/* SPDX-License-Identifier: Apache-2.0
 * invoice.c - see invoice.h: which form a text has, and what its readers have in common. */
#include "bill/invoice.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "bill/invoice_inside.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
enum { LINES_FIRST = 256, NAME_MOST = 128, EXPONENT_MOST = 40 };

static const struct {
    struct span name;
    const struct sheet_form *sheets;
    bool (*json)(struct desk *d, struct json_value root);
} vendors[] = {
    [INVOICE_OPENAI] = { { "openai", 6 }, openai_sheets, openai_json },
    [INVOICE_ANTHROPIC] = { { "anthropic", 9 }, anthropic_sheets, anthropic_json },
    [INVOICE_STRIPE] = { { "stripe", 6 }, stripe_sheets, stripe_json },
    [INVOICE_TWILIO] = { { "twilio", 6 }, twilio_sheets, twilio_json },
};

bool invoice_vendor_parse(struct span name, enum invoice_vendor *out)
{
    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
        if (!span_is(name, vendors[i].name))
            continue;
        *out = (enum invoice_vendor)i;
        return true;
    }
    return false;
}

struct span invoice_vendor_name(enum invoice_vendor v) { return vendors[v].name; }

/* ---- names and amounts ---- */

static bool digits(struct span s, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (from + i >= s.len || s.at[from + i] < '0' || s.at[from + i] > '9')
            return false;
    return true;
}

/* "-20240718" or "-2024-07-18" at the end; 0: there is none. */
static size_t date_length(struct span s)
{
    if (s.len > 9 && s.at[s.len - 9] == '-' && digits(s, s.len - 8, 8))
        return 9;
    size_t at = s.len - 11;
    return s.len > 11 && s.at[at] == '-' && digits(s, at + 1, 4) && s.at[at + 5] == '-' && digits(s, at + 6, 2) && s.at[at + 8] == '-' && digits(s, at + 9, 2) ? 11 : 0;
}

struct span invoice_model(struct arena *a, struct span name)
{
    char text[NAME_MOST];
    struct span rest = span_first(span_trim(name), NAME_MOST);
    size_t n = 0;
    if (!name.at)
        return SPAN_NONE;
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.at[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == ' ' || c == '.' || c == '_' ? '-' : c;
        if (c != '-' || !n || text[n - 1] != '-')
            text[n++] = c;
    }
    struct span made = span_make(text, n);
    return arena_copy(a, span_first(made, made.len - date_length(made)));
}

/* A number as its digits, and how many of them stand behind the point. */
struct figures {
    char at[NAME_MOST];
    size_t count;
    int64_t behind;
};

static bool read_figures(struct span text, struct figures *f)
{
    bool point = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text.at[i] < '0' || text.at[i] > '9' || f->count == NAME_MOST)
            return false;
        f->at[f->count++] = text.at[i];
        f->behind += point;
    }
    return f->count > 0;
}

/* The first n figures as a number, zeros behind them where there are fewer. */
static bool take_figures(const struct figures *f, int64_t n, int64_t *out)
{
    *out = 0;
    for (int64_t i = 0; i < n && (*out || i < (int64_t)f->count); i++) {
        int digit = i < (int64_t)f->count ? f->at[i] - '0' : 0;
        if (*out > (INT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

bool invoice_amount(struct span text, int64_t *nano)
{
    struct span rest = span_trim(text), number = rest;
    struct figures f = { .count = 0 };
    int64_t exponent = 0;
    if (span_cut(&rest, 'e', &number) || span_cut(&rest, 'E', &number)) {
        rest = span_starts(rest, SPAN("+")) ? span_from(rest, 1) : rest;
        if (!span_to_i64(rest, &exponent) || exponent > EXPONENT_MOST || exponent < -EXPONENT_MOST)
            return false;
    }
    bool minus = span_starts(number, SPAN("-"));
    if (!read_figures(span_from(number, minus), &f))
        return false;
    int64_t kept = (int64_t)f.count - f.behind + exponent + 9; /* figures down to the nano-dollar */
    if (!take_figures(&f, kept, nano))
        return false;
    bool up = kept >= 0 && kept < (int64_t)f.count && f.at[kept] >= '5';
    *nano += up && *nano < INT64_MAX;
    *nano = minus ? -*nano : *nano;
    return true;
}

/* ---- what readers share ---- */

bool desk_wrong(struct desk *d, const char *field, struct span found, const char *allowed)
{
    char where[96];
    if (d->form)
        snprintf(where, sizeof(where), "line %lld, %.60s", (long long)d->number, field);
    else
        snprintf(where, sizeof(where), "record %lld, %.60s", (long long)d->number, field);
    trouble_say(d->trouble, NULL, where, "found \"%.*s\"; allowed: %s", SPAN_ARG(span_first(found, 60)), allowed);
    return false;
}

/* "?Created (UTC)|created_utc": the name as people read it. */
static const char *column_name(const struct desk *d, int column)
{
    const char *name = d->form->columns[column];
    return name[0] == '?' ? name + 1 : name;
}

struct span desk_cell(const struct desk *d, int column)
{
    int at = d->at[column];
    if (at < 0 || (size_t)at >= d->cell_count)
        return SPAN_NONE;
    struct span cell = span_trim(d->cells[at]);
    return cell.len ? cell : SPAN_NONE;
}

bool desk_amount(struct desk *d, int column, int64_t *nano)
{
    struct span cell = desk_cell(d, column);
    *nano = 0;
    if (!cell.at || invoice_amount(cell, nano))
        return true;
    return desk_wrong(d, column_name(d, column), cell, "a decimal number such as 12.5, without thousands' marks");
}

bool desk_count(struct desk *d, int column, int64_t *n)
{
    struct span cell = desk_cell(d, column);
    *n = 0;
    if (!cell.at || (span_to_i64(cell, n) && *n >= 0))
        return true;
    return desk_wrong(d, column_name(d, column), cell, "a whole number");
}

/* "2026-06-01 09:12:00" and "2026-06-01 09:12" are what exports have; they say UTC in their names. */
static bool plain_time(struct arena *a, struct span s, int64_t *ms)
{
    if (s.len != sizeof("2026-06-01 09:12") - 1 && s.len != sizeof("2026-06-01 09:12:00") - 1)
        return false;
    const char *seconds = s.len == sizeof("2026-06-01 09:12") - 1 ? ":00" : "";
    return text_time_parse(arena_print(a, "%.10sT%.*s%sZ", s.at, (int)(s.len - 11), s.at + 11, seconds), ms);
}

/* "Mon, 01 Jun 2026 09:12:00 +0000" (RFC 2822): as Twilio's API gives times. The weekday is not looked at. */
static bool mail_time(struct arena *a, struct span s, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct span rest = s, word[5];
    if (span_find(rest, SPAN(",")) >= 0)
        (void)span_cut(&rest, ',', &(struct span){ NULL, 0 });
    rest = span_trim(rest);
    for (size_t i = 0; i < 4; i++)
        if (!span_cut(&rest, ' ', &word[i]))
            return false;
    word[4] = span_is(rest, SPAN("GMT")) || span_is(rest, SPAN("UTC")) ? SPAN("+0000") : rest;
    int64_t month = word[1].len == 3 ? span_find(span_of(months), word[1]) : -1;
    if (month < 0 || month % 3 || word[0].len < 1 || word[0].len > 2 || word[4].len != 5)
        return false;
    return text_time_parse(arena_print(a, "%.*s-%02d-%s%.*sT%.*s%.3s:%.2s", SPAN_ARG(word[2]), (int)(month / 3 + 1), word[0].len == 1 ? "0" : "", SPAN_ARG(word[0]), SPAN_ARG(word[3]),
                               word[4].at, word[4].at + 3), ms);
}

bool desk_time(struct desk *d, int column, int64_t *ms)
{
    struct span cell = desk_cell(d, column);
    if (span_to_i64(cell, ms) && cell.len > 4) { /* Unix seconds */
        *ms = *ms > INT64_MAX / 1000 || *ms < 0 ? -1 : *ms * 1000;
        if (*ms >= 0)
            return true;
    }
    if (cell.at && (text_time_parse(cell, ms) || plain_time(d->arena, cell, ms) || mail_time(d->arena, cell, ms)))
        return true;
    return desk_wrong(d, column_name(d, column), cell.at ? cell : SPAN(""), "a time such as 2026-06-01 or 2026-06-01T09:12:00Z, or Unix seconds");
}

bool desk_dollars(struct desk *d, int column)
{
    struct span cell = desk_cell(d, column);
    if (!cell.at || span_is_nocase(cell, SPAN("usd")))
        return true;
    return desk_wrong(d, column_name(d, column), cell, "usd: the ledger counts US dollars, and what the vendor converted at is not in the file. Take out lines in other currencies");
}

struct invoice_line *desk_line(struct desk *d, int64_t at)
{
    struct invoice *i = d->out;
    if (i->count == INVOICE_LINES) {
        trouble_say(d->trouble, NULL, "invoice", "has more than %d lines; allowed: fewer; take a shorter time", INVOICE_LINES);
        return NULL;
    }
    struct invoice_line *more = arena_grow(d->arena, i->lines, sizeof(*more), i->count);
    if (!more)
        return NULL;
    i->lines = more;
    struct invoice_line *line = &more[i->count++];
    *line = (struct invoice_line){ .at = at, .number = d->number };
    int64_t day = at / DAY_MS * DAY_MS;
    if (!d->day_known || day < i->from)
        i->from = day;
    if (!d->day_known || day + DAY_MS > i->to)
        i->to = day + DAY_MS;
    d->day_known = true;
    return line;
}

void desk_form(struct desk *d, const char *name, enum invoice_by by, enum invoice_unit unit, const char *compared)
{
    d->out->form = name;
    d->out->by = by;
    d->out->unit = unit;
    d->out->compared = compared;
}

/* ---- CSV ---- */

/* The next character that counts; 0: none. Blanks, underscores, brackets and case do not. */
static char next_sign(struct span *s)
{
    while (s->len) {
        char c = s->at[0];
        *s = span_from(*s, 1);
        if (c >= 'A' && c <= 'Z')
            return (char)(c - 'A' + 'a');
        if (c != ' ' && c != '_' && c != '(' && c != ')' && c != '\t')
            return c;
    }
    return 0;
}

static bool same_name(struct span a, struct span b)
{
    char one;
    do {
        one = next_sign(&a);
        if (one != next_sign(&b))
            return false;
    } while (one);
    return true;
}

static int find_column(const struct desk *head, struct span names)
{
    struct span name;
    while (span_next(&names, '|', &name))
        for (size_t i = 0; i < head->cell_count; i++)
            if (same_name(head->cells[i], name))
                return (int)i;
    return -1;
}

/* Fills in d->at. The first column that is needed and missing; NULL: none is. */
static const char *missing(struct desk *d, const struct sheet_form *f)
{
    const char *first = NULL;
    for (int i = 0; i < INVOICE_COLUMNS; i++)
        d->at[i] = -1;
    for (int i = 0; i < INVOICE_COLUMNS && f->columns[i]; i++) {
        bool needed = f->columns[i][0] != '?';
        d->at[i] = find_column(d, span_of(f->columns[i] + !needed));
        if (needed && d->at[i] < 0 && !first)
            first = f->columns[i];
    }
    return first;
}

/* All that this vendor's forms need, for who has none of them. */
static void say_forms(struct desk *d, const struct sheet_form *forms)
{
    struct span all = SPAN_NONE;
    for (const struct sheet_form *f = forms; f->name; f++) {
        all = all.at ? arena_print(d->arena, "%.*s; or %s:", SPAN_ARG(all), f->name) : arena_print(d->arena, "%s:", f->name);
        for (int i = 0; i < INVOICE_COLUMNS && f->columns[i]; i++)
            if (f->columns[i][0] != '?')
                all = arena_print(d->arena, "%.*s %s", SPAN_ARG(all), f->columns[i]);
    }
    trouble_say(d->trouble, NULL, "invoice", "its first line names the columns of no export that is known; allowed: %.*s", SPAN_ARG(all));
}

static bool choose_form(struct desk *d, const struct sheet_form *forms)
{
    for (const struct sheet_form *f = forms; f->name; f++) {
        if (missing(d, f))
            continue;
        d->form = f;
        desk_form(d, f->name, f->by, f->unit, f->compared);
        return true;
    }
    say_forms(d, forms);
    return false;
}

static bool read_sheet(struct desk *d, const struct sheet_form *forms, struct span text)
{
    struct csv csv = csv_read(text, d->arena);
    if (!csv_line(&csv, d->cells, &d->cell_count) && !csv.trouble) {
        trouble_say(d->trouble, NULL, "invoice", "is empty; allowed: an export of the vendor, CSV or JSON");
        return false;
    }
    if (!csv.trouble && !choose_form(d, forms))
        return false;
    while (!csv.trouble && csv_line(&csv, d->cells, &d->cell_count)) {
        d->number = csv.line;
        if (!d->form->line(d))
            return false;
    }
    if (!csv.trouble && d->form->end)
        d->form->end(d);
    if (csv.trouble)
        trouble_say(d->trouble, NULL, "invoice", "line %lld: %s", (long long)csv.line, csv.trouble);
    return !csv.trouble;
}

/* ---- either ---- */

static bool read_json(struct desk *d, struct json *j, enum invoice_vendor vendor, struct span text)
{
    struct json_value root;
    const char *why = "";
    if (json_parse(j, text, false, &root, &why) == E_OK)
        return vendors[vendor].json(d, root);
    trouble_say(d->trouble, NULL, "invoice", "is no JSON: %s", why);
    return false;
}

enum err invoice_read(struct json *j, struct arena *a, enum invoice_vendor vendor, struct span text, struct invoice *out, struct trouble *t)
{
    struct desk *d = ARENA_NEW(a, struct desk);
    if (!d)
        return E_NO_MEMORY;
    *out = (struct invoice){ .vendor = vendor };
    *d = (struct desk){ .arena = a, .out = out, .trouble = t };
    struct span start = span_first(text, 64);
    while (start.len && (start.at[0] == ' ' || start.at[0] == '\n' || start.at[0] == '\r' || start.at[0] == '\t'))
        start = span_from(start, 1);
    bool json = start.len && (start.at[0] == '{' || start.at[0] == '[');
    bool fine = json ? read_json(d, j, vendor, text) : read_sheet(d, vendors[vendor].sheets, text);
    if (a->broken)
        return E_NO_MEMORY;
    if (fine && !out->count && !t->set)
        trouble_say(t, NULL, "invoice", "has no lines; allowed: an export with at least one");
    return t->set || !fine ? E_CONFIG : E_OK;
}
