/* SPDX-License-Identifier: Apache-2.0
 * call_test.c - the neutral call: lists, notes, media, arguments, ids, effort. */
#include "dialect/call.h"
#include "test/test.h"

static struct arena a;
static struct json *j;

static void begin(void)
{
    arena_init(&a, 64 << 20);
    j = json_new();
}

static void end(void)
{
    arena_free(&a);
    json_free(j);
}

TEST(lists_keep_their_order)
{
    struct call c;
    struct part *parts = NULL;
    begin();
    call_begin(&c);
    CHECK(c.choices == 1 && c.output_limit == -1 && c.thinks == -1 && c.store == -1 && !c.turns);
    for (int64_t i = 0; i < 100000; i++) { /* in no more than a moment */
        call_turn(&c, ROLE_USER, &a);
        part_add(&parts, PART_TEXT, &a)->media.type = span_make("", (size_t)i);
        call_rest(&c, SPAN("x"), SPAN("1"), &a);
    }
    size_t count = 0;
    for (struct part *p = parts; p; p = p->next)
        CHECK(p->media.type.len == count++);
    CHECK_INT(count, 100000);
    call_rest(&c, SPAN("y"), SPAN("null"), &a);
    CHECK_SPAN(c.last_rest->path, SPAN("x"));
    CHECK(call_tool(&c, TOOL_FUNCTION, &a)->strict == -1);
    CHECK(call_tool(&c, TOOL_OTHER, &a) == c.tools->next);
    end();
}

TEST(a_broken_arena_gives_nothing)
{
    struct arena small;
    struct call c;
    struct part *parts = NULL;
    arena_init(&small, 1);
    call_begin(&c);
    CHECK(!call_turn(&c, ROLE_USER, &small) && !part_add(&parts, PART_TEXT, &small) && !call_tool(&c, TOOL_OTHER, &small) && !parts);
    call_rest(&c, SPAN("x"), SPAN("1"), &small);
    CHECK(!c.turns && !c.tools && !c.rest);
    arena_free(&small);
}

TEST(choices_by_index)
{
    struct answer out;
    begin();
    answer_begin(&out);
    CHECK_INT(out.usage.vendor_cost, -1);
    struct choice *two = answer_choice(&out, 2, &a), *zero = answer_choice(&out, 0, &a);
    CHECK(two != zero && answer_choice(&out, 2, &a) == two && answer_choice(&out, 0, &a) == zero);
    CHECK(out.choices == two && two->next == zero && !zero->next);
    end();
}

TEST(paths_and_patterns)
{
    CHECK(call_path_is(SPAN("logit_bias"), SPAN("logit_bias")));
    CHECK(call_path_is(SPAN("messages[3].name"), SPAN("messages[].name")));
    CHECK(call_path_is(SPAN("messages[3].content[12].x"), SPAN("messages[].content[]")));
    CHECK(call_path_is(SPAN("messages[3].content[12]"), SPAN("messages[3].content[12]")));
    CHECK(call_path_is(SPAN("tools[0]"), SPAN("tools")));
    CHECK(!call_path_is(SPAN("tools_more"), SPAN("tools")));
    CHECK(!call_path_is(SPAN("messages[3].name"), SPAN("messages[].names")));
    CHECK(!call_path_is(SPAN("messages[30]"), SPAN("messages[3]")));
    CHECK(!call_path_is(SPAN("n"), SPAN("name")));
}

TEST(unsayable_things_refuse_or_are_dropped)
{
    const struct span drops[] = { SPAN("top_k"), SPAN("messages[].content[]") };
    begin();
    struct notes n = { .may_drop = drops, .may_drop_count = 2, .arena = &a };
    CHECK(!call_unsayable_text(&n).at);
    call_unsayable(&n, SPAN("top_k"));
    call_unsayable(&n, SPAN("messages[3].content[1] a picture by URL"));
    call_unsayable(&n, SPAN("seed"));
    CHECK_SPAN(call_unsayable_text(&n), SPAN("seed"));
    call_unsayable(&n, SPAN("seed"));
    call_unsayable(&n, SPAN("tools[0] of another kind"));
    CHECK_SPAN(call_unsayable_text(&n), SPAN("seed and tools[0] of another kind"));
    call_unsayable(&n, SPAN("n"));
    CHECK_SPAN(call_unsayable_text(&n), SPAN("seed, tools[0] of another kind and n"));
    CHECK_INT(n.dropped_count, 2);
    CHECK_SPAN(n.dropped[1], SPAN("messages[3].content[1]"));
    call_adapted(&n, SPAN("cache_control"));
    call_adapted(&n, SPAN("cache_control"));
    CHECK_INT(n.adapted_count, 1);
    end();
}

TEST(more_notes_than_room)
{
    const struct span all = SPAN("*");
    begin();
    struct notes n = { .arena = &a }, m = { .may_drop = &all, .may_drop_count = 1, .arena = &a };
    struct call c;
    call_begin(&c);
    for (int i = 0; i < 1000; i++)
        call_rest(&c, arena_print(&a, "p%d", i), SPAN("0"), &a);
    call_rest_unsayable(&n, &c);
    call_rest_unsayable(&m, &c);
    CHECK_INT(n.unsayable_count, NOTES_MOST);
    CHECK_INT(m.dropped_count, NOTES_MOST);
    CHECK(m.unsayable_count == 0 && n.dropped_count == 0);
    CHECK_SPAN(m.dropped[NOTES_MOST - 1], SPAN("..."));
    end();
}

TEST(data_urls)
{
    struct media m = { .url = SPAN_NONE };
    CHECK(media_data_url(SPAN("\"data:image/png;base64,iVBOR+/w==\""), &m));
    CHECK_SPAN(m.type, SPAN("image/png"));
    CHECK_SPAN(m.data, SPAN("iVBOR+/w=="));
    CHECK(media_data_url(SPAN("\"data:image\\/jpeg;base64,\\/9j\\/4\""), &m));
    CHECK_SPAN(m.type, SPAN("image/jpeg"));
    CHECK_SPAN(m.data, SPAN("\\/9j\\/4"));
    CHECK(media_data_url(SPAN("\"DATA:text/plain;charset=utf-8;BASE64,aGk=\""), &m));
    CHECK_SPAN(m.type, SPAN("text/plain"));
    CHECK(media_data_url(SPAN("\"data:;base64,aGk=\""), &m) && !m.type.at);
    CHECK(!media_data_url(SPAN("\"https://example.com/a.png\""), &m));
    CHECK(!media_data_url(SPAN("\"data:text/plain,hi\""), &m));
    CHECK(!media_data_url(SPAN("\"data:image\\u002fpng;base64,aGk=\""), &m));
    CHECK(!media_data_url(SPAN("\"data:\""), &m) && !media_data_url(SPAN("1"), &m) && !media_data_url(SPAN_NONE, &m));
    struct buf out;
    buf_init(&out, 1000);
    m = (struct media){ .type = SPAN("image/gif"), .data = SPAN("AA==") };
    put_data_url(&out, &m);
    CHECK_SPAN(buf_span(&out), SPAN("\"data:image/gif;base64,AA==\""));
    buf_free(&out);
}

TEST(arguments_in_strings)
{
    begin();
    CHECK_SPAN(arguments_from_string(j, SPAN("\"{\\\"a\\\":[1,\\\"x\\\\n\\\"]}\""), &a), SPAN("{\"a\":[1,\"x\\n\"]}"));
    CHECK_SPAN(arguments_from_string(j, SPAN("\" {} \\n\""), &a), SPAN("{}"));
    CHECK_SPAN(arguments_from_string(j, SPAN("\"\""), &a), SPAN("{}"));
    CHECK_SPAN(arguments_from_string(j, SPAN("\" \\n\""), &a), SPAN("{}"));
    const struct span wrong[] = { SPAN("\"{\""), SPAN("\"[]\""), SPAN("\"{} {}\""), SPAN("\"null\""), SPAN("{}"), SPAN("\"{\\\"a\\\":}\""), SPAN_NONE };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK(!arguments_from_string(j, wrong[i], &a).at);
    struct buf out;
    buf_init(&out, 1000);
    put_as_string(&out, SPAN("{\"a\":\"\\n\"}"));
    CHECK_SPAN(arguments_from_string(j, buf_span(&out), &a), SPAN("{\"a\":\"\\n\"}"));
    buf_free(&out);
    end();
}

TEST(texts_joined)
{
    struct part *parts = NULL;
    struct buf out;
    begin();
    buf_init(&out, 1000);
    put_joined(&out, parts, PART_TEXT, SPAN("-"));
    part_add(&parts, PART_TEXT, &a)->text = SPAN("\"a\\n\"");
    part_add(&parts, PART_REFUSAL, &a)->text = SPAN("\"no\"");
    part_add(&parts, PART_TEXT, &a)->text = SPAN("\"b\"");
    put_joined(&out, parts, PART_TEXT, SPAN("\\n"));
    CHECK_SPAN(buf_span(&out), SPAN("\"\"\"a\\n\\nb\""));
    CHECK(part_first(parts, PART_REFUSAL) == parts->next && !part_first(parts, PART_IMAGE));
    buf_free(&out);
    end();
}

TEST(functions_by_id)
{
    struct call c;
    begin();
    call_begin(&c);
    static const char *const names[] = { "\"old\"", "\"new\"" };
    for (int i = 0; i < 2; i++) {
        struct part *p = part_add(&call_turn(&c, ROLE_ASSISTANT, &a)->parts, PART_TOOL_CALL, &a);
        p->id = SPAN("\"call_1\"");
        p->name = span_of(names[i]);
    }
    CHECK_SPAN(call_function_of(&c, SPAN("\"call_1\"")), SPAN("\"new\""));
    CHECK(!call_function_of(&c, SPAN("\"call_2\"")).at);
    end();
}

TEST(ids_made_up)
{
    begin();
    struct span one = made_up_id("call_", 7, 1, &a);
    CHECK_INT(one.len, 1 + 5 + 24 + 1);
    CHECK(span_starts(one, SPAN("\"call_")) && span_ends(one, SPAN("\"")));
    CHECK_SPAN(made_up_id("call_", 7, 1, &a), one);
    CHECK(!span_is(made_up_id("call_", 7, 2, &a), one) && !span_is(made_up_id("call_", 8, 1, &a), one));
    end();
}

TEST(effort_and_limits_of_thinking)
{
    CHECK_INT(thinking_limit_of(SPAN("medium"), 10000), 5000);
    CHECK_INT(thinking_limit_of(SPAN("minimal"), 20000), 2000);
    CHECK_INT(thinking_limit_of(SPAN("low"), 2000), 1024);
    CHECK_INT(thinking_limit_of(SPAN("high"), -1), 25600);
    CHECK_INT(thinking_limit_of(SPAN("max"), 1000000), 32000);
    CHECK_INT(thinking_limit_of(SPAN("xhigh"), 1000), 0);
    CHECK_INT(thinking_limit_of(SPAN("none"), 10000), 0);
    CHECK_INT(thinking_limit_of(SPAN("enormous"), 10000), -1);
    CHECK_INT(thinking_limit_of(SPAN("max"), INT64_MAX), 32000);
    CHECK_SPAN(effort_of(0), SPAN("none"));
    CHECK_SPAN(effort_of(2047), SPAN("low"));
    CHECK_SPAN(effort_of(2048), SPAN("medium"));
    CHECK_SPAN(effort_of(8192), SPAN("high"));
    CHECK(!effort_of(-1).at);
}
