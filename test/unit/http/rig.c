/* SPDX-License-Identifier: Apache-2.0
 * rig.c - see rig.h. Paths of the service:
 *
 *   /echo   the body, once it is there    /stream  the body, run by run, chunked     /early  403, body unread
 *   /hold   no answer                     /late    200 after 50 ms                   /none   204
 *   /big    32 MiB, chunked               /length  32 MiB, by length                 /cut    head, one run, cut
 *   /short  promises 10 bytes, gives 5    /memo    how many requests came before     /lazy   reads after 100 ms
 *   /split  head now, rest after 50 ms    /trailers  a chunked body with a trailer
 *   /events  an event stream */
#include "test/unit/http/rig.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/body.h"
#include "http/parse.h"
#include "test/test.h"

enum { BIG = 32 * 1024 * 1024 };

struct job {
    struct rig *rig;
    struct http_request *r;
    void (*go)(struct job *j);
    struct timer timer;
    struct buf body;
    size_t left;
    bool started;
};

static void job_free(struct job *j)
{
    timer_clear(&j->timer);
    buf_free(&j->body);
    atomic_fetch_sub(&j->rig->open, 1);
    free(j);
}

static void answer(struct job *j, int status, struct span body)
{
    struct http_field fields[] = { { SPAN("content-type"), SPAN("text/plain") }, { SPAN("Content-Length"), SPAN("77") } };
    http_reply(j->r, status, fields, 2, body);
    job_free(j);
}

static void failed(struct job *j)
{
    enum err why = http_request_fault(j->r);
    answer(j, err_status(why), err_code(why));
}

static void echo(struct job *j)
{
    struct span run;
    enum io io;
    while ((io = http_request_read(j->r, &run)) == IO_BYTES)
        buf_put(&j->body, run);
    if (io == IO_FAILED)
        failed(j);
    else if (io == IO_END)
        answer(j, 200, buf_span(&j->body));
}

static void stream(struct job *j)
{
    struct span run;
    enum io io = IO_WAIT;
    if (!j->started)
        http_reply_head(j->r, 200, NULL, 0, -1);
    j->started = true;
    while (http_reply_room(j->r) && (io = http_request_read(j->r, &run)) == IO_BYTES)
        http_reply_write(j->r, run);
    if (io == IO_FAILED)
        http_reply_cut(j->r);
    else if (io == IO_END)
        http_reply_end(j->r, NULL, 0);
    if (io == IO_FAILED || io == IO_END)
        job_free(j);
}

static void big(struct job *j)
{
    static const char block[16000];
    bool sized = span_is(http_request_head(j->r)->target, SPAN("/length"));
    if (!j->started) {
        http_reply_head(j->r, 200, NULL, 0, sized ? BIG : -1);
        j->left = BIG;
    }
    j->started = true;
    while (j->left > 0 && http_reply_room(j->r)) {
        size_t n = j->left < sizeof(block) ? j->left : sizeof(block);
        http_reply_write(j->r, span_make(block, n));
        atomic_fetch_add(&j->rig->produced, (long long)n);
        j->left -= n;
    }
    if (j->left > 0)
        return;
    http_reply_end(j->r, NULL, 0);
    job_free(j);
}

static void hold(struct job *j)
{
    (void)j;
}

static void lazy(struct job *j)
{
    struct span run;
    enum io io;
    if (!j->started)
        return;
    while ((io = http_request_read(j->r, &run)) == IO_BYTES)
        atomic_fetch_add(&j->rig->consumed, (long long)run.len);
    if (io == IO_FAILED)
        failed(j);
    else if (io == IO_END)
        answer(j, 200, SPAN("ok"));
}

static void cut(struct job *j)
{
    http_reply_head(j->r, 200, NULL, 0, -1);
    http_reply_write(j->r, SPAN("some"));
    http_reply_cut(j->r);
    job_free(j);
}

static void too_short(struct job *j)
{
    http_reply_head(j->r, 200, NULL, 0, 10);
    http_reply_write(j->r, SPAN("12345"));
    http_reply_end(j->r, NULL, 0);
    job_free(j);
}

static void trailers(struct job *j)
{
    struct http_field f = { SPAN("x-tollgate-cost-usd"), SPAN("0.1") };
    http_reply_head(j->r, 200, NULL, 0, -1);
    http_reply_write(j->r, SPAN("body"));
    http_reply_end(j->r, &f, 1);
    job_free(j);
}

static void events(struct job *j)
{
    http_reply_head(j->r, 200, NULL, 0, -1);
    http_reply_write(j->r, SPAN("data: one\n\nevent: e\ndata: t"));
    http_reply_write(j->r, SPAN("wo\n\n: ping\n\ndata: three\n\n"));
    http_reply_end(j->r, NULL, 0);
    job_free(j);
}

static void memo(struct job *j)
{
    char text[20];
    unsigned *n = http_request_memo(j->r);
    int len = snprintf(text, sizeof(text), "%u", (*n)++);
    answer(j, 200, span_make(text, (size_t)len));
}

static void early(struct job *j)
{
    answer(j, 403, SPAN("no"));
}

static void none(struct job *j)
{
    http_reply_head(j->r, 204, NULL, 0, -1);
    http_reply_write(j->r, SPAN("must not be seen"));
    http_reply_end(j->r, NULL, 0);
    job_free(j);
}

static void split(struct job *j)
{
    if (!j->started)
        http_reply_head(j->r, 200, NULL, 0, 4);
    j->started = true;
}

static void on_time(struct timer *t)
{
    struct job *j = CONTAINER_OF(t, struct job, timer);
    if (j->go == split) {
        http_reply_write(j->r, SPAN("late"));
        http_reply_end(j->r, NULL, 0);
        job_free(j);
        return;
    }
    if (j->go == hold) {
        answer(j, 200, SPAN("late"));
        return;
    }
    j->started = true;
    j->go(j);
}

static const struct path {
    struct span name;
    void (*go)(struct job *j);
    int delay_ms;
} paths[] = {
    { { "/echo", 5 }, echo, 0 },
    { { "/stream", 7 }, stream, 0 },
    { { "/early", 6 }, early, 0 },
    { { "/hold", 5 }, hold, 0 },
    { { "/late", 5 }, hold, 50 },
    { { "/none", 5 }, none, 0 },
    { { "/big", 4 }, big, 0 },
    { { "/length", 7 }, big, 0 },
    { { "/cut", 4 }, cut, 0 },
    { { "/short", 6 }, too_short, 0 },
    { { "/memo", 5 }, memo, 0 },
    { { "/lazy", 5 }, lazy, 100 },
    { { "/split", 6 }, split, 50 },
    { { "/trailers", 9 }, trailers, 0 },
    { { "/events", 7 }, events, 0 },
};

static void wake(void *mine)
{
    struct job *j = mine;
    j->go(j);
}

static void gone(void *mine)
{
    struct job *j = mine;
    atomic_store(&j->rig->gone_ns, clock_monotonic_ns());
    atomic_fetch_add(&j->rig->gone, 1);
    job_free(j);
}

static const struct http_request_user user = { wake, gone };

static void begin(void *self, struct http_request *r)
{
    struct rig *rig = self;
    struct job *j = calloc(1, sizeof(*j));
    struct span target = http_request_head(r)->target;
    must(j);
    j->rig = rig;
    j->r = r;
    timer_init(&j->timer, on_time);
    buf_init(&j->body, BIG);
    atomic_fetch_add(&rig->open, 1);
    atomic_fetch_add(&rig->begun, 1);
    http_request_user(r, &user, j);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (!span_is(target, paths[i].name))
            continue;
        j->go = paths[i].go;
        if (paths[i].delay_ms)
            timer_set(&rig->loop, &j->timer, paths[i].delay_ms);
        j->go(j);
        return;
    }
    answer(j, 404, SPAN(""));
}

static void refused(void *self, struct span peer, enum err why, int status, struct span detail)
{
    struct rig *rig = self;
    CHECK_SPAN(peer, SPAN("127.0.0.1"));
    CHECK(detail.len > 0);
    atomic_store(&rig->refused_why, (int)why);
    atomic_store(&rig->refused_status, status);
    atomic_fetch_add(&rig->refused, 1);
}

static void *run(void *self)
{
    struct rig *r = self;
    loop_run(&r->loop);
    return NULL;
}

static void start(struct rig *r, const struct http_limits *limits, struct tls_server *tls)
{
    char why[256];
    struct http_service service = { r, begin, refused };
    memset(r, 0, sizeof(*r));
    r->limits = limits ? *limits : http_limits_default;
    must(loop_init(&r->loop) == E_OK);
    must(listen_parse(SPAN("127.0.0.1:0"), &r->address));
    r->server = http_server_new(&r->loop, &r->limits, &service);
    must(r->server);
    must(http_server_listen(r->server, &r->address, tls, r, why));
    must(pthread_create(&r->thread, NULL, run, r) == 0);
}

void rig_start(struct rig *r, const struct http_limits *limits)
{
    start(r, limits, NULL);
}

void rig_start_tls(struct rig *r, struct tls_server *tls)
{
    start(r, NULL, tls);
}

void rig_stop(struct rig *r)
{
    loop_stop(&r->loop);
    pthread_join(r->thread, NULL);
    http_server_free(r->server);
    CHECK_INT(r->open, 0);
    loop_free(&r->loop);
}

static void drained(void *self)
{
    struct rig *r = self;
    atomic_fetch_add(&r->done, 1);
}

static void drain(void *self)
{
    struct rig *r = self;
    http_server_drain(r->server, drained, r);
}

void rig_drain(struct rig *r)
{
    loop_post(&r->loop, drain, r);
}

/* ---- sockets ---- */

uint16_t rig_port(const struct listen_address *a)
{
    return ntohs(((const struct sockaddr_in *)(const void *)&a->addr)->sin_port);
}

int rig_dial(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval limit = { .tv_sec = 5 };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

void rig_send(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.at, s.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s = span_from(s, (size_t)n);
    }
}

static ssize_t read_some(int fd, struct buf *out)
{
    char *to = buf_reserve(out, 65536);
    must(to);
    ssize_t n = recv(fd, to, 65536, 0);
    if (n > 0)
        out->len += (size_t)n;
    return n;
}

bool rig_read_all(int fd, struct buf *out)
{
    ssize_t n;
    while ((n = read_some(fd, out)) > 0)
        continue;
    return n == 0;
}

static bool read_head(int fd, struct buf *in, struct rig_reply *out)
{
    const struct parse_limits limits = { 65536, 200, 65536 };
    struct head_scan scan = { 0 };
    struct refusal why;
    size_t len;
    enum io io;
    while (in->len == 0 || (io = parse_scan(&scan, buf_span(in), &limits, &len, &why)) == IO_WAIT) {
        if (read_some(fd, in) <= 0)
            return false;
    }
    if (io != IO_BYTES || !parse_answer(&out->arena, span_first(buf_span(in), len), scan.lines, &out->h, &why))
        return false;
    buf_drop(in, len);
    out->status = out->h.status;
    return true;
}

bool rig_reply(int fd, struct buf *in, bool head, struct rig_reply *out)
{
    memset(out, 0, sizeof(*out));
    arena_init(&out->arena, 1 << 20);
    buf_init(&out->body, 256 << 20);
    if (!read_head(fd, in, out))
        return false;
    bool bare = head || out->status == 204 || out->status == 304 || out->status < 200;
    struct body body;
    body_init(&body,
        bare                 ? BODY_NONE
        : out->h.chunked     ? BODY_CHUNKED
        : out->h.length >= 0 ? BODY_LENGTH
                             : BODY_CLOSE,
        out->h.length);
    for (;;) {
        struct span unread = buf_span(in), piece;
        enum io io;
        while ((io = body_next(&body, &unread, &piece)) == IO_BYTES)
            buf_put(&out->body, piece);
        buf_drop(in, in->len - unread.len);
        if (io != IO_WAIT)
            return io == IO_END;
        ssize_t n = read_some(fd, in);
        if (n <= 0)
            return n == 0 && body.kind == BODY_CLOSE;
    }
}

void rig_reply_free(struct rig_reply *r)
{
    arena_free(&r->arena);
    buf_free(&r->body);
}

void rig_sleep(int ms)
{
    (void)poll(NULL, 0, ms);
}

bool rig_await(atomic_int *n, int want)
{
    for (int i = 0; i < 2000; i++) {
        if (atomic_load(n) >= want)
            return true;
        rig_sleep(1);
    }
    return false;
}
