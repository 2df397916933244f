/* SPDX-License-Identifier: Apache-2.0
 * raw.c - see raw.h. Only what json_scan let through is read here: brackets match, strings end. */
#include "base/raw.h"

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static const char *skip_blank(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Behind the closing quote of the string that starts at `at`. */
static const char *skip_string(const char *at, const char *end)
{
    const char *first = at, *p = at + 1;
    while (p < end && (p = memchr(p, '"', (size_t)(end - p))) != NULL) {
        size_t escapes = 0;
        while (p - 1 - escapes > first && p[-1 - (ptrdiff_t)escapes] == '\\')
            escapes++;
        p++;
        if (escapes % 2 == 0)
            return p;
    }
    return end;
}

static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        at++;
        depth += c == '{' || c == '[';
        if ((c == '}' || c == ']') && --depth == 0)
            return at;
    }
    return end;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at == end)
        return end;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_nested(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']' && !is_blank(*at))
        at++;
    return at;
}

struct raw_iter raw_iter(struct span value, struct arena *a)
{
    enum json_kind kind = raw_kind(value);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return (struct raw_iter){ .arena = a };
    return (struct raw_iter){ value.at + 1, value.at + value.len - 1, a, kind == JSON_OBJECT };
}

static struct span unescaped(struct span raw, struct arena *a)
{
    struct span inside = span_make(raw.at + 1, raw.len >= 2 ? raw.len - 2 : 0);
    return span_find_byte(inside, '\\') < 0 ? inside : json_raw_string(raw, a);
}

bool raw_next(struct raw_iter *it, struct span *name, struct span *value)
{
    const char *at = it->at, *end = it->end;
    *name = SPAN_NONE;
    while (at < end && (is_blank(*at) || *at == ','))
        at++;
    if (at >= end || *at == '}' || *at == ']') /* a bracket of nothing: text behind the value, which is not read */
        return false;
    if (it->object) {
        const char *begin = at;
        at = skip_value(at, end);
        *name = unescaped(span_make(begin, (size_t)(at - begin)), it->arena);
        at = skip_blank(at, end);
        at = skip_blank(at + (at < end), end);
    }
    const char *begin = at;
    it->at = skip_value(at, end);
    *value = span_make(begin, (size_t)(it->at - begin));
    return true;
}

enum json_kind raw_kind(struct span value)
{
    if (!value.len)
        return JSON_NONE;
    switch (value.at[0]) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

struct span raw_member(struct span object, struct span name, struct arena *a)
{
    struct raw_iter it = raw_iter(object, a);
    struct span n, v, found = SPAN_NONE;
    while (it.object && raw_next(&it, &n, &v))
        if (span_is(n, name))
            found = v;
    return found;
}

struct span raw_inside(struct span value)
{
    return raw_kind(value) == JSON_STRING && value.len >= 2 ? span_make(value.at + 1, value.len - 2) : SPAN_NONE;
}

bool raw_is(struct span value, struct span plain)
{
    struct span inside = raw_inside(value);
    if (!inside.at)
        return false;
    if (span_find_byte(inside, '\\') < 0)
        return span_is(inside, plain);
    if (inside.len > 6 * plain.len) /* \u0041 is the longest way to say one byte */
        return false;
    struct arena a;
    arena_init(&a, inside.len + 4096);
    bool same = span_is(json_raw_string(value, &a), plain);
    arena_free(&a);
    return same;
}

struct span raw_quote(struct span plain, struct arena *a)
{
    struct buf text;
    buf_init(&text, 6 * plain.len + 16);
    struct json_out o = json_out(&text);
    json_put_string(&o, plain.at ? plain : SPAN(""));
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}

struct span raw_text(struct span value, struct arena *a)
{
    struct span inside = raw_inside(value);
    if (!inside.at || span_find_byte(inside, '\\') < 0)
        return inside;
    return json_raw_string(value, a);
}
