/* SPDX-License-Identifier: Apache-2.0
 * content.c - `tollgate content`: what was captured of a call, how much of that there is, and deleting it. */
#include "cli/object.h"

static const struct column columns[] = { { "WORKSPACE", ALIGN_LEFT, 32 }, { "CALLS", ALIGN_RIGHT, 0 }, { "BYTES", ALIGN_RIGHT, 0 }, { "OLDEST", ALIGN_LEFT, 0 }, { "LAST UNTIL", ALIGN_LEFT, 0 } };

static int usage(struct cli *c)
{
    struct table t;
    struct json_value root, row;
    struct span name;
    bool printed;
    int code = object_send(c, "GET", "content", SPAN("usage"), NULL, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &row);) {
        table_row(&t);
        table_put(&t, api_text(c, row, "workspace"));
        table_put_i64(&t, api_number(row, "calls"));
        table_put_i64(&t, api_number(row, "bytes"));
        table_put(&t, api_time(c, row, "oldest_at"));
        table_put(&t, api_time(c, row, "last_until"));
    }
    return api_show(c, &t, "nothing is kept");
}

static void put_side(struct cli *c, struct json_value side, const char *title)
{
    struct span name, missing = api_text(c, side, "missing"), body = api_text(c, side, "body");
    struct json_value value;
    printf("%s", title);
    if (json_kind(json_member(side, SPAN("status"))) == JSON_NUMBER)
        printf(" %lld", (long long)api_number(side, "status"));
    printf("\n");
    for (struct json_iter it = json_iter(json_member(side, SPAN("headers"))); json_next(&it, &name, &value);)
        printf("  %.*s: %.*s\n", SPAN_ARG(name), SPAN_ARG(json_string(value)));
    if (missing.at)
        printf("\n  (not kept: %.*s)\n", SPAN_ARG(missing));
    else
        printf("\n%.*s\n", SPAN_ARG(body.at ? body : SPAN("")));
}

static int show(struct cli *c)
{
    struct json_value root;
    bool printed;
    int code = object_send(c, "GET", "calls", c->operands[1], "content", SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    printf("%.*s %.*s, kept until %.*s\n\n", SPAN_ARG(api_text(c, root, "method")), SPAN_ARG(api_text(c, root, "path")), SPAN_ARG(api_time(c, root, "until")));
    put_side(c, json_member(root, SPAN("request")), "request");
    printf("\n");
    put_side(c, json_member(root, SPAN("response")), "response");
    return EXIT_DONE;
}

static void put_filter(struct cli *c, struct json_out *o)
{
    static const char *const names[] = { "workspace", "key", "run", "user", "before", "reason", NULL };
    json_open(o, '{');
    for (const char *const *n = names; *n; n++)
        if (option_given(c, *n))
            json_pair(o, span_of(*n), strcmp(*n, "before") ? option(c, *n) : option_moment(c, option(c, *n), false));
    if (option_given(c, "keep-cache"))
        json_pair_bool(o, SPAN("cache"), false);
    if (option_given(c, "keep-answers"))
        json_pair_bool(o, SPAN("answers"), false);
    json_close(o, '}');
}

static int delete(struct cli *c)
{
    struct json_value root;
    struct buf body;
    bool printed, one = c->operand_count > 1;
    if (option_given(c, "before") && !option_moment(c, option(c, "before"), false).at)
        return usage_error(c, "--before: found \"%.*s\"; allowed: a time as 2026-11-01T00:00:00Z, or how long ago (30d)", SPAN_ARG(option(c, "before")));
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    put_filter(c, &o);
    int code = one ? object_send(c, "DELETE", "calls", c->operands[1], "content", SPAN_NONE, &root, &printed)
                   : object_send(c, "POST", "content", SPAN("delete"), NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    printf("the content of %lld calls is deleted, %lld kept answers are forgotten, %lld answers left the cache\n", (long long)api_number(root, "deleted"),
        (long long)api_number(root, "answers_forgotten"), (long long)api_number(root, "cache_purged"));
    return EXIT_DONE;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "usage", 0, usage }, { "show", 1, show }, { "delete", OBJECT_MORE, delete }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "workspace", "WORKSPACE", "delete: of calls of this workspace", false },
    { "key", "KEY", "delete: ... of this key (id or name)", false },
    { "run", "RUN", "delete: ... of this run", false },
    { "user", "USER", "delete: ... of this user", false },
    { "before", "WHEN", "delete: ... that began before (a time, or how long ago: 30d)", false },
    { "reason", "TEXT", "delete: why, for the audit log", false },
    { "keep-cache", NULL, "delete: the cache of answers stays as it is", false },
    { "keep-answers", NULL, "delete: answers kept for repeats stay", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_content = {
    .name = "content",
    .summary = "what was captured of calls: how much, reading it, deleting it",
    .usage = "  tollgate content [usage]\n"
             "  tollgate content show CALL\n"
             "  tollgate content delete CALL\n"
             "  tollgate content delete --run RUN | --key KEY | --user USER | --workspace WORKSPACE | --before WHEN [--reason TEXT]\n",
    .flags = flags,
    .operands = 2,
    .watch = "usage",
    .run = run,
};
