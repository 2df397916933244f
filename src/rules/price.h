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
/* The book drops its text with itself. */
void price_book_owns(struct price_book *b, void *text, void (*drop)(void *text));
/* The whole text: header, digest, order, and every row readable. False: *why says which line (or what else) is wrong. */
enum { PRICE_WHY = 300 };
bool price_book_check(struct span text, size_t *rows, char why[PRICE_WHY]);
size_t price_book_rows(const struct price_book *b);      /* of the text, as its header says */
size_t price_book_overrides(const struct price_book *b);
/* Whether this row is one of the overrides. */
bool price_is_override(const struct price *p);
/* "2026-11-18.4f1a09c2": the data's date and a digest of rows and overrides. */
struct span price_book_id(const struct price_book *b);

/* Exact provider and model only: a price is never guessed from a similar name. A dated snapshot ("gpt-4o-2024-08-06")
 * that has no row of its own takes the row without the date. NULL: no price known. */
const struct price *price_find(const struct price_book *b, struct span provider, struct span model);
/* The row that settles a call for which `asked` (NULL: none) was the price, when the vendor says that it was this model: that model's,
 * or else `asked`. An override of the name asked for stands where the vendor only puts a date or a snapshot's number behind it
 * ("gpt-4o-2024-08-06", "gpt-4-0613"), unless that name has an override of its own. */
const struct price *price_answered(const struct price_book *b, const struct price *asked, struct span provider, struct span model);
struct span price_caps(const struct price *p); /* "stream tools vision ..." */
int64_t price_context(const struct price *p);  /* tokens; 0 unknown */
int64_t price_output_max(const struct price *p); /* 0 unknown */
int64_t price_input_max(const struct price *p);  /* tokens of input where fewer than the context; 0 unknown */
int64_t price_embedding_dim(const struct price *p); /* 0 unknown */
int64_t price_cache_least(const struct price *p);   /* smallest prompt that is cached; 0 unknown */
struct span price_provider(const struct price *p);
struct span price_model(const struct price *p);
struct span price_mode(const struct price *p);    /* "chat", "embedding", "image_generation", "audio_speech", "rerank", ... */
struct span price_dialect(const struct price *p); /* only where it is not its provider's: "anthropic"; else SPAN_NONE */
struct span price_state(const struct price *p);   /* "preview", "deprecated", "retired"; SPAN_NONE: in service */
struct span price_shutdown(const struct price *p); /* "2026-10-23": the day it ends; SPAN_NONE: none is known */
bool price_charges(const struct price *p, enum fee fee); /* it has a price by this piece */
struct span price_fee_name(enum fee fee); /* "web_search": as `prices` writes it */
bool price_rates(const struct price *p, enum meter meter); /* it has a rate of its own for this meter, in its plain table */

/* As JSON: an object with its prices, as overrides are written; and members with what else is known of it. */
struct json_out;
void price_write_prices(const struct price *p, struct json_out *o);
void price_write_facts(const struct price *p, struct json_out *o);

/* The next row by (provider, model), in byte order; start with an empty cursor. provider: only its rows; SPAN_NONE: all. NULL: no
 * more. Rows of overrides are among them, each name once; unreadable rows are left out. */
struct price_cursor {
    struct span provider, model; /* of the row given last */
};
const struct price *price_next(const struct price_book *b, struct span provider, struct price_cursor *at);

/* What this usage cost when the call began at at_ms; rounded once, to nearest. A cost the vendor itself reported
 * (u->vendor_cost) is taken as it is; only then may p be NULL. Where one fixed fee per request is due and the usage does
 * not count it, it is added. E_PRICE_UNKNOWN: a meter that was used has no rate (never taken as 0). */
CHECKED enum err price_cost(const struct price *p, const struct usage *u, int64_t at_ms, nano_usd *out);
/* What that cost is made of, one line for each meter and each kind of piece. The costs of the lines add up to it exactly: each is
 * rounded so that the sum so far is. */
enum { PRICE_LINES = METER_COUNT + FEE_COUNT };
struct price_line {
    struct span what; /* "in", "cache_read", "web_search" */
    int64_t count, per;
    nano_usd price, cost; /* price: of `per` of them, factors of tier and place included */
};
/* How many; 0: nothing was used, or price_cost says no, or the vendor itself told the cost. */
size_t price_lines(const struct price *p, const struct usage *u, int64_t at_ms, struct price_line lines[PRICE_LINES]);
/* The most a call can cost: every input token at the dearest input rate it can reach (fresh, written to cache, audio;
 * dearest tier that `input_most` can reach, dearest service tier asked for, dearest window), every output token at the
 * dearest output rate, plus fixed request fees; rounded up. */
CHECKED enum err price_ceiling(const struct price *p, int64_t input_most, int64_t output_most, struct span tier, int64_t at_ms,
    nano_usd *out);
/* The most that so many pieces (searches and the like, by enum fee) can cost; fees == NULL: 0. Comes on top of
 * price_ceiling, which counts the request fee alone. */
CHECKED enum err price_fees_ceiling(const struct price *p, const int64_t fees[FEE_COUNT], nano_usd *out);
/* Both at once, for a call whose kind is known: tokens at their dearest, and pieces of this size and quality. A row that charges
 * content by the piece and has no token rates at all (whisper-1, dall-e-3) bounds such a call by its pieces alone. */
struct price_most {
    int64_t input, output;        /* tokens */
    const int64_t *fees;          /* FEE_COUNT of them, most pieces; NULL: none */
    struct span size, quality;    /* asked for; SPAN_NONE or "auto": any */
    struct span search;           /* search context size; the same */
    int64_t results;              /* of each search; 0: any */
    struct span tier;             /* as price_ceiling's */
    int64_t at_ms;
};
CHECKED enum err price_call_ceiling(const struct price *p, const struct price_most *most, nano_usd *out);
/* How many output tokens fit into `money` after the input is paid for; 0 when not even one. */
int64_t price_output_fitting(const struct price *p, nano_usd money, int64_t input_most, struct span tier, int64_t at_ms);

#endif
