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
    map_free(&s->key_by_hash);
    map_free(&s->key_by_id);
    if (s->prices)
        price_book_free(s->prices);
    if (s->tls)
        tls_client_free(s->tls);
    if (s->secrets.at)
        secret_free(s->secrets.at, s->secrets.size);
    secret_wipe(&s->token_hash, sizeof(s->token_hash));
    secret_wipe(&s->keep_key, sizeof(s->keep_key));
    secret_wipe(&s->settings.admin_token, sizeof(s->settings.admin_token));
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

bool snapshot_admin(const struct snapshot *s, struct span token)
{
    if (!s->settings.has_admin_token)
        return false;
    struct digest hash = digest_keyed_hash(&s->settings.admin_token, token);
    return digest_same(span_make((const char *)hash.bytes, DIGEST_LEN), span_make((const char *)s->settings.admin_token_hash.bytes, DIGEST_LEN));
}

const struct upstream *snapshot_upstream(const struct snapshot *s, struct span slug) { return map_get(&s->upstream_by_slug, slug); }

const struct credential *key_credential(const struct key *k, const struct upstream *u)
{
    for (size_t i = 0; i < k->credential_count; i++)
        if (k->credentials[i]->upstream == u && !k->credentials[i]->disabled)
            return k->credentials[i];
    return NULL;
}
