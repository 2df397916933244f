/* SPDX-License-Identifier: Apache-2.0
 * sweep.c - forgets balances whose window ended long ago, a thousand names at a time, so that no round is ever long.
 *
 * The calls that made a balance stay; only the counter goes. Balances without an end (windows `run` and `total`) stay. */
#include "store/inside.h"

#include "base/log.h"

/* The last name of this step's range; SPAN_NONE: to the end. */
static enum err range_end(struct store *s, struct buf *end, bool *last)
{
    sqlite3_stmt *q = s->statements[ST_SWEEP_TO];
    enum err e;
    sql_bind_always(q, 1, buf_span(&s->sweep_from));
    sql_bind_i64(q, 2, SWEEP_STEP - 1);
    *last = !sql_next(q, &e);
    if (!*last) {
        buf_put(end, sql_span(q, 0));
        sqlite3_reset(q);
    }
    return e == E_OK && end->broken ? E_NO_MEMORY : e;
}

void sweep_step(struct store *s, int64_t unix_ms, int64_t monotonic_ms)
{
    sqlite3_stmt *q = s->statements[ST_SWEEP];
    struct buf end;
    bool last = true;
    buf_init(&end, s->sweep_from.ceiling);
    enum err e = range_end(s, &end, &last);
    if (e == E_OK) {
        sql_bind_always(q, 1, buf_span(&s->sweep_from));
        if (last)
            sql_bind_blob(q, 2, SPAN("")); /* in SQLite's order any blob comes after all texts */
        else
            sql_bind_always(q, 2, buf_span(&end));
        sql_bind_i64(q, 3, unix_ms - SWEEP_AFTER_MS);
        e = sql_step(q);
    }
    if (e != E_OK)
        log_warn("store", "old balances could not be looked through: %s", sqlite3_errmsg(s->db));
    buf_clear(&s->sweep_from);
    if (e == E_OK && !last)
        buf_put(&s->sweep_from, buf_span(&end));
    s->sweep_at = monotonic_ms + (e == E_OK && !last ? SWEEP_STEP_MS : SWEEP_ROUND_MS);
    buf_free(&end);
}
