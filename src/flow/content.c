/* SPDX-License-Identifier: Apache-2.0
 * content.c - see content.h. */
#include "flow/content.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/packed.h"
#include "base/text.h"

enum { FIELDS_MOST = 64, LEVEL = 6 };

/* ---- packing ---- */

static void put_number(struct buf *b, int64_t n) { packed_put(b, span_make((const char *)&n, sizeof(n))); }

static bool take_number(struct span *rest, int64_t *out)
{
    struct span text;
    if (!packed_take(rest, &text) || text.len != sizeof(*out))
        return false;
    memcpy(out, text.at, sizeof(*out));
    return true;
}

static void put_side(struct buf *b, const struct content_side *s)
{
    put_number(b, s->status);
    put_number(b, (int64_t)(s->truncated ? 1 : 0) + (s->streamed ? 2 : 0) + (s->missing.at ? 4 : 0));
    put_number(b, (int64_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        packed_put(b, s->fields[i].name);
        packed_put(b, s->fields[i].value);
    }
    packed_put(b, s->missing.at ? s->missing : s->body);
}

static bool take_side(struct span *rest, struct arena *a, struct content_side *s)
{
    int64_t status, marks, count;
    struct span body;
    if (!take_number(rest, &status) || !take_number(rest, &marks) || !take_number(rest, &count) || count < 0 || count > FIELDS_MOST)
        return false;
    *s = (struct content_side){ .status = (int)status, .truncated = marks & 1, .streamed = marks & 2, .count = (size_t)count };
    s->fields = ARENA_ARRAY(a, struct http_field, s->count + 1);
    for (size_t i = 0; s->fields && i < s->count; i++)
        if (!packed_take(rest, &s->fields[i].name) || !packed_take(rest, &s->fields[i].value))
            return false;
    if (!s->fields || !packed_take(rest, &body))
        return false;
    *(marks & 4 ? &s->missing : &s->body) = body;
    return true;
}

static void put_content(struct buf *b, const struct content *c)
{
    packed_put(b, c->method);
    packed_put(b, c->path);
    packed_put(b, c->redacted);
    put_side(b, &c->request);
    put_side(b, &c->response);
}

static bool take_content(struct span rest, struct arena *a, struct content *out)
{
    return packed_take(&rest, &out->method) && packed_take(&rest, &out->path) && packed_take(&rest, &out->redacted) && take_side(&rest, a, &out->request) &&
           take_side(&rest, a, &out->response);
}

/* ---- compressing: the length of the plain text, then zlib's ---- */

static bool deflate_all(struct span plain, struct buf *out)
{
    uint64_t len = plain.len;
    uLongf room = compressBound(plain.len);
    buf_put(out, span_make((const char *)&len, sizeof(len)));
    char *at = buf_reserve(out, room);
    if (!at || compress2((Bytef *)at, &room, (const Bytef *)plain.at, plain.len, LEVEL) != Z_OK)
        return false;
    out->len += room;
    return true;
}

static struct span inflate_all(struct span packed, struct arena *a)
{
    uint64_t len;
    if (packed.len < sizeof(len))
        return SPAN_NONE;
    memcpy(&len, packed.at, sizeof(len));
    char *at = len <= CONTENT_MOST ? arena_take(a, (size_t)len + 1) : NULL;
    uLongf got = len;
    if (!at || uncompress((Bytef *)at, &got, (const Bytef *)packed.at + sizeof(len), packed.len - sizeof(len)) != Z_OK || got != len)
        return SPAN_NONE;
    return span_make(at, (size_t)len);
}

/* ---- sealing ---- */

static void wipe(struct buf *b)
{
    if (b->at)
        secret_wipe(b->at, b->len);
    buf_free(b);
}

static void bound_to(const struct content_name *name, struct buf *b)
{
    buf_init(b, 1024);
    buf_print(b, "captured content of call %016llx of workspace ", (unsigned long long)name->call);
    buf_put(b, name->workspace);
}

/* A key for this call alone. */
static struct digest key_of(const struct digest *keep, struct span bound) { return digest_hmac(span_make((const char *)keep->bytes, DIGEST_LEN), bound); }

bool content_seal(const struct digest *keep, const struct content_name *name, const struct content *c, struct buf *out)
{
    struct buf plain, packed, bound;
    bound_to(name, &bound);
    buf_init(&plain, CONTENT_MOST);
    buf_init(&packed, CONTENT_MOST + (CONTENT_MOST >> 8) + 4096);
    put_content(&plain, c);
    bool good = !plain.broken && !bound.broken && deflate_all(buf_span(&plain), &packed);
    if (good) {
        struct digest key = key_of(keep, buf_span(&bound));
        seal(out, key.bytes, buf_span(&bound), buf_span(&packed));
        secret_wipe(&key, sizeof(key));
    }
    wipe(&plain);
    wipe(&packed);
    buf_free(&bound);
    return good && !out->broken;
}

bool content_open(const struct digest *keep, const struct content_name *name, struct span sealed, struct arena *a, struct content *out)
{
    struct buf packed, bound;
    bound_to(name, &bound);
    buf_init(&packed, CONTENT_MOST + (CONTENT_MOST >> 8) + 4096);
    struct digest key = key_of(keep, buf_span(&bound));
    bool good = unseal(&packed, key.bytes, buf_span(&bound), sealed);
    struct span plain = good ? inflate_all(buf_span(&packed), a) : SPAN_NONE;
    secret_wipe(&key, sizeof(key));
    wipe(&packed);
    buf_free(&bound);
    return plain.at && take_content(plain, a, out);
}

/* ---- cleaning ---- */

static struct span field(const struct content_side *s, struct span name)
{
    for (size_t i = 0; i < s->count; i++)
        if (span_is_nocase(s->fields[i].name, name))
            return s->fields[i].value;
    return SPAN_NONE;
}

static struct span cleaned(const struct redactor *r, enum redact_form form, bool streamed, struct span text, struct arena *a, struct redact_found *found, const char **why)
{
    struct buf out;
    buf_init(&out, 8 * text.len + 4096);
    bool good = redact(r, form, streamed, text, a, &out, found, why);
    struct span copy = good ? arena_copy(a, buf_span(&out)) : SPAN_NONE;
    wipe(&out);
    return copy;
}

/* Not in the middle of a character. */
static struct span cut(struct span text, size_t limit)
{
    while (limit && limit < text.len && ((unsigned char)text.at[limit] & 0xc0) == 0x80)
        limit--;
    return span_first(text, limit);
}

bool content_clean(const struct redactor *r, struct content_side *side, size_t limit, struct arena *a, struct redact_found *found)
{
    const char *why = "no memory";
    for (size_t i = 0; i < side->count; i++) {
        struct span value = cleaned(r, REDACT_TEXT, false, side->fields[i].value, a, found, &why);
        side->fields[i].value = value.at ? value : SPAN("");
    }
    if (side->missing.at || !side->body.len)
        return true;
    struct span coding = field(side, SPAN("content-encoding"));
    enum redact_form form = coding.len && !span_is(coding, SPAN("identity")) ? REDACT_OPAQUE : redact_form(field(side, SPAN("content-type")));
    struct span body = cleaned(r, form, side->streamed, side->body, a, found, &why);
    if (!body.at) {
        side->body = SPAN_NONE;
        side->missing = span_of(why);
        return false;
    }
    side->truncated = side->truncated || body.len > limit;
    side->body = cut(body, limit);
    return true;
}

struct span content_found_text(const struct redact_found *found, struct arena *a)
{
    struct span all = SPAN("");
    for (int k = 0; k <= REDACT_KINDS; k++) {
        int hits = k < REDACT_KINDS ? found->hits[k] : found->pattern_hits;
        if (hits)
            all = arena_print(a, "%.*s%s%s %d", SPAN_ARG(all), all.len ? ", " : "", k < REDACT_KINDS ? redact_kind(k) : "pattern", hits);
    }
    return all;
}
