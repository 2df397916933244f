/* SPDX-License-Identifier: Apache-2.0
 * fetch.h - one blocking HTTP request with a small answer, on a loop of its own: for the command line and the sandbox's
 * walk-through, never for a worker. */
#ifndef TG_HTTP_FETCH_H
#define TG_HTTP_FETCH_H

#include <stdatomic.h>

#include "http/head.h"

struct fetch_answer {
    int status;
    struct http_field *fields; /* in arena */
    size_t count;
    struct span body; /* in arena; at most 64 MiB */
};

/* For those who may not wait or hold as much as fetch does by itself. */
struct fetch_limits {
    int64_t total_ms;          /* for all of it: E_UPSTREAM_TIMEOUT */
    size_t body_bytes;         /* E_TOO_LARGE past it */
    struct span ca_file;       /* only its certificates are trusted; SPAN_NONE: the system's store */
    bool public_only;          /* a stranger chose the url: no address of this machine or of a private network. E_UPSTREAM_UNREACHABLE */
    const atomic_bool *cancel; /* looked at ten times a second; true: E_CLIENT_GONE. NULL: never */
};

/* url: http://host:port/path (https with the system's CAs). E_UPSTREAM_* on failure. */
CHECKED enum err fetch(struct arena *a, struct span method, struct span url, const struct http_field *fields, size_t count, struct span body, struct fetch_answer *out);
/* As fetch, within limits. When the answer's head came, out->status says so, whatever became of its body. */
CHECKED enum err fetch_within(struct arena *a, struct span method, struct span url, const struct http_field *fields, size_t count, struct span body,
    const struct fetch_limits *limits, struct fetch_answer *out);
/* As fetch, but hands the body of an answer of status 200 to got() as it comes, of any length, until it says false; the body of
 * any other answer stands in out. */
CHECKED enum err fetch_stream(struct arena *a, struct span url, const struct http_field *fields, size_t count, bool (*got)(void *self, struct span bytes), void *self,
    struct fetch_answer *out);
/* As fetch, but hands each event of an event stream to got() until it says false or the stream ends. */
CHECKED enum err fetch_events(struct arena *a, struct span url, const struct http_field *fields, size_t count, bool (*got)(void *self, struct span name, struct span data), void *self);

#endif
