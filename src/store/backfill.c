/* SPDX-License-Identifier: Apache-2.0
 * backfill.c - the rollups of rows that an older gate wrote: once, when the store is opened and before anything is added to it, in
 * transactions of BACKFILL_ROWS. Table `upkeep` says how far it is, in the same transactions: one that was cut off is gone on with. */
#include "store/inside.h"

#include <stdio.h>

#include "base/log.h"

static const struct span name = { "rollups", 7 };

enum { TELL_MS = 5000 };

static enum err how_far(struct store *s, int64_t *done, int64_t *until)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT done, until FROM upkeep WHERE name = ?"));
    *done = *until = 0;
    if (!q)
        return e;
    sql_bind(q, 1, name);
    if (sql_next(q, &e)) {
        *done = sqlite3_column_int64(q, 0);
        *until = sqlite3_column_int64(q, 1);
    }
    sqlite3_finalize(q);
    return e;
}

static struct store_record read_row(sqlite3_stmt *q)
{
    return (struct store_record){ .what = STORE_ROW, .call = (uint64_t)sqlite3_column_int64(q, 0), .at = sqlite3_column_int64(q, 1),
        .verdict = sqlite3_column_int(q, 2), .status = sqlite3_column_int(q, 3), .held = sqlite3_column_int(q, 4) != 0,
        .cost = sqlite3_column_int64(q, 5), .tokens_in = sqlite3_column_int64(q, 6), .tokens_out = sqlite3_column_int64(q, 7),
        .kind = (enum store_kind)sqlite3_column_int(q, 8), .workspace = sql_span(q, 9), .key = sql_span(q, 10), .vendor = sql_span(q, 11),
        .operation = sql_span(q, 12), .model = sql_span(q, 13), .denied = sql_span(q, 14), .row = sql_span(q, 15), .user = sql_span(q, 16) };
}

static enum err add_rows(struct store *s, sqlite3_stmt *q, int64_t *done, int64_t until)
{
    enum err e = E_OK;
    int64_t rows = 0;
    sql_bind_i64(q, 1, *done);
    sql_bind_i64(q, 2, until);
    sql_bind_i64(q, 3, BACKFILL_ROWS);
    for (; e == E_OK && sql_next(q, &e); rows++) {
        struct store_record r = read_row(q);
        struct said said = row_said(&r);
        *done = (int64_t)r.call;
        if (r.kind != STORE_CHANGE)
            e = rollup_add(s, &r, &said);
    }
    sqlite3_reset(q);
    if (e == E_OK && rows < BACKFILL_ROWS)
        *done = until;
    return e;
}

static enum err step(struct store *s, sqlite3_stmt *q, int64_t *done, int64_t until)
{
    enum err e = batch_begin(s);
    if (e == E_OK)
        e = add_rows(s, q, done, until);
    if (e == E_OK) {
        sql_bind_i64(s->statements[ST_UPKEEP], 1, *done);
        sql_bind(s->statements[ST_UPKEEP], 2, name);
        e = sql_step(s->statements[ST_UPKEEP]);
    }
    if (e == E_OK)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    return e;
}

static enum err run(struct store *s, sqlite3_stmt *q, int64_t done, int64_t until)
{
    enum err e = E_OK;
    int64_t first = done, told = thread_now();
    log_info("store", "sums by hour are made of the calls that are there; this is done once");
    while (e == E_OK && done < until) {
        e = step(s, q, &done, until);
        first = first ? first : done;
        if (thread_now() < told + TELL_MS)
            continue;
        told = thread_now(); /* ids grow with the time, so this is about the share of it */
        log_info("store", "sums by hour: %lld percent", (long long)((double)(done - first) / (double)(until - first + 1) * 100));
    }
    return e;
}

bool backfill(struct store *s, char why[256])
{
    int64_t done, until;
    enum err e = how_far(s, &done, &until);
    if (e == E_OK && done < until) {
        sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT id, at, verdict, status, held, cost, tokens_in, tokens_out, kind, workspace, key, vendor,"
                                                  " operation, model, denied, row, user FROM calls WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"));
        e = q ? run(s, q, done, until) : E_IO;
        sqlite3_finalize(q);
    }
    if (e != E_OK)
        snprintf(why, 256, "sums by hour could not be made of the calls that are there: %.140s", s->trouble[0] ? s->trouble : sqlite3_errmsg(s->db));
    return e == E_OK;
}
