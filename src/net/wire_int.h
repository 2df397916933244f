/* SPDX-License-Identifier: Apache-2.0
 * wire_int.h - a wire's inside, for net/ and its tests only.
 *
 *   wire.c      what users call; states; who is told what
 *   wire_tcp.c  the socket: reading, writing, the queue          wire_tls.c  TLS over it
 *   connect.c   names, addresses, the race                       tunnel.c    CONNECT through a proxy
 *
 *   connecting -> [tunnelling] -> [shaking] -> open -> [lingering] -> closed
 *        \______________\____________\______-> failed ----------------^
 * Memory goes in libuv's close callback and nowhere else, so after any callback `state` may still be looked at. */
#ifndef TG_NET_WIRE_INT_H
#define TG_NET_WIRE_INT_H

#include "base/buf.h"
#include "net/loop_int.h"
#include "net/tls_int.h"
#include "net/wire.h"

enum wire_state { WIRE_CONNECTING, WIRE_TUNNELLING, WIRE_SHAKING, WIRE_OPEN, WIRE_FAILED, WIRE_LINGERING, WIRE_CLOSED };

struct wire {
    uv_tcp_t tcp;
    struct loop *loop;
    const struct wire_user *user;
    void *self;
    enum wire_state state;
    enum err outcome; /* while opening: a failure to report in the next turn */
    bool reading;     /* libuv polls for bytes */
    bool paused;      /* the user wants none; libuv is told only when some come */
    bool over;        /* ended was said */
    bool broken;      /* ended was said with a failure */
    bool mute;        /* sending failed: what is written is dropped */
    bool tell_broken; /* to be said in the next turn */
    bool high;        /* WIRE_LOW or more was queued: drained is owed */
    bool shut;        /* the user ended our side */
    bool fin_asked;   /* the shutdown request is libuv's */
    bool fin_sent;
    struct buf fresh;   /* written in this turn, to go out at its end (wire_tcp.c) */
    struct list outgoing; /* in the loop's list while fresh holds something */
    struct buf pending; /* bytes for the socket that libuv does not have yet */
    struct buf flight;  /* bytes libuv is sending: at most one request at a time */
    uv_write_t write;
    uv_shutdown_t fin;
    struct timer deadline; /* of opening, or of lingering */
    struct later later;
    struct loop_guest guest;
    struct connect *connect; /* while connecting, tunnelling and shaking; NULL for an accepted wire */
    struct tls_stream *tls;  /* NULL: plain, or not that far */
    char peer[INET6_ADDRSTRLEN];
};

/* wire.c */
struct wire *wire_new(struct loop *l, const struct wire_user *user, void *self);
void wire_opened(struct wire *w);                /* everything that had to be done is done */
void wire_failed(struct wire *w, enum err why);  /* while opening; tells in the next turn */
void wire_input(struct wire *w, struct span in); /* bytes from the socket */
void wire_input_over(struct wire *w, enum err why);
void wire_end(struct wire *w, enum err why); /* tells the user that reading is over */
void wire_sent(struct wire *w);              /* the queue got shorter */
void wire_tell_broken(struct wire *w);       /* next turn */
void wire_peer_set(struct wire *w, const struct sockaddr *addr);

/* wire_tcp.c */
CHECKED enum err wire_tcp_open(struct wire *w, int fd); /* takes the descriptor, even when it fails */
void wire_tcp_write(struct wire *w, const struct span *parts, size_t n);
void wire_tcp_flush(struct wire *w); /* sends what was put into w->pending */
void wire_tcp_send_fresh(struct wire *w); /* now */
size_t wire_tcp_queued(const struct wire *w); /* fresh ones included */
void wire_tcp_read(struct wire *w);
void wire_tcp_read_stop(struct wire *w);
void wire_tcp_fin(struct wire *w); /* once the queue is empty */
void wire_tcp_mute(struct wire *w);

/* wire_tls.c */
CHECKED enum err wire_tls_connect(struct wire *w, const struct tls_client *client, struct span host, uint16_t port);
CHECKED enum err wire_tls_accept(struct wire *w, const struct tls_server *server);
void wire_tls_start(struct wire *w); /* the first flight of the hand-shake */
void wire_tls_input(struct wire *w, struct span in);
void wire_tls_pump(struct wire *w); /* what was held while the user paused */
bool wire_tls_holds(const struct wire *w);
void wire_tls_write(struct wire *w, const struct span *parts, size_t n);
void wire_tls_shut(struct wire *w);
void wire_tls_free(struct wire *w);
struct span wire_tls_server_name(const struct wire *w);
bool wire_tls_resumed(const struct wire *w); /* for tests and metrics: no full hand-shake was needed */

/* connect.c */
CHECKED bool connect_start(struct wire *w, const struct wire_target *t); /* false: out of memory */
void connect_free(struct wire *w);
void connect_tunnel_input(struct wire *w, struct span in);

/* tunnel.c: pure */
enum tunnel_verdict { TUNNEL_MORE, TUNNEL_OPEN, TUNNEL_REFUSED };
void tunnel_ask(struct buf *out, struct span host, uint16_t port, struct span auth);
enum tunnel_verdict tunnel_judge(struct span reply);

/* listen.c */
void listener_rest(uv_stream_t *server);    /* no accepting for a moment; then `incoming` is called again */
void listener_took(struct loop *l, int fd); /* a new connection's descriptor: too high means that few are left */

#endif
