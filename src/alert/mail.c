/* SPDX-License-Identifier: Apache-2.0
 * mail.c - SMTP, by libcurl, which is loaded with the first mail.
 *
 * Linked, libcurl and the 28 libraries behind it would cost 4 MiB of resident memory in every gate, the many that never mail
 * included; so its header is what the build needs, and the library what the first mail needs. Proxies of the environment are
 * not used: a mail goes to the host that the configuration names. */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert/inside.h"
#include "base/clock.h"

enum { CONNECT_MS = 10 * 1000, LETTER_BYTES = 8 * ALERT_BYTES, URL_BYTES = 512 };

struct curl {
    CURLcode (*global_init)(long flags);
    CURL *(*init)(void);
    CURLcode (*set)(CURL *c, CURLoption option, ...);
    CURLcode (*perform)(CURL *c);
    CURLcode (*ask)(CURL *c, CURLINFO what, ...);
    void (*cleanup)(CURL *c);
    struct curl_slist *(*append)(struct curl_slist *list, const char *text);
    void (*free_all)(struct curl_slist *list);
    const char *(*explain)(CURLcode code);
};

/* Process-wide on purpose, as libcurl's own state is: it is loaded and set up once, and never taken out again. */
static struct curl library;
static bool is_loaded;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static bool find(void *from, const char *name, void *function)
{
    void *at = dlsym(from, name);
    memcpy(function, &at, sizeof(at)); /* ISO C has no conversion between the two kinds of pointer */
    return at != NULL;
}

static bool load(void)
{
    void *from = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (from == NULL)
        return false;
    return find(from, "curl_global_init", &library.global_init) && find(from, "curl_easy_init", &library.init) &&
           find(from, "curl_easy_setopt", &library.set) && find(from, "curl_easy_perform", &library.perform) &&
           find(from, "curl_easy_getinfo", &library.ask) && find(from, "curl_easy_cleanup", &library.cleanup) &&
           find(from, "curl_slist_append", &library.append) && find(from, "curl_slist_free_all", &library.free_all) &&
           find(from, "curl_easy_strerror", &library.explain) && library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static const struct curl *get_library(void)
{
    pthread_mutex_lock(&loading);
    is_loaded = is_loaded || load(); /* it may be installed while the gate runs */
    const struct curl *curl = is_loaded ? &library : NULL;
    pthread_mutex_unlock(&loading);
    return curl;
}

/* ---- one mail ---- */

struct sending {
    const struct curl *curl;
    CURL *handle;
    struct curl_slist *to;
    const struct alert *alert;
    struct buf letter;
    size_t read;
    char *password; /* secret memory, with a NUL */
    size_t password_room;
    int64_t until_ns;
    bool refused; /* an option was not taken */
    char error[CURL_ERROR_SIZE];
};

static size_t give(char *out, size_t size, size_t count, void *self)
{
    struct sending *s = self;
    struct span run = span_first(span_from(buf_span(&s->letter), s->read), size * count);
    if (run.len)
        memcpy(out, run.at, run.len);
    s->read += run.len;
    return run.len;
}

static bool is_cancelled(const struct sending *s)
{
    return s->alert->cancel && atomic_load_explicit(s->alert->cancel, memory_order_relaxed);
}

/* Asked once a second at least. libcurl's own time-outs leave out the answer to QUIT. */
static int call_off(void *self, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct sending *s = self;
    (void)a, (void)b, (void)c, (void)d;
    return is_cancelled(s) || clock_monotonic_ns() > s->until_ns;
}

#define SET(option, value) (s->refused |= s->curl->set(s->handle, (option), (value)) != CURLE_OK)

static void set_text(struct sending *s, CURLoption option, struct span text)
{
    char copy[URL_BYTES];
    s->refused |= text.len >= sizeof(copy) || span_find_byte(text, '\0') >= 0;
    if (s->refused)
        return;
    snprintf(copy, sizeof(copy), "%.*s", SPAN_ARG(text));
    SET(option, copy);
}

static void set_password(struct sending *s, struct span secret)
{
    s->password_room = secret.len + 1;
    s->password = secret_alloc(s->password_room);
    s->refused |= s->password == NULL || span_find_byte(secret, '\0') >= 0;
    if (s->refused)
        return;
    if (secret.len)
        memcpy(s->password, secret.at, secret.len);
    s->password[secret.len] = '\0';
    SET(CURLOPT_PASSWORD, s->password);
}

static void set_recipients(struct sending *s, const struct alert_endpoint *e)
{
    for (size_t i = 0; i < e->to_count; i++) {
        char copy[URL_BYTES];
        struct span address = letter_address(e->to[i]);
        snprintf(copy, sizeof(copy), "<%.*s>", SPAN_ARG(address));
        struct curl_slist *longer = address.at ? s->curl->append(s->to, copy) : NULL;
        s->refused |= longer == NULL;
        s->to = longer ? longer : s->to;
    }
    s->refused |= s->to == NULL;
    SET(CURLOPT_MAIL_RCPT, s->to);
    SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* one that is gone shall not keep it from the others */
}

static void set_up(struct sending *s, const struct alert_endpoint *e)
{
    struct span from = letter_address(e->from);
    char sender[URL_BYTES];
    set_text(s, CURLOPT_URL, e->url);
    SET(CURLOPT_USE_SSL, (long)(e->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_FORBID_REUSE, 1L); /* else QUIT is said, and waited for, by curl_easy_cleanup, which nobody can call off */
    SET(CURLOPT_ERRORBUFFER, s->error);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, give);
    SET(CURLOPT_READDATA, s);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, call_off);
    SET(CURLOPT_XFERINFODATA, s);
    if (e->user.len) {
        set_text(s, CURLOPT_USERNAME, e->user);
        set_password(s, e->secret);
    }
    snprintf(sender, sizeof(sender), "<%.*s>", SPAN_ARG(from));
    SET(CURLOPT_MAIL_FROM, sender);
    set_recipients(s, e);
    s->refused |= from.at == NULL;
}

/* libcurl's sentence says which command failed and with which number, never what was sent. */
static enum err explain(struct sending *s, CURLcode code, char why[256])
{
    const char *text = s->error[0] ? s->error : s->curl->explain(code);
    bool aborted = code == CURLE_ABORTED_BY_CALLBACK;
    snprintf(why, 256, "%s", !aborted ? text : is_cancelled(s) ? "the gate is ending" : "it did not answer in time");
    for (char *c = why; *c; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : ' ';
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_PEER_FAILED_VERIFICATION:
        return E_UPSTREAM_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return E_UPSTREAM_TIMEOUT;
    case CURLE_ABORTED_BY_CALLBACK:
        return is_cancelled(s) ? E_CLIENT_GONE : E_UPSTREAM_TIMEOUT;
    default:
        return E_UPSTREAM_BROKEN;
    }
}

static enum err perform(struct sending *s, const struct alert_endpoint *e, char why[256])
{
    set_up(s, e);
    if (s->refused) {
        snprintf(why, 256, "its url, user, sender or a recipient cannot be used");
        return E_BAD_REQUEST;
    }
    letter_write(&s->letter, e, s->alert);
    if (s->letter.broken) {
        snprintf(why, 256, "out of memory");
        return E_NO_MEMORY;
    }
    CURLcode code = s->curl->perform(s->handle);
    return code == CURLE_OK ? E_OK : explain(s, code, why);
}

enum err mail_send(const struct alert_endpoint *e, const struct alert *a, char why[256])
{
    struct sending s = { .curl = get_library(), .alert = a, .until_ns = clock_monotonic_ns() + SEND_MS * INT64_C(1000000) };
    if (s.curl == NULL) {
        snprintf(why, 256, "mail needs libcurl.so.4, which is not installed here (Debian: apt-get install libcurl4)");
        return E_IO;
    }
    if (!span_starts(e->url, SPAN("smtp://")) && !span_starts(e->url, SPAN("smtps://"))) {
        snprintf(why, 256, "its url is neither smtp:// nor smtps://");
        return E_BAD_REQUEST;
    }
    s.handle = s.curl->init();
    if (s.handle == NULL) {
        snprintf(why, 256, "out of memory");
        return E_NO_MEMORY;
    }
    buf_init(&s.letter, LETTER_BYTES);
    enum err sent = perform(&s, e, why);
    s.curl->cleanup(s.handle);
    s.curl->free_all(s.to);
    buf_free(&s.letter);
    if (s.password)
        secret_free(s.password, s.password_room);
    return sent;
}
