/* SPDX-License-Identifier: Apache-2.0
 * entry.c - what was appended to a journal, remembered beside it, so that every record read can be held against it. */
#include "rules/row.h"
#include "test/ledger_sim/sim.h"

enum { FILLER = 700, SMALL = 40, REST = 1700 /* of a record, at most, without its filler */ };

static const struct span texts[] = { { "ws_main", 7 }, { "key_1f3c", 8 }, { "", 0 }, { "run_abcdefgh", 12 }, { "stripe", 6 } };

/* Texts of a record, by its id: not always the same, nor always there. */
static struct span text(const struct entry *e, unsigned which)
{
    return texts[(e->id / 3 + which + e->size) % 5];
}

/* What the store keeps in columns stands in the row as well. */
static const struct {
    enum row_tag tag;
    unsigned which;
} columns[] = { { ROW_WORKSPACE, 0 }, { ROW_KEY, 1 }, { ROW_RUN, 2 }, { ROW_STEP, 3 }, { ROW_VENDOR, 4 }, { ROW_OPERATION, 1 },
    { ROW_MODEL, 2 }, { ROW_USER, 0 }, { ROW_DENIED, 3 } /* not in a HOLD: last */ };

/* The row's bytes, again whenever they are asked for; live until the next. */
static struct span row_of(struct world *w, const struct entry *e)
{
    char filler[FILLER];
    buf_clear(&w->row);
    struct row_out out = row_out(&w->row);
    row_number(&out, ROW_ID, (int64_t)e->id);
    row_number(&out, ROW_AT, e->at);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns) - (e->kind == JOURNAL_HOLD); i++)
        row_text(&out, columns[i].tag, text(e, columns[i].which));
    if (e->row == ROW_IS_SETTLEMENT) {
        row_text(&out, ROW_KIND, SPAN("settlement"));
        row_number(&out, ROW_OF, (int64_t)e->of);
        row_text(&out, ROW_OUTCOME, e->late ? e->size % 2 ? SPAN("corrected") : SPAN("spent") : SPAN("settled"));
    }
    memset(filler, 'a' + (int)(e->id % 26), sizeof(filler));
    row_text(&out, ROW_REASON, span_make(filler, e->size));
    return buf_span(&w->row);
}

/* Wide ones are often alike, so that old records stand where new ones will. */
static unsigned dice_size(struct world *w)
{
    size_t most = w->workers[0].disk.segment / 2 - REST;
    uint32_t wide = most < FILLER ? (uint32_t)most : FILLER - 1;
    if (w->temper.wide && chance(w, 90))
        return wide;
    return roll(w, chance(w, 5) ? wide : SMALL);
}

struct entry *entry_new(struct world *w, enum journal_kind kind, struct call *c, const struct line *lines, size_t count)
{
    must(w->entry_count < ENTRIES && w->line_count + count <= sizeof(w->lines) / sizeof(*w->lines));
    struct entry *e = &w->entries[w->entry_count];
    *e = (struct entry){ .kind = kind, .call = c, .at = w->now, .count = (unsigned)count, .lines = &w->lines[w->line_count] };
    e->id = c ? c->id : 0;
    e->size = dice_size(w);
    if (count)
        memcpy(e->lines, lines, count * sizeof(*lines));
    return e;
}

static void fill_lines(const struct entry *e, struct journal_line out[LINES])
{
    for (unsigned i = 0; i < e->count; i++) {
        const struct line *l = &e->lines[i];
        out[i] = (struct journal_line){ l->tab->name, l->slot, l->held, l->real, l->ends_at, l->kept };
    }
}

static enum err put_row(struct world *w, struct worker *at, const struct entry *e, const struct journal_line *lines)
{
    const struct journal_row row = { .call = e->id,
        .at = e->at,
        .kind = e->row,
        .of = e->of,
        .verdict = e->verdict,
        .status = 200 + (int)e->size,
        .held = e->held,
        .settled = e->count > 1,
        .late = e->pending,
        .cost = (int64_t)e->size * 7,
        .reserved = e->count,
        .tokens_in = e->size,
        .tokens_out = -1,
        .workspace = text(e, 0),
        .key = text(e, 1),
        .run = text(e, 2),
        .step = text(e, 3),
        .vendor = text(e, 4),
        .operation = text(e, 1),
        .model = text(e, 2),
        .denied = text(e, 3),
        .user = text(e, 0),
        .row = row_of(w, e),
        .once = text(e, 2),
        .again = text(e, 4),
        .lines = lines,
        .count = e->count };
    return journal_put_row(at->journal, &row);
}

static enum err put(struct world *w, struct worker *at, const struct entry *e)
{
    struct journal_line lines[LINES];
    fill_lines(e, lines);
    if (e->kind == JOURNAL_ROW)
        return put_row(w, at, e, lines);
    if (e->kind == JOURNAL_HOLD) {
        const struct journal_hold hold = { .call = e->id,
            .at = e->at,
            .row = row_of(w, e),
            .once = text(e, 2),
            .again = text(e, 4),
            .lines = lines,
            .count = e->count };
        return journal_put_hold(at->journal, &hold);
    }
    const struct journal_note note = { .what = e->size % 2 ? NOTE_ANSWER : NOTE_ALERT,
        .call = e->id,
        .at = e->at,
        .until = e->at + 1,
        .name = text(e, 3),
        .bytes = row_of(w, e) };
    return journal_put_note(at->journal, &note);
}

/* A crash in the middle of an append: in half of them between two operations of the disk, else between two stores. */
static bool interrupts(struct world *w, struct worker *at)
{
    if (roll(w, 1000) >= w->temper.crash)
        return false;
    if (chance(w, 50)) {
        at->disk.dies_in = 1 + roll(w, 6);
        return false;
    }
    disk_tear(&at->disk);
    return true;
}

static void tear(struct world *w, struct worker *at)
{
    w->torn++;
    w->down = true;
    disk_torn(&at->disk);
    for (unsigned i = 0; i < w->worker_count; i++)
        disk_kill(&w->workers[i].disk);
}

/* What a journal may answer: a row of a call that has its HOLD finds the room that was kept for it (JOURNAL_ROW_ROOM; less of
 * it in small segments), anything else at least while the disk has some. */
static void check_answer(struct world *w, const struct worker *at, const struct entry *e, enum err got)
{
    bool entitled = e->kind == JOURNAL_ROW && e->held && at->disk.segment >= 8 * JOURNAL_ROW_ROOM;
    if (w->down || got == E_OK)
        return;
    if (got != E_LEDGER_UNAVAILABLE || entitled || at->disk.now_count < at->disk.capacity)
        wrong(w, "a journal refused a record for which there was room", SPAN_NONE);
}

void entry_too_large(struct world *w, struct worker *at)
{
    uint64_t end = journal_end(at->journal);
    const struct journal_note note = { .what = NOTE_ALERT, .bytes = span_make(at->disk.files[0].live, at->disk.segment / 2) };
    if (journal_put_note(at->journal, &note) != E_TOO_LARGE || journal_end(at->journal) != end)
        wrong(w, "a journal took a record of more than half a segment", SPAN_NONE);
}

bool entry_append(struct world *w, struct worker *at, struct entry *e)
{
    bool torn = interrupts(w, at);
    size_t before = at->count;
    uint64_t end = journal_end(at->journal);
    enum err got = put(w, at, e);
    if (torn)
        tear(w, at);
    at->sure = before;
    at->full = got != E_OK;
    if (got == E_OK) { /* of a process that died meanwhile: maybe */
        e->position = journal_end(at->journal);
        at->entries[at->count++] = e;
        w->entry_count++;
        w->line_count += e->count;
        at->sure += !w->down;
    } else {
        w->full++;
        tell_history(w, "no room: %zu of %zu segments", at->disk.now_count, at->disk.capacity);
    }
    check_answer(w, at, e, got);
    if (!w->down && got == E_OK && e->position <= end)
        wrong(w, "a journal's position went back", SPAN_NONE);
    return got == E_OK;
}

/* ---- reading ---- */

static bool same_lines(const struct entry *e, const struct journal_line *lines, size_t count)
{
    if (count != e->count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        const struct line *want = &e->lines[i];
        const struct journal_line *got = &lines[i];
        if (!span_is(got->account, want->tab->name) || got->slot != want->slot || got->held != want->held ||
            got->ends_at != want->ends_at)
            return false;
        if (e->kind == JOURNAL_ROW && (got->real != want->real || got->kept != want->kept))
            return false;
    }
    return true;
}

static bool row_is(struct world *w, const struct entry *e, const struct journal_record *r)
{
    const struct journal_row *got = &r->row;
    return got->call == e->id && got->at == e->at && got->kind == e->row && got->of == e->of && got->verdict == e->verdict &&
           got->status == 200 + (int)e->size && got->held == e->held && got->settled == (e->count > 1) &&
           got->late == e->pending &&
           got->cost == (int64_t)e->size * 7 && got->reserved == e->count && got->tokens_in == e->size && got->tokens_out == -1 &&
           span_is(got->workspace, text(e, 0)) && span_is(got->key, text(e, 1)) && span_is(got->run, text(e, 2)) &&
           span_is(got->step, text(e, 3)) && span_is(got->vendor, text(e, 4)) && span_is(got->operation, text(e, 1)) &&
           span_is(got->model, text(e, 2)) && span_is(got->denied, text(e, 3)) && span_is(got->user, text(e, 0)) &&
           span_is(got->once, text(e, 2)) && span_is(got->again, text(e, 4)) && span_is(got->row, row_of(w, e)) &&
           same_lines(e, r->lines, got->count);
}

bool entry_is(struct world *w, const struct entry *e, const struct journal_record *r)
{
    if (r->kind != e->kind || r->position != e->position)
        return false;
    if (e->kind == JOURNAL_ROW)
        return row_is(w, e, r);
    if (e->kind == JOURNAL_HOLD)
        return r->hold.call == e->id && r->hold.at == e->at && span_is(r->hold.row, row_of(w, e)) &&
               span_is(r->hold.once, text(e, 2)) && span_is(r->hold.again, text(e, 4)) && same_lines(e, r->lines, r->hold.count);
    return r->note.what == (e->size % 2 ? NOTE_ANSWER : NOTE_ALERT) && r->note.call == e->id && r->note.at == e->at &&
           r->note.until == e->at + 1 && span_is(r->note.name, text(e, 3)) && span_is(r->note.bytes, row_of(w, e));
}
