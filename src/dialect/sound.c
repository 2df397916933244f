/* SPDX-License-Identifier: Apache-2.0
 * sound.c - how long a sound can last, from its bytes.
 *
 * The fewest bytes of a second that a format has in use bound the seconds: MPEG layer III has no frame below 8 kbit/s, speech in Opus
 * is not coded below 6. Lossless formats can say silence in almost nothing, so what is not told apart counts as the least. */
#include "dialect/pieces.h"

enum {
    LEAST_ANY = 250,   /* bytes of a second */
    LEAST_MPEG = 1000, /* layer III */
    LEAST_OPUS = 750,  /* in Ogg, WebM or MP4, as AAC is */
    LEAST_WAV = 1000,
    SPOKEN_RATE = 48000, /* of answers in pcm and wav: 24 kHz, 16 bits, one channel */
    SPOKEN_MPEG = 4000,
    WAV_PCM = 1,
    WAV_FLOAT = 3,
    WAV_HEAD = 12,
};

static uint32_t little(const char *at, int bytes)
{
    uint32_t n = 0;
    while (bytes-- > 0)
        n = n << 8 | (unsigned char)at[bytes];
    return n;
}

/* Bytes of a second as the format chunk tells and proves; 0: it does not. */
static int64_t wav_rate(struct span file)
{
    struct span rest = span_from(file, WAV_HEAD);
    while (rest.len >= 8 && !span_starts(rest, SPAN("fmt "))) {
        size_t size = little(rest.at + 4, 4);
        if (span_starts(rest, SPAN("data")) || size > rest.len)
            return 0;
        rest = span_from(rest, 8 + size + (size & 1));
    }
    if (rest.len < 24)
        return 0;
    uint32_t kind = little(rest.at + 8, 2), channels = little(rest.at + 10, 2), bits = little(rest.at + 22, 2);
    int64_t rate = little(rest.at + 12, 4), told = little(rest.at + 16, 4);
    bool plain = kind == WAV_PCM || kind == WAV_FLOAT;
    return plain && told > 0 && told == rate * channels * bits / 8 ? told : 0;
}

static int64_t up(int64_t bytes, int64_t rate) { return bytes / rate + (bytes % rate > 0); }

int64_t sound_seconds_most(struct span file, bool *exact)
{
    int64_t bytes = (int64_t)file.len, rate = LEAST_ANY;
    *exact = false;
    if (span_starts(file, SPAN("RIFF")) && span_starts(span_from(file, 8), SPAN("WAVE"))) {
        int64_t told = wav_rate(file);
        *exact = told > 0;
        rate = told > 0 ? told : LEAST_WAV;
    } else if (span_starts(file, SPAN("ID3")) || (file.len > 1 && file.at[0] == '\xff' && ((unsigned char)file.at[1] & 0xe0) == 0xe0)) {
        rate = LEAST_MPEG;
    } else if (span_starts(file, SPAN("OggS")) || span_starts(file, SPAN("\x1a\x45\xdf\xa3")) || span_starts(span_from(file, 4), SPAN("ftyp"))) {
        rate = LEAST_OPUS;
    }
    return up(bytes, rate);
}

int64_t sound_seconds_of(int64_t bytes, struct span format)
{
    if (span_is(format, SPAN("pcm")) || span_is(format, SPAN("wav")))
        return up(bytes, SPOKEN_RATE);
    if (!format.len || span_is(format, SPAN("mp3")))
        return up(bytes, SPOKEN_MPEG);
    return up(bytes, span_is(format, SPAN("flac")) ? LEAST_ANY : LEAST_OPUS);
}
