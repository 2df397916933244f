/* SPDX-License-Identifier: Apache-2.0
 * guard_test.c - secrets in answers are blotted out, and nothing else changes; Link fields lead back through the gate. */
#include "test/unit/vendor/bench.h"

#define TOP "vendor: own\nbase_url: https://api.own.example\norigins: { files: { base_url: https://files.own.example, prefix: /files } }\nkey_in: bearer\nsend: bearer\n"
#define SECRETS                                                                                                                   \
    TOP "redact: [answer.auth_token, \"answer.**.secret\", answer.keys.*, \"answer.~X-Token\", answer.list.*.a.b]\noperations:\n"    \
        "  a: GET /a\n  b: { call: GET /b, redact: [answer.own] }\n  c: { call: GET /c, redact: [] }\n"
#define HIDDEN "\"[hidden by tollgate]\""

static struct bench b;

static void open_it(const char *yaml)
{
    if (bench_read(&b, yaml))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
}

static const struct operation *operation(size_t index)
{
    size_t count;
    return &vendor_operations(&b.vendor, &count)[index];
}

static void guards(size_t index, const char *body, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    bool passed = vendor_guard(b.json, &b.vendor, operation(index), span_of(body), &out);
    if (passed != (want != NULL) || (want && !span_is(buf_span(&out), span_of(want))))
        test_fail(__FILE__, __LINE__, "%s gives %.*s, wanted %s", body, SPAN_ARG(buf_span(&out)), want ? want : "nothing");
    buf_free(&out);
}

TEST(secrets_are_hidden_and_nothing_else_changes)
{
    open_it(SECRETS);
    CHECK(vendor_guards(&b.vendor, operation(0)) && vendor_guards(&b.vendor, operation(1)) && !vendor_guards(&b.vendor, operation(2)));
    guards(0, "{\"auth_token\":\"abc\",\"id\":1}", "{\"auth_token\":" HIDDEN ",\"id\":1}");
    guards(0, " { \"auth_token\" : { \"x\" : [1,\"]}\"] } , \"n\" : 1.50e+3 }\n", " { \"auth_token\" : " HIDDEN " , \"n\" : 1.50e+3 }\n");
    guards(0, "{\"a\":{\"auth_token\":\"elsewhere\"}}", "{\"a\":{\"auth_token\":\"elsewhere\"}}");
    guards(0, "{\"secret\":1,\"a\":[[{\"secret\":[1]}]],\"metadata\":{\"secret\":true}}",
        "{\"secret\":" HIDDEN ",\"a\":[[{\"secret\":" HIDDEN "}]],\"metadata\":{\"secret\":" HIDDEN "}}");
    guards(0, "{\"keys\":[\"a\",{\"b\":1},null,2],\"keys2\":[\"a\"]}", "{\"keys\":[" HIDDEN "," HIDDEN ",null," HIDDEN "],\"keys2\":[\"a\"]}");
    guards(0, "{\"x-TOKEN\":\"a\",\"s\\u0065cret\":\"b\",\"sec\\\"ret\":\"c\"}", "{\"x-TOKEN\":" HIDDEN ",\"s\\u0065cret\":" HIDDEN ",\"sec\\\"ret\":\"c\"}");
    guards(0, "{\"secret\":null,\"secret\":\"\",\"secret\":\"again\"}", "{\"secret\":null,\"secret\":" HIDDEN ",\"secret\":" HIDDEN "}");
    guards(0, "{\"list\":[{\"a\":{\"b\":1,\"c\":2}},{\"a\":[{\"b\":1}]}],\"e\":\"\\\\\"}", "{\"list\":[{\"a\":{\"b\":" HIDDEN ",\"c\":2}},{\"a\":[{\"b\":1}]}],\"e\":\"\\\\\"}");
    guards(0, "[{\"secret\":\"x\"},{},[],\"secret\",true]", "[{\"secret\":" HIDDEN "},{},[],\"secret\",true]");
    guards(0, "{}", "{}");
    guards(0, "\"text\"", "\"text\"");
    guards(1, "{\"own\":1,\"auth_token\":2,\"x\":3}", "{\"own\":" HIDDEN ",\"auth_token\":" HIDDEN ",\"x\":3}");
    bench_close(&b);
}

TEST(what_cannot_be_read_is_not_passed_on)
{
    open_it(SECRETS);
    guards(0, "", "");
    guards(0, "<xml><secret>x</secret></xml>", NULL);
    guards(0, "{\"secret\":\"x\"", NULL);
    guards(0, "{\"secret\":\"x\"} {\"secret\":\"y\"}", NULL);
    guards(0, "{\"a\":\"\xff\"}", NULL);
    bench_close(&b);
}

static void refused(const char *redact)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK(bench_read(&b, arena_print(&a, TOP "%s\noperations: { a: GET /a }\n", redact).at) == E_CONFIG);
    CHECK(span_find(span_of(b.trouble.text), SPAN("redact")) >= 0);
    bench_close(&b);
    arena_free(&a);
}

TEST(redact_names_fields_of_the_answer)
{
    refused("redact: answer.secret");
    refused("redact: [body.secret]");
    refused("redact: [answer]");
    refused("redact: [\"answer.**\"]");
    refused("redact: [secret]");
    refused("redact: [answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,answer.a,"
            "answer.a,answer.a,answer.a,answer.a]");
}

static void links(const char *field, const char *want)
{
    bench_fresh(&b);
    bench_field(&b, "link", field);
    struct span got = vendor_link_field(&b.vendor, &b.head, SPAN("http://gate:8080/own"), &b.call);
    if (!span_is(got, span_of(want)) || !!got.at != !!*want)
        test_fail(__FILE__, __LINE__, "%s gives %.*s, wanted %s", field, SPAN_ARG(got), want);
}

TEST(link_fields_lead_back_through_the_gate)
{
    open_it(TOP "rewrite_links: true\noperations: { a: GET /a }\n");
    links("<https://api.own.example/a?page=2>; rel=\"next\", <https://files.own.example/x>; rel=\"last\"",
        "<http://gate:8080/own/a?page=2>; rel=\"next\", <http://gate:8080/own/files/x>; rel=\"last\"");
    links("</a?page=2,3>; title=\"a, <b>; \\\" c\"; rel=next", "<http://gate:8080/own/a?page=2,3>; title=\"a, <b>; \\\" c\"; rel=next");
    links("<https://docs.own.example/>; rel=\"deprecation\",<https://api.own.example/a>;rel=x", "<http://gate:8080/own/a>;rel=x");
    links("<https://api.own.example.evil.example/a>; rel=next", "");
    links("<https://api.own.example@evil.example/a>; rel=next", "");
    links("<//evil.example/a>; rel=next", "");
    links("https://api.own.example/a; rel=next", "");
    links("<>; rel=next", "");
    links("<https://api.own.example/a", "");
    bench_fresh(&b);
    CHECK(!vendor_link_field(&b.vendor, &b.head, SPAN("http://gate"), &b.call).at);
    bench_close(&b);
    open_it(TOP "operations: { a: GET /a }\n");
    links("<https://api.own.example/a>; rel=next", "");
    bench_close(&b);
}

TEST(links_in_bodies_may_be_written_in_other_ways)
{
    struct buf out;
    open_it(TOP "rewrite_links: true\noperations: { a: GET /a }\n");
    buf_init(&out, 1 << 16);
    vendor_rewrite_links(&b.vendor, SPAN("http://gate/own"), SPAN("\"https:\\/\\/api.own.example\\/a\" \"http\" \"http://api.own.example/\" \"https://api.own.example\""), &out);
    CHECK_SPAN(buf_span(&out), SPAN("\"http://gate/own\\/a\" \"http\" \"http://api.own.example/\" \"http://gate/own\""));
    buf_free(&out);
    bench_close(&b);
}
