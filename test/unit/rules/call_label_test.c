/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/call_label.h"
#include "test/test.h"

TEST(what_a_label_is)
{
    static const char *const good[] = { "a", "acme:support:mail", "A.b_c-9", "1:2:3:4:5:6:7:8" };
    static const char *const bad[] = { "", ":", "a:", ":a", "a::b", "a b", "a/b", "\xc3\xa9", "1:2:3:4:5:6:7:8:9",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(call_label_fits(span_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!call_label_fits(span_of(bad[i])));
}

TEST(a_call_extends_its_keys_label_and_never_replaces_it)
{
    struct arena a;
    arena_init(&a, 4096);
    CHECK_SPAN(call_label_join(SPAN("acme:support"), SPAN("mail"), &a), SPAN("acme:support:mail"));
    CHECK_SPAN(call_label_join(SPAN("acme:support"), SPAN("acme:support:mail"), &a), SPAN("acme:support:mail"));
    CHECK_SPAN(call_label_join(SPAN("acme:support"), SPAN("acme:supporters"), &a), SPAN("acme:support:acme:supporters"));
    CHECK_SPAN(call_label_join(SPAN("acme"), SPAN("beta"), &a), SPAN("acme:beta"));
    CHECK_SPAN(call_label_join(SPAN_NONE, SPAN("beta:x"), &a), SPAN("beta:x"));
    CHECK_SPAN(call_label_join(SPAN("acme"), SPAN("no label"), &a), SPAN("acme"));
    CHECK_SPAN(call_label_join(SPAN("acme"), SPAN_NONE, &a), SPAN("acme"));
    CHECK_SPAN(call_label_join(SPAN("acme"), SPAN("1:2:3:4:5:6:7:8"), &a), SPAN("acme"));
    CHECK(!call_label_join(SPAN_NONE, SPAN_NONE, &a).at);
    arena_free(&a);
}
