/* SPDX-License-Identifier: Apache-2.0
 * manifest.h - the inside of a compiled manifest; for this folder only. The language: docs/manifests.md.
 *
 * Read vendor.h first, then rule.h: what rules are made of. manifest.c compiles the file, operation.c its operations, route.c
 * their paths; envelope.c and send.c how requests are dressed, scope.c, parameter.c, objects.c, doubt.c, late.c, once.c, hook.c,
 * guard.c, graphql.c, in_query.c, spelling.c and deny.c what is named like them. understand.c, settle.c and look_up.c run it. Everything lives in the
 * arena it was compiled into and never changes. */
#ifndef TG_VENDOR_MANIFEST_H
#define TG_VENDOR_MANIFEST_H

#include "rules/policy.h"
#include "vendor/moment.h"
#include "vendor/rule.h"

/* ---- rules of the whole manifest ---- */

enum transform {
    AS_IS,
    AS_ADDRESS,
    AS_DOMAIN,
    AS_PHONE,
    AS_COUNTRY,
    AS_LAST,   /* the last step of a path: of a URL of the vendor's that names an object */
    AS_UNTOLD, /* whatever stands there is "?": it may show anything */
    AS_CLAUSE  /* of a search text, the one value of a name (clause.c) */
};

/* Which calls must show a scope: those that do not are noted as touching "?" (unless the operation is `unscoped`). */
enum shown { SHOWN_NEVER, SHOWN_MONEY, SHOWN_ALWAYS };

struct scope_source {
    struct span name; /* "stripe.customer" */
    struct field *fields;
    size_t count;
    enum transform transform;
    struct span clause; /* the name, AS_CLAUSE */
    char split;         /* each value is cut there first; 0: it is one */
    bool who;           /* the call row's customer */
    bool pinned;        /* what it shows is refused unless the policy has a rule about it */
    enum shown must_show;
};

enum parameter_kind {
    PARAMETER_ANY,
    PARAMETER_INTEGER,     /* digits, no leading zero, at most 12 of them; once */
    PARAMETER_ONE,         /* at most one value */
    PARAMETER_DECIMAL,     /* an exact decimal number; once */
    PARAMETER_BOOLEAN,     /* true or false; once. Of forms and queries, in any letter case: written on in lower case */
    PARAMETER_ADDRESS,     /* each text is exactly one mail address */
    PARAMETER_LINE,        /* each text is of one line */
    PARAMETER_MAIL_HEADERS /* an object of header fields (mail_header.c) */
};

/* A number in the manifest, or the setting that holds it. */
struct bound {
    bool by_setting;
    struct field setting;
    struct span text;
    int64_t value; /* times 10^PARAMETER_DIGITS */
};

struct parameter_check {
    struct field field;
    enum parameter_kind kind;
    bool required, forbidden;
    struct span *allowed;
    size_t allowed_count;
    const struct bound *min, *max; /* NULL: none */
    struct span like;              /* '*' wildcard; SPAN_NONE: any */
    struct span pattern_text;
    const struct pattern *pattern;        /* NULL: none */
    const struct node *fallback;          /* put in where the call has none; NULL: nothing */
    const struct field *fallback_setting; /* that goes before it; NULL: none */
    struct span note;                     /* why; for the refusal */
};

enum carrier_kind {
    CARRY_SCHEME,
    CARRY_BASIC_USER,
    CARRY_BASIC_PASSWORD,
    CARRY_HEADER,
    CARRY_QUERY,
    CARRY_BODY,  /* a member or parameter of the body, at its top */
    CARRY_SIGV4, /* the access key id of an AWS signature: only read */
    CARRY_NONE   /* `send_rules` say how it goes out: only sent */
};

struct carrier {
    enum carrier_kind kind;
    /* Scheme ("Bearer"), header field, query or body parameter. basic_password: when reading, a pattern the user name must be
     * like; when sending, the user name (SPAN_NONE: the credential's key id or account). */
    struct span name;
};

struct origin {
    struct span name;       /* "files" */
    struct span authority;  /* for Host */
    struct span base_path;  /* "" or "/prefix": goes before the path */
    struct span prefix;     /* "/verify": taken off the path */
    struct span public_url; /* the vendor's own, whatever the configuration says: for links in answers */
    struct span host_line;  /* compiled: " HTTP/1.1\r\nhost: ...\r\naccept-encoding: identity\r\n" */
};

/* A step of a path or a value of a query with one place to fill in: "{path.Sid}.json". */
struct blank {
    struct span name; /* of the query's parameter */
    struct span before, after;
    bool account;             /* the credential's account stands there */
    bool given;               /* what the asker has in hand: the id of an object */
    const struct expr *value; /* a field; NULL (and neither of these): `before` is all there is */
};

/* A GET of the same vendor with places to fill in (ask.c). */
struct ask {
    struct blank *path, *query;
    size_t path_count, query_count;
    size_t operation; /* that is asked */
};
/* Canonical path and query, in the subject's arena; `given` goes where the manifest says {object} or {id}. False: a step has no
 * value, or what was filled in makes it another operation. */
bool ask_fill(struct subject *s, const struct ask *ask, struct span given, struct span *path, struct span *query);

/* How the object that a call made is known again: what it says here must be what the call said there. */
struct likeness {
    struct field theirs, ours;
    bool sure; /* where it differs it is another call's object; else it may be this one's, written differently */
};

/* How a call whose answer was lost is looked up. */
struct search {
    struct ask ask;
    const struct expr *when; /* NULL: always */
    struct field list, more, created;
    enum clock clock;
    struct likeness *members;
    size_t count;
    int64_t early_ms, late_ms, patience_ms;
};

struct hook_rules;  /* hook.c: the vendor's calls to us */
struct send_rules;  /* send.c: secrets that are not simply put into a field: body, OAuth2, signatures */
struct spelling;    /* spelling.c: members that have one spelling */
struct root_fields; /* graphql.c: operations by the root field of a document */

/* A list of fields. */
struct fields {
    struct field *list;
    size_t count;
};

/* An object that calls name by id and that can be read (objects.c). */
struct object_rule {
    struct span name;
    struct fields id;  /* where calls name it; an operation may say it better */
    struct span *like; /* patterns of its ids; none: any */
    size_t like_count;
    struct ask read;      /* with {id} to fill in */
    struct span *lasting; /* paths below it that never change once they are there */
    size_t lasting_count;
    int64_t remember_ms;
    struct field *noted; /* what rules look at, each once: roots are ROOT_ANSWER */
    size_t noted_count;
};

/* Where one operation names one object. */
struct object_source {
    size_t object;
    struct fields fields;
};

/* What an operation has beside its public face. */
struct rules {
    size_t origin;
    struct span upstream; /* its path at the vendor ("/chat/{model}"), where callers use another; SPAN_NONE: they do not */
    struct span *captures; /* names in the order of the template's values */
    size_t capture_count;
    const struct expr *reserve[UNIT_COUNT], *settle[UNIT_COUNT];
    bool has_reserve;
    bool unscoped;
    struct scope_source *scopes;
    size_t scope_count;
    struct parameter_check *parameters;
    size_t parameter_count;
    struct span *in_query; /* beside the manifest's */
    size_t in_query_count;
    const struct spelling *spellings; /* members of a JSON body that rules look at (spelling.c); NULL: none */
    const struct field *object_id; /* of the answer: the id of what the call made; NULL: none */
    bool object_id_last;           /* ... behind its last slash: "models/veo/operations/1" is 1 */
    struct search *search;         /* NULL: it cannot be looked up */
    struct late_rules *late;       /* NULL: what it costs is known with its answer */
    struct fields redact;          /* blotted out of answers, beside the manifest's */
    struct object_source *objects; /* that it may name: the manifest's, or its own; NULL: none */
    size_t object_count;
    struct root_fields *fields; /* NULL: the path says what it does */
    bool by_field;              /* reached only so: `call: FIELD` */
    uint32_t next;              /* operation + 1 at the same path; 0: last */
};

/* A step of a path: a literal, or a captured value with a fixed end ("{Sid}.json"). Literals win over captures, longer ends
 * over shorter ones, and there is no way back: what a literal step leads to is never tried as a captured value. */
struct route_node {
    struct span text; /* literal, or the fixed end of a capture */
    uint32_t parent;
    uint32_t capture;      /* first capture child, by falling length of end; 0: none */
    uint32_t next_capture; /* sibling */
    uint32_t operation;    /* first operation + 1; others by rules.next */
};

enum part_kind { PART_TEXT, PART_STRING, PART_DETAILS, PART_STATUS, PART_TABLE };
enum part_source { SAY_CODE, SAY_MESSAGE, SAY_CALL, SAY_RULE };

struct part {
    enum part_kind kind;
    enum part_source source;
    struct span text;  /* PART_TEXT */
    struct span *rows; /* PART_TABLE: by enum err */
};

struct deny {
    struct span content_type;
    int status[ERR_COUNT];
    struct part *parts;
    size_t count;
};

enum { MANIFEST_CURRENCIES = 64, MANIFEST_ORIGINS = 64 };

struct currency {
    char code[3];
    int exponent;
};

struct manifest {
    struct vendor *vendor;
    struct vendor_origin *public_origins;
    struct origin *origins;
    size_t origin_count;
    bool single_origin;          /* base_url was configured: nothing else is reached */
    struct span optional_prefix; /* "/v1": a path without it gets it */
    struct span *ignored_prefixes; /* "/api": taken off a path that has it, the longest that fits */
    size_t ignored_count;

    struct span *in_query;     /* parameters that any operation takes in its query beside its body (in_query.c) */
    size_t in_query_count;
    struct span default_query; /* pairs that are added where the caller has none of that name; SPAN_NONE: none */
    struct carrier *carriers;
    size_t carrier_count;
    struct carrier send;         /* how the secret is sent */
    struct span *allowed_fields; /* the caller's fields that go on */
    size_t allowed_count;
    uint64_t allowed_lengths;          /* bit n: one of them has n bytes */
    struct http_field *default_fields; /* sent when the caller has none of that name */
    size_t default_count;
    struct span *dropped_answer_fields;
    size_t dropped_count;
    uint64_t dropped_lengths;
    struct span *exclusive; /* fields of which at most one may be given */
    size_t exclusive_count;
    bool rewrite_links;          /* JSON answers hold absolute links to these origins */
    struct span account_capture; /* must be the credential's account */

    struct operation *operations;
    struct rules *rules;
    size_t operation_count;
    struct route_node *routes;
    size_t route_count;
    uint32_t *edges; /* hash table of literal steps: node + 1 */
    size_t edge_mask;
    uint32_t start; /* node behind optional_prefix */

    struct span *repeat;
    size_t repeat_count;
    struct scope_source *scopes;
    size_t scope_count;
    struct parameter_check *parameters;
    size_t parameter_count;
    struct currency *currencies;
    size_t currency_count;
    int currency_default; /* exponent of the others; -1: they are unknown */
    const struct node *settings;
    struct span *once_calls; /* patterns of the calls that take an idempotency key */
    size_t once_call_count;
    int64_t *once_final; /* statuses of a call asked again that prove that it was not carried out */
    size_t once_final_count;
    struct http_field replayed;    /* marks an idempotent replay; name SPAN_NONE: none */
    struct span request_id;        /* answer field */
    const struct field *object_id; /* of operations that move money and name none themselves; NULL: none */
    struct deny deny;
    struct object_rule *objects;
    size_t object_count;
    struct object_source *sources; /* of operations that say nothing themselves */
    size_t source_count;
    struct fields redact;
    struct hook_rules *hook;  /* NULL: it does not call us */
    struct send_rules *dress; /* NULL: `send` says all */
};

/* What stands in the arguments of a GraphQL request's root fields, variables filled in: a JSON list with one object for each
 * field, in a. The body is that of an operation `by_field`. (graphql.c) */
CHECKED enum err graphql_arguments(struct json_value body, struct arena *a, struct span *json, struct span *why);

/* The path as it is matched: without ignored_prefix. *lacks_prefix: optional_prefix is to be put back. */
struct span route_path(const struct manifest *m, struct span path, bool *lacks_prefix);

#endif
