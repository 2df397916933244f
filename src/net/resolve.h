/* SPDX-License-Identifier: Apache-2.0
 * resolve.h - names to addresses: getaddrinfo on libuv's threads, with a small cache per loop.
 *
 * Good answers are kept 30 s (getaddrinfo tells no lifetime), failures 1 s; equal look-ups under way are one. For net/. */
#ifndef TG_NET_RESOLVE_H
#define TG_NET_RESOLVE_H

#include <netinet/in.h>

#include "net/loop.h"

enum {
    RESOLVE_ADDRESSES = 16, /* more are left out */
    RESOLVE_NAMES = 1024,   /* in the cache of one loop */
    RESOLVE_KEEP_MS = 30 * 1000,
    RESOLVE_KEEP_FAILURE_MS = 1000
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* Somebody who waits for a name; embedded. found() gets n == 0 for a failure; the addresses have port 0, are in
 * getaddrinfo's order and live until it returns. */
struct resolve_wait {
    struct list link;
    void (*found)(struct resolve_wait *wait, const union address *at, size_t n);
};

/* May call found() at once: for literal addresses, cached names and nonsense. */
void resolve_start(struct loop *l, struct span host, struct resolve_wait *wait,
    void (*found)(struct resolve_wait *wait, const union address *at, size_t n));
void resolve_cancel(struct resolve_wait *wait);

/* Puts an answer into the cache as if it had just arrived. For tests: the addresses of a name cannot be chosen otherwise. */
void resolve_teach(struct loop *l, struct span host, const union address *at, size_t n);

/* A literal IPv4 or IPv6 address (no brackets). */
bool resolve_literal(struct span host, union address *out);

#endif
