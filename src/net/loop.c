/* SPDX-License-Identifier: Apache-2.0
 * loop.c - one thread's loop: posts from other threads, work for the next turn, the shared buffers, the end.
 *
 * Timers are in timer.c. Posts are a list under a mutex and one wake-up; everything else is the loop thread's own. */
#include "net/loop.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/loop_int.h"

enum {
    COMPLAIN_MS = 1000,
    FD_RESERVE = 64 /* descriptors that callers' connections must leave: for vendors, files, the journal */
};

void loop_refresh(struct loop *l)
{
    /* libuv reads its clock once per turn anyway; the wall clock is read at the same pace. */
    if (l->inner->refreshed == uv_now(&l->uv))
        return;
    l->inner->refreshed = uv_now(&l->uv);
    l->now_ms = clock_unix_ms();
}

bool loop_may_complain(struct loop *l)
{
    int64_t now = (int64_t)uv_now(&l->uv);
    if (l->inner->complained_ms && now - l->inner->complained_ms < COMPLAIN_MS)
        return false;
    l->inner->complained_ms = now;
    return true;
}

void loop_guest_add(struct loop *l, struct loop_guest *guest, void (*leave)(struct loop_guest *guest))
{
    guest->leave = leave;
    list_add_last(&l->inner->guests, &guest->link);
}

/* --- posts --- */

static struct post *take_posts(struct loop_inner *in)
{
    uv_mutex_lock(&in->lock);
    struct post *first = in->first;
    in->first = in->last = NULL;
    uv_mutex_unlock(&in->lock);
    return first;
}

static void wake(uv_async_t *handle)
{
    struct loop *l = handle->data;
    /* Read before the posts are taken: what was posted before loop_stop still runs. */
    bool stopping = atomic_exchange(&l->inner->stopping, false);
    loop_refresh(l);
    for (struct post *p = take_posts(l->inner), *next; p; p = next) {
        next = p->next;
        p->fn(p->self);
        free(p);
    }
    if (stopping)
        uv_stop(&l->uv);
}

void loop_post(struct loop *l, void (*fn)(void *self), void *self)
{
    struct post *p = malloc(sizeof(*p));
    must(p);
    *p = (struct post){ NULL, fn, self };
    uv_mutex_lock(&l->inner->lock);
    if (l->inner->last)
        l->inner->last->next = p;
    else
        l->inner->first = p;
    l->inner->last = p;
    uv_mutex_unlock(&l->inner->lock);
    must(uv_async_send(&l->inner->wake) == 0);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->inner->stopping, true);
    must(uv_async_send(&l->inner->wake) == 0);
}

/* --- work for the next turn --- */

static void run_laters(uv_idle_t *handle)
{
    struct loop *l = handle->data;
    struct list now;
    loop_refresh(l);
    list_move(&l->inner->laters, &now);
    while (!list_empty(&now)) {
        struct later *later = CONTAINER_OF(now.next, struct later, link);
        list_remove(&later->link);
        later->run(later);
    }
    if (list_empty(&l->inner->laters))
        uv_idle_stop(handle);
}

void later_init(struct later *later, void (*run)(struct later *later))
{
    list_init(&later->link);
    later->run = run;
}

void loop_later(struct loop *l, struct later *later)
{
    if (!list_empty(&later->link))
        return;
    list_add_last(&l->inner->laters, &later->link);
    uv_idle_start(&l->inner->idle, run_laters);
}

void later_clear(struct later *later)
{
    list_remove(&later->link);
}

/* --- what was written in a turn --- */

void loop_outgoing(struct loop *l, struct list *wire)
{
    if (list_empty(wire))
        list_add_last(&l->inner->outgoing, wire);
}

/* Whoever is told something by a flush may write again: until nobody has anything. */
void loop_flush(struct loop *l)
{
    while (!list_empty(&l->inner->outgoing)) {
        struct list *wire = l->inner->outgoing.next;
        list_remove(wire);
        wire_tcp_turn_over(wire);
    }
}

static void flush_after_poll(uv_check_t *handle) { loop_flush(handle->data); }
static void flush_before_sleep(uv_prepare_t *handle) { loop_flush(handle->data); }

static void flusher_init(struct loop *l)
{
    struct loop_inner *in = l->inner;
    list_init(&in->outgoing);
    in->after_poll.data = in->before_sleep.data = l;
    uv_check_init(&l->uv, &in->after_poll);
    uv_prepare_init(&l->uv, &in->before_sleep);
    must(uv_check_start(&in->after_poll, flush_after_poll) == 0);
    must(uv_prepare_start(&in->before_sleep, flush_before_sleep) == 0);
}

/* --- life --- */

static bool take_memory(struct loop *l)
{
    l->inner = calloc(1, sizeof(*l->inner));
    l->read_buffer = calloc(1, LOOP_READ_SIZE + BUF_SLACK);
    l->plain_buffer = calloc(1, LOOP_READ_SIZE + BUF_SLACK);
    return l->inner && l->read_buffer && l->plain_buffer;
}

static void give_memory(struct loop *l)
{
    free(l->inner);
    free(l->read_buffer);
    free(l->plain_buffer);
    *l = (struct loop){ 0 };
}

static int fd_ceiling(void)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    int most = (int)limit.rlim_cur;
    return most > 2 * FD_RESERVE ? most - FD_RESERVE : most / 2;
}

enum err loop_init(struct loop *l)
{
    *l = (struct loop){ 0 };
    if (!take_memory(l)) {
        give_memory(l);
        return E_NO_MEMORY;
    }
    if (uv_loop_init(&l->uv) != 0) {
        give_memory(l);
        return E_IO;
    }
    struct loop_inner *in = l->inner;
    if (uv_async_init(&l->uv, &in->wake, wake) != 0) {
        must(uv_loop_close(&l->uv) == 0);
        give_memory(l);
        return E_IO;
    }
    in->wake.data = l;
    must(uv_mutex_init(&in->lock) == 0);
    uv_idle_init(&l->uv, &in->idle);
    in->idle.data = l;
    flusher_init(l);
    in->fd_ceiling = fd_ceiling();
    list_init(&in->laters);
    list_init(&in->guests);
    wheel_init(l);
    /* A peer that is gone is an error of one write, never the end of the process. */
    must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    l->now_ms = clock_unix_ms();
    return E_OK;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

static void send_guests_away(struct loop *l)
{
    while (!list_empty(&l->inner->guests)) {
        struct loop_guest *guest = CONTAINER_OF(l->inner->guests.next, struct loop_guest, link);
        guest->leave(guest);
    }
}

void loop_free(struct loop *l)
{
    struct loop_inner *in = l->inner;
    send_guests_away(l);
    uv_close((uv_handle_t *)&in->wake, NULL);
    uv_close((uv_handle_t *)&in->idle, NULL);
    uv_close((uv_handle_t *)&in->after_poll, NULL);
    uv_close((uv_handle_t *)&in->before_sleep, NULL);
    uv_close((uv_handle_t *)&in->wheel.uv, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
        continue; /* a stop that was still pending ended it early */
    must(uv_loop_close(&l->uv) == 0);
    for (struct post *p = take_posts(in), *next; p; p = next) {
        next = p->next;
        free(p);
    }
    uv_mutex_destroy(&in->lock);
    give_memory(l);
}
