/* SPDX-License-Identifier: Apache-2.0 */
#include "http/coding.h"

#include <stdlib.h>
#include <zlib.h>

#include "test/test.h"

static struct span packed(char room[1024], struct span text, int bits)
{
    z_stream z = { 0 };
    CHECK(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text.at;
    z.avail_in = (uInt)text.len;
    z.next_out = (Bytef *)room;
    z.avail_out = 1024;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t len = 1024 - z.avail_out;
    (void)deflateEnd(&z);
    return span_make(room, len);
}

static void reads(struct span name, int bits)
{
    char room[1024];
    struct span all = packed(room, SPAN("what was said, what was said"), bits);
    for (size_t step = 1; step <= all.len; step++) {
        struct coding *c = coding_new(name);
        struct buf out;
        buf_init(&out, 1 << 20);
        CHECK(c && coding_ended(c));
        for (size_t at = 0; at < all.len; at += step) {
            CHECK(coding_read(c, span_first(span_from(all, at), step), &out) == E_OK);
            CHECK(at + step >= all.len || !coding_ended(c) || step < 2);
        }
        CHECK(coding_ended(c));
        CHECK_SPAN(buf_span(&out), SPAN("what was said, what was said"));
        buf_free(&out);
        coding_free(c);
    }
}

TEST(gzip_and_deflate_are_read_in_any_pieces)
{
    reads(SPAN("gzip"), 15 + 16);
    reads(SPAN("X-GZIP"), 15 + 16);
    reads(SPAN("deflate"), 15);
}

TEST(other_codings_are_not_known)
{
    CHECK(!coding_new(SPAN("br")));
    CHECK(!coding_new(SPAN("gzip, gzip")));
    CHECK(!coding_new(SPAN("")));
    coding_free(NULL);
}

TEST(what_is_not_of_that_coding_is_broken)
{
    struct coding *c = coding_new(SPAN("gzip"));
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK(c && coding_read(c, SPAN("{\"plain\": true}"), &out) == E_UPSTREAM_BROKEN);
    buf_free(&out);
    coding_free(c);
}

TEST(a_bomb_does_not_fit)
{
    char *zeros = calloc(1, 200000), room[1024];
    struct coding *c = coding_new(SPAN("gzip"));
    struct buf out;
    buf_init(&out, 100000);
    CHECK(zeros && c);
    struct span all = packed(room, span_make(zeros, 200000), 15 + 16);
    CHECK(coding_read(c, all, &out) == E_TOO_LARGE);
    buf_free(&out);
    coding_free(c);
    free(zeros);
}
