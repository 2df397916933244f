/* SPDX-License-Identifier: Apache-2.0
 * body.h - where a message's body ends: by length, by chunks, or with the connection; private to http/.
 *
 * Pull-style: it takes framing off the front of the unread bytes and hands out runs of payload without copying. Chunk
 * extensions and trailers are dropped, and bounded (BODY_EXTRA). */
#ifndef TG_HTTP_BODY_H
#define TG_HTTP_BODY_H

#include "http/head.h"

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_CLOSE };

enum { BODY_EXTRA = 16 * 1024 }; /* bytes of extensions and trailers of one body */

struct body {
    enum body_kind kind;
    int64_t left;   /* of the length, or of this chunk */
    uint8_t step;   /* inside chunked framing */
    uint8_t digits; /* of this chunk's size */
    uint16_t extra;
    bool over;
};

void body_init(struct body *b, enum body_kind kind, int64_t length);
/* IO_BYTES: *run is payload, cut off *in; IO_WAIT: *in is used up; IO_END; IO_FAILED: broken chunks, for good. */
enum io body_next(struct body *b, struct span *in, struct span *run);
/* Bytes of payload that surely follow: for deciding whether to skip them. */
int64_t body_left(const struct body *b);

/* The other direction. "1f4\r\n"; CHUNK_HEAD bytes at `to`. */
enum { CHUNK_HEAD = 20 };
struct span body_chunk_head(size_t len, char to[CHUNK_HEAD]);

#endif
