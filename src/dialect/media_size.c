/* SPDX-License-Identifier: Apache-2.0
 * media_size.c - see media_size.h. Sources: the RIFF WAVE format, ISO 11172-3 (frame header), ID3v2 (informal standard), ISO 32000 (pages). */
#include "dialect/media_size.h"

#include "base/arena.h"
#include "base/text.h"
#include "dialect/base64_look.h"

enum { USUAL_RATE = 16000 /* bytes a second */, USUAL_PAGE = 50000, SYNC_WITHIN = 4096, DOCUMENT_MOST = 48 << 20 };

static int64_t bytes_of(struct span base64) { return (int64_t)(base64.len / 4 * 3); }

/* Bytes a second of the first frame of layer III; 0: none was found. */
static int64_t mp3_rate(struct span base64, size_t from)
{
    static const int mpeg1[] = { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0 };
    static const int mpeg2[] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 };
    for (size_t at = from; at < from + SYNC_WITHIN; at++) {
        int second = base64_byte(base64, at + 1), third = base64_byte(base64, at + 2);
        if (third < 0)
            return 0;
        if (base64_byte(base64, at) == 0xff && (second & 0xe6) == 0xe2)
            return ((second & 0x18) == 0x18 ? mpeg1 : mpeg2)[third >> 4] * 125;
    }
    return 0;
}

/* The tag before the sound tells its length in seven bits a byte. */
static size_t mp3_start(struct span base64)
{
    size_t length = 0;
    if (!base64_says(base64, 0, "ID3"))
        return 0;
    for (size_t i = 6; i < 10; i++)
        length = length << 7 | (size_t)(base64_byte(base64, i) & 0x7f);
    return length + 10;
}

int64_t media_seconds(struct span base64)
{
    bool wave = base64_says(base64, 0, "RIFF") && base64_says(base64, 8, "WAVE");
    size_t start = wave ? 0 : mp3_start(base64);
    int64_t rate = wave ? base64_number(base64, 28, 4, false) : mp3_rate(base64, start);
    int64_t bytes = bytes_of(base64) - (int64_t)start;
    int64_t seconds = (bytes + USUAL_RATE - 1) / USUAL_RATE;
    if (rate > 0)
        seconds = (bytes + rate - 1) / rate;
    return seconds > 0 ? seconds : 1;
}

/* "/Type /Page", not "/Type /Pages". */
static int64_t pages_seen(struct span pdf)
{
    int64_t pages = 0;
    for (ptrdiff_t at; (at = span_find(pdf, SPAN("/Type"))) >= 0;) {
        pdf = span_from(pdf, (size_t)at + 5);
        while (pdf.len && (pdf.at[0] == ' ' || pdf.at[0] == '\n' || pdf.at[0] == '\r'))
            pdf = span_from(pdf, 1);
        pages += span_starts(pdf, SPAN("/Page")) && !span_starts(pdf, SPAN("/Pages"));
    }
    return pages;
}

int64_t media_pages(struct span base64)
{
    struct arena memory;
    arena_init(&memory, DOCUMENT_MOST);
    struct span pdf = text_base64_decode(base64, &memory);
    int64_t pages = pdf.at ? pages_seen(pdf) : 0;
    arena_free(&memory);
    return pages > 0 ? pages : bytes_of(base64) / USUAL_PAGE + 1;
}
