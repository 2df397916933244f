/* SPDX-License-Identifier: Apache-2.0
 * brake_test.c - brakes as configured, and mistakes in them as they are explained. */
#include "rules/brake.h"

#include "rules/policy.h"
#include "test/test.h"

static enum err read_policy(struct arena *a, const char *yaml, struct policy *p, struct trouble *t)
{
    struct node *n = NULL;
    *t = (struct trouble){ .set = false };
    CHECK(node_read_yaml(a, "test.yaml", span_of(yaml), &n, t) == E_OK);
    return policy_read(a, n, "policies.p", p, t);
}

TEST(all_kinds)
{
    struct arena a;
    struct policy p;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK_INT(read_policy(&a,
                  "{ allow: ['x.*'], brakes: [ { repeat: 5, within: 60s, action: deny }, { spend: 10 usd, within: 1m, action: stop, per: key },"
                  " { spend: 2.5x, within: 5m, action: alert, least: 3 usd }, { errors: 20, within: 24h, action: stop }, { spend: 5x, within: 1s } ] }",
                  &p, &t), E_OK);
    CHECK_INT(p.brake_count, 5);
    CHECK(p.brakes[0].kind == BRAKE_REPEAT && p.brakes[0].most == 5 && p.brakes[0].within_ms == 60000 && p.brakes[0].action == BRAKE_DENY && !p.brakes[0].per_key);
    CHECK_SPAN(p.brakes[0].text, SPAN("repeat 5 within 60s"));
    CHECK(p.brakes[1].kind == BRAKE_SPEND && p.brakes[1].most == 10 * NANO_PER_USD && p.brakes[1].action == BRAKE_STOP && p.brakes[1].per_key);
    CHECK_SPAN(p.brakes[1].text, SPAN("spend 10 usd within 1m"));
    CHECK(p.brakes[2].kind == BRAKE_SPEED && p.brakes[2].most == 250 && p.brakes[2].least == 3 * NANO_PER_USD && p.brakes[2].action == BRAKE_ALERT);
    CHECK(p.brakes[3].kind == BRAKE_ERRORS && p.brakes[3].most == 20 && p.brakes[3].within_ms == 86400000);
    CHECK(p.brakes[4].kind == BRAKE_SPEED && p.brakes[4].least == NANO_PER_USD && p.brakes[4].action == BRAKE_DENY);
    CHECK_INT(read_policy(&a, "{ allow: ['x.*'] }", &p, &t), E_OK);
    CHECK(p.brake_count == 0 && !p.brakes);
    CHECK_INT(read_policy(&a, "{ allow: ['x.*'], brakes: [] }", &p, &t), E_OK);
    CHECK_INT(p.brake_count, 0);
    CHECK_SPAN(brake_action_name(BRAKE_STOP), SPAN("stop"));
    arena_free(&a);
}

TEST(a_policy_with_other_brakes_is_another_version)
{
    struct arena a;
    struct policy p, q;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK_INT(read_policy(&a, "{ name: p, brakes: [ { repeat: 5, within: 60s } ] }", &p, &t), E_OK);
    CHECK_INT(read_policy(&a, "{ name: p, brakes: [ { repeat: 6, within: 60s } ] }", &q, &t), E_OK);
    CHECK(!span_is(p.version, q.version));
    arena_free(&a);
}

TEST(mistakes_are_explained)
{
    static const struct {
        const char *yaml, *field, *says;
    } cases[] = {
        { "{ brakes: { repeat: 5 } }", "policies.p.brakes", "list" },
        { "{ brakes: [ 5 ] }", "policies.p.brakes[0]", "repeat: 5" },
        { "{ brakes: [ { within: 60s } ] }", "policies.p.brakes[0]", "exactly one" },
        { "{ brakes: [ { repeat: 5, errors: 5, within: 60s } ] }", "policies.p.brakes[0]", "exactly one" },
        { "{ brakes: [ { repeat: 5 } ] }", "policies.p.brakes[0].within", "required" },
        { "{ brakes: [ { repeat: 5, within: 999ms } ] }", "policies.p.brakes[0].within", "24h" },
        { "{ brakes: [ { repeat: 5, within: 25h } ] }", "policies.p.brakes[0].within", "1s" },
        { "{ brakes: [ { repeat: 5, within: soon } ] }", "policies.p.brakes[0].within", "soon" },
        { "{ brakes: [ { repeat: 0, within: 60s } ] }", "policies.p.brakes[0].repeat", "1" },
        { "{ brakes: [ { errors: many, within: 60s } ] }", "policies.p.brakes[0].errors", "many" },
        { "{ brakes: [ { spend: 10, within: 60s } ] }", "policies.p.brakes[0].spend", "10 usd" },
        { "{ brakes: [ { spend: 10 tokens, within: 60s } ] }", "policies.p.brakes[0].spend", "10 usd" },
        { "{ brakes: [ { spend: 0 usd, within: 60s } ] }", "policies.p.brakes[0].spend", "10 usd" },
        { "{ brakes: [ { spend: 1x, within: 60s } ] }", "policies.p.brakes[0].spend", "more than 1x" },
        { "{ brakes: [ { spend: x, within: 60s } ] }", "policies.p.brakes[0].spend", "5x" },
        { "{ brakes: [ { repeat: 5, within: 60s, least: 1 usd } ] }", "policies.p.brakes[0].least", "5x" },
        { "{ brakes: [ { spend: 5x, within: 60s, least: 1 } ] }", "policies.p.brakes[0].least", "1 usd" },
        { "{ brakes: [ { repeat: 5, within: 60s, action: warn } ] }", "policies.p.brakes[0].action", "stop" },
        { "{ brakes: [ { repeat: 5, within: 60s, per: user } ] }", "policies.p.brakes[0].per", "run" },
        { "{ brakes: [ { repeat: 5, within: 60s, acton: stop } ] }", "policies.p.brakes[0].acton", "action" },
    };
    struct arena a;
    struct policy p;
    struct trouble t;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (read_policy(&a, cases[i].yaml, &p, &t) != E_CONFIG)
            test_fail(__FILE__, __LINE__, "taken: %s", cases[i].yaml);
        if (!strstr(t.text, cases[i].says) || strcmp(t.field, cases[i].field) != 0)
            test_fail(__FILE__, __LINE__, "%s: said \"%s\" of %s", cases[i].yaml, t.text, t.field);
    }
    struct buf yaml;
    buf_init(&yaml, 1 << 16);
    buf_put(&yaml, SPAN("{ brakes: ["));
    for (int i = 0; i <= BRAKES_MOST; i++)
        buf_print(&yaml, "%s { repeat: 5, within: 60s }", i ? "," : "");
    buf_put(&yaml, SPAN("] }"));
    buf_put_byte(&yaml, '\0');
    CHECK(read_policy(&a, yaml.at, &p, &t) == E_CONFIG && strstr(t.text, "at most 16"));
    buf_free(&yaml);
    arena_free(&a);
}
