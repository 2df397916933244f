/* SPDX-License-Identifier: Apache-2.0
 * manifest_test.c - user manifests: what is said about a wrong one, and what the language of cost rules computes. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\n"

static struct bench b;

static void wrong(const char *yaml, const char *place, const char *part)
{
    enum err e = bench_read(&b, yaml);
    CHECK_INT(e, E_CONFIG);
    if (!strstr(b.trouble.text, place) || !strstr(b.trouble.text, part))
        test_fail(__FILE__, __LINE__, "got \"%s\"; want \"%s\" and \"%s\"", b.trouble.text, place, part);
    bench_close(&b);
}

TEST(wrong_manifests_are_explained)
{
    wrong("[]\n", "manifest", "map");
    wrong("vendor: Own\n", "own.yaml:1: vendor", "lower-case");
    wrong("vendor: v1\n", "own.yaml:1: vendor", "the gate's own paths");
    wrong("vendor: chat\n", "own.yaml:1: vendor", "the gate's own paths");
    wrong("vendor: own\nkey_in: bearer\nsend: bearer\n", "base_url", "http");
    wrong("vendor: own\nbase_url: ftp://x\n", "own.yaml:2: base_url", "ftp://x");
    wrong("vendor: own\nbase_url: https://u@x\n", "base_url", "u@x");
    wrong("vendor: own\nbase_url: https://x\nkey_in: cookie\nsend: bearer\n", "own.yaml:3: key_in[0]", "cookie");
    wrong("vendor: own\nbase_url: https://x\nkey_in: bearer\n", "send", "bearer");
    wrong(TOP, "operations", "map of names");
    wrong(TOP "operation: {}\n", "own.yaml:5", "operation");
    wrong(TOP "operations:\n  a: FETCH /x\n", "own.yaml:6: operations.a", "FETCH /x");
    wrong(TOP "operations:\n  a: GET x\n", "operations.a", "GET x");
    wrong(TOP "operations:\n  a: { cal: GET /x }\n", "own.yaml:6: operations.a", "cal");
    wrong(TOP "operations:\n  a: { note: x }\n", "operations.a.call", "method and a path");
    wrong(TOP "operations:\n  a: GET /x//y\n", "operations.a", "empty step");
    wrong(TOP "operations:\n  a: GET /x//y\n", "operations.a", "empty step");
    wrong(TOP "operations:\n  a: GET /x{y}\n", "operations.a", "{name}");
    wrong(TOP "operations:\n  a: GET /{x}\n  b: GET /{y}\n", "own.yaml:7: operations.b", "another operation");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: minor_unit(body.amount) } }\n", "operations.a.reserve.usd",
        "no such function");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: \"minor_units(body.amount)\" } }\n", "operations.a.reserve.usd",
        "too few");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: \"abs(1, 2)\" } }\n", "operations.a.reserve.usd", "too many");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: \"1 +\" } }\n", "operations.a.reserve.usd", "missing");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: \"(1\" } }\n", "operations.a.reserve.usd", ")");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: \"1 2\" } }\n", "operations.a.reserve.usd", "behind the rule");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { usd: answer.amount } }\n", "operations.a.reserve.usd",
        "cannot know the answer");
    wrong(TOP "operations:\n  a: { call: POST /x, settle: { usd: body.amount } }\n", "operations.a.settle.usd", "JSON body");
    wrong(TOP "operations:\n  a: { call: POST /x, reserve: { eur: 1 } }\n", "operations.a.reserve", "eur");
    wrong(TOP "operations:\n  a: { call: POST /x, body: xml }\n", "operations.a.body", "xml");
    wrong(TOP "operations:\n  a: { call: POST /x, origin: y }\n", "operations.a.origin", "origins");
    wrong(TOP "scopes: { c: cookie.x }\noperations:\n  a: GET /x\n", "own.yaml:5: scopes.c", "starts with body");
    wrong(TOP "scopes: { c: { from: body.x, as: upper } }\noperations:\n  a: GET /x\n", "scopes.c.as", "upper");
    wrong(TOP "parameters: { a: { kind: float } }\noperations:\n  a: GET /x\n", "parameters.a.kind", "float");
    wrong(TOP "currencies: { 9: [usd] }\noperations:\n  a: GET /x\n", "currencies.9", "others");
    wrong(TOP "deny: { body: 'x' }\noperations:\n  a: GET /x\n", "deny.body", "JSON object");
    wrong(TOP "deny: { body: '{\"a\":\"{{colour}}\"}' }\noperations:\n  a: GET /x\n", "deny.body", "colour");
    wrong(TOP "deny: { status: { budget: 403 } }\noperations:\n  a: GET /x\n", "deny.status.budget", "docs/errors.md");
    wrong(TOP "deny: { status: { stopped: 99 } }\noperations:\n  a: GET /x\n", "deny.status", "200 to 599");
    wrong(TOP "operations:\n  a: { call: POST /x, moves_money: perhaps }\n", "operations.a.moves_money", "priced");
    wrong(TOP "operations:\n  a: { call: POST /x, moves_money: priced }\n", "operations.a.moves_money", "reserve");
    wrong(TOP "request_headers: [Cookie]\noperations:\n  a: GET /x\n", "request_headers", "lower-case");
    wrong(TOP "replayed: yes\noperations:\n  a: GET /x\n", "replayed", "header field");
}

/* One rule over one body: in nano, or -1 for unknown. */
static int64_t reckoned(const char *rule, const char *body)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml),
        TOP "currencies: { others: 2 }\nsettings: { price: \"0.5\", table: { \"1\": \"0.1\" }, fx: { eur: \"2\" }, fx_margin: "
            "10%% }\nin_query: [q]\n"
            "operations:\n  a:\n    call: POST /x/{id}\n    reserve: { usd: \"%s\" }\n",
        rule);
    if (bench_read(&b, yaml))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    CHECK_INT(bench_ask(&b, "POST", "/x/i%2B1?q=7", body), E_OK);
    int64_t out = b.understood.cost_known ? b.understood.worst[UNIT_USD] : -1;
    bench_close(&b);
    return out;
}

TEST(rules_compute)
{
    const int64_t usd = NANO_PER_USD;
    CHECK_INT(reckoned("1 + 2 * 3 - 4", "{}"), 3 * usd);
    CHECK_INT(reckoned("(1 + 2) * 3", "{}"), 9 * usd);
    CHECK_INT(reckoned("0.000000001 * 0.5", "{}"), 1); /* a reservation is rounded up */
    CHECK_INT(reckoned("body.n * setting.price", "{\"n\":3}"), 3 * usd / 2);
    CHECK_INT(reckoned("body.n", "{\"n\":\"2.25\"}"), 9 * usd / 4);
    CHECK_INT(reckoned("body.a.b", "{\"a\":{\"b\":4}}"), 4 * usd);
    CHECK_INT(reckoned("body.a.b", "{\"a.b\":4}"), -1);
    CHECK_INT(reckoned("query.q", "{}"), 7 * usd);
    CHECK_INT(reckoned("when(is(path.id, 'i+1'), 5, 6)", "{}"), 5 * usd);
    CHECK_INT(reckoned("minor_units(body.n, 'usd')", "{\"n\":250}"), 5 * usd / 2);
    CHECK_INT(reckoned("minor_units(body.n, 'eur')", "{\"n\":100}"), 22 * usd / 10);
    CHECK_INT(reckoned("major_units(body.n, 'eur')", "{\"n\":\"1.5\"}"), 33 * usd / 10);
    CHECK_INT(reckoned("max(body.n, 2, 1)", "{\"n\":1}"), 2 * usd);
    CHECK_INT(reckoned("first(body.n, body.m, 9)", "{\"m\":8}"), 8 * usd);
    CHECK_INT(reckoned("first(body.n, 9)", "{\"n\":null}"), 9 * usd);
    CHECK_INT(reckoned("when(present(body.n), 1, 2)", "{\"n\":{}}"), usd);
    CHECK_INT(reckoned("count(body.list)", "{\"list\":[1,{},[]]}"), 3 * usd);
    CHECK_INT(reckoned("count(body.list.*.n)", "{\"list\":[{\"n\":1},{},{\"n\":2}]}"), 2 * usd);
    CHECK_INT(reckoned("abs(0 - 3)", "{}"), 3 * usd);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":\"+15558675310\"}"), usd);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":\"whatsapp:+15558675310\"}"), usd);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":\"15558675310\"}"), 0);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":\"+0555867531\"}"), 0);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":\"+1555867531012345\"}"), 0);
    CHECK_INT(reckoned("phone(body.to)", "{}"), 0);
    CHECK_INT(reckoned("minutes(61)", "{}"), 2 * usd);
    CHECK_INT(
        reckoned("sms_segments(body.t) * country_price(body.to, setting.table)", "{\"t\":\"hi\",\"to\":\"+1555\"}"), usd / 10);
}

TEST(what_rules_cannot_know_is_unknown)
{
    CHECK_INT(reckoned("body.n", "{}"), -1);
    CHECK_INT(reckoned("body.n", "{\"n\":[1]}"), -1);
    CHECK_INT(reckoned("body.n", "{\"n\":{}}"), -1);
    CHECK_INT(reckoned("body.n", "{\"n\":\"x\"}"), -1);
    CHECK_INT(reckoned("body.n", "{\"n\":1e3}"), -1);
    CHECK_INT(reckoned("body.n", "{\"n\":-1}"), -1);
    CHECK_INT(reckoned("body.n + 1", "{}"), -1);
    CHECK_INT(reckoned("1 - body.n", "{\"n\":2}"), -1);
    CHECK_INT(reckoned("body.n * 1000000000", "{\"n\":10}"), -1); /* past what money can hold */
    CHECK_INT(reckoned("minor_units(body.n, 'gbp')", "{\"n\":1}"), -1);
    CHECK_INT(reckoned("minor_units(body.n, body.c)", "{\"n\":1,\"c\":7}"), -1);
    CHECK_INT(reckoned("minor_units(body.n, 'usd')", "{\"n\":1.0}"), -1);
    CHECK_INT(reckoned("minor_units(body.n, 'usd')", "{\"n\":\"01\"}"), -1);
    CHECK_INT(reckoned("recipients(body.to)", "{\"to\":\"a,b\"}"), -1);
    CHECK_INT(reckoned("phone(body.to)", "{\"to\":[\"+15558675310\"]}"), -1);
    CHECK_INT(reckoned("country_price(body.to, setting.table)", "{\"to\":\"+44\"}"), -1);
    CHECK_INT(reckoned("country_price(body.to, setting.none)", "{\"to\":\"+1\"}"), -1);
    CHECK_INT(reckoned("unknown()", "{}"), -1);
    CHECK_INT(reckoned("first(body.n, 1)", "{\"n\":\"x\"}"), -1);
    CHECK_INT(reckoned("when(body.n, 1, 2)", "{}"), -1);
    CHECK_INT(reckoned("reserved('usd')", "{}"), -1);
}

/* The first example of docs/manifests.md. */
static const char *example(void)
{
    static char text[64 * 1024];
    FILE *f = fopen("docs/manifests.md", "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    char *start = strstr(text, "```yaml\n"), *end = start ? strstr(start + 8, "```") : NULL;
    if (!end)
        return "";
    *end = '\0';
    return start + 8;
}

TEST(an_internal_api_needs_no_c)
{
    CHECK_INT(bench_read(&b, example()), E_OK); /* run from the project's folder */
    CHECK_INT(bench_ask(&b, "POST", "/customers/c_1/credits", "{\"amount_usd\":\"12.50\",\"currency\":\"usd\"}"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], INT64_C(12500000000));
    CHECK_SPAN(bench_scope(&b, "billing.customer"), SPAN("c_1"));
    struct settled s = bench_settle(&b, 201, "{\"id\":\"cr_1\",\"credited\":{\"usd\":\"12.25\"}}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_USD], INT64_C(12250000000));
    CHECK_SPAN(s.object_id, SPAN("cr_1"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/customers/c_1/credits", "{\"currency\":\"usd\"}"), E_BAD_REQUEST);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/customers/c_1/credits", "{\"amount_usd\":1,\"currency\":\"eur\"}"), E_PARAMETER_DENIED);
    bench_close(&b);
}

TEST(a_changed_manifest_has_another_version)
{
    bench_read(&b, TOP "operations:\n  a: GET /x\n");
    char first[16];
    snprintf(first, sizeof(first), "%.*s", SPAN_ARG(b.vendor.version));
    CHECK_INT(b.vendor.version.len, 8);
    bench_close(&b);
    bench_read(&b, TOP "operations:\n  a: GET /y\n");
    CHECK(!span_is(b.vendor.version, span_of(first)));
    bench_close(&b);
}

TEST(language_models_are_read_for_policies_only)
{
    bench_open(&b, "anthropic", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/v1/messages", "{\"model\":\"m\",\"temperature\":0.5}"), E_OK);
    CHECK_INT(b.understood.parameter_count, 2);
    CHECK_SPAN(b.understood.body, SPAN("{\"model\":\"m\",\"temperature\":0.5}"));
    CHECK_INT(bench_ask(&b, "POST", "/v1/messages", "{\"model\":\"m\",\"model\":\"n\"}"), E_NOT_CANONICAL);
    b.leave_body = true;
    CHECK_INT(
        bench_ask(&b, "POST", "/v1/messages?beta=true", "{\"model\":\"m\",\"model\":\"n\"}"), E_OK); /* the dialect's to refuse */
    CHECK_SPAN(b.understood.body, SPAN("{\"model\":\"m\",\"model\":\"n\"}"));
    CHECK_SPAN(b.understood.query, SPAN("beta=true"));
    CHECK_INT(b.understood.parameter_count, 1);
    CHECK(b.understood.cost_known);
    CHECK_INT(bench_ask(&b, "POST", "/messages/count_tokens", "{\"model\":\"m\"}"), E_OK);
    CHECK_SPAN(b.matched.operation->name, SPAN("anthropic.messages.count_tokens"));
    bench_close(&b);
    bench_open(&b, "openai", SPAN_NONE);
    bench_field(&b, "content-type", "multipart/form-data; boundary=x");
    CHECK_INT(bench_ask(&b, "POST", "/v1/uploads/upload_1/parts", "--x"), E_OK);
    CHECK(!b.understood.cost_known && !b.matched.operation->reads_body);
    CHECK_SPAN(b.understood.body, SPAN("--x"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/fine_tuning/jobs", "{\"model\":\"m\"}"), E_OK);
    CHECK(!b.understood.cost_known); /* until its settings say what it costs */
    bench_fresh(&b);
    bench_field(&b, "content-type", "multipart/form-data; boundary=x");
    b.leave_body = true;
    CHECK_INT(bench_ask(&b, "POST", "/v1/images/edits?x=1", "--x\r\nContent-Disposition: form-data; name=\"image[]\"\r\n\r\n1\r\n--x--"), E_OK); /* the dialect's */
    b.leave_body = false;
    CHECK_INT(bench_ask(&b, "POST", "/v1/images/edits", "--x\r\nContent-Disposition: form-data; name=\"image[]\"\r\n\r\n1\r\n--x--"), E_NOT_CANONICAL);
    bench_close(&b);
}
