/* SPDX-License-Identifier: Apache-2.0
 * seek.c - where in the chain a moment is. Rows are chained when they end and say when they began, so they are only nearly in the order
 * of their times: looked for is the first one that began at the moment or later, from a day before, which no call may last. */
#include "export/inside.h"
#include "rules/row.h"

enum { SLICE = 2000 };

struct look {
    int64_t number, at; /* of the row that was found; number -1: none */
    int64_t wanted;     /* rows before this moment are passed over */
    int64_t seen;       /* the next number */
};

static bool visit(void *self, const struct store_link *link)
{
    struct look *l = self;
    struct row_value at = row_field(link->row, ROW_AT);
    l->seen = link->number + 1;
    if (at.there && !at.bytes && at.number < l->wanted)
        return true;
    l->number = link->number;
    l->at = at.there && !at.bytes ? at.number : 0;
    return false;
}

static enum err look_at(struct store_reader *r, int64_t number, struct look *l)
{
    struct call_filter f = { .limit = 1, .changes = true, .after = (uint64_t)number };
    *l = (struct look){ .number = -1 };
    return store_audit(r, &f, visit, l);
}

enum err export_tip(struct store_reader *r, int64_t *number)
{
    struct call_filter f = { .limit = 1, .changes = true, .before = INT64_MAX };
    struct look l = { .number = -1 };
    enum err e = store_audit(r, &f, visit, &l);
    *number = l.number + 1;
    return e;
}

/* The first row that is as late, if they were in order. */
static enum err halve(struct store_reader *r, int64_t at, int64_t tip, int64_t *number)
{
    int64_t low = 0, high = tip;
    while (low < high) {
        struct look l;
        int64_t middle = low + (high - low) / 2;
        enum err e = look_at(r, middle, &l);
        if (e)
            return e;
        if (l.number >= 0 && l.at < at)
            low = middle + 1;
        else
            high = middle;
    }
    *number = low;
    return E_OK;
}

enum err export_seek(struct store_reader *r, int64_t at, int64_t *number)
{
    struct look l = { .number = -1, .wanted = at };
    struct call_filter f = { .limit = SLICE, .changes = true };
    int64_t tip;
    enum err e = export_tip(r, &tip);
    if (!e)
        e = halve(r, at - CALL_LONGEST_MS, tip, &l.seen);
    while (!e && l.number < 0 && l.seen < tip) {
        f.after = (uint64_t)l.seen;
        e = store_audit(r, &f, visit, &l);
    }
    *number = l.number >= 0 ? l.number : tip;
    return e;
}
