/* SPDX-License-Identifier: Apache-2.0
 * draft.h - a manifest drafted from an OpenAPI document (2.0, 3.x): what of the document a manifest can use, and what can be guessed
 * from it. Private to cli/.
 *
 *   draft_read.c   the document: calls with their parameters and fields
 *   draft_where.c  its servers and its security
 *   draft_name.c   "POST /v1/charges/{id}/capture" is charges.capture
 *   draft_guess.c  what costs, what is sent to whom, what is secret
 *   draft_write.c  the YAML, with a comment at everything that is a guess
 *   vendor_draft.c the verb
 *
 * A draft errs on the side of asking: what sounds like money without an amount is marked as moving money, and so refused under a money
 * budget until somebody says what it costs. */
#ifndef TG_CLI_DRAFT_H
#define TG_CLI_DRAFT_H

#include "base/arena.h"
#include "base/json.h"

enum { DRAFT_CALLS = 65536, DRAFT_FIELDS = 120 /* of one body */, DRAFT_HEADERS = 64, DRAFT_SCOPES = 8, DRAFT_RECIPIENTS = 6, DRAFT_QUERIES = 16 };

enum draft_type { TYPE_OTHER, TYPE_TEXT, TYPE_INTEGER, TYPE_NUMBER, TYPE_BOOLEAN };

/* A scalar of a request's body. */
struct draft_field {
    struct span path;   /* "amount.value", "items.*.price" */
    struct span name;   /* the last name in it */
    enum draft_type type;
    bool mail;          /* format: email */
    bool required;      /* the document says so, all the way */
    bool listed;        /* it, or something above it, is a list */
    int depth;
};

enum draft_body { DRAFT_NO_BODY, DRAFT_JSON, DRAFT_FORM, DRAFT_MULTIPART, DRAFT_OPAQUE, DRAFT_BODIES };

struct draft_call {
    struct span method, path; /* "POST", "/charges/{id}" */
    struct span name;         /* "charges.create" */
    struct span summary;
    enum draft_body body;
    struct draft_field *fields;
    size_t field_count;
    bool answers_id;      /* its answer has an `id` at the top */
    bool idempotent;      /* takes an idempotency key */
    bool twin;            /* differs from another call in nothing a path can show */
    struct span trouble;  /* why it cannot be in the manifest; SPAN_NONE: it can */
    /* guesses */
    bool secret, money;   /* money: it sounds like it, and no amount was found */
    const struct draft_field *amount, *currency;
    const struct draft_field *to[DRAFT_RECIPIENTS];
    size_t to_count;
    bool mails;           /* recipients are mail addresses */
    struct span queries[DRAFT_QUERIES]; /* parameters of its query */
    size_t query_count;
};

/* An object that calls name: a scope. */
struct draft_scope {
    struct span name;
    struct span fields[8];
    size_t count;
    bool who;
};

struct draft {
    struct arena *arena;
    struct json_value document;
    int version; /* 2 or 3 */
    struct span title, slug, base_url;
    bool guessed_url;
    struct span only_path; /* in place of a "/" that is the document's only path */
    struct span key_in, send, security; /* security: what the document says of it, for a comment */
    struct draft_call *calls;
    size_t count;
    struct span once; /* idempotency header */
    struct span headers[DRAFT_HEADERS];
    size_t header_count;
    struct draft_scope scopes[DRAFT_SCOPES];
    size_t scope_count;
    struct span deny; /* a JSON template; SPAN_NONE: none found */
    bool prices;      /* something is counted by a unit price */
    bool minor;       /* an amount is in a currency's smallest unit */
};

/* Follows $ref inside the document; absent when it leads nowhere. */
struct json_value draft_resolve(const struct draft *d, struct json_value v);
/* E_BAD_REQUEST with why[]: no OpenAPI document. d->arena, slug and base_url (or SPAN_NONE) are set. */
CHECKED enum err draft_read(struct draft *d, struct json_value document, char why[200]);
/* Address and security, from the document. */
void draft_where(struct draft *d);
/* The n-th of a list; absent when there are fewer. */
struct json_value draft_element(struct json_value list, size_t index);
/* A name that a rule can say: no dots, blanks or brackets in it; and one of a header field. */
bool draft_sayable(struct span name);
bool draft_field_name(struct span s);
struct span draft_lower(struct arena *a, struct span s);
/* The scalars of a schema. */
void draft_fields(const struct draft *d, struct json_value schema, struct draft_call *call);
/* Names all calls, each differently. */
void draft_names(struct draft *d);
/* Small letters, digits and '_' ("createdAt" is created_at). */
struct span draft_word(struct arena *a, struct span text);
void draft_guess(struct draft *d);
/* A refusal in the shape of the API's own errors. */
void draft_denial(struct draft *d, struct json_value schema);
void draft_write(const struct draft *d, struct buf *out);

#endif
