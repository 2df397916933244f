/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_call_test.c - calls of /v1/responses read and written. */
#include "responses_rig.h"

#include <time.h>

#include "test/test.h"

static struct responses_rig r;

#define AGAIN(body, want) CHECK_SPAN(responses_rig_again(&r, body), span_of(want))

static void restart(void)
{
    arena_free(&r.arena);
    arena_init(&r.arena, 64 << 20);
}

TEST(a_full_call_is_said_again)
{
    responses_rig_open(&r);
    struct span file = responses_rig_file(&r, "call_full.json");
    CHECK_INT(responses_rig_read(&r, file), E_OK);
    responses_rig_golden(&r, "call_full.out", responses_rig_write(&r));
    responses_rig_close(&r);
}

TEST(a_call_is_understood)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read(&r, responses_rig_file(&r, "call_full.json")), E_OK);
    const struct call *c = &r.call;
    CHECK(c->stream && c->output_limit == 4096 && c->parallel_tools == 0 && c->choice == CHOICE_NAMED && c->thinks == 1 && c->show_thoughts == 1);
    CHECK(c->format == FORMAT_SCHEMA && c->schema_strict == 1 && c->store == 0 && c->logprobs && c->top_logprobs == 2 && c->thinking_limit == -1);
    CHECK_SPAN(c->user, SPAN("\"u1\"")); /* said by both its names */
    CHECK(!c->rest && !c->previous.at);
    CHECK_SPAN(c->effort, SPAN("high"));
    CHECK_SPAN(c->tier, SPAN("flex"));
    CHECK_SPAN(c->temperature, SPAN("0.7"));
    const enum role roles[] = { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT, ROLE_USER, ROLE_USER };
    const struct turn *t = c->turns, *assistant = NULL;
    for (size_t i = 0; i < 6; i++, t = t ? t->next : NULL) {
        CHECK(t && t->role == roles[i]);
        assistant = i == 3 ? t : assistant;
    }
    CHECK(!t && assistant);
    const struct part *p = assistant ? assistant->parts : NULL;
    CHECK(p && p->kind == PART_THINKING && !p->redacted);
    CHECK_SPAN(p->text, SPAN("\"First.\\n\\nThen.\""));
    CHECK_SPAN(p->signature, SPAN("\"tg.openai_responses.gAAAA1\""));
    p = part_first(assistant->parts, PART_TOOL_CALL);
    CHECK_SPAN(p->arguments, SPAN("{\"at\":\"S\xc3\xa3o\"}"));
    CHECK_SPAN(p->next->arguments, SPAN("{\"input\":\"*** Begin\\n\\\"x\\\"\"}"));
    CHECK(p->next->next && p->next->next->kind == PART_SERVER_TOOL);
    CHECK_SPAN(call_function_of(c, SPAN("\"call_2\"")), SPAN("\"patch\""));
    const struct tool *custom = c->tools->next->next;
    CHECK(custom->kind == TOOL_FUNCTION && custom->next->kind == TOOL_WEB_SEARCH && custom->next->next->kind == TOOL_CODE_EXECUTION &&
          custom->next->next->next->kind == TOOL_OTHER);
    responses_rig_close(&r);
}

TEST(what_a_call_says_it_says_twice_alike)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read(&r, responses_rig_file(&r, "call_full.json")), E_OK);
    struct span once = arena_copy(&r.arena, responses_rig_write(&r));
    CHECK(r.notes.unsayable_count == 0);
    ptrdiff_t notes = span_find(once, SPAN("} adapted:"));
    if (notes >= 0)
        once = span_first(once, (size_t)notes + 1);
    CHECK_INT(responses_rig_read(&r, once), E_OK);
    struct span twice = responses_rig_write(&r);
    CHECK_SPAN(span_first(twice, once.len), once);
    responses_rig_close(&r);
}

TEST(small_calls)
{
    responses_rig_open(&r);
    AGAIN("{\"model\":\"m\",\"input\":\"hi\"}",
        "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}],\"store\":false}");
    AGAIN("{\"input\":\"hi\",\"instructions\":\"be\",\"model\":\"m\",\"store\":true,\"previous_response_id\":\"resp_1\",\"temperature\":null}",
        "{\"model\":\"m\",\"instructions\":\"be\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}],"
        "\"store\":true,\"previous_response_id\":\"resp_1\"}");
    AGAIN("{\"model\":\"m\",\"input\":[],\"reasoning\":{\"effort\":\"none\"},\"tool_choice\":\"required\",\"text\":{\"format\":{\"type\":\"json_object\"}}}",
        "{\"model\":\"m\",\"input\":[],\"text\":{\"format\":{\"type\":\"json_object\"}},\"reasoning\":{\"effort\":\"none\"},\"store\":false}");
    responses_rig_close(&r);
}

/* What has no neutral meaning is kept by its name, and refuses the call elsewhere. */
TEST(nothing_is_lost_in_silence)
{
    static const struct {
        const char *body, *named;
    } cases[] = {
        { "\"conversation\":\"conv_1\"", "conversation" },
        { "\"background\":true", "background" },
        { "\"truncation\":\"auto\"", "truncation" },
        { "\"max_tool_calls\":3", "max_tool_calls" },
        { "\"prompt\":{\"id\":\"p\"}", "prompt" },
        { "\"include\":[\"file_search_call.results\"]", "include" },
        { "\"reasoning\":{\"mode\":\"pro\"}", "reasoning.mode" },
        { "\"reasoning\":{\"new\":1}", "reasoning.new" },
        { "\"text\":{\"new\":1}", "text.new" },
        { "\"new\":false", "new" },
        { "\"stream_options\":{\"new\":1}", "stream_options.new" },
        { "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\",\"new\":1}", "tool_choice.new" },
        { "\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[]}", "tool_choice" },
        { "\"safety_identifier\":\"other\",\"user\":\"u\"", "safety_identifier" },
        { "\"tools\":[{\"type\":\"custom\",\"name\":\"x\",\"format\":{\"type\":\"new\"}}]", "tools[0].format" },
        { "\"tools\":[{\"type\":\"web_search\",\"external_web_access\":false}]", "tools[0].external_web_access" },
        { "\"tools\":[{\"type\":\"function\",\"name\":\"x\",\"parameters\":{},\"strict\":false,\"output_schema\":{}}]", "tools[0].output_schema" },
        { "\"tools\":[{\"type\":\"web_search\",\"user_location\":{\"type\":\"approximate\"}}]", "tools[0].user_location" },
        { "\"tools\":[{\"type\":\"code_interpreter\",\"container\":\"cntr_1\"}]", "tools[0].container" },
        { "\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\",\"file_ids\":[\"a\"]}}]", "tools[0].container.file_ids" },
        { "\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_1\"}]", "input[0]" },
        { "\"input\":[{\"id\":\"msg_1\"}]", "input[0]" },
        { "\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":[{\"type\":\"input_video\"}]}]", "input[1].content[0]" },
        { "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\",\"new\":1}]}]", "input[0].content[0].new" },
        { "\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\",\"namespace\":\"s\"}]", "input[0].namespace" },
    };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        restart();
        struct span body = arena_print(&r.arena, "{\"model\":\"m\",%s}", cases[i].body);
        CHECK_INT(responses_rig_read(&r, body), E_OK);
        responses_rig_write(&r);
        CHECK(r.notes.unsayable_count == 1);
        CHECK_SPAN(r.notes.unsayable[0], span_of(cases[i].named));
    }
    responses_rig_close(&r);
}

TEST(what_cannot_be_a_call)
{
    static const char *const bodies[] = { "", "[]", "{\"model\":1}", "{\"input\":1}", "{\"input\":[1]}", "{\"input\":[{\"role\":\"king\",\"content\":\"\"}]}",
        "{\"input\":[{\"role\":\"user\",\"content\":1}]}", "{\"input\":[{\"role\":\"user\",\"content\":[\"x\"]}]}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":1}]}]}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}", "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\"}]}]}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}", "{\"input\":[{\"type\":\"function_call\",\"name\":\"a\",\"arguments\":\"{}\"}]}",
        "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"a\",\"arguments\":\"[]\"}]}",
        "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"a\",\"arguments\":{}}]}", "{\"input\":[{\"type\":1}]}", "{\"stream\":\"yes\"}",
        "{\"tools\":{}}", "{\"tools\":[1]}", "{\"tools\":[{\"type\":\"function\"}]}", "{\"tools\":[{\"type\":\"function\",\"name\":\"a\",\"parameters\":[]}]}",
        "{\"tool_choice\":1}", "{\"tool_choice\":{\"type\":\"function\"}}", "{\"max_output_tokens\":-1}", "{\"max_output_tokens\":1.5}",
        "{\"temperature\":\"hot\"}", "{\"text\":{\"format\":{\"type\":\"xml\"}}}", "{\"text\":{\"format\":{\"type\":\"json_schema\"}}}", "{\"reasoning\":{\"effort\":1}}",
        "{\"input\":\"a\",\"input\":\"b\"}", "{\"instructions\":[]}" };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        enum err e = responses_rig_read(&r, span_of(bodies[i]));
        if ((e != E_BAD_REQUEST && e != E_NOT_CANONICAL) || !r.why)
            test_fail(__FILE__, __LINE__, "%s: %d", bodies[i], (int)e);
    }
    responses_rig_close(&r);
}

TEST(a_call_that_is_cut_anywhere_is_refused)
{
    responses_rig_open(&r);
    struct span file = span_trim(responses_rig_file(&r, "call_full.json"));
    struct buf copy;
    buf_init(&copy, 1 << 20);
    buf_put(&copy, file);
    file = buf_span(&copy);
    while (file.len && file.at[file.len - 1] != '}')
        file.len--;
    for (size_t len = 0; len < file.len; len++) {
        restart();
        CHECK(responses_rig_read(&r, span_first(file, len)) != E_OK);
    }
    CHECK_INT(responses_rig_read(&r, file), E_OK);
    buf_free(&copy);
    responses_rig_close(&r);
}

/* A call with little memory is refused; it is never half of one. */
TEST(a_call_without_memory)
{
    responses_rig_open(&r);
    struct span file = responses_rig_file(&r, "call_full.json");
    enum err e = E_NO_MEMORY;
    size_t ceiling = 64;
    for (; e == E_NO_MEMORY && ceiling < 1 << 20; ceiling += 64) {
        struct arena small;
        struct call c;
        const char *why = NULL;
        arena_init(&small, ceiling);
        e = responses_read_call(r.json, file, &small, &c, &why);
        CHECK(e == E_OK || e == E_NO_MEMORY || e == E_BAD_REQUEST);
        CHECK((e == E_OK) == !small.broken);
        if (e == E_BAD_REQUEST)
            e = E_NO_MEMORY;
        arena_free(&small);
    }
    CHECK_INT(e, E_OK);
    responses_rig_close(&r);
}

/* --- what is asked of this dialect in other words --- */

static struct turn *say(enum role role, enum part_kind kind, struct span text)
{
    struct turn *t = call_turn(&r.call, role, &r.arena);
    part_add(&t->parts, kind, &r.arena)->text = text;
    return t;
}

TEST(thoughts_of_others_are_left_out)
{
    responses_rig_open(&r);
    call_begin(&r.call);
    r.call.model = SPAN("m");
    struct turn *t = say(ROLE_ASSISTANT, PART_THINKING, SPAN("\"a\""));
    t->parts->signature = SPAN("\"tg.anthropic_messages.xyz\"");
    t = say(ROLE_ASSISTANT, PART_THINKING, SPAN("\"b\""));
    t->parts->signature = SPAN("\"tg.openai_responses.enc\"");
    t = say(ROLE_ASSISTANT, PART_THINKING, SPAN("\"c\"")); /* whose it is, is unknown */
    t->parts->signature = SPAN("\"sig\"");
    CHECK_SPAN(responses_rig_write(&r), SPAN("{\"model\":\"m\",\"input\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"b\"}],"
        "\"encrypted_content\":\"enc\"}],\"store\":false} adapted: messages[0].thinking, messages[2].thinking"));
    responses_rig_close(&r);
}

TEST(what_responses_cannot_say)
{
    responses_rig_open(&r);
    call_begin(&r.call);
    r.call.model = SPAN("m");
    r.call.stops = SPAN("[\"x\"]");
    r.call.top_k = SPAN("3");
    r.call.seed = SPAN("1");
    r.call.choices = 2;
    r.call.frequency_penalty = SPAN("0.5");
    r.call.presence_penalty = SPAN("0"); /* as if unsaid */
    r.call.safety = SPAN("[]");
    r.call.output_limit = 5;
    struct turn *t = say(ROLE_USER, PART_VIDEO, SPAN_NONE);
    part_add(&t->parts, PART_IMAGE, &r.arena)->media.file_id = SPAN("\"file_of_anthropic\"");
    part_add(&t->parts, PART_AUDIO, &r.arena)->media = (struct media){ .data = SPAN("AA"), .type = SPAN("audio/ogg") };
    part_add(&t->parts, PART_SERVER_TOOL, &r.arena)->raw = SPAN("{\"type\":\"server_tool_use\"}");
    struct tool *tool = call_tool(&r.call, TOOL_OTHER, &r.arena);
    tool->raw = SPAN("{\"type\":\"bash_20250124\",\"name\":\"bash\"}");
    responses_rig_write(&r);
    static const char *const want[] = { "messages[0].content[0] a video", "messages[0].content[1] a picture that another vendor keeps",
        "messages[0].content[2] a sound that is neither wav nor mp3, inline", "messages[0].content[3] a tool that another vendor ran",
        "tools[0] a tool of another vendor", "max_tokens below 16", "stop", "top_k", "seed", "n", "frequency_penalty", "safety_settings" };
    CHECK_INT(r.notes.unsayable_count, sizeof(want) / sizeof(*want));
    for (size_t i = 0; i < r.notes.unsayable_count && i < sizeof(want) / sizeof(*want); i++)
        CHECK_SPAN(r.notes.unsayable[i], span_of(want[i]));
    const struct span all[] = { SPAN("*") };
    r.notes = (struct notes){ .may_drop = all, .may_drop_count = 1 };
    CHECK_SPAN(responses_rig_write(&r), SPAN("{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[]}],\"tools\":[],\"store\":false}"
        " dropped: messages[0].content[0], messages[0].content[1], messages[0].content[2], messages[0].content[3], tools[0], max_tokens, stop, top_k, "
        "seed, n, frequency_penalty, safety_settings"));
    responses_rig_close(&r);
}

TEST(effort_is_said_in_words)
{
    static const struct {
        int thinks;
        int64_t limit;
        const char *want;
    } cases[] = { { 1, -1, "\"medium\"" }, { 1, 1024, "\"low\"" }, { 1, 4000, "\"medium\"" }, { 1, 20000, "\"high\"" }, { 0, -1, NULL }, { -1, -1, NULL } };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        call_begin(&r.call);
        r.call.model = SPAN("m");
        r.call.thinks = cases[i].thinks;
        r.call.thinking_limit = cases[i].limit;
        struct span want = cases[i].want ? arena_print(&r.arena,
            "{\"model\":\"m\",\"input\":[],\"reasoning\":{\"effort\":%s},\"include\":[\"reasoning.encrypted_content\"],\"store\":false} adapted: reasoning_effort", cases[i].want)
            : arena_print(&r.arena, "{\"model\":\"m\",\"input\":[],\"store\":false}%s", cases[i].thinks == 0 ? " adapted: reasoning_effort" : "");
        CHECK_SPAN(responses_rig_write(&r), want);
    }
    responses_rig_close(&r);
}

TEST(quirks_of_providers)
{
    const struct span unsupported[] = { SPAN("metadata"), SPAN("parallel_tool_calls") };
    responses_rig_open(&r);
    r.quirks = (struct quirks){ .reasoning_model = true, .unsupported = unsupported, .unsupported_count = 2 };
    CHECK_INT(responses_rig_read(&r, SPAN("{\"model\":\"m\",\"input\":[],\"temperature\":0.5,\"top_p\":1.0,\"metadata\":{\"a\":\"b\"},\"user\":\"u\"}")), E_OK);
    CHECK_SPAN(responses_rig_write(&r), SPAN("{\"model\":\"m\",\"input\":[],\"store\":false,\"user\":\"u\"} unsayable: temperature, metadata"));
    responses_rig_close(&r);
}

/* Gemini signs its calls; here the signature travels in a thought of its own, and comes back to the call. */
TEST(signatures_of_calls_come_back)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read(&r, SPAN("{\"model\":\"m\",\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"tg.gemini.abc\"},"
        "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\"},{\"type\":\"reasoning\",\"id\":\"rs_2\",\"summary\":[],"
        "\"encrypted_content\":\"tg.anthropic_messages.red\"},{\"type\":\"reasoning\",\"id\":\"rs_3\",\"summary\":[]}]}")), E_OK);
    const struct part *p = r.call.turns->parts;
    CHECK(p->kind == PART_TOOL_CALL && p->next && p->next->kind == PART_THINKING && p->next->redacted && !p->next->next);
    CHECK_SPAN(p->signature, SPAN("\"tg.gemini.abc\""));
    CHECK_SPAN(p->next->signature, SPAN("\"tg.anthropic_messages.red\""));
    responses_rig_close(&r);
}

/* Each result's call is looked up: a walk through the whole conversation each time would take minutes. */
TEST(a_long_conversation_is_written_in_one_go)
{
    enum { ROUNDS = 20000 };
    responses_rig_open(&r);
    struct buf body;
    buf_init(&body, 64 << 20);
    buf_put(&body, SPAN("{\"model\":\"m\",\"tools\":[{\"type\":\"custom\",\"name\":\"n\"}],\"input\":["));
    for (int i = 0; i < ROUNDS; i++)
        buf_print(&body, "%s{\"type\":\"custom_tool_call\",\"call_id\":\"c%d\",\"name\":\"n\",\"input\":\"x\"},{\"type\":\"custom_tool_call_output\","
            "\"call_id\":\"c%d\",\"output\":\"y\"}", i ? "," : "", i, i);
    buf_put(&body, SPAN("]}"));
    buf_reserve(&body, 1);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    CHECK_INT(responses_read_call(r.json, buf_span(&body), &r.arena, &r.call, &r.why), E_OK);
    struct span out = responses_rig_write(&r);
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK(to.tv_sec - from.tv_sec < 10);
    CHECK(out.len > (size_t)ROUNDS * 100 && span_find(out, SPAN("function_call_output")) < 0 && r.notes.unsayable_count == 0);
    buf_free(&body);
    responses_rig_close(&r);
}
