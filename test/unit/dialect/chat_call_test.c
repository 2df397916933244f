/* SPDX-License-Identifier: Apache-2.0
 * chat_call_test.c - requests for chat completions, read into the neutral call and written from it. */
#include "chat_rig.h"
#include "test/test.h"

static struct chat_rig r;

static void check_again(int line, const char *body, const char *want)
{
    chat_rig_clear(&r);
    struct span got = chat_rig_again(&r, body);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got  %.*s\n    want %s", SPAN_ARG(got), want);
}
#define AGAIN(body, want) check_again(__LINE__, body, want)
#define ONE(message) "{\"model\":\"m\",\"messages\":[" message "]}"
#define HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define WITH(members) "{\"model\":\"m\",\"messages\":[" HI "]," members "}"

TEST(golden_calls)
{
    static const char *const names[] = { "call_everything", "call_parts", "call_tools" };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char file[100];
        chat_rig_clear(&r);
        snprintf(file, sizeof(file), "%s.json", names[i]);
        CHECK_INT(chat_rig_read(&r, chat_rig_golden(&r, file)), E_OK);
        snprintf(file, sizeof(file), "%s.again.txt", names[i]);
        CHECK_SPAN(chat_rig_noted(&r), chat_rig_golden(&r, file));
    }
    chat_rig_close(&r);
}

TEST(what_the_neutral_call_holds)
{
    chat_rig_open(&r);
    CHECK_INT(chat_rig_read(&r, chat_rig_golden(&r, "call_everything.json")), E_OK);
    const struct call *c = &r.call;
    CHECK_SPAN(c->model, SPAN("gpt-5.4"));
    CHECK(c->stream && c->output_limit == 300 && c->choices == 2 && c->logprobs && c->top_logprobs == 3);
    CHECK(c->turns->role == ROLE_DEVELOPER && c->turns->next->role == ROLE_USER && !c->turns->next->next);
    CHECK_SPAN(c->temperature, SPAN("0.70"));
    CHECK_SPAN(c->stops, SPAN("[\"END\"]"));
    CHECK(c->choice == CHOICE_NAMED && c->parallel_tools == 0 && c->format == FORMAT_SCHEMA && c->schema_strict == 1);
    CHECK_SPAN(c->effort, SPAN("low"));
    CHECK(c->thinks == 1 && c->store == 1);
    CHECK(c->tools->kind == TOOL_FUNCTION && c->tools->strict == 1 && c->tools->next->strict == -1 && !c->tools->next->schema.at);
    CHECK(c->tools->next->next->kind == TOOL_OTHER && c->tools->next->next->next->kind == TOOL_WEB_SEARCH);
    CHECK_SPAN(c->tier, SPAN("flex"));
    chat_rig_clear(&r);
    CHECK_INT(chat_rig_read(&r, chat_rig_golden(&r, "call_parts.json")), E_OK);
    const struct part *p = c->turns->next->parts;
    CHECK_SPAN(p->cache, SPAN("{\"type\":\"ephemeral\"}"));
    CHECK_SPAN(p->next->media.detail, SPAN("low"));
    CHECK_SPAN(p->next->next->media.type, SPAN("image/png"));
    CHECK_SPAN(p->next->next->media.data, SPAN("iVBORw0KGgo="));
    CHECK_SPAN(p->next->next->next->media.type, SPAN("audio/mpeg"));
    CHECK(p->next->next->next->next->kind == PART_DOCUMENT);
    CHECK_SPAN(p->next->next->next->next->media.name, SPAN("\"a.pdf\""));
    chat_rig_clear(&r);
    CHECK_INT(chat_rig_read(&r, chat_rig_golden(&r, "call_tools.json")), E_OK);
    const struct turn *results = c->turns->next->next;
    CHECK(results->role == ROLE_USER && results->parts->kind == PART_TOOL_RESULT && results->parts->next->kind == PART_TOOL_RESULT);
    CHECK(!results->parts->next->next && results->next->parts->kind == PART_TEXT);
    CHECK_SPAN(call_function_of(c, results->parts->next->id), SPAN("\"get_weather\""));
    chat_rig_close(&r);
}

TEST(mistakes_are_refused)
{
    static const char *const wrong[] = {
        "[]", "{", "{\"model\":\"m\"}", WITH("\"temperature\":\"1\""), WITH("\"n\":1.5"), WITH("\"stream\":1"), WITH("\"stop\":[1]"),
        WITH("\"stop\":7"), WITH("\"tools\":{}"), WITH("\"tools\":[1]"), WITH("\"tools\":[{\"function\":{}}]"), WITH("\"user\":1"),
        WITH("\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":[]}}]"), WITH("\"tool_choice\":\"sometimes\""), WITH("\"tool_choice\":1"),
        WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{}}"), WITH("\"response_format\":\"json\""), WITH("\"metadata\":[]"),
        WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":1}}"), WITH("\"max_tokens\":-1"), WITH("\"logprobs\":2"),
        WITH("\"reasoning_effort\":1"), WITH("\"stream_options\":[]"), WITH("\"thinking\":{}"), WITH("\"reasoning\":\"high\""),
        WITH("\"function_call\":{}"), WITH("\"web_search_options\":true"), WITH("\"service_tier\":{}"), "{\"model\":\"m\",\"messages\":{}}",
        ONE("1"), ONE("{\"content\":\"x\"}"), ONE("{\"role\":\"king\",\"content\":\"x\"}"), ONE("{\"role\":\"user\"}"), ONE("{\"role\":\"user\",\"content\":1}"),
        ONE("{\"role\":\"user\",\"content\":[\"x\"]}"), ONE("{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}"),
        ONE("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), ONE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}"),
        ONE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}"), ONE("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{}}]}"),
        ONE("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"wav\"}}]}"), ONE("{\"role\":\"tool\",\"content\":\"x\"}"),
        ONE("{\"role\":\"function\",\"name\":\"f\",\"content\":\"x\"}"), ONE("{\"role\":\"assistant\",\"tool_calls\":[1]}"), ONE("{\"role\":\"assistant\",\"tool_calls\":{}}"),
        ONE("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}]}"),
        ONE("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}"),
        ONE("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":1,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"),
    };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        enum err e = chat_rig_read(&r, span_of(wrong[i]));
        if (e != E_BAD_REQUEST || !r.why)
            test_fail(__FILE__, __LINE__, "%s: %d %s", wrong[i], (int)e, r.why ? r.why : "(no reason)");
    }
    chat_rig_close(&r);
}

TEST(null_is_unsaid)
{
    chat_rig_open(&r);
    AGAIN(WITH("\"temperature\":null,\"stop\":null,\"tools\":null,\"tool_choice\":null,\"n\":null,\"response_format\":null,\"unknown\":null,\"user\":null,"
               "\"stream\":null,\"metadata\":null,\"service_tier\":\"auto\",\"logit_bias\":{},\"modalities\":[\"text\"]"),
        "{\"model\":\"m\",\"messages\":[" HI "]}");
    AGAIN(ONE("{\"role\":\"assistant\",\"content\":\"a\",\"name\":null,\"tool_calls\":null,\"function_call\":null,\"audio\":null,\"refusal\":null,\"x\":null}"),
        ONE("{\"role\":\"assistant\",\"content\":\"a\"}"));
    chat_rig_close(&r);
}

/* Whatever is not known, is in the remainder, by its path. */
TEST(unknown_members_are_kept)
{
    static const struct {
        const char *body, *path;
    } rows[] = {
        { WITH("\"new\":{\"a\":1}"), "new" },
        { WITH("\"stream_options\":{\"new\":1}"), "stream_options.new" },
        { WITH("\"stream_options\":{\"include_obfuscation\":true}"), "stream_options.include_obfuscation" },
        { WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"},\"new\":1}]"), "tools[0].new" },
        { WITH("\"response_format\":{\"type\":\"grammar\",\"grammar\":\"x\"}"), "response_format" },
        { WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{},\"new\":1}}"), "response_format.json_schema.new" },
        { WITH("\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}"), "tool_choice" },
        { WITH("\"response_format\":{\"type\":\"json_schema\",\"new\":1,\"json_schema\":{\"schema\":{}}}"), "response_format.new" },
        { WITH("\"response_format\":{\"type\":\"json_object\",\"schema\":{}}"), "response_format.schema" },
        { WITH("\"tool_choice\":{\"type\":\"function\",\"new\":1,\"function\":{\"name\":\"f\"}}"), "tool_choice.new" },
        { WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\",\"new\":1}}"), "tool_choice.function.new" },
        { WITH("\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[],\"new\":1}}"), "tool_choice.allowed_tools.new" },
        { WITH("\"function_call\":{\"name\":\"f\",\"new\":1}"), "function_call.new" },
        { WITH("\"thinking\":{\"type\":\"enabled\",\"new\":1}"), "thinking.new" },
        { WITH("\"reasoning\":{\"summary\":\"auto\"}"), "reasoning.summary" },
        { ONE("{\"role\":\"user\",\"content\":\"x\",\"new\":1}"), "messages[0].new" },
        { ONE(HI ",{\"role\":\"assistant\",\"content\":\"x\",\"prefix\":true}"), "messages[1].prefix" },
        { ONE("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"text\",\"text\":\"x\",\"new\":1}]}"), "messages[0].content[1].new" },
        { ONE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\",\"new\":1}}]}"), "messages[0].content[0].new" },
        { ONE("{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"x\",\"new\":1}"), "messages[0].new" },
    };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        chat_rig_clear(&r);
        CHECK_INT(chat_rig_read(&r, span_of(rows[i].body)), E_OK);
        CHECK_SPAN(r.call.rest ? r.call.rest->path : SPAN_NONE, span_of(rows[i].path));
        CHECK(r.call.rest && !r.call.rest->next);
        chat_rig_write(&r);
        CHECK(r.notes.unsayable_count == 1);
    }
    chat_rig_close(&r);
}

TEST(words_of_imitators)
{
    chat_rig_open(&r);
    AGAIN(WITH("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000},\"top_k\":5"),
        "{\"model\":\"m\",\"messages\":[" HI "],\"reasoning_effort\":\"medium\"} unsayable: top_k adapted: reasoning_effort");
    CHECK(r.call.thinks == 1 && r.call.thinking_limit == 5000);
    AGAIN(WITH("\"reasoning\":{\"effort\":\"high\",\"exclude\":true}"), "{\"model\":\"m\",\"messages\":[" HI "],\"reasoning_effort\":\"high\"}");
    CHECK_INT(r.call.show_thoughts, 0);
    AGAIN(WITH("\"thinking\":{\"type\":\"disabled\"}"), "{\"model\":\"m\",\"messages\":[" HI "]}");
    AGAIN(WITH("\"safety_settings\":[]"), "{\"model\":\"m\",\"messages\":[" HI "]} unsayable: safety_settings");
    AGAIN(WITH("\"random_seed\":5,\"tool_choice\":\"any\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
        "{\"model\":\"m\",\"messages\":[" HI "],\"seed\":5,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"}");
    AGAIN(ONE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"https:\\/\\/a.b\\/c\"}]}"),
        ONE("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https:\\/\\/a.b\\/c\"}}]}"));
    AGAIN(ONE("{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]},{\"role\":\"user\",\"content\":\"\"}"),
        ONE("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_xTgG8a3ohvmUup4nADB3otwt\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},{\"role\":\"user\",\"content\":\"\"}"));
    chat_rig_close(&r);
}

TEST(only_allowed_tools_remain)
{
    chat_rig_open(&r);
    AGAIN(WITH("\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"b\"}}]}},"
               "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},{\"type\":\"function\",\"function\":{\"name\":\"b\"}},{\"type\":\"function\",\"function\":{\"name\":\"c\"}}]"),
        "{\"model\":\"m\",\"messages\":[" HI "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"b\"}}],\"tool_choice\":\"required\"}");
    chat_rig_close(&r);
}

/* --- thoughts --- */

#define THOUGHT(signature) "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"" signature "\",\"index\":0}]}"

TEST(thoughts_go_back_to_their_owner)
{
    chat_rig_open(&r);
    AGAIN(ONE(THOUGHT("tg.openai_chat.sig")), ONE("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":"
        "[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"sig\",\"index\":0}]}"));
    AGAIN(ONE(THOUGHT("tg.openai_chat.")), ONE("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"}"));
    AGAIN(ONE(THOUGHT("tg.gemini.sig")), ONE("{\"role\":\"assistant\",\"content\":\"a\"}") " adapted: messages[0].thinking");
    AGAIN(ONE("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"}"), ONE("{\"role\":\"assistant\",\"content\":\"a\"}") " adapted: messages[0].thinking");
    /* A list of signatures without texts belongs to the text beside it. */
    AGAIN(ONE("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"d\"},"
              "{\"type\":\"reasoning.text\",\"signature\":\"s\"}]}"), ONE("{\"role\":\"assistant\",\"content\":\"a\"}") " adapted: messages[0].thinking");
    const struct part *p = r.call.turns->parts;
    CHECK(p->redacted && span_is(p->signature, SPAN("\"d\"")) && !p->next->redacted);
    CHECK_SPAN(p->next->text, SPAN("\"hm\""));
    CHECK_SPAN(p->next->signature, SPAN("\"s\""));
    chat_rig_close(&r);
}

TEST(google_s_signatures_of_tool_calls)
{
    chat_rig_open(&r);
    AGAIN(ONE("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"
              "\"extra_content\":{\"google\":{\"thought_signature\":\"tg.openai_chat.s\"}}}]}"),
        ONE("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"
            "\"extra_content\":{\"google\":{\"thought_signature\":\"s\"}}}]}"));
    chat_rig_close(&r);
}

TEST(thoughts_in_other_places)
{
    chat_rig_open(&r);
    CHECK_INT(chat_rig_read(&r, span_of(ONE("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},"
        "{\"type\":\"text\",\"text\":\"c\"}]}"))), E_OK);
    CHECK_SPAN(r.call.turns->parts->text, SPAN("\"ab\""));
    CHECK_INT(chat_rig_read(&r, span_of(ONE("{\"role\":\"assistant\",\"content\":\"c\",\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},"
        "{\"type\":\"redacted_thinking\",\"data\":\"d\"}]}"))), E_OK);
    const struct part *p = r.call.turns->parts;
    CHECK(span_is(p->signature, SPAN("\"s\"")) && p->next->redacted && span_is(p->next->signature, SPAN("\"d\"")) && p->next->next->kind == PART_TEXT);
    chat_rig_close(&r);
}

/* --- what only others say --- */

static struct part *begin_turn(enum role role, enum part_kind kind)
{
    chat_rig_clear(&r);
    call_begin(&r.call);
    r.call.model = SPAN("m");
    return part_add(&call_turn(&r.call, role, &r.arena)->parts, kind, &r.arena);
}

TEST(what_cannot_be_said)
{
    chat_rig_open(&r);
    begin_turn(ROLE_USER, PART_DOCUMENT)->media.url = SPAN("\"https://a.b/c.pdf\"");
    chat_rig_write(&r);
    CHECK_SPAN(call_unsayable_text(&r.notes), SPAN("messages[0].content[0] a document by URL: send it inline"));
    begin_turn(ROLE_USER, PART_IMAGE)->media.file_id = SPAN("\"file_1\"");
    chat_rig_write(&r);
    CHECK_SPAN(call_unsayable_text(&r.notes), SPAN("messages[0].content[0] a file of another vendor: send it inline"));
    begin_turn(ROLE_ASSISTANT, PART_SERVER_TOOL)->raw = SPAN("{}");
    chat_rig_write(&r);
    CHECK_SPAN(call_unsayable_text(&r.notes), SPAN("messages[0].content[0] a tool that another vendor ran"));
    begin_turn(ROLE_USER, PART_TEXT)->text = SPAN("\"x\"");
    r.call.stops = SPAN("[\"a\",\"b\",\"c\",\"d\",\"e\"]");
    r.call.tier = SPAN("batch");
    r.call.previous = SPAN("\"resp_1\"");
    call_tool(&r.call, TOOL_CODE_EXECUTION, &r.arena);
    struct tool *search = call_tool(&r.call, TOOL_WEB_SEARCH, &r.arena);
    search->most = 3;
    search->allowed = SPAN("[\"a.b\"]");
    CHECK_SPAN(chat_rig_noted(&r), SPAN("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"web_search_options\":{}} unsayable: stop more than four, "
        "tools[0] a tool of another kind than function, tools[1].max_uses, tools[1].allowed_domains, service_tier, previous_response_id"));
    const struct span all = SPAN("*");
    r.notes.may_drop = &all;
    r.notes.may_drop_count = 1;
    chat_rig_write(&r);
    CHECK(!r.notes.unsayable_count && r.notes.dropped_count == 6);
    chat_rig_close(&r);
}

/* A result's pictures stand in the user's message behind all results. */
TEST(results_come_first)
{
    chat_rig_open(&r);
    struct part *text = begin_turn(ROLE_USER, PART_TEXT);
    text->text = SPAN("\"and?\"");
    for (int i = 0; i < 2; i++) {
        struct part *result = part_add(&r.call.turns->parts, PART_TOOL_RESULT, &r.arena);
        result->id = i ? SPAN("\"c1\"") : SPAN("\"c0\"");
        result->failed = i == 1;
        part_add(&result->content, PART_TEXT, &r.arena)->text = SPAN("\"done\"");
    }
    struct part *picture = part_add(&r.call.turns->parts->last->content, PART_IMAGE, &r.arena);
    picture->media.data = SPAN("AA==");
    picture->media.type = SPAN("image/png");
    CHECK_SPAN(chat_rig_noted(&r), SPAN("{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"c0\",\"content\":\"done\"},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
        "\"content\":\"done\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"and?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]}]}"
        " adapted: messages[0].content[2].is_error, messages[0].content[2]"));
    chat_rig_close(&r);
}

TEST(plain_documents_are_texts)
{
    chat_rig_open(&r);
    begin_turn(ROLE_USER, PART_DOCUMENT)->media.plain_text = SPAN("\"long\\ntext\"");
    CHECK_SPAN(chat_rig_noted(&r), SPAN("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"long\\ntext\"}]}]} adapted: messages[0].content[0]"));
    chat_rig_close(&r);
}

/* --- quirks --- */

TEST(quirks_of_providers)
{
    static const struct span unsupported[] = { { "seed", 4 }, { "messages[].name", 15 }, { "prompt_cache_key", 16 }, { "store", 5 } };
    chat_rig_open(&r);
    r.quirks = (struct quirks){ .limit = LIMIT_MAX_TOKENS, .random_seed = true, .system_as_developer = true, .stream_usage = USAGE_ALWAYS };
    AGAIN("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"}],\"stream\":true,\"max_completion_tokens\":5,\"seed\":1,\"tool_choice\":\"required\",\"tools\":[{\"function\":{\"name\":\"f\"}}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"s\"}],\"stream\":true,\"max_tokens\":5,\"random_seed\":1,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"any\"}");
    r.quirks = (struct quirks){ .no_stream_options = true, .unsupported = unsupported, .unsupported_count = 4 };
    AGAIN("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"s\",\"name\":\"a\"}],\"stream\":true,\"seed\":1,\"store\":false,\"prompt_cache_key\":\"k\"}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"s\"}],\"stream\":true} unsayable: messages[0].name, seed adapted: store, prompt_cache_key");
    r.quirks = (struct quirks){ .reasoning_model = true };
    AGAIN(WITH("\"temperature\":1.0,\"top_p\":0.5,\"presence_penalty\":0,\"frequency_penalty\":0.1,\"logprobs\":true,\"thinking\":{\"type\":\"disabled\"}"),
        "{\"model\":\"m\",\"messages\":[" HI "],\"reasoning_effort\":\"none\"} unsayable: top_p, frequency_penalty, logprobs adapted: reasoning_effort");
    r.quirks = (struct quirks){ .stream_usage = USAGE_NEVER };
    AGAIN(WITH("\"stream\":true"), "{\"model\":\"m\",\"messages\":[" HI "],\"stream\":true}");
    chat_rig_close(&r);
}

/* --- truncation --- */

/* What is cut anywhere is refused and nothing is read beyond it. */
TEST(cut_at_every_byte)
{
    chat_rig_open(&r);
    static const char *const names[] = { "call_everything.json", "call_parts.json", "call_tools.json" };
    for (size_t i = 0; i < 3; i++) {
        struct span text = chat_rig_golden(&r, names[i]);
        for (size_t len = 0; len < text.len; len++)
            CHECK(chat_rig_read(&r, span_first(text, len)) != E_OK);
    }
    chat_rig_close(&r);
}
