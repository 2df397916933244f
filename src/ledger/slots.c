/* SPDX-License-Identifier: Apache-2.0
 * slots.c - a ring of sub-windows. See slots.h for the rules of the clock. */
#include "ledger/slots.h"

#include <stdlib.h>

#include "base/money.h"
#include "base/must.h"

enum { FIRST_ROOM = 8 };

struct slots *slots_new(void)
{
    struct slots *s = calloc(1, sizeof(*s));
    if (s)
        s->newest = LEDGER_NO_SLOT;
    return s;
}

void slots_free(struct slots *s)
{
    if (s)
        free(s->early);
    free(s);
}

static int64_t *amount_of(struct slots *s, int64_t slot) { return &s->amounts[slot % LEDGER_SLOTS]; }

/* The newest slot once the clock has stood at `slot`: a little back changes nothing, more than the window is believed. */
static int64_t newest_at(const struct slots *s, int64_t slot)
{
    bool set_back = slot <= s->newest - LEDGER_SLOTS;
    return set_back || slot > s->newest ? slot : s->newest;
}

static bool counts(int64_t slot, int64_t newest) { return slot > newest - LEDGER_SLOTS; }

/* The first want decides what counts of what came early. */
static void begin(struct slots *s, int64_t slot)
{
    s->newest = newest_at(s, slot);
    s->moved = true;
    for (size_t i = 0; i < s->early_count; i++)
        must(slots_add(s, s->early[i].slot, s->early[i].amount));
    free(s->early);
    s->early = NULL;
    s->early_count = s->early_room = 0;
}

static void advance(struct slots *s, int64_t slot)
{
    int64_t sum = slots_sum(s, slot);
    int64_t first = counts(s->newest + 1, slot) ? s->newest + 1 : slot - LEDGER_SLOTS + 1;
    for (int64_t n = first; n <= slot; n++)
        *amount_of(s, n) = 0; /* the ring is round: what leaves makes room for what comes */
    s->newest = slot;
    s->sum = sum;
}

static void set_back(struct slots *s, int64_t slot)
{
    memset(s->amounts, 0, sizeof(s->amounts));
    *amount_of(s, slot) = s->sum;
    s->newest = slot;
}

bool slots_move(struct slots *s, int64_t slot)
{
    must(slot >= 0);
    if (!s->moved)
        begin(s, slot);
    else if (slot > s->newest)
        advance(s, slot);
    else if (!counts(slot, s->newest))
        set_back(s, slot);
    else
        return false;
    return true;
}

static bool add_early(struct slots *s, int64_t slot, int64_t amount)
{
    if (s->early_count == s->early_room) {
        size_t room = s->early_room ? s->early_room * 2 : FIRST_ROOM;
        struct slot_amount *larger = realloc(s->early, room * sizeof(*larger));
        if (!larger)
            return false;
        s->early = larger;
        s->early_room = room;
    }
    s->early[s->early_count++] = (struct slot_amount){ slot, amount };
    if (slot > s->newest)
        s->newest = slot;
    return true;
}

bool slots_add(struct slots *s, int64_t slot, int64_t amount)
{
    must(slot >= 0);
    if (!s->moved)
        return add_early(s, slot, amount);
    if (!counts(slot, s->newest))
        return true; /* its window is over */
    int64_t *place = amount_of(s, slot > s->newest ? s->newest : slot);
    *place = money_add(*place, amount);
    s->sum = money_add(s->sum, amount);
    return true;
}

static int64_t sum_early(const struct slots *s, int64_t newest)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->early_count; i++)
        if (counts(s->early[i].slot, newest))
            sum = money_add(sum, s->early[i].amount);
    return sum;
}

int64_t slots_sum(const struct slots *s, int64_t slot)
{
    int64_t sum = 0;
    if (!s->moved)
        return sum_early(s, slot == LEDGER_NO_SLOT ? s->newest : newest_at(s, slot));
    if (slot <= s->newest)
        return s->sum;
    for (int64_t n = slot - LEDGER_SLOTS + 1; n <= s->newest; n++)
        if (n >= 0)
            sum = money_add(sum, s->amounts[n % LEDGER_SLOTS]);
    return sum;
}

static int64_t oldest_early(const struct slots *s, int64_t newest)
{
    int64_t oldest = LEDGER_NO_SLOT;
    for (size_t i = 0; i < s->early_count; i++) {
        const struct slot_amount *one = &s->early[i];
        if (counts(one->slot, newest) && one->amount && (oldest == LEDGER_NO_SLOT || one->slot < oldest))
            oldest = one->slot;
    }
    return oldest;
}

int64_t slots_frees(const struct slots *s, int64_t slot, int64_t most)
{
    int64_t rest = slots_sum(s, slot), top = slot > s->newest ? slot : s->newest;
    if (!s->moved) /* no want was here that could have been refused */
        return oldest_early(s, slot == LEDGER_NO_SLOT ? s->newest : newest_at(s, slot));
    for (int64_t n = top - LEDGER_SLOTS + 1; n <= s->newest; n++) {
        int64_t amount = n < 0 ? 0 : s->amounts[n % LEDGER_SLOTS];
        if (!amount)
            continue;
        rest = money_add(rest, -amount);
        if (rest <= most)
            return n;
    }
    return LEDGER_NO_SLOT;
}
