/* SPDX-License-Identifier: Apache-2.0
 * audit.c - the chain read out: rows in the order in which they were chained, checkpoints, and balances to compare with. */
#include "store/inside.h"

#include "store/reader.h"

enum { IDS_MOST = 1 << 30 };

struct export {
    struct store_reader *reader;
    sqlite3_stmt *entry, *row;
    int id_at;      /* which parameter of `row` is the id */
    struct buf ids; /* of the entry that was loaded last */
    int64_t first, count; /* its rows' numbers */
    int64_t from, to;     /* numbers still to be looked at */
    bool back;            /* the newest first */
    bool (*visit)(void *self, const struct store_link *link);
    void *self;
    bool stopped;
};

/* The entry that the row of this number is in. */
static enum err load_entry(struct export *x, int64_t number)
{
    enum err e;
    x->count = 0;
    sql_bind_i64(x->entry, 1, number);
    if (!sql_next(x->entry, &e))
        return e;
    x->first = sqlite3_column_int64(x->entry, 0);
    buf_clear(&x->ids);
    buf_put(&x->ids, sql_span(x->entry, 1));
    x->count = (int64_t)(x->ids.len / 8);
    sqlite3_reset(x->entry);
    return x->ids.broken ? E_NO_MEMORY : E_OK;
}

/* A row that the filter leaves out is passed over. */
static enum err show_row(struct export *x, int64_t number, uint64_t id)
{
    enum err e;
    sql_bind_i64(x->row, x->id_at, (int64_t)id);
    if (!sql_next(x->row, &e))
        return e;
    struct store_link link = { .id = id,
        .number = number,
        .kind = (enum store_kind)sqlite3_column_int(x->row, 0),
        .row = sql_span(x->row, 1),
        .prev_hash = sql_span(x->row, 2),
        .hash = sql_span(x->row, 3) };
    x->stopped = !x->visit(x->self, &link);
    sqlite3_reset(x->row);
    return E_OK;
}

/* The rows of one entry that are still to be looked at. */
static enum err show_entry(struct export *x)
{
    int64_t next = x->back ? x->to - 1 : x->from;
    enum err e = load_entry(x, next);
    if (e == E_OK && next >= x->first + x->count)
        x->from = x->to; /* no such entry: the chain is broken, which store_verify tells */
    while (e == E_OK && !x->stopped && x->from < x->to && next >= x->first && next < x->first + x->count) {
        e = show_row(x, next, chain_id(x->ids.at + 8 * (next - x->first)));
        if (x->back)
            x->to = next--;
        else
            x->from = ++next;
    }
    return e;
}

static void set_range(struct export *x, const struct call_filter *f, int64_t rows)
{
    int64_t before = f->before < (uint64_t)rows ? (int64_t)f->before : rows;
    x->back = f->before > 0;
    x->to = x->back ? before : rows;
    x->from = x->back ? 0 : f->after < (uint64_t)rows ? (int64_t)f->after : rows;
    if (!f->limit || x->to - x->from <= f->limit)
        return;
    if (x->back)
        x->from = x->to - f->limit;
    else
        x->to = x->from + f->limit;
}

/* Entry by entry, each a read of its own: a slow listener must not keep the log file from being recycled. */
static enum err show_all(struct export *x, const struct call_filter *f)
{
    sqlite3 *db = x->reader->db;
    struct chain tip;
    enum err e = chain_tip(db, &tip);
    if (e == E_OK)
        set_range(x, f, tip.rows);
    while (e == E_OK && !x->stopped && x->from < x->to) {
        e = atomic_load(&x->reader->stopped) ? E_OVERLOADED : sql_run(db, "BEGIN");
        if (e == E_OK)
            e = show_entry(x);
        (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    return e;
}

/* The same of changes alone, which are few. */
static enum err show_changes(struct export *x, const struct call_filter *f)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(x->reader->db,
        f->before ? SPAN("SELECT number, id FROM changes WHERE number < ? ORDER BY number DESC LIMIT ?")
                  : SPAN("SELECT number, id FROM changes WHERE number >= ? ORDER BY number LIMIT ?"));
    if (!q)
        return e;
    uint64_t edge = f->before ? f->before : f->after;
    sql_bind_i64(q, 1, edge > INT64_MAX ? INT64_MAX : (int64_t)edge);
    sql_bind_i64(q, 2, f->limit > 0 ? f->limit : -1);
    while (!x->stopped && sql_next(q, &e) && e == E_OK)
        if ((e = show_row(x, sqlite3_column_int64(q, 0), (uint64_t)sqlite3_column_int64(q, 1))) != E_OK)
            break;
    sqlite3_finalize(q);
    return e;
}

enum err store_audit(
    struct store_reader *r, const struct call_filter *f, bool (*visit)(void *self, const struct store_link *link), void *self)
{
    struct export x = { .reader = r, .visit = visit, .self = self };
    struct call_filter rows = *f; /* its ids are numbers of the chain */
    struct query q;
    rows.before = rows.after = 0;
    reader_unhurried(r);
    buf_init(&x.ids, IDS_MOST);
    query_init(&q);
    query_text(&q, SPAN("SELECT kind, row, prev_hash, hash FROM calls"));
    enum err e = query_where(r, &q, &rows, f->changes || f->only_changes ? WHERE_ALL : WHERE_MONEY);
    query_i64(&q, SPAN(" AND id = ?"), 0);
    x.id_at = q.count;
    if (e == E_OK)
        x.row = query_prepare(r, &q, &e);
    x.entry = sql_prepare(r->db, SPAN("SELECT first, ids FROM chain WHERE first <= ? ORDER BY first DESC LIMIT 1"));
    if (e == E_OK)
        e = !x.entry ? E_IO : f->only_changes ? show_changes(&x, f) : show_all(&x, f);
    sqlite3_finalize(x.entry);
    reader_finish(r, x.row);
    query_free(&q);
    buf_free(&x.ids);
    return e;
}

enum err store_checkpoints(
    struct store_reader *r, int64_t after_rows, void (*visit)(void *self, const struct store_checkpoint *c), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q =
        sql_prepare(r->db, SPAN("SELECT rows, at, hash, signature, key FROM checkpoints WHERE rows > ? ORDER BY rows"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, after_rows);
    while (sql_next(q, &e)) {
        struct store_checkpoint c = { sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sql_span(q, 2), sql_span(q, 3),
            sql_span(q, 4) };
        visit(self, &c);
    }
    reader_finish(r, q);
    return e;
}

enum err store_balances(struct store_reader *r,
    void (*visit)(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT account, slot, settled, doubt, ends_at FROM accounts ORDER BY account, slot"));
    if (!q)
        return e;
    while (sql_next(q, &e))
        visit(self, sql_span(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3),
            sqlite3_column_int64(q, 4));
    reader_finish(r, q);
    return e;
}
