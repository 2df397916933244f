/* SPDX-License-Identifier: Apache-2.0
 * send.c - secrets in several places: header fields, the query, the body.
 *
 * What the caller put into those places is replaced, never merged: a key of the gate's must not reach a vendor, and a secret
 * must not stand beside another one. Tokens and signatures are oauth2.c's, sigv4.c's and hmac.c's. */
#include "vendor/send.h"

#include "base/digest.h"
#include "base/text.h"

enum { PAIRS_MOST = 1000, DRESSED_MOST = 64 << 20 };

/* ---- compiling ---- */

static const char send_allowed[] =
    "a word (bearer, header:NAME, body:NAME...), a map of oauth2, sigv4 or hmac, or a list of "
    "{ header: NAME, value: secret }, with query or body in place of header, and key_id or account of value";

static bool word_read(struct compiler *c, const struct node *n, struct send_rules *out)
{
    struct carrier word;
    if (!carrier_read(c, n, "send", n->text, &word))
        return false;
    if (word.kind == CARRY_SIGV4)
        return say(c, n, "send", n->text, "{ sigv4: { service: ..., region: ... } }");
    if (word.kind == CARRY_NONE) {
        c->vendor->keyless = true;
        return true;
    }
    if (word.kind == CARRY_BODY) {
        out->fields[out->count++] = (struct send_field){ .body = word.name };
        c->vendor->secret_in_body = true;
        return true;
    }
    if (c->manifest->send.kind != CARRY_NONE)
        return say(c, n, "send", n->text, "one word, and the rest as maps");
    c->manifest->send = word;
    return true;
}

static bool field_map_read(struct compiler *c, const struct node *n, struct send_rules *out)
{
    static const char *const names[] = { "header", "query", "body", "value", NULL };
    static const char *const values[] = { "secret", "key_id", "account", "nothing", NULL };
    struct send_field f = { .header = SPAN_NONE };
    int value = 0;
    if (!node_only(n, "send", names, c->trouble) || !node_span(node_get(n, "header"), "send.header", &f.header, c->trouble) ||
        !node_span(node_get(n, "query"), "send.query", &f.query, c->trouble) ||
        !node_span(node_get(n, "body"), "send.body", &f.body, c->trouble) ||
        !node_choice(node_get(n, "value"), "send.value", values, &value, c->trouble))
        return false;
    bool placed = f.header.at ? header_name_fits(f.header) && !f.query.at && !f.body.at : f.query.len || f.body.len;
    if (!placed)
        return say(c, n, "send", f.header, send_allowed);
    f.value = (enum send_value)value;
    c->vendor->secret_in_body = c->vendor->secret_in_body || f.body.at;
    c->vendor->needs_key_id = c->vendor->needs_key_id || f.value == SEND_KEY_ID;
    c->vendor->needs_account = c->vendor->needs_account || f.value == SEND_ACCOUNT;
    out->fields[out->count++] = f;
    return true;
}

/* { oauth2: ... }, { sigv4: ... }, { hmac: ... }: one of them, once. */
static bool way_read(struct compiler *c, const struct node *n, struct send_rules *out)
{
    static const char *const names[] = { "oauth2", "sigv4", "hmac", NULL };
    if (!node_only(n, "send", names, c->trouble))
        return false;
    if (n->count != 1 || out->kind != SEND_FIELDS)
        return say(c, n, "send", SPAN_NONE, "one of oauth2, sigv4 and hmac");
    if (node_get(n, "oauth2")) {
        out->kind = SEND_TOKEN;
        c->vendor->brokered = true;
        return token_rules_read(c, node_get(n, "oauth2"), &out->token);
    }
    if (node_get(n, "sigv4")) {
        out->kind = SEND_SIGV4;
        return sigv4_read(c, node_get(n, "sigv4"), &out->sigv4);
    }
    out->kind = SEND_HMAC;
    return hmac_read(c, node_get(n, "hmac"), &out->hmac);
}

static bool part_read(struct compiler *c, const struct node *n, struct send_rules *out)
{
    if (n->kind == NODE_SCALAR)
        return word_read(c, n, out);
    if (n->kind != NODE_MAP)
        return say(c, n, "send", SPAN_NONE, send_allowed);
    bool way = node_get(n, "oauth2") || node_get(n, "sigv4") || node_get(n, "hmac");
    return way ? way_read(c, n, out) : field_map_read(c, n, out);
}

/* A word alone needs no rules of its own, unless it is body:NAME. */
bool send_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    bool list = n->kind == NODE_LIST;
    size_t most = list ? n->count : 1;
    struct send_rules *rules = ARENA_NEW(c->arena, struct send_rules);
    m->send.kind = CARRY_NONE;
    if (most == 0)
        return say(c, n, "send", SPAN_NONE, send_allowed);
    if (rules)
        rules->fields = ARENA_ARRAY(c->arena, struct send_field, most);
    if (!rules || !rules->fields)
        return say_memory(c, n);
    for (const struct node *at = list ? n->first : n; at; at = list ? at->next : NULL)
        if (!part_read(c, at, rules))
            return false;
    if (rules->kind != SEND_FIELDS || rules->count)
        m->dress = rules;
    return true;
}

/* ---- whose a name is ---- */

bool send_writes(const struct manifest *m, struct span header)
{
    const struct send_rules *r = m->dress;
    if (span_is(header, SPAN("authorization")) || (m->send.kind == CARRY_HEADER && span_is(header, m->send.name)))
        return true;
    for (size_t i = 0; i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_HEADER && span_is(header, m->carriers[i].name))
            return true;
    for (size_t i = 0; r && i < r->count; i++)
        if (r->fields[i].header.at && span_is(header, r->fields[i].header))
            return true;
    if (r && r->kind == SEND_SIGV4 &&
        (span_starts(header, SPAN("x-amz-date")) || span_starts(header, SPAN("x-amz-content-sha256")) ||
            span_starts(header, SPAN("x-amz-security-token"))))
        return true;
    const struct hmac_rules *h = r && r->kind == SEND_HMAC ? &r->hmac : NULL;
    return h && (span_is(header, h->header) || (h->timestamp.at && span_is(header, h->timestamp)) ||
                    (h->key_id.at && span_is(header, h->key_id)));
}

bool send_owns_query(const struct manifest *m, struct span name)
{
    const struct send_rules *r = m->dress;
    for (size_t i = 0; i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_QUERY && span_is(m->carriers[i].name, name))
            return true;
    for (size_t i = 0; r && i < r->count; i++)
        if (r->fields[i].query.at && span_is(r->fields[i].query, name))
            return true;
    /* A signature in the query (a presigned URL). */
    if (r && r->kind == SEND_SIGV4 && name.len > 6 && span_is_nocase(span_first(name, 6), SPAN("x-amz-")))
        return true;
    return m->send.kind == CARRY_QUERY && span_is(m->send.name, name);
}

/* The same for what stands at the top of a body. */
static bool owns_member(const struct manifest *m, struct span name)
{
    const struct send_rules *r = m->dress;
    for (size_t i = 0; i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_BODY && span_is(m->carriers[i].name, name))
            return true;
    for (size_t i = 0; r && i < r->count; i++)
        if (r->fields[i].body.at && span_is(r->fields[i].body, name))
            return true;
    return false;
}

/* ---- header fields and the query ---- */

static struct span text_of(enum send_value value, const struct vendor_secret *s)
{
    switch (value) {
    case SEND_SECRET:
        return s->secret;
    case SEND_KEY_ID:
        return s->key_id;
    case SEND_ACCOUNT:
        return s->account;
    case SEND_NOTHING:
        break;
    }
    return SPAN_NONE;
}

void send_put_headers(struct buf *b, const struct manifest *m, const struct vendor_secret *s)
{
    const struct send_rules *r = m->dress;
    for (size_t i = 0; r && i < r->count; i++)
        if (r->fields[i].header.at && r->fields[i].value != SEND_NOTHING)
            http_put_field(b, r->fields[i].header, text_of(r->fields[i].value, s));
}

/* A body in which the secret can stand. */
static bool takes_members(const struct operation *op) { return op->body == BODY_JSON || op->body == BODY_FORM; }

char send_put_query(struct buf *b, const struct manifest *m, const struct operation *op, const struct vendor_secret *s, char mark)
{
    const struct send_rules *r = m->dress;
    for (size_t i = 0; r && i < r->count; i++) {
        const struct send_field *f = &r->fields[i];
        if (!f->query.at || f->value == SEND_NOTHING || (f->body.at && takes_members(op)))
            continue;
        buf_put_byte(b, mark);
        buf_put_percent(b, f->query, SPAN_NONE);
        buf_put_byte(b, '=');
        buf_put_percent(b, text_of(f->value, s), SPAN_NONE);
        mark = '&';
    }
    return mark;
}

bool vendor_signs(const struct vendor *v)
{
    const struct send_rules *r = v->manifest->dress;
    return r && (r->kind == SEND_SIGV4 || r->kind == SEND_HMAC);
}

/* ---- the body ---- */

static struct span form_key(const struct manifest *m, struct span body, struct arena *a)
{
    struct pairs p;
    const char *why;
    struct span key = SPAN_NONE;
    if (canon_form(a, body, m->repeat, m->repeat_count, PAIRS_MOST, &p, &why) != E_OK)
        return SPAN_NONE;
    for (size_t i = 0; !key.len && i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_BODY)
            key = pairs_get(&p, m->carriers[i].name);
    return key;
}

static struct span json_key(struct json *j, const struct manifest *m, struct span body, struct arena *a)
{
    struct json_value root;
    const char *why;
    struct span key = SPAN_NONE;
    if (json_parse(j, body, false, &root, &why) != E_OK)
        return SPAN_NONE;
    for (size_t i = 0; !key.len && i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_BODY)
            key = json_string(json_member(root, m->carriers[i].name));
    return arena_copy(a, key);
}

struct span vendor_body_key(struct json *j, const struct vendor *v, const struct http_head *h, struct span body, struct arena *a)
{
    struct span type = http_get(h, SPAN("content-type"));
    if (!v->key_in_body || !body.len)
        return SPAN_NONE;
    bool form = type.at && http_is_type(type, SPAN("application/x-www-form-urlencoded"));
    struct span key = form ? form_key(v->manifest, body, a) : json_key(j, v->manifest, body, a);
    return key.len ? key : SPAN_NONE;
}

struct dressing {
    const struct manifest *manifest;
    struct json_out out;
};

static bool keep_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct dressing *d = self;
    (void)kind;
    if (!owns_member(d->manifest, name))
        json_pair_raw(&d->out, name, raw);
    return true;
}

static bool dress_json(struct json *j, const struct manifest *m, struct span body, const struct vendor_secret *s, struct buf *b)
{
    struct dressing d = { m, json_out(b) };
    const struct send_rules *r = m->dress;
    const char *why;
    json_open(&d.out, '{');
    if (body.len && json_scan(j, body, false, keep_member, &d, &why) != E_OK)
        return false;
    for (size_t i = 0; r && i < r->count; i++)
        if (r->fields[i].body.at && r->fields[i].value != SEND_NOTHING)
            json_pair(&d.out, r->fields[i].body, text_of(r->fields[i].value, s));
    json_close(&d.out, '}');
    return true;
}

static bool dress_form(const struct manifest *m, struct span body, const struct vendor_secret *s, struct arena *a, struct buf *b)
{
    const struct send_rules *r = m->dress;
    struct span rest = body.len ? body : SPAN_NONE, piece;
    while (rest.at && span_next(&rest, '&', &piece)) {
        struct span value = piece, name = piece;
        span_cut(&value, '=', &name);
        name = text_percent_decode(name, true, a);
        if (!name.at)
            return false;
        if (owns_member(m, name))
            continue;
        if (b->len)
            buf_put_byte(b, '&');
        buf_put(b, piece);
    }
    for (size_t i = 0; r && i < r->count; i++) {
        if (!r->fields[i].body.at || r->fields[i].value == SEND_NOTHING)
            continue;
        if (b->len)
            buf_put_byte(b, '&');
        buf_put_percent(b, r->fields[i].body, SPAN_NONE);
        buf_put_byte(b, '=');
        buf_put_percent(b, text_of(r->fields[i].value, s), SPAN_NONE);
    }
    return true;
}

/* The most that is added: names and values, each byte escaped. */
static size_t added(const struct manifest *m, const struct vendor_secret *s)
{
    size_t room = 64;
    for (size_t i = 0; m->dress && i < m->dress->count; i++)
        room += 16 + 6 * (m->dress->fields[i].body.len + text_of(m->dress->fields[i].value, s).len);
    return room;
}

struct span vendor_dress_body(struct json *j, const struct vendor *v, const struct operation *op, struct span body,
    const struct vendor_secret *secret, struct arena *a)
{
    const struct manifest *m = v->manifest;
    struct buf b;
    struct span dressed = SPAN_NONE;
    if (!takes_members(op) || !(v->key_in_body || v->secret_in_body))
        return body;
    buf_init(&b, DRESSED_MOST);
    /* All its room at once, so that no copy of the secret stays behind; names in JSON may grow when they are written anew. */
    bool room = buf_reserve(&b, body.len * (op->body == BODY_JSON ? 6 : 1) + added(m, secret)) != NULL;
    bool fine = room && (op->body == BODY_JSON ? dress_json(j, m, body, secret, &b) : dress_form(m, body, secret, a, &b));
    if (fine && !b.broken)
        dressed = arena_copy(a, buf_span(&b));
    if (b.at)
        secret_wipe(b.at, b.room);
    buf_free(&b);
    return dressed;
}
