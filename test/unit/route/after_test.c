/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "test/unit/route/rig.h"

static const int64_t NOW = INT64_C(1700000000000); /* 2023-11-14T22:13:20Z */

static int64_t asked(const char *ms, const char *other, const char *after) { return retry_asked_ms(span_of(ms), span_of(other), span_of(after), NOW); }

TEST(a_vendor_may_say_how_long_to_wait)
{
    CHECK_INT(asked("750", NULL, "9"), 750);
    CHECK_INT(asked(NULL, "20.5", "9"), 20);
    CHECK_INT(asked(NULL, NULL, "9"), 9000);
    CHECK_INT(asked(NULL, NULL, "1.5"), 1500);
    CHECK_INT(asked(NULL, NULL, " 2 "), 2000);
    CHECK_INT(asked(NULL, NULL, "0"), 0);
    CHECK_INT(asked("soon", "-1", "9"), 9000);
    CHECK_INT(asked(NULL, NULL, "Tue, 14 Nov 2023 22:13:50 GMT"), 30000);
    CHECK_INT(asked(NULL, NULL, "Tue, 14 Nov 2023 22:13:10 GMT"), 0);
    CHECK_INT(asked(NULL, NULL, "Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    CHECK_INT(asked(NULL, NULL, "Fri, 31 Dec 9999 23:59:59 GMT"), 1000000000);
    CHECK_INT(asked(NULL, NULL, "99999999999"), 1000000000);
    CHECK_INT(asked(NULL, NULL, "Tue, 14 Foo 2023 22:13:50 GMT"), -1);
    CHECK_INT(asked(NULL, NULL, "Tue, 34 Nov 2023 22:13:50 GMT"), -1);
    CHECK_INT(asked(NULL, NULL, "1e3"), -1);
    CHECK_INT(asked(NULL, NULL, ""), -1);
    CHECK_INT(asked(NULL, NULL, NULL), -1);
}

TEST(waits_are_drawn_between_nothing_and_twice_as_long_each_time)
{
    struct retry r = route_retry_default;
    int64_t most[4] = { 0 }, least[4] = { INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
    for (uint64_t dice = 0; dice < 4000; dice++)
        for (int tries = 1; tries <= 3; tries++) {
            int64_t wait = retry_wait_ms(&r, tries, -1, dice);
            most[tries] = wait > most[tries] ? wait : most[tries];
            least[tries] = wait < least[tries] ? wait : least[tries];
        }
    CHECK(most[1] <= 500 && most[1] > 480 && least[1] >= 0 && least[1] < 20);
    CHECK(most[2] <= 1000 && most[2] > 960 && least[2] >= 0 && least[2] < 40);
    CHECK(most[3] <= 2000 && most[3] > 1920);
    CHECK(retry_wait_ms(&r, 60, -1, 3) <= r.most_ms);
    CHECK_INT(retry_wait_ms(&r, 1, 4000, 1), 4000);
    CHECK_INT(retry_wait_ms(&r, 1, ROUTE_WAIT_MOST_MS, 1), ROUTE_WAIT_MOST_MS);
    CHECK_INT(retry_wait_ms(&r, 1, ROUTE_WAIT_MOST_MS + 1, 1), -1);
    r.use_retry_after = false;
    CHECK(retry_wait_ms(&r, 1, 40000, 1) <= 500);
}

TEST(the_same_target_is_asked_again_for_listed_codes_only)
{
    struct retry r = route_retry_default;
    struct attempt_end busy = { .status = 429 }, bad = { .status = 400 }, gone = { .status = 0 }, late = { .status = 0, .failures = FAILURE_TIMEOUT };
    CHECK(!retry_again(&r, 1, &busy));
    r.attempts = 2;
    CHECK(retry_again(&r, 1, &busy) && retry_again(&r, 2, &busy) && !retry_again(&r, 3, &busy));
    CHECK(!retry_again(&r, 1, &bad));
    CHECK(retry_again(&r, 1, &gone) && retry_again(&r, 1, &late));
    busy.accepted = true;
    CHECK(!retry_again(&r, 1, &busy));
    busy = (struct attempt_end){ .status = 429, .unfit = true };
    CHECK(!retry_again(&r, 1, &busy));
    r.on = (struct codes){ true, { 429 }, 1 };
    CHECK(!retry_again(&r, 1, &gone) && !retry_again(&r, 1, &late));
    r.on = (struct codes){ true, { 408 }, 1 };
    CHECK(retry_again(&r, 1, &late) && !retry_again(&r, 1, &gone));
}

TEST(failures_have_classes)
{
    static const struct {
        int status;
        const char *body;
        unsigned want;
    } rows[] = {
        { 400, "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens.\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}",
            FAILURE_CONTEXT_WINDOW },
        { 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}", FAILURE_CONTEXT_WINDOW },
        { 400, "{\"error\":{\"code\":400,\"message\":\"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}",
            FAILURE_CONTEXT_WINDOW },
        { 400, "{\"message\":\"Input is too long for requested model.\",\"__type\":\"ValidationException\"}", FAILURE_CONTEXT_WINDOW },
        { 400, "{\"error\":{\"message\":\"The response was filtered\",\"code\":\"content_filter\",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
            FAILURE_CONTENT_POLICY },
        { 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Output blocked by content filtering policy\"}}", FAILURE_CONTENT_POLICY },
        { 403, "{\"error\":{\"message\":\"violates our usage policy\"}}", FAILURE_CONTENT_POLICY },
        { 200, "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}", FAILURE_CONTENT_POLICY },
        { 429, "{\"error\":{\"message\":\"Request too large: context length per minute\",\"code\":\"rate_limit_exceeded\"}}", FAILURE_RATE_LIMIT },
        { 429, "{\"error\":{\"code\":\"insufficient_quota\"}}", FAILURE_RATE_LIMIT },
        { 429, "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]", FAILURE_RATE_LIMIT },
        { 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low to access the API\"}}", FAILURE_RATE_LIMIT },
        { 529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", FAILURE_OUTAGE },
        { 503, "{\"error\":{\"status\":\"UNAVAILABLE\"}}", FAILURE_OUTAGE },
        { 504, "", FAILURE_OUTAGE | FAILURE_TIMEOUT },
        { 408, "{\"message\":\"x\",\"__type\":\"ModelTimeoutException\"}", FAILURE_TIMEOUT },
        { 0, "", FAILURE_OUTAGE },
        { 401, "{\"error\":{\"code\":\"invalid_api_key\"}}", FAILURE_AUTH },
        { 400, "{\"error\":{\"message\":\"API key not valid. Please pass a valid API key.\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}", FAILURE_AUTH },
        { 400, "not JSON about a context_length_exceeded", 0 },
        { 400, "{\"request\":{\"messages\":\"rate_limit content_filter\"},\"error\":{\"message\":\"no\"}}", 0 },
        { 404, "{\"error\":{\"message\":\"no such model\"}}", 0 },
        { 200, "{\"choices\":[{\"text\":\"content_filter\"}]}", 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned got = failure_of(rows[i].status, span_of(rows[i].body));
        if (got != rows[i].want)
            test_fail(__FILE__, __LINE__, "%s: got %u, want %u", rows[i].body, got, rows[i].want);
    }
}

/* ---- parameters ---- */

static void applies(int line, const char *config, const char *body, const char *want)
{
    struct rig g;
    struct buf out;
    struct json *j = json_new();
    route_rig_init(&g);
    buf_init(&out, 1 << 16);
    if (rig_read(&g, config)) {
        bool good = target_apply(g.route->target, j, span_of(body), &g.a, &out);
        struct span got = good ? buf_span(&out) : SPAN("no");
        if (!span_is(got, span_of(want)))
            test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    }
    buf_free(&out);
    json_free(j);
    route_rig_free(&g);
}
#define APPLIES(config, body, want) applies(__LINE__, config, body, want)

TEST(parameters_are_laid_over_a_body)
{
    APPLIES("{\"override_params\":{\"temperature\":0.5,\"user\":\"x\"}}", "{\"temperature\":1,\"n\":1.50}", "{\"temperature\":0.5,\"n\":1.50,\"user\":\"x\"}");
    APPLIES("{\"default_params\":{\"temperature\":0.5,\"stop\":[\"a\"]}}", "{\"temperature\":1}", "{\"temperature\":1,\"stop\":[\"a\"]}");
    APPLIES("{\"default_params\":{\"a\":1},\"override_params\":{\"a\":2}}", "{}", "{\"a\":2}");
    APPLIES("{\"default_params\":{\"a\":1},\"override_params\":{\"b\":null},\"drop_params\":[\"a\"]}", "{\"c\":{\"d\":1}}", "{\"c\":{\"d\":1},\"b\":null}");
    APPLIES("{\"override_params\":{\"model\":\"gpt-5\"}}", "{\"model\":\"x\"}", "{\"model\":\"x\"}");
    APPLIES("{}", "{ \"a\" : [ 1,\n2 ] }", "{\"a\":[ 1,\n2 ]}");
    APPLIES("{\"drop_params\":[\"seed\"]}", "[1]", "no");
    APPLIES("{\"drop_params\":[\"seed\"]}", "{\"a\":", "no");
    APPLIES("{\"drop_params\":[\"seed\"]}", "{\"a\":1,\"a\":2}", "no");
}

TEST(what_is_dropped_may_lie_deep)
{
    APPLIES("{\"drop_params\":[\"a.b\"]}", "{\"a\":{\"b\":1,\"c\":2},\"ab\":3}", "{\"a\":{\"c\":2},\"ab\":3}");
    APPLIES("{\"drop_params\":[\"a[0].b\"]}", "{\"a\":[{\"b\":1},{\"b\":2}]}", "{\"a\":[{},{\"b\":2}]}");
    APPLIES("{\"drop_params\":[\"a[*].b\",\"a[*].c.d\"]}", "{\"a\":[{\"b\":1,\"x\":[true,null]},{\"b\":2,\"c\":{\"d\":\"\\u00e9\",\"e\":1e3}}]}",
        "{\"a\":[{\"x\":[true,null]},{\"c\":{\"e\":1e3}}]}");
    APPLIES("{\"drop_params\":[\"a[1]\"]}", "{\"a\":[1,2,3]}", "{\"a\":[1,3]}");
    APPLIES("{\"drop_params\":[\"a[*][0]\"]}", "{\"a\":[[1,2],[3]]}", "{\"a\":[[2],[]]}");
    APPLIES("{\"drop_params\":[\"a.b.c\",\"a.z\"]}", "{\"a\":\"text\"}", "{\"a\":\"text\"}");
    APPLIES("{\"drop_params\":[\"o.b\"],\"override_params\":{\"o\":{\"b\":1,\"c\":2}}}", "{}", "{\"o\":{\"c\":2}}");
}
