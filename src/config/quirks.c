/* SPDX-License-Identifier: Apache-2.0
 * quirks.c - how a provider differs from the dialect it speaks: a manifest says it, and the operator's entry may say it otherwise. */
#include "config/parts.h"

static const char *const fields[] = { "max_tokens_field", "stream_usage", "stream_options", "unsupported", "system_as_developer", "random_seed", "mistral_words", "version", NULL };

bool quirks_read(struct load *l, const struct node *n, struct path *p, struct quirks *out)
{
    static const char *const limits[] = { "either", "max_tokens", "max_completion_tokens", NULL };
    static const char *const usages[] = { "on_request", "always", "none", NULL };
    int limit = (int)out->limit, usage = (int)out->stream_usage;
    bool options = !out->no_stream_options;
    struct span *unsupported = NULL;
    size_t count = 0;
    if (!n)
        return true;
    if (!node_only(n, path_with(p, ".quirks"), fields, l->t) ||
        !node_choice(node_get(n, "max_tokens_field"), path_with(p, ".quirks.max_tokens_field"), limits, &limit, l->t) ||
        !node_choice(node_get(n, "stream_usage"), path_with(p, ".quirks.stream_usage"), usages, &usage, l->t) ||
        !node_bool(node_get(n, "stream_options"), path_with(p, ".quirks.stream_options"), &options, l->t) ||
        !node_spans(l->a, node_get(n, "unsupported"), path_with(p, ".quirks.unsupported"), &unsupported, &count, l->t) ||
        !node_bool(node_get(n, "system_as_developer"), path_with(p, ".quirks.system_as_developer"), &out->system_as_developer, l->t) ||
        !node_bool(node_get(n, "random_seed"), path_with(p, ".quirks.random_seed"), &out->random_seed, l->t) ||
        !node_bool(node_get(n, "mistral_words"), path_with(p, ".quirks.mistral_words"), &out->mistral_words, l->t) ||
        !node_span(node_get(n, "version"), path_with(p, ".quirks.version"), &out->version, l->t))
        return false;
    out->limit = (enum limit_name)limit;
    out->stream_usage = (enum stream_usage)usage;
    out->no_stream_options = !options;
    if (node_get(n, "unsupported")) {
        out->unsupported = unsupported;
        out->unsupported_count = count;
    }
    return true;
}

/* models: { my-deployment: gpt-4o } */
static bool read_models(struct load *l, const struct node *n, struct path *p, struct upstream *u)
{
    if (!n)
        return true;
    struct model_name *list = n->kind == NODE_MAP ? ARENA_ARRAY(l->a, struct model_name, n->count + 1) : NULL;
    for (const struct node *at = list ? n->first : NULL; at; at = at->next) {
        if (at->kind != NODE_SCALAR || !at->text.len) {
            list = NULL;
            break;
        }
        list[u->model_count++] = (struct model_name){ arena_copy(l->a, at->name), arena_copy(l->a, at->text) };
    }
    u->models = list;
    if (!list)
        trouble_say(l->t, n, path_with(p, ".models"), "allowed: the vendor's names to those of the price book, { my-deployment: gpt-4o }");
    return list != NULL;
}

/* What its address is made of says where it is, unless the entry does. */
static struct span region_of(const struct node *entry)
{
    static const char *const names[] = { "region", "location" };
    const struct node *settings = node_get(entry, "settings");
    for (size_t i = 0; i < 2; i++) {
        const struct node *n = node_get(settings, names[i]);
        if (n && n->kind == NODE_SCALAR && n->text.len)
            return n->text;
    }
    return SPAN_NONE;
}

bool llm_settings_read(struct load *l, const struct node *manifest, const struct node *entry, struct path *p, struct upstream *u)
{
    static const char *const gone[] = { "abort", "drain", NULL }, *const traces[] = { "full", "parent", "none", NULL };
    const struct node *drain = node_get(entry, "drain");
    struct span *drop = NULL;
    int when = 0, trace = 0;
    struct span region = region_of(entry);
    u->drain_ms = 30 * 1000;
    if (!quirks_read(l, node_get(manifest, "quirks"), p, &u->quirks) || !quirks_read(l, node_get(entry, "quirks"), p, &u->quirks) ||
        !node_spans(l->a, node_get(entry, "drop_params"), path_with(p, ".drop_params"), &drop, &u->drop_param_count, l->t) ||
        !node_choice(node_get(entry, "on_client_gone"), path_with(p, ".on_client_gone"), gone, &when, l->t) ||
        !node_duration(drain, path_with(p, ".drain"), &u->drain_ms, l->t) || !node_span(node_get(entry, "region"), path_with(p, ".region"), &region, l->t) ||
        !node_choice(node_get(entry, "trace"), path_with(p, ".trace"), traces, &trace, l->t) ||
        !node_bool(node_get(entry, "zero_retention"), path_with(p, ".zero_retention"), &u->zero_retention, l->t) || !read_models(l, node_get(entry, "models"), p, u))
        return false;
    u->region = region;
    u->trace = (enum trace_passing)trace;
    u->drop_params = drop;
    u->when_gone = (enum when_gone)when;
    if (u->drain_ms >= 10 && u->drain_ms <= INT64_C(3600000))
        return true;
    trouble_found(l->t, drain, path_with(p, ".drain"), "a time from 10ms to 1h");
    return false;
}
