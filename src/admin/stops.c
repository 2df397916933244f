/* SPDX-License-Identifier: Apache-2.0
 * stops.c - the red button. A stop is in force at every worker before anything else is tried: stopping must not depend on a
 * healthy disk. Lifting one goes the other way round: what cannot be stored stays stopped. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "rules/token.h"

enum { BY_LONGEST = 100, STOP_JSON = 8192 };

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

static void put_members(struct json_out *o, const struct stop *stop)
{
    json_pair(o, SPAN("id"), stop->id);
    json_pair(o, SPAN("kind"), stop_kind_name(stop->kind));
    json_pair(o, SPAN("value"), stop->value);
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
    put_members(o, stop);
    json_close(o, '}');
}

/* ---- putting and lifting ---- */

static bool is_over(const struct stop *stop, int64_t now) { return stop->expires_at && stop->expires_at <= now; }

/* One that could not be read is carried over as it is: it goes on stopping everything. */
static struct span carried_text(struct arena *arena, const struct stop *stop)
{
    return span_is(stop->id, stop_id(arena, stop->kind, stop->value)) ? stored_text(arena, stop) : SPAN("unreadable");
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
        if (!span_is(stop->id, without) && !is_over(stop, now))
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
        if (is_over(stop, now) && store_stop(a, stop, SPAN_NONE, &c, arena) == E_OK)
            log_info("stops", "the stop %.*s is over", SPAN_ARG(stop->id));
    }
    stop_set_drop(set);
}

static void tell(struct admin *a, struct span name, const struct stop *stop)
{
    struct buf text;
    buf_init(&text, STOP_JSON);
    struct json_out o = json_out(&text);
    stops_write(&o, stop);
    if (!text.broken)
        events_tell(a, name, buf_span(&text));
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
    fresh.id = stop_id(arena, stop->kind, stop->value);
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
    tell(a, SPAN("stop"), &fresh);
    return E_OK;
}

static const struct stop *find(const struct stop_set *set, struct span id)
{
    for (size_t i = 0; i < stop_set_count(set); i++)
        if (span_is(stop_set_at(set, i)->id, id))
            return stop_set_at(set, i);
    return NULL;
}

enum err stops_lift(struct admin *a, struct span id, struct span reason, struct arena *arena)
{
    struct stop_set *set = gate_stops(a->parts.gate);
    const struct stop *stop = find(set, id);
    struct change c = { .actor = SPAN("admin"), .action = SPAN("stop.lift"), .object = id, .reason = reason };
    if (stop)
        c.before = stored_text(arena, stop);
    enum err e = stop ? store_stop(a, stop, SPAN_NONE, &c, arena) : E_NOT_FOUND;
    if (stop && e == E_NOT_FOUND)
        e = change_put(a, &c); /* it could not be stored when it was made */
    if (!e)
        e = publish(a, arena, id, NULL, NULL);
    if (!e) {
        gate_resumed(a->parts.gate, stop->kind, stop->value);
        tell(a, SPAN("resume"), stop);
    }
    stop_set_drop(set);
    return e;
}

/* ---- requests ---- */

static const char *const subjects[STOP_KINDS] = { "all", "workspace", "key", "run", "vendor" };

static bool read_subject(const struct node *body, struct stop *out, struct trouble *t)
{
    static const char allowed[] = "exactly one of run, key, vendor, workspace (each a name) or all (true)";
    bool all = false;
    int given = 0;
    for (int kind = 0; kind < STOP_KINDS; kind++) {
        const struct node *n = node_get(body, subjects[kind]);
        if (!n)
            continue;
        given++;
        out->kind = (enum stop_kind)kind;
        if (kind == STOP_ALL ? !node_bool(n, "all", &all, t) : !node_span(n, subjects[kind], &out->value, t))
            return false;
    }
    if (given == 1 && (out->kind == STOP_ALL ? all : out->value.len > 0))
        return true;
    trouble_say(t, NULL, "", "allowed: %s", allowed);
    return false;
}

static bool has_workspace(const struct snapshot *s, struct span name)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (span_is(s->keys[i].workspace, name))
            return true;
    return span_is(name, SPAN("default"));
}

/* What does not exist cannot be stopped: a mistyped name must not be answered by "stopped". */
static bool exists(struct visit *v, const struct snapshot *s, struct stop *stop)
{
    const struct key *key;
    switch (stop->kind) {
    case STOP_KEY:
        key = map_get(&s->key_by_id, stop->value);
        stop->value = key ? arena_copy(&v->arena, key->id) : stop->value;
        return key != NULL;
    case STOP_VENDOR:
        return snapshot_upstream(s, stop->value) != NULL;
    case STOP_WORKSPACE:
        return has_workspace(s, stop->value);
    case STOP_RUN:
    case STOP_ALL:
    case STOP_KINDS:
        break;
    }
    return true;
}

static bool check_subject(struct visit *v, struct stop *stop)
{
    if (stop->kind == STOP_RUN && !run_id_ok(stop->value)) {
        reply_problem(v, E_CONFIG, "run", "allowed: a run id, 1 to %d characters of A-Z a-z 0-9 _ - : . / @", RUN_LONGEST);
        return false;
    }
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    bool there = exists(v, s, stop);
    snapshot_drop(s);
    if (!there)
        reply_problem(v, E_NOT_FOUND, subjects[stop->kind], "there is no %s \"%.*s\"", subjects[stop->kind], SPAN_ARG(span_first(stop->value, 64)));
    return there;
}

static bool read_texts(const struct node *body, struct stop *out, struct trouble *t)
{
    static const char *const modes[] = { "cut", "drain", NULL };
    int mode = 0;
    bool fine = node_span(node_get(body, "reason"), "reason", &out->reason, t) && node_span(node_get(body, "by"), "by", &out->by, t) &&
                node_choice(node_get(body, "mode"), "mode", modes, &mode, t) &&
                node_bool(node_get(body, "writes_only"), "writes_only", &out->writes_only, t) &&
                node_time(node_get(body, "expires_at"), "expires_at", &out->expires_at, t);
    out->cut = mode == 0;
    if (fine && out->reason.len > REASON_LONGEST)
        trouble_say(t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (fine && out->by.len > BY_LONGEST)
        trouble_say(t, NULL, "by", "allowed: at most %d characters", BY_LONGEST);
    if (fine && out->expires_at && out->expires_at <= clock_unix_ms())
        trouble_say(t, node_get(body, "expires_at"), "expires_at", "lies in the past; allowed: a time to come, or none");
    return !t->set;
}

static bool read_request(struct visit *v, const char *const fields[], struct stop *out)
{
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    *out = (struct stop){ .code = E_STOPPED, .by = SPAN("admin") };
    if (node_only(body, "", fields, &t) && read_subject(body, out, &t) && read_texts(body, out, &t))
        return true;
    reply_trouble(v, E_CONFIG, &t);
    return false;
}

/* The members of a stop, with the name of a key that has only its id; the bracket stays open. */
static void put_named(struct visit *v, const struct stop *stop)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = stop->kind == STOP_KEY ? map_get(&s->key_by_id, stop->value) : NULL;
    json_open(&v->json, '{');
    put_members(&v->json, stop);
    if (key)
        json_pair(&v->json, SPAN("key_name"), key->name);
    snapshot_drop(s);
}

void stops_stop(struct visit *v)
{
    static const char *const fields[] = { "run", "key", "vendor", "workspace", "all", "reason", "by", "mode", "writes_only", "expires_at", NULL };
    struct stop stop;
    struct stop_outcome outcome;
    struct json_out *o = &v->json;
    if (!read_request(v, fields, &stop) || !check_subject(v, &stop))
        return;
    enum err e = stops_put(v->admin, &stop, SPAN("admin"), &v->arena, &outcome);
    if (e) {
        reply_problem(v, e, NULL, "nothing was stopped");
        return;
    }
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    const struct stop *made = find(set, stop_id(&v->arena, stop.kind, stop.value));
    json_open(o, '{');
    json_name(o, SPAN("stopped"));
    put_named(v, made ? made : &stop);
    json_close(o, '}');
    json_pair_i64(o, SPAN("cut"), (int64_t)outcome.effect.cut);
    json_pair_i64(o, SPAN("in_flight"), (int64_t)outcome.effect.left);
    json_pair_bool(o, SPAN("durable"), outcome.durable);
    json_close(o, '}');
    stop_set_drop(set);
    reply_json(v, 200);
}

/* "all" lifts the stops of everything, those included that stop everything because they could not be read. */
static enum err lift(struct visit *v, const struct stop *stop, size_t *lifted)
{
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    struct span id = stop_id(&v->arena, stop->kind, stop->value);
    enum err e = E_OK;
    *lifted = 0;
    for (size_t i = 0; i < stop_set_count(set) && !e; i++) {
        const struct stop *at = stop_set_at(set, i);
        if (!span_is(at->id, id) && (stop->kind != STOP_ALL || at->kind != STOP_ALL))
            continue;
        put_named(v, at);
        json_pair_i64(&v->json, SPAN("refused_since"), *at->refused);
        json_close(&v->json, '}');
        e = stops_lift(v->admin, at->id, stop->reason, &v->arena);
        *lifted += e == E_OK;
    }
    stop_set_drop(set);
    return e;
}

void stops_resume(struct visit *v)
{
    static const char *const fields[] = { "run", "key", "vendor", "workspace", "all", "reason", "by", NULL };
    struct stop stop;
    size_t lifted;
    if (!read_request(v, fields, &stop))
        return;
    if (stop.kind == STOP_KEY)
        stop.value = visit_key_id(v, stop.value);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("resumed"));
    json_open(&v->json, '[');
    enum err e = lift(v, &stop, &lifted);
    json_close(&v->json, ']');
    json_close(&v->json, '}');
    if (e)
        reply_problem(v, e == E_NO_MEMORY ? e : E_IO, NULL, "the store could not write it; what was stopped stays stopped");
    else if (!lifted)
        reply_problem(v, E_NOT_FOUND, subjects[stop.kind], "there is no such stop; GET /api/v1/stops lists those in force");
    else
        reply_json(v, 200);
}

/* ---- GET /stops ---- */

static struct call_filter matched_by(const struct stop *stop)
{
    struct call_filter f = { .from = stop->created_at };
    if (stop->kind == STOP_RUN)
        f.run = stop->value;
    if (stop->kind == STOP_KEY)
        f.key = stop->value;
    if (stop->kind == STOP_VENDOR)
        f.vendor = stop->value;
    if (stop->kind == STOP_WORKSPACE)
        f.workspace = stop->value;
    return f;
}

/* Measured, not inferred: what the store has of calls that began since and went out. null: the store cannot tell. */
static void put_forwarded(struct visit *v, const struct stop *stop)
{
    struct call_filter f = matched_by(stop);
    struct usage_row *row = NULL;
    size_t count = 0;
    json_name(&v->json, SPAN("forwarded_since"));
    if (!v->stale && stop->created_at && store_usage(v->admin->reader, &f, NULL, 0, &v->arena, &row, &count) == E_OK && count)
        json_put_i64(&v->json, row->forwarded);
    else
        json_put_null(&v->json);
}

static void put_listed(struct visit *v, const struct stop *stop)
{
    put_named(v, stop);
    json_pair_i64(&v->json, SPAN("refused_since"), *stop->refused);
    put_forwarded(v, stop);
    json_close(&v->json, '}');
}

void stops_list(struct visit *v)
{
    int64_t now = clock_unix_ms();
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    visit_catch_up(v);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    for (size_t i = 0; i < stop_set_count(set); i++)
        if (!is_over(stop_set_at(set, i), now))
            put_listed(v, stop_set_at(set, i));
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), SPAN_NONE);
    json_close(&v->json, '}');
    stop_set_drop(set);
    reply_json(v, 200);
}
