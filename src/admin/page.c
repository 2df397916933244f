/* SPDX-License-Identifier: Apache-2.0
 * page.c - the dashboard's files, embedded in the binary; without them a page that says where the API is. They hold no data:
 * what they show they ask of the API, with the token. */
#include "admin/inside.h"
#include "base/embed.h"

enum { PATH_MOST = 200 };

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

static void send_page(struct visit *v, struct span type, struct span body)
{
    struct http_field fields[REPLY_FIELDS];
    size_t n = reply_fields_common(fields, type);
    struct http_request *r = v->request;
    fields[n++] = (struct http_field){ SPAN("content-security-policy"),
        SPAN("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'") };
    fields[n++] = (struct http_field){ SPAN("referrer-policy"), SPAN("no-referrer") };
    v->request = NULL;
    http_reply(r, 200, fields, n, body);
}

bool page_file(struct visit *v, struct span path)
{
    char name[PATH_MOST + 8] = "ui/dist";
    if (path.len < 2 || path.len > PATH_MOST)
        return false;
    memcpy(name + 7, path.at, path.len);
    struct span file = embed_find(span_make(name, 7 + path.len));
    if (!file.at)
        return false;
    send_page(v, type_of(path), file);
    return true;
}

void page_get(struct visit *v)
{
    static const char plain[] = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tollgate</title>"
        "<body><h1>Tollgate</h1><p>This gate is running. It was built without its dashboard.</p>"
        "<p>The API is at <code>/api/v1/</code>, described by <code>/api/v1/openapi.json</code>; it wants "
        "<code>Authorization: Bearer</code> and the admin token.</p></body></html>\n";
    struct span page = embed_find(SPAN("ui/dist/index.html"));
    send_page(v, SPAN("text/html; charset=utf-8"), page.at ? page : span_of(plain));
}
