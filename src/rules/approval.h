/* SPDX-License-Identifier: Apache-2.0
 * approval.h - which calls wait for a person: rules of a policy.
 *
 * approvals:
 *   - { name: large, operations: [stripe.charges.create], above: 200 usd, wait: 1h, use_within: 1h }
 *   - { operations: ["stripe.*"], first_seen: stripe.customer }   # an object no allowed call of this kind in this workspace has touched
 *   - { operations: [stripe.payouts.create] }                     # each one
 * A rule without `operations` is about every call that moves money; one with several conditions holds what meets all of them. `above` in usd or messages, of the most it can cost; a cost that is not
 * known is above. Of several rules that fit, the first is named. wait: how long a person has (1 min to 7 d; 1 h); silence is refusal.
 * use_within: how long the approved call may still be made (1 h). */
#ifndef TG_RULES_APPROVAL_H
#define TG_RULES_APPROVAL_H

#include "base/err.h"
#include "base/node.h"
#include "rules/facts.h"

struct approval_rule {
    struct span name;       /* "large", else "approvals[0]" */
    struct span *operations; /* patterns; none: all that move money */
    size_t operation_count;
    bool has_above;
    enum unit above_unit;
    int64_t above;          /* nano-dollars or messages */
    struct span first_seen; /* a scope's name; SPAN_NONE: not asked */
    int64_t wait_ms, use_ms;
};

enum { APPROVAL_RULES = 64 };
CHECKED enum err approvals_read(struct arena *a, const struct node *n, const char *path, struct approval_rule **out, size_t *count, struct trouble *t);
/* Whether an object of the rule's scope was touched before, by an allowed call that the rule was about. */
typedef bool approval_seen(void *self, const struct approval_rule *r, struct span value);
/* Whether the rule holds this call. "?" was never seen. */
bool approval_holds(const struct approval_rule *r, const struct facts *f, approval_seen *seen, void *self);
/* Whether it is one of the rule's operations and above its amount: what it touches is known to the rule once it was let through. */
bool approval_is_about(const struct approval_rule *r, const struct facts *f);
/* Before anything but its operation is known. */
bool approval_may_hold(const struct approval_rule *r, struct span operation);

#endif
