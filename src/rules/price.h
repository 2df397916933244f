/* SPDX-License-Identifier: Apache-2.0
 * price.h - the price book: what a model costs, by the evaluation rules of catalog/README.md.
 *
 * Pure: the time is an argument, the text is given. A book is immutable and may be read by all threads. Rates are
 * integers of 10^-15 USD per unit, so every price of the book but the per-minute ones is exact; the sum is rounded once. */
#ifndef TG_RULES_PRICE_H
#define TG_RULES_PRICE_H

#include "base/arena.h"
#include "base/money.h"
#include "base/node.h"
#include "rules/usage.h"

struct price_book;
struct price; /* one (provider, model) row; lives as long as its book */

/* text: catalog/models.tsv (sorted by provider, model; see script/prices), which must outlive the book. overrides: a
 * configuration's `prices:` map {"provider/model": {in: "2.5", out: "10", ...}} per million tokens, or NULL.
 * E_CONFIG with *t. */
CHECKED enum err price_book_read(struct span text, const struct node *overrides, struct price_book **out, struct trouble *t);
void price_book_free(struct price_book *b);
/* "2026-11-18.4f1a09c2": the data's date and a digest of rows and overrides. */
struct span price_book_id(const struct price_book *b);

/* Exact provider and model only: a price is never guessed from a similar name. A dated snapshot ("gpt-4o-2024-08-06")
 * that has no row of its own takes the row without the date. NULL: no price known. */
const struct price *price_find(const struct price_book *b, struct span provider, struct span model);
struct span price_caps(const struct price *p); /* "stream tools vision ..." */
int64_t price_context(const struct price *p);  /* tokens; 0 unknown */
int64_t price_output_max(const struct price *p); /* 0 unknown */

/* What this usage cost when the call began at at_ms; rounded once, to nearest. A cost the vendor itself reported
 * (u->vendor_cost) is taken as it is; only then may p be NULL. Where one fixed fee per request is due and the usage does
 * not count it, it is added. E_PRICE_UNKNOWN: a meter that was used has no rate (never taken as 0). */
CHECKED enum err price_cost(const struct price *p, const struct usage *u, int64_t at_ms, nano_usd *out);
/* The most a call can cost: every input token at the dearest input rate it can reach (fresh, written to cache, audio;
 * dearest tier that `input_most` can reach, dearest service tier asked for, dearest window), every output token at the
 * dearest output rate, plus fixed request fees; rounded up. */
CHECKED enum err price_ceiling(const struct price *p, int64_t input_most, int64_t output_most, struct span tier, int64_t at_ms,
    nano_usd *out);
/* The most that so many pieces (searches and the like, by enum fee) can cost; fees == NULL: 0. Comes on top of
 * price_ceiling, which counts the request fee alone. */
CHECKED enum err price_fees_ceiling(const struct price *p, const int64_t fees[FEE_COUNT], nano_usd *out);
/* How many output tokens fit into `money` after the input is paid for; 0 when not even one. */
int64_t price_output_fitting(const struct price *p, nano_usd money, int64_t input_most, struct span tier, int64_t at_ms);

#endif
