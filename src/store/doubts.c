/* SPDX-License-Identifier: Apache-2.0
 * doubts.c - what was sent and not answered: kept with all that is needed to ask again, until one settlement ends it.
 *
 * A row says by its outcome what a settlement is: "corrected" is a price that came later, and ends no doubt. Any other ends
 * the doubt of its call; there is one such at most. It may come before the row in doubt itself, from another journal: then
 * the row finds it, and is no doubt any more. */
#include "store/inside.h"

#include "rules/row.h"
#include "store/reader.h"

enum { LINES_CEILING = 8 << 20, DOUBT_VERDICT = 3, DOUBTS_MOST = 1000 };

static bool is_correction(struct span row) { return span_is(row_field(row, ROW_OUTCOME).text, SPAN("corrected")); }

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

/* A settlement that ends the doubt of this call is there already. */
static enum err settled_before(struct store *s, uint64_t call, bool *yes)
{
    sqlite3_stmt *q = s->statements[ST_SETTLED_BY];
    enum err e;
    *yes = false;
    sql_bind_i64(q, 1, (int64_t)call);
    while (!*yes && sql_next(q, &e))
        *yes = !is_correction(sql_span(q, 0));
    if (!*yes)
        return e;
    sqlite3_reset(q);
    return E_OK;
}

static enum err insert(struct store *s, const struct store_record *r, struct buf *lines)
{
    sqlite3_stmt *q = s->statements[ST_DOUBT];
    for (size_t i = 0; i < r->count; i++)
        if (r->lines[i].kept)
            lines_put(lines, &r->lines[i]);
    if (lines->broken)
        return E_NO_MEMORY;
    sql_bind_i64(q, 1, (int64_t)r->call);
    sql_bind_i64(q, 2, r->at);
    sql_bind_i64(q, 3, r->reserved);
    sql_bind_some(q, 4, r->once);
    sql_bind_some(q, 5, r->again);
    sql_bind_blob(q, 6, buf_span(lines));
    return sql_step(q);
}

enum err doubts_put(struct store *s, const struct store_record *r, bool *open)
{
    struct buf lines;
    bool over;
    enum err e = settled_before(s, r->call, &over);
    *open = e == E_OK && !over;
    if (!*open)
        return e;
    buf_init(&lines, LINES_CEILING);
    e = insert(s, r, &lines);
    buf_free(&lines);
    return e;
}

static enum err find(struct store *s, uint64_t call, bool *there, nano_usd *reserved)
{
    sqlite3_stmt *q = s->statements[ST_DOUBT_GET];
    enum err e;
    sql_bind_i64(q, 1, (int64_t)call);
    *there = sql_next(q, &e);
    if (!*there)
        return e;
    *reserved = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return E_OK;
}

/* Whether a row that is said to end a doubt, where there is none, comes too late. It does not if its call has not arrived. */
static enum err too_late(struct store *s, const struct store_record *r, bool *yes)
{
    sqlite3_stmt *q = s->statements[ST_CALL_VERDICT];
    bool frees = false;
    enum err e;
    for (size_t i = 0; i < r->count; i++)
        frees = frees || r->lines[i].held != 0;
    sql_bind_i64(q, 1, (int64_t)r->of);
    if (!sql_next(q, &e))
        return e == E_OK ? settled_before(s, r->of, yes) : e;
    *yes = frees || sqlite3_column_int(q, 0) == DOUBT_VERDICT;
    sqlite3_reset(q);
    return E_OK;
}

enum err doubts_take(struct store *s, const struct store_record *r, bool *again, nano_usd *reserved)
{
    bool there;
    if (is_correction(r->row))
        return E_OK;
    enum err e = find(s, r->of, &there, reserved);
    if (e == E_OK && !there)
        return too_late(s, r, again);
    if (e != E_OK)
        return e;
    sql_bind_i64(s->statements[ST_UNDOUBT], 1, (int64_t)r->of);
    return sql_step(s->statements[ST_UNDOUBT]);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

static enum err show(sqlite3_stmt *q, void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    struct arena memory;
    struct store_doubt d = { .call = (uint64_t)sqlite3_column_int64(q, 0),
        .at = sqlite3_column_int64(q, 1),
        .once = sql_span(q, 2),
        .again = sql_span(q, 3),
        .row = sql_span(q, 5) };
    arena_init(&memory, LINES_CEILING);
    d.lines = lines_get(&memory, sql_span(q, 4), &d.count);
    if (d.lines)
        visit(self, &d);
    arena_free(&memory);
    return d.lines ? E_OK : E_NO_MEMORY;
}

enum err store_doubts(
    struct store_reader *r, uint64_t after, int limit, void (*visit)(void *self, const struct store_doubt *d), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT d.call, d.at, d.once, d.again, d.lines, c.row FROM doubts AS d"
                                              " LEFT JOIN calls AS c ON c.id = d.call WHERE d.call > ? ORDER BY d.call LIMIT ?"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    sql_bind_i64(q, 2, limit < 1 ? 1 : limit > DOUBTS_MOST ? DOUBTS_MOST : limit);
    while (sql_next(q, &e) && (e = show(q, visit, self)) == E_OK)
        continue;
    reader_finish(r, q);
    return e;
}
