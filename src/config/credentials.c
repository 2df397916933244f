/* SPDX-License-Identifier: Apache-2.0
 * credentials.c - the vendors' secrets: given in the file, or sealed in an object of the API. In memory they stand in one
 * run of secret memory, and nowhere else once the load is over. */
#include <stdio.h>

#include "base/text.h"
#include "config/parts.h"

enum { SECRET_LONGEST = 4096, KEY_FILE_LONGEST = 16384, SEALED_LONGEST = KEY_FILE_LONGEST + 256 };

char *load_secret(struct load *l, size_t len)
{
    char *at = (char *)l->s->secrets.at + l->secrets_used;
    if (!l->s->secrets.at || len + 1 > l->s->secrets.size - l->secrets_used)
        return NULL;
    l->secrets_used += len + 1;
    at[len] = '\0';
    return at;
}

/* A key file is several lines of JSON. */
static bool fits_key_file(struct load *l, const struct node *at, const char *path, const struct vendor *v, struct span plain)
{
    const char *why = "";
    if (plain.len && plain.len <= KEY_FILE_LONGEST && vendor_secret_fits(v, plain, &why))
        return true;
    trouble_say(l->t, at, path, "not shown here, but not what %.*s takes; allowed: %s", SPAN_ARG(v->title), why);
    return false;
}

/* Into the run of secret memory. v: NULL for what is no key of the vendor's. */
static enum err put_secret(struct load *l, const struct node *at, const char *path, const struct vendor *v, struct span plain, struct span *out)
{
    bool key_file = v && v->key_file;
    if (key_file && !fits_key_file(l, at, path, v, plain))
        return E_CONFIG;
    if (!key_file && (!plain.len || plain.len > SECRET_LONGEST || !text_is_printable(plain))) {
        trouble_say(l->t, at, path, "%s; allowed: the vendor's secret, 1 to %d printable characters without blanks",
            plain.len ? "not shown here, but not a secret" : "is empty", SECRET_LONGEST);
        return E_CONFIG;
    }
    char *room = load_secret(l, plain.len);
    if (!room)
        return E_NO_MEMORY;
    memcpy(room, plain.at, plain.len);
    *out = span_make(room, plain.len);
    return E_OK;
}

static enum err open_sealed(struct load *l, const struct node *at, const char *path, const struct vendor *v, struct span text, struct span bound, struct span *out)
{
    struct buf plain;
    struct span sealed = text_base64_decode(text, &l->scratch);
    enum err e = E_CONFIG;
    buf_init(&plain, SEALED_LONGEST);
    /* All its room at once, so that no copy stays behind. */
    bool room = buf_reserve(&plain, SEALED_LONGEST) != NULL;
    if (room && sealed.at && bound.at && sealed.len <= SEALED_LONGEST && unseal(&plain, l->seal_key.bytes, bound, sealed))
        e = put_secret(l, at, path, v, buf_span(&plain), out);
    else
        trouble_say(l->t, at, path, "its sealed secret does not open: another master key, another name or vendor, or damaged; allowed: give the secret again");
    if (plain.at)
        secret_wipe(plain.at, plain.room);
    buf_free(&plain);
    return e;
}

/* One of the two secrets of a credential: given in the file as `field`, or in an object of the API as what it is `sealed` to. */
struct secret_field {
    const char *field, *sealed;
    struct span bound;
    const struct vendor *vendor; /* that can look at it; NULL: none can */
};

/* *out stays as it is when there is none. */
static enum err read_secret(struct load *l, const struct node *n, struct path *p, const struct secret_field *f, struct span *out)
{
    char name[24];
    struct span secret = SPAN_NONE, sealed = SPAN_NONE;
    const struct node *plain = node_get(n, f->field), *closed = node_get(n, f->sealed);
    snprintf(name, sizeof(name), ".%s", f->field);
    const char *path = path_with(p, name);
    if (!node_span(plain, path, &secret, l->t) || !node_span(closed, path, &sealed, l->t))
        return E_CONFIG;
    if (sealed.at)
        return open_sealed(l, n, path, f->vendor, sealed, f->bound, out);
    return secret.at ? put_secret(l, plain, path, f->vendor, secret, out) : E_OK;
}

/* vendor: as it is written, perhaps one of its other names: what is sealed is sealed under that. */
static enum err read_secrets(struct load *l, const struct node *n, struct path *p, struct span vendor, struct credential *out)
{
    struct secret_field own = { "secret", "sealed", config_secret_bound(out->name, vendor, &l->scratch), &out->upstream->vendor };
    struct secret_field hook = { "hook_secret", "hook_sealed", config_hook_bound(out->name, vendor, &l->scratch), NULL };
    enum err e = read_secret(l, n, p, &own, &out->secret.secret);
    if (!e && !out->secret.secret.at && !out->upstream->vendor.keyless) {
        trouble_say(l->t, n, path_with(p, ".secret"), "is required; allowed: the vendor's secret, best as a reference such as ${STRIPE_SECRET_KEY}");
        e = E_CONFIG;
    }
    return e ? e : read_secret(l, n, p, &hook, &out->secret.hook_secret);
}

static bool read_public(struct load *l, const struct node *n, struct path *p, const char *field, struct span *out)
{
    char name[40];
    struct span text = SPAN_NONE;
    snprintf(name, sizeof(name), ".%s", field);
    const struct node *at = node_get(n, field);
    if (!node_span(at, path_with(p, name), &text, l->t))
        return false;
    if (text.at && (!text.len || text.len > 200 || !text_is_printable(text))) {
        trouble_found(l->t, at, path_with(p, name), "1 to 200 printable characters without blanks");
        return false;
    }
    if (text.at)
        *out = arena_copy(l->a, text);
    return true;
}

static bool read_account(struct load *l, const struct node *n, struct path *p, struct credential *out)
{
    const struct vendor *v = &out->upstream->vendor;
    struct vendor_secret *s = &out->secret;
    if (node_get(n, "account") && node_get(n, "account_sid")) {
        trouble_say(l->t, n, path_with(p, ".account_sid"), "stands beside account; allowed: one of them, they mean the same");
        return false;
    }
    if (!read_public(l, n, p, "account", &s->account) || !read_public(l, n, p, "account_sid", &s->account) || !read_public(l, n, p, "key_id", &s->key_id))
        return false;
    if (v->needs_key_id && !s->key_id.at) {
        trouble_say(l->t, n, path_with(p, ".key_id"), "is required; allowed: the public half of the secret at %.*s (a client id, an access key id)", SPAN_ARG(v->title));
        return false;
    }
    if (v->needs_account == (s->account.at != NULL))
        return true;
    if (v->needs_account)
        trouble_say(l->t, n, path_with(p, ".account"), "is required; allowed: the account at %.*s that the secret belongs to", SPAN_ARG(v->title));
    else
        trouble_say(l->t, n, path_with(p, ".account"), "%.*s has no accounts in its calls; allowed: leave it out", SPAN_ARG(v->slug));
    return false;
}

/* Over all that the vendor knows it by. */
static uint64_t mark_of(const struct vendor_secret *s)
{
    const struct span parts[] = { s->secret, s->account, s->key_id };
    struct digest all = digest_sha256(SPAN("credential"));
    uint64_t mark;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        all = digest_hmac(span_make((const char *)all.bytes, DIGEST_LEN), parts[i].at ? parts[i] : SPAN(""));
    memcpy(&mark, all.bytes, sizeof(mark));
    return mark;
}

static const char *const all_fields[] = { "vendor", "secret", "sealed", "hook_secret", "hook_sealed", "account", "account_sid", "key_id", "disabled", NULL };

static enum err read_credential(struct load *l, const struct node *n, struct path *p, struct credential *out)
{
    struct span vendor = SPAN_NONE;
    const struct node *field = node_get(n, "vendor");
    if (!node_only(n, p->text, all_fields, l->t) || !node_span(field, path_with(p, ".vendor"), &vendor, l->t))
        return E_CONFIG;
    if (!vendor.at) {
        trouble_say(l->t, n, path_with(p, ".vendor"), "is required; allowed: the vendor the secret belongs to");
        return E_CONFIG;
    }
    out->upstream = snapshot_provider(l->s, vendor);
    if (!out->upstream)
        return load_missing(l, KIND_VENDOR, vendor, field, path_with(p, ".vendor"));
    if (!node_bool(node_get(n, "disabled"), path_with(p, ".disabled"), &out->disabled, l->t) || !read_account(l, n, p, out))
        return E_CONFIG;
    enum err e = read_secrets(l, n, p, vendor, out);
    out->mark = mark_of(&out->secret);
    return e;
}

static size_t text_room(const struct node *n)
{
    return n && n->kind == NODE_SCALAR ? n->text.len + 1 : 0;
}

/* An upper bound: the file's texts, and for objects all of their JSON (base64 is longer than what it carries). */
enum err secrets_load(struct load *l)
{
    size_t room = proxies_secret_room() + 64;
    const struct entries *es = &l->tree.kinds[KIND_CREDENTIAL];
    room += alerts_secret_room(&l->tree.kinds[KIND_ALERT]) + remote_secret_room(&l->tree.kinds[KIND_EXPORT], "secret");
    for (size_t i = 0; i < es->count; i++) {
        const struct node *file = es->list[i].file;
        room += 2 + es->list[i].body.len + text_room(node_get(file, "secret")) + text_room(node_get(file, "hook_secret"));
    }
    l->s->secrets.at = secret_alloc(room);
    l->s->secrets.size = l->s->secrets.at ? room : 0;
    return l->s->secrets.at ? E_OK : E_NO_MEMORY;
}

enum err credentials_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_CREDENTIAL];
    struct snapshot *s = l->s;
    struct path p;
    s->credentials = ARENA_ARRAY(l->a, struct credential, es->count + 1);
    if (!s->credentials)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        struct arena_mark mark = arena_mark(&l->scratch);
        struct credential *c = &s->credentials[s->credential_count];
        const struct node *n = entry_node(&l->tree, KIND_CREDENTIAL, &es->list[i], &l->scratch, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (!n)
            continue;
        entry_path(KIND_CREDENTIAL, &es->list[i], p.text);
        p.len = strlen(p.text);
        c->name = arena_copy(l->a, es->list[i].id);
        enum err e = read_credential(l, n, &p, c);
        if (!e)
            e = load_memory(l);
        if (e)
            return e;
        if (!map_put(&l->credential_by_name, c->name, c))
            return E_NO_MEMORY;
        s->credential_count++;
        arena_rewind(&l->scratch, mark);
    }
    return E_OK;
}
