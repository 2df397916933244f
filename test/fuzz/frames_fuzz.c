/* SPDX-License-Identifier: Apache-2.0
 * frames_fuzz.c - the three framings: where the bytes are cut must not matter. The first byte picks the framing.
 *
 * Checksums would keep nearly all inputs from what stands behind them, so the messages are also tried with theirs made right. */
#include <zlib.h>

#include "base/must.h"
#include "http/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct buf *b, struct span s)
{
    buf_put(b, s.at ? s : SPAN("\xff none"));
    buf_put_byte(b, '\1');
}

/* ASan says if the slack is not there. */
static void look_behind(struct span s)
{
    volatile const char *behind = s.at + s.len;
    for (size_t i = 0; i < BUF_SLACK; i++)
        (void)behind[i];
}

static void run(enum framing framing, struct span in, size_t step, struct buf *events)
{
    struct frames f;
    struct sse_event e;
    frames_init(&f, framing, 1 << 16);
    for (size_t at = 0; at < in.len && !f.broken; at += step) {
        struct span piece = span_first(span_from(in, at), step);
        while (frames_next(&f, &piece, &e)) {
            note(events, e.raw);
            note(events, e.name);
            note(events, e.data);
            if (framing != FRAMING_SSE)
                look_behind(e.data);
        }
        must(piece.len == 0 || f.broken);
    }
    buf_put(events, SPAN(" the end: "));
    buf_put(events, f.broken ? SPAN("broken") : frames_rest(&f) ? SPAN("rest") : SPAN("whole"));
    frames_free(&f);
}

static uint32_t number_at(const char *at) { return (uint32_t)(uint8_t)at[0] << 24 | (uint32_t)(uint8_t)at[1] << 16 | (uint32_t)(uint8_t)at[2] << 8 | (uint8_t)at[3]; }

static void put_crc(char *at, const char *from, size_t len)
{
    uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)from, len);
    for (int i = 0; i < 4; i++)
        at[i] = (char)(crc >> (24 - 8 * i));
}

static void mend(struct buf *b)
{
    for (size_t at = 0; b->len - at >= 16;) {
        uint32_t total = number_at(b->at + at);
        put_crc(b->at + at + 8, b->at + at, 8);
        if (total < 16 || total > b->len - at)
            return;
        put_crc(b->at + at + total - 4, b->at + at, total - 4);
        at += total;
    }
}

static void play(enum framing framing, struct span in)
{
    struct buf events[3];
    const size_t steps[3] = { in.len ? in.len : 1, 1, 5 };
    for (int i = 0; i < 3; i++) {
        buf_init(&events[i], 1 << 24);
        run(framing, in, steps[i], &events[i]);
        must(span_is(buf_span(&events[i]), buf_span(&events[0])));
    }
    for (int i = 0; i < 3; i++)
        buf_free(&events[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf in;
    if (size == 0)
        return 0;
    buf_init(&in, 1 << 22);
    buf_put(&in, span_make((const char *)data + 1, size - 1));
    enum framing framing = (enum framing)(data[0] % 3);
    play(framing, buf_span(&in));
    if (framing == FRAMING_AWS) {
        mend(&in);
        play(framing, buf_span(&in));
    }
    buf_free(&in);
    return 0;
}
