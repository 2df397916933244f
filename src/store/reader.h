/* SPDX-License-Identifier: Apache-2.0
 * reader.h - a connection that can only read. Included by store/ only. */
#ifndef TG_STORE_READER_H
#define TG_STORE_READER_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/sql.h"
#include "store/store.h"

enum { READ_MOST_MS = 30 * 1000 /* one query; then E_OVERLOADED. A long read keeps the log file from being recycled. */ };

struct store_reader {
    sqlite3 *db;
    int64_t deadline; /* monotonic ms; 0: none */
    atomic_bool stopped;
    struct buf json;  /* of the row being visited */
    char key[2 * 32]; /* hex: of the last checkpoint that was checked */
};

/* Every query begins with one of these. */
void reader_hurried(struct store_reader *r);
void reader_unhurried(struct store_reader *r);

/* And ends with this one: a query over much history leaves no memory behind. q may be NULL. */
void reader_finish(struct store_reader *r, sqlite3_stmt *q);

/* A query under construction: constant text, and the values of its parameters in their order. */
enum { QUERY_VALUES = 40 };
struct query {
    struct buf text;
    struct {
        struct span text;
        int64_t number;
        bool is_number;
    } values[QUERY_VALUES];
    int count;
};

void query_init(struct query *q);
void query_free(struct query *q);
void query_text(struct query *q, struct span constant);
/* The text with one `?` in it, and that parameter's value. */
void query_span(struct query *q, struct span constant, struct span value);
void query_i64(struct query *q, struct span constant, int64_t value);
/* " FROM calls", by the narrowest way in that the filter leaves. */
void query_from(struct query *q, const struct call_filter *f);
/* " WHERE ..." of a filter, and of the rows' kind: calls; what has a cost (calls and settlements); all. E_BAD_REQUEST: a
 * verdict that is none. */
enum where { WHERE_CALLS, WHERE_MONEY, WHERE_ALL };
CHECKED enum err query_where(struct store_reader *r, struct query *q, const struct call_filter *f, enum where kinds);
/* The lowest and the highest id that a time can have; none: 1 and 0. */
CHECKED enum err query_ids(struct store_reader *r, int64_t from, int64_t to, int64_t *lowest, int64_t *highest);
/* " AND ..." of what facets have of a filter; false: the filter asks for something else, too. */
bool query_facets(struct query *q, const struct call_filter *f);
/* Whether they have all of it (times aside). */
bool facets_have(const struct call_filter *f);
/* Whether it asks for nothing but a key, a time and a place in the order. */
bool filter_is_bare(const struct call_filter *f);
/* NULL: *e. */
sqlite3_stmt *query_prepare(struct store_reader *r, struct query *q, enum err *e);

/* query_calls.c, for query_page.c: rows that fit, at most f->limit; one row. */
CHECKED enum err calls_visit(struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self);
CHECKED enum err call_visit(struct store_reader *r, uint64_t id, void (*visit)(void *self, uint64_t id, struct span json), void *self);

/* functions.c: what rows say beside their columns, for SQL: field(row, tag), scope(row, name), parts(label, n). */
CHECKED enum err functions_add(sqlite3 *db);

#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)

#endif
