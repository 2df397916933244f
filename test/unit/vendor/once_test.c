/* SPDX-License-Identifier: Apache-2.0
 * once_test.c - idempotency keys: the gate's own go out in place of the caller's, and only where the vendor takes them; what
 * comes of asking again. */
#include <stdio.h>

#include "test/unit/vendor/bench.h"

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\n"
#define CALLS "operations:\n  a: POST /v1/x\n  b: GET /v1/x\n  c: { call: POST /v1/y, writes: false }\n"

static struct bench b;

/* The head of the call that was asked, with that key of the gate. */
static struct span head_with(struct span once)
{
    struct vendor_secret secret = { .secret = SPAN("s"), .account = SPAN("AC1") };
    struct compose c = { .vendor = &b.vendor,
        .matched = &b.matched,
        .head = &b.head,
        .path = b.matched.operation->path,
        .query = SPAN(""),
        .length = (int64_t)b.asked.body.len,
        .secret = &secret,
        .once = once };
    struct buf head;
    buf_init(&head, 1 << 16);
    vendor_compose(&c, &b.call, &head);
    struct span text = arena_copy(&b.call, buf_span(&head));
    buf_free(&head);
    return text;
}

static bool goes_out(const char *method, const char *target, const char *body)
{
    bench_fresh(&b);
    bench_field(&b, "idempotency-key", "the-callers-own");
    CHECK_INT(bench_ask(&b, method, target, body), E_OK);
    struct span head = head_with(SPAN("tg-0123456789abcdef"));
    CHECK(span_find(head, SPAN("the-callers-own")) < 0);
    bool out = span_find(head, SPAN("\r\nidempotency-key: tg-0123456789abcdef\r\n")) > 0;
    CHECK_INT(out, b.matched.operation->idempotent);
    CHECK(span_find(head_with(SPAN_NONE), SPAN("idempotency")) < 0);
    return out;
}

TEST(only_the_gates_own_key_goes_out)
{
    bench_open(&b, "stripe", SPAN_NONE);
    CHECK_SPAN(b.vendor.once, SPAN("idempotency-key"));
    CHECK_INT(b.vendor.once_ms, 86400000);
    CHECK(goes_out("POST", "/v1/charges", "amount=1&currency=usd"));
    CHECK(goes_out("POST", "/v1/refunds", "charge=ch_1&amount=1"));
    CHECK(goes_out("POST", "/v2/core/accounts", "{}"));
    CHECK(!goes_out("GET", "/v1/charges", ""));
    CHECK(!goes_out("DELETE", "/v1/customers/cus_1", ""));
    bench_close(&b);
    bench_open(&b, "resend", SPAN_NONE);
    CHECK(goes_out("POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"c@d.example\"}"));
    CHECK(goes_out("POST", "/emails/batch", "[]"));
    CHECK(!goes_out("POST", "/audiences", "{}"));
    bench_close(&b);
    bench_open(&b, "openai", SPAN_NONE);
    CHECK(b.vendor.once.at == NULL);
    CHECK(!goes_out("POST", "/v1/chat/completions", "{}"));
    bench_close(&b);
    bench_open(&b, "twilio", SPAN_NONE);
    b.account = SPAN("AC1");
    bench_field(&b, "i-twilio-idempotency-token", "t");
    CHECK(!goes_out("POST", "/2010-04-01/Accounts/AC1/Messages.json", "To=%2B15558675310&Body=x"));
    bench_close(&b);
}

TEST(every_stripe_operation_that_a_key_is_for)
{
    size_t count, taken = 0;
    bench_open(&b, "stripe", SPAN_NONE);
    const struct operation *all = vendor_operations(&b.vendor, &count);
    for (size_t i = 0; i < count; i++) {
        bool v1 = span_starts(all[i].path, SPAN("/v1/")), v2 = span_starts(all[i].path, SPAN("/v2/"));
        bool post = span_is(all[i].method, SPAN("POST")), removal = span_is(all[i].method, SPAN("DELETE"));
        CHECK_INT(all[i].idempotent, (post && (v1 || v2)) || (removal && v2));
        taken += all[i].idempotent;
    }
    CHECK(taken > 300);
    bench_close(&b);
}

TEST(only_what_gives_money_back_is_a_refund)
{
    size_t count, refunds = 0;
    bench_open(&b, "stripe", SPAN_NONE);
    const struct operation *all = vendor_operations(&b.vendor, &count);
    for (size_t i = 0; i < count; i++)
        refunds += all[i].refund;
    CHECK_INT(refunds, 4); /* two of them older spellings */
    CHECK_INT(bench_ask(&b, "POST", "/v1/refunds", "charge=ch_1&amount=1"), E_OK);
    CHECK(b.matched.operation->refund);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/terminal/readers/tmr_1/refund_payment", "charge=ch_1&amount=1"), E_OK);
    CHECK(b.matched.operation->refund);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/credit_notes", "invoice=in_1&amount=1"), E_OK);
    CHECK(!b.matched.operation->refund);
    bench_close(&b);
}

TEST(a_key_given_twice_is_refused)
{
    static const char *const vendors[] = { "stripe", "openai" };
    for (size_t i = 0; i < 2; i++) {
        bench_open(&b, vendors[i], SPAN_NONE);
        bench_field(&b, "idempotency-key", "a");
        bench_field(&b, "idempotency-key", "b");
        CHECK_INT(bench_ask(&b, "POST", i ? "/v1/chat/completions" : "/v1/customers", i ? "{}" : "name=x"), E_NOT_CANONICAL);
        CHECK(span_find(b.why, SPAN("idempotency key")) >= 0);
        bench_close(&b);
    }
}

TEST(an_echoed_key_is_not_shown)
{
    struct http_field *fields;
    size_t count;
    bench_open(&b, "stripe", SPAN_NONE);
    bench_field(&b, "idempotency-key", "tg-0123");
    bench_field(&b, "request-id", "req_1");
    vendor_answer_fields(&b.vendor, &b.head, &b.call, &fields, &count);
    CHECK_INT(count, 1);
    CHECK_SPAN(fields[0].name, SPAN("request-id"));
    bench_close(&b);
    CHECK_INT(bench_read(&b, TOP "idempotency: { header: x-once, for: POST /v1/*, longest: 64, remembered: 1h }\n" CALLS), E_OK);
    bench_field(&b, "x-once", "tg-0123");
    bench_field(&b, "idempotency-key", "tg-0123");
    vendor_answer_fields(&b.vendor, &b.head, &b.call, &fields, &count);
    CHECK_INT(count, 0);
    bench_fresh(&b);
    bench_field(&b, "x-once", "the-callers-own");
    CHECK_INT(bench_ask(&b, "POST", "/v1/x", "{}"), E_OK);
    CHECK(span_find(head_with(SPAN("k")), SPAN("\r\nx-once: k\r\n")) > 0);
    CHECK(span_find(head_with(SPAN("k")), SPAN("the-callers-own")) < 0);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/v1/y", "{}"), E_OK);
    CHECK(!b.matched.operation->idempotent); /* it only reads */
    bench_close(&b);
}

static void wrong(const char *idempotency, const char *place, const char *part)
{
    char yaml[600];
    snprintf(yaml, sizeof(yaml), TOP "request_headers: [x-passed]\n%s\n" CALLS, idempotency);
    CHECK_INT(bench_read(&b, yaml), E_CONFIG);
    if (!strstr(b.trouble.text, place) || !strstr(b.trouble.text, part))
        test_fail(__FILE__, __LINE__, "got \"%s\"; want \"%s\" and \"%s\"", b.trouble.text, place, part);
    bench_close(&b);
}

TEST(a_wrong_idempotency_is_explained)
{
    wrong("idempotency: idempotency-key", "own.yaml:6: idempotency", "a map: header, for, longest, remembered, final");
    wrong("idempotency: { fro: POST /v1/x }", "idempotency", "for");
    wrong("idempotency: { longest: 64, remembered: 24h }", "idempotency.for", "POST /v1/*");
    wrong("idempotency: { header: X-Once, for: POST *, longest: 64, remembered: 24h }", "idempotency.header", "lower-case");
    wrong("idempotency: { header: x-passed, for: POST *, longest: 64, remembered: 24h }", "idempotency.header", "request_headers");
    wrong("idempotency: { for: POST *, remembered: 24h }", "idempotency.longest", "64");
    wrong("idempotency: { for: POST *, longest: 45, remembered: 24h }", "idempotency.longest", "64");
    wrong("idempotency: { for: POST *, longest: 64 }", "idempotency.remembered", "24h");
    wrong("idempotency: { for: POST *, longest: 64, remembered: 10s }", "idempotency.remembered", "10s");
    wrong("idempotency: { for: [POST *, POST /v3/*], longest: 64, remembered: 24h }", "idempotency.for[1]", "POST /v3/*");
    wrong("idempotency: { for: GET *, longest: 64, remembered: 24h }", "idempotency.for[0]", "writing operation");
    wrong("idempotency: { for: POST *, longest: 64, remembered: 24h, final: [400, 409] }", "idempotency.final[1]", "409");
    wrong("idempotency: { for: POST *, longest: 64, remembered: 24h, final: [200] }", "idempotency.final[0]", "400 to 499");
}

/* What asking a charge again says. */
static enum look_up_verdict again(int status, bool replayed, const char *body, struct settled *s)
{
    struct http_field mark = { SPAN("idempotent-replayed"), SPAN("true") };
    struct http_head answer = { .status = status, .fields = &mark, .count = replayed, .length = -1 };
    return vendor_asked_again(b.json, &b.asked, &b.understood, &answer, span_of(body), &b.call, s);
}

TEST(asking_again_tells_what_became_of_a_charge)
{
    static const char charge[] = "{\"id\":\"ch_1\",\"captured\":true,\"amount\":500,\"amount_captured\":500,\"currency\":\"usd\"}";
    static const char declined[] = "{\"error\":{\"type\":\"card_error\",\"code\":\"card_declined\"}}";
    struct settled s;
    bench_open(&b, "stripe", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=500&currency=usd"), E_OK);
    CHECK_INT(again(200, true, charge, &s), LOOK_UP_HAPPENED); /* a replay: spent by the first call */
    CHECK(s.known && !s.replayed);
    CHECK_INT(s.real[UNIT_USD], INT64_C(5000000000));
    CHECK_SPAN(s.object_id, SPAN("ch_1"));
    CHECK_INT(again(200, false, charge, &s), LOOK_UP_HAPPENED); /* spent by the second one */
    CHECK_INT(s.real[UNIT_USD], INT64_C(5000000000));
    CHECK_INT(again(402, true, declined, &s), LOOK_UP_ABSENT);
    CHECK_INT(again(402, false, declined, &s), LOOK_UP_ABSENT);
    CHECK_INT(again(409, true, declined, &s), LOOK_UP_ABSENT);
    static const int unclear[] = { 301, 401, 403, 409, 429, 500, 502, 503 };
    for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++)
        CHECK_INT(again(unclear[i], false, declined, &s), LOOK_UP_UNCLEAR);
    CHECK_INT(again(500, true, "{}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(again(400, false, "{\"error\":{\"type\":\"idempotency_error\"}}", &s), LOOK_UP_UNCLEAR);
    CHECK_INT(again(200, true, "{\"id\":", &s), LOOK_UP_HAPPENED); /* it happened; how much is not known */
    CHECK(!s.known);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/charges", ""), E_OK);
    CHECK_INT(again(200, false, charge, &s), LOOK_UP_UNCLEAR);
    bench_close(&b);
}
