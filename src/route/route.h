/* SPDX-License-Identifier: Apache-2.0
 * route.h - a route: how a call reaches vendors. A tree whose leaves are targets; Portkey's config object is a subset of it.
 *
 * Read once, from the configuration (`routes:`), the admin API, or a header (x-tollgate-config, x-portkey-config: JSON). What a child
 * inherits is resolved while it is read, so that a leaf says all there is to know. Immutable afterwards; lives in the arena it was read
 * into. Pure: no I/O, no clock, no dice but those it is given.
 *
 * Source of the shape and of what we do otherwise: docs/routing.md, docs/portkey.md. */
#ifndef TG_ROUTE_ROUTE_H
#define TG_ROUTE_ROUTE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/node.h"
#include "base/span.h"

enum {
    ROUTE_TARGETS_MOST = 64, /* leaves of one tree */
    ROUTE_DEPTH_MOST = 8,
    ROUTE_TRIES_MOST = 16,   /* attempts of one call, retries and racers included */
    ROUTE_RACERS_MOST = 6,
    ROUTE_RETRIES_MOST = 5,
    ROUTE_CODES_MOST = 32,
    ROUTE_CONDITIONS_MOST = 256,
    ROUTE_WAIT_MOST_MS = 60 * 1000, /* a vendor that says to wait longer is not waited for */
    ROUTE_TEXT_MOST = 64 << 10 /* of an inline one */
};

/* single: targets[0]. fallback: in order. balance: one of them, by weight, load, latency or headroom ("loadbalance" is Portkey's name for
 * by weight). conditional: by what the call says. cheapest, fastest: of those that qualify. race: several at once, the first acceptable
 * answer. canary: targets[1..] get `percent` of the calls, targets[0] the rest. shadow: targets[0] answers, the others are asked the same
 * and nobody hears them. */
enum route_mode { ROUTE_SINGLE, ROUTE_FALLBACK, ROUTE_BALANCE, ROUTE_CONDITIONAL, ROUTE_CHEAPEST, ROUTE_FASTEST, ROUTE_RACE, ROUTE_CANARY, ROUTE_SHADOW };
enum balance_by { BALANCE_WEIGHT, BALANCE_BUSY, BALANCE_LATENCY, BALANCE_HEADROOM };

/* Classes of failure, for fallback's `on_errors`; bits. */
enum failure { FAILURE_CONTEXT_WINDOW = 1, FAILURE_CONTENT_POLICY = 2, FAILURE_RATE_LIMIT = 4, FAILURE_OUTAGE = 8, FAILURE_TIMEOUT = 16, FAILURE_AUTH = 32 };

struct codes {
    bool given; /* false: the default of whoever asks */
    int list[ROUTE_CODES_MOST];
    size_t count;
};

struct retry {
    int attempts; /* after the first; 0: none */
    struct codes on; /* default: 429 500 502 503 504 529 */
    bool use_retry_after; /* wait as the vendor says (retry-after-ms, x-ms-retry-after-ms, retry-after: seconds or HTTP date); default true */
    int64_t base_ms, most_ms; /* full jitter between 0 and min(most, base * 2^n); 500 ms, 16 s */
};

enum cache_mode { CACHE_OFF, CACHE_EXACT, CACHE_SEMANTIC };
struct cache_rule {
    enum cache_mode mode;
    bool said;                  /* "off" is another thing than nothing */
    int64_t max_age_ms;         /* 1 min .. 90 days; default 7 days */
    int64_t threshold_ppm;      /* semantic: least cosine similarity in millionths; default 950,000 */
    struct span embedding_model; /* semantic; SPAN_NONE: text-embedding-3-small. May begin with "@vendor/" */
    struct span namespace_;     /* SPAN_NONE: none */
};

/* When a target is left alone for a while. Zeros: this part of the rule does not apply. */
struct breaker_rule {
    int failures;           /* in a row; default 5 */
    int rate_percent, least; /* of at least that many calls in the window; default 50 of 20 */
    int64_t window_ms, cooldown_ms; /* 60 s, 30 s */
    struct codes on;        /* default: 5xx, 429, no answer at all, a broken stream */
};

/* A race's idea of an answer. */
struct acceptance {
    bool empty, refused, truncated; /* true: such an answer may win, too. Default: all false but truncated */
    bool schema;                    /* default true: where the call asks for a JSON schema, only JSON may win, and with the members it requires */
    const struct node *guards;      /* guard/guard.h's list; NULL: none */
};

/* A leaf, with all that it inherits. */
struct target {
    struct span name;       /* conditional `then`; SPAN_NONE */
    struct span path;       /* "config.targets[1]"; the root: "config" */
    struct span provider;   /* vendor's slug or alias, without "@"; SPAN_NONE: as the model or the caller says */
    struct span credential; /* `credential`, `virtual_key`, or an `api_key` that may be a name; SPAN_NONE: the key's own in turn */
    bool credential_maybe;  /* it came as `api_key`: where the key has none of that name, nothing was said; never shown in any text */
    struct span model;      /* `model`, or the one of override_params, which does not hold it any more; SPAN_NONE: the caller's */
    struct span region;     /* the vendor's entry must say the same region; SPAN_NONE: any */
    bool region_is_vendors; /* it was said beside a provider: another provider does not take it over */
    const struct node *default_params, *override_params; /* merged down the tree; NULL: none */
    const struct span *drop_params; /* paths: "seed", "messages[*].name" */
    size_t drop_count;
    const struct span *lose_params; /* lossy translation: what may be left out for this target, as x-tollgate-drop-params */
    size_t lose_count;
    const struct span *forward_headers;
    size_t forward_count;
    int64_t weight_ppm;     /* of its parent's balance */
    struct retry retry;
    struct breaker_rule breaker;
    struct cache_rule cache;
    int64_t request_ms;     /* until the answer's head: Portkey's request_timeout; 0: the vendor's own */
    int64_t event_ms;       /* between two runs of an answer's body; 0: the vendor's own */
    bool zero_retention;    /* only vendors whose entry says so */
    const struct node *input_guardrails, *output_guardrails; /* guard/guard.h; NULL: none */
};

/* A shadow's: what the first one answered is compared with what each other one did (flow/trial.h). */
struct experiment {
    struct span name;
    int percent;            /* of the calls that are mirrored */
    struct span judge;      /* the judge's way: a route as JSON, which its calls carry in x-tollgate-config */
    struct span judge_model;
    struct span question;   /* what makes an answer good, to the judge; SPAN_NONE: its own idea */
};

struct route {
    enum route_mode mode;
    struct span name;
    struct span path;
    const struct route *parent; /* NULL: the root */
    struct route *children;     /* of a leaf: none */
    size_t count;
    const struct target *target; /* a leaf's; NULL: not one */
    int64_t weight_ppm;         /* of its parent's balance */
    struct codes on_status;     /* fallback: only these lead on; default: anything but 2xx */
    unsigned on_errors;         /* fallback: bits of enum failure that lead on, too; 0: not said */
    bool failover;              /* balance, cheapest, fastest: the next best follows when the chosen one fails; cheapest, fastest: default true */
    enum balance_by by;
    const struct span *sticky;  /* "metadata.user", "headers.x-session", "user", "prompt" (up to its first user turn, 1,024 bytes at most), ... */
    size_t sticky_count;
    const struct node *conditions; /* conditional */
    struct span otherwise;      /* conditional `default`; SPAN_NONE: none */
    int percent;                /* canary */
    const struct experiment *experiment; /* shadow; NULL: nothing is compared */
    int64_t stagger_ms;         /* race: between starts; 0: at once; -1: by the p95 observed of the first */
    struct acceptance accept;
    /* the root's alone */
    int64_t deadline_ms;        /* of the whole call; 0: none but limits.call_time */
    int tries;                  /* attempts of the whole call; ROUTE_TRIES_MOST */
    size_t leaf_count;
    struct span notes;          /* what was read and is of no effect ("api_key"), comma-separated; SPAN_NONE */
    struct span digest;         /* 16 hex digits of what was read: for the cache, the row */
};

/* inline: it came in a header: real secrets in it are noted and forgotten, hosts refused. path: for messages ("routes.fast", "x-tollgate-config").
 * E_CONFIG with *t; E_NO_MEMORY. */
CHECKED enum err route_read(struct arena *a, const struct node *n, const char *path, bool inline_, struct route **out, struct trouble *t);
/* `cache:` of a key: "off", "exact", "semantic" or { mode, max_age, ... }. n NULL: off. */
CHECKED enum err route_read_cache(struct arena *a, const struct node *n, const char *path, struct cache_rule *out, struct trouble *t);
extern const struct retry route_retry_default;
extern const struct breaker_rule route_breaker_default;
extern const struct cache_rule route_cache_default;
/* "fallback" */
struct span route_mode_name(enum route_mode m);
/* Whether struct route_view.field may be asked for it. */
bool route_field_known(struct span name);

/* ---- planning: which targets, in which order ---- */

/* How things stand with a target for this call; asked of the gate. */
struct standing {
    bool usable;        /* the key has a credential for it, the policy allows it */
    bool open;          /* its breaker: leave it alone */
    bool qualifies;     /* it can do what the call needs: tools, images, context, region, retention */
    bool unproven;      /* nothing is known of what its model can do, and the call needs something: cheapest and fastest leave it out */
    struct span why;    /* of whichever is wrong first */
    int64_t price;      /* nano-USD for this call at most; -1: not known */
    int64_t latency_us; /* EWMA of the first byte; -1: not known */
    int64_t p95_us;     /* -1: not known */
    int64_t in_flight;
    int64_t headroom_ppm; /* of its vendor's rate limit, as its last answer told; -1: not known */
};

struct route_view {
    void *self;
    /* A member's JSON text ("\"eu\"", "12", "true"), in a; SPAN_NONE: absent. "metadata.k", "params.k" (dots go deeper), "headers.name",
     * "url.pathname", "key.name|id|user|team|workspace", "run", "budget.used_percent", "time.hour|weekday|iso", "user", "prompt". */
    struct span (*field)(void *self, struct span name, struct arena *a);
    void (*standing)(void *self, const struct target *t, struct standing *out);
    uint64_t dice; /* seed of whatever is drawn */
};

struct planned {
    const struct target *target;
    const struct route *leaf;
    unsigned round;    /* those of one round run at once (a race); rounds follow one another */
    int64_t delay_ms;  /* race: after the round's beginning, or as soon as an earlier one failed */
    bool shadow;       /* asked, not heard */
    struct span why;   /* for people: "weight 0.7 of 1", "cheapest: 0.0012 usd", "conditions[0]" */
    const struct acceptance *accept; /* of its race; NULL: none */
};

struct plan {
    const struct route *route;
    struct planned *list;
    size_t count;
    struct span skipped; /* for people: "config.targets[0]: breaker open until ...; ..." */
};

/* How an attempt ended. */
struct attempt_end {
    int status;        /* of the vendor's answer; 0: none */
    unsigned failures; /* bits of enum failure */
    bool unfit;        /* the target cannot serve this call: always leads on */
    bool accepted;     /* it is the answer */
};

/* E_OPERATION_DENIED: no target is left, *why says for each; E_BAD_REQUEST: no condition holds and there is no default, or an operator is
 * not known. Targets whose breaker is open come last instead of being left out when nothing else is left. */
CHECKED enum err route_plan(const struct route *r, const struct route_view *v, struct arena *a, struct plan *out, struct span *why);
/* Where to go on after list[i] (and its whole round) ended so: the index of a round's first, or count: nowhere. The lowest common
 * ancestor of both decides; a fallback that does not take this outcome stops what is inside it, not what is around it. */
size_t plan_after(const struct plan *p, size_t i, const struct attempt_end *o);
/* Whether the same target is asked once more (tries: how often it was). */
bool retry_again(const struct retry *r, int tries, const struct attempt_end *o);
/* How long to wait before that. asked_ms: what the vendor said; -1: nothing. -1: longer than anyone waits here, so that it is not asked
 * again. */
int64_t retry_wait_ms(const struct retry *r, int tries, int64_t asked_ms, uint64_t dice);
/* What the vendor said: -1: nothing that can be read. `value` by name: "retry-after-ms", "x-ms-retry-after-ms", "retry-after". */
int64_t retry_asked_ms(struct span after_ms, struct span ms_after_ms, struct span after, int64_t now_ms);
/* Failure classes of an answer: its status, and what its body says ("context_length_exceeded", "content_filter", ...). */
unsigned failure_of(int status, struct span body);

/* Portkey's query language over a view: $eq $ne $gt $gte $lt $lte $in $nin $regex $and $or $exists. false with *why set: not a query. */
bool route_query_holds(const struct node *query, const struct route_view *v, struct arena *a, bool *holds, const char **why);
/* The target's parameters laid over a body (a JSON object): defaults, then overrides, then what is dropped. out: a new text. false: the
 * body is no object, or out broke. */
struct json;
bool target_apply(const struct target *t, struct json *j, struct span body, struct arena *a, struct buf *out);
/* Whether it would change anything. The model is not among them: see struct target. */
bool target_changes(const struct target *t);

#endif
