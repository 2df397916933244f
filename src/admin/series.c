/* SPDX-License-Identifier: Apache-2.0
 * series.c - sums over calls by time, for charts: arrays of one length, a place in them for each step of the range, also for those in which
 * nothing was. The dearest lines stand alone, the rest is one line, and all of them add up to the total. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/clock.h"

enum { POINTS_MOST = 2000, TOP_USUAL = 8, TOP_MOST = 50 };

#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static const struct step {
    struct span name;
    int64_t ms, usual; /* usual: the range, when nothing is said */
} steps[] = { { { "minute", 6 }, MINUTE_MS, HOUR_MS }, { { "hour", 4 }, HOUR_MS, DAY_MS }, { { "day", 3 }, DAY_MS, 30 * DAY_MS } };

struct point {
    int64_t calls, refused, forwarded, errors, tokens_in, tokens_out;
    nano_usd cost;
};

struct line {
    struct span name;
    bool rest;
    nano_usd cost;
    struct point *points;
};

struct question {
    struct call_filter filter;
    const struct step *step;
    struct span by; /* SPAN_NONE: none */
    size_t top;
    int64_t first; /* where the first step begins */
    size_t points;
};

/* ---- lines ---- */

struct lines {
    struct arena *arena;
    struct line *at;
    size_t count, points;
    struct point *total;
};

static struct line *find_line(struct lines *all, const struct usage_row *row)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].rest == row->rest && !all->at[i].name.at == !row->group[1].at && span_is(all->at[i].name, row->group[1]))
            return &all->at[i];
    struct line *list = ARENA_GROW(all->arena, all->at, all->count);
    struct point *points = ARENA_ARRAY(all->arena, struct point, all->points);
    if (!list || !points)
        return NULL;
    all->at = list;
    all->at[all->count] = (struct line){ row->group[1], row->rest, 0, points };
    return &all->at[all->count++];
}

static void add(struct point *p, const struct usage_row *row)
{
    p->calls += row->calls;
    p->refused += row->refused;
    p->forwarded += row->forwarded;
    p->errors += row->errors;
    p->tokens_in = money_add(p->tokens_in, row->tokens_in);
    p->tokens_out = money_add(p->tokens_out, row->tokens_out);
    p->cost = money_add(p->cost, row->cost);
}

static int dearest(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->cost < y->cost) - (x->cost > y->cost);
}

static enum err place(struct lines *all, const struct question *q, const struct usage_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct line *line = find_line(all, &rows[i]);
        size_t at = (size_t)((rows[i].bucket - q->first) / q->step->ms);
        if (!line)
            return E_NO_MEMORY;
        if (rows[i].bucket < q->first || at >= q->points)
            continue;
        add(&line->points[at], &rows[i]);
        line->cost = money_add(line->cost, rows[i].cost);
        add(&all->total[at], &rows[i]);
    }
    if (all->count)
        qsort(all->at, all->count, sizeof(*all->at), dearest);
    return E_OK;
}

/* ---- writing ---- */

enum member { COST, CALLS, REFUSED, FORWARDED, ERRORS, TOKENS_IN, TOKENS_OUT, MEMBERS };

static int64_t value_of(const struct point *p, enum member m)
{
    const int64_t values[MEMBERS] = { p->cost, p->calls, p->refused, p->forwarded, p->errors, p->tokens_in, p->tokens_out };
    return values[m];
}

static void put_points(struct json_out *o, const struct point *points, size_t count)
{
    static const struct span names[MEMBERS] = { { "cost_usd", 8 }, { "calls", 5 }, { "refused", 7 }, { "forwarded", 9 }, { "errors", 6 },
        { "input_tokens", 12 }, { "output_tokens", 13 } };
    for (enum member m = COST; m < MEMBERS; m++) {
        json_name(o, names[m]);
        json_open(o, '[');
        for (size_t i = 0; i < count; i++)
            if (m == COST)
                json_put_money(o, value_of(&points[i], m));
            else
                json_put_i64(o, value_of(&points[i], m));
        json_close(o, ']');
    }
}

static void put_line(struct json_out *o, const struct line *line, size_t points, bool keys, const struct snapshot *s)
{
    const struct key *key = keys && line->name.at ? map_get(&s->key_by_id, line->name) : NULL;
    json_open(o, '{');
    json_pair(o, SPAN("name"), line->rest ? SPAN("other") : line->name);
    json_pair_bool(o, SPAN("rest"), line->rest);
    if (keys)
        json_pair(o, SPAN("key_name"), key ? key->name : SPAN_NONE);
    put_points(o, line->points, points);
    json_close(o, '}');
}

static void put_answer(struct visit *v, const struct question *q, const struct lines *all)
{
    struct json_out *o = &v->json;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    json_open(o, '{');
    json_pair_time(o, SPAN("from"), q->filter.from);
    json_pair_time(o, SPAN("to"), q->filter.to);
    json_pair(o, SPAN("step"), q->step->name);
    json_name(o, SPAN("at"));
    json_open(o, '[');
    for (size_t i = 0; i < q->points; i++)
        json_put_time(o, q->first + (int64_t)i * q->step->ms);
    json_close(o, ']');
    json_name(o, SPAN("series"));
    json_open(o, '[');
    for (size_t i = 0; i < all->count; i++)
        if (q->by.at && !all->at[i].rest)
            put_line(o, &all->at[i], q->points, span_is(q->by, SPAN("key")), s);
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].rest)
            put_line(o, &all->at[i], q->points, false, s);
    json_close(o, ']');
    json_name(o, SPAN("total"));
    json_open(o, '{');
    put_points(o, all->total, q->points);
    json_close(o, '}');
    json_close(o, '}');
    snapshot_drop(s);
}

static void draw(struct visit *v, struct store_reader *r)
{
    const struct question *q = v->mine;
    struct usage_row *rows = NULL;
    size_t count = 0;
    struct lines all = { .arena = &v->arena, .points = q->points, .total = ARENA_ARRAY(&v->arena, struct point, q->points) };
    v->result = all.total ? store_series(r, &q->filter, q->step->name, q->by, q->top, &v->arena, &rows, &count) : E_NO_MEMORY;
    if (!v->result)
        v->result = place(&all, q, rows, count);
    if (!v->result)
        put_answer(v, q, &all);
}

/* ---- what is asked for ---- */

static bool read_step(struct visit *v, struct question *q)
{
    struct span text = query_get(v, "step");
    q->step = text.at ? NULL : &steps[1];
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (span_is(text, steps[i].name))
            q->step = &steps[i];
    if (!q->step)
        reply_problem(v, E_BAD_REQUEST, "step", "found \"%.*s\"; allowed: minute, hour, day", SPAN_ARG(span_first(text, 60)));
    return q->step;
}

static bool read_by(struct visit *v, struct question *q)
{
    static const struct span names[] = { { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "key", 3 }, { "workspace", 9 }, { "verdict", 7 }, { "credential", 10 }, { "denied", 6 }, { "label", 5 } };
    struct span text = query_get(v, "by");
    bool known = !text.at || span_is(text, SPAN("none")) || (span_starts(text, SPAN("label:")) && store_dimension(text));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        known = known || span_is(text, names[i]);
    q->by = span_is(text, SPAN("none")) ? SPAN_NONE : text;
    if (!known)
        reply_problem(v, E_BAD_REQUEST, "by", "found \"%.*s\"; allowed: none, vendor, operation, model, key, label, label:N, workspace, verdict, credential, denied", SPAN_ARG(span_first(text, 60)));
    return known;
}

static bool read_top(struct visit *v, struct question *q)
{
    struct span text = query_get(v, "top");
    uint64_t n = TOP_USUAL;
    if (text.at && (!span_to_u64(text, &n) || n < 1 || n > TOP_MOST)) {
        reply_problem(v, E_BAD_REQUEST, "top", "found \"%.*s\"; allowed: 1 to %d", SPAN_ARG(span_first(text, 60)), TOP_MOST);
        return false;
    }
    q->top = (size_t)n;
    return true;
}

/* The steps that the range touches; without one, the usual range up to now. */
static bool read_range(struct visit *v, struct question *q)
{
    struct call_filter *f = &q->filter;
    if (!usage_range(v, f))
        return false;
    f->to = f->to ? f->to : clock_unix_ms();
    f->from = f->from ? f->from : f->to - q->step->usual;
    q->first = f->from - f->from % q->step->ms;
    int64_t points = f->to > f->from ? (f->to - q->first + q->step->ms - 1) / q->step->ms : 0;
    if (f->from > 0 && points >= 1 && points <= POINTS_MOST) {
        q->points = (size_t)points;
        return true;
    }
    reply_problem(v, E_BAD_REQUEST, "from", "from, to and step come to %lld points; allowed: 1 to %d", (long long)points, POINTS_MOST);
    return false;
}

void series_get(struct visit *v)
{
    struct question *q = v->mine = ARENA_NEW(&v->arena, struct question);
    if (!q) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    if (!calls_filter(v, &q->filter) || !read_step(v, q) || !read_by(v, q) || !read_top(v, q) || !read_range(v, q))
        return;
    q->filter.step = SPAN_NONE; /* the word is the chart's here */
    visit_read(v, draw, reply_read);
}
