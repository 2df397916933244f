/* SPDX-License-Identifier: Apache-2.0
 * stops.c - see stops.h. */
#include "flow/stops.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"

/* A ceiling: what a stop takes as text, as a tree and as read, and more. */
#define ARENA_LEAST ((size_t)64 << 20)
#define ARENA_EACH ((size_t)64 << 10)

struct counter {
    _Atomic long refused;
    _Atomic long refs;
};

struct stop_set {
    struct arena arena;
    _Atomic long refs;
    struct stop *list;
    struct counter **counters;
    size_t count;
    struct map by_subject; /* the first of those of one kind and value */
    const struct stop *all;
};

static const char *const kind_names[STOP_KINDS + 1] = { "all", "workspace", "key", "run", "vendor", "link", NULL };

struct span stop_kind_name(enum stop_kind kind)
{
    return span_of(kind_names[kind]);
}

struct span stop_id(struct arena *a, enum stop_kind kind, struct span value)
{
    if (kind == STOP_ALL)
        return SPAN("all");
    return arena_print(a, "%s:%.*s", kind_names[kind], SPAN_ARG(value));
}

struct span stop_id_of(struct arena *a, const struct stop *stop)
{
    struct span id = stop_id(a, stop->kind, stop->value);
    return stop->workspace.at ? arena_print(a, "%.*s %.*s", SPAN_ARG(id), SPAN_ARG(stop->workspace)) : id;
}

static bool read_stop(struct arena *a, const struct node *n, struct stop *out, struct trouble *t)
{
    int kind = STOP_ALL;
    struct span code = SPAN_NONE;
    if (!node_choice(node_get(n, "kind"), "kind", kind_names, &kind, t) ||
        !node_span(node_get(n, "value"), "value", &out->value, t) ||
        !node_span(node_get(n, "workspace"), "workspace", &out->workspace, t) ||
        !node_span(node_get(n, "reason"), "reason", &out->reason, t) || !node_span(node_get(n, "by"), "by", &out->by, t) ||
        !node_span(node_get(n, "code"), "code", &code, t) || !node_bool(node_get(n, "cut"), "cut", &out->cut, t) ||
        !node_bool(node_get(n, "writes_only"), "writes_only", &out->writes_only, t) ||
        !node_time(node_get(n, "created_at"), "created_at", &out->created_at, t) ||
        !node_time(node_get(n, "expires_at"), "expires_at", &out->expires_at, t))
        return false;
    out->kind = (enum stop_kind)kind;
    out->code = span_is(code, err_code(E_KEY_REVOKED)) ? E_KEY_REVOKED : E_STOPPED;
    out->id = stop_id_of(a, out);
    return true;
}

/* What cannot be understood was meant to stop something: stop everything, loudly. */
static void fail_closed(struct stop *out, struct span id, const struct trouble *t)
{
    log_error("stops", "the stop %.*s cannot be read (%s); everything is stopped until it is resumed", SPAN_ARG(id), t->text);
    *out = (struct stop){ .kind = STOP_ALL, .id = id, .reason = SPAN("a stop could not be read"), .code = E_STOPPED };
}

static struct counter *counter_for(const struct stop_set *before, struct span subject, struct span id)
{
    const struct stop *same = before ? map_get(&before->by_subject, subject) : NULL;
    while (same && !span_is(same->id, id))
        same = same->also;
    if (same) {
        struct counter *kept = before->counters[same - before->list];
        atomic_fetch_add(&kept->refs, 1);
        return kept;
    }
    struct counter *fresh = calloc(1, sizeof(*fresh));
    if (fresh)
        fresh->refs = 1;
    return fresh;
}

static bool add_stop(struct stop_set *s, const struct stop_text *text, const struct stop_set *before)
{
    struct stop *stop = &s->list[s->count];
    struct node *root = NULL;
    struct trouble t = { .set = false };
    if (node_read_json(&s->arena, "stop", text->body, &root, &t) != E_OK || !read_stop(&s->arena, root, stop, &t))
        fail_closed(stop, arena_copy(&s->arena, text->id), &t);
    struct span subject = stop_id(&s->arena, stop->kind, stop->value);
    s->counters[s->count] = counter_for(before, subject, stop->id);
    if (!s->counters[s->count])
        return false;
    stop->refused = &s->counters[s->count]->refused;
    s->count++;
    if (stop->kind == STOP_ALL && (!s->all || s->all->writes_only))
        s->all = stop;
    stop->also = map_get(&s->by_subject, subject);
    return map_put(&s->by_subject, subject, stop);
}

struct stop_set *stop_set_new(const struct stop_text *list, size_t count, const struct stop_set *before)
{
    struct stop_set *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->refs = 1;
    arena_init(&s->arena, ARENA_LEAST + count * ARENA_EACH);
    s->list = ARENA_ARRAY(&s->arena, struct stop, count + 1);
    s->counters = ARENA_ARRAY(&s->arena, struct counter *, count + 1);
    bool fine = s->list && s->counters;
    for (size_t i = 0; fine && i < count; i++)
        fine = add_stop(s, &list[i], before);
    if (fine && !s->arena.broken)
        return s;
    stop_set_drop(s);
    return NULL;
}

struct stop_set *stop_set_keep(struct stop_set *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void stop_set_drop(struct stop_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (atomic_fetch_sub(&s->counters[i]->refs, 1) == 1)
            free(s->counters[i]);
    map_free(&s->by_subject);
    arena_free(&s->arena);
    free(s);
}

static bool in_force(const struct stop *stop, const struct facts *f, int64_t now_ms)
{
    if (stop->expires_at && now_ms >= stop->expires_at)
        return false;
    return !stop->writes_only || f->writes || f->billed;
}

/* A key's own workspace may have changed since; the stop stays with the key. */
static bool holds(const struct stop *stop, const struct facts *f, int64_t now_ms)
{
    return in_force(stop, f, now_ms) && (stop->kind != STOP_RUN || !stop->workspace.at || span_is(stop->workspace, f->workspace));
}

static const struct stop *find(
    const struct stop_set *s, enum stop_kind kind, struct span value, const struct facts *f, int64_t now_ms)
{
    char id[256];
    struct span name = stop_kind_name(kind);
    if (!value.at || name.len + 1 + value.len > sizeof(id))
        return NULL;
    memcpy(id, name.at, name.len);
    id[name.len] = ':';
    memcpy(id + name.len + 1, value.at, value.len);
    const struct stop *stop = map_get(&s->by_subject, span_make(id, name.len + 1 + value.len));
    while (stop && !holds(stop, f, now_ms))
        stop = stop->also;
    return stop;
}

const struct stop *stop_set_match(const struct stop_set *s, const struct facts *f, int64_t now_ms)
{
    const struct stop *stop;
    if (s->count == 0)
        return NULL;
    if (s->all && in_force(s->all, f, now_ms))
        return s->all;
    if ((stop = find(s, STOP_KEY, f->key_id, f, now_ms)) || (stop = find(s, STOP_RUN, f->run, f, now_ms)) ||
        (stop = find(s, STOP_VENDOR, f->vendor, f, now_ms)) || (stop = find(s, STOP_WORKSPACE, f->workspace, f, now_ms)) ||
        (stop = find(s, STOP_LINK, f->links[0], f, now_ms)) || (stop = find(s, STOP_LINK, f->links[1], f, now_ms)))
        return stop;
    return NULL;
}

size_t stop_set_count(const struct stop_set *s)
{
    return s->count;
}
const struct stop *stop_set_at(const struct stop_set *s, size_t index)
{
    return &s->list[index];
}
