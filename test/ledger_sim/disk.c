/* SPDX-License-Identifier: Apache-2.0
 * disk.c - a disk in memory (ledger/disk.h) that fills, fails and forgets by the dice.
 *
 * A kill keeps all that was written. A power cut keeps what was synced, and of the rest some 8-byte words or some 512-byte
 * sectors; of the names the first few changes, in the order in which they were made. A sync that fails may have lost what it
 * should have written, and the kernel believes it clean: no later sync writes it. */
#include <errno.h>
#include <stdlib.h>

#include "test/ledger_sim/sim.h"

enum { SECTOR = 512, WORD = 8 };

static struct sim_disk *disk_at(void *self)
{
    return self;
}

static struct name *find(struct name *list, size_t count, struct span text)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(span_make(list[i].text, list[i].len), text))
            return &list[i];
    return NULL;
}

static struct name make_name(struct span text, struct file *f)
{
    struct name n = { .len = text.len, .file = f };
    must(text.len <= NAME_BYTES);
    memcpy(n.text, text.at, text.len);
    return n;
}

static void put(struct name *list, size_t *count, const struct name *n)
{
    struct name *there = find(list, *count, span_make(n->text, n->len));
    if (there)
        *there = *n;
    else
        list[(*count)++] = *n;
}

static void take(struct name *list, size_t *count, const struct name *n)
{
    struct name *there = find(list, *count, span_make(n->text, n->len));
    if (there)
        *there = list[--*count];
}

static void apply(struct name *list, size_t *count, const struct naming *change)
{
    if (change->from.file)
        take(list, count, &change->from);
    if (change->to.file)
        put(list, count, &change->to);
}

static void change(struct sim_disk *d, struct naming what)
{
    tell_history(d->world, "disk: %.*s -> %.*s", (int)what.from.len, what.from.text, (int)what.to.len, what.to.text);
    apply(d->now, &d->now_count, &what);
    if (d->done_count == FILES) { /* the kernel writes them out by and by */
        apply(d->then, &d->then_count, &d->done[0]);
        memmove(&d->done[0], &d->done[1], (FILES - 1) * sizeof(d->done[0]));
        d->done_count--;
    }
    d->done[d->done_count++] = what;
}

/* An operation begins or ends: the crash that was to come may come here. */
static bool dies(struct sim_disk *d)
{
    if (d->dead)
        return true;
    if (d->dies_in && --d->dies_in == 0) {
        d->world->down = true;
        for (unsigned i = 0; i < d->world->worker_count; i++)
            disk_kill(&d->world->workers[i].disk);
    }
    return d->dead;
}

static bool in_use(const struct sim_disk *d, const struct file *f)
{
    if (f->open)
        return true;
    for (size_t i = 0; i < d->now_count; i++)
        if (d->now[i].file == f)
            return true;
    for (size_t i = 0; i < d->then_count; i++)
        if (d->then[i].file == f)
            return true;
    for (size_t i = 0; i < d->done_count; i++)
        if (d->done[i].from.file == f || d->done[i].to.file == f)
            return true;
    return false;
}

static struct file *new_file(struct sim_disk *d)
{
    struct file *f = NULL;
    for (size_t i = 0; i < FILES && !f; i++)
        if (!in_use(d, &d->files[i]))
            f = &d->files[i];
    if (!f)
        return NULL;
    if (f->room < d->segment) {
        free(f->live);
        f->live = aligned_alloc(SECTOR, 4 * d->segment);
        must(f->live);
        f->room = d->segment;
    }
    f->believed = f->live + d->segment;
    f->there = f->believed + d->segment;
    f->image = f->there + d->segment;
    memset(f->live, 0, 4 * d->segment);
    f->used = true;
    return f;
}

static int open_file(void *self, struct span text, bool make, struct disk_segment *out)
{
    struct sim_disk *d = disk_at(self);
    struct name *n = find(d->now, d->now_count, text);
    struct file *f = n ? n->file : NULL;
    if (dies(d))
        return EIO;
    if (!make && !f)
        return ENOENT;
    if (make && f)
        return EEXIST;
    if (make && (d->now_count >= d->capacity || !(f = new_file(d))))
        return ENOSPC;
    if (make)
        change(d, (struct naming){ .to = make_name(text, f) });
    f->open = true;
    *out = (struct disk_segment){ .at = f->live, .handle = f };
    (void)dies(d);
    return 0;
}

static int list_files(void *self, void (*visit)(void *visitor, struct span name), void *visitor)
{
    struct sim_disk *d = disk_at(self);
    struct name all[FILES];
    size_t count = d->now_count, turn = count ? roll(d->world, (uint32_t)count) : 0;
    if (dies(d))
        return EIO;
    memcpy(all, d->now, count * sizeof(*all));
    for (size_t i = 0; i < count; i++)
        visit(visitor, span_make(all[(i + turn) % count].text, all[(i + turn) % count].len));
    return 0;
}

static int rename_file(void *self, struct span from, struct span to)
{
    struct sim_disk *d = disk_at(self);
    struct name *n = find(d->now, d->now_count, from);
    if (dies(d))
        return EIO;
    if (!n)
        return ENOENT;
    change(d, (struct naming){ .from = *n, .to = make_name(to, n->file) });
    (void)dies(d);
    return 0;
}

static int remove_file(void *self, struct span text)
{
    struct sim_disk *d = disk_at(self);
    struct name *n = find(d->now, d->now_count, text);
    if (dies(d))
        return EIO;
    if (!n)
        return ENOENT;
    change(d, (struct naming){ .from = *n });
    (void)dies(d);
    return 0;
}

static void close_file(void *self, struct disk_segment *s)
{
    struct file *f = s->handle;
    (void)self;
    must(f->open);
    f->open = false;
    *s = (struct disk_segment){ .at = NULL };
}

/* What the kernel holds dirty goes to the platter, sector by sector; `fails` of a hundred do not arrive. */
static void write_out(struct sim_disk *d, struct file *f, unsigned fails)
{
    for (size_t at = 0; at < d->segment; at += SECTOR) {
        if (memcmp(f->live + at, f->believed + at, SECTOR) == 0)
            continue;
        if (!fails || !chance(d->world, fails))
            memcpy(f->there + at, f->live + at, SECTOR);
        memcpy(f->believed + at, f->live + at, SECTOR);
    }
}

static int sync_file(void *self, const struct disk_segment *s)
{
    struct sim_disk *d = disk_at(self);
    if (dies(d))
        return EIO;
    if (chance(d->world, d->sync_fails)) {
        d->world->syncs_failed++;
        write_out(d, s->handle, 50);
        return EIO;
    }
    if (d->world->syncing)
        play_aside(d->world);
    if (d->dead)
        return EIO;
    write_out(d, s->handle, 0);
    (void)dies(d);
    return 0;
}

static int sync_names(void *self)
{
    struct sim_disk *d = disk_at(self);
    if (dies(d))
        return EIO;
    if (chance(d->world, d->sync_fails / 2))
        return EIO;
    memcpy(d->then, d->now, d->now_count * sizeof(*d->then));
    d->then_count = d->now_count;
    d->done_count = 0;
    (void)dies(d);
    return 0;
}

static void leave(void *self)
{
    (void)self;
}

struct disk disk_of(struct sim_disk *d)
{
    return (struct disk){ .self = d,
        .segment = d->segment,
        .list = list_files,
        .open = open_file,
        .rename = rename_file,
        .remove = remove_file,
        .close = close_file,
        .sync = sync_file,
        .sync_names = sync_names,
        .free = leave };
}

void disk_reset(struct sim_disk *d, struct world *w, size_t segment, size_t capacity)
{
    d->world = w;
    d->segment = segment;
    d->capacity = capacity < FILES ? capacity : FILES;
    d->now_count = d->then_count = d->done_count = 0;
    d->dead = false;
    d->dies_in = 0;
    for (size_t i = 0; i < FILES; i++)
        d->files[i].open = d->files[i].used = false;
}

void disk_free(struct sim_disk *d)
{
    for (size_t i = 0; i < FILES; i++)
        free(d->files[i].live);
}

/* ---- crashes ---- */

void disk_kill(struct sim_disk *d)
{
    if (d->dead)
        return;
    d->dead = true;
    for (size_t i = 0; i < FILES; i++)
        if (d->files[i].used)
            memcpy(d->files[i].image, d->files[i].live, d->segment);
}

void disk_tear(struct sim_disk *d)
{
    for (size_t i = 0; i < FILES; i++)
        if (d->files[i].used)
            memcpy(d->files[i].image, d->files[i].live, d->segment);
}

void disk_torn(struct sim_disk *d)
{
    unsigned written = roll(d->world, 101);
    for (size_t i = 0; i < d->now_count; i++) {
        struct file *f = d->now[i].file;
        for (size_t at = 0; at < d->segment; at += WORD)
            if (memcmp(f->image + at, f->live + at, WORD) != 0 && chance(d->world, written))
                memcpy(f->image + at, f->live + at, WORD);
    }
    d->dead = true;
}

static void lose_pieces(struct sim_disk *d, struct file *f)
{
    size_t piece = chance(d->world, 50) ? WORD : SECTOR;
    unsigned kept = roll(d->world, 3) * 50;
    for (size_t at = 0; at < d->segment; at += piece)
        if (memcmp(f->image + at, f->there + at, piece) != 0 && !chance(d->world, kept))
            memcpy(f->image + at, f->there + at, piece);
}

void disk_cut_power(struct sim_disk *d)
{
    size_t kept = roll(d->world, (uint32_t)d->done_count + 1);
    must(d->dead);
    for (size_t i = 0; i < kept; i++)
        apply(d->then, &d->then_count, &d->done[i]);
    memcpy(d->now, d->then, d->then_count * sizeof(*d->now));
    d->now_count = d->then_count;
    d->done_count = 0;
    for (size_t i = 0; i < d->now_count; i++) {
        struct file *f = d->now[i].file;
        lose_pieces(d, f);
        memcpy(f->believed, f->image, d->segment);
        memcpy(f->there, f->image, d->segment);
    }
}

void disk_revive(struct sim_disk *d)
{
    d->dead = false;
    d->dies_in = 0;
    for (size_t i = 0; i < d->now_count; i++)
        memcpy(d->now[i].file->live, d->now[i].file->image, d->segment);
}
