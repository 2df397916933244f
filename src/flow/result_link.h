/* SPDX-License-Identifier: Apache-2.0
 * result_link.h - links to what a job made (a video, a picture) that a vendor keeps at a host of somebody else's.
 *
 * The vendor's own link is signed: who has it, has the result, and nobody here could take it back. So the caller gets one to the gate
 * instead. It says all by itself (sealed with AES-GCM under the gate's keep key: nothing is stored), dies after `result_link_time`, with its
 * key, and by a stop of its call (`tollgate stop --link CALL`), which is stored like any other stop. */
#ifndef TG_FLOW_RESULT_LINK_H
#define TG_FLOW_RESULT_LINK_H

#include "config/snapshot.h"
#include "http/head.h"

struct exchange;

enum { RESULT_URL_MOST = 8192 };
#define RESULT_PATH "/tollgate/results/"

struct result_link {
    uint64_t call, told; /* which call asked for it, and which one told of it: the same, or a later read */
    int64_t until;       /* Unix ms */
    struct span workspace, key_id, vendor, run, url;
};

/* Appends what follows RESULT_PATH; sets out->broken when it cannot be. False, of opening: no link of this gate's. */
void result_link_seal(const struct snapshot *s, const struct result_link *l, struct buf *out);
bool result_link_open(const struct snapshot *s, struct span token, struct arena *a, struct result_link *out);

/* Where a vendor's URL leads. Strict: what two readers could take for different hosts is none. Spans lie in url, or in a. */
struct result_place {
    bool https;
    struct span host, authority, target;
    uint16_t port;
    bool is_address; /* the host is no name */
};
bool result_place_read(struct span url, struct arena *a, struct result_place *out);

/* result_write.c: may x's answer hold such links? Then it is held, and the body with them replaced (in the desk's scratch) is what the caller
 * gets; with none of them, the body as it is. */
bool result_links_expected(const struct exchange *x);
struct span result_links_write(struct exchange *x, struct span body);
bool result_is_link(struct span body); /* some URL stands in it */

/* result_fetch.c: is this a GET of such a link? Its steps stand in pipeline.c. */
bool result_is_fetch(const struct http_head *head);

#endif
