/* SPDX-License-Identifier: Apache-2.0
 * import_tree.c - the tree that is being made, and how it is written: block style, with what fits into a line in one. */
#include "cli/import.h"

enum { LINE_MOST = 110, INDENT = 2, BLOCK_DEPTH = 2 };

static struct node *make(struct import *im, enum node_kind kind)
{
    struct node *n = ARENA_NEW(im->a, struct node);
    must(n);
    n->kind = kind;
    n->file = "";
    return n;
}

struct node *import_map(struct import *im) { return make(im, NODE_MAP); }

struct node *import_list(struct import *im) { return make(im, NODE_LIST); }

struct node *import_bare(struct import *im, struct span text)
{
    struct node *n = make(im, NODE_SCALAR);
    n->text = arena_copy(im->a, text);
    return n;
}

struct node *import_text(struct import *im, struct span text)
{
    struct node *n = import_bare(im, text);
    n->quoted = true;
    return n;
}

struct node *import_number(struct import *im, int64_t number) { return import_bare(im, arena_print(im->a, "%lld", (long long)number)); }

struct node *import_copy(struct import *im, const struct node *n)
{
    struct node *copy = make(im, n->kind);
    *copy = *n;
    copy->next = NULL;
    return copy;
}

void import_add(struct node *list, struct node *item)
{
    struct node **end;
    for (end = &list->first; *end; end = &(*end)->next) { }
    *end = item;
    list->count++;
}

void import_put(struct import *im, struct node *map, const char *name, struct node *value)
{
    if (!value)
        return;
    for (struct node **at = &map->first; *at; at = &(*at)->next) {
        if (!span_is((*at)->name, span_of(name)))
            continue;
        *at = (*at)->next;
        map->count--;
        break;
    }
    value->name = arena_copy(im->a, span_of(name));
    import_add(map, value);
}

struct node *import_member(struct import *im, struct node *map, const char *name)
{
    for (struct node *n = map->first; n; n = n->next)
        if (span_is(n->name, span_of(name)))
            return n;
    struct node *made = import_map(im);
    import_put(im, map, name, made);
    return made;
}

struct node *import_section(struct import *im, const char *name) { return import_member(im, im->root, name); }

struct node *import_gate_budgets(struct import *im)
{
    for (struct node *n = im->root->first; n; n = n->next)
        if (span_is(n->name, SPAN("budgets")))
            return n;
    struct node *made = import_list(im);
    import_put(im, im->root, "budgets", made);
    return made;
}

struct span import_scalar(const struct node *map, const char *name)
{
    const struct node *n = node_get(map, name);
    return n && n->kind == NODE_SCALAR ? n->text : SPAN_NONE;
}

/* ---- writing ---- */

struct writer {
    const struct import *im;
    bool stand_ins;
    struct buf *out;
};

static bool is_plain(struct span text)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };
    if (!text.len)
        return false;
    char first = text.at[0];
    if (!((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
        if (!good)
            return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (span_is_nocase(text, span_of(words[i])))
            return false;
    return true;
}

/* "${" of the source is no reference of ours. */
static struct span literal(struct buf *room, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '$' && i + 1 < text.len && text.at[i + 1] == '{')
            buf_put_byte(room, '$');
        buf_put_byte(room, text.at[i]);
    }
    return buf_span(room);
}

static void put_text(const struct writer *w, const struct node *n, struct span text)
{
    struct buf room;
    struct json_out o = json_out(w->out);
    const struct span *stand_in = n && n->expanded && w->stand_ins ? map_get(&w->im->stand_ins, text) : NULL;
    buf_init(&room, 16 << 20);
    struct span shown = stand_in ? *stand_in : n && n->expanded ? text : literal(&room, text);
    if (n && !n->quoted)
        buf_put(w->out, shown);
    else if (is_plain(shown))
        buf_put(w->out, shown);
    else
        json_put_string(&o, shown);
    w->out->broken = w->out->broken || room.broken;
    buf_free(&room);
}

static void put_name(const struct writer *w, struct span name)
{
    put_text(w, NULL, name);
    buf_put(w->out, SPAN(": "));
}

static void put_flow(const struct writer *w, const struct node *n)
{
    bool map = n->kind == NODE_MAP;
    if (n->kind == NODE_NULL)
        buf_put(w->out, SPAN("null"));
    if (n->kind == NODE_SCALAR)
        put_text(w, n, n->text);
    if (n->kind == NODE_NULL || n->kind == NODE_SCALAR)
        return;
    buf_put(w->out, map ? SPAN("{") : SPAN("["));
    for (const struct node *item = n->first; item; item = item->next) {
        buf_put(w->out, item == n->first ? map ? SPAN(" ") : SPAN("") : SPAN(", "));
        if (map)
            put_name(w, item->name);
        put_flow(w, item);
    }
    buf_put(w->out, !map ? SPAN("]") : n->first ? SPAN(" }") : SPAN("}"));
}

static bool fits(const struct writer *w, const struct node *n, int indent)
{
    size_t before = w->out->len, len;
    put_flow(w, n);
    len = w->out->len - before;
    w->out->len = before;
    return len + (size_t)indent + n->name.len <= LINE_MOST;
}

static void put_indent(const struct writer *w, int depth)
{
    for (int i = 0; i < depth * INDENT; i++)
        buf_put_byte(w->out, ' ');
}

/* joined: the first line stands behind a dash already. */
static void put_block(const struct writer *w, const struct node *n, int depth, bool joined)
{
    bool map = n->kind == NODE_MAP;
    for (const struct node *item = n->first; item; item = item->next, joined = false) {
        bool leaf = (item->kind != NODE_MAP && item->kind != NODE_LIST) || !item->first;
        bool flow = leaf || (depth + 1 >= BLOCK_DEPTH && fits(w, item, depth * INDENT));
        if (!joined)
            put_indent(w, depth);
        if (map && flow)
            put_name(w, item->name);
        else if (map)
            put_text(w, NULL, item->name);
        buf_put(w->out, !map ? SPAN("- ") : flow ? SPAN("") : SPAN(":\n"));
        if (flow) {
            put_flow(w, item);
            buf_put_byte(w->out, '\n');
        } else {
            put_block(w, item, depth + 1, !map && item->kind == NODE_MAP);
        }
    }
}

/* What others refer to comes first. */
static void put_sections(const struct writer *w)
{
    static const char *const order[] = { "admin", "vendors", "credentials", "prices", "policies", "routes", "workspaces", "budgets", "keys" };
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        const struct node *section = node_get(w->im->root, order[i]);
        struct node alone = { .kind = NODE_MAP }, copy;
        if (!section || !section->first)
            continue;
        copy = *section;
        copy.next = NULL;
        alone.first = &copy;
        put_block(w, &alone, 0, false);
    }
}

void import_write(const struct import *im, bool stand_ins, struct buf *out)
{
    struct writer w = { im, stand_ins, out };
    put_sections(&w);
}
