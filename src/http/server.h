/* SPDX-License-Identifier: Apache-2.0
 * server.h - the listening side of HTTP/1.1: keep-alive, pipelining (one request at a time, the next one waits unread),
 * limits, time-outs, backpressure. One server per loop.
 *
 * A request is handed to the service when its head is complete. The service pulls the body and pushes the reply; a
 * request object lives until http_reply_end, http_reply_cut or gone(), whichever is first. What cannot be parsed is
 * answered here, in plain JSON, through service->refused (so that it gets its row too).
 *
 * A peer's FIN while its request is under way: after "Connection: close" (or HTTP/1.0) it is a half close and the reply
 * is still sent; otherwise it is a hang-up and gone() is called at once. */
#ifndef TG_HTTP_SERVER_H
#define TG_HTTP_SERVER_H

#include "http/head.h"
#include "net/listen.h"
#include "net/tls.h"
#include "net/wire.h"

struct http_server;
struct http_request;

struct http_limits {
    size_t head_bytes;      /* 64 KiB: E_TOO_LARGE, status 431 */
    size_t fields;          /* 128 */
    size_t target_bytes;    /* 16 KiB: 414 */
    size_t connections;     /* per server; more are closed at once */
    bool yields;            /* but the one that has been idle the longest gives way to a new one, if there is any */
    int64_t head_ms;        /* from the first byte of a head to its end: 408 */
    int64_t idle_ms;        /* between requests */
    int64_t body_ms;        /* between two runs of body bytes */
    int64_t write_ms;       /* a reply that the peer does not take */
};
extern const struct http_limits http_limits_default;

struct http_service {
    void *self;
    /* The head is complete. Must call http_request_user before it returns (or reply at once). */
    void (*begin)(void *self, struct http_request *r);
    /* A request that never became one: unreadable, too large, too slow. status is what was answered. May be NULL. */
    void (*refused)(void *self, struct span peer, enum err why, int status, struct span detail);
};

struct http_request_user {
    void (*wake)(void *mine); /* body bytes or room for the reply have come */
    void (*gone)(void *mine); /* the peer hung up (or broke a limit) before the reply ended; r is dead */
};

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits, const struct http_service *service);
/* Accepts on `address` until http_server_drain. tls may be NULL; `tag` comes back from http_request_tag. False: why[]. */
bool http_server_listen(struct http_server *s, struct listen_address *address, struct tls_server *tls, const void *tag, char why[256]);
/* A renewed certificate for all listeners that had one. */
void http_server_renew(struct http_server *s, struct tls_server *tls);
/* Stops accepting, closes idle connections, sends "Connection: close" with replies under way; done(self) when no
 * connection is left. */
void http_server_drain(struct http_server *s, void (*done)(void *self), void *self);
void http_server_free(struct http_server *s);         /* drops what is open; gone() is called for requests under way */

/* What was asked. Valid while the request lives. */
const struct http_head *http_request_head(const struct http_request *r);
struct span http_request_peer(const struct http_request *r); /* "203.0.113.7" */
const void *http_request_tag(const struct http_request *r);
void http_request_user(struct http_request *r, const struct http_request_user *user, void *mine);
/* The connection's own storage for its service: survives from one request to the next on the same connection (zeroed at
 * first), freed with it. */
enum { HTTP_MEMO = 256 };
void *http_request_memo(struct http_request *r);

/* Next run of body bytes, valid until the next call of anything here or return to the loop. Sends 100-continue first if
 * it was asked for. IO_FAILED: broken framing or over a limit; http_request_fault says. */
enum io http_request_read(struct http_request *r, struct span *bytes);
enum err http_request_fault(const struct http_request *r);

/* The reply: head once, then bytes, then end. length -1: chunked (or until close for HTTP/1.0); HEAD, 1xx, 204 and 304
 * send no body whatever is written. `fields` should not hold framing fields (content-length, transfer-encoding, connection,
 * keep-alive, date): they are the server's, and dropped. What is written gathers until 16 KiB are there, the reply ends or
 * the loop's turn does, so that head and first bytes leave in one write. More than `length` must not be written. */
void http_reply_head(struct http_request *r, int status, const struct http_field *fields, size_t count, int64_t length);
void http_reply_write(struct http_request *r, struct span bytes);
bool http_reply_room(const struct http_request *r); /* false: wait for wake() */
/* Ends the reply; trailers only go out when chunked and are ignored otherwise. If the request's body was not read to its
 * end, up to 256 KiB of it are skipped, else the connection closes. Less than `length` written: as http_reply_cut. r is
 * dead after it. */
void http_reply_end(struct http_request *r, const struct http_field *trailers, size_t count);
/* Instead of a head: 101. What http_request_read gives and http_reply_write sends are the connection's bytes as they are from then on, until
 * http_reply_end, which closes it once they are taken. */
void http_reply_upgrade(struct http_request *r, const struct http_field *fields, size_t count);
/* Whole reply in one call. */
void http_reply(struct http_request *r, int status, const struct http_field *fields, size_t count, struct span body);
/* Breaks the connection so that the peer notices (no terminating chunk). r is dead after it. */
void http_reply_cut(struct http_request *r);

#endif
