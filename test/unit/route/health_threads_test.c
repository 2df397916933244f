/* SPDX-License-Identifier: Apache-2.0
 * Many threads on the same targets; meant for ThreadSanitizer, too. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "route/health.h"
#include "route/route.h"
#include "test/test.h"

enum { THREADS = 8, ROUNDS = 300, TARGETS = 97 };

static const struct breaker_rule rule = { .failures = 3, .window_ms = 60000, .cooldown_ms = 1000 };

struct crowd {
    struct health *h;
    pthread_barrier_t gate;
    _Atomic int64_t now;
    _Atomic int let_through, closed;
    _Atomic long turns[3];
};

static void turned(void *self, struct span target, enum breaker now, struct span why)
{
    struct crowd *c = self;
    (void)target;
    (void)why;
    atomic_fetch_add(&c->turns[now], 1);
}

static void run_all(struct crowd *c, void *(*fn)(void *))
{
    pthread_t threads[THREADS];
    c->h = health_new(&(struct health_hooks){ .self = c, .turned = turned });
    pthread_barrier_init(&c->gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, fn, c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&c->gate);
}

static struct health_target *the_target(struct crowd *c) { return health_find(c->h, SPAN("v"), SPAN("c"), SPAN("m"), SPAN_NONE); }

static bool first_of_all(struct crowd *c) { return pthread_barrier_wait(&c->gate) == PTHREAD_BARRIER_SERIAL_THREAD; }

/* Each round: it is open and the cool-down over; all ask at once. */
static void *ask_at_once(void *self)
{
    struct crowd *c = self;
    int64_t until;
    for (int round = 0; round < ROUNDS; round++) {
        if (first_of_all(c)) {
            struct health_target *t = the_target(c);
            int64_t now = atomic_load(&c->now);
            for (int i = 0; i < 3 && round == 0; i++)
                health_end(t, &rule, false, true, true, 500, -1, now);
            atomic_store(&c->now, now + 1000);
            atomic_store(&c->let_through, 0);
        }
        pthread_barrier_wait(&c->gate);
        enum breaker may = health_ask(the_target(c), &rule, atomic_load(&c->now), &until);
        atomic_fetch_add(&c->let_through, may == BREAKER_HALF_OPEN);
        atomic_fetch_add(&c->closed, may == BREAKER_CLOSED);
        pthread_barrier_wait(&c->gate);
        if (may == BREAKER_HALF_OPEN) {
            CHECK_INT(atomic_load(&c->let_through), 1);
            health_begin(the_target(c));
            health_end(the_target(c), &rule, true, true, true, 500, -1, atomic_load(&c->now));
        }
    }
    return NULL;
}

TEST(of_all_that_ask_exactly_one_is_the_probe)
{
    struct crowd c = { .now = INT64_C(1790000000000) };
    run_all(&c, ask_at_once);
    CHECK_INT(atomic_load(&c.closed), 0);
    CHECK_INT(atomic_load(&c.turns[BREAKER_OPEN]), ROUNDS + 1);
    CHECK_INT(atomic_load(&c.turns[BREAKER_HALF_OPEN]), ROUNDS);
    health_free(c.h);
}

/* Everything at once: nothing is lost that is counted. */
static void *bustle(void *self)
{
    struct crowd *c = self;
    char name[32];
    struct buf b;
    int64_t until;
    buf_init(&b, 4 << 20);
    pthread_barrier_wait(&c->gate);
    for (int i = 0; i < ROUNDS * TARGETS; i++) {
        snprintf(name, sizeof(name), "m%d", i % TARGETS);
        struct health_target *t = health_find(c->h, SPAN("v"), SPAN("c"), span_of(name), SPAN_NONE);
        int64_t now = 1790000000000 + i;
        enum breaker may = health_ask(t, &rule, now, &until);
        health_begin(t);
        health_end(t, &rule, may == BREAKER_HALF_OPEN, true, i / TARGETS % 5 == 0, 500, i, now);
        health_headroom(t, i, ROUNDS * TARGETS, now);
        if (i % 1009 == 0) {
            health_refuse_credential(c->h, SPAN("v"), span_of(name), (uint64_t)i, 401, now);
            (void)health_reset(c->h, SPAN("v"), SPAN_NONE, SPAN_NONE, now);
            buf_clear(&b);
            health_write(c->h, SPAN_NONE, now, &b);
            CHECK(!b.broken);
        }
        (void)health_credential_refused(c->h, SPAN("v"), span_of(name), (uint64_t)i);
        (void)health_p95_us(t);
        (void)health_latency_us(t);
    }
    buf_free(&b);
    return NULL;
}

TEST(no_count_is_lost_among_threads)
{
    struct crowd c = { 0 };
    char want[64];
    struct buf b;
    run_all(&c, bustle);
    buf_init(&b, 4 << 20);
    health_write(c.h, SPAN_NONE, 1790000000000, &b);
    snprintf(want, sizeof(want), "\"calls\":%d,\"failures\":%d,", ROUNDS * THREADS, ROUNDS / 5 * THREADS);
    struct span rest = buf_span(&b);
    int found = 0;
    for (ptrdiff_t at; (at = span_find(rest, span_of(want))) >= 0; found++)
        rest = span_from(rest, (size_t)at + 1);
    CHECK_INT(found, TARGETS);
    CHECK_INT(health_in_flight(health_find(c.h, SPAN("v"), SPAN("c"), SPAN("m0"), SPAN_NONE)), 0);
    buf_free(&b);
    health_free(c.h);
}
