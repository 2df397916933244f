/* SPDX-License-Identifier: Apache-2.0
 * json_value.c - walking what json_parse built. A value is a parser and the index of a cell of its tape.
 *
 * Numbers that are no 64-bit integers are read from the text itself, digit by digit: money never passes through a
 * double. */
#include <stdlib.h>

#include "base/json_tape.h"
#include "base/map.h"

enum { EXPONENT_MOST = 400 /* beyond any double */, PAIRWISE_MOST = 16 };

static const struct json *reader(struct json_value v) { return v.doc; }

static uint64_t cell(struct json_value v) { return reader(v)->tape.cells[v.index]; }

static char type(struct json_value v) { return v.doc ? (char)(cell(v) >> 56) : 0; }

static struct json_value nothing(void) { return (struct json_value){ NULL, 0 }; }

static bool is_number(char type) { return type == 'l' || type == 'u' || type == 'd'; }

/* Index of the cell after the whole value. */
static size_t after(struct json_value v)
{
    char t = type(v);
    if (t == '{' || t == '[')
        return (uint32_t)cell(v);
    return v.index + (is_number(t) ? 2 : 1);
}

struct json *json_new(void)
{
    struct json *j = calloc(1, sizeof(*j));
    if (!j)
        return NULL;
    buf_init(&j->parse_copy, JSON_TEXT_MOST);
    buf_init(&j->scan_copy, JSON_TEXT_MOST);
    j->engine = json_engine_new();
    if (j->engine)
        return j;
    free(j);
    return NULL;
}

void json_free(struct json *j)
{
    if (!j)
        return;
    buf_free(&j->parse_copy);
    buf_free(&j->scan_copy);
    json_engine_free(j->engine);
    free(j);
}

struct span json_padded(struct span text, bool padded, struct buf *copy)
{
    const size_t room_kept = 1 << 20;
    struct span whole;
    if (padded)
        return text;
    if (copy->room > room_kept && text.len < room_kept)
        buf_free(copy);
    buf_clear(copy);
    buf_put(copy, text);
    return buf_done(copy, &whole) == E_OK ? whole : SPAN_NONE;
}

enum err json_parse(struct json *j, struct span text, bool padded, struct json_value *root, const char **why)
{
    *root = nothing();
    if (!text.len) {
        *why = "the text is empty";
        return E_BAD_REQUEST;
    }
    if (text.len > JSON_TEXT_MOST) {
        *why = "the text is too large";
        return E_TOO_LARGE;
    }
    j->text = json_padded(text, padded, &j->parse_copy);
    if (!j->text.at) {
        *why = "out of memory";
        return E_NO_MEMORY;
    }
    enum err e = json_engine_parse(j->engine, j->text, &j->tape, why);
    if (e)
        return e;
    j->cursor.cell = 1; /* cell 0 is the tape's own */
    j->cursor.mark = 0;
    *root = (struct json_value){ j, 1 };
    return E_OK;
}

enum json_kind json_kind(struct json_value v)
{
    switch (type(v)) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'l':
    case 'u':
    case 'd':
        return JSON_NUMBER;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

struct json_iter json_iter(struct json_value v)
{
    enum json_kind kind = json_kind(v);
    if (kind != JSON_ARRAY && kind != JSON_OBJECT)
        return (struct json_iter){ nothing(), 0, false };
    return (struct json_iter){ { v.doc, v.index + 1 }, after(v) - 1, kind == JSON_OBJECT };
}

bool json_next(struct json_iter *it, struct span *name, struct json_value *item)
{
    *name = SPAN_NONE;
    *item = nothing();
    if (it->at.index >= it->end)
        return false;
    if (it->object) {
        *name = json_string(it->at);
        it->at.index++;
    }
    *item = it->at;
    it->at.index = after(*item);
    return true;
}

size_t json_count(struct json_value v)
{
    struct span name;
    struct json_value item;
    size_t n = 0;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        n++;
    return n;
}

struct json_value json_member(struct json_value v, struct span name)
{
    struct span here;
    struct json_value item;
    if (json_kind(v) != JSON_OBJECT)
        return nothing();
    for (struct json_iter it = json_iter(v); json_next(&it, &here, &item);)
        if (span_is(here, name))
            return item;
    return nothing();
}

static struct json_value element(struct json_value v, struct span index)
{
    uint64_t n;
    struct span name;
    struct json_value item;
    if (!span_to_u64(index, &n))
        return nothing();
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item); n--)
        if (n == 0)
            return item;
    return nothing();
}

struct json_value json_path(struct json_value v, struct span path)
{
    struct span step;
    while (span_next(&path, '.', &step))
        v = json_kind(v) == JSON_ARRAY ? element(v, step) : json_member(v, step);
    return v;
}

struct span json_string(struct json_value v)
{
    uint32_t len;
    if (type(v) != '"')
        return SPAN_NONE;
    const char *at = reader(v)->tape.strings + (cell(v) & UINT64_C(0xffffffffffffff));
    memcpy(&len, at, sizeof(len));
    return span_make(at + sizeof(len), len);
}

bool json_integer(struct json_value v, int64_t *out)
{
    if (type(v) != 'l')
        return false; /* 'u' is only what int64 does not hold */
    *out = (int64_t)reader(v)->tape.cells[v.index + 1];
    return true;
}

bool json_bool(struct json_value v, bool *out)
{
    if (json_kind(v) != JSON_BOOL)
        return false;
    *out = type(v) == 't';
    return true;
}

/* The tape does not say where its cells came from. But it has one cell for each mark that is no comma or colon (and a
 * second one for a number), in the same order: so walking both together finds the place. */
size_t json_offset(struct json_value v)
{
    struct json *j = (struct json *)v.doc;
    const struct json_marks *marks = &j->tape.marks;
    if (v.index < j->cursor.cell) {
        j->cursor.cell = 1;
        j->cursor.mark = 0;
    }
    for (;; j->cursor.mark++) {
        must(j->cursor.mark < marks->count);
        char c = j->text.at[marks->at[j->cursor.mark]];
        if (c == ',' || c == ':')
            continue;
        if (j->cursor.cell >= v.index)
            break;
        j->cursor.cell += is_number(type((struct json_value){ j, j->cursor.cell })) ? 2 : 1;
    }
    return marks->at[j->cursor.mark];
}

static size_t digit_run(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.at[n] >= '0' && s.at[n] <= '9')
        n++;
    return n;
}

/* A mark and the digits behind it; 0 when one of the two is missing. */
static size_t marked_digits(struct span s, struct span marks, bool sign)
{
    size_t n = 1;
    if (!s.len || span_find_byte(marks, *s.at) < 0)
        return 0;
    if (sign && s.len > 1 && (s.at[1] == '+' || s.at[1] == '-'))
        n++;
    size_t digits = digit_run(span_from(s, n));
    return digits ? n + digits : 0;
}

size_t json_number_len(struct span s)
{
    size_t n = s.len && *s.at == '-';
    size_t whole = digit_run(span_from(s, n));
    if (!whole || (whole > 1 && s.at[n] == '0'))
        return 0;
    n += whole;
    n += marked_digits(span_from(s, n), SPAN("."), false);
    return n + marked_digits(span_from(s, n), SPAN("eE"), true);
}

struct span json_literal(struct json_value v)
{
    struct span rest = span_from(reader(v)->text, json_offset(v));
    return span_first(rest, json_number_len(rest));
}

static char *put_zeros(char *at, size_t n)
{
    memset(at, '0', n);
    return at + n;
}

static char *put_digits(char *at, struct span digits)
{
    memcpy(at, digits.at, digits.len);
    return at + digits.len;
}

/* Moves the point of `digits` (of which the first `whole` stand before it) by the exponent and writes it all out. */
static struct span shift_point(bool negative, struct span digits, int64_t whole, struct arena *a)
{
    while (digits.len && *digits.at == '0') {
        digits = span_from(digits, 1);
        whole--;
    }
    if (!digits.len)
        return arena_copy(a, SPAN("0"));
    char *out = arena_take(a, digits.len + (size_t)(whole < 0 ? -whole : whole) + 4), *at = out;
    if (!out)
        return SPAN_NONE;
    if (negative)
        *at++ = '-';
    if (whole <= 0) {
        *at++ = '0';
        *at++ = '.';
        at = put_digits(put_zeros(at, (size_t)-whole), digits);
    } else if ((size_t)whole >= digits.len) {
        at = put_zeros(put_digits(at, digits), (size_t)whole - digits.len);
    } else {
        at = put_digits(at, span_first(digits, (size_t)whole));
        *at++ = '.';
        at = put_digits(at, span_from(digits, (size_t)whole));
    }
    return span_make(out, (size_t)(at - out));
}

/* "-1.5e-05" to "-0.000015": vendors print small amounts so, and money_decimal takes no exponents. */
static struct span written_out(struct span literal, struct arena *a)
{
    struct span mantissa = literal, whole;
    bool negative = *literal.at == '-';
    int64_t exponent;
    if (!span_cut(&literal, 'e', &mantissa) && !span_cut(&literal, 'E', &mantissa))
        return arena_copy(a, literal);
    if (*literal.at == '+')
        literal = span_from(literal, 1);
    if (!span_to_i64(literal, &exponent) || exponent > EXPONENT_MOST || exponent < -EXPONENT_MOST)
        return SPAN_NONE;
    mantissa = span_from(mantissa, negative);
    if (!span_cut(&mantissa, '.', &whole)) {
        whole = mantissa;
        mantissa = SPAN("");
    }
    struct span digits = arena_print(a, "%.*s%.*s", SPAN_ARG(whole), SPAN_ARG(mantissa));
    return digits.at ? shift_point(negative, digits, (int64_t)whole.len + exponent, a) : SPAN_NONE;
}

struct span json_decimal(struct json_value v, struct arena *a)
{
    switch (type(v)) {
    case '"':
        return arena_copy(a, json_string(v));
    case 'l':
        return arena_number(a, (int64_t)reader(v)->tape.cells[v.index + 1]);
    case 'u':
        return arena_print(a, "%llu", (unsigned long long)reader(v)->tape.cells[v.index + 1]);
    case 'd':
        return written_out(json_literal(v), a);
    default:
        return SPAN_NONE;
    }
}

static void print_number(struct json_value v, struct buf *out)
{
    uint64_t bits = reader(v)->tape.cells[v.index + 1];
    if (type(v) == 'l')
        buf_put_i64(out, (int64_t)bits);
    else if (type(v) == 'u')
        buf_put_u64(out, bits);
    else
        buf_put(out, json_literal(v));
}

/* Recursion goes as deep as the parse allowed: JSON_DEPTH_MOST. */
static void print_value(struct json_value v, struct json_out *o)
{
    struct span name;
    struct json_value item;
    enum json_kind kind = json_kind(v);
    switch (kind) {
    case JSON_NONE:
    case JSON_NULL:
        json_put_null(o);
        return;
    case JSON_BOOL:
        json_put_bool(o, type(v) == 't');
        return;
    case JSON_NUMBER:
        json_put_raw(o, SPAN("")); /* for the comma */
        print_number(v, o->buf);
        return;
    case JSON_STRING:
        json_put_string(o, json_string(v));
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_open(o, kind == JSON_ARRAY ? '[' : '{');
        for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
            if (kind == JSON_OBJECT)
                json_name(o, name);
            print_value(item, o);
        }
        json_close(o, kind == JSON_ARRAY ? ']' : '}');
    }
}

void json_print(struct json_value v, struct buf *out)
{
    struct json_out o = json_out(out);
    print_value(v, &o);
}

static bool twice_pairwise(struct json_value object, struct span *where)
{
    struct span name, other;
    struct json_value item;
    for (struct json_iter it = json_iter(object); json_next(&it, &name, &item);) {
        struct json_iter rest = it;
        while (json_next(&rest, &other, &item))
            if (span_is(name, other)) {
                *where = name;
                return true;
            }
    }
    return false;
}

static enum err twice_by_map(struct json_value object, struct span *where)
{
    static char seen;
    struct map names = { NULL, 0, 0 };
    struct span name;
    struct json_value item;
    enum err e = E_OK;
    for (struct json_iter it = json_iter(object); !e && json_next(&it, &name, &item);) {
        if (map_get(&names, name)) {
            *where = name;
            e = E_NOT_CANONICAL;
        } else if (!map_put(&names, name, &seen)) {
            e = E_NO_MEMORY;
        }
    }
    map_free(&names);
    return e;
}

static enum err check_names(struct json_value object, struct span *where)
{
    if (json_count(object) > PAIRWISE_MOST)
        return twice_by_map(object, where);
    return twice_pairwise(object, where) ? E_NOT_CANONICAL : E_OK;
}

static bool exact_in_double(struct json_value v)
{
    const int64_t most = INT64_C(1) << 53;
    int64_t n;
    return type(v) == 'd' || (json_integer(v, &n) && n >= -most && n <= most);
}

/* `name` is the nearest one around v. Each member is visited twice: for its object's names, and for its value. */
static enum err check_value(struct json_value v, struct span name, struct span *where)
{
    struct span inner;
    struct json_value item;
    char t = type(v);
    if (is_number(t) && !exact_in_double(v)) {
        *where = name;
        return E_NOT_CANONICAL;
    }
    enum err e = t == '{' ? check_names(v, where) : E_OK;
    for (struct json_iter it = json_iter(v); !e && json_next(&it, &inner, &item);)
        e = check_value(item, it.object ? inner : name, where);
    return e;
}

enum err json_canonical(struct json_value root, struct span *where)
{
    *where = SPAN_NONE;
    return check_value(root, SPAN_NONE, where);
}
