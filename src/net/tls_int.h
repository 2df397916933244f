/* SPDX-License-Identifier: Apache-2.0
 * tls_int.h - what tls.c (contexts, session cache) offers to wire_tls.c (one connection). For net/ only. */
#ifndef TG_NET_TLS_INT_H
#define TG_NET_TLS_INT_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* The target a client's session belongs to. tls.c finds it as the SSL's application data, so that a session that
 * arrives can be remembered under it. */
struct tls_target {
    struct tls_client *client;
    char key[264]; /* "host:port"; empty: too long, do not cache */
};

/* The reference counts, though const to their users, are atomic. */
struct tls_client *tls_client_keep(const struct tls_client *c);

SSL *tls_client_ssl(const struct tls_client *c);
SSL *tls_server_ssl(const struct tls_server *s);
/* Offers the remembered session of the target, if any; forgets it after it did harm. */
void tls_session_offer(SSL *ssl, const struct tls_target *target);
void tls_session_forget(const struct tls_target *target);
size_t tls_session_count(const struct tls_client *c); /* for tests */

#endif
