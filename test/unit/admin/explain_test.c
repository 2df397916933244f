/* SPDX-License-Identifier: Apache-2.0
 * explain_test.c - an explanation sees the books as they are (what is spent, what is in doubt, another's hold) and leaves them so. */
#include "test/unit/admin/scene.h"

static int explain(struct scene *s, const char *key, const char *call, const char *more)
{
    const char *space = strchr(call, ' ');
    struct span body = arena_print(&s->arena, "{\"key\":\"%s\",\"method\":\"%.*s\",\"url\":\"%s\"%s}", key, (int)(space - call), call, space + 1, more);
    return scene_ask(s, "POST", "/api/v1/explain", body.at);
}

static void check_budget(struct scene *s, struct span spent, const char *reserved, const char *needs, const char *fits)
{
    CHECK_SPAN(scene_text(s, "budgets.0.spent_usd"), spent);
    CHECK_SPAN(scene_text(s, "budgets.0.reserved_usd"), span_of(reserved));
    CHECK_SPAN(scene_text(s, "budgets.0.needs_usd"), span_of(needs));
    CHECK_SPAN(scene_text(s, "budgets.0.fits"), span_of(fits));
}

TEST(an_explanation_sees_the_books_and_leaves_them)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", NULL), 200);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/lose", NULL), 502);
    int served = atomic_load(&s.served);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(explain(&s, "agent", "POST /acme/v1/buy", ""), 200);
        CHECK_SPAN(scene_text(&s, "verdict"), SPAN("allowed"));
        CHECK_SPAN(scene_text(&s, "budgets.0.needs_usd"), SPAN("3"));
    }
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    struct span spent = arena_copy(&s.arena, scene_text(&s, "data.0.accounts.0.spent_usd"));
    CHECK_INT(explain(&s, "agent", "POST /acme/v1/buy", ""), 200);
    check_budget(&s, spent, "3", "3", "true");
    while (scene_call(&s, token, "POST", "/acme/v1/buy", NULL) == 200)
        served++;
    CHECK_INT(explain(&s, "agent", "POST /acme/v1/buy", ""), 200); /* 10 less 3 in doubt less what was spent is no room for 3 */
    check_budget(&s, SPAN("6"), "3", "3", "false");
    CHECK_SPAN(scene_text(&s, "verdict"), SPAN("denied"));
    CHECK_SPAN(scene_text(&s, "code"), SPAN("budget_exceeded"));
    CHECK(span_find(scene_text(&s, "reason"), SPAN("6 spent and 3 reserved")) > 0);
    CHECK_INT(atomic_load(&s.served), served);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/ledger/check", NULL), 200);
    CHECK_SPAN(scene_text(&s, "ok"), SPAN("true"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls", NULL), 200);
    CHECK(scene_text(&s, arena_print(&s.arena, "data.%d.id", served).at).at != NULL); /* those that went through and one that was refused, */
    CHECK(!scene_text(&s, arena_print(&s.arena, "data.%d.id", served + 1).at).at);     /* and no row of an explanation */
    scene_close(&s);
}

TEST(whole_addresses_lead_to_their_vendor_and_no_other)
{
    static const struct { const char *url, *verdict; } cases[] = { { "GET https://api.acme.example/v1/things", "allowed" }, { "GET /acme/v1/things", "allowed" }, { "GET /v1/things", "allowed" },
        { "GET https://api.acme.example.evil/v1/things", "denied" }, { "GET https://api.acme.example@evil/v1/things", "denied" }, { "GET https://other.example/v1/things", "denied" },
        { "GET https://api.acme.example", "denied" }, { "GET https://api.acme.example/v1/things/../things", "denied" }, { "GET /r/run_1/acme/v1/things", "allowed" }, { "GET nonsense", "denied" },
        { "GET http", "denied" }, { "GET /", "denied" } };
    struct scene s;
    scene_open(&s);
    (void)scene_key(&s, "agent");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(explain(&s, "agent", cases[i].url, ""), 200);
        if (!span_is(scene_text(&s, "verdict"), span_of(cases[i].verdict)))
            test_fail(__FILE__, __LINE__, "%s: %.*s", cases[i].url, SPAN_ARG(s.last.body));
    }
    CHECK_INT(explain(&s, "agent", "GET /r/run_1/acme/v1/things", ""), 200);
    CHECK_SPAN(scene_text(&s, "run"), SPAN("run_1"));
    CHECK_INT(explain(&s, "agent", "GET /acme/v1/things", ",\"run\":\"no run\""), 200);
    CHECK_SPAN(scene_text(&s, "code"), SPAN("bad_request"));
    CHECK_INT(explain(&s, "filed", "POST /acme/v1/things", ",\"body\":{\"a\":[1,2]}"), 200);
    CHECK_SPAN(scene_text(&s, "body"), SPAN("{\"a\":[1,2]}"));
    CHECK_INT(explain(&s, "nobody", "GET /acme/v1/things", ""), 404);
    scene_close(&s);
}

TEST(a_revoked_or_stopped_key_is_explained_as_such)
{
    struct scene s;
    scene_open(&s);
    (void)scene_key(&s, "agent");
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"key\":\"agent\",\"reason\":\"lunch\"}"), 200);
    CHECK_INT(explain(&s, "agent", "GET /acme/v1/things", ""), 200);
    CHECK_SPAN(scene_text(&s, "code"), SPAN("stopped"));
    CHECK(scene_says(&s, "lunch"));
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", "{\"key\":\"agent\"}"), 200);
    CHECK_INT(explain(&s, "agent", "GET /acme/v1/things", ""), 200);
    CHECK_SPAN(scene_text(&s, "verdict"), SPAN("allowed"));
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/revoke", "{}"), 200);
    CHECK_INT(explain(&s, "agent", "GET /acme/v1/things", ""), 200);
    CHECK_SPAN(scene_text(&s, "code"), SPAN("key_revoked"));
    scene_close(&s);
}
