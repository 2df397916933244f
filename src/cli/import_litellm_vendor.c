/* SPDX-License-Identifier: Apache-2.0
 * import_litellm_vendor.c - whose model a deployment is, by which address and with which secret: "azure/prod", api_base, api_key, aws_*,
 * vertex_*, or a named credential. */
#include "cli/import_litellm.h"
#include "config/providers.h"

struct place {
    struct litellm *l;
    struct deployment *d;
    struct span path;             /* of litellm_params */
    const struct node *named;     /* values of litellm_credential_name; NULL */
    struct span provider, theirs; /* slug of the catalogue; as they write it */
    struct span environment;
    struct span base;
    bool open, known;
};

static struct span value(const struct place *p, const char *name)
{
    struct span own = import_scalar(p->d->params, name);
    return own.len ? own : import_scalar(p->named, name);
}

static bool lost(const struct place *p, const char *field, const char *why)
{
    import_note(p->l->im, NOTE_LOST, import_at(p->l->im, p->path, field), SPAN_NONE, "%s; the deployment is left out", why);
    return false;
}

static void find_named(struct place *p)
{
    struct import *im = p->l->im;
    struct span name = import_scalar(p->d->params, "litellm_credential_name");
    const struct node *list = p->l->credential_list;
    for (const struct node *n = list && list->kind == NODE_LIST ? list->first : NULL; n && name.at; n = n->next)
        if (span_is(import_scalar(n, "credential_name"), name))
            p->named = node_get(n, "credential_values");
    if (name.at)
        import_note(im, p->named ? NOTE_MAPPED : NOTE_LOST, import_at(im, p->path, "litellm_credential_name"), SPAN("credentials"), "%s",
            p->named ? "" : "it is not in credential_list (in their database, perhaps): the usual variable stands in its place");
}

/* Servers that speak OpenAI's API and belong to nobody. */
static bool is_generic(struct span theirs)
{
    static const char *const names[] = { "openai_like", "custom_openai", "hosted_vllm", "litellm_proxy", "text-completion-openai" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (span_is(theirs, span_of(names[i])))
            return true;
    return false;
}

/* Without a prefix LiteLLM knows the provider by the model. */
static struct span provider_of(struct litellm *l, struct span model)
{
    static const char *const makers[] = { "openai", "anthropic", "cohere", "mistral", "deepseek", "xai" };
    for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++)
        if (price_find(l->im->book, span_of(makers[i]), model))
            return span_of(makers[i]);
    return span_starts(model, SPAN("gemini")) ? SPAN("vertex") : SPAN("openai");
}

static bool split_model(struct place *p)
{
    struct import *im = p->l->im;
    struct span text = import_scalar(p->d->params, "model"), rest = text, head = SPAN_NONE;
    struct span said = import_scalar(p->d->params, "custom_llm_provider");
    struct provider known;
    if (!text.len)
        return lost(p, "model", "there is none");
    bool slash = span_cut(&rest, '/', &head), prefix = slash && (provider_find(head, &known) || is_generic(head));
    if (slash && !prefix && !said.at && !value(p, "api_base").len)
        return lost(p, "model", "this provider is not known here, and there is no api_base");
    p->theirs = said.at ? said : prefix ? head : provider_of(p->l, text);
    p->d->model = prefix && (!said.at || span_is(said, head)) ? rest : text;
    if (span_is(p->theirs, SPAN("bedrock")) && (span_starts(p->d->model, SPAN("converse/")) || span_starts(p->d->model, SPAN("invoke/"))))
        span_cut(&p->d->model, '/', &head);
    if (span_find_byte(p->d->model, '*') >= 0)
        p->d->model = SPAN_NONE;
    p->provider = import_provider(im, is_generic(p->theirs) ? SPAN("openai") : p->theirs, &p->environment, &p->open);
    p->known = p->provider.at && !is_generic(p->theirs);
    if (said.at)
        import_note(im, NOTE_MAPPED, import_at(im, p->path, "custom_llm_provider"), SPAN("routes.*.provider"), NULL);
    return true;
}

/* ---- secrets ---- */

static void take_secret(struct place *p, bool needed)
{
    struct import *im = p->l->im;
    struct span text = value(p, "api_key"), path = import_at(im, p->path, "api_key");
    struct span wanted = span_is(p->d->vendor, p->provider) ? p->environment : arena_print(im->a, "%.*s_API_KEY", SPAN_ARG(import_variable_name(im, p->d->vendor)));
    struct node *secret = text.len || needed ? import_secret(im, text.len ? text : SPAN_NONE, text.len ? wanted : p->environment, path) : NULL;
    p->d->credential = import_credential(im, p->d->vendor, p->d->vendor, secret, NULL);
    struct span ours = arena_print(im->a, "credentials.%.*s", SPAN_ARG(p->d->credential));
    bool literal = text.len && !span_starts(text, SPAN("os.environ/"));
    if (text.len)
        import_note(im, NOTE_MAPPED, path, ours, literal ? "a literal: set the variable, it is not written anywhere" : NULL);
    if (!text.len && needed)
        import_note(im, NOTE_MAPPED, p->d->path, ours, "no api_key: the variable that LiteLLM would read");
}

static struct node *reference_of(struct place *p, const char *field, const char *variable)
{
    struct import *im = p->l->im;
    return import_secret(im, value(p, field), span_of(variable), import_at(im, p->path, field));
}

/* A setting of a vendor: the first deployment says it, and another value is another place. False: it says another one. */
static bool set_setting(struct place *p, const char *field, const char *setting, const char *variable)
{
    struct import *im = p->l->im;
    struct span text = value(p, field), path = import_at(im, p->path, field);
    struct node *settings = import_member(im, import_member(im, import_section(im, "vendors"), arena_copy(im->a, p->provider).at), "settings");
    bool reference = !text.len || span_starts(text, SPAN("os.environ/"));
    struct node *n = reference ? import_reference(im, text.len ? import_variable_name(im, span_from(text, 11)) : span_of(variable), path, SPAN("stand-in")) : import_text(im, text);
    const struct node *there = node_get(settings, setting);
    if (there && !span_is(there->text, n->text))
        return false;
    if (!there)
        import_put(im, settings, setting, n);
    if (text.len)
        import_note(im, NOTE_MAPPED, path, arena_print(im->a, "vendors.%.*s.settings.%s", SPAN_ARG(p->provider), setting), NULL);
    return true;
}

/* ---- three that have more than a key ---- */

static bool place_bedrock(struct place *p)
{
    struct import *im = p->l->im;
    struct span token = value(p, "aws_session_token");
    if (!set_setting(p, "aws_region_name", "region", "AWS_REGION_NAME"))
        return lost(p, "aws_region_name", "another region than the first one's, and a vendor has one");
    struct node *id = reference_of(p, "aws_access_key_id", "AWS_ACCESS_KEY_ID"), *secret = reference_of(p, "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY");
    if (token.len) {
        struct node *behind = reference_of(p, "aws_session_token", "AWS_SESSION_TOKEN");
        struct span *stand_in = ARENA_NEW(im->a, struct span);
        secret->text = arena_print(im->a, "%.*s:%.*s", SPAN_ARG(secret->text), SPAN_ARG(behind->text));
        must(stand_in);
        *stand_in = SPAN("stand-in:stand-in");
        must(map_put(&im->stand_ins, secret->text, stand_in));
    }
    p->d->vendor = p->provider;
    p->d->credential = import_credential(im, p->provider, p->provider, secret, id);
    import_note(im, NOTE_MAPPED, import_at(im, p->path, "aws_secret_access_key"), arena_print(im->a, "credentials.%.*s", SPAN_ARG(p->d->credential)), NULL);
    return true;
}

static bool place_vertex(struct place *p)
{
    struct import *im = p->l->im;
    struct span text = value(p, "vertex_credentials"), path = import_at(im, p->path, "vertex_credentials");
    if (!set_setting(p, "vertex_project", "project", "VERTEXAI_PROJECT"))
        return lost(p, "vertex_project", "another project than the first one's, and a vendor has one");
    if (!set_setting(p, "vertex_location", "location", "VERTEXAI_LOCATION"))
        return lost(p, "vertex_location", "another location than the first one's, and a vendor has one");
    bool file = text.len && !span_starts(text, SPAN("os.environ/")) && span_find_byte(text, '{') < 0;
    struct node *secret = import_secret(im, file || !text.len ? SPAN_NONE : text, SPAN("VERTEX_KEY_FILE"), path);
    p->d->vendor = p->provider;
    p->d->credential = import_credential(im, p->provider, p->provider, secret, NULL);
    import_note(im, NOTE_DIFFERS, path, arena_print(im->a, "credentials.%.*s", SPAN_ARG(p->d->credential)), "the variable holds the key file's content%s",
        file ? "; or write ${file:PATH} in its place" : "");
    return true;
}

/* "https://name.openai.azure.com/" is the resource "name". */
static struct span azure_resource(struct span base)
{
    struct span rest = span_from(base, 8), name = SPAN_NONE;
    bool good = span_starts(base, SPAN("https://")) && span_cut(&rest, '.', &name) && span_starts(rest, SPAN("openai.azure.com"));
    return good ? name : SPAN_NONE;
}

static void put_azure_address(struct place *p, struct node *vendor)
{
    struct import *im = p->l->im;
    struct span resource = azure_resource(p->base), marked = SPAN("os.environ/");
    if (resource.at)
        import_put(im, import_member(im, vendor, "settings"), "resource", import_text(im, resource));
    else if (span_starts(p->base, marked) || !p->base.len) {
        struct span name = p->base.len ? import_variable_name(im, span_from(p->base, marked.len)) : SPAN("AZURE_API_BASE");
        struct node *url = import_reference(im, name, import_at(im, p->path, "api_base"), SPAN_NONE);
        struct span *stand_in = ARENA_NEW(im->a, struct span);
        must(stand_in);
        *stand_in = SPAN("https://stand-in.example/openai");
        url->text = arena_print(im->a, "%.*s/openai", SPAN_ARG(url->text));
        must(map_put(&im->stand_ins, url->text, stand_in));
        import_put(im, vendor, "base_url", url);
    } else {
        import_put(im, vendor, "base_url", import_text(im, arena_print(im->a, "%.*s/openai", SPAN_ARG(p->base))));
    }
    p->l->azure_base = p->base.at ? p->base : SPAN("");
}

static bool place_azure(struct place *p, const struct node *info)
{
    struct import *im = p->l->im;
    struct span base_model = import_scalar(info, "base_model"), head, version = value(p, "api_version"), path = import_at(im, p->path, "api_base");
    const struct node *vendors = node_get(im->root, "vendors"), *there = node_get(vendors, "azure");
    while (span_ends(p->base, SPAN("/")))
        p->base.len--;
    if (!there) {
        struct node *vendor = import_member(im, import_section(im, "vendors"), "azure");
        put_azure_address(p, vendor);
        if (version.len && !span_starts(version, SPAN("os.environ/")))
            import_put(im, import_member(im, vendor, "settings"), "api_version", import_text(im, version));
        p->d->vendor = SPAN("azure");
        import_note(im, NOTE_MAPPED, path, SPAN("vendors.azure"), NULL);
    } else if (span_is(p->l->azure_base, p->base)) {
        p->d->vendor = SPAN("azure");
        import_note(im, NOTE_MAPPED, path, SPAN("vendors.azure"), NULL);
    } else {
        struct span url = arena_print(im->a, "%.*s/openai/v1", SPAN_ARG(p->base));
        p->d->vendor = span_starts(p->base, SPAN("http")) ? import_own_vendor(im, SPAN("azure"), url, "openai", "header:api-key", path) : SPAN_NONE;
        if (!p->d->vendor.at)
            return lost(p, "api_base", "a second Azure resource needs its address itself, no variable");
        import_note(im, NOTE_DIFFERS, path, arena_print(im->a, "vendors.%.*s", SPAN_ARG(p->d->vendor)), "a second resource: by Azure's API of version v1");
    }
    if (version.len)
        import_note(im, NOTE_MAPPED, import_at(im, p->path, "api_version"), SPAN("vendors.azure.settings.api_version"), NULL);
    if (span_starts(base_model, SPAN("azure/")))
        span_cut(&base_model, '/', &head);
    if (base_model.len && p->d->model.at) {
        struct node *vendor = import_member(im, import_section(im, "vendors"), arena_copy(im->a, p->d->vendor).at);
        import_put(im, import_member(im, vendor, "models"), arena_copy(im->a, p->d->model).at, import_text(im, base_model));
        if (!span_is(p->d->vendor, SPAN("azure")))
            (void)import_price_copy(im, SPAN("azure"), base_model, p->d->vendor);
        import_note(im, NOTE_MAPPED, import_at(im, import_at(im, p->d->path, "model_info"), "base_model"), SPAN("vendors.*.models"), NULL);
    } else if (p->d->model.at && !price_find(im->book, SPAN("azure"), p->d->model)) {
        import_note(im, NOTE_DIFFERS, import_at(im, p->path, "model"), SPAN("vendors.*.models"), "a deployment without base_model has no price: name its model there");
    }
    take_secret(p, true);
    return true;
}

/* ---- all others ---- */

static bool same_address(struct span a, struct span b)
{
    while (span_ends(a, SPAN("/")))
        a.len--;
    while (span_ends(b, SPAN("/")))
        b.len--;
    return span_is(a, b);
}

static bool place_by_address(struct place *p)
{
    struct import *im = p->l->im;
    struct provider known;
    const char *dialect = "openai";
    struct span path = import_at(im, p->path, "api_base"), base = p->base, key = value(p, "api_key");
    bool found = provider_find(p->provider, &known);
    bool bare = !key.len && (is_generic(p->theirs) || !found || span_is(p->provider, SPAN("ollama")) || span_is(known.auth, SPAN("none")));
    if (span_is(p->provider, SPAN("anthropic")) || span_is(p->provider, SPAN("gemini")) || span_is(p->provider, SPAN("ollama")))
        dialect = arena_copy(im->a, p->provider).at;
    while (span_ends(base, SPAN("/")))
        base.len--;
    if (span_is(span_of(dialect), SPAN("anthropic")) && span_starts(base, SPAN("http")) && !span_ends(base, SPAN("/v1")))
        base = arena_print(im->a, "%.*s/v1", SPAN_ARG(base)); /* LiteLLM adds it */
    p->d->vendor = import_own_vendor(im, found && !is_generic(p->theirs) ? p->provider : p->theirs, base, dialect, bare ? "none" : NULL, path);
    if (!p->d->vendor.at)
        return lost(p, "api_base", "no address (http://host or https://host, without user and query)");
    struct span ours = arena_print(im->a, "vendors.%.*s", SPAN_ARG(p->d->vendor));
    bool priced = p->d->model.at && (import_price_copy(im, p->provider, p->d->model, p->d->vendor) || import_scalar(p->d->params, "input_cost_per_token").at);
    import_note(im, priced ? NOTE_MAPPED : NOTE_DIFFERS, path, ours, "%s", priced ? "a vendor of its own, with the book's prices" :
            "a vendor of its own; its models have no price yet, and budgets in money refuse what has none: prices: { VENDOR/MODEL: { in, out } }");
    take_secret(p, !bare);
    return true;
}

bool litellm_place(struct litellm *l, struct deployment *d, const struct node *info)
{
    struct import *im = l->im;
    struct place p = { .l = l, .d = d, .path = import_at(im, d->path, "litellm_params") };
    struct provider known;
    find_named(&p);
    if (!split_model(&p))
        return false;
    p.base = value(&p, "api_base").len ? value(&p, "api_base") : value(&p, "base_url");
    bool good = true;
    if (span_is(p.provider, SPAN("bedrock")))
        good = place_bedrock(&p);
    else if (span_is(p.provider, SPAN("vertex")))
        good = place_vertex(&p);
    else if (span_is(p.provider, SPAN("azure")))
        good = place_azure(&p, info);
    else if (p.base.len && !(p.known && provider_find(p.provider, &known) && same_address(known.base_url, p.base)))
        good = place_by_address(&p);
    else if (!p.known)
        good = lost(&p, "model", "this provider is not known here, and there is no api_base");
    else if (p.open)
        good = lost(&p, "model", "this provider's address has parts to fill in, which only its entry in vendors: can say");
    else {
        d->vendor = p.provider;
        take_secret(&p, !provider_find(p.provider, &known) || !span_is(known.auth, SPAN("none")));
        if (p.base.len)
            import_note(im, NOTE_MAPPED, import_at(im, p.path, "api_base"), SPAN_NONE, "its usual address");
    }
    if (good)
        import_note(im, NOTE_MAPPED, import_at(im, p.path, "model"), arena_print(im->a, "routes.*: %.*s/%.*s", SPAN_ARG(d->vendor), SPAN_ARG(d->model.at ? d->model : SPAN("*"))), NULL);
    return good;
}
