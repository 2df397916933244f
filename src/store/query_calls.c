/* SPDX-License-Identifier: Apache-2.0
 * query_calls.c - calls read back: the row that the worker wrote, as JSON, with its two hashes appended. */
#include "store/reader.h"

#include "base/text.h"
#include "rules/row.h"

enum { CALLS_MOST = 1000, SETTLEMENTS_MOST = 1000 };

/* Columns 1..3: prev_hash, hash, row. Old JSON that is no object (it never should be) is handed out as it is. */
static bool complete(struct store_reader *r, sqlite3_stmt *q, struct span *out)
{
    buf_clear(&r->json);
    row_json(sql_span(q, 3), &r->json);
    if (!span_ends(buf_span(&r->json), SPAN("}")))
        return buf_done(&r->json, out) == E_OK;
    r->json.len--;
    bool empty = r->json.len == 1;
    buf_put(&r->json, empty ? SPAN("\"prev_hash\":\"") : SPAN(",\"prev_hash\":\""));
    buf_put_hex(&r->json, sql_span(q, 1));
    buf_put(&r->json, SPAN("\",\"hash\":\""));
    buf_put_hex(&r->json, sql_span(q, 2));
    buf_put(&r->json, SPAN("\"}"));
    return buf_done(&r->json, out) == E_OK;
}

static enum err visit_all(
    struct store_reader *r, sqlite3_stmt *q, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    struct span json;
    enum err e = E_OK;
    while (sql_next(q, &e)) {
        if (!complete(r, q, &json))
            return E_NO_MEMORY;
        visit(self, (uint64_t)sqlite3_column_int64(q, 0), json);
    }
    return e;
}

enum err calls_visit(
    struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    struct query q;
    sqlite3_stmt *statement = NULL;
    query_init(&q);
    query_text(&q, SPAN("SELECT id, prev_hash, hash, row"));
    query_from(&q, f);
    enum err e = query_where(r, &q, f, WHERE_CALLS);
    query_i64(&q, f->ascending ? SPAN(" ORDER BY id LIMIT ?") : SPAN(" ORDER BY id DESC LIMIT ?"), f->limit);
    if (e == E_OK)
        statement = query_prepare(r, &q, &e);
    if (statement)
        e = visit_all(r, statement, visit, self);
    reader_finish(r, statement);
    query_free(&q);
    return e;
}

enum err store_calls(
    struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    struct call_filter bounded = *f;
    bounded.limit = f->limit < 1 ? 1 : f->limit > CALLS_MOST ? CALLS_MOST : f->limit;
    reader_hurried(r);
    return calls_visit(r, &bounded, visit, self);
}

static const struct span one_call = { "SELECT id, prev_hash, hash, row FROM calls WHERE id = ?", 55 };

enum err call_visit(struct store_reader *r, uint64_t id, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(r->db, one_call);
    if (!q)
        return e;
    sql_bind_i64(q, 1, (int64_t)id);
    e = visit_all(r, q, visit, self);
    sqlite3_finalize(q);
    return e;
}

enum err store_call_of(struct store_reader *r, uint64_t id, struct span workspace, struct arena *a, struct span *json)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT id, prev_hash, hash, row FROM calls WHERE id = ?1 AND (?2 IS NULL OR workspace = ?2)"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, (int64_t)id);
    sql_bind(q, 2, workspace);
    if (sql_next(q, &e))
        e = complete(r, q, json) && (*json = arena_copy(a, *json)).at ? E_OK : E_NO_MEMORY;
    else
        e = e == E_OK ? E_NOT_FOUND : e;
    sqlite3_finalize(q);
    return e;
}

enum err store_call(struct store_reader *r, uint64_t id, struct arena *a, struct span *json) { return store_call_of(r, id, SPAN_NONE, a, json); }

static enum err visit_those_of(
    struct store_reader *r, struct span query, uint64_t of, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, query);
    if (!q)
        return e;
    sql_bind_i64(q, 1, (int64_t)of);
    sql_bind_i64(q, 2, SETTLEMENTS_MOST);
    e = visit_all(r, q, visit, self);
    reader_finish(r, q);
    return e;
}

enum err store_settlements(
    struct store_reader *r, uint64_t of, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    return visit_those_of(r, SPAN("SELECT id, prev_hash, hash, row FROM settlements AS s JOIN calls USING(id) WHERE s.of = ? ORDER BY id LIMIT ?"), of, visit, self);
}

enum err store_events(struct store_reader *r, uint64_t of, void (*visit)(void *self, uint64_t id, struct span json), void *self)
{
    return visit_those_of(r, SPAN("SELECT id, prev_hash, hash, row FROM events AS v JOIN calls USING(id) WHERE v.of = ? ORDER BY id LIMIT ?"), of, visit, self);
}

enum err store_events_named(struct store_reader *r, struct span operation, uint64_t from, void (*visit)(void *self, struct span row), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT row FROM events JOIN calls USING(id) WHERE id >= ? AND operation = ? ORDER BY id"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, (int64_t)from);
    sql_bind(q, 2, operation);
    while (sql_next(q, &e))
        visit(self, sql_span(q, 0));
    reader_finish(r, q);
    return e;
}
