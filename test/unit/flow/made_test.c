/* SPDX-License-Identifier: Apache-2.0
 * made_test.c - what calls made, and what vendors told: bounded, one a name, each forgotten in its time. */
#include "flow/made.h"

#include <stdlib.h>

#include "flow/drawer.h"
#include "flow/remembered.h"
#include "test/test.h"

struct block {
    struct filed filed;
    char name[24];
};

static struct filed *block(const char *name, int64_t until)
{
    struct block *b = calloc(1, sizeof(*b));
    must(b != NULL);
    snprintf(b->name, sizeof(b->name), "%s", name);
    b->filed.name = span_of(b->name);
    b->filed.until = until;
    return &b->filed;
}

TEST(drawer_keeps_the_newest)
{
    struct drawer d;
    char name[24];
    drawer_init(&d, 3);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        CHECK(drawer_put(&d, block(name, 100)));
    }
    CHECK(d.count == 3);
    CHECK(drawer_find(&d, SPAN("n6"), 0) == NULL);
    CHECK(drawer_find(&d, SPAN("n7"), 0) != NULL);
    CHECK(drawer_put(&d, block("n8", 7))); /* in place of the one of its name */
    CHECK(d.count == 3);
    CHECK(drawer_find(&d, SPAN("n8"), 8) == NULL);
    CHECK(d.count == 2);
    drawer_tidy(&d, 100);
    CHECK(d.count == 0);
    drawer_free(&d);
}

static const struct span stripe = { "stripe", 6 }, main_one = { "main", 4 };

TEST(made_counts_by_object_and_credential)
{
    struct made *m = made_new();
    struct made_object found;
    struct arena a;
    arena_init(&a, 1 << 16);
    const struct made_object create = { .call = 7, .at = 1000, .counted = 50, .run = SPAN("run_1"), .key = SPAN("key_1"), .user = SPAN("ann"), .label = SPAN("acme:support") };
    made_add(m, stripe, main_one, SPAN("pi_1"), &create);
    made_add(m, stripe, main_one, SPAN("pi_1"), &(struct made_object){ .call = 9, .at = 2000, .counted = 20, .run = SPAN("run_2"), .user = SPAN("bob"), .label = SPAN("beta") });
    CHECK(made_find(m, stripe, main_one, SPAN("pi_1"), &a, &found));
    CHECK(found.counted == 70 && found.call == 7);
    CHECK(span_is(found.run, SPAN("run_1")));
    CHECK(span_is(found.user, SPAN("ann")) && span_is(found.label, SPAN("acme:support")));
    CHECK(!made_find(m, stripe, SPAN("other"), SPAN("pi_1"), &a, &found));
    CHECK(!made_find(m, stripe, main_one, SPAN(""), &a, &found));
    made_free(m);
    arena_free(&a);
}

/* After a start they come newest first: the object is still the oldest call's. */
TEST(made_belongs_to_the_oldest_call)
{
    struct made *m = made_new();
    struct made_object found;
    made_add(m, stripe, main_one, SPAN("pi_1"), &(struct made_object){ .call = 9, .at = 2000, .counted = 20 });
    made_add(m, stripe, main_one, SPAN("pi_1"), &(struct made_object){ .call = 7, .at = 1000, .counted = 50 });
    CHECK(made_find(m, stripe, main_one, SPAN("pi_1"), NULL, &found));
    CHECK(found.call == 7 && found.counted == 70);
    made_tidy(m, 1000 + MADE_MS - 1);
    CHECK(made_count(m) == 1);
    made_tidy(m, 1000 + MADE_MS);
    CHECK(made_count(m) == 0);
    made_free(m);
}

TEST(made_forgets_only_what_is_too_much)
{
    struct made *m = made_new();
    struct made_object found;
    char id[24];
    for (int i = 0; i < MADE_MOST + 5000; i++) {
        int n = snprintf(id, sizeof(id), "ch_%d", i);
        made_add(m, stripe, main_one, span_make(id, (size_t)n), &(struct made_object){ .call = (uint64_t)i + 1, .at = i, .counted = 1 });
    }
    CHECK(made_count(m) <= MADE_MOST);
    CHECK(made_find(m, stripe, main_one, span_of(id), NULL, &found));
    made_free(m);
}

TEST(remembered_objects_are_copies_with_a_time)
{
    struct remembered *r = remembered_new();
    struct arena a;
    struct object out;
    struct object_value values[] = { { .path = SPAN("customer"), .text = SPAN("cus_1") }, { .path = SPAN("refunds") } };
    const struct object o = { .name = SPAN("charge"), .id = SPAN("ch_1"), .known = true, .lasting = true, .values = values, .count = 2 };
    const struct object_read read = { .name = SPAN("charge"), .id = SPAN("ch_1"), .remember_ms = 1000 }, never = { .name = SPAN("charge"), .id = SPAN("ch_1") };
    arena_init(&a, 1 << 16);
    remembered_keep(r, SPAN("stripe/main"), &o, 500);
    CHECK(remembered_object(r, SPAN("stripe/main"), &read, 499, &a, &out));
    CHECK(out.remembered && out.count == 2 && span_is(out.values[0].text, SPAN("cus_1")) && out.values[0].text.at != values[0].text.at);
    CHECK(out.values[1].text.at == NULL);
    CHECK(!remembered_object(r, SPAN("stripe/other"), &read, 0, &a, &out));
    CHECK(!remembered_object(r, SPAN("stripe/main"), &never, 0, &a, &out));
    CHECK(!remembered_object(r, SPAN("stripe/main"), &read, 500, &a, &out));
    remembered_free(r);
    arena_free(&a);
}

TEST(remembered_tokens_end_and_are_dropped)
{
    struct remembered *r = remembered_new();
    struct arena a;
    arena_init(&a, 1 << 16);
    remembered_keep_token(r, SPAN("paypal/main"), SPAN("A21"), 100);
    CHECK(span_is(remembered_token(r, SPAN("paypal/main"), 99, &a), SPAN("A21")));
    CHECK(!remembered_token(r, SPAN("paypal/other"), 0, &a).at);
    remembered_keep_token(r, SPAN("paypal/main"), SPAN("A22"), 200);
    CHECK(span_is(remembered_token(r, SPAN("paypal/main"), 150, &a), SPAN("A22")));
    remembered_drop_token(r, SPAN("paypal/main"));
    CHECK(!remembered_token(r, SPAN("paypal/main"), 150, &a).at);
    remembered_keep_token(r, SPAN("paypal/main"), SPAN("A23"), 200);
    CHECK(!remembered_token(r, SPAN("paypal/main"), 200, &a).at);
    remembered_free(r);
    arena_free(&a);
}

TEST(of_several_that_tell_the_same_one_is_the_first)
{
    struct made *m = made_new();
    struct made_object by = { .call = 7, .at = 1000 }, earlier = { .call = 5, .at = 1000 };
    CHECK(made_add(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_1"), &by));
    CHECK(!made_add(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_1"), &by));
    CHECK(!made_add(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_1"), &earlier));
    CHECK(made_add(m, SPAN("stripe"), SPAN("other"), SPAN("event evt_1"), &by));
    made_forget(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_1"));
    made_forget(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_2"));
    CHECK(made_add(m, SPAN("stripe"), SPAN("main"), SPAN("event evt_1"), &by));
    made_free(m);
}
