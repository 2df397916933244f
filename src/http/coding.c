/* SPDX-License-Identifier: Apache-2.0
 * coding.c - see coding.h. */
#include "http/coding.h"

#include <stdlib.h>
#include <zlib.h>

enum { ANY_HEAD = 15 + 32 /* gzip or zlib, whichever it is */, STEP = 16 << 10 };

struct coding {
    z_stream z;
    bool inside; /* something was begun and is not at its end */
};

struct coding *coding_new(struct span name)
{
    bool known = span_is_nocase(name, SPAN("gzip")) || span_is_nocase(name, SPAN("x-gzip")) || span_is_nocase(name, SPAN("deflate"));
    struct coding *c = known ? calloc(1, sizeof(*c)) : NULL;
    if (c && inflateInit2(&c->z, ANY_HEAD) != Z_OK) {
        free(c);
        return NULL;
    }
    return c;
}

void coding_free(struct coding *c)
{
    if (!c)
        return;
    (void)inflateEnd(&c->z);
    free(c);
}

bool coding_ended(const struct coding *c) { return !c->inside; }

/* One step of inflate: into room that is there. */
static int step(struct coding *c, struct buf *out)
{
    char *room = buf_reserve(out, STEP);
    if (!room)
        return Z_MEM_ERROR;
    c->z.next_out = (Bytef *)room;
    c->z.avail_out = STEP;
    int got = inflate(&c->z, Z_NO_FLUSH);
    out->len += STEP - c->z.avail_out;
    return got;
}

enum err coding_read(struct coding *c, struct span bytes, struct buf *out)
{
    c->z.next_in = (Bytef *)(uintptr_t)bytes.at;
    c->z.avail_in = (uInt)bytes.len;
    must(bytes.len <= UINT32_MAX);
    while (c->z.avail_in || c->z.avail_out == 0) {
        uInt before = c->z.avail_in;
        int got = step(c, out);
        if (out->broken)
            return E_TOO_LARGE;
        if (got == Z_BUF_ERROR && !before) /* all was told already */
            break;
        if (got != Z_OK && got != Z_STREAM_END)
            return E_UPSTREAM_BROKEN;
        c->inside = got != Z_STREAM_END;
        if (got == Z_STREAM_END && inflateReset(&c->z) != Z_OK) /* another one may follow */
            return E_UPSTREAM_BROKEN;
        if (got == Z_STREAM_END && !c->z.avail_in)
            break;
    }
    return E_OK;
}
