/* SPDX-License-Identifier: Apache-2.0
 * decimal.h - JSON's numbers compared as they are written, without rounding. */
#ifndef TG_GUARD_DECIMAL_H
#define TG_GUARD_DECIMAL_H

#include "base/span.h"

enum { DECIMAL_DIGITS = 400, DECIMAL_EXPONENT = 1000 };

/* 0.d1d2d3... times ten to the `exponent`; no zeros at either end. */
struct decimal {
    bool negative;
    char digits[DECIMAL_DIGITS];
    int count; /* 0: zero */
    int exponent;
};

/* False: not a number as JSON writes it, or longer or further from 1 than the limits. */
bool decimal_read(struct span text, struct decimal *out);
int decimal_compare(const struct decimal *a, const struct decimal *b);
bool decimal_is_integer(const struct decimal *d);
/* Is a a multiple of b? *known false: it would take too long a number to say. */
bool decimal_divides(const struct decimal *a, const struct decimal *b, bool *known);

#endif
