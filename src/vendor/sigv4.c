/* SPDX-License-Identifier: Apache-2.0
 * sigv4.c - AWS Signature Version 4: the caller's signature names its key and is thrown away, the request is signed anew.
 *
 * What is signed is what is sent: the query is written in the signed order and spelling, and the body by its hash (base/sigv4.h). Chunked
 * signatures are not: bodies are whole. */
#include <stdlib.h>

#include "base/sigv4.h"
#include "base/text.h"
#include "vendor/send.h"

enum { QUERY_PAIRS = 1000 };

static const char scheme[] = "AWS4-HMAC-SHA256";

/* ---- compiling ---- */

bool sigv4_read(struct compiler *c, const struct node *n, struct sigv4_rules *out)
{
    static const char *const names[] = { "service", "region", NULL };
    if (!node_only(n, "send.sigv4", names, c->trouble) ||
        !node_span(node_get(n, "service"), "send.sigv4.service", &out->service, c->trouble) ||
        !node_span(node_get(n, "region"), "send.sigv4.region", &out->region, c->trouble))
        return false;
    if (!sigv4_word(out->service))
        return say(c, n, "send.sigv4.service", out->service, "the service's name in signatures: ses, execute-api");
    if (span_starts(out->region, SPAN("setting.")))
        out->region_setting = span_from(out->region, 8);
    else if (!sigv4_word(out->region))
        return say(c, n, "send.sigv4.region", out->region, "a region, or setting.NAME");
    c->vendor->needs_key_id = true;
    return true;
}

/* ---- the caller's ---- */

struct span sigv4_key(struct span authorization)
{
    size_t len = sizeof(scheme) - 1;
    struct span rest = span_from(authorization, len), piece, key;
    if (authorization.len <= len || authorization.at[len] != ' ' ||
        !span_is_nocase(span_first(authorization, len), span_of(scheme)))
        return SPAN_NONE;
    while (rest.at && span_next(&rest, ',', &piece)) {
        piece = span_trim(piece);
        if (!span_starts(piece, SPAN("Credential=")))
            continue;
        struct span credential = span_from(piece, 11);
        return span_cut(&credential, '/', &key) && key.len ? key : SPAN_NONE;
    }
    return SPAN_NONE;
}

/* ---- the query ---- */

static int by_name(const void *left, const void *right)
{
    const struct pair *l = left, *r = right;
    int order = span_compare(l->name, r->name);
    return order ? order : span_compare(l->value, r->value);
}

static struct span encoded(struct span s, struct arena *a)
{
    struct buf b;
    buf_init(&b, 3 * s.len + 1);
    buf_put_percent(&b, s, SPAN_NONE);
    struct span out = b.broken ? SPAN_NONE : arena_copy(a, buf_span(&b));
    buf_free(&b);
    return out;
}

/* Names and values are sorted as they are written. */
bool sigv4_query(const struct manifest *m, struct span query, struct arena *a, struct buf *out)
{
    struct span rest = query.len ? query : SPAN_NONE, piece;
    struct pair *list = ARENA_ARRAY(a, struct pair, QUERY_PAIRS);
    size_t count = 0;
    while (list && rest.at && span_next(&rest, '&', &piece)) {
        struct span value = piece, name = piece;
        bool equals = span_cut(&value, '=', &name);
        name = text_percent_decode(name, true, a);
        value = equals ? text_percent_decode(value, true, a) : SPAN("");
        if (!name.at || !value.at || count == QUERY_PAIRS)
            return false;
        if (!send_owns_query(m, name))
            list[count++] = (struct pair){ encoded(name, a), encoded(value, a) };
    }
    if (list && count)
        qsort(list, count, sizeof(*list), by_name);
    for (size_t i = 0; list && i < count; i++) {
        buf_put_byte(out, i ? '&' : '?');
        buf_put(out, list[i].name);
        buf_put_byte(out, '=');
        buf_put(out, list[i].value);
    }
    return list && !a->broken;
}

/* ---- the signature ---- */

static struct span region_of(const struct compose *c, const struct sigv4_rules *r)
{
    char name[SIGV4_WORD + 1];
    if (!r->region_setting.at)
        return r->region;
    if (r->region_setting.len > SIGV4_WORD)
        return SPAN_NONE;
    memcpy(name, r->region_setting.at, r->region_setting.len);
    name[r->region_setting.len] = '\0';
    const struct node *n = node_get(c->settings, name);
    if (!n)
        n = node_get(c->vendor->manifest->settings, name);
    return n && n->kind == NODE_SCALAR ? n->text : SPAN_NONE;
}

void sigv4_put(struct buf *b, const struct signing *s)
{
    const struct compose *c = s->compose;
    const struct sigv4_rules *r = &c->vendor->manifest->dress->sigv4;
    struct sigv4 request = {
        .key_id = c->secret->key_id,
        .secret = c->secret->secret,
        .region = region_of(c, r),
        .service = r->service,
        .method = c->matched->operation->method,
        .path = s->path,
        .query = s->query,
        .host = c->authority.at ? c->authority : s->origin->authority,
        .type = s->type,
        .body = digest_sha256(c->body),
        .now_ms = c->now_ms,
    };
    if (c->length == (int64_t)c->body.len)
        sigv4_sign(b, &request);
    else
        b->broken = true;
}
