/* SPDX-License-Identifier: Apache-2.0
 * report_units.c - GET /reports/units: what one of a thing costs: a call, a thousand tokens, a message, a refund, a run. Quotients are
 * rounded to the nano-dollar; where there was none of a thing, its price is null. */
#include "admin/report.h"

enum { UNITS_BY = 2, THOUSAND = 1000 };

static const char *const columns[] = { "cost_usd", "calls", "usd_per_call", "tokens_usd", "tokens", "usd_per_1k_tokens", "messages_usd", "messages", "usd_per_message", "refunds_usd",
    "refunds", "usd_per_refund", NULL };

static void put_unit(struct paper *p, nano_usd cost, int64_t count, int64_t of)
{
    paper_money(p, cost);
    paper_number(p, count);
    if (count > 0)
        paper_money(p, money_mul_div_near(cost, of, count));
    else
        paper_none(p);
}

static void put_units(struct paper *p, const struct report_sum *sum)
{
    put_unit(p, sum->all.cost, sum->all.forwarded, 1);
    put_unit(p, sum->models, sum->model_tokens, THOUSAND);
    put_unit(p, sum->messages_cost, sum->messages, 1);
    put_unit(p, sum->refunds_cost, sum->refunds, 1);
}

/* A run's sum is of all it did: what it did with one key, vendor, operation or model has a cost, but is no run. */
static bool is_of_whole_runs(const struct call_filter *f) { return !f->key.at && !f->vendor.at && !f->operation.at && !f->model.at; }

static enum err note_runs(struct paper *p, const struct report_ask *ask, struct store_reader *r)
{
    int64_t count;
    nano_usd cost;
    if (!is_of_whole_runs(&ask->filter)) {
        paper_note(p, SPAN("runs"), SPAN_NONE);
        paper_note(p, SPAN("runs_usd"), SPAN_NONE);
        paper_note(p, SPAN("usd_per_run"), SPAN_NONE);
        return E_OK;
    }
    enum err e = store_runs_begun(r, &ask->filter, &count, &cost);
    paper_note_number(p, SPAN("runs"), count);
    paper_note_money(p, SPAN("runs_usd"), cost);
    if (count > 0)
        paper_note_money(p, SPAN("usd_per_run"), money_mul_div_near(cost, 1, count));
    else
        paper_note(p, SPAN("usd_per_run"), SPAN_NONE);
    return e;
}

static enum err write_units(struct visit *v, const struct report_ask *ask, struct store_reader *r, const struct snapshot *s)
{
    struct report_sums sums;
    struct paper p = report_paper(v, ask);
    enum err e = report_sums(r, ask, s, &v->arena, &sums);
    const char *const *names = e ? NULL : report_columns(&v->arena, ask, columns);
    if (!names)
        return e ? e : E_NO_MEMORY;
    paper_open(&p);
    report_notes(&p, ask);
    e = note_runs(&p, ask, r);
    paper_columns(&p, SPAN("data"), names);
    for (size_t i = 0; i < sums.count; i++) {
        paper_row(&p);
        report_group(&p, ask, s, sums.rows[i].group);
        put_units(&p, &sums.rows[i]);
    }
    paper_total(&p);
    report_group(&p, ask, s, NULL);
    put_units(&p, &sums.total);
    paper_close(&p);
    return e;
}

static void find_units(struct visit *v, struct store_reader *r)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    v->result = write_units(v, v->mine, r, s);
    snapshot_drop(s);
}

void report_units(struct visit *v)
{
    struct report_ask *ask = v->mine = ARENA_NEW(&v->arena, struct report_ask);
    if (!ask)
        reply_store(v, E_NO_MEMORY);
    else if (report_ask(v, ask, "units", UNITS_BY))
        visit_read(v, find_units, report_reply);
}
