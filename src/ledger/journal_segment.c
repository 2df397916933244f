/* SPDX-License-Identifier: Apache-2.0
 * journal_segment.c - one segment's life: made or taken from the spares, prepared ahead, written, applied, a spare again.
 *
 * Fresh pages of a file cost more than everything else in a record, and room on disk more still; so what was applied is
 * renamed and used again. Its head says its number: where that differs from its name, a crash came between the two, or a power
 * cut kept one and not the other, and there is nothing in it that was promised.
 *
 * Numbers may come again after a power cut, and a segment of the last process may hold records of any number it had: so
 * those are not used again, or a record that was lost could rise behind a new one. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "ledger/journal_int.h"
#include "ledger/journal_record.h"

/* The first bytes of a segment. */
struct head {
    char magic[8];
    uint32_t version, writer;
    uint64_t number;
    uint64_t size, sum; /* since version 2 */
};

static const char magic[8] = "tgjournl";

void segment_name(unsigned writer, uint64_t number, char out[SEGMENT_NAME])
{
    snprintf(out, SEGMENT_NAME, "journal-%u-%010" PRIu64 ".log", writer, number);
}

bool segment_number(struct span name, unsigned writer, uint64_t *number)
{
    char prefix[SEGMENT_NAME];
    snprintf(prefix, sizeof(prefix), "journal-%u-", writer);
    if (!span_starts(name, span_of(prefix)) || !span_ends(name, SPAN(".log")))
        return false;
    name = span_from(name, strlen(prefix));
    return name.len > 4 && span_to_u64(span_first(name, name.len - 4), number);
}

static void names_changed(struct journal *j) { atomic_fetch_add(&j->names, 1); }

int segment_open(struct journal *j, uint64_t number, bool make, struct segment **out)
{
    char name[SEGMENT_NAME];
    struct segment *s = calloc(1, sizeof(*s));
    if (!s)
        return ENOMEM;
    segment_name(j->writer, number, name);
    s->number = number;
    s->version = RECORD_VERSION;
    int failed = j->disk.open(j->disk.self, span_of(name), make, &s->mapped);
    if (failed) {
        free(s);
        return failed;
    }
    if (make)
        names_changed(j);
    *out = s;
    return 0;
}

void segment_close(struct journal *j, struct segment *s)
{
    j->disk.close(j->disk.self, &s->mapped);
    free(s);
}

void segment_remove(struct journal *j, struct segment *s)
{
    char name[SEGMENT_NAME];
    segment_name(j->writer, s->number, name);
    int failed = j->disk.remove(j->disk.self, span_of(name));
    if (failed)
        log_warn("journal", "cannot remove %s: %s", name, strerror(failed));
    segment_close(j, s);
}

void segment_retire(struct journal *j, struct segment *s)
{
    for (int i = 0; i < SPARES && !s->worn; i++) {
        struct segment *none = NULL;
        if (atomic_compare_exchange_strong(&j->spares[i], &none, s))
            return;
    }
    segment_remove(j, s);
}

static struct segment *take_spare(struct journal *j)
{
    struct segment *s = NULL;
    for (int i = 0; i < SPARES && !s; i++)
        s = atomic_exchange(&j->spares[i], NULL);
    return s;
}

void segment_drop_spares(struct journal *j, size_t but)
{
    for (size_t i = but; i < SPARES; i++) {
        struct segment *s = atomic_exchange(&j->spares[i], NULL);
        if (s)
            segment_remove(j, s);
    }
}

/* A spare under its next name, NULL: there is none. */
static struct segment *use_again(struct journal *j)
{
    char old[SEGMENT_NAME], new[SEGMENT_NAME];
    struct segment *s = take_spare(j);
    if (!s)
        return NULL;
    segment_name(j->writer, s->number, old);
    segment_name(j->writer, j->next_number, new);
    if (j->disk.rename(j->disk.self, span_of(old), span_of(new)) != 0) {
        segment_remove(j, s);
        return NULL;
    }
    names_changed(j);
    s->number = j->next_number;
    s->version = RECORD_VERSION;
    s->end = 0;
    s->left = false;
    atomic_store(&s->next, NULL);
    return s;
}

/* One more segment ahead. 0, or errno. */
static int prepare(struct journal *j)
{
    struct segment *s = use_again(j);
    int failed = s ? 0 : segment_open(j, j->next_number, true, &s);
    if (failed)
        return failed;
    j->next_number++;
    if (j->ahead)
        atomic_store(&j->ahead_last->next, s);
    else
        j->ahead = s;
    j->ahead_last = s;
    j->ahead_room += j->size - SEGMENT_HEAD;
    return 0;
}

static void say_whether_full(struct journal *j, int failed)
{
    if (failed && !j->full)
        log_error("journal", "no room for a further segment of writer %u, calls are refused: %s", j->writer, strerror(failed));
    if (!failed && j->full)
        log_info("journal", "there is room again for segments of writer %u", j->writer);
    j->full = failed != 0;
}

int segment_keep_ahead(struct journal *j, uint64_t bytes)
{
    int failed = 0;
    if (j->ahead_room >= bytes)
        return 0;
    while (j->ahead_room < bytes && !failed)
        failed = prepare(j);
    say_whether_full(j, failed);
    return failed;
}

static uint64_t head_sum(const struct head *head)
{
    uint64_t words[offsetof(struct head, sum) / sizeof(uint64_t)], sum = 1;
    memcpy(words, head, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        sum = (sum ^ words[i]) * UINT64_C(0x9fb21c651e98df25);
        sum ^= sum >> 32;
    }
    return sum;
}

static void write_head(const struct journal *j, struct segment *s)
{
    struct head head = { .version = RECORD_VERSION, .writer = j->writer, .number = s->number, .size = j->size };
    memcpy(head.magic, magic, sizeof(magic));
    head.sum = head_sum(&head);
    record_blank(s->mapped.at + SEGMENT_HEAD);
    memcpy(s->mapped.at, &head, sizeof(head));
}

struct segment *segment_take_ahead(struct journal *j)
{
    struct segment *s = j->ahead;
    if (!s)
        return NULL;
    j->ahead = atomic_exchange(&s->next, NULL);
    j->ahead_room -= j->size - SEGMENT_HEAD;
    write_head(j, s);
    return s;
}

void segment_drop_ahead(struct journal *j)
{
    for (struct segment *s = j->ahead, *next; s; s = next) {
        next = atomic_load(&s->next);
        segment_remove(j, s);
    }
    j->ahead = j->ahead_last = NULL;
    j->ahead_room = 0;
}

enum found segment_look(const struct journal *j, const struct segment *s, size_t offset, size_t *length)
{
    const char *at = s->mapped.at + offset;
    size_t room = j->size - offset;
    if (room < RECORD_HEAD)
        return FOUND_END;
    *length = record_length(at);
    if (*length == 0)
        return FOUND_NOTHING;
    if (!record_whole(at, *length, room, position(j, s, offset)))
        return FOUND_DAMAGE;
    return record_kind(at) == RECORD_END ? FOUND_END : FOUND_RECORD;
}

size_t segment_find_end(const struct journal *j, const struct segment *s, size_t from)
{
    size_t offset = from, length;
    enum found found;
    while ((found = segment_look(j, s, offset, &length)) == FOUND_RECORD)
        offset += length;
    if (found == FOUND_DAMAGE)
        log_warn(
            "journal", "segment %" PRIu64 " of writer %u ends in a damaged record at byte %zu", s->number, j->writer, offset);
    return offset;
}

void segment_seal(const struct journal *j, struct segment *s, size_t end)
{
    s->end = end;
    if (j->size - end < RECORD_HEAD)
        return;
    record_write_end(s->mapped.at + end);
    record_publish(s->mapped.at + end, RECORD_HEAD, position(j, s, end));
}

/* Killed, or power lost, while it was written; or a head that was whole once and is damaged: then records follow it, which
 * speak for themselves. */
static enum segment_head_is half_head(const struct journal *j, const struct segment *s)
{
    size_t length;
    return segment_look(j, s, SEGMENT_HEAD, &length) == FOUND_RECORD ? HEAD_GOOD : HEAD_EMPTY;
}

enum segment_head_is segment_check_head(const struct journal *j, struct segment *s)
{
    static const char none[sizeof(magic)];
    struct head head;
    memcpy(&head, s->mapped.at, sizeof(head));
    if (memcmp(head.magic, none, sizeof(none)) == 0)
        return half_head(j, s);
    if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.version > RECORD_VERSION)
        return HEAD_FOREIGN;
    if (head.version != 1 && head.sum != head_sum(&head))
        return half_head(j, s);
    size_t size = head.version == 1 ? JOURNAL_SEGMENT : head.size;
    if (head.version < RECORD_VERSION_OLDEST || head.writer != j->writer || size != j->size)
        return HEAD_FOREIGN;
    s->version = head.version;
    return head.number == s->number ? HEAD_GOOD : HEAD_EMPTY;
}
