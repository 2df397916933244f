/* SPDX-License-Identifier: Apache-2.0
 * change.c - a request of the admin API becomes the object to store, and the configuration that follows from it. Nothing
 * is stored that would not load: the whole next configuration is built first, and given out with the answer. */
#include "config/change.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"

enum { NAMES_MOST = 40 };
#define SCRATCH_CEILING ((size_t)2 << 30)

enum err change_say(struct change *c, enum err e, const char *field, const char *text)
{
    struct node at = { .file = "" };
    trouble_say(c->t, &at, field, "%s", text);
    return e;
}

const struct node *change_member(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

struct span change_text(const struct node *map, const char *name)
{
    const struct node *n = node_get(map, name);
    return n && n->kind == NODE_SCALAR ? n->text : SPAN_NONE;
}

/* ---- what is there ---- */

enum err change_look_up(struct change *c, struct span id)
{
    c->entry = tree_find_named(&c->tree, c->kind, id);
    if (!c->entry)
        return E_OK;
    c->id = arena_copy(c->a, c->entry->id);
    c->file = c->entry->file;
    c->now = entry_node(&c->tree, c->kind, c->entry, c->a, c->t);
    return c->t->set ? E_CONFIG : E_OK;
}

enum err change_not_found(struct change *c)
{
    struct node at = { .file = "" };
    trouble_say(c->t, &at, "id", "there is no %.*s \"%.*s\"", SPAN_ARG(kind_name(c->kind)), SPAN_ARG(span_first(c->asked->id, CONFIG_NAME_LONGEST)));
    return E_NOT_FOUND;
}

/* The stored part as it is, or an empty map. A tombstone is no part. */
struct node *change_stored(struct change *c)
{
    struct node *part = NULL;
    struct trouble ignored = { .set = false };
    bool is = c->now && c->entry->body.at && config_json(c->tree.json, c->entry->body, "", c->a, &part, &ignored) == E_OK;
    return edit_copy(c->a, is ? part : NULL);
}

/* ---- the request ---- */

/* The fields of a request: those of the file, and the name where the file has it as a map's. */
static bool only_known(struct change *c)
{
    const char *names[NAMES_MOST + 1] = { NULL };
    const char *const *fields = kind_fields(c->kind);
    size_t count = 0;
    if (!fields)
        return true;
    for (; fields[count] && count < NAMES_MOST - 1; count++)
        names[count] = fields[count];
    if (c->kind != KIND_KEY && c->kind != KIND_BUDGET)
        names[count] = "name";
    return node_only(c->body, "", names, c->t);
}

static enum err read_body(struct change *c)
{
    if (!c->asked->body.at)
        return E_OK;
    if (config_json(c->tree.json, c->asked->body, "", c->a, &c->body, c->t) != E_OK || !only_known(c))
        return E_CONFIG;
    return E_OK;
}

static enum err read_name(struct change *c, struct span *name)
{
    static const char allowed[] = "is required; allowed: 1 to 64 characters of A-Z a-z 0-9 _ - .";
    const struct node *n = node_get(c->body, "name");
    *name = SPAN_NONE;
    if (!node_span(n, "name", name, c->t))
        return E_CONFIG;
    if (!name->at)
        *name = c->asked->id;
    if (!name->at)
        return change_say(c, E_CONFIG, "name", allowed);
    if (kind_id_ok(c->kind, *name) && (c->kind != KIND_KEY || !span_starts(*name, SPAN("key_"))))
        return E_OK;
    trouble_found(c->t, n ? n : &(struct node){ .kind = NODE_SCALAR, .text = *name, .file = "" }, "name",
        c->kind == KIND_KEY ? "1 to 64 characters of A-Z a-z 0-9 _ - . that do not start with key_" : "1 to 64 characters of A-Z a-z 0-9 _ - .");
    return E_CONFIG;
}

static struct span random_id(struct arena *a)
{
    uint8_t bytes[8];
    char hex[17];
    random_fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return arena_print(a, "key_%s", hex);
}

/* ---- the object to store ---- */

static bool is_secret(struct span name) { return span_is(name, SPAN("token")) || span_is(name, SPAN("token_sha256")) || span_is(name, SPAN("secret")) || span_is(name, SPAN("hook_secret")) || span_is(name, SPAN("password")); }

/* What the file says and the object does not is taken away; of an object that is there already its secrets stay. */
static void hide_file(struct change *c, bool keep_secrets)
{
    for (const struct node *n = c->file ? c->file->first : NULL; n; n = n->next) {
        bool own = span_is(n->name, SPAN("name")) || (keep_secrets && is_secret(n->name));
        if (!own && !change_member(c->stored, n->name))
            edit_set(c->a, c->stored, arena_copy(c->a, n->name).at, edit_null(c->a));
    }
}

static enum err create(struct change *c)
{
    struct span name;
    enum err e = read_name(c, &name);
    if (!e)
        e = change_look_up(c, name);
    if (e)
        return e;
    if (c->now) {
        trouble_say(c->t, c->body, "name", "there is a %.*s \"%.*s\" already", SPAN_ARG(kind_name(c->kind)), SPAN_ARG(name));
        return E_CONFLICT;
    }
    c->stored = edit_copy(c->a, c->body);
    if (c->kind == KIND_KEY) {
        c->id = random_id(c->a);
        c->file = NULL; /* a hidden key of the file keeps its own id */
        return change_first_token(c);
    }
    c->id = arena_copy(c->a, name);
    edit_drop(c->stored, "name");
    hide_file(c, false);
    if (c->kind == KIND_TOKEN) {
        char now[TIME_TEXT];
        edit_set(c->a, c->stored, "created_at", edit_text(c->a, text_time(clock_unix_ms(), now)));
        return change_first_token(c);
    }
    return change_seal(c, c->body);
}

static enum err check_kept(struct change *c)
{
    const struct node *name = change_member(c->body, SPAN("name"));
    bool keeps = !name || span_is(name->text, c->kind == KIND_KEY ? change_text(c->now, "name") : c->id);
    if ((c->kind == KIND_KEY || c->kind == KIND_TOKEN) && (change_member(c->body, SPAN("token")) || change_member(c->body, SPAN("token_sha256"))))
        return change_say(c, E_CONFIG, "token", "it is changed by rotating it");
    if (!keeps && (c->kind != KIND_KEY || c->file))
        return change_say(c, E_CONFIG, "name", "it cannot be renamed; allowed: leave it out, or make a new one");
    return E_OK;
}

/* Each field that the request names is stored whole, as merged; null stays null where the file has the field. */
static void lay_patch(struct change *c, const struct node *next)
{
    for (const struct node *n = c->body->first; n; n = n->next) {
        struct span name = arena_copy(c->a, n->name);
        const struct node *value = change_member(next, n->name);
        if (!name.at)
            return;
        if (value)
            edit_set(c->a, c->stored, name.at, value);
        else if (change_member(c->file, n->name))
            edit_set(c->a, c->stored, name.at, edit_null(c->a));
        else
            edit_drop(c->stored, name.at);
    }
}

static void lay_whole(struct change *c)
{
    struct node *before = c->stored;
    static const char *const kept[] = { "token_hashes", "token_sha256", "sealed", "hook_sealed", "created_at", NULL };
    c->stored = edit_copy(c->a, c->body);
    for (size_t i = 0; kept[i]; i++)
        if (node_get(before, kept[i]))
            edit_set(c->a, c->stored, kept[i], node_get(before, kept[i]));
    if (c->kind == KIND_KEY && !node_get(c->stored, "name"))
        edit_set(c->a, c->stored, "name", node_get(c->now, "name"));
    hide_file(c, true);
    /* A secret or token of the file that was replaced earlier stays replaced. */
    for (const struct node *n = before->first; n; n = n->next)
        if (n->kind == NODE_NULL && is_secret(n->name) && !change_member(c->stored, n->name))
            edit_set(c->a, c->stored, arena_copy(c->a, n->name).at, n);
}

static enum err update(struct change *c)
{
    struct node *next;
    if (!c->now)
        return change_not_found(c);
    enum err e = check_kept(c);
    if (e)
        return e;
    c->stored = change_stored(c);
    next = c->asked->patch ? node_merge(c->a, c->now, c->body) : c->body;
    if (!next || !c->stored)
        return E_NO_MEMORY;
    if (c->asked->patch)
        lay_patch(c, next);
    else
        lay_whole(c);
    if (c->kind != KIND_KEY)
        edit_drop(c->stored, "name");
    return change_seal(c, next);
}

static enum err delete(struct change *c)
{
    bool reverts = c->kind == KIND_VENDOR || c->kind == KIND_SETTING || c->kind == KIND_PRICE;
    if (!c->now)
        return change_not_found(c);
    if (reverts && !c->entry->body.at)
        return change_say(c, E_CONFLICT, "id", "it stands in the configuration file; change it there");
    if (reverts || !c->file)
        return E_OK;
    c->stored = edit_map(c->a);
    edit_set(c->a, c->stored, "deleted", edit_true(c->a));
    return E_OK;
}

/* ---- the next configuration ---- */

/* in's objects with this one put in its place, changed or left out. */
static struct config_object *next_objects(const struct change *c, size_t *count)
{
    struct config_object *list = malloc((c->in->object_count + 1) * sizeof(*list));
    struct config_object mine = { kind_name(c->kind), c->id, c->out->stored };
    size_t n = 0;
    bool placed = !mine.body.at;
    if (!list)
        return NULL;
    for (size_t i = 0; i < c->in->object_count; i++) {
        const struct config_object *o = &c->in->objects[i];
        bool same = span_is(o->kind, mine.kind) && span_is(o->id, mine.id);
        if (same && !mine.body.at)
            continue;
        list[n++] = same ? mine : *o;
        placed = placed || same;
    }
    if (!placed)
        list[n++] = mine;
    *count = n;
    return list;
}

/* A deleted object that was missed: the trouble becomes a conflict that names who needs it. */
static enum err still_used(struct change *c, const struct missing *missing)
{
    struct trouble conflict = { .set = false };
    bool mine = missing->name.at && missing->kind == c->kind && (span_is(missing->name, c->id) || span_is(missing->name, change_text(c->now, "name")));
    if (c->body || !mine)
        return E_CONFIG;
    trouble_say(&conflict, NULL, "id", "%.*s \"%.*s\" is still referred to by %.*s", SPAN_ARG(kind_name(c->kind)), SPAN_ARG(missing->name), SPAN_ARG(missing->by));
    *c->t = conflict;
    return E_CONFLICT;
}

/* One that raises nothing would be forgotten, and its budget stay as it is. */
static enum err check_raised(struct change *c)
{
    if (c->kind != KIND_INCREASE || !c->body || snapshot_budget(c->out->snapshot, c->id))
        return E_OK;
    snapshot_drop(c->out->snapshot);
    c->out->snapshot = NULL;
    return change_say(c, E_NOT_FOUND, "id", "there is no budget of this id; allowed: an id as the list of budgets gives it, such as key_1f3c/usd/day");
}

enum err change_try(struct change *c)
{
    struct config_input next = *c->in;
    struct missing missing = { .name = SPAN_NONE };
    c->out->id = c->id;
    c->out->stored = c->stored ? edit_json(c->a, c->stored) : SPAN_NONE;
    if (!c->id.at || (c->stored && !c->out->stored.at))
        return E_NO_MEMORY;
    struct config_object *objects = next_objects(c, &next.object_count);
    if (!objects)
        return E_NO_MEMORY;
    next.objects = objects;
    enum err e = load_run(&next, true, &c->out->snapshot, c->a, &missing, c->t);
    free(objects);
    if (!e)
        return check_raised(c);
    return e == E_CONFIG ? still_used(c, &missing) : e;
}

enum err change_begin(struct change *c, struct arena *scratch)
{
    arena_init(scratch, SCRATCH_CEILING);
    *c->out = (struct config_changed){ .id = SPAN_NONE };
    return tree_read(&c->tree, c->in, false, scratch, c->t);
}

enum err change_finish(struct change *c, enum err e, struct arena *scratch)
{
    if (e == E_NO_MEMORY)
        change_say(c, e, "", "out of memory");
    tree_redact(&c->tree, c->t);
    tree_wipe(&c->tree);
    tree_free(&c->tree);
    arena_free(scratch);
    if (e)
        c->out->token = SPAN_NONE;
    return e;
}

/* Objects that are there without an entry of their own: built-in vendors, settings with their defaults, the workspace
 * "default". */
static bool always_there(enum kind kind) { return kind == KIND_VENDOR || kind == KIND_SETTING || kind == KIND_WORKSPACE; }

static enum err apply(struct change *c)
{
    struct span id = c->asked->id;
    enum err e = read_body(c);
    if (!e && id.at)
        e = change_look_up(c, id);
    if (e)
        return e;
    bool makes = !id.at || (!c->now && c->kind != KIND_KEY && (!c->asked->patch || always_there(c->kind)));
    if (!c->asked->body.at)
        e = id.at ? delete(c) : change_not_found(c);
    else
        e = makes ? create(c) : update(c);
    return e ? e : change_try(c);
}

enum err config_apply(const struct config_input *in, const struct config_change *asked, struct arena *a, struct config_changed *out, struct trouble *t)
{
    struct arena scratch;
    struct change c = { .in = in, .asked = asked, .a = a, .out = out, .t = t };
    if (!kind_parse(asked->kind, &c.kind))
        return change_say(&c, E_NOT_FOUND, "kind", "allowed: key, credential, policy, budget, vendor, workspace, route, price, alert, export, token, increase, setting");
    enum err e = change_begin(&c, &scratch);
    return change_finish(&c, e ? e : apply(&c), &scratch);
}
