/* SPDX-License-Identifier: Apache-2.0
 * worker.h - one thread of the data plane: a loop, a server, a pool of vendor connections, and the calls under way. */
#ifndef TG_FLOW_WORKER_H
#define TG_FLOW_WORKER_H

#include "flow/books.h"
#include "flow/commit.h"
#include "flow/doubts.h"
#include "flow/exchange.h"
#include "flow/gate.h"
#include "flow/past.h"
#include "flow/probes.h"
#include "flow/sockets.h"

/* Counters that any thread may read. */
struct worker_counts {
    _Atomic long calls, forwarded, refused, open;
    _Atomic long unwritten; /* rows that wait for room on the disk */
    _Atomic long lost_rows; /* of refused calls, for want of room */
};

/* What all workers of a gate share. */
struct workshop {
    struct books *books;
    struct brakes *brakes;
    struct repeats *repeats;
    struct cache *cache;
    struct scribe *scribe;
    struct approvals *approvals;
    struct made *made;
    struct remembered *remembered;
    struct similar *similar; /* NULL: nothing alike is looked for */
    struct texts *texts;
    struct health *health;
    struct observers *observers; /* one a worker */
    struct commit *commit;
    struct worker *first;               /* the one that keeps the doubts */
    const struct gate_hooks *_Atomic hooks; /* NULL: none yet */
};

/* What becomes of targets is logged, and told to `hooks`. NULL: no memory. (health_news.c) */
struct health *shop_health(struct workshop *shop);

/* What a worker, or one who plays a call without being one (explain.c), needs of the shop. The references become the desk's. Content is kept by
 * workers alone: scribe is NULL. */
struct desk shop_desk(const struct workshop *shop, struct snapshot *s, struct stop_set *stops);

struct worker {
    struct sockets sockets; /* first: the world's `self` is the worker */
    struct loop loop;
    struct http_server *server;
    struct world world;
    struct desk desk;
    struct workshop *shop;
    unsigned index;
    struct list live; /* exchanges under way */
    struct list news; /* those of them that wait for news (exchange.news) */
    struct later sync;     /* calls of this turn wait for the disk */
    struct list unwritten; /* rows that found no room, in order */
    size_t unwritten_bytes;
    struct probes *probes; /* the first worker's; NULL: another one's */
    struct doubts *doubts; /* the first worker's; NULL: another one's */
    struct timer tick;     /* each second */
    bool closing;          /* nothing is waited for any more */
    struct list idle; /* recycled */
    size_t idle_count;
    struct timer janitor; /* the first worker's: accounts of windows long over leave memory */
    struct past past;     /* the first worker's: until when they are over */
    struct worker_counts counts;
    struct observer *observer; /* its own of the shop's */
};

/* Takes a reference of each. `above`: call ids start above it. False: why[]. */
bool worker_init(struct worker *w, unsigned index, struct snapshot *s, struct stop_set *stops, struct workshop *shop,
    uint64_t above, char why[256]);
/* Binds a listener; `tag`: a vendor's slug that lives as long as the worker, or NULL. */
bool worker_listen(struct worker *w, struct listen_address *address, struct tls_server *tls, const char *tag, char why[256]);
void worker_free(struct worker *w);

/* On the worker's own thread (by loop_post). */
void worker_take_snapshot(struct worker *w, struct snapshot *s);
/* Cuts what the new stops forbid; returns how many calls were cut, and in *left how many it forbids but that cannot be
 * recalled (a charge that was sent). */
size_t worker_take_stops(struct worker *w, struct stop_set *stops, size_t *left);
/* Something came from another thread: those that wait look again. */
void worker_news(struct worker *w);
/* The holds of its calls, added up. */
void worker_holds(struct worker *w, struct arena *a, struct gate_holds *out);
void worker_drain(struct worker *w, void (*done)(void *self), void *self);

#endif
