/* SPDX-License-Identifier: Apache-2.0
 * span_test.c - cutting, searching, numbers, wildcards. */
#include "base/span.h"

#include "test/test.h"

TEST(compares)
{
    CHECK(span_is(SPAN(""), SPAN_NONE));
    CHECK(span_is_nocase(SPAN("Content-TYPE"), SPAN("content-type")));
    CHECK(!span_is_nocase(SPAN("@"), SPAN("`"))); /* differ by the case bit, but are no letters */
    CHECK(!span_is_nocase(SPAN("\xc4"), SPAN("\xe4")));
    CHECK(span_starts(SPAN("abc"), SPAN("")) && span_starts(SPAN("abc"), SPAN("abc")) && !span_starts(SPAN("ab"), SPAN("abc")));
    CHECK(span_ends(SPAN("abc"), SPAN("bc")) && !span_ends(SPAN("bc"), SPAN("abc")) && span_ends(SPAN_NONE, SPAN("")));
    CHECK(span_compare(SPAN("ab"), SPAN("abc")) < 0 && span_compare(SPAN("b"), SPAN("abc")) > 0);
    CHECK(span_compare(SPAN("\x80"), SPAN("a")) > 0 && span_compare(SPAN_NONE, SPAN("")) == 0);
}

TEST(cuts)
{
    struct span rest = SPAN("a,,b"), piece;
    CHECK(span_next(&rest, ',', &piece));
    CHECK_SPAN(piece, SPAN("a"));
    CHECK(span_next(&rest, ',', &piece) && piece.len == 0 && piece.at);
    CHECK(span_next(&rest, ',', &piece));
    CHECK_SPAN(piece, SPAN("b"));
    CHECK(!span_next(&rest, ',', &piece));
    rest = SPAN("a,");
    CHECK(span_next(&rest, ',', &piece) && span_next(&rest, ',', &piece) && piece.len == 0 && !span_next(&rest, ',', &piece));
    rest = SPAN("name");
    CHECK(!span_cut(&rest, '=', &piece));
    CHECK_SPAN(rest, SPAN("name"));
    rest = SPAN("k=v=w");
    CHECK(span_cut(&rest, '=', &rest)); /* head and rest may be the same: the rest wins */
    CHECK_SPAN(rest, SPAN("v=w"));
    CHECK_SPAN(span_trim(SPAN(" \t a b\t ")), SPAN("a b"));
    CHECK_SPAN(span_trim(SPAN("  \t")), SPAN(""));
    CHECK_SPAN(span_from(SPAN("abc"), 9), SPAN(""));
    CHECK_SPAN(span_first(SPAN("abc"), 9), SPAN("abc"));
    CHECK(span_from(SPAN_NONE, 3).at == NULL);
}

TEST(finds)
{
    CHECK_INT(span_find(SPAN("hello"), SPAN("lo")), 3);
    CHECK_INT(span_find(SPAN("hello"), SPAN("")), 0);
    CHECK_INT(span_find(SPAN("lo"), SPAN("hello")), -1);
    CHECK_INT(span_find_byte(SPAN("a\0b"), '\0'), 1);
    CHECK_INT(span_find_byte(SPAN_NONE, 'a'), -1);
}

TEST(numbers)
{
    uint64_t u = 7;
    int64_t i = 7;
    CHECK(span_to_u64(SPAN("18446744073709551615"), &u) && u == UINT64_MAX);
    CHECK(!span_to_u64(SPAN("18446744073709551616"), &u) && !span_to_u64(SPAN("99999999999999999999"), &u));
    CHECK(!span_to_u64(SPAN(""), &u) && !span_to_u64(SPAN("+1"), &u) && !span_to_u64(SPAN(" 1"), &u) && !span_to_u64(SPAN("1 "), &u));
    CHECK(u == UINT64_MAX); /* untouched by what was refused */
    CHECK(span_to_u64(SPAN("000000000000000000000000012"), &u) && u == 12);
    CHECK(span_to_i64(SPAN("-9223372036854775808"), &i) && i == INT64_MIN);
    CHECK(span_to_i64(SPAN("9223372036854775807"), &i) && i == INT64_MAX);
    CHECK(!span_to_i64(SPAN("9223372036854775808"), &i) && !span_to_i64(SPAN("-9223372036854775809"), &i));
    CHECK(!span_to_i64(SPAN("-"), &i) && !span_to_i64(SPAN("--1"), &i));
    CHECK(span_to_i64(SPAN("-0"), &i) && i == 0);
}

TEST(wildcards)
{
    CHECK(span_like(SPAN("stripe.charges.create"), SPAN("stripe.*")));
    CHECK(span_like(SPAN("stripe."), SPAN("stripe.*")) && !span_like(SPAN("stripe"), SPAN("stripe.*")));
    CHECK(span_like(SPAN(""), SPAN("")) && span_like(SPAN(""), SPAN("***")) && !span_like(SPAN("a"), SPAN("")));
    CHECK(span_like(SPAN("aab"), SPAN("*ab")) && span_like(SPAN("ababac"), SPAN("*abac")));
    CHECK(span_like(SPAN("abcbcd"), SPAN("a*bcd")) && span_like(SPAN("xaybzc"), SPAN("*a*b*c")));
    CHECK(!span_like(SPAN("abcbc"), SPAN("a*bcd")) && !span_like(SPAN("ab"), SPAN("a*b*b")));
    CHECK(span_like(SPAN("a*b"), SPAN("a*b")) && !span_like(SPAN("a.b"), SPAN("a?b")));
    CHECK(!span_like(SPAN("xstripe.a"), SPAN("stripe.*")) && !span_like(SPAN("Stripe.a"), SPAN("stripe.*")));
}

/* Against a plain recursive matcher, on all short texts over {a, b} and patterns over {a, b, *}. */
static bool slow_like(const char *s, const char *p)
{
    if (!*p)
        return !*s;
    if (*p == '*')
        return slow_like(s, p + 1) || (*s && slow_like(s + 1, p));
    return *s == *p && slow_like(s + 1, p + 1);
}

static void spell(unsigned n, const char *letters, unsigned base, char *out)
{
    for (; n; n /= base + 1)
        if (n % (base + 1))
            *out++ = letters[n % (base + 1) - 1];
    *out = 0;
}

TEST(wildcards_all_short)
{
    char s[16], p[16];
    int wrong = 0;
    for (unsigned i = 0; i < 729; i++)
        for (unsigned k = 0; k < 4096; k++) {
            spell(i, "ab", 2, s);
            spell(k, "ab*", 3, p);
            wrong += span_like(span_of(s), span_of(p)) != slow_like(s, p);
        }
    CHECK_INT(wrong, 0);
}

TEST(hashes)
{
    CHECK(span_hash(SPAN("a"), 1) != span_hash(SPAN("a"), 2));
    CHECK(span_hash(SPAN("a"), 1) != span_hash(SPAN("a\0"), 1));
    CHECK(span_hash(SPAN("12345678"), 1) != span_hash(SPAN("12345679"), 1));
    CHECK(span_hash(SPAN(""), 1) == span_hash(SPAN_NONE, 1));
}
