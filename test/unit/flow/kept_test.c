/* SPDX-License-Identifier: Apache-2.0
 * kept_test.c - what is kept of content comes back as it was, under the right key and name only. */
#include "flow/kept.h"

#include "test/test.h"

static struct snapshot snapshot_with(uint8_t byte)
{
    struct snapshot s = { .version = 1 };
    memset(s.keep_key.bytes, byte, sizeof(s.keep_key.bytes));
    return s;
}

TEST(an_answer_comes_back_as_it_was)
{
    struct arena a;
    struct snapshot s = snapshot_with(1), other = snapshot_with(2);
    struct digest once = digest_sha256(SPAN("k")), twice = digest_sha256(SPAN("l"));
    struct http_field fields[] = { { SPAN("content-type"), SPAN("application/json") }, { SPAN("x-empty"), SPAN("") } };
    struct kept_answer in = { 201, fields, 2, SPAN("{\"id\":\"ch_1\"}") }, out;
    arena_init(&a, 1 << 16);
    struct span sealed = kept_seal(&s, &once, &in, &a);
    CHECK(sealed.at && span_find(sealed, SPAN("ch_1")) < 0);
    CHECK(kept_open(&s, &once, sealed, &a, &out));
    CHECK(out.status == 201 && out.count == 2 && span_is(out.body, in.body) && span_is(out.fields[0].value, SPAN("application/json")));
    CHECK(!kept_open(&other, &once, sealed, &a, &out));
    CHECK(!kept_open(&s, &twice, sealed, &a, &out));
    for (size_t len = 0; len < sealed.len; len++)
        CHECK(!kept_open(&s, &once, span_first(sealed, len), &a, &out));
    arena_free(&a);
}

TEST(a_request_comes_back_as_it_was)
{
    struct arena a;
    struct snapshot s = snapshot_with(1);
    struct http_field fields[] = { { SPAN("stripe-version"), SPAN("2024-06-20") } };
    struct kept_request in = { .sent_at = 1790000000000, .key_id = SPAN("key_1"), .vendor = SPAN("stripe"), .credential = SPAN("main"),
        .method = SPAN("POST"), .path = SPAN("/v1/charges"), .query = SPAN(""), .body = SPAN("amount=1"), .upstream_key = SPAN("tg-1"),
        .asked = SPAN("digest"), .fields = fields, .count = 1 }, out = { 0 };
    arena_init(&a, 1 << 16);
    struct span sealed = kept_seal_request(&s, 77, &in, &a);
    CHECK(kept_open_request(&s, 77, sealed, &a, &out));
    CHECK(out.sent_at == in.sent_at && span_is(out.body, in.body) && span_is(out.upstream_key, in.upstream_key) && span_is(out.asked, in.asked));
    CHECK(out.count == 1 && span_is(out.fields[0].name, SPAN("stripe-version")));
    CHECK(!kept_open_request(&s, 78, sealed, &a, &out));
    arena_free(&a);
}
