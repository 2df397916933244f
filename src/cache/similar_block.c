/* SPDX-License-Identifier: Apache-2.0
 * similar_block.c - blocks of vectors of one group; see similar_int.h. */
#include <stdlib.h>
#include <string.h>

#include "cache/similar_int.h"

enum { ROOM_FIRST = 4, LOOK_AT = 8 /* of a graph: the nearest may have expired */ };

static bool grow(struct similar_block *b, size_t dimensions)
{
    size_t room = b->room ? 2 * b->room : ROOM_FIRST;
    int16_t *vectors = realloc(b->vectors, room * dimensions * sizeof(*vectors));
    if (!vectors)
        return false;
    b->vectors = vectors;
    struct similar_entry **entries = realloc(b->entries, room * sizeof(*entries));
    if (!entries)
        return false;
    b->entries = entries;
    b->room = room;
    return true;
}

static struct similar_block *newest(struct similar_group *g)
{
    must(g->blocks.next); /* a group is never without its list */
    return list_empty(&g->blocks) ? NULL : CONTAINER_OF(g->blocks.next, struct similar_block, link);
}

struct similar_block *block_open(struct similar_group *g)
{
    struct similar_block *b = newest(g);
    if (!b || b->graph || b->count == SIMILAR_BLOCK) {
        b = calloc(1, sizeof(*b));
        if (!b)
            return NULL;
        list_add_first(&g->blocks, &b->link);
    }
    return b->count < b->room || grow(b, g->dimensions) ? b : NULL;
}

void block_put(struct similar_block *b, struct similar_entry *e, const int16_t *v, size_t n)
{
    memcpy(b->vectors + b->count * n, v, n * sizeof(*v));
    e->block = b;
    e->slot = b->count;
    b->entries[b->count++] = e;
    b->live++;
}

void block_drop(struct similar_block *b, size_t slot)
{
    b->entries[slot] = NULL;
    b->live--;
    if (b->graph)
        graph_forget(b->graph, (uint32_t)slot);
}

void block_free(struct similar_block *b)
{
    if (!b)
        return;
    graph_free(b->graph);
    free(b->vectors);
    free(b->entries);
    free(b);
}

const int16_t *block_vector(const struct similar_block *b, size_t slot, size_t dimensions)
{
    return b->graph ? graph_vector(b->graph, (uint32_t)slot) : b->vectors + slot * dimensions;
}

static void offer(const struct similar_entry *e, int32_t dot, int64_t now_ms, struct similar_best *best)
{
    if (e && e->until_ms > now_ms && (!best->entry || dot > best->dot)) {
        best->entry = e;
        best->dot = dot;
    }
}

static void look_in_graph(const struct similar_block *b, const int16_t *v, int64_t now_ms, struct similar_best *best)
{
    struct graph_hit hits[LOOK_AT];
    size_t count = graph_nearest(b->graph, v, hits, LOOK_AT);
    for (size_t i = 0; i < count; i++)
        offer(b->entries[hits[i].number], hits[i].dot, now_ms, best);
}

void block_nearest(const struct similar_block *b, const int16_t *v, size_t n, int64_t now_ms, struct similar_best *best)
{
    if (b->graph) {
        look_in_graph(b, v, now_ms, best);
        return;
    }
    for (size_t i = b->count; i-- > 0 && best->scanned < SIMILAR_SCAN;) {
        if (!b->entries[i])
            continue;
        best->scanned++;
        offer(b->entries[i], unit_dot(b->vectors + i * n, v, n), now_ms, best);
    }
}
