/* SPDX-License-Identifier: Apache-2.0
 * run.c - `tollgate run`: what a run cost, tokens and charges on one bill. */
#include "cli/api.h"

enum { RUN_COLUMNS = 9 };

static const struct column list_columns[RUN_COLUMNS] = { { "RUN", ALIGN_LEFT, 48 }, { "LAST CALL", ALIGN_LEFT, 0 }, { "CALLS", ALIGN_RIGHT, 0 },
    { "REFUSED", ALIGN_RIGHT, 0 }, { "TOKENS IN", ALIGN_RIGHT, 0 }, { "TOKENS OUT", ALIGN_RIGHT, 0 }, { "COST USD", ALIGN_POINT, 0 },
    { "IN DOUBT USD", ALIGN_POINT, 0 }, { "STOPPED", ALIGN_LEFT, 24 } };

/* Nothing in doubt is the usual case: it is shown only when there is something. */
static struct span unless_zero(struct span usd) { return span_is(usd, SPAN("0")) ? SPAN_NONE : usd; }

static void put_sums(struct cli *c, struct table *t, struct json_value row, const char *cost)
{
    table_put_i64(t, api_number(row, "calls"));
    table_put_i64(t, api_number(row, "refused"));
    table_put_i64(t, api_number(row, "input_tokens"));
    table_put_i64(t, api_number(row, "output_tokens"));
    table_put(t, api_text(c, row, cost));
    table_put_tinted(t, unless_zero(api_text(c, row, "in_doubt_usd")), TINT_YELLOW);
}

static int list(struct cli *c)
{
    static const char *const names[] = { "limit", "cursor", NULL };
    struct api_path path;
    struct json_value root, item;
    struct table t;
    struct span name;
    bool printed;
    api_path(&path, "runs");
    api_path_options(&path, c, names);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, list_columns, RUN_COLUMNS, c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        struct json_value stop = json_member(item, SPAN("stopped"));
        table_row(&t);
        table_put(&t, api_text(c, item, "run"));
        table_put(&t, api_time(c, item, "last_at"));
        put_sums(c, &t, item, "total_usd");
        table_put_tinted(&t, api_text(c, stop, "id"), TINT_RED);
    }
    return api_show(c, &t, "no runs yet: send x-agent-run-id with a call");
}

/* ---- the bill ---- */

static const struct column bill_columns[] = { { "BY", ALIGN_LEFT, 0 }, { "", ALIGN_LEFT, 48 }, { "CALLS", ALIGN_RIGHT, 0 }, { "REFUSED", ALIGN_RIGHT, 0 },
    { "TOKENS IN", ALIGN_RIGHT, 0 }, { "TOKENS OUT", ALIGN_RIGHT, 0 }, { "COST USD", ALIGN_POINT, 0 }, { "IN DOUBT USD", ALIGN_POINT, 0 } };

static void put_dimension(struct cli *c, struct table *t, struct json_value root, const char *dimension)
{
    struct span member = arena_print(&c->arena, "by_%s", dimension), name;
    struct json_value row;
    bool first = true;
    for (struct json_iter it = json_iter(json_member(root, member)); json_next(&it, &name, &row); first = false) {
        struct span value = api_text(c, row, dimension);
        table_row(t);
        table_put_tinted(t, first ? span_of(dimension) : SPAN(""), TINT_DIM);
        table_put(t, value.at ? value : SPAN("(none)"));
        put_sums(c, t, row, "cost_usd");
    }
}

static int bill(struct cli *c)
{
    static const char *const dimensions[] = { "vendor", "operation", "model", "step" };
    struct api_path path;
    struct json_value root;
    struct table t;
    bool printed;
    api_path(&path, "runs");
    api_path_id(&path, c->operands[0]);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, bill_columns, sizeof(bill_columns) / sizeof(*bill_columns), c->colour);
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(*dimensions); i++)
        put_dimension(c, &t, root, dimensions[i]);
    table_row(&t);
    table_strong(&t);
    table_put(&t, SPAN("total"));
    table_put(&t, SPAN(""));
    put_sums(c, &t, root, "total_usd");
    printf("%srun %.*s%s  %.*s .. %.*s\n", tint_code(TINT_BOLD, c->colour), SPAN_ARG(c->operands[0]), tint_code(TINT_NONE, c->colour),
        SPAN_ARG(api_time(c, root, "first_at")), SPAN_ARG(api_time(c, root, "last_at")));
    struct span stop = api_text(c, root, "stopped.id"), reason = api_text(c, root, "stopped.reason");
    if (stop.at)
        printf("%sstopped%s by %.*s%s%.*s\n", tint_code(TINT_RED, c->colour), tint_code(TINT_NONE, c->colour), SPAN_ARG(stop), reason.at ? ": " : "",
            SPAN_ARG(reason.at ? text_tame(&c->arena, reason) : SPAN("")));
    return api_show(c, &t, "no calls");
}

static int run(struct cli *c) { return c->operand_count ? bill(c) : list(c); }

static const struct flag flags[] = {
    { "limit", "N", "of the list: at most so many (100)", false },
    { "cursor", "CURSOR", "of the list: go on where the last one ended", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_run = {
    .name = "run",
    .summary = "what a run cost: by vendor, operation, model and step",
    .usage = "  tollgate run                 the latest runs\n  tollgate run RUN             the bill of one\n",
    .flags = flags,
    .operands = 1,
    .watch = "*",
    .run = run,
};
