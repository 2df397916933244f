/* SPDX-License-Identifier: Apache-2.0
 * objects.c - trees of stored objects: from JSON by a parser that is reused (a million keys are a million small texts),
 * laid over the file's, and cut. */
#include <stdio.h>

#include "config/tree.h"

enum { OBJECT_DEPTH = 16, OBJECT_NODES = 20000 };

struct reading {
    struct arena *arena;
    const char *file;
    size_t nodes;
};

static struct node *read_value(struct reading *r, struct json_value v, struct span name, int depth);

static bool read_children(struct reading *r, struct node *parent, struct json_value v, int depth)
{
    struct node **end = &parent->first;
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        struct node *n = read_value(r, item, name, depth + 1);
        if (!n)
            return false;
        *end = n;
        end = &n->next;
        parent->count++;
    }
    return true;
}

static struct node *read_scalar(struct reading *r, struct node *n, struct json_value v)
{
    bool flag;
    n->kind = NODE_SCALAR;
    n->quoted = json_kind(v) == JSON_STRING;
    if (json_kind(v) == JSON_BOOL)
        n->text = json_bool(v, &flag) && flag ? SPAN("true") : SPAN("false");
    else
        n->text = n->quoted ? arena_copy(r->arena, json_string(v)) : json_decimal(v, r->arena);
    return n->text.at ? n : NULL;
}

static struct node *read_value(struct reading *r, struct json_value v, struct span name, int depth)
{
    struct node *n = depth > OBJECT_DEPTH || ++r->nodes > OBJECT_NODES ? NULL : ARENA_NEW(r->arena, struct node);
    if (!n)
        return NULL;
    n->file = r->file;
    n->name = arena_copy(r->arena, name);
    if (name.at && !n->name.at)
        return NULL;
    switch (json_kind(v)) {
    case JSON_STRING:
    case JSON_NUMBER:
    case JSON_BOOL:
        return read_scalar(r, n, v);
    case JSON_ARRAY:
    case JSON_OBJECT:
        n->kind = json_kind(v) == JSON_ARRAY ? NODE_LIST : NODE_MAP;
        return read_children(r, n, v, depth) ? n : NULL;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    n->kind = NODE_NULL;
    return n;
}

enum err config_json(struct json *j, struct span text, const char *file, struct arena *a, struct node **out, struct trouble *t)
{
    struct reading r = { a, file, 0 };
    struct node at = { .file = file };
    struct json_value root;
    struct span twice;
    const char *why = "";
    if (json_parse(j, text, false, &root, &why) != E_OK) {
        trouble_say(t, &at, "", "not JSON: %s", why);
        return E_CONFIG;
    }
    if (json_canonical(root, &twice) != E_OK) {
        trouble_say(t, &at, "", "\"%.*s\" stands twice, or is a number beyond 2^53", SPAN_ARG(span_first(twice, 60)));
        return E_CONFIG;
    }
    if (json_kind(root) != JSON_OBJECT) {
        trouble_say(t, &at, "", "allowed: a JSON object");
        return E_CONFIG;
    }
    *out = read_value(&r, root, SPAN_NONE, 1);
    if (*out)
        return E_OK;
    trouble_say(t, &at, "", "larger than an object may be; allowed: depth %d, %d values", OBJECT_DEPTH, OBJECT_NODES);
    return E_CONFIG;
}

static const struct node *member(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

static bool append(struct arena *a, struct node *map, struct node ***end, const struct node *n)
{
    struct node *copy = ARENA_NEW(a, struct node);
    if (!copy)
        return false;
    *copy = *n;
    copy->next = NULL;
    **end = copy;
    *end = &copy->next;
    map->count++;
    return true;
}

static struct node *empty_like(struct arena *a, const struct node *like)
{
    struct node *map = ARENA_NEW(a, struct node);
    if (!map)
        return NULL;
    *map = *like;
    map->kind = NODE_MAP;
    map->first = map->next = NULL;
    map->count = 0;
    return map;
}

struct node *config_overlay(struct arena *a, const struct node *base, const struct node *over)
{
    struct node *out = empty_like(a, base), **end;
    if (!out)
        return NULL;
    end = &out->first;
    for (const struct node *n = base->first; n; n = n->next)
        if (!member(over, n->name) && !append(a, out, &end, n))
            return NULL;
    for (const struct node *n = over->first; n; n = n->next)
        if (n->kind != NODE_NULL && !append(a, out, &end, n))
            return NULL;
    return out;
}

static bool listed(struct span name, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (span_is(name, span_of(names[i])))
            return true;
    return false;
}

struct node *config_without(struct arena *a, const struct node *map, const char *const names[])
{
    struct node *out = empty_like(a, map), **end;
    if (!out)
        return NULL;
    end = &out->first;
    for (const struct node *n = map->first; n; n = n->next)
        if (!listed(n->name, names) && !append(a, out, &end, n))
            return NULL;
    return out;
}
