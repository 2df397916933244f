/* SPDX-License-Identifier: Apache-2.0
 * in_query_test.c - what a write takes in its query, beside a body that rules read. */
#include "test/unit/vendor/bench.h"

static struct bench b;

/* Whether it is understood; a refusal must say the parameter's name. */
static void check_query(const char *vendor, const char *method, const char *target, const char *body, const char *refused, int line)
{
    bench_open(&b, vendor, SPAN_NONE);
    b.account = SPAN("MA1");
    enum err e = bench_ask(&b, method, target, body);
    bool said = !refused || span_find(b.why, span_of(refused)) >= 0;
    if (e != (refused ? E_NOT_CANONICAL : E_OK) || !said)
        test_fail(__FILE__, line, "%s %s: %d (%.*s)", method, target, (int)e, SPAN_ARG(b.why));
    bench_close(&b);
}
#define TAKES(vendor, method, target, body) check_query(vendor, method, target, body, NULL, __LINE__)
#define REFUSES(vendor, method, target, body, name) check_query(vendor, method, target, body, name, __LINE__)

TEST(what_moves_money_is_told_in_its_body_alone)
{
    static const char text[] = "{\"to\":\"15558675310\",\"from\":\"A\",\"text\":\"hi\"}";
    REFUSES("shopify", "POST", "/admin/api/2024-10/orders/1/refunds.json?refund[transactions][0][amount]=500.00", "{}", "refund[transactions][0][amount]");
    REFUSES("shopify", "POST", "/admin/api/2024-10/orders/1/refunds.json?refund%5Btransactions%5D=1", "{\"refund\":{\"transactions\":[]}}", "refund");
    REFUSES("vonage", "POST", "/sms/json?to=15558675310&text=hi", "{}", "to");
    REFUSES("vonage", "POST", "/sms/json?to=8821612345678", text, "to"); /* a scope of reads: the price is the body's */
    REFUSES("vonage", "POST", "/sms/json?text=hi", text, "text");
    REFUSES("paypal", "POST", "/v1/payments/payouts?items=1", "{\"items\":[]}", "items");
    REFUSES("mailgun", "POST", "/v3/x.example/messages?o:testmode=no", "to=a@x.example", "o:testmode");
    TAKES("vonage", "POST", "/sms/json?api_key=k&api_secret=s", text);
    TAKES("vonage", "POST", "/sms/json", text);
    TAKES("shopify", "PUT", "/admin/api/2024-10/draft_orders/1/complete.json?payment_pending=true", "");
    REFUSES("shopify", "PUT", "/admin/api/2024-10/draft_orders/1/complete.json?payment_pending=true&x=1", "", "x");
    TAKES("hubspot", "PATCH", "/crm/v3/objects/contacts/a@x.example?idProperty=email", "{\"properties\":{}}");
    REFUSES("hubspot", "PATCH", "/crm/v3/objects/contacts/1?properties[x]=y", "{\"properties\":{}}", "properties[x]");
}

TEST(what_only_reads_may_be_asked_in_the_query)
{
    TAKES("shopify", "GET", "/admin/api/2024-10/orders.json?limit=5&fields=id", "");
    TAKES("duffel", "POST", "/air/offer_requests?return_offers=false&supplier_timeout=500", "{\"data\":{}}");
    TAKES("vonage", "GET", "/ni/standard/json?number=15558675310", "");
}

TEST(no_parameter_stands_for_the_method)
{
    REFUSES("messagebird", "GET", "/messages?_method=POST&originator=x&recipients=31612345678&body=hello", "", "_method");
    REFUSES("messagebird", "GET", "/messages?limit=5&_METHOD=POST", "", "_method");
    REFUSES("messagebird", "GET", "/messages?_method[]=POST", "", "_method");
    REFUSES("messagebird", "GET", "/messages?%5Fmethod=POST", "", "_method");
    REFUSES("messagebird", "DELETE", "/messages/m1?_method=PATCH", "", "_method");
    REFUSES("messagebird", "POST", "/messages?_method=GET", "{}", "_method");
    REFUSES("messagebird", "PUT", "/groups/g1/contacts?_method=DELETE", "", "_method");
    REFUSES("stripe", "POST", "/v1/customers", "_method=DELETE", "_method");
    REFUSES("stripe", "POST", "/v1/customers", "_Method=DELETE", "_method");
    TAKES("stripe", "POST", "/v1/customers", "metadata[_method]=x");
    TAKES("messagebird", "GET", "/messages?limit=5&method=x", "");
}

TEST(graphql_says_all_in_its_body)
{
    static const char shop[] = "{\"query\":\"{ shop { name } }\"}", cancel[] = "mutation%7BorderCancel(orderId%3A1)%7Bjob%7Bid%7D%7D%7D";
    char target[256];
    struct span why;
    snprintf(target, sizeof(target), "/admin/api/2024-10/graphql.json?query=%s", cancel);
    const char *const targets[] = { target, "/admin/api/2024-10/graphql.json?operationName=x", "/admin/api/2024-10/graphql.json?variables=x" };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        bench_open(&b, "shopify", SPAN_NONE);
        CHECK_INT(bench_ask(&b, "POST", targets[i], shop), E_NOT_CANONICAL);
        why = b.why;
        CHECK(span_find(why, SPAN("query parameter ")) == 0 && span_find(why, SPAN("GraphQL")) > 0);
        bench_close(&b);
    }
    TAKES("shopify", "POST", "/admin/api/2024-10/graphql.json", shop);
}

TEST(a_manifest_names_what_may_stand_there)
{
#define OWN "vendor: own\nbase_url: https://own.example\nkey_in: [bearer, query:token]\nsend: bearer\nbody: json\ndefault_query: version=2\nin_query: [async]\n" \
            "scopes: { shop: [body.shop, query.shop] }\noperations:\n"                                                                                         \
            "  pay: { call: POST /pay, reserve: { usd: \"when(is(query.kind, 'big'), 5, 1)\" }, in_query: [timeout], scopes: { to: [query.to] }, "              \
            "parameters: { query.~Mode: one } }\n  note: POST /note\n  load: { call: POST /load, body: opaque }\n  form: { call: POST /form, body: form }\n"
    static const struct {
        const char *target;
        enum err want;
    } rows[] = { { "/pay?async=1&timeout=2&kind=big&to=A&mode=x&version=3&token=t", E_OK }, { "/pay?shop=1", E_NOT_CANONICAL }, { "/pay?kinds=big", E_NOT_CANONICAL },
        { "/pay?Async=1", E_NOT_CANONICAL }, { "/pay?async[x]=1", E_OK }, { "/note?shop=1&async=1", E_OK }, { "/note?timeout=2", E_NOT_CANONICAL },
        { "/load?anything=1", E_OK }, { "/form?async=1", E_NOT_CANONICAL } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bench_read(&b, OWN))
            test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
        enum err e = bench_ask(&b, "POST", rows[i].target, "");
        if (e != rows[i].want)
            test_fail(__FILE__, __LINE__, "%s: %d (%.*s)", rows[i].target, (int)e, SPAN_ARG(b.why));
        bench_close(&b);
    }
}
