/* SPDX-License-Identifier: Apache-2.0
 * envelope.c - compiling how requests and answers are dressed: origins, where keys stand, which header fields pass.
 *
 * What it compiles is run by compose.c. A configured base_url becomes the only origin: a secret never goes to a host that
 * neither the manifest nor the operator named. */
#include "vendor/send.h"

/* Fields every vendor may see from the caller; content-type and the idempotency key are written by themselves. */
static const char *const always_allowed[] = { "accept", "accept-language", "user-agent", NULL };
/* Fields of an answer no caller may see: framing is the server's, the rest would lead out of the gate, keep state, or is the
 * gate's own (the idempotency key that it put in place of the caller's). */
static const char *const always_dropped[] = { "alt-svc", "connection", "content-length", "content-location", "date",
    "idempotency-key", "keep-alive", "link", "location", "nel", "proxy-authenticate", "proxy-authentication-info", "refresh",
    "report-to", "set-cookie", "strict-transport-security", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate",
    NULL };

bool header_name_fits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-' || s.at[i] == '_'))
            return false;
    return s.len > 0;
}

bool header_name_read(struct compiler *c, const struct node *n, const char *path, struct span *out)
{
    if (!node_span(n, path, out, c->trouble))
        return false;
    return !out->at || header_name_fits(*out) || say(c, n, path, *out, "a lower-case name of a header field");
}

static uint64_t length_bit(struct span s)
{
    return UINT64_C(1) << (s.len & 63);
}

/* A base URL: scheme, host and perhaps a path; nothing that hides something else. */
static bool url_read(struct compiler *c, struct span url, struct origin *out)
{
    bool secure = span_starts(url, SPAN("https://"));
    if (!secure && !span_starts(url, SPAN("http://")))
        return false;
    struct span rest = span_from(url, secure ? 8 : 7);
    ptrdiff_t slash = span_find_byte(rest, '/');
    struct span authority = slash < 0 ? rest : span_first(rest, (size_t)slash);
    struct span path = slash < 0 ? SPAN("") : span_from(rest, (size_t)slash);
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    if (authority.len == 0)
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.at[i] <= 0x20 || (unsigned char)rest.at[i] >= 0x7f || strchr("@?#\\{}", rest.at[i]))
            return false;
    out->authority = arena_copy(c->arena, authority);
    out->base_path = arena_copy(c->arena, path);
    return true;
}

static const char url_allowed[] = "http:// or https://, a host and perhaps a path";

static bool add_origin(
    struct compiler *c, const struct node *at, const char *path, struct span name, struct span url, struct span prefix)
{
    struct manifest *m = c->manifest;
    struct origin *o = &m->origins[m->origin_count];
    if (m->origin_count == MANIFEST_ORIGINS)
        return say(c, at, path, name, "at most 64 origins");
    if (!url_read(c, url, o))
        return say(c, at, path, url, url_allowed);
    if (prefix.len && prefix.at[0] != '/')
        return say(c, at, path, prefix, "a prefix that starts with /");
    o->name = name;
    o->prefix = prefix;
    m->public_origins[m->origin_count++].base_url = arena_copy(c->arena, url);
    return true;
}

static struct span without_slash(struct span url) { return span_ends(url, SPAN("/")) ? span_first(url, url.len - 1) : url; }

/* origins: { files: https://files.stripe.com, verify: { base_url: ..., prefix: /verify } } */
static bool origin_read(struct compiler *c, const struct node *n, struct span override)
{
    static const char *const names[] = { "base_url", "prefix", NULL };
    const char *path = below(c, "origins", n->name);
    struct span url = n->text, prefix = SPAN_NONE;
    if (n->kind == NODE_MAP && (!node_only(n, path, names, c->trouble) ||
                                   !node_span(node_get(n, "base_url"), below(c, path, SPAN("base_url")), &url, c->trouble) ||
                                   !node_span(node_get(n, "prefix"), below(c, path, SPAN("prefix")), &prefix, c->trouble)))
        return false;
    if (!add_origin(c, n, path, n->name, override.at ? override : url, prefix))
        return false;
    c->manifest->origins[c->manifest->origin_count - 1].public_url = without_slash(url);
    return true;
}

/* With an override every origin keeps its name and prefix, but all lead to the one place. */
static bool origins_read(struct compiler *c, const struct node *root, struct span override)
{
    struct manifest *m = c->manifest;
    const struct node *base = node_get(root, "base_url"), *more = node_get(root, "origins");
    struct span url = override, own = SPAN_NONE;
    size_t room = 1 + (more && more->count < MANIFEST_ORIGINS ? more->count : MANIFEST_ORIGINS - 1);
    m->origins = ARENA_ARRAY(c->arena, struct origin, room);
    m->public_origins = ARENA_ARRAY(c->arena, struct vendor_origin, room);
    if (!m->origins || !m->public_origins)
        return say_memory(c, root);
    if (!node_span(base, "base_url", &own, c->trouble) ||
        !node_bool(node_get(root, "rewrite_links"), "rewrite_links", &m->rewrite_links, c->trouble))
        return false;
    if (!override.at)
        url = own;
    if (!add_origin(c, base ? base : root, "base_url", SPAN("base"), url, SPAN_NONE))
        return false;
    m->origins[0].public_url = without_slash(own);
    for (const struct node *at = more && more->kind == NODE_MAP ? more->first : NULL; at; at = at->next)
        if (!origin_read(c, at, override))
            return false;
    m->single_origin = override.at != NULL;
    c->vendor->base_url = m->public_origins[0].base_url;
    return true;
}

/* A base URL may end in the prefix that is put back anyway: "http://localhost:11434/v1". */
static void trim_base_paths(struct manifest *m)
{
    for (size_t i = 0; i < m->origin_count; i++) {
        struct origin *o = &m->origins[i];
        if (m->optional_prefix.len && span_ends(o->base_path, m->optional_prefix))
            o->base_path.len -= m->optional_prefix.len;
    }
}

static const char carriers_allowed[] = "bearer, scheme:NAME, basic_user, basic_password, basic_password:USER, header:NAME, "
                                       "query:NAME, body:NAME, in key_in sigv4, and in send none";

bool carrier_read(struct compiler *c, const struct node *n, const char *path, struct span text, struct carrier *out)
{
    struct span rest = text, word = text;
    bool named = span_cut(&rest, ':', &word);
    struct span name = named ? rest : SPAN_NONE;
    *out = (struct carrier){ .name = name };
    if (span_is(word, SPAN("bearer")) && !named) {
        out->name = SPAN("Bearer");
        return true;
    }
    if (span_is(word, SPAN("scheme")) && name.len)
        return true;
    if (span_is(word, SPAN("basic_user")) && !named)
        out->kind = CARRY_BASIC_USER;
    else if (span_is(word, SPAN("basic_password")))
        out->kind = CARRY_BASIC_PASSWORD;
    else if (span_is(word, SPAN("header")) && header_name_fits(name))
        out->kind = CARRY_HEADER;
    else if (span_is(word, SPAN("query")) && name.len)
        out->kind = CARRY_QUERY;
    else if (span_is(word, SPAN("body")) && name.len)
        out->kind = CARRY_BODY;
    else if (span_is(word, SPAN("sigv4")) && !named)
        out->kind = CARRY_SIGV4;
    else if (span_is(text, SPAN("none")) && span_is(span_of(path), SPAN("send")))
        out->kind = CARRY_NONE;
    else
        return say(c, n, path, text, carriers_allowed);
    return true;
}

static bool carriers_read(struct compiler *c, const struct node *root)
{
    struct manifest *m = c->manifest;
    const struct node *in = node_get(root, "key_in"), *send = node_get(root, "send");
    struct span *texts = NULL;
    if (!node_spans(c->arena, in, "key_in", &texts, &m->carrier_count, c->trouble))
        return false;
    if (m->carrier_count == 0)
        return say(c, in ? in : root, "key_in", SPAN_NONE, carriers_allowed);
    m->carriers = ARENA_ARRAY(c->arena, struct carrier, m->carrier_count);
    if (!m->carriers)
        return say_memory(c, root);
    for (size_t i = 0; i < m->carrier_count; i++) {
        if (!carrier_read(c, in, item(c, "key_in", i), texts[i], &m->carriers[i]))
            return false;
        c->vendor->key_in_body = c->vendor->key_in_body || m->carriers[i].kind == CARRY_BODY;
    }
    return send ? send_read(c, send) : say(c, root, "send", SPAN_NONE, carriers_allowed);
}

/* A manifest's list of lower-case field names behind those that hold for every vendor. */
static bool field_list(struct compiler *c, const struct node *n, const char *path, const char *const always[], struct span **out,
    size_t *count, uint64_t *lengths)
{
    struct span *own = NULL;
    size_t own_count = 0, room = 0;
    if (!node_spans(c->arena, n, path, &own, &own_count, c->trouble))
        return false;
    while (always[room])
        room++;
    *out = ARENA_ARRAY(c->arena, struct span, room + own_count);
    if (!*out)
        return say_memory(c, n);
    for (size_t i = 0; i < room + own_count; i++) {
        struct span name = i < room ? span_of(always[i]) : own[i - room];
        if (!header_name_fits(name))
            return say(c, n, path, name, "lower-case names of header fields");
        (*out)[(*count)++] = name;
        *lengths |= length_bit(name);
    }
    return true;
}

static bool default_fields_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, "default_headers", n->text, "a map of header fields to values");
    m->default_fields = ARENA_ARRAY(c->arena, struct http_field, n->count);
    if (!m->default_fields)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next) {
        if (!header_name_fits(at->name) || at->kind != NODE_SCALAR)
            return say(c, at, below(c, "default_headers", at->name), at->text, "a lower-case header field and its value");
        m->default_fields[m->default_count++] = (struct http_field){ at->name, at->text };
    }
    return true;
}

/* A key, a secret or a signature that a caller wrote must not go on beside the gate's. */
static bool none_is_owned(struct compiler *c, const struct node *root)
{
    const struct manifest *m = c->manifest;
    for (size_t i = 0; i < m->allowed_count; i++)
        if (send_writes(m, m->allowed_fields[i]))
            return say(c, node_get(root, "request_headers"), "request_headers", m->allowed_fields[i],
                "fields in which no key, secret or signature stands");
    for (size_t i = 0; i < m->default_count; i++)
        if (send_writes(m, m->default_fields[i].name))
            return say(c, node_get(root, "default_headers"), "default_headers", m->default_fields[i].name,
                "fields in which no key, secret or signature stands");
    return true;
}

static bool fields_read(struct compiler *c, const struct node *root)
{
    struct manifest *m = c->manifest;
    return field_list(c, node_get(root, "request_headers"), "request_headers", always_allowed, &m->allowed_fields,
               &m->allowed_count, &m->allowed_lengths) &&
           field_list(c, node_get(root, "answer_headers_dropped"), "answer_headers_dropped", always_dropped,
               &m->dropped_answer_fields, &m->dropped_count, &m->dropped_lengths) &&
           node_spans(c->arena, node_get(root, "exclusive_headers"), "exclusive_headers", &m->exclusive, &m->exclusive_count,
               c->trouble) &&
           default_fields_read(c, node_get(root, "default_headers")) && none_is_owned(c, root);
}

/* What stands between the target and the authorization field is the same for every request to an origin. */
static bool fixed_lines(struct compiler *c)
{
    for (size_t i = 0; i < c->manifest->origin_count; i++) {
        struct origin *o = &c->manifest->origins[i];
        o->host_line = arena_print(c->arena, " HTTP/1.1\r\nhost: %.*s\r\naccept-encoding: identity\r\n", SPAN_ARG(o->authority));
        if (!o->host_line.at)
            return say_memory(c, NULL);
    }
    return true;
}

static bool prefix_read(struct compiler *c, const struct node *n, const char *path, struct span *out)
{
    if (!node_span(n, path, out, c->trouble))
        return false;
    if (out->len && (out->at[0] != '/' || out->len == 1 || out->at[out->len - 1] == '/'))
        return say(c, n, path, *out, "a path that starts with / and does not end with it");
    return true;
}

/* ignored_prefix: /api, or a list */
static bool ignored_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    if (!node_spans(c->arena, n, "ignored_prefix", &m->ignored_prefixes, &m->ignored_count, c->trouble))
        return false;
    for (size_t i = 0; i < m->ignored_count; i++) {
        struct span s = m->ignored_prefixes[i];
        if (s.len < 2 || s.at[0] != '/' || s.at[s.len - 1] == '/')
            return say(c, n, "ignored_prefix", s, "a path that starts with / and does not end with it");
    }
    return true;
}

/* default_query: "api-version=2024-10-21": pairs as they are sent */
static bool default_query_read(struct compiler *c, const struct node *n)
{
    struct span *q = &c->manifest->default_query;
    if (!node_span(n, "default_query", q, c->trouble))
        return false;
    for (size_t i = 0; i < q->len; i++)
        if ((unsigned char)q->at[i] <= 0x20 || (unsigned char)q->at[i] >= 0x7f || strchr("?#{}", q->at[i]))
            return say(c, n, "default_query", *q, "name=value, & between several");
    return true;
}

bool envelope_read(struct compiler *c, const struct node *root, struct span base_url)
{
    struct manifest *m = c->manifest;
    if (!prefix_read(c, node_get(root, "optional_prefix"), "optional_prefix", &m->optional_prefix) ||
        !ignored_read(c, node_get(root, "ignored_prefix")) || !default_query_read(c, node_get(root, "default_query")) ||
        !node_span(node_get(root, "account_in_path"), "account_in_path", &m->account_capture, c->trouble) ||
        !origins_read(c, root, base_url) || !carriers_read(c, root) || !fields_read(c, root))
        return false;
    trim_base_paths(m);
    return fixed_lines(c);
}
