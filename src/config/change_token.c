/* SPDX-License-Identifier: Apache-2.0
 * change_token.c - see change.h. A token is told once, to whoever made it; what is stored is its keyed hash and a mask. Rotation makes a new
 * one and lets the old ones live for an overlap. */
#include "config/change.h"

#include "base/text.h"
#include "rules/token.h"

enum { TOKENS_MOST = 4 };

#define OVERLAP_MOST (INT64_C(90) * 24 * 3600 * 1000)

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

enum err change_first_token(struct change *c)
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
            c->out->repeated = c->out->repeated || (span_is(change_text(n, "hash"), hash) && lives_until(n, r->now_ms) >= 0);
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
    struct span plain = change_text(c->now, "token"), plain_hash = change_text(c->now, "token_sha256");
    c->out->token = r->once.at ? named_token(c, r, 0) : fresh_token(c);
    c->out->previous_until = r->overlap_ms ? end_ms : 0;
    c->stored = change_stored(c);
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
    enum err e = change_look_up(c, c->asked->id);
    if (e)
        return e;
    if (!c->now)
        return change_not_found(c);
    if (node_get(c->now, "revoked_at"))
        return change_say(c, E_CONFLICT, "revoked_at", "this key was revoked; make a new one");
    if (made_before(c, r)) {
        c->out->id = c->id;
        return c->a->broken ? E_NO_MEMORY : E_OK;
    }
    e = put_tokens(c, r);
    return e ? e : change_try(c);
}

enum err config_rotate(const struct config_input *in, const struct config_rotation *r, struct arena *a, struct config_changed *out, struct trouble *t)
{
    struct arena scratch;
    struct config_change asked = { .kind = r->admin ? SPAN("token") : SPAN("key"), .id = r->id, .body = SPAN("{}") };
    struct change c = { .in = in, .asked = &asked, .a = a, .out = out, .t = t, .kind = r->admin ? KIND_TOKEN : KIND_KEY };
    c.body = edit_map(a); /* not a deletion */
    enum err e = change_begin(&c, &scratch);
    if (!e && (r->overlap_ms < 0 || r->overlap_ms > OVERLAP_MOST))
        e = change_say(&c, E_CONFIG, "overlap", "allowed: from 0 (the old token ends now) to 90 days");
    return change_finish(&c, e ? e : rotate(&c, r), &scratch);
}
