/* SPDX-License-Identifier: Apache-2.0
 * paper.h - a report as it is written: one description of its columns, one way to fill in its rows, JSON or CSV behind it.
 *
 *   paper_open(&p); paper_note(&p, ...); paper_columns(&p, SPAN("data"), columns, n);
 *     paper_row(&p); paper_text(&p, ...); paper_money(&p, ...); ...    a cell for each column, in their order
 *   paper_total(&p); paper_...                                          the same columns once more
 *   paper_close(&p);
 *
 * JSON: {"note":..., "data":[{...}], "total":{...}}. CSV: a line of names, then rows; notes are left out, the total is there
 * when it was asked for. Money is decimal text in both. Failure sticks to the buf. */
#ifndef TG_BILL_PAPER_H
#define TG_BILL_PAPER_H

#include "base/json.h"

enum paper_form { PAPER_JSON, PAPER_CSV };

struct paper {
    struct json_out json;
    struct buf *out;
    enum paper_form form;
    bool totals; /* CSV with its last line */
    const char *const *columns;
    size_t width, at;
    bool rows, skipped; /* JSON: the list is open; CSV: this line is left out */
};

struct paper paper(struct buf *out, enum paper_form form, bool totals);
void paper_open(struct paper *p);
/* Members beside the rows; JSON only. */
void paper_note(struct paper *p, struct span name, struct span text);
void paper_note_number(struct paper *p, struct span name, int64_t n);
void paper_note_money(struct paper *p, struct span name, int64_t nano);
void paper_note_time(struct paper *p, struct span name, int64_t ms);
void paper_note_bool(struct paper *p, struct span name, bool b);
/* names: NULL-ended, live as long as the paper. */
void paper_columns(struct paper *p, struct span list, const char *const *names);
void paper_row(struct paper *p);
void paper_total(struct paper *p); /* after the last row */
void paper_text(struct paper *p, struct span text); /* SPAN_NONE: null, or nothing between two commas */
void paper_money(struct paper *p, int64_t nano);
void paper_number(struct paper *p, int64_t n);
void paper_time(struct paper *p, int64_t ms); /* 0: null */
void paper_none(struct paper *p);
/* JSON: a list of texts; CSV: one text, "; " between them. */
void paper_list(struct paper *p, const struct span *texts, size_t count);
/* Ends the rows, so that notes may follow. */
void paper_end(struct paper *p);
void paper_close(struct paper *p);

#endif
