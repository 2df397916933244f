/* SPDX-License-Identifier: Apache-2.0
 * fx.h - what a unit of a currency is worth in US dollars, as the operator or the European Central Bank says.
 *
 * Read with the configuration (`fx:`), then immutable. Rates are dollars for one unit, x 10^9; a currency that is not here has no
 * known worth, and what costs in it is refused where a money budget applies. */
#ifndef TG_RULES_FX_H
#define TG_RULES_FX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/node.h"

enum { FX_CURRENCIES = 200 };

struct fx_rate {
    char code[3]; /* lower-case */
    int64_t usd;  /* nano-dollars for one unit */
};

struct fx {
    struct fx_rate *rates; /* by code */
    size_t count;
    int64_t margin;       /* share x 10^9, on top when reserving */
    struct span date;     /* of the file, or as the operator says: "2026-11-20"; SPAN_NONE: not said */
};

/* fx: { file: eurofxref-daily.xml, rates: { eur: "1.08" }, margin: 2%, date: 2026-11-20 }. Rates by hand go before the file's. `text` is the file's
 * content (the loader reads it), SPAN_NONE: none is named. E_CONFIG names the field. */
CHECKED enum err fx_read(struct arena *a, const struct node *n, struct span text, struct fx *out, struct trouble *t);
/* The ECB's file, XML (eurofxref-daily.xml, -hist: the newest day) or CSV (eurofxref.csv): units of each currency for one euro. False:
 * why[] says what is wrong; a file with half its rates readable is none. */
bool fx_read_ecb(struct span text, struct arena *a, struct fx *out, char why[200]); /* fx_ecb.c */
/* Nano-dollars for one unit; false: not known. usd is 1. fx may be NULL. */
bool fx_rate(const struct fx *fx, const char code[3], int64_t *usd);
/* Puts them into the order in which they are looked for; between the two files only. */
void fx_sort(struct fx *fx);

#endif
