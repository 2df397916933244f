/* SPDX-License-Identifier: Apache-2.0
 * loop.h - one thread's event loop (libuv): timers, posts from other threads, the shared read buffer.
 *
 * Everything here belongs to the loop's thread except loop_post and loop_stop. */
#ifndef TG_NET_LOOP_H
#define TG_NET_LOOP_H

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "base/must.h"
#include "base/span.h"

enum { LOOP_READ_SIZE = 64 * 1024 }; /* what one read may bring; BUF_SLACK bytes more are readable behind it */

struct loop {
    uv_loop_t uv;
    char *read_buffer;  /* shared by all wires of the loop: bytes handed to a reader live until it returns */
    char *plain_buffer; /* the same size: what TLS decrypts */
    bool read_busy;     /* guards against a nested read */
    int64_t now_ms;     /* wall clock, refreshed by whatever wakes the loop */
    struct loop_inner *inner;
    struct resolver *resolver; /* made by the first look-up */
};

CHECKED enum err loop_init(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop */
/* Whatever is still open on the loop is closed without a callback; posts that did not run are dropped. */
void loop_free(struct loop *l);
/* Sends what was written in this turn now. The loop does it by itself before it sleeps; for those who must know that it is
 * out before they say so. */
void loop_flush(struct loop *l);
/* From any thread: ends loop_run after the current turn. */
void loop_stop(struct loop *l);
/* From any thread: fn(self) runs on the loop's thread, in order of posting. */
void loop_post(struct loop *l, void (*fn)(void *self), void *self);

/* Runs once in the loop's next turn; embedded in its owner. From the loop's thread only. */
struct later {
    struct list link;
    void (*run)(struct later *later);
};
void later_init(struct later *later, void (*run)(struct later *later));
void loop_later(struct loop *l, struct later *later); /* no effect if it waits already */
void later_clear(struct later *later);

/* A coarse timer: cheap to set and reset on every read and write (a wheel behind one uv timer, 10 ms ticks), since every
 * wait has a deadline and almost none of them fires. Embedded in its owner; timer_set on a set timer moves it. */
struct timer {
    struct list link;
    int64_t due_ms; /* uv_now's clock, rounded up to a tick: never early, at most a tick late */
    void (*fire)(struct timer *t);
};
void timer_init(struct timer *t, void (*fire)(struct timer *t));
void timer_set(struct loop *l, struct timer *t, int64_t delay_ms);
void timer_clear(struct timer *t);

#endif
