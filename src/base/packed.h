/* SPDX-License-Identifier: Apache-2.0
 * packed.h - texts one behind the other, each after its length as 4 bytes of this machine's order: for what is kept in a data
 * directory, which does not move between kinds of machines. */
#ifndef TG_BASE_PACKED_H
#define TG_BASE_PACKED_H

#include "base/buf.h"

/* Appends; failure sticks to the buf. */
void packed_put(struct buf *b, struct span s);
/* The next one, which lies in *rest. False: there is none, or it is cut. */
bool packed_take(struct span *rest, struct span *out);

#endif
