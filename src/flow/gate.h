/* SPDX-License-Identifier: Apache-2.0
 * gate.h - the data plane as a whole: its workers, and what the admin thread may ask of them.
 *
 * gate_publish and gate_stop return only when every worker has taken the change: what they forbid is not forwarded by any
 * call after that. They block, on the caller's thread, for one turn of each worker's loop. */
#ifndef TG_FLOW_GATE_H
#define TG_FLOW_GATE_H

#include "flow/books.h"
#include "flow/stops.h"
#include "config/snapshot.h"
#include "route/health.h"

struct gate;

struct gate_counts {
    long calls, forwarded, refused, open;
    long unwritten; /* rows that wait in memory for room on the disk */
    long lost_rows; /* rows of refused calls that found none */
};

/* Takes references. Binds all listeners and starts the workers. NULL: why[]. */
struct gate *gate_start(struct snapshot *s, struct stop_set *stops, struct books *books, unsigned workers, char why[256]);
/* Where it listens, with the real port. Lives as long as the gate. */
struct span gate_address(const struct gate *g);

/* The configuration from now on (one reference is taken). Listeners, worker count and data directory are fixed for the
 * process: a change to them is logged, not taken. Certificates are read again. */
void gate_publish(struct gate *g, struct snapshot *s);
/* The configuration in force, one reference for the caller. */
struct snapshot *gate_snapshot(struct gate *g);

struct stop_effect {
    size_t cut;  /* calls under way that were cut */
    size_t left; /* calls under way that cannot be recalled, or drain by the stop's own mode */
};
void gate_stop(struct gate *g, struct stop_set *stops, struct stop_effect *effect);
struct stop_set *gate_stops(struct gate *g); /* in force, one reference for the caller */

void gate_count(const struct gate *g, struct gate_counts *out);
/* What the workers have seen, for observe/observe.h to add up; lives as long as the gate. */
struct observers;
const struct observers *gate_observers(const struct gate *g);

/* ---- what calls ask of the operator's side. Called on a worker: must not block. Before gate_start's first call, or NULL ---- */
struct gate_hooks {
    void *self;
    /* A brake stops a run or a key: to be published and stored like an operator's stop. The call it saw
     * is refused whether or not that works. Spans live until it returns. */
    void (*stop)(void *self, enum stop_kind kind, struct span value, struct span reason);
    /* As route/health.h's; NULL: nobody cares. */
    void (*turned)(void *self, struct span target, enum breaker now, struct span why);
    void (*refused)(void *self, struct span vendor, struct span credential, int status);
};
void gate_hook(struct gate *g, const struct gate_hooks *hooks);
/* An operator resumed it: brakes begin to count anew. Any thread. */
void gate_resumed(struct gate *g, enum stop_kind kind, struct span value);

/* ---- in doubt: resolved by one worker only, so at most once ---- */

/* By hand. happened: `cost` was spent (-1: what was reserved), else nothing was. The settlement is in the journal when it returns
 * E_OK. E_NOT_FOUND: no such call is in doubt (any more). E_OVERLOADED: its row is not yet in the store. Blocks, up to some
 * seconds. */
CHECKED enum err gate_resolve(struct gate *g, uint64_t call, bool happened, nano_usd cost, struct span actor, struct span reason);
/* Asks the vendor again now, for one call or (0) for all that can be. E_NOT_FOUND; E_CONFLICT: this one cannot be asked again or
 * looked up. The outcome comes later. */
CHECKED enum err gate_ask_again(struct gate *g, uint64_t call);

/* ---- approvals: decided once, on the first worker; on the disk when it returns; blocks for a moment ---- */
struct approval;
CHECKED enum err gate_decide(struct gate *g, struct span id, bool approve, struct span actor, struct span note, struct arena *a, struct approval *out);
struct approvals *gate_approvals(struct gate *g); /* for reading */

/* ---- answers that are given again (cache/cache.h); any thread. NULL: none ---- */
struct cache;
struct cache *gate_cache(struct gate *g);

/* ---- captured content on its way to the store (flow/scribe.h); any thread ---- */
struct scribe;
struct scribe *gate_scribe(struct gate *g);

/* ---- how targets are doing (route/health.h); any thread ---- */
struct health *gate_health(struct gate *g);

/* ---- explain: what would become of a call, without one (flow/explain.h) ---- */

/* What all workers share, for one who looks on from another thread: snapshot and stops with a reference each, which are the caller's to
 * drop; no world, no reader, no scratch. */
struct desk;
void gate_lend(struct gate *g, struct desk *out);

/* ---- self-check ---- */

/* The holds of all calls under way, summed by account: map of name -> struct gate_held, in arena a. Each worker's at a moment of its
 * own; so an account whose ledger_balance().changes moved meanwhile says nothing. */
struct gate_held {
    int64_t held;
};
struct gate_holds {
    struct map by_account;
    size_t calls;
    int64_t oldest_at;        /* Unix ms; 0: none */
    uint64_t oldest_call;
};
CHECKED enum err gate_collect_holds(struct gate *g, struct arena *a, struct gate_holds *out);
/* Stops accepting, lets calls end for at most drain_ms, then ends the workers. */
void gate_drain(struct gate *g, int64_t drain_ms);
void gate_free(struct gate *g);

#endif
