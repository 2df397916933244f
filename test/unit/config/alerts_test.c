/* SPDX-License-Identifier: Apache-2.0
 * alerts_test.c - where alerts go, from the file and by the API; and that none of their secrets is stored or shown. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

static const char file[] = "alerts:\n"
                           "  - { name: ops, webhook: 'https://hooks.example/in?x=1', secret: signing-secret, events: [threshold, brake] }\n"
                           "  - { name: chat, slack: 'https://hooks.slack.example/services/T0/B0/slack-secret' }\n"
                           "  - { name: mail, smtp: 'smtp://mail.example:587', user: gate, password: mail-secret, from: gate@example.com, to: [a@example.com, b@example.com] }\n"
                           "  - { name: here, webhook: 'http://127.0.0.1:9000', secret: signing-secret }\n";

static const struct alert_endpoint *endpoint(struct conf *r, const char *name)
{
    static const struct alert_endpoint none;
    const struct settings *s = &r->snapshot->settings;
    for (size_t i = 0; i < s->alert_count; i++)
        if (span_is(s->alerts[i].name, span_of(name)))
            return &s->alerts[i];
    test_fail(__FILE__, __LINE__, "no alert %s", name);
    return &none;
}

TEST(endpoints_of_the_file)
{
    struct conf r;
    conf_open(&r, file);
    CHECK_INT(r.snapshot->settings.alert_count, 4);
    const struct alert_endpoint *e = endpoint(&r, "ops");
    CHECK(e->kind == ALERT_WEBHOOK && e->events == (ALERT_THRESHOLD | ALERT_BRAKE) && !e->plain);
    CHECK_SPAN(e->url, SPAN("https://hooks.example/in?x=1"));
    CHECK_SPAN(e->secret, SPAN("signing-secret"));
    e = endpoint(&r, "chat");
    CHECK(e->kind == ALERT_SLACK && e->events == ALERT_ALL && !e->secret.at);
    CHECK_SPAN(e->url, SPAN("https://hooks.slack.example/services/T0/B0/slack-secret"));
    e = endpoint(&r, "mail");
    CHECK(e->kind == ALERT_SMTP && !e->plain && e->to_count == 2);
    CHECK_SPAN(e->url, SPAN("smtp://mail.example:587"));
    CHECK_SPAN(e->secret, SPAN("mail-secret"));
    CHECK_SPAN(e->user, SPAN("gate"));
    CHECK_SPAN(e->from, SPAN("gate@example.com"));
    CHECK_SPAN(e->to[1], SPAN("b@example.com"));
    for (size_t i = 0; i < 4; i++) {
        char *from = r.snapshot->secrets.at;
        const struct alert_endpoint *one = &r.snapshot->settings.alerts[i];
        const char *secret = one->kind == ALERT_SLACK ? one->url.at : one->secret.at;
        CHECK(secret >= from && secret < from + r.snapshot->secrets.size);
    }
    conf_close(&r);
}

TEST(endpoints_by_name)
{
    struct conf r;
    conf_open(&r, "alerts:\n  ops: { webhook: 'https://x.example', secret: signing-secret }\n  local: { smtp: 'smtp://localhost:25', from: a@b, to: c@d }\n"
                  "  plain: { webhook: 'http://x.example/', secret: signing-secret, plain: true }\n  tls: { smtp: 'smtps://mail.example', from: a@b, to: c@d }\n");
    CHECK_INT(r.snapshot->settings.alert_count, 4);
    CHECK(endpoint(&r, "local")->plain && !endpoint(&r, "local")->user.at && endpoint(&r, "plain")->plain && !endpoint(&r, "tls")->plain);
    conf_close(&r);
}

TEST(shown_without_secrets)
{
    static const char *const names[] = { "ops", "chat", "mail" };
    struct conf r;
    conf_open(&r, file);
    for (size_t i = 0; i < 3; i++) {
        struct span shown = conf_show(&r, "alert", names[i]);
        CHECK(shown.at && !conf_has(shown, "signing-secret") && !conf_has(shown, "slack-secret") && !conf_has(shown, "mail-secret") && !conf_has(shown, "sealed"));
    }
    CHECK(conf_has(conf_show(&r, "alert", "ops"), "\"secret_set\":true"));
    CHECK(conf_has(conf_show(&r, "alert", "chat"), "\"slack\":\"https://hooks.slack.example/...\""));
    CHECK(conf_has(conf_show(&r, "alert", "mail"), "\"from\":\"gate@example.com\""));
    conf_close(&r);
    setenv("TG_TEST_SLACK", "https://a.example/slack-secret", 1);
    conf_open(&r, "alerts: { chat: { slack: '${TG_TEST_SLACK}' } }\n");
    CHECK_SPAN(endpoint(&r, "chat")->url, SPAN("https://a.example/slack-secret"));
    CHECK(conf_has(conf_show(&r, "alert", "chat"), "\"slack\":\"${TG_TEST_SLACK}\""));
    conf_close(&r);
}

static void check_stored(const struct config_changed *out)
{
    static const char *const secrets[] = { "signing-secret", "slack-secret", "mail-secret", "another-secret" };
    for (size_t i = 0; i < 4; i++)
        CHECK(!conf_has(out->stored, secrets[i]));
    CHECK(conf_has(out->stored, "\"sealed\""));
}

TEST(endpoints_of_the_api_are_sealed)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "");
    CHECK_INT(conf_apply(&r, "alert", NULL, "{\"name\":\"ops\",\"webhook\":\"https://a.example/x\",\"secret\":\"signing-secret\"}", false, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "ops")->secret, SPAN("signing-secret"));
    CHECK_INT(conf_apply(&r, "alert", "ops", "{\"events\":[\"brake\",\"approval\"]}", true, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "ops")->secret, SPAN("signing-secret"));
    CHECK_INT(endpoint(&r, "ops")->events, ALERT_BRAKE | ALERT_APPROVAL);
    CHECK_INT(conf_apply(&r, "alert", "ops", "{\"secret\":\"another-secret\"}", true, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "ops")->secret, SPAN("another-secret"));
    CHECK_INT(conf_apply(&r, "alert", "chat", "{\"slack\":\"https://a.example/slack-secret\"}", false, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "chat")->url, SPAN("https://a.example/slack-secret"));
    CHECK(conf_has(conf_show(&r, "alert", "chat"), "\"slack\":\"https://a.example/...\""));
    CHECK_INT(conf_apply(&r, "alert", "mail",
                  "{\"smtp\":\"smtps://m.example:465\",\"user\":\"u\",\"password\":\"mail-secret\",\"from\":\"a@b\",\"to\":[\"c@d\"]}", false, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "mail")->secret, SPAN("mail-secret"));
    CHECK_INT(conf_load(&r, ""), E_OK);
    CHECK_INT(r.snapshot->settings.alert_count, 3);
    CHECK_INT(conf_apply(&r, "alert", "mail", NULL, false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.alert_count, 2);
    conf_close(&r);
}

/* What was read may be written back: a masked address is no address, and leaves the true one in place. */
TEST(a_masked_address_is_left_as_it_is)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "alert", "chat", "{\"slack\":\"https://hooks.slack.example/...\",\"events\":[\"doubt\"]}", false, &out), E_OK);
    CHECK(!conf_has(out.stored, "slack"));
    CHECK_SPAN(endpoint(&r, "chat")->url, SPAN("https://hooks.slack.example/services/T0/B0/slack-secret"));
    CHECK_INT(conf_apply(&r, "alert", "chat", "{\"slack\":\"https://b.example/slack-secret\"}", true, &out), E_OK);
    check_stored(&out);
    CHECK_INT(conf_apply(&r, "alert", "chat", "{\"slack\":\"https://b.example/...\"}", false, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "chat")->url, SPAN("https://b.example/slack-secret"));
    CHECK_INT(endpoint(&r, "chat")->events, ALERT_ALL);
    conf_close(&r);
}

/* Whoever may change an endpoint may not have the gate send its password elsewhere. */
TEST(a_password_goes_to_its_server_only)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "alert", "mail", "{\"smtp\":\"smtp://evil.example:587\"}", true, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "bound to its server"));
    CHECK_INT(conf_apply(&r, "alert", "mail", "{\"smtp\":\"smtp://new.example:587\",\"password\":\"another-secret\"}", true, &out), E_OK);
    check_stored(&out);
    CHECK_SPAN(endpoint(&r, "mail")->secret, SPAN("another-secret"));
    CHECK_INT(conf_apply(&r, "alert", "mail", "{\"smtp\":\"smtp://evil.example:587\"}", true, &out), E_CONFIG);
    CHECK_INT(conf_apply(&r, "alert", "mail", "{\"smtp\":\"smtp://evil.example:587\",\"from\":\"a@b\",\"to\":\"c@d\"}", false, &out), E_CONFIG);
    CHECK_INT(conf_apply(&r, "alert", "mail", "{\"user\":null,\"password\":null,\"smtp\":\"smtp://open.example\"}", true, &out), E_OK);
    CHECK(!endpoint(&r, "mail")->secret.at && !endpoint(&r, "mail")->user.at);
    CHECK_INT(conf_apply(&r, "alert", "ops", "{\"slack\":\"https://c.example/slack-secret\",\"webhook\":null,\"secret\":null}", true, &out), E_OK);
    CHECK(endpoint(&r, "ops")->kind == ALERT_SLACK && !endpoint(&r, "ops")->secret.at);
    conf_close(&r);
}

/* What takes a deleted entry's name begins with nothing of it: else its secret could be had sent elsewhere. */
TEST(a_name_that_is_taken_again_brings_no_secret)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "alert", "mail", NULL, false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "alert", NULL, "{\"name\":\"mail\",\"smtp\":\"smtp://evil.example\",\"user\":\"u\",\"from\":\"a@b\",\"to\":\"c@d\"}", false, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "password"));
    CHECK_INT(conf_apply(&r, "alert", NULL, "{\"name\":\"mail\",\"smtp\":\"smtp://new.example\",\"from\":\"a@b\",\"to\":\"c@d\"}", false, &out), E_OK);
    CHECK(!endpoint(&r, "mail")->secret.at && !endpoint(&r, "mail")->user.at);
    conf_close(&r);
    conf_open(&r, "credentials: { spare: { vendor: acme, secret: the-secret-of-the-file } }\n");
    CHECK_INT(conf_apply(&r, "credential", "spare", NULL, false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"spare\",\"vendor\":\"texter\",\"account\":\"a\"}", false, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "secret"));
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"spare\",\"vendor\":\"acme\",\"secret\":\"another\"}", false, &out), E_OK);
    conf_close(&r);
}

TEST(mistakes_in_endpoints_are_explained)
{
    static const struct {
        const char *yaml, *field, *says;
    } cases[] = {
        { "alerts: [ { webhook: 'https://a.example', secret: signing-secret } ]\n", "alerts[0].name", "name" },
        { "alerts: { a: { secret: signing-secret } }\n", "alerts.a", "exactly one" },
        { "alerts: { a: { webhook: 'https://a.example', slack: 'https://b.example', secret: x } }\n", "alerts.a", "exactly one" },
        { "alerts: { a: { webhook: 'https://a.example' } }\n", "alerts.a.secret", "required" },
        { "alerts: { a: { webhook: 'https://a.example', secret: short } }\n", "alerts.a.secret", "not shown" },
        { "alerts: { a: { webhook: 'ftp://a.example', secret: signing-secret } }\n", "alerts.a.webhook", "https://" },
        { "alerts: { a: { webhook: 'https://user@a.example', secret: signing-secret } }\n", "alerts.a.webhook", "https://" },
        { "alerts: { a: { webhook: 'https://a.example/x#y', secret: signing-secret } }\n", "alerts.a.webhook", "https://" },
        { "alerts: { a: { webhook: 'https://a.example\\x', secret: signing-secret } }\n", "alerts.a.webhook", "https://" },
        { "alerts: { a: { webhook: 'http://a.example', secret: signing-secret } }\n", "alerts.a.webhook", "plain: true" },
        { "alerts: { a: { slack: 'http://127.0.0.1.example/slack-secret' } }\n", "alerts.a.slack", "plain: true" },
        { "alerts: { a: { slack: 'slack-secret' } }\n", "alerts.a.slack", "https://" },
        { "alerts: { a: { slack: 'https://a.example', secret: signing-secret } }\n", "alerts.a.secret", "belongs to webhook" },
        { "alerts: { a: { smtp: 'mail.example', from: a@b, to: c@d } }\n", "alerts.a.smtp", "smtps://" },
        { "alerts: { a: { smtp: 'smtp://mail.example/x', from: a@b, to: c@d } }\n", "alerts.a.smtp", "smtps://" },
        { "alerts: { a: { smtp: 'smtps://mail.example', plain: true, from: a@b, to: c@d } }\n", "alerts.a.plain", "contradicts" },
        { "alerts: { a: { smtp: 'smtp://mail.example', to: c@d } }\n", "alerts.a.from", "mail address" },
        { "alerts: { a: { smtp: 'smtp://mail.example', from: a@b } }\n", "alerts.a.to", "mail address" },
        { "alerts: { a: { smtp: 'smtp://mail.example', from: a@b, to: ['c@d', 'no one'] } }\n", "alerts.a.to", "mail address" },
        { "alerts: { a: { smtp: 'smtp://mail.example', from: a@b, to: \"c@d\\r\\nRCPT\" } }\n", "alerts.a.to", "mail address" },
        { "alerts: { a: { smtp: 'smtp://mail.example', from: a@b, to: c@d, user: u } }\n", "alerts.a.password", "neither" },
        { "alerts: { a: { smtp: 'smtp://mail.example', from: a@b, to: c@d, password: mail-secret } }\n", "alerts.a.user", "neither" },
        { "alerts: { a: { webhook: 'https://a.example', secret: signing-secret, events: [all] } }\n", "alerts.a.events", "threshold" },
        { "alerts: { a: { webhook: 'https://a.example', secret: signing-secret, events: [] } }\n", "alerts.a.events", "empty" },
        { "alerts: { a: { webhook: 'https://a.example', secret: signing-secret, url: x } }\n", "alerts.a.url", "webhook" },
        { "alerts: 5\n", "alerts", "map" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct conf r;
        conf_open(&r, "");
        if (conf_load(&r, cases[i].yaml) != E_CONFIG)
            test_fail(__FILE__, __LINE__, "taken: %s", cases[i].yaml);
        if (strcmp(r.trouble.field, cases[i].field) != 0 || !strstr(r.trouble.text, cases[i].says))
            test_fail(__FILE__, __LINE__, "%s: said \"%s\" of %s", cases[i].yaml, r.trouble.text, r.trouble.field);
        CHECK(!strstr(r.trouble.text, "-secret") && !strstr(r.trouble.text, "\"short\""));
        conf_close(&r);
    }
}

TEST(references_are_read_in_the_file_only)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "");
    CHECK_INT(conf_apply(&r, "alert", "a", "{\"slack\":\"https://a.example/${HOME}\"}", false, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "file only"));
    conf_close(&r);
}
