/* SPDX-License-Identifier: Apache-2.0
 * probes.h - asking vendors now and then, without anyone having asked, whether they answer: `vendors.NAME.probe`.
 *
 * Of one worker, on its loop. A probe is no call: it has no row and counts to no budget. What it finds is told to route/health.h. */
#ifndef TG_FLOW_PROBES_H
#define TG_FLOW_PROBES_H

#include "config/snapshot.h"
#include "flow/stops.h"
#include "route/health.h"

struct probes;

struct probes *probes_new(struct loop *loop, struct http_pool *pool, struct health *health);
/* Those under way end without a word. Before the pool and the loop. */
void probes_free(struct probes *p);
/* Each second. What an operator stopped as a whole, or a vendor, is not asked. */
void probes_tick(struct probes *p, struct snapshot *s, const struct stop_set *stops, int64_t now_ms);

#endif
