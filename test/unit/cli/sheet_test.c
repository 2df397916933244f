/* SPDX-License-Identifier: Apache-2.0
 * sheet_test.c - numbers of other people's lists, shifted without loss; rows put together in any order come out in one. */
#include "cli/sheet.h"

#include "rules/price.h"
#include "test/test.h"

TEST(numbers_are_shifted_exactly)
{
    static const struct {
        const char *number;
        int shift, digits;
        const char *want;
        bool rounded;
    } cases[] = {
        { "1.5e-07", 6, 9, "0.15", false }, { "0.0000025", 6, 9, "2.5", false }, { "2.5E-6", 6, 9, "2.5", false }, { "0", 6, 9, "0", false },
        { "0.0", 6, 9, "0", false }, { "3", 0, 9, "3", false }, { "30", 0, 9, "30", false }, { "1e+2", 0, 9, "100", false }, { "1e-15", 6, 9, "0.000000001", false },
        { "1e-16", 6, 9, "0", true }, { "6e-16", 6, 9, "0.000000001", true }, { "1.9999999999999999e-06", 6, 9, "2", true },
        { "9.9999999999e-1", 0, 9, "1", true }, { "0.00250", 6, 9, "2500", false }, { "120e-6", 6, 9, "120", false }, { "12345678.125", 0, 9, "12345678.125", false },
        { "7.167e-05", 0, 12, "0.00007167", false }, { "5e-1", 0, 0, "1", true }, { "4e-1", 0, 0, "0", true }, { "1e10", 6, 9, "10000000000000000", false },
    };
    struct arena a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool rounded = false;
        struct span got = sheet_decimal(&a, span_of(cases[i].number), cases[i].shift, cases[i].digits, &rounded);
        if (!span_is(got, span_of(cases[i].want)) || rounded != cases[i].rounded)
            test_fail(__FILE__, __LINE__, "%s: got %.*s (%d), want %s", cases[i].number, SPAN_ARG(got), rounded, cases[i].want);
    }
    arena_free(&a);
}

TEST(what_is_no_number_is_none)
{
    static const char *const wrong[] = { "", "-1", "x", "1.2.3", "1e", "1e99", "e5", "0x1", "1 ", "true", "NaN",
        "11111111111111111111111111111111111111111111111111111111111111111111111111111111111111" };
    struct arena a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        bool rounded = false;
        if (sheet_decimal(&a, span_of(wrong[i]), 6, 9, &rounded).at)
            test_fail(__FILE__, __LINE__, "taken: %s", wrong[i]);
    }
    arena_free(&a);
}

TEST(rows_come_out_sorted_with_a_header_that_fits)
{
    struct arena a;
    struct sheet s;
    struct buf out;
    char why[PRICE_WHY] = "";
    size_t rows = 0;
    arena_init(&a, 1 << 20);
    buf_init(&out, 1 << 20);
    sheet_init(&s, &a);
    struct sheet_row *r = sheet_row(&s, SPAN("b"), SPAN("m"));
    sheet_rate(&s, r, SPAN("svc:flex>10"), "in", SPAN("4"));
    sheet_rate(&s, r, SPAN("tier>20"), "in", SPAN("3"));
    sheet_rate(&s, r, SPAN("tier>5"), "in", SPAN("2"));
    sheet_rate(&s, r, SPAN(""), "out", SPAN("9"));
    sheet_rate(&s, r, SPAN(""), "in", SPAN("7"));
    sheet_rate(&s, r, SPAN(""), "in", SPAN("1"));
    sheet_unit(&s, r, "image_out", SPAN("q=hd"), SPAN("0.5"), 1);
    sheet_unit(&s, r, "page", SPAN_NONE, SPAN("1"), 1000);
    sheet_factor(&s, r, "fast", SPAN("2"));
    sheet_ability(&s, r, "tools");
    sheet_ability(&s, r, "tools");
    CHECK(sheet_row(&s, SPAN("b"), SPAN("m")) == r);
    sheet_fact(&s, sheet_row(&s, SPAN("a"), SPAN("x/y")), "mode", SPAN("embedding"));
    CHECK(!sheet_row(&s, SPAN("a/b"), SPAN("m")) && !sheet_row(&s, SPAN("a"), SPAN("two words")));
    sheet_rate(&s, sheet_row(&s, SPAN("c"), SPAN("dear")), SPAN(""), "in", SPAN("1000001"));
    CHECK(sheet_write(&s, SPAN("2026-11-21"), &out));
    CHECK(price_book_check(buf_span(&out), &rows, why));
    CHECK_INT(rows, 2);
    CHECK(span_ends(buf_span(&out),
        SPAN("a\tx/y\t0\t0\t\tis mode=embedding\nb\tm\t0\t0\ttools\tin=1 out=9;tier>5 in=2;tier>20 in=3;svc:flex>10 in=4;mul fast=2;unit image_out[q=hd]=0.5/1 page=1/1000\n")));
    buf_free(&out);
    sheet_free(&s);
    arena_free(&a);
}
