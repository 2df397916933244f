/* SPDX-License-Identifier: Apache-2.0
 * tokens.c - admin tokens: objects like others, but that each is shown once, and with all its members, whether they are set or not. */
#include "admin/inside.h"
#include "base/clock.h"

enum {
    TOKENS_USUAL = 1000,
    TOKENS_MOST = 1000,
    TOKENS_A_WORKSPACE = 50, /* when its own tokens make one more: the gate's are one pot for all */
    SHOWN_MOST = 64 << 10
};

static const struct act create_act = { { "create", 6 }, { "created", 7 }, { 0 } }, update_act = { { "update", 6 }, { "updated", 7 }, { 0 } },
                        rotate_act = { { "rotate", 6 }, { "rotated", 7 }, { 0 } };

/* ---- as text ---- */

int64_t token_last_used(struct admin *a, struct span name)
{
    int64_t last = 0;
    struct snapshot *s = gate_snapshot(a->parts.gate);
    const struct map_entry *e;
    for (size_t at = 0; (e = map_next(&s->admin_by_hash, &at));) {
        const struct admin_hash *h = e->value;
        int64_t used = span_is(h->token->name, name) ? access_used(a, &h->hash) : 0;
        last = used > last ? used : last;
    }
    snapshot_drop(s);
    return last;
}

static void put_text(struct json_out *o, struct json_value object, const char *name)
{
    json_pair(o, span_of(name), json_string(json_member(object, span_of(name))));
}

/* last_used_at stands last: it changes with every request, and is no part of what If-Match compares. */
static void put_token(struct visit *v, struct json_value object, struct span secret)
{
    static const char *const members[] = { "id", "name", "origin", "role", "workspace", "owner", "created_at", "expires_at" };
    struct json_out *o = &v->json;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        put_text(o, object, members[i]);
    bool content = false;
    (void)json_bool(json_member(object, SPAN("content")), &content);
    json_pair_bool(o, SPAN("content"), content);
    json_pair(o, SPAN("token"), secret.at ? secret : json_string(json_member(object, SPAN("token"))));
    visit_tag(v);
    json_pair_time(o, SPAN("last_used_at"), token_last_used(v->admin, json_string(json_member(object, SPAN("name")))));
}

/* False: replied. The bracket is opened and left so. */
static bool write_one(struct visit *v, struct span id, struct span secret)
{
    struct trouble t = { .set = false };
    struct config_input in;
    struct json_value root;
    struct buf shown;
    const char *why;
    buf_init(&shown, SHOWN_MOST);
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (!e)
        e = config_show(&in, SPAN("token"), id, &shown, &t);
    if (!e && json_parse(v->admin->json, buf_span(&shown), true, &root, &why) != E_OK)
        e = E_IO;
    if (!e && !confine_owns(v, SPAN("token"), id, buf_span(&shown))) {
        trouble_say(&t, NULL, "id", "there is no token \"%.*s\"", SPAN_ARG(span_first(id, 64)));
        e = E_NOT_FOUND;
    }
    if (!e) {
        json_open(&v->json, '{');
        put_token(v, root, secret);
    }
    buf_free(&shown);
    if (e)
        reply_trouble(v, e, &t);
    return e == E_OK;
}

static void answer(struct visit *v, int status, struct span id, struct span secret)
{
    if (!write_one(v, id, secret))
        return;
    json_close(&v->json, '}');
    reply_json(v, status);
}

void tokens_get(struct visit *v) { answer(v, 200, v->id, SPAN_NONE); }

/* ---- GET /tokens ---- */

struct listing {
    struct visit *visit;
    struct span after, last;
    int left;
    bool more;
};

static void put_listed(void *self, struct span id, struct span json)
{
    struct listing *l = self;
    struct visit *v = l->visit;
    struct json_value root;
    const char *why;
    if ((l->after.at && span_compare(id, l->after) <= 0) || !confine_owns(v, SPAN("token"), id, json))
        return;
    if (l->left == 0) {
        l->more = true;
        return;
    }
    if (json_parse(v->admin->json, json, true, &root, &why) != E_OK)
        return;
    json_open(&v->json, '{');
    put_token(v, root, SPAN_NONE);
    json_close(&v->json, '}');
    if (--l->left == 0)
        l->last = arena_copy(&v->arena, id);
}

void tokens_list(struct visit *v)
{
    struct trouble t = { .set = false };
    struct config_input in;
    struct listing l = { .visit = v, .after = query_get(v, "cursor") };
    if (!query_limit(v, TOKENS_USUAL, TOKENS_MOST, &l.left))
        return;
    enum err e = admin_input(v->admin, &v->arena, &in);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    if (!e)
        e = config_list(&in, SPAN("token"), put_listed, &l, &t);
    if (e) {
        reply_trouble(v, e, &t);
        return;
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), l.more ? l.last : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* ---- changing ---- */

/* False: replied. */
static bool has_room(struct visit *v)
{
    size_t count = 0;
    if (!v->actor.workspace.at)
        return true;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    for (size_t i = 0; i < s->admin_token_count; i++)
        count += span_is(s->admin_tokens[i].workspace, v->actor.workspace);
    snapshot_drop(s);
    if (count >= TOKENS_A_WORKSPACE)
        reply_problem(v, E_CONFLICT, "workspace", "it has %zu admin tokens; allowed to one of its own: to make the %dth at most; delete some, or have one made by a token without a workspace", count, TOKENS_A_WORKSPACE);
    return count < TOKENS_A_WORKSPACE;
}

void tokens_create(struct visit *v)
{
    struct config_changed made;
    struct config_change c = { .kind = SPAN("token") };
    if (!has_room(v))
        return;
    c.body = confine_body(v, c.kind, v->body.len ? buf_span(&v->body) : SPAN("{}"), true);
    if (c.body.at && objects_change(v, &c, &create_act, &made))
        answer(v, 201, made.id, made.token);
}

void tokens_patch(struct visit *v)
{
    struct config_changed made;
    struct config_change c = { .kind = SPAN("token"), .id = v->id, .patch = true };
    c.body = confine_body(v, c.kind, v->body.len ? buf_span(&v->body) : SPAN("{}"), false);
    if (c.body.at && objects_change(v, &c, &update_act, &made))
        answer(v, 200, made.id, SPAN_NONE);
}

void tokens_rotate(struct visit *v)
{
    struct config_input in;
    struct config_changed made;
    struct trouble t = { .set = false };
    struct config_rotation r = { .admin = true, .id = v->id, .now_ms = clock_unix_ms() };
    if (!rotation_read(v, &r))
        return;
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (!e)
        e = objects_look(v, &in, SPAN("token"), v->id, &t);
    if (!e)
        e = config_rotate(&in, &r, &v->arena, &made, &t);
    if (e || (!made.repeated && !objects_keep(v, &in, SPAN("token"), &rotate_act, &made, &e, &t))) {
        reply_trouble(v, e, &t);
        return;
    }
    if (!made.repeated)
        events_tell_change(v->admin, SPAN("token"), made.id, rotate_act.told);
    if (!write_one(v, made.id, made.token))
        return;
    json_pair_time(&v->json, SPAN("previous_valid_until"), made.previous_until);
    json_pair_bool(&v->json, SPAN("repeated"), made.repeated);
    json_close(&v->json, '}');
    reply_json(v, 200);
}
