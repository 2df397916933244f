/* SPDX-License-Identifier: Apache-2.0
 * query_runs.c - the list of runs, latest first. A cursor is "LAST_AT:LENGTH:RUN WORKSPACE" (the two names joined, the first LENGTH
 * bytes are the run's). */
#include "store/reader.h"

#include "store/inside.h"

enum { RUNS_MOST = 1000, LOOK_AT_CLOCK = 16 /* runs */ };

struct place {
    int64_t last_at;
    struct span run, workspace;
};

static bool read_cursor(struct span cursor, struct place *p)
{
    struct span at, len;
    uint64_t n;
    if (!span_cut(&cursor, ':', &at) || !span_cut(&cursor, ':', &len))
        return false;
    if (!span_to_i64(at, &p->last_at) || !span_to_u64(len, &n) || n > cursor.len)
        return false;
    p->run = span_first(cursor, (size_t)n);
    p->workspace = span_from(cursor, (size_t)n);
    return true;
}

static struct span write_cursor(const struct place *p, struct arena *a)
{
    return arena_print(a, "%lld:%zu:%.*s%.*s", (long long)p->last_at, p->run.len, SPAN_ARG(p->run), SPAN_ARG(p->workspace));
}

enum { RUN, WORKSPACE, CALLS, FORWARDED, REFUSED, COST, OPEN, TOKENS_IN, TOKENS_OUT, FIRST_AT, LAST_AT, FITS };

static enum err read_run(sqlite3_stmt *q, struct arena *a, struct usage_row *out)
{
    *out = (struct usage_row){ .calls = sqlite3_column_int64(q, CALLS), .forwarded = sqlite3_column_int64(q, FORWARDED),
        .refused = sqlite3_column_int64(q, REFUSED), .cost = sqlite3_column_int64(q, COST), .reserved_open = sqlite3_column_int64(q, OPEN),
        .tokens_in = sqlite3_column_int64(q, TOKENS_IN), .tokens_out = sqlite3_column_int64(q, TOKENS_OUT),
        .first_at = sqlite3_column_int64(q, FIRST_AT), .last_at = sqlite3_column_int64(q, LAST_AT) };
    out->group[0] = arena_copy(a, sql_span(q, RUN));
    out->group[1] = arena_copy(a, sql_span(q, WORKSPACE));
    return a->broken ? E_NO_MEMORY : E_OK;
}

/* Whether a run fits, as a column and not as a condition: so that each run passed over is seen, and the clock with it. Its own key and label
 * are those of its first call; where others may be, its calls are asked. */
static void put_fits(struct query *q, const struct run_filter *f)
{
    query_text(q, SPAN(", 1"));
    if (f->q.at)
        query_span(q, SPAN(" AND instr(run, ?)"), f->q);
    if (f->key.at) {
        query_span(q, SPAN(" AND CASE WHEN key IS ? THEN 1 WHEN mixed & 1 THEN EXISTS(SELECT 1 FROM calls WHERE calls.run = runs.run AND +calls.key"), f->key);
        query_span(q, SPAN(" = ? AND coalesce(calls.workspace, '') = runs.workspace) ELSE 0 END"), f->key);
    }
    if (f->label.at) {
        query_i64(q, SPAN(" AND CASE WHEN substr(label || ':', 1, ?)"), (int64_t)f->label.len + 1);
        query_span(q, SPAN(" = ? || ':' THEN 1 WHEN mixed & 2 THEN EXISTS(SELECT 1 FROM calls WHERE calls.run = runs.run AND"), f->label);
        query_i64(q, SPAN(" substr(field(row, 73) || ':', 1, ?)"), (int64_t)f->label.len + 1);
        query_span(q, SPAN(" = ? || ':' AND coalesce(calls.workspace, '') = runs.workspace) ELSE 0 END"), f->label);
    }
}

static sqlite3_stmt *prepare(struct store_reader *r, const struct run_filter *f, const struct place *from, enum err *e)
{
    struct query q;
    query_init(&q);
    query_text(&q, SPAN("SELECT run, workspace, calls, forwarded, refused, cost, open, tokens_in, tokens_out, first_at, last_at"));
    put_fits(&q, f);
    query_text(&q, SPAN(" FROM runs WHERE 1"));
    if (from->run.at) {
        query_i64(&q, SPAN(" AND (last_at, run, workspace) < (?"), from->last_at);
        query_span(&q, SPAN(", ?"), from->run);
        query_span(&q, SPAN(", ?)"), from->workspace);
    }
    if (f->workspace.at)
        query_span(&q, SPAN(" AND workspace = ?"), f->workspace);
    if (f->from)
        query_i64(&q, SPAN(" AND last_at >= ?"), f->from);
    if (f->to)
        query_i64(&q, SPAN(" AND last_at < ?"), f->to);
    query_text(&q, SPAN(" ORDER BY last_at DESC, run DESC, workspace DESC"));
    sqlite3_stmt *statement = query_prepare(r, &q, e);
    query_free(&q);
    return statement;
}

struct run_list {
    struct arena *arena;
    struct usage_row *rows;
    size_t count, limit;
    struct span next;
};

static enum err collect(sqlite3_stmt *q, struct run_list *list)
{
    enum err e = E_OK;
    int64_t end = thread_now() + STORE_PAGE_MS;
    struct place last = { 0 };
    for (size_t seen = 0; e == E_OK && sql_next(q, &e); seen++) {
        bool full = list->count == list->limit, late = seen % LOOK_AT_CLOCK == LOOK_AT_CLOCK - 1 && thread_now() > end;
        if (full) { /* there is one more */
            const struct usage_row *row = &list->rows[list->count - 1];
            last = (struct place){ row->last_at, row->group[0], row->group[1] };
        } else if (sqlite3_column_int(q, FITS)) {
            e = read_run(q, list->arena, &list->rows[list->count++]);
        }
        if (late && !full)
            last = (struct place){ sqlite3_column_int64(q, LAST_AT), sql_span(q, RUN), sql_span(q, WORKSPACE) };
        if (!last.run.at)
            continue;
        list->next = write_cursor(&last, list->arena);
        return list->next.at ? e : E_NO_MEMORY;
    }
    return e;
}

enum err store_runs(struct store_reader *r, const struct run_filter *f, struct span cursor, int limit, struct arena *a,
    struct usage_row **rows, size_t *count, struct span *next)
{
    struct place from = { 0 };
    enum err e = E_OK;
    limit = limit < 1 ? 1 : limit > RUNS_MOST ? RUNS_MOST : limit;
    struct run_list list = { .arena = a, .rows = ARENA_ARRAY(a, struct usage_row, (size_t)limit), .limit = (size_t)limit };
    if (cursor.len && !read_cursor(cursor, &from))
        return E_BAD_REQUEST;
    if (!list.rows)
        return E_NO_MEMORY;
    reader_hurried(r);
    sqlite3_stmt *q = prepare(r, f, &from, &e);
    if (q)
        e = collect(q, &list);
    reader_finish(r, q);
    *rows = list.rows;
    *count = list.count;
    *next = list.next;
    return e;
}
