/* SPDX-License-Identifier: Apache-2.0
 * routes_test.c - routes in a configuration: who may take them, for which models, and what the API makes of them. */
#include "test/unit/config/conf.h"

static const char file[] = "credentials:\n"
                           "  main: { vendor: acme, secret: the-secret-of-the-file }\n"
                           "  other: { vendor: texter, secret: another-secret, account: AC1 }\n"
                           "  ai: { vendor: openai, secret: sk-of-the-file }\n"
                           "policies:\n"
                           "  p: { allow: [\"acme.*\"] }\n"
                           "workspaces: { red: {}, blue: {} }\n"
                           "routes:\n"
                           "  plain: { provider: acme, retry: { attempts: 2 }, models: [\"gpt-*\"] }\n"
                           "  exact: { provider: acme, models: [gpt-5, o3] }\n"
                           "  long:\n"
                           "    models: [\"gpt-5-*\"]\n"
                           "    workspaces: [red]\n"
                           "    strategy: { mode: fallback, on_status_codes: [429] }\n"
                           "    targets:\n"
                           "      - { provider: \"@acme\", credential: main }\n"
                           "      - { provider: texter, virtual_key: other, overrideParams: { model: m } }\n"
                           "  pc-saved-1: { provider: openai }\n"
                           "keys:\n"
                           "  - { name: red, token: token-of-the-file-1, policy: p, workspace: red, route: long, cache: { mode: semantic, max_age: 120, namespace: n } }\n"
                           "  - { name: blue, token: token-of-the-file-2, policy: p, workspace: blue, cache: \"off\" }\n"
                           "  - { name: none, token: token-of-the-file-3, policy: p, cache: exact, route: pc-saved-1 }\n";

static struct span for_model(struct conf *r, const char *key, const char *model)
{
    const struct route_entry *e = snapshot_route_for_model(r->snapshot, conf_key(r, key), span_of(model));
    return e ? e->name : SPAN("-");
}

TEST(a_route_is_found_by_name_or_by_model_and_by_none_of_another_workspace)
{
    struct conf r;
    conf_open(&r, file);
    const struct key *red = conf_key(&r, "red"), *blue = conf_key(&r, "blue");
    CHECK_INT(r.snapshot->route_count, 4);
    CHECK_INT(r.snapshot->model_route_count, 3);
    CHECK(snapshot_route(r.snapshot, red, SPAN("long")) == red->route);
    CHECK_SPAN(red->route->name, SPAN("long"));
    CHECK_INT(red->route->route->mode, ROUTE_FALLBACK);
    CHECK_SPAN(red->route->route->children[1].target->model, SPAN("m"));
    CHECK_SPAN(red->route->route->children[1].target->credential, SPAN("other"));
    CHECK(!snapshot_route(r.snapshot, blue, SPAN("long")));
    CHECK(snapshot_route(r.snapshot, blue, SPAN("plain")) != NULL);
    CHECK(!snapshot_route(r.snapshot, blue, SPAN("nowhere")));
    CHECK_SPAN(conf_key(&r, "none")->route->name, SPAN("pc-saved-1"));
    CHECK_SPAN(for_model(&r, "red", "gpt-5-mini"), SPAN("long"));
    CHECK_SPAN(for_model(&r, "blue", "gpt-5-mini"), SPAN("plain"));
    CHECK_SPAN(for_model(&r, "red", "gpt-5"), SPAN("exact"));
    CHECK_SPAN(for_model(&r, "red", "o3"), SPAN("exact"));
    CHECK_SPAN(for_model(&r, "red", "claude"), SPAN("-"));
    CHECK_SPAN(for_model(&r, "red", ""), SPAN("-"));
    conf_close(&r);
}

TEST(a_key_says_what_may_be_kept_of_its_answers)
{
    struct conf r;
    conf_open(&r, file);
    const struct cache_rule *rule = conf_key(&r, "red")->cache;
    CHECK(rule && rule->mode == CACHE_SEMANTIC && rule->max_age_ms == 120000);
    CHECK_SPAN(rule ? rule->namespace_ : SPAN_NONE, SPAN("n"));
    CHECK(conf_key(&r, "blue")->cache && conf_key(&r, "blue")->cache->mode == CACHE_OFF);
    CHECK(conf_key(&r, "none")->cache && conf_key(&r, "none")->cache->mode == CACHE_EXACT);
    CHECK_INT(conf_load(&r, "policies: { p: { allow: [\"acme.*\"] } }\nkeys: [ { name: k, policy: p } ]\n"), E_OK);
    CHECK(!conf_key(&r, "k")->cache && !conf_key(&r, "k")->route);
    conf_close(&r);
}

TEST(a_vendor_says_where_it_is_and_what_it_keeps)
{
    struct conf r;
    conf_open(&r, "credentials: { ai: { vendor: openai, secret: sk-x } }\n");
    CHECK(!snapshot_upstream(r.snapshot, SPAN("openai"))->zero_retention);
    CHECK(!snapshot_upstream(r.snapshot, SPAN("openai"))->region.at);
    conf_close(&r);
    r = (struct conf){ .in = { .file = SPAN("tollgate.yaml"), .master_key = (const uint8_t[32]){ 1 } } };
    arena_init(&r.arena, 1 << 20);
    r.in.text = SPAN("credentials: { ai: { vendor: openai, secret: sk-x } }\nvendors: { openai: { region: eu, zero_retention: true } }\n");
    CHECK_INT(config_load(&r.in, &r.snapshot, &r.trouble), E_OK);
    CHECK(r.snapshot && snapshot_upstream(r.snapshot, SPAN("openai"))->zero_retention);
    CHECK_SPAN(r.snapshot ? snapshot_upstream(r.snapshot, SPAN("openai"))->region : SPAN_NONE, SPAN("eu"));
    conf_close(&r);
}

TEST(the_api_makes_changes_and_deletes_routes)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "route", NULL, "{\"name\":\"made\",\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[{\"provider\":\"acme\",\"weight\":0.7},{\"virtualKey\":\"main\"}],\"models\":[\"x\"]}", false, &out), E_OK);
    CHECK_SPAN(for_model(&r, "red", "x"), SPAN("made"));
    CHECK(conf_has(conf_show(&r, "route", "made"), "\"origin\":\"api\""));
    CHECK(conf_has(conf_show(&r, "route", "made"), "\"weight\":0.7"));
    CHECK_INT(conf_apply(&r, "route", "plain", "{\"retry\":{\"attempts\":4}}", true, &out), E_OK);
    CHECK_INT(snapshot_route(r.snapshot, conf_key(&r, "red"), SPAN("plain"))->route->target->retry.attempts, 4);
    CHECK_INT(conf_apply(&r, "route", "plain", "{\"retry\":{\"attempts\":40}}", true, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "routes.plain.retry.attempts"));
    CHECK_INT(conf_apply(&r, "route", NULL, "{\"name\":\"leak\",\"provider\":\"acme\",\"api_key\":\"sk-very-secret\"}", false, &out), E_CONFIG);
    CHECK(!conf_has(span_of(r.trouble.text), "very-secret"));
    CHECK_INT(conf_apply(&r, "route", "long", NULL, false, &out), E_CONFLICT); /* the key "red" goes that way */
    CHECK(conf_has(span_of(r.trouble.text), "keys[0].route"));
    CHECK_INT(conf_apply(&r, "route", "made", NULL, false, &out), E_OK);
    CHECK(!snapshot_route(r.snapshot, conf_key(&r, "red"), SPAN("made")));
    conf_close(&r);
}
