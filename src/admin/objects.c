/* SPDX-License-Identifier: Apache-2.0
 * objects.c - what operators make: keys, credentials, policies, budgets, vendors, workspaces, settings. One set of handlers
 * for all kinds; what a kind allows is config's to say.
 *
 * A change is checked against the whole configuration, stored durably, and in force at every worker, in this order, before
 * it is answered. */
#include "admin/inside.h"
#include "base/clock.h"

enum { OBJECTS_USUAL = 1000, OBJECTS_MOST = 10000, OBJECT_SHOWN = 4 << 20 };

static struct span kind_of(const struct visit *v) { return span_of(v->route->kind); }

/* ---- reading ---- */

struct listing {
    struct visit *visit;
    struct json_out *out;
    struct arena *arena;
    struct span after, last;
    int left;
    bool more;
};

static void put_object(void *self, struct span id, struct span json)
{
    struct listing *l = self;
    if ((l->after.at && span_compare(id, l->after) <= 0) || !confine_owns(l->visit, kind_of(l->visit), id, json))
        return;
    if (l->left == 0) {
        l->more = true;
        return;
    }
    json_put_raw(l->out, json);
    l->left--;
    if (l->left == 0)
        l->last = arena_copy(l->arena, id);
}

void objects_list(struct visit *v)
{
    struct trouble t = { .set = false };
    struct config_input in;
    struct listing l = { .visit = v, .out = &v->json, .arena = &v->arena, .after = query_get(v, "cursor") };
    if (!query_limit(v, OBJECTS_USUAL, OBJECTS_MOST, &l.left))
        return;
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (e) {
        reply_store(v, e);
        return;
    }
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    e = config_list(&in, kind_of(v), put_object, &l, &t);
    if (e) {
        reply_trouble(v, e, &t);
        return;
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), l.more ? l.last : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* The masked token gives way to the one that is shown this once. */
static void put_members(struct visit *v, struct json_value object, struct span token)
{
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(object); json_next(&it, &name, &item);) {
        json_name(&v->json, name);
        if (token.at && span_is(name, SPAN("token"))) {
            json_put_string(&v->json, token);
            continue;
        }
        json_print(item, &v->out);
        v->json.comma = true;
    }
}

/* What is another workspace's is told as what is nobody's is. */
static enum err not_there(struct span kind, struct span id, struct trouble *t)
{
    trouble_say(t, NULL, "id", "there is no %.*s \"%.*s\"", SPAN_ARG(kind), SPAN_ARG(span_first(id, 64)));
    return E_NOT_FOUND;
}

enum err objects_look(struct visit *v, const struct config_input *in, struct span kind, struct span id, struct trouble *t)
{
    if (!v->actor.workspace.at || !id.at || span_is(kind, SPAN("increase")))
        return E_OK;
    struct span shown = change_shown(in, kind, id, &v->arena);
    return shown.at && confine_owns(v, kind, id, shown) ? E_OK : not_there(kind, id, t);
}

bool objects_write(struct visit *v, struct span kind, struct span id, struct span token)
{
    struct trouble t = { .set = false };
    struct config_input in;
    struct json_value root;
    struct buf shown;
    const char *why;
    buf_init(&shown, OBJECT_SHOWN);
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (!e)
        e = config_show(&in, kind, id, &shown, &t);
    if (!e && !span_is(kind, SPAN("increase")) && !confine_owns(v, kind, id, buf_span(&shown)))
        e = not_there(kind, id, &t);
    if (!e && json_parse(v->admin->json, buf_span(&shown), true, &root, &why) != E_OK)
        e = E_IO;
    if (!e)
        put_members(v, root, token);
    buf_free(&shown);
    if (e)
        reply_trouble(v, e, &t);
    return e == E_OK;
}

static void answer(struct visit *v, int status, struct span id, struct span token)
{
    json_open(&v->json, '{');
    if (!objects_write(v, kind_of(v), id, token))
        return;
    json_close(&v->json, '}');
    reply_json(v, status);
}

void objects_get(struct visit *v) { answer(v, 200, v->id, SPAN_NONE); }

/* ---- changing ---- */

static const struct act acts[] = { { { "create", 6 }, { "created", 7 }, { 0 } }, { { "update", 6 }, { "updated", 7 }, { 0 } }, { { "delete", 6 }, { "deleted", 7 }, { 0 } } };
enum { CREATE, UPDATE, DELETE };

static struct change describe(struct visit *v, const struct config_input *in, struct span kind, const struct act *act, const struct config_changed *made)
{
    struct config_input after = change_input(in, kind, made->id, made->stored, &v->arena);
    struct change c = { .actor = v->actor.name, .object = made->id, .reason = act->reason };
    c.action = arena_print(&v->arena, "%.*s.%.*s", SPAN_ARG(kind), SPAN_ARG(act->name));
    c.before = change_shown(in, kind, made->id, &v->arena);
    c.after = change_shown(&after, kind, made->id, &v->arena);
    return c;
}

/* Before as after the change it has to be the visitor's workspace's. (What is raised was looked up in it: budgets.c) */
static bool is_own_change(struct visit *v, struct span kind, const struct change *c)
{
    if (span_is(kind, SPAN("increase")))
        return true;
    return (!c->before.at || confine_owns(v, kind, c->object, c->before)) && (!c->after.at || confine_owns(v, kind, c->object, c->after));
}

static enum err store_it(struct visit *v, struct span kind, const struct change *c, const struct config_changed *made)
{
    struct store *store = books_store(v->admin->parts.books);
    const struct store_record *row = c->action.at ? change_record(v->admin, &v->arena, c) : NULL;
    if (!row)
        return E_NO_MEMORY;
    enum err e = store_object_put(store, kind, made->id, made->stored, -1, clock_unix_ms(), row);
    if (e == E_NOT_FOUND && !made->stored.at)
        e = store_event(store, row); /* nothing was stored of it */
    return e;
}

bool objects_keep(struct visit *v, const struct config_input *in, struct span kind, const struct act *act, struct config_changed *made, enum err *e, struct trouble *t)
{
    struct change c = describe(v, in, kind, act, made);
    if (!is_own_change(v, kind, &c)) {
        snapshot_drop(made->snapshot);
        *e = not_there(kind, v->id.at ? v->id : made->id, t);
        return false;
    }
    *e = store_it(v, kind, &c, made);
    if (*e == E_OK) {
        admin_publish(v->admin, made->snapshot);
        return true;
    }
    snapshot_drop(made->snapshot);
    trouble_say(t, NULL, "", "the store could not write it; nothing was changed");
    *e = *e == E_NO_MEMORY ? E_NO_MEMORY : E_IO;
    return false;
}

bool objects_try(struct visit *v, const struct config_change *c, struct config_input *in, struct config_changed *out, enum err *e, struct trouble *t)
{
    *e = admin_input(v->admin, &v->arena, in);
    if (*e)
        trouble_say(t, NULL, "", "the store could not be read; nothing was changed");
    else if ((*e = objects_look(v, in, c->kind, c->id, t)) == E_OK)
        *e = config_apply(in, c, &v->arena, out, t);
    if (*e == E_CONFLICT && v->actor.workspace.at) { /* its message names who needs it */
        *t = (struct trouble){ .set = false };
        trouble_say(t, NULL, "name", "the name is taken, or something still refers to it");
    }
    if (*e == E_OK && span_is(c->kind, SPAN("key")) && (*e = confine_key_change(v, out->id, out->snapshot, t)) != E_OK)
        snapshot_drop(out->snapshot);
    return *e == E_OK;
}

bool objects_apply(struct visit *v, const struct config_change *c, const struct act *act, struct config_changed *out, enum err *e, struct trouble *t)
{
    struct config_input in;
    return objects_try(v, c, &in, out, e, t) && objects_keep(v, &in, c->kind, act, out, e, t);
}

bool objects_change(struct visit *v, const struct config_change *c, const struct act *act, struct config_changed *out)
{
    struct trouble t = { .set = false };
    enum err e;
    if (!objects_apply(v, c, act, out, &e, &t)) {
        reply_trouble(v, e, &t);
        return false;
    }
    events_tell_change(v->admin, c->kind, out->id, act->told);
    return true;
}

static struct span body_of(const struct visit *v) { return v->body.len ? buf_span(&v->body) : SPAN("{}"); }

void objects_create(struct visit *v)
{
    struct config_changed made;
    struct config_change c = { .kind = kind_of(v) };
    c.body = confine_body(v, c.kind, body_of(v), true);
    if (!c.body.at || !objects_change(v, &c, &acts[CREATE], &made))
        return;
    answer(v, 201, made.id, made.token);
}

void objects_patch(struct visit *v)
{
    struct config_changed made;
    struct config_change c = { .kind = kind_of(v), .id = v->id, .patch = true };
    c.body = confine_body(v, c.kind, body_of(v), false);
    if (c.body.at && objects_change(v, &c, &acts[UPDATE], &made))
        answer(v, 200, made.id, SPAN_NONE);
}

void objects_delete(struct visit *v)
{
    struct config_changed made;
    struct config_change c = { .kind = kind_of(v), .id = v->id };
    if (objects_change(v, &c, &acts[DELETE], &made))
        reply_nothing(v);
}
