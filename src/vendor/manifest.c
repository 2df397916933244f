/* SPDX-License-Identifier: Apache-2.0
 * manifest.c - compiling a manifest: the top of the file, scopes, parameters, currencies. The language: docs/manifests.md.
 *
 * Operations are operation.c's, how requests and answers are dressed envelope.c's, refusals deny.c's. Every fault names
 * file, line and field, what was found and what is allowed; unknown names are faults, since a mistyped rule is no rule. */
#include "base/digest.h"
#include "base/text.h"
#include "vendor/compile.h"

static const char *const top_names[] = { "vendor", "title", "provider", "base_url", "origins", "rewrite_links", "optional_prefix",
    "ignored_prefix", "needs_account", "account_in_path", "key_in", "send", "request_headers", "default_headers",
    "exclusive_headers", "answer_headers_dropped", "body", "repeat", "parameters", "scopes", "currencies", "settings", "replayed",
    "idempotency", "request_id", "object_id", "deny", "operations", NULL };

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
    struct span text = arena_print(c->arena, "%s%s%.*s", path, *path ? "." : "", SPAN_ARG(name));
    return text.at ? text.at : path;
}

const char *item(struct compiler *c, const char *path, size_t index)
{
    struct span text = arena_print(c->arena, "%s[%zu]", path, index);
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

bool one_field(struct compiler *c, const struct node *n, const char *path, struct field *out)
{
    const char *why = "a field";
    if (n->kind == NODE_SCALAR && field_read(n->text, out, c->arena, &why))
        return true;
    return say(c, n, path, n->text, why);
}

/* A list of fields, or one. */
static bool some_fields(struct compiler *c, const struct node *n, const char *path, struct scope_source *s)
{
    const struct node *first = n && n->kind == NODE_LIST ? n->first : n;
    s->count = n && n->kind == NODE_LIST ? n->count : 1;
    s->fields = ARENA_ARRAY(c->arena, struct field, s->count);
    if (!first || !s->fields)
        return say(c, n, path, SPAN_NONE, "one or more fields: body.customer, path.customer, header.stripe-account");
    for (size_t i = 0; i < s->count; i++, first = first->next)
        if (!one_field(c, first, path, &s->fields[i]))
            return false;
    return true;
}

static bool scope_read(struct compiler *c, const struct node *n, const char *path, struct scope_source *out)
{
    static const char *const names[] = { "from", "as", "who", "must_show", NULL };
    static const char *const transforms[] = { "is", "address", "domain", "phone", "last", NULL };
    static const char *const occasions[] = { "never", "money", "always", NULL };
    int transform = AS_IS, shown = SHOWN_NEVER;
    out->name = full_name(c, n->name);
    if (n->kind != NODE_MAP)
        return some_fields(c, n, path, out);
    if (!node_only(n, path, names, c->trouble) ||
        !node_choice(node_get(n, "as"), below(c, path, SPAN("as")), transforms, &transform, c->trouble) ||
        !node_bool(node_get(n, "who"), below(c, path, SPAN("who")), &out->who, c->trouble) ||
        !node_choice(node_get(n, "must_show"), below(c, path, SPAN("must_show")), occasions, &shown, c->trouble))
        return false;
    out->must_show = (enum shown)shown;
    out->transform = (enum transform)transform;
    return some_fields(c, node_get(n, "from"), below(c, path, SPAN("from")), out);
}

bool scopes_read(struct compiler *c, const struct node *n, const char *path, struct scope_source **out, size_t *count)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of scope names to fields");
    *out = ARENA_ARRAY(c->arena, struct scope_source, n->count);
    if (!*out)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next)
        if (!scope_read(c, at, below(c, path, at->name), &(*out)[(*count)++]))
            return false;
    return true;
}

static bool parameter_read(struct compiler *c, const struct node *n, const char *path, struct parameter_check *out)
{
    static const char *const names[] = { "kind", "required", "forbidden", "allowed", "note", NULL };
    static const char *const kinds[] = { "any", "integer", "one", NULL };
    const char *why = "";
    int kind = PARAMETER_ANY;
    struct span name = n->name;
    if (!span_starts(name, SPAN("query.")) && !span_starts(name, SPAN("header.")))
        name = arena_print(c->arena, "body.%.*s", SPAN_ARG(name));
    if (!field_read(name, &out->field, c->arena, &why))
        return say(c, n, path, n->name, why);
    if (n->kind == NODE_SCALAR) {
        if (!node_choice(n, path, kinds, &kind, c->trouble))
            return false;
        out->kind = (enum parameter_kind)kind;
        return true;
    }
    if (!node_only(n, path, names, c->trouble) ||
        !node_choice(node_get(n, "kind"), below(c, path, SPAN("kind")), kinds, &kind, c->trouble))
        return false;
    out->kind = (enum parameter_kind)kind;
    return node_bool(node_get(n, "required"), below(c, path, SPAN("required")), &out->required, c->trouble) &&
           node_bool(node_get(n, "forbidden"), below(c, path, SPAN("forbidden")), &out->forbidden, c->trouble) &&
           node_span(node_get(n, "note"), below(c, path, SPAN("note")), &out->note, c->trouble) &&
           node_spans(
               c->arena, node_get(n, "allowed"), below(c, path, SPAN("allowed")), &out->allowed, &out->allowed_count, c->trouble);
}

bool parameters_read(struct compiler *c, const struct node *n, const char *path, struct parameter_check **out, size_t *count)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of parameter names to rules");
    *out = ARENA_ARRAY(c->arena, struct parameter_check, n->count);
    if (!*out)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next)
        if (!parameter_read(c, at, below(c, path, at->name), &(*out)[(*count)++]))
            return false;
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

static bool compile(struct compiler *c, const struct node *root, struct span base_url)
{
    struct manifest *m = c->manifest;
    m->settings = node_get(root, "settings");
    return node_only(root, "", top_names, c->trouble) && names_read(c, root) && envelope_read(c, root, base_url) &&
           node_spans(c->arena, node_get(root, "repeat"), "repeat", &m->repeat, &m->repeat_count, c->trouble) &&
           scopes_read(c, node_get(root, "scopes"), "scopes", &m->scopes, &m->scope_count) &&
           parameters_read(c, node_get(root, "parameters"), "parameters", &m->parameters, &m->parameter_count) &&
           currencies_read(c, node_get(root, "currencies")) && replayed_read(c, node_get(root, "replayed")) &&
           node_span(node_get(root, "request_id"), "request_id", &m->request_id, c->trouble) &&
           deny_read(c, node_get(root, "deny")) && once_read(c, node_get(root, "idempotency")) && operations_read(c, root) && version_of(c, root, base_url);
}

enum err vendor_read(struct arena *a, const struct node *root, struct span base_url, struct vendor *out, struct trouble *t)
{
    *out = (struct vendor){ .manifest = ARENA_NEW(a, struct manifest) };
    struct compiler c = { a, t, out->manifest, out };
    if (!out->manifest || !root || root->kind != NODE_MAP) {
        trouble_say(t, root, "manifest", "found no map; allowed: a map with vendor, base_url, key_in, send and operations");
        return E_CONFIG;
    }
    if (!compile(&c, root, base_url))
        return E_CONFIG;
    if (a->broken)
        say_memory(&c, root);
    return a->broken ? E_CONFIG : E_OK;
}
