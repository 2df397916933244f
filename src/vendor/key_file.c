/* SPDX-License-Identifier: Apache-2.0
 * key_file.c - signing for a service account. Its file names addresses to send things to (token_uri, ...); none of them is used, since
 * whoever can write the file would choose where the secret goes: the manifest's own address is the audience and the destination. */
#include "vendor/key_file.h"

#include "base/digest.h"
#include "base/rsa.h"
#include "base/text.h"

enum { MEMBER_MOST = 8192, JWT_MOST = 16384, SECONDS = 3600 };

/* What stands behind a backslash at *i, moved to its last character: line ends, and ASCII by its number ("u003d"). */
static char unescaped(struct span s, size_t *i)
{
    uint8_t code[2];
    if (s.at[*i] == 'n' || s.at[*i] == 'r')
        return s.at[*i] == 'n' ? '\n' : '\r';
    if (s.at[*i] != 'u' || s.len - *i < 5 || !text_hex_decode(span_make(s.at + *i + 1, 4), code, 2) || code[0] || code[1] > 0x7e)
        return s.at[*i];
    *i += 4;
    return (char)code[1];
}

/* A member of the top object as plain text, without the file standing in any memory but `out`. The file's grammar is checked when the
 * configuration is read; here only what a key file can hold is read: no escapes but those of line ends and slashes. */
static bool member(struct span file, struct span name, struct buf *out)
{
    struct span rest = file;
    for (;;) {
        ptrdiff_t at = span_find(rest, name);
        if (at < 0)
            return false;
        bool quoted = at > 0 && rest.at[at - 1] == '"';
        rest = span_from(rest, (size_t)at + name.len);
        if (!quoted || !rest.len || rest.at[0] != '"')
            continue;
        rest = span_from(rest, 1);
        while (rest.len && (rest.at[0] == ' ' || rest.at[0] == '\t' || rest.at[0] == '\r' || rest.at[0] == '\n'))
            rest = span_from(rest, 1);
        if (!rest.len || rest.at[0] != ':')
            continue;
        break;
    }
    ptrdiff_t quote = span_find_byte(rest, '"');
    size_t i = quote < 0 ? rest.len : (size_t)quote + 1;
    for (; i < rest.len && rest.at[i] != '"'; i++) {
        char c = rest.at[i];
        if (c == '\\' && ++i < rest.len)
            c = unescaped(rest, &i);
        buf_put_byte(out, c);
    }
    return i < rest.len && !out->broken && out->len > 0;
}

static void put_url64(struct buf *b, struct span bytes)
{
    size_t start = b->len, kept = b->len;
    buf_put_base64(b, bytes);
    for (size_t i = start; i < b->len; i++)
        if (b->at[i] != '=')
            b->at[kept++] = b->at[i] == '+' ? '-' : b->at[i] == '/' ? '_' : b->at[i];
    b->len = kept;
}

static void put_head(struct buf *b, struct span key_id)
{
    struct buf json;
    buf_init(&json, MEMBER_MOST + 256);
    struct json_out o = json_out(&json);
    json_open(&o, '{');
    json_pair(&o, SPAN("alg"), SPAN("RS256"));
    json_pair(&o, SPAN("typ"), SPAN("JWT"));
    json_pair(&o, SPAN("kid"), key_id);
    json_close(&o, '}');
    put_url64(b, buf_span(&json));
    b->broken = b->broken || json.broken;
    buf_free(&json);
}

static void put_claims(struct buf *b, struct span who, struct span scope, struct span audience, int64_t now_ms)
{
    struct buf json;
    buf_init(&json, MEMBER_MOST + 4096);
    struct json_out o = json_out(&json);
    json_open(&o, '{');
    json_pair(&o, SPAN("iss"), who);
    json_pair(&o, SPAN("scope"), scope);
    json_pair(&o, SPAN("aud"), audience);
    json_pair_i64(&o, SPAN("iat"), now_ms / 1000);
    json_pair_i64(&o, SPAN("exp"), now_ms / 1000 + SECONDS);
    json_close(&o, '}');
    buf_put_byte(b, '.');
    put_url64(b, buf_span(&json));
    b->broken = b->broken || json.broken;
    buf_free(&json);
}

bool key_file_assert(struct span file, struct span scope, struct span audience, int64_t now_ms, struct buf *out)
{
    struct buf who, id, key, signature;
    size_t start = out->len;
    buf_init(&who, MEMBER_MOST);
    buf_init(&id, MEMBER_MOST);
    buf_init(&key, MEMBER_MOST);
    buf_init(&signature, JWT_MOST);
    /* All its room at once, so that no copy of the key stays behind. */
    bool good = buf_reserve(&key, MEMBER_MOST) && member(file, SPAN("client_email"), &who) && member(file, SPAN("private_key_id"), &id) &&
                member(file, SPAN("private_key"), &key);
    if (good) {
        put_head(out, buf_span(&id));
        put_claims(out, buf_span(&who), scope, audience, now_ms);
        good = rsa_sign_sha256(buf_span(&key), span_from(buf_span(out), start), &signature);
        buf_put_byte(out, '.');
        put_url64(out, buf_span(&signature));
    }
    if (key.at)
        secret_wipe(key.at, key.room);
    buf_free(&who);
    buf_free(&id);
    buf_free(&key);
    buf_free(&signature);
    return good && !out->broken;
}

bool vendor_secret_fits(const struct vendor *v, struct span secret, const char **why)
{
    struct buf jwt;
    if (!v->key_file)
        return true;
    buf_init(&jwt, JWT_MOST);
    bool good = span_find_byte(secret, '{') >= 0 && key_file_assert(secret, SPAN("scope"), SPAN("audience"), 0, &jwt);
    buf_free(&jwt);
    *why = "the key file of a service account (JSON with client_email, private_key_id and private_key, RSA of 2048 bits), as ${file:PATH}";
    return good;
}
