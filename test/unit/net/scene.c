/* SPDX-License-Identifier: Apache-2.0
 * scene.c - see scene.h. */
#include "test/unit/net/scene.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/resolve.h"

enum { BEAT_MS = 20, GOT_MAX = 1024 * 1024 };

/* --- peers --- */

static void opened(void *self, enum err why)
{
    struct peer *p = self;
    p->opened++;
    p->opened_why = why;
    if (p->on_opened)
        p->on_opened(p);
}

static void bytes(void *self, struct span in)
{
    struct peer *p = self;
    p->runs++;
    CHECK(in.len > 0);
    if (p->bytes)
        p->bytes(p, in);
    else
        buf_put(&p->got, in);
}

static void ended(void *self, enum err why)
{
    struct peer *p = self;
    p->ended++;
    p->ended_why = why;
    if (p->on_ended)
        p->on_ended(p);
}

static void drained(void *self)
{
    struct peer *p = self;
    p->drained++;
    if (p->on_drained)
        p->on_drained(p);
}

const struct wire_user peer_user = { .opened = opened, .bytes = bytes, .ended = ended, .drained = drained };

struct peer *peer_new(struct scene *s)
{
    struct peer *p = calloc(1, sizeof(*p));
    must(p);
    p->scene = s;
    buf_init(&p->got, GOT_MAX);
    return p;
}

void peer_close(struct peer *p)
{
    if (p->w)
        wire_close(p->w);
    p->w = NULL;
}

void peer_free(struct peer *p)
{
    peer_close(p);
    buf_free(&p->got);
    free(p);
}

void peer_connect(struct peer *p, struct span host, uint16_t port, const struct tls_client *tls, int64_t ms)
{
    struct wire_target t = { .host = host, .port = port, .tls = tls, .connect_ms = ms };
    p->w = wire_connect(&p->scene->l, &t, &peer_user, p);
    must(p->w);
    CHECK_INT(p->opened, 0);
}

void peer_say(struct peer *p, struct span text)
{
    wire_write(p->w, &text, 1);
}

struct span peer_got(const struct peer *p)
{
    return buf_span(&p->got);
}

/* --- the scene --- */

static void beat(struct timer *t)
{
    struct scene *s = CONTAINER_OF(t, struct scene, beat);
    timer_set(&s->l, t, BEAT_MS);
}

static void incoming(void *self, uv_stream_t *server)
{
    struct scene *s = self;
    must(s->count < PEERS_MAX);
    struct peer *p = peer_new(s);
    p->w = wire_accept(&s->l, server, s->tls, &peer_user, p);
    if (!p->w) {
        peer_free(p);
        return;
    }
    s->accepted[s->count++] = p;
    if (s->arrived)
        s->arrived(p);
}

void net_scene_open(struct scene *s)
{
    char why[256] = "";
    *s = (struct scene){ 0 };
    must(loop_init(&s->l) == E_OK);
    must(listen_parse(SPAN("127.0.0.1:0"), &s->at));
    s->door = listener_open(&s->l, &s->at, incoming, s, why);
    if (!s->door)
        test_fail(__FILE__, __LINE__, "%s", why);
    must(s->door);
    timer_init(&s->beat, beat);
    timer_set(&s->l, &s->beat, BEAT_MS);
}

void net_scene_close(struct scene *s)
{
    for (size_t i = 0; i < s->count; i++)
        peer_free(s->accepted[i]);
    timer_clear(&s->beat);
    loop_free(&s->l); /* closes the listener */
    tls_server_free(s->tls);
}

uint16_t net_scene_port(const struct scene *s)
{
    return ntohs(((const struct sockaddr_in *)(const void *)&s->at.addr)->sin_port);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

bool net_scene_turn(struct scene *s)
{
    if (!s->since_ms)
        s->since_ms = now_ms();
    uv_run(&s->l.uv, UV_RUN_ONCE);
    return now_ms() - s->since_ms < PATIENCE_MS;
}

void net_scene_rest(struct scene *s, int64_t ms)
{
    int64_t until = now_ms() + ms;
    while (now_ms() < until)
        uv_run(&s->l.uv, UV_RUN_ONCE);
}

/* --- awkward addresses --- */

static int bound(union address *at)
{
    socklen_t len = sizeof(*at);
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    must(bind(fd, &at->any, at->any.sa_family == AF_INET ? sizeof(at->four) : sizeof(at->six)) == 0);
    must(getsockname(fd, &at->any, &len) == 0);
    return fd;
}

uint16_t refused_port(void)
{
    union address at;
    must(resolve_literal(SPAN("127.0.0.1"), &at));
    int fd = bound(&at);
    close(fd);
    return ntohs(at.four.sin_port);
}

/* Once a listener's backlog is full, Linux drops further SYNs: a black hole that never leaves the machine. */
void hang_start(struct hang *h, struct span host, uint16_t port)
{
    union address at;
    *h = (struct hang){ 0 };
    must(resolve_literal(host, &at));
    if (at.any.sa_family == AF_INET)
        at.four.sin_port = htons(port);
    else
        at.six.sin6_port = htons(port);
    h->fds[h->count++] = bound(&at);
    must(listen(h->fds[0], 0) == 0);
    h->port = ntohs(at.any.sa_family == AF_INET ? at.four.sin_port : at.six.sin6_port);
    while (h->count < 8) {
        int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        must(fd >= 0);
        h->fds[h->count++] = fd;
        (void)connect(fd, &at.any, at.any.sa_family == AF_INET ? sizeof(at.four) : sizeof(at.six));
    }
}

void hang_end(struct hang *h)
{
    for (size_t i = 0; i < h->count; i++)
        close(h->fds[i]);
}
