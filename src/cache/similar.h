/* SPDX-License-Identifier: Apache-2.0
 * similar.h - the semantic cache's index: which kept answer was to a question most like this one?
 *
 * A group is whatever may answer for one another: flow/alike.c puts the workspace, the embedding model and everything but the last user
 * turn into its digest; another group is never looked at. Up to a thousand vectors of a group are compared one by one; more become
 * graphs (graph.h), built by a thread of this file's own, so that nobody waits for one: what is not yet in a graph is compared, the newest
 * SIMILAR_SCAN of it. Bounded in number and bytes, the oldest leave first. On disk sealed, in a file of its own (vectors.db); read back by
 * that thread at the start. Shared by all workers: many readers, one writer, who only ever holds the lock for a copy. */
#ifndef TG_CACHE_SIMILAR_H
#define TG_CACHE_SIMILAR_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "cache/unit.h"

enum { SIMILAR_BLOCK = 1024, SIMILAR_SCAN = 4 * SIMILAR_BLOCK };

struct similar;

struct similar_limits {
    int64_t entries; /* 100,000 */
    int64_t bytes;   /* 256 MiB */
};

struct similar_found {
    struct digest name; /* of the cache's entry */
    int64_t score_ppm;  /* cosine in millionths */
};

/* directory: where vectors.db stands; SPAN_NONE: memory only. seal: 32 bytes. E_IO with why: the file cannot be used. */
CHECKED enum err similar_open(struct span directory, const struct digest *seal, const struct similar_limits *limits, struct similar **out, char why[256]);
void similar_close(struct similar *s); /* what is on its way to the disk is written */

/* v: n components (unit_of). One name has one vector: a second one takes the place of the first. E_BAD_REQUEST: n is out of bounds. */
CHECKED enum err similar_add(struct similar *s, const struct digest *group, const struct digest *name, const int16_t *v, size_t n, int64_t until_ms);
/* The nearest whose cosine is at least that. false: there is none. */
bool similar_nearest(struct similar *s, const struct digest *group, const int16_t *v, size_t n, int64_t least_ppm, int64_t now_ms, struct similar_found *out);
/* Its answer is no more: purged, expired, pushed out. */
void similar_remove(struct similar *s, const struct digest *name);

struct similar_state {
    int64_t entries, bytes, groups, graphs;
    int64_t unbuilt; /* entries that shall be in a graph, or a larger one, and are not yet */
    bool loaded;     /* what was on disk is in memory */
};
struct similar_state similar_state(struct similar *s);
/* {"entries":...,"bytes":...,...} */
void similar_write(struct similar *s, struct buf *out);

#endif
