/* SPDX-License-Identifier: Apache-2.0
 * list_test.c - base/list.h: order, and taking items off the front until there are none. */
#include "base/list.h"

#include "test/test.h"

struct item {
    int number;
    struct list link;
};

TEST(items_are_taken_in_their_order)
{
    struct list head;
    struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    list_init(&head);
    list_add_last(&head, &items[1].link);
    list_add_last(&head, &items[2].link);
    list_add_first(&head, &items[0].link);
    for (int i = 0; i < 3; i++) {
        struct list *first = list_take_first(&head);
        CHECK(first == &items[i].link);
        CHECK(list_empty(first)); /* may be removed again */
        CHECK(first == NULL || CONTAINER_OF(first, struct item, link)->number == i);
    }
    CHECK(list_empty(&head));
    CHECK(list_take_first(&head) == NULL);
}
