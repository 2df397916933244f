/* SPDX-License-Identifier: Apache-2.0
 * rsa.h - RSA signatures with SHA-256 (RS256 of RFC 7518), as tokens of service accounts want them. OpenSSL does the work. Pure; any
 * thread. */
#ifndef TG_BASE_RSA_H
#define TG_BASE_RSA_H

#include "base/buf.h"

/* Whether this is a private RSA key in PEM, of 2,048 bits at least. */
bool rsa_key_fits(struct span pem);
/* The signature's bytes behind what is in `out`; false: no such key. */
bool rsa_sign_sha256(struct span pem, struct span text, struct buf *out);

#endif
