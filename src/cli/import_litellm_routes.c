/* SPDX-License-Identifier: Apache-2.0
 * import_litellm_routes.c - a route for each model group: its deployments by order and weight, and around them the groups that follow when
 * they fail. */
#include "cli/import_litellm.h"
#include "cli/sheet.h"

enum { NESTED_MOST = 8 };

struct making {
    struct litellm *l;
    struct group *g;
    size_t leaves;
};

static struct node *strategy(struct import *im, const char *mode)
{
    struct node *n = import_map(im);
    import_put(im, n, "mode", import_text(im, span_of(mode)));
    return n;
}

/* ---- a group's own deployments ---- */

/* LiteLLM looks at the first one: weights if it has one, else rpm, else tpm, else all alike. */
static const char *weight_field(const struct deployment *first, int64_t order, const struct deployment *list)
{
    static const char *const fields[] = { "weight", "rpm", "tpm" };
    for (const struct deployment *d = list; d; d = d->next) {
        if (d->order != order)
            continue;
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
            if (import_scalar(d->params, fields[i]).at)
                return fields[i];
        return NULL;
    }
    (void)first;
    return NULL;
}

static struct node *leaf(struct making *m, const struct deployment *d, const char *weight)
{
    struct import *im = m->l->im;
    struct node *target = import_copy(im, d->target);
    bool rounded = false;
    m->leaves++;
    if (!weight)
        return target;
    struct span share = import_scalar(d->params, weight);
    share = share.at ? sheet_decimal(im->a, share, 0, 6, &rounded) : SPAN("0");
    import_put(im, target, "weight", import_bare(im, share.at ? share : SPAN("0")));
    return target;
}

static struct node *level(struct making *m, const struct group *g, int64_t order)
{
    struct import *im = m->l->im;
    struct node *out = import_map(im), *targets = import_list(im), *how;
    const char *weight = m->l->by.at && span_is(m->l->by, SPAN("weight")) ? weight_field(g->first, order, g->first) : NULL;
    size_t count = 0;
    for (const struct deployment *d = g->first; d; d = d->next)
        count += d->order == order;
    for (const struct deployment *d = g->first; d; d = d->next)
        if (d->order == order)
            import_add(targets, leaf(m, d, count > 1 ? weight : NULL));
    if (count == 1)
        return targets->first;
    how = strategy(im, m->l->by.at ? "balance" : "cheapest");
    if (m->l->by.at)
        import_put(im, how, "by", import_text(im, m->l->by));
    import_put(im, how, "failover", import_bare(im, SPAN("true")));
    import_put(im, out, "strategy", how);
    import_put(im, out, "targets", targets);
    return out;
}

static bool next_order(const struct group *g, bool any, int64_t *order)
{
    bool found = false;
    int64_t best = 0;
    for (const struct deployment *d = g->first; d; d = d->next) {
        if ((any && d->order <= *order) || (found && d->order >= best))
            continue;
        best = d->order;
        found = true;
    }
    *order = best;
    return found;
}

/* Several nodes, one after the other when they fail; one alone stays what it is. */
static struct node *in_order(struct import *im, struct node *list, const char *error)
{
    struct node *out = import_map(im), *how = strategy(im, "fallback"), *errors = import_list(im);
    if (list->count == 1)
        return import_copy(im, list->first);
    if (error) {
        import_add(errors, import_text(im, span_of(error)));
        import_put(im, how, "on_errors", errors);
    }
    import_put(im, out, "strategy", how);
    import_put(im, out, "targets", list);
    return out;
}

static struct node *own_targets(struct making *m, const struct group *g)
{
    struct node *levels = import_list(m->l->im);
    int64_t order = 0;
    for (bool any = false; next_order(g, any, &order); any = true)
        import_add(levels, level(m, g, order));
    return in_order(m->l->im, levels, NULL);
}

/* ---- who follows ---- */

static void follow_group(struct making *m, struct node *list, struct span name, struct span path)
{
    struct import *im = m->l->im;
    const struct group *g = litellm_group(m->l, name);
    if (!g || !g->first)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s is no group with a deployment", SPAN_ARG(span_first(name, 60)));
    else if (m->leaves + g->count > IMPORT_TARGETS_MOST)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "a route has at most %d targets", IMPORT_TARGETS_MOST);
    else
        import_add(list, own_targets(m, g));
}

/* [ { "gpt-4o": [ "claude", "gemini" ] } ] */
static void follow_list(struct making *m, const struct follow *f, struct node *list)
{
    struct import *im = m->l->im;
    size_t i = 0;
    for (const struct node *item = f->list->first; item; item = item->next, i++) {
        for (const struct node *n = item->kind == NODE_MAP ? item->first : NULL; n; n = n->next) {
            struct span path = import_at(im, import_nth(im, f->path, i), arena_copy(im->a, n->name).at);
            if (!span_is(n->name, m->g->name))
                continue;
            for (const struct node *name = n->kind == NODE_LIST ? n->first : NULL; name; name = name->next)
                follow_group(m, list, name->kind == NODE_MAP ? import_scalar(name, "model") : name->text, path);
            import_note(im, list->count > 1 ? NOTE_MAPPED : NOTE_LOST, path, arena_print(im->a, "routes.%.*s", SPAN_ARG(m->g->route)), "%s",
                list->count > 1 ? "the groups' own deployments, not what follows these in turn" : "nothing to follow with");
        }
    }
}

/* What is inside is tried first: content policy, then context window, then whatever else failed. */
static struct node *with_follows(struct making *m, struct node *inner)
{
    static const char *const errors[] = { "content_policy", "context_window", NULL };
    struct litellm *l = m->l;
    struct import *im = l->im;
    for (size_t k = 0; k < sizeof(errors) / sizeof(*errors); k++) {
        struct node *list = import_list(im);
        import_add(list, inner);
        for (size_t i = 0; i < l->follow_count; i++)
            if (errors[k] ? l->follows[i].error && strcmp(errors[k], l->follows[i].error) == 0 : !l->follows[i].error)
                follow_list(m, &l->follows[i], list);
        for (const struct node *n = !errors[k] && l->defaults ? l->defaults->first : NULL; n && list->count == 1; n = n->next)
            if (!span_is(n->text, m->g->name))
                follow_group(m, list, n->text, l->defaults_path);
        inner = in_order(im, list, errors[k]);
    }
    return inner;
}

/* Groups that no group is: a mistake of the source, which its own router does not tell of. */
static void check_follows(struct litellm *l)
{
    struct import *im = l->im;
    for (size_t f = 0; f < l->follow_count; f++) {
        size_t i = 0;
        for (const struct node *item = l->follows[f].list->first; item; item = item->next, i++)
            for (const struct node *n = item->kind == NODE_MAP ? item->first : NULL; n; n = n->next)
                if (!litellm_group(l, n->name))
                    import_note(im, NOTE_LOST, import_at(im, import_nth(im, l->follows[f].path, i), arena_copy(im->a, n->name).at), SPAN_NONE, "there is no such group");
    }
    if (l->defaults)
        import_note(im, NOTE_MAPPED, l->defaults_path, SPAN("routes.*"), "of groups without fallbacks of their own");
}

/* ---- what holds for all routes ---- */

static struct span time_text(struct import *im, int64_t ms)
{
    return ms % 1000 ? arena_print(im->a, "%lldms", (long long)ms) : arena_print(im->a, "%llds", (long long)(ms / 1000));
}

static void put_rules(struct litellm *l, struct node *route)
{
    struct import *im = l->im;
    struct node *retry = l->retry ? import_copy(im, l->retry) : import_map(im), *breaker = import_map(im);
    if (!l->retry)
        import_put(im, retry, "attempts", import_number(im, l->retries >= 0 ? l->retries : 2));
    if (!node_get(route, "retry"))
        import_put(im, route, "retry", retry);
    if (l->no_breaker)
        breaker = import_text(im, SPAN("off"));
    if (l->allowed_fails >= 0 && !l->no_breaker)
        import_put(im, breaker, "failures", import_number(im, l->allowed_fails + 1));
    if (l->cooldown_ms && !l->no_breaker)
        import_put(im, breaker, "cooldown", import_text(im, time_text(im, l->cooldown_ms < 100 ? 100 : l->cooldown_ms)));
    if (l->no_breaker || breaker->count)
        import_put(im, route, "breaker", breaker);
    if (l->request_ms && !node_get(route, "request_timeout"))
        import_put(im, route, "request_timeout", import_number(im, l->request_ms));
    if (l->stream_ms && !node_get(route, "event_timeout"))
        import_put(im, route, "event_timeout", import_number(im, l->stream_ms));
    if (l->cache)
        import_put(im, route, "cache", import_copy(im, l->cache));
    if (l->tries)
        import_put(im, route, "tries", import_number(im, l->tries));
}

static bool any_fallback(const struct litellm *l) { return l->follow_count || l->defaults; }

static void make_route(struct litellm *l, struct group *g)
{
    struct import *im = l->im;
    struct making m = { .l = l, .g = g };
    struct node *routes = import_section(im, "routes"), *body, *route = import_map(im);
    if (g->count > IMPORT_TARGETS_MOST) {
        import_note(im, NOTE_LOST, g->first->path, SPAN_NONE, "%.*s has %zu deployments; a route has at most %d targets", SPAN_ARG(g->name), g->count, IMPORT_TARGETS_MOST);
        return;
    }
    body = own_targets(&m, g);
    if (any_fallback(l))
        body = with_follows(&m, body);
    import_put(im, route, "models", g->models);
    for (const struct node *n = body->first; n; n = n->next)
        import_put(im, route, arena_copy(im->a, n->name).at, import_copy(im, n));
    put_rules(l, route);
    import_put(im, routes, g->route.at, route);
}

void litellm_routes(struct litellm *l)
{
    struct node *empty = import_map(l->im);
    if (l->groups)
        import_put(l->im, l->im->root, "routes", empty); /* names were kept there; now they are made */
    for (struct group *g = l->groups; g; g = g->next)
        if (g->first)
            make_route(l, g);
    check_follows(l);
    if (l->groups && l->retries < 0 && !l->retry)
        import_note(l->im, NOTE_MAPPED, SPAN("router_settings.num_retries"), SPAN("routes.*.retry.attempts"), "not said: 2, as LiteLLM does then");
}
