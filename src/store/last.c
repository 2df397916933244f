/* SPDX-License-Identifier: Apache-2.0
 * last.c - where the ids of calls go on after a restart. */
#include "store/inside.h"

enum err store_last_call(struct store *s, uint64_t *id)
{
    enum err e = E_OK;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT coalesce(max(id), 0) FROM calls"));
    must(!s->running);
    if (!q)
        return E_IO;
    if (sql_next(q, &e))
        *id = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}
