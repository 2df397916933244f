/* SPDX-License-Identifier: Apache-2.0
 * digest.h - hashes, random bytes, sealing. OpenSSL does the work. Thread-safe.
 *
 * Failure of the library itself is a bug or a broken machine: must() ends the process. */
#ifndef TG_BASE_DIGEST_H
#define TG_BASE_DIGEST_H

#include "base/buf.h"

enum { DIGEST_LEN = 32 };

struct digest {
    uint8_t bytes[DIGEST_LEN];
};

struct digest digest_sha256(struct span s);
struct digest digest_hmac(struct span key, struct span s);
/* A keyed hash for a hot path: the key's two SHA-256 states are computed once. */
struct digest_keyed {
    uint64_t opaque[32];
};
void digest_keyed_init(struct digest_keyed *k, struct span key);
struct digest digest_keyed_hash(const struct digest_keyed *k, struct span s);

/* In constant time for equal lengths. */
bool digest_same(struct span a, struct span b);
void random_fill(void *out, size_t n);
/* Zeroes memory that held a secret; never optimised away. */
void secret_wipe(void *at, size_t n);
/* Memory for secrets: page-locked where allowed, left out of core dumps; wiped by secret_free. */
void *secret_alloc(size_t n);
void secret_free(void *at, size_t n);

/* AES-256-GCM: out = 12 bytes nonce, ciphertext, 16 bytes tag; `bound` is authenticated with it (say, the record's name,
 * so that a sealed text cannot be moved to another record). key is 32 bytes. */
void seal(struct buf *out, const uint8_t key[32], struct span bound, struct span plain);
/* False: wrong key, wrong `bound`, or damaged. */
bool unseal(struct buf *out, const uint8_t key[32], struct span bound, struct span sealed);

#endif
