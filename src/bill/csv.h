/* SPDX-License-Identifier: Apache-2.0
 * csv.h - comma-separated values as RFC 4180 has them, read and written.
 *
 * Read: quoted cells with commas, line ends and doubled quotes in them; lines may end in CR LF or LF; a byte order mark is passed over.
 * Written for sheets that may take a text for a formula: one that begins with = + - @, a tab or a carriage return gets an apostrophe
 * before it. Numbers and money are written as they are. */
#ifndef TG_BILL_CSV_H
#define TG_BILL_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum { CSV_CELLS = 256 /* of a line; more are an error */ };

struct csv {
    struct span rest;
    struct arena *arena; /* unescaped cells */
    int64_t line;        /* the number of the line that was read last, from 1 */
    const char *trouble; /* constant; NULL: none */
};

struct csv csv_read(struct span text, struct arena *a);
/* The next line that is not empty; cells live as long as the text and the arena. False: the end, or r->trouble. */
bool csv_line(struct csv *r, struct span cells[CSV_CELLS], size_t *count);

/* One cell of text, quoted if need be, and safe in a sheet. */
void csv_text(struct buf *b, struct span text);

#endif
