/* SPDX-License-Identifier: Apache-2.0
 * runs.c - what a run cost: everything that carried one x-agent-run-id, tokens and charges together. */
#include "admin/inside.h"
#include "base/clock.h"

enum { RUNS_USUAL = 100, RUNS_MOST = 1000 };

/* The stop that holds this run, be it the run's own or one of everything. */
static void put_stopped(struct json_out *o, const struct stop_set *stops, struct span run)
{
    struct facts facts = { .run = run, .writes = true };
    const struct stop *stop = stop_set_match(stops, &facts, clock_unix_ms());
    json_name(o, SPAN("stopped"));
    if (stop)
        stops_write(o, stop);
    else
        json_put_null(o);
}

void runs_list(struct visit *v)
{
    struct json_out *o = &v->json;
    struct usage_row *rows = NULL;
    struct span next = SPAN_NONE;
    size_t count = 0;
    int limit;
    if (!query_limit(v, RUNS_USUAL, RUNS_MOST, &limit))
        return;
    visit_catch_up(v);
    enum err e = store_runs(v->admin->reader, query_get(v, "cursor"), limit, &v->arena, &rows, &count, &next);
    if (e) {
        reply_store(v, e);
        return;
    }
    struct stop_set *stops = gate_stops(v->admin->parts.gate);
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("run"), rows[i].group[0]);
        json_pair(o, SPAN("workspace"), rows[i].group[1]);
        usage_write_sums(o, SPAN("total_usd"), &rows[i]);
        put_stopped(o, stops, rows[i].group[0]);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_pair(o, SPAN("next_cursor"), next);
    json_close(o, '}');
    stop_set_drop(stops);
    reply_json(v, 200);
}

static enum err put_by(struct visit *v, const struct call_filter *f, struct span dimension)
{
    struct usage_row *rows = NULL;
    size_t count = 0;
    struct json_out *o = &v->json;
    enum err e = store_usage(v->admin->reader, f, &dimension, 1, &v->arena, &rows, &count);
    if (e)
        return e;
    json_name(o, arena_print(&v->arena, "by_%.*s", SPAN_ARG(dimension)));
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        json_pair(o, dimension, rows[i].group[0]);
        usage_write_sums(o, SPAN("cost_usd"), &rows[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
    return E_OK;
}

static enum err put_run(struct visit *v, const struct call_filter *f)
{
    static const struct span dimensions[] = { { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "step", 4 }, { "key", 3 } };
    struct usage_row *total = NULL;
    size_t count = 0;
    enum err e = store_usage(v->admin->reader, f, NULL, 0, &v->arena, &total, &count);
    if (e)
        return e;
    if (!count || !total->calls)
        return E_NOT_FOUND;
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("run"), v->id);
    usage_write_sums(&v->json, SPAN("total_usd"), total);
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(*dimensions) && !e; i++)
        e = put_by(v, f, dimensions[i]);
    struct stop_set *stops = gate_stops(v->admin->parts.gate);
    put_stopped(&v->json, stops, v->id);
    stop_set_drop(stops);
    json_close(&v->json, '}');
    return e;
}

void runs_get(struct visit *v)
{
    struct call_filter f = { .run = v->id };
    visit_catch_up(v);
    enum err e = put_run(v, &f);
    if (e == E_NOT_FOUND)
        reply_problem(v, e, NULL, "no call carried the run id \"%.*s\"", SPAN_ARG(span_first(v->id, 128)));
    else if (e)
        reply_store(v, e);
    else
        reply_json(v, 200);
}
