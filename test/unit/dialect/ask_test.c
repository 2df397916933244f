/* SPDX-License-Identifier: Apache-2.0
 * ask_test.c - what requests say, what is refused, and whether the bound of the input is one. */
#include <stdlib.h>

#include "rig.h"
#include "test/test.h"

static struct rig r;

#define OPEN(name) dialect_rig_open(&r, name)
#define CLOSE() dialect_rig_close(&r)

static void check_refused(int line, const char *body, enum err want)
{
    enum err e = dialect_rig_ask(&r, body);
    if (e != want || !r.why)
        test_fail(__FILE__, line, "%s: got %.*s (%s)", body, SPAN_ARG(err_code(e)), r.why ? r.why : "no reason");
}
#define REFUSED(body, e) check_refused(__LINE__, body, e)

TEST(registry)
{
    CHECK(dialect_find(SPAN("openai_chat")) && dialect_find(SPAN("openai_responses")));
    CHECK(dialect_find(SPAN("openai_embeddings")) && dialect_find(SPAN("anthropic_messages")));
    CHECK(!dialect_find(SPAN("openai")) && !dialect_find(SPAN_NONE));
}

TEST(chat)
{
    OPEN("openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("gpt-4o"));
    CHECK(!r.ask.stream && r.ask.usage_wanted && !r.ask.input_unbounded && !r.ask.tier.at && !r.ask.user.at);
    CHECK_INT(r.ask.output_limit, -1);
    CHECK_INT(r.ask.choices, 1);
    CHECK_INT(r.ask.input_most, 62 + 128);
    CHECK_INT(dialect_rig_ask(&r, "{\"stream\":true,\"max_tokens\":10,\"max_completion_tokens\":20,\"n\":3,\"service_tier\":\"flex\",\"user\":"
        "\"u\\u00e9\",\"model\":\"a\\/b\",\"messages\":[],\"tools\":[]}"), E_OK);
    CHECK(r.ask.stream && !r.ask.usage_wanted);
    CHECK_SPAN(r.ask.model, SPAN("a/b"));
    CHECK_SPAN(r.ask.user, SPAN("u\xc3\xa9"));
    CHECK_SPAN(r.ask.tier, SPAN("flex"));
    CHECK_INT(r.ask.output_limit, 20);
    CHECK_INT(r.ask.choices, 3);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"service_tier\":\"default\"}"), E_OK);
    CHECK(r.ask.usage_wanted && !r.ask.tier.at);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"stream\":null,\"max_tokens\":null,\"n\":null,\"stream_options\":null,\"user\":null}"), E_OK);
    CHECK(!r.ask.stream && r.ask.output_limit == -1 && r.ask.choices == 1);
    CLOSE();
}

/* At Azure it stands in the path: that there is one is the flow's to see. */
TEST(a_chat_may_name_no_model)
{
    OPEN("openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"messages\":[]}"), E_OK);
    CHECK_INT(r.ask.model.len, 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":null,\"stream\":true}"), E_OK);
    CHECK(r.ask.model.len == 0 && r.ask.stream);
    CLOSE();
}

TEST(chat_refusals)
{
    OPEN("openai_chat");
    REFUSED("", E_BAD_REQUEST);
    REFUSED("[]", E_BAD_REQUEST);
    REFUSED("{\"model\":\"\"}", E_BAD_REQUEST);
    REFUSED("{\"model\":5}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\\r\\nx: y\"}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"model\":\"b\"}", E_NOT_CANONICAL);
    REFUSED("{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", E_NOT_CANONICAL);
    REFUSED("{\"model\":\"a\",\"Model\":\"b\"}", E_NOT_CANONICAL);
    REFUSED("{\"model\":\"a\",\"MAX_TOKENS\":5}", E_NOT_CANONICAL);
    REFUSED("{\"model\":\"a\",\"max_tokens\":5,\"max_tokens\":6}", E_NOT_CANONICAL);
    REFUSED("{\"model\":\"a\",\"max_tokens\":\"5\"}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"max_tokens\":-5}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"max_tokens\":1e9}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"max_tokens\":5.0}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"max_tokens\":9223372036854775807}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"max_tokens\":99999999999999999999}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"stream\":\"true\"}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"stream\":1}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"n\":[2]}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"stream_options\":5}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"stream_options\":{\"include_usage\":\"yes\"}}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\"} x", E_BAD_REQUEST);
    REFUSED("{\"model\":\"a\",\"x\":\"\xff\"}", E_BAD_REQUEST);
    CLOSE();
}

#define PICTURE "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
#define CHAT(part) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"

/* The bound less the bytes of the body and what is added to all. */
static int64_t beyond(const char *body, int64_t extra)
{
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    return r.ask.input_most - (int64_t)strlen(body) - extra;
}

TEST(chat_pictures)
{
    const int64_t most = 2833 + 4 * 5667, less = sizeof("\"" PICTURE "\"") - 1; /* of one pixel: as if it were scaled to 768 */
    OPEN("openai_chat");
    CHECK_INT(beyond(CHAT("{\"type\":\"text\",\"text\":\"" PICTURE "\"}"), 128), 0);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond(CHAT("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PICTURE "\",\"detail\":\"low\"}}"), 128), most - less);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond(CHAT("{\"image\\u005furl\":{\"\\u0075rl\":\"" PICTURE "\"},\"type\":\"image_url\"},{\"image_url\":\"" PICTURE "\"}"), 128), 2 * (most - less));
    CHECK_INT(beyond(CHAT("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}"), 128), 0);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(beyond(CHAT("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:application/pdf;base64,AAAA\"}}"), 128), 0);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(beyond(CHAT("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"), 128), 0);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(beyond(CHAT("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}"), 128), 0);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond("{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}]}", 128), 0);
    CHECK(r.ask.input_unbounded);
    /* a function's own description that looks like a picture is text */
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"content\":[{\"image_url\":{\"url\":\"" PICTURE "\"}}]}]}", 128 + 1024), 0);
    CHECK_INT(beyond("{\"model\":\"m\",\"messages\":[{\"x\":[{\"content\":[{\"image_url\":{\"url\":\"" PICTURE "\"}}]}]}]}", 128), 0);
    CLOSE();
}

TEST(chat_search_and_prediction)
{
    OPEN("openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-4o-search-preview\",\"messages\":[]}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == 1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"web_search_options\":{}}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == 1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"openai/gpt-4o:online\"}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == -1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"prediction\":{\"type\":\"content\",\"content\":\"abc\"}}"), E_OK);
    CHECK_INT(r.ask.output_extra, 34);
    CLOSE();
}

/* Tools that a vendor runs bring input, and are charged apart; functions are the caller's. */
TEST(chat_tools_of_the_vendors)
{
    static const struct {
        const char *type;
        enum fee fee;
    } own[] = { { "browser_search", FEE_WEB_SEARCH }, { "web_search", FEE_WEB_SEARCH }, { "openrouter:web_search", FEE_WEB_SEARCH },
        { "x_search", FEE_X_SEARCH }, { "code_interpreter", FEE_CODE_EXECUTION }, { "code_execution", FEE_CODE_SESSION }, { "tool_of_tomorrow", FEE_REQUEST },
        { "functio\\u006e", FEE_REQUEST } };
    OPEN("openai_chat");
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"functions\":[],\"tools\":[{\"type\":\"function\"},{\"t\\u0079pe\":\"%s\"}]}", own[i].type);
        CHECK_INT(beyond(body, 128 + 1024 + 2048), 0);
        if (!r.ask.input_unbounded || r.ask.fees[own[i].fee] != -1)
            test_fail(__FILE__, __LINE__, "taken for a function: %s", own[i].type);
    }
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"type\":\"mcp\"}],\"web_search_options\":{}}", 128 + 1024 + 2048), 0);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], 1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search\"}],\"web_search_options\":{}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], -1);
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"function\":{\"parameters\":{\"properties\":{\"type\":{\"type\":\"string\"}}}}},"
        "{\"type\":\"custom\",\"custom\":{\"name\":\"x\"}}]}", 128 + 1024), 0);
    CHECK(!r.ask.input_unbounded);
    for (int fee = 0; fee < FEE_COUNT; fee++)
        CHECK_INT(r.ask.fees[fee], 0);
    CLOSE();
}

TEST(chat_searches_that_a_member_asks_for)
{
    OPEN("openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"n\":2,\"search_parameters\":{\"mode\":\"auto\",\"max_search_results\":5}}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_SOURCE] == 10 && !r.ask.unlimited);
    static const char *const open[] = { "{}", "{\"mode\":\"on\"}", "{\"max_search_results\":1e9}", "{\"max_search_results\":\"5\"}", "true" };
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
        char body[200];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"search_parameters\":%s}", open[i]);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        CHECK(r.ask.input_unbounded && r.ask.fees[FEE_SOURCE] == -1);
        CHECK(r.ask.unlimited && span_find(span_of(r.ask.unlimited), SPAN("set max_search_results")) >= 0);
    }
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"search_parameters\":{\"mode\":\"off\"},\"enable_search\":false,\"enable_code_interpreter\":null}"), E_OK);
    CHECK(!r.ask.input_unbounded && !r.ask.fees[FEE_SOURCE] && !r.ask.fees[FEE_WEB_SEARCH] && !r.ask.unlimited);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"qwen-plus\",\"enable_search\":true}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == -1);
    CHECK(r.ask.unlimited && span_starts(span_of(r.ask.unlimited), SPAN("enable_search:")));
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"qwen-plus\",\"enable_code_interpreter\":true}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_CODE_EXECUTION], -1);
    CLOSE();
}

TEST(chat_plugins_and_cached_content)
{
    OPEN("openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"x/y:free\",\"plugins\":[{\"id\":\"web\"}]}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_WEB_SEARCH] == -1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"x/y:free\",\"plugins\":[ ]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"extra_body\":{\"google\":{\"cached_content\":\"cachedContents/1\"}}}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"extra_body\":{\"google\":{\"cachedContent\":\"cachedContents/1\"}}}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"extra_body\":{\"google\":{\"thinking_config\":{\"thinking_budget\":5}}}}"), E_OK);
    CHECK(!r.ask.input_unbounded);
    CLOSE();
}

TEST(responses)
{
    OPEN("openai_responses");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-5.4\",\"input\":\"hi\",\"max_output_tokens\":9,\"stream\":true,\"service_tier\":\"auto\"}"), E_OK);
    CHECK(r.ask.stream && r.ask.usage_wanted && !r.ask.input_unbounded);
    CHECK_SPAN(r.ask.tier, SPAN("auto"));
    CHECK_INT(r.ask.output_limit, 9);
    static const char *const unbounded[] = { "\"previous_response_id\":\"r\"", "\"conversation\":\"c\"", "\"prompt\":{\"id\":\"p\"}",
        "\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}]", "\"input\":[{\"id\":\"x\"}]", "\"tools\":[{\"type\":\"web_search\"}]", "\"tools\":[{\"type\":\"mcp\"}]",
        "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}]",
        "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://x\"}]}]",
        "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"file_id\":\"f\"}]}]",
        "\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"input_image\",\"image_url\":\"https://x\"}]}]" };
    for (size_t i = 0; i < sizeof(unbounded) / sizeof(*unbounded); i++) {
        char body[400];
        snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", unbounded[i]);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        if (!r.ask.input_unbounded)
            test_fail(__FILE__, __LINE__, "bounded: %s", body);
    }
    CHECK_INT(beyond("{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"},{\"type\":"
        "\"input_image\",\"image_url\":\"" PICTURE "\"}]},{\"type\":\"function_call_output\",\"output\":\"y\"}]}", 128), 2833 + 4 * 5667 - (int64_t)sizeof("\"" PICTURE "\"") + 1);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"type\":\"function\",\"parameters\":{\"type\":\"object\"}}]}", 128 + 1024), 0);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_preview\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], -1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"max_tool_calls\":4,\"tools\":[{\"type\":\"web_search\"},{\"type\":\"file_search\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], 4);
    CHECK_INT(r.ask.fees[FEE_FILE_SEARCH], 4);
    CLOSE();
}

TEST(responses_kept_prompts_and_live_search)
{
    OPEN("openai_responses");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"max_tool_calls\":2,\"tools\":[{\"type\":\"web_search\"}],\"prompt\":{\"id\":\"pmpt_1\"}}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_REQUEST] == -1);
    CHECK(r.ask.unlimited && span_starts(span_of(r.ask.unlimited), SPAN("prompt:")));
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tool_choice\":\"none\",\"prompt\":{\"id\":\"pmpt_1\"}}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_REQUEST] == 0 && !r.ask.unlimited);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"max_tool_calls\":2,\"search_parameters\":{\"mode\":\"on\"}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_SOURCE], -1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"max_tool_calls\":2,\"tools\":[{\"type\":\"web_search\"}]}"), E_OK);
    CHECK(!r.ask.unlimited);
    CLOSE();
}

TEST(responses_tools_are_charged_apart)
{
    static const struct {
        const char *tool;
        enum fee fee;
        int64_t bounded; /* by max_tool_calls: 3 */
    } own[] = { { "\"image_generation\",\"quality\":\"high\"", FEE_IMAGE_UNIT, 3 }, { "\"code_interpreter\",\"container\":{\"type\":\"auto\"}", FEE_CODE_SESSION, 3 },
        { "\"code_interpreter\"", FEE_CODE_EXECUTION, 3 }, { "\"x_search\"", FEE_X_SEARCH, 3 }, { "\"collections_search\"", FEE_FILE_SEARCH, 3 },
        { "\"shell\",\"environment\":{\"type\":\"container_auto\"}", FEE_CODE_SESSION, 3 }, { "\"tool_of_tomorrow\"", FEE_REQUEST, -1 } };
    static const char *const callers[] = { "function", "custom", "computer", "computer_use_preview", "local_shell", "shell", "apply_patch", "mcp", "namespace" };
    char body[300];
    OPEN("openai_responses");
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"tools\":[{\"type\":%s}]}", own[i].tool);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        if (!r.ask.input_unbounded || r.ask.fees[own[i].fee] != -1)
            test_fail(__FILE__, __LINE__, "bounded: %s", own[i].tool);
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"max_tool_calls\":3,\"tools\":[{\"type\":%s}]}", own[i].tool);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        CHECK_INT(r.ask.fees[own[i].fee], own[i].bounded);
    }
    for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"tools\":[{\"type\":\"%s\",\"environment\":{\"type\":\"local\"}}]}", callers[i]);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        for (int fee = 0; fee < FEE_COUNT; fee++)
            CHECK_INT(r.ask.fees[fee], 0);
    }
    CLOSE();
}

TEST(embeddings)
{
    OPEN("openai_embeddings");
    CHECK_INT(beyond("{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", 128), 0);
    CHECK(!r.ask.input_unbounded && r.ask.output_limit == 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"input\":[[1,2],[3]]}"), E_OK);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"input\":[\"a\",{\"image\":\"https://x\"}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CLOSE();
}

TEST(messages)
{
    OPEN("anthropic_messages");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":1024,\"stream\":true,\"metadata\":{\"user_id\":\"u1\"},\"speed\":\"fast\","
        "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"), E_OK);
    CHECK(r.ask.stream && r.ask.usage_wanted && !r.ask.input_unbounded);
    CHECK_SPAN(r.ask.user, SPAN("u1"));
    CHECK_SPAN(r.ask.tier, SPAN("fast"));
    CHECK_INT(r.ask.output_limit, 1024);
    REFUSED("{\"model\":\"m\",\"max_tokens\":1,\"max_tokens\":2}", E_NOT_CANONICAL);
#define CLAUDE(block) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" block "]}]}"
    CHECK_INT(beyond(CLAUDE("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAABBBB\"}}"), 128), 8192 - 10);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond(CLAUDE("{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAABBBB\"}}]}"), 128), 8192 - 10);
    CHECK(!r.ask.input_unbounded);
    CHECK_INT(beyond(CLAUDE("{\"type\":\"tool_use\",\"input\":{\"content\":[{\"source\":{\"data\":\"AAAA\"}}]}}"), 128), 0);
    static const char *const unbounded[] = { CLAUDE("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}"),
        CLAUDE("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
        CLAUDE("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}"), CLAUDE("{\"type\":\"container_upload\",\"file_id\":\"f\"}"),
        CLAUDE("{\"type\":\"tool_result\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"url\"}}]}"),
        "{\"model\":\"m\",\"mcp_servers\":[{}]}", "{\"model\":\"m\",\"tools\":[{\"type\":\"web_fetch_20250910\",\"name\":\"web_fetch\"}]}" };
    for (size_t i = 0; i < sizeof(unbounded) / sizeof(*unbounded); i++) {
        CHECK_INT(dialect_rig_ask(&r, unbounded[i]), E_OK);
        if (!r.ask.input_unbounded)
            test_fail(__FILE__, __LINE__, "bounded: %s", unbounded[i]);
    }
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}},{\"type\":\"web_search_20250305\",\"max_uses\":5}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], 5);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20250305\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_WEB_SEARCH], -1);
    CHECK(r.ask.unlimited && span_find(span_of(r.ask.unlimited), SPAN("max_uses")) >= 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"code_execution_20260521\",\"name\":\"code_execution\"}]}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_CODE_SESSION] == 1 && r.ask.session_untold);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_search_20260318\"},{\"type\":\"advisor_20260301\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_REQUEST], -1);
    CHECK(r.ask.unlimited && span_find(span_of(r.ask.unlimited), SPAN("advisor")) >= 0);
    REFUSED("{\"model\":\"m\",\"tools\":[{\"type\":\"advisor_20260301\",\"name\":\"advisor\",\"model\":\"x\"}]}", E_BAD_REQUEST);
    REFUSED("{\"model\":\"m\",\"tools\":[{\"name\":\"f\"},{\"mod\\u0065l\":null,\"type\":\"new_20270101\"}]}", E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"properties\":{\"model\":{\"type\":\"string\"}}}}]}"), E_OK);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"tools\":[{\"type\":\"web_fetch_20260318\"},{\"type\":\"tool_search_tool_bm25_20251119\"},{\"type\":\"mcp_toolset\"}]}"), E_OK);
    CHECK(r.ask.input_unbounded && !r.ask.fees[FEE_REQUEST]);
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"type\":\"browser_toolset_20260801\"}]}", 128 + 1024 + 2048), 0);
    CHECK_INT(beyond("{\"model\":\"m\",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]}", 128 + 1024 + 2048), 0);
    CHECK(!r.ask.input_unbounded);
    CLOSE();
}

TEST(cut_requests_are_refused)
{
    static const struct {
        const char *dialect, *body;
    } cases[] = {
        { "openai_chat", CHAT("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PICTURE "\"}},{\"type\":\"text\",\"text\":\"\\u00e9\\n\"}") },
        { "openai_responses", "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}]}],\"tools\":[{\"type\":\"x\"}]}" },
        { "openai_embeddings", "{\"model\":\"m\",\"input\":[\"a\",[1,2]]}" },
        { "anthropic_messages", "{\"model\":\"m\",\"max_tokens\":5,\"tools\":[{\"type\":\"web_search_1\",\"max_uses\":2}],\"messages\":[]}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span whole = span_of(cases[i].body);
        OPEN(cases[i].dialect);
        CHECK_INT(dialect_rig_ask_span(&r, whole), E_OK);
        for (size_t n = 0; n < whole.len; n++)
            CHECK_INT(dialect_rig_ask_span(&r, span_first(whole, n)), E_BAD_REQUEST);
        CLOSE();
    }
}

/* Changed bytes: any answer, but an answer; and a bound not below zero. */
TEST(damaged_requests_do_no_harm)
{
    const char *whole = CHAT("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PICTURE "\"}}");
    size_t len = strlen(whole), taken = 0;
    char *body = malloc(len);
    OPEN("openai_chat");
    for (size_t i = 0; i < len; i++) {
        static const char bytes[] = "\"\\{}[]:,0 \xc3";
        for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
            memcpy(body, whole, len);
            body[i] = bytes[k];
            enum err e = dialect_rig_ask_span(&r, span_make(body, len));
            taken += e == E_OK;
            CHECK(e || r.ask.input_most > 0);
        }
    }
    CHECK(taken > 0);
    free(body);
    CLOSE();
}

TEST(other_models_are_refused)
{
    static const char *const dialects[] = { "openai_chat", "anthropic_messages" };
    for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++) {
        OPEN(dialects[i]);
        REFUSED("{\"model\":\"m\",\"models\":[\"x\"],\"messages\":[]}", E_BAD_REQUEST);
        REFUSED("{\"model\":\"m\",\"fallbacks\":[{\"model\":\"x\"}],\"models\":[ ],\"messages\":[]}", E_BAD_REQUEST);
        REFUSED("{\"model\":\"m\",\"models\":[\"x\"],\"fallbacks\":[],\"messages\":[]}", E_BAD_REQUEST);
        REFUSED("{\"model\":\"m\",\"models\":\"x\",\"messages\":[]}", E_BAD_REQUEST);
        CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"models\":[],\"fallbacks\":null,\"messages\":[]}"), E_OK);
        CLOSE();
    }
}

/* A limit of 0 holds nobody to nothing: some vendors write without end then, others refuse it. */
TEST(a_limit_of_zero_is_none)
{
    static const struct {
        const char *dialect, *body;
        bool stays;
    } cases[] = {
        { "openai_chat", "{\"model\":\"m\",\"messages\":[],\"max_tokens\":0}", false },
        { "openai_chat", "{\"model\":\"m\",\"messages\":[],\"max_tokens\":0,\"max_completion_tokens\":5}", false },
        { "openai_responses", "{\"model\":\"m\",\"max_output_tokens\":0}", false },
        { "openai_completions", "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":0}", false },
        { "openai_completions", "{\"model\":\"m\",\"prompt\":\"a\",\"max_tokens\":0,\"echo\":true}", true },
        { "anthropic_messages", "{\"model\":\"m\",\"messages\":[],\"max_tokens\":0}", true },
        { "bedrock_converse", "{\"messages\":[],\"inferenceConfig\":{\"maxTokens\":0}}", true },
        { "gemini", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":0}}", false },
        { "ollama", "{\"model\":\"m\",\"messages\":[],\"options\":{\"num_predict\":0}}", false },
        { "cohere", "{\"model\":\"m\",\"messages\":[],\"max_tokens\":0}", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        OPEN(cases[i].dialect);
        CHECK_INT(dialect_rig_ask(&r, cases[i].body), E_OK);
        if (r.ask.output_limit != -1 || !r.ask.zero_limit || r.ask.zero_stays != cases[i].stays)
            test_fail(__FILE__, __LINE__, "%s: %lld", cases[i].body, (long long)r.ask.output_limit);
        CLOSE();
    }
    OPEN("ollama");
    for (int n = -9; n < 0; n++) {
        char body[100];
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[],\"options\":{\"num_predict\":%d}}", n);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        CHECK_INT(r.ask.output_limit, -1);
    }
    CLOSE();
}

/* What a vendor runs reads all anew each time. */
TEST(rounds_of_tools_that_the_vendor_runs)
{
    static const struct {
        const char *dialect, *members;
        int64_t rounds;
    } cases[] = {
        { "openai_responses", "\"input\":\"a\"", 0 },
        { "openai_responses", "\"tools\":[{\"type\":\"function\"},{\"type\":\"local_shell\"},{\"type\":\"computer_use_preview\"}],\"max_tool_calls\":9", 0 },
        { "openai_responses", "\"tools\":[{\"type\":\"web_search\"}],\"max_tool_calls\":60", 60 },
        { "openai_responses", "\"tools\":[{\"type\":\"web_search\"}],\"max_tool_calls\":0", 0 },
        { "openai_responses", "\"tools\":[{\"type\":\"mcp\"}]", 3 },
        { "openai_responses", "\"tools\":[{\"type\":\"shell\",\"environment\":{\"type\":\"container_auto\"}}]", 3 },
        { "openai_responses", "\"prompt\":{\"id\":\"p\"}", 3 },
        { "openai_chat", "\"messages\":[],\"tools\":[{\"type\":\"browser_search\"}]", 3 },
        { "anthropic_messages", "\"tools\":[{\"name\":\"f\"},{\"type\":\"custom\",\"name\":\"g\"},{\"type\":\"bash_20250124\"}]", 0 },
        { "anthropic_messages", "\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":5},{\"type\":\"web_fetch_20250910\",\"max_uses\":2}]", 7 },
        { "anthropic_messages", "\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":5},{\"type\":\"code_execution_20250825\"}]", 8 },
        { "anthropic_messages", "\"mcp_servers\":[{}]", 3 },
        { "anthropic_messages", "\"mcp_servers\":[{}],\"tools\":[{\"type\":\"web_fetch_20250910\",\"max_uses\":2}]", 5 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char body[400];
        snprintf(body, sizeof(body), "{\"model\":\"m\",%s}", cases[i].members);
        OPEN(cases[i].dialect);
        CHECK_INT(dialect_rig_ask(&r, body), E_OK);
        if (r.ask.rounds != cases[i].rounds || (r.ask.rounds && !r.ask.input_unbounded))
            test_fail(__FILE__, __LINE__, "%s: %lld", body, (long long)r.ask.rounds);
        CLOSE();
    }
    OPEN("gemini");
    CHECK_INT(dialect_rig_ask(&r, "{\"contents\":[],\"tools\":[{\"urlContext\":{}}]}"), E_OK);
    CHECK_INT(r.ask.rounds, 1);
    CHECK_INT(dialect_rig_ask(&r, "{\"contents\":[],\"tools\":[{\"computerUse\":{}},{\"functionDeclarations\":[]}]}"), E_OK);
    CHECK_INT(r.ask.rounds, 0);
    CLOSE();
    OPEN("openai_responses");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"o4-mini-deep-research\",\"tools\":[{\"type\":\"mcp\"}]}"), E_OK);
    CHECK(r.ask.rounds == -1 && r.ask.unlimited && span_find(span_of(r.ask.unlimited), SPAN("max_tool_calls")) >= 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"o4-mini-deep-research\",\"max_tool_calls\":60,\"tools\":[{\"type\":\"mcp\"}]}"), E_OK);
    CHECK(r.ask.rounds == 60 && !r.ask.unlimited);
    CLOSE();
}
