/* SPDX-License-Identifier: Apache-2.0
 * stripe_scopes_test.c - whom Stripe's calls touch: customers behind ids, searches, expansions; accounts; where money goes. */
#include "test/unit/vendor/stripe_shelf.h"

static struct bench b;

static void touches(const char *method, const char *target, const char *body, const char *scope, const char *value)
{
    bench_fresh(&b);
    enum err e = shelf_ask(&b, method, target, body);
    struct span found = e ? SPAN("refused") : bench_scope(&b, scope);
    if (!span_is(found, span_of(value)))
        test_fail(
            __FILE__, __LINE__, "%s %s %s: %s is \"%.*s\", want \"%s\"", method, target, body, scope, SPAN_ARG(found), value);
}

static void customer(const char *method, const char *target, const char *body, const char *value)
{
    touches(method, target, body, "stripe.customer", value);
}

TEST(objects_named_by_id_have_a_customer)
{
    static const char *const reads[] = { "/v1/charges/ch_1", "/v1/payment_intents/pi_1", "/v1/invoices/in_1",
        "/v1/invoices/in_1/lines", "/v1/invoiceitems/ii_1", "/v1/invoice_payments/inpay_1", "/v1/subscriptions/sub_1",
        "/v1/subscription_items/si_1", "/v1/subscription_items?subscription=sub_1", "/v1/subscription_schedules/sub_sched_1",
        "/v1/setup_intents/seti_1", "/v1/setup_attempts?setup_intent=seti_1", "/v1/quotes/qt_1", "/v1/quotes/qt_1/pdf",
        "/v1/payment_methods/pm_1", "/v1/sources/src_1", "/v1/refunds/re_1", "/v1/refunds?charge=ch_1",
        "/v1/refunds?payment_intent=pi_1", "/v1/disputes/dp_1", "/v1/disputes?charge=ch_1", "/v1/credit_notes/cn_1",
        "/v1/credit_notes/preview?invoice=in_1", "/v1/checkout/sessions/cs_1", "/v1/checkout/sessions?payment_intent=pi_1",
        "/v1/checkout/sessions/cs_1/line_items", "/v1/confirmation_tokens/ctoken_1", "/v1/billing/credit_grants/credgr_1",
        "/v1/billing/credit_balance_transactions/cbtxn_1", "/v1/promotion_codes/promo_1", "/v1/tax_ids/txi_1",
        "/v1/reviews/prv_1", "/v1/radar/early_fraud_warnings/issfr_1", "/v1/radar/early_fraud_warnings?charge=ch_1",
        "/v1/mandates/mandate_1", "/v1/financial_connections/accounts/fca_1", "/v1/financial_connections/sessions/fcsess_1",
        "/v1/financial_connections/transactions/fctxn_1", "/v1/identity/verification_sessions/vs_1",
        "/v1/identity/verification_reports/vr_1", "/v1/payment_records/pr_1", "/v1/payment_attempt_records/par_1",
        "/v1/tax/transactions/tax_1", "/v1/tax/calculations/taxcalc_1", "/v1/charges?customer=cus_A", "/v1/customers/cus_A",
        "/v1/customers/cus_A/sources/card_1", "/v1/charges/ch_1/refunds", "/v1/charges/ch_1/dispute",
        "/v1/invoices/upcoming?customer=cus_A", "/v1/subscription_items/si_1/usage_record_summaries",
        "/v1/linked_accounts/fca_1" };
    shelf_open(&b);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        customer("GET", reads[i], "", "cus_A");
    customer("POST", "/v1/refunds", "charge=ch_1&amount=5", "cus_A");
    customer("POST", "/v1/refunds", "charge=ch_2&amount=5", "cus_B"); /* S-20 */
    customer("POST", "/v1/refunds/re_2/cancel", "", "cus_B");
    customer("POST", "/v1/charges/ch_account", "description=x", "acct_cus");
    customer("POST", "/v1/disputes/dp_1/close", "", "cus_A");
    customer("POST", "/v1/invoices/in_1/pay", "", "cus_A");
    customer("POST", "/v1/subscription_items", "subscription=sub_1&price=price_1", "cus_A");
    customer("POST", "/v1/payment_methods/pm_1/detach", "", "cus_A");
    customer("POST", "/v1/terminal/readers/tmr_1/process_payment_intent", "payment_intent=pi_1", "cus_A");
    bench_close(&b);
}

TEST(who_is_not_told_is_nobody)
{
    static const char *const reads[] = { "/v1/customers", "/v1/charges", "/v1/charges/ch_nobody", "/v1/charges/ch_lost",
        "/v1/payment_intents", "/v1/invoices", "/v1/events", "/v1/events/evt_1", "/v1/balance_transactions",
        "/v1/balance_transactions/txn_1?expand[]=source", "/v1/application_fees?expand[]=data.charge",
        "/v1/reporting/report_runs", "/v1/billing/alerts", "/v1/payment_links/plink_1", "/v1/payment_methods/pm_free",
        "/v1/disputes", "/v1/refunds", "/v1/refunds/re_lost", "/v1/balance/history" };
    shelf_open(&b);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        customer("GET", reads[i], "", "?");
    customer("POST", "/v1/charges", "amount=1&currency=usd&source=tok_visa", "?");
    customer("POST", "/v1/refunds", "charge=ch_lost&amount=5", "?");
    customer("POST", "/v1/refunds", "payment_intent=pi_lost", "?");
    bench_close(&b);
}

TEST(two_customers_are_two)
{
    shelf_open(&b);
    customer("POST", "/v1/payment_intents/pi_1", "customer=cus_B", "several"); /* moved after the check: both are seen */
    customer("POST", "/v1/payment_intents/pi_1", "customer_account=acct_x", "several");
    customer("POST", "/v1/refunds", "charge=ch_2&payment_intent=pi_1", "several");
    customer("POST", "/v1/invoiceitems", "customer=cus_B&invoice=in_1&amount=5&currency=usd", "several");
    customer("GET", "/v1/charges?customer=cus_A&payment_intent=pi_eur", "", "several");
    bench_close(&b);
}

TEST(searches_show_everybody_but_one)
{
    shelf_open(&b);
    customer("GET", "/v1/charges/search?query=customer%3A%27cus_A%27", "", "cus_A");
    customer("GET", "/v1/payment_intents/search?query=customer%3A%22cus_A%22%20AND%20amount%3E5", "", "cus_A");
    customer("GET", "/v1/invoices/search?query=status%3A%27open%27%20AND%20customer%3A%27cus_A%27", "", "cus_A");
    customer("GET", "/v1/charges/search?query=amount%3E5", "", "?");
    customer("GET", "/v1/charges/search?query=customer%3A%27cus_A%27%20OR%20amount%3E5", "", "?");
    customer("GET", "/v1/customers/search?query=email%3A%27a%40b.example%27", "", "?");
    customer("GET", "/v1/subscriptions/search?query=customer%3A%27cus_A%27", "", "?"); /* has no such field */
    bench_close(&b);
}

TEST(expansions_may_show_anybody)
{
    static const char *const reads[] = { "/v1/payouts?expand[]=data.balance_transaction.source",
        "/v1/payouts/po_1?expand[]=balance_transaction", "/v1/transfers?expand[0]=data.source_transaction.customer",
        "/v1/topups/tu_1?expand[]=balance_transaction" };
    shelf_open(&b);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        customer("GET", reads[i], "", "?");
    customer("GET", "/v1/payouts", "", "");
    customer("GET", "/v1/transfers/tr_1", "", "");
    customer("POST", "/v1/payouts", "amount=5&currency=usd&expand[]=balance_transaction", "?");
    customer("GET", "/v1/charges/ch_1?expand[]=customer", "", "cus_A"); /* its own */
    bench_close(&b);
}

TEST(what_has_no_customer_needs_none)
{
    static const char *const reads[] = { "/v1/balance", "/v1/account", "/v1/products", "/v1/prices/price_1", "/v1/tax_codes",
        "/v1/payouts/po_1" };
    shelf_open(&b);
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        customer("GET", reads[i], "", "");
    customer("POST", "/v1/tokens", "card[number]=4242424242424242", "");
    customer("POST", "/v1/payment_methods", "type=card", "");
    customer("POST", "/v1/payment_methods", "customer=cus_B&payment_method=pm_1", "cus_B");
    bench_close(&b);
}

TEST(owners_are_remembered)
{
    shelf_open(&b);
    customer("GET", "/v1/charges/ch_1", "", "cus_A");
    CHECK_INT(shelf_reads(), 1);
    CHECK(b.objects[0].lasting);
    customer("GET", "/v1/refunds/re_1", "", "cus_A");
    CHECK_INT(shelf_reads(), 2);
    CHECK(b.objects[0].lasting && b.objects[1].lasting);
    customer("GET", "/v1/payment_intents/pi_1", "", "cus_A");
    CHECK(!b.objects[0].lasting); /* its customer may change */
    bench_close(&b);
}

TEST(connected_accounts_are_seen)
{
    static const struct {
        const char *target, *body, *account;
    } rows[] = {
        { "/v1/transfers", "amount=1&currency=usd&destination=acct_d", "acct_d" },
        { "/v1/charges", "amount=1&currency=usd&destination=acct_d", "acct_d" },
        { "/v1/charges", "amount=1&currency=usd&destination[account]=acct_d",
            "several" }, /* the map itself is one that cannot be read */
        { "/v1/charges", "amount=1&currency=usd&transfer_data[destination]=acct_d", "acct_d" },
        { "/v1/payment_intents", "amount=1&currency=usd&on_behalf_of=acct_d", "acct_d" },
        { "/v1/checkout/sessions", "payment_intent_data[transfer_data][destination]=acct_d", "acct_d" },
        { "/v1/subscriptions", "invoice_settings[issuer][account]=acct_d&invoice_settings[issuer][type]=account", "acct_d" },
        { "/v1/invoices", "automatic_tax[liability][account]=acct_d", "acct_d" },
        { "/v1/payment_intents/pi_1/confirm", "", "acct_o" }, /* as it was made */
        { "/v1/accounts/acct_d", "email=x", "acct_d" },
        { "/v1/account_links", "account=acct_d", "acct_d" },
        { "/v2/money_management/outbound_payments",
            "{\"to\":{\"recipient\":\"acct_r\"},\"amount\":{\"value\":1,\"currency\":\"usd\"}}", "acct_r" },
        { "/v1/accounts/acct_d/people", "first_name=x", "acct_d" },
    };
    shelf_open(&b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        touches("POST", rows[i].target, rows[i].body, "stripe.account", rows[i].account);
    bench_close(&b);
}

TEST(where_money_goes_is_seen)
{
    shelf_open(&b);
    touches("POST", "/v1/payouts", "amount=1&currency=usd&destination=ba_1", "stripe.destination", "ba_1");
    touches("POST", "/v1/payouts", "amount=1&currency=usd", "stripe.destination", "?"); /* the default one may be any */
    touches("POST", "/v1/transfers", "amount=1&currency=usd&destination=acct_d", "stripe.destination", "acct_d");
    touches("POST", "/v1/treasury/outbound_payments", "amount=1&currency=usd&destination_payment_method=pm_x",
        "stripe.destination", "pm_x");
    touches("POST", "/v1/treasury/outbound_transfers", "amount=1&currency=usd", "stripe.destination", "?");
    touches(
        "POST", "/v2/money_management/outbound_payments", "{\"to\":{\"recipient\":\"acct_r\"}}", "stripe.destination", "acct_r");
    touches("POST", "/v2/money_management/payout_intents/pyi_1/confirm", "", "stripe.destination", "acct_r");
    touches("POST", "/v2/money_management/payout_intents/pyi_lost/confirm", "", "stripe.destination", "?");
    touches("POST", "/v1/charges", "amount=1&currency=usd&customer=cus_A", "stripe.destination", "");
    touches("POST", "/v1/treasury/outbound_payments", "amount=1&currency=usd&financial_account=fa_1", "stripe.financial_account",
        "fa_1");
    touches("POST", "/v2/money_management/outbound_payments", "{\"from\":{\"financial_account\":\"fa_2\"}}",
        "stripe.financial_account", "fa_2");
    bench_close(&b);
}
