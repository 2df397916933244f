/* SPDX-License-Identifier: Apache-2.0
 * doctor_net.c - a connection as the gate would make it, one blocking step after the other: the name, the address, a proxy, TLS with the
 * same rules, one request. What fails has a name. */
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"

enum { WAIT_S = 8, HEAD_MOST = 64 * 1024 };

struct talk {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    char head[HEAD_MOST];
    size_t len;
};

static void fail(struct asked_host *out, const char *step, const char *why)
{
    out->failed = step;
    snprintf(out->why, sizeof(out->why), "%.*s", (int)sizeof(out->why) - 1, why);
}

/* ---- name and address ---- */

static int connect_one(const struct addrinfo *at)
{
    const struct timeval wait = { .tv_sec = WAIT_S };
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static bool open_connection(struct talk *t, struct span host, uint16_t port, struct asked_host *out)
{
    char name[256], service[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    snprintf(name, sizeof(name), "%.*s", SPAN_ARG(host));
    snprintf(service, sizeof(service), "%u", port);
    int e = getaddrinfo(name, service, &hints, &list);
    if (e) {
        fail(out, "name", gai_strerror(e));
        return false;
    }
    for (const struct addrinfo *at = list; at && t->fd < 0; at = at->ai_next)
        t->fd = connect_one(at);
    if (t->fd < 0)
        fail(out, "connect", errno == EINPROGRESS ? "no answer in 8 s" : strerror(errno));
    freeaddrinfo(list);
    return t->fd >= 0;
}

/* ---- bytes ---- */

static bool put(struct talk *t, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = t->ssl ? SSL_write(t->ssl, bytes.at, (int)bytes.len) : send(t->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = span_from(bytes, (size_t)n);
    }
    return true;
}

/* An answer's head; what follows it is not read. */
static bool get_head(struct talk *t, struct span *head)
{
    t->len = 0;
    while (t->len < HEAD_MOST) {
        int room = (int)(HEAD_MOST - t->len);
        ssize_t n = t->ssl ? SSL_read(t->ssl, t->head + t->len, room) : recv(t->fd, t->head + t->len, (size_t)room, 0);
        if (n <= 0)
            return false;
        t->len += (size_t)n;
        ptrdiff_t end = span_find(span_make(t->head, t->len), SPAN("\r\n\r\n"));
        if (end >= 0) {
            *head = span_make(t->head, (size_t)end + 2);
            return true;
        }
    }
    return false;
}

static int status_of(struct span head)
{
    uint64_t status = 0;
    return span_starts(head, SPAN("HTTP/1.")) && head.len > 12 && span_to_u64(span_make(head.at + 9, 3), &status) ? (int)status : 0;
}

/* "Sun, 22 Nov 2026 07:37:54 GMT" */
static void read_date(struct span head, struct asked_host *out)
{
    struct span line;
    while (span_next(&head, '\n', &line)) {
        struct tm tm = { 0 };
        char text[64];
        if (!span_is_nocase(span_first(line, 5), SPAN("date:")))
            continue;
        snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_trim(span_from(line, 5))));
        if (!strptime(text, "%a, %d %b %Y %H:%M:%S", &tm))
            return;
        out->dated = true; /* whole seconds: the middle of the one it names */
        out->ahead_ms = (int64_t)timegm(&tm) * 1000 + 500 - clock_unix_ms();
        return;
    }
}

/* ---- a proxy, TLS ---- */

static bool pass_proxy(struct talk *t, const struct http_origin *o, struct asked_host *out)
{
    char text[1024];
    struct span head;
    int n = snprintf(text, sizeof(text), "CONNECT %.*s:%u HTTP/1.1\r\nHost: %.*s:%u\r\n%s%.*s%s\r\n", SPAN_ARG(o->host), o->port, SPAN_ARG(o->host), o->port,
        o->proxy_auth.at ? "Proxy-Authorization: " : "", SPAN_ARG(o->proxy_auth.at ? o->proxy_auth : SPAN("")), o->proxy_auth.at ? "\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof(text) || !put(t, span_make(text, (size_t)n)) || !get_head(t, &head)) {
        fail(out, "proxy", "it gave no answer");
        return false;
    }
    if (status_of(head) == 200)
        return true;
    snprintf(text, sizeof(text), "it answered %d", status_of(head));
    fail(out, "proxy", text);
    return false;
}

static void read_certificate(const struct talk *t, struct asked_host *out)
{
    X509 *certificate = SSL_get1_peer_certificate(t->ssl);
    struct tm tm;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm))
        out->certificate_until = (int64_t)timegm(&tm) * 1000;
    X509_free(certificate);
}

static bool shake(struct talk *t, struct span host, struct span ca_file, struct asked_host *out)
{
    char name[256], file[4096];
    snprintf(name, sizeof(name), "%.*s", SPAN_ARG(host));
    snprintf(file, sizeof(file), "%.*s", SPAN_ARG(ca_file.at ? ca_file : SPAN("")));
    t->context = SSL_CTX_new(TLS_client_method());
    bool trusted = t->context && (ca_file.at ? SSL_CTX_load_verify_locations(t->context, file, NULL) : SSL_CTX_set_default_verify_paths(t->context)) == 1;
    if (trusted) {
        SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
        t->ssl = SSL_new(t->context);
    }
    bool address = t->ssl && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name) == 1;
    if (!t->ssl || (!address && (SSL_set1_host(t->ssl, name) != 1 || SSL_set_tlsext_host_name(t->ssl, name) != 1)) || SSL_set_fd(t->ssl, t->fd) != 1) {
        fail(out, "tls", trusted ? "no memory" : "the trusted certificates cannot be read");
        return false;
    }
    ERR_clear_error();
    if (SSL_connect(t->ssl) == 1) {
        read_certificate(t, out);
        return true;
    }
    long verdict = SSL_get_verify_result(t->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    fail(out, "tls", verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : reason ? reason : "the hand-shake was not finished");
    return false;
}

/* ---- the whole ---- */

static bool converse(struct talk *t, const struct http_origin *o, bool tls, struct span ca_file, struct span request, struct asked_host *out)
{
    bool proxied = o->proxy_host.at && o->proxy_host.len;
    struct span head;
    if (!open_connection(t, proxied ? o->proxy_host : o->host, proxied ? o->proxy_port : o->port, out) || (proxied && !pass_proxy(t, o, out)) ||
        (tls && !shake(t, o->host, ca_file, out)))
        return false;
    if (!request.at)
        return true;
    if (!put(t, request) || !get_head(t, &head)) {
        fail(out, "answer", "none came in 8 s");
        return false;
    }
    out->status = status_of(head);
    read_date(head, out);
    if (!out->status)
        fail(out, "answer", "it is no HTTP");
    return out->status != 0;
}

void doctor_ask(const struct http_origin *o, bool tls, struct span ca_file, struct span request, struct asked_host *out)
{
    static struct talk t;
    int64_t began = clock_monotonic_ns();
    t = (struct talk){ .fd = -1 };
    *out = (struct asked_host){ .failed = NULL };
    (void)converse(&t, o, tls, ca_file, request, out);
    out->took_ms = (clock_monotonic_ns() - began) / 1000000;
    SSL_free(t.ssl);
    SSL_CTX_free(t.context);
    if (t.fd >= 0)
        close(t.fd);
    explicit_bzero(t.head, sizeof(t.head));
}
