/* SPDX-License-Identifier: Apache-2.0
 * seal.c - the keys derived from the master key, each for one purpose, and the forms of tokens. */
#include "config/parts.h"
#include "rules/token.h"

static struct digest derive(const uint8_t master[32], struct span purpose)
{
    return digest_hmac(span_make((const char *)master, 32), purpose);
}

struct digest config_seal_key(const uint8_t master[32]) { return derive(master, SPAN("tollgate sealed secrets 1")); }

struct digest config_keep_key(const uint8_t master[32]) { return derive(master, SPAN("tollgate kept content 1")); }

void config_rotation_token(const uint8_t master[32], bool admin, struct span id, struct span once, int64_t hour, char out[ADMIN_TOKEN_LEN + 1])
{
    struct digest key = derive(master, SPAN("tollgate rotations 1")), seed;
    struct buf text;
    buf_init(&text, 4096);
    buf_print(&text, "%lld %s%.*s ", (long long)hour, admin ? "admin:" : "", SPAN_ARG(id));
    buf_put(&text, once);
    must(!text.broken);
    seed = digest_hmac(span_make((const char *)key.bytes, DIGEST_LEN), buf_span(&text));
    if (admin)
        token_derive_admin(&seed, out);
    else
        token_derive(&seed, out);
    buf_free(&text);
    secret_wipe(&key, sizeof(key));
    secret_wipe(&seed, sizeof(seed));
}

static void init_hash(struct digest_keyed *k, const uint8_t master[32], struct span purpose)
{
    struct digest key = derive(master, purpose);
    digest_keyed_init(k, span_make((const char *)key.bytes, DIGEST_LEN));
    secret_wipe(&key, sizeof(key));
}

void config_token_hash_init(struct digest_keyed *k, const uint8_t master[32]) { init_hash(k, master, SPAN("tollgate key tokens 1")); }

void config_admin_hash_init(struct digest_keyed *k, const uint8_t master[32]) { init_hash(k, master, SPAN("tollgate admin token 1")); }

struct span config_secret_bound(struct span credential, struct span vendor, struct arena *a)
{
    return arena_print(a, "credential:%.*s vendor:%.*s", SPAN_ARG(credential), SPAN_ARG(vendor));
}

struct span config_hook_bound(struct span credential, struct span vendor, struct arena *a)
{
    return arena_print(a, "credential:%.*s vendor:%.*s hook", SPAN_ARG(credential), SPAN_ARG(vendor));
}

const char *config_token_wrong(struct span token)
{
    if (!token_form_ok(token))
        return "4 to 200 printable characters without blanks (16 or more, so that it cannot be guessed)";
    if (token_is_ours(token) && !token_checksum_fits(token))
        return "a whole token: this one starts as ours do, but its checksum does not fit (a character is wrong)";
    return NULL;
}
