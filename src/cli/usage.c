/* SPDX-License-Identifier: Apache-2.0
 * usage.c - `tollgate usage`, `series` and `performance`: sums over calls by what one likes, over time, and how fast it went. */
#include "cli/calls.h"

enum { BY_MOST = 4, SPARK = 48 };

static int ask(struct cli *c, const char *route, const char *const names[], struct json_value *root, bool *printed)
{
    struct api_path path;
    api_path(&path, route);
    api_path_options(&path, c, names);
    int code = api_path_times(&path, c);
    if (code == EXIT_DONE)
        return api_call(c, "GET", &path, SPAN_NONE, root, printed);
    buf_free(&path.text);
    return code;
}

/* ---- sums ---- */

static const struct column sums[] = { { "CALLS", ALIGN_RIGHT, 0 }, { "REFUSED", ALIGN_RIGHT, 0 }, { "TOKENS IN", ALIGN_RIGHT, 0 },
    { "TOKENS OUT", ALIGN_RIGHT, 0 }, { "COST USD", ALIGN_POINT, 0 }, { "IN DOUBT USD", ALIGN_POINT, 0 } };
enum { SUMS = sizeof(sums) / sizeof(*sums) };

static void put_sums(struct cli *c, struct table *t, struct json_value row)
{
    struct span doubt = api_text(c, row, "in_doubt_usd");
    table_put_i64(t, api_number(row, "calls"));
    table_put_i64(t, api_number(row, "refused"));
    table_put_i64(t, api_number(row, "input_tokens"));
    table_put_i64(t, api_number(row, "output_tokens"));
    table_put(t, api_text(c, row, "cost_usd"));
    table_put_tinted(t, doubt.at && !span_is(doubt, SPAN("0")) ? doubt : SPAN_NONE, TINT_YELLOW);
}

/* The names asked for, as headings: "vendor" stands over its column as VENDOR. */
static size_t read_by(struct cli *c, struct column *columns, struct span *by)
{
    struct span rest = option_given(c, "by") ? option(c, "by") : SPAN("key"), name;
    size_t n = 0;
    while (n < BY_MOST && span_next(&rest, ',', &name)) {
        char *title = arena_take(&c->arena, name.len + 1);
        for (size_t i = 0; title && i < name.len; i++)
            title[i] = name.at[i] >= 'a' && name.at[i] <= 'z' ? (char)(name.at[i] - 'a' + 'A') : name.at[i];
        if (title)
            title[name.len] = '\0';
        columns[n] = (struct column){ title ? title : "", ALIGN_LEFT, 48 };
        by[n++] = name;
    }
    return n;
}

static struct span group(struct cli *c, struct json_value row, struct span by)
{
    struct span name = span_is(by, SPAN("key")) ? api_text(c, row, "key_name") : SPAN_NONE;
    struct json_value at = json_member(row, by);
    if (name.at)
        return name;
    name = json_kind(at) == JSON_NUMBER ? json_decimal(at, &c->arena) : json_string(at);
    return name.len ? name : SPAN("(none)");
}

static int usage(struct cli *c)
{
    static const char *const names[] = { "by", "window", "run", "key", "vendor", "operation", "model", "workspace", "label", "verdict", NULL };
    struct column columns[BY_MOST + SUMS];
    struct span by[BY_MOST], name;
    struct json_value root, row;
    struct table t;
    bool printed;
    size_t n = read_by(c, columns, by);
    int code = ask(c, option_given(c, "by") ? "usage" : "usage?by=key", names, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    memcpy(columns + n, sums, sizeof(sums));
    table_init(&t, &c->arena, columns, n + SUMS, c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &row);) {
        table_row(&t);
        for (size_t i = 0; i < n; i++)
            table_put(&t, group(c, row, by[i]));
        put_sums(c, &t, row);
    }
    if (t.rows) {
        table_row(&t);
        table_strong(&t);
        for (size_t i = 0; i < n; i++)
            table_put(&t, i ? SPAN("") : SPAN("total"));
        put_sums(c, &t, json_member(root, SPAN("total")));
    }
    return api_show(c, &t, "no calls (of this kind)");
}

static const struct flag flags[] = {
    { "by", "WHAT", "up to 4 of key, run, vendor, operation, model, step, workspace, user, denied, day, ..., with commas between (key)", false },
    { "window", "minute|hour|day|week|month|total", "of the one that now lies in (UTC); or --since and --until", false },
    FLAGS_OF_TIME,
    FLAGS_OF_CALLS,
    FLAGS_OF_PLACE,
    FLAG_VERDICT,
    { NULL, NULL, NULL, false },
};

const struct verb verb_usage = {
    .name = "usage",
    .summary = "what was spent, by key, vendor, model, day, ...",
    .usage = "  tollgate usage --by vendor,model --window month\n"
             "  tollgate usage --by key --since 24h\n",
    .flags = flags,
    .watch = "*",
    .run = usage,
};

/* ---- over time ---- */

static int64_t sum_of(struct json_value list)
{
    int64_t sum = 0, one;
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &item);)
        if (json_integer(item, &one))
            sum += one;
    return sum;
}

static const struct column series_columns[] = { { "SERIES", ALIGN_LEFT, 40 }, { "USD OVER TIME", ALIGN_LEFT, 0 }, { "CALLS OVER TIME", ALIGN_LEFT, 0 },
    { "CALLS", ALIGN_RIGHT, 0 }, { "REFUSED", ALIGN_RIGHT, 0 }, { "ERRORS", ALIGN_RIGHT, 0 }, { "TOKENS IN", ALIGN_RIGHT, 0 }, { "TOKENS OUT", ALIGN_RIGHT, 0 } };

static void put_series(struct cli *c, struct table *t, struct json_value one, struct span name)
{
    static const char *const counts[] = { "calls", "refused", "errors", "input_tokens", "output_tokens" };
    table_row(t);
    table_put(t, name.len ? name : SPAN("(none)"));
    table_put(t, spark(&c->arena, json_member(one, SPAN("cost_usd")), NULL, SPARK));
    table_put(t, spark(&c->arena, json_member(one, SPAN("calls")), NULL, SPARK));
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        table_put_i64(t, sum_of(json_member(one, span_of(counts[i]))));
}

/* "2026-06-01T12:00", whole even today. */
static struct span minute_of(struct cli *c, struct json_value root, const char *name)
{
    struct span text = api_text(c, root, name);
    return text.len > 16 ? span_first(text, 16) : text;
}

static int series(struct cli *c)
{
    static const char *const names[] = { "by", "step", "top", "key", "vendor", "workspace", "label", NULL };
    struct json_value root, one;
    struct table t;
    struct span name;
    bool printed;
    int code = ask(c, "series", names, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, series_columns, sizeof(series_columns) / sizeof(*series_columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("series"))); json_next(&it, &name, &one);)
        put_series(c, &t, one, api_text(c, one, "name"));
    put_series(c, &t, json_member(root, SPAN("total")), SPAN("total"));
    table_strong(&t);
    printf("%.*s .. %.*s UTC, a mark each %.*s\n", SPAN_ARG(minute_of(c, root, "from")), SPAN_ARG(minute_of(c, root, "to")), SPAN_ARG(api_text(c, root, "step")));
    return api_show(c, &t, "no calls");
}

static const struct flag series_flags[] = {
    { "by", "WHAT", "none, vendor, operation, model, key, label:N, workspace or verdict", false },
    { "step", "minute|hour|day", "how long a mark is", false },
    { "top", "N", "so many of their own; the others together (8)", false },
    FLAGS_OF_TIME,
    FLAG_KEY, FLAG_VENDOR,
    FLAGS_OF_PLACE,
    { NULL, NULL, NULL, false },
};

const struct verb verb_series = {
    .name = "series",
    .summary = "spend and calls over time",
    .usage = "  tollgate series --by vendor --step hour --since 24h\n",
    .flags = series_flags,
    .watch = "*",
    .run = series,
};

/* ---- how fast ---- */

static const struct { struct column column; const char *member; } measures[] = { { { "CALLS", ALIGN_RIGHT, 0 }, "calls" }, { { "ERRORS", ALIGN_RIGHT, 0 }, "errors" },
    { { "REFUSED", ALIGN_RIGHT, 0 }, "refused" }, { { "P50 MS", ALIGN_POINT, 0 }, "p50_ms" }, { { "P95 MS", ALIGN_POINT, 0 }, "p95_ms" },
    { { "P99 MS", ALIGN_POINT, 0 }, "p99_ms" }, { { "FIRST BYTE P50 MS", ALIGN_POINT, 0 }, "first_byte_p50_ms" }, { { "FIRST BYTE P95 MS", ALIGN_POINT, 0 }, "first_byte_p95_ms" },
    { { "GAP P95 MS", ALIGN_POINT, 0 }, "gap_p95_ms" }, { { "USD A CALL", ALIGN_POINT, 0 }, "usd_per_call" }, { { "COST USD", ALIGN_POINT, 0 }, "cost_usd" } };
enum { MEASURES = sizeof(measures) / sizeof(*measures) };

static int performance(struct cli *c)
{
    static const char *const names[] = { "by", NULL };
    struct column columns[1 + MEASURES] = { { "NAME", ALIGN_LEFT, 48 } };
    struct json_value root, row;
    struct table t;
    struct span name;
    bool printed;
    int code = ask(c, "performance", names, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    for (size_t i = 0; i < MEASURES; i++)
        columns[1 + i] = measures[i].column;
    table_init(&t, &c->arena, columns, 1 + MEASURES, c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &row);) {
        table_row(&t);
        table_put(&t, api_text(c, row, "name"));
        for (size_t i = 0; i < MEASURES; i++)
            table_put(&t, api_text(c, row, measures[i].member));
    }
    return api_show(c, &t, "no calls");
}

static const struct flag performance_flags[] = {
    { "by", "vendor|operation|model|credential", "a line each (vendor)", false },
    FLAGS_OF_TIME,
    { NULL, NULL, NULL, false },
};

const struct verb verb_performance = {
    .name = "performance",
    .summary = "how fast and how dear calls were: percentiles, first bytes, errors, cost a call",
    .usage = "  tollgate performance --by model --since 1h\n",
    .flags = performance_flags,
    .watch = "*",
    .run = performance,
};
