/* SPDX-License-Identifier: Apache-2.0
 * report.h - what the files of reports share: what was asked for, sums that are split into models and charges, and the answer in its
 * form. Private to admin/.
 *
 * A report's handler reads its ask, then its query runs on a reading thread (visit_read) and writes a paper (bill/paper.h). */
#ifndef TG_ADMIN_REPORT_H
#define TG_ADMIN_REPORT_H

#include "admin/inside.h"
#include "bill/paper.h"

enum { REPORT_BY = 4, REPORT_NAMES = REPORT_BY + 20 };

struct report_ask {
    struct call_filter filter; /* [from, to) */
    struct span by[REPORT_BY];
    size_t by_count;
    enum paper_form form;
    bool totals;
    int64_t now;
    const char *file;    /* "spend": the name of the file that it is saved as */
    const char *trouble; /* what the query found wrong with `by`, for report_reply */
    bool by_bad;
};

/* Reads by, from and to or month (the current month if neither is given), format, totals, and filters that the route takes. most: of
 * dimensions. False: replied. */
bool report_ask(struct visit *v, struct report_ask *ask, const char *file, size_t most);
bool report_form(struct visit *v, struct report_ask *ask);
/* Not of what is not this visitor's workspace. */
void report_confine(const struct visit *v, struct call_filter *f);
/* After the query: what was written, in its form, under a name with its time; or what went wrong. */
void report_reply(struct visit *v);
struct paper report_paper(struct visit *v, const struct report_ask *ask);
/* from, to, and by as notes. */
void report_notes(struct paper *p, const struct report_ask *ask);
/* The columns of the groups (key also has key_name), then those in rest; in the arena. */
const char *const *report_columns(struct arena *a, const struct report_ask *ask, const char *const *rest);
/* The cells of a group; group NULL: of the total. */
void report_group(struct paper *p, const struct report_ask *ask, const struct snapshot *s, const struct span *group);

/* ---- report_sums.c: store_usage with what calls of models cost ("tokens") told apart from the rest ("charges") ---- */

struct report_sum {
    struct span group[REPORT_BY];
    struct usage_row all;
    nano_usd models, charges;      /* together: all.cost */
    int64_t model_tokens;          /* in and out */
    int64_t messages, refunds;     /* calls of such operations that were forwarded; only with `operations` */
    nano_usd messages_cost, refunds_cost;
};
struct report_sums {
    struct report_sum *rows; /* the dearest first */
    size_t count;
    struct report_sum total;
};
/* by: at most REPORT_BY - 1 besides model (and operation, if those are asked for). Groups add up to the total, to the last digit. s: needed for
 * operations, else NULL. */
CHECKED enum err report_sums(struct store_reader *r, const struct report_ask *ask, const struct snapshot *s, struct arena *a, struct report_sums *out);
/* Adds b to a. */
void report_add(struct report_sum *a, const struct report_sum *b);

/* ---- report_access.c, for evidence.c ---- */

/* All keys of a workspace (of f) and an owner, either may be SPAN_NONE, as rows. */
CHECKED enum err access_write(struct store_reader *r, const struct snapshot *s, const struct call_filter *f, struct span owner, int64_t now, struct arena *a, struct paper *p);

#endif
