/* SPDX-License-Identifier: Apache-2.0
 * test_disk.c - see test_disk.h. Each file is kept three times: as programs see it, as it was when a sync last looked, and
 * as it stands on the platter. */
#include "test/unit/ledger/test_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { SECTOR = 512, NAME_MOST = 64, NAMES_MOST = 8 };

/* names[0]: as the platter has it; names[count - 1]: now. "": none. */
struct file {
    struct file *next;
    char names[NAMES_MOST][NAME_MOST];
    size_t count;
    unsigned mapped; /* how often it is open */
    bool all_new;    /* the next sync writes every sector */
    char *now, *seen, *platter;
};

struct fault {
    int error;
    unsigned percent;
};

struct test_disk {
    pthread_mutex_t lock;
    uint64_t dice;
    size_t segment, room;
    struct file *files;
    struct fault faults[TEST_DISK_CALLS];
    uint64_t process, calls, syncs, stop_at;
    unsigned slow_us;
};

/* What a struct disk's self points to. */
struct boot {
    struct test_disk *disk;
    uint64_t process;
};

static uint64_t roll(struct test_disk *d)
{
    uint64_t z = d->dice += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bool percent(struct test_disk *d, unsigned n) { return n >= 100 || (n && roll(d) % 100 < n); }

static struct test_disk *enter(struct test_disk *d)
{
    pthread_mutex_lock(&d->lock);
    return d;
}

static void leave(struct test_disk *d) { pthread_mutex_unlock(&d->lock); }

static const char *name_now(const struct file *f) { return f->names[f->count - 1]; }

static struct file *find(const struct test_disk *d, struct span name)
{
    struct file *f = d->files;
    while (f && !span_is(span_of(name_now(f)), name))
        f = f->next;
    return f;
}

/* In between too many names one is forgotten: never the platter's, never the last. */
static void name_set(struct test_disk *d, struct file *f, struct span name)
{
    must(name.len < NAME_MOST);
    if (f->count == NAMES_MOST) {
        size_t gone = 1 + roll(d) % (NAMES_MOST - 1);
        memmove(f->names[gone], f->names[gone + 1], (NAMES_MOST - 1 - gone) * NAME_MOST);
        f->count--;
    }
    memset(f->names[f->count], 0, NAME_MOST);
    if (name.len)
        memcpy(f->names[f->count], name.at, name.len);
    f->count++;
}

/* Reads what another thread may be writing: that is what a disk does. Not memcpy, which TSan knows. */
__attribute__((no_sanitize("thread"))) static bool sector_take(char *to, const char *from)
{
    uint64_t *out = (uint64_t *)(void *)to;
    const volatile uint64_t *in = (const volatile uint64_t *)(const void *)from;
    uint64_t other = 0;
    for (size_t i = 0; i < SECTOR / sizeof(*out); i++) {
        uint64_t word = in[i];
        other |= word ^ out[i];
        out[i] = word;
    }
    return other != 0;
}

/* Files without a name that nobody maps are gone. */
static void collect(struct test_disk *d)
{
    for (struct file **at = &d->files; *at;) {
        struct file *f = *at;
        bool named = false;
        for (size_t i = 0; i < f->count; i++)
            named = named || f->names[i][0];
        if (named || f->mapped) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f->now);
        free(f);
    }
}

/* ---- the seam ---- */

/* 0: the call may be made. */
static int permit(const struct boot *b, enum test_disk_call call)
{
    struct test_disk *d = b->disk;
    if (b->process != d->process || d->calls >= d->stop_at)
        return EIO;
    d->calls++;
    return percent(d, d->faults[call].percent) ? d->faults[call].error : 0;
}

static int list(void *self, void (*visit)(void *visitor, struct span name), void *visitor)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    for (struct file *f = d->files; f; f = f->next)
        if (name_now(f)[0])
            visit(visitor, span_of(name_now(f)));
    leave(d);
    return 0;
}

static int make(struct test_disk *d, struct span name, struct file **out)
{
    size_t taken = 0;
    for (struct file *f = d->files; f; f = f->next)
        taken += name_now(f)[0] ? d->segment : 0;
    if (d->room && taken + d->segment > d->room)
        return ENOSPC;
    must(!find(d, name));
    struct file *f = calloc(1, sizeof(*f));
    must(f && (f->now = calloc(3, d->segment)));
    f->seen = f->now + d->segment;
    f->platter = f->seen + d->segment;
    f->count = 1;
    name_set(d, f, name);
    f->next = d->files;
    d->files = f;
    *out = f;
    return 0;
}

static int open_file(void *self, struct span name, bool is_new, struct disk_segment *out)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    struct file *f = find(d, name);
    int failed = is_new ? permit(b, TEST_DISK_MAKE) : b->process != d->process ? EIO : 0;
    if (!failed && is_new)
        failed = make(d, name, &f);
    if (!failed && !f)
        failed = ENOENT;
    if (!failed) {
        f->mapped++;
        f->all_new = !is_new;
        out->at = f->now;
        out->handle = f;
    }
    leave(d);
    return failed;
}

static int rename_file(void *self, struct span from, struct span to)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    int failed = permit(b, TEST_DISK_RENAME);
    if (!failed) {
        struct file *f = find(d, from);
        must(f && !find(d, to));
        name_set(d, f, to);
    }
    leave(d);
    return failed;
}

static int remove_file(void *self, struct span name)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    int failed = permit(b, TEST_DISK_REMOVE);
    if (!failed) {
        struct file *f = find(d, name);
        must(f);
        name_set(d, f, SPAN(""));
    }
    leave(d);
    return failed;
}

static void close_file(void *self, struct disk_segment *s)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    struct file *f = s->handle;
    must(f->mapped);
    f->mapped--;
    collect(d);
    leave(d);
    *s = (struct disk_segment){ NULL, NULL };
}

/* Without the lock, so that a slow sync holds up nobody; but for the dice, which are rolled sector by sector under it. */
static void flush(struct test_disk *d, struct file *f, bool failing)
{
    enter(d);
    bool all = f->all_new;
    f->all_new = false;
    leave(d);
    for (size_t at = 0; at < d->segment; at += SECTOR) {
        enter(d);
        bool dirty = sector_take(f->seen + at, f->now + at) || all;
        if (failing ? dirty && percent(d, 50) : dirty)
            memcpy(f->platter + at, f->seen + at, SECTOR);
        leave(d);
    }
}

static int sync_file(void *self, const struct disk_segment *s)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    bool alive = b->process == d->process && d->calls < d->stop_at;
    int failed = permit(b, TEST_DISK_SYNC);
    struct timespec time = { 0, (long)d->slow_us * 1000 };
    d->syncs++;
    leave(d);
    if (time.tv_nsec)
        nanosleep(&time, NULL);
    if (alive)
        flush(d, s->handle, failed != 0);
    return failed;
}

static int sync_names(void *self)
{
    const struct boot *b = self;
    struct test_disk *d = enter(b->disk);
    int failed = permit(b, TEST_DISK_SYNC_NAMES);
    for (struct file *f = d->files; f && !failed; f = f->next) {
        memmove(f->names[0], f->names[f->count - 1], NAME_MOST);
        f->count = 1;
    }
    collect(d);
    leave(d);
    return failed;
}

static void free_boot(void *self) { free(self); }

/* ---- what tests do to it ---- */

struct test_disk *test_disk_new(uint64_t seed, size_t segment, size_t room)
{
    struct test_disk *d = calloc(1, sizeof(*d));
    must(d && pthread_mutex_init(&d->lock, NULL) == 0);
    d->dice = seed;
    d->segment = segment;
    d->room = room;
    d->stop_at = UINT64_MAX;
    return d;
}

void test_disk_free(struct test_disk *d)
{
    for (struct file *f = d->files, *next; f; f = next) {
        next = f->next;
        must(f->mapped == 0);
        free(f->now);
        free(f);
    }
    pthread_mutex_destroy(&d->lock);
    free(d);
}

struct disk test_disk_share(struct test_disk *d)
{
    struct boot *b = malloc(sizeof(*b));
    must(b);
    *b = (struct boot){ d, d->process };
    return (struct disk){ .self = b,
        .segment = d->segment,
        .list = list,
        .open = open_file,
        .rename = rename_file,
        .remove = remove_file,
        .close = close_file,
        .sync = sync_file,
        .sync_names = sync_names,
        .free = free_boot };
}

struct disk test_disk_boot(struct test_disk *d)
{
    test_disk_kill(d);
    return test_disk_share(d);
}

void test_disk_kill(struct test_disk *d)
{
    enter(d);
    d->process++;
    d->stop_at = UINT64_MAX;
    leave(d);
}

/* Of the names since the last sync any one; all else of a file by the sector. */
static void forget(struct test_disk *d, struct file *f)
{
    size_t kept = roll(d) % f->count;
    memmove(f->names[0], f->names[kept], NAME_MOST);
    f->count = 1;
    for (size_t at = 0; at < d->segment; at += SECTOR) {
        if (memcmp(f->now + at, f->platter + at, SECTOR) != 0 && percent(d, 50))
            memcpy(f->platter + at, f->now + at, SECTOR);
        memcpy(f->now + at, f->platter + at, SECTOR);
        memcpy(f->seen + at, f->platter + at, SECTOR);
    }
}

/* A name that went and was given anew, neither of it synced: one of the two has it. */
static void settle_name(struct test_disk *d, struct file *f)
{
    for (struct file *other = f->next; other; other = other->next) {
        if (!name_now(f)[0] || strcmp(name_now(f), name_now(other)) != 0)
            continue;
        memset(percent(d, 50) ? f->names[0] : other->names[0], 0, NAME_MOST);
    }
}

void test_disk_power_cut(struct test_disk *d)
{
    test_disk_kill(d);
    enter(d);
    for (struct file *f = d->files; f; f = f->next)
        forget(d, f);
    for (struct file *f = d->files; f; f = f->next)
        settle_name(d, f);
    collect(d);
    leave(d);
}

void test_disk_writeback(struct test_disk *d)
{
    enter(d);
    for (struct file *f = d->files; f; f = f->next)
        for (size_t at = 0; at < d->segment; at += SECTOR)
            if (memcmp(f->now + at, f->seen + at, SECTOR) != 0 && percent(d, 30)) {
                sector_take(f->seen + at, f->now + at);
                memcpy(f->platter + at, f->seen + at, SECTOR);
            }
    leave(d);
}

void test_disk_room(struct test_disk *d, size_t room)
{
    enter(d);
    d->room = room;
    leave(d);
}

void test_disk_fail(struct test_disk *d, enum test_disk_call call, int error, unsigned of_hundred)
{
    enter(d);
    d->faults[call] = (struct fault){ error, error ? of_hundred : 0 };
    leave(d);
}

void test_disk_stop_after(struct test_disk *d, uint64_t n)
{
    enter(d);
    d->stop_at = d->calls + n;
    leave(d);
}

bool test_disk_stopped(struct test_disk *d)
{
    enter(d);
    bool stopped = d->calls >= d->stop_at;
    leave(d);
    return stopped;
}

uint64_t test_disk_calls(struct test_disk *d)
{
    enter(d);
    uint64_t calls = d->calls;
    leave(d);
    return calls;
}

uint64_t test_disk_syncs(struct test_disk *d)
{
    enter(d);
    uint64_t syncs = d->syncs;
    leave(d);
    return syncs;
}

void test_disk_slow(struct test_disk *d, unsigned us)
{
    enter(d);
    d->slow_us = us;
    leave(d);
}

size_t test_disk_segments(struct test_disk *d)
{
    size_t count = 0;
    enter(d);
    for (struct file *f = d->files; f; f = f->next)
        count += name_now(f)[0] != 0;
    leave(d);
    return count;
}

char *test_disk_bytes(struct test_disk *d, struct span name)
{
    enter(d);
    struct file *f = find(d, name);
    leave(d);
    return f ? f->now : NULL;
}
