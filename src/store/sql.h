/* SPDX-License-Identifier: Apache-2.0
 * sql.h - the few things this folder does with SQLite, in our words. Included by store/ only.
 *
 * Values always travel as bound parameters; the text of a statement is made of constants of this folder alone. */
#ifndef TG_STORE_SQL_H
#define TG_STORE_SQL_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/must.h"
#include "base/span.h"

enum {
    SQL_CACHE_KIB = 2048,  /* page cache of one connection */
    SQL_PATIENCE_MS = 5000 /* for a lock that somebody else's tool holds on the file */
};

/* NULL: why[]. A connection belongs to one thread at a time. */
sqlite3 *sql_open(const char *path, int flags, char why[256]);
/* Constant text without results. */
CHECKED enum err sql_run(sqlite3 *db, const char *text);
/* NULL: the connection says why. */
sqlite3_stmt *sql_prepare(sqlite3 *db, struct span text);
/* What SQLite's number means to a caller: E_OK for ROW and DONE too. */
enum err sql_err(int code);

/* Parameters count from 1. Absent and empty texts become NULL. What is bound must stay until the statement is reset. */
void sql_bind(sqlite3_stmt *q, int at, struct span text);
void sql_bind_always(sqlite3_stmt *q, int at, struct span text); /* for what may not be NULL: absent becomes empty */
void sql_bind_blob(sqlite3_stmt *q, int at, struct span bytes);
void sql_bind_some(sqlite3_stmt *q, int at, struct span bytes); /* the same; absent and empty ones become NULL */
void sql_bind_i64(sqlite3_stmt *q, int at, int64_t n);

/* Steps a statement that gives no rows, and resets it. */
CHECKED enum err sql_step(sqlite3_stmt *q);
/* True: a row is there. False: *e says whether that is the end (E_OK) or trouble; the statement was reset. */
bool sql_next(sqlite3_stmt *q, enum err *e);
/* Columns count from 0; spans stay until the next step. NULL is SPAN_NONE. */
struct span sql_span(sqlite3_stmt *q, int at);

#endif
