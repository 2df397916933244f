/* SPDX-License-Identifier: Apache-2.0
 * ledger.h - accounts, and the one promise: settled + reserved <= limit, at every instant.
 *
 * An account is one budget's counter for one subject in one window, named by text (rules/budget.h). A call reserves its
 * worst cost on all its accounts or on none: the shards of all of them are locked in order, all are checked, all are
 * taken; so no call is refused because of another that was itself refused. A hold ends exactly once: settled, released,
 * or left in doubt (which keeps it reserved). Thread-safe; no function blocks longer than a few hundred instructions.
 *
 * A rolling account keeps what was settled by numbered sub-windows (slots) and counts the newest it has seen and the
 * LEDGER_SLOTS - 1 before it; a hold counts until it ends, whatever its slot. A clock that goes back does not free anything:
 * slots stay; one that goes back by more than the whole window moves all that is counted into the present slot. Only wants bring
 * the clock: what is settled for a slot behind the clock counts in the present one, for a slot before the window not at all.
 *
 * Settled may fall below zero where refunds count down; such an account gives no more than its limit all the same: what is
 * below zero counts as zero.
 *
 * The ledger is memory; what survives a crash is the journal (journal.h) and the store, which give back the balances at
 * start by ledger_restore. */
#ifndef TG_LEDGER_LEDGER_H
#define TG_LEDGER_LEDGER_H

#include "base/err.h"
#include "base/must.h"
#include "base/span.h"

struct ledger;
struct account;

enum { LEDGER_LINES = 24 }; /* accounts one call may touch; a configuration that could pass it is refused */
enum { LEDGER_SLOTS = 61, LEDGER_NO_SLOT = -1 };

struct ledger_want {
    struct span account;
    int64_t slot;    /* LEDGER_NO_SLOT, or the sub-window's number: an account is of one kind for ever */
    int64_t limit;
    int64_t amount;  /* >= 0 */
    int64_t ends_at; /* Unix ms, 0: never; an account is dropped from memory some time after the latest it was given, when nothing is held */
    bool soft;       /* counts, never refuses */
};

struct ledger_line {
    struct account *account; /* pinned while the hold is open */
    int64_t slot, held;
};

/* Lives in the exchange. Zeroed is "no hold". */
struct ledger_hold {
    struct ledger_line lines[LEDGER_LINES];
    size_t count;
    bool open;
};

struct ledger_refusal {
    size_t line; /* index of the want that did not fit */
    int64_t limit, settled, reserved, attempted;
    int64_t frees; /* rolling: the sub-window after whose leaving it would have fit beside what is reserved; LEDGER_NO_SLOT: none, or not rolling */
};

struct ledger_balance {
    int64_t limit, settled, reserved, doubt; /* doubt is part of reserved */
    uint64_t changes;                        /* grows with every change: the same number, the same balance */
    int64_t oldest; /* by ledger_balance, of a rolling account: the oldest sub-window with something in it; LEDGER_NO_SLOT: none, or not looked for */
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* E_OK and *hold open; or E_BUDGET_EXCEEDED with *why and nothing taken; E_NO_MEMORY, nothing taken (also when an account is
 * SPAN_NONE: its name found no room). An account that is not there begins at zero. A new limit takes effect with the first
 * want that carries it. */
CHECKED enum err ledger_reserve(struct ledger *l, struct ledger_hold *hold, const struct ledger_want *wants, size_t count, struct ledger_refusal *why);
/* Makes one hold of two that are open on the same accounts, line by line: what `more` holds is held's from then on, at more's slots. For a
 * call that needs more than was thought at its beginning. */
void ledger_join(struct ledger *l, struct ledger_hold *held, struct ledger_hold *more);
/* Ends the hold: real[i] replaces what line i held; negative: money came back. May exceed the reservation (a price that came
 * later): then it is counted in full, and shown. Closing a closed hold is a bug. */
void ledger_settle(struct ledger *l, struct ledger_hold *hold, const int64_t *real);
/* Ends the hold with nothing spent. */
void ledger_release(struct ledger *l, struct ledger_hold *hold);
/* Ends the exchange's part in it, but the amounts stay reserved until ledger_resolve. */
void ledger_doubt(struct ledger *l, struct ledger_hold *hold);
/* Resolves an amount in doubt on an account: `held` goes, `real` is settled. False: no such account or less in doubt (its
 * window is long over and it left memory), and nothing changed. */
bool ledger_resolve(struct ledger *l, struct span account, int64_t slot, int64_t held, int64_t real);
/* A cost that came after settlement: `delta` on top of what is settled, whatever the limit. An account that is not there is
 * made. False: no memory. */
bool ledger_adjust(struct ledger *l, struct span account, int64_t slot, int64_t delta, int64_t ends_at);

/* As it stands now; false: no such account (all zero). slot: of this moment for a rolling account (what is older than its
 * window is left out), LEDGER_NO_SLOT else, or to see a rolling account as of its last change. */
bool ledger_balance(struct ledger *l, struct span account, int64_t slot, struct ledger_balance *out);
/* Balance of a line of an open hold, without a look-up. */
void ledger_line_balance(struct ledger *l, const struct ledger_line *line, struct ledger_balance *out);
/* The line's account by name; lives as long as the hold is open. */
struct span ledger_line_account(const struct ledger_line *line);
/* Sets marks (bits) on an account, for those who tell something once: returns those that were not set before. 0 also when
 * there is no such account. They last as long as the account is in memory. */
uint32_t ledger_mark(struct ledger *l, struct span account, uint32_t bits);
/* At start, before any call: sets a balance, of a rolling account one slot after the other, each once, in any order. All are kept
 * until the first want says where the clock stands: it may have been set back before the restart. */
CHECKED enum err ledger_restore(struct ledger *l, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at);
/* Walks all accounts (a copy of each; a shard is locked at a time). Rolling ones as of their last change. */
void ledger_each(struct ledger *l, void (*visit)(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at), void *self);
/* Drops accounts that ended before `before_ms` and that hold nothing. */
size_t ledger_sweep(struct ledger *l, int64_t before_ms);

#endif
