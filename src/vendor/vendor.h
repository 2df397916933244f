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
#include "rules/fx.h"

struct manifest; /* the compiled rules behind it */

enum operation_body { BODY_NONE, BODY_FORM, BODY_JSON, BODY_MULTIPART, BODY_OPAQUE };

struct operation {
    struct span name; /* "stripe.charges.create" */
    struct span method;
    enum operation_body body;
    struct span dialect; /* LLM: "openai_chat"; SPAN_NONE otherwise */
    bool streams;        /* LLM: it always answers with a stream; another operation of its dialect gives whole answers */
    struct span model;   /* LLM: the capture of its path that is the model (vendor_path_model); SPAN_NONE: it stands in the body */
    const struct span *models; /* LLM: patterns of the models that are served here ("claude-*"); none: any */
    size_t model_count;
    bool untranslated;   /* LLM: only for callers who say its path themselves; no other call is translated for it */
    struct span query;   /* LLM: what a call that the gate wrote says in its query: "alt=sse"; SPAN_NONE: nothing */
    bool writes;         /* not a read */
    bool moves_money;    /* its cost rule can give more than zero, or the manifest says so */
    bool priced;         /* ... and a call for which that rule says 0 moves none: vendor_moves_money */
    bool reads_body;     /* its cost, scope or dialect needs the body, or it must have none: false only for bodies that are
                            streamed unread. vendor_understand is to be called in any case, then with an empty body */
    bool reads_answer;   /* its settlement needs the answer's body */
    bool refund;         /* gives money back to a customer */
    bool messages;       /* it sends some: texts, mails, letters */
    bool idempotent;     /* the vendor takes an idempotency key for it: it can be asked again */
    bool look_up;        /* what became of one can be looked up (vendor_look_up) */
    bool late;           /* what it really cost may be told later (vendor_late) */
    bool results;        /* its answer may tell where what a job made is kept: links that callers get as the gate's own */
    bool batch_input;    /* a file of calls for a batch may be uploaded by it: what they can cost is read there */
    struct span batch_of; /* it makes a batch of calls. "file": the body names their path (`endpoint`) and the file that they stand in;
                             "endpoint": their path alone, nobody reads them; "/v1/messages": their path, they may stand in the body. SPAN_NONE: none */
    bool tells_late;     /* it is what others are asked by then: whoever reads it may learn it first */
    bool objects;        /* it names objects that can be read first */
    bool fields;         /* GraphQL: the body names the operation; vendor_refine tells which */
    bool secret;         /* gives away or makes a secret: denied unless a policy names it exactly, without a wildcard */
    bool grants;         /* an SDK asks for a token here: the gate answers with the caller's own key (vendor_grant) */
    int64_t cache_ms;    /* a read whose answer may be given again for so long, where its caller wants that; 0: never */
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
    struct span check;    /* a read that costs nothing and that only a good secret is answered: "/v1/balance"; {account} stands for the
                           * account. SPAN_NONE: none is known */
    bool needs_account;   /* credentials carry an account id (twilio's AccountSid) */
    bool needs_key_id;    /* ... and the public half of the secret: what `send` makes of it needs one */
    struct span once;     /* the header field it takes idempotency keys in, and callers give theirs in; SPAN_NONE: none */
    int64_t once_ms;      /* it remembers them for at least as long: asking again later may do it twice */
    bool key_in_body;     /* callers may put the key into the body: vendor_body_key */
    bool secret_in_body;  /* the vendor wants the secret there: vendor_dress_body */
    bool brokered;        /* it wants a token that is fetched with the secret first: vendor_token_request */
    bool hooked;          /* it calls back: vendor_hook_* */
    bool keyless;         /* it wants no secret: a server of one's own */
    bool key_file;        /* the secret is a service account's key file (JSON) */
    const struct node *settings; /* the manifest's own, with their defaults; NULL: none */
    struct manifest *manifest;
};

/* False: a path of the gate's own begins with it ("v1", "chat", "hooks"), and a vendor of that name would take it away. */
bool vendor_name_is_free(struct span slug);

/* A manifest with places to fill in (`fill`): the tree with what the entry's settings say, in a; the same one if it has none. NULL: a
 * setting is missing or is not fit for an address, *t says so. addressed: the entry gives the address itself. */
const struct node *vendor_fill(
    struct arena *a, const struct node *root, const struct node *entry, bool addressed, struct span slug, struct trouble *t);
/* The same without a configuration: names stand for values, so that it can be looked at. vendor_read does it where it must. */
const struct node *vendor_fill_guess(struct arena *a, const struct node *root, struct trouble *t);
/* Compiles a manifest. `base_url` (from the configuration) overrides the manifest's and its fan-out: SPAN_NONE keeps it.
 * E_CONFIG with file, line, field. */
CHECKED enum err vendor_read(
    struct arena *a, const struct node *root, struct span base_url, struct vendor *out, struct trouble *t);

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
/* The model that the path names, decoded, where it does (operation->model); SPAN_NONE: the body says it. */
struct span vendor_path_model(const struct matched *m, struct arena *a);
/* Whether an operation serves this model: all do that say nothing. */
bool operation_serves(const struct operation *op, struct span model);
/* Where one path carries many operations (`fields` of the operation that matched): the body is read, and *m is changed to the
 * operation its one root field names ("shopify.refunds.create"). E_OPERATION_DENIED: a field that the manifest does not know;
 * E_NOT_CANONICAL: several mutations in one body, or a document that can be read in two ways; E_TOO_LARGE. (graphql.c) */
CHECKED enum err vendor_refine(
    struct json *j, const struct vendor *v, struct span body, struct arena *a, struct matched *m, struct span *why);
/* All operations, for lists and docs. */
const struct operation *vendor_operations(const struct vendor *v, size_t *count);

/* ---- objects: what a call names only by id (a refund's charge, a confirm's intent), read before the call is decided ----
 * vendor_understand names the first one that a rule needs and that is not among asked.objects; the caller reads it (or remembers
 * it), and understands the call again with it, until none is wanted. One that is remembered may not be enough: this call needs
 * something that changes, or that was not there then. It is wanted `anew`: the caller reads it, and puts it in the place of the
 * remembered one. More than VENDOR_OBJECTS are never wanted: the rest is unknown. */
enum { VENDOR_OBJECTS = 4 /* reads that one call may need, one behind the other */ };
struct object_value {
    struct span path; /* "customer": below the object, as rules write it */
    struct span text; /* SPAN_NONE: it is there and cannot be read as one value */
    bool number;
    bool item; /* stands in a list */
};
struct object {
    struct span name; /* of the manifest's `objects`: "charge" */
    struct span id;   /* "ch_1" */
    bool known;       /* false: it was asked for and is not to be had; what needs it is unknown then */
    bool lasting;     /* something of it never changes: worth being remembered for `remember_ms` */
    bool remembered;  /* the caller's to set: read for an earlier call, so that only what never changes is taken from it */
    struct object_value *values;
    size_t count;
};
struct object_read {
    struct span name, id;    /* SPAN_NONE: none is wanted */
    struct span path, query; /* a GET of the same vendor: canonical, in the arena */
    int64_t remember_ms;     /* 0: not at all */
    bool anew;               /* what is remembered of it does not suffice */
};
/* Notes what rules of this manifest want of an object, from the answer to its read. False: not a 2xx, no JSON object, or one with
 * another id: then *out is not `known`. Everything in *out is in a. (objects.c) */
bool vendor_object(struct json *j, const struct vendor *v, const struct object_read *read, int status, struct span body,
    struct arena *a, struct object *out);

/* The request as understood: canonical body, scopes, parameters, worst cost. The canonical body is what is forwarded. */
struct understood {
    struct span body;         /* canonical, in a; or the bytes that came, if re-parsing gives the same */
    struct span query;        /* canonical, may be empty */
    struct span content_type; /* of a body that the gate made, since a parameter has a default; SPAN_NONE: as the caller's */
    struct scope *scopes;
    size_t scope_count;
    bool scopes_unresolved;
    struct parameter *parameters;
    size_t parameter_count;
    bool cost_known;
    struct span unset_setting; /* where it is not: perhaps for want of this, "setting.recording_price_usd"; may be SPAN_NONE */
    int64_t worst[UNIT_COUNT]; /* usd, messages; requests and tokens are not the manifest's */
    struct span customer;      /* whom the money touches, for the row: first scope marked `who` */
    struct span
        counted_id; /* the object that `counted(...)` was asked about: what this call adds belongs to it; SPAN_NONE: none */
    struct object_read wanted; /* to be read first; all else here is not to be relied on until none is wanted */
    bool split;                /* the two below are there: what `query`, and `body` where it is a form, say */
    struct pairs query_pairs, form;
};
struct asked {
    const struct vendor *vendor;
    const struct matched *matched;
    const struct http_head *head; /* scope headers, content type, ... */
    struct span query, body;
    struct span account;          /* the credential's account id */
    const struct node *settings;  /* configuration of this vendor: unit prices, country table; may be NULL */
    const struct fx *fx;          /* rates for currencies that the settings have none for (rules/fx.h); may be NULL */
    bool read_objects;            /* objects are to be read where rules need them; false: what needs one is unknown */
    const struct object *objects; /* those that were */
    size_t object_count;
    /* What this gate has counted for an object of this credential already, in nano-dollars (rules: `counted(path.intent)`); NULL:
     * 0. */
    int64_t (*counted)(void *self, struct span object_id);
    void *counter;
    /* For operations with a dialect: no policy rules on parameters of the body, so it need not be read here too. */
    bool leave_body;
};
/* E_BAD_REQUEST, E_NOT_CANONICAL, E_SCOPE_DENIED (foreign account), E_PARAMETER_DENIED, ... with *why (in a). A scope that a
 * call must show and does not is given as "?", which no list of allowed objects holds; scopes_unresolved only says that there
 * were more than can be noted. Messages whose number is not known are 10^12 of them. Call it once per call, before compose. */
CHECKED enum err vendor_understand(
    struct json *j, const struct asked *q, struct arena *a, struct understood *out, struct span *why);

/* What the fields of a request's head say of whom it is for, another account, say: two requests that differ in it are two. */
void vendor_whom(const struct vendor *v, const struct operation *op, const struct http_head *h, struct buf *out);

/* The vendor's own id of this request, from its answer's head; SPAN_NONE: it gives none. Lives as long as the head. */
struct span vendor_request_id(const struct vendor *v, const struct http_head *answer);

enum look_up_verdict { LOOK_UP_HAPPENED, LOOK_UP_ABSENT, LOOK_UP_UNCLEAR };

/* Whether money or messages leave with this call, as vendor_understand reckoned it; what was not understood (models' calls) goes by its
 * operation alone. What costs nothing since it was counted before moves money all the same. */
bool vendor_moves_money(const struct operation *op, const struct understood *u);

/* After the answer. `kept`: the outcome is not final (a price that comes later): settle the estimate and mark it. */
struct settled {
    bool known;    /* real[] holds; false: nothing could be read, settle the reservation */
    bool replayed; /* an idempotent replay: costs nothing */
    bool estimate; /* real[] is still an estimate */
    int64_t real[UNIT_COUNT];
    bool pending;          /* what it really cost is told later: real[] counts until vendor_late_answer says so */
    bool told[UNIT_COUNT]; /* of a late answer: real[] of this unit is what it says; other units stay as they were settled */
    struct span object_id; /* ch_..., SM... */
};
void vendor_settle(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer,
    struct span body, struct arena *a, struct settled *out);

/* ---- what it really cost, told later (a text message's price, an intent's end): the manifest's `late` of the operation ----
 * vendor_settle says `pending`; then the object it made is read at these times after the call, until it is final. (late.c) */
enum { VENDOR_LATE_TIMES = 8 };
struct late {
    struct span path, query;             /* a GET of the same vendor */
    int64_t after_ms[VENDOR_LATE_TIMES]; /* when to ask, after the call; the last one is repeated */
    size_t times;
    int64_t patience_ms; /* after that the reservation is taken for the price */
};
/* False: this operation has none. object_id: as settled. */
bool vendor_late(const struct asked *q, const struct understood *u, struct span object_id, struct arena *a, struct late *out);
/* HAPPENED: final, *out is what it cost. UNCLEAR: not yet. ABSENT: there is no such object (any more). */
enum look_up_verdict vendor_late_answer(struct json *j, const struct asked *q, const struct understood *u,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out);

/* The upstream request: origin index, path, allowed and added fields, signed with the secret. */
struct vendor_origin {
    struct span base_url; /* "https://files.stripe.com" */
};
/* All base URLs a manifest can reach, for building connection origins; index is what vendor_compose returns. */
const struct vendor_origin *vendor_origins(const struct vendor *v, size_t *count);
struct vendor_secret {
    struct span hook_secret;     /* that the vendor signs its calls to us with; SPAN_NONE: none was given */
    struct span secret, account; /* account: SPAN_NONE unless needs_account */
    struct span key_id;          /* user name where the API key pair has one (Twilio SK...) */
};
enum { VENDOR_ONCE_MOST = 64 };
struct compose {
    const struct vendor *vendor;
    const struct matched *matched;
    const struct http_head *head;
    struct span path, query;  /* canonical */
    struct span content_type; /* of the body that is sent; SPAN_NONE: as the caller's */
    int64_t length;           /* of the body; -1: chunked; 0 with no body method: no framing field */
    const struct vendor_secret *secret;
    struct span once;      /* idempotency key for the vendor, in place of the caller's, at most VENDOR_ONCE_MOST bytes; not sent
                              where the operation is not idempotent. SPAN_NONE: none is sent */
    const struct http_field *more; /* of the caller's that go on beside the manifest's own */
    size_t more_count;
    struct span authority; /* for Host; SPAN_NONE: from the origin */
    struct span token;     /* of a brokered vendor: what vendor_token_answer gave */
    struct span body;      /* as it is sent, for vendors whose requests are signed; streamed bodies cannot be: vendor_signs */
    const struct node *settings; /* configuration of this vendor, for signatures (a region); may be NULL */
    int64_t now_ms;              /* for signatures */
};
/* Whether requests carry a signature over their body: then it is read whole before it is sent. */
bool vendor_signs(const struct vendor *v);
/* The key in a body, where SDKs put it there (Plaid, Slack, Vonage); SPAN_NONE: none. */
struct span vendor_body_key(struct json *j, const struct vendor *v, const struct http_head *h, struct span body, struct arena *a);
/* The canonical body without the caller's key and with the secret, for vendors with key_in_body or secret_in_body: as late as it
 * is sent, since nothing that is kept may hold it. It is in a, and the caller's to wipe when it is sent. SPAN_NONE: no memory, or
 * no place in it. */
struct span vendor_dress_body(struct json *j, const struct vendor *v, const struct operation *op, struct span body,
    const struct vendor_secret *secret, struct arena *a);
/* Whether a vendor can do anything with this text as a secret (a key file can be signed with); else what is allowed. */
bool vendor_secret_fits(const struct vendor *v, struct span secret, const char **why);
/* The request for a token of a brokered vendor (OAuth2 client credentials, or a service account's assertion, good from now_ms on):
 * origin's index, whole head with body. It holds the secret: the caller's to wipe. */
size_t vendor_token_request(const struct vendor *v, const struct vendor_secret *secret, int64_t now_ms, struct buf *request);
/* Its answer: the token, and for how long it holds (as the vendor says; 5 minutes where it does not). False: none, with why. Both
 * in a. */
bool vendor_token_answer(
    struct json *j, int status, struct span body, struct arena *a, struct span *token, int64_t *lasts_ms, struct span *why);
/* What a caller that asks for a token itself is told (an operation that grants): its own key, as a bearer. Nothing is forwarded.
 */
void vendor_grant(struct span key, struct buf *body);
/* Writes the whole request head. Returns the origin's index. */
size_t vendor_compose(const struct compose *c, struct arena *a, struct buf *head);
/* What became of a call whose answer was lost, for vendors without idempotency keys: the manifest's `doubt` of the operation
 * says what to read and how to know the call again in it. `ask` is a GET of the same vendor: canonical path and query in a.
 * sent_ms: when the lost call was sent. False: it cannot be looked up. */
struct look_up {
    struct span path, query;
    int64_t patience_ms; /* how long after sending an absence means that it never happened */
};
bool vendor_look_up(
    struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms, struct arena *a, struct look_up *out);
/* One object that matches: HAPPENED, and *out as vendor_settle would have it. Several, or none but some that could be it:
 * UNCLEAR. An object that another call is known to have made (out->object_id) is not this one's: the caller's to check. */
enum look_up_verdict vendor_looked_up(struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out);
/* The same from the answer to the call asked again under its idempotency key, which vendor_settle would get wrong: a replay
 * costs nothing more, but it proves that the first one was carried out; and of a 409 or 429 nothing follows. */
enum look_up_verdict vendor_asked_again(struct json *j, const struct asked *q, const struct understood *u,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out);

/* Which fields of the vendor's answer the caller may see (no Set-Cookie, no hop-by-hop, no redirect out of the gate);
 * fields of the result are in a. */
void vendor_answer_fields(
    const struct vendor *v, const struct http_head *answer, struct arena *a, struct http_field **fields, size_t *count);

/* Whether this vendor's JSON answers hold absolute links to its own hosts (the manifest's rewrite_links); and the body with
 * each of them led back through the gate. `gate` is what stands before the vendor's path there: "http://127.0.0.1:8080/twilio".
 */
bool vendor_rewrites_links(const struct vendor *v);
bool vendor_owns_url(const struct vendor *v, struct span url); /* it leads to the vendor's own host */
void vendor_rewrite_links(const struct vendor *v, struct span gate, struct span body, struct buf *out);
/* The answer's Link fields in one, led back through the gate where rewrite_links says so, to be added to vendor_answer_fields,
 * which leaves them out; SPAN_NONE: there are none. */
struct span vendor_link_field(const struct vendor *v, const struct http_head *answer, struct span gate, struct arena *a);

/* Whether parts of this operation's answers are blotted out (`redact`), and the JSON body with them so. False: it cannot be read,
 * and must not be passed on. (guard.c) */
bool vendor_guards(const struct vendor *v, const struct operation *op);
bool vendor_guard(struct json *j, const struct vendor *v, const struct operation *op, struct span body, struct buf *out);

/* ---- calls of the vendor's to us: webhooks, status callbacks; the manifest's `hook` (hook.c) ---- */
struct hook_request {
    const struct http_head *head;
    struct span body;
    struct span url; /* as the vendor called it, for signatures over it: "https://gate.example/hooks/twilio/main?call=1" */
    struct span query;
    struct span secret; /* the credential's hook_secret, or its secret where the vendor signs with that */
    int64_t now_ms;
};
/* E_OK; E_KEY_UNKNOWN: no signature, a wrong one, or an old one: *why is a constant. */
CHECKED enum err vendor_hook_verify(const struct vendor *v, const struct hook_request *r, struct arena *a, const char **why);
enum { HOOK_OBJECTS = 8 };
struct hook_event {
    struct span id;   /* the vendor's, to take each once; SPAN_NONE: it has none */
    struct span type; /* "charge.dispute.created" */
    struct span kind; /* "dispute", "refund", "payout", ...; SPAN_NONE: the manifest has no rule for it: only noted */
    struct span objects[HOOK_OBJECTS]; /* what it is about, the most telling first: looked for among what calls made */
    size_t object_count;
    bool cost_known;
    int64_t usd;     /* nano; what moved, beside the call that made the object */
    bool asks_again; /* the object's late price may be known now */
};
CHECKED enum err vendor_hook_read(struct json *j, const struct vendor *v, const struct hook_request *r,
    const struct node *settings, const struct fx *fx, struct arena *a, struct hook_event *out, const char **why);
/* Where the vendor is told to call back with each call (`hook.callback`): the parameter's name ("StatusCallback"), or SPAN_NONE.
 */
struct span vendor_callback_parameter(const struct vendor *v, const struct operation *op);
/* A callback of the agent's own that the gate took the place of, signed as the vendor would have: fields to send, in a. */
size_t vendor_hook_sign(
    const struct vendor *v, struct span url, struct span body, struct span secret, struct arena *a, struct http_field fields[2]);

/* A refusal in this vendor's own shape: body, status, content type; further fields (retry-after) may be added to. */
struct denial {
    enum err code;
    struct span call_id;
    struct span message;                           /* a whole explanation */
    struct span rule;                              /* "budget support-agent/0: 100 usd a day" */
    struct span unit;                              /* of the four amounts: "usd" */
    struct span limit, spent, reserved, attempted; /* decimal text or SPAN_NONE */
    int64_t resets_at;                             /* Unix ms; 0: never or not a matter of time */
    bool as_429;                                   /* the workspace answers caps with 429 */
};
/* Writes it and gives its status. v may be NULL: then it has our own plain JSON shape. */
void vendor_deny_details(const struct denial *d, struct buf *out); /* the JSON object that tells the rule and the amounts */
int vendor_deny(const struct vendor *v, const struct denial *d, struct buf *body, struct span *content_type);

#endif
