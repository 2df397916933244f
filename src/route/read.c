/* SPDX-License-Identifier: Apache-2.0
 * read.c - a route from its tree: nodes with children, and leaves, each knowing all that it inherits. See route.h. */
#include <stdio.h>

#include "base/digest.h"
#include "route/inside.h"

enum { DEADLINE_MOST = 24 * 60 * 60 * 1000, NAME_LONGEST = 64, WEIGHT_MOST = 1000000 };

static const char *const fields[] = { "strategy", "targets", "name", "weight", "provider", "credential", "virtual_key", "api_key", "model", "region", "passthrough", "retry",
    "cache", "request_timeout", "event_timeout", "override_params", "default_params", "drop_params", "lose_params", "forward_headers", "breaker", "zero_retention",
    "input_guardrails", "output_guardrails", "deadline", "tries", NULL };

/* A node on its way down: what it inherits is copied, what it says is laid over it. */
static bool read_node(struct reading *r, const struct node *n, const struct target *above, int depth, struct route *out);

static bool read_name(struct reading *r, const struct node *n, struct route *out)
{
    const struct node *name = node_get(n, "name");
    if (!node_span(name, read_at(r, ".name"), &out->name, r->t))
        return false;
    return !name || (out->name.len && out->name.len <= NAME_LONGEST) || read_wrong(r, name, ".name", "1 to 64 characters");
}

static bool read_root(struct reading *r, const struct node *n, int depth, struct route *out)
{
    int64_t tries = ROUTE_TRIES_MOST;
    const struct node *deadline = node_get(n, "deadline"), *said = node_get(n, "tries");
    if (depth && (deadline || said)) {
        trouble_say(r->t, n, read_at(r, ""), "%s belongs to the whole call; allowed: at the root", deadline ? "deadline" : "tries");
        return false;
    }
    if (!read_time(r, deadline, ".deadline", 1, 1, DEADLINE_MOST, &out->deadline_ms) || !node_i64(said, read_at(r, ".tries"), 1, ROUTE_TRIES_MOST, &tries, r->t))
        return false;
    out->tries = (int)tries;
    return true;
}

static bool make_leaf(struct reading *r, const struct target *t, struct route *out)
{
    struct target *leaf = ARENA_NEW(r->a, struct target);
    if (!leaf)
        return false;
    if (++r->leaves > ROUTE_TARGETS_MOST) {
        trouble_say(r->t, NULL, read_at(r, ""), "found more than %d targets; allowed: at most %d in one route", ROUTE_TARGETS_MOST, ROUTE_TARGETS_MOST);
        return false;
    }
    *leaf = *t;
    leaf->name = out->name;
    leaf->path = out->path;
    leaf->weight_ppm = out->weight_ppm;
    out->target = leaf;
    out->leaf_count = 1;
    return true;
}

static bool read_child(struct reading *r, const struct node *n, const struct target *t, int depth, struct route *parent)
{
    struct route *child = &parent->children[parent->count];
    char place[40];
    snprintf(place, sizeof(place), ".targets[%zu]", parent->count);
    size_t was = read_into(r, place);
    child->path = arena_print(r->a, "%.*s%s", SPAN_ARG(parent->path), place);
    child->parent = parent;
    bool good = child->path.at && read_node(r, n, t, depth + 1, child);
    read_back(r, was);
    parent->leaf_count += child->leaf_count;
    parent->count++;
    return good;
}

static bool read_children(struct reading *r, const struct node *targets, const struct target *t, int depth, struct route *out)
{
    if (targets->kind != NODE_LIST || !targets->count || targets->count > ROUTE_TARGETS_MOST)
        return read_wrong(r, targets, ".targets", "a list of 1 to 64 targets");
    if (depth + 1 >= ROUTE_DEPTH_MOST) {
        trouble_say(r->t, targets, read_at(r, ".targets"), "nested too deep; allowed: at most %d levels", ROUTE_DEPTH_MOST);
        return false;
    }
    out->children = ARENA_ARRAY(r->a, struct route, targets->count);
    if (!out->children)
        return false;
    for (const struct node *n = targets->first; n; n = n->next)
        if (!read_child(r, n, t, depth, out))
            return false;
    return true;
}

/* No strategy is needed where there is nothing to choose. */
static bool check_shape(struct reading *r, const struct node *n, const struct route *out)
{
    const struct node *strategy = node_get(n, "strategy"), *targets = node_get(n, "targets");
    bool many = targets && targets->kind == NODE_LIST && targets->count > 1;
    if (!strategy && many)
        trouble_say(r->t, targets, read_at(r, ".strategy"), "missing, with %zu targets; allowed: { mode: fallback } or another mode", targets->count);
    else if (strategy && !targets && out->mode != ROUTE_SINGLE)
        trouble_say(r->t, strategy, read_at(r, ".targets"), "missing; mode %.*s needs targets", SPAN_ARG(route_mode_name(out->mode)));
    else if (strategy && many && out->mode == ROUTE_SINGLE)
        trouble_say(r->t, targets, read_at(r, ".targets"), "found %zu targets; mode single asks the first alone; allowed: one target", targets->count);
    else
        return true;
    return false;
}

static bool read_node(struct reading *r, const struct node *n, const struct target *above, int depth, struct route *out)
{
    struct target t = *above;
    const struct node *strategy = node_get(n, "strategy"), *targets = node_get(n, "targets");
    out->weight_ppm = 1000000;
    if (!node_only(n, read_at(r, ""), fields, r->t) || !read_name(r, n, out) || !read_root(r, n, depth, out) ||
        !read_ppm(r, node_get(n, "weight"), ".weight", 0, (int64_t)WEIGHT_MOST * 1000000, &out->weight_ppm) || !read_mode(r, strategy, out) || !check_shape(r, n, out))
        return false;
    size_t was = read_into(r, strategy ? ".strategy" : "");
    bool good = read_portkey_breaker(r, node_get(strategy, "cb_config"), &t.breaker);
    read_back(r, was);
    if (!good || !route_read_target(r, n, &t))
        return false;
    if (!targets)
        return make_leaf(r, &t, out);
    return read_children(r, targets, &t, depth, out) && read_strategy(r, strategy, &t, out);
}

static bool put_digest(struct reading *r, const struct node *n, struct route *out)
{
    struct buf text;
    buf_init(&text, (size_t)1 << 20);
    node_write_json(n, &text);
    struct digest d = digest_sha256(buf_span(&text));
    bool good = !text.broken;
    buf_free(&text);
    uint64_t first = 0;
    for (size_t i = 0; i < 8; i++)
        first = first << 8 | d.bytes[i];
    out->digest = arena_print(r->a, "%016llx", (unsigned long long)first);
    return good && out->digest.at;
}

enum err route_read(struct arena *a, const struct node *n, const char *path, bool inline_, struct route **out, struct trouble *t)
{
    struct reading r = { .a = a, .t = t, .inline_ = inline_ };
    struct target defaults = { .retry = route_retry_default, .breaker = route_breaker_default, .cache = route_cache_default };
    struct route *root = ARENA_NEW(a, struct route);
    read_into(&r, "");
    snprintf(r.at, sizeof(r.at), "%.100s", path);
    r.at_len = strlen(r.at);
    if (!n || n->kind != NODE_MAP) {
        trouble_say(t, n, path, "allowed: a route, such as { strategy: { mode: fallback }, targets: [{ provider: openai }, { provider: anthropic }] }");
        return E_CONFIG;
    }
    struct node *own = root ? normal_copy(&r, n) : NULL;
    if (root)
        root->path = SPAN("config");
    bool good = own && read_node(&r, own, &defaults, 0, root) && put_digest(&r, own, root);
    if (!good)
        return t->set ? E_CONFIG : E_NO_MEMORY;
    root->notes = r.notes;
    *out = root;
    return E_OK;
}

enum err route_read_cache(struct arena *a, const struct node *n, const char *path, struct cache_rule *out, struct trouble *t)
{
    struct reading r = { .a = a, .t = t };
    snprintf(r.at, sizeof(r.at), "%.150s", path);
    r.at_len = strlen(r.at);
    *out = route_cache_default;
    struct node *own = n ? normal_copy(&r, n) : NULL;
    if ((n && !own) || !read_cache(&r, own, "", out))
        return t->set ? E_CONFIG : E_NO_MEMORY;
    return E_OK;
}
