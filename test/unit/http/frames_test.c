/* SPDX-License-Identifier: Apache-2.0
 * frames_test.c - the three framings, cut at every byte; damaged and impossible messages of Amazon's event stream. The messages in hex
 * were made by the codec of Amazon's own SDK. */
#include "http/frames.h"

#include <zlib.h>

#include "test/test.h"

/* clang-format off */
#define START \
    "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c" \
    "69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599"
#define THROTTLED \
    "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d" \
    "747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a" \
    "22736c6f7720646f776e227d832ee072"
#define FAILURE \
    "00000065000000552ff1822f0b3a6572726f722d636f646507000f496e7465726e616c4661696c7572650e3a6572726f722d6d65737361676507000f" \
    "61202271756f7465642220776f72640d3a6d6573736167652d747970650700056572726f72a9d56e05"
#define ALL_KINDS \
    "000000bf000000816d0af31a017400016601016202fb02736803012c01690400011170016c05000000012a05f2000362696e06000300ff0702747308" \
    "000000e8d4a510000175090123456789abcdef0123456789abcdef0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d" \
    "3a6d6573736167652d747970650700056576656e747b2264656c7461223a7b2274657874223a2268c3a9227d2c22636f6e74656e74426c6f636b496e" \
    "646578223a307d2a5d2784"
#define EMPTY \
    "0000003a0000002a5508b6980b3a6576656e742d74797065070005656d7074790d3a6d6573736167652d747970650700056576656e74fd56246d"
#define ODD \
    "00000039000000276c19b0f50d3a6d6573736167652d747970650700066e6f746963650b3a6576656e742d74797065070001787b7d0d171270"
#define NAMELESS \
    "000000280000001660470efd0d3a6d6573736167652d747970650700056576656e747b7db7184afc"
/* clang-format on */

enum { MOST = 1 << 16 };

static struct buf from_hex(const char *hex)
{
    struct buf b;
    buf_init(&b, MOST);
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned byte = 0;
        sscanf(hex, "%2x", &byte);
        buf_put_byte(&b, (char)byte);
    }
    return b;
}

static void note(struct buf *b, const struct sse_event *e)
{
    buf_put_byte(b, '[');
    buf_put(b, e->name.at ? e->name : SPAN("-"));
    buf_put_byte(b, '|');
    buf_put(b, e->data.at ? e->data : SPAN("-"));
    buf_put_byte(b, ']');
}

/* All of `in`, so many bytes at a time; each piece freshly allocated, so that a look beyond it is seen. Why it broke, or NULL. */
static const char *run(enum framing framing, struct span in, size_t step, struct buf *seen, bool *rest)
{
    struct frames f;
    struct sse_event e;
    frames_init(&f, framing, MOST);
    for (size_t at = 0; at < in.len && !f.broken; at += step) {
        struct buf copy;
        buf_init(&copy, MOST);
        buf_put(&copy, span_first(span_from(in, at), step));
        struct span piece = buf_span(&copy);
        while (frames_next(&f, &piece, &e))
            note(seen, &e);
        CHECK(piece.len == 0 || f.broken);
        buf_free(&copy);
    }
    const char *broken = f.broken;
    *rest = frames_rest(&f);
    frames_free(&f);
    return broken;
}

static void expect(enum framing framing, struct span in, struct span want, bool want_rest)
{
    for (size_t step = 1; step <= in.len; step++) {
        struct buf seen;
        bool rest;
        buf_init(&seen, MOST);
        CHECK(run(framing, in, step, &seen, &rest) == NULL);
        CHECK_SPAN(buf_span(&seen), want);
        CHECK_INT(rest, want_rest);
        buf_free(&seen);
    }
}

static void expect_hex(const char *hex, struct span want, bool want_rest)
{
    struct buf in = from_hex(hex);
    expect(FRAMING_AWS, buf_span(&in), want, want_rest);
    buf_free(&in);
}

TEST(event_streams_as_before)
{
    expect(FRAMING_SSE, SPAN("event: a\ndata: 1\n\ndata: 2\n\n"), SPAN("[a|1][-|2]"), false);
    expect(FRAMING_SSE, SPAN("data: 1\n\ndata: 2\n"), SPAN("[-|1]"), true);
}

TEST(lines_at_every_cut)
{
    expect(FRAMING_LINES, SPAN("{\"a\":1}\n{\"b\":2}\r\n\n \t\r\n  {\"c\":\"\\n\"} \n"), SPAN("[-|{\"a\":1}][-|{\"b\":2}][-|{\"c\":\"\\n\"}]"), false);
    expect(FRAMING_LINES, SPAN("1\n{\"cut\":"), SPAN("[-|1]"), true);
}

/* ASan says if the slack is not there. */
static void look_behind(struct span s)
{
    volatile const char *behind = s.at + s.len;
    for (size_t i = 0; i < BUF_SLACK; i++)
        (void)behind[i];
}

TEST(lines_have_slack_and_their_raw_bytes)
{
    struct frames f;
    struct sse_event e;
    struct span in = SPAN(" {\"a\":1}\r\n{}\n");
    frames_init(&f, FRAMING_LINES, MOST);
    CHECK(frames_next(&f, &in, &e));
    CHECK_SPAN(e.raw, SPAN(" {\"a\":1}\r\n"));
    look_behind(e.data);
    CHECK(frames_next(&f, &in, &e));
    CHECK_SPAN(e.raw, SPAN("{}\n"));
    CHECK(!frames_rest(&f));
    frames_free(&f);
}

TEST(ceiling_of_a_line)
{
    struct frames f;
    struct sse_event e;
    frames_init(&f, FRAMING_LINES, 8);
    struct span in = SPAN("1234567\n12345");
    CHECK(frames_next(&f, &in, &e));
    CHECK(!frames_next(&f, &in, &e) && !f.broken);
    in = SPAN("6789");
    CHECK(!frames_next(&f, &in, &e) && f.broken);
    in = SPAN("\n{}\n");
    CHECK(!frames_next(&f, &in, &e)); /* stays so */
    frames_free(&f);
}

TEST(aws_messages_at_every_cut)
{
    expect_hex(START THROTTLED FAILURE,
        SPAN("[messageStart|{\"role\":\"assistant\"}][throttlingException|{\"message\":\"slow down\"}]"
             "[error|{\"code\":\"InternalFailure\",\"message\":\"a \\\"quoted\\\" word\"}]"),
        false);
    expect_hex(EMPTY ALL_KINDS EMPTY, SPAN("[empty|][contentBlockDelta|{\"delta\":{\"text\":\"h\xc3\xa9\"},\"contentBlockIndex\":0}][empty|]"), false);
    expect_hex(START "0000", SPAN("[messageStart|{\"role\":\"assistant\"}]"), true);
}

TEST(aws_raw_is_the_message_and_data_has_slack)
{
    struct frames f;
    struct sse_event e;
    struct buf in = from_hex(START EMPTY), one = from_hex(START);
    struct span rest = buf_span(&in);
    frames_init(&f, FRAMING_AWS, MOST);
    CHECK(frames_next(&f, &rest, &e));
    CHECK_SPAN(e.raw, buf_span(&one));
    look_behind(e.data);
    CHECK(frames_next(&f, &rest, &e) && !frames_rest(&f));
    frames_free(&f);
    buf_free(&in);
    buf_free(&one);
}

TEST(aws_cut_off_at_every_byte_is_a_rest)
{
    struct buf in = from_hex(ALL_KINDS);
    for (size_t len = 1; len < in.len; len++) {
        struct buf seen;
        bool rest;
        buf_init(&seen, MOST);
        CHECK(run(FRAMING_AWS, span_first(buf_span(&in), len), len, &seen, &rest) == NULL);
        CHECK(rest && seen.len == 0);
        buf_free(&seen);
    }
    buf_free(&in);
}

/* One wrong bit anywhere is found, and nothing of the message gets out. */
TEST(aws_any_damaged_bit_is_found)
{
    struct buf in = from_hex(ALL_KINDS);
    for (size_t bit = 0; bit < in.len * 8; bit++) {
        struct buf seen;
        bool rest;
        buf_init(&seen, MOST);
        in.at[bit / 8] = (char)(in.at[bit / 8] ^ (1 << bit % 8));
        CHECK(run(FRAMING_AWS, buf_span(&in), 7, &seen, &rest) != NULL);
        CHECK(seen.len == 0);
        in.at[bit / 8] = (char)(in.at[bit / 8] ^ (1 << bit % 8));
        buf_free(&seen);
    }
    buf_free(&in);
}

static void put_number(char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(n >> (24 - 8 * i));
}

/* Makes both checksums right again: a message that is wrong in itself. */
static void seal(struct buf *b)
{
    put_number(b->at + 8, (uint32_t)crc32(0, (const unsigned char *)b->at, 8));
    put_number(b->at + b->len - 4, (uint32_t)crc32(0, (const unsigned char *)b->at, (unsigned)b->len - 4));
}

static void expect_broken(struct buf *b, const char *why)
{
    struct buf seen;
    bool rest;
    buf_init(&seen, MOST);
    seal(b);
    const char *broken = run(FRAMING_AWS, buf_span(b), 11, &seen, &rest);
    CHECK_SPAN(span_of(broken), span_of(why));
    CHECK(seen.len == 0);
    buf_free(&seen);
    buf_free(b);
}

static void expect_lengths(uint32_t total, uint32_t headers, const char *why)
{
    struct buf b = from_hex(ALL_KINDS);
    put_number(b.at, total);
    put_number(b.at + 4, headers);
    expect_broken(&b, why);
}

TEST(aws_impossible_lengths)
{
    static const char impossible[] = "an event stream message has impossible lengths";
    expect_lengths(15, 0, impossible);
    expect_lengths(0, 0, impossible);
    expect_lengths(191, 176, impossible);
    expect_lengths(191, UINT32_MAX, impossible);
    expect_lengths(200000, 131073, impossible);
    expect_lengths(MOST + 1, 129, "a piece is larger than allowed");
    expect_lengths(UINT32_MAX, 129, "a piece is larger than allowed");
    expect_lengths(191, 128, "an event stream message has headers that cannot be read");
    expect_lengths(191, 130, "an event stream message has headers that cannot be read");
}

TEST(aws_headers_that_cannot_be_read)
{
    static const char unreadable[] = "an event stream message has headers that cannot be read";
    struct buf b = from_hex(EMPTY);
    b.at[12] = 100; /* a name longer than all headers */
    expect_broken(&b, unreadable);
    b = from_hex(EMPTY);
    b.at[24] = 10; /* no such kind */
    expect_broken(&b, unreadable);
    b = from_hex(EMPTY);
    b.at[25] = 1; /* a value of 261 bytes */
    expect_broken(&b, unreadable);
    b = from_hex(ODD);
    expect_broken(&b, "an event stream message is of no known type");
    b = from_hex(NAMELESS);
    expect_broken(&b, "an event stream message has no name");
}

/* What we write is what Amazon's codec writes, byte for byte. */
TEST(aws_messages_written)
{
    struct buf want = from_hex(START THROTTLED), got;
    buf_init(&got, MOST);
    frames_put_aws(&got, SPAN("event"), SPAN("messageStart"), SPAN("{\"role\":\"assistant\"}"));
    frames_put_aws(&got, SPAN("exception"), SPAN("throttlingException"), SPAN("{\"message\":\"slow down\"}"));
    CHECK_SPAN(buf_span(&got), buf_span(&want));
    buf_free(&got);
    buf_init(&got, 40);
    frames_put_aws(&got, SPAN("event"), SPAN("messageStart"), SPAN("{}"));
    CHECK(got.broken);
    buf_free(&got);
    buf_free(&want);
}

TEST(types_of_framings)
{
    CHECK_SPAN(frames_type(FRAMING_SSE), SPAN("text/event-stream"));
    CHECK_SPAN(frames_type(FRAMING_LINES), SPAN("application/x-ndjson"));
    CHECK_SPAN(frames_type(FRAMING_AWS), SPAN("application/vnd.amazon.eventstream"));
}
