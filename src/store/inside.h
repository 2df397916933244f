/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of store/ share. Not for other folders.
 *
 *   sources --> batch (one transaction) --> tables        thread.c drives, batch.c reads and commits
 *                 |- row.c     a ROW becomes a line of `calls`, chained to the one before it
 *                 |- holds.c   a HOLD waits for its ROW, across batches in a table, and becomes a row in doubt at recovery
 *                 |- doubts.c  a row in doubt, or with a price that comes later, waits for its settlement, of which it takes one
 *                 |- notes.c   answers kept for repeats, alerts to be delivered, approvals as they stand
 *                 |- contents.c  what was captured of calls, which comes by jobs, and goes so that nothing of it is left in a file
 *                 |- made.c    what calls made at vendors, so that a gate that starts knows whose it is
 *                 |- exports.c how far each export of the chain is
 *                 |- sums.c    balances, runs and hours: added up in memory, written once a batch
 *                 |- speeds.c  what calls took, by target, the same way
 *                 |- rollup.c  sums by hour and day over all dimensions, the same way; backfill.c: those of older rows
 *                 `- points.c  checkpoints: the chain's tip, signed now and then
 *
 * What was read is kept in memory until it is committed, because a source is read once, forwards: a batch that was rolled
 * back drops its sums and its holds and is applied again from there. All of this belongs to the store thread, or to the caller's while no thread runs. */
#ifndef TG_STORE_INSIDE_H
#define TG_STORE_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/digest.h"
#include "base/list.h"
#include "base/map.h"
#include "rules/row.h"
#include "store/speeds.h"
#include "store/sql.h"
#include "store/store.h"

enum {
    BATCH_RECORDS = 4096,            /* in one transaction */
    BATCH_TURN = 64,                 /* from one source before the next has its turn: keeps ids nearly in order */
    BATCH_MEMORY = 4 << 20,          /* of records and sums, after which a batch ends early */
    BATCH_BYTES = 16 << 20,          /* of rows in one transaction */
    REPLAY_RECORDS = 32768,          /* the same three while journals are replayed and nobody waits: the larger a transaction, the */
    REPLAY_MEMORY = 32 << 20,        /* fewer times it writes the same pages of indexes */
    REPLAY_BYTES = 32 << 20,
    REPLAY_CACHE_KIB = 16 << 10,
    WRITE_CACHE_KIB = 8 << 10, /* afterwards: with less a full batch writes pages before it is over, 0.8 us a call */
    BATCH_CEILING = 64 << 20,        /* of memory: one record more must fit */
    GATHER_MS = 20,                  /* the longest that the first record of a batch waits for others */
    GATHER_BUSY_MS = 100,            /* the same, after a batch of BUSY_RECORDS: a transaction has a price of its own */
    BUSY_RECORDS = 64,
    SYNC_MS = 1000,                  /* the longest that a committed record is not on the platter */
    SYNC_BYTES = 32 << 20,           /* of rows, the same */
    RETRY_MS = 500,                  /* pause after a write that failed */
    SWEEP_CONTENTS_MS = 10,          /* the longest that rows wait for content to be deleted that has run out: each may be large */
    SWEEP_CONTENTS_PAUSE_MS = 20,    /* and then rows have their turn */
    SWEEP_ERASE_MS = 10 * 1000,      /* of content deleted in many goes: the longest that it stands in the log */
    SWEEP_STEP = 1000,               /* balances looked at in one go */
    SWEEP_STEP_MS = 1000,            /* between two goes */
    SWEEP_ROUND_MS = 60 * 60 * 1000, /* between two rounds */
    FACET_IDS = 64,                  /* calls of an hour and a facet that are named; statements.h, too */
    FACETS_KNOWN = 1 << 16,          /* whose number is kept in memory */
    LAST_LINES = 8,                  /* of a row, whose balances are known without a look-up when the next row has the same */
    BACKFILL_ROWS = 20000,           /* in one transaction */
    CHECKPOINT_ROWS = 10000,            /* at most so many rows, and a batch's more, without a signature */
    CHECKPOINT_MS = 10 * 60 * 1000,     /* the longest that a row is without one */
    STORE_SOURCES = 256
};
#define SWEEP_AFTER_MS (INT64_C(35) * 24 * 60 * 60 * 1000) /* after a balance's window ended */
#define SWEEP_APPROVAL_AFTER_MS (INT64_C(30) * 24 * 60 * 60 * 1000) /* after its time was over */
#define SWEEP_SLOT_AFTER_MS (INT64_C(2) * 60 * 60 * 1000)  /* after a sub-window left its rolling window */

enum statement {
#define STATEMENT(name, text) ST_##name,
#include "store/statements.h"
#undef STATEMENT
    ST_COUNT
};

struct source {
    struct store_source from;
    unsigned writer;
    uint64_t read;      /* position after the last record read into the open batch */
    uint64_t committed; /* in the database */
    uint64_t told;      /* on the platter, and the source knows */
    uint64_t drained;   /* the generation (struct store) in which it last had nothing more */
};

/* A record that was read and is not committed yet; its lines stand behind it. */
struct kept {
    struct kept *next;
    struct source *from;
    struct store_record record;
};

/* The tip of the hash chain. */
struct chain {
    int64_t rows;
    struct digest hash;
};

/* Of a batch: where the row before was added. Rows of one moment are often alike, and then no name is put together and looked up. */
struct last {
    struct rollup *rollup;
    struct speed *speed;
    struct user_sums *user;
    struct run_sums *run;
    struct balance *balances[LAST_LINES]; /* of its lines */
};

struct batch {
    struct arena memory;
    struct map accounts, runs; /* name -> sums (sums.c) */
    struct map speeds;         /* slot and target -> sums (speeds.c) */
    struct map users;          /* quarter of a day and user -> sums (users.c) */
    struct map rollups;        /* hour and facet -> sums (rollup.c) */
    struct map holds;          /* call id -> the hold's record, if its row has not come */
    struct hour *hours;
    struct last last;
    struct waiting *waiting; /* rows that are chained and not yet in `calls` (inserts.c) */
    size_t waiting_count;
    struct chain chain; /* becomes the store's at commit */
    struct buf ids;     /* of the rows, in the order of the chain */
    size_t records, rows, bytes;
    int64_t signed_rows; /* by a checkpoint of this batch; 0: it has none */
    bool open, sign;     /* sign: make one in any case */
    bool twice;          /* a call came twice, which was seen too late */
};

/* How far the janitor is in its round. */
struct sweep {
    int64_t at; /* of the next step, monotonic ms */
    int64_t rest_at; /* the same, of all but content, which comes oftener while `left` */
    int64_t erased_at;
    bool left; /* content that has run out */
    struct buf from; /* the last account looked at */
    bool accounts_done;
};

/* What was signed last. */
struct signing {
    struct signer *signer; /* NULL: nobody signs */
    int64_t rows;
    int64_t at; /* monotonic ms */
};

/* Work of another thread, done between batches; the caller waits for it. */
struct job {
    struct list link;
    enum err (*run)(struct store *s, void *self);
    void *self;
    enum err result;
    bool done;
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[ST_COUNT];
    char path[4096]; /* of the database, for readers */
    int lock;        /* an open file that says: this directory is in use */

    struct source sources[STORE_SOURCES];
    size_t source_count;
    struct chain chain;
    struct batch batch;
    struct arena facet_memory;
    struct map facets; /* name -> its number (rollup.c); forgotten when a batch fails, which may have made some */
    struct arena kept_memory;
    struct kept *kept, **kept_end; /* in the order they were read */
    struct buf text; /* what is hashed */
    uint64_t commits; /* so far */
    char trouble[160]; /* of the last write that failed, in SQLite's words */
    bool careful;   /* no row waits: one of the batch came twice */
    bool replaying; /* in store_recover: larger batches */
    bool recovered; /* it was good */
    bool synchronous; /* commits wait for the disk now */
    bool unsynced;    /* something was committed that may not be on the platter */
    size_t unsynced_bytes;
    int64_t synced_at; /* monotonic ms */
    bool busy;         /* the last batch was of BUSY_RECORDS or more */
    bool loaded;       /* page cache and buffers may have grown since the last rest */
    struct sweep sweep;
    struct signing signing;
    bool unerased;     /* content was deleted whose bytes may still stand in the log file (contents.c) */

    void (*committed)(void *self);
    void *committed_self;

    atomic_bool healthy;
    _Atomic uint64_t batches, batch_failures, batch_us, batch_rows; /* see store_pace */
    _Atomic int64_t facet_count; /* the same */
    atomic_bool nudged; /* there may be something to read */

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t wake;    /* to the thread */
    pthread_cond_t answer;  /* from the thread: a job is done, a barrier passed */
    struct list jobs;
    uint64_t generation;    /* barriers asked for */
    uint64_t passed;        /* everything up to this generation is committed */
    uint64_t failed;        /* a write failed while this generation waited */
    bool running, stopping;
    pthread_t thread;
};

/* store.c */
void store_release(struct store *s);

/* batch.c */
void batch_init(struct store *s);
void batch_free(struct store *s);
CHECKED enum err batch_begin(struct store *s);
/* Reads what there is, up to the limits, and commits it. *more: a limit ended it, not the sources. `generation` is noted
 * in sources that had nothing more. */
CHECKED enum err batch_run(struct store *s, uint64_t generation, bool *more);
CHECKED enum err batch_commit(struct store *s);
void batch_rollback(struct store *s);
/* Puts what was committed on the platter, and tells the sources. */
CHECKED enum err batch_sync(struct store *s);
void batch_synchronous(struct store *s, bool on);

/* row.c */
/* What a row says of itself beside its columns, read in one walk for all who add it to something. */
struct said {
    struct span credential, label;
    struct span object;         /* what a call or a settlement made at its vendor; what an event tells of */
    struct row_value ms[TIMES]; /* in the order of enum speed_of */
};
struct said row_said(const struct store_record *r);
/* r stays until the batch ends, if it is an ordinary call's (row.c: can_wait). */
CHECKED enum err row_put(struct store *s, const struct store_record *r);

/* inserts.c: what is bound is the row, the hash before it and its own */
/* *there: false: its id has a row. */
CHECKED enum err inserts_now(struct store *s, const struct store_record *r, const struct digest *prev, const struct digest *hash, bool *there);
/* With those that are saved together; r stays until then. */
CHECKED enum err inserts_later(struct store *s, const struct store_record *r, const struct digest *prev, const struct digest *hash);
/* E_CONFLICT: one of them has a row already; the batch is `twice`, and of no use. */
CHECKED enum err inserts_save(struct store *s);

/* chain.c */
struct digest chain_hash(struct buf *text, const struct digest *prev, uint64_t id, struct span row);
void chain_note(struct buf *ids, uint64_t id);
uint64_t chain_id(const char *bytes); /* of 8 bytes of what chain_note wrote */
CHECKED enum err chain_tip(sqlite3 *db, struct chain *tip);
CHECKED enum err chain_save(struct store *s);

/* points.c */
CHECKED enum err points_load(struct store *s);
/* In a batch's transaction: signs its tip if it is time. */
CHECKED enum err points_save(struct store *s);
/* Signs what has none yet, if it is time; `now`: in any case. */
CHECKED enum err points_catch_up(struct store *s, bool now);
int64_t points_due(const struct store *s); /* monotonic ms; INT64_MAX: nothing to sign */
/* What is signed. */
void points_text(struct buf *out, int64_t rows, int64_t at, struct span hash);

/* lines.c: the lines of a hold or a doubt as bytes */
void lines_put(struct buf *out, const struct store_line *line);
/* In a; NULL without memory. */
struct store_line *lines_get(struct arena *a, struct span bytes, size_t *count);

/* holds.c */
/* r stays until the batch ends. */
CHECKED enum err holds_open(struct store *s, const struct store_record *r);
CHECKED enum err holds_close(struct store *s, uint64_t call);
CHECKED enum err holds_save(struct store *s);
/* Every hold that is left becomes a row in doubt. */
CHECKED enum err holds_doubt(struct store *s, size_t *count);

/* doubts.c */
/* A row in doubt, or a late one, was written. *open: it is in doubt now; else it is late, or has had its settlement. */
CHECKED enum err doubts_put(struct store *s, const struct store_record *r, bool *open);
/* Before a settlement is written: what it is to its call. */
enum mark { MARK_PLAIN, MARK_LATE /* another one follows */, MARK_ENDED_LATE }; /* in the database */
struct taken {
    bool again;        /* there was one before: leave it out */
    nano_usd reserved; /* of the doubt that it ends */
    enum mark mark;
};
CHECKED enum err doubts_take(struct store *s, const struct store_record *r, struct taken *out);

/* made.c */
CHECKED enum err made_put(struct store *s, const struct store_record *r, const struct said *said);

/* notes.c */
CHECKED enum err notes_put(struct store *s, const struct store_record *r);
/* A call that was carried out, and whose answer found no room in the journal: its key must not go again. */
CHECKED enum err notes_unkept(struct store *s, const struct store_record *r);

/* contents.c */
/* Takes what was deleted out of the log file, if nobody reads there. */
void contents_erase(struct store *s);

/* sums.c */
CHECKED enum err sums_note(struct store *s, const struct store_record *r); /* when it was; what a change adds to */
/* open: what the row adds to the amounts in doubt. */
CHECKED enum err sums_add(struct store *s, const struct store_record *r, const struct said *said, nano_usd open);
CHECKED enum err sums_save(struct store *s);

/* speeds.c */
CHECKED enum err speeds_add(struct store *s, const struct store_record *r, const struct said *said);
CHECKED enum err speeds_save(struct store *s);

/* rollup.c */
CHECKED enum err rollup_add(struct store *s, const struct store_record *r, const struct said *said);
CHECKED enum err rollup_save(struct store *s);
enum err rollup_count(struct store *s); /* before the thread runs: how many facets there are */
void rollup_forget(struct store *s); /* the facets in memory */

/* users.c */
enum { USERS_MS = 6 * 60 * 60 * 1000 };
CHECKED enum err users_add(struct store *s, const struct store_record *r, bool forwarded);
CHECKED enum err users_save(struct store *s);

/* backfill.c */
/* Rows of an older version are added to the rollups, a bounded transaction at a time. False: why[]. */
bool backfill(struct store *s, char why[256]);

/* jobs.c */
CHECKED enum err jobs_do(struct store *s, enum err (*run)(struct store *s, void *self), void *self);
/* The same in a transaction of its own, that is on the platter when it returns E_OK. */
CHECKED enum err jobs_do_durably(struct store *s, enum err (*run)(struct store *s, void *self), void *self);
void jobs_run(struct store *s);
void jobs_refuse(struct store *s); /* with the mutex held */

/* objects.c: a row of kind CHANGE, in a job's transaction. */
CHECKED enum err event_put(struct store *s, const struct store_record *event);

/* sweep.c */
void sweep_step(struct store *s, int64_t unix_ms, int64_t monotonic_ms);

/* thread.c */
int64_t thread_now(void); /* monotonic ms */

#endif
