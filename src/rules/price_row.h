/* SPDX-License-Identifier: Apache-2.0
 * price_row.h - one parsed row of the price book; private to price_*.c.
 *
 * A row is a few tables of rates, each with the condition it holds under, plus prices by the piece and factors. The
 * text form is described in docs/prices.md. */
#ifndef TG_RULES_PRICE_ROW_H
#define TG_RULES_PRICE_ROW_H

#include "rules/price.h"

enum {
    PRICE_TABLES = 64, /* of one row; the book's largest has 33 */
    PRICE_PIECES = 32,
    PRICE_FACTORS = 8,
    PRICE_RANGES = 6, /* times of day in one window */
    PRICE_RATE_DIGITS = 9,   /* USD per million tokens, so that a rate is an integer of 10^-15 USD per token */
    PRICE_PIECE_DIGITS = 12, /* USD per n pieces */
    PRICE_FACTOR_DIGITS = 2,
    PRICE_FACTOR_MOST = 100 * 100, /* hundredths */
};

/* Beyond these a row is a mistake, and sums would not be exact: a million dollars per million tokens, or for one piece. */
#define PRICE_RATE_MOST INT64_C(1000000000000000)
#define PRICE_PIECE_MOST INT64_C(1000000000000000000)

/* What a table of rates holds for. */
enum price_era {
    PRICE_NOW,    /* the plain price */
    PRICE_SVC,    /* a service tier, by name */
    PRICE_REGION, /* a region, by name */
    PRICE_UNTIL,  /* instead of the plain price, before `when` */
    PRICE_FROM,   /* instead of the plain price, from `when` on */
    PRICE_WINDOW, /* over the plain price, at some times of some days */
};

struct price_table {
    enum price_era era;
    struct span name; /* of the service tier, region or window */
    int64_t above;    /* holds when the input is larger than this; -1: always */
    int64_t when;     /* Unix ms */
    unsigned days;    /* bit 1 Monday ... bit 7 Sunday */
    size_t range_count;
    struct price_range {
        int from, to; /* minutes of the UTC day, half open */
    } ranges[PRICE_RANGES];
    int64_t rates[METER_COUNT]; /* 10^-15 USD per token; -1: none here */
};

struct price_piece {
    enum fee fee;
    struct span size, quality, search; /* what it holds for; SPAN_NONE: any */
    struct span other;                 /* a condition that no usage tells: it may hold */
    int64_t results_least, results_most; /* of one search; most -1: any */
    int64_t pico;                      /* 10^-12 USD per n pieces */
    int64_t n;
};

struct price_factor {
    struct span name;
    int64_t hundredths;
};

/* What is known of a model besides its prices. */
struct price_facts {
    struct span mode, dialect, state, since, shutdown, sources, agree;
    int64_t input_max, dim, cache_least;
};

struct price {
    struct span provider, model, caps;
    int64_t context, output_max;
    struct price_facts facts;
    size_t table_count, piece_count, factor_count;
    struct price_table *tables;
    struct price_piece *pieces;
    struct price_factor *factors;
    struct price_table region_most; /* per meter the dearest of all regions: for ceilings */
    bool regions;                   /* there are some */
    bool override;                  /* it is a configuration's word, not the book's */
};

/* line: a row of the book without its line end, which must outlive the row. One block of memory, for free(). NULL: not
 * such a row (a damaged file), or no memory. */
struct price *price_row_read(struct span line);
/* A price as people write it, as a row's line without its end. base, base_line: the book's row of that name, whose limits and facts
 * (and prices, where none are said) stay; may be NULL and SPAN_NONE. False: *t says the member and what is allowed. */
bool price_override_write(const struct node *n, const struct price *base, struct span base_line, struct buf *line, struct trouble *t);
/* Texts of the enums; and by its text ("cache_read"); -1: no such meter / fee. */
int price_meter(struct span name);
int price_fee(struct span name);
struct span price_meter_name(enum meter m);

#endif
