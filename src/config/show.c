/* SPDX-License-Identifier: Apache-2.0
 * show.c - objects as the API shows them: the file's references (${...}) as written, never a secret, never a hash. */
#include <stdio.h>
#include <stdlib.h>

#include "base/embed.h"
#include "config/parts.h"
#include "rules/token.h"

enum { SHOW_MOST = 4 << 20 };
#define SCRATCH_CEILING ((size_t)2 << 30)

/* Fields that are never shown as they stand. */
static const char *const hidden[] = { "secret", "sealed", "hook_secret", "hook_sealed", "password", "token", "token_sha256", "token_hashes", "name", "id", "origin", NULL };

struct showing {
    struct tree tree;
    struct arena scratch;
    struct trouble *t;
};

static void put_token(struct json_out *o, const struct node *n)
{
    char mask[24];
    struct span shown = SPAN_NONE;
    const struct node *plain = node_get(n, "token_sha256");
    const struct node *token = node_get(n, "token"), *hashes = node_get(n, "token_hashes");
    if (hashes && hashes->kind == NODE_LIST && hashes->first)
        shown = node_get(hashes->first, "shown") ? node_get(hashes->first, "shown")->text : SPAN("...");
    else if (plain)
        shown = SPAN("known by its SHA-256");
    else if (token && token->kind == NODE_SCALAR)
        shown = token_mask(token->text, mask);
    json_pair(o, SPAN("token"), shown);
}

/* A reference stays as it is written. */
static void put_slack(struct json_out *o, const struct node *n)
{
    struct arena a;
    arena_init(&a, SHOW_MOST);
    bool reference = n->kind == NODE_SCALAR && span_starts(n->text, SPAN("${")) && span_ends(n->text, SPAN("}"));
    json_pair(o, n->name, n->kind != NODE_SCALAR ? SPAN("...") : reference ? n->text : alert_mask(n->text, &a));
    arena_free(&a);
}

static void put_member(struct json_out *o, const struct node *n, struct buf *scratch)
{
    buf_clear(scratch);
    node_write_json(n, scratch);
    json_pair_raw(o, n->name, buf_span(scratch));
}

static void put_object(struct buf *out, enum kind kind, struct span id, const char *origin, const struct node *n, const struct node *plain)
{
    struct buf member;
    struct json_out o = json_out(out);
    const struct node *name = node_get(n, "name");
    buf_init(&member, SHOW_MOST);
    json_open(&o, '{');
    json_pair(&o, SPAN("id"), id);
    json_pair(&o, SPAN("name"), name && name->kind == NODE_SCALAR ? name->text : id);
    json_pair(&o, SPAN("origin"), span_of(origin));
    if (kind == KIND_KEY || kind == KIND_TOKEN)
        put_token(&o, n);
    if (kind == KIND_CREDENTIAL || kind == KIND_ALERT || kind == KIND_EXPORT)
        json_pair_bool(&o, SPAN("secret_set"), node_get(n, "secret") || node_get(n, "password") || node_get(n, "sealed"));
    if (kind == KIND_CREDENTIAL)
        json_pair_bool(&o, SPAN("hook_secret_set"), node_get(n, "hook_secret") || node_get(n, "hook_sealed"));
    for (const struct node *m = plain ? plain->first : NULL; m; m = m->next) {
        if (kind == KIND_ALERT && span_is(m->name, SPAN("slack")))
            put_slack(&o, m);
        else
            put_member(&o, m, &member);
    }
    json_close(&o, '}');
    out->broken = out->broken || member.broken;
    buf_free(&member);
}

static const char *origin_of(const struct entry *e) { return e->file ? e->body.at ? "file+api" : "file" : "api"; }

/* E_NOT_FOUND without a trouble: deleted. */
static enum err show_entry(struct showing *s, enum kind kind, const struct entry *e, struct buf *out)
{
    const struct node *n = entry_node(&s->tree, kind, e, &s->scratch, s->t);
    if (!n)
        return s->t->set ? E_CONFIG : E_NOT_FOUND;
    struct node *plain = config_without(&s->scratch, n, hidden);
    if (!plain)
        return E_NO_MEMORY;
    put_object(out, kind, e->id, origin_of(e), n, plain);
    return out->broken ? E_TOO_LARGE : E_OK;
}

/* "vendors/stripe.yaml" is stripe, if the configuration has no entry for it. */
static bool built_in(const struct showing *s, struct span file, struct span *slug)
{
    if (!span_starts(file, SPAN("vendors/")) || !span_ends(file, SPAN(".yaml")))
        return false;
    *slug = span_first(span_from(file, 8), file.len - 8 - 5);
    return !tree_find(&s->tree, KIND_VENDOR, *slug);
}

static enum err start(struct showing *s, const struct config_input *in, struct trouble *t)
{
    arena_init(&s->scratch, SCRATCH_CEILING);
    s->t = t;
    return tree_read(&s->tree, in, true, &s->scratch, t);
}

static void finish(struct showing *s)
{
    tree_wipe(&s->tree);
    tree_free(&s->tree);
    arena_free(&s->scratch);
}

static enum err unknown_kind(struct span kind, struct trouble *t)
{
    trouble_say(t, NULL, "kind", "found \"%.*s\"; allowed: %s", SPAN_ARG(span_first(kind, 60)), config_kinds_allowed);
    return E_NOT_FOUND;
}

static enum err not_found(enum kind kind, struct span id, struct trouble *t)
{
    trouble_say(t, NULL, "id", "there is no %.*s \"%.*s\"", SPAN_ARG(kind_name(kind)), SPAN_ARG(span_first(id, CONFIG_NAME_LONGEST)));
    return E_NOT_FOUND;
}

static enum err show_built_in(struct showing *s, struct span id, struct buf *out)
{
    struct span file, text, slug;
    for (size_t at = 0; embed_next(&at, &file, &text);) {
        if (!built_in(s, file, &slug) || !span_is(slug, id))
            continue;
        put_object(out, KIND_VENDOR, id, "built-in", NULL, NULL);
        return out->broken ? E_TOO_LARGE : E_OK;
    }
    return E_NOT_FOUND;
}

enum err config_show(const struct config_input *in, struct span kind, struct span id, struct buf *json, struct trouble *t)
{
    struct showing s;
    enum kind k;
    if (!kind_parse(kind, &k))
        return unknown_kind(kind, t);
    enum err e = start(&s, in, t);
    const struct entry *entry = e ? NULL : tree_find_named(&s.tree, k, id);
    if (!e)
        e = entry ? show_entry(&s, k, entry, json) : k == KIND_VENDOR ? show_built_in(&s, id, json) : E_NOT_FOUND;
    if (e == E_NOT_FOUND)
        e = not_found(k, id, t);
    finish(&s);
    return e;
}

static int by_id(const void *a, const void *b) { return span_compare(((const struct entry *)a)->id, ((const struct entry *)b)->id); }

/* Built-in vendors that the configuration says nothing about get entries without content. */
static enum err add_built_in(struct showing *s, struct entries *es)
{
    struct span file, text, slug;
    size_t count = es->count, extra = 0;
    for (size_t at = 0; embed_next(&at, &file, &text);)
        extra += built_in(s, file, &slug);
    struct entry *list = realloc(es->list, (count + extra + 1) * sizeof(*list));
    if (!list)
        return E_NO_MEMORY;
    es->list = list;
    es->room = count + extra + 1;
    for (size_t at = 0; embed_next(&at, &file, &text);)
        if (built_in(s, file, &slug))
            es->list[count++] = (struct entry){ .id = slug };
    es->count = count;
    return E_OK;
}

static enum err list_one(struct showing *s, enum kind k, const struct entry *e, struct buf *json, void (*visit)(void *self, struct span id, struct span json), void *self)
{
    struct arena_mark mark = arena_mark(&s->scratch);
    enum err failed = E_OK;
    buf_clear(json);
    if (!e->file && !e->body.at)
        put_object(json, k, e->id, "built-in", NULL, NULL);
    else
        failed = show_entry(s, k, e, json);
    if (!failed && !json->broken)
        visit(self, e->id, buf_span(json));
    arena_rewind(&s->scratch, mark);
    return failed == E_NOT_FOUND ? E_OK : failed;
}

enum err config_list(const struct config_input *in, struct span kind, void (*visit)(void *self, struct span id, struct span json), void *self, struct trouble *t)
{
    struct showing s;
    struct buf json;
    enum kind k;
    if (!kind_parse(kind, &k))
        return unknown_kind(kind, t);
    enum err e = start(&s, in, t);
    struct entries *es = &s.tree.kinds[k];
    if (!e && k == KIND_VENDOR)
        e = add_built_in(&s, es);
    if (!e && es->count)
        qsort(es->list, es->count, sizeof(*es->list), by_id);
    buf_init(&json, SHOW_MOST);
    for (size_t i = 0; i < es->count && !e; i++)
        e = list_one(&s, k, &es->list[i], &json, visit, self);
    buf_free(&json);
    finish(&s);
    return e;
}
