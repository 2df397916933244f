/* SPDX-License-Identifier: Apache-2.0
 * body.c - framing of bodies, strictly by RFC 9112, 6 and 7.
 *
 * A state machine of ours and not llhttp's: that one, as packaged, skips the byte after a CR in chunk lines without
 * looking at it, and a body by length needs no parser at all. */
#include "http/body.h"

#include "base/text.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, TRAILER, TRAILER_LF, LAST_LF, BROKEN };

/* 15 hex digits fit an int64_t. */
enum { SIZE_DIGITS = 15 };

void body_init(struct body *b, enum body_kind kind, int64_t length)
{
    *b = (struct body){ .kind = kind, .left = kind == BODY_LENGTH ? length : 0 };
    b->over = kind == BODY_NONE || (kind == BODY_LENGTH && length == 0);
}

int64_t body_left(const struct body *b)
{
    return b->over ? 0 : b->left;
}

static uint8_t size_byte(struct body *b, unsigned char c)
{
    int digit = text_hex_value((char)c);
    if (digit >= 0 && b->digits < SIZE_DIGITS) {
        b->left = b->left * 16 + digit;
        b->digits++;
        return SIZE;
    }
    if (b->digits == 0 || (c != '\r' && c != ';'))
        return BROKEN;
    return c == '\r' ? SIZE_LF : EXTENSION;
}

/* Text of an extension or a trailer: no controls, and not without end. */
static uint8_t extra_byte(struct body *b, unsigned char c, uint8_t here, uint8_t at_cr)
{
    if (c == '\r')
        return at_cr;
    if ((c < ' ' && c != '\t') || c == 0x7f || ++b->extra > BODY_EXTRA)
        return BROKEN;
    return here;
}

static uint8_t line_byte(struct body *b, unsigned char c)
{
    if (c == '\r')
        return LAST_LF;
    return c == ' ' || c == '\t' ? BROKEN : extra_byte(b, c, TRAILER, LAST_LF);
}

static uint8_t after_size(struct body *b)
{
    b->digits = 0;
    return b->left > 0 ? DATA : LINE;
}

static uint8_t step(struct body *b, unsigned char c)
{
    switch (b->step) {
    case SIZE:
        return size_byte(b, c);
    case EXTENSION:
        return extra_byte(b, c, EXTENSION, SIZE_LF);
    case SIZE_LF:
        return c == '\n' ? after_size(b) : BROKEN;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        return c == '\n' ? SIZE : BROKEN;
    case LINE:
        return line_byte(b, c);
    case TRAILER:
        return extra_byte(b, c, TRAILER, TRAILER_LF);
    case TRAILER_LF:
        return c == '\n' ? LINE : BROKEN;
    case LAST_LF:
        b->over = c == '\n';
        return b->over ? SIZE : BROKEN;
    default:
        return BROKEN;
    }
}

/* Hands out what is there of the `left` bytes. */
static enum io payload(struct body *b, struct span *in, struct span *run)
{
    if (in->len == 0)
        return IO_WAIT;
    *run = span_first(*in, (uint64_t)b->left < in->len ? (size_t)b->left : in->len);
    *in = span_from(*in, run->len);
    b->left -= (int64_t)run->len;
    return IO_BYTES;
}

static enum io chunked(struct body *b, struct span *in, struct span *run)
{
    for (;;) {
        if (b->over)
            return IO_END;
        if (b->step == BROKEN)
            return IO_FAILED;
        if (in->len == 0)
            return IO_WAIT;
        if (b->step == DATA) {
            (void)payload(b, in, run);
            b->step = b->left > 0 ? DATA : DATA_CR;
            return IO_BYTES;
        }
        b->step = step(b, (unsigned char)in->at[0]);
        *in = span_from(*in, 1);
    }
}

static enum io until_close(struct span *in, struct span *run)
{
    if (in->len == 0)
        return IO_WAIT;
    *run = *in;
    *in = span_from(*in, in->len);
    return IO_BYTES;
}

enum io body_next(struct body *b, struct span *in, struct span *run)
{
    if (b->over)
        return IO_END;
    if (b->kind == BODY_CHUNKED)
        return chunked(b, in, run);
    if (b->kind == BODY_CLOSE)
        return until_close(in, run);
    enum io io = payload(b, in, run);
    b->over = b->left == 0;
    return io;
}

struct span body_chunk_head(size_t len, char to[CHUNK_HEAD])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = CHUNK_HEAD;
    to[--at] = '\n';
    to[--at] = '\r';
    do {
        to[--at] = digits[len & 15];
        len >>= 4;
    } while (len > 0);
    return span_make(to + at, CHUNK_HEAD - at);
}
