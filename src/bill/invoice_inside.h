/* SPDX-License-Identifier: Apache-2.0
 * invoice_inside.h - what the readers of invoices share. Private to bill/. */
#ifndef TG_BILL_INVOICE_INSIDE_H
#define TG_BILL_INVOICE_INSIDE_H

#include "bill/csv.h"
#include "bill/invoice.h"

enum { INVOICE_COLUMNS = 12 };

/* A reading. */
struct desk {
    struct arena *arena;
    struct invoice *out;
    struct trouble *trouble;
    const struct sheet_form *form; /* CSV */
    struct span cells[CSV_CELLS];
    size_t cell_count;
    int at[INVOICE_COLUMNS]; /* where each of the form's columns stands; -1: nowhere */
    int64_t number;
    size_t room;
    bool day_known;
};

/* A form of CSV: it is the one when all its needed columns are there. */
struct sheet_form {
    const char *name;
    enum invoice_by by;
    enum invoice_unit unit;
    const char *compared;
    const char *columns[INVOICE_COLUMNS]; /* "Created (UTC)": as people know them. '?' before it: may be missing. '|': or */
    bool (*line)(struct desk *d); /* false: trouble */
    void (*end)(struct desk *d);  /* after the last line; NULL: nothing */
};

/* The cell of the form's n-th column, without blanks around it; SPAN_NONE: it is empty or missing. */
struct span desk_cell(const struct desk *d, int column);
/* Each false: *trouble is said. An empty cell is 0, or for times an error. */
bool desk_amount(struct desk *d, int column, int64_t *nano);
bool desk_count(struct desk *d, int column, int64_t *n);
bool desk_time(struct desk *d, int column, int64_t *ms);
/* "usd" or nothing; else the line cannot be compared. */
bool desk_dollars(struct desk *d, int column);
bool desk_wrong(struct desk *d, const char *field, struct span found, const char *allowed);
/* A new line of the invoice, at its day; NULL: too many, or no memory. */
struct invoice_line *desk_line(struct desk *d, int64_t at);

/* The vendors' forms, each list ended by one without a name; and of JSON. */
extern const struct sheet_form openai_sheets[], anthropic_sheets[], stripe_sheets[], twilio_sheets[];
bool openai_json(struct desk *d, struct json_value root);
bool anthropic_json(struct desk *d, struct json_value root);
bool stripe_json(struct desk *d, struct json_value root);
bool twilio_json(struct desk *d, struct json_value root);
void desk_form(struct desk *d, const char *name, enum invoice_by by, enum invoice_unit unit, const char *compared);

#endif
