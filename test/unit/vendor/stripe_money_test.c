/* SPDX-License-Identifier: Apache-2.0
 * stripe_money_test.c - what Stripe's money calls reserve and settle, call by call, with the objects they name read first. */
#include "test/unit/vendor/stripe_shelf.h"

static struct bench b;

enum { UNKNOWN = -1 };

struct row {
    const char *target, *body;
    int64_t cents; /* or UNKNOWN */
};

static void check(const char *method, const struct row *r)
{
    bench_fresh(&b);
    enum err e = shelf_ask(&b, method, r->target, r->body);
    if (e) {
        test_fail(__FILE__, __LINE__, "%s %s: %s: refused: %.*s", method, r->target, r->body, SPAN_ARG(b.why));
        return;
    }
    bool known = b.understood.cost_known;
    int64_t cents = known ? b.understood.worst[UNIT_USD] / (NANO_PER_USD / 100) : UNKNOWN;
    if (cents != r->cents)
        test_fail(__FILE__, __LINE__, "%s %s: %s: %lld cents, want %lld", method, r->target, r->body, (long long)cents,
            (long long)r->cents);
    if (r->cents && !b.matched.operation->moves_money)
        test_fail(__FILE__, __LINE__, "%s %s does not move money", method, r->target);
}

#define CHECK_ROWS(method, rows)                                                                                                 \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++)                                                             \
    check(method, &(rows)[i_])

TEST(charges_and_captures)
{
    static const struct row rows[] = {
        { "/v1/charges", "amount=2500&currency=usd&source=tok_visa", 2500 },
        { "/v1/charges", "amount=2500&currency=usd&capture=false", 2500 }, { "/v1/charges", "amount=2500", UNKNOWN },
        { "/v1/charges/ch_1/capture", "", 5000 }, { "/v1/charges/ch_1/capture", "amount=1200", 1200 },
        { "/v1/charges/ch_lost/capture", "amount=1200", UNKNOWN }, /* in what currency? */
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    bench_close(&b);
}

TEST(refunds_are_what_remains)
{
    static const struct row rows[] = {
        { "/v1/refunds", "charge=ch_1&amount=500", 500 },
        { "/v1/refunds", "charge=ch_1", 4000 },
        { "/v1/refunds", "payment_intent=pi_1", 4000 },
        { "/v1/refunds", "payment_intent=pi_1&amount=70", 70 },
        { "/v1/refunds", "payment_intent=pi_old", 2500 }, /* an old version does not tell its charge: at most all of it */
        { "/v1/refunds", "charge=ch_2&payment_intent=pi_1", UNKNOWN }, /* which? */
        { "/v1/refunds", "charge=ch_1&payment_intent=pi_1", 4000 },
        { "/v1/refunds", "charge=ch_lost", UNKNOWN },
        { "/v1/refunds", "charge=ch_lost&amount=500", 500 }, /* in setting.currency, where nobody knows better */
        { "/v1/refunds", "charge=ch_eur", UNKNOWN }, /* no rate */
        { "/v1/refunds", "customer=cus_A&amount=900&currency=usd&origin=customer_balance", 900 },
        { "/v1/refunds", "amount=900", UNKNOWN },
        { "/v1/terminal/readers/tmr_1/refund_payment", "charge=ch_1", 4000 },
        { "/v1/terminal/readers/tmr_1/refund_payment", "payment_intent=pi_1&amount=300", 300 },
        { "/v1/charges/ch_1/refund", "", 4000 },
        { "/v1/charges/ch_1/refunds", "amount=11", 11 },
        { "/v1/application_fees/fee_1/refunds", "", 100 },
        { "/v1/application_fees/fee_1/refunds", "amount=30", 30 },
        { "/v1/application_fees/fee_1/refund", "", 100 },
        { "/v1/credit_notes", "invoice=in_1&amount=800", 800 },
        { "/v1/credit_notes", "invoice=in_1&refund_amount=100&credit_amount=20&out_of_band_amount=3", 123 },
        { "/v1/credit_notes", "invoice=in_1&amount=50&refund_amount=100", 100 },
        { "/v1/credit_notes", "invoice=in_1&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=il_1", 9000 },
        { "/v1/credit_notes", "invoice=in_lost&amount=800", UNKNOWN },
        { "/v1/disputes/dp_1/close", "", 5000 },
        { "/v1/charges/ch_1/dispute/close", "", 5000 },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    CHECK_INT(b.matched.operation->refund, false);
    bench_settings(&b, "fx: { eur: \"1.10\" }\nfx_margin: 0%\n");
    check("POST", &(struct row){ "/v1/refunds", "charge=ch_eur", 1100 });
    CHECK(b.matched.operation->refund);
    bench_close(&b);
}

TEST(an_intent_is_counted_once)
{
    static const struct row fresh[] = {
        { "/v1/payment_intents", "amount=2000&currency=usd", 2000 },
        { "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&capture_method=manual", 2000 },
        { "/v1/payment_intents/pi_1", "amount=4500", 4500 },
        { "/v1/payment_intents/pi_1", "currency=eur", UNKNOWN },
        { "/v1/payment_intents/pi_1", "metadata[a]=b", 0 },
        { "/v1/payment_intents/pi_1/confirm", "", 4000 },
        { "/v1/payment_intents/pi_1/confirm", "amount_to_confirm=1", 4000 },
        { "/v1/payment_intents/pi_1/capture", "", 4000 },
        { "/v1/payment_intents/pi_1/capture", "amount_to_capture=1500", 1500 },
        { "/v1/payment_intents/pi_1/increment_authorization", "amount=6000", 6000 },
        { "/v1/payment_intents/pi_1/apply_customer_balance", "", 4000 },
        { "/v1/payment_intents/pi_1/apply_customer_balance", "amount=100", 100 },
        { "/v1/payment_intents/pi_1/cancel", "", 0 },
        { "/v1/payment_intents/pi_lost/confirm", "", UNKNOWN },
        { "/v1/payment_intents/pi_lost/capture", "amount_to_capture=5", UNKNOWN },
        { "/v1/terminal/readers/tmr_1/process_payment_intent", "payment_intent=pi_1", 4000 },
        { "/v1/terminal/readers/tmr_1/confirm_payment_intent", "payment_intent=pi_1", 4000 },
        { "/v1/terminal/readers/tmr_1/collect_payment_method", "payment_intent=pi_1", 4000 },
        { "/v1/invoices/in_1/attach_payment", "payment_intent=pi_1", 4000 },
        { "/v1/invoices/in_1/attach_payment", "payment_record=pr_1", UNKNOWN },
    };
    static const struct row counted[] = {
        /* 40 dollars are */
        { "/v1/payment_intents/pi_1", "amount=4500", 500 },
        { "/v1/payment_intents/pi_1", "amount=100", 0 },
        { "/v1/payment_intents/pi_1/confirm", "", 0 },
        { "/v1/payment_intents/pi_1/capture", "", 0 },
        { "/v1/payment_intents/pi_1/capture", "amount_to_capture=1500", 0 },
        { "/v1/payment_intents/pi_1/increment_authorization", "amount=6000", 2000 },
        { "/v1/terminal/readers/tmr_1/process_payment_intent", "payment_intent=pi_1", 0 },
        { "/v1/invoices/in_1/attach_payment", "payment_intent=pi_1", 0 },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", fresh);
    shelf_counted(4000);
    CHECK_ROWS("POST", counted);
    CHECK_SPAN(b.understood.counted_id, SPAN("pi_1"));
    bench_close(&b);
}

TEST(money_out)
{
    static const struct row rows[] = {
        { "/v1/payouts", "amount=100&currency=usd", 100 },
        { "/v1/payouts/po_1/reverse", "", 8800 },
        { "/v1/transfers", "amount=7&currency=usd&destination=acct_9", 7 },
        { "/v1/transfers", "currency=usd&destination=acct_9&source_transaction=ch_1", 5000 },
        { "/v1/transfers", "currency=usd&destination=acct_9", UNKNOWN },
        { "/v1/transfers/tr_1/reversals", "", 500 },
        { "/v1/transfers/tr_1/reversals", "amount=20", 20 },
        { "/v1/topups", "amount=30&currency=usd", 30 },
        { "/v1/treasury/outbound_payments", "amount=30&currency=usd&financial_account=fa_1", 30 },
        { "/v1/treasury/outbound_transfers", "amount=30&currency=usd&financial_account=fa_1", 30 },
        { "/v1/treasury/inbound_transfers", "amount=30&currency=usd&financial_account=fa_1", 30 },
        { "/v1/treasury/credit_reversals", "received_credit=rc_1", 330 },
        { "/v1/treasury/debit_reversals", "received_debit=rd_1", 440 },
        { "/v2/money_management/outbound_payments", "{\"amount\":{\"value\":1234,\"currency\":\"usd\"}}", 1234 },
        { "/v2/money_management/outbound_payments", "{\"amount\":1234}", UNKNOWN },
        { "/v2/money_management/inbound_transfers", "{\"amount\":{\"value\":1234,\"currency\":\"usd\"}}", 1234 },
        { "/v2/money_management/payout_intents", "{\"amount\":{\"value\":1234,\"currency\":\"usd\"}}", 1234 },
        { "/v2/money_management/payout_intents/pyi_1/confirm", "", 6600 },
        { "/v1/climate/orders", "amount=500&currency=usd&product=climsku_1", 500 },
        { "/v1/climate/orders", "metric_tons=2&product=climsku_1", UNKNOWN },
        { "/v1/issuing/authorizations/iauth_1/approve", "", 2200 },
        { "/v1/issuing/authorizations/iauth_1/approve", "amount=100", 100 },
        { "/v1/issuing/cards", "currency=usd&type=virtual", UNKNOWN },
        { "/v1/issuing/cards",
            "currency=usd&type=virtual&spending_controls[spending_limits][0][amount]=5000&spending_controls[spending_limits][0]["
            "interval]=all_time",
            5000 },
        { "/v1/issuing/cards",
            "currency=usd&type=virtual&spending_controls[spending_limits][0][amount]=5000&spending_controls[spending_limits][0]["
            "interval]=daily",
            UNKNOWN },
        { "/v1/issuing/cards/ic_1", "status=active", UNKNOWN },
        { "/v1/issuing/cards/ic_1", "metadata[a]=b", 0 },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    bench_close(&b);
}

TEST(invoices_are_what_remains_to_be_paid)
{
    static const struct row rows[] = {
        { "/v1/invoices/in_1/pay", "", 6000 },
        { "/v1/invoices/in_1/finalize", "", 6000 },
        { "/v1/invoices/in_1/send", "", 6000 },
        { "/v1/invoices/in_lost/pay", "", UNKNOWN },
        { "/v1/invoices", "customer=cus_A", 0 },
        { "/v1/invoices", "customer=cus_A&auto_advance=true", UNKNOWN },
        { "/v1/invoices/in_1", "description=x", 0 },
        { "/v1/invoices/in_1", "auto_advance=true", 6000 },
        { "/v1/invoices/in_1/add_lines",
            "lines[0][amount]=100&lines[1][price_data][unit_amount]=20&lines[1][price_data][currency]=usd&lines[1][quantity]=3",
            160 },
        { "/v1/invoices/in_1/add_lines", "lines[0][invoice_item]=ii_1", 0 },
        { "/v1/invoices/in_1/update_lines", "lines[0][id]=il_1&lines[0][amount]=250", 250 },
        { "/v1/invoices/in_1/lines/il_1", "amount=70", 70 },
        { "/v1/invoices/in_1/lines/il_1", "description=x", 0 },
        { "/v1/invoices/in_1/lines/il_1", "quantity=70", UNKNOWN },
        { "/v1/invoiceitems", "customer=cus_A&amount=900&currency=usd", 900 },
        { "/v1/invoiceitems", "customer=cus_A&amount=900&currency=usd&invoice=in_1", 900 },
        { "/v1/invoiceitems", "customer=cus_A&pricing[price]=price_1&quantity=2", 3000 },
        { "/v1/invoiceitems", "customer=cus_A&price_data[unit_amount]=5&price_data[currency]=usd&quantity=4", 20 },
        { "/v1/invoiceitems/ii_1", "amount=80", 80 },
        { "/v1/invoiceitems/ii_1", "price_data[unit_amount]=5&price_data[currency]=usd", 10 },
        { "/v1/invoiceitems/ii_1", "description=x", 0 },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    shelf_counted(6000);
    check("POST", &(struct row){ "/v1/invoices/in_1/pay", "", 0 });
    CHECK_SPAN(b.understood.counted_id, SPAN("in_1"));
    check("POST", &(struct row){ "/v1/invoiceitems", "customer=cus_A&amount=900&currency=usd&invoice=in_1", 900 });
    CHECK_SPAN(b.understood.counted_id, SPAN("in_1"));
    bench_close(&b);
}

TEST(prices_are_read_when_there_is_one)
{
    static const char one[] = "customer=cus_A&items[0][price]=price_1",
                      priced[] = "items[0][price_data][unit_amount]=700&items[0][price_data][currency]=usd";
    static const struct row rows[] = {
        { "/v1/subscriptions", one, 1500 },
        { "/v1/subscriptions", "customer=cus_A&items[0][price]=price_1&items[0][quantity]=3", 4500 },
        { "/v1/subscriptions", priced, 700 },
        { "/v1/subscriptions",
            "items[0][price]=price_1&add_invoice_items[0][price_data][unit_amount]=9&add_invoice_items[0][price_data][currency]="
            "usd",
            1509 },
        { "/v1/subscriptions", "items[0][price]=price_1&items[1][price]=price_1&items[1][quantity]=2", 4500 },
        { "/v1/subscriptions", "items[0][price]=price_1&items[1][price]=price_2", UNKNOWN },
        { "/v1/subscriptions", "items[0][price]=price_tiers", UNKNOWN },
        { "/v1/subscriptions", "items[0][price]=price_1&automatic_tax[enabled]=true", UNKNOWN },
        { "/v1/subscriptions", "items[0][price]=price_1&automatic_tax[enabled]=false", 1500 },
        { "/v1/subscriptions", "items[0][price]=price_1&items[0][tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/subscriptions", "items[0][price]=price_1&currency=eur", UNKNOWN },
        { "/v1/subscriptions/sub_1", "items[0][price]=price_1", 1500 },
        { "/v1/subscriptions/sub_1", "items[0][id]=si_1&items[0][quantity]=9", UNKNOWN },
        { "/v1/subscriptions/sub_1", "cancel_at_period_end=true", 0 },
        { "/v1/subscriptions/sub_1", "billing_cycle_anchor=now", UNKNOWN },
        { "/v1/subscription_items", "subscription=sub_1&price=price_1&quantity=2", 3000 },
        { "/v1/subscription_items/si_1", "price=price_1", 3000 },
        { "/v1/subscription_items/si_1", "quantity=5", 1500 },
        { "/v1/subscription_items/si_1", "metadata[a]=b", 0 },
        { "/v1/subscriptions/sub_1/resume", "", UNKNOWN },
        { "/v1/subscription_schedules", "customer=cus_A&phases[0][items][0][price]=price_1", UNKNOWN },
        { "/v1/subscription_schedules/sub_sched_1/cancel", "invoice_now=false", 0 },
        { "/v1/subscription_schedules/sub_sched_1/cancel", "", UNKNOWN },
        { "/v1/quotes", "customer=cus_A", 0 },
        { "/v1/quotes/qt_1/accept", "", 7700 },
        { "/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1&line_items[0][quantity]=2", 3000 },
        { "/v1/checkout/sessions",
            "mode=payment&line_items[0][price_data][unit_amount]=7&line_items[0][price_data][currency]=usd&line_items[0]["
            "quantity]=3",
            21 },
        { "/v1/checkout/sessions", "mode=payment", UNKNOWN },
        { "/v1/checkout/sessions", "mode=setup", 0 },
        { "/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1&shipping_options[0][shipping_rate]=shr_1",
            UNKNOWN },
        { "/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1&line_items[0][adjustable_quantity][enabled]=true",
            UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "metadata[a]=b", 0 },
        { "/v1/checkout/sessions/cs_1/expire", "", 0 },
        { "/v1/payment_links", "line_items[0][price]=price_1&line_items[0][quantity]=1", UNKNOWN },
        { "/v1/payment_links",
            "line_items[0][price]=price_1&line_items[0][quantity]=1&restrictions[completed_sessions][limit]=10", 15000 },
        { "/v1/payment_links/plink_1", "active=false", 0 },
        { "/v1/payment_links/plink_1", "active=true", UNKNOWN },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    check("DELETE", &(struct row){ "/v1/subscriptions/sub_1", "", 0 });
    check("DELETE", &(struct row){ "/v1/subscriptions/sub_1?invoice_now=true", "", UNKNOWN });
    bench_close(&b);
}

TEST(value_by_other_means)
{
    static const struct row rows[] = {
        { "/v1/customers/cus_A/balance_transactions", "amount=-500&currency=usd", 500 },
        { "/v1/customers/cus_A/balance_transactions", "amount=500&currency=usd", 500 },
        { "/v1/customers/cus_A", "balance=-5000", UNKNOWN },
        { "/v1/customers/cus_A", "email=a%40b.example", 0 },
        { "/v1/billing/credit_grants",
            "customer=cus_A&amount[type]=monetary&amount[monetary][value]=1000&amount[monetary][currency]=usd", 1000 },
        { "/v1/billing/credit_grants/credgr_1", "expires_at=1999999999", UNKNOWN },
        { "/v1/coupons", "amount_off=500&currency=usd&max_redemptions=4", 2000 },
        { "/v1/coupons", "amount_off=500&currency=usd", UNKNOWN },
        { "/v1/coupons", "amount_off=500&currency=usd&max_redemptions=4&duration=forever", UNKNOWN },
        { "/v1/coupons", "percent_off=100&max_redemptions=4", UNKNOWN },
        { "/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=c_1", UNKNOWN },
        { "/v1/promotion_codes/promo_1", "active=false", 0 },
        { "/v1/prices", "unit_amount=1&currency=usd&product=prod_1", UNKNOWN },
        { "/v1/plans", "amount=1&currency=usd&product=prod_1", UNKNOWN },
        { "/v1/products", "name=x", 0 },
        { "/v1/products", "name=x&default_price_data[unit_amount]=1&default_price_data[currency]=usd", UNKNOWN },
        { "/v1/billing/meter_events", "event_name=x", UNKNOWN },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    bench_close(&b);
}

static void settles(const char *target, const char *body, const char *answer, int64_t cents, bool pending)
{
    bench_fresh(&b);
    CHECK_INT(shelf_ask(&b, "POST", target, body), E_OK);
    struct settled s = bench_settle(&b, 200, answer);
    if (!s.known || s.real[UNIT_USD] != cents * (NANO_PER_USD / 100) || s.pending != pending)
        test_fail(__FILE__, __LINE__, "%s: %s: known %d, %lld cents, pending %d", target, answer, s.known,
            (long long)(s.real[UNIT_USD] / (NANO_PER_USD / 100)), s.pending);
}

#define LINE "lines[0][amount]=100"

TEST(what_an_invoice_gains_besides_its_lines_is_not_known)
{
    static const struct row rows[] = {
        { "/v1/invoices", "customer=cus_A&automatically_finalizes_at=1999999999", UNKNOWN },
        { "/v1/invoices", "customer=cus_A&shipping_cost[shipping_rate_data][fixed_amount][amount]=1000000", UNKNOWN },
        { "/v1/invoices", "customer=cus_A&default_tax_rates[0]=txr_1", UNKNOWN },
        { "/v1/invoices", "customer=cus_A&automatic_tax[enabled]=true", UNKNOWN },
        { "/v1/invoices", "customer=cus_A&discounts[0][coupon]=c_1", UNKNOWN },
        { "/v1/invoices/in_1", "automatically_finalizes_at=1999999999", UNKNOWN },
        { "/v1/invoices/in_1", "shipping_cost[shipping_rate_data][fixed_amount][amount]=1000000", UNKNOWN },
        { "/v1/invoices/in_1", "auto_advance=true&shipping_cost[shipping_rate]=shr_1", UNKNOWN },
        { "/v1/invoices/in_1", "default_tax_rates[0]=txr_1", UNKNOWN },
        { "/v1/invoices/in_1", "automatic_tax[enabled]=true", UNKNOWN },
        { "/v1/invoices/in_1", "discounts=", UNKNOWN }, /* takes them off */
        { "/v1/invoices/in_1/add_lines", LINE, 100 },
        { "/v1/invoices/in_1/add_lines", LINE "&lines[1][amount]=1&lines[1][tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/invoices/in_1/add_lines", "lines[0][invoice_item]=ii_1&lines[0][tax_amounts][0][amount]=90000", UNKNOWN },
        { "/v1/invoices/in_1/add_lines", "lines[0][pricing][price]=price_1&lines[0][quantity_decimal]=1000", UNKNOWN },
        { "/v1/invoices/in_1/update_lines", LINE "&lines[0][id]=il_1&lines[0][tax_amounts][0][amount]=90000", UNKNOWN },
        { "/v1/invoices/in_1/update_lines", LINE "&lines[0][id]=il_1&lines[0][tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/invoices/in_1/update_lines", "lines[0][id]=il_1&lines[0][pricing][price]=price_1&lines[0][quantity]=2", 3000 },
        { "/v1/invoices/in_1/update_lines", "lines[0][id]=il_1&lines[0][pricing][price]=price_1", UNKNOWN }, /* of how many? */
        { "/v1/invoices/in_1/lines/il_1", "tax_amounts[0][amount]=90000", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "amount=5&tax_rates[0]=txr_1", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "quantity_decimal=70", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "discounts=", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "discountable=false", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "pricing[price]=price_1&quantity=2", 3000 },
        { "/v1/invoices/in_1/lines/il_1", "pricing[price]=price_1", UNKNOWN },
        { "/v1/invoices/in_1/lines/il_1", "price_data[unit_amount]=5&price_data[currency]=usd", UNKNOWN },
        { "/v1/invoiceitems", "customer=cus_A&amount=900&currency=usd&tax_rates[0]=txr_1", UNKNOWN },
        { "/v1/invoiceitems", "customer=cus_A&pricing[price]=price_1&quantity_decimal=1000", UNKNOWN },
        { "/v1/invoiceitems/ii_1", "tax_rates[0]=txr_1", UNKNOWN },
        { "/v1/invoiceitems/ii_1", "quantity_decimal=1000", UNKNOWN },
        { "/v1/invoiceitems/ii_1", "discounts=", UNKNOWN },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    bench_close(&b);
}

/* An invoice of a dollar that Stripe will collect by itself, then shipping for ten thousand. */
TEST(an_invoice_under_way_does_not_grow_for_nothing)
{
    shelf_open(&b);
    shelf_counted(100);
    check("POST", &(struct row){ "/v1/invoices/in_1", "auto_advance=true", 5900 });
    check("POST", &(struct row){ "/v1/invoices/in_1", "shipping_cost[shipping_rate_data][fixed_amount][amount]=1000000", UNKNOWN });
    settles("/v1/invoices/in_1", "shipping_cost[shipping_rate]=shr_1",
        "{\"id\":\"in_1\",\"status\":\"draft\",\"auto_advance\":true,\"amount_remaining\":1000100,\"currency\":\"usd\"}", 1000000, true);
    settles("/v1/invoices/in_1", "description=x",
        "{\"id\":\"in_1\",\"status\":\"draft\",\"auto_advance\":false,\"amount_remaining\":1000100,\"currency\":\"usd\"}", 0, false);
    bench_close(&b);
}

TEST(what_a_session_or_subscription_gains_is_not_known)
{
    static const struct row rows[] = {
        { "/v1/checkout/sessions", "mode=subscription&line_items[0][price]=price_1&subscription_data[default_tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1&managed_payments[enabled]=true", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "line_items[0][price]=price_1&line_items[0][quantity]=2", 3000 },
        { "/v1/checkout/sessions/cs_1", "line_items[0][price]=price_1&line_items[0][adjustable_quantity][enabled]=true", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "line_items[0][price]=price_1&line_items[0][tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "line_items[0][price]=price_1&line_items[0][dynamic_tax_rates][0]=txr_1", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "optional_items[0][price]=price_1&optional_items[0][quantity]=9", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "shipping_options[0][shipping_rate]=shr_1", UNKNOWN },
        { "/v1/checkout/sessions/cs_1", "currency=eur", UNKNOWN },
        { "/v1/subscriptions", "customer=cus_A&plan=price_1&quantity=100", UNKNOWN },
        { "/v1/subscriptions", "customer=cus_A&price=price_1", UNKNOWN },
        { "/v1/subscriptions", "customer=cus_A", UNKNOWN },
        { "/v1/subscriptions/sub_1", "plan=price_1", UNKNOWN },
        { "/v1/subscriptions/sub_1", "price=price_1", UNKNOWN },
        { "/v1/subscriptions/sub_1", "quantity=1000", UNKNOWN },
        { "/v1/subscriptions/sub_many", "items[0][id]=si_1&items[0][price]=price_1", 63000 }, /* at most as many as there are */
        { "/v1/subscriptions/sub_many", "items[0][id]=si_1&items[0][price]=price_1&items[0][quantity]=3", 4500 },
        { "/v1/subscriptions/sub_many", "items[0][price]=price_1", 1500 }, /* one more */
        { "/v1/subscriptions/sub_1", "items[0][id]=si_1&items[0][price]=price_1", 1500 },
        { "/v1/subscriptions/sub_lost", "items[0][id]=si_1&items[0][price]=price_1", UNKNOWN },
        { "/v1/subscriptions/sub_1", "items[0][price]=price_1&items[0][quantity]=-5", UNKNOWN },
        /* several periods at once; another price for a while; usage that is collected now */
        { "/v1/subscriptions", "items[0][price]=price_1&billing_schedules[0][bill_until][type]=duration", UNKNOWN },
        { "/v1/subscriptions/sub_1", "billing_schedules[0][bill_until][type]=duration", UNKNOWN },
        { "/v1/subscriptions", "items[0][price]=price_1&items[0][current_trial][trial_offer]=to_1", UNKNOWN },
        { "/v1/subscription_items", "subscription=sub_1&price=price_1&current_trial[trial_offer]=to_1", UNKNOWN },
        { "/v1/subscription_items/si_1", "current_trial[trial_offer]=to_1", UNKNOWN },
        { "/v1/subscriptions/sub_1/pause", "", 0 },
        { "/v1/subscriptions/sub_1/pause", "invoicing_behavior=pending_invoice_item", 0 },
        { "/v1/subscriptions/sub_1/pause", "invoicing_behavior=invoice", UNKNOWN },
    };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    bench_close(&b);
}

/* Debian's python3-stripe writes a boolean as Python does, and Stripe takes it. */
TEST(booleans_are_read_as_stripe_reads_them)
{
    static const struct row rows[] = {
        { "/v1/invoices", "customer=cus_A&auto_advance=True", UNKNOWN },
        { "/v1/invoices", "customer=cus_A&auto_advance=False", 0 },
        { "/v1/invoices/in_1", "auto_advance=TRUE", 6000 },
        { "/v1/subscriptions", "items[0][price]=price_1&automatic_tax[enabled]=True", UNKNOWN },
        { "/v1/subscriptions/sub_1", "items[0][price]=price_1&automatic_tax[enabled]=True", UNKNOWN },
        { "/v1/subscription_schedules/sub_sched_1/cancel", "invoice_now=False", 0 },
        { "/v1/subscription_schedules/sub_sched_1/cancel", "invoice_now=True", UNKNOWN },
        { "/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1&automatic_tax[enabled]=True", UNKNOWN },
        { "/v1/payment_links",
            "line_items[0][price]=price_1&restrictions[completed_sessions][limit]=1&automatic_tax[enabled]=True", UNKNOWN },
        { "/v1/payment_links/plink_1", "active=True", UNKNOWN },
        { "/v1/prices/price_1", "active=True", UNKNOWN },
        { "/v1/prices/price_1", "active=False", 0 },
        { "/v1/promotion_codes/promo_1", "active=True", UNKNOWN },
    };
    static const char *const others[] = { "auto_advance=1", "auto_advance=yes", "auto_advance[]=true", "auto_advance=true%00" };
    shelf_open(&b);
    CHECK_ROWS("POST", rows);
    check("DELETE", &(struct row){ "/v1/subscriptions/sub_1?invoice_now=True", "", UNKNOWN });
    bench_fresh(&b);
    CHECK_INT(shelf_ask(&b, "POST", "/v1/invoices", "customer=cus_A&auto_advance=True"), E_OK);
    CHECK_SPAN(b.understood.body, SPAN("customer=cus_A&auto_advance=true"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bench_fresh(&b);
        CHECK_INT(shelf_ask(&b, "POST", "/v1/invoices", others[i]), E_NOT_CANONICAL);
    }
    bench_close(&b);
}

/* ---- what it was in the end ---- */

static int64_t late_cents(const char *body)
{
    struct http_head head = { .status = 200, .length = -1 };
    struct settled s;
    enum look_up_verdict v = vendor_late_answer(b.json, &b.asked, &b.understood, &head, span_of(body), &b.call, &s);
    return v == LOOK_UP_HAPPENED ? s.real[UNIT_USD] / (NANO_PER_USD / 100) : UNKNOWN;
}

TEST(what_did_not_move_in_the_end_comes_back)
{
    struct late late;
    shelf_open(&b);
    settles("/v1/payment_intents", "amount=2000&currency=usd",
        "{\"id\":\"pi_9\",\"status\":\"requires_payment_method\",\"amount\":2000,\"currency\":\"usd\"}", 2000, true);
    CHECK(vendor_late(&b.asked, &b.understood, SPAN("pi_9"), &b.call, &late));
    CHECK_SPAN(late.path, SPAN("/v1/payment_intents/pi_9"));
    CHECK_SPAN(late.query, SPAN("expand[]=latest_charge.balance_transaction"));
    CHECK_INT(late_cents(
                  "{\"id\":\"pi_9\",\"status\":\"requires_capture\",\"amount\":2000,\"amount_received\":0,\"currency\":\"usd\"}"),
        UNKNOWN);
    CHECK_INT(
        late_cents("{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount\":2000,\"amount_received\":1500,\"currency\":\"usd\"}"),
        1500);
    CHECK_INT(
        late_cents("{\"id\":\"pi_9\",\"status\":\"canceled\",\"amount\":2000,\"amount_received\":0,\"currency\":\"usd\"}"), 0);
    CHECK_INT(late_cents("{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount\":2000,\"currency\":\"usd\"}"), 2000);
    CHECK_INT(late_cents("{\"id\":\"pi_9\",\"status\":\"canceled\",\"amount\":2000,\"currency\":\"usd\"}"), 0);
    shelf_counted(200); /* by an update, say */
    CHECK_INT(
        late_cents("{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount\":2200,\"amount_received\":2200,\"currency\":\"usd\"}"),
        2000);
    shelf_counted(0);
    settles("/v1/payment_intents", "amount=2000&currency=usd&confirm=true",
        "{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount\":2000,\"currency\":\"usd\"}", 2000, false);
    settles("/v1/payment_intents/pi_1", "metadata[a]=b",
        "{\"id\":\"pi_1\",\"status\":\"requires_action\",\"amount\":4000,\"currency\":\"usd\"}", 0, false);
    settles("/v1/payment_intents/pi_1/capture", "amount_to_capture=1500",
        "{\"id\":\"pi_1\",\"status\":\"succeeded\",\"amount\":4000,\"amount_received\":1500,\"currency\":\"usd\"}", 1500, false);
    settles("/v1/refunds", "charge=ch_1", "{\"id\":\"re_9\",\"status\":\"pending\",\"amount\":4000,\"currency\":\"usd\"}", 4000,
        true);
    CHECK_INT(late_cents("{\"id\":\"re_9\",\"status\":\"failed\",\"amount\":4000,\"currency\":\"usd\"}"), 0);
    settles("/v1/payouts", "amount=100&currency=usd",
        "{\"id\":\"po_9\",\"status\":\"pending\",\"amount\":100,\"currency\":\"usd\"}", 100, true);
    CHECK_INT(late_cents("{\"id\":\"po_9\",\"status\":\"in_transit\",\"amount\":100,\"currency\":\"usd\"}"), UNKNOWN);
    CHECK_INT(late_cents("{\"id\":\"po_9\",\"status\":\"failed\",\"amount\":100,\"currency\":\"usd\"}"), 0);
    CHECK_INT(late_cents("{\"id\":\"po_9\",\"status\":\"paid\",\"amount\":100,\"currency\":\"usd\"}"), 100);
    settles("/v1/invoices/in_1/finalize", "", "{\"id\":\"in_1\",\"status\":\"open\",\"amount_due\":6000,\"currency\":\"usd\"}",
        6000, true);
    CHECK_INT(late_cents("{\"id\":\"in_1\",\"status\":\"void\",\"amount_paid\":0,\"currency\":\"usd\"}"), 0);
    settles("/v1/invoices/in_1/pay", "",
        "{\"id\":\"in_1\",\"status\":\"paid\",\"amount_due\":6000,\"amount_paid\":6000,\"currency\":\"usd\"}", 6000, false);
    settles("/v1/subscriptions", "items[0][price]=price_1", "{\"id\":\"sub_9\",\"latest_invoice\":\"in_9\"}", 1500, true);
    CHECK_INT(late_cents("{\"id\":\"sub_9\",\"latest_invoice\":{\"status\":\"paid\",\"amount_paid\":0,\"currency\":\"usd\"}}"),
        0); /* a trial */
    settles("/v1/checkout/sessions", "mode=payment&line_items[0][price]=price_1",
        "{\"id\":\"cs_9\",\"status\":\"open\",\"mode\":\"payment\",\"amount_total\":1400,\"currency\":\"usd\"}", 1400, true);
    CHECK_INT(
        late_cents("{\"id\":\"cs_9\",\"status\":\"expired\",\"mode\":\"payment\",\"amount_total\":1400,\"currency\":\"usd\"}"),
        0);
    bench_close(&b);
}

TEST(other_currencies_settle_by_the_balance_transaction)
{
    static const char charge[] = "{\"id\":\"ch_9\",\"amount\":1000,\"amount_captured\":1000,\"captured\":true,\"status\":"
                                 "\"succeeded\",\"currency\":\"%s\"}";
    char answer[200];
    shelf_open(&b);
    bench_settings(&b, "fx: { eur: \"1.10\" }\n");
    snprintf(answer, sizeof(answer), charge, "eur");
    settles("/v1/charges", "amount=1000&currency=eur", answer, 1100, true); /* the rate stands in until then */
    CHECK_INT(
        late_cents("{\"id\":\"ch_9\",\"status\":\"succeeded\",\"currency\":\"eur\",\"balance_transaction\":null}"), UNKNOWN);
    CHECK_INT(late_cents("{\"id\":\"ch_9\",\"status\":\"succeeded\",\"currency\":\"eur\",\"balance_transaction\":{\"amount\":"
                         "1087,\"currency\":\"usd\"}}"),
        1087);
    snprintf(answer, sizeof(answer), charge, "usd");
    settles("/v1/charges", "amount=1000&currency=usd", answer, 1000, false);
    settles("/v1/payment_intents", "amount=1000&currency=eur",
        "{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount\":1000,\"currency\":\"eur\"}", 1100, true);
    CHECK_INT(late_cents("{\"id\":\"pi_9\",\"status\":\"succeeded\",\"amount_received\":1000,\"currency\":\"eur\",\"latest_"
                         "charge\":{\"balance_transaction\":{\"amount\":1091,\"currency\":\"usd\"}}}"),
        1091);
    settles("/v1/refunds", "charge=ch_eur", "{\"id\":\"re_9\",\"status\":\"succeeded\",\"amount\":1000,\"currency\":\"eur\"}",
        1100, true);
    CHECK_INT(late_cents("{\"id\":\"re_9\",\"status\":\"succeeded\",\"amount\":1000,\"currency\":\"eur\",\"balance_transaction\":"
                         "{\"amount\":-1093,\"currency\":\"usd\"}}"),
        1093);
    bench_close(&b);
}
