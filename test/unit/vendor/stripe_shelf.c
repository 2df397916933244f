/* SPDX-License-Identifier: Apache-2.0
 * stripe_shelf.c - the objects of the Stripe tests. cus_A is the customer that policies allow, cus_B another one. */
#include "test/unit/vendor/stripe_shelf.h"

struct item {
    const char *target, *json;
};

static const struct item items[] = {
    { "/v1/charges/ch_1",
        "{\"id\":\"ch_1\",\"amount\":5000,\"amount_refunded\":1000,\"currency\":\"usd\",\"customer\":\"cus_A\"}" },
    { "/v1/charges/ch_2", "{\"id\":\"ch_2\",\"amount\":900,\"amount_refunded\":0,\"currency\":\"usd\",\"customer\":\"cus_B\"}" },
    { "/v1/charges/ch_eur",
        "{\"id\":\"ch_eur\",\"amount\":1000,\"amount_refunded\":0,\"currency\":\"eur\",\"customer\":\"cus_A\"}" },
    { "/v1/charges/ch_account",
        "{\"id\":\"ch_account\",\"amount\":1,\"amount_refunded\":0,\"currency\":\"usd\",\"customer\":null,"
        "\"customer_account\":\"acct_cus\"}" },
    { "/v1/charges/ch_nobody",
        "{\"id\":\"ch_nobody\",\"amount\":700,\"amount_refunded\":0,\"currency\":\"usd\",\"customer\":null}" },
    { "/v1/payment_intents/pi_1",
        "{\"id\":\"pi_1\",\"amount\":4000,\"amount_capturable\":4000,\"amount_received\":0,\"currency\":\"usd\","
        "\"customer\":\"cus_A\",\"latest_charge\":\"ch_1\",\"on_behalf_of\":\"acct_o\"}" },
    { "/v1/payment_intents/pi_old",
        "{\"id\":\"pi_old\",\"amount\":4000,\"amount_received\":2500,\"currency\":\"usd\",\"customer\":\"cus_A\"}" },
    { "/v1/payment_intents/pi_eur", "{\"id\":\"pi_eur\",\"amount\":1000,\"currency\":\"eur\",\"customer\":\"cus_B\"}" },
    { "/v1/invoices/in_1", "{\"id\":\"in_1\",\"total\":9000,\"amount_due\":9000,\"amount_remaining\":6000,\"currency\":\"usd\","
                           "\"customer\":\"cus_A\"}" },
    { "/v1/invoiceitems/ii_1",
        "{\"id\":\"ii_1\",\"customer\":\"cus_A\",\"invoice\":\"in_1\",\"quantity\":2,\"currency\":\"usd\"}" },
    { "/v1/invoice_payments/inpay_1", "{\"id\":\"inpay_1\",\"invoice\":\"in_1\"}" },
    { "/v1/subscriptions/sub_1", "{\"id\":\"sub_1\",\"customer\":\"cus_A\"}" },
    { "/v1/subscriptions/sub_many",
        "{\"id\":\"sub_many\",\"customer\":\"cus_A\",\"items\":{\"data\":[{\"id\":\"si_1\",\"quantity\":2},{\"id\":\"si_2\",\"quantity\":40}]}}" },
    { "/v1/subscription_items/si_1", "{\"id\":\"si_1\",\"subscription\":\"sub_1\",\"quantity\":2,"
                                     "\"price\":{\"unit_amount\":300,\"currency\":\"usd\"}}" },
    { "/v1/subscription_schedules/sub_sched_1", "{\"id\":\"sub_sched_1\",\"customer\":\"cus_A\"}" },
    { "/v1/prices/price_1", "{\"id\":\"price_1\",\"unit_amount\":1500,\"currency\":\"usd\"}" },
    { "/v1/prices/price_tiers", "{\"id\":\"price_tiers\",\"unit_amount\":null,\"currency\":\"usd\"}" },
    { "/v1/setup_intents/seti_1", "{\"id\":\"seti_1\",\"customer\":\"cus_A\"}" },
    { "/v1/quotes/qt_1", "{\"id\":\"qt_1\",\"customer\":\"cus_A\",\"amount_total\":7700,\"currency\":\"usd\"}" },
    { "/v1/payment_methods/pm_1", "{\"id\":\"pm_1\",\"customer\":\"cus_A\"}" },
    { "/v1/payment_methods/pm_free", "{\"id\":\"pm_free\",\"customer\":null}" },
    { "/v1/sources/src_1", "{\"id\":\"src_1\",\"customer\":\"cus_A\"}" },
    { "/v1/refunds/re_1", "{\"id\":\"re_1\",\"charge\":\"ch_1\"}" },
    { "/v1/refunds/re_2", "{\"id\":\"re_2\",\"charge\":\"ch_2\"}" },
    { "/v1/disputes/dp_1", "{\"id\":\"dp_1\",\"charge\":\"ch_1\",\"amount\":5000,\"currency\":\"usd\"}" },
    { "/v1/credit_notes/cn_1", "{\"id\":\"cn_1\",\"customer\":\"cus_A\",\"invoice\":\"in_1\"}" },
    { "/v1/checkout/sessions/cs_1", "{\"id\":\"cs_1\",\"customer\":\"cus_A\"}" },
    { "/v1/confirmation_tokens/ctoken_1", "{\"id\":\"ctoken_1\",\"payment_method_preview\":{\"customer\":\"cus_A\"}}" },
    { "/v1/billing/credit_grants/credgr_1", "{\"id\":\"credgr_1\",\"customer\":\"cus_A\"}" },
    { "/v1/billing/credit_balance_transactions/cbtxn_1", "{\"id\":\"cbtxn_1\",\"credit_grant\":\"credgr_1\"}" },
    { "/v1/promotion_codes/promo_1", "{\"id\":\"promo_1\",\"customer\":\"cus_A\"}" },
    { "/v1/tax_ids/txi_1", "{\"id\":\"txi_1\",\"customer\":\"cus_A\"}" },
    { "/v1/reviews/prv_1", "{\"id\":\"prv_1\",\"charge\":\"ch_1\"}" },
    { "/v1/radar/early_fraud_warnings/issfr_1", "{\"id\":\"issfr_1\",\"charge\":\"ch_1\"}" },
    { "/v1/mandates/mandate_1", "{\"id\":\"mandate_1\",\"payment_method\":\"pm_1\"}" },
    { "/v1/financial_connections/accounts/fca_1", "{\"id\":\"fca_1\",\"account_holder\":{\"customer\":\"cus_A\"}}" },
    { "/v1/financial_connections/sessions/fcsess_1", "{\"id\":\"fcsess_1\",\"account_holder\":{\"customer\":\"cus_A\"}}" },
    { "/v1/financial_connections/transactions/fctxn_1", "{\"id\":\"fctxn_1\",\"account\":\"fca_1\"}" },
    { "/v1/identity/verification_sessions/vs_1", "{\"id\":\"vs_1\",\"related_customer\":\"cus_A\"}" },
    { "/v1/identity/verification_reports/vr_1", "{\"id\":\"vr_1\",\"verification_session\":\"vs_1\"}" },
    { "/v1/payment_records/pr_1", "{\"id\":\"pr_1\",\"customer_details\":{\"customer\":\"cus_A\"}}" },
    { "/v1/payment_attempt_records/par_1", "{\"id\":\"par_1\",\"customer_details\":{\"customer\":\"cus_A\"}}" },
    { "/v1/tax/transactions/tax_1", "{\"id\":\"tax_1\",\"customer\":\"cus_A\"}" },
    { "/v1/tax/calculations/taxcalc_1", "{\"id\":\"taxcalc_1\",\"customer\":\"cus_A\"}" },
    { "/v1/application_fees/fee_1", "{\"id\":\"fee_1\",\"amount\":120,\"amount_refunded\":20,\"currency\":\"usd\"}" },
    { "/v1/transfers/tr_1", "{\"id\":\"tr_1\",\"amount\":800,\"amount_reversed\":300,\"currency\":\"usd\"}" },
    { "/v1/payouts/po_1", "{\"id\":\"po_1\",\"amount\":8800,\"currency\":\"usd\"}" },
    { "/v1/issuing/authorizations/iauth_1", "{\"id\":\"iauth_1\",\"pending_request\":{\"amount\":2200,\"currency\":\"usd\"}}" },
    { "/v1/treasury/received_credits/rc_1", "{\"id\":\"rc_1\",\"amount\":330,\"currency\":\"usd\"}" },
    { "/v1/treasury/received_debits/rd_1", "{\"id\":\"rd_1\",\"amount\":440,\"currency\":\"usd\"}" },
    { "/v2/money_management/payout_intents/pyi_1", "{\"id\":\"pyi_1\",\"amount\":{\"value\":6600,\"currency\":\"usd\"},"
                                                   "\"to\":{\"recipient\":\"acct_r\"}}" },
};

enum { SHELF_READS = 32 };
static struct object held[SHELF_READS]; /* of the last call */
static size_t held_count;
static int64_t counted_nano;

static int64_t tally(void *self, struct span object_id)
{
    (void)self, (void)object_id;
    return counted_nano;
}

void shelf_counted(int64_t cents)
{
    counted_nano = cents * (NANO_PER_USD / 100);
}

size_t shelf_reads(void)
{
    return held_count;
}

void shelf_open(struct bench *b)
{
    bench_open(b, "stripe", SPAN_NONE);
    b->reads = true;
    b->counted = tally;
    shelf_counted(0);
}

static const struct item *find(struct span path)
{
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (span_is(path, span_of(items[i].target)))
            return &items[i];
    return NULL;
}

static void take(struct bench *b)
{
    struct json *j = json_new();
    const struct item *item = find(b->understood.wanted.path);
    const char *json = item ? item->json : "{\"error\":{}}";
    struct object *o = &held[held_count++];
    must(j);
    if (!vendor_object(j, &b->vendor, &b->understood.wanted, item ? 200 : 404, span_of(json), &b->call, o))
        CHECK(!item);
    json_free(j);
}

enum err shelf_ask(struct bench *b, const char *method, const char *target, const char *body)
{
    enum err e;
    held_count = 0;
    b->objects = held;
    for (;;) {
        b->object_count = held_count;
        e = bench_ask(b, method, target, body);
        if (e || !b->understood.wanted.name.at)
            return e;
        if (held_count == SHELF_READS) {
            test_fail(__FILE__, __LINE__, "%s %s wants no end of objects", method, target);
            return e;
        }
        take(b);
    }
}
