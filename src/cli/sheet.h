/* SPDX-License-Identifier: Apache-2.0
 * sheet.h - a price book while it is put together from somebody else's list: rows by provider and model, rates by what they hold
 * for, and a list of what could not be taken. For `tollgate prices import`. */
#ifndef TG_CLI_SHEET_H
#define TG_CLI_SHEET_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

struct sheet_rate {
    struct span condition; /* "", "tier>200000", "svc:flex", "svc:flex>272000", "from:2026-03-13", "win:1-7/00:00-01:00" */
    struct span meter, rate;
    struct sheet_rate *next;
};

struct sheet_row {
    struct span provider, model, abilities;
    int64_t context, output_max;
    struct sheet_rate *rates, *last;
    struct span facts, units, factors; /* as they stand in a row, a blank in front of each */
    struct sheet_row *next;
};

struct sheet {
    struct arena *arena;
    struct map by_name; /* "provider TAB model" */
    struct sheet_row *rows;
    size_t count;
    struct sheet_skip {
        struct span what, example;
        size_t count;
        struct sheet_skip *next;
    } *skips;
    struct map skip_by_name;
};

void sheet_init(struct sheet *s, struct arena *a);
void sheet_free(struct sheet *s);
/* The row of that name, made if there is none; NULL: no memory, or no such name can be (it is listed then). */
struct sheet_row *sheet_row(struct sheet *s, struct span provider, struct span model);
/* USD per million tokens, plain decimal text. The last one of a meter counts. */
void sheet_rate(struct sheet *s, struct sheet_row *r, struct span condition, const char *meter, struct span rate);
/* usd for n pieces; conditions: "q=hd,size=1024x1024" or SPAN_NONE. */
void sheet_unit(struct sheet *s, struct sheet_row *r, const char *kind, struct span conditions, struct span usd, int64_t n);
void sheet_factor(struct sheet *s, struct sheet_row *r, const char *name, struct span factor);
void sheet_fact(struct sheet *s, struct sheet_row *r, const char *name, struct span value);
void sheet_ability(struct sheet *s, struct sheet_row *r, const char *name);
/* What was not taken, and where it stood. */
void sheet_skip(struct sheet *s, struct span what, struct span example);

/* number (as JSON writes it, "1.5e-07") times 10^shift as plain decimal text: "0.15". Exact where `digits` decimals hold it, else
 * rounded to them, and *rounded is set. SPAN_NONE: no number, or negative, or too long. */
struct span sheet_decimal(struct arena *a, struct span number, int shift, int digits, bool *rounded);

/* The book, sorted, with its header. Rows that no gate would read are left out and listed. False: no memory. */
bool sheet_write(struct sheet *s, struct span date, struct buf *out);
/* A header for rows that are sorted already. */
void sheet_header(struct span rows, size_t count, struct span date, struct buf *out);
void sheet_report(const struct sheet *s, FILE *to);

#endif
