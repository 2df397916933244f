/* SPDX-License-Identifier: Apache-2.0
 * buf.c - the growing buffer. It doubles, never beyond its ceiling; what does not fit breaks it, and what it held before
 * stays readable. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256 };

void buf_init(struct buf *b, size_t ceiling) { *b = (struct buf){ .ceiling = ceiling }; }

void buf_free(struct buf *b)
{
    free(b->at);
    buf_init(b, b->ceiling);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->broken = false;
}

static bool enlarge(struct buf *b, size_t need)
{
    size_t room = b->room < FIRST_ROOM / 2 ? FIRST_ROOM : b->room * 2;
    if (room < need)
        room = need;
    if (room > b->ceiling)
        room = b->ceiling;
    if (room > SIZE_MAX - BUF_SLACK)
        return false;
    char *at = realloc(b->at, room + BUF_SLACK);
    if (!at)
        return false;
    memset(at + room, 0, BUF_SLACK);
    b->at = at;
    b->room = room;
    return true;
}

char *buf_grow(struct buf *b, size_t n)
{
    if (b->broken)
        return NULL;
    if (n > b->ceiling || b->len > b->ceiling - n) {
        b->broken = true;
        return NULL;
    }
    if ((n > b->room - b->len || !b->at) && !enlarge(b, b->len + n)) {
        b->broken = true;
        return NULL;
    }
    return b->at + b->len;
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_put(b, span_make(digits + at, sizeof(digits) - at));
}

void buf_put_i64(struct buf *b, int64_t n)
{
    if (n < 0)
        buf_put_byte(b, '-');
    buf_put_u64(b, n < 0 ? UINT64_C(0) - (uint64_t)n : (uint64_t)n);
}

void buf_print(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf's closing NUL goes into the slack. */
    char *at = len < 0 ? NULL : buf_reserve(b, (size_t)len);
    if (at) {
        vsnprintf(at, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    if (len < 0)
        b->broken = true;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (n == 0)
        return;
    memmove(b->at, b->at + n, b->len - n);
    b->len -= n;
}

enum err buf_done(const struct buf *b, struct span *out)
{
    if (b->broken)
        return E_TOO_LARGE;
    *out = buf_span(b);
    return E_OK;
}
