/* SPDX-License-Identifier: Apache-2.0
 * tls.c - OpenSSL contexts for both sides, and the client's cache of sessions per host.
 *
 * What is switched on for every connection stands here: TLS 1.2 and later, verification (never off), http/1.1 by ALPN,
 * no renegotiation, no compression. Errors become one line for an operator; they hold file names and reasons only. */
#include "net/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/must.h"
#include "net/tls_int.h"

enum { WHY = 256, SESSIONS_MAX = 1024 /* hosts */ };

struct tls_client {
    atomic_uint refs;
    SSL_CTX *ctx;
    pthread_mutex_t lock; /* of sessions: all loops share them */
    struct map sessions;  /* "host:port" -> struct session */
};

struct tls_server {
    atomic_uint refs;
    SSL_CTX *ctx;
};

struct session {
    SSL_SESSION *ssl;
    char key[];
};

static const unsigned char alpn[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

/* --- both sides --- */

static void say(char why[WHY], const char *what, struct span file)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(why, WHY, "%s %.*s%s%s", what, SPAN_ARG(span_first(file, 120)), reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
}

static bool path_of(struct span file, char out[PATH_MAX])
{
    if (file.len == 0 || file.len >= PATH_MAX || memchr(file.at, 0, file.len))
        return false;
    memcpy(out, file.at, file.len);
    out[file.len] = 0;
    return true;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (!ctx)
        return NULL;
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

/* --- the client's sessions --- */

static void session_free(struct session *s)
{
    if (!s)
        return;
    SSL_SESSION_free(s->ssl);
    free(s);
}

static void make_room(struct tls_client *c)
{
    size_t at = 0;
    const struct map_entry *any = c->sessions.count >= SESSIONS_MAX ? map_next(&c->sessions, &at) : NULL;
    if (any)
        session_free(map_take(&c->sessions, any->key));
}

/* OpenSSL's callback: 1 means that the reference is ours now. */
static int remember(SSL *ssl, SSL_SESSION *fresh)
{
    const struct tls_target *target = SSL_get_app_data(ssl);
    size_t len = strlen(target->key) + 1;
    struct session *s = len > 1 ? malloc(sizeof(*s) + len) : NULL;
    if (!s)
        return 0;
    s->ssl = fresh;
    memcpy(s->key, target->key, len);
    struct tls_client *c = target->client;
    pthread_mutex_lock(&c->lock);
    session_free(map_take(&c->sessions, span_of(s->key)));
    make_room(c);
    bool kept = map_put(&c->sessions, span_of(s->key), s);
    pthread_mutex_unlock(&c->lock);
    if (!kept)
        free(s);
    return kept;
}

void tls_session_offer(SSL *ssl, const struct tls_target *target)
{
    struct tls_client *c = target->client;
    pthread_mutex_lock(&c->lock);
    struct session *s = map_get(&c->sessions, span_of(target->key));
    if (s)
        (void)SSL_set_session(ssl, s->ssl); /* refused: a full hand-shake then */
    pthread_mutex_unlock(&c->lock);
}

void tls_session_forget(const struct tls_target *target)
{
    struct tls_client *c = target->client;
    pthread_mutex_lock(&c->lock);
    session_free(map_take(&c->sessions, span_of(target->key)));
    pthread_mutex_unlock(&c->lock);
}

size_t tls_session_count(const struct tls_client *c)
{
    struct tls_client *shared = (struct tls_client *)c;
    pthread_mutex_lock(&shared->lock);
    size_t count = shared->sessions.count;
    pthread_mutex_unlock(&shared->lock);
    return count;
}

/* --- the client --- */

static bool trust(SSL_CTX *ctx, struct span ca_file, char why[WHY])
{
    char path[PATH_MAX];
    if (!ca_file.at) {
        if (SSL_CTX_set_default_verify_paths(ctx) == 1)
            return true;
        say(why, "cannot use the system's certificates", SPAN(""));
        return false;
    }
    if (path_of(ca_file, path) && SSL_CTX_load_verify_file(ctx, path) == 1)
        return true;
    say(why, "cannot read the certificates to trust in", ca_file);
    return false;
}

struct tls_client *tls_client_new(struct span ca_file, char why[WHY])
{
    ERR_clear_error();
    struct tls_client *c = calloc(1, sizeof(*c));
    SSL_CTX *ctx = c ? context(TLS_client_method()) : NULL;
    if (!ctx) {
        say(why, "cannot set up TLS", SPAN(""));
        free(c);
        return NULL;
    }
    if (!trust(ctx, ca_file, why)) {
        SSL_CTX_free(ctx);
        free(c);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    must(SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn)) == 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, remember);
    must(pthread_mutex_init(&c->lock, NULL) == 0);
    atomic_init(&c->refs, 1);
    c->ctx = ctx;
    return c;
}

struct tls_client *tls_client_keep(const struct tls_client *c)
{
    struct tls_client *shared = (struct tls_client *)c;
    atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void tls_client_free(struct tls_client *c)
{
    size_t at = 0;
    const struct map_entry *entry;
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    while ((entry = map_next(&c->sessions, &at)))
        session_free(entry->value);
    map_free(&c->sessions);
    pthread_mutex_destroy(&c->lock);
    SSL_CTX_free(c->ctx);
    free(c);
}

SSL *tls_client_ssl(const struct tls_client *c)
{
    return SSL_new(c->ctx);
}

/* --- the server --- */

static int choose_alpn(
    SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *self)
{
    (void)ssl;
    (void)self;
    for (unsigned at = 0; at < in_len && in[at] < in_len - at; at += in[at] + 1u) {
        if (!span_is(span_make((const char *)in + at, in[at] + 1u), span_make((const char *)alpn, sizeof(alpn))))
            continue;
        *out = in + at + 1;
        *out_len = in[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301: no protocol in common */
}

/* Without this OpenSSL does not keep the name in a resumable session. */
static int note_name(SSL *ssl, int *alert, void *self) /* OpenSSL's type. NOLINT(readability-non-const-parameter) */
{
    (void)ssl;
    (void)alert;
    (void)self;
    return SSL_TLSEXT_ERR_OK;
}

/* Without this OpenSSL would ask for a password on the terminal. */
static int no_password(char *out, int room, int writing, void *self) /* OpenSSL's type. NOLINT(readability-non-const-parameter) */
{
    (void)out;
    (void)room;
    (void)writing;
    (void)self;
    return -1;
}

static bool identify(SSL_CTX *ctx, struct span cert_file, struct span key_file, char why[WHY])
{
    char cert[PATH_MAX], key[PATH_MAX];
    if (!path_of(cert_file, cert) || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        say(why, "cannot read the certificate in", cert_file);
        return false;
    }
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    if (!path_of(key_file, key) || SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
        say(why, "cannot use the private key in", key_file);
        return false;
    }
    return true;
}

struct tls_server *tls_server_new(struct span cert_file, struct span key_file, char why[WHY])
{
    static const unsigned char context_id[] = "tollgate";
    ERR_clear_error();
    struct tls_server *s = calloc(1, sizeof(*s));
    SSL_CTX *ctx = s ? context(TLS_server_method()) : NULL;
    if (!ctx) {
        say(why, "cannot set up TLS", SPAN(""));
        free(s);
        return NULL;
    }
    if (!identify(ctx, cert_file, key_file, why)) {
        SSL_CTX_free(ctx);
        free(s);
        return NULL;
    }
    must(SSL_CTX_set_session_id_context(ctx, context_id, sizeof(context_id) - 1) == 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets only: the client keeps the state */
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, note_name);
    atomic_init(&s->refs, 1);
    s->ctx = ctx;
    return s;
}

struct tls_server *tls_server_keep(struct tls_server *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void tls_server_free(struct tls_server *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

SSL *tls_server_ssl(const struct tls_server *s)
{
    return SSL_new(s->ctx);
}
