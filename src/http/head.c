/* SPDX-License-Identifier: Apache-2.0
 * head.c - looking fields up in a head, and writing a head by hand.
 *
 * Reading one off the wire is parse.c's work. A head has a dozen fields, so a linear search is the fastest index. */
#include "http/head.h"

struct span http_nth(const struct http_head *h, struct span name, size_t n)
{
    for (size_t i = 0; i < h->count; i++) {
        if (!span_is(h->fields[i].name, name))
            continue;
        if (n-- == 0)
            return h->fields[i].value;
    }
    return SPAN_NONE;
}

struct span http_get(const struct http_head *h, struct span name)
{
    return http_nth(h, name, 0);
}

size_t http_count(const struct http_head *h, struct span name)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += span_is(h->fields[i].name, name);
    return n;
}

bool http_is_type(struct span content_type, struct span type)
{
    struct span bare = content_type;
    (void)span_cut(&content_type, ';', &bare);
    return span_is_nocase(span_trim(bare), type);
}

void http_put_request(struct buf *b, struct span method, struct span target)
{
    buf_put(b, method);
    buf_put_byte(b, ' ');
    buf_put(b, target);
    buf_put(b, SPAN(" HTTP/1.1\r\n"));
}

struct reason {
    int status;
    struct span line;
};

#define REASON(status, text)                                                                                                     \
    {                                                                                                                            \
        status,                                                                                                                  \
        {                                                                                                                        \
            "HTTP/1.1 " #status " " text "\r\n", sizeof("HTTP/1.1 " #status " " text "\r\n") - 1                                 \
        }                                                                                                                        \
    }

/* In order of how often they are sent; the rest goes out without a phrase, which RFC 9112 allows. */
static const struct reason reasons[] = {
    REASON(200, "OK"),
    REASON(201, "Created"),
    REASON(202, "Accepted"),
    REASON(204, "No Content"),
    REASON(206, "Partial Content"),
    REASON(400, "Bad Request"),
    REASON(401, "Unauthorized"),
    REASON(402, "Payment Required"),
    REASON(403, "Forbidden"),
    REASON(404, "Not Found"),
    REASON(405, "Method Not Allowed"),
    REASON(408, "Request Timeout"),
    REASON(409, "Conflict"),
    REASON(413, "Content Too Large"),
    REASON(414, "URI Too Long"),
    REASON(415, "Unsupported Media Type"),
    REASON(417, "Expectation Failed"),
    REASON(422, "Unprocessable Content"),
    REASON(429, "Too Many Requests"),
    REASON(431, "Request Header Fields Too Large"),
    REASON(500, "Internal Server Error"),
    REASON(501, "Not Implemented"),
    REASON(502, "Bad Gateway"),
    REASON(503, "Service Unavailable"),
    REASON(504, "Gateway Timeout"),
    REASON(505, "HTTP Version Not Supported"),
    REASON(301, "Moved Permanently"),
    REASON(302, "Found"),
    REASON(303, "See Other"),
    REASON(304, "Not Modified"),
    REASON(307, "Temporary Redirect"),
    REASON(308, "Permanent Redirect"),
};

void http_put_status(struct buf *b, int status)
{
    must(status >= 100 && status <= 999);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status != status)
            continue;
        buf_put(b, reasons[i].line);
        return;
    }
    buf_put(b, SPAN("HTTP/1.1 "));
    buf_put_i64(b, status);
    buf_put(b, SPAN(" \r\n"));
}

void http_put_field(struct buf *b, struct span name, struct span value)
{
    char *to = buf_reserve(b, name.len + value.len + 4);
    if (to == NULL)
        return;
    if (name.len > 0)
        memcpy(to, name.at, name.len);
    to += name.len;
    *to++ = ':';
    *to++ = ' ';
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        *to++ = c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
    *to++ = '\r';
    *to++ = '\n';
    b->len += name.len + value.len + 4;
}

void http_put_end(struct buf *b)
{
    buf_put(b, SPAN("\r\n"));
}
