/* SPDX-License-Identifier: Apache-2.0
 * crash.c - the end of a process, by kill -9 or with the power, and the beginning of the next: journals are opened and replayed
 * into the store, holds without a row become doubts, and a new ledger gets its balances back. Any of it may be cut off again. */
#include "test/ledger_sim/sim.h"

/* The row of this call was not written: what it settled is not expected. */
static void expect_less(const struct line *l)
{
    struct tab *t = l->tab;
    if (l->kept)
        t->told_doubt -= l->held;
    else if (!t->rolling || in_window(l->slot, t->told_newest))
        t->told_settled -= l->real;
}

/* What the ledger says now must come back. */
static void remember(struct world *w)
{
    for (size_t i = 0; i < w->tab_count; i++) {
        struct tab *t = &w->tabs[i];
        t->told_settled = tab_settled(t);
        t->told_doubt = t->doubt;
        t->told_newest = t->newest;
    }
    for (size_t i = 0; i < w->call_count; i++) {
        const struct call *c = &w->calls[i];
        for (size_t n = 0; c->state == CALL_CLOSED && n < c->count; n++)
            expect_less(&c->lines[n]);
    }
}

/* What the journal said is on the platter had better be. */
static void hold_to_promise(struct worker *at)
{
    uint64_t synced = journal_synced(at->journal);
    while (at->synced < at->count && at->entries[at->synced]->position <= synced)
        at->synced++;
}

static void close_journals(struct world *w)
{
    for (unsigned i = 0; i < w->worker_count; i++) {
        journal_close(w->workers[i].journal);
        w->workers[i].journal = NULL;
    }
}

void crash(struct world *w, bool power)
{
    tell_history(w, "---- %s ----", power ? "the power is cut" : "kill -9");
    w->kills += !power;
    w->cuts += power;
    w->power = power;
    if (w->ledger)
        remember(w);
    for (unsigned i = 0; i < w->worker_count; i++) {
        struct worker *at = &w->workers[i];
        hold_to_promise(at);
        disk_kill(&at->disk);
        if (power)
            disk_cut_power(&at->disk);
    }
    ledger_free(w->ledger);
    w->ledger = NULL;
    if (w->with_store)
        real_close(w);
    else
        w->keep.pending = w->keep.committed;
    close_journals(w);
    if (power)
        keep_lose(w);
    w->down = false;
}

static bool open_journal(struct world *w, unsigned i)
{
    struct worker *at = &w->workers[i];
    char why[256] = "";
    uint64_t position;
    struct disk disk = disk_of(&at->disk);
    at->journal = journal_open(&disk, i, why);
    if (!at->journal && !w->down && at->disk.now_count >= at->disk.capacity) { /* the operator makes room */
        at->disk.capacity = at->disk.now_count + 8;
        at->journal = journal_open(&disk, i, why);
    }
    if (!at->journal) {
        if (!w->down)
            wrong(w, "a journal cannot be opened", span_of(why));
        return false;
    }
    if (w->with_store)
        return true;
    at->read = keep_position(w, i, &position);
    tell_history(w, "worker %u: %zu records, store at %llu, %zu files", i, at->count, (unsigned long long)position, at->disk.now_count);
    journal_seek(at->journal, position);
    return true;
}

static bool replay_model(struct world *w)
{
    struct keep *k = &w->keep;
    for (size_t before = SIZE_MAX; !w->wrong && before != k->committed;) {
        before = k->committed;
        keep_batch(w, !chance(w, w->temper.batch_fails));
        if (k->pending > k->committed)
            before = SIZE_MAX; /* the commit failed: once more */
        if (chance(w, 2))
            return false;
    }
    return true;
}

/* False: cut off again. */
static bool replay(struct world *w)
{
    if (!(w->with_store ? real_open(w) : replay_model(w)))
        return false;
    for (unsigned i = 0; i < w->worker_count; i++) {
        struct worker *at = &w->workers[i];
        if (at->read < (w->power ? at->synced : at->sure))
            wrong(w, "a journal lost the end of what it had to keep", SPAN_NONE);
        at->count = at->synced = at->sure = at->read;
    }
    if (w->wrong)
        return true;
    keep_doubt_holds(w);
    keep_sync(w);
    return !w->down;
}

static void cut_off(struct world *w)
{
    for (unsigned i = 0; i < w->worker_count; i++)
        disk_kill(&w->workers[i].disk);
    if (w->with_store)
        real_close(w);
    else
        w->keep.pending = w->keep.committed;
    close_journals(w);
    w->down = false;
}

static bool start(struct world *w)
{
    for (unsigned i = 0; i < w->worker_count; i++) {
        disk_revive(&w->workers[i].disk);
        if (roll(w, 1000) < 10 * w->temper.crash / 10)
            w->workers[i].disk.dies_in = 1 + roll(w, 12);
    }
    for (unsigned i = 0; i < w->worker_count; i++)
        if (!open_journal(w, i))
            return false;
    return replay(w);
}

static void restore(struct world *w)
{
    w->ledger = ledger_new();
    must(w->ledger);
    w->spent_count = 0;
    for (size_t i = 0; i < w->tab_count; i++) {
        struct tab *t = &w->tabs[i];
        tab_restore(w, t);
        for (const struct cell *c = t->cells; c; c = c->next)
            if (ledger_restore(w->ledger, t->name, c->slot, c->settled, c->doubt, t->ends_at) != E_OK)
                wrong(w, "a balance cannot be restored", t->name);
    }
}

static void forget_calls(struct world *w)
{
    uint64_t last = 0;
    for (size_t i = 0; i < w->call_count; i++) {
        struct call *c = &w->calls[i];
        if (c->state != CALL_FRESH && c->state != CALL_OVER)
            c->state = CALL_GONE;
        c->hold.open = c->resolving = false;
    }
    for (size_t i = 0; i < w->keep.committed; i++)
        if (w->keep.log[i].entry->id > last)
            last = w->keep.log[i].entry->id;
    for (unsigned i = 0; i < w->worker_count; i++)
        call_ids_init(&w->workers[i].ids, i, last);
}

void recover(struct world *w)
{
    while (!start(w) && !w->wrong) {
        tell_history(w, "---- cut off again while starting ----");
        cut_off(w);
    }
    if (w->wrong)
        return;
    w->lives++;
    if (w->with_store)
        real_check(w);
    restore(w);
    check_recovered(w);
    forget_calls(w);
    for (unsigned i = 0; i < w->worker_count; i++)
        w->workers[i].disk.dies_in = 0;
    w->power = false;
    tell_history(w, "---- life %u begins ----", w->lives + 1);
}
