/* SPDX-License-Identifier: Apache-2.0
 * drawer.h - a bounded table of blocks by name, behind one lock: the oldest leave first, and each leaves when its time is over.
 *
 * A block is malloc'ed by its maker with a struct filed in front, and belongs to the drawer once it is in. */
#ifndef TG_FLOW_DRAWER_H
#define TG_FLOW_DRAWER_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"

struct filed {
    struct list link;
    struct span name; /* in the block */
    int64_t until;    /* Unix ms */
};

struct drawer {
    pthread_mutex_t lock; /* held by the caller around everything below but init and free */
    struct map by_name;
    struct list oldest;
    size_t count, most;
};

/* For blocks and their names: moves a text behind *at and says where it went; joins three with blanks between them, SPAN_NONE:
 * too long, or the last one is empty. */
enum { DRAWER_NAME = 1024 };
struct span drawer_text(char **at, struct span s);
struct span drawer_name(char room[DRAWER_NAME], struct span a, struct span b, struct span c);

void drawer_init(struct drawer *d, size_t most);
void drawer_free(struct drawer *d);
/* NULL: not there, or its time is over (then it leaves). */
struct filed *drawer_find(struct drawer *d, struct span name, int64_t now_ms);
/* Takes the block, in place of one of its name. False: no memory, and the block is freed. */
bool drawer_put(struct drawer *d, struct filed *block);
void drawer_drop(struct drawer *d, struct filed *block);
/* Those whose time is over leave; they stand roughly in order of it, so it looks from the oldest on until one stays. */
void drawer_tidy(struct drawer *d, int64_t now_ms);

#endif
