/* SPDX-License-Identifier: Apache-2.0
 * tokens_index.c - see tokens_index.h. A table of open addresses, at most half full; made once. */
#include "rules/tokens_index.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/embed.h"

enum { RANK_BITS = 18, CL100K_SLOTS = 1 << 18, O200K_SLOTS = 1 << 19, RANKS_MOST = (1 << RANK_BITS) - 1 };

static inline uint64_t stir(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* Most tokens have eight bytes at most: those are read with two loads that overlap. */
static inline uint64_t hash_of(const char *at, size_t len)
{
    uint64_t h = len, word = 0;
    for (; len > 8; at += 8, len -= 8) {
        memcpy(&word, at, 8);
        h = stir(h, word);
    }
    if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, at, 4);
        memcpy(&high, at + len - 4, 4);
        word = (uint64_t)high << 32 | low;
    } else {
        word = (uint64_t)(unsigned char)at[0] << 16 | (uint64_t)(unsigned char)at[len / 2] << 8 | (unsigned char)at[len - 1];
    }
    return stir(stir(h, word), h);
}

static inline bool is_token(const struct token_index *x, uint32_t rank, const char *at, size_t len)
{
    const char *token = x->bytes + x->places[rank];
    return (unsigned char)token[-1] == len && memcmp(token, at, len) == 0;
}

uint32_t token_rank(const struct token_index *x, const char *at, size_t len)
{
    if (len == 0 || len > TOKEN_MOST)
        return RANK_NONE;
    uint64_t h = hash_of(at, len);
    uint32_t tag = (uint32_t)(h >> (32 + RANK_BITS)) << RANK_BITS;
    for (uint32_t i = (uint32_t)h & x->mask;; i = (i + 1) & x->mask) {
        uint32_t slot = x->slots[i];
        if (!slot)
            return RANK_NONE;
        if ((slot & ~(uint32_t)RANKS_MOST) == tag && is_token(x, (slot & RANKS_MOST) - 1, at, len))
            return (slot & RANKS_MOST) - 1;
    }
}

static void add(struct token_index *x, uint32_t rank)
{
    const char *token = x->bytes + x->places[rank];
    uint64_t h = hash_of(token, (unsigned char)token[-1]);
    uint32_t i = (uint32_t)h & x->mask;
    while (x->slots[i])
        i = (i + 1) & x->mask;
    x->slots[i] = (uint32_t)(h >> (32 + RANK_BITS)) << RANK_BITS | (rank + 1);
}

static void load(struct token_index *x, struct span file, uint32_t slots)
{
    uint32_t rank = 0;
    x->slots = calloc(slots, sizeof(*x->slots));
    x->places = malloc((slots / 2) * sizeof(*x->places));
    x->mask = slots - 1;
    if (!x->slots || !x->places || !file.len)
        return;
    for (size_t at = 0; at + 1 < file.len && rank < slots / 2; at += 1u + (unsigned char)file.at[at]) {
        x->bytes = file.at;
        x->places[rank] = (uint32_t)at + 1;
        add(x, rank++);
    }
}

static pthread_once_t cl100k_once = PTHREAD_ONCE_INIT, o200k_once = PTHREAD_ONCE_INIT;
static struct token_index cl100k, o200k;

static void load_cl100k(void) { load(&cl100k, embed_find(SPAN("catalog/cl100k.vocabulary")), CL100K_SLOTS); }
static void load_o200k(void) { load(&o200k, embed_find(SPAN("catalog/o200k.vocabulary")), O200K_SLOTS); }

const struct token_index *token_index(enum vocabulary v)
{
    const struct token_index *x = v == VOCABULARY_CL100K ? &cl100k : &o200k;
    if (v == VOCABULARY_NONE)
        return NULL;
    if (v == VOCABULARY_CL100K)
        pthread_once(&cl100k_once, load_cl100k);
    else
        pthread_once(&o200k_once, load_o200k);
    return x->bytes ? x : NULL;
}
