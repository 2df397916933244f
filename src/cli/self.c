/* SPDX-License-Identifier: Apache-2.0
 * self.c - `tollgate self`: what a key may still spend, as its holder sees it. The only verb for agents: it is asked where calls go, with a
 * key, and needs no admin token. */
#include "cli/object.h"

#include <stdlib.h>

#include "http/fetch.h"

static const struct column columns[] = { { "BUDGET", ALIGN_LEFT, 48 }, { "LIMIT", ALIGN_POINT, 0 }, { "SPENT", ALIGN_POINT, 0 }, { "RESERVED", ALIGN_POINT, 0 },
    { "LEFT", ALIGN_POINT, 0 }, { "UNIT", ALIGN_LEFT, 0 }, { "RESETS", ALIGN_LEFT, 0 }, { "", ALIGN_LEFT, 0 } };

/* ---- asking ---- */

/* A key is never an operand: other users of the machine read command lines. */
static int find_key(struct cli *c, struct span *key)
{
    const char *environment = getenv("TOLLGATE_KEY");
    struct span file = option(c, "key-file");
    if (span_is(file, SPAN("-")) && option_given(c, "watch"))
        return usage_error(c, "--watch reads the key each time, and standard input can be read once; give a file, or TOLLGATE_KEY");
    *key = file.at ? object_read(c, file) : environment && *environment ? span_of(environment) : SPAN_NONE;
    if (file.at && !key->at)
        return EXIT_REFUSED; /* object_read said why */
    *key = span_trim(*key);
    if (key->len)
        return EXIT_DONE;
    fputs("tollgate: no key: set TOLLGATE_KEY, or give --key-file FILE\n", stderr);
    return EXIT_REFUSED;
}

static int unreachable(const struct cli *c, enum err why)
{
    struct span gate = api_gate(c);
    if (why == E_BAD_REQUEST)
        return usage_error(c, "\"%.*s\" is no address of a gate; allowed: http://host:port", SPAN_ARG(gate));
    fprintf(stderr, "tollgate: the gate cannot be reached at %.*s (another address: --gate URL or TOLLGATE_GATE)\n", SPAN_ARG(gate));
    return EXIT_UNREACHABLE;
}

/* Where calls go refusals are not the admin API's problems: they look as SDKs expect them. */
static int ask(struct cli *c, struct span key, struct fetch_answer *answer, struct json_value *root)
{
    const char *why;
    struct span gate = api_gate(c), run = option(c, "run");
    struct http_field fields[] = { api_authorization(c, key), { SPAN("x-agent-run-id"), run } };
    enum err e = fetch(&c->arena, SPAN("GET"), arena_print(&c->arena, "%.*s/v1/tollgate/self", SPAN_ARG(gate)), fields, run.at ? 2 : 1, SPAN_NONE, answer);
    if (e)
        return unreachable(c, e);
    bool readable = json_parse(c->reader, answer->body, false, root, &why) == E_OK;
    struct json_value error = readable ? json_member(*root, SPAN("error")) : (struct json_value){ .doc = NULL };
    struct span code = api_text(c, error, "code"), message = api_text(c, error, "message");
    if (code.at) {
        fprintf(stderr, "tollgate: the gate refused (%d %.*s): %.*s\n", answer->status, SPAN_ARG(code), SPAN_ARG(message.at ? message : SPAN("no reason")));
        return EXIT_REFUSED;
    }
    if (answer->status == 200 && readable && json_kind(json_member(*root, SPAN("budgets"))) == JSON_ARRAY)
        return EXIT_DONE;
    fprintf(stderr, "tollgate: what answers at %.*s is no gate for calls; is that the address of the admin API?\n", SPAN_ARG(gate));
    return EXIT_UNREACHABLE;
}

/* ---- showing ---- */

static void put_who(struct cli *c, struct json_value root)
{
    struct span run = api_text(c, root, "run"), until = api_time(c, root, "expires_at");
    printf("key %s%.*s%s", tint_code(TINT_BOLD, c->colour), SPAN_ARG(text_tame(&c->arena, api_text(c, root, "name"))), tint_code(TINT_NONE, c->colour));
    printf(", workspace %.*s, policy %.*s", SPAN_ARG(api_text(c, root, "workspace")), SPAN_ARG(api_text(c, root, "policy")));
    if (run.at)
        printf(", run %.*s", SPAN_ARG(text_tame(&c->arena, run)));
    if (until.at)
        printf(", until %.*s", SPAN_ARG(until));
    puts(span_is(api_text(c, root, "dry_run"), SPAN("yes")) ? "; dry run: nothing is forwarded" : "");
}

static void put_stops(struct cli *c, struct json_value stops)
{
    struct span name;
    struct json_value stop;
    for (struct json_iter it = json_iter(stops); json_next(&it, &name, &stop);) {
        struct span kind = api_text(c, stop, "kind"), value = api_text(c, stop, "value"), reason = api_text(c, stop, "reason"), until = api_time(c, stop, "expires_at");
        bool all = span_is(kind, SPAN("all")) || !value.at;
        printf("%sstopped%s: ", tint_code(TINT_RED, c->colour), tint_code(TINT_NONE, c->colour));
        printf("%.*s%s%.*s", SPAN_ARG(all ? SPAN("everything") : kind), all ? "" : " ", SPAN_ARG(all ? SPAN("") : text_tame(&c->arena, value)));
        printf("%s%s%.*s", span_is(api_text(c, stop, "writes_only"), SPAN("yes")) ? ", writes only" : "", until.at ? ", until " : "", SPAN_ARG(until.at ? until : SPAN("")));
        printf("%s%.*s\n", reason.at ? ": " : "", SPAN_ARG(reason.at ? text_tame(&c->arena, reason) : SPAN("")));
    }
}

/* The API has money in fields ending in _usd, other units without it. */
static struct span amount(struct cli *c, struct json_value budget, const char *name)
{
    struct span money = api_text(c, budget, arena_print(&c->arena, "%s_usd", name).at);
    return money.at ? money : api_text(c, budget, name);
}

/* "day, vendor stripe": the window and what narrows it; "team: month" of one with a name of its own. */
static struct span describe(struct cli *c, struct json_value budget)
{
    struct span id = api_text(c, budget, "budget"), window = api_text(c, budget, "window"), name;
    struct json_value pattern;
    struct span text = window.at ? window : SPAN("total");
    if (id.at && span_find_byte(id, '/') < 0)
        text = arena_print(&c->arena, "%.*s: %.*s", SPAN_ARG(id), SPAN_ARG(text));
    for (struct json_iter it = json_iter(json_member(budget, SPAN("counts"))); json_next(&it, &name, &pattern);)
        text = arena_print(&c->arena, "%.*s, %.*s %.*s", SPAN_ARG(text), SPAN_ARG(name), SPAN_ARG(json_string(pattern)));
    return span_is(api_text(c, budget, "soft"), SPAN("yes")) ? arena_print(&c->arena, "%.*s (soft)", SPAN_ARG(text)) : text;
}

static void put_budget(struct cli *c, struct table *t, struct json_value budget)
{
    bool known = span_is(api_text(c, budget, "known"), SPAN("yes"));
    bool of_run = !known && !option_given(c, "run") && span_is(api_text(c, budget, "window"), SPAN("run"));
    struct span left = amount(c, budget, "remaining");
    table_row(t);
    table_put(t, describe(c, budget));
    table_put(t, amount(c, budget, "limit"));
    table_put(t, amount(c, budget, "spent"));
    table_put(t, amount(c, budget, "reserved"));
    table_put_tinted(t, left, span_is(left, SPAN("0")) ? TINT_RED : TINT_NONE);
    table_put(t, api_text(c, budget, "unit"));
    table_put(t, api_time(c, budget, "resets_at"));
    table_put_tinted(t, known ? SPAN_NONE : of_run ? SPAN("which run? --run RUN") : SPAN("depends on the call"), TINT_DIM);
}

static int run(struct cli *c)
{
    struct fetch_answer answer = { .status = 0 };
    struct json_value root = { .doc = NULL }, budget;
    struct table t;
    struct span key, name;
    int code = find_key(c, &key);
    if (code == EXIT_DONE)
        code = ask(c, key, &answer, &root);
    if (code != EXIT_DONE)
        return code;
    if (c->json) {
        fwrite(answer.body.at, 1, answer.body.len, stdout);
        return EXIT_DONE;
    }
    put_who(c, root);
    put_stops(c, json_member(root, SPAN("stops")));
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("budgets"))); json_next(&it, &name, &budget);)
        put_budget(c, &t, budget);
    return api_show(c, &t, "no budgets: nothing limits what this key spends");
}

static const struct flag flags[] = {
    { "key-file", "FILE", "where the key stands; \"-\" is standard input; else TOLLGATE_KEY", false },
    { "run", "RUN", "a run of the key, whose own limits are told, too", false },
    { "gate", "URL", "where calls go; else TOLLGATE_GATE, else http://127.0.0.1:8080", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_self = {
    .name = "self",
    .summary = "what a key may still spend, asked with the key itself: for agents",
    .usage = "  tollgate self [--run RUN]              the key is in TOLLGATE_KEY\n"
             "  tollgate self --key-file FILE\n",
    .flags = flags,
    .watch = "*",
    .run = run,
};
