/* SPDX-License-Identifier: Apache-2.0
 * policy_test.c - product.md's own example, asked every way; each refusal is read as its reader would. */
#include "rules/policy.h"

#include "test/test.h"

static const char example[] = "support:\n"
                              "  allow: [stripe.charges.create, stripe.refunds.create, \"stripe.customers.*\", twilio.messages.create, \"openai.*\"]\n"
                              "  deny:  [\"stripe.payouts.*\", \"openai.files.*\"]\n"
                              "  models: [gpt-4o-mini, \"claude-*\"]\n"
                              "  scopes: { stripe.customer: [cus_A, cus_B], stripe.account: [acct_1], twilio.to: [\"+1*\"] }\n"
                              "  parameters: { stripe.refunds.create: { amount: { max: 5000, min: 1 }, currency: [usd], \"metadata.order\": { required: true, like: \"ord_*\" },\n"
                              "                                         instructions: { forbidden: true } },\n"
                              "                \"openai.*\": { \"messages.*.role\": { in: [user, assistant] }, max_tokens: { max: 100, required: false } } }\n"
                              "  max_call_usd: 2.50\n";

static struct arena arena;

static bool read_one(const char *yaml, struct policy *out, struct trouble *t)
{
    struct node *n = NULL;
    *t = (struct trouble){ .set = false };
    if (node_read_yaml(&arena, "test.yaml", span_of(yaml), &n, t) != E_OK)
        return false;
    return policy_read(&arena, n->first, "policies.support", out, t) == E_OK;
}

static struct policy begin(void)
{
    struct policy p;
    struct trouble t;
    arena_init(&arena, 1 << 20);
    if (!read_one(example, &p, &t))
        test_fail(__FILE__, __LINE__, "%s", t.text);
    return p;
}

TEST(read)
{
    struct policy p = begin(), again;
    struct trouble t;
    CHECK_SPAN(p.name, SPAN("support"));
    CHECK(p.allow_count == 5 && p.deny_count == 2 && p.model_count == 2 && p.models_given && p.scope_count == 3 && p.parameter_count == 6);
    CHECK_INT(p.max_call_usd, 2500000000);
    CHECK(span_starts(p.version, SPAN("support@")) && p.version.len == 16);
    CHECK(read_one(example, &again, &t));
    CHECK_SPAN(again.version, p.version);
    CHECK(read_one("support: { allow: [a.b] }", &again, &t));
    CHECK(!span_is(again.version, p.version) && again.max_call_usd == -1 && !again.models_given);
    arena_free(&arena);
}

static void check_why(enum err got, enum err want, struct span why, const char *says, int line)
{
    if (got != want)
        test_fail(__FILE__, line, "got %.*s (%.*s)", SPAN_ARG(err_code(got)), SPAN_ARG(why));
    if (got && !span_is(why, span_of(says)))
        test_fail(__FILE__, line, "said: %.*s", SPAN_ARG(why));
}
#define WHY(question, want, says)                               \
    do {                                                        \
        struct span why = SPAN_NONE;                            \
        enum err got = question;                                \
        check_why(got, E_##want, why, says, __LINE__);          \
    } while (0)

TEST(operations)
{
    struct policy p = begin();
    struct facts f = { .vendor = SPAN("stripe"), .operation = SPAN("stripe.customers.update") };
    WHY(policy_operation(&p, &f, &arena, &why), OK, "");
    f.operation = SPAN("stripe.payouts.create");
    WHY(policy_operation(&p, &f, &arena, &why), OPERATION_DENIED,
        "operation stripe.payouts.create is denied by policy support (rule: stripe.payouts.*; allowed: stripe.charges.create, stripe.refunds.create, stripe.customers.*, "
        "twilio.messages.create, openai.*; denied: stripe.payouts.*, openai.files.*)");
    f.operation = SPAN("openai.files.create"); /* deny wins over allow */
    CHECK_INT(policy_operation(&p, &f, &arena, &(struct span){ NULL, 0 }), E_OPERATION_DENIED);
    f.operation = SPAN("stripe.charges.created");
    CHECK_INT(policy_operation(&p, &f, &arena, &(struct span){ NULL, 0 }), E_OPERATION_DENIED);
    f.operation = SPAN_NONE;
    p.allow[0] = SPAN("*");
    CHECK_INT(policy_operation(&p, &f, &arena, &(struct span){ NULL, 0 }), E_OPERATION_DENIED);
    struct policy nothing = { .name = SPAN("empty") };
    f.operation = SPAN("stripe.\"bad\"\r\nx: y");
    WHY(policy_operation(&nothing, &f, &arena, &why), OPERATION_DENIED, "operation stripe.?bad???x: y is not allowed by policy empty (allowed: none)");
    arena_free(&arena);
}

TEST(models)
{
    struct policy p = begin();
    struct facts f = { .vendor = SPAN("openai"), .model = SPAN("gpt-4o-mini") };
    WHY(policy_model(&p, &f, &arena, &why), OK, "");
    f.model = SPAN("claude-sonnet-4");
    WHY(policy_model(&p, &f, &arena, &why), OK, "");
    f.model = SPAN("gpt-4o");
    WHY(policy_model(&p, &f, &arena, &why), MODEL_DENIED, "model \"gpt-4o\" is not allowed by policy support (allowed: gpt-4o-mini, claude-*)");
    f.model = SPAN("");
    CHECK_INT(policy_model(&p, &f, &arena, &(struct span){ NULL, 0 }), E_MODEL_DENIED);
    f.model = SPAN_NONE; /* a SaaS call */
    WHY(policy_model(&p, &f, &arena, &why), OK, "");
    p.models_given = false;
    f.model = SPAN("gpt-4o");
    WHY(policy_model(&p, &f, &arena, &why), OK, "");
    arena_free(&arena);
}

TEST(scopes)
{
    struct policy p = begin();
    struct scope two[] = { { SPAN("stripe.customer"), SPAN("cus_A"), false }, { SPAN("stripe.customer"), SPAN("cus_Z"), false } };
    struct facts f = { .vendor = SPAN("stripe"), .operation = SPAN("stripe.charges.create"), .scopes = two, .scope_count = 1 };
    WHY(policy_scopes(&p, &f, &arena, &why), OK, "");
    f.scope_count = 2; /* every one must match */
    WHY(policy_scopes(&p, &f, &arena, &why), SCOPE_DENIED, "scope stripe.customer: \"cus_Z\" is not allowed by policy support (allowed: cus_A, cus_B)");
    f.scope_count = 0;
    WHY(policy_scopes(&p, &f, &arena, &why), OK, "");
    f.scopes_unresolved = true;
    WHY(policy_scopes(&p, &f, &arena, &why), SCOPE_DENIED,
        "scope stripe.customer: the owner of an object in this call could not be found out, as is required by policy support (allowed: cus_A, cus_B)");
    f.vendor = SPAN("resend"); /* no rule speaks of it */
    f.operation = SPAN("resend.emails.send");
    WHY(policy_scopes(&p, &f, &arena, &why), OK, "");
    struct scope to = { SPAN("twilio.to"), SPAN("+4930123"), false };
    struct facts g = { .vendor = SPAN("twilio"), .scopes = &to, .scope_count = 1 };
    CHECK_INT(policy_scopes(&p, &g, &arena, &(struct span){ NULL, 0 }), E_SCOPE_DENIED);
    to.value = SPAN("+12025550123");
    WHY(policy_scopes(&p, &g, &arena, &why), OK, "");
    arena_free(&arena);
}

TEST(some_scopes_pass_only_where_a_rule_speaks_of_them)
{
    struct policy p = begin();
    struct scope shown[] = { { SPAN("twilio.to"), SPAN("+12025550123"), true }, { SPAN("twilio.url"), SPAN("https://x.example/a"), true } };
    struct facts f = { .vendor = SPAN("twilio"), .operation = SPAN("twilio.calls.create"), .scopes = shown, .scope_count = 1 };
    WHY(policy_scopes(&p, &f, &arena, &why), OK, "");
    f.scope_count = 2;
    WHY(policy_scopes(&p, &f, &arena, &why), SCOPE_DENIED,
        "scope twilio.url: \"https://x.example/a\" is allowed only by a rule about this scope, and there is none in policy support");
    shown[1].pinned = false;
    WHY(policy_scopes(&p, &f, &arena, &why), OK, "");
    arena_free(&arena);
}

static enum err ask(const struct policy *p, const char *amount, const char *currency, const char *order, struct span *why)
{
    struct parameter list[3];
    size_t count = 0;
    if (amount)
        list[count++] = (struct parameter){ SPAN("amount"), span_of(amount), true };
    if (currency)
        list[count++] = (struct parameter){ SPAN("currency"), span_of(currency), false };
    if (order)
        list[count++] = (struct parameter){ SPAN("metadata.order"), span_of(order), false };
    struct facts f = { .vendor = SPAN("stripe"), .operation = SPAN("stripe.refunds.create"), .parameters = list, .parameter_count = count };
    return policy_parameters(p, &f, &arena, why);
}

TEST(parameters)
{
    struct policy p = begin();
    WHY(ask(&p, "5000", "usd", "ord_1", &why), OK, "");
    WHY(ask(&p, "1", NULL, "ord_1", &why), OK, "");
    WHY(ask(&p, "5000.0", "usd", "ord_1", &why), OK, "");
    WHY(ask(&p, "5001", "usd", "ord_1", &why), PARAMETER_DENIED,
        "parameter amount of stripe.refunds.create: found \"5001\"; policy support allows: at least 1, at most 5000");
    WHY(ask(&p, "500", "eur", "ord_1", &why), PARAMETER_DENIED, "parameter currency of stripe.refunds.create: found \"eur\"; policy support allows: one of usd");
    WHY(ask(&p, "500", "usd", NULL, &why), PARAMETER_DENIED, "parameter metadata.order of stripe.refunds.create: not given; policy support requires it: like ord_*");
    WHY(ask(&p, NULL, "usd", "ord_1", &why), PARAMETER_DENIED, "parameter amount of stripe.refunds.create: not given; policy support requires it: at least 1, at most 5000");
    static const char *const not_numbers[] = { "0", "-5", "5e2", "0x10", "", "five", "05", "5000.0000001", "99999999999999999999", " 5", "NaN", "+5" };
    for (size_t i = 0; i < sizeof(not_numbers) / sizeof(*not_numbers); i++)
        if (ask(&p, not_numbers[i], "usd", "ord_1", &(struct span){ NULL, 0 }) != E_PARAMETER_DENIED)
            test_fail(__FILE__, __LINE__, "let through: %s", not_numbers[i]);
    arena_free(&arena);
}

TEST(every_value_of_a_name_and_names_with_a_star)
{
    struct policy p = begin();
    struct parameter list[] = { { SPAN("messages.role"), SPAN("user"), false }, { SPAN("messages.role"), SPAN("system"), false } };
    struct facts f = { .vendor = SPAN("openai"), .operation = SPAN("openai.chat.completions"), .parameters = list, .parameter_count = 1 };
    WHY(policy_parameters(&p, &f, &arena, &why), OK, "");
    f.parameter_count = 2;
    WHY(policy_parameters(&p, &f, &arena, &why), PARAMETER_DENIED,
        "parameter messages.role of openai.chat.completions: found \"system\"; policy support allows: one of user, assistant");
    struct parameter forbidden[] = { { SPAN("amount"), SPAN("5"), true }, { SPAN("metadata.order"), SPAN("ord_1"), false }, { SPAN("instructions"), SPAN("x"), false } };
    struct facts g = { .operation = SPAN("stripe.refunds.create"), .parameters = forbidden, .parameter_count = 3 };
    WHY(policy_parameters(&p, &g, &arena, &why), PARAMETER_DENIED, "parameter instructions of stripe.refunds.create: found \"x\"; policy support allows: must be left out");
    arena_free(&arena);
}

static bool binds(const char *rule, const char *name)
{
    struct policy p;
    struct trouble t;
    struct span why;
    char text[200];
    struct parameter given = { span_of(name), SPAN("x"), false };
    struct facts f = { .operation = SPAN("a.b"), .parameters = &given, .parameter_count = 1 };
    arena_init(&arena, 1 << 20);
    snprintf(text, sizeof(text), "support: { parameters: { a.b: { '%s': { forbidden: true } } } }", rule);
    bool bound = read_one(text, &p, &t) && policy_parameters(&p, &f, &arena, &why) == E_PARAMETER_DENIED;
    arena_free(&arena);
    return bound;
}

TEST(a_star_that_is_a_step_stands_for_none_too)
{
    CHECK(binds("messages.*.content", "messages.content") && binds("messages.*.content", "messages.a.content") && binds("messages.*.content", "messages.a.b.content"));
    CHECK(binds("messages.*.content.*.text", "messages.content.text") && binds("messages.*.content.*.text", "messages.content.x.text") && binds("input.*", "input") && binds("input.*", "input.a"));
    CHECK(!binds("messages.*.content", "messages.contents") && !binds("messages.*.content", "messagescontent") && !binds("messages.*.content", "content"));
    CHECK(!binds("*.content", "content") && !binds("messages.a*.content", "messages.content"));
    CHECK(binds("a\\.*.b", "a\\.c.b") && !binds("a\\.*.b", "a.b") && !binds("a\\.*.b", "a\\.b"));
}

TEST(a_star_at_the_end_makes_nothing_required_be_there)
{
    struct policy p;
    struct trouble t;
    struct span why;
    struct parameter given = { SPAN("metadata"), SPAN("x"), false };
    struct facts f = { .operation = SPAN("a.b"), .parameters = &given, .parameter_count = 1 };
    arena_init(&arena, 1 << 20);
    CHECK(read_one("support: { parameters: { a.b: { 'metadata.*': { required: true } } } }", &p, &t));
    CHECK(policy_parameters(&p, &f, &arena, &why) == E_PARAMETER_DENIED);
    given.name = SPAN("metadata.order");
    CHECK(policy_parameters(&p, &f, &arena, &why) == E_OK);
    arena_free(&arena);
}

TEST(what_a_model_is_asked_stands_in_no_reason)
{
    struct policy p;
    struct trouble t;
    struct parameter given[] = { { SPAN("messages.content"), SPAN("a secret plan"), false }, { SPAN("n"), SPAN("3"), true } };
    struct facts f = { .operation = SPAN("a.b"), .model = SPAN("gpt-4o-mini"), .parameters = given, .parameter_count = 1 };
    arena_init(&arena, 1 << 20);
    CHECK(read_one("support: { parameters: { a.b: { 'messages.*': { like: 'A*' }, n: { max: 1 } } } }", &p, &t));
    WHY(policy_parameters(&p, &f, &arena, &why), PARAMETER_DENIED, "parameter messages.content of a.b: found another text; policy support allows: like A*");
    f.parameters = &given[1];
    WHY(policy_parameters(&p, &f, &arena, &why), PARAMETER_DENIED, "parameter n of a.b: found \"3\"; policy support allows: at most 1");
    arena_free(&arena);
}

TEST(patterns_bound_whole_values)
{
    struct policy p;
    struct trouble t;
    struct parameter given = { SPAN("ref"), SPAN("A-12"), false };
    struct facts f = { .operation = SPAN("a.b"), .parameters = &given, .parameter_count = 1 };
    arena_init(&arena, 1 << 20);
    CHECK(read_one("support: { parameters: { a.b: { ref: { pattern: 'A-[0-9]+', like: 'A*' } } } }", &p, &t));
    WHY(policy_parameters(&p, &f, &arena, &why), OK, "");
    given.value = SPAN("A-12x");
    WHY(policy_parameters(&p, &f, &arena, &why), PARAMETER_DENIED, "parameter ref of a.b: found \"A-12x\"; policy support allows: like A*, by the pattern A-[0-9]+");
    arena_free(&arena);
}

TEST(which_bodies_are_wanted)
{
    struct policy p = begin();
    CHECK(policy_wants_body(&p, SPAN("stripe.customers.list")));
    CHECK(policy_wants_body(&p, SPAN("openai.chat.completions")));
    CHECK(!policy_wants_body(&p, SPAN("resend.emails.send")));
    arena_free(&arena);
}

TEST(mistakes_are_explained)
{
    static const struct {
        const char *yaml, *field, *says;
    } cases[] = {
        { "p: { alow: [a.b] }", "policies.support.alow", "allow" },
        { "p: { allow: [''] }", "policies.support.allow", "empty" },
        { "p: { allow: { a: b } }", "policies.support.allow", "" },
        { "p: { scopes: [cus_A] }", "policies.support.scopes", "map" },
        { "p: { scopes: { customer: [cus_A] } }", "policies.support.scopes.customer", "stripe.customer" },
        { "p: { parameters: { a.b: { amount: { max: lots } } } }", "policies.support.parameters.a.b.amount.max", "decimal" },
        { "p: { parameters: { a.b: { amount: { maximum: 5 } } } }", "policies.support.parameters.a.b.amount.maximum", "max" },
        { "p: { parameters: { a.b: { amount: { pattern: '[a' } } } }", "policies.support.parameters.a.b.amount.pattern", "character 2" },
        { "p: { parameters: { a.b: { amount: {} } } }", "policies.support.parameters.a.b.amount", "says nothing" },
        { "p: { parameters: { a.b: { amount: [] } } }", "policies.support.parameters.a.b.amount", "empty list" },
        { "p: { parameters: { a.b: [amount] } }", "policies.support.parameters.a.b", "map" },
        { "p: { parameters: { a.b: { messages.0.content: [x] } } }", "policies.support.parameters.a.b.messages.0.content", "list's own name" },
        { "p: { parameters: { a.b: { 'messages[].content': [x] } } }", "policies.support.parameters.a.b.messages[].content", "messages[]" },
        { "p: { parameters: { a.b: { 'metadata[order]': [x] } } }", "policies.support.parameters.a.b.metadata[order]", "joined by dots" },
        { "p: { parameters: { a.b: { a.*.*.*.*.*.b: [x] } } }", "policies.support.parameters.a.b.a.*.*.*.*.*.b", "at most 4" },
        { "p: { max_call_usd: -1 }", "policies.support.max_call_usd", "dollars" },
        { "p: [a]", "policies.support", "allow" },
    };
    struct policy p;
    struct trouble t;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (read_one(cases[i].yaml, &p, &t))
            test_fail(__FILE__, __LINE__, "taken: %s", cases[i].yaml);
        if (!strstr(t.text, cases[i].says) || strcmp(t.field, cases[i].field) != 0)
            test_fail(__FILE__, __LINE__, "%s: said \"%s\" of %s", cases[i].yaml, t.text, t.field);
    }
    arena_free(&arena);
}

TEST(bounds_are_exact_whatever_the_decimals)
{
    static const struct {
        const char *value;
        bool met;
    } rows[] = { { "1", true }, { "0.30000000000000004", true }, { "1.0000000000", true }, { "0.9999999", true }, { "1.0000001", false }, { "0.1", true },
        { "0.0999999999", false }, { "-0.30000000000000004", false }, { "1e0", false }, { "", false } };
    struct policy p;
    struct trouble t = { 0 };
    arena_init(&arena, 1 << 16);
    CHECK(read_one("support: { parameters: { openai.*: { temperature: { max: 1, min: 0.1 } } } }", &p, &t));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct parameter found = { .name = SPAN("temperature"), .value = span_of(rows[i].value), .number = true };
        struct facts f = { .vendor = SPAN("openai"), .operation = SPAN("openai.chat.completions.create"), .parameters = &found, .parameter_count = 1 };
        struct span why = SPAN_NONE;
        enum err want = rows[i].met ? E_OK : E_PARAMETER_DENIED;
        if (policy_parameters(&p, &f, &arena, &why) != want)
            test_fail(__FILE__, __LINE__, "%s: %.*s", rows[i].value, SPAN_ARG(why));
    }
    arena_free(&arena);
}
