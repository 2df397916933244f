/* SPDX-License-Identifier: Apache-2.0
 * compose.c - where a caller put its key; the head of the upstream request; what a caller sees of the answer's head.
 *
 * Requests are written anew from what was checked: only fields the manifest allows go on, the caller's key never does, and
 * the answer is asked for uncompressed so that its cost can be read. */
#include "base/digest.h"
#include "base/text.h"
#include "vendor/send.h"

/* ---- the presented key ---- */

/* What follows "Bearer " or another scheme; SPAN_NONE: another scheme or nothing. */
static struct span after_scheme(struct span authorization, struct span scheme)
{
    if (authorization.len <= scheme.len || authorization.at[scheme.len] != ' ')
        return SPAN_NONE;
    if (!span_is_nocase(span_first(authorization, scheme.len), scheme))
        return SPAN_NONE;
    struct span token = span_trim(span_from(authorization, scheme.len));
    return token.len ? token : SPAN_NONE;
}

struct basic {
    struct span user, password;
};

static bool read_basic(struct span authorization, struct arena *a, struct basic *out)
{
    struct span coded = after_scheme(authorization, SPAN("Basic"));
    struct span plain = coded.at ? text_base64_decode(coded, a) : SPAN_NONE;
    out->password = plain;
    return plain.at && span_cut(&out->password, ':', &out->user);
}

static struct span some(struct span s)
{
    return s.len ? s : SPAN_NONE;
}

static struct span from_query(struct span query, struct span name, struct arena *a)
{
    struct span rest = query, piece, key;
    while (rest.at && span_next(&rest, '&', &piece))
        if (span_cut(&piece, '=', &key) && span_is(key, name))
            return some(text_percent_decode(piece, true, a));
    return SPAN_NONE;
}

static struct span from_carrier(
    const struct carrier *c, const struct http_head *h, struct span authorization, struct span query, struct arena *a)
{
    struct basic basic;
    switch (c->kind) {
    case CARRY_SCHEME:
        return after_scheme(authorization, c->name);
    case CARRY_HEADER:
        return some(span_trim(http_get(h, c->name)));
    case CARRY_QUERY:
        return from_query(query, c->name, a);
    case CARRY_SIGV4:
        return sigv4_key(authorization);
    case CARRY_BODY: /* vendor_body_key */
    case CARRY_NONE:
        return SPAN_NONE;
    case CARRY_BASIC_USER:
    case CARRY_BASIC_PASSWORD:
        break;
    }
    if (!read_basic(authorization, a, &basic))
        return SPAN_NONE;
    if (c->kind == CARRY_BASIC_USER)
        return some(basic.user);
    return !c->name.at || span_like(basic.user, c->name) ? some(basic.password) : SPAN_NONE;
}

/* Where it stands, it is the gate's, and what stands elsewhere is a vendor's secret: so Portkey's callers send both. */
static struct span portkey_key(const struct http_head *h) { return some(span_trim(http_get(h, SPAN("x-portkey-api-key")))); }

struct span vendor_presented_key(const struct vendor *v, const struct http_head *h, struct span query, struct arena *a)
{
    const struct manifest *m = v->manifest;
    struct span authorization = http_get(h, SPAN("authorization"));
    struct span key = portkey_key(h);
    for (size_t i = 0; !key.at && i < m->carrier_count; i++)
        key = from_carrier(&m->carriers[i], h, authorization, query, a);
    return key;
}

/* Before the key stands nothing, an account's id or a word such as "api"; else the key comes first. */
static bool key_is_password(const struct basic *b)
{
    return b->user.len == 0 || span_starts(b->password, SPAN("tg_")) || span_starts(b->user, SPAN("AC")) ||
           span_starts(b->user, SPAN("SK"));
}

/* Browsers can set no header on a WebSocket: their SDK offers the key among the subprotocols. */
static struct span key_in_protocol(const struct http_head *h)
{
    size_t count = http_count(h, SPAN("sec-websocket-protocol"));
    for (size_t i = 0; i < count; i++) {
        struct span rest = http_nth(h, SPAN("sec-websocket-protocol"), i), piece, word = SPAN("openai-insecure-api-key.");
        while (span_next(&rest, ',', &piece))
            if (span_starts(span_trim(piece), word))
                return some(span_from(span_trim(piece), word.len));
    }
    return SPAN_NONE;
}

struct span vendor_any_presented_key(const struct http_head *h, struct span query, struct arena *a)
{
    static const struct span fields[] = { { "x-api-key", 9 }, { "x-goog-api-key", 14 },
        { "api-key", 7 }, { "x-postmark-server-token", 23 }, { "x-shopify-access-token", 22 } };
    struct span authorization = http_get(h, SPAN("authorization"));
    struct span key = portkey_key(h);
    struct basic basic;
    if (!key.at)
        key = after_scheme(authorization, SPAN("Bearer"));
    if (!key.at && read_basic(authorization, a, &basic))
        key = some(key_is_password(&basic) ? basic.password : basic.user);
    if (!key.at)
        key = sigv4_key(authorization);
    for (size_t i = 0; !key.at && i < sizeof(fields) / sizeof(fields[0]); i++)
        key = some(span_trim(http_get(h, fields[i])));
    if (!key.at)
        key = key_in_protocol(h);
    return key.at ? key : from_query(query, SPAN("key"), a);
}

/* ---- the request ---- */

const struct vendor_origin *vendor_origins(const struct vendor *v, size_t *count)
{
    const struct manifest *m = v->manifest;
    *count = m->single_origin ? 1 : m->origin_count;
    return m->public_origins;
}

/* A value that cannot end its line early, whatever it holds. */
static void put_clean(struct buf *b, struct span s)
{
    size_t before = b->len;
    buf_put(b, s);
    for (size_t i = before; i < b->len; i++)
        if (b->at[i] == '\r' || b->at[i] == '\n' || b->at[i] == '\0')
            b->at[i] = ' ';
}

static void put_basic(struct buf *b, struct span user, struct span password, struct arena *a)
{
    size_t len = user.len + 1 + password.len;
    char *plain = arena_take(a, len);
    if (!plain) {
        b->broken = true;
        return;
    }
    if (user.len)
        memcpy(plain, user.at, user.len);
    plain[user.len] = ':';
    if (password.len)
        memcpy(plain + user.len + 1, password.at, password.len);
    buf_put(b, SPAN("authorization: Basic "));
    buf_put_base64(b, span_make(plain, len));
    buf_put(b, SPAN("\r\n"));
    secret_wipe(plain, len);
}

static struct span basic_user(const struct carrier *send, const struct vendor_secret *s)
{
    if (send->name.at)
        return send->name;
    return s->key_id.at ? s->key_id : s->account;
}

static void put_secret(struct buf *b, const struct carrier *send, const struct vendor_secret *s, struct arena *a)
{
    switch (send->kind) {
    case CARRY_SCHEME:
        buf_put(b, SPAN("authorization: "));
        buf_put(b, send->name);
        buf_put_byte(b, ' ');
        break;
    case CARRY_HEADER:
        buf_put(b, send->name);
        buf_put(b, SPAN(": "));
        break;
    case CARRY_BASIC_USER:
        put_basic(b, s->secret, SPAN(""), a);
        return;
    case CARRY_BASIC_PASSWORD:
        put_basic(b, basic_user(send, s), s->secret, a);
        return;
    case CARRY_QUERY:
    case CARRY_BODY:
    case CARRY_SIGV4:
    case CARRY_NONE:
        return;
    }
    put_clean(b, s->secret);
    buf_put(b, SPAN("\r\n"));
}

static bool is_aws(const struct manifest *m) { return m->dress && m->dress->kind == SEND_SIGV4; }

/* The query without the caller's key and with the secret, where the vendor wants it there. */
static void put_query(struct buf *b, const struct manifest *m, const struct compose *c, struct span query)
{
    struct span rest = query.len ? query : SPAN_NONE, piece;
    char mark = '?';
    while (rest.at && span_next(&rest, '&', &piece)) {
        struct span value = piece, name = piece;
        span_cut(&value, '=', &name);
        if (send_owns_query(m, name))
            continue;
        buf_put_byte(b, mark);
        buf_put(b, piece);
        mark = '&';
    }
    mark = send_put_query(b, m, c->matched->operation, c->secret, mark);
    if (m->send.kind != CARRY_QUERY)
        return;
    buf_put_byte(b, mark);
    buf_put_percent(b, m->send.name, SPAN_NONE);
    buf_put_byte(b, '=');
    buf_put_percent(b, c->secret->secret, SPAN_NONE);
}

/* The vendor's own path, with what the caller's had in its places. */
static void put_upstream_path(struct buf *b, const struct matched *matched, struct span template)
{
    struct span rest = template, before, name;
    while (span_cut(&rest, '{', &before)) {
        buf_put(b, before);
        span_cut(&rest, '}', &name);
        for (size_t i = 0; i < matched->count; i++)
            if (span_is(matched->captures[i].name, name))
                buf_put(b, matched->captures[i].value);
    }
    buf_put(b, rest);
}

static void put_path(struct buf *b, const struct manifest *m, const struct origin *o, const struct compose *c)
{
    bool lacks_prefix;
    struct span own = m->rules[c->matched->operation->index].upstream, path = route_path(m, c->path, &lacks_prefix);
    buf_put(b, o->base_path);
    if (own.at) {
        put_upstream_path(b, c->matched, own);
        return;
    }
    if (lacks_prefix)
        buf_put(b, m->optional_prefix);
    buf_put(b, span_from(path, o->prefix.len));
}

static bool query_has(struct span query, struct span name)
{
    struct span rest = query.len ? query : SPAN_NONE, piece, key;
    while (rest.at && span_next(&rest, '&', &piece)) {
        key = piece;
        span_cut(&piece, '=', &key);
        if (span_is(key, name))
            return true;
    }
    return false;
}

/* The caller's query, and what of the manifest's default it does not say. */
static struct span whole_query(const struct manifest *m, struct span query, struct arena *a)
{
    struct span rest = m->default_query.len ? m->default_query : SPAN_NONE, piece;
    while (rest.at && span_next(&rest, '&', &piece)) {
        struct span value = piece, name = piece;
        span_cut(&value, '=', &name);
        if (!query_has(query, name))
            query = arena_print(a, "%.*s%s%.*s", SPAN_ARG(query), query.len ? "&" : "", SPAN_ARG(piece));
    }
    return query;
}

static void put_target(struct buf *b, const struct manifest *m, const struct origin *o, const struct compose *c, struct arena *a)
{
    struct span query = whole_query(m, c->query, a);
    buf_put(b, c->matched->operation->method);
    buf_put_byte(b, ' ');
    put_path(b, m, o, c);
    if (!is_aws(m))
        put_query(b, m, c, query);
    else if (!sigv4_query(m, query, a, b))
        b->broken = true;
    b->broken = b->broken || a->broken;
}

static void put_host(struct buf *b, const struct origin *o, struct span authority)
{
    if (!authority.at) {
        buf_put(b, o->host_line);
        return;
    }
    buf_put(b, SPAN(" HTTP/1.1\r\nhost: "));
    put_clean(b, authority);
    buf_put(b, SPAN("\r\naccept-encoding: identity\r\n"));
}

static bool is_allowed(const struct manifest *m, struct span name)
{
    if (!(m->allowed_lengths >> (name.len & 63) & 1))
        return false;
    for (size_t i = 0; i < m->allowed_count; i++)
        if (span_is(m->allowed_fields[i], name))
            return true;
    return false;
}

static void put_line(struct buf *b, struct span name, struct span value)
{
    buf_put(b, name);
    buf_put(b, SPAN(": "));
    put_clean(b, value);
    buf_put(b, SPAN("\r\n"));
}

/* The gate writes it itself. */
static bool is_own(const struct manifest *m, struct span name)
{
    for (size_t i = 0; i < m->default_count; i++)
        if (span_is(m->default_fields[i].name, name))
            return true;
    return m->send.kind == CARRY_HEADER && span_is(m->send.name, name);
}

/* The caller's fields that go on, then what the manifest adds where the caller had none. */
static void put_fields(struct buf *b, const struct manifest *m, const struct compose *c)
{
    const struct http_head *h = c->head;
    for (size_t i = 0; i < h->count; i++)
        if (is_allowed(m, h->fields[i].name))
            put_line(b, h->fields[i].name, h->fields[i].value);
    for (size_t i = 0; i < c->more_count; i++)
        if (!is_allowed(m, c->more[i].name) && !is_own(m, c->more[i].name))
            put_line(b, c->more[i].name, c->more[i].value);
    for (size_t i = 0; i < m->default_count; i++)
        if (!http_get(h, m->default_fields[i].name).at)
            put_line(b, m->default_fields[i].name, m->default_fields[i].value);
}

/* The gate's own idempotency key where the vendor takes one; the caller's is never among the fields that go on. */
static void put_once(struct buf *b, const struct compose *c)
{
    must(c->once.len <= VENDOR_ONCE_MOST);
    if (c->once.len && c->matched->operation->idempotent)
        put_line(b, c->vendor->once, c->once);
}

/* Of the body that is sent; SPAN_NONE: there is none, or nobody said. A body that only the gate writes has the operation's. */
static struct span content_type(const struct compose *c)
{
    struct span type = c->content_type.at ? c->content_type : http_get(c->head, SPAN("content-type"));
    if (c->length == 0)
        return SPAN_NONE;
    if (type.at || !c->vendor->secret_in_body)
        return type;
    return c->matched->operation->body == BODY_FORM ? SPAN("application/x-www-form-urlencoded") : SPAN("application/json");
}

static void put_framing(struct buf *b, const struct compose *c)
{
    bool body_method = c->matched->operation->body != BODY_NONE;
    struct span type = content_type(c);
    if (type.at)
        put_line(b, SPAN("content-type"), type);
    if (c->length < 0) {
        buf_put(b, SPAN("transfer-encoding: chunked\r\n"));
    } else if (c->length > 0 || body_method || c->matched->operation->writes) {
        buf_put(b, SPAN("content-length: "));
        buf_put_i64(b, c->length);
        buf_put(b, SPAN("\r\n"));
    }
}

static void put_token(struct buf *b, struct span token)
{
    buf_put(b, SPAN("authorization: Bearer "));
    put_clean(b, token);
    buf_put(b, SPAN("\r\n"));
}

/* Signed is what was written: the target stands at `start` of b, up to `end`. */
static void put_signature(
    struct buf *b, const struct origin *o, const struct compose *c, size_t start, size_t end, struct arena *a)
{
    struct signing s = { .compose = c, .origin = o, .type = content_type(c) };
    struct span target = b->broken ? SPAN_NONE : arena_copy(a, span_first(span_from(buf_span(b), start), end - start));
    if (!target.at) {
        b->broken = true;
        return;
    }
    s.query = span_from(target, c->matched->operation->method.len + 1);
    if (!span_cut(&s.query, '?', &s.path)) {
        s.path = s.query;
        s.query = SPAN("");
    }
    if (c->vendor->manifest->dress->kind == SEND_SIGV4)
        sigv4_put(b, &s);
    else
        hmac_put(b, &s, a);
}

/* What lacks a part of what the vendor wants to see is not sent at all. */
static void put_dress(struct buf *b, const struct origin *o, const struct compose *c, size_t start, size_t end, struct arena *a)
{
    const struct manifest *m = c->vendor->manifest;
    if (!m->dress)
        return;
    send_put_headers(b, m, c->secret);
    if (vendor_signs(c->vendor))
        put_signature(b, o, c, start, end, a);
    else if (m->dress->kind == SEND_TOKEN && c->token.len)
        put_token(b, c->token);
    else if (m->dress->kind == SEND_TOKEN)
        b->broken = true;
}

size_t vendor_compose(const struct compose *c, struct arena *a, struct buf *head)
{
    const struct manifest *m = c->vendor->manifest;
    size_t index = m->rules[c->matched->operation->index].origin;
    const struct origin *o = &m->origins[index];
    size_t start = head->len;
    put_target(head, m, o, c, a);
    size_t end = head->len;
    put_host(head, o, c->authority);
    put_secret(head, &m->send, c->secret, a);
    put_dress(head, o, c, start, end, a);
    put_fields(head, m, c);
    put_once(head, c);
    put_framing(head, c);
    buf_put(head, SPAN("\r\n"));
    return m->single_origin ? 0 : index;
}

/* ---- the answer ---- */

static bool is_dropped(const struct manifest *m, struct span name)
{
    if (!(m->dropped_lengths >> (name.len & 63) & 1))
        return false;
    for (size_t i = 0; i < m->dropped_count; i++)
        if (span_is(m->dropped_answer_fields[i], name))
            return true;
    return false;
}

/* "Connection: keep-alive, x-hop" makes x-hop a field of this hop only (RFC 9110, 7.6.1). */
static bool is_named_by_connection(const struct http_head *answer, struct span name)
{
    size_t given = http_count(answer, SPAN("connection"));
    for (size_t i = 0; i < given; i++) {
        struct span rest = http_nth(answer, SPAN("connection"), i), piece;
        while (span_next(&rest, ',', &piece))
            if (span_is_nocase(span_trim(piece), name))
                return true;
    }
    return false;
}

void vendor_answer_fields(
    const struct vendor *v, const struct http_head *answer, struct arena *a, struct http_field **fields, size_t *count)
{
    const struct manifest *m = v->manifest;
    *count = 0;
    *fields = answer->count ? ARENA_ARRAY(a, struct http_field, answer->count) : NULL;
    for (size_t i = 0; *fields && i < answer->count; i++)
        if (!is_dropped(m, answer->fields[i].name) && !span_is(answer->fields[i].name, v->once) &&
            !is_named_by_connection(answer, answer->fields[i].name))
            (*fields)[(*count)++] = answer->fields[i];
}
