/* SPDX-License-Identifier: Apache-2.0
 * paper.c - see paper.h. */
#include "bill/paper.h"

#include "base/money.h"
#include "base/text.h"
#include "bill/csv.h"

enum { LIST_MOST = 16 << 20 };

struct paper paper(struct buf *out, enum paper_form form, bool totals)
{
    return (struct paper){ .json = json_out(out), .out = out, .form = form, .totals = totals };
}

static bool is_csv(const struct paper *p) { return p->form == PAPER_CSV; }

void paper_open(struct paper *p)
{
    if (!is_csv(p))
        json_open(&p->json, '{');
}

/* A row is complete when the next thing begins. */
static void end_row(struct paper *p)
{
    if (!p->columns || p->at == SIZE_MAX)
        return;
    must(p->at == p->width);
    p->at = SIZE_MAX;
    if (!is_csv(p))
        json_close(&p->json, '}');
    else if (!p->skipped)
        buf_put(p->out, SPAN("\r\n"));
}

void paper_note(struct paper *p, struct span name, struct span text)
{
    if (!is_csv(p))
        json_pair(&p->json, name, text);
}

void paper_note_number(struct paper *p, struct span name, int64_t n)
{
    if (!is_csv(p))
        json_pair_i64(&p->json, name, n);
}

void paper_note_money(struct paper *p, struct span name, int64_t nano)
{
    if (!is_csv(p))
        json_pair_money(&p->json, name, nano);
}

void paper_note_time(struct paper *p, struct span name, int64_t ms)
{
    if (!is_csv(p))
        json_pair_time(&p->json, name, ms);
}

void paper_note_bool(struct paper *p, struct span name, bool b)
{
    if (!is_csv(p))
        json_pair_bool(&p->json, name, b);
}

void paper_columns(struct paper *p, struct span list, const char *const *names)
{
    must(!p->columns || p->at == SIZE_MAX);
    p->columns = names;
    p->rows = true;
    p->at = SIZE_MAX;
    for (p->width = 0; names[p->width]; p->width++) {
        if (!is_csv(p))
            continue;
        if (p->width)
            buf_put_byte(p->out, ',');
        csv_text(p->out, span_of(names[p->width]));
    }
    if (is_csv(p)) {
        buf_put(p->out, SPAN("\r\n"));
        return;
    }
    json_name(&p->json, list);
    json_open(&p->json, '[');
}

void paper_row(struct paper *p)
{
    end_row(p);
    p->at = 0;
    p->skipped = false;
    if (!is_csv(p))
        json_open(&p->json, '{');
}

void paper_end(struct paper *p)
{
    end_row(p);
    if (p->rows && !is_csv(p))
        json_close(&p->json, ']');
    p->rows = false;
}

void paper_total(struct paper *p)
{
    paper_end(p);
    p->at = 0;
    p->skipped = is_csv(p) && !p->totals;
    if (is_csv(p))
        return;
    json_name(&p->json, SPAN("total"));
    json_open(&p->json, '{');
}

/* What stands before the next cell; false: nothing is to be written. */
static bool begin_cell(struct paper *p)
{
    must(p->at < p->width);
    size_t at = p->at++;
    if (!is_csv(p))
        json_name(&p->json, span_of(p->columns[at]));
    else if (at && !p->skipped)
        buf_put_byte(p->out, ',');
    return !p->skipped;
}

void paper_text(struct paper *p, struct span text)
{
    if (!begin_cell(p))
        return;
    if (is_csv(p))
        csv_text(p->out, text);
    else
        json_put_string(&p->json, text);
}

void paper_money(struct paper *p, int64_t nano)
{
    if (!begin_cell(p))
        return;
    if (is_csv(p))
        buf_put_money(p->out, nano);
    else
        json_put_money(&p->json, nano);
}

void paper_number(struct paper *p, int64_t n)
{
    if (!begin_cell(p))
        return;
    if (is_csv(p))
        buf_put_i64(p->out, n);
    else
        json_put_i64(&p->json, n);
}

void paper_time(struct paper *p, int64_t ms)
{
    char text[TIME_TEXT];
    if (!begin_cell(p))
        return;
    if (!is_csv(p))
        json_put_time(&p->json, ms);
    else if (ms > 0)
        buf_put(p->out, text_time(ms, text));
}

void paper_none(struct paper *p)
{
    if (begin_cell(p) && !is_csv(p))
        json_put_null(&p->json);
}

static void put_joined(struct paper *p, const struct span *texts, size_t count)
{
    struct buf all;
    buf_init(&all, LIST_MOST);
    for (size_t i = 0; i < count; i++) {
        buf_put(&all, i ? SPAN("; ") : SPAN(""));
        buf_put(&all, texts[i]);
    }
    csv_text(p->out, buf_span(&all));
    p->out->broken = p->out->broken || all.broken;
    buf_free(&all);
}

void paper_list(struct paper *p, const struct span *texts, size_t count)
{
    if (!begin_cell(p))
        return;
    if (is_csv(p)) {
        put_joined(p, texts, count);
        return;
    }
    json_open(&p->json, '[');
    for (size_t i = 0; i < count; i++)
        json_put_string(&p->json, texts[i]);
    json_close(&p->json, ']');
}

void paper_close(struct paper *p)
{
    if (p->rows)
        paper_end(p);
    else
        end_row(p);
    if (!is_csv(p))
        json_close(&p->json, '}');
}
