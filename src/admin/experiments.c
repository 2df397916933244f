/* SPDX-License-Identifier: Apache-2.0
 * experiments.c - what models compared on mirrored calls are worth (rules/experiment.h): counted anew from the rows of their pairs. */
#include <stdio.h>

#include "admin/inside.h"
#include "rules/call_id.h"
#include "rules/experiment.h"
#include "rules/row.h"

enum { GROUPS_MOST = 1000 };

/* Pairs are comparable as long as the two models and the judge are the same. */
struct group {
    struct span name, workspace, first, second, judge;
    struct experiment_sums sums;
    int64_t first_at, last_at;
};

struct look {
    struct visit *visit;
    int64_t from;
    struct json *json;
    struct span workspace; /* SPAN_NONE: all */
    struct group *list;
    size_t count;
    bool full;
};

static struct group *find_group(struct look *r, const struct group *like)
{
    for (size_t i = 0; i < r->count; i++) {
        struct group *g = &r->list[i];
        if (span_is(g->name, like->name) && span_is(g->workspace, like->workspace) && span_is(g->first, like->first) && span_is(g->second, like->second) && span_is(g->judge, like->judge))
            return g;
    }
    if (r->count == GROUPS_MOST) {
        r->full = true;
        return NULL;
    }
    struct arena *a = &r->visit->arena;
    struct group *g = &r->list[r->count++];
    *g = (struct group){ arena_copy(a, like->name), arena_copy(a, like->workspace), arena_copy(a, like->first), arena_copy(a, like->second), arena_copy(a, like->judge), .first_at = 0 };
    return g;
}

static int64_t money_at(struct json_value v, const char *path, struct arena *a)
{
    int64_t nano = 0;
    struct span text = json_decimal(json_path(v, span_of(path)), a);
    return money_parse(text, &nano) ? nano : 0;
}

static int64_t number_at(struct json_value v, const char *path)
{
    int64_t n = 0;
    return json_integer(json_path(v, span_of(path)), &n) ? n : 0;
}

static struct span text_at(struct json_value v, const char *path) { return json_string(json_path(v, span_of(path))); }

static void take(struct look *r, const struct row_value values[ROW_TAGS])
{
    struct arena *a = &r->visit->arena;
    struct arena_mark mark = arena_mark(a);
    struct json_value v;
    struct compared c = { .contradicted = false };
    const char *why = "";
    if (json_parse(r->json, values[ROW_PAIR].text, false, &v, &why) != E_OK || !pair_verdict_read(text_at(v, "verdict"), &c.verdict))
        return;
    (void)json_bool(json_path(v, SPAN("contradicted")), &c.contradicted);
    c.first_cost = money_at(v, "first.cost_usd", a);
    c.second_cost = money_at(v, "second.cost_usd", a);
    c.judge_cost = money_at(v, "judge.cost_usd", a);
    c.first_ms = number_at(v, "first.ms");
    c.second_ms = number_at(v, "second.ms");
    arena_rewind(a, mark);
    struct group *g = find_group(r, &(struct group){ values[ROW_EXPERIMENT].text, values[ROW_WORKSPACE].text, text_at(v, "first.model"), text_at(v, "second.model"), text_at(v, "judge.model"), .first_at = 0 });
    if (!g)
        return;
    experiment_add(&g->sums, &c);
    g->first_at = g->first_at ? g->first_at : values[ROW_AT].number;
    g->last_at = values[ROW_AT].number;
}

static void take_row(void *self, struct span row)
{
    struct look *r = self;
    struct row_value values[ROW_TAGS];
    row_read(row, values);
    bool ours = values[ROW_PAIR].bytes && (!r->visit->id.at || span_is(r->visit->id, values[ROW_EXPERIMENT].text)) &&
                (!r->workspace.at || span_is(r->workspace, values[ROW_WORKSPACE].text));
    if (ours)
        take(r, values);
}

/* ---- the answer ---- */

static void put_decimal(struct json_out *o, const char *name, double value, int digits)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%.*f", digits, value);
    json_pair_raw(o, span_of(name), span_make(text, (size_t)n));
}

static void put_interval(struct json_out *o, const char *name, const struct interval *i, int digits)
{
    json_name(o, span_of(name));
    json_open(o, '{');
    put_decimal(o, "low", i->low, digits);
    put_decimal(o, "mid", i->mid, digits);
    put_decimal(o, "high", i->high, digits);
    json_close(o, '}');
}

static int64_t whole(double nano) { return (int64_t)(nano < 0 ? nano - 0.5 : nano + 0.5); }

static void put_cost(struct json_out *o, const struct experiment_sums *s, const struct interval *d)
{
    json_name(o, SPAN("cost_usd"));
    json_open(o, '{');
    json_pair_money(o, SPAN("first"), whole(s->first_cost.mean));
    json_pair_money(o, SPAN("second"), whole(s->second_cost.mean));
    json_name(o, SPAN("difference"));
    json_open(o, '{');
    json_pair_money(o, SPAN("low"), whole(d->low));
    json_pair_money(o, SPAN("mid"), whole(d->mid));
    json_pair_money(o, SPAN("high"), whole(d->high));
    json_close(o, '}');
    json_close(o, '}');
}

static void put_group(struct json_out *o, const struct group *g)
{
    static const char *const recommendations[] = { "none", "first", "second" };
    const struct experiment_sums *s = &g->sums;
    struct experiment_view view = experiment_view(s);
    json_open(o, '{');
    json_pair(o, SPAN("experiment"), g->name);
    json_pair(o, SPAN("workspace"), g->workspace);
    json_pair(o, SPAN("first"), g->first);
    json_pair(o, SPAN("second"), g->second);
    json_pair(o, SPAN("judge"), g->judge);
    json_pair_i64(o, SPAN("judged"), view.judged);
    json_pair_i64(o, SPAN("wins"), s->wins);
    json_pair_i64(o, SPAN("losses"), s->losses);
    json_pair_i64(o, SPAN("ties"), s->ties);
    json_pair_i64(o, SPAN("no_answer"), s->no_answer);
    json_pair_i64(o, SPAN("contradicted"), s->contradicted);
    json_pair_i64(o, SPAN("unjudged"), s->unjudged);
    put_interval(o, "win_rate", &view.win_rate, 4);
    put_cost(o, s, &view.cost);
    json_name(o, SPAN("latency_ms"));
    json_open(o, '{');
    put_decimal(o, "first", s->first_ms.mean, 1);
    put_decimal(o, "second", s->second_ms.mean, 1);
    put_interval(o, "difference", &view.ms, 1);
    json_close(o, '}');
    json_pair_money(o, SPAN("judge_cost_usd"), s->judge_cost);
    json_pair(o, SPAN("recommendation"), span_of(recommendations[view.recommendation]));
    json_pair(o, SPAN("why"), span_of(view.why));
    json_pair_time(o, SPAN("first_at"), g->first_at);
    json_pair_time(o, SPAN("last_at"), g->last_at);
    json_close(o, '}');
}

static void put_answer(struct visit *v, const struct look *r)
{
    struct json_out *o = &v->json;
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < r->count; i++)
        put_group(o, &r->list[i]);
    json_close(o, ']');
    json_close(o, '}');
}

static void read_pairs(struct visit *v, struct store_reader *reader)
{
    struct look *r = v->mine;
    r->json = json_new();
    v->result = r->json ? store_events_named(reader, SPAN(EXPERIMENT_PAIR), r->from > 0 ? call_id_floor(r->from) : 0, take_row, r) : E_NO_MEMORY;
    json_free(r->json);
    if (v->result == E_OK && (r->full || v->arena.broken))
        v->result = E_TOO_LARGE;
    if (v->result == E_OK)
        put_answer(v, r);
}

static void reply(struct visit *v)
{
    const struct look *r = v->mine;
    if (v->result == E_OK && v->id.at && !r->count)
        reply_problem(v, E_NOT_FOUND, NULL, "no pair of an experiment \"%.*s\" was recorded yet", SPAN_ARG(span_first(v->id, 64)));
    else
        reply_read(v);
}

void experiments_get(struct visit *v)
{
    struct look *r = v->mine = ARENA_NEW(&v->arena, struct look);
    struct group *list = ARENA_ARRAY(&v->arena, struct group, GROUPS_MOST);
    if (!r || !list) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    *r = (struct look){ .visit = v, .workspace = v->actor.workspace.at ? v->actor.workspace : query_get(v, "workspace"), .list = list };
    if (query_time(v, "from", &r->from))
        visit_read(v, read_pairs, reply);
}
