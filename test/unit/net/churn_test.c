/* SPDX-License-Identifier: Apache-2.0
 * churn_test.c - many wires whose users do anything at any moment, by a seed. Whatever they do: no callback after a close,
 * no use of freed memory (run it under ASan), every wire ends, the loop comes to rest. */
#include <stdlib.h>

#include "test/unit/net/papers.h"
#include "test/unit/net/scene.h"

enum { CLIENTS = 40, WIRES = 600, BLOCK = 200 * 1000 };

struct churn {
    struct loop l;
    struct listener *door;
    struct listen_address at;
    struct tls_server *server;
    struct tls_client *client;
    uint32_t dice;
    int made, alive, wronged;
    char block[BLOCK];
};

struct actor {
    struct churn *churn;
    struct wire *w; /* NULL: closed */
    struct timer nudge;
    bool client, open, shut, ended;
};

static uint32_t roll(struct churn *c, uint32_t sides)
{
    c->dice ^= c->dice << 13;
    c->dice ^= c->dice >> 17;
    c->dice ^= c->dice << 5;
    return c->dice % sides;
}

static void dial(struct churn *c);

static void actor_gone(struct actor *a)
{
    struct churn *c = a->churn;
    bool again = a->client;
    timer_clear(&a->nudge);
    free(a);
    c->alive--;
    if (again && c->made < WIRES)
        dial(c);
}

static void let_go(struct actor *a)
{
    struct wire *w = a->w;
    a->w = NULL;
    switch (roll(a->churn, 3)) {
    case 0:
        wire_close(w);
        break;
    case 1:
        wire_reset(w);
        break;
    default:
        wire_close_flushed(w);
    }
    timer_set(&a->churn->l, &a->nudge, 20); /* a late callback would still find us, and be counted */
}

static void write_some(struct actor *a)
{
    struct churn *c = a->churn;
    struct span parts[3] = { span_make(c->block, roll(c, 300)), span_make(c->block, roll(c, 20000)),
        span_make(c->block, roll(c, BLOCK)) };
    if (wire_has_room(a->w))
        wire_write(a->w, parts, 1 + roll(c, 3));
}

static void act(struct actor *a)
{
    if (!a->open)
        return;
    switch (roll(a->churn, 12)) {
    case 0:
        let_go(a);
        return;
    case 1:
        wire_pause(a->w);
        return;
    case 2:
    case 3:
        wire_resume(a->w);
        return;
    case 4:
        wire_shut(a->w);
        a->shut = true;
        return;
    default:
        if (!a->shut)
            write_some(a);
    }
}

/* True: the callback may go on. */
static bool entitled(struct actor *a)
{
    a->churn->wronged += !a->w;
    return a->w;
}

static void opened(void *self, enum err why)
{
    struct actor *a = self;
    if (!entitled(a))
        return;
    a->open = why == E_OK;
    if (a->open)
        act(a);
    else
        let_go(a);
}

static void bytes(void *self, struct span in)
{
    struct actor *a = self;
    if (!entitled(a))
        return;
    a->churn->wronged += in.len == 0 || a->ended || !a->open;
    act(a);
}

static void ended(void *self, enum err why)
{
    struct actor *a = self;
    if (!entitled(a))
        return;
    a->churn->wronged += a->ended && why == E_OK;
    a->ended = true;
    act(a);
}

static void drained(void *self)
{
    if (entitled(self))
        act(self);
}

static const struct wire_user actor_user = { .opened = opened, .bytes = bytes, .ended = ended, .drained = drained };

static void nudged(struct timer *t)
{
    struct actor *a = CONTAINER_OF(t, struct actor, nudge);
    if (!a->w) {
        actor_gone(a);
        return;
    }
    if (roll(a->churn, 8) == 0)
        let_go(a);
    else
        act(a);
    if (a->w)
        timer_set(&a->churn->l, t, roll(a->churn, 30));
}

static struct actor *actor_new(struct churn *c, bool client)
{
    struct actor *a = calloc(1, sizeof(*a));
    must(a);
    a->churn = c;
    a->client = client;
    timer_init(&a->nudge, nudged);
    timer_set(&c->l, &a->nudge, roll(c, 30));
    c->alive++;
    return a;
}

static void dial(struct churn *c)
{
    struct listen_address *at = &c->at;
    struct actor *a = actor_new(c, true);
    struct wire_target t = { .host = roll(c, 2) ? SPAN("localhost") : SPAN("127.0.0.1"),
        .connect_ms = roll(c, 20) ? 2000 : 0,
        .tls = c->client,
        .port = ntohs(((struct sockaddr_in *)(void *)&at->addr)->sin_port) };
    c->made++;
    a->w = wire_connect(&c->l, &t, &actor_user, a);
    must(a->w);
}

static void incoming(void *self, uv_stream_t *server)
{
    struct churn *c = self;
    struct actor *a = actor_new(c, false);
    a->w = wire_accept(&c->l, server, c->server, &actor_user, a);
    a->open = a->w && !c->server;
}

static void churn_run(uint32_t seed, const struct papers *papers)
{
    static struct churn c;
    char why[256];
    c = (struct churn){ .dice = seed };
    must(loop_init(&c.l) == E_OK);
    if (papers) {
        c.server = tls_server_new(span_of(papers->cert), span_of(papers->key), why);
        c.client = tls_client_new(span_of(papers->ca), why);
        must(c.server && c.client);
    }
    must(listen_parse(SPAN("127.0.0.1:0"), &c.at));
    c.door = listener_open(&c.l, &c.at, incoming, &c, why);
    must(c.door);
    for (int i = 0; i < CLIENTS; i++)
        dial(&c);
    while (c.alive)
        uv_run(&c.l.uv, UV_RUN_ONCE);
    CHECK_INT(c.made, WIRES);
    CHECK_INT(c.wronged, 0);
    loop_free(&c.l);
    tls_client_free(c.client);
    tls_server_free(c.server);
}

TEST(churn_plain)
{
    churn_run(20261121, NULL);
}

TEST(churn_tls)
{
    struct papers papers;
    papers_make(&papers);
    churn_run(7, &papers);
    papers_burn(&papers);
}
