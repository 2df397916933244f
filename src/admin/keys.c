/* SPDX-License-Identifier: Apache-2.0
 * keys.c - the end of a key, now or after an overlap.
 *
 * Revoking publishes a stop first: it reaches every worker within a turn of its loop, cuts what is under way, and does not
 * depend on the disk or on a configuration that still loads. What is stored afterwards makes it last. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define OVERLAP_USUAL (INT64_C(24) * 60 * 60 * 1000)

static const struct act revoke_act = { { "revoke", 6 }, { "revoked", 7 }, { 0 } }, delete_act = { { "delete", 6 }, { "deleted", 7 }, { 0 } },
                        rotate_act = { { "rotate", 6 }, { "rotated", 7 }, { 0 } };

/* The key's id in v->arena; SPAN_NONE: replied. */
static struct span find_key(struct visit *v)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = map_get(&s->key_by_id, v->id);
    struct span id = key && access_sees(&v->actor, key->workspace) ? arena_copy(&v->arena, key->id) : SPAN_NONE;
    snapshot_drop(s);
    if (!id.at)
        reply_problem(v, E_NOT_FOUND, "id", "there is no key \"%.*s\"", SPAN_ARG(span_first(v->id, 64)));
    return id;
}

static bool read_revocation(struct visit *v, struct stop *stop)
{
    static const char *const fields[] = { "reason", "mode", NULL };
    static const char *const modes[] = { "cut", "drain", NULL };
    struct trouble t = { .set = false };
    int mode = 0;
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    bool fine = node_only(body, "", fields, &t) && node_span(node_get(body, "reason"), "reason", &stop->reason, &t) &&
                node_choice(node_get(body, "mode"), "mode", modes, &mode, &t);
    if (fine && stop->reason.len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    stop->cut = mode == 0;
    if (t.set)
        reply_trouble(v, E_CONFIG, &t);
    return !t.set;
}

static struct stop revocation(const struct visit *v, struct span id)
{
    return (struct stop){ .kind = STOP_KEY, .value = id, .workspace = v->actor.workspace, .reason = SPAN("the key was revoked"), .by = v->actor.name, .code = E_KEY_REVOKED, .cut = true };
}

void keys_revoke(struct visit *v)
{
    struct stop_outcome outcome;
    struct config_changed made;
    struct trouble t = { .set = false };
    char now[TIME_TEXT];
    struct span id = find_key(v);
    struct stop stop = revocation(v, id);
    enum err e;
    if (!id.at || !read_revocation(v, &stop))
        return;
    e = stops_put(v->admin, &stop, v->actor.name, &v->arena, &outcome);
    if (e) {
        reply_problem(v, e, NULL, "the key was not revoked");
        return;
    }
    struct config_change c = { .kind = SPAN("key"), .id = id, .patch = true };
    c.body = arena_print(&v->arena, "{\"revoked_at\":\"%.*s\"}", SPAN_ARG(text_time(clock_unix_ms(), now)));
    struct act act = revoke_act;
    act.reason = stop.reason;
    bool kept = objects_apply(v, &c, &act, &made, &e, &t);
    events_tell_change(v->admin, c.kind, id, act.told);
    json_open(&v->json, '{');
    if (!objects_write(v, c.kind, id, SPAN_NONE))
        return;
    json_pair_i64(&v->json, SPAN("cut"), (int64_t)outcome.effect.cut);
    json_pair_i64(&v->json, SPAN("in_flight"), (int64_t)outcome.effect.left);
    json_pair_bool(&v->json, SPAN("durable"), kept || outcome.durable);
    if (!kept)
        json_pair(&v->json, SPAN("warning"), arena_print(&v->arena, "a stop holds the key; its object could not be changed: %s", t.text));
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* Cuts its calls under way. Without memory for that it goes all the same: no new one comes in. */
static void cut_short(struct visit *v, struct span id)
{
    struct stop_outcome outcome;
    struct stop stop = revocation(v, id);
    stop.reason = SPAN("the key was deleted");
    if (stops_put(v->admin, &stop, v->actor.name, &v->arena, &outcome) != E_OK)
        log_error("admin", "the key %.*s is deleted without a stop: its calls under way were not cut", SPAN_ARG(id));
}

/* Its calls under way are cut before it is gone, as soon as it is sure that it may go; then the stops have nothing left to hold. Where the store
 * cannot write that, the key stays, stopped. */
void keys_delete(struct visit *v)
{
    struct config_input in;
    struct config_changed made;
    struct trouble t = { .set = false };
    struct config_change c = { .kind = SPAN("key") };
    enum err e;
    c.id = find_key(v);
    if (!c.id.at || stops_bar_end(v, c.id))
        return;
    bool fine = objects_try(v, &c, &in, &made, &e, &t);
    if (fine) {
        cut_short(v, c.id);
        fine = objects_keep(v, &in, c.kind, &delete_act, &made, &e, &t);
    }
    if (!fine) {
        reply_trouble(v, e, &t);
        return;
    }
    if (stops_forget_key(v->admin, c.id, v->actor.name, SPAN("the key was deleted"), &v->arena) != E_OK)
        log_warn("admin", "a stop of the deleted key %.*s could not be lifted; it holds nobody", SPAN_ARG(c.id));
    events_tell_change(v->admin, c.kind, c.id, delete_act.told);
    reply_nothing(v);
}

static bool read_overlap(struct visit *v, int64_t *overlap_ms)
{
    static const char *const fields[] = { "overlap", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    *overlap_ms = OVERLAP_USUAL;
    if (!body)
        return false;
    if (node_only(body, "", fields, &t) && node_duration(node_get(body, "overlap"), "overlap", overlap_ms, &t))
        return true;
    reply_trouble(v, E_CONFIG, &t);
    return false;
}

/* The client's name for this rotation: its own, so that nobody is given a secret that another asked for by the same word. */
static bool read_once(struct visit *v, struct span *once)
{
    static const struct span field = { "idempotency-key", 15 };
    const struct http_head *head = http_request_head(v->request);
    *once = http_get(head, field);
    bool fine = http_count(head, field) <= 1 && (!once->at || (once->len > 0 && once->len <= CONFIG_ONCE_LONGEST));
    if (!fine)
        reply_problem(v, E_BAD_REQUEST, "idempotency-key", "allowed: one, of 1 to %d characters", CONFIG_ONCE_LONGEST);
    if (!fine || !once->at)
        return fine;
    *once = arena_print(&v->arena, "%.*s %.*s", SPAN_ARG(v->actor.name), SPAN_ARG(*once));
    if (!once->at)
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was rotated");
    return once->at != NULL;
}

bool rotation_read(struct visit *v, struct config_rotation *r) { return read_once(v, &r->once) && read_overlap(v, &r->overlap_ms); }

void keys_rotate(struct visit *v)
{
    struct config_input in;
    struct config_changed made;
    struct trouble t = { .set = false };
    struct config_rotation r = { .id = find_key(v), .now_ms = clock_unix_ms() };
    if (!r.id.at || !rotation_read(v, &r))
        return;
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (!e)
        e = config_rotate(&in, &r, &v->arena, &made, &t);
    if (e || (!made.repeated && !objects_keep(v, &in, SPAN("key"), &rotate_act, &made, &e, &t))) {
        reply_trouble(v, e, &t);
        return;
    }
    if (!made.repeated)
        events_tell_change(v->admin, SPAN("key"), r.id, rotate_act.told);
    json_open(&v->json, '{');
    if (!objects_write(v, SPAN("key"), r.id, made.token))
        return;
    json_pair_time(&v->json, SPAN("previous_valid_until"), made.previous_until);
    json_pair_bool(&v->json, SPAN("repeated"), made.repeated);
    json_close(&v->json, '}');
    reply_json(v, 200);
}
