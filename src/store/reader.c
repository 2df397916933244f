/* SPDX-License-Identifier: Apache-2.0
 * reader.c - a reading connection, and queries put together from constant text and bound values. */
#include "store/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#include "store/inside.h"
#include "store/schema.h"

enum { LOOK_AT_CLOCK = 4000 /* of SQLite's steps */, JSON_MOST = 1 << 30, QUERY_MOST = 8192, PATH_MOST = 4096 };

static int overdue(void *self)
{
    const struct store_reader *r = self;
    return atomic_load(&r->stopped) || (r->deadline && thread_now() > r->deadline);
}

static struct store_reader *open_reader(const char *path, int flags, char why[256])
{
    struct store_reader *r = calloc(1, sizeof(*r));
    if (!r) {
        snprintf(why, 256, "out of memory");
        return NULL;
    }
    buf_init(&r->json, JSON_MOST);
    atomic_init(&r->stopped, false);
    r->db = sql_open(path, SQLITE_OPEN_READONLY | flags, why);
    if (r->db && sql_run(r->db, "PRAGMA query_only = ON") == E_OK && functions_add(r->db) == E_OK) {
        sqlite3_progress_handler(r->db, LOOK_AT_CLOCK, overdue, r);
        return r;
    }
    if (r->db)
        snprintf(why, 256, "the connection cannot be prepared: %.180s", sqlite3_errmsg(r->db));
    store_reader_free(r);
    return NULL;
}

struct store_reader *store_reader_new(struct store *s, char why[256]) { return open_reader(s->path, 0, why); }

static bool is_directory(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

/* The name for SQLite. A file without a log beside it is in nobody's use: read as it lies, since for reading it the usual way
 * a log and an index would have to be made there. */
static bool name_file(struct span path, struct buf *out)
{
    char plain[PATH_MOST], log[PATH_MOST + 8];
    int len = snprintf(plain, sizeof(plain), "%.*s", SPAN_ARG(path));
    if (is_directory(plain))
        len = snprintf(plain, sizeof(plain), "%.*s/tollgate.db", SPAN_ARG(path));
    if (len <= 0 || (size_t)len >= sizeof(plain))
        return false;
    snprintf(log, sizeof(log), "%s-wal", plain);
    buf_put(out, SPAN("file:"));
    buf_put_percent(out, span_of(plain), SPAN("/"));
    if (access(log, F_OK) != 0)
        buf_put(out, SPAN("?immutable=1"));
    buf_put_byte(out, 0);
    return !out->broken && access(plain, F_OK) == 0;
}

struct store_reader *store_reader_open(struct span path, bool *older, char why[256])
{
    struct store_reader *r = NULL;
    struct buf name;
    buf_init(&name, 4 * PATH_MOST);
    if (older)
        *older = false;
    if (name_file(path, &name))
        r = open_reader(name.at, SQLITE_OPEN_URI, why);
    else
        snprintf(why, 256, "%.*s: there is no tollgate.db", (int)(path.len < 200 ? path.len : 200), path.at);
    buf_free(&name);
    if (!r || schema_check(r->db, older, why))
        return r;
    store_reader_free(r);
    return NULL;
}

void store_reader_free(struct store_reader *r)
{
    if (!r)
        return;
    must(sqlite3_close(r->db) == SQLITE_OK);
    buf_free(&r->json);
    free(r);
}

void store_reader_stop(struct store_reader *r) { atomic_store(&r->stopped, true); }

void reader_hurried(struct store_reader *r) { r->deadline = thread_now() + READ_MOST_MS; }

void reader_unhurried(struct store_reader *r) { r->deadline = 0; }

void reader_finish(struct store_reader *r, sqlite3_stmt *q)
{
    sqlite3_finalize(q);
    (void)sqlite3_db_release_memory(r->db);
}

/* ---- queries --------------------------------------------------------------------------------------------------------------- */

void query_init(struct query *q)
{
    buf_init(&q->text, QUERY_MOST);
    q->count = 0;
}

void query_free(struct query *q) { buf_free(&q->text); }

void query_text(struct query *q, struct span constant) { buf_put(&q->text, constant); }

void query_span(struct query *q, struct span constant, struct span value)
{
    must(q->count < QUERY_VALUES);
    query_text(q, constant);
    q->values[q->count].is_number = false;
    q->values[q->count++].text = value;
}

void query_i64(struct query *q, struct span constant, int64_t value)
{
    must(q->count < QUERY_VALUES);
    query_text(q, constant);
    q->values[q->count].is_number = true;
    q->values[q->count++].number = value;
}

sqlite3_stmt *query_prepare(struct store_reader *r, struct query *q, enum err *e)
{
    struct span text;
    *e = buf_done(&q->text, &text) == E_OK ? E_OK : E_NO_MEMORY;
    sqlite3_stmt *statement = *e == E_OK ? sql_prepare(r->db, text) : NULL;
    if (!statement) {
        must(sqlite3_errcode(r->db) != SQLITE_ERROR); /* our own text does not fit our own tables */
        *e = *e == E_OK ? E_IO : *e;
        return NULL;
    }
    for (int i = 0; i < q->count; i++) {
        if (q->values[i].is_number)
            sql_bind_i64(statement, 1 + i, q->values[i].number);
        else
            sql_bind_always(statement, 1 + i, q->values[i].text);
    }
    return statement;
}

static const struct span verdicts[] = { { "allowed", 7 }, { "denied", 6 }, { "error", 5 }, { "in_doubt", 8 } };

static bool verdict_number(struct span name, int64_t *out)
{
    for (*out = 0; *out < (int64_t)(sizeof(verdicts) / sizeof(verdicts[0])); ++*out)
        if (span_is(name, verdicts[*out]))
            return true;
    return false;
}

/* Ids are nearly in the order of time: the hours a range touches bound the ids it can contain. */
enum err query_ids(struct store_reader *r, int64_t from, int64_t to, int64_t *lowest, int64_t *highest)
{
    enum err e = E_IO;
    *lowest = 1;
    *highest = 0;
    sqlite3_stmt *hours = sql_prepare(r->db, SPAN("SELECT min(lowest), max(highest) FROM hours WHERE hour >= ?1 AND hour <= ?2"));
    if (!hours)
        return e;
    sql_bind_i64(hours, 1, from / HOUR_MS);
    sql_bind_i64(hours, 2, to ? to / HOUR_MS : INT64_MAX);
    if (sql_next(hours, &e) && sqlite3_column_type(hours, 0) != SQLITE_NULL) {
        *lowest = sqlite3_column_int64(hours, 0);
        *highest = sqlite3_column_int64(hours, 1);
    }
    sqlite3_finalize(hours);
    return e;
}

static enum err where_time(struct store_reader *r, struct query *q, const struct call_filter *f)
{
    int64_t lowest, highest;
    if (!f->from && !f->to)
        return E_OK;
    enum err e = query_ids(r, f->from, f->to, &lowest, &highest);
    query_i64(q, SPAN(" AND id >= ?"), lowest);
    query_i64(q, SPAN(" AND id <= ?"), highest);
    if (f->from)
        query_i64(q, SPAN(" AND at >= ?"), f->from);
    if (f->to)
        query_i64(q, SPAN(" AND at < ?"), f->to);
    return e;
}

static int64_t as_id(uint64_t id) { return id > INT64_MAX ? INT64_MAX : (int64_t)id; }

void query_from(struct query *q, const struct call_filter *f)
{
    bool refused = f->denied.at && !f->run.at && !f->key.at;
    query_text(q, refused ? SPAN(" FROM refused CROSS JOIN calls USING(id)") : SPAN(" FROM calls"));
}

/* What a filter compares by, in rows and in facets. */
struct compared {
    size_t at; /* in struct call_filter */
    struct span row, facet; /* facet SPAN_NONE: facets do not have it */
};
#define TEXT(literal) { literal, sizeof(literal) - 1 }
static const struct compared compared[] = {
    { offsetof(struct call_filter, vendor), TEXT(" AND vendor = ?"), TEXT(" AND vendor = ?") },
    { offsetof(struct call_filter, operation), TEXT(" AND operation = ?"), TEXT(" AND operation = ?") },
    { offsetof(struct call_filter, workspace), TEXT(" AND workspace = ?"), TEXT(" AND workspace = ?") },
    { offsetof(struct call_filter, model), TEXT(" AND model = ?"), TEXT(" AND model = ?") },
    { offsetof(struct call_filter, credential), TEXT(" AND field(row, 17) = ?"), TEXT(" AND credential = ?") },
    { offsetof(struct call_filter, user), TEXT(" AND user = ?"), { NULL, 0 } },
    { offsetof(struct call_filter, step), TEXT(" AND step = ?"), { NULL, 0 } },
    { offsetof(struct call_filter, route), TEXT(" AND field(row, 16) = ?"), { NULL, 0 } },
};
enum { COMPARED = sizeof(compared) / sizeof(compared[0]) };

static struct span compared_value(const struct call_filter *f, size_t i)
{
    return *(const struct span *)(const void *)((const char *)f + compared[i].at);
}

static void put_denied(struct query *q, const struct call_filter *f)
{
    if (f->denied.at && span_is(f->denied, SPAN("*")))
        query_text(q, SPAN(" AND denied IS NOT NULL"));
    else if (f->denied.at)
        query_span(q, SPAN(" AND denied = ?"), f->denied);
}

static void put_status(struct query *q, const struct call_filter *f)
{
    if (!f->status_to)
        return;
    query_i64(q, SPAN(" AND status >= ?"), f->status);
    query_i64(q, SPAN(" AND status < ?"), f->status_to);
}

/* A label, and those below it: what comes after ':' is ';'. */
static void put_label(struct query *q, struct span column, struct span label)
{
    if (!label.at)
        return;
    query_text(q, SPAN(" AND ("));
    query_text(q, column);
    query_span(q, SPAN(" = ? OR substr("), label);
    query_text(q, column);
    query_i64(q, SPAN(", 1, ?) = "), (int64_t)label.len + 1);
    query_span(q, SPAN("? || ':')"), label);
}

bool facets_have(const struct call_filter *f)
{
    for (size_t i = 0; i < COMPARED; i++)
        if (!compared[i].facet.at && compared_value(f, i).at)
            return false;
    return !f->run.at && !f->min_cost && !f->named.at;
}

bool filter_is_bare(const struct call_filter *f)
{
    for (size_t i = 0; i < COMPARED; i++)
        if (compared_value(f, i).at)
            return false;
    return facets_have(f) && !f->denied.at && !f->verdict.at && !f->status_to && !f->label.at;
}

bool query_facets(struct query *q, const struct call_filter *f)
{
    int64_t verdict;
    for (size_t i = 0; i < COMPARED; i++)
        if (compared[i].facet.at && compared_value(f, i).at)
            query_span(q, compared[i].facet, compared_value(f, i));
    if (f->key.at)
        query_span(q, SPAN(" AND key = ?"), f->key);
    put_denied(q, f);
    put_status(q, f);
    put_label(q, SPAN("label"), f->label);
    if (f->verdict.at && verdict_number(f->verdict, &verdict))
        query_i64(q, SPAN(" AND verdict = ?"), verdict);
    return facets_have(f);
}

/* A plus before a column keeps SQLite from using its index: a run is always the narrower way in. */
static void where_texts(struct query *q, const struct call_filter *f)
{
    if (f->run.at)
        query_span(q, SPAN(" AND run = ?"), f->run);
    if (f->key.at)
        query_span(q, f->run.at ? SPAN(" AND +key = ?") : SPAN(" AND key = ?"), f->key);
    for (size_t i = 0; i < COMPARED; i++)
        if (compared_value(f, i).at)
            query_span(q, compared[i].row, compared_value(f, i));
    put_denied(q, f);
    put_status(q, f);
    put_label(q, SPAN("field(row, 73)"), f->label);
    if (f->min_cost)
        query_i64(q, SPAN(" AND cost >= ?"), f->min_cost);
    if (f->named.at) {
        query_span(q, SPAN(" AND (field(row, 40) = ?"), f->named);
        query_span(q, SPAN(" OR field(row, 41) = ?)"), f->named);
    }
}

enum err query_where(struct store_reader *r, struct query *q, const struct call_filter *f, enum where kinds)
{
    static const struct span texts[] = { { " WHERE kind = 0", 15 }, { " WHERE kind <> 2", 16 }, { " WHERE 1", 8 } };
    int64_t verdict;
    query_text(q, texts[kinds]);
    where_texts(q, f);
    if (f->verdict.at) {
        if (!verdict_number(f->verdict, &verdict))
            return E_BAD_REQUEST;
        query_i64(q, SPAN(" AND verdict = ?"), verdict);
    }
    if (f->before)
        query_i64(q, SPAN(" AND id < ?"), as_id(f->before));
    if (f->after)
        query_i64(q, SPAN(" AND id > ?"), as_id(f->after));
    return where_time(r, q, f);
}
