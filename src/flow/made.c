/* SPDX-License-Identifier: Apache-2.0
 * made.c - see made.h. */
#include "flow/made.h"

#include <stdlib.h>

#include "flow/drawer.h"

enum { SHARDS = 8 };

struct kept {
    struct filed filed; /* first */
    struct made_object object;
};

struct made {
    struct drawer shards[SHARDS];
};

struct made *made_new(void)
{
    struct made *m = calloc(1, sizeof(*m));
    for (int i = 0; m && i < SHARDS; i++)
        drawer_init(&m->shards[i], MADE_MOST / SHARDS);
    return m;
}

void made_free(struct made *m)
{
    for (int i = 0; m && i < SHARDS; i++)
        drawer_free(&m->shards[i]);
    free(m);
}

static struct drawer *shard_of(struct made *m, struct span name)
{
    return &m->shards[map_hash(name) % SHARDS];
}

static struct kept *block_of(struct span name, const struct made_object *by)
{
    size_t texts = name.len + by->workspace.len + by->key.len + by->user.len + by->label.len + by->run.len + by->step.len + by->operation.len;
    struct kept *k = malloc(sizeof(*k) + texts);
    if (!k)
        return NULL;
    char *at = (char *)(k + 1);
    *k = (struct kept){ .filed = { .name = drawer_text(&at, name), .until = by->at + MADE_MS }, .object = *by };
    k->object.workspace = drawer_text(&at, by->workspace);
    k->object.key = drawer_text(&at, by->key);
    k->object.user = drawer_text(&at, by->user);
    k->object.label = drawer_text(&at, by->label);
    k->object.run = drawer_text(&at, by->run);
    k->object.step = drawer_text(&at, by->step);
    k->object.operation = drawer_text(&at, by->operation);
    return k;
}

bool made_add(struct made *m, struct span vendor, struct span credential, struct span object, const struct made_object *by)
{
    char room[DRAWER_NAME];
    struct span name = drawer_name(room, vendor, credential, object);
    if (!name.at)
        return true;
    struct drawer *d = shard_of(m, name);
    pthread_mutex_lock(&d->lock);
    struct filed *there = drawer_find(d, name, 0);
    struct kept *k = there ? CONTAINER_OF(there, struct kept, filed) : NULL;
    bool new = !k;
    if (k && k->object.call <= by->call) {
        k->object.counted = money_add(k->object.counted, by->counted);
    } else { /* new, or an older call than the one that was known: it made it */
        struct kept *older = block_of(name, by);
        if (older && k)
            older->object.counted = money_add(older->object.counted, k->object.counted);
        if (older)
            (void)drawer_put(d, &older->filed);
    }
    pthread_mutex_unlock(&d->lock);
    return new;
}

void made_forget(struct made *m, struct span vendor, struct span credential, struct span object)
{
    char room[DRAWER_NAME];
    struct span name = drawer_name(room, vendor, credential, object);
    if (!name.at)
        return;
    struct drawer *d = shard_of(m, name);
    pthread_mutex_lock(&d->lock);
    struct filed *there = drawer_find(d, name, 0);
    if (there)
        drawer_drop(d, there);
    pthread_mutex_unlock(&d->lock);
}

static struct span copy(struct arena *a, struct span s)
{
    return a && s.at ? arena_copy(a, s) : SPAN_NONE;
}

bool made_find(
    struct made *m, struct span vendor, struct span credential, struct span object, struct arena *a, struct made_object *out)
{
    char room[DRAWER_NAME];
    struct span name = drawer_name(room, vendor, credential, object);
    if (!name.at)
        return false;
    struct drawer *d = shard_of(m, name);
    pthread_mutex_lock(&d->lock);
    struct filed *f =
        drawer_find(d, name, 0); /* by age they leave in made_tidy: a clock that steps must not forget what was counted */
    if (f) {
        *out = CONTAINER_OF(f, struct kept, filed)->object;
        out->workspace = copy(a, out->workspace);
        out->key = copy(a, out->key);
        out->user = copy(a, out->user);
        out->label = copy(a, out->label);
        out->run = copy(a, out->run);
        out->step = copy(a, out->step);
        out->operation = copy(a, out->operation);
    }
    pthread_mutex_unlock(&d->lock);
    return f != NULL;
}

void made_tidy(struct made *m, int64_t now_ms)
{
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&m->shards[i].lock);
        drawer_tidy(&m->shards[i], now_ms);
        pthread_mutex_unlock(&m->shards[i].lock);
    }
}

size_t made_count(struct made *m)
{
    size_t count = 0;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&m->shards[i].lock);
        count += m->shards[i].count;
        pthread_mutex_unlock(&m->shards[i].lock);
    }
    return count;
}
