/* SPDX-License-Identifier: Apache-2.0
 * parts.h - how a snapshot is put together: one load, its parts in order (load.c). Inside config/ only.
 *
 * `a` is the snapshot's arena: what goes in there lives as long as the snapshot. `scratch` dies with the load. */
#ifndef TG_CONFIG_PARTS_H
#define TG_CONFIG_PARTS_H

#include "config/tree.h"
#include "rules/token.h"

struct missing {
    enum kind kind;
    struct span name; /* SPAN_NONE: nothing was missing */
    struct span by;   /* who refers to it: "key support-agent (keys[0].policy)" */
};

/* A budget of the gate with the keys it counts. */
struct gate_budget {
    struct budget *budget;
    const struct node *node;
    struct span name;
    struct span *keys, *workspaces, *users, *teams; /* patterns; NULL: any */
    size_t key_count, workspace_count, user_count, team_count;
};

struct workspace {
    struct span name;
    bool caps_as_429;
    const struct capture_rule *capture; /* NULL: none */
    struct budget *budgets;
    size_t budget_count;
};

/* A limit raised by the API. */
struct increase {
    struct span id; /* the budget's */
    const struct node *node;
    bool used;
};

struct load {
    const struct config_input *in;
    struct snapshot *s;
    struct arena *a;
    struct arena scratch;
    struct tree tree;
    struct trouble *t;
    bool quiet; /* a trial: no warnings */
    struct digest seal_key;
    struct span trust; /* names a ca_file and its state; SPAN_NONE: the system's store */
    size_t secrets_used;
    struct map credential_by_name, policy_by_name, workspace_by_name, route_by_name, zones, shared, increases;
    struct workspace *workspaces;
    size_t workspace_count;
    struct gate_budget *gate;
    struct digest fx_file; /* of the rates' file */
    struct missing missing; /* what a reference did not find: deleting it was the mistake */
};

/* What load_run leaves in *missing lives in `a`. */
CHECKED enum err load_run(const struct config_input *in, bool quiet, struct snapshot **out, struct arena *a, struct missing *missing, struct trouble *t);

struct path {
    char text[CONFIG_PATH];
    size_t len;
};
/* p with a field behind it (".policy"), valid until the next call on p; cheap, since most paths are never shown. */
const char *path_with(struct path *p, const char *field);

CHECKED enum err settings_load(struct load *l);
/* Room for all secrets of this load, see load_secret. */
CHECKED enum err secrets_load(struct load *l);
CHECKED enum err upstreams_load(struct load *l);
/* The slugs of all manifests, ", " between them: those that were compiled, and those in the binary that nobody named. */
void vendors_known(const struct load *l, struct buf *out);
/* lanes.c: which of its operations translated calls can take. */
CHECKED enum err lanes_set(struct load *l, struct upstream *u);
/* quirks.c: a vendor's `quirks`, over those that are there; and all that its entry says for language models. */
bool quirks_read(struct load *l, const struct node *n, struct path *p, struct quirks *out);
bool llm_settings_read(struct load *l, const struct node *manifest, const struct node *entry, struct path *p, struct upstream *u);
/* probes.c: `probe:` of the vendor's entry. */
bool probe_read(struct load *l, const struct node *entry, struct path *p, struct upstream *u);
CHECKED enum err credentials_load(struct load *l);
CHECKED enum err alerts_load(struct load *l);
CHECKED enum err exports_load(struct load *l);
CHECKED enum err policies_load(struct load *l);
CHECKED enum err increases_load(struct load *l);
/* Once all budgets are there: tells of those that raise none. */
CHECKED enum err increases_check(struct load *l);
CHECKED enum err workspaces_load(struct load *l);
CHECKED enum err budgets_load(struct load *l);
/* After the keys: a budget that names a key must find one. */
CHECKED enum err budgets_check_keys(struct load *l);
/* After the workspaces, which they name. */
CHECKED enum err tokens_load(struct load *l);
/* tokens.c: one more hash that opens the admin plane. False: another token has it already, or no memory. */
bool admin_hash_add(struct load *l, const struct digest *hash, const struct admin_token *token, int64_t valid_until);
/* capture.c: `capture:` of a workspace or a key; absent: *out stays. False: *t, or no memory. */
CHECKED bool capture_load(struct load *l, const struct node *n, const char *path, const struct capture_rule **out);
/* After credentials and workspaces, which they name; before the keys. */
CHECKED enum err routes_load(struct load *l);
CHECKED enum err keys_load(struct load *l);
CHECKED enum err prices_load(struct load *l);
CHECKED enum err fx_load(struct load *l);

/* budgets.c: one budget of an owner ("key_1f3c"); path is its field path; spans end up in l->a. */
CHECKED enum err budget_load(struct load *l, const struct node *n, const char *path, struct span id_prefix, struct span owner, struct budget *out);
/* Raises a budget whose id is complete, if the API said so. */
CHECKED enum err increase_apply(struct load *l, struct budget *b);
bool budget_ids_differ(struct load *l, const struct node *list, const char *path, const struct budget *budgets, size_t count);
bool gate_budget_counts(const struct gate_budget *g, const struct key *k);

/* A reference that was not found: names what there is. */
enum err load_missing(struct load *l, enum kind kind, struct span name, const struct node *at, const char *path);
/* One copy of equal texts for the whole snapshot. */
struct span load_share(struct load *l, struct span text);
/* Room in the snapshot's secret memory. */
char *load_secret(struct load *l, size_t len);
/* E_NO_MEMORY if the snapshot's arena gave out. */
CHECKED enum err load_memory(struct load *l);

/* seal.c: the keys behind hashes and sealed secrets, all derived from the master key. */
struct digest config_seal_key(const uint8_t master[32]);
struct digest config_keep_key(const uint8_t master[32]);
void config_token_hash_init(struct digest_keyed *k, const uint8_t master[32]);
void config_admin_hash_init(struct digest_keyed *k, const uint8_t master[32]);
/* The token that a rotation of this key (or admin token) asked for as `once` in that hour makes: the same one each time. */
void config_rotation_token(const uint8_t master[32], bool admin, struct span id, struct span once, int64_t hour, char out[ADMIN_TOKEN_LEN + 1]);
/* What a sealed secret is bound to: it opens under this name and for this vendor only. */
struct span config_secret_bound(struct span credential, struct span vendor, struct arena *a);
/* The same for its hook_secret: neither opens in the other's place. */
struct span config_hook_bound(struct span credential, struct span vendor, struct arena *a);

/* alerts.c. False: none or several of webhook, slack, smtp. */
bool alert_kind_of(const struct node *n, enum alert_kind *out);
/* The field that is its secret: "secret", "slack" (the address itself), "password". */
const char *alert_secret_field(enum alert_kind kind);
/* What it is sealed under: a password opens for its server only. */
struct span alert_secret_bound(struct span name, enum alert_kind kind, const struct node *n, struct arena *a);
/* A Slack address as it is shown. */
struct span alert_mask(struct span url, struct arena *a);
/* How much secret memory they can take at most. */
size_t alerts_secret_room(const struct entries *es);

/* telemetry.c */
bool telemetry_load(struct load *l, const struct node *n);

/* remote.c: an address that something is sent to, and its secret; `field` begins with a dot. https, or http to this machine or when `plain`. */
bool remote_url(struct load *l, const struct node *n, struct path *p, const char *field, struct span url, bool plain);
bool remote_visible(struct span text); /* has nothing in it that could not be shown, or would be cut off */
bool remote_is_here(struct span host); /* this machine */
/* The entry's secret, sealed under `bound` or plain, in secret memory; *out stays as it is when there is none. */
bool remote_secret(struct load *l, const struct node *n, struct path *p, const char *field, struct span bound, size_t shortest, struct span *out);
/* How much secret memory such a field can take at most. */
size_t remote_secret_room(const struct entries *es, const char *field);

/* exports.c: what an export's secret is sealed under: it opens for its name, kind and address only. */
struct span export_secret_bound(struct span name, const struct node *n, struct arena *a);

/* A key's token as configured: 4..200 printable characters, and no damaged token of ours. NULL: good; else what is
 * allowed. */
const char *config_token_wrong(struct span token);

/* proxy.c */
struct proxy {
    struct span host, auth; /* host SPAN_NONE: direct */
    uint16_t port;
};
struct proxies {
    struct proxy https, http;
    struct span no_proxy;
};
/* What the environment says, in l->a and secret memory. */
CHECKED enum err proxies_read(struct load *l, struct proxies *out);
/* How much secret memory that can take at most. */
size_t proxies_secret_room(void);
const struct proxy *proxy_for(const struct proxies *p, bool https, struct span host, uint16_t port);

/* origin.c: "https://api.stripe.com:443/prefix". NULL: *why is what is allowed. */
struct base_url {
    bool https;
    struct span host; /* no brackets, lower case */
    uint16_t port;
    struct span path; /* "/prefix" or "" */
};
CHECKED bool base_url_parse(struct span text, struct arena *a, struct base_url *out);

#endif
