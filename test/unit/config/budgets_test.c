/* SPDX-License-Identifier: Apache-2.0
 * budgets_test.c - budgets on their owners: increases, tags, settings of the ledger, and what must not happen to what was
 * spent when a configuration changes. */
#include "test/unit/config/conf.h"

#include "base/text.h"
#include "ledger/ledger.h"

static const char file[] = "policies:\n"
                           "  p: { allow: [\"acme.*\"], brakes: [ { repeat: 5, within: 60s } ] }\n"
                           "workspaces:\n"
                           "  w: { budgets: [ { limit: 100 usd, window: month } ] }\n"
                           "budgets:\n"
                           "  - { name: all, limit: 1000 usd, window: day, key: '*', scopes: { acme.customer: 'c*' }, metadata: { tenant: acme }, per: [customer, metadata.tenant] }\n"
                           "keys:\n"
                           "  - name: agent\n"
                           "    policy: p\n"
                           "    workspace: w\n"
                           "    metadata: { tenant: acme, tier: 2, vip: true }\n"
                           "    budgets:\n"
                           "      - { limit: 10 usd, window: day }\n"
                           "      - { limit: 10 usd, window: rolling 24h, refunds: net, increase: { by: 1 usd, until: 2026-11-22T00:00:00Z } }\n";

static int64_t at(const char *text)
{
    int64_t ms = 0;
    CHECK(text_time_parse(span_of(text), &ms));
    return ms;
}

static const char *day_id(struct conf *r, const char *rest)
{
    return arena_print(&r->arena, "%.*s/%s", SPAN_ARG(conf_key(r, "agent")->id), rest).at;
}

TEST(every_owner_has_its_budgets)
{
    struct conf r;
    conf_open(&r, file);
    const struct key *k = conf_key(&r, "agent");
    CHECK_INT(k->budget_count, 4);
    CHECK_SPAN(k->budgets[2]->id, SPAN("workspace:w/usd/month"));
    CHECK_SPAN(k->budgets[3]->id, SPAN("gate/all/usd/day,scope.acme.customer=c*,metadata.tenant=acme,per=customer,per=metadata.tenant"));
    CHECK(k->budgets[1]->net && k->budgets[1]->increase == NANO_PER_USD);
    CHECK_INT(k->tag_count, 3);
    CHECK_SPAN(tag_find(k->tags, k->tag_count, SPAN("tier")), SPAN("2"));
    CHECK_SPAN(tag_find(k->tags, k->tag_count, SPAN("vip")), SPAN("true"));
    CHECK_INT(k->policy->brake_count, 1);
    CHECK(snapshot_key_by_id(r.snapshot, k->id) == k && snapshot_key_by_id(r.snapshot, SPAN("agent")) == k);
    CHECK(!snapshot_key_by_id(r.snapshot, SPAN("nobody")));
    CHECK(snapshot_budget(r.snapshot, k->budgets[2]->id) == k->budgets[2] && !snapshot_budget(r.snapshot, SPAN("gate/all/usd/week")));
    conf_close(&r);
}

TEST(an_increase_by_the_api)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    const char *id = day_id(&r, "usd/day"), *rolling = day_id(&r, "usd/rolling-24h");
    CHECK_INT(conf_apply(&r, "increase", id, "{\"by\":\"50 usd\",\"until\":\"2026-11-22T00:00:00Z\",\"reason\":\"month end\"}", false, &out), E_OK);
    CHECK_SPAN(out.id, span_of(id));
    const struct budget *b = conf_key(&r, "agent")->budgets[0];
    CHECK_INT(b->limit, 10 * NANO_PER_USD);
    CHECK_INT(budget_limit(b, at("2026-11-21T23:59:59Z")), 60 * NANO_PER_USD);
    CHECK_INT(budget_limit(b, at("2026-11-22")), 10 * NANO_PER_USD);
    CHECK(conf_has(conf_show(&r, "increase", id), "\"by\":\"50 usd\""));
    CHECK_INT(conf_apply(&r, "increase", id, "{\"by\":\"70 usd\"}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[0]->increase, 70 * NANO_PER_USD);
    CHECK_INT(conf_apply(&r, "increase", rolling, "{\"by\":\"7 usd\",\"until\":\"2026-12-01T00:00:00Z\"}", false, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[1]->increase, 7 * NANO_PER_USD); /* the API's wins over the file's */
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[1]->increase, 7 * NANO_PER_USD);
    CHECK_INT(conf_apply(&r, "increase", rolling, NULL, false, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[1]->increase, NANO_PER_USD);
    CHECK_INT(conf_apply(&r, "increase", "workspace:w/usd/month", "{\"by\":\"1 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "increase", "gate/all/usd/day,scope.acme.customer=c*,metadata.tenant=acme,per=customer,per=metadata.tenant",
                  "{\"by\":\"1 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_OK);
    conf_close(&r);
}

TEST(an_increase_is_checked)
{
    static const struct {
        const char *id, *body, *says;
        enum err e;
    } cases[] = {
        { "usd/day", "{\"by\":\"50 requests\",\"until\":\"2026-11-22T00:00:00Z\"}", "own unit", E_CONFIG },
        { "usd/day", "{\"by\":\"0 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", "more than 0", E_CONFIG },
        { "usd/day", "{\"by\":\"5 usd\"}", "required", E_CONFIG },
        { "usd/day", "{\"by\":\"5 usd\",\"until\":\"soon\"}", "soon", E_CONFIG },
        { "usd/day", "{\"by\":\"5 usd\",\"until\":\"2026-11-22T00:00:00Z\",\"limit\":1}", "limit", E_CONFIG },
        { "usd/week", "{\"by\":\"5 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", "no budget", E_NOT_FOUND },
    };
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(conf_apply(&r, "increase", day_id(&r, cases[i].id), cases[i].body, false, &out), cases[i].e);
        if (!strstr(r.trouble.text, cases[i].says))
            test_fail(__FILE__, __LINE__, "%s: said \"%s\"", cases[i].body, r.trouble.text);
    }
    CHECK_INT(conf_apply(&r, "increase", "a\nb", "{\"by\":\"5 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_CONFIG);
    conf_close(&r);
}

TEST(an_increase_whose_budget_is_gone_is_ignored)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "increase", day_id(&r, "usd/day"), "{\"by\":\"50 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"budgets\":[{\"limit\":\"5 usd\",\"window\":\"week\"}]}", true, &out), E_OK);
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[0]->increase, 0);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"budgets\":[{\"limit\":\"5 usd\",\"window\":\"day\"}]}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[0]->increase, 50 * NANO_PER_USD);
    conf_close(&r);
}

static void count_one(void *self, struct span id, struct span json)
{
    size_t *count = self;
    CHECK(id.len && conf_has(json, "\"origin\":\"api\"") && conf_has(json, "\"until\":\"2026-11-22T00:00:00Z\""));
    (*count)++;
}

TEST(increases_are_listed)
{
    struct conf r;
    struct config_changed out;
    size_t count = 0;
    conf_open(&r, file);
    CHECK_INT(config_list(&r.in, SPAN("increase"), count_one, &count, &r.trouble), E_OK);
    CHECK_INT(count, 0);
    CHECK_INT(conf_apply(&r, "increase", day_id(&r, "usd/day"), "{\"by\":\"50 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "increase", "workspace:w/usd/month", "{\"by\":\"1 usd\",\"until\":\"2026-11-22T00:00:00Z\"}", false, &out), E_OK);
    CHECK_INT(config_list(&r.in, SPAN("increase"), count_one, &count, &r.trouble), E_OK);
    CHECK_INT(count, 2);
    CHECK(config_list(&r.in, SPAN("increases"), count_one, &count, &r.trouble) == E_NOT_FOUND && conf_has(span_of(r.trouble.text), ", increase"));
    conf_close(&r);
}

TEST(settings_of_the_ledger)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "");
    const struct settings *s = &r.snapshot->settings;
    CHECK(s->durability == DURABLE_MONEY && s->answers_ms == INT64_C(7) * 86400000 && s->duplicate_wait_ms == 60000 && s->alert_count == 0);
    CHECK_INT(conf_load(&r, "durability: strict\nidempotency: { retention: 366d, wait: 5s }\n"), E_OK);
    s = &r.snapshot->settings;
    CHECK(s->durability == DURABLE_STRICT && s->answers_ms == INT64_C(366) * 86400000 && s->duplicate_wait_ms == 5000);
    CHECK_INT(conf_apply(&r, "setting", "durability", "{\"value\":\"relaxed\"}", false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.durability, DURABLE_RELAXED);
    CHECK_INT(conf_apply(&r, "setting", "idempotency", "{\"value\":{\"retention\":\"0s\"}}", false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.answers_ms, 0);
    CHECK_INT(conf_apply(&r, "setting", "alerts", "{\"value\":[]}", false, &out), E_CONFIG);
    static const char *const bad[] = { "durability: fast\n", "idempotency: { retention: 367d }\n", "idempotency: { wait: 31m }\n", "idempotency: 7d\n", "idempotency: { keep: 7d }\n" };
    conf_close(&r);
    conf_open(&r, "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (conf_load(&r, bad[i]) != E_CONFIG)
            test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    conf_close(&r);
}

TEST(a_key_has_room_for_so_many_budgets)
{
    struct conf r;
    struct buf yaml;
    conf_open(&r, "");
    for (int most = LEDGER_LINES; most <= LEDGER_LINES + 1; most++) {
        buf_init(&yaml, 1 << 16);
        buf_put(&yaml, SPAN("policies: { p: { allow: [\"acme.*\"] } }\nkeys: [ { name: agent, policy: p } ]\nbudgets:\n"));
        for (int i = 0; i < most; i++)
            buf_print(&yaml, "  - { name: b%d, limit: 5 usd }\n", i);
        buf_put_byte(&yaml, '\0');
        CHECK_INT(conf_load(&r, yaml.at), most == LEDGER_LINES ? E_OK : E_CONFIG);
        buf_free(&yaml);
    }
    CHECK(conf_has(span_of(r.trouble.text), "at most 24"));
    conf_close(&r);
}

/* ---- pitfalls of others (rows of the list this project keeps) ---- */

/* What is written is what is read; what is not understood is refused, never dropped. */
TEST(pitfall_15_read_back_equals_write)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"max_budget\":5}", true, &out), E_CONFIG);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"budgets\":[{\"limit\":\"5 usd\",\"budget_duration\":\"1d\"}]}", true, &out), E_CONFIG);
    CHECK_INT(conf_apply(&r, "budget", "cap", "{\"limit\":\"5 usd\",\"max_budget\":5}", false, &out), E_CONFIG);
    const char *written = "{\"limit\":\"5 usd\",\"window\":\"rolling 24h\",\"scopes\":{\"acme.customer\":\"c*\"},\"metadata\":{\"tenant\":\"a\"},\"per\":[\"customer\"],"
                          "\"refunds\":\"net\",\"on_tight\":\"deny\",\"alert\":[\"80%\",\"forecast\"],\"key\":\"agent\"}";
    CHECK_INT(conf_apply(&r, "budget", "cap", written, false, &out), E_OK);
    struct span shown = conf_show(&r, "budget", "cap");
    CHECK(conf_has(shown, arena_print(&r.arena, "%.*s", (int)strlen(written) - 2, written + 1).at)); /* without its brackets */
    const struct key *k = conf_key(&r, "agent");
    const struct budget *b = snapshot_budget(r.snapshot, SPAN("gate/cap/usd/rolling-24h,scope.acme.customer=c*,metadata.tenant=a,per=customer"));
    CHECK(b && b->net && b->deny_when_tight && b->alert_count == 1 && b->forecast && k->budgets[k->budget_count - 1] == b);
    conf_close(&r);
}

/* The windows are the budget's; a key without budgets of its own has nothing of another's, and one with has its own. */
TEST(pitfall_52_windows_are_the_budgets_own)
{
    struct conf r;
    conf_open(&r, "policies: { p: { allow: [\"acme.*\"] } }\nkeys:\n  - { name: a, policy: p, budgets: [ { limit: 5 usd, window: day } ] }\n"
                  "  - { name: b, policy: p, budgets: [ { limit: 5 usd, window: week } ] }\n  - { name: c, policy: p }\n");
    const struct budget *a = conf_key(&r, "a")->budgets[0], *b = conf_key(&r, "b")->budgets[0];
    CHECK(a != b && a->window.kind == WINDOW_DAY && b->window.kind == WINDOW_WEEK && !span_is(a->id, b->id));
    CHECK_INT(conf_key(&r, "c")->budget_count, 0);
    conf_close(&r);
}

/* A window that is added counts on an account of its own, and leaves the others' where they are. */
TEST(pitfall_53_a_window_that_is_added_is_another_account)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    struct span before = arena_copy(&r.arena, conf_key(&r, "agent")->budgets[0]->id);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"budgets\":[{\"limit\":\"1 usd\",\"window\":\"hour\"},{\"limit\":\"99 usd\",\"window\":\"day\"}]}", true, &out), E_OK);
    const struct key *k = conf_key(&r, "agent");
    CHECK(!span_is(k->budgets[0]->id, before));
    CHECK_SPAN(k->budgets[1]->id, before);
    conf_close(&r);
}

/* An expiry is the instant that was given. */
TEST(pitfall_54_an_expiry_is_not_rounded)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"expires_at\":\"2026-11-30T23:59:59.123Z\"}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->expires_at, at("2026-11-30T23:59:59.123Z"));
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"expires_at\":\"2027-01-31T00:00:00+05:30\"}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->expires_at, at("2027-01-30T18:30:00Z"));
    conf_close(&r);
}

/* A rotated, renamed or patched key counts where it counted. */
TEST(pitfall_55_accounts_hang_on_the_keys_id)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"made\",\"policy\":\"p\",\"budgets\":[{\"limit\":\"1 usd\",\"window\":\"day\",\"per\":\"model\"}]}", false, &out), E_OK);
    const char *id = arena_copy(&r.arena, out.id).at;
    struct span before = arena_copy(&r.arena, conf_key(&r, "made")->budgets[0]->id);
    CHECK_INT(conf_rotate(&r, id, 0, 1000, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "made")->budgets[0]->id, before);
    CHECK_INT(conf_apply(&r, "key", id, "{\"name\":\"renamed\"}", true, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "renamed")->budgets[0]->id, before);
    before = arena_copy(&r.arena, conf_key(&r, "agent")->budgets[0]->id);
    CHECK_INT(conf_rotate(&r, "agent", 1000, 1000, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "agent")->budgets[0]->id, before);
    conf_close(&r);
}

/* No budget anywhere: nothing is counted; a limit of 0 counts and refuses. */
TEST(pitfall_11_no_budget_is_no_limit)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "policies: { p: { allow: [\"acme.*\"] } }\nkeys: [ { name: a, policy: p }, { name: b, policy: p, budgets: [] }, { name: c, policy: p, budgets: [ { limit: 0 usd } ] } ]\n");
    CHECK(conf_key(&r, "a")->budget_count == 0 && conf_key(&r, "b")->budget_count == 0 && conf_key(&r, "c")->budget_count == 1);
    CHECK_INT(conf_key(&r, "c")->budgets[0]->limit, 0);
    CHECK_INT(conf_apply(&r, "key", "c", "{\"budgets\":[{\"limit\":null}]}", true, &out), E_CONFIG);
    conf_close(&r);
}

/* A key that was just made, without anything else set, has all its caps in place. */
TEST(pitfall_9_a_new_key_is_capped_at_once)
{
    struct conf r;
    struct config_changed out;
    struct arena arena;
    struct budget_account one;
    conf_open(&r, file);
    arena_init(&arena, 1 << 16);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"new\",\"policy\":\"p\",\"workspace\":\"w\",\"user\":\"ann\",\"budgets\":[{\"limit\":\"1 usd\",\"window\":\"day\",\"per\":\"user\"}]}", false, &out), E_OK);
    const struct key *k = conf_key(&r, "new");
    CHECK_INT(k->budget_count, 3);
    struct facts f = { .workspace = k->workspace, .key_id = k->id, .user = k->user };
    for (size_t i = 0; i < 2; i++)
        CHECK(budget_applies(k->budgets[i], &f) && budget_accounts(k->budgets[i], &f, 1, &arena, &one, 1) == 1);
    arena_free(&arena);
    conf_close(&r);
}
