/* SPDX-License-Identifier: Apache-2.0
 * worker.h - one thread of the data plane: a loop, a server, a pool of vendor connections, and the calls under way. */
#ifndef TG_FLOW_WORKER_H
#define TG_FLOW_WORKER_H

#include "flow/books.h"
#include "flow/exchange.h"
#include "flow/sockets.h"

/* Counters that any thread may read. */
struct worker_counts {
    _Atomic long calls, forwarded, refused, open;
};

struct worker {
    struct sockets sockets; /* first: the world's `self` is the worker */
    struct loop loop;
    struct http_server *server;
    struct world world;
    struct desk desk;
    struct books *books;
    unsigned index;
    struct list live; /* exchanges under way */
    struct list idle; /* recycled */
    size_t idle_count;
    struct timer janitor; /* the first worker's: accounts of windows long over leave memory */
    struct worker_counts counts;
};

/* Takes a reference of each. `above`: call ids start above it. False: why[]. */
bool worker_init(struct worker *w, unsigned index, struct snapshot *s, struct stop_set *stops, struct books *books,
    uint64_t above, char why[256]);
/* Binds a listener; `tag`: a vendor's slug that lives as long as the worker, or NULL. */
bool worker_listen(struct worker *w, struct listen_address *address, struct tls_server *tls, const char *tag, char why[256]);
void worker_free(struct worker *w);

/* On the worker's own thread (by loop_post). */
void worker_take_snapshot(struct worker *w, struct snapshot *s);
/* Cuts what the new stops forbid; returns how many calls were cut, and in *left how many it forbids but that cannot be
 * recalled (a charge that was sent). */
size_t worker_take_stops(struct worker *w, struct stop_set *stops, size_t *left);
void worker_drain(struct worker *w, void (*done)(void *self), void *self);

#endif
