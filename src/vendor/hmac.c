/* SPDX-License-Identifier: Apache-2.0
 * hmac.c - requests that carry an HMAC over what they are: a text that the manifest writes with places to fill in.
 *
 * SHA-256 only. The text sees the request as it is sent, so what is signed is what arrives. */
#include "base/digest.h"
#include "base/text.h"
#include "vendor/send.h"

enum { TEXT_MOST = 64 << 20 };

enum place { PLACE_TIMESTAMP, PLACE_METHOD, PLACE_PATH, PLACE_QUERY, PLACE_BODY, PLACE_BODY_SHA256, PLACE_KEY_ID, PLACE_COUNT };
static const char *const places[] = { "timestamp", "method", "path", "query", "body", "body_sha256", "key_id" };

static const char places_allowed[] = "a text with {timestamp}, {method}, {path}, {query}, {body}, {body_sha256} and {key_id}";

/* Cuts the text at its next place. False: there is none, *before is all of it; *place is PLACE_COUNT for an unknown one. */
static bool next_place(struct span *rest, struct span *before, enum place *place)
{
    struct span name;
    *place = PLACE_COUNT;
    *before = *rest;
    ptrdiff_t open = span_find_byte(*rest, '{');
    if (open < 0)
        return false;
    *before = span_first(*rest, (size_t)open);
    *rest = span_from(*rest, (size_t)open + 1);
    if (!span_cut(rest, '}', &name))
        return true;
    for (int i = 0; i < PLACE_COUNT; i++)
        if (span_is(name, span_of(places[i])))
            *place = (enum place)i;
    return true;
}

/* ---- compiling ---- */

static bool text_read(struct compiler *c, const struct node *n, const struct hmac_rules *r)
{
    struct span rest = r->text, before;
    enum place place;
    bool over_body = false;
    if (!rest.len)
        return say(c, n, "send.hmac.text", rest, places_allowed);
    while (next_place(&rest, &before, &place)) {
        if (place == PLACE_COUNT)
            return say(c, n, "send.hmac.text", r->text, places_allowed);
        over_body = over_body || place == PLACE_BODY || place == PLACE_BODY_SHA256;
        c->vendor->needs_key_id = c->vendor->needs_key_id || place == PLACE_KEY_ID;
    }
    return over_body ||
           say(c, n, "send.hmac.text", r->text, "a text with {body} or {body_sha256}: else anybody could change what was signed");
}

bool hmac_read(struct compiler *c, const struct node *n, struct hmac_rules *out)
{
    static const char *const names[] = { "header", "prefix", "hash", "encoding", "text", "timestamp", "clock", "key_id", NULL };
    static const char *const hashes[] = { "sha256", NULL }, *const encodings[] = { "hex", "base64", NULL };
    static const char *const clocks[] = { "unix", "unix_ms", "rfc3339", NULL };
    static const enum clock kinds[] = { CLOCK_UNIX, CLOCK_UNIX_MS, CLOCK_RFC3339 };
    int hash = 0, encoding = 0, clock = 0;
    if (!node_only(n, "send.hmac", names, c->trouble) ||
        !header_name_read(c, node_get(n, "header"), "send.hmac.header", &out->header) ||
        !node_span(node_get(n, "prefix"), "send.hmac.prefix", &out->prefix, c->trouble) ||
        !node_choice(node_get(n, "hash"), "send.hmac.hash", hashes, &hash, c->trouble) ||
        !node_choice(node_get(n, "encoding"), "send.hmac.encoding", encodings, &encoding, c->trouble) ||
        !node_choice(node_get(n, "clock"), "send.hmac.clock", clocks, &clock, c->trouble) ||
        !node_span(node_get(n, "text"), "send.hmac.text", &out->text, c->trouble) ||
        !header_name_read(c, node_get(n, "timestamp"), "send.hmac.timestamp", &out->timestamp) ||
        !header_name_read(c, node_get(n, "key_id"), "send.hmac.key_id", &out->key_id))
        return false;
    if (!out->header.at)
        return say(c, n, "send.hmac.header", SPAN_NONE, "a lower-case name of a header field");
    out->base64 = encoding == 1;
    out->clock = kinds[clock];
    c->vendor->needs_key_id = c->vendor->needs_key_id || out->key_id.at;
    return text_read(c, n, out);
}

/* ---- signing ---- */

static struct span time_text(enum clock clock, int64_t now_ms, struct arena *a)
{
    char text[TIME_TEXT];
    if (clock == CLOCK_RFC3339)
        return arena_copy(a, text_time(now_ms, text));
    return arena_print(a, "%lld", (long long)(clock == CLOCK_UNIX ? now_ms / 1000 : now_ms));
}

static void put_place(struct buf *b, enum place place, const struct signing *s, struct span time)
{
    const struct compose *c = s->compose;
    struct digest d;
    switch (place) {
    case PLACE_TIMESTAMP:
        buf_put(b, time);
        return;
    case PLACE_METHOD:
        buf_put(b, c->matched->operation->method);
        return;
    case PLACE_PATH:
        buf_put(b, s->path);
        return;
    case PLACE_QUERY:
        buf_put(b, s->query);
        return;
    case PLACE_BODY:
        buf_put(b, c->body);
        return;
    case PLACE_BODY_SHA256:
        d = digest_sha256(c->body);
        buf_put_hex(b, span_make((const char *)d.bytes, DIGEST_LEN));
        return;
    case PLACE_KEY_ID:
        buf_put(b, c->secret->key_id);
        return;
    case PLACE_COUNT:
        break;
    }
    must(place != PLACE_COUNT); /* only places that were compiled */
}

static struct digest sign(const struct hmac_rules *r, const struct signing *s, struct span time, bool *broken)
{
    struct buf text;
    struct span rest = r->text, before;
    enum place place;
    buf_init(&text, TEXT_MOST);
    while (next_place(&rest, &before, &place)) {
        buf_put(&text, before);
        put_place(&text, place, s, time);
    }
    buf_put(&text, before);
    struct digest d = digest_hmac(s->compose->secret->secret, buf_span(&text));
    *broken = text.broken;
    buf_free(&text);
    return d;
}

void hmac_put(struct buf *b, const struct signing *s, struct arena *a)
{
    const struct compose *c = s->compose;
    const struct hmac_rules *r = &c->vendor->manifest->dress->hmac;
    struct span time = time_text(r->clock, c->now_ms, a);
    bool broken = !time.at || c->length != (int64_t)c->body.len;
    struct digest d = { { 0 } };
    if (!broken)
        d = sign(r, s, time, &broken);
    if (broken) {
        b->broken = true;
        return;
    }
    if (r->timestamp.at)
        http_put_field(b, r->timestamp, time);
    if (r->key_id.at)
        http_put_field(b, r->key_id, c->secret->key_id);
    buf_put(b, r->header);
    buf_put(b, SPAN(": "));
    buf_put(b, r->prefix);
    if (r->base64)
        buf_put_base64(b, span_make((const char *)d.bytes, DIGEST_LEN));
    else
        buf_put_hex(b, span_make((const char *)d.bytes, DIGEST_LEN));
    buf_put(b, SPAN("\r\n"));
}
