/* SPDX-License-Identifier: Apache-2.0
 * remembered.c - see remembered.h. */
#include "flow/remembered.h"

#include <stdlib.h>

#include "base/digest.h"
#include "flow/drawer.h"

enum { TOKENS_MOST = 4096 };

struct kept_object {
    struct filed filed; /* first */
    struct object object;
};

struct kept_token {
    struct filed filed; /* first */
    struct span token;
};

struct remembered {
    struct drawer objects, tokens;
};

struct remembered *remembered_new(void)
{
    struct remembered *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    drawer_init(&r->objects, REMEMBERED_MOST);
    drawer_init(&r->tokens, TOKENS_MOST);
    return r;
}

/* Tokens are secrets: they do not stay in freed memory. */
static void wipe(struct filed *f)
{
    struct kept_token *t = CONTAINER_OF(f, struct kept_token, filed);
    secret_wipe((void *)(uintptr_t)t->token.at, t->token.len);
}

static void drop_token(struct remembered *r, struct filed *f)
{
    if (!f)
        return;
    wipe(f);
    drawer_drop(&r->tokens, f);
}

void remembered_free(struct remembered *r)
{
    if (!r)
        return;
    while (!list_empty(&r->tokens.oldest))
        drop_token(r, CONTAINER_OF(r->tokens.oldest.next, struct filed, link));
    drawer_free(&r->objects);
    drawer_free(&r->tokens);
    free(r);
}

/* ---- objects ---- */

static struct object_value copy_value(const struct object_value *from, struct arena *a)
{
    struct object_value v = *from;
    v.path = arena_copy(a, from->path);
    v.text = from->text.at ? arena_copy(a, from->text) : SPAN_NONE;
    return v;
}

static bool copy_out(const struct object *from, struct arena *a, struct object *out)
{
    *out = *from;
    out->remembered = true;
    out->name = arena_copy(a, from->name);
    out->id = arena_copy(a, from->id);
    out->values = ARENA_ARRAY(a, struct object_value, from->count + 1);
    for (size_t i = 0; out->values && i < from->count; i++)
        out->values[i] = copy_value(&from->values[i], a);
    return out->values != NULL && !a->broken;
}

bool remembered_object(
    struct remembered *r, struct span owner, const struct object_read *read, int64_t now_ms, struct arena *a, struct object *out)
{
    char room[DRAWER_NAME];
    struct span name = drawer_name(room, owner, read->name, read->id);
    bool found = false;
    if (!name.at || read->remember_ms <= 0)
        return false;
    pthread_mutex_lock(&r->objects.lock);
    struct filed *f = drawer_find(&r->objects, name, now_ms);
    if (f)
        found = copy_out(&CONTAINER_OF(f, struct kept_object, filed)->object, a, out);
    pthread_mutex_unlock(&r->objects.lock);
    return found;
}

static struct kept_object *block_of(struct span name, const struct object *o, int64_t until)
{
    size_t size = sizeof(struct kept_object) + o->count * sizeof(*o->values) + name.len + o->name.len + o->id.len;
    for (size_t i = 0; i < o->count; i++)
        size += o->values[i].path.len + o->values[i].text.len;
    struct kept_object *k = malloc(size);
    if (!k)
        return NULL;
    struct object_value *values = (struct object_value *)(void *)(k + 1);
    char *at = (char *)(values + o->count);
    *k = (struct kept_object){ .filed = { .name = drawer_text(&at, name), .until = until }, .object = *o };
    k->object.name = drawer_text(&at, o->name);
    k->object.id = drawer_text(&at, o->id);
    k->object.values = values;
    for (size_t i = 0; i < o->count; i++) {
        values[i] = o->values[i];
        values[i].path = drawer_text(&at, o->values[i].path);
        values[i].text = drawer_text(&at, o->values[i].text);
    }
    return k;
}

void remembered_keep(struct remembered *r, struct span owner, const struct object *o, int64_t until_ms)
{
    char room[DRAWER_NAME];
    struct span name = drawer_name(room, owner, o->name, o->id);
    struct kept_object *k = name.at ? block_of(name, o, until_ms) : NULL;
    if (!k)
        return;
    pthread_mutex_lock(&r->objects.lock);
    (void)drawer_put(&r->objects, &k->filed);
    pthread_mutex_unlock(&r->objects.lock);
}

/* ---- tokens ---- */

struct span remembered_token(struct remembered *r, struct span owner, int64_t now_ms, struct arena *a)
{
    struct span token = SPAN_NONE;
    pthread_mutex_lock(&r->tokens.lock);
    struct filed *f = map_get(&r->tokens.by_name, owner);
    if (f && f->until > now_ms)
        token = arena_copy(a, CONTAINER_OF(f, struct kept_token, filed)->token);
    else
        drop_token(r, f);
    pthread_mutex_unlock(&r->tokens.lock);
    return token;
}

void remembered_drop_token(struct remembered *r, struct span owner)
{
    pthread_mutex_lock(&r->tokens.lock);
    drop_token(r, map_get(&r->tokens.by_name, owner));
    pthread_mutex_unlock(&r->tokens.lock);
}

void remembered_keep_token(struct remembered *r, struct span owner, struct span token, int64_t until_ms)
{
    struct kept_token *t = malloc(sizeof(*t) + owner.len + token.len);
    if (!t)
        return;
    char *at = (char *)(t + 1);
    *t = (struct kept_token){ .filed = { .name = drawer_text(&at, owner), .until = until_ms }, .token = drawer_text(&at, token) };
    pthread_mutex_lock(&r->tokens.lock);
    drop_token(r, map_get(&r->tokens.by_name, owner));
    if (r->tokens.count == r->tokens.most)
        drop_token(r, CONTAINER_OF(r->tokens.oldest.next, struct filed, link));
    (void)drawer_put(&r->tokens, &t->filed);
    pthread_mutex_unlock(&r->tokens.lock);
}
