/* SPDX-License-Identifier: Apache-2.0
 * drawer.c - see drawer.h. */
#include "flow/drawer.h"

#include <stdlib.h>
#include <string.h>

struct span drawer_text(char **at, struct span s)
{
    if (!s.at)
        return SPAN_NONE;
    memcpy(*at, s.at, s.len);
    struct span copy = span_make(*at, s.len);
    *at += s.len;
    return copy;
}

struct span drawer_name(char room[DRAWER_NAME], struct span a, struct span b, struct span c)
{
    char *at = room;
    if (!c.len || a.len + b.len + c.len + 2 > DRAWER_NAME)
        return SPAN_NONE;
    (void)drawer_text(&at, a);
    *at++ = ' ';
    (void)drawer_text(&at, b);
    *at++ = ' ';
    (void)drawer_text(&at, c);
    return span_make(room, (size_t)(at - room));
}

void drawer_init(struct drawer *d, size_t most)
{
    *d = (struct drawer){ .most = most };
    pthread_mutex_init(&d->lock, NULL);
    list_init(&d->oldest);
}

void drawer_drop(struct drawer *d, struct filed *block)
{
    (void)map_take(&d->by_name, block->name);
    list_remove(&block->link);
    d->count--;
    free(block);
}

void drawer_free(struct drawer *d)
{
    while (!list_empty(&d->oldest))
        drawer_drop(d, CONTAINER_OF(d->oldest.next, struct filed, link));
    map_free(&d->by_name);
    pthread_mutex_destroy(&d->lock);
}

struct filed *drawer_find(struct drawer *d, struct span name, int64_t now_ms)
{
    struct filed *f = map_get(&d->by_name, name);
    if (!f || f->until > now_ms)
        return f;
    drawer_drop(d, f);
    return NULL;
}

bool drawer_put(struct drawer *d, struct filed *block)
{
    struct filed *there = map_get(&d->by_name, block->name);
    if (there)
        drawer_drop(d, there);
    if (d->count >= d->most)
        drawer_drop(d, CONTAINER_OF(d->oldest.next, struct filed, link));
    list_init(&block->link);
    if (!map_put(&d->by_name, block->name, block)) {
        free(block);
        return false;
    }
    list_add_last(&d->oldest, &block->link);
    d->count++;
    return true;
}

void drawer_tidy(struct drawer *d, int64_t now_ms)
{
    while (!list_empty(&d->oldest)) {
        struct filed *f = CONTAINER_OF(d->oldest.next, struct filed, link);
        if (f->until > now_ms)
            return;
        drawer_drop(d, f);
    }
}
