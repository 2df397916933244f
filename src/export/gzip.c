/* SPDX-License-Identifier: Apache-2.0
 * gzip.c - compressing a text, or a file into another. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "export/inside.h"

enum { LEVEL = 6, GZIP = 15 + 16 /* the largest window, in gzip's wrapping */, MEMORY = 8, PIECE = 64 << 10 };

bool gzip_text(struct span in, struct buf *out)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.at, .avail_in = (uInt)in.len };
    if (in.len > UINT32_MAX / 2 || deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t most = deflateBound(&z, in.len);
    char *at = buf_reserve(out, most);
    z.next_out = (Bytef *)at;
    z.avail_out = (uInt)most;
    bool good = at && deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->len += good ? z.total_out : 0;
    deflateEnd(&z);
    return good;
}

/* The descriptor `to` stays the caller's. */
enum err gzip_file(int from, int to)
{
    char piece[PIECE];
    ssize_t got;
    int copy = dup(to);
    gzFile z = copy < 0 ? NULL : gzdopen(copy, "wb6");
    bool good = z != NULL;
    if (!z && copy >= 0)
        close(copy);
    while (good && (got = read(from, piece, sizeof(piece))) != 0)
        good = got > 0 ? gzwrite(z, piece, (unsigned)got) == got : errno == EINTR;
    good = z && gzclose(z) == Z_OK && good;
    return good ? E_OK : E_IO;
}
