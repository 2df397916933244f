/* SPDX-License-Identifier: Apache-2.0
 * speeds_test.c - packed histograms: what goes in comes out, damage is seen, and percentiles are near those of a sorted list. */
#include "store/speeds.h"

#include <stdlib.h>

#include "test/test.h"

static uint64_t dice = 88172645463325252u;
static uint64_t roll(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    return dice ^= dice << 17;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

TEST(percentiles_are_near_a_sorted_list)
{
    enum { COUNT = 5000 };
    static int64_t list[COUNT];
    static const int parts[] = { 10, 500, 950, 990 };
    for (int round = 0; round < 20; round++) {
        struct bins b = { 0 };
        int64_t most = 10 << (round % 16);
        for (int i = 0; i < COUNT; i++)
            bins_add(&b, SPEED_CALL, list[i] = (int64_t)(roll() % (uint64_t)most) + 1);
        qsort(list, COUNT, sizeof(*list), by_size);
        for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
            int64_t got = bins_at(&b, SPEED_CALL, parts[i]), want = list[COUNT * parts[i] / 1000];
            int64_t off = got > want ? got - want : want - got;
            CHECK(off <= want / 5 + 2); /* a bin is 19 % wide */
        }
        CHECK_INT(bins_at(&b, SPEED_GAP, 500), -1);
    }
}

TEST(what_is_packed_comes_out_and_adds_up)
{
    static struct bins a, b, sum;
    struct buf text;
    buf_init(&text, 1 << 16);
    for (int i = 0; i < 3000; i++)
        bins_add(&a, (enum speed_of)(roll() % TIMES), (int64_t)(roll() % 2000000));
    bins_add(&a, SPEED_CALL, INT64_MAX / 2000);
    bins_add(&a, SPEED_CALL, -1);
    bins_pack(&a, &text);
    CHECK(bins_unpack(buf_span(&text), &b));
    CHECK(memcmp(&a, &b, sizeof(a)) == 0);
    CHECK(bins_unpack(buf_span(&text), &sum) && bins_unpack(buf_span(&text), &sum));
    for (int i = 0; i < BINS; i++)
        CHECK_INT(sum.counts[SPEED_CALL][i], 2 * a.counts[SPEED_CALL][i]);
    buf_free(&text);
}

TEST(packed_damage_is_seen)
{
    static struct bins a, b;
    struct buf text;
    buf_init(&text, 1 << 16);
    for (int i = 0; i < 100; i++)
        bins_add(&a, SPEED_CALL, i);
    bins_pack(&a, &text);
    for (size_t i = 0; i < text.len; i++)
        CHECK(!bins_unpack(span_first(buf_span(&text), i), &b));
    CHECK(!bins_unpack(SPAN("\x01\x51\x01"), &b)); /* bin 81 */
    CHECK(!bins_unpack(SPAN("\xff\xff\xff\xff\xff\xff"), &b));
    CHECK(!bins_unpack(SPAN(""), &b));
    buf_free(&text);
}

TEST(packed_counts_do_not_turn_over)
{
    static struct bins a, b;
    struct buf text;
    buf_init(&text, 1 << 16);
    a.counts[SPEED_CALL][3] = UINT32_MAX;
    bins_pack(&a, &text);
    CHECK(bins_unpack(buf_span(&text), &b) && bins_unpack(buf_span(&text), &b));
    CHECK(b.counts[SPEED_CALL][3] == UINT32_MAX);
    bins_add(&b, SPEED_CALL, 1);
    buf_free(&text);
}
