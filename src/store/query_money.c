/* SPDX-License-Identifier: Apache-2.0
 * query_money.c - rows for the books of others: what cost something, in the order of time, and when a key was last used. */
#include "store/reader.h"

enum { ROWS_MOST = 1000 };

static enum err visit_rows(sqlite3_stmt *q, bool (*visit)(void *self, const struct store_link *link), void *self)
{
    enum err e = E_OK;
    while (sql_next(q, &e)) {
        struct store_link link = { .id = (uint64_t)sqlite3_column_int64(q, 0), .number = -1, .kind = (enum store_kind)sqlite3_column_int(q, 1), .row = sql_span(q, 2) };
        if (!visit(self, &link))
            return E_OK;
    }
    return e;
}

enum err store_money_rows(struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, const struct store_link *link), void *self)
{
    struct query q;
    sqlite3_stmt *statement = NULL;
    reader_hurried(r);
    query_init(&q);
    query_text(&q, SPAN("SELECT id, kind, row"));
    query_from(&q, f);
    enum err e = query_where(r, &q, f, WHERE_MONEY);
    query_i64(&q, f->ascending ? SPAN(" ORDER BY id LIMIT ?") : SPAN(" ORDER BY id DESC LIMIT ?"), f->limit < 1 ? 1 : f->limit > ROWS_MOST ? ROWS_MOST : f->limit);
    if (e == E_OK)
        statement = query_prepare(r, &q, &e);
    if (statement)
        e = visit_rows(statement, visit, self);
    reader_finish(r, statement);
    query_free(&q);
    return e;
}

static enum err put_settlements(struct store_reader *r, struct query *q, const struct call_filter *f)
{
    int64_t lowest, highest;
    enum err e = query_ids(r, f->from, f->to, &lowest, &highest);
    query_text(q, SPAN("SELECT late.id, late.kind, late.row, made.at FROM settlements AS s CROSS JOIN calls AS made ON made.id = s.of CROSS JOIN calls AS late ON late.id = s.id"));
    query_i64(q, SPAN(" WHERE s.of >= ?"), lowest);
    query_i64(q, SPAN(" AND s.of <= ?"), highest);
    query_i64(q, SPAN(" AND made.at >= ?"), f->from);
    query_i64(q, SPAN(" AND made.at < ?"), f->to ? f->to : INT64_MAX);
    if (f->vendor.at)
        query_span(q, SPAN(" AND made.vendor = ?"), f->vendor);
    if (f->workspace.at)
        query_span(q, SPAN(" AND made.workspace = ?"), f->workspace);
    query_text(q, SPAN(" ORDER BY s.of, s.id"));
    return e;
}

enum err store_settlements_of(struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, int64_t called_at, const struct store_link *link), void *self)
{
    struct query q;
    sqlite3_stmt *statement = NULL;
    reader_hurried(r);
    query_init(&q);
    enum err e = put_settlements(r, &q, f);
    if (e == E_OK)
        statement = query_prepare(r, &q, &e);
    while (statement && sql_next(statement, &e)) {
        struct store_link link = { .id = (uint64_t)sqlite3_column_int64(statement, 0), .number = -1, .kind = (enum store_kind)sqlite3_column_int(statement, 1), .row = sql_span(statement, 2) };
        if (!visit(self, sqlite3_column_int64(statement, 3), &link))
            break;
    }
    reader_finish(r, statement);
    query_free(&q);
    return e;
}

enum err store_last_use(struct store_reader *r, struct span key, int64_t *at)
{
    enum err e = E_IO;
    *at = 0;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT at FROM calls WHERE key = ? AND kind = 0 ORDER BY id DESC LIMIT 1"));
    if (!q)
        return e;
    sql_bind(q, 1, key);
    if (sql_next(q, &e))
        *at = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

enum err store_runs_begun(struct store_reader *r, const struct call_filter *f, int64_t *count, nano_usd *cost)
{
    enum err e = E_OK;
    struct query q;
    *count = *cost = 0;
    reader_hurried(r);
    query_init(&q);
    query_i64(&q, SPAN("SELECT count(*), coalesce(sum(cost), 0) FROM runs WHERE last_at >= ?"), f->from);
    query_i64(&q, SPAN(" AND first_at >= ?"), f->from);
    query_i64(&q, SPAN(" AND first_at < ?"), f->to ? f->to : INT64_MAX);
    if (f->workspace.at)
        query_span(&q, SPAN(" AND workspace = ?"), f->workspace);
    if (f->run.at)
        query_span(&q, SPAN(" AND run = ?"), f->run);
    sqlite3_stmt *statement = query_prepare(r, &q, &e);
    if (statement && sql_next(statement, &e)) {
        *count = sqlite3_column_int64(statement, 0);
        *cost = sqlite3_column_int64(statement, 1);
    }
    reader_finish(r, statement);
    query_free(&q);
    return e;
}
