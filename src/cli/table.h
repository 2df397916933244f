/* SPDX-License-Identifier: Apache-2.0
 * table.h - rows under headings, aligned by what is in them. Numbers stand to the right, money by its decimal point.
 *
 * Cells are copied into the arena. Control characters in them are shown as '?': texts of strangers must not drive a
 * terminal. */
#ifndef TG_CLI_TABLE_H
#define TG_CLI_TABLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum { COLUMNS_MOST = 32 };

enum align { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_POINT };
enum tint { TINT_NONE, TINT_DIM, TINT_BOLD, TINT_GREEN, TINT_RED, TINT_YELLOW };

struct column {
    const char *title; /* with its unit: "COST USD" */
    enum align align;
    size_t most; /* characters shown; 0: all */
};

struct cell {
    struct span text;
    enum tint tint;
};

struct table_row {
    struct cell *cells;
    struct table_row *next;
    bool strong; /* a total */
};

struct table {
    struct arena *arena;
    const struct column *columns;
    size_t width; /* columns */
    struct table_row *first, *last;
    size_t rows, filled; /* filled: cells of the last row */
    bool colour;
};

/* width: at most COLUMNS_MOST. */
void table_init(struct table *t, struct arena *a, const struct column *columns, size_t width, bool colour);
void table_row(struct table *t);
void table_strong(struct table *t); /* the row begun last */
/* The next cell of the row begun last; SPAN_NONE is shown as "-". */
void table_put(struct table *t, struct span text);
void table_put_tinted(struct table *t, struct span text, enum tint tint);
void table_put_i64(struct table *t, int64_t n);
/* A column without any content but "-" is left out. */
void table_print(const struct table *t, struct buf *out);

/* spark.c: the last `most` numbers of a list as a row of bars, the highest of them as high as a line is. member: of each item, which is a
 * number itself where it is NULL. For a picture only: numbers that matter stand beside it. */
struct span spark(struct arena *a, struct json_value list, const char *member, size_t most);
/* `part` of `all`, thousandths, as a bar so many characters wide. */
struct span gauge(struct arena *a, int64_t thousandths, size_t width);

/* How many columns of a terminal the text takes (one a character). */
size_t text_width(struct span text);
const char *tint_code(enum tint tint, bool colour); /* the end of one is TINT_NONE's */
/* The text with control characters replaced. */
struct span text_tame(struct arena *a, struct span text);

#endif
