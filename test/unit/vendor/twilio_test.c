/* SPDX-License-Identifier: Apache-2.0
 * twilio_test.c - the built-in Twilio manifest: accounts in paths, text messages priced by parts and country. */
#include "test/unit/vendor/bench.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define MESSAGES "/2010-04-01/Accounts/" ACCOUNT "/Messages.json"

static struct bench b;

static void open_twilio(void)
{
    bench_open(&b, "twilio", SPAN_NONE);
    b.account = SPAN(ACCOUNT);
}

static void costs(const char *body, int64_t micro)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, body), E_OK);
    CHECK_SPAN(b.matched.operation->name, SPAN("twilio.messages.create"));
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_USD], micro * 1000);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 1);
}

TEST(messages_cost_parts_times_country)
{
    open_twilio();
    costs("To=%2B15558675310&From=%2B15550001111&Body=hello", 14000);
    costs("To=%2B447700900123&From=%2B15550001111&Body=hello", 60000);
    costs("To=%2B18765550100&Body=hello", 300000);                 /* Jamaica, behind +1 too */
    costs("To=%2B999555010&Body=hello", 300000);                   /* the default */
    costs("To=%2B15558675310&Body=%C3%A9t%C3%A9%E2%80%99", 14000); /* one UCS-2 part */
    costs("To=%2B15558675310&Body=x&MediaUrl=a&MediaUrl=b", 14000 + 2 * 35000);
    costs("To=%2B15558675310&ContentSid=HX1", 24 * 14000); /* a template can say anything */
    costs("To=%2B15558675310&MediaUrl=a", 14000 + 35000);
    bench_settings(&b, "sms_price_usd: { \"1\": \"0.02\", \"1876\": \"0.5\" }\nchannel_price_usd: { default: \"0.05\" }\n");
    costs("To=%2B15558675310&Body=hello", 20000);
    costs("To=%2B18765550100&Body=hello", 500000);
    costs("To=%2B18685550100&Body=hello", 300000); /* the manifest's longer prefix wins over the configured shorter one */
    costs("To=whatsapp%3A%2B15558675310&Body=hello", 50000);
    bench_close(&b);
}

TEST(unknown_channels_and_numbers_have_no_known_cost)
{
    static const char *const bodies[] = { "To=whatsapp%3A%2B15558675310&Body=x", "To=5558675310&Body=x",
        "To=%2B1555%20867&Body=x", "To=messenger%3A123&Body=x", "To=%2B&Body=x" };
    open_twilio();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", MESSAGES, bodies[i]), E_OK);
        CHECK(!b.understood.cost_known);
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "Body=x"), E_BAD_REQUEST);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "To=%2B1555&To=%2B1556&Body=x"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/lookups/v2/PhoneNumbers/+15558675310?Fields=line_type_intelligence", ""), E_OK);
    CHECK(!b.understood.cost_known && b.matched.operation->moves_money && !b.matched.operation->writes);
    bench_close(&b);
}

TEST(recipients_are_scopes_without_their_channel)
{
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "To=whatsapp%3A%2B4420&From=%2B1555&Body=x"), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.to"), SPAN("+4420"));
    CHECK_SPAN(bench_scope(&b, "twilio.sender"), SPAN("+1555"));
    CHECK_SPAN(bench_scope(&b, "twilio.account"), SPAN(ACCOUNT));
    CHECK_SPAN(b.understood.customer, SPAN("+4420"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/studio/v2/Flows/FW1/Executions", "From=%2B1"), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.to"), SPAN("?"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", MESSAGES, ""), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.to"), SPAN(""));
    bench_close(&b);
}

TEST(another_account_in_the_path_is_refused)
{
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", "/2010-04-01/Accounts/AC999/Messages.json", "To=%2B1&Body=x"), E_SCOPE_DENIED);
    CHECK(span_find(b.why, SPAN("AccountSid")) >= 0);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/2010-04-01/Accounts/AC999.json", ""), E_SCOPE_DENIED);
    bench_fresh(&b);
    b.account = SPAN_NONE;
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "To=%2B1&Body=x"), E_SCOPE_DENIED);
    bench_close(&b);
}

TEST(prices_that_come_later_leave_the_estimate)
{
    open_twilio();
    costs("To=%2B15558675310&Body=hello", 14000);
    struct settled s = bench_settle(
        &b, 201, "{\"sid\":\"SM1\",\"status\":\"queued\",\"price\":null,\"price_unit\":\"USD\",\"num_segments\":\"1\"}");
    CHECK(s.known && s.estimate);
    CHECK_INT(s.real[UNIT_USD], 14000000);
    CHECK_INT(s.real[UNIT_MESSAGES], 1);
    CHECK_SPAN(s.object_id, SPAN("SM1"));
    s = bench_settle(&b, 201, "{\"sid\":\"SM1\",\"status\":\"sent\",\"price\":\"-0.00750\",\"price_unit\":\"USD\"}");
    CHECK(s.known && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], 7500000);
    s = bench_settle(&b, 400, "{\"code\":21211,\"message\":\"x\",\"status\":400}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_USD], 0);
    CHECK_INT(s.real[UNIT_MESSAGES], 0);
    bench_close(&b);
}

TEST(calls_reserve_every_minute_they_can_last)
{
    static const char calls[] = "/2010-04-01/Accounts/" ACCOUNT "/Calls.json";
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&From=%2B1555&Url=https%3A%2F%2Fx.example&TimeLimit=61"), E_OK);
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_USD], 2 * 22000000);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&From=%2B1555&Url=https%3A%2F%2Fx.example"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], INT64_C(240) * 22000000);
    CHECK_SPAN(bench_scope(&b, "twilio.url"), SPAN("https://x.example"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&TimeLimit=1e2"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B99955&TimeLimit=60"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

TEST(secret_reads_are_marked)
{
    static const char *const paths[] = { "/2010-04-01/Accounts/AC1.json", "/2010-04-01/Accounts.json",
        "/2010-04-01/Accounts/AC1/Keys.json", "/2010-04-01/Accounts/AC1/SigningKeys/SK1.json", "/oauth/v1/token",
        "/accounts/v1/AuthTokens/Secondary" };
    struct matched m;
    open_twilio();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        CHECK(vendor_match(&b.vendor, SPAN("POST"), span_of(paths[i]), &m));
        CHECK(m.operation->secret);
    }
    CHECK(vendor_match(&b.vendor, SPAN("GET"), SPAN("/2010-04-01/Accounts/AC1.json"), &m) && m.operation->secret);
    CHECK(!vendor_match(&b.vendor, SPAN("GET"), SPAN("/2010-04-01/Accounts/AC1/Messages"), &m));
    CHECK(!vendor_match(&b.vendor, SPAN("GET"), SPAN("/2010-04-01/Accounts/AC1/Messages.csv"), &m));
    CHECK(vendor_match(&b.vendor, SPAN("GET"), SPAN("/api/2010-04-01/Accounts/AC1/Messages.json"), &m));
    CHECK(vendor_match(&b.vendor, SPAN("GET"), SPAN("/2010-04-01/Accounts/AC1/Messages/SM1.json"), &m));
    CHECK_SPAN(m.captures[1].value, SPAN("SM1"));
    bench_close(&b);
}

TEST(every_twilio_call_is_found_as_itself)
{
    size_t count;
    struct matched m;
    open_twilio();
    const struct operation *all = vendor_operations(&b.vendor, &count);
    CHECK(count > 1000);
    for (size_t i = 0; i < count; i++)
        if (!vendor_match(&b.vendor, all[i].method, all[i].path, &m) || m.operation != &all[i])
            test_fail(__FILE__, __LINE__, "%.*s is not found", SPAN_ARG(all[i].name));
    bench_close(&b);
}
