/* SPDX-License-Identifier: Apache-2.0
 * file.c - rows appended to a file, synced before the place is moved.
 *
 * The note that stands beside the place says which file was written to and how long it was then: "INODE SIZE BEGUN FIRST" (when it was
 * begun, and the number of its first row). What a crash left behind that size is cut off, since it is written again: so no row stands in a
 * file twice, or by halves. Another file than the noted one (a copy that was restored, say) is cut after its last whole line only. */
#include "export/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "export/form.h"

enum { PATH_MOST = 4096, TAIL = 64 << 10, TRY_BYTES = 4096 };

/* The file that is written, and what is known of it. */
struct current {
    int dir, fd;
    struct shelf shelf;
    int64_t size, begun, first;
};

enum err file_trouble(char why[256], const char *what, int code)
{
    snprintf(why, 256, "%s: %s", what, code == ENOSPC || code == EDQUOT ? "the disk is full" : strerror(code));
    return E_IO;
}

/* ---- the directory ---- */

static bool make_all(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!made)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* No link leads out of where files may be. */
static bool is_inside(const char *dir, const char *root)
{
    size_t len = strlen(root);
    return strncmp(dir, root, len) == 0 && (dir[len] == '\0' || dir[len] == '/');
}

static enum err open_dir(const struct export_rule *rule, int *fd, char why[256])
{
    char path[PATH_MOST], root[PATH_MOST], real_path[PATH_MOST], real_root[PATH_MOST];
    snprintf(path, sizeof(path), "%.*s", SPAN_ARG(rule->dir));
    snprintf(root, sizeof(root), "%.*s", SPAN_ARG(rule->root));
    if (!make_all(root) || !realpath(root, real_root))
        return file_trouble(why, "its directory cannot be made", errno);
    if (!make_all(path) || !realpath(path, real_path))
        return file_trouble(why, "its directory cannot be made", errno);
    if (!is_inside(real_path, real_root)) {
        snprintf(why, 256, "its directory leads out of where exports may be written");
        return E_BAD_REQUEST;
    }
    *fd = open(real_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? file_trouble(why, "its directory cannot be opened", errno) : E_OK;
}

/* ---- the file ---- */

static const char *at_name(const struct current *c, char out[128])
{
    snprintf(out, 128, "%.*s", SPAN_ARG(c->shelf.name));
    return out;
}

static enum err cut(struct current *c, int64_t size, char why[256])
{
    if (size == c->size)
        return E_OK;
    if (ftruncate(c->fd, size) != 0)
        return file_trouble(why, "its file cannot be cut", errno);
    c->size = size;
    return E_OK;
}

/* After the last line end that stands in its tail. */
static int64_t whole_lines(const struct current *c)
{
    char tail[TAIL];
    int64_t from = c->size > TAIL ? c->size - TAIL : 0;
    ssize_t got = pread(c->fd, tail, (size_t)(c->size - from), from);
    while (got > 0 && tail[got - 1] != '\n')
        got--;
    return got > 0 ? from + got : c->size > TAIL ? c->size : 0;
}

/* What the note says of this very file; else what can be seen. */
static enum err mend(struct round *r, struct current *c, const struct stat *st)
{
    unsigned long long inode = 0;
    long long size = 0, begun = 0, first = 0;
    bool noted = sscanf(r->note, "%llu %lld %lld %lld", &inode, &size, &begun, &first) == 4 && inode == (unsigned long long)st->st_ino && size <= c->size;
    c->begun = noted ? begun : r->now;
    c->first = noted ? first : r->batch->first;
    return cut(c, noted ? size : whole_lines(c), r->why);
}

static void set_note(struct round *r, const struct current *c, const struct stat *st)
{
    snprintf(r->note, sizeof(r->note), "%llu %lld %lld %lld", (unsigned long long)st->st_ino, (long long)c->size, (long long)c->begun, (long long)c->first);
}

/* Before anything stands in a new file it is noted as empty: else what a crash left there would be taken for rows that were delivered, and
 * a note of a file that is gone for one of this file. */
static enum err note_empty(struct round *r, struct current *c)
{
    struct stat st;
    if (fstat(c->fd, &st) != 0 || fsync(c->dir) != 0)
        return file_trouble(r->why, "its file cannot be made", errno);
    set_note(r, c, &st);
    struct store_export same = { r->place->position, r->place->at, span_of(r->note) };
    enum err e = store_export_move(r->store, r->rule->name, r->place->position, &same);
    if (e && e != E_CONFLICT)
        snprintf(r->why, sizeof(r->why), "the store cannot note it");
    return e;
}

static enum err make(struct round *r, struct current *c)
{
    char name[128];
    c->fd = openat(c->dir, at_name(c, name), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->fd < 0)
        return file_trouble(r->why, "its file cannot be made", errno);
    c->size = 0;
    c->begun = r->now;
    c->first = r->batch->first;
    return note_empty(r, c);
}

static enum err open_current(struct round *r, struct current *c)
{
    char name[128];
    struct stat st;
    c->fd = openat(c->dir, at_name(c, name), O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd < 0)
        return errno == ENOENT ? make(r, c) : file_trouble(r->why, "its file cannot be opened", errno);
    if (fstat(c->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        snprintf(r->why, sizeof(r->why), "its file is none that could be written to (a link, or no file)");
        return E_BAD_REQUEST;
    }
    c->size = st.st_size;
    return mend(r, c, &st);
}

/* ---- writing ---- */

static enum err append(struct round *r, struct current *c)
{
    struct buf head;
    buf_init(&head, TRY_BYTES);
    if (c->size == 0 && r->rule->format == EXPORT_CSV)
        export_csv_head(&head);
    int64_t before = c->size, added = (int64_t)(head.len + r->batch->body.len);
    bool good = file_write(c->fd, buf_span(&head)) && file_write(c->fd, buf_span(&r->batch->body)) && fdatasync(c->fd) == 0;
    int code = errno;
    buf_free(&head);
    if (good) {
        c->size += added;
        return E_OK;
    }
    c->size = -1; /* whatever it is now */
    (void)cut(c, before, r->why);
    return file_trouble(r->why, "its file cannot be written", code);
}

static bool is_full(const struct round *r, const struct current *c)
{
    bool large = c->size + (int64_t)r->batch->body.len > r->rule->rotate_bytes, old = r->now - c->begun >= r->rule->rotate_ms;
    return c->size > 0 && (large || old);
}

static enum err rotate(struct round *r, struct current *c)
{
    enum err e = shelf_put(&c->shelf, c->begun, c->first, r->place->position - 1, r->why);
    close(c->fd);
    c->fd = -1;
    return e ? e : make(r, c);
}

static enum err write_batch(struct round *r, struct current *c)
{
    struct stat st;
    enum err e = open_current(r, c);
    if (!e && is_full(r, c))
        e = rotate(r, c);
    if (!e)
        e = append(r, c);
    if (!e && fstat(c->fd, &st) != 0)
        e = file_trouble(r->why, "its file cannot be seen", errno);
    if (e)
        return e;
    set_note(r, c, &st);
    shelf_tidy(&c->shelf, c->size, &r->dropped_files, &r->dropped_bytes);
    return E_OK;
}

enum err file_deliver(struct round *r)
{
    struct current c = { .dir = -1, .fd = -1 };
    enum err e = open_dir(r->rule, &c.dir, r->why);
    if (e)
        return e;
    c.shelf = (struct shelf){ c.dir, r->rule, arena_print(r->arena, "%.*s.%s", SPAN_ARG(r->rule->name), r->rule->format == EXPORT_CSV ? "csv" : "jsonl") };
    e = c.shelf.name.at ? write_batch(r, &c) : E_NO_MEMORY;
    if (c.fd >= 0)
        close(c.fd);
    close(c.dir);
    return e;
}

/* ---- the test ---- */

enum err file_test(const struct export_rule *rule, char why[256])
{
    static const char zeros[TRY_BYTES], name[] = ".tollgate-test";
    int dir;
    enum err e = open_dir(rule, &dir, why);
    if (e)
        return e;
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && file_write(fd, span_make(zeros, sizeof(zeros))) && fdatasync(fd) == 0;
    if (!good)
        e = file_trouble(why, "a file cannot be written", errno);
    if (fd >= 0)
        close(fd);
    (void)unlinkat(dir, name, 0);
    close(dir);
    return e;
}
