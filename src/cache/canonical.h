/* SPDX-License-Identifier: Apache-2.0
 * canonical.h - one text for all JSON texts of one meaning: members sorted by name, no blanks, strings written one way. Numbers stay as they
 * are written: 1 and 1.0 are two. */
#ifndef TG_CACHE_CANONICAL_H
#define TG_CACHE_CANONICAL_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends it. left_out: members of the top object that do not count. The text's grammar was checked (json_scan); deeper than 256 it is
 * refused. False: it is not JSON of that kind, or there was no room. */
bool cache_canonical(struct span text, const struct span *left_out, size_t count, struct arena *scratch, struct buf *out);

#endif
