/* SPDX-License-Identifier: Apache-2.0
 * tls_shared.c - one client context for all who trust the same certificates.
 *
 * To read a system's store takes some twenty milliseconds and a megabyte or two, and a context made afresh has forgotten the
 * sessions of the one before. So a change of the configuration, or a webhook, that trusts what was trusted already gets what
 * is there; a store that changed on disk is read again. */
#include "net/tls.h"

#include <limits.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/must.h"
#include "net/tls_int.h"

/* What there was at a path. All zero: nothing. */
struct seen {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct store_seen {
    char file[PATH_MAX]; /* as it was named; empty: the system's */
    struct seen bundle, folder;
};

static struct {
    pthread_mutex_t lock;
    struct tls_client *client; /* one reference; NULL: none yet */
    struct store_seen of;
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct seen look(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct seen){ .inode = 0 };
    return (struct seen){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool same(const struct seen *a, const struct seen *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static const char *of_system(const char *variable, const char *otherwise)
{
    const char *named = getenv(variable);
    return named ? named : otherwise;
}

/* Before the store is read: what changes meanwhile is seen the next time. False: no file can be named so. */
static bool look_at_store(struct span ca_file, struct store_seen *out)
{
    if (ca_file.len >= sizeof(out->file) || (ca_file.at && ca_file.len == 0))
        return false;
    snprintf(out->file, sizeof(out->file), "%.*s", SPAN_ARG(ca_file));
    out->bundle = look(ca_file.at ? out->file : of_system(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
    out->folder = ca_file.at ? (struct seen){ .inode = 0 } : look(of_system(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
    return true;
}

static bool is_last(const struct store_seen *now)
{
    return last.client && strcmp(last.of.file, now->file) == 0 && same(&last.of.bundle, &now->bundle) && same(&last.of.folder, &now->folder);
}

struct tls_client *tls_client_shared(struct span ca_file, char why[256])
{
    struct store_seen now;
    if (!look_at_store(ca_file, &now))
        return tls_client_new(ca_file, why); /* which says what is wrong with it */
    must(pthread_mutex_lock(&last.lock) == 0);
    struct tls_client *client = is_last(&now) ? tls_client_keep(last.client) : tls_client_new(ca_file, why);
    if (client && client != last.client) {
        tls_client_free(last.client);
        last.client = tls_client_keep(client);
        last.of = now;
    }
    must(pthread_mutex_unlock(&last.lock) == 0);
    return client;
}
