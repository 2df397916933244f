/* SPDX-License-Identifier: Apache-2.0
 * change.c - a request of the admin API becomes the object to store, and the configuration that follows from it. Nothing
 * is stored that would not load: the whole next configuration is built first, and given out with the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/edit.h"
#include "config/parts.h"
#include "rules/token.h"

enum { TOKENS_MOST = 4, NAMES_MOST = 40, SECRET_LONGEST = 4096, KEY_FILE_LONGEST = 16384 };

#define OVERLAP_MOST (INT64_C(90) * 24 * 3600 * 1000)

struct change {
    const struct config_input *in;
    const struct config_change *asked;
    struct arena *a;
    struct config_changed *out;
    struct trouble *t;
    enum kind kind;
    struct tree tree;
    struct entry *entry;       /* what is there; NULL: nothing */
    const struct node *file;   /* the file's part of it; NULL: none */
    const struct node *now;    /* file and API merged; NULL: nothing, or deleted */
    struct node *body;         /* the request's; NULL: delete */
    struct node *stored;       /* what will be stored; NULL: nothing */
    struct span id;
};

static enum err say(struct change *c, enum err e, const char *field, const char *text)
{
    struct node at = { .file = "" };
    trouble_say(c->t, &at, field, "%s", text);
    return e;
}

static const struct node *member(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

/* ---- what is there ---- */

static enum err look_up(struct change *c, struct span id)
{
    c->entry = tree_find_named(&c->tree, c->kind, id);
    if (!c->entry)
        return E_OK;
    c->id = arena_copy(c->a, c->entry->id);
    c->file = c->entry->file;
    c->now = entry_node(&c->tree, c->kind, c->entry, c->a, c->t);
    return c->t->set ? E_CONFIG : E_OK;
}

static enum err not_found(struct change *c)
{
    struct node at = { .file = "" };
    trouble_say(c->t, &at, "id", "there is no %.*s \"%.*s\"", SPAN_ARG(kind_name(c->kind)), SPAN_ARG(span_first(c->asked->id, CONFIG_NAME_LONGEST)));
    return E_NOT_FOUND;
}

/* The stored part as it is, or an empty map. A tombstone is no part. */
static struct node *stored_part(struct change *c)
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
        return say(c, E_CONFIG, "name", allowed);
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

/* ---- secrets ---- */

/* In hex, as it is stored. */
static struct span hash_of(struct change *c, struct span token)
{
    struct digest_keyed keyed;
    struct buf hex;
    if (c->kind == KIND_TOKEN)
        config_admin_hash_init(&keyed, c->in->master_key);
    else
        config_token_hash_init(&keyed, c->in->master_key);
    struct digest hash = digest_keyed_hash(&keyed, token);
    secret_wipe(&keyed, sizeof(keyed));
    buf_init(&hex, 256);
    buf_put_hex(&hex, span_make((const char *)hash.bytes, DIGEST_LEN));
    struct span text = hex.broken ? SPAN_NONE : arena_copy(c->a, buf_span(&hex));
    buf_free(&hex);
    return text;
}

static bool put_hash(struct change *c, struct node *list, struct span token, int64_t until)
{
    char mask[24], time[TIME_TEXT];
    struct node *item = edit_map(c->a);
    struct span hash = hash_of(c, token);
    if (!hash.at)
        return false;
    edit_set(c->a, item, "hash", edit_text(c->a, hash));
    edit_set(c->a, item, "shown", edit_text(c->a, token_mask(token, mask)));
    if (until)
        edit_set(c->a, item, "until", edit_text(c->a, text_time(until, time)));
    edit_add(c->a, list, item);
    return !c->a->broken;
}

static struct span fresh_token(struct change *c)
{
    char token[ADMIN_TOKEN_LEN + 1];
    if (c->kind == KIND_TOKEN)
        token_make_admin(token);
    else
        token_make(token);
    struct span copy = arena_copy(c->a, span_of(token));
    secret_wipe(token, sizeof(token));
    return copy;
}

/* A new key's token, or a new admin token: given or made, told once, stored as a hash. */
static enum err first_token(struct change *c)
{
    if (node_get(c->body, "token_sha256")) /* its holder has it already; keys.c reads it when the whole is tried */
        return E_OK;
    struct node *list = edit_list(c->a);
    struct span token = SPAN_NONE;
    if (!node_span(node_get(c->body, "token"), "token", &token, c->t))
        return E_CONFIG;
    if (token.at && token.len < TOKEN_WEAK) { /* a file may hold a short one for a test; nobody makes one by the API */
        trouble_say(c->t, c->body, "token", "allowed: at least %d printable characters, so that it cannot be guessed", TOKEN_WEAK);
        return E_CONFIG;
    }
    if (token.at && config_token_wrong(token)) {
        trouble_say(c->t, c->body, "token", "not shown here, but it cannot be used; allowed: %s", config_token_wrong(token));
        return E_CONFIG;
    }
    c->out->token = token.at ? token : fresh_token(c);
    if (!c->out->token.at || !put_hash(c, list, c->out->token, 0))
        return E_NO_MEMORY;
    edit_drop(c->stored, "token");
    edit_set(c->a, c->stored, "token_hashes", list);
    return E_OK;
}

static struct span text_of(const struct node *map, const char *name)
{
    const struct node *n = node_get(map, name);
    return n && n->kind == NODE_SCALAR ? n->text : SPAN_NONE;
}

static enum err seal_text(struct change *c, const char *field, struct span bound, struct span secret)
{
    struct buf sealed, text;
    struct digest key = config_seal_key(c->in->master_key);
    buf_init(&sealed, 2 * KEY_FILE_LONGEST);
    buf_init(&text, 4 * KEY_FILE_LONGEST);
    if (bound.at)
        seal(&sealed, key.bytes, bound, secret);
    buf_put_base64(&text, buf_span(&sealed));
    if (bound.at && !sealed.broken && !text.broken)
        edit_set(c->a, c->stored, field, edit_text(c->a, buf_span(&text)));
    else
        c->a->broken = true;
    secret_wipe(&key, sizeof(key));
    buf_free(&sealed);
    buf_free(&text);
    return c->a->broken ? E_NO_MEMORY : E_OK;
}

/* One word; or a key file, which the vendor's manifest looks at when the configuration is tried. */
static bool could_be_secret(struct span s)
{
    if (!span_starts(s, SPAN("{")))
        return s.len && s.len <= SECRET_LONGEST && text_is_printable(s);
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '\0')
            return false;
    return s.len <= KEY_FILE_LONGEST;
}

static enum err check_secret(struct change *c, const struct node *given, const char *field)
{
    if (given->kind != NODE_SCALAR || !given->quoted)
        return say(c, E_CONFIG, field, "allowed: the secret, as text");
    if (!could_be_secret(given->text))
        return say(c, E_CONFIG, field, "not shown here, but not a secret; allowed: 1 to 4096 printable characters without blanks");
    if (span_find(given->text, SPAN("${")) >= 0)
        return say(c, E_CONFIG, field, "references (${...}) are read in the file only; allowed: the secret itself");
    return E_OK;
}

/* Takes the plain text out of what is stored, and the file's out of what counts. */
static void drop_plain(struct change *c, const char *field)
{
    edit_drop(c->stored, field);
    if (node_get(c->file, field))
        edit_set(c->a, c->stored, field, edit_null(c->a));
}

static enum err seal_credential(struct change *c, const struct node *next)
{
    const struct node *given = member(c->body, SPAN("secret"));
    struct span vendor = text_of(next, "vendor"), before = text_of(c->now, "vendor");
    if (!given && c->now && !span_is(vendor, before))
        return say(c, E_CONFIG, "vendor", "a secret is bound to its vendor; allowed: another vendor together with its secret");
    if (!given)
        return E_OK;
    enum err e = check_secret(c, given, "secret");
    if (e)
        return e;
    drop_plain(c, "secret");
    return seal_text(c, "sealed", config_secret_bound(c->id, vendor, c->a), given->text);
}

/* It may be taken away; and with another vendor the old one is nobody's. */
static enum err seal_hook(struct change *c, const struct node *next)
{
    const struct node *given = member(c->body, SPAN("hook_secret"));
    struct span vendor = text_of(next, "vendor");
    if (!given && (!c->now || span_is(vendor, text_of(c->now, "vendor"))))
        return E_OK;
    if (!given || given->kind == NODE_NULL) {
        edit_drop(c->stored, "hook_sealed");
        drop_plain(c, "hook_secret");
        return E_OK;
    }
    enum err e = check_secret(c, given, "hook_secret");
    if (e)
        return e;
    drop_plain(c, "hook_secret");
    return seal_text(c, "hook_sealed", config_hook_bound(c->id, vendor, c->a), given->text);
}

/* A Slack address is shown masked; whoever sends that back leaves it as it is. */
static bool is_mask(struct change *c, const struct node *given)
{
    struct span now = text_of(c->now, "slack");
    bool sealed = node_get(c->now, "sealed") != NULL;
    return now.at && given->kind == NODE_SCALAR && span_is(given->text, sealed ? now : alert_mask(now, c->a));
}

static void keep_slack(struct change *c)
{
    const struct node *now = node_get(c->now, "slack");
    edit_drop(c->stored, "slack");
    if (node_get(c->now, "sealed"))
        edit_set(c->a, c->stored, "slack", now);
}

/* A password goes to its server only: the same endpoint with another server wants it again. */
static enum err keep_alert_secret(struct change *c, enum alert_kind kind, const struct node *next)
{
    enum alert_kind before = kind;
    bool had = node_get(c->now, "password") || node_get(c->now, "sealed");
    bool same = !c->now || (alert_kind_of(c->now, &before) && before == kind && span_is(text_of(next, "smtp"), text_of(c->now, "smtp")));
    if (same || !had)
        return E_OK;
    if (before == ALERT_SMTP && kind == ALERT_SMTP)
        return say(c, E_CONFIG, "smtp", "a password is bound to its server; allowed: another server together with its password");
    edit_drop(c->stored, "sealed");
    return E_OK;
}

static enum err seal_alert(struct change *c, const struct node *next)
{
    enum alert_kind kind;
    if (!alert_kind_of(next, &kind))
        return E_OK; /* the load says what is wrong with it */
    const char *field = alert_secret_field(kind);
    const struct node *given = member(c->body, span_of(field));
    if (given && kind == ALERT_SLACK && is_mask(c, given)) {
        keep_slack(c);
        return E_OK;
    }
    if (!given)
        return keep_alert_secret(c, kind, next);
    if (given->kind == NODE_NULL) {
        edit_drop(c->stored, "sealed");
        return E_OK;
    }
    enum err e = check_secret(c, given, field);
    if (e)
        return e;
    drop_plain(c, field);
    if (kind == ALERT_SLACK)
        edit_set(c->a, c->stored, field, edit_text(c->a, alert_mask(given->text, c->a)));
    return seal_text(c, "sealed", alert_secret_bound(c->id, kind, next, c->a), given->text);
}

/* An export's secret goes to its address only, as the one of a mail server does. */
static enum err seal_export(struct change *c, const struct node *next)
{
    const struct node *given = member(c->body, SPAN("secret"));
    struct span bound = export_secret_bound(c->id, next, c->a);
    bool had = node_get(c->now, "secret") || node_get(c->now, "sealed");
    if (!given && c->now && had && !span_is(bound, export_secret_bound(c->id, c->now, c->a)))
        return say(c, E_CONFIG, "secret", "a secret is bound to its kind and address; allowed: another one together with its secret");
    if (!given)
        return E_OK;
    if (given->kind == NODE_NULL) {
        edit_drop(c->stored, "sealed");
        return E_OK;
    }
    enum err e = check_secret(c, given, "secret");
    if (e)
        return e;
    drop_plain(c, "secret");
    return seal_text(c, "sealed", bound, given->text);
}

static enum err seal_secrets(struct change *c, const struct node *next)
{
    if (c->kind == KIND_ALERT)
        return seal_alert(c, next);
    if (c->kind == KIND_EXPORT)
        return seal_export(c, next);
    enum err e = c->kind == KIND_CREDENTIAL ? seal_credential(c, next) : E_OK;
    return e || c->kind != KIND_CREDENTIAL ? e : seal_hook(c, next);
}

/* ---- the object to store ---- */

static bool is_secret(struct span name) { return span_is(name, SPAN("token")) || span_is(name, SPAN("token_sha256")) || span_is(name, SPAN("secret")) || span_is(name, SPAN("hook_secret")) || span_is(name, SPAN("password")); }

/* What the file says and the object does not is taken away; of an object that is there already its secrets stay. */
static void hide_file(struct change *c, bool keep_secrets)
{
    for (const struct node *n = c->file ? c->file->first : NULL; n; n = n->next) {
        bool own = span_is(n->name, SPAN("name")) || (keep_secrets && is_secret(n->name));
        if (!own && !member(c->stored, n->name))
            edit_set(c->a, c->stored, arena_copy(c->a, n->name).at, edit_null(c->a));
    }
}

static enum err create(struct change *c)
{
    struct span name;
    enum err e = read_name(c, &name);
    if (!e)
        e = look_up(c, name);
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
        return first_token(c);
    }
    c->id = arena_copy(c->a, name);
    edit_drop(c->stored, "name");
    hide_file(c, false);
    if (c->kind == KIND_TOKEN) {
        char now[TIME_TEXT];
        edit_set(c->a, c->stored, "created_at", edit_text(c->a, text_time(clock_unix_ms(), now)));
        return first_token(c);
    }
    return seal_secrets(c, c->body);
}

static enum err check_kept(struct change *c)
{
    const struct node *name = member(c->body, SPAN("name"));
    bool keeps = !name || span_is(name->text, c->kind == KIND_KEY ? text_of(c->now, "name") : c->id);
    if ((c->kind == KIND_KEY || c->kind == KIND_TOKEN) && (member(c->body, SPAN("token")) || member(c->body, SPAN("token_sha256"))))
        return say(c, E_CONFIG, "token", "it is changed by rotating it");
    if (!keeps && (c->kind != KIND_KEY || c->file))
        return say(c, E_CONFIG, "name", "it cannot be renamed; allowed: leave it out, or make a new one");
    return E_OK;
}

/* Each field that the request names is stored whole, as merged; null stays null where the file has the field. */
static void lay_patch(struct change *c, const struct node *next)
{
    for (const struct node *n = c->body->first; n; n = n->next) {
        struct span name = arena_copy(c->a, n->name);
        const struct node *value = member(next, n->name);
        if (!name.at)
            return;
        if (value)
            edit_set(c->a, c->stored, name.at, value);
        else if (member(c->file, n->name))
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
        if (n->kind == NODE_NULL && is_secret(n->name) && !member(c->stored, n->name))
            edit_set(c->a, c->stored, arena_copy(c->a, n->name).at, n);
}

static enum err update(struct change *c)
{
    struct node *next;
    if (!c->now)
        return not_found(c);
    enum err e = check_kept(c);
    if (e)
        return e;
    c->stored = stored_part(c);
    next = c->asked->patch ? node_merge(c->a, c->now, c->body) : c->body;
    if (!next || !c->stored)
        return E_NO_MEMORY;
    if (c->asked->patch)
        lay_patch(c, next);
    else
        lay_whole(c);
    if (c->kind != KIND_KEY)
        edit_drop(c->stored, "name");
    return seal_secrets(c, next);
}

static enum err delete(struct change *c)
{
    bool reverts = c->kind == KIND_VENDOR || c->kind == KIND_SETTING || c->kind == KIND_PRICE;
    if (!c->now)
        return not_found(c);
    if (reverts && !c->entry->body.at)
        return say(c, E_CONFLICT, "id", "it stands in the configuration file; change it there");
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
    bool mine = missing->name.at && missing->kind == c->kind && (span_is(missing->name, c->id) || span_is(missing->name, text_of(c->now, "name")));
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
    return say(c, E_NOT_FOUND, "id", "there is no budget of this id; allowed: an id as the list of budgets gives it, such as key_1f3c/usd/day");
}

static enum err build(struct change *c)
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

static enum err begin(struct change *c, struct arena *scratch)
{
    *c->out = (struct config_changed){ .id = SPAN_NONE };
    return tree_read(&c->tree, c->in, false, scratch, c->t);
}

static enum err finish(struct change *c, enum err e, struct arena *scratch)
{
    if (e == E_NO_MEMORY)
        say(c, e, "", "out of memory");
    tree_redact(&c->tree, c->t);
    tree_wipe(&c->tree);
    tree_free(&c->tree);
    arena_free(scratch);
    if (e)
        c->out->token = SPAN_NONE;
    return e;
}

#define SCRATCH_CEILING ((size_t)2 << 30)

/* Objects that are there without an entry of their own: built-in vendors, settings with their defaults, the workspace
 * "default". */
static bool always_there(enum kind kind) { return kind == KIND_VENDOR || kind == KIND_SETTING || kind == KIND_WORKSPACE; }

static enum err apply(struct change *c)
{
    struct span id = c->asked->id;
    enum err e = read_body(c);
    if (!e && id.at)
        e = look_up(c, id);
    if (e)
        return e;
    bool makes = !id.at || (!c->now && c->kind != KIND_KEY && (!c->asked->patch || always_there(c->kind)));
    if (!c->asked->body.at)
        e = id.at ? delete(c) : not_found(c);
    else
        e = makes ? create(c) : update(c);
    return e ? e : build(c);
}

enum err config_apply(const struct config_input *in, const struct config_change *asked, struct arena *a, struct config_changed *out, struct trouble *t)
{
    struct arena scratch;
    struct change c = { .in = in, .asked = asked, .a = a, .out = out, .t = t };
    if (!kind_parse(asked->kind, &c.kind))
        return say(&c, E_NOT_FOUND, "kind", "allowed: key, credential, policy, budget, vendor, workspace, route, price, alert, export, token, increase, setting");
    arena_init(&scratch, SCRATCH_CEILING);
    enum err e = begin(&c, &scratch);
    return finish(&c, e ? e : apply(&c), &scratch);
}

/* ---- rotation ---- */

/* Until when it lives; 0: for ever; -1: not any more. */
static int64_t lives_until(const struct node *token, int64_t now_ms)
{
    int64_t until = 0;
    struct trouble ignored = { .set = false };
    bool readable = node_time(node_get(token, "until"), "", &until, &ignored);
    return readable && (!until || until > now_ms) ? until : -1;
}

/* An old token stays for the overlap, unless its own end comes first. */
static void keep_hash(struct change *c, struct node *list, const struct node *old, int64_t now_ms, int64_t end_ms)
{
    char time[TIME_TEXT];
    int64_t until = lives_until(old, now_ms);
    if (until < 0 || list->count == TOKENS_MOST)
        return;
    struct node *copy = edit_copy(c->a, old);
    edit_set(c->a, copy, "until", edit_text(c->a, text_time(until && until < end_ms ? until : end_ms, time)));
    edit_add(c->a, list, copy);
}

static struct span named_token(struct change *c, const struct config_rotation *r, int64_t hours_ago)
{
    enum { HOUR_MS = 60 * 60 * 1000 };
    char token[ADMIN_TOKEN_LEN + 1];
    config_rotation_token(c->in->master_key, c->kind == KIND_TOKEN, c->id, r->once, r->now_ms / HOUR_MS - hours_ago, token);
    struct span copy = arena_copy(c->a, span_of(token));
    secret_wipe(token, sizeof(token));
    return copy;
}

/* Nothing is kept of a rotation but its token's hash: the token is made from the name again, and found by that. */
static bool made_before(struct change *c, const struct config_rotation *r)
{
    const struct node *hashes = node_get(c->now, "token_hashes");
    for (int64_t hours_ago = 0; r->once.at && hours_ago <= 1 && !c->out->repeated; hours_ago++) {
        struct span token = named_token(c, r, hours_ago), hash = hash_of(c, token);
        for (const struct node *n = hashes && hash.at ? hashes->first : NULL; n; n = n->next)
            c->out->repeated = c->out->repeated || (span_is(text_of(n, "hash"), hash) && lives_until(n, r->now_ms) >= 0);
        c->out->token = token;
    }
    for (const struct node *n = c->out->repeated ? hashes->first : NULL; n; n = n->next)
        if (lives_until(n, r->now_ms) > c->out->previous_until)
            c->out->previous_until = lives_until(n, r->now_ms);
    return c->out->repeated;
}

static void put_plain_hash(struct change *c, struct node *list, struct span hash, int64_t until)
{
    char time[TIME_TEXT];
    struct node *item = edit_map(c->a);
    edit_set(c->a, item, "sha256", edit_text(c->a, hash));
    edit_set(c->a, item, "until", edit_text(c->a, text_time(until, time)));
    edit_add(c->a, list, item);
}

static enum err put_tokens(struct change *c, const struct config_rotation *r)
{
    int64_t now_ms = r->now_ms, end_ms = r->now_ms + r->overlap_ms;
    struct node *list = edit_list(c->a);
    const struct node *hashes = node_get(c->now, "token_hashes");
    struct span plain = text_of(c->now, "token"), plain_hash = text_of(c->now, "token_sha256");
    c->out->token = r->once.at ? named_token(c, r, 0) : fresh_token(c);
    c->out->previous_until = r->overlap_ms ? end_ms : 0;
    c->stored = stored_part(c);
    if (!list || !c->stored || !c->out->token.at || !put_hash(c, list, c->out->token, 0))
        return E_NO_MEMORY;
    for (const struct node *n = hashes && end_ms > now_ms ? hashes->first : NULL; n; n = n->next)
        keep_hash(c, list, n, now_ms, end_ms);
    if (!hashes && plain.at && end_ms > now_ms && !put_hash(c, list, plain, end_ms))
        return E_NO_MEMORY;
    if (!hashes && plain_hash.at && end_ms > now_ms)
        put_plain_hash(c, list, plain_hash, end_ms);
    edit_drop(c->stored, "token_sha256");
    if (node_get(c->file, "token_sha256"))
        edit_set(c->a, c->stored, "token_sha256", edit_null(c->a));
    edit_set(c->a, c->stored, "token_hashes", list);
    if (node_get(c->file, "token"))
        edit_set(c->a, c->stored, "token", edit_null(c->a));
    return E_OK;
}

static enum err rotate(struct change *c, const struct config_rotation *r)
{
    enum err e = look_up(c, c->asked->id);
    if (e)
        return e;
    if (!c->now)
        return not_found(c);
    if (node_get(c->now, "revoked_at"))
        return say(c, E_CONFLICT, "revoked_at", "this key was revoked; make a new one");
    if (made_before(c, r)) {
        c->out->id = c->id;
        return c->a->broken ? E_NO_MEMORY : E_OK;
    }
    e = put_tokens(c, r);
    return e ? e : build(c);
}

enum err config_rotate(const struct config_input *in, const struct config_rotation *r, struct arena *a, struct config_changed *out, struct trouble *t)
{
    struct arena scratch;
    struct config_change asked = { .kind = r->admin ? SPAN("token") : SPAN("key"), .id = r->id, .body = SPAN("{}") };
    struct change c = { .in = in, .asked = &asked, .a = a, .out = out, .t = t, .kind = r->admin ? KIND_TOKEN : KIND_KEY };
    c.body = edit_map(a); /* not a deletion */
    arena_init(&scratch, SCRATCH_CEILING);
    enum err e = begin(&c, &scratch);
    if (!e && (r->overlap_ms < 0 || r->overlap_ms > OVERLAP_MOST))
        e = say(&c, E_CONFIG, "overlap", "allowed: from 0 (the old token ends now) to 90 days");
    return finish(&c, e ? e : rotate(&c, r), &scratch);
}
