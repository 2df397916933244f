/* SPDX-License-Identifier: Apache-2.0
 * budgets_forecast_test.c - the curve of a budget that has no beginning: 6 usd in all, 2 of them long ago, 2 five days ago, 2 now. */
#include <time.h>

#include "test/unit/admin/scene.h"

enum { LONG_AGO = 0, FIVE_DAYS = 39 /* moments of 48, each 15 hours */, LAST = 47 };

/* Three calls; the first two are put back in time, and `others` of that key (SQL), 70 calls, are put behind the second. */
static void tell(struct scene *s, const char *others)
{
    struct span made, token;
    CHECK_INT(scene_ask(s, "POST", "/api/v1/keys", "{\"name\":\"agent\",\"policy\":\"all\",\"credentials\":[\"acme-main\"],\"budgets\":[{\"limit\":\"100 usd\"}]}"), 201);
    made = scene_text(s, "id");
    token = scene_text(s, "token");
    for (int i = 0; i < 3; i++) {
        CHECK_INT(scene_call(s, token, "POST", "/acme/v1/buy", NULL), 200);
        nanosleep(&(struct timespec){ 0, 2 * 1000000 }, NULL); /* ids of the same millisecond are neighbours */
    }
    for (int i = 0; i < 200 && (scene_ask(s, "GET", "/api/v1/calls", NULL) != 200 || !scene_text(s, "data.2.id").at); i++)
        ;
    scene_sql(s, "UPDATE calls SET at = at - 60 * 86400000 WHERE id = (SELECT min(id) FROM calls WHERE kind = 0);"
           "UPDATE calls SET at = at - 125 * 3600000 WHERE id = (SELECT id FROM calls WHERE kind = 0 ORDER BY id LIMIT 1 OFFSET 1);");
    if (others)
        scene_sql(s, arena_print(&s->arena,
            "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 70), second AS (SELECT id, at FROM calls WHERE kind = 0 ORDER BY id LIMIT 1 OFFSET 1)"
            " INSERT INTO calls(id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, key, vendor, prev_hash, hash, row)"
            " SELECT id + i, at + i, 0, 200, 1, 1, 0, 0, 1, 1, %s, 'acme', x'', x'', x'01' FROM n, second", others).at);
    scene_sql(s, "BEGIN IMMEDIATE; DELETE FROM hours; INSERT INTO hours SELECT at / 3600000, min(id), max(id) FROM calls GROUP BY 1; COMMIT;");
    CHECK_INT(scene_ask(s, "GET", arena_print(&s->arena, "/api/v1/budgets/%.*s%%2Fusd%%2Ftotal/forecast", SPAN_ARG(made)).at, NULL), 200);
}

static struct span spent(struct scene *s, int moment)
{
    char path[32];
    snprintf(path, sizeof(path), "series.spent.%d", moment);
    return scene_text(s, path);
}

/* 4 usd in 47 moments of 15 hours, not 6 in thirty days. */
TEST(the_speed_of_a_total_is_that_of_its_curve)
{
    struct scene s;
    scene_open(&s);
    tell(&s, NULL);
    CHECK_SPAN(spent(&s, LONG_AGO), SPAN("2"));
    CHECK_SPAN(spent(&s, FIVE_DAYS - 1), SPAN("2"));
    CHECK_SPAN(spent(&s, FIVE_DAYS), SPAN("4"));
    CHECK_SPAN(spent(&s, LAST), SPAN("6"));
    CHECK_SPAN(scene_text(&s, "per_hour"), SPAN("0.005673759"));
    scene_close(&s);
}

TEST(calls_of_other_keys_do_not_hide_what_stood_on_a_budget)
{
    struct scene s;
    scene_open(&s);
    tell(&s, "'key_of_others'");
    CHECK_SPAN(spent(&s, FIVE_DAYS - 1), SPAN("2"));
    CHECK_SPAN(spent(&s, FIVE_DAYS), SPAN("4"));
    CHECK_SPAN(spent(&s, LAST - 1), SPAN("4"));
    scene_close(&s);
}

/* Calls of the key that this budget does not count: what is behind so many of them is not known, and not made up. */
TEST(what_is_not_found_is_null_on_the_curve)
{
    struct scene s;
    scene_open(&s);
    tell(&s, "(SELECT key FROM calls WHERE key IS NOT NULL LIMIT 1)");
    CHECK_SPAN(spent(&s, FIVE_DAYS - 1), SPAN("2"));
    CHECK_SPAN(spent(&s, FIVE_DAYS), SPAN("null"));
    CHECK_SPAN(spent(&s, LAST - 1), SPAN("null"));
    CHECK_SPAN(spent(&s, LAST), SPAN("6"));
    scene_close(&s);
}
