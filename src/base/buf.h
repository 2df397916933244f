/* SPDX-License-Identifier: Apache-2.0
 * buf.h - a growing run of bytes with a ceiling from birth. Failure sticks.
 *
 * Writers write without looking; buf_done (or .broken) is looked at once at the end. At least BUF_SLACK readable bytes
 * follow the content, so that a JSON reader may look past its end. */
#ifndef TG_BASE_BUF_H
#define TG_BASE_BUF_H

#include "base/err.h"
#include "base/must.h"
#include "base/span.h"

enum { BUF_SLACK = 64 };

struct buf {
    char *at;
    size_t len;
    size_t room; /* allocated, slack not counted */
    size_t ceiling;
    bool broken;
};

void buf_init(struct buf *b, size_t ceiling);
void buf_free(struct buf *b);
/* Empties it and mends it; keeps the memory. */
void buf_clear(struct buf *b);
void buf_put_u64(struct buf *b, uint64_t n);
void buf_put_i64(struct buf *b, int64_t n);
void buf_print(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
char *buf_grow(struct buf *b, size_t n); /* buf_reserve's slow way */
/* n bytes of room to fill in by hand (then add to len); NULL when broken. */
static inline char *buf_reserve(struct buf *b, size_t n)
{
    return b->at && !b->broken && n <= b->room - b->len ? b->at + b->len : buf_grow(b, n);
}
static inline void buf_put(struct buf *b, struct span s)
{
    char *at = s.len ? buf_reserve(b, s.len) : NULL;
    if (!at)
        return;
    memcpy(at, s.at, s.len);
    b->len += s.len;
}
static inline void buf_put_byte(struct buf *b, char c)
{
    char *at = buf_reserve(b, 1);
    if (!at)
        return;
    *at = c;
    b->len++;
}
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);
static inline struct span buf_span(const struct buf *b) { return span_make(b->at ? b->at : "", b->len); }
/* E_TOO_LARGE if anything did not fit. */
CHECKED enum err buf_done(const struct buf *b, struct span *out);

#endif
