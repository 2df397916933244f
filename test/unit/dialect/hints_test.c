/* SPDX-License-Identifier: Apache-2.0
 * hints_test.c - what default clients say and no other vendor must know; what the gate keeps for vendors that cannot be told. */
#include "dialect/dialect.h"
#include "dialect/foreign.h"
#include "dialect/one_call.h"
#include "test/test.h"

static struct json *json;
static struct arena arena;
static struct call call;
static struct notes notes;
static struct buf out;

static void begin(void)
{
    json = json_new();
    arena_init(&arena, 1 << 24);
    buf_init(&out, 1 << 20);
}

static void end(void)
{
    buf_free(&out);
    arena_free(&arena);
    json_free(json);
}

static struct span padded(const char *text)
{
    static char room[4096];
    size_t len = strlen(text);
    memset(room, 0, sizeof(room));
    memcpy(room, text, len);
    return span_make(room, len);
}

/* Read in one dialect, written in another: "unsayable / adapted". */
static struct span said(const char *from, const char *to, const char *body)
{
    const char *why;
    CHECK_INT(dialect_find(span_of(from))->translator->read_call(json, padded(body), &arena, &call, &why), E_OK);
    notes = (struct notes){ .arena = &arena };
    call.model = SPAN("m");
    call.output_limit = 100;
    buf_clear(&out);
    dialect_find(span_of(to))->translator->write_call(&call, NULL, &notes, &arena, &out);
    struct buf list;
    buf_init(&list, 4096);
    for (size_t i = 0; i < notes.unsayable_count; i++)
        buf_print(&list, "%s%.*s", i ? "," : "", SPAN_ARG(notes.unsayable[i]));
    buf_print(&list, "/");
    for (size_t i = 0; i < notes.adapted_count; i++)
        buf_print(&list, "%s%.*s", i ? "," : "", SPAN_ARG(notes.adapted[i]));
    struct span copy = arena_copy(&arena, buf_span(&list));
    buf_free(&list);
    return copy;
}

#define CLAUDE "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
#define CODEX "{\"model\":\"m\",\"input\":\"a\","
#define GEMINI "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}],"

TEST(hints_are_left_out_with_a_note_and_refuse_nothing)
{
    static const struct {
        const char *from, *body, *notes;
    } cases[] = {
        { "anthropic_messages", CLAUDE "\"context_management\":{\"edits\":[{\"type\":\"clear_thinking_20251015\",\"keep\":\"all\"}]}}", "/context_management" },
        { "anthropic_messages", CLAUDE "\"context_management\":{\"edits\":[{\"type\":\"clear_tool_uses_20250919\"}]}}", "context_management/" },
        { "anthropic_messages", CLAUDE "\"cache_control\":{\"type\":\"ephemeral\"},\"diagnostics\":{}}", "/cache_control,diagnostics" },
        { "anthropic_messages", CLAUDE "\"container\":\"c\"}", "container/" },
        { "anthropic_messages", CLAUDE "\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"eager_input_streaming\":true,\"defer_loading\":false}]}",
            "/tools[0].eager_input_streaming,tools[0].defer_loading" },
        { "anthropic_messages", CLAUDE "\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"defer_loading\":true}]}", "tools[0].defer_loading/" },
        { "openai_responses", CODEX "\"client_metadata\":{\"a\":\"b\"},\"prompt_cache_retention\":\"24h\"}", "/client_metadata,prompt_cache_retention" },
        { "openai_responses", CODEX "\"tools\":[{\"type\":\"custom\",\"name\":\"x\",\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"d\"}}]}", "/tools[0].format" },
        { "gemini", GEMINI "\"generationConfig\":{\"topK\":64,\"topP\":0.95}}", "/top_p,top_k" },
        { "gemini", GEMINI "\"generationConfig\":{\"topK\":40}}", "top_k/" },
    };
    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK_SPAN(said(cases[i].from, "openai_chat", cases[i].body), span_of(cases[i].notes));
    end();
}

TEST(hints_a_grammar_is_told_in_words)
{
    begin();
    (void)said("openai_responses", "anthropic_messages",
        CODEX "\"tools\":[{\"type\":\"custom\",\"name\":\"x\",\"description\":\"Does.\",\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"start: \\\"a\\\"\"}}]}");
    CHECK(span_find(buf_span(&out), SPAN("\"description\":\"Does.\\n\\nThe input must follow this lark grammar:\\nstart: \\\"a\\\"\"")) >= 0);
    end();
}

TEST(hints_a_line_for_anthropics_accounts_spoils_no_cache)
{
    begin();
    CHECK_SPAN(said("anthropic_messages", "openai_chat", CLAUDE "\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=1;\"},{\"type\":\"text\",\"text\":\"Be brief.\"}]}"),
        SPAN("/system[0]"));
    CHECK(span_find(buf_span(&out), SPAN("billing")) < 0 && span_find(buf_span(&out), SPAN("Be brief.")) >= 0);
    CHECK_SPAN(said("anthropic_messages", "openai_chat", CLAUDE "\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: alone\"}]}"), SPAN("/"));
    CHECK(span_find(buf_span(&out), SPAN("billing")) >= 0);
    end();
}

TEST(hints_a_long_user_is_told_by_its_digest)
{
    begin();
    struct span both[2];
    for (size_t i = 0; i < 2; i++) {
        CHECK_SPAN(said("anthropic_messages", i ? "openai_responses" : "openai_chat",
            CLAUDE "\"metadata\":{\"user_id\":\"01234567890123456789012345678901234567890123456789012345678901234\"}}"), SPAN("/user"));
        ptrdiff_t at = span_find(buf_span(&out), SPAN("\"user\":\""));
        CHECK(at >= 0);
        both[i] = arena_copy(&arena, span_first(span_from(buf_span(&out), (size_t)at + 8), 65));
    }
    CHECK(span_is(both[0], both[1]) && both[0].at[64] == '"');
    CHECK_SPAN(said("anthropic_messages", "openai_chat", CLAUDE "\"metadata\":{\"user_id\":\"short\"}}"), SPAN("/"));
    end();
}

TEST(foreign_thoughts_stay_and_all_else_goes)
{
    static const char body[] = "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":\"tg.gemini.x\"},"
        "{\"type\":\"redacted_thinking\",\"data\":\"tg.openai_responses.x\"},{\"type\":\"thinking\",\"thinking\":\"b\",\"signature\":\"own\"},"
        "{\"type\":\"text\",\"text\":\"\\\"tg.\\u00e9\"}]}],\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":\"tg.gemini.y\",\"summary\":[]}],"
        "\"parts\":[{\"functionCall\":{\"name\":\"tg.\"},\"thoughtSignature\":\"tg.anthropic_messages.z\"}], \"n\" : 1.50 }";
    begin();
    CHECK(foreign_is_in(span_of(body)) && !foreign_is_in(SPAN("{\"a\":\"b tg. c\"}")) && !foreign_is_in(SPAN("\"tg.")));
    foreign_strip(span_of(body), &arena, &out);
    CHECK_SPAN(buf_span(&out), SPAN("{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"b\",\"signature\":\"own\"},"
        "{\"type\":\"text\",\"text\":\"\\\"tg.\\u00e9\"}]}],\"input\":[],\"parts\":[{\"functionCall\":{\"name\":\"tg.\"}}],\"n\":1.50}"));
    end();
}

static void keep(void *self, const struct event *e)
{
    static const char *const names[] = { "start", "part", "delta", "end", "choice", "usage", "over", "error" };
    buf_print(self, "%s%d.%d ", names[e->kind], (int)e->choice, (int)e->part);
}

TEST(one_call_at_a_time_of_a_stream)
{
    static const enum part_kind kinds[] = { PART_TEXT, PART_TOOL_CALL, PART_TOOL_CALL, PART_TEXT, PART_TOOL_CALL };
    static struct one_call one;
    begin();
    one = (struct one_call){ .sink = keep, .self = &out };
    for (int choice = 0; choice < 2; choice++) {
        for (int i = 0; i < 5; i++) {
            struct part opens = { .kind = kinds[i] };
            struct event e = { .kind = EVENT_PART, .choice = choice, .part = i, .opens = &opens, .part_kind = kinds[i] };
            one_call_event(&one, &e);
            e.kind = EVENT_DELTA;
            one_call_event(&one, &e);
            e.kind = EVENT_PART_END;
            one_call_event(&one, &e);
        }
        buf_print(&out, "| ");
    }
    one_call_event(&one, &(struct event){ .kind = EVENT_END });
    CHECK_SPAN(buf_span(&out), SPAN("part0.0 delta0.0 end0.0 part0.1 delta0.1 end0.1 part0.2 delta0.2 end0.2 | "
        "part1.0 delta1.0 end1.0 part1.1 delta1.1 end1.1 part1.2 delta1.2 end1.2 | over0.0 "));
    end();
}

TEST(one_call_at_a_time_of_a_whole_answer)
{
    static const enum part_kind kinds[] = { PART_TOOL_CALL, PART_TEXT, PART_TOOL_CALL };
    struct answer answer;
    begin();
    answer_begin(&answer);
    struct choice *c = answer_choice(&answer, 0, &arena);
    for (size_t i = 0; i < 3; i++)
        part_add(&c->parts, kinds[i], &arena);
    one_call_answer(&answer);
    CHECK(c->parts->kind == PART_TOOL_CALL && c->parts->next->kind == PART_TEXT && !c->parts->next->next);
    part_add(&c->parts, PART_REFUSAL, &arena);
    CHECK(c->parts->next->next->kind == PART_REFUSAL);
    end();
}
