/* SPDX-License-Identifier: Apache-2.0
 * stripe_test.c - the built-in Stripe manifest: what calls mean, cost and touch. */
#include "test/unit/vendor/bench.h"

static struct bench b;

static void open_stripe(void)
{
    bench_open(&b, "stripe", SPAN_NONE);
}

static void costs(const char *method, const char *target, const char *body, const char *operation, int64_t cents)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, method, target, body), E_OK);
    CHECK_SPAN(b.matched.operation->name, span_of(operation));
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_USD], cents * (NANO_PER_USD / 100));
}

static void unknown(const char *method, const char *target, const char *body)
{
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, method, target, body), E_OK);
    CHECK(!b.understood.cost_known);
    CHECK(b.matched.operation->moves_money);
}

TEST(money_calls_reserve_their_amount)
{
    open_stripe();
    costs("POST", "/v1/charges", "amount=2500&currency=usd&source=tok_visa", "stripe.charges.create", 2500);
    costs("POST", "/v1/charges", "amount=2500&currency=USD", "stripe.charges.create", 2500);
    costs("POST", "/v1/refunds", "customer=cus_1&currency=usd&amount=500", "stripe.refunds.create", 500);
    costs("POST", "/v1/payouts", "amount=100&currency=usd", "stripe.payouts.create", 100);
    costs("POST", "/v1/payment_intents", "amount=2000&currency=usd", "stripe.payment_intents.create", 2000);
    costs("POST", "/v1/payment_intents/pi_1", "amount=3000&currency=usd", "stripe.payment_intents.update", 3000);
    costs("POST", "/v1/payment_intents/pi_1", "description=x", "stripe.payment_intents.update", 0);
    costs("POST", "/v1/transfers", "amount=7&currency=usd&destination=acct_9", "stripe.transfers.create", 7);
    costs("POST", "/v2/money_management/outbound_payments",
        "{\"amount\":{\"value\":1234,\"currency\":\"usd\"},\"to\":{\"recipient\":\"acct_2\"}}",
        "stripe.v2.money_management.outbound_payments.create", 1234);
    costs("GET", "/v1/customers/cus_1", "", "stripe.customers.retrieve", 0);
    costs("POST", "/v1/customers", "email=a%40b.example", "stripe.customers.create", 0);
    bench_close(&b);
}

TEST(what_cannot_be_known_is_not)
{
    open_stripe();
    unknown("POST", "/v1/refunds", "charge=ch_1");
    unknown("POST", "/v1/charges", "amount=100");
    unknown("POST", "/v1/charges", "amount=100&currency=eur");
    unknown("POST", "/v1/charges", "amount=100&currency=dollars");
    unknown("POST", "/v1/charges", "currency=usd");
    unknown("POST", "/v1/payment_intents/pi_1/confirm", "");
    unknown("POST", "/v1/payment_intents/pi_1/capture", "");
    unknown("POST", "/v1/invoices/in_1/pay", "");
    unknown("POST", "/v1/subscriptions", "customer=cus_1&items[0][price]=price_1");
    unknown("POST", "/v1/checkout/sessions", "mode=payment");
    unknown("POST", "/v1/customers/cus_1", "balance=-5000");
    unknown("POST", "/v2/money_management/outbound_payments", "{\"amount\":1234}");
    bench_close(&b);
}

TEST(currencies_have_their_own_digits_and_rates)
{
    open_stripe();
    bench_settings(&b, "fx: { eur: \"1.10\", jpy: \"0.0070\", kwd: \"3.20\", isk: \"0.0080\" }\nfx_margin: 0%\n");
    costs("POST", "/v1/charges", "amount=1000&currency=eur", "stripe.charges.create", 1100);
    costs("POST", "/v1/charges", "amount=1000&currency=jpy", "stripe.charges.create", 700);
    costs("POST", "/v1/charges", "amount=1000&currency=kwd", "stripe.charges.create", 320);
    costs("POST", "/v1/charges", "amount=50000&currency=isk", "stripe.charges.create", 400);
    bench_settings(&b, "fx: { eur: \"1.10\" }\n");
    costs("POST", "/v1/charges", "amount=10000&currency=eur", "stripe.charges.create", 11220); /* 2% margin of the manifest */
    struct settled s = bench_settle(
        &b, 200, "{\"id\":\"ch_1\",\"amount\":10000,\"amount_captured\":10000,\"captured\":true,\"currency\":\"eur\"}");
    CHECK_INT(s.real[UNIT_USD], 110 * NANO_PER_USD); /* settled without it */
    bench_close(&b);
}

TEST(amounts_are_whole_numbers_given_once)
{
    static const char *const tricks[] = { "amount=1e4&currency=usd", "amount=0x270f&currency=usd", "amount=%209999&currency=usd",
        "amount=100.5&currency=usd", "amount=-5&currency=usd", "amount=+5&currency=usd", "amount=007&currency=usd",
        "amount=&currency=usd", "amount=1234567890123&currency=usd", "amount=100&amount=9999&currency=usd",
        "amount=100&am%6Funt=9999&currency=usd", "amount[]=9999&currency=usd", "amount[]=1&amount[]=9999&currency=usd",
        "amount=1&amount[]=9999", "amount=1&amount[x]=9999", "amount=100;amount=9999", "amount=1%00&currency=usd", "amount=%ff",
        "amount=%zz", "customer[]=cus_1&customer[]=cus_2" };
    open_stripe();
    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        bench_fresh(&b);
        if (bench_ask(&b, "POST", "/v1/charges", tricks[i]) != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "accepted: %s", tricks[i]);
        CHECK(b.why.len > 0);
    }
    bench_close(&b);
}

TEST(only_forms_in_utf8_are_read)
{
    static const char *const types[] = { "application/json", "multipart/form-data; boundary=x", "text/plain",
        "application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form-urlencoded; charset=utf-8; x=1" };
    open_stripe();
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        bench_fresh(&b);
        bench_field(&b, "content-type", types[i]);
        CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_NOT_CANONICAL);
    }
    bench_fresh(&b);
    bench_field(&b, "content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_OK);
    bench_fresh(&b);
    bench_field(&b, "content-type", "application/x-www-form-urlencoded");
    bench_field(&b, "content-type", "application/json");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_NOT_CANONICAL);
    bench_fresh(&b);
    bench_field(&b, "content-encoding", "gzip");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges?amount=9", "amount=1&currency=usd"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/charges", "amount=1"), E_NOT_CANONICAL);
    bench_close(&b);
}

TEST(spellings_of_paths_lead_nowhere)
{
    static const char *const refused[] = { "/v1//payouts", "/v1%2Fcharges", "/v1/charges/../payouts",
        "/v1/charges/%2e%2e/payouts", "/v1/payouts//", "/v1/payouts;x=1", "/v1/pay\\outs", "/v1/payouts%23", "/v1/payouts%3F",
        "/v1/%2570ayouts", "/v1/payouts%00", "/v1/./payouts", "/v1/pay%6", "/v1/pay outs" };
    open_stripe();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        bench_fresh(&b);
        if (bench_ask(&b, "POST", refused[i], "amount=1&currency=usd") != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "accepted: %s", refused[i]);
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/payouts/", "amount=1&currency=usd"), E_OPERATION_DENIED);
    CHECK_INT(bench_ask(&b, "POST", "/V1/charges", ""), E_OPERATION_DENIED);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges.json", ""), E_OPERATION_DENIED);
    CHECK_INT(bench_ask(&b, "post", "/v1/charges", ""), E_OPERATION_DENIED);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges/ch_1/refundx", ""), E_OPERATION_DENIED);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges/search", ""), E_OPERATION_DENIED);
    costs("POST", "/v1/p%61youts", "amount=1&currency=usd", "stripe.payouts.create", 1); /* one spelling: forwarded decoded */
    costs("POST", "//v1/payouts", "amount=1&currency=usd", "stripe.payouts.create", 1);
    bench_close(&b);
}

TEST(the_customer_is_seen_wherever_it_stands)
{
    open_stripe();
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd&customer=cus_A"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("cus_A"));
    CHECK_SPAN(b.understood.customer, SPAN("cus_A"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/payment_intents", "amount=1&currency=usd&customer_account=acct_A"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("acct_A"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/customers/cus_B/sources", "source=tok_1"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("cus_B"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/charges?customer=cus_C&limit=3", ""), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("cus_C"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/billing/alerts", "usage_threshold[filters][0][customer]=cus_D"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("cus_D"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd&customer=cus_A&metadata[customer]=cus_Z"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("cus_A"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/refunds", "charge=ch_1&amount=5"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("?"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/customers", ""), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN("?"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/balance", ""), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.customer"), SPAN(""));
    bench_close(&b);
}

TEST(the_connected_account_is_seen)
{
    open_stripe();
    bench_field(&b, "stripe-account", "acct_1");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.account"), SPAN("acct_1"));
    bench_fresh(&b);
    bench_field(&b, "stripe-context", "acct_a/acct_b");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.account"), SPAN("acct_b"));
    bench_fresh(&b);
    bench_field(&b, "stripe-context", "acct_a");
    bench_field(&b, "stripe-account", "acct_b");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_NOT_CANONICAL);
    bench_fresh(&b);
    bench_field(&b, "stripe-account", "acct_a");
    bench_field(&b, "stripe-account", "acct_b");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_NOT_CANONICAL);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd&transfer_data[destination]=acct_c"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.account"), SPAN("acct_c"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/transfers", "amount=1&currency=usd&destination=acct_d"), E_OK);
    CHECK_SPAN(bench_scope(&b, "stripe.account"), SPAN("acct_d"));
    bench_close(&b);
}

TEST(charges_settle_what_was_captured)
{
    open_stripe();
    costs("POST", "/v1/charges", "amount=2500&currency=usd", "stripe.charges.create", 2500);
    struct settled s = bench_settle(
        &b, 200, "{\"id\":\"ch_1\",\"amount\":2500,\"amount_captured\":2500,\"captured\":true,\"currency\":\"usd\"}");
    CHECK(s.known && !s.replayed && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], 25 * NANO_PER_USD);
    CHECK_SPAN(s.object_id, SPAN("ch_1"));
    s = bench_settle(&b, 200, "{\"id\":\"ch_1\",\"amount\":2500,\"amount_captured\":0,\"captured\":false,\"currency\":\"usd\"}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_USD], 0);
    s = bench_settle(&b, 402, "{\"error\":{\"type\":\"card_error\"}}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_USD], 0);
    s = bench_settle(&b, 500, "{\"error\":{}}");
    CHECK(!s.known);
    s = bench_settle(&b, 200, "not json");
    CHECK(!s.known);
    bench_field(&b, "idempotent-replayed", "true");
    struct http_head answer = { .status = 200, .fields = b.fields, .count = b.head.count };
    vendor_settle(b.json, &b.asked, &b.understood, &answer, SPAN("{}"), &b.call, &s);
    CHECK(s.known && s.replayed);
    CHECK_INT(s.real[UNIT_USD], 0);
    bench_close(&b);
}

TEST(the_form_that_was_checked_is_forwarded)
{
    open_stripe();
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges",
                  "amount=5&currency=usd&metadata%5Border%5D=a+b%2Fc&expand[]=x&expand[]=y&description"),
        E_OK);
    CHECK_SPAN(b.understood.body, SPAN("amount=5&currency=usd&metadata[order]=a%20b%2Fc&expand[]=x&expand[]=y&description="));
    CHECK_INT(b.understood.parameter_count, 6);
    CHECK_SPAN(b.understood.parameters[2].name, SPAN("metadata.order"));
    CHECK_SPAN(b.understood.parameters[2].value, SPAN("a b/c"));
    CHECK(b.understood.parameters[0].number);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/customers?limit=3&expand[0]=data.sources", ""), E_OK);
    CHECK_SPAN(b.understood.query, SPAN("limit=3&expand[0]=data.sources"));
    bench_close(&b);
}

TEST(secrets_are_marked)
{
    struct matched m;
    open_stripe();
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/v1/ephemeral_keys"), &m) && m.operation->secret && m.operation->note.len);
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/v1/webhook_endpoints"), &m) && m.operation->secret);
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/v1/charges"), &m) && !m.operation->secret);
    bench_close(&b);
}

/* 650 of the SDK; of the older spellings 28 change something, and only where a policy names them. */
TEST(every_listed_call_is_found_as_itself)
{
    size_t count, older = 0, named = 0;
    struct matched m;
    open_stripe();
    const struct operation *all = vendor_operations(&b.vendor, &count);
    for (size_t i = 0; i < count; i++) {
        bool legacy = span_ends(all[i].name, SPAN(".legacy"));
        older += legacy;
        named += legacy && all[i].writes && all[i].secret;
        CHECK(!legacy || all[i].writes == all[i].secret);
        if (!vendor_match(&b.vendor, all[i].method, all[i].path, &m) || m.operation != &all[i])
            test_fail(__FILE__, __LINE__, "%.*s is not found", SPAN_ARG(all[i].name));
    }
    CHECK_INT(count - older, 650);
    CHECK_INT(named, 28);
    CHECK_INT(older, 55);
    bench_close(&b);
}
