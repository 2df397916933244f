/* SPDX-License-Identifier: Apache-2.0
 * scribe.h - one thread that takes captured content from the workers, searches it for what must not be kept, seals it and gives it to the
 * store. No call waits for it.
 *
 * What waits is bounded: bytes over all calls (limits.capture_bytes) and calls in the queue. What finds no room is not taken, which is
 * counted, and said in the call's row. Nothing plain is ever written; a process that dies takes with it what waits. */
#ifndef TG_FLOW_SCRIBE_H
#define TG_FLOW_SCRIBE_H

#include "base/list.h"
#include "config/snapshot.h"
#include "flow/content.h"
#include "store/store.h"

struct scribe;

/* One call's, on its way. Made by a worker, then the scribe's. */
struct captured {
    struct list link;
    uint64_t call;
    int64_t at;
    struct snapshot *snapshot; /* a reference: the rule lives there, and the key it is sealed with */
    const struct capture_rule *rule;
    struct span workspace, key, run, user;
    struct content content;    /* all but the bodies in `arena` */
    struct buf request, response;
    struct arena arena;
    size_t charged;            /* bytes of the ceiling */
};

struct scribe_counts {
    int64_t kept, skipped /* no room */, withheld /* a side that could not be searched */, untracked /* asked not to be */, lost /* the store could not, or the gate stopped */;
    int64_t bytes; /* that wait */
};

struct scribe *scribe_start(struct store *store, int64_t bytes_most, char why[256]);
/* Writes what waits, for so long and what one call takes; the rest is lost. Then ends the thread. Workers may go on giving back. */
void scribe_stop(struct scribe *s, int64_t most_ms);
void scribe_free(struct scribe *s);

/* Workers. Room for so many bytes more; false: there is none, which was counted once where *skipped was not set. */
bool scribe_charge(struct scribe *s, size_t bytes);
void scribe_return(struct scribe *s, size_t bytes);
/* Takes c. False: the queue is full; c is freed. */
bool scribe_take(struct scribe *s, struct captured *c);
void scribe_count_skipped(struct scribe *s);
void scribe_count_untracked(struct scribe *s);
void captured_free(struct scribe *s, struct captured *c);

/* All that was taken before is in the store, or will never be. Not on a worker. */
void scribe_flush(struct scribe *s);
struct scribe_counts scribe_count(const struct scribe *s);

#endif
