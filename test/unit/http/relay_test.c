/* SPDX-License-Identifier: Apache-2.0
 * relay_test.c - server and client in one loop, as the gate uses them: a small relay to the rig's server, and peers that
 * behave well, badly and not at all, by a seed. Nothing may leak, hang or be mixed up. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "test/test.h"
#include "test/unit/http/rig.h"

/* ---- the relay ---- */

struct relay {
    struct loop loop;
    struct http_server *server;
    struct http_pool *pool;
    struct http_origin origin;
    struct listen_address address;
    pthread_t thread;
    int open;
};

struct passage {
    struct relay *relay;
    struct http_request *r;
    struct http_call *c;
    bool sent, asked, replied; /* head sent; request sent whole; reply begun */
};

static const struct http_deadlines deadlines = { 2000, 1000, 1000, 1000 };

static void leave(struct passage *p)
{
    if (p->c)
        http_call_close(p->c);
    p->relay->open--;
    free(p);
}

static void give_up(struct passage *p, int status)
{
    if (p->replied)
        http_reply_cut(p->r);
    else
        http_reply(p->r, status, NULL, 0, SPAN("relay"));
    leave(p);
}

static void send_head(struct passage *p)
{
    const struct http_head *h = http_request_head(p->r);
    bool chunked = h->chunked;
    struct buf b;
    buf_init(&b, 1 << 16);
    http_put_request(&b, h->method, h->target);
    http_put_field(&b, SPAN("host"), p->relay->origin.authority);
    if (chunked)
        http_put_field(&b, SPAN("transfer-encoding"), SPAN("chunked"));
    else if (h->length >= 0)
        buf_print(&b, "content-length: %lld\r\n", (long long)h->length);
    http_put_end(&b);
    http_call_send(p->c, buf_span(&b), SPAN_NONE, chunked, false);
    buf_free(&b);
    p->sent = true;
}

/* False: the passage is over. */
static bool pass_request(struct passage *p)
{
    struct span run;
    enum io io = IO_WAIT;
    if (!p->sent) {
        enum io ready = http_call_ready(p->c);
        if (ready == IO_FAILED)
            give_up(p, 502);
        if (ready != IO_BYTES)
            return ready == IO_WAIT;
        send_head(p);
    }
    while (!p->asked && http_call_room(p->c) && (io = http_request_read(p->r, &run)) != IO_WAIT) {
        if (io == IO_FAILED) {
            give_up(p, 400);
            return false;
        }
        http_call_write(p->c, run, io == IO_END);
        p->asked = io == IO_END;
    }
    return true;
}

static void pass_answer(struct passage *p)
{
    const struct http_head *h;
    struct span run;
    enum io io = http_call_head(p->c, &h);
    if (io == IO_FAILED)
        give_up(p, 502);
    if (io != IO_BYTES)
        return;
    if (!p->replied)
        http_reply_head(p->r, h->status, h->fields, h->count, h->length);
    p->replied = true;
    io = IO_WAIT;
    while (http_reply_room(p->r) && (io = http_call_read(p->c, &run)) == IO_BYTES)
        http_reply_write(p->r, run);
    if (io == IO_FAILED)
        give_up(p, 502);
    if (io != IO_END)
        return;
    http_reply_end(p->r, NULL, 0);
    leave(p);
}

static void go(void *self)
{
    struct passage *p = self;
    if (pass_request(p) && p->sent)
        pass_answer(p);
}

static const struct http_request_user user = { go, (void (*)(void *))leave };

static void begin(void *self, struct http_request *r)
{
    struct relay *relay = self;
    struct passage *p = calloc(1, sizeof(*p));
    must(p);
    p->relay = relay;
    p->r = r;
    relay->open++;
    http_request_user(r, &user, p);
    p->c = http_call_open(relay->pool, &relay->origin, &deadlines, go, p);
    must(p->c);
    go(p);
}

static void *run(void *self)
{
    loop_run(&((struct relay *)self)->loop);
    return NULL;
}

static void relay_start(struct relay *r, uint16_t port, size_t connections)
{
    struct http_pool_limits limits = http_pool_limits_default;
    struct http_service service = { r, begin, NULL };
    char why[256];
    memset(r, 0, sizeof(*r));
    limits.open_per_origin = connections;
    limits.idle_per_origin = 4;
    must(loop_init(&r->loop) == E_OK && listen_parse(SPAN("127.0.0.1:0"), &r->address));
    r->origin = (struct http_origin){ .name = SPAN("up"), .host = SPAN("127.0.0.1"), .authority = SPAN("up"), .port = port };
    r->pool = http_pool_new(&r->loop, &limits);
    r->server = http_server_new(&r->loop, &http_limits_default, &service);
    must(r->pool && r->server && http_server_listen(r->server, &r->address, NULL, NULL, why));
    must(pthread_create(&r->thread, NULL, run, r) == 0);
}

static void relay_stop(struct relay *r)
{
    loop_stop(&r->loop);
    pthread_join(r->thread, NULL);
    http_server_free(r->server);
    CHECK_INT(r->open, 0);
    http_pool_free(r->pool);
    loop_free(&r->loop);
}

/* ---- the peers ---- */

struct peer {
    uint16_t port;
    unsigned dice;
    int rounds, wrong;
    struct buf in, out;
};

static unsigned roll(struct peer *p, unsigned n)
{
    p->dice = p->dice * 1103515245u + 12345u;
    return (p->dice >> 8) % n;
}

static void say(struct peer *p, int fd, struct span s)
{
    while (s.len > 0) {
        size_t n = 1 + roll(p, 30000);
        rig_send(fd, span_first(s, n));
        s = span_from(s, n);
    }
}

/* A POST with a body of digits; at `body_at` it begins. */
static size_t compose(struct peer *p, const char *path, size_t len, bool chunked)
{
    buf_clear(&p->out);
    buf_print(&p->out, "POST %s HTTP/1.1\r\nHost: a\r\n", path);
    if (chunked)
        buf_print(&p->out, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
    else
        buf_print(&p->out, "Content-Length: %zu\r\n\r\n", len);
    size_t at = p->out.len;
    for (size_t i = 0; i < len; i++)
        buf_put_byte(&p->out, (char)('0' + (i * 7 + p->dice) % 10));
    if (chunked)
        buf_put(&p->out, SPAN("\r\n0\r\n\r\n"));
    return at;
}

static void expect(struct peer *p, int fd, int status, struct span body)
{
    struct rig_reply r;
    bool whole = rig_reply(fd, &p->in, false, &r);
    if (!whole || r.status != status || !span_is(buf_span(&r.body), body)) {
        test_fail(__FILE__, __LINE__, "whole %d status %d, want %d; %zu bytes, want %zu", whole, r.status, status, r.body.len,
            body.len);
        p->wrong++;
    }
    rig_reply_free(&r);
}

static void echo(struct peer *p, int fd)
{
    size_t len = 1 + roll(p, 100000);
    size_t at = compose(p, roll(p, 2) ? "/echo" : "/stream", len, roll(p, 2));
    say(p, fd, buf_span(&p->out));
    expect(p, fd, 200, span_first(span_from(buf_span(&p->out), at), len));
}

static void pipeline(struct peer *p, int fd)
{
    say(p, fd,
        SPAN("GET /late HTTP/1.1\r\nHost: a\r\n\r\nGET /trailers HTTP/1.1\r\nHost: a\r\n\r\nGET /split HTTP/1.1\r\nHost: "
             "a\r\n\r\n"));
    expect(p, fd, 200, SPAN("late"));
    expect(p, fd, 200, SPAN("body"));
    expect(p, fd, 200, SPAN("late"));
}

static void read_some_and_go(struct peer *p, int fd)
{
    char block[5000];
    say(p, fd, SPAN("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    for (unsigned i = roll(p, 20); i > 0; i--)
        (void)recv(fd, block, sizeof(block), 0);
}

static void send_some_and_go(struct peer *p, int fd)
{
    struct linger hard = { 1, 0 };
    (void)compose(p, roll(p, 2) ? "/echo" : "/stream", 1 + roll(p, 50000), roll(p, 2));
    say(p, fd, span_first(buf_span(&p->out), roll(p, (unsigned)p->out.len)));
    if (roll(p, 2))
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    rig_sleep((int)roll(p, 5));
}

static void wait_in_vain(struct peer *p, int fd)
{
    say(p, fd, SPAN("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    rig_sleep((int)roll(p, 10));
}

static void be_cut(struct peer *p, int fd)
{
    struct rig_reply r;
    say(p, fd, SPAN("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n"));
    if (rig_reply(fd, &p->in, false, &r) && r.status == 200)
        p->wrong++;
    rig_reply_free(&r);
}

static void be_refused(struct peer *p, int fd)
{
    (void)compose(p, "/early", 1 + roll(p, 600000), false);
    say(p, fd, buf_span(&p->out));
    expect(p, fd, 403, SPAN("no"));
}

static void (*const habits[])(struct peer *p, int fd) = { echo, echo, echo, pipeline, be_refused, read_some_and_go,
    send_some_and_go, wait_in_vain, be_cut };
enum { POLITE = 4 }; /* the first ones leave the connection fit for more */

static void *behave(void *self)
{
    struct peer *p = self;
    int fd = -1;
    buf_init(&p->in, 64 << 20);
    buf_init(&p->out, 64 << 20);
    for (int i = 0; i < p->rounds; i++) {
        unsigned habit = roll(p, sizeof(habits) / sizeof(habits[0]));
        if (fd < 0)
            fd = rig_dial(p->port);
        habits[habit](p, fd);
        if (habit < POLITE && roll(p, 3))
            continue;
        close(fd);
        fd = -1;
        buf_clear(&p->in);
    }
    if (fd >= 0)
        close(fd);
    buf_free(&p->in);
    buf_free(&p->out);
    return NULL;
}

static void play(unsigned seed, size_t connections)
{
    enum { PEERS = 6 };
    struct rig rig;
    struct relay relay;
    struct peer peers[PEERS];
    pthread_t threads[PEERS];
    rig_start(&rig, NULL);
    relay_start(&relay, rig_port(&rig.address), connections);
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){ .port = rig_port(&relay.address), .dice = seed * 100 + i, .rounds = 25 };
        must(pthread_create(&threads[i], NULL, behave, &peers[i]) == 0);
    }
    for (unsigned i = 0; i < PEERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(peers[i].wrong, 0);
    }
    relay_stop(&relay);
    for (int i = 0; i < 500 && rig.open > 0; i++)
        rig_sleep(1);
    CHECK_INT(rig.open, 0); /* what the relay let go of, its upstream noticed */
    rig_stop(&rig);
}

TEST(relay_among_all_sorts_of_peers)
{
    for (unsigned seed = 1; seed <= 3; seed++)
        play(seed, 0);
}

TEST(relay_with_few_connections)
{
    play(7, 3);
    play(8, 6);
}
