/* SPDX-License-Identifier: Apache-2.0
 * wire_tls.c - TLS over a wire's socket.
 *
 * OpenSSL reads straight from the bytes the socket brought and writes straight into w->pending, by a BIO of ours: no copy
 * and no buffer while idle. Plain text is gathered in the loop's plain_buffer, so that several records are one bytes().
 * If the user pauses half-way, the rest is held as it came, encrypted: at most two reads' worth. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/resolve.h"
#include "net/wire_int.h"

enum { RECORD_MAX = 16 * 1024, HELD_MAX = 2 * LOOP_READ_SIZE };

struct tls_stream {
    SSL *ssl;
    struct wire *w;
    struct span input;        /* not yet taken by OpenSSL; set during a pump only */
    struct buf held;          /* input that came while the user wants none */
    struct tls_target target; /* .client == NULL: we are the server */
};

/* --- the BIO between OpenSSL and the wire --- */

static int bio_read(BIO *bio, char *out, int room)
{
    struct tls_stream *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->input.len == 0 || room <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    struct span take = span_first(t->input, (size_t)room);
    memcpy(out, take.at, take.len);
    t->input = span_from(t->input, take.len);
    return (int)take.len;
}

static int bio_write(BIO *bio, const char *in, int n)
{
    struct tls_stream *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n <= 0)
        return 0;
    buf_put(&t->w->pending, span_make(in, (size_t)n));
    return t->w->pending.broken ? -1 : n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* OpenSSL has no constant form of a method; this one is made once and never changed. */
static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire");
    must(bio_method);
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* --- life --- */

/* Takes ssl, which may be NULL. */
static struct tls_stream *attach(struct wire *w, SSL *ssl)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_bio_method);
    struct tls_stream *t = calloc(1, sizeof(*t));
    BIO *bio = BIO_new(bio_method);
    if (!ssl || !t || !bio) {
        SSL_free(ssl);
        BIO_free(bio);
        free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, &t->target);
    t->ssl = ssl;
    t->w = w;
    buf_init(&t->held, HELD_MAX);
    w->tls = t;
    return t;
}

void wire_tls_free(struct wire *w)
{
    struct tls_stream *t = w->tls;
    if (!t)
        return;
    w->tls = NULL;
    /* Else OpenSSL would spoil the session: a dropped connection is no reason not to resume. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    buf_free(&t->held);
    if (t->target.client)
        tls_client_free(t->target.client);
    free(t);
}

/* Who the peer must prove to be. A literal address is no name: no SNI, and the certificate must hold that address. */
static bool expect(SSL *ssl, struct span host)
{
    char name[256];
    union address literal;
    if (host.len > 0 && host.at[host.len - 1] == '.')
        host.len--; /* "example.com." is example.com in certificates */
    if (host.len == 0 || host.len >= sizeof(name))
        return false;
    memcpy(name, host.at, host.len);
    name[host.len] = 0;
    if (resolve_literal(host, &literal))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err wire_tls_connect(struct wire *w, const struct tls_client *client, struct span host, uint16_t port)
{
    struct tls_stream *t = attach(w, tls_client_ssl(client));
    if (!t)
        return E_NO_MEMORY;
    t->target.client = tls_client_keep(client);
    int len = snprintf(t->target.key, sizeof(t->target.key), "%.*s:%u", SPAN_ARG(host), port);
    if (len < 0 || (size_t)len >= sizeof(t->target.key))
        t->target.key[0] = 0;
    if (!expect(t->ssl, host)) {
        ERR_clear_error();
        return E_UPSTREAM_UNREACHABLE;
    }
    tls_session_offer(t->ssl, &t->target);
    SSL_set_connect_state(t->ssl);
    return E_OK;
}

enum err wire_tls_accept(struct wire *w, const struct tls_server *server)
{
    struct tls_stream *t = attach(w, tls_server_ssl(server));
    if (!t)
        return E_NO_MEMORY;
    SSL_set_accept_state(t->ssl);
    return E_OK;
}

/* --- the hand-shake --- */

static void complain(struct wire *w)
{
    struct tls_stream *t = w->tls;
    long verdict = SSL_get_verify_result(t->ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (!t->target.client) {
        log_debug("net", "TLS hand-shake with caller %s failed: %s", w->peer, reason ? reason : "cut off");
        return;
    }
    if (loop_may_complain(w->loop))
        log_warn("net", "TLS hand-shake with %s failed: %s", t->target.key,
            verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : (reason ? reason : "cut off"));
}

static void shake_failed(struct wire *w)
{
    complain(w);
    ERR_clear_error();
    if (w->tls->target.client)
        tls_session_forget(&w->tls->target);
    wire_tcp_flush(w); /* the alert */
    wire_tcp_read_stop(w);
    wire_failed(w, E_UPSTREAM_UNREACHABLE);
}

/* A server that chose nothing speaks HTTP/1.1; one that chose what we did not offer is not to be talked to. */
static bool protocol_is_ours(SSL *ssl)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 0 || span_is(span_make((const char *)name, len), SPAN("http/1.1"));
}

/* True when the wire is open. */
static bool shake(struct wire *w)
{
    struct tls_stream *t = w->tls;
    if (w->outcome != E_OK)
        return false; /* it failed; the user hears in the next turn */
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (result != 1 && SSL_get_error(t->ssl, result) != SSL_ERROR_WANT_READ) {
        shake_failed(w);
        return false;
    }
    wire_tcp_flush(w);
    if (result != 1)
        return false;
    if (!protocol_is_ours(t->ssl) || (t->target.client && SSL_get_verify_result(t->ssl) != X509_V_OK)) {
        shake_failed(w);
        return false;
    }
    wire_opened(w);
    return w->state == WIRE_OPEN;
}

void wire_tls_start(struct wire *w)
{
    (void)shake(w);
}

/* --- reading --- */

/* Hands one run of plain text to the user. False: no more for now, whatever the reason. */
static bool deliver(struct wire *w)
{
    SSL *ssl = w->tls->ssl;
    size_t n = 0, got;
    int stop = SSL_ERROR_NONE;
    ERR_clear_error();
    while (n < LOOP_READ_SIZE && stop == SSL_ERROR_NONE) {
        if (SSL_read_ex(ssl, w->loop->plain_buffer + n, LOOP_READ_SIZE - n, &got) == 1)
            n += got;
        else
            stop = SSL_get_error(ssl, 0);
    }
    ERR_clear_error();
    wire_tcp_flush(w); /* answers of the protocol itself, say to a key update */
    if (n)
        w->user->bytes(w->self, span_make(w->loop->plain_buffer, n));
    if (w->state != WIRE_OPEN)
        return false;
    if (stop == SSL_ERROR_NONE)
        return true;
    if (stop != SSL_ERROR_WANT_READ)
        wire_end(w, stop == SSL_ERROR_ZERO_RETURN ? E_OK : E_UPSTREAM_BROKEN);
    return false;
}

static void pump(struct wire *w)
{
    if (w->state == WIRE_SHAKING && !shake(w))
        return;
    while (w->state == WIRE_OPEN && !w->paused && !w->over && deliver(w))
        continue;
}

void wire_tls_input(struct wire *w, struct span in)
{
    struct tls_stream *t = w->tls;
    if (t->held.len) {
        buf_put(&t->held, in);
        if (t->held.broken)
            wire_tell_broken(w);
        else
            wire_tls_pump(w);
        return;
    }
    t->input = in;
    pump(w);
    if (t->input.len && w->state == WIRE_OPEN && !w->over)
        buf_put(&t->held, t->input);
    t->input = SPAN_NONE;
    if (t->held.broken)
        wire_tell_broken(w);
}

void wire_tls_pump(struct wire *w)
{
    struct tls_stream *t = w->tls;
    if (w->paused || w->over)
        return;
    t->input = t->held.len ? buf_span(&t->held) : SPAN_NONE;
    pump(w);
    buf_drop(&t->held, t->held.len - t->input.len);
    t->input = SPAN_NONE;
    if (t->held.len == 0)
        buf_free(&t->held);
}

bool wire_tls_holds(const struct wire *w)
{
    return w->tls->held.len || SSL_has_pending(w->tls->ssl);
}

/* --- writing --- */

static void encrypt(struct wire *w, struct span plain)
{
    size_t took;
    if (plain.len == 0 || w->pending.broken)
        return;
    ERR_clear_error();
    if (SSL_write_ex(w->tls->ssl, plain.at, plain.len, &took) == 1)
        return;
    ERR_clear_error();
    w->pending.broken = true; /* the stream cannot go on behind a lost record */
}

/* Small parts share a record: a head and its body are one, not two. */
void wire_tls_write(struct wire *w, const struct span *parts, size_t n)
{
    char record[RECORD_MAX];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        struct span rest = parts[i];
        if (n > 1 && rest.len <= sizeof(record) - len) {
            if (rest.len)
                memcpy(record + len, rest.at, rest.len);
            len += rest.len;
            continue;
        }
        encrypt(w, span_make(record, len));
        len = 0;
        encrypt(w, rest);
    }
    encrypt(w, span_make(record, len));
    wire_tcp_flush(w);
}

void wire_tls_shut(struct wire *w)
{
    ERR_clear_error();
    (void)SSL_shutdown(w->tls->ssl); /* close_notify; whether the peer answers is its affair */
    ERR_clear_error();
    wire_tcp_flush(w);
}

/* --- who --- */

struct span wire_tls_server_name(const struct wire *w)
{
    return span_of(SSL_get_servername(w->tls->ssl, TLSEXT_NAMETYPE_host_name));
}

bool wire_tls_resumed(const struct wire *w)
{
    return w->tls && SSL_session_reused(w->tls->ssl) == 1;
}
