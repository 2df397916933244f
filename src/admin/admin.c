/* SPDX-License-Identifier: Apache-2.0
 * admin.c - the plane's thread, and the way of a request through it: token, route, body, handler.
 *
 *   begin -> token? -> route? -> query? -> body (waits) -> type? -> handler, which replies
 *
 * The token is asked for before the route, so that a stranger learns nothing of what there is, and before the body, so that
 * one costs us nothing. */
#include "admin/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

/* ---- configuration ---- */

enum err admin_objects(struct store_reader *r, struct arena *a, struct config_object **list, size_t *count)
{
    struct store_object *stored;
    enum err e = store_objects(r, a, &stored, count);
    *list = NULL;
    if (e)
        return e;
    *list = ARENA_ARRAY(a, struct config_object, *count + 1);
    if (!*list)
        return E_NO_MEMORY;
    for (size_t i = 0; i < *count; i++)
        (*list)[i] = (struct config_object){ stored[i].kind, stored[i].id, stored[i].body };
    return E_OK;
}

enum err admin_input(struct admin *a, struct arena *arena, struct config_input *out)
{
    struct config_object *list;
    *out = a->parts.config;
    enum err e = admin_objects(a->reader, arena, &list, &out->object_count);
    out->objects = list;
    return e;
}

void admin_publish(struct admin *a, struct snapshot *s)
{
    prices_note(a, s);
    log_level_set(s->settings.log_level);
    log_format_set(s->settings.log_format);
    gate_publish(a->parts.gate, s);
    sessions_prune(access_sessions(a->access), s);
    snapshot_drop(s);
    prices_alarm(a);
}

static struct span digest_json(struct arena *arena, const struct snapshot *s)
{
    return arena_print(arena, "{\"config\":\"%.*s\"}", SPAN_ARG(s->digest));
}

/* Which configuration was in force is a question of audits: what cannot be noted is not taken. */
static enum err note_reload(struct admin *a, struct span actor, const struct snapshot *fresh, struct arena *arena, struct trouble *t)
{
    struct snapshot *before = gate_snapshot(a->parts.gate);
    struct change c = { .actor = actor, .action = SPAN("config.reload"), .object = SPAN("config"),
        .before = digest_json(arena, before), .after = digest_json(arena, fresh) };
    snapshot_drop(before);
    enum err e = change_put(a, &c);
    if (e)
        trouble_say(t, NULL, "", "the audit log could not be written; nothing was changed");
    return e;
}

/* Without one nobody could stop anything, nor take this back. A start makes one; a reload does not. */
static enum err keep_an_owner(const struct snapshot *s, struct trouble *t)
{
    bool found = s->settings.has_admin_token;
    for (size_t i = 0; i < s->admin_token_count && !found; i++)
        found = s->admin_tokens[i].role == ADMIN_OWNER && !s->admin_tokens[i].workspace.at;
    if (!found)
        trouble_say(t, NULL, "admin.token", "is gone, and no other token is an owner's; allowed: a token, or a restart of the gate, which makes one");
    return found ? E_OK : E_CONFIG;
}

enum err admin_reload_now(struct admin *a, struct span actor, struct trouble *t)
{
    struct arena arena;
    struct config_input in;
    struct snapshot *s = NULL;
    arena_init(&arena, VISIT_ARENA);
    enum err e = admin_input(a, &arena, &in);
    if (!e)
        e = config_load(&in, &s, t);
    else
        trouble_say(t, NULL, "", "the stored configuration cannot be read");
    if (!e)
        e = keep_an_owner(s, t);
    if (!e)
        e = note_reload(a, actor, s, &arena, t);
    if (!e) {
        admin_publish(a, s);
        events_tell_change(a, SPAN("config"), SPAN_NONE, SPAN("reloaded"));
    } else if (s) {
        snapshot_drop(s);
    }
    arena_free(&arena);
    return e;
}

/* Whoever starts a gate for the first time has no token at hand: a link lets one in, once. */
static void greet(struct admin *a, const struct snapshot *s)
{
    struct digest hash = snapshot_admin_hash(s, a->parts.config.admin_token);
    const struct admin_token *t = snapshot_admin(s, &hash, clock_unix_ms());
    if (a->parts.greet && a->parts.config.admin_token.at && t && !s->admin_token_count)
        session_greet(a, &hash);
}

/* The configuration that this process begins with: it may have changed while none was running. */
static void note_start(void *self)
{
    struct admin *a = self;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct snapshot *s = gate_snapshot(a->parts.gate);
    struct change c = { .actor = SPAN("gate"), .action = SPAN("gate.start"), .object = SPAN("config"), .after = digest_json(&arena, s) };
    prices_note(a, s);
    greet(a, s);
    snapshot_drop(s);
    if (change_put(a, &c) != E_OK) /* a gate whose store cannot write refuses calls by itself */
        log_warn("admin", "the start of this process stands in no row of the audit log");
    arena_free(&arena);
}

static void reload(void *self)
{
    struct trouble t = { .set = false };
    if (admin_reload_now(self, SPAN("file"), &t) == E_OK)
        log_info("admin", "the configuration was read again and is in force");
    else
        log_error("admin", "the configuration was not taken, the one in force stays: %s", t.text);
}

/* ---- what handlers need ---- */

void visit_catch_up(struct visit *v) { v->stale = store_barrier(books_store(v->admin->parts.books)) != E_OK; }

struct node *visit_object(struct visit *v)
{
    struct trouble t = { .set = false };
    struct node *root = NULL;
    struct span text = v->body.len ? buf_span(&v->body) : SPAN("{}");
    if (node_read_json(&v->arena, "", text, &root, &t) != E_OK) {
        reply_problem(v, E_BAD_REQUEST, t.field, "%s", t.text);
        return NULL;
    }
    if (root->kind == NODE_MAP)
        return root;
    reply_problem(v, E_BAD_REQUEST, NULL, "allowed: a JSON object");
    return NULL;
}

struct span visit_key_id(struct visit *v, struct span text)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = map_get(&s->key_by_id, text);
    struct span id = key ? arena_copy(&v->arena, key->id) : text;
    snapshot_drop(s);
    return id;
}

void reload_post(struct visit *v)
{
    struct trouble t = { .set = false };
    enum err e = admin_reload_now(v->admin, v->actor.name, &t);
    if (e) {
        reply_trouble(v, e, &t);
        return;
    }
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("config"), s->digest);
    json_pair_time(&v->json, SPAN("loaded_at"), s->loaded_at);
    json_close(&v->json, '}');
    snapshot_drop(s);
    reply_json(v, 200);
}

/* ---- the way of a request ---- */

/* A request may hold a vendor's secret, an answer a key's. */
void visit_free(struct visit *v)
{
    once_gone(v);
    large_end(v);
    if (v->end)
        v->end(v);
    if (v->body.len)
        secret_wipe(v->body.at, v->body.len);
    if (v->out.len)
        secret_wipe(v->out.at, v->out.len);
    buf_free(&v->body);
    buf_free(&v->out);
    arena_free(&v->arena);
    free(v);
}

static bool metrics_are_open(struct admin *a)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    bool open = s->settings.metrics.open;
    snapshot_drop(s);
    return open;
}

/* Needs no token. What no route has is asked for one, so that a stranger learns nothing of what there is. */
static bool is_open(struct admin *a, const struct admin_route *r)
{
    return r && (r->area == AREA_OPEN || (r->run == metrics_get && metrics_are_open(a)));
}

static bool type_fits(struct visit *v)
{
    struct span type = http_get(http_request_head(v->request), SPAN("content-type"));
    if (v->route->run == report_invoice && (http_is_type(type, SPAN("text/csv")) || http_is_type(type, SPAN("text/plain"))))
        return true;
    if (!v->body.len || http_is_type(type, SPAN("application/json")) || http_is_type(type, SPAN("application/merge-patch+json")))
        return true;
    reply_problem_as(v, 415, SPAN("unsupported_media_type"), SPAN("the body is of a type that is not read here"), NULL,
        v->route->run == report_invoice ? SPAN("allowed: content-type text/csv or application/json") : SPAN("allowed: content-type application/json"));
    return false;
}

static void find_route(struct visit *v, struct span path, struct span *id, struct span *allow)
{
    v->route = route_find(http_request_head(v->request)->method, path, id, &v->arena, allow);
}

/* False: replied. */
static bool read_route(struct visit *v, struct span id, struct span allow)
{
    if (!v->route) {
        if (allow.at)
            reply_allow(v, allow);
        else
            reply_problem(v, E_NOT_FOUND, NULL, "no such path; GET /api/v1/openapi.json lists what there is");
        return false;
    }
    v->id = id.at ? text_percent_decode(id, false, &v->arena) : SPAN_NONE;
    if (!id.at || (v->id.at && text_is_utf8(v->id)))
        return true;
    reply_problem(v, E_BAD_REQUEST, NULL, "the path cannot be read; allowed: percent-encoded UTF-8");
    return false;
}

/* False: replied. */
static bool admit(struct visit *v)
{
    const struct http_head *h = http_request_head(v->request);
    struct span query = h->target, path = h->target, id, allow;
    if (!span_cut(&query, '?', &path))
        query = SPAN_NONE;
    bool get = span_is(h->method, SPAN("GET")) || span_is(h->method, SPAN("HEAD"));
    if (get && page_file(v, path))
        return false;
    find_route(v, path, &id, &allow);
    if (!is_open(v->admin, v->route) && !access_admit(v))
        return false;
    if (!read_route(v, id, allow) || !query_read(v, query))
        return false;
    return v->route->run != report_invoice || large_begin(v);
}

void visit_go_on(struct visit *v, void (*part)(struct visit *v))
{
    part(v);
    if (v->away)
        return;
    must(!v->request);
    visit_free(v);
}

static void run(struct visit *v)
{
    if (v->actor.name.at && !access_holds(v->admin, &v->actor, clock_unix_ms()))
        reply_unauthorized(v); /* its token was taken away, or is another's by now, while the body came */
    else if (type_fits(v) && tag_allows(v) && once_begin(v))
        v->route->run(v);
}

/* The body, as far as it has come; the handler when it is whole. */
static void advance(struct visit *v)
{
    struct span bytes;
    enum io io;
    while ((io = http_request_read(v->request, &bytes)) == IO_BYTES) {
        buf_put(&v->body, bytes);
        if (!v->body.broken)
            continue;
        reply_problem(v, E_TOO_LARGE, NULL, "allowed: a body of at most %zu bytes", v->body.ceiling);
        visit_free(v);
        return;
    }
    if (io == IO_WAIT)
        return;
    if (io == IO_END) {
        visit_go_on(v, run);
        return;
    }
    reply_problem(v, http_request_fault(v->request), NULL, "the body did not arrive whole");
    visit_free(v);
}

static void woken(void *mine) { advance(mine); }
static void gone(void *mine) { visit_free(mine); }
static const struct http_request_user visit_user = { .wake = woken, .gone = gone };

static void begin(void *self, struct http_request *r)
{
    struct visit *v = calloc(1, sizeof(*v));
    if (!v) {
        http_reply(r, err_status(E_NO_MEMORY), NULL, 0, SPAN(""));
        return;
    }
    v->admin = self;
    v->request = r;
    arena_init(&v->arena, VISIT_ARENA);
    buf_init(&v->body, VISIT_BODY);
    buf_init(&v->out, VISIT_ANSWER);
    v->json = json_out(&v->out);
    list_init(&v->reading);
    http_request_user(r, &visit_user, v);
    if (admit(v))
        advance(v);
    else
        visit_free(v);
}

/* ---- the thread ---- */

static void *run_thread(void *self)
{
    loop_run(&((struct admin *)self)->loop);
    return NULL;
}

static bool listen_here(struct admin *a, char why[256])
{
    struct http_limits limits = http_limits_default;
    struct http_service service = { .self = a, .begin = begin };
    limits.connections = ADMIN_CONNECTIONS;
    limits.yields = true; /* who says nothing shuts no operator out */
    a->server = http_server_new(&a->loop, &limits, &service);
    return a->server && http_server_listen(a->server, &a->parts.listen, NULL, NULL, why);
}

static void let_go(struct admin *a)
{
    if (a->server)
        http_server_free(a->server);
    errands_end(a);
    readings_end(a);
    selfcheck_free(a);
    now_free(a);
    must(a->export_count == 0); /* the server has told each that its reader is gone */
    events_free(a);
    loop_free(&a->loop);
    store_reader_free(a->reader);
    json_free(a->json);
    access_free(a->access);
    onces_free(a->onces);
}

static void open_sessions(struct admin *a)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    sessions_open(access_sessions(a->access), a->parts.config.data_dir, a->parts.config.master_key, s);
    snapshot_drop(s);
}

struct admin *admin_start(const struct admin_parts *parts, char why[256])
{
    struct admin *a = calloc(1, sizeof(*a));
    snprintf(why, 256, "out of memory");
    if (!a)
        return NULL;
    a->parts = *parts;
    a->started_at = clock_unix_ms();
    must(pthread_mutex_init(&a->lock, NULL) == 0);
    if (loop_init(&a->loop) != E_OK) {
        admin_free(a);
        return NULL;
    }
    call_ids_init(&a->ids, CALL_ID_WORKERS - 1, books_last_call(parts->books));
    events_init(a);
    errands_init(a);
    selfcheck_init(a);
    bool now = now_init(a);
    a->json = json_new();
    a->access = access_new();
    a->onces = onces_new();
    if (a->access)
        open_sessions(a);
    a->reader = a->json && now && readings_init(a) ? store_reader_new(books_store(parts->books), why) : NULL;
    a->running = a->reader && a->check && a->access && a->onces && listen_here(a, why) && thread_start(&a->thread, run_thread, a, "admin");
    if (a->running) {
        loop_post(&a->loop, note_start, a);
        hooks_set(a);
        return a;
    }
    let_go(a);
    admin_free(a);
    return NULL;
}

struct span admin_address(const struct admin *a) { return span_of(a->parts.listen.text); }

void admin_reload(struct admin *a) { loop_post(&a->loop, reload, a); }

static void answer_bell(void *self)
{
    struct admin *a = self;
    must(pthread_mutex_lock(&a->lock) == 0);
    a->rung = false;
    must(pthread_mutex_unlock(&a->lock) == 0);
    events_feed(a);
}

void admin_committed(void *self)
{
    struct admin *a = self;
    must(pthread_mutex_lock(&a->lock) == 0);
    if (a->running && !a->rung) {
        a->rung = true;
        loop_post(&a->loop, answer_bell, a);
    }
    if (a->running && a->parts.alerts)
        alerts_wake(a->parts.alerts);
    if (a->running && a->parts.exports)
        exports_wake(a->parts.exports);
    must(pthread_mutex_unlock(&a->lock) == 0);
}

void admin_stop(struct admin *a)
{
    must(pthread_mutex_lock(&a->lock) == 0);
    a->running = false;
    must(pthread_mutex_unlock(&a->lock) == 0);
    loop_stop(&a->loop);
    must(pthread_join(a->thread, NULL) == 0);
    let_go(a);
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    must(pthread_mutex_destroy(&a->lock) == 0);
    free(a);
}
