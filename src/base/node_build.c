/* SPDX-License-Identifier: Apache-2.0
 * node_build.c - making nodes within the limits. */
#include "base/node_build.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "base/text.h"

enum { PAIRWISE_MOST = 16 };

void node_build_fail(struct node_build *b, int line, const char *format, ...)
{
    char text[400];
    va_list args;
    struct node at = { .file = b->file, .line = line };
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    trouble_say(b->trouble, &at, "", "%s", text);
}

bool node_build_start(struct node_build *b, struct span text)
{
    if (text.len > NODE_TEXT_MOST) {
        node_build_fail(b, 0, "larger than %d MiB", NODE_TEXT_MOST >> 20);
        return false;
    }
    if (!text_is_utf8(text)) {
        node_build_fail(b, 0, "not UTF-8 text");
        return false;
    }
    return true;
}

struct node *node_build_new(struct node_build *b, enum node_kind kind, int line, int depth)
{
    if (depth > NODE_DEPTH_MOST) {
        node_build_fail(b, line, "nested deeper than %d", NODE_DEPTH_MOST);
        return NULL;
    }
    if (++b->count > NODE_COUNT_MOST) {
        node_build_fail(b, line, "more than %d values", NODE_COUNT_MOST);
        return NULL;
    }
    struct node *n = ARENA_NEW(b->arena, struct node);
    if (!n) {
        node_build_fail(b, line, "does not fit into the memory set aside for it");
        return NULL;
    }
    n->kind = kind;
    n->file = b->file;
    n->line = line;
    return n;
}

struct node *node_build_scalar(struct node_build *b, struct span text, bool quoted, int line, int depth)
{
    struct node *n = node_build_new(b, NODE_SCALAR, line, depth);
    if (!n)
        return NULL;
    n->quoted = quoted;
    n->text = arena_copy(b->arena, text);
    if (n->text.at)
        return n;
    node_build_fail(b, line, "does not fit into the memory set aside for it");
    return NULL;
}

static bool twice(struct node_build *b, const struct node *first, const struct node *second)
{
    struct span name = span_first(second->name, 100);
    node_build_fail(b, second->line, "\"%.*s\" stands twice in this map; first on line %d", SPAN_ARG(name), first->line);
    return false;
}

static bool check_by_map(struct node_build *b, const struct node *map)
{
    struct map names = { NULL, 0, 0 };
    bool good = true;
    for (struct node *n = map->first; n && good; n = n->next) {
        const struct node *before = map_get(&names, n->name);
        if (before) {
            good = twice(b, before, n);
        } else if (!map_put(&names, n->name, n)) {
            node_build_fail(b, n->line, "out of memory");
            good = false;
        }
    }
    map_free(&names);
    return good;
}

bool node_build_check_names(struct node_build *b, const struct node *map)
{
    if (map->count > PAIRWISE_MOST)
        return check_by_map(b, map);
    for (const struct node *n = map->first; n; n = n->next)
        for (const struct node *before = map->first; before != n; before = before->next)
            if (span_is(before->name, n->name))
                return twice(b, before, n);
    return true;
}
