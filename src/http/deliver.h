/* SPDX-License-Identifier: Apache-2.0
 * deliver.h - one attempt to hand a body to a receiver that an operator named: alerts, exports. Blocking.
 *
 * Redirects are not followed. What goes wrong is told without the URL, which may be a secret by itself, and without anything the other
 * side said. */
#ifndef TG_HTTP_DELIVER_H
#define TG_HTTP_DELIVER_H

#include "http/fetch.h"

enum { DELIVER_ANSWER = 16 * 1024 /* of an answer are read */ };

struct delivery {
    struct span method, url;
    const struct http_field *fields;
    size_t count;
    struct span body;
    struct span ca_file; /* SPAN_NONE: the system's store */
    int64_t total_ms;
    const atomic_bool *cancel; /* NULL: never */
};

/* Any 2xx is taken. else an error with what happened in why[]; *out says what was answered, whatever became of it (status 0: nothing). */
CHECKED enum err deliver(struct arena *a, const struct delivery *d, struct fetch_answer *out, char why[256]);

/* "t=<unix s>,v1=<hex HMAC-SHA256 of "<t>.<body>">", in a; SPAN_NONE: no memory. */
struct span deliver_signature(struct arena *a, struct span secret, int64_t now_ms, struct span body);

#endif
