/* SPDX-License-Identifier: Apache-2.0
 * stops_visit.c - stopping, resuming and listing as the API has them: what may be named, whose stop it is, and who may lift it. */
#include "admin/inside.h"
#include "base/clock.h"
#include "rules/call_id.h"
#include "rules/token.h"

enum {
    BY_LONGEST = 100,
    STOPS_A_WORKSPACE = 1000 /* in force, set by its own tokens; each is looked at when any is set or lifted */
};

/* ---- what is meant ---- */

static const char *const subjects[STOP_KINDS] = { "all", "workspace", "key", "run", "vendor", "link" };

static bool read_subject(const struct node *body, struct stop *out, struct trouble *t)
{
    static const char allowed[] = "exactly one of run, key, vendor, workspace (each a name), link (a call id) or all (true)";
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
    case STOP_LINK:
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
    uint64_t call;
    if (stop->kind == STOP_LINK && !call_id_parse(stop->value, &call)) {
        reply_problem(v, E_CONFIG, "link", "found \"%.*s\"; allowed: the id of the call whose results the links lead to, \"call_...\"", SPAN_ARG(span_first(stop->value, 64)));
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

/* Whoever is confined to a workspace stops what is in it: it, its keys, and runs as far as they are in it. Such a stop is kept beside one that
 * the gate's operators set on the same, not in its place. */
static bool confine(struct visit *v, struct stop *stop)
{
    if (!v->actor.workspace.at)
        return true;
    bool own = stop->kind == STOP_RUN || (stop->kind == STOP_WORKSPACE && span_is(stop->value, v->actor.workspace));
    stop->workspace = v->actor.workspace;
    if (stop->kind == STOP_KEY && !(own = confine_key(v, stop->value)))
        reply_problem(v, E_NOT_FOUND, "key", "there is no key \"%.*s\"", SPAN_ARG(span_first(stop->value, 64)));
    else if (!own)
        reply_problem(v, E_ROLE_DENIED, subjects[stop->kind], "allowed to this token: a run or a key of its workspace, or {\"workspace\": \"%.*s\"}", SPAN_ARG(v->actor.workspace));
    return own;
}

/* ---- whose it is ---- */

static bool is_own(const struct visit *v, const struct snapshot *s, const struct stop *stop)
{
    const struct key *key = stop->kind == STOP_KEY ? map_get(&s->key_by_id, stop->value) : NULL;
    if (!v->actor.workspace.at)
        return true;
    return (key && span_is(key->workspace, v->actor.workspace)) || (stop->kind == STOP_WORKSPACE && span_is(stop->value, v->actor.workspace)) ||
           (stop->workspace.at && span_is(stop->workspace, v->actor.workspace));
}

/* What the operators set, they lift. One of an older gate that does not say whose it is counts as theirs. */
static bool may_lift(const struct visit *v, const struct stop *stop)
{
    return !v->actor.workspace.at || (stop->workspace.at && span_is(stop->workspace, v->actor.workspace));
}

bool stops_shows(const struct visit *v, const struct snapshot *s, const struct stop *stop)
{
    return is_own(v, s, stop) || stop->kind == STOP_ALL || stop->kind == STOP_VENDOR;
}

bool stops_bar_end(struct visit *v, struct span key)
{
    struct span by = SPAN_NONE;
    int64_t now = clock_unix_ms();
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    for (size_t i = 0; i < stop_set_count(set) && !by.at; i++) {
        const struct stop *stop = stop_set_at(set, i);
        if (stop->kind == STOP_KEY && span_is(stop->value, key) && !may_lift(v, stop) && !stops_over(stop, now))
            by = stop->by.len ? arena_copy(&v->arena, stop->by) : SPAN("the gate");
    }
    stop_set_drop(set);
    if (by.at)
        reply_problem(v, E_ROLE_DENIED, "id", "%.*s stopped this key, for the gate's operators, and a key that is deleted takes its stops along; allowed to delete it: an admin token without a workspace; revoke it instead", SPAN_ARG(by));
    return by.at != NULL;
}

/* Whether one more of this workspace may stand; what is set anew takes no more room. The workspace itself can always be
 * stopped; operators' and revocations are never too many. */
static bool has_room(struct visit *v, const struct stop *stop)
{
    int64_t now = clock_unix_ms();
    size_t count = 0;
    if (!v->actor.workspace.at || stop->kind == STOP_WORKSPACE)
        return true;
    struct span id = stop_id_of(&v->arena, stop);
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    for (size_t i = 0; i < stop_set_count(set); i++) {
        const struct stop *at = stop_set_at(set, i);
        count += at->code == E_STOPPED && at->kind != STOP_WORKSPACE && span_is(at->workspace, v->actor.workspace) && !span_is(at->id, id) && !stops_over(at, now);
    }
    stop_set_drop(set);
    if (count >= STOPS_A_WORKSPACE)
        reply_problem(v, E_CONFLICT, subjects[stop->kind], "%d stops of this workspace are in force; allowed: resume some, give them an end (expires_at), or stop the workspace itself", STOPS_A_WORKSPACE);
    return count < STOPS_A_WORKSPACE;
}

/* ---- POST /stop ---- */

static bool read_request(struct visit *v, const char *const fields[], struct stop *out)
{
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    *out = (struct stop){ .code = E_STOPPED, .by = v->actor.name };
    if (node_only(body, "", fields, &t) && read_subject(body, out, &t) && read_texts(body, out, &t))
        return confine(v, out);
    reply_trouble(v, E_CONFIG, &t);
    return false;
}

/* The members of a stop, with the name of a key that has only its id; the bracket stays open. */
static void put_named(struct visit *v, const struct stop *stop)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = stop->kind == STOP_KEY ? map_get(&s->key_by_id, stop->value) : NULL;
    json_open(&v->json, '{');
    stops_put_members(&v->json, stop);
    json_pair_bool(&v->json, SPAN("liftable"), may_lift(v, stop) && is_own(v, s, stop));
    if (key)
        json_pair(&v->json, SPAN("key_name"), key->name);
    snapshot_drop(s);
}

void stops_stop(struct visit *v)
{
    static const char *const fields[] = { "run", "key", "vendor", "workspace", "link", "all", "reason", "by", "mode", "writes_only", "expires_at", NULL };
    struct stop stop;
    struct stop_outcome outcome;
    struct json_out *o = &v->json;
    if (!read_request(v, fields, &stop) || !check_subject(v, &stop) || !has_room(v, &stop))
        return;
    enum err e = stops_put(v->admin, &stop, v->actor.name, &v->arena, &outcome);
    if (e) {
        reply_problem(v, e, NULL, "nothing was stopped");
        return;
    }
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    const struct stop *made = stops_find(set, stop_id_of(&v->arena, &stop));
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

/* ---- POST /resume ---- */

/* Whether `at`, in force, is one of what is to be lifted. "all" lifts the stops of everything, those included that stop everything because they
 * could not be read. A run's of another workspace is nothing to a confined visitor. */
static bool is_meant(const struct visit *v, const struct stop *stop, const struct stop *at)
{
    if (at->kind != stop->kind || (stop->kind != STOP_ALL && !span_is(at->value, stop->value)))
        return false;
    return stop->kind != STOP_RUN || !at->workspace.at || may_lift(v, at);
}

struct lifting {
    size_t lifted;
    const struct stop *left; /* one that is not the visitor's to lift */
};

static enum err lift(struct visit *v, const struct stop *stop, const struct stop_set *set, struct lifting *out)
{
    enum err e = E_OK;
    json_name(&v->json, SPAN("resumed"));
    json_open(&v->json, '[');
    for (size_t i = 0; i < stop_set_count(set) && !e; i++) {
        const struct stop *at = stop_set_at(set, i);
        if (!is_meant(v, stop, at) || !may_lift(v, at))
            continue;
        put_named(v, at);
        json_pair_i64(&v->json, SPAN("refused_since"), *at->refused);
        json_close(&v->json, '}');
        e = stops_lift(v->admin, at->id, v->actor.name, stop->reason, &v->arena);
        out->lifted += e == E_OK;
    }
    json_close(&v->json, ']');
    return e;
}

/* What goes on holding, so that nobody takes a 200 for "it runs again". */
static void put_remaining(struct visit *v, const struct stop *stop, const struct stop_set *set, struct lifting *out)
{
    int64_t now = clock_unix_ms();
    json_name(&v->json, SPAN("remaining"));
    json_open(&v->json, '[');
    for (size_t i = 0; i < stop_set_count(set); i++) {
        const struct stop *at = stop_set_at(set, i);
        if (!is_meant(v, stop, at) || may_lift(v, at) || stops_over(at, now))
            continue;
        put_named(v, at);
        json_close(&v->json, '}');
        out->left = at;
    }
    json_close(&v->json, ']');
}

static void reply_lifted(struct visit *v, const struct stop *stop, const struct lifting *l, enum err e)
{
    if (e)
        reply_problem(v, e == E_NO_MEMORY ? e : E_IO, NULL, "the store could not write it; what was stopped stays stopped");
    else if (l->lifted)
        reply_json(v, 200);
    else if (l->left)
        reply_problem(v, E_ROLE_DENIED, subjects[stop->kind], "this stop was set by %.*s, for the gate's operators; allowed to lift it: an admin token without a workspace", SPAN_ARG(l->left->by.len ? l->left->by : SPAN("the gate")));
    else
        reply_problem(v, E_NOT_FOUND, subjects[stop->kind], "there is no such stop; GET /api/v1/stops lists those in force");
}

void stops_resume(struct visit *v)
{
    static const char *const fields[] = { "run", "key", "vendor", "workspace", "link", "all", "reason", "by", NULL };
    struct stop stop;
    struct lifting l = { .lifted = 0 };
    if (!read_request(v, fields, &stop))
        return;
    if (stop.kind == STOP_KEY)
        stop.value = visit_key_id(v, stop.value);
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    json_open(&v->json, '{');
    enum err e = lift(v, &stop, set, &l);
    put_remaining(v, &stop, set, &l);
    json_close(&v->json, '}');
    reply_lifted(v, &stop, &l, e);
    stop_set_drop(set);
}

/* ---- GET /stops ---- */

static struct call_filter matched_by(const struct visit *v, const struct stop *stop)
{
    struct call_filter f = { .from = stop->created_at };
    if (stop->kind == STOP_RUN) {
        f.run = stop->value;
        f.workspace = stop->workspace;
    }
    if (stop->kind == STOP_KEY)
        f.key = stop->value;
    if (stop->kind == STOP_VENDOR)
        f.vendor = stop->value;
    if (stop->kind == STOP_WORKSPACE)
        f.workspace = stop->value;
    if (v->actor.workspace.at)
        f.workspace = v->actor.workspace;
    return f;
}

/* Measured, not inferred: what the store has of calls that began since and went out. null: the store cannot tell. */
static void put_forwarded(struct visit *v, struct store_reader *r, const struct stop *stop)
{
    struct call_filter f = matched_by(v, stop);
    struct usage_row *row = NULL;
    size_t count = 0;
    json_name(&v->json, SPAN("forwarded_since"));
    if (!v->stale && stop->kind != STOP_LINK && stop->created_at && store_usage(r, &f, NULL, 0, &v->arena, &row, &count) == E_OK && count)
        json_put_i64(&v->json, row->forwarded);
    else
        json_put_null(&v->json);
}

/* Of one that holds the whole gate, a confined visitor hears only what it means here. */
static void put_listed(struct visit *v, struct store_reader *r, const struct stop *stop)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    bool own = is_own(v, s, stop), shown = stops_shows(v, s, stop);
    snapshot_drop(s);
    if (!shown)
        return;
    put_named(v, stop);
    json_name(&v->json, SPAN("refused_since"));
    if (own)
        json_put_i64(&v->json, *stop->refused);
    else
        json_put_null(&v->json);
    put_forwarded(v, r, stop);
    json_close(&v->json, '}');
}

static void list_stops(struct visit *v, struct store_reader *r)
{
    int64_t now = clock_unix_ms();
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    for (size_t i = 0; i < stop_set_count(set); i++)
        if (!stops_over(stop_set_at(set, i), now))
            put_listed(v, r, stop_set_at(set, i));
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), SPAN_NONE);
    json_close(&v->json, '}');
    stop_set_drop(set);
}

void stops_list(struct visit *v) { visit_read(v, list_stops, reply_read); }
