/* SPDX-License-Identifier: Apache-2.0
 * canonical.c - see canonical.h. */
#include "cache/canonical.h"

#include <stdlib.h>

#include "base/raw.h"

enum { DEEP_MOST = 256 };

struct member {
    struct span name, value;
    size_t at; /* of two with one name the first comes first */
};

struct walk {
    struct arena *arena;
    struct buf *out;
    const struct span *left_out;
    size_t left_out_count;
};

static bool put(struct walk *w, struct span value, int depth);

static int by_name(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = span_compare(x->name, y->name);
    return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static bool counts(const struct walk *w, struct span name, int depth)
{
    for (size_t i = 0; depth == 0 && i < w->left_out_count; i++)
        if (span_is(w->left_out[i], name))
            return false;
    return true;
}

static void put_text(struct walk *w, struct span plain)
{
    struct json_out o = json_out(w->out);
    json_put_string(&o, plain);
}

static bool put_object(struct walk *w, struct span value, int depth)
{
    struct member *list = NULL, one = { 0 };
    size_t n = 0;
    for (struct raw_iter it = raw_iter(value, w->arena); raw_next(&it, &one.name, &one.value);) {
        if (!counts(w, one.name, depth))
            continue;
        list = ARENA_GROW(w->arena, list, n);
        if (!list)
            return false;
        one.at = n;
        list[n++] = one;
    }
    if (n)
        qsort(list, n, sizeof(*list), by_name);
    buf_put_byte(w->out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_put_byte(w->out, ',');
        put_text(w, list[i].name);
        buf_put_byte(w->out, ':');
        if (!put(w, list[i].value, depth + 1))
            return false;
    }
    buf_put_byte(w->out, '}');
    return true;
}

static bool put_array(struct walk *w, struct span value, int depth)
{
    struct span name, item;
    bool more = false;
    buf_put_byte(w->out, '[');
    for (struct raw_iter it = raw_iter(value, w->arena); raw_next(&it, &name, &item); more = true) {
        if (more)
            buf_put_byte(w->out, ',');
        if (!put(w, item, depth + 1))
            return false;
    }
    buf_put_byte(w->out, ']');
    return true;
}

/* Without escapes it is written one way already. */
static void put_string(struct walk *w, struct span value)
{
    struct span plain = memchr(value.at, '\\', value.len) ? raw_text(value, w->arena) : SPAN_NONE;
    if (plain.at)
        put_text(w, plain);
    else
        buf_put(w->out, value);
}

static bool put(struct walk *w, struct span value, int depth)
{
    struct arena_mark mark = arena_mark(w->arena);
    bool good = depth < DEEP_MOST;
    switch (good ? raw_kind(value) : JSON_NONE) {
    case JSON_OBJECT:
        good = put_object(w, value, depth);
        break;
    case JSON_ARRAY:
        good = put_array(w, value, depth);
        break;
    case JSON_STRING:
        put_string(w, value);
        break;
    case JSON_NONE:
        good = false;
        break;
    default:
        buf_put(w->out, value);
        break;
    }
    arena_rewind(w->arena, mark);
    return good && !w->arena->broken && !w->out->broken;
}

static struct span without_blanks(struct span s)
{
    static const char blank[] = " \t\r\n";
    while (s.len && memchr(blank, s.at[0], sizeof(blank) - 1))
        s = span_from(s, 1);
    while (s.len && memchr(blank, s.at[s.len - 1], sizeof(blank) - 1))
        s.len--;
    return s;
}

bool cache_canonical(struct span text, const struct span *left_out, size_t count, struct arena *scratch, struct buf *out)
{
    struct walk w = { scratch, out, left_out, count };
    return put(&w, without_blanks(text), 0);
}
