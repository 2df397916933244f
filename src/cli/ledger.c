/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - `tollgate ledger check`: does what is enforced agree with what was settled, is held and is in doubt? */
#include "cli/object.h"

static const struct column columns[] = { { "ACCOUNT", ALIGN_LEFT, 60 }, { "ENFORCED", ALIGN_POINT, 0 }, { "SETTLED", ALIGN_POINT, 0 }, { "HOLDS", ALIGN_POINT, 0 },
    { "IN DOUBT", ALIGN_POINT, 0 }, { "LEDGER SETTLED", ALIGN_POINT, 0 }, { "LEDGER RESERVED", ALIGN_POINT, 0 }, { "LEDGER IN DOUBT", ALIGN_POINT, 0 } };

/* The API has money in fields ending in _usd, other units without it. */
static struct span amount(struct cli *c, struct json_value v, const char *name)
{
    char usd[40];
    snprintf(usd, sizeof(usd), "%s_usd", name);
    struct span text = api_text(c, v, usd);
    return text.at ? text : api_text(c, v, name);
}

static void put_wrong(struct cli *c, struct json_value root)
{
    static const char *const amounts[] = { "enforced", "settled", "holds", "in_doubt", "ledger_settled", "ledger_reserved", "ledger_in_doubt" };
    struct table t;
    struct span name;
    struct json_value wrong;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("wrong"))); json_next(&it, &name, &wrong);) {
        table_row(&t);
        table_put_tinted(&t, api_text(c, wrong, "account"), TINT_RED);
        for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
            table_put(&t, amount(c, wrong, amounts[i]));
    }
    if (t.rows)
        api_show(c, &t, "");
}

static int check(struct cli *c)
{
    struct api_path path;
    struct json_value root;
    bool printed;
    api_path(&path, "ledger/check");
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE)
        return code;
    bool fine = span_is(api_text(c, root, "ok"), SPAN("yes"));
    code = fine ? EXIT_DONE : EXIT_REFUSED;
    if (printed)
        return code;
    printf("%s%s%s: %lld accounts, %lld agree, %lld wrong", tint_code(fine ? TINT_GREEN : TINT_RED, c->colour), fine ? "the ledger agrees with the books" : "the ledger is wrong",
        tint_code(TINT_NONE, c->colour), (long long)api_number(root, "accounts"), (long long)(api_number(root, "checked") - api_number(root, "wrong_count")),
        (long long)api_number(root, "wrong_count"));
    if (api_number(root, "moving"))
        printf(", %lld changed whenever they were looked at", (long long)api_number(root, "moving"));
    printf("; %lld calls hold something", (long long)api_number(root, "holds"));
    if (api_text(c, root, "oldest_hold.call").at)
        printf(", the oldest for %lld s (%.*s)", (long long)api_number(root, "oldest_hold.age_s"), SPAN_ARG(api_text(c, root, "oldest_hold.call")));
    if (api_number(root, "leaks"))
        printf("%s: longer than any call may last%s", tint_code(TINT_RED, c->colour), tint_code(TINT_NONE, c->colour));
    printf("; %lld in doubt\n", (long long)api_number(root, "doubts"));
    put_wrong(c, root);
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "check", 0, check }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_ledger = {
    .name = "ledger",
    .summary = "check that what is enforced is what was settled, is held and is in doubt",
    .usage = "  tollgate ledger check        exit code 0: every account agrees; 1: names those that do not\n",
    .operands = 1,
    .watch = "check",
    .run = run,
};
