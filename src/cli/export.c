/* SPDX-License-Identifier: Apache-2.0
 * export.c - `tollgate export`: where rows of the audit chain go by themselves, how far they are, a test, and delivering again. */
#include "cli/object.h"

enum { EXPORTS_MOST = 64 };

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 32 }, { "KIND", ALIGN_LEFT, 0 }, { "TO", ALIGN_LEFT, 60 }, { "ROWS BEHIND", ALIGN_RIGHT, 0 },
    { "SECONDS BEHIND", ALIGN_RIGHT, 0 }, { "LAST SENT", ALIGN_LEFT, 0 }, { "STATE", ALIGN_LEFT, 60 } };

/* Texts are copies: an answer of the API lives until the next one. */
struct listed {
    struct span name, kind, to;
};

static struct span copy(struct cli *c, struct span text) { return arena_copy(&c->arena, text); }

static struct span where(struct cli *c, struct json_value e)
{
    static const char *const fields[] = { "url", "bucket", "dir" };
    struct span to = SPAN_NONE;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && !to.at; i++)
        to = copy(c, api_text(c, e, fields[i]));
    return to;
}

static void put_status(struct cli *c, struct table *t, const struct listed *e, struct json_value status)
{
    struct span trouble = api_text(c, status, "trouble");
    bool paused = span_is(api_text(c, status, "paused"), SPAN("yes"));
    table_row(t);
    table_put(t, e->name);
    table_put(t, e->kind);
    table_put(t, e->to);
    table_put_i64(t, api_number(status, "lag_rows"));
    table_put_i64(t, api_number(status, "lag_seconds"));
    table_put(t, api_time(c, status, "last_sent_at"));
    table_put_tinted(t, paused ? SPAN("paused") : trouble.at ? trouble : SPAN("works"), paused ? TINT_YELLOW : trouble.at ? TINT_RED : TINT_GREEN);
}

static int gather(struct cli *c, struct listed list[EXPORTS_MOST], size_t *count, bool *printed)
{
    struct json_value root, item;
    struct api_path path;
    struct span name;
    api_path(&path, "exports");
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, printed);
    if (code != EXIT_DONE || *printed)
        return code;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); *count < EXPORTS_MOST && json_next(&it, &name, &item);)
        list[(*count)++] = (struct listed){ copy(c, api_text(c, item, "name")), copy(c, api_text(c, item, "kind")), where(c, item) };
    return code;
}

static int list(struct cli *c)
{
    struct listed found[EXPORTS_MOST];
    size_t count = 0;
    struct json_value root;
    struct table t;
    bool printed = false;
    int code = gather(c, found, &count, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (size_t i = 0; i < count && code == EXIT_DONE; i++) {
        code = object_send(c, "GET", "exports", found[i].name, "status", SPAN_NONE, &root, &printed);
        if (code == EXIT_DONE)
            put_status(c, &t, &found[i], root);
    }
    return code == EXIT_DONE ? api_show(c, &t, "no exports: rows stay here (docs/exports.md)") : code;
}

static int show(struct cli *c) { return object_show(c, "exports"); }
static int delete(struct cli *c) { return object_delete(c, "exports"); }
static int apply(struct cli *c) { return object_apply(c, "exports", "an export is a map of its fields"); }

static int change(struct cli *c) { return object_change(c, "exports"); }

static int status(struct cli *c)
{
    struct json_value root;
    struct buf out;
    bool printed;
    int code = object_send(c, "GET", "exports", c->operands[1], "status", SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    buf_init(&out, OBJECT_BODY);
    object_print(root, &out);
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
    return EXIT_DONE;
}

static int test(struct cli *c) { return object_test(c, "exports"); }

/* "beginning" and "now" are the API's own words. */
static struct span moment(struct cli *c, struct span text)
{
    bool word = span_is(text, SPAN("beginning")) || span_is(text, SPAN("now"));
    return word ? text : option_moment(c, text, false);
}

static int rewind_to(struct cli *c)
{
    struct json_value root;
    struct buf body;
    bool printed;
    struct span from = option_given(c, "from") ? moment(c, option(c, "from")) : SPAN_NONE;
    if (!from.at)
        return usage_error(c, "rewind needs --from: a time, an age such as 2h, beginning, or now");
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("from"), from);
    if (option_given(c, "reason"))
        json_pair(&o, SPAN("reason"), option(c, "reason"));
    json_close(&o, '}');
    int code = object_send(c, "POST", "exports", c->operands[1], "rewind", buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%.*s goes on from row %lld\n", SPAN_ARG(c->operands[1]), (long long)api_number(root, "position"));
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "status", 1, status }, { "test", 1, test },
        { "apply", 2, apply }, { "change", 2, change }, { "rewind", 1, rewind_to }, { "delete", 1, delete }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "from", "WHEN", "rewind: a time, an age such as 2h, \"beginning\" or \"now\"", false },
    { "reason", "TEXT", "rewind: why; it stands in the audit log", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_export = {
    .name = "export",
    .summary = "where rows go by themselves: list, status, test, apply, change, rewind, delete",
    .usage = "  tollgate export [list]                how far each is\n"
             "  tollgate export show|status NAME\n"
             "  tollgate export test NAME             hand it an empty batch now; exit code 0: it was taken\n"
             "  tollgate export apply NAME FILE       make it be what the file says, whole\n"
             "  tollgate export change NAME FILE      only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n"
             "  tollgate export rewind NAME --from WHEN [--reason TEXT]\n"
             "  tollgate export delete NAME           its place is kept: the same name goes on from there\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show status",
    .run = run,
};
