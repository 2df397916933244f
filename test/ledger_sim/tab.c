/* SPDX-License-Identifier: Apache-2.0
 * tab.c - the ledger as one would keep it on paper: an account is a sum, a rolling one a list of what was spent when. No
 * shards, no ring, no order of locks: ledger.c must say the same after every event. */
#include "test/ledger_sim/sim.h"

void tabs_clear(struct world *w)
{
    for (size_t i = 0; i < w->tab_count; i++)
        w->by_name[w->tabs[i].place] = 0;
    w->tab_count = 0;
}

struct tab *tab_of(struct world *w, struct span name, bool rolling)
{
    size_t room = sizeof(w->by_name) / sizeof(*w->by_name), at = span_hash(name, 7) % room;
    for (; w->by_name[at]; at = (at + 1) % room)
        if (span_is(w->tabs[w->by_name[at] - 1].name, name))
            return &w->tabs[w->by_name[at] - 1];
    must(w->tab_count < TABS);
    struct tab *t = &w->tabs[w->tab_count++];
    *t = (struct tab){ .name = arena_copy(&w->names, name), .place = at, .rolling = rolling, .newest = -1 };
    must(t->name.at);
    w->by_name[at] = (uint32_t)w->tab_count;
    return t;
}

bool in_window(int64_t slot, int64_t newest)
{
    return slot > newest - LEDGER_SLOTS;
}

int64_t tab_settled(const struct tab *t)
{
    int64_t sum = 0;
    if (!t->rolling)
        return t->settled;
    for (const struct spent *s = t->spent; s; s = s->next)
        if (in_window(s->slot, t->newest))
            sum += s->amount;
    return sum;
}

bool tab_fits(const struct tab *t, int64_t amount, int64_t limit)
{
    int64_t settled = tab_settled(t);
    return amount == 0 || (settled < 0 ? 0 : settled) + t->reserved + amount <= limit;
}

/* What is outside the window has left for ever. */
static void leave(struct tab *t)
{
    for (struct spent **at = &t->spent; *at;)
        if (in_window((*at)->slot, t->newest))
            at = &(*at)->next;
        else
            *at = (*at)->next;
}

/* The clock stands at `slot`. */
static void move(struct tab *t, int64_t slot)
{
    bool back = slot <= t->newest - LEDGER_SLOTS;
    bool all = back && t->moved; /* of a new process: what counted before it is not known */
    if (back)
        t->uncertain = true;
    if (back || slot > t->newest)
        t->newest = slot;
    for (struct spent *s = t->spent; s; s = s->next)
        if (all || s->slot > t->newest)
            s->slot = t->newest;
    leave(t);
    t->moved = true;
}

void tab_want(struct world *w, struct tab *t, const struct ledger_want *want)
{
    touch(w, t);
    if (t->rolling)
        move(t, want->slot);
    t->limit = want->limit;
    t->soft = want->soft;
    if (want->ends_at > t->ends_at)
        t->ends_at = want->ends_at;
}

static void add(struct world *w, struct tab *t, int64_t slot, int64_t amount)
{
    t->settled += amount;
    t->below = t->below || amount < 0;
    if (!t->rolling || (t->moved && !in_window(slot, t->newest)))
        return;
    must(w->spent_count < CELLS);
    if (t->moved && slot > t->newest)
        slot = t->newest;
    if (slot > t->newest)
        t->newest = slot;
    struct spent *s = &w->spents[w->spent_count++];
    *s = (struct spent){ t->spent, slot, amount };
    t->spent = s;
}

void tab_add(struct world *w, struct tab *t, int64_t slot, int64_t amount)
{
    touch(w, t);
    add(w, t, slot, amount);
}

void tab_forget(struct tab *t)
{
    t->settled = t->reserved = t->doubt = t->ends_at = 0;
    t->moved = false;
    t->newest = -1;
    t->spent = NULL;
    t->swept = true;
    t->over += t->truth > 0 ? t->truth : 0;
}

struct cell *tab_cell(struct world *w, struct tab *t, int64_t slot)
{
    struct cell **at = &t->cells;
    while (*at && (*at)->slot < slot)
        at = &(*at)->next;
    if (*at && (*at)->slot == slot)
        return *at;
    must(w->cell_count < CELLS);
    struct cell *c = &w->cells[w->cell_count++];
    *c = (struct cell){ .next = *at, .slot = slot };
    *at = c;
    return c;
}

void tab_restore(struct world *w, struct tab *t)
{
    t->settled = t->reserved = t->doubt = 0;
    t->moved = false;
    t->newest = -1;
    t->spent = NULL;
    t->pins = 0;
    t->ends_at = t->cells ? t->ends_at : 0;
    for (const struct cell *c = t->cells; c; c = c->next) {
        add(w, t, c->slot, c->settled);
        t->doubt += c->doubt;
    }
    t->reserved = t->doubt;
}
