/* SPDX-License-Identifier: Apache-2.0
 * stops.c - the red button. A stop is in force at every worker before anything else is tried: stopping must not depend on a
 * healthy disk. Lifting one goes the other way round: what cannot be stored stays stopped. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"

enum { STOP_JSON = 8192 };

struct stop_set *admin_stop_set(const struct config_object *list, size_t count, const struct stop_set *before)
{
    struct arena arena;
    size_t n = 0;
    arena_init(&arena, (size_t)1 << 30);
    struct stop_text *texts = ARENA_ARRAY(&arena, struct stop_text, count + 1);
    for (size_t i = 0; texts && i < count; i++)
        if (span_is(list[i].kind, SPAN("stop")))
            texts[n++] = (struct stop_text){ list[i].id, list[i].body };
    struct stop_set *set = texts ? stop_set_new(texts, n, before) : NULL;
    arena_free(&arena);
    return set;
}

/* ---- as text ---- */

/* As stops.h reads it again. */
static struct span stored_text(struct arena *arena, const struct stop *stop)
{
    struct buf text;
    buf_init(&text, STOP_JSON);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("kind"), stop_kind_name(stop->kind));
    if (stop->value.at)
        json_pair(&o, SPAN("value"), stop->value);
    if (stop->workspace.at)
        json_pair(&o, SPAN("workspace"), stop->workspace);
    if (stop->reason.at)
        json_pair(&o, SPAN("reason"), stop->reason);
    if (stop->by.at)
        json_pair(&o, SPAN("by"), stop->by);
    json_pair(&o, SPAN("code"), err_code(stop->code));
    json_pair_bool(&o, SPAN("cut"), stop->cut);
    json_pair_bool(&o, SPAN("writes_only"), stop->writes_only);
    if (stop->created_at)
        json_pair_time(&o, SPAN("created_at"), stop->created_at);
    if (stop->expires_at)
        json_pair_time(&o, SPAN("expires_at"), stop->expires_at);
    json_close(&o, '}');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

void stops_put_members(struct json_out *o, const struct stop *stop)
{
    json_pair(o, SPAN("id"), stop->id);
    json_pair(o, SPAN("kind"), stop_kind_name(stop->kind));
    json_pair(o, SPAN("value"), stop->value);
    json_pair(o, SPAN("workspace"), stop->workspace);
    json_pair(o, SPAN("code"), err_code(stop->code));
    json_pair(o, SPAN("reason"), stop->reason);
    json_pair(o, SPAN("by"), stop->by);
    json_pair(o, SPAN("mode"), stop->cut ? SPAN("cut") : SPAN("drain"));
    json_pair_bool(o, SPAN("writes_only"), stop->writes_only);
    json_pair_time(o, SPAN("created_at"), stop->created_at);
    json_pair_time(o, SPAN("expires_at"), stop->expires_at);
}

void stops_write(struct json_out *o, const struct stop *stop)
{
    json_open(o, '{');
    stops_put_members(o, stop);
    json_close(o, '}');
}

/* ---- putting and lifting ---- */

bool stops_over(const struct stop *stop, int64_t now) { return stop->expires_at && stop->expires_at <= now; }

/* One that could not be read is carried over as it is: it goes on stopping everything. */
static struct span carried_text(struct arena *arena, const struct stop *stop)
{
    return span_is(stop->id, stop_id_of(arena, stop)) ? stored_text(arena, stop) : SPAN("unreadable");
}

/* What is in force, without the stop of this id and those that are over, with `more` (may be NULL). NULL: no memory. */
static struct stop_set *next_set(struct admin *a, struct arena *arena, struct span without, const struct stop *more)
{
    int64_t now = clock_unix_ms();
    struct stop_set *before = gate_stops(a->parts.gate);
    size_t n = 0, count = stop_set_count(before);
    struct stop_text *texts = ARENA_ARRAY(arena, struct stop_text, count + 1);
    for (size_t i = 0; texts && i < count; i++) {
        const struct stop *stop = stop_set_at(before, i);
        if (!span_is(stop->id, without) && !stops_over(stop, now))
            texts[n++] = (struct stop_text){ stop->id, carried_text(arena, stop) };
    }
    if (texts && more)
        texts[n++] = (struct stop_text){ more->id, stored_text(arena, more) };
    struct stop_set *set = texts && !arena->broken ? stop_set_new(texts, n, before) : NULL;
    stop_set_drop(before);
    return set;
}

/* With its row of the audit log; text SPAN_NONE: it goes. What cannot be stored for want of memory for the row is stored without:
 * a stop is worth more than its row. */
static enum err store_stop(struct admin *a, const struct stop *stop, struct span text, const struct change *c, struct arena *arena)
{
    const struct store_record *row = change_record(a, arena, c);
    return store_object_put(books_store(a->parts.books), SPAN("stop"), stop->id, text, -1, clock_unix_ms(), row);
}

/* Those that are over leave the store when there is something to write anyway. */
static void sweep(struct admin *a, struct arena *arena)
{
    int64_t now = clock_unix_ms();
    struct stop_set *set = gate_stops(a->parts.gate);
    for (size_t i = 0; i < stop_set_count(set); i++) {
        const struct stop *stop = stop_set_at(set, i);
        struct change c = { .actor = SPAN("gate"), .action = SPAN("stop.expire"), .object = stop->id, .before = stored_text(arena, stop) };
        if (stops_over(stop, now) && store_stop(a, stop, SPAN_NONE, &c, arena) == E_OK)
            log_info("stops", "the stop %.*s is over", SPAN_ARG(stop->id));
    }
    stop_set_drop(set);
}

/* The workspace that hears of it; SPAN_NONE: none but those who hear of everything. */
static struct span workspace_of(struct admin *a, const struct stop *stop, struct arena *arena)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    const struct key *key = stop->kind == STOP_KEY ? map_get(&s->key_by_id, stop->value) : NULL;
    struct span name = key ? arena_copy(arena, key->workspace) : stop->kind == STOP_WORKSPACE ? stop->value : stop->workspace;
    snapshot_drop(s);
    return name;
}

static void tell(struct admin *a, struct span name, const struct stop *stop, struct arena *arena)
{
    struct buf text;
    buf_init(&text, STOP_JSON);
    struct json_out o = json_out(&text);
    stops_write(&o, stop);
    if (!text.broken)
        events_tell_in(a, workspace_of(a, stop, arena), name, buf_span(&text));
    buf_free(&text);
}

static enum err publish(struct admin *a, struct arena *arena, struct span without, const struct stop *more, struct stop_effect *effect)
{
    struct stop_set *set = next_set(a, arena, without, more);
    if (!set)
        return E_NO_MEMORY;
    gate_stop(a->parts.gate, set, effect);
    stop_set_drop(set);
    return E_OK;
}

/* Published twice: the second time with the moment from which on it holds everywhere, so that "forwarded since" counts
 * nothing that was let through while the first one was on its way. */
enum err stops_put(struct admin *a, const struct stop *stop, struct span actor, struct arena *arena, struct stop_outcome *out)
{
    struct stop fresh = *stop;
    fresh.id = stop_id_of(arena, stop);
    fresh.created_at = clock_unix_ms();
    *out = (struct stop_outcome){ .durable = false };
    sweep(a, arena);
    enum err e = publish(a, arena, fresh.id, &fresh, &out->effect);
    if (e)
        return e;
    fresh.created_at = clock_unix_ms() + 1;
    (void)publish(a, arena, fresh.id, &fresh, NULL); /* the first one holds */
    struct change c = { .actor = actor, .action = SPAN("stop.create"), .object = fresh.id, .reason = fresh.reason, .after = stored_text(arena, &fresh) };
    out->durable = c.after.at && store_stop(a, &fresh, c.after, &c, arena) == E_OK;
    if (!out->durable)
        log_error("stops", "the stop %.*s is in force but could not be stored: it would not outlive this process", SPAN_ARG(fresh.id));
    tell(a, SPAN("stop"), &fresh, arena);
    return E_OK;
}

const struct stop *stops_find(const struct stop_set *set, struct span id)
{
    for (size_t i = 0; i < stop_set_count(set); i++)
        if (span_is(stop_set_at(set, i)->id, id))
            return stop_set_at(set, i);
    return NULL;
}

enum err stops_lift(struct admin *a, struct span id, struct span actor, struct span reason, struct arena *arena)
{
    struct stop_set *set = gate_stops(a->parts.gate);
    const struct stop *stop = stops_find(set, id);
    struct change c = { .actor = actor, .action = SPAN("stop.lift"), .object = id, .reason = reason };
    if (stop)
        c.before = stored_text(arena, stop);
    enum err e = stop ? store_stop(a, stop, SPAN_NONE, &c, arena) : E_NOT_FOUND;
    if (stop && e == E_NOT_FOUND)
        e = change_put(a, &c); /* it could not be stored when it was made */
    if (!e)
        e = publish(a, arena, id, NULL, NULL);
    if (!e) {
        gate_resumed(a->parts.gate, stop->kind, stop->value);
        tell(a, SPAN("resume"), stop, arena);
    }
    stop_set_drop(set);
    return e;
}

enum err stops_forget_key(struct admin *a, struct span key, struct span actor, struct span reason, struct arena *arena)
{
    struct stop_set *set = gate_stops(a->parts.gate);
    enum err e = E_OK;
    for (size_t i = 0; i < stop_set_count(set) && !e; i++) {
        const struct stop *stop = stop_set_at(set, i);
        if (stop->kind == STOP_KEY && span_is(stop->value, key))
            e = stops_lift(a, stop->id, actor, reason, arena);
    }
    stop_set_drop(set);
    return e;
}
