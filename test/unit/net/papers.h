/* SPDX-License-Identifier: Apache-2.0
 * papers.h - certificates for tests, made on the spot: a CA of ours, a stranger's CA, a certificate for localhost and
 * 127.0.0.1, another one for other names. */
#ifndef TG_TEST_NET_PAPERS_H
#define TG_TEST_NET_PAPERS_H

#include <openssl/x509.h>

struct authority {
    EVP_PKEY *key;
    X509 *cert;
};

struct papers {
    char dir[64];
    char ca[96], cert[96], key[96], other_cert[96], other_key[96], stranger_ca[96];
    struct authority ours, stranger;
};

void papers_make(struct papers *p);
void papers_burn(struct papers *p);

#endif
