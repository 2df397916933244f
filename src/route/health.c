/* SPDX-License-Identifier: Apache-2.0
 * health.c - the table of targets: see health.h. Entries are only ever added, at the head of a chain that readers follow without a lock. */
#include "route/health_inside.h"

#include <stdlib.h>

#include "base/map.h"

enum { FINE_MS = 1000, COARSE_MS = 10 * 1000, HEADROOM_MS = 60 * 1000, PPM = 1000 * 1000, PARTS = 4 };

/* ---- making ---- */

static void init(struct health_target *t, const struct health_hooks *hooks)
{
    t->hooks = hooks;
    t->fine.width_ms = FINE_MS;
    t->coarse.width_ms = COARSE_MS;
    atomic_store(&t->speed.average_us, -1);
    atomic_store(&t->headroom_ppm, -1);
    must(pthread_mutex_init(&t->lock, NULL) == 0);
}

/* key, then the name for people: "openai/main/gpt-4o@eu". */
static struct health_target *make(const struct span parts[PARTS], struct span key, uint64_t hash)
{
    struct health_target *t = calloc(1, sizeof(*t) + 2 * key.len + 1);
    if (!t)
        return NULL;
    struct span *mine[PARTS] = { &t->vendor, &t->credential, &t->model, &t->region };
    char *text = (char *)(t + 1), *name = text + key.len;
    memcpy(text, key.at, key.len);
    t->key = span_make(text, key.len);
    t->hash = hash;
    for (size_t i = 0; i < PARTS; i++) {
        *mine[i] = span_make(text, parts[i].len);
        text += parts[i].len + 1;
        if (i && parts[i].len)
            name[t->name.len++] = i == PARTS - 1 ? '@' : '/';
        if (parts[i].len)
            memcpy(name + t->name.len, parts[i].at, parts[i].len);
        t->name.len += parts[i].len;
    }
    t->name.at = name;
    return t;
}

static void free_target(struct health_target *t)
{
    if (t)
        pthread_mutex_destroy(&t->lock);
    free(t);
}

struct health *health_new(const struct health_hooks *hooks)
{
    const struct span all[PARTS] = { SPAN("others"), SPAN(""), SPAN(""), SPAN("") };
    struct health *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->hooks = hooks ? *hooks : (struct health_hooks){ 0 };
    must(pthread_mutex_init(&h->lock, NULL) == 0);
    h->rest = make(all, SPAN("others\0\0\0\0"), 0);
    if (!h->rest) {
        health_free(h);
        return NULL;
    }
    init(h->rest, &h->hooks);
    h->rest->shared = true;
    return h;
}

void health_free(struct health *h)
{
    if (!h)
        return;
    for (struct health_target *t = atomic_load(&h->newest); t;) {
        struct health_target *older = t->older;
        free_target(t);
        t = older;
    }
    free_target(h->rest);
    health_free_refused(h);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- finding ---- */

static struct health_target *look_in(const struct health *h, uint64_t hash, struct span key)
{
    struct health_target *t = atomic_load_explicit(&h->heads[hash % HEALTH_HEADS], memory_order_acquire);
    while (t && (t->hash != hash || !span_is(t->key, key)))
        t = t->chain;
    return t;
}

/* Under the lock. */
static struct health_target *add(struct health *h, const struct span parts[PARTS], struct span key, uint64_t hash)
{
    _Atomic(struct health_target *) *head = &h->heads[hash % HEALTH_HEADS];
    struct health_target *t = h->count < HEALTH_TARGETS_MOST ? make(parts, key, hash) : NULL;
    if (!t)
        return h->rest;
    init(t, &h->hooks);
    t->chain = atomic_load_explicit(head, memory_order_relaxed);
    t->older = atomic_load_explicit(&h->newest, memory_order_relaxed);
    h->count++;
    atomic_store_explicit(head, t, memory_order_release);
    atomic_store_explicit(&h->newest, t, memory_order_release);
    return t;
}

/* With a NUL behind each part, so that no two targets share a key. SPAN_NONE: too long, or with a NUL in it. */
static struct span compose(const struct span parts[PARTS], char room[HEALTH_NAME_MOST])
{
    size_t at = 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].len >= HEALTH_NAME_MOST - at || (parts[i].len && memchr(parts[i].at, '\0', parts[i].len)))
            return SPAN_NONE;
        if (parts[i].len)
            memcpy(room + at, parts[i].at, parts[i].len);
        at += parts[i].len;
        room[at++] = '\0';
    }
    return span_make(room, at);
}

struct health_target *health_find(struct health *h, struct span vendor, struct span credential, struct span model, struct span region)
{
    const struct span parts[PARTS] = { vendor, credential, model, region };
    char room[HEALTH_NAME_MOST];
    struct span key = compose(parts, room);
    if (!key.at)
        return h->rest;
    uint64_t hash = map_hash(key);
    struct health_target *t = look_in(h, hash, key);
    if (t)
        return t;
    must(pthread_mutex_lock(&h->lock) == 0);
    t = look_in(h, hash, key);
    if (!t)
        t = add(h, parts, key, hash);
    must(pthread_mutex_unlock(&h->lock) == 0);
    return t;
}

/* ---- load ---- */

int64_t health_in_flight(const struct health_target *t) { return atomic_load_explicit(&t->in_flight, memory_order_relaxed); }

void health_headroom(struct health_target *t, int64_t left, int64_t limit, int64_t now_ms)
{
    if (limit <= 0 || left < 0)
        return;
    double part = left >= limit ? 1.0 : (double)left / (double)limit;
    atomic_store_explicit(&t->headroom_at, now_ms, memory_order_relaxed);
    atomic_store_explicit(&t->headroom_ppm, (int64_t)(part * PPM), memory_order_relaxed);
}

int64_t health_headroom_ppm(const struct health_target *t, int64_t now_ms)
{
    int64_t age = now_ms - atomic_load_explicit(&t->headroom_at, memory_order_relaxed);
    return age > HEADROOM_MS || age < -HEADROOM_MS ? -1 : atomic_load_explicit(&t->headroom_ppm, memory_order_relaxed);
}

/* ---- all of a kind ---- */

static bool is_meant(const struct health_target *t, struct span vendor, struct span credential, struct span model)
{
    return (!vendor.at || span_is(t->vendor, vendor)) && (!credential.at || span_is(t->credential, credential)) &&
           (!model.at || span_is(t->model, model));
}

static struct health_target *next_of(struct health_target *t, struct span vendor, struct span credential, struct span model)
{
    while (t && !is_meant(t, vendor, credential, model))
        t = t->older;
    return t;
}

static struct health_target *first_of(struct health *h, struct span vendor, struct span credential, struct span model)
{
    return next_of(atomic_load_explicit(&h->newest, memory_order_acquire), vendor, credential, model);
}

bool health_reset(struct health *h, struct span vendor, struct span credential, struct span model, int64_t now_ms)
{
    size_t found = model.at ? 0 : health_forgive(h, vendor, credential);
    for (struct health_target *t = first_of(h, vendor, credential, model); t; t = next_of(t->older, vendor, credential, model)) {
        health_close(t, SPAN("reset by an operator"), now_ms);
        found++;
    }
    return found;
}

void health_probed(struct health *h, struct span vendor, struct span credential, bool good, struct span why, int64_t cooldown_ms, int64_t now_ms)
{
    if (good)
        (void)health_forgive(h, vendor, credential);
    for (struct health_target *t = first_of(h, vendor, credential, SPAN_NONE); t; t = next_of(t->older, vendor, credential, SPAN_NONE)) {
        if (good)
            health_close(t, why, now_ms);
        else
            health_open(t, why, cooldown_ms, now_ms);
    }
}

/* ---- showing ---- */

struct span breaker_name(enum breaker b)
{
    return b == BREAKER_CLOSED ? SPAN("closed") : b == BREAKER_OPEN ? SPAN("open") : SPAN("half_open");
}

static void put_known(struct json_out *o, struct span name, int64_t n)
{
    json_name(o, name);
    if (n < 0)
        json_put_null(o);
    else
        json_put_i64(o, n);
}

static void put_breaker(struct json_out *o, struct health_target *t, int64_t now_ms)
{
    char why[HEALTH_WHY];
    int64_t until, since;
    enum breaker state = health_state(t, now_ms, &until, &since, why);
    json_pair(o, SPAN("breaker"), breaker_name(state));
    json_pair(o, SPAN("why"), why[0] ? span_of(why) : SPAN_NONE);
    json_pair_time(o, SPAN("since"), since);
    json_pair_time(o, SPAN("until"), until);
}

static void put_target(struct json_out *o, struct health_target *t, int64_t now_ms)
{
    int calls, bad;
    health_bins_sum(&t->fine, (int64_t)HEALTH_BINS * FINE_MS, now_ms, &calls, &bad);
    json_open(o, '{');
    json_pair(o, SPAN("vendor"), t->vendor);
    json_pair(o, SPAN("credential"), t->credential.len ? t->credential : SPAN_NONE);
    json_pair(o, SPAN("model"), t->model.len ? t->model : SPAN_NONE);
    json_pair(o, SPAN("region"), t->region.len ? t->region : SPAN_NONE);
    put_breaker(o, t, now_ms);
    json_pair_i64(o, SPAN("calls"), atomic_load(&t->calls));
    json_pair_i64(o, SPAN("failures"), atomic_load(&t->failures));
    json_pair_i64(o, SPAN("calls_1m"), calls);
    json_pair_i64(o, SPAN("failures_1m"), bad);
    json_pair_i64(o, SPAN("failures_in_a_row"), atomic_load(&t->in_a_row));
    json_pair_i64(o, SPAN("in_flight"), health_in_flight(t));
    put_known(o, SPAN("first_byte_us"), health_latency_us(t));
    put_known(o, SPAN("first_byte_p95_us"), health_p95_us(t));
    put_known(o, SPAN("headroom_ppm"), health_headroom_ppm(t, now_ms));
    json_close(o, '}');
}

static int by_name(const void *a, const void *b)
{
    return span_compare((*(struct health_target *const *)a)->key, (*(struct health_target *const *)b)->key);
}

/* In order of their names; without memory as they come. */
static void put_targets(struct json_out *o, struct health *h, struct span vendor, int64_t now_ms)
{
    size_t n = 0;
    struct health_target **list = malloc(HEALTH_TARGETS_MOST * sizeof(struct health_target *));
    for (struct health_target *t = first_of(h, vendor, SPAN_NONE, SPAN_NONE); t; t = next_of(t->older, vendor, SPAN_NONE, SPAN_NONE)) {
        if (list)
            list[n++] = t;
        else
            put_target(o, t, now_ms);
    }
    if (list)
        qsort(list, n, sizeof(*list), by_name);
    for (size_t i = 0; i < n; i++)
        put_target(o, list[i], now_ms);
    free(list);
}

void health_count(struct health *h, int64_t now_ms, struct health_counts *out)
{
    char why[HEALTH_WHY];
    int64_t until, since;
    *out = (struct health_counts){ .refused = atomic_load(&h->refused_count) };
    for (struct health_target *t = first_of(h, SPAN_NONE, SPAN_NONE, SPAN_NONE); t; t = next_of(t->older, SPAN_NONE, SPAN_NONE, SPAN_NONE)) {
        enum breaker state = health_state(t, now_ms, &until, &since, why);
        out->targets++;
        out->open += state == BREAKER_OPEN;
        out->half_open += state == BREAKER_HALF_OPEN;
    }
}

void health_write(struct health *h, struct span vendor, int64_t now_ms, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("targets"));
    json_open(&o, '[');
    put_targets(&o, h, vendor, now_ms);
    if (!vendor.at && atomic_load(&h->rest->calls))
        put_target(&o, h->rest, now_ms);
    json_close(&o, ']');
    json_name(&o, SPAN("refused"));
    json_open(&o, '[');
    health_write_refused(h, vendor, &o);
    json_close(&o, ']');
    json_close(&o, '}');
}
