/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_test.c - what is Converse's own: media and their formats, thinking in each family's words, cache points, members that
 * other dialects do not have, faults; and its metering where a caller speaks it by itself. */
#include "rig.h"
#include "test/test.h"
#include "vendor_rig.h"

static struct vendor_rig v;
static struct rig r;

#define CLAUDE_45 "anthropic.claude-sonnet-4-5-20250929-v1:0"
#define CLAUDE_46 "us.anthropic.claude-opus-4-6-v1"
#define NOVA_2 "amazon.nova-2-lite-v1:0"
#define LLAMA "meta.llama4-maverick-17b-instruct-v1:0"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define SAID_HI "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfig\":{"

static void says(int line, const char *model, const char *body, const char *want)
{
    vendor_rig_open(&v, "bedrock_converse");
    struct span got = vendor_rig_say(&v, model, body);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    vendor_rig_close(&v);
}
#define SAYS(model, body, want) says(__LINE__, model, body, want)

/* ---- parameters ---- */

TEST(converse_thinking_of_each_family)
{
    SAYS(CLAUDE_45, "{" HI ",\"reasoning_effort\":\"medium\",\"max_tokens\":8000}",
        SAID_HI "\"maxTokens\":8000},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}}} adapted: reasoning_effort");
    SAYS(CLAUDE_46, "{" HI ",\"reasoning_effort\":\"high\"}",
        SAID_HI "},\"outputConfig\":{\"effort\":\"high\"},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\"}}}");
    SAYS(CLAUDE_46, "{" HI ",\"reasoning_effort\":\"minimal\"}",
        SAID_HI "},\"outputConfig\":{\"effort\":\"low\"},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\"}}} adapted: reasoning_effort");
    SAYS(CLAUDE_45, "{" HI ",\"reasoning_effort\":\"none\"}", SAID_HI "}}");
    SAYS(CLAUDE_45, "{" HI ",\"reasoning_effort\":\"high\",\"max_tokens\":500}", SAID_HI "\"maxTokens\":500}} adapted: reasoning_effort");
    SAYS(NOVA_2, "{" HI ",\"reasoning_effort\":\"high\"}",
        SAID_HI "},\"additionalModelRequestFields\":{\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":\"medium\"}}} adapted: reasoning_effort");
    SAYS(NOVA_2, "{" HI ",\"reasoning_effort\":\"none\"}", SAID_HI "},\"additionalModelRequestFields\":{\"reasoningConfig\":{\"type\":\"disabled\"}}}");
    SAYS("openai.gpt-oss-120b-1:0", "{" HI ",\"reasoning_effort\":\"low\"}", SAID_HI "},\"additionalModelRequestFields\":{\"reasoning_effort\":\"low\"}}");
    SAYS(LLAMA, "{" HI ",\"reasoning_effort\":\"low\"}", SAID_HI "}} unsayable: reasoning_effort");
}

TEST(converse_sampling)
{
    SAYS(LLAMA, "{" HI ",\"temperature\":1,\"top_p\":0.9,\"stop\":\"END\",\"max_tokens\":5}",
        SAID_HI "\"maxTokens\":5,\"temperature\":1,\"topP\":0.9,\"stopSequences\":[\"END\"]}}");
    SAYS(LLAMA, "{" HI ",\"temperature\":1.7}", SAID_HI "}} unsayable: temperature");
    SAYS("us.anthropic.claude-opus-4-7", "{" HI ",\"temperature\":0.5}", SAID_HI "}} unsayable: temperature");
    SAYS(CLAUDE_45, "{" HI ",\"temperature\":0.5,\"top_p\":0.5}", SAID_HI "\"temperature\":0.5}} unsayable: top_p together with temperature");
    SAYS(CLAUDE_45, "{" HI ",\"stop\":[\"a\"]}", SAID_HI "\"stopSequences\":[\"a\"]},\"additionalModelResponseFieldPaths\":[\"/stop_sequence\"]}");
    SAYS(LLAMA, "{" HI ",\"seed\":1,\"n\":2,\"logit_bias\":{\"1\":2}}", SAID_HI "}} unsayable: logit_bias, n, seed");
    SAYS(LLAMA, "{" HI ",\"user\":\"u1\",\"metadata\":{\"a\":\"b\"},\"service_tier\":\"flex\"}",
        SAID_HI "},\"serviceTier\":{\"type\":\"flex\"},\"requestMetadata\":{\"a\":\"b\",\"user\":\"u1\"}} adapted: user");
}

TEST(converse_schema)
{
    SAYS(CLAUDE_45, "{" HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\"}}}}",
        SAID_HI "},\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":{\"schema\":\"{\\\"type\\\":\\\"object\\\"}\",\"name\":\"x\"}}}}}");
    SAYS(CLAUDE_45, "{" HI ",\"response_format\":{\"type\":\"json_object\"}}", SAID_HI "}} unsayable: response_format");
}

TEST(converse_own_members_pass)
{
    SAYS(LLAMA, "{" HI ",\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},\"performanceConfig\":{\"latency\":\"optimized\"}}",
        SAID_HI "},\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},\"performanceConfig\":{\"latency\":\"optimized\"}}");
    SAYS(CLAUDE_46, "{" HI ",\"reasoning_effort\":\"low\",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"x\"},\"beta\":[1]}}",
        SAID_HI "},\"outputConfig\":{\"effort\":\"low\"},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"x\"},\"beta\":[1]}}");
    SAYS(LLAMA, "{" HI ",\"additionalModelRequestFields\":{\"max_gen_len\":99999}}",
        SAID_HI "}} unsayable: additionalModelRequestFields sets an output limit of its own");
}

/* ---- turns ---- */

#define MEDIA(part) "{\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define SAID_MEDIA(part) "{\"messages\":[{\"role\":\"user\",\"content\":[" part "]}],\"inferenceConfig\":{}}"

TEST(converse_media)
{
    SAYS(CLAUDE_45, MEDIA("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/jpeg;base64,\\/9j\\/\"}}"),
        SAID_MEDIA("{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"\\/9j\\/\"}}}"));
    SAYS(CLAUDE_45, MEDIA("{\"type\":\"image_url\",\"image_url\":{\"url\":\"s3://b/x.jpg\"}}"),
        SAID_MEDIA("{\"image\":{\"format\":\"jpeg\",\"source\":{\"s3Location\":{\"uri\":\"s3://b/x.jpg\"}}}}"));
    SAYS(CLAUDE_45, MEDIA("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.com/x.png\"}}"),
        SAID_MEDIA("{\"text\":\"a\"}") " unsayable: messages[0].content[1] a URL: send it inline");
    SAYS(CLAUDE_45, MEDIA("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/bmp;base64,Qk0=\"}}"),
        "{\"messages\":[],\"inferenceConfig\":{}} unsayable: messages[0].content[0] of a type that Bedrock does not take");
    SAYS(CLAUDE_45,
        MEDIA("{\"type\":\"file\",\"file\":{\"filename\":\"my_file.v2.pdf\",\"file_data\":\"data:application/pdf;base64,JVBERi0=\"}},"
              "{\"type\":\"file\",\"file\":{\"filename\":\"my_file.v2.pdf\",\"file_data\":\"data:application/pdf;base64,JVBERi0=\"}}"),
        SAID_MEDIA("{\"document\":{\"format\":\"pdf\",\"name\":\"my file v2 pdf\",\"source\":{\"bytes\":\"JVBERi0=\"}}},"
                   "{\"document\":{\"format\":\"pdf\",\"name\":\"my file v2 pdf 2\",\"source\":{\"bytes\":\"JVBERi0=\"}}}"));
    SAYS(CLAUDE_45, MEDIA("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\",\"format\":\"wav\"}}"),
        SAID_MEDIA("{\"audio\":{\"format\":\"wav\",\"source\":{\"bytes\":\"UklG\"}}}"));
}

TEST(converse_later_system_turns_are_hoisted)
{
    SAYS(LLAMA, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"developer\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}]}",
        "{\"system\":[{\"text\":\"b\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"},{\"text\":\"c\"}]}],\"inferenceConfig\":{}} adapted: messages[1].role");
}

/* A session summed up: tools in its turns, none declared. */
TEST(converse_declares_remembered_tools)
{
    SAYS(CLAUDE_45,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]},{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f\",\"input\":{}}}]},"
        "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\",\"content\":[{\"text\":\"x\"}]}}]}],\"inferenceConfig\":{},"
        "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]}} adapted: tools");
}

TEST(converse_tool_choice)
{
#define TOOL "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define SAID_TOOL "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]"
    SAYS(CLAUDE_45, "{" HI "," TOOL ",\"tool_choice\":\"required\"}", SAID_HI "}," SAID_TOOL ",\"toolChoice\":{\"any\":{}}}}");
    SAYS(CLAUDE_45, "{" HI "," TOOL ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
        SAID_HI "}," SAID_TOOL ",\"toolChoice\":{\"tool\":{\"name\":\"f\"}}}}");
    SAYS(CLAUDE_45, "{" HI "," TOOL ",\"tool_choice\":\"none\"}", SAID_HI "}} adapted: tool_choice");
    SAYS(CLAUDE_45, "{" HI "," TOOL ",\"parallel_tool_calls\":false}", SAID_HI "}," SAID_TOOL "}} adapted: parallel_tool_calls");
}

/* Thoughts go back to where they were signed, to Claude also from Anthropic; cache_control becomes a cache point where there are any. */
TEST(converse_thoughts_and_caching)
{
    static const struct span body = { "{\"model\":\"m\",\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],"
        "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"Sig\"},{\"type\":\"redacted_thinking\",\"data\":\"tg.bedrock_converse.RRR\"},"
        "{\"type\":\"thinking\",\"thinking\":\"g\",\"signature\":\"tg.gemini.G\"},{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}]}]}", 0 };
    struct span call = span_of(body.at);
    vendor_rig_open(&v, "bedrock_converse");
    vendor_rig_read(&v, "anthropic_messages", call, CLAUDE_45);
    CHECK_SPAN(vendor_rig_noted(&v),
        SPAN("{\"system\":[{\"text\":\"s\"},{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}],\"messages\":[{\"role\":\"assistant\",\"content\":["
             "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"t\",\"signature\":\"Sig\"}}},{\"reasoningContent\":{\"redactedContent\":\"RRR\"}},{\"text\":\"a\"},"
             "{\"cachePoint\":{\"type\":\"default\"}}]}],\"inferenceConfig\":{\"maxTokens\":9}} adapted: messages[1].thinking"));
    vendor_rig_read(&v, "anthropic_messages", call, LLAMA);
    CHECK_SPAN(vendor_rig_noted(&v),
        SPAN("{\"system\":[{\"text\":\"s\"}],\"messages\":[{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{\"redactedContent\":\"RRR\"}},{\"text\":\"a\"}]}],"
             "\"inferenceConfig\":{\"maxTokens\":9}} adapted: cache_control, messages[1].thinking"));
    vendor_rig_close(&v);
}

/* ---- streams and faults ---- */

static void fails(int line, const char *name, const char *payload, const char *want)
{
    struct buf wire;
    buf_init(&wire, 1 << 16);
    vendor_rig_open(&v, "bedrock_converse");
    frames_put_aws(&wire, SPAN("event"), SPAN("messageStart"), SPAN("{\"role\":\"assistant\"}"));
    frames_put_aws(&wire, SPAN("event"), SPAN("somethingNew"), SPAN("{}"));
    frames_put_aws(&wire, SPAN("exception"), span_of(name), span_of(payload));
    frames_put_aws(&wire, SPAN("event"), SPAN("messageStop"), SPAN("{\"stopReason\":\"end_turn\"}"));
    struct span got = vendor_rig_stream(&v, buf_span(&wire), wire.len);
    if (!span_is(span_from(got, 16), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    vendor_rig_close(&v);
    buf_free(&wire);
}
#define FAILS(name, payload, want) fails(__LINE__, name, payload, "error " want)

TEST(converse_exceptions_in_streams)
{
    FAILS("throttlingException", "{\"message\":\"slow down\"}", "kind=8 status=429 code=\"throttlingException\" message=\"slow down\"");
    FAILS("serviceUnavailableException", "{\"message\":\"m\"}", "kind=9 status=503 code=\"serviceUnavailableException\" message=\"m\"");
    FAILS("modelStreamErrorException", "{\"originalMessage\":\"o\",\"originalStatusCode\":500}", "kind=10 status=424 code=\"modelStreamErrorException\" message=\"o\"");
    FAILS("validationException", "{\"message\":\"Input is too long for requested model.\"}",
        "kind=6 status=400 code=\"validationException\" message=\"Input is too long for requested model.\"");
    FAILS("newException", "{}", "kind=10 status=500 code=\"newException\" message=\"newException\"");
}

TEST(converse_faults)
{
    vendor_rig_open(&v, "bedrock_converse");
    CHECK_SPAN(vendor_rig_fault(&v, 400, "{\"message\":\"bad\"}"), SPAN("kind=0 status=400 message=\"bad\""));
    CHECK_SPAN(vendor_rig_fault(&v, 429, "{\"message\":\"Too many\"}"), SPAN("kind=8 status=429 message=\"Too many\""));
    CHECK_SPAN(vendor_rig_fault(&v, 403, "{\"message\":\"The security token included in the request is invalid.\"}"),
        SPAN("kind=1 status=403 message=\"The security token included in the request is invalid.\""));
    CHECK_SPAN(vendor_rig_fault(&v, 403, "{\"Message\":\"no\"}"), SPAN("kind=2 status=403 message=\"no\""));
    CHECK_SPAN(vendor_rig_fault(&v, 400, "{\"__type\":\"com.amazon#ThrottlingException:x\",\"message\":\"m\"}"),
        SPAN("kind=8 status=400 code=\"ThrottlingException\" message=\"m\""));
    CHECK_SPAN(vendor_rig_fault(&v, 424, "<html>"), SPAN("kind=10 status=424 message=\"Bedrock answered with an error\""));
    CHECK_SPAN(vendor_rig_fault(&v, 500, ""), SPAN("kind=10 status=500 message=\"Bedrock answered with an error\""));
    vendor_rig_close(&v);
}

/* ---- metered by itself ---- */

TEST(converse_ask)
{
    dialect_rig_open(&r, "bedrock_converse");
    CHECK_INT(dialect_rig_ask(&r, "{\"messages\":[],\"inferenceConfig\":{\"maxTokens\":12},\"serviceTier\":{\"type\":\"flex\"}}"), E_OK);
    CHECK_INT(r.ask.output_limit, 12);
    CHECK_SPAN(r.ask.tier, SPAN("flex"));
    CHECK(!r.ask.input_unbounded && r.ask.input_most > 70 && r.ask.choices == 1 && r.ask.model.len == 0);
    CHECK_INT(dialect_rig_ask(&r, "{}"), E_OK);
    CHECK_INT(r.ask.output_limit, -1);
    static const char *const open[] = { "{\"promptVariables\":{}}", "{\"messages\":[{\"content\":[{\"document\":{\"source\":{\"bytes\":\"x\"}}}]}]}",
        "{\"messages\":[{\"content\":[{\"image\":{\"source\":{\"s3Location\":{}}}}]}]}", "{\"messages\":[{\"content\":[{\"toolResult\":{\"content\":[{\"video\":{}}]}}]}]}",
        "{\"toolConfig\":{\"tools\":[{\"systemTool\":{\"name\":\"nova_grounding\"}}]}}" };
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
        CHECK_INT(dialect_rig_ask(&r, open[i]), E_OK);
        CHECK(r.ask.input_unbounded);
    }
    static const char *const wrong[] = { "{\"inferenceConfig\":7}", "{\"inferenceConfig\":{\"maxTokens\":1e3}}", "{\"inferenceConfig\":{\"maxTokens\":-1}}",
        "{\"additionalModelRequestFields\":{\"max_tokens\":9}}", "{\"additionalModelRequestFields\":{\"inferenceConfig\":{\"max_new_tokens\":9}}}", "[]" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(dialect_rig_ask(&r, wrong[i]), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"InferenceConfig\":{}}"), E_NOT_CANONICAL);
    dialect_rig_close(&r);
}

/* The bound of a body with 100,000 bytes at one place in it. */
static int64_t bound_with(const char *before, const char *after)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_put(&body, span_of(before));
    for (int i = 0; i < 100000; i++)
        buf_put_byte(&body, 'A');
    buf_put(&body, span_of(after));
    CHECK_INT(dialect_rig_ask_span(&r, buf_span(&body)), E_OK);
    CHECK(!r.ask.input_unbounded);
    buf_free(&body);
    return r.ask.input_most;
}

#define PICTURE "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\""

TEST(converse_pictures_are_not_their_bytes)
{
    dialect_rig_open(&r, "bedrock_converse");
    int64_t plain = bound_with("{\"messages\":[{\"content\":[" PICTURE, "\"}}}]}]}");
    int64_t result = bound_with("{\"messages\":[{\"content\":[{\"toolResult\":{\"content\":[" PICTURE, "\"}}}]}}]}]}");
    CHECK(plain > 8192 && plain < 10000 && result > 8192 && result < 10000);
    dialect_rig_close(&r);
}

TEST(converse_words_at_a_place_named_like_a_picture_are_words)
{
    static const char *const places[][2] = { { "{\"toolUse\":{\"input\":", "}}" }, { "{\"toolResult\":{\"content\":[{\"json\":", "}]}}" },
        { "{\"toolUse\":{\"input\":{\"content\":[{\"toolResult\":{\"content\":[", "]}}]}}}" }, { "{\"toolResult\":{\"content\":[{\"json\":[{\"content\":[", "]}]}]}}" } };
    char before[200], after[100];
    dialect_rig_open(&r, "bedrock_converse");
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        snprintf(before, sizeof(before), "{\"messages\":[{\"content\":[%s" PICTURE, places[i][0]);
        snprintf(after, sizeof(after), "\"}}}%s]}]}", places[i][1]);
        int64_t most = bound_with(before, after);
        if (most < 100000)
            test_fail(__FILE__, __LINE__, "%s: %lld", places[i][0], (long long)most);
    }
    dialect_rig_close(&r);
}

static void edits(int line, const char *body, const char *want)
{
    struct ask_edit edit = { .output_limit = 77 };
    struct buf out;
    dialect_rig_open(&r, "bedrock_converse");
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    buf_init(&out, 1 << 16);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &edit, &out);
    if (!span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(buf_span(&out)), want);
    buf_free(&out);
    dialect_rig_close(&r);
}
#define EDITS(body, want) edits(__LINE__, body, want)

TEST(converse_edits)
{
    EDITS("{}", "{\"inferenceConfig\":{\"maxTokens\":77}}");
    EDITS("{ \"messages\" : [] }", "{\"inferenceConfig\":{\"maxTokens\":77}, \"messages\" : [] }");
    EDITS("{\"inferenceConfig\":{ }}", "{\"inferenceConfig\":{\"maxTokens\":77 }}");
    EDITS("{\"inferenceConfig\":{\"topP\":1}}", "{\"inferenceConfig\":{\"maxTokens\":77,\"topP\":1}}");
    EDITS("{\"inferenceConfig\":{\"topP\":1,\"maxTokens\" : 5}}", "{\"inferenceConfig\":{\"topP\":1,\"maxTokens\" : 77}}");
    EDITS("{\"inferenceConfig\":null}", "{\"inferenceConfig\":{\"maxTokens\":77}}");
}

static void tap(const char *name, struct span data)
{
    struct sse_event e = { .name = span_of(name), .data = data };
    bool hide = true;
    r.dialect->tap_event(r.json, &e, false, &r.meter, &hide);
    CHECK(!hide);
}

TEST(converse_stream_is_metered)
{
    char room[400];
    dialect_rig_open(&r, "bedrock_converse");
    tap("messageStart", SPAN("{\"role\":\"assistant\"}"));
    tap("contentBlockDelta", SPAN("{\"contentBlockIndex\":0,\"delta\":{\"text\":\"12345\"},\"p\":\"abcdef\"}"));
    tap("contentBlockDelta", SPAN("{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"678\"}}}"));
    tap("messageStop", SPAN("{\"stopReason\":\"end_turn\"}"));
    CHECK(!r.meter.finished && !r.meter.usage.known);
    CHECK_INT(r.meter.output_bytes, 8);
    tap("metadata", SPAN("{\"usage\":{\"inputTokens\":3,\"outputTokens\":9,\"cacheReadInputTokens\":50,\"cacheWriteInputTokens\":7},\"serviceTier\":{\"type\":\"priority\"}}"));
    CHECK_SPAN(dialect_rig_meters(&r.meter.usage, room, sizeof(room)), SPAN("in=3 out=9 cache_read=50 cache_write=7"));
    CHECK_SPAN(r.meter.usage.tier, SPAN("priority"));
    CHECK(r.meter.finished && !r.meter.failed);
    CHECK_INT(r.meter.usage.input_total, 60);
    tap("modelStreamErrorException", SPAN("{}"));
    CHECK(r.meter.failed);
    dialect_rig_close(&r);
}

/* What a broken stream ends with is an exception to Amazon's SDKs. */
TEST(converse_error_event_can_be_read_again)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    dialect_find(SPAN("bedrock_converse"))->write_error_event(&out, SPAN("upstream_broken"), SPAN("the \"vendor\" broke off"));
    vendor_rig_open(&v, "bedrock_converse");
    CHECK_SPAN(vendor_rig_stream(&v, buf_span(&out), 3), SPAN("error kind=10 status=500 code=\"internalServerException\" message=\"the \\\"vendor\\\" broke off\""));
    vendor_rig_close(&v);
    buf_free(&out);
}
