/* SPDX-License-Identifier: Apache-2.0
 * report_invoice.h - what the files of a reconciliation share; for those only.
 *
 *   report_invoice.c         the request: which invoice, of which time, how far two sums may differ
 *   report_invoice_rows.c    the ledger's side
 *   report_invoice_write.c   what came of it, as JSON, CSV or Markdown */
#ifndef TG_ADMIN_REPORT_INVOICE_H
#define TG_ADMIN_REPORT_INVOICE_H

#include "admin/report.h"
#include "bill/match.h"

enum { RECONCILIATION_ROWS = 1000000 }; /* of the ledger, at most */
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

enum form { FORM_JSON, FORM_CSV, FORM_MD };

struct reconciliation {
    struct report_ask ask; /* first: report_reply reads it */
    enum invoice_vendor vendor;
    enum form form;
    struct invoice invoice;
    struct match_ask match;
    struct span tolerance; /* as it was asked for */
    struct match_entry *entries;
    struct match found;
    struct trouble trouble;
    int64_t from, to; /* of the rows that count; those a day around it may be asked for by a line */
    int64_t lines_outside; /* of the invoice */
    int seen;
    bool full;
};

/* On a reading thread. The ledger's rows as entries of k->match: each by itself, or their sums by day and model. k->full: there are too
 * many, or no memory. */
CHECKED enum err reconciliation_rows(struct reconciliation *k, struct store_reader *r, struct arena *a);
CHECKED enum err reconciliation_sums(struct reconciliation *k, struct store_reader *r, struct arena *a);

/* Into the visit's answer. */
void reconciliation_paper(struct visit *v, const struct reconciliation *k);
void reconciliation_markdown(struct visit *v, const struct reconciliation *k);

#endif
