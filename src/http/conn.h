/* SPDX-License-Identifier: Apache-2.0
 * conn.h - a connection of the server and the one request on it; private to http/.
 *
 *   SHAKE -> IDLE -> HEAD -> BUSY -> (SKIP) -> IDLE ...      LINGER: we are done, the peer may still be sending
 *
 * server.c accepts and keeps the lists, conn.c moves the state, request.c and reply.c are what the service calls. */
#ifndef TG_HTTP_CONN_H
#define TG_HTTP_CONN_H

#include "http/body.h"
#include "http/intake.h"
#include "http/parse.h"
#include "http/server.h"

enum {
    CONN_HEAD_SLACK = 64 * 1024, /* of the head's arena beyond the head itself: the field table */
    CONN_SKIP = 256 * 1024,      /* of an unread body, so that the connection may be kept */
    CONN_LINGER_BYTES = 1024 * 1024,
    CONN_LINGER_MS = 2000,
    CONN_CORK = 16 * 1024, /* of a reply gathered within one turn */
};

enum conn_state { CONN_SHAKE, CONN_IDLE, CONN_HEAD, CONN_BUSY, CONN_SKIP_BODY, CONN_LINGER };
enum conn_watch { WATCH_NONE, WATCH_BODY, WATCH_WRITE };

struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct parse_limits parse;
    struct http_service service;
    struct list conns;     /* open */
    struct list spare;     /* closed, to be used again */
    struct list listeners;
    size_t open, spares;
    struct buf out;              /* the beginning of one reply, gathered; */
    struct http_request *corked; /* whose, or NULL */
    struct later flush, finish;
    int64_t date_second;
    char date[40]; /* "date: Sat, 21 Nov 2026 12:00:00 GMT\r\n" */
    bool draining;
    void (*done)(void *self);
    void *done_self;
};

struct http_request {
    struct http_server *server;
    struct list link; /* in conns or spare */
    struct wire *wire;
    struct timer timer;
    struct later next; /* start the next request at the end of the turn */
    const void *tag;
    bool *dead; /* set for whoever up the stack must know that the connection went */
    enum conn_state state;
    enum conn_watch watch;
    bool turning; /* inside conn.c, which goes on by itself */
    bool paused;
    struct intake in;
    struct head_scan scan;
    int64_t linger;      /* bytes that may still be thrown away */
    uint64_t written;    /* on this connection */
    uint64_t watch_mark; /* of which the peer had taken, when the watch began */
    /* the request */
    struct arena arena;
    struct http_head head;
    struct body body;
    const struct http_request_user *user;
    void *mine;
    enum err fault;
    bool wants;     /* was told IO_WAIT: wake it */
    bool continued; /* 100 was sent or is not needed */
    bool half;      /* the peer finished sending, and may */
    /* the reply */
    bool replied, empty, chunked, close;
    bool lost; /* it cannot be whole: its end will be a cut */
    int64_t owed; /* of a reply with a length; -1: no length */
    _Alignas(16) char memo[HTTP_MEMO];
};

/* conn.c */
extern const struct wire_user conn_wire_user;
void conn_prepare(struct http_request *c); /* once in its life */
void conn_start(struct http_request *c, bool shaking);
void conn_finish(struct http_request *c); /* the reply ended: next request, skip, or close */
void conn_drop(struct http_request *c);   /* close at once */
void conn_reset(struct http_request *c);  /* close so that the peer notices */
void conn_leave(struct http_request *c);  /* close; what is queued may still go out, for a few seconds */
void conn_retire(struct http_request *c); /* close when the peer has taken all, or stands still */
void conn_watch(struct http_request *c);  /* sets the timer that fits a busy connection */
void conn_resume(struct http_request *c);

/* server.c */
void server_release(struct http_request *c); /* its wire was closed */

/* reply.c */
void reply_flush(struct http_server *s);
void reply_forget(struct http_request *c); /* what is gathered for c is not sent */
void reply_refuse(struct http_request *c, const struct refusal *why);

#endif
