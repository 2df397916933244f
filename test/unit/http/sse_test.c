/* SPDX-License-Identifier: Apache-2.0
 * sse_test.c - event streams, at every split; the raw spans add up to the stream. */
#include "http/sse.h"

#include "test/test.h"

static void note(struct buf *b, struct span name, struct span data)
{
    buf_put_byte(b, '[');
    buf_put(b, name.at ? name : SPAN("-"));
    buf_put_byte(b, '|');
    buf_put(b, data.at ? data : SPAN("-"));
    buf_put_byte(b, ']');
}

static void expect(struct span in, struct span want, struct span rest)
{
    for (size_t step = 1; step <= in.len; step++) {
        struct sse s;
        struct buf seen, raw;
        sse_init(&s, 100000);
        buf_init(&seen, 100000);
        buf_init(&raw, 100000);
        for (size_t at = 0; at < in.len; at += step) {
            struct span piece = span_first(span_from(in, at), step);
            struct sse_event e;
            while (sse_next(&s, &piece, &e)) {
                note(&seen, e.name, e.data);
                buf_put(&raw, e.raw);
            }
            CHECK_INT(piece.len, 0);
        }
        buf_put(&raw, sse_rest(&s));
        CHECK_SPAN(buf_span(&seen), want);
        CHECK_SPAN(buf_span(&raw), in);
        CHECK_SPAN(sse_rest(&s), rest);
        buf_free(&raw);
        buf_free(&seen);
        sse_free(&s);
    }
}

TEST(events_at_every_split)
{
    expect(SPAN("data: a\n\ndata: b\n\n"), SPAN("[-|a][-|b]"), SPAN(""));
    expect(SPAN("data: a\r\n\r\ndata: b\r\n\r\n"), SPAN("[-|a][-|b]"), SPAN(""));
    expect(SPAN("data: a\r\rdata: b\r\r:"), SPAN("[-|a][-|b]"), SPAN(":"));
    expect(SPAN("data: a\r\rdata: b\r\r"), SPAN("[-|a]"), SPAN("data: b\r\r"));
    expect(SPAN("event: x\ndata:a\ndata: b\ndata\n\n"), SPAN("[x|a\nb\n]"), SPAN(""));
    expect(SPAN("\xEF\xBB\xBF"
                "event: first\r\ndata: {\"a\":1}\r\n\r\n: ping\n\nid: 7\nretry: 1\n\n"),
        SPAN("[first|{\"a\":1}][-|-][-|-]"), SPAN(""));
    expect(SPAN("\n\ndata: a\n\n"), SPAN("[-|-][-|-][-|a]"), SPAN(""));
    expect(SPAN("data:  two blanks\ndatax: y\n\n"), SPAN("[-| two blanks]"), SPAN(""));
    expect(SPAN("data: a\n\r\ndata: b\r\n\ndata: c\n\r:"), SPAN("[-|a][-|b][-|c]"), SPAN(":"));
    expect(SPAN("data: half"), SPAN(""), SPAN("data: half"));
    expect(SPAN("event\ndata:\n\n"), SPAN("[|]"), SPAN(""));
}

TEST(ceiling_of_an_event)
{
    struct sse s;
    struct sse_event e;
    struct span in = SPAN("data: 0123456789\n\n");
    sse_init(&s, 10);
    CHECK(!sse_next(&s, &in, &e));
    CHECK(s.partial.broken);
    sse_free(&s);
    sse_init(&s, 10);
    for (int i = 0; i < 4; i++) {
        in = SPAN("data");
        CHECK(!sse_next(&s, &in, &e));
    }
    CHECK(s.partial.broken);
    sse_free(&s);
}

TEST(small_event_before_a_large_run)
{
    struct sse s;
    struct sse_event e;
    struct buf big;
    sse_init(&s, 64);
    buf_init(&big, 1 << 20);
    buf_put(&big, SPAN("lo\n\n"));
    for (int i = 0; i < 10000; i++)
        buf_put(&big, SPAN("data: x\n\n"));
    struct span in = SPAN("data: hel");
    CHECK(!sse_next(&s, &in, &e));
    in = buf_span(&big);
    s.partial.ceiling = 8192; /* a stride of the large run is looked at, not all of it */
    CHECK(sse_next(&s, &in, &e));
    CHECK_SPAN(e.data, SPAN("hello"));
    int n = 0;
    while (sse_next(&s, &in, &e))
        n++;
    CHECK_INT(n, 10000);
    buf_free(&big);
    sse_free(&s);
}
