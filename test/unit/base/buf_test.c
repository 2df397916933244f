/* SPDX-License-Identifier: Apache-2.0
 * buf_test.c - growth, the ceiling, and that failure sticks. */
#include "base/buf.h"

#include "test/test.h"

TEST(grows_up_to_its_ceiling)
{
    struct buf b;
    struct span whole;
    buf_init(&b, 1000);
    CHECK_SPAN(buf_span(&b), SPAN(""));
    for (int i = 0; i < 1000; i++)
        buf_put_byte(&b, 'x');
    CHECK(buf_done(&b, &whole) == E_OK && whole.len == 1000);
    for (int i = 0; i < BUF_SLACK; i++)
        CHECK(b.at[1000 + i] == 0 || b.at[1000 + i] != 0); /* readable: ASan looks */
    buf_put_byte(&b, 'x');
    CHECK(buf_done(&b, &whole) == E_TOO_LARGE && b.len == 1000);
    buf_put(&b, SPAN(""));
    CHECK(b.broken);
    buf_clear(&b);
    CHECK(!b.broken && b.len == 0 && b.room == 1000);
    buf_put(&b, SPAN("again"));
    CHECK_SPAN(buf_span(&b), SPAN("again"));
    buf_free(&b);
    CHECK(!b.at && b.ceiling == 1000);
}

TEST(what_does_not_fit_is_not_cut)
{
    struct buf b;
    buf_init(&b, 5);
    buf_put(&b, SPAN("abc"));
    buf_put(&b, SPAN("def"));
    CHECK(b.broken);
    CHECK_SPAN(buf_span(&b), SPAN("abc"));
    buf_free(&b);
    buf_init(&b, 5);
    CHECK(!buf_reserve(&b, SIZE_MAX) && b.broken);
    buf_free(&b);
}

TEST(prints)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_put_u64(&b, UINT64_MAX);
    buf_put_byte(&b, ' ');
    buf_put_i64(&b, INT64_MIN);
    buf_put_byte(&b, ' ');
    buf_put_i64(&b, 0);
    buf_print(&b, " %s=%03d", "n", 7);
    CHECK_SPAN(buf_span(&b), SPAN("18446744073709551615 -9223372036854775808 0 n=007"));
    buf_clear(&b);
    buf_print(&b, "%*s", 300000, "");
    CHECK_INT(b.len, 300000);
    buf_free(&b);
    buf_init(&b, 4);
    buf_print(&b, "%s", "1234"); /* exactly full: the NUL goes into the slack */
    CHECK(!b.broken);
    buf_print(&b, "%s", "5");
    CHECK(b.broken);
    buf_free(&b);
}

TEST(drops)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put(&b, SPAN("headbody"));
    buf_drop(&b, 4);
    CHECK_SPAN(buf_span(&b), SPAN("body"));
    buf_drop(&b, 99);
    CHECK_INT(b.len, 0);
    buf_free(&b);
    buf_drop(&b, 1);
}
