/* SPDX-License-Identifier: Apache-2.0
 * repeats_test.c - one goes, the others wait: every way through the states, and threads that race for one name. */
#include "flow/repeats.h"

#include <pthread.h>
#include <stdatomic.h>

#include "test/test.h"

struct told {
    struct repeats *repeats;
    int looked;
    uint64_t news;
};

static void look(void *self, const struct digest *once)
{
    struct told *t = self;
    (void)once;
    t->looked++;
}

static void news(void *self, uint64_t workers)
{
    struct told *t = self;
    t->news |= workers;
}

static struct repeats *fresh(struct told *t)
{
    *t = (struct told){ 0 };
    t->repeats = repeats_new(&(struct repeats_hooks){ .self = t, .look = look, .news = news });
    return t->repeats;
}

static struct digest named(const char *text) { return digest_sha256(span_of(text)); }

struct entry {
    struct span answer;
    uint64_t of;
};

static enum repeat enter(struct repeats *r, const char *once, const char *asked, uint64_t call, unsigned worker, struct arena *a, struct entry *out)
{
    struct digest o = named(once), q = named(asked);
    out->answer = SPAN_NONE;
    return repeats_enter(r, &o, &q, call, worker, a, &out->answer, &out->of);
}

static uint64_t none_applied(void *self, unsigned worker)
{
    (void)self, (void)worker;
    return 0;
}

static uint64_t all_applied(void *self, unsigned worker)
{
    (void)self, (void)worker;
    return UINT64_MAX;
}

TEST(the_first_goes_and_the_next_gets_its_answer)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest once = named("k"), asked = named("body");
    arena_init(&a, 1 << 16);
    CHECK(enter(r, "k", "body", 1, 0, &a, &e) == REPEAT_WAIT); /* the store is asked first */
    CHECK(t.looked == 1);
    CHECK(enter(r, "k", "body", 2, 3, &a, &e) == REPEAT_WAIT);
    CHECK(t.looked == 1);
    repeats_found(r, &once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    CHECK(t.news == (1 | 1 << 3));
    CHECK(enter(r, "k", "body", 1, 0, &a, &e) == REPEAT_GO);
    CHECK(enter(r, "k", "body", 2, 3, &a, &e) == REPEAT_WAIT);
    CHECK(enter(r, "k", "other", 3, 3, &a, &e) == REPEAT_CONFLICT);
    t.news = 0;
    repeats_keep(r, &once, &asked, 1, SPAN("answer"), 0, 10);
    CHECK(t.news == 1 << 3);
    CHECK(enter(r, "k", "body", 2, 3, &a, &e) == REPEAT_KEPT);
    CHECK(span_is(e.answer, SPAN("answer")) && e.of == 1);
    CHECK(enter(r, "k", "other", 3, 3, &a, &e) == REPEAT_CONFLICT);
    arena_free(&a);
    repeats_free(r);
}

TEST(what_came_to_nothing_lets_the_next_one_go)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest once = named("k");
    arena_init(&a, 1 << 16);
    (void)enter(r, "k", "body", 1, 0, &a, &e);
    repeats_found(r, &once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    CHECK(enter(r, "k", "body", 1, 0, &a, &e) == REPEAT_GO);
    CHECK(enter(r, "k", "body", 2, 1, &a, &e) == REPEAT_WAIT);
    repeats_drop(r, &once, 0, 0);
    CHECK(t.news & 2);
    CHECK(enter(r, "k", "changed", 2, 1, &a, &e) == REPEAT_GO); /* it may be put right */
    arena_free(&a);
    repeats_free(r);
}

TEST(a_lost_outcome_lets_nobody_go_until_it_is_known)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest once = named("k"), any = { { 0 } };
    arena_init(&a, 1 << 16);
    (void)enter(r, "k", "body", 1, 0, &a, &e);
    repeats_found(r, &once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    CHECK(enter(r, "k", "body", 1, 0, &a, &e) == REPEAT_GO);
    repeats_doubt(r, &once, 1, 0, 50);
    repeats_tidy(r, none_applied, NULL);
    CHECK(enter(r, "k", "body", 2, 1, &a, &e) == REPEAT_LOST && e.of == 1);
    repeats_keep(r, &once, &any, 1, SPAN_NONE, 0, 60);
    CHECK(enter(r, "k", "body", 2, 1, &a, &e) == REPEAT_SETTLED);
    arena_free(&a);
    repeats_free(r);
}

TEST(the_store_knows_answers_and_doubts_of_former_processes)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest kept = named("kept"), lost = named("lost"), broken = named("broken"), asked = named("body");
    arena_init(&a, 1 << 16);
    (void)enter(r, "kept", "body", 9, 0, &a, &e);
    repeats_found(r, &kept, FOUND_ANSWER, 4, &asked, SPAN("old"));
    CHECK(enter(r, "kept", "body", 9, 0, &a, &e) == REPEAT_KEPT && e.of == 4);
    CHECK(enter(r, "kept", "other", 9, 0, &a, &e) == REPEAT_CONFLICT);
    (void)enter(r, "lost", "body", 9, 0, &a, &e);
    repeats_found(r, &lost, FOUND_IN_DOUBT, 5, NULL, SPAN_NONE);
    CHECK(enter(r, "lost", "body", 9, 0, &a, &e) == REPEAT_LOST && e.of == 5);
    (void)enter(r, "broken", "body", 9, 0, &a, &e);
    repeats_found(r, &broken, FOUND_TROUBLE, 0, NULL, SPAN_NONE);
    CHECK(enter(r, "broken", "body", 9, 0, &a, &e) == REPEAT_NO_MEMORY); /* fail closed */
    repeats_tidy(r, all_applied, NULL);
    CHECK(enter(r, "broken", "body", 9, 0, &a, &e) == REPEAT_WAIT); /* asked again later */
    arena_free(&a);
    repeats_free(r);
}

TEST(what_the_store_says_late_does_not_undo_what_was_settled_meanwhile)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest once = named("k"), any = { { 0 } };
    arena_init(&a, 1 << 16);
    (void)enter(r, "k", "body", 1, 0, &a, &e);
    repeats_keep(r, &once, &any, 7, SPAN_NONE, 0, 60); /* an operator resolves the doubt while the store is asked */
    repeats_found(r, &once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
    CHECK(enter(r, "k", "body", 1, 0, &a, &e) == REPEAT_SETTLED);
    arena_free(&a);
    repeats_free(r);
}

TEST(tidying_forgets_what_the_store_has_and_nothing_else)
{
    struct told t;
    struct arena a;
    struct entry e;
    struct repeats *r = fresh(&t);
    struct digest one = named("one"), two = named("two"), asked = named("body");
    arena_init(&a, 1 << 16);
    repeats_keep(r, &one, &asked, 1, SPAN("a"), 0, 10);
    repeats_keep(r, &two, &asked, 2, SPAN("b"), 0, 20);
    (void)enter(r, "asking", "body", 3, 0, &a, &e);
    repeats_tidy(r, none_applied, NULL);
    CHECK(repeats_count(r) == 3);
    repeats_tidy(r, all_applied, NULL);
    CHECK(repeats_count(r) == 1); /* the one that is being looked for */
    arena_free(&a);
    repeats_free(r);
}

/* ---- threads ---- */

enum { RACERS = 8, ROUNDS = 2000 };

struct race {
    struct told t;
    struct repeats *repeats;
    _Atomic int gone[ROUNDS], kept[ROUNDS];
};

static void look_at_once(void *self, const struct digest *once)
{
    struct race *race = self;
    repeats_found(race->repeats, once, FOUND_NOTHING_KEPT, 0, NULL, SPAN_NONE);
}

static void no_news(void *self, uint64_t workers)
{
    (void)self, (void)workers;
}

static void one_round(struct race *race, int round, unsigned worker, struct arena *a)
{
    char name[32];
    struct entry e;
    enum repeat what = REPEAT_WAIT;
    snprintf(name, sizeof(name), "round %d", round);
    while (what == REPEAT_WAIT)
        what = enter(race->repeats, name, "body", 1 + worker, worker, a, &e);
    if (what == REPEAT_GO) {
        struct digest once = named(name), asked = named("body");
        atomic_fetch_add(&race->gone[round], 1);
        repeats_keep(race->repeats, &once, &asked, 1 + worker, SPAN("answer"), worker, 1);
    } else if (what == REPEAT_KEPT) {
        atomic_fetch_add(&race->kept[round], 1);
    }
}

struct racer {
    struct race *race;
    unsigned worker;
};

static void *run(void *self)
{
    struct racer *r = self;
    for (int i = 0; i < ROUNDS; i++) {
        struct arena a;
        arena_init(&a, 1 << 12);
        one_round(r->race, i, r->worker, &a);
        arena_free(&a);
    }
    return NULL;
}

TEST(of_many_threads_with_one_name_exactly_one_goes)
{
    static struct race race;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    race.repeats = repeats_new(&(struct repeats_hooks){ .self = &race, .look = look_at_once, .news = no_news });
    for (unsigned i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){ &race, i };
        pthread_create(&threads[i], NULL, run, &racers[i]);
    }
    for (unsigned i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < ROUNDS; i++)
        CHECK(race.gone[i] == 1 && race.kept[i] == RACERS - 1);
    repeats_free(race.repeats);
}
