/* SPDX-License-Identifier: Apache-2.0
 * sms_test.c - parts of text messages at and around every edge; addresses of mails. */
#include "test/test.h"
#include "vendor/mail.h"
#include "vendor/sms.h"

static char text[8192];

/* n times a piece, then an ending. */
static struct span many(const char *piece, int n, const char *end)
{
    text[0] = '\0';
    for (int i = 0; i < n; i++)
        strcat(text, piece);
    return span_of(strcat(text, end));
}

TEST(plain_texts_are_seven_bit)
{
    CHECK_INT(sms_segments(SPAN(""), false), 0);
    CHECK_INT(sms_segments(SPAN("hello"), false), 1);
    CHECK_INT(sms_segments(many("a", 160, ""), false), 1);
    CHECK_INT(sms_segments(many("a", 161, ""), false), 2);
    CHECK_INT(sms_segments(many("a", 306, ""), false), 2);
    CHECK_INT(sms_segments(many("a", 307, ""), false), 3);
    CHECK_INT(sms_segments(many("a", 1600, ""), false), 11);
    CHECK_INT(sms_segments(many("\xc3\xa9", 160, ""), false), 1); /* e acute is in the table */
    CHECK_INT(sms_segments(many("\n", 160, ""), false), 1);
}

TEST(extension_characters_take_two_and_do_not_straddle)
{
    CHECK_INT(sms_segments(many("[", 80, ""), false), 1);
    CHECK_INT(sms_segments(many("[", 81, ""), false), 2);
    CHECK_INT(sms_segments(many("\xe2\x82\xac", 80, ""), false), 1); /* euro */
    CHECK_INT(sms_segments(many("a", 159, "["), false), 2);
    /* 153 septets a part: the 77th bracket does not fit into the half left over, so a part holds 76. */
    CHECK_INT(sms_segments(many("[", 152, ""), false), 2);
    CHECK_INT(sms_segments(many("[", 153, ""), false), 3);
    CHECK_INT(sms_segments(many("\f", 80, ""), false), 1);
}

TEST(anything_else_is_sixteen_bit)
{
    CHECK_INT(sms_segments(many("\xd0\xb0", 70, ""), false), 1);
    CHECK_INT(sms_segments(many("\xd0\xb0", 71, ""), false), 2);
    CHECK_INT(sms_segments(many("\xd0\xb0", 134, ""), false), 2);
    CHECK_INT(sms_segments(many("\xd0\xb0", 135, ""), false), 3);
    CHECK_INT(sms_segments(many("a", 70, "\xd0\xb0"), false), 2);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 35, ""), false), 1);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 36, ""), false), 2);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 66, ""), false), 2); /* 33 pairs a part: a pair never straddles */
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 67, ""), false), 3);
    CHECK_INT(sms_segments(many("`", 71, ""), false), 2);
    CHECK_INT(sms_segments(many("\t", 71, ""), false), 2);
}

TEST(what_is_read_as_one_character_is_not_cut)
{
    static const char family[] = "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"; /* 8 units */
    static const char flag[] = "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa";                                                 /* 4 units */
    static const char tone[] = "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd";                                                 /* 4 units */
    CHECK_INT(sms_segments(many(family, 8, ""), false), 1);
    CHECK_INT(sms_segments(many(family, 16, ""), false), 2);
    CHECK_INT(sms_segments(many(family, 17, ""), false), 3); /* 8 of them a part: 3 units stay free */
    CHECK_INT(sms_segments(many(flag, 32, ""), false), 2);
    CHECK_INT(sms_segments(many(flag, 33, ""), false), 3);
    CHECK_INT(sms_segments(many(tone, 33, ""), false), 3);
    CHECK_INT(sms_segments(many("e\xcc\x81", 66, ""), false), 2); /* e and an accent of its own: 33 a part */
    CHECK_INT(sms_segments(many("e\xcc\x81", 67, ""), false), 3);
    CHECK_INT(sms_segments(many("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 44, ""), false), 2); /* Hangul in three letters */
    CHECK_INT(sms_segments(many("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 45, ""), false), 3);
}

TEST(one_character_longer_than_a_part_is_cut_and_counted)
{
    CHECK_INT(sms_segments(many("\xcc\x81", 67 * 3, ""), false), 3);
    CHECK_INT(sms_segments(many("\xcc\x81", 67 * 3 + 1, ""), false), 4);
    CHECK_INT(sms_segments(many("\xcc\x81", 1500, ""), false), 23);
}

TEST(smart_encoding_brings_quotes_back)
{
    CHECK_INT(sms_segments(many("a", 100, "\xe2\x80\x99"), false), 2);
    CHECK_INT(sms_segments(many("a", 100, "\xe2\x80\x99"), true), 1);
    CHECK_INT(sms_segments(many("a", 158, "\xe2\x80\x9c\xe2\x80\x93"), true), 1);
    CHECK_INT(sms_segments(many("a", 100, "\xd0\xb0"), true), 2);
    CHECK_INT(sms_segments(many("\xe2\x80\xa6", 53, ""), true), 1); /* an ellipsis is three points */
    CHECK_INT(sms_segments(many("\xe2\x80\xa6", 54, ""), true), 2);
    CHECK_INT(sms_segments(many("\t", 70, ""), false), 1);
    CHECK_INT(sms_segments(many("\t", 70, ""), true), 4); /* a tab is seven blanks: smart can be dearer */
    CHECK_INT(sms_segments(many("\xe2\x80\x8b", 500, ""), true), 1);
    CHECK_INT(sms_segments(many("\xef\xbc\xa1", 160, ""), true), 1);  /* wide A */
    CHECK_INT(sms_segments(many("\xef\xbd\x81", 160, ""), true), 3); /* wide a: left as it is */
}

TEST(one_mail_address_is_one)
{
    static const char *const good[] = { "a@x.example", " a@x.example ", "<a@x.example>", "A B <a@x.example>",
        "\"B, A\" <a@x.example>", "a+b@x.example" };
    static const char *const bad[] = { "", "a", "@x", "a@", "a@b@c", "a@x, b@x", "a b@x", "a@x (c)", "A <a@x> b", "A <a@x",
        "b@y <a@x>", "A, B <a@x>", "\"x\\\" <a@x>", "A <a@x><b@x>", "g: a@x;", "a@x\n", "\"a@x\"" };
    struct span address;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!mail_address(span_of(good[i]), &address))
            test_fail(__FILE__, __LINE__, "refused: %s", good[i]);
        CHECK(span_ends(address, SPAN("@x.example")));
        CHECK_SPAN(mail_domain(address), SPAN("x.example"));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (mail_address(span_of(bad[i]), &address))
            test_fail(__FILE__, __LINE__, "accepted: %s", bad[i]);
}
