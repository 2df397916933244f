/* SPDX-License-Identifier: Apache-2.0
 * changes_test.c - what operators change is a row of the chain, with what was before and after, and never a secret. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/row.h"
#include "test/unit/admin/scene.h"

enum { CHANGES_MOST = 200 };

struct seen {
    struct arena *arena;
    struct row_value rows[CHANGES_MOST][ROW_TAGS];
    size_t count;
};

static bool take(void *self, const struct store_link *link)
{
    struct seen *s = self;
    if (link->kind == STORE_CHANGE && s->count < CHANGES_MOST)
        row_read(arena_copy(s->arena, link->row), s->rows[s->count++]);
    return true;
}

static void read_changes(struct scene *s, struct seen *out)
{
    struct call_filter f = { .changes = true, .ascending = true };
    *out = (struct seen){ .arena = &s->arena };
    CHECK(store_barrier(books_store(s->books)) == E_OK);
    CHECK(store_audit(s->reader, &f, take, out) == E_OK);
}

/* The last change of that name; an empty one when there is none. */
static const struct row_value *find(const struct seen *all, const char *action)
{
    static const struct row_value none[ROW_TAGS];
    for (size_t i = all->count; i > 0; i--)
        if (span_is(all->rows[i - 1][ROW_ACTION].text, span_of(action)))
            return all->rows[i - 1];
    test_fail(__FILE__, __LINE__, "no change %s", action);
    return none;
}

static bool says(const struct row_value *row, enum row_tag tag, const char *part) { return row[tag].text.at && span_find(row[tag].text, span_of(part)) >= 0; }

TEST(every_change_of_an_object_is_a_row)
{
    struct scene s;
    struct seen *all = malloc(sizeof(*all));
    scene_open(&s);
    (void)scene_key(&s, "agent");
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/keys/agent", "{\"user\":\"ada\"}"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/rotate", "{}"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/revoke", "{\"reason\":\"left the firm\"}"), 200);
    CHECK_INT(scene_ask(&s, "DELETE", "/api/v1/keys/agent", NULL), 204);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets", "{\"name\":\"b\",\"limit\":\"5 usd\",\"window\":\"day\"}"), 201);
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/budgets/b", "{\"limit\":\"6 usd\"}"), 200);
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/budgets/b", "{\"limit\":\"6 usdd\"}"), 422); /* not a change */
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_a\",\"reason\":\"loops\"}"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", "{\"run\":\"run_a\",\"reason\":\"fixed\"}"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/reload", NULL), 200);
    read_changes(&s, all);
    CHECK(says(find(all, "gate.start"), ROW_ACTOR, "gate") && says(find(all, "gate.start"), ROW_AFTER, "cfg."));
    CHECK(says(find(all, "key.create"), ROW_AFTER, "\"agent\"") && !find(all, "key.create")[ROW_BEFORE].there);
    CHECK(says(find(all, "key.create"), ROW_ACTOR, "admin") && says(find(all, "key.create"), ROW_KIND, "change"));
    CHECK(says(find(all, "key.update"), ROW_AFTER, "\"ada\"") && !says(find(all, "key.update"), ROW_BEFORE, "\"ada\""));
    CHECK(find(all, "key.rotate")[ROW_BEFORE].there);
    CHECK(says(find(all, "key.revoke"), ROW_AFTER, "revoked_at") && says(find(all, "key.revoke"), ROW_REASON, "left the firm"));
    CHECK(says(find(all, "key.delete"), ROW_BEFORE, "\"agent\"") && !find(all, "key.delete")[ROW_AFTER].there);
    CHECK(says(find(all, "budget.create"), ROW_OBJECT, "b") && says(find(all, "budget.create"), ROW_AFTER, "5 usd"));
    CHECK(says(find(all, "budget.update"), ROW_BEFORE, "5 usd") && says(find(all, "budget.update"), ROW_AFTER, "6 usd"));
    CHECK(!says(find(all, "budget.update"), ROW_AFTER, "usdd"));
    CHECK(says(find(all, "stop.create"), ROW_OBJECT, "run:run_a") && says(find(all, "stop.create"), ROW_REASON, "loops"));
    CHECK(says(find(all, "stop.lift"), ROW_BEFORE, "loops") && says(find(all, "stop.lift"), ROW_REASON, "fixed"));
    CHECK(says(find(all, "config.reload"), ROW_BEFORE, "cfg.") && says(find(all, "config.reload"), ROW_ACTOR, "admin"));
    for (size_t i = 1; i < all->count; i++)
        CHECK(all->rows[i][ROW_ID].number > all->rows[i - 1][ROW_ID].number);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls", NULL), 200); /* changes are no calls */
    CHECK(!scene_text(&s, "data.0").at);
    scene_close(&s);
    free(all);
}

TEST(the_file_read_again_is_a_row_of_the_files)
{
    struct scene s;
    struct seen *all = malloc(sizeof(*all));
    scene_open(&s);
    admin_reload(s.admin);
    CHECK_INT(scene_ask(&s, "GET", "/readyz", NULL), 200);
    read_changes(&s, all);
    CHECK(says(find(all, "config.reload"), ROW_ACTOR, "file"));
    size_t count = all->count;
    scene_restart(&s);
    CHECK_INT(scene_ask(&s, "GET", "/readyz", NULL), 200); /* after what the plane begins with */
    read_changes(&s, all);
    CHECK_INT(all->count, count + 1); /* a start more, and what was there is still there */
    scene_close(&s);
    free(all);
}

/* A brake's stop comes from a worker. */
TEST(a_stop_of_the_gates_own_says_so)
{
    struct scene s;
    struct seen *all = malloc(sizeof(*all));
    scene_open(&s);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/policies",
                  "{\"name\":\"braked\",\"allow\":[\"acme.*\"],\"brakes\":[{\"repeat\":2,\"within\":\"60s\",\"action\":\"stop\"}]}"), 201);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys", "{\"name\":\"looper\",\"policy\":\"braked\",\"credentials\":[\"acme-main\"]}"), 201);
    struct span token = scene_text(&s, "token");
    struct http_field field = { SPAN("authorization"), arena_print(&s.arena, "Bearer %.*s", SPAN_ARG(token)) };
    struct http_field fields[] = { field, { SPAN("x-agent-run-id"), SPAN("run_loop") } };
    struct span url = arena_print(&s.arena, "http://%.*s/acme/v1/things", SPAN_ARG(gate_address(s.gate)));
    int status = 200;
    for (int i = 0; i < 5 && status == 200; i++) {
        CHECK(fetch(&s.arena, SPAN("GET"), url, fields, 2, SPAN_NONE, &s.last) == E_OK);
        status = s.last.status;
    }
    CHECK_INT(status, 403);
    bool stopped = false;
    for (int i = 0; i < 300 && !stopped; i++) {
        CHECK_INT(scene_ask(&s, "GET", "/api/v1/stops", NULL), 200);
        stopped = scene_text(&s, "data.0").at != NULL;
    }
    CHECK_SPAN(scene_text(&s, "data.0.id"), SPAN("run:run_loop"));
    CHECK_SPAN(scene_text(&s, "data.0.by"), SPAN("gate"));
    read_changes(&s, all);
    CHECK_SPAN(find(all, "stop.create")[ROW_ACTOR].text, SPAN("gate"));
    CHECK(says(find(all, "stop.create"), ROW_REASON, "the same call came"));
    scene_close(&s);
    free(all);
}

/* ---- never a secret ---- */

static bool file_holds(const char *path, const char *needle)
{
    FILE *f = fopen(path, "re");
    bool found = false;
    if (!f)
        return false;
    char *text = calloc(1, 64 << 20);
    size_t len = fread(text, 1, (64 << 20) - 1, f);
    found = memmem(text, len, needle, strlen(needle)) != NULL;
    free(text);
    (void)fclose(f);
    return found;
}

static void check_nowhere(struct scene *s, const char *needle)
{
    static const char *const files[] = { "tollgate.db", "tollgate.db-wal", "tollgate.db-shm" };
    for (size_t i = 0; i < 3; i++)
        if (file_holds(arena_print(&s->arena, "%s/%s", s->dir, files[i]).at, needle))
            test_fail(__FILE__, __LINE__, "%s holds %s", files[i], needle);
}

TEST(no_secret_reaches_the_database)
{
    static const char *const requests[][3] = {
        { "POST", "/api/v1/credentials", "{\"name\":\"c\",\"vendor\":\"acme\",\"secret\":\"sk_canary_one\"}" },
        { "PATCH", "/api/v1/credentials/c", "{\"secret\":\"sk_canary_two\"}" },
        { "PATCH", "/api/v1/credentials/acme-main", "{\"secret\":\"sk_canary_three\"}" },
        { "POST", "/api/v1/alerts", "{\"name\":\"w\",\"webhook\":\"https://hooks.example/x\",\"secret\":\"whsec_canary_0123456789abcdef\"}" },
        { "POST", "/api/v1/alerts", "{\"name\":\"l\",\"slack\":\"https://hooks.slack.example/services/T0/B0/canaryslackpath\"}" },
        { "POST", "/api/v1/alerts", "{\"name\":\"m\",\"smtp\":\"smtps://mail.example:465\",\"user\":\"u\",\"password\":\"pw_canary_mail\",\"from\":\"a@b.example\",\"to\":[\"c@d.example\"]}" },
        { "PATCH", "/api/v1/alerts/w", "{\"secret\":\"whsec_canary_next_0123456789\"}" },
        { "DELETE", "/api/v1/alerts/m", NULL },
        { "DELETE", "/api/v1/credentials/c", NULL },
    };
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        int status = scene_ask(&s, requests[i][0], requests[i][1], requests[i][2]);
        if (status < 200 || status > 204)
            test_fail(__FILE__, __LINE__, "%s %s: %d %.*s", requests[i][0], requests[i][1], status, SPAN_ARG(s.last.body));
        CHECK(!scene_says(&s, "canary"));
    }
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/rotate", "{}"), 200);
    struct span next = scene_text(&s, "token");
    CHECK(token.len > 10 && next.len > 10 && !span_is(token, next));
    check_nowhere(&s, "canary");
    check_nowhere(&s, "sk_secret_of_acme");
    check_nowhere(&s, token.at);
    check_nowhere(&s, next.at);
    scene_restart(&s);
    check_nowhere(&s, "canary");
    scene_close(&s);
}
