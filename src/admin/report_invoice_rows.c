/* SPDX-License-Identifier: Apache-2.0
 * report_invoice_rows.c - see report_invoice.h. Lines that name objects are met by rows, others by sums of a day and model. */
#include "admin/report_invoice.h"

#include "base/text.h"
#include "rules/row.h"

enum { SLICE_ROWS = 1000 };

static struct match_entry *add_entry(struct reconciliation *k, struct arena *a)
{
    struct match_entry *more = k->match.count < RECONCILIATION_ROWS ? arena_grow(a, k->entries, sizeof(*more), k->match.count) : NULL;
    if (!more) {
        k->full = true;
        return NULL;
    }
    k->entries = more;
    return &more[k->match.count++];
}

struct reading {
    struct reconciliation *task;
    struct arena *arena;
};

/* What a dispute took is not what its charge cost. */
static bool is_dispute(const struct store_link *link, const struct row_value row[ROW_TAGS])
{
    return link->kind == STORE_EVENT && row[ROW_OUTCOME].bytes && (span_is(row[ROW_OUTCOME].text, SPAN("dispute")) || span_is(row[ROW_OUTCOME].text, SPAN("dispute_won")));
}

/* at: what says whether it is of the time that was asked for. */
static bool keep_row(struct reading *reading, const struct store_link *link, const struct row_value row[ROW_TAGS], int64_t at)
{
    struct reconciliation *k = reading->task;
    int64_t cost = row[ROW_COST].there && !row[ROW_COST].bytes ? row[ROW_COST].number : 0;
    struct span id = row[ROW_OBJECT_ID].bytes ? row[ROW_OBJECT_ID].text : SPAN_NONE;
    bool spare = at < k->from || at >= k->to, apart = is_dispute(link, row);
    if ((!cost && !id.len) || (apart && spare))
        return true;
    struct match_entry *e = add_entry(k, reading->arena);
    if (e)
        *e = (struct match_entry){ .call = link->id, .of = link->kind == STORE_CALL ? 0 : (uint64_t)row[ROW_OF].number, .id = arena_copy(reading->arena, id), .at = at, .amount = cost,
            .rows = 1, .spare = spare, .apart = apart };
    return e != NULL;
}

static bool take_row(void *self, const struct store_link *link)
{
    struct reading *reading = self;
    struct row_value row[ROW_TAGS];
    reading->task->seen++;
    reading->task->ask.filter.after = link->id;
    if (link->kind == STORE_SETTLEMENT)
        return true; /* comes with its call */
    row_read(link->row, row);
    return keep_row(reading, link, row, row[ROW_AT].number);
}

/* Vendors bill a call when it was made, however long after it its price was known. */
static bool take_settlement(void *self, int64_t called_at, const struct store_link *link)
{
    struct row_value row[ROW_TAGS];
    row_read(link->row, row);
    return keep_row(self, link, row, called_at);
}

/* Row by row: what lines name by an id. The vendor's clock is not ours: rows of the day before and after may be meant, too. */
enum err reconciliation_rows(struct reconciliation *k, struct store_reader *r, struct arena *a)
{
    struct reading reading = { k, a };
    struct call_filter *f = &k->ask.filter;
    enum err e = E_OK;
    f->from = k->from > DAY_MS ? k->from - DAY_MS : 0;
    f->to = k->to + DAY_MS;
    f->ascending = true;
    f->limit = SLICE_ROWS;
    do {
        k->seen = 0;
        e = store_money_rows(r, f, take_row, &reading);
    } while (!e && !k->full && k->seen == SLICE_ROWS);
    return e || k->full ? e : store_settlements_of(r, f, take_settlement, &reading);
}

enum err reconciliation_sums(struct reconciliation *k, struct store_reader *r, struct arena *a)
{
    const struct span by[] = { SPAN("day"), k->invoice.by == INVOICE_BY_MODEL ? SPAN("model") : SPAN("operation") };
    struct usage_row *rows = NULL;
    size_t count = 0;
    k->ask.filter.from = k->from;
    k->ask.filter.to = k->to;
    enum err e = store_usage(r, &k->ask.filter, by, 2, a, &rows, &count);
    for (size_t i = 0; !e && !k->full && i < count; i++) {
        int64_t amount = k->invoice.unit == INVOICE_TOKENS ? rows[i].tokens_in + rows[i].tokens_out : rows[i].cost;
        struct match_entry *one = amount ? add_entry(k, a) : NULL;
        if (!one)
            continue;
        *one = (struct match_entry){ .name = rows[i].group[1], .amount = amount, .rows = rows[i].forwarded > 0 ? rows[i].forwarded : 1 };
        (void)text_time_parse(rows[i].group[0], &one->at);
    }
    return e;
}
