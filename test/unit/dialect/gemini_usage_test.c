/* SPDX-License-Identifier: Apache-2.0
 * gemini_usage_test.c - Google's counts as disjoint meters, from whole answers and from streams. */
#include "dialect/gemini.h"
#include "rig.h"
#include "test/test.h"

static struct rig r;

static void check_usage(int line, const char *body, const char *meters, int64_t in, int64_t out)
{
    char room[400];
    dialect_rig_usage(&r, body);
    struct span got = dialect_rig_meters(&r.usage, room, sizeof(room));
    if (!r.usage.known || !span_is(got, span_of(meters)) || r.usage.input_total != in || r.usage.output_total != out)
        test_fail(__FILE__, line, "got %.*s (%lld, %lld), want %s", SPAN_ARG(got), (long long)r.usage.input_total,
            (long long)r.usage.output_total, meters);
}
#define USAGE(body, meters, in, out) check_usage(__LINE__, body, meters, in, out)

TEST(gemini_usage)
{
    dialect_rig_open(&r, "gemini");
    /* row 4 of the pricing traps: thoughts stand beside the candidates */
    USAGE("{\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":100,\"totalTokenCount\":130},"
          "\"modelVersion\":\"gemini-2.5-flash\"}", "in=10 out=20 reason=100", 10, 120);
    CHECK_SPAN(r.usage.model, SPAN("gemini-2.5-flash"));
    CHECK(span_starts(r.usage.raw, SPAN("{\"promptTokenCount\":10")));
    /* ... but where the total says that they are inside */
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":120,\"thoughtsTokenCount\":100,\"totalTokenCount\":130}}",
        "in=10 out=20 reason=100", 10, 120);
    /* row 34: cached tokens are inside the prompt */
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":262960,\"cachedContentTokenCount\":257955,\"candidatesTokenCount\":1744,\"totalTokenCount\":264704}}",
        "in=5005 out=1744 cache_read=257955", 262960, 1744);
    /* rows 42 and 43: sound, cached and not */
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":100,\"cachedContentTokenCount\":40,\"candidatesTokenCount\":5,\"promptTokensDetails\":"
          "[{\"modality\":\"TEXT\",\"tokenCount\":30},{\"modality\":\"AUDIO\",\"tokenCount\":50},{\"modality\":\"IMAGE\",\"tokenCount\":20}],"
          "\"cacheTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":30},{\"modality\":\"TEXT\",\"tokenCount\":10}]}}",
        "in=20 out=5 cache_read=10 audio_in=20 audio_cache_read=30 image_in=20", 100, 5);
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":8,\"candidatesTokenCount\":1295,\"totalTokenCount\":1303,\"candidatesTokensDetails\":"
          "[{\"modality\":\"IMAGE\",\"tokenCount\":1290}],\"trafficType\":\"ON_DEMAND_FLEX\"}}", "in=8 out=5 image_out=1290", 8, 1295);
    CHECK_SPAN(r.usage.tier, SPAN("flex"));
    /* what its own tools brought is input, too */
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":10,\"toolUsePromptTokenCount\":90,\"candidatesTokenCount\":3,\"totalTokenCount\":103,"
          "\"toolUsePromptTokensDetails\":[{\"modality\":\"VIDEO\",\"tokenCount\":40}]}}", "in=60 out=3 video_in=40", 100, 3);
    /* details that overlap do not count twice; nonsense does not count at all */
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":5,\"cachedContentTokenCount\":9,\"candidatesTokenCount\":0,\"promptTokensDetails\":"
          "[{\"modality\":\"AUDIO\",\"tokenCount\":99},{\"modality\":\"AUDIO\",\"tokenCount\":-4},7]}}", "cache_read=5", 5, 0);
    USAGE("{\"usageMetadata\":{\"promptTokenCount\":0}}", "", 0, 0);
    dialect_rig_close(&r);
}

TEST(gemini_nothing_said_is_not_zero)
{
    static const char *const bodies[] = { "{\"error\":{\"code\":400}}", "{\"usageMetadata\":null}", "{\"usageMetadata\":{}}", "{\"usageMetadata\":7}", "",
        "[]", "<html>", "{\"usageMetadata\":{\"promptTokenCount\":-5}}", "{\"usageMetadata\":{\"promptTokenCount\":\"5\"}}" };
    dialect_rig_open(&r, "gemini");
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        dialect_rig_usage(&r, bodies[i]);
        CHECK(!r.usage.known && r.usage.vendor_cost == -1);
    }
    dialect_rig_close(&r);
}

#define SEARCHED(model)                                                                                                                \
    "{\"candidates\":[{\"groundingMetadata\":{\"webSearchQueries\":[\"a\",\"b\"],\"groundingChunks\":[{\"maps\":{\"uri\":\"u\"}}]}}],"       \
    "\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":1},\"modelVersion\":\"" model "\"}"

TEST(gemini_search_fees)
{
    dialect_rig_open(&r, "gemini");
    dialect_rig_usage(&r, SEARCHED("gemini-2.5-flash")); /* by the prompt */
    CHECK_INT(r.usage.fees[FEE_WEB_SEARCH], 1);
    CHECK_INT(r.usage.fees[FEE_MAPS], 1);
    dialect_rig_usage(&r, SEARCHED("gemini-3-pro-preview")); /* by the query */
    CHECK_INT(r.usage.fees[FEE_WEB_SEARCH], 2);
    dialect_rig_usage(&r, "{\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":1},\"modelVersion\":\"gemini-3-pro\"}");
    CHECK_INT(r.usage.fees[FEE_WEB_SEARCH], 0);
    CHECK_INT(gemini_generation(SPAN("publishers/google/models/gemini-2.5-pro")), 2);
    CHECK_INT(gemini_generation(SPAN("tunedModels/mine")), 0);
    dialect_rig_close(&r);
}

#define CHUNK(parts, more) "data: {\"candidates\":[{\"content\":{\"parts\":[" parts "],\"role\":\"model\"},\"index\":0" more "}],\"modelVersion\":\"gemini-3-flash\",\"responseId\":\"r1\"}\n\n"
#define COUNTED(n, more)                                                                                                                \
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" n "\"}]},\"index\":0" more "}],\"usageMetadata\":{\"promptTokenCount\":9," \
    "\"candidatesTokenCount\":" n ",\"totalTokenCount\":1" n "}}\n\n"

static void check_meter(int line, struct span stream, const char *meters, bool finished, bool failed)
{
    char room[400];
    dialect_rig_stream(&r, stream, false);
    struct span got = dialect_rig_meters(&r.meter.usage, room, sizeof(room));
    if (!span_is(got, span_of(meters)) || r.meter.finished != finished || r.meter.failed != failed)
        test_fail(__FILE__, line, "got %.*s, finished %d, failed %d", SPAN_ARG(got), r.meter.finished, r.meter.failed);
    CHECK_SPAN(buf_span(&r.shown), stream); /* nothing is hidden */
}
#define METER(stream, meters, finished, failed) check_meter(__LINE__, SPAN(stream), meters, finished, failed)

TEST(gemini_stream)
{
    dialect_rig_open(&r, "gemini");
    METER(CHUNK("{\"text\":\"Hello\"}", "") COUNTED("2", "") COUNTED("5", ",\"finishReason\":\"STOP\""), "in=9 out=5", true, false);
    CHECK_SPAN(r.meter.usage.model, SPAN("gemini-3-flash"));
    CHECK_INT(r.meter.output_bytes, 5 + 1 + 1);
    METER(CHUNK("{\"text\":\"Hello\"}", "") COUNTED("2", ""), "in=9 out=2", false, false); /* cut off */
    METER(CHUNK("{\"functionCall\":{\"name\":\"f\",\"args\":{}}}", ",\"finishReason\":\"STOP\""), "", true, false);
    CHECK_INT(r.meter.output_bytes, 22);
    CHECK(!r.meter.usage.known);
    METER("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":4}}\n\n", "in=4", true, false);
    METER(COUNTED("2", "") "data: {\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}\n\n", "in=9 out=2", false, true);
    METER("data: nonsense\n\ndata: {\"usageMetadata\":{\n\n", "", false, false);
    METER("", "", false, false);
    dialect_rig_close(&r);
}

TEST(gemini_stream_of_two_candidates)
{
#define OF(index, more) "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"index\":" #index more "}]}\n\n"
    dialect_rig_open(&r, "gemini");
    METER(OF(0, "") OF(1, "") OF(0, ",\"finishReason\":\"STOP\""), "", false, false);
    METER(OF(0, "") OF(1, "") OF(0, ",\"finishReason\":\"STOP\"") OF(1, "") OF(1, ",\"finishReason\":\"MAX_TOKENS\""), "", true, false);
    METER(OF(0, ",\"finishReason\":\"STOP\"") OF(0, ""), "", true, false); /* something said behind it */
    dialect_rig_close(&r);
}

TEST(gemini_search_fees_of_a_stream)
{
    dialect_rig_open(&r, "gemini");
    dialect_rig_stream(&r, SPAN("data: " SEARCHED("gemini-3-pro") "\n\ndata: " SEARCHED("gemini-3-pro") "\n\n"), false);
    CHECK_INT(r.meter.usage.fees[FEE_WEB_SEARCH], 2);
    dialect_rig_close(&r);
}

TEST(gemini_error_event)
{
    struct buf out;
    buf_init(&out, 1 << 12);
    dialect_rig_open(&r, "gemini");
    r.dialect->write_error_event(&out, SPAN("upstream_broken"), SPAN("it \"broke\""));
    CHECK_SPAN(buf_span(&out), SPAN("data: {\"error\":{\"code\":503,\"message\":\"it \\\"broke\\\"\",\"status\":\"UNAVAILABLE\",\"details\":[{\"@type\":"
        "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"upstream_broken\",\"domain\":\"tollgate\"}]}}\n\n"));
    buf_free(&out);
    dialect_rig_close(&r);
}

TEST(gemini_array_of_a_stream)
{
    struct gemini_array s = { 0 };
    struct buf out;
    buf_init(&out, 1 << 12);
    gemini_array_put(&s, SPAN("data: {\"a\":1}\n\ndata: {\"b\":2}\r\n\r\n"), false, &out);
    gemini_array_put(&s, SPAN("data: {\"c\":3}\n\n"), true, &out);
    gemini_array_put(&s, SPAN(""), true, &out);
    CHECK_SPAN(buf_span(&out), SPAN("[{\"a\":1},\r\n{\"b\":2},\r\n{\"c\":3}]"));
    buf_clear(&out);
    s = (struct gemini_array){ 0 };
    gemini_array_put(&s, SPAN(""), true, &out);
    CHECK_SPAN(buf_span(&out), SPAN("[]"));
    buf_free(&out);
}
