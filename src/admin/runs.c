/* SPDX-License-Identifier: Apache-2.0
 * runs.c - what a run cost: everything that carried one x-agent-run-id, tokens and charges together. */
#include "admin/inside.h"
#include "base/clock.h"

enum { RUNS_USUAL = 100, RUNS_MOST = 1000 };

/* The stop that holds this run, be it the run's own or one of everything. */
static void put_stopped(struct json_out *o, const struct stop_set *stops, struct span run, struct span workspace)
{
    struct facts facts = { .run = run, .workspace = workspace, .writes = true };
    const struct stop *stop = stop_set_match(stops, &facts, clock_unix_ms());
    json_name(o, SPAN("stopped"));
    if (stop)
        stops_write(o, stop);
    else
        json_put_null(o);
}

static void put_runs(struct visit *v, const struct usage_row *rows, size_t count, struct span next)
{
    struct json_out *o = &v->json;
    struct stop_set *stops = gate_stops(v->admin->parts.gate);
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("run"), rows[i].group[0]);
        json_pair(o, SPAN("workspace"), rows[i].group[1]);
        usage_write_sums(o, SPAN("total_usd"), &rows[i]);
        put_stopped(o, stops, rows[i].group[0], rows[i].group[1]);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_pair(o, SPAN("next_cursor"), next);
    json_close(o, '}');
    stop_set_drop(stops);
}

struct question {
    struct run_filter filter;
    int limit;
};

static void list_runs(struct visit *v, struct store_reader *r)
{
    const struct question *q = v->mine;
    struct usage_row *rows = NULL;
    struct span next = SPAN_NONE;
    size_t count = 0;
    v->result = store_runs(r, &q->filter, query_get(v, "cursor"), q->limit, &v->arena, &rows, &count, &next);
    if (!v->result)
        put_runs(v, rows, count, next);
}

static bool read_filter(struct visit *v, struct run_filter *f)
{
    struct span key = query_get(v, "key");
    *f = (struct run_filter){ .workspace = query_get(v, "workspace"), .label = query_get(v, "label"), .q = query_get(v, "q") };
    f->key = key.at ? visit_key_id(v, key) : SPAN_NONE;
    return visit_workspace(v, &f->workspace) && query_time(v, "from", &f->from) && query_time(v, "to", &f->to);
}

void runs_list(struct visit *v)
{
    struct question *q = v->mine = ARENA_NEW(&v->arena, struct question);
    if (!q)
        reply_store(v, E_NO_MEMORY);
    else if (read_filter(v, &q->filter) && query_limit(v, RUNS_USUAL, RUNS_MOST, &q->limit))
        visit_read(v, list_runs, reply_read);
}

static void put_by(struct visit *v, struct span dimension, const struct usage_list *list)
{
    struct json_out *o = &v->json;
    json_name(o, arena_print(&v->arena, "by_%.*s", SPAN_ARG(dimension)));
    json_open(o, '[');
    for (size_t i = 0; i < list->count; i++) {
        json_open(o, '{');
        json_pair(o, dimension, list->rows[i].group[0]);
        usage_write_sums(o, SPAN("cost_usd"), &list->rows[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static enum err put_run(struct visit *v, struct store_reader *r, const struct call_filter *f)
{
    static const struct span dimensions[] = { { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "step", 4 }, { "key", 3 } };
    enum { DIMENSIONS = sizeof(dimensions) / sizeof(*dimensions) };
    struct usage_list lists[DIMENSIONS + 1], *total = &lists[DIMENSIONS];
    enum err e = store_usage_each(r, f, dimensions, DIMENSIONS, &v->arena, lists);
    if (e)
        return e;
    if (!total->count || !total->rows->calls)
        return E_NOT_FOUND;
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("run"), v->id);
    usage_write_sums(&v->json, SPAN("total_usd"), total->rows);
    for (size_t i = 0; i < DIMENSIONS; i++)
        put_by(v, dimensions[i], &lists[i]);
    struct stop_set *stops = gate_stops(v->admin->parts.gate);
    put_stopped(&v->json, stops, v->id, v->actor.workspace);
    stop_set_drop(stops);
    json_close(&v->json, '}');
    return e;
}

static void get_run(struct visit *v, struct store_reader *r)
{
    struct call_filter f = { .run = v->id, .workspace = v->actor.workspace };
    v->result = put_run(v, r, &f);
}

static void reply_run(struct visit *v)
{
    if (v->result == E_NOT_FOUND)
        reply_problem(v, E_NOT_FOUND, NULL, "no call carried the run id \"%.*s\"", SPAN_ARG(span_first(v->id, 128)));
    else
        reply_read(v);
}

void runs_get(struct visit *v) { visit_read(v, get_run, reply_run); }
