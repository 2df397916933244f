/* SPDX-License-Identifier: Apache-2.0
 * now_test.c - GET /now after calls whose outcome is known, and while one is under way. */
#include "test/unit/admin/scene.h"

#include <time.h>

static void rest(int ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL); }

static long long sum_of(struct scene *s, const char *member)
{
    long long sum = 0;
    char path[64];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "rates.%d.%s", i, member);
        sum += scene_number(s, path);
    }
    return sum;
}

TEST(now_shows_what_was_spent_and_by_whom)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_1"), 200);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", "run_1"), 200);
    CHECK_INT(scene_call(&s, SPAN("tg_nobody"), "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_9\",\"reason\":\"a test\"}"), 200);
    rest(1100); /* rates are those of seconds that are over */
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/now", NULL), 200);
    CHECK_SPAN(scene_text(&s, "spend.minute_usd"), SPAN("2"));
    CHECK_SPAN(scene_text(&s, "spend.hour_usd"), SPAN("2"));
    CHECK_SPAN(scene_text(&s, "spend.today_usd"), SPAN("2"));
    CHECK_SPAN(scene_text(&s, "spend.month_usd"), SPAN("2"));
    CHECK_INT(sum_of(&s, "calls"), 3);
    CHECK_INT(sum_of(&s, "refused"), 1);
    CHECK_INT(sum_of(&s, "errors"), 0);
    CHECK_INT(scene_number(&s, "open_calls"), 0);
    CHECK_INT(scene_number(&s, "in_doubt.count"), 0);
    CHECK_SPAN(scene_text(&s, "in_doubt.usd"), SPAN("0"));
    CHECK_SPAN(scene_text(&s, "stops.0.value"), SPAN("run_9"));
    CHECK_SPAN(scene_text(&s, "top.keys.0.name"), SPAN("agent"));
    CHECK_SPAN(scene_text(&s, "top.keys.0.cost_usd"), SPAN("2"));
    CHECK_SPAN(scene_text(&s, "top.runs.0.id"), SPAN("run_1"));
    CHECK_INT(scene_number(&s, "top.runs.0.calls"), 2);
    CHECK_SPAN(scene_text(&s, "top.vendors.0.id"), SPAN("acme"));
    CHECK_SPAN(scene_text(&s, "caps.0.subject"), SPAN("key:agent"));
    CHECK_SPAN(scene_text(&s, "caps.0.unit"), SPAN("usd"));
    CHECK_SPAN(scene_text(&s, "caps.0.limit"), SPAN("10"));
    CHECK_SPAN(scene_text(&s, "caps.0.spent"), SPAN("2"));
    CHECK_INT(scene_number(&s, "caps.0.percent"), 20);
    CHECK_SPAN(scene_text(&s, "alarms"), SPAN("[]"));
    scene_close(&s);
}

TEST(now_shows_what_is_in_doubt)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK(scene_call(&s, token, "POST", "/acme/v1/lose", "run_1") >= 500);
    rest(1100);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/now", NULL), 200);
    CHECK_INT(scene_number(&s, "in_doubt.count"), 1);
    CHECK_SPAN(scene_text(&s, "in_doubt.usd"), SPAN("3"));
    CHECK_INT(sum_of(&s, "errors"), 1);
    CHECK_SPAN(scene_text(&s, "caps.0.reserved"), SPAN("3"));
    scene_close(&s);
}

/* One that asks at once after another gets the same sums; both are answered. */
TEST(now_is_asked_again_at_once)
{
    struct scene s;
    scene_open(&s);
    for (int i = 0; i < 20; i++)
        CHECK_INT(scene_ask(&s, "GET", "/api/v1/now", NULL), 200);
    CHECK_SPAN(scene_text(&s, "spend.today_usd"), SPAN("0"));
    scene_close(&s);
}

TEST(performance_tells_calls_errors_and_times)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    for (int i = 0; i < 3; i++)
        CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", NULL), 200);
    CHECK(scene_call(&s, token, "POST", "/acme/v1/lose", NULL) >= 500);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/nothing/like/it", NULL), 403);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/performance", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.name"), SPAN("acme"));
    CHECK_INT(scene_number(&s, "data.0.calls"), 6);
    CHECK_INT(scene_number(&s, "data.0.refused"), 1);
    CHECK_INT(scene_number(&s, "data.0.errors"), 1);
    CHECK_SPAN(scene_text(&s, "data.0.error_rate"), SPAN("0.2000"));
    CHECK_SPAN(scene_text(&s, "data.0.cost_usd"), SPAN("2"));
    CHECK_SPAN(scene_text(&s, "data.0.usd_per_call"), SPAN("0.4"));
    CHECK(scene_number(&s, "data.0.p99_ms") >= scene_number(&s, "data.0.p50_ms") && scene_number(&s, "data.0.p50_ms") >= 0);
    CHECK_SPAN(scene_text(&s, "data.0.gap_p95_ms"), SPAN("null"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/performance?by=operation", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.name"), SPAN("acme.things.list"));
    CHECK_INT(scene_number(&s, "data.0.calls"), 3);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/performance?by=credential&from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data"), SPAN("[]"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/performance?by=colour", NULL), 400);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("by"));
    scene_close(&s);
}
