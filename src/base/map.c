/* SPDX-License-Identifier: Apache-2.0
 * map.c - open addressing with linear probing, at most three quarters full; taking out closes the gap, so there are no
 * tombstones. The hash is SipHash-2-4 (Aumasson and Bernstein), keyed once per process. */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/must.h"

enum { FIRST_ROOM = 8 };

/* The one static here: without a secret key strangers could pick names that all collide. Written once. */
static struct {
    pthread_once_t once;
    uint64_t key[2];
} seed = { PTHREAD_ONCE_INIT, { 0, 0 } };

static void draw_key(void) { random_fill(seed.key, sizeof(seed.key)); }

static uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t map_siphash(const uint64_t key[2], struct span s)
{
    uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
    uint64_t word, last = (uint64_t)s.len << 56;
    size_t whole = s.len / sizeof(word) * sizeof(word);
    for (size_t i = 0; i < whole; i += sizeof(word)) {
        memcpy(&word, s.at + i, sizeof(word));
        sip_word(v, word);
    }
    for (size_t i = whole; i < s.len; i++)
        last |= (uint64_t)(unsigned char)s.at[i] << (8 * (i - whole));
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_hash(struct span key)
{
    must(pthread_once(&seed.once, draw_key) == 0);
    return map_siphash(seed.key, key);
}

void map_free(struct map *m)
{
    free(m->entries);
    *m = (struct map){ NULL, 0, 0 };
}

/* The key's entry, or the free one where it would go. The table is never full. */
static struct map_entry *place(const struct map *m, struct span key, uint64_t hash)
{
    size_t at = hash & (m->room - 1);
    while (m->entries[at].value) {
        struct map_entry *entry = &m->entries[at];
        if (entry->hash == hash && span_is(entry->key, key))
            return entry;
        at = (at + 1) & (m->room - 1);
    }
    return &m->entries[at];
}

void *map_get(const struct map *m, struct span key) { return m->count ? place(m, key, map_hash(key))->value : NULL; }

static bool grow(struct map *m)
{
    struct map larger = { NULL, m->room ? m->room * 2 : FIRST_ROOM, m->count };
    larger.entries = calloc(larger.room, sizeof(*larger.entries));
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < m->room; i++)
        if (m->entries[i].value)
            *place(&larger, m->entries[i].key, m->entries[i].hash) = m->entries[i];
    free(m->entries);
    *m = larger;
    return true;
}

bool map_put(struct map *m, struct span key, void *value)
{
    must(value);
    if (m->count + 1 > m->room / 4 * 3 && !grow(m))
        return false;
    uint64_t hash = map_hash(key);
    struct map_entry *entry = place(m, key, hash);
    m->count += entry->value == NULL;
    *entry = (struct map_entry){ key, value, hash };
    return true;
}

void *map_take(struct map *m, struct span key)
{
    if (!m->count)
        return NULL;
    struct map_entry *entry = place(m, key, map_hash(key));
    void *value = entry->value;
    if (!value)
        return NULL;
    m->count--;
    /* Move up those behind it that a search would otherwise no longer reach. */
    size_t mask = m->room - 1, gap = (size_t)(entry - m->entries);
    for (size_t at = (gap + 1) & mask; m->entries[at].value; at = (at + 1) & mask) {
        size_t home = m->entries[at].hash & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        m->entries[gap] = m->entries[at];
        gap = at;
    }
    m->entries[gap] = (struct map_entry){ SPAN_NONE, NULL, 0 };
    return value;
}

const struct map_entry *map_next(const struct map *m, size_t *at)
{
    while (*at < m->room) {
        const struct map_entry *entry = &m->entries[(*at)++];
        if (entry->value)
            return entry;
    }
    return NULL;
}
