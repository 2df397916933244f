/* SPDX-License-Identifier: Apache-2.0
 * memory.h - one shard of the cache's memory: entries by name, those that nobody waits for in the order in which they were read.
 * Not locked: cache.c's shard is. Private to cache/. */
#ifndef TG_CACHE_MEMORY_H
#define TG_CACHE_MEMORY_H

#include "base/list.h"
#include "base/map.h"
#include "cache/cache.h"

/*   LOOKING --not found--> VACANT --enter--> FLYING --forgo--> VACANT
 *           `--found-----> KEPT                     `--keep--> KEPT        */
enum entry_state { LOOKING, VACANT, FLYING, KEPT };

struct entry {
    struct list link; /* VACANT, KEPT: the shard's, last read first */
    struct digest name;
    enum entry_state state;
    uint64_t waiting; /* workers, a bit each */
    uint64_t era;     /* LOOKING: when the disk was asked */
    uint64_t call;    /* FLYING */
    int64_t since_ms; /* FLYING */
    struct cached_answer answer; /* KEPT; body in text, behind the label */
    char *text;
    size_t label_len, size; /* all it takes */
};

struct memory {
    struct map entries;
    struct list read;
    int64_t bytes, most;
    void (*left)(void *self, const struct digest *name); /* an answer went; NULL: nobody wants to know */
    void *self;
};

void memory_init(struct memory *m, int64_t most);
void memory_free(struct memory *m);
struct entry *memory_find(const struct memory *m, const struct digest *name);
struct entry *memory_add(struct memory *m, const struct digest *name, enum entry_state state); /* NULL: no memory */
/* Sets an entry's content; false: no memory, and it has none. */
bool memory_fill(struct memory *m, struct entry *e, struct span label, const struct cached_answer *a);
void memory_empty(struct memory *m, struct entry *e, enum entry_state state);
void memory_touch(struct memory *m, struct entry *e);
void memory_drop(struct memory *m, struct entry *e);
/* Lets the least recently read go until the rest fits. */
void memory_shrink(struct memory *m);
static inline struct span entry_label(const struct entry *e) { return span_make(e->text, e->label_len); }

#endif
