/* SPDX-License-Identifier: Apache-2.0
 * oauth2.c - the request for a token with client credentials, and its answer (RFC 6749, 4.4 and 5).
 *
 * The gate asks, keeps the token and sends it in place of the secret; callers never see one. Nothing here keeps anything: the
 * cache is the flow's. */
#include "base/digest.h"
#include "base/text.h"
#include "vendor/key_file.h"
#include "vendor/send.h"

enum { TOKEN_LONGEST = 8192, TOKEN_SECONDS_MOST = 366 * 24 * 3600 };
/* For a vendor that does not say how long its tokens hold. */
enum { TOKEN_SECONDS_UNSAID = 300 };
enum { AUDIENCE_MOST = 1024, ASSERTION_MOST = 16384 };

/* ---- compiling ---- */

static bool origin_find(struct compiler *c, const struct node *n, size_t *out)
{
    const struct manifest *m = c->manifest;
    struct span name = SPAN_NONE;
    *out = 0;
    if (!node_span(n, "send.oauth2.origin", &name, c->trouble))
        return false;
    if (!name.at)
        return true;
    for (size_t i = 0; i < m->origin_count; i++) {
        if (span_is(m->origins[i].name, name)) {
            *out = i;
            return true;
        }
    }
    return say(c, n, "send.oauth2.origin", name, "a name of origins");
}

bool token_rules_read(struct compiler *c, const struct node *n, struct token_rules *out)
{
    static const char *const names[] = { "token", "credentials", "scope", "origin", "grant", NULL };
    static const char *const credentials[] = { "basic", "body", NULL };
    static const char *const grants[] = { "client_credentials", "key_file", "api_key", NULL };
    struct span call = SPAN_NONE;
    int where = 0, grant = GRANT_CLIENT;
    if (!node_only(n, "send.oauth2", names, c->trouble) ||
        !node_span(node_get(n, "token"), "send.oauth2.token", &call, c->trouble) ||
        !node_choice(node_get(n, "credentials"), "send.oauth2.credentials", credentials, &where, c->trouble) ||
        !node_choice(node_get(n, "grant"), "send.oauth2.grant", grants, &grant, c->trouble) ||
        !node_span(node_get(n, "scope"), "send.oauth2.scope", &out->scope, c->trouble) ||
        !origin_find(c, node_get(n, "origin"), &out->origin))
        return false;
    struct span method, target = call, path, query;
    const char *why = "";
    if (!call.at || !span_cut(&target, ' ', &method) || !span_is(method, SPAN("POST")) ||
        canon_target(c->arena, target, &path, &query, &why) != E_OK)
        return say(c, n, "send.oauth2.token", call, "POST and a path: POST /v1/oauth2/token");
    out->path = path;
    out->query = query;
    out->grant = (enum token_grant)grant;
    out->in_body = where == 1 || out->grant != GRANT_CLIENT;
    c->vendor->needs_key_id = c->vendor->needs_key_id || out->grant == GRANT_CLIENT;
    c->vendor->key_file = out->grant == GRANT_KEY_FILE;
    return true;
}

/* ---- the request ---- */

static void put_pair(struct buf *b, struct span name, struct span value)
{
    if (b->len)
        buf_put_byte(b, '&');
    buf_put(b, name);
    buf_put_byte(b, '=');
    buf_put_percent(b, value, SPAN_NONE);
}

/* Whatever the configuration's address is, the assertion is for the vendor's own: so it is of no use to anybody else. */
static void put_assertion(struct buf *b, const struct vendor *v, const struct token_rules *r, const struct vendor_secret *s, int64_t now_ms)
{
    struct buf audience, jwt;
    buf_init(&audience, AUDIENCE_MOST);
    buf_init(&jwt, ASSERTION_MOST);
    buf_put(&audience, v->manifest->origins[r->origin].public_url);
    buf_put(&audience, r->path);
    put_pair(b, SPAN("grant_type"), SPAN("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    bool good = !audience.broken && key_file_assert(s->secret, r->scope, buf_span(&audience), now_ms, &jwt);
    put_pair(b, SPAN("assertion"), buf_span(&jwt));
    b->broken = b->broken || !good;
    if (jwt.at)
        secret_wipe(jwt.at, jwt.room);
    buf_free(&audience);
    buf_free(&jwt);
}

static void put_grant(struct buf *b, const struct vendor *v, const struct token_rules *r, const struct vendor_secret *s, int64_t now_ms)
{
    if (r->grant == GRANT_KEY_FILE) {
        put_assertion(b, v, r, s, now_ms);
        return;
    }
    if (r->grant == GRANT_API_KEY) {
        put_pair(b, SPAN("grant_type"), SPAN("urn:ibm:params:oauth:grant-type:apikey"));
        put_pair(b, SPAN("apikey"), s->secret);
        return;
    }
    put_pair(b, SPAN("grant_type"), SPAN("client_credentials"));
    if (r->scope.at)
        put_pair(b, SPAN("scope"), r->scope);
    if (!r->in_body)
        return;
    put_pair(b, SPAN("client_id"), s->key_id);
    put_pair(b, SPAN("client_secret"), s->secret);
}

/* Both halves are form-encoded before they are joined (2.3.1), so that a colon in the id is no border. */
static void put_login(struct buf *b, const struct vendor_secret *s, struct buf *plain)
{
    buf_put_percent(plain, s->key_id, SPAN_NONE);
    buf_put_byte(plain, ':');
    buf_put_percent(plain, s->secret, SPAN_NONE);
    buf_put(b, SPAN("authorization: Basic "));
    buf_put_base64(b, buf_span(plain));
    buf_put(b, SPAN("\r\n"));
    b->broken = b->broken || plain->broken;
}

static void put_head(struct buf *b, const struct vendor *v, const struct token_rules *r)
{
    const struct origin *o = &v->manifest->origins[r->origin];
    buf_put(b, SPAN("POST "));
    buf_put(b, o->base_path);
    buf_put(b, r->path);
    if (r->query.len)
        buf_put_byte(b, '?');
    buf_put(b, r->query);
    buf_put(b, o->host_line);
    buf_put(b, SPAN("accept: application/json\r\n"));
}

size_t vendor_token_request(const struct vendor *v, const struct vendor_secret *secret, int64_t now_ms, struct buf *request)
{
    const struct send_rules *rules = v->manifest->dress;
    must(v->brokered && rules);
    const struct token_rules *r = &rules->token;
    struct buf body, login;
    size_t most = 256 + 3 * (r->scope.len + secret->key_id.len + secret->secret.len + 64) + (r->grant == GRANT_KEY_FILE ? ASSERTION_MOST : 0);
    buf_init(&body, most);
    buf_init(&login, most);
    /* All their room at once: no copy of the secret stays behind. */
    request->broken = request->broken || !buf_reserve(&body, most) || !buf_reserve(&login, most);
    put_grant(&body, v, r, secret, now_ms);
    put_head(request, v, r);
    if (!r->in_body)
        put_login(request, secret, &login);
    buf_put(request, SPAN("content-type: application/x-www-form-urlencoded\r\ncontent-length: "));
    buf_put_u64(request, body.len);
    buf_put(request, SPAN("\r\n\r\n"));
    buf_put(request, buf_span(&body));
    request->broken = request->broken || body.broken;
    if (body.at)
        secret_wipe(body.at, body.room);
    if (login.at)
        secret_wipe(login.at, login.room);
    buf_free(&body);
    buf_free(&login);
    return v->manifest->single_origin ? 0 : r->origin;
}

/* ---- a caller's own request ---- */

void vendor_grant(struct span key, struct buf *body)
{
    struct json_out o = json_out(body);
    json_open(&o, '{');
    json_pair(&o, SPAN("access_token"), key);
    json_pair(&o, SPAN("token_type"), SPAN("Bearer"));
    /* Short: a key that is revoked is no token either, and it is known with each call anyway. */
    json_pair_i64(&o, SPAN("expires_in"), 3600);
    json_pair(&o, SPAN("scope"), SPAN(""));
    json_close(&o, '}');
}

/* ---- the answer ---- */

/* An error's code is a word of the RFC's; what stands beside it may repeat what was sent. */
static struct span code_of(struct json_value root)
{
    struct span code = json_string(json_member(root, SPAN("error")));
    for (size_t i = 0; i < code.len; i++)
        if (!((code.at[i] >= 'a' && code.at[i] <= 'z') || (code.at[i] >= 'A' && code.at[i] <= 'Z') || code.at[i] == '_'))
            return SPAN("no code");
    return code.len && code.len <= 64 ? code : SPAN("no code");
}

static bool refuse(struct arena *a, struct span *why, int status, struct span code)
{
    *why = arena_print(a, "the vendor gives no token for this credential: status %d, %.*s", status, SPAN_ARG(code));
    return false;
}

bool vendor_token_answer(
    struct json *j, int status, struct span body, struct arena *a, struct span *token, int64_t *lasts_ms, struct span *why)
{
    struct json_value root;
    const char *fault = "";
    int64_t seconds = TOKEN_SECONDS_UNSAID;
    if (json_parse(j, body, false, &root, &fault) != E_OK || json_kind(root) != JSON_OBJECT)
        return refuse(a, why, status, SPAN("no JSON object"));
    struct span given = json_string(json_member(root, SPAN("access_token"))),
                type = json_string(json_member(root, SPAN("token_type")));
    struct json_value lasts = json_member(root, SPAN("expires_in"));
    if (status != 200)
        return refuse(a, why, status, code_of(root));
    if (!given.len || given.len > TOKEN_LONGEST || !text_is_printable(given))
        return refuse(a, why, status, SPAN("no token of 1 to 8192 printable characters"));
    if (type.at && !span_is_nocase(type, SPAN("bearer")))
        return refuse(a, why, status, SPAN("a token that is not of type bearer"));
    /* Some write the number as text. */
    bool readable = json_kind(lasts) == JSON_NONE || span_to_i64(json_decimal(lasts, a), &seconds);
    if (!readable || seconds < 1 || seconds > TOKEN_SECONDS_MOST)
        return refuse(a, why, status, SPAN("a token that holds for no readable time"));
    *token = arena_copy(a, given);
    *lasts_ms = seconds * 1000;
    return token->at != NULL || refuse(a, why, status, SPAN("no memory for it"));
}
