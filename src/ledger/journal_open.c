/* SPDX-License-Identifier: Apache-2.0
 * journal_open.c - what the last process left: found, put in order, sealed.
 *
 * Every start seals what was there and begins a segment of its own: whatever half a record stood behind the last whole one
 * is never looked at again. Damage inside a sealed segment costs the rest of that segment, not those behind it. Segments of
 * an older version are read, not written: an upgrade loses no row. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "ledger/journal_int.h"
#include "ledger/journal_record.h"

struct numbers {
    unsigned writer;
    bool no_memory;
    uint64_t *list;
    size_t count, room;
};

static void add_number(void *self, struct span name)
{
    struct numbers *n = self;
    uint64_t number;
    if (!segment_number(name, n->writer, &number))
        return;
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 16;
        uint64_t *larger = realloc(n->list, room * sizeof(*larger));
        n->no_memory = n->no_memory || !larger;
        if (!larger)
            return;
        n->list = larger;
        n->room = room;
    }
    n->list[n->count++] = number;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* 0, or errno. */
static int find_segments(struct journal *j, struct numbers *n)
{
    int failed = j->disk.list(j->disk.self, add_number, n);
    if (!failed && n->count)
        qsort(n->list, n->count, sizeof(*n->list), by_number);
    return failed || !n->no_memory ? failed : ENOMEM;
}

static void append(struct journal *j, struct segment *s)
{
    size_t length;
    if (j->last)
        atomic_store(&j->last->next, s);
    else
        j->first = s;
    j->last = s;
    s->end = segment_look(j, s, SEGMENT_HEAD, &length) == FOUND_END ? SEGMENT_HEAD : j->size;
    s->worn = true;
}

/* Killed before the head was written, or before the first record. An END in its place may have been put over a tear, with
 * more behind it that the store knows (journal_seek): that is no such case. */
static bool is_empty(const struct journal *j, struct segment *s, enum segment_head_is head)
{
    size_t length;
    return head == HEAD_EMPTY || segment_look(j, s, SEGMENT_HEAD, &length) == FOUND_NOTHING;
}

/* Takes one segment of the last process into the chain, unless there is nothing in it. */
static bool adopt(struct journal *j, uint64_t number, char why[WHY])
{
    struct segment *s;
    int failed = segment_open(j, number, false, &s);
    if (failed) {
        snprintf(why, WHY, "journal segment %" PRIu64 " of writer %u: %s", number, j->writer, strerror(failed));
        return false;
    }
    enum segment_head_is head = segment_check_head(j, s);
    if (head == HEAD_FOREIGN) {
        char name[SEGMENT_NAME];
        segment_name(j->writer, number, name);
        snprintf(why, WHY,
            "journal: %s is damaged or was written by a newer version; start that version, or move the file away to start "
            "without what is in it",
            name);
        segment_close(j, s);
        return false;
    }
    if (is_empty(j, s, head))
        segment_remove(j, s);
    else
        append(j, s);
    return true;
}

static bool adopt_all(struct journal *j, char why[WHY])
{
    struct numbers n = { .writer = j->writer };
    int failed = find_segments(j, &n);
    bool ok = failed == 0;
    if (!ok)
        snprintf(why, WHY, "journal: %s", strerror(failed));
    for (size_t i = 0; i < n.count && ok; i++) {
        ok = adopt(j, n.list[i], why);
        j->next_number = n.list[i] + 1;
    }
    free(n.list);
    j->used = j->last ? segment_find_end(j, j->last, SEGMENT_HEAD) : 0;
    j->reading = j->unsynced = j->first;
    j->read = SEGMENT_HEAD;
    return ok;
}

static struct journal *make(const struct disk *disk, unsigned writer)
{
    struct journal *j = calloc(1, sizeof(*j));
    if (!j)
        return NULL;
    j->disk = *disk;
    j->writer = writer;
    j->size = disk->segment;
    j->row_room = j->size / 8 < JOURNAL_ROW_ROOM ? j->size / 8 : JOURNAL_ROW_ROOM;
    atomic_store(&j->names, 1); /* those that the last process made may not be synced */
    must(pthread_mutex_init(&j->lock, NULL) == 0);
    return j;
}

struct journal *journal_open(const struct disk *disk, unsigned writer, char why[WHY])
{
    must(writer < WRITERS && disk->segment >= 4096 && (disk->segment & (disk->segment - 1)) == 0);
    struct journal *j = make(disk, writer);
    if (!j) {
        snprintf(why, WHY, "journal: out of memory");
        disk->free(disk->self);
        return NULL;
    }
    bool ok = adopt_all(j, why);
    int failed = ok ? journal_extend(j, true) : 0;
    if (failed)
        snprintf(why, WHY, "journal: no room for a segment of writer %u: %s", writer, strerror(failed));
    if (!ok || failed) {
        journal_close(j);
        return NULL;
    }
    atomic_store(&j->written, position(j, j->last, j->used));
    atomic_store(&j->applied, position(j, j->first, SEGMENT_HEAD));
    return j;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    for (struct segment *s = j->first, *next; s; s = next) {
        next = atomic_load(&s->next);
        segment_close(j, s);
    }
    segment_drop_ahead(j);
    segment_drop_spares(j, 0);
    pthread_mutex_destroy(&j->lock);
    j->disk.free(j->disk.self);
    free(j);
}
