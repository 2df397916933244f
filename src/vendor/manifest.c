/* SPDX-License-Identifier: Apache-2.0
 * manifest.c - compiling a manifest: the top of the file, currencies. The language: docs/manifests.md.
 *
 * Operations are operation.c's, scopes scope.c's, parameters parameter.c's, how requests and answers are dressed envelope.c's,
 * refusals deny.c's. Every fault names file, line and field, what was found and what is allowed; unknown names are faults, since
 * a mistyped rule is no rule. */
#include "base/digest.h"
#include "base/text.h"
#include "rules/canon.h"
#include "vendor/compile.h"

enum { SCRATCH_MOST = 16 << 20 };

static const char *const top_names[] = { "vendor", "title", "provider", "base_url", "origins", "rewrite_links", "optional_prefix",
    "ignored_prefix", "needs_account", "account_in_path", "key_in", "send", "request_headers", "default_headers",
    "exclusive_headers", "answer_headers_dropped", "body", "repeat", "parameters", "scopes", "currencies", "settings", "replayed",
    "idempotency", "request_id", "object_id", "deny", "operations", "objects", "lates", "redact", "hook", "quirks",
    "fill", "default_query", "in_query", "check", NULL };

bool say(struct compiler *c, const struct node *at, const char *path, struct span found, const char *allowed)
{
    trouble_say(c->trouble, at, path, "found \"%.*s\"; allowed: %s", (int)(found.len < 120 ? found.len : 120),
        found.len ? found.at : "", allowed);
    return false;
}

bool say_memory(struct compiler *c, const struct node *at)
{
    trouble_say(c->trouble, at, "manifest", "it needs more memory than allowed");
    return false;
}

const char *below(struct compiler *c, const char *path, struct span name)
{
    struct span text = arena_print(&c->scratch, "%s%s%.*s", path, *path ? "." : "", SPAN_ARG(name));
    return text.at ? text.at : path;
}

const char *item(struct compiler *c, const char *path, size_t index)
{
    struct span text = arena_print(&c->scratch, "%s[%zu]", path, index);
    return text.at ? text.at : path;
}

/* "stripe" and a name become "stripe.name". */
struct span full_name(struct compiler *c, struct span name)
{
    return arena_print(c->arena, "%.*s.%.*s", SPAN_ARG(c->vendor->slug), SPAN_ARG(name));
}

static bool is_slug(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '_' || s.at[i] == '-'))
            return false;
    return s.len > 0 && s.len <= 40;
}

/* flow/front.c has these paths, which a vendor's name must not take away; its test lays the two side by side. */
bool vendor_name_is_free(struct span slug)
{
    static const char *const own[] = { "r", "hooks", "tollgate", "v1", "v1alpha", "v1beta", "v2", "audio", "chat", "completions", "embeddings", "images",
        "messages", "models", "moderations", "rerank", "responses", "videos" };
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (span_is(slug, span_of(own[i])))
            return false;
    return true;
}

bool one_field(struct compiler *c, const struct node *n, const char *path, struct field *out)
{
    const char *why = "a field";
    struct expr x = { .kind = EXPR_FIELD, .field = out };
    if (n->kind != NODE_SCALAR || !field_read(n->text, out, c->arena, &why))
        return say(c, n, path, n->text, why);
    return objects_exist(c, n, path, &x);
}

bool some_fields(struct compiler *c, const struct node *n, const char *path, struct fields *out)
{
    const struct node *first = n && n->kind == NODE_LIST ? n->first : n;
    out->count = n && n->kind == NODE_LIST ? n->count : 1;
    out->list = ARENA_ARRAY(c->arena, struct field, out->count);
    if (!first || !out->list)
        return say(c, n, path, SPAN_NONE, "one or more fields: body.customer, path.customer, header.stripe-account");
    for (size_t i = 0; i < out->count; i++, first = first->next)
        if (!one_field(c, first, path, &out->list[i]))
            return false;
    return true;
}

bool one_rule(struct compiler *c, const struct node *n, const char *path, const struct expr **out)
{
    char why[200] = "a rule";
    if (n->kind != NODE_SCALAR || !expr_read(c->arena, n->text, out, why))
        return say(c, n, path, n->text, why);
    return objects_exist(c, n, path, *out);
}

bool costs_read(struct compiler *c, const struct node *n, const char *path, rule_fits *fits, const struct operation *op,
    const struct expr *out[UNIT_COUNT])
{
    static const char *const names[] = { "usd", "messages", NULL };
    static const enum unit units[] = { UNIT_USD, UNIT_MESSAGES };
    if (n && n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map: usd, messages");
    if (n && !node_only(n, path, names, c->trouble))
        return false;
    for (size_t i = 0; names[i]; i++) {
        const struct node *rule = node_get(n, names[i]);
        const char *place = below(c, path, span_of(names[i]));
        if (rule && !(one_rule(c, rule, place, &out[units[i]]) && fits(c, rule, place, op, out[units[i]])))
            return false;
    }
    return true;
}

static bool currency_read(struct compiler *c, const struct node *n, const char *path, int exponent)
{
    struct manifest *m = c->manifest;
    struct span *codes = NULL;
    size_t count = 0;
    if (!node_spans(c->arena, n, path, &codes, &count, c->trouble))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (codes[i].len != 3 || m->currency_count == MANIFEST_CURRENCIES)
            return say(c, n, path, codes[i], "at most 64 currency codes of three lower-case letters");
        struct currency *to = &m->currencies[m->currency_count++];
        memcpy(to->code, codes[i].at, 3);
        to->exponent = exponent;
    }
    return true;
}

/* currencies: { others: 2, 0: [jpy, ...], 3: [kwd, ...] }; without it no currency is known. */
static bool currencies_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    m->currency_default = -1;
    if (!n)
        return true;
    m->currencies = ARENA_ARRAY(c->arena, struct currency, MANIFEST_CURRENCIES);
    if (!m->currencies)
        return say_memory(c, n);
    if (n->kind != NODE_MAP)
        return say(c, n, "currencies", n->text, "a map: others, and digits (0 to 4) to lists of currencies");
    for (const struct node *at = n->first; at; at = at->next) {
        const char *path = below(c, "currencies", at->name);
        int64_t digits = 0;
        if (span_is(at->name, SPAN("others"))) {
            if (!node_i64(at, path, 0, 4, &digits, c->trouble))
                return false;
            m->currency_default = (int)digits;
            continue;
        }
        if (!span_to_i64(at->name, &digits) || digits < 0 || digits > 4)
            return say(c, at, path, at->name, "others, 0, 1, 2, 3, 4");
        if (!currency_read(c, at, path, (int)digits))
            return false;
    }
    return true;
}

/* replayed: "idempotent-replayed: true" */
static bool replayed_read(struct compiler *c, const struct node *n)
{
    struct span text = SPAN_NONE, name;
    if (!node_span(n, "replayed", &text, c->trouble))
        return false;
    if (!text.at)
        return true;
    struct span rest = text;
    if (!span_cut(&rest, ':', &name))
        return say(c, n, "replayed", text, "a header field and its value, \"idempotent-replayed: true\"");
    c->manifest->replayed = (struct http_field){ name, span_trim(rest) };
    return true;
}

static bool names_read(struct compiler *c, const struct node *root)
{
    struct vendor *v = c->vendor;
    const struct node *slug = node_get(root, "vendor");
    if (!node_span(slug, "vendor", &v->slug, c->trouble))
        return false;
    if (!is_slug(v->slug))
        return say(c, slug ? slug : root, "vendor", v->slug, "a name of lower-case letters, digits, - and _");
    if (!vendor_name_is_free(v->slug))
        return say(c, slug, "vendor", v->slug, "another name: the gate's own paths begin with this one");
    v->title = v->slug;
    return node_span(node_get(root, "title"), "title", &v->title, c->trouble) &&
           node_span(node_get(root, "provider"), "provider", &v->provider, c->trouble) &&
           node_bool(node_get(root, "needs_account"), "needs_account", &v->needs_account, c->trouble);
}

/* "4f1a09c2": the text and where it points. */
static bool version_of(struct compiler *c, const struct node *root, struct span base_url)
{
    struct buf text, hex;
    buf_init(&text, 16u << 20);
    buf_init(&hex, 2 * (size_t)DIGEST_LEN);
    node_write_json(root, &text);
    buf_put(&text, base_url);
    struct digest d = digest_sha256(buf_span(&text));
    buf_put_hex(&hex, span_make((const char *)d.bytes, 4));
    c->vendor->version = arena_copy(c->arena, buf_span(&hex));
    bool fine = !text.broken && c->vendor->version.at;
    buf_free(&text);
    buf_free(&hex);
    return fine || say_memory(c, root);
}

/* What is read elsewhere (fill.c, config/quirks.c) must at least be maps: a mistyped one is no rule. */
static bool maps_are_maps(struct compiler *c, const struct node *root)
{
    static const char *const names[] = { "fill", "quirks" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct node *n = node_get(root, names[i]);
        if (n && n->kind != NODE_MAP)
            return say(c, n, names[i], n->text, "a map");
    }
    return true;
}

/* "GET /v1/balance": what `tollgate doctor` asks with each credential. It must be an operation here, and none that does anything. */
static bool check_read(struct compiler *c, const struct node *n)
{
    struct vendor *v = c->vendor;
    struct span text = SPAN_NONE, path, query, method;
    struct matched m;
    const char *why = "";
    if (!n)
        return true;
    if (!node_span(n, "check", &text, c->trouble))
        return false;
    struct span rest = text, before;
    if (!span_cut(&rest, ' ', &method) || !span_is(method, SPAN("GET")) || !span_starts(rest, SPAN("/")))
        return say(c, n, "check", text, "GET and a path, such as GET /v1/balance");
    struct span sample = rest;
    ptrdiff_t at = span_find(rest, SPAN("{account}"));
    before = at < 0 ? rest : span_first(rest, (size_t)at);
    if (at >= 0)
        sample = arena_print(c->arena, "%.*sAC00000000000000000000000000000000%.*s", SPAN_ARG(before), SPAN_ARG(span_from(rest, (size_t)at + 9)));
    if (canon_target(c->arena, sample, &path, &query, &why) != E_OK || !vendor_match(v, method, path, &m))
        return say(c, n, "check", text, "a GET of an operation of this manifest");
    if (m.operation->dialect.at || m.operation->writes || m.operation->moves_money || m.operation->secret || m.operation->grants)
        return say(c, n, "check", text, "a read that costs nothing and gives no secret away");
    v->check = rest;
    return true;
}

static bool compile(struct compiler *c, const struct node *root, struct span base_url)
{
    struct manifest *m = c->manifest;
    m->settings = node_get(root, "settings");
    c->vendor->settings = m->settings;
    return node_only(root, "", top_names, c->trouble) && maps_are_maps(c, root) && names_read(c, root) && envelope_read(c, root, base_url) &&
           node_spans(c->arena, node_get(root, "repeat"), "repeat", &m->repeat, &m->repeat_count, c->trouble) &&
           node_spans(c->arena, node_get(root, "in_query"), "in_query", &m->in_query, &m->in_query_count, c->trouble) &&
           objects_read(c, node_get(root, "objects")) &&
           scopes_read(c, node_get(root, "scopes"), "scopes", &m->scopes, &m->scope_count) &&
           parameters_read(c, node_get(root, "parameters"), "parameters", SPAN("body."), &m->parameters, &m->parameter_count) &&
           currencies_read(c, node_get(root, "currencies")) && replayed_read(c, node_get(root, "replayed")) &&
           node_span(node_get(root, "request_id"), "request_id", &m->request_id, c->trouble) &&
           deny_read(c, node_get(root, "deny")) && once_read(c, node_get(root, "idempotency")) &&
           redact_read(c, node_get(root, "redact"), "redact", &m->redact) && lates_read(c, node_get(root, "lates")) &&
           operations_read(c, root) && spellings_build(c) && lates_used(c, node_get(root, "operations")) &&
           objects_used(c, node_get(root, "objects")) && check_read(c, node_get(root, "check")) && hook_read(c, node_get(root, "hook")) && version_of(c, root, base_url);
}

enum err vendor_read(struct arena *a, const struct node *root, struct span base_url, struct vendor *out, struct trouble *t)
{
    *out = (struct vendor){ .manifest = ARENA_NEW(a, struct manifest) };
    struct compiler c = { .arena = a, .trouble = t, .manifest = out->manifest, .vendor = out };
    if (!out->manifest || !root || root->kind != NODE_MAP) {
        trouble_say(t, root, "manifest", "found no map; allowed: a map with vendor, base_url, key_in, send and operations");
        return E_CONFIG;
    }
    arena_init(&c.scratch, SCRATCH_MOST);
    root = vendor_fill_guess(a, root, t);
    bool fine = root && compile(&c, root, base_url) && (!a->broken || say_memory(&c, root));
    arena_free(&c.scratch);
    return fine ? E_OK : E_CONFIG;
}
