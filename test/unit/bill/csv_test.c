/* SPDX-License-Identifier: Apache-2.0 */
#include "bill/csv.h"

#include "bill/paper.h"
#include "test/test.h"

static struct span cells[CSV_CELLS];
static size_t count;

TEST(lines_and_quotes_as_rfc_4180_has_them)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct csv r = csv_read(SPAN("\xef\xbb\xbf" "a,\"b,\"\"c\"\"\",\r\n\r\n\"x\ny\",1\n,\n"), &a);
    CHECK(csv_line(&r, cells, &count));
    CHECK_INT(count, 3);
    CHECK_SPAN(cells[0], SPAN("a"));
    CHECK_SPAN(cells[1], SPAN("b,\"c\""));
    CHECK_SPAN(cells[2], SPAN(""));
    CHECK(csv_line(&r, cells, &count));
    CHECK_INT(count, 2);
    CHECK_SPAN(cells[0], SPAN("x\ny"));
    CHECK_INT(r.line, 4); /* where it ends: a cell of two lines is in it */
    CHECK(csv_line(&r, cells, &count));
    CHECK_INT(count, 2);
    CHECK(!csv_line(&r, cells, &count));
    CHECK(!r.trouble);
    arena_free(&a);
}

TEST(broken_quotes_are_said)
{
    static const char *const texts[] = { "\"a", "\"a\"b", "a,\"b\"\"\n" };
    for (size_t i = 0; i < 3; i++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct csv r = csv_read(span_of(texts[i]), &a);
        CHECK(!csv_line(&r, cells, &count));
        CHECK(r.trouble);
        arena_free(&a);
    }
}

static void check_cell(struct span text, struct span want)
{
    struct buf b;
    buf_init(&b, 1024);
    csv_text(&b, text);
    CHECK_SPAN(buf_span(&b), want);
    buf_free(&b);
}

TEST(a_text_is_no_formula)
{
    check_cell(SPAN("plain"), SPAN("plain"));
    check_cell(SPAN("=1+1"), SPAN("'=1+1"));
    check_cell(SPAN("+49"), SPAN("'+49"));
    check_cell(SPAN("-x"), SPAN("'-x"));
    check_cell(SPAN("@SUM(A1)"), SPAN("'@SUM(A1)"));
    check_cell(SPAN("=cmd|' /C calc'!A0,\"x\""), SPAN("\"'=cmd|' /C calc'!A0,\"\"x\"\"\""));
    check_cell(SPAN("a=b"), SPAN("a=b"));
}

static void write_report(struct buf *out, enum paper_form form, bool totals)
{
    static const char *const columns[] = { "key", "cost_usd", "calls", "at", NULL };
    struct paper p = paper(out, form, totals);
    paper_open(&p);
    paper_note(&p, SPAN("why"), SPAN("so"));
    paper_columns(&p, SPAN("data"), columns);
    paper_row(&p);
    paper_text(&p, SPAN("-a,b"));
    paper_money(&p, -1500000000);
    paper_number(&p, -3);
    paper_time(&p, 0);
    paper_total(&p);
    paper_none(&p);
    paper_money(&p, -1500000000);
    paper_number(&p, -3);
    paper_none(&p);
    paper_close(&p);
}

TEST(one_report_two_forms)
{
    struct buf b;
    buf_init(&b, 4096);
    write_report(&b, PAPER_JSON, false);
    CHECK_SPAN(buf_span(&b), SPAN("{\"why\":\"so\",\"data\":[{\"key\":\"-a,b\",\"cost_usd\":\"-1.5\",\"calls\":-3,\"at\":null}],\"total\":{\"key\":null,\"cost_usd\":\"-1.5\",\"calls\":-3,\"at\":null}}"));
    buf_clear(&b);
    write_report(&b, PAPER_CSV, false);
    CHECK_SPAN(buf_span(&b), SPAN("key,cost_usd,calls,at\r\n\"'-a,b\",-1.5,-3,\r\n"));
    buf_clear(&b);
    write_report(&b, PAPER_CSV, true);
    CHECK_SPAN(buf_span(&b), SPAN("key,cost_usd,calls,at\r\n\"'-a,b\",-1.5,-3,\r\n,-1.5,-3,\r\n"));
    buf_free(&b);
}
