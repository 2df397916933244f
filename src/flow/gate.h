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

struct gate;

struct gate_counts {
    long calls, forwarded, refused, open;
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
/* Stops accepting, lets calls end for at most drain_ms, then ends the workers. */
void gate_drain(struct gate *g, int64_t drain_ms);
void gate_free(struct gate *g);

#endif
