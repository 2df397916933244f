/* SPDX-License-Identifier: Apache-2.0
 * embed_test.c - the files inside the binary, and the clocks and lists that need no file of their own. */
#include "base/embed.h"

#include "base/clock.h"
#include "base/list.h"
#include "test/test.h"

TEST(walk_and_find_agree)
{
    struct span name, content;
    CHECK(embed_find(SPAN("no such file")).at == NULL);
    for (size_t at = 0; embed_next(&at, &name, &content);) {
        struct span found = embed_find(name);
        CHECK(found.at == content.at && found.len == content.len && name.len);
        CHECK(content.at[content.len] == 0 && content.at[content.len + 63] == 0);
    }
}

TEST(clocks_go_on)
{
    int64_t a = clock_monotonic_ns(), b = clock_monotonic_ns();
    CHECK(b >= a && clock_unix_ms() > INT64_C(1700000000000));
}

TEST(lists_keep_order)
{
    struct item {
        int n;
        struct list link;
    } one = { 1, { 0 } }, two = { 2, { 0 } }, three = { 3, { 0 } };
    struct list head;
    list_init(&head);
    CHECK(list_empty(&head));
    list_add_last(&head, &two.link);
    list_add_last(&head, &three.link);
    list_add_first(&head, &one.link);
    CHECK_INT(CONTAINER_OF(head.next, struct item, link)->n, 1);
    CHECK_INT(CONTAINER_OF(head.prev, struct item, link)->n, 3);
    list_remove(&two.link);
    list_remove(&two.link);
    CHECK(head.next->next == head.prev);
    list_remove(&one.link);
    list_remove(&three.link);
    CHECK(list_empty(&head));
}
