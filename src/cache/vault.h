/* SPDX-License-Identifier: Apache-2.0
 * vault.h - cache.db: entries in one table, sealed, the least recently read leave first. One thread at a time. Private to cache/. */
#ifndef TG_CACHE_VAULT_H
#define TG_CACHE_VAULT_H

#include "cache/cache.h"

struct vault;

/* gone: told of each entry that is deleted, from inside the functions below. NULL: why[]. */
struct vault_hooks {
    void *self;
    void (*gone)(void *self, const struct digest *name);
};
struct vault *vault_open(struct span directory, const struct digest *seal, int64_t most_bytes, const struct vault_hooks *hooks, char why[256]);
void vault_close(struct vault *t);
/* What is found lives until the next call. False: nothing, expired, or nothing that can be opened. */
bool vault_find(struct vault *t, const struct digest *name, int64_t now_ms, struct cached_answer *out, struct span *label);
bool vault_put(struct vault *t, const struct digest *name, struct span label, const struct cached_answer *answer);
/* In steps, between which other things may be done: what is put meanwhile may go, too, or stay; what was there before goes. False: it is over. */
struct vault_walk {
    int64_t at, last; /* ids */
    size_t gone;
};
void vault_purge_begin(struct vault *t, struct vault_walk *w);
bool vault_purge_step(struct vault *t, const struct cache_purge *what, struct vault_walk *w);
int64_t vault_entries(const struct vault *t);
int64_t vault_bytes(const struct vault *t);

#endif
