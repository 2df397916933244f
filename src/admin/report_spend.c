/* SPDX-License-Identifier: Apache-2.0
 * report_spend.c - GET /reports/spend: what was spent, by any dimensions, tokens and charges side by side; and GET /reports/chargeback: a
 * month by label, or several, for who passes the bill on. Rows add up to the total, to the last digit. */
#include "admin/report.h"

#include <stdlib.h>

#include "base/text.h"

static const char *const spend_columns[] = { "cost_usd", "tokens_usd", "charges_usd", "in_doubt_usd", "calls", "forwarded", "refused", "input_tokens", "output_tokens", NULL };

static void put_sum(struct paper *p, const struct report_sum *sum)
{
    paper_money(p, sum->all.cost);
    paper_money(p, sum->models);
    paper_money(p, sum->charges);
    paper_money(p, sum->all.reserved_open);
    paper_number(p, sum->all.calls);
    paper_number(p, sum->all.forwarded);
    paper_number(p, sum->all.refused);
    paper_number(p, sum->all.tokens_in);
    paper_number(p, sum->all.tokens_out);
}

static void add_up(struct visit *v, struct store_reader *r)
{
    const struct report_ask *ask = v->mine;
    struct report_sums sums;
    struct paper p = report_paper(v, ask);
    v->result = report_sums(r, ask, NULL, &v->arena, &sums);
    const char *const *columns = v->result ? NULL : report_columns(&v->arena, ask, spend_columns);
    if (!columns)
        return;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    paper_open(&p);
    report_notes(&p, ask);
    paper_columns(&p, SPAN("data"), columns);
    for (size_t i = 0; i < sums.count; i++) {
        paper_row(&p);
        report_group(&p, ask, s, sums.rows[i].group);
        put_sum(&p, &sums.rows[i]);
    }
    paper_total(&p);
    report_group(&p, ask, s, NULL);
    put_sum(&p, &sums.total);
    paper_close(&p);
    snapshot_drop(s);
}

void report_spend(struct visit *v)
{
    struct report_ask *ask = v->mine = ARENA_NEW(&v->arena, struct report_ask);
    if (!ask)
        reply_store(v, E_NO_MEMORY);
    else if (report_ask(v, ask, "spend", REPORT_BY - 1))
        visit_read(v, add_up, report_reply);
}

/* ---- chargeback ---- */

enum { MONTH, LABEL }; /* what it is grouped by */

static const char *const chargeback_columns[] = { "month", "label", "cost_usd", "tokens_usd", "charges_usd", "calls", "input_tokens", "output_tokens", NULL };

static void put_share(struct paper *p, struct span month, struct span label, const struct report_sum *sum)
{
    paper_text(p, month);
    paper_text(p, label);
    paper_money(p, sum->all.cost);
    paper_money(p, sum->models);
    paper_money(p, sum->charges);
    paper_number(p, sum->all.calls);
    paper_number(p, sum->all.tokens_in);
    paper_number(p, sum->all.tokens_out);
}

static struct span month_of(int64_t at, char text[TIME_TEXT]) { return span_first(text_time(at, text), sizeof("2026-06") - 1); }

/* Month after month; in each, the dearest first. */
static int by_month(const void *a, const void *b)
{
    const struct report_sum *one = a, *other = b;
    int order = span_compare(one->group[MONTH], other->group[MONTH]);
    if (order)
        return order;
    if (one->all.cost != other->all.cost)
        return one->all.cost < other->all.cost ? 1 : -1;
    return span_compare(one->group[LABEL], other->group[LABEL]);
}

static void charge_back(struct visit *v, struct store_reader *r)
{
    const struct report_ask *ask = v->mine;
    struct report_sums sums;
    char first[TIME_TEXT], last[TIME_TEXT];
    struct paper p = report_paper(v, ask);
    struct span month = month_of(ask->filter.from, first);
    bool one_month = span_is(month, month_of(ask->filter.to - 1, last));
    v->result = report_sums(r, ask, NULL, &v->arena, &sums);
    if (v->result)
        return;
    if (sums.count)
        qsort(sums.rows, sums.count, sizeof(*sums.rows), by_month);
    paper_open(&p);
    report_notes(&p, ask);
    paper_columns(&p, SPAN("data"), chargeback_columns);
    for (size_t i = 0; i < sums.count; i++) {
        struct span label = sums.rows[i].group[LABEL];
        paper_row(&p);
        put_share(&p, sums.rows[i].group[MONTH], label.len ? label : SPAN("unlabelled"), &sums.rows[i]);
    }
    paper_total(&p);
    put_share(&p, one_month ? month : SPAN_NONE, SPAN("total"), &sums.total);
    paper_close(&p);
}

static bool read_depth(struct visit *v, struct report_ask *ask)
{
    struct span text = query_get(v, "label_depth");
    uint64_t depth = 1;
    if (text.at && (!span_to_u64(text, &depth) || depth < 1 || depth > 8)) {
        reply_problem(v, E_BAD_REQUEST, "label_depth", "found \"%.*s\"; allowed: 1 to 8, the parts of \"tenant:agent:feature\" that count", SPAN_ARG(span_first(text, 60)));
        return false;
    }
    ask->by[MONTH] = SPAN("month");
    ask->by[LABEL] = arena_print(&v->arena, "label:%d", (int)depth);
    ask->by_count = 2;
    return ask->by[LABEL].at != NULL;
}

void report_chargeback(struct visit *v)
{
    struct report_ask *ask = v->mine = ARENA_NEW(&v->arena, struct report_ask);
    if (!ask)
        reply_store(v, E_NO_MEMORY);
    else if (report_ask(v, ask, "chargeback", 0) && read_depth(v, ask))
        visit_read(v, charge_back, report_reply);
}
