/* SPDX-License-Identifier: Apache-2.0
 * policy.c - `tollgate policy`: what keys may do. `apply` makes a policy be what a file says, whole: what the file leaves out
 * goes away, in one change. The file is YAML or JSON and holds what would stand under the policy's name in the
 * configuration. */
#include "cli/object.h"
#include "cli/policy_shadow.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 32 }, { "FROM", ALIGN_LEFT, 0 }, { "ALLOW", ALIGN_LEFT, 60 }, { "DENY", ALIGN_LEFT, 40 },
    { "MODELS", ALIGN_LEFT, 40 }, { "MAX A CALL USD", ALIGN_POINT, 0 } };

static void put_row(struct cli *c, struct table *t, struct json_value policy)
{
    table_put(t, api_text(c, policy, "name"));
    table_put(t, api_text(c, policy, "origin"));
    table_put(t, api_text(c, policy, "allow"));
    table_put(t, api_text(c, policy, "deny"));
    table_put(t, api_text(c, policy, "models"));
    table_put(t, api_text(c, policy, "max_call_usd"));
}

static int list(struct cli *c)
{
    return object_list(c, "policies", columns, sizeof(columns) / sizeof(*columns), put_row, "no policies yet: `tollgate policy apply NAME FILE`");
}

static int show(struct cli *c) { return object_show(c, "policies"); }
static int delete(struct cli *c) { return object_delete(c, "policies"); }
static int change(struct cli *c) { return object_change(c, "policies"); }

static int apply(struct cli *c) { return object_apply(c, "policies", "the file holds no policy; allowed: allow:, deny:, models:, ..."); }

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "apply", 2, apply }, { "delete", 1, delete }, { "shadow", 1, policy_shadow }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "since", "TIME", "shadow: calls from then on: 24h, 7d, or a time; else of the last 7 days", false },
    { "key", "KEY", "shadow: of this key only", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_policy = {
    .name = "policy",
    .summary = "what keys may do: list, show, apply a file, delete; what one on trial would change",
    .usage = "  tollgate policy [list]\n"
             "  tollgate policy show|delete NAME\n"
             "  tollgate policy change NAME FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n"
             "  tollgate policy apply NAME FILE     make it be what the file (YAML or JSON; \"-\": standard input) says\n"
             "  tollgate policy shadow NAME [--since 24h] [--key KEY]   what it would have decided otherwise, where a key has it on trial\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show shadow",
    .run = run,
};
