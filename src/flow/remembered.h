/* SPDX-License-Identifier: Apache-2.0
 * remembered.h - what vendors told of objects that never changes (a charge's customer), so that they are not asked for each call.
 *
 * Also the tokens that were brokered for credentials. Shared by all workers, one lock: both are looked at once a call at most,
 * and only for vendors that need it. In memory alone; bounded: the oldest leave first. */
#ifndef TG_FLOW_REMEMBERED_H
#define TG_FLOW_REMEMBERED_H

#include "base/arena.h"
#include "vendor/vendor.h"

enum { REMEMBERED_MOST = 65536 };

struct remembered;
struct remembered *remembered_new(void);
void remembered_free(struct remembered *r);

/* owner: vendor and credential, since another account's "ch_1" is another object. *out is a copy in a. */
bool remembered_object(
    struct remembered *r, struct span owner, const struct object_read *read, int64_t now_ms, struct arena *a, struct object *out);
void remembered_keep(struct remembered *r, struct span owner, const struct object *o, int64_t until_ms);
/* A token of a credential; SPAN_NONE: none that still holds. */
struct span remembered_token(struct remembered *r, struct span owner, int64_t now_ms, struct arena *a);
void remembered_keep_token(struct remembered *r, struct span owner, struct span token, int64_t until_ms);
void remembered_drop_token(struct remembered *r, struct span owner); /* the vendor does not take it any more */

#endif
