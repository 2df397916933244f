/* SPDX-License-Identifier: Apache-2.0
 * experiment.c - `tollgate experiment`: models compared on mirrored calls, and whether that tells anything. */
#include "cli/object.h"

static const struct column columns[] = { { "EXPERIMENT", ALIGN_LEFT, 40 }, { "SECOND, AGAINST FIRST", ALIGN_LEFT, 80 }, { "JUDGED", ALIGN_RIGHT, 0 }, { "WIN RATE", ALIGN_RIGHT, 0 },
    { "95 %", ALIGN_LEFT, 0 }, { "COST USD", ALIGN_RIGHT, 0 }, { "95 %", ALIGN_LEFT, 0 }, { "MS", ALIGN_RIGHT, 0 }, { "95 %", ALIGN_LEFT, 0 }, { "JUDGE USD", ALIGN_RIGHT, 0 },
    { "RECOMMENDED", ALIGN_LEFT, 0 } };

static struct span range(struct cli *c, struct json_value interval)
{
    return arena_print(&c->arena, "%.*s .. %.*s", SPAN_ARG(api_text(c, interval, "low")), SPAN_ARG(api_text(c, interval, "high")));
}

static void put(struct cli *c, struct table *t, struct json_value e)
{
    struct json_value rate = json_member(e, SPAN("win_rate")), cost = json_path(e, SPAN("cost_usd.difference")), ms = json_path(e, SPAN("latency_ms.difference"));
    struct span recommended = api_text(c, e, "recommendation");
    bool none = span_is(recommended, SPAN("none"));
    table_row(t);
    table_put(t, api_text(c, e, "experiment"));
    table_put(t, arena_print(&c->arena, "%.*s, %.*s", SPAN_ARG(api_text(c, e, "second")), SPAN_ARG(api_text(c, e, "first"))));
    table_put_i64(t, api_number(e, "judged"));
    table_put(t, api_text(c, rate, "mid"));
    table_put(t, range(c, rate));
    table_put(t, api_text(c, cost, "mid"));
    table_put(t, range(c, cost));
    table_put(t, api_text(c, ms, "mid"));
    table_put(t, range(c, ms));
    table_put(t, api_text(c, e, "judge_cost_usd"));
    table_put_tinted(t, none ? SPAN("nothing") : span_is(recommended, SPAN("first")) ? api_text(c, e, "first") : api_text(c, e, "second"), none ? TINT_YELLOW : TINT_GREEN);
}

static void say_more(struct cli *c, struct json_value e)
{
    printf("%.*s: %lld won, %lld lost, %lld ties (%lld where the judge went by the order), %lld without an answer, %lld not judged; %.*s\n", SPAN_ARG(api_text(c, e, "experiment")),
        (long long)api_number(e, "wins"), (long long)api_number(e, "losses"), (long long)api_number(e, "ties"), (long long)api_number(e, "contradicted"),
        (long long)api_number(e, "no_answer"), (long long)api_number(e, "unjudged"), SPAN_ARG(api_text(c, e, "why")));
}

static int run(struct cli *c)
{
    struct table t;
    struct json_value root, one;
    struct span name = c->operand_count ? c->operands[0] : SPAN_NONE, ignored;
    bool printed;
    int code = object_send(c, "GET", "experiments", name, NULL, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &ignored, &one);)
        put(c, &t, one);
    code = api_show(c, &t, "no pair was compared yet");
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); code == EXIT_DONE && json_next(&it, &ignored, &one);)
        say_more(c, one);
    return code;
}

const struct verb verb_experiment = {
    .name = "experiment",
    .summary = "models compared on mirrored calls: win rate, cost, time",
    .usage = "  tollgate experiment [NAME]\n",
    .operands = 1,
    .watch = "*",
    .run = run,
};
