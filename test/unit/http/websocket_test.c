/* SPDX-License-Identifier: Apache-2.0
 * websocket_test.c - both ends of a WebSocket against each other, whatever the runs in which bytes come; and the handshake's words. */
#include "http/websocket.h"

#include "http/upgrade.h"
#include "test/test.h"

struct pipe {
    struct buf bytes;
};

static void put(void *self, struct span bytes) { buf_put(&((struct pipe *)self)->bytes, bytes); }

struct pair {
    struct pipe up, down; /* what the client, the server wrote */
    struct websocket *client, *server;
};

static void pair_open(struct pair *p, size_t most)
{
    buf_init(&p->up.bytes, 64 << 20);
    buf_init(&p->down.bytes, 64 << 20);
    p->client = websocket_new(WEBSOCKET_CLIENT, most, put, &p->up);
    p->server = websocket_new(WEBSOCKET_SERVER, most, put, &p->down);
    CHECK(p->client && p->server);
}

static void pair_close(struct pair *p)
{
    websocket_free(p->client);
    websocket_free(p->server);
    buf_free(&p->up.bytes);
    buf_free(&p->down.bytes);
}

static void feed(struct websocket *to, struct buf *from, size_t step)
{
    for (size_t at = 0; at < from->len; at += step)
        websocket_take(to, span_first(span_from(buf_span(from), at), step));
    buf_clear(from);
}

TEST(messages_come_whole_in_any_runs)
{
    for (size_t step = 1; step < 40; step += 6) {
        struct pair p;
        struct span got;
        pair_open(&p, 1 << 20);
        websocket_send(p.client, SPAN("{\"type\":\"one\"}"));
        websocket_send(p.client, SPAN("gr\xc3\xbc\xc3\x9f"));
        feed(p.server, &p.up.bytes, step);
        CHECK(websocket_next(p.server, &got));
        CHECK_SPAN(got, SPAN("{\"type\":\"one\"}"));
        CHECK(websocket_next(p.server, &got));
        CHECK_SPAN(got, SPAN("gr\xc3\xbc\xc3\x9f"));
        CHECK(!websocket_next(p.server, &got));
        websocket_send(p.server, SPAN("back"));
        websocket_ping(p.server);
        feed(p.client, &p.down.bytes, step);
        CHECK(websocket_next(p.client, &got));
        CHECK_SPAN(got, SPAN("back"));
        CHECK(p.up.bytes.len > 0); /* the pong */
        pair_close(&p);
    }
}

TEST(what_a_client_sends_is_masked_and_a_server_takes_nothing_else)
{
    struct pair p;
    pair_open(&p, 1 << 20);
    websocket_send(p.client, SPAN("secret words"));
    CHECK(span_find(buf_span(&p.up.bytes), SPAN("secret words")) < 0);
    websocket_send(p.server, SPAN("open words"));
    CHECK(span_find(buf_span(&p.down.bytes), SPAN("open words")) >= 0);
    feed(p.server, &p.down.bytes, 1000); /* unmasked, to a server */
    CHECK_INT(websocket_broken(p.server), 1002);
    pair_close(&p);
}

TEST(a_close_is_answered_with_its_code)
{
    struct pair p;
    pair_open(&p, 1 << 20);
    CHECK_INT(websocket_ended(p.server), 0);
    websocket_close(p.client, 4001, SPAN("enough"));
    feed(p.server, &p.up.bytes, 3);
    CHECK_INT(websocket_ended(p.server), 4001);
    CHECK_INT(websocket_broken(p.server), 0);
    feed(p.client, &p.down.bytes, 3);
    CHECK_INT(websocket_ended(p.client), 4001);
    websocket_send(p.client, SPAN("too late"));
    CHECK_INT(p.up.bytes.len, 0);
    pair_close(&p);
}

TEST(too_large_binary_and_broken_text_are_told_so)
{
    struct pair p;
    struct span got;
    char many[200];
    memset(many, 'a', sizeof(many));
    pair_open(&p, 1 << 20);
    websocket_free(p.server);
    p.server = websocket_new(WEBSOCKET_SERVER, 100, put, &p.down);
    websocket_send(p.client, span_make(many, sizeof(many)));
    feed(p.server, &p.up.bytes, 50);
    CHECK_INT(websocket_broken(p.server), 1009);
    CHECK(!websocket_next(p.server, &got));
    pair_close(&p);
    pair_open(&p, 1 << 20);
    websocket_take(p.client, SPAN("\x82\x01x")); /* binary */
    CHECK_INT(websocket_broken(p.client), 1003);
    CHECK(!websocket_next(p.client, &got));
    pair_close(&p);
    pair_open(&p, 1 << 20);
    websocket_take(p.client, SPAN("\x81\x01\xff")); /* no UTF-8 */
    CHECK_INT(websocket_broken(p.client), 1007);
    pair_close(&p);
    pair_open(&p, 1 << 20);
    websocket_take(p.client, SPAN("\x01\x00")); /* a message of nothing, in parts without end */
    for (int i = 0; i < WEBSOCKET_FRAMES; i++)
        websocket_take(p.client, span_make("\x00\x00", 2));
    CHECK_INT(websocket_broken(p.client), 1009);
    pair_close(&p);
}

static struct http_head head_of(struct http_field *fields, size_t count)
{
    return (struct http_head){ .method = SPAN("GET"), .target = SPAN("/"), .minor = 1, .fields = fields, .count = count, .length = -1 };
}

TEST(the_handshake_of_the_rfc)
{
    char room[WEBSOCKET_ACCEPT], key[WEBSOCKET_KEY];
    CHECK_SPAN(websocket_accept(SPAN("dGhlIHNhbXBsZSBub25jZQ=="), room), SPAN("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    struct http_field asked[] = { { SPAN("connection"), SPAN("keep-alive, Upgrade") }, { SPAN("upgrade"), SPAN("WebSocket") },
        { SPAN("sec-websocket-version"), SPAN("13") }, { SPAN("sec-websocket-key"), SPAN("dGhlIHNhbXBsZSBub25jZQ==") },
        { SPAN("sec-websocket-protocol"), SPAN("realtime, a") }, { SPAN("sec-websocket-protocol"), SPAN("b") } };
    struct http_head h = head_of(asked, 6);
    CHECK(websocket_asked(&h) && !websocket_unfit(&h));
    CHECK_SPAN(websocket_protocol(&h, 0), SPAN("realtime"));
    CHECK_SPAN(websocket_protocol(&h, 2), SPAN("b"));
    CHECK(!websocket_protocol(&h, 3).at);
    asked[3].value = SPAN("dGhlIHNhbXBsZSBub25jZQ=");
    CHECK(websocket_unfit(&h));
    websocket_make_key(key);
    asked[3].value = span_make(key, WEBSOCKET_KEY);
    CHECK(!websocket_unfit(&h));
    asked[2].value = SPAN("8");
    CHECK(websocket_unfit(&h));
    asked[2].value = SPAN("13");
    asked[0].value = SPAN("close");
    CHECK(websocket_unfit(&h));
}

TEST(an_answer_must_be_to_our_key_and_without_extensions)
{
    struct http_field said[] = { { SPAN("connection"), SPAN("upgrade") }, { SPAN("upgrade"), SPAN("websocket") },
        { SPAN("sec-websocket-accept"), SPAN("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") }, { SPAN("sec-websocket-extensions"), SPAN("permessage-deflate") } };
    struct http_head h = head_of(said, 3);
    h.status = 101;
    struct span key = SPAN("dGhlIHNhbXBsZSBub25jZQ==");
    CHECK(websocket_answered(&h, key));
    CHECK(!websocket_answered(&h, SPAN("AAAAIHNhbXBsZSBub25jZQ==")));
    h.count = 4;
    CHECK(!websocket_answered(&h, key));
    h.count = 3;
    h.status = 200;
    CHECK(!websocket_answered(&h, key));
}
