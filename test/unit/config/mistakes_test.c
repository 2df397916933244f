/* SPDX-License-Identifier: Apache-2.0
 * mistakes_test.c - every mistake is told with its line, its field and what is allowed. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

struct mistake {
    const char *yaml; /* after the set-up's vendors */
    int line;         /* of the yaml, from 1; 0: not told */
    const char *field, *part;
};

#define HEAD "credentials: { c: { vendor: acme, secret: s } }\npolicies: { p: { allow: [\"acme.*\"] } }\n"

static const struct mistake mistakes[] = {
    { "lisen: 127.0.0.1:1\n", 1, "lisen", "did you mean \"listen\"" },
    { "workers: 1\nworkers: 2\n", 2, "", "stands twice" },
    { "listen: nowhere\n", 1, "listen", "found \"nowhere\"; allowed: an address and a port" },
    { "listen: 127.0.0.1:8081\n", 0, "admin.listen", "which is `listen` as well" },
    { "admin: { lissten: x }\n", 1, "admin.lissten", "did you mean \"listen\"" },
    { "admin: { listen: 1.2.3.4 }\n", 1, "admin.listen", "found \"1.2.3.4\"" },
    { "admin: { token: sho }\n", 1, "admin.token", "4 to 200 printable" },
    { "admin: yes\n", 1, "admin", "allowed: a map" },
    { "workers: 257\n", 1, "workers", "from 0 to 256" },
    { "workers: \"3\"\n", 1, "workers", "without quotes" },
    { "log_level: loud\n", 1, "log_level", "debug, info, warn, error" },
    { "caps_as_429: yes\n", 1, "caps_as_429", "true, false" },
    { "ca_file: /nowhere/ca.pem\n", 1, "ca_file", "cannot be used" },
    { "tls: { cert: a.pem }\n", 1, "tls.key", "is required" },
    { "tls: { cert: a.pem, key: b.pem, chain: c.pem }\n", 1, "tls.chain", "unknown field" },
    { "limits:\n  body_byte: 1MiB\n", 2, "limits.body_byte", "did you mean \"body_bytes\"" },
    { "limits:\n  body_bytes: 12 apples\n", 2, "limits.body_bytes", "such as 10MiB" },
    { "limits:\n  body_bytes: 2GiB\n", 2, "limits.body_bytes", "from 1024 to 1073741824 bytes" },
    { "limits:\n  call_time: 1ms\n", 2, "limits.call_time", "from 100 to 86400000 ms" },
    { "limits: { call_memory: 1MiB }\n", 1, "limits.call_memory", "twice body_bytes" },
    { "limits: { connections: 0 }\n", 1, "limits.connections", "from 1 to" },
    { "fx:\n  rates: { eur: much }\n", 2, "fx.rates.eur", "US dollars for one unit" },
    { "fx:\n  margn: 2%\n", 2, "fx.margn", "did you mean \"margin\"" },
    { "public_url: here\n", 1, "public_url", "where vendors reach the gate" },
    { HEAD "keys:\n  - { name: a, policy: p, dry_run: maybe }\n", 4, "keys[0].dry_run", "true, false" },
    { HEAD "keys:\n  - { name: a, policy: p, shadow: q }\n", 4, "keys[0].shadow", "found \"q\", which is no policy here; allowed: p" },
    { "vendors_dir: /nowhere/at/all\n", 1, "vendors_dir", "cannot be read" },
    { "credentials: [a]\n", 1, "credentials", "a map by name" },
    { "credentials:\n  \"a b\": { vendor: acme, secret: s }\n", 2, "credentials.a b", "1 to 64 characters" },
    { "credentials:\n  a: { secret: s }\n", 2, "credentials.a.vendor", "is required" },
    { "credentials:\n  a: { vendor: acne, secret: s }\n", 2, "credentials.a.vendor", "found \"acne\", which is no vendor here; allowed: " },
    { "credentials:\n  a: { vendor: acme }\n", 2, "credentials.a.secret", "is required" },
    { "credentials:\n  a: { vendor: acme, secret: \"\" }\n", 2, "credentials.a.secret", "is empty" },
    { "credentials:\n  a: { vendor: acme, secret: \"two words\" }\n", 2, "credentials.a.secret", "not shown here" },
    { "credentials:\n  a: { vendor: acme, secret: [s] }\n", 2, "credentials.a.secret", "found a list" },
    { "credentials:\n  a: { vendor: acme, secret: s, sealed: c3 }\n", 2, "credentials.a.sealed", "unknown field" },
    { "credentials:\n  a: { vendor: acme, secret: s, account: AC1 }\n", 2, "credentials.a.account", "leave it out" },
    { "credentials:\n  a: { vendor: texter, secret: s }\n", 2, "credentials.a.account", "is required" },
    { "credentials:\n  a: { vendor: texter, secret: s, account: A, account_sid: A }\n", 2, "credentials.a.account_sid", "one of them" },
    { "credentials:\n  a: { vendor: acme, secret: s, disabled: maybe }\n", 2, "credentials.a.disabled", "true, false" },
    { "credentials:\n  a: { vendor: acme, secret: \"${TG_TEST_UNSET}\" }\n", 2, "credentials.a.secret", "${TG_TEST_UNSET}: this environment variable is not set" },
    { "policies:\n  p: { alow: [\"acme.*\"] }\n", 2, "policies.p.alow", "did you mean \"allow\"" },
    { "policies:\n  p: { allow: [\"acme.*\"], deny: [\"acne.things.*\"] }\n", 2, "policies.p.deny[0]", "found \"acne\", which is no vendor" },
    { "policies:\n  p: { parameters: { acme.things.create: { amount: { max: lots } } } }\n", 2, "policies.p.parameters.acme.things.create.amount.max", "decimal" },
    { "policies:\n  p: { parameters: { acme.thing.create: { amount: { max: 5 } } } }\n", 2, "policies.p.parameters.acme.thing.create", "no operation" },
    { "policies:\n  p: { parameters: { acne.things.create: { amount: { max: 5 } } } }\n", 2, "policies.p.parameters.acne.things.create", "found \"acne\", which is no vendor" },
    { "workspaces:\n  w: { caps_as_429: 1 }\n", 2, "workspaces.w.caps_as_429", "true, false" },
    { "workspaces:\n  w: { budgets: { limit: 1 usd } }\n", 2, "workspaces.w.budgets", "a list" },
    { "workspaces:\n  w:\n    budgets:\n      - { limit: 1 usdd }\n", 4, "workspaces.w.budgets[0].limit", "a number and a unit" },
    { "budgets: [ { limit: 1 usd } ]\n", 1, "budgets[0].name", "is required" },
    { "budgets:\n  - { name: a, limit: 1 usd }\n  - { name: a, limit: 2 usd }\n", 3, "budgets[1].name", "stands already on line" },
    { "budgets:\n  - { name: a, limit: 1 usd, window: fortnight }\n", 2, "budgets[0].window", "run, minute, hour" },
    { "budgets:\n  - { name: a, limit: 1 usd, key: nobody }\n", 2, "budgets[a].key", "found \"nobody\", which is no key here" },
    { "budgets:\n  - { name: a, limit: 1 usd, workspace: nowhere }\n", 2, "budgets[0].workspace", "allowed: default" },
    { "budgets:\n  - { name: a, limit: 1 usd, user: [] }\n", 2, "budgets[0].user", "found nothing" },
    { "budgets:\n  - { name: a, limit: 1 usd, timezone: Mars/Olympus }\n", 2, "budgets[0].timezone", "Mars/Olympus" },
    { "keys: { a: {} }\n", 1, "keys", "a list" },
    { "keys:\n  - { policy: p }\n", 2, "keys[0].name", "name is required" },
    { "keys:\n  - { name: key_abc, policy: p }\n", 2, "keys[0].name", "found \"key_abc\"" },
    { HEAD "keys:\n  - { name: a, policy: p }\n  - { name: a, policy: p }\n", 5, "keys[1].name", "stands already on line" },
    { HEAD "keys:\n  - { name: a }\n", 4, "keys[0].policy", "is required" },
    { HEAD "keys:\n  - { name: a, policy: q }\n", 4, "keys[0].policy", "found \"q\", which is no policy here; allowed: p" },
    { HEAD "keys:\n  - { name: a, policy: p, credentials: [c, d] }\n", 4, "keys[0].credentials", "found \"d\", which is no credential here; allowed: c" },
    { HEAD "keys:\n  - { name: a, policy: p, credentials: [c, c] }\n", 4, "keys[0].credentials", "each credential once" },
    { HEAD "keys:\n  - { name: a, policy: p, workspace: w }\n", 4, "keys[0].workspace", "which is no workspace here; allowed: default" },
    { HEAD "keys:\n  - { name: a, policy: p, token: sho }\n", 4, "keys[0].token", "4 to 200 printable" },
    { HEAD "keys:\n  - { name: a, policy: p, token: tg_00000000000000000000000000000000000000 }\n", 4, "keys[0].token", "checksum" },
    { HEAD "keys:\n  - { name: a, policy: p, token: 1234567890123456 }\n  - { name: b, policy: p, token: 1234567890123456 }\n", 5, "keys[1].token", "is the token of key \"a\" as well" },
    { HEAD "keys:\n  - { name: a, policy: p, token_sha256: sk-the-token-itself }\n", 4, "keys[0].token_sha256", "not shown here" },
    { HEAD "keys:\n  - { name: a, policy: p, token: abcdefghabcdefgh, token_sha256: 00 }\n", 4, "keys[0].token_sha256", "one of token and token_sha256" },
    { HEAD "keys:\n  - { name: a, policy: p, token_hashes: [] }\n", 4, "keys[0].token_hashes", "unknown field" },
    { HEAD "keys:\n  - { name: a, policy: p, expires_at: tomorrow }\n", 4, "keys[0].expires_at", "2026-12-31" },
    { HEAD "keys:\n  - { name: a, policy: p, addresses: [10.0.0.1/8] }\n", 4, "keys[0].addresses", "found \"10.0.0.1/8\"" },
    { HEAD "keys:\n  - { name: a, policy: p, addresses: [] }\n", 4, "keys[0].addresses", "1 to 256" },
    { HEAD "keys:\n  - { name: a, policy: p, metadata: { a: [1] } }\n", 4, "keys[0].metadata", "a map of at most 64" },
    { HEAD "keys:\n  - { name: a, policy: p, user: \"two words\" }\n", 4, "keys[0].user", "printable" },
    { HEAD "keys:\n  - name: a\n    policy: p\n    budgets:\n      - { limit: 1 usd, window: day }\n      - { limit: five usd }\n", 8, "keys[0].budgets[1].limit", "found \"five usd\"" },
    { HEAD "keys:\n  - { name: a, policy: p, budgets: [ { limit: 1 usd, window: day }, { limit: 2 usd, window: day } ] }\n", 4, "keys[0].budgets[1]", "counts the same as [0]" },
    { HEAD "keys:\n  - { name: a, policy: p, budget: [ { limit: 1 usd } ] }\n", 4, "keys[0].budget", "did you mean \"budgets\"" },
    { "routes: [a]\n", 1, "routes", "a map by name" },
    { "routes:\n  r: { provider: acne }\n", 2, "routes.r.provider", "found \"acne\", which is no vendor here" },
    { "routes:\n  r: { provider: acme, credential: d }\n", 2, "routes.r.credential", "found \"d\", which is no credential here" },
    { HEAD "routes:\n  r: { provider: texter, credential: c }\n", 4, "routes.r.credential", "which is a credential of acme; allowed: one of texter" },
    { "routes:\n  r: { strategy: { mode: fallback }, targets: [ { provider: acme }, { provider: acne } ] }\n", 2, "routes.r.targets[1].provider", "found \"acne\"" },
    { "routes:\n  r: { strategy: { mode: falback }, targets: [ {}, {} ] }\n", 2, "routes.r.strategy.mode", "found \"falback\"" },
    { "routes:\n  r:\n    retry: { atempts: 1 }\n", 3, "routes.r.retry.atempts", "did you mean \"attempts\"" },
    { "routes:\n  r:\n    input_guardrails:\n      - { default.contians: { words: [a] } }\n", 4, "routes.r.input_guardrails[0].default.contians", "contains" },
    { "routes:\n  r: { workspaces: [w] }\n", 2, "routes.r.workspaces", "found \"w\", which is no workspace here" },
    { "routes:\n  r: { models: [] }\n", 2, "routes.r.models", "1 to 64" },
    { HEAD "keys:\n  - { name: a, policy: p, route: r }\n", 4, "keys[0].route", "found \"r\", which is no route here; allowed: none, as there are none" },
    { HEAD "workspaces: { w: {} }\nroutes: { r: { workspaces: [w] }, s: {} }\nkeys:\n  - { name: a, policy: p, route: r }\n", 6, "keys[0].route", "is not for the workspace" },
    { HEAD "keys:\n  - { name: a, policy: p, cache: always }\n", 4, "keys[0].cache", "off, simple, exact, semantic" },
    { HEAD "keys:\n  - { name: a, policy: p, cache: { max_age: 1 } }\n", 4, "keys[0].cache.max_age", "from 60 to" },
    { "prices: { openai: { in: 1 } }\n", 1, "prices.openai", "" },
    { "settings: {}\n", 1, "settings", "unknown field" },
    { "- a\n", 0, "", "" },
};

TEST(each_mistake_names_line_and_field)
{
    size_t count = sizeof(mistakes) / sizeof(*mistakes);
    unsetenv("TG_TEST_UNSET");
    for (size_t i = 0; i < count; i++) {
        const struct mistake *m = &mistakes[i];
        struct conf r;
        char place[64];
        conf_open(&r, "");
        enum err e = conf_load(&r, m->yaml);
        snprintf(place, sizeof(place), "tollgate.yaml:%d: ", m->line + CONF_LINES);
        struct span text = span_of(r.trouble.text);
        if (e != E_CONFIG || (m->line && !span_starts(text, span_of(place))) || !span_is(span_of(r.trouble.field), span_of(m->field)) || !conf_has(text, m->part))
            test_fail(__FILE__, __LINE__, "%s  gave %d \"%s\" at \"%s\"; wanted line %d, field \"%s\", \"%s\"", m->yaml, e, r.trouble.text, r.trouble.field,
                m->line + CONF_LINES, m->field, m->part);
        conf_close(&r);
    }
    CHECK(count >= 40);
}

/* Entries of vendors stand in the set-up's own map, so these have texts of their own. */
TEST(mistakes_of_vendors)
{
    static const uint8_t master[32] = { 3 };
    static const struct mistake list[] = {
        { "vendors:\n  nobody: { base_url: https://x.example }\n", 2, "vendors.nobody", "which has no manifest" },
        { "vendors:\n  a: { bas_url: x }\n", 2, "vendors.a.bas_url", "did you mean \"base_url\"" },
        { "vendors:\n  a: { manifest: { vendor: b } }\n", 2, "vendors.a", "the entry's name, \"a\"" },
        { "vendors:\n  a: { manifest: { vendor: a, base_url: \"ftp://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2, "base_url", "http" },
        { "vendors:\n  a: { base_url: \"https://u:p@x.example\", manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2,
            "vendors.a.base_url", "without user" },
        { "vendors:\n  a: { listen: here, manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2, "vendors.a.listen",
            "an address and a port" },
        { "vendors:\n  a: { listen: 127.0.0.1:8080, manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2,
            "vendors.a.listen", "which is listen as well" },
        { "vendors:\n  a: { deadlines: { connect: 1ms }, manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2,
            "vendors.a.deadlines.connect", "from 10ms to 24h" },
        { "vendors:\n  a: { settings: { typo: 1 }, manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: POST /t } } }\n", 2,
            "vendors.a.settings.typo", "unknown field" },
        { "vendors:\n  a: { manifest: { vendor: a, base_url: \"https://x\", key_in: bearer, send: bearer, operations: { t.c: { call: POST /t, dialect: klingon } } } }\n", 2,
            "operations", "found dialect \"klingon\"" },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        struct config_input in = { .file = SPAN("t.yaml"), .text = span_of(list[i].yaml), .master_key = master };
        struct trouble t = { .set = false };
        struct snapshot *s = NULL;
        char place[32];
        snprintf(place, sizeof(place), "t.yaml:%d: ", list[i].line);
        enum err e = config_load(&in, &s, &t);
        if (e != E_CONFIG || !span_starts(span_of(t.text), span_of(place)) || !span_is(span_of(t.field), span_of(list[i].field)) || !conf_has(span_of(t.text), list[i].part))
            test_fail(__FILE__, __LINE__, "%s  gave %d \"%s\" at \"%s\"", list[i].yaml, e, t.text, t.field);
        snapshot_drop(s);
    }
}

TEST(more_budgets_than_a_call_can_count_on_are_refused)
{
    struct buf yaml;
    struct conf r;
    conf_open(&r, "");
    buf_init(&yaml, 1 << 16);
    buf_put(&yaml, SPAN(HEAD "budgets:\n"));
    for (int i = 0; i < 24; i++)
        buf_print(&yaml, "  - { name: b%d, limit: 1 usd }\n", i);
    buf_put(&yaml, SPAN("keys:\n  - { name: a, policy: p }\n"));
    buf_put_byte(&yaml, '\0');
    CHECK_INT(conf_load(&r, yaml.at), E_OK);
    yaml.len--;
    buf_put(&yaml, SPAN("  - { name: b, policy: p, budgets: [ { limit: 1 usd } ] }\n"));
    buf_put_byte(&yaml, '\0');
    CHECK_INT(conf_load(&r, yaml.at), E_CONFIG);
    CHECK_SPAN(span_of(r.trouble.field), SPAN("keys[1].budgets"));
    CHECK(conf_has(span_of(r.trouble.text), "found 25 budgets (1 of its own, 0 of its workspace, 24 of the gate); allowed: at most 24"));
    buf_free(&yaml);
    conf_close(&r);
}

TEST(a_file_that_is_not_there_is_told)
{
    static const uint8_t master[32] = { 3 };
    struct config_input in = { .file = SPAN("/nowhere/tollgate.yaml"), .master_key = master };
    struct trouble t = { .set = false };
    struct snapshot *s = NULL;
    CHECK_INT(config_load(&in, &s, &t), E_CONFIG);
    CHECK(conf_has(span_of(t.text), "/nowhere/tollgate.yaml: cannot be read: No such file"));
    in.file = SPAN("/tmp");
    t.set = false;
    CHECK_INT(config_load(&in, &s, &t), E_CONFIG);
    CHECK(conf_has(span_of(t.text), "a regular file"));
}
