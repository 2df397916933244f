/* SPDX-License-Identifier: Apache-2.0
 * observe_test.c - sums over workers against a list of everything that happened; bounds; seconds that are taken over; a reader beside a writer. */
#include "observe/observe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "test/test.h"

static struct sight usual(void)
{
    return (struct sight){ .second = 1790000000, .workspace = SPAN("acme"), .vendor = SPAN("openai"), .operation = SPAN("openai.chat.completions"), .model = SPAN("gpt-4o-mini"),
        .verdict = SIGHT_ALLOWED, .forwarded = true, .generated = true, .cost = 1000, .tokens = { 10, 20, 3, 0 },
        .duration_us = 5000, .gate_us = 100, .first_byte_us = 2500, .gap_us = -1, .cache = SPAN("miss") };
}

/* NULL: there is none of that name. */
static const struct observed_series *series_of(const struct observed *o, struct span vendor, struct span model)
{
    for (size_t i = 0; i < o->series_count; i++)
        if (span_is(o->series[i].vendor, vendor) && span_is(o->series[i].model, model))
            return &o->series[i];
    return NULL;
}

TEST(workers_add_up_by_name)
{
    struct observers *all = observers_new(2);
    struct observer *list[2] = { observers_at(all, 0), observers_at(all, 1) };
    struct observed seen;
    struct arena a;
    struct sight s = usual(), other = usual();
    other.vendor = SPAN("acme"); /* so that numbers of the names differ between the two */
    other.generated = false;
    observe_call(list[1], &other);
    for (int i = 0; i < 3; i++)
        observe_call(list[0], &s);
    s.verdict = SIGHT_DENIED;
    s.denied = E_BUDGET_EXCEEDED;
    s.cost = 0;
    observe_call(list[1], &s);
    s.verdict = SIGHT_ERROR;
    s.denied = E_UPSTREAM_TIMEOUT;
    s.failed = true;
    observe_call(list[1], &s);
    arena_init(&a, 64 << 20);
    CHECK_INT(observe_read(all, &a, &seen), E_OK);
    const struct observed_series *o = series_of(&seen, SPAN("openai"), SPAN("gpt-4o-mini"));
    CHECK(o != NULL);
    CHECK_INT(o->calls, 5);
    CHECK_INT(o->allowed, 3);
    CHECK_INT(o->denied[E_BUDGET_EXCEEDED], 1);
    CHECK_INT(o->errors[E_UPSTREAM_TIMEOUT], 1);
    CHECK_INT(o->failed, 1);
    CHECK_INT(o->cost, 3000);
    CHECK_INT(o->tokens[SIGHT_OUTPUT], 100);
    CHECK_INT(o->tokens[SIGHT_CACHED], 15);
    CHECK_INT(o->duration.count, 5);
    CHECK_INT(o->duration.sum, 25000);
    CHECK_INT(o->gap.count, 0);
    CHECK_INT(series_of(&seen, SPAN("acme"), SPAN("gpt-4o-mini"))->tokens[SIGHT_INPUT], 0); /* not a model's */
    CHECK_INT(seen.key_count, 1); /* "other": keys were not asked for */
    arena_free(&a);
    observers_free(all);
}

TEST(what_has_no_room_is_other)
{
    enum { NAMES = 3000 };
    struct observers *all = observers_new(1);
    struct observer *o = observers_at(all, 0);
    struct observed seen;
    struct arena a;
    char model[400];
    for (int i = 0; i < NAMES; i++) {
        struct sight s = usual();
        s.model = span_make(model, (size_t)snprintf(model, sizeof(model), "model-%d", i));
        observe_call(o, &s);
    }
    struct sight s = usual();
    memset(model, 'x', sizeof(model));
    s.model = span_make(model, sizeof(model)); /* longer than a name may be */
    observe_call(o, &s);
    arena_init(&a, 64 << 20);
    CHECK_INT(observe_read(all, &a, &seen), E_OK);
    CHECK_INT(seen.series_count, OBSERVE_SERIES);
    CHECK_INT(series_of(&seen, SPAN("other"), SPAN("other"))->calls, NAMES + 1 - (OBSERVE_SERIES - 1));
    CHECK_INT(series_of(&seen, SPAN("openai"), SPAN("model-7"))->calls, 1);
    arena_free(&a);
    observers_free(all);
}

/* "ab" + "c" is not "a" + "bc". */
TEST(parts_of_a_name_stay_apart)
{
    struct observers *all = observers_new(1);
    struct observer *o = observers_at(all, 0);
    struct observed seen;
    struct arena a;
    struct sight s = usual();
    s.vendor = SPAN("ab");
    s.operation = SPAN("c");
    observe_call(o, &s);
    s.vendor = SPAN("a");
    s.operation = SPAN("bc");
    observe_call(o, &s);
    arena_init(&a, 64 << 20);
    CHECK_INT(observe_read(all, &a, &seen), E_OK);
    CHECK_INT(seen.series_count, 3); /* "other" is one */
    arena_free(&a);
    observers_free(all);
}

TEST(a_value_on_a_bound_lies_below_it)
{
    struct histogram h = { 0 };
    struct histogram_sum sum = { 0 };
    static const int64_t times[] = { -5, 0, 1250, 1251, 2500, 2501, 163840000, 163840001, INT64_MAX / 2 };
    static const int places[] = { 0, 0, 0, 1, 1, 2, 17, 18, 18 };
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        struct histogram_sum before = sum, after = { 0 };
        histogram_time(&h, times[i]);
        histogram_add(&h, &after);
        CHECK_INT(after.counts[places[i]], before.counts[places[i]] + 1);
        sum = after;
    }
    CHECK_INT(time_bound_us(0), 1250);
    CHECK_INT(time_bound_us(17), 163840000);
}

TEST(sizes_have_bounds_of_four)
{
    static const int64_t sizes[] = { 0, 1, 2, 4, 5, 16, 17, 67108864, 67108865 };
    static const int places[] = { 0, 0, 1, 1, 2, 2, 3, 13, 14 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct histogram h = { 0 };
        struct histogram_sum sum = { 0 };
        histogram_size(&h, sizes[i]);
        histogram_add(&h, &sum);
        CHECK_INT(sum.counts[places[i]], 1);
    }
    CHECK_INT(size_bound(13), 67108864);
}

TEST(parts_of_a_thousand_lie_between_bounds)
{
    struct histogram h = { 0 };
    struct histogram_sum sum = { 0 };
    CHECK_INT(histogram_time_at(&sum, 500), -1);
    for (int i = 0; i < 100; i++)
        histogram_time(&h, 15000); /* between 10 and 20 ms */
    histogram_add(&h, &sum);
    CHECK_INT(histogram_time_at(&sum, 500), 15000);
    CHECK_INT(histogram_time_at(&sum, 1000), 20000);
}

TEST(seconds_are_kept_and_taken_over)
{
    struct observers *all = observers_new(1);
    struct observer *o = observers_at(all, 0);
    struct observed_second seen[3];
    struct sight s = usual();
    observe_call(o, &s);
    s.second += 2;
    s.workspace = SPAN("other-one");
    s.verdict = SIGHT_DENIED;
    observe_call(o, &s);
    observe_seconds(all, SPAN_NONE, 1790000000, 3, seen);
    CHECK_INT(seen[0].calls, 1);
    CHECK_INT(seen[0].cost, 1000);
    CHECK_INT(seen[1].calls, 0);
    CHECK_INT(seen[2].denied, 1);
    observe_seconds(all, SPAN("acme"), 1790000000, 3, seen);
    CHECK_INT(seen[0].calls, 1);
    CHECK_INT(seen[2].calls, 0);
    observe_seconds(all, SPAN("nobody"), 1790000000, 3, seen);
    CHECK_INT(seen[0].calls, 0);
    s.second = 1790000000 + OBSERVE_SECONDS; /* the same place */
    observe_call(o, &s);
    observe_seconds(all, SPAN_NONE, 1790000000, 3, seen);
    CHECK_INT(seen[0].calls, 0);
    observers_free(all);
}

TEST(what_is_under_way_is_of_its_workspace)
{
    struct observers *all = observers_new(1);
    struct observer *o = observers_at(all, 0);
    observe_open_clear(o);
    observe_open(o, SPAN("acme"), 500);
    observe_open(o, SPAN("acme"), 0);
    observe_open(o, SPAN("beta"), 70);
    observe_open(o, SPAN(""), 0);
    CHECK_INT(observe_open_now(all, SPAN_NONE).calls, 0); /* not done yet */
    observe_open_done(o);
    CHECK_INT(observe_open_now(all, SPAN_NONE).calls, 4);
    CHECK_INT(observe_open_now(all, SPAN_NONE).held, 570);
    CHECK_INT(observe_open_now(all, SPAN("acme")).calls, 2);
    observe_open_clear(o);
    observe_open_done(o);
    CHECK_INT(observe_open_now(all, SPAN("acme")).held, 0);
    observers_free(all);
}

/* Under ThreadSanitizer this is the proof that reading needs no lock; everywhere, that no counter ever falls. */
struct writing {
    struct observers *all;
    struct observer *o;
    atomic_bool end;
};

static void *write_on(void *self)
{
    struct writing *w = self;
    char model[32];
    for (int i = 0; !atomic_load(&w->end); i++) {
        struct sight s = usual();
        s.model = span_make(model, (size_t)snprintf(model, sizeof(model), "m%d", i % 700));
        s.second += i / 100;
        observe_call(w->o, &s);
        observe_attempt(w->o, s.vendor, 200, 100);
    }
    return NULL;
}

TEST(a_reader_beside_the_writer_sees_counters_grow)
{
    struct writing w = { .all = observers_new(1) };
    w.o = observers_at(w.all, 0);
    pthread_t thread;
    uint64_t before = 0;
    CHECK_INT(pthread_create(&thread, NULL, write_on, &w), 0);
    for (int i = 0; i < 50 || (!before && i < 1000000); i++) { /* the writer may take its time to begin */
        struct observed seen;
        struct arena a;
        uint64_t calls = 0;
        arena_init(&a, 64 << 20);
        CHECK_INT(observe_read(w.all, &a, &seen), E_OK);
        for (size_t k = 0; k < seen.series_count; k++)
            calls += seen.series[k].calls;
        CHECK(calls >= before);
        before = calls;
        arena_free(&a);
    }
    atomic_store(&w.end, true);
    pthread_join(thread, NULL);
    CHECK(before > 0);
    observers_free(w.all);
}
