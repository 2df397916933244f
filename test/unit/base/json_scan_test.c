/* SPDX-License-Identifier: Apache-2.0
 * json_scan_test.c - the top-level scan, its refusals, and raw values. */
#include <stdlib.h>

#include "base/json.h"
#include "test/test.h"

struct seen {
    char text[2000];
    size_t len;
    int stop_after;
};

static bool note(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct seen *seen = self;
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len, "%.*s/%d/%.*s;", SPAN_ARG(name), (int)kind, SPAN_ARG(raw));
    return --seen->stop_after != 0;
}

static enum err scan(struct json *j, struct span text, struct seen *seen)
{
    const char *why = NULL;
    *seen = (struct seen){ .len = 0 };
    enum err e = json_scan(j, text, false, note, seen, &why);
    CHECK(e == E_OK || (why && seen->len == 0)); /* what is refused was not shown */
    return e;
}

static struct span seen_span(const struct seen *s) { return span_make(s->text, s->len); }

TEST(shows_members_in_order)
{
    struct json *j = json_new();
    struct seen s;
    CHECK(scan(j, SPAN(" { \"model\" : \"gpt\" , \"messages\":[ {\"a\":\"]}\"} , [] ]\n,\"n\":-1.5e3\t,\"t\":true,\"f\":false,\"z\":null,\"o\":{}}\n"), &s) == E_OK);
    CHECK_SPAN(seen_span(&s), SPAN("model/4/\"gpt\";messages/5/[ {\"a\":\"]}\"} , [] ];n/3/-1.5e3;t/2/true;f/2/false;z/1/null;o/6/{};"));
    CHECK(scan(j, SPAN("{}"), &s) == E_OK && s.len == 0);
    CHECK(scan(j, SPAN("{\"\\u006dodel\\n\":1}"), &s) == E_OK);
    CHECK_SPAN(seen_span(&s), SPAN("model\n/3/1;"));
    json_free(j);
}

TEST(stops_early)
{
    struct json *j = json_new();
    struct seen s = { .stop_after = 1 };
    const char *why;
    CHECK(json_scan(j, SPAN("{\"a\":1,\"b\":2}"), false, note, &s, &why) == E_OK);
    CHECK_SPAN(seen_span(&s), SPAN("a/3/1;"));
    json_free(j);
}

TEST(refuses)
{
    static const char *const bad[] = { "", " ", "[]", "1", "\"a\"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":1}{}",
        "{\"a\":1}x", "{\"a\":[}", "{\"a\":[1}", "{\"a\":{]}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":{\"b\"}}", "{\"a\":{\"b\":1,}}", "{\"a\":{1:2}}", "{\"a\":01}",
        "{\"a\":tru}", "{\"a\":truee}", "{\"a\":nan}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"a\":\"x}", "{1:2}", "{a:1}", "{\"a\":'b'}",
        "{\"a\" 1}", "{\"a\"::1}", "{\"a\":\"b\"\"c\"}", "{\"a\":1\"b\"}", "{\"a\":\"b\"1}", "{\"a\":[1]2}", "{\"a\":{\"b\":{}}]", "{\"a\":[ /* ], \"model\":\"x\" */ ]}",
        "{\"\\x\":1}", "{\"\\ud800\":1}", "\xef\xbb\xbf{}" };
    struct json *j = json_new();
    struct seen s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (scan(j, span_of(bad[i]), &s) != E_BAD_REQUEST)
            test_fail(__FILE__, __LINE__, "took \"%s\"", bad[i]);
    CHECK_INT(scan(j, SPAN("{\"a\":1\0}"), &s), E_BAD_REQUEST);
    CHECK_INT(scan(j, SPAN("{\"a\":\0\0}"), &s), E_BAD_REQUEST);
    CHECK_INT(scan(j, SPAN("{\"a\"\0:1}"), &s), E_BAD_REQUEST);
    CHECK_INT(scan(j, SPAN("{\"a\":1,\"b\":2,\"\\u0061\":3}"), &s), E_NOT_CANONICAL);
    CHECK_INT(scan(j, SPAN("{\"a\":{\"b\":1,\"b\":2}}"), &s), E_OK); /* only the top is looked at */
    json_free(j);
}

TEST(truncation_at_every_byte_of_a_scan)
{
    const struct span whole = SPAN("{\"a\":[1,2.5e3,{\"b\":\"x\\u00e4\\n\xc3\xa4\"}],\"\\u0063\":[true,false,null],\"d\":{}}");
    struct json *j = json_new();
    struct seen s;
    for (size_t n = 0; n < whole.len; n++) {
        char *exact = malloc(n + 1);
        memcpy(exact, whole.at, n);
        CHECK_INT(scan(j, span_make(exact, n), &s), E_BAD_REQUEST);
        free(exact);
    }
    json_free(j);
}

TEST(depth_of_a_scan_has_a_limit)
{
    struct json *j = json_new();
    struct json_value root;
    struct seen s;
    const char *why;
    char text[700];
    for (size_t depth = 253; depth < 258; depth++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "{\"a\":");
        memset(text + len, '[', depth);
        memset(text + len + depth, ']', depth);
        text[len + depth * 2] = '}';
        struct span whole = span_make(text, len + depth * 2 + 1);
        /* both ways of reading draw the line at the same place */
        CHECK_INT(scan(j, whole, &s), json_parse(j, whole, false, &root, &why));
    }
    json_free(j);
}

TEST(many_members)
{
    struct json *j = json_new();
    struct buf b;
    struct seen s;
    const char *why;
    buf_init(&b, 1 << 20);
    for (int n = 40; n <= 10001; n += 9961) {
        buf_clear(&b);
        for (int i = 0; i < n; i++)
            buf_print(&b, "%c\"n%d\":%d", i ? ',' : '{', i, i);
        buf_put_byte(&b, '}');
        s = (struct seen){ .stop_after = 1 };
        CHECK_INT(json_scan(j, buf_span(&b), true, note, &s, &why), n > 10000 ? E_TOO_LARGE : E_OK);
        b.len--;
        buf_put(&b, SPAN(",\"n7\":0}"));
        CHECK(n > 10000 || json_scan(j, buf_span(&b), true, note, &s, &why) == E_NOT_CANONICAL);
    }
    buf_free(&b);
    json_free(j);
}

/* A visitor may use the same parser, both ways, without hurting the scan under way. */
static bool again(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct json *j = self;
    struct json_value root;
    struct seen inner;
    const char *why;
    CHECK(json_parse(j, raw, false, &root, &why) == E_OK && json_kind(root) == kind);
    if (kind == JSON_OBJECT) {
        CHECK(scan(j, raw, &inner) == E_OK);
        CHECK_SPAN(seen_span(&inner), SPAN("x/3/1;y/5/[2];"));
    }
    CHECK(name.len == 1);
    return true;
}

TEST(parser_may_be_used_by_the_visitor)
{
    struct json *j = json_new();
    const char *why;
    CHECK(json_scan(j, SPAN("{\"a\":{\"x\":1,\"y\":[2]},\"b\":{\"x\":1,\"y\":[2]},\"\\u0063\":3}"), false, again, j, &why) == E_OK);
    json_free(j);
}

TEST(raw_strings)
{
    struct arena a;
    arena_init(&a, 10000);
    CHECK_SPAN(json_raw_string(SPAN("\"plain\""), &a), SPAN("plain"));
    CHECK(a.taken == 0 && json_raw_string(SPAN("\"\""), &a).at);
    CHECK_SPAN(json_raw_string(SPAN("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20ac\\uD83D\\uDE00\\u0000z\""), &a),
        SPAN("a\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\0z"));
    static const char *const bad[] = { "", "\"", "a", "\"a", "a\"", "\"a\"b\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\n\"x\"", "12" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (json_raw_string(span_of(bad[i]), &a).at)
            test_fail(__FILE__, __LINE__, "took %s", bad[i]);
    CHECK(!json_raw_string(SPAN_NONE, &a).at && !a.broken);
    arena_free(&a);
}

TEST(raw_integers)
{
    int64_t n = 0;
    CHECK(json_raw_integer(SPAN("-12"), &n) && n == -12);
    CHECK(!json_raw_integer(SPAN("1.0"), &n) && !json_raw_integer(SPAN("1e2"), &n) && !json_raw_integer(SPAN("\"1\""), &n));
    CHECK(!json_raw_integer(SPAN("012"), &n) && !json_raw_integer(SPAN(""), &n) && !json_raw_integer(SPAN("9223372036854775808"), &n));
}
