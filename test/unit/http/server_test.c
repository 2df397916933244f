/* SPDX-License-Identifier: Apache-2.0
 * server_test.c - the listening side over real sockets: what a peer may send, and may do. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "test/test.h"
#include "test/unit/http/rig.h"

static void expect(int fd, struct buf *in, bool head, int status, struct span body)
{
    struct rig_reply r;
    if (!rig_reply(fd, in, head, &r))
        test_fail(__FILE__, __LINE__, "no reply, want %d \"%.*s\"", status, SPAN_ARG(body));
    else
        CHECK_INT(r.status, status);
    CHECK_SPAN(buf_span(&r.body), body);
    rig_reply_free(&r);
}

/* Sends `in` in two parts and expects the bodies, in order. */
static void ask_split(struct rig *rig, struct span in, size_t at, const struct span *bodies, size_t n)
{
    struct buf left;
    int fd = rig_dial(rig_port(&rig->address));
    buf_init(&left, 1 << 20);
    rig_send(fd, span_first(in, at));
    if (at > 0 && at < in.len)
        rig_sleep(1);
    rig_send(fd, span_from(in, at));
    for (size_t i = 0; i < n; i++)
        expect(fd, &left, false, 200, bodies[i]);
    CHECK_INT(left.len, 0);
    close(fd);
    buf_free(&left);
}

TEST(pipelined_at_every_split)
{
    struct rig rig;
    rig_start(&rig, NULL);
    struct span in = SPAN(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        "\r\nPOST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n"
        "GET /late HTTP/1.1\r\nHost: a\r\n\r\nGET /memo HTTP/1.1\r\nHost: a\r\n\r\n");
    struct span bodies[] = { SPAN("hello"), SPAN("abcde"), SPAN("late"), SPAN("0") };
    struct span head = span_first(in, (size_t)span_find(in, SPAN("GET /late")));
    for (size_t at = 0; at <= head.len; at++)
        ask_split(&rig, head, at, bodies, 2);
    for (size_t at = head.len; at <= in.len; at += 7)
        ask_split(&rig, in, at, bodies, 4);
    CHECK_INT(rig.refused, 0);
    CHECK_INT(rig.gone, 0);
    rig_stop(&rig);
}

/* One connection, one packet. `closes`: the connection is closed by the server afterwards. */
static void ask(struct rig *rig, struct span in, bool head, int status, struct span body, bool closes)
{
    struct buf left;
    int fd = rig_dial(rig_port(&rig->address));
    buf_init(&left, 1 << 20);
    rig_send(fd, in);
    expect(fd, &left, head, status, body);
    if (closes) {
        CHECK(rig_read_all(fd, &left));
        CHECK_INT(left.len, 0);
    } else {
        rig_send(fd, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
        expect(fd, &left, false, 200, SPAN("0"));
    }
    close(fd);
    buf_free(&left);
}

TEST(kinds_of_reply)
{
    struct rig rig;
    rig_start(&rig, NULL);
    ask(&rig, SPAN("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n"), true, 200, SPAN(""), false);
    ask(&rig, SPAN("HEAD /trailers HTTP/1.1\r\nHost: a\r\n\r\n"), true, 200, SPAN(""), false);
    ask(&rig, SPAN("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n"), true, 200, SPAN(""), false);
    ask(&rig, SPAN("GET /none HTTP/1.1\r\nHost: a\r\n\r\n"), false, 204, SPAN(""), false);
    ask(&rig, SPAN("GET /trailers HTTP/1.1\r\nHost: a\r\n\r\n"), false, 200, SPAN("body"), false);
    ask(&rig, SPAN("GET /split HTTP/1.1\r\nHost: a\r\n\r\n"), false, 200, SPAN("late"), false);
    ask(&rig, SPAN("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"), false, 404, SPAN(""), false);
    ask(&rig, SPAN("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), false, 403, SPAN("no"), false);
    ask(&rig, SPAN("POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), false, 403,
        SPAN("no"), false);
    ask(&rig, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), false, 200, SPAN("0"), true);
    ask(&rig, SPAN("GET /memo HTTP/1.0\r\n\r\n"), false, 200, SPAN("0"), true);
    ask(&rig, SPAN("GET /trailers HTTP/1.0\r\n\r\n"), false, 200, SPAN("body"), true);
    ask(&rig, SPAN("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), false, 200, SPAN(""), false);
    ask(&rig, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"), false, 400,
        SPAN("bad_request"), true);
    CHECK_INT(rig.gone, 0);
    rig_stop(&rig);
}

TEST(framing_fields_of_a_service_are_dropped)
{
    struct rig rig;
    struct rig_reply r;
    struct buf left;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.h.length, 3);
    CHECK_INT(http_count(&r.h, SPAN("date")), 1);
    CHECK_INT(http_get(&r.h, SPAN("date")).len, 29);
    CHECK_SPAN(http_get(&r.h, SPAN("content-type")), SPAN("text/plain"));
    rig_reply_free(&r);
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(memo_survives_between_requests)
{
    struct rig rig;
    struct buf left;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\nGET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(fd, &left, false, 200, SPAN("0"));
    expect(fd, &left, false, 200, SPAN("1"));
    close(fd);
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(fd, &left, false, 200, SPAN("0"));
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(expect_continue)
{
    struct rig rig;
    struct buf left;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    expect(fd, &left, false, 100, SPAN(""));
    rig_send(fd, SPAN("hello"));
    expect(fd, &left, false, 200, SPAN("hello"));
    /* The body is there at once: no need to ask for it. */
    rig_send(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"));
    expect(fd, &left, false, 200, SPAN("hello"));
    close(fd);
    /* Refused without being asked for: whether it comes is unknown, so the connection ends. */
    ask(&rig, SPAN("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"), false, 403,
        SPAN("no"), true);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(early_reply_skips_or_closes)
{
    struct rig rig;
    struct buf left, big;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    buf_init(&big, 4 << 20);
    buf_put(&big, SPAN("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"));
    for (int i = 0; i < 200000; i++)
        buf_put_byte(&big, 'x');
    ask(&rig, buf_span(&big), false, 403, SPAN("no"), false);
    buf_clear(&big);
    buf_put(&big, SPAN("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"));
    for (int i = 0; i < 900000; i++)
        buf_put_byte(&big, 'x');
    ask(&rig, buf_span(&big), false, 403, SPAN("no"), true);
    buf_free(&big);
    buf_free(&left);
    rig_stop(&rig);
}

static const char *const smuggled[] = {
    "400POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "400POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "400POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "400POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "400POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "400GET /echo HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "400GET /echo HTTP/1.1\r\nHost: a\r\nX: y\r\n\n",
    "400GET /echo HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n",
    "400GET /echo HTTP/1.1\r\nHost: a\r\nX: y\r\n\rGET /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "400GET http://b/echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "400GET /echo HTTP/1.1\r\n\r\n",
    "400GET /echo\r\n",
    "405CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "501get /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "505PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "400\x16\x03\x01",
};

TEST(smuggling_is_refused_and_closed)
{
    struct rig rig;
    rig_start(&rig, NULL);
    size_t n = sizeof(smuggled) / sizeof(smuggled[0]);
    for (size_t i = 0; i < n; i++) {
        struct span in = span_of(smuggled[i]);
        uint64_t status = 0;
        struct buf left;
        struct rig_reply r;
        int fd = rig_dial(rig_port(&rig.address));
        buf_init(&left, 1 << 20);
        CHECK(span_to_u64(span_first(in, 3), &status));
        rig_send(fd, span_from(in, 3));
        rig_send(fd, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n")); /* must not be answered */
        CHECK(rig_reply(fd, &left, false, &r));
        CHECK_INT(r.status, status);
        CHECK(!r.h.keep_alive);
        CHECK(http_get(&r.h, SPAN("x-tollgate-denied")).len > 0);
        CHECK(span_starts(buf_span(&r.body), SPAN("{\"error\":{")));
        CHECK(rig_read_all(fd, &left));
        CHECK_INT(left.len, 0);
        CHECK_INT(rig.refused_status, status);
        rig_reply_free(&r);
        buf_free(&left);
        close(fd);
    }
    CHECK_INT(rig.refused, n);
    CHECK_INT(rig.begun, 0);
    rig_stop(&rig);
}

TEST(sizes_of_a_head)
{
    struct rig rig;
    struct buf big;
    rig_start(&rig, NULL);
    buf_init(&big, 1 << 20);
    buf_put(&big, SPAN("GET /"));
    for (int i = 0; i < 30000; i++)
        buf_put_byte(&big, 'x');
    buf_put(&big, SPAN(" HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct buf left;
    struct rig_reply r;
    int fd = rig_dial(rig_port(&rig.address));
    buf_init(&left, 1 << 20);
    rig_send(fd, buf_span(&big));
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.status, 414);
    rig_reply_free(&r);
    close(fd);
    buf_clear(&left);
    buf_clear(&big);
    buf_put(&big, SPAN("GET / HTTP/1.1\r\nHost: a\r\n"));
    for (int i = 0; i < 200; i++)
        buf_put(&big, SPAN("x-field: y\r\n"));
    buf_put(&big, SPAN("\r\n"));
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, buf_span(&big));
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.status, 431);
    CHECK_INT(rig.refused_why, E_TOO_LARGE);
    rig_reply_free(&r);
    close(fd);
    buf_free(&left);
    buf_free(&big);
    rig_stop(&rig);
}

TEST(hang_up_is_noticed)
{
    struct rig rig;
    rig_start(&rig, NULL);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(rig_await(&rig.begun, 1));
    int64_t at = clock_monotonic_ns();
    close(fd);
    CHECK(rig_await(&rig.gone, 1));
    CHECK((rig.gone_ns - at) / 1000000 < 100);
    /* The same by reset. */
    struct linger hard = { 1, 0 };
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(rig_await(&rig.begun, 2));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
    CHECK(rig_await(&rig.gone, 2));
    rig_stop(&rig);
}

TEST(half_close_after_connection_close)
{
    struct rig rig;
    struct buf left;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    expect(fd, &left, false, 200, SPAN("late"));
    CHECK(rig_read_all(fd, &left));
    close(fd);
    CHECK_INT(rig.gone, 0);
    /* Half closed in the middle of its body: the service is told, and may still say so. */
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhel"));
    shutdown(fd, SHUT_WR);
    expect(fd, &left, false, 499, SPAN("client_gone"));
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(slow_peers)
{
    struct rig rig;
    struct http_limits limits = http_limits_default;
    struct buf left;
    limits.head_ms = 100;
    limits.idle_ms = 150;
    limits.body_ms = 100;
    rig_start(&rig, &limits);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    struct rig_reply r;
    rig_send(fd, SPAN("GET /echo HTT"));
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.status, 408);
    CHECK_INT(rig.refused_why, E_REQUEST_TIMEOUT);
    rig_reply_free(&r);
    CHECK(rig_read_all(fd, &left));
    close(fd);
    /* A byte at a time does not help. */
    buf_clear(&left);
    fd = rig_dial(rig_port(&rig.address));
    for (int i = 0; i < 12; i++) {
        rig_send(fd, span_first(span_from(SPAN("GET /echo HTTP/1.1\r\n"), (size_t)i), 1));
        rig_sleep(15);
    }
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.status, 408);
    rig_reply_free(&r);
    close(fd);
    /* Idle: closed without a word. */
    buf_clear(&left);
    fd = rig_dial(rig_port(&rig.address));
    CHECK(rig_read_all(fd, &left));
    CHECK_INT(left.len, 0);
    close(fd);
    /* A body that stops. */
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"));
    expect(fd, &left, false, 408, SPAN("request_timeout"));
    CHECK(rig_read_all(fd, &left));
    close(fd);
    CHECK_INT(rig.gone, 0);
    buf_free(&left);
    rig_stop(&rig);
}

static void read_big(struct rig *rig, struct span request)
{
    struct buf left;
    struct rig_reply r;
    int fd = rig_dial(rig_port(&rig->address));
    buf_init(&left, 256 << 20);
    rig->produced = 0;
    rig_send(fd, request);
    rig_sleep(150);
    CHECK(rig->produced > 0);
    CHECK(rig->produced < 16 << 20); /* the kernel's buffers and ours, not the whole of it */
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.body.len, 32 << 20);
    rig_reply_free(&r);
    close(fd);
    buf_free(&left);
}

TEST(slow_reader_is_bounded)
{
    struct rig rig;
    rig_start(&rig, NULL);
    read_big(&rig, SPAN("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    read_big(&rig, SPAN("GET /length HTTP/1.1\r\nHost: a\r\n\r\n"));
    read_big(&rig, SPAN("GET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    read_big(&rig, SPAN("GET /big HTTP/1.0\r\n\r\n"));
    rig_stop(&rig);
}

TEST(reader_that_takes_nothing_is_dropped)
{
    struct rig rig;
    struct http_limits limits = http_limits_default;
    limits.write_ms = 100;
    rig_start(&rig, &limits);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(rig_await(&rig.gone, 1));
    close(fd);
    rig_stop(&rig);
}

static void *pour(void *self)
{
    static const char block[65536];
    int fd = *(int *)self;
    rig_send(fd, SPAN("POST /lazy HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n\r\n"));
    for (int i = 0; i < 1024; i++)
        rig_send(fd, span_make(block, sizeof(block)));
    return NULL;
}

TEST(large_body_to_a_lazy_service)
{
    struct rig rig;
    struct buf left;
    pthread_t thread;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    must(pthread_create(&thread, NULL, pour, &fd) == 0);
    expect(fd, &left, false, 200, SPAN("ok"));
    pthread_join(thread, NULL);
    CHECK_INT(rig.consumed, 67108864);
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

static void *pour_stream(void *self)
{
    static const char block[65536];
    int fd = *(int *)self;
    rig_send(fd, SPAN("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n"));
    for (int i = 0; i < 512; i++)
        rig_send(fd, span_make(block, sizeof(block)));
    return NULL;
}

TEST(large_echo_with_backpressure)
{
    struct rig rig;
    struct rig_reply r;
    struct buf left;
    pthread_t thread;
    rig_start(&rig, NULL);
    buf_init(&left, 256 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    must(pthread_create(&thread, NULL, pour_stream, &fd) == 0);
    rig_sleep(100);
    CHECK(rig_reply(fd, &left, false, &r));
    CHECK_INT(r.body.len, 33554432);
    pthread_join(thread, NULL);
    rig_reply_free(&r);
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

enum { FLOOD = 80000 };

static void *flood(void *self)
{
    struct span one = SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n");
    struct buf many;
    buf_init(&many, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_put(&many, one);
    for (int i = 0; i < FLOOD / 1000; i++)
        rig_send(*(int *)self, buf_span(&many));
    rig_send(*(int *)self, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    buf_free(&many);
    return NULL;
}

TEST(flood_without_reading_is_bounded)
{
    struct rig rig;
    struct buf all;
    pthread_t thread;
    int count = 0;
    rig_start(&rig, NULL);
    buf_init(&all, 64 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    must(pthread_create(&thread, NULL, flood, &fd) == 0);
    int begun = -1;
    for (int i = 0; i < 50 && begun != rig.begun; i++) {
        begun = rig.begun;
        rig_sleep(200);
    }
    CHECK_INT(rig.begun, begun); /* it stands still, */
    CHECK(begun < FLOOD);
    CHECK(rig_read_all(fd, &all)); /* and goes on */
    pthread_join(thread, NULL);
    struct span rest = buf_span(&all);
    for (ptrdiff_t at; (at = span_find(rest, SPAN("HTTP/1.1 200"))) >= 0; count++)
        rest = span_from(rest, (size_t)at + 12);
    CHECK_INT(count, FLOOD + 1);
    close(fd);
    buf_free(&all);
    rig_stop(&rig);
}

TEST(cut_replies_are_seen)
{
    struct rig rig;
    struct rig_reply r;
    struct buf left;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(!rig_reply(fd, &left, false, &r));
    rig_reply_free(&r);
    close(fd);
    buf_clear(&left);
    fd = rig_dial(rig_port(&rig.address));
    rig_send(fd, SPAN("GET /short HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(!rig_reply(fd, &left, false, &r));
    rig_reply_free(&r);
    close(fd);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(drain)
{
    struct rig rig;
    struct buf left;
    struct rig_reply r;
    rig_start(&rig, NULL);
    buf_init(&left, 1 << 20);
    int idle = rig_dial(rig_port(&rig.address)), busy = rig_dial(rig_port(&rig.address));
    rig_send(busy, SPAN("GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
    rig_send(idle, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(idle, &left, false, 200, SPAN("0"));
    CHECK(rig_await(&rig.begun, 2));
    rig_drain(&rig);
    CHECK(rig_read_all(idle, &left));
    CHECK(rig_reply(busy, &left, false, &r));
    CHECK_SPAN(buf_span(&r.body), SPAN("late"));
    CHECK(!r.h.keep_alive);
    rig_reply_free(&r);
    CHECK(rig_await(&rig.done, 1));
    close(idle);
    close(busy);
    buf_free(&left);
    rig_stop(&rig);
}

TEST(connection_limit)
{
    struct rig rig;
    struct http_limits limits = http_limits_default;
    struct buf left;
    limits.connections = 1;
    rig_start(&rig, &limits);
    buf_init(&left, 1 << 20);
    int one = rig_dial(rig_port(&rig.address));
    rig_send(one, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(one, &left, false, 200, SPAN("0"));
    int two = rig_dial(rig_port(&rig.address));
    CHECK(rig_read_all(two, &left));
    close(one);
    close(two);
    buf_free(&left);
    rig_stop(&rig);
}

/* Full of connections that say nothing: the one that has been silent the longest makes room, one with a request under way never does. */
TEST(the_idle_give_way)
{
    enum { ROOM = 3 };
    struct rig rig;
    struct http_limits limits = http_limits_default;
    struct buf left, none;
    int fds[ROOM];
    limits.connections = ROOM;
    limits.yields = true;
    rig_start(&rig, &limits);
    buf_init(&left, 1 << 20);
    buf_init(&none, 1 << 20);
    int busy = rig_dial(rig_port(&rig.address));
    rig_send(busy, SPAN("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(rig_await(&rig.begun, 1));
    for (int i = 0; i < ROOM - 1; i++) {
        fds[i] = rig_dial(rig_port(&rig.address));
        rig_sleep(150);
    }
    int operator = rig_dial(rig_port(&rig.address));
    rig_send(operator, SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(operator, &left, false, 200, SPAN("0"));
    CHECK(rig_read_all(fds[0], &none)); /* closed */
    CHECK_INT(none.len, 0);
    rig_send(fds[1], SPAN("GET /memo HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(fds[1], &left, false, 200, SPAN("0"));
    CHECK_INT(atomic_load(&rig.gone), 0);
    for (int i = 0; i < ROOM - 1; i++)
        close(fds[i]);
    close(operator);
    close(busy);
    buf_free(&left);
    buf_free(&none);
    rig_stop(&rig);
}
