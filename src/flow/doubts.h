/* SPDX-License-Identifier: Apache-2.0
 * doubts.h - the calls whose outcome is not known: kept by the first worker alone, so that each is resolved at most once.
 *
 * A doubt is asked again by itself, after 5 s (20 s after a start), 30 s, 2 min, 10 min and then each hour, as long as its vendor
 * remembers idempotency keys (vendor.h: once_ms; later, asking again would pay again), or for a day where a look-up can tell;
 * else, and after that, it waits for an operator. Nothing is resolved by time alone. Beside them it keeps the calls whose price
 * comes later: nothing of them is in doubt, and they are no doubts to anyone who asks; they are read when their manifest says,
 * and when something happens to their object; after the manifest's patience the estimate stands. A resolution is a row of its own
 * (kind settlement); the row in doubt stays as it was written. A doubt whose outcome is known may go on as a late price. */
#ifndef TG_FLOW_DOUBTS_H
#define TG_FLOW_DOUBTS_H

#include "base/list.h"
#include "flow/exchange.h"

#define DOUBT_DAY (INT64_C(24) * 60 * 60 * 1000)

struct doubts;

/* ask starts a second asking (exchange_begin_again) and says whether it could; its end comes back by doubts_cleared. */
struct doubts *doubts_new(struct desk *desk, bool (*ask)(void *self, const struct doubt *d), void *self);
void doubts_free(struct doubts *ds);

/* A copy of d in one block (free()), for its way between threads; NULL: no memory. */
struct doubt *doubt_copy(const struct doubt *d);
/* Takes the block. found: it was there when the gate started. */
void doubts_adopt(struct doubts *ds, struct doubt *block, bool found);
/* Asks what is due. */
void doubts_tick(struct doubts *ds, int64_t now_ms);
/* The price of what made this object may be known now: it is asked soon. */
void doubts_nudge(struct doubts *ds, struct span vendor, struct span credential, struct span object);
/* What a second asking found; x may have kept the answer. */
void doubts_cleared(struct doubts *ds, struct exchange *x, const struct clearing *c);

/* By hand; see flow/gate.h. E_OVERLOADED: a moment later. */
CHECKED enum err doubts_resolve(
    struct doubts *ds, uint64_t call, bool happened, nano_usd cost, struct span actor, struct span reason);
CHECKED enum err doubts_ask_again(struct doubts *ds, uint64_t call);
size_t doubts_count(const struct doubts *ds); /* of either kind */

#endif
