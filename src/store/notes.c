/* SPDX-License-Identifier: Apache-2.0
 * notes.c - answers kept for repeats, and the outbox of alerts: of each name there is one, the first that came. And approvals: the last
 * state of each. */
#include "store/inside.h"

#include "store/reader.h"

enum { ALERTS_MOST = 1000, APPROVALS_MOST = 100000 };
#define UNKEPT_MS (INT64_C(366) * 24 * 60 * 60 * 1000)

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

static enum err put_answer(struct store *s, const struct store_record *r)
{
    sqlite3_stmt *q = s->statements[ST_ANSWER];
    sql_bind_blob(q, 1, r->once);
    sql_bind_i64(q, 2, (int64_t)r->call);
    sql_bind_i64(q, 3, r->at);
    sql_bind_i64(q, 4, r->until);
    sql_bind_blob(q, 5, r->bytes);
    return sql_step(q);
}

/* An answer without a request's digest or bytes: flow/recollect.c takes it for "carried out, nobody knows the answer". */
enum err notes_unkept(struct store *s, const struct store_record *r)
{
    static const char nothing[DIGEST_LEN];
    struct store_record answer = *r;
    answer.until = r->at + UNKEPT_MS;
    answer.bytes = span_make(nothing, sizeof(nothing));
    return put_answer(s, &answer);
}

static enum err put_alert(struct store *s, struct span name, struct span body, int64_t at, int64_t until)
{
    sqlite3_stmt *q = s->statements[ST_ALERT];
    sql_bind_always(q, 1, name);
    sql_bind_always(q, 2, body);
    sql_bind_i64(q, 3, at);
    sql_bind_i64(q, 4, until);
    return sql_step(q);
}

static enum err put_approval(struct store *s, const struct store_record *r)
{
    sqlite3_stmt *q = s->statements[ST_APPROVAL];
    sql_bind_always(q, 1, r->once);
    sql_bind_i64(q, 2, (int64_t)r->call);
    sql_bind_i64(q, 3, r->at);
    sql_bind_i64(q, 4, r->until);
    sql_bind_blob(q, 5, r->bytes);
    return sql_step(q);
}

enum err notes_put(struct store *s, const struct store_record *r)
{
    if (r->what == STORE_APPROVAL)
        return put_approval(s, r);
    return r->what == STORE_ANSWER ? put_answer(s, r) : put_alert(s, r->once, r->bytes, r->at, r->until);
}

struct alert_job {
    struct span name, body;
    int64_t at, until;
};

static enum err alert_write(struct store *s, void *self)
{
    const struct alert_job *j = self;
    enum err e = put_alert(s, j->name, j->body, j->at, j->until);
    return e == E_OK && sqlite3_changes(s->db) == 0 ? E_CONFLICT : e;
}

enum err store_alert_put(struct store *s, struct span name, struct span body, int64_t at, int64_t until)
{
    struct alert_job j = { name, body, at, until };
    return jobs_do_durably(s, alert_write, &j);
}

struct tried_job {
    int64_t id, next_at;
    bool done;
    struct span pending, trouble;
};

static enum err tried_write(struct store *s, void *self)
{
    const struct tried_job *j = self;
    sqlite3_stmt *q = s->statements[ST_ALERT_TRIED];
    sql_bind_i64(q, 1, j->done);
    sql_bind_i64(q, 2, j->next_at);
    sql_bind(q, 3, j->pending);
    sql_bind(q, 4, j->trouble);
    sql_bind_i64(q, 5, j->id);
    enum err e = sql_step(q);
    return e == E_OK && sqlite3_changes(s->db) == 0 ? E_NOT_FOUND : e;
}

enum err store_alert_tried(struct store *s, int64_t id, bool done, int64_t next_at, struct span pending, struct span trouble)
{
    struct tried_job j = { id, next_at, done, pending, trouble };
    return jobs_do_durably(s, tried_write, &j);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

static enum err find_answer(struct store_reader *r, struct span once, int64_t now_ms, struct arena *a, struct store_answer *out)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT call, at, until, bytes FROM answers WHERE once = ? AND until > ?"));
    if (!q)
        return e;
    sql_bind_blob(q, 1, once);
    sql_bind_i64(q, 2, now_ms);
    if (sql_next(q, &e)) {
        *out = (struct store_answer){ .call = (uint64_t)sqlite3_column_int64(q, 0),
            .at = sqlite3_column_int64(q, 1),
            .until = sqlite3_column_int64(q, 2),
            .bytes = arena_copy(a, sql_span(q, 3)) };
        e = out->bytes.at ? E_OK : E_NO_MEMORY;
    } else {
        e = e == E_OK ? E_NOT_FOUND : e;
    }
    sqlite3_finalize(q);
    return e;
}

static enum err find_doubt(struct store_reader *r, struct span once, struct store_answer *out)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT call, at FROM doubts WHERE once = ? AND late = 0 ORDER BY call LIMIT 1"));
    if (!q)
        return e;
    sql_bind_blob(q, 1, once);
    if (sql_next(q, &e))
        *out = (struct store_answer){
            .in_doubt = true, .call = (uint64_t)sqlite3_column_int64(q, 0), .at = sqlite3_column_int64(q, 1)
        };
    else
        e = e == E_OK ? E_NOT_FOUND : e;
    sqlite3_finalize(q);
    return e;
}

enum err store_answer(struct store_reader *r, struct span once, int64_t now_ms, struct arena *a, struct store_answer *out)
{
    *out = (struct store_answer){ 0 };
    reader_hurried(r);
    enum err e = find_answer(r, once, now_ms, a, out);
    return e == E_NOT_FOUND ? find_doubt(r, once, out) : e;
}

static struct store_alert alert_of(sqlite3_stmt *q)
{
    return (struct store_alert){ .id = sqlite3_column_int64(q, 0),
        .name = sql_span(q, 1),
        .body = sql_span(q, 2),
        .at = sqlite3_column_int64(q, 3),
        .next_at = sqlite3_column_int64(q, 4),
        .tries = sqlite3_column_int(q, 5),
        .pending = sql_span(q, 6),
        .trouble = sql_span(q, 7),
        .done = sqlite3_column_int(q, 8) != 0 };
}

#define ALERT_COLUMNS "SELECT id, name, body, at, next_at, tries, pending, trouble, done FROM outbox "

enum err store_alerts(
    struct store_reader *r, int64_t now_ms, int limit, void (*visit)(void *self, const struct store_alert *a), void *self)
{
    enum err e = E_IO;
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db,
        now_ms ? SPAN(ALERT_COLUMNS "WHERE done = 0 AND next_at <= ?2 ORDER BY at, id LIMIT ?1")
               : SPAN(ALERT_COLUMNS "ORDER BY id DESC LIMIT ?1"));
    if (!q)
        return e;
    sql_bind_i64(q, 1, limit < 1 ? 1 : limit > ALERTS_MOST ? ALERTS_MOST : limit);
    if (now_ms)
        sql_bind_i64(q, 2, now_ms);
    while (sql_next(q, &e)) {
        struct store_alert alert = alert_of(q);
        visit(self, &alert);
    }
    reader_finish(r, q);
    return e;
}

static enum err show_approvals(struct store_reader *r, sqlite3_stmt *q, void (*visit)(void *self, const struct store_approval *a), void *self)
{
    enum err e;
    while (sql_next(q, &e)) {
        struct store_approval a = { sql_span(q, 0), sql_span(q, 1), sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3) };
        visit(self, &a);
    }
    reader_finish(r, q);
    return e;
}

#define APPROVAL_COLUMNS "SELECT id, bytes, at, until FROM approvals "

enum err store_approvals(struct store_reader *r, int limit, void (*visit)(void *self, const struct store_approval *a), void *self)
{
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN(APPROVAL_COLUMNS "ORDER BY at DESC, id LIMIT ?"));
    if (!q)
        return E_IO;
    sql_bind_i64(q, 1, limit < 1 ? 1 : limit > APPROVALS_MOST ? APPROVALS_MOST : limit);
    return show_approvals(r, q, visit, self);
}

enum err store_approval(struct store_reader *r, struct span id, void (*visit)(void *self, const struct store_approval *a), void *self)
{
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN(APPROVAL_COLUMNS "WHERE id = ?"));
    if (!q)
        return E_IO;
    sql_bind_always(q, 1, id);
    return show_approvals(r, q, visit, self);
}
