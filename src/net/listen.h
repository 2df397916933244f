/* SPDX-License-Identifier: Apache-2.0
 * listen.h - addresses to listen on. Every worker binds its own socket with SO_REUSEPORT. */
#ifndef TG_NET_LISTEN_H
#define TG_NET_LISTEN_H

#include "net/loop.h"

/* "127.0.0.1:8080", "[::1]:8080", "localhost:0", "*:8080" (both families). */
struct listen_address {
    struct sockaddr_storage addr;
    char text[80]; /* canonical, with the real port once bound */
    bool bound;    /* by a listener of this process: before that, an address another process listens on is refused */
};
bool listen_parse(struct span text, struct listen_address *out);

struct listener; /* one socket on one loop */
/* Port 0: the kernel chooses and `address` is updated, so that the next worker binds the same one. NULL: why[] says. */
struct listener *listener_open(
    struct loop *l, struct listen_address *address, void (*incoming)(void *self, uv_stream_t *server), void *self, char why[256]);
void listener_close(struct listener *l); /* stops accepting; frees itself */

#endif
