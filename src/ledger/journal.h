/* SPDX-License-Identifier: Apache-2.0
 * journal.h - what happened, in order, on memory that survives the process: the only way from a worker to the store.
 *
 * One journal per writer thread: a chain of memory-mapped segment files of checksummed records. The writer appends
 * (a memcpy and a CRC: no system call, no lock); the store thread reads behind it and applies. A kill -9 loses nothing
 * that was appended; a torn record at the end is recognised by its checksum and ends the replay. What a reader has
 * applied is remembered in the store, in the same transaction, so that a replay applies each record exactly once.
 * Single writer, single reader; the two may be different threads. */
#ifndef TG_LEDGER_JOURNAL_H
#define TG_LEDGER_JOURNAL_H

#include "base/err.h"
#include "base/money.h"
#include "base/must.h"
#include "base/span.h"
#include "ledger/ledger.h"

struct journal;

enum journal_kind { JOURNAL_HOLD = 1, JOURNAL_ROW = 2 };
enum verdict { VERDICT_ALLOWED, VERDICT_DENIED, VERDICT_ERROR, VERDICT_IN_DOUBT };

/* One account's part in a call. HOLD: what is held. ROW: what it held and what was really spent; kept == true means
 * that `held` stays reserved, in doubt. */
struct journal_line {
    struct span account;
    int64_t held, real;
    int64_t resets_at;
    bool kept;
};

/* Before a call is forwarded. A HOLD that no ROW follows is a call that a crash cut off: its amounts stay reserved, and
 * the store writes it a row, in doubt, made from this. */
struct journal_hold {
    uint64_t call;
    int64_t at; /* Unix ms */
    struct span row; /* as far as it is known now (rules/row.h) */
    const struct journal_line *lines;
    size_t count;
};

/* One finished call: the columns that queries filter by, and the whole row (rules/row.h). */
struct journal_row {
    uint64_t call; /* time-ordered id; the store's primary key */
    int64_t at;
    enum verdict verdict;
    int status;
    bool held; /* a HOLD was written for it */
    bool settled;
    nano_usd cost, reserved;
    int64_t tokens_in, tokens_out;
    struct span workspace, key, run, step, vendor, operation, model, denied, user;
    struct span row;
    const struct journal_line *lines;
    size_t count;
};

/* A segment is a file of this size: room on disk is taken in such steps. Up to JOURNAL_SPARES applied ones are kept to be used
 * again: a batch of the store frees several at once. */
enum { JOURNAL_RECORD_MAX = 1 << 20, JOURNAL_SEGMENT = 2 << 20, JOURNAL_SPARES = 8 };

/* dir is made if absent. `writer` numbers the writer: 0..254. Continues after what is there, in a segment of its own. NULL:
 * why[] (no room, a file of another version, or another process that writes here). */
struct journal *journal_open(struct span dir, unsigned writer, char why[256]);
void journal_close(struct journal *j);
/* E_LEDGER_UNAVAILABLE: no room on disk (nothing was written). E_TOO_LARGE: over JOURNAL_RECORD_MAX with everything in it.
 * `woke` of the store is called by the caller, not here. */
CHECKED enum err journal_put_hold(struct journal *j, const struct journal_hold *h);
CHECKED enum err journal_put_row(struct journal *j, const struct journal_row *r);

/* The reader's side. Spans of the record point into the mapping until journal_applied passes it. False: nothing new. */
struct journal_record {
    enum journal_kind kind;
    uint64_t position; /* after this record; grows for ever */
    struct journal_hold hold;
    struct journal_row row;
    struct journal_line lines[LEDGER_LINES]; /* where .lines point */
};
bool journal_read(struct journal *j, struct journal_record *out);
/* At start, before anything is written: the store says what it has. Behind everything that is here (the files were lost):
 * what is written from now on lies behind it as well. */
void journal_seek(struct journal *j, uint64_t position);
void journal_applied(struct journal *j, uint64_t position); /* segments wholly before it are recycled */
uint64_t journal_lag(const struct journal *j);               /* bytes written and not yet applied; any thread */

#endif
