/* SPDX-License-Identifier: Apache-2.0 */
#include "base/embed.h"
#include "test/test.h"
#include "vendor/vendor.h"

static void check_links(struct span base_url, struct span body, struct span want)
{
    struct arena a;
    struct node *root;
    struct vendor v = { 0 };
    struct trouble t = { .set = false };
    struct buf out;
    arena_init(&a, (size_t)64 << 20);
    buf_init(&out, 1 << 16);
    CHECK(node_read_yaml(&a, "twilio.yaml", embed_find(SPAN("vendors/twilio.yaml")), &root, &t) == E_OK);
    CHECK(vendor_read(&a, root, base_url, &v, &t) == E_OK);
    CHECK(vendor_rewrites_links(&v));
    vendor_rewrite_links(&v, SPAN("http://gate:8080/twilio"), body, &out);
    CHECK_SPAN(buf_span(&out), want);
    buf_free(&out);
    arena_free(&a);
}

TEST(links_lead_back_through_the_gate)
{
    check_links(SPAN_NONE, SPAN("{\"next_page_url\":\"https://verify.twilio.com/v2/Services?Page=1\",\"url\":\"https://api.twilio.com/2010-04-01\"}"),
        SPAN("{\"next_page_url\":\"http://gate:8080/twilio/verify/v2/Services?Page=1\",\"url\":\"http://gate:8080/twilio/2010-04-01\"}"));
}

TEST(links_are_rewritten_when_the_vendor_is_pointed_elsewhere)
{
    check_links(SPAN("http://127.0.0.1:1"), SPAN("\"https://verify.twilio.com/v2\""), SPAN("\"http://gate:8080/twilio/verify/v2\""));
}

TEST(links_of_others_stay)
{
    check_links(SPAN_NONE, SPAN("\"https://api.twilio.com.example/x\" \"https://example.com\" \"https://verify.twilio.com:99/\" https://"),
        SPAN("\"https://api.twilio.com.example/x\" \"https://example.com\" \"https://verify.twilio.com:99/\" https://"));
}
