/* SPDX-License-Identifier: Apache-2.0
 * canonical_test.c - texts of one meaning have one name, others another. */
#include "cache/canonical.h"

#include <stdlib.h>

#include "base/json.h"
#include "test/test.h"

static struct span canonical(struct arena *a, const char *text)
{
    static const struct span out[] = { { "stream", 6 }, { "stream_options", 14 } };
    struct arena scratch;
    struct buf b;
    arena_init(&scratch, 1 << 20);
    buf_init(&b, 1 << 20);
    bool good = cache_canonical(span_of(text), out, 2, &scratch, &b);
    struct span copy = good ? arena_copy(a, buf_span(&b)) : SPAN_NONE;
    buf_free(&b);
    arena_free(&scratch);
    return copy;
}

TEST(one_meaning_has_one_text)
{
    static const struct { const char *a, *b; } same[] = {
        { "{\"a\":1,\"b\":[1, 2]}", " { \"b\" : [1,2] ,\n\"a\":1 } " },
        { "{\"a\":{\"y\":1,\"x\":{\"q\":null,\"p\":true}}}", "{\"a\":{\"x\":{\"p\":true,\"q\":null},\"y\":1}}" },
        { "{\"a\":\"\\u0041\\/\"}", "{\"\\u0061\":\"A/\"}" },
        { "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "{\"model\":\"m\"}" },
        { "{}", "{ \"stream\" : false }" },
    };
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct span one = canonical(&a, same[i].a);
        CHECK(one.at != NULL);
        CHECK_SPAN(one, canonical(&a, same[i].b));
    }
    CHECK_SPAN(canonical(&a, "{\"b\":[ {\"d\":1.50,\"c\":-0} ],\"a\":\"\\n\"}"), SPAN("{\"a\":\"\\n\",\"b\":[{\"c\":-0,\"d\":1.50}]}"));
    arena_free(&a);
}

TEST(other_meanings_have_other_texts)
{
    static const struct { const char *a, *b; } others[] = {
        { "{\"a\":1}", "{\"a\":2}" }, { "{\"a\":1}", "{\"a\":\"1\"}" }, { "{\"a\":[1,2]}", "{\"a\":[2,1]}" }, { "{\"a\":null}", "{}" }, { "{\"a\":1}", "{\"a\":1.0}" },
        { "{\"a\":{\"stream\":true}}", "{\"a\":{}}" }, { "{\"a\":[]}", "{\"a\":{}}" }, { "{\"a\":[[1],2]}", "{\"a\":[[1,2]]}" }, { "{\"a\":\"b,c\"}", "{\"a\":\"b\",\"c\":\"\"}" },
        { "{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}" },
    };
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK(!span_is(canonical(&a, others[i].a), canonical(&a, others[i].b)));
    arena_free(&a);
}

TEST(what_is_too_deep_has_no_name)
{
    char deep[1024];
    struct arena a;
    arena_init(&a, 1 << 20);
    memset(deep, '[', 400);
    memset(deep + 400, ']', 400);
    deep[800] = '\0';
    CHECK(!canonical(&a, deep).at);
    CHECK(!canonical(&a, "").at);
    arena_free(&a);
}

/* ---- texts by dice, written in two orders ---- */

static void blanks(struct buf *b, unsigned *seed)
{
    for (int n = rand_r(seed) % 3; n > 0; n--)
        buf_put_byte(b, " \n\t"[rand_r(seed) % 3]);
}

/* The shape comes from `shape`, the order of members and the blanks from `how`. */
static void put_value(struct buf *b, unsigned shape, unsigned *how, int depth)
{
    unsigned kind = shape % 5, count = shape / 5 % 4;
    blanks(b, how);
    if (kind < 2 && depth < 5) {
        bool object = kind == 0, backwards = object && rand_r(how) % 2;
        buf_put_byte(b, object ? '{' : '[');
        for (unsigned i = 0; i < count; i++) {
            unsigned at = backwards ? count - 1 - i : i;
            if (i)
                buf_put_byte(b, ',');
            if (object)
                buf_print(b, "\"m%u\":", at);
            put_value(b, (shape ^ (at + 1) * 2654435761u) >> 3, how, depth + 1);
        }
        blanks(b, how);
        buf_put_byte(b, object ? '}' : ']');
    } else {
        buf_print(b, kind == 2 ? "\"s%u\"" : kind == 3 ? "%u.5" : "%u", shape % 1000);
    }
    blanks(b, how);
}

TEST(order_and_blanks_by_dice_change_nothing)
{
    struct arena a;
    struct json *json = json_new();
    unsigned how = 7;
    arena_init(&a, 64 << 20);
    for (unsigned shape = 1; shape < 3000; shape++) {
        struct buf one, two;
        struct json_value root;
        const char *why = "";
        buf_init(&one, 1 << 16);
        buf_init(&two, 1 << 16);
        put_value(&one, shape * 40503u, &how, 0);
        put_value(&two, shape * 40503u, &how, 0);
        buf_put_byte(&one, '\0');
        buf_put_byte(&two, '\0');
        struct span text = canonical(&a, one.at);
        CHECK_SPAN(canonical(&a, two.at), text);
        CHECK(json_parse(json, text, false, &root, &why) == E_OK);
        CHECK_SPAN(canonical(&a, arena_copy(&a, text).at), text);
        buf_free(&one);
        buf_free(&two);
    }
    json_free(json);
    arena_free(&a);
}
