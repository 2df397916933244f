/* SPDX-License-Identifier: Apache-2.0
 * map_test.c - against a plain array, and SipHash against its published values. */
#include "base/map.h"

#include "test/test.h"

TEST(siphash_reference_values)
{
    /* key 00..0f, text 00..(n-1): from the paper's reference code */
    uint8_t bytes[64];
    uint64_t key[2];
    for (int i = 0; i < 64; i++)
        bytes[i] = (uint8_t)i;
    memcpy(key, bytes, sizeof(key));
    CHECK(map_siphash(key, span_make((const char *)bytes, 0)) == UINT64_C(0x726fdb47dd0e0e31));
    CHECK(map_siphash(key, span_make((const char *)bytes, 1)) == UINT64_C(0x74f839c593dc67fd));
    CHECK(map_siphash(key, span_make((const char *)bytes, 8)) == UINT64_C(0x93f5f5799a932462));
    CHECK(map_siphash(key, span_make((const char *)bytes, 15)) == UINT64_C(0xa129ca6149be45e5));
}

TEST(empty_map)
{
    struct map m = { 0 };
    size_t at = 0;
    CHECK(!map_get(&m, SPAN("a")) && !map_take(&m, SPAN("a")) && !map_next(&m, &at));
    map_free(&m);
}

/* Two hundred names put in and taken out in a fixed disorder; an array says what must be there. */
TEST(agrees_with_an_array)
{
    static char names[200][16], values[200];
    bool there[200] = { false };
    struct map m = { 0 };
    uint32_t state = 12345;
    size_t count = 0;
    for (int i = 0; i < 200; i++)
        snprintf(names[i], sizeof(names[i]), "n%d", i);
    for (int step = 0; step < 20000; step++) {
        state = state * 1664525 + 1013904223;
        int i = (int)(state >> 8) % 200;
        struct span name = span_of(names[i]);
        CHECK((map_get(&m, name) == &values[i]) == there[i]);
        if (state >> 31) {
            CHECK(map_put(&m, name, &values[i]));
            count += !there[i];
            there[i] = true;
        } else {
            CHECK((map_take(&m, name) != NULL) == there[i]);
            count -= there[i];
            there[i] = false;
        }
        CHECK_INT(m.count, count);
    }
    size_t at = 0, seen = 0;
    while (map_next(&m, &at))
        seen++;
    CHECK_INT(seen, count);
    map_free(&m);
}

TEST(put_replaces)
{
    struct map m = { 0 };
    int one, two;
    CHECK(map_put(&m, SPAN(""), &one) && map_put(&m, SPAN(""), &two));
    CHECK(map_get(&m, SPAN("")) == &two && m.count == 1);
    map_free(&m);
}
