/* SPDX-License-Identifier: Apache-2.0
 * arena_test.c - ceiling, rewind, alignment, and what strangers' counts may do. */
#include "base/arena.h"

#include <malloc.h>
#include <pthread.h>

#include "test/test.h"

TEST(takes_zeroed_and_aligned)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 3000; i++) {
        char *at = arena_take(&a, i % 97 + 1);
        CHECK(at && (uintptr_t)at % 16 == 0 && at[0] == 0 && at[i % 97] == 0);
        if (at)
            memset(at, 0xff, i % 97 + 1);
    }
    CHECK(!a.broken);
    arena_free(&a);
    CHECK_INT(a.taken, 0);
}

TEST(breaks_at_the_ceiling_and_stays_broken)
{
    struct arena a;
    arena_init(&a, 64);
    CHECK(arena_take(&a, 48));
    CHECK(arena_take(&a, 16));
    CHECK(!arena_take(&a, 1) && a.broken);
    CHECK(!arena_take(&a, 0));
    CHECK(arena_copy(&a, SPAN("x")).at == NULL);
    CHECK(arena_print(&a, "%d", 1).at == NULL);
    arena_rewind(&a, (struct arena_mark){ NULL, 0, 0 });
    CHECK(a.broken);
    arena_free(&a);
    CHECK(!a.broken && a.ceiling == 64 && arena_take(&a, 1)); /* free is a new start */
    arena_free(&a);
}

TEST(sizes_do_not_wrap)
{
    struct arena a;
    arena_init(&a, SIZE_MAX);
    CHECK(!ARENA_ARRAY(&a, uint64_t, SIZE_MAX / 4) && a.broken);
    arena_free(&a);
    arena_init(&a, 1000);
    CHECK(!arena_take(&a, SIZE_MAX) && !arena_take(&a, SIZE_MAX - 15));
    arena_free(&a);
}

TEST(rewinds)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char *first = arena_take(&a, 100);
    memset(first, 'x', 100);
    struct arena_mark mark = arena_mark(&a);
    char *after = arena_take(&a, 10);
    for (int i = 0; i < 100; i++)
        CHECK(arena_take(&a, 5000));
    arena_rewind(&a, mark);
    CHECK_INT(a.taken, 112);
    CHECK(first[99] == 'x');
    CHECK(arena_take(&a, 10) == after);
    arena_rewind(&a, (struct arena_mark){ NULL, 0, 0 });
    CHECK_INT(a.taken, 0);
    arena_free(&a);
}

TEST(large_and_small_mix)
{
    struct arena a;
    arena_init(&a, 4 << 20);
    char *small = arena_take(&a, 10), *large = arena_take(&a, 1 << 20), *next = arena_take(&a, 10);
    CHECK(small && large && next);
    large[(1 << 20) - 1] = 1;
    CHECK(!arena_take(&a, 4 << 20));
    arena_free(&a);
}

TEST(copies_and_prints)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct span s = arena_copy(&a, SPAN("hello"));
    CHECK_SPAN(s, SPAN("hello"));
    CHECK(s.at[5] == 0);
    CHECK(arena_copy(&a, SPAN_NONE).at == NULL && !a.broken);
    CHECK(arena_copy(&a, SPAN("")).at != NULL);
    CHECK_SPAN(arena_print(&a, "%s-%d", "x", 42), SPAN("x-42"));
    CHECK_INT(arena_print(&a, "%5000s", "").len, 5000);
    arena_free(&a);
}

/* More small blocks than a thread keeps, from an arena each. */
static void *use_and_end(void *fine)
{
    struct arena arenas[300];
    for (size_t i = 0; i < 300; i++) {
        arena_init(&arenas[i], 4096);
        *(bool *)fine = *(bool *)fine && arena_take(&arenas[i], 100) != NULL;
    }
    for (size_t i = 0; i < 300; i++)
        arena_free(&arenas[i]);
    return NULL;
}

/* A sanitizer's malloc counts nothing here; there the test only runs the code. */
TEST(a_thread_that_ends_leaves_no_blocks)
{
    bool fine = true;
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 40; i++) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, use_and_end, &fine) == 0);
        must(pthread_join(thread, NULL) == 0);
    }
    CHECK(fine);
    CHECK(mallinfo2().uordblks < before + (4 << 20)); /* one thread keeps 1 MiB */
}

TEST(a_list_grows_one_by_one)
{
    struct arena a;
    uint32_t *list = NULL;
    arena_init(&a, 1 << 20);
    for (uint32_t i = 0; i < 1000; i++) {
        list = ARENA_GROW(&a, list, i);
        must(list);
        list[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        CHECK_INT(list[i], i);
    CHECK(a.taken <= 4 * (8 + 16 + 32 + 64 + 128 + 256 + 512 + 1024));
    arena_free(&a);
    arena_init(&a, 16);
    CHECK(ARENA_GROW(&a, (uint64_t *)NULL, 0) == NULL && a.broken);
    arena_free(&a);
}

TEST(texts_are_joined_and_numbers_written)
{
    static const int64_t numbers[] = { 0, 7, -7, 10, INT64_MAX, INT64_MIN };
    const struct span parts[] = { SPAN("http://"), SPAN_NONE, SPAN("gate"), SPAN(""), SPAN("/stripe") };
    struct arena a;
    arena_init(&a, 1 << 16);
    struct span text = arena_join(&a, parts, 5);
    CHECK_SPAN(text, SPAN("http://gate/stripe"));
    CHECK_INT(text.at[text.len], 0);
    CHECK(arena_join(&a, NULL, 0).at && !arena_join(&a, NULL, 0).len);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        CHECK_SPAN(arena_number(&a, numbers[i]), arena_print(&a, "%lld", (long long)numbers[i]));
    const struct span endless[] = { span_make(parts[0].at, SIZE_MAX - 4), parts[0], parts[0] };
    CHECK(!arena_join(&a, endless, 3).at && a.broken);
    arena_free(&a);
}
