/* SPDX-License-Identifier: Apache-2.0
 * parse_test.c - heads: what is read, and a list of what is refused and with which status. */
#include "http/parse.h"

#include "test/test.h"

static const struct parse_limits limits = { 8192, 20, 1024 };

struct outcome {
    enum io io;
    struct refusal why;
    struct http_head head;
    size_t len;
};

/* Reads `in`, of which `step` bytes more are shown each time. */
static struct outcome read_in_steps(struct arena *a, struct span in, bool answer, size_t step)
{
    struct outcome o = { .io = IO_WAIT };
    struct head_scan scan = { 0 };
    for (size_t shown = step < in.len ? step : in.len; o.io == IO_WAIT; shown += step) {
        shown = shown < in.len ? shown : in.len;
        o.io = parse_scan(&scan, span_first(in, shown), &limits, &o.len, &o.why);
        if (shown == in.len)
            break;
    }
    if (o.io != IO_BYTES)
        return o;
    struct span raw = span_first(in, o.len);
    bool fine =
        answer ? parse_answer(a, raw, scan.lines, &o.head, &o.why) : parse_request(a, raw, scan.lines, &limits, &o.head, &o.why);
    o.io = fine ? IO_BYTES : IO_FAILED;
    return o;
}

TEST(request_at_every_split)
{
    struct span in =
        SPAN("POST /v1/charges?a[]=1&b[c]=%20|{}\"<> HTTP/1.1\r\nHost: api.example:8080\r\nX-Empty:\r\nX-Padded: \t a b \t \r\n"
             "Content-Length: 12\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\nX-A: 1\r\nx-a: 2\r\n\r\nBODY");
    for (size_t step = 1; step <= in.len; step++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct outcome o = read_in_steps(&a, in, false, step);
        CHECK_INT(o.io, IO_BYTES);
        CHECK_INT(o.len, in.len - 4);
        CHECK_SPAN(o.head.method, SPAN("POST"));
        CHECK_SPAN(o.head.target, SPAN("/v1/charges?a[]=1&b[c]=%20|{}\"<>"));
        CHECK_INT(o.head.count, 8);
        CHECK_INT(o.head.length, 12);
        CHECK_INT(o.head.minor, 1);
        CHECK(o.head.keep_alive && o.head.expect_continue && !o.head.chunked);
        CHECK_SPAN(http_get(&o.head, SPAN("x-padded")), SPAN("a b"));
        CHECK_SPAN(http_get(&o.head, SPAN("x-empty")), SPAN(""));
        CHECK(http_get(&o.head, SPAN("x-empty")).at != NULL);
        CHECK(http_get(&o.head, SPAN("x-none")).at == NULL);
        CHECK_INT(http_count(&o.head, SPAN("x-a")), 2);
        CHECK_SPAN(http_nth(&o.head, SPAN("x-a"), 1), SPAN("2"));
        arena_free(&a);
    }
}

struct refused {
    int status;
    struct span in;
};

#define R(status, text)                                                                                                          \
    {                                                                                                                            \
        status,                                                                                                                  \
        {                                                                                                                        \
            "" text, sizeof(text) - 1                                                                                            \
        }                                                                                                                        \
    }
#define HOST "Host: a\r\n"

static const struct refused refused[] = {
    /* two ways to find the end */
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding\t: chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n" HOST "Transfer Encoding: chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
    /* lines */
    R(400, "GET / HTTP/1.1\n" HOST "\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\r\n" HOST "\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "\rX\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    R(400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    R(400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    /* names and values */
    R(400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X Y: b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X\xc3\xa4: b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X(: b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST "X\0: b\r\n\r\n"),
    /* host */
    R(400, "GET / HTTP/1.1\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    R(400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    /* targets */
    R(400, "GET http://b/ HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET a:80 HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /\x80 HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /\t HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    R(400, "GET /\x0c HTTP/1.1\r\n" HOST "\r\n"),
    /* methods */
    R(501, "get / HTTP/1.1\r\n" HOST "\r\n"),
    R(501, "Post / HTTP/1.1\r\n" HOST "\r\n"),
    R(501, "PROPFIND / HTTP/1.1\r\n" HOST "\r\n"),
    R(501, "GETX / HTTP/1.1\r\n" HOST "\r\n"),
    R(405, "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),
    R(405, "TRACE / HTTP/1.1\r\n" HOST "\r\n"),
    R(400, "G@T / HTTP/1.1\r\n" HOST "\r\n"),
    /* versions */
    R(400, "GET /\r\n\r\n"),
    R(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    R(505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    R(505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    R(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    R(400, "GET / http/1.1\r\n" HOST "\r\n"),
    R(400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    R(400, "GET / ICE/1.0\r\n" HOST "\r\n"),
    R(400, "GET / RTSP/1.0\r\n" HOST "\r\n"),
    R(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    R(417, "POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n"),
};

TEST(requests_refused)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        for (size_t step = 1; step < 70; step += 17) {
            struct arena a;
            arena_init(&a, 1 << 20);
            struct outcome o = read_in_steps(&a, refused[i].in, false, step);
            if (o.io != IO_FAILED || o.why.status != refused[i].status)
                test_fail(__FILE__, __LINE__, "case %zu: io %d status %d, want %d: %.*s", i, (int)o.io,
                    o.io == IO_FAILED ? o.why.status : 0, refused[i].status, SPAN_ARG(refused[i].in));
            arena_free(&a);
        }
    }
}

TEST(requests_taken)
{
    static const struct span taken[] = {
        { "GET / HTTP/1.1\r\nHost:\r\n\r\n", 25 },
        { "GET / HTTP/1.0\r\n\r\n", 18 },
        { "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 34 },
        { "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 29 },
    };
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct outcome o = read_in_steps(&a, taken[i], false, 1000);
        CHECK_INT(o.io, IO_BYTES);
        CHECK_INT(o.head.keep_alive, o.head.minor == 1);
        arena_free(&a);
    }
}

TEST(upgrade_is_a_plain_request)
{
    struct span in =
        SPAN("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, websocket\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n");
    struct arena a;
    arena_init(&a, 1 << 20);
    struct outcome o = read_in_steps(&a, in, false, in.len);
    CHECK_INT(o.io, IO_BYTES);
    CHECK(o.head.keep_alive);
    CHECK_INT(o.head.length, -1);
    arena_free(&a);
}

static struct outcome read_big(struct arena *a, const char *front, size_t filler, const char *line, size_t lines)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_put(&b, span_of(front));
    for (size_t i = 0; i < filler; i++)
        buf_put_byte(&b, 'x');
    buf_put(&b, SPAN(" HTTP/1.1\r\nhost: a\r\n"));
    for (size_t i = 0; i < lines; i++)
        buf_put(&b, span_of(line));
    buf_put(&b, SPAN("\r\n"));
    struct outcome o = read_in_steps(a, buf_span(&b), false, 100);
    buf_free(&b);
    return o;
}

TEST(limits_of_a_head)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK_INT(read_big(&a, "GET /", 1023, "", 0).io, IO_BYTES);
    struct outcome o = read_big(&a, "GET /", 1024, "", 0);
    CHECK_INT(o.io, IO_FAILED);
    CHECK_INT(o.why.status, 414);
    CHECK_INT(o.why.why, E_TOO_LARGE);
    CHECK_INT(read_big(&a, "GET /", 5000, "", 0).why.status, 414);
    CHECK_INT(read_big(&a, "GET /", 0, "x: y\r\n", 19).io, IO_BYTES);
    CHECK_INT(read_big(&a, "GET /", 0, "x: y\r\n", 20).why.status, 431);
    CHECK_INT(read_big(&a, "GET /", 0, "x: 0123456789012345678901234567890123456789\r\n", 200).why.status, 431);
    arena_free(&a);
}

TEST(answers)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct outcome o = read_in_steps(&a, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: \xc3\xa4\r\n\r\n"), true, 1);
    CHECK_INT(o.io, IO_BYTES);
    CHECK_INT(o.head.status, 200);
    CHECK_INT(o.head.length, 3);
    CHECK(o.head.keep_alive);
    o = read_in_steps(&a, SPAN("HTTP/1.1 204\r\n\r\n"), true, 3);
    CHECK_INT(o.io, IO_BYTES);
    CHECK_INT(o.head.status, 204);
    o = read_in_steps(&a, SPAN("HTTP/1.0 200 \r\nConnection: keep-alive\r\n\r\n"), true, 3);
    CHECK_INT(o.io, IO_BYTES);
    CHECK(o.head.keep_alive);
    static const char *const broken[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\nX: a\n\n",
        "ICY 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        o = read_in_steps(&a, span_of(broken[i]), true, 7);
        if (o.io != IO_FAILED)
            test_fail(__FILE__, __LINE__, "taken: %s", broken[i]);
    }
    arena_free(&a);
}

TEST(content_types)
{
    CHECK(http_is_type(SPAN("text/event-stream; charset=utf-8"), SPAN("text/event-stream")));
    CHECK(http_is_type(SPAN(" Text/Event-Stream ;x"), SPAN("text/event-stream")));
    CHECK(http_is_type(SPAN("text/event-stream"), SPAN("text/event-stream")));
    CHECK(!http_is_type(SPAN("text/event-streams"), SPAN("text/event-stream")));
    CHECK(!http_is_type(SPAN_NONE, SPAN("text/event-stream")));
}

TEST(writing_a_head)
{
    struct buf b;
    buf_init(&b, 4096);
    http_put_request(&b, SPAN("GET"), SPAN("/x?y"));
    http_put_field(&b, SPAN("a"), SPAN("b\r\nc: d\0e"));
    http_put_field(&b, SPAN("empty"), SPAN_NONE);
    http_put_end(&b);
    CHECK_SPAN(buf_span(&b), SPAN("GET /x?y HTTP/1.1\r\na: b  c: d e\r\nempty: \r\n\r\n"));
    buf_clear(&b);
    http_put_status(&b, 402);
    http_put_status(&b, 446);
    CHECK_SPAN(buf_span(&b), SPAN("HTTP/1.1 402 Payment Required\r\nHTTP/1.1 446 \r\n"));
    buf_free(&b);
}

/* Clients of proxies name the host in the target as well: it is taken when it is the same one. */
TEST(request_in_absolute_form)
{
    const struct {
        struct span in, target;
    } cases[] = {
        { SPAN("POST http://gate:8080/v1/charges?a=1 HTTP/1.1\r\nHost: gate:8080\r\n\r\n"), SPAN("/v1/charges?a=1") },
        { SPAN("GET https://Gate HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN("/") },
        { SPAN("GET http://gate:8080/v1 HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN_NONE },
        { SPAN("GET http://me@gate/v1 HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN_NONE },
        { SPAN("GET http:///v1 HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN_NONE },
        { SPAN("GET ftp://gate/v1 HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN_NONE },
        { SPAN("GET http://gate?a=1 HTTP/1.1\r\nHost: gate\r\n\r\n"), SPAN_NONE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct outcome o = read_in_steps(&a, cases[i].in, false, cases[i].in.len);
        CHECK_INT(o.io, cases[i].target.at ? IO_BYTES : IO_FAILED);
        if (cases[i].target.at)
            CHECK_SPAN(o.head.target, cases[i].target);
        arena_free(&a);
    }
}
