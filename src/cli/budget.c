/* SPDX-License-Identifier: Apache-2.0
 * budget.c - `tollgate budget`: every limit with what is spent, reserved and left, one line for each account it counts on. */
#include "base/clock.h"
#include "base/money.h"
#include "base/text.h"
#include "cli/object.h"

enum { BAR_WIDTH = 20 };

static const struct column columns[] = { { "OF", ALIGN_LEFT, 32 }, { "BUDGET", ALIGN_LEFT, 40 }, { "ACCOUNT", ALIGN_LEFT, 40 }, { "LIMIT", ALIGN_POINT, 0 },
    { "SPENT", ALIGN_POINT, 0 }, { "RESERVED", ALIGN_POINT, 0 }, { "LEFT", ALIGN_POINT, 0 }, { "UNIT", ALIGN_LEFT, 0 }, { "RESETS", ALIGN_LEFT, 0 },
    { "FULL AT", ALIGN_LEFT, 0 }, { "", ALIGN_LEFT, 0 } };

/* The API has money in fields ending in _usd, other units without it. */
static struct span amount(struct cli *c, struct json_value v, const char *name)
{
    char usd[32];
    snprintf(usd, sizeof(usd), "%s_usd", name);
    struct span text = api_text(c, v, usd);
    return text.at ? text : api_text(c, v, name);
}

static int64_t size(struct span text)
{
    int64_t n = 0;
    return text.at && money_parse(text, &n) ? n : 0;
}

/* [####==          ]: spent, reserved, left. */
static struct span bar(struct cli *c, struct span limit, struct span spent, struct span reserved)
{
    struct buf out;
    int64_t all = size(limit), used = size(spent), held = size(reserved);
    if (all <= 0)
        return SPAN_NONE;
    int64_t full = money_mul_div_near(used < all ? used : all, BAR_WIDTH, all);
    int64_t both = held ? money_mul_div_up(money_add(used, held) < all ? money_add(used, held) : all, BAR_WIDTH, all) : full;
    buf_init(&out, 256);
    for (int64_t i = 0; i < BAR_WIDTH; i++)
        buf_put(&out, i < full ? SPAN("█") : i < both ? SPAN("▒") : SPAN("·"));
    struct span made = arena_copy(&c->arena, buf_span(&out));
    buf_free(&out);
    return made;
}

static enum tint bar_tint(struct span limit, struct span left)
{
    int64_t all = size(limit), rest = size(left);
    return rest <= all / 20 ? TINT_RED : rest <= all / 5 ? TINT_YELLOW : TINT_GREEN;
}

/* "day, stripe": the window and what narrows it. */
static struct span describe(struct cli *c, struct json_value budget)
{
    static const char *const filters[] = { "vendor", "operation", "model" };
    struct span text = api_text(c, budget, "window"), id = api_text(c, budget, "id");
    if (id.at && span_find_byte(id, '/') < 0) /* an object with a name of its own */
        text = arena_print(&c->arena, "%.*s: %.*s", SPAN_ARG(id), SPAN_ARG(text.at ? text : SPAN("total")));
    for (size_t i = 0; i < 3; i++) {
        struct span filter = api_text(c, budget, filters[i]);
        if (filter.at)
            text = arena_print(&c->arena, "%.*s, %.*s", SPAN_ARG(text.at ? text : SPAN("total")), SPAN_ARG(filter));
    }
    struct span until = api_time(c, budget, "increase_until");
    if (until.at)
        text = arena_print(&c->arena, "%.*s, raised until %.*s", SPAN_ARG(text.at ? text : SPAN("total")), SPAN_ARG(until));
    return span_is(api_text(c, budget, "soft"), SPAN("yes")) ? arena_print(&c->arena, "%.*s (soft)", SPAN_ARG(text)) : text;
}

static void put_account(struct cli *c, struct table *t, struct json_value budget, struct json_value account)
{
    bool used = json_kind(account) != JSON_NONE;
    struct span limit = amount(c, used ? account : budget, "limit"), spent = used ? amount(c, account, "spent") : SPAN("0");
    struct span reserved = used ? amount(c, account, "reserved") : SPAN("0"), left = used ? amount(c, account, "remaining") : limit;
    struct span name = api_text(c, account, "account"), head;
    if (name.at && !span_cut(&name, '|', &head))
        name = SPAN_NONE;
    table_row(t);
    table_put(t, api_text(c, budget, "owner"));
    table_put(t, describe(c, budget));
    table_put(t, name);
    table_put(t, limit);
    table_put(t, spent);
    table_put(t, reserved);
    table_put(t, left);
    table_put(t, api_text(c, budget, "unit"));
    table_put(t, api_time(c, account, "resets_at"));
    table_put_tinted(t, api_time(c, account, "forecast_at"), TINT_YELLOW);
    table_put_tinted(t, c->colour ? bar(c, limit, spent, reserved) : SPAN_NONE, bar_tint(limit, left));
}

/* Of a window that is over: it limits nothing any more. */
static bool is_past(struct json_value account)
{
    int64_t ms;
    return text_time_parse(json_string(json_member(account, SPAN("resets_at"))), &ms) && ms <= clock_unix_ms();
}

static void put_budget(struct cli *c, struct table *t, struct json_value budget)
{
    struct span name;
    struct json_value account;
    struct json_value accounts = json_member(budget, SPAN("accounts"));
    if (!json_count(accounts))
        put_account(c, t, budget, (struct json_value){ .doc = NULL });
    for (struct json_iter it = json_iter(accounts); json_next(&it, &name, &account);)
        if (!is_past(account))
            put_account(c, t, budget, account);
    int64_t more = api_number(budget, "account_count") - (int64_t)json_count(accounts);
    if (more <= 0)
        return;
    table_row(t);
    table_put(t, SPAN(""));
    table_put(t, arena_print(&c->arena, "... and %lld accounts more", (long long)more));
    for (size_t i = 2; i < t->width; i++)
        table_put(t, SPAN(""));
}

static int list(struct cli *c)
{
    struct api_path path;
    struct table t;
    struct json_value root, budget;
    struct span name;
    bool printed;
    static const char *const names[] = { "limit", "cursor", NULL };
    api_path(&path, "budgets");
    api_path_options(&path, c, names);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &budget);)
        put_budget(c, &t, budget);
    api_show(c, &t, "no budgets: nothing limits what keys spend");
    struct span next = api_text(c, root, "next_cursor");
    if (next.at)
        printf("there are more: --cursor %.*s\n", SPAN_ARG(next));
    return EXIT_DONE;
}

static int show(struct cli *c) { return object_show(c, "budgets"); }
static int delete(struct cli *c) { return object_delete(c, "budgets"); }
static int change(struct cli *c) { return object_change(c, "budgets"); }

static void put_per(const struct cli *c, struct json_out *o)
{
    if (!option_given(c, "per"))
        return;
    json_name(o, SPAN("per"));
    json_open(o, '[');
    for (size_t i = 0; option_nth(c, "per", i).at; i++)
        json_put_string(o, option_nth(c, "per", i));
    json_close(o, ']');
}

static int create(struct cli *c)
{
    static const char *const members[] = { "name", "limit", "window", "timezone", "vendor", "operation", "model", "key", "workspace", "user", "team", "refunds" };
    static const char *const flag_names[] = { "name", "of", "window", "timezone", "vendor", "operation", "model", "key", "workspace", "user", "team", "refunds" };
    struct json_value root;
    struct buf body;
    bool printed;
    if (!option_given(c, "name") || !option_given(c, "of"))
        return usage_error(c, "a budget needs --name and --of, such as --of \"100 usd\" --window day");
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (option_given(c, flag_names[i]))
            json_pair(&o, span_of(members[i]), option(c, flag_names[i]));
    put_per(c, &o);
    if (option_given(c, "soft"))
        json_pair_bool(&o, SPAN("soft"), true);
    json_close(&o, '}');
    int code = object_send(c, "POST", "budgets", SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("budget %.*s is in force\n", SPAN_ARG(option(c, "name")));
    return code;
}

/* Raises a limit for a while, or takes that back. */
static int increase(struct cli *c)
{
    struct json_value root;
    struct buf body;
    bool printed, back = option_given(c, "undo");
    struct span by = c->operand_count > 2 ? c->operands[2] : SPAN_NONE;
    if (back ? by.at != NULL : !by.at || option_given(c, "for") == option_given(c, "until"))
        return usage_error(c, "an increase needs an amount and how long: tollgate budget increase NAME \"50 usd\" --for 2h; or --undo alone");
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("by"), by);
    if (option_given(c, "for"))
        json_pair(&o, SPAN("for"), option(c, "for"));
    if (option_given(c, "until"))
        json_pair(&o, SPAN("until"), option(c, "until"));
    if (option_given(c, "reason"))
        json_pair(&o, SPAN("reason"), option(c, "reason"));
    json_close(&o, '}');
    int code = object_send(c, back ? "DELETE" : "POST", "budgets", c->operands[1], "increase", back ? SPAN_NONE : buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    if (back)
        printf("budget %.*s has its own limit again\n", SPAN_ARG(c->operands[1]));
    else
        printf("budget %.*s is raised by %.*s until %.*s\n", SPAN_ARG(c->operands[1]), SPAN_ARG(by), SPAN_ARG(api_text(c, root, "until")));
    return EXIT_DONE;
}

/* How it is used up, and when all of it will be. */
static int foresee(struct cli *c)
{
    struct json_value root;
    bool printed;
    int code = object_send(c, "GET", "budgets", c->operands[1], "forecast", SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    struct span unit = api_text(c, root, "unit"), full = api_time(c, root, "full_at"), end = api_text(c, root, "at_end"), resets = api_time(c, root, "resets_at");
    printf("%.*s: %.*s of %.*s %.*s spent, %.*s reserved, %.*s left\n", SPAN_ARG(api_text(c, root, "budget")), SPAN_ARG(api_text(c, root, "spent")), SPAN_ARG(api_text(c, root, "limit")),
        SPAN_ARG(unit), SPAN_ARG(api_text(c, root, "reserved")), SPAN_ARG(api_text(c, root, "remaining")));
    struct span speed = api_text(c, root, "per_hour");
    if (speed.len)
        printf("%.*s %.*s an hour since the window began, or in the last 30 days", SPAN_ARG(speed), SPAN_ARG(unit));
    else
        printf("how much an hour is not known yet");
    if (end.at)
        printf("; %.*s at its end (%.*s)", SPAN_ARG(end), SPAN_ARG(resets.at ? resets : SPAN("never")));
    if (full.at)
        printf("; used up at %.*s if it goes on like this\n", SPAN_ARG(full));
    else
        printf("; at this speed it is not used up before its window ends\n");
    return EXIT_DONE;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "create", 0, create }, { "show", 1, show }, { "forecast", 1, foresee }, { "delete", 1, delete },
        { "increase", 1 + OBJECT_MORE, increase }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "limit", "N", "list: at most so many", false },
    { "cursor", "CURSOR", "list: go on where the last one ended", false },
    { "name", "NAME", "create: what it is called", false },
    { "of", "AMOUNT", "create: \"100 usd\", \"60 requests\", \"1000000 tokens\"", false },
    { "window", "WINDOW", "create: run, minute, hour, day, week, month, total, \"rolling 24h\"", false },
    { "timezone", "ZONE", "create: whose midnight ends a day, such as Europe/Berlin", false },
    { "vendor", "PATTERN", "create: only what goes there", false },
    { "operation", "PATTERN", "create: only these operations", false },
    { "model", "PATTERN", "create: only these models", false },
    { "key", "KEY", "create: only this key", false },
    { "workspace", "NAME", "create: only this workspace", false },
    { "user", "NAME", "create: only this user", false },
    { "team", "NAME", "create: only this team", false },
    { "per", "WHAT", "create: an account for each run, user, customer, metadata.NAME, ...; again for more", true },
    { "refunds", "net|gross", "create: whether a refund counts down, or counts as spend", false },
    { "soft", NULL, "create: count and tell, never refuse", false },
    { "for", "TIME", "increase: how long, such as 2h", false },
    { "until", "TIME", "increase: or till when, such as 2026-11-22T00:00:00Z", false },
    { "reason", "TEXT", "increase: why", false },
    { "undo", NULL, "increase: take it back", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_budget = {
    .name = "budget",
    .summary = "limits with what is spent, reserved and left; create, show, delete, increase",
    .usage = "  tollgate budget [list]\n"
             "  tollgate budget create --name all --of \"100 usd\" --window day\n"
             "  tollgate budget show|forecast|delete NAME\n"
             "  tollgate budget change NAME FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n"
             "  tollgate budget increase NAME \"50 usd\" --for 2h --reason TEXT     NAME: or its id, as the list with --json gives it; --undo takes it back\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show",
    .run = run,
};
