/* SPDX-License-Identifier: Apache-2.0
 * report_test.c - reports over more than a month, and those that are asked for a part of what they know. */
#include "test/unit/admin/scene.h"

/* Behind the gate's back, as if it had been there: a run in May and June, at each end of a month. */
static void fill(struct scene *s)
{
    scene_sql(s,
        "INSERT INTO calls(id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, vendor, run, prev_hash, hash, row) VALUES"
        " (1, unixepoch('2026-05-31 23:50:00') * 1000, 0, 200, 1, 1, 1000000000, 0, 1, 1, 'acme', 'run_1', x'', x'', x'01'),"
        " (2, unixepoch('2026-05-31 23:59:59') * 1000, 0, 200, 1, 1, 2000000000, 0, 1, 1, 'acme', 'run_1', x'', x'', x'01'),"
        " (3, unixepoch('2026-06-01 00:00:00') * 1000, 0, 200, 1, 1, 5000000000, 0, 1, 1, 'acme', 'run_1', x'', x'', x'01');"
        "INSERT INTO hours SELECT at / 3600000, min(id), max(id) FROM calls WHERE id <= 3 GROUP BY 1;"
        "INSERT INTO runs(run, workspace, first_at, last_at, calls, forwarded, refused, cost, open, tokens_in, tokens_out)"
        " SELECT run, 'w', min(at), max(at), 3, 3, 0, sum(cost), 0, 3, 3 FROM calls WHERE id <= 3 GROUP BY run;");
}

TEST(a_chargeback_of_several_months_says_which_was_spent_in_which)
{
    struct scene s;
    scene_open(&s);
    fill(&s);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/reports/chargeback?from=2026-05-31T23:30:00Z&to=2026-06-01T00:30:00Z", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.month"), SPAN("2026-05"));
    CHECK_SPAN(scene_text(&s, "data.0.cost_usd"), SPAN("3"));
    CHECK_SPAN(scene_text(&s, "data.0.label"), SPAN("unlabelled"));
    CHECK_SPAN(scene_text(&s, "data.1.month"), SPAN("2026-06"));
    CHECK_SPAN(scene_text(&s, "data.1.cost_usd"), SPAN("5"));
    CHECK_SPAN(scene_text(&s, "total.month"), SPAN("null"));
    CHECK_SPAN(scene_text(&s, "total.cost_usd"), SPAN("8"));
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/reports/chargeback?from=2026-05-31T23:30:00Z&to=2026-06-01T00:00:00Z", NULL), 200);
    CHECK_SPAN(scene_text(&s, "total.month"), SPAN("2026-05"));
    CHECK_SPAN(scene_text(&s, "total.cost_usd"), SPAN("3"));
    scene_close(&s);
}

TEST(what_a_run_cost_is_not_said_of_a_part_of_it)
{
    struct scene s;
    scene_open(&s);
    fill(&s);
#define UNITS "/api/v1/reports/units?from=2026-05-31T23:30:00Z&to=2026-06-01T00:30:00Z"
    CHECK_INT(scene_ask(&s, "GET", UNITS, NULL), 200);
    CHECK_INT(scene_number(&s, "runs"), 1);
    CHECK_SPAN(scene_text(&s, "usd_per_run"), SPAN("8"));
    CHECK_INT(scene_ask(&s, "GET", UNITS "&run=run_1", NULL), 200);
    CHECK_SPAN(scene_text(&s, "usd_per_run"), SPAN("8"));
    CHECK_INT(scene_ask(&s, "GET", UNITS "&run=run_2", NULL), 200);
    CHECK_INT(scene_number(&s, "runs"), 0);
    CHECK_SPAN(scene_text(&s, "usd_per_run"), SPAN("null"));
    CHECK_INT(scene_ask(&s, "GET", UNITS "&vendor=acme", NULL), 200);
    CHECK_SPAN(scene_text(&s, "runs"), SPAN("null"));
    CHECK_SPAN(scene_text(&s, "runs_usd"), SPAN("null"));
    CHECK_SPAN(scene_text(&s, "usd_per_run"), SPAN("null"));
    scene_close(&s);
}
