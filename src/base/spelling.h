/* SPDX-License-Identifier: Apache-2.0
 * spelling.h - names that lenient readers take for one another. */
#ifndef TG_BASE_SPELLING_H
#define TG_BASE_SPELLING_H

#include "base/span.h"

/* Without regard to the case of ASCII letters, to _ and to -: "amount_money", "amountMoney" and "Amount-Money". */
bool spelling_is_alike(struct span a, struct span b);

#endif
