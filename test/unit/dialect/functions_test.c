/* SPDX-License-Identifier: Apache-2.0
 * functions_test.c - the index of called functions says what a walk through the conversation says. */
#include "dialect/functions.h"

#include "test/test.h"

TEST(the_index_knows_what_a_walk_finds)
{
    enum { CALLS = 3000 };
    struct arena a;
    struct call c;
    struct functions f;
    arena_init(&a, 64 << 20);
    call_begin(&c);
    functions_index(&f, &c, &a);
    CHECK(!functions_find(&f, SPAN("\"call_1\"")).at);
    struct turn *t = call_turn(&c, ROLE_ASSISTANT, &a);
    for (int i = 0; i < CALLS; i++) {
        if (i % 7 == 0)
            t = call_turn(&c, ROLE_ASSISTANT, &a);
        struct part *p = part_add(&t->parts, i % 5 ? PART_TOOL_CALL : PART_TEXT, &a);
        p->id = i % 11 ? arena_print(&a, "\"call_%d\"", i / 2) : SPAN_NONE; /* some ids come twice, some calls have none */
        p->name = arena_print(&a, "\"f%d\"", i);
    }
    functions_index(&f, &c, &a);
    size_t found = 0;
    for (int i = 0; i < CALLS; i += 3) {
        struct span id = arena_print(&a, "\"call_%d\"", i), want = call_function_of(&c, id);
        found += want.at != NULL;
        CHECK(span_is(functions_find(&f, id), want) && !functions_find(&f, id).at == !want.at);
    }
    CHECK(found > 300 && !functions_find(&f, SPAN_NONE).at && !functions_find(&f, SPAN("\"other\"")).at);
    arena_free(&a);
}

TEST(an_index_without_memory_finds_nothing)
{
    struct arena a, small;
    struct call c;
    struct functions f;
    arena_init(&a, 1 << 20);
    arena_init(&small, 8);
    call_begin(&c);
    struct part *p = part_add(&call_turn(&c, ROLE_ASSISTANT, &a)->parts, PART_TOOL_CALL, &a);
    p->id = SPAN("\"c\"");
    p->name = SPAN("\"n\"");
    functions_index(&f, &c, &small);
    CHECK(small.broken && !functions_find(&f, p->id).at);
    functions_index(&f, &c, &a);
    CHECK_SPAN(functions_find(&f, p->id), SPAN("\"n\""));
    arena_free(&a);
}
