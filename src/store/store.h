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

/* What the store reads from, since stores and ledgers do not know each other: filled in by flow/ with the journals. */
struct store_line {
    struct span account;
    int64_t held, real, resets_at;
    bool kept;
};
struct store_record {
    bool ended; /* a ROW; false: a HOLD */
    uint64_t position;
    uint64_t call; /* below 2^63 */
    int64_t at;
    int verdict; /* enum verdict of ledger/journal.h: 0 allowed, 1 denied, 2 error, 3 in doubt */
    int status;
    bool held, settled;
    nano_usd cost, reserved;
    int64_t tokens_in, tokens_out;
    struct span workspace, key, run, step, vendor, operation, model, denied, user;
    struct span row; /* rules/row.h; of a hold: what is known by then */
    const struct store_line *lines;
    size_t count;
};
/* read fills *out; its spans live until applied(), its lines until the next read. seek is called once, by store_recover.
 * applied() is told what is synced to the disk, not merely committed: about a second later. */
struct store_source {
    void *self;
    bool (*read)(void *self, struct store_record *out);
    void (*seek)(void *self, uint64_t position);
    void (*applied)(void *self, uint64_t position);
};

/* dir/tollgate.db is made or migrated. NULL: why[]. */
struct store *store_open(struct span dir, char why[256]);
/* Sources are fixed once the thread runs. The replay of what the last process left happens in store_recover, on the
 * caller's thread, before store_start: open holds of a crash become rows in doubt. `restored` gets every balance. */
void store_source_add(struct store *s, const struct store_source *source, unsigned writer);
CHECKED enum err store_recover(struct store *s, void (*restored)(void *self, struct span account, int64_t settled, int64_t doubt, int64_t resets_at), void *self);
/* The highest call id there is (0: none); after store_recover. */
CHECKED enum err store_last_call(struct store *s, uint64_t *id);
CHECKED enum err store_start(struct store *s);
/* There is something to read. Any thread; cheap when the store is awake. */
void store_wake(struct store *s);
/* Called on the store thread after each commit with rows (to feed live views); set before store_start. */
void store_on_commit(struct store *s, void (*committed)(void *self), void *self);
/* Whether the last write worked; false while the disk is full, say. Any thread. */
bool store_healthy(const struct store *s);
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
CHECKED enum err store_object_put(struct store *s, struct span kind, struct span id, struct span body, int64_t version_seen, int64_t now_ms);

/* Reading: one reader per thread. Results are in arena a. */
struct store_reader;
struct store_reader *store_reader_new(struct store *s, char why[256]);
void store_reader_free(struct store_reader *r);
CHECKED enum err store_objects(struct store_reader *r, struct arena *a, struct store_object **list, size_t *count);

struct call_filter {
    struct span run, key, vendor, operation, denied, verdict, workspace, model; /* SPAN_NONE: any; denied "*": any refusal */
    int64_t from, to; /* [from, to) Unix ms; 0: open */
    uint64_t before;  /* keyset: ids below this; 0: from the newest */
    uint64_t after;   /* oldest first, ids above this, when ascending */
    bool ascending;
    int limit; /* 1..1000 */
};
/* visit gets each row's JSON, complete, with prev_hash and hash. */
CHECKED enum err store_calls(struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self);
CHECKED enum err store_call(struct store_reader *r, uint64_t id, struct arena *a, struct span *json); /* E_NOT_FOUND */

/* Sums over calls, grouped, dearest first (by day first: in order of days). More than 10,000 groups: E_TOO_LARGE; longer
 * than 30 s: E_OVERLOADED; limit is not used. forwarded: allowed, in doubt, or failed after a hold. by: up to 4 of key, run, vendor, operation, model, step, workspace, user, denied, day. */
struct usage_row {
    struct span group[4];
    int64_t calls, forwarded, refused;
    nano_usd cost, reserved_open; /* open: in doubt */
    int64_t tokens_in, tokens_out;
    int64_t first_at, last_at;
};
CHECKED enum err store_usage(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a, struct usage_row **rows, size_t *count);
/* Runs (group[0]; group[1] is the workspace), latest first, keyset by last_at/run: cursor text in and out. */
CHECKED enum err store_runs(struct store_reader *r, struct span cursor, int limit, struct arena *a, struct usage_row **rows, size_t *count, struct span *next);

/* Checks the hash chain: E_OK and the number of rows, or E_CONFLICT and *bad_id: the row that was edited, moved, put in or
 * taken out, or the one that lost its predecessor. Takes its time, in many short reads. */
CHECKED enum err store_verify(struct store_reader *r, int64_t *rows, uint64_t *bad_id);

#endif
