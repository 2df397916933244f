/* SPDX-License-Identifier: Apache-2.0
 * head.h - the head of an HTTP/1.1 message as data: request line or status line, and fields.
 *
 * Names are lower case. Spans point into the arena of whoever parsed the head. Source: RFC 9110, 9112. */
#ifndef TG_HTTP_HEAD_H
#define TG_HTTP_HEAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct http_field {
    struct span name, value;
};

struct http_head {
    struct span method; /* requests: "POST" */
    struct span target; /* requests: as received, origin form only */
    int status;         /* answers */
    int minor;          /* HTTP/1.<minor> */
    struct http_field *fields;
    size_t count;
    int64_t length; /* content-length; -1: none given */
    bool chunked;
    bool keep_alive; /* the peer will take (or send) another message on this connection */
    bool expect_continue;
};

/* First field of that (lower case) name; SPAN_NONE: absent. */
struct span http_get(const struct http_head *h, struct span name);
size_t http_count(const struct http_head *h, struct span name);
/* The n-th (from 0) field of that name. */
struct span http_nth(const struct http_head *h, struct span name, size_t n);
/* "text/event-stream; charset=utf-8" is text/event-stream. */
bool http_is_type(struct span content_type, struct span type);

/* Writing a head by hand into a buf: http_put_request, then fields, then http_put_end. */
void http_put_request(struct buf *b, struct span method, struct span target);
void http_put_status(struct buf *b, int status);
void http_put_field(struct buf *b, struct span name, struct span value); /* CR, LF and NUL in value become blanks */
void http_put_end(struct buf *b);

/* The answer of every waiting byte operation. */
enum io {
    IO_WAIT,  /* nothing now; wake() will be called */
    IO_BYTES, /* a run of bytes was given */
    IO_END,   /* the message is complete */
    IO_FAILED /* it will never be; the reason is in the object */
};

#endif
