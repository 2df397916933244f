/* SPDX-License-Identifier: Apache-2.0
 * links.c - absolute links in a vendor's answers: what an SDK follows must not lead around the gate. */
#include "vendor/manifest.h"

enum { LINKS_MOST = 16384 /* bytes of a Link field */ };

bool vendor_rewrites_links(const struct vendor *v) { return v->manifest->rewrite_links; }

/* A link ends its host here: "https://api.twilio.com.example" is somebody else's. */
static bool host_ends(struct span rest)
{
    return rest.len == 0 || (*rest.at != '.' && *rest.at != '-' && *rest.at != ':' && *rest.at != '@');
}

/* How many bytes of a JSON text say the same as url: "/" may be written "\/" there. 0: they do not. */
static size_t says(struct span text, struct span url)
{
    size_t i = 0;
    for (size_t k = 0; k < url.len; k++) {
        i += url.at[k] == '/' && i + 1 < text.len && text.at[i] == '\\';
        if (i >= text.len || text.at[i] != url.at[k])
            return 0;
        i++;
    }
    return host_ends(span_from(text, i)) ? i : 0;
}

/* One of the vendor's own URLs at the start of text: its length, and what stands before a path of that origin at the gate. A
 * vendor that the configuration points elsewhere may write either name of its. */
static size_t own_url(const struct vendor *v, struct span text, struct span *prefix)
{
    const struct manifest *m = v->manifest;
    for (size_t i = 0; i < m->origin_count; i++) {
        size_t n = m->origins[i].public_url.len ? says(text, m->origins[i].public_url) : 0;
        *prefix = m->origins[i].prefix;
        if (n)
            return n;
    }
    *prefix = SPAN("");
    return v->base_url.len ? says(text, v->base_url) : 0;
}

bool vendor_owns_url(const struct vendor *v, struct span url)
{
    struct span prefix;
    return own_url(v, url, &prefix) > 0;
}

void vendor_rewrite_links(const struct vendor *v, struct span gate, struct span body, struct buf *out)
{
    for (;;) {
        ptrdiff_t at = span_find(body, SPAN("http"));
        if (at < 0)
            break;
        struct span prefix;
        buf_put(out, span_first(body, (size_t)at));
        body = span_from(body, (size_t)at);
        size_t taken = own_url(v, body, &prefix);
        if (taken) {
            buf_put(out, gate);
            buf_put(out, prefix);
        } else {
            taken = strlen("http");
            buf_put(out, span_first(body, taken));
        }
        body = span_from(body, taken);
    }
    buf_put(out, body);
}

/* ---- Link header fields (RFC 8288) ---- */

/* "<target>; rel=next" up to the comma that ends it: quoted texts and targets may have commas. False: there is none. */
static bool next_link(struct span *rest, struct span *link)
{
    bool quoted = false, inside = false;
    size_t i = 0;
    while (rest->len && strchr(", \t", *rest->at))
        *rest = span_from(*rest, 1);
    for (; i < rest->len && (quoted || inside || rest->at[i] != ','); i++) {
        char c = rest->at[i];
        quoted ^= c == '"' && !inside;
        inside = (inside || (c == '<' && !quoted)) && c != '>';
        i += quoted && c == '\\';
    }
    *link = span_first(*rest, i);
    *rest = span_from(*rest, i + 1);
    return link->len > 0;
}

/* A link to one of the vendor's origins, or one without a host; others are left out. */
static void put_link(const struct vendor *v, struct span gate, struct span link, struct buf *out)
{
    ptrdiff_t close = span_find_byte(link, '>');
    struct span prefix = SPAN(""), target = span_make(link.at + 1, close > 0 ? (size_t)close - 1 : 0);
    if (*link.at != '<' || close < 2)
        return;
    size_t taken = own_url(v, target, &prefix);
    bool relative = *target.at == '/' && !span_starts(target, SPAN("//"));
    if (!taken && !relative)
        return;
    buf_put(out, out->len ? SPAN(", <") : SPAN("<"));
    buf_put(out, gate);
    buf_put(out, prefix);
    buf_put(out, span_from(target, taken));
    buf_put(out, span_from(link, (size_t)close));
}

struct span vendor_link_field(const struct vendor *v, const struct http_head *answer, struct span gate, struct arena *a)
{
    size_t count = vendor_rewrites_links(v) ? http_count(answer, SPAN("link")) : 0;
    struct buf out;
    buf_init(&out, LINKS_MOST);
    for (size_t i = 0; i < count; i++) {
        struct span rest = http_nth(answer, SPAN("link"), i), link;
        while (next_link(&rest, &link))
            put_link(v, gate, link, &out);
    }
    struct span text = out.len && !out.broken ? arena_copy(a, buf_span(&out)) : SPAN_NONE;
    buf_free(&out);
    return text;
}
