/* SPDX-License-Identifier: Apache-2.0
 * loop_test.c - posts from other threads, work for the next turn, stopping. Run it under TSan too. */
#include <pthread.h>

#include "base/clock.h"
#include "net/loop.h"
#include "net/loop_int.h"
#include "test/test.h"

enum { THREADS = 4, POSTS = 5000 };

struct poster {
    pthread_t thread;
    struct crowd *crowd;
    struct posted {
        struct poster *by;
        int number;
    } posts[POSTS];
    int next; /* the loop's thread only: the post that must come next */
};

struct crowd {
    struct loop l;
    struct poster posters[THREADS];
    int seen, out_of_order;
};

static void arrive(void *self)
{
    struct posted *post = self;
    struct crowd *c = post->by->crowd;
    c->out_of_order += post->number != post->by->next++;
    if (++c->seen == THREADS * POSTS)
        loop_stop(&c->l);
}

static void *post_many(void *self)
{
    struct poster *p = self;
    for (int i = 0; i < POSTS; i++) {
        p->posts[i] = (struct posted){ p, i };
        loop_post(&p->crowd->l, arrive, &p->posts[i]);
    }
    return NULL;
}

TEST(posts_from_threads_all_arrive_in_order)
{
    static struct crowd c;
    c = (struct crowd){ .seen = 0 };
    CHECK_INT(loop_init(&c.l), E_OK);
    for (int i = 0; i < THREADS; i++) {
        c.posters[i].crowd = &c;
        must(pthread_create(&c.posters[i].thread, NULL, post_many, &c.posters[i]) == 0);
    }
    loop_run(&c.l);
    for (int i = 0; i < THREADS; i++)
        pthread_join(c.posters[i].thread, NULL);
    CHECK_INT(c.seen, THREADS * POSTS);
    CHECK_INT(c.out_of_order, 0);
    loop_free(&c.l);
}

static void count_up(void *self)
{
    ++*(int *)self;
}

static void *stop_soon(void *self)
{
    struct loop *l = self;
    static int ran;
    ran = 0;
    loop_post(l, count_up, &ran);
    loop_stop(l);
    return &ran;
}

TEST(stop_from_a_thread_lets_earlier_posts_run)
{
    struct loop l;
    pthread_t thread;
    void *ran;
    CHECK_INT(loop_init(&l), E_OK);
    must(pthread_create(&thread, NULL, stop_soon, &l) == 0);
    loop_run(&l);
    pthread_join(thread, &ran);
    CHECK_INT(*(int *)ran, 1);
    loop_free(&l);
}

TEST(posts_that_never_run_are_dropped)
{
    struct loop l;
    int ran = 0;
    CHECK_INT(loop_init(&l), E_OK);
    loop_stop(&l);
    loop_run(&l);
    loop_post(&l, count_up, &ran);
    loop_post(&l, count_up, &ran);
    loop_free(&l);
    CHECK(ran == 0 || ran == 2);
}

/* --- laters --- */

struct relay {
    struct later later, other;
    struct loop l;
    int runs, others;
};

static void run_again(struct later *later)
{
    struct relay *r = CONTAINER_OF(later, struct relay, later);
    later_clear(&r->other);
    if (++r->runs < 3)
        loop_later(&r->l, later);
    else
        loop_stop(&r->l);
}

static void run_other(struct later *later)
{
    CONTAINER_OF(later, struct relay, other)->others++;
}

TEST(laters_run_once_each_turn_and_can_be_cleared)
{
    struct relay r = { .runs = 0 };
    CHECK_INT(loop_init(&r.l), E_OK);
    later_init(&r.later, run_again);
    later_init(&r.other, run_other);
    loop_later(&r.l, &r.later);
    loop_later(&r.l, &r.later);
    loop_later(&r.l, &r.other);
    loop_run(&r.l);
    CHECK_INT(r.runs, 3);
    CHECK_INT(r.others, 0);
    CHECK(!uv_is_active((uv_handle_t *)&r.l.inner->idle));
    loop_free(&r.l);
}

static void note_wall_clock(void *self)
{
    struct loop *l = self;
    int64_t off = clock_unix_ms() - l->now_ms;
    CHECK(off >= 0 && off < 100);
    loop_stop(l);
}

static void *sleep_and_post(void *self)
{
    uv_sleep(150);
    loop_post(self, note_wall_clock, self);
    return NULL;
}

TEST(wall_clock_is_fresh_after_a_long_wait)
{
    struct loop l;
    pthread_t thread;
    CHECK_INT(loop_init(&l), E_OK);
    must(pthread_create(&thread, NULL, sleep_and_post, &l) == 0);
    loop_run(&l);
    pthread_join(thread, NULL);
    loop_free(&l);
}
