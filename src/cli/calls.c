/* SPDX-License-Identifier: Apache-2.0
 * calls.c - `tollgate calls`: what went through the gate and what did not. calls_columns and calls_row are shared with
 * tail.c. */
#include "cli/calls.h"

enum { NAME_WIDTH = 22 };

const struct column calls_columns[CALLS_COLUMNS] = { { "AT", ALIGN_LEFT, 0 }, { "CALL", ALIGN_LEFT, 0 }, { "KEY", ALIGN_LEFT, 24 }, { "RUN", ALIGN_LEFT, 28 },
    { "OPERATION", ALIGN_LEFT, 36 }, { "MODEL", ALIGN_LEFT, 26 }, { "STATUS", ALIGN_RIGHT, 0 }, { "VERDICT", ALIGN_LEFT, 0 }, { "TOKENS", ALIGN_RIGHT, 0 },
    { "MS", ALIGN_RIGHT, 0 }, { "COST USD", ALIGN_POINT, 0 } };

static void put_verdict(struct cli *c, struct table *t, struct json_value call)
{
    struct span verdict = api_text(c, call, "verdict"), denied = api_text(c, call, "denied");
    bool fine = span_is(verdict, SPAN("allowed"));
    enum tint tint = fine ? TINT_GREEN : span_is(verdict, SPAN("in_doubt")) ? TINT_YELLOW : TINT_RED;
    table_put_tinted(t, denied.at ? denied : verdict, tint);
}

void calls_row(struct cli *c, struct table *t, struct json_value call)
{
    int64_t tokens = api_number(call, "input_tokens") + api_number(call, "output_tokens");
    struct span key = api_text(c, call, "key_name");
    table_row(t);
    table_put(t, api_time(c, call, "at"));
    table_put(t, api_text(c, call, "id"));
    table_put(t, key.at ? key : api_text(c, call, "key"));
    table_put(t, api_text(c, call, "run"));
    table_put(t, api_text(c, call, "operation"));
    table_put(t, api_text(c, call, "model"));
    table_put(t, api_text(c, call, "status"));
    put_verdict(c, t, call);
    table_put(t, tokens ? arena_print(t->arena, "%lld", (long long)tokens) : SPAN_NONE);
    table_put(t, api_text(c, call, "latency_ms"));
    table_put(t, api_text(c, call, "cost_usd"));
}

/* ---- one call, whole ---- */

static void put_line(const struct cli *c, struct span name, struct span text)
{
    printf("%s%-*.*s%s %.*s\n", tint_code(TINT_DIM, c->colour), NAME_WIDTH, SPAN_ARG(name), c->colour ? tint_code(TINT_NONE, true) : "", SPAN_ARG(text));
}

static void put_json(struct cli *c, struct span name, struct json_value v)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    json_print(v, &out);
    if (!out.broken)
        put_line(c, name, text_tame(&c->arena, buf_span(&out)));
    buf_free(&out);
}

static void put_member(struct cli *c, struct span name, struct json_value v)
{
    static const char whole[] = "";
    struct span item_name;
    struct json_value item;
    enum json_kind kind = json_kind(v);
    if (kind == JSON_NULL || ((kind == JSON_OBJECT || kind == JSON_ARRAY) && !json_count(v)))
        return;
    if (kind == JSON_OBJECT) {
        put_json(c, name, v);
    } else if (kind == JSON_ARRAY) {
        for (struct json_iter it = json_iter(v); json_next(&it, &item_name, &item); name = span_of(whole))
            put_json(c, name, item);
    } else {
        struct span text = kind == JSON_STRING ? json_string(v) : kind == JSON_BOOL ? SPAN_NONE : json_decimal(v, &c->arena);
        bool flag = false;
        if (kind == JSON_BOOL)
            text = json_bool(v, &flag) && flag ? SPAN("yes") : SPAN("no");
        put_line(c, name, text_tame(&c->arena, text));
    }
}

static int show(struct cli *c)
{
    struct api_path path;
    struct json_value root, item;
    struct span name;
    bool printed;
    api_path(&path, "calls");
    api_path_id(&path, c->operands[0]);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    for (struct json_iter it = json_iter(root); json_next(&it, &name, &item);)
        put_member(c, name, item);
    return EXIT_DONE;
}

/* ---- many ---- */

static int list(struct cli *c)
{
    static const char *const names[] = { "run", "key", "vendor", "operation", "model", "verdict", "limit", "cursor", NULL };
    struct api_path path;
    struct json_value root, item;
    struct table t;
    struct span name;
    bool printed;
    api_path(&path, "calls");
    api_path_options(&path, c, names);
    api_path_query(&path, "denied", option_given(c, "denied") ? SPAN("*") : option(c, "code"));
    if (!option_given(c, "limit"))
        api_path_query(&path, "limit", SPAN("30"));
    int code = api_path_times(&path, c);
    if (code != EXIT_DONE) {
        buf_free(&path.text);
        return code;
    }
    code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, calls_columns, CALLS_COLUMNS, c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);)
        calls_row(c, &t, item);
    api_show(c, &t, "no calls (of this kind)");
    struct span next = api_text(c, root, "next_cursor");
    if (next.at)
        printf("there are older ones: --cursor %.*s\n", SPAN_ARG(next));
    return EXIT_DONE;
}

static int run(struct cli *c) { return c->operand_count ? show(c) : list(c); }

static const struct flag flags[] = {
    FLAGS_OF_CALLS,
    { "denied", NULL, "only those that were refused", false },
    { "code", "CODE", "refused with this code, such as budget_exceeded", false },
    FLAG_VERDICT,
    FLAGS_OF_TIME,
    { "limit", "N", "at most so many (30)", false },
    { "cursor", "CURSOR", "go on where the last list ended", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_calls = {
    .name = "calls",
    .summary = "calls through the gate, newest first; one call whole",
    .usage = "  tollgate calls [options]     list\n  tollgate calls ID            everything about one\n",
    .flags = flags,
    .operands = 1,
    .watch = "*",
    .run = run,
};
