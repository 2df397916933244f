/* SPDX-License-Identifier: Apache-2.0
 * spelling_test.c - other spellings of members that rules read. */
#include "base/spelling.h"

#include "test/unit/vendor/bench.h"

static struct bench b;

static void check_body(const char *vendor, const char *method, const char *target, const char *body, const char *refused, int line)
{
    bench_open(&b, vendor, SPAN_NONE);
    b.account = SPAN("MA1");
    enum err e = bench_ask(&b, method, target, body);
    bool said = !refused || span_find(b.why, span_of(refused)) >= 0;
    if (e != (refused ? E_NOT_CANONICAL : E_OK) || !said)
        test_fail(__FILE__, line, "%s %s: %d (%.*s)", target, body, (int)e, SPAN_ARG(b.why));
    bench_close(&b);
}
#define TAKES(vendor, target, body) check_body(vendor, "POST", target, body, NULL, __LINE__)
#define REFUSES(vendor, target, body, name) check_body(vendor, "POST", target, body, name, __LINE__)

#define REFUND "\"idempotency_key\":\"k\",\"payment_id\":\"p\",\"amount_money\":{\"amount\":100,\"currency\":\"USD\"}"

TEST(no_other_spelling_of_what_rules_read)
{
    TAKES("square", "/v2/refunds", "{" REFUND "}");
    TAKES("square", "/v2/refunds", "{" REFUND ",\"reason\":\"Amount_Money\"}");
    REFUSES("square", "/v2/refunds", "{" REFUND ",\"amountMoney\":{\"amount\":90000,\"currency\":\"USD\"}}", "amountMoney");
    REFUSES("square", "/v2/refunds", "{" REFUND ",\"Amount_Money\":{\"amount\":90000,\"currency\":\"USD\"}}", "Amount_Money");
    REFUSES("square", "/v2/refunds", "{" REFUND ",\"amount-money\":1}", "amount-money");
    REFUSES("square", "/v2/refunds", "{\"payment_id\":\"p\",\"amount_money\":{\"amount\":100,\"Amount\":90000,\"currency\":\"USD\"}}", "Amount");
    TAKES("resend", "/emails", "{\"from\":\"a@x.example\",\"to\":\"b@x.example\",\"reply_to\":\"c@x.example\",\"replyTo\":\"c@x.example\"}");
}

TEST(what_only_general_rules_read_has_other_names_elsewhere)
{
    TAKES("telnyx", "/v2/texml/calls/1", "{\"To\":\"+13125550001\",\"From\":\"+13125550002\",\"Url\":\"https://x.example\"}");
    TAKES("telnyx", "/v2/texml/Accounts/a/Calls", "{\"ApplicationSid\":\"1\",\"To\":\"+13125550001\",\"From\":\"+13125550002\"}");
    TAKES("telnyx", "/v2/10dlc/phoneNumberAssignmentByProfile", "{\"messagingProfileId\":\"p\"}");
    REFUSES("telnyx", "/v2/texml/calls/1", "{\"To\":\"+13125550001\",\"to\":\"+13125550002\"}", "To");
    REFUSES("telnyx", "/v2/messages", "{\"from\":\"+13125550002\",\"text\":\"x\",\"To\":\"+13125550001\"}", "To");
    TAKES("twilio", "/messaging/v3/Indicators/Typing.json", "{\"channel\":\"rcs\",\"from\":\"a\",\"to\":\"b\"}");
    TAKES("twilio", "/flex-api/v1/Interactions/KD1/Channels/UO1/Transfers", "{\"type\":\"COLD\",\"from\":\"a\",\"to\":\"b\"}");
    TAKES("twilio", "/numbers/v1/SenderIdRegistrations", "{\"statusCallbackUrl\":\"https://x.example\"}");
}

TEST(spellings_in_lists_and_sums)
{
    static const char own[] = "vendor: own\nbase_url: https://own.example\nkey_in: [bearer]\nsend: bearer\nbody: json\noperations:\n"
                              "  pay: { call: POST /pay, reserve: { usd: \"sum(body.items, item.amount.value)\" }, scopes: { to: [body.list.*.to] } }\n";
    static const struct {
        const char *body;
        enum err want;
    } rows[] = { { "{\"items\":[{\"amount\":{\"value\":1}}]}", E_OK }, { "{\"items\":[{\"amount\":{\"value\":1,\"Value\":2}}]}", E_NOT_CANONICAL },
        { "{\"items\":[{\"amount\":{\"value\":1}},{\"Amount\":{\"value\":1}}]}", E_NOT_CANONICAL }, { "{\"Items\":[]}", E_NOT_CANONICAL },
        { "{\"list\":[{\"to\":\"x\"},{\"TO\":\"y\"}]}", E_NOT_CANONICAL }, { "{\"list\":{\"TO\":\"y\"},\"other\":{\"Items\":1,\"TO\":2}}", E_OK }, { "[{\"Items\":1}]", E_OK } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bench_read(&b, own))
            test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
        enum err e = bench_ask(&b, "POST", "/pay", rows[i].body);
        if (e != rows[i].want)
            test_fail(__FILE__, __LINE__, "%s: %d (%.*s)", rows[i].body, (int)e, SPAN_ARG(b.why));
        bench_close(&b);
    }
}

TEST(spellings_are_alike)
{
    CHECK(spelling_is_alike(SPAN("amount_money"), SPAN("amountMoney")) && spelling_is_alike(SPAN("AMOUNT-MONEY_"), SPAN("_amount_money")));
    CHECK(!spelling_is_alike(SPAN("amount"), SPAN("amounts")) && !spelling_is_alike(SPAN("amounts"), SPAN("amount")) && !spelling_is_alike(SPAN("a.b"), SPAN("ab")));
}
