/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of admin/ share: the plane itself, one request to it, and the ways to answer. Not for other
 * folders.
 *
 * A visit is one request with its body read. Its handler runs on the admin thread, may block, and replies exactly once. */
#ifndef TG_ADMIN_INSIDE_H
#define TG_ADMIN_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/admin.h"
#include "base/json.h"
#include "http/server.h"
#include "rules/call_id.h"

enum {
    VISIT_BODY = 1 << 20,      /* a request's body: 413 */
    VISIT_ANSWER = 256 << 20,  /* an answer: 503 */
    VISIT_QUERY = 16,          /* query parameters of a request */
    ADMIN_CONNECTIONS = 256,
    STREAMS = 64,              /* event streams at a time: 503 */
    STREAM_PENDING = 256 << 10, /* bytes a slow reader of events may be behind; then it is dropped */
    ERRANDS = 4,               /* long works asked for at a time: 503 */
    EXPORTS = 4,               /* exports at a time: 503 */
    REASON_LONGEST = 500       /* characters of a reason that an operator gives */
};
#define VISIT_ARENA ((size_t)8 << 30) /* a change reads every stored object: a million keys */

struct admin {
    struct admin_parts parts;
    struct loop loop;
    struct http_server *server;
    struct store_reader *reader;
    struct json *json;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the next two: the store thread rings while admin_stop takes the loop away */
    bool running, rung;
    int64_t started_at;
    struct gate_hooks hooks;
    struct call_ids ids;   /* of the rows that changes leave */
    struct list errands;   /* errand.c */
    size_t errand_count;   /* those that a visit waits for */
    size_t export_count;
    struct self_check *check; /* selfcheck.c */
    struct list streams; /* events.c, with all that follows */
    size_t stream_count;
    struct timer beat, feed;
    bool feeding;
    uint64_t *window; /* ids of the newest calls at the last feed, newest first */
    size_t window_count;
};

struct parameter_pair {
    struct span name, value;
};

struct visit;

struct route {
    const char *method, *path; /* "/api/v1/keys/{id}" */
    void (*run)(struct visit *v);
    const char *summary;
    const char *kind;           /* of objects; NULL: none */
    const char *const *query;   /* names allowed, NULL-ended; NULL: none */
    bool open;                  /* needs no token */
};

struct visit {
    struct admin *admin;
    struct http_request *request; /* NULL: replied */
    const struct route *route;
    struct arena arena;
    struct buf body;      /* the request's */
    struct buf out;       /* the answer's */
    struct json_out json; /* writes to out */
    struct span id;       /* the path's variable part, decoded; SPAN_NONE: it has none */
    struct parameter_pair query[VISIT_QUERY];
    size_t query_count;
    bool stale; /* the store could not take everything yet: said in a header */
    bool away;  /* an errand has it: see errand.c */
};

/* ---- routes.c ---- */

extern const struct route admin_routes[];
extern const size_t admin_route_count;
/* The route for a path without its query, its variable part in *id (not decoded). NULL: none; *known tells whether the
 * path exists with another method, and *allow then lists those ("GET, POST") in arena a. */
const struct route *route_find(struct span method, struct span path, struct span *id, struct arena *a, struct span *allow);

/* ---- query.c: what stands behind the question mark. Each false has replied. ---- */

bool query_read(struct visit *v, struct span text);
struct span query_get(const struct visit *v, const char *name); /* SPAN_NONE: absent or empty */
bool query_limit(struct visit *v, int otherwise, int most, int *out);
bool query_time(struct visit *v, const char *name, int64_t *out);

/* ---- reply.c ---- */

void reply_json(struct visit *v, int status); /* what was written to v->json */
void reply_text(struct visit *v, struct span type, struct span text);
void reply_nothing(struct visit *v); /* 204 */
/* application/problem+json with the status and code of e. field may be NULL. */
void reply_problem(struct visit *v, enum err e, const char *field, const char *format, ...) PRINTF_LIKE(4, 5);
void reply_problem_as(struct visit *v, int status, struct span code, struct span title, const char *field, struct span detail);
/* A method that is not offered, with the ones that are; a missing token. */
void reply_allow(struct visit *v, struct span allow);
void reply_unauthorized(struct visit *v);
void reply_trouble(struct visit *v, enum err e, const struct trouble *t);
/* A query that failed. */
void reply_store(struct visit *v, enum err e);
/* Fields of every answer; room for REPLY_FIELDS. */
enum { REPLY_FIELDS = 8 };
size_t reply_fields_common(struct http_field *fields, struct span type);

/* ---- admin.c ---- */

/* The configuration as it would be read now, with the store's objects, in arena a. */
CHECKED enum err admin_input(struct admin *a, struct arena *arena, struct config_input *out);
/* Publishes and drops the caller's reference. */
void admin_publish(struct admin *a, struct snapshot *s);
/* Reads the configuration again; actor: on whose behalf ("admin", "file"). */
CHECKED enum err admin_reload_now(struct admin *a, struct span actor, struct trouble *t);
/* Wipes and frees. */
void visit_free(struct visit *v);
/* Everything that was appended before can be read after it; else the answer is marked stale. */
void visit_catch_up(struct visit *v);
/* The request's JSON object; NULL: replied. An empty body is an empty object. */
struct node *visit_object(struct visit *v);
/* An id or a name of a key as its id; what no key has is given back as it is. */
struct span visit_key_id(struct visit *v, struct span text);

/* ---- changes.c: what operators change is a row of the audit chain ---- */

struct change {
    struct span actor;          /* "admin", "gate", "file" */
    struct span action, object; /* "key.create", its id */
    struct span reason;
    struct span before, after;  /* JSON as the API shows it, so never a secret; SPAN_NONE: there was nothing */
};
/* The row, for store_object_put; it lives in arena. NULL: no memory. */
const struct store_record *change_record(struct admin *a, struct arena *arena, const struct change *c);
/* A row of its own. */
CHECKED enum err change_put(struct admin *a, const struct change *c);
/* The object as the API shows it; SPAN_NONE: there is none, or it cannot be shown. */
struct span change_shown(const struct config_input *in, struct span kind, struct span id, struct arena *arena);
/* The same configuration with one object put in the place of its like (body SPAN_NONE: without it). */
struct config_input change_input(const struct config_input *in, struct span kind, struct span id, struct span body, struct arena *arena);

/* ---- errand.c: work that takes its time, on a thread of its own ---- */

struct errand {
    struct list link;
    struct admin *admin;
    struct visit *visit; /* that waits for it, with its arena and its writers; NULL: the plane's own work */
    void *mine;
    void (*run)(struct errand *e);  /* on the thread; of the plane it may use gate and books only */
    void (*done)(struct errand *e); /* on the admin thread; replies unless the asker is gone (visit->request is NULL) */
    pthread_t thread;
    atomic_bool stop; /* the plane ends: run should come back soon */
    pthread_mutex_t lock; /* of the next one */
    struct store_reader *reader; /* what it reads with; stopped when the plane ends */
};
/* On the errand's thread: it begins to read, or (NULL) is about to free its reader. */
void errand_reads(struct errand *e, struct store_reader *reader);
void errands_init(struct admin *a);
void errands_end(struct admin *a);
/* False: no thread (a visit was replied to); done is not called. */
bool errand_start(struct admin *a, struct visit *v, void (*run)(struct errand *e), void (*done)(struct errand *e), void *mine);

/* ---- audit.c, for export.c ---- */

/* The newest row's number in the chain; -1: there is none. */
CHECKED enum err audit_tip(struct admin *a, int64_t *number);

/* ---- hooks.c: what calls ask of the operator's side ---- */

void hooks_set(struct admin *a);

/* ---- selfcheck.c ---- */

void selfcheck_init(struct admin *a);
void selfcheck_free(struct admin *a);
void selfcheck_metrics(struct admin *a, struct buf *b);

/* ---- budgets.c ---- */

/* Whether what stands on an account of this name is money. */
bool account_is_money(struct span account);

/* ---- stops.c ---- */

struct stop_outcome {
    struct stop_effect effect;
    bool durable;
};
/* Publishes a stop to all workers, then stores it. actor: who stands in the audit log. E_NO_MEMORY: nothing happened. */
CHECKED enum err stops_put(struct admin *a, const struct stop *stop, struct span actor, struct arena *arena, struct stop_outcome *out);
/* Lifts it: out of the store first. E_NOT_FOUND. */
CHECKED enum err stops_lift(struct admin *a, struct span id, struct span reason, struct arena *arena);
void stops_write(struct json_out *o, const struct stop *stop);

/* ---- calls.c ---- */

/* Filters that calls and sums have in common. False: replied. */
bool calls_filter(struct visit *v, struct call_filter *f);

/* ---- usage.c ---- */

void usage_write_sums(struct json_out *o, struct span cost_name, const struct usage_row *row);

/* ---- events.c ---- */

void events_init(struct admin *a);
void events_free(struct admin *a);
void events_feed(struct admin *a); /* new calls are in the store */
void events_tell(struct admin *a, struct span name, struct span json);
void events_tell_change(struct admin *a, struct span kind, struct span id, struct span change);

/* ---- handlers, by file ---- */

void objects_list(struct visit *v);
void objects_get(struct visit *v);
void objects_create(struct visit *v);
void objects_patch(struct visit *v);
void objects_delete(struct visit *v);
void keys_delete(struct visit *v);
void keys_revoke(struct visit *v);
void keys_rotate(struct visit *v);
void budgets_list(struct visit *v);
void budgets_increase(struct visit *v);
void budgets_decrease(struct visit *v);
void indoubt_list(struct visit *v);
void indoubt_get(struct visit *v);
void indoubt_resolve(struct visit *v);
void indoubt_ask(struct visit *v);
void indoubt_ask_all(struct visit *v);
void audit_list(struct visit *v);
void audit_verify(struct visit *v);
void audit_checkpoints(struct visit *v);
void audit_export(struct visit *v);
void alerts_deliveries(struct visit *v);
void alerts_test(struct visit *v);
void selfcheck_get(struct visit *v);
void calls_list(struct visit *v);
void calls_get(struct visit *v);
void runs_list(struct visit *v);
void runs_get(struct visit *v);
void usage_get(struct visit *v);
void stops_stop(struct visit *v);
void stops_resume(struct visit *v);
void stops_list(struct visit *v);
void events_stream(struct visit *v);
void openapi_get(struct visit *v);
void reload_post(struct visit *v);
void health_alive(struct visit *v);
void health_ready(struct visit *v);
void health_metrics(struct visit *v);
void page_get(struct visit *v);
/* A file of the dashboard; false: there is none of that path, nothing was replied. */
bool page_file(struct visit *v, struct span path);

/* ---- objects.c, for keys.c and budgets.c ---- */

/* What is done to an object, for events and the audit log, and why. */
struct act {
    struct span name; /* "create" */
    struct span told; /* "created" */
    struct span reason;
};

/* Applies a change, stores it with its audit row ("KIND.ACTION"), publishes it. False: *e and *t say why not, nothing was
 * changed. */
bool objects_apply(struct visit *v, const struct config_change *c, const struct act *act, struct config_changed *out, enum err *e, struct trouble *t);
/* The same for what config_rotate or config_apply made of `in`. */
bool objects_keep(struct visit *v, const struct config_input *in, struct span kind, const struct act *act, struct config_changed *made, enum err *e, struct trouble *t);
/* Writes the object's members (the bracket is open); `token` in place of the masked one. False: replied. */
bool objects_write(struct visit *v, struct span kind, struct span id, struct span token);

#endif
