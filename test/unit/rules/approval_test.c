/* SPDX-License-Identifier: Apache-2.0
 * approval_test.c - which calls a rule holds, what is not known included; and every mistake in writing one. */
#include "rules/policy.h"

#include <stdio.h>

#include "test/test.h"

static struct arena arena;

static enum err read_rules(const char *yaml, struct policy *out, struct trouble *t)
{
    struct node *n = NULL;
    char text[4096];
    *t = (struct trouble){ .set = false };
    snprintf(text, sizeof(text), "p: { allow: [\"*\"], approvals: %s }", yaml);
    must(node_read_yaml(&arena, "test.yaml", arena_copy(&arena, span_of(text)), &n, t) == E_OK);
    return policy_read(&arena, n->first, "policies.p", out, t);
}

static struct policy begin(const char *yaml)
{
    struct policy p;
    struct trouble t;
    arena_init(&arena, 1 << 20);
    if (read_rules(yaml, &p, &t) != E_OK)
        test_fail(__FILE__, __LINE__, "%s", t.text);
    return p;
}

TEST(read)
{
    struct policy p = begin("[{ name: large, operations: [stripe.charges.create, \"stripe.payouts.*\"], above: 200 usd, wait: 10m, use_within: 7d },"
                            " { operations: stripe.refunds.create, first_seen: stripe.customer }, { above: 50 messages }]");
    CHECK_INT(p.approval_count, 3);
    const struct approval_rule *r = p.approvals;
    CHECK(span_is(r[0].name, SPAN("large")) && r[0].operation_count == 2 && r[0].has_above && r[0].above_unit == UNIT_USD && r[0].above == 200 * NANO_PER_USD);
    CHECK(r[0].wait_ms == 600000 && r[0].use_ms == INT64_C(7) * 24 * 3600000 && !r[0].first_seen.at);
    CHECK(span_is(r[1].name, SPAN("approvals[1]")) && r[1].operation_count == 1 && !r[1].has_above && r[1].wait_ms == 3600000 && r[1].use_ms == 3600000);
    CHECK(span_is(r[1].first_seen, SPAN("stripe.customer")));
    CHECK(r[2].above_unit == UNIT_MESSAGES && r[2].above == 50 && r[2].operation_count == 0);
    arena_free(&arena);
}

TEST(mistakes)
{
    static const char *const wrong[][2] = {
        { "{ above: 2 usd }", "a list" },
        { "[large]", "a rule such as" },
        { "[{ abov: 2 usd }]", "above" },
        { "[{ above: 2 }]", "200 usd or 50 messages" },
        { "[{ above: 2 tokens }]", "200 usd or 50 messages" },
        { "[{ above: -2 usd }]", "200 usd or 50 messages" },
        { "[{ wait: 59s }]", "1m to 7d" },
        { "[{ wait: 8d }]", "1m to 7d" },
        { "[{ use_within: 1s }]", "1m to 7d" },
        { "[{ use_within: soon }]", "use_within" },
        { "[{ first_seen: customer }]", "stripe.customer" },
        { "[{ operations: [] }]", "left out" },
        { "[{ operations: [\"\"] }]", "patterns" },
        { "[{ name: \"\" }]", "a name" },
        { "[{ name: a }, { name: a }]", "no other rule" },
    };
    struct policy p;
    struct trouble t;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        CHECK_INT(read_rules(wrong[i][0], &p, &t), E_CONFIG);
        if (!t.set || !strstr(t.text, wrong[i][1]) || !strstr(t.field, "approvals"))
            test_fail(__FILE__, __LINE__, "%s: said \"%s\" of %s", wrong[i][0], t.text, t.field);
    }
    char many[APPROVAL_RULES * 4 + 16] = "[";
    for (int i = 0; i <= APPROVAL_RULES; i++)
        strcat(many, i ? ",{}" : "{}");
    strcat(many, "]");
    CHECK_INT(read_rules(many, &p, &t), E_CONFIG);
    arena_free(&arena);
}

static bool knows_a(void *self, const struct approval_rule *r, struct span value)
{
    ++*(int *)self;
    return span_is(r->first_seen, SPAN("stripe.customer")) && span_is(value, SPAN("cus_A"));
}

static bool held(const char *rule, const struct facts *f)
{
    int asked = 0;
    struct policy p = begin(rule);
    bool holds = approval_holds(&p.approvals[0], f, knows_a, &asked);
    arena_free(&arena);
    return holds;
}

static struct facts charge(int64_t usd)
{
    return (struct facts){ .vendor = SPAN("main"), .operation = SPAN("stripe.charges.create"), .moves_money = true, .cost_known = true,
        .worst = { [UNIT_USD] = usd * NANO_PER_USD, [UNIT_MESSAGES] = 3 } };
}

TEST(amounts)
{
    struct facts f = charge(200), unknown = charge(1), read = charge(500);
    CHECK(!held("[{ above: 200 usd }]", &f));
    f.worst[UNIT_USD]++;
    CHECK(held("[{ above: 200 usd }]", &f));
    unknown.cost_known = false;
    CHECK(held("[{ above: 200 usd }]", &unknown));
    CHECK(held("[{ above: 200 messages }]", &unknown));
    CHECK(held("[{ above: 2 messages }]", &f) && !held("[{ above: 3 messages }]", &f));
    read.moves_money = false;
    read.operation = SPAN("stripe.charges.list");
    CHECK(!held("[{ above: 200 usd }]", &read));
    CHECK(held("[{ operations: [\"stripe.charges.*\"], above: 200 usd }]", &read));
}

TEST(operations)
{
    struct facts f = charge(1);
    CHECK(held("[{}]", &f));
    CHECK(held("[{ operations: [stripe.payouts.create, \"stripe.charges.*\"] }]", &f));
    CHECK(!held("[{ operations: [stripe.payouts.create] }]", &f));
    f.moves_money = false;
    CHECK(!held("[{}]", &f));
}

TEST(first_seen)
{
    const struct scope known[] = { { .name = SPAN("stripe.customer"), .value = SPAN("cus_A") }, { .name = SPAN("stripe.account"), .value = SPAN("acct_9") } };
    const struct scope both[] = { { .name = SPAN("stripe.customer"), .value = SPAN("cus_A") }, { .name = SPAN("stripe.customer"), .value = SPAN("cus_B") } };
    const struct scope untold[] = { { .name = SPAN("stripe.customer"), .value = SPAN("?") } };
    static const char rule[] = "[{ first_seen: stripe.customer }]";
    struct facts f = charge(5);
    CHECK(!held(rule, &f)); /* it touches none */
    f.scopes = known;
    f.scope_count = 2;
    CHECK(!held(rule, &f));
    CHECK(held("[{ first_seen: stripe.account }]", &f));
    f.scopes = both;
    CHECK(held(rule, &f));
    f.scopes = untold;
    f.scope_count = 1;
    CHECK(held(rule, &f));
    f.scopes = known;
    f.scopes_unresolved = true; /* by its manifest, since the vendor is configured as "main" */
    CHECK(held(rule, &f));
    CHECK(held("[{ first_seen: main.customer }]", &f));
    CHECK(!held("[{ first_seen: twilio.to }]", &f));
}

TEST(all_conditions_must_hold)
{
    const struct scope fresh[] = { { .name = SPAN("stripe.customer"), .value = SPAN("cus_B") } };
    struct facts f = charge(100);
    f.scopes = fresh;
    f.scope_count = 1;
    CHECK(held("[{ first_seen: stripe.customer, above: 50 usd }]", &f));
    CHECK(!held("[{ first_seen: stripe.customer, above: 150 usd }]", &f));
    CHECK(!held("[{ first_seen: stripe.customer, operations: [\"*.list\"] }]", &f));
}

TEST(an_object_is_known_by_what_the_rule_is_about)
{
    struct policy p = begin("[{ first_seen: stripe.customer, above: 50 usd }, { first_seen: stripe.customer, operations: [\"stripe.charges.*\"] }]");
    struct facts much = charge(51), little = charge(50), read = charge(0);
    read.moves_money = false;
    read.operation = SPAN("stripe.customers.retrieve");
    CHECK(approval_is_about(&p.approvals[0], &much) && !approval_is_about(&p.approvals[0], &little) && !approval_is_about(&p.approvals[0], &read));
    CHECK(approval_is_about(&p.approvals[1], &much) && approval_is_about(&p.approvals[1], &little) && !approval_is_about(&p.approvals[1], &read));
    arena_free(&arena);
}

TEST(body_is_wanted_where_a_rule_may_hold)
{
    struct policy p = begin("[{ operations: [\"stripe.payouts.*\"] }]");
    CHECK(policy_wants_body(&p, SPAN("stripe.payouts.create")) && !policy_wants_body(&p, SPAN("stripe.charges.create")));
    arena_free(&arena);
    p = begin("[{ first_seen: stripe.customer }]");
    CHECK(policy_pins(&p, SPAN("stripe")) && !policy_pins(&p, SPAN("twilio")));
    arena_free(&arena);
    p = begin("[{ above: 5 usd }]");
    CHECK(!policy_pins(&p, SPAN("stripe")));
    CHECK(policy_wants_body(&p, SPAN("stripe.charges.create")));
    arena_free(&arena);
}
