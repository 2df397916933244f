/* SPDX-License-Identifier: Apache-2.0
 * resend_test.c - the built-in Resend manifest: recipients are counted, each is a scope. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

static struct bench b;

TEST(mails_cost_their_recipients)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/emails",
                  "{\"from\":\"Acme <billing@Acme.example>\",\"to\":[\"a@x.example\",\"B "
                  "<b@x.example>\"],\"cc\":\"c@x.example\",\"subject\":\"s\",\"html\":\"h\"}"),
        E_OK);
    CHECK_SPAN(b.matched.operation->name, SPAN("resend.emails.send"));
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 3);
    CHECK_INT(b.understood.worst[UNIT_USD], 3 * 900000);
    CHECK_SPAN(bench_scope(&b, "resend.from"), SPAN("acme.example"));
    CHECK_SPAN(bench_scope(&b, "resend.sender"), SPAN("billing@acme.example"));
    CHECK_SPAN(bench_scope(&b, "resend.to"), SPAN("several"));
    CHECK_INT(b.understood.parameter_count, 6);
    struct settled s = bench_settle(&b, 200, "{\"id\":\"49a3999c\"}");
    CHECK(s.known && !s.estimate);
    CHECK_INT(s.real[UNIT_MESSAGES], 3);
    CHECK_SPAN(s.object_id, SPAN("49a3999c"));
    bench_fresh(&b);
    bench_settings(&b, "unit_price_usd: \"0.001\"\n");
    CHECK_INT(bench_ask(&b, "POST", "//emails", "{\"from\":\"a@b.example\",\"to\":\"a@x.example\"}"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 1000000);
    bench_close(&b);
}

TEST(several_addresses_in_one_text_are_no_recipient)
{
    static const char *const bodies[] = { "{\"from\":\"a@b.example\",\"to\":\"a@x.example, b@x.example\"}",
        "{\"from\":\"a@b.example\",\"to\":\"a@x.example;b@x.example\"}",
        "{\"from\":\"a@b.example\",\"to\":\"<a@x.example> b@x.example\"}",
        "{\"from\":\"a@b.example\",\"to\":\"b@x.example <a@x.example>\"}",
        "{\"from\":\"a@b.example\",\"to\":[[\"a@x.example\"]]}", "{\"from\":\"a@b.example\",\"to\":{\"email\":\"a@x.example\"}}",
        "{\"from\":\"a@b.example\",\"to\":7}" };
    bench_open(&b, "resend", SPAN_NONE);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", "/emails", bodies[i]), E_PARAMETER_DENIED);
        CHECK(span_find(b.why, SPAN("parameter to")) >= 0);
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"cc\":\"c@x.example, d@x.example\"}"), E_PARAMETER_DENIED);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":[\"a@x.example\",\"\\\"Roe, Jo\\\" <d@x.example>\"]}"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 2);
    bench_close(&b);
}

TEST(batches_settle_what_was_accepted)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/emails/batch",
                  "[{\"from\":\"a@b.example\",\"to\":[\"a@x.example\"]},{\"from\":\"a@b.example\",\"to\":\"c@x.example\",\"bcc\":"
                  "[\"d@x.example\"]}]"),
        E_OK);
    CHECK_SPAN(b.matched.operation->name, SPAN("resend.emails.batch"));
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 3);
    CHECK_INT(b.understood.worst[UNIT_USD], 3 * 900000);
    struct settled s = bench_settle(&b, 200, "{\"data\":[{\"id\":\"x\"},{\"id\":\"y\"}]}");
    CHECK(s.known);
    CHECK_INT(s.real[UNIT_MESSAGES], 3);
    CHECK_SPAN(s.object_id, SPAN("x"));
    s = bench_settle(&b, 200, "{\"data\":[{\"id\":\"x\"}],\"errors\":[{\"index\":1,\"message\":\"m\"}]}");
    CHECK_INT(s.real[UNIT_MESSAGES], 2);
    CHECK_INT(s.real[UNIT_USD], 2 * 900000);
    s = bench_settle(&b, 200, "{\"data\":[]}");
    CHECK_INT(s.real[UNIT_MESSAGES], 0);
    bench_close(&b);
}

TEST(json_that_can_be_read_in_two_ways_is_refused)
{
    static const struct {
        const char *body;
        enum err e;
    } bodies[] = { { "{\"to\":\"a@x.example\",\"to\":\"b@x.example\"}", E_NOT_CANONICAL },
        { "{\"a\":{\"b\":1,\"b\":2}}", E_NOT_CANONICAL }, { "{\"n\":9007199254740993}", E_NOT_CANONICAL },
        { "{\"a\":1} x", E_BAD_REQUEST }, { "{\"a\":", E_BAD_REQUEST }, { "{\"t\\u006f\":1,\"to\":2}", E_NOT_CANONICAL } };
    bench_open(&b, "resend", SPAN_NONE);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", "/emails", bodies[i].body), bodies[i].e);
        CHECK(b.why.len > 0);
    }
    bench_fresh(&b);
    bench_field(&b, "content-type", "application/json");
    CHECK_INT(bench_ask(&b, "POST", "/emails", "\xef\xbb\xbf{}"), E_NOT_CANONICAL);
    bench_close(&b);
}

TEST(header_fields_name_nobody_and_start_no_line)
{
    static const char *const bad[] = { "{\"Bcc\":\"z@z.example\"}", "{\"bCC\":\"z@z.example\"}", "{\"Sender\":\"z@z.example\"}",
        "{\"Reply-To\":\"z@z.example\"}", "{\"Resent-To\":\"z@z.example\"}", "{\"X-A: b\\r\\nBcc\":\"z@z.example\"}",
        "{\"X-A\":\"b\\r\\nBcc: z@z.example\"}", "{\"X-A\":\"b\\nBcc: z@z.example\"}", "{\" Bcc\":\"z\"}", "{\"Bcc \":\"z\"}", "{\"\":\"z\"}",
        "{\"X-A\":[\"b\"]}", "[{\"name\":\"Bcc\",\"value\":\"z\"}]", "\"Bcc: z@z.example\"", "{\"Content-Type\":\"text/plain\"}" };
    char body[400];
    bench_open(&b, "resend", SPAN_NONE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(body, sizeof(body), "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"headers\":%s}", bad[i]);
        bench_fresh(&b);
        if (bench_ask(&b, "POST", "/emails", body) != E_PARAMETER_DENIED)
            test_fail(__FILE__, __LINE__, "accepted: %s", bad[i]);
        snprintf(body, sizeof(body), "[{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"headers\":%s}]", bad[i]);
        bench_fresh(&b);
        if (bench_ask(&b, "POST", "/emails/batch", body) != E_PARAMETER_DENIED)
            test_fail(__FILE__, __LINE__, "accepted in a batch: %s", bad[i]);
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"headers\":{\"X-Entity-Ref-ID\":\"1\",\"List-Unsubscribe\":\"<https://x.example>\"}}"), E_OK);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"subject\":\"x\\r\\nBcc: z@z.example\"}"), E_PARAMETER_DENIED);
    bench_close(&b);
}

TEST(attachments_that_resend_fetches_have_to_be_pinned)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/emails", "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"attachments\":[{\"path\":\"https://h.example/a.pdf\",\"filename\":\"a\"},{\"content\":\"aGk=\"}]}"), E_OK);
    CHECK_SPAN(bench_scope(&b, "resend.attachment_url"), SPAN("https://h.example/a.pdf"));
    bool pinned = false;
    for (size_t i = 0; i < b.understood.scope_count; i++)
        pinned |= b.understood.scopes[i].pinned && span_is(b.understood.scopes[i].name, SPAN("resend.attachment_url"));
    CHECK(pinned);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/emails/batch", "[{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"reply_to\":\"R <r@z.example>\",\"template\":{\"id\":\"t1\"},\"attachments\":[{\"path\":\"https://h.example/b\"}]}]"), E_OK);
    CHECK_SPAN(bench_scope(&b, "resend.attachment_url"), SPAN("https://h.example/b"));
    CHECK_SPAN(bench_scope(&b, "resend.reply_to"), SPAN("r@z.example"));
    CHECK_SPAN(bench_scope(&b, "resend.template"), SPAN("t1"));
    bench_close(&b);
}

TEST(audiences_have_the_size_the_operator_says)
{
    bench_open(&b, "resend", SPAN_NONE);
    bench_settings(&b, "broadcast_recipients: 5000\nevent_messages: 2\n");
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts/br_1/send", "{}"), E_OK);
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 5000);
    CHECK_INT(b.understood.worst[UNIT_USD], 5000 * INT64_C(900000));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts", "{\"segment_id\":\"s\",\"from\":\"a@b.example\",\"send\":true}"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 5000);
    CHECK_SPAN(bench_scope(&b, "resend.segment"), SPAN("s"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts", "{\"segment_id\":\"s\",\"from\":\"a@b.example\",\"send\":1}"), E_OK);
    CHECK(!b.understood.cost_known);
    CHECK(b.understood.worst[UNIT_MESSAGES] > 1000000000);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/events/send", "{\"event\":\"e\"}"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_MESSAGES], 2);
    bench_close(&b);
}

TEST(what_mints_or_opens_is_marked)
{
    static const char *const calls[][2] = { { "POST", "/api-keys" }, { "POST", "/webhooks" }, { "PATCH", "/webhooks/w1" },
        { "POST", "/webhooks/w1/signing-secret/rotate" }, { "POST", "/domains" }, { "PATCH", "/domains/d1" }, { "DELETE", "/domains/d1" },
        { "GET", "/oauth/grants" }, { "POST", "/emails/e1/share" }, { "POST", "/inboxes" }, { "POST", "/domains/claim" } };
    struct matched m;
    bench_open(&b, "resend", SPAN_NONE);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (!vendor_match(&b.vendor, span_of(calls[i][0]), span_of(calls[i][1]), &m) || !m.operation->secret)
            test_fail(__FILE__, __LINE__, "%s %s", calls[i][0], calls[i][1]);
    bench_close(&b);
}

TEST(header_tricks_and_unknown_audiences_are_closed)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/emails",
                  "{\"from\":\"a@b.example\",\"to\":\"a@x.example\",\"headers\":{\"Bcc\":\"z@z.example\"}}"),
        E_PARAMETER_DENIED);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts/br_1/send", "{}"), E_OK);
    CHECK(!b.understood.cost_known);
    CHECK_SPAN(bench_scope(&b, "resend.to"), SPAN("?"));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts", "{\"segment_id\":\"s\",\"send\":true}"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/broadcasts", "{\"segment_id\":\"s\"}"), E_OK);
    CHECK(b.understood.cost_known);
    bench_close(&b);
}

TEST(names_with_dots_are_not_paths)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/contacts", "{\"a.b\":1,\"a\":{\"b\":2},\"l\":[{\"c\":true},\"d\",null]}"), E_OK);
    CHECK_INT(b.understood.parameter_count, 4);
    CHECK_SPAN(b.understood.parameters[0].name, SPAN("a\\.b"));
    CHECK_SPAN(b.understood.parameters[1].name, SPAN("a.b"));
    CHECK_SPAN(b.understood.parameters[2].name, SPAN("l.c"));
    CHECK_SPAN(b.understood.parameters[2].value, SPAN("true"));
    CHECK_SPAN(b.understood.parameters[3].name, SPAN("l"));
    bench_close(&b);
}
