/* SPDX-License-Identifier: Apache-2.0
 * import_litellm.c - LiteLLM's config.yaml with the files it includes, and dumps of its keys: what stands at the top. */
#include "cli/import_litellm.h"

enum { INCLUDE_DEPTH = 4, KEYS_MOST = 20000 };

static bool read_config(struct litellm *l, const struct node *root, struct span file, int depth);

struct group *litellm_group(const struct litellm *l, struct span name)
{
    for (struct group *g = l->groups; g; g = g->next)
        if (span_is(g->name, name))
            return g;
    return NULL;
}

/* ---- the top of config.yaml ---- */

static void take_settings(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)im;
    litellm_settings(self, path, n);
}

static void take_router(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)im;
    litellm_router(self, path, n);
}

static void take_general(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)im;
    litellm_general(self, path, n);
}

static void take_environment(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)self;
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next)
        import_note(im, NOTE_DIFFERS, import_at(im, path, arena_copy(im->a, item->name).at), SPAN_NONE,
            "the gate reads its environment, and sets none: set it where the gate runs");
}

static void take_guardrails(struct import *im, void *self, struct span path, const struct node *n)
{
    size_t i = 0;
    (void)self;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next, i++) {
        struct span name = import_scalar(item, "guardrail_name"), kind = import_scalar(node_get(item, "litellm_params"), "guardrail");
        import_note(im, NOTE_LOST, import_nth(im, path, i), SPAN_NONE, "guardrail %.*s (%.*s): calls are not checked by it; say what it shall check anew",
            SPAN_ARG(span_first(name, 60)), SPAN_ARG(span_first(kind, 40)));
    }
}

static const struct import_rule top[] = {
    { "model_list", NOTE_SILENT, NULL, NULL, NULL }, /* read first: the rest speaks of its groups */
    { "litellm_settings", NOTE_SILENT, NULL, NULL, take_settings },
    { "router_settings", NOTE_SILENT, NULL, NULL, take_router },
    { "general_settings", NOTE_SILENT, NULL, NULL, take_general },
    { "environment_variables", NOTE_SILENT, NULL, NULL, take_environment },
    { "guardrails", NOTE_SILENT, NULL, NULL, take_guardrails },
    { "credential_list", NOTE_SILENT, NULL, NULL, NULL },
    { "include", NOTE_SILENT, NULL, NULL, NULL },
    { "callback_settings", NOTE_LOST, NULL, "exports: (files, S3, webhook, OpenTelemetry, Langfuse) say where rows go, alerts: who is told", NULL },
    { "mcp_servers", NOTE_LOST, NULL, "MCP servers are no part of the gate", NULL },
    { "vector_store_registry", NOTE_LOST, NULL, "vector stores are no part of the gate", NULL },
    { "prompts", NOTE_LOST, NULL, "prompts are not kept here", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

/* "conf/models.yaml" beside "conf/config.yaml". */
static struct span beside(struct import *im, struct span file, struct span name)
{
    ptrdiff_t slash = -1;
    for (size_t i = 0; i < file.len; i++)
        slash = file.at[i] == '/' ? (ptrdiff_t)i : slash;
    if (slash < 0 || span_starts(name, SPAN("/")))
        return name;
    return arena_print(im->a, "%.*s/%.*s", (int)slash, file.at, SPAN_ARG(name));
}

static bool read_included(struct litellm *l, const struct node *root, struct span file, int depth)
{
    struct import *im = l->im;
    const struct node *list = node_get(root, "include");
    size_t i = 0;
    for (const struct node *n = list && list->kind == NODE_LIST ? list->first : NULL; n; n = n->next, i++) {
        struct span name = n->kind == NODE_SCALAR ? beside(im, file, n->text) : SPAN_NONE;
        if (!name.len || depth == INCLUDE_DEPTH) {
            import_note(im, NOTE_LOST, import_nth(im, SPAN("include"), i), SPAN_NONE, "files include each other %d deep at most", INCLUDE_DEPTH);
            continue;
        }
        const struct node *included = import_load(im, name);
        if (!included || !read_config(l, included, name, depth + 1))
            return false;
        import_note(im, NOTE_MAPPED, import_nth(im, SPAN("include"), i), SPAN_NONE, "read as a part of it");
    }
    return true;
}

static bool read_config(struct litellm *l, const struct node *root, struct span file, int depth)
{
    if (root->kind != NODE_MAP) {
        fprintf(stderr, "tollgate import: %.*s is no LiteLLM configuration; allowed: a map with model_list\n", SPAN_ARG(file));
        return false;
    }
    if (node_get(root, "credential_list"))
        l->credential_list = node_get(root, "credential_list");
    if (!read_included(l, root, file, depth))
        return false;
    l->has_config = true;
    if (node_get(root, "model_list"))
        litellm_models(l, SPAN("model_list"), node_get(root, "model_list"));
    import_walk(l->im, root, SPAN(""), top, l);
    return true;
}

/* ---- key dumps ---- */

static bool keep_keys(struct litellm *l, struct span path, const struct node *list)
{
    size_t i = 0;
    l->key_rows = arena_take_array(l->im->a, sizeof(*l->key_rows), l->key_count + list->count + 1);
    l->key_paths = arena_take_array(l->im->a, sizeof(*l->key_paths), l->key_count + list->count + 1);
    l->has_keys = true;
    for (const struct node *n = list->first; n && l->key_rows && l->key_paths; n = n->next, i++) {
        l->key_rows[l->key_count] = n;
        l->key_paths[l->key_count++] = import_nth(l->im, path, i);
    }
    return l->key_rows && l->key_paths;
}

static bool read_keys(struct litellm *l, const struct node *root, struct span file)
{
    const struct node *list = root->kind == NODE_LIST ? root : node_get(root, "keys");
    struct span path = root->kind == NODE_LIST ? SPAN("keys") : SPAN("keys");
    if (l->has_keys || list->count > KEYS_MOST) {
        fprintf(stderr, "tollgate import: %.*s: allowed: one dump of keys, with at most %d\n", SPAN_ARG(file), KEYS_MOST);
        return false;
    }
    return keep_keys(l, path, list);
}

bool import_read_litellm(struct import *im, const struct node *root, struct span file, void **state)
{
    struct litellm *l = *state ? *state : ARENA_NEW(im->a, struct litellm);
    const struct node *keys = root->kind == NODE_MAP ? node_get(root, "keys") : NULL;
    must(l);
    if (!*state)
        *l = (struct litellm){ .im = im, .by = SPAN("weight"), .retries = -1, .allowed_fails = -1 };
    *state = l;
    if (root->kind == NODE_LIST || (keys && keys->kind == NODE_LIST))
        return read_keys(l, root, file);
    if (node_get(root, "token")) { /* one row alone */
        struct node *list = import_list(im);
        import_add(list, import_copy(im, root));
        return read_keys(l, list, file);
    }
    return read_config(l, root, file, 0);
}

/* LiteLLM drops what a vendor does not know; here a vendor may be told so. */
static void allow_dropping(struct litellm *l)
{
    struct import *im = l->im;
    size_t at = 0;
    const struct map_entry *e;
    while (l->drop_params && (e = map_next(&im->vendors_used, &at))) {
        struct node *list = import_list(im);
        import_add(list, import_text(im, SPAN("*")));
        import_put(im, import_member(im, import_section(im, "vendors"), arena_copy(im->a, e->key).at), "drop_params", list);
    }
}

/* Somebody must hold a key, and the dump was not given. */
static void make_key(struct litellm *l)
{
    struct import *im = l->im;
    struct node *list = import_list(im), *key = import_map(im);
    import_put(im, key, "name", import_text(im, SPAN("litellm")));
    import_put(im, key, "policy", import_text(im, import_policy(im, NULL, 0)));
    import_put(im, key, "credentials", import_all_credentials(im));
    if (l->addresses)
        import_put(im, key, "addresses", import_copy(im, l->addresses));
    import_add(list, key);
    import_put(im, im->root, "keys", list);
    im->keys_without_token++;
    import_step(im, "keys: one is made, \"litellm\"; for those that are there, give a dump too (GET /key/list?return_full_object=true)");
}

void import_finish_litellm(struct import *im, void *state)
{
    struct litellm *l = state;
    litellm_routes(l);
    allow_dropping(l);
    if (l->has_keys)
        litellm_keys(l);
    else
        make_key(l);
    (void)im;
}
