/* SPDX-License-Identifier: Apache-2.0
 * json_scan.c - the members of the top object as raw text, found by walking simdjson's marks (json_tape.h): the order of
 * all brackets, commas, colons and scalars is checked, strings are not unescaped, numbers not computed, nothing is built.
 *
 * The whole text is walked before the first visit, so a visitor sees nothing of a text that is refused, and may use the
 * same parser again for what it is given. */
#include <stdlib.h>

#include "base/json_tape.h"
#include "base/map.h"
#include "base/text.h"

enum { MEMBERS_MOST = 10000, NAMES_MOST = 1 << 20, PAIRWISE_MOST = 32, FEW = 32 };

struct member {
    struct span name, raw;
    enum json_kind kind;
};

struct walk {
    struct span text;
    struct json_marks marks;
    size_t at; /* of the next mark */
    struct member *members; /* `few` of json_scan at first */
    size_t count, room;
    bool own; /* members is ours to free */
    struct arena names; /* only for names with escapes */
    const char *why;
};

static const char *const out_of_place = "brackets, commas, colons or names are out of place";

/* What starts at the next mark; 0 at the end. */
static char peek(const struct walk *w) { return w->at < w->marks.count ? w->text.at[w->marks.at[w->at]] : 0; }

static bool take(struct walk *w, char c)
{
    if (peek(w) != c)
        return false;
    w->at++;
    return true;
}

static bool white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* The scalar at the next mark: up to the mark behind it, without white space. */
static struct span scalar(const struct walk *w)
{
    size_t from = w->marks.at[w->at];
    size_t to = w->at + 1 < w->marks.count ? w->marks.at[w->at + 1] : w->text.len;
    while (white(w->text.at[to - 1])) /* stops at the scalar's first byte */
        to--;
    return span_make(w->text.at + from, to - from);
}

static enum json_kind kind_of(struct span raw)
{
    switch (*raw.at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return raw.len > 1 && raw.at[raw.len - 1] == '"' ? JSON_STRING : JSON_NONE;
    case 't':
        return span_is(raw, SPAN("true")) ? JSON_BOOL : JSON_NONE;
    case 'f':
        return span_is(raw, SPAN("false")) ? JSON_BOOL : JSON_NONE;
    case 'n':
        return span_is(raw, SPAN("null")) ? JSON_NULL : JSON_NONE;
    default:
        return json_number_len(raw) == raw.len ? JSON_NUMBER : JSON_NONE;
    }
}

static bool take_scalar(struct walk *w)
{
    if (w->at >= w->marks.count || kind_of(scalar(w)) == JSON_NONE)
        return false;
    w->at++;
    return true;
}

static bool take_name(struct walk *w) { return peek(w) == '"' && take_scalar(w) && take(w, ':'); }

/* Takes a value with all that is in it. `open` holds what closes each level. */
static bool take_value(struct walk *w)
{
    char open[JSON_DEPTH_MOST];
    size_t depth = 0;
    for (;;) {
        /* here a value starts */
        char c = peek(w);
        if (c == '{' || c == '[') {
            if (depth + 1 >= JSON_DEPTH_MOST) { /* the top object is one level too */
                w->why = "nested too deep";
                return false;
            }
            open[depth++] = c == '{' ? '}' : ']';
            w->at++;
            if (peek(w) != open[depth - 1]) {
                if (c == '{' && !take_name(w))
                    return false;
                continue;
            }
        } else if (!take_scalar(w)) {
            return false;
        }
        /* here one has ended, or an empty bracket is about to */
        while (depth && take(w, open[depth - 1]))
            depth--;
        if (depth == 0)
            return true;
        if (!take(w, ',') || (open[depth - 1] == '}' && !take_name(w)))
            return false;
    }
}

static bool grow(struct walk *w)
{
    struct member *more = malloc(w->room * 2 * sizeof(*more));
    if (!more)
        return false;
    memcpy(more, w->members, w->count * sizeof(*more));
    if (w->own)
        free(w->members);
    w->members = more;
    w->own = true;
    w->room *= 2;
    return true;
}

static bool add(struct walk *w, struct member m)
{
    if (w->count == w->room && !grow(w))
        return false;
    w->members[w->count++] = m;
    return true;
}

static enum err refuse(struct walk *w, enum err e, const char *why)
{
    if (!w->why)
        w->why = why;
    return e;
}

static enum err take_member(struct walk *w)
{
    struct member m;
    if (peek(w) != '"')
        return refuse(w, E_BAD_REQUEST, out_of_place);
    m.name = json_raw_string(scalar(w), &w->names);
    if (w->names.broken)
        return refuse(w, E_TOO_LARGE, "the names are too long");
    if (!m.name.at)
        return refuse(w, E_BAD_REQUEST, "a name has a broken escape");
    if (!take_name(w) || w->at >= w->marks.count)
        return refuse(w, E_BAD_REQUEST, out_of_place);
    m.raw = scalar(w);
    m.kind = kind_of(m.raw);
    if (!take_value(w))
        return refuse(w, E_BAD_REQUEST, out_of_place);
    if (m.kind == JSON_OBJECT || m.kind == JSON_ARRAY)
        m.raw.len = (size_t)(w->text.at + w->marks.at[w->at - 1] + 1 - m.raw.at);
    if (w->count >= MEMBERS_MOST)
        return refuse(w, E_TOO_LARGE, "the object has too many members");
    return add(w, m) ? E_OK : refuse(w, E_NO_MEMORY, "out of memory");
}

static enum err walk_object(struct walk *w)
{
    if (!take(w, '{'))
        return refuse(w, E_BAD_REQUEST, "the text is not an object");
    if (!take(w, '}')) {
        do {
            enum err e = take_member(w);
            if (e)
                return e;
        } while (take(w, ','));
        if (!take(w, '}'))
            return refuse(w, E_BAD_REQUEST, out_of_place);
    }
    return w->at == w->marks.count ? E_OK : refuse(w, E_BAD_REQUEST, "something stands behind the object");
}

static bool twice_pairwise(const struct walk *w)
{
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < i; k++)
            if (span_is(w->members[i].name, w->members[k].name))
                return true;
    return false;
}

static enum err check_names(struct walk *w)
{
    const char *twice = "a name stands twice";
    struct map names = { NULL, 0, 0 };
    enum err e = E_OK;
    if (w->count <= PAIRWISE_MOST)
        return twice_pairwise(w) ? refuse(w, E_NOT_CANONICAL, twice) : E_OK;
    for (size_t i = 0; !e && i < w->count; i++) {
        if (map_get(&names, w->members[i].name))
            e = refuse(w, E_NOT_CANONICAL, twice);
        else if (!map_put(&names, w->members[i].name, &w->members[i]))
            e = refuse(w, E_NO_MEMORY, "out of memory");
    }
    map_free(&names);
    return e;
}

static enum err scan(struct walk *w, struct json *j, json_visit *visit, void *self)
{
    enum err e = json_engine_mark(j->engine, w->text, &w->marks, &w->why);
    if (!e)
        e = walk_object(w);
    if (!e)
        e = check_names(w);
    if (e)
        return e;
    for (size_t i = 0; i < w->count; i++)
        if (!visit(self, w->members[i].name, w->members[i].kind, w->members[i].raw))
            break;
    return E_OK;
}

enum err json_scan(struct json *j, struct span text, bool padded, json_visit *visit, void *self, const char **why)
{
    struct member few[FEW];
    struct walk w = { .text = text, .members = few, .room = FEW };
    if (!text.len || text.len > JSON_TEXT_MOST) {
        *why = text.len ? "the text is too large" : "the text is empty";
        return text.len ? E_TOO_LARGE : E_BAD_REQUEST;
    }
    /* A visitor may scan again with this parser: the copy is out of its reach meanwhile. */
    struct buf copy = j->scan_copy;
    buf_init(&j->scan_copy, JSON_TEXT_MOST);
    arena_init(&w.names, NAMES_MOST);
    w.text = json_padded(text, padded, &copy);
    enum err e = w.text.at ? scan(&w, j, visit, self) : refuse(&w, E_NO_MEMORY, "out of memory");
    if (e)
        *why = w.why;
    arena_free(&w.names);
    if (w.own)
        free(w.members);
    buf_free(&j->scan_copy);
    j->scan_copy = copy;
    return e;
}

/* The four digits of \uXXXX, or -1. */
static int32_t code_unit(struct span s)
{
    uint8_t two[2];
    if (s.len < 6 || s.at[0] != '\\' || s.at[1] != 'u' || !text_hex_decode(span_make(s.at + 2, 4), two, 2))
        return -1;
    return two[0] << 8 | two[1];
}

static char *put_utf8(char *at, int32_t c)
{
    if (c < 0x80) {
        *at++ = (char)c;
        return at;
    }
    if (c < 0x800) {
        *at++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *at++ = (char)(0xe0 | c >> 12);
        } else {
            *at++ = (char)(0xf0 | c >> 18);
            *at++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *at++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *at++ = (char)(0x80 | (c & 0x3f));
    return at;
}

/* Writes what \uXXXX, or a pair of them, stands for; half a pair is refused. */
static bool put_code(struct span *rest, char **at)
{
    int32_t c = code_unit(*rest);
    if (c < 0 || (c >= 0xdc00 && c < 0xe000))
        return false;
    *rest = span_from(*rest, 6);
    if (c >= 0xd800 && c < 0xdc00) {
        int32_t low = code_unit(*rest);
        if (low < 0xdc00 || low >= 0xe000)
            return false;
        *rest = span_from(*rest, 6);
        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
    }
    *at = put_utf8(*at, c);
    return true;
}

/* Writes the escape at the start of *rest. What it writes is never longer than the escape. */
static bool put_escape(struct span *rest, char **at)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (rest->len < 2)
        return false;
    if (rest->at[1] == 'u')
        return put_code(rest, at);
    const char *name = memchr(names, rest->at[1], sizeof(names) - 1);
    if (!name)
        return false;
    *(*at)++ = meanings[name - names];
    *rest = span_from(*rest, 2);
    return true;
}

struct span json_raw_string(struct span raw, struct arena *a)
{
    if (raw.len < 2 || *raw.at != '"' || raw.at[raw.len - 1] != '"')
        return SPAN_NONE;
    struct span rest = span_make(raw.at + 1, raw.len - 2);
    if (span_find_byte(rest, '\\') < 0)
        return span_find_byte(rest, '"') < 0 ? rest : SPAN_NONE;
    char *out = arena_take(a, rest.len), *at = out;
    if (!out)
        return SPAN_NONE;
    for (;;) {
        ptrdiff_t found = span_find_byte(rest, '\\');
        size_t run = found < 0 ? rest.len : (size_t)found;
        if (span_find_byte(span_first(rest, run), '"') >= 0)
            return SPAN_NONE;
        memcpy(at, rest.at, run);
        at += run;
        rest = span_from(rest, run);
        if (!rest.len)
            return span_make(out, (size_t)(at - out));
        if (!put_escape(&rest, &at))
            return SPAN_NONE;
    }
}

bool json_raw_integer(struct span raw, int64_t *out)
{
    return raw.len && json_number_len(raw) == raw.len && span_to_i64(raw, out);
}
