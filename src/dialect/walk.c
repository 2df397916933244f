/* SPDX-License-Identifier: Apache-2.0
 * walk.c - see walk.h. One pass; the only memory is a stack of places. */
#include "dialect/walk.h"

#include "base/json.h"

enum {
    WALK_DEPTH = 260,       /* json_scan stops before */
    WALK_NAME_ESCAPED = 256 /* bytes of a raw name with escapes that may still be one of the list */
};

struct walker {
    const struct span *names;
    struct {
        uint64_t place; /* of the bracket */
        bool object;
    } levels[WALK_DEPTH];
    size_t depth;
    uint64_t place; /* of the value that comes next */
    bool name_next;
};

/* The string that starts at s.at, with both quotes. */
static struct span string_at(struct span s)
{
    const char *end = s.at + s.len, *p = s.at + 1;
    while (p < end && (p = memchr(p, '"', (size_t)(end - p))) != NULL) {
        size_t escapes = 0;
        while (p[-1 - (ptrdiff_t)escapes] == '\\')
            escapes++;
        p++;
        if (escapes % 2 == 0)
            return span_make(s.at, (size_t)(p - s.at));
    }
    return s;
}

static uint8_t find_name(const struct span *names, struct span name)
{
    for (size_t i = 0; names[i].at; i++)
        if (span_is(names[i], name))
            return (uint8_t)(i + 1);
    return WALK_OTHER;
}

static uint8_t name_id(const struct walker *w, struct span raw)
{
    if (raw.len < 2)
        return WALK_OTHER;
    struct span plain = span_make(raw.at + 1, raw.len - 2);
    if (raw.len > WALK_NAME_ESCAPED || span_find_byte(plain, '\\') < 0)
        return find_name(w->names, plain);
    struct arena a;
    arena_init(&a, 2 * WALK_NAME_ESCAPED);
    uint8_t id = find_name(w->names, json_raw_string(raw, &a));
    arena_free(&a);
    return id;
}

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

static void take_string(struct walker *w, struct span raw, walk_visit *visit, void *self)
{
    bool name = w->name_next;
    if (name)
        w->place = w->levels[w->depth].place << 8 | name_id(w, raw);
    w->name_next = false;
    visit(self, w->place, name, raw);
}

void walk_top(struct span value, size_t levels, const struct span *names, walk_visit *visit, void *self)
{
    struct walker w = { .names = names };
    for (size_t i = 0; i < value.len; i++) {
        switch (value.at[i]) {
        case '"': {
            struct span raw = string_at(span_from(value, i));
            if (w.depth <= levels)
                take_string(&w, raw, visit, self);
            i += raw.len - 1;
            break;
        }
        case '{':
        case '[':
            open_bracket(&w, value.at[i] == '{');
            break;
        case '}':
        case ']':
            w.depth -= w.depth > 0;
            break;
        case ',':
            next_item(&w);
            break;
        default:
            break;
        }
    }
}

void walk(struct span value, const struct span *names, walk_visit *visit, void *self)
{
    walk_top(value, WALK_DEPTH, names, visit, self);
}
