/* SPDX-License-Identifier: Apache-2.0
 * digest_test.c - published vectors, secrets' memory, sealing and every way to break a seal. */
#include "base/digest.h"

#include "base/text.h"
#include "test/test.h"

static void check_hex(struct digest d, const char *want)
{
    struct buf b;
    buf_init(&b, 100);
    buf_put_hex(&b, span_make((const char *)d.bytes, DIGEST_LEN));
    CHECK_SPAN(buf_span(&b), span_of(want));
    buf_free(&b);
}

TEST(sha256_vectors)
{
    check_hex(digest_sha256(SPAN("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_hex(digest_sha256(SPAN("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(hmac_vectors) /* RFC 4231, cases 2 and 6 */
{
    char key[131];
    memset(key, 0xaa, sizeof(key));
    check_hex(digest_hmac(SPAN("Jefe"), SPAN("what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    check_hex(digest_hmac(span_make(key, sizeof(key)), SPAN("Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(keyed_states_are_reusable)
{
    struct digest_keyed k;
    digest_keyed_init(&k, SPAN("secret"));
    for (int i = 0; i < 3; i++) {
        struct digest a = digest_keyed_hash(&k, SPAN("tg_token")), b = digest_hmac(SPAN("secret"), SPAN("tg_token"));
        CHECK(memcmp(&a, &b, sizeof(a)) == 0);
    }
}

TEST(same_and_random)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    CHECK(digest_same(SPAN("abc"), SPAN("abc")) && !digest_same(SPAN("abc"), SPAN("abd")) && !digest_same(SPAN("abc"), SPAN("ab")));
    CHECK(digest_same(SPAN(""), SPAN_NONE));
    random_fill(a, sizeof(a));
    random_fill(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    secret_wipe(a, sizeof(a));
    CHECK(a[0] == 0 && a[31] == 0);
}

TEST(secret_memory)
{
    char *at = secret_alloc(5000);
    CHECK(at != NULL);
    if (at)
        memset(at, 1, 5000);
    secret_free(at, 5000);
    secret_free(NULL, 10);
    secret_free(secret_alloc(0), 0);
}

static const uint8_t key[32] = "0123456789abcdef0123456789abcde";

TEST(seals_and_unseals)
{
    struct buf sealed, plain;
    buf_init(&sealed, 1000);
    buf_init(&plain, 1000);
    seal(&sealed, key, SPAN("credential:1"), SPAN("sk_live_x"));
    CHECK_INT(sealed.len, 12 + 9 + 16);
    CHECK(unseal(&plain, key, SPAN("credential:1"), buf_span(&sealed)));
    CHECK_SPAN(buf_span(&plain), SPAN("sk_live_x"));
    buf_clear(&sealed);
    buf_clear(&plain);
    seal(&sealed, key, SPAN(""), SPAN(""));
    CHECK(unseal(&plain, key, SPAN(""), buf_span(&sealed)) && plain.len == 0);
    buf_free(&sealed);
    buf_free(&plain);
}

TEST(refuses_damaged_seals)
{
    struct buf sealed, plain;
    uint8_t other[32] = { 1 };
    buf_init(&sealed, 1000);
    buf_init(&plain, 1000);
    seal(&sealed, key, SPAN("a"), SPAN("secret"));
    CHECK(!unseal(&plain, key, SPAN("b"), buf_span(&sealed)));
    CHECK(!unseal(&plain, other, SPAN("a"), buf_span(&sealed)));
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.at[i] ^= 1;
        CHECK(!unseal(&plain, key, SPAN("a"), buf_span(&sealed)));
        sealed.at[i] ^= 1;
        CHECK(!unseal(&plain, key, SPAN("a"), span_first(buf_span(&sealed), i)));
    }
    CHECK(plain.len == 0 && unseal(&plain, key, SPAN("a"), buf_span(&sealed)));
    buf_free(&sealed);
    buf_free(&plain);
}

TEST(seal_keeps_to_the_ceiling)
{
    struct buf small;
    buf_init(&small, 30);
    seal(&small, key, SPAN(""), SPAN("abc"));
    CHECK(small.broken && small.len == 0);
    buf_free(&small);
}
