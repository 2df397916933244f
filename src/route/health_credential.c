/* SPDX-License-Identifier: Apache-2.0
 * health_credential.c - the credentials that their vendor refuses. As long as there are none, asking costs one load. */
#include "route/health_inside.h"

#include <stdlib.h>

enum { REFUSED_MOST = 1024 };

static bool is_it(const struct health_refused *r, struct span vendor, struct span credential)
{
    return span_is(r->vendor, vendor) && span_is(r->credential, credential);
}

static struct health_refused *make(struct span vendor, struct span credential)
{
    struct health_refused *r = calloc(1, sizeof(*r) + vendor.len + credential.len);
    if (!r)
        return NULL;
    char *text = (char *)(r + 1);
    if (vendor.len)
        memcpy(text, vendor.at, vendor.len);
    if (credential.len)
        memcpy(text + vendor.len, credential.at, credential.len);
    r->vendor = span_make(text, vendor.len);
    r->credential = span_make(text + vendor.len, credential.len);
    return r;
}

/* Under the lock. */
static struct health_refused *find(struct health *h, struct span vendor, struct span credential)
{
    struct health_refused *r = h->refused;
    while (r && !is_it(r, vendor, credential))
        r = r->next;
    return r;
}

static void drop_oldest(struct health *h)
{
    struct health_refused **at = &h->refused;
    while ((*at)->next)
        at = &(*at)->next;
    free(*at);
    *at = NULL;
    atomic_fetch_sub(&h->refused_count, 1);
}

static struct health_refused *add(struct health *h, struct span vendor, struct span credential)
{
    struct health_refused *r = make(vendor, credential);
    if (!r)
        return NULL;
    if (atomic_load(&h->refused_count) == REFUSED_MOST)
        drop_oldest(h);
    r->next = h->refused;
    h->refused = r;
    atomic_fetch_add(&h->refused_count, 1);
    return r;
}

void health_refuse_credential(struct health *h, struct span vendor, struct span credential, uint64_t secret, int status, int64_t now_ms)
{
    must(pthread_mutex_lock(&h->lock) == 0);
    struct health_refused *r = find(h, vendor, credential);
    bool news = !r || r->secret != secret;
    if (!r)
        r = add(h, vendor, credential);
    if (r && news)
        *r = (struct health_refused){ r->next, r->vendor, r->credential, secret, status, now_ms };
    must(pthread_mutex_unlock(&h->lock) == 0);
    if (news && h->hooks.refused)
        h->hooks.refused(h->hooks.self, vendor, credential, status);
}

static size_t forgive(struct health *h, struct span vendor, struct span credential, const uint64_t *but)
{
    size_t forgiven = 0;
    for (struct health_refused **at = &h->refused; *at;) {
        struct health_refused *r = *at;
        bool meant = (!vendor.at || span_is(r->vendor, vendor)) && (!credential.at || span_is(r->credential, credential));
        if (!meant || (but && r->secret == *but)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free(r);
        atomic_fetch_sub(&h->refused_count, 1);
        forgiven++;
    }
    return forgiven;
}

/* Another secret than the one that was refused is a new chance. */
bool health_credential_refused(struct health *h, struct span vendor, struct span credential, uint64_t secret)
{
    if (!atomic_load_explicit(&h->refused_count, memory_order_relaxed))
        return false;
    must(pthread_mutex_lock(&h->lock) == 0);
    (void)forgive(h, vendor, credential, &secret);
    bool refused = find(h, vendor, credential) != NULL;
    must(pthread_mutex_unlock(&h->lock) == 0);
    return refused;
}

size_t health_forgive(struct health *h, struct span vendor, struct span credential)
{
    must(pthread_mutex_lock(&h->lock) == 0);
    size_t forgiven = forgive(h, vendor, credential, NULL);
    must(pthread_mutex_unlock(&h->lock) == 0);
    return forgiven;
}

void health_write_refused(struct health *h, struct span vendor, struct json_out *o)
{
    must(pthread_mutex_lock(&h->lock) == 0);
    for (const struct health_refused *r = h->refused; r; r = r->next) {
        if (vendor.at && !span_is(r->vendor, vendor))
            continue;
        json_open(o, '{');
        json_pair(o, SPAN("vendor"), r->vendor);
        json_pair(o, SPAN("credential"), r->credential);
        json_pair_i64(o, SPAN("status"), r->status);
        json_pair_time(o, SPAN("since"), r->since);
        json_close(o, '}');
    }
    must(pthread_mutex_unlock(&h->lock) == 0);
}

void health_free_refused(struct health *h)
{
    while (h->refused) {
        struct health_refused *r = h->refused;
        h->refused = r->next;
        free(r);
    }
}
