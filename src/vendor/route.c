/* SPDX-License-Identifier: Apache-2.0
 * route.c - from method and path to an operation: a tree of path steps, its literal edges in one hash table.
 *
 * Matching costs one hash look-up a step however many operations there are. No way back is taken: a step that is written
 * out in some template is that step, so that "/v1/charges/search" can never be read as a charge called "search". */
#include "base/text.h"
#include "vendor/compile.h"

struct builder {
    struct manifest *m;
    size_t room;
    const char *why;
};

static uint32_t find_literal(const struct manifest *m, uint32_t parent, struct span text)
{
    for (size_t at = span_hash(text, parent) & m->edge_mask; m->edges[at]; at = (at + 1) & m->edge_mask) {
        const struct route_node *n = &m->routes[m->edges[at] - 1];
        if (n->parent == parent && span_is(n->text, text))
            return m->edges[at] - 1;
    }
    return 0;
}

static uint32_t add_node(struct builder *b, uint32_t parent, struct span text)
{
    must(b->m->route_count < b->room);
    uint32_t index = (uint32_t)b->m->route_count++;
    b->m->routes[index] = (struct route_node){ .text = text, .parent = parent };
    return index;
}

static uint32_t enter_literal(struct builder *b, uint32_t parent, struct span text)
{
    struct manifest *m = b->m;
    uint32_t index = find_literal(m, parent, text);
    if (index)
        return index;
    index = add_node(b, parent, text);
    size_t at = span_hash(text, parent) & m->edge_mask;
    while (m->edges[at])
        at = (at + 1) & m->edge_mask;
    m->edges[at] = index + 1;
    return index;
}

static uint32_t enter_capture(struct builder *b, uint32_t parent, struct span end)
{
    struct manifest *m = b->m;
    uint32_t *link = &m->routes[parent].capture;
    while (*link && m->routes[*link].text.len >= end.len) {
        if (span_is(m->routes[*link].text, end))
            return *link;
        link = &m->routes[*link].next_capture;
    }
    uint32_t next = *link, index = add_node(b, parent, end);
    m->routes[index].next_capture = next;
    *link = index; /* `routes` has its final size from the start: the link still stands */
    return index;
}

/* "{name}end": false and *why when it is written otherwise. */
static bool read_capture(struct span step, struct span *name, struct span *end, const char **why)
{
    ptrdiff_t close = span_find_byte(step, '}');
    *why = "a captured step is written {name} or {name}.end";
    if (step.at[0] != '{' || close < 2 || span_find_byte(span_from(step, 1), '{') >= 0)
        return false;
    *name = span_make(step.at + 1, (size_t)close - 1);
    *end = span_from(step, (size_t)close + 1);
    return span_find_byte(*end, '}') < 0;
}

static bool captures_room(struct compiler *c, struct span path, struct rules *r, const char **why)
{
    size_t count = 0;
    for (size_t i = 0; i < path.len; i++)
        count += path.at[i] == '{';
    *why = "a path captures at most 8 values";
    if (count > VENDOR_CAPTURES)
        return false;
    *why = "out of memory";
    r->captures = count ? ARENA_ARRAY(c->arena, struct span, count) : NULL;
    return !count || r->captures;
}

/* Enters one template; its node in *out. */
static bool enter_path(struct compiler *c, struct builder *b, struct span path, struct rules *r, uint32_t *out, const char **why)
{
    struct span rest = span_from(path, 1), step, name, end;
    uint32_t at = 0;
    if (!captures_room(c, path, r, why))
        return false;
    *why = "a path starts with / and has no empty step; one slash may end it";
    if (path.len < 2 || path.at[0] != '/')
        return false;
    while (span_next(&rest, '/', &step)) {
        if (step.len == 0 && rest.at)
            return false;
        if (span_find_byte(step, '{') < 0) {
            at = enter_literal(b, at, step);
            continue;
        }
        if (!read_capture(step, &name, &end, why))
            return false;
        must(r->captures); /* as many as there are braces */
        r->captures[r->capture_count++] = name;
        at = enter_capture(b, at, end);
        *why = "a path starts with / and has no empty step; one slash may end it";
    }
    *out = at;
    return true;
}

static bool same_method_at(const struct manifest *m, uint32_t node, size_t index)
{
    for (uint32_t at = m->routes[node].operation; at; at = m->rules[at - 1].next)
        if (span_is(m->operations[at - 1].method, m->operations[index].method))
            return true;
    return false;
}

/* Steps of all templates bound the number of nodes. */
static size_t count_steps(const struct span *templates, size_t count)
{
    size_t steps = 2;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < templates[i].len; k++)
            steps += templates[i].at[k] == '/';
    return steps;
}

static bool make_room(struct compiler *c, struct builder *b, const struct span *templates)
{
    struct manifest *m = c->manifest;
    size_t edges = 16;
    b->room = count_steps(templates, m->operation_count) + 8; /* 8: steps of optional_prefix */
    while (edges < b->room * 2)
        edges *= 2;
    m->edge_mask = edges - 1;
    m->routes = ARENA_ARRAY(&c->scratch, struct route_node, b->room);
    m->edges = ARENA_ARRAY(c->arena, uint32_t, edges);
    m->route_count = 1; /* the root */
    return m->routes && m->edges;
}

/* Templates share most of their steps: what stays has just the room that it needs. */
static bool keep_routes(struct compiler *c)
{
    struct manifest *m = c->manifest;
    struct route_node *kept = ARENA_ARRAY(c->arena, struct route_node, m->route_count);
    if (kept)
        memcpy(kept, m->routes, m->route_count * sizeof(*kept));
    m->routes = kept;
    return kept != NULL;
}

bool route_build(struct compiler *c, const struct span *templates, size_t *clash, const char **why)
{
    struct manifest *m = c->manifest;
    struct builder b = { .m = m };
    struct rules none = { 0 };
    *clash = 0;
    *why = "out of memory";
    if (!make_room(c, &b, templates))
        return false;
    if (m->optional_prefix.len && !enter_path(c, &b, m->optional_prefix, &none, &m->start, why))
        return false;
    *why = "optional_prefix ends in a slash";
    if (span_ends(m->optional_prefix, SPAN("/")))
        return false;
    for (size_t i = 0; i < m->operation_count; i++) {
        uint32_t node;
        if (m->rules[i].by_field)
            continue;
        *clash = i;
        if (!enter_path(c, &b, templates[i], &m->rules[i], &node, why))
            return false;
        *why = "another operation has this method and path";
        if (same_method_at(m, node, i))
            return false;
        m->rules[i].next = m->routes[node].operation;
        m->routes[node].operation = (uint32_t)i + 1;
    }
    *why = "out of memory";
    return keep_routes(c);
}

static bool is_below(struct span path, struct span prefix)
{
    return prefix.len && span_starts(path, prefix) && path.len > prefix.len && path.at[prefix.len] == '/';
}

struct span route_path(const struct manifest *m, struct span path, bool *lacks_prefix)
{
    size_t ignored = 0;
    for (size_t i = 0; i < m->ignored_count; i++)
        if (is_below(path, m->ignored_prefixes[i]) && m->ignored_prefixes[i].len > ignored)
            ignored = m->ignored_prefixes[i].len;
    path = span_from(path, ignored);
    *lacks_prefix = m->optional_prefix.len && !is_below(path, m->optional_prefix);
    return path;
}

/* The capture child that a step fits, longest fixed end first; 0: none. */
static uint32_t fit_capture(const struct manifest *m, uint32_t parent, struct span step, struct span *value)
{
    for (uint32_t at = m->routes[parent].capture; at; at = m->routes[at].next_capture) {
        struct span end = m->routes[at].text;
        if (step.len > end.len && span_ends(step, end)) {
            *value = span_first(step, step.len - end.len);
            return at;
        }
    }
    return 0;
}

static const struct operation *operation_at(const struct manifest *m, uint32_t node, struct span method)
{
    for (uint32_t at = m->routes[node].operation; at; at = m->rules[at - 1].next)
        if (span_is(m->operations[at - 1].method, method))
            return &m->operations[at - 1];
    return NULL;
}

bool vendor_match(const struct vendor *v, struct span method, struct span path, struct matched *out)
{
    const struct manifest *m = v->manifest;
    struct span values[VENDOR_CAPTURES], step;
    size_t captured = 0;
    bool lacks_prefix;
    struct span rest = span_from(route_path(m, path, &lacks_prefix), 1);
    uint32_t node = lacks_prefix ? m->start : 0;
    while (span_next(&rest, '/', &step)) {
        uint32_t next = find_literal(m, node, step);
        if (!next && captured < VENDOR_CAPTURES) {
            next = fit_capture(m, node, step, &values[captured]);
            captured += next != 0;
        }
        if (!next)
            return false;
        node = next;
    }
    out->operation = operation_at(m, node, method);
    if (!out->operation)
        return false;
    const struct rules *r = &m->rules[out->operation->index];
    must(r->capture_count == captured);
    out->count = captured;
    for (size_t i = 0; i < captured; i++)
        out->captures[i] = (struct capture){ r->captures[i], values[i] };
    return true;
}

static struct span captured(const struct matched *m, struct span name, struct arena *a)
{
    for (size_t i = 0; i < m->count; i++)
        if (span_is(m->captures[i].name, name))
            return text_percent_decode(m->captures[i].value, false, a);
    return SPAN_NONE;
}

struct span vendor_path_model(const struct matched *m, struct arena *a)
{
    struct span rest = m->operation->model, name, model = SPAN_NONE;
    while (rest.at && span_next(&rest, '/', &name)) {
        struct span step = captured(m, name, a);
        model = model.at ? arena_print(a, "%.*s/%.*s", SPAN_ARG(model), SPAN_ARG(step)) : step;
    }
    return model;
}

bool operation_serves(const struct operation *op, struct span model)
{
    for (size_t i = 0; i < op->model_count; i++)
        if (span_like(model, op->models[i]))
            return true;
    return op->model_count == 0;
}

const struct operation *vendor_operations(const struct vendor *v, size_t *count)
{
    *count = v->manifest->operation_count;
    return v->manifest->operations;
}
