/* SPDX-License-Identifier: Apache-2.0
 * listen.c - addresses as text, and listening sockets. libuv 1.44 cannot set SO_REUSEPORT before it binds, so the socket
 * is made here and handed over.
 *
 * Short of descriptors, a listener rests: it leaves connections in the backlog and looks again a moment later. */
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/resolve.h"
#include "net/wire_int.h"

enum { BACKLOG = 4096, REST_MS = 100, WHY = 256 };

struct listener {
    uv_tcp_t tcp;
    struct loop *loop;
    void (*incoming)(void *self, uv_stream_t *server);
    void *self;
    struct timer rest;
    struct loop_guest guest;
};

/* --- addresses --- */

static uint16_t port_of(const struct listen_address *a)
{
    const union address *at = (const void *)&a->addr;
    return ntohs(at->any.sa_family == AF_INET ? at->four.sin_port : at->six.sin6_port);
}

static bool both_families(const struct listen_address *a)
{
    const union address *at = (const void *)&a->addr;
    return at->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&at->six.sin6_addr);
}

static void set_port(struct listen_address *a, uint16_t port)
{
    union address *at = (void *)&a->addr;
    char host[INET6_ADDRSTRLEN] = "";
    if (at->any.sa_family == AF_INET) {
        at->four.sin_port = htons(port);
        uv_ip4_name(&at->four, host, sizeof(host));
        snprintf(a->text, sizeof(a->text), "%s:%u", host, port);
        return;
    }
    at->six.sin6_port = htons(port);
    uv_ip6_name(&at->six, host, sizeof(host));
    if (both_families(a))
        snprintf(a->text, sizeof(a->text), "*:%u", port);
    else
        snprintf(a->text, sizeof(a->text), "[%s]:%u", host, port);
}

static bool parse_host(struct span host, union address *out)
{
    bool brackets = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (span_is(host, SPAN("*")))
        return resolve_literal(SPAN("::"), out);
    if (span_is(host, SPAN("localhost")))
        return resolve_literal(SPAN("127.0.0.1"), out);
    if (brackets)
        host = span_make(host.at + 1, host.len - 2);
    return resolve_literal(host, out) && (out->any.sa_family == AF_INET6) == brackets;
}

bool listen_parse(struct span text, struct listen_address *out)
{
    union address at;
    uint64_t port;
    size_t colon = text.len;
    *out = (struct listen_address){ 0 };
    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0 || !parse_host(span_first(text, colon - 1), &at))
        return false;
    if (!span_to_u64(span_from(text, colon), &port) || port > UINT16_MAX)
        return false;
    memcpy(&out->addr, &at, sizeof(at));
    set_port(out, (uint16_t)port);
    return true;
}

/* --- sockets --- */

static bool option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool bind_to(int fd, const struct listen_address *a)
{
    socklen_t len = a->addr.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    return bind(fd, (const struct sockaddr *)&a->addr, len) == 0;
}

/* shared: other sockets of the same user may be bound to the address too, and the kernel spreads connections. */
static int bound_socket(const struct listen_address *a, bool shared)
{
    int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool fine = option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && (!shared || option(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    if (fine && a->addr.ss_family == AF_INET6)
        fine = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both_families(a));
    if (fine && bind_to(fd, a))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool learn_port(int fd, struct listen_address *a)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return false;
    a->addr = at;
    set_port(a, port_of(a));
    return true;
}

/* SO_REUSEPORT would let two processes share an address by accident, each getting half of the calls: the first socket
 * of ours on an address must be able to have it alone. */
static bool claim(struct listen_address *a)
{
    if (a->bound)
        return true;
    int fd = bound_socket(a, false);
    if (fd < 0 && errno == EAFNOSUPPORT && both_families(a)) { /* "*" without IPv6 in the kernel */
        uint16_t port = port_of(a);
        a->addr = (struct sockaddr_storage){ .ss_family = AF_INET };
        set_port(a, port);
        fd = bound_socket(a, false);
    }
    if (fd < 0)
        return false;
    a->bound = learn_port(fd, a);
    close(fd);
    return a->bound;
}

/* --- listeners --- */

static bool crowded(const struct loop *l, int fd)
{
    return fd < 0 || fd >= l->inner->fd_ceiling;
}

void listener_took(struct loop *l, int fd)
{
    l->inner->short_of_fds = crowded(l, fd);
}

void listener_rest(uv_stream_t *server)
{
    struct listener *here = server->data;
    timer_set(here->loop, &here->rest, REST_MS);
}

/* libuv holds one accepted connection back and polls no more until it is taken: so call again, once there is room. */
static void rested(struct timer *t)
{
    struct listener *here = CONTAINER_OF(t, struct listener, rest);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    here->loop->inner->short_of_fds = crowded(here->loop, fd);
    if (fd >= 0)
        close(fd);
    here->incoming(here->self, (uv_stream_t *)&here->tcp);
}

static void knocked(uv_stream_t *server, int status)
{
    struct listener *here = server->data;
    loop_refresh(here->loop);
    if (status == 0)
        here->incoming(here->self, server);
    else if (loop_may_complain(here->loop))
        log_warn("net", "accepting a connection failed: %s", uv_strerror(status));
}

static void gone(uv_handle_t *handle)
{
    free(handle->data);
}

void listener_close(struct listener *here)
{
    timer_clear(&here->rest);
    list_remove(&here->guest.link);
    uv_close((uv_handle_t *)&here->tcp, gone);
}

static void leave(struct loop_guest *guest)
{
    listener_close(CONTAINER_OF(guest, struct listener, guest));
}

static struct listener *listener_new(struct loop *l)
{
    struct listener *here = calloc(1, sizeof(*here));
    if (!here)
        return NULL;
    here->loop = l;
    timer_init(&here->rest, rested);
    must(uv_tcp_init(&l->uv, &here->tcp) == 0);
    here->tcp.data = here;
    loop_guest_add(l, &here->guest, leave);
    return here;
}

static int start(struct listener *here, int fd)
{
    int error = uv_tcp_open(&here->tcp, fd);
    if (error) {
        close(fd);
        return error;
    }
    return uv_listen((uv_stream_t *)&here->tcp, BACKLOG, knocked);
}

struct listener *listener_open(
    struct loop *l, struct listen_address *address, void (*incoming)(void *self, uv_stream_t *server), void *self, char why[WHY])
{
    int fd = claim(address) ? bound_socket(address, true) : -1;
    if (fd < 0) {
        snprintf(why, WHY, "cannot listen on %s: %s", address->text, strerror(errno));
        return NULL;
    }
    struct listener *here = listener_new(l);
    if (!here) {
        close(fd);
        snprintf(why, WHY, "out of memory");
        return NULL;
    }
    here->incoming = incoming;
    here->self = self;
    int error = start(here, fd);
    if (error == 0)
        return here;
    snprintf(why, WHY, "cannot listen on %s: %s", address->text, uv_strerror(error));
    listener_close(here);
    return NULL;
}
