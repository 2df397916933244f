/* SPDX-License-Identifier: Apache-2.0
 * import_portkey_config.c - a config object as a route. Our vocabulary is theirs and more, so most of it is taken as it stands; what belongs
 * to vendors and credentials here (hosts, keys, clouds' settings) is taken out of it. */
#include "cli/import_portkey.h"

enum { DEPTH_MOST = 7, MAX_AGE_LEAST = 60, MAX_AGE_MOST = 90 * 86400 };

struct reading {
    struct portkey *p;
    const struct node *source;
    struct node *out;
    int depth;
    bool unusable;
};

static struct node *read_node(struct portkey *p, const struct node *n, struct span path, int depth);

static void as_it_stands(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    struct span name = portkey_snake(im, n->name);
    import_put(im, r->out, name.at, import_copy(im, n));
    import_note(im, NOTE_MAPPED, path, arena_print(im->a, "routes.%.*s", SPAN_ARG(r->p->name)), NULL);
}

/* ---- strategy ---- */

static void take_sticky(struct import *im, struct node *strategy, const struct node *n, struct span path)
{
    const struct node *fields = portkey_member(im, n, "hash_fields"), *enabled = node_get(n, "enabled");
    if (enabled && !import_true(enabled))
        return;
    if (!fields || fields->kind != NODE_LIST) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "without hash_fields");
        return;
    }
    import_put(im, strategy, "sticky", import_copy(im, fields));
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.strategy.sticky"), "by a hash of these fields, for ever: nothing is kept, so nothing runs out");
}

static void take_strategy(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    struct node *strategy = import_map(im);
    for (const struct node *m = n->kind == NODE_MAP ? n->first : NULL; m; m = m->next) {
        struct span name = portkey_snake(im, m->name), at = import_at(im, path, name.at);
        if (m->kind == NODE_NULL)
            continue;
        if (span_is(name, SPAN("sticky"))) {
            take_sticky(im, strategy, m, at);
        } else if (span_is(name, SPAN("mode")) || span_is(name, SPAN("on_status_codes")) || span_is(name, SPAN("conditions")) || span_is(name, SPAN("default"))) {
            import_put(im, strategy, name.at, import_copy(im, m));
            import_note(im, NOTE_MAPPED, at, SPAN("routes.*.strategy"), NULL);
        } else if (span_is(name, SPAN("cb_config"))) {
            import_put(im, strategy, "cb_config", import_copy(im, m));
            import_note(im, NOTE_DIFFERS, at, SPAN("routes.*.strategy.cb_config"), "of each target's credential and model, for all routes; after the cool-down one call probes");
        } else {
            import_note(im, NOTE_LOST, at, SPAN_NONE, "not known to this importer");
        }
    }
    import_put(im, r->out, "strategy", strategy);
}

static void take_targets(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    struct node *list = import_list(im);
    size_t i = 0;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next, i++) {
        struct node *target = r->depth < DEPTH_MOST ? read_node(r->p, item, import_nth(im, path, i), r->depth + 1) : NULL;
        if (target)
            import_add(list, target);
    }
    if (list->count)
        import_put(im, r->out, "targets", list);
    r->unusable = r->unusable || !list->count;
}

/* ---- times, retries, cache ---- */

static void take_retry(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    struct node *retry = import_map(im);
    const struct node *codes = portkey_member(im, n, "on_status_codes"), *header = portkey_member(im, n, "use_retry_after_header");
    int64_t attempts = import_integer(n, "attempts", 0);
    if (!header)
        header = portkey_member(im, n, "use_retry_after_headers");
    import_put(im, retry, "attempts", import_number(im, attempts < 0 ? 0 : attempts > IMPORT_RETRIES_MOST ? IMPORT_RETRIES_MOST : attempts));
    if (codes)
        import_put(im, retry, "on_status_codes", import_copy(im, codes));
    if (header)
        import_put(im, retry, "use_retry_after_header", import_copy(im, header));
    import_put(im, r->out, "retry", retry);
    import_note(im, attempts > IMPORT_RETRIES_MOST ? NOTE_DIFFERS : NOTE_MAPPED, path, SPAN("routes.*.retry"), "%s", attempts > IMPORT_RETRIES_MOST ? "at most 5" : "");
}

static void take_cache(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    struct node *cache = import_map(im);
    const struct node *age = portkey_member(im, n, "max_age");
    struct span mode = n->kind == NODE_SCALAR ? n->text : import_scalar(n, "mode");
    int64_t seconds = 0;
    import_put(im, cache, "mode", import_text(im, span_is(mode, SPAN("semantic")) ? SPAN("semantic") : SPAN("exact")));
    bool given = age && span_to_i64(age->text, &seconds) && seconds > 0;
    int64_t kept = seconds < MAX_AGE_LEAST ? MAX_AGE_LEAST : seconds > MAX_AGE_MOST ? MAX_AGE_MOST : seconds;
    if (given)
        import_put(im, cache, "max_age", import_text(im, arena_print(im->a, "%llds", (long long)kept)));
    import_put(im, r->out, "cache", cache);
    import_note(im, given && kept != seconds ? NOTE_DIFFERS : NOTE_MAPPED, path, SPAN("routes.*.cache"), "%s", given && kept != seconds ? "a minute at least, 90 days at most" : "seconds, as their documents say");
}

/* ---- whose ---- */

static void put_model(struct reading *r, struct span vendor)
{
    struct import *im = r->p->im;
    struct span model = import_scalar(portkey_member(im, r->source, "override_params"), "model");
    if (!model.at)
        model = import_scalar(r->source, "model");
    import_use(im, vendor, model.at ? model : SPAN("*"));
    bool own = node_get(node_get(node_get(im->root, "vendors"), arena_copy(im->a, vendor).at), "dialect") != NULL;
    if (own && model.at && !import_price_copy(im, SPAN("openai"), model, vendor))
        import_abilities(im, vendor, model, SPAN("stream"));
}

static void use_slug(struct reading *r, struct span slug, struct span path)
{
    struct import *im = r->p->im;
    const struct span *vendor = portkey_slug(r->p, slug);
    if (!vendor) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "virtual key %.*s is in no file, so that nothing says whose it is (give the list of them, or --vendor %.*s=openai); the target is left out",
            SPAN_ARG(span_first(slug, 60)), SPAN_ARG(span_first(slug, 60)));
        r->unusable = true;
        return;
    }
    import_put(im, r->out, "provider", import_text(im, *vendor));
    import_put(im, r->out, "credential", import_text(im, import_slug(im, slug, true)));
    put_model(r, *vendor);
    import_note(im, NOTE_MAPPED, path, arena_print(im->a, "credentials.%.*s", SPAN_ARG(slug)), NULL);
}

static void take_virtual_key(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)im;
    use_slug(self, span_starts(n->text, SPAN("@")) ? span_from(n->text, 1) : n->text, path);
}

/* A provider by its name, perhaps with a key and a host in the config itself. */
static void take_provider(struct import *im, void *self, struct span path, const struct node *n)
{
    struct reading *r = self;
    bool open;
    struct span environment, vendor = import_provider(im, n->text, &environment, &open);
    const struct node *key = portkey_member(im, r->source, "api_key"), *host = portkey_member(im, r->source, "custom_host");
    if (span_starts(n->text, SPAN("@"))) {
        use_slug(r, span_from(n->text, 1), path);
        return;
    }
    if (host) {
        const char *dialect = span_is(vendor, SPAN("anthropic")) ? "anthropic" : "openai";
        struct span at = import_at(im, r->p->path, "custom_host");
        vendor = import_own_vendor(im, import_slug(im, n->text, false), host->text, dialect, key ? NULL : "none", at);
        environment = arena_print(im->a, "%.*s_API_KEY", SPAN_ARG(import_variable_name(im, vendor)));
    }
    if (!vendor.at || (open && !host)) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%s; the target is left out", open ? "its address has parts to fill in: make an entry in vendors:" : host ? "custom_host is no address" : "not known here");
        r->unusable = true;
        return;
    }
    struct node *secret = key || !host ? import_secret(im, key ? key->text : SPAN_NONE, environment, import_at(im, path, "api_key")) : NULL;
    import_put(im, r->out, "provider", import_text(im, vendor));
    import_put(im, r->out, "credential", import_text(im, import_credential(im, vendor, vendor, secret, NULL)));
    put_model(r, vendor);
    import_note(im, host ? NOTE_DIFFERS : NOTE_MAPPED, path, arena_print(im->a, "vendors.%.*s", SPAN_ARG(vendor)), "%s",
        host ? "a vendor of its own; its models have no price unless prices: says so" : "");
}

static void take_guardrails(struct import *im, void *self, struct span path, const struct node *n)
{
    size_t i = 0;
    (void)self;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : n; item; item = n->kind == NODE_LIST ? item->next : NULL)
        import_note(im, NOTE_LOST, import_nth(im, path, i++), SPAN_NONE, "guardrail %.*s: %s; calls are not checked by it",
            SPAN_ARG(item->kind == NODE_SCALAR ? span_first(item->text, 60) : SPAN("(in place)")), item->kind == NODE_SCALAR ? "its id says nothing outside of Portkey" : "give it anew");
}

static const struct import_rule rules[] = {
    { "strategy", NOTE_SILENT, NULL, NULL, take_strategy }, { "targets", NOTE_SILENT, NULL, NULL, take_targets },
    { "name", NOTE_SILENT, NULL, NULL, as_it_stands }, { "weight", NOTE_SILENT, NULL, NULL, as_it_stands },
    { "override_params", NOTE_SILENT, NULL, NULL, as_it_stands }, { "default_params", NOTE_SILENT, NULL, NULL, as_it_stands },
    { "drop_params", NOTE_SILENT, NULL, NULL, as_it_stands }, { "request_timeout", NOTE_SILENT, NULL, NULL, as_it_stands },
    { "forward_headers", NOTE_SILENT, NULL, NULL, as_it_stands }, { "passthrough", NOTE_SILENT, NULL, NULL, as_it_stands },
    { "model", NOTE_SILENT, NULL, NULL, as_it_stands },
    { "retry", NOTE_SILENT, NULL, NULL, take_retry }, { "cache", NOTE_SILENT, NULL, NULL, take_cache },
    { "virtual_key", NOTE_SILENT, NULL, NULL, take_virtual_key }, { "provider", NOTE_SILENT, NULL, NULL, take_provider },
    { "api_key", NOTE_MAPPED, "credentials", "a literal is in no file: set the variable", NULL }, { "custom_host", NOTE_MAPPED, "vendors", NULL, NULL },
    { "input_guardrails", NOTE_SILENT, NULL, NULL, take_guardrails }, { "output_guardrails", NOTE_SILENT, NULL, NULL, take_guardrails },
    { "default_*_guardrails", NOTE_SILENT, NULL, NULL, take_guardrails },
    { "before_request_hooks", NOTE_LOST, NULL, "hooks are not run here", NULL }, { "after_request_hooks", NOTE_LOST, NULL, "hooks are not run here", NULL },
    { "*_mutators", NOTE_LOST, NULL, "texts are not rewritten here", NULL }, { "prompt_id", NOTE_LOST, NULL, "stored prompts are not kept here", NULL },
    { "strict_open_ai_compliance", NOTE_MAPPED, NULL, "of no effect", NULL }, { "id", NOTE_MAPPED, NULL, "of no effect", NULL },
    { "fetch_integrated_models", NOTE_MAPPED, NULL, "GET /v1/models lists what the key may call", NULL },
    { "aws_*", NOTE_LOST, NULL, "say it in vendors.bedrock.settings and its credential", NULL }, { "azure_*", NOTE_LOST, NULL, "say it in vendors.azure and its credential", NULL },
    { "resource_name", NOTE_LOST, NULL, "vendors.azure.settings.resource", NULL }, { "deployment_id", NOTE_LOST, NULL, "the deployment is the model here", NULL },
    { "api_version", NOTE_LOST, NULL, "vendors.azure.settings.api_version", NULL }, { "vertex_*", NOTE_LOST, NULL, "say it in vendors.vertex and its credential", NULL },
    { "openai_*", NOTE_LOST, NULL, "a project's secret says it", NULL }, { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

/* Rules are by snake_case names. */
static struct node *snaked(struct import *im, const struct node *n)
{
    struct node *map = import_map(im);
    for (const struct node *m = n->kind == NODE_MAP ? n->first : NULL; m; m = m->next)
        import_put(im, map, portkey_snake(im, m->name).at, import_copy(im, m));
    return map;
}

static struct node *read_node(struct portkey *p, const struct node *n, struct span path, int depth)
{
    struct import *im = p->im;
    struct reading r = { .p = p, .source = n, .out = import_map(im), .depth = depth };
    import_walk(im, snaked(im, n), path, rules, &r);
    bool single = span_is(import_scalar(node_get(r.out, "strategy"), "mode"), SPAN("single"));
    if (node_get(r.out, "strategy") && !node_get(r.out, "targets") && !single)
        return NULL;
    return r.unusable ? NULL : r.out;
}

struct node *portkey_route(struct portkey *p, const struct node *config, struct span path) { return read_node(p, config, path, 0); }
