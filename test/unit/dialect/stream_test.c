/* SPDX-License-Identifier: Apache-2.0
 * stream_test.c - metering of streams: whole ones, cut ones, failed ones, and what the client does not get to see. */
#include "rig.h"
#include "test/test.h"

static struct rig r;

#define CHUNK "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,"
#define CHAT_HEAD                                                                                      \
    ": comment\n\n" CHUNK "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n" \
    CHUNK "\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}],\"usage\":null}\n\n"                \
    CHUNK "\"delta\":{\"content\":\" \\\"usage\\\" w\\u00f6rld\"},\"finish_reason\":null}]}\n\n"            \
    CHUNK "\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}\n\n"
#define CHAT_USAGE \
    "data: {\"id\":\"c1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[ ],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}}\n\n"
#define DONE "data: [DONE]\n\n"

static void check_meter(int line, const char *meters, bool finished, bool failed)
{
    char room[400];
    struct span got = dialect_rig_meters(&r.meter.usage, room, sizeof(room));
    if (!span_is(got, span_of(meters)) || r.meter.finished != finished || r.meter.failed != failed)
        test_fail(__FILE__, line, "got %.*s, finished %d, failed %d; want %s", SPAN_ARG(got), r.meter.finished, r.meter.failed, meters);
}
#define METER(meters, finished, failed) check_meter(__LINE__, meters, finished, failed)

TEST(chat_stream)
{
    dialect_rig_open(&r, "openai_chat");
    dialect_rig_stream(&r, SPAN(CHAT_HEAD CHAT_USAGE DONE), true);
    METER("in=9 out=12", true, false);
    CHECK(r.meter.usage.known && r.meter.usage.vendor_cost == -1);
    CHECK_SPAN(r.meter.usage.model, SPAN("gpt-4o-2024-08-06"));
    CHECK_SPAN(r.meter.usage.raw, SPAN("{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}"));
    CHECK_INT(r.meter.output_bytes, 5 + 21 + 3);
    CHECK_SPAN(buf_span(&r.shown), SPAN(CHAT_HEAD CHAT_USAGE DONE));
    dialect_rig_stream(&r, SPAN(CHAT_HEAD CHAT_USAGE DONE), false);
    METER("in=9 out=12", true, false);
    CHECK_SPAN(buf_span(&r.shown), SPAN(CHAT_HEAD DONE));
    dialect_rig_stream(&r, SPAN(CHAT_HEAD DONE), false);
    METER("", true, false);
    CHECK(!r.meter.usage.known && r.meter.usage.vendor_cost == -1);
    CHECK_SPAN(r.meter.usage.model, SPAN("gpt-4o-2024-08-06"));
    dialect_rig_close(&r);
}

TEST(chat_usage_on_every_chunk)
{
    dialect_rig_open(&r, "openai_chat");
    struct span stream = SPAN("data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n"
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n"
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{}}],\"usage\": { \"prompt_tokens\":5,\"completion_tokens\":3,\"cost\":0.001},\"service_tier\":\"flex\"}\n\n" DONE);
    dialect_rig_stream(&r, stream, false);
    METER("in=5 out=3", true, false);
    CHECK_INT(r.meter.usage.vendor_cost, 1000000);
    CHECK_SPAN(r.meter.usage.tier, SPAN("flex"));
    CHECK_SPAN(buf_span(&r.shown), stream);
    dialect_rig_close(&r);
}

TEST(chat_stream_errors)
{
    dialect_rig_open(&r, "openai_chat");
    struct span stream = SPAN(CHAT_HEAD "data: {\"error\":{\"message\":\"overloaded\",\"code\":502}}\n\n");
    dialect_rig_stream(&r, stream, false);
    METER("", false, true);
    CHECK_SPAN(buf_span(&r.shown), stream);
    dialect_rig_stream(&r, SPAN("data: {\"model\":\"m\",\"error\":null,\"choices\":[]}\n\ndata: nonsense\n\ndata: {\"usage\":{\n\n" DONE), false);
    METER("", true, false);
    dialect_rig_close(&r);
}

#define RESPONSES_HEAD                                                                                                              \
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\n"               \
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hel\"}\n\n"                        \
    "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}\n\n"
#define RESPONSES_LAST(kind)                                                                                                        \
    "event: response." kind "\ndata: {\"type\":\"response." kind "\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5.4\",\"service_tier\":"  \
    "\"default\",\"error\":null,\"output\":[{\"type\":\"web_search_call\"}],\"usage\":{\"input_tokens\":50,\"input_tokens_details\":{\"cached_tokens\":20},"       \
    "\"output_tokens\":7,\"output_tokens_details\":{\"reasoning_tokens\":3},\"total_tokens\":57}}}\n\n"

TEST(responses_stream)
{
    dialect_rig_open(&r, "openai_responses");
    dialect_rig_stream(&r, SPAN(RESPONSES_HEAD RESPONSES_LAST("completed")), false);
    METER("in=30 out=4 cache_read=20 reason=3", true, false);
    CHECK_SPAN(r.meter.usage.model, SPAN("gpt-5.4"));
    CHECK_INT(r.meter.usage.fees[FEE_WEB_SEARCH], 1);
    CHECK_INT(r.meter.output_bytes, 5);
    CHECK_SPAN(buf_span(&r.shown), SPAN(RESPONSES_HEAD RESPONSES_LAST("completed")));
    dialect_rig_stream(&r, SPAN(RESPONSES_HEAD RESPONSES_LAST("incomplete")), false);
    METER("in=30 out=4 cache_read=20 reason=3", true, false);
    dialect_rig_stream(&r, SPAN(RESPONSES_HEAD RESPONSES_LAST("failed")), false);
    METER("in=30 out=4 cache_read=20 reason=3", true, true);
    dialect_rig_stream(&r, SPAN(RESPONSES_HEAD "event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"y\"}\n\n"), false);
    METER("", false, true);
    CHECK(!r.meter.usage.known);
    dialect_rig_close(&r);
}

#define CLAUDE_START                                                                                                                \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","           \
    "\"model\":\"claude-opus-4-8\",\"content\":[],\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":"   \
    "1000,\"cache_creation\":{\"ephemeral_5m_input_tokens\":60,\"ephemeral_1h_input_tokens\":40},\"output_tokens\":1,\"service_tier\":\"standard\"," \
    "\"inference_geo\":\"us\"}}}\n\n"
#define CLAUDE_BODY                                                                                                                 \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"      \
    "event: ping\ndata: {\"type\": \"ping\"}\n\n"                                                                                    \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n"    \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}}\n\n" \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define CLAUDE_DELTA(usage) \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":" usage "}\n\n"
#define CLAUDE_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

TEST(messages_stream)
{
    dialect_rig_open(&r, "anthropic_messages");
    dialect_rig_stream(&r, SPAN(CLAUDE_START CLAUDE_BODY CLAUDE_DELTA("{\"output_tokens\":15}") CLAUDE_STOP), false);
    METER("in=25 out=15 cache_read=1000 cache_write=60 cache_write_1h=40", true, false);
    CHECK_INT(r.meter.usage.input_total, 1125);
    CHECK_INT(r.meter.output_bytes, 5 + 6);
    CHECK_SPAN(r.meter.usage.model, SPAN("claude-opus-4-8"));
    CHECK_SPAN(r.meter.usage.geo, SPAN("us"));
    CHECK(!r.meter.usage.tier.at);
    CHECK(span_starts(r.meter.usage.raw, SPAN("{\"input_tokens\":25,")) && span_ends(r.meter.usage.raw, SPAN("\"output_tokens\":15}")));
    CHECK_INT(span_find(r.meter.usage.raw, SPAN("\"output_tokens\":1,")), -1);
    /* newer answers repeat the input in the end: the same, or more after tools, never added */
    dialect_rig_stream(&r, SPAN(CLAUDE_START CLAUDE_BODY CLAUDE_DELTA("{\"input_tokens\":30,\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":1000,"
        "\"output_tokens\":15,\"server_tool_use\":{\"web_search_requests\":3}}") CLAUDE_STOP), false);
    METER("in=30 out=15 cache_read=1000 cache_write=60 cache_write_1h=40", true, false);
    CHECK_INT(r.meter.usage.fees[FEE_WEB_SEARCH], 3);
    dialect_rig_stream(&r, SPAN(CLAUDE_START CLAUDE_BODY CLAUDE_DELTA("{\"input_tokens\":0,\"output_tokens\":9}")), false);
    METER("in=25 out=9 cache_read=1000 cache_write=60 cache_write_1h=40", false, false);
    dialect_rig_stream(&r, SPAN(CLAUDE_START "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"), false);
    METER("in=25 out=1 cache_read=1000 cache_write=60 cache_write_1h=40", false, true);
    dialect_rig_close(&r);
}

TEST(text_about_events_is_not_an_event)
{
    dialect_rig_open(&r, "anthropic_messages");
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"{\\\"type\\\":\\\"message_stop\\\",\\\"error\\\"\"}}\n\n"
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"message_stop\"}}\n\n"), false);
    METER("", false, false);
    dialect_rig_close(&r);
    dialect_rig_open(&r, "openai_responses");
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"response.output_text.delta\",\"delta\":\"response.completed\"}\n\n"
        "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"response.completed\"},\"response\":{\"usage\":{\"input_tokens\":5}}}\n\n"), false);
    METER("", false, false);
    dialect_rig_close(&r);
    dialect_rig_open(&r, "openai_chat");
    dialect_rig_stream(&r, SPAN("data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"[DONE]\"},\"usage\":{\"prompt_tokens\":5}}]}\n\n"), false);
    METER("", false, false);
    dialect_rig_close(&r);
}

TEST(cut_streams_are_not_finished)
{
    static const struct {
        const char *dialect, *stream;
    } cases[] = {
        { "openai_chat", CHAT_HEAD CHAT_USAGE DONE },
        { "openai_responses", RESPONSES_HEAD RESPONSES_LAST("completed") },
        { "anthropic_messages", CLAUDE_START CLAUDE_BODY CLAUDE_DELTA("{\"output_tokens\":15}") CLAUDE_STOP },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span whole = span_of(cases[i].stream);
        dialect_rig_open(&r, cases[i].dialect);
        dialect_rig_stream(&r, whole, false);
        CHECK(r.meter.finished);
        for (size_t n = 0; n < whole.len; n++) {
            dialect_rig_stream(&r, span_first(whole, n), false);
            if (r.meter.finished || r.meter.failed)
                test_fail(__FILE__, __LINE__, "%s finished after %zu of %zu", cases[i].dialect, n, whole.len);
        }
        dialect_rig_close(&r);
    }
}

/* Each event's data cut anywhere, as a vendor that breaks off might leave it: no end, no crash. */
TEST(cut_events_do_no_harm)
{
    static const char *const names[] = { "openai_chat", "openai_responses", "anthropic_messages" };
    struct span events[] = { SPAN(CHAT_USAGE), SPAN(RESPONSES_LAST("completed")), SPAN(CLAUDE_START), SPAN(CLAUDE_DELTA("{\"output_tokens\":15}")) };
    char text[1024];
    for (size_t d = 0; d < 3; d++) {
        dialect_rig_open(&r, names[d]);
        for (size_t i = 0; i < 4; i++)
            for (size_t n = 0; n + 3 < events[i].len; n++) {
                snprintf(text, sizeof(text), "%.*s\n\n", (int)n, events[i].at);
                dialect_rig_stream(&r, span_of(text), false);
                CHECK(!r.meter.finished);
            }
        dialect_rig_close(&r);
    }
}

TEST(long_names_are_left_out)
{
    char text[600];
    dialect_rig_open(&r, "openai_chat");
    snprintf(text, sizeof(text), "data: {\"model\":\"%0200d\",\"choices\":[],\"usage\":{\"prompt_tokens\":5}}\n\n", 7);
    dialect_rig_stream(&r, span_of(text), false);
    METER("in=5", false, false);
    CHECK(!r.meter.usage.model.at);
    dialect_rig_close(&r);
}

static void check_error(int line, const char *dialect, const char *want)
{
    struct buf out;
    buf_init(&out, 4096);
    dialect_find(span_of(dialect))->write_error_event(&out, SPAN("stopped"), SPAN("a \"stop\""));
    if (!span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

TEST(error_events)
{
    const char *openai = "data: {\"error\":{\"message\":\"a \\\"stop\\\"\",\"type\":\"stopped\",\"param\":null,\"code\":\"stopped\"}}\n\n";
    check_error(__LINE__, "openai_chat", openai);
    check_error(__LINE__, "openai_embeddings", openai);
    check_error(__LINE__, "openai_responses", "event: error\ndata: {\"type\":\"error\",\"code\":\"stopped\",\"message\":\"a \\\"stop\\\"\",\"param\":null}\n\n");
    check_error(__LINE__, "anthropic_messages", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"stopped\",\"message\":\"a \\\"stop\\\"\"}}\n\n");
}

/* What is worth reading is told by names, not by words that look like them. */
TEST(chat_words_that_look_like_members)
{
    dialect_rig_open(&r, "openai_chat");
    dialect_rig_stream(&r, SPAN("data: {\"model\":\"m\",\"choices\":[]}\n\n"
        "data: {\"model\":\"n\",\"choices\":[{\"delta\":{\"content\":\"usage\"}}],\"usage\" : null}\n\n"
        "data: {\"model\":\"n\",\"choices\":[{\"delta\":{\"content\":\" \\\"error\\\": \"}}]}\n\n" DONE), false);
    METER("", true, false);
    CHECK_SPAN(r.meter.usage.model, SPAN("m"));
    dialect_rig_stream(&r, SPAN("data: {\"model\":\"m\",\"choices\":[]}\n\n"
        "data: {\"choices\":[],\"x_groq\":{\"id\":\"x\",\"usage\" : {\"prompt_tokens\":5,\"completion_tokens\":1}}}\n\n" DONE), false);
    METER("in=5 out=1", true, false);
    dialect_rig_stream(&r, SPAN("data: {\"model\":\"m\",\"choices\":[]}\n\ndata: {\"error\" :{\"message\":\"late\"}}\n\n"), false);
    METER("", false, true);
    dialect_rig_close(&r);
}
