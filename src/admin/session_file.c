/* SPDX-License-Identifier: Apache-2.0
 * session_file.c - sessions of browsers on the disk, so that a restart logs nobody out.
 *
 * Of a cookie, 32 random bytes, there is its hash; of a token its keyed hash. Whoever reads the file gets in by neither. It is sealed under
 * the master key besides, so that who can write to the directory without having that makes no session. Written whole, beside it, and
 * renamed: a crash leaves the one or the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/inside.h"
#include "base/file.h"
#include "base/log.h"

enum { RECORD = 2 * DIGEST_LEN + 2 * sizeof(int64_t), SEALED_MOST = SESSIONS * RECORD + 64 };
#define BOUND SPAN("tollgate sessions 1")

static void put(struct buf *b, const struct session *s)
{
    buf_put(b, span_make((const char *)s->cookie.bytes, DIGEST_LEN));
    buf_put(b, span_make((const char *)s->token.bytes, DIGEST_LEN));
    buf_put(b, span_make((const char *)&s->began_at, sizeof(s->began_at)));
    buf_put(b, span_make((const char *)&s->used_at, sizeof(s->used_at)));
}

static struct session take(const char *at)
{
    struct session s = { .number = 0 };
    memcpy(s.cookie.bytes, at, DIGEST_LEN);
    memcpy(s.token.bytes, at + DIGEST_LEN, DIGEST_LEN);
    memcpy(&s.began_at, at + 2 * DIGEST_LEN, sizeof(s.began_at));
    memcpy(&s.used_at, at + 2 * DIGEST_LEN + sizeof(s.began_at), sizeof(s.used_at));
    return s;
}

/* A renamed or deleted name lasts once its folder is on the disk. */
static bool sync_folder(const char *path)
{
    char dir[sizeof(((struct session_file *)0)->path)];
    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
    return file_sync_dir(dir);
}

static bool replace(const char *path, struct span bytes)
{
    char fresh[sizeof(((struct session_file *)0)->path) + 8];
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    (void)unlink(fresh); /* of a process that was killed */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool good = file_write(fd, bytes) && fsync(fd) == 0;
    good = close(fd) == 0 && good && rename(fresh, path) == 0 && sync_folder(path);
    if (!good)
        (void)unlink(fresh);
    return good;
}

/* What was there is older than what is so: better none than one that lets a session live on that was ended. */
static bool drop(const char *path)
{
    return (unlink(path) == 0 || errno == ENOENT) && sync_folder(path);
}

bool session_file_write(const struct session_file *f, const struct session *list, size_t count)
{
    struct buf plain, sealed;
    if (!f->path[0])
        return true;
    buf_init(&plain, SEALED_MOST);
    buf_init(&sealed, SEALED_MOST);
    for (size_t i = 0; i < count; i++)
        if (list[i].number)
            put(&plain, &list[i]);
    seal(&sealed, f->key, BOUND, buf_span(&plain));
    bool written = !plain.broken && !sealed.broken && replace(f->path, buf_span(&sealed));
    if (!written)
        log_warn("admin", "sessions of browsers could not be written to \"%s\" (%s): they will not outlive this process", f->path, strerror(errno));
    bool good = written || drop(f->path);
    buf_free(&plain);
    buf_free(&sealed);
    return good;
}

/* False: there is none that can be read; a longer one than is ever written breaks `out`, and is none of ours. */
static bool read_whole(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool good = file_read(fd, out) || out->broken;
    close(fd);
    return good;
}

size_t session_file_read(const struct session_file *f, struct session *list)
{
    struct buf sealed, plain;
    size_t count = 0;
    if (!f->path[0])
        return 0;
    buf_init(&sealed, 2 * SEALED_MOST); /* room for a last reading that finds the end */
    buf_init(&plain, SEALED_MOST);
    bool there = read_whole(f->path, &sealed);
    bool good = there && !sealed.broken && unseal(&plain, f->key, BOUND, buf_span(&sealed)) && plain.len % RECORD == 0 && plain.len / RECORD <= SESSIONS;
    for (; good && count < plain.len / RECORD; count++)
        list[count] = take(plain.at + count * RECORD);
    if (there && !good)
        log_warn("admin", "\"%s\" is not what this gate wrote under this master key: browsers log in again", f->path);
    buf_free(&sealed);
    buf_free(&plain);
    return count;
}
