/* SPDX-License-Identifier: Apache-2.0
 * wire.c - what users of a wire call, and what they are told. States are in wire_int.h.
 *
 * A user's callback may do anything to its wire, closing it included: whoever calls one looks at `state` afterwards. */
#include "net/wire.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/wire_int.h"

/* --- a wire nobody owns any more tells nobody --- */

static void ignore_err(void *self, enum err why)
{
    (void)self;
    (void)why;
}

static void ignore_bytes(void *self, struct span in)
{
    (void)self;
    (void)in;
}

static void ignore(void *self)
{
    (void)self;
}

static const struct wire_user nobody = { .opened = ignore_err, .bytes = ignore_bytes, .ended = ignore_err, .drained = ignore };

/* --- life --- */

static void leave(struct loop_guest *guest)
{
    wire_close(CONTAINER_OF(guest, struct wire, guest));
}

static bool opening(const struct wire *w)
{
    return w->state < WIRE_OPEN;
}

static void fail_now(struct wire *w)
{
    timer_clear(&w->deadline);
    wire_tcp_read_stop(w);
    connect_free(w);
    w->state = WIRE_FAILED;
    w->user->opened(w->self, w->outcome);
}

static void next_turn(struct later *later)
{
    struct wire *w = CONTAINER_OF(later, struct wire, later);
    if (opening(w)) {
        if (w->tell_broken && w->outcome == E_OK)
            w->outcome = E_UPSTREAM_UNREACHABLE;
        if (w->outcome != E_OK)
            fail_now(w);
        return;
    }
    if (w->tls && w->state == WIRE_OPEN)
        wire_tls_pump(w);
    if (!w->tell_broken)
        return;
    if (w->state == WIRE_LINGERING)
        wire_close(w);
    else
        wire_end(w, E_UPSTREAM_BROKEN);
}

static void too_late(struct timer *t)
{
    struct wire *w = CONTAINER_OF(t, struct wire, deadline);
    if (w->state == WIRE_LINGERING) {
        wire_close(w);
        return;
    }
    if (w->outcome == E_OK)
        w->outcome = E_UPSTREAM_TIMEOUT;
    fail_now(w);
}

struct wire *wire_new(struct loop *l, const struct wire_user *user, void *self)
{
    struct wire *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    must(uv_tcp_init(&l->uv, &w->tcp) == 0);
    w->tcp.data = w;
    w->loop = l;
    w->user = user;
    w->self = self;
    buf_init(&w->pending, WIRE_CEILING);
    buf_init(&w->flight, WIRE_CEILING);
    buf_init(&w->fresh, WIRE_CEILING);
    list_init(&w->outgoing);
    timer_init(&w->deadline, too_late);
    later_init(&w->later, next_turn);
    loop_guest_add(l, &w->guest, leave);
    return w;
}

static void gone(uv_handle_t *handle)
{
    struct wire *w = handle->data;
    wire_tls_free(w);
    buf_free(&w->pending);
    buf_free(&w->flight);
    buf_free(&w->fresh);
    free(w);
}

void wire_close(struct wire *w)
{
    must(w->state != WIRE_CLOSED);
    if (w->state == WIRE_OPEN)
        wire_tcp_send_fresh(w); /* it was told to be written */
    list_remove(&w->outgoing);
    w->state = WIRE_CLOSED;
    w->user = &nobody;
    timer_clear(&w->deadline);
    later_clear(&w->later);
    list_remove(&w->guest.link);
    connect_free(w);
    w->reading = false;
    uv_close((uv_handle_t *)&w->tcp, gone);
}

void wire_reset(struct wire *w)
{
    uv_os_fd_t fd;
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    if (w->state == WIRE_OPEN)
        wire_tcp_send_fresh(w);
    if (uv_fileno((uv_handle_t *)&w->tcp, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); /* without it the peer sees an orderly end */
    wire_close(w);
}

/* Closing a socket with unread bytes in it makes the kernel send RST, which may destroy what we sent before the peer has
 * read it. So: send all, send FIN, and swallow what comes until the peer's end. */
void wire_close_flushed(struct wire *w)
{
    if (w->state != WIRE_OPEN || w->mute || w->broken) {
        wire_close(w);
        return;
    }
    w->user = &nobody;
    w->paused = false;
    if (!w->shut)
        wire_shut(w);
    w->state = WIRE_LINGERING;
    timer_set(w->loop, &w->deadline, WIRE_LINGER_MS);
    wire_tcp_read(w);
    wire_sent(w);
}

/* --- opening --- */

struct wire *wire_connect(struct loop *l, const struct wire_target *t, const struct wire_user *user, void *self)
{
    struct wire *w = wire_new(l, user, self);
    if (!w)
        return NULL;
    timer_set(l, &w->deadline, t->connect_ms);
    if (connect_start(w, t))
        return w;
    wire_close(w);
    return NULL;
}

static struct wire *refuse(struct loop *l, uv_stream_t *listener, const char *why)
{
    if (loop_may_complain(l))
        log_warn("net", "cannot accept connections for now: %s", why);
    listener_rest(listener);
    return NULL;
}

static bool take(struct wire *w, uv_stream_t *listener)
{
    struct sockaddr_storage peer;
    int len = sizeof(peer);
    if (uv_accept(listener, (uv_stream_t *)&w->tcp) != 0)
        return false;
    uv_tcp_nodelay(&w->tcp, 1);
    if (uv_tcp_getpeername(&w->tcp, (struct sockaddr *)&peer, &len) == 0)
        wire_peer_set(w, (struct sockaddr *)&peer);
    return true;
}

struct wire *wire_accept(
    struct loop *l, uv_stream_t *listener, const struct tls_server *tls, const struct wire_user *user, void *self)
{
    if (l->inner->short_of_fds)
        return refuse(l, listener, "close to the limit of open descriptors");
    struct wire *w = wire_new(l, user, self);
    if (!w)
        return refuse(l, listener, "out of memory");
    uv_os_fd_t fd;
    if (!take(w, listener) || (tls && wire_tls_accept(w, tls) != E_OK)) {
        wire_close(w);
        return NULL;
    }
    if (uv_fileno((uv_handle_t *)&w->tcp, &fd) == 0)
        listener_took(l, fd);
    w->state = tls ? WIRE_SHAKING : WIRE_OPEN;
    if (tls)
        timer_set(l, &w->deadline, WIRE_SHAKE_MS);
    wire_tcp_read(w);
    return w;
}

void wire_opened(struct wire *w)
{
    timer_clear(&w->deadline);
    connect_free(w);
    w->state = WIRE_OPEN;
    wire_tcp_read(w);
    w->user->opened(w->self, E_OK);
}

void wire_failed(struct wire *w, enum err why)
{
    must(opening(w) && why != E_OK);
    if (w->outcome == E_OK)
        w->outcome = why;
    loop_later(w->loop, &w->later);
}

/* --- reading --- */

void wire_input(struct wire *w, struct span in)
{
    if (w->state == WIRE_TUNNELLING)
        connect_tunnel_input(w, in);
    else if (w->state == WIRE_LINGERING)
        return;
    else if (w->tls)
        wire_tls_input(w, in);
    else if (w->state == WIRE_OPEN)
        w->user->bytes(w->self, in);
}

void wire_input_over(struct wire *w, enum err why)
{
    wire_tcp_read_stop(w);
    if (opening(w)) {
        wire_failed(w, E_UPSTREAM_UNREACHABLE);
        return;
    }
    if (w->state == WIRE_LINGERING) {
        w->over = true;
        if (why != E_OK)
            wire_close(w);
        else
            wire_sent(w);
        return;
    }
    if (w->tls && w->state == WIRE_OPEN && !w->over) {
        wire_tls_pump(w); /* it may hold what came before the end */
        if (w->over || (w->paused && wire_tls_holds(w)))
            return;              /* resumed, the socket says its end again */
        why = E_UPSTREAM_BROKEN; /* TLS did not announce it: it may be an attacker's cut */
    }
    wire_end(w, why);
}

void wire_end(struct wire *w, enum err why)
{
    if (w->state != WIRE_OPEN || w->broken || (w->over && why == E_OK))
        return;
    w->over = true;
    w->broken = why != E_OK;
    wire_tcp_read_stop(w);
    w->user->ended(w->self, why);
}

void wire_tell_broken(struct wire *w)
{
    if (w->state == WIRE_FAILED || w->state == WIRE_CLOSED)
        return;
    w->tell_broken = true;
    loop_later(w->loop, &w->later);
}

void wire_pause(struct wire *w)
{
    w->paused = true;
}

void wire_resume(struct wire *w)
{
    if (!w->paused)
        return;
    w->paused = false;
    if (w->state != WIRE_OPEN)
        return;
    wire_tcp_read(w);
    if (w->tls && wire_tls_holds(w))
        loop_later(w->loop, &w->later);
}

/* --- writing --- */

void wire_write(struct wire *w, const struct span *parts, size_t n)
{
    must(w->state == WIRE_OPEN && !w->shut);
    if (w->mute || w->broken)
        return;
    if (w->tls)
        wire_tls_write(w, parts, n);
    else
        wire_tcp_write(w, parts, n);
    if (wire_queued(w) >= WIRE_LOW)
        w->high = true;
}

size_t wire_queued(const struct wire *w)
{
    return w->mute ? 0 : wire_tcp_queued(w) - w->fresh.len;
}

void wire_shut(struct wire *w)
{
    must(w->state == WIRE_OPEN);
    if (w->shut)
        return;
    w->shut = true;
    if (w->tls)
        wire_tls_shut(w);
    wire_tcp_fin(w);
}

void wire_sent(struct wire *w)
{
    if (w->shut)
        wire_tcp_fin(w);
    if (w->state == WIRE_LINGERING) {
        if (w->mute || (w->fin_sent && w->over))
            wire_close(w);
        return;
    }
    if (w->state != WIRE_OPEN || !w->high || wire_queued(w) >= WIRE_LOW)
        return;
    w->high = false;
    w->user->drained(w->self);
}

/* --- who --- */

void wire_user(struct wire *w, const struct wire_user *user, void *self)
{
    w->user = user;
    w->self = self;
}

void wire_peer_set(struct wire *w, const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET) {
        uv_ip4_name((const struct sockaddr_in *)(const void *)addr, w->peer, sizeof(w->peer));
        return;
    }
    const struct sockaddr_in6 *six = (const void *)addr;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) /* what a socket for both families calls an IPv4 peer */
        uv_inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], w->peer, sizeof(w->peer));
    else
        uv_ip6_name(six, w->peer, sizeof(w->peer));
}

struct span wire_peer(const struct wire *w)
{
    return span_of(w->peer);
}

struct span wire_server_name(const struct wire *w)
{
    return w->tls ? wire_tls_server_name(w) : SPAN_NONE;
}
