/* SPDX-License-Identifier: Apache-2.0
 * node_json.c - a tree from JSON, and a tree as JSON. A plain scalar that JSON would read as a number or a boolean is
 * written as one, so that a tree survives the way there and back. */
#include "base/json_tape.h"
#include "base/node_build.h"

struct reading {
    struct node_build build;
    struct span text;
    size_t seen; /* bytes whose lines are counted */
    int line;
};

/* Values are asked in their order, so each line is counted once. */
static int line_of(struct reading *r, struct json_value v)
{
    size_t to = json_offset(v);
    for (; r->seen < to; r->seen++)
        r->line += r->text.at[r->seen] == '\n';
    return r->line;
}

static struct node *read_value(struct reading *r, struct json_value v, int depth);

static bool read_children(struct reading *r, struct node *parent, struct json_value v, int depth)
{
    struct node **end = &parent->first;
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        struct node *n = read_value(r, item, depth + 1);
        if (!n)
            return false;
        n->name = arena_copy(r->build.arena, name);
        if (name.at && !n->name.at) {
            node_build_fail(&r->build, n->line, "does not fit into the memory set aside for it");
            return false;
        }
        *end = n;
        end = &n->next;
        parent->count++;
    }
    return parent->kind != NODE_MAP || node_build_check_names(&r->build, parent);
}

static struct node *read_value(struct reading *r, struct json_value v, int depth)
{
    int line = line_of(r, v);
    bool flag;
    struct node *n;
    switch (json_kind(v)) {
    case JSON_STRING:
        return node_build_scalar(&r->build, json_string(v), true, line, depth);
    case JSON_NUMBER:
        return node_build_scalar(&r->build, json_literal(v), false, line, depth);
    case JSON_BOOL:
        return node_build_scalar(&r->build, json_bool(v, &flag) && flag ? SPAN("true") : SPAN("false"), false, line, depth);
    case JSON_ARRAY:
    case JSON_OBJECT:
        n = node_build_new(&r->build, json_kind(v) == JSON_ARRAY ? NODE_LIST : NODE_MAP, line, depth);
        return n && read_children(r, n, v, depth) ? n : NULL;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    return node_build_new(&r->build, NODE_NULL, line, depth);
}

enum err node_read_json(struct arena *a, const char *file, struct span text, struct node **root, struct trouble *t)
{
    struct reading r = { { a, file, t, 0 }, text, 0, 1 };
    struct json_value top;
    const char *why;
    *root = NULL;
    if (!node_build_start(&r.build, text))
        return E_CONFIG;
    struct json *j = json_new();
    if (!j) {
        node_build_fail(&r.build, 0, "out of memory");
        return E_CONFIG;
    }
    if (json_parse(j, text, false, &top, &why) == E_OK)
        *root = read_value(&r, top, 1);
    else
        node_build_fail(&r.build, 0, "not JSON: %s", why);
    json_free(j);
    return *root ? E_OK : E_CONFIG;
}

static bool writes_raw(const struct node *n)
{
    if (n->quoted)
        return false;
    if (span_is(n->text, SPAN("true")) || span_is(n->text, SPAN("false")))
        return true;
    return n->text.len && json_number_len(n->text) == n->text.len;
}

static void write_node(const struct node *n, struct json_out *o)
{
    switch (n->kind) {
    case NODE_NULL:
        json_put_null(o);
        return;
    case NODE_SCALAR:
        if (writes_raw(n))
            json_put_raw(o, n->text);
        else
            json_put_string(o, n->text);
        return;
    case NODE_LIST:
    case NODE_MAP:
        json_open(o, n->kind == NODE_LIST ? '[' : '{');
        for (const struct node *child = n->first; child; child = child->next) {
            if (n->kind == NODE_MAP)
                json_name(o, child->name);
            write_node(child, o);
        }
        json_close(o, n->kind == NODE_LIST ? ']' : '}');
    }
}

void node_write_json(const struct node *n, struct buf *out)
{
    struct json_out o = json_out(out);
    if (n)
        write_node(n, &o);
    else
        json_put_null(&o);
}
