/* SPDX-License-Identifier: Apache-2.0
 * signature_test.c - a signature goes back to whom it came from, unchanged, and to nobody else. */
#include "dialect/signature.h"
#include "test/test.h"

TEST(marks_come_off_again)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct span marked = signature_mark(SPAN("\"EqQB+/==\""), SPAN("gemini"), &a);
    CHECK_SPAN(marked, SPAN("\"tg.gemini.EqQB+/==\""));
    CHECK_SPAN(signature_for(marked, SPAN("gemini"), SPAN("openai_chat"), &a), SPAN("\"EqQB+/==\""));
    CHECK(!signature_for(marked, SPAN("anthropic_messages"), SPAN("anthropic_messages"), &a).at);
    arena_free(&a);
}

TEST(without_a_mark_it_is_the_caller_s)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    CHECK_SPAN(signature_for(SPAN("\"abc\""), SPAN("gemini"), SPAN("gemini"), &a), SPAN("\"abc\""));
    CHECK(!signature_for(SPAN("\"abc\""), SPAN("gemini"), SPAN("openai_chat"), &a).at);
    CHECK(!signature_for(SPAN("\"abc\""), SPAN("gemini"), SPAN_NONE, &a).at);
    CHECK_SPAN(signature_for(SPAN("\"tg.nodot\""), SPAN("gemini"), SPAN("gemini"), &a), SPAN("\"tg.nodot\""));
    arena_free(&a);
}

TEST(empty_and_absent_signatures)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct span marked = signature_mark(SPAN("\"\""), SPAN("openai_chat"), &a);
    CHECK_SPAN(marked, SPAN("\"tg.openai_chat.\""));
    CHECK_SPAN(signature_for(marked, SPAN("openai_chat"), SPAN_NONE, &a), SPAN("\"\""));
    CHECK(!signature_mark(SPAN_NONE, SPAN("gemini"), &a).at);
    CHECK(!signature_for(SPAN_NONE, SPAN("gemini"), SPAN("gemini"), &a).at);
    CHECK_SPAN(signature_mark(SPAN("\"a\\\"b\""), SPAN("x"), &a), SPAN("\"tg.x.a\\\"b\""));
    arena_free(&a);
}
