/* SPDX-License-Identifier: Apache-2.0
 * text_test.c - encodings there and back, and what each refuses. */
#include "base/text.h"

#include "test/test.h"

TEST(hex)
{
    struct buf b;
    uint8_t out[3];
    buf_init(&b, 100);
    buf_put_hex(&b, SPAN("\x00\xfe\x7f"));
    CHECK_SPAN(buf_span(&b), SPAN("00fe7f"));
    CHECK(text_hex_decode(SPAN("00Fe7F"), out, 3) && out[1] == 0xfe);
    CHECK(!text_hex_decode(SPAN("00fe7"), out, 3) && !text_hex_decode(SPAN("00fe7g"), out, 3) && !text_hex_decode(SPAN("00fe"), out, 3));
    buf_free(&b);
}

TEST(base64_vectors) /* RFC 4648 */
{
    static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" } };
    struct arena a;
    struct buf b;
    arena_init(&a, 10000);
    buf_init(&b, 100);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct span plain = span_of(rows[i][0]), code = span_of(rows[i][1]);
        buf_clear(&b);
        buf_put_base64(&b, plain);
        CHECK_SPAN(buf_span(&b), code);
        CHECK_SPAN(text_base64_decode(code, &a), plain);
        while (code.len && code.at[code.len - 1] == '=')
            code.len--;
        CHECK_SPAN(text_base64_decode(code, &a), plain);
    }
    CHECK_SPAN(text_base64_decode(SPAN("-__-"), &a), SPAN("\xfb\xff\xfe"));
    CHECK(text_base64_decode(SPAN(""), &a).at != NULL);
    arena_free(&a);
    buf_free(&b);
}

TEST(base64_refusals)
{
    static const char *const bad[] = { "Z", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "Z===", "====", "=", "Zh==", "Zm9=", "Z g=", "Zg\n==", "Zg==Zg==" };
    struct arena a;
    arena_init(&a, 10000);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (text_base64_decode(span_of(bad[i]), &a).at)
            test_fail(__FILE__, __LINE__, "took \"%s\"", bad[i]);
    arena_free(&a);
}

TEST(percent)
{
    struct arena a;
    struct buf b;
    arena_init(&a, 10000);
    buf_init(&b, 100);
    CHECK_SPAN(text_percent_decode(SPAN("a%20b+c%2B%00"), false, &a), SPAN("a b+c+\0"));
    CHECK_SPAN(text_percent_decode(SPAN("a+b%2b"), true, &a), SPAN("a b+"));
    CHECK_SPAN(text_percent_decode(SPAN("%2525"), false, &a), SPAN("%25")); /* once only */
    CHECK(text_percent_decode(SPAN(""), false, &a).at != NULL);
    CHECK(!text_percent_decode(SPAN("%"), false, &a).at && !text_percent_decode(SPAN("a%2"), false, &a).at);
    CHECK(!text_percent_decode(SPAN("%zz"), false, &a).at && !text_percent_decode(SPAN("%+1"), false, &a).at);
    CHECK(!text_percent_decode(SPAN("% 1"), false, &a).at && !a.broken);
    buf_put_percent(&b, SPAN("a/b c~\xc3\xa4%"), SPAN("/"));
    CHECK_SPAN(buf_span(&b), SPAN("a/b%20c~%C3%A4%25"));
    arena_free(&a);
    buf_free(&b);
}

TEST(utf8)
{
    static const char *const good[] = { "", "plain ascii longer than eight", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa4" };
    static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xe2\x28\xa1", "\xe2\x82\x28", "12345678\xc3" };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(text_is_utf8(span_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (text_is_utf8(span_of(bad[i])))
            test_fail(__FILE__, __LINE__, "took bad UTF-8 number %zu", i);
    CHECK(text_is_printable(SPAN("!~")) && !text_is_printable(SPAN("a b")) && !text_is_printable(SPAN("\x7f")));
    CHECK(!text_is_printable(SPAN("\xc3\xa4")) && text_is_printable(SPAN("")));
}
