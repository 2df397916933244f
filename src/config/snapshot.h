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
#include "rules/address.h"
#include "rules/budget.h"
#include "rules/policy.h"
#include "rules/price.h"
#include "vendor/vendor.h"

/* A vendor and how to reach it. */
struct upstream {
    struct vendor vendor;
    const struct node *settings;  /* `settings:` of its entry in the configuration; NULL: none */
    struct http_origin *origins;  /* by vendor_compose's index */
    size_t origin_count;
    const struct dialect **dialects; /* by operation index; NULL entries for those without */
    struct listen_address *listen;   /* a listener of its own, or NULL */
    struct http_deadlines deadlines;
};

struct credential {
    struct span name;
    const struct upstream *upstream;
    struct vendor_secret secret; /* in secret memory owned by the snapshot */
    bool disabled;
};

struct key {
    struct span id, name, workspace, user, team;
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
};

/* One secret text that opens a key; a rotated key has two until the old one's end. */
struct key_token {
    struct digest hash;
    const struct key *key;
    int64_t valid_until; /* 0: for ever */
};

struct limits {
    struct http_limits http;
    struct http_pool_limits pool;
    struct http_deadlines deadlines;
    int64_t body_bytes;   /* held for reading (SaaS and LLM JSON): 32 MiB */
    int64_t stream_bytes; /* streamed through unread: 0 none */
    int64_t answer_bytes; /* held to settle before answering: 8 MiB; larger ones are streamed, cost in a trailer */
    int64_t event_bytes;  /* one event of a stream: 4 MiB */
    int64_t call_arena;   /* memory of one call: 96 MiB */
    int64_t call_ms;      /* total deadline: 30 min */
    int64_t drain_ms;     /* SIGTERM to the end: 30 s */
};

/* What waits for the disk before it goes on (docs/durability.md). */
enum durability { DURABLE_MONEY, DURABLE_STRICT, DURABLE_RELAXED };

/* Where alerts go. */
enum alert_kind { ALERT_WEBHOOK, ALERT_SLACK, ALERT_SMTP };
enum alert_events { ALERT_THRESHOLD = 1, ALERT_FORECAST = 2, ALERT_BRAKE = 4, ALERT_DOUBT = 8, ALERT_LEDGER = 16, ALERT_ALL = 31 };
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

struct settings {
    struct listen_address listen, admin_listen;
    struct span data_dir;
    struct span tls_cert, tls_key; /* files; SPAN_NONE: plain */
    struct span ca_file;
    struct digest_keyed admin_token; /* unused when has_admin_token is false */
    struct digest admin_token_hash;
    bool has_admin_token;
    int workers; /* 0: one a core */
    struct limits limits;
    enum durability durability;
    int64_t answers_ms; /* how long the answers of idempotent calls are kept: 7 days; 0: not at all */
    int64_t duplicate_wait_ms; /* how long a duplicate waits for the first one's answer: 60 s */
    struct alert_endpoint *alerts;
    size_t alert_count;
    bool caps_as_429; /* answer caps with 429 budget_exceeded, as LiteLLM and Keybrake do; a workspace may differ */
    enum log_level log_level; /* main's to set */
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
    struct map upstream_by_slug; /* struct upstream */
    struct credential *credentials;
    size_t credential_count;
    struct policy *policies;
    size_t policy_count;
    struct budget *budgets; /* the gate's and workspaces' own */
    size_t budget_count;
    struct key *keys;
    size_t key_count;
    struct map key_by_hash; /* 32 bytes of hash -> struct key_token, which lives in the arena */
    struct map key_by_id;   /* id and name -> struct key */
    struct digest_keyed token_hash; /* keyed by the master key */
    struct digest keep_key;         /* seals answers and requests that are kept */
    struct price_book *prices;
    struct tls_client *tls;
    struct { void *at; size_t size; } secrets; /* secret memory behind the credentials */
};

struct snapshot *snapshot_keep(struct snapshot *s); /* one more reference; any thread */
void snapshot_drop(struct snapshot *s);             /* frees it (and wipes secrets) with the last one */

/* NULL: no such key. The token's hash is looked up, never the token. *until: the token's own end or 0. */
const struct key *snapshot_key(const struct snapshot *s, struct span token, int64_t *until);
/* By id or name. */
const struct key *snapshot_key_by_id(const struct snapshot *s, struct span id);
/* By its full id ("key_1f3c/usd/day"), among all that count for some key. Looks through all keys: not for calls. */
const struct budget *snapshot_budget(const struct snapshot *s, struct span id);
/* Whether this is the admin API's token; false when there is none. */
bool snapshot_admin(const struct snapshot *s, struct span token);
const struct upstream *snapshot_upstream(const struct snapshot *s, struct span slug);
/* The key's first usable credential for that vendor; NULL: none. */
const struct credential *key_credential(const struct key *k, const struct upstream *u);

#endif
