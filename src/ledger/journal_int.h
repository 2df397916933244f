/* SPDX-License-Identifier: Apache-2.0
 * journal_int.h - a journal's parts, within ledger/journal*.c only. journal.c says how they fit.
 *
 * Who touches what: `last` to `full` are the writer's, `first` to `read` the reader's, `names_synced` the syncer's; what is
 * shared is atomic or stands behind `lock`, which is held for a few instructions, never for a call of the disk. */
#ifndef TG_LEDGER_JOURNAL_INT_H
#define TG_LEDGER_JOURNAL_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "ledger/journal.h"

enum { SEGMENT_HEAD = 64, SEGMENT_NAME = 64, WRITERS = 255, WHY = 256, SPARES = JOURNAL_SPARES };

struct segment {
    struct segment *_Atomic next; /* set once, by the writer */
    uint64_t number;
    unsigned version; /* of its records */
    struct disk_segment mapped;
    size_t end; /* set before next: where its records end */
    bool left;  /* under lock: the reader has passed it while it was pinned */
    bool worn;  /* under lock: not to be used again: it could not be synced, or another process made it (journal_segment.c) */
};

/* SOUND -> BROKEN: the syncer, when a sync failed. BROKEN -> MOVED_ON: the writer, once it writes to a fresh segment.
 * MOVED_ON -> SOUND: the syncer, when the store has all that was written before. */
enum trust { TRUST_SOUND, TRUST_BROKEN, TRUST_MOVED_ON };

struct journal {
    struct disk disk;
    unsigned writer;
    size_t size; /* of a segment */

    struct segment *last;
    struct segment *ahead, *ahead_last; /* prepared, in the order in which they will be used */
    uint64_t ahead_room;                /* bytes in those */
    uint64_t open_calls;                /* a HOLD was put, its ROW was not */
    size_t row_room;                    /* kept for each */
    size_t used;                        /* of last */
    uint64_t next_number;
    bool full; /* no room on disk: so that it is said once */

    struct segment *first, *reading;
    size_t read; /* of reading */

    uint64_t names_synced;

    pthread_mutex_t lock;
    struct segment *unsynced; /* under lock: all before it are synced, or applied */
    struct segment *pinned;   /* under lock: the one that is being synced */

    struct segment *_Atomic spares[SPARES]; /* applied: from those who retire back to the writer */
    _Atomic int trust;
    _Atomic uint64_t suspect;                  /* in MOVED_ON: end of what may not be there */
    _Atomic uint64_t names;                    /* how often the names changed */
    _Atomic uint64_t written, applied, synced; /* positions */
};

static inline uint64_t position(const struct journal *j, const struct segment *s, size_t offset)
{
    return s->number * j->size + offset;
}

/* journal_segment.c */

/* "journal-<writer>-<number>.log" */
void segment_name(unsigned writer, uint64_t number, char out[SEGMENT_NAME]);
/* Whether that is the name of one of this writer's. */
bool segment_number(struct span name, unsigned writer, uint64_t *number);
/* 0, or errno. */
int segment_open(struct journal *j, uint64_t number, bool make, struct segment **out);
void segment_close(struct journal *j, struct segment *s);
/* Forgets the file as well: it was applied, or there was nothing in it. */
void segment_remove(struct journal *j, struct segment *s);
/* To be used again, or removed. Any thread, once it is in no chain and pinned by nobody. */
void segment_retire(struct journal *j, struct segment *s);
void segment_drop_spares(struct journal *j, size_t but);
/* Sees to it that so many bytes stand ready ahead. 0, or errno: there is less. */
int segment_keep_ahead(struct journal *j, uint64_t bytes);
/* The next one ahead, with its head written; NULL: there is none. */
struct segment *segment_take_ahead(struct journal *j);
void segment_drop_ahead(struct journal *j);

/* A segment's head. EMPTY: killed, or power lost, before it was whole; nothing in it was ever promised. */
enum segment_head_is { HEAD_GOOD, HEAD_EMPTY, HEAD_FOREIGN };
enum segment_head_is segment_check_head(const struct journal *j, struct segment *s);

/* What stands at an offset of a segment. */
enum found { FOUND_RECORD, FOUND_END, FOUND_NOTHING, FOUND_DAMAGE };
enum found segment_look(const struct journal *j, const struct segment *s, size_t offset, size_t *length);
/* Offset behind the last whole record in a row from there on. */
size_t segment_find_end(const struct journal *j, const struct segment *s, size_t from);
/* Its records end there: a reader goes on to the next segment. */
void segment_seal(const struct journal *j, struct segment *s, size_t end);

/* journal.c: a new segment behind the last, which is sealed. 0, or errno with nothing changed. `entitled`: what stands ahead
 * may be used for it, though it is kept for the rows of calls under way. */
int journal_extend(struct journal *j, bool entitled);

#endif
