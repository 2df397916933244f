/* SPDX-License-Identifier: Apache-2.0
 * target.c - what a node says of targets: for itself when it is a leaf, for its children when it is not. */
#include "base/text.h"
#include "route/inside.h"

enum { TIME_MOST = 60 * 60 * 1000, PARAMS_MOST = 256 };

/* Another vendor has other credentials, and names its regions otherwise. A region that was said without a vendor is for all of them. */
static void forget_place(struct target *t)
{
    t->credential = SPAN_NONE;
    t->credential_maybe = false;
    if (t->region_is_vendors)
        t->region = SPAN_NONE;
}

static bool read_region(struct reading *r, const struct node *n, struct target *t)
{
    t->region_is_vendors = n ? t->provider.at != NULL : t->region_is_vendors;
    return read_text(r, n, ".region", &t->region);
}

static bool read_provider(struct reading *r, const struct node *n, struct target *t)
{
    struct span text = SPAN_NONE, own = t->provider;
    if (!n)
        return true;
    if (!read_text(r, n, ".provider", &text))
        return false;
    if (text.at[0] == '@')
        text = span_from(text, 1);
    if (!text.len || span_find_byte(text, '/') >= 0)
        return read_wrong(r, n, ".provider", "a vendor's name, such as openai or @openai");
    if (!span_is(text, own))
        forget_place(t);
    t->provider = text;
    return true;
}

static const struct node *pick(const struct node *n, const char *first, const char *second)
{
    const struct node *one = node_get(n, first);
    return one ? one : node_get(n, second);
}

static bool read_credential(struct reading *r, const struct node *n, struct target *t)
{
    const struct node *named = pick(n, "credential", "virtual_key"), *key = node_get(n, "api_key");
    struct span text = SPAN_NONE;
    if (node_get(n, "credential") && node_get(n, "virtual_key"))
        return read_wrong(r, named, ".credential", "credential or virtual_key, not both");
    if (!named && key) {
        t->credential = key->text;
        t->credential_maybe = true;
    }
    if (!named)
        return true;
    if (!node_span(named, read_at(r, ".credential"), &text, r->t))
        return false;
    if (text.len && text.at[0] == '@')
        text = span_from(text, 1);
    if (!text.len || text.len > 64 || !text_is_printable(text)) {
        trouble_say(r->t, named, read_at(r, ".credential"), "not shown here, but it names no credential; allowed: 1 to 64 characters of A-Z a-z 0-9 _ - .");
        return false;
    }
    t->credential = text;
    t->credential_maybe = false;
    return true;
}

/* "@openai/gpt-5" says whose it is, too. */
static bool take_model(struct reading *r, const struct node *n, const char *field, bool beside, struct target *t)
{
    struct span text = SPAN_NONE, rest, vendor;
    if (!read_text(r, n, field, &text))
        return false;
    rest = text;
    if (text.at[0] == '@') {
        if (!span_cut(&rest, '/', &vendor) || vendor.len < 2 || !rest.len)
            return read_wrong(r, n, field, "a model, such as gpt-5 or @openai/gpt-5");
        vendor = span_from(vendor, 1);
        bool same = span_is(vendor, t->provider);
        if (beside && !same)
            return read_wrong(r, n, field, "a model of the provider that is named beside it");
        if (!same)
            forget_place(t);
        t->provider = vendor;
    }
    t->model = rest;
    return true;
}

/* Before the credential and the region: a model may name the vendor. */
static bool read_model(struct reading *r, const struct node *n, struct target *t)
{
    const struct node *own = node_get(n, "model"), *override = node_get(node_get(n, "override_params"), "model");
    if (own && override && !(own->kind == NODE_SCALAR && override->kind == NODE_SCALAR && span_is(own->text, override->text)))
        return read_wrong(r, override, ".override_params.model", "the same as model, or only one of the two");
    bool beside = node_get(n, "provider") != NULL;
    if (own)
        return take_model(r, own, ".model", beside, t);
    return !override || take_model(r, override, ".override_params.model", beside, t);
}

static struct node *twin(struct reading *r, const struct node *n)
{
    struct node *copy = ARENA_NEW(r->a, struct node);
    if (copy) {
        *copy = *n;
        copy->next = NULL;
    }
    return copy;
}

static bool has(const struct node *map, struct span name)
{
    for (const struct node *n = map->first; n; n = n->next)
        if (span_is(n->name, name))
            return true;
    return false;
}

static bool append(struct reading *r, struct node *map, struct node ***end, const struct node *n)
{
    struct node *copy = twin(r, n);
    if (!copy)
        return false;
    **end = copy;
    *end = &copy->next;
    map->count++;
    return true;
}

/* The parent's, the child's over them: each parameter whole. The model stands in target->model. */
static bool read_params(struct reading *r, const struct node *own, const char *field, bool override, const struct node **params)
{
    const struct node *above = *params;
    struct node *all, **end;
    if (!own)
        return true;
    if (own->kind != NODE_MAP || own->count > PARAMS_MOST)
        return read_wrong(r, own, field, "a map of at most 256 parameters");
    all = twin(r, own);
    if (!all)
        return false;
    all->first = NULL;
    all->count = 0;
    end = &all->first;
    for (const struct node *n = above ? above->first : NULL; n; n = n->next)
        if (!has(own, n->name) && !append(r, all, &end, n))
            return false;
    for (const struct node *n = own->first; n; n = n->next)
        if (!(override && span_is(n->name, SPAN("model"))) && !append(r, all, &end, n))
            return false;
    *params = all->count ? all : NULL;
    return true;
}

/* "a", "a.b", "a[0].b", "a[*].b" */
static bool is_path(struct span s)
{
    bool name = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '.') {
            if (!name)
                return false;
            name = false;
        } else if (c == '[') {
            ptrdiff_t end = span_find_byte(span_from(s, i), ']');
            uint64_t index;
            struct span inner = end > 1 ? span_make(s.at + i + 1, (size_t)end - 1) : SPAN_NONE;
            if (!name || (!span_is(inner, SPAN("*")) && (!span_to_u64(inner, &index) || index > 100000)))
                return false;
            i += (size_t)end;
            name = i + 1 == s.len || s.at[i + 1] == '.' || s.at[i + 1] == '[';
            if (!name)
                return false;
        } else if ((unsigned char)c <= ' ' || c == ']' || c == '"') {
            return false;
        } else {
            name = true;
        }
    }
    return name;
}

/* A header that may go from the caller to a vendor: nothing that carries keys, frames a message or steers the gate. */
static bool may_go(struct span name)
{
    static const char *const never[] = { "authorization", "proxy-authorization", "cookie", "set-cookie", "host", "connection", "content-length", "content-type",
        "content-encoding", "transfer-encoding", "accept-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", "x-api-key", "api-key", "x-goog-api-key", "forwarded",
        NULL };
    for (size_t i = 0; never[i]; i++)
        if (span_is_nocase(name, span_of(never[i])))
            return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    struct span start = span_first(name, 10);
    return !span_is_nocase(start, SPAN("x-portkey-")) && !span_is_nocase(start, SPAN("x-tollgate")) && !span_is_nocase(span_first(name, 6), SPAN("proxy-")) &&
           !span_is_nocase(start, SPAN("x-forwarde"));
}

static bool read_guardrails(struct reading *r, const struct node *n, const char *field, const struct node **out)
{
    if (!n)
        return true;
    if (n->kind != NODE_LIST)
        return read_wrong(r, n, field, "a list of guardrails");
    *out = n->count ? n : NULL;
    return true;
}

/* "passthrough": the caller says which vendor. */
static bool read_passthrough(struct reading *r, const struct node *n, struct target *t)
{
    bool open = false;
    if (!node_bool(n, read_at(r, ".passthrough"), &open, r->t))
        return false;
    if (open) {
        forget_place(t);
        t->provider = t->model = SPAN_NONE;
    }
    return true;
}

static bool read_where(struct reading *r, const struct node *n, struct target *t)
{
    return read_passthrough(r, node_get(n, "passthrough"), t) && read_provider(r, node_get(n, "provider"), t) && read_model(r, n, t) && read_credential(r, n, t) &&
           read_region(r, node_get(n, "region"), t);
}

static bool read_what(struct reading *r, const struct node *n, struct target *t)
{
    static const char path[] = "a path such as seed, response_format.strict, messages[0].name or messages[*].name";
    return read_params(r, node_get(n, "default_params"), ".default_params", false, &t->default_params) &&
           read_params(r, node_get(n, "override_params"), ".override_params", true, &t->override_params) &&
           read_list(r, node_get(n, "drop_params"), ".drop_params", path, is_path, &t->drop_params, &t->drop_count) &&
           read_list(r, node_get(n, "lose_params"), ".lose_params", "names of parameters", text_is_printable, &t->lose_params, &t->lose_count) &&
           read_list(r, node_get(n, "forward_headers"), ".forward_headers", "names of headers, but none that carries keys, frames a message or belongs to the gate", may_go,
               &t->forward_headers, &t->forward_count);
}

bool route_read_target(struct reading *r, const struct node *n, struct target *t)
{
    return read_where(r, n, t) && read_what(r, n, t) && read_retry(r, node_get(n, "retry"), &t->retry) && read_breaker(r, node_get(n, "breaker"), &t->breaker) &&
           read_cache(r, node_get(n, "cache"), ".cache", &t->cache) &&
           read_time(r, node_get(n, "request_timeout"), ".request_timeout", 1, 1, TIME_MOST, &t->request_ms) &&
           read_time(r, node_get(n, "event_timeout"), ".event_timeout", 1, 1, TIME_MOST, &t->event_ms) &&
           node_bool(node_get(n, "zero_retention"), read_at(r, ".zero_retention"), &t->zero_retention, r->t) &&
           read_guardrails(r, node_get(n, "input_guardrails"), ".input_guardrails", &t->input_guardrails) &&
           read_guardrails(r, node_get(n, "output_guardrails"), ".output_guardrails", &t->output_guardrails);
}
