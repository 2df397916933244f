/* SPDX-License-Identifier: Apache-2.0
 * sms.c - how many parts a text message is billed as.
 *
 * GSM-7: 160 septets alone, 153 in each of several; extension characters take two and never straddle. Anything else makes
 * the whole text UCS-2: 70 UTF-16 units alone, 67 in each of several; what a reader takes for one character (grapheme.c) never
 * straddles. Source: 3GPP TS 23.038 section 6.2.1, and Twilio's own calculator, which the tests compare with. It differs in one
 * thing: a "character" longer than a part is cut here, and counted; there it is one part however long. */
#include "base/text.h"
#include "vendor/sms.h"

enum { GSM_ALONE = 160, GSM_PART = 153, UCS2_ALONE = 70, UCS2_PART = 67 };

/* The basic table outside ASCII. */
static bool gsm_basic_beyond_ascii(uint32_t c)
{
    static const uint16_t table[] = { 0xa1, 0xa3, 0xa4, 0xa5, 0xa7, 0xbf, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xd1, 0xd6, 0xd8, 0xdc,
        0xdf, 0xe0, 0xe4, 0xe5, 0xe6, 0xe8, 0xe9, 0xec, 0xf1, 0xf2, 0xf6, 0xf8, 0xf9, 0xfc, 0x393, 0x394, 0x398, 0x39b, 0x39e,
        0x3a0, 0x3a3, 0x3a6, 0x3a8, 0x3a9 };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i] == c)
            return true;
    return false;
}

/* Septets of a character: 1, 2 (extension table) or 0 (not in GSM-7). */
static int septets(uint32_t c)
{
    if (c == 0x20ac || c == '\f' || (c < 0x80 && c && strchr("^{}\\[~]|", (int)c)))
        return 2;
    if (c == '\n' || c == '\r')
        return 1;
    if (c < 0x80)
        return c >= 0x20 && c != '`' && c != 0x7f;
    return gsm_basic_beyond_ascii(c);
}

/* A text, character by character, as it goes out. */
struct reader {
    struct span rest;
    struct span written; /* what is left of a look-alike's replacement */
    bool smart;
};

/* Takes one character off the front; the text is valid UTF-8 or the byte stands for itself. */
static uint32_t take_character(struct span *rest)
{
    size_t len = text_utf8_first(*rest);
    const unsigned char *at = (const unsigned char *)rest->at;
    uint32_t c = at[0];
    if (len == 2)
        c = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
    if (len == 3)
        c = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
    if (len == 4)
        c = (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
    *rest = span_from(*rest, len ? len : 1);
    return c;
}

static bool next_character(struct reader *r, uint32_t *c)
{
    while (!r->written.len && r->rest.len) {
        *c = take_character(&r->rest);
        r->written = r->smart ? look_alike(*c) : SPAN_NONE;
        if (!r->written.at)
            return true;
    }
    if (!r->written.len)
        return false;
    *c = (unsigned char)r->written.at[0];
    r->written = span_from(r->written, 1);
    return true;
}

static bool fits_gsm(struct span utf8, bool smart)
{
    struct reader r = { utf8, SPAN_NONE, smart };
    uint32_t c;
    while (next_character(&r, &c))
        if (!septets(c))
            return false;
    return true;
}

/* Parts being filled, one after the other. */
struct filling {
    int64_t total, parts, used, part;
};

/* What belongs together goes into the next part where this one has no room; what no part has room for is cut. */
static void put(struct filling *f, int64_t width)
{
    f->total += width;
    if (f->used + width > f->part && width <= f->part) {
        f->parts++;
        f->used = 0;
    }
    f->used += width;
    for (; f->used > f->part; f->used -= f->part)
        f->parts++;
}

static void fill_gsm(struct reader *r, struct filling *f)
{
    for (uint32_t c; next_character(r, &c);)
        put(f, septets(c));
}

static void fill_ucs2(struct reader *r, struct filling *f)
{
    struct grapheme g = { 0 };
    int64_t width = 0;
    for (uint32_t c; next_character(r, &c); width += c > 0xffff ? 2 : 1) {
        if (grapheme_goes_on(&g, c))
            continue;
        put(f, width);
        width = 0;
    }
    put(f, width);
}

int64_t sms_segments(struct span utf8, enum sms_way way)
{
    struct reader r = { utf8, SPAN_NONE, way == SMS_SMART };
    bool gsm = way != SMS_UCS2 && fits_gsm(utf8, r.smart);
    struct filling f = { .parts = 1, .part = gsm ? GSM_PART : UCS2_PART };
    if (utf8.len == 0)
        return 0;
    if (gsm)
        fill_gsm(&r, &f);
    else
        fill_ucs2(&r, &f);
    return f.total <= (gsm ? GSM_ALONE : UCS2_ALONE) ? 1 : f.parts;
}
