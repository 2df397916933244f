/* SPDX-License-Identifier: Apache-2.0
 * fetch.h - one blocking HTTP request with a small answer, on a loop of its own: for the command line and the sandbox's
 * walk-through, never for a worker. */
#ifndef TG_HTTP_FETCH_H
#define TG_HTTP_FETCH_H

#include "http/head.h"

struct fetch_answer {
    int status;
    struct http_field *fields; /* in arena */
    size_t count;
    struct span body; /* in arena; at most 64 MiB */
};

/* url: http://host:port/path (https with the system's CAs). E_UPSTREAM_* on failure. */
CHECKED enum err fetch(struct arena *a, struct span method, struct span url, const struct http_field *fields, size_t count, struct span body, struct fetch_answer *out);
/* As fetch, but hands each event of an event stream to got() until it says false or the stream ends. */
CHECKED enum err fetch_events(struct arena *a, struct span url, const struct http_field *fields, size_t count, bool (*got)(void *self, struct span name, struct span data), void *self);

#endif
