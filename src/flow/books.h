/* SPDX-License-Identifier: Apache-2.0
 * books.h - where ledger, journals and store meet: one journal per worker, read by the store thread. */
#ifndef TG_FLOW_BOOKS_H
#define TG_FLOW_BOOKS_H

#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "store/store.h"

struct books; /* shared by all threads */

/* Opens the store and the journals in `dir`, replays what the last process left, and fills the ledger. After it returns the
 * state is exactly that of the last append before the crash. signer (of the audit chain's checkpoints) must outlive the books.
 * NULL: why[]. */
struct books *books_open(struct span dir, unsigned workers, struct signer *signer, char why[256]);
/* Starts the store thread. committed (may be NULL) is called on it after each commit with rows. */
CHECKED enum err books_start(struct books *b, void (*committed)(void *self), void *self);
void books_close(struct books *b);

struct ledger *books_ledger(struct books *b);
struct store *books_store(struct books *b);
uint64_t books_last_call(const struct books *b); /* highest id of a call that is stored */

/* A worker's appends; each worker calls with its own number only. E_LEDGER_UNAVAILABLE: the disk is full, or the store
 * has fallen BOOKS_LAG_MAX behind. */
enum { BOOKS_LAG_MAX = 256 << 20 };
CHECKED enum err books_put_hold(struct books *b, unsigned worker, const struct journal_hold *h);
CHECKED enum err books_put_row(struct books *b, unsigned worker, const struct journal_row *r);
CHECKED enum err books_put_note(struct books *b, unsigned worker, const struct journal_note *n);

/* Positions of a worker's journal; any thread. books_sync blocks: for the one thread that syncs (commit.h). */
uint64_t books_end(const struct books *b, unsigned worker);
uint64_t books_synced(const struct books *b, unsigned worker);
uint64_t books_applied(const struct books *b, unsigned worker);
CHECKED enum err books_sync(struct books *b, unsigned worker);
uint64_t books_lag(const struct books *b); /* of all journals, bytes */

#endif
