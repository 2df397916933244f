/* SPDX-License-Identifier: Apache-2.0
 * line.h - the calling side's inside: calls, the connections ("lines") they run on, and the places lines lead to;
 * private to http/.
 *
 * pool.c owns lines and places and hands lines to calls; call.c is the life of one call on its line. A line has at most
 * one call; a call without a line is queued or has failed. */
#ifndef TG_HTTP_LINE_H
#define TG_HTTP_LINE_H

#include "base/map.h"
#include "http/body.h"
#include "http/client.h"
#include "http/intake.h"
#include "http/parse.h"

struct http_pool {
    struct loop *loop;
    struct http_pool_limits limits;
    struct map places; /* by origin name */
    struct list lines; /* all that are open */
    struct list spare; /* calls to be used again */
    size_t spares, calls;
};

/* Where lines of one origin are kept. Lives as long as the pool: there are as many as configured origins. */
struct place {
    struct list idle;    /* last used first */
    struct list waiting; /* calls, in order of arrival */
    size_t idle_count, open;
    struct span name; /* the bytes follow the struct */
};

struct line {
    struct http_pool *pool;
    struct place *place;
    struct wire *wire;
    struct http_call *call; /* NULL: idle */
    struct list link;       /* in pool->lines */
    struct list idle_link;
    struct timer timer; /* of an idle line */
    int64_t idle_ms;    /* the pool's, or less if the peer said so */
    uint64_t written;
    bool served, paused;
};

enum call_state { CALL_WAITING, CALL_READY, CALL_SENT, CALL_FAILED };
enum call_watch { CALL_WATCH_NONE, CALL_WATCH_SEND, CALL_WATCH_HEAD, CALL_WATCH_BODY };

struct http_call {
    struct http_pool *pool;
    struct place *place;
    struct line *line;
    struct list link; /* in place->waiting or pool->spare */
    const struct http_origin *origin;
    struct http_deadlines deadlines;
    void (*wake)(void *self);
    void *self;
    struct later ring; /* wake at the end of the turn */
    struct timer timer;
    bool *dead; /* set for whoever up the stack must know that the call was closed */
    enum call_state state;
    enum call_watch watch;
    uint64_t watch_mark; /* bytes the peer had taken when the watch began */
    enum err fault;
    bool reused, sent;
    bool bodiless;      /* HEAD was asked */
    bool upgrades;      /* a 101 is the answer, and the connection is the user's from then on */
    bool chunked, last; /* of the request */
    bool headed;        /* the answer's head is there */
    bool wants;         /* was told IO_WAIT */
    bool over;          /* the peer ended the connection: */
    enum err over_why;
    unsigned informational;
    struct arena arena;
    struct http_head head;
    struct head_scan scan;
    struct body body;
    struct intake in;
};

/* pool.c */
void line_close(struct line *l); /* its call, if any, has let go of it */
void line_leave(struct line *l); /* the same; what is queued may still go out, for a few seconds */
void line_rest(struct line *l);  /* fit for the next call */
void pool_obtain(struct http_call *c);
void pool_serve(struct http_pool *p, struct place *at); /* a line may have become free */

/* call.c */
extern const struct wire_user call_wire_user;
void call_attach(struct http_call *c, struct line *l); /* an open line */
void call_fail(struct http_call *c, enum err why);

#endif
