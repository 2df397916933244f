/* SPDX-License-Identifier: Apache-2.0
 * map.h - a hash map from span to pointer, safe to fill with strangers' text (seeded SipHash).
 *
 * The map does not own keys or values: a key must live as long as its entry. Not thread-safe while it changes;
 * a map that is no longer changed may be read by any thread. */
#ifndef TG_BASE_MAP_H
#define TG_BASE_MAP_H

#include "base/span.h"

struct map_entry {
    struct span key;
    void *value; /* never NULL in a used entry */
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* open addressing, power of two */
    size_t room;
    size_t count;
};

void map_free(struct map *m); /* the table only */
void *map_get(const struct map *m, struct span key);
/* Sets or replaces. False without memory. value must not be NULL. */
bool map_put(struct map *m, struct span key, void *value);
/* The value that was there, or NULL. */
void *map_take(struct map *m, struct span key);
/* Walks used entries in no order: start with *at == 0; NULL at the end. No change during a walk. */
const struct map_entry *map_next(const struct map *m, size_t *at);
/* SipHash-2-4 with this process's random key. */
uint64_t map_hash(struct span key);
/* The same with a given key: for tests against published values. */
uint64_t map_siphash(const uint64_t key[2], struct span s);

#endif
