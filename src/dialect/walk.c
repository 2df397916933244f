/* SPDX-License-Identifier: Apache-2.0
 * walk.c - see walk.h. One pass; the only memory is a stack of places. */
#include "dialect/walk.h"

#include <endian.h>

#include "base/json.h"

enum {
    WALK_DEPTH = 260,       /* json_scan stops before */
    WALK_NAME_ESCAPED = 256 /* bytes of a raw name with escapes that may still be one of the list */
};

struct walker {
    const struct span *names;
    uint64_t listed; /* a bit for each of them: most that come have none */
    size_t depth;
    uint64_t place; /* of the value that comes next */
    bool name_next;
    struct {
        uint64_t place; /* of the bracket */
        bool object;
    } levels[WALK_DEPTH]; /* written when they are entered: not cleared, since a stream has hundreds of small values */
};

/* ---- strings ---- */

enum { WORD = sizeof(uint64_t), SHORT_WORDS = 4 };

/* A bit in each byte of the word that is c; bits above the lowest one may be wrong. */
static uint64_t bytes_that_are(uint64_t word, char c)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t odd = word ^ (ones * (unsigned char)c);
    return (odd - ones) & ~odd & (ones << 7);
}

/* Most strings are short: so their first words are looked at here, and a call made for the rest. *plain: no backslash is before it. */
static const char *find_quote(const char *p, const char *end, bool *plain)
{
    uint64_t word, found, escapes = 0;
    for (int i = 0; i < SHORT_WORDS && end - p >= WORD; i++, p += WORD) {
        memcpy(&word, p, WORD);
        word = le64toh(word);
        escapes |= bytes_that_are(word, '\\');
        found = bytes_that_are(word, '"');
        if (!found)
            continue;
        *plain = !escapes;
        return p + __builtin_ctzll(found) / 8;
    }
    *plain = false;
    return memchr(p, '"', (size_t)(end - p));
}

/* The string that starts at s.at, with both quotes. */
static struct span string_at(struct span s, bool *plain)
{
    const char *end = s.at + s.len, *p = s.at + 1;
    bool none = false;
    *plain = true;
    while (p < end && (p = find_quote(p, end, &none)) != NULL) {
        size_t escapes = 0;
        *plain = *plain && none;
        while (p[-1 - (ptrdiff_t)escapes] == '\\')
            escapes++;
        p++;
        if (escapes % 2 == 0)
            return span_make(s.at, (size_t)(p - s.at));
    }
    return s;
}

/* ---- names ---- */

static uint64_t bit_of(struct span name)
{
    unsigned first = (unsigned char)name.at[0], last = (unsigned char)name.at[name.len - 1];
    return UINT64_C(1) << ((5 * first + 3 * last + name.len) % 64);
}

static uint64_t bits_of(const struct span *names)
{
    uint64_t bits = 0;
    for (size_t i = 0; names[i].at; i++)
        bits |= bit_of(names[i]);
    return bits;
}

static uint8_t find_name(const struct walker *w, struct span name)
{
    if (!name.len || !(w->listed & bit_of(name)))
        return WALK_OTHER;
    for (size_t i = 0; w->names[i].at; i++)
        if (w->names[i].at[0] == name.at[0] && span_is(w->names[i], name))
            return (uint8_t)(i + 1);
    return WALK_OTHER;
}

static uint8_t name_id(const struct walker *w, struct span raw, bool plain)
{
    if (raw.len < 2)
        return WALK_OTHER;
    struct span inside = span_make(raw.at + 1, raw.len - 2);
    if (plain || raw.len > WALK_NAME_ESCAPED || span_find_byte(inside, '\\') < 0)
        return find_name(w, inside);
    struct arena a;
    arena_init(&a, 2 * WALK_NAME_ESCAPED);
    uint8_t id = find_name(w, json_raw_string(raw, &a));
    arena_free(&a);
    return id;
}

/* ---- brackets ---- */

static void open_bracket(struct walker *w, bool object)
{
    if (w->depth + 1 < WALK_DEPTH)
        w->depth++;
    w->levels[w->depth].place = w->place;
    w->levels[w->depth].object = object;
    w->name_next = object;
    w->place = w->place << 8 | WALK_ITEM;
}

static void next_item(struct walker *w)
{
    w->name_next = w->levels[w->depth].object;
    w->place = w->levels[w->depth].place << 8 | WALK_ITEM;
}

/* ---- all of it ---- */

static void take_string(struct walker *w, struct span raw, bool plain, walk_visit *visit, void *self)
{
    bool name = w->name_next;
    if (name)
        w->place = w->levels[w->depth].place << 8 | name_id(w, raw, plain);
    w->name_next = false;
    visit(self, w->place, name, raw);
}

/* Of bytes outside of strings. */
static const bool means_something[256] = { ['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true, [','] = true };

void walk_top(struct span value, size_t levels, const struct span *names, walk_visit *visit, void *self)
{
    struct walker w;
    if (!value.len) /* a member that is not there */
        return;
    w.names = names;
    w.listed = bits_of(names);
    w.depth = 0;
    w.place = 0;
    w.name_next = false;
    w.levels[0].place = 0;
    w.levels[0].object = false;
    for (const char *p = value.at, *end = p + value.len; p < end;) {
        char c = *p;
        size_t used = 1;
        if (!means_something[(unsigned char)c]) {
            p++;
            continue;
        }
        if (c == '"') {
            bool plain;
            struct span raw = string_at(span_make(p, (size_t)(end - p)), &plain);
            used = raw.len;
            if (w.depth <= levels)
                take_string(&w, raw, plain, visit, self);
        } else if (c == ',') {
            next_item(&w);
        } else if (c == '{' || c == '[') {
            open_bracket(&w, c == '{');
        } else {
            w.depth -= w.depth > 0;
        }
        p += used;
    }
}

void walk(struct span value, const struct span *names, walk_visit *visit, void *self)
{
    walk_top(value, WALK_DEPTH, names, visit, self);
}
