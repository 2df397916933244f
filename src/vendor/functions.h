/* SPDX-License-Identifier: Apache-2.0
 * functions.h - the functions of rules that do not stand in functions.c itself, and what they share; for this folder only. */
#ifndef TG_VENDOR_FUNCTIONS_H
#define TG_VENDOR_FUNCTIONS_H

#include "vendor/manifest.h"

/* A scalar member, in any letter case; NULL: none. (functions.c) */
const struct node *node_member(const struct node *n, struct span name);

/* ---- tally.c: counting ---- */

struct value tally_recipients(struct eval *e, const struct expr *x);
struct value tally_mail_list(struct eval *e, const struct expr *x);
struct value tally_count(struct eval *e, const struct expr *x);
struct value tally_items(struct eval *e, const struct expr *x);
struct value tally_sum(struct eval *e, const struct expr *x);
struct value tally_numbers(struct eval *e, const struct expr *x);
/* Calls piece for each value of the field, cut at a separator and trimmed; false: one cannot be read, or piece said so. */
typedef bool tally_piece(void *self, struct span piece);
bool tally_pieces(struct eval *e, const struct field *f, char separator, tally_piece *piece, void *self);
/* A separator given as the argument at `index` ("'<'"), ',' where there is none; 0: it is no single character. */
char tally_separator(const struct expr *x, size_t index);

/* ---- numbers.c: telephone numbers ---- */

struct value number_segments(struct eval *e, const struct expr *x);
struct value number_channel(struct eval *e, const struct expr *x);
struct value number_phone(struct eval *e, const struct expr *x);
/* The digits of an E.164 number, its '+' taken off; where that may be missing, 7 to 15 digits. SPAN_NONE: it is none. */
struct span number_digits(struct span text, bool plus_optional);

/* ---- prices.c: tables of prices ---- */

struct value price_by_country(struct eval *e, const struct expr *x);
struct value price_numbers(struct eval *e, const struct expr *x);
struct value price_mail_reach(struct eval *e, const struct expr *x);
struct value price_listed(struct eval *e, const struct expr *x);

#endif
