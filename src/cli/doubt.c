/* SPDX-License-Identifier: Apache-2.0
 * doubt.c - `tollgate doubt`: calls whose outcome is not known, and how to end that: ask the vendor again, or say what happened. */
#include "base/money.h"
#include "cli/calls.h"
#include "cli/object.h"

static const struct column columns[] = { { "CALL", ALIGN_LEFT, 0 }, { "SINCE", ALIGN_LEFT, 0 }, { "KEY", ALIGN_LEFT, 24 }, { "RUN", ALIGN_LEFT, 28 },
    { "OPERATION", ALIGN_LEFT, 36 }, { "RESERVED USD", ALIGN_POINT, 0 }, { "CAN ASK", ALIGN_LEFT, 0 }, { "IDEMPOTENCY", ALIGN_LEFT, 28 } };

static void put_row(struct cli *c, struct table *t, struct json_value doubt)
{
    struct span key = api_text(c, doubt, "key_name");
    table_put(t, api_text(c, doubt, "call"));
    table_put(t, api_time(c, doubt, "at"));
    table_put(t, key.at ? key : api_text(c, doubt, "key"));
    table_put(t, api_text(c, doubt, "run"));
    table_put(t, api_text(c, doubt, "operation"));
    table_put_tinted(t, api_text(c, doubt, "reserved_usd"), TINT_YELLOW);
    table_put(t, api_text(c, doubt, "can_ask"));
    table_put(t, api_text(c, doubt, "idempotency"));
}

static int list(struct cli *c)
{
    return object_list(c, "doubts", columns, sizeof(columns) / sizeof(*columns), put_row, "nothing is in doubt");
}

static int show(struct cli *c) { return object_show(c, "doubts"); }

/* "--spent", "--spent COST" or "--not-spent". */
static int put_outcome(struct cli *c, struct json_out *o)
{
    bool spent = option_given(c, "spent"), not_spent = option_given(c, "not-spent");
    struct span cost = c->operand_count > 2 ? c->operands[2] : SPAN_NONE;
    nano_usd amount;
    if (spent == not_spent)
        return usage_error(c, "say what happened: --spent [COST] or --not-spent --reason TEXT");
    if (not_spent && cost.at)
        return usage_error(c, "unexpected argument \"%.*s\"", SPAN_ARG(cost));
    if (cost.at && (!money_parse(cost, &amount) || amount < 0))
        return usage_error(c, "--spent: found \"%.*s\"; allowed: an amount in dollars such as 12.50; none: what was reserved", SPAN_ARG(cost));
    json_pair(o, SPAN("outcome"), spent ? SPAN("spent") : SPAN("not_spent"));
    if (cost.at)
        json_pair(o, SPAN("cost_usd"), cost);
    if (option_given(c, "reason"))
        json_pair(o, SPAN("reason"), option(c, "reason"));
    return EXIT_DONE;
}

static int resolve(struct cli *c)
{
    struct buf body;
    struct json_value root;
    bool printed = false;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    int code = put_outcome(c, &o);
    json_close(&o, '}');
    if (code == EXIT_DONE)
        code = object_send(c, "POST", "doubts", c->operands[1], "resolve", buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    struct span cost = api_text(c, root, "settlement.cost_usd");
    printf("call %.*s is settled: %.*s usd were spent\n", SPAN_ARG(c->operands[1]), SPAN_ARG(cost.at ? cost : SPAN("0")));
    return EXIT_DONE;
}

static int ask(struct cli *c)
{
    struct json_value root;
    bool printed, one = c->operand_count > 1;
    int code = object_send(c, "POST", "doubts", one ? c->operands[1] : SPAN_NONE, "ask", SPAN("{}"), &root, &printed);
    if (code == EXIT_DONE && !printed)
        printf("%s asked; `tollgate doubt` says what is still in doubt then, `tollgate calls CALL` what became of one\n",
            one ? "the vendor is being" : "the vendors that can be asked are being");
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "resolve", 1 + OBJECT_MORE, resolve },
        { "ask", OBJECT_MORE, ask }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "spent", NULL, "resolve: it was spent; COST usd, else what was reserved", false },
    { "not-spent", NULL, "resolve: nothing was spent; what is reserved is free again", false },
    { "reason", "TEXT", "resolve: how that is known (needed with --not-spent)", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_doubt = {
    .name = "doubt",
    .summary = "calls whose outcome is not known: list, show, resolve, ask",
    .usage = "  tollgate doubt [list]\n"
             "  tollgate doubt show CALL\n"
             "  tollgate doubt ask [CALL]                                    ask the vendor again; without CALL: wherever it can be asked\n"
             "  tollgate doubt resolve CALL --spent [COST] --reason TEXT     it happened\n"
             "  tollgate doubt resolve CALL --not-spent --reason TEXT        it did not\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show",
    .run = run,
};
