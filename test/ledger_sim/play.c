/* SPDX-License-Identifier: Apache-2.0
 * play.c - one seed: its temper, its budgets, its events in the order of the dice, and a quiet end in which everything must come
 * out even. */
#include <stdarg.h>
#include <stdio.h>

#include "test/ledger_sim/sim.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

enum {
    EVENTS = 220,
    QUIET_ROUNDS = 400,
    SWEEP_KEEPS_MS = 60000,
    LOOK_AT_ALL = 16,
    STORE_EVERY = 400 /* seeds */,
    CROWD_EVERY = 4001
};

/* Moments at which clocks turn: midnights, months, and where Berlin and New York change theirs. */
static const int64_t moments[] = {
    INT64_C(1774746000000), /* 2026-03-29T01:00Z, Berlin: a day of 23 hours */
    INT64_C(1792890000000), /* 2026-10-25T01:00Z, Berlin: a day of 25 */
    INT64_C(1772953200000), /* 2026-03-08T07:00Z, New York */
    INT64_C(1793512800000), /* 2026-11-01T06:00Z, New York */
    INT64_C(1798761600000), /* 2027-01-01T00:00Z */
    INT64_C(1782856800000), /* 2026-06-30T22:00Z, midnight and a month's end in Berlin */
};

uint32_t roll(struct world *w, uint32_t sides)
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 7;
    w->dice ^= w->dice << 17;
    return sides ? (uint32_t)((w->dice >> 16) % sides) : 0;
}

void wrong(struct world *w, const char *what, struct span whom)
{
    if (w->wrong)
        return;
    w->wrong = what;
    snprintf(w->whom, sizeof(w->whom), "%.*s", SPAN_ARG(span_first(whom.at ? whom : SPAN(""), sizeof(w->whom) - 1)));
    tell_history(w, "WRONG: %s %s", what, w->whom);
}

void tell_history(const struct world *w, const char *format, ...)
{
    va_list args;
    if (!w->verbose)
        return;
    va_start(args, format);
    printf("%4u %14lld  ", w->event, (long long)w->now);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

void touch(struct world *w, struct tab *t)
{
    if (t->touched)
        return;
    t->touched = true;
    w->touched[w->touched_count++] = t;
}

/* ---- events ---- */

static struct call *some_call(struct world *w)
{
    while (w->first_open < w->call_count && w->calls[w->first_open].state >= CALL_OVER)
        w->first_open++;
    size_t left = w->call_count - w->first_open;
    if (left > w->at_once)
        left = w->at_once;
    return left ? &w->calls[w->first_open + roll(w, (uint32_t)left)] : NULL;
}

static void step_call(struct world *w)
{
    struct call *c = some_call(w);
    if (c)
        call_step(w, c);
}

static void sync_journal(struct world *w)
{
    struct worker *at = &w->workers[roll(w, w->worker_count)];
    size_t count = at->count;
    w->syncing = !w->syncing && chance(w, 30);
    enum err e = journal_sync(at->journal);
    w->syncing = false;
    if (e == E_OK && count > at->synced && !w->down)
        at->synced = count;
    if (e == E_OK && !w->down && count && journal_synced(at->journal) < at->entries[count - 1]->position)
        wrong(w, "a journal was synced, and says it was not", SPAN_NONE);
    tell_history(w, "worker %zu: sync of %zu records: %s", (size_t)(at - w->workers), count, e == E_OK ? "done" : "failed");
}

void play_aside(struct world *w)
{
    w->syncing = false;
    for (unsigned n = 1 + roll(w, 4); n > 0 && !w->down && !w->wrong; n--) {
        if (chance(w, 70))
            step_call(w);
        else if (chance(w, 50))
            keep_batch(w, !chance(w, w->temper.batch_fails));
        else
            keep_sync(w);
    }
}

static void turn_clock(struct world *w)
{
    static const int64_t steps[] = { 20000, 5 * MINUTE_MS, 25 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 8 * DAY_MS,
        33 * DAY_MS };
    int64_t step = steps[roll(w, sizeof(steps) / sizeof(*steps))], near = (int64_t)roll(w, 3) - 1; /* just before, at, just after */
    step += near;
    if (chance(w, 25))
        step = near + DAY_MS - w->now % DAY_MS - HOUR_MS * roll(w, 3); /* to a midnight, of UTC or of Berlin */
    else if (chance(w, 40))
        step = -step;
    if (w->now + step < moments[0] - 400 * DAY_MS)
        return;
    w->now += step;
    tell_history(w, "the clock is set by %lld ms", (long long)step);
}

static void change_limit(struct world *w)
{
    struct budget *b = &w->budgets[roll(w, (uint32_t)w->budget_count)];
    int64_t by = b->limit / 4 + 1;
    b->limit = chance(w, 50) ? b->limit + by : b->limit > by ? b->limit - by : b->limit;
    tell_history(w, "%.*s: the limit is %lld now", SPAN_ARG(b->id), (long long)b->limit);
}

static void settle_something(struct world *w)
{
    if (!w->call_count)
        return;
    struct call *c = &w->calls[roll(w, (uint32_t)w->call_count)];
    if (c->doubt_open && !c->resolving)
        call_resolve(w, c);
    else if (c->settlements == 1 && c->doubt && chance(w, 30)) /* a power cut may have left the settlement alone */
        call_settle_twice(w, c);
    else if (c->state == CALL_OVER && c->executed && c->rows == 1 && !c->doubt && !c->priced && chance(w, 30))
        call_correct(w, c);
    else if (c->late_over && c->rows == 1 && chance(w, 30))
        call_price_twice(w, c);
}

static void fill_disk(struct world *w)
{
    struct sim_disk *d = &w->workers[roll(w, w->worker_count)].disk;
    bool full = d->capacity <= d->now_count;
    d->capacity = full ? FILES / 4 : d->now_count;
    tell_history(w, "the disk %s", full ? "has room again" : "is full");
}

static void sweep(struct world *w)
{
    int64_t before = w->now - SWEEP_KEEPS_MS;
    size_t dropped = ledger_sweep(w->ledger, before), gone = 0;
    struct ledger_balance b;
    for (size_t i = 0; i < w->tab_count; i++) {
        struct tab *t = &w->tabs[i];
        if (t->reserved || t->pins || !t->ends_at || t->ends_at >= before ||
            ledger_balance(w->ledger, t->name, LEDGER_NO_SLOT, &b))
            continue;
        gone += t->settled != 0 || t->newest >= 0;
        tab_forget(t);
    }
    if (gone > dropped)
        wrong(w, "more accounts left memory than the sweep says", SPAN_NONE);
    tell_history(w, "swept: %zu accounts left", dropped);
}

static void note(struct world *w)
{
    struct worker *at = &w->workers[roll(w, w->worker_count)];
    struct entry *e = entry_new(w, JOURNAL_NOTE, NULL, NULL, 0);
    (void)entry_append(w, at, e);
    if (!w->down)
        entry_too_large(w, at);
    tell_history(w, "a note is written");
}

static void rare_event(struct world *w)
{
    switch (roll(w, 8)) {
    case 0:
    case 1:
    case 2:
        settle_something(w);
        break;
    case 3:
        change_limit(w);
        break;
    case 4:
        if (chance(w, w->temper.full))
            fill_disk(w);
        break;
    case 5:
        sweep(w);
        break;
    case 6:
        note(w);
        break;
    default:
        check_all(w);
        break;
    }
}

static void one_event(struct world *w)
{
    const struct temper *t = &w->temper;
    w->now += t->tick + roll(w, 300);
    arena_rewind(&w->scratch, w->scratch_empty);
    if (chance(w, t->batch))
        keep_batch(w, !chance(w, t->batch_fails));
    else if (chance(w, t->commit))
        sync_journal(w);
    else if (chance(w, t->store_sync))
        keep_sync(w);
    else if (chance(w, t->clock))
        turn_clock(w);
    else if (chance(w, 15))
        rare_event(w);
    else
        step_call(w);
    if (!w->down && roll(w, 1000) < t->crash)
        w->down = true;
}

/* ---- a seed ---- */

static void dice_temper(struct world *w)
{
    static const int64_t ticks[] = { 1000, MINUTE_MS, 24 * MINUTE_MS };
    struct temper *t = &w->temper; /* one roll after the other: compilers order the members of a list as they like */
    t->crash = roll(w, 3) * 15;
    t->power = roll(w, 3) * 50;
    t->clock = roll(w, 3) * 3;
    t->sync_fails = chance(w, 30) ? roll(w, 40) : 0;
    t->batch = 2 + roll(w, 20);
    t->batch_fails = chance(w, 30) ? roll(w, 60) : 0;
    t->store_sync = 1 + roll(w, 8);
    t->commit = 3 + roll(w, 25);
    t->full = roll(w, 2) * 60;
    t->wide = chance(w, 40);
    t->tick = chance(w, 15) ? ticks[roll(w, 3)] : 0;
    w->mode = (enum mode)roll(w, 3);
}

static void dice_budgets(struct world *w)
{
    size_t most = 1 + roll(w, 6);
    w->budget_count = 0;
    for (size_t i = 0; i < w->configured_count && w->budget_count < most; i++)
        if (chance(w, 40))
            w->budgets[w->budget_count++] = w->configured[i];
    if (!w->budget_count)
        w->budgets[w->budget_count++] = w->configured[roll(w, (uint32_t)w->configured_count)];
}

/* Thousands of calls at once, and room for most of them. */
static void make_crowd(struct world *w)
{
    w->temper.crash = w->temper.crash > 0;
    for (size_t i = 0; i < w->budget_count; i++)
        w->budgets[i].limit *= (int64_t)w->call_count / 16;
}

static void begin(struct world *w, uint64_t seed)
{
    bool crowd = seed % CROWD_EVERY == 0;
    w->with_store = seed % STORE_EVERY == 0;
    w->seed = seed;
    w->dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 0x1234567;
    w->wrong = NULL;
    w->whom[0] = '\0';
    w->now = moments[roll(w, sizeof(moments) / sizeof(*moments))];
    w->now -= roll(w, 2 * 3600) * INT64_C(1000);
    w->down = w->power = w->syncing = false;
    dice_temper(w);
    dice_budgets(w);
    w->worker_count = 1 + roll(w, WORKERS);
    w->call_count = crowd ? 1000 + roll(w, CALLS - 1000) : w->temper.tick ? 30 + roll(w, 90) : 4 + roll(w, 36);
    w->at_once = crowd ? CALLS : w->temper.tick ? 4 : 40;
    tabs_clear(w);
    if (crowd)
        make_crowd(w);
    w->first_open = w->touched_count = 0;
    w->entry_count = w->line_count = w->cell_count = w->spent_count = 0;
    w->lives = w->event = 0;
    memset(w->calls, 0, w->call_count * sizeof(*w->calls));
    for (size_t i = 0; i < w->call_count; i++)
        w->calls[i].worker = roll(w, w->worker_count);
    for (unsigned i = 0; i < w->worker_count; i++) {
        struct worker *at = &w->workers[i];
        at->count = at->read = at->synced = at->sure = 0;
        disk_reset(&at->disk, w, crowd ? 1 << 18 : (size_t)4096 << (chance(w, 75) ? 0 : 1 + roll(w, 2)), FILES / 4);
        at->disk.sync_fails = w->temper.sync_fails;
    }
    keep_reset(w);
    if (w->with_store) {
        w->temper.power = 0;
        real_begin(w);
    }
}

/* All that is wrong with the world ends; what was begun goes on to its end. */
static void calm(struct world *w)
{
    w->temper.crash = w->temper.sync_fails = w->temper.batch_fails = 0;
    for (unsigned i = 0; i < w->worker_count; i++) {
        w->workers[i].disk.capacity = FILES / 2;
        w->workers[i].disk.sync_fails = w->workers[i].disk.dies_in = 0;
    }
}

static bool all_over(const struct world *w)
{
    for (size_t i = w->first_open; i < w->call_count; i++)
        if (w->calls[i].state < CALL_OVER)
            return false;
    return true;
}

static void apply_all(struct world *w)
{
    for (size_t before = SIZE_MAX; before != w->keep.committed && !w->wrong;) {
        before = w->keep.committed;
        keep_batch(w, true);
    }
    keep_sync(w);
}

static void run_out(struct world *w)
{
    for (unsigned round = 0; round < QUIET_ROUNDS && !all_over(w) && !w->wrong; round++) {
        for (size_t i = w->first_open; i < w->call_count && !w->wrong; i++) {
            call_step(w, &w->calls[i]);
            check_touched(w);
        }
        for (unsigned i = 0; i < w->worker_count; i++)
            (void)!journal_sync(w->workers[i].journal);
        if (round % 4 == 3)
            apply_all(w);
        (void)some_call(w);
    }
    if (!all_over(w))
        wrong(w, "a call never ends", SPAN_NONE);
}

static void end_quietly(struct world *w)
{
    calm(w);
    run_out(w);
    apply_all(w);
    for (size_t i = 0; i < w->call_count && !w->wrong; i++)
        if (w->calls[i].doubt_open && !w->calls[i].resolving)
            call_resolve(w, &w->calls[i]);
    apply_all(w);
    if (!w->wrong)
        check_end(w);
    if (w->wrong)
        return;
    crash(w, !w->with_store && chance(w, 50)); /* and all of it is still there */
    recover(w);
    if (!w->wrong)
        check_end(w);
}

static void one_turn(struct world *w)
{
    one_event(w);
    w->events++;
    if (w->down && !w->wrong) {
        crash(w, chance(w, w->temper.power));
        recover(w);
    }
    if (!w->wrong)
        check_touched(w);
    if (!w->wrong && w->event % LOOK_AT_ALL == 0)
        check_all(w);
}

void play(struct world *w, uint64_t seed)
{
    begin(w, seed);
    recover(w);
    unsigned events = w->call_count < 40 ? 30 + roll(w, EVENTS) : 6 * (unsigned)w->call_count;
    for (w->event = 1; w->event < events && !w->wrong; w->event++)
        one_turn(w);
    if (!w->wrong)
        end_quietly(w);
    if (w->with_store && w->ledger)
        real_close(w);
    for (unsigned i = 0; i < w->worker_count; i++) {
        w->workers[i].disk.dead = true;
        journal_close(w->workers[i].journal);
        w->workers[i].journal = NULL;
    }
    ledger_free(w->ledger);
    w->ledger = NULL;
    arena_rewind(&w->names, w->names_empty);
}
