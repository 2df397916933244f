/* SPDX-License-Identifier: Apache-2.0
 * row.c - see row.h. The writer runs once or twice in every call: it formats nothing. The reader trusts no length. */
#include "rules/row.h"

#include "base/json.h"
#include "rules/call_id.h"
#include "rules/facts.h"

enum { ROOM = 1024 /* of a usual row, so that it grows once */, VARINT_MOST = 10 };

/* ---- writing ---- */

static char *reserve(struct buf *b, size_t n)
{
    return !b->broken && b->room - b->len >= n ? b->at + b->len : buf_reserve(b, n);
}

static char *put_varint(char *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *at++ = (char)(n | 0x80);
    *at++ = (char)n;
    return at;
}

static char *put_key(char *at, enum row_tag tag, bool bytes) { return put_varint(at, (uint64_t)tag << 1 | bytes); }

static void written(struct buf *b, const char *end) { b->len = (size_t)(end - b->at); }

struct row_out row_out(struct buf *b)
{
    if (b->len == 0 && b->ceiling >= ROOM)
        (void)reserve(b, ROOM);
    if (b->len == 0)
        buf_put_byte(b, ROW_VERSION);
    return (struct row_out){ b, 0 };
}

void row_text(struct row_out *o, enum row_tag tag, struct span s)
{
    char *at = s.at ? reserve(o->buf, 2 * VARINT_MOST + s.len) : NULL;
    if (!at)
        return;
    at = put_varint(put_key(at, tag, true), s.len);
    memcpy(at, s.at, s.len);
    written(o->buf, at + s.len);
}

void row_number(struct row_out *o, enum row_tag tag, int64_t n)
{
    char *at = reserve(o->buf, 2 * VARINT_MOST);
    if (at)
        written(o->buf, put_varint(put_key(at, tag, false), (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0)));
}

/* The length is not known yet. It nearly always fits into the one byte left for it. */
void row_open(struct row_out *o, enum row_tag tag)
{
    char *at = reserve(o->buf, VARINT_MOST + 1);
    must(o->open == 0);
    if (!at)
        return;
    written(o->buf, put_key(at, tag, true) + 1);
    o->open = o->buf->len;
}

void row_close(struct row_out *o)
{
    struct buf *b = o->buf;
    size_t from = o->open, len = b->len - from;
    o->open = 0;
    if (!reserve(b, VARINT_MOST) || from == 0)
        return;
    char length[VARINT_MOST];
    size_t size = (size_t)(put_varint(length, len) - length);
    memmove(b->at + from - 1 + size, b->at + from, len);
    memcpy(b->at + from - 1, length, size);
    b->len += size - 1;
}

/* ---- reading ---- */

enum kind { CALL, TIME, NUMBER, MONEY, YES, AMOUNT, TEXT, JSON, OBJECT, SCOPES, ATTEMPTS, BUDGETS, LINES };

struct field {
    enum row_tag tag;
    enum kind kind;
    struct span name;
};

#define FIELD(tag, name, text, kind) { ROW_##name, kind, { text, sizeof(text) - 1 } },
static const struct field row_fields[] = { ROW_FIELDS(FIELD) };
static const struct field extra_fields[] = { ROW_EXTRA_FIELDS(FIELD) };
static const struct field attempt_fields[] = { ROW_ATTEMPT_FIELDS(FIELD) };
static const struct field budget_fields[] = { ROW_BUDGET_FIELDS(FIELD) };
static const struct field line_fields[] = { ROW_LINE_FIELDS(FIELD) };
#undef FIELD

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_bytes(enum kind k) { return k >= TEXT; }

static bool take_long_varint(struct span *rest, uint64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < rest->len && i < VARINT_MOST; i++) {
        uint64_t byte = (unsigned char)rest->at[i];
        if (i == VARINT_MOST - 1 && byte > 1)
            return false;
        *n |= (byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *rest = span_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

/* Nearly all of them are of one byte. */
static inline bool take_varint(struct span *rest, uint64_t *n)
{
    if (rest->len == 0 || (unsigned char)*rest->at >= 0x80)
        return take_long_varint(rest, n);
    *n = (unsigned char)*rest->at++;
    rest->len--;
    return true;
}

/* A field as it lies there: of bytes n is their length, and `at` where they are. */
struct raw {
    uint64_t tag, n;
    const char *at; /* NULL: it is a number */
};

/* Over the next field. False: the end, or from here on it is damaged. */
static inline bool step(struct span *rest, struct raw *f)
{
    if (!take_varint(rest, &f->tag) || !take_varint(rest, &f->n))
        return false;
    bool bytes = f->tag & 1;
    f->tag >>= 1;
    f->at = bytes ? rest->at : NULL;
    if (!bytes)
        return true;
    if (f->n > rest->len)
        return false;
    rest->at += f->n;
    rest->len -= (size_t)f->n;
    return true;
}

static struct row_value value_of(const struct raw *f)
{
    if (f->at)
        return (struct row_value){ .there = true, .bytes = true, .text = span_make(f->at, (size_t)f->n) };
    return (struct row_value){ .there = true, .number = (int64_t)(f->n >> 1 ^ (f->n & 1 ? UINT64_MAX : 0)) };
}

static bool next(struct span *rest, uint64_t *tag, struct row_value *v)
{
    struct raw f;
    if (!step(rest, &f))
        return false;
    *tag = f.tag;
    *v = value_of(&f);
    return true;
}

static void read_all(struct span body, struct row_value values[ROW_TAGS])
{
    struct row_value v;
    uint64_t tag;
    memset(values, 0, ROW_TAGS * sizeof(*values));
    while (next(&body, &tag, &v))
        if (tag < ROW_TAGS)
            values[tag] = v;
}

/* The fields of a row; nothing, if it is none. */
static struct span body_of(struct span row)
{
    return row.len && row.at[0] == ROW_VERSION ? span_from(row, 1) : SPAN("");
}

struct row_value row_field(struct span row, enum row_tag tag)
{
    struct row_value v;
    row_pick(row, &tag, 1, &v);
    return v;
}

/* Once over the row: what nobody asked for is stepped over with one look at a bit. */
void row_pick(struct span row, const enum row_tag *tags, size_t count, struct row_value *out)
{
    enum { BITS = 64 };
    uint64_t wanted[ROW_TAGS / BITS] = { 0 };
    struct span body = body_of(row);
    struct raw f;
    for (size_t i = 0; i < count; i++) {
        must((unsigned)tags[i] < ROW_TAGS);
        wanted[tags[i] / BITS] |= UINT64_C(1) << tags[i] % BITS;
        out[i] = (struct row_value){ 0 };
    }
    while (step(&body, &f)) {
        if (f.tag >= ROW_TAGS || !(wanted[f.tag / BITS] >> f.tag % BITS & 1))
            continue;
        for (size_t i = 0; i < count; i++)
            if (tags[i] == f.tag)
                out[i] = value_of(&f);
    }
}

struct span row_scope(struct span row, struct span name)
{
    struct span body = body_of(row);
    struct row_value v, parts[ROW_TAGS];
    uint64_t tag;
    while (next(&body, &tag, &v)) {
        if (tag != ROW_SCOPE || !v.bytes)
            continue;
        read_all(v.text, parts);
        if (span_is(parts[ROW_SCOPE_NAME].text, name))
            return parts[ROW_SCOPE_VALUE].text;
    }
    return SPAN_NONE;
}

void row_read(struct span row, struct row_value values[ROW_TAGS]) { read_all(body_of(row), values); }

struct span row_inside(struct span row) { return body_of(row); }

bool row_next(struct span *rest, enum row_tag wanted, struct row_value values[ROW_TAGS])
{
    struct row_value v;
    uint64_t tag;
    while (next(rest, &tag, &v)) {
        if (tag != (uint64_t)wanted || !v.bytes)
            continue;
        read_all(v.text, values);
        return true;
    }
    return false;
}

/* ---- as JSON ---- */

static void put_fields(struct json_out *o, const struct field *fields, size_t count, struct span body);

/* {"stripe.customer": ["cus_A", "cus_B"]}: by name, in the order in which the names came. No call has more of them. */
static void put_scopes(struct json_out *o, struct span body)
{
    struct scope scopes[FACTS_SCOPES];
    struct row_value v, parts[ROW_TAGS];
    uint64_t tag;
    size_t count = 0;
    while (count < FACTS_SCOPES && next(&body, &tag, &v)) {
        if (tag != ROW_SCOPE || !v.bytes)
            continue;
        read_all(v.text, parts);
        scopes[count++] = (struct scope){ .name = parts[ROW_SCOPE_NAME].text, .value = parts[ROW_SCOPE_VALUE].text };
    }
    json_open(o, '{');
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (!span_is(scopes[first].name, scopes[i].name))
            first++;
        if (first < i)
            continue;
        json_name(o, scopes[i].name);
        json_open(o, '[');
        for (size_t k = i; k < count; k++)
            if (span_is(scopes[k].name, scopes[i].name))
                json_put_string(o, scopes[k].value);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static void put_list(struct json_out *o, const struct field *list, struct span body)
{
    struct row_value v;
    uint64_t tag;
    json_open(o, '[');
    while (next(&body, &tag, &v)) {
        if (tag != list->tag || !v.bytes)
            continue;
        if (list->kind == ATTEMPTS)
            put_fields(o, attempt_fields, COUNT(attempt_fields), v.text);
        else if (list->kind == LINES)
            put_fields(o, line_fields, COUNT(line_fields), v.text);
        else
            put_fields(o, budget_fields, COUNT(budget_fields), v.text);
    }
    json_close(o, ']');
}

static void put_number(struct json_out *o, enum kind kind, int64_t n, struct span unit)
{
    char text[CALL_ID_TEXT + 1];
    bool money = kind == MONEY || (kind == AMOUNT && span_is(unit, SPAN("usd")));
    if (money)
        json_put_money(o, n);
    else if (kind == CALL)
        json_put_string(o, call_id_text((uint64_t)n, text));
    else if (kind == TIME)
        json_put_time(o, n);
    else if (kind == YES)
        json_put_bool(o, n != 0);
    else
        json_put_i64(o, n);
}

/* v: not there if there is nothing of that kind. */
static void put_value(struct json_out *o, enum kind kind, const struct row_value *v, struct span unit)
{
    if (!v->there)
        json_put_raw(o, kind == OBJECT ? SPAN("{}") : SPAN_NONE);
    else if (!v->bytes)
        put_number(o, kind, v->number, unit);
    else if (kind == TEXT)
        json_put_string(o, v->text);
    else
        json_put_raw(o, v->text);
}

/* What is of another make than its field is, is not there. */
static bool is_there(const struct field *f, const struct row_value *v)
{
    bool empty_json = f->kind != TEXT && v->bytes && v->text.len == 0;
    return v->there && v->bytes == is_bytes(f->kind) && !empty_json;
}

static void put_extras(struct json_out *o, const struct row_value values[ROW_TAGS], struct span body)
{
    for (size_t i = 0; i < COUNT(extra_fields); i++) {
        const struct field *f = &extra_fields[i];
        if (!is_there(f, &values[f->tag]))
            continue;
        json_name(o, f->name);
        if (f->kind == LINES)
            put_list(o, f, body);
        else
            put_value(o, f->kind, &values[f->tag], SPAN_NONE);
    }
}

static void put_fields(struct json_out *o, const struct field *fields, size_t count, struct span body)
{
    struct row_value values[ROW_TAGS];
    read_all(body, values);
    json_open(o, '{');
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];
        struct row_value *v = &values[f->tag];
        v->there = is_there(f, v);
        json_name(o, f->name);
        if (f->kind == SCOPES)
            put_scopes(o, body);
        else if (f->kind == ATTEMPTS || f->kind == BUDGETS)
            put_list(o, f, body);
        else
            put_value(o, f->kind, v, values[ROW_BUDGET_UNIT].text);
    }
    if (fields == row_fields)
        put_extras(o, values, body);
    json_close(o, '}');
}

void row_json(struct span row, struct buf *out)
{
    struct json_out o = json_out(out);
    if (span_starts(row, SPAN("{")))
        buf_put(out, row);
    else
        put_fields(&o, row_fields, COUNT(row_fields), body_of(row));
}
