/* SPDX-License-Identifier: Apache-2.0
 * llm_test.c - what manifests of language models need: places in addresses, models in paths, paths of the vendor's own, service
 * accounts, session tokens, servers without a key. */
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/digest.h"
#include "base/text.h"
#include "test/unit/vendor/bench.h"

#define NOW INT64_C(1795262400000)
#define TOP "vendor: v\nbase_url: https://v.example\nkey_in: bearer\nsend: bearer\n"

static struct bench b;
static struct vendor_secret secret = { .secret = { "s3cret", 6 }, .key_id = { "id-1", 4 } };

static bool has(struct span s, const char *part) { return s.at && span_find(s, span_of(part)) >= 0; }

static struct span head_of(const char *path, const char *query, struct span body)
{
    struct compose c = { .vendor = &b.vendor, .matched = &b.matched, .head = &b.head, .path = span_of(path), .query = span_of(query),
        .length = (int64_t)body.len, .body = body, .secret = &secret, .token = SPAN("tok"), .settings = b.settings, .now_ms = NOW };
    struct buf head;
    buf_init(&head, 1 << 16);
    vendor_compose(&c, &b.call, &head);
    struct span out = head.broken ? SPAN_NONE : arena_copy(&b.call, buf_span(&head));
    buf_free(&head);
    return out;
}

static bool calls(const char *method, const char *path, const char *query, const char *line)
{
    bench_fresh(&b);
    if (!vendor_match(&b.vendor, span_of(method), span_of(path), &b.matched))
        return false;
    struct span head = head_of(path, query, SPAN(""));
    bool fits = span_starts(head, span_of(line));
    if (!fits)
        printf("  want %s, got %.*s\n", line, SPAN_ARG(head));
    return fits;
}

/* ---- paths ---- */

TEST(a_path_of_the_vendor_s_own_takes_what_the_caller_s_had_in_its_places)
{
    CHECK_INT(bench_read(&b, TOP "optional_prefix: /v1\norigins: { other: https://o.example/x }\noperations:\n"
                                 "  a: { call: \"POST /v1/chat\", upstream: /text/chat }\n"
                                 "  b: { call: \"POST /v1/runs/{id}/on/{model}\", upstream: \"/{model}/run/{id}\", origin: other }\n"), E_OK);
    CHECK(calls("POST", "/v1/chat", "", "POST /text/chat HTTP/1.1\r\nhost: v.example\r\n"));
    CHECK(calls("POST", "/chat", "x=1", "POST /text/chat?x=1 HTTP/1.1\r\nhost: v.example\r\n"));
    CHECK(calls("POST", "/v1/runs/7/on/a%3Ab", "", "POST /x/a%3Ab/run/7 HTTP/1.1\r\nhost: o.example\r\n"));
    bench_close(&b);
}

TEST(a_default_query_gives_way_to_the_caller_s)
{
    CHECK_INT(bench_read(&b, TOP "default_query: api-version=1&z=2\noperations:\n  a: POST /a\n"), E_OK);
    CHECK(calls("POST", "/a", "", "POST /a?api-version=1&z=2 HTTP/1.1\r\n"));
    CHECK(calls("POST", "/a", "api-version=9", "POST /a?api-version=9&z=2 HTTP/1.1\r\n"));
    CHECK(calls("POST", "/a", "q=z=2&z", "POST /a?q=z=2&z&api-version=1 HTTP/1.1\r\n"));
    bench_close(&b);
}

TEST(the_longest_prefix_that_fits_is_taken_off)
{
    CHECK_INT(bench_read(&b, TOP "ignored_prefix: [/v1, /v1/x, /api]\noperations:\n  a: POST /a\n  xa: POST /x/b\n"), E_OK);
    CHECK(calls("POST", "/v1/a", "", "POST /a HTTP/1.1\r\n"));
    CHECK(calls("POST", "/v1/x/a", "", "POST /a HTTP/1.1\r\n"));
    CHECK(calls("POST", "/api/a", "", "POST /a HTTP/1.1\r\n"));
    CHECK(!vendor_match(&b.vendor, SPAN("POST"), SPAN("/v1/x/b"), &b.matched)); /* taken off whole */
    CHECK(calls("POST", "/api/x/b", "", "POST /x/b HTTP/1.1\r\n"));
    CHECK(!vendor_match(&b.vendor, SPAN("POST"), SPAN("/v2/a"), &b.matched));
    bench_close(&b);
}

TEST(a_model_is_read_from_the_path)
{
    CHECK_INT(bench_read(&b, TOP "operations:\n  a: { call: \"POST /models/{model}:run\", dialect: gemini, model: path.model, models: [\"gemini*\", \"gemma*\"], query: alt=sse }\n"
                                 "  b: { call: \"POST /run/{owner}/{name}\", dialect: rerank, model: path.owner/name }\n  c: { call: \"POST /c\", dialect: openai_chat, streams: true }\n"), E_OK);
    bench_fresh(&b);
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/models/a%3Ab%40c:run"), &b.matched));
    CHECK_SPAN(vendor_path_model(&b.matched, &b.call), SPAN("a:b@c"));
    CHECK_SPAN(b.matched.operation->query, SPAN("alt=sse"));
    CHECK(operation_serves(b.matched.operation, SPAN("gemma-3")) && !operation_serves(b.matched.operation, SPAN("claude")));
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/run/nvidia/llama-1"), &b.matched));
    CHECK_SPAN(vendor_path_model(&b.matched, &b.call), SPAN("nvidia/llama-1"));
    CHECK(vendor_match(&b.vendor, SPAN("POST"), SPAN("/c"), &b.matched));
    CHECK(!vendor_path_model(&b.matched, &b.call).at && b.matched.operation->streams && operation_serves(b.matched.operation, SPAN("any")));
    bench_close(&b);
}

/* ---- places in addresses ---- */

static const char places[] = "vendor: v\nbase_url: https://{region}.v.example/{account}\nkey_in: bearer\nsend: bearer\nfill: { region: a region, account: an account, project: a project }\n"
                             "settings: { region: eu }\noperations:\n  a: \"POST /p/{project}/m/{model}\"\n";

static const struct node *tree(struct arena *a, const char *yaml)
{
    struct node *root;
    struct trouble t = { .set = false };
    must(node_read_yaml(a, "t.yaml", span_of(yaml), &root, &t) == E_OK);
    return root;
}

TEST(places_are_filled_with_settings)
{
    struct arena a;
    struct trouble t = { .set = false };
    arena_init(&a, 1 << 20);
    const struct node *root = tree(&a, places), *filled = vendor_fill(&a, root, tree(&a, "settings: { account: acc-1, project: p.1 }"), false, SPAN("v"), &t);
    CHECK(filled && !t.set);
    CHECK_SPAN(node_get(filled, "base_url")->text, SPAN("https://eu.v.example/acc-1"));
    CHECK_SPAN(node_get(node_get(filled, "operations"), "a")->text, SPAN("POST /p/p.1/m/{model}"));
    CHECK_SPAN(node_get(root, "base_url")->text, SPAN("https://{region}.v.example/{account}")); /* the manifest stays */
    /* An address of the operator's own needs no parts of the vendor's. */
    filled = vendor_fill(&a, root, tree(&a, "settings: { project: p1 }"), true, SPAN("v"), &t);
    CHECK(filled && !t.set);
    CHECK(!vendor_fill(&a, root, tree(&a, "settings: { account: a }"), true, SPAN("v"), &t) && has(span_of(t.text), "settings.project"));
    /* The manifest alone can be looked at. */
    t.set = false;
    CHECK_SPAN(node_get(vendor_fill_guess(&a, root, &t), "base_url")->text, SPAN("https://eu.v.example/account"));
    arena_free(&a);
}

TEST(what_is_filled_in_is_one_part_of_an_address)
{
    static const char *const bad[] = { "evil.example/x", "a@evil.example", "evil.example#", "a:b", "..", "-a", ".a", "a..b", "a b", "http://x", "a?b", "a%2fb", "\\\\x" };
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct trouble t = { .set = false };
        struct span yaml = arena_print(&a, "settings: { account: '%s', project: p }", bad[i]);
        CHECK(!vendor_fill(&a, tree(&a, places), tree(&a, yaml.at), false, SPAN("v"), &t));
        CHECK(has(span_of(t.text), "vendors.v.settings.account") && has(span_of(t.text), "an account"));
    }
    arena_free(&a);
}

TEST(googles_global_location_has_a_host_without_it)
{
    static const char text[] = "vendor: v\nbase_url: https://{place-}v.example\nkey_in: bearer\nsend: bearer\nfill: { place: a place }\noperations:\n  a: \"POST /p/{place}\"\n";
    struct arena a;
    struct trouble t = { .set = false };
    arena_init(&a, 1 << 20);
    const struct node *filled = vendor_fill(&a, tree(&a, text), tree(&a, "settings: { place: global }"), false, SPAN("v"), &t);
    CHECK_SPAN(node_get(filled, "base_url")->text, SPAN("https://v.example"));
    CHECK_SPAN(node_get(node_get(filled, "operations"), "a")->text, SPAN("POST /p/global"));
    filled = vendor_fill(&a, tree(&a, text), tree(&a, "settings: { place: us-east5 }"), false, SPAN("v"), &t);
    CHECK_SPAN(node_get(filled, "base_url")->text, SPAN("https://us-east5-v.example"));
    arena_free(&a);
}

/* ---- keys ---- */

TEST(a_server_without_a_key_gets_none)
{
    CHECK_INT(bench_read(&b, "vendor: v\nbase_url: http://127.0.0.1:8000\nkey_in: bearer\nsend: none\noperations:\n  a: GET /a\n"), E_OK);
    CHECK(b.vendor.keyless && !b.vendor.needs_key_id);
    bench_fresh(&b);
    bench_field(&b, "authorization", "Bearer tg_agent");
    CHECK_INT(bench_ask(&b, "GET", "/a", ""), E_OK);
    CHECK_SPAN(head_of("/a", "", SPAN("")), SPAN("GET /a HTTP/1.1\r\nhost: 127.0.0.1:8000\r\naccept-encoding: identity\r\n\r\n"));
    bench_close(&b);
}

/* The signature was worked out by another implementation of the published steps. */
TEST(a_session_token_is_signed_and_sent)
{
    static const char path[] = "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse";
    CHECK_INT(bench_read(&b, "vendor: v\nbase_url: https://bedrock-runtime.eu-west-1.amazonaws.com\nkey_in: sigv4\nsend: { sigv4: { service: bedrock, region: eu-west-1 } }\noperations:\n"
                             "  a: \"POST /model/{model}/converse\"\n"), E_OK);
    bench_fresh(&b);
    bench_field(&b, "content-type", "application/json");
    bench_field(&b, "x-amz-security-token", "the-agent-s");
    CHECK(vendor_match(&b.vendor, SPAN("POST"), span_of(path), &b.matched));
    secret.secret = SPAN("SECRET:TOKEN/+==");
    struct span head = head_of(path, "", SPAN("{\"messages\":[]}"));
    CHECK(has(head, "\r\nx-amz-security-token: TOKEN/+==\r\nauthorization: AWS4-HMAC-SHA256 Credential=id-1/20261121/eu-west-1/bedrock/aws4_request, "
                    "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
                    "Signature=be90ff84304221daadf2eeaeb320b2ba5938b172ed85688bb517ef6e1549e876\r\n"));
    CHECK(!has(head, "the-agent-s") && !has(head, "SECRET"));
    secret.secret = SPAN("s3cret");
    bench_close(&b);
}

/* ---- service accounts ---- */

static char key_file[8192];
static EVP_PKEY *pair;

static void make_key_file(int bits)
{
    EVP_PKEY_free(pair);
    pair = EVP_RSA_gen((unsigned)bits);
    BIO *out = BIO_new(BIO_s_mem());
    char *pem;
    must(pair && out && PEM_write_bio_PrivateKey(out, pair, NULL, NULL, 0, NULL, NULL) == 1);
    long len = BIO_get_mem_data(out, &pem);
    size_t at = (size_t)snprintf(key_file, sizeof(key_file), "{\n  \"type\": \"service_account\",\n  \"note\": \"private_key\",\n  \"private_key_id\" : \"k\\u003d1\",\n  \"private_key\": \"");
    for (long i = 0; i < len; i++)
        at += (size_t)snprintf(key_file + at, sizeof(key_file) - at, pem[i] == '\n' ? "\\n" : "%c", pem[i]);
    snprintf(key_file + at, sizeof(key_file) - at, "\",\n  \"client_email\": \"sa@p.iam.gserviceaccount.com\",\n  \"token_uri\": \"https://evil.example/token\",\n  \"auth_uri\": \"https://evil.example/\"\n}\n");
    BIO_free(out);
}

static struct span token_request(struct span *host)
{
    struct buf request;
    size_t count;
    buf_init(&request, 1 << 16);
    struct vendor_secret s = { .secret = span_of(key_file) };
    *host = vendor_origins(&b.vendor, &count)[vendor_token_request(&b.vendor, &s, NOW, &request)].base_url;
    struct span out = request.broken ? SPAN_NONE : arena_copy(&b.call, buf_span(&request));
    buf_free(&request);
    return out;
}

/* Part `index` of a token. */
static struct span part_of(struct span jwt, int index)
{
    struct span rest = jwt, piece = SPAN_NONE;
    for (int i = 0; i <= index; i++)
        must(span_next(&rest, '.', &piece));
    return text_base64_decode(piece, &b.call);
}

static bool is_signed(struct span jwt)
{
    ptrdiff_t last = -1;
    for (size_t i = 0; i < jwt.len; i++)
        if (jwt.at[i] == '.')
            last = (ptrdiff_t)i;
    struct span signature = part_of(jwt, 2);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = last > 0 && signature.at && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len, (const unsigned char *)jwt.at, (size_t)last) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static void open_account(const char *base_url)
{
    bench_open(&b, "vertex", base_url ? span_of(base_url) : SPAN_NONE);
    bench_fresh(&b);
}

TEST(a_service_account_signs_for_google_and_nobody_else)
{
    static const char grant[] = "\r\n\r\ngrant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    struct span host;
    open_account(NULL);
    make_key_file(2048);
    CHECK(b.vendor.brokered && b.vendor.key_file && !b.vendor.needs_key_id);
    struct span request = token_request(&host);
    CHECK_SPAN(host, SPAN("https://oauth2.googleapis.com"));
    CHECK(span_starts(request, SPAN("POST /token HTTP/1.1\r\nhost: oauth2.googleapis.com\r\n")) && !has(request, "evil") && !has(request, "authorization"));
    ptrdiff_t at = span_find(request, span_of(grant));
    CHECK(at > 0);
    struct span jwt = span_from(request, (size_t)at + sizeof(grant) - 1);
    CHECK(is_signed(jwt));
    CHECK_SPAN(part_of(jwt, 0), SPAN("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k=1\"}"));
    CHECK_SPAN(part_of(jwt, 1), SPAN("{\"iss\":\"sa@p.iam.gserviceaccount.com\",\"scope\":\"https://www.googleapis.com/auth/cloud-platform\",\"aud\":\"https://oauth2.googleapis.com/token\","
                                     "\"iat\":1795262400,\"exp\":1795266000}"));
    bench_close(&b);
}

TEST(an_operator_s_address_gets_a_token_that_only_google_takes)
{
    struct span host;
    open_account("http://127.0.0.1:9000/fake");
    make_key_file(2048);
    struct span request = token_request(&host);
    CHECK_SPAN(host, SPAN("http://127.0.0.1:9000/fake"));
    CHECK(span_starts(request, SPAN("POST /fake/token HTTP/1.1\r\nhost: 127.0.0.1:9000\r\n")));
    struct span jwt = span_from(request, (size_t)span_find(request, SPAN("assertion=")) + 10);
    CHECK(is_signed(jwt) && has(part_of(jwt, 1), "\"aud\":\"https://oauth2.googleapis.com/token\""));
    bench_close(&b);
}

static bool fits(const char *text)
{
    const char *why = "";
    bool good = vendor_secret_fits(&b.vendor, span_of(text), &why);
    CHECK(good || strstr(why, "key file"));
    return good;
}

TEST(a_key_file_must_be_one)
{
    open_account(NULL);
    make_key_file(2048);
    CHECK(fits(key_file));
    static const char *const lost[] = { "client_email", "\"private_key\": ", "private_key_id", "BEGIN PRIVATE KEY" };
    for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++) {
        char copy[sizeof(key_file)];
        memcpy(copy, key_file, sizeof(copy));
        strstr(copy, lost[i])[2] = '#';
        CHECK(!fits(copy));
    }
    CHECK(!fits("") && !fits("{}") && !fits("sk-1") && !fits("{\"client_email\":\"a\",\"private_key_id\":\"b\",\"private_key\":\"c\"}"));
    CHECK(!fits("{\"client_email\":\"a\",\"private_key_id\":\"b\",\"private_key\":\"c"));
    make_key_file(1024); /* too short to be trusted */
    CHECK(!fits(key_file));
    EVP_PKEY_free(pair);
    pair = NULL;
    bench_close(&b);
}

TEST(an_ibm_key_is_exchanged)
{
    CHECK_INT(bench_read(&b, "vendor: v\nbase_url: https://v.example\norigins: { token: https://iam.example }\nkey_in: bearer\n"
                             "send: { oauth2: { token: POST /identity/token, origin: token, grant: api_key } }\noperations:\n  a: GET /a\n"), E_OK);
    struct buf request;
    buf_init(&request, 1 << 14);
    CHECK(!b.vendor.needs_key_id);
    CHECK_INT(vendor_token_request(&b.vendor, &secret, NOW, &request), 1);
    CHECK(has(buf_span(&request), "\r\n\r\ngrant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=s3cret"));
    buf_free(&request);
    bench_close(&b);
}

/* ---- mistakes ---- */

TEST(mistakes_are_named)
{
    static const struct {
        const char *text, *said;
    } wrong[] = {
        { TOP "operations:\n  a: { call: POST /a, model: path.model }\n", "operations.a.model" },
        { TOP "operations:\n  a: { call: POST /a, dialect: x, model: path.model }\n", "brackets in the path" },
        { TOP "operations:\n  a: { call: \"POST /{m}\", dialect: x, model: body.m }\n", "path.model" },
        { TOP "operations:\n  a: { call: \"POST /{a}/{b}\", dialect: x, model: path.a/c }\n", "brackets in the path" },
        { TOP "operations:\n  a: { call: POST /a, streams: true }\n", "operations.a.streams" },
        { TOP "operations:\n  a: { call: POST /a, lane: false }\n", "operations.a.lane" },
        { TOP "operations:\n  a: { call: POST /a, upstream: b }\n", "operations.a.upstream" },
        { TOP "operations:\n  a: { call: POST /a, upstream: \"/{b}\" }\n", "places are those" },
        { TOP "operations:\n  a: { call: POST /a, upstream: \"/b?x=1\" }\n", "operations.a.upstream" },
        { TOP "default_query: \"?a=1\"\noperations:\n  a: POST /a\n", "default_query" },
        { TOP "fill: [a]\noperations:\n  a: POST /a\n", "fill" },
        { TOP "quirks: yes\noperations:\n  a: POST /a\n", "quirks" },
        { TOP "ignored_prefix: [/a, b]\noperations:\n  a: POST /a\n", "ignored_prefix" },
        { "vendor: v\nbase_url: https://v.example\nkey_in: none\nsend: bearer\noperations:\n  a: POST /a\n", "key_in" },
        { "vendor: v\nbase_url: https://v.example\nkey_in: bearer\nsend: { oauth2: { token: POST /t, grant: magic } }\noperations:\n  a: POST /a\n", "send.oauth2.grant" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        CHECK_INT(bench_read(&b, wrong[i].text), E_CONFIG);
        if (!has(span_of(b.trouble.text), wrong[i].said))
            test_fail(__FILE__, __LINE__, "%s: %s", wrong[i].said, b.trouble.text);
        bench_close(&b);
    }
}
