/* SPDX-License-Identifier: Apache-2.0
 * invoice_stripe.c - Stripe's balance transactions: a line for each movement of the account's balance, named by the charge or refund
 * that it is of. The ledger counts what a call moves (refunds as spend of their own), so gross amounts are compared: what kinds move by
 * themselves is positive, and what takes that back (a capture in part, a failed refund) is negative. What Stripe keeps stands beside it as
 * the fee. */
#include "base/text.h"
#include "bill/invoice_inside.h"

static const char gross[] = "gross volume: what charges and refunds moved, each positive as the ledger counts it, less what took them back; Stripe's own fee is not in it and stands in fee_usd";

static const char history_gross[] =
    "gross volume by the charge's id: this export does not name PaymentIntents, so calls of those match nothing in it: use the itemized report; Stripe's own fee stands in fee_usd";

static bool any(struct span kind, const char *const names[])
{
    for (; *names; names++)
        if (span_is_nocase(kind, span_of(*names)))
            return true;
    return false;
}

static bool is_refund(struct span kind)
{
    static const char *const names[] = { "refund", "payment_refund", NULL };
    return any(kind, names);
}

/* What comes in with a charge, and what goes out of it again. */
static bool is_charge(struct span kind)
{
    static const char *const names[] = { "charge", "payment", "partial_capture_reversal", NULL };
    return any(kind, names);
}

static bool is_dispute(struct span kind, struct span source)
{
    static const char *const names[] = { "dispute", "dispute_reversal", NULL };
    return any(kind, names) || span_starts(source, SPAN("dp_")) || span_starts(source, SPAN("du_"));
}

/* What goes out, and comes back when it failed or was won. */
static bool goes_out(struct span kind, struct span source)
{
    static const char *const names[] = { "refund_failure", "payment_refund_failure", "payout", "payout_cancel", "payout_failure", "payout_reversal", NULL };
    return is_refund(kind) || is_dispute(kind, source) || any(kind, names);
}

/* The charge's own failure comes as a kind of its own, too. */
static bool takes_back(struct span kind)
{
    static const char *const names[] = { "charge_failure", "payment_failure_refund", "payment_reversal", NULL };
    return any(kind, names);
}

/* What a call can have caused, by itself, is compared. All else (payouts, fees) only when its id is a call's; a dispute never: it is not
 * what its charge cost, and the ledger has it as an event. */
static void fill(struct invoice_line *line, struct span kind, int64_t gross_amount, struct span source)
{
    line->name = kind;
    if (is_charge(kind) || takes_back(kind))
        line->amount = gross_amount;
    else
        line->amount = goes_out(kind, source) || gross_amount < 0 ? -gross_amount : gross_amount;
    line->apart = !is_charge(kind) && !is_refund(kind);
}

static bool names_charge(struct span id) { return span_starts(id, SPAN("ch_")) || span_starts(id, SPAN("py_")) || span_starts(id, SPAN("pi_")); }

/* Older exports name the charge where another thing's own id belongs: that would be counted to the charge, so it is not taken. */
static void set_ids(struct invoice_line *line, struct span source, struct span charge, struct span intent)
{
    bool of_charge = is_charge(line->name);
    if (is_dispute(line->name, source) || (!of_charge && !takes_back(line->name) && names_charge(source)))
        return;
    line->ids[0] = source;
    line->ids[1] = of_charge ? charge : SPAN_NONE;
    line->ids[2] = of_charge ? intent : SPAN_NONE;
}

static bool history(struct desk *d)
{
    int64_t at, amount, fee;
    struct span kind = desk_cell(d, 1);
    if (!desk_time(d, 6, &at) || !desk_amount(d, 3, &amount) || !desk_amount(d, 4, &fee) || !desk_dollars(d, 5))
        return false;
    struct invoice_line *line = desk_line(d, at);
    if (!line)
        return false;
    fill(line, kind, amount, desk_cell(d, 2));
    line->fee = fee;
    set_ids(line, desk_cell(d, 2), SPAN_NONE, SPAN_NONE);
    return true;
}

static bool itemized(struct desk *d)
{
    int64_t at, amount, fee;
    struct span kind = desk_cell(d, 1);
    if (!desk_time(d, 5, &at) || !desk_amount(d, 2, &amount) || !desk_amount(d, 3, &fee) || !desk_dollars(d, 4))
        return false;
    struct invoice_line *line = desk_line(d, at);
    if (!line)
        return false;
    fill(line, kind, amount, desk_cell(d, 6));
    line->fee = fee;
    set_ids(line, desk_cell(d, 6), desk_cell(d, 7), desk_cell(d, 8));
    return true;
}

const struct sheet_form stripe_sheets[] = {
    { "Stripe itemized balance report, CSV", INVOICE_BY_ID, INVOICE_USD, gross,
        { "balance_transaction_id", "reporting_category", "gross", "fee", "currency", "created_utc|created", "?source_id", "?charge_id", "?payment_intent_id" }, itemized, NULL },
    { "Stripe balance history, CSV", INVOICE_BY_ID, INVOICE_USD, history_gross, { "id", "Type", "Source", "Amount", "Fee", "Currency", "Created (UTC)|Created" }, history, NULL },
    { .name = NULL },
};

/* An object is named by its id, or there as a whole. */
static struct span id_of(struct json_value v) { return json_string(json_kind(v) == JSON_OBJECT ? json_member(v, SPAN("id")) : v); }

/* {"object": "list", "data": [balance transaction], "has_more"}: amounts in cents, as whole numbers. */
static bool transaction(struct desk *d, struct json_value t)
{
    int64_t at = 0, amount = 0, fee = 0;
    struct json_value source = json_member(t, SPAN("source"));
    struct span kind = json_string(json_member(t, SPAN("reporting_category"))), currency = json_string(json_member(t, SPAN("currency")));
    if (!json_integer(json_member(t, SPAN("created")), &at) || at <= 0 || at > INT64_MAX / 1000)
        return desk_wrong(d, "created", SPAN(""), "Unix seconds");
    if (!json_integer(json_member(t, SPAN("amount")), &amount) || !json_integer(json_member(t, SPAN("fee")), &fee))
        return desk_wrong(d, "amount", SPAN(""), "amount and fee as whole numbers of cents");
    if (!span_is_nocase(currency, SPAN("usd")))
        return desk_wrong(d, "currency", currency, "usd");
    kind = kind.at ? kind : json_string(json_member(t, SPAN("type"))); /* less exact: a dispute is an "adjustment" */
    struct invoice_line *line = desk_line(d, at * 1000);
    if (!line)
        return false;
    struct span id = arena_copy(d->arena, id_of(source)), intent = arena_copy(d->arena, id_of(json_member(source, SPAN("payment_intent"))));
    fill(line, arena_copy(d->arena, kind), money_mul_div_near(amount, 10000000, 1), id);
    line->fee = money_mul_div_near(fee, 10000000, 1);
    set_ids(line, id, SPAN_NONE, intent.len ? intent : SPAN_NONE);
    return true;
}

bool stripe_json(struct desk *d, struct json_value root)
{
    struct span name;
    struct json_value item;
    bool more = false;
    desk_form(d, "Stripe balance transactions, JSON", INVOICE_BY_ID, INVOICE_USD, gross);
    if (json_kind(json_member(root, SPAN("data"))) != JSON_ARRAY) {
        trouble_say(d->trouble, NULL, "invoice", "has no member \"data\" with a list; allowed: a list of balance transactions");
        return false;
    }
    if (json_bool(json_member(root, SPAN("has_more")), &more) && more) {
        trouble_say(d->trouble, NULL, "has_more", "found true; allowed: all pages in one list");
        return false;
    }
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        d->number++;
        if (!transaction(d, item))
            return false;
    }
    return true;
}
