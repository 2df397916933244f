/* SPDX-License-Identifier: Apache-2.0
 * tunnel_test.c - the words of CONNECT and what replies mean; and real tunnels through a small proxy on loopback. */
#include "test/unit/net/proxy.h"

static enum tunnel_verdict judge(struct span reply)
{
    return tunnel_judge(reply);
}

TEST(connect_is_asked_properly)
{
    struct buf b;
    buf_init(&b, 4096);
    tunnel_ask(&b, SPAN("api.example.com"), 443, SPAN("Basic eDp5"));
    CHECK_SPAN(buf_span(&b),
        SPAN("CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"));
    buf_clear(&b);
    tunnel_ask(&b, SPAN("::1"), 80, SPAN_NONE);
    CHECK_SPAN(buf_span(&b), SPAN("CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"));
    buf_free(&b);
}

TEST(replies_are_judged)
{
    CHECK_INT(judge(SPAN("HTTP/1.1 200 Connection established\r\n\r\n")), TUNNEL_OPEN);
    CHECK_INT(judge(SPAN("HTTP/1.0 204\r\nX: y\r\n\r\n")), TUNNEL_OPEN);
    CHECK_INT(judge(SPAN("HTTP/1.1 200 OK\r\nX: y\r\n")), TUNNEL_MORE);
    CHECK_INT(judge(SPAN("")), TUNNEL_MORE);
    CHECK_INT(judge(SPAN("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")), TUNNEL_REFUSED);
    CHECK_INT(judge(SPAN("HTTP/1.1 100 Continue\r\n\r\n")), TUNNEL_REFUSED);
    CHECK_INT(judge(SPAN("HTTP/1.1 2000 OK\r\n\r\n")), TUNNEL_REFUSED);
    CHECK_INT(judge(SPAN("HTTP/2 200 OK\r\n\r\n")), TUNNEL_REFUSED);
    CHECK_INT(judge(SPAN("SSH-2.0-x\r\n\r\n")), TUNNEL_REFUSED);
    CHECK_INT(judge(SPAN("HTTP/1.1 200 OK\r\n\r\nsurplus")), TUNNEL_REFUSED);
    char endless[9000];
    memset(endless, 'a', sizeof(endless));
    CHECK_INT(judge(span_make(endless, 8191)), TUNNEL_MORE);
    CHECK_INT(judge(span_make(endless, 8192)), TUNNEL_REFUSED);
}

/* --- over sockets --- */

static void echo(struct peer *p, struct span in)
{
    wire_write(p->w, &in, 1);
}

static void echo_arrived(struct peer *p)
{
    p->bytes = echo;
}

static void connect_through(struct peer *p, uint16_t proxy, uint16_t port, int64_t ms)
{
    struct wire_target t = { .host = SPAN("127.0.0.1"),
        .port = port,
        .proxy_host = SPAN("127.0.0.1"),
        .proxy_port = proxy,
        .proxy_auth = SPAN("Basic c2VjcmV0"),
        .connect_ms = ms };
    p->w = wire_connect(&p->scene->l, &t, &peer_user, p);
    must(p->w);
}

TEST(a_tunnel_carries_bytes_both_ways)
{
    struct scene s;
    struct proxy proxy;
    net_scene_open(&s);
    proxy_open(&proxy, &s);
    s.arrived = echo_arrived;
    struct peer *client = peer_new(&s);
    connect_through(client, proxy.port, net_scene_port(&s), 5000);
    SCENE_UNTIL(&s, client->opened);
    CHECK_INT(client->opened_why, E_OK);
    CHECK(span_find(peer_got(proxy.client), SPAN("Proxy-Authorization: Basic c2VjcmV0\r\n")) > 0);
    peer_say(client, SPAN("through the tunnel"));
    SCENE_UNTIL(&s, client->got.len == 18);
    CHECK_SPAN(peer_got(client), SPAN("through the tunnel"));
    peer_free(client);
    proxy_close(&proxy);
    net_scene_close(&s);
}

TEST(a_tunnel_that_is_refused_is_unreachable)
{
    struct scene s;
    struct proxy proxy;
    net_scene_open(&s);
    proxy_open(&proxy, &s);
    struct peer *client = peer_new(&s);
    connect_through(client, proxy.port, refused_port(), 5000);
    SCENE_UNTIL(&s, client->opened);
    CHECK_INT(client->opened_why, E_UPSTREAM_UNREACHABLE);
    net_scene_rest(&s, 50);
    CHECK_INT(client->opened, 1);
    CHECK_INT(client->runs, 0);
    peer_free(client);
    proxy_close(&proxy);
    net_scene_close(&s);
}

TEST(a_proxy_that_says_nothing_times_out)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *client = peer_new(&s);
    connect_through(client, net_scene_port(&s), 1, 200);
    SCENE_UNTIL(&s, client->opened);
    CHECK_INT(client->opened_why, E_UPSTREAM_TIMEOUT);
    peer_free(client);
    net_scene_close(&s);
}

static void babble(struct peer *p, struct span in)
{
    static const char noise[4096] = { 'H', 'T', 'T', 'P', '/' };
    struct span parts[3] = { span_make(noise, sizeof(noise)), span_make(noise, sizeof(noise)), span_make(noise, 1) };
    (void)in;
    wire_write(p->w, parts, 3);
    p->bytes = NULL;
}

static void babbler_arrived(struct peer *p)
{
    p->bytes = babble;
}

static void hang_up(struct peer *p, struct span in)
{
    (void)in;
    peer_close(p);
}

static void quitter_arrived(struct peer *p)
{
    p->bytes = hang_up;
}

TEST(a_proxy_that_babbles_or_hangs_up_is_unreachable)
{
    void (*kinds[])(struct peer *) = { babbler_arrived, quitter_arrived };
    for (int i = 0; i < 2; i++) {
        struct scene s;
        net_scene_open(&s);
        s.arrived = kinds[i];
        struct peer *client = peer_new(&s);
        connect_through(client, net_scene_port(&s), 1, 5000);
        SCENE_UNTIL(&s, client->opened);
        CHECK_INT(client->opened_why, E_UPSTREAM_UNREACHABLE);
        CHECK_INT(client->ended, 0);
        peer_free(client);
        net_scene_close(&s);
    }
}

TEST(a_host_that_would_break_the_head_is_refused)
{
    struct scene s;
    net_scene_open(&s);
    struct peer *client = peer_new(&s);
    struct wire_target t = {
        .host = SPAN("a\r\nX: y"), .port = 1, .proxy_host = SPAN("127.0.0.1"), .proxy_port = net_scene_port(&s), .connect_ms = 1000
    };
    client->w = wire_connect(&s.l, &t, &peer_user, client);
    CHECK_INT(client->opened, 0);
    SCENE_UNTIL(&s, client->opened);
    CHECK_INT(client->opened_why, E_UPSTREAM_UNREACHABLE);
    CHECK_INT(s.count, 0);
    peer_free(client);
    net_scene_close(&s);
}
