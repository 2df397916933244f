/* SPDX-License-Identifier: Apache-2.0
 * tls_test.c - TLS wires against each other, with certificates made on the spot: who is believed, who is not, resumption,
 * truncation, reload. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "net/tls_int.h"
#include "test/unit/net/papers.h"
#include "test/unit/net/proxy.h"
#include "test/unit/net/transfer.h"

/* --- a stage: a scene that speaks TLS --- */

struct stage {
    struct scene s;
    struct papers papers;
    struct tls_client *client;
};

static struct tls_server *serve(const char *cert, const char *key)
{
    char why[256] = "";
    struct tls_server *server = tls_server_new(span_of(cert), span_of(key), why);
    if (!server)
        test_fail(__FILE__, __LINE__, "%s", why);
    return server;
}

static struct tls_client *trusting(const char *ca)
{
    char why[256] = "";
    struct tls_client *client = tls_client_new(span_of(ca), why);
    if (!client)
        test_fail(__FILE__, __LINE__, "%s", why);
    return client;
}

static void stage_open(struct stage *st)
{
    papers_make(&st->papers);
    net_scene_open(&st->s);
    st->s.tls = serve(st->papers.cert, st->papers.key);
    st->client = trusting(st->papers.ca);
}

static void stage_close(struct stage *st)
{
    tls_client_free(st->client); /* before the wires: they keep it */
    net_scene_close(&st->s);
    papers_burn(&st->papers);
}

static struct peer *dial(struct stage *st, struct span host, const struct tls_client *client)
{
    struct peer *a = peer_new(&st->s);
    peer_connect(a, host, net_scene_port(&st->s), client, 5000);
    SCENE_UNTIL(&st->s, a->opened);
    return a;
}

/* An open pair. */
static struct peer *pair(struct stage *st, struct peer **b)
{
    size_t before = st->s.count;
    struct peer *a = dial(st, SPAN("localhost"), st->client);
    CHECK_INT(a->opened_why, E_OK);
    SCENE_UNTIL(&st->s, st->s.count > before && st->s.accepted[before]->opened);
    *b = st->s.accepted[before];
    CHECK_INT((*b)->opened_why, E_OK);
    return a;
}

TEST(tls_talks_both_ways_and_ends_in_order)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    CHECK_SPAN(wire_server_name(b->w), SPAN("localhost"));
    struct span parts[] = { SPAN("head "), SPAN(""), SPAN("body") };
    wire_write(a->w, parts, 3);
    SCENE_UNTIL(&st.s, b->got.len == 9);
    CHECK_SPAN(peer_got(b), SPAN("head body"));
    CHECK_INT(b->runs, 1);
    wire_shut(a->w);
    SCENE_UNTIL(&st.s, b->ended);
    CHECK_INT(b->ended_why, E_OK);
    peer_say(b, SPAN("answer"));
    wire_close_flushed(b->w);
    b->w = NULL;
    SCENE_UNTIL(&st.s, a->ended);
    CHECK_SPAN(peer_got(a), SPAN("answer"));
    CHECK_INT(a->ended_why, E_OK);
    peer_free(a);
    stage_close(&st);
}

TEST(tls_big_transfer_with_backpressure)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    transfer_run(a, b, 16u << 20);
    transfer_run(b, a, 16u << 20);
    peer_free(a);
    stage_close(&st);
}

TEST(tls_by_address_needs_the_address_in_the_certificate)
{
    struct stage st;
    stage_open(&st);
    struct peer *a = dial(&st, SPAN("127.0.0.1"), st.client);
    CHECK_INT(a->opened_why, E_OK);
    SCENE_UNTIL(&st.s, st.s.accepted[0]->opened);
    CHECK(wire_server_name(st.s.accepted[0]->w).at == NULL);
    peer_free(a);
    tls_server_free(st.s.tls);
    st.s.tls = serve(st.papers.other_cert, st.papers.other_key);
    struct tls_client *fresh = trusting(st.papers.ca);
    a = dial(&st, SPAN("127.0.0.1"), fresh);
    CHECK_INT(a->opened_why, E_UPSTREAM_UNREACHABLE);
    peer_free(a);
    tls_client_free(fresh);
    stage_close(&st);
}

TEST(tls_refuses_wrong_names_and_strangers)
{
    struct stage st;
    stage_open(&st);
    struct tls_client *credulous = trusting(st.papers.stranger_ca);
    struct peer *a = dial(&st, SPAN("localhost"), credulous);
    CHECK_INT(a->opened_why, E_UPSTREAM_UNREACHABLE);
    SCENE_UNTIL(&st.s, st.s.accepted[0]->opened);
    CHECK_INT(st.s.accepted[0]->opened_why, E_UPSTREAM_UNREACHABLE);
    peer_free(a);
    tls_client_free(credulous);
    tls_server_free(st.s.tls);
    st.s.tls = serve(st.papers.other_cert, st.papers.other_key);
    a = dial(&st, SPAN("localhost"), st.client);
    CHECK_INT(a->opened_why, E_UPSTREAM_UNREACHABLE);
    CHECK_INT(a->runs + a->ended, 0);
    peer_free(a);
    stage_close(&st);
}

TEST(tls_system_store_does_not_trust_our_ca)
{
    struct stage st;
    char why[256] = "";
    stage_open(&st);
    struct tls_client *system = tls_client_new(SPAN_NONE, why);
    CHECK(system != NULL);
    struct peer *a = dial(&st, SPAN("localhost"), system);
    CHECK_INT(a->opened_why, E_UPSTREAM_UNREACHABLE);
    peer_free(a);
    tls_client_free(system);
    stage_close(&st);
}

/* A store that is read again: its time on disk is another. */
static void touch(const char *path)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct tls_client *shared(const char *ca)
{
    char why[256] = "";
    struct tls_client *client = tls_client_shared(span_of(ca), why);
    CHECK(client != NULL);
    return client;
}

TEST(tls_clients_are_shared_until_what_they_trust_changes)
{
    struct papers papers;
    char why[256] = "";
    papers_make(&papers);
    struct tls_client *first = shared(papers.ca), *again = shared(papers.ca), *other = shared(papers.stranger_ca), *back = shared(papers.ca);
    CHECK(first == again);
    CHECK(other != first && back != other);
    touch(papers.ca);
    struct tls_client *changed = shared(papers.ca);
    CHECK(changed != back);
    CHECK(tls_client_shared(SPAN("/nonexistent/ca.pem"), why) == NULL && why[0]);
    CHECK(tls_client_shared(SPAN(""), why) == NULL);
    struct tls_client *system = tls_client_shared(SPAN_NONE, why);
    CHECK(system && system != changed);
    struct tls_client *of[] = { first, again, other, back, changed, system };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        tls_client_free(of[i]);
    papers_burn(&papers);
}

TEST(tls_sessions_resume_even_after_an_abrupt_close)
{
    struct stage st;
    stage_open(&st);
    for (int round = 0; round < 3; round++) {
        struct peer *b;
        struct peer *a = pair(&st, &b);
        CHECK_INT(wire_tls_resumed(a->w), round > 0);
        CHECK_INT(wire_tls_resumed(b->w), round > 0);
        CHECK_SPAN(wire_server_name(b->w), SPAN("localhost"));
        peer_say(b, SPAN("tickets travel with the first bytes"));
        SCENE_UNTIL(&st.s, a->got.len > 0);
        CHECK_INT(tls_session_count(st.client), 1);
        peer_free(a);
    }
    stage_close(&st);
}

TEST(tls_reload_changes_new_connections_only)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    struct tls_server *kept = tls_server_keep(st.s.tls);
    tls_server_free(st.s.tls);
    tls_server_free(kept);
    st.s.tls = serve(st.papers.other_cert, st.papers.other_key);
    struct tls_client *fresh = trusting(st.papers.ca);
    struct peer *c = dial(&st, SPAN("localhost"), fresh);
    CHECK_INT(c->opened_why, E_UPSTREAM_UNREACHABLE); /* the new certificate has another name */
    peer_say(a, SPAN("still here"));
    SCENE_UNTIL(&st.s, b->got.len == 10);
    peer_free(a);
    peer_free(c);
    tls_client_free(fresh);
    stage_close(&st);
}

TEST(tls_truncation_is_broken)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    peer_say(b, SPAN("half of"));
    SCENE_UNTIL(&st.s, a->got.len == 7);
    peer_close(b); /* FIN without close_notify */
    SCENE_UNTIL(&st.s, a->ended);
    CHECK_INT(a->ended_why, E_UPSTREAM_BROKEN);
    peer_free(a);
    stage_close(&st);
}

TEST(tls_holds_what_comes_while_paused)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    wire_pause(b->w);
    peer_say(a, SPAN("wait "));
    peer_say(a, SPAN("for it"));
    wire_shut(a->w);
    net_scene_rest(&st.s, 60);
    CHECK_INT(b->runs + b->ended, 0);
    wire_resume(b->w);
    SCENE_UNTIL(&st.s, b->ended);
    CHECK_SPAN(peer_got(b), SPAN("wait for it"));
    CHECK_INT(b->ended_why, E_OK);
    peer_free(a);
    stage_close(&st);
}

static void take_and_pause(struct peer *p, struct span in)
{
    buf_put(&p->got, in);
    wire_pause(p->w);
}

TEST(tls_pause_in_every_run_loses_nothing)
{
    struct stage st;
    struct peer *b;
    char *big = calloc(1, 900 * 1000);
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    b->bytes = take_and_pause;
    struct span part = span_make(big, 900 * 1000);
    wire_write(a->w, &part, 1);
    wire_shut(a->w);
    for (int i = 0; i < 3000 && !b->ended; i++) {
        if (b->w)
            wire_resume(b->w);
        net_scene_turn(&st.s);
    }
    CHECK_INT(b->got.len, 900 * 1000);
    CHECK_INT(b->ended_why, E_OK);
    CHECK_INT(b->ended, 1);
    free(big);
    peer_free(a);
    stage_close(&st);
}

static void close_on_bytes(struct peer *p, struct span in)
{
    (void)in;
    peer_close(p);
}

static void close_on_opened(struct peer *p)
{
    peer_close(p);
}

TEST(tls_callbacks_may_close)
{
    struct stage st;
    struct peer *b;
    stage_open(&st);
    struct peer *a = pair(&st, &b);
    b->bytes = close_on_bytes;
    peer_say(a, SPAN("one"));
    peer_say(a, SPAN("two"));
    SCENE_UNTIL(&st.s, !b->w);
    peer_free(a);
    a = peer_new(&st.s);
    a->on_opened = close_on_opened;
    peer_connect(a, SPAN("localhost"), net_scene_port(&st.s), st.client, 5000);
    SCENE_UNTIL(&st.s, !a->w);
    CHECK_INT(a->opened, 1);
    peer_free(a);
    net_scene_rest(&st.s, 30);
    stage_close(&st);
}

TEST(tls_against_plain_fails_on_both_sides)
{
    struct stage st;
    stage_open(&st);
    struct peer *a = dial(&st, SPAN("127.0.0.1"), NULL);
    peer_say(a, SPAN("GET / HTTP/1.1\r\n\r\n"));
    SCENE_UNTIL(&st.s, st.s.count == 1 && st.s.accepted[0]->opened);
    CHECK_INT(st.s.accepted[0]->opened_why, E_UPSTREAM_UNREACHABLE);
    peer_free(a);
    stage_close(&st);
}

TEST(tls_shake_has_a_deadline)
{
    struct stage st;
    stage_open(&st);
    struct tls_server *server = st.s.tls;
    st.s.tls = NULL; /* accepts, and never says a word of TLS */
    struct peer *a = peer_new(&st.s);
    peer_connect(a, SPAN("127.0.0.1"), net_scene_port(&st.s), st.client, 200);
    SCENE_UNTIL(&st.s, a->opened);
    CHECK_INT(a->opened_why, E_UPSTREAM_TIMEOUT);
    st.s.tls = server;
    peer_free(a);
    stage_close(&st);
}

TEST(tls_through_a_tunnel_is_still_verified)
{
    struct stage st;
    struct proxy proxy;
    stage_open(&st);
    proxy_open(&proxy, &st.s);
    struct span hosts[] = { SPAN("localhost"), SPAN("evil.test") }; /* the proxy takes either to our server */
    for (int i = 0; i < 2; i++) {
        struct peer *a = peer_new(&st.s);
        struct wire_target t = { .host = hosts[i],
            .port = net_scene_port(&st.s),
            .tls = st.client,
            .proxy_host = SPAN("127.0.0.1"),
            .proxy_port = proxy.port,
            .connect_ms = 5000 };
        a->w = wire_connect(&st.s.l, &t, &peer_user, a);
        SCENE_UNTIL(&st.s, a->opened);
        CHECK_INT(a->opened_why, i == 0 ? E_OK : E_UPSTREAM_UNREACHABLE);
        if (i == 0) {
            peer_say(a, SPAN("sealed"));
            SCENE_UNTIL(&st.s, st.s.count && st.s.accepted[0]->got.len == 6);
            CHECK(span_find(peer_got(proxy.client), SPAN("CONNECT localhost:")) == 0);
        }
        peer_free(a);
    }
    proxy_close(&proxy);
    stage_close(&st);
}

/* --- two loops on two threads, one pair of contexts --- */

struct worker {
    pthread_t thread;
    const struct tls_client *client;
    struct tls_server *server;
    int good;
};

static void *dial_often(void *self)
{
    struct worker *me = self;
    struct scene s;
    net_scene_open(&s);
    s.tls = tls_server_keep(me->server);
    for (int i = 0; i < PEERS_MAX; i++) {
        struct peer *a = peer_new(&s);
        peer_connect(a, SPAN("localhost"), net_scene_port(&s), me->client, 5000);
        SCENE_UNTIL(&s, a->opened && s.count > (size_t)i && s.accepted[i]->opened);
        peer_say(s.accepted[i], SPAN("hello"));
        SCENE_UNTIL(&s, a->got.len == 5);
        me->good += a->opened_why == E_OK;
        peer_free(a);
    }
    net_scene_close(&s);
    return NULL;
}

TEST(tls_contexts_are_shared_by_threads)
{
    struct stage st;
    struct worker workers[2];
    stage_open(&st);
    for (int i = 0; i < 2; i++) {
        workers[i] = (struct worker){ .client = st.client, .server = st.s.tls };
        must(pthread_create(&workers[i].thread, NULL, dial_often, &workers[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK_INT(workers[i].good, PEERS_MAX);
    }
    CHECK_INT(tls_session_count(st.client), 2); /* two ports */
    stage_close(&st);
}

TEST(tls_bad_files_are_named)
{
    struct papers p;
    char why[256] = "";
    papers_make(&p);
    CHECK(tls_client_new(SPAN("/nonexistent/ca.pem"), why) == NULL);
    CHECK(span_find(span_of(why), SPAN("/nonexistent/ca.pem")) > 0);
    CHECK(tls_client_new(SPAN(""), why) == NULL);
    CHECK(tls_server_new(SPAN("/nonexistent/c.pem"), span_of(p.key), why) == NULL);
    CHECK(span_find(span_of(why), SPAN("/nonexistent/c.pem")) > 0);
    CHECK(tls_server_new(span_of(p.cert), span_of(p.other_key), why) == NULL);
    CHECK(span_find(span_of(why), SPAN("mismatch")) > 0);
    CHECK(tls_server_new(span_of(p.cert), span_of(p.ca), why) == NULL);
    tls_client_free(NULL);
    tls_server_free(NULL);
    papers_burn(&p);
}
