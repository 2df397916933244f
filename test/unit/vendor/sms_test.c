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
    CHECK_INT(sms_segments(SPAN(""), SMS_AS_IS), 0);
    CHECK_INT(sms_segments(SPAN("hello"), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("a", 160, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("a", 161, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("a", 306, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("a", 307, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("a", 1600, ""), SMS_AS_IS), 11);
    CHECK_INT(sms_segments(many("\xc3\xa9", 160, ""), SMS_AS_IS), 1); /* e acute is in the table */
    CHECK_INT(sms_segments(many("\n", 160, ""), SMS_AS_IS), 1);
}

TEST(extension_characters_take_two_and_do_not_straddle)
{
    CHECK_INT(sms_segments(many("[", 80, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("[", 81, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\xe2\x82\xac", 80, ""), SMS_AS_IS), 1); /* euro */
    CHECK_INT(sms_segments(many("a", 159, "["), SMS_AS_IS), 2);
    /* 153 septets a part: the 77th bracket does not fit into the half left over, so a part holds 76. */
    CHECK_INT(sms_segments(many("[", 152, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("[", 153, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("\f", 80, ""), SMS_AS_IS), 1);
}

TEST(anything_else_is_sixteen_bit)
{
    CHECK_INT(sms_segments(many("\xd0\xb0", 70, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("\xd0\xb0", 71, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\xd0\xb0", 134, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\xd0\xb0", 135, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("a", 70, "\xd0\xb0"), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 35, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 36, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 66, ""), SMS_AS_IS), 2); /* 33 pairs a part: a pair never straddles */
    CHECK_INT(sms_segments(many("\xf0\x9f\x98\x80", 67, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("`", 71, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("\t", 71, ""), SMS_AS_IS), 2);
}

TEST(what_is_read_as_one_character_is_not_cut)
{
    static const char family[] = "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"; /* 8 units */
    static const char flag[] = "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa";                                                 /* 4 units */
    static const char tone[] = "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd";                                                 /* 4 units */
    CHECK_INT(sms_segments(many(family, 8, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many(family, 16, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many(family, 17, ""), SMS_AS_IS), 3); /* 8 of them a part: 3 units stay free */
    CHECK_INT(sms_segments(many(flag, 32, ""), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many(flag, 33, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many(tone, 33, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("e\xcc\x81", 66, ""), SMS_AS_IS), 2); /* e and an accent of its own: 33 a part */
    CHECK_INT(sms_segments(many("e\xcc\x81", 67, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 44, ""), SMS_AS_IS), 2); /* Hangul in three letters */
    CHECK_INT(sms_segments(many("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 45, ""), SMS_AS_IS), 3);
}

TEST(one_character_longer_than_a_part_is_cut_and_counted)
{
    CHECK_INT(sms_segments(many("\xcc\x81", 67 * 3, ""), SMS_AS_IS), 3);
    CHECK_INT(sms_segments(many("\xcc\x81", 67 * 3 + 1, ""), SMS_AS_IS), 4);
    CHECK_INT(sms_segments(many("\xcc\x81", 1500, ""), SMS_AS_IS), 23);
}

TEST(smart_encoding_brings_quotes_back)
{
    CHECK_INT(sms_segments(many("a", 100, "\xe2\x80\x99"), SMS_AS_IS), 2);
    CHECK_INT(sms_segments(many("a", 100, "\xe2\x80\x99"), SMS_SMART), 1);
    CHECK_INT(sms_segments(many("a", 158, "\xe2\x80\x9c\xe2\x80\x93"), SMS_SMART), 1);
    CHECK_INT(sms_segments(many("a", 100, "\xd0\xb0"), SMS_SMART), 2);
    CHECK_INT(sms_segments(many("\xe2\x80\xa6", 53, ""), SMS_SMART), 1); /* an ellipsis is three points */
    CHECK_INT(sms_segments(many("\xe2\x80\xa6", 54, ""), SMS_SMART), 2);
    CHECK_INT(sms_segments(many("\t", 70, ""), SMS_AS_IS), 1);
    CHECK_INT(sms_segments(many("\t", 70, ""), SMS_SMART), 4); /* a tab is seven blanks: smart can be dearer */
    CHECK_INT(sms_segments(many("\xe2\x80\x8b", 500, ""), SMS_SMART), 1);
    CHECK_INT(sms_segments(many("\xef\xbc\xa1", 160, ""), SMS_SMART), 1);  /* wide A */
    CHECK_INT(sms_segments(many("\xef\xbd\x81", 160, ""), SMS_SMART), 3); /* wide a: left as it is */
}

TEST(what_is_sent_as_sixteen_bit_is_counted_so)
{
    CHECK_INT(sms_segments(SPAN(""), SMS_UCS2), 0);
    CHECK_INT(sms_segments(many("a", 70, ""), SMS_UCS2), 1);
    CHECK_INT(sms_segments(many("a", 71, ""), SMS_UCS2), 2);
    CHECK_INT(sms_segments(many("a", 134, ""), SMS_UCS2), 2);
    CHECK_INT(sms_segments(many("a", 160, ""), SMS_UCS2), 3);
    CHECK_INT(sms_segments(many("[", 70, ""), SMS_UCS2), 1); /* no escape there */
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
