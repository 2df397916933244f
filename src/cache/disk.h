/* SPDX-License-Identifier: Apache-2.0
 * disk.h - the part of the cache that outlives the process: one SQLite file, one thread, a queue in order. Private to cache/.
 *
 * Whatever the file does, no caller hears of it: damaged, it is started anew; full or read-only, nothing is kept there. Content is sealed
 * under the entry's name, so that what was written for one is not found under another. */
#ifndef TG_CACHE_DISK_H
#define TG_CACHE_DISK_H

#include "cache/cache.h"

struct cache_disk;

struct disk_found {
    struct digest name;
    uint64_t era;            /* as disk_look was told */
    bool there;
    struct cached_answer answer; /* body: until found returns */
    struct span label;
};

struct disk_hooks {
    void *self;
    /* On the disk's thread. */
    void (*found)(void *self, const struct disk_found *f);
    void (*gone)(void *self, const struct digest *name); /* purged, expired, no room */
};

struct disk_counts {
    int64_t entries, bytes, dropped; /* dropped: not written for want of room in the queue, or of the disk */
};

/* NULL: why[]; then there is no disk. */
struct cache_disk *disk_start(struct span directory, const struct digest *seal, int64_t most_bytes, const struct disk_hooks *hooks, char why[256]);
void disk_stop(struct cache_disk *d); /* what was queued is done; then nothing is taken any more. Once, or again */
void disk_discard(struct cache_disk *d);
/* False: too much is queued, nothing will be found. */
bool disk_look(struct cache_disk *d, const struct digest *name, uint64_t era, int64_t now_ms);
/* Copied. */
void disk_keep(struct cache_disk *d, const struct digest *name, struct span label, const struct cached_answer *answer);
/* Waits until it is done. Returns how many went. */
size_t disk_purge(struct cache_disk *d, const struct cache_purge *what);
void disk_counts(struct cache_disk *d, struct disk_counts *out);

#endif
