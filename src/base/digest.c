/* SPDX-License-Identifier: Apache-2.0
 * digest.c - SHA-256, HMAC, random bytes and memory for secrets.
 *
 * The one-call SHA256_* functions are used although OpenSSL 3 calls them deprecated: they need no allocation and no
 * provider look-up, which is half of the time for a short text, and their state can be kept and copied. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { BLOCK = 64 };

struct states {
    SHA256_CTX inner, outer;
};

_Static_assert(sizeof(struct states) <= sizeof(struct digest_keyed), "the two states must fit");

static void add(SHA256_CTX *state, struct span s)
{
    if (s.len)
        must(SHA256_Update(state, s.at, s.len) == 1);
}

struct digest digest_sha256(struct span s)
{
    struct digest d;
    SHA256_CTX state;
    must(SHA256_Init(&state) == 1);
    add(&state, s);
    must(SHA256_Final(d.bytes, &state) == 1);
    return d;
}

static void start(SHA256_CTX *state, const uint8_t key[BLOCK], uint8_t pad)
{
    uint8_t block[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ pad;
    must(SHA256_Init(state) == 1);
    must(SHA256_Update(state, block, BLOCK) == 1);
    secret_wipe(block, BLOCK);
}

/* HMAC (RFC 2104): both states are taken right after their key block. */
void digest_keyed_init(struct digest_keyed *k, struct span key)
{
    uint8_t block[BLOCK] = { 0 };
    struct digest shorter;
    struct states states;
    if (key.len > BLOCK) {
        shorter = digest_sha256(key);
        key = span_make((const char *)shorter.bytes, DIGEST_LEN);
    }
    if (key.len)
        memcpy(block, key.at, key.len);
    start(&states.inner, block, 0x36);
    start(&states.outer, block, 0x5c);
    memset(k, 0, sizeof(*k));
    memcpy(k, &states, sizeof(states));
    secret_wipe(block, sizeof(block));
    secret_wipe(&shorter, sizeof(shorter));
    secret_wipe(&states, sizeof(states));
}

struct digest digest_keyed_hash(const struct digest_keyed *k, struct span s)
{
    struct digest d;
    struct states states;
    memcpy(&states, k, sizeof(states));
    add(&states.inner, s);
    must(SHA256_Final(d.bytes, &states.inner) == 1);
    must(SHA256_Update(&states.outer, d.bytes, DIGEST_LEN) == 1);
    must(SHA256_Final(d.bytes, &states.outer) == 1);
    return d;
}

struct digest digest_hmac(struct span key, struct span s)
{
    struct digest_keyed k;
    digest_keyed_init(&k, key);
    struct digest d = digest_keyed_hash(&k, s);
    secret_wipe(&k, sizeof(k));
    return d;
}

bool digest_same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}

void random_fill(void *out, size_t n)
{
    uint8_t *at = out;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        must(got > 0 || errno == EINTR);
        if (got < 0)
            continue;
        at += got;
        n -= (size_t)got;
    }
}

void secret_wipe(void *at, size_t n) { OPENSSL_cleanse(at, n); }

static size_t pages(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    must(n <= SIZE_MAX - page);
    return n ? (n + page - 1) / page * page : page;
}

/* Whole pages of its own: neither locking nor leaving out of dumps works on less. Both are wishes; a container may not
 * allow them. */
void *secret_alloc(size_t n)
{
    size_t size = pages(n);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    (void)mlock(at, size);
    (void)madvise(at, size, MADV_DONTDUMP);
    return at;
}

void secret_free(void *at, size_t n)
{
    if (!at)
        return;
    secret_wipe(at, n);
    must(munmap(at, pages(n)) == 0);
}
