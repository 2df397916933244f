/* SPDX-License-Identifier: Apache-2.0
 * tree.c - reads the file and sorts it, with the API's objects, into entries. */
#include "config/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const top_fields[] = { "listen", "admin", "data", "vendors", "vendors_dir", "credentials", "policies", "keys", "budgets",
    "workspaces", "routes", "prices", "prices_file", "limits", "tls", "ca_file", "workers", "log_level", "caps_as_429", "durability", "idempotency", "cache", "alerts", "exports", "export_dirs", "fx", "public_url", "private_callbacks", "result_link_time", "private_results", "metrics", "log", "telemetry", NULL };

static bool read_all(int fd, struct buf *out)
{
    struct stat st;
    /* One allocation, so that no copy of a secret stays behind in freed memory. */
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MOST || !buf_reserve(out, (size_t)st.st_size + 1))
        return false;
    for (;;) {
        ssize_t got = read(fd, out->at + out->len, out->room - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        out->len += (size_t)got;
        if (out->len == out->room)
            return false;
    }
}

static enum err read_file(const char *name, struct buf *out, struct trouble *t)
{
    struct node at = { .file = name };
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read_all(fd, out);
    if (!good && !errno)
        trouble_say(t, &at, "", "allowed: a regular file of at most %d MiB", CONFIG_FILE_MOST >> 20);
    else if (!good)
        trouble_say(t, &at, "", "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return good ? E_OK : E_CONFIG;
}

/* A file caught while it is being written must not be taken for a configuration without keys. */
static enum err refuse_empty(struct tree *tree, struct span text, struct trouble *t)
{
    struct node at = { .file = tree->file_name };
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.at[i]))
            return E_OK;
    trouble_say(t, &at, "", "the file is empty; allowed: a map of fields such as listen, keys, policies (or no --config at all)");
    return E_CONFIG;
}

/* Names and tokens decide which entry is which: they are expanded even where the rest is shown as written. */
static enum err expand_names(struct arena *a, struct node *map, struct trouble *t)
{
    for (struct node *list = map->first; list; list = list->next) {
        if (list->kind == NODE_MAP && span_is(list->name, SPAN("admin")) && expand_names(a, list, t) != E_OK)
            return E_CONFIG;
        for (struct node *item = list->kind == NODE_LIST ? list->first : NULL; item; item = item->next)
            for (struct node *n = item->first; n; n = n->next)
                if ((span_is(n->name, SPAN("name")) || span_is(n->name, SPAN("token"))) && node_expand(a, n, t) != E_OK)
                    return E_CONFIG;
    }
    return E_OK;
}

static enum err parse(struct tree *tree, struct span text, bool raw, struct trouble *t)
{
    struct node at = { .file = tree->file_name };
    enum err e = node_read_yaml(tree->arena, tree->file_name, text, &tree->root, t);
    if (e)
        return e;
    tree->digest = digest_sha256(text);
    if (tree->root->kind != NODE_MAP) {
        trouble_say(t, &at, "", "allowed: a map of fields such as listen, keys, policies");
        return E_CONFIG;
    }
    if (!node_only(tree->root, "", top_fields, t))
        return E_CONFIG;
    e = raw ? expand_names(tree->arena, tree->root, t) : node_expand(tree->arena, tree->root, t);
    tree->expanded = !e;
    return e;
}

static enum err read_root(struct tree *tree, const struct config_input *in, bool raw, struct trouble *t)
{
    struct buf text;
    struct span name = in->file.at ? arena_copy(tree->arena, in->file) : SPAN("configuration");
    enum err e = E_OK;
    if (!name.at)
        return E_NO_MEMORY;
    tree->file_name = name.at;
    if (in->text.at || !in->file.at)
        return parse(tree, in->text.at ? in->text : SPAN(""), raw, t);
    buf_init(&text, CONFIG_FILE_MOST + 4096);
    errno = 0;
    e = read_file(tree->file_name, &text, t);
    if (!e)
        e = refuse_empty(tree, buf_span(&text), t);
    if (!e)
        e = parse(tree, buf_span(&text), raw, t);
    if (text.at)
        secret_wipe(text.at, text.room);
    buf_free(&text);
    return e;
}

static struct entry *add(struct entries *es, struct span id)
{
    if (es->count == es->room) {
        size_t room = es->room ? es->room * 2 : 16;
        struct entry *list = realloc(es->list, room * sizeof(*list));
        if (!list)
            return NULL;
        es->list = list;
        es->room = room;
    }
    struct entry *e = &es->list[es->count++];
    *e = (struct entry){ .id = id };
    return e;
}

static enum err bad_name(const struct node *at, const char *path, struct trouble *t)
{
    trouble_found(t, at, path, "a name of 1 to 64 characters of A-Z a-z 0-9 _ - .");
    return E_CONFIG;
}

/* vendors, credentials, policies, workspaces, alerts, exports: a map by name. */
static enum err add_map(struct tree *tree, enum kind kind, const struct node *map, struct trouble *t)
{
    char path[CONFIG_PATH];
    const char *field = kind_field(kind).at;
    if (map && map->kind != NODE_MAP) {
        trouble_found(t, map, field, "a map by name");
        return E_CONFIG;
    }
    for (struct node *n = map ? map->first : NULL; n; n = n->next) {
        snprintf(path, sizeof(path), "%s.%.*s", field, SPAN_ARG(span_first(n->name, CONFIG_NAME_LONGEST)));
        if (kind != KIND_PRICE && !config_name_ok(n->name)) { /* names of prices are rules' to judge */
            struct node shown = { .kind = NODE_SCALAR, .text = n->name, .file = n->file, .line = n->line };
            return bad_name(&shown, path, t);
        }
        if (n->kind == NODE_NULL && kind != KIND_PRICE) /* "stripe:" with nothing behind it is an empty map */
            n->kind = NODE_MAP;
        struct entry *e = add(&tree->kinds[kind], n->name);
        if (!e)
            return E_NO_MEMORY;
        e->file = n;
    }
    return E_OK;
}

static enum err twice(enum kind kind, const struct node *name, const struct node *before, const char *path, struct trouble *t)
{
    trouble_say(t, name, path, "found \"%.*s\", which stands already on line %d; allowed: a name that no other %.*s has", SPAN_ARG(name->text),
        before->line, SPAN_ARG(kind_name(kind)));
    return E_CONFIG;
}

static enum err add_item(struct tree *tree, enum kind kind, const struct node *item, size_t index, struct map *seen, struct trouble *t)
{
    char path[CONFIG_PATH];
    const struct node *name = node_get(item, "name");
    snprintf(path, sizeof(path), "%s[%zu].name", kind_field(kind).at, index);
    if (!name) {
        trouble_say(t, item, path, "name is required; allowed: 1 to 64 characters of A-Z a-z 0-9 _ - .");
        return E_CONFIG;
    }
    bool reserved = kind == KIND_KEY && name->kind == NODE_SCALAR && span_starts(name->text, SPAN("key_"));
    if (name->kind != NODE_SCALAR || reserved || !config_name_ok(name->text))
        return bad_name(name, path, t);
    const struct node *before = map_get(seen, name->text);
    if (before)
        return twice(kind, name, before, path, t);
    struct span id = kind == KIND_KEY ? config_key_id(name->text, tree->arena) : name->text;
    struct entry *e = id.at && map_put(seen, name->text, (void *)(uintptr_t)name) ? add(&tree->kinds[kind], id) : NULL;
    if (!e)
        return E_NO_MEMORY;
    e->file = item;
    e->listed = true;
    e->index = index;
    return E_OK;
}

/* keys, budgets, alerts, tokens: a list whose items have a name. */
static enum err add_list(struct tree *tree, enum kind kind, const struct node *list, struct trouble *t)
{
    struct map seen = { NULL, 0, 0 };
    size_t index = 0;
    enum err e = E_OK;
    if (list && list->kind != NODE_LIST) {
        trouble_found(t, list, kind_field(kind).at, "a list, each item with a name");
        return E_CONFIG;
    }
    for (const struct node *item = list ? list->first : NULL; item && !e; item = item->next)
        e = add_item(tree, kind, item, index++, &seen, t);
    map_free(&seen);
    return e;
}

/* Where the file has the entries of a kind: at its top, but for the admin plane's tokens. */
static const struct node *file_field(const struct tree *tree, enum kind kind)
{
    if (kind != KIND_TOKEN)
        return node_get(tree->root, kind_field(kind).at);
    const struct node *admin = node_get(tree->root, "admin");
    return admin && admin->kind == NODE_MAP ? node_get(admin, "tokens") : NULL;
}

static enum err add_file(struct tree *tree, struct trouble *t)
{
    for (int k = 0; k < KIND_SETTING; k++) {
        const struct node *field = file_field(tree, (enum kind)k);
        bool list = k == KIND_KEY || k == KIND_BUDGET || k == KIND_TOKEN || (k == KIND_ALERT && field && field->kind == NODE_LIST);
        enum err e = list ? add_list(tree, (enum kind)k, field, t) : add_map(tree, (enum kind)k, field, t);
        if (e)
            return e;
    }
    return E_OK;
}

/* The file's entries by kind and id, so that laying a million objects over them is one walk. */
static bool index_file(const struct tree *tree, struct map *by_id, enum kind kind)
{
    const struct entries *es = &tree->kinds[kind];
    for (size_t i = 0; i < es->count; i++)
        if (!map_put(by_id, es->list[i].id, (void *)(i + 1)))
            return false;
    return true;
}

static enum err add_objects(struct tree *tree, const struct config_input *in, enum kind kind, struct trouble *t)
{
    struct map by_id = { NULL, 0, 0 };
    struct node at = { .file = "" };
    enum err e = index_file(tree, &by_id, kind) ? E_OK : E_NO_MEMORY;
    for (size_t i = 0; i < in->object_count && !e; i++) {
        const struct config_object *o = &in->objects[i];
        if (!span_is(o->kind, kind_name(kind)))
            continue;
        if (!kind_id_ok(kind, o->id)) {
            trouble_say(t, &at, kind_field(kind).at, "a stored object has no usable id");
            e = E_CONFIG;
            break;
        }
        size_t there = (size_t)(uintptr_t)map_get(&by_id, o->id);
        struct entry *entry = there ? &tree->kinds[kind].list[there - 1] : add(&tree->kinds[kind], o->id);
        if (!entry)
            e = E_NO_MEMORY;
        else
            entry->body = o->body;
    }
    map_free(&by_id);
    return e;
}

static enum err lay_settings(struct tree *tree, struct trouble *t)
{
    for (size_t i = 0; i < tree->kinds[KIND_SETTING].count; i++) {
        const struct entry *e = &tree->kinds[KIND_SETTING].list[i];
        char path[CONFIG_PATH];
        const struct node *body = entry_node(tree, KIND_SETTING, e, tree->arena, t);
        struct node over = { .kind = NODE_MAP, .count = 1 };
        if (!body && !t->set)
            continue;
        const struct node *value = node_get(body, "value");
        if (!setting_known(e->id) || !value) {
            trouble_say(t, body, entry_path(KIND_SETTING, e, path), "no such setting of the API; allowed: { \"value\": ... } for listen, limits, workers, log_level, caps_as_429, prices, durability, idempotency, fx, public_url, private_callbacks, result_link_time, private_results");
            return E_CONFIG;
        }
        struct node named = *value;
        named.name = e->id;
        named.next = NULL;
        over.first = &named;
        tree->root = config_overlay(tree->arena, tree->root, &over);
        if (!tree->root)
            return E_NO_MEMORY;
    }
    return E_OK;
}

static void add_digest(struct tree *tree, struct span s)
{
    struct digest part[2] = { tree->digest, digest_sha256(s) };
    tree->digest = digest_sha256(span_make((const char *)part, sizeof(part)));
}

static enum err fill(struct tree *tree, const struct config_input *in, bool raw, struct trouble *t)
{
    enum err e = read_root(tree, in, raw, t);
    if (!e)
        e = add_file(tree, t);
    for (int k = 0; k < KIND_COUNT && !e; k++)
        e = add_objects(tree, in, (enum kind)k, t);
    for (size_t i = 0; i < in->object_count && !e; i++) {
        add_digest(tree, in->objects[i].id);
        add_digest(tree, in->objects[i].body);
    }
    return e ? e : lay_settings(tree, t);
}

enum err tree_read(struct tree *tree, const struct config_input *in, bool raw, struct arena *a, struct trouble *t)
{
    *tree = (struct tree){ .arena = a, .json = json_new() };
    enum err e = tree->json ? fill(tree, in, raw, t) : E_NO_MEMORY;
    if (e)
        tree_redact(tree, t);
    return e;
}

void tree_free(struct tree *tree)
{
    for (int k = 0; k < KIND_COUNT; k++)
        free(tree->kinds[k].list);
    if (tree->json)
        json_free(tree->json);
    *tree = (struct tree){ .root = NULL };
}

static bool is_secret(struct span name)
{
    return span_is(name, SPAN("secret")) || span_is(name, SPAN("hook_secret")) || span_is(name, SPAN("token")) || span_is(name, SPAN("password")) || span_is(name, SPAN("slack"));
}

static void wipe(struct node *n, bool secret)
{
    secret = secret || is_secret(n->name);
    if (n->kind == NODE_SCALAR && secret && n->text.at)
        secret_wipe((void *)(uintptr_t)n->text.at, n->text.len);
    for (struct node *child = n->kind == NODE_SCALAR ? NULL : n->first; child; child = child->next)
        wipe(child, secret);
}

/* Only where secrets belong: a policy's parameter may be called "token", too. */
void tree_wipe(struct tree *tree)
{
    static const char *const places[] = { "credentials", "keys", "admin", "alerts", "exports" };
    for (size_t i = 0; tree->root && i < sizeof(places) / sizeof(*places); i++) {
        const struct node *place = node_get(tree->root, places[i]);
        for (struct node *n = place && place->kind != NODE_SCALAR ? place->first : NULL; n; n = n->next)
            wipe(n, false);
    }
}

/* Blots out `value`, or as much of its beginning as a message shows. */
static void blot(struct trouble *t, struct span value)
{
    enum { SHORTEST = 4 };
    struct span start = span_first(value, 8);
    ptrdiff_t at;
    if (value.len < SHORTEST)
        return;
    while ((at = span_find(span_of(t->text), start)) >= 0) {
        for (size_t i = 0; i < value.len && t->text[(size_t)at + i] == value.at[i]; i++)
            t->text[(size_t)at + i] = '*';
        if (start.at[0] == '*')
            return;
    }
}

static void redact(const struct node *n, struct trouble *t)
{
    if (n->kind == NODE_SCALAR && n->expanded)
        blot(t, n->text);
    for (const struct node *child = n->kind == NODE_SCALAR ? NULL : n->first; child; child = child->next)
        redact(child, t);
}

void tree_redact(const struct tree *tree, struct trouble *t)
{
    if (tree->expanded && t->set)
        redact(tree->root, t);
}

const char *entry_path(enum kind kind, const struct entry *e, char out[CONFIG_PATH])
{
    bool list = kind == KIND_KEY || kind == KIND_BUDGET || kind == KIND_INCREASE || kind == KIND_TOKEN;
    if (e->listed)
        snprintf(out, CONFIG_PATH, "%s[%zu]", kind_field(kind).at, e->index);
    else if (list)
        snprintf(out, CONFIG_PATH, "%s[%.*s]", kind_field(kind).at, SPAN_ARG(span_first(e->id, 120)));
    else
        snprintf(out, CONFIG_PATH, "%s.%.*s", kind_field(kind).at, SPAN_ARG(e->id));
    return out;
}

const struct node *entry_node(struct tree *tree, enum kind kind, const struct entry *e, struct arena *a, struct trouble *t)
{
    char path[CONFIG_PATH];
    struct node *over = NULL, *out;
    bool deleted = false;
    if (e->file && kind_fields(kind) && !node_only(e->file, entry_path(kind, e, path), kind_fields(kind), t))
        return NULL;
    if (!e->body.at)
        return e->file;
    if (config_json(tree->json, e->body, "", a, &over, t) != E_OK || !node_bool(node_get(over, "deleted"), "deleted", &deleted, t))
        return NULL;
    if (deleted)
        return NULL;
    out = e->file ? config_overlay(a, e->file, over) : over;
    if (!out)
        trouble_say(t, e->file, entry_path(kind, e, path), "out of memory");
    else
        out->name = e->id;
    return out;
}

struct entry *tree_find(const struct tree *tree, enum kind kind, struct span id)
{
    const struct entries *es = &tree->kinds[kind];
    for (size_t i = 0; i < es->count; i++)
        if (span_is(es->list[i].id, id))
            return &es->list[i];
    return NULL;
}

/* Whether this key has that name, and is not deleted. Looks into an object only if the name occurs in it. */
static bool is_named(struct tree *tree, const struct entry *e, struct span name)
{
    struct trouble ignored = { .set = false };
    must(e);
    const struct node *label = node_get(e->file, "name");
    bool maybe = label ? span_is(label->text, name) : e->body.at && span_find(e->body, name) >= 0;
    if (!maybe)
        return false;
    struct arena_mark mark = arena_mark(tree->arena);
    const struct node *n = entry_node(tree, KIND_KEY, e, tree->arena, &ignored);
    label = node_get(n, "name");
    bool same = label && label->kind == NODE_SCALAR && span_is(label->text, name);
    arena_rewind(tree->arena, mark);
    return same;
}

struct entry *tree_find_named(struct tree *tree, enum kind kind, struct span id)
{
    struct entry *there = tree_find(tree, kind, id);
    struct entries *es = &tree->kinds[kind];
    for (size_t i = 0; !there && kind == KIND_KEY && i < es->count; i++)
        if (is_named(tree, &es->list[i], id))
            there = &es->list[i];
    return there;
}
