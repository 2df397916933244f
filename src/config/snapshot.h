/* SPDX-License-Identifier: Apache-2.0
 * snapshot.h - everything a call needs to decide, immutable, swapped whole: settings, vendors, credentials, policies,
 * keys, budgets, prices.
 *
 * Built by config_load on the admin thread; workers hold a counted reference while a call lives. Nothing in it changes
 * after it was published, so no lock is taken to read it. */
#ifndef TG_CONFIG_SNAPSHOT_H
#define TG_CONFIG_SNAPSHOT_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/map.h"
#include "dialect/dialect.h"
#include "http/client.h"
#include "http/server.h"
#include "route/route.h"
#include "rules/address.h"
#include "rules/budget.h"
#include "rules/policy.h"
#include "rules/price.h"
#include "vendor/vendor.h"

/* One way to have a call translated for a vendor: an operation whose dialect has a translator. A vendor with one path for both has one
 * lane, LANE_BOTH; one whose path differs (Gemini, Bedrock, Vertex) has one LANE_WHOLE and one LANE_STREAM of that dialect. */
enum lane_use { LANE_BOTH, LANE_WHOLE, LANE_STREAM };
struct lane {
    const struct operation *operation; /* ->models: what it serves */
    const struct dialect *dialect;
    enum lane_use use;
};

/* What becomes of a vendor's answer whose caller went away. */
enum when_gone { GONE_ABORT, GONE_DRAIN };

/* A price book's name for a model that the vendor calls otherwise (Azure's deployments). */
struct model_name {
    struct span called, priced;
};

/* `probe:` of a vendor's entry: a read that costs nothing, asked now and then to know whether the vendor answers (flow/probes.c). */
struct probe_rule {
    struct span path, query; /* canonical */
    int64_t interval_ms, timeout_ms;
};

/* trace: full (the default) passes on traceparent, with the attempt as its parent, and tracestate; parent the first alone. */
enum trace_passing { TRACE_FULL, TRACE_PARENT_ONLY, TRACE_NONE };

/* A vendor and how to reach it. */
struct upstream {
    struct vendor vendor;
    const struct node *settings;  /* `settings:` of its entry in the configuration; NULL: none */
    struct http_origin *origins;  /* by vendor_compose's index */
    size_t origin_count;
    const struct dialect **dialects; /* by operation index; NULL entries for those without */
    struct listen_address *listen;   /* a listener of its own, or NULL */
    struct http_deadlines deadlines;
    bool llm;                        /* some operation of it has a dialect */
    struct lane *lanes;              /* in the manifest's order */
    size_t lane_count;
    struct quirks quirks;
    const struct span *drop_params;  /* what callers may lose for this vendor: "seed", or "*" for all */
    size_t drop_param_count;
    const struct model_name *models; /* `models:` of its entry */
    size_t model_count;
    const struct probe_rule *probe;  /* NULL: none */
    enum when_gone when_gone;
    int64_t drain_ms;                /* GONE_DRAIN: for so long at most; 30 s */
    struct span region;              /* `region:` of its entry, else of its settings (region, location); SPAN_NONE: not said */
    enum trace_passing trace;        /* what this vendor is told of a caller's trace */
    bool zero_retention;             /* the operator's word: this account's vendor keeps nothing of a call */
    bool always_reads; /* objects that calls name only by id are read for every call that moves money, not just where a rule needs it */
};

struct credential {
    struct span name;
    const struct upstream *upstream;
    struct vendor_secret secret; /* in secret memory owned by the snapshot */
    bool disabled;
    uint64_t mark; /* of the secret, to know whether it is still the same: 8 bytes of a digest */
};

/* A route of the configuration. */
struct route_entry {
    struct span name;
    const struct route *route;
    const struct span *models; /* patterns: calls for such a model go this way unless they say another; none: only by name */
    size_t model_count;
    const struct span *workspaces; /* patterns of those whose keys may go this way; none: all */
    size_t workspace_count;
};

/* What of a call's content is kept, sealed, and for how long (docs/capture.md). */
struct redactor;
struct capture_rule {
    bool request, response;
    bool by_call;         /* only of calls that ask for it */
    int64_t limit;        /* bytes of each side: 256 KiB */
    int64_t retention_ms; /* 30 days */
    int sample;           /* of 10,000 calls so many */
    const struct redactor *redactor; /* guard/redact.h */
};

/* A workspace that says it of its keys. */
struct workspace_capture {
    struct span workspace;
    const struct capture_rule *rule;
};

struct key {
    struct span id, name, workspace, user, team;
    struct span label; /* rules/call_label.h; SPAN_NONE: none */
    struct span owner, purpose;      /* for people: who answers for it, and what it is for; SPAN_NONE: not said */
    const struct policy *policy; /* never NULL: a key without one is refused when it is read */
    const struct credential **credentials;
    size_t credential_count;
    const struct upstream *bound;    /* the one vendor all its credentials belong to; NULL: several */
    const struct budget **budgets;   /* all that can apply to it: its own, its workspace's, the gate's */
    size_t budget_count;
    int64_t expires_at;              /* 0: never */
    int64_t revoked_at;              /* 0: not */
    const struct network *networks;  /* none: any address */
    size_t network_count;
    const struct tag *tags; /* of the metadata */
    size_t tag_count;
    struct span metadata; /* JSON object or SPAN_NONE */
    bool caps_as_429;     /* its workspace's switch, else the gate's */
    bool rotate;          /* several credentials for one model vendor take turns */
    bool dry_run;         /* everything is judged and recorded, nothing is forwarded, budgets stay as they are */
    const struct route_entry *route; /* the way its calls go unless they say another; NULL: none */
    const struct cache_rule *cache;  /* NULL: not said */
    const struct capture_rule *capture; /* its own, else its workspace's; NULL: nothing is kept */
    bool capture_own;                    /* ... and that is its own word, be it "false" */
    const struct policy *shadow; /* judged beside `policy`, of no effect: differences go into the row; NULL: none */
};

/* One secret text that opens a key; a rotated key has two until the old one's end. */
struct key_token {
    struct digest hash;
    const struct key *key;
    int64_t valid_until; /* 0: for ever */
};

/* The longest that limits.call_time may allow: no call began earlier than so long before its row. */
#define CALL_LONGEST_MS (INT64_C(24) * 60 * 60 * 1000)

struct limits {
    struct http_limits http;
    struct http_pool_limits pool;
    struct http_deadlines deadlines;
    int64_t body_bytes;   /* held for reading (SaaS and LLM JSON): 32 MiB */
    int64_t stream_bytes; /* streamed through unread: 0 none */
    int64_t answer_bytes; /* held to settle before answering: 8 MiB; larger ones are streamed, cost in a trailer */
    int64_t event_bytes;  /* one event of a stream: 4 MiB */
    int64_t capture_bytes; /* content that waits to be sealed, over all calls: 64 MiB; at the start of the process */
    int64_t call_arena;   /* memory of one call: 96 MiB */
    int64_t call_ms;      /* total deadline: 30 min */
    int64_t drain_ms;     /* SIGTERM to the end: 30 s */
};

/* What waits for the disk before it goes on (docs/durability.md). */
enum durability { DURABLE_MONEY, DURABLE_STRICT, DURABLE_RELAXED };

/* Where alerts go. */
enum alert_kind { ALERT_WEBHOOK, ALERT_SLACK, ALERT_SMTP };
enum alert_events { ALERT_THRESHOLD = 1, ALERT_FORECAST = 2, ALERT_BRAKE = 4, ALERT_DOUBT = 8, ALERT_LEDGER = 16, ALERT_APPROVAL = 32, ALERT_ADDRESS = 64, ALERT_PRICES = 128,
    ALERT_BREAKER = 256, ALERT_CREDENTIAL = 512, ALERT_EXPORT = 1024, ALERT_LOGIN = 2048, ALERT_CREDIT = 4096, ALERT_ALL = 8191 };
struct alert_endpoint {
    struct span name;
    enum alert_kind kind;
    unsigned events; /* bits of enum alert_events */
    struct span url; /* webhook, slack; smtp: "smtp://host:587" or "smtps://host:465" */
    struct span secret;         /* webhook: signs; smtp: the password; in secret memory */
    struct span user, from;     /* smtp */
    const struct span *to;      /* smtp */
    size_t to_count;
    bool plain; /* smtp without TLS: it was said, or the host is this machine; else STARTTLS is required */
};

/* `telemetry: { otlp: ... }`: metrics that are pushed to a collector. */
enum { TELEMETRY_FIELDS = 16 };
struct telemetry_settings {
    struct span url; /* whole; SPAN_NONE: nothing is pushed */
    int64_t interval_ms;
    struct telemetry_field {
        struct span name, value;
    } fields[TELEMETRY_FIELDS]; /* header fields; values may be secrets */
    size_t field_count;
};

/* `metrics:` what /metrics shows, and to whom. */
struct metrics_settings {
    bool keys;    /* a series for each key's name */
    bool litellm; /* LiteLLM's names beside ours */
    bool open;    /* no token is needed */
};

/* Rows of the audit chain that go elsewhere by themselves (export/). */
enum export_kind { EXPORT_FILE, EXPORT_S3, EXPORT_WEBHOOK, EXPORT_OTLP, EXPORT_LANGFUSE };
enum export_format { EXPORT_JSONL, EXPORT_CSV, EXPORT_JSON /* an array */ };
enum export_start { EXPORT_FROM_NOW, EXPORT_FROM_BEGINNING, EXPORT_FROM_TIME };
struct export_rule {
    struct span name;
    enum export_kind kind;
    enum export_format format;
    bool paused, proof, gzip;
    unsigned rows; /* bits: 1 << enum store_kind */
    const struct span *workspaces, *vendors, *verdicts; /* patterns, and words; none: all */
    size_t workspace_count, vendor_count, verdict_count;
    enum export_start start;
    int64_t start_at;
    int64_t batch_rows, batch_bytes, every_ms; /* a batch ends at one of the first two; every: the longest that the first row of one waits */
    int64_t alarm_rows, alarm_ms;              /* how far it may be behind before somebody is told; 0: never */
    struct span url;     /* webhook, otlp, langfuse, complete; s3: "https://host[:port]" of its endpoint */
    struct span secret;  /* in secret memory */
    struct span key_id;  /* s3; langfuse: the public key */
    struct span header;  /* otlp: the field that has the secret; SPAN_NONE: authorization, as a bearer */
    struct span bucket, region, prefix; /* s3 */
    bool path_style;
    struct span dir; /* file: absolute, or below the working directory */
    struct span root; /* ... and it may not lead out of this one */
    int64_t rotate_bytes, rotate_ms, keep_files, keep_bytes;
};

struct settings {
    struct listen_address listen, admin_listen;
    struct span data_dir;
    struct span tls_cert, tls_key; /* files; SPAN_NONE: plain */
    struct span ca_file;
    struct digest_keyed admin_hash; /* of admin tokens */
    bool has_admin_token;           /* admin.token, or the one of the data directory */
    struct span admin_url;          /* where people reach the dashboard; SPAN_NONE: at admin_listen */
    int64_t admin_rate;             /* requests a minute of one admin token: 12000 */
    int workers; /* 0: one a core */
    struct limits limits;
    enum durability durability;
    int64_t answers_ms; /* how long the answers of idempotent calls are kept: 7 days; 0: not at all */
    int64_t cache_memory, cache_disk, cache_entry; /* bytes: 64 MiB, 1 GiB (0: not on disk), 1 MiB; at the start of the process */
    int64_t duplicate_wait_ms; /* how long a duplicate waits for the first one's answer: 60 s */
    struct alert_endpoint *alerts;
    size_t alert_count;
    struct export_rule *exports;
    size_t export_count;
    const struct span *export_dirs; /* where files may be written, beside DATA/exports */
    size_t export_dir_count;
    bool caps_as_429; /* answer caps with 429 budget_exceeded, as LiteLLM and Keybrake do; a workspace may differ */
    struct span public_url; /* where vendors reach the data plane from outside, for their calls to us; SPAN_NONE: not said */
    int64_t result_link_ms; /* how long a link to a result is good (flow/result_link.h): 1 h */
    bool private_results;   /* ... and may lead to addresses of private networks, and to plain http */
    bool private_callbacks; /* callbacks are carried on to addresses of private networks, too */
    enum log_level log_level; /* whoever puts it in force sets both */
    enum log_format log_format;
    struct metrics_settings metrics;
    struct telemetry_settings telemetry;
};

/* Who may use the admin plane. Each role may do what the one before it may, and its own: a viewer reads, finance changes budgets
 * and prices, an admin keys, policies, vendors and stops, an owner tokens, workspaces and settings. */
enum admin_role { ADMIN_VIEWER, ADMIN_FINANCE, ADMIN_ADMIN, ADMIN_OWNER };
struct admin_token {
    struct span name;      /* stands in the audit log as who did it; "admin": admin.token */
    struct span owner;     /* a person or a team; SPAN_NONE: not said */
    struct span workspace; /* confined to it; SPAN_NONE: to none */
    enum admin_role role;
    bool content;          /* reads what was captured of calls, whatever its role */
    int64_t expires_at;    /* 0: never */
};
struct admin_hash {
    struct digest hash;
    const struct admin_token *token;
    int64_t valid_until; /* of an old one after a rotation; 0: no end of its own */
};

struct snapshot {
    struct arena arena;
    _Atomic long refs;
    uint64_t version;  /* grows with every load in this process */
    struct span digest; /* of the whole configuration: "cfg.4f1a09c2" */
    int64_t loaded_at;
    struct settings settings;
    struct upstream *upstreams;
    size_t upstream_count;
    struct map upstream_by_slug;  /* struct upstream */
    struct map upstream_by_alias; /* the same, by the catalog's other names: "google" is gemini */
    struct credential *credentials;
    size_t credential_count;
    struct policy *policies;
    size_t policy_count;
    struct budget *budgets; /* the gate's and workspaces' own */
    size_t budget_count;
    struct workspace_capture *captures;
    size_t capture_count;
    struct route_entry *routes;
    size_t route_count, model_route_count; /* those that name models */
    struct key *keys;
    size_t key_count;
    struct map key_by_hash; /* 32 bytes of hash -> struct key_token, which lives in the arena */
    struct map key_by_sha256; /* the same by the plain SHA-256: keys that came from another gateway's store (token_sha256) */
    struct map key_by_id;   /* id and name -> struct key */
    struct admin_token *admin_tokens; /* without admin.token */
    size_t admin_token_count;
    struct map admin_by_hash;       /* 32 bytes of hash -> struct admin_hash */
    struct digest_keyed token_hash; /* keyed by the master key */
    struct digest keep_key;         /* seals answers and requests that are kept */
    struct price_book *prices;
    const struct fx *fx; /* NULL: none configured */
    struct tls_client *tls;
    struct { void *at; size_t size; } secrets; /* secret memory behind the credentials */
};

struct snapshot *snapshot_keep(struct snapshot *s); /* one more reference; any thread */
void snapshot_drop(struct snapshot *s);             /* frees it (and wipes secrets) with the last one */

/* NULL: no such key. The token's hash is looked up, never the token; where there are keys with a plain hash, both are made for each token,
 * whichever is found. *until: the token's own end or 0. */
const struct key *snapshot_key(const struct snapshot *s, struct span token, int64_t *until);
/* By id or name. */
const struct key *snapshot_key_by_id(const struct snapshot *s, struct span id);
/* By its full id ("key_1f3c/usd/day"), among all that count for some key. Looks through all keys: not for calls. */
const struct budget *snapshot_budget(const struct snapshot *s, struct span id);
/* Whose admin token has this hash (snapshot_admin_hash); NULL: nobody's, or its time is over. */
const struct admin_token *snapshot_admin(const struct snapshot *s, const struct digest *hash, int64_t now_ms);
struct digest snapshot_admin_hash(const struct snapshot *s, struct span token);
struct span admin_role_name(enum admin_role role);
const struct upstream *snapshot_upstream(const struct snapshot *s, struct span slug);
/* The route of that name, if that key may take it; NULL: none, or not for its workspace. */
const struct route_entry *snapshot_route(const struct snapshot *s, const struct key *k, struct span name);
/* Whether a key of that workspace may go that way. */
bool route_entry_open(const struct route_entry *r, struct span workspace);
/* The one whose patterns say that model best: the longest pattern, one without "*" before all. NULL: none. */
const struct route_entry *snapshot_route_for_model(const struct snapshot *s, const struct key *k, struct span model);
/* By slug or alias: as other gateways' clients name it ("google", "amazon-bedrock", "azure-openai"). */
const struct upstream *snapshot_provider(const struct snapshot *s, struct span name);
/* Its first lane that serves this model, streamed or not: of that dialect if it has one, else of any; NULL: none. */
const struct lane *upstream_lane(const struct upstream *u, const struct dialect *wanted, bool stream, struct span model);
/* The path of a call on this lane, canonical, in a, with what its template leaves open filled in: the model, and settings (project,
 * location). vendor_match of it gives l->operation. *query: what belongs to it ("alt=sse"), SPAN_NONE: nothing. SPAN_NONE: a parameter
 * is missing, or the model's name could be taken for something else in a path ("../x", "a/b", "x?y"). */
struct span lane_target(const struct upstream *u, const struct lane *l, struct span model, struct arena *a, struct span *query);
/* What the price book calls this model of the vendor's: `models:` of its entry, else the same. */
struct span upstream_price_model(const struct upstream *u, struct span model);
/* The key's first usable credential for that vendor; NULL: none. */
const struct credential *key_credential(const struct key *k, const struct upstream *u);

#endif
