/* SPDX-License-Identifier: Apache-2.0
 * hook_test.c - the vendor's calls to us. The signatures were made by stripe-node 23 (webhooks.generateTestHeaderString), twilio-node 6
 * (getExpectedTwilioSignature), standardwebhooks 1 (sign) and Node's createHmac. */
#include "test/unit/vendor/bench.h"

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\ncurrencies: { others: 2 }\n"
#define CALLS "operations:\n  send: POST /a/{who}/messages\n  read: GET /a/{who}/messages\n"
#define EVENTS "  events: { \"*\": {} }\n"
#define PAYLOAD "{\"id\":\"evt_1\",\"type\":\"charge.dispute.created\"}"
#define URL "https://gate.example/hooks/twilio/main?call=01ab"
#define FORM "MessageSid=SM1&MessageStatus=delivered&To=%2B15558675310&Body=a+b%26c%3D%C3%BC"
#define BODY_SHA "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"

static struct bench b;
static struct hook_request request;

static void open_hook(const char *hook)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    if (bench_read(&b, arena_print(&a, TOP "hook:\n%s" CALLS, hook).at))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    CHECK(b.vendor.hooked);
    arena_free(&a);
}

/* A call of theirs; fields are set by bench_field before. */
static struct hook_request *call(const char *url, const char *body, const char *secret, int64_t now_ms)
{
    struct span query = span_of(url), path;
    request = (struct hook_request){ .head = &b.head, .body = span_of(body), .url = span_of(url), .secret = span_of(secret), .now_ms = now_ms };
    b.head.method = SPAN("POST");
    if (span_cut(&query, '?', &path))
        request.query = query;
    return &request;
}

static bool verified(const char *url, const char *body, const char *secret, int64_t now_ms)
{
    const char *why = NULL;
    enum err e = vendor_hook_verify(&b.vendor, call(url, body, secret, now_ms), &b.call, &why);
    CHECK(e == E_OK || (e == E_KEY_UNKNOWN && why && *why));
    return e == E_OK;
}

static bool signed_by(const char *field, const char *value, const char *url, const char *body, const char *secret, int64_t now_ms)
{
    bench_fresh(&b);
    bench_field(&b, field, value);
    return verified(url, body, secret, now_ms);
}

#define STRIPE_V1 "37a864a09293e8c3891a1c2962bc235f03b1e89814b6393242e55fb545eb8ee5"
static bool stripe(const char *value, const char *body, const char *secret, int64_t now_ms)
{
    return signed_by("stripe-signature", value, "https://gate.example/hooks/stripe/main", body, secret, now_ms);
}

TEST(stripe_signs_the_time_and_the_body)
{
    static const int64_t at = INT64_C(1700000000000);
    open_hook("  signature: { kind: stripe }\n" EVENTS);
    CHECK(stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at));
    CHECK(stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at + 300000));
    CHECK(stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at - 300000));
    CHECK(stripe("t=1700000000,v1=00,v1=" STRIPE_V1 ",v0=11", PAYLOAD, "whsec_test", at));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at + 301000));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at - 301000));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "whsec_tesT", at));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD, "", at));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1, PAYLOAD " ", "whsec_test", at));
    CHECK(!stripe("t=1700000001,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at));
    CHECK(!stripe("t=1700000000,v0=" STRIPE_V1, PAYLOAD, "whsec_test", at));
    CHECK(!stripe("t=1700000000,v1=" STRIPE_V1 "00", PAYLOAD, "whsec_test", at));
    CHECK(!stripe("v1=" STRIPE_V1, PAYLOAD, "whsec_test", at));
    CHECK(!stripe("t=,v1=" STRIPE_V1, PAYLOAD, "whsec_test", at));
    CHECK(!stripe("", PAYLOAD, "whsec_test", at));
    bench_fresh(&b);
    CHECK(!verified(URL, PAYLOAD, "whsec_test", at));
    bench_field(&b, "stripe-signature", "t=1700000000,v1=" STRIPE_V1);
    bench_field(&b, "stripe-signature", "t=1700000000,v1=00");
    CHECK(!verified(URL, PAYLOAD, "whsec_test", at));
    bench_close(&b);
}

static bool twilio(const char *signature, const char *url, const char *type, const char *body)
{
    bench_fresh(&b);
    bench_field(&b, "x-twilio-signature", signature);
    bench_field(&b, "content-type", type);
    return verified(url, body, "12345", 0);
}

#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"

TEST(twilio_signs_the_url_and_the_parameters)
{
    open_hook("  signature: { kind: twilio }\n" EVENTS);
    CHECK(twilio("TrR2EqGFYAtXQAe5GxtH8PqDWPo=", URL, FORM_TYPE, FORM));
    CHECK(twilio("ZVtY6oQIRTL10+HhpS+jnLTLQnI=", URL, FORM_TYPE, FORM)); /* signed with :443 */
    CHECK(twilio("uFodCrMro1WWOmDu26Jaq3IfYc0=", "https://gate.example:8443/hooks/twilio/main", FORM_TYPE, FORM)); /* and without :8443 */
    CHECK(twilio("CZJqRpu6USIS4gsk8bQPwW3i738=", URL, FORM_TYPE, "a=2&a=1&b=x&a=2"));
    CHECK(!twilio("TrR2EqGFYAtXQAe5GxtH8PqDWPo=", URL "&x=1", FORM_TYPE, FORM));
    CHECK(!twilio("TrR2EqGFYAtXQAe5GxtH8PqDWPo=", URL, FORM_TYPE, FORM "&x=1"));
    CHECK(!twilio("TrR2EqGFYAtXQAe5GxtH8PqDWPo=", URL, FORM_TYPE, FORM "&x=%zz"));
    CHECK(!twilio("TrR2EqGFYAtXQAe5GxtH8PqDWPo=", URL, "application/json", FORM));
    CHECK(!twilio("not base64!", URL, FORM_TYPE, FORM));
    CHECK(!twilio("", URL, FORM_TYPE, FORM));
    bench_close(&b);
}

TEST(twilio_signs_a_json_body_by_its_hash_in_the_url)
{
    open_hook("  signature: { kind: twilio }\n" EVENTS);
    CHECK(twilio("UJJOTSsPG47m7xN44WQ7u9nOpKs=", URL "&bodySHA256=" BODY_SHA, "application/json", "{\"a\":1}"));
    CHECK(!twilio("UJJOTSsPG47m7xN44WQ7u9nOpKs=", URL "&bodySHA256=" BODY_SHA, "application/json", "{\"a\":2}"));
    CHECK(!twilio("UJJOTSsPG47m7xN44WQ7u9nOpKs=", URL "&bodySHA256=", "application/json", "{\"a\":1}"));
    CHECK(!twilio("UJJOTSsPG47m7xN44WQ7u9nOpKs=", URL, "application/json", "{\"a\":1}"));
    bench_close(&b);
}

TEST(a_callback_that_is_passed_on_is_signed_as_twilio_would)
{
    struct http_field fields[2];
    open_hook("  signature: { kind: twilio }\n" EVENTS);
    CHECK_INT(vendor_hook_sign(&b.vendor, SPAN(URL), SPAN(FORM), SPAN("12345"), &b.call, fields), 1);
    CHECK_SPAN(fields[0].name, SPAN("x-twilio-signature"));
    CHECK_SPAN(fields[0].value, SPAN("TrR2EqGFYAtXQAe5GxtH8PqDWPo="));
    CHECK_INT(vendor_hook_sign(&b.vendor, SPAN(URL), SPAN("a=%"), SPAN("12345"), &b.call, fields), 0);
    CHECK_INT(vendor_hook_sign(&b.vendor, SPAN(URL), SPAN(FORM), SPAN_NONE, &b.call, fields), 0);
    bench_close(&b);
    open_hook("  signature: { kind: stripe }\n" EVENTS);
    CHECK_INT(vendor_hook_sign(&b.vendor, SPAN(URL), SPAN(FORM), SPAN("12345"), &b.call, fields), 0);
    bench_close(&b);
}

static bool svix(const char *id, const char *time, const char *signature, int64_t now_ms)
{
    bench_fresh(&b);
    bench_field(&b, "svix-id", id);
    bench_field(&b, "svix-timestamp", time);
    bench_field(&b, "svix-signature", signature);
    return verified(URL, "{\"test\": 2432232314}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now_ms);
}

#define SVIX_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define SVIX_V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

TEST(svix_signs_id_time_and_body)
{
    static const int64_t at = INT64_C(1614265330000);
    open_hook("  signature: { kind: svix, within: 1m }\n" EVENTS);
    CHECK(svix(SVIX_ID, "1614265330", SVIX_V1, at));
    CHECK(svix(SVIX_ID, "1614265330", "v1,AAAA v2,x " SVIX_V1, at + 60000));
    CHECK(!svix(SVIX_ID, "1614265330", SVIX_V1, at + 61000));
    CHECK(!svix(SVIX_ID, "1614265331", SVIX_V1, at));
    CHECK(!svix("msg_2", "1614265330", SVIX_V1, at));
    CHECK(!svix(SVIX_ID, "", SVIX_V1, at));
    CHECK(!svix(SVIX_ID, "1614265330", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", at));
    CHECK(!signed_by("svix-signature", SVIX_V1, URL, "{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", at));
    bench_close(&b);
}

TEST(a_plain_hmac_is_as_the_manifest_says)
{
    open_hook("  signature: { kind: hmac, header: x-hub-signature-256, prefix: \"sha256=\" }\n" EVENTS);
    CHECK(signed_by("x-hub-signature-256", "sha256=f2e8eb8cc1f775effdf7762225b0ed0dd1e2146cc42625469449ff749ae92f41", URL, PAYLOAD, "secret", 0));
    CHECK(signed_by("x-hub-signature-256", "sha256=F2E8EB8CC1F775EFFDF7762225B0ED0DD1E2146CC42625469449FF749AE92F41", URL, PAYLOAD, "secret", 0));
    CHECK(!signed_by("x-hub-signature-256", "f2e8eb8cc1f775effdf7762225b0ed0dd1e2146cc42625469449ff749ae92f41", URL, PAYLOAD, "secret", 0));
    bench_close(&b);
    open_hook("  signature: { kind: hmac, header: x-shopify-hmac-sha256, encoding: base64 }\n" EVENTS);
    CHECK(signed_by("x-shopify-hmac-sha256", "8ujrjMH3de/993YiJbDtDdHiFGzEJiVGlEn/dJrpL0E=", URL, PAYLOAD, "secret", 0));
    CHECK(!signed_by("x-shopify-hmac-sha256", "8ujrjMH3de/993YiJbDtDdHiFGzEJiVGlEn/dJrpL0E=", URL, "{}", "secret", 0));
    bench_close(&b);
    open_hook("  signature: { kind: hmac, header: x-s, hash: sha1 }\n" EVENTS);
    CHECK(signed_by("x-s", "d3b1652436a8a8ff013aa2ac06d66fe308016fac", URL, PAYLOAD, "secret", 0));
    bench_close(&b);
    open_hook("  signature: { kind: hmac, header: x-s, hash: sha512, encoding: base64, text: \"{method}{url}{body}\" }\n" EVENTS);
    CHECK(signed_by("x-s", "SoTe/NZPqxkLxDOw8Q+LH3+YF0FyEjltcbxOg6gYh0nAcr2NCu4xeaedchtJQC+uW/a9BWQd0va7r5d99+GYEw==", URL, PAYLOAD, "secret", 0));
    bench_close(&b);
}

TEST(an_hmac_may_sign_a_time)
{
    static const char signature[] = "v0=49a16b952d0ce17bef161191bb080deee21c1beb4d16edc60039c6bc403f20e6";
    open_hook("  signature: { kind: hmac, header: x-slack-signature, prefix: \"v0=\", text: \"v0:{timestamp}:{body}\", timestamp: x-slack-request-timestamp }\n" EVENTS);
    bench_field(&b, "x-slack-signature", signature);
    CHECK(!verified(URL, PAYLOAD, "secret", INT64_C(1700000000000)));
    bench_field(&b, "x-slack-request-timestamp", "1700000000");
    CHECK(verified(URL, PAYLOAD, "secret", INT64_C(1700000000000)));
    CHECK(!verified(URL, PAYLOAD, "secret", INT64_C(1700000301000)));
    bench_close(&b);
}

static struct hook_event read_event(const char *url, const char *body, enum err want)
{
    struct hook_event e = { 0 };
    const char *why = NULL;
    CHECK_INT(vendor_hook_read(b.json, &b.vendor, call(url, body, "", 0), b.settings, NULL, &b.call, &e, &why), want);
    return e;
}

TEST(an_event_says_what_it_is_about)
{
    open_hook("  signature: { kind: stripe }\n  id: answer.id\n  type: answer.type\n  events:\n"
              "    \"charge.dispute.*\": { kind: dispute, objects: [answer.data.object.id, answer.data.object.charge, answer.data.object.id],"
              " usd: \"minor_units(answer.data.object.amount, answer.data.object.currency)\", asks_again: true }\n"
              "    charge.dispute.closed: { kind: closed }\n    \"*\": { objects: answer.data.object.id }\n");
    struct hook_event e = read_event(URL, "{\"id\":\"evt_1\",\"type\":\"charge.dispute.created\",\"data\":{\"object\":{\"id\":\"dp_1\",\"charge\":\"ch_1\",\"amount\":1500,\"currency\":\"usd\"}}}", E_OK);
    CHECK_SPAN(e.id, SPAN("evt_1"));
    CHECK_SPAN(e.type, SPAN("charge.dispute.created"));
    CHECK_SPAN(e.kind, SPAN("dispute"));
    CHECK_INT(e.object_count, 2);
    CHECK_SPAN(e.objects[0], SPAN("dp_1"));
    CHECK_SPAN(e.objects[1], SPAN("ch_1"));
    CHECK(e.cost_known && e.asks_again && e.usd == 15 * INT64_C(1000000000));
    e = read_event(URL, "{\"id\":\"evt_2\",\"type\":\"charge.dispute.closed\",\"data\":{}}", E_OK);
    CHECK_SPAN(e.kind, SPAN("closed"));
    CHECK(e.cost_known && !e.usd && !e.object_count && !e.asks_again);
    e = read_event(URL, "{\"type\":\"charge.dispute.created\",\"data\":{\"object\":{\"amount\":\"many\"}}}", E_OK);
    CHECK(!e.cost_known && !e.id.at);
    e = read_event(URL, "{\"id\":\"evt_3\",\"type\":\"plan.created\",\"data\":{\"object\":{\"id\":\"plan_1\"}}}", E_OK);
    CHECK(!e.kind.at && e.object_count == 1);
    e = read_event(URL, "{}", E_OK);
    CHECK(!e.type.at && !e.id.at);
    read_event(URL, "{", E_BAD_REQUEST);
    bench_close(&b);
}

TEST(a_callback_is_a_form_or_a_query)
{
    open_hook("  signature: { kind: twilio }\n  id: answer.MessageSid\n  type: answer.MessageStatus\n  events:\n"
              "    delivered: { kind: status, objects: [answer.MessageSid, query.call], asks_again: true }\n");
    bench_field(&b, "content-type", FORM_TYPE);
    struct hook_event e = read_event(URL, FORM, E_OK);
    CHECK_SPAN(e.id, SPAN("SM1"));
    CHECK_SPAN(e.kind, SPAN("status"));
    CHECK_SPAN(e.objects[0], SPAN("SM1"));
    CHECK_SPAN(e.objects[1], SPAN("01ab"));
    CHECK(e.asks_again);
    read_event(URL, "a=%zz", E_BAD_REQUEST);
    bench_fresh(&b);
    e = read_event("https://gate.example/hooks/twilio/main?MessageSid=SM2&MessageStatus=sent", "", E_OK);
    CHECK_SPAN(e.id, SPAN("SM2"));
    CHECK(!e.kind.at && !e.object_count);
    /* a query that can be read in two ways says nothing; found by fuzzing */
    bench_field(&b, "content-type", FORM_TYPE);
    e = read_event("https://gate.example/hooks/twilio/main?call[=01ab", FORM, E_OK);
    CHECK_INT(e.object_count, 1);
    e = read_event("https://gate.example/hooks/twilio/main?call=1&call=2", FORM, E_OK);
    CHECK_INT(e.object_count, 1);
    bench_close(&b);
}

TEST(an_event_may_say_in_its_head_what_it_is)
{
    open_hook("  signature: { kind: hmac, header: x-s }\n  id: header.x-delivery\n  type: header.x-topic\n  events: { orders/cancelled: { kind: order } }\n");
    bench_field(&b, "x-delivery", "d1");
    bench_field(&b, "x-topic", "orders/cancelled");
    struct hook_event e = read_event(URL, "{\"id\":5}", E_OK);
    CHECK_SPAN(e.id, SPAN("d1"));
    CHECK_SPAN(e.kind, SPAN("order"));
    bench_close(&b);
}

TEST(some_calls_tell_the_vendor_where_to_call_back)
{
    size_t count;
    open_hook("  signature: { kind: twilio }\n  callback: { parameter: StatusCallback, for: [\"POST *messages\"] }\n" EVENTS);
    const struct operation *list = vendor_operations(&b.vendor, &count);
    CHECK_SPAN(vendor_callback_parameter(&b.vendor, &list[0]), SPAN("StatusCallback"));
    CHECK(!vendor_callback_parameter(&b.vendor, &list[1]).at);
    bench_close(&b);
}

TEST(a_vendor_without_hooks_has_none)
{
    const char *why;
    struct hook_event e;
    size_t count;
    CHECK(bench_read(&b, TOP CALLS) == E_OK);
    CHECK(!b.vendor.hooked);
    CHECK_INT(vendor_hook_verify(&b.vendor, call(URL, "{}", "s", 0), &b.call, &why), E_KEY_UNKNOWN);
    CHECK_INT(vendor_hook_read(b.json, &b.vendor, call(URL, "{}", "s", 0), NULL, NULL, &b.call, &e, &why), E_BAD_REQUEST);
    CHECK(!vendor_callback_parameter(&b.vendor, vendor_operations(&b.vendor, &count)).at);
    bench_close(&b);
}

static void refused(const char *hook, const char *because)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK(bench_read(&b, arena_print(&a, TOP "hook: { %s }\n" CALLS, hook).at) == E_CONFIG);
    if (span_find(span_of(b.trouble.text), span_of(because)) < 0)
        test_fail(__FILE__, __LINE__, "%s: %s", because, b.trouble.text);
    bench_close(&b);
    arena_free(&a);
}

#define SIGNED "signature: { kind: stripe }, "
#define ALL "events: { \"*\": {} }"

TEST(a_hook_that_cannot_work_is_refused_when_it_is_read)
{
    refused(ALL, "hook.signature");
    refused("signature: { header: x }, " ALL, "hook.signature");
    refused("signature: { kind: none }, " ALL, "hook.signature.kind");
    refused("signature: { kind: stripe, hash: sha1 }, " ALL, "hash");
    refused("signature: { kind: stripe, header: Stripe-Signature }, " ALL, "lower-case");
    refused("signature: { kind: stripe, within: 25h }, " ALL, "within");
    refused("signature: { kind: svix, header: x-sig }, " ALL, "hook.signature.header");
    refused("signature: { kind: hmac }, " ALL, "hook.signature.header");
    refused("signature: { kind: hmac, header: x, text: \"{url}\" }, " ALL, "{body}");
    refused("signature: { kind: hmac, header: x, text: \"{body}{what}\" }, " ALL, "{body}");
    refused("signature: { kind: hmac, header: x, text: \"{timestamp}{body}\" }, " ALL, "hook.signature.timestamp");
    refused("signature: { kind: hmac, header: x, timestamp: y }, " ALL, "hook.signature.timestamp");
    refused(SIGNED "id: answer.id", "hook.events");
    refused(SIGNED "id: body.id, " ALL, "hook.id");
    refused(SIGNED "type: path.who, " ALL, "hook.type");
    refused(SIGNED "events: { a: { usd: body.amount } }", "events.a.usd");
    refused(SIGNED "events: { a: { kinds: x } }", "kinds");
    refused(SIGNED "events: { a: { objects: [answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a] } }", "at most 8");
    refused(SIGNED ALL ", callback: { parameter: x, for: [\"POST /nowhere\"] }", "callback.for");
    refused(SIGNED ALL ", callback: { parameter: x }", "hook.callback");
    refused(SIGNED ALL ", secret: x", "secret");
}
