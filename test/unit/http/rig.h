/* SPDX-License-Identifier: Apache-2.0
 * rig.h - a server on a thread of its own with a service that does what the path says, and blocking sockets to torment
 * it with; for the tests of http/. */
#ifndef TG_TEST_HTTP_RIG_H
#define TG_TEST_HTTP_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/server.h"

struct rig {
    struct loop loop;
    struct http_limits limits;
    struct http_server *server;
    struct listen_address address;
    pthread_t thread;
    atomic_int begun, gone, refused, refused_status, refused_why, open, done;
    atomic_llong produced, consumed;
    _Atomic int64_t gone_ns;
};

void rig_start(struct rig *r, const struct http_limits *limits); /* limits NULL: the default ones */
void rig_start_tls(struct rig *r, struct tls_server *tls);
void rig_stop(struct rig *r);
void rig_drain(struct rig *r); /* from the test's thread; r->done counts */

int rig_dial(uint16_t port);
uint16_t rig_port(const struct listen_address *a);
void rig_send(int fd, struct span s);
/* Everything until the peer closes (true) or five seconds pass (false). */
bool rig_read_all(int fd, struct buf *out);
/* One reply, head and body taken apart; `head` is a HEAD request's. Leftovers stay in `in` for the next. False: none. */
struct rig_reply {
    int status;
    struct http_head h;
    struct buf body;
    struct arena arena;
};
bool rig_reply(int fd, struct buf *in, bool head, struct rig_reply *out);
void rig_reply_free(struct rig_reply *r);
void rig_sleep(int ms);
/* Waits until *n is at least `want`, up to two seconds. */
bool rig_await(atomic_int *n, int want);

#endif
