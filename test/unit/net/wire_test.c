/* SPDX-License-Identifier: Apache-2.0
 * wire_test.c - plain wires over real sockets: bytes, backpressure, ends of every kind, callbacks that close. */
#include <stdlib.h>
#include <sys/socket.h>

#include "test/unit/net/scene.h"
#include "test/unit/net/transfer.h"

static void echo(struct peer *p, struct span in)
{
    wire_write(p->w, &in, 1);
}

static void echo_arrived(struct peer *p)
{
    p->bytes = echo;
}

/* A connected pair: a is ours, *b the accepted side. */
static struct peer *pair(struct scene *s, struct peer **b)
{
    struct peer *a = peer_new(s);
    size_t before = s->count;
    peer_connect(a, SPAN("127.0.0.1"), net_scene_port(s), NULL, 5000);
    SCENE_UNTIL(s, a->opened && s->count > before);
    CHECK_INT(a->opened_why, E_OK);
    *b = s->accepted[before];
    return a;
}

TEST(echo_and_names)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    s.arrived = echo_arrived;
    struct peer *a = pair(&s, &b);
    struct span parts[] = { SPAN("one "), SPAN(""), SPAN("two "), SPAN_NONE, SPAN("three") };
    wire_write(a->w, parts, 5);
    wire_write(a->w, parts, 0);
    SCENE_UNTIL(&s, a->got.len == 13);
    CHECK_SPAN(peer_got(a), SPAN("one two three"));
    CHECK_SPAN(wire_peer(a->w), SPAN("127.0.0.1"));
    CHECK_SPAN(wire_peer(b->w), SPAN("127.0.0.1"));
    CHECK(wire_server_name(b->w).at == NULL);
    CHECK_INT(b->opened, 0);
    CHECK_INT(wire_queued(a->w), 0);
    peer_free(a);
    net_scene_close(&s);
}

TEST(many_parts_arrive_in_order)
{
    struct scene s;
    struct peer *b;
    struct span parts[100];
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    for (size_t i = 0; i < 100; i++)
        parts[i] = span_make(&"0123456789"[i % 10], 1);
    wire_write(a->w, parts, 100);
    SCENE_UNTIL(&s, b->got.len == 100);
    CHECK(span_ends(peer_got(b), SPAN("01234567890123456789")));
    peer_free(a);
    net_scene_close(&s);
}

TEST(big_transfer_with_backpressure)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    transfer_run(a, b, 64u << 20);
    peer_free(a);
    net_scene_close(&s);
}

TEST(a_paused_wire_stays_silent)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_pause(b->w);
    peer_say(a, SPAN("wait for it"));
    wire_shut(a->w);
    net_scene_rest(&s, 60);
    CHECK_INT(b->runs + b->ended, 0);
    wire_resume(b->w);
    SCENE_UNTIL(&s, b->ended);
    CHECK_SPAN(peer_got(b), SPAN("wait for it"));
    CHECK_INT(b->ended_why, E_OK);
    peer_free(a);
    net_scene_close(&s);
}

TEST(half_close_leaves_the_other_way_open)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    peer_say(a, SPAN("question"));
    wire_shut(a->w);
    SCENE_UNTIL(&s, b->ended);
    CHECK_INT(b->ended_why, E_OK);
    CHECK_INT(a->ended, 0);
    peer_say(b, SPAN("answer"));
    wire_shut(b->w);
    wire_shut(b->w);
    SCENE_UNTIL(&s, a->ended);
    CHECK_SPAN(peer_got(a), SPAN("answer"));
    CHECK_INT(a->ended_why, E_OK);
    peer_free(a);
    net_scene_close(&s);
}

TEST(shut_waits_for_the_queue)
{
    struct scene s;
    struct peer *b;
    char *big = calloc(1, 8u << 20);
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    struct sink sink = { 0 };
    sink_attach(&sink, b, false);
    struct span part = span_make(big, 8u << 20);
    wire_write(a->w, &part, 1);
    free(big);
    CHECK(wire_queued(a->w) > 0);
    CHECK(!wire_has_room(a->w));
    wire_shut(a->w);
    SCENE_UNTIL(&s, b->ended);
    CHECK_INT(b->ended_why, E_OK);
    CHECK_INT(sink.total, 8 << 20);
    CHECK_INT(a->drained, 1);
    peer_free(a);
    net_scene_close(&s);
}

TEST(a_reset_is_broken)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_reset(b->w);
    b->w = NULL;
    SCENE_UNTIL(&s, a->ended);
    CHECK_INT(a->ended_why, E_UPSTREAM_BROKEN);
    peer_say(a, SPAN("into the void"));
    CHECK_INT(wire_queued(a->w), 0);
    net_scene_rest(&s, 40);
    CHECK_INT(a->ended, 1);
    peer_free(a);
    net_scene_close(&s);
}

static void say_more(struct scene *s, struct peer *p)
{
    for (int i = 0; i < 5 && p->ended == 0; i++) {
        peer_say(p, SPAN("still there?"));
        net_scene_rest(s, 30);
    }
}

TEST(a_reset_while_paused_is_noticed_by_writing)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_pause(a->w);
    wire_reset(b->w);
    b->w = NULL;
    say_more(&s, a);
    CHECK_INT(a->ended, 1);
    CHECK_INT(a->ended_why, E_UPSTREAM_BROKEN);
    peer_free(a);
    net_scene_close(&s);
}

TEST(after_an_orderly_end_a_failed_write_is_told)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_shut(b->w);
    SCENE_UNTIL(&s, a->ended == 1);
    CHECK_INT(a->ended_why, E_OK);
    peer_close(b);
    for (int i = 0; i < 10 && a->ended < 2; i++) {
        peer_say(a, SPAN("anybody?"));
        net_scene_rest(&s, 30);
    }
    CHECK_INT(a->ended, 2);
    CHECK_INT(a->ended_why, E_UPSTREAM_BROKEN);
    peer_free(a);
    net_scene_close(&s);
}

/* --- callbacks that close --- */

static void close_now(struct peer *p)
{
    peer_close(p);
}

static void close_on_bytes(struct peer *p, struct span in)
{
    (void)in;
    peer_close(p);
}

TEST(every_callback_may_close)
{
    for (int kind = 0; kind < 4; kind++) {
        struct scene s;
        struct peer *b;
        net_scene_open(&s);
        struct peer *a = pair(&s, &b);
        a->bytes = kind == 0 ? close_on_bytes : NULL;
        a->on_ended = kind == 1 || kind == 2 ? close_now : NULL;
        a->on_drained = kind == 3 ? close_now : NULL;
        if (kind == 0) {
            peer_say(b, SPAN("bytes"));
        } else if (kind == 1) {
            wire_shut(b->w);
        } else if (kind == 2) {
            wire_reset(b->w);
            b->w = NULL;
        } else {
            struct sink sink = { 0 };
            char *big = calloc(1, 8u << 20);
            struct span part = span_make(big, 8u << 20);
            sink_attach(&sink, b, false);
            wire_write(a->w, &part, 1);
            free(big);
            SCENE_UNTIL(&s, a->w == NULL);
            b->bytes = NULL;
        }
        SCENE_UNTIL(&s, a->w == NULL);
        int told = a->runs + a->ended + a->drained;
        peer_free(a);
        CHECK_INT(told, 1);
        net_scene_close(&s);
    }
}

static void close_on_opened(struct peer *p)
{
    peer_close(p);
}

TEST(opened_may_close_on_success_and_failure)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *a = peer_new(&s), *b = peer_new(&s);
    a->on_opened = b->on_opened = close_on_opened;
    peer_connect(a, SPAN("127.0.0.1"), net_scene_port(&s), NULL, 5000);
    peer_connect(b, SPAN("127.0.0.1"), refused_port(), NULL, 5000);
    SCENE_UNTIL(&s, !a->w && !b->w);
    peer_free(a);
    peer_free(b);
    net_scene_close(&s);
}

static void pause_and_answer(struct peer *p, struct span in)
{
    buf_put(&p->got, in);
    wire_pause(p->w);
    peer_say(p, SPAN("taken"));
}

TEST(pause_inside_bytes_holds_the_next_run)
{
    struct scene s;
    struct peer *b;
    char *big = calloc(1, 4u * LOOP_READ_SIZE);
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    b->bytes = pause_and_answer;
    struct span part = span_make(big, 4u * LOOP_READ_SIZE);
    wire_write(a->w, &part, 1);
    SCENE_UNTIL(&s, a->got.len == 5);
    net_scene_rest(&s, 50);
    CHECK_INT(b->runs, 1);
    for (int i = 0; i < 200 && b->got.len < part.len; i++) {
        wire_resume(b->w);
        net_scene_rest(&s, 5);
    }
    CHECK_INT(b->got.len, part.len);
    free(big);
    peer_free(a);
    net_scene_close(&s);
}

TEST(close_flushed_delivers_all_then_closes)
{
    struct scene s;
    struct peer *b;
    char *big = calloc(1, 8u << 20);
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    struct sink sink = { 0 };
    sink_attach(&sink, b, false);
    peer_say(b, SPAN("unread bytes must not turn the end into a reset"));
    struct span part = span_make(big, 8u << 20);
    wire_write(a->w, &part, 1);
    wire_close_flushed(a->w);
    a->w = NULL;
    SCENE_UNTIL(&s, b->ended);
    CHECK_INT(b->ended_why, E_OK);
    CHECK_INT(sink.total, 8 << 20);
    CHECK_INT(a->runs + a->ended + a->drained, 0);
    free(big);
    peer_free(a);
    net_scene_close(&s);
}

TEST(a_lingering_wire_goes_with_its_loop)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_pause(b->w);
    peer_say(a, SPAN("bye"));
    wire_close_flushed(a->w);
    a->w = NULL;
    peer_free(a);
    net_scene_close(&s);
}

TEST(a_writer_without_measure_breaks_its_wire)
{
    struct scene s;
    struct peer *b;
    char *big = calloc(1, 16u << 20);
    net_scene_open(&s);
    struct peer *a = pair(&s, &b);
    wire_pause(b->w);
    struct span part = span_make(big, 16u << 20);
    for (int i = 0; i < 12; i++)
        wire_write(a->w, &part, 1);
    CHECK_INT(wire_queued(a->w), 0);
    SCENE_UNTIL(&s, a->ended);
    CHECK_INT(a->ended_why, E_UPSTREAM_BROKEN);
    free(big);
    peer_free(a);
    net_scene_close(&s);
}

TEST(a_wire_changes_hands)
{
    struct scene s;
    struct peer *b;
    net_scene_open(&s);
    struct peer *a = pair(&s, &b), *heir = peer_new(&s);
    wire_user(a->w, &peer_user, heir);
    heir->w = a->w;
    a->w = NULL;
    peer_say(b, SPAN("for the heir"));
    SCENE_UNTIL(&s, heir->got.len == 12);
    CHECK_INT(a->runs, 0);
    peer_free(a);
    peer_free(heir);
    net_scene_close(&s);
}
