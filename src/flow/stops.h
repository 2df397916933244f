/* SPDX-License-Identifier: Apache-2.0
 * stops.h - what operators have stopped: an immutable set, small, swapped whole, looked at twice in every call (when it is
 * admitted and right before it is sent).
 *
 * Counted references like the snapshot's. The counters of refused calls live as long as a stop does, through every swap. */
#ifndef TG_FLOW_STOPS_H
#define TG_FLOW_STOPS_H

#include "base/map.h"
#include "base/node.h"
#include "rules/facts.h"

enum stop_kind { STOP_ALL, STOP_WORKSPACE, STOP_KEY, STOP_RUN, STOP_VENDOR, STOP_LINK, STOP_KINDS };

struct stop {
    enum stop_kind kind;
    struct span id;    /* "run:run_abc": also its name in the store */
    struct span value; /* key id, run id, vendor slug, workspace, call id (its links to results); empty for all */
    struct span workspace; /* whose people set it, who may lift it; a run's holds there alone. SPAN_NONE: the gate's operators, everywhere */
    struct span reason, by;
    enum err code;                  /* E_STOPPED, or E_KEY_REVOKED for a revoked key */
    bool cut;                       /* streams under way are cut; else they drain */
    bool writes_only;               /* reads still pass, but for those that are billed */
    int64_t created_at, expires_at; /* expires_at 0: until resumed */
    _Atomic long *refused;          /* calls refused since; shared between successive sets */
    const struct stop *also;        /* of the same kind and value, set by others */
};

struct stop_set;

/* From the store's objects of kind "stop" (id and JSON body each). Counters of `before` (may be NULL) are carried over.
 * A body that cannot be read stops everything: fail closed. NULL: no memory. */
struct stop_text {
    struct span id, body;
};
struct stop_set *stop_set_new(const struct stop_text *list, size_t count, const struct stop_set *before);
struct stop_set *stop_set_keep(struct stop_set *s);
void stop_set_drop(struct stop_set *s);
/* The first stop that forbids this call; NULL: none. Key, run and vendor may still be unknown (SPAN_NONE). */
const struct stop *stop_set_match(const struct stop_set *s, const struct facts *f, int64_t now_ms);
size_t stop_set_count(const struct stop_set *s);
const struct stop *stop_set_at(const struct stop_set *s, size_t index);

/* "run", "key", ...; and the id of a stop in the store: "run:run_abc", "all". */
struct span stop_kind_name(enum stop_kind kind);
struct span stop_id(struct arena *a, enum stop_kind kind, struct span value);
/* "run:run_abc acme": set from within a workspace, beside the operators' own; without one the same as stop_id. */
struct span stop_id_of(struct arena *a, const struct stop *stop);

#endif
