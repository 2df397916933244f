/* SPDX-License-Identifier: Apache-2.0
 * veils.h - the veils of all credentials, made once for a configuration and not for each call. A worker's own: no lock. */
#ifndef TG_FLOW_VEILS_H
#define TG_FLOW_VEILS_H

#include "config/snapshot.h"
#include "flow/veil.h"

struct veils {
    const struct snapshot *of; /* only compared */
    uint64_t version;
    struct veil **list; /* by credential; NULL: not made yet */
    size_t count;
};

/* One reference for the caller. A brokered token makes a veil of its own. Another snapshot than the last one starts anew. NULL:
 * no memory. */
struct veil *veils_get(struct veils *vs, const struct snapshot *s, const struct credential *c, struct span token);
void veils_free(struct veils *vs);

#endif
