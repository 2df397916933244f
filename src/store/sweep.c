/* SPDX-License-Identifier: Apache-2.0
 * sweep.c - forgets balances whose window ended long ago, and answers, alerts, approvals and captured content that have run out, a thousand at a time, or
 * for a few milliseconds, so that no step is ever long.
 *
 * The calls that made a balance stay; only the counter goes. Balances without an end (windows `run` and `total`) stay, and
 * so does whatever is in doubt. */
#include "store/inside.h"

#include "base/log.h"

/* The last name of this step's range; SPAN_NONE: to the end. */
static enum err range_end(struct store *s, struct buf *end, bool *last)
{
    sqlite3_stmt *q = s->statements[ST_SWEEP_TO];
    enum err e;
    sql_bind_always(q, 1, buf_span(&s->sweep.from));
    sql_bind_i64(q, 2, SWEEP_STEP - 1);
    *last = !sql_next(q, &e);
    if (!*last) {
        buf_put(end, sql_span(q, 0));
        sqlite3_reset(q);
    }
    return e == E_OK && end->broken ? E_NO_MEMORY : e;
}

static enum err drop_range(struct store *s, const struct buf *end, bool last, int64_t unix_ms)
{
    sqlite3_stmt *q = s->statements[ST_SWEEP];
    sql_bind_always(q, 1, buf_span(&s->sweep.from));
    if (last)
        sql_bind_blob(q, 2, SPAN("")); /* in SQLite's order any blob comes after all texts */
    else
        sql_bind_always(q, 2, buf_span(end));
    sql_bind_i64(q, 3, unix_ms - SWEEP_AFTER_MS);
    sql_bind_i64(q, 4, unix_ms - SWEEP_SLOT_AFTER_MS);
    return sql_step(q);
}

static enum err sweep_accounts(struct store *s, int64_t unix_ms)
{
    struct buf end;
    bool last = true;
    if (s->sweep.accounts_done)
        return E_OK;
    buf_init(&end, s->sweep.from.ceiling);
    enum err e = range_end(s, &end, &last);
    if (e == E_OK)
        e = drop_range(s, &end, last, unix_ms);
    buf_clear(&s->sweep.from);
    if (e == E_OK && !last)
        buf_put(&s->sweep.from, buf_span(&end));
    s->sweep.accounts_done = e == E_OK && last;
    buf_free(&end);
    return e;
}

/* *more: a full step was taken, there may be others. */
static enum err sweep_ended(struct store *s, enum statement statement, int64_t unix_ms, bool *more)
{
    sqlite3_stmt *q = s->statements[statement];
    sql_bind_i64(q, 1, unix_ms);
    sql_bind_i64(q, 2, SWEEP_STEP);
    enum err e = sql_step(q);
    *more = *more || (e == E_OK && sqlite3_changes(s->db) == SWEEP_STEP);
    return e;
}

/* ---- content: as much of it may run out in a second as calls were captured in one, and each may be large, or small ------------- */

/* One by one, in one transaction, until the time is over. */
static enum err drop_contents(struct store *s, int64_t unix_ms, bool *left)
{
    int64_t end = thread_now() + SWEEP_CONTENTS_MS;
    sqlite3_stmt *q = s->statements[ST_SWEEP_CONTENTS];
    enum err e = sql_step(s->statements[ST_BEGIN]);
    *left = e == E_OK;
    while (e == E_OK && *left && thread_now() < end) {
        sql_bind_i64(q, 1, unix_ms);
        e = sql_step(q);
        *left = e == E_OK && sqlite3_changes(s->db) > 0;
        s->unerased = s->unerased || *left;
    }
    if (e == E_OK)
        e = sql_step(s->statements[ST_COMMIT]);
    if (e != E_OK && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* Its bytes leave the log file, too, when all that has run out is gone, and now and then before. */
static enum err sweep_contents(struct store *s, int64_t unix_ms, int64_t monotonic_ms)
{
    enum err e = drop_contents(s, unix_ms, &s->sweep.left);
    if (e == E_OK && s->unerased && (!s->sweep.left || monotonic_ms >= s->sweep.erased_at + SWEEP_ERASE_MS)) {
        contents_erase(s);
        s->sweep.erased_at = monotonic_ms;
    }
    s->sweep.left = e == E_OK && s->sweep.left;
    return e;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------- */

static enum err sweep_rest(struct store *s, int64_t unix_ms, bool *more)
{
    enum err e = sweep_accounts(s, unix_ms);
    if (e == E_OK)
        e = sweep_ended(s, ST_SWEEP_ANSWERS, unix_ms, more);
    if (e == E_OK)
        e = sweep_ended(s, ST_SWEEP_ALERTS, unix_ms, more);
    if (e == E_OK)
        e = sweep_ended(s, ST_SWEEP_APPROVALS, unix_ms - SWEEP_APPROVAL_AFTER_MS, more);
    *more = *more || !s->sweep.accounts_done;
    return e;
}

void sweep_step(struct store *s, int64_t unix_ms, int64_t monotonic_ms)
{
    bool more = false, content_only = s->sweep.left && monotonic_ms < s->sweep.rest_at;
    enum err e = content_only ? E_OK : sweep_rest(s, unix_ms, &more);
    if (e == E_OK)
        e = sweep_contents(s, unix_ms, monotonic_ms);
    if (e != E_OK)
        log_warn("store", "what has run out could not be looked through: %s", sqlite3_errmsg(s->db));
    bool over = e != E_OK || (!more && !s->unerased && !s->sweep.left && !content_only);
    if (over)
        s->sweep.accounts_done = false;
    if (!content_only)
        s->sweep.rest_at = monotonic_ms + (over ? SWEEP_ROUND_MS : SWEEP_STEP_MS);
    s->sweep.at = s->sweep.left ? monotonic_ms + SWEEP_CONTENTS_PAUSE_MS : s->sweep.rest_at;
}
