/* SPDX-License-Identifier: Apache-2.0
 * result_link.c - see result_link.h. Before it is sealed, a link is three numbers and five texts, each text behind its length. */
#include "flow/result_link.h"

#include "base/digest.h"
#include "base/text.h"

enum { PLAIN_MOST = RESULT_URL_MOST + 2048, TEXTS = 5, NUMBERS = 3, HOST_LONGEST = 253 };

static struct span bound(void) { return SPAN("result link"); }

/* ---- sealed ---- */

static void put_bytes(struct buf *b, const void *at, size_t n) { buf_put(b, span_make(at, n)); }

static void texts_of(struct result_link *l, struct span *texts[TEXTS])
{
    struct span *list[] = { &l->workspace, &l->key_id, &l->vendor, &l->run, &l->url };
    memcpy(texts, list, sizeof(list));
}

static void put_plain(struct buf *b, const struct result_link *link)
{
    struct result_link l = *link;
    struct span *texts[TEXTS];
    texts_of(&l, texts);
    put_bytes(b, &l.call, sizeof(l.call));
    put_bytes(b, &l.told, sizeof(l.told));
    put_bytes(b, &l.until, sizeof(l.until));
    for (int i = 0; i < TEXTS; i++) {
        uint32_t len = (uint32_t)texts[i]->len;
        put_bytes(b, &len, sizeof(len));
        buf_put(b, *texts[i]);
    }
}

/* The alphabet of URLs, without padding. */
static void put_token(struct buf *out, struct span sealed)
{
    size_t from = out->len;
    buf_put_base64(out, sealed);
    for (size_t i = from; i < out->len; i++)
        out->at[i] = out->at[i] == '+' ? '-' : out->at[i] == '/' ? '_' : out->at[i];
    while (out->len > from && out->at[out->len - 1] == '=')
        out->len--;
}

void result_link_seal(const struct snapshot *s, const struct result_link *l, struct buf *out)
{
    struct buf plain, sealed;
    buf_init(&plain, PLAIN_MOST);
    buf_init(&sealed, PLAIN_MOST + 64);
    put_plain(&plain, l);
    if (!plain.broken)
        seal(&sealed, s->keep_key.bytes, bound(), buf_span(&plain));
    if (plain.broken || sealed.broken)
        out->broken = true;
    else
        put_token(out, buf_span(&sealed));
    if (plain.at)
        secret_wipe(plain.at, plain.len);
    buf_free(&plain);
    buf_free(&sealed);
}

static bool get_bytes(struct span *rest, void *out, size_t n)
{
    if (rest->len < n)
        return false;
    memcpy(out, rest->at, n);
    *rest = span_from(*rest, n);
    return true;
}

static bool read_plain(struct span rest, struct result_link *l)
{
    struct span *texts[TEXTS];
    texts_of(l, texts);
    if (!get_bytes(&rest, &l->call, sizeof(l->call)) || !get_bytes(&rest, &l->told, sizeof(l->told)) || !get_bytes(&rest, &l->until, sizeof(l->until)))
        return false;
    for (int i = 0; i < TEXTS; i++) {
        uint32_t len;
        if (!get_bytes(&rest, &len, sizeof(len)) || len > rest.len)
            return false;
        *texts[i] = span_first(rest, len);
        rest = span_from(rest, len);
    }
    return rest.len == 0;
}

bool result_link_open(const struct snapshot *s, struct span token, struct arena *a, struct result_link *out)
{
    struct buf plain;
    struct span copy = SPAN_NONE;
    struct span sealed = token.len <= 2 * PLAIN_MOST ? text_base64_decode(token, a) : SPAN_NONE;
    *out = (struct result_link){ 0 };
    if (!sealed.at)
        return false;
    buf_init(&plain, PLAIN_MOST);
    if (unseal(&plain, s->keep_key.bytes, bound(), sealed))
        copy = arena_copy(a, buf_span(&plain));
    if (plain.at)
        secret_wipe(plain.at, plain.len);
    buf_free(&plain);
    return copy.at && read_plain(copy, out);
}

/* ---- where it leads ---- */

static bool name_ok(struct span host)
{
    if (!host.len || host.len > HOST_LONGEST || host.at[0] == '.' || host.at[0] == '-')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!plain || (c == '.' && i && host.at[i - 1] == '.'))
            return false;
    }
    return true;
}

/* Of a host that is digits and dots alone, or ends so, resolvers make an address. */
static bool looks_like_address(struct span host)
{
    size_t at = host.len;
    while (at > 0 && host.at[at - 1] != '.')
        at--;
    return at < host.len && host.at[at] >= '0' && host.at[at] <= '9';
}

static bool read_port(struct span text, uint16_t *port)
{
    uint64_t number;
    if (!span_to_u64(text, &number) || number < 1 || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool all_printable(struct span url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '\\')
            return false;
    return true;
}

bool result_place_read(struct span url, struct arena *a, struct result_place *out)
{
    struct span port = SPAN_NONE, rest;
    out->https = span_is_nocase(span_first(url, 8), SPAN("https://"));
    if ((!out->https && !span_is_nocase(span_first(url, 7), SPAN("http://"))) || !all_printable(url))
        return false;
    ptrdiff_t hash = span_find_byte(url, '#');
    rest = span_from(hash < 0 ? url : span_first(url, (size_t)hash), out->https ? 8 : 7);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    out->authority = out->host = span_first(rest, end);
    rest = span_from(rest, end);
    out->target = span_starts(rest, SPAN("/")) ? rest : arena_print(a, "/%.*s", SPAN_ARG(rest));
    ptrdiff_t colon = span_find_byte(out->authority, ':');
    if (colon >= 0) {
        out->host = span_first(out->authority, (size_t)colon);
        port = span_from(out->authority, (size_t)colon + 1);
    }
    out->port = out->https ? 443 : 80;
    out->is_address = looks_like_address(out->host);
    return out->target.at && name_ok(out->host) && (!port.at || read_port(port, &out->port));
}
