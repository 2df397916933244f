/* SPDX-License-Identifier: Apache-2.0
 * money.h - money is an int64 of nano-dollars; decimal text outside; never floating point.
 *
 * 1 USD = 1,000,000,000 nano. int64 holds +-9.2 billion USD. Prices finer than a nano-dollar are `struct rate`
 * (femto-dollars per unit, see rules/price.h); only the product is rounded, once, upward for reservations and to
 * nearest (ties up) for settlements. */
#ifndef TG_BASE_MONEY_H
#define TG_BASE_MONEY_H

#include "base/buf.h"

typedef int64_t nano_usd;

#define NANO_PER_USD INT64_C(1000000000)
#define MONEY_MAX INT64_MAX

/* "12", "12.34", "-0.0075"; at most `digits` decimals are kept exactly, more non-zero ones are refused.
 * *out is the value times 10^digits. False: not a decimal number, or out of range. No "+5", ".5", "5.", "1e3", and no
 * "007", which some readers take for octal. */
bool money_decimal(struct span text, int digits, int64_t *out);
/* The same of any number of decimals: *low is rounded down and *high up, so that both are the value where `digits` hold it. */
bool money_decimal_bounds(struct span text, int digits, int64_t *low, int64_t *high);
/* Decimal text to nano-dollars (digits = 9). */
bool money_parse(struct span text, nano_usd *out);
/* Shortest exact decimal text: "0", "3.14", "0.000000001". At least `MONEY_TEXT` bytes; returns the span written. */
enum { MONEY_TEXT = 32 };
struct span money_text(nano_usd amount, char out[MONEY_TEXT]);
void buf_put_money(struct buf *b, nano_usd amount);
/* a*b/divisor in 128 bits; saturates at INT64_MAX/MIN; divisor > 0. */
int64_t money_mul_div_up(int64_t a, int64_t b, int64_t divisor);
int64_t money_mul_div_near(int64_t a, int64_t b, int64_t divisor);
/* a+b, saturating. */
int64_t money_add(int64_t a, int64_t b);

#endif
