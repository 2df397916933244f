/* SPDX-License-Identifier: Apache-2.0
 * import_openrouter.c - OpenRouter's preferences (what stands in a call's body: models, provider, ...) as routes, and an account's keys as
 * keys. A slug such as "anthropic/claude-sonnet-4.5" is its maker's model here, where the price book has it; else OpenRouter stays the vendor. */
#include "base/text.h"
#include "cli/import.h"

enum { MODELS_MOST = 16, VENDORS_MOST = 16, HOSTS_MOST = 64 };

struct kept {
    struct span path, name;
    const struct node *n;
    bool key;
    struct kept *next;
};

struct openrouter {
    struct import *im;
    struct kept *first, **end;
};

/* One preference being made a route. */
struct making {
    struct import *im;
    struct span path, name;
    struct node *route;
    struct span models[MODELS_MOST];
    size_t model_count;
    struct span first[VENDORS_MOST], only[VENDORS_MOST], ignored[VENDORS_MOST]; /* provider.order, .only, .ignore */
    size_t first_count, only_count, ignored_count;
    const struct node *provider; /* for what stays with OpenRouter */
    bool no_fallbacks;
    const char *sort;     /* "cheapest", "fastest"; NULL: in order */
};

/* ---- models ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/* "x-ai" is xai, "meta-llama" is nobody's host. */
static struct span maker(struct import *im, struct span author)
{
    bool open;
    struct span environment, vendor = import_provider(im, span_is(author, SPAN("google")) ? SPAN("gemini") : author, &environment, &open);
    return open ? SPAN_NONE : vendor;
}

/* Letters and digits alone, whichever case. */
static bool same_letters(struct span a, struct span b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a.len && !is_letter(a.at[i]))
            i++;
        while (k < b.len && !is_letter(b.at[k]))
            k++;
        if (i == a.len || k == b.len)
            return i == a.len && k == b.len;
        if (!span_is_nocase(span_make(a.at + i++, 1), span_make(b.at + k++, 1)))
            return false;
    }
}

/* OpenRouter writes versions with dots where makers have dashes: "claude-sonnet-4.5". */
static struct span book_name(struct import *im, struct span vendor, struct span slug, struct span model)
{
    struct span dashed = arena_copy(im->a, model);
    for (size_t i = 0; i < dashed.len; i++)
        if (dashed.at[i] == '.')
            ((char *)(uintptr_t)dashed.at)[i] = '-';
    struct span forms[] = { model, dashed, slug };
    struct price_cursor at = { SPAN_NONE, SPAN_NONE };
    const struct price *p;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (price_find(im->book, vendor, forms[i]))
            return forms[i];
    while ((p = price_next(im->book, vendor, &at))) /* "meta-llama/Llama-3.3-70B-Instruct" */
        if (same_letters(price_model(p), slug) || same_letters(price_model(p), model))
            return price_model(p);
    return SPAN_NONE;
}

/* ":free", ":nitro", ":floor" and so on. */
static struct span cut_variant(struct span slug, struct span *variant)
{
    ptrdiff_t colon = span_find_byte(slug, ':');
    *variant = colon < 0 ? SPAN_NONE : span_from(slug, (size_t)colon + 1);
    return colon < 0 ? slug : span_first(slug, (size_t)colon);
}

static bool is_in(struct span text, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i], text))
            return true;
    return false;
}

static void add_target(struct making *m, struct node *list, struct span vendor, struct span model)
{
    struct import *im = m->im;
    bool open;
    struct span environment, slug = import_provider(im, vendor, &environment, &open);
    struct node *target = import_map(im), *secret = import_reference(im, environment, m->path, SPAN_NONE);
    import_put(im, target, "provider", import_text(im, slug));
    import_put(im, target, "credential", import_text(im, import_credential(im, slug, slug, secret, NULL)));
    import_put(im, target, "model", import_text(im, model));
    import_use(im, slug, model);
    import_add(list, target);
}

/* Once for each vendor. */
static void add_host(struct making *m, struct node *list, size_t before, struct span vendor, struct span slug, struct span model)
{
    struct span name = is_in(vendor, m->ignored, m->ignored_count) ? SPAN_NONE : book_name(m->im, vendor, slug, model);
    if (m->only_count && !is_in(vendor, m->only, m->only_count))
        return;
    size_t at = 0;
    for (const struct node *n = list->first; n; n = n->next, at++)
        if (at >= before && span_is(import_scalar(n, "provider"), vendor))
            return;
    if (name.at && list->count < HOSTS_MOST)
        add_target(m, list, vendor, name);
}

/* Where a model is to be had, by what the preference says of providers. What nobody has stays with OpenRouter, which is told the same. */
static size_t add_model(struct making *m, struct node *list, struct span slug)
{
    struct import *im = m->im;
    struct span author, rest = slug;
    size_t before = list->count;
    if (!span_cut(&rest, '/', &author))
        return 0;
    for (size_t i = 0; i < m->first_count; i++)
        add_host(m, list, before, m->first[i], slug, rest);
    for (size_t i = 0; i < m->only_count; i++)
        add_host(m, list, before, m->only[i], slug, rest);
    struct span own = maker(im, author);
    if (own.at && (!m->no_fallbacks || !m->first_count))
        add_host(m, list, before, own, slug, rest);
    if (list->count > before)
        return list->count - before;
    add_target(m, list, SPAN("openrouter"), slug);
    struct node *last = list->first;
    while (last->next)
        last = last->next;
    if (m->provider)
        import_put(im, import_member(im, last, "override_params"), "provider", import_copy(im, m->provider));
    return 1;
}

static void take_model(struct making *m, struct span slug, struct span path)
{
    static const struct {
        const char *variant, *sort, *why;
    } variants[] = { { "nitro", "fastest", "strategy fastest" }, { "floor", "cheapest", "strategy cheapest" } };
    struct import *im = m->im;
    struct span variant, plain = cut_variant(slug, &variant);
    for (size_t i = 0; variant.at && i < sizeof(variants) / sizeof(*variants); i++) {
        if (!span_is(variant, span_of(variants[i].variant)))
            continue;
        m->sort = variants[i].sort;
        import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.strategy"), "%s, for all models of it", variants[i].why);
        variant = SPAN_NONE;
    }
    if (variant.at)
        plain = slug; /* ":free" and the like are OpenRouter's alone */
    if (m->model_count == MODELS_MOST || span_find_byte(plain, '/') <= 0)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s: %s", SPAN_ARG(span_first(slug, 80)), m->model_count == MODELS_MOST ? "more than 16 models" : "no author/model");
    else if (span_is(plain, SPAN("openrouter/auto")))
        import_note(im, NOTE_LOST, path, SPAN_NONE, "which model to ask is not guessed here: list them");
    else
        m->models[m->model_count++] = arena_copy(im->a, plain);
}

static void take_models(struct import *im, void *self, struct span path, const struct node *n)
{
    size_t i = 0;
    if (n->kind == NODE_SCALAR)
        take_model(self, n->text, path);
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next)
        take_model(self, item->text, import_nth(im, path, i++));
}

/* ---- provider: ---- */

static void take_names(struct import *im, struct making *m, struct span path, const struct node *n, struct span *list, size_t *count)
{
    size_t i = 0;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : n; item; item = n->kind == NODE_LIST ? item->next : NULL, i++) {
        bool open = false;
        struct span lower = arena_copy(im->a, item->text), head = lower, rest = lower, environment;
        for (size_t k = 0; k < lower.len; k++)
            if (lower.at[k] >= 'A' && lower.at[k] <= 'Z')
                ((char *)(uintptr_t)lower.at)[k] = (char)(lower.at[k] - 'A' + 'a');
        span_cut(&rest, '/', &head); /* "deepinfra/turbo" */
        struct span vendor = import_provider(im, span_is(head, SPAN("google-ai-studio")) ? SPAN("gemini") : head, &environment, &open);
        if (!vendor.at || open || *count == VENDORS_MOST) {
            import_note(im, NOTE_LOST, import_nth(im, path, i), SPAN_NONE, "%.*s: %s", SPAN_ARG(span_first(item->text, 60)),
                open ? "its address has parts to fill in: make an entry in vendors:, and a target" : "not known here");
            continue;
        }
        if (!is_in(vendor, list, *count))
            list[(*count)++] = vendor;
        import_note(im, NOTE_MAPPED, import_nth(im, path, i), arena_print(im->a, "routes.%.*s.targets", SPAN_ARG(m->name)), NULL);
    }
}

static void take_order(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    if (span_is(n->name, SPAN("order")))
        take_names(im, m, path, n, m->first, &m->first_count);
    else
        take_names(im, m, path, n, m->only, &m->only_count);
}

static void take_ignored(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    take_names(im, m, path, n, m->ignored, &m->ignored_count);
}

static void take_fallbacks(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    m->no_fallbacks = n->kind == NODE_SCALAR && span_is(n->text, SPAN("false"));
    import_note(im, NOTE_MAPPED, path, SPAN("routes.*.targets"), "%s", m->no_fallbacks ? "the first alone" : "");
}

static void take_sort(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    bool price = span_is(n->text, SPAN("price")), speed = span_is(n->text, SPAN("throughput")) || span_is(n->text, SPAN("latency"));
    if (!price && !speed) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "allowed: price, throughput, latency");
        return;
    }
    m->sort = price ? "cheapest" : "fastest";
    bool exact = price || span_is(n->text, SPAN("latency"));
    import_note(im, exact ? NOTE_MAPPED : NOTE_DIFFERS, path, SPAN("routes.*.strategy"), "%s", exact ? "" : "by the first byte's latency, not by tokens a second");
}

static void take_collection(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    bool denied = span_is(n->text, SPAN("deny")) || import_true(n);
    if (denied)
        import_put(im, m->route, "zero_retention", import_bare(im, SPAN("true")));
    import_note(im, denied ? NOTE_DIFFERS : NOTE_MAPPED, path, denied ? SPAN("routes.*.zero_retention") : SPAN_NONE, "%s",
        denied ? "only vendors whose entry says zero_retention: true, which you say when your contract does" : "");
    if (denied)
        import_step(im, "vendors.NAME.zero_retention: true, for the vendors that promised it: without one route %.*s finds no target", SPAN_ARG(m->name));
}

static void take_provider(struct import *im, void *self, struct span path, const struct node *n)
{
    static const struct import_rule rules[] = {
        { "order", NOTE_SILENT, NULL, NULL, take_order }, { "only", NOTE_SILENT, NULL, NULL, take_order }, { "ignore", NOTE_SILENT, NULL, NULL, take_ignored },
        { "allow_fallbacks", NOTE_SILENT, NULL, NULL, take_fallbacks }, { "sort", NOTE_SILENT, NULL, NULL, take_sort },
        { "data_collection", NOTE_SILENT, NULL, NULL, take_collection }, { "zdr", NOTE_SILENT, NULL, NULL, take_collection },
        { "require_parameters", NOTE_MAPPED, NULL, "always: what a target cannot be told makes it skipped", NULL },
        { "quantizations", NOTE_LOST, NULL, "vendors do not say it; name the vendors instead (only)", NULL },
        { "max_price", NOTE_LOST, NULL, "no price of a target is capped; a policy's max_call_usd caps a call", NULL },
        { NULL, NOTE_SILENT, NULL, NULL, NULL },
    };
    ((struct making *)self)->provider = n;
    import_walk(im, n, path, rules, self);
}

/* ---- the rest of a body ---- */

static void take_parameter(struct import *im, void *self, struct span path, const struct node *n)
{
    struct making *m = self;
    import_put(im, import_member(im, m->route, "default_params"), arena_copy(im->a, n->name).at, import_copy(im, n));
    import_note(im, NOTE_MAPPED, path, arena_print(im->a, "routes.%.*s.default_params", SPAN_ARG(m->name)), NULL);
}

static void take_route(struct import *im, void *self, struct span path, const struct node *n)
{
    bool fallback = span_is(n->text, SPAN("fallback"));
    (void)self;
    import_note(im, fallback ? NOTE_MAPPED : NOTE_LOST, path, SPAN("routes.*.strategy"), "%s", fallback ? "" : "allowed: fallback");
}

static const struct import_rule body[] = {
    { "model", NOTE_SILENT, NULL, NULL, take_models }, { "models", NOTE_SILENT, NULL, NULL, take_models }, { "route", NOTE_SILENT, NULL, NULL, take_route },
    { "provider", NOTE_SILENT, NULL, NULL, take_provider },
    { "name", NOTE_MAPPED, "routes", NULL, NULL }, { "messages", NOTE_MAPPED, NULL, "a call's own", NULL }, { "stream", NOTE_MAPPED, NULL, "a call's own", NULL },
    { "usage", NOTE_MAPPED, NULL, "always told", NULL },
    { "transforms", NOTE_LOST, NULL, "no text is cut to fit; on_errors: [context_window] leads to a larger model", NULL },
    { "plugins", NOTE_LOST, NULL, "OpenRouter's own", NULL }, { "preset", NOTE_LOST, NULL, "OpenRouter's own", NULL },
    { "temperature", NOTE_SILENT, NULL, NULL, take_parameter }, { "top_p", NOTE_SILENT, NULL, NULL, take_parameter }, { "top_k", NOTE_SILENT, NULL, NULL, take_parameter },
    { "max_tokens", NOTE_SILENT, NULL, NULL, take_parameter }, { "seed", NOTE_SILENT, NULL, NULL, take_parameter }, { "stop", NOTE_SILENT, NULL, NULL, take_parameter },
    { "*_penalty", NOTE_SILENT, NULL, NULL, take_parameter }, { "reasoning*", NOTE_SILENT, NULL, NULL, take_parameter },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

static void put_strategy(struct making *m, struct node *targets)
{
    struct import *im = m->im;
    struct node *how = import_map(im);
    if (m->no_fallbacks && targets->first && !m->sort) {
        targets->first->next = NULL;
        targets->count = 1;
    }
    if (targets->count > 1) {
        import_put(im, how, "mode", import_text(im, m->sort ? span_of(m->sort) : SPAN("fallback")));
        if (m->sort && m->no_fallbacks)
            import_put(im, how, "failover", import_bare(im, SPAN("false")));
        import_put(im, m->route, "strategy", how);
    }
    import_put(im, m->route, "targets", targets);
}

static void make_route(struct import *im, const struct kept *k)
{
    struct making m = { .im = im, .path = k->path, .route = import_map(im) };
    struct node *targets = import_list(im), *models = import_list(im);
    m.name = import_name(im, "routes", k->name);
    import_walk(im, k->n, k->path, body, &m);
    for (size_t i = 0; i < m.model_count; i++) {
        size_t hosts = add_model(&m, targets, m.models[i]);
        const struct node *last = targets->first;
        while (last && last->next)
            last = last->next;
        bool stays = hosts == 1 && span_is(import_scalar(last, "provider"), SPAN("openrouter"));
        import_note(im, stays ? NOTE_DIFFERS : NOTE_MAPPED, import_nth(im, import_at(im, k->path, "models"), i),
            arena_print(im->a, "routes.%.*s: %.*s/%.*s", SPAN_ARG(m.name), SPAN_ARG(import_scalar(last, "provider")), SPAN_ARG(import_scalar(last, "model"))), "%s",
            stays ? "no vendor here has it by that name: OpenRouter stays its vendor, and is told the same of providers" : "");
    }
    if (!targets->count || targets->count > IMPORT_TARGETS_MOST) {
        import_note(im, NOTE_LOST, k->path, SPAN_NONE, "no target is left of it, or more than 64");
        return;
    }
    import_add(models, import_text(im, m.name));
    import_put(im, m.route, "models", models);
    put_strategy(&m, targets);
    import_put(im, import_section(im, "routes"), m.name.at, m.route);
}

/* ---- keys ---- */

static void take_limit(struct import *im, struct node *key, const struct kept *k, struct span name)
{
    struct span limit = import_scalar(k->n, "limit"), left = import_scalar(k->n, "limit_remaining"), reset = import_scalar(k->n, "limit_reset");
    struct span window = span_is(reset, SPAN("daily")) ? SPAN("day") : span_is(reset, SPAN("weekly")) ? SPAN("week") : span_is(reset, SPAN("monthly")) ? SPAN("month") : SPAN("total");
    bool total = span_is(window, SPAN("total"));
    struct node *list = import_list(im), *budget = import_budget(im, total && left.len ? left : limit, "usd", window);
    if (!limit.len)
        return;
    if (!budget && total && left.len) /* overdrawn: nothing is left */
        budget = import_budget(im, SPAN("0"), "usd", window);
    if (!budget) {
        import_note(im, NOTE_LOST, import_at(im, k->path, "limit"), SPAN_NONE, "no amount: this limit is not there");
        return;
    }
    import_add(list, budget);
    import_put(im, key, "budgets", list);
    import_note(im, total && left.len ? NOTE_DIFFERS : NOTE_MAPPED, import_at(im, k->path, "limit"), arena_print(im->a, "keys.%.*s.budgets", SPAN_ARG(name)), "%s",
        total && left.len ? "what was left of it" : "");
}

static void make_key(struct import *im, const struct kept *k, struct node *list, struct span policy)
{
    static const struct import_rule rules[] = {
        { "name", NOTE_MAPPED, "keys[].name", "its secret is not in the export: the key gets a new one", NULL }, { "limit*", NOTE_SILENT, NULL, NULL, NULL },
        { "disabled", NOTE_MAPPED, "keys[].revoked_at", NULL, NULL }, { "expires_at", NOTE_SILENT, NULL, NULL, NULL }, { "usage*", NOTE_MAPPED, NULL, "counts from zero", NULL },
        { "hash", NOTE_SILENT, NULL, NULL, NULL }, { "label", NOTE_SILENT, NULL, NULL, NULL }, { "created_at", NOTE_SILENT, NULL, NULL, NULL }, { "updated_at", NOTE_SILENT, NULL, NULL, NULL },
        { "byok_usage*", NOTE_MAPPED, NULL, "counts from zero", NULL }, { "include_byok_in_limit", NOTE_MAPPED, NULL, "budgets count whatever a call costs", NULL },
        { NULL, NOTE_SILENT, NULL, NULL, NULL },
    };
    struct node *key = import_map(im);
    struct span name = import_name(im, "keys", k->name), expires = import_scalar(k->n, "expires_at");
    int64_t ms;
    import_put(im, key, "name", import_text(im, name));
    import_put(im, key, "policy", import_text(im, policy));
    import_put(im, key, "credentials", import_all_credentials(im));
    take_limit(im, key, k, name);
    if (expires.len && text_time_parse(expires, &ms))
        import_put(im, key, "expires_at", import_text(im, expires));
    else if (expires.len)
        import_note(im, NOTE_LOST, import_at(im, k->path, "expires_at"), SPAN_NONE, "no time that can be read; the key has no end");
    if (import_true(node_get(k->n, "disabled")))
        import_put(im, key, "revoked_at", import_text(im, SPAN("1970-01-01T00:00:01Z")));
    import_walk(im, k->n, k->path, rules, NULL);
    import_add(list, key);
    im->keys_without_token++;
}

/* ---- files ---- */

static bool is_preference(const struct node *n) { return node_get(n, "model") || node_get(n, "models"); }
static bool is_key(const struct node *n) { return node_get(n, "hash") || node_get(n, "limit") || node_get(n, "usage") || node_get(n, "label"); }

static bool keep(struct openrouter *o, const struct node *n, struct span path, struct span name)
{
    struct kept *k = ARENA_NEW(o->im->a, struct kept);
    bool preference = is_preference(n);
    must(k);
    if (!preference && !is_key(n))
        return false;
    *k = (struct kept){ path, import_scalar(n, "name").len ? import_scalar(n, "name") : name, n, !preference, NULL };
    *o->end = k;
    o->end = &k->next;
    return true;
}

/* One, a list, what their API answers ({ data: [...] }), or a map by name. */
bool import_read_openrouter(struct import *im, const struct node *root, struct span file, void **state)
{
    struct openrouter *o = *state ? *state : ARENA_NEW(im->a, struct openrouter);
    const struct node *list = root->kind == NODE_LIST ? root : node_get(root, "data");
    size_t i = 0, found = 0;
    must(o);
    if (!*state) {
        o->im = im;
        o->end = &o->first;
    }
    *state = o;
    if (!list && root->kind == NODE_MAP && keep(o, root, SPAN(""), SPAN("openrouter")))
        return true;
    for (const struct node *n = list ? list->first : root->first; n; n = n->next, i++) {
        struct span path = list ? import_nth(im, SPAN("data"), i) : arena_copy(im->a, n->name);
        bool kept = n->kind == NODE_MAP && keep(o, n, path, list ? SPAN("openrouter") : n->name);
        found += kept;
        if (!kept)
            import_note(im, NOTE_LOST, path, SPAN_NONE, "neither preferences (model, models) nor a key");
    }
    if (!found)
        fprintf(stderr, "tollgate import: %.*s holds nothing of OpenRouter's; allowed: preferences with model or models, or keys\n", SPAN_ARG(file));
    return found > 0;
}

void import_finish_openrouter(struct import *im, void *state)
{
    struct openrouter *o = state;
    struct node *list = import_list(im), *key;
    for (const struct kept *k = o->first; k; k = k->next)
        if (!k->key)
            make_route(im, k);
    struct span policy = import_policy(im, NULL, 0);
    import_put(im, im->root, "keys", list);
    for (const struct kept *k = o->first; k; k = k->next)
        if (k->key)
            make_key(im, k, list, policy);
    if (list->count)
        return;
    key = import_map(im);
    import_put(im, key, "name", import_text(im, SPAN("openrouter")));
    import_put(im, key, "policy", import_text(im, policy));
    import_put(im, key, "credentials", import_all_credentials(im));
    import_add(list, key);
    im->keys_without_token++;
}
