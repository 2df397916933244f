/* SPDX-License-Identifier: Apache-2.0
 * seal.c - AES-256-GCM for what is stored: nonce, ciphertext, tag in one run of bytes.
 *
 * Nonces are random: with 96 bits, one key is good for some billions of seals. */
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/digest.h"

enum { NONCE = 12, TAG = 16 };

static const unsigned char *bytes(struct span s) { return (const unsigned char *)(s.at ? s.at : ""); }

static bool fits(struct span s) { return s.len <= INT_MAX - NONCE - TAG; }

/* Looked for once: that takes longer than sealing a short text. */
static struct {
    pthread_once_t once;
    EVP_CIPHER *cipher;
} gcm = { .once = PTHREAD_ONCE_INIT };

static void fetch(void)
{
    gcm.cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    must(gcm.cipher);
}

static EVP_CIPHER_CTX *begin(const uint8_t key[32], const unsigned char *nonce, struct span bound, int encrypt)
{
    int len;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    must(ctx);
    must(pthread_once(&gcm.once, fetch) == 0);
    must(EVP_CipherInit_ex2(ctx, gcm.cipher, key, nonce, encrypt, NULL) == 1);
    if (bound.len)
        must(EVP_CipherUpdate(ctx, NULL, &len, bytes(bound), (int)bound.len) == 1);
    return ctx;
}

void seal(struct buf *out, const uint8_t key[32], struct span bound, struct span plain)
{
    int len, more;
    must(fits(bound));
    unsigned char *at = fits(plain) ? (unsigned char *)buf_reserve(out, NONCE + plain.len + TAG) : NULL;
    if (!at) {
        out->broken = true;
        return;
    }
    random_fill(at, NONCE);
    EVP_CIPHER_CTX *ctx = begin(key, at, bound, 1);
    must(EVP_CipherUpdate(ctx, at + NONCE, &len, bytes(plain), (int)plain.len) == 1);
    must(EVP_CipherFinal_ex(ctx, at + NONCE + len, &more) == 1);
    must((size_t)(len + more) == plain.len);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, at + NONCE + plain.len) == 1);
    EVP_CIPHER_CTX_free(ctx);
    out->len += NONCE + plain.len + TAG;
}

bool unseal(struct buf *out, const uint8_t key[32], struct span bound, struct span sealed)
{
    unsigned char tag[TAG];
    int len, more;
    if (sealed.len < NONCE + TAG || !fits(sealed) || !fits(bound))
        return false;
    struct span body = span_make(sealed.at + NONCE, sealed.len - NONCE - TAG);
    unsigned char *at = (unsigned char *)buf_reserve(out, body.len);
    if (!at)
        return false;
    memcpy(tag, body.at + body.len, TAG);
    EVP_CIPHER_CTX *ctx = begin(key, bytes(sealed), bound, 0);
    must(EVP_CipherUpdate(ctx, at, &len, bytes(body), (int)body.len) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1);
    bool genuine = EVP_CipherFinal_ex(ctx, at + len, &more) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (genuine)
        out->len += body.len;
    else
        secret_wipe(at, body.len); /* unauthenticated text is nobody's to read */
    return genuine;
}
