/* SPDX-License-Identifier: Apache-2.0
 * minutes_test.c - what calls can last, and what goes beside their minutes. */
#include "test/unit/vendor/bench.h"

static struct bench b;

static void check_limit(const char *vendor, const char *target, const char *body, enum err want, int line)
{
    bench_open(&b, vendor, SPAN_NONE);
    b.account = SPAN("MA1");
    enum err e = bench_ask(&b, "POST", target, body);
    if (e != want || (!e && !b.understood.cost_known))
        test_fail(__FILE__, line, "%s: %d, cost %d (%.*s)", body, (int)e, b.understood.cost_known, SPAN_ARG(b.why));
    bench_close(&b);
}
#define LIMIT(vendor, target, body, want) check_limit(vendor, target, body, want, __LINE__)

TEST(no_call_lasts_no_time)
{
    LIMIT("telnyx", "/v2/calls", "{\"to\":\"+15558675310\",\"time_limit_secs\":0}", E_PARAMETER_DENIED);
    LIMIT("telnyx", "/v2/calls", "{\"to\":\"+15558675310\",\"time_limit_secs\":1}", E_OK);
    LIMIT("plivo", "/v1/Account/MA1/Call/", "{\"to\":\"15558675310\",\"time_limit\":0}", E_PARAMETER_DENIED);
    LIMIT("plivo", "/v1/Account/MA1/Call/", "{\"to\":\"15558675310\",\"time_limit\":60}", E_OK);
    LIMIT("messagebird", "/voice/calls", "{\"destination\":\"15558675310\",\"maxDuration\":0}", E_PARAMETER_DENIED);
    LIMIT("messagebird", "/voice/calls", "{\"destination\":\"15558675310\",\"maxDuration\":\"0\"}", E_PARAMETER_DENIED);
    LIMIT("messagebird", "/voice/calls", "{\"destination\":\"15558675310\",\"maxDuration\":60}", E_OK);
}

TEST(no_minutes_are_no_bound)
{
    static const char own[] = "vendor: own\nbase_url: https://own.example\nkey_in: [bearer]\nsend: bearer\nbody: json\noperations:\n"
                              "  dial: { call: POST /dial, reserve: { usd: minutes(body.limit) }, settle: { usd: minutes(answer.lasted) } }\n";
    if (bench_read(&b, own))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    CHECK_INT(bench_ask(&b, "POST", "/dial", "{\"limit\":0}"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/dial", "{\"limit\":61}"), E_OK);
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_USD], 2000000000);
    CHECK_INT(bench_settle(&b, 200, "{\"lasted\":0}").real[UNIT_USD], 0);
    bench_close(&b);
}
