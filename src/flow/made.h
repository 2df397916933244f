/* SPDX-License-Identifier: Apache-2.0
 * made.h - what calls made at the vendors: whose "pi_1" is, and how much of it is counted already.
 *
 * So that a confirmation is not counted beside the intent it confirms, a webhook finds the run that caused it, and no look-up
 * takes one call's object for another's. Shared by all workers, a lock a shard. In memory the newest MADE_MOST of the last
 * MADE_MS; at a start they come from the store. What was forgotten counts as nothing: then a confirmation is counted in full,
 * which errs on the safe side. */
#ifndef TG_FLOW_MADE_H
#define TG_FLOW_MADE_H

#include "base/arena.h"
#include "base/money.h"
#include "base/span.h"

enum { MADE_MOST = 200000 };
#define MADE_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct made_object {
    uint64_t call; /* that made it */
    int64_t at;
    nano_usd counted; /* by it and those after it */
    struct span workspace, key, user, label, run, step, operation; /* as that call had them: what is told of it later is summed up where it is */
};

struct made;
struct made *made_new(void);
void made_free(struct made *m);
/* Adds `usd` to the object's count; the oldest call tells whose it is. Without memory it is forgotten. True: nothing was known of
 * it, so of several at once exactly one is told so. */
bool made_add(struct made *m, struct span vendor, struct span credential, struct span object, const struct made_object *by);
/* False: not known. Spans of *out are in a (may be NULL: then there are none). */
bool made_find(
    struct made *m, struct span vendor, struct span credential, struct span object, struct arena *a, struct made_object *out);
/* As if it had never been added. */
void made_forget(struct made *m, struct span vendor, struct span credential, struct span object);
void made_tidy(struct made *m, int64_t now_ms);
size_t made_count(struct made *m);

#endif
