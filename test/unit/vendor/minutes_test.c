/* SPDX-License-Identifier: Apache-2.0
 * minutes_test.c - what calls can last, and what goes beside their minutes. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

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

/* What the call holds, in nano-dollars; -1: not known. */
static int64_t holds(const char *target, const char *body)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", target, body), E_OK);
    return b.understood.cost_known ? b.understood.worst[UNIT_USD] : -1;
}

TEST(twilio_conferences_that_are_recorded_cost_their_recording)
{
    static const char participants[] = "/2010-04-01/Accounts/AC00000000000000000000000000000000/Conferences/CF1/Participants.json";
    struct late late;
    struct settled s;
    char body[256];
    static const struct {
        const char *more;
        int64_t usd;
    } rows[] = { { "", 0 }, { "&ConferenceRecord=false", 0 }, { "&ConferenceRecord=do-not-record", 0 }, { "&ConferenceRecord=true", 2 * 2500000 },
        { "&ConferenceRecord=record-from-start", 2 * 2500000 }, { "&ConferenceRecord=true&Record=true", 4 * 2500000 }, { "&ConferenceRecord=yes", -1 } };
    bench_open(&b, "twilio", SPAN_NONE);
    b.account = SPAN("AC00000000000000000000000000000000");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(body, sizeof(body), "To=%%2B15558675310&From=%%2B1555&TimeLimit=61%s", rows[i].more);
        int64_t usd = holds(participants, body);
        if (usd != (rows[i].usd < 0 ? -1 : rows[i].usd + 2 * (22000000 + 1800000)))
            test_fail(__FILE__, __LINE__, "%s: %lld", rows[i].more, (long long)usd);
    }
    holds(participants, "To=%2B15558675310&From=%2B1555&TimeLimit=61&ConferenceRecord=true");
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("CA7"), &b.call, &late));
    struct http_head head = { .status = 200, .fields = b.fields, .length = -1 };
    CHECK_INT(vendor_late_answer(b.json, &b.asked, &b.understood, &head,
                  SPAN("{\"sid\":\"CA7\",\"status\":\"completed\",\"price\":\"-0.0140\",\"price_unit\":\"USD\"}"), &b.call, &s),
        LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 14000000 + 2 * 1800000 + 2 * 2500000);
    bench_close(&b);
}

/* What goes beside a call's minutes has the price that its operator gives it. */
TEST(telnyx_extras_of_a_call_are_unknown_until_they_have_a_price)
{
    static const struct {
        const char *more, *unset;
        int64_t usd; /* when all of them have a price */
    } rows[] = {
        { "", "", 0 },
        { ",\"record\":\"record-from-answer\"", "setting.recording_price_usd", 2 * 10000000 },
        { ",\"record\":\"record-from-answer\",\"record_timeout_secs\":0", "setting.recording_price_usd", 2 * 10000000 },
        { ",\"record\":\"record-from-answer\",\"record_timeout_secs\":5", "setting.transcription_price_usd", 2 * (10000000 + 20000000) },
        { ",\"record\":null,\"transcription\":false", "", 0 },
        { ",\"transcription\":true", "setting.transcription_price_usd", 2 * 20000000 },
        { ",\"answering_machine_detection\":\"disabled\"", "", 0 },
        { ",\"answering_machine_detection\":\"premium\"", "setting.answering_machine_price_usd", 30000000 },
        { ",\"stream_url\":\"wss://x.example\"", "setting.streaming_price_usd", 2 * 40000000 },
        { ",\"conference_config\":{\"conference_name\":\"x\"}", "", -1 },
        { ",\"assistant\":{\"id\":\"x\"}", "", -1 },
    };
    char body[256];
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool set = i % 2;
        bench_open(&b, "telnyx", SPAN_NONE);
        if (set)
            bench_settings(&b, "recording_price_usd: 0.01\ntranscription_price_usd: 0.02\nanswering_machine_price_usd: 0.03\nstreaming_price_usd: 0.04\n");
        snprintf(body, sizeof(body), "{\"to\":\"+15558675310\",\"time_limit_secs\":61%s}", rows[i / 2].more);
        int64_t usd = holds("/v2/calls", body), want = rows[i / 2].usd < 0 ? -1 : rows[i / 2].usd + 2 * 22000000;
        struct span unset = span_of(set ? "" : rows[i / 2].unset);
        if (usd != (unset.len ? -1 : want) || !span_is(b.understood.unset_setting, unset))
            test_fail(__FILE__, __LINE__, "%s, %d: %lld, %.*s", rows[i / 2].more, set, (long long)usd, SPAN_ARG(b.understood.unset_setting));
        bench_close(&b);
    }
}
