/* SPDX-License-Identifier: Apache-2.0
 * policy.h - what a key may do. Pure questions on facts; each refusal explains itself.
 *
 * allow and deny hold operation patterns ("stripe.charges.create", "stripe.customers.*", "openai.*"); deny wins; what is
 * not allowed is denied. `models` absent: every model. A scope rule or parameter rule that is present must be met by every
 * value of that name in the call, and a call to that vendor whose scope is unresolved fails it. */
#ifndef TG_RULES_POLICY_H
#define TG_RULES_POLICY_H

#include "base/err.h"
#include "base/node.h"
#include "rules/facts.h"

struct scope_rule {
    struct span name; /* "stripe.customer" */
    struct span *values; /* patterns with '*' */
    size_t count;
};

struct parameter_rule {
    struct span operation; /* pattern */
    struct span name;
    bool has_max, has_min, required, forbidden;
    struct span max_text, min_text; /* decimal */
    struct span *allowed; /* exact values; NULL: any */
    size_t allowed_count;
    struct span pattern; /* '*' wildcard; SPAN_NONE: none */
};

struct policy {
    struct span name;
    struct span version; /* digest of its text: "support@1f3c9a" goes into every row */
    struct span *allow, *deny, *models;
    size_t allow_count, deny_count, model_count;
    bool models_given;
    struct scope_rule *scopes;
    size_t scope_count;
    struct parameter_rule *parameters;
    size_t parameter_count;
    nano_usd max_call_usd; /* ceiling for one call; -1: none */
};

/* Reads one `policies:` entry (product.md section 4). */
CHECKED enum err policy_read(struct arena *a, const struct node *n, const char *path, struct policy *out, struct trouble *t);

/* E_OK, or the refusal with a sentence for people and models in *why (in arena a): names rule, attempted, allowed. */
CHECKED enum err policy_operation(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_model(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_scopes(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_parameters(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
/* Whether any rule needs this call's body to be read (scopes or parameters of that operation). */
bool policy_wants_body(const struct policy *p, struct span operation);

#endif
