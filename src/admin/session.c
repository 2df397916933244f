/* SPDX-License-Identifier: Apache-2.0
 * session.c - browsers: a token, or a one-time code, is given once and a cookie comes back, so that no page ever keeps a token.
 *
 * A cookie is 32 random bytes; only its hash is kept, and what a write has to prove besides (x-tollgate-csrf) is made from the cookie.
 * Sessions end with their token, 12 hours after they were last used, after 7 days, or when their holder says so. They outlive the
 * process (session_file.c); what is on the disk lets nobody in. One-time codes do not. */
#include "admin/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { SECRET_LEN = 32, CODE_LEN = 20, HEX = 2 * SECRET_LEN, CODE_HEX = 2 * CODE_LEN, MINUTE_MS = 60 * 1000, CODE_MS = 15 * MINUTE_MS };
#define IDLE_MS (INT64_C(12) * 60 * MINUTE_MS)
#define LONGEST_MS (INT64_C(7) * 24 * 60 * MINUTE_MS)
#define KEEP_MS (10 * MINUTE_MS) /* how much later than the file says a session may have been used, after a kill -9 */

struct code {
    struct digest code, token;
    int64_t until; /* 0: free */
};

struct sessions {
    uint64_t last;
    struct session list[SESSIONS];
    struct code codes[LOGIN_CODES];
    struct session_file file;
    int64_t kept_at; /* when the file was written */
};

struct sessions *sessions_new(void) { return calloc(1, sizeof(struct sessions)); }

static bool keep(struct sessions *s)
{
    s->kept_at = clock_unix_ms();
    return session_file_write(&s->file, s->list, SESSIONS);
}

void sessions_free(struct sessions *s)
{
    if (s)
        (void)keep(s); /* when each was last used */
    secret_wipe(s, sizeof(*s));
    free(s);
}

static struct sessions *sessions_of(const struct visit *v) { return access_sessions(v->admin->access); }
static bool same(const struct digest *a, const struct digest *b) { return memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0; } /* of hashes: tells nothing */

/* ---- sessions ---- */

static bool lives(const struct session *s, int64_t now)
{
    return s->number && now - s->used_at < IDLE_MS && now - s->began_at < LONGEST_MS;
}

static int64_t ends_at(const struct session *s)
{
    int64_t idle = s->used_at + IDLE_MS, last = s->began_at + LONGEST_MS;
    return idle < last ? idle : last;
}

bool session_lives(const struct sessions *s, uint64_t number, const struct digest *token, int64_t now)
{
    for (size_t i = 0; i < SESSIONS; i++)
        if (s->list[i].number == number)
            return lives(&s->list[i], now) && same(&s->list[i].token, token);
    return false;
}

static const struct session *by_number(const struct sessions *s, uint64_t number)
{
    for (size_t i = 0; number && i < SESSIONS; i++)
        if (s->list[i].number == number)
            return &s->list[i];
    return NULL;
}

/* False: it is over here, but a restart might bring it back. */
static bool end(struct sessions *s, uint64_t number)
{
    for (size_t i = 0; i < SESSIONS; i++)
        if (s->list[i].number == number)
            s->list[i] = (struct session){ .number = 0 };
    return keep(s);
}

void sessions_prune(struct sessions *s, const struct snapshot *now_in_force)
{
    int64_t now = clock_unix_ms();
    bool any = false;
    for (size_t i = 0; i < SESSIONS; i++) {
        if (!s->list[i].number || (lives(&s->list[i], now) && snapshot_admin(now_in_force, &s->list[i].token, now)))
            continue;
        s->list[i] = (struct session){ .number = 0 };
        any = true;
    }
    if (any)
        (void)keep(s);
}

/* A clock that was set back makes no session younger than it is, nor longer. */
void sessions_open(struct sessions *s, struct span dir, const uint8_t key[32], const struct snapshot *now_in_force)
{
    int64_t now = clock_unix_ms();
    int len = snprintf(s->file.path, sizeof(s->file.path), "%.*s/sessions", SPAN_ARG(dir));
    s->file.key = key;
    if (!dir.at || !key || len >= (int)sizeof(s->file.path))
        s->file.path[0] = '\0';
    size_t count = session_file_read(&s->file, s->list);
    for (size_t i = 0; i < count; i++) {
        struct session *one = &s->list[i];
        one->number = ++s->last;
        if (one->began_at > now || one->used_at > now)
            *one = (struct session){ .number = 0 };
    }
    s->kept_at = now;
    sessions_prune(s, now_in_force);
}

static struct session *more_idle(struct session *a, struct session *b) { return !a || b->used_at < a->used_at ? b : a; }

/* A free place, or that of the one idle longest: of the same token, if that has its share already, so that nobody logs others out by
 * logging in again and again. */
static struct session *make_room(struct sessions *s, const struct digest *token, int64_t now)
{
    struct session *free_one = NULL, *idlest = NULL, *own = NULL;
    size_t owned = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct session *one = &s->list[i];
        if (!lives(one, now)) {
            free_one = one;
            continue;
        }
        idlest = more_idle(idlest, one);
        if (!same(&one->token, token))
            continue;
        own = more_idle(own, one);
        owned++;
    }
    if (owned >= SESSIONS_A_TOKEN)
        return own;
    return free_one ? free_one : idlest;
}

/* ---- cookies ---- */

static struct span cookie_value(struct span header)
{
    struct span piece, name;
    while (span_next(&header, ';', &piece)) {
        piece = span_trim(piece);
        if (span_cut(&piece, '=', &name) && span_is(name, SPAN("tollgate_session")))
            return piece;
    }
    return SPAN_NONE;
}

uint64_t sessions_find(struct sessions *s, struct span header, int64_t now, struct digest *token)
{
    struct span value = cookie_value(header);
    *token = (struct digest){ { 0 } };
    if (value.len != HEX)
        return 0;
    struct digest hash = digest_sha256(value);
    for (size_t i = 0; i < SESSIONS; i++) {
        struct session *one = &s->list[i];
        if (!lives(one, now) || !same(&one->cookie, &hash))
            continue;
        one->used_at = now;
        *token = one->token;
        if (now - s->kept_at >= KEEP_MS)
            (void)keep(s);
        return one->number;
    }
    return 0;
}

/* What a write shows besides the cookie: whoever can make a browser send the cookie cannot read it. */
static struct span csrf_of(struct arena *a, struct span cookie)
{
    struct buf hex;
    struct digest d = digest_hmac(cookie, SPAN("tollgate csrf 1"));
    buf_init(&hex, 128);
    buf_put_hex(&hex, span_make((const char *)d.bytes, 16));
    struct span copy = arena_copy(a, buf_span(&hex));
    buf_free(&hex);
    return copy;
}

static struct span random_hex(struct arena *a, size_t len)
{
    uint8_t bytes[SECRET_LEN];
    struct buf hex;
    random_fill(bytes, len);
    buf_init(&hex, 256);
    buf_put_hex(&hex, span_make((const char *)bytes, len));
    struct span copy = arena_copy(a, buf_span(&hex));
    if (hex.at)
        secret_wipe(hex.at, hex.room);
    secret_wipe(bytes, sizeof(bytes));
    buf_free(&hex);
    return copy;
}

static struct span admin_url(struct visit *v)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    struct span url = arena_copy(&v->arena, s->settings.admin_url);
    snapshot_drop(s);
    return url;
}

static void put_cookie(struct visit *v, struct span value, int64_t seconds)
{
    bool secure = span_starts(admin_url(v), SPAN("https://"));
    visit_field(v, SPAN("set-cookie"), arena_print(&v->arena, "tollgate_session=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", SPAN_ARG(value), (long long)seconds, secure ? "; Secure" : ""));
}

/* ---- where a request comes from ---- */

static bool is_own_origin(struct visit *v, struct span origin)
{
    struct span host = origin, url = admin_url(v);
    if (url.at && span_is(origin, url))
        return true;
    if (span_starts(host, SPAN("http://")))
        host = span_from(host, 7);
    else if (span_starts(host, SPAN("https://")))
        host = span_from(host, 8);
    else
        return false;
    return host.len && span_is_nocase(host, http_get(http_request_head(v->request), SPAN("host")));
}

bool session_own_page(struct visit *v, bool csrf)
{
    const struct http_head *h = http_request_head(v->request);
    struct span origin = http_get(h, SPAN("origin")), site = http_get(h, SPAN("sec-fetch-site"));
    struct span cookie = cookie_value(http_get(h, SPAN("cookie")));
    if ((origin.at && !is_own_origin(v, origin)) || (site.at && !span_is(site, SPAN("same-origin")) && !span_is(site, SPAN("none")))) {
        reply_problem(v, E_CSRF_DENIED, "origin", "found \"%.*s\"; allowed: the gate's own page (admin.url says where else people reach it)", SPAN_ARG(span_first(origin.at ? origin : site, 100)));
        return false;
    }
    if (!csrf || digest_same(http_get(h, SPAN("x-tollgate-csrf")), csrf_of(&v->arena, cookie)))
        return true;
    reply_problem(v, E_CSRF_DENIED, "x-tollgate-csrf", "a write with a session's cookie needs this header, with `csrf` of GET /api/v1/session");
    return false;
}

/* ---- codes ---- */

/* That of the code that ends first: of the same token, if that has its share already. */
static struct code *code_place(struct sessions *s, const struct digest *token, int64_t now)
{
    struct code *oldest = &s->codes[0], *own = NULL;
    size_t owned = 0;
    for (size_t i = 0; i < LOGIN_CODES; i++) {
        struct code *c = &s->codes[i];
        oldest = c->until < oldest->until ? c : oldest;
        if (c->until <= now || !same(&c->token, token))
            continue;
        own = !own || c->until < own->until ? c : own;
        owned++;
    }
    return owned >= CODES_A_TOKEN ? own : oldest;
}

static struct span make_code(struct sessions *s, struct arena *a, const struct digest *token, int64_t now)
{
    struct span text = random_hex(a, CODE_LEN);
    if (text.at)
        *code_place(s, token, now) = (struct code){ digest_sha256(text), *token, now + CODE_MS };
    return text;
}

/* Once. */
static bool take_code(struct sessions *s, struct span text, int64_t now, struct digest *token)
{
    struct digest hash = digest_sha256(text);
    for (size_t i = 0; i < LOGIN_CODES; i++) {
        struct code *c = &s->codes[i];
        if (c->until <= now || !same(&c->code, &hash))
            continue;
        *token = c->token;
        *c = (struct code){ .until = 0 };
        return true;
    }
    return false;
}

static struct span link_to(struct admin *a, struct arena *arena, struct span code)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    struct span url = s->settings.admin_url, listen = admin_address(a);
    struct span link = url.at ? arena_print(arena, "%.*s/#login=%.*s", SPAN_ARG(url), SPAN_ARG(code)) : arena_print(arena, "http://%.*s/#login=%.*s", SPAN_ARG(listen), SPAN_ARG(code));
    snapshot_drop(s);
    return link;
}

void session_greet(struct admin *a, const struct digest *token)
{
    struct arena arena;
    arena_init(&arena, 8192);
    struct span code = make_code(access_sessions(a->access), &arena, token, clock_unix_ms());
    struct span link = link_to(a, &arena, code);
    if (code.at && link.at)
        log_warn("gate", "open the dashboard with %.*s (good once, for 15 minutes; `tollgate login-link` makes another)", SPAN_ARG(link));
    arena_free(&arena);
}

/* ---- what is answered ---- */

static void put_areas(struct json_out *o, enum admin_role role)
{
    static const char *const areas[] = { "read", "money", "change", "own" };
    json_name(o, SPAN("areas"));
    json_open(o, '[');
    for (int i = 0; i <= (int)role; i++)
        json_put_string(o, span_of(areas[i]));
    json_close(o, ']');
}

static int64_t token_ends(struct visit *v)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct admin_token *t = snapshot_admin(s, &v->actor.hash, clock_unix_ms());
    int64_t at = t ? t->expires_at : 0;
    snapshot_drop(s);
    return at;
}

static void answer(struct visit *v, struct span csrf)
{
    struct json_out *o = &v->json;
    const struct session *s = by_number(sessions_of(v), v->actor.session);
    int64_t until = token_ends(v);
    if (s && (!until || ends_at(s) < until))
        until = ends_at(s);
    json_open(o, '{');
    json_name(o, SPAN("actor"));
    json_open(o, '{');
    json_pair(o, SPAN("name"), v->actor.name);
    json_pair(o, SPAN("role"), admin_role_name(v->actor.role));
    json_pair(o, SPAN("workspace"), v->actor.workspace);
    json_close(o, '}');
    put_areas(o, v->actor.role);
    json_pair_bool(o, SPAN("content"), access_reads_content(&v->actor));
    json_pair(o, SPAN("csrf"), csrf);
    json_pair_time(o, SPAN("expires_at"), until);
    json_pair(o, SPAN("version"), v->admin->parts.version);
    json_pair_bool(o, SPAN("sandbox"), v->admin->parts.sandbox);
    json_close(o, '}');
    reply_json(v, 200);
}

/* ---- handlers ---- */

static bool read_login(struct visit *v, struct span *token, struct span *code)
{
    static const char *const fields[] = { "token", "code", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    *token = *code = SPAN_NONE;
    if (!body)
        return false;
    bool fine = node_only(body, "", fields, &t) && node_span(node_get(body, "token"), "token", token, &t) && node_span(node_get(body, "code"), "code", code, &t);
    if (fine && !token->at == !code->at)
        trouble_say(&t, NULL, "token", "allowed: exactly one of token (an admin token) and code (of a login link)");
    if (t.set)
        reply_trouble(v, E_BAD_REQUEST, &t);
    return !t.set;
}

static bool take_login(struct visit *v, struct span token, struct span code)
{
    struct digest hash;
    if (token.at)
        return access_take_token(v, token);
    return take_code(sessions_of(v), code, clock_unix_ms(), &hash) && access_take_hash(v, &hash);
}

void session_begin(struct visit *v)
{
    struct span token, code;
    int64_t now = clock_unix_ms();
    if (!session_own_page(v, false) || !read_login(v, &token, &code))
        return;
    if (!take_login(v, token, code)) {
        if (access_failed(v, token.at ? "a login with a token" : "a login with a code"))
            reply_problem(v, E_UNAUTHORIZED, token.at ? "token" : "code",
                token.at ? "this is no admin token here" : "this code was used, is older than 15 minutes, or never was one; `tollgate login-link` makes another");
        return;
    }
    if (!access_not_too_often(v))
        return;
    struct span cookie = random_hex(&v->arena, SECRET_LEN), csrf = csrf_of(&v->arena, cookie);
    if (!cookie.at || !csrf.at) {
        reply_problem(v, E_NO_MEMORY, NULL, "ask again later");
        return;
    }
    struct sessions *all = sessions_of(v);
    v->actor.session = ++all->last;
    *make_room(all, &v->actor.hash, now) = (struct session){ all->last, digest_sha256(cookie), v->actor.hash, now, now };
    (void)keep(all); /* one that is not kept ends with the process */
    log_info("admin", "\"%.*s\" logged in from %.*s", SPAN_ARG(v->actor.name), SPAN_ARG(span_first(http_request_peer(v->request), 64)));
    put_cookie(v, cookie, LONGEST_MS / 1000);
    answer(v, csrf);
}

void session_get(struct visit *v)
{
    struct span cookie = cookie_value(http_get(http_request_head(v->request), SPAN("cookie")));
    answer(v, v->actor.session ? csrf_of(&v->arena, cookie) : SPAN_NONE);
}

void session_end(struct visit *v)
{
    bool ended = !v->actor.session || end(sessions_of(v), v->actor.session);
    put_cookie(v, SPAN(""), 0);
    if (!ended) {
        reply_problem(v, E_IO, NULL, "this session is over, but that could not be written: a restart of the gate might bring it back");
        return;
    }
    reply_nothing(v);
}

/* A session must not outlive itself by making links: the token itself has to be shown. */
void session_link(struct visit *v)
{
    int64_t now = clock_unix_ms();
    if (v->actor.session) {
        reply_problem(v, E_ROLE_DENIED, NULL, "a login link is made with the token itself: send it as \"Authorization: Bearer TOKEN\"");
        return;
    }
    struct span code = make_code(sessions_of(v), &v->arena, &v->actor.hash, now), url = link_to(v->admin, &v->arena, code);
    if (!code.at || !url.at) {
        reply_problem(v, E_NO_MEMORY, NULL, "no link was made");
        return;
    }
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("url"), url);
    json_pair(&v->json, SPAN("code"), code);
    json_pair_time(&v->json, SPAN("expires_at"), now + CODE_MS);
    json_close(&v->json, '}');
    reply_json(v, 201);
}
