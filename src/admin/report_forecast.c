/* SPDX-License-Identifier: Apache-2.0
 * report_forecast.c - GET /reports/forecast: what this month will have cost at its end, by UTC's calendar, in all and by a dimension. The
 * method is bill/forecast.h's; the answer names it, and says so when there is too little to go by. */
#include "admin/report.h"
#include "bill/forecast.h"

#include <stdlib.h>

#include "base/text.h"

enum { FORECAST_BY = 2, MONDAY = 3 /* the epoch's first day was a Thursday */, WEEK = 7 };
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static const char *const columns[] = { "spent_usd", "expected_usd", "low_usd", "high_usd", "method", "days", NULL };

struct calendar {
    int64_t today, month_from, month_to; /* days since the epoch; [from, to) */
    int64_t now;
};

/* What one group cost on each day, the oldest first; the last one is today. */
struct line {
    struct span group[REPORT_BY];
    nano_usd days[FORECAST_DAYS + 1], spent;
    size_t first; /* the first day on which anything was called */
};

struct lines {
    struct line *at;
    size_t count;
    struct line total;
};

static struct calendar calendar_of(const struct report_ask *ask)
{
    return (struct calendar){ .today = ask->now / DAY_MS, .month_from = ask->filter.from / DAY_MS, .month_to = ask->filter.to / DAY_MS, .now = ask->now };
}

static void note_day(struct line *l, const struct calendar *c, int64_t day, nano_usd cost)
{
    int64_t at = day - (c->today - FORECAST_DAYS);
    if (at >= 0 && at <= FORECAST_DAYS) {
        l->days[at] = money_add(l->days[at], cost);
        l->first = (size_t)at < l->first ? (size_t)at : l->first;
    }
    if (day >= c->month_from)
        l->spent = money_add(l->spent, cost);
}

static int by_group(const void *a, const void *b)
{
    const struct usage_row *one = a, *other = b;
    for (int i = 1; i < REPORT_BY; i++) {
        int order = span_compare(one->group[i], other->group[i]);
        if (order)
            return order;
    }
    return span_compare(one->group[0], other->group[0]);
}

static bool same_group(const struct line *l, const struct usage_row *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!span_is(l->group[i], row->group[i + 1]) || !l->group[i].at != !row->group[i + 1].at)
            return false;
    return true;
}

/* Rows of one group stand together once they are sorted. */
static bool collect(struct lines *out, const struct report_ask *ask, const struct calendar *c, struct usage_row *rows, size_t count, struct arena *a)
{
    int64_t ms;
    out->total.first = FORECAST_DAYS;
    if (count)
        qsort(rows, count, sizeof(*rows), by_group);
    for (size_t i = 0; i < count; i++) {
        struct line *l = out->count ? &out->at[out->count - 1] : NULL;
        if (!l || !same_group(l, &rows[i], ask->by_count)) {
            struct line *more = arena_grow(a, out->at, sizeof(*more), out->count);
            if (!more)
                return false;
            out->at = more;
            l = &more[out->count++];
            *l = (struct line){ .first = FORECAST_DAYS };
            memcpy(l->group, rows[i].group + 1, ask->by_count * sizeof(*l->group));
        }
        if (!text_time_parse(rows[i].group[0], &ms))
            return false;
        note_day(l, c, ms / DAY_MS, rows[i].cost);
        note_day(&out->total, c, ms / DAY_MS, rows[i].cost);
    }
    return true;
}

static struct forecast foresee(const struct line *l, const struct calendar *c)
{
    struct forecast_ask ask = { .days = l->days + l->first, .count = FORECAST_DAYS - l->first, .today_weekday = (int)((c->today + MONDAY) % WEEK),
        .today_left_ms = DAY_MS - c->now % DAY_MS, .days_to_come = (int)(c->month_to - c->today - 1), .spent = l->spent };
    return forecast(&ask);
}

static void put_forecast(struct paper *p, const struct line *l, const struct calendar *c)
{
    struct forecast f = foresee(l, c);
    bool known = f.method != FORECAST_TOO_LITTLE;
    paper_money(p, l->spent);
    if (known) {
        paper_money(p, f.expected);
        paper_money(p, f.low);
        paper_money(p, f.high);
    }
    for (int i = 0; !known && i < 3; i++)
        paper_none(p);
    paper_text(p, forecast_method_name(f.method));
    paper_number(p, (int64_t)f.days);
}

static int highest_first(const void *a, const void *b)
{
    const struct line *one = a, *other = b;
    return one->spent == other->spent ? 0 : one->spent < other->spent ? 1 : -1;
}

static void write_forecast(struct visit *v, const struct report_ask *ask, struct lines *lines, const struct calendar *c)
{
    struct paper p = report_paper(v, ask);
    const char *const *names = report_columns(&v->arena, ask, columns);
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    if (lines->count)
        qsort(lines->at, lines->count, sizeof(*lines->at), highest_first);
    paper_open(&p);
    report_notes(&p, ask);
    paper_note(&p, SPAN("interval"), SPAN("80%"));
    paper_note(&p, SPAN("timezone"), SPAN("UTC"));
    paper_columns(&p, SPAN("data"), names);
    for (size_t i = 0; i < lines->count; i++) {
        paper_row(&p);
        report_group(&p, ask, s, lines->at[i].group);
        put_forecast(&p, &lines->at[i], c);
    }
    paper_total(&p);
    report_group(&p, ask, s, NULL);
    put_forecast(&p, &lines->total, c);
    paper_close(&p);
    snapshot_drop(s);
}

static void look_ahead(struct visit *v, struct store_reader *r)
{
    const struct report_ask *ask = v->mine;
    struct calendar c = calendar_of(ask);
    struct call_filter f = ask->filter;
    struct lines lines = { .at = NULL };
    struct span by[REPORT_BY] = { { "day", 3 } };
    struct usage_row *rows = NULL;
    size_t count = 0;
    int64_t first = c.today - FORECAST_DAYS < c.month_from ? c.today - FORECAST_DAYS : c.month_from;
    f.from = first * DAY_MS;
    f.to = 0;
    memcpy(by + 1, ask->by, ask->by_count * sizeof(*by));
    v->result = store_usage(r, &f, by, ask->by_count + 1, &v->arena, &rows, &count);
    if (!v->result && !collect(&lines, ask, &c, rows, count, &v->arena))
        v->result = E_NO_MEMORY;
    if (!v->result)
        write_forecast(v, ask, &lines, &c);
}

void report_forecast(struct visit *v)
{
    struct report_ask *ask = v->mine = ARENA_NEW(&v->arena, struct report_ask);
    if (!ask)
        reply_store(v, E_NO_MEMORY);
    else if (report_ask(v, ask, "forecast", FORECAST_BY))
        visit_read(v, look_ahead, report_reply);
}
