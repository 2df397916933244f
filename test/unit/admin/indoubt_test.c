/* SPDX-License-Identifier: Apache-2.0
 * indoubt_test.c - a vendor that breaks off after it was asked: what is in doubt is listed, stays reserved, and is settled once
 * by an operator; the self-check agrees all the while. */
#include <time.h>

#include "test/unit/admin/scene.h"

/* The id of a call that the vendor never answered. */
static struct span lose_one(struct scene *s, struct span token)
{
    CHECK_INT(scene_call(s, token, "POST", "/acme/v1/lose", "run_d"), 502);
    CHECK_INT(scene_ask(s, "GET", "/api/v1/calls?verdict=in_doubt&limit=1", NULL), 200);
    struct span id = scene_text(s, "data.0.id");
    CHECK(id.at != NULL);
    return id.at ? id : SPAN("none");
}

static int post(struct scene *s, struct span call, const char *what, const char *body)
{
    return scene_ask(s, "POST", arena_print(&s->arena, "/api/v1/doubts/%.*s/%s", SPAN_ARG(call), what).at, body);
}

static void check_agrees(struct scene *s, long long doubts)
{
    CHECK_INT(scene_ask(s, "GET", "/api/v1/ledger/check", NULL), 200);
    CHECK_SPAN(scene_text(s, "ok"), SPAN("true"));
    CHECK_INT(scene_number(s, "wrong_count"), 0);
    CHECK_INT(scene_number(s, "moving"), 0);
    CHECK_INT(scene_number(s, "checked"), scene_number(s, "accounts"));
    CHECK_INT(scene_number(s, "doubts"), doubts);
}

TEST(what_is_in_doubt_is_listed_and_stays_reserved)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent"), call = lose_one(&s, token);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/doubts", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.call"), call);
    CHECK_SPAN(scene_text(&s, "data.0.operation"), SPAN("acme.things.lose"));
    CHECK_SPAN(scene_text(&s, "data.0.key_name"), SPAN("agent"));
    CHECK_SPAN(scene_text(&s, "data.0.run"), SPAN("run_d"));
    CHECK_SPAN(scene_text(&s, "data.0.reserved_usd"), SPAN("3"));
    CHECK_SPAN(scene_text(&s, "data.0.can_ask"), SPAN("false"));
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.in_doubt_usd"), SPAN("3"));
    CHECK(scene_number(&s, "data.0.age_s") >= 0 && !scene_text(&s, "data.1").at);
    CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/doubts/%.*s", SPAN_ARG(call)).at, NULL), 200);
    CHECK_SPAN(scene_text(&s, "call"), call);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.in_doubt_usd"), SPAN("3"));
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.remaining_usd"), SPAN("7"));
    check_agrees(&s, 1);
    scene_restart(&s);
    check_agrees(&s, 1);
    CHECK_INT(post(&s, call, "ask", "{}"), 409);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/doubts/ask", "{}"), 202);
    scene_close(&s);
}

TEST(a_doubt_is_settled_once)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent"), call = lose_one(&s, token);
    CHECK_INT(post(&s, call, "resolve", "{}"), 422);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("outcome"));
    CHECK_INT(post(&s, call, "resolve", "{\"outcome\":\"not_spent\"}"), 422);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("reason"));
    CHECK_INT(post(&s, call, "resolve", "{\"outcome\":\"spent\",\"cost_usd\":\"-1\"}"), 422);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("cost_usd"));
    CHECK_INT(post(&s, SPAN("call_0000000000001"), "resolve", "{\"outcome\":\"spent\"}"), 404);
    CHECK_INT(post(&s, call, "resolve", "{\"outcome\":\"spent\",\"cost_usd\":\"2.5\",\"reason\":\"seen at the vendor\"}"), 200);
    CHECK_SPAN(scene_text(&s, "settlement.of"), call);
    CHECK_SPAN(scene_text(&s, "settlement.cost_usd"), SPAN("2.5"));
    CHECK_SPAN(scene_text(&s, "settlement.actor"), SPAN("admin"));
    CHECK_SPAN(scene_text(&s, "settlement.reason"), SPAN("seen at the vendor"));
    CHECK_INT(post(&s, call, "resolve", "{\"outcome\":\"not_spent\",\"reason\":\"again\"}"), 404);
    CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/calls/%.*s", SPAN_ARG(call)).at, NULL), 200);
    CHECK_SPAN(scene_text(&s, "verdict"), SPAN("in_doubt"));
    CHECK_SPAN(scene_text(&s, "settlements.0.cost_usd"), SPAN("2.5"));
    CHECK(!scene_text(&s, "settlements.1").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/doubts", NULL), 200);
    CHECK(!scene_text(&s, "data.0").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.spent_usd"), SPAN("2.5"));
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.in_doubt_usd"), SPAN("0"));
    check_agrees(&s, 0);
    scene_close(&s);
}

TEST(what_did_not_happen_is_free_again)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent"), call = lose_one(&s, token);
    CHECK_INT(post(&s, call, "resolve", "{\"outcome\":\"not_spent\",\"reason\":\"the vendor has no such charge\"}"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.remaining_usd"), SPAN("10"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls/none", NULL), 404);
    check_agrees(&s, 0);
    scene_restart(&s);
    check_agrees(&s, 0);
    scene_close(&s);
}

TEST(a_ledger_that_is_wrong_is_found)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    for (int i = 0; i < 3; i++)
        CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", arena_print(&s.arena, "run_%d", i).at), 200);
    check_agrees(&s, 0);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    struct span account = scene_text(&s, "data.0.accounts.0.account");
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.spent_usd"), SPAN("6"));
    CHECK_INT(scene_number(&s, "data.0.accounts.0.percent"), 60);
    CHECK(ledger_adjust(books_ledger(s.books), account, LEDGER_NO_SLOT, 1, 0)); /* nobody wrote that down */
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/ledger/check", NULL), 200);
    CHECK_SPAN(scene_text(&s, "ok"), SPAN("false"));
    CHECK_INT(scene_number(&s, "wrong_count"), 1);
    CHECK_SPAN(scene_text(&s, "wrong.0.account"), account);
    CHECK_SPAN(scene_text(&s, "wrong.0.enforced_usd"), SPAN("6.000000001"));
    CHECK_SPAN(scene_text(&s, "wrong.0.settled_usd"), SPAN("6"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/ledger/check", NULL), 200);
    CHECK_INT(scene_ask(&s, "GET", "/metrics", NULL), 200);
    CHECK(scene_says(&s, "tollgate_ledger_check_ok 0\n") && scene_says(&s, "tollgate_ledger_check_wrong_accounts 1\n"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/alerts/deliveries", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.alert.event"), SPAN("ledger"));
    CHECK(!scene_text(&s, "data.1").at || !span_is(scene_text(&s, "data.1.alert.event"), SPAN("ledger"))); /* told once */
    CHECK(ledger_adjust(books_ledger(s.books), account, LEDGER_NO_SLOT, -1, 0));
    check_agrees(&s, 0);
    scene_close(&s);
}

TEST(a_hold_that_no_call_owns_is_found)
{
    struct scene s;
    struct ledger_hold hold = { 0 };
    struct ledger_refusal why;
    scene_open(&s);
    struct ledger_want want = { .account = SPAN("gate/x/usd/total"), .slot = LEDGER_NO_SLOT, .limit = NANO_PER_USD, .amount = 5 };
    CHECK(ledger_reserve(books_ledger(s.books), &hold, &want, 1, &why) == E_OK);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/ledger/check", NULL), 200);
    CHECK_SPAN(scene_text(&s, "ok"), SPAN("false"));
    CHECK_SPAN(scene_text(&s, "wrong.0.holds_usd"), SPAN("0"));
    CHECK_SPAN(scene_text(&s, "wrong.0.ledger_reserved_usd"), SPAN("0.000000005"));
    ledger_release(books_ledger(s.books), &hold);
    check_agrees(&s, 0);
    scene_close(&s);
}
