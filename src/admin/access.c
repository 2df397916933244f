/* SPDX-License-Identifier: Apache-2.0
 * access.c - who visits, and what they may. The one gate of the admin plane: no handler asks for a token or a role by itself. */
#include "admin/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "rules/token.h"

enum { USES_MOST = 4096, ALARM_MOST = 1024, HOUR_MS = 60 * 60 * 1000 };
#define ALARM_KEPT_MS (INT64_C(35) * 24 * HOUR_MS)

/* What is kept of a token in use. */
struct use {
    struct digest hash;
    struct bucket requests;
    int64_t last_at;
};

struct access {
    struct map uses;
    struct strangers strangers;
    struct sessions *sessions;
};

static void forget_uses(struct access *a)
{
    const struct map_entry *e;
    for (size_t at = 0; (e = map_next(&a->uses, &at));)
        free(e->value);
    map_free(&a->uses);
    a->uses = (struct map){ NULL, 0, 0 };
}

struct access *access_new(void)
{
    struct access *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->sessions = sessions_new();
    if (a->sessions)
        return a;
    free(a);
    return NULL;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    forget_uses(a);
    sessions_free(a->sessions);
    free(a);
}

struct sessions *access_sessions(struct access *a) { return a->sessions; }
bool access_sees(const struct actor *actor, struct span workspace) { return !actor->workspace.at || span_is(actor->workspace, workspace); }

bool access_reads_content(const struct actor *actor) { return actor->role == ADMIN_OWNER || actor->content; }

/* ---- how often ---- */

static struct span bytes_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

static struct use *use_of(struct access *a, const struct digest *hash)
{
    struct use *u = map_get(&a->uses, bytes_of(hash));
    if (u)
        return u;
    if (a->uses.count >= USES_MOST)
        forget_uses(a);
    u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->hash = *hash;
    if (map_put(&a->uses, bytes_of(&u->hash), u))
        return u;
    free(u);
    return NULL;
}

int64_t access_used(struct admin *a, const struct digest *token)
{
    const struct use *u = map_get(&a->access->uses, bytes_of(token));
    return u ? u->last_at : 0;
}

void reply_wait(struct visit *v, int64_t wait_ms, const char *detail)
{
    visit_field(v, SPAN("retry-after"), arena_print(&v->arena, "%lld", (long long)((wait_ms + 999) / 1000)));
    reply_problem_as(v, 429, SPAN("rate_limited"), SPAN("too many requests"), NULL, span_of(detail));
}

bool access_not_too_often(struct visit *v)
{
    int64_t wait, now = clock_unix_ms();
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    int64_t rate = s->settings.admin_rate;
    snapshot_drop(s);
    struct use *u = use_of(v->admin->access, &v->actor.hash);
    if (!u) {
        reply_problem(v, E_NO_MEMORY, NULL, "ask again later");
        return false;
    }
    u->last_at = now;
    if (bucket_take(&u->requests, rate, rate, now, &wait))
        return true;
    reply_wait(v, wait, "this token asks more often than admin.requests_per_minute allows");
    return false;
}

/* ---- who fails ---- */

static void tell(struct admin *a, struct span address, int64_t now)
{
    char name[128];
    struct buf body;
    struct arena arena;
    buf_init(&body, ALARM_MOST);
    arena_init(&arena, 4096);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), SPAN("login"));
    json_pair_time(&o, SPAN("at"), now);
    json_pair(&o, SPAN("text"), arena_print(&arena, "Somebody at %.*s tries tokens of the admin plane: %d wrong ones. It is slowed down.", SPAN_ARG(address), FAILURES));
    json_pair(&o, SPAN("address"), address);
    json_close(&o, '}');
    snprintf(name, sizeof(name), "login/%.*s/%lld", SPAN_ARG(address), (long long)(now / HOUR_MS));
    enum err e = body.broken ? E_NO_MEMORY : store_alert_put(books_store(a->parts.books), span_of(name), buf_span(&body), now, now + ALARM_KEPT_MS);
    if (e && e != E_CONFLICT)
        log_error("admin", "an alert about failed logins could not be stored");
    else if (!e && a->parts.alerts)
        alerts_wake(a->parts.alerts);
    arena_free(&arena);
    buf_free(&body);
}

bool access_failed(struct visit *v, const char *what)
{
    int64_t wait, now = clock_unix_ms();
    struct strangers *strangers = &v->admin->access->strangers;
    struct span address = span_first(http_request_peer(v->request), 64);
    if (!strangers_may_try(strangers, address, now, &wait)) {
        reply_wait(v, wait, "too many wrong tokens or codes came from this address");
        return false;
    }
    log_warn("admin", "%s from %.*s was refused", what, SPAN_ARG(address));
    if (strangers_failed(strangers, address, now))
        tell(v->admin, address, now);
    return true;
}

/* ---- who ---- */

bool access_take_hash(struct visit *v, const struct digest *hash)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct admin_token *t = snapshot_admin(s, hash, clock_unix_ms());
    if (t)
        v->actor = (struct actor){ .name = arena_copy(&v->arena, t->name), .role = t->role, .content = t->content, .workspace = arena_copy(&v->arena, t->workspace), .hash = *hash };
    snapshot_drop(s);
    return t && v->actor.name.at && (v->actor.workspace.at || !t->workspace.at);
}

static struct digest hash_of(struct visit *v, struct span token)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    struct digest hash = snapshot_admin_hash(s, token);
    snapshot_drop(s);
    return hash;
}

/* admin.token may be short enough to be guessed (and is warned of): while its address is shut out, a right guess must not show. */
bool access_take_token(struct visit *v, struct span token)
{
    int64_t wait;
    if (token.len < TOKEN_WEAK && !strangers_may_try(&v->admin->access->strangers, http_request_peer(v->request), clock_unix_ms(), &wait))
        return false;
    struct digest hash = hash_of(v, token);
    return access_take_hash(v, &hash);
}

static bool by_token(struct visit *v, const struct http_head *h)
{
    struct span given = http_get(h, SPAN("authorization"));
    bool bearer = http_count(h, SPAN("authorization")) == 1 && span_is_nocase(span_first(given, 7), SPAN("bearer "));
    if (bearer && access_take_token(v, span_trim(span_from(given, 7))))
        return true;
    if (!bearer || access_failed(v, "a token"))
        reply_unauthorized(v);
    return false;
}

/* A session is good as long as its token is. */
static bool by_session(struct visit *v, const struct http_head *h, bool get)
{
    struct digest hash;
    uint64_t number = sessions_find(v->admin->access->sessions, http_get(h, SPAN("cookie")), clock_unix_ms(), &hash);
    if (!number || !access_take_hash(v, &hash)) {
        reply_unauthorized(v);
        return false;
    }
    v->actor.session = number;
    return get || session_own_page(v, true);
}

/* Nothing was confined, and still is not; or it is the same workspace. */
static bool same_place(struct span a, struct span b) { return !a.at == !b.at && span_is(a, b); }

bool access_holds(struct admin *a, const struct actor *actor, int64_t now)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    const struct admin_token *t = snapshot_admin(s, &actor->hash, now);
    bool holds = t && t->role == actor->role && t->content == actor->content && same_place(t->workspace, actor->workspace);
    snapshot_drop(s);
    return holds && (!actor->session || session_lives(a->access->sessions, actor->session, &actor->hash, now));
}

/* ---- what they may ---- */

static enum admin_role needed(enum area area)
{
    switch (area) {
    case AREA_OPEN:
    case AREA_READ:
        return ADMIN_VIEWER;
    case AREA_MONEY:
        return ADMIN_FINANCE;
    case AREA_CHANGE:
        return ADMIN_ADMIN;
    case AREA_OWN:
        break;
    }
    return ADMIN_OWNER;
}

static bool may(struct visit *v)
{
    enum admin_role role = needed(v->route->area);
    if (v->actor.role < role) {
        reply_problem(v, E_ROLE_DENIED, NULL, "this needs the role %s; the token \"%.*s\" has the role %s", admin_role_name(role).at, SPAN_ARG(v->actor.name),
            admin_role_name(v->actor.role).at);
        return false;
    }
    if (!v->actor.workspace.at || confine_knows(v))
        return true;
    reply_problem(v, E_ROLE_DENIED, NULL, "this is about the whole gate; the token \"%.*s\" is confined to the workspace \"%.*s\"", SPAN_ARG(v->actor.name),
        SPAN_ARG(v->actor.workspace));
    return false;
}

bool access_admit(struct visit *v)
{
    const struct http_head *h = http_request_head(v->request);
    bool get = span_is(h->method, SPAN("GET")) || span_is(h->method, SPAN("HEAD"));
    bool known = http_count(h, SPAN("authorization")) ? by_token(v, h) : by_session(v, h, get);
    return known && access_not_too_often(v) && (!v->route || may(v));
}
