/* SPDX-License-Identifier: Apache-2.0
 * content.h - what was captured of a call, as bytes: searched and cut, then packed, compressed and sealed under a key of its workspace and
 * its call. Nothing here touches a file. */
#ifndef TG_FLOW_CONTENT_H
#define TG_FLOW_CONTENT_H

#include "base/arena.h"
#include "base/digest.h"
#include "guard/redact.h"
#include "http/head.h"

enum { CONTENT_MOST = 16 << 20 /* plain, of both sides */ };

struct content_side {
    int status; /* of an answer */
    struct http_field *fields;
    size_t count;
    struct span body;
    struct span missing; /* why there is no body; SPAN_NONE: there is */
    bool truncated;
    bool streamed; /* it was told in pieces */
};
struct content {
    struct span method, path;
    struct content_side request, response;
    struct span redacted; /* "email 2, card 1"; empty: nothing was */
};

/* What belongs to one call alone: another one's cannot be put in its place. */
struct content_name {
    struct span workspace;
    uint64_t call;
};
/* Appends. keep: the snapshot's key for what is kept. False: no memory. */
bool content_seal(const struct digest *keep, const struct content_name *name, const struct content *c, struct buf *out);
/* Spans live in a. False: another master key, another call, or damaged. */
bool content_open(const struct digest *keep, const struct content_name *name, struct span sealed, struct arena *a, struct content *out);
/* Takes out of one side what must not be kept and cuts it to `limit`, in place of what was there; what cannot be searched is left out,
 * and `missing` says why. False: it was. */
bool content_clean(const struct redactor *r, struct content_side *side, size_t limit, struct arena *a, struct redact_found *found);
struct span content_found_text(const struct redact_found *found, struct arena *a);

#endif
