/* SPDX-License-Identifier: Apache-2.0
 * facts.h - what is known of a call when it is decided: the one thing that policies, budgets and audit all read.
 *
 * Filled in step by step by the pipeline; spans live in the call's arena or the snapshot. */
#ifndef TG_RULES_FACTS_H
#define TG_RULES_FACTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/money.h"
#include "base/span.h"

enum unit { UNIT_USD, UNIT_TOKENS, UNIT_TOKENS_IN, UNIT_TOKENS_OUT, UNIT_REQUESTS, UNIT_MESSAGES, UNIT_CALLS, UNIT_COUNT }; /* CALLS: at once */

/* An object the call touches, by the name policies pin it with: {"stripe.customer", "cus_A"}. */
struct scope {
    struct span name, value;
    bool pinned; /* only a policy with a rule about this name lets the call through */
};
/* Its value where the call touches such an object and does not say which: a refund names a charge, and not whose it was. */
#define FACTS_UNTOLD SPAN("?")

/* A request parameter that policies may bound: {"amount", "5000"}; nested ones by dots ("metadata.order"). */
struct parameter {
    struct span name, value;
    bool number;
};

/* A member of the call's metadata: texts as they are, numbers and booleans as JSON writes them; nothing nested. */
struct tag {
    struct span name, value;
};

enum { FACTS_SCOPES = 64, FACTS_PARAMETERS = 512, FACTS_TAGS = 64 };

struct facts {
    struct span workspace, key_id, user, team;
    struct span run, step;
    struct span vendor, operation;
    struct span model; /* LLM only */
    struct span links[2]; /* of a link to a result that is fetched: the calls that it is of */
    const struct scope *scopes;
    size_t scope_count;
    bool scopes_unresolved; /* an object's owner could not be found out: fails any scope rule of that name */
    const struct parameter *parameters;
    size_t parameter_count;
    const struct tag *tags;
    size_t tag_count;
    struct span metadata; /* the same as one JSON object, with what is nested; SPAN_NONE: the key has none, and the call's was not looked at yet */
    bool secret;              /* the operation gives away or makes a secret: a wildcard does not allow it */
    bool writes;              /* changes something at the vendor (not a read) */
    bool billed;              /* a read that its vendor bills (a lookup, a validation), as far as its request tells */
    bool moves_money;         /* money or messages leave with this call */
    bool refund;              /* what it moves goes back to a customer: `refunds: net` counts it down */
    bool cost_known;          /* `worst` holds; false: price or currency unknown */
    int64_t worst[UNIT_COUNT]; /* USD in nano; the reservation */
};

/* What facts.tags are: the key's own, then the members of the call's metadata (an object, or absent) that the key does not set:
 * what the operator wrote on a key is not the agent's to change. Lists, objects and nulls are no tags. E_BAD_REQUEST: no object, a
 * name that stands twice, or more than FACTS_TAGS together: a tag that was dropped might be the one a budget asks for; *why is a
 * constant sentence. Everything is copied into a; without a call's metadata *out is `own`. */
CHECKED enum err tags_read(struct json_value metadata, const struct tag *own, size_t own_count, struct arena *a, const struct tag **out, size_t *count, const char **why);
/* SPAN_NONE: no such tag. */
struct span tag_find(const struct tag *tags, size_t count, struct span name);

#endif
