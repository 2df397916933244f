/* SPDX-License-Identifier: Apache-2.0
 * rsa.c - signing with a private key in PEM. The key is read anew each time: tokens are made once an hour. */
#include "base/rsa.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { PEM_MOST = 16384, BITS_LEAST = 2048, SIGNATURE_MOST = 2048 };

/* No pass phrase is asked for. */
static int no_phrase(char *buffer, int size, int writing, void *self) /* OpenSSL's type. NOLINT(readability-non-const-parameter) */
{
    (void)buffer, (void)size, (void)writing, (void)self;
    return 0;
}

static EVP_PKEY *key_of(struct span pem)
{
    BIO *in = pem.len && pem.len <= PEM_MOST ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_phrase, NULL) : NULL;
    BIO_free(in);
    if (key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= BITS_LEAST)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool rsa_key_fits(struct span pem)
{
    EVP_PKEY *key = key_of(pem);
    EVP_PKEY_free(key);
    return key != NULL;
}

bool rsa_sign_sha256(struct span pem, struct span text, struct buf *out)
{
    EVP_PKEY *key = key_of(pem);
    EVP_MD_CTX *context = key ? EVP_MD_CTX_new() : NULL;
    char *room = buf_reserve(out, SIGNATURE_MOST);
    size_t len = SIGNATURE_MOST;
    bool good = context && room && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(context, (unsigned char *)room, &len, (const unsigned char *)text.at, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    out->len += good ? len : 0;
    return good;
}
