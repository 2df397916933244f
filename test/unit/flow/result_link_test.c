/* SPDX-License-Identifier: Apache-2.0
 * result_link_test.c - links to results come back as they were, under the right key only; where they lead is read strictly. */
#include "flow/result_link.h"

#include "test/test.h"

static struct snapshot snapshot_with(uint8_t byte)
{
    struct snapshot s = { .version = 1 };
    memset(s.keep_key.bytes, byte, sizeof(s.keep_key.bytes));
    return s;
}

static const struct result_link sample = { .call = 77, .told = 78, .until = 1790000000000, .workspace = { "default", 7 }, .key_id = { "key_1", 5 },
    .vendor = { "gemini", 6 }, .run = { NULL, 0 }, .url = { "https://a.example/b?sig=%2F", 27 } };

TEST(a_link_comes_back_as_it_was)
{
    struct arena a;
    struct buf token, again;
    struct result_link out;
    struct snapshot s = snapshot_with(1), other = snapshot_with(2);
    arena_init(&a, 1 << 20);
    buf_init(&token, 1 << 16);
    buf_init(&again, 1 << 16);
    result_link_seal(&s, &sample, &token);
    result_link_seal(&s, &sample, &again);
    CHECK(!token.broken && !span_is(buf_span(&token), buf_span(&again)));
    for (size_t i = 0; i < token.len; i++)
        CHECK(token.at[i] == '-' || token.at[i] == '_' || (token.at[i] >= '0' && token.at[i] <= '9') || (token.at[i] >= 'A' && token.at[i] <= 'Z') || (token.at[i] >= 'a' && token.at[i] <= 'z'));
    CHECK(result_link_open(&s, buf_span(&token), &a, &out));
    CHECK(out.call == 77 && out.told == 78 && out.until == sample.until && span_is(out.workspace, sample.workspace) && span_is(out.key_id, sample.key_id));
    CHECK(span_is(out.vendor, sample.vendor) && !out.run.len && span_is(out.url, sample.url));
    CHECK(!result_link_open(&other, buf_span(&token), &a, &out));
    for (size_t len = 0; len < token.len; len++)
        CHECK(!result_link_open(&s, span_first(buf_span(&token), len), &a, &out));
    for (size_t i = 0; i + 1 < token.len; i++) { /* the last one may hold bits that mean nothing */
        char kept = token.at[i];
        token.at[i] = kept == 'A' ? 'B' : 'A';
        CHECK(!result_link_open(&s, buf_span(&token), &a, &out));
        token.at[i] = kept;
    }
    buf_free(&token);
    buf_free(&again);
    arena_free(&a);
}

TEST(where_a_link_leads_is_read_strictly)
{
    static const char *const refused[] = { "", "https://", "ftp://a.example/", "https://user@a.example/", "https://a.example:0/", "https://a.example:70000/", "https://a.example:/",
        "https://[::1]/", "https://a..example/", "https://.a.example/", "https://a.example\\@b.example/", "https://a.example/a b", "https://a%2eexample/", "https://-a.example/", "//a.example/" };
    struct arena a;
    struct result_place p;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        CHECK(!result_place_read(span_of(refused[i]), &a, &p));
    CHECK(result_place_read(SPAN("HTTPS://A.example:8443/b/c?d=%2F#e"), &a, &p));
    CHECK(p.https && p.port == 8443 && span_is(p.host, SPAN("A.example")) && span_is(p.authority, SPAN("A.example:8443")) && span_is(p.target, SPAN("/b/c?d=%2F")) && !p.is_address);
    CHECK(result_place_read(SPAN("http://10.0.0.1"), &a, &p));
    CHECK(!p.https && p.port == 80 && span_is(p.target, SPAN("/")) && p.is_address);
    CHECK(result_place_read(SPAN("https://a.example?x=1"), &a, &p));
    CHECK(span_is(p.host, SPAN("a.example")) && span_is(p.target, SPAN("/?x=1")));
    CHECK(result_place_read(SPAN("https://0x7f.1/"), &a, &p) && p.is_address);
    arena_free(&a);
}
