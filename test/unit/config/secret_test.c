/* SPDX-License-Identifier: Apache-2.0
 * secret_test.c - secrets go in and do not come out: sealed, bound to their place, never shown. */
#include "test/unit/config/conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/token.h"

static const char file[] = "credentials:\n"
                           "  main: { vendor: acme, secret: plain-secret-in-the-file }\n"
                           "  env: { vendor: acme, secret: \"${TG_TEST_SECRET}\" }\n"
                           "policies: { p: { allow: [\"acme.*\"] } }\n"
                           "keys:\n"
                           "  - { name: agent, token: literal-token-in-file, policy: p, credentials: [main] }\n"
                           "  - { name: other, token: \"${TG_TEST_TOKEN}\", policy: p, metadata: { env: \"${TG_TEST_SECRET}\" } }\n";

static void open_conf(struct conf *r)
{
    setenv("TG_TEST_SECRET", "value-of-the-environment", 1);
    setenv("TG_TEST_TOKEN", "token-of-the-environment", 1);
    conf_open(r, file);
}

static bool leaks(struct span text)
{
    static const char *const secrets[] = { "plain-secret-in", "literal-token-in", "value-of-the-env", "token-of-the-env", "sent-by-the-api", "hash" };
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
        if (conf_has(text, secrets[i]))
            return true;
    return false;
}

TEST(a_secret_of_the_api_is_sealed_and_opens)
{
    struct conf r;
    struct config_changed out;
    open_conf(&r);
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"sent\",\"vendor\":\"acme\",\"secret\":\"sent-by-the-api\"}", false, &out), E_OK);
    CHECK(!conf_has(out.stored, "sent-by-the-api"));
    CHECK(conf_has(out.stored, "\"sealed\""));
    CHECK_SPAN(r.snapshot->credentials[2].secret.secret, SPAN("sent-by-the-api"));
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_SPAN(r.snapshot->credentials[2].secret.secret, SPAN("sent-by-the-api"));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"secret\":\"sent-by-the-api-2\"}", true, &out), E_OK);
    CHECK_SPAN(r.snapshot->credentials[0].secret.secret, SPAN("sent-by-the-api-2"));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"disabled\":true}", true, &out), E_OK);
    CHECK_SPAN(r.snapshot->credentials[0].secret.secret, SPAN("sent-by-the-api-2"));
    CHECK(r.snapshot->credentials[0].disabled);
    CHECK_INT(conf_apply(&r, "credential", "sent", "{\"vendor\":\"texter\",\"account\":\"AC1\",\"secret\":\"sent-by-the-api-3\"}", true, &out), E_OK);
    CHECK_SPAN(r.snapshot->credentials[2].secret.secret, SPAN("sent-by-the-api-3"));
    conf_close(&r);
}

/* What the vendor signs its calls to us with: a second secret, under its own seal. */
TEST(a_hook_secret_is_sealed_on_its_own)
{
    static const char with_hook[] = "credentials:\n  main: { vendor: acme, secret: plain-secret-in-the-file, hook_secret: \"${TG_TEST_SECRET}\" }\n";
    struct conf r;
    struct config_changed out;
    setenv("TG_TEST_SECRET", "value-of-the-environment", 1);
    conf_open(&r, with_hook);
    CHECK_SPAN(r.snapshot->credentials[0].secret.hook_secret, SPAN("value-of-the-environment"));
    struct span shown = conf_show(&r, "credential", "main");
    CHECK(conf_has(shown, "\"hook_secret_set\":true") && !leaks(shown) && !conf_has(shown, "\"hook_secret\""));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"hook_secret\":\"sent-by-the-api\"}", true, &out), E_OK);
    CHECK(conf_has(out.stored, "\"hook_sealed\"") && !leaks(out.stored));
    CHECK_SPAN(r.snapshot->credentials[0].secret.hook_secret, SPAN("sent-by-the-api"));
    CHECK_SPAN(r.snapshot->credentials[0].secret.secret, SPAN("plain-secret-in-the-file"));
    CHECK(!leaks(conf_show(&r, "credential", "main")));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"disabled\":true}", true, &out), E_OK);
    CHECK_SPAN(r.snapshot->credentials[0].secret.hook_secret, SPAN("sent-by-the-api"));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"hook_secret\":null}", true, &out), E_OK);
    CHECK(!r.snapshot->credentials[0].secret.hook_secret.at);
    CHECK(conf_has(conf_show(&r, "credential", "main"), "\"hook_secret_set\":false"));
    CHECK_INT(conf_apply(&r, "credential", "main", "{\"hook_secret\":\"two words\"}", true, &out), E_CONFIG);
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"new\",\"vendor\":\"acme\",\"secret\":\"sent-by-the-api\",\"hook_secret\":\"sent-by-the-api-2\"}", false, &out), E_OK);
    CHECK_SPAN(r.snapshot->credentials[1].secret.hook_secret, SPAN("sent-by-the-api-2"));
    /* With another vendor the old one is nobody's. */
    CHECK_INT(conf_apply(&r, "credential", "new", "{\"vendor\":\"texter\",\"account\":\"AC1\",\"secret\":\"sent-by-the-api-3\"}", true, &out), E_OK);
    CHECK(!r.snapshot->credentials[1].secret.hook_secret.at && !conf_has(out.stored, "hook_sealed"));
    conf_close(&r);
}

TEST(a_sealed_secret_cannot_be_moved)
{
    struct conf r;
    struct config_changed out;
    static const uint8_t other_master[32] = { 9 };
    open_conf(&r);
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"sent\",\"vendor\":\"acme\",\"secret\":\"sent-by-the-api\"}", false, &out), E_OK);
    /* To another name. */
    r.objects[0].id = SPAN("elsewhere");
    CHECK_INT(conf_load(&r, file), E_CONFIG);
    CHECK_SPAN(span_of(r.trouble.field), SPAN("credentials.elsewhere.secret"));
    CHECK(conf_has(span_of(r.trouble.text), "does not open"));
    /* To another vendor. */
    r.objects[0].id = SPAN("sent");
    struct span body = r.objects[0].body;
    ptrdiff_t at = span_find(body, SPAN("acme"));
    r.objects[0].body = arena_print(&r.arena, "%.*stexter\",\"account\":\"A%.*s", (int)at, body.at, SPAN_ARG(span_from(body, (size_t)at + 4)));
    CHECK_INT(conf_load(&r, file), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "does not open"));
    /* Under another master key; and damaged. */
    r.objects[0].body = body;
    CHECK_INT(conf_load(&r, file), E_OK);
    const uint8_t *master = r.in.master_key;
    r.in.master_key = other_master;
    CHECK_INT(conf_load(&r, file), E_CONFIG);
    r.in.master_key = master;
    r.objects[0].body = SPAN("{\"vendor\":\"acme\",\"sealed\":\"AAAA\"}");
    CHECK_INT(conf_load(&r, file), E_CONFIG);
    conf_close(&r);
}

static void look(void *self, struct span id, struct span json)
{
    size_t *seen = self;
    ++*seen;
    if (leaks(json))
        test_fail(__FILE__, __LINE__, "%.*s shows a secret: %.*s", SPAN_ARG(id), SPAN_ARG(json));
}

TEST(nothing_secret_is_shown)
{
    struct conf r;
    struct config_changed out;
    open_conf(&r);
    CHECK_INT(conf_apply(&r, "credential", NULL, "{\"name\":\"sent\",\"vendor\":\"acme\",\"secret\":\"sent-by-the-api\"}", false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"made\",\"policy\":\"p\"}", false, &out), E_OK);
    static const char *const kinds[] = { "key", "credential", "policy", "vendor", "budget", "workspace", "setting" };
    static const size_t counts[] = { 3, 3, 1, 2, 0, 0, 0 };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t seen = 0;
        CHECK_INT(config_list(&r.in, span_of(kinds[i]), look, &seen, &r.trouble), E_OK);
        CHECK(seen == counts[i] || (i == 3 && seen > 2)); /* and the built-in vendors */
    }
    struct span shown = conf_show(&r, "credential", "env");
    CHECK(conf_has(shown, "\"secret_set\":true") && !leaks(shown));
    shown = conf_show(&r, "key", "other");
    CHECK(conf_has(shown, "${TG_TEST_SECRET}") && !leaks(shown));
    shown = conf_show(&r, "key", "made");
    CHECK(conf_has(shown, "\"token\":\"tg_") && conf_has(shown, "...") && !conf_has(shown, "token_hashes"));
    CHECK(conf_has(shown, "\"origin\":\"api\"") && conf_has(conf_show(&r, "key", "agent"), "\"origin\":\"file\""));
    CHECK(!conf_show(&r, "key", "nobody").at && conf_has(span_of(r.trouble.text), "there is no key \"nobody\""));
    CHECK(!conf_show(&r, "cheese", "x").at);
    conf_close(&r);
}

TEST(a_value_of_the_environment_in_the_wrong_place_is_not_told)
{
    struct conf r;
    open_conf(&r);
    static const char *const wrong[] = {
        "keys: [ { name: a, policy: \"${TG_TEST_SECRET}\" } ]\n",
        "budgets: [ { name: a, limit: \"${TG_TEST_SECRET}\" } ]\n",
        "listen: \"${TG_TEST_SECRET}\"\n",
        "budgets: [ { name: a, limit: 1 usd, window: \"${TG_TEST_SECRET}\" } ]\n",
        "keys: [ { name: a, policy: p, expires_at: \"${TG_TEST_SECRET}\" } ]\npolicies: { p: {} }\n",
        "credentials: { c: { vendor: \"x${TG_TEST_SECRET}\" } }\n",
        "policies: { p: { max_call_usd: \"${TG_TEST_SECRET}\" } }\n",
        "prices: { a/b: { in: \"${TG_TEST_SECRET}\" } }\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        CHECK_INT(conf_load(&r, wrong[i]), E_CONFIG);
        if (leaks(span_of(r.trouble.text)))
            test_fail(__FILE__, __LINE__, "%s tells: %s", wrong[i], r.trouble.text);
    }
    conf_close(&r);
}

/* ---- the files of the data directory ---- */

static void make_dir(char dir[64])
{
    snprintf(dir, 64, "/tmp/tollgate-test-XXXXXX");
    must(mkdtemp(dir));
}

static void remove_dir(const char *dir)
{
    char path[128];
    static const char *const names[] = { "master.key", "admin.token", "conf.yaml" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

TEST(the_master_key_is_made_once_and_kept_to_oneself)
{
    char dir[64], path[128];
    uint8_t first[32], second[32];
    struct stat st;
    struct trouble t = { .set = false };
    unsetenv("TOLLGATE_MASTER_KEY");
    make_dir(dir);
    snprintf(path, sizeof(path), "%s/master.key", dir);
    CHECK_INT(config_master_key(span_of(dir), first, &t), E_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(config_master_key(span_of(dir), second, &t), E_OK);
    CHECK(memcmp(first, second, 32) == 0);
    chmod(path, 0640);
    CHECK_INT(config_master_key(span_of(dir), second, &t), E_IO);
    CHECK(conf_has(span_of(t.text), "others can read it"));
    remove_dir(dir);
}

TEST(the_master_key_comes_from_the_environment_in_two_forms)
{
    uint8_t key[32];
    struct trouble t = { .set = false };
    setenv("TOLLGATE_MASTER_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1);
    CHECK_INT(config_master_key(SPAN("/nowhere"), key, &t), E_OK);
    CHECK(key[0] == 0 && key[31] == 31);
    setenv("TOLLGATE_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
    CHECK_INT(config_master_key(SPAN("/nowhere"), key, &t), E_OK);
    CHECK(key[0] == 0 && key[31] == 31);
    setenv("TOLLGATE_MASTER_KEY", "not-a-master-key", 1);
    CHECK_INT(config_master_key(SPAN("/nowhere"), key, &t), E_CONFIG);
    CHECK(!conf_has(span_of(t.text), "not-a-master-key"));
    unsetenv("TOLLGATE_MASTER_KEY");
}

TEST(the_admin_token_is_made_once)
{
    char dir[64], first[CONFIG_TOKEN_ROOM], second[CONFIG_TOKEN_ROOM];
    bool made = false;
    struct trouble t = { .set = false };
    make_dir(dir);
    CHECK_INT(config_admin_token(span_of(dir), first, &made, &t), E_OK);
    CHECK(made && token_checksum_fits(span_of(first)));
    CHECK_INT(config_admin_token(span_of(dir), second, &made, &t), E_OK);
    CHECK(!made);
    CHECK_SPAN(span_of(second), span_of(first));
    remove_dir(dir);
}

TEST(the_data_directory_is_found_before_the_rest)
{
    struct arena a;
    struct trouble t = { .set = false };
    struct span dir;
    struct config_input in = { .text = SPAN("data: ${TG_TEST_DATA}\nkeys: []\n") };
    arena_init(&a, 1 << 20);
    setenv("TG_TEST_DATA", "/var/lib/somewhere", 1);
    CHECK_INT(config_data_dir(&in, &a, &dir, &t), E_OK);
    CHECK_SPAN(dir, SPAN("/var/lib/somewhere"));
    in.data_dir = SPAN("/given");
    CHECK_INT(config_data_dir(&in, &a, &dir, &t), E_OK);
    CHECK_SPAN(dir, SPAN("/given"));
    in = (struct config_input){ .text = SPAN("listen: 127.0.0.1:1\n") };
    CHECK_INT(config_data_dir(&in, &a, &dir, &t), E_OK);
    CHECK_SPAN(dir, SPAN("./data"));
    in.text = SPAN("data: [a]\n");
    CHECK_INT(config_data_dir(&in, &a, &dir, &t), E_CONFIG);
    arena_free(&a);
}

TEST(the_longest_secret_is_sealed_and_opens)
{
    struct conf r;
    struct config_changed out;
    struct buf body;
    open_conf(&r);
    buf_init(&body, 1 << 16);
    buf_put(&body, SPAN("{\"name\":\"long\",\"vendor\":\"acme\",\"secret\":\""));
    for (int i = 0; i < 4096; i++)
        buf_put_byte(&body, 's');
    buf_put(&body, SPAN("\"}"));
    buf_put_byte(&body, '\0');
    CHECK_INT(conf_apply(&r, "credential", NULL, body.at, false, &out), E_OK);
    CHECK_INT(r.snapshot->credentials[2].secret.secret.len, 4096);
    buf_free(&body);
    conf_close(&r);
}
