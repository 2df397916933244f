/* SPDX-License-Identifier: Apache-2.0
 * loop_int.h - the loop's inside, for net/ only. */
#ifndef TG_NET_LOOP_INT_H
#define TG_NET_LOOP_INT_H

#include <stdatomic.h>

#include "net/loop.h"

enum { TICK_MS = 10, WHEEL_SLOTS = 1024 };

/* A hashed wheel: slot = tick modulo WHEEL_SLOTS, so a slot also holds timers of later rounds, which stay where they are.
 * Invariant outside of a turn: if any timer is set, the uv timer runs, for no later than the first slot in use. */
struct wheel {
    uv_timer_t uv;
    struct list slots[WHEEL_SLOTS];
    int64_t tick;  /* all up to here were looked at */
    int64_t armed; /* the tick the uv timer is set for, 0: it rests */
    bool turning;
};

struct post {
    struct post *next;
    void (*fn)(void *self);
    void *self;
};

/* Something that must be closed before the loop can go. */
struct loop_guest {
    struct list link;
    void (*leave)(struct loop_guest *guest); /* takes itself off the list */
};

struct loop_inner {
    struct wheel wheel;
    uv_async_t wake; /* for posts and stop */
    uv_mutex_t lock; /* guards first and last */
    struct post *first, *last;
    atomic_bool stopping;
    uv_idle_t idle; /* runs only while laters wait */
    struct list laters;
    uv_check_t after_poll; /* these two flush what was written in the turn */
    uv_prepare_t before_sleep;
    struct list outgoing; /* wires with fresh bytes */
    struct list guests;
    uint64_t refreshed; /* uv_now of the last loop_refresh */
    int fd_ceiling;     /* connections are not accepted from this descriptor on */
    bool short_of_fds;
    int64_t complained_ms; /* loop_may_complain */
};

/* Every callback that libuv enters calls this first. */
void loop_refresh(struct loop *l);
/* For messages that a flood could cause: true at most once a second. */
bool loop_may_complain(struct loop *l);
void loop_guest_add(struct loop *l, struct loop_guest *guest, void (*leave)(struct loop_guest *guest));

/* Puts a wire on the list of those to be flushed when the turn is over. */
void loop_outgoing(struct loop *l, struct list *wire);
void wire_tcp_turn_over(struct list *outgoing); /* wire_tcp.c: the other end of that list */

void wheel_init(struct loop *l);

/* Moves all items to an empty head. */
static inline void list_move(struct list *from, struct list *to)
{
    list_init(to);
    if (list_empty(from))
        return;
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

#endif
