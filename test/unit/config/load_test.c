/* SPDX-License-Identifier: Apache-2.0
 * load_test.c - whole configurations: the defaults, the example everyone starts from, and what a key gets from it. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

#include "base/clock.h"

static const char product_example[] =
    "listen: 127.0.0.1:8080\n"
    "admin: { listen: 127.0.0.1:8081, token: ${TG_TEST_ADMIN_TOKEN} }\n"
    "data: ./data                        # SQLite, journal, sealed secrets\n"
    "vendors:                            # built-in manifests; override or add your own\n"
    "  stripe: { base_url: https://api.stripe.com }\n"
    "credentials:\n"
    "  stripe-main: { vendor: stripe, secret: ${TG_TEST_STRIPE} }\n"
    "  twilio-main: { vendor: twilio, account_sid: ACxxx, secret: ${TG_TEST_TWILIO} }\n"
    "  openai-main: { vendor: openai, secret: ${TG_TEST_OPENAI} }\n"
    "policies:\n"
    "  support:\n"
    "    allow: [stripe.charges.create, stripe.refunds.create, \"stripe.customers.*\", twilio.messages.create, \"openai.*\"]\n"
    "    deny:  [\"stripe.payouts.*\"]\n"
    "    models: [gpt-4o-mini, \"claude-*\"]\n"
    "    scopes: { stripe.customer: [cus_A, cus_B], stripe.account: [acct_1], twilio.to: [\"+1*\"] }\n"
    "    parameters: { stripe.refunds.create: { amount: { max: 5000 }, currency: [usd] } }\n"
    "keys:\n"
    "  - name: support-agent\n"
    "    token: ${TG_TEST_KEY}\n"
    "    credentials: [stripe-main, twilio-main, openai-main]\n"
    "    policy: support\n"
    "    expires_at: 2026-12-31T00:00:00Z\n"
    "    budgets:\n"
    "      - { limit: 100 usd, window: day }\n"
    "      - { limit: 20 usd, window: run }\n"
    "      - { limit: 50 usd, window: day, vendor: stripe, alert: [50%, 80%] }\n"
    "      - { limit: 60 requests, window: minute }\n";

static const uint8_t master[32] = { 1 };

static bool opens(const struct snapshot *s, struct span token)
{
    struct digest hash = snapshot_admin_hash(s, token);
    return snapshot_admin(s, &hash, 1) != NULL;
}

TEST(the_example_of_the_contract_loads)
{
    struct config_input in = { .text = SPAN_NONE, .master_key = master };
    struct trouble t = { .set = false };
    struct snapshot *s = NULL;
    int64_t until = -1;
    setenv("TG_TEST_ADMIN_TOKEN", "an-admin-token-of-a-test", 1);
    setenv("TG_TEST_STRIPE", "sk_live_the-real-one", 1);
    setenv("TG_TEST_TWILIO", "twilio-auth-token", 1);
    setenv("TG_TEST_OPENAI", "sk-openai", 1);
    setenv("TG_TEST_KEY", "support-agent-literal-key", 1);
    in.text = span_of(product_example);
    CHECK_INT(config_load(&in, &s, &t), E_OK);
    CHECK_SPAN(span_of(t.text), SPAN(""));
    if (!s)
        return;
    const struct key *k = snapshot_key(s, SPAN("support-agent-literal-key"), &until);
    CHECK(k != NULL);
    CHECK_INT(until, 0);
    CHECK(!snapshot_key(s, SPAN("support-agent-literal-kez"), &until));
    CHECK(opens(s, SPAN("an-admin-token-of-a-test")));
    CHECK(!opens(s, SPAN("an-admin-token-of-a-tesT")));
    if (k) {
        CHECK_SPAN(k->name, SPAN("support-agent"));
        CHECK_SPAN(k->workspace, SPAN("default"));
        CHECK_INT(k->budget_count, 4);
        CHECK_SPAN(k->budgets[0]->owner, SPAN("key:support-agent"));
        CHECK_INT(k->budgets[0]->limit, 100 * NANO_PER_USD);
        CHECK_INT(k->credential_count, 3);
        CHECK(k->bound == NULL);
        CHECK_INT(k->expires_at, INT64_C(1798675200000));
        const struct credential *c = key_credential(k, snapshot_upstream(s, SPAN("twilio")));
        CHECK(c && span_is(c->secret.account, SPAN("ACxxx")) && span_is(c->secret.secret, SPAN("twilio-auth-token")));
        CHECK(!key_credential(k, snapshot_upstream(s, SPAN("resend"))));
    }
    const struct upstream *u = snapshot_upstream(s, SPAN("stripe"));
    CHECK(u && u->origin_count >= 1 && span_is(u->origins[0].authority, SPAN("api.stripe.com")));
    snapshot_drop(s);
}

TEST(no_file_gives_all_defaults)
{
    struct config_input in = { .file = SPAN_NONE, .master_key = master };
    struct trouble t = { .set = false };
    struct snapshot *s = NULL;
    CHECK_INT(config_load(&in, &s, &t), E_OK);
    CHECK_SPAN(span_of(t.text), SPAN(""));
    if (!s)
        return;
    CHECK_SPAN(span_of(s->settings.listen.text), SPAN("127.0.0.1:8080"));
    CHECK_SPAN(span_of(s->settings.admin_listen.text), SPAN("127.0.0.1:8081"));
    CHECK_SPAN(s->settings.data_dir, SPAN("./data"));
    CHECK(!s->settings.has_admin_token);
    CHECK(!opens(s, SPAN("")));
    CHECK_INT(s->settings.limits.body_bytes, 32 << 20);
    CHECK_INT(s->settings.limits.drain_ms, 30000);
    CHECK_INT(s->settings.limits.http.head_bytes, http_limits_default.head_bytes);
    CHECK_INT(s->key_count, 0);
    CHECK(span_starts(s->digest, SPAN("cfg.")));
    snapshot_drop(s);
}

TEST(settings_are_read)
{
    struct conf r;
    conf_open(&r, "listen: \"*:9000\"\n"
                 "admin: { listen: 127.0.0.1:9001 }\n"
                 "workers: 3\n"
                 "log_level: warn\n"
                 "caps_as_429: true\n"
                 "limits: { body_bytes: 1MiB, head_bytes: 8KiB, call_time: 5m, drain_time: 0s, first_byte_time: 90s, pool_open: 17 }\n");
    const struct settings *s = &r.snapshot->settings;
    CHECK_INT(s->workers, 3);
    CHECK_INT(s->log_level, LOG_WARN);
    CHECK(s->caps_as_429);
    CHECK_INT(s->limits.body_bytes, 1 << 20);
    CHECK_INT(s->limits.http.head_bytes, 8192);
    CHECK_INT(s->limits.call_ms, 300000);
    CHECK_INT(s->limits.drain_ms, 0);
    CHECK_INT(s->limits.pool.open_per_origin, 17);
    CHECK_INT(snapshot_upstream(r.snapshot, SPAN("acme"))->deadlines.first_byte_ms, 90000);
    conf_close(&r);
}

TEST(a_given_admin_token_is_used_where_the_file_has_none)
{
    struct conf r;
    conf_open(&r, "");
    r.in.admin_token = SPAN("made-at-first-start-by-main");
    CHECK_INT(conf_load(&r, ""), E_OK);
    CHECK(opens(r.snapshot, SPAN("made-at-first-start-by-main")));
    CHECK_INT(conf_load(&r, "admin: { token: the-one-of-the-file-x }\n"), E_OK);
    CHECK(!opens(r.snapshot, SPAN("made-at-first-start-by-main")));
    CHECK(opens(r.snapshot, SPAN("the-one-of-the-file-x")));
    conf_close(&r);
}

TEST(origins_keep_host_port_and_scheme)
{
    struct conf r;
    conf_open(&r, "");
    const struct upstream *u = snapshot_upstream(r.snapshot, SPAN("texter"));
    CHECK_INT(u->origin_count, 1);
    CHECK_SPAN(u->origins[0].name, SPAN("https://api.texter.example:8443"));
    CHECK_SPAN(u->origins[0].host, SPAN("api.texter.example"));
    CHECK_SPAN(u->origins[0].authority, SPAN("api.texter.example:8443"));
    CHECK_INT(u->origins[0].port, 8443);
    CHECK(u->origins[0].tls == r.snapshot->tls);
    u = snapshot_upstream(r.snapshot, SPAN("acme"));
    CHECK_SPAN(u->origins[0].authority, SPAN("api.acme.example"));
    CHECK_INT(u->origins[0].port, 443);
    conf_close(&r);
}

TEST(budgets_of_key_workspace_and_gate_meet_on_a_key)
{
    struct conf r;
    conf_open(&r, "workspaces: { research: { caps_as_429: true, budgets: [ { limit: 7 usd, window: day } ] } }\n"
                 "budgets:\n"
                 "  - { name: everything, limit: 1000 usd, window: month }\n"
                 "  - { name: only-bots, limit: 5 requests, window: minute, key: \"bot-*\" }\n"
                 "  - { name: only-research, limit: 6 requests, window: minute, workspace: research }\n"
                 "  - { name: ann, limit: 6 requests, window: hour, user: ann }\n"
                 "policies: { p: { allow: [\"acme.*\"] } }\n"
                 "keys:\n"
                 "  - { name: bot-1, policy: p, token: 1234567890123456, budgets: [ { limit: 1 usd, window: day, timezone: UTC } ] }\n"
                 "  - { name: other, policy: p, token: 1234567890123457, workspace: research, user: ann }\n");
    const struct key *bot = conf_key(&r, "bot-1"), *other = conf_key(&r, "other");
    CHECK_INT(bot->budget_count, 3);
    CHECK(conf_has(bot->budgets[0]->id, "/usd/day") && span_starts(bot->budgets[0]->id, bot->id));
    CHECK_SPAN(bot->budgets[1]->id, SPAN("gate/everything/usd/month"));
    CHECK_SPAN(bot->budgets[2]->id, SPAN("gate/only-bots/requests/minute"));
    CHECK_SPAN(bot->budgets[1]->owner, SPAN("gate"));
    CHECK_INT(other->budget_count, 4);
    CHECK_SPAN(other->budgets[0]->id, SPAN("workspace:research/usd/day"));
    CHECK(other->caps_as_429 && !bot->caps_as_429);
    CHECK_SPAN(other->user, SPAN("ann"));
    conf_close(&r);
}

TEST(keys_with_one_vendor_are_bound_to_it)
{
    struct conf r;
    conf_open(&r, "credentials:\n"
                 "  a: { vendor: acme, secret: s1, disabled: true }\n"
                 "  b: { vendor: acme, secret: s2 }\n"
                 "policies: { p: { allow: [\"acme.*\"] } }\n"
                 "keys:\n"
                 "  - { name: one, policy: p, token: 1234567890123456, credentials: [a, b], addresses: [10.0.0.0/8, \"::1\"], metadata: { team: blue, n: 3, on: true } }\n"
                 "  - { name: two, policy: p, credentials: a }\n");
    const struct upstream *acme = snapshot_upstream(r.snapshot, SPAN("acme"));
    const struct key *one = conf_key(&r, "one"), *two = conf_key(&r, "two");
    CHECK(one->bound == acme && two->bound == acme);
    CHECK_SPAN(key_credential(one, acme)->name, SPAN("b"));
    CHECK(key_credential(two, acme) == NULL);
    CHECK_INT(one->network_count, 2);
    CHECK(network_has(&one->networks[0], SPAN("10.2.3.4")));
    CHECK_SPAN(one->metadata, SPAN("{\"team\":\"blue\",\"n\":3,\"on\":true}"));
    CHECK(span_starts(one->id, SPAN("key_")) && one->id.len == 20);
    CHECK(map_get(&r.snapshot->key_by_id, one->id) == one);
    conf_close(&r);
}

TEST(vendor_entries_change_where_and_how_it_is_reached)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "limits: { connect_time: 3s }\n");
    CHECK_INT(conf_apply(&r, "vendor", "acme", "{\"base_url\":\"http://127.0.0.1:4000\",\"listen\":\"127.0.0.1:9100\",\"deadlines\":{\"first_byte\":\"5s\"},"
                                              "\"settings\":{\"unit_price_usd\":\"0.02\"}}",
                  true, &out),
        E_OK);
    const struct upstream *u = snapshot_upstream(r.snapshot, SPAN("acme"));
    CHECK_SPAN(u->origins[0].name, SPAN("http://127.0.0.1:4000"));
    CHECK(u->origins[0].tls == NULL);
    CHECK_SPAN(span_of(u->listen->text), SPAN("127.0.0.1:9100"));
    CHECK_INT(u->deadlines.first_byte_ms, 5000);
    CHECK_INT(u->deadlines.connect_ms, 3000);
    CHECK_SPAN(node_get(u->settings, "unit_price_usd")->text, SPAN("0.02"));
    conf_close(&r);
}

TEST(a_time_zone_is_found_and_a_path_out_of_the_database_is_not)
{
    struct conf r;
    conf_open(&r, "budgets: [ { name: b, limit: 1 usd, window: day, timezone: Europe/Berlin } ]\n");
    CHECK(r.snapshot->budgets[0].window.zone != NULL);
    CHECK_INT(conf_load(&r, "budgets: [ { name: b, limit: 1 usd, window: day, timezone: ../../../etc/passwd } ]\n"), E_CONFIG);
    CHECK_INT(conf_load(&r, "budgets: [ { name: b, limit: 1 usd, window: day, timezone: /etc/localtime } ]\n"), E_CONFIG);
    conf_close(&r);
}

TEST(versions_grow_and_digests_follow_the_content)
{
    struct conf r;
    conf_open(&r, "workers: 1\n");
    uint64_t version = r.snapshot->version;
    char digest[32];
    snprintf(digest, sizeof(digest), "%.*s", SPAN_ARG(r.snapshot->digest));
    CHECK_INT(conf_load(&r, "workers: 1\n"), E_OK);
    CHECK(r.snapshot->version > version);
    CHECK_SPAN(r.snapshot->digest, span_of(digest));
    CHECK_INT(conf_load(&r, "workers: 2\n"), E_OK);
    CHECK(!span_is(r.snapshot->digest, span_of(digest)));
    conf_close(&r);
}

TEST(a_snapshot_lives_as_long_as_its_last_reference)
{
    struct conf r;
    conf_open(&r, "credentials: { a: { vendor: acme, secret: s3cret } }\n");
    struct snapshot *kept = snapshot_keep(r.snapshot);
    CHECK_INT(conf_load(&r, ""), E_OK);
    CHECK(kept != r.snapshot);
    CHECK_SPAN(kept->credentials[0].secret.secret, SPAN("s3cret"));
    snapshot_drop(kept);
    snapshot_drop(NULL);
    conf_close(&r);
}

TEST(a_key_that_ended_before_time_began_has_ended)
{
    struct conf r;
    conf_open(&r, "policies: { p: { allow: [\"acme.*\"] } }\n"
                  "keys: [ { name: k, policy: p, expires_at: 1970-01-01, revoked_at: 1960-01-01 } ]\n");
    CHECK_INT(conf_key(&r, "k")->expires_at, 1);
    CHECK_INT(conf_key(&r, "k")->revoked_at, 1);
    conf_close(&r);
}
