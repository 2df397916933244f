/* SPDX-License-Identifier: Apache-2.0
 * family_paths.c - operations of a provider: under the family's paths, whatever its own are, and under those as well. */
#include <stdio.h>

#include "config/family.h"

enum { STEPS_MOST = 4 /* of a model's name in a path: "accounts/fireworks/models/flux" */ };

static struct span joined(struct family *f, const char *left, struct span right)
{
    return arena_print(f->a, "%s%.*s", left, SPAN_ARG(right));
}

/* "https://host/a/b" is "https://host" and "/a/b"; false: it is no address. */
bool family_split(struct span text, struct span *host, struct span *path)
{
    ptrdiff_t mark = span_find(text, SPAN("://"));
    if (mark < 0)
        return false;
    ptrdiff_t slash = span_find_byte(span_from(text, (size_t)mark + 3), '/');
    size_t end = slash < 0 ? text.len : (size_t)(mark + 3 + slash);
    *host = span_first(text, end);
    *path = slash < 0 ? SPAN("/") : span_from(text, end);
    return true;
}

/* The name of the origin for this host, made if it is not there. */
static struct span origin_for(struct family *f, struct span host)
{
    for (const struct node *n = f->origins->first; n; n = n->next)
        if (span_is(n->text, host))
            return n->name;
    snprintf(f->origin, sizeof(f->origin), "host%zu", f->origins->count + 1);
    edit_set(f->a, f->origins, f->origin, edit_text(f->a, host));
    return arena_copy(f->a, span_of(f->origin));
}

/* As callers write it: below /v1 where the address ends in that, else without (it is taken off). */
struct span family_called(struct family *f, struct span path)
{
    bool there = span_starts(path, SPAN("/v1/"));
    if (f->v1)
        return there ? path : joined(f, "/v1", path);
    return there ? span_from(path, 3) : path;
}

static bool taken(const struct family *f, struct span call)
{
    for (const struct node *n = f->operations->first; n; n = n->next) {
        const struct node *other = n->kind == NODE_MAP ? node_get(n, "call") : n;
        if (other && span_is(other->text, call))
            return true;
    }
    return false;
}

/* What a caller would fill into a host is not offered: the operator says where secrets go. */
static bool host_is_known(struct family *f, struct span own)
{
    struct span host, path, rest, before, name;
    if (!own.at || !family_split(own, &host, &path))
        return true;
    rest = host;
    while (span_cut(&rest, '{', &before) && span_cut(&rest, '}', &name)) {
        struct span place = arena_print(f->a, "{%.*s}", SPAN_ARG(name));
        if (!place.at || span_find(f->p->base_url, place) < 0)
            return false;
    }
    return true;
}

/* One operation. own: the provider's path or address, without query; SPAN_NONE: it is `path`. */
void family_operation(struct family *f, const char *name, const struct node *like, struct span method, struct span path, struct span own)
{
    struct node *map = like && like->kind == NODE_MAP ? edit_copy(f->a, like) : edit_map(f->a);
    struct span host, call = arena_print(f->a, "%.*s %.*s", SPAN_ARG(method), SPAN_ARG(path));
    if (!map || !call.at || taken(f, call) || !host_is_known(f, own))
        return;
    edit_set(f->a, map, "call", edit_text(f->a, call));
    if (own.at && family_split(own, &host, &own)) {
        edit_set(f->a, map, "origin", edit_text(f->a, origin_for(f, host)));
        family_set_text(f, map, "upstream", own);
    } else if (own.at) {
        struct span upstream = f->v1 ? joined(f, "/v1", own) : own;
        if (!span_is(upstream, path))
            family_set_text(f, map, "upstream", upstream);
    }
    edit_set(f->a, f->operations, name, map);
}

static struct span replaced(struct family *f, struct span text, struct span from, struct span to)
{
    ptrdiff_t at = span_find(text, from);
    return at < 0 ? text : arena_print(f->a, "%.*s%.*s%.*s", (int)at, text.at, SPAN_ARG(to), SPAN_ARG(span_from(text, (size_t)at + from.len)));
}

/* The model stands in the path, in as many steps as its name has. */
static void put_model_operations(struct family *f, const char *name, const struct node *like, struct span method, struct span path, struct span own)
{
    static const char *const steps[STEPS_MOST] = { "{model}", "{model2}/{model}", "{model3}/{model2}/{model}", "{model4}/{model3}/{model2}/{model}" };
    static const char *const models[STEPS_MOST] = { "path.model", "path.model2/model", "path.model3/model2/model", "path.model4/model3/model2/model" };
    for (size_t i = 0; i < STEPS_MOST; i++) {
        struct node *map = edit_copy(f->a, like);
        struct span each = i ? arena_print(f->a, "%s.%zu", name, i + 1) : span_of(name);
        if (node_get(like, "dialect"))
            edit_set(f->a, map, "model", edit_text(f->a, span_of(models[i])));
        if (!each.at)
            return;
        family_operation(f, each.at, map, method, replaced(f, path, SPAN("{model}"), span_of(steps[i])), replaced(f, own, SPAN("{model}"), span_of(steps[i])));
    }
}

/* The query that stands behind a path is said with every call, unless a place in it is the caller's. */
struct span family_without_query(struct family *f, struct span own)
{
    struct span rest = own, path;
    if (!span_cut(&rest, '?', &path))
        return own;
    if (span_find(rest, SPAN("={id}")) < 0)
        f->query = rest;
    return path;
}

/* By the provider's own path. */
void family_own_path(struct family *f, const char *name, const struct node *like, struct span method, struct span own)
{
    struct span host, path = own;
    bool elsewhere = family_split(own, &host, &path);
    if (elsewhere && span_starts(path, SPAN("/{"))) /* any path of another host: under its name, beside those of the own one */
        path = arena_print(f->a, "/%s%.*s", name, SPAN_ARG(path));
    if (span_is(path, SPAN("/"))) /* callers have no vendor's whole address */
        path = SPAN("/search");
    bool model = span_find(path, SPAN("{model}")) >= 0;
    if (model)
        put_model_operations(f, name, like, method, family_called(f, path), own);
    else if (span_find(path, SPAN("{deployment}")) >= 0 && node_get(like, "dialect")) {
        struct node *map = edit_copy(f->a, like);
        edit_set(f->a, map, "model", edit_text(f->a, SPAN("path.deployment")));
        family_operation(f, name, map, method, family_called(f, path), own);
    } else
        family_operation(f, name, like, method, family_called(f, path), own);
}

/* By the family's path, and by its own if that is another. */
void family_offer(struct family *f, const char *name, struct span kind, struct span usual, const struct node *like)
{
    struct span own = provider_path(f->p, kind), more = arena_print(f->a, "%s.own", name);
    if (span_is(own, SPAN("-")) || !more.at)
        return;
    own = own.at ? family_without_query(f, own) : usual;
    if (span_is(own, usual)) {
        family_operation(f, name, like, SPAN("POST"), family_called(f, usual), SPAN_NONE);
        return;
    }
    if (span_find_byte(own, '{') < 0) {
        family_operation(f, name, like, SPAN("POST"), family_called(f, usual), own);
        family_own_path(f, more.at, like, SPAN("POST"), own);
    } else
        family_own_path(f, name, like, SPAN("POST"), own);
}
