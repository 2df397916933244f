/* SPDX-License-Identifier: Apache-2.0
 * text.c - hex, base64, percent-encoding and UTF-8. Times stand in time.c. Broken input is refused, never repaired. */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";

void buf_put_hex(struct buf *b, struct span bytes)
{
    char *at = bytes.len > SIZE_MAX / 2 ? NULL : buf_reserve(b, bytes.len * 2);
    if (!at) {
        b->broken = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        at[i * 2] = hex_digits[byte >> 4];
        at[i * 2 + 1] = hex_digits[byte & 15];
    }
    b->len += bytes.len * 2;
}

bool text_hex_decode(struct span hex, uint8_t *out, size_t n)
{
    if (hex.len % 2 || hex.len / 2 != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = text_hex_value(hex.at[i * 2]), low = text_hex_value(hex.at[i * 2 + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void buf_put_base64(struct buf *b, struct span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (bytes.len) {
        uint32_t group = 0;
        size_t n = bytes.len < 3 ? bytes.len : 3;
        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < n ? (unsigned char)bytes.at[i] : 0);
        char four[4] = { digits[group >> 18], digits[group >> 12 & 63], n > 1 ? digits[group >> 6 & 63] : '=',
            n > 2 ? digits[group & 63] : '=' };
        buf_put(b, span_make(four, sizeof(four)));
        bytes = span_from(bytes, n);
    }
}

int text_base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Takes off the padding; false when there is some but not the right amount. */
static bool unpad(struct span *text)
{
    size_t whole = text->len;
    while (text->len && text->at[text->len - 1] == '=')
        text->len--;
    size_t pads = whole - text->len;
    return pads == 0 || (pads <= 2 && whole % 4 == 0);
}

struct span text_base64_decode(struct span text, struct arena *a)
{
    if (!text.at || !unpad(&text) || text.len % 4 == 1)
        return SPAN_NONE;
    char *out = arena_take(a, text.len / 4 * 3 + 3);
    if (!out)
        return SPAN_NONE;
    uint32_t bits = 0;
    size_t len = 0;
    int held = 0; /* bits not yet written out */
    for (size_t i = 0; i < text.len; i++) {
        int value = text_base64_value(text.at[i]);
        if (value < 0)
            return SPAN_NONE;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        out[len++] = (char)(bits >> held & 0xff);
    }
    /* Bits that no byte needs must be zero, or two texts would mean the same. */
    return bits & ((1u << held) - 1) ? SPAN_NONE : span_make(out, len);
}

/* The byte for the escape at s.at[0] == '%', or -1. */
static int escaped_byte(struct span s)
{
    if (s.len < 3)
        return -1;
    int high = text_hex_value(s.at[1]), low = text_hex_value(s.at[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

struct span text_lower_copy(struct span s, struct arena *a)
{
    struct span copy = arena_copy(a, s);
    char *at = (char *)(uintptr_t)copy.at; /* the copy is ours */
    for (size_t i = 0; i < copy.len; i++)
        at[i] = text_lower(at[i]);
    return copy;
}

struct span text_percent_decode(struct span s, bool form, struct arena *a)
{
    char *out = s.at ? arena_take(a, s.len + 1) : NULL;
    size_t len = 0;
    if (!out)
        return SPAN_NONE;
    for (size_t i = 0; i < s.len; i++) {
        int byte = (unsigned char)s.at[i];
        if (byte == '%') {
            byte = escaped_byte(span_from(s, i));
            if (byte < 0)
                return SPAN_NONE;
            i += 2;
        } else if (byte == '+' && form) {
            byte = ' ';
        }
        out[len++] = (char)byte;
    }
    return span_make(out, len);
}

static bool unreserved(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_put_percent(struct buf *b, struct span s, struct span keep)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.at[i];
        if (unreserved(s.at[i]) || span_find_byte(keep, s.at[i]) >= 0) {
            buf_put_byte(b, s.at[i]);
            continue;
        }
        char three[3] = { '%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15] };
        buf_put(b, span_make(three, sizeof(three)));
    }
}

/* What the byte after the first may be: narrower for E0 and F0 (overlong), ED (surrogates) and F4 (past U+10FFFF). */
static bool second_fits(unsigned char first, unsigned char second)
{
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

size_t text_utf8_first(struct span s)
{
    if (!s.len)
        return 0;
    unsigned char first = (unsigned char)*s.at;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (s.len < len || !second_fits(first, (unsigned char)s.at[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (((unsigned char)s.at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool text_is_utf8(struct span s)
{
    while (s.len) {
        uint64_t word;
        size_t len = 0;
        if (s.len >= sizeof(word)) {
            memcpy(&word, s.at, sizeof(word));
            len = word & UINT64_C(0x8080808080808080) ? 0 : sizeof(word);
        }
        if (!len)
            len = text_utf8_first(s);
        if (!len)
            return false;
        s = span_from(s, len);
    }
    return true;
}

bool text_is_printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < 0x21 || s.at[i] > 0x7e)
            return false;
    return true;
}
