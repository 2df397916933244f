/* SPDX-License-Identifier: Apache-2.0
 * speeds.h - how long things took, packed: a histogram in a few bytes, as it stands in the database. Included by store/ only.
 *
 * Four bounds to each doubling, from 1 ms to 17 minutes, so that a percentile is off by a tenth at most. */
#ifndef TG_STORE_SPEEDS_H
#define TG_STORE_SPEEDS_H

#include "base/buf.h"

enum { BINS = 81 /* the last: above all bounds */, TIMES = 3 };
enum speed_of { SPEED_CALL, SPEED_FIRST_BYTE, SPEED_GAP };

struct bins {
    uint32_t counts[TIMES][BINS];
};

void bins_add(struct bins *b, enum speed_of what, int64_t ms);
/* Behind each other: how many bins are not empty, and each one's number and count, as varints. */
void bins_pack(const struct bins *b, struct buf *out);
/* Adds what was packed. False: it is damaged; what was read until then was added. */
bool bins_unpack(struct span packed, struct bins *b);
/* The value below which that many of a thousand lie; -1: there is none. */
int64_t bins_at(const struct bins *b, enum speed_of what, int per_mille);

#endif
