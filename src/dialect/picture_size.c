/* SPDX-License-Identifier: Apache-2.0
 * picture_size.c - see picture.h. Sources: the PNG, GIF89a and JPEG (T.81) specifications, the WebP container specification. */
#include "dialect/picture.h"

#include "dialect/base64_look.h"

enum { SEGMENTS_MOST = 4096 };

static bool read_webp(struct span text, struct picture *out)
{
    if (base64_says(text, 12, "VP8X")) {
        *out = (struct picture){ base64_number(text, 24, 3, false) + 1, base64_number(text, 27, 3, false) + 1 };
    } else if (base64_says(text, 12, "VP8L") && base64_byte(text, 20) == 0x2f) {
        int64_t bits = base64_number(text, 21, 4, false);
        *out = (struct picture){ (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1 };
    } else if (base64_says(text, 12, "VP8 ")) {
        *out = (struct picture){ base64_number(text, 26, 2, false) & 0x3fff, base64_number(text, 28, 2, false) & 0x3fff };
    }
    return out->width > 0;
}

/* The size stands in the frame's header, behind segments of any number and length. */
static bool read_jpeg(struct span text, struct picture *out)
{
    size_t at = 2;
    for (int i = 0; i < SEGMENTS_MOST; i++) {
        int mark = base64_byte(text, at + 1);
        if (base64_byte(text, at) != 0xff || mark < 0)
            return false;
        if (mark == 0xff) { /* filling */
            at++;
            continue;
        }
        if (mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc) {
            *out = (struct picture){ base64_number(text, at + 7, 2, true), base64_number(text, at + 5, 2, true) };
            return true;
        }
        int64_t length = base64_number(text, at + 2, 2, true);
        if (length < 2)
            return false;
        at += 2 + (size_t)length;
    }
    return false;
}

bool picture_size(struct span text, struct picture *out)
{
    *out = (struct picture){ 0, 0 };
    if (span_find_byte(text, '\\') >= 0)
        return false;
    if (base64_says(text, 1, "PNG\r\n\x1a\n") && base64_says(text, 12, "IHDR"))
        *out = (struct picture){ base64_number(text, 16, 4, true), base64_number(text, 20, 4, true) };
    else if (base64_says(text, 0, "GIF8"))
        *out = (struct picture){ base64_number(text, 6, 2, false), base64_number(text, 8, 2, false) };
    else if (base64_says(text, 0, "RIFF") && base64_says(text, 8, "WEBP"))
        (void)read_webp(text, out);
    else if (base64_byte(text, 0) == 0xff && base64_byte(text, 1) == 0xd8)
        (void)read_jpeg(text, out);
    return out->width > 0 && out->height > 0;
}

bool picture_size_in(struct span raw, struct picture *out)
{
    struct span text = raw.len > 2 && raw.at[0] == '"' ? span_make(raw.at + 1, raw.len - 2) : raw;
    ptrdiff_t comma = span_starts(text, SPAN("data:")) ? span_find_byte(text, ',') : -1;
    return picture_size(span_from(text, (size_t)(comma + 1)), out);
}
