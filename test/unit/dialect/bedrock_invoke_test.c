/* SPDX-License-Identifier: Apache-2.0
 * bedrock_invoke_test.c - Claude in Amazon's frames: streams, exceptions, metering. */
#include "anthropic_rig.h"
#include "base/text.h"
#include "rig.h"
#include "test/test.h"

static struct anthropic_rig r;

#define START "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_bdrk_1\",\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}"
#define BARE_START "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_bdrk_1\",\"model\":\"m\"}}"
#define OPEN_TEXT "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
#define HI "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}"
#define STOP "{\"type\":\"content_block_stop\",\"index\":0}"
#define LAST "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}"
#define METRICS "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":9,\"outputTokenCount\":8,\"invocationLatency\":5,\"cacheReadInputTokenCount\":3}}"

/* As Amazon packs it, with the padding it adds. */
static struct span packed(const char *event, struct buf *room)
{
    buf_clear(room);
    buf_put(room, SPAN("{\"bytes\":\""));
    buf_put_base64(room, span_of(event));
    buf_put(room, SPAN("\",\"p\":\"abcdefghijklmn\"}"));
    return buf_span(room);
}

static void feed(const char *const *events)
{
    struct buf room;
    buf_init(&room, 1 << 20);
    anthropic_rig_begin(&r, SPAN("bedrock_invoke"));
    for (; *events; events++)
        anthropic_rig_frame(&r, SPAN("chunk"), packed(*events, &room));
    buf_free(&room);
}

TEST(a_stream_in_frames)
{
    static const char *const events[] = { START, OPEN_TEXT, HI, STOP, LAST, METRICS, NULL };
    anthropic_rig_open(&r, "bedrock_invoke");
    feed(events);
    CHECK_SPAN(buf_span(&r.log), SPAN("start\npart 0 kind 0\ndelta 0 text \"Hi\"\npart_end\nchoice_end 1\nusage in 9 out 7\nend\n"));
    CHECK(r.reader.ended);
    anthropic_rig_close(&r);
}

TEST(amazons_count_where_claude_tells_none)
{
    static const char *const events[] = { BARE_START, OPEN_TEXT, HI, STOP, METRICS, NULL };
    anthropic_rig_open(&r, "bedrock_invoke");
    feed(events);
    CHECK_SPAN(buf_span(&r.log), SPAN("start\npart 0 kind 0\ndelta 0 text \"Hi\"\npart_end\nusage in 12 out 8\nchoice_end 1\nend\n"));
    anthropic_rig_close(&r);
}

TEST(exceptions_are_errors)
{
    static const char *const events[] = { START, NULL };
    const struct {
        struct span name, data;
        const char *log;
    } exceptions[] = {
        { SPAN("throttlingException"), SPAN("{\"message\":\"slow down\"}"), "start\nerror kind 8 status 429 \"slow down\"\n" },
        { SPAN("validationException"), SPAN("{\"message\":\"Input is too long for requested model.\"}"), "start\nerror kind 6 status 400 \"Input is too long for requested model.\"\n" },
        { SPAN("modelTimeoutException"), SPAN("{}"), "start\nerror kind 10 status 504 \"Amazon Bedrock broke off and said no more\"\n" },
        { SPAN("newerException"), SPAN("no JSON"), "start\nerror kind 10 status 500 \"Amazon Bedrock broke off and said no more\"\n" },
        { SPAN("error"), SPAN("{\"code\":\"x\",\"message\":\"m\"}"), "start\nerror kind 10 status 500 \"m\"\n" },
    };
    anthropic_rig_open(&r, "bedrock_invoke");
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++) {
        feed(events);
        anthropic_rig_frame(&r, exceptions[i].name, exceptions[i].data);
        CHECK_SPAN(buf_span(&r.log), span_of(exceptions[i].log));
        CHECK(r.reader.failed && !r.reader.ended);
    }
    anthropic_rig_close(&r);
}

TEST(frames_that_hold_nothing)
{
    static const char *const bad[] = { "", "{", "{}", "[]", "{\"bytes\":5}", "{\"bytes\":\"\"}", "{\"bytes\":\"*\"}", "{\"bytes\":\"e30\"", "{\"bytes\":\"e3\"}" };
    static const char *const events[] = { START, NULL };
    anthropic_rig_open(&r, "bedrock_invoke");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        feed(events);
        anthropic_rig_frame(&r, SPAN("chunk"), span_of(bad[i]));
        CHECK(r.reader.broken);
    }
    feed(events);
    anthropic_rig_frame(&r, SPAN("newerEvent"), SPAN("x"));
    CHECK(!r.reader.broken);
    anthropic_rig_close(&r);
}

/* --- passed on as it is --- */

TEST(a_stream_in_frames_is_metered)
{
    static const char *const events[] = { START, OPEN_TEXT, HI, STOP, LAST, METRICS };
    struct rig m;
    struct buf room;
    bool hide = true;
    dialect_rig_open(&m, "bedrock_invoke");
    buf_init(&room, 1 << 20);
    m.meter = (struct stream_meter){ 0 };
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        CHECK(!m.meter.finished);
        m.dialect->tap_event(m.json, &(struct sse_event){ .name = SPAN("chunk"), .data = packed(events[i], &room) }, true, &m.meter, &hide);
        CHECK(!hide);
    }
    CHECK(m.meter.finished && !m.meter.failed && m.meter.usage.known && m.meter.output_bytes == 2);
    CHECK(m.meter.usage.input_total == 9 && m.meter.usage.output_total == 7);
    m.meter = (struct stream_meter){ 0 };
    m.dialect->tap_event(m.json, &(struct sse_event){ .name = SPAN("chunk"), .data = packed(METRICS, &room) }, true, &m.meter, &hide);
    CHECK(m.meter.finished && m.meter.usage.known && m.meter.usage.input_total == 12 && m.meter.usage.output_total == 8);
    m.meter = (struct stream_meter){ 0 };
    m.dialect->tap_event(m.json, &(struct sse_event){ .name = SPAN("throttlingException"), .data = SPAN("{}") }, true, &m.meter, &hide);
    CHECK(m.meter.failed);
    buf_free(&room);
    dialect_rig_close(&m);
}

TEST(a_body_of_invoke_model_has_no_model)
{
    struct rig m;
    struct buf out;
    dialect_rig_open(&m, "bedrock_invoke");
    CHECK_INT(dialect_rig_ask(&m, "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":100,\"messages\":[]}"), E_OK);
    CHECK(!m.ask.model.len && m.ask.output_limit == 100);
    buf_init(&out, 1 << 10);
    struct ask_edit edit = { .output_limit = 7, .model = SPAN("m") };
    m.dialect->edit_ask(m.json, buf_span(&m.body), &edit, &out);
    CHECK_SPAN(buf_span(&out), SPAN("{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":7,\"messages\":[]}"));
    buf_free(&out);
    dialect_rig_close(&m);
}

TEST(a_broken_stream_ends_with_an_exception)
{
    struct buf out;
    struct frames f;
    struct sse_event e;
    buf_init(&out, 1 << 12);
    dialect_find(SPAN("bedrock_invoke"))->write_error_event(&out, SPAN("upstream_broken"), SPAN("it broke"));
    frames_init(&f, FRAMING_AWS, 1 << 12);
    struct span in = buf_span(&out);
    CHECK(frames_next(&f, &in, &e));
    CHECK_SPAN(e.name, SPAN("internalServerException"));
    CHECK_SPAN(e.data, SPAN("{\"message\":\"it broke\",\"code\":\"upstream_broken\"}"));
    frames_free(&f);
    buf_free(&out);
}
