/* SPDX-License-Identifier: Apache-2.0
 * anthropic_call_test.c - requests of Anthropic messages read to neutral calls and written from them. */
#include <stdio.h>
#include <stdlib.h>

#include "anthropic_rig.h"
#include "dialect/anthropic.h"
#include "test/test.h"

static struct anthropic_rig r;

#define HEAD "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096"
#define HELLO ",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]"
#define SAID ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}]}]"

static void check_again(int line, const char *body, const char *want)
{
    struct span got = anthropic_rig_again(&r, body);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "\n     got %.*s\n    want %s", SPAN_ARG(got), want);
}
#define AGAIN(body, want) check_again(__LINE__, body, want)

/* Each golden request is said again as the file beside it says. */
static void check_golden(int line, const char *name)
{
    char in[100], out[100];
    snprintf(in, sizeof(in), "call_%s.json", name);
    snprintf(out, sizeof(out), "call_%s.again.json", name);
    anthropic_rig_clear(&r);
    struct span body = anthropic_rig_golden(&r, in), want = anthropic_rig_golden(&r, out);
    enum err e = anthropic_rig_read(&r, body);
    struct span got = e ? span_of(r.why) : anthropic_rig_noted(&r);
    if (!span_is(got, want))
        test_fail(__FILE__, line, "%s:\n     got %.*s\n    want %.*s", name, SPAN_ARG(got), SPAN_ARG(want));
}

TEST(golden_calls)
{
    anthropic_rig_open(&r, "anthropic_messages");
    check_golden(__LINE__, "plain");
    check_golden(__LINE__, "everything");
    check_golden(__LINE__, "tools");
    check_golden(__LINE__, "media");
    check_golden(__LINE__, "server_tools");
    anthropic_rig_close(&r);
}

TEST(a_call_is_read)
{
    anthropic_rig_open(&r, "anthropic_messages");
    CHECK_INT(anthropic_rig_read(&r, SPAN(HEAD ",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S=\"},"
        "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
        "\"content\":[{\"type\":\"text\",\"text\":\"ok\"}],\"is_error\":true}]}],\"system\":\"Be brief\",\"stream\":true,\"service_tier\":\"standard_only\","
        "\"metadata\":{\"user_id\":\"u1\",\"team\":\"x\"},\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},\"new\":[1],\"temperature\":null}")), E_OK);
    const struct call *c = &r.call;
    CHECK_SPAN(c->model, SPAN("claude-sonnet-4-5"));
    CHECK(c->stream && c->thinks == 1 && c->thinking_limit == 2000 && !c->temperature.at && c->output_limit == 4096);
    CHECK_SPAN(c->user, SPAN("\"u1\""));
    CHECK_SPAN(c->tier, SPAN("default"));
    const struct turn *t = c->turns;
    CHECK_INT(t->role, ROLE_SYSTEM);
    CHECK_SPAN(t->parts->text, SPAN("\"Be brief\""));
    t = t->next;
    CHECK_INT(t->parts->kind, PART_THINKING);
    CHECK_SPAN(t->parts->signature, SPAN("\"tg.anthropic_messages.S=\""));
    CHECK_SPAN(t->parts->next->arguments, SPAN("{\"a\":1}"));
    CHECK(t->next->parts->kind == PART_TOOL_RESULT && t->next->parts->failed && t->next->parts->content->kind == PART_TEXT);
    CHECK_SPAN(call_function_of(c, t->next->parts->id), SPAN("\"f\""));
    CHECK_SPAN(c->rest->path, SPAN("new"));
    CHECK_SPAN(c->rest->next->path, SPAN("metadata.team"));
    CHECK(!c->rest->next->next);
    anthropic_rig_close(&r);
}

TEST(members_of_the_wrong_kind_are_refused)
{
    static const char *const bodies[][2] = {
        { "{\"model\":5,\"messages\":[]}", "model must be a string" },
        { "{\"model\":\"m\"}", "messages is missing" },
        { "{\"model\":\"m\",\"messages\":{}}", "messages must be a list" },
        { "{\"model\":\"m\",\"messages\":[5]}", "role of a message must be user, assistant or system" },
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "role of a message must be user, assistant or system" },
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}", "content must be a string or a list of content blocks" },
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[\"x\"]}]}", "a content block must be an object with a type" },
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}", "text of a content block must be a string" },
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":\"x\"}]}]}", "source of a content block must be an object" },
        { HEAD HELLO ",\"tools\":[{\"description\":\"x\"}]}", "name of a tool must be a string" },
        { HEAD HELLO ",\"tool_choice\":{\"type\":\"tool\"}}", "tool_choice of type tool must name it" },
        { HEAD HELLO ",\"tool_choice\":{\"type\":\"some\"}}", "type of tool_choice must be auto, any, tool or none" },
        { HEAD HELLO ",\"thinking\":{\"type\":\"enabled\"}}", "budget_tokens of thinking must be a whole number" },
        { HEAD HELLO ",\"output_config\":{\"format\":{\"type\":\"xml\"}}}", "format of output_config must be a json_schema with a schema" },
        { HEAD HELLO ",\"stop_sequences\":[1]}", "stop_sequences must be a list of strings" },
        { "{\"model\":\"m\",\"max_tokens\":1.5" HELLO "}", "max_tokens must be a whole number, written with digits only" },
    };
    anthropic_rig_open(&r, "anthropic_messages");
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        CHECK_INT(anthropic_rig_read(&r, span_of(bodies[i][0])), E_BAD_REQUEST);
        CHECK_SPAN(span_of(r.why ? r.why : ""), span_of(bodies[i][1]));
    }
    anthropic_rig_close(&r);
}

/* Every piece of a body that is cut off is refused, and none is read beyond its end. */
TEST(a_call_cut_at_every_byte)
{
    anthropic_rig_open(&r, "anthropic_messages");
    struct span body = anthropic_rig_golden(&r, "call_everything.json");
    for (size_t n = 0; n < body.len; n++) {
        struct arena_mark mark = arena_mark(&r.arena);
        CHECK_INT(anthropic_rig_read(&r, span_first(body, n)), E_BAD_REQUEST);
        arena_rewind(&r.arena, mark);
    }
    anthropic_rig_close(&r);
}

TEST(a_count_tokens_body_needs_no_limit)
{
    anthropic_rig_open(&r, "anthropic_messages");
    AGAIN("{\"model\":\"m\"" HELLO "}", "{\"model\":\"m\"" SAID "}");
    CHECK_INT(r.call.output_limit, -1);
    anthropic_rig_close(&r);
}

/* --- turns --- */

static struct part *say(enum role role, enum part_kind kind, struct span text)
{
    struct part *p = part_add(&call_turn(&r.call, role, &r.arena)->parts, kind, &r.arena);
    p->text = text;
    return p;
}

static void begin(const char *model)
{
    anthropic_rig_clear(&r);
    call_begin(&r.call);
    r.call.model = span_of(model);
    r.call.output_limit = 4096;
    r.quirks = (struct quirks){ 0 };
}

static void check_noted(int line, const char *want)
{
    struct span got = anthropic_rig_noted(&r);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "\n     got %.*s\n    want %s", SPAN_ARG(got), want);
}
#define NOTED(want) check_noted(__LINE__, want)

TEST(turns_of_one_role_become_one_message_with_results_first)
{
    anthropic_rig_open(&r, "anthropic_messages");
    begin("claude-sonnet-4-5");
    say(ROLE_SYSTEM, PART_TEXT, SPAN("\"A\""));
    say(ROLE_USER, PART_TEXT, SPAN("\"hi\""));
    struct part *use = say(ROLE_ASSISTANT, PART_TOOL_CALL, SPAN_NONE);
    use->id = SPAN("\"call/1\"");
    use->name = SPAN("\"f\"");
    say(ROLE_USER, PART_TEXT, SPAN("\"and\""));
    say(ROLE_DEVELOPER, PART_TEXT, SPAN("\"B\""));
    struct part *result = say(ROLE_USER, PART_TOOL_RESULT, SPAN_NONE);
    result->id = SPAN("\"call/1\"");
    part_add(&result->content, PART_TEXT, &r.arena)->text = SPAN("\"42\"");
    struct span id = made_up_id("toolu_", span_hash(SPAN("\"call/1\""), 0), 0, &r.arena), got = anthropic_rig_noted(&r);
    struct span want = arena_print(&r.arena, "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096,\"system\":[{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"text\",\"text\":\"B\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":%.*s,"
        "\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":%.*s,\"content\":\"42\"},{\"type\":\"text\",\"text\":\"and\"}]}]}"
        " adapted: messages[4].role", SPAN_ARG(id), SPAN_ARG(id));
    CHECK_SPAN(got, want);
    anthropic_rig_close(&r);
}

TEST(texts_without_a_word_are_left_out)
{
    anthropic_rig_open(&r, "anthropic_messages");
    begin("claude-sonnet-4-5");
    say(ROLE_SYSTEM, PART_TEXT, SPAN("\"\""));
    say(ROLE_USER, PART_TEXT, SPAN("\"Hello\""));
    say(ROLE_ASSISTANT, PART_TEXT, SPAN("\"\""));
    say(ROLE_USER, PART_TEXT, SPAN("\" \\n\\t\""));
    NOTED(HEAD SAID "} adapted: messages[3].content[0]");
    anthropic_rig_close(&r);
}

TEST(thoughts_of_others_are_left_out)
{
    anthropic_rig_open(&r, "anthropic_messages");
    begin("claude-sonnet-4-5");
    say(ROLE_USER, PART_TEXT, SPAN("\"Hello\""));
    struct part *thought = say(ROLE_ASSISTANT, PART_THINKING, SPAN("\"hm\""));
    thought->signature = SPAN("\"tg.openai_responses.X\"");
    NOTED(HEAD SAID "} adapted: messages[1].thinking");
    thought->signature = SPAN("\"tg.bedrock_invoke.X\"");
    NOTED(HEAD ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}]},{\"role\":\"assistant\",\"content\":["
        "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"X\"}]}]}");
    thought->redacted = true;
    NOTED(HEAD ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}]},{\"role\":\"assistant\",\"content\":["
        "{\"type\":\"redacted_thinking\",\"data\":\"X\"}]}]}");
    anthropic_rig_close(&r);
}

TEST(a_signature_of_gemini_comes_back_to_its_tool_call)
{
    anthropic_rig_open(&r, "anthropic_messages");
    CHECK_INT(anthropic_rig_read(&r, SPAN("{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"tg.gemini.G\"},"
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}]}]}")), E_OK);
    CHECK_INT(r.call.turns->parts->kind, PART_TOOL_CALL);
    CHECK_SPAN(r.call.turns->parts->signature, SPAN("\"tg.gemini.G\""));
    CHECK(!r.call.turns->parts->next);
    anthropic_rig_close(&r);
}

/* --- media --- */

static void check_media(int line, enum part_kind kind, struct media m, const char *want)
{
    begin("claude-sonnet-4-5");
    say(ROLE_USER, kind, SPAN_NONE)->media = m;
    struct span got = anthropic_rig_noted(&r);
    if (span_find(got, span_of(want)) < 0)
        test_fail(__FILE__, line, "\n     got %.*s\n    want %s", SPAN_ARG(got), want);
}
#define MEDIA(kind, want, ...) check_media(__LINE__, kind, (struct media){ __VA_ARGS__ }, want)

TEST(media_as_they_can_be_said)
{
    anthropic_rig_open(&r, "anthropic_messages");
    MEDIA(PART_IMAGE, "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/jpeg\",\"data\":\"AAAA\"}}", .data = SPAN("AAAA"), .type = SPAN("image/jpg"));
    MEDIA(PART_IMAGE, "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y\"}}", .url = SPAN("\"https://x/y\""));
    MEDIA(PART_IMAGE, " adapted: messages[0].content[0].detail", .url = SPAN("\"https://x/y\""), .detail = SPAN("high"));
    MEDIA(PART_IMAGE, " unsayable: messages[0].content[0] a picture that is neither", .data = SPAN("AAAA"), .type = SPAN("image/heic"));
    MEDIA(PART_IMAGE, " unsayable: messages[0].content[0] a file of another vendor", .file_id = SPAN("\"file-abc\""));
    MEDIA(PART_IMAGE, "{\"type\":\"file\",\"file_id\":\"file_011\"}", .file_id = SPAN("\"file_011\""));
    MEDIA(PART_DOCUMENT, "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERi0x\"},\"title\":\"a.pdf\"}",
        .data = SPAN("JVBERi0x"), .name = SPAN("\"a.pdf\""));
    MEDIA(PART_DOCUMENT, "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"a \\\"b\\\"\"}}",
        .data = SPAN("YSAiYiI="), .type = SPAN("text/markdown"));
    MEDIA(PART_DOCUMENT, "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"x\"}", .plain_text = SPAN("\"x\""));
    MEDIA(PART_DOCUMENT, " unsayable: messages[0].content[0] a document that is neither PDF nor text", .data = SPAN("UEsD"), .type = SPAN("application/zip"));
    MEDIA(PART_AUDIO, " unsayable: messages[0].content[0] a sound", .data = SPAN("AAAA"));
    MEDIA(PART_VIDEO, " unsayable: messages[0].content[0] a video", .data = SPAN("AAAA"));
    begin("claude-sonnet-4-5");
    r.quirks.version = SPAN("vertex-2023-10-16");
    say(ROLE_USER, PART_IMAGE, SPAN_NONE)->media.url = SPAN("\"https://x/y\"");
    NOTED("{\"anthropic_version\":\"vertex-2023-10-16\",\"max_tokens\":4096,\"messages\":[]} unsayable: messages[0].content[0] a URL: send it inline");
    anthropic_rig_close(&r);
}

/* --- parameters --- */

static void hello(const char *model)
{
    begin(model);
    say(ROLE_USER, PART_TEXT, SPAN("\"Hello\""));
}

TEST(what_it_cannot_say_is_noted)
{
    static const struct span drop[] = { { "seed", 4 }, { "n", 1 } };
    anthropic_rig_open(&r, "anthropic_messages");
    hello("claude-sonnet-4-5");
    struct call *c = &r.call;
    c->seed = SPAN("1");
    c->choices = 2;
    c->frequency_penalty = SPAN("0.5");
    c->presence_penalty = SPAN("0.0");
    c->logprobs = true;
    c->top_logprobs = 3;
    c->metadata = SPAN("{}");
    c->store = 1;
    c->previous = SPAN("\"resp_1\"");
    c->verbosity = SPAN("low");
    c->safety = SPAN("[]");
    c->format = FORMAT_JSON;
    c->tier = SPAN("flex");
    c->cache_key = SPAN("\"k\"");
    call_rest(c, SPAN("logit_bias"), SPAN("{}"), &r.arena);
    call_rest(c, SPAN("container"), SPAN("\"cnt_1\""), &r.arena);
    NOTED(HEAD SAID ",\"container\":\"cnt_1\"} unsayable: service_tier, frequency_penalty, seed, n, logprobs, top_logprobs, metadata, verbosity, store, "
        "previous_response_id, safety_settings, response_format json_object: give a schema, logit_bias adapted: prompt_cache_key");
    r.notes.may_drop = drop;
    r.notes.may_drop_count = 2;
    call_begin(c);
    hello("claude-sonnet-4-5");
    c->seed = SPAN("1");
    c->choices = 2;
    NOTED(HEAD SAID "} dropped: seed, n");
    r.notes.may_drop = NULL;
    r.notes.may_drop_count = 0;
    anthropic_rig_close(&r);
}

TEST(names_and_quirks_are_noted)
{
    static const struct span unsupported[] = { { "top_k", 5 }, { "stop", 4 } };
    anthropic_rig_open(&r, "anthropic_messages");
    hello("claude-sonnet-4-5");
    r.call.turns->name = SPAN("\"bob\"");
    r.call.top_k = SPAN("5");
    r.call.stops = SPAN("[\"x\"]");
    r.quirks.unsupported = unsupported;
    r.quirks.unsupported_count = 2;
    NOTED(HEAD SAID "} unsayable: messages[0].name, top_k, stop");
    hello("a-deployment");
    r.quirks.reasoning_model = true;
    r.call.temperature = SPAN("0.5");
    NOTED("{\"model\":\"a-deployment\",\"max_tokens\":4096" SAID "} unsayable: temperature this model takes none, or none while it thinks");
    anthropic_rig_close(&r);
}

static void check_samples(int line, const char *model, const char *temperature, const char *top_p, const char *want)
{
    hello(model);
    r.call.temperature = span_of(temperature);
    r.call.top_p = span_of(top_p);
    struct span got = anthropic_rig_noted(&r);
    ptrdiff_t at = span_find(got, SPAN("]}]"));
    if (!span_is(span_from(got, (size_t)at + 3), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
}
#define SAMPLES(model, temperature, top_p, want) check_samples(__LINE__, model, temperature, top_p, want)

TEST(temperature_and_top_p)
{
    anthropic_rig_open(&r, "anthropic_messages");
    SAMPLES("claude-3-7-sonnet", "0.20", NULL, ",\"temperature\":0.20}");
    SAMPLES("claude-3-7-sonnet", "0.2", "0.9", ",\"temperature\":0.2,\"top_p\":0.9}");
    SAMPLES("claude-3-7-sonnet", "1.7", NULL, "} unsayable: temperature it goes from 0 to 1");
    SAMPLES("claude-sonnet-4-5", "0.2", "1", ",\"temperature\":0.2} adapted: top_p");
    SAMPLES("claude-sonnet-4-5", "1", "0.5", ",\"top_p\":0.5} adapted: temperature");
    SAMPLES("claude-sonnet-4-5", "0.2", "0.5", ",\"temperature\":0.2} unsayable: top_p this model takes it or temperature adapted: top_p");
    SAMPLES("claude-opus-4-7", "1.0", "1", "}");
    SAMPLES("claude-opus-4-7", "0.5", NULL, "} unsayable: temperature this model takes none, or none while it thinks");
    SAMPLES("claude-opus-5-5", NULL, "0.5", "} unsayable: top_p");
    anthropic_rig_close(&r);
}

static void check_thinking(int line, const char *model, int thinks, const char *effort, int64_t limit, const char *want)
{
    hello(model);
    r.call.thinks = thinks;
    r.call.effort = span_of(effort);
    r.call.thinking_limit = limit;
    struct span got = anthropic_rig_noted(&r);
    ptrdiff_t at = span_find(got, SPAN("]}]"));
    if (!span_is(span_from(got, (size_t)at + 3), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
}
#define THINKING(model, thinks, effort, limit, want) check_thinking(__LINE__, model, thinks, effort, limit, want)

TEST(thinking_as_the_model_takes_it)
{
    anthropic_rig_open(&r, "anthropic_messages");
    THINKING("claude-sonnet-4-5", -1, NULL, -1, "}");
    THINKING("claude-sonnet-4-5", -1, "medium", -1, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}} adapted: reasoning_effort");
    THINKING("claude-sonnet-4-5", 1, NULL, 2000, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}");
    THINKING("claude-sonnet-4-5", 1, NULL, 512, "} unsayable: thinking a budget below 1024 tokens");
    THINKING("claude-sonnet-4-5", 1, NULL, 4096, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}} unsayable: thinking its budget must be below the output limit");
    THINKING("claude-sonnet-4-5", 0, NULL, -1, "}");
    THINKING("claude-sonnet-4-5", -1, "none", -1, "}");
    THINKING("claude-sonnet-4-5", -1, "much", -1, "} unsayable: reasoning_effort");
    THINKING("claude-opus-4-6", 1, NULL, 2000, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}}");
    THINKING("claude-opus-4-6", -1, "high", -1, ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}}");
    THINKING("claude-opus-4-6", -1, "xhigh", -1, ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}} adapted: reasoning_effort");
    THINKING("claude-opus-4-7", -1, "xhigh", -1, ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"xhigh\"}}");
    THINKING("claude-opus-4-7", 1, NULL, 1024, ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}} adapted: reasoning_effort");
    THINKING("claude-opus-5", -1, "minimal", -1, ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}} adapted: reasoning_effort");
    THINKING("claude-opus-5", -1, "none", -1, ",\"thinking\":{\"type\":\"disabled\"}}");
    THINKING("claude-sonnet-5-5", 0, NULL, -1, ",\"thinking\":{\"type\":\"between_tools\"}}");
    THINKING("claude-opus-5-5", 0, NULL, -1, ",\"output_config\":{\"effort\":\"low\"}} adapted: reasoning_effort");
    anthropic_rig_close(&r);
}

TEST(a_forced_tool_goes_without_thinking)
{
    anthropic_rig_open(&r, "anthropic_messages");
    hello("claude-sonnet-4-5");
    r.call.effort = SPAN("high");
    r.call.choice = CHOICE_NAMED;
    r.call.chosen = SPAN("\"f\"");
    r.call.parallel_tools = 0;
    call_tool(&r.call, TOOL_FUNCTION, &r.arena)->name = SPAN("\"f\"");
    NOTED(HEAD SAID ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true}}"
        " adapted: reasoning_effort");
    r.call.model = SPAN("claude-opus-5-5");
    r.call.effort = SPAN_NONE;
    NOTED("{\"model\":\"claude-opus-5-5\",\"max_tokens\":4096" SAID ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]}"
        " unsayable: tool_choice this model cannot be made to call a tool");
    anthropic_rig_close(&r);
}

/* "Expected thinking, but found tool_use": a turn that is under way cannot begin to think. */
TEST(a_turn_under_way_begins_no_thinking)
{
    anthropic_rig_open(&r, "anthropic_messages");
    begin("claude-sonnet-4-5");
    r.call.effort = SPAN("high");
    struct part *use = say(ROLE_ASSISTANT, PART_TOOL_CALL, SPAN_NONE);
    use->id = SPAN("\"t\"");
    use->name = SPAN("\"f\"");
    say(ROLE_USER, PART_TOOL_RESULT, SPAN_NONE)->id = SPAN("\"t\"");
    CHECK(span_find(anthropic_rig_noted(&r), SPAN("\"thinking\"")) < 0);
    CHECK_INT(r.notes.adapted_count, 1);
    say(ROLE_USER, PART_TEXT, SPAN("\"next\""));
    CHECK(span_find(anthropic_rig_noted(&r), SPAN("\"thinking\":{\"type\":\"enabled\"")) > 0);
    anthropic_rig_close(&r);
}

TEST(tools_stops_tiers_and_schemas)
{
    anthropic_rig_open(&r, "anthropic_messages");
    hello("claude-sonnet-4-5");
    struct call *c = &r.call;
    struct tool *t = call_tool(c, TOOL_FUNCTION, &r.arena);
    t->name = SPAN("\"f\"");
    t->description = SPAN("\"does\"");
    t->schema = SPAN("{\"type\":\"object\"}");
    t->strict = 1;
    t->cache = SPAN("{\"type\":\"ephemeral\"}");
    call_tool(c, TOOL_FUNCTION, &r.arena)->name = SPAN("\"g\"");
    c->last_tool->schema = SPAN("{\"properties\":{}}");
    call_tool(c, TOOL_WEB_SEARCH, &r.arena)->most = 3;
    call_tool(c, TOOL_CODE_EXECUTION, &r.arena);
    call_tool(c, TOOL_OTHER, &r.arena)->raw = SPAN("{\"type\":\"web_search_preview_2025_03_11\"}");
    c->parallel_tools = 0;
    c->stops = SPAN("[\"a\",\"b\"]");
    c->tier = SPAN("priority");
    c->user = SPAN("\"u\"");
    c->format = FORMAT_SCHEMA;
    c->schema = SPAN("{\"type\":\"object\"}");
    c->stream = true;
    NOTED(HEAD SAID ",\"tools\":[{\"name\":\"f\",\"description\":\"does\",\"input_schema\":{\"type\":\"object\"},\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\"}},"
        "{\"name\":\"g\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}},{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":3},"
        "{\"type\":\"code_execution_20250825\",\"name\":\"code_execution\"}],\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true},"
        "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},\"stop_sequences\":[\"a\",\"b\"],\"service_tier\":\"auto\","
        "\"metadata\":{\"user_id\":\"u\"},\"stream\":true} unsayable: tools[4] adapted: service_tier");
    hello("claude-sonnet-4-0");
    c->format = FORMAT_SCHEMA;
    c->stops = SPAN("[\"\\n\"]");
    c->tier = SPAN("fast");
    NOTED("{\"model\":\"claude-sonnet-4-0\",\"max_tokens\":4096" SAID ",\"speed\":\"fast\"} unsayable: stop a text without a word, response_format this model takes no schema");
    anthropic_rig_close(&r);
}

/* --- at Google's and Amazon's --- */

TEST(elsewhere_the_version_stands_in_the_body)
{
    struct buf out;
    anthropic_rig_open(&r, "bedrock_invoke");
    CHECK(!r.translator->read_call && r.translator->needs_limit);
    AGAIN(HEAD HELLO ",\"stream\":true}", "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":4096" SAID "}");
    AGAIN(HEAD HELLO ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}",
        "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":4096" SAID ",\"tools\":[]} unsayable: tools[0] Amazon Bedrock runs no tools");
    buf_init(&out, 1 << 10);
    CHECK_INT(anthropic_rig_read(&r, SPAN(HEAD HELLO ",\"stream\":true,\"new\":1}")), E_OK);
    anthropic_body_elsewhere(r.json, buf_span(&r.body), SPAN("vertex-2023-10-16"), &out);
    CHECK_SPAN(buf_span(&out), SPAN("{\"anthropic_version\":\"vertex-2023-10-16\",\"max_tokens\":4096" HELLO ",\"new\":1}"));
    buf_free(&out);
    anthropic_rig_close(&r);
}

/* --- edits --- */

static void check_edit(int line, const char *body, int64_t limit, const char *model, const char *want)
{
    struct ask_edit edit = { .output_limit = limit, .model = span_of(model) };
    struct buf out;
    buf_init(&out, 1 << 12);
    buf_clear(&r.body);
    buf_put(&r.body, span_of(body));
    buf_reserve(&r.body, 1);
    dialect_find(SPAN("anthropic_messages"))->edit_ask(r.json, buf_span(&r.body), &edit, &out);
    if (out.broken || !span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(buf_span(&out)), want);
    buf_free(&out);
}
#define EDIT(body, limit, model, want) check_edit(__LINE__, body, limit, model, want)

/* "max_tokens must be greater than thinking.budget_tokens": where the gate lowers the one, the other follows. */
TEST(a_limit_that_the_gate_sets_leaves_room_behind_thinking)
{
    anthropic_rig_open(&r, "anthropic_messages");
    EDIT("{\"model\":\"a\",\"max_tokens\":9,\"x\":[ 1 ]}", -1, "b \"c\"", "{\"model\":\"b \\\"c\\\"\",\"max_tokens\":9,\"x\":[ 1 ]}");
    EDIT("{\"model\":\"a\"}", 7, NULL, "{\"max_tokens\":7,\"model\":\"a\"}");
    EDIT("{\"model\":\"a\",\"max_tokens\":64000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000}}", 5000, "b",
        "{\"model\":\"b\",\"max_tokens\":5000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}}");
    EDIT("{\"max_tokens\":64000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000}}", 1025, NULL,
        "{\"max_tokens\":1025,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    EDIT("{\"max_tokens\":64000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000}}", 1024, NULL, "{\"max_tokens\":1024,\"thinking\":{\"type\":\"disabled\"}}");
    EDIT("{\"max_tokens\":64000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000}}", 32001, NULL,
        "{\"max_tokens\":32001,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":32000}}");
    EDIT("{\"max_tokens\":64000,\"thinking\":{\"type\":\"adaptive\"}}", 10, NULL, "{\"max_tokens\":10,\"thinking\":{\"type\":\"adaptive\"}}");
    anthropic_rig_close(&r);
}

/* --- calls by chance --- */

static void put_random_block(struct buf *b, unsigned *seed, bool assistant)
{
    static const char *const users[] = { "{\"type\":\"text\",\"text\":\"w\\u00f6rd \\\"q\\\"\"}",
        "{\"type\":\"text\",\"text\":\"t\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}",
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO\"}}",
        "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.pdf\"},\"title\":\"Y\"}",
        "{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}]}" };
    static const char *const own[] = { "{\"type\":\"text\",\"text\":\"a\"}", "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"Sig+/=\"}",
        "{\"type\":\"redacted_thinking\",\"data\":\"R\"}", "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"x\":[1,{\"y\":\"}\"}]}}",
        "{\"type\":\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}}" };
    buf_put(b, span_of(assistant ? own[anthropic_rig_chance(seed, 5)] : users[anthropic_rig_chance(seed, 5)]));
}

/* A body in the form that the writer gives it: it comes back byte for byte. */
static void put_random_call(struct buf *b, unsigned *seed)
{
    unsigned turns = 1 + anthropic_rig_chance(seed, 6);
    buf_put(b, SPAN("{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"system\":\"Be \\\"brief\\\"\""));
    buf_put(b, SPAN(",\"messages\":["));
    for (unsigned t = 0; t < turns; t++) {
        buf_print(b, "%s{\"role\":\"%s\",\"content\":[", t ? "," : "", t % 2 ? "assistant" : "user");
        unsigned blocks = 1 + anthropic_rig_chance(seed, 4);
        for (unsigned i = 0; i < blocks; i++) {
            buf_put(b, i ? SPAN(",") : SPAN(""));
            put_random_block(b, seed, t % 2);
        }
        buf_put(b, SPAN("]}"));
    }
    buf_put(b, SPAN("]"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"},\"strict\":true,\"defer_loading\":true}],\"tool_choice\":{\"type\":\"any\"}"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"temperature\":0.5"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"stop_sequences\":[\"X\"]"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"metadata\":{\"user_id\":\"u\"}"));
    if (anthropic_rig_chance(seed, 2))
        buf_put(b, SPAN(",\"context_management\":{\"edits\":[]}"));
    buf_put(b, anthropic_rig_chance(seed, 2) ? SPAN(",\"stream\":true}") : SPAN("}"));
}

TEST(calls_by_chance_come_back_as_they_were)
{
    struct buf b;
    unsigned seed = 20261121;
    anthropic_rig_open(&r, "anthropic_messages");
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 2000; i++) {
        anthropic_rig_clear(&r);
        buf_clear(&b);
        put_random_call(&b, &seed);
        CHECK_INT(anthropic_rig_read(&r, buf_span(&b)), E_OK);
        CHECK_SPAN(anthropic_rig_noted(&r), buf_span(&b));
    }
    buf_free(&b);
    anthropic_rig_close(&r);
}
