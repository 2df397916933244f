/* SPDX-License-Identifier: Apache-2.0
 * form.h - the two forms of an export of the audit chain, a row at a time: lines of JSON that can be checked by themselves,
 * and CSV for sheets. Exports write them, admin/export.c streams them; `tollgate audit` checks them and writes them without a gate. */
#ifndef TG_EXPORT_FORM_H
#define TG_EXPORT_FORM_H

#include "base/json.h"
#include "base/map.h"
#include "store/store.h"

struct span audit_kind(enum store_kind kind); /* "call", "settlement", "change", "event" */
bool audit_kind_parse(struct span text, enum store_kind *out);
void audit_put_checkpoint(struct json_out *o, const struct store_checkpoint *c);

/* What was exported so far. */
struct export_sum {
    struct span vendor; /* SPAN_NONE: of calls that reached none */
    int64_t rows, calls, settlements, changes, events;
    nano_usd cost;
};
struct export_total {
    struct arena *arena;
    struct map by_vendor; /* struct export_sum */
    struct export_sum all;
    int64_t first, last; /* numbers; first -1: no row */
    bool gaps;           /* numbers were left out between them */
};

void export_begin(struct export_total *t, struct arena *a);
void export_end(struct export_total *t);
/* What a row counts. False: no memory. */
bool export_count(struct export_total *t, const struct store_link *link, struct json *json);

/* In the place of a row that its receiver does not take, however few come with it: what proves that there is one. */
void export_json_stub(struct buf *out, const struct store_link *link, struct buf *scratch);
void export_csv_stub(struct buf *out, const struct store_link *link);
/* One object, without a line end. proof: with `row` and `prev_hash`, so that a file can be checked alone. */
void export_json_object(struct buf *out, const struct store_link *link, bool proof, struct buf *scratch);
void export_json_row(struct buf *out, const struct store_link *link, struct buf *scratch);
/* The last line. */
CHECKED enum err export_json_end(struct buf *out, const struct export_total *t, const struct call_filter *f, struct store_reader *r);

void export_csv_head(struct buf *out);
void export_csv_row(struct buf *out, const struct store_link *link, struct buf *scratch);
void export_csv_end(struct buf *out, const struct export_total *t);

#endif
