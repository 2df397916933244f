/* SPDX-License-Identifier: Apache-2.0
 * compose_test.c - heads as they leave, byte for byte; where keys are found; what callers see of answers. */
#include "test/unit/vendor/bench.h"

static struct bench b;
static struct span once; /* the gate's idempotency key */

static void composes(struct span path, struct span query, int64_t length, struct span secret, struct span account,
    const char *origin, const char *want)
{
    struct vendor_secret s = { .secret = secret, .account = account };
    struct compose c = {
        .vendor = &b.vendor, .matched = &b.matched, .head = &b.head, .path = path, .query = query, .length = length, .secret = &s, .once = once
    };
    struct buf head;
    size_t count;
    buf_init(&head, 1 << 16);
    size_t index = vendor_compose(&c, &b.call, &head);
    CHECK_SPAN(buf_span(&head), span_of(want));
    const struct vendor_origin *origins = vendor_origins(&b.vendor, &count);
    CHECK(index < count);
    CHECK_SPAN(origins[index].base_url, span_of(origin));
    buf_free(&head);
}

TEST(a_stripe_head)
{
    bench_open(&b, "stripe", SPAN_NONE);
    bench_field(&b, "host", "gate.example");
    bench_field(&b, "authorization", "Bearer tg_agent");
    bench_field(&b, "content-type", "application/x-www-form-urlencoded");
    bench_field(&b, "stripe-version", "2026-10-28.endive");
    bench_field(&b, "idempotency-key", "stripe-node-retry-1");
    bench_field(&b, "x-stripe-client-telemetry", "{}");
    bench_field(&b, "x-agent-run-id", "run_1");
    bench_field(&b, "cookie", "a=b");
    bench_field(&b, "x-forwarded-for", "10.0.0.1");
    bench_field(&b, "accept-encoding", "gzip");
    bench_field(&b, "x-http-method-override", "DELETE");
    CHECK_INT(bench_ask(&b, "POST", "/v1/charges", "amount=1&currency=usd"), E_OK);
    composes(SPAN("/v1/charges"), SPAN(""), 21, SPAN("sk_test_1"), SPAN_NONE, "https://api.stripe.com",
        "POST /v1/charges HTTP/1.1\r\nhost: api.stripe.com\r\naccept-encoding: identity\r\nauthorization: Bearer sk_test_1\r\n"
        "stripe-version: 2026-10-28.endive\r\n"
        "content-type: application/x-www-form-urlencoded\r\ncontent-length: 21\r\n\r\n");
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/v1/quotes/qt_1/pdf", ""), E_OK);
    composes(SPAN("/v1/quotes/qt_1/pdf"), SPAN("a=1"), 0, SPAN("sk_test_1"), SPAN_NONE, "https://files.stripe.com",
        "GET /v1/quotes/qt_1/pdf?a=1 HTTP/1.1\r\nhost: files.stripe.com\r\naccept-encoding: identity\r\nauthorization: Bearer "
        "sk_test_1\r\n\r\n");
    bench_close(&b);
}

TEST(a_twilio_head)
{
    bench_open(&b, "twilio", SPAN_NONE);
    b.account = SPAN("AC1");
    CHECK_INT(bench_ask(&b, "POST", "/api/2010-04-01/Accounts/AC1/Messages.json", "To=%2B15550100&Body=x"), E_OK);
    composes(SPAN("/api/2010-04-01/Accounts/AC1/Messages.json"), SPAN(""), 23, SPAN("token"), SPAN("AC1"),
        "https://api.twilio.com",
        "POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\nhost: api.twilio.com\r\naccept-encoding: identity\r\n"
        "authorization: Basic QUMxOnRva2Vu\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 23\r\n\r\n");
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", "/verify/v2/Services/VA1", ""), E_OK);
    composes(SPAN("/verify/v2/Services/VA1"), SPAN(""), 0, SPAN("token"), SPAN("AC1"), "https://verify.twilio.com",
        "GET /v2/Services/VA1 HTTP/1.1\r\nhost: verify.twilio.com\r\naccept-encoding: identity\r\nauthorization: Basic "
        "QUMxOnRva2Vu\r\n\r\n");
    bench_close(&b);
}

TEST(a_resend_head)
{
    bench_open(&b, "resend", SPAN_NONE);
    bench_field(&b, "user-agent", "resend-node:6.38.0");
    bench_field(&b, "idempotency-key", "k");
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"c@d.example\"}"), E_OK);
    composes(SPAN("/emails"), SPAN(""), -1, SPAN("re_1"), SPAN_NONE, "https://api.resend.com",
        "POST /emails HTTP/1.1\r\nhost: api.resend.com\r\naccept-encoding: identity\r\nauthorization: Bearer re_1\r\n"
        "user-agent: resend-node:6.38.0\r\ncontent-type: application/json\r\ntransfer-encoding: "
        "chunked\r\n\r\n");
    bench_close(&b);
}

TEST(an_openai_head_with_and_without_v1)
{
    static const char want[] = "POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\naccept-encoding: identity\r\n"
                               "authorization: Bearer sk-1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n";
    bench_open(&b, "openai", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/v1/chat/completions", "{}"), E_OK);
    CHECK_SPAN(b.matched.operation->dialect, SPAN("openai_chat"));
    CHECK_SPAN(b.matched.operation->name, SPAN("openai.chat.completions"));
    composes(SPAN("/v1/chat/completions"), SPAN(""), 2, SPAN("sk-1"), SPAN_NONE, "https://api.openai.com", want);
    CHECK_INT(bench_ask(&b, "POST", "/chat/completions", "{}"), E_OK);
    composes(SPAN("/chat/completions"), SPAN(""), 2, SPAN("sk-1"), SPAN_NONE, "https://api.openai.com", want);
    bench_close(&b);
}

TEST(an_anthropic_head_has_a_version)
{
    bench_open(&b, "anthropic", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/v1/messages", "{}"), E_OK);
    composes(SPAN("/v1/messages"), SPAN(""), 2, SPAN("sk-ant\r\nx: y"), SPAN_NONE, "https://api.anthropic.com",
        "POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\naccept-encoding: identity\r\nx-api-key: sk-ant  x: y\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n");
    bench_fresh(&b);
    bench_field(&b, "anthropic-version", "2024-01-01");
    bench_field(&b, "anthropic-beta", "x");
    CHECK_INT(bench_ask(&b, "GET", "/v1/models", ""), E_OK);
    composes(SPAN("/v1/models"), SPAN(""), 0, SPAN("k"), SPAN_NONE, "https://api.anthropic.com",
        "GET /v1/models HTTP/1.1\r\nhost: api.anthropic.com\r\naccept-encoding: identity\r\nx-api-key: k\r\nanthropic-version: "
        "2024-01-01\r\n"
        "anthropic-beta: x\r\n\r\n");
    bench_close(&b);
}

TEST(a_configured_base_url_is_the_only_origin)
{
    size_t count;
    bench_open(&b, "stripe", SPAN("http://127.0.0.1:4010/mock/"));
    vendor_origins(&b.vendor, &count);
    CHECK_INT(count, 1);
    CHECK_INT(bench_ask(&b, "GET", "/v1/quotes/qt_1/pdf", ""), E_OK);
    composes(SPAN("/v1/quotes/qt_1/pdf"), SPAN(""), 0, SPAN("k"), SPAN_NONE, "http://127.0.0.1:4010/mock/",
        "GET /mock/v1/quotes/qt_1/pdf HTTP/1.1\r\nhost: 127.0.0.1:4010\r\naccept-encoding: identity\r\nauthorization: Bearer "
        "k\r\n\r\n");
    bench_close(&b);
    bench_open(&b, "openai", SPAN("http://localhost:11434/v1"));
    CHECK_INT(bench_ask(&b, "GET", "/v1/models", ""), E_OK);
    composes(SPAN("/models"), SPAN(""), 0, SPAN("k"), SPAN_NONE, "http://localhost:11434/v1",
        "GET /v1/models HTTP/1.1\r\nhost: localhost:11434\r\naccept-encoding: identity\r\nauthorization: Bearer k\r\n\r\n");
    bench_close(&b);
}

static struct span presented(const char *name, const char *value, const char *query)
{
    bench_fresh(&b);
    if (name)
        bench_field(&b, name, value);
    return vendor_presented_key(&b.vendor, &b.head, span_of(query), &b.call);
}

TEST(keys_are_found_where_sdks_put_them)
{
    bench_open(&b, "stripe", SPAN_NONE);
    CHECK_SPAN(presented("authorization", "Bearer tg_1", ""), SPAN("tg_1"));
    CHECK_SPAN(presented("authorization", "bearer  tg_1 ", ""), SPAN("tg_1"));
    CHECK_SPAN(presented("authorization", "Basic dGdfMTo=", ""), SPAN("tg_1"));
    CHECK_SPAN(presented("x-portkey-api-key", "tg_1", ""), SPAN("tg_1"));
    CHECK(presented("authorization", "Bearer ", "").at == NULL);
    CHECK(presented("authorization", "Basic !!", "").at == NULL);
    CHECK(presented("x-api-key", "tg_1", "").at == NULL);
    CHECK(presented(NULL, NULL, "key=tg_1").at == NULL);
    bench_close(&b);
    bench_open(&b, "twilio", SPAN_NONE);
    CHECK_SPAN(presented("authorization", "Basic QUMxOnRnXzE=", ""), SPAN("tg_1")); /* AC1:tg_1 */
    CHECK_SPAN(presented("authorization", "Basic dGdfMTp4", ""), SPAN("tg_1"));     /* tg_1:x */
    CHECK_SPAN(presented("authorization", "Basic U0sxOnRnXzE=", ""), SPAN("tg_1")); /* SK1:tg_1 */
    CHECK_SPAN(vendor_any_presented_key(&b.head, SPAN_NONE, &b.call), SPAN("tg_1"));
    bench_close(&b);
    bench_open(&b, "anthropic", SPAN_NONE);
    CHECK_SPAN(presented("x-api-key", "tg_1", ""), SPAN("tg_1"));
    CHECK_SPAN(presented("authorization", "Bearer tg_1", ""), SPAN("tg_1"));
    CHECK_SPAN(vendor_any_presented_key(&b.head, SPAN_NONE, &b.call), SPAN("tg_1"));
    bench_fresh(&b);
    CHECK_SPAN(vendor_any_presented_key(&b.head, SPAN("a=1&key=tg%5F1"), &b.call), SPAN("tg_1"));
    CHECK(vendor_any_presented_key(&b.head, SPAN("a=1&k=2"), &b.call).at == NULL);
    bench_field(&b, "authorization", "Basic QUMxOnRnXzE=");
    CHECK_SPAN(vendor_any_presented_key(&b.head, SPAN_NONE, &b.call), SPAN("tg_1"));
    bench_close(&b);
}

TEST(answers_lose_what_leads_out_of_the_gate)
{
    struct http_field *fields;
    size_t count;
    bench_open(&b, "stripe", SPAN_NONE);
    bench_field(&b, "content-type", "application/json");
    bench_field(&b, "set-cookie", "a=b");
    bench_field(&b, "location", "https://elsewhere.example");
    bench_field(&b, "request-id", "req_1");
    bench_field(&b, "transfer-encoding", "chunked");
    bench_field(&b, "content-length", "3");
    bench_field(&b, "connection", "close");
    bench_field(&b, "alt-svc", "h3");
    bench_field(&b, "idempotent-replayed", "true");
    vendor_answer_fields(&b.vendor, &b.head, &b.call, &fields, &count);
    CHECK_INT(count, 3);
    CHECK_SPAN(fields[0].name, SPAN("content-type"));
    CHECK_SPAN(fields[1].name, SPAN("request-id"));
    CHECK_SPAN(fields[2].name, SPAN("idempotent-replayed"));
    bench_close(&b);
}

TEST(refusals_do_not_repeat_what_was_sent)
{
    static const struct {
        const char *target, *body;
    } asked[] = { { "/v1/charges", "amount=tg_hidden&currency=usd" }, { "/v1/charges", "customer=tg_hidden&customer=tg_hidden" },
        { "/v1/charges?tg_hidden=1", "amount=1" }, { "/v1/tg_hidden%2F", "" }, { "/v1/charges", "a[tg_hidden=1" } };
    bench_open(&b, "stripe", SPAN_NONE);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        bench_fresh(&b);
        bench_field(&b, "authorization", "Bearer tg_hidden");
        CHECK_INT(bench_ask(&b, "POST", asked[i].target, asked[i].body), E_NOT_CANONICAL);
        CHECK(span_find(b.why, SPAN("tg_hidden")) < 0);
    }
    bench_close(&b);
}

TEST(a_secret_in_the_query_replaces_the_key)
{
    CHECK_INT(
        bench_read(&b, "vendor: gem\nbase_url: https://g.example\nkey_in: [query:key, header:x-goog-api-key]\nsend: query:key\n"
                       "operations:\n  models: GET /v1/models\n"),
        E_OK);
    CHECK_INT(bench_ask(&b, "GET", "/v1/models?a=1&key=tg_1", ""), E_OK);
    CHECK_SPAN(b.understood.query, SPAN("a=1"));
    CHECK_SPAN(presented(NULL, NULL, "a=1&key=tg_1"), SPAN("tg_1"));
    composes(SPAN("/v1/models"), SPAN("a=1&key=tg_1&b=2"), 0, SPAN("se&cret"), SPAN_NONE, "https://g.example",
        "GET /v1/models?a=1&b=2&key=se%26cret HTTP/1.1\r\nhost: g.example\r\naccept-encoding: identity\r\n\r\n");
    bench_close(&b);
}
