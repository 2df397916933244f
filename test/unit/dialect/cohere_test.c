/* SPDX-License-Identifier: Apache-2.0
 * cohere_test.c - what is Cohere's own: forced tools, documents, thinking budgets, its ranges, errors at the end of a stream; and its
 * metering, by billed units. */
#include "rig.h"
#include "test/test.h"
#include "vendor_rig.h"

static struct vendor_rig v;
static struct rig r;

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define SAID_HI "{\"model\":\"command-a\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOL(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define SAID_TOOL(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}"

static void says(int line, const char *body, const char *want)
{
    vendor_rig_open(&v, "cohere");
    struct span got = vendor_rig_say(&v, "command-a", body);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    vendor_rig_close(&v);
}
#define SAYS(body, want) says(__LINE__, body, want)

TEST(cohere_parameters)
{
    SAYS("{" HI ",\"max_tokens\":5,\"temperature\":1.5,\"top_p\":0.9,\"seed\":7,\"frequency_penalty\":0.5,\"logprobs\":true}",
        SAID_HI ",\"max_tokens\":5,\"temperature\":1.5,\"p\":0.9,\"frequency_penalty\":0.5,\"seed\":7,\"logprobs\":true}");
    SAYS("{" HI ",\"top_p\":1,\"presence_penalty\":-1,\"frequency_penalty\":1.5}", SAID_HI "} unsayable: top_p, frequency_penalty, presence_penalty");
    SAYS("{" HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\"}}}}",
        SAID_HI ",\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\"}}}");
    SAYS("{" HI ",\"response_format\":{\"type\":\"json_object\"}}", SAID_HI ",\"response_format\":{\"type\":\"json_object\"}}");
    SAYS("{" HI ",\"reasoning_effort\":\"low\",\"max_tokens\":10000}",
        SAID_HI ",\"max_tokens\":10000,\"thinking\":{\"type\":\"enabled\",\"token_budget\":2000}} adapted: reasoning_effort");
    SAYS("{" HI ",\"reasoning_effort\":\"none\"}", SAID_HI ",\"thinking\":{\"type\":\"disabled\"}}");
    SAYS("{" HI ",\"safety_mode\":\"STRICT\",\"documents\":[\"d\"],\"citation_options\":{\"mode\":\"FAST\"},\"what\":1}",
        SAID_HI ",\"safety_mode\":\"STRICT\",\"citation_options\":{\"mode\":\"FAST\"},\"documents\":[\"d\"]} unsayable: what");
}

TEST(cohere_tools)
{
    SAYS("{" HI ",\"tools\":[" TOOL("a") "," TOOL("b") "],\"tool_choice\":\"required\"}",
        SAID_HI ",\"tools\":[" SAID_TOOL("a") "," SAID_TOOL("b") "],\"tool_choice\":\"REQUIRED\"}");
    SAYS("{" HI ",\"tools\":[" TOOL("a") "," TOOL("b") "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"b\"}}}",
        SAID_HI ",\"tools\":[" SAID_TOOL("b") "],\"tool_choice\":\"REQUIRED\"} adapted: tool_choice");
    SAYS("{" HI ",\"tools\":[" TOOL("a") "],\"tool_choice\":\"none\"}", SAID_HI ",\"tools\":[" SAID_TOOL("a") "],\"tool_choice\":\"NONE\"}");
    SAYS("{" HI ",\"tools\":[" TOOL("a") "],\"parallel_tool_calls\":false}", SAID_HI ",\"tools\":[" SAID_TOOL("a") "]} adapted: parallel_tool_calls");
}

/* Text documents stand beside the messages; a thought that another vendor signed is left out, one that nobody signed is kept. */
TEST(cohere_documents_and_thoughts)
{
    vendor_rig_open(&v, "cohere");
    vendor_rig_read(&v, "anthropic_messages",
        SPAN("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"read\"},{\"type\":\"document\",\"title\":\"T\","
             "\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"D\"}}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"S\"},"
             "{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"b\"}]}"),
        "command-a");
    CHECK_SPAN(vendor_rig_noted(&v),
        SPAN("{\"model\":\"command-a\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"read\"}]},"
             "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"b\"}],\"max_tokens\":9,"
             "\"documents\":[{\"data\":{\"title\":\"T\",\"text\":\"D\"}}]} adapted: messages[0].content[1], messages[1].thinking"));
    v.call.turns->next->parts->signature = SPAN_NONE;
    CHECK(span_find(vendor_rig_write(&v), SPAN("{\"type\":\"thinking\",\"thinking\":\"t\"},{\"type\":\"text\"")) > 0);
    vendor_rig_close(&v);
}

TEST(cohere_errors)
{
    vendor_rig_open(&v, "cohere");
    CHECK_SPAN(vendor_rig_stream(&v, SPAN("data: {\"type\":\"message-end\",\"delta\":{\"error\":\"gone\",\"finish_reason\":\"ERROR\",\"usage\":{\"billed_units\":{\"input_tokens\":3}}}}\n\n"), 9),
        SPAN("start created=0\nusage in=3 of 3 and 0\nerror kind=10 status=500 message=\"gone\""));
    CHECK_SPAN(vendor_rig_stream(&v, SPAN("data: not json\n\n"), 99), SPAN("broken: an event is no JSON object"));
    CHECK_SPAN(vendor_rig_answer(&v, SPAN("{\"message\":{\"content\":[]},\"finish_reason\":\"TIMEOUT\"}")), SPAN("broken"));
    CHECK_SPAN(vendor_rig_answer(&v, SPAN("{\"message\":\"an error has only words\"}")), SPAN("broken"));
    CHECK_SPAN(vendor_rig_fault(&v, 498, "{\"message\":\"invalid token\"}"), SPAN("kind=1 status=498 message=\"invalid token\""));
    CHECK_SPAN(vendor_rig_fault(&v, 400, "{\"message\":\"too many tokens: reduce the length of the prompt\"}"),
        SPAN("kind=6 status=400 message=\"too many tokens: reduce the length of the prompt\""));
    CHECK_SPAN(vendor_rig_fault(&v, 502, "<html>"), SPAN("kind=10 status=502 message=\"Cohere answered with an error\""));
    vendor_rig_close(&v);
}

/* ---- metered by itself ---- */

static void check_usage(int line, const char *body, const char *want)
{
    char room[400];
    dialect_rig_open(&r, "cohere");
    dialect_rig_usage(&r, body);
    struct span got = r.usage.known ? dialect_rig_meters(&r.usage, room, sizeof(room)) : SPAN("unknown");
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    dialect_rig_close(&r);
}

TEST(cohere_bills_units_not_tokens)
{
    check_usage(__LINE__, "{\"usage\":{\"billed_units\":{\"input_tokens\":120,\"output_tokens\":33},\"tokens\":{\"input_tokens\":655,\"output_tokens\":70}}}", "in=120 out=33");
    check_usage(__LINE__, "{\"usage\":{\"billed_units\":{\"input_tokens\":120.0,\"output_tokens\":3.3e1}}}", "in=120 out=33");
    check_usage(__LINE__, "{\"usage\":{\"tokens\":{\"input_tokens\":655,\"output_tokens\":70}}}", "in=655 out=70");
    check_usage(__LINE__, "{\"usage\":{\"billed_units\":{\"input_tokens\":0,\"output_tokens\":0},\"tokens\":{\"input_tokens\":9}}}", "");
    check_usage(__LINE__, "{\"usage\":{\"billed_units\":{\"input_tokens\":-1}}}", "unknown");
    check_usage(__LINE__, "{\"message\":\"an error\"}", "unknown");
}

TEST(cohere_ask)
{
    dialect_rig_open(&r, "cohere");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"command-a\",\"stream\":true,\"max_tokens\":9," HI "}"), E_OK);
    CHECK(r.ask.stream && r.ask.output_limit == 9 && !r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.com/a\"}}]}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}]}]}"), E_OK);
    CHECK(!r.ask.input_unbounded && r.ask.input_most > 4096);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"messages\":[{\"content\":[{\"document\":{\"data\":{\"image_url\":{\"url\":\"data:image/png;base64,word word\"}}}}]}]}"), E_OK);
    CHECK_INT(r.ask.input_most, (int64_t)r.body.len + 128); /* a document's words are words, whatever they are named */
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"messages\":[{\"tool_calls\":[{\"image_url\":{\"url\":\"data:image/png;base64,word word\"}}]}]}"), E_OK);
    CHECK_INT(r.ask.input_most, (int64_t)r.body.len + 128);
    CHECK_INT(dialect_rig_ask(&r, "{" HI "}"), E_BAD_REQUEST);
    dialect_rig_close(&r);
}

#define EVENT(json) "data: " json "\n\n"

TEST(cohere_stream_is_metered)
{
    char room[400];
    dialect_rig_open(&r, "cohere");
    dialect_rig_stream(&r,
        SPAN(EVENT("{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"message-end\"}}}}")
                 EVENT("{\"type\":\"tool-call-delta\",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"123\"}}}}}")),
        false);
    CHECK_INT(r.meter.output_bytes, 14);
    CHECK(!r.meter.finished);
    dialect_rig_stream(&r, SPAN(EVENT("{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":5,\"output_tokens\":7}}}}")), false);
    CHECK_SPAN(dialect_rig_meters(&r.meter.usage, room, sizeof(room)), SPAN("in=5 out=7"));
    CHECK(r.meter.finished && !r.meter.failed);
    dialect_rig_stream(&r, SPAN(EVENT("{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\"}}")), false);
    CHECK(r.meter.finished && r.meter.failed);
    dialect_rig_close(&r);
}
