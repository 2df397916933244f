/* SPDX-License-Identifier: Apache-2.0
 * health.c - `tollgate health`: how targets are doing, once or as it goes on; and closing a breaker or forgiving a credential by hand. */
#include "cli/object.h"

static const struct column columns[] = { { "TARGET", ALIGN_LEFT, 60 }, { "BREAKER", ALIGN_LEFT, 0 }, { "UNTIL", ALIGN_LEFT, 0 }, { "CALLS", ALIGN_RIGHT, 0 },
    { "FAILED", ALIGN_RIGHT, 0 }, { "LAST MIN", ALIGN_RIGHT, 0 }, { "FIRST BYTE MS", ALIGN_POINT, 0 }, { "P95 MS", ALIGN_POINT, 0 }, { "IN FLIGHT", ALIGN_RIGHT, 0 },
    { "HEADROOM", ALIGN_RIGHT, 0 }, { "WHY", ALIGN_LEFT, 70 } };
static const struct column refused_columns[] = { { "REFUSED CREDENTIAL", ALIGN_LEFT, 60 }, { "STATUS", ALIGN_RIGHT, 0 }, { "SINCE", ALIGN_LEFT, 0 } };

static enum tint tint_of(struct span breaker)
{
    return span_is(breaker, SPAN("open")) ? TINT_RED : span_is(breaker, SPAN("half_open")) ? TINT_YELLOW : TINT_GREEN;
}

/* "openai/main/gpt-4o@eu" */
static struct span name_of(struct cli *c, struct json_value target)
{
    static const char *const members[] = { "credential", "model" };
    struct span name = api_text(c, target, "vendor"), region = api_text(c, target, "region");
    for (size_t i = 0; i < 2; i++) {
        struct span part = api_text(c, target, members[i]);
        if (part.at)
            name = arena_print(&c->arena, "%.*s/%.*s", SPAN_ARG(name), SPAN_ARG(part));
    }
    return region.at ? arena_print(&c->arena, "%.*s@%.*s", SPAN_ARG(name), SPAN_ARG(region)) : name;
}

static struct span milliseconds(struct cli *c, struct json_value target, const char *member)
{
    int64_t us = api_number(target, member);
    return api_text(c, target, member).at ? arena_print(&c->arena, "%lld.%lld", (long long)(us / 1000), (long long)(us % 1000 / 100)) : SPAN_NONE;
}

static struct span percent(struct cli *c, struct json_value target)
{
    return api_text(c, target, "headroom_ppm").at ? arena_print(&c->arena, "%lld%%", (long long)(api_number(target, "headroom_ppm") / 10000)) : SPAN_NONE;
}

static void put_target(struct cli *c, struct table *t, struct json_value target)
{
    struct span breaker = api_text(c, target, "breaker");
    int64_t failed = api_number(target, "failures");
    table_row(t);
    table_put(t, name_of(c, target));
    table_put_tinted(t, breaker, tint_of(breaker));
    table_put(t, api_time(c, target, "until"));
    table_put_i64(t, api_number(target, "calls"));
    table_put_tinted(t, arena_print(&c->arena, "%lld", (long long)failed), failed ? TINT_YELLOW : TINT_NONE);
    table_put(t, arena_print(&c->arena, "%lld/%lld", (long long)api_number(target, "failures_1m"), (long long)api_number(target, "calls_1m")));
    table_put(t, milliseconds(c, target, "first_byte_us"));
    table_put(t, milliseconds(c, target, "first_byte_p95_us"));
    table_put_i64(t, api_number(target, "in_flight"));
    table_put(t, percent(c, target));
    table_put(t, api_text(c, target, "why"));
}

static int print_refused(struct cli *c, struct json_value refused)
{
    struct table t;
    struct span name;
    struct json_value one;
    if (!json_count(refused))
        return EXIT_DONE;
    table_init(&t, &c->arena, refused_columns, sizeof(refused_columns) / sizeof(*refused_columns), c->colour);
    for (struct json_iter it = json_iter(refused); json_next(&it, &name, &one);) {
        table_row(&t);
        table_put_tinted(&t, name_of(c, one), TINT_RED);
        table_put(&t, api_text(c, one, "status"));
        table_put(&t, api_time(c, one, "since"));
    }
    puts("");
    return api_show(c, &t, "");
}

static int show(struct cli *c, struct span vendor)
{
    struct api_path path;
    struct json_value root, target;
    struct table t;
    struct span name;
    bool printed;
    api_path(&path, "health");
    api_path_query(&path, "vendor", vendor);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("targets"))); json_next(&it, &name, &target);)
        put_target(c, &t, target);
    code = api_show(c, &t, "no target was called yet");
    return code == EXIT_DONE ? print_refused(c, json_member(root, SPAN("refused"))) : code;
}

/* "openai/main/gpt-4o": a model's name may have slashes, the others have none. */
static int reset(struct cli *c)
{
    static const char *const members[] = { "vendor", "credential", "model" };
    struct span rest = c->operands[1], piece;
    struct json_value root;
    struct buf body;
    bool printed;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    for (size_t i = 0; i < 3 && rest.at; i++) {
        if (i < 2)
            span_next(&rest, '/', &piece);
        json_pair(&o, span_of(members[i]), i < 2 ? piece : rest);
    }
    if (option_given(c, "reason"))
        json_pair(&o, SPAN("reason"), option(c, "reason"));
    json_close(&o, '}');
    int code = object_send(c, "POST", "health", SPAN("reset"), NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%.*s is reset: it is asked again from now on\n", SPAN_ARG(api_text(c, root, "reset")));
    return code;
}

static int run(struct cli *c)
{
    bool resets = c->operand_count && span_is(c->operands[0], SPAN("reset"));
    if (resets && c->operand_count < 2)
        return usage_error(c, "reset needs VENDOR, VENDOR/CREDENTIAL or VENDOR/CREDENTIAL/MODEL");
    if (resets && option_given(c, "watch"))
        return usage_error(c, "--watch goes with the table only");
    if (!resets && c->operand_count > 1)
        return usage_error(c, "unexpected argument \"%.*s\"", SPAN_ARG(c->operands[1]));
    if (!resets && option_given(c, "reason"))
        return usage_error(c, "--reason goes with reset only");
    if (resets)
        return reset(c);
    return show(c, c->operand_count ? c->operands[0] : SPAN_NONE);
}

static const struct flag flags[] = {
    { "reason", "TEXT", "reset: why, for the audit log", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_health = {
    .name = "health",
    .summary = "how targets are doing: breakers, first bytes, refused credentials; reset",
    .usage = "  tollgate health [VENDOR] [--watch]\n"
             "  tollgate health reset VENDOR[/CREDENTIAL[/MODEL]] [--reason TEXT]\n",
    .flags = flags,
    .operands = 2,
    .watch = "*",
    .run = run,
};
