/* SPDX-License-Identifier: Apache-2.0
 * kept.h - answers and requests as sealed bytes: what is kept of content so that a call can be answered or asked again.
 *
 * AES-256-GCM under a key derived from the master key, bound to the name of the call. Spans of what was opened live in the arena. */
#ifndef TG_FLOW_KEPT_H
#define TG_FLOW_KEPT_H

#include "config/snapshot.h"

struct kept_answer {
    int status;
    struct http_field *fields;
    size_t count;
    struct span body;
};

/* SPAN_NONE: no memory. False: another master key, or damaged. */
struct span kept_seal(const struct snapshot *s, const struct digest *once, const struct kept_answer *answer, struct arena *a);
bool kept_open(const struct snapshot *s, const struct digest *once, struct span sealed, struct arena *a, struct kept_answer *out);

/* A request as it was understood: canonical, without the caller's key. */
struct kept_request {
    int64_t sent_at; /* Unix ms */
    struct span key_id, vendor, credential, method, path, query, body;
    struct span upstream_key; /* idempotency key it was sent under; empty: none */
    struct span asked;        /* its digest (flow/repeats.h) */
    struct span object;       /* that it made, where its price comes later */
    struct http_field *fields;
    size_t count;
};
struct span kept_seal_request(const struct snapshot *s, uint64_t call, const struct kept_request *request, struct arena *a);
bool kept_open_request(const struct snapshot *s, uint64_t call, struct span sealed, struct arena *a, struct kept_request *out);

#endif
