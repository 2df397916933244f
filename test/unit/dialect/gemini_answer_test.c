/* SPDX-License-Identifier: Apache-2.0
 * gemini_answer_test.c - answers and streams of generateContent, read and written; errors. */
#include "gemini_rig.h"
#include "test/test.h"

static struct gemini_rig r;

TEST(gemini_answer_read)
{
    gemini_rig_open(&r);
    CHECK_INT(gemini_rig_answer(&r, gemini_rig_golden(&r, "answer.json"), SPAN("gemini")), E_OK);
    const struct answer *a = &r.answer;
    CHECK_SPAN(a->id, SPAN("\"resp1\""));
    CHECK_SPAN(a->model, SPAN("\"gemini-2.5-flash\""));
    CHECK_INT(a->created, 1795255200);
    const struct part *thought = a->choices->parts, *text = thought->next, *call = text->next, *second = call->next, *picture = second->next;
    CHECK_INT(thought->kind, PART_THINKING);
    CHECK_SPAN(text->text, SPAN("\"Der B\xc3\xa4r l\xc3\xa4uft. It runs.\""));
    CHECK_SPAN(call->signature, SPAN("\"tg.gemini.c2ln\""));
    CHECK_SPAN(call->id, SPAN("\"f1\""));
    CHECK(span_starts(second->id, SPAN("\"call_")));
    CHECK_SPAN(second->arguments, SPAN("{}"));
    CHECK_INT(picture->kind, PART_IMAGE);
    CHECK_INT(a->choices->ending, ENDING_TOOLS);
    /* Google counts bytes, we characters */
    CHECK_SPAN(text->citations->url, SPAN("\"https://b.example/\""));
    CHECK_INT(text->citations->from, 4);
    CHECK_INT(text->citations->to, 7);
    CHECK_SPAN(text->logprobs, SPAN("[{\"token\":\"Der\",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[{\"token\":\"Der\",\"logprob\":-0.25,\"bytes\":null},"
        "{\"token\":\"Die\",\"logprob\":-1.5,\"bytes\":null}]}]"));
    CHECK_INT(a->usage.tokens[METER_REASON], 5);
    CHECK_INT(a->usage.fees[FEE_WEB_SEARCH], 1);
    CHECK_SPAN(gemini_rig_answer_again(&r), gemini_rig_golden(&r, "answer.again"));
    gemini_rig_close(&r);
}

static enum ending ending_of(const char *reason, const char *parts)
{
    char body[400];
    snprintf(body, sizeof(body), "{\"candidates\":[{\"content\":{\"parts\":[%s]},\"finishReason\":\"%s\"}]}", parts, reason);
    CHECK_INT(gemini_rig_answer(&r, span_of(body), SPAN_NONE), E_OK);
    return r.answer.choices->ending;
}

TEST(gemini_endings)
{
    static const char call[] = "{\"functionCall\":{\"name\":\"f\"}}";
    gemini_rig_open(&r);
    CHECK_INT(ending_of("STOP", ""), ENDING_TURN);
    CHECK_INT(ending_of("STOP", call), ENDING_TOOLS);
    CHECK_INT(ending_of("MAX_TOKENS", call), ENDING_LENGTH);
    CHECK_INT(ending_of("SAFETY", ""), ENDING_FILTER);
    CHECK_INT(ending_of("RECITATION", ""), ENDING_FILTER);
    CHECK_INT(ending_of("PROHIBITED_CONTENT", ""), ENDING_FILTER);
    CHECK_INT(ending_of("A_NEW_REASON", ""), ENDING_FILTER);
    CHECK_INT(ending_of("MALFORMED_FUNCTION_CALL", ""), ENDING_MALFORMED);
    CHECK_INT(gemini_rig_answer(&r, SPAN("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}"), SPAN_NONE), E_OK);
    CHECK_INT(r.answer.choices->ending, ENDING_TURN);
    gemini_rig_close(&r);
}

TEST(gemini_blocked_prompt)
{
    gemini_rig_open(&r);
    CHECK_INT(gemini_rig_answer(&r, SPAN("{\"promptFeedback\":{\"blockReason\":\"OTHER\",\"blockReasonMessage\":\"not so\"},\"usageMetadata\":{\"promptTokenCount\":4}}"),
        SPAN_NONE), E_OK);
    CHECK_INT(r.answer.choices->ending, ENDING_FILTER);
    CHECK_SPAN(r.answer.choices->parts->text, SPAN("\"not so\""));
    CHECK_INT(r.answer.usage.input_total, 4);
    CHECK_SPAN(gemini_rig_answer_again(&r), SPAN("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"not so\"}],\"role\":\"model\"},\"finishReason\":\"SAFETY\",\"index\":0}],"
        "\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":0,\"totalTokenCount\":4,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":4}]},"
        "\"responseId\":\"tg_1\"}"));
    gemini_rig_close(&r);
}

TEST(gemini_no_answer)
{
    static const char *const bodies[] = { "", "[]", "{}", "<html>", "{\"error\":{\"code\":500}}", "{\"candidates\":[{\"content\":", 
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}" };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        CHECK_INT(gemini_rig_answer(&r, span_of(bodies[i]), SPAN_NONE), E_UPSTREAM_BROKEN);
    gemini_rig_close(&r);
}

/* Google's Python SDK reads signatures as base64, so another dialect's mark travels in it. */
TEST(gemini_signatures_of_others)
{
    struct part p = { .kind = PART_THINKING, .text = SPAN("\"t\""), .signature = SPAN("\"tg.anthropic_messages.EqQ/+=\"") };
    gemini_rig_open(&r);
    struct span wrapped = gemini_wrap_signature(p.signature, &r.arena);
    CHECK(span_starts(wrapped, SPAN("\"dGcu")) && span_find_byte(wrapped, '.') < 0);
    CHECK_SPAN(gemini_unwrap_signature(wrapped, &r.arena), p.signature);
    CHECK_SPAN(gemini_unwrap_signature(SPAN("\"c2ln\""), &r.arena), SPAN("\"c2ln\""));
    CHECK_SPAN(gemini_wrap_signature(SPAN("\"c2ln\""), &r.arena), SPAN("\"c2ln\""));
    char body[300];
    snprintf(body, sizeof(body), "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"thought\":true,\"thoughtSignature\":%.*s}]}]}", SPAN_ARG(wrapped));
    CHECK_INT(gemini_rig_read(&r, span_of(body)), E_OK);
    CHECK_SPAN(r.call.turns->parts->signature, p.signature);
    CHECK(r.call.turns->parts->redacted);
    gemini_rig_close(&r);
}

/* --- streams --- */

TEST(gemini_stream_read)
{
    gemini_rig_open(&r);
    gemini_rig_begin(&r, SPAN("gemini"));
    gemini_rig_stream(&r, gemini_rig_golden(&r, "stream.sse"));
    CHECK(!r.reader.broken && r.reader.ended && !r.reader.failed);
    CHECK_SPAN(gemini_trim(buf_span(&r.log)), gemini_rig_golden(&r, "stream.log"));
    CHECK_SPAN(gemini_trim(buf_span(&r.out)), gemini_rig_golden(&r, "stream.again"));
    gemini_rig_close(&r);
}

TEST(gemini_stream_cited)
{
    static const char *const cases[][2] = { { "Hello", "0.0 + citation \"u\" 1-3\n" }, { "H\xc3\xa4llo", "0.0 + citation \"u\" -1--1\n" } };
    gemini_rig_open(&r);
    for (size_t i = 0; i < 2; i++) {
        char chunk[500];
        snprintf(chunk, sizeof(chunk), "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}]},\"finishReason\":\"STOP\",\"groundingMetadata\":{\"groundingChunks\":"
            "[{\"web\":{\"uri\":\"u\"}}],\"groundingSupports\":[{\"segment\":{\"startIndex\":1,\"endIndex\":3},\"groundingChunkIndices\":[0,9]}]}}]}\n", cases[i][0]);
        gemini_rig_begin(&r, SPAN_NONE);
        gemini_rig_stream(&r, span_of(chunk));
        CHECK(r.reader.ended && span_find(buf_span(&r.log), span_of(cases[i][1])) >= 0);
    }
    gemini_rig_close(&r);
}

TEST(gemini_stream_cut_or_failed)
{
    gemini_rig_open(&r);
    gemini_rig_begin(&r, SPAN_NONE);
    gemini_rig_stream(&r, SPAN("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n"));
    CHECK(!r.reader.ended && span_find(buf_span(&r.out), SPAN("finishReason")) < 0);
    gemini_rig_begin(&r, SPAN_NONE);
    gemini_rig_stream(&r, SPAN("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n"
        "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n"));
    CHECK(!r.reader.ended && r.reader.failed);
    CHECK(span_find(buf_span(&r.log), SPAN("error 9 \"The model is overloaded.\"")) >= 0);
    CHECK(span_ends(buf_span(&r.out), SPAN("data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\",\"details\":[{\"@type\":"
        "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"UNAVAILABLE\",\"domain\":\"tollgate\"}]}}\n\n")));
    gemini_rig_begin(&r, SPAN_NONE);
    gemini_rig_stream(&r, SPAN("data: {\"candidates\":[{\n"));
    CHECK(r.reader.broken != NULL);
    gemini_rig_begin(&r, SPAN_NONE);
    gemini_rig_stream(&r, SPAN(""));
    CHECK(!r.reader.ended && r.log.len == 0);
    gemini_rig_begin(&r, SPAN_NONE);
    gemini_rig_stream(&r, SPAN("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n"));
    CHECK_SPAN(buf_span(&r.log), SPAN("start  \n0 ends 5\nend\n"));
    gemini_rig_close(&r);
}

static void event(struct event e) { r.translator->write_event(&r.writer, &e); }

#define HEAD "\"responseId\":\"tg_1\"}\n\n"

/* A function's arguments come in pieces elsewhere, and whole here. */
TEST(gemini_stream_written_of_pieces)
{
    struct part call = { .kind = PART_TOOL_CALL, .id = SPAN("\"c\""), .name = SPAN("\"f\"") };
    gemini_rig_open(&r);
    gemini_rig_begin(&r, SPAN_NONE);
    event((struct event){ .kind = EVENT_PART, .opens = &call });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_TOOL_CALL, .delta = DELTA_ARGUMENTS, .text = SPAN("\"{\\\"a\"") });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_TOOL_CALL, .delta = DELTA_ARGUMENTS, .text = SPAN("\"\\\":1}\"") });
    CHECK_INT(r.out.len, 0);
    event((struct event){ .kind = EVENT_PART_END, .part_kind = PART_TOOL_CALL });
    CHECK_SPAN(buf_span(&r.out), SPAN("data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"id\":\"c\",\"name\":\"f\",\"args\":{\"a\":1}}}],\"role\":\"model\"},\"index\":0}]," HEAD));
    buf_clear(&r.out);
    /* cut off: not called at all */
    event((struct event){ .kind = EVENT_PART, .opens = &call });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_TOOL_CALL, .delta = DELTA_ARGUMENTS, .text = SPAN("\"{\\\"a\"") });
    event((struct event){ .kind = EVENT_PART_END, .part_kind = PART_TOOL_CALL });
    CHECK_INT(r.out.len, 0);
    event((struct event){ .kind = EVENT_CHOICE_END, .ending = ENDING_TOOLS });
    struct usage usage = { .known = true, .input_total = 3, .output_total = 2, .tokens = { [METER_IN] = 3, [METER_OUT] = 2 } };
    event((struct event){ .kind = EVENT_USAGE, .usage = &usage });
    CHECK_INT(r.out.len, 0);
    event((struct event){ .kind = EVENT_END });
    CHECK_SPAN(buf_span(&r.out), SPAN("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"MALFORMED_FUNCTION_CALL\",\"index\":0}],"
        "\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2,\"totalTokenCount\":5,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":3}],"
        "\"candidatesTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":2}]}," HEAD));
    gemini_rig_close(&r);
}

TEST(gemini_stream_written_of_thoughts)
{
    struct part thought = { .kind = PART_THINKING }, redacted = { .kind = PART_THINKING, .redacted = true, .signature = SPAN("\"tg.x.s\"") };
    gemini_rig_open(&r);
    gemini_rig_begin(&r, SPAN_NONE);
    event((struct event){ .kind = EVENT_PART, .opens = &thought });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_THINKING, .delta = DELTA_TEXT, .text = SPAN("\"hm\"") });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_THINKING, .delta = DELTA_SIGNATURE, .text = SPAN("\"ab\"") });
    event((struct event){ .kind = EVENT_DELTA, .part_kind = PART_THINKING, .delta = DELTA_SIGNATURE, .text = SPAN("\"cd\"") });
    event((struct event){ .kind = EVENT_PART_END, .part_kind = PART_THINKING });
    event((struct event){ .kind = EVENT_PART, .opens = &redacted });
    event((struct event){ .kind = EVENT_PART_END, .part_kind = PART_THINKING });
#define THOUGHT(part) "data: {\"candidates\":[{\"content\":{\"parts\":[{" part "}],\"role\":\"model\"},\"index\":0}]," HEAD
    CHECK_SPAN(buf_span(&r.out), SPAN(THOUGHT("\"text\":\"hm\",\"thought\":true") THOUGHT("\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"abcd\"")
        THOUGHT("\"thought\":true,\"thoughtSignature\":\"dGcueC5z\"")));
    gemini_rig_close(&r);
}

/* Places are counted within a part here, within the whole text at Google; across a text that is not ASCII they are left out. */
static void check_place(const char *first, const char *want)
{
    struct part text = { .kind = PART_TEXT };
    struct citation c = { .url = SPAN("\"u\""), .from = 1, .to = 3 };
    gemini_rig_clear(&r);
    gemini_rig_begin(&r, SPAN_NONE);
    for (int i = 0; i < 2; i++) {
        event((struct event){ .kind = EVENT_PART, .opens = &text });
        event((struct event){ .kind = EVENT_DELTA, .delta = DELTA_TEXT, .text = i ? SPAN("\"second\"") : raw_quote(span_of(first), &r.arena) });
        if (i)
            event((struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = &c });
        event((struct event){ .kind = EVENT_PART_END });
    }
    event((struct event){ .kind = EVENT_CHOICE_END, .ending = ENDING_TURN });
    event((struct event){ .kind = EVENT_END });
    CHECK(span_find(buf_span(&r.out), span_of(want)) >= 0);
}

TEST(gemini_stream_places)
{
    gemini_rig_open(&r);
    check_place("a\n\"b", "\"groundingSupports\":[{\"segment\":{\"startIndex\":5,\"endIndex\":7},");
    check_place("l\xc3\xb6we", "\"groundingSupports\":[{\"segment\":{},");
    gemini_rig_close(&r);
}

/* --- errors --- */

static struct fault fault_of_body(int status, const char *body)
{
    struct fault f;
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_print(&text, "%s", body);
    buf_reserve(&text, 1);
    r.translator->read_fault(r.json, status, buf_span(&text), &r.arena, &f);
    buf_free(&text);
    return f;
}

TEST(gemini_faults)
{
    static const struct {
        int status;
        const char *body;
        enum fault_kind kind;
    } cases[] = {
        { 400, "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}", FAULT_KEY },
        { 400, "{\"error\":{\"message\":\"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}", FAULT_CONTEXT },
        { 429, "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and billing details.\",\"status\":\"RESOURCE_EXHAUSTED\"}}", FAULT_RATE },
        { 503, "[{\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}]", FAULT_OVERLOAD },
        { 403, "{\"error\":{\"message\":\"no\",\"status\":\"PERMISSION_DENIED\"}}", FAULT_PERMISSION },
        { 403, "{\"error\":{\"message\":\"billing\",\"status\":\"PERMISSION_DENIED\",\"details\":[{\"reason\":\"BILLING_DISABLED\"}]}}", FAULT_BALANCE },
        { 404, "{\"error\":{\"message\":\"models/x is not found\",\"status\":\"NOT_FOUND\"}}", FAULT_NOT_FOUND },
        { 504, "{\"error\":{\"message\":\"late\",\"status\":\"DEADLINE_EXCEEDED\"}}", FAULT_SERVER },
        { 502, "<html>bad gateway</html>", FAULT_SERVER },
        { 500, "", FAULT_SERVER },
    };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fault f = fault_of_body(cases[i].status, cases[i].body);
        CHECK_INT(f.kind, cases[i].kind);
        CHECK_INT(f.status, cases[i].status);
        CHECK(raw_kind(f.message) == JSON_STRING);
    }
    struct fault f = { .kind = FAULT_RATE, .status = 429, .message = SPAN("\"slow\""), .code = SPAN("\"budget_exceeded\"") };
    struct buf out;
    buf_init(&out, 1 << 12);
    CHECK_INT(r.translator->write_fault(&out, &f, SPAN("tg_9"), SPAN("{\"a\":1}")), 429);
    CHECK_SPAN(buf_span(&out), SPAN("{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
        "\"reason\":\"budget_exceeded\",\"domain\":\"tollgate\"},{\"@type\":\"type.googleapis.com/google.rpc.RequestInfo\",\"requestId\":\"tg_9\"}],\"tollgate\":{\"a\":1}}}"));
    buf_clear(&out);
    f = (struct fault){ .kind = FAULT_OVERLOAD, .status = 529, .message = SPAN("\"x\"") };
    CHECK_INT(r.translator->write_fault(&out, &f, SPAN_NONE, SPAN_NONE), 503);
    CHECK_SPAN(buf_span(&out), SPAN("{\"error\":{\"code\":503,\"message\":\"x\",\"status\":\"UNAVAILABLE\"}}"));
    buf_free(&out);
    gemini_rig_close(&r);
}
