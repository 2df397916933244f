/* SPDX-License-Identifier: Apache-2.0
 * journal.c - segments: files of one size, whole in memory, chained from the oldest not yet applied to the one written.
 *
 *   first -> ... -> reading -> ... -> last          position = number * SEGMENT + offset, so it never goes back
 *   (applied up to here)  (reader)    (writer)
 *
 * The writer owns `last`, the reader `first` and `reading`; they meet in three places only: a record's length, a segment's
 * `next`, which is set after the segment was sealed with an END record, and `spares`, applied segments whose memory and
 * room on disk are used again under another name: fresh pages of a file cost more than everything else in a record. Room on
 * disk is taken when a segment is made, so a full disk is an error there and never a signal in the middle of a record.
 *
 * Old bytes stand behind the last record of a segment used again; so before a record is published, the length of the one
 * after it is set to zero.
 *
 * Every start seals what the last process wrote and begins a segment of its own: whatever half a record stood behind the
 * last whole one is never looked at again. Damage inside a sealed segment costs the rest of that segment, not those
 * behind it. */
#include "ledger/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "ledger/journal_record.h"

enum { SEGMENT = JOURNAL_SEGMENT, SEGMENT_HEAD = 64, VERSION = 1, WRITERS = 255, NAME_ROOM = 64, WHY = 256,
    SPARES = JOURNAL_SPARES };

/* The first bytes of a file. */
struct segment_head {
    char magic[8];
    uint32_t version, writer;
    uint64_t number;
};

struct segment {
    struct segment *_Atomic next; /* set once, by the writer */
    uint64_t number;
    char *at;   /* SEGMENT bytes, mapped */
    size_t end; /* set before next: where its records end */
};

struct journal {
    int dir, lock;
    unsigned writer;
    struct segment *first, *reading, *last;
    struct segment *_Atomic spares[SPARES]; /* applied: from the reader back to the writer */
    size_t used;      /* of last; writer's */
    size_t read;      /* of reading; reader's */
    uint64_t next_number;
    bool full;        /* no room on disk; writer's, so that it is said once */
    _Atomic uint64_t written, applied; /* positions */
};

static const char magic[8] = "tgjournl";

static void name_of(unsigned writer, uint64_t number, char out[NAME_ROOM])
{
    snprintf(out, NAME_ROOM, "journal-%u-%010" PRIu64 ".log", writer, number);
}

static uint64_t position(const struct segment *s, size_t offset) { return s->number * SEGMENT + offset; }

static void segment_free(struct segment *s)
{
    if (s->at)
        munmap(s->at, SEGMENT);
    free(s);
}

/* Forgets the file as well: it was applied, or there was nothing in it. */
static void segment_recycle(struct journal *j, struct segment *s)
{
    char name[NAME_ROOM];
    name_of(j->writer, s->number, name);
    if (unlinkat(j->dir, name, 0) != 0)
        log_warn("journal", "cannot remove %s: %s", name, strerror(errno));
    segment_free(s);
}

/* Takes the room on disk and maps the file; a shorter one grows with zeros. 0, or errno. */
static int map_file(struct segment *s, int fd)
{
    int failed = posix_fallocate(fd, 0, SEGMENT);
    if (failed)
        return failed;
    void *at = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return errno;
    s->at = at;
    return 0;
}

/* 0, or errno. */
static int segment_open(struct journal *j, uint64_t number, int flags, struct segment **out)
{
    char name[NAME_ROOM];
    struct segment *s = calloc(1, sizeof(*s));
    if (!s)
        return ENOMEM;
    name_of(j->writer, number, name);
    s->number = number;
    int fd = openat(j->dir, name, O_RDWR | O_CLOEXEC | flags, 0600);
    int failed = fd < 0 ? errno : map_file(s, fd);
    if (fd >= 0)
        close(fd);
    if (failed && fd >= 0 && (flags & O_CREAT))
        unlinkat(j->dir, name, 0);
    must(failed || s->at); /* what failed has set its errno */
    if (failed)
        segment_free(s);
    else
        *out = s;
    return failed;
}

static struct segment *take_spare(struct journal *j)
{
    struct segment *s = NULL;
    for (int i = 0; i < SPARES && !s; i++)
        s = atomic_exchange(&j->spares[i], NULL);
    return s;
}

/* Takes a spare segment for the next number. Its head is blank while it is between two names, so that a crash there
 * leaves a file with nothing in it. NULL: there is none. */
static struct segment *use_again(struct journal *j)
{
    char old[NAME_ROOM], new[NAME_ROOM];
    struct segment *s = take_spare(j);
    if (!s)
        return NULL;
    memset(s->at, 0, SEGMENT_HEAD);
    name_of(j->writer, s->number, old);
    name_of(j->writer, j->next_number, new);
    if (renameat(j->dir, old, j->dir, new) != 0) {
        segment_recycle(j, s);
        return NULL;
    }
    s->number = j->next_number;
    s->end = 0;
    atomic_store(&s->next, NULL);
    return s;
}

static void write_head(const struct journal *j, struct segment *s)
{
    struct segment_head head = { .version = VERSION, .writer = j->writer, .number = s->number };
    memcpy(head.magic, magic, sizeof(magic));
    record_blank(s->at + SEGMENT_HEAD);
    memcpy(s->at, &head, sizeof(head));
}

/* A new segment behind the last one. 0, or errno with nothing changed. */
static int extend(struct journal *j)
{
    struct segment *s = use_again(j);
    int failed = s ? 0 : segment_open(j, j->next_number, O_CREAT | O_EXCL, &s);
    if (failed)
        return failed;
    write_head(j, s);
    if (j->last) {
        j->last->end = j->used;
        if (SEGMENT - j->used >= RECORD_HEAD) {
            record_write_end(j->last->at + j->used);
            record_publish(j->last->at + j->used, RECORD_HEAD, position(j->last, j->used));
        }
        atomic_store_explicit(&j->last->next, s, memory_order_release);
    } else {
        j->first = j->reading = s;
        j->read = SEGMENT_HEAD;
    }
    j->last = s;
    j->used = SEGMENT_HEAD;
    j->next_number++;
    return 0;
}

/* Where `size` bytes of a record may be written, NULL: no room on disk. */
static char *make_room(struct journal *j, size_t size)
{
    int failed = SEGMENT - j->used < size ? extend(j) : 0;
    if (failed && !j->full)
        log_error("journal", "no room for a further segment, calls are refused: %s", strerror(failed));
    j->full = failed != 0;
    return failed ? NULL : j->last->at + j->used;
}

static void publish(struct journal *j, char *at, size_t size)
{
    if (j->used + size < SEGMENT)
        record_blank(at + size);
    record_publish(at, size, position(j->last, j->used));
    j->used += size;
    atomic_store_explicit(&j->written, position(j->last, j->used), memory_order_release);
}

enum err journal_put_hold(struct journal *j, const struct journal_hold *h)
{
    must(h->count <= LEDGER_LINES);
    size_t size = record_hold_size(h);
    char *at = size <= JOURNAL_RECORD_MAX ? make_room(j, size) : NULL;
    if (!at)
        return size <= JOURNAL_RECORD_MAX ? E_LEDGER_UNAVAILABLE : E_TOO_LARGE;
    record_write_hold(at, size, h);
    publish(j, at, size);
    return E_OK;
}

enum err journal_put_row(struct journal *j, const struct journal_row *r)
{
    must(r->count <= LEDGER_LINES);
    size_t size = record_row_size(r);
    char *at = size <= JOURNAL_RECORD_MAX ? make_room(j, size) : NULL;
    if (!at)
        return size <= JOURNAL_RECORD_MAX ? E_LEDGER_UNAVAILABLE : E_TOO_LARGE;
    record_write_row(at, size, r);
    publish(j, at, size);
    return E_OK;
}

enum found { FOUND_RECORD, FOUND_END, FOUND_NOTHING, FOUND_DAMAGE };

static enum found look(const struct segment *s, size_t offset, size_t *length)
{
    const char *at = s->at + offset;
    size_t room = SEGMENT - offset;
    if (room < RECORD_HEAD)
        return FOUND_END;
    *length = record_length(at);
    if (*length == 0)
        return FOUND_NOTHING;
    if (!record_whole(at, *length, room, position(s, offset)))
        return FOUND_DAMAGE;
    return record_kind(at) == RECORD_END ? FOUND_END : FOUND_RECORD;
}

bool journal_read(struct journal *j, struct journal_record *out)
{
    for (;;) {
        /* Asked before looking: what is sealed now holds everything that will ever stand in it. */
        struct segment *next = atomic_load_explicit(&j->reading->next, memory_order_acquire);
        size_t length = 0;
        enum found found = look(j->reading, j->read, &length);
        if (found == FOUND_RECORD && record_read(j->reading->at + j->read, length, out)) {
            j->read += length;
            out->position = position(j->reading, j->read);
            return true;
        }
        if (!next)
            return false;
        if (found != FOUND_END)
            log_error("journal", "segment %" PRIu64 " of writer %u is damaged at byte %zu; its rest is lost", j->reading->number, j->writer, j->read);
        j->reading = next;
        j->read = SEGMENT_HEAD;
    }
}

static void retire(struct journal *j, struct segment *s)
{
    for (int i = 0; i < SPARES; i++) {
        struct segment *none = NULL;
        if (atomic_compare_exchange_strong(&j->spares[i], &none, s))
            return;
    }
    segment_recycle(j, s);
}

void journal_applied(struct journal *j, uint64_t to)
{
    struct segment *next;
    while ((next = atomic_load_explicit(&j->first->next, memory_order_acquire)) && to >= position(j->first, j->first->end)) {
        if (j->reading == j->first) {
            j->reading = next;
            j->read = SEGMENT_HEAD;
        }
        retire(j, j->first);
        j->first = next;
    }
    /* What lies between the last record of a segment and the first of the next needs no applying. */
    uint64_t begin = position(j->first, SEGMENT_HEAD);
    atomic_store_explicit(&j->applied, to > begin ? to : begin, memory_order_relaxed);
}

void journal_seek(struct journal *j, uint64_t to)
{
    uint64_t end = position(j->last, j->used);
    if (to > end) {
        /* The store knows more than these files: they were lost. What is written from now on must lie behind it. */
        j->next_number = to / SEGMENT + 1;
        j->used = SEGMENT;
        end = to;
    }
    while (j->reading != j->last && (j->reading->number + 1) * SEGMENT <= to)
        j->reading = atomic_load(&j->reading->next);
    j->read = SEGMENT_HEAD;
    if (to > position(j->reading, SEGMENT_HEAD))
        j->read = to - position(j->reading, 0) < SEGMENT ? (size_t)(to - position(j->reading, 0)) : SEGMENT;
    atomic_store(&j->written, end);
    journal_applied(j, to);
}

uint64_t journal_lag(const struct journal *j)
{
    uint64_t applied = atomic_load_explicit(&j->applied, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&j->written, memory_order_acquire);
    return written > applied ? written - applied : 0;
}

/* ---- opening what the last process left ---- */

struct numbers {
    uint64_t *list;
    size_t count, room;
};

static bool numbers_add(struct numbers *n, uint64_t number)
{
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 16;
        uint64_t *larger = realloc(n->list, room * sizeof(*larger));
        if (!larger)
            return false;
        n->list = larger;
        n->room = room;
    }
    n->list[n->count++] = number;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The number in "journal-<writer>-<number>.log"; other files are none of ours. */
static bool number_of(struct span name, unsigned writer, uint64_t *number)
{
    char prefix[NAME_ROOM];
    snprintf(prefix, sizeof(prefix), "journal-%u-", writer);
    if (!span_starts(name, span_of(prefix)) || !span_ends(name, SPAN(".log")))
        return false;
    name = span_from(name, strlen(prefix));
    return name.len > 4 && span_to_u64(span_first(name, name.len - 4), number);
}

/* 0, or errno. */
static int find_segments(struct journal *j, struct numbers *n)
{
    uint64_t number;
    bool ok = true;
    int fd = openat(j->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        return failed;
    }
    for (struct dirent *entry = readdir(d); entry && ok; entry = readdir(d))
        if (number_of(span_of(entry->d_name), j->writer, &number))
            ok = numbers_add(n, number);
    closedir(d);
    if (ok && n->count)
        qsort(n->list, n->count, sizeof(*n->list), by_number);
    return ok ? 0 : ENOMEM;
}

enum head { HEAD_GOOD, HEAD_EMPTY, HEAD_FOREIGN };

static enum head check_head(const struct journal *j, const struct segment *s)
{
    static const struct segment_head none;
    struct segment_head head;
    memcpy(&head, s->at, sizeof(head));
    if (memcmp(&head, &none, sizeof(head)) == 0)
        return HEAD_EMPTY;
    bool good = memcmp(head.magic, magic, sizeof(magic)) == 0 && head.version == VERSION && head.writer == j->writer && head.number == s->number;
    return good ? HEAD_GOOD : HEAD_FOREIGN;
}

/* Offset behind the last whole record. */
static size_t find_end(const struct journal *j, const struct segment *s)
{
    size_t offset = SEGMENT_HEAD, length;
    enum found found;
    while ((found = look(s, offset, &length)) == FOUND_RECORD)
        offset += length;
    if (found == FOUND_DAMAGE)
        log_warn("journal", "segment %" PRIu64 " of writer %u ends in a damaged record at byte %zu", s->number, j->writer, offset);
    return offset;
}

static void append(struct journal *j, struct segment *s)
{
    if (j->last)
        atomic_store(&j->last->next, s);
    else
        j->first = s;
    j->last = s;
    s->end = SEGMENT;
}

/* Killed before the head was written, or before the first record. */
static bool is_empty(const struct segment *s, enum head head)
{
    size_t length;
    enum found found = look(s, SEGMENT_HEAD, &length);
    return head == HEAD_EMPTY || found == FOUND_NOTHING || found == FOUND_END;
}

/* Takes one file of the last process into the chain, unless there is nothing in it. */
static bool adopt(struct journal *j, uint64_t number, char why[WHY])
{
    struct segment *s;
    int failed = segment_open(j, number, 0, &s);
    if (failed) {
        snprintf(why, WHY, "journal segment %" PRIu64 " of writer %u: %s", number, j->writer, strerror(failed));
        return false;
    }
    enum head head = check_head(j, s);
    if (head == HEAD_FOREIGN) {
        snprintf(why, WHY, "journal segment %" PRIu64 " of writer %u is damaged or of another version; move the file away to start without it", number, j->writer);
        segment_free(s);
        return false;
    }
    if (is_empty(s, head))
        segment_recycle(j, s);
    else
        append(j, s);
    return true;
}

static bool adopt_all(struct journal *j, char why[WHY])
{
    struct numbers n = { .list = NULL };
    int failed = find_segments(j, &n);
    bool ok = failed == 0;
    if (!ok)
        snprintf(why, WHY, "journal: %s", strerror(failed));
    for (size_t i = 0; i < n.count && ok; i++) {
        ok = adopt(j, n.list[i], why);
        j->next_number = n.list[i] + 1;
    }
    free(n.list);
    j->used = j->last ? find_end(j, j->last) : 0;
    j->reading = j->first;
    j->read = SEGMENT_HEAD;
    return ok;
}

/* Opens the directory, and a file that says by its lock that a process writes here. */
static bool claim(struct journal *j, struct span dir, char why[WHY])
{
    char path[4096], name[NAME_ROOM];
    if ((size_t)snprintf(path, sizeof(path), "%.*s", SPAN_ARG(dir)) >= sizeof(path)) {
        snprintf(why, WHY, "journal: the directory's name is too long");
        return false;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        snprintf(why, WHY, "journal: cannot make %.180s: %s", path, strerror(errno));
        return false;
    }
    snprintf(name, sizeof(name), "journal-%u.lock", j->writer);
    j->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    j->lock = j->dir < 0 ? -1 : openat(j->dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->lock >= 0 && flock(j->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        snprintf(why, WHY, "journal: another process writes to %.180s", path);
    else
        snprintf(why, WHY, "journal: cannot open %.180s: %s", path, strerror(errno));
    return false;
}

struct journal *journal_open(struct span dir, unsigned writer, char why[WHY])
{
    struct journal *j = calloc(1, sizeof(*j));
    must(writer < WRITERS);
    if (!j) {
        snprintf(why, WHY, "journal: out of memory");
        return NULL;
    }
    j->writer = writer;
    j->dir = j->lock = -1;
    bool ok = claim(j, dir, why) && adopt_all(j, why);
    int failed = ok ? extend(j) : 0;
    if (failed)
        snprintf(why, WHY, "journal: no room for a segment in %.*s: %s", (int)(dir.len < 160 ? dir.len : 160), dir.at, strerror(failed));
    if (!ok || failed) {
        journal_close(j);
        return NULL;
    }
    atomic_store(&j->written, position(j->last, j->used));
    atomic_store(&j->applied, position(j->first, SEGMENT_HEAD));
    return j;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    for (struct segment *s = j->first, *next; s; s = next) {
        next = atomic_load(&s->next);
        segment_free(s);
    }
    for (struct segment *s; (s = take_spare(j));)
        segment_recycle(j, s);
    if (j->lock >= 0)
        close(j->lock);
    if (j->dir >= 0)
        close(j->dir);
    free(j);
}
