/* SPDX-License-Identifier: Apache-2.0
 * late_test.c - prices that come later: which calls have one, what is asked when, and what its answer is worth. */
#include "test/unit/vendor/bench.h"

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\nbody: form\nobject_id: answer.sid\n"
#define LATE                                                                                                                     \
    "operations:\n  send:\n    call: POST /a/{who}/messages\n    reserve: { usd: \"0.10\", messages: count(body.to) }\n"         \
    "    settle: { usd: abs(answer.price) }\n    late:\n      when: is(answer.price, '')\n"                                      \
    "      ask: GET /a/{path.who}/messages/{object}\n      until: max(present(answer.price), is(answer.status, 'failed'))\n"   \
    "      settle: { usd: \"when(present(answer.price), abs(answer.price), 0)\" }\n      after: [10s, 1m]\n      patience: 2h\n"      \
    "  read: GET /a/{who}/messages/{id}\n"

static struct bench b;

static struct settled settle(const char *body) { return bench_settle(&b, 201, body); }

static enum look_up_verdict answer(int status, const char *body, struct settled *out)
{
    struct http_head head = { .status = status, .fields = b.fields, .length = -1 };
    return vendor_late_answer(b.json, &b.asked, &b.understood, &head, span_of(body), &b.call, out);
}

static void open_late(void)
{
    if (bench_read(&b, TOP LATE))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    CHECK_INT(bench_ask(&b, "POST", "/a/AC%201/messages", "to=%2B15558675310"), E_OK);
}

TEST(a_call_is_late_when_its_rule_says_so)
{
    open_late();
    CHECK(b.matched.operation->late && b.matched.operation->reads_answer);
    struct settled s = settle("{\"sid\":\"SM1\",\"price\":\"\"}");
    CHECK(s.known && s.pending && s.estimate);
    CHECK_INT(s.real[UNIT_USD], 100000000);
    CHECK_INT(s.real[UNIT_MESSAGES], 1);
    s = settle("{\"sid\":\"SM1\",\"price\":\"-0.0079\"}");
    CHECK(s.known && !s.pending && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], 7900000);
    /* without an id nothing can be asked; a refusal made nothing */
    CHECK(!settle("{\"price\":\"\"}").pending);
    CHECK(!bench_settle(&b, 400, "{\"sid\":\"SM1\",\"price\":\"\"}").pending);
    /* a rule that cannot be computed is no yes */
    CHECK(!settle("{\"sid\":\"SM1\"}").pending);
    bench_close(&b);
}

TEST(what_is_asked_is_the_object_and_nothing_else)
{
    struct late late;
    open_late();
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("SM1"), &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/a/AC%201/messages/SM1"));
    CHECK_SPAN(late.query, SPAN(""));
    CHECK_INT(late.times, 2);
    CHECK_INT(late.after_ms[0], 10000);
    CHECK_INT(late.after_ms[1], 60000);
    CHECK_INT(late.patience_ms, 7200000);
    CHECK(!vendor_late(&b.asked, &b.understood, SPAN_NONE, &b.call, &late));
    /* an id that would be another path is no id */
    CHECK(!vendor_late(&b.asked, &b.understood, SPAN(".."), &b.call, &late));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/a/AC1/messages/SM1", ""), E_OK);
    CHECK(!vendor_late(&b.asked, &b.understood, SPAN("SM1"), &b.call, &late));
    bench_close(&b);
}

TEST(an_answer_counts_when_it_is_final)
{
    struct settled s;
    open_late();
    CHECK_INT(answer(200, "{\"sid\":\"SM1\",\"status\":\"sent\",\"price\":null}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "{\"sid\":\"SM1\",\"status\":\"delivered\",\"price\":\"-0.30\"}", &s), LOOK_UP_HAPPENED);
    CHECK(s.known && s.told[UNIT_USD] && !s.told[UNIT_MESSAGES]);
    CHECK_INT(s.real[UNIT_USD], 300000000);
    CHECK_INT(answer(200, "{\"sid\":\"SM1\",\"status\":\"failed\",\"price\":null}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 0);
    /* final, but the price cannot be read: asked again, until patience is over */
    CHECK_INT(answer(200, "{\"price\":\"free\"}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(404, "{}", &s), LOOK_UP_ABSENT);
    CHECK_INT(answer(410, "", &s), LOOK_UP_ABSENT);
    CHECK_INT(answer(401, "{}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(500, "{\"price\":\"-1\"}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "<html>", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "", &s), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(late_needs_no_rule_of_its_own_for_the_cost)
{
    struct settled s;
    CHECK(bench_read(&b, TOP "operations:\n  hold: { call: POST /h, reserve: { usd: body.most }, settle: { usd: answer.usd },\n"
                             "    late: { ask: 'GET /h/{object}', until: 'is(answer.state, ''done'')' } }\n  read: GET /h/{id}\n") == E_OK);
    CHECK_INT(bench_ask(&b, "POST", "/h", "most=5"), E_OK);
    s = settle("{\"sid\":\"h_1\",\"state\":\"open\"}");
    CHECK(s.pending && s.real[UNIT_USD] == 5 * INT64_C(1000000000));
    CHECK_INT(answer(200, "{\"state\":\"open\",\"usd\":2}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "{\"state\":\"done\",\"usd\":2}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 2 * INT64_C(1000000000));
    bench_close(&b);
}

TEST(a_job_of_a_dialect_is_told_of_by_its_dialect)
{
    struct settled s;
    struct late late;
    CHECK(bench_read(&b, TOP "operations:\n  make: { call: 'POST /v/{model}', body: json, dialect: openai_videos, object_id: { from: answer.name, as: last },\n"
                             "    late: { ask: 'GET /v/{path.model}/jobs/{object}', until: 'is(answer.done, ''true'')' } }\n  read: GET /v/{model}/jobs/{id}\n") == E_OK);
    b.leave_body = true;
    CHECK_INT(bench_ask(&b, "POST", "/v/veo", "{}"), E_OK);
    s = settle("{\"name\":\"models/veo/operations/op1\"}");
    CHECK(s.pending);
    CHECK_SPAN(s.object_id, SPAN("op1"));
    CHECK(vendor_late(&b.asked, &b.understood, s.object_id, &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/v/veo/jobs/op1"));
    CHECK_INT(answer(200, "{\"done\":false}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "{\"name\":\"x\"}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(answer(200, "{\"done\":true}", &s), LOOK_UP_HAPPENED);
    CHECK(s.known && !s.told[UNIT_USD]);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v/veo/jobs/op1", ""), E_OK);
    CHECK(b.matched.operation->tells_late);
    b.leave_body = false;
    bench_close(&b);
}

static void refused(const char *operation, const char *because)
{
    struct span yaml;
    struct arena a;
    arena_init(&a, 1 << 20);
    yaml = arena_print(&a, TOP "operations:\n  read: GET /m/{id}\n  pay: { call: POST /pay, reserve: { usd: 1 } }\n  send: { call: POST /m, %s }\n", operation);
    CHECK(bench_read(&b, yaml.at) == E_CONFIG);
    if (span_find(span_of(b.trouble.text), span_of(because)) < 0)
        test_fail(__FILE__, __LINE__, "%s: %s", because, b.trouble.text);
    bench_close(&b);
    arena_free(&a);
}

#define FINE "ask: 'GET /m/{object}', until: present(answer.p), settle: { usd: answer.p }"

TEST(a_late_that_cannot_work_is_refused_when_it_is_read)
{
    refused("reserve: { usd: 1 }, late: { until: 1 }", "late.ask");
    refused("object_id: { as: last }", "object_id.from");
    refused("object_id: { from: answer.id, as: first }", "object_id.as");
    refused("reserve: { usd: 1 }, late: { ask: 'GET /m/{object}', settle: { usd: 1 } }", "late.until");
    refused("reserve: { usd: 1 }, late: { ask: 'GET /m/{object}', until: 1 }", "late.settle");
    refused("reserve: { usd: 1 }, late: { ask: 'GET /elsewhere/{object}', until: 1, settle: { usd: 1 } }", "GET of this manifest's");
    refused("reserve: { usd: 1 }, late: { ask: 'POST /pay', until: 1, settle: { usd: 1 } }", "late.ask");
    refused("reserve: { usd: 1 }, late: { ask: 'GET /m/{id}', until: 1, settle: { usd: 1 } }", "{object}");
    refused("late: { " FINE " }", "reserve or a dialect, and an object_id");
    refused("reserve: { usd: 1 }, late: { " FINE ", after: [] }", "late.after");
    refused("reserve: { usd: 1 }, late: { " FINE ", after: [1m, 10s] }", "late.after[1]");
    refused("reserve: { usd: 1 }, late: { " FINE ", after: [1s,2s,3s,4s,5s,6s,7s,8s,9s] }", "late.after");
    refused("reserve: { usd: 1 }, late: { " FINE ", patience: 1m }", "late.patience");
    refused("reserve: { usd: 1 }, late: { " FINE ", patience: 31d }", "late.patience");
    refused("body: json, reserve: { usd: 1 }, late: { " FINE ", when: present(body.x) }", "no JSON body");
    refused("reserve: { usd: 1 }, late: { " FINE ", when: present(argument.x) }", "GraphQL argument");
    refused("reserve: { usd: 1 }, late: { " FINE ", wehn: 1 }", "wehn");
}

/* ---- said once for several ---- */

#define SHARED                                                                                                                 \
    "lates: { hold: { when: \"is(answer.state, 'open')\", ask: 'GET /h/{object}', until: \"is(answer.state, 'done')\", patience: 3h,"   \
    " settle: { usd: answer.usd } } }\n"

static void open_shared(const char *late)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span yaml = arena_print(&a, TOP SHARED "operations:\n  hold: { call: POST /h, reserve: { usd: 5 }, late: %s }\n  read: GET /h/{id}\n", late);
    if (bench_read(&b, yaml.at))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    arena_free(&a);
    CHECK_INT(bench_ask(&b, "POST", "/h", ""), E_OK);
}

TEST(a_late_may_name_a_shared_one)
{
    struct settled s;
    struct late late;
    open_shared("hold");
    CHECK(!settle("{\"sid\":\"h_1\",\"state\":\"done\"}").pending);
    CHECK(settle("{\"sid\":\"h_1\",\"state\":\"open\"}").pending);
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("h_1"), &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/h/h_1"));
    CHECK_INT(late.patience_ms, 3 * 3600000);
    CHECK_INT(answer(200, "{\"state\":\"done\",\"usd\":2}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 2 * INT64_C(1000000000));
    bench_close(&b);
}

TEST(what_an_operation_says_of_a_shared_late_goes_before)
{
    struct settled s;
    struct late late;
    open_shared("{ same_as: hold, when: 1, patience: 5h, settle: { usd: 0 } }");
    CHECK(settle("{\"sid\":\"h_1\",\"state\":\"done\"}").pending);
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("h_1"), &b.call, &late));
    CHECK_INT(late.patience_ms, 5 * 3600000);
    CHECK_INT(answer(200, "{\"state\":\"done\",\"usd\":2}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 0);
    bench_close(&b);
}

static void refused_shared(const char *rest, const char *because)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK(bench_read(&b, arena_print(&a, TOP "%s", rest).at) == E_CONFIG);
    if (span_find(span_of(b.trouble.text), span_of(because)) < 0)
        test_fail(__FILE__, __LINE__, "%s: %s", because, b.trouble.text);
    bench_close(&b);
    arena_free(&a);
}

#define PAYS(late) "operations:\n  read: GET /m/{id}\n  send: { call: POST /m, reserve: { usd: 1 }, late: " late " }\n"

TEST(a_shared_late_is_named_used_and_right)
{
    refused_shared(PAYS("hold"), "`lates`");
    refused_shared("lates: { hold: { " FINE " } }\n" PAYS("hodl"), "operations.send.late: found \"hodl\"");
    refused_shared("lates: { hold: { " FINE " } }\n" PAYS("{ same_as: [hold] }"), "operations.send.late");
    refused_shared("lates: { hold: { " FINE " } }\n" PAYS("{ " FINE " }"), "lates.hold: found \"hold\"; allowed: names that `late` of an operation uses");
    refused_shared("lates: { hold: { " FINE ", wehn: 1 } }\n" PAYS("hold"), "wehn");
    refused_shared("lates: { hold: { same_as: hold } }\n" PAYS("hold"), "same_as");
    refused_shared("lates: { hold: yes }\n" PAYS("hold"), "lates.hold");
    refused_shared("lates: [hold]\n" PAYS("hold"), "lates");
    refused_shared("lates: { hold: { until: 1, settle: { usd: 1 } } }\n" PAYS("hold"), "operations.send.late.ask");
}
