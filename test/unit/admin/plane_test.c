/* SPDX-License-Identifier: Apache-2.0
 * plane_test.c - the admin plane from outside, by HTTP, with a gate behind it that makes real calls. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "test/unit/admin/scene.h"

static void check_problem(struct scene *s, int status, const char *code)
{
    CHECK_INT(s->last.status, status);
    CHECK_SPAN(scene_field(s, "content-type"), SPAN("application/problem+json"));
    CHECK_INT(scene_number(s, "status"), status);
    CHECK_SPAN(scene_text(s, "code"), span_of(code));
    CHECK(scene_text(s, "type").at && scene_text(s, "title").at && scene_text(s, "detail").at && scene_text(s, "field").at);
}

TEST(a_stranger_learns_nothing)
{
    struct scene s;
    scene_open(&s);
    static const char *const tokens[] = { NULL, "Bearer", "Bearer ", "Bearer tga_for_tests_012345678", "Bearer tga_for_tests_01234567890", "Basic tga_for_tests_0123456789" };
    static const char *const paths[] = { "/api/v1/keys", "/api/v1/nothing", "/metrics", "/api/v1/openapi.json" };
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        struct http_field field = { SPAN("authorization"), span_of(tokens[i]) };
        for (size_t k = 0; k < sizeof(paths) / sizeof(*paths); k++) {
            struct span url = arena_print(&s.arena, "http://%.*s%s", SPAN_ARG(admin_address(s.admin)), paths[k]);
            CHECK(fetch(&s.arena, SPAN("GET"), url, &field, tokens[i] ? 1 : 0, SPAN_NONE, &s.last) == E_OK);
            check_problem(&s, 401, "unauthorized");
        }
    }
    for (size_t k = 0; k < 2; k++) {
        static const char *const open[] = { "/healthz", "/readyz" };
        struct span url = arena_print(&s.arena, "http://%.*s%s", SPAN_ARG(admin_address(s.admin)), open[k]);
        CHECK(fetch(&s.arena, SPAN("GET"), url, NULL, 0, SPAN_NONE, &s.last) == E_OK);
        CHECK_INT(s.last.status, 200);
        CHECK_SPAN(scene_field(&s, "cache-control"), SPAN("no-store"));
        CHECK_SPAN(scene_field(&s, "x-content-type-options"), SPAN("nosniff"));
        CHECK(!scene_field(&s, "access-control-allow-origin").at);
    }
    scene_close(&s);
}

TEST(the_configurations_own_token_replaces_the_other)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/keys", NULL), 200);
    s.config.admin_token = SPAN("another_token_0123456789");
    scene_restart(&s);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/keys", NULL), 401);
    struct http_field field = { SPAN("authorization"), SPAN("bearer another_token_0123456789") };
    struct span url = arena_print(&s.arena, "http://%.*s/api/v1/keys", SPAN_ARG(admin_address(s.admin)));
    CHECK(fetch(&s.arena, SPAN("GET"), url, &field, 1, SPAN_NONE, &s.last) == E_OK);
    CHECK_INT(s.last.status, 200);
    scene_close(&s);
}

TEST(what_is_wrong_is_named)
{
    struct scene s;
    scene_open(&s);
    scene_ask(&s, "GET", "/api/v1/nothing", NULL);
    check_problem(&s, 404, "not_found");
    scene_ask(&s, "PUT", "/api/v1/keys", "{}");
    check_problem(&s, 405, "method_not_allowed");
    CHECK_SPAN(scene_field(&s, "allow"), SPAN("GET, POST"));
    scene_ask(&s, "GET", "/api/v1/calls?verdicts=denied", NULL);
    check_problem(&s, 400, "bad_request");
    CHECK(scene_says(&s, "run, key, vendor"));
    scene_ask(&s, "GET", "/api/v1/calls?limit=1001", NULL);
    check_problem(&s, 400, "bad_request");
    CHECK_SPAN(scene_text(&s, "field"), SPAN("limit"));
    scene_ask(&s, "GET", "/api/v1/calls?from=yesterday", NULL);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("from"));
    scene_ask(&s, "GET", "/api/v1/calls?cursor=x", NULL);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("cursor"));
    scene_ask(&s, "GET", "/api/v1/calls?run=a&run=b", NULL);
    check_problem(&s, 400, "bad_request");
    scene_ask(&s, "GET", "/api/v1/calls?run=%zz", NULL);
    check_problem(&s, 400, "bad_request");
    scene_ask(&s, "GET", "/api/v1/usage?by=colour", NULL);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("by"));
    scene_ask(&s, "GET", "/api/v1/usage?by=key,key", NULL); /* a group would have a member twice */
    CHECK_SPAN(scene_text(&s, "field"), SPAN("by"));
    scene_ask(&s, "GET", "/api/v1/calls?verdict=maybe", NULL);
    CHECK_SPAN(scene_text(&s, "field"), SPAN("verdict"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?run=&key=&limit=", NULL), 200); /* left empty: any */
    scene_ask(&s, "POST", "/api/v1/keys", "{\"name\":\"a\",\"polcy\":\"all\"}");
    check_problem(&s, 422, "config_invalid");
    CHECK(scene_says(&s, "policy"));
    scene_ask(&s, "POST", "/api/v1/keys", "[1,");
    CHECK(s.last.status == 400 || s.last.status == 422);
    scene_ask(&s, "POST", "/api/v1/keys", "{\"name\":\"filed\",\"policy\":\"all\"}");
    check_problem(&s, 409, "conflict");
    scene_ask(&s, "GET", "/api/v1/keys/nobody", NULL);
    check_problem(&s, 404, "not_found");
    scene_ask(&s, "DELETE", "/api/v1/policies/all", NULL);
    check_problem(&s, 409, "conflict");
    scene_close(&s);
}

TEST(bodies_are_json_and_bounded)
{
    struct scene s;
    scene_open(&s);
    struct http_field fields[] = { { SPAN("authorization"), SPAN("Bearer tga_for_tests_0123456789") }, { SPAN("content-type"), SPAN("text/plain") } };
    struct span url = arena_print(&s.arena, "http://%.*s/api/v1/stop", SPAN_ARG(admin_address(s.admin)));
    CHECK(fetch(&s.arena, SPAN("POST"), url, fields, 2, SPAN("{\"all\":true}"), &s.last) == E_OK);
    check_problem(&s, 415, "unsupported_media_type");
    struct buf large;
    buf_init(&large, 4 << 20);
    for (size_t i = 0; i < (1 << 17) + 1; i++)
        buf_put(&large, SPAN("12345678"));
    fields[1].value = SPAN("application/json");
    CHECK(fetch(&s.arena, SPAN("POST"), url, fields, 2, buf_span(&large), &s.last) == E_OK);
    check_problem(&s, 413, "too_large");
    buf_free(&large);
    scene_close(&s);
}

TEST(the_document_lists_each_route)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/openapi.json", NULL), 200);
    CHECK_SPAN(scene_text(&s, "openapi"), SPAN("3.1.0"));
    CHECK(scene_says(&s, "\"/api/v1/keys/{id}/revoke\":{\"post\":{") && scene_says(&s, "\"name\":\"cursor\",\"in\":\"query\""));
    CHECK(scene_says(&s, "\"/api/v1/policies/{id}\":{") && scene_says(&s, "\"/healthz\":{\"get\":{"));
    scene_close(&s);
}

TEST(a_key_is_shown_once_and_listed_without_its_secret)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK(span_starts(token, SPAN("tg_")) && token.len == 41);
    CHECK_SPAN(scene_text(&s, "name"), SPAN("agent"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/keys", NULL), 200);
    CHECK(scene_says(&s, "\"agent\"") && scene_says(&s, "\"filed\"") && !scene_says(&s, token.at) && !scene_says(&s, "hash"));
    CHECK_SPAN(scene_text(&s, "next_cursor"), SPAN("null"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/keys?limit=1", NULL), 200);
    struct span cursor = scene_text(&s, "next_cursor"), first = scene_text(&s, "data.0.id");
    CHECK(cursor.len && !scene_text(&s, "data.1").at);
    CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/keys?limit=1&cursor=%.*s", SPAN_ARG(cursor)).at, NULL), 200);
    CHECK(!span_is(scene_text(&s, "data.0.id"), first) && span_is(scene_text(&s, "next_cursor"), SPAN("null")));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/credentials/acme-main", NULL), 200);
    CHECK(!scene_says(&s, "sk_secret_of_acme"));
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/keys/agent", "{\"user\":\"ada\"}"), 200);
    CHECK_SPAN(scene_text(&s, "user"), SPAN("ada"));
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_ask(&s, "DELETE", "/api/v1/keys/agent", NULL), 204);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/stops", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data"), SPAN("[]"));
    scene_close(&s);
}

TEST(a_rotated_key_has_two_secrets_for_a_while)
{
    struct scene s;
    scene_open(&s);
    struct span old = scene_key(&s, "agent");
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/rotate", "{\"overlap\":\"1h\"}"), 200);
    struct span fresh = scene_text(&s, "token");
    CHECK(fresh.at && !span_is(fresh, old));
    CHECK_INT(scene_call(&s, old, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_call(&s, fresh, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/rotate", "{\"overlap\":\"0s\"}"), 200);
    CHECK_INT(scene_call(&s, old, "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_call(&s, fresh, "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_call(&s, scene_text(&s, "token"), "GET", "/acme/v1/things", NULL), 200);
    scene_ask(&s, "POST", "/api/v1/keys/agent/rotate", "{\"overlap\":\"long\"}");
    check_problem(&s, 422, "config_invalid");
    scene_close(&s);
}

TEST(a_revoked_key_forwards_nothing_more)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/revoke", NULL), 200);
    CHECK(scene_text(&s, "revoked_at").len > 20);
    CHECK_SPAN(scene_text(&s, "durable"), SPAN("true"));
    int served = atomic_load(&s.served);
    for (int i = 0; i < 3; i++)
        CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(atomic_load(&s.served), served);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?key=agent&denied=key_revoked", NULL), 200);
    CHECK(scene_text(&s, "data.2").at && !scene_text(&s, "data.3").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/stops", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.key_name"), SPAN("agent"));
    CHECK_INT(scene_number(&s, "data.0.forwarded_since"), 0);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/filed/revoke", "{\"reason\":\"leaked\"}"), 200);
    CHECK_INT(scene_call(&s, SPAN("a_literal_token_of_the_file"), "GET", "/acme/v1/things", NULL), 401);
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_call(&s, SPAN("a_literal_token_of_the_file"), "GET", "/acme/v1/things", NULL), 401);
    scene_close(&s);
}

TEST(a_stopped_run_is_refused_until_it_is_resumed)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_a\",\"reason\":\"2 a.m.\"}"), 200);
    CHECK_SPAN(scene_text(&s, "stopped.id"), SPAN("run:run_a"));
    CHECK_SPAN(scene_text(&s, "stopped.mode"), SPAN("cut"));
    CHECK_INT(scene_number(&s, "cut"), 0);
    CHECK_INT(scene_number(&s, "in_flight"), 0);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 403);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/stops", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.value"), SPAN("run_a"));
    CHECK_INT(scene_number(&s, "data.0.refused_since"), 1);
    CHECK_INT(scene_number(&s, "data.0.forwarded_since"), 0);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/runs/run_a", NULL), 200);
    CHECK_SPAN(scene_text(&s, "stopped.reason"), SPAN("2 a.m."));
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 403);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", "{\"run\":\"run_a\"}"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200);
    scene_ask(&s, "POST", "/api/v1/resume", "{\"run\":\"run_a\"}");
    check_problem(&s, 404, "not_found");
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200);
    scene_close(&s);
}

TEST(everything_can_be_stopped_and_a_mistyped_subject_cannot)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    static const char *const wrong[] = { "{}", "{\"all\":false}", "{\"run\":\"a\",\"key\":\"agent\"}", "{\"run\":\"\"}", "{\"run\":\"a b\"}", "{\"rnu\":\"a\"}",
        "{\"all\":true,\"mode\":\"kill\"}", "{\"all\":true,\"expires_at\":\"2020-01-01T00:00:00Z\"}" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        scene_ask(&s, "POST", "/api/v1/stop", wrong[i]);
        check_problem(&s, 422, "config_invalid");
    }
    static const char *const unknown[] = { "{\"key\":\"agnet\"}", "{\"vendor\":\"acne\"}", "{\"workspace\":\"elsewhere\"}" };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        scene_ask(&s, "POST", "/api/v1/stop", unknown[i]);
        check_problem(&s, 404, "not_found");
    }
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    static const char *const subjects[] = { "{\"key\":\"agent\"}", "{\"vendor\":\"acme\"}", "{\"workspace\":\"default\"}", "{\"all\":true}" };
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", subjects[i]), 200);
        CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 403);
        CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", subjects[i]), 200);
        CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    }
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"vendor\":\"acme\",\"writes_only\":true}"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/things", NULL), 403);
    scene_close(&s);
}

TEST(a_stop_that_is_over_is_forgotten)
{
    struct scene s;
    char time[TIME_TEXT];
    scene_open(&s);
    struct span token = scene_key(&s, "agent"), until = text_time(clock_unix_ms() + 400, time);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", arena_print(&s.arena, "{\"run\":\"r\",\"expires_at\":\"%.*s\"}", SPAN_ARG(until)).at), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "r"), 403);
    nanosleep(&(struct timespec){ 0, 450 * 1000000 }, NULL);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "r"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/stops", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data"), SPAN("[]"));
    scene_close(&s);
}

struct caller {
    struct scene *s;
    struct span token;
    pthread_t thread;
    struct arena arena;
    int status;
    enum err err;
};

static void *call_slowly(void *self)
{
    struct caller *c = self;
    struct fetch_answer answer = { .status = -1 };
    struct http_field field = { SPAN("authorization"), arena_print(&c->arena, "Bearer %.*s", SPAN_ARG(c->token)) };
    struct span url = arena_print(&c->arena, "http://%.*s/acme/v1/slow", SPAN_ARG(gate_address(c->s->gate)));
    c->err = fetch(&c->arena, SPAN("GET"), url, &field, 1, SPAN_NONE, &answer);
    c->status = answer.status;
    return NULL;
}

TEST(calls_under_way_are_cut_and_counted)
{
    struct scene s;
    scene_open(&s);
    struct caller c = { .s = &s, .token = scene_key(&s, "agent") };
    arena_init(&c.arena, 1 << 20);
    CHECK(pthread_create(&c.thread, NULL, call_slowly, &c) == 0);
    for (int i = 0; i < 500 && atomic_load(&s.served) == 0; i++)
        nanosleep(&(struct timespec){ 0, 10 * 1000000 }, NULL);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"key\":\"agent\",\"mode\":\"drain\"}"), 200);
    CHECK_INT(scene_number(&s, "cut"), 0);
    CHECK_INT(scene_number(&s, "in_flight"), 1);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"key\":\"agent\"}"), 200);
    CHECK_INT(scene_number(&s, "cut"), 1);
    CHECK_INT(scene_number(&s, "in_flight"), 0);
    CHECK(pthread_join(c.thread, NULL) == 0);
    CHECK_INT(c.err, E_OK);
    CHECK_INT(c.status, 403);
    arena_free(&c.arena);
    scene_close(&s);
}

TEST(calls_are_paged_filtered_and_summed)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    for (int i = 0; i < 5; i++)
        CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", i < 3 ? "run_a" : "run/b"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/unknown", "run_a"), 403);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?limit=2", NULL), 200);
    struct span first = scene_text(&s, "data.0.id"), cursor = scene_text(&s, "next_cursor");
    CHECK(span_starts(first, SPAN("call_")) && cursor.len && !scene_text(&s, "data.2").at);
    int seen = 2;
    for (int page = 0; page < 5 && cursor.len && !span_is(cursor, SPAN("null")); page++) {
        CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/calls?limit=2&cursor=%.*s", SPAN_ARG(cursor)).at, NULL), 200);
        seen += scene_text(&s, "data.1").at ? 2 : 1;
        CHECK(!scene_says(&s, first.at));
        cursor = scene_text(&s, "next_cursor");
    }
    CHECK_INT(seen, 6);
    CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/calls/%.*s", SPAN_ARG(first)).at, NULL), 200);
    CHECK_SPAN(scene_text(&s, "id"), first);
    CHECK(scene_text(&s, "hash").len == 64 && scene_text(&s, "prev_hash").len == 64);
    scene_ask(&s, "GET", "/api/v1/calls/call_0000000000000", NULL);
    check_problem(&s, 404, "not_found");
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?run=run%2Fb&key=agent&verdict=allowed", NULL), 200);
    CHECK(scene_text(&s, "data.1").at && !scene_text(&s, "data.2").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?denied=*", NULL), 200);
    CHECK(span_is(scene_text(&s, "data.0.denied"), SPAN("operation_denied")) && !scene_text(&s, "data.1").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/runs?limit=1", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.run"), SPAN("run_a"));
    CHECK_SPAN(scene_text(&s, "data.0.total_usd"), SPAN("0"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/runs/run%2Fb", NULL), 200);
    CHECK_INT(scene_number(&s, "calls"), 2);
    CHECK_INT(scene_number(&s, "forwarded"), 2);
    CHECK_SPAN(scene_text(&s, "by_vendor.0.vendor"), SPAN("acme"));
    CHECK_SPAN(scene_text(&s, "by_operation.0.operation"), SPAN("acme.things.list"));
    CHECK_SPAN(scene_text(&s, "by_step.0.step"), SPAN("step-1"));
    CHECK_SPAN(scene_text(&s, "stopped"), SPAN("null"));
    scene_ask(&s, "GET", "/api/v1/runs/none", NULL);
    check_problem(&s, 404, "not_found");
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/usage?by=key,vendor&window=day", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.key_name"), SPAN("agent"));
    CHECK_INT(scene_number(&s, "data.0.calls"), 6);
    CHECK_INT(scene_number(&s, "total.forwarded"), 5);
    CHECK_INT(scene_number(&s, "total.refused"), 1);
    scene_close(&s);
}

static bool wait_for(struct scene *s, const char *line)
{
    for (int i = 0; i < 200; i++) {
        scene_ask(s, "GET", "/metrics", NULL);
        if (scene_says(s, line))
            return true;
        nanosleep(&(struct timespec){ 0, 10 * 1000000 }, NULL);
    }
    return false;
}

TEST(budgets_are_listed_with_what_is_left)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets", "{\"name\":\"calls\",\"limit\":\"2 requests\",\"window\":\"hour\"}"), 201);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.id"), SPAN("calls"));
    CHECK_SPAN(scene_text(&s, "data.0.unit"), SPAN("requests"));
    CHECK_INT(scene_number(&s, "data.0.limit"), 2);
    CHECK_INT(scene_number(&s, "data.0.accounts.0.spent"), 1);
    CHECK_INT(scene_number(&s, "data.0.accounts.0.remaining"), 1);
    CHECK(scene_text(&s, "data.0.accounts.0.resets_at").len > 20);
    CHECK_SPAN(scene_text(&s, "data.1.owner"), SPAN("key:agent"));
    CHECK_SPAN(scene_text(&s, "data.1.limit_usd"), SPAN("10"));
    CHECK(wait_for(&s, "tollgate_calls_forwarded_total 1\n"));
    CHECK(scene_says(&s, "tollgate_store_healthy 1\n") && scene_says(&s, "tollgate_budget_spent{account=\"gate/calls/requests/hour|"));
    CHECK_INT(scene_ask(&s, "DELETE", "/api/v1/budgets/calls", NULL), 204);
    scene_close(&s);
}

TEST(every_kind_is_made_changed_and_deleted_alike)
{
    struct scene s;
    static const struct {
        const char *plural, *name, *body, *patch, *changed;
    } kinds[] = {
        { "policies", "p", "{\"name\":\"p\",\"allow\":[\"acme.*\"]}", "{\"deny\":[\"acme.things.create\"]}", "acme.things.create" },
        { "credentials", "c", "{\"name\":\"c\",\"vendor\":\"acme\",\"secret\":\"sk_never_shown\"}", "{\"disabled\":true}", "\"disabled\":true" },
        { "workspaces", "w", "{\"name\":\"w\"}", "{\"caps_as_429\":true}", "\"caps_as_429\":true" },
        { "budgets", "b", "{\"name\":\"b\",\"limit\":\"5 usd\",\"window\":\"day\"}", "{\"limit\":\"6 usd\"}", "6 usd" },
        { "vendors", "stripe", NULL, "{\"base_url\":\"https://stripe.example\"}", "stripe.example" },
        { "settings", "caps_as_429", NULL, "{\"value\":true}", "\"value\":true" },
    };
    scene_open(&s);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const char *all = arena_print(&s.arena, "/api/v1/%s", kinds[i].plural).at, *one = arena_print(&s.arena, "%s/%s", all, kinds[i].name).at;
        if (kinds[i].body) {
            CHECK_INT(scene_ask(&s, "POST", all, kinds[i].body), 201);
            CHECK_SPAN(scene_text(&s, "id"), span_of(kinds[i].name));
            CHECK_SPAN(scene_text(&s, "origin"), SPAN("api"));
            scene_ask(&s, "POST", all, kinds[i].body);
            check_problem(&s, 409, "conflict");
        }
        CHECK_INT(scene_ask(&s, "PATCH", one, kinds[i].patch), 200);
        CHECK(scene_says(&s, kinds[i].changed) && !scene_says(&s, "sk_never_shown"));
        CHECK_INT(scene_ask(&s, "GET", one, NULL), 200);
        CHECK(scene_says(&s, kinds[i].changed));
        CHECK_INT(scene_ask(&s, "GET", all, NULL), 200);
        CHECK(scene_says(&s, kinds[i].name) && !scene_says(&s, "sk_never_shown"));
        CHECK_INT(scene_ask(&s, "DELETE", one, NULL), 204);
        CHECK_INT(s.last.body.len, 0);
    }
    scene_close(&s);
}

TEST(the_configuration_is_read_again)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/reload", NULL), 200);
    CHECK(span_starts(scene_text(&s, "config"), SPAN("cfg.")));
    admin_reload(s.admin);
    CHECK_INT(scene_ask(&s, "GET", "/readyz", NULL), 200);
    scene_close(&s);
}

/* ---- events ---- */

struct listener_of {
    struct scene *s;
    struct arena arena;
    pthread_t thread;
    atomic_int count, calls, stops, changes;
};

static bool heard(void *self, struct span name, struct span data)
{
    struct listener_of *l = self;
    struct json *json = json_new();
    struct json_value root;
    const char *why;
    CHECK(json_parse(json, data, false, &root, &why) == E_OK);
    if (span_is(name, SPAN("call"))) {
        CHECK_SPAN(json_string(json_member(root, SPAN("run"))), SPAN("run_a"));
        atomic_fetch_add(&l->calls, 1);
    }
    if (span_is(name, SPAN("stop")))
        atomic_fetch_add(&l->stops, 1);
    if (span_is(name, SPAN("config")))
        atomic_fetch_add(&l->changes, 1);
    json_free(json);
    return atomic_fetch_add(&l->count, 1) + 1 < 5;
}

static void *listen_to(void *self)
{
    struct listener_of *l = self;
    struct http_field field = { SPAN("authorization"), SPAN("Bearer tga_for_tests_0123456789") };
    struct span url = arena_print(&l->arena, "http://%.*s/api/v1/events?run=run_a", SPAN_ARG(admin_address(l->s->admin)));
    CHECK(fetch_events(&l->arena, url, &field, 1, heard, l) == E_OK);
    return NULL;
}

TEST(events_tell_calls_stops_and_changes)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200); /* before: not told */
    struct listener_of l = { .s = &s };
    arena_init(&l.arena, 16 << 20);
    CHECK(pthread_create(&l.thread, NULL, listen_to, &l) == 0);
    CHECK(wait_for(&s, "tollgate_event_streams 1\n"));
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 200); /* filtered */
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_a\"}"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 403);
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/keys/agent", "{\"user\":\"ada\"}"), 200);
    for (int i = 0; i < 300 && atomic_load(&l.calls) < 2; i++)
        nanosleep(&(struct timespec){ 0, 10 * 1000000 }, NULL);
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/keys/agent", "{\"user\":\"bob\"}"), 200);
    CHECK(pthread_join(l.thread, NULL) == 0);
    CHECK_INT(l.calls, 2);
    CHECK_INT(l.stops, 1);
    CHECK_INT(l.changes, 2);
    CHECK(wait_for(&s, "tollgate_event_streams 0\n"));
    arena_free(&l.arena);
    scene_close(&s);
}
