/* SPDX-License-Identifier: Apache-2.0
 * approval.c - `tollgate approval`: calls that wait for a person, what they would do, and the decision. */
#include "cli/object.h"

static const struct column columns[] = { { "APPROVAL", ALIGN_LEFT, 0 }, { "STATE", ALIGN_LEFT, 0 }, { "SINCE", ALIGN_LEFT, 0 }, { "UNTIL", ALIGN_LEFT, 0 },
    { "UP TO USD", ALIGN_POINT, 0 }, { "OPERATION", ALIGN_LEFT, 36 }, { "FOR", ALIGN_LEFT, 28 }, { "KEY", ALIGN_LEFT, 24 }, { "RUN", ALIGN_LEFT, 28 },
    { "REASON", ALIGN_LEFT, 60 } };

static const struct { const char *state; enum tint tint; } tints[] = { { "pending", TINT_YELLOW }, { "approved", TINT_GREEN }, { "used", TINT_GREEN },
    { "refused", TINT_RED }, { "expired", TINT_RED } };

static enum tint tint_of(struct span state)
{
    for (size_t i = 0; i < sizeof(tints) / sizeof(*tints); i++)
        if (span_is(state, span_of(tints[i].state)))
            return tints[i].tint;
    return TINT_NONE;
}

static void put_row(struct cli *c, struct table *t, struct json_value approval)
{
    struct span key = api_text(c, approval, "key_name"), state = api_text(c, approval, "state"), most = api_text(c, approval, "most_usd");
    table_row(t);
    table_put(t, api_text(c, approval, "id"));
    table_put_tinted(t, state, tint_of(state));
    table_put(t, api_time(c, approval, "at"));
    table_put(t, api_time(c, approval, "until"));
    table_put_tinted(t, most.at ? most : SPAN("unknown"), TINT_YELLOW);
    table_put(t, api_text(c, approval, "operation"));
    table_put(t, api_text(c, approval, "customer"));
    table_put(t, key.at ? key : api_text(c, approval, "key"));
    table_put(t, api_text(c, approval, "run"));
    table_put(t, api_text(c, approval, "reason"));
}

static int list_page(struct cli *c, struct table *t, struct span state, struct span *cursor)
{
    struct api_path path;
    struct json_value root, item;
    struct span name;
    bool printed;
    api_path(&path, "approvals");
    api_path_query(&path, "state", state);
    api_path_query(&path, "limit", SPAN("1000"));
    api_path_query(&path, "cursor", *cursor);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE)
        return code;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); !printed && json_next(&it, &name, &item);)
        put_row(c, t, item);
    *cursor = arena_copy(&c->arena, api_text(c, root, "next_cursor"));
    return EXIT_DONE;
}

static int list(struct cli *c)
{
    struct table t;
    struct span state = option_given(c, "all") ? SPAN_NONE : option_given(c, "state") ? option(c, "state") : SPAN("pending"), cursor = SPAN_NONE;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    do {
        int code = list_page(c, &t, state, &cursor);
        if (code != EXIT_DONE)
            return code;
    } while (cursor.at && cursor.len);
    return c->json ? EXIT_DONE : api_show(c, &t, state.at && span_is(state, SPAN("pending")) ? "nothing waits for a person" : "none (of the last day)");
}

static int show(struct cli *c) { return object_show(c, "approvals"); }

static int decide(struct cli *c, const char *what)
{
    struct buf body;
    struct json_value root;
    bool printed = false;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    if (option_given(c, "reason"))
        json_pair(&o, SPAN("reason"), option(c, "reason"));
    json_close(&o, '}');
    int code = object_send(c, "POST", "approvals", c->operands[1], what, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    if (strcmp(what, "refuse") == 0)
        printf("%.*s is refused; the agent is told so when it asks again\n", SPAN_ARG(c->operands[1]));
    else
        printf("%.*s is approved; the same request goes through once, until %.*s\n", SPAN_ARG(c->operands[1]), SPAN_ARG(api_time(c, root, "until")));
    return EXIT_DONE;
}

static int approve(struct cli *c) { return decide(c, "approve"); }
static int refuse(struct cli *c) { return decide(c, "refuse"); }

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "approve", 1, approve }, { "refuse", 1, refuse }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "state", "pending|approved|refused|expired|used", "list: those that are so (pending)", false },
    { "all", NULL, "list: all of the last day", false },
    { "reason", "TEXT", "approve, refuse: why; the agent is told it with a refusal", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_approval = {
    .name = "approval",
    .summary = "calls that wait for a person: list, show, approve, refuse",
    .usage = "  tollgate approval [list] [--state STATE | --all]\n"
             "  tollgate approval show ID\n"
             "  tollgate approval approve ID [--reason TEXT]     let that one call through, once\n"
             "  tollgate approval refuse ID [--reason TEXT]\n",
    .flags = flags,
    .operands = 2,
    .watch = "list show",
    .run = run,
};
