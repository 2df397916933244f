/* SPDX-License-Identifier: Apache-2.0
 * observer.c - the half that counts, on the worker. Tables are taken zeroed and whole: the pages of what is never counted are never
 * touched, and cost nothing. */
#include "observe/inside.h"

#include <stdlib.h>

static void free_one(struct observer *o)
{
    if (!o)
        return;
    free(o->series);
    free(o->vendors);
    free(o->keys);
    free(o->workspaces);
    free(o->all);
    free(o);
}

static struct observer *new_one(struct observers *common)
{
    struct observer *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->common = common;
    o->series = calloc(OBSERVE_SERIES, sizeof(*o->series));
    o->vendors = calloc(OBSERVE_VENDORS, sizeof(*o->vendors));
    o->keys = calloc(OBSERVE_KEYS, sizeof(*o->keys));
    o->workspaces = calloc(OBSERVE_WORKSPACES, sizeof(*o->workspaces));
    o->all = calloc(1, sizeof(*o->all));
    if (o->series && o->vendors && o->keys && o->workspaces && o->all)
        return o;
    free_one(o);
    return NULL;
}

struct observers *observers_new(unsigned count)
{
    struct observers *all = calloc(1, sizeof(*all));
    if (!all)
        return NULL;
    bool good = names_init(&all->series, OBSERVE_SERIES) && names_init(&all->vendors, OBSERVE_VENDORS) && names_init(&all->keys, OBSERVE_KEYS) &&
                names_init(&all->workspaces, OBSERVE_WORKSPACES) && names_init(&all->caches, OBSERVE_CACHE_WORDS);
    all->list = calloc(count, sizeof(struct observer *));
    for (good = good && all->list; good && all->count < count; all->count += good)
        good = (all->list[all->count] = new_one(all)) != NULL;
    if (good)
        return all;
    observers_free(all);
    return NULL;
}

void observers_free(struct observers *all)
{
    if (!all)
        return;
    for (unsigned i = 0; all->list && i < all->count; i++)
        free_one(all->list[i]);
    names_free(&all->series);
    names_free(&all->vendors);
    names_free(&all->keys);
    names_free(&all->workspaces);
    names_free(&all->caches);
    free(all->list);
    free(all);
}

struct observer *observers_at(struct observers *all, unsigned index) { return all->list[index]; }

static unsigned find_one(struct names *n, struct span name)
{
    const struct span parts[NAME_PARTS] = { name, SPAN(""), SPAN("") };
    return names_find(n, parts);
}

/* ---- a call ---- */

static void add_tokens(_Atomic uint64_t *to, const int64_t *tokens)
{
    for (int i = 0; i < SIGHT_TOKENS; i++)
        if (tokens[i] > 0)
            count_add(&to[i], (uint64_t)tokens[i]);
}

static void add_end(struct series *to, const struct sight *s)
{
    if (s->verdict == SIGHT_ALLOWED)
        count_add(&to->allowed, 1);
    else if (s->verdict == SIGHT_IN_DOUBT)
        count_add(&to->in_doubt, 1);
    else
        count_add(s->verdict == SIGHT_DENIED ? &to->denied[s->denied] : &to->errors[s->denied], 1);
    count_add(&to->failed, s->failed);
    count_add(&to->forwarded, s->forwarded);
}

static void add_series(struct observer *o, const struct sight *s)
{
    const struct span parts[NAME_PARTS] = { s->vendor, s->operation, s->model };
    struct series *to = &o->series[names_find(&o->common->series, parts)];
    add_end(to, s);
    amount_add(&to->cost, s->cost);
    histogram_time(&to->duration, s->duration_us);
    if (s->gate_us >= 0)
        histogram_time(&to->gate, s->gate_us);
    if (s->first_byte_us >= 0)
        histogram_time(&to->first_byte, s->first_byte_us);
    if (s->gap_us >= 0)
        histogram_time(&to->gap, s->gap_us);
    if (!s->generated)
        return;
    count_set(&to->generated, 1);
    add_tokens(to->tokens, s->tokens);
    if (s->tokens[SIGHT_INPUT] > 0)
        histogram_size(&to->input, s->tokens[SIGHT_INPUT]);
    if (s->tokens[SIGHT_OUTPUT] > 0)
        histogram_size(&to->output, s->tokens[SIGHT_OUTPUT]);
}

static void add_key(struct key_seen *to, const struct sight *s)
{
    count_add(&to->calls, 1);
    count_add(&to->denied, s->verdict == SIGHT_DENIED);
    count_add(&to->failed, s->failed);
    amount_add(&to->cost, s->cost);
    add_tokens(to->tokens, s->tokens);
}

/* The place of that second, emptied of the one that stood there some minutes ago. A clock that was set back finds its old places, or
 * takes them over. */
static struct second_seen *place_of(struct workspace_seen *w, int64_t second)
{
    struct second_seen *at = &w->ring[(uint64_t)second % OBSERVE_SECONDS];
    if (amount_get(&at->second) == second)
        return at;
    amount_set(&at->second, 0);
    atomic_store_explicit(&at->calls, 0, memory_order_release); /* whoever sees one of these sees that the second is gone */
    atomic_store_explicit(&at->denied, 0, memory_order_release);
    atomic_store_explicit(&at->failed, 0, memory_order_release);
    atomic_store_explicit(&at->cost, 0, memory_order_release);
    atomic_store_explicit(&at->second, second, memory_order_release);
    return at;
}

static void add_second(struct workspace_seen *w, const struct sight *s)
{
    struct second_seen *at = place_of(w, s->second);
    count_add(&at->calls, 1);
    count_add(&at->denied, s->verdict == SIGHT_DENIED);
    count_add(&at->failed, s->failed);
    amount_add(&at->cost, s->cost);
}

void observe_call(struct observer *o, const struct sight *s)
{
    add_series(o, s);
    add_second(o->all, s);
    if (s->workspace.len)
        add_second(&o->workspaces[find_one(&o->common->workspaces, s->workspace)], s);
    if (s->key.at)
        add_key(&o->keys[find_one(&o->common->keys, s->key)], s);
    if (s->cache.at)
        count_add(&o->cache[find_one(&o->common->caches, s->cache)], 1);
}

void observe_attempt(struct observer *o, struct span vendor, int status, int64_t us)
{
    struct vendor_tries *to = &o->vendors[find_one(&o->common->vendors, vendor)];
    int class = status >= 100 && status < 600 ? status / 100 : 0;
    count_add(&to->attempts[class], 1);
    histogram_time(&to->duration, us);
}

/* ---- what is under way ---- */

void observe_open_clear(struct observer *o)
{
    for (unsigned i = 0; i < names_count(&o->common->workspaces); i++)
        o->workspaces[i].open_next = 0, o->workspaces[i].held_next = 0;
    o->all->open_next = 0;
    o->all->held_next = 0;
}

static void add_open(struct workspace_seen *w, nano_usd held)
{
    w->open_next++;
    w->held_next = money_add(w->held_next, held);
}

void observe_open(struct observer *o, struct span workspace, nano_usd held)
{
    add_open(o->all, held);
    if (workspace.len)
        add_open(&o->workspaces[find_one(&o->common->workspaces, workspace)], held);
}

static void publish(struct workspace_seen *w)
{
    count_set(&w->open, w->open_next);
    amount_set(&w->held, w->held_next);
}

void observe_open_done(struct observer *o)
{
    for (unsigned i = 0; i < names_count(&o->common->workspaces); i++)
        publish(&o->workspaces[i]);
    publish(o->all);
}
