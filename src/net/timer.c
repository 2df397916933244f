/* SPDX-License-Identifier: Apache-2.0
 * timer.c - the wheel behind struct timer: setting and moving one is a few pointer writes.
 *
 * There is no tick while nothing is due: the uv timer is set for the first slot in use, so an idle process sleeps. A
 * timer further away than one round (10.24 s) wakes the loop once per round, which is the price of not sorting. */
#include "net/loop_int.h"

static int64_t tick_of(int64_t ms)
{
    return (ms + TICK_MS - 1) / TICK_MS;
}

static struct list *slot_of(struct wheel *wheel, int64_t tick)
{
    return &wheel->slots[tick % WHEEL_SLOTS];
}

static void turn(uv_timer_t *handle);

static void arm(struct loop *l, int64_t tick)
{
    struct wheel *wheel = &l->inner->wheel;
    int64_t wait = tick * TICK_MS - (int64_t)uv_now(&l->uv);
    wheel->armed = tick;
    must(uv_timer_start(&wheel->uv, turn, wait > 0 ? (uint64_t)wait : 0, 0) == 0);
}

static void arm_for_first(struct loop *l)
{
    struct wheel *wheel = &l->inner->wheel;
    wheel->armed = 0;
    for (int64_t tick = wheel->tick + 1; tick <= wheel->tick + WHEEL_SLOTS; tick++)
        if (!list_empty(slot_of(wheel, tick))) {
            arm(l, tick);
            return;
        }
}

static void fire_slot(struct wheel *wheel, int64_t now)
{
    struct list *slot = slot_of(wheel, wheel->tick);
    struct list waiting;
    list_move(slot, &waiting);
    while (!list_empty(&waiting)) {
        struct timer *t = CONTAINER_OF(waiting.next, struct timer, link);
        list_remove(&t->link);
        if (t->due_ms > now)
            list_add_last(slot, &t->link); /* of a later round */
        else
            t->fire(t);
    }
}

static void turn(uv_timer_t *handle)
{
    struct loop *l = handle->data;
    struct wheel *wheel = &l->inner->wheel;
    int64_t now = (int64_t)uv_now(&l->uv), last = now / TICK_MS;
    loop_refresh(l);
    wheel->turning = true;
    if (wheel->tick < last - WHEEL_SLOTS)
        wheel->tick = last - WHEEL_SLOTS; /* one round sees every slot */
    while (wheel->tick < last) {
        wheel->tick++;
        fire_slot(wheel, now);
    }
    wheel->turning = false;
    arm_for_first(l);
}

void wheel_init(struct loop *l)
{
    struct wheel *wheel = &l->inner->wheel;
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_init(&wheel->slots[i]);
    uv_timer_init(&l->uv, &wheel->uv);
    wheel->uv.data = l;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    list_init(&t->link);
    t->due_ms = 0;
    t->fire = fire;
}

void timer_set(struct loop *l, struct timer *t, int64_t delay_ms)
{
    struct wheel *wheel = &l->inner->wheel;
    int64_t now = (int64_t)uv_now(&l->uv);
    must(delay_ms >= 0);
    if (!wheel->armed && !wheel->turning)
        wheel->tick = now / TICK_MS; /* it rested: nothing was due since */
    int64_t tick = tick_of(now + delay_ms);
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    if (!list_empty(&t->link) && t->due_ms == tick * TICK_MS)
        return;
    list_remove(&t->link);
    t->due_ms = tick * TICK_MS;
    list_add_last(slot_of(wheel, tick), &t->link);
    if (!wheel->turning && (!wheel->armed || tick < wheel->armed))
        arm(l, tick);
}

void timer_clear(struct timer *t)
{
    list_remove(&t->link);
}
