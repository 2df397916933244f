/* SPDX-License-Identifier: Apache-2.0
 * client_test.c - the calling side over real sockets: an upstream that says what the test wrote down, byte for byte, and
 * the rig's server where several connections are needed. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "test/test.h"
#include "test/unit/http/rig.h"
#include "test/unit/net/papers.h"

/* ---- an upstream of few words ---- */

enum after { KEEP, CLOSE, RESET, HANG, SILENT_CLOSE };

struct say {
    const char *text;
    enum after after;
};

struct upstream {
    int listener;
    uint16_t port;
    pthread_t thread;
    const struct say *says;
    size_t n, at, split; /* the text is sent in two parts */
    atomic_int connections, stopping;
};

static bool read_request(int fd)
{
    char c;
    unsigned ends = 0;
    while (ends < 4) {
        if (recv(fd, &c, 1, 0) != 1)
            return false;
        ends = c == (ends % 2 ? '\n' : '\r') ? ends + 1 : c == '\r';
    }
    return true;
}

static void speak(int fd, const struct say *say, size_t split)
{
    struct span text = span_of(say->text);
    rig_send(fd, span_first(text, split));
    if (split > 0 && split < text.len)
        rig_sleep(1);
    rig_send(fd, span_from(text, split));
}

static void converse(struct upstream *u, int fd)
{
    struct linger hard = { 1, 0 };
    int one = 1;
    char c;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    while (u->at < u->n && read_request(fd)) {
        const struct say *say = &u->says[u->at++];
        speak(fd, say, u->split);
        if (say->after == RESET)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        if (say->after == SILENT_CLOSE)
            rig_sleep(20);
        if (say->after == HANG)
            while (recv(fd, &c, 1, 0) == 1)
                continue;
        if (say->after != KEEP)
            return;
    }
    while (recv(fd, &c, 1, 0) == 1)
        continue;
}

static void *serve(void *self)
{
    struct upstream *u = self;
    int fd;
    while ((fd = accept(u->listener, NULL, NULL)) >= 0) {
        if (atomic_load(&u->stopping)) {
            close(fd);
            return NULL;
        }
        atomic_fetch_add(&u->connections, 1);
        converse(u, fd);
        close(fd);
    }
    return NULL;
}

static void upstream_start(struct upstream *u, const struct say *says, size_t n)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    memset(u, 0, sizeof(*u));
    u->says = says;
    u->n = n;
    u->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(u->listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(u->listener, 64) == 0);
    must(getsockname(u->listener, (struct sockaddr *)&at, &len) == 0);
    u->port = ntohs(at.sin_port);
    must(pthread_create(&u->thread, NULL, serve, u) == 0);
}

static void upstream_stop(struct upstream *u)
{
    atomic_store(&u->stopping, 1);
    close(rig_dial(u->port));
    pthread_join(u->thread, NULL);
    close(u->listener);
}

/* ---- a caller ---- */

struct caller {
    struct loop loop;
    struct http_pool_limits limits;
    struct http_pool *pool;
    struct http_origin origin;
    struct http_deadlines deadlines;
    int under_way;
};

struct ask {
    struct caller *by;
    struct http_call *call;
    struct span head, body;
    bool chunked, unfinished; /* the request is never ended */
    size_t more;              /* bytes of body that follow */
    int lazy_ms;              /* reads a run only so often */
    struct timer timer;
    bool sent, over, inside;
    int status;
    struct buf in;
    enum io end;
    enum err fault;
    bool reused, was_sent;
    void (*then)(struct ask *a);
};

static void caller_start(struct caller *c, uint16_t port)
{
    memset(c, 0, sizeof(*c));
    must(loop_init(&c->loop) == E_OK);
    c->limits = http_pool_limits_default;
    c->origin =
        (struct http_origin){ .name = SPAN("http://127.0.0.1"), .host = SPAN("127.0.0.1"), .authority = SPAN("a"), .port = port };
    c->deadlines = (struct http_deadlines){ 2000, 2000, 2000, 2000 };
}

static void caller_open(struct caller *c)
{
    c->pool = http_pool_new(&c->loop, &c->limits);
}

static void caller_stop(struct caller *c)
{
    http_pool_free(c->pool);
    loop_free(&c->loop);
}

static void finish(struct ask *a, enum io end)
{
    a->over = true;
    a->end = end;
    a->fault = http_call_fault(a->call);
    a->reused = http_call_reused(a->call);
    a->was_sent = http_call_sent(a->call);
    timer_clear(&a->timer);
    http_call_close(a->call);
    a->call = NULL;
    a->by->under_way--;
    if (a->then)
        a->then(a);
    if (a->by->under_way == 0)
        loop_stop(&a->by->loop);
}

static void send_more(struct ask *a)
{
    static const char block[50000];
    while (a->more > 0 && http_call_room(a->call)) {
        size_t n = a->more < sizeof(block) ? a->more : sizeof(block);
        a->more -= n;
        http_call_write(a->call, span_make(block, n), a->more == 0 && !a->unfinished);
    }
}

static void pull(struct ask *a)
{
    struct span run;
    enum io io;
    while ((io = http_call_read(a->call, &run)) == IO_BYTES) {
        buf_put(&a->in, run);
        if (a->lazy_ms) {
            timer_set(&a->by->loop, &a->timer, a->lazy_ms);
            return;
        }
    }
    if (io != IO_WAIT)
        finish(a, io);
}

static void step(struct ask *a)
{
    const struct http_head *head;
    enum io io = IO_WAIT;
    if (!a->sent && (io = http_call_ready(a->call)) == IO_BYTES) {
        a->sent = true;
        http_call_send(a->call, a->head, a->body, a->chunked, a->more == 0 && !a->unfinished);
    }
    if (a->sent) {
        send_more(a);
        io = http_call_head(a->call, &head);
        CHECK((head != NULL) == (io == IO_BYTES)); /* never an earlier call's */
    }
    if (io == IO_FAILED)
        finish(a, io);
    if (io != IO_BYTES)
        return;
    a->status = head->status;
    pull(a);
}

static void go(void *self)
{
    struct ask *a = self;
    must(!a->inside && !a->over); /* never from inside a function of the client, never after the close */
    a->inside = true;
    step(a);
    a->inside = false;
}

static void on_time(struct timer *t)
{
    go(CONTAINER_OF(t, struct ask, timer));
}

/* Opens it; the loop is not run. */
static void ask_open(struct ask *a, struct caller *c, const char *head)
{
    a->by = c;
    a->head = span_of(head);
    a->in = (struct buf){ 0 };
    a->status = 0;
    a->sent = a->over = a->inside = false;
    buf_init(&a->in, 256 << 20);
    timer_init(&a->timer, on_time);
    c->under_way++;
    a->inside = true;
    a->call = http_call_open(c->pool, &c->origin, &c->deadlines, go, a);
    must(a->call);
    step(a);
    a->inside = false;
}

static struct ask ask_once(struct caller *c, const char *head)
{
    static struct ask a;
    memset(&a, 0, sizeof(a));
    ask_open(&a, c, head);
    loop_run(&c->loop);
    CHECK(a.over);
    return a;
}

#define GET "GET / HTTP/1.1\r\nhost: a\r\n\r\n"

static void expect(struct caller *c, const char *head, enum io end, int status, struct span body, bool reused)
{
    struct ask a = ask_once(c, head);
    CHECK_INT(a.end, end);
    CHECK_INT(a.status, status);
    CHECK_SPAN(buf_span(&a.in), body);
    CHECK_INT(a.reused, reused);
    buf_free(&a.in);
}

/* ---- tests ---- */

static void at_every_split(const char *text, int status, struct span body)
{
    struct say says[400];
    struct upstream u;
    struct caller c;
    size_t n = strlen(text);
    must(n < 400);
    for (size_t i = 0; i <= n; i++)
        says[i] = (struct say){ text, KEEP };
    upstream_start(&u, says, n + 1);
    caller_start(&c, u.port);
    caller_open(&c);
    for (u.split = 0; u.split <= n; u.split++)
        expect(&c, GET, IO_END, status, body, u.split > 0);
    CHECK_INT(u.connections, 1);
    caller_stop(&c);
    upstream_stop(&u);
}

TEST(answers_at_every_split)
{
    at_every_split("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", 200, SPAN("hello"));
    at_every_split("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 402 "
                   "No\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n",
        402, SPAN("abcde"));
    at_every_split("HTTP/1.1 204 No Content\r\n\r\n", 204, SPAN(""));
    at_every_split("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, SPAN(""));
}

TEST(bodiless_answers)
{
    static const struct say says[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", KEEP },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", KEEP },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", KEEP },
    };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 4);
    caller_start(&c, u.port);
    caller_open(&c);
    expect(&c, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN(""), false);
    expect(&c, GET, IO_END, 304, SPAN(""), true);
    expect(&c, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN(""), true);
    expect(&c, GET, IO_END, 200, SPAN("ok"), true);
    caller_stop(&c);
    upstream_stop(&u);
}

/* What must be taken for broken, and how much of it is seen before. */
static const struct {
    struct say say;
    int status;
    const char *body;
} broken[] = {
    { { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", CLOSE }, 200, "hel" },
    { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLOSE }, 200, "hello" },
    { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", CLOSE }, 200, "hello" },
    { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\n", KEEP }, 200, "hello" },
    { { "HTTP/1.1 200 OK\r\nContent-Le", CLOSE }, 0, "" },
    { { "", CLOSE }, 0, "" },
    { { "", RESET }, 0, "" },
    { { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", KEEP }, 0, "" },
    { { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", KEEP }, 0, "" },
    { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", KEEP }, 0, "" },
    { { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", KEEP }, 0, "" },
    { { "HTTP/1.1 200 OK\r\n\r\nhello", CLOSE }, 0, "" },
    { { "hello\r\n\r\n", KEEP }, 0, "" },
    { { "HTTP/1.1 200 OK\nContent-Length: 0\n\n", KEEP }, 0, "" },
};

TEST(broken_answers)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct upstream u;
        struct caller c;
        upstream_start(&u, &broken[i].say, 1);
        caller_start(&c, u.port);
        caller_open(&c);
        struct ask a = ask_once(&c, GET);
        if (a.end != IO_FAILED || a.fault != E_UPSTREAM_BROKEN || a.status != broken[i].status || !a.was_sent)
            test_fail(__FILE__, __LINE__, "case %zu: io %d fault %d status %d", i, (int)a.end, (int)a.fault, a.status);
        CHECK_SPAN(buf_span(&a.in), span_of(broken[i].body));
        buf_free(&a.in);
        caller_stop(&c);
        upstream_stop(&u);
    }
}

TEST(body_until_close)
{
    static const struct say says[] = {
        { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", CLOSE },
        { "HTTP/1.0 200 OK\r\n\r\nhello", CLOSE },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", CLOSE },
    };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 3);
    caller_start(&c, u.port);
    caller_open(&c);
    expect(&c, GET, IO_END, 200, SPAN("hello"), false);
    expect(&c, GET, IO_END, 200, SPAN("hello"), false);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    CHECK_INT(u.connections, 3);
    caller_stop(&c);
    upstream_stop(&u);
}

TEST(early_answer)
{
    static const struct say says[] = { { "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", KEEP } };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 2);
    caller_start(&c, u.port);
    caller_open(&c);
    struct ask a = { .unfinished = true, .body = SPAN("the beginning") };
    ask_open(&a, &c, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(a.end, IO_END);
    CHECK_INT(a.status, 413);
    CHECK_SPAN(buf_span(&a.in), SPAN("no"));
    buf_free(&a.in);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false); /* not on that connection: the rest of a request is owed there */
    CHECK_INT(u.connections, 2);
    caller_stop(&c);
    upstream_stop(&u);
}

static void pause_loop(struct timer *t)
{
    struct loop *l = *(struct loop **)(t + 1);
    loop_stop(l);
}

/* Lets the loop turn for a while with nothing to do. */
static void let_pass(struct loop *l, int ms)
{
    struct {
        struct timer timer;
        struct loop *loop;
    } t = { .loop = l };
    timer_init(&t.timer, pause_loop);
    timer_set(l, &t.timer, ms);
    loop_run(l);
    timer_clear(&t.timer);
}

TEST(idle_connections_that_end_or_speak_are_dropped)
{
    static const struct say says[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", SILENT_CLOSE },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Slow\r\n\r\n", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1, max=5\r\n\r\nok", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5\r\n\r\nok", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", KEEP },
    };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 5);
    caller_start(&c, u.port);
    caller_open(&c);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    let_pass(&c.loop, 60);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    let_pass(&c.loop, 20);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    expect(&c, GET, IO_END, 200, SPAN("ok"), true);
    caller_stop(&c);
    upstream_stop(&u);
}

TEST(idle_time_out)
{
    static const struct say says[] = { { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", KEEP },
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", KEEP } };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 2);
    caller_start(&c, u.port);
    c.limits.idle_ms = 30;
    caller_open(&c);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    let_pass(&c.loop, 80);
    expect(&c, GET, IO_END, 200, SPAN("ok"), false);
    caller_stop(&c);
    upstream_stop(&u);
}

TEST(time_outs)
{
    static const struct say says[] = { { "", HANG }, { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", HANG } };
    struct upstream u;
    struct caller c;
    upstream_start(&u, says, 2);
    caller_start(&c, u.port);
    c.deadlines.first_byte_ms = c.deadlines.idle_ms = 50;
    caller_open(&c);
    struct ask a = ask_once(&c, GET);
    CHECK_INT(a.end, IO_FAILED);
    CHECK_INT(a.fault, E_UPSTREAM_TIMEOUT);
    CHECK_INT(a.status, 0);
    buf_free(&a.in);
    a = ask_once(&c, GET);
    CHECK_INT(a.end, IO_FAILED);
    CHECK_INT(a.fault, E_UPSTREAM_TIMEOUT);
    CHECK_INT(a.status, 200);
    buf_free(&a.in);
    caller_stop(&c);
    upstream_stop(&u);
}

TEST(upstream_that_does_not_read)
{
    struct caller c;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 4) == 0);
    must(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    caller_start(&c, ntohs(at.sin_port));
    c.deadlines.send_ms = 100;
    caller_open(&c);
    struct ask a = { .chunked = true, .more = 64 << 20 };
    ask_open(&a, &c, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(a.end, IO_FAILED);
    CHECK_INT(a.fault, E_UPSTREAM_TIMEOUT);
    buf_free(&a.in);
    caller_stop(&c);
    close(fd);
}

TEST(nobody_there)
{
    struct upstream u;
    struct caller c;
    upstream_start(&u, NULL, 0);
    upstream_stop(&u);
    caller_start(&c, u.port);
    caller_open(&c);
    struct ask a = ask_once(&c, GET);
    CHECK_INT(a.end, IO_FAILED);
    CHECK_INT(a.fault, E_UPSTREAM_UNREACHABLE);
    CHECK(!a.was_sent);
    buf_free(&a.in);
    caller_stop(&c);
}

/* ---- against the rig's server ---- */

TEST(calls_queue_for_a_connection)
{
    struct rig rig;
    struct caller c;
    rig_start(&rig, NULL);
    caller_start(&c, rig_port(&rig.address));
    c.limits.open_per_origin = 2;
    caller_open(&c);
    struct ask a[7] = { 0 };
    for (size_t i = 0; i < 7; i++)
        ask_open(&a[i], &c, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n");
    loop_run(&c.loop);
    int reused = 0;
    for (size_t i = 0; i < 7; i++) {
        CHECK_INT(a[i].end, IO_END);
        CHECK_SPAN(buf_span(&a[i].in), SPAN("late"));
        reused += a[i].reused;
        buf_free(&a[i].in);
    }
    CHECK_INT(reused, 5);
    /* One that waits too long, behind two that are never answered. */
    memset(a, 0, sizeof(a));
    c.deadlines.first_byte_ms = 200;
    ask_open(&a[0], &c, "GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
    ask_open(&a[1], &c, "GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
    c.deadlines.connect_ms = 50;
    ask_open(&a[2], &c, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n");
    c.deadlines.connect_ms = 2000;
    ask_open(&a[3], &c, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(a[2].fault, E_UPSTREAM_TIMEOUT);
    CHECK(!a[2].was_sent && a[0].was_sent);
    CHECK_INT(a[0].fault, E_UPSTREAM_TIMEOUT);
    CHECK_INT(a[3].end, IO_END);
    for (size_t i = 0; i < 4; i++)
        buf_free(&a[i].in);
    caller_stop(&c);
    rig_stop(&rig);
}

static int chain;

static void open_next(struct ask *a)
{
    CHECK_INT(a->end, IO_END);
    buf_free(&a->in);
    if (--chain > 0)
        ask_open(a, a->by, "GET /memo HTTP/1.1\r\nhost: a\r\n\r\n");
}

TEST(opened_from_inside_wake)
{
    struct rig rig;
    struct caller c;
    rig_start(&rig, NULL);
    caller_start(&c, rig_port(&rig.address));
    caller_open(&c);
    chain = 50;
    struct ask a = { .then = open_next };
    ask_open(&a, &c, "GET /memo HTTP/1.1\r\nhost: a\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(chain, 0);
    CHECK_INT(rig.begun, 50);
    caller_stop(&c);
    rig_stop(&rig);
}

TEST(large_bodies_both_ways)
{
    struct rig rig;
    struct caller c;
    rig_start(&rig, NULL);
    caller_start(&c, rig_port(&rig.address));
    caller_open(&c);
    struct ask a = { .chunked = true, .more = 20 << 20, .body = SPAN("abc") };
    ask_open(&a, &c, "POST /stream HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(a.end, IO_END);
    CHECK_INT(a.in.len, (20 << 20) + 3);
    buf_free(&a.in);
    /* A lazy reader holds the sender back. */
    struct ask lazy = { .lazy_ms = 1 };
    rig.produced = 0;
    ask_open(&lazy, &c, "GET /length HTTP/1.1\r\nhost: a\r\n\r\n");
    CHECK_INT(lazy.reused, false);
    let_pass(&c.loop, 100);
    CHECK(rig.produced < 24 << 20);
    lazy.lazy_ms = 0;
    loop_run(&c.loop);
    CHECK_INT(lazy.end, IO_END);
    CHECK_INT(lazy.in.len, 32 << 20);
    CHECK(lazy.reused);
    buf_free(&lazy.in);
    caller_stop(&c);
    rig_stop(&rig);
}

TEST(closing_at_any_moment)
{
    struct rig rig;
    struct caller c;
    rig_start(&rig, NULL);
    caller_start(&c, rig_port(&rig.address));
    caller_open(&c);
    for (int ms = 0; ms < 80; ms += 10) {
        struct ask a = { 0 };
        ask_open(&a, &c, "GET /split HTTP/1.1\r\nhost: a\r\n\r\n");
        let_pass(&c.loop, ms);
        if (!a.over) {
            http_call_close(a.call);
            c.under_way--;
        }
        let_pass(&c.loop, 10);
        buf_free(&a.in);
    }
    /* On a slow machine none of those was over in its time, and none left a connection. */
    struct ask whole = ask_once(&c, "GET /split HTTP/1.1\r\nhost: a\r\n\r\n");
    CHECK_INT(whole.end, IO_END);
    buf_free(&whole.in);
    expect(&c, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN("late"), true);
    http_pool_drain(c.pool);
    expect(&c, "GET /late HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN("late"), false);
    caller_stop(&c);
    rig_stop(&rig);
}

TEST(over_tls)
{
    struct papers papers;
    struct rig rig;
    struct caller c;
    char why[256];
    papers_make(&papers);
    struct tls_server *server = tls_server_new(span_of(papers.cert), span_of(papers.key), why);
    struct tls_client *client = tls_client_new(span_of(papers.ca), why);
    must(server && client);
    rig_start_tls(&rig, server);
    caller_start(&c, rig_port(&rig.address));
    c.origin.tls = client;
    caller_open(&c);
    expect(&c, "GET /memo HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN("0"), false);
    expect(&c, "GET /memo HTTP/1.1\r\nhost: a\r\n\r\n", IO_END, 200, SPAN("1"), true);
    struct ask a = { .chunked = true, .more = 8 << 20, .body = SPAN("abc") };
    ask_open(&a, &c, "POST /stream HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    loop_run(&c.loop);
    CHECK_INT(a.end, IO_END);
    CHECK_INT(a.in.len, (8 << 20) + 3);
    buf_free(&a.in);
    struct ask cut = ask_once(&c, "GET /cut HTTP/1.1\r\nhost: a\r\n\r\n");
    CHECK_INT(cut.end, IO_FAILED);
    CHECK_INT(cut.fault, E_UPSTREAM_BROKEN);
    buf_free(&cut.in);
    int plain = rig_dial(rig_port(&rig.address)); /* who speaks no TLS is dropped */
    struct buf left;
    buf_init(&left, 1 << 20);
    rig_send(plain, SPAN("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    (void)rig_read_all(plain, &left);
    CHECK(!span_starts(buf_span(&left), SPAN("HTTP")));
    buf_free(&left);
    close(plain);
    caller_stop(&c);
    rig_stop(&rig);
    tls_client_free(client);
    tls_server_free(server);
    papers_burn(&papers);
}
