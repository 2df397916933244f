/* SPDX-License-Identifier: Apache-2.0
 * archive.c - see archive.h. POSIX ustar: a head of 512 bytes, the content, zeros up to the next 512; two heads of zeros end it. */
#include "bill/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/digest.h"
#include "base/text.h"

enum { BLOCK = 512, GZIP_WINDOW = 15 + 16, PIECE = 64 << 10, MANIFEST_MOST = 1 << 20 };
#define MANIFEST "MANIFEST.sha256"

struct archive {
    struct buf *out, manifest;
    const char *folder;
    int64_t seconds;
    z_stream z;
};

struct archive *archive_new(struct buf *out, const char *folder, int64_t at_ms)
{
    struct archive *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->out = out;
    a->folder = folder;
    a->seconds = at_ms / 1000;
    if (deflateInit2(&a->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(a);
        return NULL;
    }
    buf_init(&a->manifest, MANIFEST_MOST);
    return a;
}

static void squeeze(struct archive *a, struct span bytes, int flush)
{
    a->z.next_in = (Bytef *)(uintptr_t)bytes.at;
    a->z.avail_in = (uInt)bytes.len;
    do {
        char *room = buf_reserve(a->out, PIECE);
        if (!room)
            return;
        a->z.next_out = (Bytef *)room;
        a->z.avail_out = PIECE;
        must(deflate(&a->z, flush) != Z_STREAM_ERROR);
        a->out->len += PIECE - a->z.avail_out;
    } while (a->z.avail_out == 0);
}

/* One piece at a time: zlib counts in 32 bits. */
static void put(struct archive *a, struct span bytes)
{
    while (bytes.len && !a->out->broken) {
        squeeze(a, span_first(bytes, 1 << 30), Z_NO_FLUSH);
        bytes = span_from(bytes, 1 << 30);
    }
}

static void put_zeros(struct archive *a, size_t n)
{
    static const char zeros[2 * BLOCK];
    put(a, span_make(zeros, n));
}

/* The sum of the head's bytes, its own field taken as blanks. */
static void sign_head(char head[BLOCK])
{
    unsigned sum = 0;
    memset(head + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum & 0777777);
}

static void put_head(struct archive *a, const char *name, size_t size)
{
    char head[BLOCK] = { 0 };
    int len = snprintf(head, ARCHIVE_NAME, "%s/%s", a->folder, name);
    must(len > 0 && len < ARCHIVE_NAME);
    snprintf(head + 100, 8, "%07o", 0644u);
    snprintf(head + 108, 8, "%07o", 0u);
    snprintf(head + 116, 8, "%07o", 0u);
    snprintf(head + 124, 12, "%011llo", (unsigned long long)size & 077777777777ull);
    snprintf(head + 136, 12, "%011llo", (unsigned long long)a->seconds & 077777777777ull);
    head[156] = '0';
    memcpy(head + 257, "ustar", 6);
    memcpy(head + 263, "00", 2);
    sign_head(head);
    put(a, span_make(head, BLOCK));
}

static void put_whole(struct archive *a, const char *name, struct span content)
{
    put_head(a, name, content.len);
    put(a, content);
    if (content.len % BLOCK)
        put_zeros(a, BLOCK - content.len % BLOCK);
}

void archive_file(struct archive *a, const char *name, struct span content)
{
    struct digest d = digest_sha256(content);
    buf_put_hex(&a->manifest, span_make((const char *)d.bytes, DIGEST_LEN));
    buf_print(&a->manifest, "  %s\n", name);
    put_whole(a, name, content);
}

bool archive_end(struct archive *a)
{
    bool listed = !a->manifest.broken;
    put_whole(a, MANIFEST, buf_span(&a->manifest));
    put_zeros(a, 2 * BLOCK);
    if (!a->out->broken)
        squeeze(a, SPAN(""), Z_FINISH);
    (void)deflateEnd(&a->z);
    buf_free(&a->manifest);
    a->out->broken = a->out->broken || !listed;
    bool fine = !a->out->broken;
    free(a);
    return fine;
}
