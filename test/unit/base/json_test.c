/* SPDX-License-Identifier: Apache-2.0
 * json_test.c - parsing, walking, numbers as written, and the canonical rule. */
#include "base/json.h"

#include <stdlib.h>

#include "test/test.h"

static enum err parse(struct json *j, struct span text, struct json_value *root)
{
    const char *why = NULL;
    enum err e = json_parse(j, text, false, root, &why);
    CHECK(e == E_OK || why);
    return e;
}

static bool refused(struct json *j, struct span text)
{
    struct json_value root;
    return parse(j, text, &root) == E_BAD_REQUEST && json_kind(root) == JSON_NONE;
}

TEST(walks)
{
    struct json *j = json_new();
    struct json_value root, v;
    struct span name;
    bool flag = false;
    CHECK(parse(j, SPAN("{\"id\":\"x\",\"data\":[{\"n\":1},[],{\"n\":-2}],\"ok\":true,\"no\":null,\"0\":{\"\":5}}"), &root) == E_OK);
    CHECK(json_kind(root) == JSON_OBJECT && json_count(root) == 5);
    CHECK_SPAN(json_string(json_member(root, SPAN("id"))), SPAN("x"));
    int64_t n = 0;
    CHECK(json_integer(json_path(root, SPAN("data.2.n")), &n) && n == -2);
    CHECK(json_integer(json_path(root, SPAN("0.")), &n) && n == 5);
    CHECK(json_kind(json_path(root, SPAN("data.3"))) == JSON_NONE && json_kind(json_path(root, SPAN("data.x.n"))) == JSON_NONE);
    CHECK(json_kind(json_path(root, SPAN("no.a.b"))) == JSON_NONE && json_kind(json_member(root, SPAN("no"))) == JSON_NULL);
    CHECK(json_bool(json_member(root, SPAN("ok")), &flag) && flag && !json_bool(root, &flag));
    CHECK_INT(json_count(json_member(root, SPAN("data"))), 3);
    CHECK_INT(json_count(json_path(root, SPAN("data.1"))), 0);
    struct json_iter it = json_iter(json_member(root, SPAN("id")));
    CHECK(!json_next(&it, &name, &v) && !name.at && json_kind(v) == JSON_NONE);
    size_t seen = 0;
    for (it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &v);)
        seen += !name.at;
    CHECK_INT(seen, 3);
    struct json_value none = { NULL, 0 };
    CHECK(json_kind(json_member(none, SPAN("a"))) == JSON_NONE && json_string(none).at == NULL && json_count(none) == 0);
    json_free(j);
    json_free(NULL);
}

TEST(scalars_may_be_roots)
{
    struct json *j = json_new();
    struct json_value root;
    int64_t n;
    CHECK(parse(j, SPAN(" 42 "), &root) == E_OK && json_integer(root, &n) && n == 42);
    CHECK(parse(j, SPAN("\"\""), &root) == E_OK && json_string(root).at && json_string(root).len == 0);
    CHECK(parse(j, SPAN("null"), &root) == E_OK && json_kind(root) == JSON_NULL);
    json_free(j);
}

TEST(unescapes)
{
    struct json *j = json_new();
    struct json_value root;
    CHECK(parse(j, SPAN("\"\\u0041\\n\\\"\\\\\\/\\u00e4\\ud83d\\ude00\\u0000z\""), &root) == E_OK);
    CHECK_SPAN(json_string(root), SPAN("A\n\"\\/\xc3\xa4\xf0\x9f\x98\x80\0z"));
    CHECK(refused(j, SPAN("\"\\x\"")) && refused(j, SPAN("\"\\u12g4\"")) && refused(j, SPAN("\"\\u\"")));
    CHECK(refused(j, SPAN("\"\\ud83d\"")) && refused(j, SPAN("\"\\ude00\\ud83d\"")));
    json_free(j);
}

TEST(refuses_what_is_not_json)
{
    static const char *const bad[] = { "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}", "[1 2]", "1 2", "{} {}", "[]x",
        "01", "-", "+1", ".5", "5.", "1e", "1e+", "0x10", "NaN", "Infinity", "tru", "truex", "nul", "\"a", "\"a\nb\"", "\"\x01\"", "[1]//c",
        "\xef\xbb\xbf{}", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "18446744073709551616", "-9223372036854775809", "1e999", "{\"a\":1]", "[\"a\":1]",
        "{1:2}", "\"a\"\"b\"", "[\"a\"\"b\"]", "[1\"b\"]", "{\"a\"\"b\":1}", "[\f1]", "[,1]" };
    struct json *j = json_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (!refused(j, span_of(bad[i])))
            test_fail(__FILE__, __LINE__, "took \"%s\"", bad[i]);
    CHECK(refused(j, SPAN("[1]\0")) && refused(j, SPAN("\0")));
    json_free(j);
}

TEST(truncation_at_every_byte)
{
    const struct span whole = SPAN("{\"a\":[1,2.5e3,{\"b\":\"x\\u00e4\\n\xc3\xa4\"}],\"c\":[true,false,null],\"d\":{}}");
    struct json *j = json_new();
    struct json_value root;
    for (size_t n = 0; n < whole.len; n++) {
        char *exact = malloc(n + 1); /* ASan sees a byte read too far */
        memcpy(exact, whole.at, n);
        CHECK(refused(j, span_make(exact, n)));
        free(exact);
    }
    CHECK(parse(j, whole, &root) == E_OK);
    json_free(j);
}

static struct span nest(char *out, size_t depth)
{
    memset(out, '[', depth);
    memset(out + depth, ']', depth);
    return span_make(out, depth * 2);
}

TEST(depth_has_a_limit)
{
    static char text[20000];
    struct json *j = json_new();
    struct json_value root;
    struct buf out;
    buf_init(&out, 10000);
    CHECK(parse(j, nest(text, 255), &root) == E_OK);
    json_print(root, &out);
    CHECK_SPAN(buf_span(&out), span_make(text, 510));
    CHECK(refused(j, nest(text, 257)) && refused(j, nest(text, 10000)));
    buf_free(&out);
    json_free(j);
}

TEST(integers_are_exact)
{
    struct json *j = json_new();
    struct json_value root;
    int64_t n = 0;
    CHECK(parse(j, SPAN("[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e3,-0,\"5\"]"), &root) == E_OK);
    CHECK(json_integer(json_path(root, SPAN("0")), &n) && n == INT64_MAX);
    CHECK(json_integer(json_path(root, SPAN("1")), &n) && n == INT64_MIN);
    CHECK(!json_integer(json_path(root, SPAN("2")), &n) && !json_integer(json_path(root, SPAN("3")), &n));
    CHECK(!json_integer(json_path(root, SPAN("4")), &n) && !json_integer(json_path(root, SPAN("6")), &n));
    CHECK(json_integer(json_path(root, SPAN("5")), &n) && n == 0);
    json_free(j);
}

static void check_decimal(struct json *j, const char *text, const char *want)
{
    struct json_value root;
    struct arena a;
    arena_init(&a, 10000);
    CHECK(parse(j, span_of(text), &root) == E_OK);
    struct span got = json_decimal(root, &a);
    if (!span_is(got, span_of(want)) || (got.at != NULL) != (want != NULL))
        test_fail(__FILE__, __LINE__, "%s: got %.*s, want %s", text, SPAN_ARG(got), want ? want : "nothing");
    arena_free(&a);
}

TEST(decimals_are_as_written)
{
    static const char *const rows[][2] = { { "0.10", "0.10" }, { "1", "1" }, { "-7", "-7" }, { "18446744073709551615", "18446744073709551615" },
        { "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827" }, { "123456789.123456789", "123456789.123456789" },
        { "1.5e-05", "0.000015" }, { "-1.5E-5", "-0.000015" }, { "1e3", "1000" }, { "1.0", "1.0" }, { "1.25e1", "12.5" }, { "1.25e+2", "125" },
        { "0.00125e3", "1.25" }, { "0e5", "0" }, { "-0.0", "-0.0" }, { "0.0e-3", "0" }, { "12e-1", "1.2" }, { "12e-2", "0.12" }, { "1e0", "1" },
        { "\"3.50\"", "3.50" }, { "\"\"", "" }, { "true", NULL }, { "[1]", NULL }, { "1e-401", NULL }, { "0e99999999999999999999", NULL } };
    struct json *j = json_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_decimal(j, rows[i][0], rows[i][1]);
    json_free(j);
}

/* In order, backwards, and among everything that has a mark of its own. */
TEST(decimals_find_their_place)
{
    struct json *j = json_new();
    struct json_value root;
    struct arena a;
    arena_init(&a, 10000);
    CHECK(parse(j, SPAN("{ \"a:,\" : [ 1.5 , {} , [ ] , \"[,\" , true , 3, 2.50 ] ,\n\"b\":{\"c\":null,\"d\": 7.75}}"), &root) == E_OK);
    for (int i = 0; i < 2; i++) {
        CHECK_SPAN(json_decimal(json_path(root, SPAN("b.d")), &a), SPAN("7.75"));
        CHECK_SPAN(json_decimal(json_path(root, SPAN("a:,.6")), &a), SPAN("2.50"));
        CHECK_SPAN(json_decimal(json_path(root, SPAN("a:,.0")), &a), SPAN("1.5"));
    }
    arena_free(&a);
    json_free(j);
}

static enum err canonical(struct json *j, const char *text, const char *want)
{
    struct json_value root;
    struct span where;
    CHECK(parse(j, span_of(text), &root) == E_OK);
    enum err e = json_canonical(root, &where);
    if (!span_is(where, span_of(want)))
        test_fail(__FILE__, __LINE__, "%s: where is \"%.*s\"", text, SPAN_ARG(where));
    return e;
}

TEST(canonical_rule)
{
    struct json *j = json_new();
    CHECK_INT(canonical(j, "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}", NULL), E_OK);
    CHECK_INT(canonical(j, "{\"amount\":1,\"x\":{},\"amount\":9}", "amount"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "[[{\"x\":[{\"k\":1,\"\\u006b\":2}]}]]", "k"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "{\"\":1,\"\":2}", ""), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "{\"n\":9007199254740992,\"m\":-9007199254740992}", NULL), E_OK);
    CHECK_INT(canonical(j, "{\"n\":9007199254740993}", "n"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "{\"n\":-9007199254740993}", "n"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "{\"n\":[1,18446744073709551615]}", "n"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "{\"n\":[\"text\",{\"m\":1},18446744073709551615]}", "n"), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "[18446744073709551615]", NULL), E_NOT_CANONICAL);
    CHECK_INT(canonical(j, "12345678901234567.5", NULL), E_OK);
    json_free(j);
}

TEST(canonical_with_many_members)
{
    struct json *j = json_new();
    struct json_value root;
    struct span where;
    struct buf b;
    buf_init(&b, 1 << 22);
    for (int twice = 0; twice < 2; twice++) {
        buf_clear(&b);
        buf_put_byte(&b, '{');
        for (int i = 0; i < 50000; i++)
            buf_print(&b, "\"n%d\":%d,", i, i);
        buf_print(&b, "\"n%s\":0}", twice ? "777" : "x");
        CHECK(parse(j, buf_span(&b), &root) == E_OK);
        CHECK_INT(json_canonical(root, &where), twice ? E_NOT_CANONICAL : E_OK);
        CHECK(!twice || span_is(where, SPAN("n777")));
    }
    buf_free(&b);
    json_free(j);
}

TEST(prints_compact)
{
    struct json *j = json_new();
    struct json_value root;
    struct buf out;
    buf_init(&out, 1000);
    CHECK(parse(j, SPAN(" { \"a\" : [ 1 , -2.50 , 1E5 , \"x\\u00e4\\n\" ] , \"b\" : { } , \"c\" : [ true , null , 18446744073709551615 ] } "), &root) == E_OK);
    json_print(root, &out);
    CHECK_SPAN(buf_span(&out), SPAN("{\"a\":[1,-2.50,1E5,\"x\xc3\xa4\\n\"],\"b\":{},\"c\":[true,null,18446744073709551615]}"));
    buf_clear(&out);
    json_print(json_path(root, SPAN("a.1")), &out);
    CHECK_SPAN(buf_span(&out), SPAN("-2.50"));
    buf_free(&out);
    json_free(j);
}

TEST(parser_is_reusable_after_giants_and_errors)
{
    struct json *j = json_new();
    struct json_value root;
    struct buf b;
    const char *why;
    int64_t n;
    buf_init(&b, 20 << 20);
    buf_put_byte(&b, '[');
    for (int i = 0; i < 1000000; i++)
        buf_put(&b, SPAN("12345,"));
    buf_put(&b, SPAN("7]"));
    CHECK(json_parse(j, buf_span(&b), true, &root, &why) == E_OK);
    CHECK(json_integer(json_path(root, SPAN("1000000")), &n) && n == 7);
    CHECK(refused(j, SPAN("[")));
    CHECK(parse(j, SPAN("[3]"), &root) == E_OK && json_integer(json_path(root, SPAN("0")), &n) && n == 3);
    buf_free(&b);
    json_free(j);
}
