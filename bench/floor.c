/* SPDX-License-Identifier: Apache-2.0
 * floor.c - the least a proxy can cost: bytes are moved between two sockets, and nothing is looked at.
 *
 *   floor PORT UPSTREAM_PORT
 * A connection to the upstream for each of a client's; two reads and two writes a request. It shows what of a gate's cost is
 * the machine's. Writes may block: nobody here sends while it is sent to. Loopback only. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BYTES = 64 << 10, READY = 256, FILES = 65536 };

static int peer_of[FILES]; /* by descriptor; 0: none */
static int queue;

static void give_up(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(2);
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void watch(int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd >= FILES || epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e) != 0)
        give_up("epoll");
}

static void join(int listener, const struct sockaddr_in *upstream)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), vendor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || vendor < 0 || connect(vendor, (const struct sockaddr *)upstream, sizeof(*upstream)) != 0)
        give_up("connect");
    watch(client);
    watch(vendor);
    peer_of[client] = vendor;
    peer_of[vendor] = client;
}

static void move_bytes(int fd)
{
    static char bytes[BYTES];
    int peer = peer_of[fd];
    if (!peer) /* closed in this turn, with its peer */
        return;
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) /* an event of the descriptor's last owner */
        return;
    for (ssize_t done = 0, sent; n > 0 && done < n; done += sent)
        if ((sent = send(peer, bytes + done, (size_t)(n - done), MSG_NOSIGNAL)) < 0)
            n = -1;
    if (n > 0)
        return;
    peer_of[fd] = peer_of[peer] = 0;
    close(fd);
    close(peer);
}

int main(int argc, char **argv)
{
    struct epoll_event ready[READY];
    struct rlimit files;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (argc != 3)
        give_up("arguments (allowed: two ports)");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    const struct sockaddr_in at = loopback(argv[1]), upstream = loopback(argv[2]);
    queue = epoll_create1(EPOLL_CLOEXEC);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || bind(listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listener, 4096) != 0)
        give_up("listen");
    watch(listener);
    for (;;) {
        int n = epoll_wait(queue, ready, READY, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == listener)
                join(listener, &upstream);
            else
                move_bytes(ready[i].data.fd);
        }
    }
}
