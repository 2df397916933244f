/* SPDX-License-Identifier: Apache-2.0
 * edit.c - see edit.h. Maps here have a dozen members: looking through them is cheap. */
#include "config/edit.h"

enum { JSON_MOST = 4 << 20 };

static struct node *make(struct arena *a, enum node_kind kind)
{
    struct node *n = ARENA_NEW(a, struct node);
    if (!n)
        return NULL;
    n->kind = kind;
    n->file = "";
    return n;
}

struct node *edit_map(struct arena *a) { return make(a, NODE_MAP); }

struct node *edit_list(struct arena *a) { return make(a, NODE_LIST); }

struct node *edit_null(struct arena *a) { return make(a, NODE_NULL); }

struct node *edit_text(struct arena *a, struct span text)
{
    struct node *n = make(a, NODE_SCALAR);
    if (n) {
        n->quoted = true;
        n->text = arena_copy(a, text);
    }
    return n;
}

struct node *edit_true(struct arena *a)
{
    struct node *n = make(a, NODE_SCALAR);
    if (n)
        n->text = SPAN("true");
    return n;
}

static struct node *copy_of(struct arena *a, const struct node *n)
{
    struct node *copy = n ? ARENA_NEW(a, struct node) : NULL;
    if (!copy) {
        a->broken = true;
        return NULL;
    }
    *copy = *n;
    copy->next = NULL;
    return copy;
}

void edit_drop(struct node *map, const char *name)
{
    if (!map)
        return;
    for (struct node **at = &map->first; *at; at = &(*at)->next) {
        if (!span_is((*at)->name, span_of(name)))
            continue;
        *at = (*at)->next;
        map->count--;
        return;
    }
}

void edit_add(struct arena *a, struct node *list, const struct node *item)
{
    struct node *copy = copy_of(a, item), **end;
    if (!list || !copy)
        return;
    for (end = &list->first; *end; end = &(*end)->next) { }
    *end = copy;
    list->count++;
}

void edit_set(struct arena *a, struct node *map, const char *name, const struct node *value)
{
    struct node *copy = copy_of(a, value);
    edit_drop(map, name);
    if (!copy)
        return;
    copy->name = arena_copy(a, span_of(name));
    edit_add(a, map, copy);
}

struct node *edit_copy(struct arena *a, const struct node *map)
{
    struct node *out = edit_map(a);
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        edit_add(a, out, n);
    return out;
}

struct span edit_json(struct arena *a, const struct node *n)
{
    struct buf text;
    if (!n || a->broken)
        return SPAN_NONE;
    buf_init(&text, JSON_MOST);
    node_write_json(n, &text);
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}
