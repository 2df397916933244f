/* SPDX-License-Identifier: Apache-2.0
 * similar_int.h - what the files of the index share; for those only.
 *
 *   similar.c        what callers see: add, nearest, remove, bounds
 *   similar_block.c  blocks of vectors: flat ones that grow, ones with a graph
 *   similar_build.c  the thread: graphs of full blocks, small graphs to larger ones, the disk
 *   similar_disk.c   vectors.db
 *
 * `lock` guards all of the index but what is said to be the thread's. A block that is full changes only in `entries`; so the thread reads
 * its vectors without the lock. */
#ifndef TG_CACHE_SIMILAR_INT_H
#define TG_CACHE_SIMILAR_INT_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "cache/graph.h"
#include "cache/similar.h"

struct similar_block {
    struct list link;     /* of its group, the newest first */
    struct graph *graph;  /* NULL: flat */
    int16_t *vectors;     /* of a flat one */
    struct similar_entry **entries; /* NULL in it: gone */
    size_t count, live, room;
    bool making; /* a graph is made of it */
};

struct similar_group {
    struct digest key;
    size_t dimensions, live;
    struct list blocks;
    struct list waiting; /* for the thread */
    int holds;           /* the thread is at it: it is not freed */
};

struct similar_entry {
    struct list age; /* the oldest first */
    struct digest name;
    struct similar_group *group;
    struct similar_block *block;
    size_t slot;
    int64_t until_ms;
};

/* What is to be written. */
struct similar_job {
    struct list link;
    struct digest name, group;
    int64_t until_ms; /* 0: it is gone */
    size_t dimensions;
    bool early;       /* said before the disk was read */
    int16_t vector[];
};

struct similar_disk;

struct similar {
    pthread_rwlock_t lock;
    struct map groups, names;
    struct list ages, waiting;
    struct similar_limits limits;
    int64_t entries, bytes, graphs;

    struct similar_disk *disk; /* NULL: memory only; the thread's */
    pthread_t thread;
    pthread_mutex_t work;      /* guards what follows; may be taken with `lock` held, not the other way round */
    pthread_cond_t wake;
    struct list jobs;
    size_t job_count;
    bool news, stopping, loaded, running;
};

/* similar_block.c; all with the lock held for writing, but block_nearest. */
struct similar_block *block_open(struct similar_group *g); /* one with room; NULL: no memory */
void block_put(struct similar_block *b, struct similar_entry *e, const int16_t *v, size_t n);
void block_drop(struct similar_block *b, size_t slot);
void block_free(struct similar_block *b);
const int16_t *block_vector(const struct similar_block *b, size_t slot, size_t dimensions);
struct similar_best {
    const struct similar_entry *entry;
    int32_t dot;
    size_t scanned;
};
void block_nearest(const struct similar_block *b, const int16_t *v, size_t n, int64_t now_ms, struct similar_best *best);

/* similar.c */
enum err similar_put(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms); /* in memory */
bool similar_has(struct similar *s, const struct digest *name);
bool similar_take_out(struct similar *s, const struct digest *name); /* from memory */
void similar_free_group(struct similar *s, struct similar_group *g); /* if nothing is in it */
void similar_job(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms);

/* similar_build.c */
bool similar_start(struct similar *s);
void similar_stop(struct similar *s);
void similar_wants_graph(struct similar *s, struct similar_group *g); /* with the lock held for writing */

/* similar_disk.c; the thread's, after opening */
struct similar_disk *similar_disk_open(struct span directory, const struct digest *seal, char why[256]);
void similar_disk_close(struct similar_disk *d);
void similar_disk_load(struct similar_disk *d, struct similar *s, int64_t now_ms);
void similar_disk_apply(struct similar_disk *d, struct list *jobs); /* in one transaction; the jobs stay the caller's */
void similar_disk_sweep(struct similar_disk *d, int64_t now_ms);

#endif
