/* SPDX-License-Identifier: Apache-2.0
 * page.c - the dashboard's files, embedded in the binary; without them a page that says where the API is. They hold no data:
 * what they show they ask of the API, with the token. */
#include "admin/inside.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/embed.h"

enum { PATH_MOST = 200, PAGE_FIELDS = 9 };

static struct span type_of(struct span path)
{
    static const struct {
        struct span suffix, type;
    } types[] = {
        { { ".html", 5 }, { "text/html; charset=utf-8", 24 } },
        { { ".js", 3 }, { "text/javascript; charset=utf-8", 30 } },
        { { ".css", 4 }, { "text/css; charset=utf-8", 23 } },
        { { ".svg", 4 }, { "image/svg+xml", 13 } },
        { { ".png", 4 }, { "image/png", 9 } },
        { { ".woff2", 6 }, { "font/woff2", 10 } },
        { { ".json", 5 }, { "application/json", 16 } },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (span_ends(path, types[i].suffix))
            return types[i].type;
    return SPAN("application/octet-stream");
}

/* "gzip" among what the reader takes; "gzip;q=0" is so rare that whoever says it gets gzip as well. */
static bool takes_gzip(struct visit *v)
{
    struct span rest = http_get(http_request_head(v->request), SPAN("accept-encoding")), one;
    while (span_next(&rest, ',', &one)) {
        struct span name = one;
        (void)span_cut(&one, ';', &name);
        if (span_is_nocase(span_trim(name), SPAN("gzip")))
            return true;
    }
    return false;
}

/* Scripts and styles come from the binary alone, and nothing else is asked but this gate. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* Names below assets/ have the content's hash in them: what they name never changes. The page itself is asked for each time, by its tag. */
static struct span lifetime(struct span path)
{
    return span_starts(path, SPAN("/assets/")) ? SPAN("public, max-age=31536000, immutable") : SPAN("no-cache");
}

static struct span tag_of(struct visit *v, struct span body, bool packed)
{
    struct digest d = digest_sha256(body);
    char text[24];
    for (size_t i = 0; i < 8; i++)
        snprintf(text + 2 * i, 3, "%02x", d.bytes[i]);
    return arena_print(&v->arena, "\"%s%s\"", text, packed ? "-gz" : "");
}

static void send_page(struct visit *v, struct span path, struct span type, struct span body, bool packed)
{
    struct http_field fields[PAGE_FIELDS];
    struct http_request *r = v->request;
    struct span tag = tag_of(v, body, packed);
    bool known = span_is(http_get(http_request_head(r), SPAN("if-none-match")), tag);
    size_t n = 0;
    fields[n++] = (struct http_field){ SPAN("content-type"), type };
    fields[n++] = (struct http_field){ SPAN("cache-control"), lifetime(path) };
    fields[n++] = (struct http_field){ SPAN("etag"), tag };
    fields[n++] = (struct http_field){ SPAN("vary"), SPAN("accept-encoding") };
    fields[n++] = (struct http_field){ SPAN("x-content-type-options"), SPAN("nosniff") };
    fields[n++] = (struct http_field){ SPAN("x-frame-options"), SPAN("DENY") };
    fields[n++] = (struct http_field){ SPAN("content-security-policy"), span_of(policy) };
    fields[n++] = (struct http_field){ SPAN("referrer-policy"), SPAN("no-referrer") };
    if (packed)
        fields[n++] = (struct http_field){ SPAN("content-encoding"), SPAN("gzip") };
    must(n <= PAGE_FIELDS);
    v->request = NULL;
    http_reply(r, known ? 304 : 200, fields, n, known ? SPAN("") : body);
}

/* The file of this path, packed where the reader takes that. */
bool page_file(struct visit *v, struct span path)
{
    char name[PATH_MOST + 16] = "ui/dist";
    size_t len = 7 + path.len;
    if (path.len < 2 || path.len > PATH_MOST)
        return false;
    memcpy(name + 7, path.at, path.len);
    struct span plain = embed_find(span_make(name, len));
    if (!plain.at)
        return false;
    memcpy(name + len, ".gz", 3);
    struct span packed = takes_gzip(v) ? embed_find(span_make(name, len + 3)) : SPAN_NONE;
    send_page(v, path, type_of(path), packed.at ? packed : plain, packed.at != NULL);
    return true;
}

void page_get(struct visit *v)
{
    static const char plain[] = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tollgate</title>"
        "<body><h1>Tollgate</h1><p>This gate is running. It was built without its dashboard.</p>"
        "<p>The API is at <code>/api/v1/</code>, described by <code>/api/v1/openapi.json</code>; it wants "
        "<code>Authorization: Bearer</code> and the admin token.</p></body></html>\n";
    struct span path = SPAN("/index.html");
    if (!page_file(v, path))
        send_page(v, path, type_of(path), span_of(plain), false);
}
