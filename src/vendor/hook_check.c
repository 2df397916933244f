/* SPDX-License-Identifier: Apache-2.0
 * hook_check.c - whether a call to us really is the vendor's: the signatures of Stripe, Twilio, Svix (Resend and others), and a
 * plain HMAC; and one kind that the gate makes itself, when it passes a callback on.
 *
 * Every signature given is compared in constant time, all of them, so that how long it takes tells nothing. What has no
 * secret has no signature: it fails. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/text.h"
#include "vendor/hook.h"

enum { SIGNED_MOST = 64 << 20, SIGNATURES_MOST = 16, PARAMETERS_MOST = 1000 };

/* ---- one signature ---- */

struct mac {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    size_t len;
};

static struct mac mac_of(enum hook_hash hash, struct span key, struct span text)
{
    const EVP_MD *const hashes[] = { [HOOK_SHA256] = EVP_sha256(), [HOOK_SHA1] = EVP_sha1(), [HOOK_SHA512] = EVP_sha512() };
    struct mac m;
    unsigned len = 0;
    const char *bytes = key.at ? key.at : "";
    must(
        key.len <= INT32_MAX && HMAC(hashes[hash], bytes, (int)key.len, (const unsigned char *)text.at, text.len, m.bytes, &len));
    m.len = len;
    return m;
}

/* In constant time for the mac's length, whatever was given. */
static bool is_mac(const struct mac *m, struct span given)
{
    unsigned differs = given.len != m->len;
    for (size_t i = 0; i < m->len; i++)
        differs |= m->bytes[i] ^ (uint8_t)(i < given.len ? given.at[i] : 0);
    return differs == 0;
}

static bool is_written(const struct mac *m, struct span given, bool base64, struct arena *a)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    if (base64)
        return is_mac(m, text_base64_decode(given, a));
    return given.len == m->len * 2 && text_hex_decode(given, bytes, m->len) && is_mac(m, span_make((const char *)bytes, m->len));
}

/* Any of those in a list with the mark between them; each may have to start with a word, which is cut off. */
static bool any_written(const struct mac *m, struct span list, char mark, struct span word, bool base64, struct arena *a)
{
    bool found = false;
    struct span piece;
    for (size_t n = 0; n < SIGNATURES_MOST && span_next(&list, mark, &piece); n++) {
        piece = span_trim(piece);
        if (span_starts(piece, word) && is_written(m, span_from(piece, word.len), base64, a))
            found = true;
    }
    return found;
}

/* ---- when it was signed ---- */

static bool is_now(const struct hook_signature *s, enum clock clock, struct span time, int64_t now_ms)
{
    int64_t at;
    return moment_read(clock, time, &at) && at >= now_ms - s->within_ms && at <= now_ms + s->within_ms;
}

/* ---- kinds ---- */

/* Stripe: "t=1492774577,v1=5257a8...,v1=...": HMAC-SHA256 of "t.body". */
static bool check_stripe(
    const struct hook_signature *s, const struct hook_request *r, struct span field, struct arena *a, const char **why)
{
    struct span rest = field, piece, time = SPAN_NONE;
    struct buf text;
    while (span_next(&rest, ',', &piece))
        if (!time.at && span_starts(span_trim(piece), SPAN("t=")))
            time = span_from(span_trim(piece), 2);
    *why = "the signature is too old, or of another time than ours";
    if (!time.at || !is_now(s, CLOCK_UNIX, time, r->now_ms))
        return false;
    buf_init(&text, SIGNED_MOST);
    buf_put(&text, time);
    buf_put_byte(&text, '.');
    buf_put(&text, r->body);
    struct mac m = mac_of(HOOK_SHA256, r->secret, buf_span(&text));
    bool fine = !text.broken && any_written(&m, field, ',', SPAN("v1="), false, a);
    buf_free(&text);
    *why = "the signature is not one of this secret";
    return fine;
}

/* Svix: "v1,<base64> v1,<base64>" over "id.timestamp.body"; the secret is base64 behind "whsec_". */
static bool check_svix(
    const struct hook_signature *s, const struct hook_request *r, struct span field, struct arena *a, const char **why)
{
    struct span name = span_first(s->header, s->header.len - strlen("signature"));
    struct span id = http_get(r->head, arena_print(a, "%.*sid", SPAN_ARG(name)));
    struct span time = http_get(r->head, arena_print(a, "%.*stimestamp", SPAN_ARG(name)));
    struct span coded = span_starts(r->secret, SPAN("whsec_")) ? span_from(r->secret, 6) : r->secret;
    struct span key = text_base64_decode(coded, a);
    struct buf text;
    *why = "the signature is too old, or of another time than ours";
    if (!id.len || !time.len || !is_now(s, CLOCK_UNIX, time, r->now_ms))
        return false;
    *why = "the secret for hooks is not base64 behind whsec_";
    if (!key.len)
        return false;
    buf_init(&text, SIGNED_MOST);
    const struct span parts[] = { id, SPAN("."), time, SPAN("."), r->body };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        buf_put(&text, parts[i]);
    struct mac m = mac_of(HOOK_SHA256, key, buf_span(&text));
    bool fine = !text.broken && any_written(&m, field, ' ', SPAN("v1,"), true, a);
    buf_free(&text);
    secret_wipe((void *)(uintptr_t)key.at, key.len);
    *why = "the signature is not one of this secret";
    return fine;
}

static void put_named(struct buf *out, const struct hook_signature *s, const struct hook_request *r, struct span name)
{
    const struct {
        struct span name, text;
    } places[] = { { SPAN("timestamp"), s->timestamp.at ? http_get(r->head, s->timestamp) : SPAN_NONE },
        { SPAN("body"), r->body }, { SPAN("url"), r->url }, { SPAN("method"), r->head->method } };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (span_is(places[i].name, name))
            buf_put(out, places[i].text);
}

/* A text with {timestamp}, {body}, {url} and {method} filled in. */
static bool check_hmac(
    const struct hook_signature *s, const struct hook_request *r, struct span field, struct arena *a, const char **why)
{
    struct span rest = s->text, before, name;
    struct buf text;
    *why = "the signature is too old, or of another time than ours";
    if (s->timestamp.at && !is_now(s, s->clock, http_get(r->head, s->timestamp), r->now_ms))
        return false;
    buf_init(&text, SIGNED_MOST);
    while (span_cut(&rest, '{', &before)) {
        buf_put(&text, before);
        must(span_cut(&rest, '}', &name)); /* compiled so */
        put_named(&text, s, r, name);
    }
    buf_put(&text, rest);
    struct mac m = mac_of(s->hash, r->secret, buf_span(&text));
    bool fine = !text.broken && any_written(&m, field, ',', s->prefix, s->base64, a);
    buf_free(&text);
    *why = "the signature is not one of this secret";
    return fine;
}

/* ---- Twilio: HMAC-SHA1 of the URL and the parameters of a form, by name ---- */

static int by_name_and_value(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    int names = span_compare(a->name, b->name);
    return names ? names : span_compare(a->value, b->value);
}

/* A value that a parameter has twice counts once. */
static void put_parameters(struct buf *out, struct pairs *p)
{
    if (p->count)
        qsort(p->list, p->count, sizeof(*p->list), by_name_and_value);
    for (size_t i = 0; i < p->count; i++) {
        if (i && !by_name_and_value(&p->list[i - 1], &p->list[i]))
            continue;
        buf_put(out, p->list[i].name);
        buf_put(out, p->list[i].value);
    }
}

bool hook_form(struct span text, struct arena *a, struct pairs *out)
{
    struct span rest = text.len ? text : SPAN_NONE, piece, name;
    *out = (struct pairs){ .list = ARENA_ARRAY(a, struct pair, PARAMETERS_MOST) };
    while (out->list && rest.at && span_next(&rest, '&', &piece)) {
        if (!piece.len)
            continue;
        struct span value = piece;
        if (!span_cut(&value, '=', &name)) {
            name = piece;
            value = SPAN("");
        }
        struct pair p = { text_percent_decode(name, true, a), text_percent_decode(value, true, a) };
        if (out->count == PARAMETERS_MOST || !p.name.at || !p.value.at)
            return false;
        out->list[out->count++] = p;
    }
    return out->list != NULL;
}

static struct mac twilio_mac(struct span url, struct pairs *p, struct span secret)
{
    struct buf text;
    buf_init(&text, SIGNED_MOST);
    buf_put(&text, url);
    put_parameters(&text, p);
    struct mac m = mac_of(HOOK_SHA1, secret, buf_span(&text));
    m.len = text.broken ? 0 : m.len;
    buf_free(&text);
    return m;
}

/* A JSON body is not signed itself: the URL, which is, holds its SHA-256. */
static bool body_fits(const struct hook_request *r)
{
    struct span rest = r->query, piece, name;
    while (rest.at && span_next(&rest, '&', &piece)) {
        uint8_t wanted[DIGEST_LEN];
        if (!span_cut(&piece, '=', &name) || !span_is(name, SPAN("bodySHA256")))
            continue;
        struct digest d = digest_sha256(r->body);
        return piece.len == 2 * DIGEST_LEN && text_hex_decode(piece, wanted, DIGEST_LEN) &&
               digest_same(span_make((const char *)wanted, DIGEST_LEN), span_make((const char *)d.bytes, DIGEST_LEN));
    }
    return r->body.len == 0;
}

/* The URL with another port than it was written with: Twilio signs it with one, or without. */
static struct span with_port(struct span url, struct span port, struct arena *a)
{
    ptrdiff_t scheme = span_find(url, SPAN("://"));
    if (scheme < 0)
        return url;
    struct span start = span_first(url, (size_t)scheme + 3), rest = span_from(url, (size_t)scheme + 3);
    size_t host = 0, end;
    while (host < rest.len && !strchr(":/?", rest.at[host]))
        host++;
    for (end = host; end < rest.len && !strchr("/?", rest.at[end]);)
        end++;
    return arena_print(
        a, "%.*s%.*s%.*s%.*s", SPAN_ARG(start), SPAN_ARG(span_first(rest, host)), SPAN_ARG(port), SPAN_ARG(span_from(rest, end)));
}

static bool is_form(const struct hook_request *r)
{
    struct span type = http_get(r->head, SPAN("content-type"));
    return type.at && http_is_type(type, SPAN("application/x-www-form-urlencoded"));
}

static bool check_twilio(const struct hook_request *r, struct span field, struct arena *a, const char **why)
{
    struct span usual = span_starts(r->url, SPAN("https:")) ? SPAN(":443") : SPAN(":80");
    const struct span urls[] = { r->url, with_port(r->url, SPAN(""), a), with_port(r->url, usual, a) };
    struct pairs form = { 0 };
    bool found = false;
    *why = "the signature is not one of this secret";
    bool readable = is_form(r) ? hook_form(r->body, a, &form) : body_fits(r);
    for (size_t i = 0; readable && i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct mac m = twilio_mac(urls[i], &form, r->secret);
        if (m.len && is_written(&m, field, true, a))
            found = true;
    }
    return found;
}

/* ---- what others call ---- */

enum err vendor_hook_verify(const struct vendor *v, const struct hook_request *r, struct arena *a, const char **why)
{
    const struct hook_rules *h = v->manifest->hook;
    bool fine = false;
    *why = "this vendor has no hooks";
    if (!h)
        return E_KEY_UNKNOWN;
    *why = "the credential has no secret for hooks";
    if (!r->secret.len)
        return E_KEY_UNKNOWN;
    *why = "the signature is missing, or given twice";
    if (http_count(r->head, h->signature.header) != 1)
        return E_KEY_UNKNOWN;
    struct span field = http_get(r->head, h->signature.header);
    switch (h->signature.kind) {
    case HOOK_STRIPE:
        fine = check_stripe(&h->signature, r, field, a, why);
        break;
    case HOOK_TWILIO:
        fine = check_twilio(r, field, a, why);
        break;
    case HOOK_SVIX:
        fine = check_svix(&h->signature, r, field, a, why);
        break;
    case HOOK_HMAC:
        fine = check_hmac(&h->signature, r, field, a, why);
        break;
    }
    return fine && !a->broken ? E_OK : E_KEY_UNKNOWN;
}

size_t vendor_hook_sign(
    const struct vendor *v, struct span url, struct span body, struct span secret, struct arena *a, struct http_field fields[2])
{
    const struct hook_rules *h = v->manifest->hook;
    struct pairs form;
    struct buf text;
    if (!h || h->signature.kind != HOOK_TWILIO || !secret.len || !hook_form(body, a, &form))
        return 0;
    struct mac m = twilio_mac(url, &form, secret);
    buf_init(&text, 256);
    buf_put_base64(&text, span_make((const char *)m.bytes, m.len));
    fields[0] = (struct http_field){ h->signature.header, m.len ? arena_copy(a, buf_span(&text)) : SPAN_NONE };
    buf_free(&text);
    return fields[0].value.at ? 1 : 0;
}
