/* SPDX-License-Identifier: Apache-2.0
 * stripe.c - the sandbox's Stripe: charges, refunds, customers, payment intents, payouts and the balance, with the errors
 * people meet first (a declined card, a refund of more than was paid, a replayed idempotency key).
 *
 * Two customers are there from the start, each with a charge: whose money a call touches can then be seen by id alone. */
#include <stdio.h>

#include "sandbox/play.h"

enum { AMOUNT_LEAST = 50, AMOUNT_MOST = 99999999, LIST_USUAL = 10, LIST_MOST = 100 };

struct wrong {
    int status;
    const char *type, *code, *param;
    const char *message;
};

static void fail(struct play *p, const struct wrong *w)
{
    struct json_out *o = &p->json;
    p->status = w->status;
    json_open(o, '{');
    json_name(o, SPAN("error"));
    json_open(o, '{');
    json_pair(o, SPAN("type"), span_of(w->type));
    if (w->code)
        json_pair(o, SPAN("code"), span_of(w->code));
    if (w->code && strcmp(w->code, "card_declined") == 0)
        json_pair(o, SPAN("decline_code"), SPAN("generic_decline"));
    if (w->param)
        json_pair(o, SPAN("param"), span_of(w->param));
    json_pair(o, SPAN("message"), span_of(w->message));
    json_close(o, '}');
    json_close(o, '}');
}

static void refuse(struct play *p, const char *code, const char *param, const char *message)
{
    fail(p, &(struct wrong){ 400, "invalid_request_error", code, param, message });
}

static void missing(struct play *p, const char *kind, const char *param, struct span id)
{
    char message[160];
    snprintf(message, sizeof(message), "No such %s: '%.*s' (a sandbox forgets everything when it ends)", kind, SPAN_ARG(span_first(id, 60)));
    fail(p, &(struct wrong){ 404, "invalid_request_error", "resource_missing", param, message });
}

/* ---- objects as JSON ---- */

static struct span text_or_null(const char *text) { return *text ? span_of(text) : SPAN_NONE; }

static void put_common(struct json_out *o, const struct item *i)
{
    json_pair(o, SPAN("id"), span_of(i->id));
    json_pair(o, SPAN("object"), span_of(i->kind));
    json_pair_i64(o, SPAN("created"), i->created_ms / 1000);
    json_pair_bool(o, SPAN("livemode"), false);
    json_pair_raw(o, SPAN("metadata"), SPAN("{}"));
    json_pair(o, SPAN("description"), text_or_null(i->note));
}

static void put_money(struct json_out *o, const struct item *i)
{
    json_pair_i64(o, SPAN("amount"), i->amount);
    json_pair(o, SPAN("currency"), span_of(i->currency));
    json_pair(o, SPAN("status"), span_of(i->status));
}

static void put_charge(struct json_out *o, const struct item *i)
{
    put_money(o, i);
    json_pair_i64(o, SPAN("amount_captured"), i->captured);
    json_pair_i64(o, SPAN("amount_refunded"), i->refunded);
    json_pair_bool(o, SPAN("captured"), i->captured > 0);
    json_pair_bool(o, SPAN("paid"), true);
    json_pair_bool(o, SPAN("refunded"), i->captured > 0 && i->refunded == i->captured);
    json_pair(o, SPAN("customer"), text_or_null(i->customer));
    json_pair(o, SPAN("payment_intent"), text_or_null(i->parent));
}

static void put_refund(struct json_out *o, const struct item *i)
{
    put_money(o, i);
    json_pair(o, SPAN("charge"), text_or_null(i->parent));
    json_pair(o, SPAN("payment_intent"), text_or_null(i->to));
}

static void put_customer(struct json_out *o, const struct item *i)
{
    json_pair(o, SPAN("email"), text_or_null(i->to));
    json_pair(o, SPAN("name"), text_or_null(i->from));
    json_pair_i64(o, SPAN("balance"), 0);
}

static bool is_now(const struct item *i, const char *status) { return strcmp(i->status, status) == 0; }

static void put_intent(struct json_out *o, const struct item *i)
{
    put_money(o, i);
    json_pair_i64(o, SPAN("amount_received"), i->captured);
    json_pair_i64(o, SPAN("amount_capturable"), is_now(i, "requires_capture") ? i->amount : 0);
    json_pair(o, SPAN("customer"), text_or_null(i->customer));
    json_pair(o, SPAN("latest_charge"), text_or_null(i->parent));
    json_pair(o, SPAN("capture_method"), i->manual ? SPAN("manual") : SPAN("automatic"));
}

static void put_payout(struct json_out *o, const struct item *i)
{
    put_money(o, i);
    json_pair_i64(o, SPAN("arrival_date"), i->created_ms / 1000 + 86400);
    json_pair(o, SPAN("method"), SPAN("standard"));
}

static const struct {
    const char *kind, *plural;
    void (*put)(struct json_out *o, const struct item *i);
} kinds[] = { { "charge", "charges", put_charge }, { "refund", "refunds", put_refund }, { "customer", "customers", put_customer },
    { "payment_intent", "payment_intents", put_intent }, { "payout", "payouts", put_payout } };

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void put_item(struct play *p, const struct item *item)
{
    json_open(&p->json, '{');
    put_common(&p->json, item);
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].kind, item->kind) == 0)
            kinds[i].put(&p->json, item);
    json_close(&p->json, '}');
}

/* The next older one of a kind; of one customer where the query names one. */
static const struct item *older(struct play *p, const char *kind, const struct item *item)
{
    struct span customer = play_query(p, "customer");
    do
        item = shelf_before(p->shelf, kind, item ? item->number : 0);
    while (item && customer.at && !span_is(customer, span_of(item->customer)));
    return item;
}

static void put_list(struct play *p, size_t kind)
{
    char url[40];
    int64_t limit = LIST_USUAL;
    const struct item *item = NULL;
    if (!span_to_i64(play_query(p, "limit"), &limit) || limit < 1 || limit > LIST_MOST)
        limit = LIST_USUAL;
    snprintf(url, sizeof(url), "/v1/%s", kinds[kind].plural);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("object"), SPAN("list"));
    json_pair(&p->json, SPAN("url"), span_of(url));
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    while (limit-- > 0 && (item = older(p, kinds[kind].kind, item)))
        put_item(p, item);
    json_close(&p->json, ']');
    json_pair_bool(&p->json, SPAN("has_more"), item && older(p, kinds[kind].kind, item));
    json_close(&p->json, '}');
}

/* ---- making them ---- */

/* Amount and currency of the form; false: refused. */
static bool read_money(struct play *p, int64_t *amount, char currency[4])
{
    struct span code = play_form(p, "currency");
    if (!play_form_i64(p, "amount", amount)) {
        refuse(p, "parameter_missing", "amount", "Missing required param: amount, a whole number of the smallest unit");
        return false;
    }
    if (code.len != 3) {
        refuse(p, "parameter_missing", "currency", "Missing required param: currency, three letters");
        return false;
    }
    if (*amount < AMOUNT_LEAST || *amount > AMOUNT_MOST) {
        bool small = *amount < AMOUNT_LEAST;
        refuse(p, small ? "amount_too_small" : "amount_too_large", "amount", small ? "Amount must be at least 50 cents" : "Amount must be no more than $999,999.99");
        return false;
    }
    for (size_t i = 0; i < 3; i++)
        currency[i] = (char)(code.at[i] | 0x20);
    return true;
}

static bool declined(struct play *p)
{
    static const char *const fields[] = { "source", "payment_method" };
    for (size_t i = 0; i < 2; i++) {
        struct span with = play_form(p, fields[i]);
        if (!span_is(with, SPAN("tok_chargeDeclined")) && !span_is(with, SPAN("pm_card_chargeDeclined")))
            continue;
        fail(p, &(struct wrong){ 402, "card_error", "card_declined", NULL, "Your card was declined." });
        return true;
    }
    return false;
}

static struct item *make(struct play *p, const char *kind, const char *prefix, int64_t amount, const char *currency, const char *status)
{
    struct item *item = shelf_add(p->shelf, kind, prefix, 24, p->now_ms);
    item->amount = amount;
    item->status = status;
    memcpy(item->currency, currency, sizeof(item->currency));
    shelf_text(item->customer, sizeof(item->customer), play_form(p, "customer"));
    shelf_text(item->note, sizeof(item->note), play_form(p, "description"));
    return item;
}

static void create_charge(struct play *p)
{
    int64_t amount;
    char currency[4] = "";
    if (!read_money(p, &amount, currency) || declined(p))
        return;
    if (!play_form(p, "source").len && !play_form(p, "customer").len) {
        refuse(p, "parameter_missing", "source", "Must provide source or customer");
        return;
    }
    struct item *charge = make(p, "charge", "ch_sandbox_", amount, currency, "succeeded");
    charge->captured = span_is(play_form(p, "capture"), SPAN("false")) ? 0 : amount;
    put_item(p, charge);
}

/* The charge of the form, by itself or by its intent. NULL: answered. */
static struct item *charge_to_refund(struct play *p)
{
    struct span charge_id = play_form(p, "charge"), intent_id = play_form(p, "payment_intent");
    if (!charge_id.len && !intent_id.len) {
        refuse(p, "parameter_missing", "charge", "One of the following params should be provided: payment_intent or charge");
        return NULL;
    }
    struct item *intent = charge_id.len ? NULL : shelf_find(p->shelf, "payment_intent", intent_id);
    struct item *charge = shelf_find(p->shelf, "charge", intent ? span_of(intent->parent) : charge_id);
    if (!charge)
        missing(p, charge_id.len ? "charge" : "payment_intent", charge_id.len ? "charge" : "payment_intent", charge_id.len ? charge_id : intent_id);
    return charge;
}

static void create_refund(struct play *p)
{
    struct item *charge = charge_to_refund(p);
    if (!charge)
        return;
    int64_t left = charge->captured - charge->refunded, amount = left;
    if (left == 0) {
        if (charge->captured)
            refuse(p, "charge_already_refunded", "charge", "This charge has already been refunded");
        else
            refuse(p, "charge_not_captured", "charge", "This charge was not captured");
        return;
    }
    if (play_form(p, "amount").at && (!play_form_i64(p, "amount", &amount) || amount < 1 || amount > left)) {
        refuse(p, "amount_too_large", "amount", "Refund amount is greater than what is left of the charge");
        return;
    }
    charge->refunded += amount;
    struct item *refund = make(p, "refund", "re_sandbox_", amount, charge->currency, "succeeded");
    shelf_text(refund->parent, sizeof(refund->parent), span_of(charge->id));
    shelf_text(refund->to, sizeof(refund->to), span_of(charge->parent));
    put_item(p, refund);
}

/* What was reserved on a card is taken, whole or in part. False: answered. */
static bool capture_money(struct play *p, struct item *charge, const char *param)
{
    int64_t amount = charge->amount;
    if (charge->captured) {
        refuse(p, "charge_already_captured", NULL, "This charge has already been captured");
        return false;
    }
    if (play_form(p, param).at && (!play_form_i64(p, param, &amount) || amount < 1 || amount > charge->amount)) {
        refuse(p, "amount_too_large", param, "More than was authorized cannot be captured");
        return false;
    }
    charge->captured = amount;
    return true;
}

static void capture_charge(struct play *p, struct item *charge)
{
    if (capture_money(p, charge, "amount"))
        put_item(p, charge);
}

static void create_customer(struct play *p)
{
    struct item *item = make(p, "customer", "cus_sandbox_", 0, "usd", "");
    shelf_text(item->to, sizeof(item->to), play_form(p, "email"));
    shelf_text(item->from, sizeof(item->from), play_form(p, "name"));
    put_item(p, item);
}

static void confirm(struct play *p, struct item *intent)
{
    struct item *charge = make(p, "charge", "ch_sandbox_", intent->amount, intent->currency, "succeeded");
    shelf_text(charge->parent, sizeof(charge->parent), span_of(intent->id));
    shelf_text(charge->customer, sizeof(charge->customer), span_of(intent->customer));
    shelf_text(intent->parent, sizeof(intent->parent), span_of(charge->id));
    charge->captured = intent->captured = intent->manual ? 0 : intent->amount;
    intent->status = intent->manual ? "requires_capture" : "succeeded";
}

static void create_intent(struct play *p)
{
    int64_t amount;
    char currency[4] = "";
    bool now = span_is(play_form(p, "confirm"), SPAN("true"));
    if (!read_money(p, &amount, currency) || declined(p))
        return;
    bool with = play_form(p, "payment_method").len > 0;
    struct item *intent = make(p, "payment_intent", "pi_sandbox_", amount, currency, with ? "requires_confirmation" : "requires_payment_method");
    intent->manual = span_is(play_form(p, "capture_method"), SPAN("manual"));
    if (now)
        confirm(p, intent);
    put_item(p, intent);
}

static void refuse_state(struct play *p, const struct item *intent, const char *what)
{
    char message[120];
    snprintf(message, sizeof(message), "This PaymentIntent's status is %s: it cannot be %s", intent->status, what);
    refuse(p, "payment_intent_unexpected_state", NULL, message);
}

static void confirm_intent(struct play *p, struct item *intent)
{
    if (!is_now(intent, "requires_confirmation") && !is_now(intent, "requires_payment_method")) {
        refuse_state(p, intent, "confirmed");
        return;
    }
    if (declined(p))
        return;
    confirm(p, intent);
    put_item(p, intent);
}

static void capture_intent(struct play *p, struct item *intent)
{
    struct item *charge = shelf_find(p->shelf, "charge", span_of(intent->parent));
    if (!is_now(intent, "requires_capture") || !charge) {
        refuse_state(p, intent, "captured");
        return;
    }
    if (!capture_money(p, charge, "amount_to_capture"))
        return;
    intent->captured = charge->captured;
    intent->status = "succeeded";
    put_item(p, intent);
}

static void cancel_intent(struct play *p, struct item *intent)
{
    if (is_now(intent, "succeeded") || is_now(intent, "canceled")) {
        refuse_state(p, intent, "canceled");
        return;
    }
    intent->status = "canceled";
    put_item(p, intent);
}

static void create_payout(struct play *p)
{
    int64_t amount;
    char currency[4] = "";
    if (read_money(p, &amount, currency))
        put_item(p, make(p, "payout", "po_sandbox_", amount, currency, "pending"));
}

/* ---- which ---- */

static bool answer_reads(struct play *p)
{
    struct span id = SPAN_NONE;
    char path[40];
    for (size_t i = 0; i < KINDS; i++) {
        snprintf(path, sizeof(path), "%s/*", kinds[i].plural);
        if (play_is(p, "GET", kinds[i].plural, &id)) {
            put_list(p, i);
            return true;
        }
        if (!play_is(p, "GET", path, &id))
            continue;
        const struct item *item = shelf_find(p->shelf, kinds[i].kind, id);
        if (item)
            put_item(p, item);
        else
            missing(p, kinds[i].kind, "id", id);
        return true;
    }
    if (!play_is(p, "GET", "balance", &id))
        return false;
    buf_put(&p->out, SPAN("{\"object\":\"balance\",\"livemode\":false,\"available\":[{\"amount\":1000000,\"currency\":\"usd\"}],\"pending\":[]}"));
    return true;
}

/* POST /v1/THINGS/{id}/VERB */
static bool answer_verbs(struct play *p)
{
    static const struct {
        const char *path, *kind;
        void (*run)(struct play *p, struct item *item);
    } verbs[] = { { "charges/*/capture", "charge", capture_charge }, { "payment_intents/*/confirm", "payment_intent", confirm_intent },
        { "payment_intents/*/capture", "payment_intent", capture_intent }, { "payment_intents/*/cancel", "payment_intent", cancel_intent } };
    struct span id = SPAN_NONE;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (!play_is(p, "POST", verbs[i].path, &id))
            continue;
        struct item *item = shelf_find(p->shelf, verbs[i].kind, id);
        if (item)
            verbs[i].run(p, item);
        else
            missing(p, verbs[i].kind, "id", id);
        return true;
    }
    return false;
}

static bool answer_writes(struct play *p)
{
    static const struct {
        const char *path;
        void (*run)(struct play *p);
    } creations[] = { { "charges", create_charge }, { "refunds", create_refund }, { "customers", create_customer },
        { "payment_intents", create_intent }, { "payouts", create_payout } };
    struct span id = SPAN_NONE;
    for (size_t i = 0; i < sizeof(creations) / sizeof(*creations); i++) {
        if (!play_is(p, "POST", creations[i].path, &id))
            continue;
        creations[i].run(p);
        return true;
    }
    return answer_verbs(p);
}

/* True: the idempotency key was seen before, and answered from memory. */
static bool replay(struct play *p, struct span key, struct digest request)
{
    const struct kept_answer *kept = shelf_answer(p->shelf, key);
    if (!kept)
        return false;
    if (!digest_same(span_make((const char *)kept->request.bytes, DIGEST_LEN), span_make((const char *)request.bytes, DIGEST_LEN))) {
        fail(p, &(struct wrong){ 400, "idempotency_error", NULL, NULL, "Keys for idempotent requests can only be used with the same parameters" });
        return true;
    }
    p->status = kept->status;
    buf_put(&p->out, kept->body);
    play_field(p, SPAN("idempotent-replayed"), SPAN("true"));
    return true;
}

void stripe_answer(struct play *p)
{
    struct span key = http_get(p->head, SPAN("idempotency-key"));
    struct digest request = play_fingerprint(p);
    play_field(p, SPAN("request-id"), play_id(p, "req_sandbox_"));
    play_field(p, SPAN("idempotency-key"), key.len ? key : SPAN_NONE); /* as the real one does */
    if (!p->secret_fits) {
        fail(p, &(struct wrong){ 401, "invalid_request_error", NULL, NULL, "Invalid API Key provided: the sandbox wants its own" });
        return;
    }
    if (answer_reads(p))
        return;
    if (key.len && span_is(p->method, SPAN("POST")) && replay(p, key, request))
        return;
    if (!answer_writes(p))
        fail(p, &(struct wrong){ 404, "invalid_request_error", NULL, NULL, "Unrecognized request URL: the sandbox does not play this" });
    else if (key.len)
        shelf_keep_answer(p->shelf, key, request, p->status, buf_span(&p->out));
}

static struct item *put_there(struct shelf *s, const char *kind, const char *id, int64_t now_ms)
{
    struct item *item = shelf_add(s, kind, "", 1, now_ms);
    shelf_text(item->id, sizeof(item->id), span_of(id));
    memcpy(item->currency, "usd", sizeof(item->currency));
    return item;
}

void stripe_furnish(struct shelf *s, int64_t now_ms)
{
    static const struct {
        const char *customer, *name, *email, *charge;
        int64_t amount;
    } people[] = { { "cus_ada", "Ada", "ada@example.com", "ch_of_ada", 4500 }, { "cus_bob", "Bob", "bob@example.com", "ch_of_bob", 3000 } };
    for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
        struct item *customer = put_there(s, "customer", people[i].customer, now_ms);
        shelf_text(customer->from, sizeof(customer->from), span_of(people[i].name));
        shelf_text(customer->to, sizeof(customer->to), span_of(people[i].email));
        struct item *charge = put_there(s, "charge", people[i].charge, now_ms);
        charge->amount = charge->captured = people[i].amount;
        charge->status = "succeeded";
        shelf_text(charge->customer, sizeof(charge->customer), span_of(people[i].customer));
    }
}
