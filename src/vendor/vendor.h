/* SPDX-License-Identifier: Apache-2.0
 * vendor.h - a vendor as data: a compiled manifest (vendors/NAME.yaml, docs/manifests.md).
 *
 * Compiled once into the snapshot's arena, then immutable and shared by all threads. Nothing here does I/O. The closed set
 * of functions a manifest may call (minor_units, sms_segments, recipients, ...) is vendor/functions.c. */
#ifndef TG_VENDOR_VENDOR_H
#define TG_VENDOR_VENDOR_H

#include "base/json.h"
#include "base/node.h"
#include "http/head.h"
#include "rules/canon.h"
#include "rules/facts.h"

struct manifest; /* the compiled rules behind it */

enum operation_body { BODY_NONE, BODY_FORM, BODY_JSON, BODY_MULTIPART, BODY_OPAQUE };

struct operation {
    struct span name;      /* "stripe.charges.create" */
    struct span method;
    enum operation_body body;
    struct span dialect; /* LLM: "openai_chat"; SPAN_NONE otherwise */
    bool writes;         /* not a read */
    bool moves_money;    /* its cost rule can give more than zero, or the manifest says so */
    bool reads_body;     /* its cost, scope or dialect needs the body, or it must have none: false only for bodies that are
                            streamed unread. vendor_understand is to be called in any case, then with an empty body */
    bool reads_answer;   /* its settlement needs the answer's body */
    bool refund;         /* gives money back to a customer */
    bool idempotent;     /* the vendor takes an idempotency key for it: it can be asked again */
    bool look_up;        /* what became of one can be looked up (vendor_look_up) */
    bool secret;         /* gives away or makes a secret: denied unless a policy names it exactly, without a wildcard */
    struct span note;    /* why it is special, for refusals and lists; SPAN_NONE: it is not */
    struct span path;    /* the template: "/v1/customers/{customer}" */
    size_t index;        /* in the manifest */
};

struct vendor {
    struct span slug;     /* "stripe" */
    struct span title;    /* "Stripe" */
    struct span provider; /* price book slug for LLM vendors ("openai"); SPAN_NONE: not an LLM vendor */
    struct span base_url; /* "https://api.stripe.com" or the configured one */
    struct span version;  /* digest of the manifest: part of every row's policy_version */
    bool needs_account;   /* credentials carry an account id (twilio's AccountSid) */
    struct span once;     /* the header field it takes idempotency keys in, and callers give theirs in; SPAN_NONE: none */
    int64_t once_ms;      /* it remembers them for at least as long: asking again later may do it twice */
    struct manifest *manifest;
};

/* Compiles a manifest. `base_url` (from the configuration) overrides the manifest's and its fan-out: SPAN_NONE keeps it.
 * E_CONFIG with file, line, field. */
CHECKED enum err vendor_read(struct arena *a, const struct node *root, struct span base_url, struct vendor *out, struct trouble *t);

/* Where the caller put its key, by this vendor's carriers; SPAN_NONE: nowhere. Basic is decoded into a. `query` is the
 * canonical query of the request (some carriers live there). */
struct span vendor_presented_key(const struct vendor *v, const struct http_head *h, struct span query, struct arena *a);
/* The same over every carrier any vendor uses, when the vendor is not known yet. */
struct span vendor_any_presented_key(const struct http_head *h, struct span query, struct arena *a);

/* Path is canonical, without prefix. NULL: unknown operation. captured: values of the template's {names}. */
struct capture {
    struct span name, value;
};
enum { VENDOR_CAPTURES = 8 };
struct matched {
    const struct operation *operation;
    struct capture captures[VENDOR_CAPTURES];
    size_t count;
};
bool vendor_match(const struct vendor *v, struct span method, struct span path, struct matched *out);
/* All operations, for lists and docs. */
const struct operation *vendor_operations(const struct vendor *v, size_t *count);

/* The request as understood: canonical body, scopes, parameters, worst cost. The canonical body is what is forwarded. */
struct understood {
    struct span body;  /* canonical, in a; or the bytes that came, if re-parsing gives the same */
    struct span query; /* canonical, may be empty */
    struct scope *scopes;
    size_t scope_count;
    bool scopes_unresolved;
    struct parameter *parameters;
    size_t parameter_count;
    bool cost_known;
    int64_t worst[UNIT_COUNT]; /* usd, messages; requests and tokens are not the manifest's */
    struct span customer;      /* whom the money touches, for the row: first scope marked `who` */
};
struct asked {
    const struct vendor *vendor;
    const struct matched *matched;
    const struct http_head *head; /* scope headers, content type, ... */
    struct span query, body;
    struct span account; /* the credential's account id */
    const struct node *settings; /* configuration of this vendor: unit prices, country table; may be NULL */
    /* For operations with a dialect: no policy rules on parameters of the body, so it need not be read here too. */
    bool leave_body;
};
/* E_BAD_REQUEST, E_NOT_CANONICAL, E_SCOPE_DENIED (foreign account), E_PARAMETER_DENIED, ... with *why (in a). A scope that a
 * call must show and does not is given as "?", which no list of allowed objects holds; scopes_unresolved only says that there
 * were more than can be noted. Messages whose number is not known are 10^12 of them. Call it once per call, before compose. */
CHECKED enum err vendor_understand(struct json *j, const struct asked *q, struct arena *a, struct understood *out, struct span *why);

/* The vendor's own id of this request, from its answer's head; SPAN_NONE: it gives none. Lives as long as the head. */
struct span vendor_request_id(const struct vendor *v, const struct http_head *answer);

/* After the answer. `kept`: the outcome is not final (a price that comes later): settle the estimate and mark it. */
struct settled {
    bool known;     /* real[] holds; false: nothing could be read, settle the reservation */
    bool replayed;  /* an idempotent replay: costs nothing */
    bool estimate;  /* real[] is still an estimate */
    int64_t real[UNIT_COUNT];
    struct span object_id;  /* ch_..., SM... */
};
void vendor_settle(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer, struct span body, struct arena *a, struct settled *out);

/* The upstream request: origin index, path, allowed and added fields, signed with the secret. */
struct vendor_origin {
    struct span base_url; /* "https://files.stripe.com" */
};
/* All base URLs a manifest can reach, for building connection origins; index is what vendor_compose returns. */
const struct vendor_origin *vendor_origins(const struct vendor *v, size_t *count);
struct vendor_secret {
    struct span secret, account; /* account: SPAN_NONE unless needs_account */
    struct span key_id;          /* user name where the API key pair has one (Twilio SK...) */
};
enum { VENDOR_ONCE_MOST = 64 };
struct compose {
    const struct vendor *vendor;
    const struct matched *matched;
    const struct http_head *head;
    struct span path, query; /* canonical */
    struct span content_type; /* of the body that is sent; SPAN_NONE: as the caller's */
    int64_t length;           /* of the body; -1: chunked; 0 with no body method: no framing field */
    const struct vendor_secret *secret;
    struct span once;      /* idempotency key for the vendor, in place of the caller's, at most VENDOR_ONCE_MOST bytes; not sent
                              where the operation is not idempotent. SPAN_NONE: none is sent */
    struct span authority; /* for Host; SPAN_NONE: from the origin */
};
/* Writes the whole request head. Returns the origin's index. */
size_t vendor_compose(const struct compose *c, struct arena *a, struct buf *head);
/* What became of a call whose answer was lost, for vendors without idempotency keys: the manifest's `doubt` of the operation
 * says what to read and how to know the call again in it. `ask` is a GET of the same vendor: canonical path and query in a.
 * sent_ms: when the lost call was sent. False: it cannot be looked up. */
struct look_up {
    struct span path, query;
    int64_t patience_ms; /* how long after sending an absence means that it never happened */
};
bool vendor_look_up(struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms, struct arena *a, struct look_up *out);
/* One object that matches: HAPPENED, and *out as vendor_settle would have it. Several, or none but some that could be it:
 * UNCLEAR. An object that another call is known to have made (out->object_id) is not this one's: the caller's to check. */
enum look_up_verdict { LOOK_UP_HAPPENED, LOOK_UP_ABSENT, LOOK_UP_UNCLEAR };
enum look_up_verdict vendor_looked_up(struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms, const struct http_head *answer, struct span body, struct arena *a, struct settled *out);
/* The same from the answer to the call asked again under its idempotency key, which vendor_settle would get wrong: a replay
 * costs nothing more, but it proves that the first one was carried out; and of a 409 or 429 nothing follows. */
enum look_up_verdict vendor_asked_again(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer, struct span body, struct arena *a, struct settled *out);

/* Which fields of the vendor's answer the caller may see (no Set-Cookie, no hop-by-hop, no redirect out of the gate);
 * fields of the result are in a. */
void vendor_answer_fields(const struct vendor *v, const struct http_head *answer, struct arena *a, struct http_field **fields, size_t *count);

/* Whether this vendor's JSON answers hold absolute links to its own hosts (the manifest's rewrite_links); and the body with
 * each of them led back through the gate. `gate` is what stands before the vendor's path there: "http://127.0.0.1:8080/twilio". */
bool vendor_rewrites_links(const struct vendor *v);
void vendor_rewrite_links(const struct vendor *v, struct span gate, struct span body, struct buf *out);

/* A refusal in this vendor's own shape: body, status, content type; further fields (retry-after) may be added to. */
struct denial {
    enum err code;
    struct span call_id;
    struct span message;            /* a whole explanation */
    struct span rule;               /* "budget support-agent/0: 100 usd a day" */
    struct span unit;               /* of the four amounts: "usd" */
    struct span limit, spent, reserved, attempted; /* decimal text or SPAN_NONE */
    int64_t resets_at;              /* Unix ms; 0: never or not a matter of time */
    bool as_429;                    /* the workspace answers caps with 429 */
};
int vendor_deny(const struct vendor *v, const struct operation *op, const struct denial *d, struct arena *a, struct buf *body, struct span *content_type);
/* v may be NULL above and here: then our own plain JSON shape. */

#endif
