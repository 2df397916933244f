/* SPDX-License-Identifier: Apache-2.0
 * slots.h - what a rolling account settled, by numbered sub-window; for ledger.c only. No locks: the account's shard is locked.
 *
 * Only a want brings the clock (slots_move): then what lies before the window is forgotten, and what lies behind the clock
 * counts as of now. Until the first want nothing is forgotten: what the store gave back may lie further apart than a window,
 * when the clock had been set back before the restart. */
#ifndef TG_LEDGER_SLOTS_H
#define TG_LEDGER_SLOTS_H

#include "ledger/ledger.h"

struct slot_amount {
    int64_t slot, amount;
};

struct slots {
    bool moved;                    /* a want has been here */
    int64_t newest;                /* LEDGER_NO_SLOT: nothing yet */
    int64_t sum;                   /* moved: of all amounts; saturated */
    struct slot_amount *early;     /* until moved: all there is, in any order */
    size_t early_count, early_room;
    int64_t amounts[LEDGER_SLOTS]; /* moved: of slot n at n % LEDGER_SLOTS, for n in (newest - LEDGER_SLOTS, newest] */
};

struct slots *slots_new(void); /* NULL: no memory */
void slots_free(struct slots *s);
/* The clock stands at `slot`. True: another sum may count now. */
bool slots_move(struct slots *s, int64_t slot);
/* False, and nothing changed: no memory; not after a want. */
CHECKED bool slots_add(struct slots *s, int64_t slot, int64_t amount);
/* What counts with the clock at `slot`, and nothing is moved; LEDGER_NO_SLOT: with the clock at the newest there is. */
int64_t slots_sum(const struct slots *s, int64_t slot);
/* With the clock there: the first sub-window after whose leaving at most `most` counts (INT64_MAX: the oldest with something in it).
 * LEDGER_NO_SLOT: none. */
int64_t slots_frees(const struct slots *s, int64_t slot, int64_t most);

#endif
