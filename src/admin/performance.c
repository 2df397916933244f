/* SPDX-License-Identifier: Apache-2.0
 * performance.c - GET /performance: how fast, how good and how dear targets were. Percentiles are read from histograms that the store keeps
 * in slots of ten minutes, so any range costs the same few rows, however many calls there were. */
#include "admin/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define USUAL_MS (INT64_C(24) * 60 * 60 * 1000)

struct range {
    struct span by;
    int64_t from, to;
    struct store_speed *rows;
    size_t count;
};

static void put_ms(struct json_out *o, struct span name, int64_t ms)
{
    json_name(o, name);
    if (ms < 0)
        json_put_null(o);
    else
        json_put_i64(o, ms);
}

/* Four decimals: "0.0125". */
static void put_rate(struct json_out *o, struct span name, int64_t part, int64_t whole)
{
    char text[32];
    int64_t rate = whole > 0 ? money_mul_div_near(part, 10000, whole) : 0;
    snprintf(text, sizeof(text), "%lld.%04lld", (long long)(rate / 10000), (long long)(rate % 10000));
    json_pair_raw(o, name, span_of(text));
}

static void put_row(struct json_out *o, const struct store_speed *s)
{
    int64_t went = s->calls - s->refused;
    json_open(o, '{');
    json_pair(o, SPAN("name"), s->name);
    json_pair_i64(o, SPAN("calls"), s->calls);
    json_pair_i64(o, SPAN("errors"), s->errors);
    put_rate(o, SPAN("error_rate"), s->errors, went);
    json_pair_i64(o, SPAN("refused"), s->refused);
    put_ms(o, SPAN("p50_ms"), s->p50);
    put_ms(o, SPAN("p95_ms"), s->p95);
    put_ms(o, SPAN("p99_ms"), s->p99);
    put_ms(o, SPAN("first_byte_p50_ms"), s->first_p50);
    put_ms(o, SPAN("first_byte_p95_ms"), s->first_p95);
    put_ms(o, SPAN("gap_p95_ms"), s->gap_p95);
    json_pair_money(o, SPAN("cost_usd"), s->cost);
    json_pair_money(o, SPAN("usd_per_call"), went > 0 ? money_mul_div_near(s->cost, 1, went) : 0);
    json_pair_i64(o, SPAN("input_tokens"), s->tokens_in);
    json_pair_i64(o, SPAN("output_tokens"), s->tokens_out);
    json_close(o, '}');
}

/* The most called first. */
static int by_calls(const void *a, const void *b)
{
    const struct store_speed *one = a, *other = b;
    return one->calls != other->calls ? (one->calls < other->calls ? 1 : -1) : span_compare(one->name, other->name);
}

static void query(struct visit *v, struct store_reader *r)
{
    struct range *q = v->mine;
    v->result = store_speeds(r, q->by, v->actor.workspace, q->from, q->to, &v->arena, &q->rows, &q->count);
    if (v->result)
        return;
    if (q->count)
        qsort(q->rows, q->count, sizeof(*q->rows), by_calls);
    json_open(&v->json, '{');
    json_pair_time(&v->json, SPAN("from"), q->from);
    json_pair_time(&v->json, SPAN("to"), q->to);
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    for (size_t i = 0; i < q->count; i++)
        put_row(&v->json, &q->rows[i]);
    json_close(&v->json, ']');
    json_close(&v->json, '}');
}

static bool read_by(struct visit *v, struct span *out)
{
    static const char *const allowed[] = { "vendor", "operation", "model", "credential" };
    struct span by = query_get(v, "by");
    *out = by.at ? by : SPAN("vendor");
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
        if (span_is(*out, span_of(allowed[i])))
            return true;
    reply_problem(v, E_BAD_REQUEST, "by", "found \"%.*s\"; allowed: vendor, operation, model, credential", SPAN_ARG(span_first(by, 60)));
    return false;
}

void performance_get(struct visit *v)
{
    struct range *q = ARENA_NEW(&v->arena, struct range);
    if (!q) {
        reply_problem(v, E_NO_MEMORY, NULL, "ask again later");
        return;
    }
    if (!read_by(v, &q->by) || !query_time(v, "from", &q->from) || !query_time(v, "to", &q->to))
        return;
    if (!q->from)
        q->from = (q->to ? q->to : clock_unix_ms()) - USUAL_MS;
    v->mine = q;
    visit_read(v, query, reply_read);
}
