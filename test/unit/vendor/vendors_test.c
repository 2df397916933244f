/* SPDX-License-Identifier: Apache-2.0
 * vendors_test.c - built-in manifests whose answers come late or are lost: what is asked, and what the vendors' answers are worth.
 * The official SDKs are driven in test/sdk; what takes minutes there is checked here. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

/* Sat, 21 Nov 2026 12:00:00 UTC */
#define SENT INT64_C(1795262400000)

static struct bench b;
static struct settled found;

static void open_call(const char *vendor, const char *method, const char *target, const char *body)
{
    bench_open(&b, vendor, SPAN_NONE);
    CHECK_INT(bench_ask(&b, method, target, body), E_OK);
}

static struct late late_of(const char *object)
{
    struct late late = { 0 };
    CHECK(vendor_late(&b.asked, &b.understood, span_of(object), &b.call, &late));
    return late;
}

static enum look_up_verdict later(const char *body)
{
    struct http_head head = { .status = 200, .fields = b.fields, .length = -1 };
    return vendor_late_answer(b.json, &b.asked, &b.understood, &head, span_of(body), &b.call, &found);
}

static struct look_up asked(void)
{
    struct look_up ask = { 0 };
    CHECK(vendor_look_up(b.json, &b.asked, &b.understood, SENT, &b.call, &ask));
    return ask;
}

static enum look_up_verdict lists(const char *body)
{
    struct http_head head = { .status = 200, .fields = b.fields, .length = -1 };
    return vendor_looked_up(b.json, &b.asked, &b.understood, SENT, &head, span_of(body), &b.call, &found);
}

/* ---- what calls reserve ---- */

enum { UNKNOWN = -1 };

struct row {
    const char *vendor, *method, *target, *body;
    int64_t cents; /* or UNKNOWN */
};

static int64_t counted_cents;

static int64_t counted(void *self, struct span id)
{
    (void)self, (void)id;
    return counted_cents * (NANO_PER_USD / 100);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        bench_open(&b, r->vendor, SPAN_NONE);
        b.counted = counted;
        enum err e = bench_ask(&b, r->method, r->target, r->body);
        int64_t cents = b.understood.cost_known ? b.understood.worst[UNIT_USD] / (NANO_PER_USD / 100) : UNKNOWN;
        if (e || cents != r->cents)
            test_fail(__FILE__, __LINE__, "%s %s %s: %d (%.*s), %lld cents, want %lld", r->method, r->target, r->body, (int)e,
                SPAN_ARG(b.why), (long long)cents, (long long)r->cents);
        bench_close(&b);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))
#define QUICK "{\"quick_pay\":{\"name\":\"x\",\"location_id\":\"L\",\"price_money\":{\"amount\":4200,\"currency\":\"USD\"}}"
#define AMOUNT "{\"amount\":{\"value\":150000,\"currency\":\"USD\"},"

static bool moves(const char *vendor, const char *method, const char *target, const char *body)
{
    open_call(vendor, method, target, body);
    bool moves = vendor_moves_money(b.matched.operation, &b.understood);
    CHECK(bench_settle(&b, 500, "").known == !moves);
    bench_close(&b);
    return moves;
}

TEST(what_its_own_rule_says_costs_nothing_moves_no_money)
{
    CHECK(!moves("shippo", "POST", "/addresses", "{\"name\":\"x\"}"));
    CHECK(moves("shippo", "POST", "/addresses", "{\"name\":\"x\",\"validate\":true}"));
    CHECK(!moves("shippo", "POST", "/shipments", "{\"address_from\":{\"name\":\"x\"}}"));
    CHECK(moves("shippo", "POST", "/shipments", "{\"address_from\":{\"validate\":true}}"));
    CHECK(!moves("square", "PUT", "/v2/orders/o1", "{\"order\":{\"version\":1}}"));
    CHECK(moves("square", "PUT", "/v2/orders/o1", "{\"order\":{\"version\":1,\"taxes\":[{}]}}"));
    CHECK(!moves("square", "PUT", "/v2/invoices/i1", "{\"invoice\":{\"version\":1}}"));
    CHECK(moves("square", "PUT", "/v2/invoices/i1", "{\"invoice\":{\"payment_requests\":[{}]}}"));
    CHECK(!moves("shopify", "PUT", "/admin/api/2026-01/draft_orders/1.json", "{\"draft_order\":{\"note\":\"x\"}}"));
    CHECK(moves("shopify", "PUT", "/admin/api/2026-01/draft_orders/1.json", "{\"draft_order\":{\"applied_discount\":{}}}"));
    CHECK(!moves("paypal", "PUT", "/v2/invoicing/invoices/i1?send_to_recipient=false", "{}"));
    CHECK(moves("paypal", "PUT", "/v2/invoicing/invoices/i1", "{}"));
    CHECK(!moves("paypal", "POST", "/v2/checkout/orders/o1/confirm-payment-source", "{}"));
    CHECK(moves("stripe", "POST", "/v1/payment_intents/pi_1", "description=x")); /* its 0 says nothing of what goes on */
}

/* A capture of what was counted when it was authorized: 0 more, and the money goes now. */
TEST(what_was_counted_before_moves_money_and_what_costs_nothing_need_not_show_whom)
{
    static const struct { const char *body; int64_t cents; bool moves; } cases[] = {
        { "{\"n\":42}", 0, true },
        { "{\"n\":43}", 100, true },
        { "{\"n\":43,\"later\":true}", 0, false },
    };
    CHECK_INT(bench_read(&b, "vendor: v\nbase_url: https://v.example\nkey_in: [bearer]\nsend: bearer\nbody: json\n"
                             "scopes: { customer: { from: [body.customer], must_show: money } }\n"
                             "operations:\n  take: { call: \"POST /take/{id}\", moves_money: priced, "
                             "reserve: { usd: \"when(present(body.later), 0, max(0, body.n - counted(path.id)))\" } }\n"), E_OK);
    b.counted = counted;
    counted_cents = 4200;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", "/take/o1", cases[i].body), E_OK);
        CHECK_INT(b.understood.worst[UNIT_USD], cases[i].cents * (NANO_PER_USD / 100));
        CHECK(vendor_moves_money(b.matched.operation, &b.understood) == cases[i].moves);
        CHECK_SPAN(bench_scope(&b, "v.customer"), cases[i].moves ? SPAN("?") : SPAN(""));
    }
    bench_close(&b);
}

TEST(what_changes_or_repeats_an_amount_is_counted)
{
    static const struct row fresh[] = {
        { "adyen", "PATCH", "/v71/sessions/CS1", AMOUNT "\"sessionData\":\"x\"}", 150000 },
        { "adyen", "PATCH", "/v71/sessions/CS1", "{\"sessionData\":\"x\"}", 0 },
        { "adyen", "PATCH", "/v71/sessions/CS1", "{\"amount\":{\"value\":150000}}", UNKNOWN },
        { "adyen", "POST", "/v71/paypal/updateOrder", AMOUNT "\"pspReference\":\"P1\"}", 150000 },
        { "adyen", "POST", "/v71/paypal/updateOrder", AMOUNT "\"paymentData\":\"x\"}", 150000 },
        { "adyen", "POST", "/v71/paypal/updateOrder", "{\"pspReference\":\"P1\",\"deliveryMethods\":[]}", 0 },
        { "adyen", "POST", "/ca/services/DisputeService/v30/acceptDispute", "{\"disputePspReference\":\"P1\"}", UNKNOWN },
        { "adyen", "POST", "/v3/merchants/M1/terminalOrders", "{\"items\":[{\"id\":\"T\",\"quantity\":90}]}", UNKNOWN },
        { "square", "PUT", "/v2/subscriptions/s1", "{\"subscription\":{\"price_override_money\":{\"amount\":150000,\"currency\":\"USD\"}}}",
            UNKNOWN },
        { "square", "POST", "/v2/online-checkout/payment-links", QUICK "}", 4200 },
        { "square", "POST", "/v2/online-checkout/payment-links",
            QUICK ",\"checkout_options\":{\"shipping_fee\":{\"charge\":{\"amount\":900000,\"currency\":\"USD\"}}}}", 904200 },
        { "square", "POST", "/v2/online-checkout/payment-links", QUICK ",\"checkout_options\":{\"subscription_plan_id\":\"p\"}}", UNKNOWN },
        { "square", "PUT", "/v2/online-checkout/payment-links/l1", "{\"payment_link\":{\"description\":\"x\"}}", 0 },
        { "square", "PUT", "/v2/online-checkout/payment-links/l1",
            "{\"payment_link\":{\"checkout_options\":{\"shipping_fee\":{\"charge\":{\"amount\":900000,\"currency\":\"USD\"}}}}}", UNKNOWN },
        { "square", "POST", "/v2/orders/o1/pay", "{\"idempotency_key\":\"k\",\"payment_ids\":[]}", 0 },
        { "square", "POST", "/v2/orders/o1/pay", "{\"idempotency_key\":\"k\",\"payment_ids\":[\"p1\",\"p2\"]}", UNKNOWN },
        { "telnyx", "PATCH", "/v2/inbound_channels", "{\"channels\":500}", UNKNOWN },
        { "telnyx", "PUT", "/v2/channel_zones/z1", "{\"channels\":500}", UNKNOWN },
        { "telnyx", "POST", "/v2/phone_numbers/jobs/update_emergency_settings", "{\"emergency_enabled\":true,\"phone_numbers\":[\"+1\"]}", UNKNOWN },
        { "telnyx", "POST", "/v2/phone_numbers/jobs/update_emergency_settings", "{\"emergency_enabled\":1,\"phone_numbers\":[\"+1\"]}", UNKNOWN },
        { "telnyx", "POST", "/v2/phone_numbers/jobs/update_emergency_settings", "{\"emergency_enabled\":false,\"phone_numbers\":[\"+1\"]}", 0 },
        { "adyen", "POST", "/bcl/v2/balanceAccounts/BA1/payoutSchedules", "{}", UNKNOWN },
        { "adyen", "PATCH", "/bcl/v2/balanceAccounts/BA1/payoutSchedules/s1", "{}", UNKNOWN },
        { "plaid", "POST", "/payment_initiation/payment/create", "{\"recipient_id\":\"r\",\"amount\":{\"value\":12.5,\"currency\":\"USD\"}}", 1250 },
        { "plaid", "POST", "/payment_initiation/payment/create",
            "{\"recipient_id\":\"r\",\"amount\":{\"value\":12.5,\"currency\":\"USD\"},\"schedule\":{\"interval\":\"WEEKLY\"}}", UNKNOWN },
    };
    static const struct row again[] = {
        { "adyen", "PATCH", "/v71/sessions/CS1", AMOUNT "\"sessionData\":\"x\"}", 50000 },
        { "adyen", "POST", "/v71/paypal/updateOrder", AMOUNT "\"pspReference\":\"P1\"}", 50000 },
    };
    counted_cents = 0;
    CHECK_ROWS(fresh);
    counted_cents = 100000;
    CHECK_ROWS(again);
}

TEST(what_is_billed_beside_the_thing_itself_is_counted)
{
#define ORDER "/v2/checkout/orders/O1/confirm-payment-source"
#define SPOKEN "{\"originator\":\"A\",\"recipients\":[\"15558675310\"],\"body\":\"hi\""
    static const struct row rows[] = {
        { "lob", "POST", "/v1/letters", "{\"to\":\"adr_1\",\"file\":\"tmpl_1\"}", 200 },
        { "shippo", "POST", "/addresses", "{\"country\":\"DE\"}", 0 },
        { "shippo", "POST", "/addresses", "{\"country\":\"DE\",\"validate\":false}", 0 },
        { "shippo", "POST", "/addresses", "{\"country\":\"DE\",\"validate\":true}", UNKNOWN },
        { "shippo", "POST", "/shipments", "{\"address_from\":{\"country\":\"DE\"},\"address_to\":\"a1\"}", 0 },
        { "shippo", "POST", "/shipments", "{\"address_from\":\"a1\",\"address_to\":{\"country\":\"DE\",\"validate\":false}}", 0 },
        { "shippo", "POST", "/shipments", "{\"address_from\":{\"validate\":null},\"address_to\":\"a1\",\"address_return\":null}", 0 },
        { "shippo", "POST", "/shipments", "{\"address_from\":{\"validate\":true},\"address_to\":\"a1\"}", UNKNOWN },
        { "shippo", "POST", "/shipments", "{\"address_from\":\"a1\",\"address_to\":{\"validate\":true}}", UNKNOWN },
        { "shippo", "POST", "/shipments", "{\"address_from\":\"a1\",\"address_to\":\"a2\",\"address_return\":{\"validate\":true}}", UNKNOWN },
        { "shippo", "POST", "/shipments", "{\"address_from\":{\"validate\":true},\"address_to\":{\"validate\":true},\"address_return\":{\"validate\":true}}", UNKNOWN },
        { "shippo", "POST", "/shipments", "{\"address_from\":\"a1\",\"address_to\":{\"validate\":\"true\"}}", UNKNOWN },
        { "paypal", "POST", ORDER, "{\"payment_source\":{}}", 0 },
        { "paypal", "POST", ORDER, "{\"payment_source\":{},\"processing_instruction\":\"NO_INSTRUCTION\"}", 0 },
        { "paypal", "POST", ORDER, "{\"payment_source\":{},\"processing_instruction\":\"ORDER_COMPLETE_ON_PAYMENT_APPROVAL\"}", UNKNOWN },
        { "messagebird", "POST", "/voicemessages", SPOKEN "}", 6 },
        { "telnyx", "POST", "/v2/verified_numbers", "{\"phone_number\":\"+15558675310\",\"verification_method\":\"call\"}", 10 },
        { "square", "PUT", "/v2/invoices/i1", "{\"invoice\":{\"version\":1,\"title\":\"x\"}}", 0 },
        { "square", "PUT", "/v2/invoices/i1", "{\"invoice\":{\"version\":1,\"payment_requests\":[{\"uid\":\"u\",\"automatic_payment_source\":\"CARD_ON_FILE\"}]}}", UNKNOWN },
        { "messagebird", "POST", "/voicemessages", SPOKEN ",\"repeat\":10}", 66 },
    };
    counted_cents = 0;
    CHECK_ROWS(rows);
}

static int64_t messages_of(const char *vendor, const char *method, const char *target, const char *body)
{
    bench_open(&b, vendor, SPAN_NONE);
    CHECK_INT(bench_ask(&b, method, target, body), E_OK);
    int64_t out = b.understood.worst[UNIT_MESSAGES];
    bench_close(&b);
    return out;
}

TEST(what_writes_to_somebody_by_the_way_is_a_message)
{
    static const char invoice[] = "{\"detail\":{\"currency_code\":\"USD\"}}";
    CHECK_INT(messages_of("paypal", "PUT", "/v2/invoicing/invoices/I1", invoice), 1);
    CHECK_INT(messages_of("paypal", "PUT", "/v2/invoicing/invoices/I1?send_to_recipient=false", invoice), 0);
    CHECK_INT(messages_of("hubspot", "POST", "/marketing/v3/transactional/single-email/send",
        "{\"emailId\":1,\"message\":{\"to\":\"a@x.example\",\"cc\":[\"b@x.example\"],\"bcc\":[\"c@x.example\",\"d@x.example\"]}}"), 4);
    CHECK_INT(messages_of("telnyx", "POST", "/v2/verified_numbers", "{\"phone_number\":\"+15558675310\",\"verification_method\":\"sms\"}"), 1);
    CHECK(messages_of("hubspot", "POST", "/marketing/v3/emails/7/publish", "") > 1000000000);
}

TEST(what_may_not_be_said_there_is_refused)
{
#define HEAD(name) "[{\"Name\":\"" name "\",\"Value\":\"x@elsewhere.example\"}]"
#define BULK "{\"From\":\"t@example.com\",\"Subject\":\"hi\",\"Messages\":[{\"To\":\"a@example.org\""
    static const struct {
        const char *vendor, *target, *body;
        enum err e;
    } asks[] = {
        { "postmark", "/email/bulk", BULK "}]}", E_OK },
        { "postmark", "/email/bulk", BULK "}],\"Headers\":" HEAD("X-Tag") "}", E_OK },
        { "postmark", "/email/bulk", BULK "}],\"Headers\":" HEAD("Bcc") "}", E_PARAMETER_DENIED },
        { "postmark", "/email/bulk", BULK ",\"Headers\":" HEAD("cc") "}]}", E_PARAMETER_DENIED },
        { "ses", "/v2/email/outbound-emails", "{\"Content\":{\"Template\":{\"TemplateName\":\"t\",\"Headers\":" HEAD("X-Tag") "}}}", E_OK },
        { "ses", "/v2/email/outbound-emails", "{\"Content\":{\"Template\":{\"TemplateName\":\"t\",\"Headers\":" HEAD("Bcc") "}}}", E_PARAMETER_DENIED },
    };
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        bench_open(&b, asks[i].vendor, SPAN_NONE);
        enum err e = bench_ask(&b, "POST", asks[i].target, asks[i].body);
        if (e != asks[i].e)
            test_fail(__FILE__, __LINE__, "%s: %d (%.*s)", asks[i].body, (int)e, SPAN_ARG(b.why));
        bench_close(&b);
    }
}

TEST(a_get_that_adds_somebody_writes)
{
    struct matched m;
    bench_open(&b, "messagebird", SPAN_NONE);
    CHECK(vendor_match(&b.vendor, SPAN("GET"), SPAN("/groups/g1/contacts/add"), &m) && m.operation->writes);
    bench_close(&b);
}

TEST(what_sends_data_elsewhere_is_named_before_it_may)
{
    static const char *const calls[][3] = { { "vonage", "POST", "/account/settings" }, { "vonage", "POST", "/number/update" },
        { "ses", "POST", "/v2/email/configuration-sets/c1/event-destinations" }, { "ses", "PUT", "/v2/email/configuration-sets/c1/event-destinations/d1" },
        { "paypal", "POST", "/v1/notifications/webhooks-lookup" } };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct matched m;
        bench_open(&b, calls[i][0], SPAN_NONE);
        if (!vendor_match(&b.vendor, span_of(calls[i][1]), span_of(calls[i][2]), &m) || !m.operation->secret)
            test_fail(__FILE__, __LINE__, "%s %s", calls[i][1], calls[i][2]);
        bench_close(&b);
    }
}

TEST(what_opens_something_elsewhere_is_hidden_in_answers)
{
    static const char *const answers[][4] = {
        { "sendgrid", "POST", "/v3/subusers", "{\"username\":\"a\",\"authorization_token\":\"opens\",\"signup_session_token\":\"opens\"}" },
        { "messagebird", "GET", "/voice/webhooks", "{\"data\":[{\"id\":\"a\",\"token\":\"opens\"}]}" },
        { "messagebird", "GET", "/voice/webhooks/w1", "{\"data\":[{\"id\":\"a\",\"token\":\"opens\"}]}" },
        { "postmark", "GET", "/webhooks", "{\"Webhooks\":[{\"ID\":\"a\",\"HttpHeaders\":[{\"Name\":\"x\",\"Value\":\"opens\"}]}]}" },
        { "square", "GET", "/v2/devices/codes/d1", "{\"device_code\":{\"id\":\"a\",\"code\":\"opens\"}}" },
        { "square", "GET", "/v2/devices/codes", "{\"device_codes\":[{\"id\":\"a\",\"code\":\"opens\"}]}" },
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const char *const *a = answers[i];
        struct matched m;
        struct buf out;
        buf_init(&out, 4096);
        bench_open(&b, a[0], SPAN_NONE);
        CHECK(vendor_match(&b.vendor, span_of(a[1]), span_of(a[2]), &m) && vendor_guard(b.json, &b.vendor, m.operation, span_of(a[3]), &out));
        if (span_find(buf_span(&out), SPAN("opens")) >= 0 || span_find(buf_span(&out), SPAN("\"a\"")) < 0)
            test_fail(__FILE__, __LINE__, "%s %s: %.*s", a[1], a[2], SPAN_ARG(buf_span(&out)));
        bench_close(&b);
        buf_free(&out);
    }
}

/* `tollgate doctor` asks each vendor that has such a read: those without one have none that says whether a secret is good. PayPal and Vertex
 * are asked for a token instead. */
TEST(a_harmless_read_is_named_where_there_is_one)
{
    static const char *const reads[][2] = { { "vonage", "/account/get-balance" }, { "shopify", "/admin/oauth/access_scopes.json" },
        { "duffel", "/air/airlines" }, { "shippo", "/addresses" }, { "postmark-account", "/domains?count=1&offset=0" },
        { "azure", "/models?api-version=2024-10-21" } };
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        bench_open(&b, reads[i][0], SPAN_NONE);
        CHECK_SPAN(b.vendor.check, span_of(reads[i][1]));
        bench_close(&b);
    }
}

static int64_t completes(const char *target, const char *body, int64_t cents)
{
    static struct object payment;
    struct json *j = json_new();
    counted_cents = cents;
    bench_open(&b, "square", SPAN_NONE);
    b.reads = true;
    b.counted = counted;
    CHECK_INT(bench_ask(&b, "POST", target, body), E_OK);
    CHECK(!b.understood.cost_known);
    CHECK_SPAN(b.understood.wanted.path, SPAN("/v2/payments/p1"));
    CHECK(vendor_object(j, &b.vendor, &b.understood.wanted, 200,
        SPAN("{\"payment\":{\"id\":\"p1\",\"total_money\":{\"amount\":4200,\"currency\":\"USD\"},\"customer_id\":\"c1\"}}"), &b.call, &payment));
    b.objects = &payment;
    b.object_count = 1;
    CHECK_INT(bench_ask(&b, "POST", target, body), E_OK);
    int64_t out = b.understood.cost_known ? b.understood.worst[UNIT_USD] / (NANO_PER_USD / 100) : UNKNOWN;
    CHECK_SPAN(bench_scope(&b, "square.customer"), SPAN("c1"));
    bench_close(&b);
    json_free(j);
    return out;
}

/* It may have been authorized elsewhere, where nothing counted it. */
TEST(a_square_payment_that_is_completed_counts_once)
{
    static const char pay[] = "{\"idempotency_key\":\"k\",\"payment_ids\":[\"p1\"]}";
    CHECK_INT(completes("/v2/payments/p1/complete", "{}", 0), 4200);
    CHECK_INT(completes("/v2/payments/p1/complete", "{}", 4000), 200);
    CHECK_INT(completes("/v2/payments/p1/complete", "{}", 4200), 0);
    CHECK_INT(completes("/v2/orders/o1/pay", pay, 0), 4200);
    CHECK_INT(completes("/v2/orders/o1/pay", pay, 4200), 0);
}

/* A text of 71 and one of 160 letters, with `switch` behind it in the body. */
static void check_parts(const char *vendor, const char *target, const char *body, int64_t first, int64_t second, int line)
{
    static const char letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const int64_t want[] = { first, second };
    const int sizes[] = { 71, 160 };
    char text[1024];
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), body, sizes[i], letters);
        bench_open(&b, vendor, SPAN_NONE);
        b.account = SPAN("MA1");
        bench_settings(&b, "sms_price_usd: { \"1\": \"0.01\", default: \"0.01\" }\nmms_price_usd: \"5\"\nmessage_price_usd: \"7\"\n");
        enum err e = bench_ask(&b, "POST", target, text);
        int64_t cents = b.understood.cost_known ? b.understood.worst[UNIT_USD] / (NANO_PER_USD / 100) : UNKNOWN;
        if (e || cents != want[i])
            test_fail(__FILE__, line, "%s %s: %d (%.*s), %lld cents, want %lld", target, text, (int)e, SPAN_ARG(b.why), (long long)cents,
                (long long)want[i]);
        bench_close(&b);
    }
}
#define PARTS(vendor, target, body, first, second) check_parts(vendor, target, body, first, second, __LINE__)

TEST(texts_sent_as_sixteen_bit_are_counted_so)
{
    PARTS("vonage", "/sms/json", "{\"to\":\"15558675310\",\"from\":\"A\",\"text\":\"%.*s\"}", 1, 1);
    PARTS("vonage", "/sms/json", "{\"to\":\"15558675310\",\"from\":\"A\",\"type\":\"unicode\",\"text\":\"%.*s\"}", 2, 3);
    PARTS("vonage", "/sms/json", "{\"to\":\"15558675310\",\"from\":\"A\",\"type\":\"text\",\"text\":\"%.*s\"}", 1, 1);
    PARTS("vonage", "/v1/messages",
        "{\"channel\":\"sms\",\"to\":\"15558675310\",\"sms\":{\"encoding_type\":\"unicode\"},\"text\":\"%.*s\"}", 2, 3);
    PARTS("messagebird", "/messages", "{\"recipients\":[\"15558675310\"],\"originator\":\"A\",\"body\":\"%.*s\"}", 1, 1);
    PARTS("messagebird", "/messages", "{\"recipients\":[\"15558675310\"],\"originator\":\"A\",\"datacoding\":\"unicode\",\"body\":\"%.*s\"}", 2, 3);
    static const char *const telnyx[] = { "/v2/messages", "/v2/messages/long_code", "/v2/messages/number_pool", "/v2/messages/short_code",
        "/v2/messages/schedule", "/v2/messages/alphanumeric_sender_id" };
    for (size_t i = 0; i < sizeof(telnyx) / sizeof(telnyx[0]); i++) {
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"text\":\"%.*s\"}", 1, 1);
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"encoding\":\"ucs2\",\"text\":\"%.*s\"}", 2, 3);
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"encoding\":\"UCS2\",\"text\":\"%.*s\"}", 2, 3);
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"encoding\":[\"ucs2\"],\"text\":\"%.*s\"}", UNKNOWN, UNKNOWN);
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"type\":\"MMS\",\"text\":\"%.*s\"}", 501, 501);
        PARTS("telnyx", telnyx[i], "{\"to\":\"+15558675310\",\"type\":\"MMS\",\"media_urls\":[\"https://a.example\"],\"text\":\"%.*s\"}", 501, 501);
    }
    PARTS("plivo", "/v1/Account/MA1/Message/", "{\"dst\":\"15558675310\",\"type\":\"sms\",\"text\":\"%.*s\"}", 1, 1);
    PARTS("plivo", "/v1/Account/MA1/Message/", "{\"dst\":\"15558675310\",\"type\":\"mms\",\"text\":\"%.*s\"}", 501, 501);
    PARTS("plivo", "/v1/Account/MA1/Message/", "{\"dst\":\"15558675310\",\"media_ids\":[\"m1\",\"m2\"],\"text\":\"%.*s\"}", 1001, 1001);
}

TEST(a_negative_amount_takes_nothing_off_a_batch)
{
#define PAID(value) "{\"recipient_type\":\"EMAIL\",\"receiver\":\"a@x.example\",\"amount\":{\"value\":\"" value "\",\"currency\":\"USD\"}}"
#define BACK(amount) "{\"kind\":\"refund\",\"parent_id\":1,\"amount\":\"" amount "\"}"
#define FROM_BALANCE(amount) "{\"type\":\"balance\",\"amount\":\"" amount "\",\"currency\":\"USD\"}"
#define ADJUST(amount) "{\"adjustment\":{\"amount\":" amount "}}"
    static const char refunds[] = "/admin/api/2024-10/orders/1/refunds.json", card[] = "/admin/api/2024-10/gift_cards/1/adjustments.json";
    const struct row rows[] = {
        { "paypal", "POST", "/v1/payments/payouts", "{\"items\":[" PAID("1000.00") "," PAID("1.00") "]}", 100100 },
        { "paypal", "POST", "/v1/payments/payouts", "{\"items\":[" PAID("1000.00") "," PAID("-999.00") "]}", UNKNOWN },
        { "shopify", "POST", refunds, "{\"refund\":{\"transactions\":[" BACK("500.00") "," BACK("5.00") "]}}", 50500 },
        { "shopify", "POST", refunds, "{\"refund\":{\"transactions\":[" BACK("500.00") "," BACK("-499.00") "]}}", UNKNOWN },
        { "shopify", "POST", card, ADJUST("25"), 2500 },
        { "shopify", "POST", card, ADJUST("\"-25.00\""), 0 },
        { "shopify", "POST", card, "{\"adjustment\":{}}", UNKNOWN },
        { "duffel", "POST", "/air/orders", "{\"data\":{\"payments\":[" FROM_BALANCE("300.00") "," FROM_BALANCE("20.50") "]}}", 32050 },
        { "duffel", "POST", "/air/orders", "{\"data\":{\"payments\":[" FROM_BALANCE("300.00") "," FROM_BALANCE("-299.00") "]}}", UNKNOWN },
        { "lob", "POST", "/v1/checks", "{\"bank_account\":\"bank_1\",\"amount\":-1}", UNKNOWN },
    };
    CHECK_ROWS(rows);
}

TEST(what_adyen_is_told_to_make_or_change_writes)
{
    static const char *const calls[][2] = { { "POST", "/v71/storedPaymentMethods" }, { "POST", "/pal/servlet/StoredValue/v46/mergeBalance" },
        { "POST", "/bcl/v2/balanceAccounts" }, { "POST", "/bcl/v2/balancePlatforms/b1/webhooks/w1/settings" },
        { "POST", "/lem/v3/documents" }, { "POST", "/v71/paypal/updateOrder" } };
    struct matched m;
    bench_open(&b, "adyen", SPAN_NONE);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (!vendor_match(&b.vendor, span_of(calls[i][0]), span_of(calls[i][1]), &m) || !m.operation->writes)
            test_fail(__FILE__, __LINE__, "%s %s", calls[i][0], calls[i][1]);
    bench_close(&b);
}

/* ---- prices that come later ---- */

TEST(telnyx_tells_a_price_at_once_or_later)
{
    open_call("telnyx", "POST", "/messages", "{\"from\":\"+15550100\",\"to\":\"+15558675310\",\"text\":\"hi\"}");
    struct settled s = bench_settle(&b, 200, "{\"data\":{\"id\":\"m1\",\"cost\":{\"amount\":\"0.0051\",\"currency\":\"USD\"}}}");
    CHECK(s.known && !s.pending);
    CHECK_INT(s.real[UNIT_USD], 5100000);
    s = bench_settle(&b, 200, "{\"data\":{\"id\":\"m1\",\"cost\":null}}");
    CHECK(s.pending && s.estimate);
    CHECK_SPAN(s.object_id, SPAN("m1"));
    CHECK_SPAN(late_of("m1").path, SPAN("/v2/messages/m1"));
    CHECK_INT(later("{\"data\":{\"id\":\"m1\",\"cost\":null}}"), LOOK_UP_UNCLEAR);
    CHECK_INT(later("{\"data\":{\"id\":\"m1\",\"cost\":{\"amount\":\"0.02\",\"currency\":\"USD\"}}}"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], 20000000);
    bench_close(&b);
}

TEST(plivo_tells_the_price_of_a_text_to_one_number)
{
    bench_open(&b, "plivo", SPAN_NONE);
    b.account = SPAN("MA1");
    CHECK_INT(bench_ask(&b, "POST", "/v1/Account/MA1/Message/", "{\"src\":\"+15550100\",\"dst\":\"+15558675310\",\"text\":\"hi\"}"), E_OK);
    CHECK(bench_settle(&b, 202, "{\"message_uuid\":[\"u1\"]}").pending);
    CHECK_SPAN(late_of("u1").path, SPAN("/v1/Account/MA1/Message/u1/"));
    CHECK_INT(later("{\"message_uuid\":\"u1\",\"message_state\":\"queued\",\"total_amount\":\"0.00000\"}"), LOOK_UP_UNCLEAR);
    CHECK_INT(later("{\"message_uuid\":\"u1\",\"message_state\":\"delivered\",\"total_amount\":\"0.00550\"}"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], 5500000);
    CHECK(!bench_settle(&b, 202, "{\"message_uuid\":[\"u1\",\"u2\"]}").pending);
    bench_close(&b);
}

TEST(messagebird_s_price_counts_when_every_recipient_has_one)
{
    open_call("messagebird", "POST", "/messages", "{\"originator\":\"T\",\"recipients\":[\"31612345678\",\"31612345679\"],\"body\":\"hi\"}");
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 2);
    CHECK(bench_settle(&b, 201, "{\"id\":\"mb1\"}").pending);
    CHECK_SPAN(late_of("mb1").path, SPAN("/messages/mb1"));
#define PRICED "{\"status\":\"delivered\",\"price\":{\"amount\":0.05,\"currency\":\"USD\"}}"
    CHECK_INT(later("{\"id\":\"mb1\",\"recipients\":{\"items\":[" PRICED ",{\"status\":\"sent\"}]}}"), LOOK_UP_UNCLEAR);
    CHECK_INT(later("{\"id\":\"mb1\",\"recipients\":{\"items\":[" PRICED "," PRICED "]}}"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], 100000000);
    bench_close(&b);
}

/* ---- answers that were lost ---- */

TEST(a_lost_square_payment_is_known_by_its_reference)
{
#define PAYMENT(ref, amount, time)                                                                                               \
    "{\"id\":\"p1\",\"reference_id\":\"" ref "\",\"status\":\"COMPLETED\",\"amount_money\":{\"amount\":" amount                  \
    ",\"currency\":\"USD\"},\"total_money\":{\"amount\":" amount ",\"currency\":\"USD\"},\"created_at\":\"2026-11-21T" time "Z\"}"
    open_call("square", "POST", "/v2/payments",
        "{\"source_id\":\"x\",\"idempotency_key\":\"k\",\"reference_id\":\"r1\",\"location_id\":\"L1\",\"amount_money\":{\"amount\":1500,\"currency\":\"USD\"}}");
    struct look_up ask = asked();
    CHECK_SPAN(ask.path, SPAN("/v2/payments"));
    CHECK_SPAN(ask.query, SPAN("location_id=L1&limit=100&sort_order=DESC"));
    CHECK_INT(lists("{\"payments\":[" PAYMENT("r0", "1500", "12:00:01") "," PAYMENT("r1", "1500", "12:00:01") "]}"), LOOK_UP_HAPPENED);
    CHECK(found.known);
    CHECK_INT(found.real[UNIT_USD], 15000000000);
    CHECK_INT(lists("{\"payments\":[" PAYMENT("r0", "1500", "12:00:01") "]}"), LOOK_UP_ABSENT);
    CHECK_INT(lists("{}"), LOOK_UP_UNCLEAR);
    /* there are others, but those are older than the call */
    CHECK_INT(lists("{\"payments\":[" PAYMENT("r1", "1500", "12:00:01") "," PAYMENT("r0", "1", "11:00:00") "],\"cursor\":\"c\"}"), LOOK_UP_HAPPENED);
    CHECK_INT(lists("{\"payments\":[" PAYMENT("r1", "1500", "12:00:01") "],\"cursor\":\"c\"}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(a_lost_square_payment_without_a_reference_is_an_operator_s)
{
    struct look_up ask;
    open_call("square", "POST", "/v2/payments", "{\"source_id\":\"x\",\"idempotency_key\":\"k\",\"amount_money\":{\"amount\":1500,\"currency\":\"USD\"}}");
    CHECK(!vendor_look_up(b.json, &b.asked, &b.understood, SENT, &b.call, &ask));
    bench_close(&b);
}

TEST(a_lost_square_refund_is_known_by_its_payment)
{
    open_call("square", "POST", "/v2/refunds", "{\"idempotency_key\":\"k\",\"payment_id\":\"p1\",\"amount_money\":{\"amount\":500,\"currency\":\"USD\"}}");
    CHECK(b.matched.operation->refund);
    CHECK_SPAN(asked().path, SPAN("/v2/refunds"));
    CHECK_INT(lists("{\"refunds\":[{\"id\":\"r1\",\"payment_id\":\"p1\",\"status\":\"PENDING\",\"amount_money\":{\"amount\":500,\"currency\":\"USD\"},"
                    "\"created_at\":\"2026-11-21T12:00:02Z\"}]}"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], 5000000000);
    bench_close(&b);
}

TEST(a_lost_mail_of_postmark_is_looked_up_by_its_recipient)
{
    open_call("postmark", "POST", "/email", "{\"From\":\"t@example.com\",\"To\":\"a@example.org\",\"Subject\":\"hi\",\"TextBody\":\"x\"}");
    CHECK_SPAN(asked().query, SPAN("recipient=a%40example.org&count=500&offset=0"));
    CHECK_INT(lists("{\"TotalCount\":0,\"Messages\":[]}"), LOOK_UP_ABSENT);
    CHECK_INT(lists("{\"TotalCount\":1,\"Messages\":[{\"Subject\":\"hi\",\"From\":\"t@example.com\",\"ReceivedAt\":\"2026-11-21T07:00:01.8782715-05:00\"}]}"), LOOK_UP_HAPPENED);
    CHECK_INT(lists("{\"TotalCount\":1,\"Messages\":[{\"Subject\":\"hi.\",\"From\":\"t@example.com\",\"ReceivedAt\":\"2026-11-21T12:00:01Z\"}]}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(a_lost_label_is_looked_up_by_its_rate)
{
    open_call("shippo", "POST", "/transactions", "{\"rate\":\"rate1\",\"async\":false}");
    CHECK_SPAN(asked().query, SPAN("rate=rate1&results=25"));
    CHECK_INT(lists("{\"next\":null,\"results\":[]}"), LOOK_UP_ABSENT);
    CHECK_INT(lists("{\"next\":null,\"results\":[{\"object_id\":\"t1\",\"rate\":\"rate1\",\"status\":\"ERROR\",\"object_created\":\"2026-11-21T12:00:01Z\"}]}"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], 0);
    /* the rate may be written out: nobody can tell */
    CHECK_INT(lists("{\"next\":null,\"results\":[{\"object_id\":\"t1\",\"rate\":{\"object_id\":\"rate1\"},\"status\":\"SUCCESS\",\"object_created\":\"2026-11-21T12:00:01Z\"}]}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(a_lost_order_of_duffel_frees_nothing_unless_none_was_made)
{
    open_call("duffel", "POST", "/air/orders",
        "{\"data\":{\"type\":\"instant\",\"selected_offers\":[\"off_1\"],\"payments\":[{\"type\":\"balance\",\"amount\":\"90.80\",\"currency\":\"USD\"}]}}");
    CHECK_INT(b.understood.worst[UNIT_USD], 90800000000);
    CHECK_INT(lists("{\"data\":[],\"meta\":{\"after\":null}}"), LOOK_UP_ABSENT);
    CHECK_INT(lists("{\"data\":[{\"id\":\"ord_1\",\"offer_id\":\"off_1\",\"created_at\":\"2026-11-21T12:00:03Z\"}],\"meta\":{\"after\":null}}"), LOOK_UP_HAPPENED);
    CHECK_INT(lists("{\"data\":[{\"id\":\"ord_1\",\"created_at\":\"2026-11-21T12:00:03Z\"}],\"meta\":{\"after\":null}}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

/* ---- forms as multipart ---- */

#define FIELD(name, value) "--b1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

TEST(mailgun_s_forms_are_read_and_go_on_as_they_came)
{
    static const char body[] = FIELD("from", "Team <t@example.com>") FIELD("to", "a@example.org") FIELD("to", "b@example.org, C <c@example.org>")
        FIELD("bcc", "d@example.org") FIELD("text", "hi") "--b1--\r\n";
    bench_open(&b, "mailgun", SPAN_NONE);
    bench_field(&b, "content-type", "multipart/form-data; boundary=b1");
    CHECK_INT(bench_ask(&b, "POST", "/v3/mg.example.com/messages", body), E_OK);
    CHECK(b.matched.operation->reads_body);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 4);
    CHECK_SPAN(b.understood.body, span_of(body));
    CHECK_SPAN(bench_scope(&b, "mailgun.from"), SPAN("example.com"));
    CHECK_SPAN(bench_scope(&b, "mailgun.to"), SPAN("several"));
    CHECK_SPAN(bench_scope(&b, "mailgun.domain"), SPAN("mg.example.com"));
    bench_close(&b);
}

/* Accepted without a price: what was held stands. Refused by Vonage (4: wrong credentials) it is free. */
TEST(vonage_texts_without_a_price_cost_what_was_held)
{
    static const struct {
        const char *answer;
        int64_t usd;
        bool estimate;
    } rows[] = {
        { "{\"messages\":[{\"status\":\"0\",\"message-id\":\"A1\"}]}", 12000000, true },
        { "{\"messages\":[{\"status\":\"0\",\"message-id\":\"A1\",\"message-price\":\"0.0050\"}]}", 5500000, false },
        { "{\"messages\":[{\"status\":\"0\",\"message-price\":\"0.0050\"},{\"status\":\"0\"}]}", 12000000, true },
        { "{\"messages\":[{\"status\":\"4\",\"error-text\":\"Bad Credentials\"}]}", 0, false },
        { "{\"messages\":[{\"message-id\":\"A1\"}]}", 12000000, true },
        { "{}", 12000000, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_call("vonage", "POST", "/sms/json", "{\"to\":\"15558675310\",\"from\":\"A\",\"text\":\"hi\"}");
        CHECK_INT(b.understood.worst[UNIT_USD], 12000000);
        struct settled s = bench_settle(&b, 200, rows[i].answer);
        if (s.real[UNIT_USD] != rows[i].usd || s.estimate != rows[i].estimate)
            test_fail(__FILE__, __LINE__, "%s: %lld, estimate %d", rows[i].answer, (long long)s.real[UNIT_USD], s.estimate);
        bench_close(&b);
    }
}

/* What a letter or a check may have beside its sheet costs what its setting says; plain ones are as they were. */
TEST(lob_extras_are_unknown_until_they_have_a_price)
{
    static const struct {
        const char *target, *body, *unset;
        int64_t usd; /* when all of them have a price */
    } rows[] = {
        { "/v1/letters", "{\"to\":\"adr_1\",\"extra_service\":null,\"return_envelope\":false,\"address_placement\":\"top_first_page\"}", "", 2000000000 },
        { "/v1/letters", "{\"to\":\"adr_1\",\"return_envelope\":true,\"perforated_page\":1}", "setting.return_envelope_price_usd", 2250000000 },
        { "/v1/letters", "{\"to\":\"adr_1\",\"return_envelope\":\"no_9_single_window\"}", "setting.return_envelope_price_usd", 2250000000 },
        { "/v1/letters", "{\"to\":\"adr_1\",\"address_placement\":\"insert_blank_page\"}", "setting.extra_page_price_usd", 2125000000 },
        { "/v1/checks", "{\"to\":\"adr_1\",\"bank_account\":\"bank_1\",\"amount\":25,\"mail_type\":\"usps_first_class\"}", "", 27500000000 },
        { "/v1/checks", "{\"to\":\"adr_1\",\"bank_account\":\"bank_1\",\"amount\":25,\"mail_type\":\"ups_next_day_air\"}", "setting.express_price_usd", 57500000000 },
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool set = i % 2;
        bench_open(&b, "lob", SPAN_NONE);
        if (set)
            bench_settings(&b, "return_envelope_price_usd: 0.25\nextra_page_price_usd: 0.125\nexpress_price_usd: 30\n");
        CHECK_INT(bench_ask(&b, "POST", rows[i / 2].target, rows[i / 2].body), E_OK);
        bool known = set || !*rows[i / 2].unset;
        int64_t usd = b.understood.worst[UNIT_USD];
        if (b.understood.cost_known != known || (known && usd != rows[i / 2].usd) || (!known && !span_is(b.understood.unset_setting, span_of(rows[i / 2].unset))))
            test_fail(__FILE__, __LINE__, "%s, %d: %d %lld", rows[i / 2].body, set, b.understood.cost_known, (long long)usd);
        CHECK_INT(bench_settle(&b, 200, "{\"id\":\"x_1\",\"amount\":25}").real[UNIT_USD], known ? rows[i / 2].usd : 0);
        bench_close(&b);
    }
}
