/* SPDX-License-Identifier: Apache-2.0
 * batch.c - the rows of the chain that an export wants, in order, in its form. Bounded in rows, in bytes and in how many are looked at. */
#include "export/form.h"
#include "export/inside.h"
#include "rules/row.h"

enum { SLICE = 2000 /* rows looked at in one go */, LOOK_MOST = 50000 /* ... in a batch, wanted or not */ };

static bool is_spans(const struct export_rule *rule) { return rule->kind == EXPORT_OTLP || rule->kind == EXPORT_LANGFUSE; }

void rows_init(struct batch *b, const struct export_rule *rule)
{
    *b = (struct batch){ .rule = rule, .from = -1, .to = -1, .stub = -1, .most_rows = rule->batch_rows, .until = INT64_MAX };
    buf_init(&b->body, BODY_MOST);
    buf_init(&b->scratch, BODY_MOST);
}

void rows_free(struct batch *b)
{
    buf_free(&b->body);
    buf_free(&b->scratch);
}

/* ---- which ---- */

/* No list: any. */
static bool fits(const struct span *patterns, size_t count, const struct row_value *v)
{
    for (size_t i = 0; i < count; i++)
        if (v->bytes && span_like(v->text, patterns[i]))
            return true;
    return count == 0;
}

static bool is_wanted(const struct export_rule *rule, const struct store_link *link)
{
    struct row_value row[ROW_TAGS];
    if (!(rule->rows & 1u << link->kind))
        return false;
    if (!rule->workspace_count && !rule->vendor_count && !rule->verdict_count)
        return true;
    row_read(link->row, row);
    return fits(rule->workspaces, rule->workspace_count, &row[ROW_WORKSPACE]) && fits(rule->vendors, rule->vendor_count, &row[ROW_VENDOR]) &&
           fits(rule->verdicts, rule->verdict_count, &row[ROW_VERDICT]);
}

/* ---- in which form ---- */

static void put_row(struct batch *b, const struct store_link *link)
{
    const struct export_rule *rule = b->rule;
    bool stub = link->number == b->stub;
    if (rule->format == EXPORT_CSV) {
        if (stub)
            export_csv_stub(&b->body, link);
        else
            export_csv_row(&b->body, link, &b->scratch);
        return;
    }
    if (rule->format == EXPORT_JSON && b->rows)
        buf_put_byte(&b->body, ',');
    if (stub)
        export_json_stub(&b->body, link, &b->scratch);
    else
        export_json_object(&b->body, link, rule->proof, &b->scratch);
    if (rule->format == EXPORT_JSONL)
        buf_put_byte(&b->body, '\n');
}

/* Files have their head once, which file.c sees to. */
static void open_body(struct batch *b)
{
    if (is_spans(b->rule))
        spans_open(&b->body);
    else if (b->rule->format == EXPORT_JSON)
        buf_put_byte(&b->body, '[');
    else if (b->rule->format == EXPORT_CSV && b->rule->kind != EXPORT_FILE)
        export_csv_head(&b->body);
}

static void close_body(struct batch *b)
{
    if (is_spans(b->rule))
        spans_close(&b->body);
    else if (b->rule->format == EXPORT_JSON)
        buf_put_byte(&b->body, ']');
}

static bool take(struct batch *b, const struct store_link *link)
{
    if (!is_wanted(b->rule, link))
        return false;
    b->stubbed = b->stubbed || link->number == b->stub;
    if (is_spans(b->rule) && link->number == b->stub)
        return false;
    if (is_spans(b->rule))
        return spans_put(&b->body, link, b->rule, b->rows > 0);
    put_row(b, link);
    return true;
}

/* ---- reading ---- */

static bool visit(void *self, const struct store_link *link)
{
    struct batch *b = self;
    if (link->number >= b->until)
        return false;
    b->next = link->number + 1;
    if (take(b, link)) {
        b->from = b->rows ? b->from : link->number;
        b->to = link->number;
        b->rows++;
    }
    b->full = b->rows >= b->most_rows || (int64_t)b->body.len >= b->rule->batch_bytes || b->next - b->first >= LOOK_MOST || b->body.broken;
    return !b->full;
}

void rows_empty(struct batch *b)
{
    open_body(b);
    close_body(b);
}

enum err rows_read(struct batch *b, struct store_reader *r)
{
    struct call_filter f = { .limit = SLICE, .changes = true };
    enum err e = E_OK;
    int64_t before;
    b->next = b->first;
    open_body(b);
    do {
        before = b->next;
        f.after = (uint64_t)b->next;
        e = store_audit(r, &f, visit, b);
    } while (e == E_OK && !b->full && b->next > before && b->next < b->until);
    close_body(b);
    return e == E_OK && (b->body.broken || b->scratch.broken) ? E_TOO_LARGE : e;
}
