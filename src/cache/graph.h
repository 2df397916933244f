/* SPDX-License-Identifier: Apache-2.0
 * graph.h - a graph that finds the nearest of many unit vectors without looking at all of them: hnswlib behind C functions.
 *
 * It is filled by one thread, then read by many; vectors can be left out later, never added (similar_build.c builds another one). Numbers
 * of vectors count from 0 in the order in which they were added. Out of memory is an answer. */
#ifndef TG_CACHE_GRAPH_H
#define TG_CACHE_GRAPH_H

#include "cache/unit.h"

struct graph;

struct graph_hit {
    uint32_t number;
    int32_t dot; /* unit_dot with what was asked for */
};

/* NULL: no memory. */
struct graph *graph_new(size_t dimensions, size_t room);
void graph_free(struct graph *g);
bool graph_add(struct graph *g, const int16_t *v);
/* No longer found, still a way to others. Nobody may read meanwhile. */
void graph_forget(struct graph *g, uint32_t number);
/* The nearest first; how many: at most `most`. Any number of threads. */
size_t graph_nearest(const struct graph *g, const int16_t *v, struct graph_hit *out, size_t most);
const int16_t *graph_vector(const struct graph *g, uint32_t number);

#endif
