/* SPDX-License-Identifier: Apache-2.0
 * import_test.c - windows and amounts of other gateways, names, secrets that become references, and how the result is written. */
#include "cli/import.h"

#include "test/test.h"

struct rig {
    struct cli cli;
    struct arena arena;
    struct import im;
};

static void open_rig(struct rig *r)
{
    *r = (struct rig){ .im = { .from = "litellm" } };
    arena_init(&r->arena, 1 << 20);
    r->im.a = &r->arena;
    r->im.cli = &r->cli;
    r->im.root = import_map(&r->im);
}

static void close_rig(struct rig *r)
{
    map_free(&r->im.stand_ins);
    map_free(&r->im.vendors_used);
    map_free(&r->im.models_used);
    arena_free(&r->arena);
}

TEST(durations_are_calendar_windows_where_litellm_aligns_them)
{
    static const struct {
        const char *theirs, *ours;
        bool exact;
    } cases[] = { { "1m", "minute", true }, { "60s", "minute", true }, { "30s", "minute", false }, { "1h", "hour", true }, { "60m", "hour", true }, { "24h", "day", true },
        { "1d", "day", true }, { "7d", "week", true }, { "30d", "month", true }, { "1mo", "month", true }, { "2h", "rolling 2h", false }, { "90m", "rolling 90m", false },
        { "14d", "rolling 14d", false }, { "2mo", "rolling 60d", false }, { "1w", "week", true }, { "", NULL, true }, { "d", NULL, true }, { "0d", NULL, true }, { "1y", NULL, true },
        { "400d", NULL, true }, { "99999999999d", NULL, true } };
    struct rig r;
    bool exact;
    open_rig(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span got = import_window(&r.im, span_of(cases[i].theirs), &exact);
        if (cases[i].ours ? !span_is(got, span_of(cases[i].ours)) || exact != cases[i].exact : got.at != NULL)
            test_fail(__FILE__, __LINE__, "%s: got %.*s (%d)", cases[i].theirs, SPAN_ARG(got), exact);
    }
    CHECK(span_is(import_window(&r.im, SPAN_NONE, &exact), SPAN("total")) && exact);
    close_rig(&r);
}

TEST(two_budgets_that_count_alike_get_names)
{
    struct rig r;
    open_rig(&r);
    struct node *list = import_list(&r.im);
    for (int i = 0; i < 3; i++)
        import_budget_add(&r.im, list, import_budget(&r.im, SPAN("1e1"), "usd", SPAN("day")), SPAN("p"), SPAN("o"));
    CHECK_INT(list->count, 3);
    CHECK(!import_scalar(list->first, "name").at && span_is(import_scalar(list->first, "limit"), SPAN("10 usd")));
    CHECK(span_is(import_scalar(list->first->next, "name"), SPAN("limit-2")) && span_is(import_scalar(list->first->next->next, "name"), SPAN("limit-3")));
    CHECK(!import_budget(&r.im, SPAN("-1"), "usd", SPAN("day")) && !import_budget(&r.im, SPAN("much"), "usd", SPAN("day")));
    for (int i = 0; i < 30; i++)
        import_budget_add(&r.im, list, import_budget(&r.im, SPAN("1"), "usd", SPAN("day")), SPAN("p"), SPAN("o"));
    CHECK_INT(list->count, IMPORT_BUDGETS_MOST);
    CHECK_INT(r.im.counts[NOTE_LOST], 9);
    close_rig(&r);
}

TEST(a_literal_secret_becomes_a_reference_and_is_nowhere_in_the_text)
{
    struct rig r;
    struct buf out;
    open_rig(&r);
    struct node *first = import_secret(&r.im, SPAN("sk-secret-1"), SPAN("A_KEY"), SPAN("p")), *same = import_secret(&r.im, SPAN("sk-secret-1"), SPAN("B_KEY"), SPAN("q"));
    struct node *other = import_secret(&r.im, SPAN("sk-secret-2"), SPAN("A_KEY"), SPAN("r")), *environ = import_secret(&r.im, SPAN("os.environ/My-Key"), SPAN("A_KEY"), SPAN("s"));
    CHECK(span_is(first->text, SPAN("${A_KEY}")) && span_is(same->text, SPAN("${A_KEY}")) && span_is(other->text, SPAN("${A_KEY_2}")) && span_is(environ->text, SPAN("${MY_KEY}")));
    import_credential(&r.im, SPAN("openai"), SPAN("main"), first, NULL);
    CHECK(span_is(import_credential(&r.im, SPAN("openai"), SPAN("again"), same, NULL), SPAN("main")));
    CHECK(span_is(import_credential(&r.im, SPAN("openai"), SPAN("main"), other, NULL), SPAN("main-2")));
    buf_init(&out, 1 << 16);
    import_write(&r.im, false, &out);
    CHECK(span_find(buf_span(&out), SPAN("secret-")) < 0);
    CHECK(span_find(buf_span(&out), SPAN("\"${A_KEY}\"")) > 0);
    buf_clear(&out);
    import_write(&r.im, true, &out); /* for the check nothing is looked up in the environment */
    CHECK(span_find(buf_span(&out), SPAN("${")) < 0);
    buf_free(&out);
    close_rig(&r);
}

TEST(what_is_written_reads_back_the_same)
{
    static const char *const texts[] = { "plain", "true", "No", "1", "1e3", "~", "", "a: b", "- x", "\"q\"", "new\nline", "\xc3\xa9", "#c", "@openai/x", "*", "${HOME}", "$${", "null", " a", "0x1", "a#b" };
    struct rig r;
    struct buf out;
    struct node *root;
    struct trouble t = { .set = false };
    open_rig(&r);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        import_put(&r.im, import_member(&r.im, import_section(&r.im, "routes"), "r"), arena_print(&r.arena, "n%zu %s", i, texts[i]).at, import_text(&r.im, span_of(texts[i])));
    buf_init(&out, 1 << 16);
    import_write(&r.im, false, &out);
    CHECK_INT(node_read_yaml(&r.arena, "x", arena_copy(&r.arena, buf_span(&out)), &root, &t), E_OK);
    CHECK_INT(node_expand(&r.arena, root, &t), E_OK); /* what looked like a reference in the source is none */
    const struct node *n = node_get(node_get(root, "routes"), "r")->first;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++, n = n ? n->next : NULL)
        if (!n || n->kind != NODE_SCALAR || !span_is(n->text, span_of(texts[i])))
            test_fail(__FILE__, __LINE__, "%s: read back as %.*s", texts[i], SPAN_ARG(n ? n->text : SPAN("nothing")));
    buf_free(&out);
    close_rig(&r);
}

TEST(names_are_made_to_fit)
{
    struct rig r;
    open_rig(&r);
    CHECK(span_is(import_slug(&r.im, SPAN("gpt 4o/mini (eu)"), true), SPAN("gpt-4o-mini-eu")));
    CHECK(span_is(import_slug(&r.im, SPAN("10.0.0.5:80"), false), SPAN("10-0-0-5-80")));
    CHECK(span_is(import_slug(&r.im, SPAN("///"), true), SPAN("imported")));
    CHECK(span_is(import_name(&r.im, "keys", SPAN("key_1")), SPAN("1")));
    CHECK(span_is(import_variable_name(&r.im, SPAN("my-key 2")), SPAN("MY_KEY_2")) && span_is(import_variable_name(&r.im, SPAN("1a")), SPAN("SECRET_1A")));
    close_rig(&r);
}
