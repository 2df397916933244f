/* SPDX-License-Identifier: Apache-2.0
 * overlay_test.c - what the API changes, over what the file says, and across a reload. */
#include "test/unit/config/conf.h"

#include "rules/token.h"

static const char file[] = "credentials:\n"
                           "  main: { vendor: acme, secret: the-secret-of-the-file }\n"
                           "policies:\n"
                           "  p: { allow: [\"acme.*\"] }\n"
                           "  spare: { allow: [\"acme.things.list\"] }\n"
                           "keys:\n"
                           "  - name: agent\n"
                           "    token: token-of-the-file-1\n"
                           "    policy: p\n"
                           "    credentials: [main]\n"
                           "    metadata: { a: 1, b: 2 }\n"
                           "    budgets: [ { limit: 10 usd, window: day } ]\n";

static bool opens(struct conf *r, const char *token, const char *name)
{
    int64_t until;
    const struct key *k = snapshot_key(r->snapshot, span_of(token), &until);
    return k && span_is(k->name, span_of(name));
}

TEST(a_revoked_key_of_the_file_stays_revoked_when_the_file_is_read_again)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"revoked_at\":\"2026-11-21T12:00:00Z\"}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->revoked_at, INT64_C(1795262400000));
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(conf_key(&r, "agent")->revoked_at, INT64_C(1795262400000));
    CHECK(opens(&r, "token-of-the-file-1", "agent"));
    CHECK_INT(conf_key(&r, "agent")->budget_count, 1);
    CHECK(conf_has(conf_show(&r, "key", "agent"), "\"origin\":\"file+api\""));
    conf_close(&r);
}

TEST(a_patch_sets_fields_whole_and_null_takes_the_files_away)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"metadata\":{\"a\":null,\"c\":3},\"budgets\":null}", true, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "agent")->metadata, SPAN("{\"b\":2,\"c\":3}"));
    CHECK_INT(conf_key(&r, "agent")->budget_count, 0);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"budgets\":[{\"limit\":\"3 usd\",\"window\":\"run\"}]}", true, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "agent")->metadata, SPAN("{\"b\":2,\"c\":3}"));
    CHECK_INT(conf_key(&r, "agent")->budget_count, 1);
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budgets[0]->limit, 3 * NANO_PER_USD);
    conf_close(&r);
}

TEST(keys_are_created_changed_and_deleted)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"second\",\"policy\":\"p\",\"credentials\":[\"main\"]}", false, &out), E_OK);
    CHECK(token_is_ours(out.token) && token_checksum_fits(out.token));
    CHECK(span_starts(out.id, SPAN("key_")) && out.id.len == 20);
    CHECK(!conf_has(out.stored, "\"token\""));
    char token[64], id[32];
    snprintf(token, sizeof(token), "%.*s", SPAN_ARG(out.token));
    snprintf(id, sizeof(id), "%.*s", SPAN_ARG(out.id));
    CHECK(!conf_has(out.stored, token));
    CHECK(opens(&r, token, "second"));
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"second\",\"policy\":\"p\"}", false, &out), E_CONFLICT);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"agent\",\"policy\":\"p\"}", false, &out), E_CONFLICT);
    CHECK_INT(conf_apply(&r, "key", id, "{\"user\":\"ann\"}", true, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "second")->user, SPAN("ann"));
    CHECK_INT(conf_apply(&r, "key", id, "{\"name\":\"third\"}", true, &out), E_OK);
    CHECK(opens(&r, token, "third"));
    CHECK_INT(conf_apply(&r, "key", "third", NULL, false, &out), E_OK);
    CHECK(!out.stored.at);
    CHECK(!opens(&r, token, "third"));
    CHECK_INT(conf_apply(&r, "key", id, NULL, false, &out), E_NOT_FOUND);
    conf_close(&r);
}

TEST(a_key_may_be_created_with_a_token_of_ones_own)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"own\",\"policy\":\"p\",\"token\":\"sixteen-or-more-x\"}", false, &out), E_OK);
    CHECK(opens(&r, "sixteen-or-more-x", "own"));
    CHECK(!conf_has(out.stored, "sixteen-or-more-x"));
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"own2\",\"policy\":\"p\",\"token\":\"token-of-the-file-1\"}", false, &out), E_CONFIG);
    CHECK(!conf_has(span_of(r.trouble.text), "token-of-the-file-1"));
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"own2\",\"policy\":\"p\",\"token\":\"short-secret\"}", false, &out), E_CONFIG);
    CHECK(!conf_has(span_of(r.trouble.text), "short-secret"));
    CHECK_INT(conf_apply(&r, "key", "own", "{\"token\":\"another-sixteen-chars\"}", true, &out), E_CONFIG);
    CHECK(conf_has(span_of(r.trouble.text), "rotating"));
    conf_close(&r);
}

TEST(a_deleted_key_of_the_file_stays_away_and_its_name_can_be_taken)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", NULL, false, &out), E_OK);
    CHECK_SPAN(out.stored, SPAN("{\"deleted\":true}"));
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(r.snapshot->key_count, 0);
    CHECK(!opens(&r, "token-of-the-file-1", "agent"));
    CHECK(!conf_show(&r, "key", "agent").at);
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"agent\",\"policy\":\"p\"}", false, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budget_count, 0);
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_INT(r.snapshot->key_count, 1);
    CHECK(!opens(&r, "token-of-the-file-1", "agent"));
    conf_close(&r);
}

TEST(what_is_referred_to_is_not_deleted)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "policy", "p", NULL, false, &out), E_CONFLICT);
    CHECK(conf_has(span_of(r.trouble.text), "policy \"p\" is still referred to by keys[0].policy (tollgate.yaml:29)"));
    CHECK_INT(conf_apply(&r, "credential", "main", NULL, false, &out), E_CONFLICT);
    CHECK(conf_has(span_of(r.trouble.text), "credential \"main\" is still referred to by keys[0].credentials"));
    CHECK_INT(conf_apply(&r, "policy", "spare", NULL, false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "policy", "spare", NULL, false, &out), E_NOT_FOUND);
    CHECK_INT(conf_apply(&r, "vendor", "acme", NULL, false, &out), E_CONFLICT);
    CHECK_INT(conf_apply(&r, "budget", NULL, "{\"name\":\"cap\",\"limit\":\"1 usd\",\"key\":\"agent\"}", false, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budget_count, 2);
    CHECK_INT(conf_apply(&r, "key", "agent", NULL, false, &out), E_CONFLICT);
    CHECK(conf_has(span_of(r.trouble.text), "key \"agent\" is still referred to by budgets[cap].key"));
    CHECK_INT(conf_apply(&r, "budget", "cap", NULL, false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "key", "agent", NULL, false, &out), E_OK);
    conf_close(&r);
}

TEST(a_policy_made_again_has_nothing_of_the_hidden_one)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "policy", "spare", NULL, false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "policy", NULL, "{\"name\":\"spare\",\"models\":[\"m\"]}", false, &out), E_OK);
    for (size_t i = 0; i < r.snapshot->policy_count; i++)
        if (span_is(r.snapshot->policies[i].name, SPAN("spare")))
            CHECK(r.snapshot->policies[i].allow_count == 0 && r.snapshot->policies[i].model_count == 1);
    CHECK_INT(conf_apply(&r, "policy", "spare", "{\"allow\":[\"acme.things.list\"]}", false, &out), E_OK);
    for (size_t i = 0; i < r.snapshot->policy_count; i++)
        if (span_is(r.snapshot->policies[i].name, SPAN("spare")))
            CHECK(r.snapshot->policies[i].allow_count == 1 && !r.snapshot->policies[i].models_given);
    conf_close(&r);
}

TEST(an_invalid_change_stores_nothing)
{
    struct conf r;
    struct config_changed out;
    static const struct {
        const char *kind, *id, *body;
        enum err e;
        const char *part;
    } list[] = {
        { "key", "agent", "{\"policy\":\"nope\"}", E_CONFIG, "found \"nope\", which is no policy" },
        { "key", "agent", "{\"polcy\":\"p\"}", E_CONFIG, "did you mean \"policy\"" },
        { "key", "agent", "{\"token_hashes\":[]}", E_CONFIG, "unknown field \"token_hashes\"" },
        { "key", "agent", "{\"deleted\":true}", E_CONFIG, "unknown field" },
        { "key", "agent", "{\"name\":\"renamed\"}", E_CONFIG, "cannot be renamed" },
        { "key", "agent", "[1]", E_CONFIG, "a JSON object" },
        { "key", "agent", "{\"user\":\"a\",\"user\":\"b\"}", E_CONFIG, "stands twice" },
        { "key", "agent", "{", E_CONFIG, "not JSON" },
        { "key", "nobody", "{}", E_NOT_FOUND, "there is no key \"nobody\"" },
        { "key", NULL, "{\"policy\":\"p\"}", E_CONFIG, "is required" },
        { "key", NULL, "{\"name\":\"a b\",\"policy\":\"p\"}", E_CONFIG, "found \"a b\"" },
        { "key", NULL, "{\"name\":\"key_x\",\"policy\":\"p\"}", E_CONFIG, "do not start with key_" },
        { "key", NULL, "{\"name\":\"new\"}", E_CONFIG, "is required; allowed: the name of a policy" },
        { "credential", "main", "{\"sealed\":\"AAAA\"}", E_CONFIG, "unknown field \"sealed\"" },
        { "credential", "main", "{\"vendor\":\"texter\"}", E_CONFIG, "bound to its vendor" },
        { "credential", "main", "{\"secret\":\"${HOME}\"}", E_CONFIG, "in the file only" },
        { "credential", "main", "{\"secret\":17}", E_CONFIG, "as text" },
        { "policy", "nope", "{\"allow\":[]}", E_NOT_FOUND, "there is no policy" },
        { "policy", "p", "{\"allow\":[\"nope.things\"]}", E_CONFIG, "found \"nope\"" },
        { "setting", "data", "{\"value\":\"/tmp\"}", E_CONFIG, "no such setting" },
        { "stop", "x", "{}", E_NOT_FOUND, "allowed: key, credential" },
    };
    conf_open(&r, file);
    struct snapshot *before = r.snapshot;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        enum err e = conf_apply(&r, list[i].kind, list[i].id, list[i].body, true, &out);
        if (e != list[i].e || !conf_has(span_of(r.trouble.text), list[i].part))
            test_fail(__FILE__, __LINE__, "%s %s: %d %s", list[i].kind, list[i].body, e, r.trouble.text);
        CHECK(!out.token.at);
    }
    CHECK(r.snapshot == before);
    CHECK_INT(r.in.object_count, 0);
    conf_close(&r);
}

TEST(references_to_the_environment_are_not_expanded_in_objects)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"metadata\":{\"home\":\"${HOME}\",\"file\":\"${file:/etc/passwd}\"}}", true, &out), E_OK);
    CHECK_SPAN(conf_key(&r, "agent")->metadata, SPAN("{\"a\":1,\"b\":2,\"home\":\"${HOME}\",\"file\":\"${file:/etc/passwd}\"}"));
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK_SPAN(conf_key(&r, "agent")->metadata, SPAN("{\"a\":1,\"b\":2,\"home\":\"${HOME}\",\"file\":\"${file:/etc/passwd}\"}"));
    conf_close(&r);
}

TEST(settings_of_the_api_lie_over_the_file)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, "workers: 2\nlimits: { body_bytes: 2MiB }\n");
    CHECK_INT(conf_apply(&r, "setting", "workers", "{\"value\":5}", true, &out), E_OK);
    CHECK_INT(r.snapshot->settings.workers, 5);
    CHECK_INT(conf_apply(&r, "setting", "limits", "{\"value\":{\"call_time\":\"7m\"}}", false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.limits.call_ms, 420000);
    CHECK_INT(r.snapshot->settings.limits.body_bytes, 32 << 20);
    CHECK_INT(conf_apply(&r, "setting", "workers", NULL, false, &out), E_OK);
    CHECK_INT(r.snapshot->settings.workers, 2);
    conf_close(&r);
}

TEST(workspaces_are_made_by_the_api)
{
    struct conf r;
    struct config_changed out;
    conf_open(&r, file);
    CHECK_INT(conf_apply(&r, "workspace", "default", "{\"caps_as_429\":true}", true, &out), E_OK);
    CHECK(conf_key(&r, "agent")->caps_as_429);
    CHECK_INT(conf_apply(&r, "workspace", NULL, "{\"name\":\"lab\",\"budgets\":[{\"limit\":\"1 usd\"}]}", false, &out), E_OK);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"workspace\":\"lab\"}", true, &out), E_OK);
    CHECK_INT(conf_key(&r, "agent")->budget_count, 2);
    CHECK_INT(conf_apply(&r, "workspace", "lab", NULL, false, &out), E_CONFLICT);
    conf_close(&r);
}

/* ---- rotation ---- */

TEST(a_rotated_key_has_two_tokens_until_the_overlap_ends)
{
    struct conf r;
    struct config_changed out;
    int64_t until = -1, now = INT64_C(1790000000000);
    conf_open(&r, file);
    CHECK_INT(conf_rotate(&r, "agent", 60000, now, &out), E_OK);
    CHECK(token_checksum_fits(out.token));
    CHECK(snapshot_key(r.snapshot, out.token, &until) != NULL);
    CHECK_INT(until, 0);
    CHECK(snapshot_key(r.snapshot, SPAN("token-of-the-file-1"), &until) != NULL);
    CHECK_INT(until, now + 60000);
    /* The file still says the old token; it does not come back. */
    CHECK_INT(conf_load(&r, file), E_OK);
    CHECK(snapshot_key(r.snapshot, SPAN("token-of-the-file-1"), &until) != NULL);
    CHECK_INT(until, now + 60000);
    struct span second = out.token;
    CHECK_INT(conf_rotate(&r, "agent", 0, now + 1000, &out), E_OK);
    CHECK(snapshot_key(r.snapshot, out.token, &until) != NULL);
    CHECK(!snapshot_key(r.snapshot, second, &until));
    CHECK(!snapshot_key(r.snapshot, SPAN("token-of-the-file-1"), &until));
    conf_close(&r);
}

/* SHA-256 of "sk-of-another-gateway" */
#define PLAIN "5997d96f8cc892cc2e7f518ee23d3e45d65fc36e69e1a2d506dfd3350ee6a12d"

TEST(a_key_known_by_a_plain_hash_opens_with_its_old_token_until_it_is_rotated)
{
    struct conf r;
    struct config_changed out;
    struct span old = SPAN("sk-of-another-gateway");
    int64_t until = -1, now = INT64_C(1790000000000);
    conf_open(&r, file);
    CHECK(!snapshot_key(r.snapshot, old, &until));
    CHECK_INT(conf_apply(&r, "key", NULL, "{\"name\":\"moved\",\"policy\":\"p\",\"token_sha256\":\"" PLAIN "\"}", false, &out), E_OK);
    CHECK(!out.token.at); /* none is made: its holder has one */
    const struct key *moved = snapshot_key(r.snapshot, old, &until);
    CHECK(moved && span_is(moved->name, SPAN("moved")));
    CHECK_INT(until, 0);
    CHECK(!snapshot_key(r.snapshot, SPAN(PLAIN), &until)); /* the hash is no token */
    CHECK(snapshot_key(r.snapshot, SPAN("token-of-the-file-1"), &until) != NULL);
    struct span shown = conf_show(&r, "key", "moved");
    CHECK(conf_has(shown, "known by its SHA-256") && !conf_has(shown, PLAIN));
    CHECK_INT(conf_apply(&r, "key", "moved", "{\"token_sha256\":\"" PLAIN "\"}", true, &out), E_CONFIG);
    CHECK_INT(conf_rotate(&r, "moved", 60000, now, &out), E_OK);
    CHECK(snapshot_key(r.snapshot, out.token, &until) && until == 0);
    CHECK(snapshot_key(r.snapshot, old, &until) != NULL);
    CHECK_INT(until, now + 60000);
    CHECK_INT(conf_rotate(&r, "moved", 0, now + 1000, &out), E_OK);
    CHECK(!snapshot_key(r.snapshot, old, &until));
    conf_close(&r);
}

TEST(pitfall_57_a_rotation_by_name_gives_the_same_token_again)
{
    enum { HOUR = 3600000 };
    struct conf r;
    struct config_changed out, again;
    int64_t until, now = INT64_C(1790000000000);
    conf_open(&r, file);
    CHECK_INT(conf_rotate_once(&r, "agent", "first", 600000, now, &out), E_OK);
    CHECK(!out.repeated && out.previous_until == now + 600000 && token_checksum_fits(out.token));
    CHECK_INT(conf_rotate_once(&r, "agent", "first", 0, now + 1000, &again), E_OK);
    CHECK(again.repeated && !again.snapshot && !again.stored.at && span_is(again.token, out.token) && span_is(again.id, out.id));
    CHECK_INT(again.previous_until, now + 600000);
    CHECK(snapshot_key(r.snapshot, SPAN("token-of-the-file-1"), &until) && until == now + 600000); /* nothing changed */
    CHECK_INT(conf_load(&r, file), E_OK); /* nor does a restart */
    CHECK_INT(conf_rotate_once(&r, "agent", "first", 0, now + HOUR, &again), E_OK);
    CHECK(again.repeated && span_is(again.token, out.token));
    CHECK_INT(again.previous_until, 0);
    CHECK_INT(conf_rotate_once(&r, "agent", "second", 0, now + HOUR, &again), E_OK);
    CHECK(!again.repeated && !span_is(again.token, out.token) && !snapshot_key(r.snapshot, out.token, &until));
    CHECK_INT(conf_rotate_once(&r, "agent", "second", 0, now + 3 * HOUR, &out), E_OK); /* a name is not for ever */
    CHECK(!out.repeated && !span_is(out.token, again.token));
    conf_close(&r);
}

TEST(rotations_in_a_row_keep_few_and_only_living_tokens)
{
    struct conf r;
    struct config_changed out;
    struct span tokens[6];
    int64_t until, now = INT64_C(1790000000000);
    conf_open(&r, file);
    for (int i = 0; i < 6; i++) {
        CHECK_INT(conf_rotate(&r, "agent", 3600000, now + i, &out), E_OK);
        tokens[i] = out.token;
    }
    CHECK(snapshot_key(r.snapshot, tokens[5], &until) && snapshot_key(r.snapshot, tokens[2], &until));
    CHECK(!snapshot_key(r.snapshot, tokens[1], &until));
    CHECK_INT(conf_rotate(&r, "agent", 1000, now + 7200000, &out), E_OK);
    CHECK(snapshot_key(r.snapshot, tokens[5], &until) != NULL);
    CHECK(!snapshot_key(r.snapshot, tokens[4], &until));
    CHECK_INT(conf_rotate(&r, "agent", -1, now, &out), E_CONFIG);
    CHECK_INT(conf_rotate(&r, "nobody", 0, now, &out), E_NOT_FOUND);
    CHECK_INT(conf_apply(&r, "key", "agent", "{\"revoked_at\":\"2026-01-01\"}", true, &out), E_OK);
    CHECK_INT(conf_rotate(&r, "agent", 0, now, &out), E_CONFLICT);
    conf_close(&r);
}

TEST(a_key_without_a_token_gets_one_by_rotating)
{
    struct conf r;
    struct config_changed out;
    int64_t until;
    conf_open(&r, "policies: { p: { allow: [\"acme.*\"] } }\nkeys: [ { name: k, policy: p } ]\n");
    CHECK_INT(conf_rotate(&r, "k", 0, 1, &out), E_OK);
    CHECK(snapshot_key(r.snapshot, out.token, &until) != NULL);
    conf_close(&r);
}
