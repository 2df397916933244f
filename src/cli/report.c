/* SPDX-License-Identifier: Apache-2.0
 * report.c - `tollgate report`: what was spent, what it will come to, what one of a thing costs, who pays for it, who may reach what. One
 * table for all: the columns are the report's own. `tollgate evidence` fetches the reviewer's archive. */
#include "cli/download.h"

static const char *const range[] = { "by", "month", "vendor", "key", "workspace", "owner", NULL };

static bool is_money(struct span name) { return span_ends(name, SPAN("_usd")) || span_starts(name, SPAN("usd_per_")); }

/* "cost_usd" as "COST USD". */
static const char *title(struct cli *c, struct span name)
{
    char *text = arena_take(&c->arena, name.len + 1);
    for (size_t i = 0; text && i < name.len; i++) {
        char one = name.at[i];
        text[i] = one == '_' ? ' ' : one >= 'a' && one <= 'z' ? (char)(one - 'a' + 'A') : one;
    }
    return text ? text : "";
}

/* A cell as text: what it is is the report's to say. */
static struct span cell_text(struct cli *c, struct json_value v)
{
    struct span text = SPAN_NONE, name;
    struct json_value item;
    if (json_kind(v) == JSON_STRING)
        return json_string(v).len ? json_string(v) : SPAN_NONE;
    if (json_kind(v) == JSON_NUMBER)
        return json_decimal(v, &c->arena);
    for (struct json_iter it = json_iter(v); json_kind(v) == JSON_ARRAY && json_next(&it, &name, &item);)
        text = text.at ? arena_print(&c->arena, "%.*s, %.*s", SPAN_ARG(text), SPAN_ARG(json_string(item))) : json_string(item);
    return text;
}

static size_t read_columns(struct cli *c, struct json_value row, struct column columns[COLUMNS_MOST])
{
    size_t n = 0;
    struct span name;
    struct json_value cell;
    for (struct json_iter it = json_iter(row); n < COLUMNS_MOST && json_next(&it, &name, &cell);)
        columns[n++] = (struct column){ title(c, name), is_money(name) ? ALIGN_POINT : json_kind(cell) == JSON_NUMBER ? ALIGN_RIGHT : ALIGN_LEFT, is_money(name) ? 0 : 40 };
    return n;
}

static void put_row(struct cli *c, struct table *t, struct json_value row)
{
    size_t n = 0;
    struct span name;
    struct json_value cell;
    table_row(t);
    for (struct json_iter it = json_iter(row); n < t->width && json_next(&it, &name, &cell); n++)
        table_put(t, cell_text(c, cell));
    for (; n < t->width; n++)
        table_put(t, SPAN_NONE);
}

/* Figures that stand beside the rows. */
static void put_notes(struct cli *c, struct json_value root)
{
    struct span name;
    struct json_value note;
    for (struct json_iter it = json_iter(root); json_next(&it, &name, &note);) {
        struct span text = json_kind(note) == JSON_ARRAY ? SPAN_NONE : cell_text(c, note);
        if (text.at && !span_is(name, SPAN("at")))
            printf("%.*s: %.*s\n", SPAN_ARG(name), SPAN_ARG(text_tame(&c->arena, text)));
    }
}

static int show(struct cli *c, struct json_value root)
{
    struct column columns[COLUMNS_MOST];
    struct table t;
    struct span name;
    struct json_value row, data = json_member(root, SPAN("data")), total = json_member(root, SPAN("total"));
    struct json_iter first = json_iter(data);
    if (!json_next(&first, &name, &row))
        row = total;
    size_t width = read_columns(c, row, columns);
    put_notes(c, root);
    table_init(&t, &c->arena, columns, width, c->colour);
    for (struct json_iter it = json_iter(data); json_next(&it, &name, &row);)
        put_row(c, &t, row);
    if (json_kind(total) == JSON_OBJECT && json_count(data) != 0) {
        put_row(c, &t, total);
        table_strong(&t);
    }
    return api_show(c, &t, "nothing in this time");
}

static int list(struct cli *c)
{
    static const struct column columns[] = { { "REPORT", ALIGN_LEFT, 0 }, { "WHAT", ALIGN_LEFT, 0 } };
    struct api_path path;
    struct json_value root, item;
    struct span name;
    struct table t;
    bool printed;
    api_path(&path, "reports");
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, 2, c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        table_row(&t);
        table_put(&t, api_text(c, item, "id"));
        table_put(&t, api_text(c, item, "title"));
    }
    return api_show(c, &t, "no reports");
}

static int run(struct cli *c)
{
    struct api_path path;
    struct json_value root;
    bool printed, csv = option_given(c, "csv");
    if (!c->operand_count)
        return list(c);
    if (span_is(c->operands[0], SPAN("evidence")))
        return usage_error(c, "evidence is an archive, no table: tollgate evidence --out FILE.tar.gz");
    if (span_is(c->operands[0], SPAN("invoice")))
        return usage_error(c, "invoice needs the vendor's file: tollgate reconcile --invoice FILE");
    /* A row for each call: too long for a table, and for one answer in memory. */
    bool file = csv || option_given(c, "out") || span_is(c->operands[0], SPAN("reconciliation"));
    api_path(&path, "reports");
    api_path_id(&path, c->operands[0]);
    api_path_options(&path, c, range);
    api_path_query(&path, "label_depth", option(c, "depth"));
    int code = download_range(c, &path);
    if (code == EXIT_DONE && file) {
        api_path_query(&path, "format", c->json && !csv ? SPAN("json") : SPAN("csv"));
        api_path_query(&path, "totals", option_given(c, "totals") ? SPAN("1") : SPAN_NONE);
        return download(c, &path);
    }
    if (code != EXIT_DONE) {
        buf_free(&path.text);
        return code;
    }
    code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    return code != EXIT_DONE || printed ? code : show(c, root);
}

static const struct flag flags[] = {
    { "by", "DIMENSIONS", "spend, units, forecast: key, vendor, model, label:2, metadata.NAME, ...; commas between them", false },
    { "month", "MONTH", "such as 2026-06; else the current one", false },
    { "from", "TIME", "the first moment: 7d ago, a date, a time", false },
    { "to", "TIME", "the first moment that does not belong to it", false },
    { "depth", "N", "chargeback: how many parts of the label count", false },
    { "vendor", "VENDOR", "only this vendor", false },
    { "key", "KEY", "only this key", false },
    { "workspace", "NAME", "only this workspace", false },
    { "owner", "NAME", "access: only the keys of this owner", false },
    { "csv", NULL, "as CSV, for a sheet", false },
    { "totals", NULL, "CSV: with a last line of sums", false },
    { "out", "FILE", "into this file", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_report = {
    .name = "report",
    .summary = "spend, forecast, unit costs, chargeback, reconciliation, access",
    .usage = "  tollgate report                                        the reports there are\n"
             "  tollgate report spend --by vendor,model --month 2026-06\n"
             "  tollgate report forecast --by vendor\n"
             "  tollgate report units --by key\n"
             "  tollgate report chargeback --depth 2 --month 2026-06 --csv --totals --out june.csv\n"
             "  tollgate report reconciliation --from 2026-06-01 --to 2026-07-01 --out rows.csv\n"
             "  tollgate report access --owner NAME\n",
    .flags = flags,
    .operands = 1,
    .watch = "*",
    .run = run,
};

/* ---- evidence ---- */

static int fetch_evidence(struct cli *c)
{
    struct api_path path;
    if (!option_given(c, "out"))
        return usage_error(c, "needs --out FILE.tar.gz: where to put the archive");
    api_path(&path, "reports/evidence");
    api_path_query(&path, "month", option(c, "month"));
    int code = download_range(c, &path);
    if (code != EXIT_DONE) {
        buf_free(&path.text);
        return code;
    }
    code = download(c, &path);
    if (code == EXIT_DONE)
        printf("%.*s is written: its README.md says what is in it and how to check it\n", SPAN_ARG(option(c, "out")));
    return code;
}

static const struct flag evidence_flags[] = {
    { "out", "FILE", "the archive, such as evidence.tar.gz", false },
    { "month", "MONTH", "such as 2026-06; else the current one", false },
    { "from", "TIME", "the first moment of the refusals that are shown", false },
    { "to", "TIME", "the first moment that does not belong to them", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_evidence = {
    .name = "evidence",
    .summary = "a dated archive for a reviewer, from the gate's own records",
    .usage = "  tollgate evidence --out evidence.tar.gz --from 2026-06-01 --to 2026-07-01\n",
    .flags = evidence_flags,
    .run = fetch_evidence,
};
