/* SPDX-License-Identifier: Apache-2.0
 * listen_test.c - addresses as text; sharing a port between our workers, refusing to share it with strangers; running
 * short of descriptors. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/net/scene.h"

static void parses(struct span text, struct span canonical)
{
    struct listen_address a;
    if (!listen_parse(text, &a))
        test_fail(__FILE__, __LINE__, "refused: %.*s", SPAN_ARG(text));
    else
        CHECK_SPAN(span_of(a.text), canonical);
}

TEST(addresses_parse)
{
    parses(SPAN("127.0.0.1:8080"), SPAN("127.0.0.1:8080"));
    parses(SPAN("[::1]:8080"), SPAN("[::1]:8080"));
    parses(SPAN("[0:0::1]:1"), SPAN("[::1]:1"));
    parses(SPAN("localhost:0"), SPAN("127.0.0.1:0"));
    parses(SPAN("*:65535"), SPAN("*:65535"));
    parses(SPAN("0.0.0.0:80"), SPAN("0.0.0.0:80"));
}

TEST(what_is_no_address_is_refused)
{
    struct listen_address a;
    struct span bad[] = { SPAN(""), SPAN(":80"), SPAN("127.0.0.1"), SPAN("127.0.0.1:"), SPAN("127.0.0.1:65536"),
        SPAN("127.0.0.1:-1"), SPAN("::1:80"), SPAN("[127.0.0.1]:80"), SPAN("[::1:80"), SPAN("example.com:80"),
        SPAN("127.0.0.1:8 0"), SPAN("1.2.3:80"), SPAN("127.0.0.1:80x"), SPAN("[]:80") };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (listen_parse(bad[i], &a))
            test_fail(__FILE__, __LINE__, "taken: %.*s", SPAN_ARG(bad[i]));
}

static void ignore(void *self, uv_stream_t *server)
{
    (void)self;
    (void)server;
}

TEST(workers_share_a_port_strangers_do_not)
{
    struct scene s;
    char why[256] = "";
    net_scene_open(&s);
    CHECK(net_scene_port(&s) != 0);
    struct listener *second = listener_open(&s.l, &s.at, ignore, NULL, why);
    CHECK(second != NULL);
    struct listen_address stranger;
    CHECK(listen_parse(span_of(s.at.text), &stranger));
    CHECK(listener_open(&s.l, &stranger, ignore, NULL, why) == NULL);
    CHECK(span_find(span_of(why), SPAN("in use")) > 0);
    if (second)
        listener_close(second);
    net_scene_close(&s);
}

TEST(one_socket_for_both_families_names_ipv4_peers_plainly)
{
    struct scene s;
    net_scene_open(&s);
    listener_close(s.door);
    char why[256] = "";
    CHECK(listen_parse(SPAN("*:0"), &s.at));
    s.door = listener_open(&s.l, &s.at, ignore, NULL, why);
    CHECK(s.door != NULL);
    CHECK(s.at.bound && span_starts(span_of(s.at.text), SPAN("*:")) && !span_is(span_of(s.at.text), SPAN("*:0")));
    net_scene_close(&s);
}

TEST(short_of_descriptors_a_listener_rests)
{
    struct scene s;
    net_scene_open(&s);
    int true_ceiling = s.l.inner->fd_ceiling;
    s.l.inner->fd_ceiling = 0; /* the next connection is already one too many */
    struct peer *a = peer_new(&s), *b = peer_new(&s);
    peer_connect(a, SPAN("127.0.0.1"), net_scene_port(&s), NULL, 5000);
    SCENE_UNTIL(&s, s.count == 1);
    peer_connect(b, SPAN("127.0.0.1"), net_scene_port(&s), NULL, 5000);
    net_scene_rest(&s, 300);
    CHECK_INT(s.count, 1); /* b waits in the backlog */
    CHECK_INT(b->opened, 1);
    s.l.inner->fd_ceiling = true_ceiling;
    SCENE_UNTIL(&s, s.count == 2);
    peer_say(b, SPAN("hello"));
    SCENE_UNTIL(&s, s.accepted[1]->got.len == 5);
    peer_free(a);
    peer_free(b);
    net_scene_close(&s);
}
