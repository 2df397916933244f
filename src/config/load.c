/* SPDX-License-Identifier: Apache-2.0
 * load.c - the order of things: settings, vendors, credentials, policies, workspaces, routes, budgets, keys, prices, rates. Each part
 * only refers to earlier ones. Start reading the folder here; tree.c has what comes before. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/parts.h"

/* The whole configuration with its keys (a million take less than 1 GiB), and what only the load needs. */
#define SNAPSHOT_CEILING ((size_t)16 << 30)
#define SCRATCH_CEILING ((size_t)1 << 30)

enum { KNOWN_SHOWN = 12 };

/* One count for the process, whoever loads: rows of calls tell configurations apart by it. */
static _Atomic uint64_t versions;

enum err load_memory(struct load *l)
{
    if (!l->a->broken && !l->scratch.broken)
        return E_OK;
    trouble_say(l->t, NULL, "", "the configuration does not fit into memory");
    return E_NO_MEMORY;
}

struct span load_share(struct load *l, struct span text)
{
    if (!text.at)
        return SPAN_NONE;
    const char *there = map_get(&l->shared, text);
    if (there)
        return span_make(there, text.len);
    struct span copy = arena_copy(l->a, text);
    if (copy.at && !map_put(&l->shared, copy, (void *)(uintptr_t)copy.at))
        l->a->broken = true;
    return copy;
}

const char *path_with(struct path *p, const char *field)
{
    size_t len = strlen(field), room = sizeof(p->text) - 1 - p->len;
    len = len < room ? len : room;
    memcpy(p->text + p->len, field, len);
    p->text[p->len + len] = '\0';
    return p->text;
}

enum err load_missing(struct load *l, enum kind kind, struct span name, const struct node *at, const char *path)
{
    struct buf known;
    size_t shown = 0;
    buf_init(&known, 4096);
    if (kind == KIND_VENDOR)
        vendors_known(l, &known);
    for (size_t i = 0; kind != KIND_VENDOR && i < l->tree.kinds[kind].count && shown < KNOWN_SHOWN; i++, shown++) {
        const struct entry *e = &l->tree.kinds[kind].list[i];
        const struct node *label = kind == KIND_KEY ? node_get(e->file, "name") : NULL;
        buf_print(&known, "%s%.*s", shown ? ", " : "", SPAN_ARG(label ? label->text : e->id));
    }
    if (kind == KIND_WORKSPACE && !tree_find(&l->tree, KIND_WORKSPACE, SPAN("default")))
        buf_print(&known, "%sdefault", known.len ? ", " : "");
    trouble_say(l->t, at, path, "found \"%.*s\", which is no %.*s here; allowed: %.*s%s", SPAN_ARG(span_first(name, CONFIG_NAME_LONGEST)), SPAN_ARG(kind_name(kind)),
        SPAN_ARG(known.len ? buf_span(&known) : SPAN("none, as there are none")), shown == KNOWN_SHOWN ? ", ..." : "");
    buf_free(&known);
    struct span by = at && at->line ? arena_print(&l->scratch, "%s (%s:%d)", path, at->file, at->line) : arena_print(&l->scratch, "%s", path);
    l->missing = (struct missing){ kind, name, by };
    return E_CONFIG;
}

/* A word for this configuration: what was read, the manifests and the prices. */
static enum err set_identity(struct load *l)
{
    struct buf all;
    struct snapshot *s = l->s;
    buf_init(&all, 1 << 20);
    buf_put(&all, span_make((const char *)l->tree.digest.bytes, DIGEST_LEN));
    for (size_t i = 0; i < s->upstream_count; i++)
        buf_put(&all, s->upstreams[i].vendor.version);
    buf_put(&all, price_book_id(s->prices));
    buf_put(&all, span_make((const char *)l->fx_file.bytes, s->fx ? DIGEST_LEN : 0));
    struct digest digest = digest_sha256(buf_span(&all));
    buf_clear(&all);
    buf_put(&all, SPAN("cfg."));
    buf_put_hex(&all, span_make((const char *)digest.bytes, 4));
    s->digest = arena_copy(l->a, buf_span(&all));
    buf_free(&all);
    s->loaded_at = clock_unix_ms();
    s->version = atomic_fetch_add(&versions, 1) + 1;
    return load_memory(l);
}

static enum err run_parts(struct load *l)
{
    static enum err (*const parts[])(struct load *) = { settings_load, secrets_load, upstreams_load, credentials_load, alerts_load, exports_load, policies_load,
        increases_load, workspaces_load, tokens_load, routes_load, budgets_load, keys_load, budgets_check_keys, increases_check, prices_load, fx_load, set_identity };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        enum err e = parts[i](l);
        if (e)
            return e;
    }
    return E_OK;
}

static void end(struct load *l)
{
    tree_redact(&l->tree, l->t);
    tree_wipe(&l->tree);
    tree_free(&l->tree);
    map_free(&l->credential_by_name);
    map_free(&l->policy_by_name);
    map_free(&l->workspace_by_name);
    map_free(&l->route_by_name);
    map_free(&l->zones);
    map_free(&l->shared);
    map_free(&l->increases);
    arena_free(&l->scratch);
    secret_wipe(&l->seal_key, sizeof(l->seal_key));
}

static struct snapshot *empty_snapshot(void)
{
    struct snapshot *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    arena_init(&s->arena, SNAPSHOT_CEILING);
    atomic_init(&s->refs, 1);
    return s;
}

enum err load_run(const struct config_input *in, bool quiet, struct snapshot **out, struct arena *a, struct missing *missing, struct trouble *t)
{
    struct load l = { .in = in, .quiet = quiet, .t = t, .s = empty_snapshot() };
    must(in->master_key);
    *out = NULL;
    if (!l.s)
        return E_NO_MEMORY;
    l.a = &l.s->arena;
    arena_init(&l.scratch, SCRATCH_CEILING);
    l.seal_key = config_seal_key(in->master_key);
    config_token_hash_init(&l.s->token_hash, in->master_key);
    l.s->keep_key = config_keep_key(in->master_key);
    enum err e = tree_read(&l.tree, in, false, l.a, t);
    if (!e)
        e = run_parts(&l);
    if (e == E_NO_MEMORY)
        trouble_say(t, NULL, "", "the configuration does not fit into memory");
    *missing = (struct missing){ l.missing.kind, arena_copy(a, l.missing.name), arena_copy(a, l.missing.by) };
    end(&l);
    if (e)
        snapshot_drop(l.s);
    else
        *out = l.s;
    return e;
}

enum err config_load(const struct config_input *in, struct snapshot **out, struct trouble *t)
{
    struct arena a;
    struct missing missing;
    arena_init(&a, 1 << 16);
    enum err e = load_run(in, false, out, &a, &missing, t);
    arena_free(&a);
    return e;
}
