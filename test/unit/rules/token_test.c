/* SPDX-License-Identifier: Apache-2.0
 * token_test.c - keys as text: made, checked, masked, and split from the run that may stand behind them. */
#include "rules/token.h"

#include "base/text.h"
#include "test/test.h"

TEST(a_made_token_is_ours_and_no_two_are_alike)
{
    char first[TOKEN_LEN + 1], second[TOKEN_LEN + 1];
    token_make(first);
    token_make(second);
    CHECK_INT(strlen(first), TOKEN_LEN);
    CHECK(token_is_ours(span_of(first)) && token_checksum_fits(span_of(first)));
    CHECK(token_form_ok(span_of(first)));
    CHECK(!span_is(span_of(first), span_of(second)));
}

TEST(one_seed_gives_one_token)
{
    char first[TOKEN_LEN + 1], second[TOKEN_LEN + 1];
    struct digest seed = digest_sha256(SPAN("a seed"));
    for (int i = 0; i < 1000; i++) {
        token_derive(&seed, first);
        token_derive(&seed, second);
        CHECK(span_is(span_of(first), span_of(second)) && token_checksum_fits(span_of(first)));
        seed.bytes[i % DIGEST_LEN]++;
        token_derive(&seed, second);
        CHECK(!span_is(span_of(first), span_of(second)));
    }
}

TEST(every_changed_character_breaks_the_checksum)
{
    char token[TOKEN_LEN + 1];
    token_make(token);
    for (size_t i = 3; i < TOKEN_LEN; i++) {
        char was = token[i];
        token[i] = was == 'a' ? 'b' : 'a';
        CHECK(token_is_ours(span_of(token)) && !token_checksum_fits(span_of(token)));
        token[i] = was;
    }
    CHECK(token_checksum_fits(span_of(token)));
    CHECK(!token_is_ours(span_make(token, TOKEN_LEN - 1)));
    CHECK(!token_checksum_fits(SPAN("tg_short")));
}

TEST(the_checksum_is_crc32_in_base62)
{
    /* 32 letters a: CRC-32 of "tg_" and these, in base62; recomputed with another implementation. */
    CHECK(token_checksum_fits(SPAN("tg_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2vzMhb")));
}

TEST(masks_show_little)
{
    char out[24];
    CHECK_SPAN(token_mask(SPAN("tg_Ab12aaaaaaaaaaaaaaaaaaaaaaaaaaaaaax9Zk"), out), SPAN("tg_Ab12...x9Zk"));
    CHECK_SPAN(token_mask(SPAN("0123456789abcdef"), out), SPAN("01...ef"));
    CHECK_SPAN(token_mask(SPAN("sk-configured-by-hand-and-a-long-one"), out), SPAN("sk-c...-one"));
    CHECK_SPAN(token_mask(SPAN("short"), out), SPAN("..."));
    CHECK_SPAN(token_mask(SPAN("with a blank, so not a token"), out), SPAN("..."));
    CHECK_SPAN(token_mask(SPAN_NONE, out), SPAN("..."));
}

static void check_split(const char *text, const char *key, const char *run, int line)
{
    struct span got_key, got_run;
    token_split_run(span_of(text), &got_key, &got_run);
    if (!span_is(got_key, span_of(key)) || !span_is(got_run, span_of(run)) || (got_run.at == NULL) != (run == NULL))
        test_fail(__FILE__, line, "%s: got \"%.*s\" and \"%.*s\"", text, SPAN_ARG(got_key), SPAN_ARG(got_run));
}

TEST(run_behind_the_key)
{
    check_split("tg_0123456789abcdef.run_1", "tg_0123456789abcdef", "run_1", __LINE__);
    check_split("tg_0123456789abcdef.v1.2/a@b", "tg_0123456789abcdef", "v1.2/a@b", __LINE__);
    check_split("tg_0123456789abcdef", "tg_0123456789abcdef", NULL, __LINE__);
    check_split("tg_0123456789abcdef.", "tg_0123456789abcdef.", NULL, __LINE__);
    check_split("tg_0123456789abcdef.a b", "tg_0123456789abcdef.a b", NULL, __LINE__);
    check_split("sho.run", "sho.run", NULL, __LINE__);
    check_split("", "", NULL, __LINE__);
}

TEST(run_ids)
{
    char longest[RUN_LONGEST + 1];
    memset(longest, 'r', sizeof(longest));
    CHECK(run_id_ok(SPAN("run_abc-1:2.3/4@5")));
    CHECK(run_id_ok(span_make(longest, RUN_LONGEST)));
    CHECK(!run_id_ok(span_make(longest, RUN_LONGEST + 1)));
    CHECK(!run_id_ok(SPAN("")));
    CHECK(!run_id_ok(SPAN("a|b")));
    CHECK(!run_id_ok(SPAN("a\nb")));
    CHECK(!run_id_ok(span_make("a\0b", 3)));
    CHECK(!run_id_ok(SPAN("\xc3\xa4")));
}
