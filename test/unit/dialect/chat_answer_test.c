/* SPDX-License-Identifier: Apache-2.0
 * chat_answer_test.c - whole answers and errors of chat completions, read and written. */
#include "chat_rig.h"
#include "test/test.h"

static struct chat_rig r;

#define ANSWER(message, rest) "{\"id\":\"c\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":" message rest "}]}"
#define HEAD "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","

static void check_again(int line, const char *body, const char *owner, const char *want)
{
    chat_rig_clear(&r);
    enum err e = chat_rig_read_answer(&r, span_of(body), span_of(owner));
    struct span got = e ? err_code(e) : chat_rig_write_answer(&r);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got  %.*s\n    want %s", SPAN_ARG(got), want);
}
#define AGAIN(body, want) check_again(__LINE__, body, NULL, want)
#define OWNED(body, want) check_again(__LINE__, body, "openai_chat", want)

/* What OpenAI says in its own shape comes out byte for byte. */
TEST(golden_answers)
{
    static const char *const names[] = { "answer_text.json", "answer_tools.json" };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        chat_rig_clear(&r);
        struct span text = chat_rig_golden(&r, names[i]);
        CHECK_INT(chat_rig_read_answer(&r, text, SPAN_NONE), E_OK);
        CHECK_SPAN(chat_rig_write_answer(&r), text);
    }
    chat_rig_close(&r);
}

TEST(what_the_neutral_answer_holds)
{
    chat_rig_open(&r);
    CHECK_INT(chat_rig_read_answer(&r, chat_rig_golden(&r, "answer_text.json"), SPAN_NONE), E_OK);
    const struct choice *c = r.answer.choices;
    CHECK(c->ending == ENDING_TURN && c->next->ending == ENDING_REFUSAL && c->next->index == 1);
    CHECK(c->parts->citations && c->parts->citations->from == 0 && c->parts->citations->to == 5);
    CHECK(c->parts->logprobs.len > 2 && c->next->parts->kind == PART_REFUSAL);
    CHECK(r.answer.usage.known);
    CHECK_INT(r.answer.usage.tokens[METER_IN], 13);
    CHECK_INT(r.answer.usage.tokens[METER_CACHE_READ], 4);
    CHECK_INT(r.answer.usage.tokens[METER_AUDIO_IN], 2);
    CHECK_INT(r.answer.usage.tokens[METER_REASON], 3);
    CHECK_SPAN(r.answer.tier, SPAN("flex"));
    chat_rig_clear(&r);
    CHECK_INT(chat_rig_read_answer(&r, chat_rig_golden(&r, "answer_tools.json"), SPAN_NONE), E_OK);
    CHECK(r.answer.choices->ending == ENDING_TOOLS && !r.answer.tier.at);
    CHECK_SPAN(r.answer.choices->parts->arguments, SPAN("{\n\"location\": \"Boston, MA\"\n}"));
    chat_rig_close(&r);
}

TEST(answers_of_imitators)
{
    chat_rig_open(&r);
    AGAIN(ANSWER("{\"content\":\"a\",\"reasoning_content\":\"hm\"}", ",\"finish_reason\":\"eos\""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"reasoning_content\":\"hm\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    OWNED(ANSWER("{\"content\":\"a\",\"reasoning\":\"hm\"}", ",\"finish_reason\":\"stop\""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\","
             "\"signature\":\"tg.openai_chat.\",\"index\":0}]},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    OWNED(ANSWER("{\"content\":\"a\",\"reasoning\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s\"},{\"type\":\"reasoning.encrypted\",\"data\":\"d\"}]}", ""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\","
             "\"signature\":\"tg.openai_chat.s\",\"index\":0},{\"type\":\"reasoning.encrypted\",\"data\":\"tg.openai_chat.d\",\"index\":1}]},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    /* "stop" where tools are called; an id that was not given; arguments that are an object. */
    AGAIN(ANSWER("{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}", ",\"finish_reason\":\"stop\""),
        HEAD "\"content\":null,\"refusal\":null,\"annotations\":[],\"tool_calls\":[{\"id\":\"call_VMnFuqI6k5E4OGAe3xUgHSh7\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}]}");
    AGAIN(ANSWER("{\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}}", ",\"finish_reason\":\"function_call\""),
        HEAD "\"content\":null,\"refusal\":null,\"annotations\":[],\"tool_calls\":[{\"id\":\"call_VMnFuqI6k5E4OGAe3xUgHSh7\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}}]},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    CHECK(r.answer.choices->ending == ENDING_MALFORMED);
    AGAIN(ANSWER("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"t\"}]},{\"type\":\"text\",\"text\":\"a\"}]}", ",\"finish_reason\":\"model_length\""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"reasoning_content\":\"t\"},\"logprobs\":null,\"finish_reason\":\"length\"}]}");
    AGAIN(ANSWER("{\"content\":\"a\",\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]}", ",\"finish_reason\":\"stop\""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    AGAIN(ANSWER("{\"content\":null,\"audio\":{\"id\":\"au\",\"data\":\"UklG\",\"transcript\":\"hi\",\"expires_at\":9}}", ",\"finish_reason\":\"stop\""),
        HEAD "\"content\":null,\"refusal\":null,\"annotations\":[],\"audio\":{\"id\":\"au\",\"data\":\"UklG\",\"expires_at\":5,\"transcript\":\"hi\"}},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    AGAIN(ANSWER("{\"content\":\"a\"}", ",\"finish_reason\":\"stop\",\"stop_reason\":\"END\""),
        HEAD "\"content\":\"a\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    CHECK(r.answer.choices->ending == ENDING_STOP);
    CHECK_SPAN(r.answer.choices->stop, SPAN("\"END\""));
    chat_rig_close(&r);
}

TEST(thoughts_hidden_from_whom_excluded_them)
{
    chat_rig_open(&r);
    struct call call;
    call_begin(&call);
    call.show_thoughts = 0;
    CHECK_INT(chat_rig_read_answer(&r, span_of(ANSWER("{\"content\":\"a\",\"reasoning\":\"hm\"}", "")), SPAN("openai_chat")), E_OK);
    struct writer w = { .call = &call, .out = &r.out, .arena = &r.arena };
    r.chat->write_answer(&w, &r.answer);
    CHECK(span_find(buf_span(&r.out), SPAN("reasoning")) < 0 && span_find(buf_span(&r.out), SPAN("\"content\":\"a\"")) > 0);
    chat_rig_close(&r);
}

TEST(what_is_no_answer)
{
    static const char *const wrong[] = { "", "<html>", "[]", "{}", "{\"choices\":{}}", "{\"choices\":[1]}", "{\"choices\":[{\"index\":0}]}", "{\"error\":{\"message\":\"x\"}}",
        ANSWER("{\"content\":\"a\"}", ",\"finish_reason\":\"error\""), ANSWER("{\"content\":\"a\"}", ",\"finish_reason\":\"insufficient_system_resource\""), ANSWER("{\"content\":1}", "") };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(chat_rig_read_answer(&r, span_of(wrong[i]), SPAN_NONE), E_UPSTREAM_BROKEN);
    struct span whole = chat_rig_golden(&r, "answer_text.json");
    for (size_t len = 0; len < whole.len; len++)
        CHECK_INT(chat_rig_read_answer(&r, span_first(whole, len), SPAN_NONE), E_UPSTREAM_BROKEN);
    chat_rig_close(&r);
}

/* Several texts become one; a citation's place moves along, and one without a place is of its whole text. */
TEST(citations_in_joined_texts)
{
    chat_rig_open(&r);
    answer_begin(&r.answer);
    struct choice *c = answer_choice(&r.answer, 0, &r.arena);
    static const char *const texts[] = { "\"\\u00e9\\ud83d\\ude00\xc3\xa9\\n\"", "\"bcd\"" };
    static struct citation cited[2] = { { .url = { "\"u1\"", 4 }, .from = -1, .to = -1 }, { .url = { "\"u2\"", 4 }, .from = 1, .to = 2 } };
    for (int i = 0; i < 2; i++) {
        struct part *p = part_add(&c->parts, PART_TEXT, &r.arena);
        p->text = span_of(texts[i]);
        p->citations = &cited[i];
    }
    c->ending = ENDING_TURN;
    struct span got = chat_rig_write_answer(&r);
    CHECK(span_find(got, SPAN("\"start_index\":0,\"end_index\":4,\"url\":\"u1\",\"title\":\"\"")) > 0);
    CHECK(span_find(got, SPAN("\"start_index\":5,\"end_index\":6,\"url\":\"u2\"")) > 0);
    CHECK(span_find(got, SPAN("\"id\":\"tg_1\"")) > 0 && span_find(got, SPAN("\"created\":1800000000")) > 0 && span_find(got, SPAN("\"usage\"")) < 0);
    chat_rig_close(&r);
}

TEST(reasons_to_finish)
{
    static const struct {
        enum ending ending;
        const char *reason;
    } rows[] = { { ENDING_TURN, "stop" }, { ENDING_STOP, "stop" }, { ENDING_LENGTH, "length" }, { ENDING_TOOLS, "tool_calls" }, { ENDING_FILTER, "content_filter" },
        { ENDING_REFUSAL, "content_filter" }, { ENDING_PAUSE, "stop" }, { ENDING_CONTEXT, "length" }, { ENDING_MALFORMED, "stop" } };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char want[100];
        answer_begin(&r.answer);
        answer_choice(&r.answer, 0, &r.arena)->ending = rows[i].ending;
        snprintf(want, sizeof(want), "\"finish_reason\":\"%s\"", rows[i].reason);
        CHECK(span_find(chat_rig_write_answer(&r), span_of(want)) > 0);
    }
    chat_rig_close(&r);
}

/* --- errors --- */

static void check_fault(int line, int status, const char *body, enum fault_kind kind, int told, const char *want)
{
    struct fault f;
    struct buf exact;
    buf_init(&exact, 1 << 20);
    buf_put(&exact, span_of(body));
    buf_clear(&r.out);
    r.chat->read_fault(r.json, status, buf_span(&exact), &r.arena, &f);
    int got = r.chat->write_fault(&r.out, &f, SPAN_NONE, SPAN_NONE);
    if (f.kind != kind || got != told || !span_is(buf_span(&r.out), span_of(want)))
        test_fail(__FILE__, line, "kind %d status %d %.*s", (int)f.kind, got, SPAN_ARG(buf_span(&r.out)));
    buf_free(&exact);
}
#define FAULT(status, body, kind, told, want) check_fault(__LINE__, status, body, kind, told, want)
#define ERROR(message, type, param, code) "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":" param ",\"code\":" code "}}"

TEST(errors_whatever_they_look_like)
{
    chat_rig_open(&r);
    FAULT(400, "{\"error\":{\"message\":\"too long\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}\n", FAULT_CONTEXT, 400,
        ERROR("too long", "invalid_request_error", "\"messages\"", "\"context_length_exceeded\""));
    FAULT(401, "{\"error\":{\"message\":\"bad key\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}", FAULT_KEY, 401,
        ERROR("bad key", "authentication_error", "null", "\"invalid_api_key\""));
    FAULT(429, "{\"error\":{\"message\":\"no money\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}", FAULT_BALANCE, 402,
        ERROR("no money", "insufficient_quota", "null", "\"insufficient_quota\""));
    FAULT(429, "{\"error\":\"slow down\"}", FAULT_RATE, 429, ERROR("slow down", "rate_limit_error", "null", "\"rate_limit_exceeded\""));
    FAULT(404, "{\"error\":{\"message\":\"The model x does not exist\",\"type\":\"invalid_request_error\",\"code\":\"model_not_found\"}}", FAULT_NOT_FOUND, 404,
        ERROR("The model x does not exist", "invalid_request_error", "null", "\"model_not_found\""));
    FAULT(422, "{\"detail\":\"field required\"}", FAULT_REQUEST, 422, ERROR("field required", "invalid_request_error", "null", "null"));
    FAULT(400, "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens\",\"type\":\"BadRequestError\",\"code\":400}", FAULT_CONTEXT, 400,
        ERROR("This model's maximum context length is 4096 tokens", "invalid_request_error", "null", "\"context_length_exceeded\""));
    FAULT(400, " [ {\"error\":{\"code\":400,\"message\":\"bad\",\"status\":\"INVALID_ARGUMENT\"}} ]\n", FAULT_REQUEST, 400,
        ERROR("bad", "invalid_request_error", "null", "\"INVALID_ARGUMENT\""));
    FAULT(502, "<html>\n\"Bad\" gateway</html>", FAULT_SERVER, 502, ERROR("<html>\\n\\\"Bad\\\" gateway</html>", "server_error", "null", "null"));
    FAULT(503, "", FAULT_OVERLOAD, 503, ERROR("the vendor gave no reason", "server_error", "null", "\"overloaded\""));
    FAULT(500, "{\"error\":{\"code\":429,\"message\":\"slow\"}}", FAULT_RATE, 429, ERROR("slow", "rate_limit_error", "null", "\"rate_limit_exceeded\""));
    FAULT(200, "{}", FAULT_SERVER, 500, ERROR("{}", "server_error", "null", "null"));
    chat_rig_close(&r);
}

TEST(refusals_of_ours_keep_their_code)
{
    chat_rig_open(&r);
    struct fault f = fault_of(E_BUDGET_EXCEEDED, SPAN("too dear"), &r.arena);
    CHECK_INT(r.chat->write_fault(&r.out, &f, SPAN("01k"), SPAN("{\"a\":1}")), 402);
    CHECK_SPAN(buf_span(&r.out), SPAN("{\"error\":{\"message\":\"too dear\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"budget_exceeded\",\"tollgate\":{\"a\":1}},\"request_id\":\"01k\"}"));
    chat_rig_close(&r);
}
