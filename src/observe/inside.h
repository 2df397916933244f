/* SPDX-License-Identifier: Apache-2.0
 * inside.h - an observer as its two halves know it: observer.c writes, read.c adds up. Not for other folders. */
#ifndef TG_OBSERVE_INSIDE_H
#define TG_OBSERVE_INSIDE_H

#include "observe/count.h"
#include "observe/names.h"
#include "observe/observe.h"

struct series {
    _Atomic uint64_t generated, allowed, in_doubt, failed, forwarded;
    _Atomic uint64_t denied[ERR_COUNT], errors[ERR_COUNT];
    _Atomic int64_t cost;
    _Atomic uint64_t tokens[SIGHT_TOKENS];
    struct histogram duration, gate, first_byte, gap, input, output;
};

struct vendor_tries {
    _Atomic uint64_t attempts[OBSERVE_STATUS_CLASSES];
    struct histogram duration;
};

struct key_seen {
    _Atomic uint64_t calls, denied, failed;
    _Atomic int64_t cost;
    _Atomic uint64_t tokens[SIGHT_TOKENS];
};

/* A place of the ring. Who reads looks at `second` before and after: a place that was taken over meanwhile counts as empty. */
struct second_seen {
    _Atomic int64_t second; /* 0: being taken over */
    _Atomic uint64_t calls, denied, failed;
    _Atomic int64_t cost;
};

struct workspace_seen {
    struct second_seen ring[OBSERVE_SECONDS];
    _Atomic uint64_t open;
    _Atomic int64_t held;
    uint64_t open_next; /* the look under way */
    int64_t held_next;
};

/* What they have in common. */
struct observers {
    struct names series, vendors, keys, workspaces, caches;
    struct observer **list;
    unsigned count;
};

struct observer {
    struct observers *common;
    struct series *series;
    struct vendor_tries *vendors;
    struct key_seen *keys;
    struct workspace_seen *workspaces; /* of "other", too */
    struct workspace_seen *all;
    _Atomic uint64_t cache[OBSERVE_CACHE_WORDS];
};

#endif
