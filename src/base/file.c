/* SPDX-License-Identifier: Apache-2.0
 * file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE = 4096 }; /* at least; as the buffer grows, so do the pieces */

bool file_read(int fd, struct buf *out)
{
    for (;;) {
        char *at = buf_reserve(out, PIECE);
        ssize_t got = at ? read(fd, at, out->room - out->len) : -1;
        if (got > 0)
            out->len += (size_t)got;
        else if (got == 0 || !at || errno != EINTR)
            return got == 0;
    }
}

bool file_write(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t put = write(fd, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = span_from(bytes, (size_t)put);
    }
    return true;
}

bool file_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}
