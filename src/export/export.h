/* SPDX-License-Identifier: Apache-2.0
 * export.h - rows of the audit chain that go elsewhere by themselves: files, buckets, webhooks, traces.
 *
 * The chain is the outbox. An export is a place in it (store_export) and a destination: rows are read from there in order, a batch at a
 * time, written in the destination's form, handed over, and then the place is moved, durably. So nothing is copied, nothing is lost by a
 * crash, and what is handed over twice carries the same numbers (and, in traces, the same ids). Each export has a thread of its own, which
 * may wait: a slow receiver holds up neither the others nor the store. What is refused is tried again after 1, 2, 4 ... 300 s, each by dice
 * up to a half shorter, or as long as the receiver says (up to an hour); nothing is ever given up, but a row that is too large for the receiver even alone, in
 * the place of which a stub goes. */
#ifndef TG_EXPORT_EXPORT_H
#define TG_EXPORT_EXPORT_H

#include <stdatomic.h>

#include "config/snapshot.h"
#include "store/store.h"

struct exports;

struct exports_needs {
    struct store *store;
    struct snapshot *(*snapshot)(void *self); /* the one in force with a reference for the caller */
    void (*alarmed)(void *self);              /* an alert is in the outbox; any thread. NULL: nobody is told */
    void *self;
};

/* NULL: why[]. */
struct exports *exports_start(const struct exports_needs *needs, char why[256]);
/* There are new rows, or another configuration. Any thread; cheap. */
void exports_wake(struct exports *x);
void exports_stop(struct exports *x); /* calls off what is under way: at most about a second. Before the store closes. NULL is fine */

/* How one is doing: for status and metrics. Counters are since the start of the process. */
struct export_status {
    char name[65];
    enum export_kind kind;
    bool paused;
    int64_t position;     /* number of the next row to be delivered; -1: it has not begun */
    int64_t newest;       /* number of the newest row there is; -1: none */
    int64_t lag_rows, lag_ms; /* how many rows are not delivered, and how old the first of them is */
    int64_t last_sent_at; /* Unix ms; 0: never */
    int64_t rows, bytes, batches, failures;
    int64_t dropped_files, dropped_bytes; /* old files that had to go */
    int64_t too_large;    /* rows that the receiver did not take even alone: a stub went in their place, of spans nothing */
    int64_t rejected;     /* spans that the receiver took the batch of, but not them */
    char trouble[256];    /* of the last try; "": it worked */
};
/* By name, in the order of the configuration. Any thread. */
size_t exports_list(struct exports *x, struct export_status *out, size_t most);
bool exports_one(struct exports *x, struct span name, struct export_status *out);

/* Whether the destination takes anything: an empty batch, or a file that is written and taken away. Blocking. */
CHECKED enum err export_test(const struct export_rule *rule, const struct settings *s, int64_t now_ms, const atomic_bool *cancel, char why[256]);

/* The number of the first row from `at` on (Unix ms), or of the one that will come next. Rows stand in the order in which they were
 * written, a call's when it ended. Takes its time. */
CHECKED enum err export_seek(struct store_reader *r, int64_t at, int64_t *number);
/* Of the row that will come next. */
CHECKED enum err export_tip(struct store_reader *r, int64_t *number);

#endif
