/* SPDX-License-Identifier: Apache-2.0
 * repeats.h - calls that were asked before: one goes, the others wait for its answer or get the one that was kept.
 *
 * An entry is named by `once` (our key, the vendor, the caller's idempotency key or run and step) and remembers `asked`, a digest
 * of the request. Shared by all workers, a lock a shard. Entries live here while somebody needs them and until the store has
 * them; what is not here is looked up in the store by a thread of its own (flow/recollect.h), while the asker waits. */
#ifndef TG_FLOW_REPEATS_H
#define TG_FLOW_REPEATS_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

struct repeats;

enum repeat {
    REPEAT_GO,       /* the caller is the one that goes: it ends with repeats_keep, _drop or _doubt */
    REPEAT_WAIT,     /* another one is under way, or the store is asked: there will be news */
    REPEAT_KEPT,     /* *answer is the answer of call *of */
    REPEAT_CONFLICT, /* the same name, another request */
    REPEAT_LOST,     /* the outcome of the first, *of, is not known; news when it is */
    REPEAT_SETTLED,  /* the first, *of, was carried out, but its answer is not known */
    REPEAT_NO_MEMORY
};

struct repeats_hooks {
    void *self;
    void (*look)(void *self, const struct digest *once);  /* the store shall be asked; repeats_found tells. Must not block */
    void (*news)(void *self, uint64_t workers);           /* bit i: something may have changed for those of worker i */
};

struct repeats *repeats_new(const struct repeats_hooks *hooks);
void repeats_free(struct repeats *r);

/* answer: asked's digest was checked; copied to arena a. */
enum repeat repeats_enter(struct repeats *r, const struct digest *once, const struct digest *asked, uint64_t call, unsigned worker, struct arena *a, struct span *answer, uint64_t *of);
/* Its answer (SPAN_NONE: one that cannot be given again) is in journal `worker` at `position`. It may also clear a doubt. */
void repeats_keep(struct repeats *r, const struct digest *once, const struct digest *asked, uint64_t call, struct span answer, unsigned worker, uint64_t position);
/* Nothing came of it: the next one may go. The journal says so up to `position` (0: it says nothing of it). */
void repeats_drop(struct repeats *r, const struct digest *once, unsigned worker, uint64_t position);
/* Its outcome is not known; its row stands before `position`. */
void repeats_doubt(struct repeats *r, const struct digest *once, uint64_t call, unsigned worker, uint64_t position);

/* From the store. */
enum finding { FOUND_NOTHING_KEPT, FOUND_ANSWER, FOUND_IN_DOUBT, FOUND_TROUBLE };
void repeats_found(struct repeats *r, const struct digest *once, enum finding what, uint64_t call, const struct digest *asked, struct span answer);
/* Forgets what the store has: entries whose position is applied, that nobody waits for. applied: of worker i. */
void repeats_tidy(struct repeats *r, uint64_t (*applied)(void *self, unsigned worker), void *self);
size_t repeats_count(struct repeats *r);

#endif
