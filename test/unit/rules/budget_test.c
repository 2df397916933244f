/* SPDX-License-Identifier: Apache-2.0
 * budget_test.c - budgets as configured, mistakes in them as they are explained, and the names of accounts, which are the
 * ledger's keys: two that differ must never become one. */
#include "rules/budget.h"

#include "base/text.h"
#include "test/test.h"

static const struct zone *no_zone(void *self, struct span name)
{
    (void)self;
    (void)name;
    return NULL;
}

static bool read_one(struct arena *a, const char *yaml, struct budget *out, struct trouble *t)
{
    struct node *n = NULL;
    *t = (struct trouble){ .set = false };
    if (node_read_yaml(a, "test.yaml", span_of(yaml), &n, t) != E_OK)
        return false;
    return budget_read(a, n, "budgets[0]", no_zone, NULL, out, t) == E_OK;
}

TEST(limits)
{
    enum unit unit;
    int64_t limit;
    CHECK(budget_limit_parse(SPAN("100 usd"), &unit, &limit) && unit == UNIT_USD && limit == 100 * NANO_PER_USD);
    CHECK(budget_limit_parse(SPAN("2.50 USD"), &unit, &limit) && unit == UNIT_USD && limit == 2500000000);
    CHECK(budget_limit_parse(SPAN("0 usd"), &unit, &limit) && limit == 0);
    CHECK(budget_limit_parse(SPAN("60 requests"), &unit, &limit) && unit == UNIT_REQUESTS && limit == 60);
    CHECK(budget_limit_parse(SPAN("1 request"), &unit, &limit) && unit == UNIT_REQUESTS && limit == 1);
    CHECK(budget_limit_parse(SPAN("1000000 tokens"), &unit, &limit) && unit == UNIT_TOKENS && limit == 1000000);
    CHECK(budget_limit_parse(SPAN("  50   messages "), &unit, &limit) && unit == UNIT_MESSAGES && limit == 50);
    CHECK(budget_limit_parse(SPAN("4 calls"), &unit, &limit) && unit == UNIT_CALLS && limit == 4);
    static const char *const bad[] = { "", "100", "usd", "100usd", "-1 usd", "1e3 usd", "1,000 usd", "1.5 tokens", "100 us", "100 eur", "99999999999 usd",
        "0.0000000001 usd", "1 2 usd", "$5 usd", "010 usd" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (budget_limit_parse(span_of(bad[i]), &unit, &limit))
            test_fail(__FILE__, __LINE__, "parsed: %s", bad[i]);
}

TEST(a_whole_budget)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 50 usd, window: day, vendor: stripe, alert: [80%, 50%], per: [user, model], name: support, soft: true }", &b, &t));
    CHECK(b.unit == UNIT_USD && b.limit == 50 * NANO_PER_USD && b.window.kind == WINDOW_DAY && !b.window.zone && b.soft);
    CHECK(b.per_count == 2 && b.per[0].what == DIMENSION_MODEL && b.per[1].what == DIMENSION_USER);
    CHECK(b.alert_count == 2 && b.alerts[0] == 50 && b.alerts[1] == 80);
    CHECK(b.filter_count == 1 && b.filters[0].what == DIMENSION_VENDOR);
    CHECK_SPAN(b.filters[0].pattern, SPAN("stripe"));
    CHECK(!b.net && !b.deny_when_tight && !b.forecast && !b.increase);
    CHECK_SPAN(b.window_text, SPAN("day"));
    CHECK_SPAN(b.zone_name, SPAN("UTC"));
    CHECK_SPAN(b.id, SPAN("support:usd/day,vendor=stripe,per=model,per=user"));
    CHECK(read_one(&a, "{ limit: 5 usd }", &b, &t));
    CHECK(b.window.kind == WINDOW_TOTAL && b.alert_count == 3 && b.forecast);
    CHECK_SPAN(b.id, SPAN("usd/total"));
    CHECK(read_one(&a, "{ limit: 4 calls, per: run }", &b, &t) && b.per_count == 1 && b.per[0].what == DIMENSION_RUN && !b.alert_count);
    arena_free(&a);
}

TEST(mistakes_are_explained)
{
    static const struct {
        const char *yaml, *field, *says;
    } cases[] = {
        { "{ limit: 50 usdd }", "budgets[0].limit", "usdd" },
        { "{ window: day }", "budgets[0].limit", "nothing" },
        { "{ limit: 50 usd, windw: day }", "budgets[0].windw", "window" },
        { "{ limit: 50 usd, window: fortnight }", "budgets[0].window", "month" },
        { "{ limit: 50 usd, window: day, timezone: Mars/Base }", "budgets[0].timezone", "Mars/Base" },
        { "{ limit: 50 usd, alert: [0%] }", "budgets[0].alert", "1%" },
        { "{ limit: 50 usd, alert: [101] }", "budgets[0].alert", "101" },
        { "{ limit: 50 usd, alert: [1,2,3,4,5,6,7,8,9] }", "budgets[0].alert", "at most 8" },
        { "{ limit: 50 usd, per: teem }", "budgets[0].per", "model" },
        { "{ limit: 4 calls, window: day }", "budgets[0].window", "requests" },
        { "{ limit: 50 usd, name: 'a|b' }", "budgets[0].name", "a|b" },
        { "{ limit: 50 usd, vendor: '' }", "budgets[0].vendor", "pattern" },
        { "{ limit: 50 usd, soft: maybe }", "budgets[0].soft", "maybe" },
        { "[50 usd]", "budgets[0]", "limit" },
    };
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (read_one(&a, cases[i].yaml, &b, &t))
            test_fail(__FILE__, __LINE__, "taken: %s", cases[i].yaml);
        if (!strstr(t.text, cases[i].says) || strcmp(t.field, cases[i].field) != 0)
            test_fail(__FILE__, __LINE__, "%s: said \"%s\" of %s", cases[i].yaml, t.text, t.field);
    }
    arena_free(&a);
}

TEST(filters)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    struct facts f = { .vendor = SPAN("stripe"), .operation = SPAN("stripe.charges.create") };
    CHECK(read_one(&a, "{ limit: 1 usd, vendor: stripe, operation: 'stripe.charges.*' }", &b, &t) && budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, vendor: twilio }", &b, &t) && !budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, model: 'gpt-*' }", &b, &t) && !budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd }", &b, &t) && budget_applies(&b, &f));
    f.model = SPAN("gpt-4o");
    CHECK(read_one(&a, "{ limit: 1 usd, model: 'gpt-*' }", &b, &t) && budget_applies(&b, &f));
    arena_free(&a);
}

static int64_t at(const char *text)
{
    int64_t ms = 0;
    CHECK(text_time_parse(span_of(text), &ms));
    return ms;
}

static size_t accounts(struct arena *a, const char *yaml, const struct facts *f, struct budget_account *out, size_t room)
{
    struct budget b;
    struct trouble t;
    if (!read_one(a, yaml, &b, &t)) {
        test_fail(__FILE__, __LINE__, "%s: %s", yaml, t.text);
        return 0;
    }
    b.id = arena_print(a, "key_1f3c/%.*s", SPAN_ARG(b.id));
    return budget_accounts(&b, f, at("2026-11-21T12:34:56.789Z"), a, out, room);
}

static struct span account(struct arena *a, const char *yaml, const struct facts *f, int64_t *resets_at)
{
    struct budget_account one = { .name = SPAN_NONE };
    CHECK_INT(accounts(a, yaml, f, &one, 1), 1);
    CHECK_INT(one.slot, -1);
    CHECK_INT(one.ends_at, one.resets_at);
    *resets_at = one.resets_at;
    return one.name;
}

TEST(account_names)
{
    struct arena a;
    int64_t resets_at, tomorrow;
    arena_init(&a, 1 << 20);
    CHECK(text_time_parse(SPAN("2026-11-22"), &tomorrow));
    struct facts f = { .vendor = SPAN("stripe"), .run = SPAN("run_abc"), .user = SPAN("ann|vendor=x%20\n") };
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: day }", &f, &resets_at), SPAN("key_1f3c/usd/day|2026-11-21T00:00:00Z"));
    CHECK_INT(resets_at, tomorrow);
    CHECK_SPAN(account(&a, "{ limit: 60 requests, window: minute }", &f, &resets_at), SPAN("key_1f3c/requests/minute|2026-11-21T12:34:00Z"));
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: run }", &f, &resets_at), SPAN("key_1f3c/usd/run|run=run_abc"));
    CHECK_INT(resets_at, 0);
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: total }", &f, &resets_at), SPAN("key_1f3c/usd/total"));
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: total, per: user }", &f, &resets_at), SPAN("key_1f3c/usd/total,per=user|user=ann%7Cvendor%3Dx%2520%0A"));
    CHECK_SPAN(account(&a, "{ limit: 1 usd, per: [vendor, model] }", &f, &resets_at), SPAN("key_1f3c/usd/total,per=vendor,per=model|vendor=stripe|model="));
    f.run = SPAN_NONE;
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: run }", &f, &resets_at), SPAN("key_1f3c/usd/run|run=|2026-11-21T00:00:00Z"));
    CHECK_INT(resets_at, tomorrow);
    arena_free(&a);
}

TEST(long_names_do_not_meet)
{
    struct arena a;
    int64_t resets_at;
    char text[4000];
    arena_init(&a, 1 << 20);
    memset(text, 'u', sizeof(text));
    struct facts f = { .user = span_make(text, sizeof(text)) }, g = { .user = span_make(text, sizeof(text) - 1) };
    struct span one = account(&a, "{ limit: 1 usd, per: user }", &f, &resets_at), two = account(&a, "{ limit: 1 usd, per: user }", &g, &resets_at);
    CHECK(one.len == two.len && one.len < 200 && !span_is(one, two));
    g.user = arena_copy(&a, span_from(one, (size_t)span_find(one, SPAN("|user=")) + 6)); /* a user who calls itself by the other's digest */
    CHECK(!span_is(account(&a, "{ limit: 1 usd, per: user }", &g, &resets_at), one));
    arena_free(&a);
}
