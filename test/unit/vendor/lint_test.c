/* SPDX-License-Identifier: Apache-2.0
 * lint_test.c - made-up requests have what the rules look at; and what a manifest forgot is found, while what it says is not. */
#include "vendor/lint.h"

#include "base/embed.h"
#include "test/test.h"

struct bench_lint {
    struct arena arena;
    struct json *json;
    struct node *root;
    struct vendor vendor;
    struct finding *list;
    size_t count;
};

#define HEAD "vendor: v\nbase_url: https://v.example\nkey_in: bearer\nsend: bearer\ncurrencies: { others: 2 }\nsettings: { price: \"0.5\" }\n"

static void close_it(struct bench_lint *b)
{
    json_free(b->json);
    arena_free(&b->arena);
}

static bool open_text(struct bench_lint *b, struct span text)
{
    struct trouble t = { .set = false };
    *b = (struct bench_lint){ .json = json_new() };
    arena_init(&b->arena, (size_t)256 << 20);
    enum err e = node_read_yaml(&b->arena, "test.yaml", text, &b->root, &t);
    if (!e)
        e = vendor_read(&b->arena, b->root, SPAN_NONE, &b->vendor, &t);
    if (!e)
        e = lint(&b->vendor, b->root, b->json, &b->arena, &b->list, &b->count);
    if (e) {
        test_fail(__FILE__, __LINE__, "%s", t.text);
        close_it(b);
    }
    return !e;
}

static bool open_yaml(struct bench_lint *b, const char *rest)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    bool good = open_text(b, arena_print(&a, HEAD "%s", rest)); /* trees copy their texts */
    arena_free(&a);
    return good;
}

static size_t found(const struct bench_lint *b, enum lint_rule rule)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += b->list[i].rule == rule;
    return n;
}

static struct sample sample_of(struct bench_lint *b, const char *name)
{
    struct sample s = { .count = 0 };
    size_t count;
    const struct operation *list = vendor_operations(&b->vendor, &count);
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i].name, span_of(name)) && !sample_make(&b->vendor, &list[i], &b->arena, &s))
            test_fail(__FILE__, __LINE__, "no sample of %s", name);
    return s;
}

TEST(a_sample_has_what_rules_look_at)
{
    struct bench_lint b;
    if (!open_yaml(&b, "scopes: { to: { from: [body.to, \"body.*.to\"], as: address, must_show: money } }\n"
                       "operations:\n"
                       "  pay: { call: \"POST /pay/{id}\", reserve: { usd: \"minor_units(body.total.amount, body.total.currency)\" }, scopes: { who: { from: [header.x-who], must_show: money } } }\n"
                       "  send: { call: POST /send, body: form, reserve: { usd: recipients(body.list) * setting.price }, parameters: { mode: { required: true, allowed: [fast, slow] } }, unscoped: true }\n"
                       "  batch: { call: POST /batch, reserve: { usd: \"recipients(body.*.to) * setting.price\" }, settle: { usd: answer.cost.usd } }\n"
                       "  find: { call: GET /find, reserve: { usd: query.pages * setting.price }, unscoped: true }\n"
                       "  upload: { call: POST /up, body: multipart, moves_money: false }\n"))
        return;
    struct sample s = sample_of(&b, "v.pay");
    CHECK_SPAN(s.path, SPAN("/pay/id_1"));
    CHECK_SPAN(s.body, SPAN("{\"total\":{\"amount\":1200,\"currency\":\"usd\"},\"to\":\"someone@example.com\"}"));
    CHECK_SPAN(s.fields[0].name, SPAN("x-who"));
    s = sample_of(&b, "v.send");
    CHECK_SPAN(s.body, SPAN("list=someone%40example.com&mode=fast"));
    s = sample_of(&b, "v.batch");
    CHECK_SPAN(s.body, SPAN("[{\"to\":\"someone@example.com\"}]"));
    CHECK_SPAN(s.answer, SPAN("{\"cost\":{\"usd\":12}}"));
    s = sample_of(&b, "v.find");
    CHECK_SPAN(s.query, SPAN("pages=12"));
    CHECK_SPAN(s.body, SPAN(""));
    CHECK_INT(found(&b, LINT_UNKNOWN), 0);
    close_it(&b);
}

TEST(what_was_forgotten_is_found_and_what_was_said_is_not)
{
    static const struct { const char *operation; enum lint_rule rule; size_t count; } cases[] = {
        { "a: POST /a", LINT_COST, 1 },
        { "a: { call: POST /a, moves_money: false }", LINT_COST, 0 },
        { "a: { call: POST /a, writes: false }", LINT_COST, 0 },
        { "a: GET /a", LINT_COST, 0 },
        { "a: DELETE /a", LINT_COST, 0 },
        { "a: { call: POST /a, moves_money: true }", LINT_COST, 1 },
        { "a: { call: POST /a, moves_money: priced, reserve: { usd: \"when(present(body.x), unknown(), 0)\" } }", LINT_COST, 0 },
        { "a: { call: POST /a, moves_money: priced, reserve: { usd: \"unknown()\" } }", LINT_COST, 1 },
        { "a: { call: POST /a, moves_money: priced, reserve: { usd: \"when(present(body.x), body.x, 0)\", messages: 1 } }", LINT_COST, 1 },
        { "a: { call: POST /a, moves_money: priced, reserve: { usd: \"max(0, body.x - counted(body.id))\" } }", LINT_COST, 1 },
        { "a: { call: POST /a, reserve: { usd: body.x } }", LINT_SCOPES, 1 },
        { "a: { call: POST /a, reserve: { usd: body.x }, unscoped: true }", LINT_SCOPES, 0 },
        { "a: { call: POST /a, reserve: { usd: body.x } }", LINT_DOUBT, 1 },
        { "a: { call: GET /a, reserve: { usd: query.x } }", LINT_DOUBT, 0 },
        { "api_keys.create: POST /keys", LINT_SECRET, 1 },
        { "api_keys.create: { call: POST /keys, secret: true }", LINT_SECRET, 0 },
        { "api_keys.create: { call: POST /keys, secret: false }", LINT_SECRET, 0 },
        { "api_keys.create: { call: POST /keys, redact: [answer.key] }", LINT_SECRET, 0 },
        { "api_keys.delete: DELETE /api_keys/{id}", LINT_SECRET, 0 },
        { "things.create: { call: POST /a, writes: false }", LINT_WRITES, 1 },
        { "things.store_it: { call: PUT /a, writes: false }", LINT_WRITES, 1 },
        { "UpdateThing: { call: PATCH /a, writes: false }", LINT_WRITES, 1 },
        { "things.create: { call: POST /a, writes: false, note: a search }", LINT_WRITES, 0 },
        { "things.create: POST /a", LINT_WRITES, 0 },
        { "stores.search: { call: POST /a, writes: false }", LINT_WRITES, 0 },
        { "created.list: GET /a", LINT_WRITES, 0 },
        { "a: GET /a/{name}\n  b: GET /a/search/all", LINT_SHADOW, 1 },
        { "a: GET /a/{name}/x\n  b: GET /a/search\n  c: GET /a/{name}/y", LINT_SHADOW, 1 },
        { "a: GET /a/{user_id}\n  b: GET /a/search/all", LINT_SHADOW, 0 },
        { "a: GET /a/{name}\n  b: GET /a/search", LINT_SHADOW, 0 },
        { "a: { call: POST /a, reserve: { usd: \"unknown()\" } }", LINT_UNKNOWN, 0 },
        { "a: { call: POST /a, reserve: { usd: \"minor_units(body.amount, 'xyzw')\" } }", LINT_UNKNOWN, 1 },
        { "a: { call: POST /a, reserve: { usd: body.x }, settle: { usd: \"minor_units(answer.x, 'xyzw')\" } }", LINT_UNKNOWN, 1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench_lint b;
        char text[600];
        snprintf(text, sizeof(text), "operations:\n  %s\n", cases[i].operation);
        if (!open_yaml(&b, text))
            continue;
        if (found(&b, cases[i].rule) != cases[i].count)
            test_fail(__FILE__, __LINE__, "%s: %zu of %s, want %zu", cases[i].operation, found(&b, cases[i].rule), lint_name(cases[i].rule), cases[i].count);
        CHECK_INT(found(&b, LINT_DENY), 1);
        close_it(&b);
    }
}

TEST(findings_say_where)
{
    struct bench_lint b;
    if (!open_yaml(&b, "deny: { body: '{\"m\":\"{{message}}\"}' }\noperations:\n  good: GET /good\n  bad: POST /bad\n"))
        return;
    CHECK_INT(b.count, 1);
    CHECK_SPAN(b.list[0].place, SPAN("operations.bad"));
    CHECK_INT(b.list[0].line, 10);
    close_it(&b);
}

TEST(trials_go_through_the_engine)
{
    struct bench_lint b;
    struct trial t;
    if (!open_yaml(&b, "scopes: { who: { from: [body.who], must_show: money } }\noperations:\n  pay: { call: POST /pay, reserve: { usd: \"minor_units(body.amount, 'usd')\" } }\n"))
        return;
    struct sample s = { .method = SPAN("POST"), .path = SPAN("/p%61y"), .query = SPAN(""), .body = SPAN("{\"amount\":250}"), .fields = { { SPAN("content-type"), SPAN("application/json") } }, .count = 1 };
    lint_try(&b.vendor, &s, NULL, b.json, &b.arena, &t);
    CHECK_INT(t.e, E_OK);
    CHECK_INT(t.understood.worst[UNIT_USD], 2500000000);
    CHECK_SPAN(t.understood.scopes[0].value, FACTS_UNTOLD);
    s.path = SPAN("/pay/../pay");
    lint_try(&b.vendor, &s, NULL, b.json, &b.arena, &t);
    CHECK_INT(t.e, E_NOT_CANONICAL);
    s.path = SPAN("/play");
    lint_try(&b.vendor, &s, NULL, b.json, &b.arena, &t);
    CHECK_INT(t.e, E_NOT_FOUND);
    close_it(&b);
}

TEST(built_in_manifests_are_checked_to_the_end)
{
    struct span name, text;
    size_t manifests = 0;
    for (size_t at = 0; embed_next(&at, &name, &text);) {
        struct bench_lint b;
        if (!span_starts(name, SPAN("vendors/")) || !open_text(&b, text))
            continue;
        manifests++;
        for (size_t i = 0; i < b.count; i++)
            if (span_find(b.list[i].text, SPAN("never reached")) >= 0)
                test_fail(__FILE__, __LINE__, "%.*s: %.*s %.*s", SPAN_ARG(name), SPAN_ARG(b.list[i].place), SPAN_ARG(b.list[i].text));
        close_it(&b);
    }
    CHECK(manifests >= 5);
}
