/* SPDX-License-Identifier: Apache-2.0
 * sim.h - a seeded world for the books: ledger, journals and store, with calls, a clock, disks and crashes by the dice.
 *
 * The ledger and the journals are the real ones. What they must say is known from three sources that share no code with
 * them: `struct tab` (balances, line by line, by one thread), `struct entry` (what was appended, in order), and what the
 * upstream really did. The store is a model of the contract in store/store.h (keep.c); a share of the seeds runs the real
 * one beside it (real.c).
 *
 *   calls.c  the life of a call         disk.c  segments, lost by pieces      tab.c    the ledger's model
 *   play.c   which event comes next     entry.c what is in the journals       keep.c   the store's model
 *   crash.c  kill, power cut, recovery  check.c what must hold at every event real.c   the real store */
#ifndef TG_TEST_LEDGER_SIM_H
#define TG_TEST_LEDGER_SIM_H

#include "base/arena.h"
#include "ledger/journal.h"
#include "rules/budget.h"
#include "rules/call_id.h"

enum {
    WORKERS = 3,
    CALLS = 2048,      /* of one seed, at most */
    TABS = 8192,
    LINES = 12,        /* accounts of one call */
    ENTRIES = 12288,   /* over all journals */
    CELLS = 65536,
    BUDGETS = 20,
    FILES = 160,       /* segments of one disk */
    NAME_BYTES = 48,   /* of a segment's name */
    BATCH = 48,        /* records in one commit */
};

struct world;

/* ---- disk.c ---------------------------------------------------------------------------------------------------------------- */

/* A file's bytes as the process sees them, as the kernel believes them to be on the platter, and as they are there. */
struct file {
    char *live, *believed, *there, *image; /* image: what a crash leaves, once it has come */
    size_t room;
    bool open, used;
};
struct name {
    char text[NAME_BYTES];
    size_t len;
    struct file *file;
};
/* What was done to names and may be lost with the power. */
struct naming {
    struct name from, to; /* made: from.file NULL; removed: to.file NULL */
};
struct sim_disk {
    struct world *world;
    size_t segment, capacity; /* capacity: files at most, now */
    struct file files[FILES];
    struct name now[FILES], then[FILES]; /* then: after a power cut, as far as was synced */
    size_t now_count, then_count;
    struct naming done[FILES];
    size_t done_count;
    bool dead;            /* the process is; nothing it does takes effect */
    unsigned dies_in;     /* operations until a crash in the middle; 0: none */
    unsigned sync_fails;  /* percent */
};

void disk_reset(struct sim_disk *d, struct world *w, size_t segment, size_t capacity);
void disk_free(struct sim_disk *d);
struct disk disk_of(struct sim_disk *d);
/* The process ends here: what it wrote stays as it is now. */
void disk_kill(struct sim_disk *d);
/* Before an append that a crash interrupts, and after it: some of the words it changed were not written. */
void disk_tear(struct sim_disk *d);
void disk_torn(struct sim_disk *d);
/* After disk_kill: the power went as well. What was not synced is lost by pieces. */
void disk_cut_power(struct sim_disk *d);
/* The next process finds what is left. */
void disk_revive(struct sim_disk *d);

/* ---- tab.c: the trivial ledger -------------------------------------------------------------------------------------------- */

struct cell {
    struct cell *next;
    int64_t slot;
    int64_t settled, doubt; /* in the store */
};
struct spent {
    struct spent *next;
    int64_t slot, amount;
};
struct tab {
    struct span name;
    size_t place; /* in by_name */
    bool rolling, soft, touched, swept, uncertain, below; /* uncertain: counts by a clock that was set back; below: may be below zero */
    int64_t limit, settled, reserved, doubt, ends_at;
    unsigned pins;
    bool moved;
    int64_t newest;
    struct spent *spent;
    struct cell *cells;
    int64_t truth;      /* what the upstream did, on holds that must not be forgotten */
    int64_t most, over; /* the highest limit ever granted; what may lie above it, with a reason */
    int64_t back;       /* above that: holds that came back with a crash */
    int64_t told_settled, told_doubt, told_newest; /* as a crash must leave it; of a rolling one, in that window */
};

struct line {
    struct tab *tab;
    int64_t slot, held, real, ends_at;
    bool kept;
};

void tabs_clear(struct world *w);
struct tab *tab_of(struct world *w, struct span name, bool rolling);
bool in_window(int64_t slot, int64_t newest);
int64_t tab_settled(const struct tab *t); /* what counts */
bool tab_fits(const struct tab *t, int64_t amount, int64_t limit);
void tab_want(struct world *w, struct tab *t, const struct ledger_want *want);
void tab_add(struct world *w, struct tab *t, int64_t slot, int64_t amount);
void tab_forget(struct tab *t);  /* left memory */
/* The ledger of a new process, from what the store has. */
void tab_restore(struct world *w, struct tab *t);
struct cell *tab_cell(struct world *w, struct tab *t, int64_t slot);

/* ---- entry.c: what was appended -------------------------------------------------------------------------------------------- */

struct call;
struct entry {
    enum journal_kind kind;
    enum row_kind row;
    enum verdict verdict;
    uint64_t id, of;
    int64_t at;
    struct call *call; /* whom it is about */
    bool held;
    bool late; /* SETTLEMENT of a price that came later */
    bool pending; /* ... and is not the last one; or a CALL whose price comes later */
    unsigned count, size;
    struct line *lines;
    uint64_t position;
};

struct worker {
    struct journal *journal;
    struct sim_disk disk;
    struct call_ids ids;
    struct entry *entries[ENTRIES];
    size_t count;  /* appended */
    size_t read;   /* by the store, in this life */
    size_t synced; /* survive a power cut */
    size_t sure;   /* survive a kill: all but one that is torn */
    bool full;     /* the last append found no room */
};

struct entry *entry_new(struct world *w, enum journal_kind kind, struct call *c, const struct line *lines, size_t count);
/* False: no room on disk, and nothing was written. May crash the process on the way: w->down. */
bool entry_append(struct world *w, struct worker *at, struct entry *e);
void entry_too_large(struct world *w, struct worker *at); /* is refused */
/* Whether a record read is that one, to the last byte. */
bool entry_is(struct world *w, const struct entry *e, const struct journal_record *r);

/* ---- keep.c: the store's contract ------------------------------------------------------------------------------------------ */

struct logged {
    struct entry *entry;
    unsigned worker;
    bool made;  /* a row in doubt that the store wrote itself, of a hold that a crash left */
    bool last;  /* of its commit */
};
struct keep {
    struct logged log[2 * ENTRIES];
    size_t committed, durable, pending; /* ends in log; pending: read, not committed */
    struct journal_record records[BATCH];
};

void keep_reset(struct world *w);
struct entry *keep_read(struct world *w, unsigned worker, struct journal_record *r); /* NULL: nothing new */
void keep_commit(struct world *w);
void keep_batch(struct world *w, bool commits);
void keep_sync(struct world *w);
/* What a power cut leaves: some commit, not before the last synced one. */
void keep_lose(struct world *w);
/* Of a worker: how many of its entries are in commits. */
size_t keep_position(const struct world *w, unsigned worker, uint64_t *position);
/* Holds that nothing follows become rows in doubt. */
void keep_doubt_holds(struct world *w);

/* ---- calls.c ---------------------------------------------------------------------------------------------------------------- */

enum mode { MODE_MONEY, MODE_STRICT, MODE_RELAXED };
enum errand { ERRAND_READ, ERRAND_MODEL, ERRAND_MONEY };
enum state { CALL_FRESH, CALL_HELD, CALL_SENT, CALL_ANSWERED, CALL_LOST, CALL_CLOSED /* its row finds no room */, CALL_TELLING, CALL_OVER, CALL_GONE /* with its process */ };

struct call {
    enum state state;
    enum errand errand;
    uint64_t id;
    unsigned worker;
    struct ledger_hold hold;
    struct line lines[LINES];
    int64_t worst[LINES], did[LINES]; /* what the upstream may take, and what it took */
    size_t count;
    struct entry *held, *row; /* in the journal */
    bool sent, executed, told;
    bool lost;       /* a power cut took its hold, as its mode allows */
    bool resolving;  /* its settlement is written */
    /* In the store, by the commits so far. */
    bool hold_open, doubt_open;
    unsigned rows, settlements;
    bool late_open, late_over; /* its price is awaited; it has come */
    bool corrected;            /* a price came before its row */
    int64_t counted;           /* of one that is late, over all its lines */
    bool priced;               /* its last price is written */
    const struct entry *doubt; /* or the hold that became one */
};

void call_step(struct world *w, struct call *c);
/* A doubt that the store knows of: resolved as it really was. */
void call_resolve(struct world *w, struct call *c);
void call_correct(struct world *w, struct call *c);
void call_price_twice(struct world *w, struct call *c);
void call_settle_twice(struct world *w, struct call *c);

/* ---- crash.c, check.c, play.c ---------------------------------------------------------------------------------------------- */

void crash(struct world *w, bool power);
void recover(struct world *w);
void check_touched(struct world *w);
void check_all(struct world *w);
void check_recovered(struct world *w);
void check_end(struct world *w);

/* real.c: the store itself, beside the model. All but begin and free: in seeds that have one (w->with_store). */
struct real;
void real_begin(struct world *w);
void real_free(struct world *w);
bool real_open(struct world *w); /* opens and replays; false: cut off */
void real_batch(struct world *w);
void real_sync(struct world *w);
void real_close(struct world *w); /* as a kill does */
void real_check(struct world *w);

/* How rough a seed is: percent of events, or of operations. */
struct temper {
    unsigned crash, power, clock, sync_fails, batch, batch_fails, store_sync, commit, full;
    bool wide;    /* large records: segments are full after a few, and used again and again */
    int64_t tick; /* ms that pass with each event: a sub-window of a rolling budget, or next to nothing */
};

struct world {
    uint64_t seed, dice;
    bool verbose;
    const char *wrong; /* the first rule that was broken */
    const char *why;   /* about which account, or "" */
    char whom[200];
    int64_t now;
    enum mode mode;
    struct temper temper;
    bool down, power;  /* the process died during this event; the last one died with the power */
    bool syncing;
    struct ledger *ledger;
    struct budget budgets[BUDGETS]; /* of this seed */
    size_t budget_count;
    struct worker workers[WORKERS];
    unsigned worker_count;
    struct call calls[CALLS];
    size_t call_count, first_open, at_once; /* calls before first_open are over; so many are under way */
    struct tab tabs[TABS];
    size_t tab_count;
    uint32_t by_name[4 * TABS]; /* index + 1 */
    struct tab *touched[TABS];
    size_t touched_count;
    struct entry entries[ENTRIES];
    struct line lines[ENTRIES * 4];
    struct cell cells[CELLS];
    struct spent spents[CELLS];
    size_t entry_count, line_count, cell_count, spent_count;
    struct keep keep;
    struct arena names, scratch; /* of a seed; of an event */
    struct arena_mark names_empty, scratch_empty;
    struct buf row;
    unsigned lives;
    unsigned event;
    struct real *real;
    bool with_store; /* this seed */
    /* over all seeds: what the dice really played */
    uint64_t events, kills, cuts, torn, refused, forwarded, doubts, resolved, full, syncs_failed, lost_calls, stores;
    const struct budget *configured;
    size_t configured_count;
};

uint32_t roll(struct world *w, uint32_t sides);
static inline bool chance(struct world *w, uint32_t percent) { return roll(w, 100) < percent; }
void wrong(struct world *w, const char *what, struct span whom);
void tell_history(const struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
void touch(struct world *w, struct tab *t);
void play(struct world *w, uint64_t seed);
/* A few events while a journal is being synced on another thread. */
void play_aside(struct world *w);

#endif
