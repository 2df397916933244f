/* SPDX-License-Identifier: Apache-2.0
 * csv.c - see csv.h. */
#include "bill/csv.h"

struct csv csv_read(struct span text, struct arena *a)
{
    static const struct span mark = { "\xef\xbb\xbf", 3 };
    return (struct csv){ .rest = span_from(text, span_starts(text, mark) ? mark.len : 0), .arena = a };
}

static bool fail(struct csv *r, const char *trouble)
{
    r->trouble = trouble;
    return false;
}

/* How many bytes stand before the quote that ends the cell; rest.len: none does. */
static size_t quoted_length(struct span rest)
{
    size_t n = 0;
    while (n < rest.len && (rest.at[n] != '"' || (n + 1 < rest.len && rest.at[n + 1] == '"')))
        n += rest.at[n] == '"' ? 2 : 1;
    return n < rest.len ? n : rest.len;
}

/* Behind the opening quote; doubled quotes stand for one. */
static bool read_quoted(struct csv *r, struct span *cell)
{
    size_t end = quoted_length(r->rest), len = 0;
    if (end == r->rest.len)
        return fail(r, "a quoted cell has no end");
    char *text = arena_take(r->arena, end + 1);
    if (!text)
        return fail(r, "it does not fit into memory");
    for (size_t i = 0; i < end; i++) {
        r->line += r->rest.at[i] == '\n';
        i += r->rest.at[i] == '"';
        text[len++] = r->rest.at[i];
    }
    r->rest = span_from(r->rest, end + 1);
    *cell = span_make(text, len);
    return true;
}

static size_t plain_length(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.at[n] != ',' && s.at[n] != '\n' && s.at[n] != '\r')
        n++;
    return n;
}

static bool read_cell(struct csv *r, struct span *cell)
{
    if (r->rest.len && r->rest.at[0] == '"') {
        r->rest = span_from(r->rest, 1);
        return read_quoted(r, cell);
    }
    *cell = span_first(r->rest, plain_length(r->rest));
    r->rest = span_from(r->rest, cell->len);
    return true;
}

/* The end of a line, or of the text. */
static bool line_ends(struct csv *r)
{
    if (r->rest.len >= 2 && r->rest.at[0] == '\r' && r->rest.at[1] == '\n')
        r->rest = span_from(r->rest, 2);
    else if (r->rest.len && (r->rest.at[0] == '\n' || r->rest.at[0] == '\r'))
        r->rest = span_from(r->rest, 1);
    else
        return r->rest.len == 0;
    return true;
}

static bool read_cells(struct csv *r, struct span cells[CSV_CELLS], size_t *count)
{
    for (;;) {
        if (*count == CSV_CELLS)
            return fail(r, "a line has more than 256 cells");
        if (!read_cell(r, &cells[(*count)++]))
            return false;
        if (line_ends(r))
            return true;
        if (r->rest.at[0] != ',')
            return fail(r, "something follows the quote that ends a cell");
        r->rest = span_from(r->rest, 1);
    }
}

bool csv_line(struct csv *r, struct span cells[CSV_CELLS], size_t *count)
{
    do {
        *count = 0;
        if (!r->rest.len || r->trouble)
            return false;
        r->line++;
        if (!read_cells(r, cells, count))
            return false;
    } while (*count == 1 && cells[0].len == 0);
    return true;
}

static bool is_formula(struct span text) { return text.len && memchr("=+-@\t\r", text.at[0], 6) != NULL; }

void csv_text(struct buf *b, struct span text)
{
    bool formula = is_formula(text);
    bool plain = span_find_byte(text, '"') < 0 && span_find_byte(text, ',') < 0 && span_find_byte(text, '\n') < 0 && span_find_byte(text, '\r') < 0;
    if (!plain)
        buf_put_byte(b, '"');
    if (formula)
        buf_put_byte(b, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            buf_put_byte(b, '"');
        buf_put_byte(b, text.at[i]);
    }
    if (!plain)
        buf_put_byte(b, '"');
}
