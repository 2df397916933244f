/* SPDX-License-Identifier: Apache-2.0
 * keys_retire.c - POST /keys/retire: whoever leaves, all keys that person answers for are revoked with one request. Each is stopped first,
 * as by keys_revoke; one that cannot be stored is told of, and held by its stop. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/text.h"

struct leaver {
    struct span owner, reason;
    struct span *ids;
    size_t count;
};

static bool read_leaver(struct visit *v, struct leaver *l)
{
    static const char *const fields[] = { "owner", "reason", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    *l = (struct leaver){ .owner = SPAN_NONE };
    if (!body)
        return false;
    bool fine = node_only(body, "", fields, &t) && node_span(node_get(body, "owner"), "owner", &l->owner, &t) && node_span(node_get(body, "reason"), "reason", &l->reason, &t);
    if (fine && !l->owner.len)
        trouble_say(&t, NULL, "owner", "is missing; allowed: the owner of keys, as GET /api/v1/reports/access lists them");
    if (fine && l->reason.len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (t.set)
        reply_trouble(v, E_CONFIG, &t);
    return !t.set;
}

/* Keys of the owner that are in force, in this visitor's workspace. */
static bool find_keys(struct visit *v, struct leaver *l)
{
    bool fine = true, known = false;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    for (size_t i = 0; fine && i < s->key_count; i++) {
        const struct key *k = &s->keys[i];
        if (!span_is(k->owner, l->owner) || (v->actor.workspace.at && !span_is(k->workspace, v->actor.workspace)))
            continue;
        known = true;
        if (k->revoked_at)
            continue;
        struct span *more = arena_grow(&v->arena, l->ids, sizeof(*more), l->count);
        fine = more != NULL;
        if (fine) {
            l->ids = more;
            more[l->count++] = arena_copy(&v->arena, k->id);
        }
    }
    snapshot_drop(s);
    if (!fine)
        reply_problem(v, E_NO_MEMORY, NULL, "no key was retired");
    else if (!known)
        reply_problem(v, E_NOT_FOUND, "owner", "no key has the owner \"%.*s\"; GET /api/v1/reports/access lists them", SPAN_ARG(span_first(l->owner, 100)));
    return fine && known;
}

static void put_key(struct visit *v, struct span id, const struct stop_outcome *outcome, bool kept, const struct trouble *t)
{
    struct json_out *o = &v->json;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = map_get(&s->key_by_id, id);
    json_open(o, '{');
    json_pair(o, SPAN("id"), id);
    json_pair(o, SPAN("name"), key ? key->name : SPAN_NONE);
    json_pair_i64(o, SPAN("cut"), (int64_t)outcome->effect.cut);
    json_pair_bool(o, SPAN("durable"), kept || outcome->durable);
    if (!kept)
        json_pair(o, SPAN("warning"), arena_print(&v->arena, "a stop holds the key; its object could not be changed: %s", t->text));
    json_close(o, '}');
    snapshot_drop(s);
}

static enum err retire(struct visit *v, const struct leaver *l, struct span id)
{
    static const struct act act = { { "retire", 6 }, { "revoked", 7 }, { 0 } };
    struct act told = act;
    struct stop_outcome outcome;
    struct config_changed made;
    struct trouble t = { .set = false };
    char now[TIME_TEXT];
    struct stop stop = { .kind = STOP_KEY, .value = id, .workspace = v->actor.workspace, .reason = SPAN("the key was retired"), .by = v->actor.name, .code = E_KEY_REVOKED, .cut = true };
    told.reason = stop.reason = l->reason.len ? l->reason : arena_print(&v->arena, "%.*s left", SPAN_ARG(l->owner));
    enum err e = stops_put(v->admin, &stop, v->actor.name, &v->arena, &outcome);
    if (e)
        return e;
    struct config_change c = { .kind = SPAN("key"), .id = id, .patch = true };
    c.body = arena_print(&v->arena, "{\"revoked_at\":\"%.*s\"}", SPAN_ARG(text_time(clock_unix_ms(), now)));
    bool kept = objects_apply(v, &c, &told, &made, &e, &t);
    events_tell_change(v->admin, c.kind, id, told.told);
    put_key(v, id, &outcome, kept, &t);
    return E_OK;
}

void keys_retire(struct visit *v)
{
    struct leaver l;
    enum err e = E_OK;
    if (!read_leaver(v, &l) || !find_keys(v, &l))
        return;
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("owner"), l.owner);
    json_name(&v->json, SPAN("retired"));
    json_open(&v->json, '[');
    size_t done = 0;
    while (!e && done < l.count) {
        e = retire(v, &l, l.ids[done]);
        done += !e;
    }
    if (e) {
        reply_problem(v, e, NULL, "%zu of %zu keys were retired; ask again for the rest", done, l.count);
        return;
    }
    json_close(&v->json, ']');
    json_pair_i64(&v->json, SPAN("count"), (int64_t)l.count);
    json_close(&v->json, '}');
    reply_json(v, 200);
}
