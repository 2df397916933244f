/* SPDX-License-Identifier: Apache-2.0
 * explain.c - `tollgate explain`: what would become of a call, if this key made it now: which operation it is, whom it touches, what it can
 * cost, which budgets it fits, and the verdict. Nothing is sent, held or written down. */
#include "cli/object.h"

static void put_headers(const struct cli *c, struct json_out *o, bool *fine)
{
    struct span text;
    json_name(o, SPAN("headers"));
    json_open(o, '{');
    for (size_t i = 0; (text = option_nth(c, "header", i)).at; i++) {
        struct span value = text, name;
        *fine = *fine && span_cut(&value, ':', &name);
        if (*fine)
            json_pair(o, span_trim(name), span_trim(value));
    }
    json_close(o, '}');
}

static bool put_body(struct cli *c, struct json_out *o)
{
    struct span body = c->operand_count > 2 ? c->operands[2] : SPAN_NONE;
    if (span_starts(body, SPAN("@")))
        body = object_read(c, span_from(body, 1));
    else if (span_is(body, SPAN("-")))
        body = object_read(c, body);
    if (c->operand_count > 2 && !body.at)
        return false;
    if (body.at)
        json_pair(o, SPAN("body"), body);
    return true;
}

/* ---- for people ---- */

static void line(const char *name, struct span text)
{
    if (text.len)
        printf("%-11s %.*s\n", name, SPAN_ARG(text));
}

static void print_pairs(struct cli *c, struct json_value list, const char *name)
{
    struct span ignored;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &ignored, &item);)
        line(name, arena_print(&c->arena, "%.*s = %.*s", SPAN_ARG(api_text(c, item, "name")), SPAN_ARG(text_tame(&c->arena, api_text(c, item, "value")))));
}

static void print_cost(struct cli *c, struct json_value root)
{
    struct span usd = api_text(c, root, "cost.most_usd");
    int64_t messages = api_number(root, "cost.messages"), tokens = api_number(root, "cost.tokens");
    struct span more = messages ? arena_print(&c->arena, ", %lld messages", (long long)messages) : tokens ? arena_print(&c->arena, ", %lld tokens", (long long)tokens) : SPAN("");
    line("costs", usd.at ? arena_print(&c->arena, "%.*s usd at most%.*s", SPAN_ARG(usd), SPAN_ARG(more)) : SPAN("not known"));
}

static const struct column columns[] = { { "BUDGET", ALIGN_LEFT, 48 }, { "LIMIT", ALIGN_POINT, 0 }, { "SPENT", ALIGN_POINT, 0 }, { "RESERVED", ALIGN_POINT, 0 },
    { "NEEDS", ALIGN_POINT, 0 }, { "UNIT", ALIGN_LEFT, 0 }, { "FITS", ALIGN_LEFT, 0 } };

static struct span amount(struct cli *c, struct json_value v, const char *name)
{
    struct span usd = api_text(c, v, arena_print(&c->arena, "%s_usd", name).at);
    return usd.at ? usd : api_text(c, v, name);
}

static void print_budgets(struct cli *c, struct json_value list)
{
    struct table t;
    struct span ignored;
    struct json_value item;
    struct buf out;
    if (!json_count(list))
        return;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(list); json_next(&it, &ignored, &item);) {
        bool fits = span_is(api_text(c, item, "fits"), SPAN("yes"));
        table_row(&t);
        table_put(&t, api_text(c, item, "budget"));
        table_put(&t, amount(c, item, "limit"));
        table_put(&t, amount(c, item, "spent"));
        table_put(&t, amount(c, item, "reserved"));
        table_put(&t, amount(c, item, "needs"));
        table_put(&t, api_text(c, item, "unit"));
        table_put_tinted(&t, fits ? SPAN("yes") : span_is(api_text(c, item, "soft"), SPAN("yes")) ? SPAN("no (soft)") : SPAN("no"), fits ? TINT_NONE : TINT_RED);
    }
    buf_init(&out, 1 << 20);
    table_print(&t, &out);
    printf("%.*s", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

static void print_unread(struct cli *c, struct json_value list)
{
    struct span ignored;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &ignored, &item);)
        line("not asked", arena_print(&c->arena, "%.*s %.*s (a call would read %.*s first)", SPAN_ARG(api_text(c, item, "object")), SPAN_ARG(api_text(c, item, "id")), SPAN_ARG(api_text(c, item, "path"))));
}

/* Targets in their order; those that run at once share a round. */
static void print_route(struct cli *c, struct json_value route)
{
    static const struct column head[] = { { "TARGET", ALIGN_LEFT, 0 }, { "PROVIDER", ALIGN_LEFT, 0 }, { "MODEL", ALIGN_LEFT, 48 }, { "ROUND", ALIGN_RIGHT, 0 }, { "WHY", ALIGN_LEFT, 60 } };
    struct table t;
    struct span ignored;
    struct json_value item;
    struct buf out;
    if (json_kind(route) != JSON_OBJECT)
        return;
    struct span name = api_text(c, route, "name");
    line("route", arena_print(&c->arena, "%.*s (%.*s), first: %.*s", SPAN_ARG(name.len ? name : SPAN("of the request")), SPAN_ARG(api_text(c, route, "mode")),
        SPAN_ARG(api_text(c, route, "chosen"))));
    table_init(&t, &c->arena, head, sizeof(head) / sizeof(*head), c->colour);
    for (struct json_iter it = json_iter(json_member(route, SPAN("plan"))); json_next(&it, &ignored, &item);) {
        table_row(&t);
        table_put(&t, api_text(c, item, "target"));
        table_put(&t, api_text(c, item, "provider"));
        table_put(&t, text_tame(&c->arena, api_text(c, item, "model")));
        table_put(&t, api_text(c, item, "round"));
        table_put(&t, api_text(c, item, "why"));
    }
    buf_init(&out, 1 << 20);
    table_print(&t, &out);
    printf("%.*s", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
    line("left out", text_tame(&c->arena, api_text(c, route, "left_out")));
    line("skipped", text_tame(&c->arena, api_text(c, route, "skipped")));
    line("no effect", text_tame(&c->arena, api_text(c, route, "without_effect")));
}

static void print_shadow(struct cli *c, struct json_value root)
{
    struct json_value shadow = json_member(root, SPAN("shadow"));
    if (json_kind(shadow) == JSON_OBJECT)
        line("on trial", arena_print(&c->arena, "policy %.*s says: %.*s %.*s", SPAN_ARG(api_text(c, shadow, "policy")), SPAN_ARG(api_text(c, shadow, "verdict")), SPAN_ARG(api_text(c, shadow, "reason"))));
}

static void print_verdict(struct cli *c, struct json_value root)
{
    struct span verdict = api_text(c, root, "verdict"), approval = api_text(c, root, "approval.rule");
    enum tint tint = span_is(verdict, SPAN("allowed")) ? TINT_GREEN : TINT_RED;
    if (approval.at)
        line("approval", arena_print(&c->arena, "rule %.*s%s", SPAN_ARG(approval), span_is(api_text(c, root, "approval.approved"), SPAN("yes")) ? ", and a person has said yes" : ""));
    printf("%-11s %s%.*s%s", "verdict", tint_code(tint, c->colour), SPAN_ARG(verdict), tint_code(TINT_NONE, c->colour));
    if (span_is(verdict, SPAN("allowed")))
        printf("%s\n", span_is(api_text(c, root, "dry_run"), SPAN("yes")) ? " (a dry run: nothing would be forwarded)" : "");
    else
        printf(": %.*s (%.*s)\n", SPAN_ARG(api_text(c, root, "code")), SPAN_ARG(api_text(c, root, "status")));
    line("reason", text_tame(&c->arena, api_text(c, root, "reason")));
}

static void print_all(struct cli *c, struct json_value root)
{
    line("call", text_tame(&c->arena, arena_print(&c->arena, "%.*s %.*s%s%.*s", SPAN_ARG(api_text(c, root, "method")), SPAN_ARG(api_text(c, root, "path")),
        api_text(c, root, "query").len ? "?" : "", SPAN_ARG(api_text(c, root, "query")))));
    line("body", text_tame(&c->arena, api_text(c, root, "body")));
    line("operation", api_text(c, root, "operation"));
    line("note", api_text(c, root, "note"));
    line("model", api_text(c, root, "model"));
    print_route(c, json_member(root, SPAN("route")));
    print_pairs(c, json_member(root, SPAN("scopes")), "touches");
    print_pairs(c, json_member(root, SPAN("parameters")), "parameter");
    print_unread(c, json_member(root, SPAN("unread")));
    if (api_text(c, root, "operation").len)
        print_cost(c, root);
    print_budgets(c, json_member(root, SPAN("budgets")));
    print_shadow(c, root);
    print_verdict(c, root);
}

static int run(struct cli *c)
{
    struct json_value root;
    struct buf body;
    bool printed, fine = true, json = c->json;
    if (c->operand_count < 2 || !option_given(c, "key"))
        return usage_error(c, "allowed: METHOD URL [BODY|@FILE] --key NAME");
    buf_init(&body, 2 * OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("key"), option(c, "key"));
    json_pair(&o, SPAN("method"), c->operands[0]);
    json_pair(&o, SPAN("url"), c->operands[1]);
    if (option_given(c, "run"))
        json_pair(&o, SPAN("run"), option(c, "run"));
    put_headers(c, &o, &fine);
    bool whole = put_body(c, &o);
    json_close(&o, '}');
    int code = !fine ? usage_error(c, "--header: allowed: NAME:VALUE") : !whole ? EXIT_USAGE : EXIT_DONE;
    if (code == EXIT_DONE)
        code = object_send(c, "POST", "explain", SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code != EXIT_DONE)
        return code;
    if (!json)
        print_all(c, root);
    return span_is(json_string(json_member(root, SPAN("verdict"))), SPAN("allowed")) ? EXIT_DONE : EXIT_REFUSED;
}

static const struct flag flags[] = {
    { "key", "KEY", "whose call it is: the key's name or id", false },
    { "header", "NAME:VALUE", "a header field of the call; may be given more than once", true },
    { "run", "RUN", "the run it belongs to", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_explain = {
    .name = "explain",
    .summary = "what would become of a call: operation, scopes, cost, budgets, verdict",
    .usage = "  tollgate explain METHOD URL [BODY|@FILE] --key NAME [--run RUN] [--header NAME:VALUE]\n"
             "                    URL: the vendor's own (https://api.stripe.com/v1/charges), or the gate's (/stripe/v1/charges)\n"
             "  Exits with 0 if the call would be allowed, with 1 if not.\n",
    .flags = flags,
    .operands = 3,
    .watch = "*",
    .run = run,
};
