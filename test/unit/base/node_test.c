/* SPDX-License-Identifier: Apache-2.0
 * node_test.c - trees from YAML and JSON, typed values, and how troubles read. */
#include "base/node.h"

#include <stdlib.h>
#include <unistd.h>

#include "test/test.h"

/* One arena and one trouble a test. */
struct world {
    struct arena a;
    struct trouble t;
    struct node *root;
};

static struct world begin(void)
{
    struct world w;
    memset(&w, 0, sizeof(w));
    arena_init(&w.a, 64 << 20);
    return w;
}

static bool yaml(struct world *w, const char *text)
{
    w->t.set = false;
    return node_read_yaml(&w->a, "t.yaml", span_of(text), &w->root, &w->t) == E_OK;
}

static bool json(struct world *w, const char *text)
{
    w->t.set = false;
    return node_read_json(&w->a, "", span_of(text), &w->root, &w->t) == E_OK;
}

static void check_json(struct world *w, const struct node *n, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    node_write_json(n, &b);
    CHECK_SPAN(buf_span(&b), span_of(want));
    buf_free(&b);
    (void)w;
}

static void check_trouble(struct world *w, const char *want)
{
    CHECK_SPAN(span_of(w->t.text), span_of(want));
    w->t.set = false;
    w->t.text[0] = 0;
}

TEST(reads_yaml)
{
    struct world w = begin();
    CHECK(yaml(&w, "listen: 127.0.0.1:8080\nadmin: { port: 8081, on: true, x: ~ }\nlist:\n  - a\n  - \"12\"\n  - 12\n  - [1.5, 0x1f]\nempty:\nnull_text: 'null'\n"));
    check_json(&w, w.root, "{\"listen\":\"127.0.0.1:8080\",\"admin\":{\"port\":8081,\"on\":true,\"x\":null},\"list\":[\"a\",\"12\",12,[1.5,\"0x1f\"]],"
                           "\"empty\":null,\"null_text\":\"null\"}");
    CHECK_INT(node_get(w.root, "list")->line, 3);
    CHECK_INT(node_get(w.root, "list")->first->next->line, 5);
    CHECK_INT(node_get(w.root, "list")->count, 4);
    CHECK(node_get(w.root, "empty") == NULL && node_get(w.root, "nope") == NULL && node_get(NULL, "a") == NULL);
    CHECK(yaml(&w, "") && w.root->kind == NODE_MAP && w.root->count == 0);
    CHECK(yaml(&w, "# nothing but a comment\n") && w.root->kind == NODE_MAP);
    CHECK(yaml(&w, "\xef\xbb\xbf" "a: 1\n"));
    check_json(&w, w.root, "{\"a\":1}");
    CHECK(yaml(&w, "text: |\n  one\n  two\n"));
    check_json(&w, w.root, "{\"text\":\"one\\ntwo\\n\"}");
    arena_free(&w.a);
}

TEST(yaml_says_what_it_shows)
{
    static const char *const rows[][2] = {
        { "a: &x 1\nb: 2\n", "t.yaml:1: anchors (&name) are not allowed; write the value out" },
        { "a: &x {}\n", "t.yaml:1: anchors (&name) are not allowed; write the value out" },
        { "a: &x []\n", "t.yaml:1: anchors (&name) are not allowed; write the value out" },
        { "b: 2\na: *x\n", "t.yaml:2: aliases (*name) are not allowed; write the value out" },
        { "*x : 1\n", "t.yaml:1: aliases (*name) are not allowed; write the value out" },
        { "a: !!str 1\n", "t.yaml:1: tags (!name) are not allowed; quote text that looks like a number" },
        { "a: ! 1\n", "t.yaml:1: tags (!name) are not allowed; quote text that looks like a number" },
        { "%TAG ! tag:x,2000:\n---\na: 1\n", "t.yaml:1: tags (!name) are not allowed; quote text that looks like a number" },
        { "a:\n  <<: {b: 1}\n", "t.yaml:2: merge keys (<<) are not allowed; write the fields out" },
        { "a: 1\n---\nb: 2\n", "t.yaml:2: a second document (---) is not allowed" },
        { "a: 1\nb: 2\na: 3\n", "t.yaml:3: \"a\" stands twice in this map; first on line 1" },
        { "x:\n  - {k: 1, 'k': 2}\n", "t.yaml:2: \"k\" stands twice in this map; first on line 2" },
        { "[1]: 2\n", "t.yaml:1: a name in a map must be plain text" },
        { "a: [1\nb: 2\n", "t.yaml:2: not YAML: while parsing a flow sequence, did not find expected ',' or ']'" },
        { "a: \xff\n", "t.yaml: not UTF-8 text" },
    };
    struct world w = begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        CHECK(!yaml(&w, rows[i][0]) && !w.root);
        check_trouble(&w, rows[i][1]);
    }
    arena_free(&w.a);
}

TEST(duplicates_in_a_large_map)
{
    struct world w = begin();
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_print(&b, "n%d: %d\n", i, i);
    buf_put(&b, SPAN("n500: 1\n"));
    buf_put_byte(&b, 0);
    CHECK(!yaml(&w, b.at));
    check_trouble(&w, "t.yaml:1001: \"n500\" stands twice in this map; first on line 501");
    buf_free(&b);
    arena_free(&w.a);
}

TEST(yaml_truncated_anywhere_is_no_crash)
{
    const struct span whole = SPAN("a: {b: [1, \"x\\u00e4\", 'y'], c: |\n  z\n}\nd:\n  - e: &x 1\n    f: *x\n? g\n: h\n");
    struct world w = begin();
    for (size_t n = 0; n < whole.len; n++) {
        char *exact = malloc(n + 1);
        memcpy(exact, whole.at, n);
        exact[n] = 0;
        w.t.set = false;
        CHECK((node_read_yaml(&w.a, "t.yaml", span_make(exact, n), &w.root, &w.t) == E_OK) == !w.t.set);
        free(exact);
    }
    arena_free(&w.a);
}

TEST(limits_of_trees)
{
    struct world w = begin();
    struct buf b;
    buf_init(&b, 32 << 20);
    for (int i = 0; i < 33; i++)
        buf_put_byte(&b, '[');
    for (int i = 0; i < 33; i++)
        buf_put_byte(&b, ']');
    buf_put_byte(&b, 0);
    CHECK(!yaml(&w, b.at));
    check_trouble(&w, "t.yaml:1: nested deeper than 32");
    CHECK(!json(&w, b.at));
    check_trouble(&w, "nested deeper than 32");
    b.at[32] = b.at[33] = ' ';
    CHECK(yaml(&w, b.at) && json(&w, b.at));
    buf_clear(&b);
    for (int i = 0; i < 200001; i++)
        buf_put(&b, SPAN("- 1\n"));
    buf_put_byte(&b, 0);
    CHECK(!yaml(&w, b.at));
    check_trouble(&w, "t.yaml:200000: more than 200000 values");
    buf_clear(&b);
    buf_print(&b, "%*s", 17 << 20, "");
    CHECK(!yaml(&w, b.at));
    check_trouble(&w, "t.yaml: larger than 16 MiB");
    struct world small = begin();
    arena_free(&small.a);
    arena_init(&small.a, 300);
    CHECK(!yaml(&small, "a: 1\nb: 2\nc: 3\nd: 4\n"));
    check_trouble(&small, "t.yaml:2: does not fit into the memory set aside for it");
    arena_free(&small.a);
    buf_free(&b);
    arena_free(&w.a);
}

TEST(reads_json)
{
    struct world w = begin();
    const char *text = "{\n \"a\": 1.50,\n \"b\": [true, null, \"12\", 12,\n 1e3],\n \"c\": {\"d\": \"x\\n\"}}";
    CHECK(json(&w, text));
    check_json(&w, w.root, "{\"a\":1.50,\"b\":[true,null,\"12\",12,1e3],\"c\":{\"d\":\"x\\n\"}}");
    CHECK_INT(node_get(w.root, "b")->line, 3);
    CHECK_INT(node_get(w.root, "b")->first->next->next->next->next->line, 4);
    CHECK_INT(node_get(w.root, "c")->line, 5);
    CHECK(!json(&w, "{\"a\":1,\"a\":2}"));
    check_trouble(&w, "\"a\" stands twice in this map; first on line 1");
    CHECK(!json(&w, "{\"a\":"));
    CHECK(span_starts(span_of(w.t.text), SPAN("not JSON: ")));
    check_json(&w, NULL, "null");
    arena_free(&w.a);
}

TEST(typed_values)
{
    struct world w = begin();
    struct span s = SPAN_NONE, *all = NULL;
    int64_t n = 0;
    bool flag = false;
    int choice = -1;
    size_t count = 0;
    static const char *const names[] = { "cut", "drain", NULL };
    CHECK(yaml(&w, "s: x\ni: -5\nb: true\nt: 2026-12-31T00:00:00Z\nd: 30s\nz: 10MiB\nc: drain\nl: [a, b]\none: a\nnone: []\n"));
    CHECK(node_span(node_get(w.root, "s"), "s", &s, &w.t) && span_is(s, SPAN("x")));
    CHECK(node_i64(node_get(w.root, "i"), "i", -5, 5, &n, &w.t) && n == -5);
    CHECK(node_bool(node_get(w.root, "b"), "b", &flag, &w.t) && flag);
    CHECK(node_time(node_get(w.root, "t"), "t", &n, &w.t) && n == INT64_C(1798675200000));
    CHECK(node_duration(node_get(w.root, "d"), "d", &n, &w.t) && n == 30000);
    CHECK(node_size(node_get(w.root, "z"), "z", &n, &w.t) && n == 10 << 20);
    CHECK(node_choice(node_get(w.root, "c"), "c", names, &choice, &w.t) && choice == 1);
    CHECK(node_spans(&w.a, node_get(w.root, "l"), "l", &all, &count, &w.t) && count == 2 && span_is(all[1], SPAN("b")));
    CHECK(node_spans(&w.a, node_get(w.root, "one"), "l", &all, &count, &w.t) && count == 1);
    CHECK(node_spans(&w.a, node_get(w.root, "none"), "l", &all, &count, &w.t) && count == 0);
    n = 77;
    CHECK(node_i64(NULL, "x", 0, 1, &n, &w.t) && n == 77 && !w.t.set);
    arena_free(&w.a);
}

TEST(troubles_read_well)
{
    struct world w = begin();
    struct span s, *all;
    int64_t n;
    bool flag;
    int choice;
    size_t count;
    static const char *const names[] = { "cut", "drain", NULL };
    CHECK(yaml(&w, "a: 5 usdd\nb: \"12\"\nc: {x: 1}\nd: [a, [b]]\ne: yes\nf: 70000\ng: \"line\\nbreak\"\n"));
    CHECK(!node_duration(node_get(w.root, "a"), "keys[0].ttl", &n, &w.t));
    check_trouble(&w, "t.yaml:1: keys[0].ttl: found \"5 usdd\"; allowed: a whole number and a unit (ms, s, m, h, d), such as 30s");
    CHECK_SPAN(span_of(w.t.field), SPAN("keys[0].ttl"));
    CHECK(!node_i64(node_get(w.root, "b"), "b", 0, INT64_MAX, &n, &w.t));
    check_trouble(&w, "t.yaml:2: b: found \"12\"; allowed: a whole number without quotes, 0 or more");
    CHECK(!node_i64(node_get(w.root, "f"), "port", 1, 65535, &n, &w.t));
    check_trouble(&w, "t.yaml:6: port: found \"70000\"; allowed: a whole number from 1 to 65535");
    CHECK(!node_span(node_get(w.root, "c"), "c", &s, &w.t));
    check_trouble(&w, "t.yaml:3: c: found a map; allowed: text");
    CHECK(!node_spans(&w.a, node_get(w.root, "d"), "d", &all, &count, &w.t));
    check_trouble(&w, "t.yaml:4: d[1]: found a list; allowed: text");
    CHECK(!node_bool(node_get(w.root, "e"), "e", &flag, &w.t));
    check_trouble(&w, "t.yaml:5: e: found \"yes\"; allowed: true, false (without quotes)");
    CHECK(!node_choice(node_get(w.root, "g"), "mode", names, &choice, &w.t));
    CHECK(!node_time(node_get(w.root, "e"), "e", &n, &w.t) && !node_size(node_get(w.root, "e"), "e", &n, &w.t));
    check_trouble(&w, "t.yaml:7: mode: found \"line?break\"; allowed: cut, drain"); /* the first is kept */
    arena_free(&w.a);
}

TEST(long_values_are_cut)
{
    struct world w = begin();
    char text[3000];
    int64_t n;
    snprintf(text, sizeof(text), "a: %02000d\n", 7);
    CHECK(yaml(&w, text) && !node_time(node_get(w.root, "a"), "a", &n, &w.t));
    CHECK(strlen(w.t.text) < 200 && strstr(w.t.text, "0...\"; allowed: "));
    arena_free(&w.a);
}

TEST(unknown_fields)
{
    struct world w = begin();
    static const char *const allowed[] = { "name", "budgets", "expires_at", "id", NULL };
    CHECK(yaml(&w, "name: x\nbudget: []\n") && !node_only(w.root, "keys[0]", allowed, &w.t));
    check_trouble(&w, "t.yaml:2: keys[0].budget: unknown field \"budget\"; did you mean \"budgets\"? allowed: name, budgets, expires_at, id");
    CHECK(yaml(&w, "bugdets: []\n") && !node_only(w.root, "", allowed, &w.t));
    check_trouble(&w, "t.yaml:1: bugdets: unknown field \"bugdets\"; did you mean \"budgets\"? allowed: name, budgets, expires_at, id");
    CHECK(yaml(&w, "expires-at: 1\n") && !node_only(w.root, "", allowed, &w.t) && strstr(w.t.text, "\"expires_at\"?"));
    CHECK(yaml(&w, "tz: 1\n") && !node_only(w.root, "", allowed, &w.t) && !strstr(w.t.text, "did you mean"));
    CHECK(yaml(&w, "name: 1\nid: 2\n") && node_only(w.root, "", allowed, &w.t) && node_only(NULL, "", allowed, &w.t));
    CHECK(yaml(&w, "- 1\n") && !node_only(w.root, "keys[0]", allowed, &w.t));
    check_trouble(&w, "t.yaml:1: keys[0]: found a list; allowed: a map");
    arena_free(&w.a);
}

static bool expand(struct world *w, const char *text)
{
    return yaml(w, text) && node_expand(&w->a, w->root, &w->t) == E_OK;
}

TEST(expands_environment)
{
    struct world w = begin();
    int64_t n = 0;
    setenv("TG_TEST_NAME", "5 ${not again}", 1);
    setenv("TG_TEST_PORT", "8080", 1);
    setenv("TG_TEST_EMPTY", "", 1);
    CHECK(expand(&w, "a: x-${TG_TEST_NAME}-y\nb: ${TG_TEST_PORT}\nc: [\"${TG_TEST_PORT}\", $${TG_TEST_PORT}, $5, a$$b]\nd: ${TG_TEST_EMPTY}\n"));
    check_json(&w, w.root, "{\"a\":\"x-5 ${not again}-y\",\"b\":8080,\"c\":[\"8080\",\"${TG_TEST_PORT}\",\"$5\",\"a$$b\"],\"d\":\"\"}");
    CHECK(node_i64(node_get(w.root, "b"), "b", 1, 65535, &n, &w.t) && n == 8080);
    CHECK(!node_time(node_get(w.root, "a"), "a", &n, &w.t));
    check_trouble(&w, "t.yaml:1: a: found a value given by ${...}; allowed: a date or a time with its zone, such as 2026-12-31 or 2026-12-31T18:00:00Z");
    /* in a flow map, where YAML alone would take the braces for its own; and in a name, where nothing is expanded */
    CHECK(expand(&w, "a: { token: ${TG_TEST_PORT}, t: 'x${TG_TEST_PORT}', l: [${TG_TEST_PORT}${TG_TEST_PORT}] } # ${x}\n${n}: '{}'\n"));
    check_json(&w, w.root, "{\"a\":{\"token\":8080,\"t\":\"x8080\",\"l\":[80808080]},\"${n}\":\"{}\"}");
    CHECK(!yaml(&w, "a: ${X}\nb: \"\xee\x80\x80\"\n") && strstr(w.t.text, "U+E000"));
    w.t.set = false;
    CHECK(!expand(&w, "a: 1\nb: ${TG_TEST_MISSING}\n"));
    check_trouble(&w, "t.yaml:2: b: ${TG_TEST_MISSING}: this environment variable is not set");
    CHECK(!expand(&w, "a: ${TG_TEST_NAME\n"));
    check_trouble(&w, "t.yaml:1: a: \"${\" without \"}\"; write $${ for a literal ${");
    CHECK(!expand(&w, "a: x${}\n") && strstr(w.t.text, "is no reference"));
    CHECK(!expand(&w, "a: x${A B}\n") && strstr(w.t.text, "is no reference"));
    CHECK(!expand(&w, "a: ${1A}\n"));
    arena_free(&w.a);
}

TEST(expands_files)
{
    struct world w = begin();
    char path[] = "/tmp/tg-node-XXXXXX", text[200];
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "sk_live\r\n\n", 10) == 10);
    snprintf(text, sizeof(text), "a: ${file:%s}\n", path);
    CHECK(expand(&w, text));
    CHECK_SPAN(node_get(w.root, "a")->text, SPAN("sk_live\r\n"));
    CHECK(ftruncate(fd, 9) == 0 && expand(&w, text));
    CHECK_SPAN(node_get(w.root, "a")->text, SPAN("sk_live"));
    CHECK(ftruncate(fd, 2 << 20) == 0 && !expand(&w, text) && strstr(w.t.text, "cannot be read: File too large"));
    close(fd);
    unlink(path);
    CHECK(!expand(&w, "a: ${file:/nonexistent/x}\n"));
    check_trouble(&w, "t.yaml:1: a: ${file:/nonexistent/x}: cannot be read: No such file or directory");
    CHECK(!expand(&w, "a: ${file:/}\n") && strstr(w.t.text, "Is a directory") && !expand(&w, "a: ${file:}\n"));
    arena_free(&w.a);
}

static void check_merge(struct world *w, const char *base, const char *patch, const char *want)
{
    CHECK(json(w, base));
    struct node *from = w->root;
    CHECK(json(w, patch));
    check_json(w, node_merge(&w->a, from, w->root), want);
    check_json(w, from, base); /* untouched */
    check_json(w, w->root, patch);
}

TEST(merges) /* RFC 7386, appendix A */
{
    static const char *const rows[][3] = { { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" }, { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" }, { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" }, { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" }, { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" }, { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" }, { "{\"a\":\"foo\"}", "null", "null" },
        { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" }, { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" }, { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" } };
    struct world w = begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_merge(&w, rows[i][0], rows[i][1], rows[i][2]);
    arena_free(&w.a);
}
