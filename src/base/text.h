/* SPDX-License-Identifier: Apache-2.0
 * text.h - encodings of text: hex, base64, base32, percent, UTF-8; and times as text. All pure. */
#ifndef TG_BASE_TEXT_H
#define TG_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* A digit's value, of either case: 0..15, or -1. */
static inline int text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
int text_base64_value(char c); /* the same of either alphabet: 0..63, or -1 */

void buf_put_hex(struct buf *b, struct span bytes); /* lower case */
void buf_put_base64(struct buf *b, struct span bytes);
/* SPAN_NONE: not base64 (either alphabet is taken, padding optional). */
struct span text_base64_decode(struct span text, struct arena *a);
bool text_hex_decode(struct span hex, uint8_t *out, size_t n); /* exactly n bytes */

static inline char text_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; } /* of ASCII; any other byte as it is */
struct span text_lower_copy(struct span s, struct arena *a);

/* Percent-decoding of one component; '+' means a blank only when `form`. SPAN_NONE: a broken escape. */
struct span text_percent_decode(struct span s, bool form, struct arena *a);
/* Escapes everything but unreserved characters and those in `keep`. */
void buf_put_percent(struct buf *b, struct span s, struct span keep);

/* Length of the well-formed UTF-8 sequence at the start of s; 0 when there is none. */
size_t text_utf8_first(struct span s);
bool text_is_utf8(struct span s);      /* strict: no overlong, no surrogates */
bool text_is_printable(struct span s); /* 0x21..0x7e only */

/* RFC 3339, UTC, milliseconds ("2026-11-21T12:00:00.000Z"); TIME_TEXT bytes. */
enum { TIME_TEXT = 32 };
struct span text_time(int64_t unix_ms, char out[TIME_TEXT]);
/* The same in seconds and without marks: "20261121T120000Z". */
struct span text_stamp(int64_t unix_ms, char out[TIME_TEXT]);
/* Any RFC 3339 offset, or a plain date (midnight UTC). */
bool text_time_parse(struct span s, int64_t *unix_ms);
/* "250ms", "30s", "5m", "24h", "7d" to milliseconds. */
bool text_duration_parse(struct span s, int64_t *ms);
/* "64KiB", "10MiB", "1GiB", "4096". */
bool text_size_parse(struct span s, int64_t *bytes);

#endif
