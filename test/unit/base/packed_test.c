/* SPDX-License-Identifier: Apache-2.0
 * packed_test.c - texts behind their lengths, cut at every byte. */
#include "base/packed.h"

#include "test/test.h"

TEST(packed_texts_come_back_in_their_order)
{
    struct buf b;
    struct span rest, text;
    buf_init(&b, 1 << 10);
    packed_put(&b, SPAN("one"));
    packed_put(&b, SPAN(""));
    packed_put(&b, SPAN("two"));
    rest = buf_span(&b);
    CHECK(packed_take(&rest, &text));
    CHECK_SPAN(text, SPAN("one"));
    CHECK(packed_take(&rest, &text) && text.len == 0);
    CHECK(packed_take(&rest, &text));
    CHECK_SPAN(text, SPAN("two"));
    CHECK(!rest.len && !packed_take(&rest, &text));
    buf_free(&b);
}

TEST(packed_texts_that_are_cut_are_none)
{
    struct buf b;
    buf_init(&b, 1 << 10);
    packed_put(&b, SPAN("some text"));
    for (size_t len = 0; len < b.len; len++) {
        struct span rest = span_first(buf_span(&b), len), text;
        CHECK(!packed_take(&rest, &text));
    }
    buf_free(&b);
}
