/* SPDX-License-Identifier: Apache-2.0
 * tokens_merge.c - see tokens_merge.h. Byte pair encoding: of all neighbours that are a token together, those of the lowest rank become
 * one, the leftmost first, until no two are. */
#include "rules/tokens_merge.h"

#include <stdlib.h>

enum { SHORT_MOST = 96 /* bytes: up to here, looking through all pairs is faster than a heap */ };

/* ---- short pieces ---- */

struct parts {
    uint32_t ranks[SHORT_MOST + 1]; /* of this part and the next, together */
    uint8_t starts[SHORT_MOST + 2];
    size_t count;
};

static uint32_t rank_at(const struct token_index *x, struct span piece, const struct parts *p, size_t i)
{
    if (i + 2 > p->count)
        return RANK_NONE;
    return token_rank(x, piece.at + p->starts[i], (size_t)p->starts[i + 2] - p->starts[i]);
}

static size_t lowest(const struct parts *p)
{
    size_t best = 0;
    for (size_t i = 1; i < p->count; i++)
        if (p->ranks[i] < p->ranks[best])
            best = i;
    return best;
}

static int64_t merge_short(const struct token_index *x, struct span piece)
{
    struct parts p = { .count = piece.len };
    for (size_t i = 0; i <= piece.len; i++)
        p.starts[i] = (uint8_t)i;
    for (size_t i = 0; i < piece.len; i++)
        p.ranks[i] = rank_at(x, piece, &p, i);
    for (size_t i; i = lowest(&p), p.ranks[i] != RANK_NONE;) {
        memmove(p.starts + i + 1, p.starts + i + 2, p.count - i - 1);
        memmove(p.ranks + i + 1, p.ranks + i + 2, (p.count - i - 2) * sizeof(p.ranks[0]));
        p.count--;
        p.ranks[i] = rank_at(x, piece, &p, i);
        if (i)
            p.ranks[i - 1] = rank_at(x, piece, &p, i - 1);
    }
    return (int64_t)p.count;
}

/* ---- long pieces ---- */

/* A part is named by where it begins. An entry of the heap is a pair's rank above the place of its first part: the lowest rank comes
 * first, the leftmost of them. Entries of pairs that are gone stay until they come up. */
struct long_piece {
    const struct token_index *index;
    struct span text;
    uint32_t *next, *before, *ranks;
    uint64_t *heap;
    size_t heaped;
};

static void push(struct long_piece *l, uint64_t entry)
{
    size_t i = l->heaped++;
    for (; i > 0 && l->heap[(i - 1) / 2] > entry; i = (i - 1) / 2)
        l->heap[i] = l->heap[(i - 1) / 2];
    l->heap[i] = entry;
}

static uint64_t pop(struct long_piece *l)
{
    uint64_t top = l->heap[0], moved = l->heap[--l->heaped];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < l->heaped; i = child) {
        if (child + 1 < l->heaped && l->heap[child + 1] < l->heap[child])
            child++;
        if (l->heap[child] >= moved)
            break;
        l->heap[i] = l->heap[child];
    }
    l->heap[i] = moved;
    return top;
}

static void look_at_pair(struct long_piece *l, uint32_t at)
{
    uint32_t second = l->next[at];
    l->ranks[at] = RANK_NONE;
    if (second >= l->text.len)
        return;
    l->ranks[at] = token_rank(l->index, l->text.at + at, l->next[second] - at);
    if (l->ranks[at] != RANK_NONE)
        push(l, (uint64_t)l->ranks[at] << 32 | at);
}

static int64_t merge_all(struct long_piece *l)
{
    uint32_t length = (uint32_t)l->text.len;
    int64_t count = length;
    for (uint32_t i = 0; i < length; i++) {
        l->next[i] = i + 1;
        l->before[i] = i - 1; /* of the first: no place */
    }
    for (uint32_t i = 0; i < length; i++)
        look_at_pair(l, i);
    while (l->heaped) {
        uint64_t entry = pop(l);
        uint32_t at = (uint32_t)entry, second = l->next[at];
        if (l->ranks[at] != entry >> 32)
            continue;
        l->next[at] = l->next[second];
        l->ranks[second] = RANK_NONE;
        if (l->next[at] < length)
            l->before[l->next[at]] = at;
        count--;
        look_at_pair(l, at);
        if (at)
            look_at_pair(l, l->before[at]);
    }
    return count;
}

/* Each byte is pushed once at first, and each of fewer merges pushes two. */
static int64_t merge_long(const struct token_index *x, struct span piece)
{
    struct long_piece l = { .index = x, .text = piece };
    char *memory = malloc(piece.len * (3 * sizeof(uint64_t) + 3 * sizeof(uint32_t)));
    if (!memory)
        return (int64_t)piece.len;
    l.heap = (uint64_t *)(void *)memory;
    l.next = (uint32_t *)(void *)(l.heap + 3 * piece.len);
    l.before = l.next + piece.len;
    l.ranks = l.before + piece.len;
    int64_t count = merge_all(&l);
    free(memory);
    return count;
}

int64_t tokens_merge(const struct token_index *x, struct span piece)
{
    if (piece.len <= SHORT_MOST)
        return merge_short(x, piece);
    return piece.len > TOKENS_PIECE_MOST ? (int64_t)piece.len : merge_long(x, piece);
}
