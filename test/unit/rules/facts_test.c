/* SPDX-License-Identifier: Apache-2.0
 * facts_test.c - tags: an agent may say more than its key does, never something else. */
#include "rules/facts.h"

#include "test/test.h"

static const struct tag own[] = { { { "tenant", 6 }, { "acme", 4 } }, { { "tier", 4 }, { "2", 1 } } };

struct got {
    enum err e;
    const struct tag *tags;
    size_t count;
    const char *why;
};

static struct got read_tags(struct json *j, struct arena *a, const char *text)
{
    struct got g = { .e = E_OK };
    struct json_value root = { NULL, 0 };
    const char *why;
    if (text)
        CHECK(json_parse(j, span_of(text), false, &root, &why) == E_OK);
    g.e = tags_read(root, own, 2, a, &g.tags, &g.count, &g.why);
    return g;
}

TEST(a_call_adds_to_its_key_and_never_overrides_it)
{
    struct arena a;
    struct json *j = json_new();
    arena_init(&a, 1 << 20);
    struct got g = read_tags(j, &a, "{\"tenant\":\"other\",\"step\":\"a\\u0041\",\"n\":1.50,\"big\":1e3,\"yes\":true,\"no\":false,\"tier\":null,\"list\":[1],\"map\":{\"x\":1},\"none\":null}");
    CHECK_INT(g.e, E_OK);
    CHECK_INT(g.count, 7);
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("tenant")), SPAN("acme"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("tier")), SPAN("2"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("step")), SPAN("aA"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("n")), SPAN("1.50"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("big")), SPAN("1000"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("yes")), SPAN("true"));
    CHECK_SPAN(tag_find(g.tags, g.count, SPAN("no")), SPAN("false"));
    CHECK(!tag_find(g.tags, g.count, SPAN("list")).at && !tag_find(g.tags, g.count, SPAN("map")).at && !tag_find(g.tags, g.count, SPAN("none")).at);
    g = read_tags(j, &a, NULL);
    CHECK(g.e == E_OK && g.tags == own && g.count == 2);
    json_free(j);
    arena_free(&a);
}

TEST(metadata_that_cannot_be_told_apart_is_refused)
{
    struct arena a;
    struct json *j = json_new();
    struct buf text;
    arena_init(&a, 1 << 20);
    CHECK_INT(read_tags(j, &a, "[1]").e, E_BAD_REQUEST);
    CHECK_INT(read_tags(j, &a, "\"x\"").e, E_BAD_REQUEST);
    CHECK_INT(read_tags(j, &a, "null").e, E_BAD_REQUEST);
    CHECK_INT(read_tags(j, &a, "{\"a\":1,\"a\":2}").e, E_BAD_REQUEST);
    for (int most = 62; most <= 63; most++) { /* two are the key's */
        buf_init(&text, 1 << 16);
        for (int i = 0; i < most; i++)
            buf_print(&text, "%c\"m%d\":%d", i ? ',' : '{', i, i);
        buf_put(&text, SPAN("}"));
        buf_put_byte(&text, '\0');
        struct got g = read_tags(j, &a, text.at);
        CHECK_INT(g.e, most == 62 ? E_OK : E_BAD_REQUEST);
        CHECK(most == 63 || g.count == FACTS_TAGS);
        buf_free(&text);
    }
    json_free(j);
    arena_free(&a);
}

TEST(no_memory_is_no_tags)
{
    struct arena a;
    struct json *j = json_new();
    arena_init(&a, 8);
    CHECK_INT(read_tags(j, &a, "{\"a\":1}").e, E_NO_MEMORY);
    json_free(j);
    arena_free(&a);
}
