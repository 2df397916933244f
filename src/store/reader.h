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
enum { QUERY_VALUES = 24 };
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
/* NULL: *e. */
sqlite3_stmt *query_prepare(struct store_reader *r, struct query *q, enum err *e);

#endif
