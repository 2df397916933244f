/* SPDX-License-Identifier: Apache-2.0
 * routes.c - the ways calls go, by name. What a route says is route/'s to read; here its vendors and credentials are held against those
 * there are, and what an entry says beside it: for which models it is the way, for which workspaces. */
#include <stdio.h>

#include "config/parts.h"
#include "guard/guard.h"

enum { PATTERNS_MOST = 64 };

static const char *const beside[] = { "name", "models", "workspaces", "description", NULL };

static bool read_patterns(struct load *l, const struct node *n, const char *path, const struct span **out, size_t *count)
{
    struct span *list = NULL;
    if (!n)
        return true;
    if (!node_spans(l->a, n, path, &list, count, l->t))
        return false;
    bool good = *count > 0 && *count <= PATTERNS_MOST;
    for (size_t i = 0; i < *count; i++) {
        good = good && list[i].len && list[i].len <= 200;
        list[i] = arena_copy(l->a, list[i]);
    }
    if (!good)
        trouble_found(l->t, n, path, "1 to 64 names or patterns, such as gpt-4o or claude-*");
    *out = list;
    return good;
}

static bool check_workspaces(struct load *l, const struct node *n, const char *path, const struct route_entry *r)
{
    for (size_t i = 0; i < r->workspace_count; i++)
        if (span_find_byte(r->workspaces[i], '*') < 0 && !map_get(&l->workspace_by_name, r->workspaces[i])) {
            load_missing(l, KIND_WORKSPACE, r->workspaces[i], n, path);
            return false;
        }
    return true;
}

/* A name that nobody has would be found out only when a call needs that target. */
static bool check_target(struct load *l, const struct node *n, const char *path, const struct target *t)
{
    char at[CONFIG_PATH];
    struct span below = span_from(t->path, sizeof("config") - 1);
    const struct credential *c = t->credential.at ? map_get(&l->credential_by_name, t->credential) : NULL;
    const struct upstream *u = t->provider.at ? snapshot_provider(l->s, t->provider) : NULL;
    snprintf(at, sizeof(at), "%.100s%.*s.provider", path, SPAN_ARG(span_first(below, 60)));
    if (t->provider.at && !u) {
        load_missing(l, KIND_VENDOR, t->provider, n, at);
        return false;
    }
    snprintf(at, sizeof(at), "%.100s%.*s.credential", path, SPAN_ARG(span_first(below, 60)));
    if (t->credential.at && !c) {
        if (t->credential_maybe)
            trouble_say(l->t, n, at, "an api_key is not shown here, but it names no credential; allowed: credential: the name of one");
        else
            load_missing(l, KIND_CREDENTIAL, t->credential, n, at);
        return false;
    }
    if (c && u && c->upstream != u) {
        trouble_say(l->t, n, at, "found \"%.*s\", which is a credential of %.*s; allowed: one of %.*s", SPAN_ARG(c->name), SPAN_ARG(c->upstream->vendor.slug), SPAN_ARG(u->vendor.slug));
        return false;
    }
    return true;
}

/* A misspelt check would be found out by the first call. */
static bool check_guards(struct load *l, const char *path, const struct route *r, const char *field, const struct node *guards)
{
    char at[CONFIG_PATH];
    struct guard_set *ignored;
    snprintf(at, sizeof(at), "%.100s%.*s.%s", path, SPAN_ARG(span_first(span_from(r->path, sizeof("config") - 1), 60)), field);
    return !guards || guard_read(&l->scratch, guards, at, &ignored, l->t) == E_OK;
}

static bool check_targets(struct load *l, const struct node *n, const char *path, const struct route *r)
{
    bool good = !r->target || (check_target(l, n, path, r->target) && check_guards(l, path, r, "input_guardrails", r->target->input_guardrails) &&
                                  check_guards(l, path, r, "output_guardrails", r->target->output_guardrails));
    good = good && check_guards(l, path, r, "strategy.accept.guards", r->accept.guards);
    for (size_t i = 0; i < r->count && good; i++)
        good = check_targets(l, n, path, &r->children[i]);
    return good;
}

static enum err read_one(struct load *l, const struct entry *entry, const struct node *n, struct route_entry *out)
{
    char path[CONFIG_PATH], at[CONFIG_PATH];
    struct route *route = NULL;
    entry_path(KIND_ROUTE, entry, path);
    if (n->kind != NODE_MAP) {
        trouble_found(l->t, n, path, "a route, such as { strategy: { mode: fallback }, targets: [...] }");
        return E_CONFIG;
    }
    struct node *own = config_without(&l->scratch, n, beside);
    if (!own)
        return E_NO_MEMORY;
    enum err e = route_read(l->a, own, path, false, &route, l->t);
    if (e)
        return e;
    out->route = route;
    snprintf(at, sizeof(at), "%.150s.models", path);
    bool good = read_patterns(l, node_get(n, "models"), at, &out->models, &out->model_count);
    snprintf(at, sizeof(at), "%.150s.workspaces", path);
    good = good && read_patterns(l, node_get(n, "workspaces"), at, &out->workspaces, &out->workspace_count) && check_workspaces(l, node_get(n, "workspaces"), at, out) &&
           check_targets(l, n, path, route);
    return good ? load_memory(l) : E_CONFIG;
}

enum err routes_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_ROUTE];
    struct snapshot *s = l->s;
    s->routes = ARENA_ARRAY(l->a, struct route_entry, es->count + 1);
    if (!s->routes)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        struct route_entry *r = &s->routes[s->route_count];
        const struct node *n = entry_node(&l->tree, KIND_ROUTE, &es->list[i], &l->scratch, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (!n)
            continue;
        enum err e = read_one(l, &es->list[i], n, r);
        if (e)
            return e;
        r->name = arena_copy(l->a, es->list[i].id);
        if (!r->name.at || !map_put(&l->route_by_name, r->name, r))
            return E_NO_MEMORY;
        s->route_count++;
        s->model_route_count += r->model_count > 0;
    }
    return E_OK;
}
