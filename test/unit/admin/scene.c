/* SPDX-License-Identifier: Apache-2.0
 * scene.c - see scene.h. */
#include "test/unit/admin/scene.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sign.h"

#define ADMIN_TOKEN "tga_for_tests_0123456789"

static const char configuration[] =
    "listen: 127.0.0.1:0\n"
    "vendors:\n"
    "  acme:\n"
    "    base_url: http://%s\n"
    "    manifest:\n"
    "      vendor: acme\n"
    "      base_url: https://api.acme.example\n"
    "      key_in: bearer\n"
    "      send: bearer\n"
    "      operations:\n"
    "        things.create: POST /v1/things\n"
    "        things.list: GET /v1/things\n"
    "        slow.list: GET /v1/slow\n"
    "        things.buy: { call: POST /v1/buy, body: none, reserve: { usd: 3 }, settle: { usd: 2 } }\n"
    "        things.lose: { call: POST /v1/lose, body: none, reserve: { usd: 3 }, settle: { usd: 2 } }\n"
    "credentials:\n"
    "  acme-main: { vendor: acme, secret: sk_secret_of_acme }\n"
    "policies:\n"
    "  all: { allow: [\"acme.*\"] }\n"
    "keys:\n"
    "  - { name: filed, token: a_literal_token_of_the_file, policy: all, credentials: [acme-main] }\n";

/* ---- the vendor ---- */

static void nothing(void *mine) { (void)mine; }
static const struct http_request_user patient = { .wake = nothing, .gone = nothing };

static void begin(void *self, struct http_request *r)
{
    struct scene *s = self;
    static const struct http_field type = { { "content-type", 12 }, { "application/json", 16 } };
    atomic_fetch_add(&s->served, 1);
    http_request_user(r, &patient, NULL);
    if (span_find(http_request_head(r)->target, SPAN("/v1/lose")) >= 0)
        http_reply_cut(r);
    else if (span_find(http_request_head(r)->target, SPAN("/v1/slow")) < 0)
        http_reply(r, 200, &type, 1, SPAN("{\"id\":\"thing_1\"}"));
}

static void *run_vendor(void *self)
{
    loop_run(&((struct scene *)self)->vendor_loop);
    return NULL;
}

static void open_vendor(struct scene *s)
{
    char why[256] = "";
    struct http_service service = { .self = s, .begin = begin };
    must(loop_init(&s->vendor_loop) == E_OK && listen_parse(SPAN("127.0.0.1:0"), &s->vendor_address));
    s->vendor = http_server_new(&s->vendor_loop, &http_limits_default, &service);
    must(s->vendor && http_server_listen(s->vendor, &s->vendor_address, NULL, NULL, why));
    must(pthread_create(&s->vendor_thread, NULL, run_vendor, s) == 0);
}

/* ---- the gate ---- */

static void say_wrong(const struct trouble *t)
{
    test_fail(__FILE__, __LINE__, "%s", t->text);
    must(!t->set);
}

static struct snapshot *snapshot_now(void *self) { return gate_snapshot(((struct scene *)self)->gate); }

static void committed(void *self)
{
    struct admin *admin = atomic_load(&((struct scene *)self)->told);
    if (admin)
        admin_committed(admin);
}

static void open_gate(struct scene *s)
{
    char why[256] = "";
    struct trouble t = { .set = false };
    struct config_object *objects;
    struct admin_parts parts = { 0 };
    if (!s->config.admin_token.at)
        s->config.admin_token = SPAN(ADMIN_TOKEN);
    s->signer = signer_open(arena_print(&s->arena, "%s/audit.key", s->dir), why);
    s->books = s->signer ? books_open(span_of(s->dir), 2, s->signer, why) : NULL;
    must(s->books);
    s->reader = store_reader_new(books_store(s->books), why);
    must(s->reader && admin_objects(s->reader, &s->arena, &objects, &s->config.object_count) == E_OK);
    s->config.objects = objects;
    if (config_load(&s->config, &s->snapshot, &t) != E_OK)
        say_wrong(&t);
    s->stops = admin_stop_set(objects, s->config.object_count, NULL);
    s->gate = gate_start(s->snapshot, s->stops, s->books, 2, why);
    must(s->gate && listen_parse(SPAN("127.0.0.1:0"), &parts.listen));
    parts.gate = s->gate;
    parts.books = s->books;
    parts.config = s->config;
    must(books_start(s->books, committed, s) == E_OK); /* before anybody asks it for anything */
    s->alerts = parts.alerts = alerts_start(books_store(s->books), snapshot_now, s, why);
    must(s->alerts);
    s->admin = admin_start(&parts, why);
    must(s->admin);
    atomic_store(&s->told, s->admin);
}

static void close_gate(struct scene *s)
{
    admin_stop(s->admin);
    alerts_stop(s->alerts);
    gate_free(s->gate);
    stop_set_drop(s->stops);
    snapshot_drop(s->snapshot);
    store_reader_free(s->reader);
    books_close(s->books);
    atomic_store(&s->told, NULL);
    signer_free(s->signer);
    admin_free(s->admin);
}

void scene_open(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    strcpy(s->dir, "/tmp/tollgate-admin-XXXXXX");
    must(mkdtemp(s->dir));
    arena_init(&s->arena, (size_t)256 << 20);
    s->json = json_new();
    open_vendor(s);
    memset(s->master_key, 7, sizeof(s->master_key));
    s->config = (struct config_input){ .file = SPAN("tollgate.yaml"), .data_dir = span_of(s->dir), .master_key = s->master_key };
    s->config.text = arena_print(&s->arena, configuration, s->vendor_address.text);
    open_gate(s);
}

void scene_restart(struct scene *s)
{
    close_gate(s);
    open_gate(s);
}

static void remove_directory(const char *dir)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    must(system(command) == 0);
}

void scene_close(struct scene *s)
{
    close_gate(s);
    loop_stop(&s->vendor_loop);
    must(pthread_join(s->vendor_thread, NULL) == 0);
    http_server_free(s->vendor);
    loop_free(&s->vendor_loop);
    json_free(s->json);
    arena_free(&s->arena);
    remove_directory(s->dir);
}

/* ---- asking ---- */

int scene_ask(struct scene *s, const char *method, const char *path, const char *body)
{
    struct http_field fields[] = { { SPAN("authorization"), SPAN("Bearer " ADMIN_TOKEN) }, { SPAN("content-type"), SPAN("application/json") } };
    struct span url = arena_print(&s->arena, "http://%.*s%s", SPAN_ARG(admin_address(s->admin)), path);
    s->last = (struct fetch_answer){ .status = -1 };
    if (fetch(&s->arena, span_of(method), url, fields, body ? 2 : 1, span_of(body), &s->last) != E_OK)
        return -1;
    return s->last.status;
}

static struct json_value member(struct scene *s, const char *path)
{
    struct json_value root;
    const char *why;
    if (json_parse(s->json, s->last.body, false, &root, &why) != E_OK)
        return (struct json_value){ 0 };
    return json_path(root, span_of(path));
}

struct span scene_text(struct scene *s, const char *path)
{
    struct buf text;
    struct json_value v = member(s, path);
    if (json_kind(v) == JSON_STRING)
        return arena_copy(&s->arena, json_string(v));
    if (json_kind(v) == JSON_NONE)
        return SPAN_NONE;
    buf_init(&text, 1 << 20);
    json_print(v, &text);
    struct span copy = arena_copy(&s->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

long long scene_number(struct scene *s, const char *path)
{
    int64_t n = -1;
    return json_integer(member(s, path), &n) ? n : -1;
}

bool scene_says(const struct scene *s, const char *part) { return span_find(s->last.body, span_of(part)) >= 0; }

void scene_sql(const struct scene *s, const char *sql)
{
    sqlite3 *db;
    char path[128], *why = NULL;
    snprintf(path, sizeof(path), "%s/tollgate.db", s->dir);
    must(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, 20000) == SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        test_fail(__FILE__, __LINE__, "%s", why);
    sqlite3_close(db);
}

struct span scene_field(const struct scene *s, const char *name)
{
    for (size_t i = 0; i < s->last.count; i++)
        if (span_is(s->last.fields[i].name, span_of(name)))
            return s->last.fields[i].value;
    return SPAN_NONE;
}

int scene_call(struct scene *s, struct span token, const char *method, const char *path, const char *run)
{
    struct fetch_answer answer = { .status = -1 };
    struct http_field fields[3] = { { SPAN("authorization"), arena_print(&s->arena, "Bearer %.*s", SPAN_ARG(token)) },
        { SPAN("x-agent-step"), SPAN("step-1") }, { SPAN("x-agent-run-id"), span_of(run) } };
    struct span url = arena_print(&s->arena, "http://%.*s%s", SPAN_ARG(gate_address(s->gate)), path);
    if (fetch(&s->arena, span_of(method), url, fields, run ? 3 : 2, SPAN_NONE, &answer) != E_OK)
        return -1;
    return answer.status;
}

struct span scene_key(struct scene *s, const char *name)
{
    struct span body = arena_print(&s->arena,
        "{\"name\":\"%s\",\"policy\":\"all\",\"credentials\":[\"acme-main\"],\"budgets\":[{\"limit\":\"10 usd\",\"window\":\"day\"}]}", name);
    if (scene_ask(s, "POST", "/api/v1/keys", body.at) != 201)
        test_fail(__FILE__, __LINE__, "no key: %.*s", SPAN_ARG(s->last.body));
    return scene_text(s, "token");
}
