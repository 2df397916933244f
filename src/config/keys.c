/* SPDX-License-Identifier: Apache-2.0
 * keys.c - what agents hold. Written for a million of them: each is read from its own small tree and forgotten, texts and
 * lists that many share stand in memory once. */
#include <stdio.h>

#include "base/text.h"
#include "config/parts.h"
#include "ledger/ledger.h"
#include "rules/call_label.h"
#include "rules/token.h"

enum { TOKENS_MOST = 4, CREDENTIALS_MOST = 64, NETWORKS_MOST = 256, METADATA_MOST = FACTS_TAGS, METADATA_LONGEST = 8192, TEXT_LONGEST = 200 };

static const char *const all_fields[] = { "name", "token", "token_sha256", "token_hashes", "credentials", "policy", "workspace", "user", "team", "label", "owner", "purpose", "expires_at",
    "revoked_at", "addresses", "metadata", "budgets", "dry_run", "rotate", "shadow", "route", "cache", "capture", NULL };

/* What is worth a word, one for all keys. */
struct tally {
    size_t without_budget, without_token, without_credential, weak, plain_hash;
};

struct reading {
    struct load *l;
    const struct node *node;
    struct path path;
    struct key *key;
    struct tally *tally;
};

static bool wrong(struct reading *r, const struct node *at, const char *field, const char *allowed)
{
    trouble_found(r->l->t, at ? at : r->node, path_with(&r->path, field), allowed);
    return false;
}

static bool required(struct reading *r, const char *field, const char *what)
{
    trouble_say(r->l->t, r->node, path_with(&r->path, field), "is required; allowed: %s", what);
    return false;
}

/* ---- tokens ---- */

/* by: the snapshot's map of keyed hashes, or the one of plain SHA-256. */
static bool add_token(struct reading *r, struct map *by, const struct digest *hash, int64_t until)
{
    struct load *l = r->l;
    struct key_token *token = ARENA_NEW(l->a, struct key_token);
    if (!token)
        return false;
    *token = (struct key_token){ *hash, r->key, until };
    struct span bytes = span_make((const char *)token->hash.bytes, DIGEST_LEN);
    const struct key_token *other = map_get(by, bytes);
    if (!other)
        return map_put(by, bytes, token);
    if (other->key == r->key)
        return true;
    trouble_say(l->t, r->node, path_with(&r->path, ".token"), "is the token of key \"%.*s\" as well; allowed: a token of its own", SPAN_ARG(other->key->name));
    return false;
}

static bool add_hash(struct reading *r, const struct node *item)
{
    struct digest hash;
    int64_t until = 0;
    struct span hex = SPAN_NONE;
    bool plain = node_get(item, "sha256") != NULL;
    if (!node_span(node_get(item, plain ? "sha256" : "hash"), path_with(&r->path, ".token_hashes"), &hex, r->l->t) ||
        !node_time(node_get(item, "until"), path_with(&r->path, ".token_hashes"), &until, r->l->t))
        return false;
    if (!hex.at || !text_hex_decode(hex, hash.bytes, DIGEST_LEN))
        return required(r, ".token_hashes", "the hashes this server stored");
    return add_token(r, plain ? &r->l->s->key_by_sha256 : &r->l->s->key_by_hash, &hash, node_get(item, "until") && until < 1 ? 1 : until);
}

/* A token that another gateway's store knew by its plain SHA-256: the key opens with the token that its holder still has. */
static bool read_sha256(struct reading *r, const struct node *n)
{
    struct digest hash;
    struct span hex = SPAN_NONE;
    if (node_get(r->node, "token"))
        return wrong(r, n, ".token_sha256", "one of token and token_sha256");
    if (!node_span(n, path_with(&r->path, ".token_sha256"), &hex, r->l->t))
        return false;
    if (!hex.at || !text_hex_decode(hex, hash.bytes, DIGEST_LEN)) { /* the token itself, perhaps */
        trouble_say(r->l->t, n, path_with(&r->path, ".token_sha256"), "not shown here, but no such hash; allowed: 64 hexadecimal digits, the SHA-256 of the token");
        return false;
    }
    r->tally->plain_hash++;
    return add_token(r, &r->l->s->key_by_sha256, &hash, 0);
}

static bool read_tokens(struct reading *r)
{
    struct span text = SPAN_NONE;
    const struct node *token = node_get(r->node, "token"), *hashes = node_get(r->node, "token_hashes");
    size_t count = 0;
    if (hashes && (hashes->kind != NODE_LIST || hashes->count > TOKENS_MOST))
        return required(r, ".token_hashes", "a list of at most 4");
    for (const struct node *item = hashes ? hashes->first : NULL; item; item = item->next, count++)
        if (!add_hash(r, item))
            return false;
    if (count)
        return true;
    if (node_get(r->node, "token_sha256"))
        return read_sha256(r, node_get(r->node, "token_sha256"));
    if (!node_span(token, path_with(&r->path, ".token"), &text, r->l->t))
        return false;
    if (!text.at) {
        r->tally->without_token++;
        return true;
    }
    const char *allowed = config_token_wrong(text);
    if (allowed) {
        trouble_say(r->l->t, token, path_with(&r->path, ".token"), "not shown here, but it cannot be used; allowed: %s", allowed);
        return false;
    }
    r->tally->weak += text.len < TOKEN_WEAK;
    struct digest hash = digest_keyed_hash(&r->l->s->token_hash, text);
    return add_token(r, &r->l->s->key_by_hash, &hash, 0);
}

/* ---- who, what ---- */

static bool read_text(struct reading *r, const char *name, struct span *out)
{
    struct span text = SPAN_NONE;
    const struct node *n = node_get(r->node, name + 1);
    if (!n)
        return true;
    if (!node_span(n, path_with(&r->path, name), &text, r->l->t))
        return false;
    if (!text.len || text.len > TEXT_LONGEST || !text_is_printable(text))
        return wrong(r, n, name, "1 to 200 printable characters without blanks");
    *out = load_share(r->l, text);
    return true;
}

static bool is_words(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return text.len && text.len <= TEXT_LONGEST && text_is_utf8(text);
}

/* For people: who answers for the key, and what it is for. */
static bool read_words(struct reading *r, const char *name, struct span *out)
{
    struct span text = SPAN_NONE;
    const struct node *n = node_get(r->node, name + 1);
    if (!n)
        return true;
    if (!node_span(n, path_with(&r->path, name), &text, r->l->t))
        return false;
    if (!is_words(text))
        return wrong(r, n, name, "1 to 200 bytes of text in one line");
    *out = load_share(r->l, text);
    return true;
}

static bool read_label(struct reading *r)
{
    const struct node *n = node_get(r->node, "label");
    struct span text = SPAN_NONE;
    if (!n)
        return true;
    if (!node_span(n, path_with(&r->path, ".label"), &text, r->l->t))
        return false;
    if (!call_label_fits(text))
        return wrong(r, n, ".label", CALL_LABEL_ALLOWED);
    r->key->label = load_share(r->l, text);
    return true;
}

static bool read_workspace(struct reading *r, const struct workspace **out)
{
    r->key->workspace = SPAN("default");
    if (!read_text(r, ".workspace", &r->key->workspace))
        return false;
    *out = map_get(&r->l->workspace_by_name, r->key->workspace);
    if (!*out) {
        load_missing(r->l, KIND_WORKSPACE, r->key->workspace, node_get(r->node, "workspace"), path_with(&r->path, ".workspace"));
        return false;
    }
    r->key->workspace = (*out)->name;
    r->key->caps_as_429 = (*out)->caps_as_429;
    return true;
}

static bool find_policy(struct reading *r, const struct node *n, const char *field, const struct policy **out)
{
    struct span name = SPAN_NONE;
    if (!node_span(n, path_with(&r->path, field), &name, r->l->t))
        return false;
    *out = map_get(&r->l->policy_by_name, name);
    if (!*out)
        load_missing(r->l, KIND_POLICY, name, n, path_with(&r->path, field));
    return *out != NULL;
}

static bool read_policy(struct reading *r)
{
    const struct node *n = node_get(r->node, "policy");
    return n ? find_policy(r, n, ".policy", &r->key->policy) : required(r, ".policy", "the name of a policy; without one a key may do nothing");
}

/* A policy that is only tried: no other than the key's own would say anything new, but to name that one is no mistake. */
static bool read_shadow(struct reading *r)
{
    const struct node *n = node_get(r->node, "shadow");
    return !n || find_policy(r, n, ".shadow", &r->key->shadow);
}

/* A route of another workspace is none of this key's. */
static bool read_route(struct reading *r)
{
    struct span name = SPAN_NONE;
    const struct node *n = node_get(r->node, "route");
    if (!node_span(n, path_with(&r->path, ".route"), &name, r->l->t))
        return false;
    if (!n)
        return true;
    const struct route_entry *route = map_get(&r->l->route_by_name, name);
    if (!route)
        load_missing(r->l, KIND_ROUTE, name, n, path_with(&r->path, ".route"));
    else if (!route_entry_open(route, r->key->workspace))
        trouble_say(r->l->t, n, path_with(&r->path, ".route"), "found \"%.*s\", which is not for the workspace \"%.*s\"; allowed: a route without workspaces:, or with this one in them",
            SPAN_ARG(name), SPAN_ARG(r->key->workspace));
    else
        r->key->route = route;
    return r->key->route != NULL;
}

static bool read_cache(struct reading *r)
{
    struct cache_rule rule;
    const struct node *n = node_get(r->node, "cache");
    if (!n)
        return true;
    if (route_read_cache(&r->l->scratch, n, path_with(&r->path, ".cache"), &rule, r->l->t) != E_OK)
        return false;
    rule.embedding_model = load_share(r->l, rule.embedding_model);
    rule.namespace_ = load_share(r->l, rule.namespace_);
    struct cache_rule *own = ARENA_NEW(r->l->a, struct cache_rule);
    if (!own)
        return false;
    *own = rule;
    r->key->cache = own;
    return true;
}

/* Its own word, else its workspace's. */
static bool read_capture(struct reading *r, const struct workspace *w)
{
    r->key->capture = w->capture;
    r->key->capture_own = node_get(r->node, "capture") != NULL;
    return capture_load(r->l, node_get(r->node, "capture"), path_with(&r->path, ".capture"), &r->key->capture);
}

/* Lists of pointers that many keys have alike stand once: their bytes are shared like texts. */
static const void *share_pointers(struct load *l, const void *list, size_t count)
{
    return count ? (const void *)load_share(l, span_make(list, count * sizeof(void *))).at : NULL;
}

static bool add_credential(struct reading *r, const struct credential **list, size_t *count, const struct node *at, struct span name)
{
    const struct credential *c = map_get(&r->l->credential_by_name, name);
    if (!c) {
        load_missing(r->l, KIND_CREDENTIAL, name, at, path_with(&r->path, ".credentials"));
        return false;
    }
    for (size_t i = 0; i < *count; i++)
        if (list[i] == c)
            return wrong(r, at, ".credentials", "each credential once");
    if (*count == CREDENTIALS_MOST)
        return wrong(r, at, ".credentials", "at most 64 credentials");
    list[(*count)++] = c;
    return true;
}

static bool read_credentials(struct reading *r)
{
    const struct credential *list[CREDENTIALS_MOST];
    struct key *k = r->key;
    struct span *names = NULL;
    size_t given = 0, count = 0;
    const struct node *n = node_get(r->node, "credentials");
    if (!node_spans(&r->l->scratch, n, path_with(&r->path, ".credentials"), &names, &given, r->l->t))
        return false;
    for (size_t i = 0; i < given; i++)
        if (!add_credential(r, list, &count, n, names[i]))
            return false;
    k->bound = count ? list[0]->upstream : NULL;
    for (size_t i = 1; i < count; i++)
        if (list[i]->upstream != list[0]->upstream)
            k->bound = NULL;
    /* Read as the type it was written with; the shared copy is aligned as everything of an arena is. */
    k->credentials = (const struct credential **)(uintptr_t)share_pointers(r->l, list, count);
    k->credential_count = count;
    r->tally->without_credential += count == 0;
    return true;
}

static bool read_addresses(struct reading *r)
{
    struct span *texts = NULL;
    size_t count = 0;
    const struct node *n = node_get(r->node, "addresses");
    if (!n)
        return true;
    if (!node_spans(&r->l->scratch, n, path_with(&r->path, ".addresses"), &texts, &count, r->l->t))
        return false;
    if (!count || count > NETWORKS_MOST)
        return wrong(r, n, ".addresses", "1 to 256 addresses or networks");
    struct network *list = ARENA_ARRAY(&r->l->scratch, struct network, count);
    for (size_t i = 0; i < count && list; i++) {
        if (network_parse(texts[i], &list[i]))
            continue;
        trouble_say(r->l->t, n, path_with(&r->path, ".addresses"), "found \"%.*s\"; allowed: an address or a network, such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32",
            SPAN_ARG(span_first(texts[i], 60)));
        return false;
    }
    if (!list)
        return false;
    r->key->networks = (const struct network *)(const void *)load_share(r->l, span_make((const char *)list, count * sizeof(*list))).at;
    r->key->network_count = count;
    return true;
}

/* Texts and the list stand once for all keys that have them alike. */
static bool read_tags(struct reading *r, const struct node *n)
{
    struct load *l = r->l;
    size_t count = 0;
    struct tag *list = ARENA_ARRAY(&l->scratch, struct tag, n->count + 1);
    if (!list)
        return false;
    for (const struct node *item = n->first; item; item = item->next)
        list[count++] = (struct tag){ load_share(l, item->name), load_share(l, item->text) };
    r->key->tags = count ? (const struct tag *)(const void *)load_share(l, span_make((const char *)list, count * sizeof(*list))).at : NULL;
    r->key->tag_count = r->key->tags ? count : 0;
    return true;
}

static bool read_metadata(struct reading *r)
{
    struct buf json;
    const struct node *n = node_get(r->node, "metadata");
    static const char allowed[] = "a map of at most 64 texts, numbers or booleans, together at most 8192 bytes";
    if (!n)
        return true;
    if (n->kind != NODE_MAP || n->count > METADATA_MOST)
        return wrong(r, n, ".metadata", allowed);
    for (const struct node *item = n->first; item; item = item->next)
        if (item->kind != NODE_SCALAR)
            return wrong(r, item, ".metadata", allowed);
    buf_init(&json, METADATA_LONGEST);
    node_write_json(n, &json);
    bool good = !json.broken;
    if (good)
        r->key->metadata = load_share(r->l, buf_span(&json));
    buf_free(&json);
    return good ? read_tags(r, n) : wrong(r, n, ".metadata", allowed);
}

/* ---- budgets ---- */

static bool read_own(struct reading *r, const struct node *list, struct budget *own)
{
    struct load *l = r->l;
    char at[CONFIG_PATH];
    size_t i = 0;
    struct span owner = list ? arena_print(l->a, "key:%.*s", SPAN_ARG(r->key->name)) : SPAN_NONE;
    r->path.text[r->path.len] = '\0';
    for (const struct node *n = list ? list->first : NULL; n; n = n->next, i++) {
        snprintf(at, sizeof(at), "%.150s.budgets[%zu]", r->path.text, i);
        if (budget_load(l, n, at, r->key->id, owner, &own[i]) != E_OK)
            return false;
    }
    snprintf(at, sizeof(at), "%.150s.budgets", r->path.text);
    return budget_ids_differ(l, list, at, own, i);
}

/* The key's own first, then its workspace's, then the gate's. */
static bool collect(struct reading *r, const struct node *at, const struct workspace *w, const struct budget *own, size_t own_count)
{
    const struct budget *all[LEDGER_LINES];
    struct load *l = r->l;
    size_t count = 0, wanted = own_count + w->budget_count;
    for (size_t i = 0; i < own_count && count < LEDGER_LINES; i++)
        all[count++] = &own[i];
    for (size_t i = 0; i < w->budget_count && count < LEDGER_LINES; i++)
        all[count++] = &w->budgets[i];
    for (size_t i = 0; i < l->s->budget_count; i++) {
        if (!gate_budget_counts(&l->gate[i], r->key))
            continue;
        wanted++;
        if (count < LEDGER_LINES)
            all[count++] = l->gate[i].budget;
    }
    if (wanted > LEDGER_LINES) {
        trouble_say(l->t, at ? at : r->node, path_with(&r->path, ".budgets"), "found %zu budgets (%zu of its own, %zu of its workspace, %zu of the gate); allowed: at most %d on one key",
            wanted, own_count, w->budget_count, wanted - own_count - w->budget_count, LEDGER_LINES);
        return false;
    }
    r->key->budgets = (const struct budget **)(uintptr_t)share_pointers(l, all, count);
    r->key->budget_count = count;
    r->tally->without_budget += count == 0;
    return true;
}

static bool read_budgets(struct reading *r, const struct workspace *w)
{
    const struct node *list = node_get(r->node, "budgets");
    if (list && list->kind != NODE_LIST)
        return wrong(r, list, ".budgets", "a list of budgets such as { limit: 100 usd, window: day }");
    if (list && list->count > LEDGER_LINES)
        return wrong(r, list, ".budgets", "at most 24 budgets");
    size_t count = list ? list->count : 0;
    struct budget *own = count ? ARENA_ARRAY(r->l->a, struct budget, count) : NULL;
    if (count && !own)
        return false;
    return read_own(r, list, own) && collect(r, list, w, own, count);
}

/* ---- one key ---- */

/* 0 means "never" in a key, so a time that was given is at least 1: a key that ended in 1970 has ended. */
static bool read_time(struct reading *r, const char *field, int64_t *out)
{
    const struct node *n = node_get(r->node, field + 1);
    if (!node_time(n, path_with(&r->path, field), out, r->l->t))
        return false;
    if (n && *out < 1)
        *out = 1;
    return true;
}

static bool register_key(struct reading *r, const struct entry *entry)
{
    struct load *l = r->l;
    struct key *k = r->key;
    struct span name = SPAN_NONE;
    const struct node *n = node_get(r->node, "name");
    if (!node_span(n, path_with(&r->path, ".name"), &name, l->t))
        return false;
    if (!name.at || !config_name_ok(name) || span_starts(name, SPAN("key_")))
        return wrong(r, n, ".name", "1 to 64 characters of A-Z a-z 0-9 _ - . that do not start with key_");
    if (map_get(&l->s->key_by_id, name)) {
        trouble_say(l->t, n, path_with(&r->path, ".name"), "found \"%.*s\"; allowed: a name that no other key has", SPAN_ARG(name));
        return false;
    }
    k->id = arena_copy(l->a, entry->id);
    k->name = arena_copy(l->a, name);
    return k->id.at && k->name.at && map_put(&l->s->key_by_id, k->id, k) && map_put(&l->s->key_by_id, k->name, k);
}

/* Several credentials for one model vendor take turns unless it is said otherwise. */
static bool read_rotate(struct reading *r)
{
    r->key->rotate = true;
    return node_bool(node_get(r->node, "rotate"), path_with(&r->path, ".rotate"), &r->key->rotate, r->l->t);
}

static bool read_key(struct reading *r, const struct entry *entry)
{
    const struct workspace *w = NULL;
    return node_only(r->node, r->path.text, all_fields, r->l->t) && register_key(r, entry) && read_tokens(r) && read_workspace(r, &w) &&
           read_text(r, ".user", &r->key->user) && read_text(r, ".team", &r->key->team) && read_label(r) && read_words(r, ".owner", &r->key->owner) &&
           read_words(r, ".purpose", &r->key->purpose) && read_policy(r) && read_shadow(r) && read_route(r) && read_cache(r) &&
           node_bool(node_get(r->node, "dry_run"), path_with(&r->path, ".dry_run"), &r->key->dry_run, r->l->t) && read_rotate(r) && read_credentials(r) &&
           read_time(r, ".expires_at", &r->key->expires_at) && read_time(r, ".revoked_at", &r->key->revoked_at) && read_addresses(r) &&
           read_metadata(r) && read_capture(r, w) && read_budgets(r, w);
}

static void tell(const struct load *l, const struct tally *tally)
{
    if (l->quiet)
        return;
    if (tally->without_budget)
        log_warn("config", "%zu of %zu keys have no budget", tally->without_budget, l->s->key_count);
    if (tally->without_credential)
        log_warn("config", "%zu of %zu keys have no credential and reach no vendor", tally->without_credential, l->s->key_count);
    if (tally->weak)
        log_warn("config", "%zu keys have a token of less than %d characters, which can be guessed", tally->weak, TOKEN_WEAK);
    if (tally->plain_hash)
        log_warn("config", "%zu keys are known by a plain SHA-256 of their token (token_sha256); \"tollgate key rotate NAME\" ends that", tally->plain_hash);
    if (tally->without_token)
        log_info("config", "%zu of %zu keys have no token yet; \"tollgate key rotate NAME\" makes one", tally->without_token, l->s->key_count);
}

static enum err load_one(struct load *l, const struct entry *entry, struct tally *tally)
{
    struct reading r = { .l = l, .tally = tally, .key = &l->s->keys[l->s->key_count] };
    r.node = entry_node(&l->tree, KIND_KEY, entry, &l->scratch, l->t);
    if (!r.node)
        return l->t->set ? E_CONFIG : E_OK;
    r.path.len = strlen(entry_path(KIND_KEY, entry, r.path.text));
    bool good = read_key(&r, entry);
    if (!good)
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    l->s->key_count++;
    return load_memory(l);
}

enum err keys_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_KEY];
    struct tally tally = { .without_budget = 0 };
    l->s->keys = ARENA_ARRAY(l->a, struct key, es->count + 1);
    if (!l->s->keys)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        struct arena_mark mark = arena_mark(&l->scratch);
        enum err e = load_one(l, &es->list[i], &tally);
        if (e)
            return e;
        arena_rewind(&l->scratch, mark);
    }
    tell(l, &tally);
    return E_OK;
}
