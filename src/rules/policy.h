/* SPDX-License-Identifier: Apache-2.0
 * policy.h - what a key may do. Pure questions on facts; each refusal explains itself.
 *
 * As configured (product.md section 4 has an example):
 *   allow, deny    operation patterns ("stripe.charges.create", "stripe.customers.*", "openai.*"); deny wins; what is not
 *                  allowed is denied, so a policy without `allow` allows nothing
 *   models         model patterns; left out: every model; SaaS calls have none and pass
 *   scopes         { stripe.customer: [cus_A, cus_B], twilio.to: ["+1*"] }: every object of that name in the call must be
 *                  one of these. A call to the vendor that touches no such object passes; one whose objects' owner cannot
 *                  be found out does not. Some objects (`pinned` in a manifest) pass only where there is such a rule
 *   parameters     { operation pattern: { name: rule } }, where every value of that name in the call must meet the rule: a list
 *                  or a single text (the exact values allowed), or a map of
 *                    max, min   exact decimals; a value that is no plain number does not meet them
 *                    in         the exact values allowed
 *                    like       a pattern with '*'
 *                    pattern    a pattern as in Perl (PCRE2), of the whole value
 *                    required   must be there; `max` makes it so unless `required: false` says otherwise, since a vendor's own
 *                               default may be anything (a refund without an amount refunds all)
 *                    forbidden  must not be there
 *                  Names of nested parameters have dots ("metadata.order"); items of lists carry the list's name
 *                  ("messages.content"); a '*' in a name stands for any run of characters, and one that is a whole step for no
 *                  step, too: "messages.*.content" is what every message says. A number or a bracket is no step: such a rule
 *                  would never match, so it is refused
 *   max_call_usd   the most one call may cost
 *   approvals      which calls wait for a person (approval.h)
 *   brakes         rules against loops and runaway speed (brake.h) */
#ifndef TG_RULES_POLICY_H
#define TG_RULES_POLICY_H

#include "base/err.h"
#include "base/node.h"
#include "rules/approval.h"
#include "rules/brake.h"
#include "rules/facts.h"
#include "rules/pattern.h"

struct scope_rule {
    struct span name; /* "stripe.customer" */
    struct span *values; /* patterns with '*' */
    size_t count;
};

struct parameter_rule {
    struct span operation; /* pattern */
    struct span name;      /* pattern */
    struct span *names;    /* the same, and what it is without its '*' steps */
    size_t name_count;
    bool has_max, has_min, required, forbidden;
    struct span max_text, min_text; /* decimal */
    int64_t max, min;               /* the same times 10^PARAMETER_DIGITS */
    struct span *allowed; /* exact values; NULL: any */
    size_t allowed_count;
    struct span like;             /* '*' wildcard; SPAN_NONE: none */
    struct span pattern_text;
    const struct pattern *pattern; /* NULL: none */
};

enum { PARAMETER_DIGITS = 6 }; /* decimals that max and min have; values may have more */

struct policy {
    struct span name;
    struct span version; /* digest of its text: "support@1f3c9a42" goes into every row */
    struct span *allow, *deny, *models;
    size_t allow_count, deny_count, model_count;
    bool models_given;
    struct scope_rule *scopes;
    size_t scope_count;
    struct parameter_rule *parameters;
    size_t parameter_count;
    nano_usd max_call_usd; /* ceiling for one call; -1: none */
    struct brake_rule *brakes;
    size_t brake_count;
    struct approval_rule *approvals;
    size_t approval_count;
};

/* Reads one `policies:` entry; its name is the entry's, or its `name` member. Spans live as long as the tree and a. */
CHECKED enum err policy_read(struct arena *a, const struct node *n, const char *path, struct policy *out, struct trouble *t);

/* E_OK, or the refusal with a sentence for people and models in *why (in arena a; SPAN_NONE when a is out of memory): names
 * rule, attempted, allowed. Texts of strangers in it are cut and free of control characters. */
CHECKED enum err policy_operation(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_model(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_scopes(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
CHECKED enum err policy_parameters(const struct policy *p, const struct facts *f, struct arena *a, struct span *why);
/* Whether a scope rule, or an approval of what is first seen, is about this vendor ("stripe.customer" is about stripe): objects are read for it. */
bool policy_pins(const struct policy *p, struct span vendor);
/* Whether any rule needs this call's body to be read (scopes, parameters or approvals of that operation). */
bool policy_wants_body(const struct policy *p, struct span operation);

#endif
