/* SPDX-License-Identifier: Apache-2.0
 * invoice.h - what vendors say a time cost, in the forms in which they give it out: CSV from their consoles, JSON from their APIs.
 * Pure; docs/reconcile.md names the forms and where their columns are described.
 *
 * Columns are found by their names, whatever their order, case, blanks and underscores; those not needed are passed over, one
 * that is needed and missing is an error that names it. A line that no call can have caused (a payout, a fee of the account) is set
 * apart and summed, not dropped. */
#ifndef TG_BILL_INVOICE_H
#define TG_BILL_INVOICE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/money.h"
#include "base/node.h"

enum { INVOICE_IDS = 3, INVOICE_LINES = 1000000 };

enum invoice_vendor { INVOICE_OPENAI, INVOICE_ANTHROPIC, INVOICE_STRIPE, INVOICE_TWILIO };
enum invoice_by { INVOICE_BY_MODEL /* and day */, INVOICE_BY_ID /* of the vendor's object */, INVOICE_BY_OPERATION /* and day */ };
enum invoice_unit { INVOICE_USD, INVOICE_TOKENS };

struct invoice_line {
    struct span ids[INVOICE_IDS]; /* BY_ID: any of them; SPAN_NONE: none */
    struct span name;             /* BY_MODEL, BY_OPERATION: model_name() of it; SPAN_NONE: all. BY_ID: its kind ("refund") */
    int64_t at;                   /* Unix ms, UTC; of days: their start */
    int64_t amount;               /* nano-dollars or tokens; what a call cost is positive */
    nano_usd fee;                 /* of the vendor, beside the amount */
    int64_t number;               /* in the file: of a CSV its line, else of the record, from 1 */
    bool apart;                   /* no call can be meant, unless its id is one's */
};

struct invoice {
    enum invoice_vendor vendor;
    enum invoice_by by;
    enum invoice_unit unit;
    const char *form;     /* "OpenAI costs, CSV" */
    const char *compared; /* what its amounts are, for people */
    struct invoice_line *lines;
    size_t count;
    int64_t from, to;     /* [first day, day after the last) */
    bool whole;           /* BY_OPERATION: its lines are of more than a day, so days cannot be told apart */
};

bool invoice_vendor_parse(struct span name, enum invoice_vendor *out);
struct span invoice_vendor_name(enum invoice_vendor v);
/* Reads text, which must live as long as *out. E_CONFIG: *t names the line and column and what is allowed. */
CHECKED enum err invoice_read(struct json *j, struct arena *a, enum invoice_vendor vendor, struct span text, struct invoice *out, struct trouble *t);

/* One name for one model: small letters, '-' for blanks, dots and underscores, without the date of a snapshot: "GPT-4o mini" and
 * "gpt-4o-mini-2024-07-18" are "gpt-4o-mini". SPAN_NONE stays. */
struct span invoice_model(struct arena *a, struct span name);
/* "0.0315", "-1.5E-7", "12": times 10^9, half a unit rounded away from zero. */
bool invoice_amount(struct span text, int64_t *nano);

#endif
