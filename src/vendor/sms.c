/* SPDX-License-Identifier: Apache-2.0
 * sms.c - how many parts a text message is billed as.
 *
 * GSM-7: 160 septets alone, 153 in each of several; extension characters take two and never straddle. Anything else makes
 * the whole text UCS-2: 70 UTF-16 units alone, 67 in each of several; a surrogate pair never straddles. Source: 3GPP TS
 * 23.038 section 6.2.1. */
#include "base/text.h"
#include "vendor/manifest.h"

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

/* What "smart encoding" surely replaces: quotes, dashes and the hard blank. Others stay, which estimates upward. 0: nothing. */
static uint32_t look_alike(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } table[] = { { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201a, '\'' }, { 0x201b, '\'' }, { 0x201c, '"' }, { 0x201d, '"' },
        { 0x201e, '"' }, { 0x201f, '"' }, { 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' }, { 0x2014, '-' },
        { 0x2015, '-' }, { 0xa0, ' ' } };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].from == c)
            return table[i].to;
    return 0;
}

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

static uint32_t next_character(struct span *rest, bool smart)
{
    uint32_t c = take_character(rest), plain = smart ? look_alike(c) : 0;
    return plain ? plain : c;
}

static int width_of(uint32_t c, bool gsm)
{
    if (gsm)
        return septets(c);
    return c > 0xffff ? 2 : 1;
}

int64_t sms_segments(struct span utf8, bool smart)
{
    bool gsm = true;
    int64_t total = 0, parts = 1;
    for (struct span rest = utf8; gsm && rest.len;)
        gsm = septets(next_character(&rest, smart)) > 0;
    int part = gsm ? GSM_PART : UCS2_PART, used = 0;
    for (struct span rest = utf8; rest.len;) {
        int width = width_of(next_character(&rest, smart), gsm);
        total += width;
        if (used + width > part) {
            parts++;
            used = 0;
        }
        used += width;
    }
    if (utf8.len == 0)
        return 0;
    return total <= (gsm ? GSM_ALONE : UCS2_ALONE) ? 1 : parts;
}
