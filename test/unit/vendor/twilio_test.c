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
    costs("To=%2B16585550100&Body=hello", 300000);                 /* ... and its other code */
    costs("To=%2B17875550100&Body=hello", 30000);                  /* Puerto Rico */
    costs("To=%2B14165550100&Body=hello", 14000);                  /* Canada */
    costs("To=%2B15558675310&Body=x&SendAsMms=true", 14000 + 35000);
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

/* %09 is a tab: plain it is one character of sixteen bits, encoded smartly seven blanks. */
TEST(smart_encoding_counts_where_it_may_happen)
{
    char tabs[1024] = "To=%2B15558675310&From=%2B15550001111&Body=";
    open_twilio();
    for (int i = 0; i < 70; i++)
        strcat(tabs, "%09");
    costs(tabs, 14000);
    size_t plain = strlen(tabs);
    costs(strcat(tabs, "&SmartEncoded=true"), 4 * 14000);
    tabs[plain] = '\0';
    costs(strcat(tabs, "&SmartEncoded=True"), 4 * 14000);
    CHECK(span_find(b.understood.body, SPAN("SmartEncoded=true")) >= 0);
    costs("To=%2B15558675310&MessagingServiceSid=MG1&Body=%09%09%09", 14000);
    costs("To=%2B15558675310&MessagingServiceSid=MG1&SmartEncoded=false&Body=%E2%80%A6", 14000);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "To=%2B15558675310&SmartEncoded=1&Body=x"), E_NOT_CANONICAL);
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
    CHECK_INT(bench_ask(&b, "GET", "/lookups/v2/PhoneNumbers/+15558675310?Fields=next_years_field", ""), E_OK);
    CHECK(!b.understood.cost_known && b.matched.operation->moves_money && !b.matched.operation->writes);
    bench_close(&b);
}

TEST(recipients_are_scopes_without_their_channel)
{
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, "To=whatsapp%3A%2B4420&From=%2B1555&Body=x"), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.to"), SPAN("+4420"));
    CHECK_SPAN(bench_scope(&b, "twilio.sender"), SPAN("+1555"));
    CHECK_SPAN(bench_scope(&b, "twilio.country"), SPAN("?"));
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

static void country_is(const char *body, const char *country)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", MESSAGES, body), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.country"), span_of(country));
}

TEST(countries_are_told_by_the_longest_prefix)
{
    open_twilio();
    country_is("To=%2B15558675310&Body=x", "US");
    country_is("To=%2B18765550100&Body=x", "JM");
    country_is("To=whatsapp%3A%2B447700900123&Body=x", "GB");
    country_is("To=%2B19005550100&Body=x", "?");
    country_is("To=client%3Ajoe&Body=x", "?");
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/lookups/v2/PhoneNumbers/+4915112345678?Fields=caller_name", ""), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.country"), SPAN("DE"));
    CHECK_SPAN(bench_scope(&b, "twilio.to"), SPAN("+4915112345678"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/studio/v2/Flows/FW1/Executions", "To=%2B15558675310&From=%2B1"), E_OK);
    CHECK_SPAN(bench_scope(&b, "twilio.country"), SPAN("US"));
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

static bool is_pinned(const char *name)
{
    for (size_t i = 0; i < b.understood.scope_count; i++)
        if (span_is(b.understood.scopes[i].name, span_of(name)) && b.understood.scopes[i].pinned)
            return true;
    return false;
}

TEST(what_twilio_is_told_to_do_next_has_to_be_pinned)
{
    static const struct {
        const char *path, *body;
        bool pinned;
    } rows[] = { { "/Calls.json", "To=%2B15558675310&From=%2B1&Twiml=%3CResponse%2F%3E", true },
        { "/Calls.json", "To=%2B15558675310&From=%2B1&Url=https%3A%2F%2Fx.example", true },
        { "/Calls.json", "To=%2B15558675310&From=%2B1&ApplicationSid=AP1", true },
        { "/Calls/CA1.json", "Twiml=%3CResponse%2F%3E", true }, { "/Calls/CA1.json", "Status=completed", false },
        { "/Applications/AP1.json", "VoiceUrl=https%3A%2F%2Fx.example", true }, { "/Applications/AP1.json", "FriendlyName=x", false },
        { "/IncomingPhoneNumbers/PN1.json", "SmsUrl=https%3A%2F%2Fx.example", true },
        { "/Conferences/CF1.json", "AnnounceUrl=https%3A%2F%2Fx.example", true },
        { "/Queues/QU1/Members/CA1.json", "Url=https%3A%2F%2Fx.example", true } };
    char path[200];
    open_twilio();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(path, sizeof(path), "/2010-04-01/Accounts/" ACCOUNT "%s", rows[i].path);
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", path, rows[i].body), E_OK);
        if (is_pinned("twilio.url") != rows[i].pinned)
            test_fail(__FILE__, __LINE__, "%s %s", rows[i].path, rows[i].body);
    }
    bench_close(&b);
}

TEST(hanging_up_is_free_and_anything_else_is_not)
{
    static const char call[] = "/2010-04-01/Accounts/" ACCOUNT "/Calls/CA1.json";
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", call, "Status=completed"), E_OK);
    CHECK(b.understood.cost_known && !b.understood.worst[UNIT_USD]);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", call, "Twiml=%3CResponse%2F%3E"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", call, "TimeLimit=14400"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

static void asks_cost(const char *method, const char *path, const char *body, int64_t micro)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, method, path, body), E_OK);
    if (!b.understood.cost_known || b.understood.worst[UNIT_USD] != micro * 1000)
        test_fail(__FILE__, __LINE__, "%s %s: known %d, %lld", path, body, b.understood.cost_known, (long long)b.understood.worst[UNIT_USD]);
}

static void asks_unknown(const char *method, const char *path, const char *body)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, method, path, body), E_OK);
    if (b.understood.cost_known || !b.matched.operation->moves_money)
        test_fail(__FILE__, __LINE__, "%s %s has a known cost", path, body);
}

TEST(products_are_priced_or_unknown)
{
    open_twilio();
    asks_cost("GET", "/lookups/v2/PhoneNumbers/+15558675310", "", 0);
    asks_cost("GET", "/lookups/v2/PhoneNumbers/+15558675310?Fields=caller_name,line_type_intelligence", "", 18000);
    asks_unknown("GET", "/lookups/v2/PhoneNumbers/+15558675310?Fields=caller_name,something_new", "");
    asks_cost("GET", "/lookups/v1/PhoneNumbers/+15558675310?Type=carrier&Type=caller-name", "", 15000);
    asks_unknown("GET", "/lookups/v1/PhoneNumbers/+15558675310?AddOns=whitepages", "");
    asks_cost("POST", "/verify/v2/Services/VA1/Verifications", "To=%2B15558675310&Channel=sms", 64000);
    asks_cost("POST", "/verify/v2/Services/VA1/Verifications", "To=%2B15558675310&Channel=call", 72000);
    asks_cost("POST", "/verify/v2/Services/VA1/Verifications", "To=a%40x.example&Channel=email", 50000);
    asks_unknown("POST", "/verify/v2/Services/VA1/Verifications", "To=%2B15558675310&Channel=rcs");
    asks_cost("POST", "/verify/v2/Services/VA1/VerificationCheck", "To=%2B15558675310&Code=123456", 0);
    asks_unknown("POST", "/studio/v2/Flows/FW1/Executions", "To=%2B15558675310&From=%2B1");
    asks_unknown("POST", "/notify/v1/Services/IS1/Notifications", "Body=x");
    asks_unknown("POST", "/conversations/v1/Conversations/CH1/Messages", "Body=x");
    asks_unknown("POST", "/proxy/v1/Services/KS1/Sessions/KC1/Participants/KP1/MessageInteractions", "Body=x");
    asks_unknown("POST", "/taskrouter/v1/Workspaces/WS1/Tasks", "Attributes=x");
    asks_unknown("POST", "/2010-04-01/Accounts/" ACCOUNT "/IncomingPhoneNumbers.json", "PhoneNumber=%2B15558675310");
    bench_settings(&b, "price_usd: { studio_execution: \"0.10\", notification: \"0.50\", phone_number: \"2.15\" }\n");
    asks_cost("POST", "/studio/v2/Flows/FW1/Executions", "To=%2B15558675310&From=%2B1", 100000);
    asks_cost("POST", "/notify/v1/Services/IS1/Notifications", "Body=x", 500000);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 1);
    asks_cost("POST", "/2010-04-01/Accounts/" ACCOUNT "/IncomingPhoneNumbers.json", "PhoneNumber=%2B15558675310", 2150000);
    asks_unknown("POST", "/taskrouter/v1/Workspaces/WS1/Tasks", "Attributes=x");
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
    CHECK(s.known && s.estimate && s.pending);
    CHECK_INT(s.real[UNIT_USD], 14000000);
    CHECK_INT(s.real[UNIT_MESSAGES], 1);
    CHECK_SPAN(s.object_id, SPAN("SM1"));
    s = bench_settle(&b, 201, "{\"sid\":\"SM1\",\"status\":\"sent\",\"price\":\"-0.00750\",\"price_unit\":\"USD\"}");
    CHECK(s.known && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], 7500000);
    s = bench_settle(&b, 201, "{\"sid\":\"SM1\",\"status\":\"failed\",\"price\":null,\"price_unit\":\"USD\"}");
    CHECK(s.known && !s.estimate && !s.pending);
    CHECK_INT(s.real[UNIT_USD], 0);
    CHECK_INT(s.real[UNIT_MESSAGES], 0);
    s = bench_settle(&b, 400, "{\"code\":21211,\"message\":\"x\",\"status\":400}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_USD], 0);
    CHECK_INT(s.real[UNIT_MESSAGES], 0);
    bench_close(&b);
}

static enum look_up_verdict told(const char *body, struct settled *out)
{
    struct http_head answer = { .status = 200 };
    return vendor_late_answer(b.json, &b.asked, &b.understood, &answer, span_of(body), &b.call, out);
}

TEST(a_message_is_read_again_until_its_price_is_there)
{
    struct late late;
    struct settled s;
    open_twilio();
    costs("To=%2B15558675310&Body=hello", 14000);
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("SM9"), &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/2010-04-01/Accounts/" ACCOUNT "/Messages/SM9.json"));
    CHECK_INT(late.after_ms[0], 10000);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"sending\",\"price\":null,\"price_unit\":\"USD\"}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"delivered\",\"price\":\"-0.00790\",\"price_unit\":\"USD\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 7900000);
    CHECK_INT(s.real[UNIT_MESSAGES], 1);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"canceled\",\"price\":null,\"price_unit\":\"USD\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 0);
    CHECK_INT(s.real[UNIT_MESSAGES], 0);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"failed\",\"price\":\"-0.001\",\"price_unit\":\"USD\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 1000000);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"delivered\",\"price\":\"-0.0070\",\"price_unit\":\"EUR\"}", &s), LOOK_UP_UNCLEAR);
    bench_settings(&b, "fx: { eur: \"1.10\" }\n");
    costs("To=%2B15558675310&Body=hello", 14000);
    CHECK_INT(told("{\"sid\":\"SM9\",\"status\":\"delivered\",\"price\":\"-0.0070\",\"price_unit\":\"EUR\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 7700000);
    bench_close(&b);
}

TEST(a_call_is_read_again_and_what_its_price_leaves_out_added)
{
    static const char calls[] = "/2010-04-01/Accounts/" ACCOUNT "/Calls.json";
    struct late late;
    struct settled s;
    open_twilio();
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&From=%2B1555&Url=https%3A%2F%2Fx.example&TimeLimit=61&Record=true&MachineDetection=Enable"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 2 * 22000000 + 2 * 2500000 + 7500000);
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("CA9"), &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/2010-04-01/Accounts/" ACCOUNT "/Calls/CA9.json"));
    CHECK_INT(told("{\"sid\":\"CA9\",\"status\":\"completed\",\"price\":null,\"price_unit\":\"USD\"}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(told("{\"sid\":\"CA9\",\"status\":\"completed\",\"price\":\"-0.0140\",\"price_unit\":\"USD\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 14000000 + 2 * 2500000 + 7500000);
    CHECK_INT(told("{\"sid\":\"CA9\",\"status\":\"no-answer\",\"price\":null,\"price_unit\":\"USD\"}", &s), LOOK_UP_HAPPENED);
    CHECK_INT(s.real[UNIT_USD], 0);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B18765550100&From=%2B1555&Url=https%3A%2F%2Fx.example"), E_OK);
    CHECK(!b.understood.cost_known); /* Jamaica is not the price of +1 */
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
    CHECK_INT(b.understood.worst[UNIT_USD], INT64_C(10) * 22000000);
    CHECK_SPAN(bench_scope(&b, "twilio.url"), SPAN("https://x.example"));
    CHECK(span_find(b.understood.body, SPAN("TimeLimit=600")) >= 0); /* Twilio's own would be four hours */
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&TimeLimit=1e2"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&TimeLimit=601"), E_PARAMETER_DENIED);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&TimeLimit=0"), E_PARAMETER_DENIED);
    bench_fresh(&b);
    bench_settings(&b, "call_seconds: 120\n");
    CHECK_INT(bench_ask(&b, "POST", calls, "To=%2B15558675310&Url=https%3A%2F%2Fx.example"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 2 * 22000000);
    CHECK(span_find(b.understood.body, SPAN("TimeLimit=120")) >= 0);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/2010-04-01/Accounts/" ACCOUNT "/Conferences/CF1/Participants.json", "To=%2B15558675310&From=%2B1555"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 2 * (22000000 + 1800000));
    struct settled settled = bench_settle(&b, 201, "{\"call_sid\":\"CA7\",\"status\":\"queued\"}");
    CHECK(settled.pending);
    CHECK_SPAN(settled.object_id, SPAN("CA7"));
    CHECK_INT(told("{\"sid\":\"CA7\",\"status\":\"completed\",\"price\":\"-0.0140\",\"price_unit\":\"USD\"}", &settled), LOOK_UP_HAPPENED);
    CHECK_INT(settled.real[UNIT_USD], 14000000 + 2 * 1800000);
    CHECK(span_find(b.understood.body, SPAN("TimeLimit=120")) >= 0);
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
