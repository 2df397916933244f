/* SPDX-License-Identifier: Apache-2.0
 * ollama_test.c - what is Ollama's own: options, thinking by flag or level, pictures beside the text, errors in a stream; and its metering:
 * it streams unless told not to, and its limit may say "none". */
#include "rig.h"
#include "test/test.h"
#include "vendor_rig.h"

static struct vendor_rig v;
static struct rig r;

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define SAID(model) "{\"model\":\"" model "\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"options\":{"

static void says(int line, const char *model, const char *body, const char *want)
{
    vendor_rig_open(&v, "ollama");
    struct span got = vendor_rig_say(&v, model, body);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    vendor_rig_close(&v);
}
#define SAYS(model, body, want) says(__LINE__, model, body, want)

TEST(ollama_parameters)
{
    SAYS("qwen3", "{" HI ",\"max_tokens\":5,\"temperature\":1.5,\"seed\":7,\"stop\":\"x\",\"num_ctx\":4096,\"min_p\":0.1,\"keep_alive\":\"5m\",\"what\":1}",
        SAID("qwen3") "\"num_predict\":5,\"temperature\":1.5,\"seed\":7,\"stop\":[\"x\"],\"num_ctx\":4096,\"min_p\":0.1},\"keep_alive\":\"5m\"} unsayable: what");
    SAYS("qwen3", "{" HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\"}}}}",
        SAID("qwen3") "},\"format\":{\"type\":\"object\"}}");
    SAYS("qwen3", "{" HI ",\"response_format\":{\"type\":\"json_object\"}}", SAID("qwen3") "},\"format\":\"json\"}");
    SAYS("qwen3", "{" HI ",\"logprobs\":true,\"top_logprobs\":3}", SAID("qwen3") "},\"logprobs\":true,\"top_logprobs\":3}");
    SAYS("qwen3", "{" HI ",\"reasoning_effort\":\"high\"}", SAID("qwen3") "},\"think\":true} adapted: reasoning_effort");
    SAYS("qwen3", "{" HI ",\"reasoning_effort\":\"none\"}", SAID("qwen3") "},\"think\":false}");
    SAYS("gpt-oss:20b", "{" HI ",\"reasoning_effort\":\"high\"}", SAID("gpt-oss:20b") "},\"think\":\"high\"}");
    SAYS("gpt-oss:20b", "{" HI ",\"reasoning_effort\":\"minimal\"}", SAID("gpt-oss:20b") "},\"think\":\"low\"} adapted: reasoning_effort");
}

TEST(ollama_tools)
{
#define TOOL "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"a\":1}}}]"
    SAYS("qwen3", "{" HI "," TOOL "}", SAID("qwen3") "}," TOOL "}");
    SAYS("qwen3", "{" HI "," TOOL ",\"tool_choice\":\"none\"}", SAID("qwen3") "}} adapted: tool_choice");
    SAYS("qwen3", "{" HI "," TOOL ",\"tool_choice\":\"required\"}", SAID("qwen3") "}," TOOL "} unsayable: tool_choice");
}

TEST(ollama_pictures)
{
    SAYS("qwen3", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,A\\/A\"}},{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}]}",
        "{\"model\":\"qwen3\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"a\\nb\",\"images\":[\"A\\/A\"]}],\"options\":{}}");
    SAYS("qwen3", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.com/a.png\"}}]}]}",
        "{\"model\":\"qwen3\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"options\":{}} unsayable: messages[0].content[0] a picture that is not inline: send it inline");
}

TEST(ollama_errors)
{
    vendor_rig_open(&v, "ollama");
    CHECK_SPAN(vendor_rig_stream(&v, SPAN("{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"out of memory\"}\n"), 9),
        SPAN("start model=\"m\" created=0\npart 0 text\ndelta 0 text=\"a\"\nerror kind=10 status=500 message=\"out of memory\""));
    CHECK_SPAN(vendor_rig_stream(&v, SPAN("oops\n"), 9), SPAN("broken: an event is no JSON object"));
    CHECK_SPAN(vendor_rig_answer(&v, SPAN("{\"error\":\"x\"}")), SPAN("broken"));
    CHECK_SPAN(vendor_rig_fault(&v, 404, "{\"error\":\"model 'x' not found\"}"), SPAN("kind=4 status=404 message=\"model 'x' not found\""));
    CHECK_SPAN(vendor_rig_fault(&v, 400, "{\"error\":{\"message\":\"m\"}}"), SPAN("kind=0 status=400 message=\"m\""));
    CHECK_SPAN(vendor_rig_fault(&v, 500, ""), SPAN("kind=10 status=500 message=\"Ollama answered with an error\""));
    vendor_rig_close(&v);
}

/* ---- metered by itself ---- */

TEST(ollama_ask)
{
    dialect_rig_open(&r, "ollama");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\"," HI "}"), E_OK);
    CHECK(r.ask.stream && r.ask.output_limit == -1 && !r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"stream\":false,\"options\":{\"num_predict\":40}}"), E_OK);
    CHECK(!r.ask.stream && r.ask.output_limit == 40);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"options\":{\"num_predict\":-2}}"), E_OK);
    CHECK_INT(r.ask.output_limit, -1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"messages\":[{\"images\":[\"AAAA\",\"AAAA\"]}]}"), E_OK);
    CHECK(r.ask.input_most > 16384);
    static const char *const wrong[] = { "{\"model\":\"m\",\"stream\":1}", "{\"model\":\"m\",\"options\":[]}", "{\"model\":\"m\",\"options\":{\"num_predict\":1.5}}", "{}" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(dialect_rig_ask(&r, wrong[i]), E_BAD_REQUEST);
    dialect_rig_close(&r);
}

static void edits(int line, const char *body, const char *want)
{
    struct ask_edit edit = { .model = SPAN("other"), .output_limit = 77 };
    struct buf out;
    dialect_rig_open(&r, "ollama");
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    buf_init(&out, 1 << 16);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &edit, &out);
    if (!span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(buf_span(&out)), want);
    buf_free(&out);
    dialect_rig_close(&r);
}

TEST(ollama_edits)
{
    edits(__LINE__, "{\"model\":\"m\"}", "{\"options\":{\"num_predict\":77},\"model\":\"other\"}");
    edits(__LINE__, "{\"model\":\"m\",\"options\":{}}", "{\"model\":\"other\",\"options\":{\"num_predict\":77}}");
    edits(__LINE__, "{\"options\":{\"top_k\":1,\"num_predict\":-1},\"model\":\"m\"}", "{\"options\":{\"top_k\":1,\"num_predict\":77},\"model\":\"other\"}");
    edits(__LINE__, "{\"options\":null,\"model\":\"m\"}", "{\"options\":{\"num_predict\":77},\"model\":\"other\"}");
}

static void tap(struct span data)
{
    struct sse_event e = { .data = data };
    bool hide = true;
    r.dialect->tap_event(r.json, &e, false, &r.meter, &hide);
    CHECK(!hide);
}

TEST(ollama_stream_is_metered)
{
    char room[400];
    dialect_rig_open(&r, "ollama");
    tap(SPAN("{\"model\":\"qwen3\",\"message\":{\"role\":\"assistant\",\"content\":\"12345\",\"thinking\":\"678\"},\"done\":false}"));
    CHECK_INT(r.meter.output_bytes, 8);
    CHECK(!r.meter.finished && !r.meter.usage.known);
    CHECK_SPAN(r.meter.usage.model, SPAN("qwen3"));
    tap(SPAN("{\"model\":\"qwen3\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298}"));
    CHECK_SPAN(dialect_rig_meters(&r.meter.usage, room, sizeof(room)), SPAN("in=26 out=298"));
    CHECK_SPAN(r.meter.usage.raw, SPAN("{\"prompt_eval_count\":26,\"eval_count\":298}"));
    CHECK(r.meter.finished && !r.meter.failed);
    tap(SPAN("{\"error\":\"x\"}"));
    CHECK(r.meter.failed);
    CHECK_SPAN(dialect_rig_meters(&r.meter.usage, room, sizeof(room)), SPAN("in=26 out=298"));
    dialect_rig_close(&r);
}
