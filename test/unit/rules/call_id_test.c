/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/call_id.h"

#include "test/test.h"

TEST(ids_grow_when_time_stands_still_or_goes_back)
{
    struct call_ids ids;
    call_ids_init(&ids, 3, 0);
    uint64_t last = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t id = call_id_next(&ids, 1763700000000 - i / 1000);
        CHECK(id > last);
        last = id;
    }
}

TEST(workers_never_share_an_id)
{
    struct call_ids a, b;
    call_ids_init(&a, 1, 0);
    call_ids_init(&b, 2, 0);
    for (int i = 0; i < 1000; i++)
        CHECK((call_id_next(&a, 5) >> 15 & 63) != (call_id_next(&b, 5) >> 15 & 63));
}

TEST(a_restart_continues_above_what_is_stored)
{
    struct call_ids ids;
    uint64_t stored = call_id_floor(9000) | UINT64_C(5) << 15 | 7;
    call_ids_init(&ids, 1, stored);
    uint64_t id = call_id_next(&ids, 10);
    CHECK(id > stored);
    CHECK_INT(id >> 15 & 63, 1);
}

TEST(text_goes_both_ways)
{
    char text[CALL_ID_TEXT + 1];
    uint64_t back = 0;
    CHECK(call_id_parse(call_id_text(UINT64_C(0x7123456789abcdef), text), &back));
    CHECK_INT(back, INT64_C(0x7123456789abcdef));
    CHECK(!call_id_parse(SPAN("call_000000000000i"), &back));
    CHECK(!call_id_parse(SPAN("row_0000000000000"), &back));
}
