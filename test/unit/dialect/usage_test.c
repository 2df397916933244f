/* SPDX-License-Identifier: Apache-2.0
 * usage_test.c - the vendors' ways of counting, brought to disjoint meters; and what that costs. */
#include "base/embed.h"
#include "rig.h"
#include "rules/price.h"
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

TEST(chat_usage)
{
    dialect_rig_open(&r, "openai_chat");
    USAGE("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"message\":"
          "{\"role\":\"assistant\",\"content\":\"\\\"usage\\\"\"}}],\"usage\":{\"prompt_tokens\":2006,\"completion_tokens\":300,\"total_tokens\":2306,"
          "\"prompt_tokens_details\":{\"cached_tokens\":1920,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
          "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\"}",
        "in=86 out=300 cache_read=1920", 2006, 300);
    CHECK_SPAN(r.usage.model, SPAN("gpt-4o-2024-08-06"));
    CHECK(!r.usage.tier.at && r.usage.vendor_cost == -1);
    CHECK(span_starts(r.usage.raw, SPAN("{\"prompt_tokens\":2006,")) && span_ends(r.usage.raw, SPAN("}}")));
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":482,\"total_tokens\":492,\"completion_tokens_details\":{\"reasoning_tokens\":448}},"
          "\"service_tier\":\"flex\"}", "in=10 out=34 reason=448", 10, 482);
    CHECK_SPAN(r.usage.tier, SPAN("flex"));
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"num_sources_used\":7}}", "in=10 out=4", 10, 4);
    CHECK_INT(r.usage.fees[FEE_SOURCE], 7);
    USAGE("{\"usage\":{\"prompt_tokens\":12317,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":12314}}}",
        "in=3 out=5 cache_write=12314", 12317, 5);
    USAGE("{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"prompt_tokens_details\":{\"audio_tokens\":47},\"completion_tokens_details\":"
          "{\"audio_tokens\":40,\"reasoning_tokens\":3}}}", "in=53 out=7 reason=3 audio_in=47 audio_out=40", 100, 50);
    USAGE("{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":1,\"prompt_tokens_details\":{\"audio_tokens\":60,\"cached_tokens\":70,"
          "\"cached_tokens_details\":{\"audio_tokens\":50,\"text_tokens\":20}}}}", "in=20 out=1 cache_read=20 audio_in=10 audio_cache_read=50", 100, 1);
    dialect_rig_close(&r);
}

TEST(chat_usage_of_others)
{
    dialect_rig_open(&r, "openai_chat");
    /* xAI: thinking stands beside the completion; cached pictures are counted in both */
    USAGE("{\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":291,\"completion_tokens_details\":{\"reasoning_tokens\":250}}}",
        "in=32 out=9 reason=250", 32, 259);
    USAGE("{\"usage\":{\"prompt_tokens\":2461,\"completion_tokens\":0,\"prompt_tokens_details\":{\"text_tokens\":1319,\"image_tokens\":1142,"
          "\"cached_tokens\":2432}}}", "cache_read=2432 image_in=29", 2461, 0);
    /* Gemini: thinking shows in the total only */
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":130}}", "in=10 out=20 reason=100", 10, 120);
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":30,\"prompt_cache_hit_tokens\":6,\"prompt_cache_miss_tokens\":4}}",
        "in=4 out=20 cache_read=6", 10, 20);
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"cached_tokens\":8}}", "in=2 out=20 cache_read=8", 10, 20);
    /* OpenRouter */
    USAGE("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"cost\":0.00014,\"is_byok\":false,\"cost_details\":{\"upstream_inference_cost\":null}}}",
        "in=10 out=20", 10, 20);
    CHECK_INT(r.usage.vendor_cost, 140000);
    USAGE("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":1.5e-05,\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":2E-3}}}",
        "in=1 out=1", 1, 1);
    CHECK_INT(r.usage.vendor_cost, 2015000);
    USAGE("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":0}}", "in=1 out=1", 1, 1);
    CHECK_INT(r.usage.vendor_cost, 0);
    /* Perplexity, DeepInfra */
    USAGE("{\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":832,\"total_tokens\":858,\"search_context_size\":\"high\"}}", "in=26 out=832", 26, 832);
    CHECK_SPAN(r.usage.search, SPAN("high"));
    USAGE("{\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":832,\"cost\":{\"input_tokens_cost\":0.1,\"total_cost\":0.0266}}}", "in=26 out=832", 26, 832);
    CHECK_INT(r.usage.vendor_cost, 26600000);
    USAGE("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"estimated_cost\":0.0000123456785}}", "in=1 out=2", 1, 2);
    CHECK_INT(r.usage.vendor_cost, 12346);
    USAGE("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"cost\":-1}}", "in=1 out=2", 1, 2);
    CHECK_INT(r.usage.vendor_cost, -1);
    USAGE("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"cost\":1e300}}", "in=1 out=2", 1, 2);
    CHECK_INT(r.usage.vendor_cost, -1);
    /* zero is a value */
    USAGE("{\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}", "", 0, 0);
    dialect_rig_close(&r);
}

TEST(nothing_said_is_not_zero)
{
    static const char *const bodies[] = { "{\"error\":{\"message\":\"x\"}}", "{\"usage\":null}", "{\"usage\":{}}", "{\"usage\":5}", "", "[]", "<html>",
        "{\"usage\":{\"prompt_tokens\":-5}}", "{\"usage\":{\"prompt_tokens\":\"5\"}}", "{\"choices\":[{\"usage\":{\"prompt_tokens\":5}}]}" };
    static const char *const names[] = { "openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages" };
    for (size_t d = 0; d < 4; d++) {
        dialect_rig_open(&r, names[d]);
        for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
            dialect_rig_usage(&r, bodies[i]);
            CHECK(!r.usage.known && r.usage.vendor_cost == -1);
        }
        dialect_rig_close(&r);
    }
}

TEST(responses_usage)
{
    dialect_rig_open(&r, "openai_responses");
    USAGE("{\"id\":\"resp_1\",\"status\":\"completed\",\"model\":\"gpt-5.4\",\"service_tier\":\"priority\",\"tools\":[{\"type\":\"web_search\","
          "\"search_context_size\":\"medium\"}],\"output\":[{\"type\":\"reasoning\"},{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\","
          "\"query\":\"q\"}},{\"type\":\"web_search_call\",\"action\":{\"type\":\"open_page\"}},{\"type\":\"web_search_call\"},{\"type\":\"file_search_call\"},"
          "{\"type\":\"message\",\"content\":[{\"type\":\"web_search_call\"}]}],\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":40},"
          "\"output_tokens\":30,\"output_tokens_details\":{\"reasoning_tokens\":20},\"total_tokens\":130}}",
        "in=60 out=10 cache_read=40 reason=20", 100, 30);
    CHECK_SPAN(r.usage.tier, SPAN("priority"));
    CHECK_SPAN(r.usage.search, SPAN("medium"));
    CHECK_INT(r.usage.fees[FEE_WEB_SEARCH], 2);
    CHECK_INT(r.usage.fees[FEE_FILE_SEARCH], 1);
    dialect_rig_close(&r);
}

#define RUN(container) "{\"type\":\"code_interpreter_call\",\"container_id\":\"" container "\"}"
#define RESPONSE(output, usage) "{\"output\":[" output "],\"usage\":{\"input_tokens\":1,\"output_tokens\":1" usage "}}"

TEST(responses_usage_of_tools)
{
    dialect_rig_open(&r, "openai_responses");
    dialect_rig_usage(&r, RESPONSE(RUN("a") "," RUN("a") "," RUN("b") ",{\"type\":\"image_generation_call\"},{\"type\":\"function_call\"}", ""));
    CHECK_INT(r.usage.fees[FEE_CODE_EXECUTION], 3);
    CHECK_INT(r.usage.fees[FEE_CODE_SESSION], 2);
    CHECK_INT(r.usage.fees[FEE_IMAGE_UNIT], 1);
    dialect_rig_usage(&r, RESPONSE("{\"type\":\"shell_call\",\"environment\":{\"type\":\"container_reference\",\"container_id\":\"a\"}},{\"type\":\"shell_call\"}", ""));
    CHECK_INT(r.usage.fees[FEE_CODE_SESSION], 1);
    dialect_rig_usage(&r, RESPONSE("{\"type\":\"x_search_call\"},{\"type\":\"code_interpreter_call\"},{\"type\":\"custom_tool_call\"}",
        ",\"server_side_tool_usage_details\":{\"x_search_calls\":2,\"code_interpreter_calls\":1,\"document_search_calls\":4,\"mcp_calls\":9}"));
    CHECK_INT(r.usage.fees[FEE_X_SEARCH], 2);
    CHECK_INT(r.usage.fees[FEE_CODE_EXECUTION], 1);
    CHECK_INT(r.usage.fees[FEE_ATTACHMENT_SEARCH], 4);
    dialect_rig_close(&r);
}

TEST(embeddings_usage)
{
    dialect_rig_open(&r, "openai_embeddings");
    USAGE("{\"object\":\"list\",\"data\":[{\"embedding\":[0.1,-2e-3]}],\"model\":\"text-embedding-3-small\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
        "in=8", 8, 0);
    CHECK_SPAN(r.usage.model, SPAN("text-embedding-3-small"));
    dialect_rig_close(&r);
}

TEST(messages_usage)
{
    dialect_rig_open(&r, "anthropic_messages");
    USAGE("{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],\"usage\":"
          "{\"input_tokens\":3,\"cache_creation_input_tokens\":12304,\"cache_read_input_tokens\":7,\"cache_creation\":{\"ephemeral_5m_input_tokens\":12000,"
          "\"ephemeral_1h_input_tokens\":304},\"output_tokens\":550,\"service_tier\":\"standard\",\"server_tool_use\":{\"web_search_requests\":2},"
          "\"inference_geo\":\"us\"}}", "in=3 out=550 cache_read=7 cache_write=12000 cache_write_1h=304", 12314, 550);
    CHECK(!r.usage.tier.at);
    CHECK_SPAN(r.usage.geo, SPAN("us"));
    CHECK_INT(r.usage.fees[FEE_WEB_SEARCH], 2);
    USAGE("{\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":null,\"cache_creation\":null,\"output_tokens\":1,"
          "\"speed\":\"fast\",\"inference_geo\":\"not_available\"}}", "in=3 out=1 cache_write=10", 13, 1);
    CHECK_SPAN(r.usage.tier, SPAN("fast"));
    CHECK(!r.usage.geo.at);
    USAGE("{\"usage\":{\"input_tokens\":45,\"output_tokens\":1234,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":180,\"output_tokens\":3},"
          "{\"type\":\"message\",\"input_tokens\":45,\"output_tokens\":1234}]}}", "in=225 out=1237", 225, 1237);
    CHECK(!r.usage.others);
    USAGE("{\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"iterations\":[{\"type\":\"message\",\"model\":\"m\",\"input_tokens\":1,"
          "\"output_tokens\":2}]}}", "in=1 out=2", 1, 2);
    CHECK(!r.usage.others);
    USAGE("{\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"iterations\":[{\"type\":\"message\",\"input_tokens\":1,\"output_tokens\":2},"
          "{\"type\":\"advisor_message\",\"model\":\"dear\",\"input_tokens\":100,\"output_tokens\":200}]}}", "in=101 out=202", 101, 202);
    CHECK(r.usage.others);
    USAGE("{\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"iterations\":[{\"type\":\"advisor_message\",\"input_tokens\":1,\"output_tokens\":2}]}}", "in=1 out=2", 1, 2);
    CHECK(r.usage.others);
    USAGE("{\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"iterations\":[{\"type\":\"fallback_message\",\"model\":\"n\",\"input_tokens\":1,"
          "\"output_tokens\":2}]}}", "in=1 out=2", 1, 2);
    CHECK(r.usage.others);
    USAGE("{\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}", "", 0, 0);
    dialect_rig_close(&r);
}

/* --- from the vendor's answer to the bill --- */

static void check_bill(int line, const char *dialect, const char *provider, const char *model, const char *body, const char *want)
{
    struct price_book *book;
    struct trouble t = { 0 };
    nano_usd cost = -1;
    char text[MONEY_TEXT];
    CHECK_INT(price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &book, &t), E_OK);
    dialect_rig_open(&r, dialect);
    dialect_rig_usage(&r, body);
    enum err e = price_cost(price_find(book, span_of(provider), span_of(model)), &r.usage, INT64_C(1795176000000), &cost);
    if (e || !span_is(money_text(cost, text), span_of(want)))
        test_fail(__FILE__, line, "%s: %.*s, want %s", model, SPAN_ARG(money_text(cost, text)), want);
    dialect_rig_close(&r);
    price_book_free(book);
}
#define BILL(dialect, provider, model, body, want) check_bill(__LINE__, dialect, provider, model, body, want)

TEST(published_bills)
{
    BILL("openai_chat", "openai", "gpt-4o", "{\"usage\":{\"prompt_tokens\":2006,\"completion_tokens\":300,\"prompt_tokens_details\":{\"cached_tokens\":1920}}}", "0.005615");
    BILL("openai_chat", "openai", "gpt-5.6-sol", "{\"usage\":{\"prompt_tokens\":12317,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cache_write_tokens\":12314}}}", "0.061682");
    BILL("openai_chat", "xai", "grok-4.5", "{\"usage\":{\"prompt_tokens\":2461,\"completion_tokens\":0,\"total_tokens\":2461,\"prompt_tokens_details\":"
        "{\"text_tokens\":1319,\"image_tokens\":1142,\"cached_tokens\":2432}}}", "0.001274");
    BILL("openai_chat", "perplexity", "sonar-pro", "{\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":832,\"search_context_size\":\"high\"}}", "0.026558");
    BILL("anthropic_messages", "anthropic", "claude-sonnet-4-5", "{\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":12304,\"output_tokens\":550}}", "0.054399");
    BILL("anthropic_messages", "anthropic", "claude-opus-4-5", "{\"usage\":{\"input_tokens\":6,\"cache_creation_input_tokens\":159217,\"output_tokens\":2745}}", "1.06376125");
    BILL("anthropic_messages", "anthropic", "claude-opus-4-8", "{\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":1000000,\"cache_creation\":"
        "{\"ephemeral_5m_input_tokens\":600000,\"ephemeral_1h_input_tokens\":400000},\"output_tokens\":0}}", "7.75");
    BILL("anthropic_messages", "anthropic", "claude-opus-4-8", "{\"usage\":{\"input_tokens\":900000,\"output_tokens\":0}}", "4.5");
    BILL("anthropic_messages", "anthropic", "claude-opus-4-6", "{\"usage\":{\"input_tokens\":1000,\"output_tokens\":100,\"speed\":\"fast\",\"server_tool_use\":"
        "{\"web_search_requests\":1}}}", "0.055");
    BILL("openai_responses", "openai", "gpt-4o-mini", "{\"usage\":{\"input_tokens\":1000,\"output_tokens\":482,\"output_tokens_details\":{\"reasoning_tokens\":448}},"
        "\"output\":[{\"type\":\"web_search_call\"}]}", "0.0104392");
    BILL("openai_responses", "openai", "gpt-5", RESPONSE(RUN("a") "," RUN("a"), ""), "0.03001125");
    BILL("openai_responses", "xai", "grok-4", RESPONSE("{\"type\":\"x_search_call\"},{\"type\":\"code_interpreter_call\"}", ""), "0.010018");
}

TEST(cut_answers_do_no_harm)
{
    struct span whole = SPAN("{\"model\":\"m\",\"usage\":{\"prompt_tokens\":12,\"input_tokens\":12,\"output_tokens\":5,\"cost\":0.5,\"cache_creation\":{}},\"output\":[{\"type\":\"x\"}]}");
    static const char *const names[] = { "openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages" };
    for (size_t d = 0; d < 4; d++) {
        dialect_rig_open(&r, names[d]);
        for (size_t n = 0; n < whole.len; n++) {
            char body[200] = "";
            memcpy(body, whole.at, n);
            dialect_rig_usage(&r, body);
            CHECK(!r.usage.known);
        }
        dialect_rig_close(&r);
    }
}
