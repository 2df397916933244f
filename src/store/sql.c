/* SPDX-License-Identifier: Apache-2.0
 * sql.c - opening, binding, stepping. Nothing here knows a table. */
#include "store/sql.h"

#include <pthread.h>
#include <stdio.h>

/* SQLite counts every allocation behind one process-wide mutex unless told not to before its first use. */
static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused when somebody was first: then it counts, and works */
    must(sqlite3_initialize() == SQLITE_OK);
}

sqlite3 *sql_open(const char *path, int flags, char why[256])
{
    sqlite3 *db = NULL;
    must(pthread_once(&configured, configure) == 0);
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    char set[96];
    snprintf(set, sizeof(set), "PRAGMA cache_size = -%d; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF", SQL_CACHE_KIB);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, SQL_PATIENCE_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, set, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return db;
    snprintf(why, 256, "%.140s cannot be opened: %.80s", path, db ? sqlite3_errmsg(db) : "out of memory");
    sqlite3_close(db);
    return NULL;
}

enum err sql_err(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return E_OK;
    case SQLITE_NOMEM:
        return E_NO_MEMORY;
    case SQLITE_INTERRUPT:
        return E_OVERLOADED;
    default:
        return E_IO;
    }
}

enum err sql_run(sqlite3 *db, const char *text) { return sql_err(sqlite3_exec(db, text, NULL, NULL, NULL)); }

sqlite3_stmt *sql_prepare(sqlite3 *db, struct span text)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v3(db, text.at, (int)text.len, SQLITE_PREPARE_PERSISTENT, &q, NULL);
    return code == SQLITE_OK ? q : NULL;
}

/* Binding borrowed bytes allocates nothing; what can still fail is a wrong parameter number, which is a bug. */
void sql_bind(sqlite3_stmt *q, int at, struct span text)
{
    if (text.len == 0)
        must(sqlite3_bind_null(q, at) == SQLITE_OK);
    else
        must(sqlite3_bind_text(q, at, text.at, (int)text.len, SQLITE_STATIC) == SQLITE_OK);
}

void sql_bind_always(sqlite3_stmt *q, int at, struct span text)
{
    must(sqlite3_bind_text(q, at, text.len ? text.at : "", (int)text.len, SQLITE_STATIC) == SQLITE_OK);
}

void sql_bind_blob(sqlite3_stmt *q, int at, struct span bytes)
{
    must(sqlite3_bind_blob(q, at, bytes.len ? bytes.at : "", (int)bytes.len, SQLITE_STATIC) == SQLITE_OK);
}

void sql_bind_some(sqlite3_stmt *q, int at, struct span bytes)
{
    if (bytes.len == 0)
        must(sqlite3_bind_null(q, at) == SQLITE_OK);
    else
        sql_bind_blob(q, at, bytes);
}

void sql_bind_i64(sqlite3_stmt *q, int at, int64_t n) { must(sqlite3_bind_int64(q, at, n) == SQLITE_OK); }

enum err sql_step(sqlite3_stmt *q)
{
    int code = sqlite3_step(q);
    sqlite3_reset(q);
    return sql_err(code);
}

bool sql_next(sqlite3_stmt *q, enum err *e)
{
    int code = sqlite3_step(q);
    *e = sql_err(code);
    if (code == SQLITE_ROW)
        return true;
    sqlite3_reset(q);
    return false;
}

struct span sql_span(sqlite3_stmt *q, int at)
{
    const void *bytes = sqlite3_column_blob(q, at); /* a text comes as its bytes; column_text would add a NUL */
    size_t len = (size_t)sqlite3_column_bytes(q, at);
    if (sqlite3_column_type(q, at) == SQLITE_NULL)
        return SPAN_NONE;
    return bytes ? span_make(bytes, len) : SPAN("");
}
