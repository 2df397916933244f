/* SPDX-License-Identifier: Apache-2.0
 * audit_test.c - the chain by HTTP: listed page by page, exported whole and in windows with sums that agree with the usage, and
 * checked; increases of limits; where alerts go. */
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "cli/audit_file.h"
#include "test/unit/admin/scene.h"

enum { BUYS = 60 };

static void buy_some(struct scene *s, int count)
{
    CHECK_INT(scene_ask(s, "POST", "/api/v1/keys",
                  "{\"name\":\"buyer\",\"policy\":\"all\",\"credentials\":[\"acme-main\"],\"budgets\":[{\"limit\":\"1000 usd\",\"window\":\"day\"}]}"), 201);
    struct span token = scene_text(s, "token");
    for (int i = 0; i < count; i++)
        CHECK_INT(scene_call(s, token, "POST", "/acme/v1/buy", arena_print(&s->arena, "run_%d", i).at), 200);
}

static void quiet(void *self, int64_t done, int64_t of)
{
    (void)self;
    (void)done;
    (void)of;
}

/* What `tollgate audit verify` says of the last answer. */
static struct audit_verdict verify_last(struct scene *s)
{
    static const struct verb none = { .name = "audit" };
    struct audit_verdict d;
    struct cli c;
    struct span path = arena_print(&s->arena, "%s/export.jsonl", s->dir);
    FILE *f = fopen(path.at, "we");
    must(f && fwrite(s->last.body.at, 1, s->last.body.len, f) == s->last.body.len && fclose(f) == 0);
    cli_init(&c, &none);
    CHECK(audit_file(&c, path, NULL, quiet, NULL, &d));
    if (d.trouble)
        test_fail(__FILE__, __LINE__, "line %lld: %s", (long long)d.line, d.trouble);
    cli_free(&c);
    return d;
}

static struct span last_line(const struct scene *s)
{
    struct span rest = s->last.body, line, last = SPAN("");
    while (span_next(&rest, '\n', &line))
        if (line.len)
            last = line;
    return last;
}

TEST(an_export_of_everything_proves_itself)
{
    struct scene s;
    scene_open(&s);
    buy_some(&s, BUYS);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/usage?by=vendor", NULL), 200);
    struct span total = scene_text(&s, "total.cost_usd");
    CHECK_SPAN(total, SPAN("120"));
    scene_restart(&s); /* signs the chain */
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/export", NULL), 200);
    CHECK_SPAN(scene_field(&s, "content-type"), SPAN("application/jsonl"));
    struct audit_verdict d = verify_last(&s);
    CHECK_INT(d.rows, BUYS + 3); /* a key, two starts */
    CHECK(d.checkpoints >= 1 && d.signed_rows >= BUYS + 2 && d.gaps == 0);
    CHECK(span_find(last_line(&s), SPAN("\"cost_usd\":\"120\"")) > 0 && span_find(last_line(&s), SPAN("\"complete\":true")) > 0);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/export?kind=calls&vendor=acme&run=run_7", NULL), 200);
    CHECK_INT(verify_last(&s).rows, 1);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/export?kind=changes", NULL), 200);
    CHECK_INT(verify_last(&s).rows, 3);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/verify", NULL), 200);
    CHECK_SPAN(scene_text(&s, "valid"), SPAN("true"));
    CHECK_INT(scene_number(&s, "rows"), BUYS + 3);
    CHECK_INT(scene_text(&s, "key").len, 64);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/checkpoints", NULL), 200);
    CHECK_INT(scene_text(&s, "data.0.hash").len, 64);
    CHECK_INT(scene_text(&s, "data.0.signature").len, 128);
    scene_close(&s);
}

/* Half-open windows: what lies between two of them is in exactly one. */
TEST(windows_add_up)
{
    struct scene s;
    scene_open(&s);
    buy_some(&s, BUYS);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/calls?limit=30", NULL), 200);
    struct span middle = scene_text(&s, "data.29.at");
    long long rows = 0, cents = 0;
    for (int i = 0; i < 2; i++) {
        CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/audit/export?kind=calls&%s=%.*s", i ? "from" : "to", SPAN_ARG(middle)).at, NULL), 200);
        rows += verify_last(&s).rows;
        struct span line = last_line(&s);
        ptrdiff_t at = span_find(line, SPAN("\"cost_usd\":\""));
        CHECK(at > 0);
        cents += at > 0 ? strtoll(line.at + at + 12, NULL, 10) : 0;
        CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/usage?%s=%.*s", i ? "from" : "to", SPAN_ARG(middle)).at, NULL), 200);
        CHECK(span_find(line, arena_print(&s.arena, "\"cost_usd\":\"%.*s\"", SPAN_ARG(scene_text(&s, "total.cost_usd")))) > 0);
    }
    CHECK_INT(rows, BUYS);
    CHECK_INT(cents, 2 * BUYS);
    scene_close(&s);
}

TEST(csv_has_a_line_for_each_row)
{
    struct scene s;
    scene_open(&s);
    buy_some(&s, 5);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit/export?format=csv&totals=1&kind=calls", NULL), 200);
    CHECK(span_starts(scene_field(&s, "content-type"), SPAN("text/csv")));
    int lines = 0;
    for (struct span rest = s.last.body, line; span_next(&rest, '\n', &line);)
        lines += line.len > 0;
    CHECK_INT(lines, 1 + 5 + 1);
    CHECK(span_starts(last_line(&s), SPAN("5,total,,")) && span_find(last_line(&s), SPAN(",10,")) > 0);
    static const char *const wrong[] = { "format=xml", "kind=everything", "totals=2", "from=yesterday", "colour=red" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/audit/export?%s", wrong[i]).at, NULL), 400);
    scene_close(&s);
}

TEST(rows_of_all_kinds_are_listed_newest_first)
{
    struct scene s;
    scene_open(&s);
    buy_some(&s, 25);
    long long seen = 0, last = 1 << 20;
    struct span cursor = SPAN("");
    do {
        CHECK_INT(scene_ask(&s, "GET", arena_print(&s.arena, "/api/v1/audit?limit=7&cursor=%.*s", SPAN_ARG(cursor)).at, NULL), 200);
        for (int i = 0; i < 7; i++) {
            char path[32];
            snprintf(path, sizeof(path), "data.%d.number", i);
            if (!scene_text(&s, path).at)
                break;
            CHECK(scene_number(&s, path) < last);
            last = scene_number(&s, path);
            seen++;
        }
        cursor = scene_text(&s, "next_cursor");
    } while (!span_is(cursor, SPAN("null")) && seen < 100);
    CHECK_INT(seen, 25 + 2);
    CHECK_INT(last, 0);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit?kind=change", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.data.action"), SPAN("key.create"));
    CHECK_SPAN(scene_text(&s, "data.1.data.action"), SPAN("gate.start"));
    CHECK(!scene_text(&s, "data.2").at && scene_text(&s, "data.0.hash").len == 64);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit?kind=call&run=run_3", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.data.run"), SPAN("run_3"));
    CHECK(!scene_text(&s, "data.1").at);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit?cursor=x", NULL), 400);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit?kind=x", NULL), 400);
    scene_close(&s);
}

TEST(a_limit_is_raised_for_a_while)
{
    struct scene s;
    scene_open(&s);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets", "{\"name\":\"all\",\"limit\":\"4 usd\",\"window\":\"day\"}"), 201);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", "run_1"), 200);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", "run_2"), 402); /* 2 spent, 3 wanted */
    static const char *const wrong[] = { "{}", "{\"by\":\"5 usd\"}", "{\"by\":\"5 usd\",\"for\":\"1h\",\"until\":\"2036-01-01\"}", "{\"by\":\"5 requests\",\"for\":\"1h\"}",
        "{\"by\":\"5 usd\",\"until\":\"2020-01-01\"}", "{\"for\":\"1h\"}", "{\"by\":\"5 usd\",\"for\":\"0s\"}", "{\"by\":\"5 usd\",\"for\":\"1h\",\"why\":\"x\"}" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets/all/increase", wrong[i]), 422);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets/none/increase", "{\"by\":\"5 usd\",\"for\":\"1h\"}"), 404);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/budgets/all/increase", "{\"by\":\"5 usd\",\"for\":\"1h\",\"reason\":\"month's end\"}"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.limit_usd"), SPAN("4"));
    CHECK_SPAN(scene_text(&s, "data.0.increase_usd"), SPAN("5"));
    CHECK(scene_text(&s, "data.0.increase_until").len > 20);
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.limit_usd"), SPAN("9"));
    CHECK_SPAN(scene_text(&s, "data.0.accounts.0.remaining_usd"), SPAN("7"));
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", "run_3"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/audit?kind=change&limit=1", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.data.action"), SPAN("increase.create"));
    CHECK_SPAN(scene_text(&s, "data.0.data.reason"), SPAN("month's end"));
    CHECK_INT(scene_ask(&s, "DELETE", "/api/v1/budgets/all/increase", NULL), 204);
    CHECK_INT(scene_ask(&s, "DELETE", "/api/v1/budgets/all/increase", NULL), 404);
    CHECK_INT(scene_call(&s, token, "POST", "/acme/v1/buy", "run_4"), 402);
    /* One that hangs on a key, by its whole id. */
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    struct buf path;
    buf_init(&path, 4096);
    buf_put(&path, SPAN("/api/v1/budgets/"));
    buf_put_percent(&path, scene_text(&s, "data.1.id"), SPAN(""));
    buf_put(&path, SPAN("/increase"));
    CHECK_INT(scene_ask(&s, "POST", arena_copy(&s.arena, buf_span(&path)).at, "{\"by\":\"5 usd\",\"until\":\"2036-01-01T00:00:00Z\"}"), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/budgets", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.1.increase_usd"), SPAN("5"));
    buf_free(&path);
    scene_close(&s);
}

TEST(alerts_are_objects_with_a_test)
{
    struct scene s;
    scene_open(&s);
    struct span url = arena_print(&s.arena, "{\"name\":\"hook\",\"webhook\":\"http://%s/hook\",\"secret\":\"whsec_0123456789abcdef0123\"}", s.vendor_address.text);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/alerts", url.at), 201);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/alerts", NULL), 200);
    CHECK_SPAN(scene_text(&s, "data.0.name"), SPAN("hook"));
    CHECK(!scene_says(&s, "whsec_"));
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/alerts/hook/test", NULL), 200);
    CHECK_SPAN(scene_text(&s, "sent"), SPAN("true"));
    CHECK_SPAN(scene_text(&s, "trouble"), SPAN("null"));
    CHECK_INT(scene_ask(&s, "PATCH", "/api/v1/alerts/hook", "{\"webhook\":\"http://127.0.0.1:1/hook\",\"secret\":\"whsec_0123456789abcdef0123\"}"), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/alerts/hook/test", NULL), 200);
    CHECK_SPAN(scene_text(&s, "sent"), SPAN("false"));
    CHECK(scene_text(&s, "trouble").len > 4);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/alerts/none/test", NULL), 404);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/alerts/deliveries", NULL), 200);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/alerts/deliveries?limit=0", NULL), 400);
    scene_close(&s);
}
