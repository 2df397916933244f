/* SPDX-License-Identifier: Apache-2.0
 * fx.c - `tollgate fx`: what foreign money is taken to be worth. `import` reads the European Central Bank's file here, so that a gate
 * without a way to the file gets the rates all the same, in one change that is checked, stored and recorded like any other. */
#include "base/money.h"
#include "cli/object.h"
#include "rules/fx.h"

static const struct column columns[] = { { "CURRENCY", ALIGN_LEFT, 0 }, { "USD FOR ONE", ALIGN_POINT, 0 } };

/* What is in force, on the way to something else. */
static int ask(struct cli *c, struct json_value *root)
{
    bool printed, json = c->json;
    c->json = false;
    int code = object_send(c, "GET", "fx", SPAN_NONE, NULL, SPAN_NONE, root, &printed);
    c->json = json;
    return code;
}

static int show(struct cli *c)
{
    struct table t;
    struct json_value root, item;
    struct span name;
    bool printed;
    int code = object_send(c, "GET", "fx", SPAN_NONE, NULL, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("rates"))); json_next(&it, &name, &item);) {
        table_row(&t);
        table_put(&t, name);
        table_put(&t, json_string(item));
    }
    struct span date = api_text(c, root, "date");
    printf("rates of %.*s; %.*s on top when a cost is reserved\n", SPAN_ARG(date.len ? date : SPAN("no known day")), SPAN_ARG(api_text(c, root, "margin")));
    return api_show(c, &t, "no rates: what is not in US dollars has no known cost. `tollgate fx import FILE`");
}

/* ---- import ---- */

static bool read_bank(struct cli *c, struct fx *fx)
{
    char why[200];
    struct span file = c->operands[1], text = object_read(c, file);
    if (!text.at)
        return false;
    if (fx_read_ecb(text, &c->arena, fx, why))
        return true;
    fprintf(stderr, "tollgate fx: %.*s: %s\n", SPAN_ARG(file), why);
    return false;
}

/* As it would stand in the configuration. */
static int print_yaml(const struct fx *fx, struct span margin)
{
    char text[MONEY_TEXT];
    printf("fx:\n  date: %.*s\n", SPAN_ARG(fx->date));
    if (margin.at)
        printf("  margin: %.*s\n", SPAN_ARG(margin));
    printf("  rates:\n");
    for (size_t i = 0; i < fx->count; i++)
        printf("    %.3s: \"%.*s\"\n", fx->rates[i].code, SPAN_ARG(money_text(fx->rates[i].usd, text)));
    return EXIT_DONE;
}

/* A patch keeps what it does not name: what the bank has no more is taken out by name. */
static void put_value(struct json_out *o, const struct fx *fx, struct span margin, struct json_value before)
{
    char text[MONEY_TEXT];
    struct span name;
    struct json_value item;
    json_open(o, '{');
    json_pair(o, SPAN("date"), fx->date);
    if (margin.at)
        json_pair(o, SPAN("margin"), margin);
    json_name(o, SPAN("rates"));
    json_open(o, '{');
    for (size_t i = 0; i < fx->count; i++)
        json_pair(o, span_make(fx->rates[i].code, 3), money_text(fx->rates[i].usd, text));
    for (struct json_iter it = json_iter(before); json_next(&it, &name, &item);) {
        int64_t usd;
        if (name.len != 3 || !fx_rate(fx, name.at, &usd))
            json_pair_raw(o, name, SPAN_NONE);
    }
    json_close(o, '}');
    json_close(o, '}');
}

/* The rates that the API has set before; absent: none. *there: that there is such a setting. */
static int read_setting(struct cli *c, bool *there, struct json_value *rates)
{
    struct json_value root, item;
    struct span name;
    bool printed, json = c->json;
    c->json = false;
    int code = object_send(c, "GET", "settings", SPAN_NONE, NULL, SPAN_NONE, &root, &printed);
    c->json = json;
    *there = false;
    *rates = (struct json_value){ .doc = NULL };
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); code == EXIT_DONE && json_next(&it, &name, &item);) {
        if (!span_is(json_string(json_member(item, SPAN("id"))), SPAN("fx")))
            continue;
        *there = true;
        *rates = json_path(item, SPAN("value.rates"));
    }
    return code;
}

static int send(struct cli *c, const struct fx *fx, struct span margin)
{
    struct json_value root, rates;
    struct buf body;
    bool printed, there;
    int code = read_setting(c, &there, &rates);
    if (code != EXIT_DONE)
        return code;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    if (!there)
        json_pair(&o, SPAN("name"), SPAN("fx"));
    json_name(&o, SPAN("value"));
    put_value(&o, fx, margin, rates);
    json_close(&o, '}');
    code = object_send(c, there ? "PATCH" : "POST", "settings", there ? SPAN("fx") : SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%zu rates of %.*s are in force, before those of the configuration's file\n", fx->count, SPAN_ARG(fx->date));
    return code;
}

static int import(struct cli *c)
{
    struct fx fx;
    struct json_value now;
    struct span margin = option(c, "margin");
    if (!read_bank(c, &fx))
        return EXIT_CONFIG;
    if (option_given(c, "print"))
        return print_yaml(&fx, margin);
    int code = ask(c, &now);
    if (code == EXIT_DONE && !margin.at)
        margin = arena_copy(&c->arena, api_text(c, now, "margin"));
    return code == EXIT_DONE ? send(c, &fx, margin) : code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "show", 0, show }, { "import", 1, import }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "margin", "PERCENT", "import: on top of each rate when a cost is reserved, such as 2%; else as it is now", false },
    { "print", NULL, "import: only print it as it would stand in the configuration", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_fx = {
    .name = "fx",
    .summary = "what foreign money is worth: show, import the central bank's file",
    .usage = "  tollgate fx [show]\n"
             "  tollgate fx import FILE [--margin 2%] [--print]     eurofxref-daily.xml or eurofxref.csv; \"-\": standard input\n",
    .flags = flags,
    .operands = 2,
    .watch = "show",
    .run = run,
};
