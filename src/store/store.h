/* SPDX-License-Identifier: Apache-2.0
 * store.h - what survives: calls, balances, configuration objects. SQLite (WAL), written by one thread only.
 *
 * The store thread applies the journals in batches (a transaction at most every 20 ms under light load; under heavy,
 * every 100 ms or 4,096 records), chains each row's hash to the one before it, and runs write jobs of the admin thread in between.
 * Queries run on the caller's thread on a connection of their own; they see everything that was committed. */
#ifndef TG_STORE_STORE_H
#define TG_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/money.h"

struct store;
struct signer; /* base/sign.h */

/* What the store reads from, since stores and ledgers do not know each other: filled in by flow/ with the journals. */
struct store_line {
    struct span account;
    int64_t slot; /* -1: none; see ledger/ledger.h */
    int64_t held, real, ends_at;
    bool kept;
};
enum store_what { STORE_HOLD, STORE_ROW, STORE_ANSWER, STORE_ALERT, STORE_APPROVAL };
enum store_kind { STORE_CALL, STORE_SETTLEMENT, STORE_CHANGE, STORE_EVENT }; /* of a row */
struct store_record {
    enum store_what what;
    uint64_t position;
    uint64_t call; /* below 2^63 */
    int64_t at;
    enum store_kind kind;
    uint64_t of;         /* SETTLEMENT: the call; EVENT: the call, or 0 */
    struct span once;    /* HOLD, ROW: id of the idempotency key; of a ROW that was allowed: its answer could not be kept.
                            ANSWER, ALERT, APPROVAL: the name */
    struct span again;   /* HOLD, ROW in doubt or late: the request, sealed */
    struct span bytes;   /* ANSWER, ALERT, APPROVAL */
    int64_t until;       /* ANSWER, ALERT: may be forgotten then. APPROVAL: its time is over then, 30 days later it may be forgotten */
    int verdict; /* enum verdict of ledger/journal.h: 0 allowed, 1 denied, 2 error, 3 in doubt */
    int status;
    bool held, settled;
    bool again_held; /* HOLD: it takes the place of the one before */
    bool late; /* ROW: see ledger/journal.h */
    nano_usd cost, reserved;
    int64_t tokens_in, tokens_out;
    struct span workspace, key, run, step, vendor, operation, model, denied, user;
    struct span row; /* rules/row.h; of a hold: what is known by then */
    const struct store_line *lines;
    size_t count;
};
/* read fills *out; its spans live until applied(), its lines until the next read. seek is called once, by store_recover.
 * applied() is told what is synced to the disk, not merely committed: about a second later. rest() is told when nothing was to be
 * done for a while; NULL: it has nothing to give back. */
struct store_source {
    void *self;
    bool (*read)(void *self, struct store_record *out);
    void (*seek)(void *self, uint64_t position);
    void (*applied)(void *self, uint64_t position);
    void (*rest)(void *self);
};

/* dir/tollgate.db is made or migrated. NULL: why[]. */
struct store *store_open(struct span dir, char why[256]);
/* Sources are fixed once the thread runs. The replay of what the last process left happens in store_recover, on the
 * caller's thread, before store_start: open holds of a crash become rows in doubt. `restored` gets every balance. */
void store_source_add(struct store *s, const struct store_source *source, unsigned writer);
CHECKED enum err store_recover(struct store *s, void (*restored)(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at), void *self);
/* The highest call id there is (0: none); after store_recover. */
CHECKED enum err store_last_call(struct store *s, uint64_t *id);
CHECKED enum err store_start(struct store *s);
/* There is something to read. Any thread; cheap when the store is awake. */
void store_wake(struct store *s);
/* Called on the store thread after each commit with rows (to feed live views); set before store_start. */
void store_on_commit(struct store *s, void (*committed)(void *self), void *self);
/* Whether the last write worked; false while the disk is full, say. Any thread. */
bool store_healthy(const struct store *s);
/* What its thread has written since it runs: batches (a transaction each), those that failed, the time they took, the rows of the chain among
 * them. Any thread. */
struct store_pace {
    uint64_t batches, failures, us, rows;
    int64_t facets; /* combinations of dimensions that there are sums for, whoever made them */
};
struct store_pace store_pace(const struct store *s);
/* Waits until everything appended to the sources before this call is committed (read your writes). Not on a worker. */
CHECKED enum err store_barrier(struct store *s);
void store_close(struct store *s); /* applies the rest, stops the thread, closes */

/* Configuration objects made by the API: kind "key", "policy", ..., a JSON body, a version that grows with each write. */
struct store_object {
    struct span kind, id, body;
    int64_t version, created_at, updated_at;
};
/* Blocking, done on the store thread, durable (synced) when it returns. version_seen: 0 create only, -1 any, else the
 * version that must still be there: E_CONFLICT. body SPAN_NONE deletes: E_NOT_FOUND when there is nothing. Versions go on after it. */
/* event (may be NULL) is a row of kind CHANGE that is chained in the same transaction: who, what, before, after. */
CHECKED enum err store_object_put(struct store *s, struct span kind, struct span id, struct span body, int64_t version_seen, int64_t now_ms, const struct store_record *event);
/* A row of kind CHANGE alone. Blocking, durable when it returns. */
CHECKED enum err store_event(struct store *s, const struct store_record *event);
/* Checkpoints of the chain are signed with it: each CHECKPOINT_ROWS rows, each ten minutes in which there were any, and at
 * the end. Before store_recover; the signer stays the caller's, and must outlive the store. */
void store_sign_with(struct store *s, struct signer *signer);

/* Reading: one reader per thread. Results are in arena a. */
struct store_reader;
struct store_reader *store_reader_new(struct store *s, char why[256]);
/* Of a directory or a database file, without a store, also while a gate writes there. NULL: why[]; *older (may be NULL) says whether
 * that is for its tables alone, which an older gate made. */
struct store_reader *store_reader_open(struct span path, bool *older, char why[256]);
void store_reader_free(struct store_reader *r);
/* Any thread: what the reader is at, and all that it is asked after, ends with E_OVERLOADED. For a check that must not hold
 * up the end of the process. */
void store_reader_stop(struct store_reader *r);
CHECKED enum err store_objects(struct store_reader *r, struct arena *a, struct store_object **list, size_t *count);

struct call_filter {
    struct span run, key, vendor, operation, denied, verdict, workspace, model; /* SPAN_NONE: any; denied "*": any refusal */
    struct span step, user, credential, route;
    struct span label;  /* it, and all that begin with it and a colon */
    int status, status_to; /* [status, status_to); 0: any */
    nano_usd min_cost;  /* 0: any */
    struct span named;  /* an id that the vendor gave to the request or to what it made */
    int64_t from, to; /* [from, to) Unix ms; 0: open */
    uint64_t before;  /* keyset: ids below this; 0: from the newest */
    uint64_t after;   /* oldest first, ids above this, when ascending */
    bool ascending;
    int limit; /* 1..1000; but see store_audit */
    bool changes; /* rows of admin changes too; store_audit only */
    bool only_changes; /* nothing else, and without looking at all else; store_audit only */
};
/* visit gets each row's JSON, complete, with prev_hash and hash. */
CHECKED enum err store_calls(struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self);
/* The same for a page that must not take long, newest first: the sums by hour say where to look. *next: where the page after it begins
 * (`before`), 0: there is none. After STORE_PAGE_MS a page may be short, or empty, and not be the last one. E_BAD_REQUEST: ascending. */
enum { STORE_PAGE_MS = 100 };
CHECKED enum err store_page(struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self, uint64_t *next);
CHECKED enum err store_call(struct store_reader *r, uint64_t id, struct arena *a, struct span *json); /* E_NOT_FOUND */
/* Only if it is of that workspace; SPAN_NONE: of any. */
CHECKED enum err store_call_of(struct store_reader *r, uint64_t id, struct span workspace, struct arena *a, struct span *json);

/* Sums over calls, settlements and events, grouped, dearest first (a time first: in its order). More than 10,000 groups: E_TOO_LARGE; longer
 * than 30 s: E_OVERLOADED; limit is not used. forwarded: allowed, in doubt, or failed after a hold. by: up to USAGE_BY of store_dimensions; an unknown
 * one: E_BAD_REQUEST. Whole hours and days come from the sums by hour and day, where all of f and by is a dimension of those; else from rows. */
enum { USAGE_BY = 5 };
struct usage_row {
    struct span group[USAGE_BY];
    int64_t calls, forwarded, refused;
    nano_usd cost, reserved_open; /* open: in doubt */
    int64_t tokens_in, tokens_out;
    int64_t first_at, last_at;
    int64_t errors;
    int64_t bucket; /* where the first time among the groups begins, Unix ms */
    bool rest;      /* of store_series: all that are not among the top ones */
};
/* "key, run, ...", for people. "label:2", "metadata:NAME" and "scope:NAME" take an argument. */
extern const struct span store_dimensions;
bool store_dimension(struct span name);
CHECKED enum err store_usage(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a, struct usage_row **rows, size_t *count);
/* The same by each of these alone, and last by none, of one look at the rows: lists has by_count + 1 places. */
struct usage_list {
    struct usage_row *rows;
    size_t count;
};
CHECKED enum err store_usage_each(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a, struct usage_list *lists);
/* Sums by time (minute, hour, day) and, unless it is SPAN_NONE, by one dimension more, of which the dearest `top` stand alone. In order of
 * time; group[1] names the line. At most 200,000 rows: E_TOO_LARGE. */
CHECKED enum err store_series(struct store_reader *r, const struct call_filter *f, struct span step, struct span by, size_t top, struct arena *a, struct usage_row **rows, size_t *count);

struct run_filter {
    struct span workspace, key, label; /* label: it, and all that begin with it and a colon */
    struct span q;                     /* a part of the run's id */
    int64_t from, to;                  /* of its last call: [from, to) Unix ms; 0: open */
};
/* Runs (group[0]; group[1] is the workspace), latest first, keyset by last_at/run: cursor text in and out. After STORE_PAGE_MS a page may be
 * short, or empty, and not be the last one. */
CHECKED enum err store_runs(struct store_reader *r, const struct run_filter *f, struct span cursor, int limit, struct arena *a, struct usage_row **rows, size_t *count, struct span *next);

/* Rows that may have a cost (calls, settlements, events), as they lie, newest first or f->ascending: of a link id, kind and row are set. f->limit
 * of them at most (1..1000), beyond f->before or f->after. visit false: stop. (query_money.c) */
struct store_link;
CHECKED enum err store_money_rows(struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, const struct store_link *link), void *self);
/* Settlements of the calls in [f->from, f->to) (of f->vendor and f->workspace, if set), whenever they were made themselves, in the order of
 * those calls; called_at is the call's time. Of the filter nothing else counts. (query_money.c) */
CHECKED enum err store_settlements_of(struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, int64_t called_at, const struct store_link *link), void *self);
/* When a key was last used; 0: never. */
CHECKED enum err store_last_use(struct store_reader *r, struct span key, int64_t *at);
/* Runs that began in [from, to), and what they cost, whenever that was. Of the filter its times, workspace and run count, nothing else. */
CHECKED enum err store_runs_begun(struct store_reader *r, const struct call_filter *f, int64_t *count, nano_usd *cost);

/* How the targets of calls did in [from, to) (Unix ms, to 0: open; in whole slots of ten minutes), by vendor, operation, model or credential, in a.
 * Errors: no answer or half of one, or 429 or 5xx. Times in ms, -1: there are none; of refused calls none count. Rows that were written before
 * the database kept these sums are not in them. E_BAD_REQUEST: another `by`. */
struct store_speed {
    struct span name; /* empty: calls that had none */
    int64_t calls, errors, refused, tokens_in, tokens_out;
    nano_usd cost;
    int64_t p50, p95, p99, first_p50, first_p95, gap_p95;
};
CHECKED enum err store_speeds(struct store_reader *r, struct span by, struct span workspace, int64_t from, int64_t to, struct arena *a, struct store_speed **rows, size_t *count);

/* Rows (rules/row.h) of that operation among the events, oldest first, whose id is at least `from`. */
CHECKED enum err store_events_named(struct store_reader *r, struct span operation, uint64_t from, void (*visit)(void *self, struct span row), void *self);

/* ---- in doubt, and late --------------------------------------------------------------------------------------------------------
 * A row in doubt stands in table `doubts` with its lines until a SETTLEMENT of it is applied: exactly one is, a second one is
 * dropped (and logged). A settlement without a doubt (a price that came later) is applied as it is.
 * A call whose price comes later (`late` in its row, or in the settlement that ended its doubt) stands there too, but is in no doubt: its
 * money was counted, and nothing is held. It stands until one SETTLEMENT that is not late itself, with lines that hold nothing
 * (real: the difference): exactly one, any after it is dropped. Late ones before that are added as they come. */
struct store_doubt {
    uint64_t call;
    bool late; /* not in doubt: only its price comes later */
    int64_t at;
    struct span once, again, row; /* row: rules/row.h */
    struct span counted; /* late: the row that counted it: its own, or that of the settlement which ended its doubt */
    const struct store_line *lines; /* in doubt: held. Late: held 0, real what was counted so far */
    size_t count;
};
/* All, oldest first, from `after` on. visit's doubt lives until it returns. */
CHECKED enum err store_doubts(struct store_reader *r, uint64_t after, int limit, void (*visit)(void *self, const struct store_doubt *d), void *self);
/* Only those in doubt. */
CHECKED enum err store_in_doubt(struct store_reader *r, uint64_t after, int limit, void (*visit)(void *self, const struct store_doubt *d), void *self);
/* Settlements of a call, oldest first, each row's JSON; and what the vendor told of it. */
CHECKED enum err store_settlements(struct store_reader *r, uint64_t of, void (*visit)(void *self, uint64_t id, struct span json), void *self);

CHECKED enum err store_events(struct store_reader *r, uint64_t of, void (*visit)(void *self, uint64_t id, struct span json), void *self);

/* ---- what calls made, by the vendor's id --------------------------------------------------------------------------------------
 * Newest first, since `from`, at most `most`: each call and settlement whose row has an object id, so that a gate that starts knows whose
 * "ch_1" is. usd: what was counted for it with that row. Events have theirs, too (kind). */
struct store_object_made {
    uint64_t call;  /* of a settlement: the call it settles */
    int64_t at;
    enum store_kind kind;
    nano_usd usd;
    struct span vendor, credential, object, workspace, key, user, label, run, step, operation; /* of an event: object is the event's id */
};
CHECKED enum err store_made(struct store_reader *r, int64_t from, int most, void (*visit)(void *self, const struct store_object_made *m), void *self);

/* ---- approvals: the last state of each, that of the latest change first -------------------------------------------------------- */
struct store_approval {
    struct span id, bytes;
    int64_t at; /* of the change: an approval's changes have times that grow, so that the last one stays, whoever's journal is read first */
    int64_t until;
};
/* One; not visited when there is none. */
CHECKED enum err store_approval(struct store_reader *r, struct span id, void (*visit)(void *self, const struct store_approval *a), void *self);
CHECKED enum err store_approvals(struct store_reader *r, int limit, void (*visit)(void *self, const struct store_approval *a), void *self);

/* ---- answers kept for repeats --------------------------------------------------------------------------------------------- */
struct store_answer {
    bool in_doubt; /* a call of this idempotency key is in doubt: no bytes */
    uint64_t call;
    int64_t at, until;
    struct span bytes;
};
/* E_NOT_FOUND. Expired ones are not found; the store deletes them by and by. */
CHECKED enum err store_answer(struct store_reader *r, struct span once, int64_t now_ms, struct arena *a, struct store_answer *out);

/* ---- outbox: alerts to be delivered, durable, one of a name ---------------------------------------------------------------- */
struct store_alert {
    int64_t id;
    struct span name, body; /* JSON */
    int64_t at, next_at;
    int tries;
    struct span pending; /* endpoints that still have to get it, "," between them; SPAN_NONE: all that there are */
    struct span trouble; /* of the last try */
    bool done;
};
/* Due at now_ms, oldest first; now_ms 0: all, newest first (for a list). */
CHECKED enum err store_alerts(struct store_reader *r, int64_t now_ms, int limit, void (*visit)(void *self, const struct store_alert *a), void *self);
/* Durable. E_CONFLICT: one of the name is there already. */
CHECKED enum err store_alert_put(struct store *s, struct span name, struct span body, int64_t at, int64_t until);
/* After a try. done: delivered, or given up (trouble says so). */
CHECKED enum err store_alert_tried(struct store *s, int64_t id, bool done, int64_t next_at, struct span pending, struct span trouble);

/* ---- what was captured of calls: sealed, and deleted so that nothing of it is left in the files --------------------------------- */

struct store_content {
    uint64_t call;
    int64_t at, until; /* may be forgotten then, and is not shown from then on */
    struct span workspace, key, run, user;
    struct span bytes;
};
/* In one transaction, on the store thread; blocks. On the platter with the next sync. */
CHECKED enum err store_contents_put(struct store *s, const struct store_content *list, size_t count);
/* E_NOT_FOUND. */
CHECKED enum err store_content(struct store_reader *r, uint64_t call, int64_t now_ms, struct arena *a, struct store_content *out);

/* All that are given must fit. */
struct content_filter {
    uint64_t call; /* 0: any */
    struct span workspace, key, run, user;
    int64_t before; /* of calls that began before; 0: whenever */
};
/* Some hundred at a time, each durable when it is done; *count those of all. */
CHECKED enum err store_contents_delete(struct store *s, const struct content_filter *f, size_t *count);
/* Answers kept for repeats, and kept conversations, of calls that fit: a repeat is told from then on that its call was carried out. */
CHECKED enum err store_answers_forget(struct store *s, const struct content_filter *f, size_t *count);
/* Takes what was deleted out of the log file as well. False: somebody reads there, and it is done as soon as that ends. */
bool store_erase(struct store *s);
/* By workspace. */
struct content_sum {
    struct span workspace;
    int64_t count, bytes, oldest_at, last_until;
};
CHECKED enum err store_contents_sum(struct store_reader *r, struct span workspace, void (*visit)(void *self, const struct content_sum *sum), void *self);

/* ---- the audit chain ------------------------------------------------------------------------------------------------------- */

/* Rows in the order of the chain, all kinds that f asks for, for an export. hash and prev_hash are 32 bytes. visit false: stop.
 * f's `after` and `before` are numbers here: from number `after` on, or, when `before` is not 0, the newest first below it. Its
 * `limit` is how many rows are looked at, those included that the filter passes over (0: all): so a long one can be read
 * in slices. */
struct store_link {
    uint64_t id;
    int64_t number; /* in the chain, from 0 */
    enum store_kind kind;
    struct span row, prev_hash, hash;
};
CHECKED enum err store_audit(struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, const struct store_link *link), void *self);

/* How far an export of the chain is (export/): what is before `position` was delivered. `note` is the destination's own. */
struct store_export {
    int64_t position; /* number of the next row */
    int64_t at;       /* of the last delivery, Unix ms; 0: none */
    struct span note;
};
/* E_NOT_FOUND: none of that name has begun. note is in a. */
CHECKED enum err store_export(struct store_reader *r, struct span name, struct arena *a, struct store_export *out);
/* Durable. begin: unless it has begun already. move: from where it is, else E_CONFLICT (it was rewound meanwhile), to the new place. rewind:
 * from wherever it is; the note becomes "rewound". */
CHECKED enum err store_export_begin(struct store *s, struct span name, int64_t position);
CHECKED enum err store_export_move(struct store *s, struct span name, int64_t from, const struct store_export *to);
/* event (may be NULL): a row of kind CHANGE in the same transaction. */
CHECKED enum err store_export_rewind(struct store *s, struct span name, int64_t position, const struct store_record *event);

struct store_checkpoint {
    int64_t rows; /* the chain's length when it was signed */
    int64_t at;
    struct span hash, signature, key; /* hash after that many rows; Ed25519 over "tollgate checkpoint\n" rows "\n" at "\n" hex hash "\n" */
};
CHECKED enum err store_checkpoints(struct store_reader *r, int64_t after_rows, void (*visit)(void *self, const struct store_checkpoint *c), void *self);

/* What a check found. */
struct store_verdict {
    int64_t rows, checkpoints;
    int64_t signed_rows;  /* covered by the last good checkpoint */
    uint64_t bad_id;      /* 0: none */
    const char *trouble;  /* constant: "this row was changed", "a row before this one is missing", ... NULL: all is well */
    struct span key;      /* hex, of the last checkpoint; lives as long as the reader */
};
/* Checks chain, columns against rows, and checkpoints' signatures (by `key` when it is not NULL, else by the key each names):
 * E_OK, or E_CONFLICT with *out: the row that was edited, moved, put in or taken out, or the one that lost its predecessor.
 * Takes its time, in many short reads; progress may be NULL. */
CHECKED enum err store_verify(struct store_reader *r, const uint8_t *key, void (*progress)(void *self, int64_t done, int64_t of), void *self, struct store_verdict *out);

/* ---- self-check ------------------------------------------------------------------------------------------------------------- */

/* Every balance the database has, a slot of a rolling account at a time: after store_barrier it is what the ledger must say. */
CHECKED enum err store_balances(struct store_reader *r, void (*visit)(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at), void *self);

#endif
