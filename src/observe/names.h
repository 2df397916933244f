/* SPDX-License-Identifier: Apache-2.0
 * names.h - names to small numbers, as many as there is room for; all others are number 0, "other".
 *
 * This is what bounds every series that is counted: a name is made of parts that strangers may choose, its room is taken once, at the start.
 * Shared by all workers. A name that is there is found without a lock; a new one takes it, once. Names never leave, and keep their number. */
#ifndef TG_OBSERVE_NAMES_H
#define TG_OBSERVE_NAMES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/span.h"

enum { NAME_PARTS = 3, NAME_BYTES = 240 /* of all parts; a longer one is "other" */ };

struct name {
    uint8_t lengths[NAME_PARTS];
    char text[NAME_BYTES];
};

struct names {
    struct name *list;
    _Atomic uint16_t *slots; /* open addressing: number + 1; 0: free */
    unsigned room, slot_mask;
    pthread_mutex_t lock; /* of whoever adds one */
    _Atomic unsigned count; /* "other" included */
};

/* room: a power of two, "other" included. False: no memory. */
bool names_init(struct names *n, unsigned room);
void names_free(struct names *n);
/* The number of that name, a new one if it has none yet. Parts that do not apply are SPAN(""). */
unsigned names_find(struct names *n, const struct span parts[NAME_PARTS]);
unsigned names_count(const struct names *n);
struct span names_part(const struct names *n, unsigned number, int part);

#endif
