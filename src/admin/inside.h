/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of admin/ share: the plane itself, one request to it, and the ways to answer. Not for other
 * folders.
 *
 * A visit is one request with its body read. Its handler runs on the admin thread, may block, and replies exactly once. */
#ifndef TG_ADMIN_INSIDE_H
#define TG_ADMIN_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/access.h"
#include "admin/admin.h"
#include "base/json.h"
#include "http/server.h"
#include "rules/call_id.h"

enum {
    VISIT_BODY = 1 << 20,      /* a request's body: 413 */
    VISIT_INVOICE = 64 << 20,  /* ... of an invoice */
    LARGE_BODIES = 2,          /* bodies over VISIT_BODY at a time, each of another token: 503 */
    VISIT_ANSWER = 256 << 20,  /* an answer: 503 */
    VISIT_FIELDS = 4,          /* fields that an answer has of its own */
    VISIT_QUERY = 24,          /* query parameters of a request */
    ADMIN_CONNECTIONS = 256,
    PRICE_NOTES = 64,          /* books of prices that are remembered */
    STREAMS = 64,              /* event streams at a time: 503 */
    STREAMS_A_TOKEN = 32,      /* ... of one token: 503 */
    STREAM_PENDING = 256 << 10, /* bytes a slow reader of events may be behind; then it is dropped */
    ERRANDS = 4,               /* long works asked for at a time: 503 */
    READINGS = 3,              /* queries of the store at a time */
    READINGS_WAIT = 64,        /* more that wait for their turn: 503 */
    EXPORTS = 4,               /* exports at a time: 503 */
    VISIT_NAME = 128,          /* a workspace's name */
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
    struct access *access; /* access.c */
    struct onces *onces;   /* once.c */
    struct large_body {
        bool taken;
        struct digest token;
    } large[LARGE_BODIES]; /* large.c */
    struct gate_hooks hooks;
    struct call_ids ids;   /* of the rows that changes leave */
    struct list errands;   /* errand.c */
    size_t errand_count;   /* those that a visit waits for */
    size_t export_count;
    struct readings *readings; /* reading.c */
    struct self_check *check; /* selfcheck.c */
    struct now *now; /* now.c */
    struct list streams; /* events.c, with all that follows */
    size_t stream_count;
    struct timer beat, feed, second;
    bool feeding;
    struct price_note {
        char id[32];
        int64_t since;
        size_t rows, overrides;
    } prices[PRICE_NOTES]; /* the books that were in force, the newest last */
    size_t price_count;
    int64_t price_alarm; /* since when the refused file that was told of is refused; 0: none was */
    uint64_t *window; /* ids of the newest calls at the last feed, newest first */
    size_t window_count;
};

struct parameter_pair {
    struct span name, value;
};

/* ---- who visits, and what they may: access.c ---- */

/* What a route is about, and so which role it needs (config/snapshot.h). */
enum area { AREA_OPEN /* needs no token */, AREA_READ, AREA_MONEY, AREA_CHANGE, AREA_OWN };

struct visit;

struct admin_route {
    const char *method, *path; /* "/api/v1/keys/{id}" */
    void (*run)(struct visit *v);
    const char *summary;
    const char *kind;           /* of objects; NULL: none */
    const char *const *query;   /* names allowed, NULL-ended; NULL: none */
    enum area area;             /* who may */
};

struct visit {
    struct admin *admin;
    struct http_request *request; /* NULL: replied */
    const struct admin_route *route;
    struct arena arena;
    struct buf body;      /* the request's */
    struct buf out;       /* the answer's */
    struct json_out json; /* writes to out */
    struct actor actor;
    struct span id;       /* the path's variable part, decoded; SPAN_NONE: it has none */
    struct parameter_pair query[VISIT_QUERY];
    size_t query_count;
    struct large_body *large; /* large.c */
    uint64_t once_serial; /* once.c; 0: none */
    struct digest once;
    bool tagged, trial;  /* tag.c: `tag` says it; the answer is only compared, not sent */
    int trial_status;
    struct digest tag;
    struct http_field fields[VISIT_FIELDS]; /* of the answer, beside the common ones */
    size_t field_count;
    bool stale; /* the store could not take everything yet: said in a header */
    bool away;  /* an errand or a reading thread has it: see errand.c, reading.c */
    bool begun; /* the head of its answer is out, and the rest is read slice by slice */
    void *mine;           /* what a handler keeps between its parts */
    void (*end)(struct visit *v); /* lets go of what of it is not in the arena, as the visit ends; NULL: nothing */
    enum err result;      /* what a query came to */
    struct list reading;  /* reading.c */
    void (*ask)(struct visit *v, struct store_reader *r);
    void (*reply)(struct visit *v);
};

/* ---- routes.c ---- */

extern const struct admin_route admin_routes[];
extern const size_t admin_route_count;
/* The route for a path without its query, its variable part in *id (not decoded). NULL: none; *known tells whether the
 * path exists with another method, and *allow then lists those ("GET, POST") in arena a. */
const struct admin_route *route_find(struct span method, struct span path, struct span *id, struct arena *a, struct span *allow);

/* ---- query.c: what stands behind the question mark. Each false has replied. ---- */

bool query_read(struct visit *v, struct span text);
struct span query_get(const struct visit *v, const char *name); /* SPAN_NONE: absent or empty */
bool query_limit(struct visit *v, int otherwise, int most, int *out);
bool query_time(struct visit *v, const char *name, int64_t *out);

/* ---- reply.c ---- */

void reply_json(struct visit *v, int status); /* what was written to v->json */
void reply_text(struct visit *v, struct span type, struct span text);
void reply_nothing(struct visit *v); /* 204 */
/* What was written to v->out, to be saved under a name: "attachment; filename=\"a.csv\"". */
void reply_file(struct visit *v, struct span type, struct span disposition);
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
enum { REPLY_FIELDS = 16 };
/* once.c: Idempotency-Key of POSTs. False: replied. Then what was answered, or that nobody was. */
struct onces *onces_new(void);
void onces_free(struct onces *o);
bool once_begin(struct visit *v);
void once_answered(struct visit *v, int status, struct span body);
void once_gone(struct visit *v);
/* What stands in v->out is JSON of an answer that was given before. */
void reply_again(struct visit *v, int status);
/* large.c: whether a large body may come; false: replied. And that it is over. */
bool large_begin(struct visit *v);
void large_end(struct visit *v);
/* tag.c: whether If-Match lets this change go on (false: replied); whether the asker knows this answer already. */
bool tag_allows(struct visit *v);
bool tag_answer(struct visit *v, int status, struct span body);
/* What was written so far is what If-Match and If-None-Match compare (tag.c); without it, the whole answer. */
void visit_tag(struct visit *v);
/* A field of the answer to come. */
void visit_field(struct visit *v, struct span name, struct span value);
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
/* The next part of a handler: it replies, or sends the visit away. */
void visit_go_on(struct visit *v, void (*part)(struct visit *v));
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

/* ---- trial.c: one try of a destination, asked for by an operator ---- */

struct trial {
    struct snapshot *snapshot; /* keeps what is tried; dropped by whoever owns the trial: trial_start takes it */
    const void *what;
    struct span body; /* in the visit's arena */
    /* On a thread of its own: what is tried may be slow. `why` says what went wrong. */
    enum err (*send)(const struct trial *t, const atomic_bool *stop, char why[256]);
    enum err result;
    int64_t ms;
    char why[256];
};
/* Replies: {"name", "sent", "trouble", "ms"}. t is the visit's arena's. */
void trial_start(struct visit *v, struct trial *t);

/* ---- reading.c: queries of the store, on threads of their own ---- */

bool readings_init(struct admin *a); /* false: no memory */
void readings_end(struct admin *a);
size_t readings_count(struct admin *a); /* under way, or waiting */
/* The last thing that a handler does: query runs on a reading thread, after everything that was appended before can be read; then
 * reply on the admin thread, unless the asker has gone. query has the visit but its request: it writes to v->json, takes from v->arena, keeps
 * what it needs in v->mine, and sets v->result when it fails; of the plane it may use gate and books only. reply may ask for more by it: once
 * v->begun is set there is always room, and nothing is waited for. */
void visit_read(struct visit *v, void (*query)(struct visit *v, struct store_reader *r), void (*reply)(struct visit *v));
/* The usual reply: what was written, or what went wrong. */
void reply_read(struct visit *v);

/* ---- audit.c, for export.c ---- */

/* The newest row's number in the chain; -1: there is none. */
CHECKED enum err audit_tip(struct admin *a, int64_t *number);

/* ---- hooks.c: what calls ask of the operator's side ---- */

void hooks_set(struct admin *a);

/* ---- targets.c: what becomes of targets, told on the admin thread ---- */

void targets_turned(struct admin *a, struct span target, enum breaker now, struct span why, int64_t at);
void targets_refused(struct admin *a, struct span vendor, struct span credential, int status, int64_t at);

/* ---- selfcheck.c ---- */

void selfcheck_init(struct admin *a);
void selfcheck_free(struct admin *a);
void selfcheck_metrics(struct admin *a, struct buf *b);
bool selfcheck_alarmed(const struct admin *a);

/* ---- now.c ---- */

bool now_init(struct admin *a);
void now_free(struct admin *a);
/* The event `now` of that workspace (SPAN_NONE: all), as JSON. */
void now_write_event(struct admin *a, struct span workspace, struct buf *out);

/* ---- budgets.c ---- */

/* The full id of a budget that the path names by it or, the gate's own, by its name. SPAN_NONE: replied. */
struct span budgets_find(struct visit *v);
/* Whether what stands on an account of this name is money. */
bool account_is_money(struct span account);

/* ---- keys.c ---- */

/* `overlap` of the body and the header idempotency-key. False: replied. */
bool rotation_read(struct visit *v, struct config_rotation *r);

/* ---- stops.c ---- */

struct stop_outcome {
    struct stop_effect effect;
    bool durable;
};
/* Publishes a stop to all workers, then stores it. actor: who stands in the audit log. E_NO_MEMORY: nothing happened. */
CHECKED enum err stops_put(struct admin *a, const struct stop *stop, struct span actor, struct arena *arena, struct stop_outcome *out);
/* Lifts it: out of the store first. E_NOT_FOUND. */
CHECKED enum err stops_lift(struct admin *a, struct span id, struct span actor, struct span reason, struct arena *arena);
/* All of a key that is gone, whoever set them: they hold nobody. */
CHECKED enum err stops_forget_key(struct admin *a, struct span key, struct span actor, struct span reason, struct arena *arena);
void stops_write(struct json_out *o, const struct stop *stop);
void stops_put_members(struct json_out *o, const struct stop *stop); /* its members alone */
bool stops_over(const struct stop *stop, int64_t now);
const struct stop *stops_find(const struct stop_set *set, struct span id); /* NULL: it is not in force */
/* Whether a stop holds this key that is not this visitor's to lift: then that was replied. */
bool stops_bar_end(struct visit *v, struct span key);
/* Whether this visitor hears of it: those of other workspaces are none of a confined one's. */
bool stops_shows(const struct visit *v, const struct snapshot *s, const struct stop *stop);

/* ---- calls.c ---- */

/* Filters that calls and sums have in common. False: replied. */
bool calls_filter(struct visit *v, struct call_filter *f);
/* The workspace asked for, or the one that the actor is confined to. False: it is another one, and that was replied. */
bool visit_workspace(struct visit *v, struct span *workspace);

/* ---- prices.c ---- */

/* A configuration that is about to be in force: its prices go into the list of those that were. */
void prices_note(struct admin *a, const struct snapshot *s);
/* Tells, once, that the price file was not taken. */
void prices_alarm(struct admin *a);
void prices_metrics(struct buf *b);

/* ---- usage.c ---- */

/* The window that now lies in, by UTC's calendar; or from and to. False: replied. */
bool usage_range(struct visit *v, struct call_filter *f);
void usage_write_sums(struct json_out *o, struct span cost_name, const struct usage_row *row);

/* ---- events.c ---- */

void events_init(struct admin *a);
void events_free(struct admin *a);
void events_feed(struct admin *a); /* new calls are in the store */
void events_tell(struct admin *a, struct span name, struct span json);
/* The same for those who may see that workspace; events_tell is for those who see all. */
void events_tell_in(struct admin *a, struct span workspace, struct span name, struct span json);
void events_tell_change(struct admin *a, struct span kind, struct span id, struct span change);

/* ---- handlers, by file ---- */

void session_begin(struct visit *v);
void session_get(struct visit *v);
void session_end(struct visit *v);
void session_link(struct visit *v);
void tokens_list(struct visit *v);
void tokens_get(struct visit *v);
void tokens_create(struct visit *v);
void tokens_patch(struct visit *v);
void tokens_rotate(struct visit *v);
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
void approvals_get_list(struct visit *v);
void approvals_get_one(struct visit *v);
void approvals_approve(struct visit *v);
void approvals_refuse(struct visit *v);
void audit_list(struct visit *v);
void audit_verify(struct visit *v);
void audit_checkpoints(struct visit *v);
void audit_export(struct visit *v);
void fx_get(struct visit *v);
void prices_list(struct visit *v);
void prices_get(struct visit *v);
void prices_put(struct visit *v);
void prices_delete(struct visit *v);
void prices_snapshots(struct visit *v);
void explain_post(struct visit *v);
void alerts_deliveries(struct visit *v);
void alerts_test(struct visit *v);
void exports_status_get(struct visit *v);
void exports_test_post(struct visit *v);
void exports_rewind_post(struct visit *v);
void selfcheck_get(struct visit *v);
void content_get(struct visit *v);
void content_delete_one(struct visit *v);
void content_delete_post(struct visit *v);
void content_usage(struct visit *v);
void cache_get(struct visit *v);
void cache_purge_post(struct visit *v);

/* ---- report_*.c, evidence.c ---- */

void reports_list(struct visit *v);
void report_spend(struct visit *v);
void report_chargeback(struct visit *v);
void report_units(struct visit *v);
/* When an admin token was last used, by any of its hashes, since the gate started; 0: never. On the admin thread. */
int64_t token_last_used(struct admin *a, struct span name);
void report_forecast(struct visit *v);
void report_reconciliation(struct visit *v);
void report_access(struct visit *v);
void report_invoice(struct visit *v);
void report_evidence(struct visit *v);
void keys_retire(struct visit *v);
void budgets_forecast(struct visit *v);

/* ---- experiments.c ---- */

void experiments_get(struct visit *v);
void calls_list(struct visit *v);
void calls_get(struct visit *v);
void runs_list(struct visit *v);
void runs_get(struct visit *v);
void usage_get(struct visit *v);
void series_get(struct visit *v);
void stops_stop(struct visit *v); /* stops_visit.c */
void stops_resume(struct visit *v);
void stops_list(struct visit *v);
void events_stream(struct visit *v);
void now_get(struct visit *v);
void performance_get(struct visit *v);
void openapi_get(struct visit *v);
void reload_post(struct visit *v);
void health_alive(struct visit *v);
void health_ready(struct visit *v);
void metrics_get(struct visit *v);
void targets_get(struct visit *v);
void targets_reset(struct visit *v);
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

/* Tries a change on all there is, without storing it: *in and *out are for objects_keep. False: *e and *t say why not. */
bool objects_try(struct visit *v, const struct config_change *c, struct config_input *in, struct config_changed *out, enum err *e, struct trouble *t);
/* Applies a change, stores it with its audit row ("KIND.ACTION"), publishes it. False: *e and *t say why not, nothing was
 * changed. */
bool objects_apply(struct visit *v, const struct config_change *c, const struct act *act, struct config_changed *out, enum err *e, struct trouble *t);
/* The same, told to who listens. False: replied. */
bool objects_change(struct visit *v, const struct config_change *c, const struct act *act, struct config_changed *out);
/* For a visitor who is confined: whether this object is its workspace's. Else E_NOT_FOUND and *t, as if there were none. */
CHECKED enum err objects_look(struct visit *v, const struct config_input *in, struct span kind, struct span id, struct trouble *t);
/* The same for what config_rotate or config_apply made of `in`. */
bool objects_keep(struct visit *v, const struct config_input *in, struct span kind, const struct act *act, struct config_changed *made, enum err *e, struct trouble *t);
/* Writes the object's members (the bracket is open); `token` in place of the masked one. False: replied. */
bool objects_write(struct visit *v, struct span kind, struct span id, struct span token);

#endif
