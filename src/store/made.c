/* SPDX-License-Identifier: Apache-2.0
 * made.c - what calls made at the vendors, by the vendor's ids: written with each row that names one, read when a gate starts.
 *
 * An index by hand beside `calls`: most rows name nothing, and SQLite would open an index of the table for each of them. */
#include "store/inside.h"

#include "store/reader.h"

enum { MADE_ROWS_MOST = 1000000 /* of one answer */ };

#define HOUR_MS (INT64_C(60) * 60 * 1000)

enum err made_put(struct store *s, const struct store_record *r, const struct said *said)
{
    if (!said->object.len)
        return E_OK;
    sqlite3_stmt *q = s->statements[ST_MADE];
    sql_bind_i64(q, 1, (int64_t)r->call);
    sql_bind(q, 2, said->credential);
    sql_bind_always(q, 3, said->object);
    return sql_step(q);
}

static void show(sqlite3_stmt *q, void (*visit)(void *self, const struct store_object_made *m), void *self)
{
    struct store_object_made m = { .call = (uint64_t)sqlite3_column_int64(q, 0),
        .at = sqlite3_column_int64(q, 1),
        .kind = (enum store_kind)sqlite3_column_int(q, 2),
        .usd = sqlite3_column_int64(q, 3),
        .vendor = sql_span(q, 4),
        .credential = sql_span(q, 5),
        .object = sql_span(q, 6),
        .workspace = sql_span(q, 7),
        .key = sql_span(q, 8),
        .run = sql_span(q, 9),
        .step = sql_span(q, 10),
        .operation = sql_span(q, 11),
        .user = sql_span(q, 12),
        .label = sql_span(q, 13) };
    visit(self, &m);
}

/* Ids are nearly in the order of time: the hour of `from` bounds them. */
enum err store_made(
    struct store_reader *r, int64_t from, int most, void (*visit)(void *self, const struct store_object_made *m), void *self)
{
    enum err e = E_IO;
    reader_unhurried(r);
    sqlite3_stmt *q = sql_prepare(r->db,
        SPAN("SELECT coalesce(of, id), at, kind, cost, vendor, credential, object, workspace, key, run, step, operation,"
             " user, field(row, 73)"
             " FROM made CROSS JOIN calls USING(id)"
             " WHERE made.id >= coalesce((SELECT min(lowest) FROM hours WHERE hour >= ?1), 0) AND at >= ?2"
             " ORDER BY made.id DESC LIMIT ?3"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, from / HOUR_MS);
    sql_bind_i64(q, 2, from);
    sql_bind_i64(q, 3, most < 1 ? 1 : most > MADE_ROWS_MOST ? MADE_ROWS_MOST : most);
    while (sql_next(q, &e))
        show(q, visit, self);
    reader_finish(r, q);
    return e;
}
