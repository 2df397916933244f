/* SPDX-License-Identifier: Apache-2.0
 * send.h - how a secret goes out where it is not simply put into one field: several fields, the body, a token that is fetched
 * with it (OAuth2), a signature made with it (SigV4, HMAC); for this folder only.
 *
 * send.c compiles it and fills fields and bodies, oauth2.c, sigv4.c and hmac.c do what their names say, compose.c calls them. */
#ifndef TG_VENDOR_SEND_H
#define TG_VENDOR_SEND_H

#include "vendor/compile.h"

enum send_kind { SEND_FIELDS, SEND_TOKEN, SEND_SIGV4, SEND_HMAC };
enum send_value { SEND_SECRET, SEND_KEY_ID, SEND_ACCOUNT, SEND_NOTHING /* the caller's is only taken out */ };

struct send_field {
    struct span header, query, body; /* names; one of them, or query and body: calls without a body have it in the query */
    enum send_value value;
};

enum token_grant { GRANT_CLIENT, GRANT_KEY_FILE /* a service account's assertion */, GRANT_API_KEY /* IBM's: the key itself */ };

struct token_rules {
    enum token_grant grant;
    struct span path, query; /* as they are sent */
    struct span scope;
    bool in_body; /* id and secret stand in the body, not in Basic (RFC 6749, 2.3.1) */
    size_t origin;
};

struct sigv4_rules {
    struct span service, region;
    struct span region_setting; /* instead of region */
};

struct hmac_rules {
    struct span header, prefix, text;
    struct span timestamp, key_id; /* header fields; SPAN_NONE: not sent */
    enum clock clock;
    bool base64; /* else hex */
};

struct send_rules {
    enum send_kind kind;
    struct send_field *fields;
    size_t count;
    struct token_rules token;
    struct sigv4_rules sigv4;
    struct hmac_rules hmac;
};

/* envelope.c: a word, "header:x-key". */
bool carrier_read(struct compiler *c, const struct node *n, const char *path, struct span text, struct carrier *out);
/* Each a map below `send`; false with the trouble said. */
bool token_rules_read(struct compiler *c, const struct node *n, struct token_rules *out);
bool sigv4_read(struct compiler *c, const struct node *n, struct sigv4_rules *out);
bool hmac_read(struct compiler *c, const struct node *n, struct hmac_rules *out);

/* Whether the gate writes this (lower case) header field itself: a manifest must not let the caller's through. */
bool send_writes(const struct manifest *m, struct span header);
/* Whether a query parameter is the caller's key or signature, or in the place of the secret's: it never goes on. */
bool send_owns_query(const struct manifest *m, struct span name);
/* The fields of the list that go into the query of this operation. `mark` stands before the next parameter: '?' or '&'; so does
 * the one that is given back. */
char send_put_query(
    struct buf *b, const struct manifest *m, const struct operation *op, const struct vendor_secret *s, char mark);
/* Those that are header fields. */
void send_put_headers(struct buf *b, const struct manifest *m, const struct vendor_secret *s);

/* A request that is signed, as it is written. */
struct signing {
    const struct compose *compose;
    const struct origin *origin;
    struct span path, query; /* of the target that is sent; the query without '?' */
    struct span type;        /* content type; SPAN_NONE: none is sent */
};
/* Both put header fields; without what they need the buf is broken and nothing is sent. */
void sigv4_put(struct buf *b, const struct signing *s);
void hmac_put(struct buf *b, const struct signing *s, struct arena *a);
/* A query as AWS signs it, so that what is sent and what is signed are the same bytes. False: it cannot be. */
bool sigv4_query(const struct manifest *m, struct span query, struct arena *a, struct buf *out);
/* "tg_1" in "AWS4-HMAC-SHA256 Credential=tg_1/20261121/eu-west-1/ses/aws4_request, ..."; SPAN_NONE: no such signature. */
struct span sigv4_key(struct span authorization);

#endif
