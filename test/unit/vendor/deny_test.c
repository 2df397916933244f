/* SPDX-License-Identifier: Apache-2.0
 * deny_test.c - refusals: JSON in every vendor's shape for every cause, with the contract's fields in it. */
#include "test/unit/vendor/bench.h"

static const char *const vendors[] = { "stripe", "twilio", "resend", "openai", "anthropic" };
static struct bench b;

static int deny(enum err code, bool as_429, struct json_value *root)
{
    struct denial d = { .code = code,
        .call_id = SPAN("call_1"),
        .message = SPAN("no: \"quoted\" \\ \n and a line"),
        .rule = SPAN("budget k/0: 100 usd a day"),
        .unit = SPAN("usd"),
        .limit = SPAN("100"),
        .spent = SPAN("99.5"),
        .reserved = SPAN("0"),
        .attempted = SPAN("1"),
        .resets_at = 1795305600000,
        .as_429 = as_429 };
    static char kept[8192];
    struct span type;
    struct buf body;
    const char *why = "";
    buf_init(&body, sizeof(kept));
    int status = vendor_deny(b.vendor.slug.at ? &b.vendor : NULL, &d, &body, &type);
    CHECK_SPAN(type, SPAN("application/json"));
    memcpy(kept, buf_span(&body).at, body.len);
    if (json_parse(b.json, span_make(kept, body.len), false, root, &why))
        test_fail(__FILE__, __LINE__, "%s: %.*s", why, SPAN_ARG(buf_span(&body)));
    buf_free(&body);
    return status;
}

static struct span text_at(struct json_value root, const char *path)
{
    return json_string(json_path(root, span_of(path)));
}

TEST(every_cause_is_json_at_every_vendor)
{
    static const char *const codes[] = { "error.code", "details.code", "code", "error.code", "error.code" };
    static const char *const details[] = { "error.tollgate", "details", "tollgate", "error.tollgate", "error.tollgate" };
    for (size_t v = 0; v < sizeof(vendors) / sizeof(vendors[0]); v++) {
        bench_open(&b, vendors[v], SPAN_NONE);
        for (int e = 1; e < ERR_COUNT; e++) {
            struct json_value root;
            deny((enum err)e, false, &root);
            CHECK_SPAN(text_at(root, codes[v]), err_code((enum err)e));
            struct json_value d = json_path(root, span_of(details[v]));
            CHECK_SPAN(json_string(json_member(d, SPAN("code"))), err_code((enum err)e));
            CHECK_SPAN(json_string(json_member(d, SPAN("limit"))), SPAN("100"));
            CHECK_SPAN(json_string(json_member(d, SPAN("spent"))), SPAN("99.5"));
            CHECK_SPAN(json_string(json_member(d, SPAN("attempted"))), SPAN("1"));
            CHECK_SPAN(json_string(json_member(d, SPAN("reserved"))), SPAN("0"));
            CHECK_SPAN(json_string(json_member(d, SPAN("rule"))), SPAN("budget k/0: 100 usd a day"));
            CHECK(json_string(json_member(d, SPAN("resets_at"))).len > 0);
        }
        bench_close(&b);
    }
}

TEST(statuses_are_those_the_sdks_do_not_retry)
{
    static const int budget[] = { 403, 403, 429, 402, 402 }, conflict[] = { 400, 409, 409, 409, 409 };
    struct json_value root;
    for (size_t v = 0; v < sizeof(vendors) / sizeof(vendors[0]); v++) {
        bench_open(&b, vendors[v], SPAN_NONE);
        CHECK_INT(deny(E_BUDGET_EXCEEDED, false, &root), budget[v]);
        CHECK_INT(deny(E_BALANCE_EMPTY, false, &root), budget[v]);
        CHECK_INT(deny(E_BUDGET_EXCEEDED, true, &root), 429);
        CHECK_INT(deny(E_OPERATION_DENIED, true, &root), 403);
        CHECK_INT(deny(E_KEY_REVOKED, false, &root), 401);
        CHECK_INT(deny(E_IDEMPOTENCY_CONFLICT, false, &root), conflict[v]);
        CHECK_INT(deny(E_PRICE_UNKNOWN, false, &root), 422);
        bench_close(&b);
    }
}

TEST(shapes_are_the_vendors_own)
{
    struct json_value root;
    int64_t n = 0;
    bench_open(&b, "stripe", SPAN_NONE);
    deny(E_SCOPE_DENIED, false, &root);
    CHECK_SPAN(text_at(root, "error.type"), SPAN("invalid_request_error"));
    CHECK_SPAN(text_at(root, "error.message"), SPAN("no: \"quoted\" \\ \n and a line"));
    deny(E_IDEMPOTENCY_CONFLICT, false, &root);
    CHECK_SPAN(text_at(root, "error.type"), SPAN("idempotency_error"));
    bench_close(&b);
    bench_open(&b, "twilio", SPAN_NONE);
    deny(E_BUDGET_EXCEEDED, false, &root);
    CHECK(json_integer(json_path(root, SPAN("code")), &n) && n == 20403);
    CHECK(json_integer(json_path(root, SPAN("status")), &n) && n == 403);
    CHECK_SPAN(text_at(root, "more_info"), SPAN("tollgate:budget_exceeded"));
    deny(E_KEY_UNKNOWN, false, &root);
    CHECK(json_integer(json_path(root, SPAN("code")), &n) && n == 20003);
    deny(E_RATE_LIMITED, false, &root);
    CHECK(json_integer(json_path(root, SPAN("code")), &n) && n == 20429);
    bench_close(&b);
    bench_open(&b, "resend", SPAN_NONE);
    deny(E_BUDGET_EXCEEDED, false, &root);
    CHECK_SPAN(text_at(root, "name"), SPAN("daily_quota_exceeded"));
    CHECK(json_integer(json_path(root, SPAN("statusCode")), &n) && n == 429);
    deny(E_KEY_REVOKED, false, &root);
    CHECK_SPAN(text_at(root, "name"), SPAN("restricted_api_key"));
    bench_close(&b);
    bench_open(&b, "openai", SPAN_NONE);
    deny(E_MODEL_DENIED, false, &root);
    CHECK(json_kind(json_path(root, SPAN("error.param"))) == JSON_NULL);
    CHECK_SPAN(text_at(root, "error.code"), SPAN("model_denied"));
    bench_close(&b);
    bench_open(&b, "anthropic", SPAN_NONE);
    deny(E_BUDGET_EXCEEDED, false, &root);
    CHECK_SPAN(text_at(root, "type"), SPAN("error"));
    CHECK_SPAN(text_at(root, "error.type"), SPAN("billing_error"));
    CHECK_SPAN(text_at(root, "request_id"), SPAN("call_1"));
    bench_close(&b);
}

TEST(without_a_vendor_there_is_a_plain_shape)
{
    struct json_value root;
    b = (struct bench){ .json = json_new() };
    CHECK_INT(deny(E_KEY_UNKNOWN, false, &root), 401);
    CHECK_SPAN(text_at(root, "error.code"), SPAN("key_unknown"));
    CHECK_SPAN(text_at(root, "error.tollgate.limit"), SPAN("100"));
    CHECK_INT(deny(E_BALANCE_EMPTY, true, &root), 429);
    json_free(b.json);
}
