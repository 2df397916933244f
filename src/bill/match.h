/* SPDX-License-Identifier: Apache-2.0
 * match.h - an invoice laid against the ledger: what is in both, in one only, or in both with another amount. Pure.
 *
 * Lines and rows that are about the same thing (an object's id, or a day and a model) are one pair. Every line and every
 * row that is not apart is in exactly one pair, so the pairs' sums are those of the invoice and of the ledger, to the last digit. */
#ifndef TG_BILL_MATCH_H
#define TG_BILL_MATCH_H

#include "base/map.h"
#include "bill/invoice.h"

enum match_state { MATCH_SAME, MATCH_DIFFERS, MATCH_INVOICE_ONLY, MATCH_LEDGER_ONLY, MATCH_STATES };
struct span match_state_name(enum match_state s); /* "matched", "differs", "invoice_only", "ledger_only" */

/* One row of the ledger, or a sum of some. */
struct match_entry {
    uint64_t call;     /* 0: a sum */
    uint64_t of;       /* a settlement's call, or 0 */
    struct span id;    /* the vendor's; SPAN_NONE: none */
    struct span name;  /* model or operation, as the ledger has it */
    int64_t at;
    int64_t amount;
    int64_t rows;
    bool spare; /* just outside of the time: only for lines that ask for it */
    bool apart; /* in no pair */
};

struct match_pair {
    struct span key;   /* the id, or "2026-06-01 gpt-4o-mini" */
    enum match_state state;
    int64_t invoice, ledger;
    int64_t lines, rows;
    int64_t line;      /* number of its first line; 0: none */
    uint64_t call;     /* its first row; 0: none, or sums */
    struct match_pair *next; /* in the order in which they came */
    bool spare;
};

struct match_sum {
    int64_t pairs, lines, rows;
    int64_t invoice, ledger;
};

struct match {
    struct match_pair *first;
    struct match_sum by_state[MATCH_STATES], all;
    int64_t apart, apart_lines; /* of the invoice, not compared */
    int64_t ledger_apart, ledger_apart_rows; /* of the ledger */
    int64_t fee;                /* of the lines that are compared */
    bool clean;                 /* nothing differs and nothing stands on one side only */
};

struct match_ask {
    const struct invoice *invoice;
    const struct match_entry *entries;
    size_t count;
    int64_t tolerance;      /* what a pair may differ by, in the invoice's unit */
    int64_t parts;          /* or so many millionths of the invoice's amount, if that is more */
};
/* In arena a. False: no memory. */
bool match_run(struct arena *a, const struct match_ask *ask, struct match *out);
/* "0.01", "0.01 usd", "0.5%"; of tokens a whole number or a part: into the two above. SPAN_NONE: what is usual for this invoice: a
 * cent for the costs of days and models, which vendors round as they like, and nothing for tokens and for what has one price. */
bool match_tolerance(struct span text, const struct invoice *i, int64_t *amount, int64_t *parts);

#endif
