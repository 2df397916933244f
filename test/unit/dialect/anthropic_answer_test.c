/* SPDX-License-Identifier: Apache-2.0
 * anthropic_answer_test.c - answers, errors and models of Anthropic messages. */
#include "anthropic_rig.h"
#include "dialect/anthropic_int.h"
#include "test/test.h"

static struct anthropic_rig r;

static struct span put_body(struct span body)
{
    buf_clear(&r.body);
    buf_put(&r.body, body);
    buf_reserve(&r.body, 1);
    return buf_span(&r.body);
}

static enum err read_answer(struct span body, struct span owner)
{
    r.reader = (struct reader){ .json = r.json, .arena = &r.arena, .owner = owner };
    return r.translator->read_answer(&r.reader, put_body(body), &r.answer);
}

static struct span write_answer(void)
{
    buf_clear(&r.out);
    r.writer = (struct writer){ .out = &r.out, .arena = &r.arena, .id = SPAN("tg_1") };
    r.translator->write_answer(&r.writer, &r.answer);
    return buf_span(&r.out);
}

TEST(an_answer_comes_back_as_it_was)
{
    anthropic_rig_open(&r, "anthropic_messages");
    struct span body = anthropic_rig_golden(&r, "answer_tools.json");
    CHECK_INT(read_answer(body, SPAN_NONE), E_OK);
    CHECK_SPAN(write_answer(), body);
    const struct usage *u = &r.answer.usage;
    CHECK(u->known && u->tokens[METER_IN] == 10 && u->tokens[METER_CACHE_READ] == 5 && u->tokens[METER_CACHE_WRITE] == 20 && u->tokens[METER_CACHE_WRITE_1H] == 10);
    CHECK(u->tokens[METER_OUT] == 60 && u->tokens[METER_REASON] == 40 && u->fees[FEE_WEB_SEARCH] == 2 && u->input_total == 45 && u->output_total == 100);
    CHECK_INT(r.answer.choices->ending, ENDING_TOOLS);
    CHECK_INT(read_answer(body, SPAN("bedrock_invoke")), E_OK);
    CHECK_SPAN(r.answer.choices->parts->signature, SPAN("\"tg.bedrock_invoke.EqQB+/=\""));
    CHECK_SPAN(r.answer.choices->parts->next->signature, SPAN("\"tg.bedrock_invoke.Emw=\""));
    anthropic_rig_close(&r);
}

TEST(an_answer_cut_at_every_byte)
{
    anthropic_rig_open(&r, "anthropic_messages");
    struct span body = anthropic_rig_golden(&r, "answer_tools.json");
    for (size_t n = 0; n < body.len; n++) {
        struct arena_mark mark = arena_mark(&r.arena);
        CHECK_INT(read_answer(span_first(body, n), SPAN_NONE), E_UPSTREAM_BROKEN);
        arena_rewind(&r.arena, mark);
    }
    anthropic_rig_close(&r);
}

TEST(what_is_no_answer_is_broken)
{
    static const char *const bodies[] = { "[]", "{}", "null", "{\"content\":\"x\"}", "{\"type\":\"error\",\"error\":{}}", "{\"content\":[{\"text\":\"x\"}]}",
        "{\"content\":[{\"type\":\"tool_use\",\"id\":1}]}" };
    anthropic_rig_open(&r, "anthropic_messages");
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        CHECK_INT(read_answer(span_of(bodies[i]), SPAN_NONE), E_UPSTREAM_BROKEN);
    CHECK_INT(read_answer(SPAN("{\"content\":[{\"type\":\"x\"}],\"usage\":{\"input_tokens\":7,\"output_tokens\":0}}"), SPAN_NONE), E_OK);
    CHECK(r.answer.usage.known && r.answer.usage.input_total == 7);
    anthropic_rig_close(&r);
}

TEST(reasons_to_stop)
{
    static const char *const reasons[] = { "end_turn", "stop_sequence", "max_tokens", "tool_use", "refusal", "pause_turn", "model_context_window_exceeded" };
    anthropic_rig_open(&r, "anthropic_messages");
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        struct span raw = raw_quote(span_of(reasons[i]), &r.arena);
        CHECK_SPAN(anthropic_stop_reason(anthropic_ending(raw)), span_of(reasons[i]));
    }
    CHECK_INT(anthropic_ending(SPAN("\"newer\"")), ENDING_TURN);
    CHECK_INT(anthropic_ending(SPAN("null")), ENDING_NONE);
    CHECK_SPAN(anthropic_stop_reason(ENDING_FILTER), SPAN("refusal"));
    CHECK_SPAN(anthropic_stop_reason(ENDING_MALFORMED), SPAN("end_turn"));
    anthropic_rig_close(&r);
}

/* What other vendors answer, as callers of this dialect see it. */
TEST(an_answer_of_another_vendor)
{
    anthropic_rig_open(&r, "anthropic_messages");
    struct call call = { .model = SPAN("gpt-5") };
    struct citation cited = { .url = SPAN("\"https://x\""), .title = SPAN("\"X\""), .raw = SPAN("{\"type\":\"url_citation\"}") };
    answer_begin(&r.answer);
    r.answer.id = SPAN("\"chatcmpl-1\"");
    r.answer.usage.known = true;
    r.answer.usage.tokens[METER_IN] = 3;
    r.answer.usage.tokens[METER_AUDIO_IN] = 4;
    r.answer.usage.tokens[METER_OUT] = 5;
    r.answer.usage.tokens[METER_REASON] = 6;
    struct choice *c = answer_choice(&r.answer, 0, &r.arena);
    struct part *text = part_add(&c->parts, PART_TEXT, &r.arena);
    text->text = SPAN("\"Hi\"");
    text->citations = &cited;
    struct part *use = part_add(&c->parts, PART_TOOL_CALL, &r.arena);
    use->name = SPAN("\"f\"");
    use->signature = SPAN("\"tg.gemini.G\"");
    part_add(&c->parts, PART_SERVER_TOOL, &r.arena)->raw = SPAN("{\"type\":\"web_search_call\"}");
    c->ending = ENDING_TOOLS;
    answer_choice(&r.answer, 1, &r.arena);
    r.writer = (struct writer){ .out = &r.out, .arena = &r.arena, .id = SPAN("tg_1"), .call = &call };
    r.translator->write_answer(&r.writer, &r.answer);
    struct span id = made_up_id("toolu_", span_hash(SPAN("tg_1"), 0), 1, &r.arena);
    CHECK_SPAN(buf_span(&r.out), arena_print(&r.arena, "{\"id\":\"msg_tg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gpt-5\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\","
        "\"citations\":[{\"type\":\"web_search_result_location\",\"url\":\"https://x\",\"title\":\"X\",\"cited_text\":\"\",\"encrypted_index\":\"\"}]},"
        "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"tg.gemini.G\"},{\"type\":\"tool_use\",\"id\":%.*s,\"name\":\"f\",\"input\":{}}],"
        "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
        "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":11,\"output_tokens_details\":{\"thinking_tokens\":6},"
        "\"service_tier\":\"standard\"}}", SPAN_ARG(id)));
    anthropic_rig_close(&r);
}

/* --- errors --- */

static void check_fault(int line, int status, const char *body, enum fault_kind kind, const char *message)
{
    struct fault f;
    r.translator->read_fault(r.json, status, put_body(span_of(body)), &r.arena, &f);
    if (f.kind != kind || f.status != status || !span_is(f.message, span_of(message)))
        test_fail(__FILE__, line, "got kind %d status %d %.*s", (int)f.kind, f.status, SPAN_ARG(f.message));
}
#define FAULT(status, body, kind, message) check_fault(__LINE__, status, body, kind, message)

TEST(errors_are_read)
{
    anthropic_rig_open(&r, "anthropic_messages");
    FAULT(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"messages: bad\"},\"request_id\":\"req_1\"}", FAULT_REQUEST, "\"messages: bad\"");
    FAULT(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}}", FAULT_CONTEXT,
        "\"prompt is too long: 9 tokens > 8 maximum\"");
    FAULT(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low\"}}", FAULT_BALANCE, "\"Your credit balance is too low\"");
    FAULT(529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", FAULT_OVERLOAD, "\"Overloaded\"");
    FAULT(429, "\n {\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}} \n", FAULT_RATE, "\"slow\"");
    FAULT(400, "{\"message\":\"The model id is wrong\"}", FAULT_REQUEST, "\"The model id is wrong\"");
    FAULT(403, "{\"Message\":\"denied\"}", FAULT_PERMISSION, "\"denied\"");
    FAULT(404, "[{\"error\":{\"code\":404,\"message\":\"no model\",\"status\":\"NOT_FOUND\"}}]", FAULT_NOT_FOUND, "\"no model\"");
    FAULT(502, "<html>", FAULT_SERVER, "\"the vendor answered with an error and said no more\"");
    FAULT(500, "", FAULT_SERVER, "\"the vendor answered with an error and said no more\"");
    anthropic_rig_close(&r);
}

static void check_told(int line, struct fault f, int status, const char *want)
{
    buf_clear(&r.out);
    int got = r.translator->write_fault(&r.out, &f, SPAN("01k"), SPAN_NONE);
    if (got != status || !span_is(buf_span(&r.out), span_of(want)))
        test_fail(__FILE__, line, "got %d %.*s", got, SPAN_ARG(buf_span(&r.out)));
}
#define TOLD(kind_, status_, told_, type)                                                                            \
    check_told(__LINE__, (struct fault){ .kind = kind_, .status = status_, .message = SPAN("\"m\"") }, told_,        \
        "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"m\"},\"request_id\":\"01k\"}")

TEST(errors_are_written)
{
    anthropic_rig_open(&r, "anthropic_messages");
    TOLD(FAULT_REQUEST, 422, 422, "invalid_request_error");
    TOLD(FAULT_CONTEXT, 400, 400, "invalid_request_error");
    TOLD(FAULT_KEY, 401, 401, "authentication_error");
    TOLD(FAULT_BALANCE, 402, 402, "billing_error");
    TOLD(FAULT_BALANCE, 429, 402, "billing_error");
    TOLD(FAULT_PERMISSION, 403, 403, "permission_error");
    TOLD(FAULT_NOT_FOUND, 404, 404, "not_found_error");
    TOLD(FAULT_TOO_LARGE, 413, 413, "request_too_large");
    TOLD(FAULT_RATE, 429, 429, "rate_limit_error");
    TOLD(FAULT_OVERLOAD, 503, 529, "overloaded_error");
    TOLD(FAULT_SERVER, 502, 502, "api_error");
    TOLD(FAULT_SERVER, 504, 504, "timeout_error");
    buf_clear(&r.out);
    struct fault f = { .kind = FAULT_BALANCE, .status = 402, .message = SPAN("\"m\"") };
    CHECK_INT(r.translator->write_fault(&r.out, &f, SPAN_NONE, SPAN("{\"code\":\"budget_exceeded\"}")), 402);
    CHECK_SPAN(buf_span(&r.out), SPAN("{\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"m\",\"code\":null,\"tollgate\":{\"code\":\"budget_exceeded\"}}}"));
    anthropic_rig_close(&r);
}

/* --- models --- */

TEST(versions_by_name)
{
    static const struct {
        const char *name;
        int version;
    } names[] = { { "claude-sonnet-4-6", 46 }, { "claude-opus-4-5-20251101", 45 }, { "claude-opus-4-20250514", 40 }, { "claude-3-7-sonnet-20250219", 37 },
        { "claude-4-sonnet-20250514", 40 }, { "claude-3-5-haiku@20241022", 35 }, { "us.anthropic.claude-opus-4-6-v1", 46 },
        { "anthropic.claude-3-haiku-20240307-v1:0", 30 }, { "anthropic/claude-4.7-opus", 47 }, { "claude-opus-5", 50 }, { "claude-fable-5-1", 51 },
        { "claude-mythos-preview", 50 }, { "claude-haiku-5-5", 55 }, { "claude-2.1", 21 }, { "claude-instant-1.2", 12 }, { "claude-v1", 0 }, { "MiniMax-M2", 0 },
        { "claude-", 0 }, { "", 0 } };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (claude_of(span_of(names[i].name)).version != names[i].version)
            test_fail(__FILE__, __LINE__, "%s: %d", names[i].name, claude_of(span_of(names[i].name)).version);
    CHECK(!claude_of(SPAN("claude-fable-5-1")).forced_tools && claude_of(SPAN("claude-opus-5")).forced_tools);
    CHECK(!claude_of(SPAN("claude-mythos-preview")).quiet && !claude_of(SPAN("claude-mythos-preview")).budget);
    CHECK_SPAN(span_of(claude_of(SPAN("claude-haiku-5-5")).quiet), SPAN("disabled"));
}
