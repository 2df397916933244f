/* SPDX-License-Identifier: Apache-2.0
 * journal.h - what happened, in order, on memory that survives the process: the only way from a worker to the store.
 *
 * One journal per writer thread: a chain of memory-mapped segment files of checksummed records. The writer appends
 * (a memcpy and a sum: no system call, no lock); the store thread reads behind it and applies. A kill -9 loses nothing
 * that was appended; a power cut nothing that was synced. A torn record at the end is recognised by its sum and ends the
 * replay. What a reader has applied is remembered in the store, in the same transaction, so that a replay applies each
 * record exactly once. Single writer, single reader, and one more thread that may sync. */
#ifndef TG_LEDGER_JOURNAL_H
#define TG_LEDGER_JOURNAL_H

#include "base/err.h"
#include "base/money.h"
#include "base/must.h"
#include "base/span.h"
#include "ledger/disk.h"
#include "ledger/ledger.h"

struct journal;

enum journal_kind { JOURNAL_HOLD = 1, JOURNAL_ROW = 2, JOURNAL_NOTE = 3 };
enum verdict { VERDICT_ALLOWED, VERDICT_DENIED, VERDICT_ERROR, VERDICT_IN_DOUBT };
/* CALL: one that is over. SETTLEMENT: what became of call `of` later: its doubt resolved, or a price that came afterwards. */
enum row_kind { ROW_IS_CALL, ROW_IS_SETTLEMENT, ROW_IS_CHANGE, ROW_IS_EVENT /* the vendor told us: of call `of` */ };

/* One account's part in a call. HOLD: what is held. ROW: what it held and what was really spent; kept == true means that
 * `held` stays reserved, in doubt. In a SETTLEMENT of a doubt: `held` is in doubt no more, `real` was spent instead; of a
 * price that came later: held 0, real the difference. */
struct journal_line {
    struct span account;
    int64_t slot; /* LEDGER_NO_SLOT but for rolling accounts */
    int64_t held, real;
    int64_t ends_at;
    bool kept;
};

/* Before a call is forwarded. A HOLD that no ROW follows is a call that a crash cut off: its amounts stay reserved, and
 * the store writes it a row, in doubt, made from this. */
struct journal_hold {
    uint64_t call;
    int64_t at;        /* Unix ms */
    struct span row;   /* as far as it is known now (rules/row.h) */
    struct span once;  /* id of its idempotency key (flow/repeats.h); SPAN_NONE: none */
    struct span again; /* the request, sealed, to ask the vendor again with; SPAN_NONE: it cannot be */
    const struct journal_line *lines;
    size_t count;
    bool again_held; /* it takes the place of the HOLD that this call already has: a session that goes on holds more */
};

/* One finished call or settlement: the columns that queries filter by, and the whole row (rules/row.h). */
struct journal_row {
    uint64_t call; /* time-ordered id; the store's primary key */
    int64_t at;
    enum row_kind kind;
    uint64_t of; /* SETTLEMENT, EVENT: the call; else 0 */
    enum verdict verdict;
    int status;
    bool held; /* a HOLD was written for it */
    bool settled;
    bool late; /* CALL: what it really cost is told later: the store keeps row, `again` and lines, until a SETTLEMENT of it that is not
                  `late` itself */
    nano_usd cost, reserved;
    int64_t tokens_in, tokens_out;
    struct span workspace, key, run, step, vendor, operation, model, denied, user;
    struct span row;
    struct span once, again; /* as in the HOLD; again: in doubt only */
    const struct journal_line *lines;
    size_t count;
};

/* Something else the store shall keep, named: there is at most one of a name. */
enum note { NOTE_ANSWER = 1, /* name: id of an idempotency key; bytes: its answer, sealed */
    NOTE_ALERT = 2, /* name: what is told once ("threshold/80/<account>"); bytes: JSON, for the outbox */
    NOTE_APPROVAL = 3 /* name: its id ("apr_..."); bytes: as it stands now (flow/approvals.h); replaces the one before */ };
struct journal_note {
    enum note what;
    uint64_t call; /* that it came from */
    int64_t at, until; /* Unix ms; may be forgotten after `until` */
    struct span name, bytes;
};

/* A segment is a file of this size: room on disk is taken in such steps. Up to JOURNAL_SPARES applied ones are kept to be used
 * again: the store says once a second, or all 32 MiB of rows, what may be forgotten, and a fresh page costs more than the rest
 * of a record. At least one stands ready ahead of the writer: a HOLD is taken only while
 * there is room for the rows of all calls under way, JOURNAL_ROW_ROOM (in small segments: an eighth of one) for each. */
enum { JOURNAL_RECORD_MAX = 1 << 20, JOURNAL_SEGMENT = 2 << 20, JOURNAL_SPARES = 48, JOURNAL_SPARES_RESTING = 2, JOURNAL_ROW_ROOM = 2048 };

/* `writer` numbers the writer: 0..254. Takes the disk, whatever comes of it. Continues after what is there, in a segment of its
 * own. NULL: why[] (no room, or a segment of another version). A record is at most half a segment, and JOURNAL_RECORD_MAX. */
struct journal *journal_open(const struct disk *disk, unsigned writer, char why[256]);
void journal_close(struct journal *j);
/* E_LEDGER_UNAVAILABLE: no room on disk (nothing was written; the next try may find some). A row of a call that has its HOLD
 * still finds the room kept for it then. E_TOO_LARGE: over the most with everything in it. `woke` of the store is called by
 * the caller, not here. */
CHECKED enum err journal_put_hold(struct journal *j, const struct journal_hold *h);
CHECKED enum err journal_put_row(struct journal *j, const struct journal_row *r);
CHECKED enum err journal_put_note(struct journal *j, const struct journal_note *n);

/* Group commit. journal_end: position behind the last record; any thread. journal_sync: what was appended before the call is
 * on the platter when it returns E_OK; blocking, for one thread that is not the writer. After a failure no earlier record may
 * be trusted to be there: E_IO until everything up to that moment has been applied (journal_applied), or the journal is
 * opened anew; the writer moves on to a fresh segment. journal_synced: position up to which all is; any thread. */
uint64_t journal_end(const struct journal *j);
CHECKED enum err journal_sync(struct journal *j);
uint64_t journal_synced(const struct journal *j);

/* The reader's side. Spans of the record point into the mapping until journal_applied passes it. False: nothing new. */
/* The legs of one call may each touch accounts of their own (budgets of a model, of a vendor). */
enum { JOURNAL_LINES = 4 * LEDGER_LINES };
struct journal_record {
    enum journal_kind kind;
    uint64_t position; /* after this record; grows for ever */
    struct journal_hold hold;
    struct journal_row row;
    struct journal_note note;
    struct journal_line lines[JOURNAL_LINES]; /* where .lines point */
};
bool journal_read(struct journal *j, struct journal_record *out);
/* At start, before anything is written: the store says what it has. Behind everything that is here (the files were lost):
 * what is written from now on lies behind it as well. */
void journal_seek(struct journal *j, uint64_t position);
void journal_applied(struct journal *j, uint64_t position); /* on the platter in the store; segments wholly before it are recycled */
void journal_rest(struct journal *j); /* nobody is busy: all spares but JOURNAL_SPARES_RESTING are given back; any thread */
uint64_t journal_applied_to(const struct journal *j);        /* any thread */
uint64_t journal_lag(const struct journal *j);               /* bytes written and not yet applied; any thread */

#endif
