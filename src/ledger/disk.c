/* SPDX-License-Identifier: Apache-2.0
 * disk.c - segments as files: room taken when they are made, so that a full disk is an error there and never a signal in
 * the middle of a record. A file system that copies on write (btrfs, ZFS) keeps no such promise. */
#include "ledger/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/journal.h"

enum { NAME_MOST = 64, PATH_MOST = 4096, WHY = 256, SIZE = JOURNAL_SEGMENT };

struct files {
    int dir, lock;
};

/* The handle: kept open, since an error of writing is told to those who had the file open when it happened. */
struct file {
    int fd;
};

static void terminate(struct span name, char out[NAME_MOST])
{
    must(name.len < NAME_MOST);
    memcpy(out, name.at, name.len);
    out[name.len] = 0;
}

static int list(void *self, void (*visit)(void *visitor, struct span name), void *visitor)
{
    const struct files *f = self;
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        return failed;
    }
    errno = 0;
    for (struct dirent *entry = readdir(d); entry; entry = readdir(d))
        visit(visitor, span_of(entry->d_name));
    int failed = errno;
    closedir(d);
    return failed;
}

/* Takes the room on disk and maps the file; a shorter one grows with zeros. */
static int map_file(int fd, struct disk_segment *out)
{
    struct file *file = malloc(sizeof(*file));
    int failed = file ? posix_fallocate(fd, 0, SIZE) : ENOMEM;
    void *at = failed ? MAP_FAILED : mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        failed = failed ? failed : errno;
        free(file);
        return failed;
    }
    file->fd = fd;
    out->at = at;
    out->handle = file;
    return 0;
}

/* Makes the system believe that every page was changed. */
static void touch(char *at)
{
    long page = sysconf(_SC_PAGESIZE);
    must(page > 0);
    for (size_t i = 0; i < SIZE; i += (size_t)page) {
        volatile char *byte = at + i;
        *byte = *byte;
    }
}

static int open_file(void *self, struct span name, bool make, struct disk_segment *out)
{
    const struct files *f = self;
    char text[NAME_MOST];
    terminate(name, text);
    int fd = openat(f->dir, text, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0)
        return errno;
    int failed = map_file(fd, out);
    if (failed)
        close(fd);
    if (failed && make)
        unlinkat(f->dir, text, 0);
    if (!failed && !make)
        touch(out->at);
    return failed;
}

static int rename_file(void *self, struct span from, struct span to)
{
    const struct files *f = self;
    char old[NAME_MOST], new[NAME_MOST];
    terminate(from, old);
    terminate(to, new);
    return renameat(f->dir, old, f->dir, new) == 0 ? 0 : errno;
}

static int remove_file(void *self, struct span name)
{
    const struct files *f = self;
    char text[NAME_MOST];
    terminate(name, text);
    return unlinkat(f->dir, text, 0) == 0 ? 0 : errno;
}

static void close_file(void *self, struct disk_segment *s)
{
    struct file *file = s->handle;
    (void)self;
    munmap(s->at, SIZE);
    close(file->fd);
    free(file);
    *s = (struct disk_segment){ NULL, NULL };
}

static int sync_file(void *self, const struct disk_segment *s)
{
    const struct file *file = s->handle;
    (void)self;
    return fdatasync(file->fd) == 0 ? 0 : errno;
}

static int sync_names(void *self)
{
    const struct files *f = self;
    return fsync(f->dir) == 0 ? 0 : errno;
}

static void free_files(void *self)
{
    struct files *f = self;
    if (f->lock >= 0)
        close(f->lock);
    if (f->dir >= 0)
        close(f->dir);
    free(f);
}

/* The directory itself has a name that must outlast a power cut. 0, or errno. */
static int make_directory(const char *path)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : errno;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = dir < 0 ? -1 : openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = parent >= 0 && fsync(parent) == 0 ? 0 : errno;
    if (parent >= 0)
        close(parent);
    if (dir >= 0)
        close(dir);
    return failed;
}

/* Opens the directory, and a file that says by its lock that a process writes here. */
static bool claim(struct files *f, const char *path, unsigned writer, char why[WHY])
{
    char name[NAME_MOST];
    int failed = make_directory(path);
    if (failed) {
        snprintf(why, WHY, "journal: cannot make %.180s: %s", path, strerror(failed));
        return false;
    }
    snprintf(name, sizeof(name), "journal-%u.lock", writer);
    f->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->lock = f->dir < 0 ? -1 : openat(f->dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock >= 0 && flock(f->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        snprintf(why, WHY, "journal: another process writes to %.180s", path);
    else
        snprintf(why, WHY, "journal: cannot open %.180s: %s", path, strerror(errno));
    return false;
}

bool disk_files(struct span dir, unsigned writer, struct disk *out, char why[WHY])
{
    char path[PATH_MOST];
    if ((size_t)snprintf(path, sizeof(path), "%.*s", SPAN_ARG(dir)) >= sizeof(path)) {
        snprintf(why, WHY, "journal: the directory's name is too long");
        return false;
    }
    struct files *f = malloc(sizeof(*f));
    if (!f) {
        snprintf(why, WHY, "journal: out of memory");
        return false;
    }
    *f = (struct files){ -1, -1 };
    if (!claim(f, path, writer, why)) {
        free_files(f);
        return false;
    }
    *out = (struct disk){ .self = f,
        .segment = SIZE,
        .list = list,
        .open = open_file,
        .rename = rename_file,
        .remove = remove_file,
        .close = close_file,
        .sync = sync_file,
        .sync_names = sync_names,
        .free = free_files };
    return true;
}
