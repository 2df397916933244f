/* SPDX-License-Identifier: Apache-2.0
 * capture.h - whether a call's content is kept, and gathering it while it passes. Off costs one look at the key. Inside flow/ only. */
#ifndef TG_FLOW_CAPTURE_H
#define TG_FLOW_CAPTURE_H

#include "base/buf.h"

struct exchange;
struct capture_rule;

struct capturing {
    const struct capture_rule *rule; /* NULL: nothing is kept */
    bool hears;      /* what goes to the caller in pieces is gathered */
    bool asked;      /* there was a rule, and nobody said that nothing shall be tracked */
    bool taken;      /* it is on its way to the store */
    bool truncated;
    bool full;       /* no room in memory: nothing is kept of this call */
    struct buf heard;
};

/* The caller says that nothing of its call shall be kept: by our field, Portkey's, or LiteLLM's. */
bool do_not_track(const struct exchange *x);
/* Bytes on their way to the caller. */
void capture_gather(struct exchange *x, struct span bytes);
void capture_free(struct exchange *x);

#endif
