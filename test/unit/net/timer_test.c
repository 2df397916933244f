/* SPDX-License-Identifier: Apache-2.0
 * timer_test.c - the wheel: order, moving, clearing, far deadlines, and sleep when nothing is set. */
#include <stdlib.h>

#include "base/clock.h"
#include "net/loop_int.h"
#include "test/test.h"

enum { MANY = 500 };

struct alarm {
    struct timer timer;
    struct watch *watch;
    int64_t want_ms, came_ms; /* since the start */
    int turn;                 /* the how-manieth to fire */
};

struct watch {
    struct loop l;
    int64_t start_ms;
    int fired, expected;
    struct alarm alarms[MANY];
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

static void ring(struct timer *t)
{
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    struct watch *w = a->watch;
    a->came_ms = now_ms() - w->start_ms;
    a->turn = ++w->fired;
    if (w->fired == w->expected)
        loop_stop(&w->l);
}

static struct watch *watch_new(int expected)
{
    struct watch *w = calloc(1, sizeof(*w));
    must(w && loop_init(&w->l) == E_OK);
    w->expected = expected;
    uv_update_time(&w->l.uv);
    w->start_ms = now_ms();
    for (int i = 0; i < MANY; i++) {
        w->alarms[i].watch = w;
        timer_init(&w->alarms[i].timer, ring);
    }
    return w;
}

static void watch_free(struct watch *w)
{
    loop_free(&w->l);
    free(w);
}

static void set(struct watch *w, int i, int64_t ms)
{
    w->alarms[i].want_ms = ms;
    timer_set(&w->l, &w->alarms[i].timer, ms);
}

TEST(timers_fire_in_order_never_early_hardly_late)
{
    struct watch *w = watch_new(MANY);
    for (int i = 0; i < MANY; i++)
        set(w, i, (i * 7919) % 400);
    loop_run(&w->l);
    CHECK_INT(w->fired, MANY);
    for (int i = 0; i < MANY; i++) {
        struct alarm *a = &w->alarms[i];
        if (a->came_ms < a->want_ms || a->came_ms > a->want_ms + 200)
            test_fail(__FILE__, __LINE__, "wanted %lld ms, came at %lld", (long long)a->want_ms, (long long)a->came_ms);
        for (int k = 0; k < MANY; k += 50)
            CHECK(w->alarms[k].want_ms + TICK_MS >= a->want_ms || w->alarms[k].turn < a->turn);
    }
    watch_free(w);
}

TEST(timers_can_be_cleared_and_moved_both_ways)
{
    struct watch *w = watch_new(3);
    set(w, 0, 20);
    timer_clear(&w->alarms[0].timer);
    timer_clear(&w->alarms[0].timer);
    set(w, 1, 30);
    set(w, 1, 120); /* later */
    set(w, 2, 5000);
    set(w, 2, 40); /* sooner */
    set(w, 3, 150);
    loop_run(&w->l);
    CHECK_INT(w->alarms[0].turn, 0);
    CHECK_INT(w->alarms[2].turn, 1);
    CHECK_INT(w->alarms[1].turn, 2);
    CHECK(w->alarms[1].came_ms >= 120);
    watch_free(w);
}

static void ring_and_disturb(struct timer *t)
{
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    struct watch *w = a->watch;
    timer_clear(&w->alarms[1].timer); /* due in the same tick */
    set(w, 2, 0);
    if (++w->fired < 3)
        timer_set(&w->l, t, 0);
}

TEST(a_firing_timer_may_clear_and_set_others_and_itself)
{
    struct watch *w = watch_new(4);
    w->alarms[0].timer.fire = ring_and_disturb;
    set(w, 0, 20);
    set(w, 1, 20);
    loop_run(&w->l);
    CHECK_INT(w->alarms[1].turn, 0);
    CHECK_INT(w->alarms[2].turn, 4);
    watch_free(w);
}

/* Drives the wheel by hand over hours: libuv's clock is set, not waited for. */
static void turn_at(struct watch *w, uint64_t when)
{
    w->l.uv.time = when;
    w->l.inner->wheel.uv.timer_cb(&w->l.inner->wheel.uv);
}

TEST(deadlines_of_hours_hold_to_the_tick)
{
    struct watch *w = watch_new(-1);
    uint64_t start = uv_now(&w->l.uv);
    int64_t hours = 3 * 3600 * 1000;
    set(w, 0, hours);
    set(w, 1, hours - WHEEL_SLOTS * TICK_MS); /* the same slot, one round sooner */
    set(w, 2, WHEEL_SLOTS * TICK_MS);
    int wakes = 0;
    while (w->fired < 3 && wakes < 5000) {
        uint64_t next = (uint64_t)w->l.inner->wheel.armed * TICK_MS;
        must(w->l.inner->wheel.armed > 0 && next > uv_now(&w->l.uv));
        turn_at(w, next);
        wakes++;
    }
    CHECK_INT(w->alarms[2].turn, 1);
    CHECK_INT(w->alarms[1].turn, 2);
    CHECK_INT(w->alarms[0].turn, 3);
    int64_t late = (int64_t)(uv_now(&w->l.uv) - start) - hours;
    CHECK(late >= 0 && late <= TICK_MS);
    CHECK(wakes < 2 * 3 * 3600 / 10);
    CHECK_INT(w->l.inner->wheel.armed, 0);
    watch_free(w);
}

TEST(a_late_loop_fires_all_that_is_due)
{
    struct watch *w = watch_new(-1);
    for (int i = 0; i < 300; i++)
        set(w, i, i * 100);
    turn_at(w, uv_now(&w->l.uv) + 60 * 1000);
    CHECK_INT(w->fired, 300);
    CHECK_INT(w->l.inner->wheel.armed, 0);
    watch_free(w);
}

TEST(nothing_set_means_no_wake)
{
    struct watch *w = watch_new(1);
    CHECK(!uv_is_active((uv_handle_t *)&w->l.inner->wheel.uv));
    set(w, 0, 10);
    loop_run(&w->l);
    CHECK_INT(w->fired, 1);
    CHECK(!uv_is_active((uv_handle_t *)&w->l.inner->wheel.uv));
    watch_free(w);
}
