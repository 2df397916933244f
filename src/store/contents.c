/* SPDX-License-Identifier: Apache-2.0
 * contents.c - what was captured of calls. It comes sealed, by jobs of the thread that seals it (flow/scribe.h), never by the journal.
 *
 * What is deleted shall be gone from the files: SQLite overwrites freed bytes with zeros (secure_delete), and the log, in which older
 * states of pages stand, is folded into the database and cut to nothing. That cannot be done while somebody reads an older state;
 * then it is tried again by the janitor. */
#include "store/inside.h"

#include "base/log.h"
#include "store/reader.h"

enum { DELETE_STEP = 100, FORGET_STEP = 1000, ERASE_STEP_MS = 1000 };

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

struct put_job {
    const struct store_content *list;
    size_t count;
};

static enum err put_one(struct store *s, const struct store_content *c)
{
    sqlite3_stmt *q = s->statements[ST_CONTENT];
    sql_bind_i64(q, 1, (int64_t)c->call);
    sql_bind_i64(q, 2, c->at);
    sql_bind_i64(q, 3, c->until);
    sql_bind(q, 4, c->workspace);
    sql_bind(q, 5, c->key);
    sql_bind(q, 6, c->run);
    sql_bind(q, 7, c->user);
    sql_bind_blob(q, 8, c->bytes);
    return sql_step(q);
}

static enum err put_all(struct store *s, void *self)
{
    const struct put_job *j = self;
    enum err e = batch_begin(s);
    for (size_t i = 0; e == E_OK && i < j->count; i++)
        e = put_one(s, &j->list[i]);
    if (e == E_OK)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    return e;
}

enum err store_contents_put(struct store *s, const struct store_content *list, size_t count)
{
    struct put_job j = { list, count };
    return jobs_do(s, put_all, &j);
}

/* ---- deleting ---------------------------------------------------------------------------------------------------------------- */

#define FITS(table, id)                                                                                                           \
    "(?1 = 0 OR " id " = ?1) AND (?2 IS NULL OR " table ".workspace = ?2) AND (?3 IS NULL OR " table ".key = ?3) AND"             \
    " (?4 IS NULL OR " table ".run = ?4) AND (?5 IS NULL OR " table ".user = ?5) AND (?6 = 0 OR " table ".at < ?6)"

static void bind_filter(sqlite3_stmt *q, const struct content_filter *f)
{
    sql_bind_i64(q, 1, (int64_t)f->call);
    sql_bind(q, 2, f->workspace);
    sql_bind(q, 3, f->key);
    sql_bind(q, 4, f->run);
    sql_bind(q, 5, f->user);
    sql_bind_i64(q, 6, f->before);
}

struct delete_job {
    const struct content_filter *filter;
    struct span text;
    int64_t from;  /* rows of `answers` that were looked at */
    int64_t seen;  /* in the last step */
    size_t count;
};

/* By the narrowest way in that the filter leaves. */
static struct span delete_text(const struct content_filter *f)
{
#define DELETE_BY(way) SPAN("DELETE FROM contents WHERE call IN (SELECT call FROM contents WHERE " way FITS("contents", "call") " LIMIT ?7)")
    if (f->call)
        return DELETE_BY("call = ?1 AND ");
    if (f->run.len)
        return DELETE_BY("run = ?4 AND ");
    if (f->user.len)
        return DELETE_BY("user = ?5 AND ");
    if (f->key.len)
        return DELETE_BY("key = ?3 AND ");
    return DELETE_BY("");
#undef DELETE_BY
}

static enum err delete_some(struct store *s, void *self)
{
    struct delete_job *j = self;
    sqlite3_stmt *q = sql_prepare(s->db, j->text);
    if (!q)
        return E_IO;
    bind_filter(q, j->filter);
    sql_bind_i64(q, 7, DELETE_STEP);
    enum err e = sql_step(q);
    j->seen = e == E_OK ? sqlite3_changes(s->db) : 0;
    sqlite3_finalize(q);
    s->unerased = s->unerased || j->seen > 0;
    return e;
}

enum err store_contents_delete(struct store *s, const struct content_filter *f, size_t *count)
{
    struct delete_job j = { .filter = f, .text = delete_text(f) };
    enum err e;
    *count = 0;
    do {
        e = jobs_do_durably(s, delete_some, &j);
        *count += e == E_OK ? (size_t)j.seen : 0;
    } while (e == E_OK && j.seen == DELETE_STEP);
    return e;
}

/* ---- answers kept for repeats: the bytes go, the name stays, so that a charge is not made a second time ------------------------- */

static enum err last_answer(struct store *s, struct delete_job *j)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT max(rowid), count(*) FROM (SELECT rowid FROM answers WHERE rowid > ? ORDER BY rowid LIMIT ?)"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, j->from);
    sql_bind_i64(q, 2, FORGET_STEP);
    if (sql_next(q, &e)) {
        j->seen = sqlite3_column_int64(q, 1);
        j->from = j->seen ? sqlite3_column_int64(q, 0) : j->from;
        e = E_OK;
    }
    sqlite3_finalize(q);
    return e;
}

/* A row of zeros as long as a digest is one whose answer nobody knows (notes.c). */
static enum err forget_some(struct store *s, void *self)
{
    struct delete_job *j = self;
    int64_t from = j->from;
    enum err e = last_answer(s, j);
    if (e != E_OK || !j->seen)
        return e;
    sqlite3_stmt *q = sql_prepare(s->db,
        SPAN("UPDATE answers SET bytes = zeroblob(32) WHERE rowid > ?7 AND rowid <= ?8 AND length(bytes) > 32 AND EXISTS("
             "SELECT 1 FROM calls WHERE calls.id = answers.call AND " FITS("calls", "calls.id") ")"));
    if (!q)
        return E_IO;
    bind_filter(q, j->filter);
    sql_bind_i64(q, 7, from);
    sql_bind_i64(q, 8, j->from);
    e = sql_step(q);
    j->count += e == E_OK ? (size_t)sqlite3_changes(s->db) : 0;
    s->unerased = s->unerased || j->count > 0;
    sqlite3_finalize(q);
    return e;
}

enum err store_answers_forget(struct store *s, const struct content_filter *f, size_t *count)
{
    struct delete_job j = { .filter = f };
    enum err e;
    do {
        e = jobs_do_durably(s, forget_some, &j);
    } while (e == E_OK && j.seen == FORGET_STEP);
    *count = j.count;
    return e;
}

/* ---- out of the log ------------------------------------------------------------------------------------------------------------ */

void contents_erase(struct store *s)
{
    if (!s->unerased)
        return;
    (void)sqlite3_busy_timeout(s->db, 0); /* rows wait behind this: who reads is not waited for */
    s->unerased = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK;
    (void)sqlite3_busy_timeout(s->db, SQL_PATIENCE_MS);
}

static enum err erase(struct store *s, void *self)
{
    contents_erase(s);
    *(bool *)self = !s->unerased;
    if (s->unerased && s->sweep.at > thread_now() + ERASE_STEP_MS)
        s->sweep.at = thread_now() + ERASE_STEP_MS; /* the janitor comes earlier */
    return E_OK;
}

bool store_erase(struct store *s)
{
    bool done = false;
    return jobs_do(s, erase, &done) == E_OK && done;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

enum err store_content(struct store_reader *r, uint64_t call, int64_t now_ms, struct arena *a, struct store_content *out)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT at, until, workspace, key, run, user, bytes FROM contents WHERE call = ? AND until > ?"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, (int64_t)call);
    sql_bind_i64(q, 2, now_ms);
    if (sql_next(q, &e)) {
        *out = (struct store_content){ .call = call, .at = sqlite3_column_int64(q, 0), .until = sqlite3_column_int64(q, 1),
            .workspace = arena_copy(a, sql_span(q, 2)), .key = arena_copy(a, sql_span(q, 3)), .run = arena_copy(a, sql_span(q, 4)),
            .user = arena_copy(a, sql_span(q, 5)), .bytes = arena_copy(a, sql_span(q, 6)) };
        e = out->bytes.at ? E_OK : E_NO_MEMORY;
    } else {
        e = e == E_OK ? E_NOT_FOUND : e;
    }
    reader_finish(r, q);
    return e;
}

enum err store_contents_sum(struct store_reader *r, struct span workspace, void (*visit)(void *self, const struct content_sum *sum), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT workspace, count(*), sum(length(bytes)), min(at), max(until) FROM contents WHERE ?1 IS NULL OR workspace = ?1 GROUP BY workspace ORDER BY workspace"));
    if (!q)
        return e;
    sql_bind(q, 1, workspace);
    while (sql_next(q, &e)) {
        const struct content_sum sum = { sql_span(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4) };
        visit(self, &sum);
    }
    reader_finish(r, q);
    return e;
}
