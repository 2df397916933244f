/* SPDX-License-Identifier: Apache-2.0
 * graphql_test.c - GraphQL documents: which operation they are, with what arguments; and every way to say it ambiguously. */
#include "test/unit/vendor/bench.h"
#include "vendor/manifest.h"

#define MANIFEST                                                                                                                  \
    "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\nredact: [answer.**.accessToken]\n"                 \
    "scopes: { customer: { from: [argument.input.customerId, argument.customer], must_show: money } }\noperations:\n"             \
    "  graphql: { call: POST /graphql, fields: { mutation.refundCreate: refunds.create, mutation.orderCancel: orders.cancel,\n"   \
    "    query.*: graphql.read, query.secrets: secrets.read, query.__schema: graphql.introspect } }\n"                            \
    "  refunds.create: { call: FIELD, reserve: { usd: argument.input.amount }, parameters: { argument.input.note: { forbidden: true } } }\n" \
    "  orders.cancel: { call: FIELD }\n  graphql.read: { call: FIELD }\n  secrets.read: { call: FIELD, secret: true }\n"          \
    "  graphql.introspect: { call: FIELD }\n"

static struct bench b;

static void open_it(void)
{
    if (bench_read(&b, MANIFEST))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
}

/* {"query": document, "variables": variables} */
static struct span request(const char *document, const char *rest)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair(&o, SPAN("query"), span_of(document));
    buf_put(&out, span_of(rest));
    buf_put(&out, SPAN("}"));
    struct span text = arena_copy(&b.call, buf_span(&out));
    buf_free(&out);
    return text;
}

static enum err refine(struct span body)
{
    struct span path, query;
    const char *why;
    CHECK(canon_target(&b.call, SPAN("/graphql"), &path, &query, &why) == E_OK);
    CHECK(vendor_match(&b.vendor, SPAN("POST"), path, &b.matched));
    CHECK(b.matched.operation->fields);
    return vendor_refine(b.json, &b.vendor, body, &b.call, &b.matched, &b.why);
}

static void is(const char *document, const char *rest, const char *operation)
{
    bench_fresh(&b);
    if (refine(request(document, rest)) || !span_is(b.matched.operation->name, span_of(operation)))
        test_fail(__FILE__, __LINE__, "%s: %.*s, wanted %s: %.*s", document, SPAN_ARG(b.matched.operation->name), operation, SPAN_ARG(b.why));
}

static void is_refused(const char *document, const char *rest, enum err want)
{
    bench_fresh(&b);
    enum err got = refine(request(document, rest));
    if (got != want || !b.why.len)
        test_fail(__FILE__, __LINE__, "%s: %s, wanted %s", document, err_code(got).at, err_code(want).at);
}

static void arguments(const char *document, const char *rest, const char *want)
{
    struct json_value root;
    struct span json = SPAN_NONE;
    const char *why;
    bench_fresh(&b);
    struct span body = request(document, rest);
    CHECK(json_parse(b.json, body, false, &root, &why) == E_OK);
    if (graphql_arguments(root, &b.call, &json, &b.why) || !span_is(json, span_of(want)))
        test_fail(__FILE__, __LINE__, "%s: %.*s, wanted %s: %.*s", document, SPAN_ARG(json), want, SPAN_ARG(b.why));
}

TEST(a_document_is_the_operation_of_its_root_field)
{
    open_it();
    is("mutation { refundCreate(input: {amount: 5}) { id } }", "", "own.refunds.create");
    is("mutation M($i: RefundInput!) { x: refundCreate(input: $i) { refund { id } } }", "", "own.refunds.create");
    is("mutation{__typename orderCancel}", "", "own.orders.cancel");
    is("{ shop { name } }", "", "own.graphql.read");
    is("query { a: shop { name } b: orders(first: 5) { id } __typename }", "", "own.graphql.read");
    is("query Q { ...F } fragment F on QueryRoot { shop { name } }", "", "own.graphql.read");
    is("{ ... on QueryRoot @x { shop { name @skip(if: true) } } ... { orders } }", "", "own.graphql.read");
    is("mutation { ...A } fragment A on Mutation { ... { orderCancel } }", "", "own.orders.cancel");
    is("query A { shop } mutation B { orderCancel }", ",\"operationName\":\"B\"", "own.orders.cancel");
    is("query A { shop } mutation B { orderCancel }", ",\"operationName\":\"A\"", "own.graphql.read");
    is("{ shop }", ",\"operationName\":null,\"variables\":null,\"extensions\":{}", "own.graphql.read");
    is("{ __schema { types { name } } }", "", "own.graphql.introspect");
    is("{ secrets }", "", "own.secrets.read");
    is("# mutation { orderCancel }\n{ shop }", "", "own.graphql.read");
    is("{ shop(a: \"} mutation { orderCancel\") }", "", "own.graphql.read");
    is("{ shop(a: \"\"\"} \\\"\"\" mutation { orderCancel \"\"\") }", "", "own.graphql.read");
    is("mutation { refundCreate(input: {amount: 5}) @idempotent(key: \"x\") { id } }", "", "own.refunds.create");
    is("query ($v: [Int!]! = [1, 2] @d, $w: I = {a: {b: ENUM}}) @live { shop }", "", "own.graphql.read");
    bench_close(&b);
}

TEST(what_could_be_two_things_is_refused)
{
    open_it();
    is_refused("mutation { refundCreate orderCancel }", "", E_NOT_CANONICAL);
    is_refused("mutation { a: orderCancel(id: 1) b: orderCancel(id: 2) }", "", E_NOT_CANONICAL);
    is_refused("mutation { ...A ...A } fragment A on M { orderCancel }", "", E_NOT_CANONICAL);
    is_refused("{ shop secrets }", "", E_NOT_CANONICAL);
    is_refused("query A { shop } mutation B { orderCancel }", "", E_NOT_CANONICAL);
    is_refused("query A { shop } mutation B { orderCancel }", ",\"operationName\":\"C\"", E_NOT_CANONICAL);
    is_refused("query A { shop } query A { orders }", ",\"operationName\":\"A\"", E_NOT_CANONICAL);
    is_refused("{ shop } mutation B { orderCancel }", ",\"operationName\":\"B\"", E_NOT_CANONICAL);
    is_refused("{ shop }", ",\"operationName\":\"B\"", E_NOT_CANONICAL);
    is_refused("mutation($d: Boolean!) { orderCancel @skip(if: $d) }", "", E_NOT_CANONICAL);
    is_refused("mutation { ... @include(if: true) { orderCancel } }", "", E_NOT_CANONICAL);
    is_refused("mutation { ...A @include(if: true) } fragment A on M { orderCancel }", "", E_NOT_CANONICAL);
    is_refused("{ ...A } fragment A on Q { ...B } fragment B on Q { ...A }", "", E_TOO_LARGE);
    is_refused("{ ...A }", "", E_NOT_CANONICAL);
    is_refused("{ ...A } fragment A on Q { shop } fragment A on Q { secrets }", "", E_NOT_CANONICAL);
    is_refused("subscription { shop }", "", E_NOT_CANONICAL);
    is_refused("type Query { shop: Shop }", "", E_NOT_CANONICAL);
    is_refused("{ shop }", ",\"id\":\"abc\"", E_NOT_CANONICAL);
    is_refused("{ shop }", ",\"extensions\":{\"persistedQuery\":{\"sha256Hash\":\"x\"}}", E_NOT_CANONICAL);
    is_refused("{ shop }", ",\"variables\":\"{}\"", E_NOT_CANONICAL);
    is_refused("{ shop }", ",\"operationName\":5", E_NOT_CANONICAL);
    is_refused("{ shop(a: 1e999) }", "", E_NOT_CANONICAL);
    is_refused("{ shop(a: [-9007199254740993]) }", "", E_NOT_CANONICAL);
    is_refused("{ shop(a: 11111111111111111111111111111111) }", "", E_NOT_CANONICAL);
    is_refused("{ shop(a: 0.00000000000000000000000000000000000000000000000000000000000000001) }", "", E_NOT_CANONICAL);
    bench_close(&b);
}

TEST(unknown_fields_are_refused)
{
    open_it();
    is_refused("mutation { giftCardCreate }", "", E_OPERATION_DENIED);
    is_refused("mutation { __schema }", "", E_OPERATION_DENIED);
    is_refused("{ __type(name: \"X\") { name } }", "", E_OPERATION_DENIED);
    is_refused("{ __typename }", "", E_OPERATION_DENIED);
    is_refused("mutation { orderCancel: giftCardCreate }", "", E_OPERATION_DENIED);
    bench_close(&b);
}

TEST(a_hidden_field_keeps_its_name)
{
    open_it();
    is("{ shop { accessToken } }", "", "own.graphql.read");
    is("{ shop { accessToken: accessToken2 } }", "", "own.graphql.read");
    is_refused("{ shop { x: accessToken } }", "", E_NOT_CANONICAL);
    is_refused("{ shop { ...F } } fragment F on Shop { tokens { x : accessToken } }", "", E_NOT_CANONICAL);
    bench_close(&b);
}

TEST(what_is_no_graphql_is_refused)
{
    static const char *const broken[] = { "", "{", "{}", "{ shop", "{ shop }}", "{ shop( }", "{ shop() { } }", "{ shop(a:) }",
        "{ shop(a: 01) }", "{ shop(a: 1.) }", "{ shop(a: 1x) }", "{ shop(a: -) }", "{ shop(a: \"x) }", "{ shop(a: \"\n\") }",
        "{ shop(a: \"\"\"x) }", "{ shop(a: [1) }", "{ shop(a: {b 1}) }", "query($a: ) { shop }", "query($a: Int = $b) { shop }",
        "query Q", "{ shop } fragment on on Q { x }", "{ shop } fragment F { x }", "{ ... on { shop } }", "{ a: }", "{ :shop }",
        "{ shop ~ }", "{ shop(a: ..) }", "mutation mutation mutation", "{ shop } x", "{ \x01shop }", "\xef\xbb\xbf{ shop }" };
    static const char *const bodies[] = { "[{\"query\":\"{shop}\"}]", "\"{shop}\"", "{}", "{\"query\":null}", "{\"query\":[\"{shop}\"]}", "5" };
    open_it();
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        is_refused(broken[i], "", E_NOT_CANONICAL);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK_INT(refine(span_of(bodies[i])), E_NOT_CANONICAL);
    CHECK_INT(refine(SPAN("{\"query\":")), E_BAD_REQUEST);
    bench_close(&b);
}

static void repeated(const char *before, const char *middle, size_t times, const char *behind, enum err want)
{
    struct buf text;
    buf_init(&text, 4 << 20);
    buf_put(&text, span_of(before));
    for (size_t i = 0; i < times; i++)
        buf_put(&text, span_of(middle));
    buf_put(&text, span_of(behind));
    buf_put_byte(&text, '\0');
    bench_fresh(&b);
    CHECK_INT(refine(request(text.at, "")), want);
    buf_free(&text);
}

TEST(limits_of_a_document_hold)
{
    open_it();
    repeated("{ shop ", "{ a ", 30, "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}} }", E_OK);
    repeated("{ shop ", "{ a ", 100000, "", E_TOO_LARGE);
    repeated("{ shop(a: ", "[", 100000, ")}", E_TOO_LARGE);
    repeated("query($a: ", "[", 100000, ") { shop }", E_TOO_LARGE);
    repeated("{ shop ", "#\n", 100000, "}", E_OK);
    repeated("{ shop ", ",,,,", 100000, "}", E_TOO_LARGE);
    repeated("{ ", "a ", 65, "}", E_TOO_LARGE);
    repeated("{ a { ", "b ", 60000, "} }", E_TOO_LARGE);
    repeated("{ a { ", "b:c ", 257, "} }", E_TOO_LARGE);
    repeated("", "fragment F on Q { a } ", 65, "", E_NOT_CANONICAL);
    /* fragments in fragments, each twice: 2^20 fields */
    repeated("{ ...A } fragment A on Q { ...B ...B } fragment B on Q { ...C ...C } fragment C on Q { ...D ...D } fragment D on Q { ...E ...E }"
             " fragment E on Q { ...G ...G } fragment G on Q { ...H ...H } fragment H on Q { ", "a ", 1, "}", E_OK);
    repeated("{ ...A ...A } fragment A on Q { ...B ...B } fragment B on Q { ...C ...C } fragment C on Q { ...D ...D } fragment D on Q { ...E ...E }"
             " fragment E on Q { ...G ...G } fragment G on Q { ...H ...H } fragment H on Q { ", "a ", 1, "}", E_TOO_LARGE);
    bench_close(&b);
}

TEST(arguments_are_what_the_vendor_will_see)
{
    open_it();
    arguments("{ a }", "", "[{}]");
    arguments("{ a(b: 1, c: -2.50e3, d: \"x\\n\\u00e9\\ud83d\\ude00\\\"\", e: ENUM, f: true, g: null) }", "",
        "[{\"b\":1,\"c\":-2.50e3,\"d\":\"x\\n\xc3\xa9\xf0\x9f\x98\x80\\\"\",\"e\":\"ENUM\",\"f\":true,\"g\":null}]");
    arguments("{ a(b: [1 2 [3]], c: {d: {e: []}}) }", "", "[{\"b\":[1,2,[3]],\"c\":{\"d\":{\"e\":[]}}}]");
    arguments("query($x: Int, $y: In = {k: 7}, $z: S) { a(b: $x, c: {d: $y, e: $z}, f: [$x, $z], g: $z, h: 1) }",
        ",\"variables\":{\"x\":{\"any\":[1,\"t\"]}}", "[{\"b\":{\"any\":[1,\"t\"]},\"c\":{\"d\":{\"k\":7}},\"f\":[{\"any\":[1,\"t\"]},null],\"h\":1}]");
    arguments("query($y: In = 7) { a(b: $y) }", ",\"variables\":{\"y\":null}", "[{\"b\":null}]");
    arguments("{ a(b: \"\"\"\n    one\n      two \\\"\"\"\n\n    three\n  \"\"\") }", "", "[{\"b\":\"one\\n  two \\\"\\\"\\\"\\n\\nthree\"}]");
    arguments("{ a(b: \"\"\"  same line  \"\"\") }", "", "[{\"b\":\"  same line  \"}]");
    arguments("{ a(b: \"\") c(d: \"\"\"\"\"\") }", "", "[{\"b\":\"\"},{\"d\":\"\"}]");
    arguments("{ ...F __typename } fragment F on Q { x: a(b: 1) a(b: 2) }", "", "[{\"b\":1},{\"b\":2}]");
    bench_close(&b);
}

TEST(arguments_that_cannot_be_known_are_refused)
{
    static const char *const broken[] = { "{ a(b: $x) }", "query($x: Int, $x: Int) { a }", "{ a(b: \"\\ud83d\") }", "{ a(b: \"\\x\") }",
        "{ a(b: \"\\u12\") }", "{ a(b: \"\\u{1f600}\") }", "{ a(b: \"\\ude00\\ud83d\") }" };
    struct json_value root;
    struct span json;
    const char *why;
    open_it();
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        bench_fresh(&b);
        struct span body = request(broken[i], "");
        CHECK(json_parse(b.json, body, false, &root, &why) == E_OK);
        if (graphql_arguments(root, &b.call, &json, &b.why) != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "%s", broken[i]);
    }
    bench_close(&b);
}

static void compile_refused(const char *operations, const char *because)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span yaml = arena_print(&a, "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\noperations:\n%s", operations);
    CHECK(bench_read(&b, yaml.at) == E_CONFIG);
    if (span_find(span_of(b.trouble.text), span_of(because)) < 0)
        test_fail(__FILE__, __LINE__, "%s: %s", because, b.trouble.text);
    bench_close(&b);
    arena_free(&a);
}

TEST(fields_that_cannot_work_are_refused_when_they_are_read)
{
    compile_refused("  g: { call: POST /g, fields: { mutation.a: nothing } }\n", "fields.mutation.a");
    compile_refused("  g: { call: POST /g, fields: { mutation.a: g } }\n", "call: FIELD");
    compile_refused("  g: { call: POST /g, fields: { a: b } }\n  b: { call: FIELD }\n", "map of root fields");
    compile_refused("  g: { call: POST /g, fields: { mutation.: b } }\n  b: { call: FIELD }\n", "map of root fields");
    compile_refused("  g: { call: POST /g, fields: [] }\n", "map of root fields");
    compile_refused("  g: { call: POST /g, body: form, fields: { query.a: b } }\n  b: { call: FIELD }\n", "JSON body");
    compile_refused("  g: { call: POST /g, fields: { query.a: b } }\n  h: { call: POST /h, fields: { query.a: b } }\n  b: { call: FIELD }\n", "of this path alone");
    compile_refused("  g: POST /g\n  b: { call: FIELD }\n", "FIELD only where");
    compile_refused("  g: POST /g\n  b: FIELD\n", "FIELD only where");
    compile_refused("  g: { call: POST /g, fields: { query.a: b } }\n  b: { call: FIELD, settle: { usd: argument.x } }\n", "settlement cannot");
    compile_refused("  g: { call: POST /g, fields: { query.a: b } }\n  b: { call: FIELD, doubt: { ask: GET /x } }\n", "doubt");
}
