/* SPDX-License-Identifier: Apache-2.0
 * table_test.c - tables: widths, alignment, what strangers' texts may not do. */
#include "cli/table.h"

#include "test/test.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 6 }, { "N", ALIGN_RIGHT, 0 }, { "COST USD", ALIGN_POINT, 0 }, { "EMPTY", ALIGN_LEFT, 0 } };

struct sheet {
    struct arena arena;
    struct table table;
    struct buf out;
};

static void sheet_open(struct sheet *s, bool colour)
{
    arena_init(&s->arena, 1 << 20);
    buf_init(&s->out, 1 << 20);
    table_init(&s->table, &s->arena, columns, 4, colour);
}

static void sheet_close(struct sheet *s)
{
    buf_free(&s->out);
    arena_free(&s->arena);
}

static void add(struct sheet *s, const char *name, int64_t n, const char *cost)
{
    table_row(&s->table);
    table_put(&s->table, span_of(name));
    table_put_i64(&s->table, n);
    table_put(&s->table, span_of(cost));
    table_put(&s->table, SPAN_NONE);
}

TEST(table_aligns_numbers_and_points)
{
    struct sheet s;
    sheet_open(&s, false);
    add(&s, "a", 7, "12");
    add(&s, "bcd", 1234, "0.0000198");
    add(&s, "é", 1, "5.5");
    table_print(&s.table, &s.out);
    CHECK_SPAN(buf_span(&s.out), SPAN("NAME     N    COST USD\n"
                                      "a        7  12\n"
                                      "bcd   1234   0.0000198\n"
                                      "é        1   5.5\n"));
    sheet_close(&s);
}

TEST(table_leaves_out_what_is_empty)
{
    struct sheet s;
    sheet_open(&s, false);
    table_print(&s.table, &s.out);
    CHECK_INT(s.out.len, 0);
    table_row(&s.table);
    table_put(&s.table, SPAN("x"));
    for (int i = 0; i < 10; i++) /* more than there are columns: ignored */
        table_put(&s.table, SPAN_NONE);
    table_print(&s.table, &s.out);
    CHECK_SPAN(buf_span(&s.out), SPAN("NAME\nx\n"));
    sheet_close(&s);
}

TEST(table_shortens_between_characters)
{
    struct sheet s;
    sheet_open(&s, false);
    add(&s, "abcdef", 1, "1");
    add(&s, "abcdefg", 1, "1");
    add(&s, "äöüäöüä", 1, "1");
    table_print(&s.table, &s.out);
    CHECK(span_find(buf_span(&s.out), SPAN("abcdef ")) >= 0);
    CHECK(span_find(buf_span(&s.out), SPAN("abcde… ")) >= 0);
    CHECK(span_find(buf_span(&s.out), SPAN("äöüäö… ")) >= 0);
    sheet_close(&s);
}

TEST(table_tames_texts)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    CHECK_SPAN(text_tame(&a, SPAN("a\033[2Jb\r\n\x7f")), SPAN("a?[2Jb???"));
    CHECK_SPAN(text_tame(&a, SPAN("\xc2\x9b" "31m")), SPAN("?31m")); /* CSI as one character */
    CHECK_SPAN(text_tame(&a, SPAN("\xff\xc3")), SPAN("??"));
    CHECK_SPAN(text_tame(&a, SPAN("naïve €")), SPAN("naïve €"));
    CHECK_INT(text_width(SPAN("naïve €")), 7);
    arena_free(&a);
}

TEST(table_colours_only_when_told)
{
    struct sheet s;
    for (int colour = 0; colour < 2; colour++) {
        sheet_open(&s, colour);
        table_row(&s.table);
        table_put_tinted(&s.table, SPAN("x"), TINT_RED);
        for (int i = 0; i < 3; i++)
            table_put(&s.table, SPAN("1"));
        table_strong(&s.table);
        table_print(&s.table, &s.out);
        CHECK_INT(span_find_byte(buf_span(&s.out), '\033') >= 0, colour);
        sheet_close(&s);
    }
}
