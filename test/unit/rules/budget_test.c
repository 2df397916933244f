/* SPDX-License-Identifier: Apache-2.0
 * budget_test.c - budgets as configured, mistakes in them as they are explained, and the names of accounts, which are the
 * ledger's keys: two that differ must never become one. */
#include "rules/budget.h"

#include <time.h>

#include "base/digest.h"
#include "base/text.h"
#include "rules/label.h"
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

/* What was spent hangs on these texts: they are those of the first release, and must stay. */
TEST(ids_that_exist_do_not_change)
{
    static const struct {
        const char *yaml, *id;
    } cases[] = {
        { "{ limit: 100 usd, window: day }", "usd/day" },
        { "{ limit: 50 usd, window: day, vendor: stripe, alert: [50%, 80%] }", "usd/day,vendor=stripe" },
        { "{ limit: 5 tokens }", "tokens/total" },
        { "{ limit: 60 requests, window: minute, timezone: UTC }", "requests/minute" },
        { "{ limit: 1 usd, window: run, model: 'gpt-*', operation: '*.charges.create', vendor: stripe }", "usd/run,vendor=stripe,operation=*.charges.create,model=gpt-*" },
        { "{ limit: 1 usd, per: [user, model, vendor, run] }", "usd/total,per=run,per=vendor,per=model,per=user" },
        { "{ limit: 4 calls, per: run, name: daily, soft: true }", "daily:calls/total,per=run" },
    };
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK(read_one(&a, cases[i].yaml, &b, &t));
        CHECK_SPAN(b.id, span_of(cases[i].id));
    }
    arena_free(&a);
}

static struct span id_of(struct arena *a, const char *yaml)
{
    struct budget b;
    struct trouble t;
    CHECK(read_one(a, yaml, &b, &t));
    return b.id;
}

TEST(ids_of_what_is_new)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK_SPAN(id_of(&a, "{ limit: 1 usd, window: rolling 1d }"), SPAN("usd/rolling-24h"));
    CHECK_SPAN(id_of(&a, "{ limit: 9 input_tokens, window: rolling 90m }"), SPAN("input_tokens/rolling-90m"));
    CHECK_SPAN(id_of(&a, "{ limit: 9 output_tokens, window: day, metadata: { tenant: 'a,b=|' }, scopes: { stripe.customer: 'cus_*', stripe.account: x } }"),
        SPAN("output_tokens/day,scope.stripe.account=x,scope.stripe.customer=cus_*,metadata.tenant=a%2Cb%3D%7C"));
    CHECK_SPAN(id_of(&a, "{ limit: 1 usd, per: [metadata.b, stripe.customer, customer, metadata.a, key, run] }"),
        SPAN("usd/total,per=run,per=key,per=customer,per=stripe.customer,per=metadata.a,per=metadata.b"));
    arena_free(&a);
}

/* Another order in the file, another amount, another manner: the same budget, and what was spent stays. */
TEST(pitfall_52_what_was_spent_belongs_to_what_is_counted)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK_SPAN(id_of(&a, "{ limit: 9 usd, window: day, per: [user, run], soft: true, refunds: net, on_tight: deny, alert: [] }"),
        id_of(&a, "{ per: [run, user], window: day, limit: 1 usd }"));
    CHECK_SPAN(id_of(&a, "{ limit: 1 usd, metadata: { b: x, a: y } }"), id_of(&a, "{ limit: 1 usd, metadata: { a: y, b: x } }"));
    CHECK_SPAN(id_of(&a, "{ limit: 1 usd, per: [user, user] }"), id_of(&a, "{ limit: 1 usd, per: user }"));
    arena_free(&a);
}

/* Another window, unit or filter is another account, and starts at nothing. */
TEST(pitfall_53_a_new_window_starts_at_0)
{
    static const char *const all[] = { "{ limit: 1 usd, window: day }", "{ limit: 1 usd, window: week }", "{ limit: 1 usd, window: rolling 24h }", "{ limit: 1 usd }",
        "{ limit: 1 tokens, window: day }", "{ limit: 1 input_tokens, window: day }", "{ limit: 1 output_tokens, window: day }", "{ limit: 1 usd, window: day, name: a }",
        "{ limit: 1 usd, window: day, vendor: a }", "{ limit: 1 usd, window: day, model: a }", "{ limit: 1 usd, window: day, operation: a }",
        "{ limit: 1 usd, window: day, metadata: { vendor: a } }", "{ limit: 1 usd, window: day, scopes: { x.vendor: a } }", "{ limit: 1 usd, window: day, per: vendor }",
        "{ limit: 1 usd, window: day, per: a.vendor }", "{ limit: 1 usd, window: day, per: metadata.vendor }", "{ limit: 1 usd, window: day, per: [vendor, model] }" };
    struct arena a;
    struct facts f = { .vendor = SPAN("a"), .model = SPAN("a"), .operation = SPAN("a") };
    enum { COUNT = sizeof(all) / sizeof(*all) };
    struct budget_account one[COUNT];
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_INT(accounts(&a, all[i], &f, &one[i], 1), 1);
        for (size_t k = 0; k < i; k++)
            if (span_is(one[i].name, one[k].name))
                test_fail(__FILE__, __LINE__, "%s and %s count on one account", all[i], all[k]);
    }
    arena_free(&a);
}

TEST(mistakes_in_what_is_new_are_explained)
{
    static const struct {
        const char *yaml, *field, *says;
    } cases[] = {
        { "{ limit: 5 usd, window: rolling }", "budgets[0].window", "rolling 24h" },
        { "{ limit: 5 usd, window: 30d }", "budgets[0].window", "no month" },
        { "{ limit: 5 usd, window: rolling 400d }", "budgets[0].window", "366d" },
        { "{ limit: 5 calls, window: rolling 1h }", "budgets[0].window", "requests" },
        { "{ limit: 5 usd, per: metadata. }", "budgets[0].per", "metadata.NAME" },
        { "{ limit: 5 usd, per: [a.b, a.c, a.d, a.e, a.f, a.g, a.h] }", "budgets[0].per", "at most 6" },
        { "{ limit: 5 usd, scopes: { customer: x } }", "budgets[0].scopes", "stripe.customer" },
        { "{ limit: 5 usd, scopes: stripe.customer }", "budgets[0].scopes", "map" },
        { "{ limit: 5 usd, metadata: [tenant] }", "budgets[0].metadata", "map" },
        { "{ limit: 5 usd, metadata: { tenant: } }", "budgets[0].metadata", "pattern" },
        { "{ limit: 5 usd, metadata: { tenant: [a, b] } }", "budgets[0].metadata", "text" },
        { "{ limit: 5 usd, metadata: { tenant: '' } }", "budgets[0].metadata", "pattern" },
        { "{ limit: 5 usd, metadata: { a: x, b: x, c: x, d: x, e: x, f: x, g: x, h: x, i: x } }", "budgets[0].metadata", "at most 8" },
        { "{ limit: 5 usd, refunds: nett }", "budgets[0].refunds", "gross" },
        { "{ limit: 5 requests, refunds: net }", "budgets[0].refunds", "usd" },
        { "{ limit: 5 usd, on_tight: cut }", "budgets[0].on_tight", "clamp" },
        { "{ limit: 5 usd, alert: [soon] }", "budgets[0].alert", "forecast" },
        { "{ limit: 5 usd, increase: 5 usd }", "budgets[0].increase", "until" },
        { "{ limit: 5 usd, increase: { by: 5 usd } }", "budgets[0].increase.until", "required" },
        { "{ limit: 5 usd, increase: { until: 2026-11-22T00:00:00Z } }", "budgets[0].increase.by", "nothing" },
        { "{ limit: 5 usd, increase: { by: 5 requests, until: 2026-11-22T00:00:00Z } }", "budgets[0].increase.by", "own unit" },
        { "{ limit: 5 usd, increase: { by: 0 usd, until: 2026-11-22T00:00:00Z } }", "budgets[0].increase.by", "more than 0" },
        { "{ limit: 5 usd, increase: { by: -1 usd, until: 2026-11-22T00:00:00Z } }", "budgets[0].increase.by", "more than 0" },
        { "{ limit: 5 usd, increase: { by: 5 usd, until: tomorrow } }", "budgets[0].increase.until", "tomorrow" },
        { "{ limit: 5 usd, increase: { by: 5 usd, untill: 2026-11-22T00:00:00Z } }", "budgets[0].increase.untill", "until" },
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

/* A field of another product, or of an older one, is refused and never dropped. */
TEST(pitfall_15_unknown_safety_fields_are_errors)
{
    static const char *const all[] = { "{ max_budget: 5 }", "{ limit: 5 usd, budget_duration: 1d }", "{ limit: 5 usd, reset: day }", "{ limit: 5 usd, hard: true }",
        "{ limit: 5 usd, soft_limit: 1 usd }", "{ limit: 5 usd, Window: day }", "{ limit: 5 usd, per_user: true }", "{ limit: 5 usd, tags: { a: b } }" };
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (read_one(&a, all[i], &b, &t) || !strstr(t.text, "allowed"))
            test_fail(__FILE__, __LINE__, "taken, or not explained: %s (%s)", all[i], t.text);
    arena_free(&a);
}

TEST(default_alerts)
{
    static const struct {
        const char *yaml;
        size_t count;
        bool forecast;
    } cases[] = { { "{ limit: 5 usd, window: day }", 3, true }, { "{ limit: 5 usd, window: run }", 3, true }, { "{ limit: 5 usd }", 3, true },
        { "{ limit: 5 tokens, window: month }", 3, true }, { "{ limit: 5 input_tokens, window: week }", 3, true }, { "{ limit: 5 messages, window: day }", 3, true },
        { "{ limit: 5 usd, window: rolling 24h }", 3, true }, { "{ limit: 5 usd, window: rolling 23h }", 0, false }, { "{ limit: 5 usd, window: hour }", 0, false },
        { "{ limit: 5 usd, window: minute }", 0, false }, { "{ limit: 5 requests, window: day }", 0, false }, { "{ limit: 5 calls }", 0, false },
        { "{ limit: 5 usd, window: day, alert: [] }", 0, false }, { "{ limit: 5 usd, window: day, alert: 90% }", 1, false },
        { "{ limit: 5 requests, window: minute, alert: [80%, forecast, 80] }", 1, true }, { "{ limit: 5 usd, alert: forecast }", 0, true } };
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (!read_one(&a, cases[i].yaml, &b, &t) || b.alert_count != cases[i].count || b.forecast != cases[i].forecast)
            test_fail(__FILE__, __LINE__, "%s: %zu alerts, forecast %d (%s)", cases[i].yaml, b.alert_count, b.forecast, t.text);
    CHECK(read_one(&a, "{ limit: 5 usd, window: day }", &b, &t) && b.alerts[0] == 50 && b.alerts[1] == 80 && b.alerts[2] == 100);
    arena_free(&a);
}

/* A part of a limit is a part of the whole limit of its own window: never of what is left, nor of another window's. */
TEST(pitfall_16_percentages_belong_to_their_own_limit)
{
    struct arena a;
    struct budget day, month;
    struct trouble t;
    struct budget_account one, two;
    struct facts f = { .key_id = SPAN("key_1f3c") };
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 1 usd, window: day, alert: 99% }", &day, &t) && read_one(&a, "{ limit: 15 usd, window: month, alert: 99% }", &month, &t));
    CHECK_INT(budget_limit(&day, 0), NANO_PER_USD);
    CHECK_INT(budget_limit(&month, 0), 15 * NANO_PER_USD);
    CHECK(day.alerts[0] == 99 && month.alerts[0] == 99);
    CHECK(budget_accounts(&day, &f, at("2026-11-21T12:00:00Z"), &a, &one, 1) == 1 && budget_accounts(&month, &f, at("2026-11-21T12:00:00Z"), &a, &two, 1) == 1);
    CHECK(!span_is(one.name, two.name) && one.resets_at == at("2026-11-22") && two.resets_at == at("2026-12-01"));
    arena_free(&a);
}

/* No budget is no limit; a limit of nothing refuses everything. */
TEST(pitfall_11_absent_differs_from_zero)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 0 usd, window: day }", &b, &t));
    CHECK_INT(budget_limit(&b, 0), 0);
    CHECK(!read_one(&a, "{ window: day }", &b, &t) && strstr(t.text, "nothing"));
    CHECK(!read_one(&a, "{ limit: null, window: day }", &b, &t) && strstr(t.text, "nothing"));
    CHECK(!read_one(&a, "{ limit: '', window: day }", &b, &t));
    arena_free(&a);
}

TEST(an_increase_ends_by_itself)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 10 usd, window: day, increase: { by: 2.50 usd, until: '2026-11-22T01:00:00+01:00', reason: month end } }", &b, &t));
    CHECK_INT(b.limit, 10 * NANO_PER_USD);
    CHECK_INT(budget_limit(&b, at("2026-11-21T23:59:59.999Z")), 12500000000);
    CHECK_INT(budget_limit(&b, at("2026-11-22")), 10 * NANO_PER_USD);
    CHECK(read_one(&a, "{ limit: 9000000000 usd, increase: { by: 9000000000 usd, until: 2026-11-22T00:00:00Z } }", &b, &t));
    CHECK_INT(budget_limit(&b, 0), INT64_MAX);
    arena_free(&a);
}

TEST(amounts_and_refunds)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    const int64_t real[UNIT_COUNT] = { [UNIT_USD] = 3, [UNIT_TOKENS] = 30, [UNIT_TOKENS_IN] = 20, [UNIT_TOKENS_OUT] = 10, [UNIT_REQUESTS] = 1 };
    struct facts f = { .worst = { [UNIT_USD] = 5, [UNIT_TOKENS] = 50, [UNIT_TOKENS_IN] = 25, [UNIT_TOKENS_OUT] = 25, [UNIT_REQUESTS] = 1 } };
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 9 usd }", &b, &t) && budget_amount(&b, &f) == 5 && budget_real(&b, &f, real) == 3);
    f.refund = true;
    CHECK(!b.net && budget_amount(&b, &f) == 5 && budget_real(&b, &f, real) == 3); /* gross: spend of its own */
    CHECK(read_one(&a, "{ limit: 9 usd, refunds: net, on_tight: deny }", &b, &t) && b.net && b.deny_when_tight);
    CHECK(budget_amount(&b, &f) == 0 && budget_real(&b, &f, real) == -3);
    f.refund = false;
    CHECK(budget_amount(&b, &f) == 5 && budget_real(&b, &f, real) == 3);
    CHECK(read_one(&a, "{ limit: 9 input_tokens }", &b, &t) && budget_amount(&b, &f) == 25 && budget_real(&b, &f, real) == 20);
    CHECK(read_one(&a, "{ limit: 9 output tokens }", &b, &t) == false);
    CHECK(read_one(&a, "{ limit: 9 output_tokens }", &b, &t) && budget_real(&b, &f, real) == 10);
    CHECK(read_one(&a, "{ limit: 1 output_token }", &b, &t) && b.unit == UNIT_TOKENS_OUT);
    arena_free(&a);
}

TEST(filters_by_scope_and_metadata)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    const struct scope scopes[] = { { SPAN("stripe.account"), SPAN("acct_1"), false }, { SPAN("stripe.customer"), SPAN("cus_A"), false }, { SPAN("stripe.customer"), SPAN("cus_B"), false } };
    const struct tag tags[] = { { SPAN("tenant"), SPAN("acme") }, { SPAN("empty"), SPAN("") } };
    struct facts f = { .scopes = scopes, .scope_count = 3, .tags = tags, .tag_count = 2 };
    arena_init(&a, 1 << 20);
    CHECK(read_one(&a, "{ limit: 1 usd, scopes: { stripe.customer: cus_B } }", &b, &t) && budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, scopes: { stripe.customer: cus_C } }", &b, &t) && !budget_applies(&b, &f));
    f.scopes_unresolved = true; /* it may be cus_C */
    CHECK(budget_applies(&b, &f));
    f.scopes_unresolved = false;
    const struct scope untold[] = { { SPAN("stripe.customer"), FACTS_UNTOLD, false }, { SPAN("stripe.account"), SPAN("acct_1"), false } };
    f.scopes = untold; /* so may this one, but its account is no customer */
    f.scope_count = 2;
    CHECK(budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, scopes: { stripe.account: acct_2 } }", &b, &t) && !budget_applies(&b, &f));
    f.scopes = scopes;
    f.scope_count = 3;
    CHECK(read_one(&a, "{ limit: 1 usd, scopes: { stripe.account: 'acct_*', stripe.customer: cus_A } }", &b, &t) && budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, metadata: { tenant: 'a*' } }", &b, &t) && budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, metadata: { tenant: other } }", &b, &t) && !budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, metadata: { empty: '*' } }", &b, &t) && budget_applies(&b, &f));
    CHECK(read_one(&a, "{ limit: 1 usd, metadata: { absent: '*' } }", &b, &t) && !budget_applies(&b, &f));
    arena_free(&a);
}

TEST(an_account_for_each_of_anything)
{
    struct arena a;
    int64_t resets_at;
    const struct tag tags[] = { { SPAN("tenant"), SPAN("acme") } };
    struct facts f = { .key_id = SPAN("key_2"), .team = SPAN("ops"), .workspace = SPAN("w"), .operation = SPAN("stripe.charges.create"), .tags = tags, .tag_count = 1 };
    arena_init(&a, 1 << 20);
    CHECK_SPAN(account(&a, "{ limit: 1 usd, per: [operation, workspace, team, key] }", &f, &resets_at),
        SPAN("key_1f3c/usd/total,per=key,per=team,per=workspace,per=operation|key=key_2|team=ops|workspace=w|operation=stripe.charges.create"));
    CHECK_SPAN(account(&a, "{ limit: 1 usd, per: [metadata.tenant, metadata.absent] }", &f, &resets_at),
        SPAN("key_1f3c/usd/total,per=metadata.absent,per=metadata.tenant|metadata.absent=|metadata.tenant=acme"));
    f.run = SPAN("r1");
    CHECK_SPAN(account(&a, "{ limit: 1 usd, window: run, per: [run, team] }", &f, &resets_at), SPAN("key_1f3c/usd/run,per=run,per=team|run=r1|team=ops"));
    arena_free(&a);
}

TEST(several_objects_are_several_accounts)
{
    struct arena a;
    struct budget_account list[16];
    const struct scope scopes[] = { { SPAN("stripe.customer"), SPAN("cus_A"), false }, { SPAN("stripe.customer"), SPAN("cus_B"), false }, { SPAN("stripe.customer"), SPAN("cus_A"), false },
        { SPAN("stripe.account"), SPAN("acct_1"), false }, { SPAN("stripe.account"), SPAN("acct_2"), false }, { SPAN("bill.customer"), SPAN("cus_A"), false } };
    struct facts f = { .scopes = scopes, .scope_count = 5 };
    arena_init(&a, 1 << 20);
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: stripe.customer }", &f, list, 16), 2);
    CHECK_SPAN(list[0].name, SPAN("key_1f3c/usd/total,per=stripe.customer|stripe.customer=cus_A"));
    CHECK_SPAN(list[1].name, SPAN("key_1f3c/usd/total,per=stripe.customer|stripe.customer=cus_B"));
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: [stripe.customer, stripe.account] }", &f, list, 16), 4);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(!span_is(list[i].name, list[k].name));
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: [stripe.customer, stripe.account] }", &f, list, 3), 4); /* the caller sees that room was short */
    f.scope_count = 6; /* one id at two vendors is two customers */
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: customer }", &f, list, 16), 3);
    CHECK_SPAN(list[2].name, SPAN("key_1f3c/usd/total,per=customer|bill.customer=cus_A"));
    f.scopes_unresolved = true; /* there may be one more */
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: customer }", &f, list, 16), 4);
    CHECK_SPAN(list[3].name, SPAN("key_1f3c/usd/total,per=customer|customer="));
    f.scope_count = 0;
    CHECK_INT(accounts(&a, "{ limit: 1 usd, per: customer }", &f, list, 16), 1);
    CHECK_SPAN(list[0].name, SPAN("key_1f3c/usd/total,per=customer|customer="));
    arena_free(&a);
}

TEST(rolling_accounts_have_a_slot_and_no_date)
{
    struct arena a;
    struct budget_account one;
    struct facts f = { .vendor = SPAN("stripe") };
    arena_init(&a, 1 << 20);
    CHECK_INT(accounts(&a, "{ limit: 1 usd, window: rolling 1h }", &f, &one, 1), 1);
    CHECK_SPAN(one.name, SPAN("key_1f3c/usd/rolling-1h"));
    CHECK_INT(one.slot, at("2026-11-21T12:34:00Z") / 60000);
    CHECK_INT(one.resets_at, at("2026-11-21T12:35:00Z"));
    CHECK_INT(one.ends_at, at("2026-11-21T13:35:00Z"));
    arena_free(&a);
}

/* The first call of a run, user or key finds an account whose name is made on the spot: nothing has to be there before. */
TEST(pitfall_9_caps_work_from_the_first_call)
{
    static const char *const all[] = { "{ limit: 1 usd }", "{ limit: 1 usd, window: run }", "{ limit: 1 usd, window: day, per: user }", "{ limit: 1 usd, per: [key, customer] }",
        "{ limit: 1 usd, per: metadata.tenant }", "{ limit: 1 usd, window: rolling 24h, per: [team, model] }" };
    struct arena a;
    struct facts nothing = { .workspace = SPAN_NONE };
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct budget b;
        struct trouble t;
        struct budget_account one = { .name = SPAN_NONE };
        CHECK(read_one(&a, all[i], &b, &t) && budget_applies(&b, &nothing));
        CHECK(budget_accounts(&b, &nothing, 1, &a, &one, 1) == 1 && one.name.len > 0);
    }
    arena_free(&a);
}

TEST(no_memory_is_no_account)
{
    struct arena a, small;
    struct budget b;
    struct trouble t;
    struct budget_account one;
    struct facts f = { .user = SPAN("ann") };
    arena_init(&a, 1 << 20);
    arena_init(&small, 1);
    CHECK(read_one(&a, "{ limit: 1 usd, per: user }", &b, &t));
    CHECK_INT(budget_accounts(&b, &f, 1, &small, &one, 1), 0);
    arena_free(&small);
    arena_free(&a);
}

TEST(an_id_has_a_length)
{
    struct arena a;
    struct budget b;
    struct trouble t;
    struct buf yaml;
    arena_init(&a, 1 << 20);
    buf_init(&yaml, 1 << 16);
    buf_put(&yaml, SPAN("{ limit: 1 usd, metadata: {"));
    for (int i = 0; i < 8; i++)
        buf_print(&yaml, "%s name%d: '%0120d|||||||'", i ? "," : "", i, 0);
    buf_put(&yaml, SPAN("} }"));
    buf_put_byte(&yaml, '\0');
    CHECK(!read_one(&a, yaml.at, &b, &t) && strstr(t.text, "at most 1024"));
    buf_free(&yaml);
    arena_free(&a);
}

/* Byte for byte what the first release wrote: percent signs, and the digest of what is long. */
TEST(values_are_written_as_ever)
{
    static const struct span keep = { "_-.:/@*+ ", 9 };
    struct arena a;
    struct buf want;
    char bytes[256];
    arena_init(&a, 1 << 20);
    buf_init(&want, 1 << 16);
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    for (size_t from = 0; from < 256; from += 128) {
        struct span value = span_make(bytes + from, 128);
        struct label l = label_begin(&a, label_value_room(value));
        buf_clear(&want);
        buf_put_percent(&want, value, keep);
        label_put_value(&l, value);
        CHECK_SPAN(label_end(&l), buf_span(&want));
    }
    struct span value = span_make(bytes, 129);
    struct digest digest = digest_sha256(value);
    struct label l = label_begin(&a, label_value_room(value));
    buf_clear(&want);
    buf_put(&want, SPAN("sha256="));
    buf_put_hex(&want, span_make((const char *)digest.bytes, DIGEST_LEN));
    label_put_value(&l, value);
    CHECK_SPAN(label_end(&l), buf_span(&want));
    CHECK_INT(l.len, l.room);
    buf_free(&want);
    arena_free(&a);
}

static void time_naming(struct arena *a, const char *yaml)
{
    enum { ROUNDS = 200000 };
    struct budget b;
    struct trouble t;
    struct budget_account one;
    struct timespec from, to;
    struct facts f = { .vendor = SPAN("stripe"), .model = SPAN("gpt-4o-mini"), .user = SPAN("ann@example.com"), .run = SPAN("run_abc") };
    CHECK(read_one(a, yaml, &b, &t));
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < ROUNDS; i++) {
        struct arena_mark mark = arena_mark(a);
        CHECK(budget_applies(&b, &f) && budget_accounts(&b, &f, INT64_C(1795262400000) + i, a, &one, 1) == 1);
        arena_rewind(a, mark);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("  budget: %ld ns to name an account of %s\n", ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / ROUNDS, yaml);
}

/* Runs for every budget of every call. */
TEST(naming_an_account_is_cheap)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    time_naming(&a, "{ limit: 1 usd, window: run }");
    time_naming(&a, "{ limit: 1 usd, window: day }");
    time_naming(&a, "{ limit: 1 usd, window: rolling 24h }");
    time_naming(&a, "{ limit: 1 usd, window: day, per: [user, model], vendor: stripe }");
    arena_free(&a);
}
