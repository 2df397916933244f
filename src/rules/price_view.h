/* SPDX-License-Identifier: Apache-2.0
 * price_view.h - what of a row holds in one situation, and the sums both costs and ceilings are made of; private to price*.c.
 *
 * Both questions go through one `view`: the tables that hold in one situation, in the order they are asked. A ceiling
 * is the dearest of all views a call can end up in, so it cannot miss what a cost would find. */
#ifndef TG_RULES_PRICE_VIEW_H
#define TG_RULES_PRICE_VIEW_H

#include "rules/price_row.h"

/* Not ISO C, but in both compilers; nothing else holds these sums. They stop at PRICE_WIDE_MAX instead of overflowing. */
__extension__ typedef __int128 price_wide;
#define PRICE_WIDE_MAX (((price_wide)1 << 126) - 1 + ((price_wide)1 << 126))

/* Sums are integers of 1/PRICE_UNITS nano-dollars: fine enough for a rate (10^-15 USD) times two factors (10^-2 each)
 * and for a price per 3600 or per million pieces. One rounding at the very end. */
#define PRICE_UNITS INT64_C(36000000000000) /* 10^6 * 10^4 * 3600 */
enum { PRICE_UNITS_PER_RATE = 3600 };       /* of 10^-15 USD, and of factors' product at 10^-4 */

price_wide price_mul(price_wide a, int64_t b);
price_wide price_add(price_wide a, price_wide b);
nano_usd price_nano(price_wide sum, bool up);

enum { VIEW_SVC_STEP, VIEW_SVC, VIEW_STEP, VIEW_REGION, VIEW_WINDOW, VIEW_PLAIN, VIEW_LAYERS };

/* Where a rate is looked for, first to last; NULL: no such table. */
struct view {
    const struct price_table *layers[VIEW_LAYERS];
};

/* A situation a call can be in. */
struct situation {
    int64_t input_total;
    struct span tier;
    const struct price_table *region;
    const struct price_table *window;
    const struct price_table *era; /* an UNTIL or FROM table that holds; NULL: now's */
};

struct view view_of(const struct price *p, const struct situation *s);
/* Its own rate, or an ancestor's; -1: none. */
int64_t view_rate(const struct view *v, enum meter m);
/* Its own rate alone; -1: none. */
int64_t view_own_rate(const struct view *v, enum meter m);

const struct price_table *price_era_at(const struct price *p, int64_t at_ms);
const struct price_table *price_window_at(const struct price *p, int64_t at_ms);
const struct price_table *price_region(const struct price *p, struct span name);
bool price_is_output(enum meter m);
bool price_rates_side(const struct price *p, bool output); /* any rate for output (or else input) in any of its tables */
/* Hundredths. A tier that has prices of its own is not multiplied on top. */
int64_t price_tier_factor(const struct price *p, struct span tier);
bool price_is_of_place(struct span factor);
bool price_has_tier(const struct price *p, struct span tier); /* rates of its own for this service tier */

/* What pieces differ by. */
struct piece_kind {
    struct span size, quality, search;
    int64_t results;
    bool dearest; /* of all that are not ruled out, instead of the best fitting one */
};
/* What `count` pieces cost, in 1/PRICE_UNITS nano-dollars. Pictures are charged by their pixels where the row does so. False: no
 * such price. */
bool price_pieces(const struct price *p, enum fee fee, int64_t count, const struct piece_kind *kind, price_wide *out);
/* The meter that counts the same content in tokens; METER_COUNT: none. */
enum meter price_same_content(enum fee fee);
/* Code that the vendor runs is counted by the session and by the run, and charged once: is this the count that the row does not charge,
 * and the one that it does is there? */
bool price_is_other_count(const struct price *p, enum fee fee, const int64_t counts[FEE_COUNT]);
/* Pieces of content (and not of a tool's work): where a row charges those and no tokens, tokens are not charged. */
bool price_is_content(enum fee fee);

#endif
