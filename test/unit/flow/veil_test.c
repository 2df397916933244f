/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/veil.h"

#include "base/text.h"
#include "test/test.h"

static struct veil *veil_of(struct arena *a, struct span secret)
{
    struct vendor_secret s = { .secret = secret };
    arena_init(a, 1 << 20);
    struct veil *v = veil_new(&s, SPAN_NONE);
    CHECK(v != NULL);
    return v;
}

static struct span covered(struct veil *v, struct arena *a, struct span text) { return veil_text(v, text, a); }

TEST(a_secret_is_hidden_wherever_it_stands)
{
    struct arena a;
    struct veil *v = veil_of(&a, SPAN("sk_live_0123456789"));
    CHECK_SPAN(covered(v, &a, SPAN("sk_live_0123456789")), SPAN("******************"));
    CHECK_SPAN(covered(v, &a, SPAN("key sk_live_0123456789, sk_live_0123456789")), SPAN("key ******************, ******************"));
    CHECK_SPAN(covered(v, &a, SPAN("sk_live_012345678")), SPAN("sk_live_012345678"));
    CHECK_SPAN(covered(v, &a, SPAN("")), SPAN(""));
    veil_drop(v);
    arena_free(&a);
}

TEST(base64_hides_it_at_any_offset)
{
    static const char *const before[] = { "", "x", "xy", "AC0123:", "api:" };
    struct arena a;
    struct veil *v = veil_of(&a, SPAN("sk_live_0123456789"));
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct buf b;
        buf_init(&b, 1000);
        buf_put_base64(&b, arena_print(&a, "%ssk_live_0123456789:", before[i]));
        struct span plain = text_base64_decode(covered(v, &a, buf_span(&b)), &a);
        CHECK(!plain.at || span_find(plain, SPAN("live_01234567")) < 0);
        CHECK(span_find(covered(v, &a, buf_span(&b)), SPAN("****************")) >= 0);
        buf_free(&b);
    }
    veil_drop(v);
    arena_free(&a);
}

TEST(what_must_be_escaped_is_hidden_in_its_escaped_forms)
{
    struct arena a;
    struct veil *v = veil_of(&a, SPAN("wJal/rX+tnF\"EMI=K"));
    static const char *const forms[] = { "wJal/rX+tnF\"EMI=K", "wJal/rX+tnF\\\"EMI=K", "wJal\\/rX+tnF\\\"EMI=K", "wJal/rX\\u002BtnF\\u0022EMI=K",
        "wJal%2FrX%2BtnF%22EMI%3DK", "wJal%2frX%2btnF%22EMI%3dK" };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct span text = covered(v, &a, arena_print(&a, "<%s>", forms[i]));
        CHECK(text.len == strlen(forms[i]) + 2 && text.at[0] == '<' && text.at[text.len - 1] == '>');
        for (size_t k = 1; k + 1 < text.len; k++)
            CHECK(text.at[k] == '*');
    }
    veil_drop(v);
    arena_free(&a);
}

/* Cut anywhere, byte by byte too, and nothing is lost. */
TEST(runs_may_cut_it_anywhere)
{
    struct arena a;
    const struct span text = SPAN("sk_lisk_live_0123456789 and sk_live_012345678 sk_live_0123456789");
    const struct span want = SPAN("sk_li****************** and sk_live_012345678 ******************");
    struct veil *v = veil_of(&a, SPAN("sk_live_0123456789"));
    for (size_t step = 1; step <= text.len; step++) {
        struct buf out, held;
        buf_init(&out, 1000);
        buf_init(&held, VEIL_HELD);
        for (size_t at = 0; at < text.len; at += step)
            veil_pass(v, span_first(span_from(text, at), step), false, &held, &out);
        veil_pass(v, SPAN(""), true, &held, &out);
        CHECK(span_is(buf_span(&out), want));
        buf_free(&out);
        buf_free(&held);
    }
    veil_drop(v);
    arena_free(&a);
}

TEST(short_words_are_no_secrets)
{
    struct arena a;
    struct veil *v = veil_of(&a, SPAN("test"));
    CHECK_SPAN(covered(v, &a, SPAN("a test of it")), SPAN("a test of it"));
    veil_drop(v);
    arena_free(&a);
}

TEST(all_parts_of_a_credential_are_hidden)
{
    struct arena a;
    struct vendor_secret s = { .secret = SPAN("the-secret-1"), .hook_secret = SPAN("whsec_0123"), .key_id = SPAN("AKIA000001") };
    arena_init(&a, 1 << 20);
    struct veil *v = veil_new(&s, SPAN("token-0002"));
    CHECK(v != NULL);
    CHECK_SPAN(covered(v, &a, SPAN("the-secret-1 whsec_0123 AKIA000001 token-0002.")), SPAN("************ ********** ********** **********."));
    veil_drop(v);
    veil_drop(NULL);
    arena_free(&a);
}

TEST(no_escaping_that_nobody_needs_uncovers_it)
{
    struct arena a;
    struct veil *v = veil_of(&a, SPAN("sk-live/0123456789"));
    CHECK_SPAN(covered(v, &a, SPAN("<\\u0073\\u006b-live/0123456789>")), SPAN("<****************************>"));
    CHECK_SPAN(covered(v, &a, SPAN("<sk-live\\u002f012345678\\u0039>")), SPAN("<****************************>"));
    CHECK_SPAN(covered(v, &a, SPAN("{\\\"a\\\":\\\"sk-live\\\\/0123456789\\\"}")), SPAN("{\\\"a\\\":\\\"********************\\\"}"));
    CHECK_SPAN(covered(v, &a, SPAN("\\\\\\\\u0073k-live/0123456789")), SPAN("**************************"));
    CHECK_SPAN(covered(v, &a, SPAN("\\u0173k-live/0123456789 \\u0073k-live/012345678")), SPAN("\\u0173k-live/0123456789 \\u0073k-live/012345678"));
    CHECK_SPAN(covered(v, &a, SPAN("\\u0073k-live/012345678\\u003")), SPAN("\\u0073k-live/012345678\\u003"));
    CHECK_SPAN(covered(v, &a, SPAN("\\u0073k-live/012345678\\")), SPAN("\\u0073k-live/012345678\\"));
    CHECK_SPAN(covered(v, &a, SPAN("a\\\\nsk-live/012345678\\u0039")), SPAN("a\\\\n***********************"));
    veil_drop(v);
    arena_free(&a);
}
