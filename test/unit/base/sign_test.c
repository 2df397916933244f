/* SPDX-License-Identifier: Apache-2.0
 * sign_test.c - Ed25519 against the known answers of RFC 8032 (7.1), and key files made, kept and refused. */
#include "base/sign.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "test/test.h"

static const struct known {
    const char *secret, *key, *text, *signature;
} knowns[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

/* A directory of its own, and the name of a key in it. */
struct place {
    char dir[64], key[96], public[96];
};

static void place_init(struct place *p)
{
    strcpy(p->dir, "/tmp/tollgate-sign-XXXXXX");
    must(mkdtemp(p->dir));
    snprintf(p->key, sizeof(p->key), "%s/audit.key", p->dir);
    snprintf(p->public, sizeof(p->public), "%s/audit.key.pub", p->dir);
}

static void place_free(struct place *p)
{
    (void)unlink(p->key);
    (void)unlink(p->public);
    CHECK_INT(rmdir(p->dir), 0); /* nothing else was left in it */
}

static void write_file(const char *path, struct span text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    must(f && fwrite(text.at, 1, text.len, f) == text.len && fclose(f) == 0);
    must(chmod(path, mode) == 0);
}

/* PKCS #8 of a 32 byte secret, as RFC 8410 has it. */
static void write_secret(const char *path, const char *secret)
{
    uint8_t der[48];
    struct buf pem;
    buf_init(&pem, 1024);
    must(text_hex_decode(SPAN("302e020100300506032b657004220420"), der, 16));
    must(text_hex_decode(span_of(secret), der + 16, 32));
    buf_put(&pem, SPAN("-----BEGIN PRIVATE KEY-----\n"));
    buf_put_base64(&pem, span_make((const char *)der, sizeof(der)));
    buf_put(&pem, SPAN("\n-----END PRIVATE KEY-----\n"));
    write_file(path, buf_span(&pem), 0600);
    buf_free(&pem);
}

TEST(known_answers)
{
    for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
        struct place p;
        uint8_t key[SIGN_KEY], got[SIGN_KEY], text[2], want[SIGN_LEN], signature[SIGN_LEN];
        char why[256] = "";
        size_t len = strlen(knowns[i].text) / 2;
        place_init(&p);
        write_secret(p.key, knowns[i].secret);
        must(text_hex_decode(span_of(knowns[i].key), key, SIGN_KEY) && text_hex_decode(span_of(knowns[i].text), text, len));
        must(text_hex_decode(span_of(knowns[i].signature), want, SIGN_LEN));
        struct span message = span_make((const char *)text, len);
        struct signer *s = signer_open(span_of(p.key), why);
        must(s);
        signer_public(s, got);
        CHECK(memcmp(got, key, SIGN_KEY) == 0);
        signer_sign(s, message, signature);
        CHECK(memcmp(signature, want, SIGN_LEN) == 0);
        CHECK(sign_check(key, message, want));
        CHECK(sign_key_read(span_of(p.public), got) && memcmp(got, key, SIGN_KEY) == 0);
        CHECK(sign_key_read(span_of(knowns[i].key), got) && memcmp(got, key, SIGN_KEY) == 0);
        for (size_t bit = 0; bit < 8 * (size_t)SIGN_LEN; bit += 37) {
            want[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!sign_check(key, message, want));
            want[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        CHECK(!sign_check(key, SPAN("another text"), want));
        signer_free(s);
        place_free(&p);
    }
}

TEST(a_key_is_made_once_and_kept)
{
    struct place p;
    struct stat state;
    uint8_t first[SIGN_KEY], second[SIGN_KEY], signature[SIGN_LEN];
    char why[256] = "";
    place_init(&p);
    struct signer *s = signer_open(span_of(p.key), why);
    must(s);
    signer_public(s, first);
    signer_sign(s, SPAN("text"), signature);
    signer_free(s);
    CHECK_INT(stat(p.key, &state), 0);
    CHECK_INT(state.st_mode & 0777, 0600);
    must(unlink(p.public) == 0); /* comes again */
    s = signer_open(span_of(p.key), why);
    must(s);
    signer_public(s, second);
    CHECK(memcmp(first, second, SIGN_KEY) == 0);
    CHECK(sign_key_read(span_of(p.public), second) && memcmp(first, second, SIGN_KEY) == 0);
    CHECK(sign_check(second, SPAN("text"), signature));
    signer_free(s);
    place_free(&p);
}

static void refused(struct place *p, const char *what)
{
    char why[256] = "";
    CHECK(!signer_open(span_of(p->key), why));
    if (!strstr(why, what))
        test_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why, what);
}

TEST(wrong_keys_are_refused)
{
    struct place p;
    uint8_t key[SIGN_KEY];
    char why[256] = "";
    place_init(&p);
    write_secret(p.key, knowns[0].secret);
    must(chmod(p.key, 0640) == 0);
    refused(&p, "can be read by others");
    write_file(p.key, SPAN("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"), 0600);
    refused(&p, "is no Ed25519 private key");
    write_file(p.key, SPAN(""), 0600);
    refused(&p, "is no Ed25519 private key");
    CHECK(!signer_open(SPAN("/proc/nowhere/audit.key"), why));
    CHECK(strstr(why, "cannot be made"));
    CHECK(!signer_open(SPAN(""), why));
    CHECK(!sign_key_read(SPAN("/proc/nowhere/audit.key.pub"), key));
    CHECK(!sign_key_read(span_of(p.key), key));
    CHECK(!sign_key_read(SPAN("d75a980182b10ab7"), key));
    place_free(&p);
}
