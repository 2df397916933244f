/* SPDX-License-Identifier: Apache-2.0
 * journal.c - appending and reading: segments of one size, whole in memory, chained from the oldest not yet applied to the
 * one written.
 *
 *   first -> ... -> reading -> ... -> unsynced -> ... -> last      ahead -> ...     position = number * size + offset,
 *   (applied up to here)  (reader)    (syncer)           (writer)  (prepared)       so it never goes back
 *
 * The writer owns `last`, the reader `first` and `reading`; they meet in three places only: a record's length, a segment's
 * `next`, which is set after the segment was sealed with an END record, and `spares`, applied segments that are used again
 * (journal_segment.c). The syncer looks on (journal_sync.c). journal_open.c takes up what the last process left.
 *
 * Old bytes stand behind the last record of a segment used again; so before a record is published, the length of the one
 * after it is set to zero. */
#include "ledger/journal.h"

#include <inttypes.h>

#include "base/log.h"
#include "ledger/journal_int.h"
#include "ledger/journal_record.h"

/* What was written so far may be lost, what is written from now on is not: see journal_sync.c. */
static void move_on(struct journal *j)
{
    atomic_store_explicit(&j->suspect, position(j, j->last, j->used), memory_order_relaxed);
    atomic_store_explicit(&j->trust, TRUST_MOVED_ON, memory_order_release);
}

static bool is_broken(const struct journal *j) { return atomic_load_explicit(&j->trust, memory_order_acquire) == TRUST_BROKEN; }

/* Room for the rows of the calls under way. */
static uint64_t owed(const struct journal *j) { return j->open_calls * j->row_room; }

int journal_extend(struct journal *j, bool entitled)
{
    int failed = segment_keep_ahead(j, owed(j) + j->size - SEGMENT_HEAD);
    struct segment *s = failed && !entitled ? NULL : segment_take_ahead(j);
    must(s || failed);
    if (!s)
        return failed;
    if (j->last) {
        if (is_broken(j))
            move_on(j);
        segment_seal(j, j->last, j->used);
        atomic_store_explicit(&j->last->next, s, memory_order_release);
    } else {
        j->first = j->reading = j->unsynced = s;
        j->read = SEGMENT_HEAD;
    }
    j->last = s;
    j->used = SEGMENT_HEAD;
    return 0;
}

/* Where `size` bytes of a record may be written, NULL: no room on disk. The room left in a segment that could not be synced
 * is for those only who have no choice; so is what is owed to them and no longer stands ahead, since the last segment ahead became
 * this one. */
static char *make_room(struct journal *j, size_t size, bool entitled)
{
    uint64_t kept = entitled || j->ahead_room >= owed(j) ? 0 : owed(j) - j->ahead_room;
    bool fits = j->size - j->used >= size + kept;
    if (fits && !is_broken(j))
        return j->last->mapped.at + j->used;
    int failed = journal_extend(j, entitled);
    return failed && !(fits && entitled) ? NULL : j->last->mapped.at + j->used;
}

static void publish(struct journal *j, char *at, size_t size)
{
    if (j->used + size < j->size)
        record_blank(at + size);
    record_publish(at, size, position(j, j->last, j->used));
    j->used += size;
    atomic_store_explicit(&j->written, position(j, j->last, j->used), memory_order_release);
}

static bool is_too_large(const struct journal *j, size_t size) { return size > JOURNAL_RECORD_MAX || size > j->size / 2; }

enum err journal_put_hold(struct journal *j, const struct journal_hold *h)
{
    must(h->count <= JOURNAL_LINES);
    size_t size = record_hold_size(h);
    if (is_too_large(j, size))
        return E_TOO_LARGE;
    j->open_calls += !h->again_held; /* else room for its row is kept already */
    char *at = segment_keep_ahead(j, owed(j)) == 0 ? make_room(j, size, false) : NULL;
    if (!at) {
        j->open_calls -= !h->again_held;
        return E_LEDGER_UNAVAILABLE;
    }
    record_write_hold(at, size, h);
    publish(j, at, size);
    return E_OK;
}

enum err journal_put_row(struct journal *j, const struct journal_row *r)
{
    must(r->count <= JOURNAL_LINES);
    size_t size = record_row_size(r);
    if (is_too_large(j, size))
        return E_TOO_LARGE;
    char *at = make_room(j, size, r->held);
    if (!at)
        return E_LEDGER_UNAVAILABLE;
    record_write_row(at, size, r);
    publish(j, at, size);
    if (r->held && j->open_calls)
        j->open_calls--;
    return E_OK;
}

enum err journal_put_note(struct journal *j, const struct journal_note *n)
{
    size_t size = record_note_size(n);
    if (is_too_large(j, size))
        return E_TOO_LARGE;
    char *at = make_room(j, size, false);
    if (!at)
        return E_LEDGER_UNAVAILABLE;
    record_write_note(at, size, n);
    publish(j, at, size);
    return E_OK;
}

uint64_t journal_end(const struct journal *j) { return atomic_load_explicit(&j->written, memory_order_acquire); }

bool journal_read(struct journal *j, struct journal_record *out)
{
    for (;;) {
        /* Asked before looking: what is sealed now holds everything that will ever stand in it. */
        struct segment *next = atomic_load_explicit(&j->reading->next, memory_order_acquire);
        size_t length = 0;
        enum found found = segment_look(j, j->reading, j->read, &length);
        if (found == FOUND_RECORD && record_read(j->reading->mapped.at + j->read, length, j->reading->version, out)) {
            j->read += length;
            out->position = position(j, j->reading, j->read);
            return true;
        }
        if (!next)
            return false;
        if (found != FOUND_END)
            log_error("journal", "segment %" PRIu64 " of writer %u is damaged at byte %zu; its rest is lost", j->reading->number,
                j->writer, j->read);
        j->reading = next;
        j->read = SEGMENT_HEAD;
    }
}

/* The reader needs it no more. False: it is being synced, and retired after that. */
static bool leave(struct journal *j, struct segment *s, struct segment *next)
{
    pthread_mutex_lock(&j->lock);
    bool pinned = j->pinned == s;
    s->left = pinned;
    if (j->unsynced == s)
        j->unsynced = next;
    pthread_mutex_unlock(&j->lock);
    return !pinned;
}

static bool is_applied(const struct journal *j, const struct segment *s, uint64_t to)
{
    return to >= position(j, s, s->end) || s->end == SEGMENT_HEAD;
}

void journal_applied(struct journal *j, uint64_t to)
{
    struct segment *next;
    while ((next = atomic_load_explicit(&j->first->next, memory_order_acquire)) && is_applied(j, j->first, to)) {
        if (j->reading == j->first) {
            j->reading = next;
            j->read = SEGMENT_HEAD;
        }
        if (leave(j, j->first, next))
            segment_retire(j, j->first);
        j->first = next;
    }
    /* What lies between the last record of a segment and the first of the next needs no applying. */
    uint64_t begin = position(j, j->first, SEGMENT_HEAD);
    atomic_store_explicit(&j->applied, to > begin ? to : begin, memory_order_release);
}

void journal_rest(struct journal *j) { segment_drop_spares(j, JOURNAL_SPARES_RESTING); }

/* The store has records from behind a tear that a power cut made: what follows those is there as well. */
static void look_behind(struct journal *j, struct segment *s, uint64_t to)
{
    if (s != j->last && to > position(j, s, s->end))
        segment_seal(j, s, segment_find_end(j, s, (size_t)(to - position(j, s, 0))));
}

void journal_seek(struct journal *j, uint64_t to)
{
    uint64_t end = position(j, j->last, j->used);
    if (to > end) {
        /* The store knows more than these files: they were lost. What is written from now on must lie behind it. */
        segment_drop_ahead(j);
        j->next_number = to / j->size + 1;
        j->used = j->size;
        end = to;
    }
    while (j->reading != j->last && (j->reading->number + 1) * j->size <= to)
        j->reading = atomic_load(&j->reading->next);
    look_behind(j, j->reading, to);
    j->read = SEGMENT_HEAD;
    if (to > position(j, j->reading, SEGMENT_HEAD))
        j->read = to - position(j, j->reading, 0) < j->size ? (size_t)(to - position(j, j->reading, 0)) : j->size;
    atomic_store(&j->written, end);
    journal_applied(j, to);
}

uint64_t journal_applied_to(const struct journal *j) { return atomic_load_explicit(&j->applied, memory_order_acquire); }

uint64_t journal_lag(const struct journal *j)
{
    uint64_t applied = journal_applied_to(j);
    uint64_t written = journal_end(j);
    return written > applied ? written - applied : 0;
}
