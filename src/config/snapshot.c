/* SPDX-License-Identifier: Apache-2.0
 * snapshot.c - references, look-ups, and the end of a snapshot. How one is made: load.c. */
#include "config/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/must.h"

struct snapshot *snapshot_keep(struct snapshot *s)
{
    long before = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    must(before > 0);
    return s;
}

static void destroy(struct snapshot *s)
{
    map_free(&s->upstream_by_slug);
    map_free(&s->upstream_by_alias);
    map_free(&s->key_by_hash);
    map_free(&s->key_by_sha256);
    map_free(&s->key_by_id);
    map_free(&s->admin_by_hash);
    if (s->prices)
        price_book_free(s->prices);
    if (s->tls)
        tls_client_free(s->tls);
    if (s->secrets.at)
        secret_free(s->secrets.at, s->secrets.size);
    secret_wipe(&s->token_hash, sizeof(s->token_hash));
    secret_wipe(&s->keep_key, sizeof(s->keep_key));
    secret_wipe(&s->settings.admin_hash, sizeof(s->settings.admin_hash));
    arena_free(&s->arena);
    free(s);
}

void snapshot_drop(struct snapshot *s)
{
    if (!s)
        return;
    long before = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
    must(before > 0);
    if (before == 1)
        destroy(s);
}

const struct key *snapshot_key(const struct snapshot *s, struct span token, int64_t *until)
{
    struct digest hash = digest_keyed_hash(&s->token_hash, token);
    const struct key_token *found = map_get(&s->key_by_hash, span_make((const char *)hash.bytes, DIGEST_LEN));
    if (s->key_by_sha256.count) {
        struct digest plain = digest_sha256(token);
        const struct key_token *imported = map_get(&s->key_by_sha256, span_make((const char *)plain.bytes, DIGEST_LEN));
        found = found ? found : imported;
    }
    *until = found ? found->valid_until : 0;
    return found ? found->key : NULL;
}

const struct key *snapshot_key_by_id(const struct snapshot *s, struct span id) { return map_get(&s->key_by_id, id); }

const struct budget *snapshot_budget(const struct snapshot *s, struct span id)
{
    for (size_t i = 0; i < s->budget_count; i++)
        if (span_is(s->budgets[i].id, id))
            return &s->budgets[i];
    for (size_t k = 0; k < s->key_count; k++)
        for (size_t i = 0; i < s->keys[k].budget_count; i++)
            if (span_is(s->keys[k].budgets[i]->id, id))
                return s->keys[k].budgets[i];
    return NULL;
}

struct digest snapshot_admin_hash(const struct snapshot *s, struct span token) { return digest_keyed_hash(&s->settings.admin_hash, token); }

const struct admin_token *snapshot_admin(const struct snapshot *s, const struct digest *hash, int64_t now_ms)
{
    const struct admin_hash *found = map_get(&s->admin_by_hash, span_make((const char *)hash->bytes, DIGEST_LEN));
    if (!found || (found->valid_until && found->valid_until <= now_ms) || (found->token->expires_at && found->token->expires_at <= now_ms))
        return NULL;
    return found->token;
}

struct span admin_role_name(enum admin_role role)
{
    static const struct span names[] = { { "viewer", 6 }, { "finance", 7 }, { "admin", 5 }, { "owner", 5 } };
    return names[role];
}

const struct upstream *snapshot_upstream(const struct snapshot *s, struct span slug) { return map_get(&s->upstream_by_slug, slug); }

const struct upstream *snapshot_provider(const struct snapshot *s, struct span name)
{
    const struct upstream *u = snapshot_upstream(s, name);
    return u ? u : map_get(&s->upstream_by_alias, name);
}

bool route_entry_open(const struct route_entry *r, struct span workspace)
{
    bool open = r->workspace_count == 0;
    for (size_t i = 0; i < r->workspace_count && !open; i++)
        open = span_like(workspace, r->workspaces[i]);
    return open;
}

const struct route_entry *snapshot_route(const struct snapshot *s, const struct key *k, struct span name)
{
    for (size_t i = 0; i < s->route_count; i++)
        if (span_is(s->routes[i].name, name))
            return route_entry_open(&s->routes[i], k->workspace) ? &s->routes[i] : NULL;
    return NULL;
}

/* 0: no match; a pattern without "*" beats all others. */
static size_t closeness(const struct route_entry *r, struct span model)
{
    size_t best = 0;
    for (size_t i = 0; i < r->model_count; i++) {
        size_t value = span_find_byte(r->models[i], '*') < 0 ? SIZE_MAX : r->models[i].len;
        if (value > best && span_like(model, r->models[i]))
            best = value;
    }
    return best;
}

const struct route_entry *snapshot_route_for_model(const struct snapshot *s, const struct key *k, struct span model)
{
    const struct route_entry *found = NULL;
    size_t best = 0;
    for (size_t i = 0; i < s->route_count && model.len; i++) {
        size_t value = s->routes[i].model_count ? closeness(&s->routes[i], model) : 0;
        if (value <= best || !route_entry_open(&s->routes[i], k->workspace))
            continue;
        found = &s->routes[i];
        best = value;
    }
    return found;
}

const struct credential *key_credential(const struct key *k, const struct upstream *u)
{
    for (size_t i = 0; i < k->credential_count; i++)
        if (k->credentials[i]->upstream == u && !k->credentials[i]->disabled)
            return k->credentials[i];
    return NULL;
}
