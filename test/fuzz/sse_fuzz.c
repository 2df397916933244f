/* SPDX-License-Identifier: Apache-2.0
 * sse_fuzz.c - event streams: where the bytes are cut must not matter, and the raw spans add up to the stream. */
#include "base/must.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct buf *b, struct span s)
{
    buf_put(b, s.at ? s : SPAN("\xff none"));
    buf_put_byte(b, '\1');
}

static void run(struct span in, size_t step, struct buf *raw, struct buf *events)
{
    struct sse s;
    struct sse_event e;
    sse_init(&s, 1 << 20);
    for (size_t at = 0; at < in.len; at += step) {
        struct span piece = span_first(span_from(in, at), step);
        while (sse_next(&s, &piece, &e)) {
            buf_put(raw, e.raw);
            note(events, e.name);
            note(events, e.data);
        }
        must(piece.len == 0);
    }
    buf_put(raw, sse_rest(&s));
    sse_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make((const char *)data, size);
    struct buf raw[3], events[3];
    const size_t steps[3] = { size ? size : 1, 1, 5 };
    for (int i = 0; i < 3; i++) {
        buf_init(&raw[i], 1 << 22);
        buf_init(&events[i], 1 << 24);
        run(in, steps[i], &raw[i], &events[i]);
        must(span_is(buf_span(&raw[i]), in));
        must(span_is(buf_span(&events[i]), buf_span(&events[0])));
    }
    for (int i = 0; i < 3; i++) {
        buf_free(&raw[i]);
        buf_free(&events[i]);
    }
    return 0;
}
