/* SPDX-License-Identifier: Apache-2.0
 * commit.h - group commit: one thread that puts the journals on the platter for the calls that wait for it. All that wait for
 * one journal at that moment share one sync. */
#ifndef TG_FLOW_COMMIT_H
#define TG_FLOW_COMMIT_H

#include "flow/books.h"

struct commit;

/* done: on the commit thread, after a sync of that worker's journal; it failed or not (journal_synced tells). */
struct commit *commit_start(struct books *b, void (*done)(void *self, unsigned worker), void *self, char why[256]);
/* What the worker's journal holds now shall be synced. Any thread; cheap. */
void commit_ask(struct commit *c, unsigned worker);
/* How many syncs of it have failed so far: one that asked before and finds more was failed. */
unsigned long commit_failures(const struct commit *c, unsigned worker);
void commit_stop(struct commit *c);

#endif
