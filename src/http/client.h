/* SPDX-License-Identifier: Apache-2.0
 * client.h - the calling side of HTTP/1.1: connections pooled per origin, one request at a time on each.
 *
 * A call is opened on an origin, sent, its answer's head awaited, its body pulled, and closed; a connection whose answer
 * ended cleanly goes back to the pool. Every wait has a deadline. wake() comes whenever asking again may bring
 * something; it is never called from inside a function of this header. One pool per loop. */
#ifndef TG_HTTP_CLIENT_H
#define TG_HTTP_CLIENT_H

#include "http/head.h"
#include "net/tls.h"
#include "net/wire.h"

struct http_pool;
struct http_call;

struct http_pool_limits {
    size_t idle_per_origin; /* kept open */
    size_t open_per_origin; /* 0: no limit; over it calls queue for a connection (within connect_ms) */
    int64_t idle_ms;        /* an idle connection is closed after this (kept below vendors' own) */
    size_t head_bytes, fields;
};
extern const struct http_pool_limits http_pool_limits_default;

/* Where to: owned by the configuration snapshot, outlives every call on it. Two origins with the same `name` share
 * connections. */
struct http_origin {
    struct span name; /* "https://api.stripe.com:443", plus the proxy and CA if special: the pool's key */
    struct span host; /* for DNS, SNI */
    struct span authority; /* Host header */
    uint16_t port;
    const struct tls_client *tls; /* NULL: http */
    struct span proxy_host;
    uint16_t proxy_port;
    struct span proxy_auth;
    bool public_only; /* see net/wire.h; has a `name` of its own then */
};

struct http_deadlines {
    int64_t connect_ms;    /* names, connect, tunnel, TLS: 10 s */
    int64_t first_byte_ms; /* from the request's last byte to the answer's head: 600 s for LLM */
    int64_t idle_ms;       /* between two runs of an answer's body */
    int64_t send_ms;       /* the vendor does not take our bytes */
};

struct http_pool *http_pool_new(struct loop *l, const struct http_pool_limits *limits);
void http_pool_free(struct http_pool *p); /* all calls must be closed */
void http_pool_drain(struct http_pool *p); /* closes idle connections */

/* NULL: no memory. */
struct http_call *http_call_open(struct http_pool *p, const struct http_origin *o, const struct http_deadlines *d, void (*wake)(void *self), void *self);
/* IO_BYTES: connected, may send; IO_WAIT; IO_FAILED. */
enum io http_call_ready(struct http_call *c);
/* head: complete, as composed with http_put_*; its framing fields must fit what follows. body: the first run, may be empty;
 * `last`: nothing follows. Only once, when ready. `chunked`: body and later runs are framed as chunks here. What is sent on
 * a call that has failed meanwhile is dropped. */
void http_call_send(struct http_call *c, struct span head, struct span body, bool chunked, bool last);
void http_call_write(struct http_call *c, struct span body, bool last);
bool http_call_room(const struct http_call *c);
/* Before it is sent: the request asks for an upgrade. Its answer may be a 101; then what http_call_read gives and http_call_write sends
 * are the connection's bytes as they are, and http_call_close lets go out what is queued. Nothing but the head is sent before. */
void http_call_upgrade(struct http_call *c);
/* IO_BYTES: *head is there (1xx are skipped), valid until close; may come before the request is sent whole (an early
 * answer). NULL with anything else. */
enum io http_call_head(struct http_call *c, const struct http_head **head);
/* Next run of the answer's body (unchunked), valid until the next call here or return to the loop. IO_END only for a
 * complete body: a cut one is IO_FAILED. */
enum io http_call_read(struct http_call *c, struct span *bytes);
/* Why it failed: E_UPSTREAM_UNREACHABLE (nothing was sent), E_UPSTREAM_TIMEOUT, E_UPSTREAM_BROKEN. */
enum err http_call_fault(const struct http_call *c);
bool http_call_sent(const struct http_call *c);   /* a byte of the request may have left */
bool http_call_reused(const struct http_call *c); /* the connection had served before */
/* Done with it: pooled if the answer ended cleanly and the request was sent whole, else dropped. No wake afterwards. */
void http_call_close(struct http_call *c);

#endif
