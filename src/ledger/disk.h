/* SPDX-License-Identifier: Apache-2.0
 * disk.h - where the journal's segments live: files, or in a simulation memory that fails, fills and forgets by dice.
 *
 * A segment is a named run of bytes, mapped. Numbers returned are 0 or an errno. Any thread may call: the writer makes and
 * renames, the reader removes, a third one syncs; but only sync is ever called on a segment that another thread uses. */
#ifndef TG_LEDGER_DISK_H
#define TG_LEDGER_DISK_H

#include "base/must.h"
#include "base/span.h"

struct disk_segment {
    char *at;     /* mapped */
    void *handle; /* the disk's own */
};

struct disk {
    void *self;
    size_t segment; /* bytes of each; a power of two, at least 4096 */
    /* Names of all that are there, in any order. */
    int (*list)(void *self, void (*visit)(void *visitor, struct span name), void *visitor);
    /* make: with all its room taken, zeroed, ENOSPC when there is none; else what is there, grown to its size. The next sync
     * of it writes all of it: what a process before could not sync may count as written. */
    int (*open)(void *self, struct span name, bool make, struct disk_segment *out);
    int (*rename)(void *self, struct span from, struct span to);
    int (*remove)(void *self, struct span name);
    void (*close)(void *self, struct disk_segment *s);
    /* What was written to the mapping before survives a power cut. Blocking; any thread. After it failed once, what was
     * written before may be lost whatever later calls say. */
    int (*sync)(void *self, const struct disk_segment *s);
    /* The same for names made, changed or removed. */
    int (*sync_names)(void *self);
    void (*free)(void *self);
};

/* Files of JOURNAL_SEGMENT bytes in dir (made if absent), which is locked against other processes as journal writer
 * `writer`. False: why[]. */
bool disk_files(struct span dir, unsigned writer, struct disk *out, char why[256]);

#endif
