/* SPDX-License-Identifier: Apache-2.0
 * connect_test.c - getting there or not: refusals, black holes, races between addresses, names. Loopback only. */
#include "base/clock.h"
#include "net/resolve.h"
#include "test/unit/net/scene.h"

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

static union address literal(struct span host)
{
    union address at;
    must(resolve_literal(host, &at));
    return at;
}

TEST(refused_is_unreachable_and_never_told_at_once)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *p = peer_new(&s);
    peer_connect(p, SPAN("127.0.0.1"), refused_port(), NULL, 5000);
    SCENE_UNTIL(&s, p->opened);
    CHECK_INT(p->opened_why, E_UPSTREAM_UNREACHABLE);
    CHECK_INT(p->ended, 0);
    peer_free(p);
    net_scene_close(&s);
}

TEST(nonsense_names_are_unreachable)
{
    struct scene s;
    char longest[400];
    memset(longest, 'a', sizeof(longest));
    struct span names[] = { SPAN(""), SPAN("a b"), SPAN("a\nb"), span_make(longest, sizeof(longest)), span_make("a\0b", 3) };
    net_scene_open(&s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct peer *p = peer_new(&s);
        peer_connect(p, names[i], 80, NULL, 5000);
        SCENE_UNTIL(&s, p->opened);
        CHECK_INT(p->opened_why, E_UPSTREAM_UNREACHABLE);
        peer_free(p);
    }
    net_scene_close(&s);
}

TEST(a_black_hole_ends_at_the_deadline)
{
    struct scene s;
    struct hang h;
    net_scene_open(&s);
    hang_start(&h, SPAN("127.0.0.1"), 0);
    struct peer *p = peer_new(&s);
    int64_t start = now_ms();
    peer_connect(p, SPAN("127.0.0.1"), h.port, NULL, 300);
    SCENE_UNTIL(&s, p->opened);
    int64_t took = now_ms() - start;
    CHECK_INT(p->opened_why, E_UPSTREAM_TIMEOUT);
    CHECK(took >= 290 && took < 1500);
    peer_free(p);
    hang_end(&h);
    net_scene_close(&s);
}

TEST(a_closed_connect_tells_nothing)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *p = peer_new(&s);
    peer_connect(p, SPAN("127.0.0.1"), net_scene_port(&s), NULL, 5000);
    peer_close(p);
    peer_connect(p, SPAN("localhost"), net_scene_port(&s), NULL, 5000); /* a look-up is under way */
    peer_close(p);
    net_scene_rest(&s, 100);
    CHECK_INT(p->opened, 0);
    peer_free(p);
    net_scene_close(&s);
}

TEST(a_loop_can_go_while_a_look_up_is_under_way)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *p = peer_new(&s);
    peer_connect(p, SPAN("localhost"), net_scene_port(&s), NULL, 5000);
    p->w = NULL; /* the loop's end closes it */
    net_scene_close(&s);
    CHECK_INT(p->opened, 0);
    peer_free(p);
}

TEST(localhost_resolves_and_equal_look_ups_are_one)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = peer_new(&s);
        peer_connect(p[i], SPAN("localhost"), net_scene_port(&s), NULL, 5000);
    }
    SCENE_UNTIL(&s, p[0]->opened && p[1]->opened && p[2]->opened);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(p[i]->opened_why, E_OK);
        peer_free(p[i]);
    }
    net_scene_close(&s);
}

TEST(a_refused_address_is_followed_by_the_next_at_once)
{
    struct scene s;
    net_scene_open(&s);
    union address both[2] = { literal(SPAN("::1")), literal(SPAN("127.0.0.1")) };
    resolve_teach(&s.l, SPAN("two.test"), both, 2);
    struct peer *p = peer_new(&s);
    int64_t start = now_ms();
    peer_connect(p, SPAN("two.test"), net_scene_port(&s), NULL, 5000);
    SCENE_UNTIL(&s, p->opened);
    CHECK_INT(p->opened_why, E_OK);
    CHECK(now_ms() - start < 200);
    CHECK_SPAN(wire_peer(p->w), SPAN("127.0.0.1"));
    peer_free(p);
    net_scene_close(&s);
}

TEST(a_dawdling_address_is_overtaken_after_250_ms)
{
    struct scene s;
    struct hang h;
    net_scene_open(&s);
    hang_start(&h, SPAN("::1"), net_scene_port(&s));
    union address all[4] = { literal(SPAN("::1")), literal(SPAN("::1")), literal(SPAN("::1")), literal(SPAN("127.0.0.1")) };
    resolve_teach(&s.l, SPAN("slow.test"), all, 4);
    struct peer *p = peer_new(&s);
    int64_t start = now_ms();
    peer_connect(p, SPAN("slow.test"), net_scene_port(&s), NULL, 5000);
    SCENE_UNTIL(&s, p->opened);
    int64_t took = now_ms() - start;
    CHECK_INT(p->opened_why, E_OK);
    CHECK(took >= 240 && took < 700); /* the families alternate: the other one is second, not fourth */
    CHECK_SPAN(wire_peer(p->w), SPAN("127.0.0.1"));
    peer_free(p);
    hang_end(&h);
    net_scene_close(&s);
}

TEST(a_name_without_addresses_is_unreachable)
{
    struct scene s;
    net_scene_open(&s);
    resolve_teach(&s.l, SPAN("none.test"), NULL, 0);
    struct peer *p = peer_new(&s);
    peer_connect(p, SPAN("none.test"), 80, NULL, 5000);
    SCENE_UNTIL(&s, p->opened);
    CHECK_INT(p->opened_why, E_UPSTREAM_UNREACHABLE);
    peer_free(p);
    net_scene_close(&s);
}

TEST(the_cache_of_names_is_bounded)
{
    struct scene s;
    char text[32];
    union address at = literal(SPAN("127.0.0.1"));
    net_scene_open(&s);
    for (int i = 0; i < 3 * RESOLVE_NAMES; i++) {
        snprintf(text, sizeof(text), "name%d.test", i);
        resolve_teach(&s.l, span_of(text), &at, 1);
    }
    struct peer *p = peer_new(&s);
    peer_connect(p, span_of(text), net_scene_port(&s), NULL, 5000);
    SCENE_UNTIL(&s, p->opened);
    CHECK_INT(p->opened_why, E_OK);
    peer_free(p);
    net_scene_close(&s);
}
