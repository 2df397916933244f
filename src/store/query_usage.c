/* SPDX-License-Identifier: Apache-2.0
 * query_usage.c - sums over calls. Integers throughout: groups add up to their total exactly.
 *
 *   from |..rows..|--hours--|======== days ========|--hours--|..rows..| to
 *
 * What is whole comes from the sums by hour and day, where facets have all that is asked for, or from those by user; else all of it comes from rows. What is in doubt
 * is asked of the doubts themselves, which are few. One transaction, so that all of it is of one moment. */
#include "store/inside.h"
#include "store/tally.h"

enum { GROUPS_MOST = 10000 /* more: E_TOO_LARGE, never a silent cut */, SERIES_MOST = 200000, TOP_MOST = 50, HOURS_A_DAY = 24 };

/* Calls are counted, settlements (kind 1) and events (kind 3) only add their money to it. Forwarded: allowed, in doubt, or failed after money
 * was held for it. */
static const char sums[] =
    "sum(kind = 0), sum(kind = 0 AND (verdict = 0 OR verdict = 3 OR (verdict = 2 AND held))), sum(kind = 0 AND verdict = 1),"
    " sum(kind = 0 AND verdict = 2), sum(cost), 0, sum(tokens_in), sum(tokens_out), min(at), max(at)";
static const char doubted[] = "0, 0, 0, 0, 0, sum(reserved), 0, 0, 0, 0";

struct asked {
    struct store_reader *reader;
    const struct call_filter *filter;
    struct grouped by[USAGE_BY];
    size_t by_count;
    struct tally tally;
};

static struct usage_row read_sums(sqlite3_stmt *q, int at)
{
    return (struct usage_row){ .calls = sqlite3_column_int64(q, at), .forwarded = sqlite3_column_int64(q, at + 1),
        .refused = sqlite3_column_int64(q, at + 2), .errors = sqlite3_column_int64(q, at + 3), .cost = sqlite3_column_int64(q, at + 4),
        .reserved_open = sqlite3_column_int64(q, at + 5), .tokens_in = sqlite3_column_int64(q, at + 6),
        .tokens_out = sqlite3_column_int64(q, at + 7), .first_at = sqlite3_column_int64(q, at + 8), .last_at = sqlite3_column_int64(q, at + 9) };
}

/* ---- from rows ---------------------------------------------------------------------------------------------------------------- */

static int64_t unit_of(enum moment m)
{
    static const int64_t units[] = { [MINUTE] = HOUR_MS / 60, [HOUR] = HOUR_MS, [DAY] = DAY_MS, [MONTH] = DAY_MS };
    return units[m];
}

/* Of a row's moments the finest tells all of them. */
static int64_t read_moment(const struct asked *x, sqlite3_stmt *q)
{
    int64_t at = 0, finest = INT64_MAX;
    for (size_t i = 0; i < x->by_count; i++) {
        enum moment m = x->by[i].dimension->moment;
        if (!m || unit_of(m) >= finest)
            continue;
        finest = unit_of(m);
        at = sqlite3_column_int64(q, (int)i) * finest;
    }
    return at;
}

static enum err collect(struct asked *x, sqlite3_stmt *q)
{
    enum err e = E_OK;
    while (e == E_OK && sql_next(q, &e)) {
        struct span names[USAGE_BY] = { { NULL, 0 } };
        struct usage_row found = read_sums(q, (int)x->by_count);
        for (size_t i = 0; i < x->by_count; i++)
            names[i] = x->by[i].dimension->moment ? SPAN_NONE : sql_span(q, (int)i);
        if (!found.last_at && !found.reserved_open)
            continue; /* the sum of nothing */
        struct usage_row *group = tally_group(&x->tally, names, read_moment(x, q));
        if (group)
            tally_add(group, &found);
        else
            e = x->tally.arena->broken ? E_NO_MEMORY : E_TOO_LARGE;
    }
    return e;
}

static void put_groups(struct query *q, size_t by_count)
{
    static const struct span numbers[USAGE_BY] = { { " GROUP BY 1", 11 }, { ", 2", 3 }, { ", 3", 3 }, { ", 4", 3 }, { ", 5", 3 } };
    for (size_t i = 0; i < by_count; i++)
        query_text(q, numbers[i]);
}

/* Groups what was asked for, runs it and adds it up; e: how it went so far. */
static enum err finish(struct asked *x, struct query *q, enum err e)
{
    sqlite3_stmt *statement = NULL;
    put_groups(q, x->by_count);
    if (e == E_OK)
        statement = query_prepare(x->reader, q, &e);
    if (statement)
        e = collect(x, statement);
    sqlite3_finalize(statement);
    query_free(q);
    return e;
}

static enum err ask_rows(struct asked *x, const struct call_filter *f, bool doubts)
{
    struct query q;
    query_init(&q);
    query_text(&q, SPAN("SELECT "));
    for (size_t i = 0; i < x->by_count; i++)
        grouped_put(&q, &x->by[i], false);
    query_text(&q, doubts ? span_of(doubted) : span_of(sums));
    if (doubts)
        query_text(&q, SPAN(" FROM (SELECT call AS id FROM doubts WHERE late = 0) CROSS JOIN calls USING(id)"));
    else
        query_from(&q, f);
    enum err e = query_where(x->reader, &q, f, WHERE_MONEY);
    if (doubts)
        query_text(&q, SPAN(" AND verdict = 3"));
    return finish(x, &q, e);
}

/* ---- from what is added up ------------------------------------------------------------------------------------------------------ */

static enum err ask_rows_between(struct asked *x, int64_t from, int64_t to)
{
    struct call_filter f = *x->filter;
    f.from = from;
    f.to = to;
    return from < to ? ask_rows(x, &f, false) : E_OK;
}

static bool by_hour(const struct asked *x)
{
    for (size_t i = 0; i < x->by_count; i++)
        if (x->by[i].dimension->moment == HOUR)
            return true;
    return false;
}

static bool added_up(const struct asked *x)
{
    for (size_t i = 0; i < x->by_count; i++)
        if (!x->by[i].dimension->facet.at)
            return false;
    return facets_have(x->filter) && !x->filter->before && !x->filter->after;
}

/* Hours [from, to), the days among them as days. */
static enum err ask_hours(struct asked *x, int64_t from, int64_t to)
{
    int64_t first = (from + HOURS_A_DAY - 1) / HOURS_A_DAY, last = to / HOURS_A_DAY;
    if (by_hour(x) || first >= last)
        return rollup_sums(x->reader, x->filter, false, from, to, &x->tally);
    enum err e = rollup_sums(x->reader, x->filter, false, from, first * HOURS_A_DAY, &x->tally);
    if (e == E_OK)
        e = rollup_sums(x->reader, x->filter, true, first, last, &x->tally);
    if (e == E_OK)
        e = rollup_sums(x->reader, x->filter, false, last * HOURS_A_DAY, to, &x->tally);
    return e;
}

/* Whether the sums by user say all that is asked for. */
static bool added_up_by_user(const struct asked *x)
{
    const struct call_filter *f = x->filter;
    struct call_filter rest = *f;
    bool user = f->user.at, empty = (f->user.at && !f->user.len) || (f->workspace.at && !f->workspace.len); /* there, that is none */
    for (size_t i = 0; i < x->by_count; i++) {
        struct span name = x->by[i].dimension->name;
        user = user || span_is(name, SPAN("user"));
        if (!span_is(name, SPAN("user")) && !span_is(name, SPAN("workspace")) && x->by[i].dimension->moment < DAY)
            return false;
    }
    rest.user = rest.workspace = SPAN_NONE;
    return user && !empty && filter_is_bare(&rest) && !f->key.at && !f->before && !f->after;
}

/* Quarters of a day [from, to). */
static enum err ask_users(struct asked *x, int64_t from, int64_t to)
{
    struct query q;
    query_init(&q);
    query_text(&q, SPAN("SELECT "));
    for (size_t i = 0; i < x->by_count; i++)
        query_text(&q, x->by[i].dimension->moment ? SPAN("at / 4, ") : span_is(x->by[i].dimension->name, SPAN("user")) ? SPAN("nullif(user, ''), ") : SPAN("nullif(workspace, ''), "));
    query_text(&q, SPAN("sum(calls), sum(forwarded), sum(refused), sum(errors), sum(cost), 0, sum(tokens_in), sum(tokens_out), min(first_at), max(last_at) FROM users"));
    query_i64(&q, SPAN(" WHERE at >= ?"), from);
    query_i64(&q, SPAN(" AND at < ?"), to);
    if (x->filter->workspace.at)
        query_span(&q, SPAN(" AND workspace = ?"), x->filter->workspace);
    if (x->filter->user.at)
        query_span(&q, SPAN(" AND user = ?"), x->filter->user);
    return finish(x, &q, E_OK);
}

/* What is whole from sums, what is left of it on both sides from rows. */
static enum err ask_whole(struct asked *x, int64_t unit, enum err (*whole)(struct asked *x, int64_t from, int64_t to))
{
    const struct call_filter *f = x->filter;
    int64_t end = f->to ? f->to : (INT64_MAX / DAY_MS) * DAY_MS;
    int64_t first = (f->from + unit - 1) / unit, last = end / unit;
    if (first >= last || f->from < 0)
        return ask_rows(x, f, false);
    enum err e = ask_rows_between(x, f->from, first * unit);
    if (e == E_OK)
        e = whole(x, first, last);
    if (e == E_OK)
        e = ask_rows_between(x, last * unit, f->to);
    return e;
}

static enum err ask_parts(struct asked *x)
{
    if (added_up(x))
        return ask_whole(x, HOUR_MS, ask_hours);
    return added_up_by_user(x) ? ask_whole(x, USERS_MS, ask_users) : ask_rows(x, x->filter, false);
}

static enum err ask_all(struct asked *x)
{
    enum err e = sql_run(x->reader->db, "BEGIN");
    if (e != E_OK)
        return e;
    e = ask_parts(x);
    if (e == E_OK)
        e = ask_rows(x, x->filter, true);
    (void)sqlite3_exec(x->reader->db, "COMMIT", NULL, NULL, NULL); /* nothing was written */
    if (e == E_OK && !x->by_count && !tally_group(&x->tally, (struct span[USAGE_BY]){ { NULL, 0 } }, 0)) /* of nothing, too */
        e = E_NO_MEMORY;
    return e;
}

static enum err ask(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, size_t most,
    const struct map *top, struct arena *a, struct usage_row **rows, size_t *count)
{
    struct asked x = { .reader = r, .filter = f, .by_count = by_count };
    *rows = NULL;
    *count = 0;
    if (by_count > USAGE_BY)
        return E_BAD_REQUEST;
    for (size_t i = 0; i < by_count; i++)
        if (!grouped_read(by[i], a, &x.by[i]))
            return E_BAD_REQUEST;
    tally_init(&x.tally, a, x.by, by_count, most);
    x.tally.top = top;
    enum err e = ask_all(&x);
    if (e == E_OK)
        e = tally_rows(&x.tally, rows, count);
    tally_free(&x.tally);
    reader_finish(r, NULL);
    return e;
}

enum err store_usage(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a,
    struct usage_row **rows, size_t *count)
{
    reader_hurried(r);
    return ask(r, f, by, by_count, GROUPS_MOST, NULL, a, rows, count);
}

enum err store_usage_each(struct store_reader *r, const struct call_filter *f, const struct span *by, size_t by_count, struct arena *a, struct usage_list *lists)
{
    struct usage_row *rows;
    size_t count;
    reader_hurried(r);
    enum err e = ask(r, f, by, by_count, SERIES_MOST, NULL, a, &rows, &count);
    for (size_t i = 0; e == E_OK && i <= by_count; i++)
        e = tally_fold(rows, count, i < by_count ? i : USAGE_BY, GROUPS_MOST, a, &lists[i].rows, &lists[i].count);
    return e;
}

/* ---- series -------------------------------------------------------------------------------------------------------------------- */

/* The names that stand alone: the first ones of rows, the dearest first. */
static enum err put_top(struct usage_row *rows, size_t count, size_t top, struct map *names)
{
    enum err e = E_OK;
    for (size_t i = 0; e == E_OK && i < count && i < top; i++)
        if (!map_put(names, rows[i].group[0].at ? rows[i].group[0] : SPAN("\1"), &rows[i]))
            e = E_NO_MEMORY;
    return e;
}

/* Of too many names for one pass: the top ones first, then the rest as one. */
static enum err ask_twice(struct store_reader *r, const struct call_filter *f, const struct span both[2], size_t top, struct arena *a,
    struct usage_row **rows, size_t *count)
{
    struct map names = { NULL, 0, 0 };
    enum err e = ask(r, f, &both[1], 1, SERIES_MOST, NULL, a, rows, count);
    if (e == E_OK)
        e = put_top(*rows, *count, top, &names);
    if (e == E_OK)
        e = ask(r, f, both, 2, SERIES_MOST, &names, a, rows, count);
    map_free(&names);
    return e;
}

/* Makes one line of all that are not among the top ones. */
static enum err fold_rest(const struct span both[2], size_t top, struct arena *a, struct usage_row **rows, size_t *count)
{
    struct map names = { NULL, 0, 0 };
    struct usage_row *dear;
    size_t found;
    struct grouped by[2];
    struct tally t;
    must(grouped_read(both[0], a, &by[0]) && grouped_read(both[1], a, &by[1])); /* they were a moment ago */
    tally_init(&t, a, by, 2, SERIES_MOST);
    t.top = &names;
    enum err e = tally_fold(*rows, *count, 1, SERIES_MOST, a, &dear, &found);
    if (e == E_OK)
        e = put_top(dear, found, top, &names);
    for (size_t i = 0; e == E_OK && i < *count; i++) {
        struct usage_row *group = tally_group(&t, (*rows)[i].group, (*rows)[i].bucket);
        if (group)
            tally_add(group, &(*rows)[i]);
        else
            e = E_NO_MEMORY;
    }
    if (e == E_OK)
        e = tally_rows(&t, rows, count);
    map_free(&names);
    tally_free(&t);
    return e;
}

enum err store_series(struct store_reader *r, const struct call_filter *f, struct span step, struct span by, size_t top, struct arena *a,
    struct usage_row **rows, size_t *count)
{
    const struct span both[] = { step, by };
    top = top < TOP_MOST ? top : TOP_MOST;
    reader_hurried(r);
    enum err e = ask(r, f, both, by.at ? 2 : 1, SERIES_MOST, NULL, a, rows, count);
    if (!by.at || (e != E_OK && e != E_TOO_LARGE))
        return e;
    return e == E_TOO_LARGE ? ask_twice(r, f, both, top, a, rows, count) : fold_rest(both, top, a, rows, count);
}
