/* SPDX-License-Identifier: Apache-2.0
 * ledger.h - accounts, and the one promise: settled + reserved <= limit, at every instant.
 *
 * An account is one budget's counter for one subject in one window, named by text (rules/budget.h). A call reserves its
 * worst cost on all its accounts or on none: the shards of all of them are locked in order, all are checked, all are
 * taken; so no call is refused because of another that was itself refused. A hold ends exactly once: settled, released,
 * or left in doubt (which keeps it reserved). Thread-safe; no function blocks longer than a few hundred instructions.
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

struct ledger_want {
    struct span account;
    int64_t limit;
    int64_t amount;    /* >= 0 */
    int64_t resets_at; /* Unix ms, 0: never; an account is dropped from memory some time after it when nothing is held */
    bool soft;         /* counts, never refuses */
};

struct ledger_line {
    struct account *account; /* pinned while the hold is open */
    int64_t held;
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
};

struct ledger_balance {
    int64_t limit, settled, reserved, doubt; /* doubt is part of reserved */
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* E_OK and *hold open; or E_BUDGET_EXCEEDED with *why and nothing taken; E_NO_MEMORY, nothing taken (also when an account is
 * SPAN_NONE: its name found no room). An account that is not there begins at zero. A new limit takes effect with the first
 * want that carries it. */
CHECKED enum err ledger_reserve(struct ledger *l, struct ledger_hold *hold, const struct ledger_want *wants, size_t count, struct ledger_refusal *why);
/* Changes what an open hold reserves on one line (a resized reservation); E_BUDGET_EXCEEDED leaves it as it was. */
CHECKED enum err ledger_resize(struct ledger *l, struct ledger_hold *hold, size_t line, int64_t amount, struct ledger_refusal *why);
/* Ends the hold: real[i] (>= 0) replaces what line i held. May exceed the reservation (a price that came later): then it
 * is counted in full, and shown. Closing a closed hold is a bug. */
void ledger_settle(struct ledger *l, struct ledger_hold *hold, const int64_t *real);
/* Ends the hold with nothing spent. */
void ledger_release(struct ledger *l, struct ledger_hold *hold);
/* Ends the exchange's part in it, but the amounts stay reserved until ledger_resolve. */
void ledger_doubt(struct ledger *l, struct ledger_hold *hold);
/* Resolves an amount in doubt on an account: `held` goes, `real` is settled. False: no such account or less in doubt. */
bool ledger_resolve(struct ledger *l, struct span account, int64_t held, int64_t real);

/* As it stands now; false: no such account (all zero). */
bool ledger_balance(struct ledger *l, struct span account, struct ledger_balance *out);
/* Balance of a line of an open hold, without a look-up. */
void ledger_line_balance(struct ledger *l, const struct ledger_line *line, struct ledger_balance *out);
/* At start, before any call: sets a balance. */
CHECKED enum err ledger_restore(struct ledger *l, struct span account, int64_t settled, int64_t doubt, int64_t resets_at);
/* Walks all accounts (a copy of each; a shard is locked at a time). */
void ledger_each(struct ledger *l, void (*visit)(void *self, struct span account, const struct ledger_balance *b, int64_t resets_at), void *self);
/* Drops accounts whose window ended before `before_ms` and that hold nothing. */
size_t ledger_sweep(struct ledger *l, int64_t before_ms);

#endif
