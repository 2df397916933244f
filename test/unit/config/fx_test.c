/* SPDX-License-Identifier: Apache-2.0
 * fx_test.c - `fx`, `public_url`, and a key's `dry_run` and `shadow`: from the file, by the API, and what is wrong with them. */
#include "test/unit/config/conf.h"

#include <stdlib.h>
#include <unistd.h>

static const char rates_file[] = "Date, USD, JPY, \n20 November 2026, 1.25, 160.00, \n";
static const char keys[] = "credentials: { c: { vendor: acme, secret: s } }\n"
                           "policies: { p: { allow: [\"acme.*\"] }, next: { allow: [acme.things.list] } }\n";

static struct span write_file(struct conf *r, const char *text)
{
    char name[] = "/tmp/tollgate-fx-XXXXXX";
    int fd = mkstemp(name);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return arena_copy(&r->arena, span_of(name));
}

static int64_t rate(const struct conf *r, const char *code)
{
    int64_t usd = -1;
    return fx_rate(r->snapshot->fx, code, &usd) ? usd : -1;
}

TEST(rates_are_read_with_the_configuration)
{
    struct conf r;
    conf_open(&r, "");
    CHECK(r.snapshot->fx == NULL);
    struct span name = write_file(&r, rates_file);
    const char *yaml = arena_print(&r.arena, "fx: { file: %s, rates: { sek: \"0.1\" }, margin: 2%% }\n", name.at).at;
    CHECK_INT(conf_load(&r, yaml), E_OK);
    CHECK_INT(rate(&r, "eur"), 1250000000);
    CHECK_INT(rate(&r, "jpy"), 7812500);
    CHECK_INT(rate(&r, "sek"), 100000000);
    CHECK_INT(r.snapshot->fx->margin, 20000000);
    struct span digest = arena_copy(&r.arena, r.snapshot->digest);
    CHECK_INT(conf_load(&r, yaml), E_OK);
    CHECK_SPAN(r.snapshot->digest, digest);
    FILE *f = fopen(name.at, "w");
    must(f && fputs("Date, USD, \n21 November 2026, 1.3, \n", f) >= 0 && fclose(f) == 0);
    CHECK_INT(conf_load(&r, yaml), E_OK);
    CHECK_INT(rate(&r, "eur"), 1300000000);
    CHECK(!span_is(r.snapshot->digest, digest)); /* rows tell the two apart */
    f = fopen(name.at, "w");
    must(f && fputs("<html>Not today</html>", f) >= 0 && fclose(f) == 0);
    CHECK_INT(conf_load(&r, yaml), E_CONFIG);
    CHECK_SPAN(span_of(r.trouble.field), SPAN("fx.file"));
    unlink(name.at);
    CHECK_INT(conf_load(&r, yaml), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "No such file"));
    conf_close(&r);
}

TEST(a_file_of_rates_must_be_a_file)
{
    struct conf r;
    conf_open(&r, "");
    CHECK_INT(conf_load(&r, "fx: { file: /tmp }\n"), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "fx.file"));
    struct span empty = write_file(&r, "");
    CHECK_INT(conf_load(&r, arena_print(&r.arena, "fx: { file: %s }\n", empty.at).at), E_CONFIG);
    unlink(empty.at);
    conf_close(&r);
}

TEST(the_api_sets_rates_but_names_no_file)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "fx: { rates: { eur: \"1.1\" } }\n");
    CHECK_INT(conf_apply(&r, "setting", NULL, "{\"name\":\"fx\",\"value\":{\"rates\":{\"eur\":\"1.2\",\"jpy\":\"0.0066\"},\"date\":\"2026-11-20\",\"margin\":\"1%\"}}", false, &out), E_OK);
    CHECK_INT(rate(&r, "eur"), 1200000000);
    CHECK_INT(rate(&r, "jpy"), 6600000);
    CHECK_INT(conf_apply(&r, "setting", "fx", "{\"value\":{\"file\":\"/etc/passwd\"}}", true, &out), E_CONFIG);
    CHECK_SPAN(span_of(r.trouble.field), SPAN("fx.file"));
    CHECK_INT(conf_apply(&r, "setting", NULL, "{\"name\":\"public_url\",\"value\":\"https://gate.example/\"}", false, &out), E_OK);
    CHECK_SPAN(r.snapshot->settings.public_url, SPAN("https://gate.example"));
    conf_close(&r);
}

TEST(where_vendors_reach_the_gate_is_an_address)
{
    struct conf r;
    conf_open(&r, "public_url: https://example.com/gate\n");
    CHECK_SPAN(r.snapshot->settings.public_url, SPAN("https://example.com/gate"));
    CHECK_INT(conf_load(&r, "public_url: gate.example\n"), E_CONFIG);
    CHECK_SPAN(span_of(r.trouble.field), SPAN("public_url"));
    CHECK_INT(conf_load(&r, "public_url: ftp://gate.example\n"), E_CONFIG);
    CHECK_INT(conf_load(&r, "public_url: https://gate.example/?a=b\n"), E_CONFIG);
    conf_close(&r);
}

TEST(a_key_can_rehearse_and_be_judged_by_a_second_policy)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "");
    const char *yaml = arena_print(&r.arena, "%skeys: [ { name: a, policy: p, credentials: c, dry_run: true, shadow: next }, { name: b, policy: p, credentials: c } ]\n", keys).at;
    CHECK_INT(conf_load(&r, yaml), E_OK);
    CHECK(conf_key(&r, "a")->dry_run && conf_key(&r, "a")->shadow);
    CHECK_SPAN(conf_key(&r, "a")->shadow->name, SPAN("next"));
    CHECK(!conf_key(&r, "b")->dry_run && !conf_key(&r, "b")->shadow);
    CHECK_INT(conf_apply(&r, "key", "b", "{\"shadow\":\"next\",\"dry_run\":true}", true, &out), E_OK);
    CHECK(conf_key(&r, "b")->dry_run && conf_key(&r, "b")->shadow);
    CHECK(conf_has(conf_show(&r, "key", "b"), "\"shadow\":\"next\""));
    CHECK_INT(conf_apply(&r, "key", "b", "{\"shadow\":null,\"dry_run\":null}", true, &out), E_OK);
    CHECK(!conf_key(&r, "b")->dry_run && !conf_key(&r, "b")->shadow);
    CHECK_INT(conf_apply(&r, "key", "b", "{\"shadow\":\"none\"}", true, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "which is no policy here"));
    CHECK_INT(conf_apply(&r, "policy", "next", NULL, false, &out), E_CONFLICT); /* a key refers to it */
    conf_close(&r);
}
