/* SPDX-License-Identifier: Apache-2.0
 * query_usage.c - sums over calls, and the list of runs. Integers throughout: groups add up to their total exactly. */
#include "store/reader.h"

#include "base/text.h"

enum { GROUPS_MOST = 10000 /* more: E_TOO_LARGE, never a silent cut */, BY_MOST = 4, RUNS_MOST = 1000 };

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* What may be grouped by. Nothing else of a caller's text ever gets into a statement. The plus keeps SQLite from walking
 * the whole table in the order of an index, a row here and a row there. */
static const struct group {
    struct span name, column;
    bool day;
} groups[] = {
    { { "key", 3 }, { "+key", 4 }, false },
    { { "run", 3 }, { "run", 3 }, false },
    { { "vendor", 6 }, { "vendor", 6 }, false },
    { { "operation", 9 }, { "operation", 9 }, false },
    { { "model", 5 }, { "model", 5 }, false },
    { { "step", 4 }, { "step", 4 }, false },
    { { "workspace", 9 }, { "workspace", 9 }, false },
    { { "user", 4 }, { "user", 4 }, false },
    { { "denied", 6 }, { "denied", 6 }, false },
    { { "day", 3 }, { "at / 86400000", 13 }, true },
};

static const struct group *find_group(struct span name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (span_is(groups[i].name, name))
            return &groups[i];
    return NULL;
}

/* Calls are counted, settlements (kind 1) only add their money to it. Forwarded: allowed, in doubt, or failed after money
 * was held for it. Open is what still waits for its settlement. */
static const char sums[] =
    "sum(kind = 0), sum(kind = 0 AND (verdict = 0 OR verdict = 3 OR (verdict = 2 AND held))), sum(kind = 0 AND verdict = 1),"
    " sum(cost), sum(CASE WHEN verdict = 3 AND EXISTS(SELECT 1 FROM doubts WHERE doubts.call = calls.id) THEN reserved ELSE 0 END),"
    " sum(tokens_in), sum(tokens_out), min(at), max(at)";

static void read_sums(sqlite3_stmt *q, int at, struct usage_row *row)
{
    row->calls = sqlite3_column_int64(q, at);
    row->forwarded = sqlite3_column_int64(q, at + 1);
    row->refused = sqlite3_column_int64(q, at + 2);
    row->cost = sqlite3_column_int64(q, at + 3);
    row->reserved_open = sqlite3_column_int64(q, at + 4);
    row->tokens_in = sqlite3_column_int64(q, at + 5);
    row->tokens_out = sqlite3_column_int64(q, at + 6);
    row->first_at = sqlite3_column_int64(q, at + 7);
    row->last_at = sqlite3_column_int64(q, at + 8);
}

static struct span day_name(int64_t day, struct arena *a)
{
    char text[TIME_TEXT];
    return arena_copy(a, span_first(text_time(day * DAY_MS, text), sizeof("2026-11-21") - 1));
}

/* An array that doubles inside the arena. */
struct rows {
    struct arena *arena;
    struct usage_row *at;
    size_t count, room;
};

static struct usage_row *add_row(struct rows *rows)
{
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 16;
        struct usage_row *more = ARENA_ARRAY(rows->arena, struct usage_row, room);
        if (!more)
            return NULL;
        if (rows->count)
            memcpy(more, rows->at, rows->count * sizeof(*more));
        rows->at = more;
        rows->room = room;
    }
    return &rows->at[rows->count++];
}

static enum err collect(sqlite3_stmt *q, const struct group *const *by, size_t by_count, struct rows *rows)
{
    enum err e = E_OK;
    while (sql_next(q, &e)) {
        struct usage_row *row = rows->count < GROUPS_MOST ? add_row(rows) : NULL;
        if (!row)
            return rows->arena->broken ? E_NO_MEMORY : E_TOO_LARGE;
        for (size_t i = 0; i < by_count; i++)
            row->group[i] = by[i]->day ? day_name(sqlite3_column_int64(q, (int)i), rows->arena)
                                       : arena_copy(rows->arena, sql_span(q, (int)i));
        read_sums(q, (int)by_count, row);
    }
    return e == E_OK && rows->arena->broken ? E_NO_MEMORY : e;
}

static void put_query(struct query *q, const struct group *const *by, size_t by_count)
{
    query_text(q, SPAN("SELECT "));
    for (size_t i = 0; i < by_count; i++) {
        query_text(q, by[i]->column);
        query_text(q, SPAN(", "));
    }
    query_text(q, span_of(sums));
}

static void put_groups(struct query *q, const struct group *const *by, size_t by_count)
{
    static const struct span numbers[BY_MOST] = { { "1", 1 }, { ", 2", 3 }, { ", 3", 3 }, { ", 4", 3 } };
    if (by_count == 0)
        return;
    query_text(q, SPAN(" GROUP BY "));
    for (size_t i = 0; i < by_count; i++)
        query_text(q, numbers[i]);
    bool by_day = by[0]->day; /* days in their order, all else the dearest first */
    query_text(q, by_day ? SPAN(" ORDER BY ") : SPAN(" ORDER BY sum(cost) DESC, "));
    for (size_t i = 0; i < by_count; i++)
        query_text(q, numbers[i]);
    query_i64(q, SPAN(" LIMIT ?"), GROUPS_MOST + 1);
}

enum err store_usage(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a,
    struct usage_row **rows, size_t *count)
{
    const struct group *chosen[BY_MOST];
    struct rows found = { .arena = a };
    struct query q;
    sqlite3_stmt *statement = NULL;
    if (by_count > BY_MOST)
        return E_BAD_REQUEST;
    for (size_t i = 0; i < by_count; i++)
        if (!(chosen[i] = find_group(by[i])))
            return E_BAD_REQUEST;
    reader_hurried(r);
    query_init(&q);
    put_query(&q, chosen, by_count);
    query_from(&q, f);
    enum err e = query_where(r, &q, f, WHERE_MONEY);
    put_groups(&q, chosen, by_count);
    if (e == E_OK)
        statement = query_prepare(r, &q, &e);
    if (statement)
        e = collect(statement, chosen, by_count, &found);
    reader_finish(r, statement);
    query_free(&q);
    *rows = found.at;
    *count = found.count;
    return e;
}

/* ---- runs ------------------------------------------------------------------------------------------------------------------
 * A cursor is "LAST_AT:LENGTH:RUN WORKSPACE" (the two names joined, the first LENGTH bytes are the run's). */

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

static struct span write_cursor(const struct usage_row *row, struct arena *a)
{
    return arena_print(a, "%lld:%zu:%.*s%.*s", (long long)row->last_at, row->group[0].len, SPAN_ARG(row->group[0]),
        SPAN_ARG(row->group[1]));
}

static enum err collect_runs(sqlite3_stmt *q, struct rows *rows)
{
    enum err e = E_OK;
    while (sql_next(q, &e)) {
        struct usage_row *row = add_row(rows);
        if (!row)
            return E_NO_MEMORY;
        row->group[0] = arena_copy(rows->arena, sql_span(q, 0));
        row->group[1] = arena_copy(rows->arena, sql_span(q, 1));
        read_sums(q, 2, row);
    }
    return e == E_OK && rows->arena->broken ? E_NO_MEMORY : e;
}

enum err store_runs(struct store_reader *r, struct span cursor, int limit, struct arena *a, struct usage_row **rows, size_t *count,
    struct span *next)
{
    struct rows found = { .arena = a };
    struct place from = { 0 };
    struct query q;
    enum err e = E_OK;
    limit = limit < 1 ? 1 : limit > RUNS_MOST ? RUNS_MOST : limit;
    if (cursor.len && !read_cursor(cursor, &from))
        return E_BAD_REQUEST;
    reader_hurried(r);
    query_init(&q);
    query_text(&q, SPAN("SELECT run, workspace, calls, forwarded, refused, cost, open, tokens_in, tokens_out, first_at,"
                       " last_at FROM runs"));
    if (cursor.len) {
        query_i64(&q, SPAN(" WHERE (last_at, run, workspace) < (?"), from.last_at);
        query_span(&q, SPAN(", ?"), from.run);
        query_span(&q, SPAN(", ?)"), from.workspace);
    }
    /* One more: is there a next page? */
    query_i64(&q, SPAN(" ORDER BY last_at DESC, run DESC, workspace DESC LIMIT ?"), limit + 1);
    sqlite3_stmt *statement = query_prepare(r, &q, &e);
    if (statement)
        e = collect_runs(statement, &found);
    reader_finish(r, statement);
    query_free(&q);
    *next = SPAN_NONE;
    if (e == E_OK && found.count > (size_t)limit) {
        found.count = (size_t)limit;
        *next = write_cursor(&found.at[found.count - 1], a);
        e = next->at ? E_OK : E_NO_MEMORY;
    }
    *rows = found.at;
    *count = found.count;
    return e;
}
