/* SPDX-License-Identifier: Apache-2.0
 * probes.c - see probes.h. One question at a time for a vendor, with its first credential, until an answer's head is there or the time is
 * over. */
#include "flow/probes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum { ARENA_MOST = 256 << 10, HEAD_MOST = 64 << 10, SLUG_MOST = 64, WHY = 120 };

/* A vendor that is asked; stays when the configuration changes. */
struct watched {
    struct watched *next;
    char slug[SLUG_MOST + 1];
    int64_t next_at;
    bool asking;
};

struct probes {
    struct loop *loop;
    struct http_pool *pool;
    struct health *health;
    struct watched *watched;
    struct list asking;
};

struct asking {
    struct list link;
    struct probes *probes;
    struct watched *watched;
    struct snapshot *snapshot; /* holds the next two */
    const struct upstream *upstream;
    const struct credential *credential;
    struct http_call *call;
    struct timer timeout;
    struct buf head; /* has the secret in it */
    bool sent;
};

struct probes *probes_new(struct loop *loop, struct http_pool *pool, struct health *health)
{
    struct probes *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    *p = (struct probes){ .loop = loop, .pool = pool, .health = health };
    list_init(&p->asking);
    return p;
}

/* ---- one question ---- */

static void wipe_head(struct asking *q)
{
    if (q->head.at)
        secret_wipe(q->head.at, q->head.room);
    buf_free(&q->head);
}

static void drop(struct asking *q)
{
    list_remove(&q->link);
    timer_clear(&q->timeout);
    if (q->call)
        http_call_close(q->call);
    wipe_head(q);
    q->watched->asking = false;
    snapshot_drop(q->snapshot);
    free(q);
}

/* What it means: a success closes, no answer and a server's fault open, 401 is the credential's; anything else says nothing. status 0:
 * none came, and why. */
static void tell(const struct asking *q, int status, const char *fault)
{
    char why[WHY];
    const struct probe_rule *rule = q->upstream->probe;
    struct span vendor = q->upstream->vendor.slug, name = q->credential->name;
    int64_t now = clock_unix_ms();
    if (status)
        snprintf(why, sizeof(why), "the probe of %.*s was answered with status %d", SPAN_ARG(span_first(rule->path, 60)), status);
    else
        snprintf(why, sizeof(why), "the probe of %.*s found no answer: %s", SPAN_ARG(span_first(rule->path, 60)), fault);
    if (status == 401)
        health_refuse_credential(q->probes->health, vendor, name, q->credential->mark, status, now);
    else if (!status || status >= 500 || (status >= 200 && status < 300))
        health_probed(q->probes->health, vendor, name, status && status < 500, span_of(why), 2 * rule->interval_ms + rule->timeout_ms, now);
    else
        log_warn("health", "%.*s: %s, which says nothing of it; allowed: a path that answers with 2xx", SPAN_ARG(vendor), why);
}

static void finish(struct asking *q, int status, const char *fault)
{
    tell(q, status, fault);
    drop(q);
}

static void too_late(struct timer *t)
{
    finish(CONTAINER_OF(t, struct asking, timeout), 0, "it took too long");
}

static void fail(struct asking *q)
{
    char text[80];
    struct span code = err_code(http_call_fault(q->call));
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(code));
    finish(q, 0, text);
}

static void step(void *self)
{
    struct asking *q = self;
    const struct http_head *head;
    enum io got = http_call_ready(q->call);
    if (got == IO_BYTES && !q->sent) {
        q->sent = true;
        http_call_send(q->call, buf_span(&q->head), SPAN(""), false, true);
        wipe_head(q);
    }
    if (got == IO_BYTES)
        got = http_call_head(q->call, &head);
    if (got == IO_BYTES)
        finish(q, head->status, NULL);
    else if (got != IO_WAIT)
        fail(q);
}

/* ---- asking ---- */

static size_t compose(struct asking *q, int64_t now_ms)
{
    struct arena a;
    struct http_head none = { 0 };
    struct matched matched;
    const struct vendor *v = &q->upstream->vendor;
    const struct probe_rule *rule = q->upstream->probe;
    must(vendor_match(v, SPAN("GET"), rule->path, &matched)); /* it was looked at when it was read */
    arena_init(&a, ARENA_MOST);
    none.method = SPAN("GET");
    struct compose c = { .vendor = v, .matched = &matched, .head = &none, .path = rule->path, .query = rule->query, .secret = &q->credential->secret,
        .settings = q->upstream->settings, .body = SPAN(""), .now_ms = now_ms };
    size_t origin = vendor_compose(&c, &a, &q->head);
    arena_free(&a);
    return origin;
}

static void begin(struct asking *q, int64_t now_ms)
{
    const struct probe_rule *rule = q->upstream->probe;
    const struct http_deadlines d = { rule->timeout_ms, rule->timeout_ms, rule->timeout_ms, rule->timeout_ms };
    size_t origin = compose(q, now_ms);
    if (origin < q->upstream->origin_count && !q->head.broken)
        q->call = http_call_open(q->probes->pool, &q->upstream->origins[origin], &d, step, q);
    if (!q->call) {
        drop(q); /* without memory nothing is learnt */
        return;
    }
    timer_set(q->probes->loop, &q->timeout, rule->timeout_ms);
    step(q);
}

static void ask(struct probes *p, struct watched *w, struct snapshot *s, const struct upstream *u, const struct credential *c, int64_t now_ms)
{
    struct asking *q = calloc(1, sizeof(*q));
    if (!q)
        return;
    *q = (struct asking){ .probes = p, .watched = w, .snapshot = snapshot_keep(s), .upstream = u, .credential = c };
    timer_init(&q->timeout, too_late);
    buf_init(&q->head, HEAD_MOST);
    list_add_last(&p->asking, &q->link);
    w->asking = true;
    begin(q, now_ms);
}

static const struct credential *first_credential(const struct snapshot *s, const struct upstream *u)
{
    for (size_t i = 0; i < s->credential_count; i++)
        if (s->credentials[i].upstream == u && !s->credentials[i].disabled)
            return &s->credentials[i];
    return NULL;
}

static struct watched *watch(struct probes *p, struct span slug)
{
    for (struct watched *w = p->watched; w; w = w->next)
        if (span_is(span_of(w->slug), slug))
            return w;
    struct watched *w = slug.len <= SLUG_MOST ? calloc(1, sizeof(*w)) : NULL;
    if (!w)
        return NULL;
    memcpy(w->slug, slug.at, slug.len);
    w->next = p->watched;
    p->watched = w;
    return w;
}

static bool is_stopped(const struct stop_set *stops, const struct upstream *u, int64_t now_ms)
{
    const struct facts facts = { .vendor = u->vendor.slug };
    return stop_set_match(stops, &facts, now_ms) != NULL;
}

static void consider(struct probes *p, struct snapshot *s, const struct stop_set *stops, const struct upstream *u, int64_t now_ms)
{
    struct watched *w = watch(p, u->vendor.slug);
    const struct credential *c = first_credential(s, u);
    if (!w || !c || w->asking)
        return;
    if (w->next_at > now_ms && w->next_at - now_ms <= u->probe->interval_ms)
        return;
    w->next_at = now_ms + u->probe->interval_ms;
    if (!is_stopped(stops, u, now_ms))
        ask(p, w, s, u, c, now_ms);
}

void probes_tick(struct probes *p, struct snapshot *s, const struct stop_set *stops, int64_t now_ms)
{
    for (size_t i = 0; i < s->upstream_count; i++)
        if (s->upstreams[i].probe)
            consider(p, s, stops, &s->upstreams[i], now_ms);
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    for (struct list *first; (first = list_take_first(&p->asking));)
        drop(CONTAINER_OF(first, struct asking, link));
    while (p->watched) {
        struct watched *w = p->watched;
        p->watched = w->next;
        free(w);
    }
    free(p);
}
