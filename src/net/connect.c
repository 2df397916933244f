/* SPDX-License-Identifier: Apache-2.0
 * connect.c - how a wire gets to its target: name, addresses raced by happy eyeballs (RFC 8305), proxy tunnel, TLS.
 *
 * The sockets of the race are bare descriptors under uv_poll; the winner's moves into the wire's own handle. What went
 * wrong is told in the next turn, never from inside wire_connect. The deadline of it all is the wire's. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/digest.h"
#include "net/public.h"
#include "net/resolve.h"
#include "net/wire_int.h"

enum { STAGGER_MS = 250, REPLY_ROOM = 16 * 1024 };

struct connect {
    struct wire *w;
    struct span host, proxy_host, proxy_auth; /* in text[] */
    uint16_t port, proxy_port;
    bool public_only;
    struct tls_client *tls;
    struct resolve_wait names;
    union address at[RESOLVE_ADDRESSES];
    size_t n, next; /* at[next] is tried next */
    struct list attempts;
    struct timer stagger;
    struct buf reply; /* of the proxy */
    size_t text_len;
    char text[];
};

struct attempt {
    struct list link;
    uv_poll_t poll;
    struct connect *connect;
    int fd; /* -1: given away or closed */
    union address at;
};

/* --- one attempt --- */

static void attempt_gone(uv_handle_t *handle)
{
    free(handle->data);
}

/* The descriptor, or -1; the attempt is over either way. */
static int attempt_end(struct attempt *a)
{
    int fd = a->fd;
    a->fd = -1;
    list_remove(&a->link);
    uv_close((uv_handle_t *)&a->poll, attempt_gone);
    return fd;
}

static void attempt_drop(struct attempt *a)
{
    close(attempt_end(a));
}

static void attempt_next(struct connect *c);
static void attempt_won(struct attempt *a);

static void attempt_ready(uv_poll_t *poll, int status, int events)
{
    struct attempt *a = poll->data;
    struct connect *c = a->connect;
    int error = 0;
    socklen_t len = sizeof(error);
    (void)events;
    loop_refresh(c->w->loop);
    if (status == 0 && getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0) {
        attempt_won(a);
        return;
    }
    attempt_drop(a);
    attempt_next(c);
}

static int open_socket(const union address *at)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = at->any.sa_family == AF_INET ? sizeof(at->four) : sizeof(at->six);
    if (fd < 0)
        return -1;
    if (connect(fd, &at->any, len) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static bool attempt_start(struct connect *c, const union address *at)
{
    struct attempt *a = calloc(1, sizeof(*a));
    if (!a)
        return false;
    a->fd = open_socket(at);
    if (a->fd < 0 || uv_poll_init(&c->w->loop->uv, &a->poll, a->fd) != 0) {
        if (a->fd >= 0)
            close(a->fd);
        free(a);
        return false;
    }
    a->poll.data = a;
    a->connect = c;
    a->at = *at;
    list_add_last(&c->attempts, &a->link);
    if (uv_poll_start(&a->poll, UV_WRITABLE, attempt_ready) == 0)
        return true;
    attempt_drop(a);
    return false;
}

/* --- the race --- */

/* An address that fails lets the next one start at once; one that only dawdles, after STAGGER_MS. */
static void attempt_next(struct connect *c)
{
    while (c->next < c->n) {
        if (!attempt_start(c, &c->at[c->next++]))
            continue;
        if (c->next < c->n)
            timer_set(c->w->loop, &c->stagger, STAGGER_MS);
        return;
    }
    if (list_empty(&c->attempts))
        wire_failed(c->w, E_UPSTREAM_UNREACHABLE);
}

static void stagger_over(struct timer *t)
{
    attempt_next(CONTAINER_OF(t, struct connect, stagger));
}

static void set_port(union address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->four.sin_port = htons(port);
    else
        a->six.sin6_port = htons(port);
}

/* Takes addresses in the given order, but alternating between the families, the first one's first. */
static void interleave(struct connect *c, const union address *at, size_t n)
{
    bool used[RESOLVE_ADDRESSES] = { false };
    sa_family_t want = n ? at[0].any.sa_family : AF_UNSPEC;
    for (c->n = 0; c->n < n; c->n++) {
        size_t pick = n;
        for (size_t i = n; i-- > 0;)
            if (!used[i] && (pick == n || at[i].any.sa_family == want || at[pick].any.sa_family != want))
                pick = i;
        used[pick] = true;
        c->at[c->n] = at[pick];
        want = at[pick].any.sa_family == AF_INET ? AF_INET6 : AF_INET;
    }
}

static void found(struct resolve_wait *names, const union address *at, size_t n)
{
    struct connect *c = CONTAINER_OF(names, struct connect, names);
    union address fit[RESOLVE_ADDRESSES];
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!c->public_only || c->proxy_host.at || address_is_public(&at[i]))
            fit[count++] = at[i];
    interleave(c, fit, count);
    for (size_t i = 0; i < count; i++)
        set_port(&c->at[i], c->proxy_host.at ? c->proxy_port : c->port);
    attempt_next(c);
}

static void drop_attempts(struct connect *c)
{
    timer_clear(&c->stagger);
    while (!list_empty(&c->attempts))
        attempt_drop(CONTAINER_OF(c->attempts.next, struct attempt, link));
}

/* --- after the race --- */

static void secure(struct connect *c)
{
    struct wire *w = c->w;
    if (!c->tls) {
        wire_opened(w);
        return;
    }
    if (wire_tls_connect(w, c->tls, c->host, c->port) != E_OK) {
        wire_failed(w, E_UPSTREAM_UNREACHABLE);
        return;
    }
    w->state = WIRE_SHAKING;
    wire_tcp_read(w);
    wire_tls_start(w);
}

static void ask_proxy(struct connect *c)
{
    c->w->state = WIRE_TUNNELLING;
    tunnel_ask(&c->w->pending, c->host, c->port, c->proxy_auth);
    wire_tcp_flush(c->w);
    wire_tcp_read(c->w);
}

void connect_tunnel_input(struct wire *w, struct span in)
{
    struct connect *c = w->connect;
    buf_put(&c->reply, in);
    enum tunnel_verdict verdict = c->reply.broken ? TUNNEL_REFUSED : tunnel_judge(buf_span(&c->reply));
    if (verdict == TUNNEL_OPEN) {
        secure(c);
    } else if (verdict == TUNNEL_REFUSED) {
        wire_tcp_read_stop(w);
        wire_failed(w, E_UPSTREAM_UNREACHABLE);
    }
}

static void attempt_won(struct attempt *a)
{
    struct connect *c = a->connect;
    struct wire *w = c->w;
    wire_peer_set(w, &a->at.any);
    int fd = attempt_end(a);
    drop_attempts(c);
    if (wire_tcp_open(w, fd) != E_OK)
        wire_failed(w, E_UPSTREAM_UNREACHABLE);
    else if (c->proxy_host.at)
        ask_proxy(c);
    else
        secure(c);
}

/* --- life --- */

static struct span keep(struct connect *c, struct span s)
{
    if (!s.at)
        return s;
    char *at = c->text + c->text_len;
    memcpy(at, s.at, s.len);
    c->text_len += s.len;
    return span_make(at, s.len);
}

/* Names and header values of the target go into a request head as they are. */
static bool printable(struct span s, char lowest)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < lowest || s.at[i] == 0x7f)
            return false;
    return true;
}

bool connect_start(struct wire *w, const struct wire_target *t)
{
    size_t text = t->host.len + t->proxy_host.len + t->proxy_auth.len;
    struct connect *c = calloc(1, sizeof(*c) + text);
    if (!c)
        return false;
    w->connect = c;
    c->w = w;
    c->host = keep(c, t->host);
    c->proxy_host = keep(c, t->proxy_host);
    c->proxy_auth = keep(c, t->proxy_auth);
    c->port = t->port;
    c->proxy_port = t->proxy_port;
    c->public_only = t->public_only;
    c->tls = t->tls ? tls_client_keep(t->tls) : NULL;
    list_init(&c->attempts);
    list_init(&c->names.link);
    timer_init(&c->stagger, stagger_over);
    buf_init(&c->reply, REPLY_ROOM);
    if (!printable(c->host, '!') || !printable(c->proxy_auth, ' ')) {
        wire_failed(w, E_UPSTREAM_UNREACHABLE);
        return true;
    }
    resolve_start(w->loop, c->proxy_host.at ? c->proxy_host : c->host, &c->names, found);
    return true;
}

void connect_free(struct wire *w)
{
    struct connect *c = w->connect;
    if (!c)
        return;
    w->connect = NULL;
    resolve_cancel(&c->names);
    drop_attempts(c);
    buf_free(&c->reply);
    if (c->tls)
        tls_client_free(c->tls);
    secret_wipe(c->text, c->text_len); /* the proxy's password */
    free(c);
}
