/* SPDX-License-Identifier: Apache-2.0
 * sign.h - Ed25519 signatures. OpenSSL does the work. A signer belongs to one thread at a time; checking needs none. */
#ifndef TG_BASE_SIGN_H
#define TG_BASE_SIGN_H

#include "base/err.h"
#include "base/must.h"
#include "base/span.h"

enum { SIGN_KEY = 32, SIGN_LEN = 64 };

struct signer;

/* The PEM file at `path`; made with mode 0600 when it is not there, and its public half beside it (path + ".pub"). NULL: why[] (it
 * cannot be read, is no Ed25519 key, or others can read it). */
struct signer *signer_open(struct span path, char why[256]);
void signer_free(struct signer *s);
void signer_public(const struct signer *s, uint8_t out[SIGN_KEY]);
void signer_sign(struct signer *s, struct span text, uint8_t out[SIGN_LEN]);
bool sign_check(const uint8_t key[SIGN_KEY], struct span text, const uint8_t signature[SIGN_LEN]);
/* A public key from a PEM file, or from 64 hex digits. */
bool sign_key_read(struct span path_or_hex, uint8_t out[SIGN_KEY]);

#endif
