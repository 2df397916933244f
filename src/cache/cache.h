/* SPDX-License-Identifier: Apache-2.0
 * cache.h - answers that may be given again to whoever asks the same: exact.
 *
 * An entry is named by a digest of what was asked, the workspace in it (flow/cached.c makes it), and holds one whole answer. Memory in
 * front (bounded, least recently used leaves), SQLite behind (bounded, by a thread of its own: nothing here blocks a worker). What is kept
 * on disk is sealed with the gate's keep_key. One asker of an absent entry goes, the others wait for it (single flight).
 * Shared by all workers; a lock a shard. Time is an argument. Nothing here fails a call: what goes wrong is a miss. */
#ifndef TG_CACHE_CACHE_H
#define TG_CACHE_CACHE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/span.h"

struct cache;

struct cache_limits {
    int64_t memory_bytes; /* 64 MiB */
    int64_t disk_bytes;   /* 1 GiB; 0: memory only */
    int64_t entry_bytes;  /* 1 MiB; a larger answer is not kept */
};

struct cache_hooks {
    void *self;
    void (*news)(void *self, uint64_t workers); /* bit i: something may have changed for those of worker i; any thread */
    /* An entry left for good (purged, expired, no room). Any thread, perhaps under a lock of the cache's: it must not ask the cache, nor
     * block. NULL: nobody wants to know. */
    void (*gone)(void *self, const struct digest *name);
};

/* Who may see and who may purge it. */
struct cache_label {
    struct span workspace, key, run, model;
    const struct span *tags; /* "name=value" of the call's metadata */
    size_t tag_count;
};

enum cached {
    CACHED_HIT,  /* *out */
    CACHED_GO,   /* the asker goes upstream, and others wait for it: it ends with cache_keep or cache_forgo */
    CACHED_WAIT, /* another one goes, or the disk is asked: there will be news; then it asks again */
};

struct cached_answer {
    uint64_t call;   /* whose answer it was */
    int64_t at_ms, until_ms;
    int64_t cost;    /* nano-USD of that call: what a hit saves */
    struct span body; /* what flow/cached.c gave; from cache_enter in the asker's arena */
};

/* Not answered for so long: the next one that asks goes in its place. */
enum { CACHE_FLIGHT_MS = 60 * 1000 };

/* directory: where cache.db stands; SPAN_NONE: memory only. seal: 32 bytes. A file that cannot be used is started anew, or left alone with a
 * warning: then memory is all there is. */
CHECKED enum err cache_open(struct span directory, const struct digest *seal, const struct cache_limits *limits, const struct cache_hooks *hooks, struct cache **out);
/* What is on its way to the disk is written; then there is no disk any more, nobody is told anything, and no thread is left. For a gate
 * that shuts down: its workers may still use it, one after the other. */
void cache_stop(struct cache *c);
void cache_close(struct cache *c);
int64_t cache_entry_bytes(const struct cache *c);

struct cache_ask {
    struct digest name;
    uint64_t call;
    unsigned worker;
    int64_t max_age_ms; /* an older one is none; 0: as long as it was kept for */
    int64_t now_ms;
};
/* *era: for cache_keep. */
enum cached cache_enter(struct cache *c, const struct cache_ask *ask, struct arena *a, struct cached_answer *out, uint64_t *era);
/* The same for one who only wants to know: CACHED_GO says that there is none, and nobody waits for the asker. Counts nothing. */
enum cached cache_find(struct cache *c, const struct cache_ask *ask, struct arena *a, struct cached_answer *out);
/* What was purged since cache_enter gave that era does not come back: an answer from before is not kept. */
uint64_t cache_era(const struct cache *c);
void cache_keep(struct cache *c, const struct digest *name, uint64_t era, const struct cache_label *label, const struct cached_answer *answer);
/* Nothing came of it; the next one of those that wait may go. A call that waited and leaves need not say so. */
void cache_forgo(struct cache *c, const struct digest *name, uint64_t call);
/* For the sums: a hit that was found elsewhere (cache/similar.h). */
void cache_count(struct cache *c, bool hit, int64_t saved);

/* What is read of an account is of an edition; what is written there makes a new one: names that hold the edition are then names of before.
 * Another one after each start. Accounts may share one: some are asked anew without need. */
uint64_t cache_edition(const struct cache *c, struct span account);
void cache_outdate(struct cache *c, struct span account);

/* What to throw away; SPAN_NONE: any. tag: "name=value". Waits for the disk: not for workers. Returns how many went. */
struct cache_purge {
    struct span workspace, key, run, tag, model;
};
size_t cache_purge(struct cache *c, const struct cache_purge *what);
/* {"entries":...,"bytes":...,"hits":...,"misses":...,"saved_usd":"...",...} */
void cache_write(struct cache *c, struct buf *out);

#endif
