/* SPDX-License-Identifier: Apache-2.0
 * wire.h - a byte stream with a peer: TCP, or TLS over TCP, or either through an HTTP proxy's CONNECT tunnel.
 *
 * Reading is pushed and can be paused: bytes() gets a run that lives until it returns (it is the loop's shared buffer),
 * takes what it can and copies what it must keep. After wire_pause no bytes() comes until wire_resume.
 * What is written leaves at the end of the loop's turn (large runs at once); what the socket does not take then is sent
 * later; wire_queued tells how much waits for the socket, drained() says when it fell below WIRE_LOW. A writer that looks at wire_has_room before it pulls more has
 * backpressure. After wire_close no callback comes; the wire frees itself. TCP_NODELAY is always on.
 *
 * A paused wire learns of nothing: neither the peer's end nor its reset, until it is resumed or a write fails. Whoever
 * awaits a hang-up keeps reading and holds the bytes (bounded) itself. */
#ifndef TG_NET_WIRE_H
#define TG_NET_WIRE_H

#include "base/err.h"
#include "net/loop.h"

enum {
    WIRE_HIGH = 256 * 1024,
    WIRE_LOW = 64 * 1024,
    WIRE_CEILING = 64 * 1024 * 1024, /* more than this waiting to be sent breaks the wire: its writer ignored wire_has_room */
    WIRE_SHAKE_MS = 10 * 1000,       /* for the hand-shake of an accepted TLS wire */
    WIRE_LINGER_MS = 5 * 1000        /* wire_close_flushed waits no longer */
};

struct wire; /* opaque; belongs to one loop */

struct wire_user {
    /* Connected (and hands shaken); or why not: E_UPSTREAM_UNREACHABLE, E_UPSTREAM_TIMEOUT. After a failure only
     * wire_close may be called. Never called from inside wire_connect. Not called for accepted plain wires; called for
     * accepted TLS wires. */
    void (*opened)(void *self, enum err why);
    void (*bytes)(void *self, struct span in);
    /* E_OK: the peer finished sending in an orderly way (TLS: close_notify). E_UPSTREAM_BROKEN: reset, or TLS truncated.
     * Reading is over either way; writing may still work after E_OK. Should it then fail, ended comes a second time, with
     * E_UPSTREAM_BROKEN. Writes after that are dropped. */
    void (*ended)(void *self, enum err why);
    void (*drained)(void *self);
};

struct tls_client; /* net/tls.h */
struct tls_server;

struct wire_target {
    struct span host; /* name or literal address, no brackets */
    uint16_t port;
    const struct tls_client *tls; /* NULL: plain */
    struct span proxy_host;       /* SPAN_NONE: direct */
    uint16_t proxy_port;
    struct span proxy_auth; /* value for Proxy-Authorization, or SPAN_NONE */
    int64_t connect_ms;     /* for all of: names, connect, tunnel, hand-shake */
    bool public_only;       /* a stranger chose the host: only addresses of the internet are connected to */
};

/* Starts connecting: names are resolved off the loop and cached, addresses tried by happy eyeballs (RFC 8305, 250 ms
 * apart). The target's spans are copied. NULL: out of memory. */
struct wire *wire_connect(struct loop *l, const struct wire_target *t, const struct wire_user *user, void *self);
/* Takes the next connection a listener's handle has. NULL: none, or short of descriptors or memory (logged; the listener
 * calls again a little later). Bytes come from the next turn on. */
struct wire *wire_accept(
    struct loop *l, uv_stream_t *listener, const struct tls_server *tls, const struct wire_user *user, void *self);

/* Only when open; dropped once the wire is broken; not after wire_shut. */
void wire_write(struct wire *w, const struct span *parts, size_t n);
size_t wire_queued(const struct wire *w); /* TLS: encrypted, so a little more than was written */
static inline bool wire_has_room(const struct wire *w)
{
    return wire_queued(w) < WIRE_HIGH;
}
void wire_pause(struct wire *w);
void wire_resume(struct wire *w);
void wire_shut(struct wire *w);          /* flush, then end our sending side */
void wire_close(struct wire *w);         /* flushes nothing: drop it now */
void wire_close_flushed(struct wire *w); /* send what is queued (at most 5 s), then close; no callback any more */
void wire_reset(struct wire *w);         /* close with RST, for a peer that must notice that the answer is cut */
/* A new owner for its callbacks (a pooled connection changes hands). */
void wire_user(struct wire *w, const struct wire_user *user, void *self);
/* "203.0.113.7", no port; lives as long as the wire. */
struct span wire_peer(const struct wire *w);
/* The server name the client asked for in TLS (SNI), or SPAN_NONE. */
struct span wire_server_name(const struct wire *w);

#endif
