/* SPDX-License-Identifier: Apache-2.0
 * send_test.c - secrets in several places, in bodies, exchanged for tokens and signed with; and none of it twice or left behind. */
#include "test/unit/vendor/bench.h"

#include "base/digest.h"
#include "base/text.h"

static struct bench b;
static struct vendor_secret secret;
static struct span token, body, type;

static void fresh(void)
{
    bench_fresh(&b);
    secret = (struct vendor_secret){ .secret = SPAN("s3cret"), .key_id = SPAN("id-1"), .account = SPAN("acct-1") };
    token = SPAN_NONE;
    body = SPAN("");
    type = SPAN_NONE;
}

/* The head as it would leave, in the call's memory; SPAN_NONE: it does not. */
static struct span head_at(int64_t now_ms, struct span path, struct span query)
{
    struct compose c = {
        .vendor = &b.vendor, .matched = &b.matched, .head = &b.head, .path = path, .query = query, .length = (int64_t)body.len, .body = body,
        .secret = &secret, .token = token, .content_type = type, .now_ms = now_ms, .settings = b.settings
    };
    struct buf head;
    buf_init(&head, 1 << 16);
    vendor_compose(&c, &b.call, &head);
    struct span out = head.broken ? SPAN_NONE : arena_copy(&b.call, buf_span(&head));
    buf_free(&head);
    return out;
}

static bool has(struct span s, const char *part) { return s.at && span_find(s, span_of(part)) >= 0; }

static void matches(const char *method, const char *target, const char *text)
{
    fresh();
    CHECK_INT(bench_ask(&b, method, target, text), E_OK);
    body = b.understood.body;
}

#define TOP "vendor: v\nbase_url: https://v.example\nbody: json\n"

TEST(a_list_of_fields_replaces_what_the_caller_put_there)
{
    CHECK_INT(bench_read(&b, TOP "key_in: [header:x-secret, body:secret, query:secret]\n"
                                 "send:\n  - { header: x-id, value: key_id }\n  - { header: x-secret, value: secret }\n  - { query: acct, value: account }\n"
                                 "operations:\n  a: POST /a\n  b: GET /b\n"),
        E_OK);
    CHECK(b.vendor.needs_key_id && b.vendor.needs_account && b.vendor.key_in_body && !b.vendor.secret_in_body);
    fresh();
    bench_field(&b, "x-secret", "tg_agent");
    bench_field(&b, "x-id", "anything");
    CHECK_INT(bench_ask(&b, "GET", "/b?x=1&secret=tg_agent&acct=mine", ""), E_OK);
    struct span head = head_at(0, SPAN("/b"), SPAN("x=1&secret=tg_agent&acct=mine"));
    CHECK_SPAN(head, SPAN("GET /b?x=1&acct=acct-1 HTTP/1.1\r\nhost: v.example\r\naccept-encoding: identity\r\nx-id: id-1\r\nx-secret: s3cret\r\n\r\n"));
    bench_close(&b);
}

TEST(a_json_body_is_dressed)
{
    CHECK_INT(bench_read(&b, TOP "key_in: [body:secret]\nsend: [{ body: client_id, value: key_id }, { body: secret }]\noperations:\n  a: POST /a\n  b: GET /b\n"), E_OK);
    CHECK(b.vendor.secret_in_body && b.vendor.key_in_body);
    static const struct {
        const char *in, *out;
    } bodies[] = {
        { "{\"secret\":\"tg_1\",\"client_id\":\"x\",\"n\": 1.50, \"deep\":{\"secret\":\"kept\"}}", "{\"n\":1.50,\"deep\":{\"secret\":\"kept\"},\"client_id\":\"id-1\",\"secret\":\"s3cret\"}" },
        { "{\"s\\u0065cret\":\"tg_1\",\"a\\\"b\":[1,{}]}", "{\"a\\\"b\":[1,{}],\"client_id\":\"id-1\",\"secret\":\"s3cret\"}" },
        { "", "{\"client_id\":\"id-1\",\"secret\":\"s3cret\"}" },
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        matches("POST", "/a", bodies[i].in);
        CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), span_of(bodies[i].out));
    }
    matches("POST", "/a", "[1]");
    CHECK(!vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call).at);
    matches("GET", "/b", "");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN(""));
    /* Nobody said what the body is that the gate alone wrote. */
    matches("POST", "/a", "");
    body = SPAN("{\"secret\":\"s3cret\"}");
    b.head.count = 0;
    CHECK(has(head_at(0, SPAN("/a"), SPAN("")), "content-type: application/json\r\ncontent-length: 19\r\n"));
    bench_close(&b);
}

TEST(what_is_nothing_is_only_taken_out)
{
    CHECK_INT(bench_read(&b, TOP "key_in: [body:secret]\nsend: [bearer, { body: id, query: id, value: nothing }, { body: secret, value: nothing }, { header: x-id, value: nothing }]\n"
                                 "operations:\n  a: POST /a\n  b: { call: POST /b, body: form }\n  c: GET /c\n"),
        E_OK);
    matches("POST", "/a", "{\"id\":1,\"secret\":\"tg_1\",\"x\":2}");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN("{\"x\":2}"));
    matches("POST", "/b", "id=1&x=2");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN("x=2"));
    matches("GET", "/c", "");
    CHECK_SPAN(head_at(0, SPAN("/c"), SPAN("id=1&y=2")), SPAN("GET /c?y=2 HTTP/1.1\r\nhost: v.example\r\naccept-encoding: identity\r\nauthorization: Bearer s3cret\r\n\r\n"));
    bench_close(&b);
}

TEST(a_secret_is_written_as_json_and_as_a_form)
{
    CHECK_INT(bench_read(&b, TOP "key_in: [body:api_secret, query:api_secret]\nsend: [{ body: api_key, query: api_key, value: key_id }, { body: api_secret, query: api_secret }]\n"
                                 "operations:\n  a: { call: POST /a, body: form }\n  b: GET /b\n  c: POST /c\n"),
        E_OK);
    matches("POST", "/a", "text=a%20b&api_secret=tg_1&api_key=x&to=1");
    secret.secret = SPAN("a&b=\"c+");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN("text=a%20b&to=1&api_key=id-1&api_secret=a%26b%3D%22c%2B"));
    CHECK(has(head_at(0, SPAN("/a"), SPAN("")), "POST /a HTTP/1.1\r\n"));
    matches("POST", "/c", "{}");
    secret.secret = SPAN("a\"b\\");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN("{\"api_key\":\"id-1\",\"api_secret\":\"a\\\"b\\\\\"}"));
    matches("GET", "/b", "");
    CHECK(has(head_at(0, SPAN("/b"), SPAN("api_key=mine&z=1")), "GET /b?z=1&api_key=id-1&api_secret=s3cret HTTP/1.1\r\n"));
    bench_close(&b);
}

static struct span key_in(const char *content_type, const char *text)
{
    bench_fresh(&b);
    if (content_type)
        bench_field(&b, "content-type", content_type);
    return vendor_body_key(b.json, &b.vendor, &b.head, span_of(text), &b.call);
}

TEST(keys_are_found_in_bodies)
{
    CHECK_INT(bench_read(&b, TOP "key_in: [bearer, body:secret, body:token]\nsend: bearer\noperations:\n  a: POST /a\n"), E_OK);
    CHECK_SPAN(key_in("application/json", "{\"a\":1,\"secret\":\"tg_1\"}"), SPAN("tg_1"));
    CHECK_SPAN(key_in(NULL, "{\"token\":\"tg_2\"}"), SPAN("tg_2"));
    CHECK_SPAN(key_in("application/x-www-form-urlencoded", "a=1&token=tg%5F3"), SPAN("tg_3"));
    CHECK(!key_in("application/x-www-form-urlencoded", "{\"token\":\"tg_2\"}").at);
    CHECK(!key_in("application/json", "{\"secret\":7,\"x\":{\"secret\":\"tg_1\"}}").at);
    CHECK(!key_in("application/json", "{\"secret\":\"tg_1\"").at);
    CHECK(!key_in("application/json", "").at && !key_in("application/json", "[]").at);
    /* Sent as a bearer: the caller's key must leave the body all the same. */
    matches("POST", "/a", "{\"token\":\"tg_2\",\"x\":1}");
    CHECK_SPAN(vendor_dress_body(b.json, &b.vendor, b.matched.operation, body, &secret, &b.call), SPAN("{\"x\":1}"));
    bench_close(&b);
}

static struct span token_request(void)
{
    struct buf request;
    buf_init(&request, 1 << 14);
    CHECK_INT(vendor_token_request(&b.vendor, &secret, 0, &request), 1);
    struct span out = arena_copy(&b.call, buf_span(&request));
    CHECK(!request.broken);
    buf_free(&request);
    return out;
}

TEST(a_token_is_asked_for_and_sent)
{
    CHECK_INT(bench_read(&b, TOP "origins: { login: https://login.example/x }\nkey_in: bearer\nsend: { oauth2: { token: POST /oauth2/token, scope: a b, origin: login } }\noperations:\n  a: GET /a\n"), E_OK);
    CHECK(b.vendor.brokered && b.vendor.needs_key_id && !vendor_signs(&b.vendor));
    fresh();
    secret.key_id = SPAN("my:id");
    CHECK_SPAN(token_request(), SPAN("POST /x/oauth2/token HTTP/1.1\r\nhost: login.example\r\naccept-encoding: identity\r\naccept: application/json\r\n"
                                     "authorization: Basic bXklM0FpZDpzM2NyZXQ=\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 41\r\n\r\n"
                                     "grant_type=client_credentials&scope=a%20b"));
    matches("GET", "/a", "");
    CHECK(!head_at(0, SPAN("/a"), SPAN("")).at); /* no token, no request */
    token = SPAN("A21AA");
    CHECK_SPAN(head_at(0, SPAN("/a"), SPAN("")), SPAN("GET /a HTTP/1.1\r\nhost: v.example\r\naccept-encoding: identity\r\nauthorization: Bearer A21AA\r\n\r\n"));
    bench_close(&b);
    CHECK_INT(bench_read(&b, TOP "origins: { login: https://login.example }\nkey_in: bearer\nsend: { oauth2: { token: POST /t, credentials: body, origin: login } }\noperations:\n  a: GET /a\n"), E_OK);
    fresh();
    struct span request = token_request();
    CHECK(has(request, "\r\n\r\ngrant_type=client_credentials&client_id=id-1&client_secret=s3cret") && !has(request, "authorization"));
    bench_close(&b);
}

static bool answers(int status, const char *text, struct span *why)
{
    int64_t lasts = 0;
    bool fine = vendor_token_answer(b.json, status, span_of(text), &b.call, &token, &lasts, why);
    return fine && lasts > 0;
}

TEST(a_token_is_read_or_refused)
{
    struct span why = SPAN_NONE;
    int64_t lasts = 0;
    CHECK_INT(bench_read(&b, TOP "key_in: bearer\nsend: { oauth2: { token: POST /t } }\noperations:\n  a: GET /a\n"), E_OK);
    CHECK(vendor_token_answer(b.json, 200, SPAN("{\"access_token\":\"A21\",\"token_type\":\"bearer\",\"expires_in\":32400}"), &b.call, &token, &lasts, &why));
    CHECK_SPAN(token, SPAN("A21"));
    CHECK_INT(lasts, 32400000);
    CHECK(vendor_token_answer(b.json, 200, SPAN("{\"access_token\":\"A21\"}"), &b.call, &token, &lasts, &why));
    CHECK_INT(lasts, 300000);
    CHECK(answers(200, "{\"access_token\":\"A21\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}", &why));
    CHECK(!answers(401, "{\"error\":\"invalid_client\",\"error_description\":\"secret s3cret is wrong\"}", &why));
    CHECK(has(why, "invalid_client") && !has(why, "s3cret"));
    static const char *const bad[] = { "", "[]", "{}", "{\"access_token\":\"\"}", "{\"access_token\":\"a b\"}", "{\"access_token\":\"a\\r\\nb\"}", "{\"access_token\":7}",
        "{\"access_token\":\"A\",\"token_type\":\"mac\"}", "{\"access_token\":\"A\",\"expires_in\":0}", "{\"access_token\":\"A\",\"expires_in\":-5}",
        "{\"access_token\":\"A\",\"expires_in\":\"soon\"}", "{\"access_token\":\"A\",\"expires_in\":1e99}" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!answers(200, bad[i], &why));
    CHECK(!answers(201, "{\"access_token\":\"A21\"}", &why));
    bench_close(&b);
}

/* Two examples of AWS's own page on signatures for S3 (20130524T000000Z, us-east-1), whose signed fields are just ours. */
TEST(a_signature_equals_the_published_ones)
{
    static const struct {
        const char *query, *signature;
    } known[] = {
        { "lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
        { "prefix=J&max-keys=2", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
    };
    CHECK_INT(bench_read(&b, "vendor: s3\nbase_url: https://examplebucket.s3.amazonaws.com\nkey_in: sigv4\nsend: { sigv4: { service: s3, region: setting.region } }\n"
                             "settings: { region: us-east-1 }\noperations:\n  list: GET /x\n"),
        E_OK);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        matches("GET", "/x", "");
        secret.key_id = SPAN("AKIAIOSFODNN7EXAMPLE");
        secret.secret = SPAN("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        struct span head = head_at(1369353600000, SPAN("/"), span_of(known[i].query));
        CHECK(has(head, known[i].signature));
        CHECK(has(head, "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "));
    }
    bench_close(&b);
}

TEST(a_callers_signature_names_its_key_and_goes_no_further)
{
    static const char signature[] = "AWS4-HMAC-SHA256 Credential=tg_1.run_2/20261121/eu-west-1/ses/aws4_request, SignedHeaders=host;x-amz-date, Signature=0123";
    CHECK_INT(bench_read(&b, TOP "key_in: sigv4\nsend: { sigv4: { service: ses, region: setting.region } }\nsettings: { region: us-east-1 }\noperations:\n  a: POST /a\n"), E_OK);
    CHECK(vendor_signs(&b.vendor) && b.vendor.needs_key_id);
    fresh();
    bench_field(&b, "authorization", signature);
    bench_field(&b, "x-amz-date", "20200101T000000Z");
    bench_field(&b, "x-amz-security-token", "theirs");
    CHECK_SPAN(vendor_presented_key(&b.vendor, &b.head, SPAN_NONE, &b.call), SPAN("tg_1.run_2"));
    CHECK_SPAN(vendor_any_presented_key(&b.head, SPAN_NONE, &b.call), SPAN("tg_1.run_2"));
    CHECK_INT(bench_ask(&b, "POST", "/a", "{\"a\":1}"), E_OK);
    body = b.understood.body;
    bench_settings(&b, "region: eu-west-1\n");
    struct span head = head_at(1795262400000, SPAN("/a"), SPAN("b=2&X-Amz-Signature=0&a=%2B+1"));
    CHECK(has(head, "POST /a?a=%2B%201&b=2 HTTP/1.1\r\n"));
    CHECK(has(head, "Credential=id-1/20261121/eu-west-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, "));
    CHECK(!has(head, "tg_1") && !has(head, "0123") && !has(head, "theirs") && !has(head, "20200101") && !has(head, "s3cret"));
    /* What is signed must be what is sent, and where it is valid must be known. */
    body.len--;
    struct compose streamed = { .vendor = &b.vendor, .matched = &b.matched, .head = &b.head, .path = SPAN("/a"), .length = -1, .secret = &secret };
    struct buf out;
    buf_init(&out, 4096);
    vendor_compose(&streamed, &b.call, &out);
    CHECK(out.broken);
    buf_free(&out);
    bench_settings(&b, "region: \"eu west\"\n");
    CHECK(!head_at(1795262400000, SPAN("/a"), SPAN("")).at);
    bench_close(&b);
}

TEST(what_is_no_aws_signature_has_no_key)
{
    static const char *const bad[] = { "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=/x", "AWS4-HMAC-SHA256 Credential=tg_1",
        "AWS3 Credential=tg_1/x", "Bearer tg_1" };
    CHECK_INT(bench_read(&b, TOP "key_in: sigv4\nsend: { sigv4: { service: ses, region: eu-west-1 } }\noperations:\n  a: POST /a\n"), E_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        bench_fresh(&b);
        bench_field(&b, "authorization", bad[i]);
        CHECK(!vendor_presented_key(&b.vendor, &b.head, SPAN_NONE, &b.call).at);
    }
    bench_close(&b);
}

TEST(an_hmac_covers_what_the_manifest_says)
{
    CHECK_INT(bench_read(&b, TOP "key_in: header:x-key\nsend: { hmac: { header: x-signature, prefix: \"v1=\", encoding: hex, timestamp: x-time, key_id: x-key, "
                                 "text: \"{timestamp}\\n{method}\\n{path}?{query}\\n{body}|{body_sha256}|{key_id}\" } }\nin_query: [x]\noperations:\n  a: POST /a\n"),
        E_OK);
    CHECK(vendor_signs(&b.vendor) && b.vendor.needs_key_id);
    matches("POST", "/a?x=1", "{\"a\":1}");
    struct span head = head_at(1795262400123, SPAN("/a"), b.understood.query);
    struct digest whole = digest_sha256(SPAN("{\"a\":1}"));
    struct buf text;
    buf_init(&text, 4096);
    buf_put(&text, SPAN("1795262400\nPOST\n/a?x=1\n{\"a\":1}|"));
    buf_put_hex(&text, span_make((const char *)whole.bytes, DIGEST_LEN));
    buf_put(&text, SPAN("|id-1"));
    struct digest want = digest_hmac(SPAN("s3cret"), buf_span(&text));
    buf_clear(&text);
    buf_put(&text, SPAN("x-time: 1795262400\r\nx-key: id-1\r\nx-signature: v1="));
    buf_put_hex(&text, span_make((const char *)want.bytes, DIGEST_LEN));
    buf_put(&text, SPAN("\r\n"));
    CHECK(span_find(head, buf_span(&text)) > 0);
    CHECK(!has(head, "s3cret"));
    buf_free(&text);
    bench_close(&b);
    CHECK_INT(bench_read(&b, TOP "key_in: bearer\nsend: { hmac: { header: x-signature, encoding: base64, clock: rfc3339, timestamp: x-time, text: \"{timestamp}.{body}\" } }\noperations:\n  a: POST /a\n"), E_OK);
    matches("POST", "/a", "{}");
    head = head_at(1795262400123, SPAN("/a"), SPAN(""));
    CHECK(has(head, "x-time: 2026-11-21T12:00:00.123Z\r\nx-signature: "));
    CHECK(!b.vendor.needs_key_id);
    bench_close(&b);
}

TEST(faults_of_send_are_named)
{
    static const struct {
        const char *send, *said;
    } faults[] = {
        { "send: {}", "a list of" },
        { "send: []", "found" },
        { "send: [bearer, basic_user]", "one word" },
        { "send: sigv4", "sigv4" },
        { "send: [{ header: X-Big }]", "send" },
        { "send: [{ header: x, body: y }]", "send" },
        { "send: [{ value: secret }]", "send" },
        { "send: [{ header: x, value: password }]", "send.value" },
        { "send: { oauth2: {} }", "send.oauth2.token" },
        { "send: { oauth2: { token: GET /t } }", "POST and a path" },
        { "send: { oauth2: { token: POST /t/../u } }", "POST and a path" },
        { "send: { oauth2: { token: POST /t, origin: nowhere } }", "a name of origins" },
        { "send: { oauth2: { token: POST /t, grant: x } }", "grant" },
        { "send: [{ oauth2: { token: POST /t } }, { sigv4: { service: a, region: b } }]", "one of oauth2" },
        { "send: { sigv4: { region: b } }", "send.sigv4.service" },
        { "send: { sigv4: { service: s } }", "send.sigv4.region" },
        { "send: { hmac: { text: \"{body}\" } }", "send.hmac.header" },
        { "send: { hmac: { header: x } }", "send.hmac.text" },
        { "send: { hmac: { header: x, text: \"{body}{nonce}\" } }", "send.hmac.text" },
        { "send: { hmac: { header: x, text: \"{body}{path\" } }", "send.hmac.text" },
        { "send: { hmac: { header: x, text: \"{path}\" } }", "change what was signed" },
        { "send: { hmac: { header: x, hash: md5, text: \"{body}\" } }", "sha256" },
        { "send: header:x-key\nrequest_headers: [x-key]", "no key, secret" },
        { "send: bearer\nrequest_headers: [authorization]", "no key, secret" },
        { "send: { sigv4: { service: s, region: r } }\ndefault_headers: { x-amz-security-token: t }", "no key, secret" },
        { "send: { hmac: { header: x-sig, text: \"{body}\" } }\nrequest_headers: [x-sig]", "no key, secret" },
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%skey_in: bearer\n%s\noperations:\n  a: POST /a\n", TOP, faults[i].send);
        CHECK_INT(bench_read(&b, text), E_CONFIG);
        if (!has(span_of(b.trouble.text), faults[i].said))
            test_fail(__FILE__, __LINE__, "%s: %s", faults[i].send, b.trouble.text);
        bench_close(&b);
    }
}
