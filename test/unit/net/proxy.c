/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - see proxy.h. Each side's `extra` is the other side. */
#include "test/unit/net/proxy.h"

static void carry(struct peer *from, struct span in)
{
    struct peer *to = from->extra;
    if (to->w)
        wire_write(to->w, &in, 1);
}

static void pass_end_on(struct peer *from)
{
    struct peer *to = from->extra;
    peer_close(from);
    peer_close(to);
}

static void reached(struct peer *target)
{
    struct peer *client = target->extra;
    bool fine = target->opened_why == E_OK;
    client->bytes = carry;
    peer_say(client, fine ? SPAN("HTTP/1.1 200 fine\r\nVia: test\r\n\r\n") : SPAN("HTTP/1.1 502 bad\r\n\r\n"));
    if (!fine)
        peer_close(target);
}

static void asked(struct peer *client, struct span in)
{
    struct peer *target = client->extra;
    uint64_t port = 0;
    buf_put(&client->got, in);
    if (!span_ends(peer_got(client), SPAN("\r\n\r\n")))
        return;
    struct span rest = peer_got(client), head;
    CHECK(span_cut(&rest, ':', &head) && span_cut(&rest, ' ', &head) && span_to_u64(head, &port));
    peer_connect(target, SPAN("127.0.0.1"), (uint16_t)port, NULL, 2000);
}

static void incoming(void *self, uv_stream_t *server)
{
    struct proxy *p = self;
    struct peer *client = peer_new(p->scene), *target = peer_new(p->scene);
    must(p->count + 2 <= 2 * PEERS_MAX);
    p->all[p->count++] = p->client = client;
    p->all[p->count++] = p->target = target;
    client->extra = target;
    target->extra = client;
    client->bytes = asked;
    target->bytes = carry;
    target->on_opened = reached;
    client->on_ended = target->on_ended = pass_end_on;
    client->w = wire_accept(&p->scene->l, server, NULL, &peer_user, client);
}

void proxy_open(struct proxy *p, struct scene *s)
{
    struct listen_address at;
    char why[256];
    *p = (struct proxy){ .scene = s };
    must(listen_parse(SPAN("127.0.0.1:0"), &at));
    p->door = listener_open(&s->l, &at, incoming, p, why);
    must(p->door);
    p->port = ntohs(((struct sockaddr_in *)(void *)&at.addr)->sin_port);
}

void proxy_close(struct proxy *p)
{
    listener_close(p->door);
    for (size_t i = 0; i < p->count; i++)
        peer_free(p->all[i]);
}
