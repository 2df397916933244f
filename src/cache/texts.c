/* SPDX-License-Identifier: Apache-2.0
 * texts.c - see texts.h. */
#include "cache/texts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

enum { TEXT_COST = 160 /* around a vector */ };

struct text {
    struct list use; /* the latest first */
    struct digest name;
    size_t count;
    int16_t vector[];
};

struct texts {
    pthread_mutex_t lock;
    struct map map;
    struct list uses;
    int64_t bytes, most;
};

static struct span span_of_name(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }
static int64_t cost_of(size_t n) { return (int64_t)(n * sizeof(int16_t)) + TEXT_COST; }

struct texts *texts_new(int64_t bytes)
{
    struct texts *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->most = bytes;
    list_init(&t->uses);
    must(pthread_mutex_init(&t->lock, NULL) == 0);
    return t;
}

static void drop(struct texts *t, struct text *one)
{
    (void)map_take(&t->map, span_of_name(&one->name));
    list_remove(&one->use);
    t->bytes -= cost_of(one->count);
    free(one);
}

void texts_free(struct texts *t)
{
    if (!t)
        return;
    while (!list_empty(&t->uses))
        drop(t, CONTAINER_OF(t->uses.next, struct text, use));
    map_free(&t->map);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

size_t texts_get(struct texts *t, const struct digest *text, int16_t *out)
{
    must(pthread_mutex_lock(&t->lock) == 0);
    struct text *one = map_get(&t->map, span_of_name(text));
    size_t n = one ? one->count : 0;
    if (one) {
        memcpy(out, one->vector, n * sizeof(*out));
        list_remove(&one->use);
        list_add_first(&t->uses, &one->use);
    }
    must(pthread_mutex_unlock(&t->lock) == 0);
    return n;
}

static void put(struct texts *t, struct text *one)
{
    struct text *old = map_get(&t->map, span_of_name(&one->name));
    if (old)
        drop(t, old);
    while (!list_empty(&t->uses) && t->bytes + cost_of(one->count) > t->most)
        drop(t, CONTAINER_OF(t->uses.prev, struct text, use));
    if (t->bytes + cost_of(one->count) > t->most || !map_put(&t->map, span_of_name(&one->name), one)) {
        free(one);
        return;
    }
    list_add_first(&t->uses, &one->use);
    t->bytes += cost_of(one->count);
}

void texts_put(struct texts *t, const struct digest *text, const int16_t *v, size_t n)
{
    struct text *one = n && n <= UNIT_MOST ? malloc(sizeof(*one) + n * sizeof(*v)) : NULL;
    if (!one)
        return;
    one->name = *text;
    one->count = n;
    memcpy(one->vector, v, n * sizeof(*v));
    list_init(&one->use);
    must(pthread_mutex_lock(&t->lock) == 0);
    put(t, one);
    must(pthread_mutex_unlock(&t->lock) == 0);
}
