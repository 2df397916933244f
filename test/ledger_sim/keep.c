/* SPDX-License-Identifier: Apache-2.0
 * keep.c - the store's contract (store/store.h) without a database: positions and effects change together or not at all, a
 * batch that fails is tried again from memory, a settlement of a doubt counts once, a power cut takes the newest commits. */
#include "test/ledger_sim/sim.h"

void keep_reset(struct world *w)
{
    w->keep.committed = w->keep.durable = w->keep.pending = 0;
}

static void add_lines(struct world *w, const struct entry *e, bool doubt)
{
    for (unsigned i = 0; i < e->count; i++) {
        const struct line *l = &e->lines[i];
        struct cell *c = tab_cell(w, l->tab, l->slot);
        bool kept = (doubt || l->kept) && e->call->doubt_open;
        c->settled += doubt ? 0 : l->real;
        c->doubt += kept ? l->held : 0;
    }
}

/* The second one, or one that has no doubt to end. From another journal it may come before its call. */
static bool too_late(const struct entry *e)
{
    const struct call *c = e->call;
    bool frees = false;
    for (unsigned i = 0; i < e->count; i++)
        frees = frees || e->lines[i].held;
    if (e->late || c->doubt_open)
        return false;
    return c->rows ? frees || c->doubt : c->settlements > 0;
}

static int64_t sum_of(const struct entry *e)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < e->count; i++)
        sum += e->lines[i].real;
    return sum;
}

/* A price that came later: the one that is not followed by another is the last. */
static void add_price(const struct entry *e)
{
    struct call *c = e->call;
    if (e->pending) {
        c->late_open = true;
        c->counted += sum_of(e);
        return;
    }
    c->corrected = c->corrected || !c->rows;
    c->late_over = c->late_over || c->late_open;
    c->late_open = false;
}

static void add_settlement(struct world *w, const struct entry *e)
{
    struct call *c = e->call;
    if (too_late(e) || (e->late && c->late_over))
        return;
    if (e->late)
        add_price(e);
    for (unsigned i = 0; i < e->count; i++) {
        struct cell *cell = tab_cell(w, e->lines[i].tab, e->lines[i].slot);
        cell->settled += e->lines[i].real;
        cell->doubt -= c->doubt_open ? e->lines[i].held : 0; /* its call may never come */
    }
    c->settlements += !e->late;
    c->doubt_open = c->doubt_open && e->late;
}

static void add_row(struct world *w, const struct entry *e, bool doubt)
{
    struct call *c = e->call;
    c->hold_open = false;
    if (++c->rows > 1)
        wrong(w, "a call has two rows", SPAN_NONE);
    if (doubt || e->verdict == VERDICT_IN_DOUBT) {
        c->doubt_open = !c->settlements;
        c->doubt = e;
    }
    if (e->pending && !doubt) {
        c->late_over = c->late_over || (c->corrected && !c->late_open);
        c->late_open = !c->late_over;
        c->counted += sum_of(e);
    }
    add_lines(w, e, doubt);
}

static void apply(struct world *w, const struct logged *k)
{
    const struct entry *e = k->entry;
    if (e->kind == JOURNAL_NOTE)
        return;
    if (e->kind == JOURNAL_HOLD && !k->made)
        e->call->hold_open = true;
    else if (e->kind == JOURNAL_HOLD || e->row == ROW_IS_CALL)
        add_row(w, e, k->made);
    else
        add_settlement(w, e);
}

size_t keep_position(const struct world *w, unsigned worker, uint64_t *position)
{
    size_t count = 0;
    *position = 0;
    for (size_t i = 0; i < w->keep.committed; i++) {
        const struct logged *k = &w->keep.log[i];
        if (k->worker != worker || k->made)
            continue;
        *position = k->entry->position;
        count++;
    }
    return count;
}

/* Entries that are not in the journal any more were lost with the power, if they could be. */
static void skip_lost(struct world *w, struct worker *at, uint64_t position)
{
    size_t floor = w->power ? at->synced : at->sure, gone = at->read;
    while (gone < at->count && at->entries[gone]->position != position)
        gone++;
    if (gone > at->read && (at->read < floor || gone == at->count))
        wrong(w, "a journal lost a record that it had to keep, or made one up", SPAN_NONE);
    memmove(&at->entries[at->read], &at->entries[gone], (at->count - gone) * sizeof(*at->entries));
    at->count -= gone - at->read;
}

struct entry *keep_read(struct world *w, unsigned worker, struct journal_record *r)
{
    struct worker *at = &w->workers[worker];
    struct keep *k = &w->keep;
    if (!journal_read(at->journal, r))
        return NULL;
    if (at->read >= at->count || at->entries[at->read]->position != r->position)
        skip_lost(w, at, r->position);
    if (w->wrong)
        return NULL;
    struct entry *e = at->entries[at->read++];
    if (!entry_is(w, e, r))
        wrong(w, "a record is not what was appended", SPAN_NONE);
    must(k->pending < 2 * ENTRIES);
    k->log[k->pending++] = (struct logged){ .entry = e, .worker = worker };
    return e;
}

static void fill(struct world *w)
{
    struct keep *k = &w->keep;
    size_t room = 1 + roll(w, BATCH);
    unsigned worker = roll(w, w->worker_count);
    for (unsigned dry = 0; dry < w->worker_count && k->pending - k->committed < room;) {
        if (keep_read(w, worker, &k->records[k->pending - k->committed]) && chance(w, 60)) {
            dry = 0;
            continue;
        }
        dry = dry + 1;
        worker = (worker + 1) % w->worker_count;
    }
}

void keep_commit(struct world *w)
{
    struct keep *k = &w->keep;
    for (; k->committed < k->pending; k->committed++)
        apply(w, &k->log[k->committed]);
    if (k->committed)
        k->log[k->committed - 1].last = true;
}

void keep_batch(struct world *w, bool commits)
{
    struct keep *k = &w->keep;
    if (w->with_store) {
        real_batch(w);
        return;
    }
    if (k->pending == k->committed)
        fill(w);
    else /* once more: what was read must still be there */
        for (size_t i = k->committed; i < k->pending; i++)
            if (!entry_is(w, k->log[i].entry, &k->records[i - k->committed]))
                wrong(w, "a record changed before it was applied", SPAN_NONE);
    tell_history(w, "store: %zu records, %s", k->pending - k->committed, commits ? "committed" : "the commit fails");
    if (commits)
        keep_commit(w);
}

void keep_sync(struct world *w)
{
    uint64_t position;
    if (w->with_store) {
        real_sync(w);
        return;
    }
    w->keep.durable = w->keep.committed;
    for (unsigned i = 0; i < w->worker_count; i++) {
        (void)keep_position(w, i, &position);
        if (!position)
            continue;
        journal_applied(w->workers[i].journal, position);
        if (!w->down && journal_applied_to(w->workers[i].journal) < position)
            wrong(w, "a journal forgot what was applied", SPAN_NONE);
    }
}

/* The state after the first `count` of the log. */
static void replay(struct world *w, size_t count)
{
    for (size_t i = 0; i < w->call_count; i++) {
        struct call *c = &w->calls[i];
        c->hold_open = c->doubt_open = false;
        c->rows = c->settlements = 0;
        c->late_open = c->late_over = c->corrected = false;
        c->counted = 0;
        c->doubt = NULL;
    }
    for (size_t i = 0; i < w->cell_count; i++)
        w->cells[i].settled = w->cells[i].doubt = 0;
    for (size_t i = 0; i < count; i++)
        apply(w, &w->keep.log[i]);
}

void keep_lose(struct world *w)
{
    struct keep *k = &w->keep;
    size_t left = k->durable + roll(w, (uint32_t)(k->committed - k->durable) + 1);
    while (left > k->durable && !k->log[left - 1].last)
        left--;
    if (left != k->committed)
        replay(w, left);
    k->committed = k->pending = left;
}

void keep_doubt_holds(struct world *w)
{
    struct keep *k = &w->keep;
    size_t count = k->committed;
    for (size_t i = 0; i < count; i++) {
        const struct logged *at = &k->log[i];
        if (at->entry->kind != JOURNAL_HOLD || at->made || !at->entry->call->hold_open)
            continue;
        must(k->pending < 2 * ENTRIES);
        k->log[k->pending++] = (struct logged){ .entry = at->entry, .worker = at->worker, .made = true };
    }
    keep_commit(w);
}
