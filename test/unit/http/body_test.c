/* SPDX-License-Identifier: Apache-2.0
 * body_test.c - framing of bodies, at every split. */
#include "http/body.h"

#include "test/test.h"

/* Feeds `in` in pieces of `step`; gathers the payload; *left is what was not taken. */
static enum io feed(struct body *b, struct span in, size_t step, struct buf *out, size_t *left)
{
    enum io io = IO_WAIT;
    *left = in.len;
    while (in.len > 0 && (io == IO_WAIT || io == IO_BYTES)) {
        struct span piece = span_first(in, step), rest = piece, run;
        while ((io = body_next(b, &rest, &run)) == IO_BYTES)
            buf_put(out, run);
        in = span_from(in, piece.len - rest.len);
        *left = in.len;
    }
    return io;
}

static void expect(enum body_kind kind, int64_t length, struct span in, enum io want, struct span payload, size_t left_over)
{
    for (size_t step = 1; step <= in.len; step++) {
        struct body b;
        struct buf out;
        size_t left;
        buf_init(&out, 1 << 20);
        body_init(&b, kind, length);
        enum io io = feed(&b, in, step, &out, &left);
        if (io != want || (io != IO_FAILED && (!span_is(buf_span(&out), payload) || left != left_over)))
            test_fail(__FILE__, __LINE__, "step %zu: io %d, payload \"%.*s\", left %zu: %.*s", step, (int)io,
                SPAN_ARG(buf_span(&out)), left, SPAN_ARG(in));
        buf_free(&out);
    }
}

TEST(by_length)
{
    expect(BODY_LENGTH, 5, SPAN("hello"), IO_END, SPAN("hello"), 0);
    expect(BODY_LENGTH, 5, SPAN("helloGET /"), IO_END, SPAN("hello"), 5);
    expect(BODY_LENGTH, 6, SPAN("hello"), IO_WAIT, SPAN("hello"), 0);
    expect(BODY_LENGTH, 0, SPAN("x"), IO_END, SPAN(""), 1);
    expect(BODY_NONE, 0, SPAN("x"), IO_END, SPAN(""), 1);
    expect(BODY_CLOSE, 0, SPAN("hello"), IO_WAIT, SPAN("hello"), 0);
}

TEST(by_chunks)
{
    expect(BODY_CHUNKED, 0, SPAN("5\r\nhello\r\n0\r\n\r\n"), IO_END, SPAN("hello"), 0);
    expect(BODY_CHUNKED, 0, SPAN("5\r\nhello\r\n00006\r\n world\r\n0\r\n\r\nNEXT"), IO_END, SPAN("hello world"), 4);
    expect(BODY_CHUNKED, 0, SPAN("a;x=\"y\";z\r\n0123456789\r\nA\r\n0123456789\r\n0;last\r\nTrailer: x\r\nB: c\r\n\r\n"), IO_END,
        SPAN("01234567890123456789"), 0);
    expect(BODY_CHUNKED, 0, SPAN("5\r\nhel"), IO_WAIT, SPAN("hel"), 0);
    expect(BODY_CHUNKED, 0, SPAN("5\r\nhello\r\n0\r\n"), IO_WAIT, SPAN("hello"), 0);
}

TEST(broken_chunks)
{
    static const char *const broken[] = {
        "\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\n0\r\n\r\n",
        "5\r\nhello\rX0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\rX",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 ;x\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a\x01\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n",
        "0000000000000005\r\nhello\r\n",
        "ffffffffffffffff\r\nhello\r\n",
        ";x\r\n",
        "g\r\n",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        expect(BODY_CHUNKED, 0, span_of(broken[i]), IO_FAILED, SPAN_NONE, 0);
}

static enum io endless(const char *front, const char *more)
{
    struct body b;
    struct span run, in = span_of(front);
    enum io io = IO_WAIT;
    body_init(&b, BODY_CHUNKED, 0);
    while ((io = body_next(&b, &in, &run)) == IO_BYTES)
        continue;
    for (int i = 0; i < 3 * BODY_EXTRA && (io == IO_WAIT || io == IO_BYTES); i++) {
        in = span_of(more);
        while ((io = body_next(&b, &in, &run)) == IO_BYTES)
            continue;
    }
    return io;
}

TEST(extensions_and_trailers_are_bounded)
{
    CHECK_INT(endless("5;", "x"), IO_FAILED);
    CHECK_INT(endless("0\r\n", "a: b\r\n"), IO_FAILED);
    CHECK_INT(endless("", "1;xxxx\r\ny\r\n"), IO_FAILED);
    CHECK_INT(endless("", "1\r\ny\r\n"), IO_WAIT);
}

TEST(failure_stays)
{
    struct body b;
    struct span in = SPAN("x5\r\nhello\r\n0\r\n\r\n"), run;
    body_init(&b, BODY_CHUNKED, 0);
    CHECK_INT(body_next(&b, &in, &run), IO_FAILED);
    CHECK_INT(body_next(&b, &in, &run), IO_FAILED);
}

TEST(chunk_heads)
{
    char to[CHUNK_HEAD];
    CHECK_SPAN(body_chunk_head(1, to), SPAN("1\r\n"));
    CHECK_SPAN(body_chunk_head(0x1f4, to), SPAN("1f4\r\n"));
    CHECK_SPAN(body_chunk_head(SIZE_MAX, to), SPAN("ffffffffffffffff\r\n"));
}
