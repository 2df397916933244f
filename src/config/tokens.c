/* SPDX-License-Identifier: Apache-2.0
 * tokens.c - who may use the admin plane beside the holder of admin.token: named tokens with a role, and perhaps a workspace and an
 * end. Of those that the API made only keyed hashes are there. */
#include "base/text.h"
#include "config/parts.h"
#include "rules/token.h"

enum { TOKENS_MOST = 1000, HASHES_MOST = 4, OWNER_LONGEST = 200 };

static const char *const all_fields[] = { "name", "token", "token_hashes", "role", "workspace", "owner", "content", "created_at", "expires_at", NULL };

struct reading {
    struct load *l;
    const struct node *node;
    struct path path;
    struct admin_token *token;
};

bool admin_hash_add(struct load *l, const struct digest *hash, const struct admin_token *token, int64_t valid_until)
{
    struct admin_hash *h = ARENA_NEW(l->a, struct admin_hash);
    if (!h)
        return false;
    *h = (struct admin_hash){ *hash, token, valid_until };
    struct span bytes = span_make((const char *)h->hash.bytes, DIGEST_LEN);
    return !map_get(&l->s->admin_by_hash, bytes) && map_put(&l->s->admin_by_hash, bytes, h);
}

static bool required(struct reading *r, const char *field, const char *what)
{
    trouble_say(r->l->t, r->node, path_with(&r->path, field), "is required; allowed: %s", what);
    return false;
}

static bool add(struct reading *r, const struct digest *hash, int64_t until)
{
    if (admin_hash_add(r->l, hash, r->token, until))
        return true;
    trouble_say(r->l->t, r->node, path_with(&r->path, ".token"), "is another's as well; allowed: a token of its own");
    return false;
}

static bool add_hash(struct reading *r, const struct node *item)
{
    struct digest hash;
    int64_t until = 0;
    struct span hex = SPAN_NONE;
    if (!node_span(node_get(item, "hash"), path_with(&r->path, ".token_hashes"), &hex, r->l->t) ||
        !node_time(node_get(item, "until"), path_with(&r->path, ".token_hashes"), &until, r->l->t))
        return false;
    if (!hex.at || !text_hex_decode(hex, hash.bytes, DIGEST_LEN))
        return required(r, ".token_hashes", "the hashes this server stored");
    return add(r, &hash, node_get(item, "until") && until < 1 ? 1 : until);
}

static bool read_hashes(struct reading *r, const struct node *hashes)
{
    if (hashes->kind != NODE_LIST || hashes->count > HASHES_MOST)
        return required(r, ".token_hashes", "a list of at most 4");
    for (const struct node *item = hashes->first; item; item = item->next)
        if (!add_hash(r, item))
            return false;
    return true;
}

static bool read_secret(struct reading *r)
{
    struct span text = SPAN_NONE;
    const struct node *n = node_get(r->node, "token"), *hashes = node_get(r->node, "token_hashes");
    if (hashes)
        return read_hashes(r, hashes);
    if (!node_span(n, path_with(&r->path, ".token"), &text, r->l->t))
        return false;
    if (!text.at)
        return required(r, ".token", "at least 16 printable characters; or make the token by the API, which shows it once");
    if (text.len < TOKEN_WEAK || config_token_wrong(text)) {
        trouble_say(r->l->t, n, path_with(&r->path, ".token"), "not shown here, but it cannot be used; allowed: 16 to 200 printable characters without blanks");
        return false;
    }
    struct digest hash = digest_keyed_hash(&r->l->s->settings.admin_hash, text);
    return add(r, &hash, 0);
}

/* Who the audit log names besides holders of tokens. */
static bool read_name(struct reading *r, const struct entry *entry)
{
    static const struct span taken[] = { { "admin", 5 }, { "gate", 4 }, { "file", 4 } };
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        if (!span_is(entry->id, taken[i]))
            continue;
        trouble_say(r->l->t, r->node, path_with(&r->path, ".name"), "found \"%.*s\", which the audit log uses for another; allowed: any other name", SPAN_ARG(entry->id));
        return false;
    }
    r->token->name = arena_copy(r->l->a, entry->id);
    return r->token->name.at != NULL;
}

static bool read_role(struct reading *r)
{
    static const char *const roles[] = { "viewer", "finance", "admin", "owner", NULL };
    int role = -1;
    if (!node_choice(node_get(r->node, "role"), path_with(&r->path, ".role"), roles, &role, r->l->t))
        return false;
    if (role < 0)
        return required(r, ".role", "viewer, finance, admin, owner");
    r->token->role = (enum admin_role)role;
    return true;
}

static bool read_workspace(struct reading *r)
{
    struct span name = SPAN_NONE;
    const struct node *n = node_get(r->node, "workspace");
    if (!n)
        return true;
    if (!node_span(n, path_with(&r->path, ".workspace"), &name, r->l->t))
        return false;
    const struct workspace *w = map_get(&r->l->workspace_by_name, name);
    if (!w)
        load_missing(r->l, KIND_WORKSPACE, name, n, path_with(&r->path, ".workspace"));
    else
        r->token->workspace = w->name;
    return w != NULL;
}

static bool read_owner(struct reading *r)
{
    struct span owner = SPAN_NONE;
    const struct node *n = node_get(r->node, "owner");
    if (!node_span(n, path_with(&r->path, ".owner"), &owner, r->l->t))
        return false;
    if (owner.len > OWNER_LONGEST || (n && !owner.len)) {
        trouble_found(r->l->t, n, path_with(&r->path, ".owner"), "1 to 200 characters: a person or a team");
        return false;
    }
    r->token->owner = arena_copy(r->l->a, owner);
    return true;
}

static bool read_token(struct reading *r, const struct entry *entry)
{
    return node_only(r->node, r->path.text, all_fields, r->l->t) && read_name(r, entry) && read_role(r) && read_workspace(r) && read_owner(r) &&
           node_bool(node_get(r->node, "content"), path_with(&r->path, ".content"), &r->token->content, r->l->t) &&
           node_time(node_get(r->node, "expires_at"), path_with(&r->path, ".expires_at"), &r->token->expires_at, r->l->t) && read_secret(r);
}

static enum err load_one(struct load *l, const struct entry *entry)
{
    struct reading r = { .l = l, .token = &l->s->admin_tokens[l->s->admin_token_count] };
    r.node = entry_node(&l->tree, KIND_TOKEN, entry, &l->scratch, l->t);
    if (!r.node)
        return l->t->set ? E_CONFIG : E_OK;
    r.path.len = strlen(entry_path(KIND_TOKEN, entry, r.path.text));
    if (!read_token(&r, entry))
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    l->s->admin_token_count++;
    return load_memory(l);
}

enum err tokens_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_TOKEN];
    if (es->count > TOKENS_MOST) {
        trouble_say(l->t, NULL, "admin.tokens", "found %zu; allowed: at most %d", es->count, TOKENS_MOST);
        return E_CONFIG;
    }
    l->s->admin_tokens = ARENA_ARRAY(l->a, struct admin_token, es->count + 1);
    enum err e = l->s->admin_tokens ? E_OK : E_NO_MEMORY;
    for (size_t i = 0; i < es->count && !e; i++)
        e = load_one(l, &es->list[i]);
    return e;
}
