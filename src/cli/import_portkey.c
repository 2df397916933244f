/* SPDX-License-Identifier: Apache-2.0
 * import_portkey.c - Portkey's saved configs, virtual keys (providers) and API keys, each one, a list, or as their API answers it. */
#include "cli/import_portkey.h"

struct span portkey_snake(struct import *im, struct span name)
{
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < name.len; i++) {
        bool capital = name.at[i] >= 'A' && name.at[i] <= 'Z';
        if (capital)
            buf_put_byte(&out, '_');
        buf_put_byte(&out, capital ? (char)(name.at[i] - 'A' + 'a') : name.at[i]);
    }
    struct span text = arena_copy(im->a, buf_span(&out));
    buf_free(&out);
    return text;
}

const struct node *portkey_member(struct import *im, const struct node *map, const char *name)
{
    for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next)
        if (n->kind != NODE_NULL && span_is(portkey_snake(im, n->name), span_of(name)))
            return n;
    return NULL;
}

/* ---- what a file holds ---- */

static bool is_config(struct import *im, const struct node *n)
{
    static const char *const members[] = { "strategy", "targets", "retry", "cache", "virtual_key", "override_params", "api_key", "request_timeout" };
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (portkey_member(im, n, members[i]))
            return true;
    return false;
}

static bool is_key(const struct node *n)
{
    return node_get(n, "scopes") || node_get(n, "defaults") || span_is(import_scalar(n, "object"), SPAN("api-key")) ||
           span_starts(import_scalar(n, "type"), SPAN("workspace")) || span_starts(import_scalar(n, "type"), SPAN("organi"));
}

static bool is_slug(const struct node *n)
{
    return import_scalar(n, "slug").len && (import_scalar(n, "ai_provider_name").at || import_scalar(n, "ai_provider_id").at || import_scalar(n, "provider").at);
}

static void keep(struct import *im, struct row ***end, const struct node *n, struct span path)
{
    struct row *row = ARENA_NEW(im->a, struct row);
    must(row);
    *row = (struct row){ path, n, NULL };
    **end = row;
    *end = &row->next;
}

/* "prod" of "conf/prod.json" */
static struct span base_name(struct span file)
{
    struct span rest = file, head;
    while (span_cut(&rest, '/', &head)) { }
    ptrdiff_t dot = span_find_byte(rest, '.');
    return dot > 0 ? span_first(rest, (size_t)dot) : rest;
}

/* A saved config comes as a tree or as JSON in a text. */
static void keep_config(struct portkey *p, const struct node *n, const struct node *config, struct span path, struct span otherwise)
{
    struct import *im = p->im;
    struct trouble t = { .set = false };
    struct node *root = NULL;
    struct saved *s = ARENA_NEW(im->a, struct saved);
    struct span slug = import_scalar(n, "slug"), id = import_scalar(n, "id"), name = import_scalar(n, "name");
    must(s);
    if (config->kind == NODE_SCALAR && node_read_json(im->a, "", config->text, &root, &t) == E_OK)
        config = root;
    if (config->kind != NODE_MAP) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no config can be read there");
        return;
    }
    if (!span_starts(slug, SPAN("pc-")) && span_starts(id, SPAN("pc-")))
        slug = id;
    *s = (struct saved){ slug.len ? slug : name.len ? name : otherwise, path, SPAN_NONE, config, NULL };
    *p->configs_end = s;
    p->configs_end = &s->next;
}

static bool keep_item(struct portkey *p, const struct node *n, struct span path, struct span file)
{
    const struct node *config = node_get(n, "config");
    if (config)
        keep_config(p, n, config, import_at(p->im, path, "config"), base_name(file));
    else if (is_key(n))
        keep(p->im, &p->keys_end, n, path);
    else if (is_slug(n))
        keep(p->im, &p->slugs_end, n, path);
    else if (is_config(p->im, n))
        keep_config(p, n, n, path, base_name(file));
    else
        return false;
    return true;
}

bool import_read_portkey(struct import *im, const struct node *root, struct span file, void **state)
{
    struct portkey *p = *state ? *state : ARENA_NEW(im->a, struct portkey);
    const struct node *list = root->kind == NODE_LIST ? root : node_get(root, "data");
    size_t i = 0;
    must(p);
    if (!*state) {
        p->im = im;
        p->configs_end = &p->configs;
        p->slugs_end = &p->slugs;
        p->keys_end = &p->keys;
    }
    *state = p;
    struct span name = base_name(file);
    if (!list || list->kind != NODE_LIST) {
        if (root->kind == NODE_MAP && keep_item(p, root, span_is(name, SPAN("-")) ? SPAN("config") : name, file))
            return true;
        fprintf(stderr, "tollgate import: %.*s holds nothing of Portkey's; allowed: configs, virtual keys or API keys, one or a list\n", SPAN_ARG(file));
        return false;
    }
    for (const struct node *n = list->first; n; n = n->next, i++)
        if (!keep_item(p, n, import_nth(im, name, i), file))
            import_note(im, NOTE_LOST, import_nth(im, name, i), SPAN_NONE, "neither a config nor a virtual key nor an API key");
    return true;
}

/* ---- all files were read ---- */

static void make_route(struct portkey *p, struct saved *s)
{
    struct import *im = p->im;
    s->name = import_name(im, "routes", s->id);
    p->path = s->path;
    p->name = s->name;
    struct node *route = portkey_route(p, s->config, s->path);
    if (!route) {
        import_note(im, NOTE_LOST, s->path, SPAN_NONE, "nothing is left of this config that a route could be");
        s->name = SPAN_NONE;
        return;
    }
    import_put(im, import_section(im, "routes"), s->name.at, route);
    bool same = span_is(s->name, s->id);
    import_note(im, same ? NOTE_MAPPED : NOTE_DIFFERS, s->path, arena_print(im->a, "routes.%.*s", SPAN_ARG(s->name)), "%s",
        same ? "x-portkey-config names it as before" : "its name had characters that a name here has not");
}

static void make_key(struct import *im)
{
    struct node *list = import_list(im), *key = import_map(im);
    import_put(im, key, "name", import_text(im, SPAN("portkey")));
    import_put(im, key, "policy", import_text(im, import_policy(im, NULL, 0)));
    import_put(im, key, "credentials", import_all_credentials(im));
    import_add(list, key);
    import_put(im, im->root, "keys", list);
    im->keys_without_token++;
}

void import_finish_portkey(struct import *im, void *state)
{
    struct portkey *p = state;
    portkey_slugs(p);
    for (struct saved *s = p->configs; s; s = s->next)
        make_route(p, s);
    if (p->keys)
        portkey_keys(p);
    else
        make_key(im);
    map_free(&p->vendor_by_slug);
}
