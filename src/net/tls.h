/* SPDX-License-Identifier: Apache-2.0
 * tls.h - OpenSSL contexts. Verification is on and cannot be switched off; TLS 1.2 and later.
 *
 * Contexts are shared by all loops (OpenSSL's contexts are thread-safe) and counted: a reload makes a new one, open
 * connections keep theirs. */
#ifndef TG_NET_TLS_H
#define TG_NET_TLS_H

#include "base/err.h"
#include "base/span.h"

struct tls_client;
struct tls_server;

/* ca_file: SPAN_NONE for the system's store; else only that PEM bundle is trusted. Sessions are cached per host and
 * resumed. On failure NULL and one line in why[]. */
struct tls_client *tls_client_new(struct span ca_file, char why[256]);
/* The one that was made last, while it would be made alike (the same file, unchanged on disk): with its sessions, and without
 * reading a store of certificates again. Blocking; any thread. */
struct tls_client *tls_client_shared(struct span ca_file, char why[256]);
void tls_client_free(struct tls_client *c); /* gives one reference back */
/* cert_file: PEM chain; key_file: PEM key. */
struct tls_server *tls_server_new(struct span cert_file, struct span key_file, char why[256]);
struct tls_server *tls_server_keep(struct tls_server *s); /* one more reference */
void tls_server_free(struct tls_server *s);

#endif
