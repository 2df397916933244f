/* SPDX-License-Identifier: Apache-2.0
 * portkey.h - what callers say in Portkey's header fields, and what they are told in return. Inside flow/ only.
 *
 * x-portkey-config and -provider, -metadata, -api-key mean what ours mean and are read with ours; here is the rest. What has no effect at
 * this gate is never taken silently: x-tollgate-dropped names it (docs/portkey.md). */
#ifndef TG_FLOW_PORTKEY_H
#define TG_FLOW_PORTKEY_H

#include "base/span.h"
#include "http/client.h"
#include "http/head.h"

struct exchange;
struct credential;

enum { PORTKEY_FORWARDS = 16 };

/* Zeroed: no field of Portkey's came. */
struct portkey {
    bool spoken;          /* one came: the answer has Portkey's fields, a refusal its members, too */
    struct span trace;    /* to be echoed; SPAN_NONE: our call id */
    int64_t request_ms;   /* -request-timeout: goes before that of any target; 0: not said */
    struct span host;     /* -custom-host */
    struct span credential; /* -virtual-key: one of the key's credentials, by its name */
    struct span forwards[PORTKEY_FORWARDS]; /* -forward-headers: lower case, those that may be */
    size_t forward_count;
    bool refresh;         /* -cache-force-refresh */
    struct span namespace_; /* -cache-namespace; SPAN_NONE: none */
    bool unkept;          /* -debug: false: nothing of this call goes into the cache */
    struct span dropped;  /* "x-portkey-azure-api-version, x-portkey-forward-headers: cookie"; SPAN_NONE: nothing */
};

/* Reads them; false: the call is refused for a value that is none. */
bool portkey_read(struct exchange *x);
/* The vendor is known: is it at the host that the caller means? false: refused. */
bool portkey_host_fits(struct exchange *x);
/* The one that the caller names and the key has; NULL: it names none, or one that is not the key's. */
const struct credential *portkey_credential(const struct exchange *x);
/* The caller's own time for an answer's head. */
void portkey_deadlines(const struct exchange *x, struct http_deadlines *d);
/* The caller's fields that it wants its vendor to see, beside those that the vendor's manifest lets through; more: a target's own names.
 * In x's arena. Never what says who asks, for what account, or how bytes are framed. */
size_t portkey_forwards(struct exchange *x, const struct span *more, size_t more_count, struct http_field **out);
bool portkey_may_forward(struct span name);

/* How the call went, as Portkey says it. */
enum { PORTKEY_FIELDS = 5 };
size_t portkey_fields(struct exchange *x, struct http_field list[PORTKEY_FIELDS]);
/* "semantic_hit": "SEMANTIC HIT"; "off": "DISABLED". */
struct span portkey_cache_word(struct span ours);
/* A refusal's body in Portkey's shape beside its own: {"status":"failure","message":...,"error":{...}}. */
void portkey_deny(struct exchange *x, struct span message);
/* Its status: what ran into the caller's own time, or its config's, is 408 there. */
int portkey_status(const struct exchange *x, int status);

#endif
