/* SPDX-License-Identifier: Apache-2.0
 * doubts.c - what was sent and not answered: kept with all that is needed to ask again, until one settlement ends it. And what
 * was answered and whose price comes later (`late`), until one settlement brings it.
 *
 * A row says by its outcome what a settlement is: "corrected" is a price that came later, and ends no doubt. Any other ends
 * the doubt of its call; there is one such at most. What is late is ended by any settlement that is not late itself. A settlement
 * may come before its call's row, from another journal: then the row finds it and waits for nothing any more, or, where it
 * was a late one, joins what stands already. */
#include "store/inside.h"

#include "rules/row.h"
#include "store/reader.h"

enum { LINES_CEILING = 8 << 20, DOUBT_VERDICT = 3, DOUBTS_MOST = 1000 };

static bool is_correction(struct span row) { return span_is(row_field(row, ROW_OUTCOME).text, SPAN("corrected")); }

static bool frees(const struct store_record *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->lines[i].held != 0)
            return true;
    return false;
}

/* ---- what stands, and what came before ------------------------------------------------------------------------------------------ */

struct standing {
    bool there, late;
    nano_usd reserved;
    struct arena memory;
    struct store_line *lines; /* of a late one: what was counted, in `held` */
    size_t count;
};

/* Settlements of the call that are there already. */
struct before {
    bool some;       /* not late */
    bool doubt_over; /* not a correction */
    bool late_over;  /* one has ended what was late */
};

static enum err find(struct store *s, uint64_t call, struct standing *out)
{
    sqlite3_stmt *q = s->statements[ST_DOUBT_GET];
    enum err e;
    *out = (struct standing){ .there = false };
    arena_init(&out->memory, LINES_CEILING);
    sql_bind_i64(q, 1, (int64_t)call);
    if (!sql_next(q, &e))
        return e;
    out->there = true;
    out->reserved = sqlite3_column_int64(q, 0);
    out->late = sqlite3_column_int(q, 1) != 0;
    if (out->late)
        out->lines = lines_get(&out->memory, arena_copy(&out->memory, sql_span(q, 2)), &out->count);
    sqlite3_reset(q);
    return out->memory.broken ? E_NO_MEMORY : E_OK;
}

static enum err look_back(struct store *s, uint64_t call, struct before *out)
{
    sqlite3_stmt *q = s->statements[ST_SETTLED_BY];
    enum err e;
    *out = (struct before){ .some = false };
    sql_bind_i64(q, 1, (int64_t)call);
    while (sql_next(q, &e)) {
        int mark = sqlite3_column_int(q, 0);
        out->some = out->some || mark != MARK_LATE;
        out->late_over = out->late_over || mark == MARK_ENDED_LATE;
        out->doubt_over = out->doubt_over || mark == MARK_ENDED_LATE || !is_correction(sql_span(q, 1));
    }
    return e;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

/* In doubt: what is kept. */
static void put_kept(struct buf *out, const struct store_record *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->lines[i].kept)
            lines_put(out, &r->lines[i]);
}

static struct store_line *line_of(const struct standing *d, const struct store_line *like)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->lines[i].slot == like->slot && span_is(d->lines[i].account, like->account))
            return &d->lines[i];
    return NULL;
}

/* Late: what was counted, with what these lines add to it. */
static void put_counted(struct buf *out, const struct standing *d, const struct store_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct store_line line = lines[i], *there = line_of(d, &line);
        line.held = money_add(line.real, there ? there->held : 0);
        if (there)
            there->account = SPAN_NONE; /* it is taken */
        lines_put(out, &line);
    }
    for (size_t i = 0; i < d->count; i++)
        if (d->lines[i].account.at)
            lines_put(out, &d->lines[i]);
}

/* r: the row of the call, or a late settlement that has come before it. */
static enum err insert(struct store *s, const struct store_record *r, bool late, const struct buf *lines)
{
    sqlite3_stmt *q = s->statements[ST_DOUBT];
    if (lines->broken)
        return E_NO_MEMORY;
    sql_bind_i64(q, 1, (int64_t)(r->kind == STORE_CALL ? r->call : r->of));
    sql_bind_i64(q, 2, r->at);
    sql_bind_i64(q, 3, late ? 0 : r->reserved);
    sql_bind_some(q, 4, r->once);
    sql_bind_some(q, 5, r->again);
    sql_bind_i64(q, 6, late);
    sql_bind_blob(q, 7, buf_span(lines));
    return sql_step(q);
}

static enum err open_doubt(struct store *s, const struct store_record *r)
{
    struct buf lines;
    buf_init(&lines, LINES_CEILING);
    put_kept(&lines, r);
    enum err e = insert(s, r, false, &lines);
    buf_free(&lines);
    return e;
}

/* A doubt's own lines are over where a late settlement stands before its row: then that one's count. */
static enum err open_late(struct store *s, const struct store_record *r, const struct standing *d)
{
    struct buf lines;
    bool over = r->kind == STORE_CALL && r->verdict == DOUBT_VERDICT;
    buf_init(&lines, LINES_CEILING);
    put_counted(&lines, d, r->lines, over ? 0 : r->count);
    enum err e = insert(s, r, true, &lines);
    buf_free(&lines);
    return e;
}

/* The settlement that came before a late row is its only one. */
static enum err end_late_before(struct store *s, uint64_t call)
{
    sql_bind_i64(s->statements[ST_SETTLED_LATE], 1, (int64_t)call);
    return sql_step(s->statements[ST_SETTLED_LATE]);
}

static enum err put_new(struct store *s, const struct store_record *r, const struct standing *d, bool *open)
{
    bool doubt = r->verdict == DOUBT_VERDICT;
    struct before before;
    enum err e = look_back(s, r->call, &before);
    if (e != E_OK)
        return e;
    *open = doubt && !before.doubt_over;
    if (*open)
        return open_doubt(s, r);
    if (doubt)
        return E_OK;
    return before.some ? end_late_before(s, r->call) : open_late(s, r, d);
}

enum err doubts_put(struct store *s, const struct store_record *r, bool *open)
{
    struct standing d;
    enum err e = find(s, r->call, &d);
    *open = false;
    if (e == E_OK)
        e = d.there ? open_late(s, r, &d) : put_new(s, r, &d, open);
    arena_free(&d.memory);
    return e;
}

/* ---- settlements ---- */

static enum err forget(struct store *s, uint64_t call)
{
    sql_bind_i64(s->statements[ST_UNDOUBT], 1, (int64_t)call);
    return sql_step(s->statements[ST_UNDOUBT]);
}

/* What stands is late from now on, with what this settlement counts. */
static enum err go_on_late(struct store *s, const struct store_record *r, const struct standing *d)
{
    sqlite3_stmt *q = s->statements[ST_DOUBT_LATE];
    struct buf lines;
    buf_init(&lines, LINES_CEILING);
    put_counted(&lines, d, r->lines, r->count);
    enum err e = lines.broken ? E_NO_MEMORY : E_OK;
    if (e == E_OK) {
        sql_bind_blob(q, 1, buf_span(&lines));
        sql_bind_i64(q, 2, (int64_t)r->of);
        e = sql_step(q);
    }
    buf_free(&lines);
    return e;
}

/* Nothing stands, so there was a settlement before, or there will be none needed; unless the call's row is still to come. */
static enum err take_from_nothing(struct store *s, const struct store_record *r, const struct standing *d, struct taken *out)
{
    sqlite3_stmt *q = s->statements[ST_CALL_VERDICT];
    struct before before;
    enum err e = look_back(s, r->of, &before);
    out->again = before.late_over;
    if (e == E_OK && !is_correction(r->row)) {
        sql_bind_i64(q, 1, (int64_t)r->of);
        bool there = sql_next(q, &e);
        out->again = before.late_over || (there ? frees(r) || sqlite3_column_int(q, 0) == DOUBT_VERDICT : before.doubt_over);
        if (there)
            sqlite3_reset(q);
    }
    if (e != E_OK || out->again || !r->late)
        return e;
    out->mark = MARK_LATE;
    return open_late(s, r, d);
}

static enum err take_from_doubt(struct store *s, const struct store_record *r, const struct standing *d, struct taken *out)
{
    if (is_correction(r->row))
        return E_OK;
    out->reserved = d->reserved;
    if (!r->late)
        return forget(s, r->of);
    out->mark = MARK_LATE;
    return go_on_late(s, r, d);
}

/* One that frees an amount is a second end of the doubt that this was. */
static enum err take_from_late(struct store *s, const struct store_record *r, const struct standing *d, struct taken *out)
{
    out->again = frees(r);
    if (out->again)
        return E_OK;
    out->mark = r->late ? MARK_LATE : MARK_ENDED_LATE;
    return r->late ? go_on_late(s, r, d) : forget(s, r->of);
}

enum err doubts_take(struct store *s, const struct store_record *r, struct taken *out)
{
    struct standing d;
    enum err e = find(s, r->of, &d);
    *out = (struct taken){ .mark = MARK_PLAIN };
    if (e == E_OK)
        e = !d.there ? take_from_nothing(s, r, &d, out) : d.late ? take_from_late(s, r, &d, out) : take_from_doubt(s, r, &d, out);
    arena_free(&d.memory);
    return e;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

static enum err show(sqlite3_stmt *q, void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    struct arena memory;
    struct store_doubt d = { .call = (uint64_t)sqlite3_column_int64(q, 0),
        .at = sqlite3_column_int64(q, 1),
        .once = sql_span(q, 2),
        .again = sql_span(q, 3),
        .row = sql_span(q, 5),
        .late = sqlite3_column_int(q, 6) != 0 };
    d.counted = sqlite3_column_type(q, 7) == SQLITE_NULL ? d.row : sql_span(q, 7);
    arena_init(&memory, LINES_CEILING);
    struct store_line *lines = lines_get(&memory, sql_span(q, 4), &d.count);
    for (size_t i = 0; i < d.count && d.late; i++) {
        lines[i].real = lines[i].held;
        lines[i].held = 0;
        lines[i].kept = false;
    }
    d.lines = lines;
    if (d.lines)
        visit(self, &d);
    arena_free(&memory);
    return d.lines ? E_OK : E_NO_MEMORY;
}

#define DOUBTS_TEXT                                                                                                        \
    "SELECT d.call, d.at, d.once, d.again, d.lines, c.row, d.late,"                                                        \
    " (SELECT l.row FROM settlements AS s JOIN calls AS l ON l.id = s.id WHERE s.of = d.call AND s.mark = 1 ORDER BY s.id LIMIT 1)" \
    " FROM doubts AS d LEFT JOIN calls AS c ON c.id = d.call"

static enum err show_all(struct store_reader *r, struct span query, uint64_t after, int limit,
    void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, query);
    if (!q)
        return e;
    sql_bind_i64(q, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    sql_bind_i64(q, 2, limit < 1 ? 1 : limit > DOUBTS_MOST ? DOUBTS_MOST : limit);
    while (sql_next(q, &e) && (e = show(q, visit, self)) == E_OK)
        continue;
    reader_finish(r, q);
    return e;
}

enum err store_doubts(
    struct store_reader *r, uint64_t after, int limit, void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    return show_all(r, SPAN(DOUBTS_TEXT " WHERE d.call > ? ORDER BY d.call LIMIT ?"), after, limit, visit, self);
}

enum err store_in_doubt(
    struct store_reader *r, uint64_t after, int limit, void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    return show_all(r, SPAN(DOUBTS_TEXT " WHERE d.late = 0 AND d.call > ? ORDER BY d.call LIMIT ?"), after, limit, visit, self);
}
