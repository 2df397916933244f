/* SPDX-License-Identifier: Apache-2.0
 * label.h - an entry's label as one block, so that it is kept, written and compared as one thing. Private to cache/. */
#ifndef TG_CACHE_LABEL_H
#define TG_CACHE_LABEL_H

#include "cache/cache.h"

enum { LABEL_MOST = 16 << 10, LABEL_TAGS_MOST = 64 };

/* Appends it: each text behind its length. */
void label_write(const struct cache_label *label, struct buf *out);
/* Whether all that is said of what is to go is true of it. A block that cannot be read is taken for anything: it goes. */
bool label_matches(struct span block, const struct cache_purge *what);

#endif
