/* SPDX-License-Identifier: Apache-2.0
 * gemini_ask_test.c - what a generateContent request says to the gate, its edits, and countTokens. */
#include "dialect/gemini.h"
#include "rig.h"
#include "test/test.h"

static struct rig r;

#define ASK(body) dialect_rig_ask(&r, body)

TEST(gemini_ask)
{
    dialect_rig_open(&r, "gemini");
    CHECK_INT(ASK("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}],\"generationConfig\":{\"maxOutputTokens\":100,\"candidateCount\":2}}"), E_OK);
    CHECK_INT(r.ask.output_limit, 100);
    CHECK_INT(r.ask.choices, 2);
    CHECK(!r.ask.model.at && !r.ask.stream && !r.ask.input_unbounded && r.ask.usage_wanted);
    CHECK(r.ask.input_most >= 110 && r.ask.input_most < 400);
    CHECK_INT(ASK("{\"contents\":[],\"generation_config\":{\"max_output_tokens\":7},\"service_tier\":\"flex\"}"), E_OK);
    CHECK_INT(r.ask.output_limit, 7);
    CHECK_SPAN(r.ask.tier, SPAN("flex"));
    CHECK_INT(ASK("{\"contents\":{\"parts\":{\"text\":\"x\"}},\"generationConfig\":null,\"serviceTier\":\"standard\"}"), E_OK);
    CHECK_INT(r.ask.output_limit, -1);
    CHECK_INT(r.ask.choices, 1);
    CHECK(!r.ask.tier.at);
    dialect_rig_close(&r);
}

TEST(gemini_ask_refusals)
{
    static const struct {
        const char *body;
        enum err error;
    } cases[] = {
        { "{\"contents\":[],\"generationConfig\":{},\"generation_config\":{\"maxOutputTokens\":9}}", E_NOT_CANONICAL },
        { "{\"generationConfig\":{\"maxOutputTokens\":1,\"max_output_tokens\":9}}", E_NOT_CANONICAL },
        { "{\"generationConfig\":{\"maxOutputTokens\":1,\"maxOutputTokens\":9}}", E_NOT_CANONICAL },
        { "{\"GenerationConfig\":{\"maxOutputTokens\":1}}", E_NOT_CANONICAL },
        { "{\"generation_Config\":{\"maxOutputTokens\":1}}", E_NOT_CANONICAL },
        { "{\"model\":\"models/gemini-3-pro\",\"contents\":[]}", E_BAD_REQUEST },
        { "{\"generationConfig\":[]}", E_BAD_REQUEST },
        { "{\"generationConfig\":{\"maxOutputTokens\":\"9\"}}", E_BAD_REQUEST },
        { "{\"generationConfig\":{\"maxOutputTokens\":1e3}}", E_BAD_REQUEST },
        { "{\"generationConfig\":{\"candidateCount\":-1}}", E_BAD_REQUEST },
        { "[]", E_BAD_REQUEST },
        { "", E_BAD_REQUEST },
        { "{\"contents\":[}", E_BAD_REQUEST },
    };
    dialect_rig_open(&r, "gemini");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(ASK(cases[i].body), cases[i].error);
        CHECK(r.why && *r.why);
    }
    dialect_rig_close(&r);
}

static int64_t most_of(const char *part)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_print(&body, "{\"contents\":[{\"parts\":[%s]}]}", part);
    CHECK_INT(dialect_rig_ask_span(&r, buf_span(&body)), E_OK);
    buf_free(&body);
    return r.ask.input_unbounded ? -1 : r.ask.input_most;
}

TEST(gemini_ask_media)
{
    static const char *const unbounded[] = { "{\"fileData\":{\"fileUri\":\"gs://a/b\",\"mimeType\":\"image/png\"}}",
        "{\"file_data\":{\"file_uri\":\"gs://a/b\"}}", "{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"AAAA\"}}",
        "{\"inline_data\":{\"mime_type\":\"video/mp4\",\"data\":\"AAAA\"}}", "{\"inlineData\":{\"mimeType\":\"audio/flac\",\"data\":\"AAAA\"}}",
        "{\"inlineData\":{\"data\":\"AAAA\"}}", "{\"somethingNew\":{}}",
        "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"},\"mediaResolution\":{\"numTokens\":99999}}",
        "{\"functionResponse\":{\"name\":\"f\",\"response\":{},\"parts\":[{\"fileData\":{\"fileUri\":\"gs://a\"}}]}}" };
    dialect_rig_open(&r, "gemini");
    for (size_t i = 0; i < sizeof(unbounded) / sizeof(*unbounded); i++)
        CHECK_INT(most_of(unbounded[i]), -1);
    int64_t picture = most_of("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}");
    CHECK(picture >= 8192 && picture < 9000);
    /* 4,000 bytes of base64 are at most five seconds of MP3 of the lowest rate */
    struct buf sound;
    buf_init(&sound, 1 << 20);
    buf_print(&sound, "{\"inlineData\":{\"mimeType\":\"audio/mp3\",\"data\":\"%04000d\"}}", 0);
    buf_put_byte(&sound, 0);
    int64_t most = most_of(sound.at);
    CHECK(most > 5 * 32 && most < 600);
    buf_free(&sound);
    int64_t text = most_of("{\"inlineData\":{\"mimeType\":\"text/plain\",\"data\":\"AAAA\"}}");
    CHECK(text > 0 && text < 400);
    CHECK(most_of("{\"text\":\"a\",\"thought\":true,\"thoughtSignature\":\"AAAA\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}") > 0);
    CHECK_INT(ASK("{\"contents\":[],\"cachedContent\":\"cachedContents/1\"}"), E_OK);
    CHECK(r.ask.input_unbounded);
    dialect_rig_close(&r);
}

TEST(gemini_ask_tools)
{
    dialect_rig_open(&r, "gemini");
    CHECK_INT(ASK("{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]}"), E_OK);
    CHECK(!r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == 0);
    CHECK_INT(ASK("{\"tools\":{\"google_search\":{}}}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == -1);
    CHECK_INT(ASK("{\"tools\":[{\"googleMaps\":{}},{\"enterpriseWebSearch\":{}},{\"urlContext\":null}],\"generationConfig\":{\"candidateCount\":3}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_MAPS], 3);
    CHECK_INT(r.ask.fees[FEE_ENTERPRISE_WEB_SEARCH], -1);
    CHECK_INT(ASK("{\"tools\":[{\"urlContext\":{}}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    dialect_rig_close(&r);
}

static void check_edit(int line, const char *body, const char *want)
{
    const struct ask_edit edit = { .output_limit = 50 };
    struct buf out;
    buf_init(&out, 1 << 20);
    if (dialect_rig_ask(&r, body))
        test_fail(__FILE__, line, "refused: %s", r.why);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &edit, &out);
    if (out.broken || !span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s", SPAN_ARG(buf_span(&out)));
    CHECK_INT(dialect_rig_ask_span(&r, buf_span(&out)), E_OK);
    CHECK_INT(r.ask.output_limit, 50);
    buf_free(&out);
}
#define EDIT(body, want) check_edit(__LINE__, body, want)

TEST(gemini_edit)
{
    dialect_rig_open(&r, "gemini");
    EDIT("{\"contents\":[],\"generationConfig\":{\"topK\":1,\"maxOutputTokens\":100}}", "{\"contents\":[],\"generationConfig\":{\"topK\":1,\"maxOutputTokens\":50}}");
    EDIT("{\"generation_config\":{ \"max_output_tokens\" : 100 }}", "{\"generation_config\":{ \"max_output_tokens\" : 50 }}");
    EDIT("{\"generationConfig\":{\"topK\":1}}", "{\"generationConfig\":{\"maxOutputTokens\":50,\"topK\":1}}");
    EDIT("{\"generationConfig\":{ }}", "{\"generationConfig\":{\"maxOutputTokens\":50 }}");
    EDIT("{\"generationConfig\":null}", "{\"generationConfig\":{\"maxOutputTokens\":50}}");
    EDIT("{\"generationConfig\":{\"maxOutputTokens\":null}}", "{\"generationConfig\":{\"maxOutputTokens\":50}}");
    EDIT(" \n{\"contents\":[]}\n", " \n{\"generationConfig\":{\"maxOutputTokens\":50},\"contents\":[]}\n");
    EDIT("\n{ }", "\n{\"generationConfig\":{\"maxOutputTokens\":50} }");
    EDIT("{\"contents\":[{\"parts\":[{\"text\":\"\\\"generationConfig\\\"\"}]}],\"generation\\u0043onfig\":{\"maxOutputTokens\":1}}",
        "{\"contents\":[{\"parts\":[{\"text\":\"\\\"generationConfig\\\"\"}]}],\"generation\\u0043onfig\":{\"maxOutputTokens\":50}}");
    dialect_rig_close(&r);
}
