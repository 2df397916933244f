/* SPDX-License-Identifier: Apache-2.0
 * sandbox_test.c - the sandbox as a server, and its configuration. */
#include "sandbox/sandbox.h"

#include "base/node.h"
#include "http/fetch.h"
#include "sandbox/report.h"
#include "test/test.h"

TEST(sandbox_serves_and_ends)
{
    char why[256] = "";
    struct arena a;
    struct fetch_answer out;
    struct http_field fields[] = { { SPAN("authorization"), SPAN("Bearer sk_sandbox_x") } };
    arena_init(&a, 8 << 20);
    struct sandbox *s = sandbox_start(why);
    CHECK(s != NULL);
    if (!s)
        return;
    struct span at = sandbox_address(s);
    CHECK_INT(fetch(&a, SPAN("POST"), arena_print(&a, "http://%.*s/stripe/v1/charges", SPAN_ARG(at)), fields, 1, SPAN("amount=100&currency=usd&source=tok_visa"), &out), E_OK);
    CHECK_INT(out.status, 200);
    CHECK_INT(fetch(&a, SPAN("POST"), arena_print(&a, "http://%.*s/openai/v1/chat/completions", SPAN_ARG(at)), fields, 1,
                  SPAN("{\"model\":\"m\",\"stream\":true,\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"), &out),
        E_OK);
    CHECK(span_ends(out.body, SPAN("data: [DONE]\n\n")));
    sandbox_stop(s);
    arena_free(&a);
}

TEST(sandbox_configuration_is_yaml)
{
    struct arena a;
    struct node *root = NULL;
    struct trouble t = { .set = false };
    arena_init(&a, 8 << 20);
    struct span text = sandbox_configuration(&a, SPAN("127.0.0.1:1"), SPAN("127.0.0.1:2"), SPAN("[::1]:3"));
    CHECK_INT(node_read_yaml(&a, "sandbox.yaml", text, &root, &t), E_OK);
    CHECK_SPAN(span_of(t.text), SPAN(""));
    CHECK(root && node_get(node_get(node_get(root, "vendors"), "stripe"), "base_url"));
    CHECK_SPAN(node_get(node_get(node_get(root, "vendors"), "stripe"), "base_url")->text, SPAN("http://127.0.0.1:1/stripe"));
    CHECK_SPAN(node_get(node_get(node_get(root, "vendors"), "gemini"), "base_url")->text, SPAN("http://127.0.0.1:1/gemini"));
    arena_free(&a);
}

/* As twilio's own library signs these parameters. */
TEST(sandbox_report_is_signed)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct report r = report_delivered(&a, SPAN("http://127.0.0.1:8080/hooks/twilio/twilio-sandbox"), SPAN("SM1"));
    CHECK_SPAN(r.form, SPAN("AccountSid=AC00000000000000000000000000000000&MessageSid=SM1&MessageStatus=delivered"));
    CHECK_SPAN(r.signature, SPAN("TRZA99z9b3pa+4Mvd8Cb8AfqTFc="));
    arena_free(&a);
}

/* Nobody listens: it must say so and come back. */
TEST(sandbox_walk_without_a_gate)
{
    fflush(stdout);
    FILE *aside = stdout;
    FILE *nowhere = fopen("/dev/null", "w");
    CHECK(nowhere != NULL);
    stdout = nowhere;
    CHECK(!sandbox_walk(SPAN("127.0.0.1:1"), SPAN("127.0.0.1:1"), SPAN("t")));
    stdout = aside;
    fclose(nowhere);
}
