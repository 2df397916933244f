/* SPDX-License-Identifier: Apache-2.0
 * raw_test.c - reading in place: what is given is a piece of the text, and the same as the parser gives. */
#include <stdlib.h>

#include "base/raw.h"
#include "test/test.h"

static struct arena arena;

static void open_arena(void) { arena_init(&arena, 1 << 20); }

TEST(members_in_place)
{
    struct span text = SPAN("{ \"a\" : 1 ,\n\t\"b\":\"x,]}\\\"\" , \"c\":[1,{\"d\":[]}],\"\\u0065\":null,\"f\":{} }"), name, value;
    open_arena();
    struct raw_iter it = raw_iter(text, &arena);
    const struct span names[] = { SPAN("a"), SPAN("b"), SPAN("c"), SPAN("e"), SPAN("f") };
    const struct span values[] = { SPAN("1"), SPAN("\"x,]}\\\"\""), SPAN("[1,{\"d\":[]}]"), SPAN("null"), SPAN("{}") };
    for (size_t i = 0; i < 5; i++) {
        CHECK(raw_next(&it, &name, &value));
        CHECK_SPAN(name, names[i]);
        CHECK_SPAN(value, values[i]);
        CHECK(value.at >= text.at && value.at + value.len <= text.at + text.len);
    }
    CHECK(!raw_next(&it, &name, &value));
    arena_free(&arena);
}

TEST(items_of_arrays)
{
    struct span name, value;
    open_arena();
    struct raw_iter it = raw_iter(SPAN("[ true,\"\" , -1.5e3 ,[ ] ]"), &arena);
    const struct span values[] = { SPAN("true"), SPAN("\"\""), SPAN("-1.5e3"), SPAN("[ ]") };
    for (size_t i = 0; i < 4; i++) {
        CHECK(raw_next(&it, &name, &value));
        CHECK(!name.at);
        CHECK_SPAN(value, values[i]);
    }
    CHECK(!raw_next(&it, &name, &value));
    const struct span without[] = { SPAN("[]"), SPAN("{}"), SPAN("[ \n ]"), SPAN("1"), SPAN("\"[1]\""), SPAN("null"), SPAN_NONE };
    for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
        it = raw_iter(without[i], &arena);
        CHECK(!raw_next(&it, &name, &value));
    }
    arena_free(&arena);
}

TEST(kinds_of_values)
{
    CHECK_INT(raw_kind(SPAN("{}")), JSON_OBJECT);
    CHECK_INT(raw_kind(SPAN("[]")), JSON_ARRAY);
    CHECK_INT(raw_kind(SPAN("\"\"")), JSON_STRING);
    CHECK_INT(raw_kind(SPAN("true")), JSON_BOOL);
    CHECK_INT(raw_kind(SPAN("false")), JSON_BOOL);
    CHECK_INT(raw_kind(SPAN("null")), JSON_NULL);
    CHECK_INT(raw_kind(SPAN("-1")), JSON_NUMBER);
    CHECK_INT(raw_kind(SPAN_NONE), JSON_NONE);
}

TEST(one_member)
{
    open_arena();
    CHECK_SPAN(raw_member(SPAN("{\"a\":{\"b\":1},\"b\":2,\"b\":3}"), SPAN("b"), &arena), SPAN("3"));
    CHECK(!raw_member(SPAN("{\"a\":{\"b\":1}}"), SPAN("b"), &arena).at);
    CHECK(!raw_member(SPAN("[\"b\",1]"), SPAN("b"), &arena).at);
    CHECK(!raw_member(SPAN_NONE, SPAN("b"), &arena).at);
    CHECK_SPAN(raw_member(SPAN("{\"\\u0062\":4}"), SPAN("b"), &arena), SPAN("4"));
    arena_free(&arena);
}

/* Backslashes before a quote: an odd number keeps the string open. */
TEST(escapes_at_the_end_of_strings)
{
    struct span name, value;
    open_arena();
    struct raw_iter it = raw_iter(SPAN("[\"\\\\\",\"\\\\\\\"\",\"\\\"\",\"a\"]"), &arena);
    const struct span values[] = { SPAN("\"\\\\\""), SPAN("\"\\\\\\\"\""), SPAN("\"\\\"\""), SPAN("\"a\"") };
    for (size_t i = 0; i < 4; i++) {
        CHECK(raw_next(&it, &name, &value));
        CHECK_SPAN(value, values[i]);
    }
    CHECK(!raw_next(&it, &name, &value));
    arena_free(&arena);
}

TEST(texts_of_strings)
{
    open_arena();
    CHECK_SPAN(raw_inside(SPAN("\"a\\n\"")), SPAN("a\\n"));
    CHECK(!raw_inside(SPAN("1")).at && !raw_inside(SPAN_NONE).at);
    CHECK_INT(raw_inside(SPAN("\"\"")).len, 0);
    CHECK_SPAN(raw_text(SPAN("\"a\\n\\u00e9\""), &arena), SPAN("a\n\xc3\xa9"));
    CHECK(!raw_text(SPAN("\"\\ud800\""), &arena).at);
    CHECK(!raw_text(SPAN("true"), &arena).at);
    CHECK(raw_is(SPAN("\"text\""), SPAN("text")) && raw_is(SPAN("\"\\u0074e\\u0078t\""), SPAN("text")));
    CHECK(!raw_is(SPAN("\"texts\""), SPAN("text")) && !raw_is(SPAN("\"\\u0074e\\u0078\""), SPAN("text")) && !raw_is(SPAN("1"), SPAN("1")));
    CHECK_SPAN(raw_quote(SPAN("a\"\n"), &arena), SPAN("\"a\\\"\\n\""));
    CHECK_SPAN(raw_quote(SPAN_NONE, &arena), SPAN("\"\""));
    arena_free(&arena);
}

static void put_value(struct buf *b, unsigned *seed, int depth)
{
    static const char *const scalars[] = { "1", "-0.5e-3", "true", "null", "\"\"", "\"a\\\\\"", "\"\\\"{[,]}\\\"\"", "\"\xc3\xa9\\u00e9\"", "[]", "{}" };
    int kind = rand_r(seed) % (depth > 0 ? 4 : 2);
    if (kind < 2) {
        buf_put(b, span_of(scalars[(size_t)rand_r(seed) % (sizeof(scalars) / sizeof(*scalars))]));
        return;
    }
    int count = rand_r(seed) % 4;
    buf_put_byte(b, kind == 2 ? '[' : '{');
    for (int i = 0; i < count; i++) {
        buf_put(b, i ? SPAN(" ,\n") : SPAN(" "));
        if (kind == 3)
            buf_print(b, "\"m%d\\t\" : ", i);
        put_value(b, seed, depth - 1);
    }
    buf_put_byte(b, kind == 2 ? ']' : '}');
}

static void check_same(struct span raw, struct json_value v)
{
    struct span name, value, wanted;
    struct json_value item;
    struct raw_iter it = raw_iter(raw, &arena);
    CHECK_INT(raw_kind(raw), json_kind(v));
    if (json_kind(v) == JSON_STRING)
        CHECK_SPAN(raw_text(raw, &arena), json_string(v));
    for (struct json_iter in = json_iter(v); json_next(&in, &wanted, &item);) {
        if (!raw_next(&it, &name, &value)) {
            test_fail(__FILE__, __LINE__, "%.*s: an item is missing", SPAN_ARG(raw));
            return;
        }
        CHECK_SPAN(name, wanted);
        check_same(value, item);
    }
    CHECK(!raw_next(&it, &name, &value));
}

/* Whatever the parser finds in a text, is found in place, too. */
TEST(agrees_with_the_parser)
{
    struct json *j = json_new();
    struct buf b;
    struct json_value root;
    const char *why;
    buf_init(&b, 1 << 20);
    for (unsigned round = 1; round <= 2000; round++) {
        unsigned seed = round;
        open_arena();
        buf_clear(&b);
        put_value(&b, &seed, 5);
        CHECK_INT(json_parse(j, buf_span(&b), true, &root, &why), E_OK);
        check_same(buf_span(&b), root);
        arena_free(&arena);
    }
    buf_free(&b);
    json_free(j);
}

static void check_ends(struct span text)
{
    struct span name, value;
    size_t steps = 0;
    for (struct raw_iter it = raw_iter(text, &arena); steps <= text.len && raw_next(&it, &name, &value); steps++) {
        if (value.at < text.at || value.at + value.len > text.at + text.len)
            test_fail(__FILE__, __LINE__, "%.*s: a value outside of it", SPAN_ARG(text));
    }
    if (steps > text.len)
        test_fail(__FILE__, __LINE__, "%.*s: never ends", SPAN_ARG(text));
}

/* What a value is given with behind its end, or what is no JSON at all, must cost nothing but its own length. */
TEST(ends_for_any_text)
{
    static const char *const broken[] = { "[1]\n", "[1] ]", "[1]]]x", "{\"a\":1}\n", "{\"a\":1}}  ", "{}}}", "[}", "{]:", "[", "{", "{\"", "{\"a\"", "{\"a\":", "[\"\\", "{\"\\u00\":" };
    static const char letters[] = "[]{}\",:\\ 1au\n";
    char text[12];
    open_arena();
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
        check_ends(span_of(broken[i]));
    struct span name, value;
    struct raw_iter it = raw_iter(SPAN("[1,2]\n"), &arena);
    CHECK(raw_next(&it, &name, &value) && raw_next(&it, &name, &value));
    CHECK_SPAN(value, SPAN("2"));
    CHECK(!raw_next(&it, &name, &value) && !raw_next(&it, &name, &value));
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t length = 1 + (size_t)rand_r(&seed) % sizeof(text);
        for (size_t i = 0; i < length; i++)
            text[i] = i ? letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)] : "[{"[round % 2];
        check_ends(span_make(text, length));
    }
    arena_free(&arena);
}
